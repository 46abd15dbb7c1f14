//! A number as people write it: groups of digits with single separators between them, perhaps a letter at the end.
//!
//! Read once per trigger into its digits and its *shape*, so that each scheme only compares a few bytes. A shape writes
//! the length of each group in base 36 and the separators as they are: `3 3 4`, `3.3.3-2`, `b` for eleven digits in a
//! row, `8-A` with a letter at the end.
//!
//! Invariant: spaces and other separators do not mix in one number. `912-70-1234 5 times` ends at the space, `5 912-70-1234`
//! begins behind it; but a number written with spaces is refused when further digits follow behind another space.
//!
//! Not here: what the digits mean (the schemes), words around the number (`context`).

use crate::governance::guard::probe::View;

/// More digits than this are no number of a person.
const MOST_DIGITS: usize = 20;
/// A run of this many digits stands for itself: a space behind it does not join it to the next group.
pub(super) const ALONE: usize = 8;

/// Backslashes before a quote that is quoted four times over.
const MOST_BACKSLASHES: usize = 15;

/// A number with its digits and its shape.
#[derive(Debug, Clone, Copy)]
pub(super) struct Number {
    /// Its first byte.
    pub(super) start: usize,
    /// The first byte behind it.
    pub(super) end: usize,
    digits: [u8; MOST_DIGITS],
    count: usize,
    shape: [u8; 2 * MOST_DIGITS],
    length: usize,
    /// The one or two letters at its end, in capitals; zero where there is none.
    pub(super) letters: [u8; 2],
    /// Whether those letters are capitals in the text.
    pub(super) capitals: bool,
}

/// What reading gave.
pub(super) enum Reading {
    /// No number stands here, whatever comes.
    No,
    /// Not known before more of the text is.
    More,
    /// This one.
    Is(Number),
}

/// Whether something holds, as far as the text is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    Yes,
    No,
    NotYet,
}

impl Number {
    const fn at(start: usize) -> Self {
        Self {
            start,
            end: start,
            digits: [0; MOST_DIGITS],
            count: 0,
            shape: [0; 2 * MOST_DIGITS],
            length: 0,
            letters: [0; 2],
            capitals: true,
        }
    }

    /// Its digits, each as its value.
    pub(super) fn digits(&self) -> &[u8] {
        self.digits.get(..self.count).unwrap_or_default()
    }

    /// Its shape.
    pub(super) fn shape(&self) -> &[u8] {
        self.shape.get(..self.length).unwrap_or_default()
    }

    fn write(&mut self, byte: u8) {
        if let Some(place) = self.shape.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
    }

    fn spaced(&self) -> bool {
        self.shape().contains(&b' ')
    }

    /// Whether it is one run of digits, long enough to stand beside a comma or a space and digits.
    fn alone(&self) -> bool {
        self.length == 1 && self.count >= ALONE
    }
}

/// The separator at an offset, normalised to `-`, `.`, `/` or a space, and its length in bytes.
pub(crate) fn separator(view: &View<'_>, at: usize) -> Option<(u8, usize)> {
    match view.at(at)? {
        byte @ (b' ' | b'-' | b'.' | b'/') => Some((byte, 1)),
        0xc2 if view.at(at + 1) == Some(0xa0) => Some((b' ', 2)),
        0xe2 if view.at(at + 1) == Some(0x80) => match view.at(at + 2)? {
            0xaf | 0x89 => Some((b' ', 3)),
            0x90..=0x93 => Some((b'-', 3)),
            _ => None,
        },
        _ => None,
    }
}

/// The separator that ends before an offset, and where it begins.
pub(crate) fn separator_before(view: &View<'_>, at: usize) -> Option<(u8, usize)> {
    for length in 1..=3 {
        let from = at.checked_sub(length)?;
        if let Some((byte, found)) = separator(view, from)
            && found == length
        {
            return Some((byte, from));
        }
    }
    None
}

fn digit_at(view: &View<'_>, at: usize) -> bool {
    view.at(at).is_some_and(|byte| byte.is_ascii_digit())
}

