//! Prompts with places for values: `{name}`, `{a.b}`, `{state.x}`; `{{` and `}}` are the braces themselves.
//!
//! A template is read once and filled in one pass. What is filled in is never looked at again: a value with `{secret}` in
//! it stays a text with braces, so no answer of a model can ask for another part of the state.
//!
//! Not here: which names there are (`check`).

mod body;

pub use body::{Body, Member};

use super::value::{Dict, Value};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The longest way into a value.
pub const MAX_STEPS: usize = 16;

/// A template.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Template {
    /// Its parts, in order.
    pub parts: Vec<Part>,
}

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Part {
    /// As it is.
    Text(String),
    /// A value of the node's inputs or, where they have none of this name, of the state.
    Value(Vec<String>),
    /// A value of the state.
    State(Vec<String>),
}

/// Why a text is no template, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateFault {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: String,
    /// The line in the text, from 0.
    pub line: usize,
    /// The character in the line, from 0.
    pub column: usize,
}

/// A value that is not there when a template is filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{{{name}}}` cannot be filled in: {reason}")]
pub struct Unfilled {
    /// The way as written.
    pub name: String,
    /// Why.
    pub reason: String,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// Its braces do not match, or hold no name.
    pub fn parse(text: &str) -> Result<Self, TemplateFault> {
        Self::parse_with_places(text).map(|(template, _)| template)
    }

    /// Reads a template, and tells where in the text each of its [`ways`](Self::ways) begins, in bytes.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_with_places(text: &str) -> Result<(Self, Vec<usize>), TemplateFault> {
        let mut places = Vec::new();
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            plain.push_str(before);
            let here = text.len() - from.len();
            if let Some(after) = from.strip_prefix("{{") {
                plain.push('{');
                rest = after;
            } else if let Some(after) = from.strip_prefix("}}") {
                plain.push('}');
                rest = after;
            } else if from.starts_with('}') {
                return Err(fault(
                    text,
                    here,
                    "`}` without its `{`",
                    "for the character itself write `}}`",
                ));
            } else {
                let Some((name, after)) = from.get(1..).and_then(|inner| inner.split_once('}'))
                else {
                    return Err(fault(
                        text,
                        here,
                        "`{` without its `}`",
                        "for the character itself write `{{`",
                    ));
                };
                let part =
                    place(name).map_err(|(message, help)| fault(text, here, &message, &help))?;
                if !plain.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut plain)));
                }
                parts.push(part);
                places.push(here);
                rest = after;
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok((Self { parts }, places))
    }

    /// Fills it in. A name that has no value yet is `None`, as in Python; a way into something that is not there is an error.
    ///
    /// # Errors
    /// A way leads nowhere.
    pub fn fill(&self, inputs: &Dict, state: &Dict) -> Result<String, Unfilled> {
        let mut out = String::new();
        for part in &self.parts {
            let (value, way) = match part {
                Part::Text(text) => {
                    out.push_str(text);
                    continue;
                }
                Part::Value(way) => {
                    let first = way.first().map_or("", String::as_str);
                    (inputs.get(first).or_else(|| state.get(first)), way)
                }
                Part::State(way) => (state.get(way.first().map_or("", String::as_str)), way),
            };
            let value = walk(value.unwrap_or(&Value::Null), way)?;
            out.push_str(&value.to_string());
        }
        Ok(out)
    }

    /// The ways it takes, each with whether it leads into the state alone.
    pub fn ways(&self) -> impl Iterator<Item = (&[String], bool)> {
        self.parts.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Value(way) => Some((way.as_slice(), false)),
            Part::State(way) => Some((way.as_slice(), true)),
        })
    }
}

impl fmt::Display for Template {
    /// As it could have been written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part {
                Part::Text(text) => {
                    f.write_str(&text.replace('{', "{{").replace('}', "}}"))?;
                }
                Part::Value(way) => write!(f, "{{{}}}", way.join("."))?,
                Part::State(way) => write!(f, "{{state.{}}}", way.join("."))?,
            }
        }
        Ok(())
    }
}

fn walk<'a>(first: &'a Value, way: &[String]) -> Result<&'a Value, Unfilled> {
    let mut value = first;
    for step in way.iter().skip(1) {
        let Some(next) = value.get(step) else {
            let reason = match value {
                Value::Dict(_) => format!("there is no `{step}`"),
                other => format!("`{step}` is asked of {}", other.type_name()),
            };
            return Err(Unfilled {
                name: way.join("."),
                reason,
            });
        };
        value = next;
    }
    Ok(value)
}

