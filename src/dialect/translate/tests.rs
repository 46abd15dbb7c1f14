//! Golden pairs both ways, what cannot be said, and that what both can say comes back as it was.

mod contents;
mod generated;

use super::tree::Json;
use super::{Asked, Fault, Stream, Terms, answer, counterpart, error};
use crate::chat::{CapField, Dialect, Endpoint};
use Endpoint::{Chat, GenerateContent as Contents, Messages};
use bytes::Bytes;
use std::fmt::Write as _;

const CREATED: u64 = 1_763_700_000;

const ANTHROPIC: Terms<'_> = Terms {
    model: "claude-there",
    cap: Some(900),
    cap_field: CapField::MaxTokens,
    asks_usage: true,
};
const OPENAI: Terms<'_> = Terms {
    model: "gpt-there",
    cap: Some(900),
    cap_field: CapField::MaxCompletionTokens,
    asks_usage: true,
};

/// JSON with a line for each member, in the order that it was written in.
fn pretty(json: &str) -> String {
    fn write(value: &Json, depth: usize, out: &mut String) {
        let line = |out: &mut String, depth: usize| {
            out.push('\n');
            out.push_str(&"  ".repeat(depth));
        };
        let short = value.written();
        match value {
            Json::Array(items) if short.len() > 80 => {
                out.push('[');
                for (place, item) in items.iter().enumerate() {
                    out.push_str(if place > 0 { "," } else { "" });
                    line(out, depth + 1);
                    write(item, depth + 1, out);
                }
                line(out, depth);
                out.push(']');
            }
            Json::Object(members) if short.len() > 80 => {
                out.push('{');
                for (place, (key, value)) in members.iter().enumerate() {
                    out.push_str(if place > 0 { "," } else { "" });
                    line(out, depth + 1);
                    let _ = write!(out, "{key:?}: ");
                    write(value, depth + 1, out);
                }
                line(out, depth);
                out.push('}');
            }
            _ => out.push_str(&short),
        }
    }
    let mut out = String::new();
    write(&Json::strict(json.as_bytes()).expect("JSON"), 0, &mut out);
    out
}

fn asked(body: &str, here: Endpoint, there: Endpoint) -> Asked {
    Asked::read(body.as_bytes(), here, there).expect("understood")
}

#[test]
fn a_request_for_chat_becomes_one_for_messages() {
    let body = include_str!("../../../tests/golden/openai/chat_request.json");
    let asked = asked(body, Chat, Messages);
    assert_eq!(asked.complete(), Ok(()));
    insta::assert_snapshot!(pretty(&asked.body(&ANTHROPIC)));
}

#[test]
fn a_request_for_messages_becomes_one_for_chat() {
    let body = include_str!("../../../tests/golden/anthropic/message_request.json");
    let asked = asked(body, Messages, Chat);
    assert_eq!(asked.complete(), Ok(()));
    insta::assert_snapshot!(pretty(&asked.body(&OPENAI)));
}

#[test]
fn answers_are_told_in_the_callers_words() {
    let told = |body: &str, there, here| {
        let told = answer(body.as_bytes(), there, here, CREATED).expect("an answer");
        pretty(&String::from_utf8(told).expect("UTF-8"))
    };
    let message = include_str!("../../../tests/golden/anthropic/message.json");
    insta::assert_snapshot!("message_as_chat", told(message, Messages, Chat));
    let chat = include_str!("../../../tests/golden/openai/chat.json");
    insta::assert_snapshot!("chat_as_message", told(chat, Chat, Messages));
    let calls = include_str!("../../../tests/golden/openai/chat_calls.json");
    insta::assert_snapshot!("calls_as_message", told(calls, Chat, Messages));
    for nothing in [
        "",
        "[]",
        "<html>",
        "{}",
        r#"{"type":"error"}"#,
        r#"{"choices":[]}"#,
    ] {
        assert_eq!(
            answer(nothing.as_bytes(), Messages, Chat, 0),
            None,
            "{nothing}"
        );
        assert_eq!(
            answer(nothing.as_bytes(), Chat, Messages, 0),
            None,
            "{nothing}"
        );
    }
}

