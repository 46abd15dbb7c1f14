//! Tests: how budgets are lent that have a say of their own, and what is asked back when they shrink.

use super::{LEAF, ROOT, bank, heard, lent, line, secs, telling, usd, wanting};
use crate::lease::protocol::bank::*;

#[test]
fn a_limit_lowered_below_what_is_lent_calls_back_what_nobody_uses() {
    let mut bank = bank(usd(1_000));
    let grant = lent(&mut bank, 1, usd(40));
    let lease = |bank: &Bank| bank.lease(grant.lease).expect("a lease").clone();
    bank.set_account(ROOT, usd(500), true);
    assert!(!lease(&bank).recalled, "there is enough for all");
    bank.set_account(ROOT, usd(10), true);
    assert!(lease(&bank).recalled);
    let over = bank.account(ROOT).expect("the root").overcommit;
    assert_eq!(over, grant.granted.minus(usd(10)));
    let told = heard(&mut bank, &telling(1, 2, line(&grant, usd(5), Money::ZERO)));
    let keep: Vec<_> = told.grants.iter().map(|grant| grant.keep).collect();
    assert_eq!(keep, [Some(Money::ZERO)]);
    assert!(!lease(&bank).recalled, "it is asked once");
    let idle = grant.granted.minus(usd(5));
    heard(&mut bank, &telling(1, 3, line(&grant, usd(5), idle)));
    let root = bank.account(ROOT).expect("the root");
    assert_eq!(
        (root.spent, root.held, root.overcommit),
        (usd(5), Money::ZERO, Money::ZERO)
    );
    // A limit that does not bind is never short.
    bank.set_account(ROOT, usd(1), false);
    assert!(!lease(&bank).recalled);
}

#[test]
fn a_budget_is_lent_as_it_says_and_by_the_strictest_on_the_way() {
    let mut bank = bank(usd(100_000));
    let team = AccountId {
        budget: 5,
        period: 0,
    };
    bank.set_account(team, usd(100_000), true);
    bank.set_leaf(LEAF, [team, ROOT]);
    let terms = Terms::default();
    let wide = Lending {
        horizon: Some(secs(3_600)),
        outstanding: Some(25),
        ..Lending::default()
    };
    let close = Lending {
        valid_for: Some(secs(30)),
        ..Lending::default()
    };
    let none = Lending::default();
    let minute = usd(100);
    let mut ask = |seq, team_says: Lending, root_says: Lending| {
        bank.set_lending(team, team_says);
        bank.set_lending(ROOT, root_says);
        let mut wanting = wanting(1, seq, usd(1));
        for want in &mut wanting.wants {
            want.rate = minute;
        }
        let before = bank.account(ROOT).expect("the root").held;
        let told = heard(&mut bank, &wanting);
        let grant = told.grants.first().expect("a grant");
        let held = bank.account(ROOT).expect("the root").held;
        (held.minus(before), grant.valid_for)
    };
    assert_eq!(ask(1, none, none), (minute, terms.valid_for));
    // An hour of spending, if the root had not a twentieth of its own to lend at most.
    let (lent, valid_for) = ask(2, wide, none);
    assert_eq!(
        (lent, valid_for),
        (usd(5_000).minus(minute), terms.valid_for)
    );
    let (lent, _) = ask(3, wide, wide);
    assert_eq!(lent, usd(6_000), "an hour of spending");
    let (_, valid_for) = ask(4, wide, close);
    assert_eq!(valid_for, secs(30));
    let longer = Lending {
        valid_for: Some(secs(36_000)),
        ..wide
    };
    let (_, valid_for) = ask(5, longer, none);
    assert_eq!(
        valid_for, terms.valid_for,
        "never longer than the bank says"
    );
}

#[test]
fn a_time_that_was_given_is_not_taken_back_when_a_budget_is_lent_for_less() {
    let mut bank = bank(usd(1_000));
    let grant = lent(&mut bank, 1, usd(40));
    let until = |bank: &Bank| bank.lease(grant.lease).expect("a lease").drain_until;
    let before = until(&bank);
    let close = Lending {
        valid_for: Some(secs(30)),
        ..Lending::default()
    };
    bank.set_lending(ROOT, close);
    heard(&mut bank, &telling(1, 2, line(&grant, usd(5), Money::ZERO)));
    assert!(until(&bank) >= before, "its holder may still spend it");
}

#[test]
fn a_holder_has_no_more_at_once_than_a_budget_lets_it_unless_a_call_needs_it() {
    let mut bank = bank(usd(100_000));
    bank.set_account(ROOT, Money::ZERO, false);
    let most = Lending {
        floor: Some(usd(500)),
        most: Some(usd(500)),
        ..Lending::default()
    };
    bank.set_lending(ROOT, most);
    let mut held = |seq, need| {
        let mut wanting = wanting(1, seq, need);
        for want in &mut wanting.wants {
            want.rate = usd(10_000);
        }
        heard(&mut bank, &wanting);
        bank.account(ROOT).expect("the root").held
    };
    assert_eq!(held(1, usd(1)), usd(500), "ten thousand a minute or not");
    assert_eq!(held(2, usd(1)), usd(501), "what the call needs");
    assert_eq!(held(3, usd(900)), usd(1_401));
}

#[test]
fn a_gateway_that_spends_for_several_leaves_has_no_more_than_one_amount() {
    let mut bank = bank(usd(100_000));
    bank.set_account(ROOT, Money::ZERO, false);
    bank.set_leaf(LeafId(2), [ROOT]);
    let most = Lending {
        floor: Some(usd(500)),
        most: Some(usd(500)),
        ..Lending::default()
    };
    bank.set_lending(ROOT, most);
    let mut held = |router, seq, leaf| {
        let mut wanting = wanting(router, seq, usd(1));
        for want in &mut wanting.wants {
            want.leaf = leaf;
        }
        heard(&mut bank, &wanting);
        bank.account(ROOT).expect("the root").held
    };
    assert_eq!(held(1, 1, LEAF), usd(500));
    assert_eq!(held(1, 2, LeafId(2)), usd(501), "what the call needs");
    assert_eq!(held(2, 1, LeafId(2)), usd(1_001), "another gateway");
}
