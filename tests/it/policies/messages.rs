//! The rows of the matrix for Anthropic's messages, and what of their streams takes more than one row to say.

use super::rig::SETTINGS;
use crate::bytes::upstream::{Scripted, Upstream};
use crate::support::{Gateway, Home};
use serde_json::{Value, json};
use std::fmt::Write as _;

pub(super) const ROUTE: &str = "/v1/messages";
const VALUE: &str = super::matrix::VALUE;

/// What the matrix reckons with beside the other routes' prices.
pub(super) const PRICE: &str =
    r#"  claude-m: { request: "0.01", web_search: "0.01", max_input: 100000, max_output: 16384 }"#;

/// A request with these messages.
fn asking(messages: impl Into<Value>) -> Value {
    let messages = messages.into();
    json!({ "model": "claude-m", "max_tokens": 64, "messages": messages })
}

/// The smallest request.
pub(super) fn hello() -> Value {
    asking(json!([{ "role": "user", "content": "hi" }]))
}

#[expect(clippy::too_many_lines, reason = "a table reads best in one piece")]
pub(super) fn rows_in() -> Vec<(&'static str, &'static str, Value)> {
    let text = format!("mail {VALUE} now");
    let says = |role: &str, content: Value| asking(json!([{ "role": role, "content": content }]));
    let block = |block: Value| says("user", json!([block]));
    let with = |name: &str, value: Value| {
        let mut body = hello();
        body[name] = value;
        body
    };
    let tool = |tool: Value| with("tools", json!([tool]));
    let result = |content: Value| {
        asking(json!([
            { "role": "user", "content": "hi" },
            { "role": "assistant", "content": [{ "type": "tool_use", "id": "t", "name": "f", "input": {} }] },
            { "role": "user", "content": [{ "type": "tool_result", "tool_use_id": "t", "content": content }] },
        ]))
    };
    let rows = [
        ("system", with("system", json!(text))),
        (
            "system[text]",
            with("system", json!([{ "type": "text", "text": text }])),
        ),
        ("messages[user].content", says("user", json!(text))),
        (
            "messages[user].content[text]",
            block(
                json!({ "type": "text", "text": text, "cache_control": { "type": "ephemeral" } }),
            ),
        ),
        (
            "messages[assistant].content",
            says("assistant", json!(text)),
        ),
        (
            "content[text].citations",
            block(
                json!({ "type": "text", "text": "x", "citations": [{ "type": "char_location", "cited_text": text, "document_title": "t" }] }),
            ),
        ),
        (
            "content[thinking]",
            says(
                "assistant",
                json!([{ "type": "thinking", "thinking": text, "signature": "s" }]),
            ),
        ),
        (
            "content[tool_use].input",
            says(
                "assistant",
                json!([{ "type": "tool_use", "id": "t", "name": "f", "input": { "to": VALUE, "n": [1, { "cc": VALUE }] } }]),
            ),
        ),
        ("content[tool_result].content", result(json!(text))),
        (
            "content[tool_result].content[text]",
            result(json!([{ "type": "text", "text": text }])),
        ),
        (
            "content[document].source[text]",
            block(
                json!({ "type": "document", "source": { "type": "text", "media_type": "text/plain", "data": text } }),
            ),
        ),
        (
            "content[document].source[content]",
            block(
                json!({ "type": "document", "source": { "type": "content", "content": [{ "type": "text", "text": text }] } }),
            ),
        ),
        (
            "content[document].title",
            block(
                json!({ "type": "document", "title": text, "context": text, "source": { "type": "text", "data": "x" } }),
            ),
        ),
        (
            "content[search_result]",
            block(
                json!({ "type": "search_result", "source": "https://x.test", "title": text, "content": [{ "type": "text", "text": text }] }),
            ),
        ),
        (
            "content[unknown]",
            block(json!({ "type": "hologram", "beam": { "words": [text] } })),
        ),
        (
            "tools.description",
            tool(json!({ "name": "f", "description": text, "input_schema": { "type": "object" } })),
        ),
        (
            "tools.input_schema",
            tool(
                json!({ "name": "f", "input_schema": { "type": "object", "properties": { "a": { "type": "string", "description": text } } } }),
            ),
        ),
        (
            "output_config.format",
            with(
                "output_config",
                json!({ "format": { "type": "json_schema", "schema": { "type": "object", "description": text } } }),
            ),
        ),
        ("metadata", with("metadata", json!({ "user_id": VALUE }))),
    ];
    let counted = rows.iter().map(|(field, body)| {
        let mut body = body.clone();
        body.as_object_mut()
            .expect("an object")
            .remove("max_tokens");
        ("/v1/messages/count_tokens", *field, body)
    });
    let counted: Vec<_> = counted.collect();
    let rows = rows.into_iter().map(|(field, body)| (ROUTE, field, body));
    rows.chain(counted).collect()
}

