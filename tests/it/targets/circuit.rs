//! A target that fails too often, or asks to be left alone, is left alone while another can be asked.

use super::{Stage, budget};
use crate::support::{Money, chat, until};
use serde_json::{Value, json};

fn hello() -> Value {
    chat("smart", "hello @sim(out=20)", &[("max_tokens", json!(30))])
}

/// Once failed is enough, and it stays so.
const LASTING: &str = "{ failures: 1, open_for: 1h }";

impl Stage {
    /// What `/status` and the metric say of a provider, which is the same.
    #[track_caller]
    fn circuit(&self, provider: &str) -> String {
        let status = self.gateway.status();
        let providers = status["providers"].as_array().expect("a list").iter();
        let mut own = providers.filter(|one| one["name"] == provider);
        let circuit = own.next().expect("this provider")["circuit"].clone();
        circuit.as_str().expect("a state").to_owned()
    }

    fn asked(&self) -> (usize, usize) {
        (self.a.requests().len(), self.b.requests().len())
    }
}

#[test]
fn a_target_that_failed_too_often_is_not_asked_while_another_is_there() {
    let targets = "{ provider: a, model: dear--status-500 }, { provider: b, model: odd }";
    let stage = Stage::with_circuits("{ failures: 4, open_for: 1h }", targets, &budget("$1.00"));
    assert_eq!(stage.circuit("a"), "closed");
    let labels = [("provider", "a")];
    assert_eq!(stage.gateway.count("tollgate_circuit_state", &labels), 0);
    // Two attempts each.
    for expected in [(2, 1), (4, 2), (4, 3), (4, 4)] {
        let answer = stage.gateway.caller().chat(&hello());
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("x-tollgate-provider"), Some("b"));
        assert_eq!(stage.asked(), expected);
    }
    assert_eq!(
        (stage.circuit("a"), stage.circuit("b")),
        ("open".into(), "closed".into())
    );
    assert_eq!(stage.gateway.count("tollgate_circuit_state", &labels), 2);
    assert!(stage.gateway.log().contains("a target failed too often"));
    stage.assert_balanced();
}

#[test]
fn a_circuit_that_opens_ends_the_retries() {
    let targets = "{ provider: a, model: dear--status-500 }, { provider: b, model: odd }";
    let stage = Stage::with_circuits(LASTING, targets, &budget("$1.00"));
    assert_eq!(stage.gateway.caller().chat(&hello()).status, 200);
    assert_eq!(stage.asked(), (1, 1));
    stage.assert_balanced();
}

#[test]
fn after_its_time_one_answer_closes_it_again() {
    // Every second call there fails.
    let targets = "{ provider: a, model: dear--status-503--every-2 }, { provider: b, model: odd }";
    let circuit = "{ failures: 1, open_for: 300ms }";
    let stage = Stage::with_circuits(circuit, targets, &budget("$1.00"));
    let ask = || {
        let answer = stage.gateway.caller().chat(&hello());
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.header("x-tollgate-provider").map(str::to_owned)
    };
    assert_eq!(ask().as_deref(), Some("a"));
    assert_eq!(ask().as_deref(), Some("b"));
    assert_ne!(stage.circuit("a"), "closed");
    until("a probe may go", || {
        (stage.circuit("a") == "half_open").then_some(())
    });
    assert_eq!(ask().as_deref(), Some("a"), "the probe");
    assert_eq!(stage.circuit("a"), "closed");
    // And the next failure opens it anew.
    assert_eq!(ask().as_deref(), Some("b"));
    assert_ne!(stage.circuit("a"), "closed");
    stage.assert_balanced();
}

#[test]
fn a_probe_that_fails_costs_its_caller_nothing() {
    let targets = "{ provider: a, model: dear--status-503 }, { provider: b, model: odd }";
    let circuit = "{ failures: 1, open_for: 50ms }";
    let stage = Stage::with_circuits(circuit, targets, &budget("$1.00"));
    for probes in 1..5 {
        until("a probe may go", || {
            (stage.circuit("a") != "open").then_some(())
        });
        let answer = stage.gateway.caller().chat(&hello());
        assert_eq!(answer.header("x-tollgate-provider"), Some("b"));
        assert_eq!(stage.asked(), (probes, probes), "one attempt as a probe");
    }
    stage.assert_balanced();
}

#[test]
fn who_says_when_to_come_back_is_left_alone_until_then() {
    let targets =
        "{ provider: a, model: dear--status-429--retry_after-1 }, { provider: b, model: odd }";
    let stage = Stage::set(targets, &budget("$1.00"));
    for (wait, provider) in [(false, "b"), (false, "b"), (true, "b")] {
        if wait {
            let second = std::time::Instant::now();
            until("a second is over", || {
                (second.elapsed().as_millis() > 1_050).then_some(())
            });
        }
        let answer = stage.gateway.caller().chat(&hello());
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("x-tollgate-provider"), Some(provider));
    }
    assert_eq!(stage.asked(), (2, 3), "at first, and after the second");
    assert_eq!(stage.circuit("a"), "closed", "it is well, only busy");
    stage.assert_balanced();
}

#[test]
fn nobody_is_refused_by_a_circuit() {
    let targets =
        "{ provider: a, model: dear--status-503 }, { provider: b, model: dear--status-500 }";
    let stage = Stage::with_circuits(LASTING, targets, &budget("$1.00"));
    assert_eq!(stage.gateway.caller().chat(&hello()).status, 502);
    assert_eq!(
        (stage.circuit("a"), stage.circuit("b")),
        ("open".into(), "open".into())
    );
    let (a, b) = stage.asked();
    let answer = stage.gateway.caller().chat(&hello());
    let text = answer.text();
    assert!(text.contains("`a`") && text.contains("`b`"), "{text}");
    let (a, b) = (stage.asked().0 - a, stage.asked().1 - b);
    assert!(a > 0 && b > 0, "{a} {b}");
    assert_eq!(stage.ledger().spent, Money(0));
    // A model with one target knows nobody else.
    let stage = Stage::with_circuits(
        LASTING,
        "{ provider: a, model: dear--status-500 }",
        &budget("$1.00"),
    );
    for asked in [2, 4] {
        assert_eq!(stage.gateway.caller().chat(&hello()).status, 502);
        assert_eq!(stage.asked(), (asked, 0));
    }
    assert_eq!(stage.circuit("a"), "open", "it is told all the same");
    stage.assert_balanced();
}
