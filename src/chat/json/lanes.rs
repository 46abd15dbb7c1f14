//! Crossing a string: the next byte that means something, thirty-two at a time.
//!
//! Inside a string only `"`, `\` and control characters matter. A block of 32 bytes is asked "any of them?" in a loop
//! without branches, which the compiler turns into vector instructions of whatever machine it builds for; the place inside
//! a block, and short strings, are found eight bytes at a time in a plain integer.

const BLOCK: usize = 32;
const WORD: usize = 8;

/// The offset of the first `"`, `\` or control character at or after `at`; the length where there is none.
#[inline]
pub(super) fn next_special(bytes: &[u8], at: usize) -> usize {
    let Some(rest) = bytes.get(at..) else {
        return bytes.len();
    };
    // Keys, roles and other short strings end here.
    match rest.first_chunk::<WORD>().copied().map(first_in_word) {
        Some(Some(inside)) => at + inside,
        Some(None) => next_special_far(bytes, at + WORD),
        None => at + first_one_by_one(rest),
    }
}

fn next_special_far(bytes: &[u8], mut at: usize) -> usize {
    let mut rest = bytes.get(at..).unwrap_or_default();
    while let Some((block, after)) = rest.split_first_chunk::<BLOCK>()
        && !any_special(block)
    {
        at += BLOCK;
        rest = after;
    }
    while let Some((word, after)) = rest.split_first_chunk::<WORD>() {
        if let Some(inside) = first_in_word(*word) {
            return at + inside;
        }
        at += WORD;
        rest = after;
    }
    at + first_one_by_one(rest)
}

fn special(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..0x20)
}

#[inline]
fn any_special(block: &[u8; BLOCK]) -> bool {
    let hit = |byte| u8::from(byte == b'"') | u8::from(byte == b'\\') | u8::from(byte < 0x20);
    block.iter().fold(0, |any, &byte| any | hit(byte)) != 0
}

/// Of each test the lowest hit is exact, since a borrow only disturbs bytes above a true one; the lowest is all we take.
#[inline]
fn first_in_word(word: [u8; WORD]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    const TOPS: u64 = ONES << 7;
    let word = u64::from_le_bytes(word);
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let hits = (zero(word ^ (ONES * 0x22)) | zero(word ^ (ONES * 0x5c)) | control) & TOPS;
    (hits != 0).then_some((hits.trailing_zeros() / 8) as usize)
}

fn first_one_by_one(rest: &[u8]) -> usize {
    rest.iter()
        .position(|&byte| special(byte))
        .unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::next_special;

    #[test]
    fn a_special_byte_is_found_wherever_it_stands_and_nothing_else_is() {
        for length in 0..70 {
            for place in 0..length {
                for special in [b'"', b'\\', 0, 0x1f, b'\n'] {
                    let mut bytes = vec![0xff; length];
                    bytes[place] = special;
                    for start in 0..=length {
                        let expected = if start <= place { place } else { length };
                        assert_eq!(next_special(&bytes, start), expected);
                    }
                }
            }
        }
        let plain: Vec<u8> = (0x20..=0xff)
            .filter(|byte| !matches!(byte, b'"' | b'\\'))
            .collect();
        assert_eq!(next_special(&plain, 0), plain.len());
    }
}
