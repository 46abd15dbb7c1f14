//! What follows the `?` of a request to Gemini's surface: a key, perhaps, and how the answer is to come.
//!
//! The vendor's API takes more there: fields that leave the usage out of an answer, forms of it that nobody here reads,
//! credentials of other kinds. What is not known is refused, and nothing of it goes up: the call is written anew.
//!
//! Invariant: a key that came here is a secret from its first byte on; no refusal and no record shows the query.

use super::status::Refused;
use crate::chat::unescaped;
use http::header::HeaderValue;

/// What a query says.
#[derive(Debug, Default)]
pub(super) struct Query {
    /// What the caller proves itself with.
    pub(super) key: Option<HeaderValue>,
    /// Whether events are asked for.
    sse: bool,
}

impl Query {
    /// Reads it, each parameter once.
    pub(super) fn read(query: Option<&str>) -> Result<Self, Refused> {
        let mut read = Self::default();
        let mut alt = false;
        for pair in query.unwrap_or_default().split('&') {
            if pair.is_empty() {
                continue;
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = unescaped(name).ok_or_else(|| Refused::query("?"))?;
            let value = unescaped(value).ok_or_else(|| Refused::query(&name))?;
            match &*name {
                "key" => {
                    let mut key = HeaderValue::from_str(&value).map_err(|_| Refused::key(true))?;
                    key.set_sensitive(true);
                    if read.key.replace(key).is_some() {
                        return Err(Refused::twice("the API key"));
                    }
                }
                "alt" | "$alt" => {
                    if std::mem::replace(&mut alt, true) {
                        return Err(Refused::twice("`alt`"));
                    }
                    match &*value {
                        "sse" => read.sse = true,
                        "json" => {}
                        _ => return Err(Refused::query(&name)),
                    }
                }
                // How an answer is laid out, and where lists of models begin and end (all of them fit into one): it
                // changes nothing, and is not passed on.
                "prettyPrint" | "$prettyPrint" | "pageSize" | "pageToken" => {}
                name => return Err(Refused::query(name)),
            }
        }
        Ok(read)
    }

    /// Whether the answer can come as it is asked for.
    pub(super) fn fits(&self, stream: bool) -> Result<(), Refused> {
        match (stream, self.sse) {
            (true, false) => Err(Refused::array_stream()),
            (false, true) => Err(Refused::query("alt")),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Query;

    #[test]
    fn a_query_brings_a_key_and_a_form_and_nothing_else() {
        let check = |query: &str, key: Option<&str>, stream: bool, expected: Option<u16>| {
            let read = Query::read(Some(query)).and_then(|read| read.fits(stream).map(|()| read));
            let (found, status) = match &read {
                Ok(read) => (read.key.as_ref().and_then(|key| key.to_str().ok()), None),
                Err(refusal) => (None, Some(refusal.status.as_u16())),
            };
            assert_eq!((found, status), (key, expected), "{query}");
        };
        check("", None, false, None);
        check("key=tg-1", Some("tg-1"), false, None);
        check("alt=sse&key=tg%2D1", Some("tg-1"), true, None);
        check("%24alt=sse", None, true, None);
        check("alt=json", None, false, None);
        check("alt=json", None, true, Some(400));
        check("", None, true, Some(400));
        check("alt=sse", None, false, Some(400));
        check("alt=proto", None, false, Some(400));
        check("alt=json&$alt=sse", None, true, Some(400));
        check("key=a&key=b", None, false, Some(400));
        check("fields=candidates", None, false, Some(400));
        check("%66ields=candidates", None, false, Some(400));
        check("access_token=x", None, false, Some(400));
        check("key=%0a", None, false, Some(401));
        check("%ff=1", None, false, Some(400));
    }

    #[test]
    fn a_refusal_shows_no_value() {
        let refusal = Query::read(Some("access_token=secret&key=tg-secret")).expect_err("refused");
        assert!(!format!("{refusal:?}").contains("secret"));
    }
}
