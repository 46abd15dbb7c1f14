//! What redaction itself leaves in a text, told exactly as it is written: names, digests, labels, masks.
//!
//! A text comes back: in a conversation's history, from a gateway behind this one. The scanner must not take `HASH_EMAIL_…`
//! behind `password=` for a password, nor the word in `[PHONE]` for one that announces a telephone number. So it sees a single
//! sign in the place of each mark, as it does in the place of each value it found itself: what it finds in a text and in what
//! redaction made of it is the same, which is why redacting twice is redacting once.
//!
//! Anybody can write a mark by hand, and must gain nothing by it. So only what this program writes is one: the kinds it knows,
//! the letters of its digests, no more digits behind stars than it leaves there. Nothing else is covered by it: letters glued
//! to its end make it no mark, digits behind stars are none of it where they could go on as a number.
//!
//! Not here: placeholders of anybody's, in any spelling, that must not pass for names given out (`types`).

use super::one_way::{DROPPED, KEPT, STARS, stands_alone};
use super::types::{BASE32, LETTERS, LITERAL, Types, names_a_secret};
use crate::governance::guard::finding::Kind;
use std::ops::Range;

/// How the names of placeholders and digests begin.
const PREFIXES: [&str; 2] = ["TG_", "HASH_"];
/// The longest name of a kind, in bytes, and the bracket behind it.
const LONGEST_LABEL: usize = 24;
/// So much behind the digits of a mask must be known to tell whether they stand alone, in bytes: two characters.
pub(in crate::governance::guard) const BESIDE: usize = 8;

/// What comes next in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::governance::guard) enum Next {
    /// No mark, to its end.
    Clear,
    /// A mark here.
    Mark(Range<usize>),
    /// From here on it cannot be told before more has come.
    Open(usize),
}

/// What stands at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Nothing,
    /// So many bytes.
    Mark(usize),
    Open,
}

impl Types {
    /// The first mark in `text` at or behind `from`. `complete` says that the text ends where it ends.
    pub(in crate::governance::guard) fn next_mark(
        &self,
        text: &str,
        from: usize,
        complete: bool,
    ) -> Next {
        let bytes = text.as_bytes();
        let mut at = from;
        while let Some(place) =
            memchr::memchr3(b'[', b'*', b'_', bytes.get(at..).unwrap_or_default())
        {
            let place = at + place;
            let (start, found) = match bytes.get(place) {
                Some(b'[') => (place, self.label(bytes, place, complete)),
                Some(b'*') => match stars(text, place, complete) {
                    Stars::Few(end) => {
                        at = end;
                        continue;
                    }
                    Stars::Open => (place, At::Open),
                    Stars::Mask(mask) => return Next::Mark(mask),
                },
                _ => {
                    match named_before(bytes, from.max(at.saturating_sub(LONGEST_PREFIX)), place) {
                        Some(start) => (start, self.named(bytes, start, complete)),
                        None => (place, At::Nothing),
                    }
                }
            };
            match found {
                At::Nothing => at = place + 1,
                At::Mark(length) => return Next::Mark(start..start + length),
                At::Open => return Next::Open(start),
            }
        }
        if complete {
            return Next::Clear;
        }
        let rest = bytes.get(from..).unwrap_or_default();
        let begun = |prefix: &&str| {
            (1..prefix.len())
                .rev()
                .find(|length| rest.ends_with(prefix.get(..*length).unwrap_or_default().as_bytes()))
        };
        match PREFIXES.iter().filter_map(begun).max() {
            Some(length) => Next::Open(bytes.len() - length),
            None => Next::Clear,
        }
    }

    /// Whether a value is nothing but marks and what stands between them: then nothing is left to take out.
    pub(super) fn is_marks_only(&self, value: &str) -> bool {
        let mut at = 0;
        while let Next::Mark(mark) = self.next_mark(value, at, true) {
            if says_something(value.get(at..mark.start)) {
                return false;
            }
            at = mark.end;
        }
        at > 0 && !says_something(value.get(at..))
    }

    /// `[EMAIL]`, or what a value leaves that is dropped.
    fn label(&self, bytes: &[u8], at: usize, complete: bool) -> At {
        let dropped = bytes.get(at..).unwrap_or_default();
        if dropped.starts_with(DROPPED.as_bytes()) {
            return At::Mark(DROPPED.len());
        }
        if !complete && DROPPED.as_bytes().starts_with(dropped) {
            return At::Open;
        }
        let rest = bytes.get(at + 1..).unwrap_or_default();
        let near = rest.get(..LONGEST_LABEL).unwrap_or(rest);
        let may_be = match memchr::memchr(b']', near) {
            Some(end) => {
                let label = near.get(..end).unwrap_or_default();
                return if self.names().any(|name| name.as_bytes() == label) {
                    At::Mark(end + 2)
                } else {
                    At::Nothing
                };
            }
            None => self.names().any(|name| name.as_bytes().starts_with(rest)),
        };
        if may_be && !complete {
            At::Open
        } else {
            At::Nothing
        }
    }

