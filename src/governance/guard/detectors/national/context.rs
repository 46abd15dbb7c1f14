//! Words around a value that say what it is, at most 40 characters away.
//!
//! Words are written in lower case and match in either. A space in them also stands for `_`, `-` or nothing, because
//! the same words are keys of JSON, columns and variables. A word written in capitals (`SIN`, `PAN`) is an ordinary word
//! in lower case; so written it counts only as a key: in quotes, or before `:`, `=` or `_`.
//!
//! Invariant: what is said of the words behind a value is said only once all 40 characters are known, so that it does
//! not depend on how a stream is cut. A line's end, a sentence's end or another number ends them early.
//!
//! Not here: which words mean what; they stand beside the schemes.

use crate::governance::guard::probe::View;

/// How far a word may be from its value, in characters.
const REACH: usize = 40;

/// Longer lists are sorted by their first letter in lower case, and searched from where it begins.
const LONG_LIST: usize = 30;

/// Words that say a number is something else, when they stand nearer than those that say what it is.
pub(crate) const OTHERWISE: &[&str] = &[
    "order",
    "invoice",
    "tracking",
    "sku",
    "isbn",
    "issn",
    "serial",
    "ticket",
    "part number",
    "part no",
    "version",
    "commit",
    "shipment",
    "model no",
    "model number",
    "barcode",
    "rechnung",
    "factura",
    "facture",
    "bestellung",
    "auftrag",
    "pedido",
    "commande",
];

/// How many bytes before `at` the nearest of these words begins, looking back 40 characters.
pub(crate) fn before(view: &View<'_>, at: usize, words: &[&str]) -> Option<usize> {
    let from = reach_back(view, at, REACH);
    (from..at)
        .rev()
        .find(|&place| any_stands(view, place, at, words, false))
        .map(|place| at - place)
}

/// How many bytes before `at` the nearest of these words begins, as a whole word at most so many characters away.
pub(crate) fn closest_whole(
    view: &View<'_>,
    at: usize,
    reach: usize,
    words: &[&str],
) -> Option<usize> {
    let from = reach_back(view, at, reach.min(REACH));
    (from..at)
        .rev()
        .find(|&place| any_stands(view, place, at, words, true))
        .map(|place| at - place)
}

fn reach_back(view: &View<'_>, at: usize, reach: usize) -> usize {
    let mut from = at;
    for _ in 0..reach {
        let Some(mut place) = from.checked_sub(1) else {
            break;
        };
        while place > 0 && view.at(place).is_some_and(|byte| byte & 0xc0 == 0x80) {
            place -= 1;
        }
        from = place;
    }
    from
}

/// Where the text behind a value that may speak of it ends; nothing while it is not known. A word cut in two by the bound
/// is left out whole.
pub(crate) fn reach_behind(view: &View<'_>, end: usize) -> Option<usize> {
    let mut at = end;
    let mut word = end;
    let mut characters = 0;
    while let Some(byte) = view.at(at) {
        if byte == b'\n' || byte.is_ascii_digit() {
            return Some(at);
        }
        if characters == REACH {
            return Some(if byte.is_ascii_alphabetic() { word } else { at });
        }
        if matches!(byte, b'.' | b'!' | b'?') {
            match view.at(at + 1) {
                Some(next) if next.is_ascii_whitespace() => return Some(at),
                None if !view.complete => return None,
                _ => {}
            }
        }
        at += 1;
        while view.at(at).is_some_and(|byte| byte & 0xc0 == 0x80) {
            at += 1;
        }
        if !byte.is_ascii_alphabetic() {
            word = at;
        }
        characters += 1;
    }
    view.complete.then_some(at)
}

/// How many bytes behind `from` the first of these words begins, looking no further than `to`.
pub(crate) fn behind(view: &View<'_>, from: usize, to: usize, words: &[&str]) -> Option<usize> {
    // As if the text ended there: what comes later must not matter.
    let view = &View {
        bytes: view.bytes.get(..to).unwrap_or_default(),
        ..*view
    };
    (from..to)
        .find(|&place| any_stands(view, place, to, words, false))
        .map(|place| place - from)
}

