//! What `contains` looks for, when it is written out and short: a search that takes the same time for every text.
//!
//! Shift-And: bit `n` of the state says that the last `n + 1` bytes are the first of the needle; a byte is three
//! operations, whatever it is. Faster searches are faster on ordinary texts and several times slower on texts made to be
//! slow (measured: 4 ns a byte), and here the slowest text is what counts.

use std::fmt;

/// A text of 1 to 64 bytes to be found in others.
#[derive(Clone, PartialEq)]
pub(super) struct Needle {
    text: Box<str>,
    /// For each byte, at which places of the needle it stands.
    places: Box<[u64; 256]>,
    /// The bit of its last place.
    last: u64,
}

impl Needle {
    /// `None` if the text is empty or too long.
    pub(super) fn new(text: &str) -> Option<Self> {
        let last = u32::try_from(text.len()).ok()?.checked_sub(1)?;
        let last = 1_u64.checked_shl(last)?;
        let mut places = Box::new([0; 256]);
        let mut bit = 1_u64;
        for byte in text.bytes() {
            if let Some(known) = places.get_mut(usize::from(byte)) {
                *known |= bit;
            }
            bit = bit.wrapping_shl(1);
        }
        Some(Self {
            text: text.into(),
            places,
            last,
        })
    }

    pub(super) fn is_found_in(&self, text: &str) -> bool {
        let mut state = 0_u64;
        text.bytes().any(|byte| {
            let places = self.places.get(usize::from(byte)).copied().unwrap_or(0);
            state = (state.wrapping_shl(1) | 1) & places;
            state & self.last != 0
        })
    }
}

impl fmt::Debug for Needle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Needle").field(&self.text).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn needles_have_1_to_64_bytes() {
        let some = |len: usize| Needle::new(&"x".repeat(len)).is_some();
        assert_eq!([0, 1, 64, 65].map(some), [false, true, true, false]);
        let longest = Needle::new(&"x".repeat(64)).expect("64 bytes");
        assert!(longest.is_found_in(&"x".repeat(64)) && !longest.is_found_in(&"x".repeat(63)));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn it_finds_what_the_standard_library_finds(text in "[abé]{0,40}", part in "[abé]{1,4}") {
            let needle = Needle::new(&part).expect("short");
            prop_assert_eq!(needle.is_found_in(&text), text.contains(&part));
        }
    }
}
