//! The same for Gemini's contents, where the model stands in the path: each target is asked by its own name for it.

use super::{PRICES, Stage, budget, settings};
use crate::support::{Home, Money, Response, Simulator};
use serde_json::{Value, json};

const WHOLE: &str = "/v1beta/models/smart:generateContent";
const STREAM: &str = "/v1beta/models/smart:streamGenerateContent?alt=sse";

fn hello() -> Value {
    json!({ "contents": [{ "role": "user", "parts": [{ "text": "hello @sim(out=20)" }] }],
        "generationConfig": { "maxOutputTokens": 30 } })
}

/// Both providers speak Gemini's language.
fn speaking(settings: &str) -> String {
    let settings = settings.replace("kind: openai-compatible", "kind: gemini");
    settings.replace("/v1\"", "\"")
}

fn set(targets: &str, more: &str) -> Stage {
    Stage::with(targets, more, |settings| speaking(&settings))
}

/// What it said, whole or by events.
fn said(answer: &Response) -> String {
    let of = |body: &Value| {
        let text = &body["candidates"][0]["content"]["parts"][0]["text"];
        text.as_str().unwrap_or_default().to_owned()
    };
    let kind = answer.header("content-type").unwrap_or_default();
    if kind.starts_with("text/event-stream") {
        let events = answer.events();
        let event = |event: &String| of(&serde_json::from_str(event).expect("JSON"));
        return events.iter().map(event).collect();
    }
    of(&answer.json())
}

/// The paths a provider was asked by.
fn paths(simulator: &Simulator) -> Vec<String> {
    let requests = simulator.requests();
    let path = |request: &Value| request["path"].as_str().expect("a path").to_owned();
    requests.iter().map(path).collect()
}

#[test]
fn the_next_target_answers_by_its_own_name_and_is_paid_once() {
    for (fault, outcome) in [
        ("status-503", "server_error"),
        ("status-429", "rate_limited"),
    ] {
        let targets =
            format!("{{ provider: a, model: dear--{fault} }}, {{ provider: b, model: odd }}");
        for path in [WHOLE, STREAM] {
            let stage = set(&targets, &budget("$1.00"));
            let answer = stage.gateway.caller().post(path, &hello());
            assert_eq!(answer.status, 200, "{fault}: {}", answer.text());
            assert_eq!(answer.header("x-tollgate-provider"), Some("b"));
            assert!(!said(&answer).is_empty(), "{}", answer.text());
            let refused = path.replace("smart", &format!("dear--{fault}"));
            assert_eq!(paths(&stage.a), [refused.clone(), refused]);
            assert_eq!(paths(&stage.b), [path.replace("smart", "odd")]);
            assert_eq!(stage.b.last_body(), hello(), "the body as it came");
            stage.gateway.at_rest();
            assert_eq!(stage.attempts("a", outcome), 2);
            assert_eq!(stage.attempts("b", "ok"), 1);
            // Paid at the price of the one that answered, and only there.
            let paid = stage.b.meter_at_rest();
            assert_eq!((paid.calls, stage.a.meter().cost), (1, Money(0)));
            assert!(paid.cost > Money(0));
            assert_eq!(stage.ledger().spent, paid.cost);
            stage.assert_balanced();
            let decisions = stage.decisions(1);
            assert_eq!(decisions.len(), 1, "{decisions:?}");
            assert_eq!(decisions[0]["provider"], "b");
            assert_eq!(decisions[0]["model"], "smart");
            let told = decisions[0]["cost"].as_str().expect("a cost");
            assert_eq!(Money::of(told), paid.cost);
        }
    }
}

#[test]
fn a_body_that_repeats_the_model_names_the_next_target_too() {
    let targets = "{ provider: a, model: dear--status-503 }, { provider: b, model: odd }";
    let stage = set(targets, &budget("$1.00"));
    let mut body = hello();
    body["model"] = json!("models/smart");
    let answer = stage.gateway.caller().post(WHOLE, &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(stage.a.last_body()["model"], "models/dear--status-503");
    assert_eq!(stage.b.last_body()["model"], "models/odd");
    stage.assert_balanced();
}

#[test]
fn a_target_is_passed_over_where_its_dialect_has_no_such_call() {
    let (a, b) = (Simulator::start(PRICES), Simulator::start(PRICES));
    let targets = "{ provider: claude, model: dear }, { provider: b, model: odd }";
    let settings = speaking(&settings(a.address, b.address, targets, &budget("$1.00")));
    let home = Home::written(&a.prices, &settings);
    let gateway = home.start();
    let count = WHOLE.replace("generateContent", "countTokens");
    let body = json!({ "contents": hello()["contents"] });
    let answer = gateway.caller().post(&count, &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-tollgate-provider"), Some("b"));
    assert_eq!(paths(&b), [count.replace("smart", "odd")]);
    // What has a counterpart goes to the first, in its words.
    let answer = gateway.caller().post(WHOLE, &hello());
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-tollgate-provider"), Some("claude"));
    gateway.at_rest();
    assert_eq!(gateway.ledger("all").spent, b.meter_at_rest().cost);
}

#[test]
fn when_all_fail_google_s_words_say_what_became_of_each() {
    let targets =
        "{ provider: a, model: dear--status-503 }, { provider: b, model: odd--status-503 }";
    let stage = set(targets, &budget("$1.00"));
    for path in [WHOLE, STREAM] {
        let answer = stage.gateway.caller().post(path, &hello());
        assert_eq!(answer.status, 502, "{}", answer.text());
        let error = answer.json()["error"].take();
        let message = error["message"].as_str().expect("words");
        assert!(
            message.contains("`a`") && message.contains("`b`"),
            "{error}"
        );
        assert_eq!(error["code"], 502, "{error}");
        assert_eq!(
            error["details"][0]["@type"],
            "type.googleapis.com/google.rpc.ErrorInfo"
        );
    }
    let ledger = stage.ledger();
    assert_eq!((ledger.spent, ledger.reserved), (Money(0), Money(0)));
}
