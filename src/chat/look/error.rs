//! Why a body is refused before anybody weighs it.
//!
//! Not here: the status code (`gateway::status`), the shape on the wire (`dialect`).

use crate::chat::json::JsonError;

/// Why a body cannot be weighed. Becomes a 400 `invalid_request_error`; never quotes the body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookError {
    /// Not the JSON we take.
    #[error("the body is not valid JSON: {0}")]
    Json(#[from] JsonError),
    /// JSON, but not an object.
    #[error("the body must be a JSON object")]
    NotAnObject,
    /// A field the call cannot do without.
    #[error("`{0}` is required")]
    Missing(&'static str),
    /// A field that is not what it must be.
    #[error("`{param}` must be {must_be}")]
    Wrong {
        /// The field.
        param: &'static str,
        /// What it must be.
        must_be: &'static str,
    },
    /// A field with which a request would choose where it goes.
    #[error(
        "`{0}` is not taken: the provider and its address are chosen by the gateway's configuration, remove the field"
    )]
    Forbidden(&'static str),
    /// A way of answering whose cost nobody here would see.
    #[error(
        "`background` is not taken: what an answer costs that is made later would never be seen here, remove it"
    )]
    Background,
    /// A stream of what comes in pieces that nobody here meters.
    #[error("`stream` is not taken for images: ask for them whole, remove it")]
    Streamed,
    /// A field that names models beside the one that is weighed.
    #[error(
        "`{0}` is not taken: it names models beside `model`, whose rights and prices nobody here would have weighed; remove it"
    )]
    OtherModels(&'static str),
    /// A field that asks for serving that costs more than the price book says.
    #[error("`{param}` may be {may_be} here: anything else costs more than the price book says")]
    Dearer {
        /// The field.
        param: &'static str,
        /// What it may be.
        may_be: &'static str,
    },
    /// One field in two spellings.
    #[error(
        "an object holds one field twice, in two spellings (like `maxOutputTokens` and `max_output_tokens`), or more fields than any of the API: write each once"
    )]
    SpeltTwice,
    /// A way of serving that costs more than the price book says.
    #[error(
        "`service_tier` may be `auto`, `default`, `flex`, `standard`, `standard_only` or `on_demand` here: other tiers cost more than the price book says"
    )]
    ServiceTier,
}

impl LookError {
    /// What is wrong, for people.
    #[must_use]
    pub fn message(&self) -> String {
        self.to_string()
    }

    /// The field at fault, where it is one field.
    #[must_use]
    pub const fn param(&self) -> Option<&str> {
        match self {
            Self::Json(_) | Self::NotAnObject | Self::SpeltTwice => None,
            Self::Missing(param)
            | Self::Forbidden(param)
            | Self::OtherModels(param)
            | Self::Wrong { param, .. }
            | Self::Dearer { param, .. } => Some(param),
            Self::Background => Some("background"),
            Self::Streamed => Some("stream"),
            Self::ServiceTier => Some("service_tier"),
        }
    }

    /// The stable name of the fault, for programs.
    #[must_use]
    pub const fn code(&self) -> Option<&'static str> {
        Some(match self {
            Self::Json(error) => error.code(),
            Self::NotAnObject => "invalid_type",
            Self::SpeltTwice => "duplicate_key",
            Self::Missing(_) => "missing_required_parameter",
            Self::Wrong { .. } => "invalid_value",
            Self::Forbidden(_)
            | Self::OtherModels(_)
            | Self::Dearer { .. }
            | Self::Background
            | Self::Streamed
            | Self::ServiceTier => "unsupported_parameter",
        })
    }
}
