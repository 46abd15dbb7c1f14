//! An admin's day: a policy edited wrong and right, tried in shadow, replayed, let loose on a few, taken back, and
//! explained to somebody who was refused.

use super::rig::{PRICES, edit, home, said, tollgate, write};
use crate::support::{Simulator, chat, until};
use serde_json::{Value, json};

const FIRST: &str = r#"version: 1
scope: {}
rules:
  - id: no-words
    effect: deny
    match: { models: [words] }
    message: "Model words is off. Ask #ai-platform."
"#;

#[test]
fn a_wrong_edit_leaves_the_gate_as_it_was_and_says_where_it_is_wrong() {
    let simulator = Simulator::start(PRICES);
    let home = home(&simulator, FIRST);
    let gateway = home.start();
    let revision = gateway.status()["policies"]["revision"].clone();
    let refused = || gateway.caller().chat(&chat("words", "hi", &[])).status;
    assert_eq!(refused(), 403);
    for (wrong, place, code) in [
        (
            FIRST.replace("effect", "efect"),
            "policies/org.yaml:5:5",
            "TG102",
        ),
        (
            FIRST.replace("deny", "denny"),
            "policies/org.yaml:5:13",
            "TG106",
        ),
        (
            FIRST.replace("models: [words]", "models: $none"),
            "policies/org.yaml:6:",
            "TG201",
        ),
        (
            format!(
                "{FIRST}tests:\n  - name: words pass\n    given: {{ model: words }}\n    expect: {{ decision: allow }}\n"
            ),
            "policies/org.yaml:",
            "TG601",
        ),
        (
            FIRST.split_at(60).0.to_owned(),
            "policies/org.yaml:5:13",
            "cannot be `den`",
        ),
    ] {
        write(&home, &wrong);
        let error = until("the fault is told", || {
            let status = gateway.status();
            let error = status["policies"]["error"].as_str()?.to_owned();
            (error.contains(place) && error.contains(code)).then_some(error)
        });
        println!("{error}");
        // What was in force still is, and readiness says so.
        assert_eq!(gateway.status()["policies"]["revision"], revision);
        assert_eq!(refused(), 403);
        assert_eq!(gateway.caller().chat(&chat("cent", "hi", &[])).status, 200);
        let ready = gateway.admin("/readyz");
        assert_eq!(
            (ready.status, ready.json()["degraded"].clone()),
            (200, json!(["policies"]))
        );
    }
    assert!(gateway.count("tollgate_policy_reload_total", &[("result", "error")]) >= 5);
    write(&home, FIRST);
    until("it is whole again", || {
        gateway.status()["policies"]["error"]
            .is_null()
            .then_some(())
    });
    gateway.stop();
}

#[test]
fn a_gateway_does_not_start_with_policies_it_cannot_use() {
    let simulator = Simulator::start(PRICES);
    let home = home(&simulator, &FIRST.replace("deny", "denny"));
    let output = tollgate(&home, &["serve", "-c", "tollgate.yaml"]);
    assert!(!output.status.success());
    assert!(
        said(&output).contains("policies/org.yaml:5:13: error[TG106]"),
        "{}",
        said(&output)
    );
}

#[test]
fn a_file_that_appears_or_goes_is_noticed() {
    let simulator = Simulator::start(PRICES);
    let home = home(&simulator, FIRST);
    let gateway = home.start();
    let team = home.path().join("policies/red.yaml");
    std::fs::write(
        &team,
        "version: 1\nscope: { org: acme, team: red }\nrules:\n  - id: no-cent\n    effect: deny\n    match: { models: [cent] }\n",
    )
    .expect("written");
    let status = |model: &str| gateway.caller().chat(&chat(model, "hi", &[])).status;
    until("the new file is in force", || {
        (status("cent") == 403).then_some(())
    });
    std::fs::remove_file(&team).expect("removed");
    until("it is gone", || (status("cent") == 200).then_some(()));
    assert_eq!(status("words"), 403);
}

