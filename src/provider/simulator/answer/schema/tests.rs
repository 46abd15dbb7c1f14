use super::*;

fn made(schema: &Value) -> Value {
    document(schema, &mut Random::new(7))
}

/// Whether the document is of the shape, by the rules the maker follows (enough of JSON schema for these tests).
fn satisfies(root: &Value, schema: &Value, value: &Value) -> bool {
    if let Some(path) = schema["$ref"].as_str() {
        let target = root.pointer(path.trim_start_matches('#')).expect(path);
        return satisfies(root, target, value);
    }
    if let Some(branches) = schema["anyOf"].as_array() {
        return branches.iter().any(|branch| satisfies(root, branch, value));
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.contains(value);
    }
    if let Some(constant) = schema.get("const") {
        return constant == value;
    }
    let of = |kind: &str| match kind {
        "object" => value.as_object().is_some_and(|object| {
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            required
                .iter()
                .all(|name| object.contains_key(name.as_str().expect("a name")))
                && object
                    .iter()
                    .all(|(name, value)| satisfies(root, &schema["properties"][name], value))
        }),
        "array" => value.as_array().is_some_and(|items| {
            items.len() as u64 >= schema["minItems"].as_u64().unwrap_or(0)
                && items
                    .iter()
                    .all(|item| satisfies(root, &schema["items"], item))
        }),
        "integer" => value.as_i64().is_some_and(|number| {
            number >= schema["minimum"].as_i64().unwrap_or(i64::MIN)
                && number <= schema["maximum"].as_i64().unwrap_or(i64::MAX)
        }),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => value.is_string(),
    };
    match &schema["type"] {
        Value::Array(kinds) => kinds.iter().any(|kind| of(kind.as_str().expect("a kind"))),
        Value::String(kind) => of(kind),
        _ => true,
    }
}

#[track_caller]
fn check(schema: &Value) {
    let value = made(schema);
    assert!(satisfies(schema, schema, &value), "{value} of {schema}");
}

#[test]
fn a_document_has_the_types_bounds_and_members_its_schema_asks_for() {
    check(
        &json!({ "type": "object", "required": ["city", "days", "unit"], "properties": {
        "city": { "type": "string" },
        "days": { "type": "integer", "minimum": 3, "maximum": 5 },
        "unit": { "enum": ["c", "f"] },
        "fixed": { "const": 12 },
        "note": { "type": ["string", "null"] },
        "deep": { "type": "object", "properties": { "list": { "type": "array", "minItems": 3, "items": { "type": "boolean" } } } },
        "either": { "anyOf": [{ "type": "number" }, { "type": "null" }] },
    } }),
    );
}

#[test]
fn a_schema_that_holds_itself_gets_a_document_that_ends() {
    check(&json!({
        "$defs": { "node": { "type": "object", "required": ["value", "next"], "properties": {
            "value": { "type": "integer" },
            "next": { "anyOf": [{ "$ref": "#/$defs/node" }, { "type": "null" }] },
        } } },
        "$ref": "#/$defs/node",
    }));
    // This one has no finite document; it ends all the same.
    let endless = json!({ "type": "object", "required": ["a", "b"], "properties": {
        "a": { "$ref": "#" }, "b": { "$ref": "#" },
    } });
    assert!(made(&endless).is_object());
}

#[test]
fn all_of_is_every_part_in_one_object() {
    let value = made(&json!({ "allOf": [
        { "type": "object", "properties": { "a": { "const": 1 } } },
        { "type": "object", "properties": { "b": { "const": 2 } } },
    ] }));
    assert_eq!(value, json!({ "a": 1, "b": 2 }));
}

#[test]
fn numbers_stay_within_exclusive_bounds() {
    let value = made(&json!({ "type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1 }));
    assert_eq!(value, json!(0.5));
    let value = made(&json!({ "type": "integer", "exclusiveMinimum": 4, "exclusiveMaximum": 6 }));
    assert_eq!(value, json!(5));
}
