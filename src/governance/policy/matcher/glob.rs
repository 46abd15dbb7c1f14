//! Names with `*` (any text) and `?` (any one character), compared without regard to ASCII case.
//!
//! Nothing else is special: what an admin reads is what is compared. Matching goes back only to the last `*`, so it ends
//! after at most pattern × text steps, and needs no memory. Letters beyond ASCII compare exactly as they were written.

/// A compiled name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in super::super) struct Glob(Box<str>);

impl Glob {
    /// The glob of this text.
    pub(in super::super) fn new(text: &str) -> Self {
        Self(text.to_ascii_lowercase().into())
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
    fn what_is_absent_fits_only_what_is_negated() {
        assert!(!ValueGlob::new("*").fits(None));
        assert!(ValueGlob::new("!batch").fits(None));
        assert!(!ValueGlob::new("!batch").fits(Some("BATCH")));
        assert!(ValueGlob::new("batch").fits(Some("Batch")));
    }
}
