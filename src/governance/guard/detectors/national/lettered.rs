//! Numbers with letters in them: those that begin with letters are met at their first digit and read from there both ways,
//! those with letters inside at their first digit like any other.
//!
//! Invariant: only the first digit of a token speaks for it, so that a token is weighed once. The token's letters are
//! unfinished text to the scanner; letters set apart by a space or hyphen wake a detector of their own.
//!
//! Not here: the schemes' own sums (`letters`), a single check letter behind plain digits (`number`).

use super::letters;
use super::number::{Known, begins, ends, wordy};
use super::settle;
use super::token::Token;
use crate::governance::guard::finding::Kind;
use crate::governance::guard::probe::{Class, Detector, Probe, Trigger, View};

/// A token longer than this is none of these.
const LONGEST: usize = 24;

/// How a pattern compares with the text at a place. `9` is a digit, `A` a letter, `X` either, anything else itself.
enum Fit {
    To(usize),
    Short,
    No,
}

fn fit(view: &View<'_>, at: usize, pattern: &str) -> Fit {
    for (offset, wanted) in pattern.bytes().enumerate() {
        let Some(byte) = view.at(at + offset) else {
            return if view.complete { Fit::No } else { Fit::Short };
        };
        let same = match wanted {
            b'9' => byte.is_ascii_digit(),
            b'A' => byte.is_ascii_alphabetic(),
            b'X' => byte.is_ascii_alphanumeric(),
            other => byte == other,
        };
        if !same {
            return Fit::No;
        }
    }
    Fit::To(at + pattern.len())
}

/// Letters set apart from their digits: `QQ 12 34 56 C`, `X-1234567-L`. Woken by the letters, so that they are still there.
pub(super) const SPACED: Detector = Detector {
    name: "national_id_spaced",
    kind: Kind::NationalId,
    triggers: &[
        Trigger::Word(&[CAPITAL, CAPITAL, Class::AnyOf(" -")]),
        Trigger::Word(&[Class::AnyOf("XYZ"), Class::Byte(b'-'), Class::Digit]),
    ],
    probe: spaced,
};

const CAPITAL: Class = Class::AnyOf("ABCDEFGHIJKLMNOPQRSTUVWXYZ");

fn spaced(view: &View<'_>, at: usize) -> Probe {
    let patterns: &[&str] = match view.at(at + 2) {
        None if !view.complete => return Probe::More { from: at },
        Some(b' ') => &["AA 99 99 99 A", "AA 999999 A", "AA 999999A"],
        Some(b'-') => &["AA-99-99-99-A", "AA-999999-A", "AA-999999A"],
        _ => &["A-9999999-A", "A-9999999A"],
    };
    if !begins(view, at, false, false) {
        return Probe::No;
    }
    read_as(view, at, patterns).unwrap_or(Probe::No)
}

/// Digits first, letters inside: the Finnish `131052A308T`, a German pension number, an Indian tax number.
pub(super) fn inner(view: &View<'_>, at: usize, run: usize) -> Option<Probe> {
    let patterns: &[&str] = match run {
        1 => &["9AX9AX9AA99", "9AX9-AX9-AA99"],
        2 => &["99AAAAA9999AXAX", "99 999999 A 999"],
        6 => &["999999A999X", "999999+999X", "999999-999X"],
        8 => &["99999999A999"],
        _ => return None,
    };
    begins(view, at, false, false).then(|| read_as(view, at, patterns))?
}

/// The first pattern that stands here. Nothing if none does.
fn read_as(view: &View<'_>, from: usize, patterns: &[&str]) -> Option<Probe> {
    for pattern in patterns {
        let end = match fit(view, from, pattern) {
            Fit::To(end) => end,
            Fit::Short => return Some(Probe::More { from }),
            Fit::No => continue,
        };
        match ends(view, end, false) {
            Known::Yes
                if letters::schemes(&Token::read(view, from, end))
                    .next()
                    .is_some() =>
            {
                return Some(weigh(view, from, end));
            }
            Known::Yes | Known::No => {}
            Known::NotYet => return Some(Probe::More { from }),
        }
    }
    None
}

/// A token that begins with letters, met at its first digit.
pub(super) fn probe(view: &View<'_>, at: usize) -> Probe {
    let mut from = at;
    while let Some(byte) = view.before(from).filter(|&byte| wordy(byte)) {
        if !byte.is_ascii_alphabetic() || at - from >= 8 {
            return Probe::No;
        }
        from -= 1;
    }
    if !begins(view, from, false, false) {
        return Probe::No;
    }
    let mut end = at;
    while view
        .at(end)
        .is_some_and(|byte| byte.is_ascii_alphanumeric())
    {
        end += 1;
        if end - from > LONGEST {
            return Probe::No;
        }
    }
    if end == view.bytes.len() && !view.complete {
        return Probe::More { from };
    }
    if end - from < 7 {
        return Probe::No;
    }
    // A check character set apart: `A123456(7)`, `X1234567-L`, `AB123456 C`.
    let tails: &[&str] = match (at - from, end - from) {
        (1 | 2, 7 | 8) => &["(X)", "-A", " A"],
        _ => &[],
    };
    for tail in tails {
        let further = match fit(view, end, tail) {
            Fit::To(further) => further,
            Fit::Short => return Probe::More { from },
            Fit::No => continue,
        };
        match ends(view, further, false) {
            Known::Yes
                if letters::schemes(&Token::read(view, from, further))
                    .next()
                    .is_some() =>
            {
                return weigh(view, from, further);
            }
            Known::NotYet => return Probe::More { from },
            _ => {}
        }
    }
    match ends(view, end, false) {
        Known::Yes => weigh(view, from, end),
        Known::No => Probe::No,
        Known::NotYet => Probe::More { from },
    }
}

fn weigh(view: &View<'_>, from: usize, end: usize) -> Probe {
    let token = Token::read(view, from, end);
    if letters::schemes(&token).next().is_none() {
        return Probe::No;
    }
    settle(view, from, end, token.shape(), || letters::schemes(&token))
}
