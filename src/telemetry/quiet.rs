//! Warnings that cannot become a storm.
//!
//! What can fail once can fail ten thousand times a second, and a log that repeats it hides everything else and fills the
//! disk. A place that warns keeps a [`Quiet`]: it lets one warning through per interval and counts the others.

use crate::clock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Lets one warning through per interval.
#[derive(Debug)]
pub struct Quiet {
    interval: u64,
    /// Nanoseconds since the start before which nothing passes.
    until: AtomicU64,
    held_back: AtomicU64,
}

impl Quiet {
    /// One warning per `interval`.
    #[must_use]
    pub const fn per(interval: Duration) -> Self {
        // Seconds first: a const context knows no fallible conversion, and intervals are short.
        let interval =
            interval.as_secs().saturating_mul(1_000_000_000) + interval.subsec_nanos() as u64;
        Self {
            interval,
            until: AtomicU64::new(0),
            held_back: AtomicU64::new(0),
        }
    }

    /// Whether to warn now; if so, how many warnings were held back since the last one.
    pub fn now(&self) -> Option<u64> {
        self.at(clock::since_start())
    }

    /// The same at a given time since the start.
    pub fn at(&self, since_start: Duration) -> Option<u64> {
        let now = u64::try_from(since_start.as_nanos()).unwrap_or(u64::MAX);
        let until = self.until.load(Ordering::Relaxed);
        let next = now.saturating_add(self.interval);
        let ours = now >= until
            && self
                .until
                .compare_exchange(until, next, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if ours {
            return Some(self.held_back.swap(0, Ordering::Relaxed));
        }
        self.held_back.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_warning_a_second_passes_and_counts_the_others() {
        let quiet = Quiet::per(Duration::from_secs(1));
        let at = |millis| quiet.at(Duration::from_millis(millis));
        assert_eq!(at(0), Some(0));
        assert_eq!(at(1), None);
        assert_eq!(at(999), None);
        assert_eq!(at(1_000), Some(2));
        assert_eq!(at(5_000), Some(0));
    }
}
