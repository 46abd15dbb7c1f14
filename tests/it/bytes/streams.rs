//! Streams pass as they came, however their provider cut and spelled them.

use super::upstream::{Scripted, Upstream};
use crate::door::rig::{Gate, Reply};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::io::Write as _;

/// Every byte a chunk of its own.
fn singly(stream: &[u8]) -> Scripted {
    Scripted::events(stream.chunks(1))
}

/// A stream of this endpoint, asked for with usage or without.
fn ask(gate: &Gate, endpoint: &str, usage: bool) -> Reply {
    let what = match endpoint {
        "chat/completions" => r#""messages":[{"role":"user","content":"hi"}]"#,
        "completions" => r#""prompt":"hi""#,
        _ => r#""input":"hi""#,
    };
    let options = match (endpoint, usage) {
        ("responses", _) => "",
        (_, true) => r#","stream_options":{"include_usage":true}"#,
        (_, false) => r#","stream_options":{"include_usage":false}"#,
    };
    let body = format!(r#"{{"model":"m",{what},"stream":true{options}}}"#);
    let reply = gate.post(&format!("/v1/{endpoint}"), body.as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply
}

#[track_caller]
fn same(found: &[u8], expected: &[u8], how: &str) {
    assert!(
        found == expected,
        "{how}:\n--- came\n{:?}\n--- expected\n{:?}",
        String::from_utf8_lossy(found),
        String::from_utf8_lossy(expected)
    );
}

const GOLDEN: [(&str, &[u8]); 4] = [
    (
        "chat/completions",
        include_bytes!("../../golden/openai/chat.sse"),
    ),
    (
        "chat/completions",
        include_bytes!("../../golden/openai/chat_tools.sse"),
    ),
    (
        "completions",
        include_bytes!("../../golden/openai/completions.sse"),
    ),
    (
        "responses",
        include_bytes!("../../golden/openai/responses.sse"),
    ),
];

/// The stream without its events that hold nothing but usage.
fn without_usage(stream: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(stream.to_vec()).expect("text");
    let kept = text
        .split_inclusive("\n\n")
        .filter(|event| !event.contains(r#""choices":[]"#) || event.contains(r#""usage":null"#));
    kept.collect::<String>().into_bytes()
}

#[test]
fn captured_streams_pass_unchanged_wherever_they_are_cut() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "");
    for (endpoint, stream) in GOLDEN {
        upstream.answers(singly(stream));
        same(&ask(&gate, endpoint, true).body, stream, endpoint);
        for at in (0..=stream.len()).step_by(7) {
            let (first, second) = stream.split_at(at);
            upstream.answers(Scripted::events([first, second]));
            let found = ask(&gate, endpoint, true).body;
            same(&found, stream, &format!("{endpoint} cut at {at}"));
        }
    }
}

#[test]
fn usage_nobody_asked_for_is_hidden_and_every_other_byte_passes() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "");
    for (endpoint, stream) in GOLDEN {
        let expected = if endpoint == "responses" {
            stream.to_vec()
        } else {
            without_usage(stream)
        };
        upstream.answers(singly(stream));
        same(&ask(&gate, endpoint, false).body, &expected, endpoint);
        for at in (0..=stream.len()).step_by(7) {
            let (first, second) = stream.split_at(at);
            upstream.answers(Scripted::events([first, second]));
            let found = ask(&gate, endpoint, false).body;
            same(&found, &expected, &format!("{endpoint} cut at {at}"));
        }
    }
}

/// What a provider may write in front of an event, behind it or in the midst of it.
fn event() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        Just("hi".to_owned()),
        Just("naïve \\u00e9 \\n 🦀".to_owned()),
        Just("\\\"usage\\\":{\\\"total_tokens\\\":9},\\\"choices\\\":[]".to_owned()),
        "[a-z ]{0,80}",
    ];
    let line = prop_oneof![
        4 => text.prop_map(|text| format!(
            r#"data: {{"id":"c1","choices":[{{"index":0,"delta":{{"content":"{text}"}}}}],"x":null}}"#
        )),
        1 => Just(": a comment".to_owned()),
        1 => Just("data:{\"choices\": [ ],\"usage\":null}".to_owned()),
        1 => Just("data: {\"choices\":\ndata: []}".to_owned()),
        1 => Just("event: ping\nid: 7\nretry: 10\ndata: {}".to_owned()),
        1 => Just("data: not JSON".to_owned()),
        1 => Just(String::new()),
        1 => Just("data".to_owned()),
    ];
    let ending = prop_oneof![4 => Just("\n"), 2 => Just("\r\n"), 1 => Just("\r")];
    (line, ending)
        .prop_map(|(line, ending)| format!("{}{ending}{ending}", line.replace('\n', ending)))
}

