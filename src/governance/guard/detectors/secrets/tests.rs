//! The detectors of this folder on whole texts and on texts cut anywhere, without the scanner.

#![expect(
    clippy::indexing_slicing,
    reason = "a test that reaches too far fails, as it should"
)]

use super::form::Part;
use super::reading::has;
use super::{DETECTORS, vendors};
use crate::governance::guard::probe::{
    Class, LONGEST_HELD, LOOK_BEHIND, Match, Probe, Trigger, Until, View,
};
use crate::governance::guard::scanner::tests::texts::Dice;

mod benign;
mod cuts;
mod positives;

/// Where a trigger stands in a text.
fn places(trigger: Trigger, text: &[u8]) -> Vec<usize> {
    let digit = |at: usize| text.get(at).is_some_and(u8::is_ascii_digit);
    let shaped = |classes: &[Class], at: usize| {
        text.get(at..at + classes.len()).is_some_and(|part| {
            part.iter()
                .zip(classes)
                .all(|(byte, class)| class.has(*byte))
        })
    };
    (0..text.len())
        .filter(|at| match trigger {
            Trigger::Exact(word) => text[*at..].starts_with(word.as_bytes()),
            Trigger::AnyCase(word) => text
                .get(*at..*at + word.len())
                .is_some_and(|part| part.eq_ignore_ascii_case(word.as_bytes())),
            Trigger::Digits(least) => {
                (*at == 0 || !digit(at - 1)) && (*at..*at + usize::from(least)).all(digit)
            }
            Trigger::Shape(classes) => shaped(classes, *at),
            Trigger::Word(classes) => {
                (*at == 0 || !text[at - 1].is_ascii_alphanumeric()) && shaped(classes, *at)
            }
        })
        .collect()
}

/// The end of what is swallowed.
fn swallowed(text: &[u8], start: usize, until: Until) -> usize {
    match until {
        Until::Not(set) => (start..text.len())
            .find(|at| !has(set, text[*at]))
            .unwrap_or(text.len()),
        Until::PemEnd => {
            let end = String::from_utf8_lossy(&text[start..]).into_owned();
            let from = end.find("END ").unwrap_or(end.len());
            start + end[from..].find("KEY").map_or(end.len(), |key| from + key) + "KEY-----".len()
        }
    }
}

/// Everything found in a whole text, overlaps resolved: surer, then longer, then earlier.
fn scan(text: &str) -> Vec<Match> {
    let bytes = text.as_bytes();
    let view = View {
        bytes,
        from_start: true,
        complete: true,
    };
    let mut all = Vec::new();
    for detector in DETECTORS {
        for at in detector
            .triggers
            .iter()
            .flat_map(|trigger| places(*trigger, bytes))
        {
            match (detector.probe)(&view, at) {
                Probe::Found(one) => {
                    assert!(
                        one.start < one.end && one.end <= bytes.len(),
                        "{text}: {one:?}"
                    );
                    all.push(one);
                }
                Probe::Swallow { start, what, until } => all.push(Match {
                    start,
                    end: swallowed(bytes, start, until).min(bytes.len()),
                    what,
                }),
                Probe::No => {}
                Probe::More { .. } => panic!("{} waits on a whole text: {text}", detector.name),
            }
        }
    }
    all.sort_by_key(|one| {
        (
            std::cmp::Reverse(one.what.level),
            std::cmp::Reverse(one.end - one.start),
            one.start,
        )
    });
    let mut kept: Vec<Match> = Vec::new();
    for one in all {
        if kept
            .iter()
            .all(|other| one.end <= other.start || other.end <= one.start)
        {
            kept.push(one);
        }
    }
    kept.sort_by_key(|one| one.start);
    kept
}

/// What was found, as text.
fn values(text: &str) -> Vec<(&'static str, &str)> {
    scan(text)
        .into_iter()
        .map(|one| (one.what.detector, &text[one.start..one.end]))
        .collect()
}

