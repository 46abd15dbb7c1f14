//! What messages and the events of their streams say.
//!
//! Each block of a message has one text that comes in pieces: what it says, what was thought, or the arguments of a call,
//! which are JSON themselves. In a whole message arguments stand as an object, which is kept as one text with its keys.

use super::answer::Counts;
use super::course::narrow;
use crate::chat::json::{JsonError, Kind, Lenient, Scanner, Text};
use crate::chat::{Endpoint, Span, Under, Usage, under};
use crate::dialect::reading::{Called, Field, Reading, SEED, Said, member_at, mix};
use bytes::Bytes;

type Reader<'a> = Scanner<'a, Lenient>;
type Step = Result<(), JsonError>;

/// Reads the payload of a message (`streaming`: of an event).
pub(in crate::dialect) fn said(payload: &[u8], streaming: bool) -> Result<Reading, JsonError> {
    if !streaming {
        return message(payload).map(|(walk, _)| walk.found);
    }
    let mut scanner = Scanner::lenient(payload)?;
    let mut walk = Walk::default();
    let named = Named::read(payload)?;
    walk.block = named.index;
    let mut members = scanner.object()?;
    while let Some(key) = scanner.member(&mut members)? {
        match (key.raw(payload), scanner.peek()?) {
            (b"type" | b"index" | b"usage", _) => {
                scanner.skip()?;
            }
            (b"delta", Kind::Object) if named.kind == b"content_block_delta" => {
                walk.delta(&mut scanner)?;
            }
            (b"content_block", Kind::Object) => walk.begin(&mut scanner)?,
            (b"message", Kind::Object) => walk.outer(&mut scanner)?,
            (name, _) => walk.under(&mut scanner, name)?,
        }
    }
    scanner.finish()?;
    let mut found = walk.found;
    match named.kind {
        b"message_start" => found.begins = true,
        b"content_block_start" => found.opens = Some(named.index),
        b"content_block_stop" => found.finished.push(named.index),
        b"message_delta" | b"message_stop" => found.last = true,
        _ => {}
    }
    found.bare = named.kind == b"content_block_delta"
        && !walk.more
        && found.said.len() == 1
        && found.said.first().is_some_and(|one| one.piece_of.is_some());
    Ok(found)
}

/// Reads a whole message that is looked at and booked.
pub(in crate::dialect) fn whole(
    payload: &[u8],
    endpoint: Endpoint,
) -> Result<(Reading, Option<Usage>), JsonError> {
    let (walk, counts) = message(payload)?;
    let usage = if endpoint.is_free() {
        Some(Usage::default())
    } else {
        counts.usage()
    };
    Ok((walk.found, usage))
}

fn message(payload: &[u8]) -> Result<(Walk, Counts), JsonError> {
    let mut scanner = Scanner::lenient(payload)?;
    let mut walk = Walk::default();
    let mut counts = Counts::default();
    let mut members = scanner.object()?;
    while let Some(key) = scanner.member(&mut members)? {
        match key.raw(payload) {
            b"usage" => counts.read(&mut scanner)?,
            b"content" => walk.content(&mut scanner)?,
            name => walk.outermost(&mut scanner, name)?,
        }
    }
    scanner.finish()?;
    Ok((walk, counts))
}

/// The type an event tells, which is also the name of the event.
pub(in crate::dialect) fn event_name(payload: &[u8]) -> Option<&[u8]> {
    let kind = Named::read(payload).ok()?.kind;
    (!kind.is_empty()).then_some(kind)
}

/// A piece that can follow this one: the beginning of a block comes once, what follows is a delta.
pub(in crate::dialect) fn carrier(payload: &Bytes, text: Span) -> (Bytes, Span) {
    match Named::read(payload) {
        Ok(named) if named.kind == b"content_block_start" => {
            let thinking = under_key(payload, text) == b"thinking";
            let (kind, key) = if thinking {
                ("thinking_delta", "thinking")
            } else {
                ("text_delta", "text")
            };
            let head = format!(
                r#"{{"type":"content_block_delta","index":{},"delta":{{"type":"{kind}","{key}":""#,
                named.index
            );
            let at = Span::new(head.len(), head.len());
            (Bytes::from(head + "\"}}"), at)
        }
        _ => (payload.clone(), text),
    }
}

