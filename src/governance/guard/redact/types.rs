//! What a placeholder looks like: `TG_<TYPE>_<8 letters>`, and how one is recognised.
//!
//! Letters, digits and underscores survive code, SQL, JSON, file names and Markdown. The last eight are base32 of RFC 4648:
//! no 0, 1, 8 or 9, so nothing in them is mistaken for a letter, and runs of digits that look like a number are rare. Models
//! write a name in lower case at times, or as `TG\_EMAIL\_…` where they write Markdown, so both are read as the name.
//!
//! Only types that exist here are recognised: `tg_bot_messages` is somebody's variable, not a placeholder.
//!
//! Not here: which names stand for a value (`mapping`).

use crate::governance::guard::finding::Kind;
use std::ops::Range;

/// How many letters the end of a name has: 40 bits.
pub(super) const LETTERS: usize = 8;
/// The longest type, in bytes; longer names of a policy are cut.
const LONGEST_TYPE: usize = 20;
/// The longest name, in bytes, without escapes.
pub(super) const LONGEST_NAME: usize = 3 + LONGEST_TYPE + 1 + LETTERS;
/// What stands for a placeholder that the text itself contains.
pub(super) const LITERAL: &str = "LITERAL";
/// How many backslashes an underscore may have: one of Markdown, two where that is written in JSON.
const ESCAPES: usize = 2;

pub(super) const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The types of placeholders there are: the built-in kinds, those of a policy, and the one for literal placeholders.
/// Made once for a policy, shared by its requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Types {
    custom: Vec<Box<str>>,
}

impl Types {
    /// The types of a policy whose own patterns have these names, in their order. A name becomes upper case, and what is
    /// neither letter nor digit an underscore; two that become one are told apart by a number.
    #[must_use]
    pub fn new(custom: &[&str]) -> Self {
        let mut types = Self { custom: Vec::new() };
        for name in custom {
            let name = types.unused(&type_name(name));
            types.custom.push(name);
        }
        types
    }

    /// What a kind is called in names, labels and digests.
    #[must_use]
    pub fn name(&self, kind: Kind) -> &str {
        match kind {
            Kind::Custom(place) => self
                .custom
                .get(usize::from(place))
                .map_or(kind.name(), |name| name),
            built_in => built_in.name(),
        }
    }

    /// What every kind is called.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let built_in = Kind::BUILT_IN.iter().map(|kind| kind.name());
        built_in
            .chain(self.custom.iter().map(|name| &**name))
            .chain([Kind::Custom(0).name()])
    }

    /// The type of a literal placeholder.
    pub(super) const fn literal() -> &'static str {
        LITERAL
    }

    /// The first placeholder of any type in `text` at or behind `from`, whoever wrote it.
    pub(in crate::governance::guard) fn next_in(
        &self,
        text: &str,
        from: usize,
    ) -> Option<Range<usize>> {
        let bytes = text.as_bytes();
        let mut at = from;
        loop {
            let underscore = at + memchr::memchr(b'_', bytes.get(at..)?)?;
            at = underscore + 1;
            let head = bytes.get(from..underscore)?;
            let mut end = head.len();
            while end > 0 && head.len() - end < ESCAPES && head.get(end - 1) == Some(&b'\\') {
                end -= 1;
            }
            let Some(begin) = end.checked_sub(2) else {
                continue;
            };
            let start = from + begin;
            if head
                .get(begin..end)
                .is_some_and(|tg| tg.eq_ignore_ascii_case(b"tg"))
                && let Some(length) = self.length_at(bytes.get(start..)?)
            {
                return Some(start..start + length);
            }
        }
    }

    /// Whether there is a placeholder of any type in `text`, whoever wrote it.
    #[must_use]
    pub fn occur_in(&self, text: &str) -> bool {
        self.next_in(text, 0).is_some()
    }

    /// Whether all of `text` is one placeholder.
    #[must_use]
    pub fn is_placeholder(&self, text: &str) -> bool {
        self.next_in(text, 0)
            .is_some_and(|found| found == (0..text.len()))
    }

    /// The length of the placeholder `bytes` begin with, as they are written.
    fn length_at(&self, bytes: &[u8]) -> Option<usize> {
        let spelt = Spelling::read(bytes, false);
        let behind = spelt.canonical().strip_prefix("TG_")?;
        self.names()
            .chain([LITERAL])
            .filter_map(|name| {
                let letters = behind.strip_prefix(name)?.strip_prefix('_')?;
                let letters = letters.as_bytes().get(..LETTERS)?;
                // Any letters and digits, also those our names never hold: what looks like a name to a reader is one here.
                letters
                    .iter()
                    .all(u8::is_ascii_alphanumeric)
                    .then_some(3 + name.len() + 1 + LETTERS)
            })
            .min()
            .and_then(|canonical| spelt.written(canonical))
    }

    fn unused(&self, wanted: &str) -> Box<str> {
        let taken = |name: &str| {
            name == LITERAL
                || name == Kind::Custom(0).name()
                || Kind::named(name).is_some()
                || self.custom.iter().any(|known| **known == *name)
        };
        if !taken(wanted) {
            return wanted.into();
        }
        let stem = wanted.get(..LONGEST_TYPE - 4).unwrap_or(wanted);
        (2..=u16::MAX)
            .map(|number| format!("{stem}_{number}"))
            .find(|name| !taken(name))
            .unwrap_or_default()
            .into()
    }
}

