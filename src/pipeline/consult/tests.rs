//! What guards elsewhere are asked and what their words mean, without a socket.

use super::asking::{noted, ruling};
use super::cache::Cache;
use super::opinion::{Opinion, moderation, webhook};
use super::{
    Address, Consult, Elsewhere, Fault, Heard, Kind, On, Post, Question, Spoken, whole_answer,
};
use crate::chat::Endpoint;
use crate::clock::Wall;
use crate::config::policy::{Surroundings, assemble_texts};
use crate::governance::identity::KeyIndex;
use crate::governance::policy::settings::OnError;
use crate::ids::PassageId;
use crate::pipeline::Plan;
use bytes::Bytes;
use http::header::HeaderMap;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

fn consult(kind: Kind, on_error: OnError) -> Consult {
    let address = Address::read("http://guard.example/check").expect("an address");
    Consult {
        id: "dlp".into(),
        number: 0,
        kind,
        post: Post::new(address, HeaderMap::new()),
        request: true,
        response: false,
        during: false,
        timeout: Duration::from_secs(1),
        cache: None,
        on_error,
    }
}

fn spoken(text: &str) -> Spoken {
    Spoken {
        source: "user",
        text: text.to_owned(),
    }
}

fn question(model: &str, id: u64, texts: Vec<Spoken>) -> Question {
    let id = PassageId::new(Wall::from_secs(1_000), u128::from(id) << 64);
    Question::of(
        &Plan::bare(),
        KeyIndex(0),
        id,
        Endpoint::Chat,
        model,
        On::Request,
        texts,
    )
}