/// Whether the answers on every beginning of a text agree with those on the whole, and keep to the rules of views.
fn assert_honest(text: &str) {
    let bytes = text.as_bytes();
    let whole = View {
        bytes,
        from_start: true,
        complete: true,
    };
    for detector in DETECTORS {
        for trigger in detector.triggers {
            let length = match trigger {
                Trigger::Exact(word) | Trigger::AnyCase(word) => word.len(),
                Trigger::Digits(least) => usize::from(*least),
                Trigger::Shape(classes) | Trigger::Word(classes) => classes.len(),
            };
            for at in places(*trigger, bytes) {
                let expected = (detector.probe)(&whole, at);
                // The past beyond the promise must not matter.
                let mut kept = at.saturating_sub(LOOK_BEHIND);
                while !text.is_char_boundary(kept) {
                    kept += 1;
                }
                let late = View {
                    bytes: &bytes[kept..],
                    from_start: kept == 0,
                    complete: true,
                };
                assert_eq!(
                    moved((detector.probe)(&late, at - kept), kept),
                    expected,
                    "{} in {text}",
                    detector.name
                );
                for cut in at + length..=bytes.len() {
                    if !text.is_char_boundary(cut) {
                        continue;
                    }
                    let view = View {
                        bytes: &bytes[..cut],
                        from_start: true,
                        complete: false,
                    };
                    match (detector.probe)(&view, at) {
                        Probe::More { from } => {
                            assert!(from <= cut);
                            if let Probe::Found(one) = expected {
                                assert!(
                                    from <= one.start,
                                    "{}: too late, {text:?} at {cut}",
                                    detector.name
                                );
                            }
                        }
                        answer => {
                            assert_eq!(answer, expected, "{}: {:?}", detector.name, &text[..cut]);
                        }
                    }
                }
            }
        }
    }
}

fn moved(probe: Probe, by: usize) -> Probe {
    match probe {
        Probe::Found(one) => Probe::Found(Match {
            start: one.start + by,
            end: one.end + by,
            ..one
        }),
        Probe::More { from } => Probe::More { from: from + by },
        Probe::Swallow { start, what, until } => Probe::Swallow {
            start: start + by,
            what,
            until,
        },
        Probe::No => Probe::No,
    }
}

const LETTERS_AND_DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const HEX_DIGITS: &[u8] = b"0123456789abcdef";

/// A token of a form.
fn token(prefix: &str, parts: &[Part], dice: &mut Dice) -> String {
    let mut token = prefix.to_owned();
    for part in parts {
        match part {
            Part::Lit(text) => token.push_str(text),
            Part::Uuid => {
                let digits = |dice: &mut Dice, count| dice.pick(HEX_DIGITS, count);
                let uuid = [8, 4, 4, 4, 12].map(|count| digits(dice, count)).join("-");
                token.push_str(&uuid);
            }
            Part::Run(set, least, _) | Part::Open(set, least) => {
                // Letters and digits alone, where the set has them: what separates stands at no end.
                let alphabet: Vec<u8> = (0..=255_u8)
                    .filter(|byte| byte.is_ascii_alphanumeric() && has(set, *byte))
                    .collect();
                token.push_str(&dice.pick(&alphabet, *least));
            }
        }
    }
    token
}

#[test]
fn every_form_of_the_catalogue_is_found_between_all_sorts_of_neighbours() {
    let mut dice = Dice(7);
    for (prefix, form) in vendors::forms() {
        for _ in 0..4 {
            let token = token(prefix, form.parts, &mut dice);
            // A weak form asks for what nearly all of its tokens have: digits.
            let digits = token[prefix.len()..]
                .bytes()
                .filter(u8::is_ascii_digit)
                .count();
            if !form.is_strong && digits < 2 {
                continue;
            }
            for (before, behind) in [
                ("", ""),
                ("x ", " y"),
                ("\"", "\""),
                ("=", "\n"),
                ("密钥是", "。"),
                ("`", "`."),
                ("(", ")"),
                ("\\n", "\\n"),
                ("%3D", "&a=b"),
                ("<b>", "</b>"),
                ("**", "**"),
                ("key=", ";"),
                ("[", "], "),
            ] {
                let text = format!("{before}{token}{behind}");
                let found = values(&text);
                assert!(
                    found.iter().any(|(_, value)| *value == token),
                    "{}: {text} gives {found:?}",
                    form.name
                );
            }
        }
    }
}

#[test]
fn answers_on_the_catalogue_stay_as_they_are_when_more_comes() {
    let mut dice = Dice(11);
    for (prefix, form) in vendors::forms() {
        let token = token(prefix, form.parts, &mut dice);
        assert_honest(&format!("a {token} b"));
        assert_honest(&format!("\"{token}"));
    }
}

#[test]
fn a_token_cut_off_by_the_end_of_the_text_counts_from_twelve_characters_on() {
    let text = concat!("see gh", "p_aB3dE5gH7jK9m");
    assert_eq!(values(text).len(), 1);
    assert!(values(concat!("see gh", "p_aB3dE5gH7jK9m and")).is_empty());
}

#[test]
fn a_value_longer_than_what_is_held_is_swallowed() {
    let body = Dice(3).pick(LETTERS_AND_DIGITS, LONGEST_HELD + 100);
    let text = format!("x {}{body}, y", concat!("pypi-", "AgE"));
    let found = values(&text);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(text[found[0].1.len()..].ends_with(", y"));
    assert_honest(&text);
}

#[test]
fn a_mark_that_may_be_a_values_first_byte_is_held() {
    for text in [
        "password = *:hunter2",
        "password: <hunter2",
        "pwd: **hunter2",
    ] {
        assert_honest(text);
    }
}
