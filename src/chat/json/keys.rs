//! The keys of the objects that are open, so that no object holds one twice.
//!
//! Most objects have a handful of keys: each new one is compared by a fingerprint of eight bytes with those before it. From
//! the seventeenth on a set of keyed hashes answers, so that a body made of keys costs what its length costs; the hash is
//! keyed anew each time, because whoever can predict it can make all keys fall together. Both only raise a suspicion; the
//! keys themselves decide.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use smallvec::SmallVec;

use super::{Fault, JsonError, Text};

/// The most keys one object may have.
pub const MAX_KEYS: usize = 65_536;

/// The most keys an object and those around it may have together: bounds the memory a body can claim.
pub const MAX_OPEN_KEYS: usize = 2 * MAX_KEYS;

/// Up to here keys are compared one by one.
const FEW: usize = 16;

#[derive(Clone, Copy)]
struct Key {
    fingerprint: u64,
    text: Text,
}

#[derive(Clone, Copy)]
struct Frame {
    /// Where its keys begin.
    start: usize,
    /// Whether its keys have a set.
    many: bool,
}

/// The keys of one object with many.
struct Set {
    random: RandomState,
    hashes: HashSet<u64, BuildNothing>,
}

/// The keys of the open objects, innermost last.
#[derive(Default)]
pub(super) struct Keys {
    met: SmallVec<[Key; 16]>,
    frames: SmallVec<[Frame; 6]>,
    sets: Vec<Set>,
}

impl Keys {
    /// An object begins.
    #[inline]
    pub(super) fn open(&mut self) {
        self.frames.push(Frame {
            start: self.met.len(),
            many: false,
        });
    }

    /// The innermost object ends.
    #[inline]
    pub(super) fn close(&mut self) {
        if let Some(frame) = self.frames.pop() {
            self.met.truncate(frame.start);
            if frame.many {
                self.sets.pop();
            }
        }
    }

    /// The innermost object has this key too; an error if it had it already.
    #[inline]
    pub(super) fn add(&mut self, body: &[u8], text: Text) -> Result<(), JsonError> {
        let fingerprint = if text.escaped {
            fingerprint(&text.decoded(body))
        } else {
            fingerprint(text.raw(body))
        };
        let Some(frame) = self.frames.last().copied() else {
            return Ok(());
        };
        let siblings = self.met.get(frame.start..).unwrap_or_default();
        let suspect = if siblings.len() < FEW {
            siblings.iter().any(|key| key.fingerprint == fingerprint)
        } else {
            self.add_to_set(body, text, frame)?
        };
        if suspect && self.holds(body, text, frame) {
            return Err(fault(Fault::DuplicateKey, text));
        }
        self.met.push(Key { fingerprint, text });
        Ok(())
    }

    /// Whether the innermost object, which has many keys, may have this one already; adds it to its set.
    #[cold]
    fn add_to_set(&mut self, body: &[u8], text: Text, frame: Frame) -> Result<bool, JsonError> {
        let siblings = self.met.get(frame.start..).unwrap_or_default();
        if siblings.len() >= MAX_KEYS || self.met.len() >= MAX_OPEN_KEYS {
            return Err(fault(Fault::TooManyKeys, text));
        }
        if !frame.many {
            let random = RandomState::new();
            let hashes = siblings
                .iter()
                .map(|key| random.hash_one(&*key.text.decoded(body)))
                .collect();
            self.sets.push(Set { random, hashes });
            if let Some(frame) = self.frames.last_mut() {
                frame.many = true;
            }
        }
        Ok(self
            .sets
            .last_mut()
            .is_none_or(|set| !set.hashes.insert(set.random.hash_one(&*text.decoded(body)))))
    }

    /// Whether the innermost object has exactly this key.
    #[cold]
    fn holds(&self, body: &[u8], text: Text, frame: Frame) -> bool {
        let name = text.decoded(body);
        let siblings = self.met.get(frame.start..).unwrap_or_default();
        siblings.iter().any(|key| key.text.decoded(body) == name)
    }
}

#[cold]
fn fault(fault: Fault, text: Text) -> JsonError {
    JsonError::new(fault, text.span.range().start.saturating_sub(1))
}

/// Eight bytes that differ for nearly all different keys of ordinary length.
#[inline]
fn fingerprint(key: &[u8]) -> u64 {
    let length = (key.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    if let (Some(first), Some(last)) = (key.first_chunk::<8>(), key.last_chunk::<8>()) {
        length ^ u64::from_le_bytes(*first) ^ u64::from_le_bytes(*last).rotate_left(21)
    } else if let (Some(first), Some(last)) = (key.first_chunk::<4>(), key.last_chunk::<4>()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        length ^ u64::from(first) ^ (u64::from(last) << 32)
    } else {
        key.iter()
            .fold(length, |sum, byte| (sum << 8) ^ u64::from(*byte))
    }
}

/// The set holds hashes already: hashing them again would only cost.
#[derive(Clone, Copy, Default)]
struct BuildNothing;

impl BuildHasher for BuildNothing {
    type Hasher = Nothing;

    fn build_hasher(&self) -> Nothing {
        Nothing(0)
    }
}

#[derive(Default)]
struct Nothing(u64);

impl std::hash::Hasher for Nothing {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 << 8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
