//! A good edit takes effect, whoever is in the middle of a call.

use super::{How, PRICES, edit, put, text};
use crate::support::{Home, Money, Simulator, chat, until};
use serde_json::json;
use std::os::unix::fs::symlink;
use std::process::Command;

const BUDGET: &str = "budgets: [{ name: day, match: {}, limit: \"$1.00\", window: total }]";

#[test]
fn an_edit_takes_effect_written_in_place_or_renamed_over() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, BUDGET);
    let gateway = home.start();
    edit(&home, &gateway, How::InPlace, |yaml| {
        yaml.replace("$1.00", "$2.00")
    });
    assert_eq!(gateway.ledger("day").limit, Money::of("2"));
    edit(&home, &gateway, How::Renamed, |yaml| {
        yaml.replace("$2.00", "$3.00")
    });
    assert_eq!(gateway.ledger("day").limit, Money::of("3"));
    let reloads = |result| gateway.reading("tollgate_config_reload_total", &[("result", result)]);
    assert_eq!((reloads("ok"), reloads("error")), (2.0, 0.0));
    gateway.stop();
}

#[test]
fn an_edit_takes_effect_swapped_in_as_kubernetes_does() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, BUDGET);
    let at = |name: &str| home.path().join(name);
    let first = text(&home);
    let lay = |version: &str, yaml: &str| {
        std::fs::create_dir(at(version)).expect("a version");
        put(&at(version).join("tollgate.yaml"), yaml, How::InPlace);
        symlink(version, at("..data.new")).expect("a link");
        std::fs::rename(at("..data.new"), at("..data")).expect("swapped");
    };
    lay("..2026_1", &first);
    std::fs::remove_file(at("tollgate.yaml")).expect("gone");
    symlink("..data/tollgate.yaml", at("tollgate.yaml")).expect("a link");
    let gateway = home.start();
    for (version, limit) in [("..2026_2", "2.00"), ("..2026_3", "3.00")] {
        lay(version, &first.replace("1.00", limit));
        until("the swap is in force", || {
            (gateway.ledger("day").limit == Money::of(limit)).then_some(())
        });
    }
    assert_eq!(gateway.status()["config"]["error"], json!(null));
}

#[test]
fn counters_survive_an_edit() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(
        &simulator,
        "budgets: [{ name: day, match: {}, limit: \"$1.00\", window: total }]\n\
         limits: [{ name: per-key, match: {}, per: key, rpm: 7, tpm: 1000000, concurrency: 1 }]",
    );
    let gateway = home.start();
    let mut caller = gateway.caller();
    assert_eq!(caller.chat(&chat("cent", "one", &[])).status, 200);
    // Stays open until its caller hangs up.
    let held = chat("cent", "two @sim(hang=stream)", &[("stream", json!(true))]);
    let mut open = gateway.caller().stream("/v1/chat/completions", &held);
    assert!(open.piece().expect("a piece").is_some());
    let before = gateway.ledger("day");
    assert_eq!(before.spent, Money::of("0.01"));
    assert_eq!(before.reserved, Money::of("0.01"));

    edit(&home, &gateway, How::Renamed, |yaml| {
        yaml.replace("rpm: 7", "rpm: 8").replace("1.00", "1.50")
    });
    let after = gateway.ledger("day");
    assert_eq!(
        (after.spent, after.reserved, after.limit),
        (before.spent, before.reserved, Money::of("1.50"))
    );
    let refused = caller.chat(&chat("cent", "three", &[]));
    assert_eq!(refused.status, 429, "{}", refused.text());
    assert!(
        refused.text().contains("1 calls at once"),
        "{}",
        refused.text()
    );
    open.hang_up();
    let answer = until("the place is free", || {
        let answer = caller.chat(&chat("cent", "four", &[]));
        (answer.status == 200).then_some(answer)
    });
    let number = |name: &str| {
        answer
            .header(name)
            .and_then(|text| text.parse::<u64>().ok())
    };
    assert_eq!(number("x-ratelimit-limit-requests"), Some(8));
    // Three passed; in the time this takes at most one is given back. A fresh minute would leave seven.
    let left = number("x-ratelimit-remaining-requests").expect("a number");
    assert!((5..=6).contains(&left), "{left} requests left");
    gateway.at_rest();
    assert_eq!(gateway.ledger("day").spent, Money::of("0.03"));
}