pub(super) fn rows_unread() -> Vec<(&'static str, &'static str, Value)> {
    let block = |block: Value| {
        asking(json!([{ "role": "user", "content": [{ "type": "text", "text": "hi" }, block] }]))
    };
    let source = |kind: &str, source: Value| block(json!({ "type": kind, "source": source }));
    vec![
        (
            ROUTE,
            "image[base64]",
            source(
                "image",
                json!({ "type": "base64", "media_type": "image/png", "data": "AAAA" }),
            ),
        ),
        (
            ROUTE,
            "image[url]",
            source(
                "image",
                json!({ "type": "url", "url": "https://x.test/a.png" }),
            ),
        ),
        (
            ROUTE,
            "document[base64]",
            source(
                "document",
                json!({ "type": "base64", "media_type": "application/pdf", "data": "AAAA" }),
            ),
        ),
        (
            ROUTE,
            "document[file]",
            source("document", json!({ "type": "file", "file_id": "f" })),
        ),
        (
            ROUTE,
            "redacted_thinking",
            block(json!({ "type": "redacted_thinking", "data": "AAAA" })),
        ),
        (
            ROUTE,
            "a block of an unknown kind",
            block(json!({ "type": "hologram", "beam": "x" })),
        ),
    ]
}

pub(super) fn rows_out() -> Vec<(&'static str, &'static str, Value)> {
    let text = format!("mail {VALUE} now");
    let message = |block: Value| {
        json!({ "id": "m", "type": "message", "role": "assistant", "model": "claude-m", "content": [block], "stop_reason": "end_turn",
            "usage": { "input_tokens": 1, "output_tokens": 1 } })
    };
    [
        ("content[text]", json!({ "type": "text", "text": text })),
        (
            "content[text].citations",
            json!({ "type": "text", "text": "x", "citations": [{ "type": "char_location", "cited_text": text }] }),
        ),
        (
            "content[thinking]",
            json!({ "type": "thinking", "thinking": text, "signature": "s" }),
        ),
        (
            "content[tool_use].input",
            json!({ "type": "tool_use", "id": "t", "name": "f", "input": { "to": VALUE, "n": [{ "cc": VALUE }] } }),
        ),
        (
            "content[server_tool_use].input",
            json!({ "type": "server_tool_use", "id": "t", "name": "web_search", "input": { "query": VALUE } }),
        ),
        (
            "content[web_search_tool_result]",
            json!({ "type": "web_search_tool_result", "tool_use_id": "t", "content": [{ "type": "web_search_result", "title": text, "url": "https://x.test" }] }),
        ),
        (
            "content[web_fetch_tool_result]",
            json!({ "type": "web_fetch_tool_result", "tool_use_id": "t", "content": { "type": "document", "source": { "type": "text", "data": text } } }),
        ),
        (
            "a block nobody knows",
            json!({ "type": "hologram", "beam": { "words": [text] } }),
        ),
    ]
    .into_iter()
    .map(|(field, block)| (ROUTE, field, message(block)))
    .collect()
}

