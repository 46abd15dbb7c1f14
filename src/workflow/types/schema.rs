//! Types as JSON schemas: what a model is asked to answer in.

use super::{Field, Type};
use crate::workflow::value::{Dict, Value};

impl Type {
    /// The JSON schema of this type, strict: all fields required, no others.
    #[must_use]
    pub fn json_schema(&self) -> Value {
        let named = |name: &str| ("type", Value::from(name));
        match self {
            Self::Str => Value::dict([named("string")]),
            Self::Int => Value::dict([named("integer")]),
            Self::Float => Value::dict([named("number")]),
            Self::Bool => Value::dict([named("boolean")]),
            Self::List(None) => Value::dict([named("array")]),
            Self::List(Some(of)) => Value::dict([named("array"), ("items", of.json_schema())]),
            Self::Dict(None) => Value::dict([named("object")]),
            Self::Dict(Some(of)) => Value::dict([
                named("object"),
                ("additionalProperties", of.value.json_schema()),
            ]),
            Self::Object(fields) => object_schema(fields),
        }
    }
}

/// The JSON schema of an object with these fields, in their order.
#[must_use]
pub fn object_schema(fields: &[Field]) -> Value {
    let mut properties = Dict::new();
    for field in fields {
        let mut schema = field.of.json_schema();
        if let (Value::Dict(entries), Some(description)) = (&mut schema, &field.description) {
            entries.insert("description".to_owned(), Value::from(description.as_str()));
        }
        properties.insert(field.name.clone(), schema);
    }
    let required = fields
        .iter()
        .map(|field| Value::from(field.name.as_str()))
        .collect();
    Value::dict([
        ("type", Value::from("object")),
        ("properties", Value::Dict(properties)),
        ("required", Value::List(required)),
        ("additionalProperties", Value::Bool(false)),
    ])
}
