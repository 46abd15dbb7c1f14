//! A stream on its way to the caller, event by event: looked at while it flows.
//!
//! Each text of the answer has a [`Speech`] that remembers what it holds back. An event whose text leaves
//! as it came is passed on as it came; else the text in it is replaced by what may leave. An event that says nothing but a
//! text held back whole is kept until there is something to say. What is held when a text ends leaves in an event of its own,
//! made of the last one.
//!
//! Where rules have a say about calls of tools, events wait from the first piece of a call until it is whole.
//!
//! Invariant: what leaves is whole events; nothing of an event leaves before all of it was looked at.
//!
//! Not here: how a stream ends (`pipeline::stream`), what an event says (`dialect`).

use super::answer::{Splices, decoded, splice_into, spliced};
use super::patience::Patience;
use super::speech::Speech;
use super::{Blocked, Screen};
use crate::chat::json::{Text, escaped};
use crate::chat::{Endpoint, Span};
use crate::provider::vendor::{self, Field, Frames, Outline, Reader, Reading, payload};
use bytes::Bytes;
use std::rc::Rc;

/// Events that wait for a call to be whole may take this much.
const MOST_WAITING: usize = 1 << 20;
/// Texts and calls of one answer that are told apart.
const MOST_FIELDS: usize = 1024;

/// One guarded stream.
#[derive(Debug)]
pub(in crate::pipeline) struct Guarded {
    screen: Rc<Screen>,
    endpoint: Endpoint,
    frames: Frames,
    reader: Reader,
    texts: Vec<(Field, Spoken)>,
    calls: Vec<Call>,
    /// Events behind the beginning of a call that is not whole.
    waiting: Vec<Bytes>,
    waiting_bytes: usize,
    /// What of the stream's form has left.
    outline: Outline,
}

/// One text of the answer.
#[derive(Debug)]
struct Spoken {
    voice: Speech,
    /// The last event of it, and where its text stands there, while anything is held back.
    last: Option<(Bytes, Span)>,
}

/// A call of a tool, as far as it came.
#[derive(Debug)]
struct Call {
    choice: u32,
    id: u64,
    name: String,
    arguments: String,
}

impl Guarded {
    pub(in crate::pipeline) fn new(screen: Rc<Screen>, endpoint: Endpoint) -> Self {
        Self {
            screen,
            endpoint,
            frames: Frames::default(),
            reader: Reader::default(),
            texts: Vec::new(),
            calls: Vec::new(),
            waiting: Vec::new(),
            waiting_bytes: 0,
            outline: Outline::default(),
        }
    }

    /// What of the stream's form the caller has.
    pub(in crate::pipeline) const fn outline(&self) -> &Outline {
        &self.outline
    }

    /// Takes bytes of the stream that hold whole events, and hands out what may leave.
    pub(in crate::pipeline) fn take(
        &mut self,
        bytes: &Bytes,
        out: &mut impl Extend<Bytes>,
    ) -> Result<(), Blocked> {
        let mut frames = std::mem::take(&mut self.frames);
        let mut fate = Ok(());
        frames.split(bytes, &mut |event| {
            if fate.is_ok() {
                fate = self.event(event, out);
            }
        });
        self.frames = frames;
        fate?;
        if self.frames.kept() > MOST_WAITING {
            return Err(Blocked::guard(
                "stream",
                "an event of the answer is longer than 1 MiB and cannot be looked at".to_owned(),
            ));
        }
        Ok(())
    }

    /// The stream is over: hands out what is left.
    pub(in crate::pipeline) fn finish(
        &mut self,
        out: &mut impl Extend<Bytes>,
    ) -> Result<(), Blocked> {
        if let Some(rest) = self.frames.rest() {
            // Its blank line never came; what may follow it here must not run into it.
            let mut whole = Vec::from(rest);
            whole.extend_from_slice(b"\n\n");
            self.event(whole.into(), out)?;
        }
        self.calls_are_whole(out)?;
        self.flush(None, out)
    }

    fn event(&mut self, event: Bytes, out: &mut impl Extend<Bytes>) -> Result<(), Blocked> {
        let Some(data) = payload(&event) else {
            // A comment, a retry time.
            return self.pass(event, out);
        };
        if data.trim_ascii() == b"[DONE]" {
            self.calls_are_whole(out)?;
            self.flush(None, out)?;
            out.extend([event]);
            return Ok(());
        }
        let Ok(reading) = self.reader.said(&data, self.endpoint) else {
            self.screen.unreadable(&data)?;
            return self.pass(event, out);
        };
        if self.screen.judges_calls() && self.wait_for_calls(&event, &data, &reading)? {
            // Where calls come whole they are judged as they come: nothing tells one event's from another's.
            let whole = match self.endpoint {
                Endpoint::Responses => is_whole_call(&data, &reading),
                Endpoint::GenerateContent => true,
                _ => false,
            };
            if whole {
                return self.calls_are_whole(out);
            }
            if reading.finished.is_empty() && !reading.last {
                return Ok(());
            }
            return self.calls_are_whole(out);
        }
        self.speak(event, &data, &reading, out)
    }

