//! The example every admin starts from, explained and tested by its own tests.

use super::support::*;
use crate::governance::guard::{Kind, Level};
use crate::governance::policy::settings::{Action, Effect, Expect, File, Given, Limits, Set, Site};
use crate::governance::policy::{Caller, Request, mutate, run_cases};

/// What the detectors would find: addresses with an `@`.
fn detect(_: Site, text: &str) -> Vec<(Kind, Level)> {
    let mails = text.split_whitespace().filter(|word| word.contains('@'));
    let secrets = text
        .split_whitespace()
        .filter(|word| word.starts_with("sk-"));
    mails
        .map(|_| (Kind::Email, Level::Validated))
        .chain(secrets.map(|_| (Kind::Secret, Level::Validated)))
        .collect()
}

fn rules() -> Vec<crate::governance::policy::settings::Rule> {
    vec![
        rule(16, "allow-chat", Some(Effect::Allow), |rule| {
            rule.matches = matching(|matches| {
                matches.models = list(&["$chat-models"]);
                matches.endpoints = list(&["chat", "responses"]);
            });
        }),
        rule(19, "no-shell-tools", Some(Effect::Deny), |rule| {
            rule.matches = tools(&["shell", "exec_*", "run_command"]);
            rule.message = Some(text(
                "Shell tools are off for team payments. Ask #ai-platform.",
            ));
        }),
        rule(23, "contractors-office-hours", Some(Effect::Deny), |rule| {
            rule.matches = matching(|matches| matches.groups = list(&["contractors"]));
            rule.unless = matching(|matches| matches.window = Some(text("office")));
        }),
        rule(27, "long-context-needs-group", Some(Effect::Deny), |rule| {
            rule.when = when("request.input_tokens > 60000 && !(\"long-context\" in user.groups)");
            rule.shadow = Some(at(29, ()).place);
            rule.shadow_until = Some(text("2027-02-01"));
        }),
        rule(32, "cheap-model-for-batch", Some(Effect::Allow), |rule| {
            rule.matches = matching(|matches| {
                matches.models = list(&["gpt-4o-mini"]);
                matches.headers = vec![(text("x-workload"), text("batch"))];
            });
            rule.set = Some(some(Set {
                max_output_tokens: Some(at(34, 1024)),
                ..Set::default()
            }));
        }),
    ]
}

fn given(user: &str, group: &str, model: &str, time: Option<&str>) -> Given {
    Given {
        labels: vec![(text("user"), text(user))],
        groups: names(&[group]),
        model: Some(text(model)),
        time: time.map(text),
        ..Given::default()
    }
}

fn expect(effect: Effect, rule: &str) -> Expect {
    Expect {
        decision: Some(some(effect)),
        rule: (!rule.is_empty()).then(|| text(rule)),
        ..Expect::default()
    }
}

const NIGHT: Option<&str> = Some("2026-11-20T23:30:00+01:00");

fn payments() -> File {
    let mut file = file("org=acme team=payments", rules());
    file.lists = vec![(
        text("chat-models"),
        names(&["gpt-4o", "gpt-4o-mini", "claude-*"]),
    )];
    file.windows = vec![office()];
    file.defaults.effect = Some(some(Effect::Deny));
    file.limits = Limits {
        max_input_tokens: Some(at(10, 120_000)),
        max_output_tokens: Some(at(11, 4096)),
        ..Limits::default()
    };
    file.redact = vec![
        redact(36, "personal-data", &["EMAIL", "PHONE"], |entry| {
            entry.action = Some(some(Action::Replace));
        }),
        redact(40, "secrets", &["SECRET"], |entry| {
            entry.on = vec![some(Site::Request), some(Site::Response)];
            entry.action = Some(some(Action::Block));
            entry.unless = matching(|matches| matches.users = list(&["svc-secret-scanner"]));
        }),
    ];
    let mut mail = case(
        48,
        "staff may chat at night",
        given("ana", "staff", "gpt-4o", NIGHT),
    );
    mail.given.text = Some(text("mail ana@acme.io"));
    mail.expect = Expect {
        max_output_tokens: Some(some(4096)),
        redactions: vec![(text("EMAIL"), some(1))],
        ..expect(Effect::Allow, "allow-chat")
    };
    let mut contractor = case(
        51,
        "contractor at night",
        given("bo", "contractors", "gpt-4o", NIGHT),
    );
    contractor.expect = expect(Effect::Deny, "contractors-office-hours");
    let mut shell = case(
        54,
        "shell tool",
        given("ana", "staff", "claude-sonnet-4", None),
    );
    shell.given.tools = names(&["exec_sql"]);
    shell.expect = expect(Effect::Deny, "no-shell-tools");
    let mut long = case(57, "long prompt", given("ana", "staff", "gpt-4o", None));
    long.given.input_tokens = Some(some(90_000));
    long.expect = expect(Effect::Allow, "");
    long.expect.shadow = Some(names(&["long-context-needs-group"]));
    file.tests = vec![mail, contractor, shell, long];
    file
}

