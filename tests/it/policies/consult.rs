//! Guards elsewhere: asked before, during and after a call, what they are told, and what their silence means.

use super::listener::{ALLOW, DENY, Listener, Reply};
use super::rig::{PRICES, home, said, tollgate};
use crate::support::{Gateway, Home, Money, Simulator, chat, until};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn started(policy: &str) -> (Simulator, Home, Gateway) {
    let simulator = Simulator::start(PRICES);
    let home = home(&simulator, policy);
    std::fs::write(home.path().join("token"), "s3cret-token\n").expect("a secret");
    let gateway = home.start();
    (simulator, home, gateway)
}

fn policy(listener: &Listener, rest: &str) -> String {
    format!(
        "version: 1\nscope: {{}}\nconsult:\n  - {{ id: dlp, url: \"http://{}/check?v=1\", {rest} }}\n",
        listener.address
    )
}

fn streamed(model: &str, text: &str) -> Value {
    chat(model, text, &[("stream", json!(true))])
}

fn spent(gateway: &Gateway) -> Money {
    gateway.at_rest();
    gateway.ledger("day").spent
}

#[test]
fn what_a_guard_denies_costs_nothing_and_it_sees_no_more_than_the_provider() {
    let listener = Listener::new(|body| {
        if body["texts"].to_string().contains("client") {
            DENY
        } else {
            ALLOW
        }
    });
    let redact = "redact: [{ id: personal, types: [EMAIL], action: replace, note: false }]\n";
    let header = "headers: { authorization: \"file:../token\" }, on_error: deny";
    let (simulator, _home, gateway) = started(&format!("{}{redact}", policy(&listener, header)));
    let denied = gateway
        .caller()
        .chat(&chat("cent", "our client is jane.doe@example.org", &[]));
    assert_eq!(denied.status, 400, "{}", denied.text());
    assert_eq!(denied.json()["error"]["code"], "content_filter");
    assert_eq!(
        denied.json()["error"]["message"],
        "guard `dlp` does not let the request pass: it names a client"
    );
    assert_eq!(simulator.meter().calls, 0);
    let passed = gateway
        .caller()
        .chat(&chat("cent", "write to jane.doe@example.org", &[]));
    assert_eq!(passed.status, 200, "{}", passed.text());

    let heard = listener.heard();
    assert_eq!(heard.len(), 2);
    assert!(
        heard[0].head.starts_with("POST /check?v=1 HTTP/1.1"),
        "{}",
        heard[0].head
    );
    assert!(
        heard[0].head.contains("authorization: s3cret-token\r\n"),
        "{}",
        heard[0].head
    );
    let body = &heard[1].body;
    let sent = simulator.last_body()["messages"][0]["content"].clone();
    assert_eq!(body["texts"], json!([{ "source": "user", "text": sent }]));
    assert!(!body.to_string().contains("jane"), "{body}");
    let told = [
        "guard", "on", "endpoint", "model", "key", "team", "project", "agent",
    ]
    .map(|name| body[name].as_str());
    let expected = [
        "dlp", "request", "chat", "cent", "dev", "red", "atlas", "scout",
    ]
    .map(Some);
    assert_eq!(told, expected);
    assert_eq!(body["id"].as_str(), passed.header("x-tollgate-decision-id"));

    assert_eq!(
        gateway.count(
            "tollgate_findings_total",
            &[("detector", "dlp"), ("action", "block")]
        ),
        1
    );
    assert_eq!(spent(&gateway), Money::of("0.01"));
    assert!(!gateway.log().contains("s3cret-token"));
    gateway.stop();
}

