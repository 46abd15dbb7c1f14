//! Tests of a file that go beyond the request: answers, calls, sessions.

use super::support::*;
use crate::governance::guard::{Kind, Level};
use crate::governance::policy::settings::{
    Action, Case, Effect, Expect, File, Given, RouteTo, Site, Taint, ToolCall,
};
use crate::governance::policy::{Report, run_cases};

fn run(mut file: File, given: Given, expect: Expect) -> Report {
    file.tests = vec![Case {
        expect,
        ..case(50, "the test", given)
    }];
    let files = [file];
    let detect = |_: Site, text: &str| {
        let found = text
            .contains("sk-")
            .then_some((Kind::Secret, Level::Validated));
        found.into_iter().collect()
    };
    run_cases(&policies(&files), &files, &detect)
}

fn passes(file: File, given: Given, expect: Expect) {
    let report = run(file, given, expect);
    assert!(report.passed(), "{report:#?}");
}

fn denied_by(rule: &str) -> Expect {
    Expect {
        decision: Some(some(Effect::Deny)),
        rule: Some(text(rule)),
        ..Expect::default()
    }
}

#[test]
fn an_answer_that_is_blocked_is_denied() {
    let mut guarded = file("", Vec::new());
    guarded.redact = vec![redact(9, "secrets", &["SECRET"], |entry| {
        entry.on = vec![some(Site::Response)];
        entry.action = Some(some(Action::Block));
        entry.message = Some(text("No keys in answers."));
    })];
    let given = Given {
        response: Some(text("it is sk-1")),
        ..Given::default()
    };
    let expect = Expect {
        message: Some(text("No keys")),
        ..denied_by("secrets")
    };
    passes(guarded.clone(), given, expect);
    let given = Given {
        text: Some(text("it is sk-1")),
        ..Given::default()
    };
    let expect = Expect {
        decision: Some(some(Effect::Allow)),
        ..Expect::default()
    };
    passes(guarded, given, expect);
}

#[test]
fn a_call_of_the_model_is_judged_by_its_arguments() {
    let call = |path: &str| ToolCall {
        name: text("write"),
        arguments: vec![(text("file.path"), text(path))],
    };
    let rule = deny("no-etc", |rule| {
        rule.matches = matching(|matches| matches.tool_calls = vec![call("/etc/*")]);
    });
    let given = Given {
        tool_calls: vec![call("/ETC/passwd")],
        ..Given::default()
    };
    passes(file("", vec![rule]), given, denied_by("no-etc"));
}

#[test]
fn what_a_tool_brought_back_taints_the_session() {
    let mut tainted = file(
        "",
        vec![deny("side-effects", |rule| {
            rule.matches = matching(|matches| {
                matches.tainted = list(&["untrusted"]);
                matches.tools = list(&["pay"]);
            });
        })],
    );
    tainted.taint = vec![Taint {
        on: vec![some(Site::ToolResult)],
        types: names(&["SECRET"]),
        label: text("untrusted"),
        ..Taint::default()
    }];
    let given = |result: &str| Given {
        tools: names(&["pay"]),
        tool_result: Some(text(result)),
        ..Given::default()
    };
    passes(tainted.clone(), given("sk-1"), denied_by("side-effects"));
    let report = run(tainted, given("fine"), denied_by("side-effects"));
    assert!(!report.passed());
}

#[test]
fn tags_and_routes_can_be_expected() {
    let rule = rule(5, "nightly", None, |rule| {
        rule.tag = vec![(text("cost"), text("low"))];
        rule.route = Some(some(RouteTo {
            model: Some(text("mini")),
            provider: None,
        }));
    });
    let expect = |tag: &str, model: &str| Expect {
        rule: Some(text("nightly")),
        tags: vec![(text("cost"), text(tag))],
        model: Some(text(model)),
        ..Expect::default()
    };
    passes(
        file("", vec![rule.clone()]),
        Given::default(),
        expect("low", "mini"),
    );
    let report = run(
        file("", vec![rule]),
        Given::default(),
        expect("high", "maxi"),
    );
    assert_eq!(report.cases[0].faults.len(), 2);
}
