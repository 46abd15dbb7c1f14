//! Schemas as Google first wrote them (types in capitals, `nullable`, counts as texts) made into JSON Schema, which everybody
//! else reads.

use super::request::camel;
use crate::dialect::translate::tree::Json;

/// What says in which order members are written: they are told in their own.
const ORDER: &str = "propertyOrdering";

/// How many there are of something; numbers that Google's clients write as texts.
const COUNTS: [&str; 6] = [
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "minProperties",
    "maxProperties",
];

/// The schema as everybody reads it. `closed`: its objects have the members it names and no others, as Google writes them.
pub(super) fn plain(schema: Json, closed: bool) -> Json {
    let Json::Object(members) = schema else {
        return schema;
    };
    let (mut written, mut nullable, mut named, mut open) = (Vec::new(), false, false, true);
    for (key, value) in members {
        let key = camel(key);
        let value = match (key.as_str(), value) {
            (ORDER, _) => continue,
            ("nullable", value) => {
                nullable = value == Json::Bool(true);
                continue;
            }
            ("type", Json::Text(word)) if word == "TYPE_UNSPECIFIED" => continue,
            ("type", Json::Text(word)) => Json::Text(word.to_ascii_lowercase()),
            ("properties", Json::Object(members)) => {
                named = true;
                let inner = members
                    .into_iter()
                    .map(|(name, inner)| (name, plain(inner, closed)));
                Json::Object(inner.collect())
            }
            ("items", inner) => plain(inner, closed),
            ("anyOf", Json::Array(all)) => {
                Json::Array(all.into_iter().map(|inner| plain(inner, closed)).collect())
            }
            ("additionalProperties", inner) => {
                open = false;
                plain(inner, closed)
            }
            (name, Json::Text(digits))
                if COUNTS.contains(&name) && digits.parse::<u64>().is_ok() =>
            {
                Json::Number(digits.into())
            }
            (_, value) => value,
        };
        written.push((key, value));
    }
    if nullable && let Some((_, kind)) = written.iter_mut().find(|(key, _)| key == "type") {
        let own = std::mem::replace(kind, Json::Null);
        *kind = Json::Array(vec![own, Json::from("null")]);
    }
    if closed && named && open {
        written.push(("additionalProperties".to_owned(), Json::Bool(false)));
    }
    Json::Object(written)
}

#[cfg(test)]
mod tests {
    use super::plain;
    use crate::dialect::translate::tree::Json;

    #[test]
    fn a_schema_of_googles_becomes_one_that_everybody_reads() {
        let check = |schema: &str, expected: &str| {
            let schema = Json::strict(schema.as_bytes()).expect("JSON");
            assert_eq!(plain(schema, true).written(), expected);
        };
        check(
            r#"{"type":"OBJECT","properties":{"type":{"type":"STRING","nullable":true},"n":{"type":"ARRAY","items":{"type":"INTEGER"},"min_items":"1"}},"required":["type"],"propertyOrdering":["n"]}"#,
            r#"{"type":"object","properties":{"type":{"type":["string","null"]},"n":{"type":"array","items":{"type":"integer"},"minItems":1}},"required":["type"],"additionalProperties":false}"#,
        );
        check(
            r#"{"anyOf":[{"type":"STRING","enum":["A"]},{"type":"OBJECT","additionalProperties":true}]}"#,
            r#"{"anyOf":[{"type":"string","enum":["A"]},{"type":"object","additionalProperties":true}]}"#,
        );
    }
}