/// A stream told in other words, its bytes cut into these pieces.
fn streamed<'a>(pieces: impl Iterator<Item = &'a [u8]>, there: Endpoint, here: Endpoint) -> String {
    let mut stream = Stream::new(there, here, CREATED).expect("both are translated");
    let mut out = Vec::new();
    for piece in pieces {
        out.extend_from_slice(&stream.push(&Bytes::copy_from_slice(piece)));
    }
    out.extend_from_slice(&stream.finish());
    String::from_utf8(out).expect("UTF-8")
}

const STREAMS: [(&str, &str, Endpoint, Endpoint); 13] = [
    (
        "message_stream_as_chat",
        include_str!("../../../tests/golden/anthropic/message.sse"),
        Messages,
        Chat,
    ),
    (
        "tools_stream_as_chat",
        include_str!("../../../tests/golden/anthropic/message_tools.sse"),
        Messages,
        Chat,
    ),
    (
        "chat_stream_as_message",
        include_str!("../../../tests/golden/openai/chat.sse"),
        Chat,
        Messages,
    ),
    (
        "chat_tools_stream_as_message",
        include_str!("../../../tests/golden/openai/chat_tools.sse"),
        Chat,
        Messages,
    ),
    (
        "calls_stream_as_message",
        include_str!("../../../tests/golden/openai/chat_calls.sse"),
        Chat,
        Messages,
    ),
    (
        "contents_stream_as_chat",
        include_str!("../../../tests/golden/gemini/stream.sse"),
        Contents,
        Chat,
    ),
    (
        "contents_tools_stream_as_chat",
        include_str!("../../../tests/golden/gemini/stream_tools.sse"),
        Contents,
        Chat,
    ),
    (
        "contents_stream_as_message",
        include_str!("../../../tests/golden/gemini/stream.sse"),
        Contents,
        Messages,
    ),
    (
        "contents_tools_stream_as_message",
        include_str!("../../../tests/golden/gemini/stream_tools.sse"),
        Contents,
        Messages,
    ),
    (
        "chat_tools_stream_as_contents",
        include_str!("../../../tests/golden/openai/chat_tools.sse"),
        Chat,
        Contents,
    ),
    (
        "calls_stream_as_contents",
        include_str!("../../../tests/golden/openai/chat_calls.sse"),
        Chat,
        Contents,
    ),
    (
        "message_stream_as_contents",
        include_str!("../../../tests/golden/anthropic/message.sse"),
        Messages,
        Contents,
    ),
    (
        "message_tools_stream_as_contents",
        include_str!("../../../tests/golden/anthropic/message_tools.sse"),
        Messages,
        Contents,
    ),
];

#[test]
fn streams_are_told_in_the_callers_words() {
    for (name, bytes, there, here) in STREAMS {
        if [there, here].contains(&Contents) {
            continue;
        }
        let told = streamed(std::iter::once(bytes.as_bytes()), there, here);
        insta::assert_snapshot!(name, told);
    }
}

#[test]
fn where_a_stream_was_cut_does_not_show() {
    for (name, bytes, there, here) in STREAMS {
        let whole = streamed(std::iter::once(bytes.as_bytes()), there, here);
        let single = streamed(bytes.as_bytes().chunks(1), there, here);
        assert_eq!(single, whole, "{name}");
        for at in 0..bytes.len() {
            let (first, second) = bytes.as_bytes().split_at(at);
            let cut = streamed([first, second].into_iter(), there, here);
            assert_eq!(cut, whole, "{name} at {at}");
        }
    }
}

#[test]
fn what_a_translated_stream_used_is_what_its_provider_told() {
    for (name, bytes, there, here) in STREAMS {
        let mut stream = Stream::new(there, here, CREATED).expect("both are translated");
        let mut alone = crate::dialect::StreamMeter::new(there, false, true);
        for piece in bytes.as_bytes().chunks(7) {
            stream.push(&Bytes::copy_from_slice(piece));
            alone.push(piece, &mut |_| {});
        }
        stream.finish();
        alone.finish(&mut |_| {});
        assert_eq!(stream.meter().usage(), alone.usage(), "{name}");
        let low = |meter: &crate::dialect::StreamMeter| {
            (meter.output_tokens_low(), meter.output_tokens_high())
        };
        assert_eq!(low(stream.meter()), low(&alone), "{name}");
        assert_eq!(stream.meter().is_ended(), alone.is_ended(), "{name}");
    }
}

