//! Reading ahead in a text that may not be complete.
//!
//! Every step that looks at a byte returns [`Wait`] where the text known so far ends and more may come. Probes pass it up
//! with `?` and answer `More`, so that none of them can mistake "not yet here" for "not there". Bytes behind a trigger that
//! were seen stay as they are, so what was decided from them stays decided.

use crate::governance::guard::finding::{Kind, Level};
use crate::governance::guard::probe::{LONGEST_HELD, LOOK_BEHIND, Match, Probe, Until, View, What};

/// The text known so far ends before the question is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wait;

/// An answer that holds whatever comes, or none yet.
pub(super) type Sure<T> = Result<T, Wait>;

/// A set of bytes, one flag each.
pub(super) type Set = [bool; 256];

/// The set of these bytes; `a-z` is a range, a `-` at the end stands for itself.
#[expect(
    clippy::indexing_slicing,
    reason = "runs while compiling, where a bad index is a compile error"
)]
pub(super) const fn set(spec: &str) -> Set {
    let spec = spec.as_bytes();
    let mut flags = [false; 256];
    let mut place = 0;
    while place < spec.len() {
        let mut byte = spec[place];
        let range = place + 2 < spec.len() && spec[place + 1] == b'-';
        let last = if range { spec[place + 2] } else { byte };
        loop {
            flags[byte as usize] = true;
            if byte >= last {
                break;
            }
            byte += 1;
        }
        place += if range { 3 } else { 1 };
    }
    flags
}

/// Decimal digits.
pub(super) static DIGIT: Set = set("0-9");
/// Hexadecimal digits in lower case.
pub(super) static HEX: Set = set("0-9a-f");
/// Hexadecimal digits in either case.
pub(super) static HEX_ANY: Set = set("0-9a-fA-F");
/// Letters and digits.
pub(super) static ALNUM: Set = set("0-9A-Za-z");
/// Capitals and digits.
pub(super) static UPPER_ALNUM: Set = set("0-9A-Z");
/// Small letters and digits.
pub(super) static LOWER_ALNUM: Set = set("0-9a-z");
/// Letters, digits, underscore.
pub(super) static WORD: Set = set("0-9A-Za-z_");
/// The alphabet of base64 in URLs.
pub(super) static URL64: Set = set("0-9A-Za-z_-");
/// The alphabet of base64 with its padding.
pub(super) static BASE64: Set = set("0-9A-Za-z+/=");
/// What tokens of the field are written in.
pub(super) static TOKEN: Set = set("0-9A-Za-z._~+/=-");
/// What names in code and configuration are written in.
pub(super) static NAME: Set = set("0-9A-Za-z_.-");
/// Blanks within a line.
pub(super) static BLANK: Set = set(" \t");

/// Whether a set holds a byte.
pub(super) fn has(set: &Set, byte: u8) -> bool {
    set.get(usize::from(byte)).copied().unwrap_or(false)
}

/// The byte at an offset, or that the text ends there.
pub(super) fn byte(view: &View<'_>, at: usize) -> Sure<Option<u8>> {
    match view.at(at) {
        None if !view.complete => Err(Wait),
        known => Ok(known),
    }
}

/// Whether these bytes stand at an offset.
pub(super) fn literal(view: &View<'_>, at: usize, text: &str) -> Sure<bool> {
    for (place, wanted) in text.bytes().enumerate() {
        if byte(view, at + place)? != Some(wanted) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The same in either case; `text` is in lower case.
pub(super) fn literal_any_case(view: &View<'_>, at: usize, text: &str) -> Sure<bool> {
    for (place, wanted) in text.bytes().enumerate() {
        if byte(view, at + place)?.map(|b| b.to_ascii_lowercase()) != Some(wanted) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Where the run of a set that begins at `from` ends; at most `most` bytes are looked at.
pub(super) fn run(view: &View<'_>, from: usize, set: &Set, most: usize) -> Sure<usize> {
    let mut at = from;
    while at - from < most {
        match byte(view, at)? {
            Some(byte) if has(set, byte) => at += 1,
            _ => break,
        }
    }
    Ok(at)
}

/// Where the run of a set that ends before `at` begins; at most `most` bytes are looked at.
pub(super) fn run_back(view: &View<'_>, at: usize, set: &Set, most: usize) -> usize {
    let most = most.min(LOOK_BEHIND);
    let mut from = at;
    while at - from < most {
        match view.before(from) {
            Some(byte) if has(set, byte) => from -= 1,
            _ => break,
        }
    }
    from
}

/// The bytes between two offsets.
pub(super) fn between<'a>(view: &View<'a>, from: usize, to: usize) -> &'a [u8] {
    view.bytes.get(from..to).unwrap_or_default()
}

/// What stands on the same line before an offset, as far back as a probe may look and at most `most` bytes.
pub(super) fn line_before<'a>(view: &View<'a>, at: usize, most: usize) -> &'a [u8] {
    let before = between(view, at.saturating_sub(most.min(LOOK_BEHIND)), at);
    let line = before.iter().rposition(|byte| *byte == b'\n');
    before
        .get(line.map_or(0, |line| line + 1)..)
        .unwrap_or_default()
}

/// Whether a token may begin here: no letter or digit before it, unless that is the end of an escape (`\n`, `%3D`).
pub(super) fn opens(view: &View<'_>, at: usize) -> bool {
    let Some(before) = view.before(at) else {
        return true;
    };
    if !before.is_ascii_alphanumeric() {
        return true;
    }
    let second = at.checked_sub(2).and_then(|at| view.at(at));
    let third = at.checked_sub(3).and_then(|at| view.at(at));
    match before {
        b'n' | b'r' | b't' if second == Some(b'\\') => true,
        _ => {
            third == Some(b'%')
                && before.is_ascii_hexdigit()
                && second.is_some_and(|byte| byte.is_ascii_hexdigit())
        }
    }
}

/// Whether a token may end here: no letter or digit behind it.
pub(super) fn closes(view: &View<'_>, at: usize) -> Sure<bool> {
    Ok(!byte(view, at)?.is_some_and(|byte| byte.is_ascii_alphanumeric()))
}

/// Whether a line holds a word, in either case; `word` is in lower case.
pub(super) fn mentions(line: &[u8], word: &str) -> bool {
    line.windows(word.len())
        .any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
}

/// A secret of this name.
pub(super) const fn what(detector: &'static str, level: Level) -> What {
    What {
        kind: Kind::Secret,
        detector,
        level,
    }
}

/// A secret between two offsets.
pub(super) const fn found(start: usize, end: usize, what: What) -> Probe {
    Probe::Found(Match { start, end, what })
}

/// What a run that began at `start` and reaches beyond [`LONGEST_HELD`] is told as.
pub(super) const fn swallow(start: usize, what: What, set: &'static Set) -> Probe {
    Probe::Swallow {
        start,
        what,
        until: Until::Not(set),
    }
}

/// How many bytes of a value that began at `start` may still be read from `at` on before it is too long to be held.
pub(super) const fn room(start: usize, at: usize) -> usize {
    (LONGEST_HELD + 1).saturating_sub(at - start)
}
