//! Gemini's contents: their shapes on the wire, and what is refused for its shape, in Google's words.

use super::*;

const MODEL: &str = "/v1beta/models/gemini-m";

fn path(method: &str) -> String {
    let events = if method == "streamGenerateContent" {
        "?alt=sse"
    } else {
        ""
    };
    format!("{MODEL}:{method}{events}")
}

fn ask(more: Value) -> Value {
    let mut body =
        json!({ "contents": [{ "role": "user", "parts": [{ "text": "Hello there" }] }] });
    merge(&mut body, more);
    body
}

fn said(knobs: &str) -> Value {
    json!({ "contents": [{ "parts": [{ "text": format!("Hello there {knobs}") }] }] })
}

fn answered(method: &str, body: &Value) -> Got {
    let got = post(&simulator(), &path(method), body);
    assert_eq!(got.status, StatusCode::OK, "{}", got.text());
    got
}

/// A refusal in Google's shape: its word and what it says.
#[track_caller]
fn refused(got: &Got, status: u16) -> (String, String) {
    assert_eq!(got.status.as_u16(), status, "{}", got.text());
    let body = got.json();
    let error = &body["error"];
    assert_eq!(error["code"], status, "{body}");
    let word = |name: &str| error[name].as_str().expect("text").to_owned();
    (word("status"), word("message"))
}

fn weather() -> Value {
    json!([{ "functionDeclarations": [{ "name": "get_weather", "parameters": {
        "type": "OBJECT", "required": ["city"], "properties": { "city": { "type": "STRING" } },
    } }] }])
}

#[test]
fn contents_whole() {
    let body = ask(json!({ "generationConfig": { "maxOutputTokens": 8 } }));
    insta::assert_snapshot!(answered("generateContent", &body).text());
}

#[test]
fn contents_that_think_and_call() {
    let mut body = said("@sim(reasoning=3,cached=2,search=2)");
    let more = json!({ "tools": weather(), "generationConfig": { "thinkingConfig": { "includeThoughts": true } } });
    merge(&mut body, more);
    let whole = answered("generateContent", &body);
    insta::assert_snapshot!("contents_whole_call", whole.text());
    let streamed = answered("streamGenerateContent", &body);
    insta::assert_snapshot!("contents_stream_call", streamed.text());
}

#[test]
fn streamed_contents_add_up_to_the_whole_ones() {
    for config in [json!({}), json!({ "maxOutputTokens": 5 })] {
        let body = ask(json!({ "generationConfig": config }));
        let whole = answered("generateContent", &body).json();
        let streamed = answered("streamGenerateContent", &body);
        let kind = streamed.headers["content-type"].to_str().expect("text");
        assert!(kind.starts_with("text/event-stream"), "{kind}");
        let events = streamed.events();
        let texts = events
            .iter()
            .filter_map(|event| event["candidates"][0]["content"]["parts"][0]["text"].as_str());
        let text: String = texts.collect();
        assert_eq!(whole["candidates"][0]["content"]["parts"][0]["text"], text);
        let last = events.last().expect("events");
        assert_eq!(last["usageMetadata"], whole["usageMetadata"]);
        let reason = |of: &Value| of["candidates"][0]["finishReason"].clone();
        assert_eq!(reason(last), reason(&whole));
        let only_the_last = events.iter().filter(|event| !reason(event).is_null());
        assert_eq!(only_the_last.count(), 1, "{}", streamed.text());
    }
}

#[test]
fn each_candidate_has_an_end_of_its_own() {
    let body = ask(json!({ "generationConfig": { "candidateCount": 2 } }));
    let whole = answered("generateContent", &body).json();
    let indices = whole["candidates"].as_array().expect("candidates");
    let indices: Vec<_> = indices.iter().map(|one| one["index"].clone()).collect();
    assert_eq!(indices, [json!(0), json!(1)]);
    let events = answered("streamGenerateContent", &body).events();
    let ended = events.iter().map(|event| &event["candidates"][0]);
    let ended: Vec<_> = ended
        .filter(|one| !one["finishReason"].is_null())
        .map(|one| one["index"].clone())
        .collect();
    assert_eq!(ended, [json!(0), json!(1)]);
}

#[test]
fn what_is_billed_is_what_is_told() {
    let simulator = simulator();
    let got = post(
        &simulator,
        &path("generateContent"),
        &said("@sim(out=7,reasoning=5)"),
    );
    let usage = &got.json()["usageMetadata"];
    let count = |name: &str| usage[name].as_u64().unwrap_or_default();
    let output = count("candidatesTokenCount") + count("thoughtsTokenCount");
    assert_eq!((output, count("thoughtsTokenCount")), (12, 5), "{usage}");
    assert_eq!(
        count("totalTokenCount"),
        count("promptTokenCount") + output,
        "{usage}"
    );
    let cost = count("promptTokenCount") * 1000 + output * 2000;
    let cost = Money::from_nanos(i64::try_from(cost).expect("little"));
    assert_eq!(meter(&simulator)["cost"], cost.to_string());
}

