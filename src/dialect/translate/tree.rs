//! JSON as a tree that keeps what two vendors may read differently once it is written anew: the order of members, and
//! numbers as they were written.
//!
//! A schema's members are told to the model in their order, and `1.50` is not `1.5` to whoever compares; so what is passed
//! on from one dialect into another is this and not a map. Depth is bounded by the scanner.

use crate::chat::json::{JsonError, Kind, Rules, Scanner, Strict, escape_into};

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    /// As written.
    Number(Box<str>),
    Text(String),
    Array(Vec<Self>),
    Object(Vec<(String, Self)>),
}

impl Json {
    /// Reads what was weighed: strictly.
    pub(super) fn strict(bytes: &[u8]) -> Result<Self, JsonError> {
        let mut scanner = Scanner::<Strict>::new(bytes)?;
        let value = value(&mut scanner)?;
        scanner.finish()?;
        Ok(value)
    }

    /// Reads what a provider wrote: as leniently as its usage is read.
    pub(super) fn lenient(bytes: &[u8]) -> Result<Self, JsonError> {
        let mut scanner = Scanner::lenient(bytes)?;
        let value = value(&mut scanner)?;
        scanner.finish()?;
        Ok(value)
    }

    /// The member of this name that is not `null`; of two the last.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else {
            return None;
        };
        let mut named = members.iter().rev().filter(|(key, _)| key == name);
        named
            .next()
            .map(|(_, value)| value)
            .filter(|value| **value != Self::Null)
    }

    /// The text of this name.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_text()
    }

    /// The elements of this name.
    pub(super) fn list(&self, name: &str) -> &[Self] {
        match self.get(name) {
            Some(Self::Array(items)) => items,
            _ => &[],
        }
    }

    /// The whole number of this name.
    pub(super) fn whole(&self, name: &str) -> Option<u64> {
        match self.get(name)? {
            Self::Number(digits) => digits.parse().ok(),
            _ => None,
        }
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) const fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }

    /// An object without members.
    pub(super) const fn empty() -> Self {
        Self::Object(Vec::new())
    }

    pub(super) fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(true) => out.push_str("true"),
            Self::Bool(false) => out.push_str("false"),
            Self::Number(digits) => out.push_str(digits),
            Self::Text(text) => quoted(out, text),
            Self::Array(items) => {
                out.push('[');
                for (place, item) in items.iter().enumerate() {
                    if place > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (place, (key, value)) in members.iter().enumerate() {
                    if place > 0 {
                        out.push(',');
                    }
                    quoted(out, key);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }

    /// As written without spaces.
    pub(super) fn written(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }
}

fn quoted(out: &mut String, text: &str) {
    out.push('"');
    escape_into(out, text);
    out.push('"');
}

fn value<R: Rules>(scanner: &mut Scanner<'_, R>) -> Result<Json, JsonError> {
    Ok(match scanner.peek()? {
        Kind::Null => {
            scanner.null()?;
            Json::Null
        }
        Kind::Bool => Json::Bool(scanner.boolean()?),
        Kind::Number => {
            let digits = scanner.number()?.of(scanner.body());
            Json::Number(String::from_utf8_lossy(digits).into())
        }
        Kind::Text => {
            let text = scanner.text()?;
            Json::Text(decoded(&text.decoded(scanner.body())))
        }
        Kind::Array => {
            let mut items = scanner.array()?;
            let mut found = Vec::new();
            while scanner.element(&mut items)? {
                found.push(value(scanner)?);
            }
            Json::Array(found)
        }
        Kind::Object => {
            let mut members = scanner.object()?;
            let mut found = Vec::new();
            while let Some(key) = scanner.member(&mut members)? {
                let key = decoded(&key.decoded(scanner.body()));
                found.push((key, value(scanner)?));
            }
            Json::Object(found)
        }
    })
}

fn decoded(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Json {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

impl From<u64> for Json {
    fn from(number: u64) -> Self {
        Self::Number(itoa::Buffer::new().format(number).into())
    }
}

impl From<Vec<Self>> for Json {
    fn from(items: Vec<Self>) -> Self {
        Self::Array(items)
    }
}

/// An object being written, member by member.
#[derive(Debug, Default)]
pub(super) struct Object(Vec<(String, Json)>);

impl Object {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// An object that says of what kind it is.
    pub(super) fn of(kind: &str) -> Self {
        Self::new().with("type", kind)
    }

    pub(super) fn with(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.0.push((name.to_owned(), value.into()));
        self
    }

    /// A member where there is something to say.
    pub(super) fn maybe(self, name: &str, value: Option<impl Into<Json>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// A member, also where there is nothing to say.
    pub(super) fn or_null(self, name: &str, value: Option<impl Into<Json>>) -> Self {
        let value = value.map_or(Json::Null, Into::into);
        self.with(name, value)
    }

    pub(super) fn done(self) -> Json {
        Json::Object(self.0)
    }
}

impl From<Object> for Json {
    fn from(object: Object) -> Self {
        object.done()
    }
}

#[cfg(test)]
mod tests {
    use super::Json;
    use proptest::prelude::*;

    #[test]
    fn order_and_numbers_stay_as_they_were_written() {
        let written = r#"{"z":1.50,"a":[true,null,-0e5],"m":{"é\"":"\u0001"},"":{}}"#;
        let read = Json::strict(written.as_bytes()).expect("JSON");
        assert_eq!(read.written(), written);
    }

    proptest! {
        #[test]
        fn bytes_of_any_kind_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = Json::strict(&bytes);
            let _ = Json::lenient(&bytes);
        }

        #[test]
        fn what_is_written_is_read_again(text in ".{0,20}") {
            let value = Json::Object(vec![(text.replace('\0', ""), Json::Text(text.replace('\0', "")))]);
            prop_assert_eq!(Json::strict(value.written().as_bytes()), Ok(value));
        }
    }
}
