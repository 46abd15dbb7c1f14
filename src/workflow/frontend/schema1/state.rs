//! The state: its fields, their types and what they begin with.

use super::map::{Map, Reading};
use crate::workflow::diagnostic::{At, Diagnostic, Phase};
use crate::workflow::frontend::tree::{Kind, Node};
use crate::workflow::normal::{Flow, StateField};
use crate::workflow::types::{Field, MAX_DEPTH, Type};

const STATE: &[&str] = &["fields"];
const FIELD: &[&str] = &["type", "required", "default", "description", "schema"];
const SCHEMA: &[&str] = &["type", "description", "schema", "required"];

pub(super) fn read(r: &mut Reading, node: &Node, flow: &mut Flow) {
    let Some(map) = r.map(node, "state", STATE) else {
        return;
    };
    let Some(fields) = r.required(&map, "fields") else {
        return;
    };
    let entries = r.entries(fields, "state.fields");
    if matches!(fields.kind, Kind::Map(_)) {
        flow.has_state = true;
        if entries.is_empty() {
            r.wrong(
                fields.place,
                "state.fields",
                "a state has at least one field",
            );
        }
    }
    for entry in entries {
        let path = format!("state.fields.{}", entry.key);
        if !crate::workflow::template::is_name(&entry.key) {
            r.wrong(entry.place, &path, format!("`{}` is not a name", entry.key))
                .suggest("names are letters, digits and `_`, and do not begin with a digit");
        }
        let mut field = StateField {
            name: At::new(entry.key.clone(), entry.place),
            of: None,
            required: false,
            default: None,
            description: None,
        };
        if let Kind::Scalar { .. } = &entry.value.kind {
            if entry.value.is_null() {
                r.wrong(
                    entry.place,
                    &path,
                    "expected a mapping with a `type`, found nothing",
                );
            } else if let Some(of) = r.type_of(&entry.value, &path, Phase::StateModelBuild) {
                // `topic: str` says all there is to say.
                let accepted = format!("`{}: {{ type: \"{of}\" }}`", entry.key);
                r.dialect(
                    entry.value.place,
                    &path,
                    "a field is a mapping with a `type`",
                    accepted,
                );
                if of.lacks_schema() {
                    r.wrong(
                        entry.value.place,
                        &path,
                        "an `object` needs a `schema` with its fields",
                    );
                } else {
                    field.of = Some(At::new(of, entry.value.place));
                }
            }
        } else if let Some(map) = r.map(&entry.value, &path, FIELD) {
            one(r, &map, &mut field);
        }
        flow.state.push(field);
    }
}

fn one(r: &mut Reading, map: &Map<'_>, field: &mut StateField) {
    if let Some(node) = r.required(map, "type") {
        field.of = typed(r, map, node, false);
    }
    field.required = r.flag(map, "required").unwrap_or(false);
    field.description = r.optional_text(map, "description");
    if let Some(node) = map.get("default") {
        field.default = r
            .value(node, &map.path("default"))
            .map(|value| At::new(value, node.place));
        if field.required {
            r.wrong(
                node.place,
                &map.path,
                "a field that must be given has no default",
            )
            .suggest("keep `required: true` or `default`, not both");
        }
    }
}

/// The type of a mapping with `type` and perhaps `schema`; without one it is, where that may be, what the state says.
pub(super) fn typed(
    r: &mut Reading,
    map: &Map<'_>,
    node: &Node,
    of_state: bool,
) -> Option<At<Type>> {
    let of = r.type_of(node, &map.path("type"), Phase::StateModelBuild)?;
    let Some(schema) = map.get("schema") else {
        if of.lacks_schema() && !of_state {
            let diagnostic = Diagnostic::error(
                Phase::StateModelBuild,
                "object_without_schema",
                node.place,
                "an `object` needs a `schema` with its fields",
            );
            r.push(
                diagnostic
                    .within(&map.path)
                    .suggest("schema: { name: str, age: int }, or the type `dict`"),
            );
            return None;
        }
        return Some(At::new(of, node.place));
    };
    if !of.has_object() {
        r.wrong(
            schema.place,
            &map.path("schema"),
            format!("only an `object` has a schema, this is `{of}`"),
        );
        return Some(At::new(of, node.place));
    }
    let fields = fields(r, schema, &map.path("schema"), 0)?;
    Some(At::new(of.with_fields(&fields), node.place))
}

/// The fields of a schema: `name: type`, or `name: { type, description, schema }`.
fn fields(r: &mut Reading, node: &Node, path: &str, depth: usize) -> Option<Vec<Field>> {
    if depth >= MAX_DEPTH {
        r.wrong(
            node.place,
            path,
            format!("nested deeper than {MAX_DEPTH} levels"),
        );
        return None;
    }
    let before = r.found.len();
    let entries = r.entries(node, path);
    let mut fields = Vec::new();
    for entry in entries {
        let path = format!("{path}.{}", entry.key);
        let field = if let Kind::Map(_) = &entry.value.kind {
            nested(r, &entry.value, &path, depth)
        } else {
            let of = r.type_of(&entry.value, &path, Phase::StateModelBuild);
            if of.as_ref().is_some_and(Type::lacks_schema) {
                r.wrong(
                    entry.value.place,
                    &path,
                    "an `object` needs a `schema` with its fields",
                )
                .suggest(format!(
                    "{}: {{ type: object, schema: {{ … }} }}",
                    entry.key
                ));
                None
            } else {
                of.map(|of| (of, None))
            }
        };
        if let Some((of, description)) = field {
            fields.push(Field {
                name: entry.key.clone(),
                of,
                description,
            });
        }
    }
    if entries.is_empty() && r.found.len() == before {
        r.wrong(node.place, path, "a schema has at least one field");
    }
    (r.found.len() == before).then_some(fields)
}

fn nested(
    r: &mut Reading,
    node: &Node,
    path: &str,
    depth: usize,
) -> Option<(Type, Option<String>)> {
    let map = r.map(node, path, SCHEMA)?;
    let of = r
        .required(&map, "type")
        .and_then(|node| r.type_of(node, &map.path("type"), Phase::StateModelBuild));
    let description = r.optional_text(&map, "description");
    if r.flag(&map, "required") == Some(false) {
        r.wrong(map.place, path, "every field of an object is required")
            .suggest("remove `required: false`, or use the type `dict`");
    }
    let of = of?;
    match map.get("schema") {
        Some(schema) if of.has_object() => {
            let fields = fields(r, schema, &map.path("schema"), depth + 1)?;
            Some((of.with_fields(&fields), description))
        }
        Some(schema) => {
            r.wrong(
                schema.place,
                path,
                format!("only an `object` has a schema, this is `{of}`"),
            );
            None
        }
        None if of.lacks_schema() => {
            r.wrong(
                node.place,
                path,
                "an `object` needs a `schema` with its fields",
            );
            None
        }
        None => Some((of, description)),
    }
}
