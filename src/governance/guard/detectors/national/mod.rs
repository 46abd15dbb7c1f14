//! Numbers that states give people and companies, told by their shape, their check digits and a word nearby.
//!
//! Few detectors, because digits are everywhere and most must be dismissed within a few looks: `national_id` reads the
//! number at a run of digits once and compares it with every country's schemes; `national_id_spaced` begins at letters set
//! apart; `passport` waits for its own word.
//! What is found carries the finer name (`uk_nhs`, `de_tax_id`, …).
//!
//! A scheme needs one of its words within 40 characters before the number, or behind it in the same sentence, except
//! for shapes that nothing else has. A stream is held for words behind only when shape and check digits already agree.
//! Where several schemes agree, the one whose word is nearest names the number.
//!
//! Letters joined to the digits (`AB123456C`) are behind the probe when it is asked: the scanner holds an unfinished token
//! whole. Letters set apart (`AB 12 34 56 C`) wake a detector of their own, so that they are still there.
//!
//! Not here: social security numbers of the United States, which are a kind of their own.

mod americas;
mod asia;
mod britain;
mod check;
pub(crate) mod context;
mod europe_east;
mod europe_north;
mod europe_south;
mod europe_west;
mod lettered;
mod letters;
pub(crate) mod number;
mod passport;
#[cfg(test)]
pub(crate) mod tests;
mod token;

use crate::governance::guard::finding::{Kind, Level};
use crate::governance::guard::probe::{Detector, Match, Probe, Trigger, View, What};
use number::{Number, Reading};

/// The detectors of this folder.
pub(crate) const DETECTORS: &[Detector] = &[
    Detector {
        name: "national_id",
        kind: Kind::NationalId,
        triggers: &[Trigger::Digits(1)],
        probe,
    },
    lettered::SPACED,
    passport::DETECTOR,
];

/// One country's number.
struct Scheme {
    name: &'static str,
    /// How it is written (see `number`).
    shapes: &'static [&'static str],
    /// A bit for each of them, so that most schemes are dismissed at one look.
    marks: u64,
    /// Those that nothing else has: no word is needed.
    alone: &'static [&'static str],
    /// Whether digits and letters agree.
    holds: fn(&Number) -> bool,
    level: Level,
    words: &'static [&'static str],
}

/// A scheme whose check digits agree and that needs a word.
const fn checked(
    name: &'static str,
    shapes: &'static [&'static str],
    holds: fn(&Number) -> bool,
    words: &'static [&'static str],
) -> Scheme {
    Scheme {
        name,
        shapes,
        marks: marks(shapes),
        alone: &[],
        holds,
        level: Level::Validated,
        words,
    }
}

/// The bit of a shape. Different shapes may share one.
const fn mark(shape: &[u8]) -> u64 {
    let first = match shape.first() {
        Some(&first) => first as usize & 31,
        None => 0,
    };
    let length = match shape.len() {
        1 => 0,
        longer => longer * 7 + 1,
    };
    1 << ((first + length) % 64)
}

const fn marks(shapes: &[&str]) -> u64 {
    let mut marks = 0;
    let mut rest = shapes;
    while let [shape, others @ ..] = rest {
        marks |= mark(shape.as_bytes());
        rest = others;
    }
    marks
}

impl Scheme {
    /// So written, nothing else looks like it.
    const fn alone(mut self, shapes: &'static [&'static str]) -> Self {
        self.alone = shapes;
        self
    }

    /// Without check digits, it is as sure as this.
    const fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    fn fits(&self, number: &Number, mark: u64) -> bool {
        let shape = number.shape();
        self.marks & mark != 0
            && self.shapes.iter().any(|known| known.as_bytes() == shape)
            && (self.holds)(number)
    }

    const fn found(&self, start: usize, end: usize) -> Match {
        Match {
            start,
            end,
            what: What {
                kind: Kind::NationalId,
                detector: self.name,
                level: self.level,
            },
        }
    }
}

/// All schemes written in digits.
const SCHEMES: [&[Scheme]; 7] = [
    americas::SCHEMES,
    asia::SCHEMES,
    britain::SCHEMES,
    europe_east::SCHEMES,
    europe_north::SCHEMES,
    europe_south::SCHEMES,
    europe_west::SCHEMES,
];

