//! `messages`, whole, and the count of their tokens; `messages_stream` sends the same as events.

use super::compose::{Choice, Finish, choice};
use super::error::Refusal;
use super::prompt::Prompt;
use super::tools::Tools;
use super::{Ask, Form, Reply, at_head, messages_stream};
use crate::chat::Usage;
use crate::provider::simulator::json::{Json, Members, NULL, object};
use crate::provider::simulator::text;
use crate::units::Tokens;
use serde_json::Value;

/// Answers messages.
pub(in crate::provider::simulator) fn answer(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let prompt = Prompt::of_messages(ask);
    let tools = Tools::of_messages(ask);
    // A cap of nought fills the cache and says nothing.
    let cap = ask
        .number("max_tokens", 0, u64::MAX)?
        .filter(|_| !ask.knobs.overrun);
    let choice = choice(ask, &prompt, &tools, format(ask)?, 0, cap);
    let usage = usage(ask, &prompt, &choice);
    let message = Message::new(ask, choice, usage);
    if ask.flag("stream")? {
        return Ok(Reply {
            usage: at_head(usage),
            form: Form::Stream(Box::new(messages_stream::stream(message))),
        });
    }
    Ok(Reply {
        usage,
        form: Form::Whole(message.whole()),
    })
}

/// The schema the answer must satisfy, if it must be JSON.
fn format<'a>(ask: &Ask<'a>) -> Result<Option<&'a Value>, Refusal> {
    let format = ask
        .member("output_config")
        .and_then(|config| config.get("format"));
    let Some(format) = format.filter(|format| !format.is_null()) else {
        return Ok(None);
    };
    match (format["type"].as_str(), format.get("schema")) {
        (Some("json_schema"), Some(schema)) => Ok(Some(schema)),
        (Some("json_schema"), None) => Err(Refusal::missing("output_config.format.schema")),
        _ => Err(Refusal::wrong_type(
            "output_config.format",
            "an object of type json_schema",
        )),
    }
}

/// How many tokens the input has.
pub(in crate::provider::simulator) fn count(ask: &Ask<'_>) -> Json {
    object! { "input_tokens": Prompt::of_messages(ask).tokens.min(ask.bytes) }
}

fn usage(ask: &Ask<'_>, prompt: &Prompt, choice: &Choice) -> Usage {
    let mut usage = ask.usage(prompt.tokens, choice.tokens, choice.reasoning);
    let mut left = usage.input.minus(usage.cached_input);
    for (part, wanted) in [
        (&mut usage.cache_write, ask.knobs.cache_write),
        (&mut usage.cache_write_1h, ask.knobs.cache_write_1h),
    ] {
        *part = Tokens(wanted).min(left);
        left = left.minus(*part);
    }
    usage.searches = ask.knobs.search;
    usage
}

/// One block of the content.
#[derive(Debug, Clone)]
pub(super) enum Block {
    Thinking(String),
    Text(String),
    Call {
        id: String,
        name: String,
        input: String,
    },
}

/// A message, ready to be sent whole or in events.
pub(super) struct Message {
    pub(super) blocks: Vec<Block>,
    pub(super) stop: &'static str,
    pub(super) usage: Usage,
    id: String,
    model: String,
    /// How the usage is reported, by the knobs: as it is, as `null`, or not at all.
    pub(super) report: Option<Json>,
}

impl Message {
    fn new(ask: &Ask<'_>, choice: Choice, usage: Usage) -> Self {
        let mut random = ask.random(0);
        let id = random.id("msg_", 24);
        let mut blocks = Vec::new();
        if choice.reasoning > 0 {
            blocks.push(Block::Thinking(text::write(&mut random, choice.reasoning)));
        }
        blocks.extend(choice.text.filter(|text| !text.is_empty()).map(Block::Text));
        blocks.extend(choice.calls.into_iter().map(|call| Block::Call {
            id: call.id,
            name: call.name,
            input: call.arguments,
        }));
        Self {
            blocks,
            stop: match choice.finish {
                Finish::Stop => "end_turn",
                Finish::Length => "max_tokens",
                Finish::Calls => "tool_use",
            },
            usage,
            id,
            model: ask.model.to_owned(),
            report: ask.report(object! {}),
        }
    }

