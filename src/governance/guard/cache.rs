//! What was found in a message before: chats resend their whole history with every turn.
//!
//! The key is a keyed digest of the catalogue's revision and the text. It must be one that nobody can aim at: whoever found two
//! texts with one digest could have a secret taken for the harmless text. The value is where things stand, never what they are.
//!
//! Invariant: no more than the stated bytes are held. What was not asked for since the hand last came by goes first.
//!
//! Not here: which texts are worth a look (`pipeline`).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::catalogue::Catalogue;
use super::finding::Finding;

/// What a cache holds by default, in bytes.
pub const DEFAULT_CAPACITY: usize = 64 << 20;
/// Texts shorter than this are scanned faster than they are looked up, in bytes.
pub const WORTH_CACHING: usize = 512;

const SHARDS: usize = 16;
/// What an entry takes besides its findings: slot, table entry, and the room both leave free.
const ENTRY: usize = 128;

type Key = [u8; 16];

/// Findings by text, shared by all threads.
#[derive(Debug)]
pub struct Cache {
    secret: [u8; 32],
    shards: [Mutex<Shard>; SHARDS],
    /// The bytes each shard may hold.
    share: usize,
}

#[derive(Debug, Default)]
struct Shard {
    places: HashMap<Key, usize>,
    slots: Vec<Slot>,
    hand: usize,
    bytes: usize,
}

#[derive(Debug)]
struct Slot {
    key: Key,
    findings: Box<[Finding]>,
    /// Asked for since the hand last came by.
    used: bool,
}

impl Slot {
    fn bytes(&self) -> usize {
        ENTRY + size_of_val(&*self.findings)
    }
}

impl Cache {
    /// An empty cache of this many bytes. The secret must be random, and no one else's.
    #[must_use]
    pub fn new(secret: [u8; 32], capacity: usize) -> Self {
        Self {
            secret,
            shards: Default::default(),
            share: capacity / SHARDS,
        }
    }

    /// All values in a text: remembered, or scanned for now.
    #[must_use]
    pub fn scan(&self, catalogue: &Catalogue, text: &str) -> Vec<Finding> {
        if text.len() < WORTH_CACHING {
            return catalogue.scan(text);
        }
        let key = self.key(catalogue, text);
        if let Some(known) = self.with(&key, |shard| shard.get(&key)) {
            return known;
        }
        let findings = catalogue.scan(text);
        let slot = Slot {
            key,
            findings: findings.as_slice().into(),
            used: false,
        };
        self.with(&key, |shard| shard.put(slot, self.share));
        findings
    }

    /// The bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).bytes)
            .sum()
    }

    fn key(&self, catalogue: &Catalogue, text: &str) -> Key {
        let mut hash = blake3::Hasher::new_keyed(&self.secret);
        hash.update(catalogue.revision());
        hash.update(text.as_bytes());
        let mut key = Key::default();
        hash.finalize_xof().fill(&mut key);
        key
    }

    fn with<T: Default>(&self, key: &Key, work: impl FnOnce(&mut Shard) -> T) -> T {
        let [first, ..] = *key;
        let Some(shard) = self.shards.get(usize::from(first) % SHARDS) else {
            return T::default();
        };
        // A thread that panicked here left a whole shard behind: each step below ends in a consistent one.
        work(&mut shard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Shard {
    fn get(&mut self, key: &Key) -> Option<Vec<Finding>> {
        let slot = self.slots.get_mut(*self.places.get(key)?)?;
        slot.used = true;
        Some(slot.findings.to_vec())
    }

    fn put(&mut self, slot: Slot, share: usize) {
        if slot.bytes() > share / 8 || self.places.contains_key(&slot.key) {
            return; // one text must not push out all others; or another thread was faster
        }
        self.bytes += slot.bytes();
        self.places.insert(slot.key, self.slots.len());
        self.slots.push(slot);
        while self.bytes > share {
            self.evict();
        }
    }

    /// Moves the hand to the next slot that was not asked for, and removes it.
    fn evict(&mut self) {
        loop {
            if self.hand >= self.slots.len() {
                self.hand = 0;
            }
            match self.slots.get_mut(self.hand) {
                None => return,
                Some(slot) if slot.used => slot.used = false,
                Some(_) => break,
            }
            self.hand += 1;
        }
        let gone = self.slots.swap_remove(self.hand);
        self.bytes -= gone.bytes();
        self.places.remove(&gone.key);
        if let Some(moved) = self.slots.get(self.hand) {
            self.places.insert(moved.key, self.hand);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(number: usize) -> String {
        format!("{number} {} jane@example.com", "word ".repeat(300))
    }

    #[test]
    fn what_was_found_once_is_found_again() {
        let cache = Cache::new([7; 32], DEFAULT_CAPACITY);
        let catalogue = Catalogue::builtin();
        let first = cache.scan(catalogue, &text(1));
        assert_eq!(first.len(), 1);
        assert!(cache.bytes() > 0);
        assert_eq!(cache.scan(catalogue, &text(1)), first);
        assert_eq!(cache.scan(catalogue, &text(1)), catalogue.scan(&text(1)));
    }

    #[test]
    fn short_texts_are_not_kept() {
        let cache = Cache::new([7; 32], DEFAULT_CAPACITY);
        assert_eq!(
            cache.scan(Catalogue::builtin(), "jane@example.com").len(),
            1
        );
        assert_eq!(cache.bytes(), 0);
    }

    #[test]
    fn no_more_is_held_than_allowed_and_what_is_asked_for_stays() {
        let mut shard = Shard::default();
        let slot = |number: u8| Slot {
            key: [number; 16],
            findings: Box::default(),
            used: false,
        };
        let allowed = 16 * ENTRY;
        for number in 0..200 {
            shard.put(slot(number), allowed);
            assert!(shard.bytes <= allowed);
            assert!(number == 0 || shard.get(&[0; 16]).is_some());
        }
        assert_eq!(shard.places.len(), shard.slots.len());
        assert!(shard.get(&[199; 16]).is_some());
        assert!(shard.get(&[100; 16]).is_none());
    }

    #[test]
    fn another_catalogue_does_not_get_its_findings() {
        use crate::governance::guard::catalogue::Selection;
        let cache = Cache::new([7; 32], DEFAULT_CAPACITY);
        let none = Catalogue::build(Selection {
            kinds: Vec::new(),
            customs: Vec::new(),
        });
        assert_eq!(cache.scan(&none, &text(1)).len(), 0);
        assert_eq!(cache.scan(Catalogue::builtin(), &text(1)).len(), 1);
    }
}
