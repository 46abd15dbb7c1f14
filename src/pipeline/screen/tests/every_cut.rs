//! Two thousand texts through requests, whole answers and streams, cut at every place: what leaves, and what comes back.

use super::{
    Bytes, Guarded, Screen, events, events_spelt, forwarded, guards, heard, read, screen,
    screen_with, whole,
};
use crate::chat::Endpoint;
use crate::chat::json::quote;
use crate::governance::guard::Kind;
use crate::governance::guard::scanner::tests::texts::{Dice, TEXTS, sentences, text};
use serde_json::Value;
use std::fmt::Write;
use std::rc::Rc;

const LABEL: &str = r"
version: 1
scope: {}
redact:
  - id: everything
    types: [SECRET, IBAN, CREDIT_CARD, US_SSN, NATIONAL_ID, CRYPTO_ADDRESS, EMAIL, IP_ADDRESS, MAC_ADDRESS, PHONE, DATE_OF_BIRTH]
    on: [request, tool_result, response, tool_args]
    action: label
";

const BLOCK: &str = r"
version: 1
scope: {}
redact:
  - id: everything
    types: [SECRET, IBAN, CREDIT_CARD, US_SSN, NATIONAL_ID, CRYPTO_ADDRESS, EMAIL, IP_ADDRESS, MAC_ADDRESS, PHONE, DATE_OF_BIRTH]
    on: [response, tool_args]
    action: block
";

const HASH: &str = r"
version: 1
scope: {}
redact:
  - id: everything
    types: [SECRET, IBAN, CREDIT_CARD, US_SSN, NATIONAL_ID, CRYPTO_ADDRESS, EMAIL, IP_ADDRESS, MAC_ADDRESS, PHONE, DATE_OF_BIRTH]
    on: [response, tool_args]
    action: hash
";

const REPLACE: &str = r"
version: 1
scope: {}
redact:
  - id: personal
    types: [IBAN, CREDIT_CARD, US_SSN, NATIONAL_ID, CRYPTO_ADDRESS, EMAIL, IP_ADDRESS, MAC_ADDRESS, PHONE, DATE_OF_BIRTH]
    on: [request, tool_result]
    action: replace
  - id: secrets
    types: [SECRET]
    on: [request, tool_result]
    action: mask
";

/// What stands before the text in arguments, as detectors are shown it.
const KEY: &str = "\"text\": \"";

/// A text, and arguments that hold it.
struct Case {
    text: String,
    arguments: String,
    long: bool,
}

/// One text in eight is tried in more ways than the others, and is longer.
const fn is_long(number: u64) -> bool {
    (number / 4).is_multiple_of(8)
}

/// The texts of one of four tests, so that all processors have something to do.
fn quarter(number: u64) -> impl Iterator<Item = Case> {
    (0..TEXTS)
        .filter(move |text| text % 4 == number)
        .map(|number| {
            // Looking at a text as often as it has places to be cut at takes the square of its length.
            let long = is_long(number);
            let text = text(number, if long { 24 } else { 1 });
            let arguments = format!("{{\"text\":{}}}", spelt(&text, &mut Dice(number)));
            Case {
                text,
                arguments,
                long,
            }
        })
}

/// A text as a string of JSON, in one of its spellings: some letters as they are, some escaped, some as pairs of surrogates.
fn spelt(text: &str, dice: &mut Dice) -> String {
    let mut out = String::from('"');
    for letter in text.chars() {
        let often = if letter.is_ascii() { 30 } else { 2 };
        if dice.roll(often) == 0 {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}").expect("a string takes all");
            }
        } else if letter == '/' && dice.roll(2) == 0 {
            out += "\\/";
        } else {
            let quoted = quote(letter.encode_utf8(&mut [0; 4]));
            out += &quoted[1..quoted.len() - 1];
        }
    }
    out + "\""
}

/// Where a text can be cut.
fn cuts(text: &str) -> Vec<usize> {
    (1..text.len())
        .filter(|cut| text.is_char_boundary(*cut))
        .collect()
}

/// A text cut in two, or whole where there is no such cut.
fn cut<'a>(text: &'a str, at: Option<&usize>) -> Vec<&'a str> {
    at.map_or_else(
        || vec![text],
        |at| {
            let (head, tail) = text.split_at(*at);
            vec![head, tail]
        },
    )
}

