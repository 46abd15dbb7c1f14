//! Bodies pass as they came; what governance changes is a span, and nothing around it.

use super::upstream::{Arrived, Scripted, Upstream};
use crate::door::rig::{CHAT, Gate, Reply, post};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write as _;

const CHAT_PATH: &str = "/v1/chat/completions";

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

/// Sends a body to the provider, and gives what arrived there and what came back.
#[track_caller]
fn sent(
    gate: &Gate,
    upstream: &Upstream,
    path: &str,
    headers: &[&str],
    body: &[u8],
) -> (Arrived, Reply) {
    let reply = gate.ask(&post(path, headers, body));
    assert_eq!(reply.status, 200, "{}", reply.text());
    (upstream.the_request(), reply)
}

#[track_caller]
fn goes_up_as(gate: &Gate, upstream: &Upstream, path: &str, body: &str, expected: &str) {
    let (arrived, _) = sent(gate, upstream, path, &[], body.as_bytes());
    assert_eq!(String::from_utf8_lossy(&arrived.body), expected);
    let length = arrived.header("content-length");
    assert_eq!(length, Some(expected.len().to_string().as_str()));
}

#[test]
fn requests_go_up_as_they_came() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "");
    let bodies = [
        r#"{"model":"m","messages":[]}"#,
        " \r\n\t{ \"messages\" : [ ] ,\n\"model\":\t\"m\" } \n",
        r#"{"messages":[{"role":"user","content":"naïve 🦀 \u00e9 \ud83e\udd80 \/ \" \\ \n"}],"model":"m"}"#,
        r#"{"zzz":{"a":[1,2.50,-0,1e5,1E+5,true,null]},"model":"m","messages":[],"logit_bias":{"50256":-100},"aaa":""}"#,
        r#"{"model":"\u006d","messages":[]}"#,
        r#"{"mod\u0065l":"m","messages":[]}"#,
        r#"{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://example.com/x.png"}}]}],"tools":[{"type":"function","function":{"name":"f","parameters":{}}}],"response_format":{"type":"json_object"},"n":3,"seed":9007199254740993,"user":"u","stream":false}"#,
        r#"{"model":"m","messages":[],"max_tokens":10,"max_completion_tokens":null,"stream_options":null}"#,
    ];
    for body in bodies {
        goes_up_as(&gate, &upstream, CHAT_PATH, body, body);
    }
    goes_up_as(
        &gate,
        &upstream,
        "/v1/embeddings",
        r#"{"input":[[1,2],[3]],"model":"m","encoding_format":"base64"}"#,
        r#"{"input":[[1,2],[3]],"model":"m","encoding_format":"base64"}"#,
    );
    goes_up_as(
        &gate,
        &upstream,
        "/v1/responses",
        r#"{"model":"m","input":"x","store":false}"#,
        r#"{"model":"m","input":"x","store":false}"#,
    );
    goes_up_as(
        &gate,
        &upstream,
        "/v1/moderations",
        r#"{"model":"m","input":[{"type":"text","text":"x"},{"type":"image_url","image_url":{"url":"https://example.com/x.png"}}]}"#,
        r#"{"model":"m","input":[{"type":"text","text":"x"},{"type":"image_url","image_url":{"url":"https://example.com/x.png"}}]}"#,
    );
    goes_up_as(
        &gate,
        &upstream,
        "/images/generations",
        r#"{"model":"m","prompt":"x","n":2,"size":"1024x1024","quality":"low","stream":false}"#,
        r#"{"model":"m","prompt":"x","n":2,"size":"1024x1024","quality":"low","stream":false}"#,
    );
    goes_up_as(
        &gate,
        &upstream,
        "/audio/speech",
        r#"{"model":"m","input":"x \u00e9","voice":"coral","response_format":"pcm","speed":1.5}"#,
        r#"{"model":"m","input":"x \u00e9","voice":"coral","response_format":"pcm","speed":1.5}"#,
    );
    goes_up_as(
        &gate,
        &upstream,
        "/completions",
        r#"{"model":"m","prompt":["a","b"],"echo":true}"#,
        r#"{"model":"m","prompt":["a","b"],"echo":true}"#,
    );
}

#[test]
fn a_moderation_without_a_model_names_the_one_it_was_weighed_as() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "");
    let check = |body: &str, expected: &str| {
        goes_up_as(&gate, &upstream, "/v1/moderations", body, expected);
    };
    check(
        r#"{"input":["x", "y"] }"#,
        r#"{"input":["x", "y"] ,"model":"omni-moderation-latest"}"#,
    );
    check(
        r#"{"model":null,"input":"x"}"#,
        r#"{"model":"omni-moderation-latest","input":"x"}"#,
    );
}

