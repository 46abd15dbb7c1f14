//! What a stream of Gemini's has told so far: who answers, what is used, which candidates have come to their end.
//!
//! Nothing ends such a stream but the connection. Every event may tell the usage so far, and the last that does counts; it
//! is the last word once it came with the end of every candidate, or behind it.
//!
//! Not here: how it is ended (`ending`), what a text in it says (`said`).

use super::answer::{Counts, Seen, candidate, candidates};
use crate::chat::Usage;
use crate::chat::json::{JsonError, Kind, Scanner};
use crate::dialect::answer::present;
use crate::dialect::course::{Event, Unseen};
use smallvec::SmallVec;

/// Candidates that are told apart.
const MOST: usize = 1024;

/// Longest name kept.
const MAX_LABEL: usize = 512;

/// One stream of contents.
#[derive(Debug, Clone, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one independent thing the stream told"
)]
pub(in crate::dialect) struct Course {
    pub(super) model: Option<Box<str>>,
    pub(super) id: Option<Box<str>>,
    pub(super) counts: Counts,
    /// The candidates that have begun, and whether they have come to their end.
    pub(super) candidates: SmallVec<[(u32, bool); 2]>,
    /// Whether the prompt was turned back.
    blocked: bool,
    /// Whether the usage came that is the last word.
    told: bool,
    /// Whether any usage came that tells the output.
    counted: bool,
    thought: bool,
    called: bool,
    searches: u64,
    images: u64,
}

impl Course {
    /// The same as if nothing of it had left.
    pub(in crate::dialect) fn unsaid(&self) -> Self {
        Self {
            candidates: SmallVec::new(),
            ..self.clone()
        }
    }

    /// Whether everything that was begun has finished.
    pub(in crate::dialect) fn is_finished(&self) -> bool {
        self.blocked
            || (!self.candidates.is_empty()
                && self.candidates.iter().all(|(_, finished)| *finished))
    }

    /// Whether the usage that was told is the last word.
    pub(in crate::dialect) const fn is_told(&self) -> bool {
        self.told
    }

    /// What is done unseen. Before a word of what it used, a model may have thought as much as it may.
    pub(in crate::dialect) const fn unseen(&self) -> Unseen {
        Unseen {
            thinking: !self.told && (self.thought || !self.counted),
            tools: !self.told && self.called,
        }
    }

    /// Reads the payload of an event.
    pub(in crate::dialect) fn read(&mut self, data: &[u8]) -> Result<Event, JsonError> {
        let mut scanner = Scanner::lenient(data)?;
        let mut event = Event::default();
        let mut counts = self.counts;
        let (mut seen, mut usage_came, mut blocked) = (Seen::default(), false, false);
        let mut ends: SmallVec<[(u32, bool); 2]> = SmallVec::new();
        let (mut model, mut id) = (None, None);
        let mut members = scanner.object()?;
        while let Some(key) = scanner.member(&mut members)? {
            match (&*key.decoded(data), scanner.peek()?) {
                (b"usageMetadata", Kind::Object) => {
                    counts.read(&mut scanner)?;
                    usage_came = true;
                }
                (b"candidates", _) => candidates(&mut scanner, &mut |scanner| {
                    ends.push(candidate(scanner, &mut seen)?);
                    Ok(())
                })?,
                (b"promptFeedback", Kind::Object) => blocked |= blocks(&mut scanner)?,
                (b"error", _) => event.error |= present(&mut scanner)?,
                (b"modelVersion", Kind::Text) => model = Some(scanner.text()?),
                (b"responseId", Kind::Text) => id = Some(scanner.text()?),
                _ => {
                    scanner.skip()?;
                }
            }
        }
        scanner.finish()?;
        let label = |text: crate::chat::json::Text| {
            let decoded = text.decoded(data);
            (decoded.len() <= MAX_LABEL).then(|| String::from_utf8_lossy(&decoded).into())
        };
        if self.model.is_none() {
            self.model = model.and_then(label);
        }
        if self.id.is_none() {
            self.id = id.and_then(label);
        }
        for (index, finished) in ends {
            self.candidate(index, finished);
        }
        self.blocked |= blocked;
        if seen.text_bytes > 0 {
            self.thought = seen.thought;
        }
        self.called |= seen.called;
        self.searches = self.searches.saturating_add(seen.searches);
        self.images = self.images.saturating_add(seen.images);
        self.counts = counts;
        event.text_bytes = seen.text_bytes;
        event.hidden_bytes = seen.hidden_bytes;
        if usage_came || seen.searches > 0 || seen.images > 0 {
            event.usage = self.usage();
            self.counted |= event.usage.is_some();
            self.told |= usage_came && event.usage.is_some() && self.is_finished();
        }
        Ok(event)
    }

    fn candidate(&mut self, index: u32, finished: bool) {
        let known = self
            .candidates
            .iter_mut()
            .find(|(known, _)| *known == index);
        if let Some((_, end)) = known {
            *end |= finished;
        } else if self.candidates.len() < MOST {
            self.candidates.push((index, finished));
        }
    }

    fn usage(&self) -> Option<Usage> {
        let usage = self.counts.usage()?;
        Some(Usage {
            searches: self.searches,
            images: self.images,
            ..usage
        })
    }
}

/// Whether the prompt was turned back.
fn blocks(scanner: &mut Scanner<'_, crate::chat::json::Lenient>) -> Result<bool, JsonError> {
    let body = scanner.body();
    let mut blocks = false;
    let mut members = scanner.object()?;
    while let Some(key) = scanner.member(&mut members)? {
        if &*key.decoded(body) == b"blockReason" && scanner.peek()? == Kind::Text {
            blocks |= scanner.text()?.raw(body) != b"BLOCK_REASON_UNSPECIFIED";
        } else {
            scanner.skip()?;
        }
    }
    Ok(blocks)
}
