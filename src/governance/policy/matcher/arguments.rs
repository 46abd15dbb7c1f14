//! The arguments of a call, as a tree that forgets nothing.
//!
//! A JSON object may name a key twice, and tools disagree about which one counts; so both are kept, and a rule that denies
//! looks at each. Values are compared as text: strings as they are, numbers, `true` and `null` as JSON writes them.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) enum Argument {
    /// What is not made of others.
    Leaf(String),
    /// A list.
    List(Vec<Argument>),
    /// An object, with every key as it was sent.
    Object(Vec<(String, Argument)>),
}

impl Argument {
    /// The tree of this JSON text. Empty text is what vendors send for no arguments. The parser stops at 128 levels.
    pub(in super::super) fn parse(text: &str) -> Option<Self> {
        if text.trim().is_empty() {
            return Some(Self::Object(Vec::new()));
        }
        serde_json::from_str(text).ok()
    }

    /// Every leaf at a dotted path. A list stands for each of its elements, `*` for every key.
    pub(in super::super) fn leaves<'a>(&'a self, path: &str, to: &mut Vec<&'a str>) {
        match self {
            Self::List(elements) => elements.iter().for_each(|element| element.leaves(path, to)),
            // A path that ends early covers all below: `command` names `{"command": {"line": …}}`, too.
            Self::Leaf(leaf) if path.is_empty() => to.push(leaf),
            Self::Leaf(_) => {}
            Self::Object(entries) if path.is_empty() => {
                for (_, value) in entries {
                    value.leaves("", to);
                }
            }
            Self::Object(entries) => {
                for (key, value) in entries {
                    if let Some(rest) = below(path, key) {
                        value.leaves(rest, to);
                    }
                }
            }
        }
    }
}

/// What is left of a path below a key. Keys may hold dots themselves. ASCII case does not count: many tools ignore it.
fn below<'p>(path: &'p str, key: &str) -> Option<&'p str> {
    let any = path.strip_prefix('*').filter(|rest| is_step(rest));
    let named = path
        .get(..key.len())
        .filter(|first| first.eq_ignore_ascii_case(key))
        .and_then(|_| path.get(key.len()..))
        .filter(|rest| is_step(rest) && !key.is_empty());
    let rest = named.or(any)?;
    Some(rest.strip_prefix('.').unwrap_or(rest))
}

fn is_step(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('.')
}

impl<'de> Deserialize<'de> for Argument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Argument;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Argument, E> {
        Ok(Argument::Leaf(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Argument, E> {
        Ok(Argument::Leaf(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Argument, E> {
        Ok(Argument::Leaf(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Argument, E> {
        Ok(Argument::Leaf(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Argument, E> {
        Ok(Argument::Leaf(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Argument, E> {
        Ok(Argument::Leaf(value))
    }

    fn visit_unit<E>(self) -> Result<Argument, E> {
        Ok(Argument::Leaf("null".to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Argument, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = access.next_element()? {
            elements.push(element);
        }
        Ok(Argument::List(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Argument, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Argument::Object(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_at_a_path_is_found() {
        let check = |json: &str, path: &str, expected: &[&str]| {
            let tree = Argument::parse(json).expect("JSON");
            let mut leaves = Vec::new();
            tree.leaves(path, &mut leaves);
            assert_eq!(leaves, expected, "{json} at {path}");
        };
        check(r#"{"path": "/etc"}"#, "path", &["/etc"]);
        check(
            r#"{"path": "/etc", "path": "/tmp"}"#,
            "path",
            &["/etc", "/tmp"],
        );
        check(r#"{"Path": "/etc"}"#, "path", &["/etc"]);
        check(
            r#"{"files": [{"path": "a"}, {"path": "b"}]}"#,
            "files.path",
            &["a", "b"],
        );
        check(
            r#"{"a": {"b": 1, "c": true, "d": null}}"#,
            "a",
            &["1", "true", "null"],
        );
        check(r#"{"a.b": "x"}"#, "a.b", &["x"]);
        check(r#"{"a": {"x": {"path": "p"}}}"#, "a.*.path", &["p"]);
        check(r#"{"path": "/etc"}"#, "pat", &[]);
        check("", "path", &[]);
        check(r#""plain""#, "path", &[]);
    }

    #[test]
    fn what_is_no_json_is_no_tree() {
        assert_eq!(Argument::parse("{"), None);
        assert_eq!(Argument::parse(&"[".repeat(1000)), None);
    }
}