#[test]
fn a_body_in_pieces_goes_up_as_it_came() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "");
    for size in [1, 2, 7, 64] {
        let mut wire = gate.wire();
        wire.send(&crate::door::rig::head(
            "POST",
            CHAT_PATH,
            &[
                "content-type: application/json",
                "transfer-encoding: chunked",
            ],
        ));
        for piece in CHAT.chunks(size) {
            wire.send(format!("{:X}\r\n", piece.len()).as_bytes());
            wire.send(piece);
            wire.send(b"\r\n");
        }
        wire.send(b"0\r\n\r\n");
        assert_eq!(wire.reply().expect("an answer").status, 200);
        assert_eq!(upstream.the_request().body, CHAT, "by {size}");
    }
}

#[test]
fn answers_come_back_as_they_were() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "");
    let answers: [&[u8]; 6] = [
        include_bytes!("../../golden/openai/chat.json"),
        b" { \"choices\" : [ ] ,\r\n\t\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}, \"usage\":null }\n\n",
        "{\"naïve\":\"🦀\",\"usage\":null}".as_bytes(),
        b"not JSON at all",
        b"\xff\xfe\x00 not even text",
        b"",
    ];
    for answer in answers {
        upstream.answers(Scripted::json(answer));
        let reply = gate.post(CHAT_PATH, CHAT);
        assert_eq!((reply.status, &*reply.body), (200, answer));
        upstream.answers(Scripted::pieces(
            "200 OK",
            &["content-type: application/json"],
            answer.chunks(3),
        ));
        let reply = gate.post(CHAT_PATH, CHAT);
        assert_eq!((reply.status, &*reply.body), (200, answer), "in pieces");
    }
    let large = format!("{{\"x\":\"{}\"}}", "y".repeat(2 << 20));
    upstream.answers(Scripted::pieces(
        "200 OK",
        &["content-type: application/json"],
        large.as_bytes().chunks(100_000),
    ));
    assert_eq!(gate.post(CHAT_PATH, CHAT).body, large.as_bytes());
}

#[test]
fn a_providers_own_refusal_comes_back_word_for_word() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "retries: { attempts: 1 }");
    let body = br#"{"error" : {"message":"bad \u00e9", "type":"invalid_request_error","param":"x","code":null}} "#;
    for status in [
        "400 Bad Request",
        "404 Not Found",
        "422 Unprocessable Entity",
        "429 Too Many Requests",
        "413 Payload Too Large",
    ] {
        upstream.answers(Scripted::whole(
            status,
            &[
                "content-type: application/json",
                "retry-after: 7",
                "x-should-retry: true",
            ],
            body,
        ));
        let reply = gate.post(CHAT_PATH, CHAT);
        assert_eq!(
            Some(reply.status.to_string().as_str()),
            status.split(' ').next()
        );
        assert_eq!(&*reply.body, body, "{status}");
        assert_eq!(
            (reply.header("retry-after"), reply.header("x-should-retry")),
            (Some("7"), Some("true"))
        );
    }
}

#[test]
fn a_refusal_that_breaks_off_is_no_hang() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "retries: { attempts: 1 }");
    upstream.answers(Scripted::raw("HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{\"error\":"));
    let reply = gate.post(CHAT_PATH, CHAT);
    assert_eq!(reply.refused(502), "upstream_error");
    gate.is_well();
}

#[test]
fn an_answer_that_breaks_off_is_told_as_such() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "retries: { attempts: 1 }");
    for cut in [
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{\"id\":",
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"id\"\r\n",
        "HTTP/1.1 200 OK\r\ncontent-ty",
        "HTTP/1.1 200 OK\r\ncontent-length: +3\r\n\r\n{} ",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        "not HTTP",
        "",
    ] {
        upstream.answers(Scripted::raw(cut));
        assert_eq!(
            gate.post(CHAT_PATH, CHAT).refused(502),
            "upstream_error",
            "{cut}"
        );
    }
    gate.is_well();
}

#[test]
fn redirects_are_not_followed() {
    let elsewhere = Upstream::new();
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "");
    for status in [
        "301 Moved",
        "302 Found",
        "303 See Other",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
        "304 Not Modified",
    ] {
        let location = format!("location: http://{}/v1/chat/completions", elsewhere.address);
        upstream.answers(Scripted::whole(status, &[&location], b""));
        let reply = gate.post(CHAT_PATH, CHAT);
        assert_eq!(reply.refused(502), "upstream_error", "{status}");
        assert!(reply.header("location").is_none());
        assert!(
            reply.text().contains("after 1 attempt:"),
            "{}",
            reply.text()
        );
    }
    assert!(elsewhere.arrived().is_empty(), "nobody went there");
}

