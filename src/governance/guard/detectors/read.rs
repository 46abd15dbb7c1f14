//! Reading around a trigger in a text that may go on.
//!
//! Every look at a byte that is not there yet, where more may come, is [`Wait`]; probes pass it up with `?` and answer that
//! they need more. So "not yet" is never mistaken for "not there".

use super::super::finding::{Kind, Level};
use super::super::probe::{Match, Probe, View, What};

/// The text ends before the question is settled, and may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wait;

/// An answer that holds whatever comes, or none yet.
pub(super) type Sure<T> = Result<T, Wait>;

/// The byte at an offset; `None` behind the end of the text.
pub(super) fn byte(view: &View<'_>, at: usize) -> Sure<Option<u8>> {
    match view.at(at) {
        None if !view.complete => Err(Wait),
        known => Ok(known),
    }
}

/// Whether the byte at an offset is one of these.
pub(super) fn is(view: &View<'_>, at: usize, fits: impl Fn(u8) -> bool) -> Sure<bool> {
    Ok(byte(view, at)?.is_some_and(fits))
}

/// How many bytes from an offset on fit, at most `most`.
pub(super) fn run(
    view: &View<'_>,
    from: usize,
    most: usize,
    fits: impl Fn(u8) -> bool,
) -> Sure<usize> {
    let mut count = 0;
    while count < most && is(view, from + count, &fits)? {
        count += 1;
    }
    Ok(count)
}

/// How many bytes before an offset fit, at most `most`.
pub(super) fn run_before(
    view: &View<'_>,
    at: usize,
    most: usize,
    fits: impl Fn(u8) -> bool,
) -> usize {
    let before = view.bytes.get(..at).unwrap_or_default();
    before
        .iter()
        .rev()
        .take(most)
        .take_while(|b| fits(**b))
        .count()
}

/// Whether the byte before an offset and the one before that are these.
pub(super) fn behind(
    view: &View<'_>,
    at: usize,
    last: impl Fn(u8) -> bool,
    other: impl Fn(u8) -> bool,
) -> bool {
    view.before(at).is_some_and(last) && at > 0 && view.before(at - 1).is_some_and(other)
}

/// Letters and digits of ASCII: what a value may not touch.
pub(super) fn alnum(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

/// Whether a value may begin here: no letter or digit of ASCII touches it, or they end a word of another alphabet (`não`).
pub(super) fn opens(view: &View<'_>, at: usize) -> bool {
    let letters = run_before(view, at, LONGEST_ENDING, |b| b.is_ascii_lowercase());
    let other = at.checked_sub(letters).and_then(|at| view.before(at));
    if letters == 0 {
        !other.is_some_and(alnum)
    } else {
        other.is_some_and(|b| !b.is_ascii())
    }
}

/// How many letters of ASCII may end a word of another alphabet.
const LONGEST_ENDING: usize = 8;

/// Decimal digits.
pub(super) fn digit(byte: u8) -> bool {
    byte.is_ascii_digit()
}

/// Hexadecimal digits.
pub(super) fn hex(byte: u8) -> bool {
    byte.is_ascii_hexdigit()
}

/// How far context reaches, in characters.
const NEAR: usize = 40;

/// The longest name of which a part may be that far away, in bytes.
const LONGEST_NAME: usize = 24;

/// The text just before an offset: at most [`NEAR`] characters, and all of the name the first of them stands in.
pub(super) fn near<'a>(view: &View<'a>, at: usize) -> &'a [u8] {
    let before = view.bytes.get(..at).unwrap_or_default();
    let mut characters = 0;
    let mut from = before.len();
    for byte in before.iter().rev().take(3 * NEAR) {
        from -= 1;
        characters += usize::from(byte & 0xc0 != 0x80);
        if characters == NEAR {
            break;
        }
    }
    from -= run_before(view, from, LONGEST_NAME, |b| alnum(b) || b == b'_');
    before.get(from..).unwrap_or_default()
}

/// Whether one of these words (in lower case) stands in a text as a word, or as a part of a name like `customerSsnNumber`.
pub(super) fn has_word(text: &[u8], words: &[&str]) -> bool {
    let humps = |before: u8, behind: u8| before.is_ascii_lowercase() && behind.is_ascii_uppercase();
    words.iter().any(|word| {
        let windows = text.windows(word.len()).enumerate();
        windows
            .filter(|(_, window)| window.eq_ignore_ascii_case(word.as_bytes()))
            .any(|(at, window)| {
                let before = at.checked_sub(1).and_then(|before| text.get(before));
                let behind = text.get(at + word.len());
                let (first, last) = (window.first(), window.last());
                let opens = before
                    .zip(first)
                    .is_none_or(|(a, b)| !alnum(*a) || humps(*a, *b));
                let closes = last
                    .zip(behind)
                    .is_none_or(|(a, b)| !b.is_ascii_alphabetic() || humps(*a, *b));
                opens && closes
            })
    })
}

/// The answer of a probe that knows or must wait; `from` is where the value may begin.
pub(super) fn answer(found: Sure<Option<Match>>, from: usize) -> Probe {
    match found {
        Ok(Some(found)) => Probe::Found(found),
        Ok(None) => Probe::No,
        Err(Wait) => Probe::More { from },
    }
}

/// A value that was found.
pub(super) fn found(
    start: usize,
    end: usize,
    kind: Kind,
    detector: &'static str,
    level: Level,
) -> Match {
    let what = What {
        kind,
        detector,
        level,
    };
    Match { start, end, what }
}
