//! The matrix: every text field of every route, in and out, streamed and not, is looked at or said not to be.
//!
//! Each row plants a mail address in one field. On the way in the provider must not see it; on the way out the caller must
//! not. Fields that are no text (ids, names of models) are not in the table; what cannot be read has rows of its own.

use super::rig::{PRICES, SETTINGS};
use super::{contents, messages};
use crate::bytes::upstream::{Scripted, Upstream};
use crate::support::{Gateway, Home};
use serde_json::{Value, json};
use std::fmt::Write as _;

pub(super) const VALUE: &str = "jane.doe@example.org";
const POLICY: &str = "version: 1\nscope: {}\nredact:\n  - id: mail\n    types: [EMAIL]\n    on: [request, tool_result, tool_definition, response, tool_args]\n    action: mask\n";

#[expect(clippy::too_many_lines, reason = "a table reads best in one piece")]
fn rows_in() -> Vec<(&'static str, &'static str, Value)> {
    let text = format!("mail {VALUE} now");
    let arguments = json!({ "to": VALUE, "n": [1, { "cc": VALUE }] }).to_string();
    let escaped = r#"{"to":"jane.doe\u0040example.org"}"#;
    let chat = |message: Value| json!({ "model": "cent", "messages": [message] });
    let part = |part: Value| chat(json!({ "role": "user", "content": [part] }));
    let call = |arguments: &str| {
        chat(
            json!({ "role": "assistant", "content": null, "tool_calls": [
            { "id": "c", "type": "function", "function": { "name": "f", "arguments": arguments } }] }),
        )
    };
    let with = |name: &str, value: Value| {
        let mut body = chat(json!({ "role": "user", "content": "hi" }));
        body[name] = value;
        body
    };
    let function = |parameters: Value| json!([{ "type": "function", "function": { "name": "f", "description": text, "parameters": parameters } }]);
    let response = |input: Value| json!({ "model": "cent", "input": input });
    let c = "/v1/chat/completions";
    let r = "/v1/responses";
    vec![
        (
            c,
            "messages[system].content",
            chat(json!({ "role": "system", "content": text })),
        ),
        (
            c,
            "messages[developer].content",
            chat(json!({ "role": "developer", "content": text })),
        ),
        (
            c,
            "messages[user].content",
            chat(json!({ "role": "user", "content": text })),
        ),
        (
            c,
            "messages[user].content[text]",
            part(json!({ "type": "text", "text": text })),
        ),
        (
            c,
            "messages[user].content[unknown]",
            part(json!({ "type": "hologram", "beam": text })),
        ),
        (
            c,
            "messages[assistant].content",
            chat(json!({ "role": "assistant", "content": text })),
        ),
        (
            c,
            "messages[assistant].refusal",
            chat(json!({ "role": "assistant", "refusal": text })),
        ),
        (
            c,
            "messages[assistant].reasoning_content",
            chat(json!({ "role": "assistant", "content": "x", "reasoning_content": text })),
        ),
        (
            c,
            "messages[assistant].tool_calls.arguments",
            call(&arguments),
        ),
        (
            c,
            "messages[assistant].tool_calls.arguments, escaped",
            call(escaped),
        ),
        (
            c,
            "messages[tool].content",
            chat(json!({ "role": "tool", "tool_call_id": "c", "content": text })),
        ),
        (
            c,
            "messages[tool].content[text]",
            chat(
                json!({ "role": "tool", "tool_call_id": "c", "content": [{ "type": "text", "text": text }] }),
            ),
        ),
        (
            c,
            "tools.description",
            with("tools", function(json!({ "type": "object" }))),
        ),
        (
            c,
            "tools.parameters",
            with(
                "tools",
                json!([{ "type": "function", "function": { "name": "f", "parameters": {
            "type": "object", "properties": { "to": { "type": "string", "description": text, "default": VALUE, "enum": [VALUE] } } } } }]),
            ),
        ),
        (
            c,
            "response_format.json_schema",
            with(
                "response_format",
                json!({ "type": "json_schema", "json_schema": { "name": "s", "description": text, "schema": {} } }),
            ),
        ),
        (
            c,
            "prediction.content",
            with("prediction", json!({ "type": "content", "content": text })),
        ),
        (c, "metadata", with("metadata", json!({ "note": text }))),
        (
            "/v1/completions",
            "prompt",
            json!({ "model": "cent", "prompt": text }),
        ),
        (
            "/v1/completions",
            "prompt[]",
            json!({ "model": "cent", "prompt": ["hi", text] }),
        ),
        (
            "/v1/completions",
            "suffix",
            json!({ "model": "cent", "prompt": "hi", "suffix": text }),
        ),
        (
            "/v1/embeddings",
            "input",
            json!({ "model": "cent", "input": text }),
        ),
        (
            "/v1/embeddings",
            "input[]",
            json!({ "model": "cent", "input": ["hi", text] }),
        ),
        (
            "/v1/moderations",
            "input",
            json!({ "model": "cent", "input": text }),
        ),
        (
            "/v1/moderations",
            "input[]",
            json!({ "model": "cent", "input": ["hi", text] }),
        ),
        (
            "/v1/moderations",
            "input[text]",
            json!({ "model": "cent", "input": [{ "type": "text", "text": text }] }),
        ),
        (
            "/v1/images/generations",
            "prompt",
            json!({ "model": "cent", "prompt": text }),
        ),
        (
            "/v1/audio/speech",
            "input",
            json!({ "model": "cent", "input": text, "voice": "coral" }),
        ),
        (
            "/v1/audio/speech",
            "instructions",
            json!({ "model": "cent", "input": "hi", "instructions": text, "voice": "coral" }),
        ),
        (r, "input", response(json!(text))),
        (
            r,
            "instructions",
            json!({ "model": "cent", "instructions": text, "input": "hi" }),
        ),
        (
            r,
            "input[user].content",
            response(json!([{ "role": "user", "content": text }])),
        ),
        (
            r,
            "input[user].content[input_text]",
            response(
                json!([{ "role": "user", "content": [{ "type": "input_text", "text": text }] }]),
            ),
        ),
        (
            r,
            "input[assistant].content[output_text]",
            response(
                json!([{ "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": text }] }]),
            ),
        ),
        (
            r,
            "input[function_call].arguments",
            response(
                json!([{ "type": "function_call", "call_id": "c", "name": "f", "arguments": arguments }]),
            ),
        ),
        (
            r,
            "input[function_call_output].output",
            response(json!([{ "type": "function_call_output", "call_id": "c", "output": text }])),
        ),
        (
            r,
            "tools.description",
            json!({ "model": "cent", "input": "hi", "tools": [{ "type": "function", "name": "f", "description": text, "parameters": {} }] }),
        ),
        (
            r,
            "text.format",
            json!({ "model": "cent", "input": "hi", "text": { "format": { "type": "json_schema", "name": "s", "description": text, "schema": {} } } }),
        ),
        (
            r,
            "metadata",
            json!({ "model": "cent", "input": "hi", "metadata": { "note": text } }),
        ),
    ]
}

