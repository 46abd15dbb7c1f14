//! Names of fields that may be written in two ways: Google's APIs take `maxOutputTokens` and `max_output_tokens` alike.
//!
//! A name is compared without its underscores and in lower case. That takes more spellings for a field than any server
//! does, so nothing that a provider reads is overlooked, and one object cannot say two things by two spellings of one name.

use smallvec::SmallVec;

/// Longer names are of no field known here.
const LONGEST: usize = 40;

/// The most fields one object of an API may have.
const MOST: usize = 64;

/// A name as it is compared.
pub(super) struct Spelling {
    bytes: [u8; LONGEST],
    length: usize,
    hash: u64,
}

impl Spelling {
    /// The name of this key, decoded.
    pub(super) fn of(key: &[u8]) -> Self {
        let mut name = Self {
            bytes: [0; LONGEST],
            length: 0,
            hash: 0xcbf2_9ce4_8422_2325,
        };
        for byte in key.iter().filter(|byte| **byte != b'_') {
            let byte = byte.to_ascii_lowercase();
            name.hash = (name.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            if let Some(place) = name.bytes.get_mut(name.length) {
                *place = byte;
            }
            name.length = name.length.saturating_add(1);
        }
        name
    }

    /// The name; nothing where it is longer than any that is known.
    pub(super) fn name(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// The names one object has so far.
#[derive(Debug, Default)]
pub(super) struct Names(SmallVec<[u64; 12]>);

impl Names {
    /// One more; false if it is there already, in whatever spelling, or one too many.
    pub(super) fn add(&mut self, name: &Spelling) -> bool {
        let fits = self.0.len() < MOST && !self.0.contains(&name.hash);
        if fits {
            self.0.push(name.hash);
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::{Names, Spelling};

    #[test]
    fn a_field_is_known_in_every_spelling_and_taken_once() {
        let check = |key: &str, expected: &str| {
            let expected = expected.as_bytes();
            assert_eq!(Spelling::of(key.as_bytes()).name(), expected, "{key}");
        };
        check("maxOutputTokens", "maxoutputtokens");
        check("max_output_tokens", "maxoutputtokens");
        check("Max_OutputTokens", "maxoutputtokens");
        check(&"x".repeat(41), "");
        let mut names = Names::default();
        assert!(names.add(&Spelling::of(b"topK")));
        assert!(names.add(&Spelling::of(b"topP")));
        assert!(!names.add(&Spelling::of(b"top_k")));
        let long = "x".repeat(41);
        assert!(names.add(&Spelling::of(long.as_bytes())));
        assert!(!names.add(&Spelling::of(long.as_bytes())));
    }

    #[test]
    fn an_object_has_no_more_fields_than_any_of_the_api() {
        let mut names = Names::default();
        let taken = (0..100).filter(|at| names.add(&Spelling::of(format!("f{at}").as_bytes())));
        assert_eq!(taken.count(), 64);
    }
}
