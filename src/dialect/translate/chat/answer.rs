//! Reads and writes whole answers of chat completions, and their errors.
//!
//! What a vendor quotes from pages of the web has a place among `annotations`; what it quotes from documents stands there
//! under its own name. Thoughts stand in `reasoning_content`, and with their seals in `thinking_blocks`, where several SDKs
//! look for them.

use super::{finish, stop};
use crate::chat::{Endpoint, Usage};
use crate::dialect::openai;
use crate::dialect::translate::Failed;
use crate::dialect::translate::neutral::{Answer, Said, Stop};
use crate::dialect::translate::tree::{Json, Object};

/// Reads an answer; `None` where it is none.
pub(in crate::dialect::translate) fn read(body: &[u8]) -> Option<Answer> {
    let json = Json::lenient(body).ok()?;
    let choice = json.list("choices").first()?;
    let message = choice.get("message")?;
    let text = |name: &str| json.text(name).unwrap_or_default().to_owned();
    let mut parts = Vec::new();
    let thought = message
        .text("reasoning_content")
        .or(message.text("reasoning"));
    if let Some(thought) = thought.filter(|text| !text.is_empty()) {
        parts.push(Said::Thought {
            text: thought.to_owned(),
            seal: None,
        });
    }
    let refusal = message.text("refusal").filter(|text| !text.is_empty());
    for text in [message.text("content"), refusal].into_iter().flatten() {
        if !text.is_empty() {
            parts.push(Said::Text {
                text: text.to_owned(),
                quotes: Vec::new(),
            });
        }
    }
    for (place, call) in message.list("tool_calls").iter().enumerate() {
        let function = call.get("function")?;
        let id = call.text("id").map(str::to_owned);
        parts.push(Said::Call {
            id: id.unwrap_or_else(|| format!("call_{place}")),
            name: function.text("name").unwrap_or_default().to_owned(),
            arguments: function.text("arguments").unwrap_or_default().to_owned(),
        });
    }
    let ends = match refusal {
        Some(_) => Some(Stop::Filtered(None)),
        None => choice.text("finish_reason").map(stop),
    };
    let usage = openai::usage(body, Endpoint::Chat).ok()?.usage;
    Some(Answer {
        id: text("id"),
        model: text("model"),
        parts,
        stop: ends,
        usage,
    })
}

pub(in crate::dialect::translate) fn write(answer: &Answer, created: u64) -> Json {
    let mut content: Option<String> = None;
    let (mut thoughts, mut blocks) = (String::new(), Vec::new());
    let (mut calls, mut quotes) = (Vec::new(), Vec::new());
    for part in &answer.parts {
        match part {
            Said::Text {
                text,
                quotes: of_it,
            } => {
                let content = content.get_or_insert_default();
                let from = content.chars().count();
                content.push_str(text);
                let to = content.chars().count();
                quotes.extend(of_it.iter().map(|quote| annotation(quote, from, to)));
            }
            Said::Thought { text, seal } => {
                thoughts.push_str(text);
                let block = Object::of("thinking").with("thinking", text.as_str());
                let seal = seal
                    .as_deref()
                    .map(|seal| block.with("signature", seal).done());
                blocks.extend(seal);
            }
            Said::Sealed(data) => {
                blocks.push(
                    Object::of("redacted_thinking")
                        .with("data", data.as_str())
                        .done(),
                );
            }
            Said::Call {
                id,
                name,
                arguments,
            } => {
                let written = if arguments.trim().is_empty() {
                    "{}"
                } else {
                    arguments
                };
                let function = Object::new()
                    .with("name", name.as_str())
                    .with("arguments", written);
                calls.push(
                    Object::new()
                        .with("id", id.as_str())
                        .with("type", "function")
                        .with("function", function)
                        .done(),
                );
            }
        }
    }
    let refusal = match &answer.stop {
        Some(Stop::Filtered(Some(why))) => Some(why.as_str()),
        _ => None,
    };
    let message = Object::new()
        .with("role", "assistant")
        .or_null("content", content)
        .or_null("refusal", refusal)
        .maybe(
            "reasoning_content",
            (!thoughts.is_empty()).then_some(thoughts),
        )
        .maybe("thinking_blocks", (!blocks.is_empty()).then_some(blocks))
        .maybe("tool_calls", (!calls.is_empty()).then_some(calls))
        .maybe("annotations", (!quotes.is_empty()).then_some(quotes));
    let choice = Object::new()
        .with("index", 0)
        .with("message", message)
        .with("logprobs", Json::Null)
        .with("finish_reason", answer.stop.as_ref().map_or("stop", finish));
    Object::new()
        .with("id", answer.id.as_str())
        .with("object", "chat.completion")
        .with("created", created)
        .with("model", answer.model.as_str())
        .with("choices", vec![choice.done()])
        .maybe("usage", answer.usage.map(usage))
        .done()
}

/// What was used, every class that chat has a place for.
pub(super) fn usage(usage: Usage) -> Json {
    let written = usage.cache_write.plus(usage.cache_write_1h);
    let input = Object::new()
        .with("cached_tokens", usage.cached_input.0)
        .with("cache_write_tokens", written.0);
    Object::new()
        .with("prompt_tokens", usage.input.0)
        .with("completion_tokens", usage.output.0)
        .with("total_tokens", usage.input.plus(usage.output).0)
        .with("prompt_tokens_details", input)
        .with(
            "completion_tokens_details",
            Object::new().with("reasoning_tokens", usage.reasoning.0),
        )
        .done()
}

/// A quote as an annotation of the text between two of its characters.
pub(super) fn annotation(quote: &Json, from: usize, to: usize) -> Json {
    let Some(url) = quote.text("url") else {
        let kind = quote.text("type").unwrap_or("citation");
        return Object::of(kind).with(kind, quote.clone()).done();
    };
    let place = |at: usize| u64::try_from(at).unwrap_or(u64::MAX);
    let named = Object::new()
        .with("url", url)
        .with("title", quote.text("title").unwrap_or_default())
        .with("start_index", place(from))
        .with("end_index", place(to));
    Object::of("url_citation")
        .with("url_citation", named)
        .done()
}

/// Reads an error.
pub(in crate::dialect::translate) fn error(json: &Json) -> Failed {
    let error = json.get("error").unwrap_or(json);
    let said = error
        .as_text()
        .or(error.text("message"))
        .or(json.text("detail"));
    Failed {
        kind: error.text("type").map(str::to_owned),
        code: error.text("code").map(str::to_owned),
        param: error.text("param").map(str::to_owned),
        message: said.map(str::to_owned),
    }
}
