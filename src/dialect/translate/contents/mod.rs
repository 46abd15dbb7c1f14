//! Gemini's contents: into the neutral model and out of it.
//!
//! Google seals what follows from a thought, mostly a call; elsewhere a seal is the thought's own. So a sealed part becomes a
//! thought with that seal before it, an empty one if need be, and such a thought's seal goes back on what follows. Seals are
//! of use to whoever made them and refused by others, so those of Google's are marked where others keep theirs, and the
//! other way round.

mod answer;
mod asked;
mod request;
mod schema;
mod steps;

pub(super) use answer::{error, read as answer, write as answered};
pub(super) use asked::write as asked;
pub(super) use request::read as request;
pub(super) use steps::{Hearing, Telling};

use super::neutral::{GOOGLES, Stop};
use super::tree::Json;

/// What stands before the seal of another vendor where Google's clients keep theirs: base64, as all of it must be.
const OTHERS: &str = "tollgate";

/// What stands before a thought that another vendor sealed whole; the same.
const WHOLE: &str = "tollgateredacted";

/// A seal of Google's as others keep it.
fn googles(signature: &str) -> String {
    format!("{GOOGLES}{signature}")
}

/// A seal as Google's clients keep it.
fn shown(seal: &str) -> String {
    match seal.strip_prefix(GOOGLES) {
        Some(own) => own.to_owned(),
        None => format!("{OTHERS}{seal}"),
    }
}

/// The word for why an answer ends.
const fn reason(stop: &Stop) -> &'static str {
    match stop {
        Stop::Done | Stop::At(_) | Stop::Tools | Stop::Paused => "STOP",
        Stop::Length => "MAX_TOKENS",
        Stop::Filtered(_) => "SAFETY",
    }
}

/// Why a candidate ends, where it does; `calls`: whether it calls tools. What ends in another way than in order or at its
/// limit was turned back, and is told with the vendor's word for it.
fn stop(candidate: &Json, calls: bool) -> Option<Stop> {
    Some(match candidate.text("finishReason")? {
        "FINISH_REASON_UNSPECIFIED" => return None,
        "STOP" if calls => Stop::Tools,
        "STOP" => Stop::Done,
        "MAX_TOKENS" => Stop::Length,
        word => {
            let said = candidate.text("finishMessage").unwrap_or(word);
            Stop::Filtered(Some(said.to_owned()))
        }
    })
}

/// Why the prompt was turned back, where it was.
fn blocked(json: &Json) -> Option<Stop> {
    let feedback = json.get("promptFeedback")?;
    let word = feedback.text("blockReason")?;
    let said = feedback.text("blockReasonMessage").unwrap_or(word);
    (word != "BLOCK_REASON_UNSPECIFIED").then(|| Stop::Filtered(Some(said.to_owned())))
}

/// The candidate that is told: a translated call asks for one.
fn first(json: &Json) -> Option<&Json> {
    let mut candidates = json.list("candidates").iter();
    candidates.find(|candidate| candidate.whole("index").unwrap_or_default() == 0)
}

/// The parts of a candidate.
fn parts(candidate: &Json) -> &[Json] {
    candidate
        .get("content")
        .map(|content| content.list("parts"))
        .unwrap_or_default()
}

/// What a candidate quotes, as chat has it.
fn quotes(candidate: &Json) -> Vec<Json> {
    let sources = candidate.get("citationMetadata");
    let listed = |name| sources.map(|all| all.list(name)).unwrap_or_default();
    let all = listed("citationSources").iter().chain(listed("citations"));
    let quote = |source: &Json| {
        let url = Json::from(source.text("uri")?);
        let title = Json::from(source.text("title").unwrap_or_default());
        Some(Json::Object(vec![
            ("url".to_owned(), url),
            ("title".to_owned(), title),
        ]))
    };
    all.filter_map(quote).collect()
}

/// The id of a call that came without one: like no other of the conversation's.
fn id_of(answer: &str, call: u64) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let answer: String = answer.chars().filter(plain).take(24).collect();
    format!("call_{answer}_{call}")
}

/// What a caller of contents knows this field of the neutral model by.
pub(super) fn named(param: &str) -> String {
    let setting = match param {
        "temperature" => "temperature",
        "top_p" => "topP",
        "top_k" => "topK",
        "seed" => "seed",
        "presence_penalty" => "presencePenalty",
        "frequency_penalty" => "frequencyPenalty",
        "response_format" => "responseMimeType",
        "max_tokens" => "maxOutputTokens",
        "thinking" | "thinking.budget_tokens" | "reasoning_effort" => "thinkingConfig",
        "reasoning_content" => return "contents".to_owned(),
        _ => {
            return match param.strip_prefix("messages") {
                Some(rest) => format!("contents{}", rest.replace(".content", ".parts")),
                None => param.to_owned(),
            };
        }
    };
    format!("generationConfig.{setting}")
}
