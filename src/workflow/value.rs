//! A value of a workflow's state, as Python would have it: typed, ordered, and printed the same.
//!
//! The same file runs under Python, so what a prompt says of a value and what a condition makes of it must be what
//! Python's `str()` and operators say. Whole numbers are 64 bits: one that does not fit is an error where it is read, not
//! another number.
//!
//! Not here: what a field may hold (`types`), conditions (`expr`).

mod compare;
mod de;
mod json;
mod print;

pub use compare::{Comparison, Incomparable};
pub use de::from_value;
pub use json::{JsonFault, MAX_DEPTH};

use indexmap::IndexMap;
use serde::ser::{Serialize, SerializeMap as _, SerializeSeq as _, Serializer};
use serde::{Deserialize, Deserializer};

/// Keys in the order in which they were written.
pub type Dict = IndexMap<String, Value>;

/// A value.
///
/// `==` is structural, for tests and for files; Python's equality, to which `1`, `1.0` and `True` are one, is
/// [`Comparison::equal`].
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// `None`.
    #[default]
    Null,
    /// `True` or `False`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// A text.
    Str(String),
    /// A list.
    List(Vec<Value>),
    /// A dict; its keys are texts.
    Dict(Dict),
}

impl Value {
    /// What Python's `bool()` says.
    #[must_use]
    pub fn is_true(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(flag) => *flag,
            Self::Int(number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::Str(text) => !text.is_empty(),
            Self::List(items) => !items.is_empty(),
            Self::Dict(entries) => !entries.is_empty(),
        }
    }

    /// The name of its type, as Python gives it.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float",
            Self::Str(_) => "str",
            Self::List(_) => "list",
            Self::Dict(_) => "dict",
        }
    }

    /// What Python's `len()` says, if it says anything: of a text the number of its characters.
    #[must_use]
    pub fn length(&self) -> Option<usize> {
        match self {
            Self::Str(text) => Some(text.chars().count()),
            Self::List(items) => Some(items.len()),
            Self::Dict(entries) => Some(entries.len()),
            _ => None,
        }
    }

    /// The value under a key of a dict.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Dict(entries) => entries.get(key),
            _ => None,
        }
    }

    /// The text, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// A dict of these entries.
    pub fn dict<K: Into<String>>(entries: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Dict(entries.into_iter().map(|(k, v)| (k.into(), v)).collect())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.to_owned())
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(flag) => serializer.serialize_bool(*flag),
            Self::Int(number) => serializer.serialize_i64(*number),
            Self::Float(number) => serializer.serialize_f64(*number),
            Self::Str(text) => serializer.serialize_str(text),
            Self::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(item)?;
                }
                list.end()
            }
            Self::Dict(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(de::Whole)
    }
}

#[cfg(test)]
pub(crate) mod tests;