/// `TG_<TYPE>_<8 letters>` of a digest.
pub(super) fn name_of(type_name: &str, digest: &[u8; 32]) -> String {
    let mut name = String::with_capacity(LONGEST_NAME);
    name.push_str("TG_");
    name.push_str(type_name);
    name.push('_');
    push_letters(&mut name, digest);
    name
}

/// Eight letters of a digest: the first of it that are no word which announces a secret.
pub(super) fn push_letters(out: &mut String, digest: &[u8; 32]) {
    let mut letters = [b'A'; LETTERS];
    for five in digest.chunks_exact(5) {
        let mut bits = five
            .iter()
            .fold(0_u64, |bits, byte| (bits << 8) | u64::from(*byte));
        bits <<= 24;
        for letter in &mut letters {
            let place = usize::try_from(bits >> 59).unwrap_or_default();
            *letter = BASE32.get(place).copied().unwrap_or(b'A');
            bits <<= 5;
        }
        if !names_a_secret(&letters) {
            break;
        }
    }
    out.extend(letters.map(char::from));
}

/// Whether these letters hold a word that announces a secret: `TG_EMAIL_PASSWORD` is somebody's variable, and must announce
/// what follows it. So no name or digest of ours is written with such letters.
pub(super) fn names_a_secret(letters: &[u8]) -> bool {
    ["PASS", "PWD", "SECRET", "TOKEN", "KEY", "CRED", "AUTH"]
        .iter()
        .any(|word| memchr::memmem::find(letters, word.as_bytes()).is_some())
}

/// Upper case, letters, digits and single underscores.
fn type_name(name: &str) -> String {
    let mut out = String::new();
    for character in name.chars().take(LONGEST_TYPE) {
        if character.is_ascii_alphanumeric() {
            out.push(character.to_ascii_uppercase());
        } else if !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
    }
    let trimmed = out.trim_end_matches('_').len();
    out.truncate(trimmed);
    if out.is_empty() {
        out.push_str("CUSTOM");
    }
    out
}

/// The beginning of a text read as a name: capitals, no escapes.
pub(super) struct Spelling {
    letters: [u8; LONGEST_NAME],
    /// For each letter, where it ends in the text as written.
    ends: [u8; LONGEST_NAME],
    length: usize,
    /// Whether the text ended before the name had to: more may come.
    pub(super) open: bool,
    /// Whether it ended in backslashes, which only an underscore may follow.
    pub(super) escape: bool,
}

