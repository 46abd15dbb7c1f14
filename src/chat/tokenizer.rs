//! Exact token counts, for when the byte bound does not fit what is left.
//!
//! A token covers at least one byte, so the length of a body bounds its tokens for nothing. Counting costs 25 µs a
//! kilobyte and some 100 ms once for the tables: it is done only when a budget is nearly used up, and not above
//! [`LONGEST`], where the bound stands as it is.

use crate::units::Tokens;
use tiktoken_rs::CoreBPE;

/// Longer bodies are not counted: the bound stands.
pub const LONGEST: usize = 256 * 1024;

/// Text is counted in pieces of at most this length. Merging takes memory many times the length of a word without a
/// break, and the tables' own regular expression gives up on a megabyte of white space; a caller chooses both. A cut can
/// only add tokens, so the sum bounds the whole.
const PIECE: usize = 16 * 1024;

/// What a vendor adds to each message beside its text, at most.
const PER_MESSAGE: u64 = 16;

/// How a model cuts text into tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// GPT-4o and later.
    O200k,
    /// GPT-4, GPT-3.5 and the embedding models.
    Cl100k,
    /// The built-in simulator's own.
    Simulator,
}

/// An upper bound of the input tokens of a body, by counting its text (the JSON around it included, which only adds), or
/// `None` where this crate has no tables for the encoding or the body is too long.
#[must_use]
pub fn count(encoding: Encoding, body: &str, messages: u32) -> Option<Tokens> {
    if body.len() > LONGEST {
        return None;
    }
    let tokenizer: &CoreBPE = match encoding {
        Encoding::O200k => tiktoken_rs::o200k_base_singleton(),
        Encoding::Cl100k => tiktoken_rs::cl100k_base_singleton(),
        Encoding::Simulator => return None,
    };
    let counted = pieces(body).fold(0, |sum: u64, piece| {
        let tokens = u64::try_from(tokenizer.count_ordinary(piece)).unwrap_or(u64::MAX);
        // A token that a cut tore apart may have been one of the caller's.
        sum.saturating_add(tokens).saturating_add(1)
    });
    let overhead = u64::from(messages)
        .saturating_add(1)
        .saturating_mul(PER_MESSAGE);
    Some(Tokens(counted).plus(Tokens(overhead)))
}

/// Cuts text between characters.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = rest.floor_char_boundary(PIECE);
        let (piece, after) = rest.split_at_checked(end)?;
        rest = after;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_a_tokenizer_chokes_on_are_counted_all_the_same() {
        for text in [" ", "a", "\n", "é", "!?", "\t \r\n"] {
            let body = text.repeat(LONGEST / text.len());
            let counted = count(Encoding::O200k, &body, 1).expect("short enough");
            assert!(
                counted.0 > 0 && counted.0 <= body.len() as u64,
                "{text:?}: {}",
                counted.0
            );
        }
        assert_eq!(count(Encoding::O200k, &"a".repeat(LONGEST + 1), 1), None);
    }

    #[test]
    fn the_pieces_of_a_text_are_the_text() {
        let text = "aé漢🙂".repeat(10_000);
        assert_eq!(pieces(&text).collect::<String>(), text);
        assert!(pieces(&text).all(|piece| piece.len() <= PIECE));
    }

    #[test]
    fn a_count_is_far_below_the_byte_bound_and_above_the_text_alone() {
        let body = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"The quick brown fox jumps over the lazy dog."}]}"#;
        let counted = count(Encoding::O200k, body, 1).expect("has tables").0;
        assert!((10 + 4..body.len() as u64).contains(&counted), "{counted}");
        assert_eq!(count(Encoding::Simulator, body, 1), None);
    }
}