/// What stands between braces, or what is wrong with it and what to do.
fn place(name: &str) -> Result<Part, (String, String)> {
    let mut shown: String = name.chars().take(40).take_while(|c| *c != '\n').collect();
    if shown.len() < name.len() {
        shown.push('…');
    }
    let no = |help: &str| {
        Err((
            format!("`{{{shown}}}` is no place for a value"),
            help.to_owned(),
        ))
    };
    if name.trim().is_empty() {
        return no("write a name between the braces, or `{{` and `}}` for the braces themselves");
    }
    let way: Vec<String> = name.split('.').map(str::to_owned).collect();
    if way.iter().all(|step| is_name(step)) {
        if way.len() > MAX_STEPS {
            return no("the way is too long");
        }
        return Ok(match way.split_first() {
            Some((first, rest)) if first == "state" && !rest.is_empty() => {
                Part::State(rest.to_vec())
            }
            _ => Part::Value(way),
        });
    }
    if name.trim().split('.').all(is_name) {
        return no("remove the spaces within the braces");
    }
    if name.contains(['[', '!', ':']) && !name.contains(['"', '\'', '\n']) {
        return no(
            "write names joined by dots: indices, conversions and formats are not supported",
        );
    }
    no("for text with braces in it, such as JSON, write `{{` and `}}`")
}

/// Whether a text is a name as Python has them.
#[must_use]
pub fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

fn fault(text: &str, at: usize, message: &str, help: &str) -> TemplateFault {
    let before = text.get(..at).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    TemplateFault {
        message: message.to_owned(),
        help: help.to_owned(),
        line: before.matches('\n').count(),
        column: line.chars().count(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn dict(text: &str) -> Dict {
        match Value::from_json(text).unwrap() {
            Value::Dict(entries) => entries,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn values_are_filled_in_as_python_prints_them() {
        let state = dict(
            r#"{"a":1.0,"b":true,"c":null,"d":["a","it's"],"e":{"k":[1,null]},"f":"{secret}","secret":"s","state":"x"}"#,
        );
        let inputs = dict(r#"{"a":"in"}"#);
        let check = |text: &str, expected: &str| {
            let template = Template::parse(text).unwrap();
            assert_eq!(template.fill(&inputs, &state).unwrap(), expected);
            assert_eq!(Template::parse(&template.to_string()), Ok(template));
        };
        check("{a} {state.a}", "in 1.0");
        check("{b}{c}", "TrueNone");
        check("{d}", r#"['a', "it's"]"#);
        check("{e.k}", "[1, None]");
        check("{f}", "{secret}");
        check("{{a}} {{{a}}}", "{a} {in}");
        check("{unset}", "None");
        check("{state}", "x");
        check("no places é", "no places é");
        check("", "");
    }

    #[test]
    fn a_way_to_nowhere_is_told() {
        let check = |text: &str, expected: &str| {
            let template = Template::parse(text).unwrap();
            let state = dict(r#"{"e":{},"n":5}"#);
            let told = template.fill(&Dict::new(), &state).unwrap_err().to_string();
            assert_eq!(told, expected);
        };
        check("{e.k}", "`{e.k}` cannot be filled in: there is no `k`");
        check("{n.k}", "`{n.k}` cannot be filled in: `k` is asked of int");
        check(
            "{x.k}",
            "`{x.k}` cannot be filled in: `k` is asked of NoneType",
        );
    }

    #[test]
    fn what_is_no_template_is_told_with_its_place() {
        let check = |text: &str, place: (usize, usize), message: &str| {
            let fault = Template::parse(text).unwrap_err();
            assert_eq!((fault.line, fault.column), place, "{text}");
            assert_eq!(fault.message, message);
        };
        check("a {b", (0, 2), "`{` without its `}`");
        check("é }", (0, 2), "`}` without its `{`");
        check("a\nb {}", (1, 2), "`{}` is no place for a value");
        check("{ a }", (0, 0), "`{ a }` is no place for a value");
        check("{a[0]}", (0, 0), "`{a[0]}` is no place for a value");
        check("{a:>3}", (0, 0), "`{a:>3}` is no place for a value");
        check("{\"k\": 1}", (0, 0), "`{\"k\": 1}` is no place for a value");
        check("{a..b}", (0, 0), "`{a..b}` is no place for a value");
        check("{a.0}", (0, 0), "`{a.0}` is no place for a value");
    }

    proptest! {
        #[test]
        fn nothing_that_is_filled_in_is_filled_again(value in any::<String>(), text in "[ab{} ]{0,12}") {
            let state: Dict = [("a".to_owned(), Value::Str(value.clone()))].into_iter().collect();
            let filled = Template::parse("<{a}>").unwrap().fill(&Dict::new(), &state).unwrap();
            prop_assert_eq!(filled, format!("<{value}>"));
            if let Ok(template) = Template::parse(&text) {
                prop_assert_eq!(Template::parse(&template.to_string()), Ok(template));
            }
        }
    }
}