/// A stream of as few events as can be, because there are so many of them: each has a piece of both texts.
fn in_two(content: &[&str], arguments: &[&str]) -> String {
    let mut out = String::new();
    for at in 0..2 {
        let [content, arguments] =
            [content, arguments].map(|pieces| quote(pieces.get(at).unwrap_or(&"")));
        let finish = ["null", "\"stop\""][at];
        write!(
            out,
            "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":{content},\"tool_calls\":[{{\"index\":0,\"function\":{{\"name\":\"f\",\"arguments\":{arguments}}}}}]}},\"finish_reason\":{finish}}}]}}\n\n"
        )
        .expect("a string takes all");
    }
    out + "data: [DONE]\n\n"
}

fn letters(text: &str) -> Vec<&str> {
    text.split_inclusive(|_| true).collect()
}

/// A text with each value replaced, behind what stands before it.
fn with(before: &str, text: &str, put: impl Fn(Kind, &str) -> String) -> String {
    let shown = format!("{before}{text}");
    let (mut out, mut at) = (String::new(), before.len());
    for finding in guards(LABEL).catalogue.scan(&shown) {
        if finding.end > before.len() {
            let start = finding.start.max(at);
            out += &shown[at..start];
            out += &put(finding.kind, &shown[start..finding.end]);
            at = finding.end;
        }
    }
    out + &shown[at..]
}

fn label(kind: Kind, _: &str) -> String {
    format!("[{kind}]")
}

/// What may come back, back; secrets as the mask that has no way back.
fn but_secrets(kind: Kind, value: &str) -> String {
    match kind {
        Kind::Secret => "********".to_owned(),
        _ => value.to_owned(),
    }
}

/// What arguments hold.
fn inside(arguments: &str) -> String {
    let arguments: Value = serde_json::from_str(arguments).expect("arguments stay JSON");
    arguments["text"].as_str().expect("a text").to_owned()
}

/// Asserts that an answer says this, whole and as a stream.
fn says(screen: &Rc<Screen>, content: &str, arguments: &str, expected: (&str, &str)) {
    let said = read(screen, &whole(content, arguments)).expect("passes");
    assert_eq!((&*said.0, &*inside(&said.1)), expected, "{content:?}");
    let chunk = Bytes::from(events(&[content], &[arguments]));
    let said = heard(screen, &[chunk]).expect("passes");
    assert_eq!((&*said.0, &*inside(&said.1)), expected, "{content:?}");
}

/// Asserts that a stream says the same wherever its texts are cut in two: contents anywhere, arguments behind their key.
fn says_the_same_cut_in_two(screen: &Rc<Screen>, content: &str, arguments: &str) -> String {
    let said = |content: &[&str], arguments: &[&str]| {
        let wire = Bytes::from(in_two(content, arguments));
        heard(screen, &[wire]).expect("passes")
    };
    let whole = said(&[content], &[arguments]);
    let (of_content, mut of_arguments) = (cuts(content), cuts(arguments));
    of_arguments.retain(|cut| *cut > KEY.len());
    for at in 0..of_content.len().max(of_arguments.len()) {
        let content = cut(content, of_content.get(at));
        let arguments = cut(arguments, of_arguments.get(at));
        let cut = said(&content, &arguments);
        assert_eq!(cut, whole, "{content:?} {arguments:?}");
    }
    inside(&whole.1)
}

/// Asserts that a stream says the same when it comes letter by letter.
fn says_the_same_letter_by_letter(screen: &Rc<Screen>, content: &str, arguments: &str) {
    let said = |content: &[&str], arguments: &[&str]| {
        let wire = Bytes::from(events(content, arguments));
        heard(screen, &[wire]).expect("passes")
    };
    let whole = said(&[content], &[arguments]);
    let cut = said(&letters(content), &letters(arguments));
    assert_eq!(cut, whole, "letter by letter: {content:?} {arguments:?}");
}

