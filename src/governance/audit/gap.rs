//! Decisions that nobody recorded, and the line that says so.
//!
//! Where the log could not be written and calls were let go all the same, the chain must not look whole: a gap is a line of
//! its own kind (`"kind":"gap"`), numbered and chained like any other, in the place where the records are missing.

use super::chain::members;
use super::record::Pen;
use crate::clock::Wall;

const KIND: &[u8] = b"\"kind\":\"gap\",";

/// Decisions that were not recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// How many.
    pub lost: u64,
    /// When the first of their calls came.
    pub from: Wall,
    /// When the last of their calls came.
    pub to: Wall,
}

impl Gap {
    /// A gap of one decision, about a call that came at `at`.
    #[must_use]
    pub const fn at(at: Wall) -> Self {
        Self {
            lost: 1,
            from: at,
            to: at,
        }
    }

    /// One more.
    pub fn extend(&mut self, at: Wall) {
        self.lost = self.lost.saturating_add(1);
        self.from = self.from.min(at);
        self.to = self.to.max(at);
    }

    /// Whether this line of the log is a gap.
    #[must_use]
    pub fn is(line: &[u8]) -> bool {
        members(line).is_some_and(|members| members.starts_with(KIND))
    }
}

impl Pen {
    /// Appends the members of the gap's JSON object, without the braces.
    pub fn gap(&mut self, gap: &Gap, out: &mut Vec<u8>) {
        out.extend_from_slice(KIND);
        for (name, time) in [("at", gap.to), ("from", gap.from), ("to", gap.to)] {
            out.push(b'"');
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"\":\"");
            self.time(time, out);
            out.extend_from_slice(b"\",");
        }
        out.extend_from_slice(b"\"lost\":");
        out.extend_from_slice(itoa::Buffer::new().format(gap.lost).as_bytes());
    }
}

/// A time as records write it: UTC with microseconds, so that texts sort as times do.
#[must_use]
pub fn stamp(at: Wall) -> String {
    let mut text = Vec::with_capacity(27);
    Pen::default().time(at, &mut text);
    String::from_utf8(text).unwrap_or_default()
}
