//! What an answer of Gemini's and the events of its streams say.
//!
//! An event is an answer in little. The texts of a candidate continue each other from event to event, and its thoughts do,
//! too; calls, code and what came of it are whole where they stand. Every string else is a text unless its key says that it
//! is a word of the API, so what nobody here has heard of is looked at all the same.

use super::answer::{Counts, Seen};
use crate::chat::json::{JsonError, Kind, Lenient, Scanner, Text};
use crate::chat::{Endpoint, Span, Usage};
use crate::dialect::reading::{Called, Field, Reading, SEED, Said, mix};
use bytes::Bytes;

type Reader<'a> = Scanner<'a, Lenient>;
type Step = Result<(), JsonError>;

/// Reads the payload of an answer (`streaming`: of an event).
pub(in crate::dialect) fn said(payload: &[u8], streaming: bool) -> Result<Reading, JsonError> {
    read(payload, streaming).map(|(walk, _)| walk.concluded())
}

/// Reads a whole answer that is looked at and booked.
pub(in crate::dialect) fn whole(
    payload: &[u8],
    endpoint: Endpoint,
) -> Result<(Reading, Option<Usage>), JsonError> {
    let (walk, counts) = read(payload, false)?;
    let usage = counts.of(endpoint).map(|usage| walk.seen.beside(usage));
    Ok((walk.concluded(), usage))
}

fn read(payload: &[u8], streaming: bool) -> Result<(Walk, Counts), JsonError> {
    let mut scanner = Scanner::lenient(payload)?;
    let mut walk = Walk {
        streaming,
        ..Walk::default()
    };
    let mut counts = Counts::default();
    let mut members = scanner.object()?;
    while let Some(key) = scanner.member(&mut members)? {
        match &*key.decoded(payload) {
            b"usageMetadata" => counts.read(&mut scanner)?,
            b"candidates" => walk.candidates(&mut scanner)?,
            name => walk.under(&mut scanner, name)?,
        }
    }
    scanner.finish()?;
    Ok((walk, counts))
}

