//! Framing: where a request ends must be said in one way only, and what ends here is never forwarded.

use super::rig::{CHAT, Gate, KEY, head, post};
use crate::bytes::upstream::Upstream;
use std::time::Duration;

const CHAT_PATH: &str = "/v1/chat/completions";
const JSON: &str = "content-type: application/json";

/// Requests that two readers could cut in two ways.
#[test]
fn ambiguous_framing_is_refused_and_the_connection_closed() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "");
    let smuggled = format!(
        "POST {CHAT_PATH} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\n\r\n"
    );
    let length = CHAT.len();
    let chat = String::from_utf8_lossy(CHAT).into_owned();
    let framed = |lines: &[&str], body: &str| {
        let mut all = vec![JSON];
        all.extend_from_slice(lines);
        [
            &head("POST", CHAT_PATH, &all)[..],
            body.as_bytes(),
            smuggled.as_bytes(),
        ]
        .concat()
    };
    let one = format!("content-length: {length}");
    for (what, lines, body) in [
        ("two lengths", &[&*one, "content-length: 3"][..], &*chat),
        ("two lengths in one", &["content-length: 3, 4"], "{}"),
        ("plus", &["content-length: +3"], "{} "),
        ("minus", &["content-length: -1"], ""),
        ("hex", &["content-length: 0x3"], "{} "),
        ("spaced", &["content-length: 1 0"], "{}"),
        ("empty", &["content-length:"], "{}"),
        (
            "endless",
            &["content-length: 99999999999999999999999"],
            "{}",
        ),
        (
            "unknown coding",
            &["transfer-encoding: xchunked"],
            "0\r\n\r\n",
        ),
        (
            "chunked is not last",
            &["transfer-encoding: chunked, identity"],
            "0\r\n\r\n",
        ),
        (
            "coding with a tab before",
            &["transfer-encoding: \u{b}chunked"],
            "0\r\n\r\n",
        ),
        ("folded", &["transfer-encoding:\r\n chunked"], "0\r\n\r\n"),
        ("folded header", &["x-a: 1\r\n 2", &one], &chat),
        ("space before colon", &["content-length : 3"], "{} "),
        ("no colon", &["content-length 3"], "{} "),
        ("bare CR", &["x-a: 1\rcontent-length: 3"], "{} "),
        ("NUL", &["x-a: 1\0"], "{}"),
        (
            "bad chunk size",
            &["transfer-encoding: chunked"],
            "zz\r\n{}\r\n0\r\n\r\n",
        ),
        (
            "signed chunk size",
            &["transfer-encoding: chunked"],
            "+2\r\n{}\r\n0\r\n\r\n",
        ),
        (
            "overlong chunk size",
            &["transfer-encoding: chunked"],
            "fffffffffffffffff\r\n{}\r\n0\r\n\r\n",
        ),
        (
            "chunk longer than said",
            &["transfer-encoding: chunked"],
            "1\r\n{}\r\n0\r\n\r\n",
        ),
    ] {
        let mut wire = gate.wire();
        wire.send(&framed(lines, body));
        if let Some(reply) = wire.reply() {
            assert_eq!(reply.status, 400, "{what}: {}", reply.text());
        }
        assert!(wire.is_closed(), "{what}: the connection goes on");
        assert!(upstream.arrived().is_empty(), "{what}: something went up");
    }
    gate.is_well();
}

#[test]
fn a_length_beside_chunks_counts_for_nothing_and_ends_the_connection() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "");
    let chunks = format!(
        "{:x};name=\"x\"\r\n{}\r\n0\r\nx-trailer: 1\r\n\r\n",
        CHAT.len(),
        String::from_utf8_lossy(CHAT)
    );
    for lines in [
        &["transfer-encoding: chunked", "content-length: 3"][..],
        &["content-length: 3", "transfer-encoding: chunked"],
    ] {
        let mut all = vec![JSON];
        all.extend_from_slice(lines);
        let mut wire = gate.wire();
        let request = [&head("POST", CHAT_PATH, &all)[..], chunks.as_bytes()].concat();
        wire.send(&[&request[..], &request[..]].concat());
        let reply = wire.reply().expect("an answer");
        assert_eq!(reply.status, 200, "{lines:?}: {}", reply.text());
        assert_eq!(reply.header("connection"), Some("close"), "{lines:?}");
        assert!(wire.is_closed(), "{lines:?}: the connection goes on");
        let arrived = upstream.the_request();
        assert_eq!(arrived.body, CHAT);
        assert_eq!(arrived.header("transfer-encoding"), None);
        assert_eq!(arrived.header("x-trailer"), None);
        assert_eq!(
            arrived.header("content-length"),
            Some(CHAT.len().to_string().as_str())
        );
    }
}

