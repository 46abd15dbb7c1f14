//! A caller who says how long it waits is not waited for longer, by retries and fallbacks least of all.

use super::{Stage, budget};
use crate::support::{Money, chat};
use serde_json::{Value, json};

/// Times that no test waits for.
fn patient(targets: &str) -> Stage {
    Stage::with(targets, &budget("$1.00"), |settings| {
        settings
            .replace(
                "first_byte: 400ms, idle: 300ms",
                "first_byte: 60s, idle: 60s",
            )
            .replace("backoff: 5ms..1s", "backoff: 20s..20s")
            .replace("/v1\" }", "/v1\", circuit: { failures: 1, open_for: 1h } }")
    })
}

fn hello(knobs: &str, stream: bool) -> Value {
    let more = [("max_tokens", json!(60)), ("stream", json!(stream))];
    chat("smart", &format!("hello @sim({knobs})"), &more)
}

#[test]
fn an_answer_that_does_not_come_in_the_callers_time_is_a_504() {
    for (header, time) in [
        ("x-tollgate-timeout", "300ms"),
        ("x-litellm-timeout", "0.3"),
        ("x-stainless-read-timeout", "0.3"),
    ] {
        let stage = patient("{ provider: a, model: dear }, { provider: b, model: odd }");
        let mut caller = stage.gateway.caller().with(header, time);
        let answer = caller.chat(&hello("hang=head", false));
        assert_eq!(answer.status, 504, "{header}: {}", answer.text());
        assert_eq!(answer.json()["error"]["type"], "upstream_error");
        let ledger = stage.ledger();
        assert!(ledger.spent > Money(0), "nobody knows what it did");
        assert_eq!(ledger.uncertain, ledger.spent);
        assert_eq!(stage.b.requests().len(), 0);
        let status = stage.gateway.status();
        assert_eq!(
            status["providers"][0]["circuit"], "closed",
            "a hurry is no fault of its"
        );
    }
}

#[test]
fn nothing_is_asked_again_that_could_not_be_in_time() {
    let stage = patient("{ provider: a, model: dear--status-503 }");
    let mut caller = stage.gateway.caller().with("x-tollgate-timeout", "5");
    let answer = caller.chat(&hello("out=5", false));
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert!(
        answer.text().contains("after 1 attempt:"),
        "{}",
        answer.text()
    );
    assert_eq!(stage.a.requests().len(), 1);
    stage.assert_balanced();
}

#[test]
fn a_stream_ends_when_the_callers_time_is_up() {
    let stage = patient("{ provider: a, model: dear }");
    let mut caller = stage.gateway.caller().with("x-tollgate-timeout", "600ms");
    let answer = caller.chat(&hello("out=50,hang=stream", true));
    assert_eq!(answer.status, 200);
    let events = answer.events();
    let last = events.last().expect("an event");
    assert!(last.contains("upstream_error"), "{last}");
    assert!(!events.iter().any(|event| event == "[DONE]"), "{events:?}");
    let (ledger, a) = (stage.ledger(), stage.a.meter_at_rest());
    assert!(ledger.spent >= a.cost && a.cost > Money(0));
    assert_eq!(a.cancelled, 1, "the provider was hung up on");
}

#[test]
fn what_a_client_waits_for_an_answer_does_not_end_a_stream_that_flows() {
    let stage = patient("{ provider: a, model: dear }");
    let mut caller = stage.gateway.caller().with("x-stainless-read-timeout", "1");
    let answer = caller.chat(&hello("out=30,token_delay=50ms", true));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.events().last().map(String::as_str), Some("[DONE]"));
    stage.assert_balanced();
}

#[test]
fn a_time_nobody_can_read_is_refused() {
    let stage = patient("{ provider: a, model: dear }");
    let mut caller = stage.gateway.caller().with("x-tollgate-timeout", "soon");
    let answer = caller.chat(&hello("out=5", false));
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(
        answer.text().contains("x-tollgate-timeout"),
        "{}",
        answer.text()
    );
    assert_eq!(stage.a.requests().len(), 0);
}