/// Whether one of these words stands at `place` and ends before `to`. Most places are dismissed by their first byte.
fn any_stands(view: &View<'_>, place: usize, to: usize, words: &[&str], whole: bool) -> bool {
    let Some(first) = view.at(place) else {
        return false;
    };
    let begins = if first.is_ascii() {
        first.is_ascii_alphabetic() && starts_word(view, place)
    } else {
        first & 0xc0 == 0xc0
    };
    if !begins {
        return false;
    }
    let first = first.to_ascii_lowercase();
    let lead = |word: &&str| word.as_bytes().first().map_or(0, u8::to_ascii_lowercase);
    let from = if words.len() > LONG_LIST {
        words.partition_point(|word| lead(word) < first)
    } else {
        0
    };
    words
        .get(from..)
        .unwrap_or_default()
        .iter()
        .take_while(|word| words.len() <= LONG_LIST || lead(word) == first)
        .any(|word| lead(word) == first && stands(view, place, to, word, whole))
}

/// Whether a word whose first letter begins a word stands at `place`; with `whole`, whether the word is no longer.
fn stands(view: &View<'_>, place: usize, to: usize, word: &str, whole: bool) -> bool {
    let Some(end) = matches(view, place, to, word) else {
        return false;
    };
    let letters = word.as_bytes();
    if letters.first().is_some_and(u8::is_ascii_uppercase) {
        let written_so = view
            .bytes
            .get(place..end)
            .is_some_and(|text| text == letters);
        return ends_word(view, end) && (written_so || is_key(view, place, end));
    }
    let short = letters.len() <= 4 && letters.is_ascii();
    !(short || whole) || ends_word(view, end)
}

/// Where the word ends, if its letters stand here.
fn matches(view: &View<'_>, place: usize, to: usize, word: &str) -> Option<usize> {
    let mut at = place;
    for wanted in word.bytes() {
        let found = view.at(at);
        if wanted == b' ' {
            if matches!(found, Some(b' ' | b'_' | b'-')) {
                at += 1;
            }
        } else if found?.eq_ignore_ascii_case(&wanted) {
            at += 1;
        } else {
            return None;
        }
    }
    (at <= to).then_some(at)
}

/// No letter before it, or a change from small to capital as in `patientNhs`.
fn starts_word(view: &View<'_>, place: usize) -> bool {
    match (view.before(place), view.at(place)) {
        (Some(before), Some(first)) if before.is_ascii_alphabetic() => {
            before.is_ascii_lowercase() && first.is_ascii_uppercase()
        }
        _ => true,
    }
}

/// No letter behind it, or the next word begins with a capital as in `nhsNumber` and `NHSNumber`.
fn ends_word(view: &View<'_>, end: usize) -> bool {
    let Some(next) = view.at(end).filter(u8::is_ascii_alphabetic) else {
        return true;
    };
    let lower_before = view
        .before(end)
        .is_some_and(|byte| byte.is_ascii_lowercase());
    let lower_behind = view
        .at(end + 1)
        .is_some_and(|byte| byte.is_ascii_lowercase());
    next.is_ascii_uppercase() && (lower_before || lower_behind)
}

/// Used as a name for the value: `"sin"`, `sin:`, `sin=`, `sin_number`, `employee_sin`.
fn is_key(view: &View<'_>, place: usize, end: usize) -> bool {
    matches!(view.at(end), Some(b'"' | b'\'' | b':' | b'=' | b'_' | b'#'))
        || matches!(view.before(place), Some(b'"' | b'\'' | b'_'))
        || view.at(end).is_some_and(|byte| byte.is_ascii_uppercase())
        || [&b" number"[..], b" no", b" #"].iter().any(|tail| {
            view.bytes
                .get(end..end + tail.len())
                .is_some_and(|text| text.eq_ignore_ascii_case(tail))
        })
}
