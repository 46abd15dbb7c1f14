//! What the look finds, and what it refuses.

use super::{CapField, IncludeUsage, Look, LookError, look};
use crate::chat::{Endpoint, Span};
use crate::units::Tokens;

use Endpoint::{Chat, Completions, CountTokens, Embeddings, Messages, Moderations, Responses};

fn looked(endpoint: Endpoint, body: &str) -> Look {
    look(endpoint, body.as_bytes()).unwrap_or_else(|error| panic!("{body}: {error}"))
}

/// A chat with these members besides model and messages.
fn chat(members: &str) -> Look {
    looked(Chat, &format!(r#"{{"model":"m","messages":[]{members}}}"#))
}

fn refused(endpoint: Endpoint, body: &str, param: Option<&str>, code: &str) {
    let error = look(endpoint, body.as_bytes()).expect_err(body);
    assert_eq!((error.param(), error.code()), (param, Some(code)), "{body}");
}

fn covered(span: Span, body: &str) -> &str {
    &body[span.range()]
}

#[test]
fn a_plain_chat_is_seen_whole() {
    let body = r#" {"model": "gpt-4o", "messages":[{"role":"user","content":"hi"}], "stream":true,
        "max_tokens": 20, "n":2, "user":"u-1", "tools":[{"type":"function","function":{"name":"f"}}]} "#;
    let look = looked(Chat, body);
    assert_eq!(look.model(body.as_bytes()), "gpt-4o");
    assert_eq!(covered(look.model_values().0[0], body), "\"gpt-4o\"");
    assert!(look.stream && look.tools && !look.audio && !look.empty);
    assert_eq!(look.include_usage, IncludeUsage::Absent);
    let cap = look.output_cap.expect("capped");
    assert_eq!(
        (cap.tokens, cap.field, cap.also),
        (20, CapField::MaxTokens, None)
    );
    assert_eq!(covered(cap.value, body), "20");
    assert_eq!((look.choices, look.messages), (2, 1));
    assert_eq!(covered(look.user.expect("named"), body), "u-1");
    assert_eq!(body.as_bytes()[look.close], b'}');
    assert_eq!(look.close, body.len() - 2);
    assert_eq!(look.input_bound, Tokens(body.len() as u64 + 16 + 32));
    assert_eq!((look.images(), look.references.opaque), (0, None));
}

#[test]
fn an_escaped_key_or_model_is_read_as_what_it_says() {
    let body = r#"{"mod\u0065l":"gpt\u002d4o","messages":[],"\u006e":3}"#;
    let look = looked(Chat, body);
    assert_eq!(look.model(body.as_bytes()), "gpt-4o");
    assert_eq!(look.choices, 3);
}

#[test]
fn null_is_as_good_as_absent() {
    let look = chat(
        r#","stream":null,"n":null,"max_tokens":null,"max_completion_tokens":null,"user":null,"tools":null,"audio":null"#,
    );
    assert!(!look.stream && !look.tools && !look.audio);
    assert_eq!((look.choices, look.output_cap, look.user), (1, None, None));
}

#[test]
fn the_model_must_be_a_name() {
    let long = format!(r#"{{"model":"{}","messages":[]}}"#, "m".repeat(257));
    for body in [
        r#"{"model":1,"messages":[]}"#,
        r#"{"model":null,"messages":[]}"#,
        r#"{"model":"","messages":[]}"#,
        r#"{"model":"a\nb","messages":[]}"#,
        "{\"model\":\"a\u{7f}b\",\"messages\":[]}",
        &long,
    ] {
        refused(Chat, body, Some("model"), "invalid_value");
    }
    refused(
        Chat,
        r#"{"messages":[]}"#,
        Some("model"),
        "missing_required_parameter",
    );
    refused(Chat, "{}", Some("model"), "missing_required_parameter");
}

#[test]
fn a_moderation_may_leave_its_model_to_the_vendor() {
    for (body, places) in [
        (r#"{"input":"x"}"#, 0),
        (r#"{"input":"x","model":null}"#, 1),
    ] {
        let look = looked(Moderations, body);
        assert_eq!(look.model(body.as_bytes()), "omni-moderation-latest");
        assert!(look.implies_model());
        assert_eq!(look.model_values().0.len(), places);
    }
    let named = r#"{"input":["x","y"],"model":"m","stream":true}"#;
    let look = looked(Moderations, named);
    assert_eq!(look.model(named.as_bytes()), "m");
    assert!(!look.implies_model() && !look.stream);
    assert_eq!(look.messages, 2);
    refused(
        Moderations,
        r#"{"input":"x","model":7}"#,
        Some("model"),
        "invalid_value",
    );
    refused(
        Moderations,
        r#"{"model":"m"}"#,
        Some("input"),
        "missing_required_parameter",
    );
}

#[test]
fn images_are_choices_and_come_whole() {
    let look = looked(
        Endpoint::ImageGenerations,
        r#"{"model":"m","prompt":"x","n":3,"background":"opaque","user":"u"}"#,
    );
    assert_eq!((look.choices, look.messages), (3, 1));
    assert_eq!(look.output_cap, None);
    for (member, code) in [
        (r#""stream":true"#, "unsupported_parameter"),
        (r#""stream":1"#, "invalid_value"),
        (r#""n":129"#, "invalid_value"),
    ] {
        let body = format!(r#"{{"model":"m","prompt":"x",{member}}}"#);
        let param = member.split('"').nth(1);
        refused(Endpoint::ImageGenerations, &body, param, code);
    }
    refused(
        Endpoint::ImageGenerations,
        r#"{"model":"m","prompt":["x"]}"#,
        Some("prompt"),
        "invalid_value",
    );
}

#[test]
fn speech_is_counted_in_characters() {
    let look = looked(
        Endpoint::Speech,
        r#"{"model":"m","input":"na\u00efve 🦀","voice":"coral"}"#,
    );
    assert_eq!((look.spoken.characters, look.spoken.bytes), (7, 11));
    assert!(look.audio && !look.stream);
    let streams = looked(
        Endpoint::Speech,
        r#"{"model":"m","input":"x","stream_format":"sse"}"#,
    );
    assert!(streams.stream);
    for (member, param) in [
        (r#""input":["x"]"#, "input"),
        (r#""input":"x","stream_format":"mp3""#, "stream_format"),
        (r#""input":"x","stream_format":1"#, "stream_format"),
    ] {
        let body = format!(r#"{{"model":"m",{member}}}"#);
        refused(Endpoint::Speech, &body, Some(param), "invalid_value");
    }
}

#[test]
fn each_endpoint_needs_its_prompt() {
    let bare = r#"{"model":"m"}"#;
    refused(Chat, bare, Some("messages"), "missing_required_parameter");
    refused(
        Completions,
        bare,
        Some("prompt"),
        "missing_required_parameter",
    );
    refused(
        Embeddings,
        bare,
        Some("input"),
        "missing_required_parameter",
    );
    looked(Responses, bare);
    refused(
        Chat,
        r#"{"model":"m","messages":"hi"}"#,
        Some("messages"),
        "invalid_value",
    );
    refused(
        Embeddings,
        r#"{"model":"m","input":7}"#,
        Some("input"),
        "invalid_value",
    );
    refused(
        Embeddings,
        r#"{"model":"m","input":null}"#,
        Some("input"),
        "missing_required_parameter",
    );
}

#[test]
fn wrong_types_are_named() {
    for (member, param) in [
        (r#""stream":1"#, "stream"),
        (r#""stream":"true""#, "stream"),
        (r#""n":0"#, "n"),
        (r#""n":129"#, "n"),
        (r#""n":1.5"#, "n"),
        (r#""n":"2""#, "n"),
        (r#""max_tokens":0"#, "max_tokens"),
        (r#""max_tokens":-1"#, "max_tokens"),
        (r#""max_tokens":1e3"#, "max_tokens"),
        (r#""max_tokens":99999999999999999999999"#, "max_tokens"),
        (r#""max_completion_tokens":"5""#, "max_completion_tokens"),
        (r#""stream_options":true"#, "stream_options"),
        (
            r#""stream_options":{"include_usage":1}"#,
            "stream_options.include_usage",
        ),
    ] {
        let body = format!(r#"{{{member},"model":"m","messages":[]}}"#);
        refused(Chat, &body, Some(param), "invalid_value");
    }
}

#[test]
fn a_request_never_chooses_where_it_goes() {
    for field in ["api_base", "base_url", "extra_headers"] {
        for endpoint in Endpoint::ALL {
            let body =
                format!(r#"{{"model":"m","messages":[],"input":"","prompt":"","{field}":null}}"#);
            refused(endpoint, &body, Some(field), "unsupported_parameter");
        }
    }
    let nested = r#"{"model":"m","messages":[],"metadata":{"base_url":"x"}}"#;
    looked(Chat, nested);
}

#[test]
fn broken_json_is_told_before_a_broken_field() {
    refused(
        Chat,
        r#"{"stream":1,"model":"m","messages":[]"#,
        None,
        "unexpected_end",
    );
    refused(
        Chat,
        r#"{"model":"m","messages":[],"model":"x"}"#,
        None,
        "duplicate_key",
    );
    refused(Chat, "[]", None, "invalid_type");
    refused(Chat, "7 x", None, "trailing_characters");
    let error = look(Chat, b"").expect_err("empty");
    assert!(matches!(error, LookError::Json(_)));
    assert_eq!(
        error.message(),
        "the body is not valid JSON: unexpected end at byte 0"
    );
}

#[test]
fn of_two_caps_the_larger_counts_and_both_are_kept() {
    for (first, second, largest) in [(5, 9, 9), (9, 5, 9), (7, 7, 7)] {
        let body = format!(
            r#"{{"model":"m","messages":[],"max_tokens":{first},"max_completion_tokens":{second}}}"#
        );
        let cap = looked(Chat, &body).output_cap.expect("capped");
        assert_eq!(cap.tokens, largest);
        assert_eq!(covered(cap.value, &body), largest.to_string());
        assert_ne!(cap.also.expect("both"), cap.value);
    }
}

#[test]
fn each_endpoint_has_its_own_caps() {
    let cap = |endpoint, member| {
        let body = format!(r#"{{"model":"m","messages":[],"input":[],"prompt":"",{member}}}"#);
        looked(endpoint, &body).output_cap.map(|cap| cap.field)
    };
    assert_eq!(
        cap(Responses, r#""max_output_tokens":5"#),
        Some(CapField::MaxOutputTokens)
    );
    assert_eq!(cap(Responses, r#""max_tokens":5"#), None);
    assert_eq!(
        cap(Completions, r#""max_tokens":5"#),
        Some(CapField::MaxTokens)
    );
    assert_eq!(cap(Chat, r#""max_output_tokens":5"#), None);
    assert_eq!(cap(Embeddings, r#""max_tokens":5"#), None);
}

#[test]
fn every_way_to_ask_for_usage_is_told_apart() {
    let body = r#"{"model":"m","messages":[],"stream_options":{ "a":1}}"#;
    let IncludeUsage::Insert { at, first: false } = looked(Chat, body).include_usage else {
        panic!("an object without it");
    };
    assert_eq!(&body[at - 1..at], "{");
    let empty = chat(r#","stream_options":{ }"#).include_usage;
    assert!(matches!(empty, IncludeUsage::Insert { first: true, .. }));
    assert!(matches!(
        chat(r#","stream_options":null"#).include_usage,
        IncludeUsage::Null { .. }
    ));
    for off in ["false", "null"] {
        let body = format!(
            r#"{{"model":"m","messages":[],"stream_options":{{"include_usage": {off} }}}}"#
        );
        let IncludeUsage::Off { value } = looked(Chat, &body).include_usage else {
            panic!("off");
        };
        assert_eq!(covered(value, &body), off);
    }
    assert_eq!(
        chat(r#","stream_options":{"x":[],"include_usage":true}"#).include_usage,
        IncludeUsage::On
    );
    assert_eq!(
        looked(Responses, r#"{"model":"m","stream_options":{"x":1}}"#).include_usage,
        IncludeUsage::On
    );
}

#[test]
fn every_prompt_is_answered_as_often_as_asked() {
    let choices = |members: &str| {
        let look = looked(Completions, &format!(r#"{{"model":"m",{members}}}"#));
        (look.choices, look.messages)
    };
    assert_eq!(choices(r#""prompt":"a","n":2,"best_of":5"#), (5, 1));
    assert_eq!(choices(r#""prompt":["a","b","c"],"n":2"#), (6, 3));
    assert_eq!(choices(r#""prompt":[1,2,3]"#), (1, 1));
    assert_eq!(choices(r#""prompt":[[1,2],[3]]"#), (2, 2));
    assert_eq!(choices(r#""prompt":[]"#), (1, 0));
}

#[test]
fn an_image_written_into_its_address_is_no_text() {
    let check = |content: &str, image_bytes: u64| {
        let body =
            format!(r#"{{"model":"m","messages":[{{"role":"user","content":[{content}]}}]}}"#);
        let look = looked(Chat, &body);
        let bound = Tokens(body.len() as u64 - image_bytes + 16 + 32);
        assert_eq!(look.input_bound, bound, "{content}");
    };
    let data = "data:image/png;base64,AAAA";
    let long = data.len() as u64;
    check(
        &format!(r#"{{"type":"image_url","image_url":{{"detail":"low","url":"{data}"}}}}"#),
        long,
    );
    check(
        &format!(
            r#"{{"type":"input_image","image_url":"{data}"}},{{"type":"input_image","image_url":"{data}"}}"#
        ),
        2 * long,
    );
    // Not the content of an image that is counted: text, whatever it looks like.
    check(&format!(r#"{{"type":"text","text":"{data}"}}"#), 0);
    check(&format!(r#"{{"type":"text","url":"{data}"}}"#), 0);
    check(
        &format!(r#"{{"type":"image_url","image_url":{{"url":"{data}"}},"url":"{data}"}}"#),
        long,
    );
    check(
        r#"{"type":"image_url","image_url":{"url":"https://a.example/data:image/"}}"#,
        0,
    );
}

#[test]
fn images_are_counted_and_pointers_told() {
    let content = |parts: &str| {
        let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":[{parts}]}}]}}"#);
        let look = looked(Chat, &body);
        (look.images(), look.references.opaque, look.audio)
    };
    assert_eq!(
        content(r#"{"type":"text","text":"image_url"}"#),
        (0, None, false)
    );
    let image = r#"{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}"#;
    assert_eq!(content(&format!("{image},{image}")), (2, None, false));
    assert_eq!(
        content(r#"{"type":"input_audio","input_audio":{"data":"AA","format":"wav"}}"#),
        (0, None, true)
    );
    assert_eq!(
        content(r#"{"type":"file","file":{"file_id":"f"}}"#),
        (0, Some("file"), false)
    );
    assert_eq!(
        content(r#"{"type":"video_url","video_url":{"url":"x"}}"#).1,
        Some("video")
    );
    assert_eq!(
        content(r#"{"type":"hologram"}"#),
        (0, Some("item of an unknown type"), false)
    );
    let calls = r#"{"model":"m","messages":[{"role":"assistant","tool_calls":[{"id":"c","type":"function",
        "function":{"name":"f","arguments":"{\"type\":\"file\"}"}}]}]}"#;
    assert_eq!(looked(Chat, calls).references.opaque, None);
}

#[test]
fn what_responses_point_to_is_opaque() {
    let opaque =
        |members: &str| looked(Responses, &format!(r#"{{"model":"m",{members}}}"#)).references;
    assert_eq!(
        opaque(r#""input":"hi","previous_response_id":null"#).opaque,
        None
    );
    for (member, what) in [
        (r#""previous_response_id":"r""#, "previous_response_id"),
        (r#""conversation":{"id":"c"}"#, "conversation"),
        (r#""prompt":{"id":"p"}"#, "prompt"),
        (
            r#""tools":[{"type":"function"},{"type":"web_search"}]"#,
            "server tool",
        ),
        (r#""tools":[{"name":"typeless"}]"#, "server tool"),
        (
            r#""input":[{"type":"item_reference","id":"i"}]"#,
            "item_reference",
        ),
        (
            r#""input":[{"role":"user","content":[{"type":"input_file","file_id":"f"}]}]"#,
            "file",
        ),
        (
            r#""input":[{"role":"user","content":[{"type":"input_image","file_id":"f"}]}]"#,
            "file_id",
        ),
    ] {
        assert_eq!(opaque(member).opaque, Some(what), "{member}");
    }
    assert_eq!(
        opaque(r#""tools":[{"type":"function"},{"type":"custom"}]"#).opaque,
        None
    );
    let output = r#""input":[{"type":"function_call_output","call_id":"c","output":[{"type":"input_image","image_url":"data:"}]}]"#;
    assert_eq!(opaque(output).images, 1);
    assert_eq!(opaque(output).opaque, None);
}

/// Messages with these members besides model, messages and cap.
fn messages(members: &str) -> Look {
    looked(
        Messages,
        &format!(r#"{{"model":"m","max_tokens":64,"messages":[]{members}}}"#),
    )
}

#[test]
fn messages_need_a_cap_and_a_count_of_them_none() {
    let bare = r#"{"model":"m","messages":[]}"#;
    refused(
        Messages,
        bare,
        Some("max_tokens"),
        "missing_required_parameter",
    );
    assert_eq!(looked(CountTokens, bare).output_cap, None);
    // A call that fills the cache writes nothing.
    let body = r#"{"model":"m","messages":[],"max_tokens":0}"#;
    assert_eq!(
        looked(Messages, body).output_cap.map(|cap| cap.tokens),
        Some(0)
    );
    let look = messages(
        r#","stream":true,"thinking":{"type":"enabled","budget_tokens":32},"metadata":{"user_id":"u-1"}"#,
    );
    assert!(look.stream && look.include_usage == IncludeUsage::On);
    assert_eq!((look.thinking, look.choices), (Some(32), 1));
    assert!(look.user.is_some());
}

#[test]
fn what_costs_more_or_names_other_models_is_not_taken() {
    for (member, param) in [
        (r#""fallbacks":[{"model":"other"}]"#, "fallbacks"),
        (
            r#""tools":[{"type":"advisor_20260301","name":"advisor","model":"other"}]"#,
            "tools",
        ),
        (r#""speed":"fast""#, "speed"),
        (r#""inference_geo":"us""#, "inference_geo"),
    ] {
        let body = format!(r#"{{"model":"m","max_tokens":1,"messages":[],{member}}}"#);
        refused(Messages, &body, Some(param), "unsupported_parameter");
    }
    messages(
        r#","fallbacks":null,"speed":"standard","inference_geo":"global","service_tier":"standard_only""#,
    );
}

#[test]
fn blocks_are_judged_at_their_end_however_deep() {
    let held = |content: &str| {
        let body = format!(
            r#"{{"model":"m","max_tokens":1,"messages":[{{"role":"user","content":[{content}]}}]}}"#
        );
        let look = looked(Messages, &body);
        let plain = Tokens(body.len() as u64 + 16 + 32);
        (
            look.images(),
            look.references.opaque,
            plain.minus(look.input_bound).0,
        )
    };
    let image =
        r#"{"source":{"data":"AAAABBBB","media_type":"image/png","type":"base64"},"type":"image"}"#;
    assert_eq!(
        held(r#"{"type":"text","text":"x","cache_control":{"type":"ephemeral","ttl":"1h"}}"#),
        (0, None, 0)
    );
    assert_eq!(held(image), (1, None, 8));
    assert_eq!(
        held(&format!(
            r#"{{"type":"tool_result","tool_use_id":"t","content":[{image},{image}]}}"#
        )),
        (2, None, 16)
    );
    assert_eq!(
        held(r#"{"type":"image","source":{"type":"url","url":"https://x.test/"}}"#),
        (1, None, 0)
    );
    assert_eq!(
        held(
            r#"{"type":"document","source":{"type":"text","media_type":"text/plain","data":"words"}}"#
        ),
        (0, None, 0)
    );
    let pdf = r#"{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"AAAA"}}"#;
    assert_eq!(held(pdf), (0, Some("a document"), 0));
    assert_eq!(
        held(r#"{"type":"document","source":{"type":"url","url":"https://x.test/"}}"#).1,
        Some("a document")
    );
    assert_eq!(
        held(&format!(
            r#"{{"type":"document","source":{{"type":"content","content":[{image}]}}}}"#
        )),
        (1, None, 8)
    );
    // A caller's own JSON is no block.
    assert_eq!(
        held(r#"{"type":"tool_use","id":"t","name":"f","input":{"type":"document","source":{}}}"#),
        (0, None, 0)
    );
    assert_eq!(
        held(r#"{"type":"web_search_tool_result","tool_use_id":"t","content":[]}"#).1,
        Some("what a tool of the provider's found")
    );
    assert_eq!(
        held(r#"{"type":"hologram"}"#).1,
        Some("a block of an unknown type")
    );
}

#[test]
fn tools_of_the_vendors_cost_what_its_prices_say() {
    let offered = |tools: &str| {
        let look = messages(&format!(r#","tools":[{tools}]"#));
        let told = look.references;
        (
            told.searches,
            told.opaque.is_some(),
            told.unpriced.is_some(),
        )
    };
    assert_eq!(
        offered(r#"{"name":"f","input_schema":{"type":"object"}}"#),
        (0, false, false)
    );
    assert_eq!(
        offered(r#"{"type":"custom","name":"f","input_schema":{}}"#),
        (0, false, false)
    );
    assert_eq!(
        offered(r#"{"type":"bash_20250124","name":"bash"}"#),
        (0, false, false)
    );
    assert_eq!(
        offered(r#"{"type":"web_search_20250305","name":"web_search","max_uses":5}"#),
        (5, true, false)
    );
    assert_eq!(
        offered(r#"{"type":"web_search_20250305","name":"web_search"}"#),
        (u64::MAX, true, false)
    );
    assert_eq!(
        offered(r#"{"type":"web_fetch_20250910","name":"web_fetch"}"#),
        (0, true, false)
    );
    assert_eq!(
        offered(r#"{"type":"code_execution_20250825","name":"code_execution"}"#),
        (0, true, true)
    );
    assert_eq!(
        offered(r#"{"type":"mcp_toolset","mcp_server_name":"wiki"}"#),
        (0, true, false)
    );
    let rereads = |more: &str| messages(more).references.rereads;
    for (more, again) in [
        (r#","tools":[{"name":"f","input_schema":{}}]"#, 0),
        (r#","tools":[{"type":"bash_20250124","name":"bash"}]"#, 0),
        (
            r#","tools":[{"type":"web_fetch_20250910","name":"web_fetch","max_uses":1}]"#,
            10,
        ),
        (r#","mcp_servers":[]"#, 0),
        (
            r#","mcp_servers":[{"type":"url","name":"wiki","url":"https://w.test/"}]"#,
            10,
        ),
    ] {
        assert_eq!(rereads(more), again, "{more}");
    }
    assert_eq!(
        messages(r#","context_management":{"edits":[{"type":"clear_tool_uses_20250919"}]}"#)
            .references
            .unpriced,
        None
    );
    assert!(
        messages(r#","context_management":{"edits":[{"type":"compact_20260112"}]}"#)
            .references
            .unpriced
            .is_some()
    );
    let plain = messages("").input_bound;
    let body = r#","tools":[{"name":"f"}]"#;
    assert_eq!(
        messages(body).input_bound,
        plain.plus(Tokens(body.len() as u64 + 1024))
    );
}

proptest::proptest! {
    #[test]
    fn no_body_makes_the_look_panic_and_what_it_takes_is_json(
        pieces in proptest::collection::vec(proptest::sample::select(vec![
            "{", "}", "[", "]", ",", ":", "\"model\"", "\"m\"", "\"messages\"", "\"stream_options\"", "\"n\"", "1", "null",
            "\"prompt\"", "\"input\"", "\"type\"", "\"tools\"", "\"max_tokens\"", "true", "\"model\":\"m\"", "\"input\":[]", " ",
        ]), 0..30),
    ) {
        for body in [pieces.concat(), format!("{{{}}}", pieces.join(",")), format!("{{\"model\":\"m\",\"input\":[{}]}}", pieces.concat())] {
            for endpoint in Endpoint::ALL {
                if let Ok(look) = look(endpoint, body.as_bytes()) {
                    proptest::prop_assert!(serde_json::from_str::<serde_json::Value>(&body).is_ok());
                    proptest::prop_assert_eq!(&body[look.close..=look.close], "}");
                    let model = look.model(body.as_bytes());
                    let implied = look.implies_model() && Some(model) == endpoint.implied_model();
                    proptest::prop_assert!(model == "m" || implied, "{}", model);
                }
            }
        }
    }
}

#[test]
fn a_tier_without_a_price_is_refused() {
    let check = |tier: &str, expected: bool| {
        let body = format!(r#"{{"model":"m","messages":[],"service_tier":{tier}}}"#);
        let seen = look(Endpoint::Chat, body.as_bytes());
        assert_eq!(seen.is_ok(), expected, "{tier}");
    };
    check(r#""auto""#, true);
    check(r#""default""#, true);
    check(r#""flex""#, true);
    check(r#""on_demand""#, true);
    check("null", true);
    check(r#""priority""#, false);
    check(r#""\u0061uto""#, false);
}
