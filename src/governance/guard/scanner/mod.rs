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

mod layer;
mod recent;
mod rivals;
mod state;
mod swallow;

#[cfg(test)]
pub(crate) mod tests;

use self::layer::{Layer, Out};
use super::catalogue::Catalogue;
use super::finding::Finding;
use super::probe::What;
use super::redact::Next;

/// A chunk is looked at in parts of this size, so that a stream's memory does not depend on its chunks.
const PART: usize = 128;

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
        /// Whether its last characters may be shown, for a value of which they may be at all: nothing follows that could
        /// make them part of something else.
        apart: bool,
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

/// What a sign stands for in the text of a look.
#[derive(Debug)]
enum Wall {
    /// What redaction left.
    Mark(String),
    /// A value that was found.
    Value {
        finding: Finding,
        value: String,
        apart: bool,
    },
}

impl Wall {
    /// The bytes it takes in the text.
    fn len(&self) -> usize {
        match self {
            Self::Mark(mark) => mark.len(),
            Self::Value { value, .. } => value.len(),
        }
    }

    /// How it begins.
    fn first(&self) -> char {
        let (Self::Mark(text) | Self::Value { value: text, .. }) = self;
        text.chars().next().unwrap_or_default()
    }

    fn tell(&self, out: &mut Out<'_>) {
        match self {
            Self::Mark(mark) => out(Piece::Text(mark)),
            Self::Value {
                finding,
                value,
                apart,
            } => out(Piece::Found {
                finding: *finding,
                value,
                apart: *apart,
            }),
        }
    }
}

/// The scan of one stream.
#[derive(Debug)]
pub struct Scanner {
    /// What may become a mark of redaction.
    open: String,
    first: Layer,
}

impl Default for Scanner {
    fn default() -> Self {
        Self {
            open: String::new(),
            first: Layer::streaming(),
        }
    }
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
            self.part(catalogue, part, out);
            rest = more;
        }
    }

    /// Ends the text: hands out all that was held back.
    pub fn finish(&mut self, catalogue: &Catalogue, out: &mut impl FnMut(Piece<'_>)) {
        let open = std::mem::take(&mut self.open);
        self.feed(catalogue, &open, true, out);
        self.first.finish(catalogue, out);
    }

    /// How many characters are held back.
    #[must_use]
    pub fn held_chars(&self) -> usize {
        self.open.chars().count() + self.first.held_chars()
    }

    /// The memory this scan takes, in bytes.
    #[must_use]
    pub fn footprint(&self) -> usize {
        size_of::<Self>() - size_of::<Layer>() + self.open.capacity() + self.first.footprint()
    }

    fn part(&mut self, catalogue: &Catalogue, part: &str, out: &mut Out<'_>) {
        if self.open.is_empty() {
            self.feed(catalogue, part, false, out);
        } else {
            let mut text = std::mem::take(&mut self.open);
            text.push_str(part);
            self.feed(catalogue, &text, false, out);
        }
    }

    /// Shows the first look a text, with a sign in the place of each mark.
    fn feed(&mut self, catalogue: &Catalogue, text: &str, complete: bool, out: &mut Out<'_>) {
        let mut at = 0;
        let mut is_mark_last = false;
        loop {
            let next = catalogue.types().next_mark(text, at, complete);
            let end = match &next {
                Next::Clear => text.len(),
                Next::Mark(mark) => mark.start,
                Next::Open(from) => *from,
            };
            if at < end {
                let between = text.get(at..end).unwrap_or_default();
                self.first.text(catalogue, between, out);
                is_mark_last = false;
            }
            match next {
                Next::Clear => break,
                Next::Mark(mark) => {
                    at = mark.end;
                    is_mark_last = true;
                    let mark = text.get(mark).unwrap_or_default();
                    self.first.wall(Wall::Mark(mark.to_owned()));
                }
                Next::Open(from) => {
                    self.open.push_str(text.get(from..).unwrap_or_default());
                    break;
                }
            }
        }
        if is_mark_last {
            // A row of marks leaves as it comes, too.
            self.first.text(catalogue, "", out);
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
        let mut take = |piece: Piece<'_>| {
            if let Piece::Found { finding, .. } | Piece::Closed(finding) = piece {
                findings.push(finding);
            }
        };
        let is_plain = self.types().next_mark(text, 0, true) == Next::Clear;
        let (mut plain, mut marked) = (Layer::default(), Scanner::new());
        let mut from = 0;
        loop {
            let end = text.floor_char_boundary(from + Self::SLICE);
            let complete = end == text.len();
            if is_plain {
                let known = text.get(..end).unwrap_or_default();
                plain.look(self, known, 0, complete, &mut take);
            } else {
                marked.part(self, text.get(from..end).unwrap_or_default(), &mut take);
            }
            if complete {
                if is_plain {
                    plain.finish_behind(self, &mut take);
                } else {
                    marked.finish(self, &mut take);
                }
                return Ok(findings);
            }
            if !go_on() {
                return Err(GivenUp { findings });
            }
            from = end;
        }
    }
}
