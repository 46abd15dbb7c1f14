//! What answers and events of OpenAI's endpoints say.

use crate::chat::json::{JsonError, Kind, Lenient, Scanner, Text};
use crate::chat::{Endpoint, Under, Usage, under};
use crate::dialect::openai::answer::usage_object;
use crate::dialect::reading::{Called, Field, Reading, SEED, Said, member_at, mix};

type Reader<'a> = Scanner<'a, Lenient>;
type Step = Result<(), JsonError>;

/// Reads the payload of an answer (`streaming`: of an event).
///
/// # Errors
/// It is no JSON object.
pub(in crate::dialect) fn said(
    payload: &[u8],
    endpoint: Endpoint,
    streaming: bool,
) -> Result<Reading, JsonError> {
    walked(payload, endpoint, streaming).map(|walk| walk.found)
}

/// Reads a whole answer that is looked at and booked: its texts, and on the same way what the call used. `None` is no last
/// word on that: an answer of responses is not asked, and one without usage is to be read for how much text it holds.
///
/// # Errors
/// It is no JSON object.
pub(in crate::dialect) fn whole(
    payload: &[u8],
    endpoint: Endpoint,
) -> Result<(Reading, Option<Usage>), JsonError> {
    walked(payload, endpoint, false).map(|walk| (walk.found, walk.usage))
}

fn walked(payload: &[u8], endpoint: Endpoint, streaming: bool) -> Result<Walk, JsonError> {
    let mut walk = Walk {
        found: Reading::default(),
        endpoint,
        usage: None,
        streaming,
        choice: 0,
        extras: 0,
    };
    let mut scanner = Scanner::lenient(payload)?;
    if endpoint == Endpoint::Responses {
        walk.responses(&mut scanner)?;
    } else if endpoint.makes_images() {
        walk.images(&mut scanner)?;
    } else {
        walk.choices(&mut scanner)?;
    }
    let found = &mut walk.found;
    found.bare = streaming
        && walk.extras == 0
        && found.said.len() == 1
        && found.calls.is_empty()
        && found.finished.is_empty()
        && found.said.first().is_some_and(|one| one.piece_of.is_some());
    Ok(walk)
}

struct Walk {
    found: Reading,
    endpoint: Endpoint,
    /// What a whole answer says it used.
    usage: Option<Usage>,
    streaming: bool,
    choice: u32,
    /// Members that say something of their own.
    extras: u32,
}

impl Walk {
    /// Chat and completions.
    fn choices(&mut self, scanner: &mut Reader<'_>) -> Step {
        let payload = scanner.body();
        let mut members = scanner.object()?;
        while let Some(key) = scanner.member(&mut members)? {
            if key.raw(payload) == b"usage" && !self.streaming {
                self.usage = usage_object(scanner, self.endpoint)?.or(self.usage);
                continue;
            }
            if key.raw(payload) != b"choices" || scanner.peek()? != Kind::Array {
                let null = scanner.peek()? == Kind::Null;
                scanner.skip()?;
                self.extras += u32::from(matches!(key.raw(payload), b"usage" | b"error") && !null);
                continue;
            }
            let mut items = scanner.array()?;
            while scanner.element(&mut items)? {
                if scanner.peek()? != Kind::Object {
                    scanner.skip()?;
                    continue;
                }
                self.choice = index(payload, scanner.at()).unwrap_or(0);
                self.one_choice(scanner)?;
            }
        }
        scanner.finish()
    }

    /// Images, and what is said of them. Their usage is read with how many there are, so not here.
    fn images(&mut self, scanner: &mut Reader<'_>) -> Step {
        let payload = scanner.body();
        let mut members = scanner.object()?;
        while let Some(key) = scanner.member(&mut members)? {
            if key.raw(payload) != b"data" || scanner.peek()? != Kind::Array {
                scanner.skip()?;
                continue;
            }
            let mut items = scanner.array()?;
            while scanner.element(&mut items)? {
                self.image(scanner)?;
            }
        }
        scanner.finish()
    }

    fn image(&mut self, scanner: &mut Reader<'_>) -> Step {
        let payload = scanner.body();
        if scanner.peek()? != Kind::Object {
            return self.walk(scanner, SEED, None);
        }
        let mut members = scanner.object()?;
        while let Some(key) = scanner.member(&mut members)? {
            let name = key.decoded(payload);
            if &*name == b"url" {
                // Where it is to be had: changed by a letter it would be nowhere.
                let null = scanner.peek()? == Kind::Null;
                scanner.skip()?;
                self.found.unread += u32::from(!null);
                continue;
            }
            self.under(scanner, &name, mix(SEED, &name), None)?;
        }
        Ok(())
    }

