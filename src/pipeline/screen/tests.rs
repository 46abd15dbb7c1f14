//! Guards over whole answers and streams, held against each other: what leaves must not depend on how it came.

use super::{BodyKey, Guarded, Guards, Screen, Told, Whose};
use crate::chat::json::quote;
use crate::chat::{Edits, Endpoint, conversation, look};
use crate::clock::Wall;
use crate::config::policy::{Surroundings, assemble_texts};
use crate::governance::audit::Found;
use crate::governance::guard::Cache;
use crate::governance::guard::redact::{Hosts, Mapping, ScopeKey, ScopeKeys, Types};
use crate::governance::identity::KeyIndex;
use crate::governance::policy::{Outcome, Request};
use crate::pipeline::Plan;
use crate::provider::vendor;
use crate::secret::Secret;
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

mod every_cut;

const MASK: &str = r"
version: 1
scope: {}
redact:
  - id: personal
    types: [EMAIL, PHONE, CREDIT_CARD]
    on: [response, tool_args]
    action: label
  - id: named
    types: [EMAIL]
    on: [request, tool_result]
    action: replace
  - id: secrets
    types: [SECRET]
    on: [response, tool_args]
    action: block
";

/// Compiled once: compiling takes longer than the tests themselves.
fn guards(policy: &'static str) -> Arc<Guards> {
    static KNOWN: Mutex<Vec<(&str, Arc<Guards>)>> = Mutex::new(Vec::new());
    let mut known = KNOWN.lock().expect("no test failed in here");
    if let Some((_, guards)) = known.iter().find(|(one, _)| *one == policy) {
        return guards.clone();
    }
    let guards = compile(policy);
    known.push((policy, guards.clone()));
    guards
}

fn compile(policy: &str) -> Arc<Guards> {
    let texts = [(Path::new("test.yaml"), policy.as_bytes())];
    let assembled = assemble_texts(
        texts,
        &Surroundings::default(),
        jiff::civil::date(2026, 11, 20),
    );
    let report = assembled
        .loaded
        .report()
        .render(crate::config::policy::Format::Text);
    let compiled = assembled.compiled.unwrap_or_else(|| panic!("{report}"));
    let custom: Vec<&str> = compiled
        .policies
        .custom_kinds()
        .iter()
        .map(AsRef::as_ref)
        .collect();
    Arc::new(Guards {
        types: Arc::new(Types::new(&custom)),
        hosts: Arc::new(Hosts::default()),
        body_key: BodyKey::derive(b"secret"),
        scopes: ScopeKeys::new(Secret::new(b"secret".to_vec())),
        cache: Arc::new(Cache::new([7; 16], 1 << 20)),
        headers: compiled.policies.headers_read(),
        elsewhere: crate::pipeline::Elsewhere::default(),
        catalogue: compiled.catalogue,
        policies: compiled.policies,
    })
}

/// A screen for answers to a request in which these values were given placeholders.
fn screen(policy: &'static str, named: &[&str]) -> (Rc<Screen>, Vec<String>) {
    let mut mapping = mapping(policy);
    let placeholders = named
        .iter()
        .map(|value| {
            let kind = crate::governance::guard::Kind::Email;
            mapping
                .placeholder_for(kind, value)
                .expect("a name")
                .to_owned()
        })
        .collect();
    (screen_with(policy, mapping), placeholders)
}

/// The map of a request in which nothing has a name yet.
fn mapping(policy: &'static str) -> Mapping {
    Mapping::new(
        ScopeKey::derive(b"secret", "k", None),
        guards(policy).types.clone(),
    )
}

/// A screen for answers to a request with this map.
fn screen_with(policy: &'static str, mapping: Mapping) -> Rc<Screen> {
    let in_force = guards(policy);
    let outcome: Outcome = in_force.policies.decide(&Request::default());
    let whose = Whose {
        plan: Arc::new(Plan::bare()),
        key: KeyIndex(0),
        model: "m".into(),
        at: Wall::default(),
    };
    Rc::new(Screen::new(
        in_force,
        outcome,
        mapping,
        Told::default(),
        whose,
    ))
}

/// The answer to chat whose message says this and calls a tool with these arguments.
fn whole(content: &str, arguments: &str) -> Bytes {
    let answer = json!({
        "id": "a", "object": "chat.completion", "model": "m",
        "choices": [{
            "index": 0, "finish_reason": "stop", "logprobs": null,
            "message": { "role": "assistant", "content": content, "tool_calls": [
                { "id": "c", "type": "function", "function": { "name": "f", "arguments": arguments } },
            ] },
        }],
    });
    answer.to_string().into()
}

