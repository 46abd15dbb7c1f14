//! What is decided, and by whom.

use super::support::*;
use crate::governance::guard::Kind;
use crate::governance::policy::settings::{Effect, File, Layer};
use crate::governance::policy::{Caller, Cause, Policies, Request, Standing};

fn check(files: &[File], request: &Request<'_>, expected: &str) {
    let policies = policies(files);
    assert_eq!(told(&policies, &policies.decide(request)), expected);
}

#[test]
fn without_policies_everything_passes() {
    let outcome = Policies::default().decide(&ana());
    assert!(outcome.is_allowed());
    assert_eq!(outcome.layer(Layer::Org), Standing::Silent);
}

#[test]
fn any_deny_wins_whatever_its_place() {
    let allows = || allow("chat", |rule| rule.matches = models(&["gpt-*"]));
    let denies = |id: &str| deny(id, |rule| rule.matches = models(&["gpt-4o"]));
    check(
        &[file("", vec![allows(), denies("b"), denies("a")])],
        &ana(),
        "deny a b",
    );
    check(
        &[file("", vec![denies("a"), denies("b"), allows()])],
        &ana(),
        "deny a b",
    );
}

#[test]
fn a_layer_with_allow_rules_denies_the_rest() {
    let rules = || vec![allow("chat", |rule| rule.matches = models(&["claude-*"]))];
    check(&[file("", rules())], &ana(), "deny");
    let mut open = file("", rules());
    open.defaults.effect = Some(some(Effect::Allow));
    check(&[open], &ana(), "allow");
    check(
        &[file(
            "",
            vec![deny("x", |rule| rule.matches = models(&["x"]))],
        )],
        &ana(),
        "allow",
    );
}

#[test]
fn a_layer_without_rules_passes_whatever_its_default() {
    let mut empty = file("", Vec::new());
    empty.defaults.effect = Some(some(Effect::Deny));
    check(&[empty], &ana(), "allow");
}

#[test]
fn every_layer_must_allow() {
    let org = file(
        "",
        vec![allow("org-gpt", |rule| rule.matches = models(&["gpt-*"]))],
    );
    let team = |list: &[&str]| {
        file(
            "team=Payments",
            vec![allow("team", |rule| rule.matches = models(list))],
        )
    };
    check(
        &[org.clone(), team(&["gpt-4o"])],
        &ana(),
        "allow org-gpt team",
    );
    check(&[org.clone(), team(&["claude-*"])], &ana(), "deny");
    let other = file("team=red", vec![deny("all", |_| ())]);
    check(&[org, other], &ana(), "allow org-gpt");
}

#[test]
fn a_denial_names_the_widest_layers_rule_in_its_own_words() {
    let org = file(
        "",
        vec![deny("z", |rule| {
            rule.message = Some(text("Ask #ai."));
            rule.status = Some(some(429));
            rule.code = Some(text("later"));
        })],
    );
    let policies = policies(&[file("team=payments", vec![deny("a", |_| ())]), org]);
    let outcome = policies.decide(&ana());
    assert_eq!(deciding(&policies, &outcome), ["z", "a"]);
    let refusal = outcome.refusal.expect("refused");
    assert_eq!(
        (refusal.status, &*refusal.code, &*refusal.message),
        (429, "later", "Ask #ai.")
    );
    assert!(matches!(refusal.cause, Cause::Rule(_)));
}

#[test]
fn the_code_of_a_denial_says_what_it_is_about() {
    let rule = deny("no-shell", |rule| rule.matches = tools(&["exec_*"]));
    let policies = policies(&[file("", vec![rule])]);
    let request = Request {
        tools: &["search", "exec_sql"],
        ..ana()
    };
    let refusal = policies.decide(&request).refusal.expect("refused");
    assert_eq!(&*refusal.code, "tool_not_allowed");
    assert_eq!(
        refusal.message,
        "tool `exec_sql` is denied by rule `no-shell` of everybody: ask who keeps that policy"
    );
}

#[test]
fn what_narrows_is_met_by_one_tool_and_what_widens_by_all() {
    let asks = |tools: &'static [&'static str], of: File, expected: &str| {
        check(&[of], &Request { tools, ..ana() }, expected);
    };
    let denies = || file("", vec![deny("d", |rule| rule.matches = tools(&["exec"]))]);
    let outside = || {
        file(
            "",
            vec![deny("d", |rule| {
                rule.matches = tools(&["!search", "!calc"]);
            })],
        )
    };
    let allows = || {
        file(
            "",
            vec![allow("a", |rule| rule.matches = tools(&["search", "calc"]))],
        )
    };
    asks(&["search", "exec"], denies(), "deny d");
    asks(&["search", "exec"], outside(), "deny d");
    asks(&["search"], outside(), "allow");
    asks(&[], outside(), "allow");
    asks(&["search", "exec"], allows(), "deny");
    asks(&["search", "calc"], allows(), "allow a");
}

#[test]
fn a_group_left_out_leaves_the_caller_out() {
    let rule = allow("a", |rule| {
        rule.matches = matching(|matches| matches.groups = list(&["!contractors"]));
    });
    let groups: [Box<str>; 2] = ["staff".into(), "Contractors".into()];
    let of = |groups| Request {
        caller: Caller {
            groups,
            ..ana().caller
        },
        ..ana()
    };
    check(&[file("", vec![rule.clone()])], &of(&groups), "deny");
    check(&[file("", vec![rule])], &of(&groups[..1]), "allow a");
}

