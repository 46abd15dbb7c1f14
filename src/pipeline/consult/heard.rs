//! What an answer says, gathered for guards elsewhere: from its body, or event by event from a stream.
//!
//! The texts are the provider's own, as it said them: names of values are not put back yet, so a guard learns of none.

use super::Spoken;
use crate::chat::Endpoint;
use crate::provider::vendor::{self, Field, Frames, payload};
use bytes::Bytes;

/// Texts of one answer that are told apart; beyond it nobody says that the answer was heard.
const MOST_TEXTS: usize = 1024;

/// The texts of a whole answer; `None` if it cannot be read.
pub(in crate::pipeline) fn whole_answer(body: &[u8], endpoint: Endpoint) -> Option<Vec<Spoken>> {
    let reading = vendor::said(body, endpoint, false).ok()?;
    let said = reading.said.iter();
    let texts = said.map(|said| Spoken::new(source(said.arguments), said.text, body));
    Some(texts.filter(|spoken| !spoken.text.is_empty()).collect())
}

/// What a stream has said so far.
#[derive(Debug)]
pub(in crate::pipeline) struct Heard {
    endpoint: Endpoint,
    frames: Frames,
    texts: Vec<(Option<Field>, Spoken)>,
    /// Whether something in it could not be read.
    unread: bool,
}

impl Heard {
    pub(in crate::pipeline) fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            frames: Frames::default(),
            texts: Vec::new(),
            unread: false,
        }
    }

    /// Takes the next bytes of the stream.
    pub(in crate::pipeline) fn push(&mut self, bytes: &Bytes) {
        let mut frames = std::mem::take(&mut self.frames);
        frames.split(bytes, &mut |event| self.event(&event));
        self.frames = frames;
    }

    /// Everything it said; `None` if not all of it could be read.
    pub(in crate::pipeline) fn finish(mut self) -> Option<Vec<Spoken>> {
        if let Some(rest) = self.frames.rest() {
            self.event(&rest);
        }
        (!self.unread).then(|| self.texts.into_iter().map(|(_, spoken)| spoken).collect())
    }

    fn event(&mut self, event: &Bytes) {
        let Some(data) = payload(event) else { return };
        if data.trim_ascii() == b"[DONE]" {
            return;
        }
        let Ok(reading) = vendor::said(&data, self.endpoint, true) else {
            self.unread = true;
            return;
        };
        for said in &reading.said {
            let spoken = Spoken::new(source(said.arguments), said.text, &data);
            if spoken.text.is_empty() {
                continue;
            }
            let known = match said.piece_of {
                Some(field) => self.texts.iter_mut().find(|(of, _)| *of == Some(field)),
                None => None,
            };
            if let Some((_, text)) = known {
                text.text.push_str(&spoken.text);
                continue;
            }
            // Events that repeat a text whole at its end say nothing new.
            if said.piece_of.is_none()
                && self
                    .texts
                    .iter()
                    .any(|(_, known)| known.text == spoken.text)
            {
                continue;
            }
            if self.texts.len() >= MOST_TEXTS {
                self.unread = true;
                return;
            }
            self.texts.push((said.piece_of, spoken));
        }
    }
}

const fn source(arguments: bool) -> &'static str {
    if arguments {
        "tool_arguments"
    } else {
        "assistant"
    }
}
