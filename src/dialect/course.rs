//! What a stream has told so far, as its dialect understands it, and how it is ended when we end it.
//!
//! A caller whose stream is cut must be able to tell "you got all there is to get" from "something broke". Who answers is
//! repeated from the stream's first event, so that readers which check ids and models see one answer.
//!
//! Not here: when a stream is ended (`pipeline`), where its events begin (`sse`), the bytes on their way (`stream`).

use super::reading::Reading;
use super::{anthropic, gemini, openai};
use crate::chat::json::{JsonError, Kind, Lenient, Scanner, Text};
use crate::chat::{Dialect, Endpoint, Span, Usage};
use smallvec::SmallVec;

/// What one event says.
#[derive(Debug, Default)]
pub(super) struct Event {
    /// The usage as far as it is told with it.
    pub(super) usage: Option<Usage>,
    /// Bytes of text it adds.
    pub(super) text_bytes: u64,
    /// Bytes it adds that may stand for output nobody sees.
    pub(super) hidden_bytes: u64,
    /// An error.
    pub(super) error: bool,
    /// The stream's own end.
    pub(super) ended: bool,
    /// It holds usage and nothing else.
    pub(super) usage_alone: bool,
    /// Where its one text stands in the payload, if it said nothing else.
    pub(super) delta: Option<Span>,
}

/// What the provider may be doing that nothing of the stream tells the amount of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unseen {
    /// It thinks, and shows of that what it likes.
    pub thinking: bool,
    /// It called tools of its own, and read what they found.
    pub tools: bool,
}

/// One dialect's view of a stream.
#[derive(Debug)]
pub(super) enum Course {
    OpenAi(openai::Course),
    /// Apart, for it is three times as large and rarer.
    Anthropic(Box<anthropic::Course>),
    Gemini(Box<gemini::Course>),
}

/// Why we end a stream in order.
#[derive(Debug, Clone, Copy)]
pub(super) enum Why<'a> {
    /// Its output reached its limit.
    Length,
    /// What comes next may not leave; what to tell.
    Filtered(&'a str),
}

impl Course {
    pub(super) fn new(endpoint: Endpoint) -> Self {
        match endpoint.dialect() {
            Dialect::OpenAi => Self::OpenAi(openai::Course::new(endpoint)),
            Dialect::Anthropic => Self::Anthropic(Box::default()),
            Dialect::Gemini => Self::Gemini(Box::default()),
        }
    }

    /// The same as if nothing of it had left.
    pub(super) fn unsaid(&self) -> Self {
        match self {
            Self::OpenAi(course) => Self::OpenAi(course.unsaid()),
            Self::Anthropic(course) => Self::Anthropic(Box::new(course.unsaid())),
            Self::Gemini(course) => Self::Gemini(Box::new(course.unsaid())),
        }
    }

    /// Reads the payload of an event.
    pub(super) fn read(&mut self, data: &[u8]) -> Result<Event, JsonError> {
        match self {
            Self::OpenAi(course) => course.read(data),
            Self::Anthropic(course) => course.read(data),
            Self::Gemini(course) => course.read(data),
        }
    }

    /// Whether everything that was begun has finished, though the stream may go on.
    pub(super) fn is_finished(&self) -> bool {
        match self {
            Self::OpenAi(course) => course.is_finished(),
            Self::Anthropic(course) => course.is_finished(),
            Self::Gemini(course) => course.is_finished(),
        }
    }

    /// Whether the usage that was told is the last word on the output.
    pub(super) fn is_told(&self) -> bool {
        match self {
            Self::OpenAi(_) => true,
            Self::Anthropic(course) => course.is_told(),
            Self::Gemini(course) => course.is_told(),
        }
    }

    /// What is done unseen, as far as it is not told yet.
    pub(super) fn unseen(&self) -> Unseen {
        match self {
            Self::OpenAi(_) => Unseen::default(),
            Self::Anthropic(course) => course.unseen(),
            Self::Gemini(course) => course.unseen(),
        }
    }

    /// The caller has only this of the stream.
    pub(super) fn caller_has(&mut self, outline: &Outline) {
        if let Self::Anthropic(course) = self {
            course.caller_has(outline);
        }
    }

    /// Writes the end that says why; `ended`: its own was seen. `hide_usage`: the caller did not ask for it.
    pub(super) fn end(
        &self,
        out: &mut Vec<u8>,
        why: Why<'_>,
        usage: Usage,
        hide_usage: bool,
        ended: bool,
    ) {
        match self {
            Self::OpenAi(course) => course.end(out, why, usage, hide_usage, ended),
            Self::Anthropic(course) => course.end(out, why, usage),
            Self::Gemini(course) => course.end(out, why, usage),
        }
    }

    /// Writes an error behind which nothing comes.
    pub(super) fn fail(&self, out: &mut Vec<u8>, kind: &str, code: Option<&str>, message: &str) {
        match self {
            Self::OpenAi(course) => course.fail(out, kind, code, message),
            Self::Anthropic(_) => anthropic::fail(out, kind, code, message),
            Self::Gemini(_) => gemini::fail(out, kind, code, message),
        }
    }
}

/// What the caller has of the form of a stream whose answers come in blocks: an end of ours closes what is open there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outline {
    /// Whether the message has begun.
    pub(super) begun: bool,
    /// The blocks that have begun and not ended.
    pub(super) open: SmallVec<[u32; 2]>,
}

impl Outline {
    /// An event of this form has left.
    pub fn passed(&mut self, reading: &Reading) {
        self.begun |= reading.begins;
        if let Some(block) = reading.opens {
            self.opens(block);
        }
        for block in &reading.finished {
            self.closes(*block);
        }
    }

    pub(super) fn opens(&mut self, block: u32) {
        if !self.open.contains(&block) {
            self.open.push(block);
        }
    }

    pub(super) fn closes(&mut self, block: u32) {
        self.open.retain(|open| *open != block);
    }
}

/// Who answers: read from the first event, to be repeated in an ending of our own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) id: Option<Box<str>>,
    pub(super) model: Option<Box<str>>,
    pub(super) created: Option<u64>,
}

/// Longest id or model kept.
const MAX_LABEL: usize = 512;

impl Identity {
    pub(super) const fn is_known(&self) -> bool {
        self.id.is_some()
    }

    /// A member that may tell who answers.
    pub(super) fn read(
        &mut self,
        scanner: &mut Scanner<'_, Lenient>,
        name: &[u8],
    ) -> Result<(), JsonError> {
        match (name, scanner.peek()?) {
            (b"id", Kind::Text) => self.id = owned(scanner.text()?, scanner.body()),
            (b"model", Kind::Text) => self.model = owned(scanner.text()?, scanner.body()),
            (b"created" | b"created_at", Kind::Number) => self.created = scanner.whole_number()?,
            _ => {
                scanner.skip()?;
            }
        }
        Ok(())
    }
}

fn owned(text: Text, body: &[u8]) -> Option<Box<str>> {
    let decoded = text.decoded(body);
    (decoded.len() <= MAX_LABEL).then(|| String::from_utf8_lossy(&decoded).into())
}
