//! Whole decisions, in every order of two threads: limits and budgets together.

use super::*;
use ::loom::thread;
use std::collections::BTreeSet;
use std::sync::Mutex;

/// A scene whose key has been here before: what its calls need of ledgers and cells is looked up once, by whoever comes first.
fn scene(day: &str, concurrency: u32) -> Arc<Scene> {
    let scene = Scene::new(
        vec![budget("day", day), budget("all", "1")],
        vec![limit("key", 0, 1_000, concurrency)],
    );
    drop(scene.permit(&scene.ask(&rate())));
    Arc::new(scene)
}

/// A call, if it may go. What it cost.
fn call(scene: &Scene, end: fn(InFlight) -> Money) -> Option<Money> {
    let rate = rate();
    match scene.decide(&scene.ask(&rate)) {
        Decision::Allow(permit) => Some(end(permit.dispatch())),
        Decision::Deny(_) => None,
        other => panic!("{other:?}"),
    }
}

fn settled(call: InFlight) -> Money {
    call.settle(bill("0.0002", 10, 5), "m", NOW).cost
}

fn dropped(call: InFlight) -> Money {
    let reserved = call.reserved();
    drop(call);
    reserved
}

fn at_rest(scene: &Scene, spent: Money) {
    for budget in ["day", "all"] {
        let standing = scene.standing(budget);
        assert_eq!((standing.spent, standing.reserved), (spent, Money::ZERO));
        assert!(standing.spent <= standing.limit, "{standing:?}");
    }
    assert_eq!(scene.gate.books().in_flight(), 0);
}

/// Two calls at once, one of them dropped on its way; what became of them. Afterwards all is at rest.
fn two(scene: &Arc<Scene>) -> [Option<Money>; 2] {
    let other = {
        let scene = scene.clone();
        thread::spawn(move || call(&scene, dropped))
    };
    let costs = [call(scene, settled), other.join().expect("ends")];
    let spent = costs
        .iter()
        .flatten()
        .fold(Money::ZERO, |sum, cost| sum.plus(*cost));
    at_rest(scene, spent);
    costs
}

/// Has the checker make two calls in every order. Whether each passed was one way in some order, and another in others.
fn orders(check: impl Fn() -> [Option<Money>; 2] + Send + Sync + 'static) {
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let all = seen.clone();
    ::loom::model(move || {
        let passed = check().map(|cost| cost.is_some());
        all.lock().expect("nobody panicked").insert(passed);
    });
    let seen = seen.lock().expect("nobody panicked");
    let expected = BTreeSet::from([[false, true], [true, false], [true, true]]);
    assert_eq!(*seen, expected);
}

#[test]
fn a_budget_for_one_call_lets_one_of_two_through() {
    orders(|| {
        // What a call is worth at worst, and a little more than the cheaper one leaves.
        let scene = scene("0.0006", 0);
        two(&scene)
    });
}

#[test]
fn a_place_is_free_again_after_every_end_and_a_call_that_found_none_holds_nothing() {
    orders(|| {
        let scene = scene("1", 1);
        let costs = two(&scene);
        drop(scene.permit(&scene.ask(&rate())));
        costs
    });
}
