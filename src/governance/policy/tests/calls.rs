//! Calls the model makes, and what guards are told.

use super::support::*;
use crate::governance::guard::{Kind, Level};
use crate::governance::policy::settings::{Action, File, Site, ToolCall as Pattern};
use crate::governance::policy::{Request, ToolCall};

#[test]
fn calls_are_judged_by_name_and_arguments() {
    let pattern = |name: &str, arguments: &[(&str, &str)]| Pattern {
        name: text(name),
        arguments: arguments
            .iter()
            .map(|(path, glob)| (text(path), text(glob)))
            .collect(),
    };
    let rule = deny("etc", |rule| {
        rule.matches = matching(|matches| {
            matches.tool_calls = vec![pattern("write_*", &[("path", "!/work/*")])];
        });
    });
    let shell = deny("shell", |rule| rule.matches = tools(&["shell"]));
    let other = deny("model", |rule| rule.matches = models(&["opus"]));
    let policies = policies(&[file("", vec![rule, shell, other])]);
    let judge = |name: &str, arguments: &str| {
        let outcomes = policies.judge_tool_calls(&ana(), &[ToolCall { name, arguments }]);
        told(&policies, &outcomes[0])
    };
    assert!(policies.decide(&ana()).is_allowed());
    assert_eq!(judge("write_file", r#"{"path": "/work/a"}"#), "allow");
    assert_eq!(
        judge("write_file", r#"{"path": "/etc/passwd"}"#),
        "deny etc"
    );
    assert_eq!(
        judge("write_file", r#"{"path": "/work/a", "path": "/etc"}"#),
        "deny etc"
    );
    assert_eq!(judge("write_file", r#"{"other": 1}"#), "deny etc");
    assert_eq!(judge("write_file", "{"), "deny etc");
    assert_eq!(judge("Shell", "{}"), "deny shell");
    assert_eq!(judge("read_file", "{"), "allow");
}

#[test]
fn a_call_needs_an_allow_rule_that_covers_its_tool_where_the_layer_has_some() {
    let rules = vec![
        allow("chat", |rule| {
            rule.matches = matching(|matches| {
                matches.models = list(&["gpt-*"]);
                matches.tools = list(&["search"]);
            });
        }),
        allow("plain", |rule| rule.matches = models(&["claude"])),
    ];
    let policies = policies(&[file("", rules)]);
    let judge = |model: &str, name: &str| {
        let request = Request { model, ..ana() };
        let calls = [ToolCall {
            name,
            arguments: "",
        }];
        policies.judge_tool_calls(&request, &calls)[0].is_allowed()
    };
    assert!(judge("gpt-4o", "search"));
    assert!(!judge("gpt-4o", "exec"));
    assert!(judge("claude", "exec"));
}

#[test]
fn the_strictest_guard_that_covers_a_finding_rules() {
    let entry = |id: &str, action: Action, level: Option<&str>, on: &[Site]| {
        redact(1, id, &["EMAIL", "PHONE"], |entry| {
            entry.action = Some(some(action));
            entry.level = level.map(text);
            entry.on = on.iter().map(|site| some(*site)).collect();
        })
    };
    let org = File {
        redact: vec![entry("org", Action::Replace, None, &[])],
        ..file("", Vec::new())
    };
    let team = File {
        redact: vec![
            entry("team", Action::Block, Some("validated"), &[Site::Request]),
            redact(1, "shadow", &["EMAIL"], |entry| {
                entry.action = Some(some(Action::Drop));
                entry.shadow = Some(at(1, ()).place);
            }),
        ],
        ..file("team=payments", Vec::new())
    };
    let policies = policies(&[team, org]);
    let outcome = policies.decide(&ana());
    let ruling = |site, kind, level| {
        let ruling = policies.ruling(&outcome, site, kind, level);
        ruling.map(|(_, guard)| (guard.id().to_owned(), guard.action()))
    };
    let org = Some(("org".to_owned(), Action::Replace));
    let team = Some(("team".to_owned(), Action::Block));
    assert_eq!(ruling(Site::Request, Kind::Email, Level::Validated), team);
    assert_eq!(ruling(Site::Request, Kind::Email, Level::Shaped), org);
    assert_eq!(ruling(Site::ToolResult, Kind::Phone, Level::Validated), org);
    assert_eq!(ruling(Site::Response, Kind::Phone, Level::Validated), None);
    assert_eq!(ruling(Site::Request, Kind::Secret, Level::Validated), None);
    let shadow = policies.shadow_ruling(&outcome, Site::Request, Kind::Email, Level::Shaped);
    assert_eq!(shadow.map(|(_, guard)| guard.id()), Some("shadow"));
    let shadow = policies.shadow_ruling(&outcome, Site::Request, Kind::Email, Level::Validated);
    assert!(shadow.is_none(), "blocking is stricter already");
}
