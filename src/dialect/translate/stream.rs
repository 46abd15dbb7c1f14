//! A stream on its way from one dialect into another, metered as the one that tells it.
//!
//! Bytes come cut anywhere; they are put together to events, each is metered and heard, and what it says is told in the
//! other dialect. What an event becomes hangs on what came before it and on nothing else, so where bytes were cut cannot
//! show. An event that nobody can read ends the stream with an error: to leave it out would be to keep something back
//! without a word.
//!
//! Invariant: the meter hears every byte that came, also behind the end of what is told: what was used is owed.

use super::neutral::Step;
use super::{Tongue, chat, contents, messages};
use crate::chat::{Endpoint, Usage};
use crate::dialect::sse::{Frames, payload};
use crate::dialect::stream::{MAX_EVENT, StreamMeter};
use crate::units::Tokens;
use bytes::Bytes;

/// A stream being translated.
#[derive(Debug)]
pub struct Stream {
    meter: StreamMeter,
    frames: Frames,
    hearing: Hearing,
    telling: Telling,
    steps: Vec<Step>,
    /// Whether something finished what was said, though the stream may go on.
    stopped: bool,
    /// Whether nothing more is told.
    over: bool,
}

#[derive(Debug)]
enum Hearing {
    Chat(chat::Hearing),
    Messages(messages::Hearing),
    Contents(contents::Hearing),
}

#[derive(Debug)]
enum Telling {
    Chat(chat::Telling),
    Messages(messages::Telling),
    Contents(contents::Telling),
}

impl Stream {
    /// A stream that comes as `there` spells it, for a caller of `here`. `created`: when the call was made, in seconds.
    /// `None` where one of them cannot be translated.
    #[must_use]
    pub fn new(there: Endpoint, here: Endpoint, created: u64) -> Option<Self> {
        Some(Self {
            meter: StreamMeter::new(there, false, false),
            frames: Frames::default(),
            hearing: match Tongue::of(there)? {
                Tongue::Chat => Hearing::Chat(chat::Hearing::default()),
                Tongue::Messages => Hearing::Messages(messages::Hearing::default()),
                Tongue::Contents => Hearing::Contents(contents::Hearing::default()),
            },
            telling: match Tongue::of(here)? {
                Tongue::Chat => Telling::Chat(chat::Telling::new(created)),
                Tongue::Messages => Telling::Messages(messages::Telling::default()),
                Tongue::Contents => Telling::Contents(contents::Telling::default()),
            },
            steps: Vec::new(),
            stopped: false,
            over: false,
        })
    }

    /// What the provider has told, in its own words.
    #[must_use]
    pub const fn meter(&self) -> &StreamMeter {
        &self.meter
    }

    /// Takes the next bytes and says what the caller is to get for them.
    pub fn push(&mut self, bytes: &Bytes) -> Bytes {
        let mut out = Vec::new();
        let mut frames = std::mem::take(&mut self.frames);
        frames.split(bytes, &mut |event| self.event(&event, &mut out));
        if frames.kept() > MAX_EVENT {
            if let Some(rest) = frames.rest() {
                self.meter.push(&rest, &mut |_| {});
            }
            self.give_up(
                "it sent an event that is too long to be translated",
                &mut out,
            );
        }
        self.frames = frames;
        out.into()
    }

    /// The provider's stream is over in order: says what is still to be told.
    pub fn finish(&mut self) -> Bytes {
        let mut out = Vec::new();
        if let Some(rest) = self.frames.rest() {
            self.event(&rest, &mut out);
        }
        self.meter.finish(&mut |_| {});
        // What has said why it stops is complete, also without a last word.
        if self.stopped && !self.over {
            self.tell(Step::End, &mut out);
        }
        out.into()
    }

    /// Nothing more is told; what came of an event is counted.
    pub fn discard(&mut self) {
        self.over = true;
        if let Some(rest) = self.frames.rest() {
            self.meter.push(&rest, &mut |_| {});
        }
        self.meter.discard();
    }

    fn event(&mut self, event: &Bytes, out: &mut Vec<u8>) {
        self.meter.push(event, &mut |_| {});
        let Some(payload) = payload(event).filter(|_| !self.over) else {
            return;
        };
        let mut steps = std::mem::take(&mut self.steps);
        let heard = match &mut self.hearing {
            Hearing::Chat(hearing) => hearing.hear(&payload, &mut steps),
            Hearing::Messages(hearing) => hearing.hear(&payload, &mut steps),
            Hearing::Contents(hearing) => hearing.hear(&payload, &mut steps),
        };
        for step in steps.drain(..) {
            self.tell(step, out);
        }
        self.steps = steps;
        if heard.is_none() {
            self.give_up("it sent an event that cannot be read", out);
        }
    }

    fn tell(&mut self, step: Step, out: &mut Vec<u8>) {
        if self.over {
            return;
        }
        self.stopped |= matches!(step, Step::Stop(_));
        self.over |= matches!(step, Step::End | Step::Error { .. });
        let used = self.used();
        match &mut self.telling {
            Telling::Chat(telling) => telling.tell(step, self.meter.usage(), out),
            Telling::Messages(telling) => telling.tell(step, Some(used), out),
            Telling::Contents(telling) => telling.tell(step, used, out),
        }
    }

    /// What was used, where the dialect has to say something: as it was told, or the output as it was counted.
    fn used(&self) -> Usage {
        self.meter.usage().unwrap_or_else(|| Usage {
            output: Tokens(self.meter.output_tokens_high()),
            ..Usage::default()
        })
    }

    fn give_up(&mut self, what: &str, out: &mut Vec<u8>) {
        let error = Step::Error {
            kind: "upstream_error".to_owned(),
            message: format!("the provider's answer cannot be translated: {what}"),
        };
        self.tell(error, out);
    }
}
