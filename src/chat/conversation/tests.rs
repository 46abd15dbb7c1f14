use super::{Conversation, Preface, Source, conversation};
use crate::chat::{Endpoint, look};

fn read(endpoint: Endpoint, body: &str) -> Conversation {
    look(endpoint, body.as_bytes()).expect("a request");
    conversation(endpoint, body.as_bytes())
}

/// Every text with its source, decoded.
fn texts(found: &Conversation, body: &str) -> Vec<(Source, String)> {
    let decoded = |part: &super::TextPart| {
        let text = part.text.decoded(body.as_bytes()).into_owned();
        (part.source, String::from_utf8(text).expect("UTF-8"))
    };
    found.texts.iter().map(decoded).collect()
}

fn check(endpoint: Endpoint, body: &str, expected: &[(Source, &str)]) {
    let found = read(endpoint, body);
    let found = texts(&found, body);
    let found: Vec<(Source, &str)> = found.iter().map(|(s, t)| (*s, t.as_str())).collect();
    assert_eq!(found, expected, "{body}");
}

#[test]
fn who_says_a_text_is_known_wherever_the_role_stands() {
    check(
        Endpoint::Chat,
        r#"{"model":"m","messages":[{"content":"be kind","role":"system"},{"role":"user","content":[{"type":"text","text":"h\u00e9"}],"name":"ana"},
            {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"web_get","arguments":"{\"q\":1}"}}]},
            {"role":"tool","tool_call_id":"c1","content":"found"}]}"#,
        &[
            (Source::System, "be kind"),
            (Source::User, "hé"),
            (Source::ToolArguments, "{\"q\":1}"),
            (Source::ToolResult, "found"),
        ],
    );
}

#[test]
fn tools_are_told_by_name_and_their_descriptions_are_texts() {
    let body = r#"{"model":"m","messages":[],"tools":[{"type":"function","function":{"name":"shell","description":"runs","parameters":{"type":"object","properties":{"cmd":{"type":"string","description":"what"}}}}},{"type":"web_search"}]}"#;
    let found = read(Endpoint::Chat, body);
    let names: Vec<&[u8]> = found
        .tools
        .iter()
        .map(|name| name.raw(body.as_bytes()))
        .collect();
    assert_eq!(names, [b"shell".as_slice(), b"web_search"]);
    check(
        Endpoint::Chat,
        body,
        &[
            (Source::ToolDefinition, "runs"),
            (Source::ToolDefinition, "what"),
        ],
    );
}

#[test]
fn items_of_responses_are_read_as_messages_are() {
    let body = r#"{"model":"m","instructions":"be kind","input":[{"role":"user","content":[{"type":"input_text","text":"hi"},{"type":"input_image","image_url":"https://x.test/a.png"}]},
        {"type":"function_call","call_id":"c1","name":"web_get","arguments":"{}"},{"type":"function_call_output","call_id":"c1","output":"found"}]}"#;
    let found = read(Endpoint::Responses, body);
    assert_eq!(
        texts(&found, body),
        [
            (Source::System, "be kind".to_owned()),
            (Source::User, "hi".to_owned()),
            (Source::ToolArguments, "{}".to_owned()),
            (Source::ToolResult, "found".to_owned()),
        ]
    );
    assert_eq!(
        (found.unread.images, found.uses.len(), found.answers.len()),
        (1, 1, 1)
    );
    assert!(matches!(found.preface, Some(Preface::Into(_))));
}

#[test]
fn instructions_that_are_null_or_a_list_can_have_a_text_in_front() {
    let body = r#"{"model":"m","instructions":null,"input":"hi"}"#;
    let Some(Preface::Null(null)) = read(Endpoint::Responses, body).preface else {
        panic!("no place for it");
    };
    assert_eq!(null.of(body.as_bytes()), b"null");
    let body = r#"{"model":"m","system":null,"messages":[],"max_tokens":1}"#;
    let found = read(Endpoint::Messages, body);
    assert!(matches!(found.preface, Some(Preface::Null(_))), "{found:?}");
    let body =
        r#"{"model":"m","instructions":[{"role":"developer","content":"be kind"}],"input":"hi"}"#;
    let found = read(Endpoint::Responses, body);
    assert_eq!(
        texts(&found, body),
        [
            (Source::System, "be kind".to_owned()),
            (Source::User, "hi".to_owned())
        ]
    );
    let at = body.find("[{").expect("a list") + 1;
    assert_eq!(found.preface, Some(Preface::Message { at, alone: false }));
}

#[test]
fn every_route_has_its_texts() {
    check(
        Endpoint::Completions,
        r#"{"model":"m","prompt":["a","b"],"suffix":"c"}"#,
        &[
            (Source::User, "a"),
            (Source::User, "b"),
            (Source::User, "c"),
        ],
    );
    check(
        Endpoint::Embeddings,
        r#"{"model":"m","input":["a","b"]}"#,
        &[(Source::User, "a"), (Source::User, "b")],
    );
    check(
        Endpoint::Responses,
        r#"{"model":"m","input":"a"}"#,
        &[(Source::User, "a")],
    );
    check(
        Endpoint::Moderations,
        r#"{"input":["a",{"type":"text","text":"b"},{"type":"image_url","image_url":{"url":"c"}}]}"#,
        &[(Source::User, "a"), (Source::User, "b")],
    );
}