/// The key a text of a payload stands under, where it is written plainly before it.
fn under_key(payload: &[u8], text: Span) -> &[u8] {
    let before = payload.get(..text.range().start).unwrap_or_default();
    let before = before
        .strip_suffix(b"\"")
        .unwrap_or(before)
        .trim_ascii_end();
    let before = before.strip_suffix(b":").unwrap_or(before).trim_ascii_end();
    let before = before.strip_suffix(b"\"").unwrap_or(before);
    before
        .rsplit(|byte| *byte == b'"')
        .next()
        .unwrap_or_default()
}

/// What an event says of itself.
struct Named<'a> {
    kind: &'a [u8],
    index: u32,
}

impl<'a> Named<'a> {
    fn read(payload: &'a [u8]) -> Result<Self, JsonError> {
        let mut named = Self {
            kind: b"",
            index: 0,
        };
        let mut scanner = Scanner::lenient(payload)?;
        let mut members = scanner.object()?;
        while let Some(key) = scanner.member(&mut members)? {
            match (key.raw(payload), scanner.peek()?) {
                (b"type", Kind::Text) => named.kind = scanner.text()?.raw(payload),
                (b"index", Kind::Number) => named.index = narrow(scanner.whole_number()?),
                _ => {
                    scanner.skip()?;
                }
            }
        }
        Ok(named)
    }
}

#[derive(Default)]
struct Walk {
    found: Reading,
    block: u32,
    /// Whether something was met beside the one piece of a text.
    more: bool,
}

impl Walk {
    /// The message as it begins.
    fn outer(&mut self, scanner: &mut Reader<'_>) -> Step {
        let payload = scanner.body();
        let mut members = scanner.object()?;
        while let Some(key) = scanner.member(&mut members)? {
            match key.raw(payload) {
                b"content" => self.content(scanner)?,
                name => self.outermost(scanner, name)?,
            }
        }
        Ok(())
    }

    /// Members of a message beside its content: words of the API, and whatever nobody here has heard of.
    fn outermost(&mut self, scanner: &mut Reader<'_>, key: &[u8]) -> Step {
        match key {
            b"usage" | b"stop_reason" | b"stop_sequence" | b"container" => {
                scanner.skip()?;
                Ok(())
            }
            name => self.under(scanner, name),
        }
    }

    fn content(&mut self, scanner: &mut Reader<'_>) -> Step {
        if scanner.peek()? != Kind::Array {
            return self.under(scanner, b"content");
        }
        let mut items = scanner.array()?;
        let mut place = 0;
        while scanner.element(&mut items)? {
            self.block = place;
            place = place.saturating_add(1);
            self.value(scanner)?;
        }
        Ok(())
    }

    /// The beginning of a block in a stream. Its own text is the first piece of it.
    fn begin(&mut self, scanner: &mut Reader<'_>) -> Step {
        let payload = scanner.body();
        let first = self.found.said.len();
        self.value(scanner)?;
        let field = self.field();
        for said in self.found.said.iter_mut().skip(first) {
            let own = matches!(under_key(payload, said.text.span), b"text" | b"thinking");
            if own && !said.bare_json {
                said.piece_of = Some(field);
                break;
            }
        }
        Ok(())
    }

    fn delta(&mut self, scanner: &mut Reader<'_>) -> Step {
        let payload = scanner.body();
        let field = self.field();
        let mut members = scanner.object()?;
        while let Some(key) = scanner.member(&mut members)? {
            let is_text = scanner.peek()? == Kind::Text;
            match key.raw(payload) {
                b"text" | b"thinking" if is_text => {
                    let text = scanner.text()?;
                    self.piece(text, field, false);
                }
                b"partial_json" if is_text => {
                    let text = scanner.text()?;
                    self.called(None, Some(text));
                    self.piece(text, field, true);
                }
                b"type" => {
                    scanner.skip()?;
                }
                // A signature has nothing to be read in it, and must arrive.
                b"signature" => {
                    scanner.skip()?;
                    self.more = true;
                }
                // A piece nobody here has heard of continues a text of its own.
                name if is_text && under(name) == Under::Text => {
                    let text = scanner.text()?;
                    let path = mix(field.path, name);
                    self.piece(text, Field { path, ..field }, false);
                }
                name => {
                    self.more = true;
                    self.under(scanner, name)?;
                }
            }
        }
        Ok(())
    }

