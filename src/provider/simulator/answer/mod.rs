//! Answers: what a request is told, shaped as the vendor's API shapes it.
//!
//! An answer follows from the seed and the body alone. How it is sent (`stream`, usage chunk, caps) does not change what
//! is said: a capped answer is the beginning of the uncapped one, and a streamed one adds up to the one sent whole.
//!
//! Not here: faults, paces and bills (`service`, `body`, `meter`).

pub(super) mod chat;
pub(super) mod completions;
pub(super) mod compose;
pub(super) mod embeddings;
pub(super) mod error;
pub(super) mod gemini;
pub(super) mod gemini_shape;
pub(super) mod images;
pub(super) mod messages;
pub(super) mod messages_shape;
pub(super) mod messages_stream;
pub(super) mod models;
pub(super) mod moderations;
pub(super) mod prompt;
pub(super) mod responses;
pub(super) mod responses_stream;
pub(super) mod schema;
pub(super) mod speech;
pub(super) mod tools;

use super::body::Frames;
use super::json::Json;
use super::knobs::{Knobs, Report};
use super::text::Random;
use crate::chat::Usage;
use error::Refusal;
use serde_json::{Map, Value};

/// When every answer was made: answers do not depend on the day.
pub(super) const CREATED: u64 = 1_750_000_000;

/// Choices one call may ask for.
const CHOICES: u64 = 128;

/// Members that say how an answer is sent, not what it says.
const MANNER: [&str; 5] = [
    "stream",
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
];

/// One request, read.
pub(super) struct Ask<'a> {
    pub(super) body: &'a Map<String, Value>,
    /// Length of the body: no usage exceeds it.
    pub(super) bytes: u64,
    pub(super) model: &'a str,
    pub(super) knobs: &'a Knobs,
    seed: u64,
}

/// An answer, and what it uses.
pub(super) struct Reply {
    /// What is billed with the head: everything, or for a stream all but the output still to come.
    pub(super) usage: Usage,
    pub(super) form: Form,
}

/// How the answer is sent.
pub(super) enum Form {
    Whole(Json),
    Stream(Frames),
    /// Bytes of this kind, as they are made.
    Sound(&'static str, Frames),
}

impl<'a> Ask<'a> {
    /// Reads what every endpoint has in common.
    pub(super) fn new(
        seed: u64,
        body: &'a Map<String, Value>,
        bytes: usize,
        model: &'a str,
        knobs: &'a Knobs,
    ) -> Self {
        let said: Map<String, Value> = body
            .iter()
            .filter(|(name, _)| !MANNER.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let text = serde_json::to_vec(&said).unwrap_or_default();
        Self {
            body,
            bytes: u64::try_from(bytes).unwrap_or(u64::MAX),
            model,
            knobs,
            seed: Random::of(seed, &text).next(),
        }
    }

    /// The numbers of one part of the answer.
    pub(super) fn random(&self, part: u64) -> Random {
        Random::new(self.seed ^ part.wrapping_mul(0xA076_1D64_78BD_642F))
    }

    /// A member that is there and not null.
    pub(super) fn member(&self, name: &str) -> Option<&'a Value> {
        self.body.get(name).filter(|value| !value.is_null())
    }

    /// A member that says yes or no.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Refusal> {
        self.member(name).map_or(Ok(false), |value| {
            value
                .as_bool()
                .ok_or_else(|| Refusal::wrong_type(name, "a boolean"))
        })
    }

    /// A whole number within bounds.
    pub(super) fn number(&self, name: &str, from: u64, to: u64) -> Result<Option<u64>, Refusal> {
        let Some(value) = self.member(name) else {
            return Ok(None);
        };
        let number = value
            .as_u64()
            .ok_or_else(|| Refusal::wrong_type(name, "a positive integer"))?;
        if (from..=to).contains(&number) {
            Ok(Some(number))
        } else {
            Err(Refusal::out_of_range(name, number, from, to))
        }
    }

    /// The output cap of one choice, the first of these members that is there.
    pub(super) fn cap(&self, names: &[&str]) -> Result<Option<u64>, Refusal> {
        let mut cap = None;
        for name in names {
            cap = cap.or(self.number(name, 1, u64::MAX)?);
        }
        Ok(cap.filter(|_| !self.knobs.overrun))
    }

    /// How many choices.
    pub(super) fn choices(&self) -> Result<u64, Refusal> {
        Ok(self.number("n", 1, CHOICES)?.unwrap_or(1))
    }

    /// Whether the answer is to be streamed; options of a stream without one are refused, as the vendor does.
    pub(super) fn streams(&self) -> Result<bool, Refusal> {
        let streams = self.flag("stream")?;
        if !streams && self.member("stream_options").is_some() {
            return Err(Refusal::invalid(
                "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
                Some("stream_options"),
            ));
        }
        Ok(streams)
    }

    /// Whether a stream is to report its usage.
    pub(super) fn include_usage(&self) -> bool {
        self.member("stream_options")
            .and_then(|options| options.get("include_usage"))
            .and_then(Value::as_bool)
            .unwrap_or(false)
    }

    /// The usage, with the knobs' classes and never more input than the body has bytes.
    pub(super) fn usage(&self, input: u64, output: u64, reasoning: u64) -> Usage {
        use crate::units::Tokens;
        let input = input.min(self.bytes);
        Usage {
            input: Tokens(input),
            cached_input: Tokens(self.knobs.cached.min(input)),
            output: Tokens(output),
            reasoning: Tokens(reasoning),
            ..Usage::default()
        }
    }

    /// The `usage` member as the knobs want it: `None` leaves it out.
    pub(super) fn report(&self, usage: Json) -> Option<Json> {
        match self.knobs.faults.usage {
            None => Some(usage),
            Some(Report::Null) => Some(Json::null()),
            Some(Report::Missing) => None,
        }
    }
}

/// What of a stream's usage is billed with its head: all but the visible output.
pub(super) fn at_head(usage: Usage) -> Usage {
    Usage {
        output: usage.reasoning,
        ..usage
    }
}

/// One server-sent event without a name.
pub(super) fn event(data: &Json) -> String {
    format!("data: {}\n\n", data.0)
}

/// The last event of chat and completions streams.
pub(super) const DONE: &[u8] = b"data: [DONE]\n\n";
