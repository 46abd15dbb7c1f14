//! Statuses and error bodies: one table for every way a request is turned back.
//!
//! The cause is a fact from within; here it gets its status, its type and code in the caller's dialect, and its words. No
//! prompt, key or vendor body is ever among them.

use crate::chat::{Endpoint, LookError};
use crate::clock::Moment;
use crate::dialect::openai::error_body;
use crate::governance::budget::Standing;
use crate::governance::gate::{Denial, Reason, retry_after};
use crate::pipeline::{Failure, Refusal};
use http::StatusCode;
use serde::Serialize;
use std::borrow::Cow;
use std::time::Duration;

/// A request turned back, in the caller's dialect.
#[derive(Debug, Clone)]
pub struct Refused {
    /// The status.
    pub status: StatusCode,
    /// The error's `type`.
    pub kind: &'static str,
    /// The error's `code`.
    pub code: Option<&'static str>,
    /// For people.
    pub message: Cow<'static, str>,
    /// The field it is about.
    pub param: Option<Box<str>>,
    /// Who turned it back, in metrics and records.
    pub source: &'static str,
    /// The budget or limit that was short.
    pub scope: Option<Box<str>>,
    /// The rule that denied it.
    pub rule: Option<Box<str>>,
    /// The code to show, where a rule names its own.
    pub code_shown: Option<Box<str>>,
    /// The budget's figures.
    pub budget: Option<Box<Standing>>,
    /// When it may be tried again.
    pub retry_after: Option<Duration>,
    /// Whether trying again is of no use.
    pub final_word: bool,
    /// Whether it is answered as a refusal of the model's own.
    pub soft: bool,
    /// The method that would do.
    pub allow: Option<&'static str>,
    /// Whether the connection can go on: not while an unread body is in the way.
    pub close: bool,
}

/// A provider that asks for more is not quoted: nobody waits that long.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// How soon a credential may be here that is not.
const VAULT_WAIT: Duration = Duration::from_secs(5);

const INVALID: &str = "invalid_request_error";

fn refused(
    status: StatusCode,
    kind: &'static str,
    code: Option<&'static str>,
    message: impl Into<Cow<'static, str>>,
) -> Refused {
    Refused {
        status,
        kind,
        code,
        message: message.into(),
        param: None,
        source: "request",
        scope: None,
        rule: None,
        code_shown: None,
        budget: None,
        retry_after: None,
        final_word: false,
        soft: false,
        allow: None,
        close: false,
    }
}

impl Refused {
    pub(super) fn version() -> Self {
        let message = "HTTP/1.0 is not spoken here: use HTTP/1.1 or HTTP/2";
        Self {
            close: true,
            ..refused(StatusCode::BAD_REQUEST, INVALID, None, message)
        }
    }

    pub(super) fn twice(what: &str) -> Self {
        refused(
            StatusCode::BAD_REQUEST,
            INVALID,
            None,
            format!("{what} is given twice, and not the same: send it once"),
        )
    }

    pub(super) fn host(host: &str) -> Self {
        let shown: String = host
            .chars()
            .filter(char::is_ascii_graphic)
            .take(100)
            .collect();
        let message = format!(
            "host `{shown}` is not one this gateway answers to: use localhost or a loopback address, or add the name to `hosts` in its configuration"
        );
        let refusal = refused(
            StatusCode::MISDIRECTED_REQUEST,
            "permission_error",
            Some("host_not_allowed"),
            message,
        );
        Self {
            source: "door",
            ..refusal
        }
    }

    pub(super) fn origin() -> Self {
        let message = "requests from web pages are not answered: this gateway is for programs. An origin can be allowed by `origins` in its configuration";
        let refusal = refused(
            StatusCode::FORBIDDEN,
            "permission_error",
            Some("origin_not_allowed"),
            message,
        );
        Self {
            source: "door",
            ..refusal
        }
    }

    pub(super) fn content_type() -> Self {
        refused(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            INVALID,
            None,
            "the body must be JSON: send `content-type: application/json`",
        )
    }

