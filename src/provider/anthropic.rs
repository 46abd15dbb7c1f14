//! How Anthropic is called: its key in a header of its own, the version of its API in another.

use crate::chat::Endpoint;
use http::header::{HeaderMap, HeaderName, HeaderValue};

/// Where it is.
pub(super) const BASE: &str = "https://api.anthropic.com";

/// What shows a credential.
pub(super) const PROOF: HeaderName = HeaderName::from_static("x-api-key");

const VERSION: HeaderName = HeaderName::from_static("anthropic-version");

/// The version that is asked for where the caller asks for none; without one the vendor refuses.
const DEFAULT_VERSION: HeaderValue = HeaderValue::from_static("2023-06-01");

/// The path of a call. The vendor's clients take the address without the version; with it is as good.
pub(super) fn path(prefix: &str, endpoint: Endpoint) -> String {
    let prefix = prefix.strip_suffix("/v1").unwrap_or(prefix);
    format!("{prefix}{}", endpoint.path())
}

/// Puts in what the vendor asks of every call.
pub(super) fn complete(headers: &mut HeaderMap) {
    headers.entry(VERSION).or_insert(DEFAULT_VERSION);
}