/// Words that any country's number may be called by.
const ANY: &[&str] = &[
    "national id",
    "national identi",
    "identity number",
    "identification number",
    "identity card",
    "personal number",
    "tax id",
    "tax number",
    "tax file",
    "taxpayer",
    "tax payer",
    "personal id",
    "citizen id",
    "fiscal code",
    "fiscal number",
    "national insurance",
    "national number",
    "national registration",
];

fn probe(view: &View<'_>, at: usize) -> Probe {
    if view.before(at).is_some_and(number::wordy) {
        return lettered::probe(view, at);
    }
    // Most numbers in a text end here: too short, and nothing joined to them.
    let run = digits_from(view, at);
    match view.at(at + run) {
        None if !view.complete => return Probe::More { from: at },
        None if run < 7 => return Probe::No,
        Some(byte) if run < 7 && byte.is_ascii() && !joins(byte) => return Probe::No,
        Some(b' ' | b'-' | b'.' | b'/') if run < 7 => match view.at(at + run + 1) {
            Some(next) if !next.is_ascii_digit() => return Probe::No,
            _ => {}
        },
        _ => {}
    }
    if let Some(answer) = lettered::inner(view, at, run) {
        return answer;
    }
    match number::read(view, at) {
        Reading::More => Probe::More { from: at },
        Reading::Is(number) if number.begins(view) => weigh(view, &number),
        Reading::Is(_) | Reading::No => Probe::No,
    }
}

/// How many digits stand here, counted up to a bound no number reaches.
fn digits_from(view: &View<'_>, at: usize) -> usize {
    view.bytes
        .get(at..)
        .unwrap_or_default()
        .iter()
        .take(24)
        .take_while(|byte| byte.is_ascii_digit())
        .count()
}

/// What may stand between the groups of one number, or begin its letters.
const fn joins(byte: u8) -> bool {
    matches!(byte, b' ' | b'-' | b'.' | b'/' | b'+') || byte.is_ascii_alphabetic()
}

/// Which scheme the number belongs to, if any.
fn weigh(view: &View<'_>, number: &Number) -> Probe {
    let mark = mark(number.shape());
    let candidates = || {
        SCHEMES
            .iter()
            .copied()
            .flatten()
            .filter(|scheme| scheme.fits(number, mark))
    };
    if candidates().next().is_none() {
        return Probe::No;
    }
    settle(view, number.start, number.end, number.shape(), candidates)
}

/// Chooses among the schemes that agree, by the words around the value.
fn settle<'s, I: Iterator<Item = &'s Scheme>>(
    view: &View<'_>,
    start: usize,
    end: usize,
    shape: &[u8],
    candidates: impl Fn() -> I,
) -> Probe {
    let otherwise = context::before(view, start, context::OTHERWISE);
    let nearest = |distance: usize| otherwise.is_none_or(|other| distance < other);
    let said = candidates()
        .filter_map(|scheme| Some((context::before(view, start, scheme.words)?, scheme)))
        .min_by_key(|(distance, _)| *distance);
    if let Some((distance, scheme)) = said
        && nearest(distance)
    {
        return Probe::Found(scheme.found(start, end));
    }
    if otherwise.is_some() {
        return Probe::No;
    }
    let unmistakable =
        candidates().find(|scheme| scheme.alone.iter().any(|known| known.as_bytes() == shape));
    if let Some(scheme) = unmistakable {
        return Probe::Found(scheme.found(start, end));
    }
    if context::before(view, start, ANY).is_some()
        && let Some(scheme) = candidates().next()
    {
        return Probe::Found(scheme.found(start, end));
    }
    let Some(to) = context::reach_behind(view, end) else {
        return Probe::More { from: start };
    };
    candidates()
        .filter_map(|scheme| Some((context::behind(view, end, to, scheme.words)?, scheme)))
        .min_by_key(|(distance, _)| *distance)
        .map_or(Probe::No, |(_, scheme)| {
            Probe::Found(scheme.found(start, end))
        })
}
