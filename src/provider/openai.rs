//! What the answers of providers that speak OpenAI's language say: usage, text, the end of a stream.
//!
//! A thin seam: the words are the dialect's, what they mean for a call is the pipeline's. A vendor with another dialect
//! gets a file like this one.

pub use crate::dialect::openai::{
    Answer as Usages, Called, Field, Frames, Reader, Reading, Release, StreamMeter, event_name,
    payload, said, whole,
};

use crate::chat::Endpoint;
use crate::chat::json::JsonError;

/// Reads a whole answer.
///
/// # Errors
/// It is no JSON object.
pub fn read(body: &[u8], endpoint: Endpoint) -> Result<Usages, JsonError> {
    crate::dialect::openai::usage(body, endpoint)
}

/// Where the last event of these bytes begins; they hold whole events.
#[must_use]
pub fn last_event(bytes: &[u8]) -> usize {
    let body = bytes.trim_ascii_end();
    let after = |blank: &[u8]| {
        memchr::memmem::rfind(body, blank).map_or(0, |at| at.saturating_add(blank.len()))
    };
    after(b"\n\n").max(after(b"\r\n\r\n"))
}

/// Output tokens of an answer that tells no usage: never more than its text can do with, and never fewer than it can hold.
#[must_use]
pub fn output_bounds(reading: &Usages) -> (u64, u64) {
    (reading.text_bytes / 8, reading.text_bytes.div_ceil(3))
}
