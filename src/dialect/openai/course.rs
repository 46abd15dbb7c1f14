//! What a stream of OpenAI's endpoints has told so far.
//!
//! Each event is parsed from its outermost level down to what the meter needs, once.
//!
//! Not here: how a stream is ended (`ending`).

use super::answer::usage_object;
use crate::chat::json::{JsonError, Kind, Lenient, Scanner};
use crate::chat::{Endpoint, Span};
use crate::dialect::answer::{Output, present};
use crate::dialect::course::{Event, Identity};

/// One stream of chat, completions, responses or speech.
#[derive(Debug)]
pub(in crate::dialect) struct Course {
    pub(super) endpoint: Endpoint,
    pub(super) identity: Identity,
    /// The choices that were spoken of, one bit each.
    pub(super) seen: u128,
    /// Of these, the ones that have finished.
    pub(super) finished: u128,
    /// The number of the next event on responses.
    pub(super) next_sequence: u64,
    /// `response.completed`, `.incomplete` or `.failed` came.
    ended: bool,
}

/// What an event says beside what every dialect says.
#[derive(Default)]
struct Said {
    event: Event,
    no_choices: bool,
    /// Where the last delta of a choice stands in the payload, and how many there are.
    delta: Option<Span>,
    deltas: u32,
    seen: u128,
    finished: u128,
    sequence: Option<u64>,
}

impl Course {
    pub(in crate::dialect) fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            identity: Identity::default(),
            seen: 0,
            finished: 0,
            next_sequence: 0,
            ended: false,
        }
    }

    pub(in crate::dialect) fn unsaid(&self) -> Self {
        Self {
            identity: self.identity.clone(),
            seen: self.seen,
            ..Self::new(self.endpoint)
        }
    }

    pub(in crate::dialect) fn is_finished(&self) -> bool {
        self.ended || (self.seen != 0 && self.seen == self.finished)
    }

    pub(in crate::dialect) fn read(&mut self, data: &[u8]) -> Result<Event, JsonError> {
        if data.trim_ascii() == b"[DONE]" {
            return Ok(Event {
                ended: true,
                ..Event::default()
            });
        }
        let mut said = Said::default();
        payload(data, self.endpoint, &mut self.identity, &mut said)?;
        let mut event = said.event;
        self.seen |= said.seen;
        self.finished |= said.finished;
        self.ended |= event.ended;
        if let Some(sequence) = said.sequence {
            self.next_sequence = sequence.saturating_add(1);
        }
        event.usage_alone = event.usage.is_some() && said.no_choices && !event.error;
        let plain = event.usage.is_none()
            && !event.error
            && said.finished == 0
            && said.seen.is_power_of_two()
            && said.deltas == 1;
        event.delta = said.delta.filter(|_| plain);
        Ok(event)
    }
}

fn payload(
    data: &[u8],
    endpoint: Endpoint,
    identity: &mut Identity,
    out: &mut Said,
) -> Result<(), JsonError> {
    let mut scanner = Scanner::lenient(data)?;
    let mut members = scanner.object()?;
    let responses = endpoint == Endpoint::Responses;
    let learn = !identity.is_known();
    while let Some(key) = scanner.member(&mut members)? {
        match key.raw(data) {
            b"choices" if !responses => choices(&mut scanner, out)?,
            b"delta" if responses => delta(&mut scanner, out)?,
            b"response" if responses => response(&mut scanner, identity, out)?,
            b"type" if responses && scanner.peek()? == Kind::Text => {
                match scanner.text()?.raw(data) {
                    b"response.completed" | b"response.incomplete" => out.event.ended = true,
                    b"response.failed" => (out.event.ended, out.event.error) = (true, true),
                    b"error" => out.event.error = true,
                    _ => {}
                }
            }
            b"type" if endpoint.makes_sound() && scanner.peek()? == Kind::Text => {
                out.event.ended |= scanner.text()?.raw(data) == b"speech.audio.done";
            }
            b"sequence_number" if responses && scanner.peek()? == Kind::Number => {
                out.sequence = scanner.whole_number()?;
            }
            b"usage" => {
                out.event.usage = usage_object(&mut scanner, endpoint)?.or(out.event.usage);
            }
            b"error" => out.event.error |= present(&mut scanner)?,
            name if learn => identity.read(&mut scanner, name)?,
            _ => {
                scanner.skip()?;
            }
        }
    }
    scanner.finish()
}

fn choices(scanner: &mut Scanner<'_, Lenient>, out: &mut Said) -> Result<(), JsonError> {
    if scanner.peek()? != Kind::Array {
        scanner.skip()?;
        return Ok(());
    }
    let mut items = scanner.array()?;
    while scanner.element(&mut items)? {
        if scanner.peek()? == Kind::Object {
            choice(scanner, out)?;
        } else {
            scanner.skip()?;
        }
    }
    out.no_choices = items.count == 0;
    Ok(())
}

fn choice(scanner: &mut Scanner<'_, Lenient>, out: &mut Said) -> Result<(), JsonError> {
    let body = scanner.body();
    let mut index = 0;
    let mut finishes = false;
    let mut members = scanner.object()?;
    while let Some(key) = scanner.member(&mut members)? {
        match key.raw(body) {
            b"index" if scanner.peek()? == Kind::Number => {
                index = scanner.whole_number()?.unwrap_or(u64::MAX);
            }
            b"finish_reason" => finishes = present(scanner)?,
            b"delta" | b"text" | b"message" => delta(scanner, out)?,
            _ => {
                scanner.skip()?;
            }
        }
    }
    let bit = u32::try_from(index)
        .ok()
        .and_then(|index| 1_u128.checked_shl(index))
        .unwrap_or_default();
    out.seen |= bit;
    if finishes {
        out.finished |= bit;
    }
    Ok(())
}

/// Text the model wrote, in whatever form: a string, or an object of them.
fn delta(scanner: &mut Scanner<'_, Lenient>, out: &mut Said) -> Result<(), JsonError> {
    let mut output = Output::default();
    let place = scanner.watch(&mut output)?;
    out.event.text_bytes += output.text_bytes;
    out.delta = Some(place);
    out.deltas += 1;
    Ok(())
}

/// The response object that some events of responses carry.
fn response(
    scanner: &mut Scanner<'_, Lenient>,
    identity: &mut Identity,
    out: &mut Said,
) -> Result<(), JsonError> {
    if scanner.peek()? != Kind::Object {
        scanner.skip()?;
        return Ok(());
    }
    let learn = !identity.is_known();
    let body = scanner.body();
    let mut members = scanner.object()?;
    while let Some(key) = scanner.member(&mut members)? {
        match key.raw(body) {
            b"usage" => {
                out.event.usage = usage_object(scanner, Endpoint::Responses)?.or(out.event.usage);
            }
            name if learn => identity.read(scanner, name)?,
            _ => {
                scanner.skip()?;
            }
        }
    }
    Ok(())
}
