//! Ids that say what they name: a prefix and a `UUIDv7`, so that they sort by the time they were made.

use crate::clock::Wall;
use std::fmt;
use uuid::Uuid;

/// Names one passage of one request; its request id and its decision id differ only in the prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PassageId(Uuid);

/// Length of a written id: four letters of prefix and a hyphenated UUID.
pub const WRITTEN: usize = 40;

impl PassageId {
    /// A new id for a passage that began at `at`; `random` are bits nobody else has.
    #[must_use]
    pub fn new(at: Wall, random: u128) -> Self {
        let millis = u64::try_from(at.nanos().div_euclid(1_000_000)).unwrap_or(0);
        let bytes = random.to_be_bytes();
        let mut tail = [0; 10];
        tail.copy_from_slice(bytes.get(..10).unwrap_or(&[0; 10]));
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid())
    }

    /// The id as kept in records.
    #[must_use]
    pub const fn as_u128(self) -> u128 {
        self.0.as_u128()
    }

    /// The id of this text, with its prefix or without; none if it is no id.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let bare = text.strip_prefix("dec_").or(text.strip_prefix("req_"));
        let bare = bare.unwrap_or(text);
        // Other spellings of a UUID are nobody's id.
        let id = Uuid::try_parse(bare).ok().map(Self)?;
        id.decision().as_str().ends_with(bare).then_some(id)
    }

    /// When its passage began, to the millisecond.
    #[must_use]
    pub fn time(self) -> Wall {
        let millis = i64::try_from(self.0.as_u128() >> 80).unwrap_or(0);
        Wall(millis.saturating_mul(1_000_000))
    }

    /// The id a record kept.
    #[must_use]
    pub const fn from_u128(bits: u128) -> Self {
        Self(Uuid::from_u128(bits))
    }

    /// `req_…`, for `x-request-id`.
    #[must_use]
    pub fn request(self) -> Written {
        self.written(*b"req_")
    }

    /// `dec_…`, for `x-tollgate-decision-id` and the decision log.
    #[must_use]
    pub fn decision(self) -> Written {
        self.written(*b"dec_")
    }

    fn written(self, prefix: [u8; 4]) -> Written {
        let mut text = [0; WRITTEN];
        let (head, tail) = text.split_at_mut(4);
        head.copy_from_slice(&prefix);
        self.0.as_hyphenated().encode_lower(tail);
        Written(text)
    }
}

/// A new id of a thing that began at `at`: a prefix (`key_`) that says what it is, and a `UUIDv7`; `random` are bits nobody
/// else has.
#[must_use]
pub fn written(prefix: &str, at: Wall, random: u128) -> String {
    let id = PassageId::new(at, random).0;
    format!("{prefix}{}", id.as_hyphenated())
}

/// An id in its written form, on the stack.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Written([u8; WRITTEN]);

impl Written {
    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Bytes as hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes of hexadecimal digits, in the one way they are written.
#[must_use]
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    // Signs and capitals read as numbers, too.
    let digit = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    if !text.len().is_multiple_of(2) || !text.as_bytes().iter().all(digit) {
        return None;
    }
    let pairs = text.as_bytes().chunks_exact(2);
    let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_one_passage_differ_in_the_prefix_and_sort_by_time() {
        let early = PassageId::new(Wall::from_secs(1_000), u128::MAX);
        let late = PassageId::new(Wall::from_secs(2_000), 0);
        assert!(early < late && early.request().as_str() < late.request().as_str());
        assert_eq!(
            early.request().as_str()[4..],
            early.decision().as_str()[4..]
        );
        assert_eq!(early.request().as_str().len(), WRITTEN);
        assert_eq!(PassageId::from_u128(early.as_u128()), early);
        assert_eq!(late.time(), Wall::from_secs(2_000));
    }

    #[test]
    fn an_id_is_read_as_it_is_written() {
        let id = PassageId::new(Wall::from_secs(1_000), 7);
        for text in [id.request(), id.decision()] {
            assert_eq!(PassageId::read(text.as_str()), Some(id));
        }
        assert_eq!(PassageId::read(&id.decision().as_str()[4..]), Some(id));
        for text in ["", "dec_", "dec_7", &id.decision().as_str().to_uppercase()] {
            assert_eq!(PassageId::read(text), None, "{text}");
        }
    }
}
