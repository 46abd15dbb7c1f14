//! Texts on their way: what the provider sees, what the caller gets back, and what never leaves.

use super::rig::{PRICES, home, said, tollgate};
use crate::support::{Gateway, Home, Money, Simulator, chat, until};
use serde_json::{Value, json};

const REPLACE: &str = r#"version: 1
scope: {}
redact:
  - id: personal
    types: [EMAIL, PHONE, CREDIT_CARD]
    on: [request, tool_result]
    action: replace
    note: false
  - id: secrets
    types: [SECRET]
    on: [request, response]
    action: block
    message: "Take the secret out and rotate it."
"#;

fn started(policy: &str) -> (Simulator, Home, Gateway) {
    let simulator = Simulator::start(PRICES);
    let home = home(&simulator, policy);
    let gateway = home.start();
    (simulator, home, gateway)
}

/// What a stream of chat says.
fn content(events: &[String]) -> String {
    let parsed = events
        .iter()
        .filter_map(|event| serde_json::from_str::<Value>(event).ok());
    parsed
        .filter_map(|event| {
            event["choices"][0]["delta"]["content"]
                .as_str()
                .map(str::to_owned)
        })
        .collect()
}

#[test]
fn a_value_never_reaches_the_provider_and_the_caller_never_notices() {
    let (simulator, _home, gateway) = started(REPLACE);
    let text = "mail jane.doe@example.org or call +49 30 1234567, card 4111 1111 1111 1111.";
    let answer = gateway.caller().chat(&chat("sim-echo", text, &[]));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-tollgate-scan"), Some("full"));
    assert_eq!(answer.json()["choices"][0]["message"]["content"], text);
    let sent = simulator.last_body()["messages"][0]["content"]
        .as_str()
        .expect("text")
        .to_owned();
    for value in ["jane", "1234567", "4111"] {
        assert!(!sent.contains(value), "{sent}");
    }
    assert!(
        sent.contains("TG_EMAIL_")
            && sent.contains("TG_PHONE_")
            && sent.contains("TG_CREDIT_CARD_"),
        "{sent}"
    );

    // The same in a stream, whatever its pieces, and the same name in the next turn.
    for split in ["1", "3", "1000"] {
        let knobs = format!("{text} @sim(split={split})");
        let answer = gateway
            .caller()
            .chat(&chat("sim-echo", &knobs, &[("stream", json!(true))]));
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(content(&answer.events()), knobs, "split {split}");
        let again = simulator.last_body()["messages"][0]["content"]
            .as_str()
            .expect("text")
            .to_owned();
        assert!(again.starts_with(&sent), "{again}");
    }
    let findings = |detector| {
        gateway.count(
            "tollgate_findings_total",
            &[("detector", detector), ("action", "replace")],
        )
    };
    assert_eq!(findings("email"), 4);
    assert_eq!(
        gateway.count("tollgate_scan_total", &[("state", "full")]),
        4
    );
    gateway.at_rest();
}

#[test]
fn a_secret_is_refused_on_its_way_in_and_stopped_on_its_way_out() {
    let (simulator, _home, gateway) = started(REPLACE);
    let secret = concat!("gh", "p_", "16C7e42F292c6912E7710c838347Ae178B4a");
    let refused = gateway
        .caller()
        .chat(&chat("cent", &format!("use {secret}"), &[]));
    assert_eq!(refused.status, 400);
    let error = refused.json()["error"].clone();
    assert_eq!(
        (&error["type"], &error["code"]),
        (&json!("guardrail_violation"), &json!("content_filter"))
    );
    assert_eq!(error["message"], "Take the secret out and rotate it.");
    assert!(!refused.text().contains("16C7e42F"));
    assert_eq!(simulator.meter().calls, 0);
    let spent = gateway.ledger("day");
    assert_eq!((spent.spent, spent.reserved), Default::default());
    gateway.stop();
}

