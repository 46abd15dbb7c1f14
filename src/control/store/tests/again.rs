//! Everything that keeps books, once more with the books in PostgreSQL.
//!
//! The tests are the same ones: each part of them runs in a process of its own that is told so, `TOLLGATE_TEST_STORE=postgres`.

use super::super::support::{self, Books};
use std::process::Command;

/// It makes books anew for each write that is let through.
const MATRIX: &str = "control::api::tests::matrix";
/// What hashes passwords and draws keys: half of the API's time.
const SIGN_IN: [&str; 2] = ["control::api::tests::oidc", "control::api::tests::who"];

/// Runs the tests whose names have one of these parts, but those that have one of the others. They are not run where somebody
/// said so, and nowhere else.
fn again(parts: &[&str], but: &[&str]) {
    if support::is_postgres() {
        return; // this is such a process
    }
    if support::is_off(&parts.join(", ")) {
        return;
    }
    let template = Books::template();
    let tests = std::env::current_exe().expect("the tests' own file");
    let mut tests = Command::new(tests);
    tests.args(parts).args(["--skip", "store::tests::again"]);
    for part in but {
        tests.args(["--skip", part]);
    }
    tests.env("TOLLGATE_TEST_STORE", "postgres");
    template.is_template_of(&mut tests);
    let ran = tests.output().expect("it runs");
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(
        ran.status.success(),
        "with the books in PostgreSQL:\n{said}\n{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    assert!(
        !said.contains(" 0 passed"),
        "there are tests of {parts:?}: {said}"
    );
}

#[test]
fn the_store_keeps_what_it_promises_in_postgresql() {
    again(&["control::store::"], &[]);
}

#[test]
fn the_bank_keeps_what_it_promises_in_postgresql() {
    again(&["control::treasury::"], &[]);
}

#[test]
fn the_services_keep_what_they_promise_in_postgresql() {
    again(&["control::service::"], &[]);
}

#[test]
fn the_api_keeps_what_it_promises_in_postgresql() {
    again(&["control::api::"], &[&[MATRIX], &SIGN_IN[..]].concat());
}

#[test]
fn signing_in_keeps_what_it_promises_in_postgresql() {
    again(&SIGN_IN, &[]);
}

#[test]
fn every_route_keeps_its_rule_in_postgresql() {
    again(&[MATRIX], &[]);
}

#[test]
fn the_door_keeps_what_it_promises_in_postgresql() {
    again(&["control::door::"], &[]);
}

#[test]
fn the_command_line_keeps_what_it_promises_in_postgresql() {
    again(&["cli::remote::"], &[]);
}
