//! What is booked for an answer whose provider tells no usage, where the text in it is no measure of it.
//!
//! Not here: answers of text, whose output is counted as it comes (`attempt`, `stream`).

use super::passage::Passage;
use super::{Call, Seen};
use crate::chat::Usage;
use crate::provider::vendor::Usages;
use crate::units::Tokens;
use bytes::Bytes;

/// What an image is booked as where neither its provider nor the price book says: more than any takes.
const LARGEST_IMAGE: Tokens = Tokens(32 * 1024);

/// Tokens of sound that a byte of text is booked as: what is spoken in English takes a third of it.
const SOUND_PER_BYTE: u64 = 4;

impl Passage {
    /// Images nobody told the usage of: as many as came, or were asked for where that cannot be read, each of them the
    /// dearest there is. Sound nobody told the usage of: what its text can take. `None` where usage was told, or there is
    /// neither in question.
    pub(super) fn untold(&self, reading: Option<&Usages>) -> Option<Usage> {
        if reading.is_some_and(|reading| reading.usage.is_some()) {
            return None;
        }
        let (most, own) = (self.cap().tokens, Usage::default());
        if self.endpoint.makes_images() {
            let images = reading.map_or(self.choices, |reading| reading.images);
            let output = most.min(LARGEST_IMAGE).times(images);
            return Some(Usage {
                input: self.input(),
                output,
                images,
                ..own
            });
        }
        if self.endpoint.makes_sound() {
            let output = most.min(Tokens(self.spoken.bytes).times(SOUND_PER_BYTE));
            return Some(Usage {
                input: self.input(),
                output,
                audio_output: output,
                ..own
            });
        }
        None
    }
}

/// Longer bodies are not kept for counting: the bound they were weighed with is booked.
const MOST_KEPT: usize = 64 * 1024;

/// The body of a stream, for counting should no usage come, and how many messages it holds.
pub(super) fn kept(call: &Call, seen: &Seen) -> Option<(Bytes, u32)> {
    let look = seen.weighed();
    let countable = look.references.opaque.is_none() && look.references.images == 0;
    (look.stream && countable && call.body.len() <= MOST_KEPT)
        .then(|| (seen.forwarded(call), look.messages))
}
