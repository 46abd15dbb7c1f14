//! Crossing a string: the next byte that means something.
//!
//! Inside a string only `"`, `\` and control characters matter. Most bodies have no control character anywhere, which one
//! vector pass over the whole body shows ([`survey`]); then two bytes are left to look for, and `memchr` does that as fast
//! as the machine can. Short strings end within the first eight bytes and are found in a plain integer.

const BLOCK: usize = 64;
const WORD: usize = 8;

/// What one pass over a body shows before any of it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Survey {
    /// All of it is ASCII, so it is UTF-8.
    pub(super) ascii: bool,
    /// None of it is a control character.
    pub(super) quiet: bool,
}

/// Looks at every byte once.
pub(super) fn survey(bytes: &[u8]) -> Survey {
    if all(bytes, |byte| byte.wrapping_sub(0x20) < 0x60) {
        return Survey {
            ascii: true,
            quiet: true,
        };
    }
    Survey {
        ascii: false,
        quiet: all(bytes, |byte| byte >= 0x20),
    }
}

/// A block at a time without a branch inside, which the compiler turns into vector instructions.
#[inline]
fn all(bytes: &[u8], is: impl Fn(u8) -> bool) -> bool {
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    let holds = |bytes: &[u8]| bytes.iter().fold(1, |all, &byte| all & u8::from(is(byte))) == 1;
    blocks.iter().all(|block| holds(block)) && holds(rest)
}

/// The offset of the first `"`, `\` or, unless the body is `quiet`, control character at or after `at`; the length where
/// there is none.
#[inline]
pub(super) fn next_special(bytes: &[u8], at: usize, quiet: bool) -> usize {
    let Some(rest) = bytes.get(at..) else {
        return bytes.len();
    };
    // Keys, roles and other short strings end here.
    if let Some(word) = rest.first_chunk::<WORD>()
        && let Some(inside) = first_in_word(*word, quiet)
    {
        return at + inside;
    }
    let end = memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
    if quiet {
        return at + end;
    }
    at + first_control(rest.get(..end).unwrap_or_default())
}

/// The offset of the first control character, or the length.
fn first_control(bytes: &[u8]) -> usize {
    if all(bytes, |byte| byte >= 0x20) {
        return bytes.len();
    }
    bytes
        .iter()
        .position(|&byte| byte < 0x20)
        .unwrap_or(bytes.len())
}

/// Of each test the lowest hit is exact, since a borrow only disturbs bytes above a true one; the lowest is all we take.
#[inline]
fn first_in_word(word: [u8; WORD], quiet: bool) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    const TOPS: u64 = ONES << 7;
    let word = u64::from_le_bytes(word);
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let mut hits = zero(word ^ (ONES * 0x22)) | zero(word ^ (ONES * 0x5c));
    if !quiet {
        hits |= word.wrapping_sub(ONES * 0x20) & !word;
    }
    hits &= TOPS;
    (hits != 0).then_some((hits.trailing_zeros() / 8) as usize)
}

#[cfg(test)]
mod tests {
    use super::{Survey, next_special, survey};

    #[test]
    fn a_special_byte_is_found_wherever_it_stands_and_nothing_else_is() {
        for length in 0..70 {
            for place in 0..length {
                for special in [b'"', b'\\', 0, 0x1f, b'\n'] {
                    let mut bytes = vec![0xff; length];
                    bytes[place] = special;
                    for start in 0..=length {
                        let expected = if start <= place { place } else { length };
                        assert_eq!(next_special(&bytes, start, special >= b' '), expected);
                    }
                }
            }
        }
        let plain: Vec<u8> = (0x20..=0xff)
            .filter(|byte| !matches!(byte, b'"' | b'\\'))
            .collect();
        assert_eq!(next_special(&plain, 0, false), plain.len());
    }

    #[test]
    fn a_survey_misses_no_byte() {
        let of = |bytes: &[u8]| {
            let Survey { ascii, quiet } = survey(bytes);
            (ascii, quiet)
        };
        for length in [0, 1, 63, 64, 65, 200] {
            assert_eq!(of(&vec![b'~'; length]), (true, true));
            for place in 0..length {
                let with = |byte| {
                    let mut bytes = vec![b' '; length];
                    bytes[place] = byte;
                    of(&bytes)
                };
                assert_eq!(with(0x7f), (true, true));
                assert_eq!(with(0x80), (false, true));
                assert_eq!(with(0x1f), (false, false));
            }
        }
    }
}
