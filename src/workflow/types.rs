//! The types of a workflow's state: how they are written, and what fits into them.
//!
//! `str int float bool list dict object list[T] dict[K, V]`, nested at will. Element types hold: a `list[int]` has whole
//! numbers in it. What a model answers is coerced where no information is lost and refused where some would be.
//!
//! Not here: which field has which type (`ir`), where a type was written (`frontend`).

mod coerce;
mod schema;

pub use coerce::{Elements, Misfit};
pub use schema::object_schema;

use serde::{Deserialize, Serialize};
use std::fmt;

/// How deep types may be nested.
pub const MAX_DEPTH: usize = 16;

/// The names a type can begin with.
pub const NAMES: &[&str] = &["bool", "dict", "float", "int", "list", "object", "str"];

/// A type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Type {
    /// Text.
    Str,
    /// A whole number of 64 bits.
    Int,
    /// A number.
    Float,
    /// True or false.
    Bool,
    /// A list, of anything where no type is named.
    List(Option<Box<Type>>),
    /// A dict, of anything where no types are named.
    Dict(Option<Box<Entry>>),
    /// A dict with these fields; none while its schema is not known.
    Object(Vec<Field>),
}

/// What a dict holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What its keys can be read as; the keys themselves are texts.
    pub key: Type,
    /// The type of its values.
    pub value: Type,
}

/// One field of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub of: Type,
    /// What it is, for the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Str => f.write_str("str"),
            Self::Int => f.write_str("int"),
            Self::Float => f.write_str("float"),
            Self::Bool => f.write_str("bool"),
            Self::List(None) => f.write_str("list"),
            Self::List(Some(of)) => write!(f, "list[{of}]"),
            Self::Dict(None) => f.write_str("dict"),
            Self::Dict(Some(of)) => write!(f, "dict[{}, {}]", of.key, of.value),
            Self::Object(_) => f.write_str("object"),
        }
    }
}

/// Why a text is no type, and where in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TypeFault {
    /// What is wrong.
    pub message: String,
    /// The character, from 0.
    pub at: usize,
    /// A name that is not known: for a suggestion.
    pub unknown: Option<String>,
}

impl Type {
    /// Reads a type.
    ///
    /// # Errors
    /// It is none: what is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, TypeFault> {
        let mut reader = Reader {
            chars: text.chars().collect(),
            at: 0,
        };
        let found = reader.whole(0)?;
        reader.space();
        if reader.at < reader.chars.len() {
            let rest: String = reader.chars.iter().skip(reader.at).collect();
            return Err(reader.fault(format!("`{rest}` follows the type")));
        }
        Ok(found)
    }

    /// Whether the same values fit into both, as far as names and descriptions say.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::List(left), Self::List(right)) => match (left, right) {
                (Some(left), Some(right)) => left.is_same(right),
                (left, right) => left.is_none() && right.is_none(),
            },
            (Self::Dict(left), Self::Dict(right)) => match (left, right) {
                (Some(left), Some(right)) => {
                    left.key.is_same(&right.key) && left.value.is_same(&right.value)
                }
                (left, right) => left.is_none() && right.is_none(),
            },
            (Self::Object(left), Self::Object(right)) => {
                // One whose schema is told elsewhere is the same object.
                left.is_empty()
                    || right.is_empty()
                    || left.len() == right.len()
                        && left.iter().all(|field| {
                            right.iter().any(|other| {
                                other.name == field.name && field.of.is_same(&other.of)
                            })
                        })
            }
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }

    /// Whether an object is somewhere within it.
    #[must_use]
    pub fn has_object(&self) -> bool {
        match self {
            Self::Object(_) => true,
            Self::List(Some(of)) => of.has_object(),
            Self::Dict(Some(of)) => of.value.has_object(),
            _ => false,
        }
    }

    /// Whether an object within it has no fields yet.
    #[must_use]
    pub fn lacks_schema(&self) -> bool {
        match self {
            Self::Object(fields) => fields.is_empty(),
            Self::List(Some(of)) => of.lacks_schema(),
            Self::Dict(Some(of)) => of.value.lacks_schema(),
            _ => false,
        }
    }

    /// The same type, with these fields in the objects that have none.
    #[must_use]
    pub fn with_fields(self, fields: &[Field]) -> Self {
        match self {
            Self::Object(own) if own.is_empty() => Self::Object(fields.to_vec()),
            Self::List(Some(of)) => Self::List(Some(Box::new(of.with_fields(fields)))),
            Self::Dict(Some(of)) => Self::Dict(Some(Box::new(Entry {
                key: of.key,
                value: of.value.with_fields(fields),
            }))),
            other => other,
        }
    }

    /// The type under a path of names, as far as it is known: `None` where the path cannot exist.
    #[must_use]
    pub fn within<'a>(&'a self, path: &[String]) -> Option<Known<'a>> {
        let Some((first, rest)) = path.split_first() else {
            return Some(Known::As(self));
        };
        match self {
            Self::Dict(None) => Some(Known::Anything),
            Self::Dict(Some(of)) => of.value.within(rest),
            Self::Object(fields) if fields.is_empty() => Some(Known::Anything),
            Self::Object(fields) => fields
                .iter()
                .find(|field| field.name == *first)
                .and_then(|field| field.of.within(rest)),
            _ => None,
        }
    }
}

