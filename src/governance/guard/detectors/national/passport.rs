//! Passport numbers: their shape says little, so they are believed only right behind their own word, with nothing between
//! but what a form or a sentence puts there (`number`, `no.`, `is`, `:`).
//!
//! Woken by the word, not by the number. While the number has not begun, nothing before it is held.
//!
//! Not here: the machine-readable zone.

use super::number::{Known, ends, wordy};
use crate::governance::guard::finding::{Kind, Level};
use crate::governance::guard::probe::{Detector, Match, Probe, Trigger, View, What};

pub(super) const DETECTOR: Detector = Detector {
    name: "passport",
    kind: Kind::NationalId,
    triggers: &[
        Trigger::AnyCase("passport"),
        Trigger::AnyCase("passeport"),
        Trigger::AnyCase("reisepass"),
        Trigger::AnyCase("pasaporte"),
        Trigger::AnyCase("passaporto"),
        Trigger::AnyCase("passaporte"),
        Trigger::AnyCase("paspoort"),
        Trigger::AnyCase("paszport"),
    ],
    probe,
};

/// How far behind the word the number may begin, in bytes.
const REACH: usize = 40;

/// What may stand between the word and the number.
const BETWEEN: &[&str] = &[
    "number", "numbers", "no", "nr", "num", "numero", "nummer", "id", "is", "was", "book", "card",
    "my", "the", "her", "his", "ist", "lautet", "es", "n", "s", "numer", "holder", "details", "de",
    "del", "di", "het", "est", "seria", "with",
];

fn probe(view: &View<'_>, at: usize) -> Probe {
    let mut place = at;
    while view
        .at(place)
        .is_some_and(|byte| byte.is_ascii_alphabetic())
        && place - at < 24
    {
        place += 1;
    }
    loop {
        // A word, a number, or what stands between them.
        let from = place;
        while view.at(place).is_some_and(wordy_but_line) && place - from < 16 {
            place += 1;
        }
        if place >= view.bytes.len() && !view.complete {
            return Probe::More { from };
        }
        let word = view.bytes.get(from..place).unwrap_or_default();
        if word.iter().any(u8::is_ascii_digit) {
            return weigh(view, from, place);
        }
        let known = BETWEEN
            .iter()
            .any(|between| word.eq_ignore_ascii_case(between.as_bytes()));
        if !word.is_empty() && !known {
            return Probe::No;
        }
        // Letters beyond ASCII are those of `número` and `nº`.
        while view.at(place).is_some_and(|byte| {
            matches!(
                byte,
                b' ' | b':'
                    | b'#'
                    | b'='
                    | b'.'
                    | b'"'
                    | b'\''
                    | b'_'
                    | b'('
                    | b'*'
                    | b'-'
                    | b'\n'
                    | b'\t'
            ) || byte >= 0x80
        }) {
            place += 1;
        }
        if place - at > REACH {
            return Probe::No;
        }
        if place == from {
            return Probe::No;
        }
    }
}

const fn wordy_but_line(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

/// Eight or nine characters, at most two of them letters at the front (three and five more at most elsewhere), no words.
fn weigh(view: &View<'_>, from: usize, end: usize) -> Probe {
    match ends(view, end, false) {
        Known::NotYet => return Probe::More { from },
        Known::No => return Probe::No,
        Known::Yes => {}
    }
    let token = view.bytes.get(from..end).unwrap_or_default();
    let digits = token.iter().filter(|byte| byte.is_ascii_digit()).count();
    let capitals = !token.iter().any(u8::is_ascii_lowercase);
    let fits = match token.len() {
        7 => digits == 6 || digits == 7,
        8 => digits >= 6,
        9 => digits >= 4 && (capitals || digits >= 7),
        _ => false,
    };
    if !fits || view.before(from).is_some_and(wordy) && view.before(from) != Some(b'_') {
        return Probe::No;
    }
    Probe::Found(Match {
        start: from,
        end,
        what: What {
            kind: Kind::NationalId,
            detector: "passport",
            level: Level::Contextual,
        },
    })
}