    pub(super) fn content_encoding() -> Self {
        let message = "the body's encoding cannot be read: send it plain, or as valid gzip with `content-encoding: gzip`";
        refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, INVALID, None, message)
    }

    pub(super) fn label(name: &str, most: usize) -> Self {
        let message = format!("header {name} must hold 1 to {most} bytes of text");
        Self {
            param: Some(name.into()),
            ..refused(StatusCode::BAD_REQUEST, INVALID, None, message)
        }
    }

    pub(super) fn too_large(most: usize) -> Self {
        let message =
            format!("the body is larger than {most} bytes: send less, or raise `max_body`");
        Self {
            close: true,
            ..refused(
                StatusCode::PAYLOAD_TOO_LARGE,
                INVALID,
                Some("request_too_large"),
                message,
            )
        }
    }

    pub(super) fn too_slow() -> Self {
        let message = "the body came too slowly: it must come at 100 bytes a second or faster";
        Self {
            close: true,
            ..refused(
                StatusCode::REQUEST_TIMEOUT,
                INVALID,
                Some("request_timeout"),
                message,
            )
        }
    }

    pub(super) fn broken_body() -> Self {
        Self {
            close: true,
            ..refused(
                StatusCode::BAD_REQUEST,
                INVALID,
                None,
                "the body broke off or is not framed as HTTP says",
            )
        }
    }

    pub(super) fn key(present: bool) -> Self {
        let message = if present {
            "the API key is not one this gateway knows, or no longer: use a virtual key of this gateway, not a provider's"
        } else {
            "no API key was sent: send a virtual key of this gateway as `Authorization: Bearer KEY`"
        };
        let refusal = refused(
            StatusCode::UNAUTHORIZED,
            "authentication_error",
            Some("invalid_api_key"),
            message,
        );
        Self {
            source: "key",
            ..refusal
        }
    }

    pub(super) fn unknown_path(method: &http::Method, path: &str) -> Self {
        let shown: String = path.chars().filter(|c| !c.is_control()).take(200).collect();
        let routes: Vec<&str> = Endpoint::ALL
            .iter()
            .map(|endpoint| endpoint.path())
            .collect();
        let message = format!(
            "Unknown request URL: {method} {shown}. This gateway serves POST {}, and GET /v1/models, /v1/models/{{id}} (all also without /v1)",
            routes.join(", ")
        );
        refused(StatusCode::NOT_FOUND, INVALID, Some("unknown_url"), message)
    }

    pub(super) fn method(allowed: &'static str) -> Self {
        Self {
            allow: Some(allowed),
            ..refused(
                StatusCode::METHOD_NOT_ALLOWED,
                INVALID,
                Some("method_not_allowed"),
                format!("this URL takes {allowed} only"),
            )
        }
    }

    pub(super) fn no_model(model: &str) -> Self {
        let shown: String = model
            .chars()
            .filter(|c| !c.is_control())
            .take(100)
            .collect();
        let message = format!(
            "The model `{shown}` does not exist or no route leads to it: GET /v1/models lists those you may use"
        );
        let refusal = refused(
            StatusCode::NOT_FOUND,
            INVALID,
            Some("model_not_found"),
            message,
        );
        Self {
            param: Some("model".into()),
            source: "route",
            ..refusal
        }
    }

    fn look(error: &LookError) -> Self {
        let mut refusal = refused(
            StatusCode::BAD_REQUEST,
            INVALID,
            error.code(),
            error.message(),
        );
        refusal.param = error.param().map(Into::into);
        refusal
    }

    #[expect(
        clippy::too_many_lines,
        reason = "the one table: each reason with its status, type, code and source"
    )]
    fn denial(denial: Denial) -> Self {
        let (status, kind, code, source) = match denial.reason {
            Reason::ModelNotAllowed => (
                StatusCode::FORBIDDEN,
                "permission_error",
                "model_not_allowed",
                "rights",
            ),
            Reason::LabelRequired => (
                StatusCode::FORBIDDEN,
                "permission_error",
                "label_required",
                "budget",
            ),
            Reason::PriceUnknown | Reason::Unbounded => (
                StatusCode::FORBIDDEN,
                "permission_error",
                "price_unknown",
                "price",
            ),
            Reason::BudgetExceeded => (
                StatusCode::TOO_MANY_REQUESTS,
                "budget_exceeded",
                "insufficient_quota",
                "budget",
            ),
            Reason::RateLimited => (
                StatusCode::TOO_MANY_REQUESTS,
                "rate_limit_exceeded",
                "rate_limit_exceeded",
                "limit",
            ),
            Reason::Crowded => (
                StatusCode::TOO_MANY_REQUESTS,
                "rate_limit_exceeded",
                "too_many_label_values",
                "limit",
            ),
            Reason::BudgetUnavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "budget_unavailable",
                "budget_unavailable",
                "journal",
            ),
            Reason::NotLent => (
                StatusCode::SERVICE_UNAVAILABLE,
                "budget_unavailable",
                "budget_unavailable",
                "panel",
            ),
            Reason::Killed => (StatusCode::FORBIDDEN, "permission_error", "killed", "panel"),
            Reason::PolicyDenied
            | Reason::ToolNotAllowed
            | Reason::EndpointNotAllowed
            | Reason::RequirementMissing => (
                StatusCode::FORBIDDEN,
                "permission_error",
                denial.reason.code(),
                "policy",
            ),
            Reason::InputTooLong => (
                StatusCode::BAD_REQUEST,
                INVALID,
                "max_input_tokens_exceeded",
                "policy",
            ),
            Reason::Guardrail => (
                StatusCode::BAD_REQUEST,
                "guardrail_violation",
                "content_filter",
                "guard",
            ),
            Reason::Runaway => (
                StatusCode::TOO_MANY_REQUESTS,
                "rate_limit_exceeded",
                "runaway_stopped",
                "breaker",
            ),
        };
        let status = denial
            .status
            .and_then(|asked| StatusCode::from_u16(asked).ok())
            .unwrap_or(status);
        // What a rule says it will say again.
        let final_word = match denial.reason {
            Reason::BudgetExceeded => true,
            Reason::Runaway => false,
            _ => denial.rule.is_some(),
        };
        let scope = denial
            .budget
            .as_ref()
            .map(|standing| standing.to_string().into());
        Self {
            param: denial.param.map(Into::into),
            source,
            scope: scope.or(denial.limit).or_else(|| denial.rule.clone()),
            rule: denial.rule,
            code_shown: denial.code,
            budget: denial.budget,
            retry_after: denial.retry_after,
            soft: denial.soft,
            final_word,
            ..refused(status, kind, Some(code), denial.message)
        }
    }

    /// The reason as metrics and records name it.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match (self.kind, self.code) {
            ("budget_exceeded", _) => "budget_exceeded",
            (_, Some(code)) => code,
            (kind, None) => kind,
        }
    }

    /// The body, in the caller's dialect. `decision` and `revision` name what was decided, and under which configuration.
    pub(super) fn body(&self, decision: &str, revision: &str, now: Moment) -> Vec<u8> {
        let budget = self.budget.as_deref();
        let details = Details {
            decision_id: decision,
            policy_revision: revision,
            rule: self.rule.as_deref(),
            budget: budget.map(|standing| &*standing.budget),
            scope: self.scope.as_deref(),
            window: budget.map(|standing| standing.window.name()),
            limit: budget.map(|standing| standing.limit),
            spent: budget.map(|standing| standing.spent),
            reserved: budget.map(|standing| standing.reserved),
            remaining: budget.map(Standing::remaining),
            resets_in_s: budget.and_then(|standing| standing.period.left(now.wall)),
        };
        error_body(
            self.kind,
            self.code_shown.as_deref().or(self.code),
            &self.message,
            self.param.as_deref(),
            Some(&details),
        )
    }

    /// `retry-after` in whole seconds and in milliseconds, both rounded up.
    pub(super) fn waits(&self) -> Option<(u64, u64)> {
        self.retry_after.map(retry_after)
    }
}

