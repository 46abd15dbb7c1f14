//! A change changes what it names and nothing else.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Edits, Piece};
use crate::chat::{CapField, Endpoint, Look, conversation, look};

fn edited(body: &str, edit: impl FnOnce(&mut Edits, &Look)) -> String {
    let look = look(Endpoint::Chat, body.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    let mut edits = Edits::new();
    edit(&mut edits, &look);
    let out = edits.apply(body.as_bytes());
    assert_eq!(edits.length(body.as_bytes()), out.len());
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn nothing_to_change_keeps_the_body_in_one_piece() {
    let edits = Edits::new();
    assert!(edits.is_empty());
    assert_eq!(edits.pieces(7).collect::<Vec<_>>(), [Piece::Keep(0..7)]);
    assert_eq!(edits.pieces(0).count(), 0);
}

#[test]
fn a_model_is_renamed_where_it_stands() {
    let body = r#"{ "model" : "a" ,"messages":[],"x":"\u00e9"}"#;
    let found = edited(body, |edits, look| edits.rename_model(look, "say \"b\"\\"));
    assert_eq!(
        found,
        r#"{ "model" : "say \"b\"\\" ,"messages":[],"x":"\u00e9"}"#
    );
}

#[test]
fn a_cap_goes_where_the_caller_wrote_one() {
    let set = |body: &str| {
        edited(body, |edits, look| {
            edits.set_cap(look, CapField::MaxCompletionTokens, 7);
        })
    };
    assert_eq!(
        set(r#"{"model":"a","max_tokens":99,"messages":[]}"#),
        r#"{"model":"a","max_tokens":7,"messages":[]}"#
    );
    assert_eq!(
        set(r#"{"max_completion_tokens": 50,"model":"a","max_tokens":99,"messages":[]}"#),
        r#"{"max_completion_tokens": 7,"model":"a","max_tokens":7,"messages":[]}"#
    );
    assert_eq!(
        set(r#"{"model":"a","messages":[],"max_completion_tokens":null} "#),
        r#"{"model":"a","messages":[],"max_completion_tokens":7} "#
    );
    assert_eq!(
        set("{\"model\":\"a\",\"messages\":[] }\n"),
        "{\"model\":\"a\",\"messages\":[] ,\"max_completion_tokens\":7}\n"
    );
}

#[test]
fn usage_is_asked_for_whatever_was_written() {
    let ask = |member: &str| {
        let body = format!(r#"{{"model":"a","messages":[]{member}}}"#);
        edited(&body, Edits::include_usage)
    };
    let with =
        |options: &str| format!(r#"{{"model":"a","messages":[],"stream_options":{options}}}"#);
    assert_eq!(ask(""), with(r#"{"include_usage":true}"#));
    assert_eq!(
        ask(r#","stream_options":null"#),
        with(r#"{"include_usage":true}"#)
    );
    assert_eq!(
        ask(r#","stream_options":{}"#),
        with(r#"{"include_usage":true}"#)
    );
    assert_eq!(
        ask(r#","stream_options":{"a":1}"#),
        with(r#"{"include_usage":true,"a":1}"#)
    );
    assert_eq!(
        ask(r#","stream_options":{"a":1,"include_usage":false}"#),
        with(r#"{"a":1,"include_usage":true}"#)
    );
    assert_eq!(
        ask(r#","stream_options":{"include_usage":null}"#),
        with(r#"{"include_usage":true}"#)
    );
    assert_eq!(
        ask(r#","stream_options":{"include_usage":true}"#),
        with(r#"{"include_usage":true}"#)
    );
}

#[test]
fn an_empty_object_gets_no_leading_comma() {
    let body = "{ }";
    let mut look = look(Endpoint::Chat, br#"{"model":"a","messages":[]}"#).expect("looks");
    (look.close, look.empty) = (2, true);
    let mut edits = Edits::new();
    edits.set_cap(&look, CapField::MaxTokens, 7);
    edits.include_usage(&look);
    let out = edits.apply(body.as_bytes());
    assert_eq!(
        out,
        br#"{ "max_tokens":7,"stream_options":{"include_usage":true}}"#
    );
}

#[test]
fn the_last_word_on_a_field_counts() {
    let found = edited(r#"{"model":"a","messages":[]}"#, |edits, look| {
        edits.rename_model(look, "b");
        edits.rename_model(look, "c");
    });
    assert_eq!(found, r#"{"model":"c","messages":[]}"#);
}

fn body() -> impl Strategy<Value = Value> {
    let options = prop::sample::select(vec![
        None,
        Some(json!(null)),
        Some(json!({})),
        Some(json!({"a": [1]})),
        Some(json!({"a": 1, "include_usage": false})),
        Some(json!({"include_usage": null, "z": 0})),
        Some(json!({"include_usage": true})),
    ]);
    let cap = || {
        prop::sample::select(vec![
            None,
            Some(json!(null)),
            Some(json!(9)),
            Some(json!(400)),
        ])
    };
    let extra = prop::collection::btree_map("x[a-c]{0,3}", "[^\0]{0,8}", 0..3);
    ("[a-zé\"\\\\]{1,9}", options, cap(), cap(), extra).prop_map(
        |(model, options, old, new, extra)| {
            let mut body =
                json!({"model": model, "messages": [{"role": "user", "content": "\"}{"}]});
            let optional = [
                ("stream_options", options),
                ("max_tokens", old),
                ("max_completion_tokens", new),
            ];
            for (name, value) in optional {
                if let Some(value) = value {
                    body[name] = value;
                }
            }
            for (name, value) in extra {
                body[name] = value.into();
            }
            body
        },
    )
}

proptest! {
    #[test]
    fn an_edited_body_is_the_same_but_for_the_field(
        before in body(), pretty in any::<bool>(), rename in any::<bool>(), cap in any::<bool>(), usage in any::<bool>(),
        name in "[^\\p{Cc}]{1,12}",
    ) {
        let text = if pretty { serde_json::to_string_pretty(&before) } else { serde_json::to_string(&before) };
        let found = edited(&text.expect("writes"), |edits, look| {
            if usage { edits.include_usage(look); }
            if cap { edits.set_cap(look, CapField::MaxCompletionTokens, 5); }
            if rename { edits.rename_model(look, &name); }
        });
        let mut expected = before.clone();
        if rename { expected["model"] = name.into(); }
        if usage {
            if !expected["stream_options"].is_object() { expected["stream_options"] = json!({}); }
            expected["stream_options"]["include_usage"] = json!(true);
        }
        if cap {
            let written: Vec<_> = ["max_tokens", "max_completion_tokens"].into_iter().filter(|field| before[field].is_number()).collect();
            if written.is_empty() { expected["max_completion_tokens"] = json!(5); }
            for field in written { expected[field] = json!(5); }
        }
        prop_assert_eq!(serde_json::from_str::<Value>(&found).expect("JSON"), expected);
        look(Endpoint::Chat, found.as_bytes()).expect("no key twice");
    }
}

#[test]
fn a_preface_stands_before_a_text_that_changes_too() {
    let body = br#"{"model":"m","instructions":"be kind to ana","input":"x"}"#;
    let look = look(Endpoint::Responses, body).expect("a request");
    let found = conversation(Endpoint::Responses, body);
    let system = found.texts.first().expect("one").text.span;
    for preface_first in [true, false] {
        let mut edits = Edits::new();
        let preface = |edits: &mut Edits| {
            edits.put_preface(&look, found.preface.expect("there is one"), "say \"hi\"");
        };
        if preface_first {
            preface(&mut edits);
        }
        edits.put_text(system, "be kind to \"X\"");
        if !preface_first {
            preface(&mut edits);
        }
        assert_eq!(
            String::from_utf8(edits.apply(body)).expect("UTF-8"),
            r#"{"model":"m","instructions":"say \"hi\"\n\nbe kind to \"X\"","input":"x"}"#
        );
    }
}

#[test]
fn a_system_message_goes_before_all_others() {
    for (body, expected) in [
        (
            r#"{"model":"m","messages":[ {"role":"user","content":"x"}]}"#,
            r#"{"model":"m","messages":[{"role":"system","content":"y"}, {"role":"user","content":"x"}]}"#,
        ),
        (
            r#"{"model":"m","messages":[]}"#,
            r#"{"model":"m","messages":[{"role":"system","content":"y"}]}"#,
        ),
    ] {
        let look = look(Endpoint::Chat, body.as_bytes()).expect("a request");
        let found = conversation(Endpoint::Chat, body.as_bytes());
        let mut edits = Edits::new();
        edits.put_preface(&look, found.preface.expect("there is one"), "y");
        assert_eq!(edits.apply(body.as_bytes()), expected.as_bytes());
    }
}
