//! Which headers go up, and which come back.

use super::upstream::{Scripted, Upstream};
use crate::door::rig::{CHAT, CREDENTIAL, Gate, KEY, post};

const CHAT_PATH: &str = "/v1/chat/completions";

#[test]
fn only_what_is_meant_for_the_provider_goes_up() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "origins: [https://console.example]");
    let proof = format!("x-api-key: {KEY}");
    let other_proof = format!("api-key: {KEY}");
    let third_proof = format!("x-goog-api-key: {KEY}");
    let headers = [
        "user-agent: agent/1.0",
        "accept: application/json",
        "openai-organization: org-1",
        "openai-beta: assistants=v2",
        "x-stainless-lang: python",
        "idempotency-key: i-1",
        "x-custom: naïve",
        "x-request-id: caller-id-1",
        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        &proof,
        &other_proof,
        &third_proof,
        "proxy-authorization: Basic eDp5",
        "cookie: session=1",
        "cookie: other=2",
        "x-tollgate-run: run-1",
        "x-tollgate-anything: x",
        "x-litellm-tags: a",
        "connection: keep-alive, X-Hop, x-request-id-not",
        "keep-alive: timeout=5",
        "x-hop: 1",
        "te: trailers",
        "trailer: x-sum",
        "upgrade: h2c",
        "http2-settings: AAMAAABkAAQAoAAAAAIAAAAA",
        "origin: https://console.example",
        "referer: https://console.example/x",
        "sec-fetch-site: cross-site",
        "sec-fetch-mode: cors",
        "via: 1.1 proxy",
        "forwarded: for=10.0.0.1",
        "x-forwarded-for: 10.0.0.1",
        "accept-encoding: br, zstd",
    ];
    let reply = gate.ask(&post(CHAT_PATH, &headers, CHAT));
    assert_eq!(reply.status, 200, "{}", reply.text());
    let arrived = upstream.the_request();
    assert_eq!(arrived.line, "POST /v1/chat/completions HTTP/1.1");
    let mut names: Vec<&str> = arrived
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    names.sort_unstable();
    let expected = [
        "accept",
        "accept-encoding",
        "authorization",
        "content-length",
        "content-type",
        "host",
        "idempotency-key",
        "openai-beta",
        "openai-organization",
        "traceparent",
        "user-agent",
        "x-custom",
        "x-request-id",
        "x-stainless-lang",
    ];
    assert_eq!(names, expected);
    let credential = format!("Bearer {CREDENTIAL}");
    for (name, value) in [
        ("authorization", credential.as_str()),
        ("host", &upstream.address.to_string()),
        ("accept-encoding", "identity"),
        ("x-custom", "naïve"),
        ("x-request-id", "caller-id-1"),
    ] {
        assert_eq!(arrived.header(name), Some(value));
    }
    assert!(!arrived.text().contains(KEY));
}

#[test]
fn a_credential_goes_to_its_own_provider_alone() {
    let (one, other, open) = (Upstream::new(), Upstream::new(), Upstream::new());
    let settings = format!(
        "providers:\n\
         \x20 one: {{ kind: openai-compatible, base_url: \"http://{}/v1\", credential: sk-one }}\n\
         \x20 other: {{ kind: openai-compatible, base_url: \"http://{}/deep/v2\", credential: sk-other }}\n\
         \x20 open: {{ kind: openai-compatible, base_url: \"http://{}/v1/\" }}\n\
         models: [{{ name: one, provider: one }}, {{ name: other, provider: other }}, {{ name: open, provider: open }}]",
        one.address, other.address, open.address
    );
    let gate = Gate::before(one.address, &settings);
    for model in ["one", "other", "open", "other", "one"] {
        let body = format!(r#"{{"model":"{model}","messages":[]}}"#);
        assert_eq!(gate.post(CHAT_PATH, body.as_bytes()).status, 200);
    }
    let all = |upstream: &Upstream| -> Vec<(String, Option<String>)> {
        let arrived = upstream.arrived();
        let seen = arrived.iter().map(|request| {
            let credential = request.header("authorization").map(str::to_owned);
            (request.line.clone(), credential)
        });
        seen.collect()
    };
    let expect = |path: &str, credential: Option<&str>, times: usize| {
        let line = format!("POST {path}/chat/completions HTTP/1.1");
        vec![(line, credential.map(str::to_owned)); times]
    };
    assert_eq!(all(&one), expect("/v1", Some("Bearer sk-one"), 2));
    assert_eq!(all(&other), expect("/deep/v2", Some("Bearer sk-other"), 2));
    assert_eq!(all(&open), expect("/v1", None, 1));
}

#[test]
fn the_query_passes() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "");
    let path = "/v1/chat/completions?api-version=2024-10-21&x=%20y&&=z?/";
    assert_eq!(gate.post(path, CHAT).status, 200);
    assert_eq!(upstream.the_request().line, format!("POST {path} HTTP/1.1"));
}