/// `error.tollgate`: what the caller may need to act.
#[derive(Serialize)]
struct Details<'a> {
    decision_id: &'a str,
    policy_revision: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    budget: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<crate::units::Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    spent: Option<crate::units::Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reserved: Option<crate::units::Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remaining: Option<crate::units::Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resets_in_s: Option<u64>,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Malformed(error) => Self::look(&error),
            Refusal::ModelNotFound { model } => Self::no_model(&model),
            Refusal::Denied(denial) => Self::denial(*denial),
            Refusal::Unrecorded => {
                let message = "decisions cannot be recorded as fast as calls come, so none is let through unrecorded: try again shortly, or see /status on the admin port";
                let refusal = refused(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "budget_unavailable",
                    Some("decision_log_full"),
                    message,
                );
                Self {
                    source: "log",
                    retry_after: Some(Duration::from_secs(1)),
                    ..refusal
                }
            }
            Refusal::NoCredential { provider, name } => {
                let message = format!(
                    "provider `{provider}` cannot be called: the control panel's vault has not given this gateway the credential `{name}` (yet). An administrator puts it there with `tollgate vault put {name}`; `panel.vault` in /status on the admin port says what is missing"
                );
                let refusal = refused(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "upstream_error",
                    Some("credential_unavailable"),
                    message,
                );
                Self {
                    source: "panel",
                    retry_after: Some(VAULT_WAIT),
                    ..refusal
                }
            }
            Refusal::Upstream {
                provider,
                attempts,
                failure,
            } => {
                let status = if failure.is_timeout() {
                    StatusCode::GATEWAY_TIMEOUT
                } else {
                    StatusCode::BAD_GATEWAY
                };
                let times = if attempts == 1 {
                    "1 attempt".to_owned()
                } else {
                    format!("{attempts} attempts")
                };
                let message = format!("provider `{provider}` failed after {times}: {failure}");
                let retry_after = match failure {
                    Failure::Status(_, wait) => wait.filter(|wait| *wait <= LONGEST_WAIT),
                    _ => None,
                };
                Self {
                    source: "provider",
                    retry_after,
                    ..refused(status, "upstream_error", Some("upstream_error"), message)
                }
            }
        }
    }
}

