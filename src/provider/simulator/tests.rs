//! The simulator as its callers see it.

use super::*;
use http::{HeaderMap, Request, StatusCode};
use http_body::Body as _;
use http_body_util::Full;
use serde_json::{Value, json};

mod billing;
mod contents;
mod messages;
mod properties;
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
fn what_the_vendor_refuses_is_refused() {
    let refused = |path: &str, body: Value| {
        let got = post(&simulator(), path, &body);
        assert_eq!(got.status, StatusCode::BAD_REQUEST, "{body}");
        got.json()["error"]["param"].as_str().map(str::to_owned)
    };
    let usage = json!({ "include_usage": true });
    let param = refused(
        "/v1/chat/completions",
        chat(json!({ "stream_options": usage })),
    );
    assert_eq!(param.as_deref(), Some("stream_options"));
    let caps = json!({ "max_tokens": 5, "max_completion_tokens": 5 });
    let param = refused("/v1/chat/completions", chat(caps));
    assert_eq!(param.as_deref(), Some("max_tokens"));
    let body = json!({ "model": "m", "input": "x", "stream": true, "stream_options": usage });
    let param = refused("/v1/responses", body);
    assert_eq!(param.as_deref(), Some("stream_options.include_usage"));
    let param = refused("/v1/chat/completions", chat(json!({ "max_tokens": 0 })));
    assert_eq!(param.as_deref(), Some("max_tokens"));
    assert_eq!(refused("/v1/chat/completions", json!([])), None);
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
        super::gather::pack(plain.to_string().as_bytes()),
    );
    let headers = packed.headers_mut();
    headers.insert("content-encoding", "gzip".parse().expect("a value"));
    headers.insert("accept-encoding", "br, gzip".parse().expect("a value"));
    let got = wait(send(&simulator, packed)).expect("an answer");
    assert_eq!(got.headers["content-encoding"], "gzip");
    let unpacked = super::gather::unpack(&got.body.into(), Some("gzip")).expect("gzip");
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
    // What left before a cut arrives before it.
    let body = chat(json!({ "model": "m--cut-3", "stream": true })).to_string();
    let mut stream = std::net::TcpStream::connect(handle.addr()).expect("it listens");
    let length = body.len();
    write!(
        stream,
        "POST /v1/chat/completions HTTP/1.1\r\nhost: sim\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it writes");
    assert_eq!(
        answer.matches("data: ").count(),
        4,
        "the role, then three tokens"
    );
    assert!(!answer.contains("0\r\n\r\n"), "the last chunk never comes");

    let addr = handle.addr();
    drop(handle);
    assert!(std::net::TcpStream::connect(addr).is_err());
}
