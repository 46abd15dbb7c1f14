//! The state directory between two runs: who may use it, and what becomes of a journal that is damaged.

use super::{PRICES, is_root, refuses_to_start, tollgate};
use crate::support::{Home, Money, Simulator, chat};
use serde_json::Value;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::PathBuf;

const BUDGET: &str = "budgets: [{ name: day, match: {}, limit: \"$1.00\", window: total }]";

#[test]
fn a_second_gateway_on_one_state_directory_is_refused() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, BUDGET);
    let gateway = home.start();
    let words = refuses_to_start(&home);
    assert!(
        words.contains("state directory state is in use by process"),
        "{words}"
    );
    assert!(words.contains("`state_dir` of its own"), "{words}");
    let answer = gateway.caller().chat(&chat("cent", "hello", &[]));
    assert_eq!(answer.status, 200);
    gateway.stop();
}

#[test]
fn a_state_directory_open_to_others_is_refused_with_the_remedy() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, BUDGET);
    home.start().stop();
    let state = home.path().join("state");
    std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o750)).expect("its mode");
    let words = refuses_to_start(&home);
    assert!(
        words.contains("0750") && words.contains("chmod 700 state"),
        "{words}"
    );
    std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o700)).expect("its mode");
    home.start().stop();
}

#[test]
fn a_state_directory_of_somebody_else_is_refused_with_the_remedy() {
    if !is_root() {
        return;
    }
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, BUDGET);
    home.start().stop();
    std::os::unix::fs::chown(home.path().join("state"), Some(12_345), None).expect("given away");
    let words = refuses_to_start(&home);
    assert!(words.contains("belongs to user 12345"), "{words}");
    assert!(words.contains("chown -R 0 state"), "{words}");
}

/// The segment written last.
fn newest(home: &Home) -> PathBuf {
    let names = std::fs::read_dir(home.path().join("state/journal")).expect("segments");
    let files = names.map(|entry| entry.expect("an entry").path());
    files.max().expect("a segment")
}

/// Runs, makes three calls, is killed, has its journal damaged, and starts again: `told` looks at what that start says
/// (`/status` and log).
fn check_damage(what: &str, damage: fn(&File), told: impl Fn(&Value, &str)) {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, BUDGET);
    home.start().stop();
    let gateway = home.start();
    for _ in 0..3 {
        let answer = gateway.caller().chat(&chat("cent", "hello", &[]));
        assert_eq!(answer.status, 200);
    }
    gateway.at_rest();
    gateway.kill();
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(newest(&home))
        .expect("a segment");
    damage(&file);
    drop(file);

    let gateway = home.start();
    let recovered = gateway.status()["journal"]["recovered"].take();
    let log = gateway.log();
    let level = |line: &&str| line.contains("\"ERROR\"") || line.contains("\"WARN\"");
    let line = log.lines().find(level).unwrap_or_default();
    told(&recovered, line);
    assert_eq!(recovered["clean"], false, "{what}: {recovered}");
    // What may have been spent is not forgotten, unless the very file that said so is gone whole.
    let day = gateway.ledger("day");
    assert!(day.spent <= day.limit, "{what}: {day:?}");
    let answer = gateway.caller().chat(&chat("cent", "on it goes", &[]));
    assert!(
        matches!(answer.status, 200 | 429),
        "{what}: {}",
        answer.text()
    );
    gateway.stop();
    let verified = tollgate(&home, &["ledger", "verify", "--state-dir", "state"]);
    println!("{what}: {}", String::from_utf8_lossy(&verified.stdout));
    home.start().stop();
}

/// Where the last record that was written ends (behind it are the zeros of a file made long beforehand).
fn end(file: &File) -> u64 {
    let mut bytes =
        vec![0; usize::try_from(file.metadata().expect("its length").len()).expect("short")];
    file.read_exact_at(&mut bytes, 0).expect("its content");
    let last = bytes.iter().rposition(|byte| *byte != 0).expect("a record");
    last as u64 + 1
}

#[test]
fn a_torn_end_of_the_journal_is_cut_and_told() {
    check_damage(
        "torn",
        |file| file.set_len(end(file) - 3).expect("cut"),
        |recovered, line| {
            assert!(recovered["torn_bytes"].as_u64() > Some(0), "{recovered}");
            assert!(line.contains("torn bytes cut from"), "{line}");
        },
    );
}

#[test]
fn a_flipped_bit_in_the_journal_is_told() {
    check_damage(
        "flipped",
        |file| {
            let at = end(file) - 40;
            let mut byte = [0];
            file.read_exact_at(&mut byte, at).expect("a byte");
            file.write_all_at(&[byte[0] ^ 4], at).expect("flipped");
        },
        |recovered, line| {
            let torn = recovered["torn_bytes"].as_u64() > Some(0);
            let aside = recovered["damaged"]
                .as_array()
                .is_some_and(|files| !files.is_empty());
            assert!(torn || aside, "{recovered}");
            assert!(line.contains("the journal was damaged"), "{line}");
        },
    );
}

#[test]
fn a_journal_cut_to_nothing_is_kept_aside_and_told() {
    check_damage(
        "emptied",
        |file| file.set_len(0).expect("emptied"),
        |recovered, line| {
            let aside = recovered["damaged"][0].as_str().expect("a file kept aside");
            assert!(aside.ends_with(".damaged"), "{aside}");
            assert!(line.contains(aside), "{line}");
        },
    );
}

#[test]
fn the_ledger_can_be_verified_beside_a_running_gateway() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, BUDGET);
    let gateway = home.start();
    for _ in 0..3 {
        gateway.caller().chat(&chat("cent", "hello", &[]));
    }
    gateway.at_rest();
    let day = crate::support::until("the calls are on the disk", || {
        let (fine, report) = home.verify();
        assert!(fine, "{report}");
        let day = report["budgets"]
            .as_array()
            .expect("budgets")
            .first()?
            .clone();
        (day["ledger"] == "0.03").then_some(day)
    });
    assert_eq!(
        (&day["name"], &day["recomputed"]),
        (&"day".into(), &"0.03".into())
    );
    let text = tollgate(&home, &["ledger", "verify", "--state-dir", "state"]);
    let words = String::from_utf8(text.stdout).expect("text");
    assert!(text.status.success(), "{words}");
    assert!(words.contains("day") && words.contains("0.03"), "{words}");
    gateway.stop();
}

#[test]
fn an_answer_that_waits_for_the_disk_is_on_it() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(
        &simulator,
        &format!("{BUDGET}\njournal: {{ answer: after }}"),
    );
    for kills in 1..=5 {
        let gateway = home.start();
        let answer = gateway.caller().chat(&chat("cent", "hello", &[]));
        gateway.kill();
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("x-tollgate-cost-usd"), Some("0.01"));
        let gateway = home.start();
        let day = gateway.ledger("day");
        assert_eq!(
            day.spent - day.uncertain,
            Money::of("0.01") * kills,
            "{day:?}"
        );
        gateway.stop();
    }
    assert_eq!(simulator.meter().cost, Money::of("0.05"));
}
