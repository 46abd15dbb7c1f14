//! Words around a value that say what it is, at most 40 characters away; before it, a name that is partly so near counts whole.
//!
//! Words are written in lower case and match in either. A space in them also stands for `_`, `-` or nothing, because
//! the same words are keys of JSON, columns and variables. A word written in capitals (`SIN`, `PAN`) is an ordinary word
//! in lower case; so written it counts only as a key: in quotes, between
//! tags, in a cell of a table, behind `$` or `--`, or before `:`, `=` or `_`.
//!
//! Invariant: what is said of the words behind a value is said only once all 40 characters are known, so that it does
//! not depend on how a stream is cut. A line's end, a sentence's end or another number ends them early.
//!
//! Not here: which words mean what; they stand beside the schemes.

use crate::governance::guard::probe::View;

/// How far a word may be from its value, in characters. A name that is partly so near counts whole.
const REACH: usize = 40;

/// The longest name of which a part may be that far away, in bytes.
const LONGEST_NAME: usize = 32;

/// The most that is looked at before a value, in bytes.
const MOST: usize = 160;

/// Words to look for, and which pairs of letters they begin with.
pub(crate) struct Words {
    list: &'static [&'static str],
    /// A bit for each first letter, in the row of the second.
    heads: [u32; 32],
}

impl Words {
    /// The words in lower case, but for those whose capitals matter.
    pub(crate) const fn of(list: &'static [&'static str]) -> Self {
        let mut heads = [0; 32];
        let mut rest = list;
        while let [word, others @ ..] = rest {
            if let [first, second, ..] = word.as_bytes() {
                let row = (*second & 31) as usize;
                if let Some((_, [head, ..])) = heads.split_at_mut_checked(row) {
                    *head |= 1 << (*first & 31);
                }
            }
            rest = others;
        }
        Self { list, heads }
    }

    /// Whether one of them may begin with these two letters; the case of letters is not in the bits that are looked at.
    fn may_begin(&self, first: u8, second: u8) -> bool {
        self.heads
            .get(usize::from(second & 31))
            .is_some_and(|row| row >> (first & 31) & 1 == 1)
    }
}

/// Words that say a number is something else, when they stand nearer than those that say what it is.
pub(crate) static OTHERWISE: Words = Words::of(&[
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
]);

/// The places before a value at which words begin, found once for all lists.
pub(crate) struct Before<'a> {
    view: &'a View<'a>,
    /// Where the value begins.
    at: usize,
    /// A bit for each place, the nearest lowest.
    places: [u128; 2],
}

impl<'a> Before<'a> {
    /// Looks back 40 characters from `at`.
    pub(crate) fn new(view: &'a View<'a>, at: usize) -> Self {
        let text = view.bytes.get(at.saturating_sub(MOST)..at);
        let mut places = [0; 2];
        let mut characters = 0;
        let mut name = 0;
        // The byte behind the one looked at.
        let mut behind = b' ';
        let mut mark = |distance: usize| {
            if let Some(half) = places.get_mut(distance / 128) {
                *half |= 1_u128 << (distance % 128);
            }
        };
        let mut distance = 0;
        for &byte in text.unwrap_or_default().iter().rev() {
            if begins_word(byte, behind) {
                mark(distance);
            }
            if characters == REACH {
                if name == LONGEST_NAME || !(byte.is_ascii_alphanumeric() || byte == b'_') {
                    return Self { view, at, places };
                }
                name += 1;
            } else {
                characters += usize::from(byte & 0xc0 != 0x80);
            }
            behind = byte;
            distance += 1;
        }
        let beyond = at.checked_sub(distance).and_then(|from| view.before(from));
        if begins_word(beyond.unwrap_or(b' '), behind) {
            mark(distance);
        }
        Self { view, at, places }
    }

    /// How many bytes before the value the nearest of these words begins.
    pub(crate) fn nearest(&self, words: &Words) -> Option<usize> {
        self.find(words, false)
    }

    /// How many bytes before the value the nearest of these words begins, as a whole word at most so many characters away.
    pub(crate) fn closest_whole(&self, reach: usize, words: &Words) -> Option<usize> {
        self.find(words, true).filter(|&distance| {
            let text = self.view.bytes.get(self.at - distance..self.at);
            text.unwrap_or_default()
                .iter()
                .filter(|&byte| byte & 0xc0 != 0x80)
                .count()
                <= reach
        })
    }

    fn find(&self, words: &Words, whole: bool) -> Option<usize> {
        let [near, far] = self.places;
        for (mut bits, from) in [(near, 0), (far, 128)] {
            while bits != 0 {
                let distance = from + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                if any_stands(self.view, self.at - distance, self.at, words, whole) {
                    return Some(distance);
                }
            }
        }
        None
    }
}

/// Whether a word begins behind this byte: a letter behind none, a capital behind a small one (`patientNhs`), or any character
/// beyond ASCII.
const fn begins_word(before: u8, first: u8) -> bool {
    if first.is_ascii_alphabetic() {
        !before.is_ascii_alphabetic() || before.is_ascii_lowercase() && first.is_ascii_uppercase()
    } else {
        first >= 0xc0
    }
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
pub(crate) fn behind(view: &View<'_>, from: usize, to: usize, words: &Words) -> Option<usize> {
    // As if the text ended there: what comes later must not matter.
    let view = &View {
        bytes: view.bytes.get(..to).unwrap_or_default(),
        ..*view
    };
    (from..to)
        .find(|&place| {
            let before = view.before(place).unwrap_or(b' ');
            view.at(place)
                .is_some_and(|first| begins_word(before, first))
                && any_stands(view, place, to, words, false)
        })
        .map(|place| place - from)
}

/// Whether one of these words stands at `place`, where a word begins, and ends before `to`.
fn any_stands(view: &View<'_>, place: usize, to: usize, words: &Words, whole: bool) -> bool {
    let (Some(first), Some(second)) = (view.at(place), view.at(place + 1)) else {
        return false;
    };
    words.may_begin(first, second)
        && words.list.iter().any(|word| {
            let lead = word.bytes().next().unwrap_or(0);
            lead.eq_ignore_ascii_case(&first) && stands(view, place, to, word, whole)
        })
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

/// Used as a name for the value: `"sin"`, `sin:`, `sin = `, `sin_number`, `employee_sin`, `$sin`, `<sin>`, `| sin |`, `--sin`.
fn is_key(view: &View<'_>, place: usize, end: usize) -> bool {
    let behind = view.at(end);
    let spaced = behind == Some(b' ');
    let next = if spaced { view.at(end + 1) } else { behind };
    match next {
        Some(b':' | b'=' | b'|' | b'#') => return true,
        Some(b'"' | b'\'' | b'_' | b'>' | b'<' | b'\\' | b'`' | b'*') if !spaced => return true,
        Some(next) if !spaced && next.is_ascii_uppercase() => return true,
        _ => {}
    }
    matches!(view.before(place), Some(b'"' | b'\'' | b'_' | b'$'))
        || view
            .bytes
            .get(place.saturating_sub(2)..place)
            .is_some_and(|text| text == b"--")
        || [&b" number"[..], b" no", b" #"].iter().any(|tail| {
            view.bytes
                .get(end..end + tail.len())
                .is_some_and(|text| text.eq_ignore_ascii_case(tail))
        })
}
