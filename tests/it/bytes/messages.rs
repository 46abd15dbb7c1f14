//! Anthropic's messages: they pass as they came, wear the vendor's dialect where we speak ourselves, and are paid to the
//! nano-dollar in every class.

use super::upstream::{Scripted, Upstream};
use crate::door::rig::{CREDENTIAL, Gate, KEY, Reply, config, head, write_config};
use crate::support::Money;
use serde_json::{Value, json};

const MESSAGE: &[u8] = include_bytes!("../../golden/anthropic/message.json");
const COMPACTED: &[u8] = include_bytes!("../../golden/anthropic/compacted.json");
const COUNT: &[u8] = include_bytes!("../../golden/anthropic/count.json");
const STREAM: &[u8] = include_bytes!("../../golden/anthropic/message.sse");
const TOOLS: &[u8] = include_bytes!("../../golden/anthropic/message_tools.sse");

/// The smallest request.
const HELLO: &str =
    r#"{"model":"claude-m","max_tokens":64,"messages":[{"role":"user","content":"hi"}]}"#;

/// Every class at a price of its own, so that none can stand for another.
const PRICES: &str = r#"revision: test
models:
  claude-m: { input: "3", cached_input: "0.3", cache_write: "3.75", cache_write_1h: "6", output: "15", web_search: "0.01", max_input: 200000, max_output: 64000 }
  claude-plain: { input: "3", output: "15", max_input: 200000, max_output: 64000 }
  gpt-m: { input: "1", output: "1", max_input: 1000, max_output: 1000 }
"#;

const BUDGET: &str = r#"budgets: [{ name: all, match: {}, limit: "$100", window: 1d }]"#;

/// A gateway with one provider that speaks messages and one that does not.
fn gate(upstream: &Upstream, settings: &str) -> Gate {
    let address = upstream.address;
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("prices.yaml"), PRICES).expect("a price book");
    let settings = format!(
        "prices: [prices.yaml]\n\
         providers:\n  \
           claude: {{ kind: anthropic, base_url: \"http://{address}\", credential: {CREDENTIAL} }}\n  \
           other: {{ kind: openai-compatible, base_url: \"http://{address}/v1\", credential: {CREDENTIAL} }}\n\
         models:\n  \
           - {{ name: \"claude-*\", provider: claude }}\n  \
           - {{ name: \"*\", provider: other }}\n{settings}\n"
    );
    write_config(dir.path(), &config(address, &settings));
    Gate::start(dir, &[])
}

/// A POST with the key as the vendor's clients show it.
fn post(gate: &Gate, path: &str, headers: &[&str], body: &str) -> Reply {
    let key = format!("x-api-key: {KEY}");
    let length = format!("content-length: {}", body.len());
    let mut lines = vec!["content-type: application/json", &length, &key];
    lines.extend_from_slice(headers);
    let head = String::from_utf8(head("POST", path, &lines)).expect("text");
    let bearer = format!("authorization: Bearer {KEY}\r\n");
    gate.ask(&[head.replace(&bearer, "").as_bytes(), body.as_bytes()].concat())
}

