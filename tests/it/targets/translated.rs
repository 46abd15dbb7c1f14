//! Targets of one model that speak different dialects: the next one is asked in its own words, and is paid by its own.

use super::{PRICES, Stage, budget, nobody, settings};
use crate::support::{Home, Money, Response, Simulator, chat};
use serde_json::{Value, json};

fn hello(more: &[(&str, Value)]) -> Value {
    let cap = [("max_tokens", json!(30))];
    chat("smart", "hello @sim(out=20)", &[&cap, more].concat())
}

fn streamed() -> (&'static str, Value) {
    ("stream", json!(true))
}

impl Stage {
    /// A call of messages.
    fn messages(&self, more: &[(&str, Value)]) -> Response {
        let mut caller = self
            .gateway
            .caller()
            .with("anthropic-version", "2023-06-01");
        caller.post("/v1/messages", &hello(more))
    }

    /// The same stage, where what has no words for `claude` is left out.
    fn lax(targets: &str) -> Self {
        Self::with(targets, &budget("$1.00"), |settings| {
            settings.replace("kind: anthropic,", "kind: anthropic, lossy: warn,")
        })
    }
}

/// Everything a whole answer or a stream of chat completions said.
fn chat_said(answer: &Response) -> String {
    let text = |value: &Value, of: &str| {
        let said = value["choices"][0][of]["content"].as_str();
        said.unwrap_or_default().to_owned()
    };
    if answer.header("content-type") == Some("application/json") {
        return text(&answer.json(), "message");
    }
    let events = answer.events();
    assert_eq!(events.last().map(String::as_str), Some("[DONE]"));
    let events = events
        .iter()
        .filter_map(|event| serde_json::from_str(event).ok());
    events.map(|event| text(&event, "delta")).collect()
}

/// The same of messages.
fn message_said(answer: &Response) -> String {
    if answer.header("content-type") == Some("application/json") {
        let body = answer.json();
        assert_eq!(body["type"], "message", "{body}");
        return body["content"][0]["text"]
            .as_str()
            .expect("text")
            .to_owned();
    }
    let events: Vec<Value> = answer
        .events()
        .iter()
        .map(|event| serde_json::from_str(event).expect("JSON"))
        .collect();
    assert_eq!(events.last().expect("an end")["type"], "message_stop");
    let pieces = events.iter();
    pieces
        .filter_map(|event| event["delta"]["text"].as_str())
        .collect()
}

#[test]
fn a_call_of_chat_falls_back_to_a_provider_of_messages() {
    for (fault, outcome) in [("500", "server_error"), ("429", "rate_limited")] {
        let targets = format!(
            "{{ provider: a, model: dear--status-{fault} }}, {{ provider: claude, model: odd }}"
        );
        let stage = Stage::set(&targets, &budget("$1.00"));
        for (number, body) in [hello(&[]), hello(&[streamed()])].iter().enumerate() {
            let answer = stage.gateway.caller().chat(body);
            assert_eq!(answer.status, 200, "{fault}: {}", answer.text());
            assert_eq!(answer.header("x-tollgate-provider"), Some("claude"));
            assert_eq!(answer.header("x-tollgate-warning"), None);
            assert!(!chat_said(&answer).is_empty(), "{}", answer.text());
            let sent = stage.b.last_body();
            assert_eq!(
                (&sent["model"], &sent["max_tokens"]),
                (&json!("odd"), &json!(30))
            );
            assert_eq!(sent.get("stream_options"), None, "its own words: {sent}");
            stage.gateway.at_rest();
            let times = u64::try_from(number + 1).expect("a number");
            assert_eq!(stage.attempts("a", outcome), 2 * times);
            assert_eq!(stage.attempts("claude", "ok"), times);
            assert_eq!(stage.a.meter().cost, Money(0));
            stage.assert_balanced();
        }
        assert_paid_once(&stage, "claude", stage.b.meter().cost);
    }
}