    fn one_choice(&mut self, scanner: &mut Reader<'_>) -> Step {
        let payload = scanner.body();
        let mut members = scanner.object()?;
        while let Some(key) = scanner.member(&mut members)? {
            match key.raw(payload) {
                b"finish_reason" => {
                    if scanner.peek()? != Kind::Null {
                        self.found.finished.push(self.choice);
                    }
                    scanner.skip()?;
                }
                name => self.under(scanner, name, mix(SEED, name), None)?,
            }
        }
        Ok(())
    }

    /// Whole answers and events of responses.
    fn responses(&mut self, scanner: &mut Reader<'_>) -> Step {
        let payload = scanner.body();
        let named = Named::read(payload)?;
        let field = named.field(payload);
        self.choice = field.choice;
        let mut members = scanner.object()?;
        let pieces = self.streaming && named.piece;
        while let Some(key) = scanner.member(&mut members)? {
            let is_text = scanner.peek()? == Kind::Text;
            match key.raw(payload) {
                b"delta" if pieces && is_text => {
                    let text = scanner.text()?;
                    self.found.said.push(Said {
                        text,
                        piece_of: Some(field),
                        arguments: named.arguments,
                        bare_json: false,
                    });
                }
                b"obfuscation" => {
                    scanner.skip()?;
                }
                name => {
                    // Only pieces continue a text: what else an event holds stands whole in it.
                    let whole = std::mem::replace(&mut self.streaming, false);
                    let step = self.under(scanner, name, mix(SEED, name), None);
                    self.streaming = whole;
                    step?;
                }
            }
        }
        if named.done {
            self.found.ended = Some(field);
        }
        self.found.last = named.last;
        scanner.finish()
    }

    /// Everything below, by the key it stands under; `call`: the call of a tool it belongs to.
    fn under(
        &mut self,
        scanner: &mut Reader<'_>,
        key: &[u8],
        path: u64,
        call: Option<u64>,
    ) -> Step {
        let is_text = scanner.peek()? == Kind::Text;
        if key == b"logprobs" {
            let null = scanner.peek()? == Kind::Null;
            let span = scanner.skip()?;
            if !null {
                self.found.logprobs.push(span);
            }
            return Ok(());
        }
        if matches!(key, b"function_call" | b"tool_calls") {
            return self.walk(scanner, path, Some(path));
        }
        match under(key) {
            Under::Label if key == b"name" && call.is_some() && is_text => {
                let name = scanner.text()?;
                self.called(call, Some(name), None);
            }
            Under::Label if is_text => {
                self.extras += u32::from(key == b"role");
                scanner.skip()?;
            }
            Under::Arguments if is_text => {
                let text = scanner.text()?;
                self.called(call, None, Some(text));
                self.add(text, path, true);
            }
            Under::Image | Under::Audio | Under::File if key != b"audio" || is_text => {
                let null = scanner.peek()? == Kind::Null;
                scanner.skip()?;
                self.found.unread += u32::from(!null);
            }
            _ if key == b"data" && is_text => {
                scanner.skip()?;
                self.found.unread += 1;
            }
            _ if key == b"input" && call.is_some() && is_text => {
                let text = scanner.text()?;
                self.called(call, None, Some(text));
                self.add(text, path, true);
            }
            _ => self.walk(scanner, path, call)?,
        }
        Ok(())
    }

    fn walk(&mut self, scanner: &mut Reader<'_>, path: u64, call: Option<u64>) -> Step {
        let payload = scanner.body();
        match scanner.peek()? {
            Kind::Text => {
                let text = scanner.text()?;
                self.add(text, path, false);
            }
            Kind::Array => {
                let mut items = scanner.array()?;
                let mut place = 0;
                while scanner.element(&mut items)? {
                    let said = match scanner.peek()? {
                        Kind::Object => index(payload, scanner.at()),
                        _ => None,
                    };
                    let path = mix(path, &said.unwrap_or(place).to_le_bytes());
                    self.walk(scanner, path, call.map(|_| path))?;
                    place += 1;
                }
            }
            Kind::Object => {
                let call = call.or_else(|| is_call(payload, scanner.at()).then_some(path));
                let mut members = scanner.object()?;
                while let Some(key) = scanner.member(&mut members)? {
                    let name = key.decoded(payload);
                    self.under(scanner, &name, mix(path, &name), call)?;
                }
            }
            Kind::Number | Kind::Bool | Kind::Null => {
                scanner.skip()?;
            }
        }
        Ok(())
    }

    fn add(&mut self, text: Text, path: u64, arguments: bool) {
        let choice = self.choice;
        self.found.said.push(Said {
            text,
            piece_of: self.streaming.then_some(Field { choice, path }),
            arguments,
            bare_json: false,
        });
    }

