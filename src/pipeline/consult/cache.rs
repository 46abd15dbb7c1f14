//! Answers of guards, kept for as long as their entry says.
//!
//! Under a digest of the guard and all that it was told apart from the call's id; the digest is keyed, so the memory says
//! nothing about texts to whoever gets hold of it. It goes with the policies: a reload asks anew.

use super::opinion::Opinion;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Answers kept. A reason is at most half a kilobyte, so this is some eight megabytes at worst.
const MOST: usize = 16_384;

/// What a question is known by.
pub(super) type Digest = [u8; 32];

/// The memory.
#[derive(Debug, Default)]
pub(super) struct Cache {
    key: Digest,
    /// Each with the time until which it holds.
    known: Mutex<HashMap<Digest, (Opinion, Duration)>>,
}

impl Cache {
    /// A memory whose digests are keyed by this secret.
    pub(super) fn new(secret: &[u8]) -> Self {
        Self {
            key: blake3::derive_key("tollgate consult cache 1", secret),
            known: Mutex::default(),
        }
    }

    /// Begins a digest.
    pub(super) fn hasher(&self) -> blake3::Hasher {
        blake3::Hasher::new_keyed(&self.key)
    }

    /// What was answered, if that still holds.
    pub(super) fn get(&self, digest: &Digest, now: Duration) -> Option<Opinion> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (opinion, until) = known.get(digest)?;
        (now < *until).then(|| opinion.clone())
    }

    /// Keeps an answer. That there was none is not kept: the next call asks again.
    pub(super) fn keep(&self, digest: Digest, opinion: &Opinion, until: Duration, now: Duration) {
        if matches!(opinion, Opinion::Unknown(_)) {
            return;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.retain(|_, (_, until)| now < *until);
        }
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(digest, (opinion.clone(), until));
    }
}
