//! A disk that fills up, and one that cannot be written at all.

use super::connections::Limited;
use super::{PRICES, Tmpfs, refuses_to_start, tollgate};
use crate::support::{Client, Gateway, Home, Money, Simulator, chat, crowd, until};
use serde_json::json;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};

/// Closes a directory to others, as a state directory must be.
fn private(dir: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700)).expect("its mode");
}

/// Many budgets, so that every call writes much.
fn budgets() -> String {
    let mut yaml = String::from("budgets:\n");
    for number in 0..120 {
        let _ = writeln!(
            yaml,
            "  - {{ name: b{number}, match: {{}}, limit: \"$10000\", window: total }}"
        );
    }
    yaml
}

#[test]
fn a_full_disk_refuses_new_calls_and_forgets_none() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, &budgets());
    let state = home.path().join("state");
    let Some(_disk) = Tmpfs::mount(&state, "size=20m,mode=700") else {
        return;
    };
    let gateway = home.start();
    let held = chat("cent", "hold @sim(hang=stream)", &[("stream", json!(true))]);
    let mut open = gateway.caller().stream("/v1/chat/completions", &held);
    assert!(open.piece().expect("a piece").is_some());
    // Room for the log of decisions, none for another segment of the journal.
    let ballast = state.join("ballast");
    let mut file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .open(&ballast)
        .expect("a file");
    file.write_all(&vec![1; 8 << 20]).expect("room");
    drop(file);

    let calls = AtomicU32::new(0);
    let body = chat("cent", "hello", &[]);
    let refusals = crowd(8, |_| {
        let mut caller = gateway.caller();
        loop {
            let answer = caller.chat(&body);
            match answer.status {
                200 => assert!(
                    calls.fetch_add(1, Ordering::Relaxed) < 100_000,
                    "the disk does not fill"
                ),
                _ => return answer,
            }
        }
    });
    println!(
        "{} calls until the disk was full",
        calls.load(Ordering::Relaxed)
    );
    for refused in &refusals {
        assert_eq!(refused.status, 503, "{}", refused.text());
        assert_eq!(refused.header("retry-after"), Some("1"));
        let error = refused.json()["error"].take();
        assert_eq!(error["type"], "budget_unavailable");
        let message = error["message"].as_str().expect("a message");
        assert!(message.contains("journal cannot be written"), "{message}");
    }
    let ready = gateway.admin("/readyz");
    assert_eq!(
        (ready.status, ready.json()["degraded"].clone()),
        (503, json!(["journal"]))
    );
    let journal = gateway.status()["journal"].take();
    assert_eq!(journal["state"], "suspended");
    let error = journal["error"].as_str().expect("an error");
    assert!(error.contains("No space left"), "{error}");
    assert_eq!(gateway.metric("tollgate_journal_suspended", &[]), 1.0);
    assert!(gateway.metric("tollgate_journal_failures_total", &[]) >= 1.0);

    // What is on its way is settled all the same.
    open.hang_up();
    gateway.at_rest();
    let charged = simulator.meter_at_rest().cost;
    assert_eq!(gateway.ledger("b0").spent, charged);

    std::fs::remove_file(&ballast).expect("room again");
    until("calls go on", || {
        (gateway.caller().chat(&body).status == 200).then_some(())
    });
    gateway.at_rest();
    let charged = simulator.meter_at_rest().cost;
    assert_eq!(gateway.ledger("b119").spent, charged);
    assert_eq!(gateway.metric("tollgate_journal_suspended", &[]), 0.0);
    gateway.stop();
    let (equal, report) = home.verify();
    assert!(equal, "{report}");
    let kept = std::fs::read_dir(state.join("journal"))
        .expect("segments")
        .count();
    assert!(kept <= 9, "{kept} segments");

    let gateway = home.start();
    let recovered = gateway.status()["journal"]["recovered"].take();
    assert_eq!(recovered["clean"], true, "{recovered}");
    assert_eq!(gateway.ledger("b0").spent, charged);
    assert_eq!(gateway.ledger("b0").uncertain, Money::default());
    gateway.stop();
    assert!(
        tollgate(&home, &["audit", "verify", "--state-dir", "state"])
            .status
            .success()
    );
}

/// A gateway whose decision log has a small file system of its own, and that file system filled up.
fn full_log<'a>(home: &'a Home, decisions: &'a std::path::Path) -> Option<(Tmpfs<'a>, Gateway)> {
    let disk = Tmpfs::mount(decisions, "size=256k,mode=700")?;
    let gateway = home.start();
    let body = chat("cent", "hello", &[]);
    assert_eq!(gateway.caller().chat(&body).status, 200);
    until("the first decision is on the disk", || {
        let written = gateway.metric("tollgate_decision_log_records_total", &[]);
        (written >= 1.0).then_some(())
    });
    std::fs::write(decisions.join("ballast"), vec![1; 1 << 20]).expect_err("no more room");
    Some((disk, gateway))
}

