//! Errors in the shapes the vendors' APIs give them.

use crate::chat::Dialect;
use crate::provider::simulator::json::{Json, object};

/// A request that is not answered, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::provider::simulator) struct Refusal {
    pub(in crate::provider::simulator) status: u16,
    message: String,
    kind: &'static str,
    param: Option<String>,
    code: Option<&'static str>,
}

impl Refusal {
    /// 400: the body is not what the endpoint takes.
    pub(in crate::provider::simulator) fn invalid(message: &str, param: Option<&str>) -> Self {
        Self {
            status: 400,
            message: message.to_owned(),
            kind: "invalid_request_error",
            param: param.map(str::to_owned),
            code: None,
        }
    }

    pub(super) fn wrong_type(param: &str, expected: &str) -> Self {
        Self {
            code: Some("invalid_type"),
            ..Self::invalid(
                &format!("Invalid type for '{param}': expected {expected}."),
                Some(param),
            )
        }
    }

    pub(super) fn out_of_range(param: &str, value: u64, from: u64, to: u64) -> Self {
        Self {
            code: Some("integer_out_of_range"),
            ..Self::invalid(
                &format!(
                    "Invalid '{param}': expected a value from {from} to {to}, but got {value}."
                ),
                Some(param),
            )
        }
    }

    pub(in crate::provider::simulator) fn missing(param: &str) -> Self {
        Self {
            code: Some("missing_required_parameter"),
            ..Self::invalid(
                &format!("Missing required parameter: '{param}'."),
                Some(param),
            )
        }
    }

    pub(super) fn unknown_parameter(param: &str) -> Self {
        Self {
            code: Some("unknown_parameter"),
            ..Self::invalid(&format!("Unknown parameter: '{param}'."), Some(param))
        }
    }

    pub(in crate::provider::simulator) fn too_large(message: &str) -> Self {
        Self {
            status: 413,
            ..Self::invalid(message, None)
        }
    }

    pub(in crate::provider::simulator) fn unknown_model(model: &str) -> Self {
        Self {
            status: 404,
            code: Some("model_not_found"),
            ..Self::invalid(
                &format!("The model '{model}' does not exist."),
                Some("model"),
            )
        }
    }

    pub(in crate::provider::simulator) fn unknown_url(method: &str, path: &str) -> Self {
        Self {
            status: 404,
            code: Some("unknown_url"),
            ..Self::invalid(
                &format!(
                    "Unknown request URL: {method} {path}. The simulator serves POST chat/completions, completions, \
                     embeddings, responses, moderations, images/generations, audio/speech, messages, messages/count_tokens, models/{{id}}:generateContent, :streamGenerateContent, :countTokens, :embedContent, \
                     :batchEmbedContents and GET models, models/{{id}}, with and without /v1 or /v1beta; GET /__sim/meter, \
                     GET /__sim/last, POST /__sim/reset."
                ),
                None,
            )
        }
    }

    pub(in crate::provider::simulator) fn wrong_key() -> Self {
        Self {
            code: Some("invalid_api_key"),
            ..Self::of_status(401)
        }
    }

    /// The error a knob asked for.
    pub(in crate::provider::simulator) fn of_status(status: u16) -> Self {
        let (message, kind, code) = match status {
            401 => (
                "Incorrect API key provided.",
                "invalid_request_error",
                Some("invalid_api_key"),
            ),
            403 => (
                "The project may not use this model.",
                "invalid_request_error",
                Some("permission_denied"),
            ),
            404 => (
                "The model does not exist.",
                "invalid_request_error",
                Some("model_not_found"),
            ),
            409 => (
                "The resource is in conflict.",
                "invalid_request_error",
                None,
            ),
            429 => (
                "Rate limit reached for requests. Please try again later.",
                "requests",
                Some("rate_limit_exceeded"),
            ),
            400..=499 => ("The request is invalid.", "invalid_request_error", None),
            503 => (
                "The engine is currently overloaded, please try again later.",
                "server_error",
                None,
            ),
            _ => (
                "The server had an error while processing your request.",
                "server_error",
                None,
            ),
        };
        Self {
            status,
            message: message.to_owned(),
            kind,
            param: None,
            code,
        }
    }

    /// The body, as this dialect has it.
    pub(in crate::provider::simulator) fn body(&self, dialect: Dialect) -> Json {
        match dialect {
            Dialect::OpenAi => self.json(),
            Dialect::Anthropic => {
                let kind = match self.status {
                    401 => "authentication_error",
                    403 => "permission_error",
                    404 => "not_found_error",
                    413 => "request_too_large",
                    429 => "rate_limit_error",
                    529 => "overloaded_error",
                    500.. => "api_error",
                    _ => "invalid_request_error",
                };
                object! {
                    "type": "error",
                    "error": object! { "type": kind, "message": self.message },
                    "request_id": "req_00000000000000000000000000",
                }
            }
            Dialect::Gemini => {
                let word = match self.status {
                    401 => "UNAUTHENTICATED",
                    403 => "PERMISSION_DENIED",
                    404 => "NOT_FOUND",
                    409 => "ABORTED",
                    429 => "RESOURCE_EXHAUSTED",
                    503 => "UNAVAILABLE",
                    504 => "DEADLINE_EXCEEDED",
                    500.. => "INTERNAL",
                    _ => "INVALID_ARGUMENT",
                };
                object! { "error": object! {
                    "code": u64::from(self.status), "message": self.message, "status": word,
                } }
            }
        }
    }

    /// The body in OpenAI's shape.
    pub(in crate::provider::simulator) fn json(&self) -> Json {
        object! { "error": object! {
            "message": self.message, "type": self.kind, "param": self.param, "code": self.code,
        } }
    }
}