/// The body for a connection there is no place for.
pub(super) fn overloaded() -> Vec<u8> {
    let message = "this gateway has as many connections as it may have (`max_connections`): try again shortly";
    error_body::<()>(
        "overloaded_error",
        Some("too_many_connections"),
        message,
        None,
        None,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_statuses() {
        let upstream = |failure| Refusal::Upstream {
            provider: "openai".into(),
            attempts: 2,
            failure,
        };
        let rows = [
            Refused::key(true),
            Refused::key(false),
            Refused::host("evil.example"),
            Refused::origin(),
            Refused::version(),
            Refused::content_type(),
            Refused::content_encoding(),
            Refused::twice("host"),
            Refused::label("x-tollgate-run", 256),
            Refused::too_large(33_554_432),
            Refused::too_slow(),
            Refused::broken_body(),
            Refused::unknown_path(&http::Method::POST, "/v1/audio/speech"),
            Refused::method("POST"),
            Refused::no_model("gpt-9"),
            Refusal::Unrecorded.into(),
            Refusal::Denied(Denial::suspended()).into(),
            Refusal::Denied(Denial::not_lent(None)).into(),
            Refusal::Denied(Denial::not_lent(Some(Duration::from_secs(2)))).into(),
            upstream(Failure::Status(500, None)).into(),
            upstream(Failure::Stalled).into(),
            Refusal::NoCredential {
                provider: "openai".into(),
                name: "openai-prod".into(),
            }
            .into(),
        ];
        let line = |row: &Refused| {
            let (status, code) = (row.status.as_u16(), row.code.unwrap_or("-"));
            format!("{status} {} / {code}: {}", row.kind, row.message)
        };
        let table: Vec<String> = rows.iter().map(line).collect();
        insta::assert_snapshot!(table.join("\n"));
    }
}
