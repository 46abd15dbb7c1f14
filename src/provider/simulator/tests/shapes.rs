//! The shapes of the wire, as snapshots: what an SDK parses.

use super::*;

fn tool() -> Value {
    json!({ "type": "object", "required": ["city"], "properties": {
        "city": { "type": "string" }, "unit": { "enum": ["c", "f"] },
    } })
}

fn weather(more: Value) -> Value {
    let tools = json!([{ "type": "function", "function": { "name": "get_weather", "parameters": tool() } }]);
    let mut body = chat(json!({ "tools": tools }));
    merge(&mut body, more);
    body
}

/// A whole answer, spread over lines.
fn whole(path: &str, body: &Value) -> String {
    let got = post(&simulator(), path, body);
    let value = got.json();
    // In the order of the wire, which a map forgets.
    format!(
        "{}\n{}",
        got.text(),
        serde_json::to_string_pretty(&value).expect("JSON")
    )
}

fn stream(path: &str, mut body: Value) -> String {
    merge(&mut body, json!({ "stream": true }));
    post(&simulator(), path, &body).text().to_owned()
}

#[test]
fn chat_whole() {
    insta::assert_snapshot!(whole(
        "/v1/chat/completions",
        &chat(json!({ "n": 2, "max_tokens": 8 }))
    ));
}

#[test]
fn chat_with_log_probabilities() {
    insta::assert_snapshot!(whole(
        "/v1/chat/completions",
        &chat(json!({ "logprobs": true, "max_tokens": 2 }))
    ));
}

#[test]
fn chat_stream() {
    insta::assert_snapshot!(stream(
        "/v1/chat/completions",
        chat(json!({ "max_tokens": 4 }))
    ));
}

#[test]
fn chat_stream_with_usage() {
    let body = chat(json!({ "model": "m--out-3", "stream_options": { "include_usage": true } }));
    insta::assert_snapshot!(stream("/v1/chat/completions", body));
}

#[test]
fn chat_tool_call_whole() {
    insta::assert_snapshot!(whole("/v1/chat/completions", &weather(json!({}))));
}

#[test]
fn chat_tool_calls_stream() {
    let body = weather(
        json!({ "messages": [{ "role": "user", "content": "Paris and Rome, in parallel" }] }),
    );
    insta::assert_snapshot!(stream("/v1/chat/completions", body));
}

#[test]
fn chat_structured_output() {
    let schema = json!({ "type": "object", "required": ["name", "tags"], "properties": {
        "name": { "type": "string" }, "tags": { "type": "array", "items": { "type": "string" } },
    } });
    let format = json!({ "type": "json_schema", "json_schema": { "name": "x", "strict": true, "schema": schema } });
    insta::assert_snapshot!(whole(
        "/v1/chat/completions",
        &chat(json!({ "response_format": format }))
    ));
}

#[test]
fn completions_whole() {
    let body = json!({ "model": "m", "prompt": ["Once", [1, 2, 3]], "echo": true, "max_tokens": 3, "logprobs": 1 });
    insta::assert_snapshot!(whole("/v1/completions", &body));
}

#[test]
fn completions_stream() {
    let body = json!({ "model": "m", "prompt": "Once", "max_tokens": 3, "stream_options": { "include_usage": true } });
    insta::assert_snapshot!(stream("/v1/completions", body));
}

#[test]
fn embeddings_as_numbers() {
    let body = json!({ "model": "m", "input": ["Hello", "there"], "dimensions": 4 });
    insta::assert_snapshot!(whole("/v1/embeddings", &body));
}

#[test]
fn embeddings_packed() {
    let body =
        json!({ "model": "m", "input": "Hello", "dimensions": 4, "encoding_format": "base64" });
    insta::assert_snapshot!(whole("/v1/embeddings", &body));
}

#[test]
fn moderations_of_texts_and_of_parts() {
    let texts = json!({ "input": ["Hello", "no violence please"] });
    let parts = json!({ "model": "m", "input": [
        { "type": "text", "text": "Hello" },
        { "type": "image_url", "image_url": { "url": "https://example.com/x.png" } },
    ] });
    let both = [texts, parts].map(|body| whole("/v1/moderations", &body));
    insta::assert_snapshot!(both.join("\n"));
}

#[test]
fn images_whole_and_by_address() {
    let whole_ones =
        json!({ "model": "m", "prompt": "a crab", "n": 2, "size": "1024x1536", "quality": "low" });
    let addresses = json!({ "model": "dall-e-3", "prompt": "a crab", "response_format": "url" });
    let both = [whole_ones, addresses].map(|body| whole("/v1/images/generations", &body));
    insta::assert_snapshot!(both.join("\n"));
}

#[test]
fn speech_in_events() {
    let body = json!({ "model": "m", "input": "Hello", "voice": "coral", "stream_format": "sse" });
    let got = post(&simulator(), "/v1/audio/speech", &body);
    assert_eq!(
        got.headers["content-type"],
        "text/event-stream; charset=utf-8"
    );
    let events = got.events();
    let (done, deltas) = events.split_last().expect("events");
    assert!(!deltas.is_empty());
    for delta in deltas {
        assert_eq!(delta["type"], "speech.audio.delta");
        assert!(delta["audio"].is_string());
    }
    assert_eq!(done["type"], "speech.audio.done");
    assert_eq!(done["usage"]["output_tokens"], 6 * deltas.len());
}

#[test]
fn responses_whole() {
    insta::assert_snapshot!(whole(
        "/v1/responses",
        &json!({ "model": "m--out-5", "input": "Hello" })
    ));
}

#[test]
fn responses_stream() {
    insta::assert_snapshot!(stream(
        "/v1/responses",
        json!({ "model": "m--out-3", "input": "Hello" })
    ));
}

#[test]
fn responses_stream_cut_short_by_its_cap() {
    let body = json!({ "model": "m--reasoning-2", "input": "Hello", "max_output_tokens": 4 });
    insta::assert_snapshot!(stream("/v1/responses", body));
}

#[test]
fn responses_tool_call_stream() {
    let tools = json!([{ "type": "function", "name": "get_weather", "parameters": tool() }]);
    insta::assert_snapshot!(stream(
        "/v1/responses",
        json!({ "model": "m", "input": "Hello", "tools": tools })
    ));
}

#[test]
fn models() {
    let got = wait(send(&simulator(), request("GET", "/v1/models", ""))).expect("an answer");
    insta::assert_snapshot!(got.text());
    let got = wait(send(&simulator(), request("GET", "/v1/models/none", ""))).expect("an answer");
    assert_eq!(got.status, StatusCode::NOT_FOUND);
    insta::assert_snapshot!("unknown_model", got.text());
}
