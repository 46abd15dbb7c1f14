//! What the answers of providers say: usage, text, the end of a stream, in the dialect that the call is spoken in.
//!
//! A thin seam: the words are the dialect's, what they mean for a call is the pipeline's.

pub use crate::dialect::translate;
pub use crate::dialect::{
    Answer as Usages, Called, Field, Frames, Outline, Reader, Reading, Release, Said, StreamMeter,
    carrier, event_name, last_event, payload, said, usage as read, whole,
};

/// Output tokens of an answer that tells no usage: never more than its text can do with, and never fewer than it can hold.
#[must_use]
pub fn output_bounds(reading: &Usages) -> (u64, u64) {
    (reading.text_bytes / 8, reading.text_bytes.div_ceil(3))
}
