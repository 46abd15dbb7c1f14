//! Several targets share the calls: by weight, by session, by who answers sooner.

use super::{Stage, budget};
use crate::support::{Response, chat};
use serde_json::{Value, json};

const WEIGHTED: &str =
    "{ provider: a, model: dear, weight: 1 }, { provider: b, model: odd, weight: 3 }";

fn hello() -> Value {
    chat("smart", "hello @sim(out=5)", &[("max_tokens", json!(10))])
}

#[track_caller]
fn answerer(answer: &Response) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer
        .header("x-tollgate-provider")
        .expect("who answered")
        .to_owned()
}

#[test]
fn calls_are_shared_by_weight() {
    let stage = Stage::by("weighted", WEIGHTED, &budget("$1.00"));
    let mut caller = stage.gateway.caller();
    let all = 400_u64;
    for _ in 0..all {
        answerer(&caller.chat(&hello()));
    }
    let (a, b) = (stage.attempts("a", "ok"), stage.attempts("b", "ok"));
    assert_eq!(a + b, all);
    // A hundred are expected; so far off, chance is not to blame in a million runs.
    assert!((55..150).contains(&a), "{a} of {all}");
    stage.assert_balanced();
}

#[test]
fn a_session_stays_with_its_target_while_that_fares_well() {
    let targets = "{ provider: a, model: dear, weight: 1 }, { provider: b, model: odd, weight: 1 }";
    let stage = Stage::by("weighted", targets, &budget("$1.00"));
    let mut met = std::collections::BTreeSet::new();
    for number in 0..40 {
        let session = format!("session-{number}");
        let mut caller = stage.gateway.caller().with("x-tollgate-session", &session);
        let first = answerer(&caller.chat(&hello()));
        for _ in 0..3 {
            let mut other = stage.gateway.caller().with("x-tollgate-session", &session);
            assert_eq!(answerer(&caller.chat(&hello())), first);
            assert_eq!(answerer(&other.chat(&hello())), first);
        }
        met.insert(first);
    }
    assert_eq!(met.len(), 2, "sessions are spread");
    stage.assert_balanced();
}

#[test]
fn a_session_whose_target_is_down_goes_to_another() {
    let targets = "{ provider: a, model: dear--status-503, weight: 1000 }, { provider: b, model: odd, weight: 1 }";
    let stage = Stage::by("weighted", targets, &budget("$1.00"));
    for number in 0..10 {
        let session = format!("session-{number}");
        let mut caller = stage.gateway.caller().with("x-tollgate-session", &session);
        assert_eq!(answerer(&caller.chat(&hello())), "b");
    }
    let asked = stage.a.requests().len();
    assert!(
        (5..=6).contains(&asked),
        "then its circuit was open: {asked}"
    );
    stage.assert_balanced();
}

#[test]
fn the_quicker_target_gets_nearly_all_calls() {
    let targets = "{ provider: a, model: dear--latency-200ms }, { provider: b, model: odd }";
    let stage = Stage::by("least_latency", targets, &budget("$1.00"));
    let mut caller = stage.gateway.caller();
    for _ in 0..60 {
        answerer(&caller.chat(&hello()));
    }
    let (a, b) = (stage.attempts("a", "ok"), stage.attempts("b", "ok"));
    assert_eq!(a + b, 60);
    assert!(
        (1..=6).contains(&a),
        "each is tried, then the quicker one taken: {a}"
    );
    stage.assert_balanced();
}