fn messages(gate: &Gate, body: &str) -> Reply {
    post(gate, "/v1/messages", &[], body)
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

/// A refusal of this status in the shape the vendor's clients read; returns its type and code.
#[track_caller]
fn refused(reply: &Reply, status: u16) -> (String, String) {
    assert_eq!(reply.status, status, "{}", reply.text());
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let body = reply.json();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    assert_eq!(body["type"], "error", "{body}");
    assert!(!text(&body["error"]["message"]).is_empty());
    assert_eq!(
        Some(&*text(&body["request_id"])),
        reply.header("request-id")
    );
    assert_eq!(reply.header("request-id"), reply.header("x-request-id"));
    (
        text(&body["error"]["type"]),
        text(&body["error"]["details"]["error_code"]),
    )
}

#[test]
fn a_request_goes_up_as_it_came_with_our_credential_and_a_version() {
    let upstream = Upstream::answering(Scripted::json(MESSAGE));
    let gate = gate(&upstream, "");
    let odd = "{ \"messages\":[ {\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"na\\u00efve \u{1f980}\",\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"}}]}],\n\t\"max_tokens\": 64 ,\"model\":\"claude\\u002dm\",\"unheard\":{\"of\":[1.50,null]}, \"system\":\"x\" }";
    let reply = messages(&gate, odd);
    assert_eq!((reply.status, &*reply.body), (200, MESSAGE));
    let sent = upstream.the_request();
    assert_eq!(sent.line, "POST /v1/messages HTTP/1.1");
    assert_eq!(sent.body, odd.as_bytes());
    assert_eq!(sent.header("x-api-key"), Some(CREDENTIAL));
    assert_eq!(sent.header("anthropic-version"), Some("2023-06-01"));
    assert_eq!(sent.header("authorization"), None);
    assert!(!sent.text().contains(KEY));
    let headers = ["anthropic-version: 2099-01-01", "anthropic-beta: a,b"];
    let reply = post(&gate, "/v1/messages?beta=true", &headers, HELLO);
    assert_eq!(reply.status, 200);
    let sent = upstream.the_request();
    assert_eq!(sent.line, "POST /v1/messages?beta=true HTTP/1.1");
    assert_eq!(sent.header("anthropic-version"), Some("2099-01-01"));
    assert_eq!(sent.header("anthropic-beta"), Some("a,b"));
    assert_eq!(sent.body, HELLO.as_bytes());
    // The other way to show a key is as good.
    let reply = gate.post("/v1/messages", HELLO.as_bytes());
    assert_eq!(reply.status, 200);
    assert_eq!(upstream.the_request().header("x-api-key"), Some(CREDENTIAL));
}

#[test]
fn the_providers_id_stands_beside_ours() {
    let answer = Scripted::whole(
        "200 OK",
        &["content-type: application/json", "request-id: req_theirs"],
        MESSAGE,
    );
    let upstream = Upstream::answering(answer);
    let gate = gate(&upstream, "");
    let reply = messages(&gate, HELLO);
    assert_eq!(reply.header("x-upstream-request-id"), Some("req_theirs"));
    assert_eq!(reply.header("request-id"), reply.header("x-request-id"));
    let reply = post(&gate, "/v1/messages", &["x-request-id: mine"], HELLO);
    assert_eq!(reply.header("request-id"), Some("mine"));
}

#[test]
fn captured_streams_pass_unchanged_wherever_they_are_cut() {
    let upstream = Upstream::new();
    let gate = gate(&upstream, "");
    let ask = HELLO.replace("64", "64000,\"stream\":true");
    for stream in [STREAM, TOOLS] {
        upstream.answers(Scripted::events(stream.chunks(1)));
        assert_eq!(
            messages(&gate, &ask).text(),
            String::from_utf8_lossy(stream)
        );
        for at in (0..=stream.len()).step_by(11) {
            let (first, second) = stream.split_at(at);
            upstream.answers(Scripted::events([first, second]));
            let found = messages(&gate, &ask).text();
            assert_eq!(found, String::from_utf8_lossy(stream), "cut at {at}");
        }
    }
}

#[test]
fn every_class_is_paid_at_its_price_whole_and_streamed() {
    let upstream = Upstream::new();
    let gate = gate(&upstream, BUDGET);
    let mut before = Money::default();
    let mut costs = |answer: Scripted, ask: &str| {
        upstream.answers(answer);
        let reply = messages(&gate, ask);
        assert_eq!(reply.status, 200, "{}", reply.text());
        let now = spent(&gate);
        let cost = now - before;
        before = now;
        (cost, reply)
    };
    // 2095 × 3 + 456 × 3.75 + 244 × 6 + 1200 × 0.3 + 503 × 15 per million, and three searches at a cent.
    let searching = HELLO.replace(
        "\"max_tokens\":64",
        r#""max_tokens":600,"tools":[{"type":"web_search_20250305","name":"web_search","max_uses":5}]"#,
    );
    let (cost, reply) = costs(Scripted::json(MESSAGE), &searching);
    assert_eq!(cost, Money::of("0.047364"));
    assert_eq!(reply.header("x-tollgate-cost-usd"), Some("0.047364"));
    // The compaction's 9000 and 500 and 300 are beside the message's 100 and 20.
    let (cost, _) = costs(Scripted::json(COMPACTED), HELLO);
    assert_eq!(cost, Money::of("0.03225"));
    // 25 × 3 + 50 × 3.75 + 10 × 6 + 1000 × 0.3 + 15 × 15.
    let streaming = HELLO.replace("64", "64,\"stream\":true");
    let (cost, _) = costs(Scripted::events([STREAM]), &streaming);
    assert_eq!(cost, Money::of("0.0008475"));
    // The last that is told counts: 10682 × 3 + 510 × 15, and a search.
    let (cost, _) = costs(
        Scripted::events([TOOLS]),
        &searching.replace("600", "600,\"stream\":true"),
    );
    assert_eq!(cost, Money::of("0.049696"));
}

