//! Places and tokens that calls race for, in every order of two or three threads.

use super::concurrency::{Concurrency, Slot};
use super::meter::TokenMeter;
use crate::units::Tokens;
use ::loom::sync::atomic::AtomicU32;
use ::loom::thread;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

const NOW: Duration = Duration::from_secs(1);

/// How many are inside. Counted by the checker's own counter, so that others may run in between.
type Inside = Arc<AtomicU32>;

fn pass(slot: Option<Slot>, inside: &Inside, most: u32) -> u32 {
    let Some(slot) = slot else { return 0 };
    let before = inside.fetch_add(1, Ordering::SeqCst);
    assert!(before < most, "more than may be");
    inside.fetch_sub(1, Ordering::SeqCst);
    drop(slot);
    1
}

/// So many calls at once, each with its way of taking a place.
fn callers<const OTHERS: usize>(most: u32, enter: fn(&Concurrency, u32) -> Option<Slot>) {
    let (places, inside) = (Concurrency::default(), Inside::default());
    let others = [(); OTHERS].map(|()| {
        let (places, inside) = (places.clone(), inside.clone());
        thread::spawn(move || pass(enter(&places, most), &inside, most))
    });
    let own = pass(enter(&places, most), &inside, most);
    let passed = others.map(|other| other.join().expect("ends"));
    let passed = passed.iter().fold(own, |sum, one| sum.saturating_add(*one));
    assert!(passed >= most, "places were free: {passed}");
    assert_eq!(places.taken(), 0);
}

#[test]
fn no_more_calls_are_inside_than_may_be_and_each_gives_its_place_back() {
    ::loom::model(|| callers::<1>(1, Concurrency::enter));
    // Three threads in every order would take minutes: each is stopped twice at most.
    let mut checker = ::loom::model::Builder::new();
    checker.preemption_bound = Some(2);
    checker.check(|| callers::<2>(2, Concurrency::enter));
}

#[test]
#[should_panic(expected = "more than may be")]
fn a_look_before_the_taking_is_noticed() {
    let torn = |places: &Concurrency, most: u32| {
        let is_free = places.taken() < most;
        is_free.then(|| places.enter(u32::MAX)).flatten()
    };
    ::loom::model(move || callers::<1>(1, torn));
}

#[test]
fn tokens_are_charged_to_one_of_two_calls_that_fit_alone_and_put_right() {
    ::loom::model(|| {
        let meter = TokenMeter::new(NonZeroU64::new(100).expect("some"), 0, NOW);
        let meter = Arc::new(meter);
        let call = |meter: Arc<TokenMeter>, used: u64| {
            if meter.charge(Tokens(60), NOW).is_err() {
                return (0, 0);
            }
            meter.correct(Tokens(60), Tokens(used), NOW);
            (1, used)
        };
        let other = {
            let meter = meter.clone();
            thread::spawn(move || call(meter, 50))
        };
        let own = call(meter.clone(), 45);
        let other = other.join().expect("ends");
        let (passed, used) = (own.0 + other.0, own.1 + other.1);
        assert_eq!(passed, 1, "the second one never fits");
        assert_eq!(meter.read(NOW).left, 100 - used);
    });
}
