#![expect(clippy::arithmetic_side_effects, reason = "amounts of tests are small")]

mod lending;
mod reference;

use super::*;
use crate::lease::protocol::Holder;
use crate::lease::protocol::message::{DiskId, Final, Grant, Line, Reason, Sync, Synced, Want};

pub(super) const ROOT: AccountId = AccountId {
    budget: 0,
    period: 0,
};
pub(super) const LEAF: LeafId = LeafId(1);

pub(super) fn usd(cents: i64) -> Money {
    Money::from_nanos(cents * 10_000_000)
}

pub(super) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A bank with one account of this much, and two gateways that were given a number.
pub(super) fn bank(limit: Money) -> Bank {
    let mut bank = Bank::new(Terms::default());
    bank.set_account(ROOT, limit, true);
    bank.set_leaf(LEAF, [ROOT]);
    for router in [RouterId(1), RouterId(2)] {
        bank.enrol(router);
        begun(&mut bank, router, DiskId(1), 1);
    }
    bank
}

/// A process of a gateway is given its number.
pub(super) fn begun(bank: &mut Bank, router: RouterId, disk: DiskId, start: u64) {
    let hello = Hello {
        router,
        disk,
        start,
    };
    bank.hello(&hello).expect("enrolled");
}

pub(super) fn sync(router: u128, seq: u64) -> Sync {
    Sync {
        router: RouterId(router),
        incarnation: 1,
        seq,
        leases: Vec::new(),
        wants: Vec::new(),
        finals: Vec::new(),
    }
}

pub(super) fn wanting(router: u128, seq: u64, need: Money) -> Sync {
    let rate = Money::ZERO;
    Sync {
        wants: vec![Want {
            leaf: LEAF,
            need,
            rate,
        }],
        ..sync(router, seq)
    }
}

pub(super) fn line(grant: &Grant, settled: Money, returned: Money) -> Line {
    Line {
        lease: grant.lease,
        fence: grant.fence,
        settled,
        returned,
        reserved: Money::ZERO,
        overrun: Money::ZERO,
        closing: false,
        usage: Vec::new(),
    }
}

pub(super) fn telling(router: u128, seq: u64, line: Line) -> Sync {
    Sync {
        leases: vec![line],
        ..sync(router, seq)
    }
}

fn heard(bank: &mut Bank, sync: &Sync) -> Synced {
    match bank.sync(sync, secs(1)).expect("an answer") {
        Answer::Synced(synced) => synced,
        other => panic!("{other:?}"),
    }
}

pub(super) fn lent(bank: &mut Bank, router: u128, need: Money) -> Grant {
    let synced = heard(bank, &wanting(router, 1, need));
    synced.grants.first().copied().expect("money")
}

/// What the root holds: spent, held, uncertain.
pub(super) fn books(bank: &Bank) -> (Money, Money, Money) {
    let root = bank.account(ROOT).expect("the root");
    assert!(root.is_sound(), "{root:?}");
    (root.spent, root.held, root.uncertain)
}

#[test]
fn of_anothers_lease_nothing_is_believed() {
    let mut bank = bank(usd(1_000));
    let grant = lent(&mut bank, 1, usd(40));
    let before = books(&bank);
    let all = line(&grant, grant.granted, Money::ZERO);
    heard(
        &mut bank,
        &telling(
            2,
            1,
            Line {
                closing: true,
                ..all.clone()
            },
        ),
    );
    let word = Final {
        lease: grant.lease,
        settled: Money::ZERO,
        in_flight: Money::ZERO,
        overrun: Money::ZERO,
        uncertain: Money::ZERO,
    };
    let stolen = Sync {
        finals: vec![word],
        ..sync(2, 2)
    };
    heard(&mut bank, &stolen);
    let forged = Line { fence: 99, ..all };
    heard(&mut bank, &telling(1, 2, forged));
    assert_eq!(books(&bank), before);
}

