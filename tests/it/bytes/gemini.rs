//! Gemini's contents: they pass as they came, to the model that the path names, wear Google's dialect where we speak
//! ourselves, and are paid to the nano-dollar in every class.

use super::upstream::{Scripted, Upstream};
use crate::door::rig::{CREDENTIAL, Gate, KEY, Reply, config, head, write_config};
use crate::support::Money;
use serde_json::{Value, json};

const ANSWER: &[u8] = include_bytes!("../../golden/gemini/answer.json");
const GROUNDED: &[u8] = include_bytes!("../../golden/gemini/grounded.json");
const COUNT: &[u8] = include_bytes!("../../golden/gemini/count.json");
const EMBEDDING: &[u8] = include_bytes!("../../golden/gemini/embedding.json");
const STREAM: &[u8] = include_bytes!("../../golden/gemini/stream.sse");
const TOOLS: &[u8] = include_bytes!("../../golden/gemini/stream_tools.sse");

/// The smallest request.
const HELLO: &str = r#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}],"generationConfig":{"maxOutputTokens":200}}"#;

/// Every class at a price of its own, so that none can stand for another.
const PRICES: &str = r#"revision: test
models:
  gemini-m: { input: "1", cached_input: "0.1", audio_input: "7", output: "10", reasoning: "20", web_search: "0.01", max_input: 200000, max_output: 64000 }
  gemini-e: { input: "2", max_input: 10000 }
  gpt-m: { input: "1", output: "1", max_input: 1000, max_output: 1000 }
"#;

const BUDGET: &str = r#"budgets: [{ name: all, match: {}, limit: "$100", window: 1d }]"#;

/// A gateway with one provider that speaks Gemini's language and one that does not.
fn gate(upstream: &Upstream, settings: &str) -> Gate {
    let address = upstream.address;
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("prices.yaml"), PRICES).expect("a price book");
    let settings = format!(
        "prices: [prices.yaml]\n\
         providers:\n  \
           google: {{ kind: gemini, base_url: \"http://{address}\", credential: {CREDENTIAL} }}\n  \
           other: {{ kind: openai-compatible, base_url: \"http://{address}/v1\", credential: {CREDENTIAL} }}\n\
         models:\n  \
           - {{ name: fast, provider: google, model: gemini-m }}\n  \
           - {{ name: \"gemini-*\", provider: google }}\n  \
           - {{ name: \"*\", provider: other }}\n{settings}\n"
    );
    write_config(dir.path(), &config(address, &settings));
    Gate::start(dir, &[])
}

const WHOLE: &str = "/v1beta/models/gemini-m:generateContent";
const EVENTS: &str = "/v1beta/models/gemini-m:streamGenerateContent?alt=sse";

/// A POST without any key but those among the headers.
fn bare(gate: &Gate, path: &str, headers: &[&str], body: &str) -> Reply {
    let length = format!("content-length: {}", body.len());
    let mut lines = vec!["content-type: application/json", &length];
    lines.extend_from_slice(headers);
    let head = String::from_utf8(head("POST", path, &lines)).expect("text");
    let bearer = format!("authorization: Bearer {KEY}\r\n");
    gate.ask(&[head.replace(&bearer, "").as_bytes(), body.as_bytes()].concat())
}

