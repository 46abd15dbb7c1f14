//! Decisions of the past: replayed and explained.

use super::*;
use crate::clock::Wall;
use crate::governance::audit::{Facts, Revisions, Ruled, Who};
use crate::governance::identity::{Digest, Key, Label, Labels};
use crate::ids::PassageId;
use crate::telemetry::Telemetry;
use crate::telemetry::audit_log::{AuditLog, Settings};
use crate::telemetry::event::{Denied, Passage};
use crate::telemetry::metrics::ModelNames;
use crate::telemetry::settings::Decisions;
use std::sync::Arc;
use std::time::Duration;

#[derive(Parser)]
struct Explained {
    #[command(flatten)]
    explain: crate::cli::explain::ExplainArgs,
}

/// A line of the decision log, as the gateway writes it, apart from the chain.
fn record(number: u32, what: &serde_json::Value) -> String {
    let mut line = serde_json::json!({
        "seq": number,
        "id": format!("dec_01941f29-7c00-7aaa-8bbb-{number:012}"),
        "at": "2026-11-20T22:30:00.000000Z",
        "key": "ci", "org": "acme", "team": "payments", "user": "ana",
        "model": "gpt-4o", "provider": "sim", "verdict": "allow", "reason": "ok",
        "input": 812, "output": 3000, "cost": "0.04", "reserved": "0.10", "policy": "000000000000", "status": 200,
        "ruled": {
            "rules": ["allow-chat"], "scan": "full",
            "facts": { "endpoint": "chat", "groups": ["staff"], "input_tokens": 812, "bytes": 90, "messages": 1 },
        },
    });
    for (name, value) in what.as_object().unwrap() {
        line[name] = value.clone();
    }
    format!("{line}\n")
}

/// Records of a call that passed, one of a contractor that was refused, and one with a mail address.
pub(super) fn log(root: &Path) {
    let facts = |groups: &[&str]| serde_json::json!({ "endpoint": "chat", "groups": groups, "input_tokens": 812, "bytes": 90, "messages": 1 });
    let mut mail = facts(&["staff"]);
    mail["detections"] = serde_json::json!([["EMAIL", 2]]);
    let lines = [
        record(1, &serde_json::json!({})),
        record(
            2,
            &serde_json::json!({
                "verdict": "deny", "reason": "policy_denied", "scope": "contractors-office-hours", "status": 403, "cost": "0.00",
                "ruled": { "rules": ["contractors-office-hours"], "facts": facts(&["contractors"]) },
            }),
        ),
        record(
            3,
            &serde_json::json!({
                "ruled": {
                    "rules": ["allow-chat"], "scan": "full", "facts": mail,
                    "findings": [{ "type": "EMAIL", "detector": "email", "on": "request", "action": "replace", "count": 2 }],
                },
            }),
        ),
        record(4, &serde_json::json!({ "ruled": null })),
        "{\"seq\":5,\"mark\":\"x\"}\n{\"seq\":6".to_owned(),
    ];
    put(root, "state/decisions/current.jsonl", &lines.concat());
}

#[test]
fn a_replay_says_what_a_candidate_would_have_decided_otherwise() {
    let folder = bench();
    let root = folder.path();
    log(root);
    let same = "replay -c DIR/tollgate.yaml --since 2026-11-20 --json";
    let told = json(&policy(root, same).1);
    assert_eq!(told["total"]["decisions"], 3, "{told:#}");
    assert_eq!(
        (&told["total"]["newly_denied"], &told["total"]["redactions"]),
        (&0.into(), &0.into())
    );
    assert_eq!(told["not_recorded"], 1);

    // Nobody may use gpt-4o any more, and contractors may call at night.
    put(
        root,
        "new/payments.yaml",
        r"version: 1
scope: {org: acme, team: payments}
rules:
  - {id: no-gpt-4o, effect: deny, match: {models: [gpt-4o]}, unless: {groups: [contractors]}}
",
    );
    let (code, text) = policy(
        root,
        "replay -c DIR/tollgate.yaml --since 2026-11-20 --candidate DIR/new --by team",
    );
    assert_eq!(code, ExitCode::SUCCESS);
    assert!(
        text.contains("3 decisions weighed, 2 newly denied, 1 newly allowed"),
        "{text}"
    );
    assert!(
        text.contains("denied by no-gpt-4o: 2") && text.contains("$0.08"),
        "{text}"
    );
    assert!(
        text.contains("dec_01941f29-7c00-7aaa-8bbb-000000000001"),
        "{text}"
    );

    // A lower cap, and addresses are masked.
    put(
        root,
        "new/payments.yaml",
        &PAYMENTS
            .replace("4096", "1000")
            .replace("action: replace", "action: mask"),
    );
    let told = json(
        &policy(
            root,
            "replay -c DIR/tollgate.yaml --since 2026-11-20 --candidate DIR/new --json",
        )
        .1,
    );
    assert_eq!(
        (&told["total"]["cap"], &told["total"]["redactions"]),
        (&2.into(), &1.into()),
        "{told:#}"
    );
    assert_eq!(told["redactions"]["EMAIL in request: mask"], 2);
    assert_ne!(told["total"]["saved"], "0.00");

    // Before anything was recorded.
    let told = json(
        &policy(
            root,
            "replay -c DIR/tollgate.yaml --since 2026-11-01 --until 2026-11-20 --json",
        )
        .1,
    );
    assert_eq!(told["total"]["decisions"], 0);
    put(
        root,
        "new/payments.yaml",
        "version: 1\nscope: {}\nrules: 3\n",
    );
    assert_eq!(
        policy(root, "replay -c DIR/tollgate.yaml --candidate DIR/new").0,
        ExitCode::from(NO)
    );
}