/// Every text is cut as the text of arguments, where escapes are; the long ones also as contents, which is how the scanner
/// alone is tried with each of them, and letter by letter.
fn no_cut_shows(number: u64) {
    let (screen, _) = screen(LABEL, &[]);
    for case in quarter(number) {
        let Case {
            text,
            arguments,
            long,
        } = case;
        let expected = (with("", &text, label), with(KEY, &text, label));
        let mut content = "";
        if long {
            content = &text;
            says(&screen, content, &arguments, (&expected.0, &expected.1));
            says_the_same_letter_by_letter(&screen, content, &arguments);
        }
        let said = says_the_same_cut_in_two(&screen, content, &arguments);
        assert_eq!(said, expected.1, "{arguments:?}");
    }
}

#[test]
fn no_cut_shows_in_the_first_texts() {
    no_cut_shows(0);
}

#[test]
fn no_cut_shows_in_the_second_texts() {
    no_cut_shows(1);
}

#[test]
fn no_cut_shows_in_the_third_texts() {
    no_cut_shows(2);
}

#[test]
fn no_cut_shows_in_the_fourth_texts() {
    no_cut_shows(3);
}

#[test]
fn bytes_of_the_wire_may_be_cut_inside_characters_and_escapes() {
    let (screen, _) = screen(LABEL, &[]);
    for (place, case) in quarter(0).enumerate() {
        let Case {
            text, arguments, ..
        } = case;
        let mut dice = Dice(7);
        let wire = events_spelt(&[&*text], &[&arguments], &mut |text| spelt(text, &mut dice));
        let said = heard(&screen, &[Bytes::from(wire.clone())]).expect("passes");
        assert_eq!(said.0, with("", &text, label));
        let bytes = wire.as_bytes().chunks(1).map(Bytes::copy_from_slice);
        let bytes: Vec<Bytes> = bytes.collect();
        assert_eq!(heard(&screen, &bytes).as_ref(), Ok(&said), "{wire}");
        if place % 50 == 0 {
            for at in 1..wire.len() {
                let (head, tail) = wire.as_bytes().split_at(at);
                let chunks = [head, tail].map(Bytes::copy_from_slice);
                assert_eq!(heard(&screen, &chunks).as_ref(), Ok(&said), "{at}: {wire}");
            }
        }
    }
}

#[test]
fn an_answer_that_comes_through_two_gateways_is_redacted_once() {
    for policy in [LABEL, HASH] {
        let (screen, _) = screen(policy, &[]);
        let glued = (0..TEXTS).step_by(2).map(|number| text(number, 32));
        for text in (0..TEXTS).step_by(4).map(sentences).chain(glued) {
            let said = read(&screen, &whole(&text, "{}")).expect("passes").0;
            let again = read(&screen, &whole(&said, "{}")).expect("passes").0;
            assert_eq!(again, said, "{text:?}");
        }
    }
}

/// What has left of a stream that is stopped: content and arguments.
fn left_when_stopped(screen: &Rc<Screen>, stream: String) -> Option<(String, String)> {
    let mut guard = Guarded::new(screen.clone(), Endpoint::Chat);
    let mut out: Vec<Bytes> = Vec::new();
    guard.take(&stream.into(), &mut out).err()?;
    let (mut content, mut arguments) = (String::new(), String::new());
    for event in String::from_utf8(out.concat())
        .expect("UTF-8")
        .split_terminator("\n\n")
    {
        let data = event.strip_prefix("data: ").expect("an event");
        let event: Value = serde_json::from_str(data).expect("events stay JSON");
        let delta = &event["choices"][0]["delta"];
        content += delta["content"].as_str().unwrap_or_default();
        let call = &delta["tool_calls"][0]["function"];
        arguments += call["arguments"].as_str().unwrap_or_default();
    }
    Some((content, arguments))
}

