//! What the gate, the look at a body and the way to a provider turn back: each with its status, type, code and words.
//!
//! Not here: what the door turns back before (`status`), how it is written (`surface`).

use super::{INVALID, Refused, refused};
use crate::chat::{Dialect, LookError};
use crate::dialect::translate::Fault;
use crate::governance::gate::{Denial, Reason};
use crate::pipeline::{Failure, Refusal};
use http::StatusCode;
use std::fmt::Write as _;
use std::time::Duration;

/// A provider that asks for more is not quoted: nobody waits that long.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// How soon a credential may be here that is not.
const VAULT_WAIT: Duration = Duration::from_secs(5);

impl Refused {
    /// Only conversations are translated from one vendor's language into another's.
    fn other_dialect(model: &str, provider: &str, (spoken, other): (Dialect, Dialect)) -> Self {
        let shown: String = model
            .chars()
            .filter(|c| !c.is_control())
            .take(100)
            .collect();
        let owner = spoken.owner();
        let kind = match spoken {
            Dialect::OpenAi => "openai",
            Dialect::Anthropic => "anthropic",
            Dialect::Gemini => "gemini",
        };
        let route = other.primary().path();
        let message = format!(
            "model `{shown}` is served by provider `{provider}`, which does not speak {owner}'s API, and calls of this kind are not translated: \
             ask for it in {}'s (POST {route}), or name a model of a provider of `kind: {kind}`",
            other.owner()
        );
        Self {
            param: Some("model".into()),
            source: "route",
            ..refused(
                StatusCode::BAD_REQUEST,
                INVALID,
                Some("dialect_not_served"),
                message,
            )
        }
    }

    fn untranslatable(provider: &str, fault: &Fault, droppable: bool) -> Self {
        let remedy = if droppable {
            format!(
                ". Leave it out, or set `lossy: warn` for provider `{provider}` to have it left out"
            )
        } else {
            String::new()
        };
        let refusal = refused(
            StatusCode::BAD_REQUEST,
            INVALID,
            Some(fault.code()),
            format!("{fault}{remedy}"),
        );
        Self {
            param: fault.param().map(Into::into),
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

    /// The one table: each reason with its type, code and source.
    fn denial(denial: Denial) -> Self {
        let (kind, code, source) = match denial.reason {
            Reason::ModelNotAllowed => ("permission_error", "model_not_allowed", "rights"),
            Reason::LabelRequired => ("permission_error", "label_required", "budget"),
            Reason::PriceUnknown | Reason::Unbounded => {
                ("permission_error", "price_unknown", "price")
            }
            Reason::BudgetExceeded => ("budget_exceeded", "insufficient_quota", "budget"),
            Reason::RateLimited => ("rate_limit_exceeded", "rate_limit_exceeded", "limit"),
            Reason::Crowded => ("rate_limit_exceeded", "too_many_label_values", "limit"),
            Reason::BudgetUnavailable => ("budget_unavailable", "budget_unavailable", "journal"),
            Reason::NotLent => ("budget_unavailable", "budget_unavailable", "panel"),
            Reason::Killed => ("permission_error", "killed", "panel"),
            Reason::PolicyDenied
            | Reason::ToolNotAllowed
            | Reason::EndpointNotAllowed
            | Reason::RequirementMissing => ("permission_error", denial.reason.code(), "policy"),
            Reason::InputTooLong => (INVALID, "max_input_tokens_exceeded", "policy"),
            Reason::CapTooLow => (INVALID, denial.reason.code(), "policy"),
            Reason::Guardrail => ("guardrail_violation", "content_filter", "guard"),
            Reason::Runaway => ("rate_limit_exceeded", "runaway_stopped", "breaker"),
        };
        let status = denial
            .status
            .and_then(|asked| StatusCode::from_u16(asked).ok())
            .or_else(|| StatusCode::from_u16(denial.reason.status()).ok())
            .unwrap_or(StatusCode::FORBIDDEN);
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
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Malformed(error) => Self::look(&error),
            Refusal::ModelNotFound { model } => Self::no_model(&model),
            Refusal::OtherDialect {
                model,
                provider,
                spoken,
                other,
            } => Self::other_dialect(&model, &provider, (spoken, other)),
            Refusal::Untranslatable {
                provider,
                fault,
                droppable,
            } => Self::untranslatable(&provider, &fault, droppable),
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
                others,
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
                let mut message = format!("provider `{provider}` failed after {times}: {failure}");
                if !others.is_empty() {
                    message.push_str("; no other target answered");
                    for (index, other) in others.iter().enumerate() {
                        let mark = if index == 0 { ":" } else { "," };
                        let _ = write!(message, "{mark} `{}` ({})", other.provider, other.why);
                    }
                }
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
