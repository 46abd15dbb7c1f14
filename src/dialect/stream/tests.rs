//! What a stream adds up to, however it is cut, and how it ends when we end it.

use proptest::prelude::*;

use super::{MAX_EVENT, Release, StreamMeter};
use crate::chat::{Endpoint, Usage};
use crate::units::Tokens;

const CHAT: &str = include_str!("../../../tests/golden/openai/chat.sse");
const TOOLS: &str = include_str!("../../../tests/golden/openai/chat_tools.sse");
const COMPLETIONS: &str = include_str!("../../../tests/golden/openai/completions.sse");
const RESPONSES: &str = include_str!("../../../tests/golden/openai/responses.sse");

const MESSAGE: &str = include_str!("../../../tests/golden/anthropic/message.sse");
const MESSAGE_TOOLS: &str = include_str!("../../../tests/golden/anthropic/message_tools.sse");

const CONTENTS: &str = include_str!("../../../tests/golden/gemini/stream.sse");
const CONTENTS_TOOLS: &str = include_str!("../../../tests/golden/gemini/stream_tools.sse");

const ALL: [(Endpoint, &str); 8] = [
    (Endpoint::Chat, CHAT),
    (Endpoint::Chat, TOOLS),
    (Endpoint::Completions, COMPLETIONS),
    (Endpoint::Responses, RESPONSES),
    (Endpoint::Messages, MESSAGE),
    (Endpoint::Messages, MESSAGE_TOOLS),
    (Endpoint::GenerateContent, CONTENTS),
    (Endpoint::GenerateContent, CONTENTS_TOOLS),
];

/// Pushes chunks; returns the meter and what was released.
fn metered<'a>(
    mut meter: StreamMeter,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> (StreamMeter, Vec<u8>) {
    let mut released = Vec::new();
    for chunk in chunks {
        meter.push(chunk, &mut |release| match release {
            Release::Held(bytes) => released.extend_from_slice(bytes),
            Release::Chunk(range) => released.extend_from_slice(&chunk[range]),
        });
    }
    meter.finish(&mut |release| match release {
        Release::Held(bytes) => released.extend_from_slice(bytes),
        Release::Chunk(_) => panic!("there is no chunk"),
    });
    (meter, released)
}

fn whole(endpoint: Endpoint, stream: &str, hide: bool) -> (StreamMeter, String) {
    let (meter, released) = metered(StreamMeter::new(endpoint, hide, false), [stream.as_bytes()]);
    (meter, String::from_utf8(released).expect("UTF-8"))
}

/// Everything the meter tells.
fn reading(meter: &StreamMeter) -> impl PartialEq + std::fmt::Debug + use<> {
    (
        (
            meter.usage(),
            meter.content_events(),
            meter.text_bytes(),
            meter.is_error(),
            meter.is_ended(),
        ),
        (
            meter.is_finished(),
            meter.output_tokens_low(),
            meter.output_tokens_high(),
        ),
        meter.ending(Usage::default()),
    )
}

#[test]
fn golden_streams_are_metered() {
    let readings: Vec<String> = ALL
        .iter()
        .map(|(endpoint, stream)| {
            let (meter, _) = whole(*endpoint, stream, false);
            format!(
                "{endpoint:?}: events {} bytes {} low {} high {} finished {} ended {} error {}\n{:?}",
                meter.content_events(),
                meter.text_bytes(),
                meter.output_tokens_low(),
                meter.output_tokens_high(),
                meter.is_finished(),
                meter.is_ended(),
                meter.is_error(),
                meter.usage(),
            )
        })
        .collect();
    insta::assert_snapshot!(readings.join("\n\n"));
}

