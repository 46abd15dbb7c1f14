//! Reading what events say, one after the other: nearly every event of a stream repeats the last one but for its text.
//!
//! Once an event with one piece of a text was read whole, the bytes before and after the piece are remembered. An event
//! between the same two stretches needs only its piece read: the rest would be read as it was before.
//!
//! Invariant: an event that fits says exactly what reading it whole would say.
//!
//! Not here: what an event says (`reading`), the same for the meter (`template`).

use super::reading::{Reading, Said, said};
use crate::chat::json::{JsonError, Scanner, Text};
use crate::chat::{Endpoint, Span};

/// The longest event remembered.
const MAX_SHAPE: usize = 4096;

/// Reads the events of one stream.
#[derive(Debug, Default)]
pub struct Reader {
    /// What stands before and after the piece, its quotes included; nothing before any event was remembered.
    head: Vec<u8>,
    tail: Vec<u8>,
    known: Option<Known>,
}

/// What an event of the remembered shape says.
#[derive(Debug, Clone, Copy)]
struct Known {
    piece: Said,
    bare: bool,
}

impl Reader {
    /// What the payload of the next event says.
    ///
    /// # Errors
    /// It is no JSON object.
    pub fn said(&mut self, payload: &[u8], endpoint: Endpoint) -> Result<Reading, JsonError> {
        if let Some(reading) = self.repeated(payload) {
            return Ok(reading);
        }
        let reading = said(payload, endpoint, true)?;
        self.learn(payload, &reading);
        Ok(reading)
    }

    /// An event of the remembered shape; `None` for any other.
    fn repeated(&self, payload: &[u8]) -> Option<Reading> {
        let Known { mut piece, bare } = self.known?;
        let rest = payload.strip_prefix(self.head.as_slice())?;
        rest.strip_suffix(self.tail.as_slice())?;
        let start = self.head.len();
        let end = payload.len().checked_sub(self.tail.len())?;
        // With the quotes around it, the piece must be one string and nothing more.
        let quoted = payload.get(start.checked_sub(1)?..=end)?;
        let mut scanner = Scanner::lenient(quoted).ok()?;
        let escaped = scanner.text().ok()?.escaped;
        if scanner.at() != quoted.len() {
            return None;
        }
        piece.text = Text {
            span: Span::new(start, end),
            escaped,
        };
        let mut reading = Reading {
            bare,
            ..Reading::default()
        };
        reading.said.push(piece);
        Some(reading)
    }

    /// Remembers the shape of an event just read whole, if it said nothing apart from one piece of a text.
    fn learn(&mut self, payload: &[u8], reading: &Reading) {
        let [piece] = reading.said.as_slice() else {
            return;
        };
        let says_more = !reading.calls.is_empty()
            || !reading.logprobs.is_empty()
            || !reading.finished.is_empty()
            || reading.ended.is_some()
            || reading.last
            || reading.begins
            || reading.opens.is_some()
            || reading.unread > 0;
        if piece.piece_of.is_none() || says_more || payload.len() > MAX_SHAPE {
            return;
        }
        let text = piece.text.span.range();
        let (head, tail) = (payload.get(..text.start), payload.get(text.end..));
        self.head.clear();
        self.head.extend_from_slice(head.unwrap_or_default());
        self.tail.clear();
        self.tail.extend_from_slice(tail.unwrap_or_default());
        self.known = Some(Known {
            piece: *piece,
            bare: reading.bare,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{Reader, said};
    use crate::chat::Endpoint;
    use proptest::prelude::*;

    fn chunk(text: &str) -> String {
        format!(
            r#"{{"id":"i","choices":[{{"index":0,"delta":{{"content":"{text}"}},"finish_reason":null}}],"usage":null}}"#
        )
    }

    /// Reads all of them by one reader, and each by itself.
    fn check(payloads: &[String], endpoint: Endpoint) {
        let mut reader = Reader::default();
        for payload in payloads {
            let expected = said(payload.as_bytes(), endpoint, true);
            assert_eq!(
                reader.said(payload.as_bytes(), endpoint),
                expected,
                "{payload}"
            );
        }
    }

    #[test]
    fn an_event_that_repeats_another_is_read_by_its_piece_alone() {
        let mut reader = Reader::default();
        assert!(reader.repeated(chunk("he").as_bytes()).is_none());
        assert!(reader.said(chunk("he").as_bytes(), Endpoint::Chat).is_ok());
        assert!(reader.repeated(chunk("llo").as_bytes()).is_some());
        assert!(reader.repeated(chunk("").as_bytes()).is_some());
        let finished = chunk("").replace(":null}]", r#":"stop"}]"#);
        assert!(reader.repeated(finished.as_bytes()).is_none());
    }

    #[test]
    fn a_piece_that_ends_before_its_end_is_read_whole() {
        let two = r#"he","role":"assistant","refusal":"no"#;
        let broken = ["\\", "\\\\\\", "\u{1}", "\\ud800", "a\"b"];
        let all = ["he", two, "\\\"", "\\u0041", "\\n"];
        check(
            &all.into_iter().chain(broken).map(chunk).collect::<Vec<_>>(),
            Endpoint::Chat,
        );
    }

    proptest! {
        #[test]
        fn reading_in_turn_is_reading_each(
            texts in prop::collection::vec(
                prop_oneof!["[a-z \"\\\\{}:,]{0,8}", r#"(\\n|\\u0041|\\"|x){0,4}"#, Just(r#"a"},"x":{"y":"b"#.to_owned())],
                0..8,
            ),
            delta in any::<bool>(),
        ) {
            let event = |text: String| if delta {
                format!(r#"{{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"{text}"}}"#)
            } else {
                chunk(&text)
            };
            let endpoint = if delta { Endpoint::Responses } else { Endpoint::Chat };
            check(&texts.into_iter().map(event).collect::<Vec<_>>(), endpoint);
        }
    }
}
