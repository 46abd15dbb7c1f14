//! Characters nobody sees: tags, zero-width runs, marks that turn the direction of a line.
//!
//! Tag characters (U+E0000 to U+E007F) spell ASCII that no font shows and models read. They have one honest use, the flags
//! of regions, behind a black flag. Zero-width joiners hold emoji and some scripts together, one at a time between the
//! characters they join; runs of them, or one amid Latin letters, hold nothing.

use super::{Hidden, score::Score};
use std::borrow::Cow;

const BLACK_FLAG: char = '\u{1f3f4}';
const CANCEL_TAG: char = '\u{e007f}';
/// A flag has a region of at most this many letters.
const LONGEST_REGION: usize = 6;

/// Whether a character is a tag.
fn is_tag(character: char) -> bool {
    matches!(character, '\u{e0000}'..=CANCEL_TAG)
}

/// Whether a character takes no room. Variation selectors do not count up to the sixteenth: emoji have them.
fn is_zero_width(character: char) -> bool {
    matches!(
        character,
        '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{180e}' | '\u{00ad}' | '\u{034f}'
            | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' | '\u{e0100}'..='\u{e01ef}'
    )
}

/// Whether a character turns the direction of what follows.
fn is_direction(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether a character may take part in what nobody sees.
pub(super) fn is_unseen(character: char) -> bool {
    is_tag(character)
        || is_zero_width(character)
        || is_direction(character)
        || matches!(character, '\u{200e}' | '\u{200f}')
}

/// The text without tag characters and invisible runs. Flags, joined emoji and the joiners of a language stay.
#[must_use]
pub fn strip_invisible(text: &str) -> Cow<'_, str> {
    if !text.contains(|character| is_tag(character) || is_zero_width(character)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let length = if character == BLACK_FLAG {
            character.len_utf8() + region(rest.get(character.len_utf8()..).unwrap_or_default())
        } else if is_tag(character) || is_zero_width(character) {
            let run = run_length(rest);
            let (run, after) = rest.split_at_checked(run).unwrap_or((rest, ""));
            if is_needed(out.chars().next_back(), run, after.chars().next()) {
                out.push_str(run);
            }
            rest = after;
            continue;
        } else {
            character.len_utf8()
        };
        let (kept, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        out.push_str(kept);
        rest = after;
    }
    Cow::Owned(out)
}

/// The length of a region behind a black flag, in bytes; nothing if there is none.
fn region(rest: &str) -> usize {
    let mut length = 0;
    for (count, character) in rest.chars().enumerate() {
        match character {
            CANCEL_TAG if count > 0 => return length + character.len_utf8(),
            tag if is_tag(tag) && count < LONGEST_REGION => length += tag.len_utf8(),
            _ => return 0,
        }
    }
    0
}

/// The length of the invisible run a text begins with, in bytes.
fn run_length(text: &str) -> usize {
    text.char_indices()
        .find(|(_, character)| !is_tag(*character) && !is_zero_width(*character))
        .map_or(text.len(), |(end, _)| end)
}

/// Whether an invisible run between two characters does what it is for: one of them, between characters that are no Latin
/// letters (a joined emoji, Persian, Devanagari), a soft hyphen within a word, or a mark at the very beginning.
fn is_needed(before: Option<char>, run: &str, after: Option<char>) -> bool {
    let mut characters = run.chars();
    let (Some(only), None) = (characters.next(), characters.next()) else {
        return false;
    };
    let joins =
        |side: Option<char>| side.is_some_and(|side| !side.is_ascii() && !side.is_whitespace());
    match only {
        // Thai and Khmer have no spaces and mark with U+200B where a line may break.
        '\u{200b}'..='\u{200d}' => joins(before) && joins(after),
        '\u{ad}' => {
            before.is_some_and(char::is_alphabetic) && after.is_some_and(char::is_alphabetic)
        }
        '\u{feff}' => before.is_none(),
        '\u{e0100}'..='\u{e01ef}' | '\u{180e}' | '\u{34f}' | '\u{115f}' | '\u{1160}' => {
            joins(before)
        }
        _ => false,
    }
}

/// Looks for what nobody sees, and returns what tag characters spell.
pub(super) fn look(text: &str, score: &mut Score) -> Option<Hidden> {
    if text.is_ascii() {
        return None;
    }
    let mut spelt = String::new();
    let (mut longest, mut current, mut in_words) = (0_usize, 0_usize, 0_usize);
    let (mut overrides, mut right_to_left) = (0_usize, false);
    let mut before = None;
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        if character == BLACK_FLAG {
            let mut ahead = rest.clone();
            if (0..=LONGEST_REGION).any(|_| ahead.next() == Some(CANCEL_TAG)) {
                rest = ahead;
            }
        }
        if is_tag(character) {
            spelt.extend(
                u32::from(character)
                    .checked_sub(0xe_0000)
                    .and_then(char::from_u32)
                    .filter(|tag| (' '..='~').contains(tag)),
            );
        }
        if is_zero_width(character) && character != '\u{ad}' {
            current += 1;
            longest = longest.max(current);
            let letter = |side: Option<char>| side.is_some_and(|side| side.is_ascii_alphabetic());
            if letter(before) && letter(rest.peek().copied()) {
                in_words += 1;
            }
        } else {
            current = 0;
        }
        overrides += usize::from(matches!(character, '\u{202d}' | '\u{202e}'));
        right_to_left |= matches!(character, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fefc}')
            && character != '\u{feff}';
        before = Some(character);
    }
    if longest >= 4 {
        score.add("invisible_run", 500);
    }
    if in_words >= 2 {
        score.add("zero_width_in_words", 350);
    }
    if overrides > 0 && !right_to_left {
        score.add("direction_override", 500);
    }
    if spelt.len() < 3 {
        return None;
    }
    score.add("tag_characters", 900);
    Some(Hidden {
        how: "hidden_in_tags",
        text: spelt,
    })
}
