//! Writes a request of messages.
//!
//! Thoughts of earlier turns go back only with their seal: without it the vendor refuses them.

use crate::dialect::translate::Terms;
use crate::dialect::translate::fields::{Loss, Losses, slight};
use crate::dialect::translate::neutral::{
    By, Choice, Effort, GOOGLES, Part, Request, Source, Thinking, Tool, Turn,
};
use crate::dialect::translate::tree::{Json, Object};

pub(in crate::dialect::translate) fn write(
    asked: &Request,
    terms: &Terms<'_>,
    lost: &mut Losses,
) -> Json {
    let messages: Vec<Json> = asked.turns.iter().filter_map(turn).collect();
    let tools: Vec<Json> = asked.tools.iter().map(tool).collect();
    let choice = (!tools.is_empty()).then(|| choice(asked)).flatten();
    let top_k = asked.others.iter().find(|(name, _)| name == "top_k");
    for (name, _) in &asked.others {
        let why = match name.as_str() {
            "top_k" => continue,
            "response_format" => {
                "JSON without a schema cannot be asked for there: give a `json_schema`"
            }
            _ => "messages have no such field",
        };
        lost.push(Loss::new(name.as_str(), why));
    }
    let mut parts = asked.turns.iter().flat_map(|turn| &turn.parts);
    if parts.any(is_gone) {
        slight(
            lost,
            "reasoning_content",
            "thoughts of earlier turns go back with their signature or not at all",
        );
    }
    let user = asked.user.as_deref();
    let stops = asked.stop.iter().map(|stop| Json::from(stop.as_str()));
    let stops: Vec<Json> = stops.collect();
    Object::new()
        .with("model", terms.model)
        .with("max_tokens", terms.cap.unwrap_or(u64::from(u32::MAX)))
        .maybe(
            "system",
            (!asked.system.is_empty()).then(|| content(&asked.system)),
        )
        .with("messages", messages)
        .maybe("tools", (!tools.is_empty()).then_some(tools))
        .maybe("tool_choice", choice)
        .maybe(
            "temperature",
            temperature(asked.temperature.as_deref(), lost),
        )
        .maybe("top_p", asked.top_p.clone().map(Json::Number))
        .maybe("top_k", top_k.map(|(_, value)| value.clone()))
        .maybe("stop_sequences", (!stops.is_empty()).then_some(stops))
        .maybe("thinking", asked.thinking.map(thinking))
        .maybe("output_config", config(asked))
        .maybe(
            "metadata",
            user.map(|user| Object::new().with("user_id", user)),
        )
        .maybe("stream", asked.stream.then_some(true))
        .done()
}

/// Warmer than one there is nothing.
fn temperature(asked: Option<&str>, lost: &mut Losses) -> Option<Json> {
    let asked = asked?;
    if asked.parse::<f64>().is_ok_and(|warm| warm > 1.0) {
        lost.push(Loss::new(
            "temperature",
            "there it goes up to 1; it would be 1",
        ));
        return Some(Json::from(1));
    }
    Some(Json::Number(asked.into()))
}

/// Whether it is a thought that cannot go back: nobody sealed it, or another vendor did.
fn is_gone(part: &Part) -> bool {
    let Part::Thought { seal, .. } = part else {
        return false;
    };
    seal.as_deref().is_none_or(|seal| seal.starts_with(GOOGLES))
}

/// What one side says; nothing where all of it was thoughts that cannot go back.
fn turn(turn: &Turn) -> Option<Json> {
    if !turn.parts.is_empty() && turn.parts.iter().all(is_gone) {
        return None;
    }
    let role = match turn.by {
        By::User => "user",
        By::Assistant => "assistant",
    };
    Some(
        Object::new()
            .with("role", role)
            .with("content", content(&turn.parts))
            .done(),
    )
}

