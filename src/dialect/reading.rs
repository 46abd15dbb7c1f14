//! The texts of an answer, or of one event of a stream: where each stands, and which text of the stream it continues.
//!
//! Like the walk over a request it is generous: every string is a text unless its key says that it is an id or a type, so a
//! field nobody here has heard of is looked at all the same. A text that comes in pieces is known by its field: the path of
//! keys and indices that leads to it, as a number.
//!
//! Not here: what is found in the texts and what becomes of them (`pipeline`), usage and endings (`answer`, `course`).

use super::{anthropic, gemini, openai};
use crate::chat::json::{JsonError, Kind, Scanner, Text};
use crate::chat::{Dialect, Endpoint, Span, Usage};
use bytes::Bytes;
use smallvec::SmallVec;

/// The text of this name among the members of the object at this offset, as written: what an object is, a member behind its
/// others may say.
pub(super) fn member_at<'a>(payload: &'a [u8], at: usize, name: &[u8]) -> Option<&'a [u8]> {
    let rest = payload.get(at..)?;
    let mut scanner = Scanner::lenient(rest).ok()?;
    let mut members = scanner.object().ok()?;
    while let Some(key) = scanner.member(&mut members).ok()? {
        if key.raw(rest) == name && scanner.peek().ok()? == Kind::Text {
            return Some(scanner.text().ok()?.raw(rest));
        }
        scanner.skip().ok()?;
    }
    None
}

/// One text, or a piece of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// Where it stands in the payload, between its quotes.
    pub text: Text,
    /// Which text of the stream it continues; whole texts have none.
    pub piece_of: Option<Field>,
    /// Whether these are arguments of a call of a tool: JSON in a string.
    pub arguments: bool,
    /// Whether they stand there as JSON itself, in no string.
    pub bare_json: bool,
}

/// A text that comes in pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Field {
    /// The choice, or the item of the output.
    pub choice: u32,
    /// The path to it.
    pub path: u64,
}

/// A call of a tool, or a piece of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Called {
    /// The choice, or the item of the output.
    pub choice: u32,
    /// Which call of it.
    pub call: u64,
    /// The tool, where this piece names it.
    pub name: Option<Text>,
    /// Its arguments, or a piece of them.
    pub arguments: Option<Text>,
}

/// What an answer or event says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// Its texts, in order.
    pub said: SmallVec<[Said; 4]>,
    /// Its calls of tools, in order.
    pub calls: SmallVec<[Called; 1]>,
    /// `logprobs` that are not null: they repeat the text, token by token.
    pub logprobs: SmallVec<[Span; 1]>,
    /// Choices that finish with it.
    pub finished: SmallVec<[u32; 2]>,
    /// The text whose pieces end with it.
    pub ended: Option<Field>,
    /// Whether all texts end with it.
    pub last: bool,
    /// Whether it holds nothing worth passing on once its one text is held back.
    pub bare: bool,
    /// What is no text: images, sound.
    pub unread: u32,
    /// Whether a message begins with it.
    pub begins: bool,
    /// The block of a message that begins with it.
    pub opens: Option<u32>,
}

/// Reads the payload of an answer (`streaming`: of an event).
///
/// # Errors
/// It is no JSON object.
pub fn said(payload: &[u8], endpoint: Endpoint, streaming: bool) -> Result<Reading, JsonError> {
    match endpoint.dialect() {
        Dialect::OpenAi => openai::said(payload, endpoint, streaming),
        Dialect::Anthropic => anthropic::said(payload, streaming),
        Dialect::Gemini => gemini::said(payload, streaming),
    }
}

/// Reads a whole answer that is looked at and booked: its texts, and on the same way what the call used. `None` is no last
/// word on that: an answer of responses is not asked, and one without usage is to be read for how much text it holds.
///
/// # Errors
/// It is no JSON object.
pub fn whole(payload: &[u8], endpoint: Endpoint) -> Result<(Reading, Option<Usage>), JsonError> {
    match endpoint.dialect() {
        Dialect::OpenAi => openai::whole(payload, endpoint),
        Dialect::Anthropic => anthropic::whole(payload, endpoint),
        Dialect::Gemini => gemini::whole(payload, endpoint),
    }
}

/// The name of an event with this payload, where the endpoint names events.
#[must_use]
pub fn event_name(payload: &[u8], endpoint: Endpoint) -> Option<&[u8]> {
    match endpoint {
        Endpoint::Responses => openai::event_name(payload),
        Endpoint::Messages => anthropic::event_name(payload),
        _ => None,
    }
}

/// A payload that can carry more of a text once this event has left, and where the text stands in it.
#[must_use]
pub fn carrier(payload: &Bytes, text: Span, endpoint: Endpoint) -> (Bytes, Span) {
    match endpoint.dialect() {
        Dialect::OpenAi => (payload.clone(), text),
        Dialect::Anthropic => anthropic::carrier(payload, text),
        Dialect::Gemini => gemini::carrier(payload, text),
    }
}

/// What paths of fields begin with.
pub(super) const SEED: u64 = 0xcbf2_9ce4_8422_2325;

/// One step further. FNV-1a: paths are few and no caller's own; what matters is that it is short.
pub(super) fn mix(path: u64, step: &[u8]) -> u64 {
    step.iter().chain(&[0xff]).fold(path, |path, byte| {
        (path ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
