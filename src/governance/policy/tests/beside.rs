//! What goes with a decision: limits, caps and exceptions, shadows and canaries, requirements and routes.

use super::support::*;
use crate::governance::policy::settings::{Effect, File, Limits, Override, Require, RouteTo, Set};
use crate::governance::policy::{Caller, Cause, Decision, Request, Would};

#[test]
fn limits_and_caps_are_the_smallest_with_their_places() {
    let limits = |line: u32, most: u64| Limits {
        max_output_tokens: Some(at(line, most)),
        ..Limits::default()
    };
    let cheap = allow("cheap", |rule| {
        rule.set = Some(some(Set {
            max_output_tokens: Some(at(30, 1024)),
            temperature_max_milli: Some(at(31, 300)),
            stop: names(&["END"]),
            system_prefix: Some(text("Be brief.")),
            ..Set::default()
        }));
    });
    let org = File {
        limits: limits(9, 8192),
        ..file("", Vec::new())
    };
    let team = File {
        limits: limits(11, 4096),
        ..file("team=payments", vec![cheap])
    };
    let policies = policies(&[org, team]);
    let outcome = policies.decide(&ana());
    let cap = outcome.limits.max_output_tokens.expect("capped");
    assert_eq!((cap.value, cap.place.line), (1024, 30));
    assert_eq!(
        outcome.temperature_max_milli.map(|cap| cap.value),
        Some(300)
    );
    assert_eq!(outcome.max_output_tokens(Some(100)), Some(100));
    assert_eq!(outcome.max_output_tokens(None), Some(1024));
    assert_eq!(policies.stops(&outcome).as_slice(), ["END"]);
    assert_eq!(policies.system_prefixes(&outcome).as_slice(), ["Be brief."]);
}

#[test]
fn too_long_an_input_is_denied_by_the_limit() {
    let limits = Limits {
        max_input_tokens: Some(some(100)),
        ..Limits::default()
    };
    let policies = policies(&[File {
        limits,
        ..file("", Vec::new())
    }]);
    assert!(
        policies
            .decide(&Request {
                input_tokens: 100,
                ..ana()
            })
            .is_allowed()
    );
    let outcome = policies.decide(&Request {
        input_tokens: 101,
        ..ana()
    });
    assert_eq!(outcome.decision, Decision::Deny);
    assert_eq!(&*outcome.refusal.expect("refused").code, "input_too_long");
}

fn exception(child: &str) -> Override {
    Override {
        child: some(scope(child)),
        limits: Limits {
            max_output_tokens: Some(at(50, 16_384)),
            ..Limits::default()
        },
        lift: names(&["no-opus"]),
        reason: Some(text("INC-4411")),
        expires: Some(text("2027-01-31")),
        ..Override::default()
    }
}

#[test]
fn an_exception_is_granted_from_above_to_one_child_until_a_date() {
    let mut team = file(
        "team=payments",
        vec![deny("no-opus", |rule| rule.matches = models(&["opus"]))],
    );
    team.limits.max_output_tokens = Some(at(11, 4096));
    team.overrides = vec![exception("project=fraud")];
    let policies = policies(&[team]);
    let asks = |project: &'static str, time: &str| {
        let caller = Caller {
            project: Some(project),
            ..ana().caller
        };
        let request = Request {
            model: "opus",
            caller,
            now: wall(time),
            ..ana()
        };
        let outcome = policies.decide(&request);
        (
            outcome.is_allowed(),
            outcome.limits.max_output_tokens.map(|cap| cap.value),
        )
    };
    assert_eq!(asks("fraud", "2027-01-31T23:59:59Z"), (true, Some(16_384)));
    assert_eq!(asks("fraud", "2027-02-01T00:00:00Z"), (false, Some(4096)));
    assert_eq!(asks("other", "2027-01-01T00:00:00Z"), (false, Some(4096)));
}

#[test]
fn an_exception_does_not_reach_into_another_file() {
    let org = File {
        limits: Limits {
            max_output_tokens: Some(at(9, 8192)),
            ..Limits::default()
        },
        ..file(
            "",
            vec![deny("no-opus", |rule| rule.matches = models(&["opus"]))],
        )
    };
    let mut team = file(
        "team=payments",
        vec![deny("no-opus", |rule| rule.matches = models(&["opus"]))],
    );
    team.overrides = vec![exception("project=fraud")];
    let policies = policies(&[org, team]);
    let outcome = policies.decide(&Request {
        model: "opus",
        ..ana()
    });
    assert_eq!(
        outcome.limits.max_output_tokens.map(|cap| cap.value),
        Some(8192)
    );
    assert_eq!(deciding(&policies, &outcome).len(), 1);
}

