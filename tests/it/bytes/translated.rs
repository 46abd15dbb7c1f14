//! Calls whose provider speaks otherwise than their caller: put into its words and back, and paid to the nano-dollar by what
//! it told in its own.

use super::upstream::{Scripted, Upstream};
use crate::door::rig::{CREDENTIAL, Gate, KEY, Reply, config, head, write_config};
use crate::support::Money;
use serde_json::{Value, json};

const MESSAGE: &[u8] = include_bytes!("../../golden/anthropic/message.json");
const STREAM: &[u8] = include_bytes!("../../golden/anthropic/message.sse");
const CHAT: &[u8] = include_bytes!("../../golden/openai/chat.json");
const CALLS: &[u8] = include_bytes!("../../golden/openai/chat_calls.sse");

const PRICES: &str = r#"revision: test
models:
  claude-m: { input: "3", cached_input: "0.3", cache_write: "3.75", cache_write_1h: "6", output: "15", web_search: "0.01", max_input: 200000, max_output: 640 }
  gpt-m: { input: "1", cached_input: "0.5", output: "10", max_input: 100000, max_output: 1000 }
"#;

const BUDGET: &str = r#"budgets: [{ name: all, match: {}, limit: "$100", window: 1d }]"#;

const CHAT_ASK: &str = r#"{"model":"claude-m","max_tokens":64,"messages":[{"role":"system","content":"s"},{"role":"user","content":"hi"}]}"#;
const MESSAGES_ASK: &str =
    r#"{"model":"gpt-m","max_tokens":64,"messages":[{"role":"user","content":"hi"}]}"#;

/// A gateway before one provider that it calls in either language. `lossy`: what it says of losses.
fn gate(upstream: &Upstream, lossy: &str, settings: &str) -> Gate {
    let address = upstream.address;
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("prices.yaml"), PRICES).expect("a price book");
    let settings = format!(
        "prices: [prices.yaml]\n\
         providers:\n  \
           claude: {{ kind: anthropic, base_url: \"http://{address}\", credential: {CREDENTIAL}{lossy} }}\n  \
           other: {{ kind: openai-compatible, base_url: \"http://{address}/v1\", credential: {CREDENTIAL}{lossy} }}\n\
         models:\n  \
           - {{ name: \"claude-*\", provider: claude }}\n  \
           - {{ name: \"*\", provider: other }}\n{settings}\n"
    );
    write_config(dir.path(), &config(address, &settings));
    Gate::start(dir, &[])
}

fn chat(gate: &Gate, body: &str) -> Reply {
    gate.post("/v1/chat/completions", body.as_bytes())
}

fn messages(gate: &Gate, body: &str) -> Reply {
    let length = format!("content-length: {}", body.len());
    let lines = [
        "content-type: application/json",
        &length,
        "anthropic-version: 2023-06-01",
        "anthropic-beta: a,b",
    ];
    let head = head("POST", "/v1/messages?beta=true", &lines);
    gate.ask(&[&head, body.as_bytes()].concat())
}

/// What was spent, once nothing is in flight.
fn spent(gate: &Gate) -> Money {
    crate::support::until("nothing is reserved", || {
        let status = gate.admin("/status").json();
        let budget = &status["budgets"][0];
        let quiet = budget["reserved"] == "0.00";
        quiet.then(|| Money::of(budget["spent"].as_str().expect("an amount")))
    })
}

/// The payloads of a stream.
fn events(reply: &Reply) -> Vec<Value> {
    let text = reply.text();
    let payloads = text.lines().filter_map(|line| line.strip_prefix("data: "));
    payloads
        .map(|data| serde_json::from_str(data).unwrap_or_else(|_| json!(data)))
        .collect()
}

/// What a stream of chat says.
fn content(events: &[Value]) -> String {
    let pieces = events.iter();
    pieces
        .filter_map(|event| event["choices"][0]["delta"]["content"].as_str())
        .collect()
}

