//! How far before its trigger a value may begin: the text held back for triggers that have not come yet.
//!
//! The name before an `@`, the capitals before the digits of a number, the `+` or bracket before a telephone number are seen
//! before anything says that they matter. So the unfinished word is held, and nothing else; prose flows word by word.
//!
//! Invariant: the start never moves back as the text goes on, so what once left could not have been needed.

/// The most that is held for a trigger to come, in bytes: as long as the local part of a mail address may be.
const LONGEST: usize = 64;
/// The most of a word that looks like no name: with capitals, many digits, or long stretches of letters and digits.
const LONGEST_RANDOM: usize = 26;
/// The most of a word of small hexadecimal digits: keys of this form have been seen in front of what tells them.
const LONGEST_HEX: usize = 32;
/// Digits and stretches of letters and digits in names.
const MOST_DIGITS: usize = 8;
const LONGEST_STRETCH: usize = 26;
/// Capitals before a space and a number.
const CAPITALS: usize = 6;

/// Where a value may begin whose trigger stands at `at`. A trigger that is blank begins its value itself, and capitals before
/// a space belong to digits only.
///
/// Each limit holds for every part of a word for which it holds at all; that is why the start does not move back as the word
/// goes on. Past a blank it may, so who waits for a trigger must also ask for the end of what is known.
pub(in crate::governance::guard) fn start(bytes: &[u8], at: usize) -> usize {
    let before = bytes.get(..at).unwrap_or_default();
    let trigger = bytes.get(at);
    if trigger.is_some_and(u8::is_ascii_whitespace) {
        return at;
    }
    let mut length = 0;
    let mut stretch = 0;
    let mut digits = 0;
    let (mut name, mut hex) = (true, true);
    for byte in before.iter().rev().take(LONGEST) {
        if byte.is_ascii_alphanumeric() {
            stretch += 1;
        } else if is_joint(*byte) {
            stretch = 0;
        } else {
            break;
        }
        digits += usize::from(byte.is_ascii_digit());
        name &= stretch <= LONGEST_STRETCH && digits <= MOST_DIGITS && !byte.is_ascii_uppercase();
        hex &= matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if length >= LONGEST_RANDOM && !name && !(hex && length < LONGEST_HEX) {
            break;
        }
        length += 1;
    }
    if length > 0 {
        at - length
    } else if trigger.is_none_or(u8::is_ascii_digit) {
        spaced(before)
    } else {
        at
    }
}

/// What joins the parts of a word that may belong to a value.
fn is_joint(byte: u8) -> bool {
    matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-' | b'\'' | b'(')
}

/// Where the capitals before a closing space begin; without any, the end.
fn spaced(before: &[u8]) -> usize {
    let Some((b' ', rest)) = before.split_last() else {
        return before.len();
    };
    let capitals = rest
        .iter()
        .rev()
        .take(CAPITALS + 1)
        .take_while(|b| b.is_ascii_uppercase())
        .count();
    let begin = rest.len() - capitals;
    let joined = begin.checked_sub(1).and_then(|at| rest.get(at));
    let alone = !joined.is_some_and(|b| b.is_ascii_alphanumeric() || is_joint(*b));
    if (1..=CAPITALS).contains(&capitals) && alone {
        begin
    } else {
        before.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, held: &str) {
        assert_eq!(&text[start(text.as_bytes(), text.len())..], held, "{text}");
    }

    #[test]
    fn the_unfinished_word_is_held() {
        check("write to jane.doe", "jane.doe");
        check("call (", "(");
        check("a b ", "");
        check("id AB ", "AB ");
        check("id \u{4f60}AB ", "AB ");
        check("CAPITALS ", "");
    }

    #[test]
    fn the_start_never_moves_back_for_what_is_not_known_yet() {
        let text = "X-AB 12 RSS MRA 85T10 (+41) aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbb.cccccccccccccccccc-d A B";
        let starts: Vec<usize> = (0..=text.len())
            .map(|at| start(text.as_bytes().get(..at).unwrap_or_default(), at))
            .collect();
        assert!(starts.is_sorted());
    }
}