/// The events of a message of one block: how it begins, and its deltas.
fn events(begins: &Value, deltas: Vec<Value>) -> Vec<Value> {
    let mut events = vec![
        json!({ "type": "message_start", "message": { "id": "m", "type": "message", "role": "assistant", "model": "claude-m", "content": [],
            "stop_reason": null, "usage": { "input_tokens": 1, "output_tokens": 1 } } }),
        json!({ "type": "content_block_start", "index": 0, "content_block": begins }),
    ];
    events.extend(
        deltas
            .into_iter()
            .map(|delta| json!({ "type": "content_block_delta", "index": 0, "delta": delta })),
    );
    events.extend([
        json!({ "type": "content_block_stop", "index": 0 }),
        json!({ "type": "message_delta", "delta": { "stop_reason": "end_turn", "stop_sequence": null }, "usage": { "output_tokens": 9 } }),
        json!({ "type": "message_stop" }),
    ]);
    events
}

pub(super) fn rows_stream() -> Vec<(&'static str, &'static str, Vec<Value>)> {
    let pieces = ["mail jane", ".doe@exam", "ple.org n", "ow"];
    let json_pieces = [
        r#"{"to": "jane"#,
        r".doe\u00",
        r"40example",
        r#".org","n":1}"#,
    ];
    let each = |kind: &str, key: &str, pieces: &[&str]| -> Vec<Value> {
        let delta = |piece: &&str| json!({ "type": kind, key: piece });
        pieces.iter().map(delta).collect()
    };
    let text = json!({ "type": "text", "text": "" });
    let mut rest = each("text_delta", "text", &pieces[1..]);
    let begun = events(&json!({ "type": "text", "text": pieces[0] }), rest.clone());
    let cited = format!("mail {VALUE} now");
    rest.clear();
    rest.push(json!({ "type": "text_delta", "text": "x" }));
    rest.push(json!({ "type": "citations_delta", "citation": { "type": "char_location", "cited_text": cited } }));
    vec![
        (
            ROUTE,
            "text_delta",
            events(&text, each("text_delta", "text", &pieces)),
        ),
        (ROUTE, "content_block_start, then text_delta", begun),
        (
            ROUTE,
            "thinking_delta",
            events(
                &json!({ "type": "thinking", "thinking": "", "signature": "" }),
                each("thinking_delta", "thinking", &pieces),
            ),
        ),
        (
            ROUTE,
            "input_json_delta, escaped",
            events(
                &json!({ "type": "tool_use", "id": "t", "name": "f", "input": {} }),
                each("input_json_delta", "partial_json", &json_pieces),
            ),
        ),
        (ROUTE, "citations_delta", events(&text, rest)),
        (
            ROUTE,
            "a delta nobody knows",
            events(&text, each("aside_delta", "words", &pieces)),
        ),
        (
            ROUTE,
            "content_block_start of a result",
            events(
                &json!({ "type": "web_search_tool_result", "tool_use_id": "t", "content": [{ "type": "web_search_result", "title": cited }] }),
                Vec::new(),
            ),
        ),
    ]
}

/// A stream of these events, named as the vendor names them.
pub(super) fn written(events: &[Value]) -> String {
    let mut stream = String::new();
    for event in events {
        let name = event["type"].as_str().expect("a type");
        let _ = write!(stream, "event: {name}\ndata: {event}\n\n");
    }
    stream
}

fn guarded(upstream: &Upstream, policy: &str) -> (Home, Gateway) {
    let prices = format!("revision: test\nvalid_from: 2026-01-01\nmodels:\n{PRICE}\n");
    let home = Home::with_upstream(upstream.address, &prices, SETTINGS).asked_for_messages();
    home.configure(SETTINGS);
    std::fs::create_dir(home.path().join("policies")).expect("a folder");
    std::fs::write(home.path().join("policies/org.yaml"), policy).expect("a policy");
    let gateway = home.start();
    (home, gateway)
}