#[test]
fn a_stream_that_nobody_can_read_ends_with_an_error_and_is_metered_on() {
    let begin = include_str!("../../../tests/golden/anthropic/message.sse");
    let bytes = format!("data: no JSON\n\n{begin}");
    let told = streamed(std::iter::once(bytes.as_bytes()), Messages, Chat);
    assert_eq!(told.matches("data: ").count(), 1, "{told}");
    assert!(
        told.starts_with(
            r#"data: {"error":{"message":"the provider's answer cannot be translated"#
        ),
        "{told}"
    );
    let mut stream = Stream::new(Messages, Chat, 0).expect("both are translated");
    stream.push(&Bytes::from(bytes));
    assert!(stream.meter().is_told());
    let long = "data: ".to_owned() + &"x".repeat(crate::dialect::MAX_EVENT + 1);
    let told = streamed(long.as_bytes().chunks(1 << 16), Messages, Chat);
    assert!(told.contains("too long to be translated"), "{told}");
}

#[test]
fn the_providers_own_error_is_told_as_the_callers() {
    let error = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
    assert_eq!(
        streamed(std::iter::once(error.as_bytes()), Messages, Chat),
        "data: {\"error\":{\"message\":\"Overloaded\",\"type\":\"overloaded_error\",\"param\":null,\"code\":\"overloaded_error\"}}\n\n"
    );
    let error = "data: {\"error\":{\"message\":\"busy\",\"type\":\"server_error\",\"code\":null}}\n\ndata: [DONE]\n\n";
    assert_eq!(
        streamed(std::iter::once(error.as_bytes()), Chat, Messages),
        "event: error\ndata: {\"error\":{\"details\":{\"error_code\":\"server_error\"},\"message\":\"busy\",\"type\":\"api_error\"},\"type\":\"error\"}\n\n"
    );
}

#[test]
fn refusals_of_a_provider_wear_the_callers_dialect() {
    let check = |body: &str, status, there, here, expected: &str| {
        let told = error(body.as_bytes(), status, there, here);
        assert_eq!(String::from_utf8(told).expect("UTF-8"), expected, "{body}");
    };
    check(
        r#"{"type":"error","error":{"type":"not_found_error","message":"model: claude-x"},"request_id":"req_1"}"#,
        404,
        Messages,
        Chat,
        r#"{"error":{"message":"model: claude-x","type":"not_found_error","param":null,"code":"not_found_error"}}"#,
    );
    check(
        r#"{"error":{"message":"Unknown model","type":"invalid_request_error","param":"model","code":"model_not_found"}}"#,
        404,
        Chat,
        Messages,
        r#"{"type":"error","error":{"type":"not_found_error","message":"Unknown model","details":{"error_code":"model_not_found","param":"model"}}}"#,
    );
    check(
        "<html>",
        403,
        Chat,
        Messages,
        r#"{"type":"error","error":{"type":"permission_error","message":"the provider refused the call with status 403 and did not say why","details":{"error_code":"upstream_error"}}}"#,
    );
}

/// A request for chat with this member more.
fn chat_with(member: &str) -> String {
    format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}}],{member}}}"#)
}

