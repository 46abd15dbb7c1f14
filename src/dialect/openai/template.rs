//! The shape that nearly every event of a stream repeats.
//!
//! A chunk of chat is three hundred bytes of which five are new: ids, model and `null`s come again in every one. Once such
//! an event was read whole, the bytes before and after its delta are remembered, and an event between the same two
//! stretches needs only its delta read: the rest would parse to what it parsed to before.
//!
//! Invariant: an event that fits means exactly what reading it whole would say.

use super::answer::Output;
use super::event::Event;
use crate::chat::json::Scanner;

/// The longest shape remembered.
const MAX_SHAPE: usize = 4096;

/// What stands around the delta of an event that said nothing else.
#[derive(Debug, Default)]
pub(super) struct Template {
    head: Vec<u8>,
    tail: Vec<u8>,
    seen: u128,
}

impl Template {
    /// Reads an event that has the remembered shape; `None` for any other.
    #[inline]
    pub(super) fn read(&self, event: &[u8]) -> Option<Event> {
        if self.head.is_empty() {
            return None;
        }
        let payload = event.strip_prefix(b"data: ")?.strip_suffix(b"\n\n")?;
        let rest = payload
            .strip_prefix(self.head.as_slice())?
            .strip_suffix(self.tail.as_slice())?;
        let mut output = Output::default();
        let mut scanner = Scanner::lenient(rest).ok()?;
        scanner.watch(&mut output).ok()?;
        // Anything behind the value, or a line break in it, is another shape.
        if scanner.at() != rest.len() || memchr::memchr2(b'\n', b'\r', rest).is_some() {
            return None;
        }
        Some(Event {
            text_bytes: output.text_bytes,
            seen: self.seen,
            ..Event::default()
        })
    }

    /// Remembers the shape of an event just read whole, if it said nothing apart from its one delta.
    pub(super) fn learn(&mut self, payload: &[u8], event: &Event) {
        let plain = event.usage.is_none()
            && !event.error
            && event.finished == 0
            && event.seen.is_power_of_two()
            && event.deltas == 1
            && payload.len() <= MAX_SHAPE;
        let Some(delta) = event.delta.filter(|_| plain) else {
            return;
        };
        let delta = delta.range();
        self.head.clear();
        self.tail.clear();
        self.head
            .extend_from_slice(payload.get(..delta.start).unwrap_or_default());
        self.tail
            .extend_from_slice(payload.get(delta.end..).unwrap_or_default());
        self.seen = event.seen;
    }
}
