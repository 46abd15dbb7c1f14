//! What the books promise, first by example, then in any interleaving.

#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may panic"
)]

use super::super::{Absent, AccountState, AtLimit, Window};
use super::*;
use crate::clock::Wall;
use crate::governance::identity::{Label, Selector};
use jiff::tz::TimeZone;
use proptest::prelude::*;
use std::time::Duration;

fn usd(text: &str) -> Money {
    text.parse().expect(text)
}

fn at(secs: i64) -> Moment {
    Moment {
        wall: Wall::from_secs(secs),
        since_start: Duration::from_secs(u64::try_from(secs).unwrap_or(0)),
    }
}

fn budget(name: &str, limit: Money, window: Window) -> Arc<Budget> {
    Arc::new(Budget {
        name: name.into(),
        selector: Selector::default(),
        per: None,
        absent: Absent::Share,
        limit,
        window,
        zone: TimeZone::UTC,
        soft: vec![50, 80],
        enforce: true,
        at_limit: AtLimit::Deny,
        carry_over: false,
    })
}

fn open(books: &Books, rule: &Arc<Budget>, now: Moment) -> LedgerId {
    books.open(rule, None, true, now).expect("opens")
}

/// Fetches the entries and makes them durable, as a journal would.
fn commit(books: &Books) -> Vec<Entry> {
    let mut entries = Vec::new();
    books.drain(&mut entries);
    books.durable(&entries);
    entries
}

/// Reserves as the pipeline does: waits for the ceiling and asks again.
fn reserve(
    books: &Arc<Books>,
    scopes: &[LedgerId],
    amount: Money,
    now: Moment,
) -> Result<Reservation, Refused> {
    match books.reserve(scopes, amount, now) {
        Err(Refused::Wait(_)) => {
            commit(books);
            books.reserve(scopes, amount, now)
        }
        other => other,
    }
}

fn bill(cost: Money) -> Bill {
    Bill {
        cost,
        ..Bill::default()
    }
}

#[test]
fn a_call_that_never_left_costs_nothing() {
    let books = Arc::new(Books::new(false));
    let id = open(&books, &budget("b", usd("1"), Window::Day), at(0));
    drop(reserve(&books, &[id], usd("0.40"), at(0)).expect("fits"));
    assert_eq!(books.tightest(&[id]).expect("stands").remaining(), usd("1"));
}

#[test]
fn a_call_that_left_and_was_never_heard_of_costs_its_whole_promise() {
    let books = Arc::new(Books::new(false));
    let id = open(&books, &budget("b", usd("1"), Window::Day), at(0));
    let mut promise = reserve(&books, &[id], usd("0.40"), at(0)).expect("fits");
    promise.dispatch();
    drop(promise);
    let standing = books.tightest(&[id]).expect("stands");
    assert_eq!(
        (standing.spent, standing.uncertain, standing.reserved),
        (usd("0.40"), usd("0.40"), Money::ZERO)
    );
}

#[test]
fn scopes_are_taken_all_or_none_and_the_shortest_is_named() {
    let books = Arc::new(Books::new(false));
    let wide = open(&books, &budget("wide", usd("10"), Window::Day), at(0));
    let narrow = open(&books, &budget("narrow", usd("0.30"), Window::Day), at(0));
    let refused = books
        .reserve(&[wide, narrow], usd("0.40"), at(0))
        .expect_err("does not fit");
    let Refused::Short(standing) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(
        (&*standing.budget, standing.remaining()),
        ("narrow", usd("0.30"))
    );
    assert_eq!(
        books.tightest(&[wide]).expect("stands").reserved,
        Money::ZERO
    );
}

#[test]
fn money_is_not_lent_before_its_ceiling_is_on_the_disk() {
    let books = Arc::new(Books::new(true));
    let id = open(&books, &budget("b", usd("1"), Window::Day), at(0));
    assert!(matches!(
        books.reserve(&[id], usd("0.10"), at(0)),
        Err(Refused::Wait(_))
    ));
    commit(&books);
    let held = books.reserve(&[id], usd("0.10"), at(0)).expect("covered");
    let ceiling = books.state().ledgers[&id].accounts[0].ceiling;
    assert_eq!(ceiling, usd("0.50"), "the call and a chunk of four like it");
    drop(held);
}

