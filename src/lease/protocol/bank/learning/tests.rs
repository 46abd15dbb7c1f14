use super::*;
use crate::lease::protocol::bank::tests::{LEAF, bank, begun, books, secs, sync, usd};
use crate::lease::protocol::message::Answer;
use crate::lease::protocol::terms::Terms;

const BELOW: u64 = 1 << 40;

/// A bank that begins with the books of this one, which are old.
fn restored(mut before: Bank, terms: Terms) -> Bank {
    let mut bank = Bank::restore(terms, before.take_rows(), 1);
    let books = SetBack {
        below: BELOW,
        is_open: false,
        has_begun: false,
        longest: Duration::ZERO,
    };
    bank.set_back(books, secs(1));
    bank
}

/// Another process of this gateway, on this disk, tells that it has nothing to tell.
fn tells_all(bank: &mut Bank, router: u128, disk: u128) {
    begun(bank, RouterId(router), DiskId(disk), 2);
    let process = bank.router(RouterId(router)).expect("known");
    let word = Sync {
        incarnation: process.incarnation,
        ..sync(router, 1)
    };
    let answer = bank.sync(&word, secs(2)).expect("an answer");
    assert!(matches!(answer, Answer::Synced(_)), "{answer:?}");
}

fn unheard(bank: &Bank) -> Vec<RouterId> {
    bank.restoring(secs(3)).expect("it waits").unheard
}

/// A process that the books do not know tells of a lease that they do not know.
fn forgotten(leaf: LeafId, incarnation: u64) -> Sync {
    let fence = 77;
    let line = Line {
        lease: LeaseId::new(fence, leaf),
        fence,
        settled: usd(30),
        returned: Money::ZERO,
        reserved: usd(5),
        overrun: Money::ZERO,
        closing: false,
        usage: Vec::new(),
    };
    Sync {
        incarnation,
        leases: vec![line],
        ..sync(1, 9)
    }
}

#[test]
fn a_gateway_enrolled_since_the_backup_is_waited_for() {
    let mut bank = restored(bank(usd(100)), Terms::default());
    tells_all(&mut bank, 1, 1);
    assert_eq!(unheard(&bank), [RouterId(2)]);
    tells_all(&mut bank, 2, 1);
    assert_eq!(unheard(&bank), []);
    assert!(bank.open_again(&[], false, secs(3)).is_err());
    let until = bank.restoring(secs(3)).expect("it waits").until;
    assert!(bank.open_again(&[], false, until).is_err());
    assert_eq!(bank.open_again(&[], false, until + secs(1)), Ok(()));
}

#[test]
fn where_none_was_enrolled_since_it_is_enough_that_all_have_told() {
    let mut bank = restored(bank(usd(100)), Terms::default());
    assert!(bank.open_again(&[], true, secs(3)).is_err());
    tells_all(&mut bank, 1, 1);
    tells_all(&mut bank, 2, 1);
    assert_eq!(bank.open_again(&[], true, secs(3)), Ok(()));
}

#[test]
fn of_several_disks_one_does_not_speak_for_the_other() {
    let mut before = bank(usd(100));
    begun(&mut before, RouterId(2), DiskId(2), 1);
    let mut bank = restored(before, Terms::default());
    tells_all(&mut bank, 1, 1);
    tells_all(&mut bank, 2, 2);
    assert_eq!(unheard(&bank), [RouterId(2)]);
}

#[test]
fn where_copies_are_feared_only_time_opens_it() {
    let terms = Terms {
        clone_safe: true,
        ..Terms::default()
    };
    let mut bank = restored(bank(usd(100)), terms);
    tells_all(&mut bank, 1, 1);
    tells_all(&mut bank, 2, 1);
    assert!(bank.open_again(&[], true, secs(3)).is_err());
}

#[test]
fn a_forgotten_lease_is_taken_over_from_a_process_that_can_have_been_and_no_other() {
    let mut bank = restored(bank(usd(100)), Terms::default());
    let before = books(&bank);
    bank.sync(&forgotten(LEAF, u64::MAX), secs(2))
        .expect("an answer");
    assert_eq!(books(&bank), before);
    assert!(bank.lease(LeaseId::new(77, LEAF)).is_none());
    begun(&mut bank, RouterId(1), DiskId(1), 2);
    bank.sync(&forgotten(LEAF, 1), secs(2)).expect("an answer");
    assert_eq!(books(&bank), (usd(30), usd(5), Money::ZERO));
}

#[test]
fn what_is_told_of_a_key_made_since_is_kept_and_in_no_budget() {
    let mut bank = restored(bank(usd(100)), Terms::default());
    begun(&mut bank, RouterId(1), DiskId(1), 2);
    bank.sync(&forgotten(LeafId(9), 1), secs(2))
        .expect("an answer");
    assert_eq!(books(&bank), (Money::ZERO, Money::ZERO, Money::ZERO));
    let waits = bank.restoring(secs(3)).expect("it waits");
    assert_eq!(waits.unattributed, usd(35));
    assert!(bank.is_killed(LeafId(9)), "nobody spends by it");
}

#[test]
fn a_lease_of_the_first_numbers_names_no_leaf_and_is_not_taken_over() {
    let mut bank = restored(bank(usd(100)), Terms::default());
    begun(&mut bank, RouterId(1), DiskId(1), 2);
    let mut word = forgotten(LEAF, 1);
    for line in &mut word.leases {
        (line.lease, line.fence) = (LeaseId(1), 0);
    }
    bank.sync(&word, secs(2)).expect("an answer");
    assert_eq!(books(&bank), (Money::ZERO, Money::ZERO, Money::ZERO));
}

#[test]
fn a_gateway_that_the_books_have_forgotten_begins_beyond_its_old_numbers() {
    let mut bank = restored(bank(usd(100)), Terms::default());
    bank.enrol(RouterId(5));
    begun(&mut bank, RouterId(5), DiskId(1), 1);
    let router = bank.router(RouterId(5)).expect("known");
    assert!(router.incarnation > BELOW);
}

#[test]
fn a_bank_read_back_waits_no_longer_and_forgets_who_was_heard() {
    let mut before = restored(bank(usd(100)), Terms::default());
    tells_all(&mut before, 1, 1);
    let until = before.restoring(secs(3)).expect("it waits").until;
    let mut again = restored(bank(usd(100)), Terms::default());
    again.wait_like(&before);
    let waits = again.restoring(secs(3)).expect("it waits");
    assert_eq!((waits.until, waits.unheard.len()), (until, 2));
}