#[test]
fn compressed_bodies_pass_as_they_came() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "");
    let packed = gzip(CHAT);
    let answer = gzip(include_bytes!("../../golden/openai/chat.json"));
    upstream.answers(Scripted::whole(
        "200 OK",
        &[
            "content-type: application/json",
            "content-encoding: gzip",
            "vary: accept-encoding",
        ],
        &answer,
    ));
    let (arrived, reply) = sent(
        &gate,
        &upstream,
        CHAT_PATH,
        &["content-encoding: gzip", "accept-encoding: gzip, br"],
        &packed,
    );
    assert_eq!(arrived.body, packed);
    assert_eq!(arrived.header("content-encoding"), Some("gzip"));
    assert_eq!(arrived.header("accept-encoding"), Some("gzip"));
    assert_eq!(reply.body, answer);
    assert_eq!(reply.header("content-encoding"), Some("gzip"));
    assert_eq!(reply.header("vary"), Some("accept-encoding"));
}

#[test]
fn a_compressed_body_that_is_changed_goes_up_plain() {
    let upstream = Upstream::new();
    let gate = Gate::before(
        upstream.address,
        "models: [{ name: m, provider: up, model: \"real/m\" }]",
    );
    let (arrived, _) = sent(
        &gate,
        &upstream,
        CHAT_PATH,
        &["content-encoding: gzip"],
        &gzip(CHAT),
    );
    let expected = String::from_utf8_lossy(CHAT).replace("\"m\"", "\"real/m\"");
    assert_eq!(String::from_utf8_lossy(&arrived.body), expected);
    assert_eq!(arrived.header("content-encoding"), None);
    assert_eq!(
        arrived.header("content-length"),
        Some(expected.len().to_string().as_str())
    );
}

#[test]
fn bodies_that_do_not_unpack_are_refused() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "max_body: 64KiB");
    let bomb = gzip(&vec![b' '; 10 << 20]);
    let mut cut = gzip(CHAT);
    cut.truncate(cut.len() - 9);
    let mut tail = gzip(CHAT);
    tail.extend_from_slice(b"garbage");
    for (encoding, body, status) in [
        ("gzip", &bomb, 413),
        ("gzip", &cut, 415),
        ("gzip", &tail, 415),
        ("gzip", &CHAT.to_vec(), 415),
        ("br", &CHAT.to_vec(), 415),
        ("deflate", &CHAT.to_vec(), 415),
        ("gzip, gzip", &gzip(&gzip(CHAT)), 415),
    ] {
        let header = format!("content-encoding: {encoding}");
        gate.ask(&post(CHAT_PATH, &[&header], body)).refused(status);
    }
    assert!(upstream.arrived().is_empty());
}

#[test]
fn a_renamed_model_changes_its_own_span_alone() {
    let upstream = Upstream::new();
    let gate = Gate::before(
        upstream.address,
        "models: [{ name: alias, provider: up, model: 'org/real \"m\"' }]",
    );
    for (body, expected) in [
        (
            r#"{ "messages" : [ {"role":"user","content":"alias"} ], "model" :  "alias" , "x":"alias"}"#,
            r#"{ "messages" : [ {"role":"user","content":"alias"} ], "model" :  "org/real \"m\"" , "x":"alias"}"#,
        ),
        (
            r#"{"model":"\u0061lias","messages":[]}"#,
            r#"{"model":"org/real \"m\"","messages":[]}"#,
        ),
    ] {
        goes_up_as(&gate, &upstream, CHAT_PATH, body, expected);
    }
}

