//! What holds for every request: an answer or a clear refusal, a bounded usage, streams that add up.

use super::*;
use proptest::prelude::*;

/// Any JSON, often with the members the endpoints look for.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        prop_oneof![
            Just("user"),
            Just("function"),
            Just("json_schema"),
            Just("tool"),
            Just("object"),
            Just("array")
        ]
        .prop_map(Value::from),
    ];
    let name = prop_oneof![
        Just("messages"),
        Just("model"),
        Just("role"),
        Just("content"),
        Just("input"),
        Just("prompt"),
        Just("n"),
        Just("tools"),
        Just("type"),
        Just("function"),
        Just("parameters"),
        Just("name"),
        Just("tool_choice"),
        Just("response_format"),
        Just("json_schema"),
        Just("schema"),
        Just("$ref"),
        Just("anyOf"),
        Just("items"),
        Just("properties"),
        Just("required"),
        Just("minItems"),
        Just("max_tokens"),
        Just("stream"),
        Just("text"),
        Just("stream_options"),
        Just("logprobs"),
        Just("dimensions"),
        Just("encoding_format"),
        Just("echo"),
        Just("minimum"),
        Just("maximum"),
        Just("multipleOf"),
        Just("minLength"),
        Just("enum"),
        Just("allOf"),
    ];
    leaf.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..6).prop_map(|members| {
                Value::Object(
                    members
                        .into_iter()
                        .map(|(name, value)| (name.to_owned(), value))
                        .collect(),
                )
            }),
        ]
    })
}

const PATHS: [&str; 7] = [
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/responses",
    "/v1/moderations",
    "/v1/images/generations",
    "/v1/audio/speech",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_json_is_answered_or_refused_in_the_right_shape(mut body in anything(), valid: bool, at in 0..PATHS.len()) {
        if valid {
            merge(&mut body, json!({ "model": "m" }));
        }
        let got = post(&simulator(), PATHS[at], &body);
        if got.status == StatusCode::OK {
            prop_assert!(!got.body.is_empty());
        } else {
            prop_assert_eq!(got.status, StatusCode::BAD_REQUEST);
            prop_assert!(got.json()["error"]["message"].is_string());
        }
    }

    #[test]
    fn a_schema_of_any_kind_gets_an_answer(schema in anything()) {
        let format = json!({ "type": "json_schema", "json_schema": { "name": "x", "schema": schema } });
        let got = post(&simulator(), PATHS[0], &chat(json!({ "response_format": format })));
        prop_assert!(got.status == StatusCode::OK || schema.is_null());
    }

    #[test]
    fn no_usage_exceeds_the_bytes_of_the_body(text in "\\PC{0,200}", parts in prop::collection::vec(anything(), 0..4)) {
        let simulator = simulator();
        for (path, body) in [
            (PATHS[0], chat(json!({ "messages": [{ "role": "user", "content": text }], "tools": parts }))),
            (PATHS[0], chat(json!({ "messages": [{ "role": "user", "content": [{}, {}, {}] }] }))),
            (PATHS[1], json!({ "model": "m", "prompt": [text, text] })),
            (PATHS[2], json!({ "model": "m", "input": [[1, 2], text] })),
            (PATHS[3], json!({ "model": "m", "input": text, "tools": parts })),
        ] {
            let answer = post(&simulator, path, &body).json();
            let usage = &answer["usage"];
            let input = usage.get("prompt_tokens").or_else(|| usage.get("input_tokens"));
            if let Some(input) = input.and_then(Value::as_u64) {
                prop_assert!(input <= body.to_string().len() as u64, "{} {}", path, body);
            }
        }
    }

    #[test]
    fn a_stream_adds_up_to_the_answer_sent_whole(text in "\\PC{0,60}", cap in prop::option::of(1..80_u64)) {
        let simulator = simulator();
        let mut body = chat(json!({ "messages": [{ "role": "user", "content": text }] }));
        if let Some(cap) = cap {
            merge(&mut body, json!({ "max_completion_tokens": cap }));
        }
        let whole = post(&simulator, PATHS[0], &body).json();
        merge(&mut body, json!({ "stream": true, "stream_options": { "include_usage": true } }));
        let stream = post(&simulator, PATHS[0], &body);
        let text = whole["choices"][0]["message"]["content"].as_str().expect("text");
        prop_assert_eq!(streamed_text(&stream), text);
        let completion = whole["usage"]["completion_tokens"].as_u64().expect("a number");
        prop_assert_eq!(count(text), completion);
        let usage = stream.events().last().expect("a usage chunk")["usage"].clone();
        prop_assert_eq!(usage["completion_tokens"].as_u64(), Some(completion));

        let mut body = json!({ "model": "m", "input": text });
        let whole = post(&simulator, PATHS[3], &body).json();
        merge(&mut body, json!({ "stream": true }));
        let events = post(&simulator, PATHS[3], &body).events();
        let deltas: String = events.iter().filter_map(|event| event["delta"].as_str()).collect();
        prop_assert_eq!(whole["output"][0]["content"][0]["text"].as_str(), Some(deltas.as_str()));
        prop_assert_eq!(&events.last().expect("an end")["response"], &whole);
        for (at, event) in events.iter().enumerate() {
            prop_assert_eq!(event["sequence_number"].as_u64(), Some(at as u64));
        }
    }
}
