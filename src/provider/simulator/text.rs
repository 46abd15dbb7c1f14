//! Tokens of the simulated models: how a text falls into pieces, and texts that have a given number of them.
//!
//! A piece is up to five letters or digits with the space before them, up to three of the same punctuation mark, up to
//! four white spaces, or one other character: about four bytes each on English. The pieces of a text's beginning are the
//! beginning of its pieces, so a streamed answer can be cut after any of them and still count exactly.
//!
//! Invariant: every piece has at least one byte, so no count exceeds the bytes of the text.

use crate::stable;
use crate::units::Tokens;

/// Letters and digits a piece holds at most.
const WORD: usize = 5;

/// The number of tokens in `text`.
#[must_use]
pub fn count(text: &str) -> u64 {
    pieces(text).fold(0, |count, _| count + 1)
}

/// Never below what the simulator charges for a request with this body: its JSON is counted with its text, and half as
/// much again covers tools, which are charged by their bytes.
#[must_use]
pub fn bound(body: &str, messages: u32) -> Tokens {
    let counted = count(body);
    let overhead = u64::from(messages) * 4 + 16;
    Tokens(counted + counted / 2 + overhead)
}

/// The tokens of `text` in order; together they are the text.
pub fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (piece, after) = rest.split_at_checked(first(rest))?;
        if piece.is_empty() {
            return None;
        }
        rest = after;
        Some(piece)
    })
}

/// The length in bytes of the first piece.
fn first(text: &str) -> usize {
    let bytes = text.as_bytes();
    let run = |from: usize, most: usize, belongs: &dyn Fn(u8) -> bool| {
        bytes
            .iter()
            .skip(from)
            .take(most)
            .take_while(|byte| belongs(**byte))
            .count()
    };
    let word = |from| run(from, WORD, &|byte| byte.is_ascii_alphanumeric());
    match bytes.first() {
        None => 0,
        Some(b' ') if word(1) > 0 => 1 + word(1),
        Some(space) if space.is_ascii_whitespace() => {
            let spaces = run(0, 4, &|byte| byte.is_ascii_whitespace());
            // The last space belongs to the word after it.
            let taken = bytes.get(spaces - 1) == Some(&b' ') && word(spaces) > 0;
            spaces - usize::from(taken && spaces > 1)
        }
        Some(byte) if byte.is_ascii_alphanumeric() => word(0),
        Some(byte) if byte.is_ascii() => run(0, 3, &|other| other == *byte),
        Some(_) => text.chars().next().map_or(0, char::len_utf8),
    }
}

/// Words of at most five letters: each is one piece with the space before it.
const WORDS: [&str; 64] = [
    "able", "after", "agent", "all", "and", "asks", "away", "bank", "bell", "bird", "book", "both",
    "bread", "by", "calm", "clear", "coin", "cost", "count", "day", "door", "each", "early",
    "ever", "field", "first", "for", "from", "gate", "given", "glass", "gold", "good", "green",
    "hand", "hour", "in", "is", "it", "keep", "key", "land", "late", "light", "line", "made",
    "mill", "most", "new", "note", "of", "on", "open", "over", "paid", "plain", "river", "road",
    "same", "stone", "the", "to", "toll", "with",
];

/// A text of exactly `tokens` pieces, sentences of plain words. A longer one of the same seed begins with a shorter one.
pub(super) fn write(random: &mut Random, tokens: u64) -> String {
    let mut text = String::new();
    let mut left = 0;
    for at in 0..tokens {
        if left == 0 && at > 0 {
            text.push('.');
            left = 6 + random.below(9);
            continue;
        }
        if at == 0 {
            left = 6 + random.below(9);
        }
        let word = random.pick(&WORDS).copied().unwrap_or("toll");
        let opens = text.is_empty() || text.ends_with('.');
        if !text.is_empty() {
            text.push(' ');
        }
        let (head, tail) = word.split_at(1);
        if opens {
            text.push_str(&head.to_ascii_uppercase());
        } else {
            text.push_str(head);
        }
        text.push_str(tail);
        left -= 1;
    }
    text
}

/// Numbers that follow from a seed alone (splitmix64).
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    /// The sequence of this seed.
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The sequence of a seed and a text.
    pub(super) fn of(seed: u64, text: &[u8]) -> Self {
        use sha2::Digest as _;
        let digest = sha2::Sha256::new()
            .chain_update(seed.to_le_bytes())
            .chain_update(text)
            .finalize();
        let mut start = [0; 8];
        start.copy_from_slice(digest.get(..8).unwrap_or(&[0; 8]));
        Self(u64::from_le_bytes(start))
    }

    /// The next number.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        stable::spread(self.0)
    }

    /// A number below `bound` (nought if that is nought).
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next().checked_rem(bound).unwrap_or(0)
    }

    /// One of them.
    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let bound = u64::try_from(from.len()).unwrap_or(0);
        from.get(usize::try_from(self.below(bound)).unwrap_or(0))
    }

    /// An id: the prefix and letters and digits.
    pub(super) fn id(&mut self, prefix: &str, length: usize) -> String {
        const LETTERS: &[u8; 62] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let mut id = prefix.to_owned();
        for _ in 0..length {
            id.push(self.pick(LETTERS).map_or('0', |letter| char::from(*letter)));
        }
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_text_falls_into_words_marks_and_spaces() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(pieces(text).collect::<Vec<_>>(), expected, "{text:?}");
        };
        check("", &[]);
        check("Hello, world!", &["Hello", ",", " world", "!"]);
        check("a  b", &["a", " ", " b"]);
        check("x\n\n  tollgate", &["x", "\n\n ", " tollg", "ate"]);
        check("wait....", &["wait", "...", "."]);
        check("日本", &["日", "本"]);
        check("{\"a\":1}", &["{", "\"", "a", "\"", ":", "1", "}"]);
    }

    proptest! {
        #[test]
        fn pieces_make_up_the_text_and_are_at_most_its_bytes(text in "\\PC{0,80}|[ a-z.\n]{0,80}") {
            prop_assert_eq!(pieces(&text).collect::<String>(), text.clone());
            prop_assert!(count(&text) <= text.len() as u64);
        }

        #[test]
        fn a_text_cut_after_a_piece_counts_that_many(text in "\\PC{0,60}|[ a-z.\n]{0,60}", keep in 0_usize..60) {
            let cut: String = pieces(&text).take(keep).collect();
            let kept = pieces(&text).take(keep).count() as u64;
            prop_assert_eq!(count(&cut), kept);
        }

        #[test]
        fn a_written_text_has_exactly_the_tokens_asked_for(seed: u64, tokens in 0_u64..300) {
            let text = write(&mut Random::new(seed), tokens);
            prop_assert_eq!(count(&text), tokens);
            prop_assert!(write(&mut Random::new(seed), tokens + 5).starts_with(&text));
        }
    }
}
