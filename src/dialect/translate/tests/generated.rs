//! What both dialects can say comes back through either as it was said, whatever it is.

use crate::chat::CapField;
use crate::dialect::translate::neutral::{
    By, Choice, Effort, Part, Request, Source, Thinking, Tool, Turn,
};
use crate::dialect::translate::tree::{Json, Object};
use crate::dialect::translate::{Terms, chat, contents, messages};
use proptest::option;
use proptest::prelude::*;

fn words() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z \"\\\\\n]{1,12}", "[äß\u{1f980}]{1,3}"]
}

fn name() -> impl Strategy<Value = String> {
    "[a-z_]{1,8}"
}

fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        "-?[1-9][0-9]{0,3}(\\.[0-9]{1,3})?".prop_map(|number| Json::Number(number.into())),
        words().prop_map(Json::Text),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Json::Array),
            members(inner).prop_map(Json::Object),
        ]
    })
}

fn members(value: impl Strategy<Value = Json>) -> impl Strategy<Value = Vec<(String, Json)>> {
    let pairs = prop::collection::vec((name(), value), 0..4);
    pairs.prop_map(|mut pairs| {
        let mut seen = std::collections::BTreeSet::new();
        pairs.retain(|(key, _)| seen.insert(key.clone()));
        pairs
    })
}

fn object() -> impl Strategy<Value = Json> {
    members(json()).prop_map(Json::Object)
}

fn text() -> impl Strategy<Value = Part> {
    words().prop_map(Part::text)
}

fn shown() -> impl Strategy<Value = Part> {
    let data = "[A-Za-z0-9]{0,8}".prop_map(|data| Source::Data {
        media: "image/png".to_owned(),
        data,
    });
    let url = name().prop_map(|name| Source::Url(format!("https://x.test/{name}")));
    let source = prop_oneof![data, url];
    prop_oneof![
        2 => text(),
        1 => source.prop_map(|source| Part::Image { source, cache: None }),
        1 => name().prop_map(|title| Part::Document {
            source: Source::Data { media: "application/pdf".to_owned(), data: "JVBE".to_owned() },
            title: Some(title),
            cache: None,
        }),
    ]
}

/// A question, and what the assistant says to it, perhaps with calls that the next turn answers.
type Exchange = (Vec<Part>, Vec<Part>, Vec<(String, Json, String)>);

fn exchange() -> impl Strategy<Value = Exchange> {
    (
        prop::collection::vec(shown(), 1..3),
        prop::collection::vec(text(), 1..3),
        prop::collection::vec((name(), object(), words()), 0..3),
    )
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    prop::collection::vec(exchange(), 1..4).prop_map(|exchanges| {
        let mut turns = Vec::new();
        let mut results = Vec::new();
        for (place, (asked, said, calls)) in exchanges.into_iter().enumerate() {
            let mut parts = std::mem::take(&mut results);
            parts.extend(asked);
            turns.push(Turn {
                by: By::User,
                parts,
            });
            let mut parts = said;
            for (number, (name, input, answer)) in calls.into_iter().enumerate() {
                let id = format!("call_{place}_{number}");
                results.push(Part::Result {
                    id: id.clone(),
                    parts: vec![Part::text(answer)],
                    failed: false,
                    cache: None,
                });
                parts.push(Part::Call { id, name, input });
            }
            turns.push(Turn {
                by: By::Assistant,
                parts,
            });
        }
        if !results.is_empty() {
            turns.push(Turn {
                by: By::User,
                parts: results,
            });
        }
        turns
    })
}

fn tool() -> impl Strategy<Value = Tool> {
    (
        name(),
        option::of(words()),
        object(),
        option::of(Just(true)),
    )
        .prop_map(|(name, description, schema, strict)| Tool {
            name,
            description,
            schema: Some(schema),
            strict,
            cache: None,
        })
}

fn choice() -> impl Strategy<Value = (Option<Choice>, Option<bool>)> {
    let choice = prop_oneof![
        Just(Choice::Auto),
        Just(Choice::Any),
        name().prop_map(Choice::Named),
    ];
    prop_oneof![
        Just((None, None)),
        Just((Some(Choice::Never), None)),
        (choice, option::of(Just(false))).prop_map(|(choice, parallel)| (Some(choice), parallel)),
    ]
}

