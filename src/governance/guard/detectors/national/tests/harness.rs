//! A naive scanner for the tests of these detectors: every trigger is found by looking everywhere, every probe is asked on
//! the complete text, overlaps are resolved by sureness, length and kind. And the property every probe must keep.
#![expect(clippy::indexing_slicing, reason = "a test may fail by panicking")]

use crate::governance::guard::finding::Finding;
use crate::governance::guard::probe::{Class, Detector, LOOK_BEHIND, Probe, Trigger, View};

/// Where a detector is asked in a text.
pub(crate) fn triggers(detector: &Detector, text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let met = |trigger: &Trigger, at: usize| match *trigger {
        Trigger::Exact(word) => bytes[at..].starts_with(word.as_bytes()),
        Trigger::AnyCase(word) => bytes
            .get(at..at + word.len())
            .is_some_and(|found| found.eq_ignore_ascii_case(word.as_bytes())),
        Trigger::Shape(classes) => classes_at(classes, bytes, at),
        Trigger::Word(classes) => {
            let before = at.checked_sub(1).and_then(|at| bytes.get(at));
            !before.is_some_and(u8::is_ascii_alphanumeric) && classes_at(classes, bytes, at)
        }
        Trigger::Digits(least) => {
            let before = at.checked_sub(1).and_then(|at| bytes.get(at));
            !before.is_some_and(u8::is_ascii_digit)
                && bytes[at..]
                    .iter()
                    .take_while(|byte| byte.is_ascii_digit())
                    .count()
                    >= usize::from(least)
        }
    };
    (0..bytes.len())
        .filter(|&at| detector.triggers.iter().any(|trigger| met(trigger, at)))
        .collect()
}

fn classes_at(classes: &[Class], bytes: &[u8], at: usize) -> bool {
    classes
        .iter()
        .enumerate()
        .all(|(place, class)| bytes.get(at + place).is_some_and(|&byte| class.has(byte)))
}

fn whole(text: &str) -> View<'_> {
    View {
        bytes: text.as_bytes(),
        from_start: true,
        complete: true,
    }
}

/// All that the detectors find in a text, overlaps resolved, in order.
pub(crate) fn scan(detectors: &[Detector], text: &str) -> Vec<Finding> {
    let mut all = Vec::new();
    for detector in detectors {
        for at in triggers(detector, text) {
            match (detector.probe)(&whole(text), at) {
                Probe::Found(found) => all.push(Finding {
                    start: found.start,
                    end: found.end,
                    kind: found.what.kind,
                    detector: found.what.detector,
                    level: found.what.level,
                }),
                Probe::No => {}
                other => panic!("{other:?} on a complete text at {at}: {text}"),
            }
        }
    }
    all.sort_by_key(|found| {
        (
            std::cmp::Reverse((found.level, found.end - found.start)),
            found.kind,
            found.start,
        )
    });
    let mut kept: Vec<Finding> = Vec::new();
    for found in all {
        if kept
            .iter()
            .all(|other| found.end <= other.start || other.end <= found.start)
        {
            kept.push(found);
        }
    }
    kept.sort_by_key(|found| found.start);
    kept
}

/// Whatever is cut off behind, and whatever is forgotten before, no probe says anything but `More` that it takes back.
pub(crate) fn honest(detectors: &[Detector], text: &str) {
    for detector in detectors {
        for at in triggers(detector, text) {
            let last = (detector.probe)(&whole(text), at);
            assert!(
                !matches!(last, Probe::More { .. }),
                "undecided at {at}: {text}"
            );
            for cut in (at + 1..=text.len()).filter(|&cut| text.is_char_boundary(cut)) {
                let view = View {
                    bytes: &text.as_bytes()[..cut],
                    from_start: true,
                    complete: false,
                };
                match (detector.probe)(&view, at) {
                    Probe::More { from } => {
                        assert!(from <= cut, "holds beyond the view");
                        if let Probe::Found(found) = last {
                            assert!(
                                from <= found.start,
                                "let go {from} of {found:?} at cut {cut}: {text}"
                            );
                        }
                    }
                    answer => assert_eq!(answer, last, "at {at}, cut at {cut}: {text}"),
                }
            }
            let forgotten = (0..=at.saturating_sub(LOOK_BEHIND))
                .rev()
                .find(|&from| text.is_char_boundary(from));
            if let Some(from) = forgotten.filter(|&from| from > 0) {
                let view = View {
                    bytes: &text.as_bytes()[from..],
                    from_start: false,
                    complete: true,
                };
                let answer = match (detector.probe)(&view, at - from) {
                    Probe::Found(mut found) => {
                        found.start += from;
                        found.end += from;
                        Probe::Found(found)
                    }
                    other => other,
                };
                assert_eq!(answer, last, "at {at}, forgotten up to {from}: {text}");
            }
        }
    }
}

/// A text with its expected values in `⟦…⟧`, and the finer name expected for each; the probes must be honest about it, too.
pub(crate) fn check(detectors: &[Detector], marked: &str, name: &str) {
    let text = marked.replace(['⟦', '⟧'], "");
    let expected: Vec<&str> = marked
        .split('⟦')
        .skip(1)
        .filter_map(|rest| rest.split('⟧').next())
        .collect();
    let findings = scan(detectors, &text);
    let values: Vec<&str> = findings
        .iter()
        .map(|found| &text[found.start..found.end])
        .collect();
    assert_eq!(values, expected, "values in: {text}");
    if !name.is_empty() {
        assert!(
            findings.iter().all(|found| found.detector == name),
            "expected {name}, found {findings:?} in: {text}"
        );
    }
    honest(detectors, &text);
}
