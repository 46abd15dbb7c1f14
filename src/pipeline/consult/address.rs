//! The address of a guard or of whoever is told: where to connect, and what to ask for there.
//!
//! Read once, when policies are loaded; nothing of a call can change it.

use crate::provider::settings::Base;
use http::Uri;
use http::header::HeaderValue;
use http::uri::PathAndQuery;

/// An address that can be called.
#[derive(Debug, Clone)]
pub(in crate::pipeline) struct Address {
    pub(super) base: Base,
    pub(super) host: HeaderValue,
    pub(super) path: Uri,
}

impl Address {
    /// Reads `http://HOST[:PORT][/PATH][?QUERY]` or `https://…`; `None` if it is anything else.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (without, query) = text
            .split_once('?')
            .map_or((text, None), |(without, query)| (without, Some(query)));
        let base = Base::read(without)?;
        let uri: Uri = without.parse().ok()?;
        let path = match query {
            Some(query) if query.contains('#') => return None,
            Some(query) => format!("{}?{query}", uri.path()),
            None => uri.path().to_owned(),
        };
        let path = Uri::from(PathAndQuery::try_from(path).ok()?);
        let host = HeaderValue::try_from(uri.authority()?.as_str().to_ascii_lowercase()).ok()?;
        Some(Self { base, host, path })
    }
}

/// An address or a header as it could read where the gateway runs: what references in it stand for is only known there.
pub(super) fn as_if_known(text: &str) -> String {
    let is_reference = |text: &str| text.starts_with("file:") || text.starts_with("${");
    if is_reference(text.trim()) {
        return "https://guard.invalid/".to_owned();
    }
    let mut known = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, reference)) = rest.split_once("${") {
        known.push_str(before);
        // A digit may stand wherever a reference may: in a host, a port, a path.
        known.push('1');
        rest = reference.split_once('}').map_or("", |(_, after)| after);
    }
    known.push_str(rest);
    known
}

#[cfg(test)]
mod tests {
    use super::{Address, as_if_known};

    #[test]
    fn what_is_not_known_yet_is_no_fault_and_what_is_written_is_judged() {
        for fine in [
            "${GUARD_URL}",
            "${GUARD_SCHEME}://guard.example/",
            "file:/run/secrets/guard",
            "https://${HOST}:${PORT}/check/${TOKEN}?a=${B}",
            "http://127.0.0.1:8080/",
        ] {
            assert!(Address::read(&as_if_known(fine)).is_some(), "{fine}");
        }
        for wrong in ["ftp://${HOST}/", "https://user:${PASSWORD}@guard.example/"] {
            assert!(Address::read(&as_if_known(wrong)).is_none(), "{wrong}");
        }
    }

    #[test]
    fn an_address_is_where_to_connect_and_what_to_ask_for() {
        let check = |text: &str, expected: Option<(bool, &str, u16, &str, &str)>| {
            let found = Address::read(text);
            let found = found.as_ref().map(|found| {
                let (base, host) = (&found.base, found.host.to_str().expect("text"));
                (
                    base.tls,
                    &*base.host,
                    base.port,
                    host,
                    found.path.to_string(),
                )
            });
            let expected =
                expected.map(|(tls, to, port, host, path)| (tls, to, port, host, path.to_owned()));
            assert_eq!(found, expected, "{text}");
        };
        check(
            "https://Guard.example/check/?a=b",
            Some((true, "guard.example", 443, "guard.example", "/check/?a=b")),
        );
        check(
            "http://127.0.0.1:8080",
            Some((false, "127.0.0.1", 8080, "127.0.0.1:8080", "/")),
        );
        check(
            "http://[::1]:8080/x",
            Some((false, "::1", 8080, "[::1]:8080", "/x")),
        );
        check("ftp://guard.example/", None);
        check("guard.example/check", None);
        check("https://user:pass@guard.example/", None);
        check("https://guard.example/?a#b", None);
        check("https:///check", None);
        check("", None);
    }
}
