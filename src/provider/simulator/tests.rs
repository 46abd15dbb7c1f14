//! The simulator as its callers see it.

use super::*;
use http::{HeaderMap, Request, StatusCode};
use http_body::Body as _;
use http_body_util::Full;
use proptest::prelude::*;
use serde_json::{Value, json};

mod shapes;

/// What came back.
struct Got {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
    /// Whether the connection broke after it.
    cut: bool,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is text")
    }

    /// The JSON of every event.
    fn events(&self) -> Vec<Value> {
        let data = self
            .text()
            .lines()
            .filter_map(|line| line.strip_prefix("data: "));
        data.filter(|data| *data != "[DONE]")
            .map(|data| serde_json::from_str(data).expect("an event is JSON"))
            .collect()
    }
}

fn simulator() -> Simulator {
    // A dollar per million in, two out: exact to the token.
    Simulator::new(Settings {
        price: Arc::new(|_, usage| {
            Money::from_nanos(
                i64::try_from(usage.input.0 * 1000 + usage.output.0 * 2000).expect("fits"),
            )
        }),
        ..Settings::default()
    })
}

async fn send(simulator: &Simulator, request: Request<Full<bytes::Bytes>>) -> Option<Got> {
    let answer = simulator.answer(request).await.ok()?;
    let (head, mut body) = answer.into_parts();
    let mut got = Got {
        status: head.status,
        headers: head.headers,
        body: Vec::new(),
        cut: false,
    };
    while let Some(frame) =
        std::future::poll_fn(|context| std::pin::Pin::new(&mut body).poll_frame(context)).await
    {
        match frame {
            Ok(frame) => got.body.extend_from_slice(frame.data_ref().expect("data")),
            Err(Cut) => got.cut = true,
        }
        if got.cut {
            break;
        }
    }
    Some(got)
}

fn request(method: &str, path: &str, body: impl Into<bytes::Bytes>) -> Request<Full<bytes::Bytes>> {
    Request::builder()
        .method(method)
        .uri(path)
        .body(Full::new(body.into()))
        .expect("a request")
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime")
        .block_on(future)
}

fn post(simulator: &Simulator, path: &str, body: &Value) -> Got {
    wait(send(simulator, request("POST", path, body.to_string()))).expect("an answer")
}

fn meter(simulator: &Simulator) -> Value {
    wait(send(simulator, request("GET", "/__sim/meter", "")))
        .expect("an answer")
        .json()
}

fn chat(more: Value) -> Value {
    let mut body =
        json!({ "model": "m", "messages": [{ "role": "user", "content": "Hello there" }] });
    merge(&mut body, more);
    body
}

fn merge(body: &mut Value, more: Value) {
    let (Value::Object(body), Value::Object(more)) = (body, more) else {
        return;
    };
    body.extend(more);
}

/// What the events of a chat add up to.
fn streamed_text(got: &Got) -> String {
    got.events()
        .iter()
        .filter_map(|event| {
            event["choices"][0]["delta"]["content"]
                .as_str()
                .map(str::to_owned)
        })
        .collect()
}

#[test]
fn a_cap_ends_the_answer_with_length_and_the_beginning_of_what_it_would_say() {
    let simulator = simulator();
    let whole = post(&simulator, "/v1/chat/completions", &chat(json!({}))).json();
    let capped = post(
        &simulator,
        "/v1/chat/completions",
        &chat(json!({ "max_tokens": 5 })),
    )
    .json();
    assert_eq!(capped["choices"][0]["finish_reason"], "length");
    assert_eq!(capped["usage"]["completion_tokens"], 5);
    let said = |answer: &Value| {
        answer["choices"][0]["message"]["content"]
            .as_str()
            .expect("text")
            .to_owned()
    };
    assert!(said(&whole).starts_with(&said(&capped)));
    let over = post(&simulator, "/chat/completions--", &chat(json!({})));
    assert_eq!(over.status, StatusCode::NOT_FOUND);
    let over = chat(json!({ "max_tokens": 5, "model": "m--overrun--out-50" }));
    let over = post(&simulator, "/chat/completions", &over).json();
    assert_eq!(over["usage"]["completion_tokens"], 50);
}