const REPLACE: &str = "version: 1\nscope: {}\nredact:\n  - id: mail\n    types: [EMAIL]\n    on: [request]\n    action: replace\n";
const BLOCK: &str = "version: 1\nscope: {}\nredact:\n  - id: mail\n    types: [EMAIL]\n    on: [response, tool_args]\n    action: block\n";
const TOOLS: &str = "version: 1\nscope: {}\nrules:\n  - id: no-shell\n    effect: deny\n    match: { tool_calls: [{ name: shell }] }\n";

/// What a reader puts together from the deltas of block 0, after checking that the stream has the form of one.
fn put_together(said: &str) -> (String, String) {
    let (mut text, mut kinds) = (String::new(), Vec::new());
    for data in said.lines().filter_map(|line| line.strip_prefix("data: ")) {
        let event: Value = serde_json::from_str(data).expect("JSON");
        let delta = &event["delta"];
        for key in ["text", "thinking", "partial_json"] {
            text.push_str(delta[key].as_str().unwrap_or_default());
        }
        kinds.push(event["type"].as_str().expect("a type").to_owned());
    }
    kinds.dedup();
    (text, kinds.join(" "))
}

#[test]
fn names_go_up_and_values_come_back_in_every_kind_of_block() {
    let upstream = Upstream::new();
    let (_home, gateway) = guarded(&upstream, REPLACE);
    let asked = asking(
        json!([{ "role": "user", "content": [{ "type": "text", "text": format!("write to {VALUE}") }] }]),
    );
    upstream.answers(Scripted::json(
        br#"{"type":"message","content":[],"usage":{"input_tokens":1,"output_tokens":1}}"#,
    ));
    gateway.caller().post(ROUTE, &asked);
    let sent: Value = serde_json::from_slice(&upstream.the_request().body).expect("JSON");
    let said = sent["messages"][0]["content"][0]["text"]
        .as_str()
        .expect("text");
    let name = said.strip_prefix("write to ").expect("a name").to_owned();
    assert!(name.starts_with("TG_EMAIL_"), "{name}");
    assert!(
        sent["system"].is_string(),
        "the model is told what names are: {sent}"
    );
    // Whole.
    let answer = json!({ "type": "message", "role": "assistant", "content": [
        { "type": "thinking", "thinking": format!("so {name}"), "signature": "s" },
        { "type": "tool_use", "id": "t", "name": "mail", "input": { "to": name, "n": 1 } }],
        "stop_reason": "tool_use", "usage": { "input_tokens": 1, "output_tokens": 1 } });
    upstream.answers(Scripted::json(answer.to_string().as_bytes()));
    let reply = gateway.caller().post(ROUTE, &asked).json();
    assert_eq!(reply["content"][0]["thinking"], format!("so {VALUE}"));
    assert_eq!(reply["content"][1]["input"], json!({ "to": VALUE, "n": 1 }));
    // In streams, cut wherever it hurts.
    let mut streaming = asked.clone();
    streaming["stream"] = json!(true);
    let form = "message_start content_block_start content_block_delta content_block_stop message_delta message_stop";
    let blocks = [
        (
            json!({ "type": "text", "text": "" }),
            "text_delta",
            "text",
            format!("to {name}."),
        ),
        (
            json!({ "type": "thinking", "thinking": "" }),
            "thinking_delta",
            "thinking",
            format!("to {name}."),
        ),
        (
            json!({ "type": "tool_use", "id": "t", "name": "mail", "input": {} }),
            "input_json_delta",
            "partial_json",
            json!({ "to": name, "n": 1 }).to_string(),
        ),
    ];
    for (begins, kind, key, whole) in blocks {
        for size in [1, 5, whole.len()] {
            let pieces: Vec<Value> = whole
                .as_bytes()
                .chunks(size)
                .map(|piece| json!({ "type": kind, key: String::from_utf8_lossy(piece) }))
                .collect();
            let stream = written(&events(&begins, pieces));
            upstream.answers(Scripted::events(stream.as_bytes().chunks(97)));
            let said = gateway.caller().post(ROUTE, &streaming).text();
            let (text, kinds) = put_together(&said);
            assert_eq!(text, whole.replace(&name, VALUE), "{kind} by {size}");
            assert_eq!(kinds, form, "{said}");
        }
    }
}

