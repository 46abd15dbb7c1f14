//! The next target answers when the first one fails, and only what was answered is paid.

use super::{PRICES, Stage, budget, nobody, settings};
use crate::support::{Home, Money, Simulator, chat, crowd};
use serde_json::{Value, json};

fn hello() -> Value {
    chat("smart", "hello @sim(out=20)", &[("max_tokens", json!(30))])
}

fn streamed() -> Value {
    let more = [("max_tokens", json!(30)), ("stream", json!(true))];
    chat("smart", "hello @sim(out=20)", &more)
}

#[test]
fn a_target_that_refuses_for_now_is_left_for_the_next_one() {
    for (fault, outcome, attempts) in [
        ("status-503", "server_error", 2),
        ("status-500", "server_error", 2),
        ("status-429", "rate_limited", 2),
    ] {
        let targets =
            format!("{{ provider: a, model: dear--{fault} }}, {{ provider: b, model: odd }}");
        let stage = Stage::set(&targets, &budget("$1.00"));
        for (number, body) in [hello(), streamed()].into_iter().enumerate() {
            let answer = stage.gateway.caller().chat(&body);
            assert_eq!(answer.status, 200, "{fault}: {}", answer.text());
            assert_eq!(answer.header("x-tollgate-provider"), Some("b"));
            assert_eq!(stage.b.last_body()["model"], "odd", "its own name for it");
            stage.gateway.at_rest();
            let times = u64::try_from(number + 1).expect("a number");
            assert_eq!(stage.attempts("a", outcome), attempts * times);
            assert_eq!(stage.attempts("b", "ok"), times);
            assert_eq!(stage.a.meter().cost, Money(0));
            stage.assert_balanced();
        }
        // One decision each, with who answered and what it cost there.
        let decisions = stage.decisions(2);
        assert_eq!(decisions.len(), 2, "{decisions:?}");
        for decision in &decisions {
            assert_eq!(decision["provider"], "b", "{decision}");
            assert_eq!(decision["verdict"], "allow", "{decision}");
            assert_eq!(decision["model"], "smart", "{decision}");
        }
        let told: Money = (decisions.iter())
            .map(|decision| Money::of(decision["cost"].as_str().expect("a cost")))
            .sum();
        assert_eq!(told, stage.b.meter().cost);
    }
}

#[test]
fn a_target_that_is_not_there_is_left_for_the_next_one() {
    let b = Simulator::start(PRICES);
    let targets = "{ provider: a, model: dear }, { provider: b, model: odd }";
    let settings = settings(nobody(), b.address, targets, &budget("$1.00"));
    let gateway = Home::written(&b.prices, &settings);
    let gateway = gateway.start();
    let answer = gateway.caller().chat(&hello());
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-tollgate-provider"), Some("b"));
    gateway.at_rest();
    assert_eq!(gateway.ledger("all").spent, b.meter().cost);
    let unreachable = [("provider", "a"), ("outcome", "unreachable")];
    assert_eq!(
        gateway.count("tollgate_upstream_requests_total", &unreachable),
        2
    );
}

#[test]
fn the_first_target_answers_as_long_as_it_can() {
    let targets = "{ provider: a, model: dear }, { provider: b, model: odd }";
    let stage = Stage::set(targets, &budget("$1.00"));
    let answer = stage.gateway.caller().chat(&hello());
    assert_eq!(answer.header("x-tollgate-provider"), Some("a"));
    stage.assert_balanced();
    assert_eq!(stage.b.requests().len(), 0);
    // What is the caller's own fault would be one everywhere.
    let refused = chat("smart", "hello @sim(status=400)", &[]);
    assert_eq!(stage.gateway.caller().chat(&refused).status, 400);
    assert_eq!(stage.b.requests().len(), 0);
}

#[test]
fn a_call_whose_fate_is_unknown_is_not_made_again_elsewhere() {
    for (fault, status) in [("hang-head", 504), ("reset-1", 502), ("status-504", 502)] {
        let targets =
            format!("{{ provider: a, model: dear--{fault} }}, {{ provider: b, model: odd }}");
        let stage = Stage::set(&targets, &budget("$1.00"));
        for body in [hello(), streamed()] {
            let before = stage.ledger();
            let answer = stage.gateway.caller().chat(&body);
            assert_eq!(answer.status, status, "{fault}: {}", answer.text());
            let after = stage.ledger();
            let booked = after.spent - before.spent;
            assert!(booked >= Money(30 * 15_000), "{fault}: {booked}");
            assert_eq!(after.uncertain - before.uncertain, booked, "{fault}");
        }
        assert_eq!(stage.a.requests().len(), 2, "{fault}: one attempt each");
        assert_eq!(
            stage.b.requests().len(),
            0,
            "{fault}: it could be paid twice"
        );
    }
}

#[test]
fn nothing_is_asked_again_after_the_first_byte() {
    let targets = "{ provider: a, model: dear--cut-2 }, { provider: b, model: odd }";
    let stage = Stage::set(targets, &budget("$1.00"));
    let answer = stage.gateway.caller().chat(&streamed());
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("x-tollgate-provider"), Some("a"));
    let events = answer.events();
    assert!(!events.iter().any(|event| event == "[DONE]"), "{events:?}");
    assert_eq!(stage.b.requests().len(), 0);
    assert!(stage.ledger().spent >= stage.a.meter().cost);
}

