//! A bad edit changes nothing and is told wherever somebody may look.

use super::{How, PRICES, file, put, text, told};
use crate::support::{Gateway, Home, Money, Simulator, chat, until};
use serde_json::{Value, json};
use std::os::unix::fs::symlink;

const BUDGET: &str = "budgets: [{ name: day, match: {}, limit: \"$1.00\", window: total }]";

/// Everything is as before, and `/readyz` says what is not as it should be.
#[track_caller]
fn check_still_serves(gateway: &Gateway) {
    let ready = gateway.admin("/readyz");
    assert_eq!(ready.status, 200, "{}", ready.text());
    assert_eq!(
        ready.json(),
        json!({ "ready": true, "degraded": ["config"] })
    );
    assert_eq!(gateway.ledger("day").limit, Money::of("1"));
    let answer = gateway.caller().chat(&chat("cent", "hello", &[]));
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[test]
fn a_bad_edit_changes_nothing_and_is_told_with_its_place() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, BUDGET);
    let gateway = home.start();
    let good = text(&home);
    let revision = gateway.status()["config"]["revision"].clone();
    let errors = || gateway.metric("tollgate_config_reload_total", &[("result", "error")]);
    let line = good
        .lines()
        .position(|line| line.starts_with("budgets"))
        .expect("a line of budgets")
        + 1;
    let half = good.split_at(good.len() - 30).0.to_owned();
    let edits = [
        // An unknown key, at its place, with the nearest name.
        (
            good.replace("limit:", "limt:"),
            format!("tollgate.yaml:{line}:"),
            "did you mean `limit`?",
        ),
        (
            good.replace("$1.00", "a dollar"),
            format!("tollgate.yaml:{line}:"),
            "a dollar",
        ),
        (half, "tollgate.yaml:".to_owned(), ""),
        (String::new(), "tollgate.yaml".to_owned(), "is empty"),
        (
            format!("{good}budgets: []\n"),
            format!("tollgate.yaml:{}:1", line + 1),
            "a second time",
        ),
        (
            format!("{good}#{}\n", "x".repeat(50 << 20)),
            "tollgate.yaml".to_owned(),
            "larger than",
        ),
    ];
    for (count, (bad, place, words)) in (1..).zip(edits) {
        put(&file(&home), &bad, How::Renamed);
        let error = told(&gateway, &place);
        assert!(error.contains(words), "{error}");
        until("the metric counts it", || {
            (errors() >= f64::from(count)).then_some(())
        });
        let log = gateway.log();
        let logged = log.lines().rev().find(|line| line.contains("\"ERROR\""));
        let logged: Value = serde_json::from_str(logged.expect("a line")).expect("JSON");
        assert!(
            logged["fault"]
                .as_str()
                .is_some_and(|fault| fault.contains(&place)),
            "{logged}"
        );
        check_still_serves(&gateway);
        assert_eq!(gateway.status()["config"]["revision"], revision);
        // Put right, it is whole again.
        put(&file(&home), &good, How::Renamed);
        until("the fault is gone", || {
            (gateway.status()["config"]["error"] == Value::Null).then_some(())
        });
        assert_eq!(
            gateway.admin("/readyz").json(),
            json!({ "ready": true, "degraded": [] })
        );
    }
    gateway.stop();
}

#[test]
fn a_file_deleted_or_led_elsewhere_changes_nothing() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, BUDGET);
    let gateway = home.start();
    let good = text(&home);
    std::fs::remove_file(file(&home)).expect("deleted");
    told(&gateway, "cannot read");
    check_still_serves(&gateway);

    let elsewhere = tempfile::tempdir().expect("a directory");
    let other = elsewhere.path().join("tollgate.yaml");
    put(&other, &good.replace("$1.00", "$1000.00"), How::InPlace);
    symlink(&other, file(&home)).expect("a link");
    told(&gateway, "leaves its directory");
    check_still_serves(&gateway);

    std::fs::remove_file(file(&home)).expect("deleted");
    std::fs::create_dir(file(&home)).expect("a directory in its place");
    told(&gateway, "folder");
    check_still_serves(&gateway);

    std::fs::remove_dir(file(&home)).expect("gone");
    put(&file(&home), &good.replace("$1.00", "$2.00"), How::Renamed);
    until("it is back", || {
        (gateway.ledger("day").limit == Money::of("2")).then_some(())
    });
}

#[test]
fn a_file_others_may_write_is_not_taken() {
    use std::os::unix::fs::PermissionsExt as _;
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, BUDGET);
    let gateway = home.start();
    let wide = std::fs::Permissions::from_mode(0o666);
    std::fs::set_permissions(file(&home), wide).expect("its mode");
    std::fs::write(file(&home), text(&home).replace("$1.00", "$9.00")).expect("written");
    told(&gateway, "can be changed by others");
    check_still_serves(&gateway);
}

#[test]
fn a_bad_price_book_changes_nothing() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, BUDGET);
    let gateway = home.start();
    let prices = home.path().join("prices.yaml");
    let good = std::fs::read_to_string(&prices).expect("prices");
    put(&prices, &good.replace("\"0.01\"", "cheap"), How::InPlace);
    let error = told(&gateway, "prices.yaml:");
    assert!(error.contains("cheap"), "{error}");
    check_still_serves(&gateway);
    assert_eq!(gateway.status()["prices"]["revision"], "test");
}