#[test]
fn a_webhook_says_allow_or_deny_and_all_else_is_no_answer() {
    let check =
        |body: &str, expected: Opinion| assert_eq!(webhook(body.as_bytes()), expected, "{body}");
    let unknown = || Opinion::Unknown(Fault::Unreadable);
    check(r#"{"action":"allow"}"#, Opinion::Allow);
    check(
        r#"{"action":"allow","reason":null,"score":0.1}"#,
        Opinion::Allow,
    );
    check(r#"{"action":"deny"}"#, Opinion::Deny(None));
    check(
        r#"{"action":"deny","reason":"  a\nsecret "}"#,
        Opinion::Deny(Some("a secret".into())),
    );
    check(r#"{"action":"Deny"}"#, unknown());
    check(r#"{"action":"block"}"#, unknown());
    check(r#"{"action":"allow","action":"deny"}"#, unknown());
    check(r#"{"reason":"none"}"#, unknown());
    check(r#"{"action":"allow""#, unknown());
    check("allow", unknown());
    check("", unknown());
    let Opinion::Deny(Some(reason)) =
        webhook(format!(r#"{{"action":"deny","reason":"{}"}}"#, "é".repeat(2_000)).as_bytes())
    else {
        panic!("denied");
    };
    assert_eq!(reason.len(), 500);
}

#[test]
fn a_moderation_endpoint_must_judge_every_text() {
    let check = |body: &str, texts: usize, expected: Opinion| {
        assert_eq!(moderation(body.as_bytes(), texts), expected, "{body}");
    };
    let unknown = || Opinion::Unknown(Fault::Unreadable);
    check(
        r#"{"id":"m","model":"x","results":[{"flagged":false,"categories":{"hate":false}}]}"#,
        1,
        Opinion::Allow,
    );
    check(r#"{"results":[{"flagged":false}]}"#, 1, Opinion::Allow);
    check(
        r#"{"results":[{"flagged":false,"categories":{}},{"flagged":true,"categories":{"violence":true,"hate":true,"self-harm":false,"x":null}}]}"#,
        2,
        Opinion::Deny(Some("hate, violence".into())),
    );
    check(
        r#"{"results":[{"flagged":true,"categories":{}}]}"#,
        1,
        Opinion::Deny(None),
    );
    // One result for two texts leaves one that nobody judged, unless the one is enough.
    check(r#"{"results":[{"flagged":false}]}"#, 2, unknown());
    check(r#"{"results":[{"flagged":true}]}"#, 2, Opinion::Deny(None));
    check(r#"{"results":[]}"#, 1, unknown());
    check(r#"{"results":[{"flagged":"no"}]}"#, 1, unknown());
    check(r#"{"flagged":false}"#, 1, unknown());
}

#[test]
fn without_an_answer_the_entry_decides() {
    let late = || Opinion::Unknown(Fault::Late(Duration::from_secs(1)));
    let allows = consult(Kind::Webhook, OnError::Pass);
    assert!(ruling(&allows, "request", late()).is_ok());
    let (found, note) = noted(&allows, &late());
    assert_eq!(found, Some(("CONSULT_ERROR", "flag")));
    assert_eq!(
        note.as_deref(),
        Some("consult `dlp` did not answer within 1s: passed, as `on_error: allow` says")
    );
    let denies = consult(Kind::Webhook, OnError::Block);
    let blocked = ruling(&denies, "request", late()).expect_err("denied");
    assert_eq!(
        (&*blocked.rule, blocked.reason.code()),
        ("dlp", "content_filter")
    );
    assert_eq!(noted(&denies, &late()).0, Some(("CONSULT_ERROR", "block")));
    // A no is a no, whatever happens to be said of errors.
    let no = Opinion::Deny(Some("it names a client".into()));
    let blocked = ruling(&allows, "response", no).expect_err("denied");
    assert_eq!(
        blocked.message,
        "guard `dlp` does not let the answer pass: it names a client"
    );
    // The record holds no content, which a webhook's reason may quote.
    let no = Opinion::Deny(Some("hate".into()));
    assert_eq!(
        noted(&allows, &no).1.as_deref(),
        Some("consult `dlp` denied")
    );
    let moderates = consult(Kind::Moderation, OnError::Block);
    assert_eq!(
        noted(&moderates, &no).1.as_deref(),
        Some("consult `dlp` denied: hate")
    );
}

#[test]
fn a_question_says_whose_call_it_is_and_what_it_holds() {
    let asked = question("gpt", 1, vec![spoken("hi \u{e9}\"")]);
    let body: Value =
        serde_json::from_slice(&asked.body(&consult(Kind::Webhook, OnError::Block))).expect("JSON");
    assert!(body["id"].as_str().is_some_and(|id| id.starts_with("dec_")));
    let rest = json!({ "id": body["id"], "guard": "dlp", "on": "request", "endpoint": "chat", "model": "gpt",
        "key": null, "team": null, "project": null, "agent": null, "user": null,
        "texts": [{ "source": "user", "text": "hi \u{e9}\"" }] });
    assert_eq!(body, rest);
    let body: Value =
        serde_json::from_slice(&asked.body(&consult(Kind::Moderation, OnError::Block)))
            .expect("JSON");
    assert_eq!(body, json!({ "input": ["hi \u{e9}\""] }));
}

#[test]
fn more_than_a_mebibyte_is_not_sent() {
    let half = "x".repeat(1 << 19);
    assert!(!question("m", 1, vec![spoken(&half), spoken(&half)]).is_too_much());
    assert!(question("m", 1, vec![spoken(&half), spoken(&half), spoken("x")]).is_too_much());
}

#[test]
fn answers_are_known_by_all_that_was_told() {
    let cache = Cache::new(b"secret");
    let digest = |kind: Kind, number: u32, asked: &Question| {
        let consult = Consult {
            number,
            ..consult(kind, OnError::Block)
        };
        asked.digest(&consult, cache.hasher())
    };
    let one = || question("m", 1, vec![spoken("ab"), spoken("c")]);
    let same = question("m", 2, vec![spoken("ab"), spoken("c")]);
    let model = question("n", 1, vec![spoken("ab"), spoken("c")]);
    let cut = question("m", 1, vec![spoken("a"), spoken("bc")]);
    for kind in [Kind::Webhook, Kind::Moderation] {
        assert_eq!(digest(kind, 0, &one()), digest(kind, 0, &same));
        assert_ne!(digest(kind, 0, &one()), digest(kind, 0, &cut));
        assert_ne!(digest(kind, 0, &one()), digest(kind, 1, &one()));
    }
    assert_ne!(
        digest(Kind::Webhook, 0, &one()),
        digest(Kind::Webhook, 0, &model)
    );
    assert_eq!(
        digest(Kind::Moderation, 0, &one()),
        digest(Kind::Moderation, 0, &model)
    );
}

#[test]
fn answers_are_kept_for_their_time_and_no_answer_is_not_kept() {
    let cache = Cache::new(b"secret");
    let at = Duration::from_secs;
    let denied = Opinion::Deny(Some("no".into()));
    cache.keep([1; 32], &Opinion::Allow, at(10), at(0));
    cache.keep([2; 32], &denied, at(10), at(0));
    cache.keep([3; 32], &Opinion::Unknown(Fault::Cut), at(10), at(0));
    assert_eq!(cache.get(&[1; 32], at(9)), Some(Opinion::Allow));
    assert_eq!(cache.get(&[2; 32], at(9)), Some(denied));
    assert_eq!(cache.get(&[3; 32], at(9)), None);
    assert_eq!(cache.get(&[1; 32], at(10)), None);
}

#[test]
fn a_stream_is_heard_as_the_whole_answer_is() {
    let stream = concat!(
        "data: {\"id\":\"a\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"I d\"}}]}\n\n",
        ": a comment\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"o not\"}}]}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\"\"}}]}}]}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\":1}\"}}]}}]}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
        "data: [DONE]\n\n",
    );
    let whole = br#"{"choices":[{"index":0,"message":{"role":"assistant","content":"I do not","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]}}]}"#;
    let expected = whole_answer(whole, Endpoint::Chat).expect("texts");
    assert_eq!(expected.len(), 2);
    for bytes in [1, 7, 4096] {
        let mut heard = Heard::new(Endpoint::Chat);
        for chunk in stream.as_bytes().chunks(bytes) {
            heard.push(&Bytes::copy_from_slice(chunk));
        }
        assert_eq!(heard.finish().as_ref(), Some(&expected), "{bytes} bytes");
    }
    // The last event lacks its blank line: it leaves with the stream, so it is heard.
    let mut heard = Heard::new(Endpoint::Chat);
    heard.push(&Bytes::from_static(
        b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"last\"}}]}\n",
    ));
    assert_eq!(heard.finish().map(|texts| texts.len()), Some(1));
    let mut heard = Heard::new(Endpoint::Chat);
    heard.push(&Bytes::from_static(b"data: {\"choices\":[{\n\n"));
    assert_eq!(heard.finish(), None);
}

fn compiled(policy: &str) -> Result<Elsewhere, Vec<String>> {
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
    let policies = assembled
        .compiled
        .unwrap_or_else(|| panic!("{report}"))
        .policies;
    let mut resolve = |_, text: &str| match text {
        "${TOKEN}" => Ok("s3cret".to_owned()),
        "${BREAK}" => Ok("a\nb".to_owned()),
        text if text.starts_with('$') => Err(format!("{text} is not set")),
        text => Ok(text.to_owned()),
    };
    let elsewhere = Elsewhere::compile(&policies, b"secret", &mut resolve);
    elsewhere.map_err(|found| {
        found
            .into_iter()
            .map(|one| format!("{}:{} {}", one.place.line, one.code, one.message))
            .collect()
    })
}

const POLICY: &str = "version: 1\nscope: {}\nconsult:\n";

#[test]
fn an_entry_is_compiled_with_its_secrets_and_its_defaults() {
    let text = format!(
        "{POLICY}  - {{ id: dlp, url: \"https://guard.example/check\", headers: {{ authorization: \"${{TOKEN}}\" }}, on_error: deny }}\n"
    );
    let elsewhere = compiled(&text).expect("usable");
    let consult = elsewhere.consults.get(&(0, 0)).expect("one");
    assert_eq!(
        (consult.request, consult.response, consult.during),
        (true, false, false)
    );
    assert_eq!(
        (consult.timeout, consult.cache, consult.on_error),
        (Duration::from_secs(2), None, OnError::Block)
    );
    assert!(!format!("{elsewhere:?}").contains("s3cret"));
    let text = format!(
        "{POLICY}  - {{ id: dlp, url: \"http://guard.example/\", on: [response], timeout: 5s, cache: 1m, on_error: allow }}\n"
    );
    let elsewhere = compiled(&text).expect("usable");
    let consult = elsewhere.consults.get(&(0, 0)).expect("one");
    assert_eq!((consult.request, consult.response), (false, true));
    assert_eq!(
        (consult.timeout, consult.cache),
        (Duration::from_secs(5), Some(Duration::from_mins(1)))
    );
}

#[test]
fn what_cannot_be_called_or_sent_is_told_with_its_place() {
    let check = |entry: &str, expected: &str| {
        let found = compiled(&format!(
            "{POLICY}  - {{ id: dlp, on_error: deny, {entry} }}\n"
        ))
        .expect_err("faults");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(expected), "{found:?}");
    };
    check(
        "url: \"ftp://guard.example\"",
        "4:TG104 this is not an address",
    );
    check(
        "url: \"http://u:p@guard.example\"",
        "4:TG104 this is not an address",
    );
    check(
        "url: \"http://g\", headers: { x-a: \"${NONE}\" }",
        "4:TG201 ${NONE} is not set",
    );
    check(
        "url: \"http://g\", headers: { x-a: \"${BREAK}\" }",
        "4:TG104 the value of `x-a`",
    );
    check(
        "url: \"http://g\", headers: { \"a b\": x }",
        "4:TG104 `a b` is not the name",
    );
    check(
        "url: \"http://g\", headers: { Host: x }",
        "4:TG104 the header `host`",
    );
    let alert = "version: 1\nscope: {}\nrules:\n  - { id: r, match: { models: [x] }, alert: { webhook: \"file:///etc\" } }\n";
    assert!(compiled(alert).expect_err("a fault")[0].starts_with("4:TG104"));
}
