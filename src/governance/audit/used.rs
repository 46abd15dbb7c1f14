//! When a key was last used, and how often: two numbers that every call of the key finds at hand.

use crate::clock::Wall;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Calls of one key that were let through.
///
/// Each number is right by itself; nobody compares the two, so no order between them is kept.
#[derive(Debug, Default)]
pub struct Used {
    calls: AtomicU64,
    /// When the last one came, in seconds since the epoch; 0 before the first.
    last: AtomicI64,
}

impl Used {
    /// One more, which came at this time.
    pub fn count(&self, at: Wall) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let at = at.secs();
        // Most calls of a busy key come within the second of another: those only read.
        if self.last.load(Ordering::Relaxed) < at {
            self.last.fetch_max(at, Ordering::Relaxed);
        }
    }

    /// How many there were, and when the last one came.
    #[must_use]
    pub fn read(&self) -> (u64, Wall) {
        let last = Wall::from_secs(self.last.load(Ordering::Relaxed));
        (self.calls.load(Ordering::Relaxed), last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_call_is_the_latest_in_whichever_order_they_end() {
        let used = Used::default();
        assert_eq!(used.read(), (0, Wall::from_secs(0)));
        for at in [20, 30, 10] {
            used.count(Wall::from_secs(at));
        }
        assert_eq!(used.read(), (3, Wall::from_secs(30)));
    }
}