#[test]
fn amounts_that_cannot_be_change_nothing() {
    let mut bank = bank(usd(1_000));
    let grant = lent(&mut bank, 1, usd(40));
    let before = books(&bank);
    for amount in [usd(-1), Money::from_nanos(i64::MIN), Money::MAX] {
        let lines = [
            line(&grant, amount, Money::ZERO),
            line(&grant, Money::ZERO, amount),
            Line {
                overrun: amount,
                ..line(&grant, Money::ZERO, Money::ZERO)
            },
        ];
        for line in lines {
            let said = bank.sync(&telling(1, 2, line), secs(2));
            assert!(matches!(said, Err(BankError::Amount { .. })), "{said:?}");
        }
    }
    assert_eq!(books(&bank), before);
}

#[test]
fn a_sync_is_answered_once_and_the_same_again() {
    let mut bank = bank(usd(1_000));
    let first = wanting(1, 1, usd(40));
    let answer = bank.sync(&first, secs(1));
    assert_eq!(bank.sync(&first, secs(9)), answer);
    let other = wanting(1, 1, usd(41));
    assert_eq!(
        bank.sync(&other, secs(9)),
        Err(BankError::Conflict { seq: 1 })
    );
    heard(&mut bank, &sync(1, 3));
    let stale = Err(BankError::Stale { seq: 2, last: 3 });
    assert_eq!(bank.sync(&sync(1, 2), secs(9)), stale);
}

#[test]
fn what_was_closed_gives_back_once() {
    let mut bank = bank(usd(1_000));
    let grant = lent(&mut bank, 1, usd(40));
    let told = line(&grant, usd(10), Money::ZERO);
    let closing = Line {
        returned: grant.granted.minus(usd(10)),
        closing: true,
        ..told
    };
    heard(&mut bank, &telling(1, 2, closing.clone()));
    assert_eq!(books(&bank), (usd(10), usd(0), usd(0)));
    heard(&mut bank, &telling(1, 3, closing));
    heard(
        &mut bank,
        &telling(1, 4, line(&grant, usd(5), grant.granted)),
    );
    assert_eq!(books(&bank), (usd(10), usd(0), usd(0)));
}

#[test]
fn what_is_charged_beyond_a_lease_is_booked_and_known_for_it() {
    let mut bank = bank(usd(1_000));
    let grant = lent(&mut bank, 1, usd(40));
    let over = grant.granted.plus(usd(7));
    heard(&mut bank, &telling(1, 2, line(&grant, over, Money::ZERO)));
    heard(&mut bank, &telling(1, 3, line(&grant, over, Money::ZERO)));
    assert_eq!(books(&bank), (over, usd(0), usd(0)));
    let root = bank.account(ROOT).expect("the root");
    assert_eq!(root.overrun, usd(7));
}

#[test]
fn silence_is_presumed_to_have_spent() {
    let mut bank = bank(usd(1_000));
    let grant = lent(&mut bank, 1, usd(40));
    bank.tick(secs(3 * 3600));
    bank.tick(secs(3 * 3600 + 1));
    assert_eq!(books(&bank), (usd(0), usd(0), grant.granted));
    // It was only cut off.
    let told = line(&grant, usd(12), grant.granted.minus(usd(12)));
    heard(
        &mut bank,
        &telling(
            1,
            2,
            Line {
                closing: true,
                ..told
            },
        ),
    );
    assert_eq!(books(&bank), (usd(12), usd(0), usd(0)));
}

#[test]
fn a_process_that_was_replaced_gets_no_money_and_is_believed() {
    let mut bank = bank(usd(1_000));
    let grant = lent(&mut bank, 1, usd(40));
    begun(&mut bank, RouterId(1), DiskId(1), 2);
    let told = Sync {
        leases: vec![line(&grant, usd(15), Money::ZERO)],
        ..wanting(1, 2, usd(40))
    };
    let fenced = Answer::Fenced {
        incarnation: 1,
        seq: 2,
    };
    assert_eq!(bank.sync(&told, secs(2)), Ok(fenced));
    assert_eq!(books(&bank).0, usd(15));
    let old = Hello {
        router: RouterId(1),
        disk: DiskId(1),
        start: 1,
    };
    assert!(matches!(bank.hello(&old), Err(BankError::OldStart { .. })));
}

