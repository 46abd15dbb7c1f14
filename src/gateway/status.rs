//! Statuses and error bodies: one table for every way a request is turned back.
//!
//! The cause is a fact from within; here it gets its status, its type and code, and its words. No prompt, key or vendor body
//! is ever among them. What the door turns back itself stands here, what the gate and the way to a provider do in `refusal`;
//! `surface` writes either in the caller's dialect.

mod refusal;
mod surface;

pub(super) use surface::overloaded;

use crate::chat::Endpoint;
use crate::governance::budget::Standing;
use crate::governance::gate::retry_after;
use http::StatusCode;
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

    pub(super) fn time(name: &str) -> Self {
        let message = format!(
            "header {name} must hold a time to wait, in seconds or with a unit: `30`, `1.5`, `500ms`, `2m`"
        );
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

    /// A parameter of the query that would change what is answered.
    pub(super) fn query(name: &str) -> Self {
        let shown: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
        let message = format!(
            "query parameter `{shown}` is not taken: it could ask for an answer that cannot be metered, or for another form of it. Send `alt=sse` with streamGenerateContent, `key` if the key is in no header, and nothing else"
        );
        Self {
            param: Some(shown.into()),
            ..refused(
                StatusCode::BAD_REQUEST,
                INVALID,
                Some("unsupported_parameter"),
                message,
            )
        }
    }

    /// A stream that is not one of events.
    pub(super) fn array_stream() -> Self {
        let message = "streamGenerateContent is answered as server-sent events only, not as one JSON array: add `?alt=sse`, as the vendor's own clients do";
        Self {
            param: Some("alt".into()),
            ..refused(
                StatusCode::BAD_REQUEST,
                INVALID,
                Some("unsupported_parameter"),
                message,
            )
        }
    }

    pub(super) fn unknown_path(method: &http::Method, path: &str) -> Self {
        let shown: String = path.chars().filter(|c| !c.is_control()).take(200).collect();
        let routes: Vec<&str> = Endpoint::ALL
            .iter()
            .map(|endpoint| endpoint.path())
            .collect();
        let message = format!(
            "Unknown request URL: {method} {shown}. This gateway serves POST {}, and GET /v1/models, /v1/models/{{id}} (all also without /v1; what is below /v1beta also below /v1, and generateContent as streamGenerateContent?alt=sse)",
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

    /// The reason as metrics and records name it.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match (self.kind, self.code) {
            ("budget_exceeded", _) => "budget_exceeded",
            (_, Some(code)) => code,
            (kind, None) => kind,
        }
    }

    /// `retry-after` in whole seconds and in milliseconds, both rounded up.
    pub(super) fn waits(&self) -> Option<(u64, u64)> {
        self.retry_after.map(retry_after)
    }
}

#[cfg(test)]
mod tests;