#[test]
fn headers_networks_and_what_it_has_are_joined_by_and() {
    let rule = deny("d", |rule| {
        rule.matches = matching(|matches| {
            matches.headers = vec![(text("X-Workload"), text("batch*"))];
            matches.networks = list(&["10.0.0.0/8"]);
        });
    });
    let files = [file("", vec![rule])];
    let headers = vec![("x-workload", "Batch-7")];
    let inside = Request {
        headers: &headers,
        peer: "10.1.1.1".parse().ok(),
        ..ana()
    };
    check(&files, &inside, "deny d");
    check(
        &files,
        &Request {
            peer: None,
            ..inside
        },
        "allow",
    );
    check(
        &files,
        &Request {
            headers: &(),
            ..inside
        },
        "allow",
    );
}

#[test]
fn rules_about_findings_wait_until_somebody_looked() {
    let by_key = deny("key", |rule| {
        rule.matches = matching(|matches| matches.detections = list(&["SECRET"]));
    });
    let by_expression = deny("when", |rule| rule.when = when("detections.EMAIL > 2"));
    let files = [file("", vec![by_key, by_expression])];
    check(
        &files,
        &Request {
            detections: None,
            ..ana()
        },
        "allow pending",
    );
    check(
        &files,
        &Request {
            detections: Some(&[(Kind::Email, 2)]),
            ..ana()
        },
        "allow",
    );
    check(
        &files,
        &Request {
            detections: Some(&[(Kind::Email, 3)]),
            ..ana()
        },
        "deny when",
    );
    let both = [(Kind::Email, 3), (Kind::Secret, 1)];
    check(
        &files,
        &Request {
            detections: Some(&both),
            ..ana()
        },
        "deny key when",
    );
    let waiting = allow("clean", |rule| {
        rule.matches = matching(|matches| matches.detections = list(&["!*"]));
    });
    let files = [file("", vec![waiting])];
    check(
        &files,
        &Request {
            detections: None,
            ..ana()
        },
        "allow pending",
    );
    check(&files, &ana(), "allow clean");
    check(
        &files,
        &Request {
            detections: Some(&both),
            ..ana()
        },
        "deny",
    );
}

#[test]
fn what_cannot_be_told_denies_and_never_allows() {
    let overflow = "request.bytes * 9223372036854775807 > 1";
    let request = Request { bytes: 3, ..ana() };
    check(
        &[file("", vec![deny("d", |rule| rule.when = when(overflow))])],
        &request,
        "deny d",
    );
    check(
        &[file(
            "",
            vec![allow("a", |rule| rule.when = when(overflow))],
        )],
        &request,
        "deny",
    );
    let policies = policies(&[file(
        "",
        vec![allow("a", |rule| rule.when = when(overflow))],
    )]);
    assert_eq!(policies.decide(&request).faults.len(), 1);
}

#[test]
fn tags_are_seen_inwards_and_one_step_far() {
    let tag = |id: &str, name: &str, on: Option<(&str, &str)>| {
        rule(1, id, None, |rule| {
            rule.tag = vec![(text(name), text("yes"))];
            if let Some((name, glob)) = on {
                rule.matches = matching(|matches| matches.tags = vec![(text(name), text(glob))]);
            }
        })
    };
    let on = |id: &str, name: &str| {
        deny(id, |rule| {
            rule.matches = matching(|matches| matches.tags = vec![(text(name), text("YES"))]);
        })
    };
    let org = || file("", vec![tag("t", "wide", None), on("on-narrow", "narrow")]);
    let team = |rules| file("team=payments", rules);
    check(
        &[org(), team(vec![tag("n", "narrow", None)])],
        &ana(),
        "allow",
    );
    check(
        &[org(), team(vec![on("on-wide", "wide")])],
        &ana(),
        "deny on-wide",
    );
    let second = tag("second", "second", Some(("wide", "*")));
    check(
        &[org(), team(vec![second, on("on-second", "second")])],
        &ana(),
        "allow",
    );
}

#[test]
fn what_cannot_be_compiled_is_said_at_once() {
    let rule = deny("d", |rule| {
        rule.matches = matching(|matches| {
            matches.models = list(&["$nowhere"]);
            matches.networks = list(&["10.0.0.0/99"]);
            matches.languages = list(&["de"]);
            matches.detections = list(&["EMIAL"]);
            matches.window = Some(text("office"));
        });
        rule.when = when("request.modle == 1");
        rule.canary = Some(text("200%"));
        rule.status = Some(some(404));
        rule.shadow_until = Some(text("2027-02-30"));
    });
    let faults = Policies::compile(&[file("", vec![rule])], &["a.yaml"], "").expect_err("faults");
    let mut codes: Vec<&str> = faults.iter().map(|fault| fault.code).collect();
    codes.sort_unstable();
    assert_eq!(
        codes,
        [
            "TG105", "TG106", "TG201", "TG201", "TG205", "TG209", "TG302", "TG405", "TG501"
        ]
    );
}
