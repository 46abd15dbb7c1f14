//! A bounded table of what is remembered about many, in shards, so that two calls seldom wait for each other.
//!
//! Keys are 128-bit digests keyed anew in each process: nothing has to be allocated to look something up, and nobody can
//! make two names share an entry on purpose. What happens when it is full: entries used longest ago are forgotten, a
//! sixteenth of the shard at once, pinned ones never. If all are pinned, nothing new is remembered.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What can be forgotten.
pub(super) trait Aged {
    /// When it was last used.
    fn last_use(&self) -> Duration;
    /// Whether it must be kept.
    fn is_pinned(&self, now: Duration) -> bool;
}

const SHARDS: usize = 16;

type Shard<V> = HashMap<u128, V, BuildHasherDefault<Drawn>>;

/// The hash of a key: half of it. It is a keyed digest already, so another one would spread it no better.
#[derive(Debug, Default)]
struct Drawn(u64);

impl Hasher for Drawn {
    fn write_u128(&mut self, key: u128) {
        // The other half chose the shard.
        self.0 = u64::try_from(key >> 64).unwrap_or(0);
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[derive(Debug)]
pub(super) struct Table<V> {
    shards: [Mutex<Shard<V>>; SHARDS],
    keys: (RandomState, RandomState),
    /// Entries of one shard.
    most: usize,
}

impl<V: Aged + Default> Table<V> {
    pub(super) fn new(most: usize) -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            keys: (RandomState::new(), RandomState::new()),
            most: most.div_euclid(SHARDS).max(1),
        }
    }

    pub(super) fn key(&self, of: &impl Hash) -> u128 {
        let (high, low) = (self.keys.0.hash_one(of), self.keys.1.hash_one(of));
        (u128::from(high) << 64) | u128::from(low)
    }

    fn shard(&self, key: u128) -> Option<&Mutex<Shard<V>>> {
        self.shards
            .get(usize::try_from(key.rem_euclid(SHARDS as u128)).ok()?)
    }

    /// Does something with an entry, made if there is none. `None`: there is no room for it.
    pub(super) fn with<T>(
        &self,
        key: u128,
        now: Duration,
        act: impl FnOnce(&mut V) -> T,
    ) -> Option<T> {
        let mut shard = self
            .shard(key)?
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = shard.get_mut(&key) {
            return Some(act(known));
        }
        if shard.len() >= self.most {
            make_room(&mut shard, self.most, now);
            if shard.len() >= self.most {
                return None;
            }
        }
        Some(act(shard.entry(key).or_default()))
    }

    /// Does something with an entry, if there is one.
    pub(super) fn with_known<T>(&self, key: u128, act: impl FnOnce(&mut V) -> T) -> Option<T> {
        let mut shard = self
            .shard(key)?
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        shard.get_mut(&key).map(act)
    }

    pub(super) fn len(&self) -> usize {
        let lens = self.shards.iter().map(|shard| {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.len()
        });
        lens.fold(0, usize::saturating_add)
    }
}

/// Forgets the sixteenth used longest ago, at least one entry, among those that may be forgotten.
fn make_room<V: Aged>(shard: &mut Shard<V>, most: usize, now: Duration) {
    let mut ages: Vec<Duration> = shard
        .values()
        .filter(|entry| !entry.is_pinned(now))
        .map(Aged::last_use)
        .collect();
    let Some(last) = ages.len().checked_sub(1) else {
        return;
    };
    let (_, &mut oldest, _) = ages.select_nth_unstable(most.div_euclid(16).min(last));
    // As many as were used at the same moment may go together; one of them is enough.
    let mut leave = most.div_euclid(16).max(1);
    shard.retain(|_, entry| {
        let goes = leave > 0 && entry.last_use() <= oldest && !entry.is_pinned(now);
        leave = leave.saturating_sub(usize::from(goes));
        !goes
    });
}