#[test]
fn what_a_process_that_was_replaced_says_last_is_not_taken_for_told_by_an_answer_to_an_earlier_sync()
 {
    let mut bank = bank(usd(1_000));
    let mut holder = Holder::new(RouterId(1), DiskId(1), 1, Vec::new());
    let welcome = Answer::Welcome {
        disk: DiskId(1),
        start: 1,
        incarnation: 1,
    };
    holder.heard(&welcome, secs(0));
    let _ = holder.reserve(LEAF, usd(1), secs(0));
    let says = |bank: &mut Bank, holder: &mut Holder| {
        let sync = holder.sync(secs(1)).expect("it has a number");
        bank.sync(&sync, secs(1)).expect("known")
    };
    let lent = says(&mut bank, &mut holder);
    holder.heard(&lent, secs(1));
    begun(&mut bank, RouterId(1), DiskId(1), 2);
    let fenced = says(&mut bank, &mut holder);
    holder.heard(&fenced, secs(1));
    // It says that its lease is over; the first answer comes once more before that is heard.
    let _lost = holder.sync(secs(1));
    holder.heard(&fenced, secs(1));
    assert!(!holder.is_empty(), "the bank does not know yet");
    let fenced = says(&mut bank, &mut holder);
    holder.heard(&fenced, secs(1));
    assert!(holder.is_empty());
    assert_eq!(books(&bank).1, Money::ZERO);
}

#[test]
fn a_lease_that_never_arrived_comes_back_from_the_disk_that_would_name_it() {
    for (disk, freed) in [(DiskId(1), true), (DiskId(2), false)] {
        let mut bank = bank(usd(1_000));
        let granted = lent(&mut bank, 1, usd(40)).granted;
        begun(&mut bank, RouterId(1), disk, 9);
        let next = Sync {
            incarnation: 2,
            ..sync(1, 1)
        };
        heard(&mut bank, &next);
        bank.tick(secs(3 * 3600));
        bank.tick(secs(3 * 3600 + 1));
        let uncertain = if freed { Money::ZERO } else { granted };
        assert_eq!(books(&bank), (usd(0), usd(0), uncertain), "{disk:?}");
    }
}

#[test]
fn a_lease_that_was_heard_of_is_not_taken_for_one_that_never_arrived() {
    let mut bank = bank(usd(1_000));
    let grant = lent(&mut bank, 1, usd(40));
    let under_way = Line {
        reserved: usd(5),
        ..line(&grant, Money::ZERO, Money::ZERO)
    };
    heard(&mut bank, &telling(1, 2, under_way));
    // A disk set back to an older state names nothing.
    begun(&mut bank, RouterId(1), DiskId(1), 2);
    let next = Sync {
        incarnation: 2,
        ..sync(1, 1)
    };
    heard(&mut bank, &next);
    bank.tick(secs(3 * 3600));
    bank.tick(secs(3 * 3600 + 1));
    assert_eq!(books(&bank), (usd(0), usd(0), grant.granted));
}

#[test]
fn a_process_on_a_new_disk_is_a_new_process_whatever_it_counts() {
    let mut bank = bank(usd(1_000));
    let hello = |disk, start| Hello {
        router: RouterId(1),
        disk: DiskId(disk),
        start,
    };
    let number = |bank: &mut Bank, hello: &Hello| match bank.hello(hello) {
        Ok(Answer::Welcome { incarnation, .. }) => Some(incarnation),
        _ => None,
    };
    assert_eq!(number(&mut bank, &hello(1, 1)), Some(1), "said again");
    assert_eq!(number(&mut bank, &hello(2, 1)), Some(2), "another disk");
    assert_eq!(number(&mut bank, &hello(2, 1)), Some(2), "said again");
    assert_eq!(number(&mut bank, &hello(1, 1)), None, "on its way for long");
    assert_eq!(
        number(&mut bank, &hello(1, 2)),
        Some(3),
        "the old disk is back"
    );
}