#[test]
fn a_call_of_messages_falls_back_to_a_provider_of_chat() {
    for (fault, outcome) in [("500", "server_error"), ("429", "rate_limited")] {
        let targets = format!(
            "{{ provider: claude, model: dear--status-{fault} }}, {{ provider: a, model: odd }}"
        );
        let stage = Stage::set(&targets, &budget("$1.00"));
        for (number, more) in [vec![], vec![streamed()]].iter().enumerate() {
            let answer = stage.messages(more);
            assert_eq!(answer.status, 200, "{fault}: {}", answer.text());
            assert_eq!(answer.header("x-tollgate-provider"), Some("a"));
            assert!(!message_said(&answer).is_empty(), "{}", answer.text());
            let sent = stage.a.last_body();
            assert_eq!(
                (&sent["model"], &sent["max_tokens"]),
                (&json!("odd"), &json!(30))
            );
            let asks = &sent["stream_options"]["include_usage"];
            assert_eq!(
                asks.as_bool().unwrap_or_default(),
                !more.is_empty(),
                "{sent}"
            );
            stage.gateway.at_rest();
            let times = u64::try_from(number + 1).expect("a number");
            assert_eq!(stage.attempts("claude", outcome), 2 * times);
            assert_eq!(stage.attempts("a", "ok"), times);
            assert_eq!(stage.b.meter().cost, Money(0));
            stage.assert_balanced();
        }
        assert_paid_once(&stage, "a", stage.a.meter().cost);
    }
}

#[test]
fn a_call_of_chat_falls_back_to_a_provider_of_contents_and_one_of_contents_to_one_of_chat() {
    let targets = "{ provider: a, model: dear--status-500 }, { provider: google, model: odd }";
    let stage = Stage::set(targets, &budget("$1.00"));
    for body in [hello(&[]), hello(&[streamed()])] {
        let answer = stage.gateway.caller().chat(&body);
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("x-tollgate-provider"), Some("google"));
        assert_eq!(answer.header("x-tollgate-warning"), None);
        assert!(!chat_said(&answer).is_empty(), "{}", answer.text());
        let sent = stage.b.last_body();
        assert_eq!(sent["generationConfig"], json!({ "maxOutputTokens": 30 }));
    }
    stage.assert_balanced();
    assert_paid_once(&stage, "google", stage.b.meter().cost);
    let targets = "{ provider: google, model: dear--status-503 }, { provider: a, model: odd }";
    let stage = Stage::set(targets, &budget("$1.00"));
    for method in ["generateContent", "streamGenerateContent?alt=sse"] {
        let path = format!("/v1beta/models/smart:{method}");
        let body = json!({ "contents": [{ "parts": [{ "text": "hello @sim(out=20)" }] }],
            "generationConfig": { "maxOutputTokens": 30 } });
        let answer = stage.gateway.caller().post(&path, &body);
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("x-tollgate-provider"), Some("a"));
        assert!(answer.text().contains("\"finishReason\":\"STOP\""));
        let sent = stage.a.last_body();
        assert_eq!(
            (&sent["model"], &sent["max_tokens"]),
            (&json!("odd"), &json!(30))
        );
    }
    stage.assert_balanced();
    assert_paid_once(&stage, "a", stage.a.meter().cost);
}

/// Two calls were each decided once, answered by this provider, and paid by what it metered.
#[track_caller]
fn assert_paid_once(stage: &Stage, provider: &str, cost: Money) {
    let decisions = stage.decisions(2);
    assert_eq!(decisions.len(), 2, "{decisions:?}");
    for decision in &decisions {
        assert_eq!(decision["provider"], provider, "{decision}");
        assert_eq!(decision["verdict"], "allow", "{decision}");
    }
    let told: Money = (decisions.iter())
        .map(|decision| Money::of(decision["cost"].as_str().expect("a cost")))
        .sum();
    assert_eq!(told, cost);
    assert!(told > Money(0));
}

#[test]
fn a_target_that_is_not_there_is_left_for_one_of_another_dialect() {
    let (targets, back) = (
        "{ provider: a, model: dear }, { provider: claude, model: odd }",
        "{ provider: claude, model: dear }, { provider: a, model: odd }",
    );
    let there = Simulator::start(PRICES);
    let home = Home::written(
        &there.prices,
        &settings(nobody(), there.address, targets, &budget("$1.00")),
    );
    let gateway = home.start();
    for body in [hello(&[]), hello(&[streamed()])] {
        let answer = gateway.caller().chat(&body);
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("x-tollgate-provider"), Some("claude"));
        assert!(!chat_said(&answer).is_empty());
    }
    gateway.at_rest();
    assert_eq!(gateway.ledger("all").spent, there.meter_at_rest().cost);
    let there = Simulator::start(PRICES);
    let home = Home::written(
        &there.prices,
        &settings(there.address, nobody(), back, &budget("$1.00")),
    );
    let gateway = home.start();
    for more in [vec![], vec![streamed()]] {
        let mut caller = gateway.caller().with("anthropic-version", "2023-06-01");
        let answer = caller.post("/v1/messages", &hello(&more));
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("x-tollgate-provider"), Some("a"));
        assert!(!message_said(&answer).is_empty());
    }
    gateway.at_rest();
    assert_eq!(gateway.ledger("all").spent, there.meter_at_rest().cost);
}