#[test]
fn usage_is_told_as_the_knobs_say() {
    let simulator = simulator();
    let tell = |knobs: &str| {
        let body = chat(
            json!({ "messages": [{ "role": "user", "content": format!("Hi @sim({knobs})") }] }),
        );
        post(&simulator, "/v1/chat/completions", &body).json()
    };
    assert_eq!(tell("usage=null").get("usage"), Some(&Value::Null));
    assert_eq!(tell("usage=missing").get("usage"), None);
    let told = tell("cached=4,reasoning=6,out=10");
    assert_eq!(told["usage"]["prompt_tokens_details"]["cached_tokens"], 4);
    assert_eq!(
        told["usage"]["completion_tokens_details"]["reasoning_tokens"],
        6
    );
    assert_eq!(told["usage"]["completion_tokens"], 16);
}

#[test]
fn errors_and_resets_cost_nothing_and_every_second_call_may_fail() {
    let simulator = simulator();
    let failing = chat(json!({ "model": "m--status-429--retry_after-3--every-2" }));
    let statuses: Vec<u16> = (0..4)
        .map(|_| {
            post(&simulator, "/v1/chat/completions", &failing)
                .status
                .as_u16()
        })
        .collect();
    assert_eq!(statuses, [200, 429, 200, 429]);
    let reset = chat(json!({ "model": "m--reset" })).to_string();
    assert!(
        wait(send(
            &simulator,
            request("POST", "/v1/chat/completions", reset)
        ))
        .is_none()
    );
    let last = post(
        &simulator,
        "/v1/chat/completions",
        &chat(json!({ "model": "m--status-503--retry_after-3" })),
    );
    assert_eq!(last.headers["retry-after"], "3");
    assert_eq!(last.json()["error"]["type"], "server_error");
    let meter = meter(&simulator);
    assert_eq!(
        (&meter["calls"], &meter["in_flight"], &meter["cancelled"]),
        (&json!(2), &json!(0), &json!(0))
    );
}

#[test]
fn a_cut_stream_is_billed_for_the_tokens_that_left() {
    let simulator = simulator();
    let body = chat(json!({ "model": "m--cut-3", "stream": true }));
    let got = post(&simulator, "/v1/chat/completions", &body);
    assert!(got.cut);
    assert_eq!(count(&streamed_text(&got)), 3);
    let meter = meter(&simulator);
    let line = &meter["by_model"]["m--cut-3"];
    assert_eq!(line["output"], 3);
    let input = line["input"].as_i64().expect("a number");
    assert_eq!(
        meter["cost"],
        Money::from_nanos(input * 1000 + 6000).to_string()
    );
}

#[test]
fn a_client_that_leaves_is_billed_for_what_it_took() {
    let simulator = simulator();
    wait(async {
        let body = chat(json!({ "stream": true })).to_string();
        let answer = simulator
            .answer(request("POST", "/v1/chat/completions", body))
            .await;
        let mut body = answer.expect("an answer").into_body();
        for _ in 0..5 {
            std::future::poll_fn(|context| std::pin::Pin::new(&mut body).poll_frame(context)).await;
        }
    });
    let meter = meter(&simulator);
    assert_eq!(
        meter["by_model"]["m"]["output"], 4,
        "the role, then four tokens"
    );
    assert_eq!(meter["cancelled"], 1);
}

#[test]
fn a_split_stream_has_the_same_bytes() {
    let simulator = simulator();
    let say = |knobs: &str| {
        let body = chat(json!({ "stream": true })).to_string();
        let mut request = request("POST", "/v1/chat/completions", body);
        if !knobs.is_empty() {
            request
                .headers_mut()
                .insert("x-sim-split", knobs.parse().expect("a value"));
        }
        wait(send(&simulator, request)).expect("an answer").body
    };
    let whole = say("");
    for size in ["1", "7", "100000"] {
        assert_eq!(say(size), whole, "{size}");
    }
}

#[test]
fn compressed_bodies_are_read_and_written() {
    let simulator = simulator();
    let plain = chat(json!({ "model": "m--gzip" }));
    let mut packed = request(
        "POST",
        "/v1/chat/completions",
        super::body::pack(plain.to_string().as_bytes()),
    );
    let headers = packed.headers_mut();
    headers.insert("content-encoding", "gzip".parse().expect("a value"));
    headers.insert("accept-encoding", "br, gzip".parse().expect("a value"));
    let got = wait(send(&simulator, packed)).expect("an answer");
    assert_eq!(got.headers["content-encoding"], "gzip");
    let unpacked = super::body::unpack(&got.body.into(), Some("gzip")).expect("gzip");
    assert_eq!(
        unpacked,
        post(&simulator, "/v1/chat/completions", &plain).body
    );
}

