//! What a stream of a message has told so far: who answers, what is used, which blocks are open.
//!
//! The counts at its beginning are no last word: the output among them is a token or two. Only what `message_delta` tells
//! counts as told.
//!
//! Not here: how it is ended (`ending`), what a text in it says (`said`).

use super::answer::{Counts, block};
use crate::chat::Span;
use crate::chat::json::{JsonError, Kind, Lenient, Scanner};
use crate::dialect::answer::present;
use crate::dialect::course::{Event, Identity, Outline, Unseen};
use crate::dialect::reading::member_at;

type Reader<'a> = Scanner<'a, Lenient>;

/// One stream of a message.
#[derive(Debug, Default)]
pub(in crate::dialect) struct Course {
    pub(super) identity: Identity,
    pub(super) counts: Counts,
    /// What has come, and what the caller therefore has.
    pub(super) outline: Outline,
    /// Whether the output's last count came.
    told: bool,
    /// Whether the message said why it stops.
    stopped: bool,
    /// The thought that has begun and not ended.
    thought: Option<u32>,
    /// Whether the provider called tools of its own: what they found is input that the counts of the beginning do not hold.
    called: bool,
}

/// What an event says of itself.
#[derive(Default)]
struct Told {
    kind: Kinds,
    index: u32,
    event: Event,
    output: Option<u64>,
    stops: bool,
    text: Option<Span>,
    texts: u32,
    begins: Begins,
}

/// What a block that begins is for.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Begins {
    Thought,
    /// A call of a tool that the provider runs.
    Call,
    Search,
    #[default]
    Other,
}

impl Begins {
    /// The block at this offset.
    fn at(data: &[u8], at: usize) -> Self {
        match member_at(data, at, b"type") {
            Some(b"thinking") => Self::Thought,
            Some(b"mcp_tool_use") => Self::Call,
            Some(b"server_tool_use") => match member_at(data, at, b"name") {
                Some(b"web_search") => Self::Search,
                _ => Self::Call,
            },
            _ => Self::Other,
        }
    }
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Kinds {
    Start,
    BlockStart,
    Delta,
    BlockStop,
    MessageDelta,
    Stop,
    Error,
    #[default]
    Other,
}

impl Course {
    pub(in crate::dialect) fn unsaid(&self) -> Self {
        Self {
            identity: self.identity.clone(),
            counts: self.counts,
            ..Self::default()
        }
    }

    pub(in crate::dialect) const fn is_finished(&self) -> bool {
        self.stopped
    }

    pub(in crate::dialect) const fn is_told(&self) -> bool {
        self.told
    }

    pub(in crate::dialect) const fn unseen(&self) -> Unseen {
        Unseen {
            thinking: !self.told && self.thought.is_some(),
            tools: !self.told && self.called,
        }
    }

    pub(in crate::dialect) fn caller_has(&mut self, outline: &Outline) {
        self.outline = outline.clone();
    }

    pub(in crate::dialect) fn read(&mut self, data: &[u8]) -> Result<Event, JsonError> {
        let mut counts = self.counts;
        let told = payload(data, &mut counts, &mut self.identity)?;
        let mut event = told.event;
        match told.begins {
            Begins::Thought => self.thought = Some(told.index),
            Begins::Call => self.called = true,
            Begins::Search => {
                self.called = true;
                counts.searching();
            }
            Begins::Other => {}
        }
        if counts != self.counts || told.output.is_some() {
            event.usage = counts.usage();
        }
        self.counts = counts;
        match told.kind {
            Kinds::Start => self.outline.begun = true,
            Kinds::BlockStart => self.outline.opens(told.index),
            Kinds::BlockStop => {
                self.outline.closes(told.index);
                self.thought = self.thought.filter(|thought| *thought != told.index);
            }
            Kinds::MessageDelta => {
                self.told |= told.output.is_some();
                self.stopped |= told.stops;
            }
            Kinds::Stop => {
                self.stopped = true;
                event.ended = true;
            }
            Kinds::Error => event.error = true,
            Kinds::Delta if told.texts == 1 => event.delta = told.text,
            Kinds::Delta | Kinds::Other => {}
        }
        Ok(event)
    }
}

fn payload(data: &[u8], counts: &mut Counts, identity: &mut Identity) -> Result<Told, JsonError> {
    let mut scanner = Scanner::lenient(data)?;
    let mut told = Told::default();
    let mut members = scanner.object()?;
    while let Some(key) = scanner.member(&mut members)? {
        match (key.raw(data), scanner.peek()?) {
            (b"type", Kind::Text) => {
                told.kind = match scanner.text()?.raw(data) {
                    b"message_start" => Kinds::Start,
                    b"content_block_start" => Kinds::BlockStart,
                    b"content_block_delta" => Kinds::Delta,
                    b"content_block_stop" => Kinds::BlockStop,
                    b"message_delta" => Kinds::MessageDelta,
                    b"message_stop" => Kinds::Stop,
                    b"error" => Kinds::Error,
                    _ => Kinds::Other,
                };
            }
            (b"index", Kind::Number) => told.index = narrow(scanner.whole_number()?),
            (b"message", Kind::Object) => message(&mut scanner, counts, identity)?,
            (b"content_block", Kind::Object) => {
                told.begins = Begins::at(data, scanner.at());
                told.event.text_bytes += block(&mut scanner)?;
            }
            (b"error", _) => told.event.error |= present(&mut scanner)?,
            (b"delta", Kind::Object) => delta(&mut scanner, &mut told)?,
            (b"usage", Kind::Object) => {
                let before = counts.output.take();
                counts.read(&mut scanner)?;
                told.output = counts.output;
                counts.output = counts.output.or(before);
            }
            _ => {
                scanner.skip()?;
            }
        }
    }
    scanner.finish()?;
    Ok(told)
}

/// The message as it begins: who answers, and what was read.
fn message(
    scanner: &mut Reader<'_>,
    counts: &mut Counts,
    identity: &mut Identity,
) -> Result<(), JsonError> {
    let body = scanner.body();
    let mut members = scanner.object()?;
    while let Some(key) = scanner.member(&mut members)? {
        match key.raw(body) {
            b"usage" => counts.read(scanner)?,
            name => identity.read(scanner, name)?,
        }
    }
    Ok(())
}

/// What a block or the message gains. What is quoted of a document is no output; a signature stands for thoughts that are.
fn delta(scanner: &mut Reader<'_>, told: &mut Told) -> Result<(), JsonError> {
    let body = scanner.body();
    let mut members = scanner.object()?;
    while let Some(key) = scanner.member(&mut members)? {
        match (key.raw(body), scanner.peek()?) {
            (b"text" | b"thinking" | b"partial_json", Kind::Text) => {
                let start = scanner.at();
                told.event.text_bytes += scanner.text()?.raw(body).len() as u64;
                told.text = Some(Span::new(start, scanner.at()));
                told.texts += 1;
            }
            (b"signature", Kind::Text) => {
                told.event.hidden_bytes += scanner.text()?.raw(body).len() as u64;
            }
            (b"stop_reason", Kind::Text) => {
                scanner.skip()?;
                told.stops = true;
            }
            (b"type", _) => {
                scanner.skip()?;
            }
            _ => {
                // It says more than a text: no shape to be remembered.
                told.texts += 1;
                scanner.skip()?;
            }
        }
    }
    Ok(())
}

pub(super) fn narrow(number: Option<u64>) -> u32 {
    number
        .and_then(|number| u32::try_from(number).ok())
        .unwrap_or(u32::MAX)
}