/// A payload that says nothing but more of the text at this place.
pub(in crate::dialect) fn carrier(payload: &Bytes, text: Span) -> (Bytes, Span) {
    let (index, thought) = place_of(payload, text).unwrap_or_default();
    let thought = if thought { r#""thought":true,"# } else { "" };
    let head = format!(
        r#"{{"candidates":[{{"index":{index},"content":{{"role":"model","parts":[{{{thought}"text":""#
    );
    let at = Span::new(head.len(), head.len());
    (Bytes::from(head + "\"}]}}]}"), at)
}

/// The candidate that says this, and whether it is a thought.
fn place_of(payload: &[u8], text: Span) -> Option<(u32, bool)> {
    let found = said(payload, true).ok()?;
    let said = found.said.iter().find(|said| said.text.span == text)?;
    let field = said.piece_of?;
    Some((field.choice, field.path == thoughts()))
}

/// The path of what a candidate says.
const TEXT: u64 = SEED;

/// The path of what it thinks.
fn thoughts() -> u64 {
    mix(SEED, b"thought")
}

/// Words of the API.
fn is_label(key: &[u8]) -> bool {
    matches!(
        key,
        b"role"
            | b"finishReason"
            | b"blockReason"
            | b"category"
            | b"probability"
            | b"severity"
            | b"modality"
            | b"mimeType"
            | b"modelVersion"
            | b"responseId"
            | b"createTime"
            | b"trafficType"
            | b"serviceTier"
            | b"outcome"
            | b"language"
            | b"thoughtSignature"
            | b"urlRetrievalStatus"
    )
}

#[derive(Default)]
struct Walk {
    found: Reading,
    seen: Seen,
    streaming: bool,
    candidate: u32,
    calls: u64,
}

/// One part while its members are met; whether it is a thought may be known only at its end.
#[derive(Default)]
struct Part {
    text: Option<usize>,
    thought: bool,
}

impl Walk {
    fn concluded(self) -> Reading {
        let mut found = self.found;
        let pieces = || found.said.iter().filter_map(|said| said.piece_of);
        // Two pieces of one text, and its end: it ends with the stream, so that what one begins the other may end.
        let mut all: Vec<Field> = pieces().collect();
        all.sort_unstable();
        let doubled = all.windows(2).any(|two| two.first() == two.last());
        if doubled {
            found.finished.clear();
        }
        found
    }

    fn candidates(&mut self, scanner: &mut Reader<'_>) -> Step {
        match scanner.peek()? {
            Kind::Array => {
                let mut items = scanner.array()?;
                while scanner.element(&mut items)? {
                    self.candidates(scanner)?;
                }
                Ok(())
            }
            Kind::Object => self.candidate(scanner),
            _ => self.value(scanner),
        }
    }

    fn candidate(&mut self, scanner: &mut Reader<'_>) -> Step {
        let payload = scanner.body();
        // Which it is may stand behind what it says.
        let mut ahead = Seen::default();
        let rest = payload.get(scanner.at()..).unwrap_or_default();
        let mut beginning = Scanner::lenient(rest)?;
        let (index, finished) = super::answer::candidate(&mut beginning, &mut ahead)?;
        self.candidate = index;
        self.seen.searches = self.seen.searches.saturating_add(ahead.searches);
        self.seen.images = self.seen.images.saturating_add(ahead.images);
        let mut members = scanner.object()?;
        while let Some(key) = scanner.member(&mut members)? {
            match (&*key.decoded(payload), scanner.peek()?) {
                (b"content", Kind::Object) => self.content(scanner)?,
                (b"logprobsResult", Kind::Object) => self.found.logprobs.push(scanner.skip()?),
                (name, _) => self.under(scanner, name)?,
            }
        }
        if finished && self.streaming {
            self.found.finished.push(index);
        }
        Ok(())
    }

    fn content(&mut self, scanner: &mut Reader<'_>) -> Step {
        let payload = scanner.body();
        let mut members = scanner.object()?;
        while let Some(key) = scanner.member(&mut members)? {
            match &*key.decoded(payload) {
                b"parts" => self.parts(scanner)?,
                name => self.under(scanner, name)?,
            }
        }
        Ok(())
    }

    fn parts(&mut self, scanner: &mut Reader<'_>) -> Step {
        match scanner.peek()? {
            Kind::Array => {
                let mut items = scanner.array()?;
                while scanner.element(&mut items)? {
                    self.parts(scanner)?;
                }
                Ok(())
            }
            Kind::Object => self.part(scanner),
            _ => self.value(scanner),
        }
    }

    fn part(&mut self, scanner: &mut Reader<'_>) -> Step {
        let payload = scanner.body();
        let mut part = Part::default();
        let mut members = scanner.object()?;
        while let Some(key) = scanner.member(&mut members)? {
            match (&*key.decoded(payload), scanner.peek()?) {
                (b"text", Kind::Text) => {
                    part.text = Some(self.found.said.len());
                    let text = scanner.text()?;
                    self.text(text);
                }
                (b"thought", Kind::Bool) => part.thought = scanner.boolean()?,
                (b"functionCall" | b"toolCall", Kind::Object) => self.call(scanner)?,
                (b"inlineData" | b"fileData", _) => {
                    let null = scanner.peek()? == Kind::Null;
                    scanner.skip()?;
                    self.found.unread += u32::from(!null);
                }
                (name, _) => self.under(scanner, name)?,
            }
        }
        if let (true, Some(at)) = (self.streaming, part.text)
            && let Some(said) = self.found.said.get_mut(at)
        {
            let path = if part.thought { thoughts() } else { TEXT };
            said.piece_of = Some(Field {
                choice: self.candidate,
                path,
            });
        }
        Ok(())
    }

    fn call(&mut self, scanner: &mut Reader<'_>) -> Step {
        let payload = scanner.body();
        let (mut name, mut arguments) = (None, None);
        let mut members = scanner.object()?;
        while let Some(key) = scanner.member(&mut members)? {
            match (&*key.decoded(payload), scanner.peek()?) {
                (b"name" | b"toolType", Kind::Text) => name = Some(scanner.text()?),
                (b"id", Kind::Text) => {
                    scanner.skip()?;
                }
                (b"args", Kind::Object | Kind::Array) => {
                    let text = Text {
                        span: scanner.skip()?,
                        escaped: false,
                    };
                    arguments = Some(text);
                    self.found.said.push(Said {
                        text,
                        piece_of: None,
                        arguments: true,
                        bare_json: true,
                    });
                }
                _ => self.value(scanner)?,
            }
        }
        self.found.calls.push(Called {
            choice: self.candidate,
            call: self.calls,
            name,
            arguments,
        });
        self.calls += 1;
        Ok(())
    }

    /// Everything below, by the key it stands under.
    fn under(&mut self, scanner: &mut Reader<'_>, key: &[u8]) -> Step {
        if is_label(key) && scanner.peek()? == Kind::Text {
            scanner.skip()?;
            return Ok(());
        }
        self.value(scanner)
    }

    fn value(&mut self, scanner: &mut Reader<'_>) -> Step {
        match scanner.peek()? {
            Kind::Text => {
                let text = scanner.text()?;
                self.text(text);
                Ok(())
            }
            Kind::Array => {
                let mut items = scanner.array()?;
                while scanner.element(&mut items)? {
                    self.value(scanner)?;
                }
                Ok(())
            }
            Kind::Object => {
                let payload = scanner.body();
                let mut members = scanner.object()?;
                while let Some(key) = scanner.member(&mut members)? {
                    self.under(scanner, &key.decoded(payload))?;
                }
                Ok(())
            }
            Kind::Number | Kind::Bool | Kind::Null => {
                scanner.skip()?;
                Ok(())
            }
        }
    }

    fn text(&mut self, text: Text) {
        self.found.said.push(Said {
            text,
            piece_of: None,
            arguments: false,
            bare_json: false,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{carrier, said};
    use crate::dialect::Reading;
    use bytes::Bytes;
    use proptest::prelude::*;

    fn read(payload: &str, streaming: bool) -> Reading {
        said(payload.as_bytes(), streaming).expect("JSON")
    }

    fn texts(payload: &str, streaming: bool) -> Vec<String> {
        let found = read(payload, streaming);
        let text = |one: &crate::dialect::Said| {
            String::from_utf8_lossy(one.text.raw(payload.as_bytes())).into_owned()
        };
        found.said.iter().map(text).collect()
    }

    #[test]
    fn a_whole_answer_is_read_to_its_last_string() {
        let answer = include_str!("../../../tests/golden/gemini/answer.json");
        let grounded = include_str!("../../../tests/golden/gemini/grounded.json");
        insta::assert_snapshot!(
            [texts(answer, false), texts(grounded, false)]
                .concat()
                .join("\n")
        );
        let found = read(answer, false);
        assert_eq!(found.calls.len(), 1);
        assert_eq!(found.said.iter().filter(|said| said.bare_json).count(), 1);
        let picture = r#"{"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"AA"}}]}}]}"#;
        assert_eq!(
            (texts(picture, false).len(), read(picture, false).unread),
            (0, 1)
        );
    }

    #[test]
    fn the_texts_of_a_candidate_are_one_and_its_thoughts_another() {
        let event = |part: &str, index: u32| {
            format!(
                r#"{{"candidates":[{{"content":{{"parts":[{part}],"role":"model"}},"index":{index}}}]}}"#
            )
        };
        let field = |payload: &str| {
            read(payload, true)
                .said
                .first()
                .and_then(|one| one.piece_of)
        };
        let text = r#"{"text":"a"}"#;
        let thought = r#"{"text":"a","thought":true}"#;
        assert_eq!(field(&event(text, 0)), field(&event(r#"{"text":"b"}"#, 0)));
        assert_ne!(field(&event(text, 0)), field(&event(text, 1)));
        assert_ne!(field(&event(text, 0)), field(&event(thought, 0)));
        assert_eq!(field(&event(text, 0)).map(|field| field.choice), Some(0));
        assert!(
            read(&event(text, 0), false)
                .said
                .first()
                .is_some_and(|one| one.piece_of.is_none())
        );
    }

    #[test]
    fn a_candidate_finishes_with_its_reason_unless_two_pieces_of_it_come_at_once() {
        let event = |parts: &str| {
            format!(
                r#"{{"candidates":[{{"content":{{"parts":[{parts}]}},"finishReason":"STOP","index":2}}]}}"#
            )
        };
        assert_eq!(
            read(&event(r#"{"text":"a"}"#), true).finished.as_slice(),
            [2]
        );
        let both = event(r#"{"text":"a","thought":true},{"text":"b"}"#);
        assert_eq!(read(&both, true).finished.as_slice(), [2]);
        let two = event(r#"{"text":"a"},{"text":"b"}"#);
        assert!(read(&two, true).finished.is_empty());
    }

    #[test]
    fn what_is_held_back_follows_alone() {
        let event = Bytes::from_static(br#"{"candidates":[{"content":{"parts":[{"thought":true,"text":"he"},{"functionCall":{"name":"f"}}]},"finishReason":"STOP","index":1}],"usageMetadata":{}}"#);
        let span = said(&event, true)
            .expect("JSON")
            .said
            .first()
            .expect("one")
            .text
            .span;
        let (data, at) = carrier(&event, span);
        let mut whole = data.to_vec();
        whole.splice(at.range(), *b"llo");
        let whole = String::from_utf8(whole).expect("UTF-8");
        assert_eq!(
            whole,
            r#"{"candidates":[{"index":1,"content":{"role":"model","parts":[{"thought":true,"text":"llo"}]}}]}"#
        );
        let (before, after) = (read(&whole, true), said(&event, true).expect("JSON"));
        assert_eq!(
            before.said.first().map(|one| one.piece_of),
            after.said.first().map(|one| one.piece_of)
        );
    }

    proptest! {
        #[test]
        fn bytes_of_any_kind_do_no_harm(payload in prop::collection::vec(any::<u8>(), 0..80), streaming in any::<bool>()) {
            let _ = said(&payload, streaming);
        }

        #[test]
        fn a_damaged_event_never_points_outside(at in 0..220_usize, byte in any::<u8>(), streaming in any::<bool>()) {
            let mut payload = br#"{"candidates":[{"content":{"parts":[{"text":"a\u0041"},{"functionCall":{"name":"f","args":{"a":"b"}}}],"role":"model"},"finishReason":"STOP","index":0,"groundingMetadata":{"webSearchQueries":["q"]}}],"usageMetadata":{"promptTokenCount":1}}"#.to_vec();
            if let Some(place) = payload.get_mut(at) { *place = byte; }
            if let Ok(found) = said(&payload, streaming) {
                for one in &found.said {
                    prop_assert!(one.text.span.range().end <= payload.len());
                }
            }
        }
    }
}