fn explained(root: &Path, line: &str) -> (ExitCode, String) {
    let line = line.replace("DIR", &root.display().to_string());
    let cli = Explained::parse_from(std::iter::once("explain").chain(line.split_whitespace()));
    let mut out = Vec::new();
    let code = crate::cli::explain::run(&cli.explain, &[], &mut out).unwrap();
    (code, plain(root, &out))
}

#[test]
fn a_past_decision_is_explained_by_the_policies_of_then_where_they_are_kept() {
    let folder = bench();
    let root = folder.path();
    log(root);
    let line = "dec_01941f29-7c00-7aaa-8bbb-000000000002 -c DIR/tollgate.yaml";
    let (code, text) = explained(root, line);
    assert_eq!(code, ExitCode::SUCCESS);
    assert!(
        text.contains("decided      DENY (policy_denied) by contractors-office-hours, status 403"),
        "{text}"
    );
    assert!(text.contains("NOT what decided"), "{text}");
    assert!(
        text.contains("DENY  by policies/payments.yaml:13 contractors-office-hours"),
        "{text}"
    );

    // As callers see the id, and with the policies of then.
    let mut history = History::open(&root.join("state/policies"));
    let then = PAYMENTS.replace("contractors-office-hours", "contractors-of-old");
    let names = [root.join("policies/payments.yaml")];
    history.keep("000000000000", &names, &[then]).unwrap();
    let (_, text) = explained(root, &line.replace("dec_", "req_"));
    assert!(text.contains("(kept as 1), which decided, says:"), "{text}");
    assert!(text.contains("contractors-of-old"), "{text}");
    let told = json(&explained(root, &format!("{line} --json")).1);
    assert_eq!(told["explained_by"]["kept"], 1);
    assert_eq!(told["explanation"]["decision"], "deny");

    let (_, text) = explained(
        root,
        "dec_01941f29-7c00-7aaa-8bbb-000000000004 -c DIR/tollgate.yaml",
    );
    assert!(
        text.contains("no explanation: no policies were in force"),
        "{text}"
    );
    assert_eq!(
        explained(root, "dec_none -c DIR/tollgate.yaml").0,
        ExitCode::from(NO)
    );
}

#[test]
fn what_the_gateway_itself_writes_is_found_and_explained() {
    let folder = bench();
    let root = folder.path();
    let settings = Settings::of_state(&root.join("state"), Decisions::default());
    let (log, _) = AuditLog::start(&settings).unwrap();
    let telemetry =
        Telemetry::new(Wall::default(), ModelNames::default(), Some(Arc::new(log))).unwrap();
    let labels = [
        (Label::Org, "acme"),
        (Label::Team, "payments"),
        (Label::User, "bo"),
    ];
    let key = Key {
        name: "ci".into(),
        digest: Digest::of(b"ci"),
        labels: Labels {
            single: labels
                .into_iter()
                .map(|(label, value)| (label, value.into()))
                .collect(),
            groups: vec!["contractors".into()],
        },
        models: Vec::new(),
        expires: None,
        disabled: false,
        leaf: None,
    };
    let ruled = Arc::new(Ruled {
        rules: vec!["contractors-office-hours".into()],
        facts: Facts {
            endpoint: "chat".into(),
            groups: key.labels.groups.clone(),
            input_tokens: 9,
            messages: 1,
            ..Facts::default()
        },
        ..Ruled::default()
    });
    let (who, revisions) = (Arc::new(Who::of(&key)), Arc::new(Revisions::default()));
    let id = PassageId::from_u128(7);
    // Fri 2026-11-20, 23:30 in Zurich.
    let at = Wall::from_secs(1_795_213_800);
    telemetry.denied(&Denied {
        passage: Passage {
            id,
            at,
            who: &who,
            run: None,
            session: None,
            endpoint: None,
            model: "gpt-4o",
            streaming: false,
            revisions: &revisions,
            look: Duration::ZERO,
            decide: Duration::ZERO,
            total: Duration::ZERO,
            ruled: Some(&ruled),
        },
        reason: "policy_denied",
        source: "policy",
        scope: None,
        status: 403,
    });
    drop(telemetry);
    let (code, text) = explained(root, &format!("{} -c DIR/tollgate.yaml", id.decision()));
    assert_eq!(code, ExitCode::SUCCESS);
    assert!(
        text.contains("caller       key ci, org acme, team payments, user bo"),
        "{text}"
    );
    assert!(text.contains("Fri 23:30 Europe/Zurich"), "{text}");
    let told = policy(
        root,
        "replay -c DIR/tollgate.yaml --since 2026-11-20 --by user --json",
    )
    .1;
    assert_eq!(json(&told)["by"]["bo"]["decisions"], 1, "{told}");
}
