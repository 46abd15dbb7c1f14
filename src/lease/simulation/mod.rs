//! The treaty under a storm: the real bank and the real holders, a network that loses, doubles, delays and reorders, crashes
//! that tear the tail off a disk or lose it, partitions, kills, machines that sleep and clocks that run at their own speed,
//! periods that turn, limits that are changed, and a provider that counts what was truly charged.
//!
//! One seed decides everything. After each step the books must balance ([`check`]); afterwards, in peace, all money must be
//! accounted for. A rule broken on purpose ([`Mutant`]) must be noticed: a test that cannot fail shows nothing.

mod calendar;
mod chance;
mod check;
mod node;
mod store;
mod world;

use super::protocol::Mutant;
use std::panic::{AssertUnwindSafe, catch_unwind};
pub(crate) use store::Keep;
pub(crate) use world::World;

/// Seeds each of the tests below takes; together they take two thousand.
const SEEDS: u64 = 500;

/// What is wrong in the world of this seed, if anything is.
fn fault(seed: u64, mutant: Option<Mutant>) -> Option<String> {
    let run = || World::new(seed, mutant).run();
    let said = catch_unwind(AssertUnwindSafe(run)).err()?;
    let text = said.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| said.downcast_ref::<&str>().copied());
    Some(format!("seed {seed}: {}", text.unwrap_or("a panic")))
}

/// No world of a range breaks a promise. Comes back with how much of the budget was used on average, in thousandths.
fn hold(seeds: std::ops::Range<u64>) {
    let mut used = 0;
    let count = seeds.end - seeds.start;
    for seed in seeds {
        used += World::new(seed, None).run();
    }
    let mean = used / count;
    assert!(
        mean >= 750,
        "only {mean} thousandths of the budgets could be used"
    );
}

#[test]
fn the_promises_hold_in_worlds_0_to_500() {
    hold(0..SEEDS);
}

#[test]
fn the_promises_hold_in_worlds_500_to_1000() {
    hold(SEEDS..2 * SEEDS);
}

#[test]
fn the_promises_hold_in_worlds_1000_to_1500() {
    hold(2 * SEEDS..3 * SEEDS);
}

#[test]
fn the_promises_hold_in_worlds_1500_to_2000() {
    hold(3 * SEEDS..4 * SEEDS);
}

/// A rule broken on purpose is noticed within two thousand worlds, by the promise that it breaks.
fn noticed(mutant: Mutant, promise: &str) {
    let breaks = |fault: &String| fault.contains(promise);
    let found = (0..4 * SEEDS).find_map(|seed| fault(seed, Some(mutant)).filter(breaks));
    assert!(found.is_some(), "{mutant:?} never broke {promise}");
}

#[test]
fn money_given_back_because_time_has_passed_is_noticed() {
    noticed(Mutant::RefundByTimer, "P9: ");
}

#[test]
fn late_reports_refused_are_noticed() {
    noticed(Mutant::LateReportsRefused, "P6: ");
}

#[test]
fn a_disk_believed_without_its_ceiling_is_noticed() {
    noticed(Mutant::NoCeiling, "P6: ");
}

#[test]
fn answers_that_are_not_stored_are_noticed() {
    noticed(Mutant::NoStoredAnswer, "P8: ");
}