impl Spelling {
    /// Reads as far as it could be a name. `open_ended`: more text may follow these bytes.
    pub(super) fn read(bytes: &[u8], open_ended: bool) -> Self {
        let mut spelling = Self {
            letters: [0; LONGEST_NAME],
            ends: [0; LONGEST_NAME],
            length: 0,
            open: false,
            escape: false,
        };
        let mut at = 0;
        while spelling.length < LONGEST_NAME {
            let escapes = bytes
                .get(at..)
                .unwrap_or_default()
                .iter()
                .take(ESCAPES)
                .take_while(|byte| **byte == b'\\')
                .count();
            let Some(byte) = bytes.get(at + escapes) else {
                spelling.open = open_ended;
                spelling.escape = escapes > 0;
                break;
            };
            if !(byte.is_ascii_alphanumeric() && escapes == 0 || *byte == b'_') {
                break;
            }
            at += escapes + 1;
            let end = u8::try_from(at).unwrap_or(u8::MAX);
            if let (Some(letter), Some(place)) = (
                spelling.letters.get_mut(spelling.length),
                spelling.ends.get_mut(spelling.length),
            ) {
                *letter = byte.to_ascii_uppercase();
                *place = end;
            }
            spelling.length += 1;
        }
        spelling
    }

    /// The letters.
    pub(super) fn canonical(&self) -> &str {
        self.letters
            .get(..self.length)
            .and_then(|letters| std::str::from_utf8(letters).ok())
            .unwrap_or_default()
    }

    /// How many bytes of the text the first `letters` of it take.
    pub(super) fn written(&self, letters: usize) -> Option<usize> {
        self.ends
            .get(letters.checked_sub(1)?)
            .copied()
            .map(usize::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_is_recognised_however_it_is_spelt() {
        let types = Types::new(&["employee id"]);
        let check = |text: &str, expected: Option<&str>| {
            let found = types.next_in(text, 0).and_then(|range| text.get(range));
            assert_eq!(found, expected, "{text}");
        };
        check("mail TG_EMAIL_K7Q2M4XA now", Some("TG_EMAIL_K7Q2M4XA"));
        check("tg_email_k7q2m4xa", Some("tg_email_k7q2m4xa"));
        check(r"**TG\_EMAIL\_K7Q2M4XA**", Some(r"TG\_EMAIL\_K7Q2M4XA"));
        check(
            r"TG\\_IP\\_ADDRESS\\_K7Q2M4XA",
            Some(r"TG\\_IP\\_ADDRESS\\_K7Q2M4XA"),
        );
        check("xTG_EMPLOYEE_ID_K7Q2M4XAx", Some("TG_EMPLOYEE_ID_K7Q2M4XA"));
        check("é_TG_LITERAL_ABCDEFGH", Some("TG_LITERAL_ABCDEFGH"));
        check("TG_TG_EMAIL_K7Q2M4XA", Some("TG_EMAIL_K7Q2M4XA"));
        check("tg_bot_messages", None);
        check("TG_EMAIL_K7Q2M4X", None);
        // Letters we never write: someone else's, so it must not pass for ours.
        check("TG_EMAIL_7H2K9QX1", Some("TG_EMAIL_7H2K9QX1"));
        check(r"TG\\\_EMAIL_K7Q2M4XA", None);
        check("_", None);
    }

    #[test]
    fn names_of_a_policy_become_types() {
        let types = Types::new(&[
            "employee-id",
            "Employee ID",
            "email",
            "---",
            "größe",
            "LITERAL",
        ]);
        let names: Vec<&str> = (0..7)
            .map(|place| types.name(Kind::Custom(place)))
            .collect();
        assert_eq!(
            names,
            [
                "EMPLOYEE_ID",
                "EMPLOYEE_ID_2",
                "EMAIL_2",
                "CUSTOM_2",
                "GR_E",
                "LITERAL_2",
                "CUSTOM"
            ]
        );
        assert_eq!(types.name(Kind::Email), "EMAIL");
    }

    #[test]
    fn a_name_has_eight_letters_of_its_digest() {
        let mut digest = [0; 32];
        digest[0] = 0xff;
        digest[4] = 0x01;
        assert_eq!(name_of("EMAIL", &digest), "TG_EMAIL_74AAAAAB");
    }

    #[test]
    fn no_name_announces_a_secret() {
        let mut digest = [0; 32];
        // `KEYAAAAA`, and then other letters.
        digest[..2].copy_from_slice(&[0x51, 0x30]);
        digest[9] = 1;
        assert_eq!(name_of("EMAIL", &digest), "TG_EMAIL_AAAAAAAB");
    }
}
