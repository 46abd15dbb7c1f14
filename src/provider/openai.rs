//! How OpenAI, and whoever speaks its language, is called.

use crate::chat::Endpoint;
use http::header::{self, HeaderName};

/// Where it is.
pub(super) const BASE: &str = "https://api.openai.com/v1";

/// What shows a credential.
pub(super) const PROOF: HeaderName = header::AUTHORIZATION;

/// The path of a call; the version is part of the address that is configured.
pub(super) fn path(prefix: &str, endpoint: Endpoint) -> String {
    format!("{prefix}{}", endpoint.path().trim_start_matches("/v1"))
}
