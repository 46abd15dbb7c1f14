//! Names with `*` (any text) and `?` (any one character), compared without regard to ASCII case.
//!
//! Nothing else is special: what an admin reads is what is compared. A letter and its accent are one character however they
//! are written (NFC). Matching goes back only to the last `*`, so it ends after at most pattern × text steps, and needs no
//! memory but for a text that is not composed. Letters beyond ASCII compare with their case.

use std::borrow::Cow;
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

/// A name with its letters composed: `é` is one character, also where it came as two.
pub(in super::super) fn composed(name: &str) -> Cow<'_, str> {
    if name.is_ascii() || is_nfc_quick(name.chars()) == IsNormalized::Yes {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(name.nfc().collect())
    }
}

/// Whether two names are one, ASCII case and the way letters are composed apart.
pub(in super::super) fn same_name(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other) || composed(one).eq_ignore_ascii_case(&composed(other))
}

/// A compiled name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in super::super) struct Glob(Box<str>);

impl Glob {
    /// The glob of this text.
    pub(in super::super) fn new(text: &str) -> Self {
        Self(composed(text).to_ascii_lowercase().into())
    }

    /// In lower case.
    pub(in super::super) const fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it names exactly one thing.
    pub(in super::super) fn is_exact(&self) -> bool {
        !self.0.contains(['*', '?'])
    }

    /// Whether it covers `text`.
    pub(in super::super) fn matches(&self, text: &str) -> bool {
        let text = composed(text);
        let (pattern, text) = (self.0.as_bytes(), text.as_bytes());
        let (mut p, mut t) = (0_usize, 0_usize);
        // Where the last `*` stands, and from where on the text behind it was last tried.
        let mut star: Option<(usize, usize)> = None;
        while t < text.len() {
            match pattern.get(p) {
                Some(b'*') => {
                    star = Some((p, t));
                    p = p.saturating_add(1);
                    continue;
                }
                Some(b'?') => {
                    p = p.saturating_add(1);
                    t = next(text, t);
                    continue;
                }
                Some(byte) if text.get(t).is_some_and(|b| b.to_ascii_lowercase() == *byte) => {
                    p = p.saturating_add(1);
                    t = t.saturating_add(1);
                    continue;
                }
                _ => {}
            }
            let Some((at, tried)) = star else {
                return false;
            };
            let again = next(text, tried);
            star = Some((at, again));
            p = at.saturating_add(1);
            t = again;
        }
        pattern
            .get(p..)
            .is_none_or(|rest| rest.iter().all(|byte| *byte == b'*'))
    }
}

/// Where the character behind the one at `at` begins.
fn next(text: &[u8], at: usize) -> usize {
    let mut at = at.saturating_add(1);
    while text.get(at).is_some_and(|byte| byte & 0xC0 == 0x80) {
        at = at.saturating_add(1);
    }
    at
}

/// A glob that `!` may turn round: for values that may be absent (headers, tags, arguments).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct ValueGlob {
    glob: Glob,
    negated: bool,
}

impl ValueGlob {
    /// As written.
    pub(in super::super) fn new(text: &str) -> Self {
        let (negated, rest) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        Self {
            glob: Glob::new(rest),
            negated,
        }
    }

    /// Whether `!` stands before it.
    pub(in super::super) const fn is_negated(&self) -> bool {
        self.negated
    }

    /// Whether one value fits. What is absent fits no glob, and so fits every negated one.
    pub(in super::super) fn fits(&self, value: Option<&str>) -> bool {
        value.is_some_and(|value| self.glob.matches(value)) != self.negated
    }
}

impl std::fmt::Display for ValueGlob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let not = if self.negated { "!" } else { "" };
        write!(f, "{not}{}", self.glob.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_text_and_a_question_mark_one_character() {
        let check = |glob: &str, text: &str, expected: bool| {
            assert_eq!(Glob::new(glob).matches(text), expected, "{glob} ~ {text}");
        };
        check("gpt-4o", "GPT-4o", true);
        check("GPT-*", "gpt-4o", true);
        check("*", "", true);
        check("", "", true);
        check("", "x", false);
        check("?", "", false);
        check("?", "é", true);
        check("gpt-?o", "gpt-4o", true);
        check("gpt-?o", "gpt-44o", false);
        check("*-mini", "gpt-4o-mini", true);
        check("*-mini", "gpt-4o-mini-2024", false);
        check("a*b*c", "a-b-b-c", true);
        check("a*b*c", "acb", false);
        check("ab*ba", "aba", false);
        check("*ü?*", "grün", true);
        check("*ü?", "grü", false);
        check("**a**", "bab", true);
    }

    #[test]
    fn a_letter_is_the_same_however_it_is_composed() {
        let check = |glob: &str, text: &str| {
            assert!(Glob::new(glob).matches(text), "{glob} ~ {text}");
            assert!(same_name(glob, text) || glob.contains(['*', '?']));
        };
        check("Mu\u{308}ller", "m\u{fc}ller");
        check("m\u{fc}ller", "Mu\u{308}LLER");
        check("m?ller", "mu\u{308}ller");
        check("\u{1112}\u{1161}\u{11ab}*", "\u{d55c}-1");
        check("\u{212a}elvin", "kelvin"); // the sign is composed of that letter
        // A letter is not its likeness.
        assert!(!Glob::new("m\u{fc}ller").matches("muller"));
        assert!(!same_name("\u{ff2d}", "m"), "not folded any further");
        assert!(
            !same_name("M\u{dc}LLER", "m\u{fc}ller"),
            "case is that of ASCII"
        );
    }

    #[test]
    fn what_is_absent_fits_only_what_is_negated() {
        assert!(!ValueGlob::new("*").fits(None));
        assert!(ValueGlob::new("!batch").fits(None));
        assert!(!ValueGlob::new("!batch").fits(Some("BATCH")));
        assert!(ValueGlob::new("batch").fits(Some("Batch")));
    }
}
