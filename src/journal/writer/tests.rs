//! The writer, one turn at a time.

use crate::governance::budget::{LeaseNote, Refused, Window};
use crate::journal::disk::memory::{Kept, Memory};
use crate::journal::tests::{Rig, bill, budget, live, small, usd};
use crate::journal::{Health, Settings, verify};
use std::time::Duration;

fn rig() -> (Memory, Rig) {
    let memory = Memory::default();
    let rig = Rig::open(&memory, Settings::default()).expect("opens");
    (memory, rig)
}

#[test]
fn nothing_is_synced_before_somebody_waits_or_a_tenth_of_a_second_has_passed() {
    let (memory, mut rig) = rig();
    let id = rig.ledger(&budget("b", "10", Window::Total));
    let calls: Vec<_> = (0..3)
        .map(|_| rig.reserve(&[id], usd("0.01")).expect("fits"))
        .collect();
    rig.turn();
    let before = memory.syncs();
    for call in calls {
        call.settle(bill(usd("0.01")));
    }
    rig.pass(Duration::from_millis(5));
    rig.pass(Duration::from_millis(90));
    assert_eq!(memory.syncs(), before);
    rig.pass(Duration::from_millis(10));
    assert_eq!(memory.syncs(), before + 1);
    rig.pass(Duration::from_secs(1));
    assert_eq!(memory.syncs(), before + 1, "there was nothing to sync");
}

#[test]
fn at_rest_it_asks_for_no_further_waking() {
    let (_, mut rig) = rig();
    assert_eq!(rig.writer.turn(rig.moment()), None);
    let id = rig.ledger(&budget("b", "10", Window::Total));
    drop(rig.reserve(&[id], usd("0.01")).expect("fits"));
    rig.turn();
    rig.pass(Duration::from_secs(2));
    rig.now += Duration::from_secs(1);
    assert_eq!(rig.writer.turn(rig.moment()), None);
}

#[test]
fn a_full_disk_stops_new_calls_and_loses_nothing_that_was_settled_meanwhile() {
    let (memory, mut rig) = rig();
    let id = rig.ledger(&budget("b", "10", Window::Total));
    let before = rig.reserve(&[id], usd("0.50")).expect("fits");
    let during = rig.reserve(&[id], usd("0.50")).expect("fits");
    before.settle(bill(usd("0.20")));
    memory.set_full(true);
    rig.turn();
    assert!(matches!(rig.health(), Health::Failed { .. }));
    assert!(matches!(
        rig.reserve(&[id], usd("0.01")),
        Err(Refused::Suspended)
    ));
    during.settle(bill(usd("0.30")));
    rig.pass(Duration::from_millis(1100));
    let Health::Failed { since, .. } = rig.health() else {
        panic!("still full")
    };
    assert_eq!(
        since.since_start,
        Duration::from_secs(10),
        "the first failure counts"
    );
    memory.set_full(false);
    rig.pass(Duration::from_millis(500));
    assert!(
        matches!(rig.health(), Health::Failed { .. }),
        "not yet tried again"
    );
    rig.pass(Duration::from_millis(600));
    assert_eq!(rig.health(), Health::Ok);
    let after = rig.reserve(&[id], usd("0.01")).expect("goes on");
    after.settle(bill(usd("0.01")));
    let found = rig.finish().after_crash(Kept::Nothing);
    let next = Rig::open(&found, Settings::default()).expect("opens");
    assert!(next.report.clean, "{:?}", next.report);
    assert_eq!(
        next.books.state().ledgers[&id].accounts[0].spent,
        usd("0.51")
    );
    let verified = verify::verify_disk(&found, |_, _| ()).expect("reads");
    assert!(verified.ok && verified.breaks.len() == 1, "{verified:?}");
}

#[test]
fn a_ceiling_of_a_lease_noted_on_a_full_disk_counts_once_there_is_room_and_not_before() {
    let (memory, mut rig) = rig();
    rig.books.note_lease([(7, LeaseNote::Open)]);
    rig.turn();
    memory.set_full(true);
    let first = rig.books.note_lease([(7, LeaseNote::Ceiling(usd("1")))]);
    rig.turn();
    let second = rig.books.note_lease([(7, LeaseNote::Ceiling(usd("2")))]);
    let durable = |rig: &Rig| rig.shared.progress.borrow().durable;
    assert!(durable(&rig) < first);
    memory.set_full(false);
    rig.pass(Duration::from_millis(1100));
    assert!(durable(&rig) >= second);
    let found = memory.after_crash(Kept::Nothing);
    let next = Rig::open(&found, Settings::default()).expect("opens");
    assert_eq!(next.books.leases().0[&7].uncertain, usd("2"));
    let verified = verify::verify_disk(&found, |_, _| ()).expect("reads");
    assert!(verified.ok, "{verified:?}");
}