#[test]
fn a_stream_that_may_not_go_on_ends_with_what_the_caller_has() {
    let upstream = Upstream::new();
    let (_home, gateway) = guarded(&upstream, BLOCK);
    let mut asked = hello();
    asked["stream"] = json!(true);
    let text = json!({ "type": "text", "text": "" });
    let pieces = ["fine so far, but ", "jane.doe@example.org", " and more"];
    let deltas = pieces.map(|piece| json!({ "type": "text_delta", "text": piece }));
    let stream = written(&events(&text, deltas.into()));
    upstream.answers(Scripted::events(stream.as_bytes().chunks(50)));
    let said = gateway.caller().post(ROUTE, &asked).text();
    assert!(
        !said.contains("jane") && said.contains("\"refusal\""),
        "{said}"
    );
    let (_, kinds) = put_together(&said);
    assert_eq!(
        kinds,
        "message_start content_block_start content_block_delta content_block_stop message_delta message_stop"
    );
    // The block's own beginning may not leave: nothing of it is closed.
    let begins = json!({ "type": "text", "text": "jane.doe@example.org " });
    let stream = written(&events(
        &begins,
        vec![json!({ "type": "text_delta", "text": "x" })],
    ));
    upstream.answers(Scripted::events([stream.as_bytes()]));
    let said = gateway.caller().post(ROUTE, &asked).text();
    let (_, kinds) = put_together(&said);
    assert_eq!(kinds, "message_start message_delta message_stop", "{said}");
    // A whole answer is withheld, in the vendor's words.
    upstream.answers(Scripted::json(
        json!({ "type": "message", "content": [{ "type": "text", "text": VALUE }], "usage": { "input_tokens": 1, "output_tokens": 1 } })
            .to_string()
            .as_bytes(),
    ));
    let reply = gateway.caller().post(ROUTE, &hello());
    assert_eq!(reply.status, 400);
    assert_eq!(
        reply.json()["error"]["details"]["error_code"],
        "content_filter"
    );
}

#[test]
fn calls_of_tools_are_judged_before_they_leave() {
    let upstream = Upstream::new();
    let (_home, gateway) = guarded(&upstream, TOOLS);
    let mut asked = hello();
    asked["stream"] = json!(true);
    let called = |tool: &str| {
        let begins = json!({ "type": "tool_use", "id": "t", "name": tool, "input": {} });
        let deltas = ["{\"cmd\":", "\"ls\"}"];
        let deltas =
            deltas.map(|piece| json!({ "type": "input_json_delta", "partial_json": piece }));
        let stream = written(&events(&begins, deltas.into()));
        upstream.answers(Scripted::events(stream.as_bytes().chunks(40)));
        (stream, gateway.caller().post(ROUTE, &asked).text())
    };
    let (stream, said) = called("look");
    assert_eq!(said, stream);
    let (_, said) = called("shell");
    assert!(!said.contains("cmd"), "{said}");
    let (_, kinds) = put_together(&said);
    assert_eq!(kinds, "message_start message_delta message_stop", "{said}");
    asked["stream"] = json!(false);
    let answer = json!({ "type": "message", "content": [{ "type": "tool_use", "id": "t", "name": "shell", "input": { "cmd": "ls" } }],
        "usage": { "input_tokens": 1, "output_tokens": 1 } });
    upstream.answers(Scripted::json(answer.to_string().as_bytes()));
    let reply = gateway.caller().post(ROUTE, &asked);
    assert_eq!(
        (reply.status, reply.json()["error"]["type"].clone()),
        (403, json!("permission_error"))
    );
}
