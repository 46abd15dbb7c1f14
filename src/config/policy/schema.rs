//! The shape of a policy file for editors (JSON schema) and for people (a reference in Markdown), both from the table.

use super::keys::FILE;
use super::shape::{Mapping, Shape};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The JSON schema of a policy file.
#[must_use]
pub fn policy_schema() -> Value {
    let mut definitions = Map::new();
    let root = mapping(&FILE, &mut definitions);
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Policy of tollgate",
    });
    if let (Some(schema), Value::Object(root)) = (schema.as_object_mut(), root) {
        schema.extend(root);
        schema.insert("$defs".to_owned(), Value::Object(definitions));
    }
    schema
}

fn mapping(of: &Mapping, definitions: &mut Map<String, Value>) -> Value {
    let mut properties = Map::new();
    for key in of.keys {
        let mut value = shape(key.shape, definitions);
        if let Some(value) = value.as_object_mut() {
            value.insert("description".to_owned(), json!(key.about));
        }
        properties.insert(key.name.to_owned(), value);
    }
    let required: Vec<&str> = of
        .keys
        .iter()
        .filter(|key| key.required)
        .map(|key| key.name)
        .collect();
    let mut schema = json!({
        "type": "object",
        "description": of.about,
        "properties": properties,
        "additionalProperties": false,
    });
    if let Some(schema) = schema.as_object_mut() {
        if !required.is_empty() {
            schema.insert("required".to_owned(), json!(required));
        }
        if !of.one_of.is_empty() {
            let one_of = of.one_of.iter().map(|name| json!({ "required": [name] }));
            schema.insert("anyOf".to_owned(), one_of.collect());
        }
    }
    schema
}

/// A reference to a mapping, which is defined on the way.
fn reference_to(of: &Mapping, definitions: &mut Map<String, Value>) -> Value {
    if !definitions.contains_key(of.name) {
        definitions.insert(of.name.to_owned(), Value::Null);
        let definition = mapping(of, definitions);
        definitions.insert(of.name.to_owned(), definition);
    }
    json!({ "$ref": format!("#/$defs/{}", of.name) })
}

fn shape(of: Shape, definitions: &mut Map<String, Value>) -> Value {
    match of {
        Shape::Text | Shape::Expression | Shape::Stamp => json!({ "type": "string" }),
        Shape::Scalar => json!({ "type": ["string", "number", "boolean"] }),
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Version => json!({ "const": 1 }),
        Shape::Number(least, most) => {
            json!({ "type": "integer", "minimum": least, "maximum": most })
        }
        Shape::Numbers(known) => json!({ "enum": known }),
        Shape::Decimal(most, _) => {
            json!({ "type": "number", "minimum": 0, "maximum": most / 1_000 })
        }
        Shape::Percent => json!({ "type": "string", "pattern": "^[0-9]+(\\.[0-9]{1,3})?%$" }),
        Shape::Length => json!({ "type": "string", "pattern": "^[0-9]+ *(ms|s|m|h|d)$" }),
        Shape::Dollars => json!({ "type": ["string", "number"] }),
        Shape::Word(words) => json!({ "enum": words }),
        Shape::List(item) => {
            let item = shape(*item, definitions);
            json!({ "anyOf": [item, { "type": "array", "items": item }] })
        }
        Shape::Named(value) => {
            json!({ "type": "object", "additionalProperties": shape(*value, definitions) })
        }
        Shape::Keys(mapping) => reference_to(mapping, definitions),
        Shape::AnyOr(mapping) => {
            json!({ "anyOf": [{ "const": "any" }, reference_to(mapping, definitions)] })
        }
    }
}

/// Every key of a policy file, in Markdown.
#[must_use]
pub fn reference() -> String {
    let mut out = String::new();
    section(&FILE, &mut out, &mut BTreeSet::new());
    out
}

/// A table of a mapping's keys, then those of the mappings within.
fn section(of: &Mapping, out: &mut String, seen: &mut BTreeSet<&'static str>) {
    if !out.is_empty() {
        out.push('\n');
    }
    let _ = write!(out, "## {}\n\n{}\n", of.name, of.about);
    if !of.one_of.is_empty() {
        let _ = writeln!(out, "At least one of {}.", super::scalar::quoted(of.one_of));
    }
    out.push_str("\n| key | takes | |\n|---|---|---|\n");
    for key in of.keys {
        let needed = if key.required { "**required** " } else { "" };
        let _ = writeln!(
            out,
            "| `{}` | {} | {needed}{} |",
            key.name,
            takes(key.shape),
            key.about
        );
    }
    for inner in of.keys.iter().filter_map(|key| inner(key.shape)) {
        if seen.insert(inner.name) {
            section(inner, out, seen);
        }
    }
}

/// The mapping within a shape.
fn inner(shape: Shape) -> Option<&'static Mapping> {
    match shape {
        Shape::Keys(mapping) | Shape::AnyOr(mapping) => Some(mapping),
        Shape::List(of) | Shape::Named(of) => inner(*of),
        _ => None,
    }
}

/// What a shape is called in the reference.
fn takes(shape: Shape) -> String {
    match shape {
        Shape::Text => "text".to_owned(),
        Shape::Scalar => "text, number or flag".to_owned(),
        Shape::Stamp => "date or time".to_owned(),
        Shape::Expression => "expression".to_owned(),
        Shape::Flag => "`true` or `false`".to_owned(),
        Shape::Version => "`1`".to_owned(),
        Shape::Number(least, most) => format!("{least} to {most}"),
        Shape::Numbers(known) => {
            let known: Vec<String> = known.iter().map(|known| format!("`{known}`")).collect();
            known.join(", ")
        }
        Shape::Decimal(most, _) => format!("0 to {}", most / 1_000),
        Shape::Percent => "`80%`".to_owned(),
        Shape::Length => "`60s`".to_owned(),
        Shape::Dollars => "`\"$2.00\"`".to_owned(),
        Shape::Word(words) => super::scalar::quoted(words),
        Shape::List(of) => format!("one or a list of: {}", takes(*of)),
        Shape::Named(of) => format!("names, each with {}", takes(*of)),
        Shape::Keys(mapping) => format!("{{{}}}", mapping.name),
        Shape::AnyOr(mapping) => format!("`any` or {{{}}}", mapping.name),
    }
}