#[test]
fn an_open_stream_outlives_an_edit_and_pays_the_price_it_began_with() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, BUDGET);
    let gateway = home.start();
    let body = chat(
        "words",
        "count @sim(out=80,token_delay=20ms)",
        &[("stream", json!(true)), ("max_tokens", json!(100))],
    );
    let mut open = gateway.caller().stream("/v1/chat/completions", &body);
    let mut seen = open.piece().expect("a piece").expect("not the end");
    let keys = std::fs::read_to_string(home.path().join("prices.yaml")).expect("prices");
    let dearer = keys
        .replace("output: \"4\"", "output: \"400\"")
        .replace("revision: test", "revision: dearer");
    put(&home.path().join("prices.yaml"), &dearer, How::Renamed);
    edit(&home, &gateway, How::InPlace, |yaml| {
        yaml.replace("name: day", "name: week")
    });
    until("the new prices are in force", || {
        (gateway.status()["prices"]["revision"] == "dearer").then_some(())
    });
    // The stream's budget is not named any more; its counters are kept all the same.
    let names: Vec<_> = gateway
        .ledgers()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["week"]);
    seen.extend(open.rest().expect("the rest of the stream"));
    let seen = String::from_utf8(seen).expect("text");
    assert!(seen.trim_end().ends_with("[DONE]"), "{seen}");
    gateway.at_rest();
    let charged = simulator.meter_at_rest().cost;

    edit(&home, &gateway, How::InPlace, |yaml| {
        yaml.replace("name: week", "name: day")
    });
    let day = gateway.ledger("day");
    assert_eq!((day.spent, day.reserved), (charged, Money::default()));
    // New calls are priced anew.
    let body = chat("words", "again @sim(out=10)", &[("max_tokens", json!(10))]);
    let answer = gateway.caller().chat(&body);
    let (input, output) = (&answer.json()["usage"]["prompt_tokens"], 10);
    let cost = Money(input.as_i64().expect("tokens") * 1000 + output * 400_000);
    let told = answer.header("x-tollgate-cost-usd").expect("a cost");
    assert_eq!(Money::of(told), cost);
    gateway.at_rest();
    assert_eq!(gateway.ledger("day").spent, charged + cost);
    let (fine, report) = home.verify();
    assert!(fine, "{report}");
}

#[test]
fn a_limit_lowered_or_raised_holds_at_once() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, &BUDGET.replace("1.00", "0.03"));
    let gateway = home.start();
    let mut caller = gateway.caller();
    let body = chat("cent", "hello", &[]);
    let mut statuses =
        |count: usize| -> Vec<u16> { (0..count).map(|_| caller.chat(&body).status).collect() };
    assert_eq!(statuses(2), [200, 200]);
    let limit = |from: &'static str, to: &'static str| {
        edit(&home, &gateway, How::Renamed, |yaml| yaml.replace(from, to));
    };
    limit("$0.03", "$0.01");
    assert_eq!(statuses(1), [429]);
    let over = gateway.ledger("day");
    assert_eq!(
        (over.spent, over.remaining),
        (Money::of("0.02"), Money::default())
    );
    limit("$0.01", "$0.04");
    assert_eq!(statuses(3), [200, 200, 429]);
    gateway.at_rest();
    assert_eq!(gateway.ledger("day").spent, Money::of("0.04"));
}

#[test]
fn keys_made_rotated_and_revoked_by_command_are_followed() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, BUDGET);
    let gateway = home.start();
    let command = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .args(arguments)
            .args(["-c", "tollgate.yaml"])
            .current_dir(home.path())
            .output()
            .expect("it runs");
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap_or_default()
    };
    let secret = |made: serde_json::Value| made["secret"].as_str().expect("a secret").to_owned();
    let call = |secret: &str| {
        let mut caller = crate::support::Client::to(gateway.listen)
            .with("authorization", &format!("Bearer {secret}"));
        caller.chat(&chat("cent", "hello", &[])).status
    };
    let becomes = |secret: &str, status: u16| {
        until("the key is followed", || {
            (call(secret) == status).then_some(())
        });
    };
    let first = secret(command(&["key", "new", "night", "--json"]));
    becomes(&first, 200);
    let second = secret(command(&["key", "rotate", "night", "--json"]));
    becomes(&first, 401);
    becomes(&second, 200);
    command(&["key", "revoke", "night"]);
    becomes(&second, 401);
    for secret in [first, second] {
        assert!(!gateway.log().contains(&secret));
    }
}

#[test]
fn what_waits_for_the_next_start_is_said() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, BUDGET);
    let gateway = home.start();
    edit(&home, &gateway, How::InPlace, |yaml| {
        yaml.replace("listen: 127.0.0.1:0\n", "listen: \"[::1]:0\"\n")
    });
    until("it is said", || {
        let log = gateway.log();
        let line = log.lines().find(|line| line.contains("next start"))?;
        line.contains("\"key\":\"listen\"").then_some(())
    });
    let status = gateway.caller().chat(&chat("cent", "hello", &[])).status;
    assert_eq!(status, 200);
}
