//! What the model is shown: its tokens, whose turn it is, what the user said last.
//!
//! Tokens are counted over the decoded text, with three for each message and three that open the answer, and a quarter of
//! the bytes of tools and schemas: much like the real models, and always fewer than the body has bytes.

use super::Ask;
use super::error::Refusal;
use crate::provider::simulator::text::count;
use serde_json::Value;

/// Tokens around each message.
const MESSAGE: u64 = 3;
/// Tokens that open the answer.
const OPENING: u64 = 3;
/// Tokens of an image, a sound or a file: the cheapest a real one is (the body's length bounds the sum).
const MEDIA: u64 = 85;

/// Who spoke last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Turn {
    User,
    Tool,
    #[default]
    Other,
}

/// A conversation, weighed.
#[derive(Debug, Default)]
pub(super) struct Prompt {
    pub(super) tokens: u64,
    pub(super) last_user: String,
    pub(super) turn: Turn,
}

impl Prompt {
    /// The messages of a chat.
    pub(super) fn of_chat(ask: &Ask<'_>) -> Result<Self, Refusal> {
        let messages = ask
            .member("messages")
            .ok_or_else(|| Refusal::missing("messages"))?
            .as_array()
            .ok_or_else(|| Refusal::wrong_type("messages", "an array of messages"))?;
        if messages.is_empty() {
            return Err(Refusal::invalid(
                "Invalid 'messages': empty array. Expected an array with minimum length 1.",
                Some("messages"),
            ));
        }
        let mut prompt = Self::opened(ask, &["tools", "response_format"]);
        for (at, message) in messages.iter().enumerate() {
            let role = message
                .get("role")
                .and_then(Value::as_str)
                .ok_or_else(|| Refusal::missing(&format!("messages[{at}].role")))?;
            prompt.message(role, message)?;
        }
        Ok(prompt)
    }

    /// The input of the responses API.
    pub(super) fn of_responses(ask: &Ask<'_>) -> Result<Self, Refusal> {
        let mut prompt = Self::opened(ask, &["tools", "text"]);
        if let Some(instructions) = ask.member("instructions").and_then(Value::as_str) {
            prompt.tokens += count(instructions) + MESSAGE;
        }
        match ask.member("input") {
            Some(Value::String(text)) => {
                prompt.tokens += count(text) + MESSAGE;
                prompt.last_user.clone_from(text);
                prompt.turn = Turn::User;
            }
            Some(Value::Array(items)) => {
                for item in items {
                    prompt.item(item)?;
                }
            }
            Some(_) => {
                return Err(Refusal::wrong_type(
                    "input",
                    "a string or an array of items",
                ));
            }
            None => return Err(Refusal::missing("input")),
        }
        Ok(prompt)
    }

    /// The conversation of messages, which [`super::messages_shape`] found to be one.
    pub(super) fn of_messages(ask: &Ask<'_>) -> Self {
        let mut prompt = Self::opened(ask, &["tools", "output_config"]);
        prompt.said(ask.member("system"));
        for message in ask
            .member("messages")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            prompt.tokens += MESSAGE;
            let (text, answers) = prompt.said(message.get("content"));
            prompt.turn = match message.get("role").and_then(Value::as_str) {
                Some("user") if answers => Turn::Tool,
                Some("user") => Turn::User,
                _ => Turn::Other,
            };
            if prompt.turn == Turn::User {
                prompt.last_user = text;
            }
        }
        prompt
    }

    /// Counts a content of blocks; returns its text, and whether it answers calls of tools.
    fn said(&mut self, content: Option<&Value>) -> (String, bool) {
        match content {
            Some(Value::String(text)) => {
                self.tokens += count(text);
                (text.clone(), false)
            }
            Some(Value::Array(blocks)) => {
                let (mut all, mut answers) = (String::new(), false);
                for block in blocks {
                    let text = |name: &str| block.get(name).and_then(Value::as_str);
                    match text("type") {
                        Some("tool_result") => {
                            self.said(block.get("content"));
                            answers = true;
                        }
                        Some("tool_use") => {
                            let input = block.get("input").map(Value::to_string);
                            self.tokens += count(text("name").unwrap_or_default());
                            self.tokens += count(&input.unwrap_or_default());
                        }
                        _ => match text("text").or_else(|| text("thinking")) {
                            Some(text) => {
                                self.tokens += count(text);
                                all.push_str(text);
                            }
                            None => self.tokens += MEDIA,
                        },
                    }
                }
                (all, answers)
            }
            _ => (String::new(), false),
        }
    }

    fn opened(ask: &Ask<'_>, documents: &[&str]) -> Self {
        let bytes = |name: &&str| ask.member(name).map_or(0, |value| value.to_string().len());
        let bytes: usize = documents.iter().map(bytes).sum();
        Self {
            tokens: OPENING + u64::try_from(bytes / 4).unwrap_or(0),
            ..Self::default()
        }
    }

    fn message(&mut self, role: &str, message: &Value) -> Result<(), Refusal> {
        let text = self.content(message.get("content"))?;
        self.tokens += MESSAGE;
        let called = message.get("tool_calls").and_then(Value::as_array);
        for call in called.into_iter().flatten() {
            self.texts(call.get("function"), &["name", "arguments"]);
        }
        self.turn = match role {
            "user" => Turn::User,
            "tool" | "function" => Turn::Tool,
            _ => Turn::Other,
        };
        if self.turn == Turn::User {
            self.last_user = text;
        }
        Ok(())
    }

    fn item(&mut self, item: &Value) -> Result<(), Refusal> {
        if let Some(role) = item.get("role").and_then(Value::as_str) {
            return self.message(role, item);
        }
        match item.get("type").and_then(Value::as_str) {
            Some("function_call") => {
                self.texts(Some(item), &["name", "arguments"]);
                self.turn = Turn::Other;
            }
            Some("function_call_output") => {
                self.content(item.get("output"))?;
                self.turn = Turn::Tool;
            }
            Some(_) => {}
            None => return Err(Refusal::missing("input[].type")),
        }
        self.tokens += MESSAGE;
        Ok(())
    }

    /// Counts a content and returns its text.
    fn content(&mut self, content: Option<&Value>) -> Result<String, Refusal> {
        let text = match content {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(parts)) => {
                let mut text = String::new();
                for part in parts {
                    match part.get("text").or_else(|| part.get("refusal")) {
                        Some(Value::String(more)) => text.push_str(more),
                        _ if part.is_object() => self.tokens += MEDIA,
                        _ => return Err(Refusal::wrong_type("content", "an array of objects")),
                    }
                }
                text
            }
            Some(_) => {
                return Err(Refusal::wrong_type(
                    "content",
                    "a string or an array of parts",
                ));
            }
        };
        self.tokens += count(&text);
        Ok(text)
    }

    fn texts(&mut self, of: Option<&Value>, names: &[&str]) {
        let texts = names.iter().filter_map(|name| {
            of.and_then(|value| value.get(*name))
                .and_then(Value::as_str)
        });
        self.tokens += texts.map(count).sum::<u64>();
    }
}