#[test]
fn a_target_that_cannot_be_asked_all_of_it_is_passed_over() {
    let stage = Stage::set(
        "{ provider: claude, model: odd }, { provider: a, model: dear }",
        &budget("$1.00"),
    );
    for more in [vec![], vec![streamed()]] {
        let asked = [vec![("seed", json!(7))], more].concat();
        let answer = stage.gateway.caller().chat(&hello(&asked));
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("x-tollgate-provider"), Some("a"));
        assert_eq!(stage.a.last_body()["seed"], 7);
    }
    assert_eq!(stage.b.requests().len(), 0);
    stage.assert_balanced();
    // Also by the second: what the first one failed at stands.
    let stage = Stage::set(
        "{ provider: a, model: dear--status-500 }, { provider: claude, model: odd }",
        &budget("$1.00"),
    );
    let answer = stage.gateway.caller().chat(&hello(&[("seed", json!(7))]));
    assert_eq!(answer.status, 502, "{}", answer.text());
    let message = answer.json()["error"]["message"].take();
    assert!(
        message
            .as_str()
            .is_some_and(|said| said.contains("`claude` (`seed` cannot be translated")),
        "{message}"
    );
    assert_eq!(stage.b.requests().len(), 0);
    assert_eq!(stage.ledger().spent, Money(0));
    stage.assert_balanced();
}

#[test]
fn a_call_that_no_target_can_be_asked_is_refused_with_the_field() {
    let stage = Stage::set(
        "{ provider: claude, model: odd }, { provider: claude, model: dear }",
        &budget("$1.00"),
    );
    let answer = stage.gateway.caller().chat(&hello(&[("seed", json!(7))]));
    assert_eq!(answer.status, 400, "{}", answer.text());
    let error = answer.json()["error"].take();
    assert_eq!(error["code"], "unsupported_parameter", "{error}");
    assert_eq!(error["param"], "seed", "{error}");
    assert_eq!(stage.b.requests().len(), 0);
    assert_eq!(stage.ledger().reserved, Money(0));
}

#[test]
fn a_warning_is_of_the_target_that_answered() {
    // The first one would lose something, the second nothing.
    let stage =
        Stage::lax("{ provider: claude, model: dear--status-503 }, { provider: a, model: odd }");
    let answer = stage.gateway.caller().chat(&hello(&[("seed", json!(7))]));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-tollgate-provider"), Some("a"));
    assert_eq!(answer.header("x-tollgate-warning"), None);
    assert_eq!(stage.a.last_body()["seed"], 7, "as it was written");
    stage.assert_balanced();
    // And the other way round.
    let stage =
        Stage::lax("{ provider: a, model: dear--status-503 }, { provider: claude, model: odd }");
    for more in [vec![], vec![streamed()]] {
        let asked = [vec![("seed", json!(7))], more].concat();
        let answer = stage.gateway.caller().chat(&hello(&asked));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let told = answer.header("x-tollgate-warning");
        assert_eq!(told, Some("not translated: seed"));
        assert_eq!(stage.b.last_body().get("seed"), None);
    }
    stage.assert_balanced();
}

#[test]
fn a_target_with_an_open_circuit_is_asked_where_the_others_cannot_be() {
    let targets = "{ provider: a, model: dear--status-500 }, { provider: claude, model: odd }";
    let circuit = "{ failures: 1, open_for: 1h }";
    let stage = Stage::with_circuits(circuit, targets, &budget("$1.00"));
    for times in 1..=2 {
        let answer = stage.gateway.caller().chat(&hello(&[("seed", json!(7))]));
        assert_eq!(answer.status, 502, "{}", answer.text());
        // With its retries, as if it were alone.
        assert_eq!(stage.a.requests().len(), 2 * times);
    }
    let answer = stage.gateway.caller().chat(&hello(&[]));
    assert_eq!(answer.header("x-tollgate-provider"), Some("claude"));
    assert_eq!(stage.a.requests().len(), 4);
    stage.assert_balanced();
}