#[test]
fn what_messages_cannot_say_is_named() {
    let lost = |member: &str| {
        let asked = asked(&chat_with(member), Chat, Messages);
        let names: Vec<String> = asked.lost.iter().map(|loss| loss.param.clone()).collect();
        names.join(" ")
    };
    for name in [
        "seed",
        "frequency_penalty",
        "presence_penalty",
        "top_logprobs",
        "web_search_options",
        "prediction",
        "unheard",
    ] {
        assert_eq!(lost(&format!(r#""{name}":1"#)), name);
    }
    assert_eq!(lost(r#""logprobs":true,"store":true"#), "logprobs store");
    assert_eq!(lost(r#""logit_bias":{"50256":-100}"#), "logit_bias");
    assert_eq!(lost(r#""temperature":1.5"#), "temperature");
    assert_eq!(
        lost(r#""response_format":{"type":"json_object"}"#),
        "response_format"
    );
    assert_eq!(lost(r#""top_k":5,"temperature":1,"seed":null"#), "");
    assert_eq!(lost(r#""a b,c\u0007":1"#), "abc");
    let late = r#"{"model":"m","messages":[{"role":"user","content":"hi","name":"x"},{"role":"system","content":"s"}]}"#;
    let late = asked(late, Chat, Messages);
    let names: Vec<&str> = late.lost.iter().map(|loss| &*loss.param).collect();
    assert_eq!(names, ["messages[0].name", "messages[1]"]);
    // Warmer than one is one.
    let warm = asked(&chat_with(r#""temperature":1.5"#), Chat, Messages);
    assert!(
        warm.body(&ANTHROPIC).contains(r#""temperature":1,"#)
            || warm.body(&ANTHROPIC).ends_with(r#""temperature":1}"#)
    );
}

#[test]
fn what_chat_cannot_say_is_named() {
    let lost = |member: &str| {
        let body = format!(
            r#"{{"model":"m","max_tokens":5,"messages":[{{"role":"user","content":"hi"}}],{member}}}"#
        );
        let asked = asked(&body, Messages, Chat);
        let names: Vec<String> = asked.lost.iter().map(|loss| loss.param.clone()).collect();
        names.join(" ")
    };
    assert_eq!(lost(r#""top_k":5,"container":"c""#), "top_k container");
    assert_eq!(
        lost(r#""tools":[{"type":"web_search_20250305","name":"web_search"}]"#),
        "tools[0]"
    );
    assert_eq!(lost(r#""metadata":{"user_id":"u","x":1}"#), "metadata.x");
    assert_eq!(
        lost(r#""system":[{"type":"text","text":"a","unheard":1}]"#),
        "system[0].unheard"
    );
}

#[test]
fn a_vendor_that_refuses_to_be_asked_for_usage_is_not_asked() {
    let body =
        r#"{"model":"m","max_tokens":5,"stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
    let asked = asked(body, Messages, Chat);
    assert!(asked.body(&OPENAI).contains("include_usage"));
    let terms = Terms {
        asks_usage: false,
        ..OPENAI
    };
    assert!(!asked.body(&terms).contains("stream_options"));
}

#[test]
fn what_an_answer_does_not_hang_on_is_told_and_refuses_nothing() {
    let check = |body: &str, here: Endpoint, there: Endpoint, expected: &[&str]| {
        let asked = asked(body, here, there);
        assert_eq!(asked.complete(), Ok(()), "{body}");
        let names: Vec<&str> = asked.lost.iter().map(|loss| &*loss.param).collect();
        assert_eq!(names, expected, "{body}");
    };
    let chat = |member: &str, expected: &[&str]| {
        check(&chat_with(member), Chat, Messages, expected);
    };
    chat(
        r#""metadata":{"run":"7"},"prompt_cache_key":"k","prompt_cache_retention":"24h""#,
        &["metadata", "prompt_cache_key", "prompt_cache_retention"],
    );
    chat(r#""service_tier":"flex""#, &["service_tier"]);
    chat(r#""service_tier":"auto","metadata":{}"#, &[]);
    chat(r#""user":"a","safety_identifier":"b""#, &["user"]);
    chat(r#""user":"a","safety_identifier":"a""#, &[]);
    chat(
        r#""thinking":{"type":"adaptive","display":"omitted"}"#,
        &["thinking.display"],
    );
    let thought = |member: &str| {
        format!(
            r#"{{"model":"m","messages":[{{"role":"user","content":"a"}},{{"role":"assistant","content":"b",{member}}},{{"role":"user","content":"c"}}]}}"#
        )
    };
    let unsealed = ["reasoning_content"];
    let text = thought(r#""reasoning_content":"hm""#);
    check(&text, Chat, Messages, &unsealed);
    let block = thought(r#""thinking_blocks":[{"type":"thinking","thinking":"hm"}]"#);
    check(&block, Chat, Messages, &unsealed);
    let sealed = thought(
        r#""reasoning_content":"hm","thinking_blocks":[{"type":"thinking","thinking":"hm","signature":"s"}]"#,
    );
    check(&sealed, Chat, Messages, &[]);
    let golden = include_str!("../../../tests/golden/anthropic/message_request.json");
    let told = [
        "cache_control",
        "messages[1].content",
        "thinking.budget_tokens",
    ];
    check(golden, Messages, Chat, &told);
    let messages = |member: &str, expected: &[&str]| {
        let body = format!(
            r#"{{"model":"m","max_tokens":5,"messages":[{{"role":"user","content":"hi"}}],{member}}}"#
        );
        check(&body, Messages, Chat, expected);
    };
    messages(r#""service_tier":"standard_only""#, &["service_tier"]);
    messages(
        r#""cache_control":{"type":"ephemeral"}"#,
        &["cache_control"],
    );
    let call = r#"{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{},"cache_control":{"type":"ephemeral"}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"x"}]}]}"#;
    check(call, Messages, Chat, &["cache_control"]);
    messages(r#""thinking":{"type":"disabled"}"#, &["thinking"]);
    messages(r#""thinking":{"type":"adaptive"},"speed":"standard""#, &[]);
    messages(
        r#""tools":[{"name":"f","input_schema":{},"defer_loading":true,"eager_input_streaming":false}]"#,
        &["tools[0].defer_loading"],
    );
}

#[test]
fn what_an_answer_hangs_on_is_lost_by_name() {
    let check = |body: &str, expected: &str| {
        let asked = asked(body, Messages, Chat);
        let fault = asked.complete().expect_err("something is lost");
        assert_eq!(fault.param(), Some(expected), "{body}");
    };
    check(
        r#"{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"hi"}],"tools":[{"name":"f","input_schema":{},"allowed_callers":["code_execution_20260120"]}]}"#,
        "tools[0].allowed_callers",
    );
    check(
        r#"{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"{"}]}"#,
        "messages[1]",
    );
    check(
        r#"{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"hi"}],"thinking":{"type":"adaptive","unheard":1}}"#,
        "thinking.unheard",
    );
}

#[test]
fn what_cannot_be_left_out_is_refused() {
    let check = |body: &str, here: Endpoint, there: Endpoint, param: &str, code: &str| {
        let fault = Asked::read(body.as_bytes(), here, there).expect_err("refused");
        assert_eq!(
            (fault.param(), fault.code()),
            (Some(param), code),
            "{fault}"
        );
    };
    let chat = |member: &str, param: &str, code: &str| {
        check(&chat_with(member), Chat, Messages, param, code);
    };
    chat(r#""n":2"#, "n", "unsupported_parameter");
    for name in ["functions", "function_call", "modalities", "audio"] {
        chat(&format!(r#""{name}":["x"]"#), name, "unsupported_parameter");
    }
    chat(
        r#""tool_choice":"sometimes""#,
        "tool_choice",
        "invalid_value",
    );
    chat(
        r#""tools":[{"type":"custom","custom":{"name":"x"}}]"#,
        "tools[0].type",
        "unsupported_parameter",
    );
    chat(
        r#""reasoning_effort":"very""#,
        "reasoning_effort",
        "invalid_value",
    );
    chat(r#""stop":5"#, "stop", "invalid_value");
    let said = |content: &str| {
        format!(r#"{{"model":"m","messages":[{{"role":"user","content":{content}}}]}}"#)
    };
    let sound = said(r#"[{"type":"input_audio","input_audio":{"data":"AA","format":"wav"}}]"#);
    check(
        &sound,
        Chat,
        Messages,
        "messages[0].content[0].type",
        "unsupported_parameter",
    );
    let kept = said(r#"[{"type":"file","file":{"file_id":"file-1"}}]"#);
    check(
        &kept,
        Chat,
        Messages,
        "messages[0].content[0].file.file_id",
        "unsupported_parameter",
    );
    let broken = r#"{"model":"m","messages":[{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{"}}]}]}"#;
    check(
        broken,
        Chat,
        Messages,
        "messages[0].tool_calls[0].function.arguments",
        "invalid_value",
    );
    let searched = said(r#"[{"type":"search_result","title":"t"}]"#);
    check(
        &searched,
        Messages,
        Chat,
        "messages[0].content[0].type",
        "unsupported_parameter",
    );
    let kept = said(r#"[{"type":"image","source":{"type":"file","file_id":"f"}}]"#);
    check(
        &kept,
        Messages,
        Chat,
        "messages[0].content[0].source.type",
        "unsupported_parameter",
    );
    let fault = Asked::read(b"{", Chat, Messages).expect_err("refused");
    assert!(matches!(fault, Fault::Json(_)) && fault.param().is_none());
}

#[test]
fn only_conversations_have_a_counterpart() {
    for endpoint in Endpoint::ALL {
        let dialects = [Dialect::OpenAi, Dialect::Anthropic, Dialect::Gemini];
        let found = dialects.map(|one| counterpart(endpoint, one));
        let expected = match endpoint {
            Chat | Messages | Contents => [Some(Chat), Some(Messages), Some(Contents)],
            _ => [None, None, None],
        };
        assert_eq!(found, expected, "{endpoint:?}");
    }
}