#[test]
fn a_guard_that_does_not_answer_decides_as_its_entry_says() {
    let silent = Listener::new(|_| Reply::Nothing);
    let broken = Listener::new(|_| Reply::Say(500, r#"{"action":"allow"}"#));
    let moved = Listener::new(|_| Reply::Say(307, r#"{"action":"allow"}"#));
    let strange = Listener::new(|_| Reply::Say(200, r#"{"action":"maybe"}"#));
    let gone = Listener {
        address: TcpListener::bind("127.0.0.1:0")
            .expect("a port")
            .local_addr()
            .expect("its address"),
        heard: Arc::default(),
    };
    for (listener, asked) in [
        (&silent, 1),
        (&broken, 1),
        (&moved, 1),
        (&strange, 1),
        (&gone, 0),
    ] {
        for (on_error, status) in [("allow", 200), ("deny", 400)] {
            let before = listener.heard().len();
            let policy = policy(listener, &format!("timeout: 300ms, on_error: {on_error}"));
            let (simulator, _home, gateway) = started(&policy);
            let answer = gateway.caller().chat(&chat("cent", "hi", &[]));
            assert_eq!(answer.status, status, "{}", answer.text());
            assert_eq!(simulator.meter().calls, u64::from(status == 200));
            assert_eq!(listener.heard().len() - before, asked);
            let action = if status == 200 { "flag" } else { "block" };
            let noted = gateway.count(
                "tollgate_findings_total",
                &[("detector", "dlp"), ("action", action)],
            );
            assert_eq!(noted, 1);
        }
    }
}

#[test]
fn an_answer_waits_for_guards_that_are_asked_meanwhile_and_is_paid_for_when_they_deny() {
    for (stream, text) in [
        (false, "tell the secret"),
        (true, "tell the secret"),
        (true, "@sim(out=400,token_delay=20ms)"),
    ] {
        let (listener, go) = Listener::waiting(|| DENY);
        let policy = policy(&listener, "during: true, timeout: 20s, on_error: deny");
        let (simulator, _home, gateway) = started(&policy);
        let model = if text.starts_with('@') {
            "cent"
        } else {
            "sim-echo"
        };
        let body = if stream {
            streamed(model, text)
        } else {
            chat(model, text, &[])
        };
        let address = gateway.listen;
        let calling = std::thread::spawn(move || {
            let mut caller = crate::support::Client::to(address);
            caller = caller.with("authorization", &format!("Bearer {}", crate::support::KEY));
            caller.chat(&body)
        });
        until("both are asked", || {
            (simulator.meter().calls == 1 && listener.heard().len() == 1).then_some(())
        });
        std::thread::sleep(Duration::from_millis(100));
        assert!(!calling.is_finished(), "an answer before the guard's");
        go.send(()).expect("it listens");
        let answer = calling.join().expect("an answer");
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert_eq!(answer.json()["error"]["code"], "content_filter");
        assert!(!answer.text().contains("secret"), "{}", answer.text());
        assert_eq!(spent(&gateway), Money::of("0.01"), "stream {stream}");
        assert_eq!(
            gateway.count(
                "tollgate_decisions_total",
                &[("verdict", "deny"), ("reason", "content_filter")]
            ),
            1
        );
    }
}

#[test]
fn what_guards_let_pass_is_what_the_provider_said() {
    let listener = Listener::new(|_| ALLOW);
    for rest in [
        "during: true, on_error: deny",
        "on: [response], on_error: deny",
        "on: [request, response], during: true, on_error: deny",
    ] {
        let (simulator, _home, gateway) = started(&policy(&listener, rest));
        let with_usage = [
            ("stream", json!(true)),
            ("stream_options", json!({ "include_usage": true })),
        ];
        let body = chat(
            "sim-echo",
            "one two three @sim(token_delay=5ms)",
            &with_usage,
        );
        let through = gateway.caller().chat(&body);
        assert_eq!(through.status, 200, "{}", through.text());
        let direct = crate::support::Client::to(simulator.address).chat(&body);
        let plain = |events: &[String]| -> Vec<Value> {
            let parsed = events
                .iter()
                .filter_map(|event| serde_json::from_str::<Value>(event).ok());
            parsed
                .map(|event| json!([event["choices"], event["usage"]]))
                .collect()
        };
        assert_eq!(plain(&through.events()), plain(&direct.events()), "{rest}");
        assert!(through.text().ends_with("data: [DONE]\n\n"));
        let whole = gateway.caller().chat(&chat("sim-echo", "one two", &[]));
        assert_eq!(whole.json()["choices"][0]["message"]["content"], "one two");
        assert_eq!(spent(&gateway), Money::of("0.02"));
    }
}

#[test]
fn what_the_model_says_is_heard_before_it_leaves() {
    let listener = Listener::new(|body| {
        assert_eq!(body["on"], "response");
        if body["texts"][0]["text"]
            .as_str()
            .is_some_and(|text| text.contains("client"))
        {
            DENY
        } else {
            ALLOW
        }
    });
    let redact = "redact: [{ id: personal, types: [EMAIL], action: replace, note: false }]\n";
    let policy = format!(
        "{}{redact}",
        policy(&listener, "on: [response], on_error: deny")
    );
    let (_simulator, _home, gateway) = started(&policy);
    let text = "the client is jane.doe@example.org";
    let whole = gateway.caller().chat(&chat("sim-echo", text, &[]));
    assert_eq!(whole.status, 400, "{}", whole.text());
    let message = "guard `dlp` does not let the answer pass: it names a client";
    assert_eq!(whole.json()["error"]["message"], message);

    let stream = gateway.caller().chat(&streamed("sim-echo", text));
    assert_eq!(stream.status, 200);
    let events = stream.events();
    assert_eq!(events.last().map(String::as_str), Some("[DONE]"));
    let first: Value = serde_json::from_str(&events[0]).expect("JSON");
    assert_eq!(first["choices"][0]["finish_reason"], "content_filter");
    assert_eq!(first["choices"][0]["delta"], json!({ "refusal": message }));
    assert!(
        !stream.text().contains("jane") && !stream.text().contains("client is"),
        "{}",
        stream.text()
    );

    // What the guard heard holds names, not values; and the caller has them back where it passes.
    let passed = gateway
        .caller()
        .chat(&streamed("sim-echo", "write to jane.doe@example.org"));
    assert!(
        passed.text().contains("jane.doe@example.org"),
        "{}",
        passed.text()
    );
    let heard = listener.heard();
    assert_eq!(heard.len(), 3);
    assert!(
        heard
            .iter()
            .all(|heard| !heard.body.to_string().contains("jane"))
    );
    assert_eq!(heard[0].body["texts"], heard[1].body["texts"]);
    assert_eq!(heard[0].body["texts"][0]["source"], "assistant");
    assert_eq!(spent(&gateway), Money::of("0.03"));
    assert_eq!(
        gateway.count(
            "tollgate_findings_total",
            &[("detector", "dlp"), ("action", "block")]
        ),
        2
    );
}

#[test]
fn an_answer_too_long_to_be_held_was_not_heard() {
    let listener = Listener::new(|_| DENY);
    let long = [
        ("stream", json!(true)),
        ("n", json!(2)),
        ("max_tokens", json!(16_000)),
    ];
    let body = chat("cent", "@sim(out=16000)", &long);
    for (on_error, action) in [("deny", "block"), ("allow", "flag")] {
        let rest = format!("on: [response], on_error: {on_error}");
        let (_simulator, _home, gateway) = started(&policy(&listener, &rest));
        let answer = gateway.caller().chat(&body);
        assert_eq!(answer.status, 200);
        let events = answer.events();
        assert_eq!(events.last().map(String::as_str), Some("[DONE]"));
        assert_eq!(
            events.len() > 30_000,
            on_error == "allow",
            "{} events",
            events.len()
        );
        assert_eq!(answer.text().contains("content_filter"), on_error == "deny");
        let findings = [("detector", "dlp"), ("action", action)];
        assert!(spent(&gateway) > Money::default());
        assert_eq!(gateway.count("tollgate_findings_total", &findings), 1);
    }
    assert_eq!(listener.heard().len(), 0);
}

#[test]
fn what_came_of_a_broken_answer_is_heard_before_it_leaves() {
    for (reply, leaves) in [(ALLOW, true), (DENY, false)] {
        let reply = Mutex::new(Some(reply));
        let listener = Listener::new(move |_| reply.lock().unwrap().take().expect("one question"));
        let (_simulator, _home, gateway) =
            started(&policy(&listener, "on: [response], on_error: deny"));
        let answer = gateway
            .caller()
            .chat(&streamed("cent", "@sim(out=40,cut=5)"));
        let events = answer.events();
        assert_eq!(listener.heard().len(), 1);
        if leaves {
            assert!(events.len() > 5, "{events:?}");
            assert!(
                answer.text().contains("broke off in the middle"),
                "{}",
                answer.text()
            );
        } else {
            assert_eq!(events.last().map(String::as_str), Some("[DONE]"));
            assert!(!answer.text().contains("\"content\""), "{}", answer.text());
        }
        assert_eq!(spent(&gateway), Money::of("0.01"));
    }
}

#[test]
fn an_answer_of_responses_is_heard_as_well() {
    let listener = Listener::new(|body| {
        if body["texts"].to_string().contains("client") {
            DENY
        } else {
            ALLOW
        }
    });
    let (_simulator, _home, gateway) =
        started(&policy(&listener, "on: [response], on_error: deny"));
    let ask = |text: &str| {
        let body = json!({ "model": "sim-echo", "input": text, "stream": true });
        gateway.caller().post("/v1/responses", &body)
    };
    let denied = ask("our client").text();
    assert!(denied.contains("event: response.incomplete"), "{denied}");
    assert!(
        denied.contains("content_filter") && !denied.contains("our client"),
        "{denied}"
    );
    let passed = ask("our friend").text();
    assert!(
        passed.contains("event: response.completed") && passed.contains("our friend"),
        "{passed}"
    );
    // Said in pieces, and once more as a whole: heard once, among words of the protocol's own.
    let heard = listener.heard();
    let texts = heard[1].body["texts"].as_array().expect("texts");
    let said = json!({ "source": "assistant", "text": "our friend" });
    assert_eq!(texts.iter().filter(|text| **text == said).count(), 1);
    assert_eq!(heard[1].body.to_string().matches("friend").count(), 1);
    assert_eq!(spent(&gateway), Money::of("0.02"));
}

#[test]
fn a_caller_who_leaves_while_a_guard_is_asked_still_pays() {
    let (listener, go) = Listener::waiting(|| ALLOW);
    let (simulator, _home, gateway) = started(&policy(
        &listener,
        "during: true, timeout: 20s, on_error: deny",
    ));
    let sent = gateway
        .caller()
        .send_only("/v1/chat/completions", &streamed("cent", "hi"));
    until("both are asked", || {
        (simulator.meter().calls == 1 && listener.heard().len() == 1).then_some(())
    });
    sent.hang_up();
    assert_eq!(spent(&gateway), Money::of("0.01"));
    drop(go);
}

#[test]
fn a_moderation_endpoint_is_asked_in_its_own_words() {
    let listener = Listener::new(|body| {
        let flagged = body["input"][0]
            .as_str()
            .is_some_and(|text| text.contains("harm"));
        Reply::Say(
            200,
            if flagged {
                r#"{"results":[{"flagged":true,"categories":{"violence":true,"hate":false}}]}"#
            } else {
                r#"{"results":[{"flagged":false,"categories":{"violence":false}}]}"#
            },
        )
    });
    let (simulator, _home, gateway) =
        started(&policy(&listener, "kind: moderation, on_error: deny"));
    let denied = gateway.caller().chat(&chat("cent", "do harm", &[]));
    assert_eq!(denied.status, 400, "{}", denied.text());
    assert_eq!(
        denied.json()["error"]["message"],
        "guard `dlp` does not let the request pass: violence"
    );
    assert_eq!(
        gateway.caller().chat(&chat("cent", "do good", &[])).status,
        200
    );
    assert_eq!(simulator.meter().calls, 1);
    assert_eq!(listener.heard()[0].body, json!({ "input": ["do harm"] }));
}

#[test]
fn a_guard_that_is_asked_about_what_texts_hold_has_them_looked_at_and_hears_no_others() {
    let listener = Listener::new(|_| DENY);
    for rest in [
        "match: { detections: [EMAIL] }, on_error: deny",
        "match: { detections: [EMAIL] }, during: true, on_error: deny",
        "match: { detections: [EMAIL] }, on: [response], on_error: deny",
    ] {
        let (_simulator, _home, gateway) = started(&policy(&listener, rest));
        for (text, status) in [
            ("nothing to see", 200),
            ("mail jane.doe@example.org", 400),
            ("call +41 44 668 18 00", 200),
        ] {
            let before = listener.heard().len();
            let answer = gateway.caller().chat(&chat("cent", text, &[]));
            let asked = listener.heard().len() - before;
            assert_eq!((answer.status, asked), (status, usize::from(status == 400)));
            assert_eq!(answer.header("x-tollgate-scan"), Some("full"), "{rest}");
        }
    }
}

#[test]
fn an_answer_holds_for_equal_questions_as_long_as_its_entry_says() {
    let listener = Listener::new(|body| {
        if body["texts"].to_string().contains("no") {
            DENY
        } else {
            ALLOW
        }
    });
    let (_simulator, _home, gateway) = started(&policy(&listener, "cache: 10m, on_error: deny"));
    for (text, status, asked) in [
        ("hi", 200, 1),
        ("hi", 200, 1),
        ("no", 400, 2),
        ("no", 400, 2),
        ("ho", 200, 3),
    ] {
        let answer = gateway.caller().chat(&chat("cent", text, &[]));
        assert_eq!(
            (answer.status, listener.heard().len()),
            (status, asked),
            "{text}"
        );
    }
}

#[test]
fn an_alert_rings_once_and_holds_no_content() {
    let listener = Listener::new(|_| Reply::Say(204, ""));
    let policy = format!(
        "version: 1\nscope: {{}}\nrules:\n  - id: no-cent\n    effect: deny\n    match: {{ models: [cent] }}\n    message: \"Ask for another model.\"\n    alert: {{ webhook: \"http://{}/ring\" }}\n",
        listener.address
    );
    let (_simulator, _home, gateway) = started(&policy);
    for _ in 0..3 {
        assert_eq!(
            gateway
                .caller()
                .chat(&chat("cent", "a secret text", &[]))
                .status,
            403
        );
    }
    let sent = || gateway.count("tollgate_alerts_total", &[("result", "sent")]);
    until("the alert is sent", || (sent() == 1).then_some(()));
    let heard = listener.heard();
    assert_eq!(heard.len(), 1);
    let mut body = heard[0].body.clone();
    assert!(body["id"].as_str().is_some_and(|id| id.starts_with("dec_")));
    assert!(body["at"].as_str().is_some_and(|at| at.ends_with('Z')));
    body["id"] = Value::Null;
    body["at"] = Value::Null;
    let expected = json!({ "id": null, "rule": "no-cent", "at": null, "decision": "deny", "key": "dev", "team": "red",
        "project": "atlas", "model": "cent", "message": "Ask for another model." });
    assert_eq!(body, expected);
}

#[test]
fn an_alert_of_a_rule_about_calls_of_tools_rings_for_whole_answers_and_streams() {
    for stream in [false, true] {
        let listener = Listener::new(|_| Reply::Say(204, ""));
        let ring = format!("alert: {{ webhook: \"http://{}/ring\" }}", listener.address);
        let policy = format!(
            "version: 1\nscope: {{}}\nrules:\n  - {{ id: watched, match: {{ tool_calls: [ {{ name: \"read_*\" }} ] }}, {ring} }}\n  - id: no-rm\n    effect: deny\n    match: {{ tool_calls: [ {{ name: rm }} ] }}\n    message: \"Nothing is removed.\"\n    {ring}\n"
        );
        let (_simulator, _home, gateway) = started(&policy);
        let told = |name: &str, status: u16, alerts: usize| {
            let function = json!({ "name": name, "parameters": { "type": "object" } });
            let tools = json!([{ "type": "function", "function": function }]);
            let more = [("tools", tools), ("stream", json!(stream))];
            let text = format!("go @sim(tool={name})");
            let answer = gateway.caller().chat(&chat("cent", &text, &more));
            assert_eq!(answer.status, status, "{}", answer.text());
            let sent = || gateway.count("tollgate_alerts_total", &[("result", "sent")]);
            until("the alert is sent", || {
                (sent() == u64::try_from(alerts).expect("few")).then_some(())
            });
            let body = listener.heard()[alerts - 1].body.clone();
            let told =
                ["rule", "decision", "key", "model", "message"].map(|name| body[name].clone());
            let id = body["id"].as_str().map(str::to_owned);
            assert_eq!(id.as_deref(), answer.header("x-tollgate-decision-id"));
            told
        };
        assert_eq!(
            told("read_file", 200, 1),
            [
                "watched",
                "allow",
                "dev",
                "cent",
                "rule `watched` matched a call"
            ]
        );
        assert_eq!(
            told("rm", if stream { 200 } else { 403 }, 2),
            ["no-rm", "deny", "dev", "cent", "Nothing is removed."]
        );
    }
}

#[test]
fn an_alert_about_a_call_beside_one_that_is_denied_says_what_became_of_the_answer() {
    let listener = Listener::new(|_| Reply::Say(204, ""));
    let ring = format!("alert: {{ webhook: \"http://{}/ring\" }}", listener.address);
    let policy = format!(
        "version: 1\nscope: {{}}\nrules:\n  - {{ id: watched, match: {{ tool_calls: [ {{ name: \"read_*\" }} ] }}, {ring} }}\n  - {{ id: no-rm, effect: deny, match: {{ tool_calls: [ {{ name: rm }} ] }} }}\n"
    );
    let (_simulator, _home, gateway) = started(&policy);
    let tool = |name: &str| json!({ "type": "function", "function": { "name": name, "parameters": { "type": "object" } } });
    let more = [("tools", json!([tool("read_file"), tool("rm")]))];
    let answer = gateway.caller().chat(&chat("cent", "in parallel", &more));
    assert_eq!(answer.status, 403, "{}", answer.text());
    let sent = || gateway.count("tollgate_alerts_total", &[("result", "sent")]);
    until("the alert is sent", || (sent() == 1).then_some(()));
    let body = listener.heard()[0].body.clone();
    assert_eq!(
        (&body["rule"], &body["decision"]),
        (&json!("watched"), &json!("deny"))
    );
}

#[test]
fn an_alert_that_does_not_arrive_is_tried_once_more_and_counted() {
    let listener = Listener::new(|_| Reply::Say(500, ""));
    let policy = format!(
        "version: 1\nscope: {{}}\nrules:\n  - {{ id: tell, match: {{ models: [cent] }}, alert: {{ webhook: \"http://{}/\" }} }}\n",
        listener.address
    );
    let (_simulator, _home, gateway) = started(&policy);
    assert_eq!(gateway.caller().chat(&chat("cent", "hi", &[])).status, 200);
    let failed = || gateway.count("tollgate_alerts_total", &[("result", "failed")]);
    until("it is given up", || (failed() == 1).then_some(()));
    assert_eq!(listener.heard().len(), 2);
    assert!(gateway.log().contains("an alert was not delivered"));
}

#[test]
fn policies_whose_secret_is_not_there_are_not_loaded() {
    let simulator = Simulator::start(PRICES);
    let policy = "version: 1\nscope: {}\nconsult:\n  - { id: dlp, url: \"https://guard.example/\", headers: { authorization: \"${TOLLGATE_TEST_UNSET}\" }, on_error: deny }\n";
    let home = home(&simulator, policy);
    let output = tollgate(&home, &["serve", "-c", "tollgate.yaml"]);
    assert!(!output.status.success());
    let told = said(&output);
    assert!(
        told.contains("org.yaml:4:") && told.contains("TOLLGATE_TEST_UNSET"),
        "{told}"
    );
}