/// Requests with something that is no text.
fn rows_unread() -> Vec<(&'static str, &'static str, Value)> {
    let chat = |part: Value| json!({ "model": "cent", "messages": [{ "role": "user", "content": [{ "type": "text", "text": "hi" }, part] }] });
    let response = |part: Value| json!({ "model": "cent", "input": [{ "role": "user", "content": [{ "type": "input_text", "text": "hi" }, part] }] });
    vec![
        (
            "/v1/chat/completions",
            "image_url",
            chat(
                json!({ "type": "image_url", "image_url": { "url": "data:image/png;base64,AAAA" } }),
            ),
        ),
        (
            "/v1/chat/completions",
            "input_audio",
            chat(
                json!({ "type": "input_audio", "input_audio": { "data": "AAAA", "format": "wav" } }),
            ),
        ),
        (
            "/v1/chat/completions",
            "file",
            chat(json!({ "type": "file", "file": { "file_id": "f" } })),
        ),
        (
            "/v1/chat/completions",
            "a part of an unknown kind",
            chat(json!({ "type": "hologram", "beam": "x" })),
        ),
        (
            "/v1/moderations",
            "image_url",
            json!({ "model": "cent", "input": [
                { "type": "text", "text": "hi" }, { "type": "image_url", "image_url": { "url": "https://example.org/x.png" } }] }),
        ),
        (
            "/v1/responses",
            "input_image",
            response(json!({ "type": "input_image", "image_url": "https://x.test/a.png" })),
        ),
        (
            "/v1/responses",
            "input_file",
            response(json!({ "type": "input_file", "file_id": "f" })),
        ),
    ]
}

