//! Writes a request of chat completions.
//!
//! What is told about caching is left out (nobody here caches by being told), and so are thoughts of earlier turns: they are
//! sealed for the vendor that thought them, and vendors leave them out themselves. The caller is told of both.

use crate::chat::CapField;
use crate::dialect::translate::Terms;
use crate::dialect::translate::fields::{CACHES, Fault, Loss, Losses, slight};
use crate::dialect::translate::neutral::{
    By, Choice, Effort, Part, Request, Source, Thinking, Tool, Turn,
};
use crate::dialect::translate::tree::{Json, Object};

/// What an answer is to be called that follows a schema: a label that has to be there.
const SCHEMA_NAME: &str = "answer";

/// What others say beside that chat completions have words for.
const OTHERS: [&str; 4] = [
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "response_format",
];

/// The first line of what a tool answered that failed: there is no other place to say so.
const FAILED: &str = "Error:";

pub(in crate::dialect::translate) fn write(
    asked: &Request,
    terms: &Terms<'_>,
    lost: &mut Losses,
) -> Result<Json, Fault> {
    let mut messages = Vec::new();
    if !asked.system.is_empty() {
        let content = content(&asked.system, "system", lost)?;
        messages.push(
            Object::new()
                .with("role", "system")
                .with("content", content)
                .done(),
        );
    }
    for (place, turn) in asked.turns.iter().enumerate() {
        let place = format!("messages[{place}]");
        match turn.by {
            By::Assistant => messages.push(answered(turn, &place, lost)?),
            By::User => spoken(turn, &place, &mut messages, lost)?,
        }
    }
    asides(asked, lost);
    let tools: Vec<Json> = asked.tools.iter().map(tool).collect();
    let schema = asked.schema.as_ref().map(|schema| {
        let named = Object::new()
            .with("name", SCHEMA_NAME)
            .with("strict", true)
            .with("schema", schema.clone());
        Object::of("json_schema").with("json_schema", named)
    });
    let (with_tools, parallel) = (!tools.is_empty(), asked.parallel);
    for (name, _) in &asked.others {
        if !OTHERS.contains(&name.as_str()) {
            let why = "chat completions have no such field";
            lost.push(Loss::new(name.as_str(), why));
        }
    }
    let other = |name: &str| {
        let mut others = asked.others.iter();
        others
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.clone())
    };
    Ok(Object::new()
        .with("model", terms.model)
        .with("messages", messages)
        .maybe("tools", with_tools.then_some(tools))
        .maybe(
            "tool_choice",
            asked.choice.as_ref().filter(|_| with_tools).map(choice),
        )
        .maybe("parallel_tool_calls", parallel.filter(|_| with_tools))
        .maybe(cap_name(terms.cap_field), terms.cap)
        .maybe("temperature", asked.temperature.clone().map(Json::Number))
        .maybe("top_p", asked.top_p.clone().map(Json::Number))
        .maybe("seed", other("seed"))
        .maybe("presence_penalty", other("presence_penalty"))
        .maybe("frequency_penalty", other("frequency_penalty"))
        .maybe("stop", stops(&asked.stop))
        .maybe(
            "response_format",
            schema
                .map(Object::done)
                .or_else(|| other("response_format")),
        )
        .maybe("reasoning_effort", effort(asked))
        .maybe("user", asked.user.as_deref())
        .maybe("stream", asked.stream.then_some(true))
        .maybe(
            "stream_options",
            // What it cost is told at the end: asked for whether or not the caller hears of it.
            (asked.stream && terms.asks_usage).then(|| Object::new().with("include_usage", true)),
        )
        .done())
}

/// What an answer that was begun becomes where answers are not continued.
pub(in crate::dialect::translate) const BEGUN: &str = "an answer that is begun is not continued there, a new one would be given: end with a message of the user's";

/// What has no place in the request that is written, beside fields of other names.
fn asides(asked: &Request, lost: &mut Losses) {
    if asked.is_cached() {
        slight(lost, "cache_control", CACHES);
    }
    for (place, turn) in asked.turns.iter().enumerate() {
        let is_thought = |part: &Part| matches!(part, Part::Thought { .. } | Part::Sealed(_));
        if turn.parts.iter().any(is_thought) {
            slight(
                lost,
                format!("messages[{place}].content"),
                "thoughts of earlier turns are of no use to another vendor",
            );
        }
    }
    match asked.thinking {
        Some(Thinking::Budget(_)) => slight(
            lost,
            "thinking.budget_tokens",
            "there it is said in words how hard to think",
        ),
        Some(Thinking::Off) => {
            let why = "whether it thinks is the model's matter there";
            slight(lost, "thinking", why);
        }
        Some(Thinking::Adaptive) | None => {}
    }
    if let Some(last) = asked.turns.last()
        && last.by == By::Assistant
        && !last.parts.is_empty()
    {
        let place = asked.turns.len().saturating_sub(1);
        lost.push(Loss::new(format!("messages[{place}]"), BEGUN));
    }
}

const fn cap_name(field: CapField) -> &'static str {
    field.name()
}

fn stops(stops: &[String]) -> Option<Vec<Json>> {
    let texts = stops.iter().map(|stop| Json::from(stop.as_str()));
    (!stops.is_empty()).then(|| texts.collect())
}

