//! Telephone numbers: with a plus and a country code, in a way of writing that a region knows, or by a word nearby.
//!
//! Own grammar and an own table of country codes and lengths instead of the `phonenumber` crate: that knows whether a
//! number is handed out, which no text needs, brings a megabyte of metadata and a regex per region, and reads neither
//! streams nor sentences. What it adds (is this prefix in use?) would only lose test numbers and new ranges.
//!
//! Four ways to be sure, in this order: `+` or `00` with a country code and a length it has; a shape of [`shapes`]; a shape
//! that is a telephone number beside a word (`tel`, `call`, …); any digits at all right behind such a word. A number of
//! another kind by its words (order, invoice, tracking) is none of the last three.
//!
//! The extension (`x12`, `ext. 12`) is not part of the value: it is useless alone, and prose follows it.
//!
//! Not here: whether the number exists.

mod countries;
mod dialled;
mod shapes;
#[cfg(test)]
mod tests;
mod words;

use super::national::context::{self, Before};
use crate::governance::guard::finding::{Kind, Level};
use crate::governance::guard::probe::{Class, Detector, Match, Probe, Trigger, View, What};
use dialled::{Dialled, Reading};
use shapes::Sure;
use words::{ASKING, OTHERWISE, STRONG, WEAK};

/// The detector of telephone numbers.
pub(crate) const DETECTORS: &[Detector] = &[Detector {
    name: "phone",
    kind: Kind::Phone,
    triggers: &[
        Trigger::Digits(1),
        Trigger::Shape(&[Class::AnyOf("+("), Class::Digit]),
        Trigger::Shape(&[Class::Byte(b'('), Class::Byte(b'+'), Class::Digit]),
    ],
    probe,
}];

/// How far a weak word may be, in characters.
const NEAR: usize = 25;

/// A plus or bracket before the digits wakes the probe itself, so that it is still there in a stream.
fn probe(view: &View<'_>, at: usize) -> Probe {
    let digits = match (view.at(at), view.at(at + 1)) {
        (Some(b'('), Some(b'+')) => at + 2,
        (Some(b'+'), _) if view.before(at) == Some(b'(') => return Probe::No,
        (Some(b'+' | b'('), _) => at + 1,
        _ if matches!(view.before(at), Some(b'+' | b'(')) || dismissed(view, at) => {
            return Probe::No;
        }
        _ => at,
    };
    match dialled::read(view, digits) {
        Reading::No => Probe::No,
        Reading::More(from) => Probe::More { from },
        Reading::Is(dialled) => weigh(view, &dialled),
    }
}

/// Most numbers in a text: short, with no further digits behind.
fn dismissed(view: &View<'_>, at: usize) -> bool {
    if view
        .before(at)
        .is_some_and(|byte| byte.is_ascii_alphabetic())
        || goes_on(view, at)
        || is_day(view, at)
    {
        return true;
    }
    let mut end = at;
    while end - at < 7 && view.at(end).is_some_and(|byte| byte.is_ascii_digit()) {
        end += 1;
    }
    match (view.at(end), view.at(end + 1)) {
        _ if end - at == 7 => false,
        (None, _) | (Some(b' ' | b'-' | b'.' | b'/'), None) => view.complete,
        (Some(b' ' | b'-' | b'.' | b'/'), Some(next)) => {
            next.is_ascii_alphabetic() || matches!(next, b',' | b'\n')
        }
        (Some(byte), _) => byte.is_ascii() && !matches!(byte, b')' | b'('),
    }
}

/// `2026-11-27`, of which no beginning is a telephone number either.
fn is_day(view: &View<'_>, at: usize) -> bool {
    let Some([y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, behind]) =
        view.bytes.get(at..).and_then(|rest| rest.first_chunk())
    else {
        return false;
    };
    let year = matches!((y1, y2), (b'1', b'9') | (b'2', b'0'));
    let month = matches!((m1, m2), (b'0', b'0'..=b'9') | (b'1', b'0'..=b'2'));
    let day = matches!((d1, d2), (b'0'..=b'2', b'0'..=b'9') | (b'3', b'0' | b'1'));
    year && y3.is_ascii_digit() && y4.is_ascii_digit() && month && day && !behind.is_ascii_digit()
}

/// Digits behind a hyphen, and behind a dot or colon after digits: parts of dates, times, versions, addresses.
fn goes_on(view: &View<'_>, at: usize) -> bool {
    match view.before(at) {
        Some(b'-') => true,
        Some(b'.' | b':') => at
            .checked_sub(1)
            .and_then(|joint| view.before(joint))
            .is_some_and(|byte| byte.is_ascii_digit()),
        _ => false,
    }
}