pub(crate) const fn wordy(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Reads the number that begins at the digit at `start`. What stands before it is not looked at.
pub(super) fn read(view: &View<'_>, start: usize) -> Reading {
    let mut number = Number::at(start);
    let mut at = start;
    loop {
        let group = at;
        while let Some(byte @ b'0'..=b'9') = view.at(at) {
            let Some(place) = number.digits.get_mut(number.count) else {
                return Reading::No;
            };
            *place = byte - b'0';
            number.count += 1;
            at += 1;
        }
        number.end = at;
        let length = u32::try_from(at - group).unwrap_or_default();
        let Some(written) = char::from_digit(length, 36) else {
            return Reading::No;
        };
        number.write(u8::try_from(written).unwrap_or(b'?'));
        let Some((byte, length)) = separator(view, at) else {
            break;
        };
        if at + length >= view.bytes.len() && !view.complete {
            return Reading::More;
        }
        let joins = if byte == b' ' {
            number.length == 1 && number.count < ALONE || number.spaced()
        } else {
            !number.spaced()
        };
        if !joins || !digit_at(view, at + length) {
            break;
        }
        number.write(byte);
        at += length;
    }
    letters(view, number)
}

/// Takes in the letters at the end, and looks whether the number ends there at all.
fn letters(view: &View<'_>, mut number: Number) -> Reading {
    let from = match view.at(number.end) {
        Some(b'-')
            if view
                .at(number.end + 1)
                .is_some_and(|byte| byte.is_ascii_alphabetic()) =>
        {
            number.end + 1
        }
        _ => number.end,
    };
    let mut at = from;
    while let Some(byte) = view.at(at).filter(u8::is_ascii_alphabetic) {
        let Some(place) = number.letters.get_mut(at - from) else {
            return Reading::No;
        };
        *place = byte.to_ascii_uppercase();
        number.capitals &= byte.is_ascii_uppercase();
        at += 1;
    }
    if at > from {
        if from > number.end {
            number.write(b'-');
        }
        for _ in from..at {
            number.write(b'A');
        }
        number.end = at;
    }
    match ends(view, number.end, number.alone()) {
        Known::Yes => Reading::Is(number),
        Known::No => Reading::No,
        Known::NotYet => Reading::More,
    }
}

/// Whether a value may end at an offset: no longer token, decimal, range, path or address goes on there. A long run of
/// digits may be followed by a comma and digits, as in a table.
pub(crate) fn ends(view: &View<'_>, at: usize, alone: bool) -> Known {
    let Some(byte) = view.at(at) else {
        return if view.complete {
            Known::Yes
        } else {
            Known::NotYet
        };
    };
    if wordy(byte) || matches!(byte, b'@' | b'%' | b'+' | b'=') {
        return Known::No;
    }
    if byte == b'\\' {
        return escapes(view, at);
    }
    let (joint, length) = match separator(view, at) {
        Some((b' ', _)) => return Known::Yes,
        Some(found) => found,
        None if matches!(byte, b',' | b':') => (byte, 1),
        None => return Known::Yes,
    };
    match view.at(at + length) {
        None if view.complete => Known::Yes,
        None => Known::NotYet,
        Some(b'0'..=b'9') if !(joint == b',' && alone) => Known::No,
        Some(next) if wordy(next) && !matches!(joint, b',' | b':') => Known::No,
        Some(_) => Known::Yes,
    }
}

/// Whether the backslashes here escape a quote or the end of a line, as in JSON in JSON, and are no part of a path.
fn escapes(view: &View<'_>, at: usize) -> Known {
    let mut end = at;
    while end - at < MOST_BACKSLASHES && view.at(end) == Some(b'\\') {
        end += 1;
    }
    match view.at(end) {
        Some(b'"' | b'\'' | b'/' | b'n' | b'r' | b't' | b'u') => Known::Yes,
        None if !view.complete => Known::NotYet,
        _ => Known::No,
    }
}

/// Whether a value may begin at an offset, by the same reasons.
pub(crate) fn begins(view: &View<'_>, at: usize, alone: bool, spaced: bool) -> bool {
    let Some(byte) = view.before(at) else {
        return view.from_start;
    };
    if wordy(byte) || matches!(byte, b'+' | b'$' | b'%' | b'@' | b'\\') {
        return false;
    }
    if view.bytes.get(at.saturating_sub(2)..at) == Some("£".as_bytes())
        || view.bytes.get(at.saturating_sub(3)..at) == Some("€".as_bytes())
    {
        return false;
    }
    let (joint, from) = match separator_before(view, at) {
        Some(found) => found,
        None if matches!(byte, b',' | b':') => (byte, at - 1),
        None => return true,
    };
    let digit = view.before(from).is_some_and(|byte| byte.is_ascii_digit());
    match joint {
        b' ' => !(digit && spaced),
        b',' => !digit || alone,
        b':' => !digit,
        b'.' => view
            .before(from)
            .is_some_and(|byte| byte.is_ascii_alphabetic()),
        _ => false,
    }
}

impl Number {
    /// Whether it may begin where it does.
    pub(super) fn begins(&self, view: &View<'_>) -> bool {
        begins(view, self.start, self.alone(), self.spaced())
    }
}
