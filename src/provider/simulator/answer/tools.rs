//! Which tools a call offers, and which of them the answer calls.

use super::error::Refusal;
use super::prompt::{Prompt, Turn};
use super::{Ask, schema};
use crate::provider::simulator::text::Random;
use serde_json::Value;

/// Tools called at once, when the user asks for that.
const PARALLEL: usize = 3;

/// The tools of a request.
pub(super) struct Tools<'a> {
    /// What ids of calls begin with.
    prefix: &'static str,
    offered: Vec<(&'a str, &'a Value)>,
    choice: Choice<'a>,
    parallel: bool,
}

enum Choice<'a> {
    Auto,
    Never,
    Always,
    This(&'a str),
}

/// One tool call of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ToolCall {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) arguments: String,
}

impl<'a> Tools<'a> {
    /// Reads them; chat nests the function, responses does not, and both are taken.
    pub(super) fn read(ask: &Ask<'a>) -> Result<Self, Refusal> {
        let listed = match ask.member("tools") {
            None => &[][..],
            Some(Value::Array(tools)) => tools.as_slice(),
            Some(_) => return Err(Refusal::wrong_type("tools", "an array of tools")),
        };
        let function = |tool: &'a Value| tool.get("function").unwrap_or(tool);
        let offered = listed
            .iter()
            .filter(|tool| tool.get("type").and_then(Value::as_str) == Some("function"))
            .filter_map(|tool| {
                let function = function(tool);
                let name = function.get("name").and_then(Value::as_str)?;
                Some((name, function.get("parameters").unwrap_or(&Value::Null)))
            })
            .collect();
        let choice = match ask.member("tool_choice") {
            Some(Value::String(word)) => match word.as_str() {
                "none" => Choice::Never,
                "required" => Choice::Always,
                _ => Choice::Auto,
            },
            Some(one) => match function(one).get("name").and_then(Value::as_str) {
                Some(name) => Choice::This(name),
                None => Choice::Auto,
            },
            None => Choice::Auto,
        };
        let parallel = ask
            .member("parallel_tool_calls")
            .and_then(Value::as_bool)
            .unwrap_or(true);
        Ok(Self {
            prefix: "call_",
            offered,
            choice,
            parallel,
        })
    }

    /// The same as messages spell them.
    pub(super) fn of_messages(ask: &Ask<'a>) -> Self {
        let listed = ask.member("tools").and_then(Value::as_array);
        let offered = listed
            .into_iter()
            .flatten()
            .filter_map(|tool| {
                let name = tool.get("name").and_then(Value::as_str)?;
                Some((name, tool.get("input_schema")?))
            })
            .collect();
        let choice = ask.member("tool_choice");
        let said = |name: &str| choice.and_then(|choice| choice.get(name));
        let choice = match (said("type").and_then(Value::as_str), said("name")) {
            (Some("none"), _) => Choice::Never,
            (Some("any"), _) => Choice::Always,
            (Some("tool"), Some(Value::String(name))) => Choice::This(name),
            _ => Choice::Auto,
        };
        let alone = said("disable_parallel_tool_use").and_then(Value::as_bool);
        Self {
            prefix: "toolu_",
            offered,
            choice,
            parallel: !alone.unwrap_or(false),
        }
    }

    /// The calls the answer makes; none if it is to be text.
    pub(super) fn calls(
        &self,
        ask: &Ask<'_>,
        prompt: &Prompt,
        random: &mut Random,
    ) -> Vec<ToolCall> {
        let mut names: Vec<&str> = match (&ask.knobs.tool, &self.choice) {
            (Some(name), _) => vec![name],
            (None, Choice::This(name)) => vec![name],
            (None, Choice::Always) => self.first(),
            (None, Choice::Auto) if prompt.turn == Turn::User => self.first(),
            _ => Vec::new(),
        };
        let asked = self.parallel && prompt.last_user.to_ascii_lowercase().contains("parallel");
        if let ([one], true, Choice::Auto | Choice::Always) =
            (names.as_slice(), asked, &self.choice)
        {
            let one = *one;
            let others = self.offered.iter().map(|(name, _)| *name);
            names.extend(others.filter(|name| *name != one).take(PARALLEL - 1));
            if names.len() == 1 {
                names.push(one);
            }
        }
        names
            .into_iter()
            .map(|name| {
                let parameters = self.offered.iter().find(|(known, _)| *known == name);
                let arguments = match parameters {
                    Some((_, parameters)) if parameters.is_object() => {
                        schema::document(parameters, random)
                    }
                    _ => Value::Object(serde_json::Map::new()),
                };
                ToolCall {
                    id: random.id(self.prefix, 24),
                    name: name.to_owned(),
                    arguments: arguments.to_string(),
                }
            })
            .collect()
    }

    fn first(&self) -> Vec<&'a str> {
        self.offered.iter().map(|(name, _)| *name).take(1).collect()
    }
}