#[test]
fn what_the_model_says_is_guarded_and_paid_for() {
    // Only the answer is guarded, so that the echo can say what may not leave.
    let policy = "version: 1\nscope: {}\nredact:\n  - { id: secrets, types: [SECRET], on: [response], action: block }\n";
    let (simulator, _home, gateway) = started(policy);
    let secret = concat!("gh", "p_", "16C7e42F292c6912E7710c838347Ae178B4a");
    let text = format!("the token is {secret} as you asked");
    let refused = gateway.caller().chat(&chat("sim-echo", &text, &[]));
    assert_eq!(refused.status, 400, "{}", refused.text());
    assert_eq!(refused.json()["error"]["code"], "content_filter");
    let answer = gateway
        .caller()
        .chat(&chat("sim-echo", &text, &[("stream", json!(true))]));
    let said = answer.text();
    assert!(!said.contains("ghp") && !said.contains("16C7"), "{said}");
    let events = answer.events();
    assert_eq!(events.last().map(String::as_str), Some("[DONE]"));
    assert!(
        said.contains(r#""finish_reason":"content_filter""#),
        "{said}"
    );
    gateway.at_rest();
    // Both were paid for: the provider did the work.
    assert_eq!(gateway.ledger("day").spent, simulator.meter_at_rest().cost);
    let denied = |code| {
        gateway.count(
            "tollgate_decisions_total",
            &[("verdict", "deny"), ("reason", code)],
        )
    };
    assert_eq!(denied("content_filter"), 2);
}

#[test]
fn a_soft_refusal_is_an_answer() {
    let policy = "version: 1\nscope: {}\nredact:\n  - { id: cards, types: [CREDIT_CARD], on: [request], action: block, soft: true, message: No cards here. }\n";
    let (simulator, _home, gateway) = started(policy);
    let answer = gateway
        .caller()
        .chat(&chat("cent", "card 4111 1111 1111 1111", &[]));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let choice = answer.json()["choices"][0].clone();
    assert_eq!(
        (&choice["finish_reason"], &choice["message"]["refusal"]),
        (&json!("content_filter"), &json!("No cards here."))
    );
    let stream = gateway.caller().chat(&chat(
        "cent",
        "card 4111 1111 1111 1111",
        &[("stream", json!(true))],
    ));
    assert_eq!(
        stream.header("content-type"),
        Some("text/event-stream; charset=utf-8")
    );
    assert_eq!(stream.events().last().map(String::as_str), Some("[DONE]"));
    assert_eq!(simulator.meter().calls, 0);
}

#[test]
fn what_could_not_be_looked_at_is_said_and_can_be_denied() {
    let policy = "version: 1\nscope: {}\nrules:\n  - { id: no-partial, effect: deny, match: { scan: [partial, none], models: [words] } }\nredact:\n  - { id: mail, types: [EMAIL], on: [request], action: mask }\n";
    let (_simulator, _home, gateway) = started(policy);
    let image = |model: &str| {
        json!({ "model": model, "messages": [{ "role": "user", "content": [
            { "type": "text", "text": "what is this" },
            { "type": "image_url", "image_url": { "url": "data:image/png;base64,AAAA" } },
        ] }] })
    };
    let answer = gateway.caller().chat(&image("cent"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-tollgate-scan"), Some("partial"));
    let refused = gateway.caller().chat(&image("words"));
    assert_eq!(refused.status, 403, "{}", refused.text());
    assert_eq!(refused.json()["error"]["tollgate"]["rule"], "no-partial");
}

#[test]
fn texts_that_take_too_long_are_given_up_in_their_middle_and_refused() {
    let policy = "version: 1\nscope: {}\ndefaults: { scan_budget: 1ms }\nredact:\n  - { id: mail, types: [EMAIL], on: [request], action: mask }\n";
    let (simulator, _home, gateway) = started(policy);
    let dear = "@".repeat(1 << 20);
    let slices = vec![json!({ "role": "user", "content": "@".repeat(16 * 1024) }); 64];
    let call = json!({ "id": "c", "type": "function", "function": {
        "name": "f", "arguments": json!({ "a": dear }).to_string(),
    } });
    for messages in [
        json!([{ "role": "user", "content": dear }]),
        json!(slices),
        json!([
            { "role": "user", "content": "go on" },
            { "role": "assistant", "content": null, "tool_calls": [call] },
            { "role": "tool", "tool_call_id": "c", "content": "done" },
        ]),
    ] {
        let body = json!({ "model": "cent", "messages": messages });
        let refused = gateway.caller().chat(&body);
        assert_eq!(refused.status, 400, "{}", refused.text());
        assert_eq!(
            refused.json()["error"]["tollgate"]["rule"],
            "on_detector_error"
        );
        assert!(refused.text().contains("scan_budget"), "{}", refused.text());
    }
    assert_eq!(simulator.meter().calls, 0);
    gateway.at_rest();
}

#[test]
fn an_answer_that_takes_too_long_is_withheld_by_guards_in_force_and_else_said_to_be_partly_seen() {
    let dear = "@".repeat(1 << 20);
    let policy = |more: &str| {
        format!(
            "version: 1\nscope: {{}}\ndefaults: {{ scan_budget: 1ms{more} }}\nredact:\n  - {{ id: mail, types: [EMAIL], on: [response], action: mask"
        )
    };
    let shadow = ", mode: shadow, shadow_until: 2099-01-01 }\n";
    for (policy, status) in [
        (policy("") + " }\n", 400),
        (policy("") + shadow, 200),
        (policy(", on_detector_error: pass") + " }\n", 200),
    ] {
        let (_simulator, _home, gateway) = started(&policy);
        let text = format!("to jane.doe@example.org {dear}");
        let answer = gateway.caller().chat(&chat("sim-echo", &text, &[]));
        assert_eq!(answer.status, status, "{policy}");
        // It was made, so it is paid for whether it leaves or not.
        gateway.at_rest();
        assert_eq!(gateway.ledger("day").spent, Money::of("0.01"));
        if status == 400 {
            let error = &answer.json()["error"];
            assert_eq!(error["tollgate"]["rule"], "on_detector_error");
            assert!(answer.text().contains("scan_budget"), "{error}");
        } else {
            assert_eq!(answer.header("x-tollgate-scan"), Some("partial"));
            let partial = [("state", "partial")];
            assert_eq!(gateway.count("tollgate_scan_total", &partial), 1);
            // What was seen before it was given up is acted on, by a guard that is in force.
            let whole = answer.text().contains("jane.doe");
            assert_eq!(whole, policy.contains("shadow"), "{policy}");
        }
    }
}

#[test]
fn what_rules_set_is_what_goes_up() {
    let policy = r#"version: 1
scope: {}
limits: { max_output_tokens: 64 }
rules:
  - id: calm
    effect: allow
    match: any
    set: { temperature_max: 0.3, n_max: 1, stop: ["END"], system_prefix: "Be brief." }
  - id: cheaper
    match: { models: [words] }
    route: { model: cent }
"#;
    let (simulator, _home, gateway) = started(policy);
    let body = chat(
        "words",
        "hi",
        &[
            ("temperature", json!(1.2)),
            ("n", json!(3)),
            ("stop", json!("STOP")),
        ],
    );
    let answer = gateway.caller().chat(&body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sent = simulator.last_body();
    assert_eq!(sent["model"], "cent");
    assert_eq!(
        (&sent["temperature"], &sent["n"], &sent["stop"]),
        (&json!(0.3), &json!(1), &json!(["STOP", "END"]))
    );
    assert_eq!(
        sent["messages"][0],
        json!({ "role": "system", "content": "Be brief." })
    );
    assert_eq!(sent["max_tokens"], 64);
    gateway.at_rest();
    assert_eq!(gateway.ledger("day").spent, simulator.meter_at_rest().cost);
}

#[test]
fn what_is_written_null_is_set_without_writing_its_key_twice() {
    let policy = r#"version: 1
scope: {}
rules:
  - id: calm
    effect: allow
    match: any
    set: { temperature_max: 0.3, stop: ["END"], system_prefix: "Be brief." }
"#;
    let (simulator, _home, gateway) = started(policy);
    let mut caller = gateway.caller();
    let null = [("temperature", json!(null)), ("stop", json!(null))];
    let answer = caller.chat(&chat("cent", "hi", &null));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sent = simulator.last_body();
    assert_eq!(
        (&sent["temperature"], &sent["stop"]),
        (&json!(0.3), &json!(["END"]))
    );
    // A value that is none of its kind is not a way around what was set.
    let answer = caller.chat(&chat("cent", "hi", &[("temperature", json!("2"))]));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(simulator.last_body()["temperature"], 0.3);
    let body = json!({ "model": "cent", "input": "hi", "instructions": null });
    let answer = caller.post("/v1/responses", &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(simulator.last_body()["instructions"], "Be brief.");
}

#[test]
fn no_canary_value_is_in_any_record_log_or_metric() {
    let (_simulator, home, gateway) = started(REPLACE);
    let canary = "zebra.canary.7731@example.org";
    let answer = gateway
        .caller()
        .chat(&chat("sim-echo", &format!("mail {canary}"), &[]));
    assert_eq!(answer.status, 200);
    until("the decision is in the log", || {
        let log =
            std::fs::read_to_string(home.path().join("state/decisions/current.jsonl")).ok()?;
        log.contains("\"type\":\"EMAIL\"").then_some(())
    });
    let log = std::fs::read_to_string(home.path().join("state/decisions/current.jsonl"))
        .expect("the log");
    for text in [
        log,
        gateway.log(),
        gateway.admin("/metrics").text(),
        gateway.status().to_string(),
    ] {
        assert!(!text.contains("zebra"), "{text}");
    }
}

#[test]
fn what_a_policy_captures_is_masked_even_where_it_goes_up_as_it_is() {
    let policy = "version: 1\nscope: {}\ncapture: { models: [sim-echo] }\n";
    let (simulator, home, gateway) = started(policy);
    let text = "mail jane.doe@example.org about the harbour";
    for model in ["sim-echo", "cent"] {
        let answer = gateway.caller().chat(&chat(model, text, &[]));
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert_eq!(simulator.last_body()["messages"][0]["content"], text);
    let exported = || tollgate(&home, &["audit", "export", "--state-dir", "state"]);
    let log = until("both decisions are in the log", || {
        let log = said(&exported());
        (log.matches("\"input_tokens\"").count() >= 2).then_some(log)
    });
    let captured: Vec<Value> = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .flat_map(|record| find(&record, "captured"))
        .collect();
    assert_eq!(
        captured,
        ["request: mail [EMAIL] about the harbour\n"],
        "{log}"
    );
    assert!(!log.contains("jane"), "{log}");
}

#[test]
fn a_capture_that_asks_what_texts_hold_has_them_looked_at() {
    let policy = "version: 1\nscope: {}\ncapture: { detections: [EMAIL] }\n";
    let (_simulator, home, gateway) = started(policy);
    for text in ["mail jane.doe@example.org", "nothing to see"] {
        let answer = gateway.caller().chat(&chat("cent", text, &[]));
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("x-tollgate-scan"), Some("full"));
    }
    let exported = || tollgate(&home, &["audit", "export", "--state-dir", "state"]);
    let log = until("both decisions are in the log", || {
        let log = said(&exported());
        (log.matches("\"input_tokens\"").count() >= 2).then_some(log)
    });
    let captured: Vec<Value> = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .flat_map(|record| find(&record, "captured"))
        .collect();
    assert_eq!(captured, ["request: mail [EMAIL]\n"], "{log}");
}

/// The values of a member, wherever it stands.
fn find(value: &Value, name: &str) -> Vec<Value> {
    match value {
        Value::Object(members) => members
            .iter()
            .flat_map(|(key, value)| {
                if key == name {
                    vec![value.clone()]
                } else {
                    find(value, name)
                }
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(|item| find(item, name)).collect(),
        _ => Vec::new(),
    }
}