/// One message of the user's, or several: what tools answered stands in messages of their own.
fn spoken(
    turn: &Turn,
    place: &str,
    messages: &mut Vec<Json>,
    lost: &mut Losses,
) -> Result<(), Fault> {
    let mut from = 0;
    let before = messages.len();
    let is_result = |part: &Part| matches!(part, Part::Result { .. });
    while let Some(rest) = turn.parts.get(from..).filter(|rest| !rest.is_empty()) {
        if let Some(Part::Result {
            id, parts, failed, ..
        }) = rest.first()
        {
            messages.push(result(
                id,
                parts,
                *failed,
                &format!("{place}.content[{from}]"),
                lost,
            )?);
            from += 1;
            continue;
        }
        let length = rest.iter().position(is_result).unwrap_or(rest.len());
        let own = rest.get(..length).unwrap_or_default();
        let content = content(own, place, lost)?;
        messages.push(
            Object::new()
                .with("role", "user")
                .with("content", content)
                .done(),
        );
        from += length;
    }
    if messages.len() == before {
        messages.push(
            Object::new()
                .with("role", "user")
                .with("content", "")
                .done(),
        );
    }
    Ok(())
}

fn result(
    id: &str,
    parts: &[Part],
    failed: bool,
    place: &str,
    lost: &mut Losses,
) -> Result<Json, Fault> {
    let mut texts = Vec::new();
    if failed {
        texts.push(Part::text(FAILED.to_owned()));
    }
    for part in parts {
        if let Part::Text { .. } = part {
            texts.push(part.clone());
        } else {
            let why = "what a tool answers can only be text there";
            lost.push(Loss::new(format!("{place}.content"), why));
        }
    }
    Ok(Object::new()
        .with("role", "tool")
        .with("tool_call_id", id)
        .with("content", content(&texts, place, lost)?)
        .done())
}

fn answered(turn: &Turn, place: &str, lost: &mut Losses) -> Result<Json, Fault> {
    let mut said = Vec::new();
    let mut calls = Vec::new();
    for part in &turn.parts {
        match part {
            Part::Thought { .. } | Part::Sealed(_) => {}
            Part::Call { id, name, input } => {
                let function = Object::new()
                    .with("name", name.as_str())
                    .with("arguments", input.written());
                calls.push(
                    Object::new()
                        .with("id", id.as_str())
                        .with("type", "function")
                        .with("function", function)
                        .done(),
                );
            }
            other => said.push(other.clone()),
        }
    }
    let content = match (said.is_empty(), calls.is_empty()) {
        (true, false) => Json::Null,
        _ => content(&said, place, lost)?,
    };
    Ok(Object::new()
        .with("role", "assistant")
        .with("content", content)
        .maybe("tool_calls", (!calls.is_empty()).then_some(calls))
        .done())
}

/// Texts and images: a plain text where there is only one.
fn content(parts: &[Part], place: &str, lost: &mut Losses) -> Result<Json, Fault> {
    if let [Part::Text { text, .. }] = parts {
        return Ok(Json::from(text.as_str()));
    }
    if parts.is_empty() {
        return Ok(Json::from(""));
    }
    let mut written = Vec::new();
    for part in parts {
        match part {
            Part::Text { text, .. } => {
                written.push(Object::of("text").with("text", text.as_str()).done());
            }
            Part::Image { source, .. } => {
                let url = Object::new().with("url", source.as_url());
                written.push(Object::of("image_url").with("image_url", url).done());
            }
            Part::Document {
                source: Source::Url(_),
                ..
            } => {
                let why = "a document can only be sent along there, not pointed to";
                lost.push(Loss::new(format!("{place}.content"), why));
            }
            Part::Document { source, title, .. } => {
                let file = Object::new()
                    .with("filename", title.as_deref().unwrap_or("document.pdf"))
                    .with("file_data", source.as_url());
                written.push(Object::of("file").with("file", file).done());
            }
            Part::Call { .. } | Part::Result { .. } | Part::Thought { .. } | Part::Sealed(_) => {
                let why = "a block of this type cannot stand here";
                return Err(Fault::unsupported(format!("{place}.content"), why));
            }
        }
    }
    Ok(Json::Array(written))
}

fn tool(tool: &Tool) -> Json {
    let function = Object::new()
        .with("name", tool.name.as_str())
        .maybe("description", tool.description.as_deref())
        .maybe("parameters", tool.schema.clone())
        .maybe("strict", tool.strict);
    Object::of("function").with("function", function).done()
}

fn choice(choice: &Choice) -> Json {
    match choice {
        Choice::Auto => "auto".into(),
        Choice::Never => "none".into(),
        Choice::Any => "required".into(),
        Choice::Named(name) => {
            let named = Object::new().with("name", name.as_str());
            Object::of("function").with("function", named).done()
        }
    }
}

/// How hard to try: as it was said, or as much as was set aside for thinking.
fn effort(asked: &Request) -> Option<&'static str> {
    match (asked.effort, asked.thinking) {
        (Some(Effort::Low), _) | (None, Some(Thinking::Budget(..=4096))) => Some("low"),
        (Some(Effort::Medium), _) | (None, Some(Thinking::Budget(..=16_384))) => Some("medium"),
        (Some(Effort::High), _) | (None, Some(Thinking::Budget(_))) => Some("high"),
        (Some(Effort::Higher), _) => Some("xhigh"),
        (None, Some(Thinking::Off | Thinking::Adaptive) | None) => None,
    }
}