    /// A piece of a call: joined to the one before it if that is the same.
    fn called(&mut self, call: Option<u64>, name: Option<Text>, arguments: Option<Text>) {
        let (Some(call), choice) = (call, self.choice) else {
            return;
        };
        match self.found.calls.last_mut() {
            Some(last) if last.call == call && last.choice == choice => {
                last.name = last.name.or(name);
                last.arguments = last.arguments.or(arguments);
            }
            _ => self.found.calls.push(Called {
                choice,
                call,
                name,
                arguments,
            }),
        }
    }
}

/// The type an event of responses tells, which is also the name of the event.
#[must_use]
pub(in crate::dialect) fn event_name(payload: &[u8]) -> Option<&[u8]> {
    Named::read(payload)
        .ok()?
        .kind
        .map(|kind| kind.raw(payload))
}

/// What an event of responses says of itself.
#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "what its type says, each on its own"
)]
struct Named {
    kind: Option<Text>,
    output: u32,
    content: u32,
    piece: bool,
    done: bool,
    last: bool,
    arguments: bool,
}

impl Named {
    fn read(payload: &[u8]) -> Result<Self, JsonError> {
        let mut named = Self::default();
        let mut scanner = Scanner::lenient(payload)?;
        let mut members = scanner.object()?;
        while let Some(key) = scanner.member(&mut members)? {
            match (key.raw(payload), scanner.peek()?) {
                (b"type", Kind::Text) => named.kind = Some(scanner.text()?),
                (b"output_index", Kind::Number) => named.output = narrow(scanner.whole_number()?),
                (b"content_index" | b"summary_index", Kind::Number) => {
                    named.content = narrow(scanner.whole_number()?);
                }
                _ => {
                    scanner.skip()?;
                }
            }
        }
        let kind = named.kind.map(|kind| kind.raw(payload)).unwrap_or_default();
        named.piece = kind.ends_with(b".delta");
        named.done = kind.ends_with(b".done");
        named.last = matches!(
            kind,
            b"response.completed" | b"response.incomplete" | b"response.failed"
        );
        let about = |word| memchr::memmem::find(kind, word).is_some();
        named.arguments = about(b"arguments") || about(b"custom_tool_call_input");
        Ok(named)
    }

    /// Which text its pieces belong to: the same for `….delta` and `….done`.
    fn field(&self, payload: &[u8]) -> Field {
        let kind = self.kind.map(|kind| kind.raw(payload)).unwrap_or_default();
        let base = kind
            .strip_suffix(b".delta")
            .or_else(|| kind.strip_suffix(b".done"))
            .unwrap_or(kind);
        Field {
            choice: self.output,
            path: mix(mix(SEED, base), &self.content.to_le_bytes()),
        }
    }
}

/// The `index` of the object at this offset.
fn index(payload: &[u8], at: usize) -> Option<u32> {
    let mut scanner = Scanner::lenient(payload.get(at..)?).ok()?;
    let mut members = scanner.object().ok()?;
    while let Some(key) = scanner.member(&mut members).ok()? {
        if key.raw(scanner.body()) == b"index" && scanner.peek().ok()? == Kind::Number {
            return Some(narrow(scanner.whole_number().ok()?));
        }
        scanner.skip().ok()?;
    }
    None
}

/// Whether the object at this offset is an item that calls a tool.
fn is_call(payload: &[u8], at: usize) -> bool {
    let kind = member_at(payload, at, b"type");
    kind.is_some_and(|kind| matches!(kind, b"function_call" | b"custom_tool_call" | b"mcp_call"))
}