    const fn field(&self) -> Field {
        Field {
            choice: self.block,
            path: SEED,
        }
    }

    fn piece(&mut self, text: Text, field: Field, arguments: bool) {
        self.found.said.push(Said {
            text,
            piece_of: Some(field),
            arguments,
            bare_json: false,
        });
    }

    fn called(&mut self, name: Option<Text>, arguments: Option<Text>) {
        self.found.calls.push(Called {
            choice: self.block,
            call: 0,
            name,
            arguments,
        });
    }

    /// Everything below, by the key it stands under.
    fn under(&mut self, scanner: &mut Reader<'_>, key: &[u8]) -> Step {
        let is_text = scanner.peek()? == Kind::Text;
        match under(key) {
            Under::Label if is_text => {
                scanner.skip()?;
                Ok(())
            }
            Under::Image | Under::Audio | Under::File => {
                let null = scanner.peek()? == Kind::Null;
                scanner.skip()?;
                self.found.unread += u32::from(!null);
                Ok(())
            }
            _ => self.value(scanner),
        }
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
            Kind::Object => self.object(scanner),
            Kind::Number | Kind::Bool | Kind::Null => {
                scanner.skip()?;
                Ok(())
            }
        }
    }

    fn object(&mut self, scanner: &mut Reader<'_>) -> Step {
        let payload = scanner.body();
        let kind = member_at(payload, scanner.at(), b"type").unwrap_or_default();
        let calls = kind.ends_with(b"tool_use");
        let (mut name, mut input) = (None, None);
        let mut members = scanner.object()?;
        while let Some(key) = scanner.member(&mut members)? {
            let shape = scanner.peek()?;
            match (&*key.decoded(payload), shape) {
                (b"name", Kind::Text) if calls => name = Some(scanner.text()?),
                (b"input", Kind::Object | Kind::Array) if calls => {
                    let text = Text {
                        span: scanner.skip()?,
                        escaped: false,
                    };
                    // What a stream begins with is no arguments yet.
                    if text.raw(payload).len() > 2 {
                        input = Some(text);
                        self.found.said.push(Said {
                            text,
                            piece_of: None,
                            arguments: true,
                            bare_json: true,
                        });
                    }
                }
                (b"data", Kind::Text) if kind == b"text" => {
                    let text = scanner.text()?;
                    self.text(text);
                }
                (b"data", Kind::Text) => {
                    scanner.skip()?;
                    self.found.unread += 1;
                }
                (name, _) => self.under(scanner, name)?,
            }
        }
        if calls {
            self.called(name, input);
        }
        Ok(())
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
    fn a_whole_message_is_read_to_its_last_string() {
        let golden = include_str!("../../../tests/golden/anthropic/message.json");
        insta::assert_snapshot!(texts(golden, false).join("\n"));
        let found = read(golden, false);
        assert_eq!(found.calls.len(), 2);
        assert!(found.said.iter().filter(|said| said.bare_json).count() == 2);
        assert_eq!(
            texts(
                r#"{"content":[{"type":"text","text":"a"}],"aside":{"note":["b"]}}"#,
                false
            ),
            ["a", "b"]
        );
        let fetched = r#"{"content":[{"type":"web_fetch_tool_result","content":{"type":"document","source":{"type":"text","data":"page"}}}]}"#;
        assert_eq!(texts(fetched, false), ["page"]);
        let sound = r#"{"content":[{"type":"x","source":{"type":"base64","data":"AAAA"}}]}"#;
        assert_eq!(
            (texts(sound, false).len(), read(sound, false).unread),
            (0, 1)
        );
    }

    #[test]
    fn the_pieces_of_a_block_are_one_text() {
        let start = r#"{"type":"content_block_start","index":3,"content_block":{"type":"text","text":"he"}}"#;
        let delta = r#"{"type":"content_block_delta","index":3,"delta":{"type":"text_delta","text":"llo"}}"#;
        let other =
            r#"{"type":"content_block_delta","index":4,"delta":{"type":"text_delta","text":"x"}}"#;
        let field = |payload| {
            read(payload, true)
                .said
                .first()
                .and_then(|one| one.piece_of)
        };
        assert_eq!(field(start), field(delta));
        assert_ne!(field(other), field(delta));
        assert!(read(delta, true).bare && !read(start, true).bare);
        assert_eq!(read(start, true).opens, Some(3));
        let stop = read(r#"{"type":"content_block_stop","index":3}"#, true);
        assert_eq!(stop.finished.as_slice(), [3]);
        assert!(read(r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}"#, true).last);
        assert!(read(r#"{"type":"message_start","message":{"id":"m","model":"m","role":"assistant","content":[]}}"#, true).begins);
    }

    #[test]
    fn a_call_is_named_at_its_beginning_and_its_arguments_follow() {
        let start = r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t","name":"shell","input":{}}}"#;
        let piece = r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"a\""}}"#;
        let (begun, more) = (read(start, true), read(piece, true));
        let (a, b) = (
            begun.calls.first().expect("one"),
            more.calls.first().expect("one"),
        );
        assert_eq!((a.choice, a.call), (b.choice, b.call));
        assert!(a.name.is_some() && a.arguments.is_none() && b.arguments.is_some());
        assert!(
            more.said
                .first()
                .is_some_and(|one| one.arguments && !one.bare_json)
        );
    }

    #[test]
    fn what_else_a_delta_brings_is_read_too() {
        let citation = r#"{"type":"content_block_delta","index":0,"delta":{"type":"citations_delta","citation":{"type":"page_location","cited_text":"a","document_title":"b"}}}"#;
        assert_eq!(texts(citation, true), ["a", "b"]);
        assert!(!read(citation, true).bare);
        let signature = r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"s"}}"#;
        assert!(texts(signature, true).is_empty() && !read(signature, true).bare);
        let unknown =
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"new_delta","words":"w"}}"#;
        assert!(
            read(unknown, true)
                .said
                .first()
                .is_some_and(|one| one.piece_of.is_some())
        );
    }

    #[test]
    fn what_a_beginning_holds_back_follows_as_a_delta() {
        let start = Bytes::from_static(br#"{"type":"content_block_start","index":3,"content_block":{"type":"text","text":"he"}}"#);
        let span = said(&start, true)
            .expect("JSON")
            .said
            .first()
            .expect("one")
            .text
            .span;
        let (data, at) = carrier(&start, span);
        let mut whole = data.to_vec();
        whole.splice(at.range(), *b"llo");
        assert_eq!(
            String::from_utf8(whole).expect("UTF-8"),
            r#"{"type":"content_block_delta","index":3,"delta":{"type":"text_delta","text":"llo"}}"#
        );
    }

    proptest! {
        #[test]
        fn bytes_of_any_kind_do_no_harm(payload in prop::collection::vec(any::<u8>(), 0..80), streaming in any::<bool>()) {
            let _ = said(&payload, streaming);
            let _ = super::event_name(&payload);
        }

        #[test]
        fn a_damaged_event_never_points_outside(which in 0..3_usize, at in 0..200_usize, byte in any::<u8>(), streaming in any::<bool>()) {
            let events = [
                r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":{"a":"b"}}}"#,
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a\u0041"}}"#,
                r#"{"id":"m","type":"message","content":[{"type":"text","text":"a","citations":[{"cited_text":"b"}]}]}"#,
            ];
            let mut payload = events.get(which).copied().unwrap_or_default().as_bytes().to_vec();
            if let Some(place) = payload.get_mut(at) { *place = byte; }
            if let Ok(found) = said(&payload, streaming) {
                for one in &found.said {
                    prop_assert!(one.text.span.range().end <= payload.len());
                }
            }
        }
    }
}
