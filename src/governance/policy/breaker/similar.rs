//! Digests of requests and calls: what is the same, and what is nearly the same.
//!
//! A digest is 64 bits, only compared with others of the same subject within a window. Each run of the process makes
//! them the same way; none is stored. It is made of whole histories, so it must be fast at length; who finds two requests
//! with one digest is stopped the sooner for it, so it need not be hard to do.

use foldhash::quality::{FixedState, FoldHasher};
use std::hash::{BuildHasher as _, DefaultHasher, Hasher as _};

/// What a digest of something exact begins as.
fn blank() -> FoldHasher<'static> {
    FixedState::default().build_hasher()
}

/// The digest of one tool call. Arguments are taken as written.
#[must_use]
pub fn call_digest(name: &str, arguments: &str) -> u64 {
    let mut digest = blank();
    for text in [name, arguments] {
        digest.write(text.as_bytes());
        digest.write_u8(0xff);
    }
    digest.finish()
}

/// The digest of all a request says, text by text, as it is written there.
#[derive(Clone)]
pub struct Exact(FoldHasher<'static>);

impl Default for Exact {
    fn default() -> Self {
        Self(blank())
    }
}

impl Exact {
    /// Adds a text; where it ends counts.
    pub fn add(&mut self, text: &[u8]) {
        self.0.write(text);
        self.0.write_u8(0xff);
    }

    /// The digest of the texts added.
    #[must_use]
    pub fn finish(&self) -> u64 {
        self.0.finish()
    }
}

/// The digest of what a request says without what changes from try to try: numbers, ids, hexadecimal runs, white space.
///
/// A word is a run of letters, digits, `-` and `_`. One that holds a digit and is at least 8 long with nothing but
/// hexadecimal digits and hyphens, or at least 16 long, is an id and left out whole; of other words the digits are.
///
/// Its hasher takes what is left as one text, however it was cut.
#[derive(Debug, Clone, Default)]
pub struct Similar(DefaultHasher);

impl Similar {
    /// Adds a text; where it ends counts.
    pub fn add(&mut self, text: &str) {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        for run in text
            .as_bytes()
            .chunk_by(|left, right| is_part(*left) == is_part(*right))
        {
            match run.first() {
                Some(first) if is_part(*first) => self.word(run),
                _ => run
                    .split(u8::is_ascii_whitespace)
                    .for_each(|visible| self.0.write(visible)),
            }
        }
        self.0.write_u8(0xff);
    }

    fn word(&mut self, word: &[u8]) {
        if !word.iter().any(u8::is_ascii_digit) {
            return self.0.write(word);
        }
        let hexadecimal = word
            .iter()
            .all(|byte| byte.is_ascii_hexdigit() || *byte == b'-');
        if word.len() >= 16 || (hexadecimal && word.len() >= 8) {
            return;
        }
        word.split(u8::is_ascii_digit)
            .for_each(|letters| self.0.write(letters));
    }

    /// The digest of the texts added.
    #[must_use]
    pub fn finish(&self) -> u64 {
        self.0.finish()
    }
}
