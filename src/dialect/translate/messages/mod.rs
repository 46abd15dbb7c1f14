//! Anthropic's messages: into the neutral model and out of it.

mod answer;
mod asked;
mod request;
mod steps;

pub(super) use answer::{error, input, read as answer, write as answered};
pub(super) use asked::write as asked;
pub(super) use request::read as request;
pub(super) use steps::{Hearing, Telling};

use super::neutral::Stop;

/// The word for why an answer ends.
fn reason(stop: &Stop) -> &'static str {
    match stop {
        Stop::Done => "end_turn",
        Stop::At(_) => "stop_sequence",
        Stop::Length => "max_tokens",
        Stop::Tools => "tool_use",
        Stop::Filtered(_) => "refusal",
        Stop::Paused => "pause_turn",
    }
}

/// What a word for why an answer ends means; with the stop it ends at, and what the vendor says of it.
fn stop(word: &str, sequence: Option<&str>, explanation: Option<&str>) -> Stop {
    match word {
        "stop_sequence" => Stop::At(sequence.map(str::to_owned)),
        "max_tokens" | "model_context_window_exceeded" => Stop::Length,
        "tool_use" => Stop::Tools,
        "refusal" => Stop::Filtered(explanation.map(str::to_owned)),
        "pause_turn" => Stop::Paused,
        _ => Stop::Done,
    }
}