    fn whole(&self) -> Json {
        let content: Vec<Json> = self.blocks.iter().map(Block::whole).collect();
        self.json(&content, Some(self.stop), self.told(usage_json(self.usage)))
    }

    /// The message as it begins: what was read is known, and that something is being written.
    pub(super) fn begun(&self) -> Json {
        let usage = Usage {
            output: self.usage.output.min(Tokens(1)),
            reasoning: Tokens::ZERO,
            searches: 0,
            ..self.usage
        };
        self.json(&[], None, self.told(usage_json(usage)))
    }

    /// A usage as it is reported.
    pub(super) fn told(&self, usage: Json) -> Option<Json> {
        let report = self.report.as_ref()?;
        Some(if report.0 == "null" {
            report.clone()
        } else {
            usage
        })
    }

    fn json(&self, content: &[Json], stop: Option<&str>, usage: Option<Json>) -> Json {
        let mut body = Members::default();
        body.add("id", &self.id);
        body.add("type", "message");
        body.add("role", "assistant");
        body.add("model", &self.model);
        body.add("content", content);
        body.add("stop_reason", &stop);
        body.add("stop_sequence", &NULL);
        if let Some(usage) = usage {
            body.add("usage", &usage);
        }
        body.finish()
    }
}

impl Block {
    fn whole(&self) -> Json {
        match self {
            Self::Thinking(text) => {
                object! { "type": "thinking", "thinking": text, "signature": SIGNATURE }
            }
            Self::Text(text) => object! { "type": "text", "text": text },
            Self::Call { id, name, input } => {
                // Cut short by the cap it is no JSON, and cannot stand as it is.
                let input: Value = serde_json::from_str(input)
                    .unwrap_or_else(|_| Value::Object(serde_json::Map::new()));
                object! { "type": "tool_use", "id": id, "name": name, "input": input }
            }
        }
    }

    /// The block as it begins in a stream.
    pub(super) fn begun(&self) -> Json {
        match self {
            Self::Thinking(_) => object! { "type": "thinking", "thinking": "", "signature": "" },
            Self::Text(_) => object! { "type": "text", "text": "" },
            Self::Call { id, name, .. } => {
                object! { "type": "tool_use", "id": id, "name": name, "input": object! {} }
            }
        }
    }
}

/// What every thought is signed with.
pub(super) const SIGNATURE: &str = "c2ltdWxhdGVk";

/// The usage as messages report it.
fn usage_json(usage: Usage) -> Json {
    let written = usage.cache_write.plus(usage.cache_write_1h);
    let mut told = Members::default();
    let plain = usage.input.minus(usage.cached_input).minus(written);
    told.add("input_tokens", &plain.0);
    told.add("cache_creation_input_tokens", &written.0);
    told.add("cache_read_input_tokens", &usage.cached_input.0);
    let kept = object! {
        "ephemeral_5m_input_tokens": usage.cache_write.0, "ephemeral_1h_input_tokens": usage.cache_write_1h.0,
    };
    told.add("cache_creation", &kept);
    told.add("output_tokens", &usage.output.0);
    beside(&mut told, usage);
    told.add("service_tier", "standard");
    told.finish()
}

/// The usage as it is told at the end of a stream.
pub(super) fn usage_at_the_end(usage: Usage) -> Json {
    let mut told = Members::default();
    told.add("output_tokens", &usage.output.0);
    beside(&mut told, usage);
    told.finish()
}

fn beside(told: &mut Members, usage: Usage) {
    if usage.reasoning > Tokens::ZERO {
        let thought = object! { "thinking_tokens": usage.reasoning.0 };
        told.add("output_tokens_details", &thought);
    }
    if usage.searches > 0 {
        let tools = object! { "web_search_requests": usage.searches, "web_fetch_requests": 0_u64 };
        told.add("server_tool_use", &tools);
    }
}