#[test]
fn other_protocols_are_not_spoken() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "");
    let old = format!(
        "POST {CHAT_PATH} HTTP/1.0\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\n{JSON}\r\ncontent-length: {}\r\n\r\n",
        CHAT.len()
    );
    let mut wire = gate.wire();
    wire.send(&[old.as_bytes(), CHAT].concat());
    let reply = wire.reply().expect("an answer");
    reply.refused(400);
    assert!(wire.is_closed());
    for request in [
        "CONNECT 127.0.0.1:80 HTTP/1.1\r\nhost: localhost\r\n\r\n".to_owned(),
        format!(
            "CONNECT localhost:4100 HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\n\r\n"
        ),
        format!(
            "TRACE {CHAT_PATH} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\n\r\n"
        ),
        format!("POST {CHAT_PATH} HTTP/9.9\r\nhost: localhost\r\n\r\n"),
        format!("POST {CHAT_PATH}\r\n\r\n"),
        "\x16\x03\x01\x02\x00\x01\x00\x01\x7c\x03\x03".repeat(20),
        "GARBAGE".repeat(2000),
        format!(
            "POST {CHAT_PATH} HTTP/1.1\r\n{}\r\n",
            "x-many: 1\r\n".repeat(500)
        ),
        format!(
            "POST {CHAT_PATH} HTTP/1.1\r\nhost: localhost\r\nx-long: {}\r\n\r\n",
            "x".repeat(1 << 20)
        ),
        format!(
            "POST /{} HTTP/1.1\r\nhost: localhost\r\n\r\n",
            "x".repeat(1 << 20)
        ),
    ] {
        let mut wire = gate.wire();
        wire.send(request.as_bytes());
        let shown: String = request.chars().take(60).collect();
        if let Some(reply) = wire.reply() {
            assert!((400..500).contains(&reply.status), "{shown}: {reply:?}");
        }
    }
    // An upgrade is not refused (some clients offer one with every call) but never taken up.
    for protocol in ["h2c", "websocket"] {
        let upgrade = format!("upgrade: {protocol}");
        let reply = gate.ask(&post(
            CHAT_PATH,
            &[
                "connection: Upgrade, HTTP2-Settings",
                &upgrade,
                "http2-settings: AAMAAABk",
            ],
            CHAT,
        ));
        assert_eq!(reply.status, 200);
        let arrived = upstream.the_request();
        assert_eq!(arrived.header("upgrade"), None);
    }
    gate.is_well();
}

#[test]
fn a_body_over_the_limit_is_refused_while_it_comes() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "max_body: 64KiB");
    let before = gate.resident();
    // Announced: refused at once, and not a byte of it is asked for.
    let mut wire = gate.wire();
    wire.send(&head(
        "POST",
        CHAT_PATH,
        &[JSON, "content-length: 1073741824", "expect: 100-continue"],
    ));
    let reply = wire.any_reply().expect("an answer");
    assert_eq!(reply.refused(413), "request_too_large");
    assert!(wire.is_closed());
    // Announced and sent all the same: the answer is not lost in what is still on its way.
    let mut wire = gate.wire();
    wire.send(&post(CHAT_PATH, &[], &vec![b' '; 4 << 20]));
    assert_eq!(
        wire.reply().expect("an answer").refused(413),
        "request_too_large"
    );
    // Endless: refused at the limit.
    let mut wire = gate.wire();
    wire.send(&head(
        "POST",
        CHAT_PATH,
        &[JSON, "transfer-encoding: chunked"],
    ));
    let chunk = format!("2000\r\n{}\r\n", " ".repeat(0x2000));
    let mut sent = 0;
    while wire.try_send(chunk.as_bytes()).is_ok() {
        sent += 0x2000;
        assert!(sent < 1 << 30, "it takes everything");
    }
    assert_eq!(
        wire.reply().expect("an answer").refused(413),
        "request_too_large"
    );
    // The limit itself fits.
    let mut body = CHAT.to_vec();
    body.resize(64 * 1024, b' ');
    assert_eq!(gate.post(CHAT_PATH, &body).status, 200);
    body.push(b' ');
    gate.post(CHAT_PATH, &body).refused(413);
    assert!(gate.resident() < before + (32 << 20), "memory is bounded");
    assert_eq!(upstream.arrived().len(), 1);
}

#[test]
fn a_caller_is_told_to_continue_only_if_it_may() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "");
    let length = format!("content-length: {}", CHAT.len());
    let mut wire = gate.wire();
    wire.send(&head(
        "POST",
        CHAT_PATH,
        &[JSON, &length, "expect: 100-continue"],
    ));
    assert_eq!(wire.any_reply().expect("an interim answer").status, 100);
    wire.send(CHAT);
    assert_eq!(wire.any_reply().expect("an answer").status, 200);
    assert_eq!(upstream.the_request().header("expect"), None);
    // Refused without the body.
    for (line, status) in [
        ("x-api-key: wrong", 400),
        ("origin: https://evil.example", 403),
        ("content-encoding: br", 415),
    ] {
        let mut wire = gate.wire();
        wire.send(&head(
            "POST",
            CHAT_PATH,
            &[JSON, &length, "expect: 100-continue", line],
        ));
        assert_eq!(
            wire.any_reply().expect("an answer").status,
            status,
            "{line}"
        );
    }
}

#[test]
fn requests_in_one_go_are_answered_in_turn() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "");
    let mut wire = gate.wire();
    let requests: Vec<u8> = (0..20)
        .flat_map(|number| post(CHAT_PATH, &[&format!("x-request-id: n-{number}")], CHAT))
        .collect();
    for piece in requests.chunks(97) {
        wire.send(piece);
    }
    for number in 0..20 {
        let reply = wire.reply().expect("an answer");
        assert_eq!(
            (reply.status, reply.header("x-request-id")),
            (200, Some(format!("n-{number}").as_str()))
        );
    }
    assert_eq!(upstream.arrived().len(), 20);
}

#[test]
fn a_refused_body_does_not_become_the_next_request() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "");
    let inner = post(CHAT_PATH, &[], CHAT);
    for line in [
        "x-api-key: wrong",
        "origin: https://evil.example",
        "content-type: text/plain",
    ] {
        let mut wire = gate.wire();
        wire.send(&post(CHAT_PATH, &[line], &inner));
        let reply = wire.reply().expect("an answer");
        assert!((400..500).contains(&reply.status), "{line}");
        wire.patience(Duration::from_secs(30));
        wire.send(&post(CHAT_PATH, &[], b"{}"));
        if let Some(reply) = wire.reply() {
            assert_eq!(
                reply.status, 400,
                "{line}: the next request is the next one: {reply:?}"
            );
        }
        assert!(upstream.arrived().is_empty(), "{line}");
    }
}