/// A stream that ends as it should, in pieces; and the usage event before its end.
fn stream() -> impl Strategy<Value = (Vec<String>, String, String, Vec<usize>)> {
    let usage = prop_oneof![
        Just(
            r#"data: {"id":"c1","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}"#
        ),
        Just(
            "data:{\"usage\" : {\"prompt_tokens\":3,\"completion_tokens\":4},\ndata: \"choices\" : [ ] }"
        ),
    ];
    let line = prop_oneof![Just("\n"), Just("\r\n")];
    let last = prop_oneof![
        Just("data: [DONE]\n\n".to_owned()),
        Just("data: [DONE]\r\n\r\n".to_owned()),
        Just("data: [DONE]".to_owned()),
        Just("data:[DONE]\n".to_owned()),
        Just("data: [DONE]\n\n: bye\n".to_owned()),
    ];
    let usage =
        (usage, line).prop_map(|(usage, end)| format!("{}{end}{end}", usage.replace('\n', end)));
    (
        prop::collection::vec(event(), 0..12),
        usage,
        last,
        prop::collection::vec(1_usize..40, 1..20),
    )
}

/// `bytes` in pieces of these sizes, over and over.
fn cut<'a>(mut bytes: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for size in sizes.iter().cycle() {
        if bytes.is_empty() {
            break;
        }
        let (piece, rest) = bytes.split_at((*size).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}

#[test]
fn any_stream_passes_unchanged_and_loses_only_usage_nobody_asked_for() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "");
    let mut runner = TestRunner::new(Config {
        cases: 400,
        failure_persistence: None,
        ..Config::default()
    });
    let outcome = runner.run(&stream(), |(events, usage, last, sizes)| {
        let events = events.concat();
        let whole = format!("{events}{usage}{last}");
        upstream.answers(Scripted::events(cut(whole.as_bytes(), &sizes)));
        let found = ask(&gate, "chat/completions", true).text();
        prop_assert_eq!(&found, &whole);
        let found = ask(&gate, "chat/completions", false).text();
        prop_assert_eq!(&found, &format!("{events}{last}"));
        Ok(())
    });
    outcome.expect("streams pass");
}

#[test]
fn an_event_larger_than_is_read_passes_unchanged() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "");
    let huge = format!(
        "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{}\"}}}}]}}\n\n",
        "x".repeat(3 << 20)
    );
    let stream = format!(
        "{huge}data: {{\"choices\":[],\"usage\":{{\"prompt_tokens\":1,\"completion_tokens\":1}}}}\n\ndata: [DONE]\n\n"
    );
    upstream.answers(Scripted::events(stream.as_bytes().chunks(65_537)));
    same(
        &ask(&gate, "chat/completions", true).body,
        stream.as_bytes(),
        "asked for",
    );
    let hidden = format!("{huge}data: [DONE]\n\n");
    same(
        &ask(&gate, "chat/completions", false).body,
        hidden.as_bytes(),
        "hidden",
    );
}

#[test]
fn a_stream_with_a_length_passes_as_well() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "");
    let (endpoint, stream) = GOLDEN[0];
    upstream.answers(Scripted::whole(
        "200 OK",
        &["content-type: text/event-stream; charset=utf-8"],
        stream,
    ));
    same(&ask(&gate, endpoint, true).body, stream, "with usage");
    same(
        &ask(&gate, endpoint, false).body,
        &without_usage(stream),
        "without",
    );
}

#[test]
fn a_client_that_wants_no_stream_of_what_streams_gets_it_unchanged() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "");
    let (_, stream) = GOLDEN[0];
    upstream.answers(singly(stream));
    let reply = gate.post("/v1/chat/completions", crate::door::rig::CHAT);
    same(&reply.body, stream, "a stream nobody asked for");
}

#[test]
fn a_stream_compressed_against_our_word_passes_unchanged() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "");
    let (endpoint, stream) = GOLDEN[0];
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(stream).expect("memory");
    let packed = encoder.finish().expect("memory");
    let headers = ["content-type: text/event-stream", "content-encoding: gzip"];
    upstream.answers(Scripted::pieces("200 OK", &headers, packed.chunks(9)));
    for usage in [true, false] {
        let reply = ask(&gate, endpoint, usage);
        assert_eq!(reply.header("content-encoding"), Some("gzip"));
        same(&reply.body, &packed, "packed");
    }
}