#[test]
fn a_stream_that_is_stopped_has_said_nothing_of_the_value_wherever_it_was_cut() {
    let (screen, _) = screen(BLOCK, &[]);
    let catalogue = &guards(BLOCK).catalogue;
    let mut stopped = 0;
    for Case { text, .. } in quarter(0).step_by(2) {
        let Some(first) = catalogue.scan(&text).first().copied() else {
            continue;
        };
        for at in cuts(&text) {
            let (head, tail) = text.split_at(at);
            let (said, _) =
                left_when_stopped(&screen, in_two(&[head, tail], &[])).expect("stopped");
            assert!(
                text[..first.start].starts_with(&said),
                "{head:?} | {tail:?}: {said:?}"
            );
        }
        stopped += 1;
        let left = left_when_stopped(&screen, events(&[], &letters(&quote(&text))));
        let Some((_, said)) = left else {
            panic!("{text:?} as arguments");
        };
        assert!(
            quote(&text[..first.start]).starts_with(&said),
            "{text:?}: {said:?}"
        );
    }
    assert!(stopped > 125, "{stopped}");
}

/// A request that says this, calls a tool with these arguments and has the same as its result.
fn request(text: &str, arguments: &str, dice: &mut Dice) -> String {
    format!(
        r#"{{"model":"m","messages":[{{"role":"user","content":{}}},{{"role":"assistant","tool_calls":[{{"id":"c","type":"function","function":{{"name":"f","arguments":{}}}}}]}},{{"role":"tool","tool_call_id":"c","content":{}}}]}}"#,
        spelt(text, dice),
        spelt(arguments, dice),
        spelt(text, dice),
    )
}

/// What a request says: its content, its call's arguments, its tool's result.
fn asked(body: &str) -> [String; 3] {
    let body: Value = serde_json::from_str(body).expect("a request stays JSON");
    let messages = &body["messages"];
    let arguments = &messages[1]["tool_calls"][0]["function"]["arguments"];
    [&messages[0]["content"], arguments, &messages[2]["content"]]
        .map(|text| text.as_str().expect("a text").to_owned())
}

#[test]
fn a_request_of_any_spelling_is_redacted_as_its_texts_are() {
    for Case {
        text, arguments, ..
    } in (0..4).flat_map(quarter)
    {
        let (sent, ..) = forwarded(LABEL, &request(&text, &arguments, &mut Dice(3)));
        let [content, arguments, result] = asked(&sent);
        assert_eq!(content, with("", &text, label));
        assert_eq!(result, content);
        assert_eq!(inside(&arguments), with(KEY, &text, label));
    }
}

/// What a model that repeats what it was told says to the caller.
fn comes_back(numbers: [u64; 2]) {
    for case in numbers.into_iter().flat_map(quarter) {
        let Case {
            text,
            arguments,
            long,
        } = case;
        let (sent, mapping, _) = forwarded(REPLACE, &request(&text, &arguments, &mut Dice(3)));
        let [content, arguments, result] = asked(&sent);
        assert_eq!(result, content, "one value, one name");
        let expected = (with("", &text, but_secrets), with(KEY, &text, but_secrets));
        let screen = screen_with(REPLACE, mapping);
        says(&screen, &content, &arguments, (&expected.0, &expected.1));
        if long {
            says_the_same_cut_in_two(&screen, &content, &arguments);
            says_the_same_letter_by_letter(&screen, &content, &arguments);
        }
    }
}

#[test]
fn values_come_back_exactly_in_the_first_texts() {
    comes_back([0, 1]);
}

#[test]
fn values_come_back_exactly_in_the_second_texts() {
    comes_back([2, 3]);
}

#[test]
fn two_hundred_values_of_one_request_come_back_each_to_its_place() {
    let mut values = Vec::new();
    for number in 0..50 {
        values.push(format!("user{number}@acme.example"));
        values.push(format!("10.20.{number}.7"));
        values.push(format!("00:1a:2b:3c:4d:{number:02x}"));
        values.push(format!("+41 44 668 {:02} {:02}", number, 99 - number));
    }
    let text = values.join(" é😀\"\\\n");
    let arguments = serde_json::json!({ "text": text }).to_string();
    let (sent, mapping, found) = forwarded(REPLACE, &request(&text, &arguments, &mut Dice(5)));
    assert_eq!(found.iter().map(|found| found.count).sum::<u64>(), 600);
    assert_eq!(mapping.len(), 200);
    for value in &values {
        assert!(!sent.contains(value), "{value}");
    }
    let [content, arguments, _] = asked(&sent);
    let screen = screen_with(REPLACE, mapping);
    says(&screen, &content, &arguments, (&text, &text));
    says_the_same_letter_by_letter(&screen, &content, &arguments);
}