#[test]
fn a_day_from_shadow_to_rollback() {
    let simulator = Simulator::start(PRICES);
    let home = home(&simulator, FIRST);
    let gateway = home.start();

    // A refusal names the rule, and its id leads to the reason.
    let refused = gateway.caller().chat(&chat("words", "hi", &[]));
    assert_eq!(refused.status, 403);
    let error = refused.json()["error"].clone();
    assert_eq!(error["message"], "Model words is off. Ask #ai-platform.");
    assert_eq!(error["tollgate"]["rule"], "no-words");
    assert_eq!(error["code"], "model_not_allowed");
    let id = refused
        .header("x-tollgate-decision-id")
        .expect("an id")
        .to_owned();
    assert_eq!(
        refused.header("x-tollgate-policy-revision"),
        gateway.status()["policies"]["revision"].as_str()
    );
    let explained = until("the decision is in the log", || {
        let output = tollgate(&home, &["explain", &id, "--state-dir", "state"]);
        output.status.success().then(|| said(&output))
    });
    assert!(
        explained.contains("no-words") && explained.contains("org.yaml:4"),
        "{explained}"
    );

    // A rule in shadow lets pass, counts and is told.
    let shadow = format!(
        "{FIRST}  - id: no-cent\n    effect: deny\n    match: {{ models: [cent] }}\n    mode: shadow\n    shadow_until: 2099-01-01\n"
    );
    edit(&home, &gateway, &shadow);
    for _ in 0..3 {
        assert_eq!(gateway.caller().chat(&chat("cent", "hi", &[])).status, 200);
    }
    let shadowed = || {
        gateway.count(
            "tollgate_policy_shadow_total",
            &[("rule", "no-cent"), ("would", "deny")],
        )
    };
    assert_eq!(shadowed(), 3);

    // Replayed, the candidate says what it would have done.
    let candidate = shadow.replace("    mode: shadow\n    shadow_until: 2099-01-01\n", "");
    std::fs::write(home.path().join("candidate.yaml"), &candidate).expect("written");
    let report: Value = until("the calls are in the log", || {
        let words = [
            "policy",
            "replay",
            "--since",
            "1d",
            "--state-dir",
            "state",
            "--candidate",
            "candidate.yaml",
            "--json",
        ];
        let output = tollgate(&home, &words);
        let report: Value = serde_json::from_slice(&output.stdout).ok()?;
        (report["total"]["newly_denied"].as_u64()? == 3).then_some(report)
    });
    assert_eq!(report["total"]["newly_allowed"], 0, "{report}");

    // A canary: for nobody, then for everybody.
    let canary = |share: &str| {
        candidate.replace(
            "match: { models: [cent] }",
            &format!("match: {{ models: [cent] }}\n    canary: {share}"),
        )
    };
    edit(&home, &gateway, &canary("1%"));
    let one = gateway.caller().chat(&chat("cent", "hi", &[])).status;
    edit(&home, &gateway, &canary("100%"));
    assert_eq!(gateway.caller().chat(&chat("cent", "hi", &[])).status, 403);
    println!("in a canary of 1 %: {one}");

    // Back to what was there first.
    let first = until("the first revision is kept", || {
        let output = tollgate(
            &home,
            &[
                "policy",
                "rollback",
                "--list",
                "--json",
                "-c",
                "tollgate.yaml",
            ],
        );
        let list: Value = serde_json::from_slice(&output.stdout).ok()?;
        list[0]["revision"].as_str().map(str::to_owned)
    });
    let output = tollgate(
        &home,
        &["policy", "rollback", &first, "-c", "tollgate.yaml"],
    );
    assert!(output.status.success(), "{}", said(&output));
    until("the first policies are in force again", || {
        (gateway.status()["policies"]["revision"] == json!(first)).then_some(())
    });
    assert_eq!(gateway.caller().chat(&chat("cent", "hi", &[])).status, 200);
    let verified = {
        gateway.stop();
        home.verify_decisions()
    };
    assert!(verified.0, "{}", verified.1);
}
