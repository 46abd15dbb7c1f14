//! What is booked for a whole answer whose provider tells no usage, where the text in it is no measure of it.
//!
//! Not here: answers of text, which are counted (`attempt`).

use super::passage::Passage;
use crate::chat::Usage;
use crate::provider::vendor::Usages;
use crate::units::Tokens;

/// What an image is booked as where neither its provider nor the price book says: more than any takes.
const LARGEST_IMAGE: Tokens = Tokens(32 * 1024);

impl Passage {
    /// Images nobody told the usage of: as many as came, or were asked for where that cannot be read, each of them the
    /// dearest there is. `None` where usage was told, or there are no images in question.
    pub(super) fn untold(&self, reading: Option<&Usages>) -> Option<Usage> {
        if !self.endpoint.makes_images() || reading.is_some_and(|reading| reading.usage.is_some()) {
            return None;
        }
        let images = reading.map_or(self.choices, |reading| reading.images);
        let each = self.cap().tokens.min(LARGEST_IMAGE);
        Some(Usage {
            input: self.input(),
            output: each.times(images),
            images,
            ..Usage::default()
        })
    }
}