#[test]
fn a_usage_that_is_not_told_is_never_nothing() {
    let upstream = Upstream::new();
    let gate = gate(&upstream, BUDGET);
    let silent = String::from_utf8(STREAM.to_vec()).expect("text");
    let silent = silent.replace(r#","usage":{"output_tokens":15}"#, "");
    upstream.answers(Scripted::events([silent.as_bytes()]));
    let streaming = HELLO.replace("64", "64,\"stream\":true");
    assert_eq!(messages(&gate, &streaming).text(), silent);
    // What was read was told at the beginning; what was written is counted: 23 bytes, a token for three of them.
    assert_eq!(spent(&gate), Money::of("0.0007425"));
    let before = spent(&gate);
    upstream.answers(Scripted::json(
        br#"{"type":"message","content":[{"type":"text","text":"abcdef"}]}"#,
    ));
    assert_eq!(messages(&gate, HELLO).status, 200);
    // Input as it was weighed, at its dearest, and two tokens of output.
    assert!(spent(&gate) - before > Money::of("0.00003"));
}

#[test]
fn a_stream_that_outruns_its_cap_ends_as_messages_end() {
    let upstream = Upstream::new();
    let gate = gate(&upstream, BUDGET);
    let text = String::from_utf8(STREAM.to_vec()).expect("text");
    let (begin, _) = text.split_once("event: content_block_stop").expect("one");
    let delta = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"more words\"}}\n\n";
    let endless = format!("{begin}{}", delta.repeat(200));
    upstream.answers(Scripted::events(endless.as_bytes().chunks(500)));
    let reply = messages(&gate, &HELLO.replace("64", "16,\"stream\":true"));
    let said = reply.text();
    let (_, end) = said.rsplit_once("more words\"}}\n\n").expect("some came");
    let kinds: Vec<&str> = end
        .lines()
        .filter_map(|line| line.strip_prefix("event: "))
        .collect();
    assert_eq!(
        kinds,
        ["content_block_stop", "message_delta", "message_stop"]
    );
    let last: Value = end
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).expect("JSON"))
        .find(|event: &Value| event["type"] == "message_delta")
        .expect("one");
    assert_eq!(last["delta"]["stop_reason"], "max_tokens");
    assert!(last["usage"]["output_tokens"].as_u64().expect("a count") >= 16);
    assert!(spent(&gate) > Money::of("0.0006"));
}

#[test]
fn a_stream_that_breaks_off_ends_with_an_error_and_is_paid() {
    let upstream = Upstream::new();
    let gate = gate(&upstream, BUDGET);
    let text = String::from_utf8(STREAM.to_vec()).expect("text");
    let (begin, _) = text.split_once("event: content_block_stop").expect("one");
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    upstream.answers(Scripted::raw(format!(
        "{head}{:x}\r\n{begin}\r\n",
        begin.len()
    )));
    let reply = messages(&gate, &HELLO.replace("64", "64,\"stream\":true"));
    let said = reply.text();
    assert!(
        said.starts_with(begin) && !said.contains("message_stop"),
        "{said}"
    );
    let error = said
        .rsplit_once("event: error\ndata: ")
        .expect("an error")
        .1;
    let error: Value = serde_json::from_str(error.trim()).expect("JSON");
    assert_eq!(
        (&error["type"], &error["error"]["type"]),
        (&json!("error"), &json!("api_error"))
    );
    // 25 × 3 + 50 × 3.75 + 10 × 6 + 1000 × 0.3, and the eight tokens that 23 bytes of text are counted as.
    assert_eq!(spent(&gate), Money::of("0.0007425"));
}