/// Whether any beginning of the groups, as long as possible, is a telephone number.
fn weigh(view: &View<'_>, dialled: &Dialled) -> Probe {
    let cuts = || {
        dialled
            .cuts()
            .rev()
            .filter(|&groups| dialled.may_end(view, groups))
    };
    if dialled.plus {
        return cuts()
            .find(|&groups| countries::international(dialled, groups))
            .map_or(Probe::No, |groups| {
                found(dialled, groups, "phone_international", Level::Shaped)
            });
    }
    let best = cuts()
        .filter_map(|groups| Some((shapes::national(dialled, groups)?, groups)))
        .max_by_key(|&(sure, groups)| (sure, groups));
    let Some((sure, groups)) = best else {
        return Probe::No;
    };
    let before = Before::new(view, dialled.start);
    let strong = before.nearest(&STRONG);
    let said = [strong, before.closest_whole(NEAR, &WEAK)]
        .into_iter()
        .flatten()
        .min();
    if said.is_none() && sure == Sure::AnyDigits {
        let note = opens_note(view, dialled.end(groups));
        return if note && before.nearest(&OTHERWISE).is_none() {
            behind(view, dialled, groups, 2)
        } else {
            Probe::No
        };
    }
    let otherwise = before
        .nearest(&OTHERWISE)
        .filter(|&other| !sentence_ends(view, dialled.start - other, dialled.start));
    if otherwise.is_some_and(|other| said.is_none_or(|word| other < word)) {
        return Probe::No;
    }
    match sure {
        Sure::Shape => found(dialled, groups, "phone", Level::Shaped),
        Sure::International if said.is_some() || groups > 1 => {
            found(dialled, groups, "phone_international", Level::Shaped)
        }
        Sure::Digits | Sure::Word | Sure::International if said.is_some() => {
            found(dialled, groups, "phone", Level::Contextual)
        }
        Sure::AnyDigits if strong.is_some() || weakly(dialled, groups, said) => {
            found(dialled, groups, "phone", Level::Contextual)
        }
        Sure::Word | Sure::Digits => behind(view, dialled, groups, usize::MAX),
        Sure::AnyDigits | Sure::International => Probe::No,
    }
}

/// Whether ` (` and a letter follow: a note on what the number is, as in `213156518 (phone)`.
fn opens_note(view: &View<'_>, end: usize) -> bool {
    view.at(end) == Some(b' ')
        && match (view.at(end + 1), view.at(end + 2)) {
            (Some(b'('), Some(next)) => next.is_ascii_alphabetic(),
            (Some(b'(') | None, None) => !view.complete,
            _ => false,
        }
}

/// Whether a sentence ends between a word and the number, so that the word speaks of something else.
fn sentence_ends(view: &View<'_>, from: usize, to: usize) -> bool {
    let text = view.bytes.get(from..to).unwrap_or_default();
    text.windows(3).any(|three| {
        matches!(three, [b'.' | b'!' | b'?', b' ' | b'\n', next] if next.is_ascii_uppercase())
    })
}

/// Whether a weak word is enough: for groups, or for as many digits as most countries have, right behind it.
fn weakly(dialled: &Dialled, groups: usize, said: Option<usize>) -> bool {
    said.is_some_and(|word| groups > 1 || word < 8 && matches!(dialled.digits(1).len(), 10..=12))
}

/// `(cell)`, `is my mobile`: a word behind the number, at most so many bytes.
fn behind(view: &View<'_>, dialled: &Dialled, groups: usize, most: usize) -> Probe {
    let end = dialled.end(groups);
    match context::reach_behind(view, end) {
        None => Probe::More {
            from: dialled.start,
        },
        Some(to)
            if [&STRONG, &ASKING]
                .into_iter()
                .filter_map(|words| context::behind(view, end, to, words))
                .any(|distance| distance <= most) =>
        {
            found(dialled, groups, "phone", Level::Contextual)
        }
        Some(_) => Probe::No,
    }
}

fn found(dialled: &Dialled, groups: usize, detector: &'static str, level: Level) -> Probe {
    Probe::Found(Match {
        start: dialled.start,
        end: dialled.end(groups),
        what: What {
            kind: Kind::Phone,
            detector,
            level,
        },
    })
}