#[test]
fn usage_is_asked_for_in_its_own_span_alone() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "");
    let asked = r#""include_usage":true"#;
    for (path, before, after) in [
        (CHAT_PATH, r#"{"model":"m","messages":[],"stream":true} "#.to_owned(), format!(r#"{{"model":"m","messages":[],"stream":true,"stream_options":{{{asked}}}}} "#)),
        (CHAT_PATH, r#"{"stream_options":{},"model":"m","messages":[],"stream":true}"#.to_owned(), format!(r#"{{"stream_options":{{{asked}}},"model":"m","messages":[],"stream":true}}"#)),
        (CHAT_PATH, r#"{"stream_options":{ "x":1},"model":"m","messages":[],"stream":true}"#.to_owned(), format!(r#"{{"stream_options":{{{asked}, "x":1}},"model":"m","messages":[],"stream":true}}"#)),
        (CHAT_PATH, r#"{"stream_options":{"include_usage" : false },"model":"m","messages":[],"stream":true}"#.to_owned(), r#"{"stream_options":{"include_usage" : true },"model":"m","messages":[],"stream":true}"#.to_owned()),
        (CHAT_PATH, r#"{"stream_options":null,"model":"m","messages":[],"stream":true}"#.to_owned(), format!(r#"{{"stream_options":{{{asked}}},"model":"m","messages":[],"stream":true}}"#)),
        (CHAT_PATH, format!(r#"{{"stream_options":{{{asked}}},"model":"m","messages":[],"stream":true}}"#), format!(r#"{{"stream_options":{{{asked}}},"model":"m","messages":[],"stream":true}}"#)),
        ("/v1/completions", r#"{"model":"m","prompt":"x","stream":true}"#.to_owned(), format!(r#"{{"model":"m","prompt":"x","stream":true,"stream_options":{{{asked}}}}}"#)),
        ("/v1/responses", r#"{"model":"m","input":"x","stream":true}"#.to_owned(), r#"{"model":"m","input":"x","stream":true}"#.to_owned()),
        (CHAT_PATH, r#"{"model":"m","messages":[],"stream":false,"stream_options":null}"#.to_owned(), r#"{"model":"m","messages":[],"stream":false,"stream_options":null}"#.to_owned()),
    ] {
        goes_up_as(&gate, &upstream, path, &before, &after);
    }
}

#[test]
fn a_cap_is_written_where_its_reader_looks_for_it() {
    let check = |kind: &str, rows: &[(&str, &str, &str)]| {
        let upstream = Upstream::new();
        let settings = format!(
            "providers: {{ up: {{ kind: {kind}, base_url: \"http://{}/v1\", credential: sk-up }} }}\n\
             models: [{{ name: m, provider: up, max_output: 50 }}]",
            upstream.address
        );
        let gate = Gate::before(upstream.address, &settings);
        for (path, before, after) in rows {
            goes_up_as(&gate, &upstream, path, before, after);
        }
    };
    check(
        "openai",
        &[
            (
                CHAT_PATH,
                r#"{"model":"m","messages":[]}"#,
                r#"{"model":"m","messages":[],"max_completion_tokens":50}"#,
            ),
            (
                CHAT_PATH,
                r#"{"model":"m","max_tokens": 99 ,"messages":[]}"#,
                r#"{"model":"m","max_tokens": 50 ,"messages":[]}"#,
            ),
            (
                CHAT_PATH,
                r#"{"model":"m","max_tokens":99,"max_completion_tokens":80,"messages":[]}"#,
                r#"{"model":"m","max_tokens":50,"max_completion_tokens":50,"messages":[]}"#,
            ),
            (
                CHAT_PATH,
                r#"{"model":"m","max_completion_tokens":null,"messages":[]}"#,
                r#"{"model":"m","max_completion_tokens":50,"messages":[]}"#,
            ),
            (
                CHAT_PATH,
                r#"{"model":"m","max_tokens":20,"messages":[]}"#,
                r#"{"model":"m","max_tokens":20,"messages":[]}"#,
            ),
            (
                "/v1/completions",
                r#"{"model":"m","prompt":"x"}"#,
                r#"{"model":"m","prompt":"x","max_tokens":50}"#,
            ),
            (
                "/v1/responses",
                r#"{"model":"m","input":"x"}"#,
                r#"{"model":"m","input":"x","max_output_tokens":50}"#,
            ),
            (
                "/v1/embeddings",
                r#"{"model":"m","input":"x"}"#,
                r#"{"model":"m","input":"x"}"#,
            ),
        ],
    );
    check(
        "openai-compatible",
        &[
            (
                CHAT_PATH,
                r#"{"model":"m","messages":[]}"#,
                r#"{"model":"m","messages":[],"max_tokens":50}"#,
            ),
            (
                CHAT_PATH,
                r#"{"model":"m","max_completion_tokens":99,"messages":[]}"#,
                r#"{"model":"m","max_completion_tokens":50,"messages":[]}"#,
            ),
            (
                "/v1/responses",
                r#"{"model":"m","input":"x"}"#,
                r#"{"model":"m","input":"x","max_output_tokens":50}"#,
            ),
        ],
    );
}
