//! What a model answered, as the values its node writes.

use super::Output;
use crate::workflow::types::{Elements, Type};
use crate::workflow::value::{Dict, Value};

/// Why an answer is none. The words are for the model, too: they are what a repeated question hints at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerFault {
    /// Not JSON.
    #[error("the answer is not JSON: {0}")]
    NotJson(String),
    /// JSON of another shape.
    #[error("the answer does not fit: {0}")]
    Misfit(String),
}

/// The name under which a single value is answered.
const RESULT: &str = "result";

impl Output {
    /// Reads an answer: JSON, also in a fence of Markdown, coerced to the fields' types; what nobody asked for is dropped.
    ///
    /// # Errors
    /// It is not JSON, a field is missing, or a value does not fit its type.
    pub fn read(&self, answer: &str, elements: Elements) -> Result<Dict, AnswerFault> {
        let value = Value::from_json(unfenced(answer))
            .map_err(|fault| AnswerFault::NotJson(fault.to_string()))?;
        let mut fields = self.fields.clone();
        if let (true, Some(only)) = (self.wrapped, fields.first_mut()) {
            RESULT.clone_into(&mut only.name);
        }
        let of = Type::Object(fields);
        let read = of
            .coerce(value, elements)
            .map_err(|misfit| AnswerFault::Misfit(misfit.to_string()))?;
        let Value::Dict(entries) = read else {
            return Ok(Dict::new());
        };
        // By position: an object's fields come out in its own order.
        let named = self
            .fields
            .iter()
            .zip(entries)
            .map(|(field, (_, value))| (field.name.clone(), value));
        Ok(named.collect())
    }
}

/// The text within a fence, if all of it is in one.
fn unfenced(answer: &str) -> &str {
    let text = answer.trim();
    let within = text
        .strip_prefix("```")
        .and_then(|rest| rest.strip_suffix("```"))
        .and_then(|rest| rest.split_once('\n'));
    match within {
        Some((language, body)) if language.trim().chars().all(char::is_alphanumeric) => body,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::types::Field;

    fn output(wrapped: bool, fields: &[(&str, &str)]) -> Output {
        let fields = fields.iter().map(|(name, of)| Field {
            name: (*name).to_owned(),
            of: Type::parse(of).unwrap(),
            description: None,
        });
        Output {
            name: "Output_n".to_owned(),
            fields: fields.collect(),
            wrapped,
            schema: Value::Null,
        }
    }

    #[test]
    fn answers_become_what_the_node_writes() {
        let check = |output: &Output, answer: &str, expected: Result<&str, &str>| {
            let read = output.read(answer, Elements::Typed);
            let told = read
                .as_ref()
                .map(|entries| Value::Dict(entries.clone()).to_json().unwrap());
            match expected {
                Ok(json) => assert_eq!(told.as_deref(), Ok(json), "{answer}"),
                Err(message) => assert_eq!(read.unwrap_err().to_string(), message, "{answer}"),
            }
        };
        let both = output(false, &[("a", "int"), ("b", "list[str]")]);
        check(
            &both,
            r#"{"b": ["x"], "a": "12", "c": 1}"#,
            Ok(r#"{"a":12,"b":["x"]}"#),
        );
        check(
            &both,
            "```json\n{\"a\": 1.0, \"b\": []}\n```\n",
            Ok(r#"{"a":1,"b":[]}"#),
        );
        check(
            &both,
            "```\n{\"a\": 1, \"b\": []}\n```",
            Ok(r#"{"a":1,"b":[]}"#),
        );
        check(
            &both,
            r#"{"a": 1}"#,
            Err("the answer does not fit: the field `b` (list[str]) is missing"),
        );
        check(
            &both,
            r#"{"a": 2.5, "b": []}"#,
            Err("the answer does not fit: .a: expected int, found float 2.5"),
        );
        check(
            &both,
            r#"{"a": 1, "b": [5]}"#,
            Err("the answer does not fit: .b[0]: expected str, found int 5"),
        );
        check(
            &both,
            "[]",
            Err("the answer does not fit: expected object, found list []"),
        );
        check(
            &both,
            "Sure! {}",
            Err("the answer is not JSON: not a JSON value at byte 0"),
        );
        let one = output(true, &[("done", "bool")]);
        check(&one, r#"{"result": "yes"}"#, Ok(r#"{"done":true}"#));
        check(
            &one,
            "true",
            Err("the answer does not fit: expected object, found bool True"),
        );
        check(
            &one,
            r#"{"result": null}"#,
            Err("the answer does not fit: .result: expected bool, found nothing (null)"),
        );
    }
}
