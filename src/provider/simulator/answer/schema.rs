//! A JSON document that satisfies a JSON schema.
//!
//! It knows what vendors accept for structured outputs and tools: types, properties, required, enum, const, items,
//! `$ref` into the same schema, anyOf/oneOf (the first branch), allOf (merged), bounds of numbers, lengths and arrays, and
//! the common formats. Not here: `pattern`, `not`, `if`; a schema that needs them gets a document that ignores them.
//!
//! Invariant: it ends on every schema. Depth and size are bounded; recursion takes the branch that ends.

use crate::provider::simulator::text::Random;
use serde_json::{Map, Value, json};

/// From this depth on only what is required is written.
const DEEP: u32 = 5;
/// Here it ends, required or not.
const DEEPEST: u32 = 24;
/// Values in one document.
const SIZE: u32 = 4096;
/// Letters of one string, items of one array.
const LENGTH: u64 = 1024;

/// A document for this schema.
pub(in crate::provider::simulator) fn document(schema: &Value, random: &mut Random) -> Value {
    let mut maker = Maker {
        root: schema,
        random,
        left: SIZE,
    };
    maker.make(schema, 0)
}

struct Maker<'a, 'r> {
    root: &'a Value,
    random: &'r mut Random,
    left: u32,
}

impl<'a> Maker<'a, '_> {
    fn make(&mut self, schema: &'a Value, depth: u32) -> Value {
        self.left = self.left.saturating_sub(1);
        let Some(schema) = schema.as_object() else {
            return Value::String(self.word());
        };
        if self.left == 0 || depth > DEEPEST {
            return Value::Null;
        }
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            let target = target.strip_prefix('#');
            return match target.and_then(|path| self.root.pointer(path)) {
                Some(target) => self.make(target, depth + 1),
                None => Value::Null,
            };
        }
        if let Some(value) = schema.get("const") {
            return value.clone();
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            return self.random.pick(values).cloned().unwrap_or(Value::Null);
        }
        for name in ["anyOf", "oneOf"] {
            if let Some(branches) = schema.get(name).and_then(Value::as_array) {
                return match branch(branches, depth) {
                    Some(branch) => self.make(branch, depth + 1),
                    None => Value::Null,
                };
            }
        }
        if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
            return self.all(schema, parts, depth);
        }
        match kind(schema, depth) {
            "object" => self.object(schema, depth),
            "array" => self.array(schema, depth),
            "integer" => Value::from(self.integer(schema)),
            "number" => self.number(schema),
            "boolean" => Value::Bool(self.random.below(2) == 0),
            "null" => Value::Null,
            _ => Value::String(self.string(schema)),
        }
    }

    /// Every part is made by itself; objects are merged, of anything else the first counts.
    fn all(&mut self, schema: &'a Map<String, Value>, parts: &'a [Value], depth: u32) -> Value {
        let mut merged: Option<Value> = None;
        for part in parts {
            let made = self.make(part, depth + 1);
            match (&mut merged, made) {
                (Some(Value::Object(all)), Value::Object(more)) => all.extend(more),
                (Some(_), _) => {}
                (none, made) => *none = Some(made),
            }
        }
        if let (Some(Value::Object(all)), true) = (&mut merged, schema.contains_key("properties"))
            && let Value::Object(own) = self.object(schema, depth)
        {
            all.extend(own);
        }
        merged.unwrap_or(Value::Null)
    }

    fn object(&mut self, schema: &'a Map<String, Value>, depth: u32) -> Value {
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .map(|names| names.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let properties = schema.get("properties").and_then(Value::as_object);
        let mut object = Map::new();
        for (name, property) in properties.into_iter().flatten() {
            if depth < DEEP || required.contains(&name.as_str()) {
                let value = self.make(property, depth + 1);
                object.insert(name.clone(), value);
            }
        }
        let other = schema.get("additionalProperties").unwrap_or(&Value::Null);
        for name in required {
            if self.left > 0 && !object.contains_key(name) {
                let value = self.make(other, depth + 1);
                object.insert(name.to_owned(), value);
            }
        }
        Value::Object(object)
    }

    fn array(&mut self, schema: &'a Map<String, Value>, depth: u32) -> Value {
        let bound = |name| schema.get(name).and_then(Value::as_u64);
        let least = bound("minItems").unwrap_or(0);
        let most = bound("maxItems").unwrap_or(u64::MAX);
        let wanted = if depth < DEEP { 2 } else { 0 };
        let length = wanted.max(least).min(most).min(LENGTH);
        let places = schema.get("prefixItems").and_then(Value::as_array);
        let items = schema.get("items").unwrap_or(&Value::Null);
        let mut array = Vec::new();
        for at in 0..usize::try_from(length).unwrap_or(0) {
            if self.left == 0 {
                break;
            }
            let place = places.and_then(|places| places.get(at)).unwrap_or(items);
            array.push(self.make(place, depth + 1));
        }
        Value::Array(array)
    }

    fn integer(&mut self, schema: &Map<String, Value>) -> i64 {
        let whole = |name: &str| schema.get(name).and_then(floor);
        let above = whole("exclusiveMinimum").map(|low| low.saturating_add(1));
        let below = whole("exclusiveMaximum").map(|high| high.saturating_sub(1));
        let (low, high) = match (whole("minimum").or(above), whole("maximum").or(below)) {
            (Some(low), Some(high)) => (low, high),
            (Some(low), None) => (low, low.saturating_add(100)),
            (None, Some(high)) => (high.saturating_sub(100).max(0).min(high), high),
            (None, None) => (0, 100),
        };
        let span = u64::try_from(high.saturating_sub(low)).unwrap_or(0);
        let drawn = self.random.below(span.saturating_add(1));
        let value = low.saturating_add(i64::try_from(drawn).unwrap_or(0));
        match whole("multipleOf") {
            Some(step) if step > 0 => {
                let multiple = value.div_euclid(step).saturating_mul(step);
                if multiple < low {
                    multiple.saturating_add(step)
                } else {
                    multiple
                }
            }
            _ => value,
        }
    }

    fn number(&mut self, schema: &Map<String, Value>) -> Value {
        let bound = |names: [&str; 2]| {
            names
                .iter()
                .find_map(|name| schema.get(*name).and_then(Value::as_f64))
        };
        let low = bound(["minimum", "exclusiveMinimum"]);
        let high = bound(["maximum", "exclusiveMaximum"]);
        if schema.contains_key("multipleOf") || (low.is_none() && high.is_none()) {
            return Value::from(self.integer(schema));
        }
        // The middle is within any bounds, the exclusive ones too.
        let (low, high) = match (low, high) {
            (Some(low), Some(high)) => (low, high),
            (Some(low), None) => (low, low + 10.0),
            (None, high) => {
                let high = high.unwrap_or(10.0);
                (high - 10.0, high)
            }
        };
        json!(f64::midpoint(low, high))
    }

    fn string(&mut self, schema: &Map<String, Value>) -> String {
        let bound = |name| schema.get(name).and_then(Value::as_u64);
        let day = 1 + self.random.below(28);
        let text = match schema.get("format").and_then(Value::as_str) {
            Some("date-time") => format!("2026-01-{day:02}T12:00:00Z"),
            Some("date") => format!("2026-01-{day:02}"),
            Some("time") => format!("12:{day:02}:00Z"),
            Some("duration") => format!("PT{day}M"),
            Some("email") => format!("{}@example.com", self.word()),
            Some("hostname") => format!("{}.example.com", self.word()),
            Some("ipv4") => format!("192.0.2.{day}"),
            Some("ipv6") => format!("2001:db8::{day}"),
            Some("uri" | "url") => format!("https://example.com/{}", self.word()),
            Some("uuid") => {
                let (high, low) = (self.random.next(), self.random.next());
                let bits = u128::from(high) << 64 | u128::from(low);
                uuid::Builder::from_random_bytes(bits.to_be_bytes())
                    .into_uuid()
                    .to_string()
            }
            _ => self.word(),
        };
        let least = bound("minLength").unwrap_or(0).min(LENGTH);
        let most = bound("maxLength").unwrap_or(u64::MAX);
        let mut text: String = text
            .chars()
            .take(usize::try_from(most).unwrap_or(usize::MAX))
            .collect();
        while u64::try_from(text.len()).unwrap_or(u64::MAX) < least {
            text.push('x');
        }
        text
    }

    fn word(&mut self) -> String {
        crate::provider::simulator::text::write(self.random, 1)
    }
}

