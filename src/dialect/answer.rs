//! What a whole answer reports, in any dialect: usage, an error, and how much text it holds for when it reports nothing.
//!
//! The walk is a real parse of the outermost level, because a model may well write `"usage":{…}` into its text. It reads
//! leniently: an answer is passed on whatever it holds, and its usage is owed all the same.
//!
//! Not here: streams (`stream`), what is done about a missing usage (`pipeline`).

use super::{anthropic, gemini, openai};
use crate::chat::json::{JsonError, Kind, Lenient, Scanner, Watch};
use crate::chat::{Dialect, Endpoint, Usage};

/// What a whole answer reports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Answer {
    /// What the call used, where the answer says so completely.
    pub usage: Option<Usage>,
    /// Whether it is an error, whatever its status said.
    pub is_error: bool,
    /// How many bytes of text the model wrote (escapes as written, so never fewer than it said).
    pub text_bytes: u64,
    /// How many images it holds.
    pub images: u64,
}

/// Reads a whole answer of `endpoint`.
///
/// # Errors
/// When the body is not a JSON object.
pub fn usage(body: &[u8], endpoint: Endpoint) -> Result<Answer, JsonError> {
    match endpoint.dialect() {
        Dialect::OpenAi => openai::usage(body, endpoint),
        Dialect::Anthropic => anthropic::usage(body, endpoint),
        Dialect::Gemini => gemini::usage(body, endpoint),
    }
}

/// A refusal as the model itself would give it: 200, its words in the place of an answer; server-sent events where a stream
/// was asked for. `None` where the endpoint has no such thing.
#[must_use]
pub fn declined(
    endpoint: Endpoint,
    streaming: bool,
    id: &str,
    created: i64,
    model: &str,
    message: &str,
) -> Option<Vec<u8>> {
    match endpoint.dialect() {
        Dialect::OpenAi => openai::declined(endpoint, streaming, id, created, model, message),
        Dialect::Anthropic => anthropic::declined(endpoint, streaming, id, model, message),
        Dialect::Gemini => gemini::declined(endpoint, streaming, id, model, message),
    }
}

/// Skips a value and tells whether it was anything but `null`.
pub(super) fn present(scanner: &mut Scanner<'_, Lenient>) -> Result<bool, JsonError> {
    let present = scanner.peek()? != Kind::Null;
    scanner.skip()?;
    Ok(present)
}

/// A count; `None` for anything else.
pub(super) fn count(scanner: &mut Scanner<'_, Lenient>) -> Result<Option<u64>, JsonError> {
    if scanner.peek()? == Kind::Number {
        return scanner.whole_number();
    }
    scanner.skip()?;
    Ok(None)
}

/// Adds up what the model wrote, in a delta or an output.
#[derive(Debug, Default)]
pub(super) struct Output {
    pub(super) text_bytes: u64,
    pub(super) images: u64,
    /// Whether the strings now met are names and ids, not text.
    label: bool,
    /// Whether the string asked for is a kind of item.
    kind: bool,
}

impl Watch for Output {
    #[inline]
    fn key(&mut self, key: &[u8]) -> bool {
        self.kind = key == b"type";
        self.label = self.kind
            || matches!(
                key,
                b"role" | b"id" | b"call_id" | b"status" | b"finish_reason" | b"token" | b"object"
            );
        self.kind
    }

    fn text(&mut self, text: &[u8]) {
        self.images += u64::from(text == b"image_generation_call");
    }

    #[inline]
    fn any_text(&mut self, raw: &[u8]) {
        if !self.label {
            self.text_bytes += raw.len() as u64;
        }
    }
}
