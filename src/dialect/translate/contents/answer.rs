//! Reads and writes whole answers of contents, and their errors.

use super::{WHOLE, blocked, first, googles, id_of, parts, quotes, reason, shown, stop};
use crate::chat::{Endpoint, Usage};
use crate::dialect::gemini;
use crate::dialect::translate::Failed;
use crate::dialect::translate::messages::input;
use crate::dialect::translate::neutral::{Answer, Said, Stop};
use crate::dialect::translate::tree::{Json, Object};

/// Reads an answer; `None` where it is none. What the vendor's own tools did is no part of it: nobody could ask for them.
pub(in crate::dialect::translate) fn read(body: &[u8]) -> Option<Answer> {
    let json = Json::lenient(body).ok()?;
    let text = |name: &str| json.text(name).unwrap_or_default().to_owned();
    let id = text("responseId");
    let (mut said, mut ends) = (Vec::new(), blocked(&json));
    if let Some(candidate) = first(&json) {
        let mut calls = 0;
        for part in parts(candidate) {
            self::part(part, &id, &mut calls, &mut said);
        }
        let quoted = quotes(candidate);
        let last = said.iter_mut().rev().find_map(|part| match part {
            Said::Text { quotes, .. } => Some(quotes),
            _ => None,
        });
        if let Some(quotes) = last {
            *quotes = quoted;
        }
        ends = stop(candidate, calls > 0).or(ends);
    } else if ends.is_none() {
        return None;
    }
    Some(Answer {
        id,
        model: text("modelVersion"),
        parts: said,
        stop: ends,
        usage: gemini::usage(body, Endpoint::GenerateContent).ok()?.usage,
    })
}

fn part(part: &Json, id: &str, calls: &mut u64, said: &mut Vec<Said>) {
    let seal = part.text("thoughtSignature").map(googles);
    let thinks = part.get("thought") == Some(&Json::Bool(true));
    let text = part.text("text").unwrap_or_default().to_owned();
    if thinks {
        said.push(Said::Thought { text, seal });
        return;
    }
    let call = part.get("functionCall");
    if call.is_none() && part.get("text").is_none() {
        return;
    }
    if let Some(seal) = seal {
        match said.last_mut() {
            Some(Said::Thought { seal: none, .. }) if none.is_none() => *none = Some(seal),
            _ => said.push(Said::Thought {
                text: String::new(),
                seal: Some(seal),
            }),
        }
    }
    if let Some(call) = call {
        let own = call.text("id").map(str::to_owned);
        said.push(Said::Call {
            id: own.unwrap_or_else(|| id_of(id, *calls)),
            name: call.text("name").unwrap_or_default().to_owned(),
            arguments: call.get("args").map(Json::written).unwrap_or_default(),
        });
        *calls += 1;
    } else if !text.is_empty() {
        said.push(Said::Text {
            text,
            quotes: Vec::new(),
        });
    }
}

pub(in crate::dialect::translate) fn write(answer: &Answer) -> Json {
    let parts: Vec<Json> = answer.parts.iter().map(said).collect();
    let ends = answer.stop.as_ref().unwrap_or(&Stop::Done);
    body(&answer.id, &answer.model, candidate(parts, Some(ends)))
        .maybe("usageMetadata", answer.usage.map(usage))
        .done()
}

/// A candidate that says this, and ends where it does.
pub(super) fn candidate(parts: Vec<Json>, ends: Option<&Stop>) -> Object {
    let content = Object::new().with("parts", parts).with("role", "model");
    let why = match ends {
        Some(Stop::Filtered(Some(why))) => Some(why.as_str()),
        _ => None,
    };
    Object::new()
        .with("content", content)
        .maybe("finishReason", ends.map(reason))
        .maybe("finishMessage", why)
        .with("index", 0)
}

/// What holds a candidate.
pub(super) fn body(id: &str, model: &str, candidate: Object) -> Object {
    Object::new()
        .with("candidates", vec![candidate.done()])
        .with("modelVersion", model)
        .with("responseId", id)
}

fn said(said: &Said) -> Json {
    match said {
        Said::Text { text, .. } => Object::new().with("text", text.as_str()).done(),
        Said::Thought { text, seal } => thought(text, seal.as_deref().map(shown)),
        Said::Sealed(data) => thought("", Some(format!("{WHOLE}{data}"))),
        Said::Call {
            id,
            name,
            arguments,
        } => call(id, name, arguments),
    }
}

pub(super) fn thought(text: &str, seal: Option<String>) -> Json {
    Object::new()
        .with("text", text)
        .with("thought", true)
        .maybe("thoughtSignature", seal)
        .done()
}

pub(super) fn call(id: &str, name: &str, arguments: &str) -> Json {
    let call = Object::new()
        .with("id", id)
        .with("name", name)
        .with("args", input(arguments));
    Object::new().with("functionCall", call).done()
}

/// What was used; what came from the cache is within the prompt, and thoughts stand beside what is seen.
pub(super) fn usage(usage: Usage) -> Json {
    let told = |count: u64| (count > 0).then_some(count);
    Object::new()
        .with("promptTokenCount", usage.input.0)
        .with(
            "candidatesTokenCount",
            usage.output.minus(usage.reasoning).0,
        )
        .with("totalTokenCount", usage.input.plus(usage.output).0)
        .maybe("cachedContentTokenCount", told(usage.cached_input.0))
        .maybe("thoughtsTokenCount", told(usage.reasoning.0))
        .done()
}

/// Reads an error.
pub(in crate::dialect::translate) fn error(json: &Json) -> Failed {
    // Where no events were asked for it stands in an array.
    let json = match json {
        Json::Array(items) => items.first().unwrap_or(json),
        _ => json,
    };
    let error = json.get("error").unwrap_or(json);
    let kind = error.text("status").map(|word| match word {
        "INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "OUT_OF_RANGE" => "invalid_request_error",
        "UNAUTHENTICATED" => "authentication_error",
        "PERMISSION_DENIED" => "permission_error",
        "NOT_FOUND" => "not_found_error",
        "RESOURCE_EXHAUSTED" => "rate_limit_error",
        _ => "api_error",
    });
    let mut details = error.list("details").iter();
    let reason = details.find_map(|detail| detail.text("reason"));
    let code = reason.or(error.text("status")).map(str::to_ascii_lowercase);
    Failed {
        kind: kind.map(str::to_owned),
        code,
        param: None,
        message: error.text("message").map(str::to_owned),
    }
}
