//! How a vendor's token is written behind its prefix, and how that is read.
//!
//! A form is a row of parts read greedily, never backwards: vendors' tokens are made so, and it keeps reading linear and its
//! answers final. A prefix that says everything (`ghp_`) makes a form *strong*; one that words also begin with (`key-`)
//! makes it *weak*, and then the rest must look random.

use super::looks::{Census, is_placeholder, is_random};
use super::reading::{
    Set, Sure, URL64, between, byte, closes, found, has, literal, run, swallow, what,
};
use crate::governance::guard::finding::Level;
use crate::governance::guard::probe::{LONGEST_HELD, Probe, View};

/// A part of a token.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    /// These bytes.
    Lit(&'static str),
    /// A run of a set, at least and at most so long.
    Run(&'static Set, usize, usize),
    /// A run of a set, at least so long: it may be longer than what is held.
    Open(&'static Set, usize),
    /// A UUID.
    Uuid,
}

/// How a token goes on behind its prefix.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    /// What it is named.
    pub(super) name: &'static str,
    /// Its parts.
    pub(super) parts: &'static [Part],
    /// Whether prefix and length alone make it one.
    pub(super) is_strong: bool,
}

/// A form whose prefix and length say everything.
pub(super) const fn strong(name: &'static str, parts: &'static [Part]) -> Form {
    Form {
        name,
        parts,
        is_strong: true,
    }
}

/// A form whose rest must look random, too.
pub(super) const fn weak(name: &'static str, parts: &'static [Part]) -> Form {
    Form {
        name,
        parts,
        is_strong: false,
    }
}

/// What of a token must stand at the end of a whole text for it to count although it was cut off there.
const CUT_OFF: usize = 12;

/// How far the parts could be read.
enum Read {
    /// To the end; it lies here.
    Whole(usize),
    /// To the end of the text, which lies here.
    Cut(usize),
    /// An open part goes on beyond what is held.
    Endless(&'static Set),
}

impl Form {
    /// Reads the token whose prefix is `start..body`: the first answer that is not `No`, if any, settles the place.
    pub(super) fn probe(&self, view: &View<'_>, start: usize, body: usize) -> Sure<Probe> {
        let Some(read) = self.read(view, start, body)? else {
            return Ok(Probe::No);
        };
        let level = if self.is_strong {
            Level::Validated
        } else {
            Level::Shaped
        };
        Ok(match read {
            Read::Whole(end) if self.accepts(between(view, body, end)) => {
                found(start, end, what(self.name, level))
            }
            Read::Cut(end)
                if self.is_strong
                    && end - body >= CUT_OFF
                    && Census::of(between(view, body, end)).digits > 0
                    && self.accepts(between(view, body, end)) =>
            {
                found(start, end, what(self.name, Level::Shaped))
            }
            Read::Endless(set) if self.accepts(between(view, body, start + LONGEST_HELD)) => {
                swallow(start, what(self.name, level), set)
            }
            _ => Probe::No,
        })
    }

    fn accepts(&self, body: &[u8]) -> bool {
        if self.is_strong {
            body.len() < 8 || (!is_placeholder(body) && Census::of(body).distinct >= 5)
        } else {
            is_random(body, 8)
        }
    }

    fn read(&self, view: &View<'_>, start: usize, body: usize) -> Sure<Option<Read>> {
        let mut at = body;
        for part in self.parts {
            let (set, least, most) = match part {
                Part::Lit(text) => {
                    if !literal(view, at, text)? {
                        return Ok(None);
                    }
                    at += text.len();
                    continue;
                }
                Part::Uuid => {
                    let end = run(view, at, &URL64, 36)?;
                    if !super::looks::is_uuid(between(view, at, end)) {
                        return Ok(None);
                    }
                    at = end;
                    continue;
                }
                Part::Run(set, least, most) => (*set, *least, *most),
                Part::Open(set, least) => {
                    (*set, *least, (start + LONGEST_HELD + 1).saturating_sub(at))
                }
            };
            let end = run(view, at, set, most)?;
            if matches!(part, Part::Open(..)) && end - start > LONGEST_HELD {
                return Ok(Some(Read::Endless(set)));
            }
            if end - at < least {
                let is_cut = byte(view, end)?.is_none();
                return Ok(is_cut.then_some(Read::Cut(end)));
            }
            at = end;
        }
        // A weak form must not be the head of a longer name, either.
        let goes_on = byte(view, at)?.is_some_and(|next| !self.is_strong && has(&URL64, next));
        Ok((closes(view, at)? && !goes_on).then_some(Read::Whole(at)))
    }
}