#[test]
fn a_trimmed_ledger_loses_nothing_in_a_crash_at_rest() {
    let books = Arc::new(Books::new(true));
    let id = open(&books, &budget("b", usd("1"), Window::Day), at(0));
    reserve(&books, &[id], usd("0.10"), at(0))
        .expect("fits")
        .settle(bill(usd("0.03")));
    let before = books.state().recovered();
    assert_eq!(before.ledgers[&id].accounts[0].uncertain, usd("0.47"));
    books.trim();
    let after = books.state().recovered();
    assert_eq!(after.ledgers[&id].accounts[0].uncertain, Money::ZERO);
    assert_eq!(after.ledgers[&id].accounts[0].spent, usd("0.03"));
}

#[test]
fn a_call_is_charged_to_the_period_it_was_promised_in() {
    let books = Arc::new(Books::new(false));
    let id = open(&books, &budget("b", usd("1"), Window::Day), at(0));
    let late = books.reserve(&[id], usd("0.90"), at(86_399)).expect("fits");
    let next = books
        .reserve(&[id], usd("0.90"), at(86_400))
        .expect("a new day");
    late.settle(bill(usd("0.80")));
    assert_eq!(books.tightest(&[id]).expect("stands").spent, Money::ZERO);
    next.settle(bill(usd("0.10")));
    assert_eq!(books.tightest(&[id]).expect("stands").spent, usd("0.10"));
}

#[test]
fn a_clock_that_jumps_back_opens_no_fresh_period() {
    let books = Arc::new(Books::new(false));
    let id = open(&books, &budget("b", usd("1"), Window::Day), at(0));
    books
        .reserve(&[id], usd("1"), at(86_400))
        .expect("tomorrow")
        .settle(bill(usd("1")));
    assert!(
        books.reserve(&[id], usd("0.01"), at(10)).is_err(),
        "yesterday again"
    );
    assert!(
        books.reserve(&[id], usd("0.01"), at(86_400)).is_err(),
        "and tomorrow is spent already"
    );
}

#[test]
fn what_a_period_leaves_is_carried_over_once() {
    let rule = Arc::new(Budget {
        carry_over: true,
        ..(*budget("b", usd("1"), Window::Day)).clone()
    });
    let books = Arc::new(Books::new(false));
    let id = open(&books, &rule, at(0));
    books
        .reserve(&[id], usd("0.30"), at(0))
        .expect("fits")
        .settle(bill(usd("0.30")));
    books
        .reserve(&[id], usd("1.70"), at(86_400))
        .expect("1.00 and 0.70 of yesterday")
        .release();
    assert!(
        books.reserve(&[id], usd("2.01"), at(3 * 86_400)).is_err(),
        "at most one limit, however long the rest"
    );
    assert!(books.reserve(&[id], usd("2.00"), at(3 * 86_400)).is_ok());
}

#[test]
fn an_edited_window_forgives_nothing() {
    let books = Arc::new(Books::new(true));
    let id = open(&books, &budget("b", usd("1"), Window::Total), at(0));
    reserve(&books, &[id], usd("0.90"), at(0))
        .expect("fits")
        .settle(bill(usd("0.90")));
    open(&books, &budget("b", usd("1"), Window::Day), at(0));
    assert_eq!(
        books.tightest(&[id]).expect("stands").remaining(),
        usd("0.10")
    );
    assert!(
        reserve(&books, &[id], usd("0.90"), at(86_400)).is_ok(),
        "and the day ends as days do"
    );
}

#[test]
fn an_edited_window_forgives_nothing_that_is_in_flight() {
    // 1970-01-01 00:00: the hour, the day and the total begin together.
    for (from, to) in [(Window::Day, Window::Hour), (Window::Hour, Window::Day)] {
        let books = Arc::new(Books::new(true));
        let id = open(&books, &budget("b", usd("1"), from), at(0));
        let held = reserve(&books, &[id], usd("0.60"), at(0)).expect("fits");
        open(&books, &budget("b", usd("1"), to), at(1));
        assert_eq!(
            books.tightest(&[id]).expect("stands").remaining(),
            usd("0.40")
        );
        held.settle(bill(usd("0.50")));
        let standing = books.tightest(&[id]).expect("stands");
        assert_eq!(
            (standing.spent, standing.reserved),
            (usd("0.50"), Money::ZERO)
        );
    }
    // An hour later the new period begins elsewhere: what is in flight counts in both.
    let books = Arc::new(Books::new(true));
    let id = open(&books, &budget("b", usd("1"), Window::Day), at(3600));
    let held = reserve(&books, &[id], usd("0.60"), at(3600)).expect("fits");
    open(&books, &budget("b", usd("1"), Window::Hour), at(3601));
    assert_eq!(
        books.tightest(&[id]).expect("stands").remaining(),
        usd("0.40")
    );
    held.settle(bill(usd("0.50")));
    assert_eq!(books.tightest(&[id]).expect("stands").reserved, Money::ZERO);
    let reserved = books
        .state()
        .ledgers
        .values()
        .flat_map(|l| &l.accounts)
        .map(|a| a.reserved.nanos())
        .sum::<i64>();
    assert_eq!(reserved, 0);
}