#[test]
fn contents_are_json_as_it_was_described() {
    let schema = json!({ "type": "OBJECT", "required": ["city"], "properties": { "city": { "enum": ["Bern"] } } });
    for name in ["responseSchema", "responseJsonSchema", "response_schema"] {
        let body = ask(json!({ "generation_config": { name: schema } }));
        let got = answered("generateContent", &body).json();
        let text = &got["candidates"][0]["content"]["parts"][0]["text"];
        assert_eq!(text, r#"{"city":"Bern"}"#, "{name}");
    }
}

#[test]
fn a_count_is_what_contents_are_billed_and_costs_nothing() {
    let simulator = simulator();
    let counted = post(&simulator, &path("countTokens"), &ask(json!({}))).json();
    let within = json!({ "generateContentRequest": ask(json!({ "model": "models/gemini-m" })) });
    let again = post(&simulator, &path("countTokens"), &within).json();
    assert_eq!(meter(&simulator)["cost"], "0.00");
    let answer = answered("generateContent", &ask(json!({}))).json();
    let billed = &answer["usageMetadata"]["promptTokenCount"];
    assert_eq!(&counted["totalTokens"], billed);
    assert_eq!(&again["totalTokens"], billed);
}

#[test]
fn contents_are_embedded_alone_and_together() {
    let content = json!({ "parts": [{ "text": "Hello" }] });
    let body = json!({ "content": content, "outputDimensionality": 4 });
    let one = answered("embedContent", &body).json();
    assert_eq!(one["embedding"]["values"].as_array().map(Vec::len), Some(4));
    let request =
        json!({ "model": "models/gemini-m", "content": content, "outputDimensionality": 4 });
    let body = json!({ "requests": [request, request] });
    let both = answered("batchEmbedContents", &body).json();
    let all = both["embeddings"].as_array().expect("embeddings");
    assert_eq!(all.len(), 2);
    assert_eq!(all[0], one["embedding"], "the same text lies where it lay");
}

#[test]
fn shapes_the_vendor_refuses_are_refused() {
    let parts = |part: Value| json!({ "contents": [{ "role": "user", "parts": [part] }] });
    let config = |config: Value| ask(json!({ "generationConfig": config }));
    for (body, says) in [
        (json!({}), "contents"),
        (json!({ "contents": [] }), "contents"),
        (json!({ "contents": "hi" }), "contents"),
        (ask(json!({ "messages": [] })), "messages"),
        (ask(json!({ "maxOutputTokens": 5 })), "maxOutputTokens"),
        (config(json!({ "maxTokens": 5 })), "maxTokens"),
        (config(json!([])), "generation_config"),
        (
            config(json!({ "maxOutputTokens": 5, "max_output_tokens": 5 })),
            "set twice",
        ),
        (
            json!({ "contents": [{ "role": "assistant", "parts": [{ "text": "x" }] }] }),
            "valid role",
        ),
        (json!({ "contents": [{ "content": "hi" }] }), "content"),
        (parts(json!("hi")), "parts"),
        (parts(json!({})), "oneof"),
        (parts(json!({ "thought": true })), "oneof"),
        (
            parts(json!({ "text": "x", "functionCall": { "name": "f" } })),
            "oneof",
        ),
        (parts(json!({ "text": 5 })), "text"),
        (parts(json!({ "type": "text", "text": "x" })), "type"),
        (parts(json!({ "inlineData": { "data": "AA" } })), "mimeType"),
        (parts(json!({ "file_data": {} })), "fileUri"),
        (parts(json!({ "functionCall": { "args": {} } })), "name"),
        (
            parts(json!({ "functionResponse": { "name": "f", "response": "x" } })),
            "response",
        ),
        (
            ask(json!({ "tools": [{ "type": "function", "name": "f" }] })),
            "Unknown name",
        ),
        (ask(json!({ "tools": ["f"] })), "tools"),
    ] {
        for method in ["generateContent", "streamGenerateContent"] {
            let (word, message) = refused(&post(&simulator(), &path(method), &body), 400);
            assert_eq!(word, "INVALID_ARGUMENT", "{body}");
            assert!(message.contains(says), "{body}: {message}");
        }
    }
    let check = |method: &str, body: Value, says: &str| {
        let (word, message) = refused(&post(&simulator(), &path(method), &body), 400);
        assert_eq!(word, "INVALID_ARGUMENT", "{body}");
        assert!(message.contains(says), "{body}: {message}");
    };
    check("embedContent", json!({}), "content");
    check("embedContent", json!({ "content": "hi" }), "content");
    check("batchEmbedContents", json!({}), "requests");
    let nameless = json!({ "requests": [{ "content": { "parts": [{ "text": "x" }] } }] });
    check("batchEmbedContents", nameless, "model");
    check("countTokens", json!({ "text": "hi" }), "text");
}

#[test]
fn a_stream_is_one_of_events() {
    let array = format!("{MODEL}:streamGenerateContent");
    let (word, message) = refused(&post(&simulator(), &array, &ask(json!({}))), 400);
    assert_eq!(word, "INVALID_ARGUMENT");
    assert!(message.contains("alt=sse"), "{message}");
}

#[test]
fn faults_wear_googles_words() {
    for (status, word) in [
        (401, "UNAUTHENTICATED"),
        (403, "PERMISSION_DENIED"),
        (429, "RESOURCE_EXHAUSTED"),
        (500, "INTERNAL"),
        (503, "UNAVAILABLE"),
        (504, "DEADLINE_EXCEEDED"),
    ] {
        let body = said(&format!("@sim(status={status})"));
        let got = post(&simulator(), &path("generateContent"), &body);
        assert_eq!(refused(&got, status).0, word);
    }
    // A key of its own is asked for in the header that the vendor's clients use.
    let closed = Simulator::new(Settings {
        require_key: Some(crate::secret::Secret::new("k".to_owned())),
        ..Settings::default()
    });
    let got = post(&closed, &path("generateContent"), &ask(json!({})));
    assert_eq!(refused(&got, 401).0, "UNAUTHENTICATED");
    let mut shown = request("POST", &path("generateContent"), ask(json!({})).to_string());
    let key = "k".parse().expect("a value");
    shown.headers_mut().insert("x-goog-api-key", key);
    let got = wait(send(&closed, shown)).expect("an answer");
    assert_eq!(got.status, StatusCode::OK, "{}", got.text());
}
