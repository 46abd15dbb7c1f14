//! Bech32 and bech32m: a readable prefix, a one, and data with six signs of check sum.
//!
//! Not here: what the data say.

const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const GENERATORS: [u32; 5] = [
    0x3b6a_57b2,
    0x2650_8e6d,
    0x1ea1_19fa,
    0x3d42_33dd,
    0x2a14_62b3,
];
/// What the sum leaves in bech32 and in bech32m.
const REMAINDERS: [u32; 2] = [1, 0x2bc8_30a3];

/// The prefix in lower case, if all is in one case and the check sum holds.
pub(super) fn prefix(text: &[u8]) -> Option<String> {
    if text.iter().any(u8::is_ascii_lowercase) && text.iter().any(u8::is_ascii_uppercase) {
        return None;
    }
    let text = text.to_ascii_lowercase();
    let (prefix, data) = text.split_at(text.iter().rposition(|b| *b == b'1')?);
    let data: Option<Vec<u32>> = data
        .iter()
        .skip(1)
        .map(|sign| {
            ALPHABET
                .iter()
                .position(|known| known == sign)
                .and_then(|at| u32::try_from(at).ok())
        })
        .collect();
    let data = data.filter(|data| data.len() >= 6)?;
    let high = prefix.iter().map(|b| u32::from(*b) >> 5);
    let low = prefix.iter().map(|b| u32::from(*b) & 31);
    let sum = high.chain([0]).chain(low).chain(data).fold(1, step);
    REMAINDERS
        .contains(&sum)
        .then(|| String::from_utf8_lossy(prefix).into_owned())
}

fn step(sum: u32, value: u32) -> u32 {
    let top = sum >> 25;
    let mut sum = ((sum & 0x01ff_ffff) << 5) ^ value;
    for (bit, generator) in GENERATORS.iter().enumerate() {
        if top >> bit & 1 == 1 {
            sum ^= generator;
        }
    }
    sum
}