#[test]
fn a_last_word_counts_the_same_before_and_after_a_late_line() {
    let word = |grant: &Grant| Final {
        lease: grant.lease,
        settled: usd(6),
        in_flight: usd(4),
        overrun: Money::ZERO,
        uncertain: usd(0),
    };
    let mut sums = Vec::new();
    for late_first in [true, false] {
        let mut bank = bank(usd(1_000));
        let grant = lent(&mut bank, 1, usd(40));
        begun(&mut bank, RouterId(1), DiskId(1), 2);
        let late = telling(1, 2, line(&grant, usd(8), Money::ZERO));
        let last = Sync {
            incarnation: 2,
            finals: vec![word(&grant)],
            ..sync(1, 1)
        };
        let both = if late_first {
            [&late, &last]
        } else {
            [&last, &late]
        };
        for sync in both {
            bank.sync(sync, secs(1)).expect("an answer");
        }
        let (spent, _, uncertain) = books(&bank);
        sums.push((spent, uncertain));
    }
    assert_eq!(sums, [(usd(8), usd(2)), (usd(8), usd(2))]);
}

#[test]
fn money_lent_after_a_breach_covers_it_once() {
    let mut bank = bank(usd(1_000));
    let grant = lent(&mut bank, 1, usd(40));
    let over = grant.granted.plus(usd(7));
    heard(&mut bank, &telling(1, 2, line(&grant, over, Money::ZERO)));
    let more = Sync {
        leases: vec![line(&grant, over, Money::ZERO)],
        ..wanting(1, 3, usd(10))
    };
    let topped_up = heard(&mut bank, &more).grants.first().copied();
    let topped_up = topped_up.expect("money");
    assert!(topped_up.granted > grant.granted, "{topped_up:?}");
    heard(
        &mut bank,
        &telling(1, 4, line(&topped_up, over, Money::ZERO)),
    );
    assert_eq!(books(&bank).0, over);
    assert_eq!(bank.account(ROOT).expect("the root").overrun, Money::ZERO);
}

#[test]
fn who_cannot_help_is_not_asked_to_give_back() {
    let mut bank = bank(usd(1_000));
    let team = AccountId {
        budget: 5,
        period: 0,
    };
    bank.set_account(team, usd(10), true);
    bank.set_leaf(LeafId(2), [team, ROOT]);
    let other = lent(&mut bank, 1, usd(40));
    let mut dear = wanting(2, 1, usd(11));
    for want in &mut dear.wants {
        want.leaf = LeafId(2);
    }
    let denied = heard(&mut bank, &dear);
    let reasons: Vec<Reason> = denied.denies.iter().map(|deny| deny.reason).collect();
    assert_eq!(
        reasons,
        [Reason::Exhausted],
        "the team has ten and nobody holds more of it"
    );
    assert!(!bank.lease(other.lease).expect("a lease").recalled);
}

#[test]
fn what_one_sync_lends_it_does_not_take_back() {
    let mut bank = bank(usd(8));
    bank.set_leaf(LeafId(2), [ROOT]);
    let mut both = wanting(1, 1, usd(5));
    both.wants.push(Want {
        leaf: LeafId(2),
        need: usd(10),
        rate: Money::ZERO,
    });
    let synced = heard(&mut bank, &both);
    assert_eq!(
        synced
            .grants
            .iter()
            .map(|grant| grant.keep)
            .collect::<Vec<_>>(),
        [None]
    );
}