    /// Events that say nothing keep their place behind those that wait.
    fn pass(&mut self, event: Bytes, out: &mut impl Extend<Bytes>) -> Result<(), Blocked> {
        if self.waiting.is_empty() {
            out.extend([event]);
            return Ok(());
        }
        self.wait(event)
    }

    fn wait(&mut self, event: Bytes) -> Result<(), Blocked> {
        self.waiting_bytes = self.waiting_bytes.saturating_add(event.len());
        if self.waiting_bytes > MOST_WAITING {
            return Err(Blocked::guard(
                "tool-calls",
                "a call of a tool is longer than 1 MiB: rules have a say about it, and it cannot be held until it is whole".to_owned(),
            ));
        }
        self.waiting.push(event);
        Ok(())
    }

    /// Whether the event waits: it belongs to a call that is not whole, or stands behind one.
    fn wait_for_calls(
        &mut self,
        event: &Bytes,
        data: &[u8],
        reading: &Reading,
    ) -> Result<bool, Blocked> {
        for called in &reading.calls {
            let same = |call: &&mut Call| (call.choice, call.id) == (called.choice, called.call);
            let text = |text: Option<Text>| {
                text.map(|text| decoded(data, text).into_owned())
                    .unwrap_or_default()
            };
            let (name, arguments) = (text(called.name), text(called.arguments));
            if let Some(call) = self.calls.iter_mut().find(same) {
                // Some repeat the name with every piece, some send it in pieces.
                if call.name != name {
                    call.name.push_str(&name);
                }
                call.arguments.push_str(&arguments);
            } else if self.calls.len() >= MOST_FIELDS {
                return Err(too_many());
            } else {
                self.calls.push(Call {
                    choice: called.choice,
                    id: called.call,
                    name,
                    arguments,
                });
            }
        }
        let pieces = reading.said.iter().any(|said| said.arguments);
        if reading.calls.is_empty() && !pieces && self.waiting.is_empty() {
            return Ok(false);
        }
        self.wait(event.clone())?;
        Ok(true)
    }

    /// Judges the calls that came and lets go of the events behind them.
    fn calls_are_whole(&mut self, out: &mut impl Extend<Bytes>) -> Result<(), Blocked> {
        for call in std::mem::take(&mut self.calls) {
            self.screen.judge(&call.name, &call.arguments)?;
        }
        self.waiting_bytes = 0;
        for event in std::mem::take(&mut self.waiting) {
            let Some(data) = payload(&event) else {
                out.extend([event]);
                continue;
            };
            match self.reader.said(&data, self.endpoint) {
                Ok(reading) => self.speak(event, &data, &reading, out)?,
                Err(_) => out.extend([event]), // looked at before it had to wait
            }
        }
        Ok(())
    }

    /// Lets every text of an event speak.
    fn speak(
        &mut self,
        event: Bytes,
        data: &Bytes,
        reading: &Reading,
        out: &mut impl Extend<Bytes>,
    ) -> Result<(), Blocked> {
        if let Some(ended) = reading.ended {
            self.flush(Some(Ended::Field(ended)), out)?;
        }
        if reading.last {
            self.flush(None, out)?;
        }
        let screen = self.screen.clone();
        let mut splices = Splices::new();
        let mut held_whole = false;
        for said in &reading.said {
            let Some(field) = said.piece_of else {
                let mut patience = Patience::endless();
                screen.whole(data, said, &mut patience, &mut splices)?;
                continue;
            };
            let at = self.text_of(field, said.arguments)?;
            let Some((_, spoken)) = self.texts.get_mut(at) else {
                continue;
            };
            let text = decoded(data, said.text);
            let held_before = spoken.voice.holds();
            let mut may_leave = String::with_capacity(text.len());
            spoken.voice.push(&screen, &text, &mut may_leave)?;
            // The choice ends with this event, so its text does, too.
            if reading.finished.contains(&field.choice) {
                spoken.voice.finish(&screen, &mut may_leave)?;
                spoken.last = None;
                spoken.voice = Speech::new(&screen, said.arguments);
            }
            held_whole |= may_leave.is_empty() && !text.is_empty();
            if held_before || may_leave != *text {
                splices.push((said.text.span, escaped(may_leave)));
            }
            if spoken.voice.holds() {
                spoken.last = Some(vendor::carrier(data, said.text.span, self.endpoint));
            } else {
                spoken.last = None;
            }
        }
        for choice in &reading.finished {
            self.flush(Some(Ended::Choice(*choice)), out)?;
        }
        if reading.bare && held_whole {
            return Ok(());
        }
        self.outline.passed(reading);
        if screen.alters_text() {
            splices.extend(
                reading
                    .logprobs
                    .iter()
                    .map(|span| (*span, "null".to_owned())),
            );
        }
        if splices.is_empty() {
            out.extend([event]);
        } else {
            out.extend([rewritten(&event, data, splices)]);
        }
        Ok(())
    }