fn usage() -> Value {
    json!({ "prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2 })
}

/// Whole answers: route, field, what the provider answers.
#[expect(clippy::too_many_lines, reason = "a table reads best in one piece")]
fn rows_out() -> Vec<(&'static str, &'static str, Value)> {
    let text = format!("mail {VALUE} now");
    let arguments = json!({ "to": VALUE, "n": [{ "cc": VALUE }] }).to_string();
    let chat = |message: Value| json!({ "id": "i", "object": "chat.completion", "model": "m", "choices": [{ "index": 0, "message": message, "finish_reason": "stop" }], "usage": usage() });
    let item = |item: Value| {
        json!({ "id": "r", "object": "response", "status": "completed", "model": "m", "output": [item],
            "usage": { "input_tokens": 1, "output_tokens": 1, "total_tokens": 2 } })
    };
    let c = "/v1/chat/completions";
    let r = "/v1/responses";
    vec![
        (
            "/v1/images/generations",
            "data[].revised_prompt",
            json!({ "created": 1, "data": [{ "b64_json": "AAAA", "revised_prompt": text }] }),
        ),
        (
            c,
            "message.content",
            chat(json!({ "role": "assistant", "content": text })),
        ),
        (
            c,
            "message.refusal",
            chat(json!({ "role": "assistant", "content": null, "refusal": text })),
        ),
        (
            c,
            "message.reasoning_content",
            chat(json!({ "role": "assistant", "content": "x", "reasoning_content": text })),
        ),
        (
            c,
            "message.tool_calls.arguments",
            chat(
                json!({ "role": "assistant", "content": null, "tool_calls": [{ "id": "c", "type": "function", "function": { "name": "f", "arguments": arguments } }] }),
            ),
        ),
        (
            c,
            "message.tool_calls.arguments, escaped",
            chat(
                json!({ "role": "assistant", "content": null, "tool_calls": [{ "id": "c", "type": "function", "function": { "name": "f", "arguments": r#"{"to":"jane.doe\u0040example.org"}"# } }] }),
            ),
        ),
        (
            c,
            "message.function_call.arguments",
            chat(
                json!({ "role": "assistant", "content": null, "function_call": { "name": "f", "arguments": arguments } }),
            ),
        ),
        (
            c,
            "message.annotations",
            chat(
                json!({ "role": "assistant", "content": "x", "annotations": [{ "type": "url_citation", "url_citation": { "title": text, "url": "https://x.test" } }] }),
            ),
        ),
        (
            c,
            "a field nobody knows",
            chat(json!({ "role": "assistant", "content": "x", "aside": { "note": [text] } })),
        ),
        (c, "logprobs beside the text", {
            let mut answer = chat(json!({ "role": "assistant", "content": text }));
            answer["choices"][0]["logprobs"] = json!({ "content": [{ "token": "jane.doe@", "logprob": -0.1 }, { "token": "example.org", "logprob": -0.1 }] });
            answer
        }),
        (
            "/v1/completions",
            "choices.text",
            json!({ "id": "i", "object": "text_completion", "model": "m", "choices": [{ "index": 0, "text": text, "finish_reason": "stop" }], "usage": usage() }),
        ),
        (
            r,
            "output[message].content",
            item(
                json!({ "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": text, "annotations": [] }] }),
            ),
        ),
        (
            r,
            "output[message].content[refusal]",
            item(
                json!({ "type": "message", "role": "assistant", "content": [{ "type": "refusal", "refusal": text }] }),
            ),
        ),
        (
            r,
            "output[function_call].arguments",
            item(
                json!({ "type": "function_call", "call_id": "c", "name": "f", "arguments": arguments }),
            ),
        ),
        (
            r,
            "output[reasoning].summary",
            item(
                json!({ "type": "reasoning", "summary": [{ "type": "summary_text", "text": text }] }),
            ),
        ),
    ]
}

/// Streams: route, field, the payloads of the events, with the value cut over several.
#[expect(clippy::too_many_lines, reason = "a table reads best in one piece")]
fn rows_stream() -> Vec<(&'static str, &'static str, Vec<Value>)> {
    let pieces = ["mail jane", ".doe@exam", "ple.org n", "ow"];
    let json_pieces = [
        r#"{"to":"jane"#,
        r".doe\u00",
        r"40example",
        r#".org","n":1}"#,
    ];
    let chunk = |delta: Value, finish: Value| json!({ "id": "i", "object": "chat.completion.chunk", "model": "m", "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }] });
    let chat = |deltas: Vec<Value>| {
        let mut events: Vec<Value> = deltas
            .into_iter()
            .map(|delta| chunk(delta, Value::Null))
            .collect();
        events.push(chunk(json!({}), json!("stop")));
        events.push(json!({ "id": "i", "choices": [], "usage": usage() }));
        events
    };
    let each =
        |make: &dyn Fn(&str) -> Value| chat(pieces.iter().map(|piece| make(piece)).collect());
    let calls = chat(json_pieces.iter().map(|piece| json!({ "tool_calls": [{ "index": 0, "id": "c", "type": "function", "function": { "name": "f", "arguments": piece } }] })).collect());
    let responses = |kind: &str, pieces: &[&str], done: Value| {
        let mut events: Vec<Value> = Vec::new();
        for piece in pieces {
            events.push(json!({ "type": format!("{kind}.delta"), "item_id": "m", "output_index": 0, "content_index": 0, "delta": piece }));
        }
        let mut last = json!({ "type": format!("{kind}.done"), "item_id": "m", "output_index": 0, "content_index": 0 });
        for (name, value) in done.as_object().expect("an object") {
            last[name] = value.clone();
        }
        events.push(last);
        let output = if kind.ends_with("arguments") {
            json!({ "type": "function_call", "call_id": "c", "name": "f", "arguments": pieces.concat() })
        } else {
            json!({ "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": pieces.concat() }] })
        };
        events.push(json!({ "type": "response.completed", "response": { "id": "r", "object": "response", "status": "completed", "model": "m",
            "output": [output],
            "usage": { "input_tokens": 1, "output_tokens": 1, "total_tokens": 2 } } }));
        for (number, event) in events.iter_mut().enumerate() {
            event["sequence_number"] = json!(number);
        }
        events
    };
    let text = pieces.concat();
    let c = "/v1/chat/completions";
    let r = "/v1/responses";
    vec![
        (
            c,
            "delta.content",
            each(&|piece| json!({ "content": piece })),
        ),
        (
            c,
            "delta.refusal",
            each(&|piece| json!({ "refusal": piece })),
        ),
        (
            c,
            "delta.reasoning_content",
            each(&|piece| json!({ "reasoning_content": piece })),
        ),
        (
            c,
            "a delta nobody knows",
            each(&|piece| json!({ "aside": { "note": piece } })),
        ),
        (c, "delta.tool_calls.arguments, escaped", calls),
        (
            c,
            "delta.function_call.arguments",
            chat(
                json_pieces
                    .iter()
                    .map(|piece| json!({ "function_call": { "name": "f", "arguments": piece } }))
                    .collect(),
            ),
        ),
        ("/v1/completions", "choices.text", {
            let chunk = |text: &str, finish: Value| json!({ "id": "i", "object": "text_completion", "model": "m", "choices": [{ "index": 0, "text": text, "finish_reason": finish }] });
            let mut events: Vec<Value> = pieces
                .iter()
                .map(|piece| chunk(piece, Value::Null))
                .collect();
            events.push(chunk("", json!("stop")));
            events
        }),
        (
            r,
            "output_text",
            responses("response.output_text", &pieces, json!({ "text": text })),
        ),
        (
            r,
            "refusal",
            responses("response.refusal", &pieces, json!({ "refusal": text })),
        ),
        (
            r,
            "function_call_arguments",
            responses(
                "response.function_call_arguments",
                &json_pieces,
                json!({ "arguments": json_pieces.concat() }),
            ),
        ),
        (
            r,
            "reasoning_summary_text",
            responses(
                "response.reasoning_summary_text",
                &pieces,
                json!({ "text": text }),
            ),
        ),
    ]
}

fn started(upstream: &Upstream) -> (Home, Gateway) {
    let (messages, contents) = (messages::PRICE, contents::PRICE);
    let prices = format!(
        "revision: test\nvalid_from: 2026-01-01\nmodels:\n{PRICES}\n{messages}\n{contents}\n"
    );
    let at = format!("http://{}", upstream.address);
    let settings = format!(
        "providers: {{ sim: {{ kind: openai-compatible, base_url: \"{at}/v1\" }}, claude: {{ kind: anthropic, base_url: \"{at}\" }}, google: {{ kind: gemini, base_url: \"{at}\" }} }}\n\
         models:\n  \
           - {{ name: \"claude-*\", provider: claude, tokenizer: simulator }}\n  \
           - {{ name: \"gemini-*\", provider: google, tokenizer: simulator }}\n  \
           - {{ name: \"*\", provider: sim, tokenizer: simulator }}\n{SETTINGS}"
    );
    let home = Home::written(&prices, &settings);
    std::fs::create_dir(home.path().join("policies")).expect("a folder");
    std::fs::write(home.path().join("policies/org.yaml"), POLICY).expect("a policy");
    let gateway = home.start();
    (home, gateway)
}

/// The route and the body that ask for the same as a stream, where there is one.
fn streaming<'a>(route: &'a str, body: &Value) -> Option<(&'a str, Value)> {
    if contents::is(route) {
        return contents::as_stream(route).map(|route| (route, body.clone()));
    }
    if [
        "/v1/embeddings",
        "/v1/moderations",
        "/v1/images/generations",
        "/v1/audio/speech",
        "/v1/messages/count_tokens",
    ]
    .contains(&route)
    {
        return None;
    }
    let mut body = body.clone();
    body["stream"] = json!(true);
    Some((route, body))
}

/// Anything of the value, however it is spelt.
fn leaks(text: &str) -> bool {
    let plain = text.replace("\\\\u0040", "@").replace("\\u0040", "@");
    plain.contains("jane") || plain.contains("example.org") || plain.contains("ple.org")
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table reads best in one piece")]
fn every_text_of_every_route_is_looked_at_or_said_not_to_be() {
    let upstream = Upstream::new();
    let (_home, gateway) = started(&upstream);
    let mut table = String::new();
    let mut faults = Vec::new();
    let mut row = |route: &str, field: &str, way: &str, state: String, fine: bool| {
        let _ = writeln!(table, "{way:<7} {route:<53} {field:<46} {state}");
        if !fine {
            faults.push(format!("{way} {route} {field}: {state}"));
        }
    };
    for (route, field, body) in [rows_in(), messages::rows_in(), contents::rows_in()].concat() {
        let ways = [Some((route, body.clone())), streaming(route, &body)];
        for (way, (path, body)) in ["in", "in, str"]
            .into_iter()
            .zip(ways.into_iter().flatten())
        {
            let answer = gateway.caller().post(path, &body);
            let sent = upstream
                .arrived()
                .pop()
                .map(|arrived| arrived.text())
                .unwrap_or_default();
            let scan = answer.header("x-tollgate-scan").unwrap_or("-").to_owned();
            let fine = !sent.is_empty() && !leaks(&sent) && scan != "-";
            row(
                route,
                field,
                way,
                format!(
                    "scan {scan}, {}",
                    if fine {
                        "taken out"
                    } else {
                        "SEEN BY THE PROVIDER"
                    }
                ),
                fine,
            );
        }
    }
    for (route, field, body) in [
        rows_unread(),
        messages::rows_unread(),
        contents::rows_unread(),
    ]
    .concat()
    {
        let answer = gateway.caller().post(route, &body);
        let scan = answer.header("x-tollgate-scan").unwrap_or("-").to_owned();
        row(
            route,
            field,
            "in",
            format!("scan {scan}"),
            scan == "partial",
        );
    }
    for (route, field, answer) in [rows_out(), messages::rows_out(), contents::rows_out()].concat()
    {
        upstream.answers(Scripted::json(answer.to_string().as_bytes()));
        let said = gateway.caller().post(route, &ask(route));
        let fine = said.status == 200 && !leaks(&said.text());
        row(
            route,
            field,
            "out",
            (if fine {
                "taken out"
            } else {
                "SEEN BY THE CALLER"
            })
            .to_owned(),
            fine,
        );
        let json = serde_json::from_slice::<Value>(&said.body).is_ok();
        assert!(json, "{field}: {} {}", said.status, said.text());
    }
    for (route, field, events) in [
        rows_stream(),
        messages::rows_stream(),
        contents::rows_stream(),
    ]
    .concat()
    {
        let (path, body) = streaming(route, &ask(route)).expect("a route with streams");
        let mut stream = String::new();
        for event in &events {
            if let Some(name) = event["type"].as_str() {
                let _ = writeln!(stream, "event: {name}");
            }
            let _ = write!(stream, "data: {event}\n\n");
        }
        if !["/v1/responses", messages::ROUTE].contains(&route) && !contents::is(route) {
            stream += "data: [DONE]\n\n";
        }
        for size in [1, 64, stream.len()] {
            upstream.answers(Scripted::events(stream.as_bytes().chunks(size)));
            let said = gateway.caller().post(path, &body);
            let joined: String = said
                .events()
                .iter()
                .filter_map(|event| serde_json::from_str(event).ok())
                .map(|event: Value| strings(&event))
                .collect();
            let fine = said.status == 200
                && !leaks(&said.text())
                && !leaks(&joined)
                && joined.contains("********");
            row(
                route,
                field,
                "out str",
                format!(
                    "by {size}: {}",
                    if fine {
                        "taken out"
                    } else {
                        "SEEN BY THE CALLER"
                    }
                ),
                fine,
            );
        }
    }
    println!("{table}");
    assert!(faults.is_empty(), "{}\n{table}", faults.join("\n"));
}

fn ask(route: &str) -> Value {
    match route {
        "/v1/chat/completions" => {
            json!({ "model": "cent", "messages": [{ "role": "user", "content": "hi" }] })
        }
        "/v1/completions" | "/v1/images/generations" => {
            json!({ "model": "cent", "prompt": "hi" })
        }
        messages::ROUTE => messages::hello(),
        _ if contents::is(route) => contents::hello(),
        _ => json!({ "model": "cent", "input": "hi" }),
    }
}

/// Every string of a value, joined: what a reader puts together from pieces.
fn strings(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(strings).collect(),
        Value::Object(members) => members
            .iter()
            .filter(|(name, _)| {
                !matches!(
                    name.as_str(),
                    "id" | "type"
                        | "object"
                        | "model"
                        | "item_id"
                        | "name"
                        | "role"
                        | "status"
                        | "finish_reason"
                )
            })
            .map(|(_, value)| strings(value))
            .collect(),
        _ => String::new(),
    }
}
