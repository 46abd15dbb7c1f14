#![expect(clippy::arithmetic_side_effects, reason = "amounts of tests are small")]

use super::*;
use crate::lease::protocol::bank::BankError;
use crate::lease::protocol::bank::tests::{LEAF, ROOT, bank, begun, lent, line, secs, sync, usd};
use crate::lease::protocol::message::{DiskId, Final, RouterId, Sync};

fn usage(model: &str, calls: u64, cost: Money) -> Usage {
    Usage {
        model: model.into(),
        input: 100 * calls,
        output: 10 * calls,
        calls,
        cost,
    }
}

fn telling(router: u128, seq: u64, line: &Line, usage: &[Usage]) -> Sync {
    let line = Line {
        usage: usage.to_vec(),
        ..line.clone()
    };
    Sync {
        leases: vec![line],
        ..sync(router, seq)
    }
}

/// What a sync brought to be summed up.
fn heard(bank: &mut Bank, sync: &Sync) -> Vec<Usage> {
    bank.sync(sync, secs(2)).expect("an answer");
    let used = bank.take_rows().used;
    assert!(used.iter().all(|used| used.leaf == LEAF));
    used.into_iter().map(|used| used.usage).collect()
}

fn known(bank: &Bank) -> Vec<Usage> {
    bank.usage().flat_map(|(_, lines)| lines).cloned().collect()
}

#[test]
fn each_call_is_summed_up_once_whatever_comes_twice_or_late() {
    let mut bank = bank(usd(1_000));
    let grant = lent(&mut bank, 1, usd(40));
    let told = line(&grant, usd(10), Money::ZERO);
    let first = telling(1, 2, &told, &[usage("small", 2, usd(10))]);
    assert_eq!(heard(&mut bank, &first), [usage("small", 2, usd(10))]);
    assert_eq!(heard(&mut bank, &first), [], "the same again");
    let more = line(&grant, usd(16), Money::ZERO);
    let lines = [usage("small", 3, usd(12)), usage("large", 1, usd(4))];
    let second = telling(1, 3, &more, &lines);
    let grown = [usage("small", 1, usd(2)), usage("large", 1, usd(4))];
    assert_eq!(heard(&mut bank, &second), grown);
    // Facts are heard of a sync that is too old to be answered.
    let late = bank.sync(&first, secs(3));
    assert!(matches!(late, Err(BankError::Stale { .. })), "{late:?}");
    assert_eq!(bank.take_rows().used, []);
    let closing = Line {
        closing: true,
        ..line(&grant, usd(17), Money::ZERO)
    };
    let last = telling(1, 4, &closing, &[usage("large", 2, usd(5))]);
    assert_eq!(heard(&mut bank, &last), [usage("large", 1, usd(1))]);
    assert_eq!(known(&bank), [], "a lease that is closed is summed up");
    for (seq, mut sync) in (5..).zip([first, second, last]) {
        sync.seq = seq;
        assert_eq!(heard(&mut bank, &sync), [], "{seq}: late");
    }
}

#[test]
fn a_bank_that_comes_after_knows_what_was_summed_up() {
    let mut before = bank(usd(1_000));
    let grant = lent(&mut before, 1, usd(40));
    let told = line(&grant, usd(10), Money::ZERO);
    let sync = telling(1, 2, &told, &[usage("small", 2, usd(10))]);
    before.sync(&sync, secs(2)).expect("an answer");
    let rows = before.take_rows();
    let mut after = Bank::restore(before.terms, rows, 1);
    assert_eq!(heard(&mut after, &sync), []);
    assert_eq!(known(&after), [usage("small", 2, usd(10))]);
}

#[test]
fn a_gateway_names_no_more_than_it_spent_and_nothing_of_anothers() {
    let mut bank = bank(usd(1_000));
    let grant = lent(&mut bank, 1, usd(40));
    let told = line(&grant, usd(10), Money::ZERO);
    let lie = [usage("small", 1, usd(900)), usage("large", 1, usd(900))];
    let cut = [usage("small", 1, usd(10)), usage("large", 1, Money::ZERO)];
    let stolen = telling(2, 1, &told, &lie);
    assert_eq!(heard(&mut bank, &stolen), []);
    let forged = Line {
        fence: 99,
        ..told.clone()
    };
    assert_eq!(heard(&mut bank, &telling(1, 2, &forged, &lie)), []);
    assert_eq!(heard(&mut bank, &telling(1, 3, &told, &lie)), cut);
    // Less than before is no less.
    let less = [usage("small", 0, usd(1))];
    assert_eq!(heard(&mut bank, &telling(1, 4, &told, &less)), []);
    let root = bank.account(ROOT).expect("the root");
    assert_eq!(root.spent, usd(10));
}

#[test]
fn a_cost_that_cannot_be_refuses_the_sync_like_any_amount() {
    let mut bank = bank(usd(1_000));
    let grant = lent(&mut bank, 1, usd(40));
    let told = line(&grant, usd(10), Money::ZERO);
    for cost in [usd(-1), Money::from_nanos(i64::MIN), Money::MAX] {
        let sync = telling(1, 2, &told, &[usage("small", 1, cost)]);
        let said = bank.sync(&sync, secs(2));
        assert!(matches!(said, Err(BankError::Amount { .. })), "{said:?}");
    }
    assert_eq!(known(&bank), []);
}

#[test]
fn what_a_process_had_not_told_when_it_died_has_no_model() {
    let mut bank = bank(usd(1_000));
    let grant = lent(&mut bank, 1, usd(40));
    let told = line(&grant, usd(10), Money::ZERO);
    let lines = [usage("small", 1, usd(10))];
    assert_eq!(heard(&mut bank, &telling(1, 2, &told, &lines)), lines);
    begun(&mut bank, RouterId(1), DiskId(1), 2);
    let word = Final {
        lease: grant.lease,
        settled: usd(15),
        in_flight: Money::ZERO,
        overrun: Money::ZERO,
        uncertain: Money::ZERO,
    };
    let next = Sync {
        incarnation: 2,
        finals: vec![word],
        ..sync(1, 1)
    };
    assert_eq!(heard(&mut bank, &next), []);
    let root = bank.account(ROOT).expect("the root");
    assert_eq!(root.spent, usd(15), "and is spent all the same");
}

#[test]
fn books_that_were_set_back_learn_what_a_lease_was_for_at_its_end() {
    let mut before = bank(usd(1_000));
    let grant = lent(&mut before, 1, usd(40));
    let mut backup = Bank::restore(before.terms, before.take_rows(), 1);
    let told = line(&grant, usd(10), Money::ZERO);
    let lines = [usage("small", 2, usd(10))];
    assert_eq!(heard(&mut before, &telling(1, 2, &told, &lines)), lines);
    // The books are set back. The gateway takes it for known, and tells of the money alone until the lease ends.
    assert_eq!(heard(&mut backup, &telling(1, 3, &told, &[])), []);
    let closing = Line {
        closing: true,
        ..told
    };
    assert_eq!(heard(&mut backup, &telling(1, 4, &closing, &lines)), lines);
}