    /// `TG_EMAIL_K7Q2M4XA` or `HASH_EMAIL_K7Q2M4XA`, to which nothing is glued but another.
    fn named(&self, bytes: &[u8], at: usize, complete: bool) -> At {
        let rest = bytes.get(at..).unwrap_or_default();
        let At::Mark(length) = self.shape(rest, complete) else {
            return self.shape(rest, complete);
        };
        match rest.get(length) {
            None if !complete => At::Open,
            Some(next) if next.is_ascii_alphanumeric() || *next == b'_' => {
                match self.shape(rest.get(length..).unwrap_or_default(), complete) {
                    At::Mark(_) => At::Mark(length),
                    other => other,
                }
            }
            _ => At::Mark(length),
        }
    }

    /// The same, whatever follows.
    fn shape(&self, bytes: &[u8], complete: bool) -> At {
        let mut open = false;
        let digests = self.names().map(|name| ("HASH_", name));
        let names = self.names().chain([LITERAL]);
        // A secret has no placeholder.
        let names = names.filter(|name| *name != Kind::Secret.name());
        for (prefix, name) in digests.chain(names.map(|name| ("TG_", name))) {
            let head = [prefix, name, "_"];
            let length = prefix.len() + name.len() + 1;
            let known = bytes.get(..length).unwrap_or(bytes);
            if !head
                .iter()
                .flat_map(|part| part.bytes())
                .zip(known)
                .all(|(a, b)| a == *b)
            {
                continue;
            }
            let letters = bytes.get(length..).unwrap_or_default();
            let letters = letters.get(..LETTERS).unwrap_or(letters);
            if letters.iter().all(|letter| BASE32.contains(letter)) && !names_a_secret(letters) {
                if letters.len() == LETTERS {
                    return At::Mark(length + LETTERS);
                }
                open = true;
            }
        }
        if open && !complete {
            At::Open
        } else {
            At::Nothing
        }
    }
}

/// Whether there is a letter or digit in it, of any alphabet.
pub(in crate::governance::guard) fn says_something(text: Option<&str>) -> bool {
    text.is_some_and(|text| text.chars().any(char::is_alphanumeric))
}

/// The longest of [`PREFIXES`].
const LONGEST_PREFIX: usize = 5;

/// Where the prefix begins that this underscore ends.
fn named_before(bytes: &[u8], from: usize, underscore: usize) -> Option<usize> {
    let head = bytes.get(from..=underscore)?;
    let prefix = PREFIXES
        .iter()
        .find(|prefix| head.ends_with(prefix.as_bytes()))?;
    Some(underscore + 1 - prefix.len())
}

/// What a row of stars is.
enum Stars {
    /// Too few for a mask; they end here.
    Few(usize),
    Open,
    /// A mask, in front of which some may be left.
    Mask(Range<usize>),
}