    /// The place of a text.
    fn text_of(&mut self, field: Field, arguments: bool) -> Result<usize, Blocked> {
        if let Some(at) = self.texts.iter().position(|(known, _)| *known == field) {
            return Ok(at);
        }
        if self.texts.len() >= MOST_FIELDS {
            return Err(too_many());
        }
        self.texts.push((
            field,
            Spoken {
                voice: Speech::new(&self.screen, arguments),
                last: None,
            },
        ));
        Ok(self.texts.len() - 1)
    }

    /// Ends texts: what they hold leaves, in events made of their last ones.
    fn flush(&mut self, ended: Option<Ended>, out: &mut impl Extend<Bytes>) -> Result<(), Blocked> {
        let screen = self.screen.clone();
        for (field, spoken) in &mut self.texts {
            let ends = match ended {
                None => true,
                Some(Ended::Choice(choice)) => field.choice == choice,
                Some(Ended::Field(one)) => *field == one,
            };
            if !ends {
                continue;
            }
            let mut rest = String::new();
            spoken.voice.finish(&screen, &mut rest)?;
            let arguments = matches!(spoken.voice, Speech::Arguments(_));
            spoken.voice = Speech::new(&screen, arguments);
            if let Some((data, span)) = spoken.last.take()
                && !rest.is_empty()
            {
                let said = spliced(&data, vec![(span, escaped(rest))]);
                out.extend([framed(&data, &said, self.endpoint)]);
            }
        }
        Ok(())
    }
}

/// What ends.
#[derive(Debug, Clone, Copy)]
enum Ended {
    Choice(u32),
    Field(Field),
}

fn too_many() -> Blocked {
    Blocked::guard(
        "stream",
        format!(
            "the answer has more than {MOST_FIELDS} texts, which cannot all be looked at while they flow"
        ),
    )
}

/// Whether the event holds a call that is whole: an item of responses that is done.
fn is_whole_call(data: &[u8], reading: &Reading) -> bool {
    !reading.calls.is_empty() && memchr::memmem::find(data, b"response.output_item.done").is_some()
}

/// The event with what changes put into its payload.
fn rewritten(event: &Bytes, data: &Bytes, splices: Splices) -> Bytes {
    let Some(at) = place_in(event, data) else {
        return reframed(event, &spliced(data, splices));
    };
    let (before, after) = (event.get(..at), event.get(at + data.len()..));
    let mut out = Vec::with_capacity(event.len() + 64);
    out.extend_from_slice(before.unwrap_or_default());
    splice_into(&mut out, data, splices);
    out.extend_from_slice(after.unwrap_or_default());
    out.into()
}

/// Where the payload lies in its event, if it is one line of it and no copy of several.
fn place_in(event: &Bytes, data: &Bytes) -> Option<usize> {
    let at = data.as_ptr().addr().checked_sub(event.as_ptr().addr())?;
    (at + data.len() <= event.len()).then_some(at)
}

/// The event with another payload: its other lines stay, in front of it. Lines end as they may in a stream, by LF, CR or
/// both; what is written ends by LF.
fn reframed(event: &Bytes, data: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(event.len() + data.len());
    for line in event.split(|byte| matches!(byte, b'\n' | b'\r')) {
        let is_data = line == b"data" || line.starts_with(b"data:");
        if !is_data && !line.is_empty() {
            out.extend_from_slice(line);
            out.push(b'\n');
        }
    }
    write_data(&mut out, data);
    out.push(b'\n');
    out.into()
}

/// Writes a payload as the lines it has.
fn write_data(out: &mut Vec<u8>, data: &[u8]) {
    for line in data.split(|byte| matches!(byte, b'\n' | b'\r')) {
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(line);
        out.push(b'\n');
    }
}

/// A new event with this payload, named as events of its dialect are.
fn framed(like: &[u8], data: &[u8], endpoint: Endpoint) -> Bytes {
    let mut out = Vec::with_capacity(data.len() + 64);
    if let Some(name) = vendor::event_name(like, endpoint) {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(name);
        out.push(b'\n');
    }
    write_data(&mut out, data);
    out.push(b'\n');
    out.into()
}