#[test]
fn on_a_disk_that_is_full_from_the_start_nothing_is_reserved_until_there_is_room() {
    let (memory, rig) = rig();
    drop(rig);
    memory.set_full(true);
    let mut rig = Rig::open(&memory, Settings::default()).expect("starts all the same");
    let id = rig.ledger(&budget("b", "10", Window::Total));
    rig.turn();
    assert!(matches!(rig.health(), Health::Failed { .. }));
    assert!(matches!(
        rig.books.reserve(&[id], usd("0.01"), rig.moment()),
        Err(Refused::Suspended)
    ));
    memory.set_full(false);
    rig.pass(Duration::from_secs(1));
    assert_eq!(rig.health(), Health::Ok);
    rig.reserve(&[id], usd("0.01"))
        .expect("fits")
        .settle(bill(usd("0.01")));
    let found = rig.finish().after_crash(Kept::Nothing);
    let verified = verify::verify_disk(&found, |_, _| ()).expect("reads");
    assert!(verified.ok, "{verified:?}");
    let next = Rig::open(&found, Settings::default()).expect("opens");
    assert!(next.report.clean, "{:?}", next.report);
}

#[test]
fn after_a_failed_sync_no_ceiling_of_that_file_is_lent_and_the_file_is_given_up() {
    let (memory, mut rig) = rig();
    let id = rig.ledger(&budget("b", "10", Window::Total));
    memory.set_sync_fails(true);
    assert!(matches!(
        rig.reserve(&[id], usd("0.01")),
        Err(Refused::Suspended)
    ));
    memory.set_sync_fails(false);
    // Were the old file synced again, the disk would say so.
    rig.pass(Duration::from_secs(2));
    assert_eq!(rig.health(), Health::Ok);
    drop(rig.reserve(&[id], usd("0.01")).expect("goes on"));
    assert!(memory.content("000002.seg").len() > 100);
}

#[test]
fn what_happens_between_a_checkpoint_and_the_end_of_a_suspension_is_not_lost() {
    let (memory, mut rig) = rig();
    let id = rig.ledger(&budget("b", "10", Window::Total));
    let call = rig.reserve(&[id], usd("0.50")).expect("fits");
    rig.turn();
    // As the writer does while it resumes, with a settlement in between.
    rig.books.suspend();
    call.settle(bill(usd("0.30")));
    rig.books.resume();
    drop(rig.reserve(&[id], usd("0.01")).expect("fits"));
    rig.turn();
    let found = rig.finish().after_crash(Kept::Nothing);
    let next = Rig::open(&found, Settings::default()).expect("opens");
    assert_eq!(
        next.books.state().ledgers[&id].accounts[0].spent,
        usd("0.30")
    );
    assert!(
        next.report.clean && !next.report.is_alarming(),
        "{:?}",
        next.report
    );
    drop(memory);
}

#[test]
fn a_hundred_thousand_entries_take_no_more_room_than_the_segments_that_are_kept() {
    let memory = Memory::default();
    let settings = Settings {
        segment: 16 << 10,
        ..small()
    };
    let mut rig = Rig::open(&memory, settings).expect("opens");
    let id = rig.ledger(&budget("b", "1000000", Window::Total));
    for step in 0..50_000 {
        if step % 50 == 0 {
            rig.turn();
        }
        let call = rig.reserve(&[id], usd("0.01")).expect("fits");
        call.settle(bill(usd("0.01")));
        rig.now += Duration::from_micros(100);
    }
    rig.turn();
    assert!(memory.size() < 4 * 24 * 1024, "{} bytes", memory.size());
    let verified = verify::verify_disk(&memory, |_, _| ()).expect("reads");
    assert!(verified.ok, "{verified:?}");
    assert_eq!(verified.budgets[0].recomputed, usd("500"));
}

#[test]
fn every_snapshot_agrees_with_a_second_reading_of_the_entries_before_it() {
    for seed in 0..50 {
        let memory = Memory::default();
        let mut rig = Rig::open(&memory, small()).expect("opens");
        live(&mut rig, seed, 400);
        rig.turn();
        let verified = verify::verify_disk(&memory, |_, _| ()).expect("reads");
        assert!(verified.ok, "seed {seed}: {verified:?}");
    }
}