fn request() -> impl Strategy<Value = Request> {
    let said = (
        prop::collection::vec(text(), 0..3),
        turns(),
        prop::collection::vec(tool(), 0..3),
        choice(),
    );
    let effort = prop_oneof![
        Just(Effort::Low),
        Just(Effort::Medium),
        Just(Effort::High),
        Just(Effort::Higher),
    ];
    let set = (
        1..9_000_u64,
        option::of("0\\.[0-9]{1,3}".prop_map(Box::<str>::from)),
        option::of("0\\.[0-9]{1,3}".prop_map(Box::<str>::from)),
        prop::collection::vec(words(), 0..3),
        option::of(object()),
        option::of(effort),
        option::of(name()),
        any::<bool>(),
    );
    (said, set).prop_map(|((system, turns, tools, (choice, parallel)), set)| {
        let (cap, temperature, top_p, stop, schema, effort, user, stream) = set;
        let with_tools = !tools.is_empty();
        Request {
            model: "m".to_owned(),
            system,
            turns,
            choice: choice.filter(|_| with_tools),
            parallel: parallel.filter(|_| with_tools),
            tools,
            cap: Some(cap),
            temperature,
            top_p,
            stop,
            schema,
            thinking: effort.map(|_| Thinking::Adaptive),
            effort,
            user,
            stream,
            others: Vec::new(),
        }
    })
}

/// The same without what contents have no words for.
fn sayable(mut asked: Request) -> Request {
    for turn in &mut asked.turns {
        turn.parts.retain(|part| {
            !matches!(
                part,
                Part::Image {
                    source: Source::Url(_),
                    ..
                }
            )
        });
        for part in &mut turn.parts {
            if let Part::Document { title, .. } = part {
                *title = None;
            }
        }
    }
    for tool in &mut asked.tools {
        tool.strict = None;
    }
    if asked.effort == Some(Effort::Higher) {
        asked.effort = Some(Effort::High);
    }
    Request {
        parallel: None,
        user: None,
        ..asked
    }
}

proptest! {
    #[test]
    fn what_chat_and_contents_can_say_comes_back_as_it_was(asked in request(), seed in option::of(1..9_u64)) {
        let mut asked = sayable(asked);
        asked.others.extend(seed.map(|seed| ("seed".to_owned(), Json::from(seed))));
        let terms = Terms { model: "m", cap: asked.cap, cap_field: CapField::MaxTokens, asks_usage: true };
        let mut lost = Vec::new();
        let spoken = contents::asked(&asked, &terms, &mut lost).expect("sayable");
        let spoken = Json::strict(spoken.written().as_bytes()).expect("JSON");
        let mut heard = contents::request(spoken, &mut lost).expect("understood");
        // What the path says.
        (heard.model, heard.stream) = ("m".to_owned(), asked.stream);
        prop_assert_eq!(&heard.turns, &asked.turns);
        lost.retain(|loss| loss.why != chat::BEGUN);
        prop_assert!(lost.is_empty(), "{lost:?}");
        let before = chat::asked(&asked, &terms, &mut lost).expect("sayable").written();
        let after = chat::asked(&heard, &terms, &mut lost).expect("sayable").written();
        prop_assert_eq!(before, after);
    }

    #[test]
    fn what_both_can_say_comes_back_as_it_was(asked in request(), both in any::<bool>()) {
        let cap_field = if both { CapField::MaxTokens } else { CapField::MaxCompletionTokens };
        let terms = Terms { model: "m", cap: asked.cap, cap_field, asks_usage: true };
        let mut lost = Vec::new();
        let spoken = chat::asked(&asked, &terms, &mut lost).expect("sayable");
        // Through the bytes, as it goes.
        let spoken = Json::strict(spoken.written().as_bytes()).expect("JSON");
        let heard = chat::request(spoken, &mut lost);
        prop_assert_eq!(heard.as_ref(), Ok(&asked));
        let spoken = messages::asked(&asked, &terms, &mut lost);
        let spoken = Json::strict(spoken.written().as_bytes()).expect("JSON");
        let heard = messages::request(spoken, &mut lost);
        prop_assert_eq!(heard.as_ref(), Ok(&asked));
        // Messages would go on with an answer that is begun.
        lost.retain(|loss| loss.why != chat::BEGUN);
        prop_assert!(lost.is_empty(), "{lost:?}");
    }

    #[test]
    fn a_request_of_any_shape_is_read_or_refused(body in json(), member in json(), place in 0..6_usize) {
        let names = ["messages", "tools", "system", "tool_choice", "thinking", "response_format"];
        let theirs = ["contents", "tools", "systemInstruction", "toolConfig", "generationConfig", "cachedContent"];
        let name = names.get(place).copied().unwrap_or_default();
        let of_contents = theirs.get(place).copied().unwrap_or_default();
        for inner in [body, Json::Array(vec![member])] {
            let body = Object::new().with(of_contents, inner.clone()).done();
            let _ = contents::request(body, &mut Vec::new());
            let body = Object::new().with("model", "m").with(name, inner).done();
            let mut lost = Vec::new();
            let _ = chat::request(body.clone(), &mut lost);
            let _ = messages::request(body, &mut lost);
        }
    }
}