/// A stream that breaks off at this event.
fn broken_at(event: &str) -> Scripted {
    let text = String::from_utf8(TOOLS.to_vec()).expect("text");
    let (begin, _) = text.split_once(event).expect("one");
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    Scripted::raw(format!("{head}{:x}\r\n{begin}\r\n", begin.len()))
}

#[test]
fn what_was_searched_before_a_stream_breaks_off_is_paid() {
    let upstream = Upstream::new();
    let gate = gate(&upstream, BUDGET);
    let searching = HELLO.replace(
        "\"max_tokens\":64",
        r#""max_tokens":600,"stream":true,"tools":[{"type":"web_search_20250305","name":"web_search","max_uses":5}]"#,
    );
    upstream.answers(broken_at(
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":3",
    ));
    assert_eq!(messages(&gate, &searching).status, 200);
    // The whole input that the model can read, at 3 dollars a million, and a search; not the 472 of the beginning.
    assert!(
        spent(&gate) > Money::of("0.01") + Money::of("0.032"),
        "{:?}",
        spent(&gate)
    );
}

#[test]
fn a_thought_that_is_never_shown_is_paid_as_far_as_it_may_go() {
    let upstream = Upstream::new();
    let gate = gate(&upstream, BUDGET);
    let thinking = HELLO.replace(
        "\"max_tokens\":64",
        r#""max_tokens":4000,"stream":true,"thinking":{"type":"enabled","budget_tokens":2000}"#,
    );
    upstream.answers(broken_at("event: content_block_delta"));
    assert_eq!(messages(&gate, &thinking).status, 200);
    // 472 × 3 + 2000 × 15 per million.
    assert_eq!(spent(&gate), Money::of("0.031416"));
    // Once it has ended, what came is counted.
    let before = spent(&gate);
    upstream.answers(broken_at(
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":1",
    ));
    assert_eq!(messages(&gate, &thinking).status, 200);
    assert!(spent(&gate) - before < Money::of("0.003"));
}

#[test]
fn an_error_of_the_providers_own_is_the_last_that_comes() {
    let upstream = Upstream::new();
    let gate = gate(&upstream, BUDGET);
    let text = String::from_utf8(STREAM.to_vec()).expect("text");
    let (begin, _) = text.split_once("event: content_block_stop").expect("one");
    for error in [
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n",
        "data: {\"error\":{\"message\":\"Overloaded\"}}\n\n",
    ] {
        let whole = format!("{begin}{error}");
        upstream.answers(Scripted::events([whole.as_bytes()]));
        let reply = messages(&gate, &HELLO.replace("64", "64,\"stream\":true"));
        assert_eq!(reply.text(), whole);
    }
}