#[test]
fn a_providers_headers_come_back_apart_from_those_that_end_here() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "");
    let body = br#"{"usage":null}"#;
    upstream.answers(Scripted::whole(
        "200 OK",
        &[
            "content-type: application/json; charset=utf-8",
            "date: Mon, 01 Jan 2024 00:00:00 GMT",
            "openai-processing-ms: 12",
            "openai-version: 2020-10-01",
            "x-request-id: theirs-1",
            "x-ratelimit-limit-requests: 100",
            "x-ratelimit-remaining-tokens: 99",
            "set-cookie: a=1",
            "set-cookie: b=2",
            "x-utf8: naïve",
            "connection: keep-alive, X-Theirs-Alone",
            "x-theirs-alone: 1",
            "keep-alive: timeout=5",
            "proxy-authenticate: Basic",
            "x-tollgate-cost-usd: 0",
            "x-tollgate-budget: forged",
            "server: theirs",
        ],
        body,
    ));
    let reply = gate.ask(&post(CHAT_PATH, &["x-request-id: mine-1"], CHAT));
    assert_eq!(reply.body, body);
    for (name, value) in [
        ("content-type", Some("application/json; charset=utf-8")),
        ("date", Some("Mon, 01 Jan 2024 00:00:00 GMT")),
        ("openai-processing-ms", Some("12")),
        ("openai-version", Some("2020-10-01")),
        ("x-request-id", Some("mine-1")),
        ("x-upstream-request-id", Some("theirs-1")),
        ("x-ratelimit-limit-requests", Some("100")),
        ("x-ratelimit-remaining-tokens", Some("99")),
        ("x-utf8", Some("naïve")),
        ("server", Some("theirs")),
        ("content-length", Some("14")),
        ("x-theirs-alone", None),
        ("keep-alive", None),
        ("x-tollgate-budget", None),
    ] {
        assert_eq!(reply.header(name), value, "{name}");
    }
    let cookies = reply
        .headers
        .iter()
        .filter(|(name, _)| name == "set-cookie");
    assert_eq!(cookies.count(), 2);
    assert_ne!(reply.header("x-tollgate-cost-usd"), Some("0"), "forged");
}

#[test]
fn a_limit_of_ours_moves_the_providers_aside() {
    let upstream = Upstream::new();
    let gate = Gate::before(
        upstream.address,
        "limits: [{ name: l, match: {}, rpm: 60 }]",
    );
    upstream.answers(Scripted::whole(
        "200 OK",
        &[
            "content-type: application/json",
            "x-ratelimit-limit-requests: 5000",
            "x-ratelimit-remaining-requests: 4999",
            "x-ratelimit-reset-requests: 12ms",
            "x-ratelimit-limit-tokens: 160000",
        ],
        b"{}",
    ));
    let reply = gate.post(CHAT_PATH, CHAT);
    for (name, value) in [
        ("x-ratelimit-limit-requests", "60"),
        ("x-upstream-ratelimit-limit-requests", "5000"),
        ("x-upstream-ratelimit-remaining-requests", "4999"),
        ("x-upstream-ratelimit-reset-requests", "12ms"),
        ("x-ratelimit-limit-tokens", "160000"),
    ] {
        assert_eq!(reply.header(name), Some(value), "{name}");
    }
}

#[test]
fn a_request_id_is_echoed_if_it_is_one_and_made_if_not() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "");
    let long = format!("x-request-id: {}", "x".repeat(129));
    for (header, kept) in [
        ("x-request-id: abc-1", Some("abc-1")),
        ("x-request-id: a b", None),
        ("x-request-id: ", None),
        (long.as_str(), None),
        ("x-unrelated: 1", None),
    ] {
        for (body, status) in [(CHAT, 200), (b"{".as_slice(), 400)] {
            let reply = gate.ask(&post(CHAT_PATH, &[header], body));
            assert_eq!(reply.status, status);
            let id = reply.header("x-request-id").expect("every answer has one");
            match kept {
                Some(kept) => assert_eq!(id, kept),
                None => assert!(id.len() > 10 && !header.contains(id), "{id}"),
            }
            assert!(reply.header("x-tollgate-decision-id").is_some());
        }
    }
}