#[test]
fn only_the_usage_event_is_hidden_and_only_where_it_was_not_asked_for() {
    for (endpoint, stream) in ALL {
        assert_eq!(whole(endpoint, stream, false).1, stream);
        let expected: String = stream
            .split_inclusive("\n\n")
            .filter(|event| !event.contains(r#""choices":[],"#))
            .collect();
        assert_eq!(whole(endpoint, stream, true).1, expected);
        assert_eq!(
            expected.len() < stream.len(),
            matches!(stream, CHAT | COMPLETIONS)
        );
    }
}

#[test]
fn whole_chunks_pass_in_one_piece_each() {
    for hide in [false, true] {
        let mut meter = StreamMeter::new(Endpoint::Chat, hide, false);
        for event in TOOLS.split_inclusive("\n\n") {
            let mut count = 0;
            meter.push(event.as_bytes(), &mut |release| {
                count += 1;
                assert_eq!(release, Release::Chunk(0..event.len()));
            });
            assert_eq!(count, 1);
        }
    }
}

#[test]
fn an_unfinished_event_is_passed_on_or_held_as_asked() {
    let released = |meter: StreamMeter| {
        let mut meter = meter;
        let mut count = 0;
        meter.push(b"data: {\"cho", &mut |release| match release {
            Release::Chunk(range) => count += range.len(),
            Release::Held(bytes) => count += bytes.len(),
        });
        (
            count,
            meter.is_mid_event(),
            meter.discard(),
            meter.is_mid_event(),
        )
    };
    assert_eq!(
        released(StreamMeter::new(Endpoint::Chat, false, false)),
        (11, true, 0, false)
    );
    assert_eq!(
        released(StreamMeter::new(Endpoint::Chat, false, true)),
        (0, false, 11, false)
    );
    assert_eq!(
        released(StreamMeter::new(Endpoint::Chat, true, false)),
        (0, false, 11, false)
    );
}

#[test]
fn a_last_event_without_its_blank_line_is_read_and_released() {
    let cut = COMPLETIONS
        .strip_suffix("\n\ndata: [DONE]\n\n")
        .expect("ends so");
    let (meter, released) = whole(Endpoint::Completions, cut, true);
    assert_eq!(meter.usage().map(|usage| usage.output), Some(Tokens(2)));
    assert!(!released.contains("\"usage\"") && !meter.is_ended());
    let (_, released) = whole(Endpoint::Completions, "data: half", true);
    assert_eq!(released, "data: half");
}

#[test]
fn errors_and_other_ends_are_told_apart() {
    let check = |endpoint, event: &str, error: bool, ended: bool| {
        let (meter, released) = whole(endpoint, event, true);
        assert_eq!(
            (meter.is_error(), meter.is_ended()),
            (error, ended),
            "{event}"
        );
        assert_eq!(released, event);
    };
    check(
        Endpoint::Chat,
        "data: {\"error\":{\"message\":\"x\"}}\n\n",
        true,
        false,
    );
    check(
        Endpoint::Chat,
        "data: {\"error\":null,\"choices\":[]}\n\n",
        false,
        false,
    );
    check(Endpoint::Chat, "data: [DONE]\n\n", false, true);
    check(
        Endpoint::Responses,
        "event: error\ndata: {\"type\":\"error\",\"message\":\"x\"}\n\n",
        true,
        false,
    );
    check(
        Endpoint::Responses,
        "data: {\"type\":\"response.failed\",\"response\":{}}\n\n",
        true,
        true,
    );
    check(
        Endpoint::Responses,
        "data: {\"type\":\"response.incomplete\",\"response\":{}}\n\n",
        false,
        true,
    );
    check(
        Endpoint::Chat,
        "data: {\"choices\":[{\"index\":0,\"delta\":{}}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}\n\n",
        false,
        false,
    );
}

#[test]
fn what_cannot_be_read_counts_by_its_bytes_but_never_cuts() {
    let (meter, _) = whole(Endpoint::Chat, "data: <html> says nothing\n\n", false);
    assert_eq!(
        (meter.output_tokens_low(), meter.output_tokens_high()),
        (0, 9)
    );
    let long = format!("data: {}\n\ndata: [DONE]\n\n", "x".repeat(2 * MAX_EVENT));
    for hide in [false, true] {
        let chunks = long.as_bytes().chunks(50_000);
        let (meter, released) = metered(StreamMeter::new(Endpoint::Chat, hide, false), chunks);
        assert_eq!(released, long.as_bytes());
        assert_eq!(meter.output_tokens_low(), 0);
        assert!(meter.is_ended() && meter.output_tokens_high() > 600_000);
        assert!(meter.partial.capacity() <= 2 * MAX_EVENT);
    }
}

#[test]
fn a_payload_on_several_lines_is_one_payload() {
    let event =
        "data: {\"choices\":[{\"index\":0,\r\ndata: \"delta\":{\"content\":\"abcd\"}}]}\r\n\r\n";
    let (meter, _) = whole(Endpoint::Chat, event, false);
    assert_eq!((meter.content_events(), meter.text_bytes()), (1, 4));
}

#[test]
fn a_cut_stream_ends_well_formed_in_its_own_dialect() {
    let usage = Usage {
        input: Tokens(21),
        output: Tokens(9),
        cached_input: Tokens(4),
        reasoning: Tokens(2),
        ..Usage::default()
    };
    let mut endings = Vec::new();
    for (endpoint, stream) in ALL {
        for hide in [false, true] {
            let stream = stream.replace("\r\n", "\n");
            let first: String = stream.split_inclusive("\n\n").take(3).collect();
            let (meter, _) = whole(endpoint, &first, hide);
            let ending = String::from_utf8(meter.ending(usage)).expect("UTF-8");
            endings.push(format!("{endpoint:?}, usage hidden {hide}:\n{ending}"));
            let (after, _) = whole(endpoint, &(first + &ending), false);
            assert!(after.is_finished() && !after.is_error());
            // Nothing but the connection ends a stream of contents.
            let contents = endpoint == Endpoint::GenerateContent;
            assert_eq!(after.is_ended(), !contents);
            if contents || endpoint == Endpoint::Messages {
                // What was read stands in the beginning.
                let told = after.usage().expect("told");
                assert_eq!(told.output, usage.output);
                assert!(after.is_told());
            } else if !hide || endpoint == Endpoint::Responses {
                assert_eq!(after.usage(), Some(usage));
            }
        }
    }
    insta::assert_snapshot!(endings.join("\n"));
}

#[test]
fn a_broken_stream_ends_with_an_error_and_no_done() {
    let mut endings = Vec::new();
    for (endpoint, stream) in ALL {
        let stream = stream.replace("\r\n", "\n");
        let first: String = stream.split_inclusive("\n\n").take(3).collect();
        let (meter, _) = whole(endpoint, &first, false);
        let error = meter.error_event("upstream_error", None, "the provider broke off");
        let error = String::from_utf8(error).expect("UTF-8");
        let (after, _) = whole(endpoint, &(first + &error), false);
        assert!(after.is_error() && !after.is_ended());
        endings.push(error);
    }
    insta::assert_snapshot!(endings.join("\n"));
}

#[test]
fn an_ending_first_ends_the_event_it_would_fall_into() {
    let mut meter = StreamMeter::new(Endpoint::Chat, false, false);
    meter.push(b"data: {\"cho", &mut |_| {});
    assert!(meter.ending(Usage::default()).starts_with(b"\n\ndata: {"));
    assert!(
        meter
            .error_event("upstream_error", None, "x")
            .starts_with(b"\n\ndata: {")
    );
}

/// Cuts `bytes` at these places.
fn cut<'a>(bytes: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places
        .windows(2)
        .map(|pair| &bytes[pair[0]..pair[1]])
        .collect()
}

fn events() -> impl Strategy<Value = Vec<u8>> {
    let golden: Vec<String> = ALL
        .iter()
        .flat_map(|(_, stream)| stream.split_inclusive("\n\n"))
        .map(|event| event.trim_end().to_owned())
        .chain([
            "data: {".into(),
            String::new(),
            "data".into(),
            "\u{feff}data: {}".into(),
        ])
        .collect();
    let end = prop::sample::select(vec![
        "\n\n", "\r\n\r\n", "\r\r", "\n\r\n", "\r\n\n", "\n", "\r", "\n\r",
    ]);
    let event = (prop::sample::select(golden), end).prop_map(|(event, end)| {
        let line = if end.starts_with("\r\n") {
            "\r\n"
        } else {
            "\n"
        };
        event.replace('\n', line) + end
    });
    prop::collection::vec(event, 0..8).prop_map(|events| events.concat().into_bytes())
}

fn endpoint() -> impl Strategy<Value = Endpoint> {
    prop::sample::select(Endpoint::ALL.to_vec())
}

#[test]
fn what_a_message_says_at_its_beginning_is_no_last_word() {
    let first: String = MESSAGE.split_inclusive("\n\n").take(5).collect();
    let (begun, _) = whole(Endpoint::Messages, &first, false);
    let usage = begun.usage().expect("what was read is known");
    assert_eq!(
        (usage.input, usage.cached_input),
        (Tokens(1085), Tokens(1000))
    );
    assert_eq!(
        (usage.cache_write, usage.cache_write_1h),
        (Tokens(50), Tokens(10))
    );
    assert!(!begun.is_told() && !begun.is_finished());
    let (ended, _) = whole(Endpoint::Messages, MESSAGE, false);
    assert!(ended.is_told() && ended.is_finished() && ended.is_ended());
    assert_eq!(ended.usage().map(|usage| usage.output), Some(Tokens(15)));
    // A provider that never tells what it wrote has told nothing.
    let silent = MESSAGE.replace(
        r#""usage":{"output_tokens":15}"#,
        r#""usage":{"output_tokens":null}"#,
    );
    let (silent, _) = whole(Endpoint::Messages, &silent, false);
    assert!(silent.is_ended() && !silent.is_told());
    let unasked = MESSAGE.replace(r#""input_tokens":25,"#, "");
    assert_eq!(whole(Endpoint::Messages, &unasked, false).0.usage(), None);
}

#[test]
fn an_end_of_ours_closes_the_blocks_the_caller_has() {
    let first: String = MESSAGE_TOOLS.split_inclusive("\n\n").take(7).collect();
    let ended =
        |meter: &StreamMeter| String::from_utf8(meter.ending(Usage::default())).expect("UTF-8");
    let (mut meter, _) = whole(Endpoint::Messages, &first, false);
    assert!(
        ended(&meter).contains(r#""content_block_stop","index":1"#)
            || ended(&meter).contains(r#""index":1,"type":"content_block_stop""#)
    );
    assert!(!ended(&meter).contains("message_start"));
    let unsaid = meter.unsaid();
    assert!(ended(&unsaid).starts_with("event: message_start\n"));
    assert!(!ended(&unsaid).contains("content_block_stop"));
    // A guard kept the block's beginning back.
    let mut outline = crate::dialect::Outline::default();
    outline.passed(
        &crate::dialect::said(
            br#"{"type":"message_start","message":{}}"#,
            Endpoint::Messages,
            true,
        )
        .expect("JSON"),
    );
    meter.caller_has(&outline);
    assert!(!ended(&meter).contains("content_block_stop"));
    assert!(!ended(&meter).contains("message_start"));
}

proptest! {
    #[test]
    fn a_stream_means_the_same_however_it_is_cut(
        stream in events(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        endpoint in endpoint(), hide in any::<bool>(), hold in any::<bool>(),
    ) {
        let meter = || StreamMeter::new(endpoint, hide, hold);
        let (once, released_once) = metered(meter(), [stream.as_slice()]);
        let (cut, released_cut) = metered(meter(), cut(&stream, &cuts));
        let (bytes, released_bytes) = metered(meter(), stream.chunks(1));
        prop_assert_eq!(&released_once, &released_cut);
        prop_assert_eq!(&released_once, &released_bytes);
        prop_assert_eq!(reading(&once), reading(&cut));
        prop_assert_eq!(reading(&once), reading(&bytes));
        if !hide { prop_assert_eq!(released_once, stream); }
    }

    #[test]
    fn an_event_of_a_known_shape_means_what_reading_it_whole_says(
        text in "[^\0]{0,20}", index in 0..2, field in prop::sample::select(vec!["content", "refusal", "role", "arguments"]),
        finish in prop::sample::select(vec!["null", "\"stop\""]), usage in any::<bool>(), broken in any::<bool>(),
    ) {
        let event = |delta: &str| {
            let usage = if usage { r#"{"prompt_tokens":1,"completion_tokens":2}"# } else { "null" };
            format!("data: {{\"id\":\"i\",\"choices\":[{{\"index\":{index},\"delta\":{delta},\"finish_reason\":{finish}}}],\"usage\":{usage}}}\n\n")
        };
        let first = event(r#"{"content":"a"}"#);
        let mut delta = serde_json::json!({ field: text }).to_string();
        if broken { delta.insert(1, '}'); }
        let second = event(&delta);
        let alone = whole(Endpoint::Chat, &second, false).0;
        let known = whole(Endpoint::Chat, &(first.clone() + &second), false).0;
        let first = whole(Endpoint::Chat, &first, false).0;
        prop_assert_eq!(known.text_bytes(), first.text_bytes() + alone.text_bytes());
        prop_assert_eq!(known.content_events(), first.content_events() + alone.content_events());
        prop_assert_eq!(known.unread_bytes, alone.unread_bytes);
        prop_assert_eq!(known.is_finished(), first.is_finished() || alone.is_finished());
    }

    #[test]
    fn no_bytes_make_it_panic_or_get_lost(
        stream in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'\n'), Just(b'\r')], 0..300),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        endpoint in endpoint(), hide in any::<bool>(),
    ) {
        let (_, released) = metered(StreamMeter::new(endpoint, hide, false), cut(&stream, &cuts));
        prop_assert_eq!(released, stream);
    }
}

#[test]
fn a_stream_of_contents_is_told_once_its_last_candidate_has_finished() {
    let events: Vec<&str> = CONTENTS.split_inclusive("\r\n\r\n").collect();
    let state = |count: usize| {
        let (meter, _) = whole(Endpoint::GenerateContent, &events[..count].concat(), false);
        let output = meter.usage().map(|usage| usage.output.0);
        (
            output,
            meter.is_told(),
            meter.is_finished(),
            meter.unseen().thinking,
        )
    };
    // A thought is shown: it may go on.
    assert_eq!(state(1), (Some(34), false, false, true));
    assert_eq!(state(2), (Some(63), false, false, false));
    assert_eq!(state(4), (Some(71), true, true, false));
    let (begun, _) = whole(
        Endpoint::GenerateContent,
        "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}]}\n\n",
        false,
    );
    assert!(begun.usage().is_none() && begun.unseen().thinking);
}

#[test]
fn a_prompt_that_is_turned_back_ends_its_stream() {
    let (meter, _) = whole(
        Endpoint::GenerateContent,
        "data: {\"promptFeedback\":{\"blockReason\":\"SAFETY\"},\"usageMetadata\":{\"promptTokenCount\":7,\"totalTokenCount\":7}}\n\n",
        false,
    );
    let usage = meter.usage().expect("it is told");
    assert_eq!((usage.input.0, usage.output.0), (7, 0));
    assert!(meter.is_told() && meter.is_finished());
}
