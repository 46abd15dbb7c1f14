//! JSON with places for values: the body that a tool sends. Its texts are templates; keys, numbers and the shape are fixed,
//! so no value that is filled in can add a key.

use super::{Template, TemplateFault, Unfilled};
use crate::workflow::value::{Dict, Value};
use serde::{Deserialize, Serialize};

/// JSON whose texts are templates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Body {
    /// A text to fill in.
    Text(Template),
    /// A value without texts in it.
    Literal(#[schemars(with = "serde_json::Value")] Value),
    /// A list.
    List(Vec<Body>),
    /// An object.
    Object(Vec<Member>),
}

/// A member of an object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Its key.
    pub name: String,
    /// Its value.
    pub value: Body,
}

impl Body {
    /// Reads the texts of a value as templates.
    ///
    /// # Errors
    /// One of them is none.
    pub fn parse(value: &Value) -> Result<Self, TemplateFault> {
        Ok(match value {
            Value::Str(text) => Self::Text(Template::parse(text)?),
            Value::List(items) => {
                Self::List(items.iter().map(Self::parse).collect::<Result<_, _>>()?)
            }
            Value::Dict(entries) => {
                let members = entries.iter().map(|(name, value)| {
                    Ok(Member {
                        name: name.clone(),
                        value: Self::parse(value)?,
                    })
                });
                Self::Object(members.collect::<Result<_, _>>()?)
            }
            other => Self::Literal(other.clone()),
        })
    }

    /// Fills it in.
    ///
    /// # Errors
    /// A way leads nowhere.
    pub fn fill(&self, inputs: &Dict, state: &Dict) -> Result<Value, Unfilled> {
        Ok(match self {
            Self::Text(template) => Value::Str(template.fill(inputs, state)?),
            Self::Literal(value) => value.clone(),
            Self::List(items) => {
                let items = items.iter().map(|item| item.fill(inputs, state));
                Value::List(items.collect::<Result<_, _>>()?)
            }
            Self::Object(members) => {
                let mut entries = Dict::new();
                for member in members {
                    entries.insert(member.name.clone(), member.value.fill(inputs, state)?);
                }
                Value::Dict(entries)
            }
        })
    }

    /// The templates within it.
    #[must_use]
    pub fn templates(&self) -> Vec<&Template> {
        match self {
            Self::Text(template) => vec![template],
            Self::Literal(_) => Vec::new(),
            Self::List(items) => items.iter().flat_map(Self::templates).collect(),
            Self::Object(members) => members
                .iter()
                .flat_map(|member| member.value.templates())
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_filled_in_and_nothing_else_changes() {
        let value = Value::from_json(r#"{"q":"{a} {state.b}","n":[1,true,"{{"],"o":{}}"#).unwrap();
        let body = Body::parse(&value).unwrap();
        let inputs: Dict = [("a".to_owned(), Value::from("\",\"x\":1"))]
            .into_iter()
            .collect();
        let state: Dict = [("b".to_owned(), Value::Int(2))].into_iter().collect();
        assert_eq!(
            body.fill(&inputs, &state).unwrap().to_json().unwrap(),
            r#"{"q":"\",\"x\":1 2","n":[1,true,"{"],"o":{}}"#
        );
        assert_eq!(body.templates().len(), 2);
        assert!(Body::parse(&Value::from("{")).is_err());
    }
}