#[test]
fn the_last_requests_are_kept_as_they_arrived() {
    let simulator = simulator();
    let mut odd = request("POST", "/v1/chat/completions?x=1", "{ \"odd\" : \u{e9} }");
    odd.headers_mut()
        .insert("authorization", "Bearer k".parse().expect("a value"));
    let status = wait(send(&simulator, odd)).expect("an answer").status;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let last = wait(send(&simulator, request("GET", "/__sim/last", "")))
        .expect("an answer")
        .json();
    assert_eq!(
        last,
        json!({ "requests": [{
        "method": "POST", "path": "/v1/chat/completions?x=1", "version": "HTTP/1.1",
        "headers": [["authorization", "Bearer k"]],
        "body_base64": "eyAib2RkIiA6IMOpIH0=", "body": "{ \"odd\" : \u{e9} }",
    }] })
    );
}

#[test]
fn a_key_may_be_required() {
    let simulator = Simulator::new(Settings {
        require_key: Some(Secret::new("s3cret".to_owned())),
        ..Settings::default()
    });
    let ask = |key: &str| {
        let mut request = request("GET", "/models", "");
        request.headers_mut().insert(
            "authorization",
            format!("Bearer {key}").parse().expect("a value"),
        );
        wait(send(&simulator, request))
            .expect("an answer")
            .status
            .as_u16()
    };
    assert_eq!((ask("s3cret"), ask("other")), (200, 401));
}

#[test]
fn the_meter_is_exact_however_many_call_at_once() {
    let simulator = Arc::new(simulator());
    let expected = std::sync::atomic::AtomicI64::new(0);
    let total = std::sync::atomic::AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..8_u64 {
            let (simulator, expected, total) = (&simulator, &expected, &total);
            scope.spawn(move || {
                wait(async {
                    let mut calls = tokio::task::JoinSet::new();
                    for at in 0..125_u64 {
                        let simulator = Arc::clone(simulator);
                        let body = chat(json!({
                            "stream": at.is_multiple_of(2),
                            "stream_options": { "include_usage": true },
                            "n": 1 + at % 3,
                            "seed": thread * 1000 + at,
                        }));
                        calls.spawn(async move {
                            let request = request("POST", "/v1/chat/completions", body.to_string());
                            send(&simulator, request).await.expect("an answer")
                        });
                    }
                    while let Some(got) = calls.join_next().await {
                        let got = got.expect("a call");
                        let usage = if got.body.starts_with(b"data:") {
                            got.events().last().expect("a usage chunk")["usage"].clone()
                        } else {
                            got.json()["usage"].clone()
                        };
                        let of = |name: &str| usage[name].as_i64().expect("a number");
                        let cost = of("prompt_tokens") * 1000 + of("completion_tokens") * 2000;
                        expected.fetch_add(cost, std::sync::atomic::Ordering::Relaxed);
                        total.fetch_add(
                            of("completion_tokens").unsigned_abs(),
                            std::sync::atomic::Ordering::Relaxed,
                        );
                    }
                });
            });
        }
    });
    let meter = meter(&simulator);
    assert_eq!(meter["calls"], 1000);
    assert_eq!(meter["in_flight"], 0);
    assert_eq!(meter["cancelled"], 0);
    assert_eq!(meter["by_model"]["m"]["output"], total.into_inner());
    assert_eq!(
        meter["cost"],
        Money::from_nanos(expected.into_inner()).to_string()
    );
}

#[test]
fn it_serves_a_socket_and_stops_when_dropped() {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let handle = serve(listener, Settings::default()).expect("it runs");
    let mut stream = std::net::TcpStream::connect(handle.addr()).expect("it listens");
    stream
        .write_all(b"GET /v1/models HTTP/1.1\r\nhost: sim\r\nconnection: close\r\n\r\n")
        .expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it writes");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("content-length: "), "{answer}");
    let addr = handle.addr();
    drop(handle);
    assert!(std::net::TcpStream::connect(addr).is_err());
}

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

const PATHS: [&str; 4] = [
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/responses",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_json_is_answered_or_refused_in_the_right_shape(mut body in anything(), valid: bool, at in 0..4_usize) {
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
