//! Requests that are not what they should be: each a clear 4xx in OpenAI's shape, and nothing of them goes up.

use super::rig::{CHAT, Gate, KEY, get, head, post};
use crate::bytes::upstream::Upstream;
use std::fmt::Write as _;

const CHAT_PATH: &str = "/v1/chat/completions";

/// Sends all of these on one connection, which must stay usable, and names the codes of the refusals.
#[track_caller]
fn refusals(gate: &Gate, path: &str, rows: &[(&[u8], &str)]) {
    let mut wire = gate.wire();
    for (body, code) in rows {
        wire.send(&post(path, &[], body));
        let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        let reply = wire.reply().unwrap_or_else(|| panic!("hung up on {shown}"));
        assert_eq!(reply.refused(400), *code, "{shown}: {}", reply.text());
    }
    wire.send(&post(path, &[], b"{}"));
    assert_eq!(
        wire.reply().map(|reply| reply.status),
        Some(400),
        "still usable"
    );
}

#[test]
fn what_is_not_json_is_refused() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "");
    refusals(
        &gate,
        CHAT_PATH,
        &[
            (b"", "unexpected_end"),
            (b" ", "unexpected_end"),
            (b"{", "unexpected_end"),
            (br#"{"model":"m","messages":["#, "unexpected_end"),
            (br#"{"model":"m","messages":[]}x"#, "trailing_characters"),
            (br#"{"model":"m","messages":[]}{}"#, "trailing_characters"),
            (br#"{"model":"m","messages":[],}"#, "unexpected_character"),
            (b"{'model':'m'}", "unexpected_character"),
            (br#"{"model":"m" "messages":[]}"#, "unexpected_character"),
            (b"model=m", "unexpected_character"),
            (b"nan", "unexpected_character"),
            (b"[]", "invalid_type"),
            (br#""text""#, "invalid_type"),
            (b"null", "invalid_type"),
            (b"7", "invalid_type"),
            (b"{\"model\":\"m\",\"messages\":[\"\xff\"]}", "invalid_utf8"),
            (
                b"{\"model\":\"m\",\"messages\":[\"\xc0\x80\"]}",
                "invalid_utf8",
            ),
            (
                b"{\"model\":\"m\",\"messages\":[\"\xed\xa0\x80\"]}",
                "invalid_utf8",
            ),
            (
                b"\xef\xbb\xbf{\"model\":\"m\",\"messages\":[]}",
                "byte_order_mark",
            ),
            (b"\xff\xfe{\0}\0", "invalid_utf8"),
            (br#"{"model":"m","messages":["\ud800"]}"#, "lone_surrogate"),
            (
                br#"{"model":"m","messages":["\udc00\ud800"]}"#,
                "lone_surrogate",
            ),
            (br#"{"model":"m\u0000","messages":[]}"#, "escaped_nul"),
            (b"{\"model\":\"m\0\",\"messages\":[]}", "control_character"),
            (
                b"{\"model\":\"m\",\"messages\":[\"a\nb\"]}",
                "control_character",
            ),
            (br#"{"model":"m","messages":["\x41"]}"#, "invalid_escape"),
            (
                br#"{"model":"m","messages":[],"model":"n"}"#,
                "duplicate_key",
            ),
            (
                br#"{"model":"m","messages":[],"mod\u0065l":"n"}"#,
                "duplicate_key",
            ),
            (
                br#"{"model":"m","messages":[{"role":"user","role":"system"}]}"#,
                "duplicate_key",
            ),
            (br#"{"model":"m","messages":[],"x":01}"#, "invalid_number"),
            (
                br#"{"model":"m","messages":[],"x":+1}"#,
                "unexpected_character",
            ),
            (br#"{"model":"m","messages":[],"x":1.}"#, "invalid_number"),
            (
                br#"{"model":"m","messages":[],"x":NaN}"#,
                "unexpected_character",
            ),
        ],
    );
    assert!(upstream.arrived().is_empty(), "nothing of it goes up");
}

#[test]
fn bombs_of_json_are_refused() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "");
    let nested = |open: &str, close: &str, depth: usize| {
        format!(
            r#"{{"model":"m","messages":[],"x":{}1{}}}"#,
            open.repeat(depth),
            close.repeat(depth)
        )
        .into_bytes()
    };
    let mut keys = String::from(r#"{"model":"m","messages":[]"#);
    for index in 0..300_000 {
        let _ = write!(keys, r#","k{index}":0"#);
    }
    keys.push('}');
    let digits = format!(
        r#"{{"model":"m","messages":[],"x":{}}}"#,
        "9".repeat(100_000)
    );
    let exponent = format!(
        r#"{{"model":"m","messages":[],"x":1e{}}}"#,
        "9".repeat(100_000)
    );
    refusals(
        &gate,
        CHAT_PATH,
        &[
            (&nested("[", "]", 100_000), "nesting_too_deep"),
            (&nested(r#"{"a":"#, "}", 100_000), "nesting_too_deep"),
            (&vec![b'['; 1 << 20], "nesting_too_deep"),
            (&nested("[", "]", 128), "nesting_too_deep"),
            (keys.as_bytes(), "too_many_keys"),
            (digits.as_bytes(), "invalid_number"),
            (exponent.as_bytes(), "invalid_number"),
        ],
    );
    assert!(upstream.arrived().is_empty(), "nothing of it goes up");
    let deep = nested("[", "]", 120);
    assert_eq!(
        gate.post(CHAT_PATH, &deep).status,
        200,
        "deep, and well-formed"
    );
    assert_eq!(upstream.the_request().body, deep);
}

#[test]
fn fields_that_are_missing_or_of_a_wrong_type_are_named() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "");
    let check = |path: &str, body: &str, code: &str, param: &str| {
        let reply = gate.post(path, body.as_bytes());
        assert_eq!(reply.refused(400), code, "{body}: {}", reply.text());
        assert_eq!(reply.json()["error"]["param"], param, "{body}");
    };
    let missing = "missing_required_parameter";
    check(CHAT_PATH, "{}", missing, "model");
    check(CHAT_PATH, r#"{"model":"m"}"#, missing, "messages");
    check("/v1/completions", r#"{"model":"m"}"#, missing, "prompt");
    check("/v1/embeddings", r#"{"model":"m"}"#, missing, "input");
    check("/v1/responses", r#"{"input":"x"}"#, missing, "model");
    check("/v1/moderations", r#"{"model":"m"}"#, missing, "input");
    check("/v1/moderations", "{}", missing, "input");
    check(
        "/v1/images/generations",
        r#"{"model":"m"}"#,
        missing,
        "prompt",
    );
    check("/v1/audio/speech", r#"{"model":"m"}"#, missing, "input");
    let wrong = "invalid_value";
    for model in [
        "null",
        "7",
        "[]",
        r#""""#,
        r#""a\nb""#,
        r#""a\u001b[31m""#,
        r#""a\u009bb""#,
    ] {
        let body = format!(r#"{{"model":{model},"messages":[]}}"#);
        check(CHAT_PATH, &body, wrong, "model");
    }
    let long = format!(r#"{{"model":"{}","messages":[]}}"#, "m".repeat(257));
    check(CHAT_PATH, &long, wrong, "model");
    for (param, value) in [
        ("messages", r#""hi""#),
        ("messages", "{}"),
        ("messages", "null"),
        ("stream", r#""true""#),
        ("stream", "1"),
        ("n", "0"),
        ("n", "129"),
        ("n", "1.5"),
        ("n", "-1"),
        ("n", r#""2""#),
        ("max_tokens", "0"),
        ("max_tokens", "-5"),
        ("max_tokens", "1.5"),
        ("max_tokens", "1e3"),
        ("max_tokens", r#""10""#),
        ("max_tokens", "99999999999999999999999"),
        ("max_completion_tokens", "[]"),
        ("stream_options", "true"),
    ] {
        let messages = if param == "messages" {
            ""
        } else {
            r#","messages":[]"#
        };
        let body = format!(r#"{{"model":"m"{messages},"{param}":{value}}}"#);
        check(CHAT_PATH, &body, wrong, param);
    }
    for field in ["api_base", "base_url", "extra_headers"] {
        let body = format!(r#"{{"model":"m","messages":[],"{field}":"http://169.254.169.254/"}}"#);
        check(CHAT_PATH, &body, "unsupported_parameter", field);
        let body = format!(
            r#"{{"model":"m","messages":[],"\u00{:02x}{}":null}}"#,
            field.as_bytes()[0],
            &field[1..]
        );
        check(CHAT_PATH, &body, "unsupported_parameter", field);
    }
    assert!(upstream.arrived().is_empty(), "nothing of it goes up");
}

#[test]
fn unknown_paths_name_the_routes_and_wrong_methods_the_right_one() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "");
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v1/audio/transcriptions",
        "/v1/chat/completions/",
        "/v1/chat/completions/../models",
        "//v1/chat/completions",
        "/V1/chat/completions",
        "/v1/chat%2fcompletions",
        "/v1/chat/completions;x",
        "/metrics",
        "/status",
        "/v1/models/",
        "/v1/models/%zz",
        "/v1/models/%",
        "/\u{1b}[31m",
        "*",
    ] {
        for method in ["POST", "GET"] {
            let reply = gate.ask(&head(
                method,
                path,
                &["content-type: application/json", "content-length: 0"],
            ));
            if reply.status == 400 {
                continue; // no request target at all: hyper hangs up
            }
            assert_eq!(reply.refused(404), "unknown_url", "{method} {path}");
            let message = reply.json()["error"]["message"].to_string();
            for route in [
                "/v1/chat/completions",
                "/v1/completions",
                "/v1/embeddings",
                "/v1/responses",
                "/v1/moderations",
                "/v1/models",
            ] {
                assert!(message.contains(route), "{message}");
            }
            assert!(!message.chars().any(char::is_control), "{message}");
        }
    }
    for (method, path, allowed) in [
        ("GET", CHAT_PATH, "POST"),
        ("PUT", CHAT_PATH, "POST"),
        ("DELETE", "/v1/embeddings", "POST"),
        ("OPTIONS", CHAT_PATH, "POST"),
        ("TRACE", CHAT_PATH, "POST"),
        ("PROPFIND", "/responses", "POST"),
        ("POST", "/v1/models", "GET"),
        ("DELETE", "/v1/models/m", "GET"),
    ] {
        let reply = gate.ask(&head(method, path, &["content-length: 0"]));
        assert_eq!(reply.refused(405), "method_not_allowed", "{method} {path}");
        assert_eq!(reply.header("allow"), Some(allowed), "{method} {path}");
    }
    gate.is_well();
}

#[test]
fn the_body_must_be_json_and_say_so() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "");
    let length = format!("content-length: {}", CHAT.len());
    for kind in [
        "content-type: text/plain",
        "content-type: text/plain;charset=UTF-8",
        "content-type: application/x-www-form-urlencoded",
        "content-type: multipart/form-data; boundary=x",
        "content-type: application/jsonp",
        "content-type:",
        "x-none: 1",
    ] {
        let request = [&head("POST", CHAT_PATH, &[kind, &length])[..], CHAT].concat();
        gate.ask(&request).refused(415);
    }
    for kind in [
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/json ;x",
    ] {
        let kind = format!("content-type: {kind}");
        let request = [&head("POST", CHAT_PATH, &[&kind, &length])[..], CHAT].concat();
        assert_eq!(gate.ask(&request).status, 200, "{kind}");
    }
}

#[test]
fn headers_that_contradict_each_other_are_refused() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "");
    for lines in [
        ["host: localhost", "x-a: 1"],
        ["authorization: Bearer other", "x-a: 1"],
        ["x-api-key: other", "x-a: 1"],
        ["content-type: application/json", "x-a: 1"],
        ["x-tollgate-run: a", "x-tollgate-run: b"],
        ["x-tollgate-run: a", "x-litellm-trace-id: b"],
        ["content-encoding: gzip", "content-encoding: gzip"],
    ] {
        let reply = gate.ask(&post(CHAT_PATH, &lines, CHAT));
        assert!(
            matches!(reply.status, 400 | 415),
            "{lines:?}: {}",
            reply.status
        );
        reply.refused(reply.status);
    }
    assert!(upstream.arrived().is_empty());
}

#[test]
fn what_a_request_says_of_itself_injects_nothing() {
    let upstream = Upstream::new();
    let settings = "budgets: [{ name: per-run, match: {}, per: run, limit: \"$9\", window: 1d }]\nunknown_price: { ceiling: \"$0.01\" }";
    let gate = Gate::before(upstream.address, settings);
    for run in ["a\tb", "a\u{9b}31mb", "a\u{7f}b", "", " ", "x\u{85}y"] {
        let header = format!("x-tollgate-run: {run}");
        let status = gate.ask(&post(CHAT_PATH, &[&header], CHAT)).status;
        assert_eq!(status, 400, "{run:?}");
    }
    for name in [
        "x-tollgate-run",
        "x-tollgate-session",
        "x-tollgate-end-user",
        "x-tollgate-tags",
    ] {
        let long = format!("{name}: {}", "x".repeat(257));
        gate.ask(&post(CHAT_PATH, &[&long], CHAT)).refused(400);
    }
    assert!(upstream.arrived().is_empty());
    let odd = "naïve\"} 1\\n\\\\{x=\"y\",}";
    let reply = gate.ask(&post(CHAT_PATH, &[&format!("x-tollgate-run: {odd}")], CHAT));
    assert_eq!(reply.status, 200, "{}", reply.text());
    let model = r#"{"model":"a\"} 1 b\\ {c=\"d\",","messages":[]}"#;
    assert_eq!(gate.post(CHAT_PATH, model.as_bytes()).status, 200);
    for arrived in upstream.arrived() {
        assert!(
            !arrived
                .headers
                .iter()
                .any(|(name, value)| name.contains("tollgate") || value.contains("naïve"))
        );
    }
    // Every line of the metrics is a comment or a series with one value.
    for line in gate.admin("/metrics").text().lines() {
        let well = line.starts_with('#')
            || line.rsplit_once(' ').is_some_and(|(series, value)| {
                value.parse::<f64>().is_ok() && series.starts_with("tollgate_")
                    || series.starts_with("gen_ai_")
                    || series.starts_with("process_")
            });
        assert!(well, "{line}");
    }
    // Every line of the log and of the decision log is one JSON object.
    for line in gate.process.output().lines() {
        serde_json::from_str::<serde_json::Value>(line)
            .unwrap_or_else(|error| panic!("{error}: {line}"));
    }
}

#[test]
fn who_has_no_good_key_learns_nothing_more() {
    let upstream = Upstream::new();
    let settings = format!(
        "keys:\n\
         \x20 - {{ name: dev, secret: {KEY} }}\n\
         \x20 - {{ name: off, secret: tg-off-0123456789abcdef0123456789abcdef, disabled: true }}\n\
         \x20 - {{ name: old, secret: tg-old-0123456789abcdef0123456789abcdef, expires: 2020-01-01 }}\n"
    );
    let gate = Gate::before(upstream.address, &settings);
    let length = format!("content-length: {}", CHAT.len());
    let ask = |proof: &str| {
        let head = format!(
            "POST {CHAT_PATH} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{length}\r\n{proof}\r\n\r\n"
        );
        gate.ask(&[head.as_bytes(), CHAT].concat())
    };
    let mut messages = Vec::new();
    let prefix = &KEY[..KEY.len() - 1];
    for proof in [
        "authorization: Bearer unknown".to_owned(),
        format!("authorization: Bearer {prefix}"),
        format!("authorization: Bearer {KEY}x"),
        format!("authorization: Bearer {}", KEY.to_uppercase()),
        "authorization: Bearer tg-off-0123456789abcdef0123456789abcdef".to_owned(),
        "authorization: Bearer tg-old-0123456789abcdef0123456789abcdef".to_owned(),
        format!("x-api-key: {}", "x".repeat(5000)),
        "api-key: sk-provider-fedcba9876543210fedcba9876543210".to_owned(),
        "authorization: Bearer \u{e9}".to_owned(),
    ] {
        let reply = ask(&proof);
        assert_eq!(reply.refused(401), "invalid_api_key", "{proof}");
        messages.push(reply.json()["error"]["message"].to_string());
    }
    messages.dedup();
    assert_eq!(messages.len(), 1, "one text for all: {messages:?}");
    for proof in [
        "x-none: 1".to_owned(),
        format!("authorization: Basic {KEY}"),
        format!("authorization: {KEY}"),
        format!("cookie: key={KEY}"),
    ] {
        assert_eq!(ask(&proof).refused(401), "invalid_api_key", "{proof}");
    }
    for proof in [
        format!("authorization: bearer {KEY}"),
        format!("api-key: {KEY}"),
        format!("x-goog-api-key: {KEY}"),
    ] {
        assert_eq!(ask(&proof).status, 200, "{proof}");
    }
    gate.ask(&get("/v1/models"));
    assert_eq!(upstream.arrived().len(), 3);
}