#[test]
fn what_is_no_text_is_counted() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}},
        {"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}},{"type":"file","file":{"file_id":"f"}},{"type":"hologram","beam":"text all the same"}]}]}"#;
    let found = read(Endpoint::Chat, body);
    let unread = found.unread;
    assert_eq!(
        (unread.images, unread.audio, unread.files, unread.unknown),
        (1, 1, 1, 1)
    );
    check(Endpoint::Chat, body, &[(Source::User, "text all the same")]);
}

#[test]
fn what_rules_may_set_is_found() {
    let body = r#"{"model":"m","messages":[],"temperature":1.5,"n":2,"stop":["x"],"response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{}}}}"#;
    let found = read(Endpoint::Chat, body);
    let said = |span: Option<crate::chat::Span>| span.map(|span| span.of(body.as_bytes()).to_vec());
    assert_eq!(said(found.temperature).as_deref(), Some(b"1.5".as_slice()));
    assert_eq!(said(found.n).as_deref(), Some(b"2".as_slice()));
    assert_eq!(said(found.stop).as_deref(), Some(br#"["x"]"#.as_slice()));
    assert!(found.json_schema);
    assert!(matches!(
        found.preface,
        Some(Preface::Message { alone: true, .. })
    ));
}

#[test]
fn blocks_of_messages_tell_who_says_what() {
    let body = r#"{"model":"m","max_tokens":1,"system":[{"type":"text","text":"be kind","cache_control":{"type":"ephemeral"}}],"messages":[
        {"content":[{"type":"text","text":"look","citations":[{"type":"char_location","cited_text":"quoted"}]},
            {"source":{"data":"AAAA","media_type":"image/png","type":"base64"},"type":"image"},
            {"type":"document","title":"paper","source":{"data":"words","note":"aside","media_type":"text/plain","type":"text"}},
            {"type":"document","source":{"type":"url","url":"https://x.test/"}}],"role":"user"},
        {"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"redacted_thinking","data":"x"},
            {"type":"tool_use","id":"t1","name":"shell","input":{"cmd":"ls","deep":[{"a":"b"}]}}]},
        {"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"found"}]},{"type":"text","text":"and?"}]}],
        "tools":[{"name":"shell","description":"runs","input_schema":{"type":"object","properties":{"cmd":{"type":"string","description":"what"}}}}],
        "stop_sequences":["x"],"metadata":{"user_id":"u"}}"#;
    check(
        Endpoint::Messages,
        body,
        &[
            (Source::System, "be kind"),
            (Source::User, "look"),
            (Source::User, "quoted"),
            (Source::User, "paper"),
            (Source::User, "words"),
            (Source::User, "aside"),
            (Source::Assistant, "hm"),
            (Source::ToolArguments, r#"{"cmd":"ls","deep":[{"a":"b"}]}"#),
            (Source::ToolResult, "found"),
            (Source::User, "and?"),
            (Source::ToolDefinition, "runs"),
            (Source::ToolDefinition, "what"),
            (Source::User, "u"),
        ],
    );
    let found = read(Endpoint::Messages, body);
    let (unread, first) = (found.unread, found.uses.first().expect("one"));
    assert_eq!((unread.images, unread.files, unread.unknown), (1, 1, 1));
    assert!(found.texts.iter().filter(|part| part.bare_json).count() == 1);
    assert_eq!(
        first.name.map(|name| name.raw(body.as_bytes())),
        Some(&b"shell"[..])
    );
    let answer = found.answers.first().expect("one");
    assert_eq!(
        answer.call.map(|id| id.raw(body.as_bytes())),
        Some(&b"t1"[..])
    );
    assert!(matches!(
        found.preface,
        Some(Preface::Block { alone: false, .. })
    ));
    assert!(found.stop.is_some());
    let spans: Vec<_> = found.texts.iter().map(|part| part.text.span).collect();
    assert!(spans.is_sorted() && spans.windows(2).all(|pair| pair[0].end <= pair[1].start));
}

#[test]
fn instructions_for_summaries_are_texts_and_servers_are_tools() {
    let body = r#"{"model":"m","max_tokens":1,"messages":[],"context_management":{"edits":[{"type":"compact_20260112","instructions":"be brief"}]},
        "mcp_servers":[{"type":"url","name":"wiki","url":"https://w.test/","authorization_token":"t"}]}"#;
    let found = read(Endpoint::Messages, body);
    let texts = texts(&found, body);
    assert!(
        texts.contains(&(Source::System, "be brief".to_owned())),
        "{texts:?}"
    );
    assert!(!texts.iter().any(|(_, text)| text == "t"), "{texts:?}");
    let names = found
        .tools
        .iter()
        .map(|name| name.decoded(body.as_bytes()).into_owned());
    assert_eq!(names.collect::<Vec<_>>(), [b"wiki".to_vec()]);
}

#[test]
fn what_the_system_says_has_its_places_in_messages() {
    let preface = |system: &str| {
        let body = format!(r#"{{"model":"m","max_tokens":1,"messages":[]{system}}}"#);
        read(Endpoint::Messages, &body).preface
    };
    assert_eq!(preface(""), Some(Preface::Member("system")));
    assert!(matches!(
        preface(r#","system":"x""#),
        Some(Preface::Into(_))
    ));
    assert!(matches!(
        preface(r#","system":[]"#),
        Some(Preface::Block { alone: true, .. })
    ));
    assert!(matches!(
        preface(r#","system":null"#),
        Some(Preface::Null(_))
    ));
}
