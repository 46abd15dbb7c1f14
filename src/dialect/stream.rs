//! The running meter of a stream, and the gate its bytes pass.
//!
//! Bytes pass as they come. Whole events inside a chunk are read where they lie, so a chunk that holds whole events costs
//! no copy and no allocation; only an event cut in two is put together in a bounded buffer. If a usage event that only we
//! asked for is to be hidden, the unfinished end of a chunk is held back until the event is whole, since only then is it
//! known what it is.
//!
//! Invariant: what is released and what is hidden are together exactly the bytes that came, in order, and which is which
//! does not depend on how they were cut.
//!
//! The meter has two readings for when no usage comes. The low one never exceeds what an honest provider was told to write,
//! so a stream is only cut when it surely outran its reservation; the high one is what is booked, so nothing is free.
//!
//! Not here: what ends a stream (`pipeline`), what its events mean and how an end is spelled (`course`).

use super::course::{Course, Event, Outline, Unseen, Why};
use super::sse::{Place, data, event_end};
use super::template::Template;
use crate::chat::{Endpoint, Usage};
use std::borrow::Cow;
use std::ops::Range;

/// The longest event that is read; a longer one passes unread and counts by its bytes.
pub const MAX_EVENT: usize = 1 << 20;

/// Bytes to pass on, in the order given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Release<'a> {
    /// Bytes held back from earlier chunks.
    Held(&'a [u8]),
    /// This stretch of the chunk just pushed.
    Chunk(Range<usize>),
}

/// Meters one stream of answers.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "what was asked and what was seen, each on its own"
)]
pub struct StreamMeter {
    endpoint: Endpoint,
    hide_usage: bool,
    hold: bool,
    place: Place,
    /// The beginning of an event whose end has not come yet.
    partial: Vec<u8>,
    /// The event at hand is longer than [`MAX_EVENT`] and passes unread.
    too_long: bool,
    course: Course,
    template: Template,
    usage: Option<Usage>,
    content_events: u64,
    text_bytes: u64,
    /// Bytes of events nobody could read, and of what stands for output nobody sees.
    unread_bytes: u64,
    ended: bool,
    error: bool,
}

impl StreamMeter {
    /// A meter for a stream of `endpoint`.
    ///
    /// `hide_usage`: the usage-only event is not passed on, because the caller did not ask for it. `whole_events`: an event
    /// is passed on once it is whole, so that a stream can be ended well-formed at any moment; implied by `hide_usage`.
    #[must_use]
    pub fn new(endpoint: Endpoint, hide_usage: bool, whole_events: bool) -> Self {
        Self {
            endpoint,
            hide_usage,
            hold: hide_usage || whole_events,
            place: Place::default(),
            partial: Vec::new(),
            too_long: false,
            course: Course::new(endpoint),
            template: Template::default(),
            usage: None,
            content_events: 0,
            text_bytes: 0,
            unread_bytes: 0,
            ended: false,
            error: false,
        }
    }

    /// The same stream as if nothing of it had left yet: for an end of our own where all of it was held back.
    #[must_use]
    pub fn unsaid(&self) -> Self {
        Self {
            course: self.course.unsaid(),
            ..Self::new(self.endpoint, self.hide_usage, true)
        }
    }