#[test]
fn a_full_decision_log_refuses_new_calls_unless_records_may_be_dropped() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, "decisions: { queue: 50 }");
    let decisions = home.path().join("state/decisions");
    std::fs::create_dir_all(&decisions).expect("a directory");
    private(&home.path().join("state"));
    let Some((_disk, gateway)) = full_log(&home, &decisions) else {
        return;
    };
    let body = chat("cent", "hello", &[]);
    let mut caller = gateway.caller();
    let refused = (0..500)
        .map(|_| caller.chat(&body))
        .find(|answer| answer.status != 200);
    let refused = refused.expect("a refusal");
    assert_eq!(refused.status, 503, "{}", refused.text());
    std::fs::remove_file(decisions.join("ballast")).expect("room again");
    until("calls go on", || {
        (caller.chat(&body).status == 200).then_some(())
    });
    assert_eq!(
        gateway.metric("tollgate_decision_log_dropped_total", &[]),
        0.0
    );
    gateway.stop();
    let verified = tollgate(&home, &["audit", "verify", "--state-dir", "state"]);
    assert!(verified.status.success(), "{verified:?}");
}

#[test]
fn where_records_may_be_dropped_calls_go_on_and_the_log_says_how_many_are_missing() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, "decisions: { queue: 50, on_full: drop }");
    let decisions = home.path().join("state/decisions");
    std::fs::create_dir_all(&decisions).expect("a directory");
    private(&home.path().join("state"));
    let Some((_disk, gateway)) = full_log(&home, &decisions) else {
        return;
    };
    let body = chat("cent", "hello", &[]);
    let mut caller = gateway.caller();
    // The last page of the file that is there may still take some lines.
    let mut calls = 1;
    let dropped = || gateway.metric("tollgate_decision_log_dropped_total", &[]);
    while dropped() < 100.0 {
        assert!(calls < 2_000, "nothing is dropped");
        for _ in 0..25 {
            assert_eq!(caller.chat(&body).status, 200, "calls go on");
        }
        calls += 25;
    }
    std::fs::remove_file(decisions.join("ballast")).expect("room again");
    until("lines are written again", || {
        (gateway.metric("tollgate_decision_log_queued", &[]) == 0.0).then_some(())
    });
    assert_eq!(caller.chat(&body).status, 200);
    calls += 1;
    gateway.at_rest();
    let dropped = dropped();
    gateway.stop();
    let verified = tollgate(
        &home,
        &["audit", "verify", "--state-dir", "state", "--json"],
    );
    let proof: serde_json::Value = serde_json::from_slice(&verified.stdout).expect("JSON");
    assert_eq!(proof["ok"], true, "{proof}");
    assert_eq!(proof["not_recorded"].as_f64(), Some(dropped), "{proof}");
    let gaps = [
        "audit",
        "export",
        "--where",
        "kind=gap",
        "--state-dir",
        "state",
    ];
    let gaps = String::from_utf8(tollgate(&home, &gaps).stdout).expect("text");
    let lines = proof["lines"].as_f64().expect("a number");
    let recorded = lines - f64::from(u32::try_from(gaps.lines().count()).expect("few"));
    assert_eq!(recorded + dropped, f64::from(calls), "{gaps}");
    for gap in gaps.lines() {
        let gap: serde_json::Value = serde_json::from_str(gap).expect("JSON");
        assert!(gap["from"].as_str() <= gap["to"].as_str(), "{gap}");
    }
}

#[test]
fn a_gateway_started_on_a_full_disk_waits_for_room() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(
        &simulator,
        "budgets: [{ name: day, match: {}, limit: \"$1.00\", window: total }]",
    );
    let state = home.path().join("state");
    let Some(_disk) = Tmpfs::mount(&state, "size=20m,mode=700") else {
        return;
    };
    let first = home.start();
    assert_eq!(first.caller().chat(&chat("cent", "hello", &[])).status, 200);
    first.stop();
    let ballast = state.join("ballast");
    // The last segment is cut to what is in it, so that there would be room for one more.
    std::fs::write(&ballast, vec![1; 11 << 20]).expect("room");
    std::fs::write(state.join("more"), vec![1; 8 << 20]).expect_err("no more room");

    let gateway = Limited::start(&home, 1000, 1000);
    let mut admin = Client::to(gateway.admin);
    until("it says why it is not ready", || {
        let ready = admin.get("/readyz");
        (ready.json()["degraded"] == json!(["journal"])).then_some(())
    });
    assert_eq!(gateway.call("hello").expect("an answer"), 503);
    let journal = admin.get("/status").json()["journal"].take();
    assert!(
        journal["error"].to_string().contains("No space left"),
        "{journal}"
    );
    std::fs::remove_file(&ballast).expect("room again");
    std::fs::remove_file(state.join("more")).expect("room again");
    until("calls are let through", || {
        (gateway.call("hello").expect("an answer") == 200).then_some(())
    });
    let day = admin.get("/status").json()["budgets"][0].take();
    assert_eq!(
        Money::of(day["spent"].as_str().expect("an amount")),
        Money::of("0.02")
    );
    until("what happened is on the disk", || {
        let (equal, report) = home.verify();
        assert!(equal, "{report}");
        (report["budgets"][0]["ledger"] == "0.02").then_some(())
    });
}

#[test]
fn a_read_only_state_directory_is_refused_by_name() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, "");
    let state = home.path().join("state");
    let Some(_disk) = Tmpfs::mount(&state, "size=20m,mode=700,ro") else {
        return;
    };
    let words = refuses_to_start(&home);
    assert!(words.contains("state directory state"), "{words}");
    assert!(words.contains("Read-only file system"), "{words}");
}