#[test]
fn a_call_of_chat_reaches_a_provider_of_messages_and_comes_back() {
    let upstream = Upstream::answering(Scripted::whole(
        "200 OK",
        &["content-type: application/json", "request-id: req_theirs"],
        MESSAGE,
    ));
    let gate = gate(&upstream, "", BUDGET);
    let ask = CHAT_ASK.replace("64", "600,\"user\":\"u\",\"parallel_tool_calls\":true");
    let length = format!("content-length: {}", ask.len());
    let lines = [
        "content-type: application/json",
        &length,
        "openai-organization: o",
    ];
    let head = head("POST", "/v1/chat/completions?x=1", &lines);
    let reply = gate.ask(&[&head, ask.as_bytes()].concat());
    assert_eq!(reply.status, 200, "{}", reply.text());
    let sent = upstream.the_request();
    assert_eq!(sent.line, "POST /v1/messages HTTP/1.1");
    assert_eq!(sent.header("x-api-key"), Some(CREDENTIAL));
    assert_eq!(sent.header("anthropic-version"), Some("2023-06-01"));
    assert_eq!(sent.header("openai-organization"), None);
    assert_eq!(sent.header("authorization"), None);
    assert!(!sent.text().contains(KEY));
    assert_eq!(
        String::from_utf8_lossy(&sent.body),
        r#"{"model":"claude-m","max_tokens":600,"system":"s","messages":[{"role":"user","content":"hi"}],"metadata":{"user_id":"u"}}"#
    );
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("x-upstream-request-id"), Some("req_theirs"));
    assert_eq!(reply.header("x-tollgate-warning"), None);
    let body = reply.json();
    assert_eq!(body["object"], "chat.completion");
    assert_eq!(body["choices"][0]["message"]["content"], "Hi ü there");
    assert_eq!(body["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(body["usage"]["prompt_tokens"], 3995);
    // As a call in its own language: 2095 × 3 + 456 × 3.75 + 244 × 6 + 1200 × 0.3 + 503 × 15 per million, three searches.
    assert_eq!(reply.header("x-tollgate-cost-usd"), Some("0.047364"));
    assert_eq!(spent(&gate), Money::of("0.047364"));
}

#[test]
fn what_a_call_may_write_is_said_where_its_caller_did_not() {
    let upstream = Upstream::answering(Scripted::json(MESSAGE));
    let gate = gate(&upstream, "", "");
    let ask = r#"{"model":"claude-m","messages":[{"role":"user","content":"hi"}]}"#;
    assert_eq!(chat(&gate, ask).status, 200);
    let sent: Value = serde_json::from_slice(&upstream.the_request().body).expect("JSON");
    assert_eq!(sent["max_tokens"], 640);
    // Nobody knows how much this one may write.
    let reply = chat(&gate, &ask.replace("claude-m", "claude-new"));
    assert_eq!(reply.refused(400), "invalid_value");
    assert_eq!(reply.json()["error"]["param"], "max_tokens");
    assert!(upstream.arrived().is_empty());
}

#[test]
fn a_stream_of_messages_reaches_a_caller_of_chat_however_it_was_cut() {
    let upstream = Upstream::new();
    let gate = gate(&upstream, "", BUDGET);
    let ask = CHAT_ASK.replace("64", "64,\"stream\":true");
    let mut texts = Vec::new();
    for size in [1, 7, 100, STREAM.len()] {
        upstream.answers(Scripted::events(STREAM.chunks(size)));
        let before = spent(&gate);
        let reply = chat(&gate, &ask);
        let events = events(&reply);
        assert_eq!(content(&events), "Hello! \"usage\": ü€");
        assert_eq!(events.last(), Some(&json!("[DONE]")));
        // Nobody asked for the usage at the end.
        assert!(!reply.text().contains("prompt_tokens"), "{}", reply.text());
        // 25 × 3 + 50 × 3.75 + 10 × 6 + 1000 × 0.3 + 15 × 15.
        assert_eq!(spent(&gate) - before, Money::of("0.0008475"));
        texts.push(content(&events));
        let sent: Value = serde_json::from_slice(&upstream.the_request().body).expect("JSON");
        assert_eq!(sent["stream"], true);
    }
    upstream.answers(Scripted::events([STREAM]));
    let ask = ask.replace("true", r#"true,"stream_options":{"include_usage":true}"#);
    let events = events(&chat(&gate, &ask));
    let usage = events.iter().rev().nth(1).expect("a usage");
    assert_eq!(usage["usage"]["prompt_tokens"], 1085);
    assert_eq!(
        usage["usage"]["prompt_tokens_details"]["cached_tokens"],
        1000
    );
}

#[test]
fn a_translated_stream_that_outruns_its_cap_ends_as_its_caller_expects() {
    let upstream = Upstream::new();
    let gate = gate(&upstream, "", BUDGET);
    let text = String::from_utf8(STREAM.to_vec()).expect("text");
    let (begin, _) = text.split_once("event: content_block_stop").expect("one");
    let delta = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"more words\"}}\n\n";
    let endless = format!("{begin}{}", delta.repeat(200));
    upstream.answers(Scripted::events(endless.as_bytes().chunks(500)));
    let ask = CHAT_ASK.replace(
        "64",
        r#"16,"stream":true,"stream_options":{"include_usage":true}"#,
    );
    let events = events(&chat(&gate, &ask));
    let end: Vec<&Value> = events.iter().rev().take(3).collect();
    assert_eq!(end.first(), Some(&&json!("[DONE]")));
    let used = end.get(1).map(|event| &event["usage"]["completion_tokens"]);
    assert!(
        used.and_then(Value::as_u64).is_some_and(|used| used >= 16),
        "{end:?}"
    );
    let last = end
        .get(2)
        .map(|event| &event["choices"][0]["finish_reason"]);
    assert_eq!(last, Some(&json!("length")));
    assert!(spent(&gate) > Money::of("0.0006"));
}

#[test]
fn a_translated_stream_that_breaks_off_ends_with_an_error_and_is_paid() {
    let upstream = Upstream::new();
    let gate = gate(&upstream, "", BUDGET);
    let text = String::from_utf8(STREAM.to_vec()).expect("text");
    let (begin, _) = text.split_once("event: content_block_stop").expect("one");
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    upstream.answers(Scripted::raw(format!(
        "{head}{:x}\r\n{begin}\r\n",
        begin.len()
    )));
    let reply = chat(&gate, &CHAT_ASK.replace("64", "64,\"stream\":true"));
    let events = events(&reply);
    let last = events.last().expect("an error");
    assert_eq!(last["error"]["code"], "upstream_error", "{}", reply.text());
    // As a stream in its own language is paid: what was told at the beginning, and eight tokens of text.
    assert_eq!(spent(&gate), Money::of("0.0007425"));
}

#[test]
fn a_refusal_of_the_provider_wears_the_callers_dialect() {
    let upstream = Upstream::new();
    let gate = gate(&upstream, "", BUDGET);
    upstream.answers(Scripted::whole(
        "400 Bad Request",
        &["content-type: application/json"],
        br#"{"type":"error","error":{"type":"invalid_request_error","message":"max_tokens: too many"}}"#,
    ));
    let reply = chat(&gate, CHAT_ASK);
    assert_eq!(reply.refused(400), "invalid_request_error");
    assert_eq!(reply.json()["error"]["message"], "max_tokens: too many");
    upstream.answers(Scripted::whole(
        "401 Unauthorized",
        &["content-type: application/json"],
        br#"{"error":{"message":"Incorrect API key","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#,
    ));
    let reply = messages(&gate, MESSAGES_ASK);
    assert_eq!(reply.status, 401);
    assert_eq!(reply.json()["error"]["type"], "authentication_error");
    assert_eq!(spent(&gate), Money::default());
    // What is no answer is none for the caller, and was paid for all the same.
    upstream.answers(Scripted::json(br#"{"type":"ping"}"#));
    let reply = chat(&gate, CHAT_ASK);
    assert_eq!(reply.refused(502), "upstream_error");
    assert!(spent(&gate) > Money::default());
}

#[test]
fn what_cannot_be_said_is_refused_before_anything_is_asked_or_told_where_that_is_configured() {
    let upstream = Upstream::answering(Scripted::json(MESSAGE));
    let ask = CHAT_ASK.replace("64", r#"64,"seed":7,"logprobs":true"#);
    let strict = gate(&upstream, "", BUDGET);
    let reply = chat(&strict, &ask);
    assert_eq!(reply.refused(400), "unsupported_parameter");
    let body = reply.json();
    assert_eq!(body["error"]["param"], "seed");
    assert!(
        body["error"]["message"]
            .as_str()
            .is_some_and(|said| said.contains("lossy: warn"))
    );
    let twice = CHAT_ASK.replace("64", r#"64,"n":2"#);
    assert_eq!(chat(&strict, &twice).json()["error"]["param"], "n");
    let reply = messages(&strict, &MESSAGES_ASK.replace("64", r#"64,"top_k":5"#));
    assert_eq!(reply.status, 400);
    assert_eq!(reply.json()["error"]["details"]["param"], "top_k");
    assert!(upstream.arrived().is_empty());
    assert_eq!(spent(&strict), Money::default());
    let lax = gate(&upstream, ", lossy: warn", BUDGET);
    let reply = chat(&lax, &ask);
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(
        reply.header("x-tollgate-warning"),
        Some("not translated: seed, logprobs")
    );
    assert!(!upstream.the_request().text().contains("seed"));
    // More answers than one are no setting.
    assert_eq!(chat(&lax, &twice).refused(400), "unsupported_parameter");
}

#[test]
fn a_call_of_messages_reaches_a_provider_of_chat_and_comes_back() {
    let upstream = Upstream::answering(Scripted::json(CHAT));
    let gate = gate(&upstream, "", BUDGET);
    let reply = messages(&gate, MESSAGES_ASK);
    assert_eq!(reply.status, 200, "{}", reply.text());
    let sent = upstream.the_request();
    assert_eq!(sent.line, "POST /v1/chat/completions HTTP/1.1");
    assert_eq!(sent.header("anthropic-beta"), None);
    assert_eq!(sent.header("anthropic-version"), None);
    let bearer = format!("Bearer {CREDENTIAL}");
    assert_eq!(sent.header("authorization"), Some(&*bearer));
    assert_eq!(
        String::from_utf8_lossy(&sent.body),
        r#"{"model":"gpt-m","messages":[{"role":"user","content":"hi"}],"max_tokens":64}"#
    );
    let body = reply.json();
    assert_eq!(
        (&body["type"], &body["stop_reason"]),
        (&json!("message"), &json!("end_turn"))
    );
    assert_eq!(
        body["content"][0]["text"],
        "Grüezi, \"usage\": {\"prompt_tokens\": 1}"
    );
    assert_eq!(body["usage"]["input_tokens"], 13);
    // 13 × 1 + 6 × 0.5 + 10 × 10.
    assert_eq!(spent(&gate), Money::of("0.000116"));
    assert_eq!(reply.header("x-tollgate-warning"), None);
    // What no answer hangs on is told, and no reason to refuse.
    let cached = r#"64,"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}]"#;
    let reply = messages(&gate, &MESSAGES_ASK.replace("64", cached));
    assert_eq!(reply.status, 200, "{}", reply.text());
    let told = reply.header("x-tollgate-warning");
    assert_eq!(told, Some("not translated: cache_control"));
    assert!(!upstream.the_request().text().contains("cache_control"));
}

#[test]
fn a_stream_of_chat_reaches_a_caller_of_messages() {
    let upstream = Upstream::new();
    let gate = gate(&upstream, "", BUDGET);
    for size in [1, 13, CALLS.len()] {
        upstream.answers(Scripted::events(CALLS.chunks(size)));
        let before = spent(&gate);
        let ask = MESSAGES_ASK.replace("64", "64,\"stream\":true");
        let reply = messages(&gate, &ask);
        let kinds: Vec<Value> = events(&reply)
            .iter()
            .map(|event| event["type"].clone())
            .collect();
        assert_eq!(
            kinds.first(),
            Some(&json!("message_start")),
            "{}",
            reply.text()
        );
        assert_eq!(kinds.last(), Some(&json!("message_stop")));
        let last = events(&reply);
        let last = last.iter().rev().nth(1).expect("a delta");
        assert_eq!(last["delta"]["stop_reason"], "tool_use");
        assert_eq!(last["usage"]["output_tokens"], 60);
        // 20 × 1 + 100 × 0.5 + 60 × 10: what is written to a cache has no price of its own.
        assert_eq!(spent(&gate) - before, Money::of("0.00067"));
        let sent: Value = serde_json::from_slice(&upstream.the_request().body).expect("JSON");
        assert_eq!(sent["stream_options"]["include_usage"], true);
    }
}

/// The same, with one model that both providers answer for, in this order.
fn both(upstream: &Upstream, order: [&str; 2]) -> Gate {
    let address = upstream.address;
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("prices.yaml"), PRICES).expect("a price book");
    let targets = order
        .map(|name| format!("{{ provider: {name} }}"))
        .join(", ");
    let settings = format!(
        "prices: [prices.yaml]\nretries: {{ attempts: 1, backoff: 5ms..5ms }}\n\
         providers:\n  \
           claude: {{ kind: anthropic, base_url: \"http://{address}\", credential: {CREDENTIAL}, lossy: warn }}\n  \
           other: {{ kind: openai-compatible, base_url: \"http://{address}/v1\", credential: {CREDENTIAL} }}\n\
         models: [{{ name: \"*\", targets: [{targets}] }}]\n"
    );
    write_config(dir.path(), &config(address, &settings));
    Gate::start(dir, &[])
}

#[test]
fn a_target_that_speaks_as_the_caller_gets_the_callers_bytes_after_one_that_does_not() {
    let failing = || Scripted::whole("503 Service Unavailable", &["content-length: 0"], b"");
    // White space and an unknown field: what is written anew has neither.
    let ask = r#"{ "model":"claude-m",  "max_tokens":64,"messages":[{"role":"user","content":"hi"}] , "seed" : 7 }"#;
    let length = format!("content-length: {}", ask.len());
    let lines = [
        "content-type: application/json",
        &length,
        "openai-organization: o",
    ];
    let head = head("POST", "/v1/chat/completions?x=1", &lines);
    let call = [&head, ask.as_bytes()].concat();
    let upstream = Upstream::answering(failing());
    let there_first = both(&upstream, ["claude", "other"]);
    assert_eq!(there_first.ask(&call).status, 502);
    let lines: Vec<String> = upstream
        .arrived()
        .iter()
        .map(|sent| sent.line.clone())
        .collect();
    let expected = [
        "POST /v1/messages HTTP/1.1",
        "POST /v1/chat/completions?x=1 HTTP/1.1",
    ];
    assert_eq!(lines, expected);
    there_first.ask(&call);
    let sent = upstream.arrived();
    let (first, last) = (sent.first().expect("one"), sent.last().expect("two"));
    assert_eq!(last.text().matches(ask).count(), 1, "{}", last.text());
    assert_eq!(last.header("openai-organization"), Some("o"));
    assert_eq!(last.header("anthropic-version"), None);
    assert_eq!(first.header("openai-organization"), None);
    assert_eq!(first.header("anthropic-version"), Some("2023-06-01"));
    // And before one that does not.
    let here_first = both(&upstream, ["other", "claude"]);
    here_first.ask(&call);
    let sent = upstream.arrived();
    let (first, last) = (sent.first().expect("one"), sent.last().expect("two"));
    assert_eq!(String::from_utf8_lossy(&first.body), ask);
    assert_eq!(last.line, "POST /v1/messages HTTP/1.1");
    assert_eq!(
        String::from_utf8_lossy(&last.body),
        r#"{"model":"claude-m","max_tokens":64,"messages":[{"role":"user","content":"hi"}]}"#
    );
}

#[test]
fn a_provider_that_has_to_be_told_a_cap_is_passed_over_where_there_is_none() {
    let upstream = Upstream::answering(Scripted::json(CHAT));
    let gate = both(&upstream, ["claude", "other"]);
    let ask = r#"{"model":"claude-new","messages":[{"role":"user","content":"hi"}]}"#;
    let reply = chat(&gate, ask);
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header("x-tollgate-provider"), Some("other"));
    let sent = upstream.the_request();
    assert_eq!(String::from_utf8_lossy(&sent.body), ask);
}
