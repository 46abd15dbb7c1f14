//! Calls that reserve, settle, release and expire in overlapping scopes, in every order of two or three threads.

use super::*;
use crate::clock::Wall;
use crate::governance::budget::{Absent, AtLimit, Window};
use crate::governance::identity::Selector;
use ::loom::thread;
use jiff::tz::TimeZone;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

const NOW: Moment = Moment {
    wall: Wall::from_secs(1_766_000_000),
    since_start: Duration::from_secs(100),
};

const fn nanos(nanos: i64) -> Money {
    Money::from_nanos(nanos)
}

/// Books with ledgers of these limits.
fn books<const N: usize>(ceilings: bool, limits: [i64; N]) -> (Arc<Books>, [LedgerId; N]) {
    let books = Arc::new(Books::new(ceilings));
    let mut names = "abcd".chars();
    let ids = limits.map(|limit| {
        let rule = Arc::new(Budget {
            name: names.next().expect("few").to_string().into(),
            selector: Selector::default(),
            per: None,
            absent: Absent::Share,
            limit: nanos(limit),
            window: Window::Total,
            zone: TimeZone::UTC,
            soft: Vec::new(),
            enforce: true,
            at_limit: AtLimit::Deny,
            carry_over: false,
        });
        books.open(&rule, None, true, NOW).expect("few")
    });
    (books, ids)
}

/// What is spent and what is promised in each, in one look; no ledger above its limit.
fn look(books: &Books, ids: &[LedgerId]) -> Vec<(i64, i64)> {
    let standings = books.standings_of(ids, NOW);
    let seen = standings.iter().map(|standing| {
        let used = standing.spent.plus(standing.reserved);
        assert!(used <= standing.limit, "above its limit: {standing:?}");
        (standing.spent.nanos(), standing.reserved.nanos())
    });
    seen.collect()
}

/// How a call of so much went, and what it cost then.
type End = fn(Reservation) -> i64;

fn settle(held: Reservation) -> i64 {
    let bill = Bill {
        cost: nanos(25),
        ..Bill::default()
    };
    let _ = held.settle(bill);
    25
}

fn release(held: Reservation) -> i64 {
    let _ = held.release();
    0
}

fn expire(mut held: Reservation) -> i64 {
    let amount = held.amount().nanos();
    held.dispatch();
    drop(held);
    amount
}

/// Makes a call if it can be made. What it cost.
fn call(books: &Arc<Books>, scopes: &[LedgerId], amount: i64, end: End) -> i64 {
    match books.reserve(scopes, nanos(amount), NOW) {
        Ok(held) => end(held),
        Err(Refused::Short(_)) => 0,
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn no_ledger_is_overdrawn_and_scopes_are_taken_all_or_none() {
    ::loom::model(|| {
        let (books, [a, b, c]) = books(false, [100, 60, 100]);
        let first = {
            let books = books.clone();
            thread::spawn(move || call(&books, &[a, b], 40, settle))
        };
        let second = {
            let books = books.clone();
            thread::spawn(move || call(&books, &[b, c], 40, release))
        };
        let own = call(&books, &[a], 70, expire);
        // Whatever is seen is whole promises: of the first in a and b, of the second in b and c.
        let seen: Vec<i64> = look(&books, &[a, b, c]).iter().map(|one| one.1).collect();
        let whole = [[0, 0, 0], [40, 40, 0], [0, 40, 40]];
        assert!(whole.iter().any(|whole| seen == whole), "{seen:?}");
        let first = first.join().expect("ends");
        let second = second.join().expect("ends");
        assert_eq!(
            look(&books, &[a, b, c]),
            [(first + own, 0), (first + second, 0), (second, 0)]
        );
        assert_eq!(books.in_flight(), 0);
    });
}

#[test]
fn two_calls_that_fit_alone_only_are_never_both_let_through() {
    ::loom::model(|| {
        let (books, [a, b]) = books(false, [100, 100]);
        let other = {
            let books = books.clone();
            thread::spawn(move || books.reserve(&[b, a], nanos(60), NOW).ok())
        };
        let own = books.reserve(&[a, b], nanos(60), NOW).ok();
        let other = other.join().expect("ends");
        assert_eq!(look(&books, &[a, b]), [(0, 60), (0, 60)]);
        assert!(own.is_some() != other.is_some());
        drop((own, other));
        assert_eq!(look(&books, &[a, b]), [(0, 0), (0, 0)]);
    });
}

#[test]
fn nothing_is_promised_above_what_the_disk_holds() {
    ::loom::model(|| {
        let (books, [a]) = books(true, [100]);
        let disk = Arc::new(AtomicI64::new(0));
        assert!(matches!(
            books.reserve(&[a], nanos(30), NOW),
            Err(Refused::Wait(_))
        ));
        let journal = {
            let (books, disk) = (books.clone(), disk.clone());
            thread::spawn(move || {
                for _ in 0..2 {
                    let mut entries = Vec::new();
                    books.drain(&mut entries);
                    for entry in &entries {
                        if let Entry::Ceiling { total, .. } = entry {
                            disk.store(total.nanos(), Ordering::SeqCst);
                        }
                    }
                    books.durable(&entries);
                }
            })
        };
        let caller = move |books: Arc<Books>, disk: Arc<AtomicI64>| {
            let held = books.reserve(&[a], nanos(30), NOW);
            let (spent, reserved) = look(&books, &[a]).remove(0);
            assert!(spent + reserved <= disk.load(Ordering::SeqCst));
            held.map_or(0, settle)
        };
        let other = {
            let (books, disk) = (books.clone(), disk.clone());
            thread::spawn(move || caller(books, disk))
        };
        let spent = caller(books.clone(), disk) + other.join().expect("ends");
        journal.join().expect("ends");
        assert_eq!(look(&books, &[a]), [(spent, 0)]);
    });
}

/// As [`Books::reserve`] would be if it let go of the lock between its look and its taking.
fn torn(books: &Books, scope: LedgerId, amount: i64) {
    let fits = matches!(
        books.lock().look(&[scope], nanos(amount), NOW),
        Fit::Covered
    );
    if fits {
        books.lock().take(&[scope], nanos(amount), NOW);
    }
}

#[test]
#[should_panic(expected = "above its limit")]
fn a_look_and_a_taking_under_two_locks_are_noticed() {
    ::loom::model(|| {
        let (books, [a]) = books(false, [100]);
        let other = {
            let books = books.clone();
            thread::spawn(move || torn(&books, a, 60))
        };
        torn(&books, a, 60);
        other.join().expect("ends");
        look(&books, &[a]);
    });
}
