//! Everything that keeps books, once more with the books in PostgreSQL.
//!
//! The tests are the same ones: each part of them runs in a process of its own that is told so, `TOLLGATE_TEST_STORE=postgres`.

use super::super::support;
use std::process::Command;

/// It makes books anew for each write that is let through.
const MATRIX: &str = "control::api::tests::matrix";

/// Runs the tests whose names have this, but those that have the other. They are not run where somebody said so, and nowhere else.
fn again(part: &str, but: &str) {
    if support::is_postgres() {
        return; // this is such a process
    }
    if support::is_off(part) {
        return;
    }
    let tests = std::env::current_exe().expect("the tests' own file");
    let ran = Command::new(tests)
        .args([part, "--skip", "store::tests::again", "--skip", but])
        .env("TOLLGATE_TEST_STORE", "postgres")
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(
        ran.status.success(),
        "with the books in PostgreSQL:\n{said}\n{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    assert!(
        !said.contains(" 0 passed"),
        "there are tests of {part}: {said}"
    );
}

#[test]
fn the_store_keeps_what_it_promises_in_postgresql() {
    again("control::store::", "-");
}

#[test]
fn the_bank_keeps_what_it_promises_in_postgresql() {
    again("control::treasury::", "-");
}

#[test]
fn the_services_keep_what_they_promise_in_postgresql() {
    again("control::service::", "-");
}

#[test]
fn the_api_keeps_what_it_promises_in_postgresql() {
    again("control::api::", MATRIX);
}

#[test]
fn every_route_keeps_its_rule_in_postgresql() {
    again(MATRIX, "-");
}

#[test]
fn the_door_keeps_what_it_promises_in_postgresql() {
    again("control::door::", "-");
}

#[test]
fn the_command_line_keeps_what_it_promises_in_postgresql() {
    again("cli::remote::", "-");
}
