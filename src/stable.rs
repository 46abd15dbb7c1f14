//! A hash that is the same in every process, on every machine, in every version.
//!
//! What is chosen by it must not move when a library does, so it is written out: FNV-1a, and the finisher of `SplitMix64`,
//! which spreads its weak low bits. It keeps no secret and resists nobody who looks for collisions.

/// The hash of these bytes.
#[must_use]
pub fn hash(bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes
        .into_iter()
        .fold(0xCBF2_9CE4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        })
}

/// A number of which every bit depends on every bit of this one.
#[must_use]
pub const fn spread(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_changes() {
        assert_eq!(hash(*b""), 0xCBF2_9CE4_8422_2325);
        assert_eq!(hash(*b"a"), 0xAF63_DC4C_8601_EC8C);
        // The first number of the generator that this finishes, from the seed nought.
        assert_eq!(spread(0x9E37_79B9_7F4A_7C15), 0xE220_A839_7B1D_CDAF);
    }
}
