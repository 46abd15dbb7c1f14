//! Chat completions: into the neutral model and out of it.

mod answer;
mod asked;
mod request;
mod steps;

pub(super) use answer::{error, read as answer, write as answered};
pub(super) use asked::{BEGUN, write as asked};
pub(super) use request::{read as request, thinking_of};
pub(super) use steps::{Hearing, Telling};

use super::neutral::Stop;

/// The word for why an answer ends.
fn finish(stop: &Stop) -> &'static str {
    match stop {
        Stop::Done | Stop::At(_) | Stop::Paused => "stop",
        Stop::Length => "length",
        Stop::Tools => "tool_calls",
        Stop::Filtered(_) => "content_filter",
    }
}

/// What a word for why an answer ends means.
fn stop(word: &str) -> Stop {
    match word {
        "length" => Stop::Length,
        "tool_calls" | "function_call" => Stop::Tools,
        "content_filter" => Stop::Filtered(None),
        _ => Stop::Done,
    }
}