/// The first branch; deep down one that ends at once, if there is one.
fn branch(branches: &[Value], depth: u32) -> Option<&Value> {
    let ends = |branch: &&Value| branch.get("type").is_some_and(|kind| kind != "object");
    let shallow = branches.iter().find(ends).filter(|_| depth >= DEEP);
    shallow.or_else(|| branches.first())
}

/// The type to write: the first named that is not null; deep down null, where it is allowed.
fn kind(schema: &Map<String, Value>, depth: u32) -> &str {
    let inferred = || {
        if schema.contains_key("properties") || schema.contains_key("required") {
            "object"
        } else if schema.contains_key("items") || schema.contains_key("prefixItems") {
            "array"
        } else if schema.is_empty() || schema.keys().all(|key| key.starts_with('$')) {
            "object"
        } else {
            "string"
        }
    };
    match schema.get("type") {
        Some(Value::String(name)) => name,
        Some(Value::Array(names)) => {
            let mut names = names.iter().filter_map(Value::as_str);
            if depth >= DEEP && names.clone().any(|name| name == "null") {
                return "null";
            }
            names.find(|name| *name != "null").unwrap_or("null")
        }
        _ => inferred(),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a float beyond i64 becomes its nearest bound"
)]
fn floor(value: &Value) -> Option<i64> {
    value
        .as_i64()
        .or_else(|| value.as_f64().map(|number| number.floor() as i64))
}

#[cfg(test)]
mod tests;
