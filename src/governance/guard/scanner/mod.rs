//! The scanner: what leaves a stream of text at once, what is held back, and which values are found in it.
//!
//! A whole text is a stream, too: [`Catalogue::scan`] and [`Scanner`] are the same procedure, and find the same however the
//! text is cut. Only what may still become part of a value is held, never by a clock: a pause inside a key must
//! not release its first half.
//!
//! Invariant: the pieces of a stream, put together, are the text; no piece of text holds any part of a value found.
//!
//! Not here: what is done to a value (`redact`), which values there are (`detectors`).

pub(super) mod gate;
pub(super) mod lead;

mod state;
mod swallow;

#[cfg(test)]
pub(crate) mod tests;

use self::state::{Decided, Known, State};
use super::catalogue::Catalogue;
use super::finding::Finding;
use super::probe::{LOOK_BEHIND, What};

/// A chunk is looked at in parts of this size, so that a stream's memory does not depend on its chunks.
const PART: usize = 128;
/// The past is forgotten in steps of at least this many bytes.
const FORGET: usize = 64;
/// A character may begin this many bytes before any of its bytes.
const CHARACTER: usize = 3;

/// A piece of the stream, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Text that may leave.
    Text(&'a str),
    /// A value. It does not leave as it is.
    Found {
        /// What was found.
        finding: Finding,
        /// The value.
        value: &'a str,
    },
    /// A value begins whose end is not in sight: replace it now. Nothing leaves until it is closed.
    Opened {
        /// Where it begins.
        start: usize,
        /// What it is.
        what: What,
        /// Its first bytes, at most 64.
        beginning: &'a str,
    },
    /// The value opened before is longer than any key block: the stream should stop. It is swallowed until it is closed.
    Overran,
    /// The value opened before ends; the finding spans all of it.
    Closed(Finding),
}

/// The scan of one stream.
#[derive(Debug, Default)]
pub struct Scanner {
    /// What is kept of the text: what was looked at but may be needed, and what is held back.
    window: String,
    /// The offset of the window's first byte.
    base: usize,
    /// What stands before this offset has left.
    released: usize,
    state: State,
}

impl Scanner {
    /// A scan at the beginning of its text.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next chunk and hands out what it decides. The catalogue must be the same for all of a stream.
    pub fn push(&mut self, catalogue: &Catalogue, text: &str, out: &mut impl FnMut(Piece<'_>)) {
        let mut rest = text;
        while !rest.is_empty() {
            let (part, more) = rest.split_at(rest.floor_char_boundary(PART));
            self.window.push_str(part);
            self.step(catalogue, false, out);
            rest = more;
        }
    }

    /// Ends the text: hands out all that was held back.
    pub fn finish(&mut self, catalogue: &Catalogue, out: &mut impl FnMut(Piece<'_>)) {
        self.step(catalogue, true, out);
    }

    /// How many characters are held back.
    #[must_use]
    pub fn held_chars(&self) -> usize {
        self.window
            .get(self.released - self.base..)
            .map_or(0, |held| held.chars().count())
    }

    /// The memory this scan takes, in bytes.
    #[must_use]
    pub fn footprint(&self) -> usize {
        size_of::<Self>() + self.window.capacity() + self.state.footprint()
    }

    fn step(&mut self, catalogue: &Catalogue, complete: bool, out: &mut impl FnMut(Piece<'_>)) {
        let (window, base) = (self.window.as_str(), self.base);
        let between =
            |from: usize, to: usize| window.get(from - base..to - base).unwrap_or_default();
        let known = Known {
            bytes: window.as_bytes(),
            base,
            complete,
        };
        let mut released = self.released;
        let held = self.state.advance(catalogue, &known, &mut |decided| {
            let reached = match decided {
                Decided::Found(finding) => finding.start,
                Decided::Opened { start, .. } => start,
                Decided::Overran | Decided::Closed(_) => released,
            };
            if released < reached {
                out(Piece::Text(between(released, reached)));
                released = reached;
            }
            match decided {
                Decided::Found(finding) => {
                    out(Piece::Found {
                        finding,
                        value: between(finding.start, finding.end),
                    });
                    released = finding.end;
                }
                Decided::Opened { start, shown, what } => {
                    out(Piece::Opened {
                        start,
                        what,
                        beginning: between(start, shown),
                    });
                }
                Decided::Overran => out(Piece::Overran),
                Decided::Closed(finding) => {
                    out(Piece::Closed(finding));
                    released = finding.end;
                }
            }
        });
        if released < held {
            if !self.state.is_swallowing() {
                out(Piece::Text(between(released, held)));
            }
            released = held;
        }
        self.released = released;
        self.forget();
    }

    /// Lets go of the past that no probe can look at any more.
    fn forget(&mut self) {
        let needed = self.released.min(self.state.needs());
        let excess = needed
            .saturating_sub(LOOK_BEHIND + CHARACTER)
            .saturating_sub(self.base);
        if excess >= FORGET {
            let cut = self.window.floor_char_boundary(excess);
            self.window.drain(..cut);
            self.base += cut;
            if self.window.capacity() > 4 * (LOOK_BEHIND + PART)
                && self.window.len() < LOOK_BEHIND + PART
            {
                self.window.shrink_to(2 * (LOOK_BEHIND + PART));
            }
        }
    }
}

/// A text that was not looked at to its end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct GivenUp {
    /// The values before it was given up.
    findings: Vec<Finding>,
}

impl GivenUp {
    /// What was found all the same.
    pub(crate) fn found(self) -> Vec<Finding> {
        self.findings
    }
}

impl Catalogue {
    /// Of a whole text so much is looked at before anybody asks how long that took, in bytes.
    pub(crate) const SLICE: usize = 16 * 1024;

    /// All values in a text, in order. The same as a [`Scanner`] finds in it.
    #[must_use]
    pub fn scan(&self, text: &str) -> Vec<Finding> {
        self.scan_while(text, &mut || true)
            .unwrap_or_else(GivenUp::found)
    }

    /// The same, asking after each slice whether to go on.
    ///
    /// # Errors
    /// It was given up.
    pub(crate) fn scan_while(
        &self,
        text: &str,
        go_on: &mut impl FnMut() -> bool,
    ) -> Result<Vec<Finding>, GivenUp> {
        let mut findings = Vec::new();
        let mut state = State::default();
        let mut end = 0;
        loop {
            end = text.floor_char_boundary(end + Self::SLICE);
            let known = Known {
                bytes: text.as_bytes().get(..end).unwrap_or_default(),
                base: 0,
                complete: end == text.len(),
            };
            state.advance(self, &known, &mut |decided| {
                if let Decided::Found(finding) | Decided::Closed(finding) = decided {
                    findings.push(finding);
                }
            });
            if known.complete {
                return Ok(findings);
            }
            if !go_on() {
                return Err(GivenUp { findings });
            }
        }
    }
}
