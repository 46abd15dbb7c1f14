//! Orders nobody reads as they stand: base64 and hexadecimal that decode to text.
//!
//! What decodes to text is only looked at further; that something is encoded says nothing.

use super::Hidden;

/// The shortest run worth decoding: an order is longer than a word.
const SHORTEST: usize = 24;
/// How many runs of a text are decoded, and how much of each.
const MOST_RUNS: usize = 32;
const LONGEST: usize = 8 * 1024;

/// What the runs of a text decode to, as far as that is text.
pub(super) fn decoded(text: &str) -> Vec<Hidden> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() && found.len() < MOST_RUNS {
        let rest = bytes.get(at..).unwrap_or_default();
        let length = rest
            .iter()
            .take_while(|byte| sextet(**byte).is_some() || **byte == b'=')
            .count();
        if length >= SHORTEST {
            let run = rest.get(..length.min(LONGEST)).unwrap_or_default();
            let hidden = hexadecimal(run)
                .map(|text| Hidden {
                    how: "hexadecimal",
                    text,
                })
                .or_else(|| {
                    base64(run).map(|text| Hidden {
                        how: "base64",
                        text,
                    })
                });
            found.extend(hidden);
        }
        at += length.max(1);
    }
    found
}

const fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

fn base64(run: &[u8]) -> Option<String> {
    let mut out = Vec::with_capacity(run.len());
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in run {
        let Some(value) = sextet(*byte) else { break };
        bits = (bits << 6) | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from((bits >> held) & 0xff).unwrap_or_default());
        }
    }
    readable(out)
}

fn hexadecimal(run: &[u8]) -> Option<String> {
    let mut out = Vec::with_capacity(run.len() / 2);
    for pair in run.chunks_exact(2) {
        let [high, low] = pair else { return None };
        let high = char::from(*high).to_digit(16)?;
        let low = char::from(*low).to_digit(16)?;
        out.push(u8::try_from(high * 16 + low).unwrap_or_default());
    }
    readable(out)
}

/// Bytes that read as text: words with spaces between them.
fn readable(bytes: Vec<u8>) -> Option<String> {
    let text = String::from_utf8(bytes).or_else(|cut| {
        // The last character may be cut off.
        let valid = cut.utf8_error().valid_up_to();
        let most = cut.as_bytes().len().saturating_sub(3) <= valid;
        let mut bytes = cut.into_bytes();
        bytes.truncate(valid);
        if most {
            String::from_utf8(bytes).map_err(|_| ())
        } else {
            Err(())
        }
    });
    let text = text.ok()?;
    let odd = text
        .chars()
        .filter(|character| character.is_control() && !character.is_whitespace())
        .count();
    let words = text
        .split_whitespace()
        .filter(|word| {
            word.chars()
                .all(|c| c.is_alphabetic() || c.is_ascii_punctuation())
        })
        .count();
    (odd == 0 && words >= 3).then_some(text)
}