/// What is known of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known<'a> {
    /// It is this one.
    As(&'a Type),
    /// It could be any.
    Anything,
}

struct Reader {
    chars: Vec<char>,
    at: usize,
}

impl Reader {
    fn fault(&self, message: impl Into<String>) -> TypeFault {
        TypeFault {
            message: message.into(),
            at: self.at,
            unknown: None,
        }
    }

    fn space(&mut self) {
        while self.chars.get(self.at).is_some_and(|c| c.is_whitespace()) {
            self.at += 1;
        }
    }

    fn take(&mut self, wanted: char) -> bool {
        self.space();
        let is_next = self.chars.get(self.at) == Some(&wanted);
        if is_next {
            self.at += 1;
        }
        is_next
    }

    fn whole(&mut self, depth: usize) -> Result<Type, TypeFault> {
        if depth >= MAX_DEPTH {
            return Err(self.fault(format!("nested deeper than {MAX_DEPTH} levels")));
        }
        self.space();
        let start = self.at;
        while self
            .chars
            .get(self.at)
            .is_some_and(|c| c.is_alphanumeric() || *c == '_')
        {
            self.at += 1;
        }
        let name: String = self.chars.iter().take(self.at).skip(start).collect();
        match name.as_str() {
            "str" => Ok(Type::Str),
            "int" => Ok(Type::Int),
            "float" => Ok(Type::Float),
            "bool" => Ok(Type::Bool),
            "object" => Ok(Type::Object(Vec::new())),
            "list" => {
                if !self.take('[') {
                    return Ok(Type::List(None));
                }
                let of = self.whole(depth + 1)?;
                self.close("list[T]")?;
                Ok(Type::List(Some(Box::new(of))))
            }
            "dict" => {
                if !self.take('[') {
                    return Ok(Type::Dict(None));
                }
                let key_at = self.at;
                let key = self.whole(depth + 1)?;
                if matches!(key, Type::List(_) | Type::Dict(_) | Type::Object(_)) {
                    self.at = key_at;
                    return Err(
                        self.fault(format!("`{key}` cannot be the type of a key: write `str`"))
                    );
                }
                if !self.take(',') {
                    return Err(self.fault("expected `,` and the type of the values: `dict[K, V]`"));
                }
                let value = self.whole(depth + 1)?;
                self.close("dict[K, V]")?;
                Ok(Type::Dict(Some(Box::new(Entry { key, value }))))
            }
            "" => Err(self.fault("a type is missing")),
            other => {
                self.at = start;
                let mut fault = self.fault(format!("there is no type `{other}`"));
                fault.unknown = Some(name);
                Err(fault)
            }
        }
    }

    fn close(&mut self, form: &str) -> Result<(), TypeFault> {
        if self.take(']') {
            return Ok(());
        }
        Err(self.fault(format!("expected `]`: `{form}`")))
    }
}

#[cfg(test)]
mod tests;
