//! The shape that nearly every event of a stream repeats.
//!
//! A chunk of chat is three hundred bytes of which five are new: ids, model and `null`s come again in every one. Once such
//! an event was read whole, the bytes before and after its delta are remembered, and an event between the same two
//! stretches needs only its delta read: the rest would parse to what it parsed to before.
//!
//! Invariant: an event that fits means exactly what reading it whole would say.

use super::answer::Output;
use crate::chat::Span;
use crate::chat::json::Scanner;

/// The longest shape remembered.
const MAX_SHAPE: usize = 4096;

/// What stands around the delta of an event that said nothing else.
#[derive(Debug, Default)]
pub(super) struct Template {
    /// All before it, the event's name and the field's among it.
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl Template {
    /// The bytes of text in an event that has the remembered shape; `None` for any other.
    #[inline]
    pub(super) fn read(&self, event: &[u8]) -> Option<u64> {
        if self.head.is_empty() {
            return None;
        }
        let rest = event
            .strip_prefix(self.head.as_slice())?
            .strip_suffix(self.tail.as_slice())?;
        let mut output = Output::default();
        let mut scanner = Scanner::lenient(rest).ok()?;
        scanner.watch(&mut output).ok()?;
        // Anything behind the value, or a line break in it, is another shape.
        if scanner.at() != rest.len() || memchr::memchr2(b'\n', b'\r', rest).is_some() {
            return None;
        }
        Some(output.text_bytes)
    }

    /// Remembers the shape of an event just read whole, whose payload lies at `at` and said nothing apart from this delta.
    pub(super) fn learn(&mut self, event: &[u8], at: usize, delta: Span) {
        let delta = delta.range();
        let (from, to) = (at + delta.start, at + delta.end);
        let (head, tail) = (event.get(..from), event.get(to..));
        let (Some(head), Some(tail)) = (head, tail) else {
            return;
        };
        // One that ends otherwise is another shape, also where its payload is the same.
        if event.len() > MAX_SHAPE || !tail.ends_with(b"\n\n") {
            return;
        }
        self.head.clear();
        self.tail.clear();
        self.head.extend_from_slice(head);
        self.tail.extend_from_slice(tail);
    }
}