/// Reads a row of stars. Where it is longer than a mask, those over stand in front: it makes no difference to who reads one
/// star for a mask, and the last has the digits.
fn stars(text: &str, at: usize, complete: bool) -> Stars {
    let bytes = text.as_bytes();
    let rest = bytes.get(at..).unwrap_or_default();
    let most = 2 * STARS.len();
    let count = rest
        .iter()
        .take(most)
        .take_while(|byte| **byte == b'*')
        .count();
    if count == most {
        return Stars::Mask(at..at + STARS.len());
    }
    if count == rest.len() && !complete {
        return Stars::Open;
    }
    if count < STARS.len() {
        return Stars::Few(at + count);
    }
    let end = at + count;
    let start = end - STARS.len();
    let rest = rest.get(count..).unwrap_or_default();
    let digits = rest
        .iter()
        .take(KEPT)
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if !complete && rest.len() < KEPT + BESIDE && digits == rest.len().min(KEPT) {
        return Stars::Open;
    }
    let kept = digits == KEPT && stands_alone(text.get(end + KEPT..).unwrap_or_default());
    Stars::Mask(start..end + if kept { KEPT } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types() -> Types {
        Types::new(&["badge number"])
    }

    fn marks(text: &str) -> Vec<&str> {
        let types = types();
        let (mut at, mut marks) = (0, Vec::new());
        while let Next::Mark(mark) = types.next_mark(text, at, true) {
            marks.push(&text[mark.clone()]);
            at = mark.end;
        }
        marks
    }

    #[test]
    fn what_is_written_for_values_is_a_mark() {
        for mark in [
            "[EMAIL]",
            "[BADGE_NUMBER]",
            "[SECRET]",
            "[…]",
            "HASH_SECRET_ABCDEFGH",
            "HASH_BADGE_NUMBER_ABCDEFGH",
            "TG_EMAIL_K7Q2M4XA",
            "TG_LITERAL_K7Q2M4XA",
            "TG_BADGE_NUMBER_K7Q2M4XA",
            "********",
            "********1111",
        ] {
            for (before, behind) in [("", ""), ("x", "."), ("=", "é"), ("_", " and")] {
                let text = [before, mark, behind].concat();
                assert_eq!(marks(&text), [mark], "{text}");
            }
        }
        assert_eq!(
            marks("HASH_EMAIL_AAAAAAAATG_EMAIL_BBBBBBBB[IBAN]********"),
            [
                "HASH_EMAIL_AAAAAAAA",
                "TG_EMAIL_BBBBBBBB",
                "[IBAN]",
                "********"
            ]
        );
    }

    #[test]
    fn what_only_looks_like_it_is_none() {
        for text in [
            // Somebody's variable.
            "TG_DB_PASSWORD=",
            "TG_API_KEY_ABCDEFGH",
            "HASH_MY_TOKENSALT",
            "TG_EMAIL_PASSWORD",
            "TG_EMAIL_12345678",
            "TG_EMAIL_7H2K9QX1",
            "tg_email_k7q2m4xa",
            "HASH_LITERAL_K7Q2M4XA",
            "TG_SECRET_K7Q2M4XA",
            "[email]",
            "[OTHER]",
            "[EMAIL",
            "*******",
            // The letters may be a value's.
            "HASH_EMAIL_AKIAZQXJMPLKQVXBWHTR",
            "TG_EMAIL_K7Q2M4XA_",
            "TG_EMAIL_K7Q2M4X",
        ] {
            assert_eq!(marks(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn digits_behind_stars_belong_to_them_only_where_they_end_a_number() {
        let kept = |behind: &str| {
            marks(&["********1111", behind].concat()).first() == Some(&"********1111")
        };
        for behind in [
            "", " ", ".", ". And", ", and", " and", "\"}", "\nx", "。", "é", " [EMAIL]",
        ] {
            assert!(kept(behind), "{behind:?}");
        }
        for behind in [
            "1",
            "x",
            " 1",
            "-1",
            ".1",
            " 1111 1111",
            "@x.io",
            "\u{a0}1",
            "/",
            " (",
            " +",
            "_",
            "\\n",
        ] {
            assert!(!kept(behind), "{behind:?}");
        }
    }

    #[test]
    fn a_mark_is_told_the_same_however_it_comes() {
        let types = types();
        for text in [
            "a[EMAIL]b",
            "HASH_EMAIL_AAAAAAAATG_EMAIL_BBBBBBBB.",
            "x**********1111 and",
            "****************1111. ",
            "********1111 1111",
            "TG_DB_PASSWORD=HASH_ THE [ TG",
            "[CREDIT_CARD],[CREDIT_CAR]",
            "[…][…",
        ] {
            let whole = marks(text);
            for cut in (0..=text.len()).filter(|cut| text.is_char_boundary(*cut)) {
                let (mut known, mut at, mut found) = (&text[..cut], 0, Vec::new());
                loop {
                    match types.next_mark(known, at, known.len() == text.len()) {
                        Next::Mark(mark) => {
                            found.push(&text[mark.clone()]);
                            at = mark.end;
                        }
                        Next::Open(from) => {
                            at = from;
                            known = text;
                        }
                        Next::Clear if known.len() < text.len() => {
                            at = known.len();
                            known = text;
                        }
                        Next::Clear => break,
                    }
                }
                assert_eq!(found, whole, "{text} cut at {cut}");
            }
        }
    }

    #[test]
    fn a_value_of_marks_and_punctuation_has_nothing_left() {
        let only = |value: &str| types().is_marks_only(value);
        assert!(only("********1111"));
        assert!(only("HASH_EMAIL_K7Q2M4XA😀/="));
        assert!(only("[EMAIL][IBAN]"));
        assert!(!only("hunter2[EMAIL]"));
        assert!(!only("[EMAIL]é"));
        assert!(!only("/="));
        assert!(!only(""));
    }
}
