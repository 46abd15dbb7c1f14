//! A stretch of a body, kept instead of a copy of it.
//!
//! Four bytes an end: no body comes near 4 GiB, and a look full of spans stays small.

use std::ops::Range;

/// A stretch of a body, from `start` up to and without `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Where it begins.
    pub start: u32,
    /// Where it ends (the first byte that is not part of it).
    pub end: u32,
}

impl Span {
    /// The stretch between two offsets of a body that [`super::json::Scanner`] took, which is shorter than 4 GiB.
    #[must_use]
    pub(crate) fn new(start: usize, end: usize) -> Self {
        debug_assert!(start <= end);
        let narrow = |offset| u32::try_from(offset).unwrap_or(u32::MAX);
        Self {
            start: narrow(start),
            end: narrow(end),
        }
    }

    /// The same as a range.
    #[must_use]
    pub const fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The bytes it covers; nothing where it lies outside of `body`.
    #[must_use]
    pub fn of(self, body: &[u8]) -> &[u8] {
        body.get(self.range()).unwrap_or_default()
    }
}
