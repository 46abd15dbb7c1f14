//! A circuit as one call after the other meets it, and as many at once do.

use super::*;
use proptest::prelude::*;

const BREAKER: Breaker = Breaker {
    failures: 3,
    percent: 50,
    window: Duration::from_secs(30),
    open_for: Duration::from_secs(15),
};

const fn at(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn health() -> Arc<Health> {
    Arc::default()
}

/// Fails so often at this time; says whether one of them opened the circuit.
fn fail(health: &Health, times: u32, now: u64) -> bool {
    (0..times).fold(false, |opened, _| {
        health.failed(&BREAKER, None, at(now)) || opened
    })
}

#[test]
fn failures_in_a_row_open_it_and_only_then() {
    let health = health();
    assert!(!fail(&health, 2, 0));
    assert!(health.lets(&BREAKER, at(0)));
    assert!(fail(&health, 1, 1));
    assert!(!health.lets(&BREAKER, at(1)));
    assert_eq!(health.circuit(&BREAKER, at(1)), Circuit::Open);
    assert!(matches!(health.claim(&BREAKER, at(1)), Claim::Shut));
}

#[test]
fn an_answer_in_between_breaks_the_row() {
    let health = health();
    for round in 0..20 {
        assert!(!fail(&health, 1, round));
        for _ in 0..2 {
            health.answered(&BREAKER, at(round), at(round));
        }
    }
    assert_eq!(health.circuit(&BREAKER, at(20)), Circuit::Closed);
}

#[test]
fn too_many_of_all_open_it_though_never_in_a_row() {
    let health = health();
    for round in 0..2 {
        assert!(!fail(&health, 1, round), "two of {round}");
        health.answered(&BREAKER, at(round), at(round));
    }
    // The third of five.
    assert!(fail(&health, 1, 4));
}

#[test]
fn failures_far_apart_have_nothing_to_do_with_each_other() {
    let health = health();
    for round in 0..20 {
        assert!(!fail(&health, 2, round * 30_000));
    }
    assert!(fail(&health, 1, 19 * 30_000 + 29_999));
}

#[test]
fn after_its_time_one_call_goes_and_closes_it_or_opens_it_again() {
    let health = health();
    fail(&health, 3, 1_000);
    assert!(matches!(health.claim(&BREAKER, at(15_999)), Claim::Shut));
    assert_eq!(health.circuit(&BREAKER, at(16_000)), Circuit::HalfOpen);
    assert!(health.lets(&BREAKER, at(16_000)));
    let Claim::Probe(probe) = health.claim(&BREAKER, at(16_000)) else {
        panic!("the probe");
    };
    assert!(!health.lets(&BREAKER, at(99_000)), "one is enough");
    assert!(matches!(health.claim(&BREAKER, at(99_000)), Claim::Shut));
    assert_eq!(health.circuit(&BREAKER, at(99_000)), Circuit::HalfOpen);
    assert!(health.failed(&BREAKER, Some(&probe), at(99_000)));
    drop(probe);
    assert_eq!(health.circuit(&BREAKER, at(99_001)), Circuit::Open);
    assert!(matches!(health.claim(&BREAKER, at(113_999)), Claim::Shut));
    let Claim::Probe(probe) = health.claim(&BREAKER, at(114_000)) else {
        panic!("the next probe");
    };
    assert!(health.answered(&BREAKER, at(114_000), at(114_500)));
    drop(probe);
    assert_eq!(health.circuit(&BREAKER, at(114_500)), Circuit::Closed);
    // What happened before it opened is forgotten.
    assert!(!fail(&health, 2, 114_600));
    assert!(fail(&health, 1, 114_600));
}

#[test]
fn a_probe_nobody_tells_of_makes_room_for_the_next() {
    let health = health();
    fail(&health, 3, 0);
    drop(health.claim(&BREAKER, at(15_000)));
    assert!(matches!(
        health.claim(&BREAKER, at(15_001)),
        Claim::Probe(_)
    ));
}

#[test]
fn calls_from_before_it_opened_say_nothing() {
    let health = health();
    fail(&health, 3, 1_000);
    assert!(!health.answered(&BREAKER, at(999), at(2_000)));
    assert!(!fail(&health, 5, 14_000), "late ones");
    assert_eq!(health.circuit(&BREAKER, at(15_999)), Circuit::Open);
    assert_eq!(
        health.circuit(&BREAKER, at(16_000)),
        Circuit::HalfOpen,
        "not put off"
    );
    // One that was sent all the same, because nobody else was there, and was answered.
    assert!(health.answered(&BREAKER, at(2_000), at(2_500)));
    assert!(health.lets(&BREAKER, at(2_500)));
}

#[test]
fn who_asks_to_be_left_alone_is_left_alone_until_then() {
    let health = health();
    health.rest(Duration::from_secs(3), at(500));
    health.rest(Duration::from_secs(1), at(500));
    assert!(!health.lets(&BREAKER, at(3_499)));
    assert!(matches!(health.claim(&BREAKER, at(3_499)), Claim::Shut));
    assert_eq!(
        health.circuit(&BREAKER, at(600)),
        Circuit::Closed,
        "it is well"
    );
    assert!(matches!(health.claim(&BREAKER, at(3_500)), Claim::Free));
    health.rest(Duration::MAX, at(4_000));
    assert!(health.lets(&BREAKER, at(4_000) + LONGEST_REST));
}

#[test]
fn every_target_has_one_place_and_a_provider_its_worst() {
    let healths = Healths::default();
    let (a, b) = (Arc::from("a"), Arc::from("b"));
    let one = healths.of(&a, "m");
    fail(&one, 3, 0);
    assert!(Arc::ptr_eq(&one, &healths.of(&a, "m")));
    let worst = |name| healths.worst(name, &BREAKER, at(1));
    assert_eq!(
        healths.of(&a, "n").circuit(&BREAKER, at(1)),
        Circuit::Closed
    );
    let _ = healths.of(&b, "m");
    assert_eq!(
        (worst("a"), worst("b"), worst("c")),
        (Circuit::Open, Circuit::Closed, Circuit::Closed)
    );
}

#[test]
fn of_a_crowd_that_comes_at_once_one_is_the_probe() {
    for round in 0..200 {
        let health = health();
        fail(&health, 3, round);
        let later = at(round + 15_000);
        let claims: Vec<Claim> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| health.claim(&BREAKER, later)))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().expect("a claim"))
                .collect()
        });
        let probes = claims
            .iter()
            .filter(|claim| matches!(claim, Claim::Probe(_)));
        assert_eq!(probes.count(), 1, "{claims:?}");
        let free = claims.iter().any(|claim| matches!(claim, Claim::Free));
        assert!(!free, "{claims:?}");
    }
}

