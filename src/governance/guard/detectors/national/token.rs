//! A number with letters in it, as its schemes read it: capitals and digits, without what stood between them, and a word
//! for how it was set.
//!
//! Not here: the schemes (`letters`).

use crate::governance::guard::probe::View;

const LONGEST: usize = 24;

/// Letters and digits of a number, and whether it is written in capitals and how it is set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    text: [u8; LONGEST],
    length: usize,
    shape: &'static str,
}

impl Token {
    pub(super) fn read(view: &View<'_>, from: usize, end: usize) -> Self {
        let bytes = view.bytes.get(from..end).unwrap_or_default();
        let mut token = Self {
            text: [0; LONGEST],
            length: 0,
            shape: if bytes.iter().any(u8::is_ascii_lowercase) {
                "small"
            } else if !bytes.iter().any(u8::is_ascii_alphabetic) {
                "digits"
            } else if bytes.ends_with(b")") {
                "brackets"
            } else if bytes.iter().all(u8::is_ascii_alphanumeric) {
                "token"
            } else if bytes
                .iter()
                .filter(|byte| byte.is_ascii_alphanumeric())
                .count()
                + 4
                == bytes.len()
            {
                "pairs"
            } else {
                "groups"
            },
        };
        for byte in bytes.iter().filter(|byte| byte.is_ascii_alphanumeric()) {
            if let Some(place) = token.text.get_mut(token.length) {
                *place = byte.to_ascii_uppercase();
                token.length += 1;
            }
        }
        token
    }

    pub(super) fn text(&self) -> &[u8] {
        self.text.get(..self.length).unwrap_or_default()
    }

    /// How it is set, as schemes name it: `small` letters, only `digits`, one `token`, with `brackets`, in `pairs`, in other `groups`.
    pub(super) const fn shape(&self) -> &'static [u8] {
        self.shape.as_bytes()
    }

    /// `9` is a digit, `A` a letter, `X` either.
    pub(super) fn is(&self, pattern: &str) -> bool {
        self.length == pattern.len()
            && self
                .text()
                .iter()
                .zip(pattern.bytes())
                .all(|(byte, wanted)| match wanted {
                    b'9' => byte.is_ascii_digit(),
                    b'A' => byte.is_ascii_uppercase(),
                    _ => true,
                })
    }

    pub(super) fn byte(&self, place: usize) -> u8 {
        self.text.get(place).copied().unwrap_or(0)
    }

    /// The character at a place as a number: digits as themselves, letters from ten.
    pub(super) fn base36(&self, place: usize) -> u32 {
        char::from(self.byte(place)).to_digit(36).unwrap_or(0)
    }

    /// The values of the digits among some characters.
    pub(super) fn digits(&self, from: usize, to: usize) -> Digits {
        let mut digits = Digits {
            values: [0; LONGEST],
            count: 0,
        };
        for byte in self
            .text
            .get(from..to)
            .unwrap_or_default()
            .iter()
            .filter(|byte| byte.is_ascii_digit())
        {
            if let Some(place) = digits.values.get_mut(digits.count) {
                *place = byte - b'0';
                digits.count += 1;
            }
        }
        digits
    }
}

/// Digits of a token, each as its value.
pub(super) struct Digits {
    values: [u8; LONGEST],
    count: usize,
}

impl Digits {
    pub(super) fn all(&self) -> &[u8] {
        self.values.get(..self.count).unwrap_or_default()
    }
}
