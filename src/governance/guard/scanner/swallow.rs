//! A value whose end is not in sight: it is replaced at once, and the text is swallowed up to its end.
//!
//! Key blocks and endless tokens would otherwise be held in memory. A key block without an end swallows all that follows,
//! and past [`LONGEST_BLOCK`] it says so, because a stream that shows nothing more should stop.
//!
//! Not here: who says that such a value begins (`detectors`).

use super::state::{Decided, Known};
use crate::governance::guard::finding::Finding;
use crate::governance::guard::probe::{Until, What};

/// How much of the value is shown to whoever replaces it, in bytes: enough to tell keys apart.
const SHOWN: usize = 64;
/// The longest key block, in bytes.
const LONGEST_BLOCK: usize = 16 * 1_024;
/// What ends a key block begins with this.
const END: &[u8] = b"-----END";
/// And ends with this, not further behind it than [`LONGEST_LABEL`].
const DASHES: &[u8] = b"-----";
const LONGEST_LABEL: usize = 64;

/// Where a swallowed value stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Swallow {
    start: usize,
    what: What,
    until: Until,
    /// Where its end is looked for next.
    searched: usize,
    opened: bool,
    overran: bool,
}

/// What a look at it gave.
pub(super) enum Swallowed {
    /// Its end has not come. Nothing from this offset on may leave.
    Waiting { from: usize },
    /// It ended before this offset.
    Ended(usize),
}

impl Swallow {
    pub(super) fn new(start: usize, what: What, until: Until) -> Self {
        Self {
            start,
            what,
            until,
            searched: start,
            opened: false,
            overran: false,
        }
    }

    /// Whether its beginning was handed out.
    pub(super) fn is_open(&self) -> bool {
        self.opened
    }

    /// The first offset it still has to look at.
    pub(super) fn needs(&self) -> usize {
        if self.opened {
            self.searched
        } else {
            self.start
        }
    }

    /// Swallows what has come.
    pub(super) fn look(
        &mut self,
        known: &Known<'_>,
        decided: &mut impl FnMut(Decided),
    ) -> Swallowed {
        let end = self.end(known);
        if !self.opened {
            let shown = self.start + SHOWN;
            let shown = match end {
                Some(end) => shown.min(end),
                None if known.end() < shown => return Swallowed::Waiting { from: self.start },
                None => shown,
            };
            let shown = known.floor(shown);
            decided(Decided::Opened {
                start: self.start,
                shown,
                what: self.what,
            });
            self.opened = true;
        }
        let reached = end.unwrap_or(known.end());
        if self.until == Until::PemEnd && !self.overran && reached - self.start > LONGEST_BLOCK {
            self.overran = true;
            decided(Decided::Overran);
        }
        let Some(end) = end else {
            return Swallowed::Waiting { from: known.end() };
        };
        let What {
            kind,
            detector,
            level,
        } = self.what;
        decided(Decided::Closed(Finding {
            start: self.start,
            end,
            kind,
            detector,
            level,
        }));
        Swallowed::Ended(end)
    }

    /// Where it ends, if that is known.
    fn end(&mut self, known: &Known<'_>) -> Option<usize> {
        let found = match self.until {
            Until::Not(set) => {
                let rest = known
                    .bytes
                    .get(self.searched - known.base..)
                    .unwrap_or_default();
                let run = rest
                    .iter()
                    .take_while(|b| set.get(usize::from(**b)) == Some(&true))
                    .count();
                self.searched += run;
                (run < rest.len()).then(|| self.searched.max(self.start + 1))
            }
            Until::PemEnd => self.block_end(known),
        };
        found.or(known.complete.then_some(known.end()))
    }

    fn block_end(&mut self, known: &Known<'_>) -> Option<usize> {
        loop {
            let rest = known.bytes.get(self.searched - known.base..)?;
            let Some(place) = memchr::memmem::find(rest, END) else {
                self.searched = self.searched.max(known.end().saturating_sub(END.len() - 1));
                return None;
            };
            self.searched += place;
            let label = rest.get(place + END.len()..).unwrap_or_default();
            let near = label.get(..LONGEST_LABEL).unwrap_or(label);
            if let Some(dashes) = memchr::memmem::find(near, DASHES) {
                return Some(self.searched + END.len() + dashes + DASHES.len());
            }
            if label.len() < LONGEST_LABEL {
                return None;
            }
            self.searched += END.len();
        }
    }
}
