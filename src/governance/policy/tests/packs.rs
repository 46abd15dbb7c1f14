//! Packs: files that add to a scope which has a file of its own.

use super::support::*;
use crate::governance::guard::{Kind, Level};
use crate::governance::policy::place::Place;
use crate::governance::policy::settings::{
    Action, Case, Effect, Expect, File, Given, Rule, Site, Taint,
};
use crate::governance::policy::{Report, mutate, run_cases};

/// The file at this place among those given; its first test stands at line 50.
fn numbered(file: u16, pack: Option<&str>, rules: Vec<Rule>) -> File {
    let place = |line: u32| Place {
        file,
        line,
        column: 1,
    };
    let mut made = super::support::file("", rules);
    made.place = place(1);
    made.pack = pack.map(text);
    for (line, rule) in (2..).zip(&mut made.rules) {
        rule.place = place(line);
    }
    made
}

fn expecting(mut file: File, given: Given, effect: Effect, rule: Option<&str>) -> File {
    let expect = Expect {
        decision: Some(some(effect)),
        rule: rule.map(text),
        ..Expect::default()
    };
    file.tests.push(Case {
        place: Place {
            line: 50,
            ..file.place
        },
        expect,
        ..case(50, "the test", given)
    });
    file
}

fn asking(model: &str) -> Given {
    Given {
        model: Some(text(model)),
        ..Given::default()
    }
}

fn nothing(_: Site, _: &str) -> Vec<(Kind, Level)> {
    Vec::new()
}

fn run(files: &[File]) -> Report {
    run_cases(&policies(files), files, &nothing)
}

#[test]
fn each_file_of_a_scope_must_let_a_request_pass_by_itself() {
    let own = numbered(
        0,
        None,
        vec![allow("mini", |rule| rule.matches = models(&["mini"]))],
    );
    let without_allow = numbered(
        1,
        Some("a"),
        vec![deny("no-shell", |rule| rule.matches = tools(&["shell"]))],
    );
    let with_allow = numbered(
        2,
        Some("b"),
        vec![allow("chat", |rule| rule.matches = models(&["m*"]))],
    );
    let check = |files: &[&File], model: &'static str, offered: &[&str], expected: &str| {
        let files: Vec<File> = files.iter().copied().cloned().collect();
        let policies = policies(&files);
        let mut request = ana();
        request.model = model;
        request.tools = offered;
        assert_eq!(told(&policies, &policies.decide(&request)), expected);
    };
    check(&[&without_allow], "any", &[], "allow");
    check(&[&without_allow], "any", &["shell"], "deny no-shell");
    check(&[&own, &without_allow], "mini", &[], "allow mini");
    check(&[&own, &without_allow], "any", &[], "deny");
    check(&[&own, &without_allow], "mini", &["shell"], "deny no-shell");
    check(
        &[&own, &without_allow, &with_allow],
        "mini",
        &[],
        "allow mini chat",
    );
    check(&[&own, &with_allow], "maxi", &[], "deny");
    check(&[&with_allow, &own], "maxi", &[], "deny");
}

#[test]
fn a_stricter_file_beside_a_pack_does_not_break_its_tests() {
    let pack = || {
        let pack = numbered(
            0,
            Some("a"),
            vec![deny("no-maxi", |rule| rule.matches = models(&["maxi"]))],
        );
        let pack = expecting(pack, asking("maxi"), Effect::Deny, Some("no-maxi"));
        expecting(pack, asking("mini"), Effect::Allow, None)
    };
    let own = |effect: Effect| {
        let own = numbered(1, None, vec![deny("nobody", |_| {})]);
        expecting(own, asking("mini"), effect, None)
    };
    assert!(run(&[pack(), own(Effect::Deny)]).passed());
    // The tests of the file itself ask everything that is in force, the pack included.
    let lenient = numbered(1, None, Vec::new());
    let lenient = expecting(lenient, asking("maxi"), Effect::Deny, Some("no-maxi"));
    assert!(run(&[pack(), lenient]).passed());
    assert!(!run(&[pack(), own(Effect::Allow)]).passed());
    let report = run(&[pack(), own(Effect::Deny)]);
    assert_eq!((report.rules, report.reached), (2, 2));
}

#[test]
fn a_change_of_a_pack_is_noticed_by_its_own_tests_although_others_hide_it() {
    let pack = numbered(
        0,
        Some("a"),
        vec![deny("no-maxi", |rule| rule.matches = models(&["maxi"]))],
    );
    let pack = expecting(pack, asking("maxi"), Effect::Deny, Some("no-maxi"));
    let pack = expecting(pack, asking("mini"), Effect::Allow, None);
    let own = numbered(1, None, vec![deny("nobody", |_| {})]);
    let own = expecting(own, asking("mini"), Effect::Deny, Some("nobody"));
    let mutation = mutate(&[pack, own], &["a", "b"], &nothing, |_, _| {}).expect("sound");
    let survivors: Vec<&str> = mutation
        .mutants
        .iter()
        .filter(|mutant| mutant.survived)
        .map(|mutant| mutant.what.as_str())
        .collect();
    assert_eq!(survivors, Vec::<&str>::new());
}

#[test]
fn a_test_may_say_which_tool_a_result_is_of() {
    let check = |tool: Option<&str>, effect: Effect| {
        let mut tainted = numbered(
            0,
            None,
            vec![deny("no-mail", |rule| {
                rule.matches = matching(|matches| matches.tainted = list(&["untrusted"]));
            })],
        );
        tainted.taint = vec![Taint {
            from: names(&["web_*"]),
            label: text("untrusted"),
            ..Taint::default()
        }];
        let given = Given {
            tool_result: Some(text("a page")),
            tool_result_of: tool.map(text),
            ..Given::default()
        };
        let report = run(&[expecting(tainted, given, effect, None)]);
        assert!(report.passed(), "{report:#?}");
    };
    check(Some("web_fetch"), Effect::Deny);
    check(Some("read_file"), Effect::Allow);
    check(None, Effect::Allow);
}

#[test]
fn a_test_may_be_about_a_guard_that_lets_the_call_go_on() {
    let guarded = |action: Action, rule: &str| {
        let mut guarded = numbered(0, None, Vec::new());
        guarded.redact = vec![redact(9, "stars", &["SECRET"], |entry| {
            entry.on = vec![some(Site::Response)];
            entry.action = Some(some(action));
        })];
        let given = Given {
            response: Some(text("it is sk-1")),
            ..Given::default()
        };
        let files = [expecting(guarded, given, Effect::Allow, Some(rule))];
        let detect = |_: Site, _: &str| vec![(Kind::Secret, Level::Validated)];
        run_cases(&policies(&files), &files, &detect).passed()
    };
    assert!(guarded(Action::Mask, "stars"));
    assert!(guarded(Action::Flag, "stars"));
    assert!(!guarded(Action::Mask, "others"));
}