    /// Takes the next bytes of the stream and says which may pass on.
    #[inline]
    pub fn push(&mut self, chunk: &[u8], out: &mut impl FnMut(Release<'_>)) {
        let mut from = 0; // released or hidden up to here
        let mut at = 0; // read up to here
        if !self.hold && !chunk.is_empty() {
            out(Release::Chunk(0..chunk.len()));
            from = chunk.len();
        }
        while let Some(length) = event_end(chunk.get(at..).unwrap_or_default(), &mut self.place) {
            let end = at + length;
            let rest = chunk.get(at..end).unwrap_or_default();
            let hidden = if self.partial.is_empty() && !self.too_long {
                self.read(rest)
            } else {
                self.complete(rest, out)
            };
            if hidden {
                if from < at {
                    out(Release::Chunk(from..at));
                }
                from = end;
            }
            at = end;
        }
        if self.hold && from < at {
            out(Release::Chunk(from..at));
        }
        if at < chunk.len() {
            self.keep(chunk, at, out);
        }
    }

    /// The stream is over: releases what was held back and reads an event that lacks its blank line.
    pub fn finish(&mut self, out: &mut impl FnMut(Release<'_>)) {
        let partial = std::mem::take(&mut self.partial);
        self.too_long = false;
        self.place = Place::default();
        if partial.is_empty() {
            return;
        }
        let hidden = self.read(&partial);
        if self.hold && !hidden {
            out(Release::Held(&partial));
        }
    }

    /// Forgets the beginning of an event that was held back, so that an ending of our own can follow. Returns how many
    /// bytes never reached the caller.
    pub fn discard(&mut self) -> usize {
        let held = if self.hold { self.partial.len() } else { 0 };
        self.unread_bytes += self.partial.len() as u64;
        self.partial.clear();
        if held > 0 {
            self.place = Place::default();
        }
        held
    }

    /// Puts an event together whose end has come; true if it is to be hidden.
    #[cold]
    fn complete(&mut self, rest: &[u8], out: &mut impl FnMut(Release<'_>)) -> bool {
        if std::mem::take(&mut self.too_long) {
            self.unread_bytes += rest.len() as u64;
            return false;
        }
        let mut partial = std::mem::take(&mut self.partial);
        let held = partial.len();
        if held + rest.len() > MAX_EVENT {
            self.unread_bytes += (held + rest.len()) as u64;
            if self.hold {
                out(Release::Held(&partial));
            }
            return false;
        }
        partial.extend_from_slice(rest);
        let hidden = self.read(&partial);
        if self.hold && !hidden {
            out(Release::Held(partial.get(..held).unwrap_or_default()));
        }
        partial.clear();
        self.partial = partial;
        hidden
    }

    /// Keeps the beginning of an event whose end is still to come.
    #[cold]
    fn keep(&mut self, chunk: &[u8], at: usize, out: &mut impl FnMut(Release<'_>)) {
        let start = chunk.get(at..).unwrap_or_default();
        if !self.too_long && self.partial.len() + start.len() <= MAX_EVENT {
            self.partial.extend_from_slice(start);
            return;
        }
        self.too_long = true;
        let partial = std::mem::take(&mut self.partial);
        self.unread_bytes += (partial.len() + start.len()) as u64;
        if self.hold {
            if !partial.is_empty() {
                out(Release::Held(&partial));
            }
            out(Release::Chunk(at..chunk.len()));
        }
    }

    /// Reads one whole event; true if it is to be hidden.
    #[inline]
    fn read(&mut self, bytes: &[u8]) -> bool {
        let Some(text_bytes) = self.template.read(bytes) else {
            return self.read_whole(bytes);
        };
        self.content_events += u64::from(text_bytes > 0);
        self.text_bytes += text_bytes;
        false
    }

    /// The same for an event of another shape than the last.
    fn read_whole(&mut self, bytes: &[u8]) -> bool {
        let Some(data) = data(bytes) else {
            return false; // a comment, a retry time, a blank line
        };
        let Ok(event) = self.course.read(&data) else {
            self.unread_bytes += bytes.len() as u64;
            return false;
        };
        let Event {
            usage, text_bytes, ..
        } = event;
        if let (Cow::Borrowed(data), Some(delta)) = (&data, event.delta) {
            let at = data.as_ptr().addr() - bytes.as_ptr().addr();
            self.template.learn(bytes, at, delta);
        }
        self.usage = usage.or(self.usage);
        self.content_events += u64::from(text_bytes > 0);
        self.text_bytes += text_bytes;
        self.unread_bytes += event.hidden_bytes;
        self.ended |= event.ended;
        self.error |= event.error;
        self.hide_usage && event.usage_alone
    }

    /// The last usage any event reported.
    #[must_use]
    pub const fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// Events that held text.
    #[must_use]
    pub const fn content_events(&self) -> u64 {
        self.content_events
    }

    /// Bytes of text the events held, escapes as written.
    #[must_use]
    pub const fn text_bytes(&self) -> u64 {
        self.text_bytes
    }

    /// Whether an event was an error.
    #[must_use]
    pub const fn is_error(&self) -> bool {
        self.error
    }

    /// Whether the stream came to its own end: `[DONE]`, or the last event of responses.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        self.ended
    }

    /// Whether every choice that was begun has finished.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.course.is_finished()
    }

    /// Whether the provider has said what it used, to the end: what it says at the beginning is no last word.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.usage.is_some() && self.course.is_told()
    }

    /// What the provider may have done unseen, as far as it has not said what it used.
    #[must_use]
    pub fn unseen(&self) -> Unseen {
        self.course.unseen()
    }

    /// Whether the caller has the beginning of an event without its end.
    #[must_use]
    pub const fn is_mid_event(&self) -> bool {
        self.too_long || (!self.hold && !self.partial.is_empty())
    }

    /// Ends the stream because its output reached its limit: what is open is closed, and the end says why and what was used
    /// (where the caller asked for that).
    #[must_use]
    pub fn ending(&self, usage: Usage) -> Vec<u8> {
        self.end(Why::Length, usage)
    }

    /// Ends the stream because what comes next may not leave: as [`StreamMeter::ending`], for that reason, and with a message
    /// where the dialect has a place for one.
    #[must_use]
    pub fn filtered(&self, usage: Usage, message: &str) -> Vec<u8> {
        self.end(Why::Filtered(message), usage)
    }

    fn end(&self, why: Why<'_>, usage: Usage) -> Vec<u8> {
        let mut out = self.event_break();
        self.course
            .end(&mut out, why, usage, self.hide_usage, self.ended);
        out
    }

    /// Ends the stream because the provider broke off or its answer may not go on. Nothing comes after it.
    #[must_use]
    pub fn error_event(&self, kind: &str, code: Option<&str>, message: &str) -> Vec<u8> {
        let mut out = self.event_break();
        self.course.fail(&mut out, kind, code, message);
        out
    }

    /// The caller has only this of the stream, because the rest was kept back.
    pub fn caller_has(&mut self, outline: &Outline) {
        self.course.caller_has(outline);
    }

    /// Ends an event whose beginning the caller already has.
    fn event_break(&self) -> Vec<u8> {
        if self.is_mid_event() {
            b"\n\n".to_vec()
        } else {
            Vec::new()
        }
    }

    /// Fewest output tokens that explain what came: an event carries at least one token and a token is rarely above four
    /// bytes, so the smaller of the two counts is exceeded by a provider only if it truly wrote more.
    #[must_use]
    pub fn output_tokens_low(&self) -> u64 {
        self.content_events.min(self.text_bytes.div_ceil(4))
    }

    /// Output tokens to book when no usage comes: the larger count, so that nothing is free. What the model thought without
    /// showing it is not in it.
    #[must_use]
    pub fn output_tokens_high(&self) -> u64 {
        let bytes = self.text_bytes.saturating_add(self.unread_bytes);
        self.content_events.max(bytes.div_ceil(3))
    }
}

#[cfg(test)]
mod tests;