#[test]
fn a_clock_that_jumped_ahead_and_came_back_forgets_nobody() {
    let books = Arc::new(Books::new(true));
    let rule = Arc::new(Budget {
        per: Some(Label::Run),
        ..(*budget("b", usd("1"), Window::Day)).clone()
    });
    let id = books.open(&rule, Some("r1"), false, at(0)).expect("opens");
    reserve(&books, &[id], usd("0.90"), at(0))
        .expect("fits")
        .settle(bill(usd("0.90")));
    let other = books
        .open(&rule, Some("r2"), false, at(3 * 86_400))
        .expect("opens");
    drop(reserve(&books, &[other], usd("0.10"), at(3 * 86_400)).expect("fits"));
    books.open(&rule, Some("r3"), false, at(10)).expect("opens");
    books.checkpoint(&mut Vec::new());
    let again = books.open(&rule, Some("r1"), false, at(20)).expect("opens");
    assert_eq!(books.standings_of(&[again], at(20))[0].spent, usd("0.90"));
}

#[test]
fn the_place_of_a_forgotten_ledger_is_used_again() {
    let books = Arc::new(Books::new(true));
    let rule = Arc::new(Budget {
        per: Some(Label::Run),
        ..(*budget("b", usd("1"), Window::Hour)).clone()
    });
    for run in 0..50_i64 {
        let now = at(run * 7200);
        let id = books
            .open(&rule, Some(&run.to_string()), false, now)
            .expect("opens");
        drop(reserve(&books, &[id], usd("0.10"), now).expect("fits"));
        books.checkpoint(&mut Vec::new());
    }
    assert!(
        books.state().next_ledger <= 3,
        "{}",
        books.state().next_ledger
    );
}

#[test]
fn a_lowered_limit_refuses_at_once_and_forgets_nothing() {
    let books = Arc::new(Books::new(false));
    let id = open(&books, &budget("b", usd("1"), Window::Day), at(0));
    books
        .reserve(&[id], usd("0.60"), at(0))
        .expect("fits")
        .settle(bill(usd("0.60")));
    open(&books, &budget("b", usd("0.50"), Window::Day), at(0));
    assert!(books.reserve(&[id], usd("0.01"), at(0)).is_err());
    assert_eq!(books.tightest(&[id]).expect("stands").spent, usd("0.60"));
}

#[test]
fn a_soft_threshold_is_told_when_it_is_crossed_and_only_then() {
    let books = Arc::new(Books::new(false));
    let id = open(&books, &budget("b", usd("1"), Window::Day), at(0));
    let spend = |cost: &str| {
        let crossed = books
            .reserve(&[id], usd(cost), at(0))
            .expect("fits")
            .settle(bill(usd(cost)))
            .crossed;
        crossed
            .iter()
            .map(|standing| standing.soft)
            .collect::<Vec<_>>()
    };
    assert_eq!(spend("0.49"), []);
    assert_eq!(spend("0.01"), [Some(50)]);
    assert_eq!(spend("0.20"), []);
    assert_eq!(spend("0.10"), [Some(80)]);
}

#[test]
fn a_suspended_journal_lends_nothing_until_it_holds_the_state_again() {
    let books = Arc::new(Books::new(true));
    let id = open(&books, &budget("b", usd("1"), Window::Day), at(0));
    let held = reserve(&books, &[id], usd("0.10"), at(0)).expect("fits");
    books.suspend();
    assert_eq!(
        books
            .reserve(&[id], usd("0.10"), at(0))
            .expect_err("suspended"),
        Refused::Suspended
    );
    held.settle(bill(usd("0.05")));
    let (_, state) = books.checkpoint(&mut Vec::new());
    assert_eq!(
        state.ledgers[&id].accounts[0].spent,
        usd("0.05"),
        "settling went on"
    );
    books.resume();
    assert!(books.reserve(&[id], usd("0.10"), at(0)).is_ok());
}

