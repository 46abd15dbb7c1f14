//! What one event of a stream says.
//!
//! Each event is parsed from its outermost level down to what the meter needs, once. An event we cannot read is no reason
//! to stop a stream: it is reported as such, and its bytes are what the meter has to go by.
//!
//! Not here: where events begin and end (`frame`), what they add up to (`stream`).

use std::borrow::Cow;

use super::answer::{Output, present, usage_object};
use super::template::Template;
use crate::chat::json::{JsonError, Kind, Lenient, Scanner, Text};
use crate::chat::{Endpoint, Span, Usage};

/// What one event says.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "an event may say any of these at once"
)]
pub(super) struct Event {
    /// The usage it reports.
    pub(super) usage: Option<Usage>,
    /// Bytes of text it adds.
    pub(super) text_bytes: u64,
    /// The `[DONE]` of chat and completions.
    pub(super) done: bool,
    /// An error.
    pub(super) error: bool,
    /// It has `choices`, and they are empty.
    pub(super) no_choices: bool,
    /// Where the last delta of a choice stands in the payload, and how many there are.
    pub(super) delta: Option<Span>,
    pub(super) deltas: u32,
    /// The choices it speaks of, one bit each.
    pub(super) seen: u128,
    /// Of these, the ones it finishes.
    pub(super) finished: u128,
    /// `response.completed`, `.incomplete` or `.failed`.
    pub(super) ended: bool,
    /// The number of an event on responses.
    pub(super) sequence: Option<u64>,
    /// Its payload could not be read.
    pub(super) unreadable: bool,
}

/// Who answers: read from the first event, to be repeated in an ending of our own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) id: Option<Box<str>>,
    pub(super) model: Option<Box<str>>,
    pub(super) created: Option<u64>,
}

/// Longest id or model kept.
const MAX_LABEL: usize = 512;

impl Identity {
    pub(super) const fn is_known(&self) -> bool {
        self.id.is_some()
    }
}

/// The payload of an event: its `data` lines. Borrowed where there is one such line, as there nearly always is.
pub(super) fn data(event: &[u8]) -> Option<Cow<'_, [u8]>> {
    let mut found: Option<Cow<'_, [u8]>> = None;
    let mut rest = event;
    while !rest.is_empty() {
        let end = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let (line, after) = rest.split_at(end);
        rest = after.get(1..).unwrap_or_default();
        let Some(value) = line.strip_prefix(b"data") else {
            continue;
        };
        let value = match value {
            [b':', b' ', value @ ..] | [b':', value @ ..] => value,
            [] => value,
            _ => continue,
        };
        match &mut found {
            None => found = Some(Cow::Borrowed(value)),
            Some(lines) => {
                let lines = lines.to_mut();
                lines.push(b'\n');
                lines.extend_from_slice(value);
            }
        }
    }
    found
}

/// Reads an event, terminator included. `identity` is filled from the first event that has one.
#[inline]
pub(super) fn read(
    event: &[u8],
    endpoint: Endpoint,
    identity: &mut Identity,
    template: &mut Template,
) -> Event {
    template
        .read(event)
        .unwrap_or_else(|| read_whole(event, endpoint, identity, template))
}

fn read_whole(
    event: &[u8],
    endpoint: Endpoint,
    identity: &mut Identity,
    template: &mut Template,
) -> Event {
    let mut out = Event::default();
    let Some(data) = data(event) else {
        return out; // a comment, a retry time, a blank line
    };
    if data.trim_ascii() == b"[DONE]" {
        out.done = true;
        return out;
    }
    if payload(&data, endpoint, identity, &mut out).is_err() {
        return Event {
            unreadable: true,
            ..Event::default()
        };
    }
    if let Cow::Borrowed(payload) = data {
        template.learn(payload, &out);
    }
    out
}

fn payload(
    data: &[u8],
    endpoint: Endpoint,
    identity: &mut Identity,
    out: &mut Event,
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
                    b"response.completed" | b"response.incomplete" => out.ended = true,
                    b"response.failed" => (out.ended, out.error) = (true, true),
                    b"error" => out.error = true,
                    _ => {}
                }
            }
            b"sequence_number" if responses && scanner.peek()? == Kind::Number => {
                out.sequence = scanner.whole_number()?;
            }
            b"usage" => out.usage = usage_object(&mut scanner, endpoint)?.or(out.usage),
            b"error" => out.error |= present(&mut scanner)?,
            name if learn => label(&mut scanner, name, identity)?,
            _ => {
                scanner.skip()?;
            }
        }
    }
    scanner.finish()
}

fn choices(scanner: &mut Scanner<'_, Lenient>, out: &mut Event) -> Result<(), JsonError> {
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

fn choice(scanner: &mut Scanner<'_, Lenient>, out: &mut Event) -> Result<(), JsonError> {
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
fn delta(scanner: &mut Scanner<'_, Lenient>, out: &mut Event) -> Result<(), JsonError> {
    let mut output = Output::default();
    let place = scanner.watch(&mut output)?;
    out.text_bytes += output.text_bytes;
    out.delta = Some(place);
    out.deltas += 1;
    Ok(())
}

/// The response object that some events of responses carry.
fn response(
    scanner: &mut Scanner<'_, Lenient>,
    identity: &mut Identity,
    out: &mut Event,
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
            b"usage" => out.usage = usage_object(scanner, Endpoint::Responses)?.or(out.usage),
            name if learn => label(scanner, name, identity)?,
            _ => {
                scanner.skip()?;
            }
        }
    }
    Ok(())
}

/// A member that may tell who answers.
fn label(
    scanner: &mut Scanner<'_, Lenient>,
    name: &[u8],
    identity: &mut Identity,
) -> Result<(), JsonError> {
    match (name, scanner.peek()?) {
        (b"id", Kind::Text) => identity.id = owned(scanner.text()?, scanner.body()),
        (b"model", Kind::Text) => identity.model = owned(scanner.text()?, scanner.body()),
        (b"created" | b"created_at", Kind::Number) => identity.created = scanner.whole_number()?,
        _ => {
            scanner.skip()?;
        }
    }
    Ok(())
}

fn owned(text: Text, body: &[u8]) -> Option<Box<str>> {
    let decoded = text.decoded(body);
    (decoded.len() <= MAX_LABEL).then(|| String::from_utf8_lossy(&decoded).into())
}