/// The same as a stream, its texts cut at these places (of characters), its bytes at those.
fn stream(content: &str, arguments: &str, cuts: &[usize], bytes: usize) -> Vec<Bytes> {
    let cut = |text: &str| -> Vec<String> {
        let characters: Vec<char> = text.chars().collect();
        let mut places: Vec<usize> = cuts
            .iter()
            .map(|cut| cut % (characters.len() + 1))
            .collect();
        places.extend([0, characters.len()]);
        places.sort_unstable();
        places
            .windows(2)
            .map(|pair| characters[pair[0]..pair[1]].iter().collect())
            .collect()
    };
    let out = events(&cut(content), &cut(arguments));
    out.as_bytes()
        .chunks(bytes.max(1))
        .map(Bytes::copy_from_slice)
        .collect()
}

/// The events of a stream whose texts come in these pieces.
fn events<T: AsRef<str>>(content: &[T], arguments: &[T]) -> String {
    events_spelt(content, arguments, &mut quote)
}

/// The same, each piece written as JSON by `spell`.
fn events_spelt<T: AsRef<str>>(
    content: &[T],
    arguments: &[T],
    spell: &mut dyn FnMut(&str) -> String,
) -> String {
    let event = |delta: &str, finish: &str| {
        format!(
            "data: {{\"id\":\"a\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{{{delta}}},\"finish_reason\":{finish}}}]}}\n\n"
        )
    };
    let mut out = event(r#""role":"assistant","content":"""#, "null");
    for piece in content {
        out += &event(&format!("\"content\":{}", spell(piece.as_ref())), "null");
    }
    for piece in arguments {
        let piece = spell(piece.as_ref());
        let call = format!(
            r#""tool_calls":[{{"index":0,"id":"c","function":{{"name":"f","arguments":{piece}}}}}]"#
        );
        out += &event(&call, "null");
    }
    out += &event("", r#""stop""#);
    out + "data: [DONE]\n\n"
}

/// What a stream says in the end: content and arguments; or why it was stopped.
fn heard(screen: &Rc<Screen>, chunks: &[Bytes]) -> Result<(String, String), String> {
    let mut guard = Guarded::new(screen.clone(), Endpoint::Chat);
    let mut out: Vec<Bytes> = Vec::new();
    for chunk in chunks {
        guard
            .take(chunk, &mut out)
            .map_err(|blocked| blocked.message)?;
    }
    guard.finish(&mut out).map_err(|blocked| blocked.message)?;
    let (mut content, mut arguments) = (String::new(), String::new());
    let text = String::from_utf8(out.concat()).expect("UTF-8");
    assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
    for event in text
        .split("\n\n")
        .filter_map(|event| event.strip_prefix("data: {"))
    {
        let event: Value = serde_json::from_str(&format!("{{{event}")).expect("events stay JSON");
        let delta = &event["choices"][0]["delta"];
        content += delta["content"].as_str().unwrap_or_default();
        arguments += delta["tool_calls"][0]["function"]["arguments"]
            .as_str()
            .unwrap_or_default();
    }
    Ok((content, arguments))
}

/// The texts of a whole answer.
fn texts_of(body: &[u8]) -> Option<vendor::Reading> {
    vendor::said(body, Endpoint::Chat, false).ok()
}

/// What a whole answer says.
fn read(screen: &Screen, body: &Bytes) -> Result<(String, String), String> {
    let body = screen
        .answer(body, texts_of(body).as_ref())
        .map_err(|blocked| blocked.message)?;
    let answer: Value = serde_json::from_slice(&body).expect("answers stay JSON");
    let message = &answer["choices"][0]["message"];
    let arguments = &message["tool_calls"][0]["function"]["arguments"];
    Ok((
        message["content"].as_str().unwrap_or_default().to_owned(),
        arguments.as_str().unwrap_or_default().to_owned(),
    ))
}

#[test]
fn a_value_leaves_neither_whole_nor_in_pieces() {
    let (screen, _) = screen(MASK, &[]);
    let content = "Write to jane.doe@example.org, or call +49 30 1234567 today.";
    let arguments = r#"{"to":"jane.doe\u0040example.org","card":4111111111111111,"n":[1,"x"]}"#;
    let said = read(&screen, &whole(content, arguments)).expect("passes");
    assert_eq!(said.0, "Write to [EMAIL], or call [PHONE] today.");
    assert_eq!(
        said.1,
        r#"{"to":"[EMAIL]","card":"[CREDIT_CARD]","n":[1,"x"]}"#
    );
    for bytes in [1, 7, 4096] {
        for cut in 0..content.chars().count() {
            let chunks = stream(content, arguments, &[cut, cut + 3], bytes);
            assert_eq!(
                heard(&screen, &chunks).as_ref(),
                Ok(&said),
                "cut at {cut}, {bytes} bytes"
            );
        }
    }
}

#[test]
fn a_secret_stops_the_stream_before_a_byte_of_it_has_left() {
    let (screen, _) = screen(MASK, &[]);
    let secret = concat!("gh", "p_", "16C7e42F292c6912E7710c838347Ae178B4a");
    let content = format!("the token is {secret} as asked");
    assert!(read(&screen, &whole(&content, "{}")).is_err());
    for cut in 0..content.len() {
        let mut guard = Guarded::new(screen.clone(), Endpoint::Chat);
        let mut out: Vec<Bytes> = Vec::new();
        let stopped = stream(&content, "{}", &[cut], 4096)
            .iter()
            .any(|chunk| guard.take(chunk, &mut out).is_err());
        assert!(stopped, "cut at {cut}");
        let text = String::from_utf8(out.concat()).expect("UTF-8");
        assert!(
            !text.contains("ghp") && !text.contains("16C7"),
            "cut at {cut}: {text}"
        );
    }
}

#[test]
fn an_event_of_several_lines_stays_one_however_its_lines_end() {
    let (screen, _) = screen(MASK, &[]);
    for end in ["\n", "\r\n", "\r"] {
        let lines = [
            ": a note",
            "event: m",
            r#"data: {"choices":"#,
            r#"data: [{"index":0,"delta":{"content":"to jane.doe@example.org now"}}]}"#,
            "id: 7",
            "",
            "",
        ];
        let mut guard = Guarded::new(screen.clone(), Endpoint::Chat);
        let mut out: Vec<Bytes> = Vec::new();
        let event = Bytes::from(lines.join(end));
        guard.take(&event, &mut out).expect("passes");
        guard.finish(&mut out).expect("passes");
        let text = String::from_utf8(out.concat()).expect("UTF-8");
        assert!(!text.contains("jane"), "{end:?}: {text}");
        let mut said = String::new();
        for event in text.split_terminator("\n\n") {
            let lines = event.lines();
            let data: Vec<&str> = lines
                .filter_map(|line| line.strip_prefix("data: "))
                .collect();
            let chunk: Value = serde_json::from_str(&data.join("\n")).expect("JSON");
            said += chunk["choices"][0]["delta"]["content"]
                .as_str()
                .unwrap_or_default();
        }
        assert_eq!(said, "to [EMAIL] now", "{end:?}");
        assert!(text.contains("event: m\n") && text.contains("id: 7\n"));
    }
}

#[test]
fn what_is_held_does_not_run_into_an_event_whose_end_never_came() {
    let (screen, _) = screen(MASK, &[]);
    let mut guard = Guarded::new(screen, Endpoint::Chat);
    let mut out: Vec<Bytes> = Vec::new();
    let event =
        r#"data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"ask jane"}}]}"#;
    guard.take(&Bytes::from(event), &mut out).expect("passes");
    guard.finish(&mut out).expect("passes");
    let text = String::from_utf8(out.concat()).expect("UTF-8");
    for event in text.split_terminator("\n\n") {
        let data = event.strip_prefix("data: ").expect("one line");
        serde_json::from_str::<Value>(data).expect("JSON");
    }
}

#[test]
fn a_rule_about_calls_that_cannot_be_told_denies_them() {
    const RULE: &str = r"
version: 1
scope: {}
defaults: { effect: allow }
rules:
  - id: no-exec-after-secrets
    effect: deny
    match: { tool_calls: [ { name: exec } ], detections: [SECRET] }
";
    let (screen, _) = screen(RULE, &[]);
    assert!(screen.guards().policies.calls_read_texts(screen.outcome()));
    // Nobody looked at the request's texts here.
    assert!(screen.judge("exec", "{}").is_err());
    assert!(screen.judge("search", "{}").is_ok());
}

#[test]
fn names_are_put_back_in_texts_and_arguments() {
    let (screen, names) = screen(MASK, &["ana@acme.io"]);
    let name = names.first().expect("one");
    let content = format!("I wrote to {name}.");
    let arguments = format!(r#"{{"to":"{name}","body":"hi \"{name}\""}}"#);
    let said = read(&screen, &whole(&content, &arguments)).expect("passes");
    assert_eq!(said.0, "I wrote to ana@acme.io.");
    let back: Value = serde_json::from_str(&said.1).expect("JSON");
    assert_eq!(
        back,
        json!({ "to": "ana@acme.io", "body": "hi \"ana@acme.io\"" })
    );
    for cut in 0..content.len() {
        let chunks = stream(&content, &arguments, &[cut], 4096);
        assert_eq!(heard(&screen, &chunks).as_ref(), Ok(&said), "cut at {cut}");
    }
}

#[test]
fn clean_answers_pass_as_they_came() {
    let (screen, _) = screen(MASK, &[]);
    let body = whole(
        "nothing \u{e9}\u{1f600} here",
        r#"{"a":"\u00e9\/","b":1.50}"#,
    );
    assert_eq!(
        screen.answer(&body, texts_of(&body).as_ref()).ok(),
        Some(body)
    );
    // Of a stream the last word may be the beginning of something: it leaves when the choice ends, in an event like the last.
    let chunks = stream("one two three", "", &[4, 8], 4096);
    assert_eq!(
        heard(&screen, &chunks),
        Ok(("one two three".to_owned(), String::new()))
    );
}

#[test]
fn a_call_that_rules_deny_never_leaves() {
    let policy = r#"
version: 1
scope: {}
rules:
  - id: no-shadow-file
    effect: deny
    match: { tool_calls: [ { name: f, arguments: { path: "/etc/*" } } ] }
"#;
    let (screen, _) = screen(policy, &[]);
    assert!(read(&screen, &whole("hi", r#"{"path":"/etc/shadow"}"#)).is_err());
    assert!(read(&screen, &whole("hi", r#"{"path":"/tmp/x"}"#)).is_ok());
    for cut in 0..20 {
        let denied = stream("hi", r#"{"path":"/etc/shadow"}"#, &[cut], 4096);
        let mut guard = Guarded::new(screen.clone(), Endpoint::Chat);
        let mut out: Vec<Bytes> = Vec::new();
        let stopped = denied
            .iter()
            .any(|chunk| guard.take(chunk, &mut out).is_err());
        assert!(stopped, "cut at {cut}");
        assert!(
            !String::from_utf8_lossy(&out.concat()).contains("tool_calls"),
            "cut at {cut}"
        );
        let allowed = stream("hi", r#"{"path":"/tmp/x"}"#, &[cut], 4096);
        assert_eq!(
            heard(&screen, &allowed),
            Ok(("hi".into(), r#"{"path":"/tmp/x"}"#.into()))
        );
    }
}

/// A request as it goes up, what has which name there, and what was found.
fn forwarded(policy: &'static str, body: &str) -> (String, Mapping, Vec<Found>) {
    let guards = guards(policy);
    look(Endpoint::Chat, body.as_bytes()).expect("a request");
    let talk = conversation(Endpoint::Chat, body.as_bytes());
    let outcome = guards.policies.decide(&Request::default());
    let inspection = guards.inspect(&talk, body.as_bytes(), &outcome);
    let (mut edits, mut found, mut mapping) = (Edits::new(), Vec::new(), mapping(policy));
    super::changes::take_out(
        &guards,
        &outcome,
        &inspection,
        &mut mapping,
        &mut found,
        &mut edits,
    )
    .expect("passes");
    let sent = String::from_utf8(edits.apply(body.as_bytes())).expect("UTF-8");
    (sent, mapping, found)
}

#[test]
fn a_request_is_redacted_and_stays_what_it_was_elsewhere() {
    let text = "mail ana@acme.io and \"bo@acme.io\" \u{1f600}";
    let body = format!(
        r#"{{ "model":"m", "messages":[{{"role":"user","content":{}}},{{"role":"tool","tool_call_id":"c","content":"plain"}}], "x":1.0 }}"#,
        quote(text)
    );
    let (sent, _, found) = forwarded(MASK, &body);
    assert_eq!(found.first().map(|found| found.count), Some(2));
    assert!(!sent.contains("acme.io"), "{sent}");
    assert!(
        sent.starts_with(r#"{ "model":"m", "messages":[{"role":"user","content":"mail TG_EMAIL_"#),
        "{sent}"
    );
    assert!(
        sent.ends_with(r#"{"role":"tool","tool_call_id":"c","content":"plain"}], "x":1.0 }"#),
        "{sent}"
    );
}

#[test]
fn what_nobody_looked_at_still_gets_its_names_back() {
    const PASSES: &str = r"
version: 1
scope: {}
defaults: { scan_budget: 1ms, on_detector_error: pass }
redact:
  - { id: personal, types: [EMAIL], on: [response, tool_args], action: label }
";
    let (screen, names) = screen(PASSES, &["ana@acme.io"]);
    let name = names.first().expect("one");
    let dear = "@".repeat(1 << 20);
    let content = format!("bo@acme.io {dear} {name} bo@acme.io");
    let arguments = json!({ "a": format!("bo@acme.io {dear} {name}"), "b": name }).to_string();
    let said = read(&screen, &whole(&content, &arguments)).expect("passes");
    assert_eq!(said.0, format!("[EMAIL] {dear} ana@acme.io bo@acme.io"));
    let back: Value = serde_json::from_str(&said.1).expect("arguments stay JSON");
    assert_eq!(back["a"], format!("bo@acme.io {dear} ana@acme.io"));
    assert_eq!(back["b"], "ana@acme.io");
    let notes = screen.with_told(|told| told.notes.clone());
    assert_eq!(
        notes.len(),
        2,
        "once for the answer, once for the arguments: {notes:?}"
    );
}

#[test]
fn a_detector_that_stumbles_lets_nothing_pass_unless_policies_say_so() {
    use crate::governance::guard::probe::{Detector, Trigger};
    static STUMBLES: Detector = Detector {
        name: "stumbles",
        kind: crate::governance::guard::Kind::Secret,
        triggers: &[Trigger::Exact("stumble")],
        probe: |_, _| panic!("over a stone"),
    };
    for (on_error, passes) in [("block", false), ("pass", true)] {
        let policy = format!(
            "
version: 1
scope: {{}}
defaults: {{ on_detector_error: {on_error} }}
redact:
  - {{ id: personal, types: [EMAIL], on: [request, response, tool_args], action: label }}
"
        );
        let mut guards = compile(&policy);
        let inner = Arc::get_mut(&mut guards).expect("nobody else has them");
        inner.catalogue = crate::governance::guard::Catalogue::with(&STUMBLES);
        let outcome = guards.policies.decide(&Request::default());

        let body = r#"{"model":"m","messages":[{"role":"user","content":"I stumble"}]}"#;
        look(Endpoint::Chat, body.as_bytes()).expect("a request");
        let talk = conversation(Endpoint::Chat, body.as_bytes());
        let seen = guards.inspect(&talk, body.as_bytes(), &outcome);
        assert!(seen.fault.is_some(), "{on_error}");
        assert_eq!(guards.policies.passes_on_detector_error(&outcome), passes);

        let types = guards.types.clone();
        let mapping = || Mapping::new(ScopeKey::derive(b"secret", "k", None), types.clone());
        let whose = || Whose {
            plan: Arc::new(Plan::bare()),
            key: KeyIndex(0),
            model: "m".into(),
            at: Wall::default(),
        };
        for (content, arguments) in [("I stumble", "{}"), ("x", r#"{"a":"I stumble"}"#)] {
            let screen = Screen::new(
                guards.clone(),
                outcome.clone(),
                mapping(),
                Told::default(),
                whose(),
            );
            let said = read(&screen, &whole(content, arguments));
            if passes {
                assert_eq!(said, Ok((content.to_owned(), arguments.to_owned())));
                assert_eq!(screen.with_told(|told| told.notes.len()), 1);
            } else {
                let message = said.expect_err("nothing passes unseen");
                assert!(message.contains("on_detector_error: block"), "{message}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn a_stream_says_what_the_whole_answer_says(
        words in prop::collection::vec(prop_oneof![
            "[a-z]{1,8}", Just("jane.doe@example.org".to_owned()), Just("4111 1111 1111 1111".to_owned()),
            Just("+1 415 555 2671".to_owned()), Just("jane@".to_owned()), Just("\u{1f600}\u{e9}\"\\".to_owned()), "[0-9]{1,6}",
        ], 0..12),
        cuts in prop::collection::vec(0_usize..400, 0..8),
        bytes in 1_usize..200,
    ) {
        let (screen, _) = screen(MASK, &[]);
        let content = words.join(" ");
        let arguments = json!({ "text": content, "list": words }).to_string();
        let whole = read(&screen, &whole(&content, &arguments));
        let streamed = heard(&screen, &stream(&content, &arguments, &cuts, bytes));
        let same_json = |said: &Result<(String, String), String>| said.clone().map(|(content, arguments)| {
            (content, serde_json::from_str::<Value>(&arguments).expect("arguments stay JSON"))
        });
        prop_assert_eq!(same_json(&streamed), same_json(&whole));
    }
}