#[test]
fn a_million_tiny_calls_book_the_exact_total() {
    use crate::units::{Price, Tokens};
    let books = Arc::new(Books::new(false));
    let id = open(&books, &budget("b", usd("100"), Window::Total), at(0));
    let price: Price = "0.0375".parse().expect("a price");
    let (mut exact, mut calls) = (0_u128, 0_u128);
    for call in 0..1_000_000_u64 {
        let tokens = Tokens(call % 97 + 1);
        exact += u128::from(tokens.0) * 37_500_000;
        calls += 1;
        let cost = price.of(tokens);
        books
            .reserve(&[id], cost, at(0))
            .expect("fits")
            .settle(bill(cost));
    }
    let booked = u128::try_from(books.tightest(&[id]).expect("stands").spent.nanos())
        .expect("positive")
        * 1_000_000;
    assert!(booked >= exact, "rounded up");
    assert!(
        booked - exact < calls * 1_000_000,
        "by less than a nano-dollar a call"
    );
}

/// One thing that can happen.
#[derive(Debug, Clone)]
enum Step {
    Reserve { scopes: Vec<usize>, nanos: i64 },
    Settle { which: usize, percent: i64 },
    Release { which: usize },
    Expire { which: usize },
    Drop { which: usize, left: bool },
    Advance { secs: i64 },
    Limit { which: usize, nanos: i64 },
    Window { which: usize, window: Window },
    Commit,
    Trim,
}

fn step() -> impl Strategy<Value = Step> {
    let scopes = prop::sample::subsequence(vec![0_usize, 1, 2], 1..=3);
    prop_oneof![
        6 => (scopes, 1..400_i64).prop_map(|(scopes, nanos)| Step::Reserve { scopes, nanos }),
        4 => (any::<usize>(), 0..150_i64).prop_map(|(which, percent)| Step::Settle { which, percent }),
        1 => any::<usize>().prop_map(|which| Step::Release { which }),
        1 => any::<usize>().prop_map(|which| Step::Expire { which }),
        1 => (any::<usize>(), any::<bool>()).prop_map(|(which, left)| Step::Drop { which, left }),
        1 => (-4_000..50_000_i64).prop_map(|secs| Step::Advance { secs }),
        1 => (0..3_usize, 1..2_000_i64).prop_map(|(which, nanos)| Step::Limit { which, nanos }),
        1 => (0..3_usize, prop::sample::select(&Window::ALL[..])).prop_map(|(which, window)| Step::Window { which, window }),
        3 => Just(Step::Commit),
        1 => Just(Step::Trim),
    ]
}