fn narrow(number: Option<u64>) -> u32 {
    number
        .and_then(|number| u32::try_from(number).ok())
        .unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Reading, said};
    use crate::chat::Endpoint;
    use proptest::prelude::*;

    fn read(endpoint: Endpoint, payload: &str, streaming: bool) -> Reading {
        said(payload.as_bytes(), endpoint, streaming).expect("JSON")
    }

    fn texts(found: &Reading, payload: &str) -> Vec<String> {
        let text = |one: &super::Said| {
            String::from_utf8_lossy(one.text.raw(payload.as_bytes())).into_owned()
        };
        found.said.iter().map(text).collect()
    }

    #[test]
    fn pieces_of_one_text_have_one_field() {
        let one =
            r#"{"id":"x","choices":[{"delta":{"content":"he"},"index":1,"finish_reason":null}]}"#;
        let two = r#"{"choices":[{"index":1,"delta":{"content":"llo"}}]}"#;
        let other = r#"{"choices":[{"index":0,"delta":{"content":"x"}}]}"#;
        let field = |payload| {
            read(Endpoint::Chat, payload, true)
                .said
                .first()
                .and_then(|one| one.piece_of)
        };
        assert_eq!(field(one), field(two));
        assert_ne!(field(one), field(other));
        assert!(read(Endpoint::Chat, one, true).bare);
    }

    #[test]
    fn calls_are_put_together_by_their_index() {
        let first = r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"c","type":"function","function":{"name":"shell","arguments":""}}]}}]}"#;
        let more = r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"function":{"arguments":"{\"a\""}}]}}]}"#;
        let (first, more) = (
            read(Endpoint::Chat, first, true),
            read(Endpoint::Chat, more, true),
        );
        let (a, b) = (
            first.calls.first().expect("one"),
            more.calls.first().expect("one"),
        );
        assert_eq!((a.choice, a.call), (b.choice, b.call));
        assert!(a.name.is_some() && b.arguments.is_some());
        assert!(more.said.first().is_some_and(|one| one.arguments));
    }

    #[test]
    fn a_whole_answer_is_read_on_every_route() {
        let chat = r#"{"id":"i","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"a","refusal":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},"logprobs":{"content":[]},"finish_reason":"stop"}]}"#;
        let found = read(Endpoint::Chat, chat, false);
        assert_eq!(texts(&found, chat), ["a", "{}"]);
        assert_eq!((found.calls.len(), found.logprobs.len()), (1, 1));
        let responses = r#"{"id":"r","object":"response","output":[{"type":"message","role":"assistant","content":[{"type":"output_text","text":"a","annotations":[{"type":"url_citation","url":"u","title":"t"}]}]},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"}]}"#;
        let found = read(Endpoint::Responses, responses, false);
        assert_eq!(texts(&found, responses), ["a", "u", "t", "{}"]);
        assert_eq!(found.calls.len(), 1);
        let text = r#"{"choices":[{"text":"a","index":0}]}"#;
        assert_eq!(
            texts(&read(Endpoint::Completions, text, false), text),
            ["a"]
        );
    }

    #[test]
    fn an_event_of_responses_continues_or_ends_a_text() {
        let delta = r#"{"type":"response.output_text.delta","item_id":"m","output_index":1,"content_index":0,"delta":"he","sequence_number":4}"#;
        let done = r#"{"type":"response.output_text.done","item_id":"m","output_index":1,"content_index":0,"text":"hello","sequence_number":5}"#;
        let (delta, done) = (
            read(Endpoint::Responses, delta, true),
            read(Endpoint::Responses, done, true),
        );
        assert_eq!(delta.said.first().and_then(|one| one.piece_of), done.ended);
        assert!(delta.bare && done.said.first().is_some_and(|one| one.piece_of.is_none()));
        assert!(
            read(
                Endpoint::Responses,
                r#"{"type":"response.completed","response":{}}"#,
                true
            )
            .last
        );
    }

    /// What vendors send, to be damaged.
    const SENT: [&str; 4] = [
        r#"{"id":"i","choices":[{"index":0,"delta":{"content":"he","tool_calls":[{"index":1,"function":{"name":"f","arguments":"{\"a\":1}"}}]},"finish_reason":null}]}"#,
        r#"{"type":"response.output_text.delta","output_index":1,"content_index":0,"delta":"he","sequence_number":4}"#,
        r#"{"type":"response.completed","response":{"output":[{"type":"function_call","name":"f","arguments":"{}"},{"type":"message","content":[{"type":"output_text","text":"a"}]}]}}"#,
        r#"{"choices":[{"text":"a","index":0,"logprobs":{"tokens":["a"]}}],"usage":null}"#,
    ];

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused_and_its_texts_lie_in_it(
            which in 0_usize..4, at in 0_usize..200, cut in any::<bool>(), byte in any::<u8>(), streaming in any::<bool>(),
        ) {
            let mut payload = SENT.get(which).copied().unwrap_or_default().as_bytes().to_vec();
            if cut {
                payload.truncate(at);
            } else if let Some(place) = payload.get_mut(at) {
                *place = byte;
            }
            for endpoint in Endpoint::ALL {
                let Ok(found) = said(&payload, endpoint, streaming) else { continue };
                for one in &found.said {
                    prop_assert!(one.text.span.range().end <= payload.len());
                }
            }
        }

        #[test]
        fn bytes_of_any_kind_do_no_harm(payload in prop::collection::vec(any::<u8>(), 0..80)) {
            for endpoint in Endpoint::ALL {
                let _ = said(&payload, endpoint, true);
                let _ = super::event_name(&payload);
            }
        }
    }
}
