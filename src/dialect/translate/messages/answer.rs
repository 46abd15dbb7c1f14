//! Reads and writes whole messages, and their errors.

use super::{reason, stop};
use crate::chat::{Endpoint, Usage};
use crate::dialect::anthropic;
use crate::dialect::translate::Failed;
use crate::dialect::translate::neutral::{Answer, Said, Stop};
use crate::dialect::translate::tree::{Json, Object};

/// What arguments stand under that the model wrote as no object: there they have to be one.
const BROKEN: &str = "INVALID_JSON";

/// Reads an answer; `None` where it is none. What the vendor's own tools did is no part of it: nobody could ask for them.
pub(in crate::dialect::translate) fn read(body: &[u8]) -> Option<Answer> {
    let json = Json::lenient(body).ok()?;
    if json.text("type") != Some("message") {
        return None;
    }
    let text = |name: &str| json.text(name).unwrap_or_default().to_owned();
    let explanation = json.get("stop_details");
    let explanation = explanation.and_then(|details| details.text("explanation"));
    let ends = json.text("stop_reason");
    Some(Answer {
        id: text("id"),
        model: text("model"),
        parts: json.list("content").iter().filter_map(said).collect(),
        stop: ends.map(|word| stop(word, json.text("stop_sequence"), explanation)),
        usage: anthropic::usage(body, Endpoint::Messages).ok()?.usage,
    })
}

fn said(block: &Json) -> Option<Said> {
    let text = |name: &str| block.text(name).unwrap_or_default().to_owned();
    Some(match block.text("type")? {
        "text" => Said::Text {
            text: text("text"),
            quotes: block.list("citations").to_vec(),
        },
        "thinking" => Said::Thought {
            text: text("thinking"),
            seal: block.text("signature").map(str::to_owned),
        },
        "redacted_thinking" => Said::Sealed(text("data")),
        "tool_use" => Said::Call {
            id: text("id"),
            name: text("name"),
            arguments: block.get("input").map(Json::written).unwrap_or_default(),
        },
        _ => return None,
    })
}

pub(in crate::dialect::translate) fn write(answer: &Answer) -> Json {
    let content: Vec<Json> = answer.parts.iter().map(block).collect();
    let sequence = match &answer.stop {
        Some(Stop::At(sequence)) => sequence.as_deref(),
        _ => None,
    };
    Object::new()
        .with("id", answer.id.as_str())
        .with("type", "message")
        .with("role", "assistant")
        .with("model", answer.model.as_str())
        .with("content", content)
        .with(
            "stop_reason",
            answer.stop.as_ref().map_or("end_turn", reason),
        )
        .or_null("stop_sequence", sequence)
        .maybe("usage", answer.usage.map(usage))
        .done()
}

fn block(said: &Said) -> Json {
    match said {
        Said::Text { text, .. } => Object::of("text").with("text", text.as_str()).done(),
        Said::Thought { text, seal } => Object::of("thinking")
            .with("thinking", text.as_str())
            .with("signature", seal.as_deref().unwrap_or_default())
            .done(),
        Said::Sealed(data) => Object::of("redacted_thinking")
            .with("data", data.as_str())
            .done(),
        Said::Call {
            id,
            name,
            arguments,
        } => Object::of("tool_use")
            .with("id", id.as_str())
            .with("name", name.as_str())
            .with("input", input(arguments))
            .done(),
    }
}

/// The arguments of a call as the object that they have to be.
pub(in crate::dialect::translate) fn input(arguments: &str) -> Json {
    let written = arguments.trim();
    if written.is_empty() {
        return Json::empty();
    }
    let read = Json::lenient(written.as_bytes())
        .ok()
        .filter(Json::is_object);
    read.unwrap_or_else(|| Object::new().with(BROKEN, arguments).done())
}

/// What was used, by class; what has to do with the cache is not in `input_tokens`.
pub(super) fn usage(usage: Usage) -> Json {
    let written = usage.cache_write.plus(usage.cache_write_1h);
    let plain = usage.input.minus(usage.cached_input.plus(written));
    Object::new()
        .with("input_tokens", plain.0)
        .with("cache_creation_input_tokens", written.0)
        .with("cache_read_input_tokens", usage.cached_input.0)
        .with("output_tokens", usage.output.0)
        .maybe(
            "output_tokens_details",
            (usage.reasoning.0 > 0)
                .then(|| Object::new().with("thinking_tokens", usage.reasoning.0)),
        )
        .done()
}

/// Reads an error.
pub(in crate::dialect::translate) fn error(json: &Json) -> Failed {
    let error = json.get("error").unwrap_or(json);
    let kind = error.text("type").map(str::to_owned);
    Failed {
        code: kind.clone(),
        kind,
        param: None,
        message: error.text("message").map(str::to_owned),
    }
}