#[test]
fn refusals_wear_the_vendors_shape() {
    let upstream = Upstream::new();
    let gate = gate(
        &upstream,
        r#"budgets: [{ name: tiny, match: {}, limit: "$0.0001", window: 1d, at_limit: deny }]"#,
    );
    let kind = |reply: &Reply, status| refused(reply, status);
    let word = |kind: &str, code: &str| (kind.to_owned(), code.to_owned());
    let reply = gate.ask(
        &[
            format!("POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nx-api-key: wrong\r\ncontent-length: {}\r\n\r\n", HELLO.len()).as_bytes(),
            HELLO.as_bytes(),
        ]
        .concat(),
    );
    assert_eq!(
        kind(&reply, 401),
        word("authentication_error", "invalid_api_key")
    );
    let reply = messages(&gate, HELLO);
    assert_eq!(
        kind(&reply, 429),
        word("rate_limit_error", "insufficient_quota")
    );
    assert_eq!(reply.header("x-should-retry"), Some("false"));
    let told = &reply.json()["error"]["tollgate"];
    assert_eq!(
        (&told["budget"], &told["remaining"]),
        (&json!("tiny"), &json!("0.0001"))
    );
    let reply = messages(&gate, "{\"model\":\"claude-m\",\"max_tokens\":64}");
    assert_eq!(
        kind(&reply, 400),
        word("invalid_request_error", "missing_required_parameter")
    );
    assert_eq!(reply.json()["error"]["details"]["param"], "messages");
    let reply = messages(&gate, r#"{"model":"claude-m","messages":[]}"#);
    assert_eq!(reply.json()["error"]["details"]["param"], "max_tokens");
    let reply = messages(&gate, "{");
    assert_eq!(
        kind(&reply, 400),
        word("invalid_request_error", "unexpected_end")
    );
    let reply = post(&gate, "/v1/messages/batches", &[], "{}");
    assert_eq!(kind(&reply, 404), word("not_found_error", "unknown_url"));
    let reply = gate.ask(&head("GET", "/v1/messages", &[]));
    assert_eq!(kind(&reply, 405).1, "method_not_allowed");
    assert!(upstream.arrived().is_empty());
}

#[test]
fn what_has_no_counterpart_is_not_translated_and_that_is_said() {
    let upstream = Upstream::new();
    let gate = gate(&upstream, "");
    let count = HELLO.replace("claude-m", "gpt-m");
    let reply = post(&gate, "/v1/messages/count_tokens", &[], &count);
    assert_eq!(refused(&reply, 400).1, "dialect_not_served");
    assert!(
        reply
            .text()
            .contains("calls of this kind are not translated"),
        "{}",
        reply.text()
    );
    let responses = br#"{"model":"claude-m","input":"hi"}"#;
    let reply = gate.post("/v1/responses", responses);
    assert_eq!(reply.refused(400), "dialect_not_served");
    assert!(
        reply.text().contains("POST /v1/messages"),
        "{}",
        reply.text()
    );
    assert!(upstream.arrived().is_empty());
}

#[test]
fn counting_tokens_needs_a_key_and_costs_nothing() {
    let upstream = Upstream::answering(Scripted::json(COUNT));
    let gate = gate(
        &upstream,
        r#"budgets: [{ name: none, match: {}, limit: "$0.000000001", window: 1d, at_limit: deny }]
limits: [{ name: few, match: {}, rpm: 2 }]"#,
    );
    let ask = r#"{"model":"claude-m","messages":[{"role":"user","content":"hi"}]}"#;
    let count = || post(&gate, "/v1/messages/count_tokens", &[], ask);
    let reply = count();
    assert_eq!((reply.status, &*reply.body), (200, COUNT));
    assert_eq!(
        upstream.the_request().line,
        "POST /v1/messages/count_tokens HTTP/1.1"
    );
    assert_eq!(reply.header("x-tollgate-cost-usd"), Some("0.00"));
    assert_eq!(spent(&gate), Money::default());
    assert_eq!(count().status, 200);
    assert_eq!(refused(&count(), 429).0, "rate_limit_error");
    let unknown = ask.replace("claude-m", "gpt-m");
    let reply = post(&gate, "/v1/messages/count_tokens", &[], &unknown);
    assert_eq!(refused(&reply, 400).1, "dialect_not_served");
}

#[test]
fn a_cap_leaves_room_beside_what_is_to_be_thought() {
    let upstream = Upstream::answering(Scripted::json(MESSAGE));
    // Input of some 400 bytes at $6, so about a quarter of a cent; output at $15.
    let gate = gate(
        &upstream,
        r#"budgets: [{ name: all, match: {}, limit: "$0.03", window: 1d }]"#,
    );
    let thinking = |max: u64, budget: u64| {
        let body = json!({ "model": "claude-m", "max_tokens": max, "messages": [{ "role": "user", "content": "hi" }],
            "thinking": { "type": "enabled", "budget_tokens": budget } });
        messages(&gate, &body.to_string())
    };
    let reply = thinking(4000, 1024);
    let sent = upstream.the_request();
    let sent: Value = serde_json::from_slice(&sent.body).expect("JSON");
    let cap = sent["max_tokens"].as_u64().expect("a cap");
    assert!(
        reply.header("x-tollgate-clamped").is_some() && (1025..4000).contains(&cap),
        "{cap}"
    );
    // Only a cap below what is to be thought would fit: that is no call the provider takes.
    let reply = thinking(4000, 3900);
    assert_eq!(refused(&reply, 429).1, "insufficient_quota");
    assert!(upstream.arrived().is_empty());
}

#[test]
fn searches_are_paid_or_the_call_does_not_go() {
    let upstream = Upstream::answering(Scripted::json(MESSAGE));
    let gate = gate(&upstream, BUDGET);
    let with = |model: &str, tool: Value| {
        let body = json!({ "model": model, "max_tokens": 64, "messages": [{ "role": "user", "content": "hi" }], "tools": [tool] });
        messages(&gate, &body.to_string())
    };
    let search = json!({ "type": "web_search_20250305", "name": "web_search", "max_uses": 2 });
    let reply = with("claude-plain", search.clone());
    assert_eq!(refused(&reply, 403).1, "price_unknown");
    let endless = json!({ "type": "web_search_20250305", "name": "web_search" });
    let reply = with("claude-m", endless);
    assert!(reply.text().contains("max_uses"), "{}", reply.text());
    let code = json!({ "type": "code_execution_20250825", "name": "code_execution" });
    assert_eq!(refused(&with("claude-m", code), 403).0, "permission_error");
    assert!(upstream.arrived().is_empty());
    assert_eq!(with("claude-m", search).status, 200);
}

#[test]
fn tools_that_the_provider_runs_may_read_the_input_again_and_again() {
    // The model's longest input, eleven times, at the dearest an input token can be: $13.20, and as much again does not fit.
    let upstream = Upstream::answering(Scripted::json(MESSAGE));
    let gate = gate(
        &upstream,
        r#"budgets: [{ name: all, match: {}, limit: "$13.00", window: 1d }]"#,
    );
    let with = |tools: Value| {
        let body = json!({ "model": "claude-m", "max_tokens": 64, "messages": [{ "role": "user", "content": "hi" }], "tools": tools });
        messages(&gate, &body.to_string())
    };
    let fetch = json!([{ "type": "web_fetch_20250910", "name": "web_fetch", "max_uses": 1 }]);
    let reply = with(fetch);
    assert_eq!(refused(&reply, 429).1, "insufficient_quota");
    assert!(reply.text().contains("11 times"), "{}", reply.text());
    assert!(upstream.arrived().is_empty());
    let own = json!([{ "name": "f", "input_schema": { "type": "object" } }]);
    assert_eq!(with(own).status, 200);
}

#[test]
fn models_are_listed_as_the_asker_knows_them() {
    let upstream = Upstream::new();
    let gate = gate(&upstream, "");
    let version = "anthropic-version: 2023-06-01";
    let list = gate.ask(&head("GET", "/v1/models", &[version])).json();
    assert_eq!(
        (&list["has_more"], &list["first_id"]),
        (&json!(false), &json!("claude-m"))
    );
    assert_eq!(list["data"][0]["type"], "model");
    let one = gate
        .ask(&head("GET", "/v1/models/claude-m", &[version]))
        .json();
    assert_eq!(
        (&one["id"], &one["type"]),
        (&json!("claude-m"), &json!("model"))
    );
    let list = gate.ask(&head("GET", "/v1/models", &[])).json();
    assert_eq!(list["object"], "list");
}

#[test]
fn a_dry_run_weighs_messages_like_any_call() {
    let upstream = Upstream::new();
    let gate = gate(&upstream, BUDGET);
    let quote = post(&gate, "/v1/messages", &["x-tollgate-dry-run: 1"], HELLO).json();
    assert_eq!(
        (&quote["verdict"], &quote["provider"]),
        (&json!("allow"), &json!("claude"))
    );
    assert_eq!(quote["tokens"]["output_cap"], 64);
    let free = r#"{"model":"claude-m","messages":[]}"#;
    let dry = ["x-tollgate-dry-run: 1"];
    let quote = post(&gate, "/v1/messages/count_tokens", &dry, free).json();
    assert_eq!(quote["cost"]["worst_case"], "0.00");
    assert!(upstream.arrived().is_empty());
}