/// A POST with the key as the vendor's clients show it.
fn post(gate: &Gate, path: &str, body: &str) -> Reply {
    bare(gate, path, &[&format!("x-goog-api-key: {KEY}")], body)
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

/// A refusal of this status in the shape the vendor's clients read; returns its word and reason.
#[track_caller]
fn refused(reply: &Reply, status: u16) -> (String, String) {
    assert_eq!(reply.status, status, "{}", reply.text());
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let body = reply.json();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    assert_eq!(body["error"]["code"], status, "{body}");
    assert!(!text(&body["error"]["message"]).is_empty());
    (
        text(&body["error"]["status"]),
        text(&body["error"]["details"][0]["reason"]),
    )
}

fn word(status: &str, reason: &str) -> (String, String) {
    (status.to_owned(), reason.to_owned())
}

#[test]
fn a_request_goes_up_as_it_came_with_our_credential() {
    let upstream = Upstream::answering(Scripted::json(ANSWER));
    let gate = gate(&upstream, "");
    let odd = "{ \"contents\":[ {\"parts\":[{\"text\":\"na\\u00efve \u{1f980}\"}]}],\n\t\"generation_config\":{\"max_output_tokens\": 200 } ,\"unheard\":{\"of\":[1.50,null]} }";
    let reply = post(&gate, WHOLE, odd);
    assert_eq!((reply.status, &*reply.body), (200, ANSWER));
    let sent = upstream.the_request();
    assert_eq!(sent.line, format!("POST {WHOLE} HTTP/1.1"));
    assert_eq!(sent.body, odd.as_bytes());
    assert_eq!(sent.header("x-goog-api-key"), Some(CREDENTIAL));
    assert_eq!(sent.header("authorization"), None);
    assert!(!sent.text().contains(KEY));
    // The version is the caller's, what is asked of the answer ours.
    let stable = WHOLE.replace("v1beta", "v1");
    let headers = [
        &*format!("x-goog-api-key: {KEY}"),
        "x-goog-fieldmask: candidates",
        "x-goog-user-project: another",
        "x-http-method-override: GET",
        "x-goog-api-client: google-genai-sdk/1.0",
    ];
    assert_eq!(bare(&gate, &stable, &headers, HELLO).status, 200);
    let sent = upstream.the_request();
    assert_eq!(sent.line, format!("POST {stable} HTTP/1.1"));
    for gone in [
        "x-goog-fieldmask",
        "x-goog-user-project",
        "x-http-method-override",
    ] {
        assert_eq!(sent.header(gone), None, "{gone}");
    }
    assert!(sent.header("x-goog-api-client").is_some());
}

#[test]
fn a_key_in_the_query_proves_its_caller_and_goes_no_further() {
    let upstream = Upstream::answering(Scripted::json(ANSWER));
    let gate = gate(&upstream, "");
    let reply = bare(&gate, &format!("{WHOLE}?key={KEY}"), &[], HELLO);
    assert_eq!(reply.status, 200, "{}", reply.text());
    let sent = upstream.the_request();
    assert_eq!(sent.line, format!("POST {WHOLE} HTTP/1.1"));
    assert!(!sent.text().contains(KEY) && !sent.text().contains("key="));
    assert_eq!(sent.header("x-goog-api-key"), Some(CREDENTIAL));
    let wrong = bare(&gate, &format!("{WHOLE}?key=tg-wrong"), &[], HELLO);
    assert_eq!(
        refused(&wrong, 401),
        word("UNAUTHENTICATED", "API_KEY_INVALID")
    );
    assert!(!wrong.text().contains("tg-wrong"));
    let both = [&*format!("x-goog-api-key: {KEY}")];
    let two = bare(&gate, &format!("{WHOLE}?key=tg-wrong"), &both, HELLO);
    assert_eq!(two.status, 400);
    assert_eq!(bare(&gate, WHOLE, &[], HELLO).status, 401);
    // Whoever knows another way shows it another way.
    assert_eq!(gate.post(WHOLE, HELLO.as_bytes()).status, 200);
    upstream.the_request();
    assert!(upstream.arrived().is_empty());
}

#[test]
fn an_alias_rewrites_the_path_and_wherever_the_body_names_the_model() {
    let upstream = Upstream::answering(Scripted::json(ANSWER));
    let gate = gate(&upstream, "");
    let named = HELLO.replacen('{', r#"{"model":"models/fast","#, 1);
    let reply = post(&gate, "/v1beta/models/fast:generateContent", &named);
    assert_eq!(reply.status, 200, "{}", reply.text());
    let sent = upstream.the_request();
    assert_eq!(sent.line, format!("POST {WHOLE} HTTP/1.1"));
    assert_eq!(
        sent.body,
        named.replace("models/fast", "models/gemini-m").as_bytes()
    );
    let other = HELLO.replacen('{', r#"{"model":"models/gemini-m","#, 1);
    let reply = post(&gate, "/v1beta/models/fast:generateContent", &other);
    assert_eq!(refused(&reply, 400).1, "UNSUPPORTED_PARAMETER");
    assert!(upstream.arrived().is_empty());
}

#[test]
fn captured_streams_pass_unchanged_wherever_they_are_cut() {
    let upstream = Upstream::new();
    let gate = gate(&upstream, "");
    for stream in [STREAM, TOOLS] {
        upstream.answers(Scripted::events(stream.chunks(1)));
        let reply = post(&gate, EVENTS, HELLO);
        assert_eq!(reply.text(), String::from_utf8_lossy(stream));
        assert_eq!(
            upstream.the_request().line,
            format!("POST {EVENTS} HTTP/1.1")
        );
        for at in (0..=stream.len()).step_by(29) {
            let (first, second) = stream.split_at(at);
            upstream.answers(Scripted::events([first, second]));
            let found = post(&gate, EVENTS, HELLO).text();
            assert_eq!(found, String::from_utf8_lossy(stream), "cut at {at}");
        }
        upstream.arrived();
    }
}

#[test]
fn every_class_is_paid_at_its_price_whole_and_streamed() {
    let upstream = Upstream::new();
    let gate = gate(&upstream, BUDGET);
    let mut before = Money::default();
    let mut costs = |answer: Scripted, path: &str, body: &str| {
        upstream.answers(answer);
        let reply = post(&gate, path, body);
        assert_eq!(reply.status, 200, "{}", reply.text());
        let now = spent(&gate);
        let cost = now - before;
        before = now;
        cost
    };
    // Of 294 tokens 128 from the cache and 64 of sound: 102 × 1 + 128 × 0.1 + 64 × 7; 41 × 10 and 117 thoughts × 20.
    let cost = costs(Scripted::json(ANSWER), WHOLE, HELLO);
    assert_eq!(cost, Money::of("0.0033128"));
    // 12 × 1 + 8 × 10 + 100 × 20, and two searches.
    let cost = costs(Scripted::json(GROUNDED), WHOLE, HELLO);
    assert_eq!(cost, Money::of("0.022092"));
    // The last that is told counts: 12 × 1 + 11 × 10 + 60 × 20.
    let cost = costs(Scripted::events([STREAM]), EVENTS, HELLO);
    assert_eq!(cost, Money::of("0.001322"));
    let embed = r#"{"content":{"parts":[{"text":"hi"}]}}"#;
    let path = "/v1beta/models/gemini-e:embedContent";
    assert_eq!(
        costs(Scripted::json(EMBEDDING), path, embed),
        Money::of("0.000018")
    );
}

#[test]
fn a_usage_that_is_not_told_is_never_nothing() {
    let upstream = Upstream::new();
    let gate = gate(&upstream, BUDGET);
    let mut before = Money::default();
    let mut costs = |answer: Scripted, path: &str| {
        upstream.answers(answer);
        assert_eq!(post(&gate, path, HELLO).status, 200);
        let now = spent(&gate);
        let cost = now - before;
        before = now;
        cost
    };
    let silent =
        br#"{"candidates":[{"content":{"parts":[{"text":"abcdef"}]},"finishReason":"STOP"}]}"#;
    assert!(costs(Scripted::json(silent), WHOLE) > Money::of("0.00002"));
    // A stream that says nothing of what it used may have thought as much as it may.
    let events = [b"data: ".as_slice(), silent, b"\r\n\r\n"].concat();
    assert!(costs(Scripted::events([&*events]), EVENTS) > Money::of("0.002"));
    let cut = br#"{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":5}}"#;
    assert!(costs(Scripted::json(cut), WHOLE) > Money::of("0.00001"));
}

#[test]
fn a_stream_that_outruns_its_cap_ends_as_contents_end() {
    let upstream = Upstream::new();
    let gate = gate(&upstream, BUDGET);
    let event = "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"more words\"}],\"role\": \"model\"},\"index\": 0}],\"usageMetadata\": {\"promptTokenCount\": 3,\"totalTokenCount\": 3},\"modelVersion\": \"gemini-m\"}\r\n\r\n";
    let endless = event.repeat(200);
    upstream.answers(Scripted::events(endless.as_bytes().chunks(500)));
    let reply = post(&gate, EVENTS, &HELLO.replace("200", "16"));
    let said = reply.text();
    let (_, end) = said.rsplit_once("\r\n\r\n").expect("some came");
    let last = end.strip_prefix("data: ").expect("one event");
    let last: Value = serde_json::from_str(last.trim()).expect("JSON");
    assert_eq!(last["candidates"][0]["finishReason"], "MAX_TOKENS");
    assert_eq!(last["modelVersion"], "gemini-m");
    let told = &last["usageMetadata"];
    assert_eq!(told["promptTokenCount"], 3);
    assert!(told["candidatesTokenCount"].as_u64().expect("a count") >= 16);
    assert!(spent(&gate) >= Money::of("0.00016"));
}

#[test]
fn a_stream_that_breaks_off_ends_with_an_error_and_is_paid() {
    let upstream = Upstream::new();
    let gate = gate(&upstream, BUDGET);
    let text = String::from_utf8(STREAM.to_vec()).expect("text");
    let begin: String = text.split_inclusive("\r\n\r\n").take(2).collect();
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    upstream.answers(Scripted::raw(format!(
        "{head}{:x}\r\n{begin}\r\n",
        begin.len()
    )));
    let said = post(&gate, EVENTS, HELLO).text();
    let rest = said.strip_prefix(&begin).expect("what came");
    let error = rest.strip_prefix("data: ").expect("an event");
    let error: Value = serde_json::from_str(error.trim()).expect("JSON");
    assert_eq!(error["error"]["status"], "UNAVAILABLE");
    // As it was told last: 12 × 1 + 3 × 10 + 60 × 20.
    assert_eq!(spent(&gate), Money::of("0.001242"));
}

#[test]
fn a_cap_is_written_where_the_dialect_has_it() {
    let upstream = Upstream::answering(Scripted::json(ANSWER));
    // Input of some 150 bytes at $1; output at $20.
    let gate = gate(
        &upstream,
        r#"budgets: [{ name: all, match: {}, limit: "$0.01", window: 1d }]"#,
    );
    let ask = |config: &str| {
        let body = format!(r#"{{"contents":[{{"parts":[{{"text":"hi"}}]}}]{config}}}"#);
        let reply = post(&gate, WHOLE, &body);
        assert_eq!(reply.status, 200, "{}", reply.text());
        let sent = upstream.the_request();
        let sent: Value = serde_json::from_slice(&sent.body).expect("JSON");
        let config = sent
            .get("generationConfig")
            .or(sent.get("generation_config"));
        let config = config.expect("a place").clone();
        let cap = config
            .get("maxOutputTokens")
            .or(config.get("max_output_tokens"));
        let cap = cap.and_then(Value::as_u64).expect("a cap");
        assert!((16..500).contains(&cap), "{cap}");
        assert!(reply.header("x-tollgate-clamped").is_some());
        config.as_object().expect("an object").len()
    };
    assert_eq!(ask(""), 1);
    assert_eq!(
        ask(r#","generation_config":{"max_output_tokens":5000,"topK":2}"#),
        2
    );
}

#[test]
fn refusals_wear_googles_shape() {
    let upstream = Upstream::new();
    let gate = gate(
        &upstream,
        r#"budgets: [{ name: tiny, match: {}, limit: "$0.0001", window: 1d, at_limit: deny }]"#,
    );
    let reply = post(&gate, WHOLE, HELLO);
    assert_eq!(
        refused(&reply, 429),
        word("RESOURCE_EXHAUSTED", "INSUFFICIENT_QUOTA")
    );
    assert_eq!(reply.header("x-should-retry"), Some("false"));
    let told = &reply.json()["error"]["tollgate"];
    assert_eq!(
        (&told["budget"], &told["remaining"]),
        (&json!("tiny"), &json!("0.0001"))
    );
    let check = |path: &str, body: &str, status: u16, expected: (&str, &str)| {
        let reply = post(&gate, path, body);
        assert_eq!(
            refused(&reply, status),
            word(expected.0, expected.1),
            "{path} {body}"
        );
    };
    let invalid = "INVALID_ARGUMENT";
    check(WHOLE, "{}", 400, (invalid, "MISSING_REQUIRED_PARAMETER"));
    check(WHOLE, "{", 400, (invalid, "UNEXPECTED_END"));
    let twice = r#"{"contents":[],"cachedContent":"a","cached_content":"b"}"#;
    check(WHOLE, twice, 400, (invalid, "DUPLICATE_KEY"));
    let array = EVENTS.replace("?alt=sse", "");
    check(&array, HELLO, 400, (invalid, "UNSUPPORTED_PARAMETER"));
    let masked = format!("{WHOLE}?fields=candidates");
    check(&masked, HELLO, 400, (invalid, "UNSUPPORTED_PARAMETER"));
    let unknown = "/v1beta/models/gemini-m:batchGenerateContent";
    check(unknown, "{}", 404, ("NOT_FOUND", "UNKNOWN_URL"));
    let search = HELLO.replacen('{', r#"{"tools":[{"google_search":{}}],"#, 1);
    check(WHOLE, &search, 403, ("PERMISSION_DENIED", "PRICE_UNKNOWN"));
    let count = "/v1beta/models/gpt-m:countTokens";
    let reply = post(&gate, count, HELLO);
    assert_eq!(refused(&reply, 400).1, "DIALECT_NOT_SERVED");
    assert!(
        reply.text().contains("/v1/chat/completions"),
        "{}",
        reply.text()
    );
    let embed = br#"{"model":"gemini-m","input":"hi"}"#;
    let reply = gate.post("/v1/embeddings", embed);
    assert_eq!(reply.refused(400), "dialect_not_served");
    assert!(
        reply.text().contains(":generateContent"),
        "{}",
        reply.text()
    );
    assert!(upstream.arrived().is_empty());
}

#[test]
fn counting_tokens_costs_nothing() {
    let upstream = Upstream::answering(Scripted::json(COUNT));
    let gate = gate(
        &upstream,
        r#"budgets: [{ name: none, match: {}, limit: "$0.000000001", window: 1d, at_limit: deny }]"#,
    );
    let path = "/v1beta/models/gemini-m:countTokens";
    let reply = post(&gate, path, r#"{"contents":[{"parts":[{"text":"hi"}]}]}"#);
    assert_eq!((reply.status, &*reply.body), (200, COUNT));
    assert_eq!(upstream.the_request().line, format!("POST {path} HTTP/1.1"));
    assert_eq!(reply.header("x-tollgate-cost-usd"), Some("0.00"));
    assert_eq!(spent(&gate), Money::default());
}

#[test]
fn models_are_listed_as_the_asker_knows_them() {
    let upstream = Upstream::new();
    let gate = gate(&upstream, "");
    let ask = |path: &str, headers: &[&str]| gate.ask(&head("GET", path, headers)).json();
    let list = ask("/v1beta/models", &[]);
    assert_eq!(list["models"][0]["name"], "models/fast");
    assert_eq!(ask("/v1beta/models/fast", &[])["name"], "models/fast");
    let key = format!("x-goog-api-key: {KEY}");
    assert_eq!(
        ask("/v1/models", &[&key])["models"][0]["name"],
        "models/fast"
    );
    assert_eq!(ask("/v1/models", &[])["object"], "list");
}

#[test]
fn a_key_may_ask_for_the_models_it_names_and_no_other() {
    let upstream = Upstream::answering(Scripted::json(ANSWER));
    let keys = format!("keys: [{{ name: narrow, secret: {KEY}, models: [fast, gemini-e] }}]");
    let gate = gate(&upstream, &keys);
    let fast = "/v1beta/models/fast:generateContent";
    assert_eq!(post(&gate, fast, HELLO).status, 200);
    assert_eq!(
        upstream.the_request().line,
        format!("POST {WHOLE} HTTP/1.1")
    );
    for path in [
        WHOLE,
        EVENTS,
        "/v1/models/gemini-m:countTokens",
        "/v1beta/models/gemini%2Dm:generateContent",
    ] {
        let reply = post(&gate, path, HELLO);
        let (status, _) = refused(&reply, 403);
        assert_eq!(status, "PERMISSION_DENIED", "{path}");
    }
    // What the body says is no way around what the path says.
    let other = HELLO.replacen('{', r#"{"model":"models/fast","#, 1);
    assert_eq!(
        refused(&post(&gate, WHOLE, &other), 400).1,
        "UNSUPPORTED_PARAMETER"
    );
    assert!(upstream.arrived().is_empty());
}
