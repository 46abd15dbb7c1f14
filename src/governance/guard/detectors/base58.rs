//! Base 58, in the alphabets of Bitcoin and Ripple, and in Monero's blocks.
//!
//! Not here: which addresses there are (`crypto`).

use super::crypto::double_sha;

/// The alphabet of Bitcoin.
pub(super) const BITCOIN: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
/// The alphabet of Ripple.
pub(super) const RIPPLE: &[u8; 58] = b"rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz";

/// Whether a sign belongs to either alphabet: letters and digits without those that look alike.
pub(super) fn is_sign(sign: u8) -> bool {
    sign.is_ascii_alphanumeric() && !matches!(sign, b'0' | b'O' | b'I' | b'l')
}

/// What a sign counts.
fn value(alphabet: &[u8; 58], sign: u8) -> Option<u8> {
    alphabet
        .iter()
        .position(|known| *known == sign)
        .and_then(|place| u8::try_from(place).ok())
}

/// The bytes a text stands for, a leading zero for each leading sign that counts nothing.
pub(super) fn decode(alphabet: &[u8; 58], text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes: Vec<u8> = Vec::with_capacity(text.len()); // the lowest first
    for sign in text {
        let mut carry = u32::from(value(alphabet, *sign)?);
        for byte in &mut bytes {
            carry += u32::from(*byte) * 58;
            *byte = low(carry);
            carry >>= 8;
        }
        while carry > 0 {
            bytes.push(low(carry));
            carry >>= 8;
        }
    }
    let zeros = text
        .iter()
        .take_while(|sign| alphabet.first() == Some(sign))
        .count();
    bytes.extend(std::iter::repeat_n(0, zeros));
    bytes.reverse();
    Some(bytes)
}

fn low(number: u32) -> u8 {
    number.to_le_bytes()[0]
}

/// Whether the last four bytes are the check sum of the rest.
pub(super) fn checked(bytes: &[u8]) -> bool {
    bytes
        .split_last_chunk::<4>()
        .is_some_and(|(body, sum)| double_sha(body).starts_with(sum))
}

/// Bytes in Monero's way: eleven signs stand for eight bytes, the last few for fewer.
pub(super) fn decode_blocks(text: &[u8]) -> Option<Vec<u8>> {
    const WIDTHS: [usize; 9] = [0, 2, 3, 5, 6, 7, 9, 10, 11];
    let mut bytes = Vec::new();
    for block in text.chunks(11) {
        let width = WIDTHS.iter().position(|width| *width == block.len())?;
        let mut number = 0_u128;
        for sign in block {
            number = number * 58 + u128::from(value(BITCOIN, *sign)?);
        }
        let whole = number.to_be_bytes();
        let (zeros, block) = whole.split_at(16 - width);
        if zeros.iter().any(|byte| *byte != 0) {
            return None;
        }
        bytes.extend_from_slice(block);
    }
    Some(bytes)
}