/// What may happen to a circuit.
#[derive(Debug, Clone, Copy)]
enum Step {
    Wait(u64),
    Claim,
    /// The probe that went last is answered, fails, or is never heard of.
    Answered,
    Failed,
    Dropped,
    /// A call without a claim that was sent so long ago.
    Answer(u64),
    Fail,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..20_000_u64).prop_map(Step::Wait),
        Just(Step::Claim),
        Just(Step::Claim),
        Just(Step::Answered),
        Just(Step::Failed),
        Just(Step::Dropped),
        (0..20_000_u64).prop_map(Step::Answer),
        Just(Step::Fail),
        Just(Step::Fail),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_no_second_probe_goes_while_one_is_under_way(steps in prop::collection::vec(step(), 1..200)) {
        let health = health();
        let mut now = 20_000;
        // The probe under way; none once the circuit was closed by somebody else's answer.
        let mut probe: Option<(Probe, u64)> = None;
        for step in steps {
            let before = health.circuit(&BREAKER, at(now));
            match step {
                Step::Wait(time) => now += time,
                Step::Claim => match health.claim(&BREAKER, at(now)) {
                    Claim::Probe(new) => {
                        prop_assert!(probe.is_none(), "a second probe");
                        prop_assert_eq!(before, Circuit::HalfOpen);
                        probe = Some((new, now));
                    }
                    Claim::Free => prop_assert_eq!(before, Circuit::Closed),
                    Claim::Shut => prop_assert!(before != Circuit::Closed),
                },
                Step::Answered => if let Some((probe, sent)) = probe.take() {
                    prop_assert!(health.answered(&BREAKER, at(sent), at(now)));
                    drop(probe);
                    prop_assert_eq!(health.circuit(&BREAKER, at(now)), Circuit::Closed);
                },
                Step::Failed => if let Some((probe, _)) = probe.take() {
                    prop_assert!(health.failed(&BREAKER, Some(&probe), at(now)));
                    drop(probe);
                    prop_assert_eq!(health.circuit(&BREAKER, at(now)), Circuit::Open);
                },
                Step::Dropped => if probe.take().is_some() {
                    prop_assert_eq!(health.circuit(&BREAKER, at(now)), Circuit::HalfOpen);
                    prop_assert!(health.lets(&BREAKER, at(now)));
                },
                Step::Answer(age) => {
                    if health.answered(&BREAKER, at(now - age), at(now)) {
                        prop_assert!(before != Circuit::Closed);
                        probe = None;
                    }
                }
                Step::Fail => {
                    let opened = health.failed(&BREAKER, None, at(now));
                    prop_assert!(!opened || before == Circuit::Closed);
                }
            }
            if probe.is_some() {
                prop_assert_eq!(health.circuit(&BREAKER, at(now)), Circuit::HalfOpen);
                prop_assert!(!health.lets(&BREAKER, at(now)));
            }
        }
    }
}