#[test]
fn an_absurd_want_is_denied_and_the_rest_of_its_sync_is_heard() {
    let mut bank = bank(usd(1_000));
    for (seq, need) in (1..).zip([
        Money::MAX,
        Money::from_nanos(i64::MAX - 1),
        usd(-4),
        Money::ZERO,
    ]) {
        let synced = heard(&mut bank, &wanting(1, seq, need));
        assert_eq!(synced.denies.len(), 1, "{need}");
    }
}

#[test]
fn near_the_end_each_call_gets_what_it_needs_and_idle_money_is_asked_back() {
    let mut bank = bank(usd(100));
    let first = lent(&mut bank, 1, usd(60));
    assert!(first.granted >= usd(60));
    let left = bank.account(ROOT).expect("the root").free();
    let denied = heard(&mut bank, &wanting(2, 1, left.plus(usd(1))));
    assert_eq!(
        denied.denies.first().map(|deny| deny.reason),
        Some(Reason::Recalling)
    );
    // Asked once, and the same answer says so again if it got lost.
    let told = telling(1, 2, line(&first, Money::ZERO, Money::ZERO));
    for _ in 0..2 {
        let asked = heard(&mut bank, &told);
        assert_eq!(
            asked.grants.first().and_then(|grant| grant.keep),
            Some(Money::ZERO)
        );
    }
    let returned = line(&first, Money::ZERO, first.granted);
    let after = heard(&mut bank, &telling(1, 3, returned));
    assert_eq!(after.grants.first().and_then(|grant| grant.keep), None);
    let served = heard(&mut bank, &wanting(2, 2, left.plus(usd(1))));
    assert!(served.denies.is_empty(), "{served:?}");
    assert_eq!(books(&bank).1, left.plus(usd(1)));
}

#[test]
fn no_more_is_outstanding_than_the_terms_say() {
    let mut bank = bank(usd(1_000_000));
    for seq in 1..200 {
        let mut greedy = wanting(1, seq, usd(40));
        for want in &mut greedy.wants {
            want.rate = usd(100_000_000);
        }
        heard(&mut bank, &greedy);
        let (_, held, _) = books(&bank);
        let most = usd(1_000_000).percent(5).plus(usd(40).times(200));
        assert!(held <= most, "{held} after {seq}");
    }
}

#[test]
fn a_leaf_whose_switch_was_pulled_gets_nothing() {
    let mut bank = bank(usd(1_000));
    lent(&mut bank, 1, usd(40));
    bank.kill(LEAF, true);
    let synced = heard(&mut bank, &wanting(1, 2, usd(40)));
    assert_eq!(synced.grants, Vec::new());
    let reasons: Vec<Reason> = synced.denies.iter().map(|deny| deny.reason).collect();
    assert_eq!(reasons, [Reason::Killed]);
}

#[test]
fn a_lease_whose_holder_never_heard_of_it_comes_back_when_it_has_ended() {
    let mut bank = bank(usd(1_000));
    let lost = lent(&mut bank, 1, usd(40));
    // The holder goes on without it; as long as it is good, an answer may still tell.
    heard(&mut bank, &sync(1, 2));
    assert_eq!(books(&bank), (Money::ZERO, lost.granted, Money::ZERO));
    bank.tick(secs(3_600));
    bank.tick(secs(7_200));
    assert_eq!(books(&bank), (Money::ZERO, Money::ZERO, lost.granted));
    heard(&mut bank, &sync(1, 3));
    assert_eq!(books(&bank), (Money::ZERO, Money::ZERO, Money::ZERO));
    // One that was spent from is another matter.
    let used = lent_again(&mut bank, 4);
    heard(&mut bank, &telling(1, 5, line(&used, usd(1), Money::ZERO)));
    bank.tick(secs(14_400));
    bank.tick(secs(18_000));
    heard(&mut bank, &sync(1, 6));
    assert_eq!(books(&bank).2, used.granted.minus(usd(1)));
}

fn lent_again(bank: &mut Bank, seq: u64) -> Grant {
    let synced = heard(bank, &wanting(1, seq, usd(40)));
    synced.grants.first().copied().expect("money")
}
