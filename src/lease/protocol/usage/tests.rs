#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "numbers and lists of tests are small"
)]

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn nanos(nanos: i64) -> Money {
    Money::from_nanos(nanos)
}

fn line(model: &str, calls: u64, cost: i64) -> Usage {
    Usage {
        model: model.into(),
        input: 10 * calls,
        output: calls,
        calls,
        cost: nanos(cost),
    }
}

fn work(model: &str) -> Work<'_> {
    Work {
        model,
        input: 10,
        output: 1,
    }
}

fn untold(counted: &Counted) -> Vec<Usage> {
    counted.lines(false).cloned().collect()
}

#[test]
fn calls_are_counted_by_their_model_and_told_until_they_are_known() {
    let mut counted = Counted::default();
    counted.count(&work("small"), nanos(5));
    counted.count(&work("large"), nanos(70));
    counted.count(&work("small"), nanos(6));
    let told = untold(&counted);
    assert_eq!(told, [line("small", 2, 11), line("large", 1, 70)]);
    // One more, while that is on its way.
    counted.count(&work("large"), nanos(30));
    counted.told(&told);
    assert_eq!(untold(&counted), [line("large", 2, 100)]);
    counted.told(&untold(&counted));
    assert_eq!(untold(&counted), []);
}

#[test]
fn names_without_end_are_counted_together() {
    let mut counted = Counted::default();
    let long = "m".repeat(LONGEST + 1);
    for name in ["a\nb", &long] {
        counted.count(&work(name), nanos(1));
    }
    for number in 0..1_000 {
        counted.count(&work(&format!("m{number}")), nanos(1));
    }
    let told = untold(&counted);
    assert_eq!(told.len(), MOST_MODELS);
    assert_eq!(told[0], line(OTHER, 2 + 1_000 - 63, 2 + 1_000 - 63));
    assert_eq!(told[63], line("m62", 1, 1));
}

#[test]
fn more_is_believed_of_a_lease_only_as_far_as_it_was_booked() {
    let mut known = Vec::new();
    let told = [line("small", 1, 40), line("large", 1, 40)];
    let grown = merge(&mut known, &told, nanos(60));
    assert_eq!(grown, [line("small", 1, 40), line("large", 1, 20)]);
    // The rest of the money comes, and is known the model of then.
    let grown = merge(&mut known, &told, nanos(90));
    let rest = Usage {
        cost: nanos(20),
        ..line("large", 0, 0)
    };
    assert_eq!(grown, [rest]);
    assert_eq!(known, told);
}

#[test]
fn lines_that_cannot_be_are_passed_over_and_counts_without_end_are_cut() {
    let mut known = Vec::new();
    let long = "m".repeat(LONGEST + 1);
    let huge = Usage {
        input: i64::MAX.unsigned_abs(),
        calls: u64::MAX,
        ..line("huge", 1, 1)
    };
    let told = [
        line("a\tb", 1, 1),
        line(&long, 1, 1),
        huge,
        line("none", 0, 0),
    ];
    merge(&mut known, &told, nanos(1_000));
    assert_eq!(known.len(), 1);
    assert_eq!((known[0].calls, known[0].input), (MOST_COUNT, MOST_COUNT));
    let many: Vec<Usage> = (0..200).map(|n| line(&format!("m{n}"), 1, 1)).collect();
    for lines in many.chunks(50) {
        merge(&mut known, lines, nanos(1_000));
    }
    assert_eq!(known.len(), MOST_LINES);
}

proptest! {
    /// Whatever is lost, comes twice or late: each call is summed up once, and when the last word was heard, all of them are.
    #[test]
    fn sums_of_what_is_new_are_what_was_counted(
        calls in proptest::collection::vec((0_usize..5, 0_i64..50), 1..60),
        heard in proptest::collection::vec(any::<proptest::sample::Index>(), 0..80),
    ) {
        let models = ["a", "b", "c", "d", ""];
        let mut counted = Counted::default();
        let (mut messages, mut all) = (Vec::new(), Money::ZERO);
        for (model, cost) in calls {
            counted.count(&work(models[model]), nanos(cost));
            all = all.plus(nanos(cost));
            messages.push((untold(&counted), all));
        }
        let (mut known, mut sums, mut booked) = (Vec::new(), BTreeMap::new(), Money::ZERO);
        let mut hear = |(lines, settled): &(Vec<Usage>, Money)| {
            // As a lease is merged: what was settled never falls.
            booked = booked.max(*settled);
            for more in merge(&mut known, lines, booked) {
                let sum: &mut Usage = sums.entry(more.model.clone()).or_default();
                sum.add(&more);
            }
            let named = known.iter().fold(Money::ZERO, |sum, line| sum.plus(line.cost));
            assert!(named <= booked, "P15: {named} of {booked}");
        };
        for index in heard {
            hear(index.get(&messages));
        }
        let last = messages.last().expect("a call").clone();
        hear(&last);
        hear(&last);
        let expected = last.0.into_iter().map(|line| (line.model.clone(), Usage { model: Box::default(), ..line }));
        prop_assert_eq!(sums, expected.collect::<BTreeMap<_, _>>());
    }
}
