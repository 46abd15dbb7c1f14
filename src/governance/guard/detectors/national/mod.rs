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
use context::{Before, Words};
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
    words: Words,
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
        words: Words::of(words),
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
static ANY: Words = Words::of(&[
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
]);

fn probe(view: &View<'_>, at: usize) -> Probe {
    if view.before(at).is_some_and(number::wordy) {
        return lettered::probe(view, at);
    }
    // Most numbers in a text end here: parts of dates, times and fractions, and what is too short with nothing joined to it.
    if continues(view, at) {
        return Probe::No;
    }
    let run = digits_from(view, at);
    match view.at(at + run) {
        None if !view.complete => return Probe::More { from: at },
        None if run < 8 => return Probe::No,
        Some(byte) if run < 8 && byte.is_ascii() && !joins(byte) => return Probe::No,
        Some(joint @ (b' ' | b'-' | b'.' | b'/')) if run < 7 || run == 7 && joint != b'-' => {
            match view.at(at + run + 1) {
                Some(next) if !next.is_ascii_digit() => return Probe::No,
                _ => {}
            }
        }
        _ => {}
    }
    if let Some(answer) = lettered::inner(view, at, run) {
        return answer;
    }
    if !groups_known(view, at, run) {
        return Probe::No;
    }
    match number::read(view, at) {
        Reading::More => Probe::More { from: at },
        Reading::Is(number) if number.begins(view) => weigh(view, &number),
        Reading::Is(_) | Reading::No => Probe::No,
    }
}

/// What stands between groups in shapes.
const JOINTS: &[u8; 4] = b" -./";

/// For each length of a first group, and what stands behind it: a bit for each length its second group may have.
static SECONDS: [[u32; 4]; 32] = seconds();

const fn seconds() -> [[u32; 4]; 32] {
    let mut table = [[0; 4]; 32];
    let mut countries: &[&[Scheme]] = &SCHEMES;
    while let [schemes, others @ ..] = countries {
        let mut schemes = *schemes;
        while let [scheme, others @ ..] = schemes {
            let mut shapes = scheme.shapes;
            while let [shape, others @ ..] = shapes {
                if let [first, joint, second, ..] = shape.as_bytes()
                    && let Some((_, [row, ..])) = table.split_at_mut_checked(place(*first))
                    && let Some((_, [lengths, ..])) = row.split_at_mut_checked(joint_place(*joint))
                {
                    *lengths |= 1 << place(*second);
                }
                shapes = others;
            }
            schemes = others;
        }
        countries = others;
    }
    table
}

/// A length as shapes write it, as a number; letters at the end share the place of ten.
const fn place(written: u8) -> usize {
    match written {
        b'0'..=b'9' => (written - b'0') as usize,
        _ => (written.to_ascii_lowercase() - b'a') as usize + 10,
    }
}

const fn joint_place(joint: u8) -> usize {
    let mut at = 0;
    let mut rest: &[u8] = JOINTS;
    while let [known, others @ ..] = rest {
        if *known == joint {
            return at;
        }
        at += 1;
        rest = others;
    }
    at
}

/// Whether any shape begins with the two groups here; without a second group in sight, perhaps one does.
fn groups_known(view: &View<'_>, at: usize, run: usize) -> bool {
    let second = at + run + 1;
    let (Some(joint), true) = (
        view.at(at + run).filter(|byte| JOINTS.contains(byte)),
        view.at(second).is_some_and(|byte| byte.is_ascii_digit()),
    ) else {
        return true;
    };
    let length = digits_from(view, second);
    if joint == b' ' && run >= number::ALONE || second + length == view.bytes.len() {
        return true;
    }
    SECONDS
        .get(run)
        .and_then(|joints| joints.get(joint_place(joint)))
        .is_some_and(|lengths| lengths >> length & 1 == 1)
}

/// Whether the digits here go on from a separator that no number begins behind.
fn continues(view: &View<'_>, at: usize) -> bool {
    match view.before(at) {
        Some(b'-' | b'/' | b'+' | b'$' | b'%' | b'@' | b'\\') => true,
        Some(b'.' | b':') => at
            .checked_sub(1)
            .and_then(|joint| view.before(joint))
            .is_some_and(|byte| byte.is_ascii_digit()),
        _ => false,
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
    let before = Before::new(view, start);
    let otherwise = before.nearest(&context::OTHERWISE);
    let nearest = |distance: usize| otherwise.is_none_or(|other| distance < other);
    let said = candidates()
        .filter_map(|scheme| Some((before.nearest(&scheme.words)?, scheme)))
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
    if before.nearest(&ANY).is_some()
        && let Some(scheme) = candidates().next()
    {
        return Probe::Found(scheme.found(start, end));
    }
    let Some(to) = context::reach_behind(view, end) else {
        return Probe::More { from: start };
    };
    candidates()
        .filter_map(|scheme| Some((context::behind(view, end, to, &scheme.words)?, scheme)))
        .min_by_key(|(distance, _)| *distance)
        .map_or(Probe::No, |(_, scheme)| {
            Probe::Found(scheme.found(start, end))
        })
}