#[test]
fn a_fallback_the_budget_does_not_cover_is_refused_and_nothing_is_booked() {
    let targets = "{ provider: a, model: dear--status-503 }, { provider: b, model: cent }";
    let stage = Stage::set(targets, &budget("$0.009"));
    for body in [hello(), streamed()] {
        let answer = stage.gateway.caller().chat(&body);
        assert_eq!(answer.status, 429, "{}", answer.text());
        let error = answer.json()["error"].take();
        assert_eq!(error["code"], "insufficient_quota", "{error}");
        let ledger = stage.ledger();
        assert_eq!((ledger.spent, ledger.reserved), (Money(0), Money(0)));
    }
    assert_eq!(stage.b.requests().len(), 0);
    let decisions = stage.decisions(2);
    assert_eq!(decisions.len(), 2, "{decisions:?}");
    for decision in &decisions {
        assert_eq!(decision["reason"], "budget_exceeded", "{decision}");
        assert_eq!(decision["status"], 429, "{decision}");
    }
    stage.assert_balanced();
}

#[test]
fn a_fallback_that_only_fits_smaller_is_sent_smaller() {
    // The first would cost next to nothing, the second more than there is for all of its answer.
    let targets = "{ provider: a, model: odd--status-503 }, { provider: b, model: dear }";
    let stage = Stage::set(targets, &budget("$0.005"));
    let body = chat(
        "smart",
        "hello @sim(out=4000)",
        &[("max_tokens", json!(4000))],
    );
    let answer = stage.gateway.caller().chat(&body);
    assert_eq!(answer.status, 200, "{}", answer.status);
    let sent = stage.b.last_body();
    let cap = sent["max_tokens"].as_u64().expect("a cap");
    assert!((200..334).contains(&cap), "what fits there: {cap}");
    let told = answer.header("x-tollgate-clamped").map(str::to_owned);
    assert_eq!(told, Some(cap.to_string()));
    stage.assert_balanced();
}

#[test]
fn when_every_target_fails_the_caller_is_told_of_each() {
    let targets = "{ provider: a, model: dear--status-503 }, { provider: claude, model: dear }, { provider: b, model: dear--status-500 }";
    let stage = Stage::set(targets, &budget("$1.00"));
    let mut body = hello();
    body["logit_bias"] = json!({ "50256": -100 });
    let answer = stage.gateway.caller().chat(&body);
    assert_eq!(answer.status, 502, "{}", answer.text());
    let error = answer.json()["error"].take();
    assert_eq!(error["code"], "upstream_error");
    let message = error["message"].as_str().expect("words");
    assert_eq!(
        message,
        "provider `b` failed after 2 attempts: it answered with status 500; no other target answered: \
         `a` (it answered with status 503), `claude` (`logit_bias` cannot be translated for the provider of this model: messages have no such field)"
    );
    assert_eq!(stage.ledger().spent, Money(0));
    stage.assert_balanced();
    // What has no counterpart at all is said as plainly.
    let responses = json!({ "model": "smart", "input": "hello", "max_output_tokens": 30 });
    let answer = stage.gateway.caller().post("/v1/responses", &responses);
    let message = answer.json()["error"]["message"].take();
    let expected = "`claude` (it does not speak the dialect of this call)";
    assert!(
        message
            .as_str()
            .is_some_and(|said| said.ends_with(expected)),
        "{message}"
    );
}

#[test]
fn targets_that_a_call_has_no_words_for_are_passed_over() {
    let targets = "{ provider: claude, model: odd }, { provider: a, model: dear }";
    let stage = Stage::set(targets, &budget("$1.00"));
    let responses =
        json!({ "model": "smart", "input": "hello @sim(out=20)", "max_output_tokens": 30 });
    let answer = stage.gateway.caller().post("/v1/responses", &responses);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-tollgate-provider"), Some("a"));
    let messages = json!({ "model": "smart", "max_tokens": 30, "messages": [{ "role": "user", "content": "hello @sim(out=20)" }] });
    let mut caller = stage
        .gateway
        .caller()
        .with("anthropic-version", "2023-06-01");
    let answer = caller.post("/v1/messages", &messages);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-tollgate-provider"), Some("claude"));
    stage.assert_balanced();
}

#[test]
fn to_the_rate_limits_it_is_one_call() {
    let targets = "{ provider: a, model: dear--status-503 }, { provider: b, model: odd }";
    let limits = "limits: [{ name: tight, match: {}, rpm: 10, concurrency: 1 }]\n";
    let stage = Stage::set(targets, &format!("{}{limits}", budget("$1.00")));
    for left in ["9", "8", "7"] {
        let answer = stage.gateway.caller().chat(&hello());
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("x-ratelimit-remaining-requests"), Some(left));
        stage.gateway.at_rest();
    }
    stage.assert_balanced();
}

#[test]
fn a_crowd_over_two_shaky_targets_pays_what_both_charge() {
    let targets = "{ provider: a, model: dear--status-503--every-2 }, { provider: b, model: odd--status-503--every-3 }";
    let stage = Stage::set(targets, &budget("$1.00"));
    let statuses = crowd(12, |_| {
        let mut caller = stage.gateway.caller();
        let body = [hello(), streamed()];
        (0..10)
            .map(|number| caller.chat(&body[number % 2]).status)
            .collect::<Vec<_>>()
    });
    let answered = statuses.iter().flatten().filter(|status| **status == 200);
    assert!(answered.count() > 60, "{statuses:?}");
    stage.assert_balanced();
    assert!(stage.b.meter().cost > Money(0), "some fell back");
}