#[test]
fn its_own_tests_pass_and_cover_what_they_cover() {
    let files = [payments()];
    let report = run_cases(&policies(&files), &files, &detect);
    assert_eq!(
        report
            .diagnostics()
            .iter()
            .filter(|fault| fault.code != "TG604")
            .count(),
        0,
        "{report:#?}"
    );
    assert!(report.passed());
    let unreached: Vec<u32> = report
        .unreached
        .iter()
        .map(|fault| fault.place.line)
        .collect();
    assert_eq!(unreached, [32, 40]);
    assert_eq!((report.rules, report.reached), (7, 5));
}

#[test]
fn a_test_that_fails_says_what_came_and_who_decided() {
    let mut file = payments();
    file.tests[1].expect = expect(Effect::Allow, "no-such-rule");
    file.tests[0].expect.redactions = vec![(text("EMAIL"), some(2)), (text("EMIAL"), some(1))];
    file.tests[3].expect.shadow = Some(names(&[]));
    file.tests[1].given.time = None;
    let files = [file];
    let report = run_cases(&policies(&files), &files, &detect);
    let told: Vec<String> = report
        .cases
        .iter()
        .flat_map(|case| &case.faults)
        .map(|fault| format!("{} {}", fault.code, fault.message))
        .collect();
    assert_eq!(
        told,
        [
            "TG601 test `staff may chat at night`: the number of redactions of EMAIL is 1, expected 2",
            "TG602 there is no kind `EMIAL`",
            "TG603 this test says no time, and a rule it reaches asks for it",
            "TG601 test `contractor at night`: the decision is deny, expected allow",
            "TG602 there is no rule `no-such-rule`",
            "TG601 test `long prompt`: what matches in shadow besides is long-context-needs-group, expected nothing",
        ]
    );
}

#[test]
fn changes_its_tests_would_not_notice_are_listed() {
    let mutation =
        mutate(&[payments()], &["payments.yaml"], &detect, |_, _| ()).expect("tests pass");
    let survivors: Vec<String> = mutation
        .diagnostics()
        .into_iter()
        .map(|fault| fault.message)
        .collect();
    assert_eq!(
        survivors,
        [
            "no test notices that rule `allow-chat` means any models",
            "no test notices that rule `allow-chat` means any endpoints",
            "no test notices that rule `no-shell-tools` means any tools",
            "no test notices that rule `cheap-model-for-batch` is gone",
            "no test notices that rule `cheap-model-for-batch` denies instead of allowing",
            "no test notices that rule `cheap-model-for-batch` means any models",
            "no test notices that rule `cheap-model-for-batch` sets twice the max_output_tokens",
            "no test notices that `secrets` is gone from redact",
            "no test notices that max_input_tokens is twice as large",
        ]
    );
}

#[test]
fn an_explanation_reads_from_what_decided_to_where_limits_come_from() {
    let mut org = file("", Vec::new());
    org.limits.max_output_tokens = Some(at(9, 8192));
    let mut team = payments();
    for rule in &mut team.rules {
        rule.place.file = 1;
    }
    team.limits
        .max_output_tokens
        .as_mut()
        .expect("limit")
        .place
        .file = 1;
    team.redact.clear();
    let files = [org, team];
    let policies = crate::governance::policy::Policies::compile(
        &files,
        &["org.yaml", "payments.yaml"],
        "9f3c21aa77",
    )
    .expect("policies");
    let groups: [Box<str>; 1] = ["contractors".into()];
    let request = Request {
        caller: Caller {
            user: Some("bo"),
            groups: &groups,
            ..ana().caller
        },
        input_tokens: 812,
        max_output_tokens: Some(6000),
        now: wall("2026-11-20T23:30:00+01:00"),
        ..ana()
    };
    let mut explanation = policies.explain(&request);
    explanation.nanos = Some(12_345);
    assert_eq!(
        explanation.to_string().lines().collect::<Vec<_>>(),
        [
            "DENY  by payments.yaml:23 contractors-office-hours   \"unless window office\" is false: \
             Fri 23:30 Europe/Zurich, office is Mon-Fri 07:00-20:00",
            "allowed by   payments.yaml:16 allow-chat (overruled: deny wins)",
            "shadow       payments.yaml:27 long-context-needs-group   would not match: \
             \"request.input_tokens > 60000 && !(\"long-context\" in user.groups)\" is false: \
             request.input_tokens = 812, user.groups = [\"contractors\"]",
            "no match     payments.yaml:19 no-shell-tools   \"tools [run_command, shell, exec_*]\" is false: none",
            "no match     payments.yaml:32 cheap-model-for-batch   \"models [gpt-4o-mini]\" is false: gpt-4o",
            "limits       max_input_tokens 120000  org.yaml:10",
            "limits       max_output_tokens 4096  payments.yaml:11 (org.yaml:9 says 8192, client asked 6000 -> 4096)",
            "layers       org -  team DENY  project -  key -        policy 9f3c21..  12.4 us",
        ]
    );
    let json = serde_json::to_value(&explanation).expect("JSON");
    assert_eq!(json["rules"][2]["became"], "decided");
    assert_eq!(json["refusal"]["status"], 403);
}