/// The journal as a reader finds it: what each prefix of the entries leads to.
fn replayed(entries: &[Entry]) -> State {
    let mut state = State::default();
    for entry in entries {
        state.apply(entry).expect("entries follow from one another");
    }
    state
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// No promise goes above what is left, scopes are all or none, replay at any cut is a prefix of history, and what a
    /// crash recovers is never less than what may have been spent.
    #[test]
    fn in_any_interleaving_the_books_hold(steps in prop::collection::vec(step(), 1..80)) {
        let books = Arc::new(Books::new(true));
        let mut rules = [budget("hour", Money::from_nanos(900), Window::Hour),
            budget("day", Money::from_nanos(1500), Window::Day),
            budget("total", Money::from_nanos(5000), Window::Total)];
        let mut now = 1_000_000;
        let ids: Vec<LedgerId> = rules.iter().map(|rule| open(&books, rule, at(now))).collect();
        let mut held: Vec<Reservation> = Vec::new();
        let (mut journal, mut durable) = (Vec::new(), 0);

        for step in steps {
            let pick = |which: usize, held: &Vec<Reservation>| (!held.is_empty()).then(|| which % held.len());
            match step {
                Step::Reserve { scopes, nanos } => {
                    let amount = Money::from_nanos(nanos);
                    let scopes: Vec<LedgerId> = scopes.into_iter().map(|index| ids[index]).collect();
                    let before = books.state();
                    match books.reserve(&scopes, amount, at(now)) {
                        Ok(mut promise) => {
                            for standing in books.standings_of(&scopes, at(now)) {
                                prop_assert!(standing.spent.plus(standing.reserved) <= standing.limit, "{standing:?}");
                            }
                            for ledger in books.state().ledgers.values() {
                                let last = ledger.accounts.last().expect("rolled");
                                prop_assert!(last.used() <= last.ceiling || !scopes.iter().any(|id| books.state().ledgers[id] == *ledger));
                            }
                            promise.dispatch();
                            held.push(promise);
                        }
                        Err(refused) => {
                            let sum = |state: &State| state.ledgers.values().flat_map(|l| &l.accounts).map(|a| a.reserved.nanos()).sum::<i64>();
                            prop_assert_eq!(sum(&before), sum(&books.state()), "nothing is set aside by {:?}", refused);
                        }
                    }
                }
                Step::Settle { which, percent } => if let Some(index) = pick(which, &held) {
                    let promise = held.swap_remove(index);
                    let cost = Money::from_nanos(promise.amount().nanos() * percent / 100);
                    promise.settle(bill(cost));
                },
                Step::Release { which } => if let Some(index) = pick(which, &held) {
                    held.swap_remove(index).release();
                },
                Step::Expire { which } => if let Some(index) = pick(which, &held) {
                    held.swap_remove(index).expire();
                },
                Step::Drop { which, left } => if let Some(index) = pick(which, &held) {
                    let mut promise = held.swap_remove(index);
                    if !left { promise.recall(); }
                    drop(promise);
                },
                Step::Advance { secs } => now = (now + secs).max(0),
                Step::Limit { which, nanos } => {
                    let rule = Budget { limit: Money::from_nanos(nanos), ..(*rules[which]).clone() };
                    rules[which] = Arc::new(rule);
                    open(&books, &rules[which], at(now));
                }
                Step::Window { which, window } => {
                    let rule = Budget { window, ..(*rules[which]).clone() };
                    rules[which] = Arc::new(rule);
                    open(&books, &rules[which], at(now));
                }
                Step::Commit => {
                    journal.extend(commit(&books));
                    durable = journal.len();
                }
                Step::Trim => books.trim(),
            }
            books.drain(&mut journal);
            // The entries lead to exactly this state.
            prop_assert_eq!(replayed(&journal), books.state());
            // What a crash finds on the disk books at least what is spent and promised in every running period.
            let recovered = replayed(&journal[..durable]).recovered();
            for (id, ledger) in &books.state().ledgers {
                let live = ledger.accounts.last();
                let found = recovered.ledgers.get(id).and_then(|ledger| ledger.accounts.last());
                if let (Some(live), Some(found)) = (live, found)
                    && live.period == found.period
                    && live.used() <= covered(live)
                {
                    prop_assert!(found.spent >= live.used().min(covered(live)), "{found:?} {live:?}");
                }
            }
        }
        for promise in held {
            promise.release();
        }
        prop_assert_eq!(books.in_flight(), 0);
        let reserved: i64 = books.state().ledgers.values().flat_map(|l| &l.accounts).map(|a| a.reserved.nanos()).sum();
        prop_assert_eq!(reserved, 0);
    }
}

/// What the ceiling allows: an overrun may go above it, and is known only from its own entry.
fn covered(account: &AccountState) -> Money {
    account.ceiling
}

proptest! {
    /// A wall clock set a day forth or back at any moment: no period is opened twice, and none is spent beyond its limit.
    #[test]
    fn however_the_clock_jumps_no_period_is_spent_twice(
        steps in prop::collection::vec((-86_400_i64..=86_400, 1_u8..=60), 1..80),
    ) {
        let books = Arc::new(Books::new(true));
        let start = 1_766_000_000;
        let id = open(&books, &budget("b", usd("1"), Window::Day), at(start));
        let mut entries = Vec::new();
        let mut spent: std::collections::BTreeMap<i64, Money> = std::collections::BTreeMap::new();
        for (jump, cents) in steps {
            let now = at(start + jump);
            let amount = Money::from_nanos(i64::from(cents) * 10_000_000);
            let held = loop {
                match books.reserve(&[id], amount, now) {
                    Err(Refused::Wait(_)) => {
                        let mut fresh = Vec::new();
                        books.drain(&mut fresh);
                        books.durable(&fresh);
                        entries.append(&mut fresh);
                    }
                    other => break other,
                }
            };
            if let Ok(held) = held {
                held.settle(bill(amount));
                let period = books.standings(now)[0].period;
                let so_far = spent.entry(period.start).or_default();
                *so_far = so_far.plus(amount);
                prop_assert!(*so_far <= usd("1"), "{period:?}: {so_far}");
            }
        }
        books.drain(&mut entries);
        let turns: Vec<i64> = entries
            .iter()
            .filter_map(|entry| match entry {
                Entry::Roll { period, .. } => Some(period.start),
                _ => None,
            })
            .collect();
        prop_assert!(turns.windows(2).all(|pair| pair[0] < pair[1]), "{turns:?}");
        // A day before, the day, and the day after.
        prop_assert!(spent.len() <= 3);
    }
}