/// A plain text where there is only one and nothing to say of it.
fn content(parts: &[Part]) -> Json {
    match parts {
        [Part::Text { text, cache: None }] => Json::from(text.as_str()),
        [] => Json::from(""),
        parts => Json::Array(parts.iter().filter_map(block).collect()),
    }
}

fn block(part: &Part) -> Option<Json> {
    if is_gone(part) {
        return None;
    }
    Some(match part {
        Part::Text { text, cache } => Object::of("text")
            .with("text", text.as_str())
            .maybe("cache_control", cache.clone())
            .done(),
        Part::Image { source, cache } => Object::of("image")
            .with("source", self::source(source))
            .maybe("cache_control", cache.clone())
            .done(),
        Part::Document {
            source,
            title,
            cache,
        } => Object::of("document")
            .with("source", self::source(source))
            .maybe("title", title.as_deref())
            .maybe("cache_control", cache.clone())
            .done(),
        Part::Call { id, name, input } => Object::of("tool_use")
            .with("id", id.as_str())
            .with("name", name.as_str())
            .with("input", input.clone())
            .done(),
        Part::Result {
            id,
            parts,
            failed,
            cache,
        } => Object::of("tool_result")
            .with("tool_use_id", id.as_str())
            .maybe("content", (!parts.is_empty()).then(|| content(parts)))
            .maybe("is_error", failed.then_some(true))
            .maybe("cache_control", cache.clone())
            .done(),
        Part::Thought { text, seal } => Object::of("thinking")
            .with("thinking", text.as_str())
            .with("signature", seal.as_deref().unwrap_or_default())
            .done(),
        Part::Sealed(data) => Object::of("redacted_thinking")
            .with("data", data.as_str())
            .done(),
    })
}

fn source(source: &Source) -> Json {
    match source {
        Source::Data { media, data } => Object::of("base64")
            .with("media_type", media.as_str())
            .with("data", data.as_str())
            .done(),
        Source::Url(url) => Object::of("url").with("url", url.as_str()).done(),
    }
}

fn tool(tool: &Tool) -> Json {
    // A tool without arguments is one whose arguments are an object of nothing.
    let nothing = || {
        Object::of("object")
            .with("properties", Json::empty())
            .done()
    };
    Object::new()
        .with("name", tool.name.as_str())
        .maybe("description", tool.description.as_deref())
        .with("input_schema", tool.schema.clone().unwrap_or_else(nothing))
        .maybe("strict", tool.strict)
        .maybe("cache_control", tool.cache.clone())
        .done()
}

fn choice(asked: &Request) -> Option<Json> {
    let alone = asked.parallel == Some(false);
    let kind = match &asked.choice {
        None if !alone => return None,
        None | Some(Choice::Auto) => "auto",
        Some(Choice::Never) => return Some(Object::of("none").done()),
        Some(Choice::Any) => "any",
        Some(Choice::Named(_)) => "tool",
    };
    let name = match &asked.choice {
        Some(Choice::Named(name)) => Some(name.as_str()),
        _ => None,
    };
    Some(
        Object::of(kind)
            .maybe("name", name)
            .maybe("disable_parallel_tool_use", alone.then_some(true))
            .done(),
    )
}

fn thinking(thinking: Thinking) -> Json {
    match thinking {
        Thinking::Off => Object::of("disabled").done(),
        Thinking::Adaptive => Object::of("adaptive").done(),
        Thinking::Budget(budget) => Object::of("enabled").with("budget_tokens", budget).done(),
    }
}

fn config(asked: &Request) -> Option<Json> {
    let effort = asked.effort.map(|effort| match effort {
        Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
        Effort::Higher => "xhigh",
    });
    if effort.is_none() && asked.schema.is_none() {
        return None;
    }
    let format = asked.schema.as_ref();
    let format = format.map(|schema| Object::of("json_schema").with("schema", schema.clone()));
    Some(
        Object::new()
            .maybe("effort", effort)
            .maybe("format", format)
            .done(),
    )
}