#[test]
fn shadow_changes_nothing_and_says_what_it_would() {
    let mut rule = deny("later", |rule| {
        rule.when = when("request.input_tokens > 60000");
        rule.shadow = Some(at(1, ()).place);
        rule.shadow_until = Some(text("2027-02-01"));
    });
    let ask = |rule: &_, tokens: u64, time: &str| {
        let policies = policies(&[file("", vec![Clone::clone(rule)])]);
        let request = Request {
            input_tokens: tokens,
            now: wall(time),
            ..ana()
        };
        let outcome = policies.decide(&request);
        assert!(outcome.is_allowed());
        outcome
            .shadows
            .iter()
            .map(|hit| (hit.would, hit.overdue))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        ask(&rule, 90_000, "2027-02-01T12:00:00Z"),
        [(Would::Deny, false)]
    );
    assert_eq!(
        ask(&rule, 90_000, "2027-02-02T00:00:00Z"),
        [(Would::Deny, true)]
    );
    assert_eq!(ask(&rule, 812, "2027-02-01T12:00:00Z"), []);
    rule.effect = Some(some(Effect::Allow));
    assert_eq!(
        ask(&rule, 90_000, "2027-01-01T00:00:00Z"),
        [(Would::Nothing, false)]
    );
}

#[test]
fn an_allow_rule_in_shadow_says_when_it_would_let_in() {
    let real = allow("real", |rule| rule.matches = models(&["claude"]));
    let shadow = allow("trial", |rule| {
        rule.matches = models(&["gpt-*"]);
        rule.shadow = Some(at(1, ()).place);
    });
    let policies = policies(&[file("", vec![real, shadow])]);
    let outcome = policies.decide(&ana());
    assert!(!outcome.is_allowed());
    assert_eq!(outcome.shadows[0].would, Would::Allow);
}

#[test]
fn a_canary_holds_for_its_share_and_is_a_shadow_for_the_rest() {
    let rule = deny("canary", |rule| rule.canary = Some(text("25%")));
    let policies = policies(&[file("", vec![rule])]);
    let keys: Vec<String> = (0..1000).map(|key| format!("key-{key}")).collect();
    let denied = keys.iter().filter(|key| {
        let caller = Caller {
            key: Some(key),
            ..ana().caller
        };
        let outcome = policies.decide(&Request { caller, ..ana() });
        assert_eq!(outcome.is_allowed(), outcome.shadows.len() == 1);
        !outcome.is_allowed()
    });
    assert!((200..300).contains(&denied.count()));
}

#[test]
fn what_a_rule_requires_is_named_when_it_lacks() {
    let rule = rule(1, "ticket", None, |rule| {
        rule.matches = models(&["gpt-*"]);
        rule.require = Some(some(Require {
            headers: names(&["X-Ticket"]),
            tools: list(&["search"]),
            ..Require::default()
        }));
    });
    let policies = policies(&[file("", vec![rule])]);
    let outcome = policies.decide(&ana());
    let refusal = outcome.refusal.expect("refused");
    assert!(matches!(refusal.cause, Cause::Lacking(_)));
    assert!(
        refusal.message.ends_with("send the header `x-ticket`"),
        "{}",
        refusal.message
    );
    let headers = vec![("x-ticket", "T-1")];
    let with = Request {
        headers: &headers,
        ..ana()
    };
    assert!(policies.decide(&with).is_allowed());
    let other = Request {
        tools: &["search", "exec"],
        ..with
    };
    let refusal = policies.decide(&other).refusal.expect("refused");
    assert!(
        refusal.message.ends_with("leave out the tool `exec`"),
        "{}",
        refusal.message
    );
}

#[test]
fn the_narrowest_layers_route_wins_and_there_the_smallest_id() {
    let route = |id: &str, to: &str| {
        rule(1, id, None, |rule| {
            let model = Some(text(to));
            rule.route = Some(some(RouteTo {
                model,
                provider: None,
            }));
        })
    };
    let org = file("", vec![route("a", "org-model")]);
    let team = file(
        "team=payments",
        vec![route("c", "c-model"), route("b", "b-model")],
    );
    let policies = policies(&[team, org]);
    let outcome = policies.decide(&ana());
    let rule = outcome
        .route
        .and_then(|id| policies.rule(id))
        .expect("routed");
    assert_eq!(
        rule.route().and_then(|route| route.model.as_deref()),
        Some("b-model")
    );
}
