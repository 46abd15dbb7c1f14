//! How Gemini is called: the model and what is asked of it stand in the path, the key in a header of its own.
//!
//! Nothing of a caller's query goes up: it may hold a key, or ask for an answer without its usage or in a form that nobody
//! here reads. What is asked for there is known, and written anew; headers that could say the same stay here.

use crate::chat::{Endpoint, Version};
use http::header::{HeaderMap, HeaderName};
use http::uri::PathAndQuery;
use std::fmt::Write;

/// Where it is.
pub(super) const BASE: &str = "https://generativelanguage.googleapis.com";

/// What shows a credential.
pub(super) const PROOF: HeaderName = HeaderName::from_static("x-goog-api-key");

/// Headers that change what is asked, or who pays for it.
const NOT_PASSED: [&str; 3] = [
    "x-goog-fieldmask",
    "x-goog-user-project",
    "x-http-method-override",
];

/// The path of a call, with what follows it. The address may be configured with the version or without.
pub(super) fn path(
    prefix: &str,
    endpoint: Endpoint,
    (version, model, streaming): (Version, &str, bool),
) -> Option<PathAndQuery> {
    let prefix = ["/v1beta", "/v1"]
        .iter()
        .find_map(|version| prefix.strip_suffix(version))
        .unwrap_or(prefix);
    let mut path = format!("{prefix}/{}/models/", version.name());
    for byte in model.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            path.push(char::from(byte));
        } else {
            let _ = write!(path, "%{byte:02X}");
        }
    }
    path.push(':');
    path.push_str(endpoint.method(streaming)?);
    if streaming {
        path.push_str("?alt=sse");
    }
    PathAndQuery::try_from(path).ok()
}

/// Takes out what may not go up.
pub(super) fn strip(headers: &mut HeaderMap) {
    for name in NOT_PASSED {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::path;
    use crate::chat::{Endpoint, Version};

    #[test]
    fn a_path_names_the_model_and_can_name_nothing_else() {
        let check = |prefix: &str, model: &str, streaming: bool, expected: &str| {
            let found = path(
                prefix,
                Endpoint::GenerateContent,
                (Version::Beta, model, streaming),
            );
            let found = found.map(|path| path.to_string());
            assert_eq!(found.as_deref(), Some(expected), "{model}");
        };
        check(
            "",
            "gemini-2.5-flash",
            false,
            "/v1beta/models/gemini-2.5-flash:generateContent",
        );
        check(
            "/v1beta",
            "m",
            true,
            "/v1beta/models/m:streamGenerateContent?alt=sse",
        );
        check(
            "/proxy/v1",
            "m",
            false,
            "/proxy/v1beta/models/m:generateContent",
        );
        check(
            "",
            "../x?key=y#z:%",
            false,
            "/v1beta/models/..%2Fx%3Fkey%3Dy%23z%3A%25:generateContent",
        );
        let stable = path("", Endpoint::EmbedContent, (Version::Stable, "m", false));
        let stable = stable.map(|path| path.to_string());
        assert_eq!(stable.as_deref(), Some("/v1/models/m:embedContent"));
        assert!(path("", Endpoint::Chat, (Version::Beta, "m", false)).is_none());
    }
}
