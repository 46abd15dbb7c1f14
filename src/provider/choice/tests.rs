//! Choices as they fall over many calls.

use super::*;
use crate::stable::hash;
use proptest::prelude::*;

const fn at(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn weights_are_kept_to_over_the_whole_range_of_chance() {
    let weights = [1, 3, 0, 6];
    let mut counts = [0_u32; 4];
    for step in 0..1000_u64 {
        let chance = step * (u64::MAX / 1000);
        counts[by_weight(&weights, chance).expect("one of them")] += 1;
    }
    assert_eq!(counts[2], 0);
    for (count, expected) in counts.into_iter().zip([100, 300, 0, 600]) {
        assert!(count.abs_diff(expected) <= 1, "{counts:?}");
    }
    assert_eq!(by_weight(&weights, 0), Some(0));
    assert_eq!(by_weight(&weights, u64::MAX), Some(3));
    assert_eq!(by_weight(&[0, 0], 7), None);
    assert_eq!(by_weight(&[], 7), None);
}

#[test]
fn sessions_are_spread_by_weight_and_only_those_of_a_lost_target_move() {
    let all = [(hash(*b"a/m"), 1), (hash(*b"b/m"), 2), (hash(*b"c/m"), 1)];
    let mut counts = [0_u32; 3];
    for number in 0..8_000_u32 {
        let session = hash(format!("session-{number}").bytes());
        let place = by_session(&all, session).expect("one of them");
        assert_eq!(by_session(&all, session), Some(place), "sticky");
        counts[place] += 1;
        // Without the second only its own sessions go elsewhere.
        let left = by_session(&[all[0], all[2]], session).expect("one of them");
        if place != 1 {
            assert_eq!(left, place / 2);
        }
    }
    for (count, expected) in counts.into_iter().zip([2_000, 4_000, 2_000]) {
        assert!(count.abs_diff(expected) < 200, "{counts:?}");
    }
    assert_eq!(by_session(&[], 1), None);
}

#[test]
fn a_pace_follows_what_is_measured_and_forgets() {
    let unknown = Pace::default();
    assert_eq!(unknown.score(at(0)), 0, "who was never asked comes first");
    let first = unknown.with(at(160), at(1_000));
    assert_eq!(first.score(at(1_000)), 10_000);
    // At once: an eighth of the way; much later: nearly all of it.
    assert_eq!(first.with(at(320), at(1_000)).score(at(1_000)), 11_250);
    let later = first.with(at(320), at(61_000)).score(at(61_000));
    assert!((19_950..=20_000).contains(&later), "{later}");
    // Nobody is slow for good.
    assert!(first.score(at(21_000)) < 4_000);
    assert!(first.score(at(200_000)) < 2);
    // Over the end of 32 bits of milliseconds.
    let end = u64::from(u32::MAX);
    let late = unknown.with(at(160), at(end));
    assert!(late.score(at(end + 10)) > 9_900);
    assert_eq!(unknown.with(Duration::MAX, at(5)).score(at(5)), u32::MAX);
}

proptest! {
    #[test]
    fn a_pace_is_between_what_was_measured(times in prop::collection::vec((1_u64..100_000, 0_u64..20_000), 1..50)) {
        let mut pace = Pace::default();
        let mut now = 0;
        let (mut least, mut most) = (u64::MAX, 0);
        for (time, wait) in times {
            now += wait;
            pace = pace.with(at(time), at(now));
            prop_assert_eq!(Pace::of(pace.packed()), pace);
            (least, most) = (least.min(time), most.max(time));
            let score = u64::from(pace.score(at(now))) * 16 / 1000;
            prop_assert!(least.saturating_sub(1) <= score && score <= most, "{} {} {}", least, score, most);
        }
    }

    #[test]
    fn two_are_two(count in 2_usize..17, chance: u64) {
        let (one, other) = two_of(count, chance).expect("two");
        prop_assert!(one != other && one < count && other < count);
    }

    #[test]
    fn whoever_is_chosen_has_weight(weights in prop::collection::vec(0_u32..5, 0..16), chance: u64) {
        let chosen = by_weight(&weights, chance);
        prop_assert_eq!(chosen.is_some(), weights.iter().any(|weight| *weight > 0));
        prop_assert!(chosen.is_none_or(|place| weights[place] > 0));
    }
}
