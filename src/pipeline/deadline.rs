//! How long a caller will wait: what its headers say, and what that leaves for a call.
//!
//! `x-tollgate-timeout` bounds all of a call: retries, fallbacks and the answer to its last byte. What the vendors' own clients
//! tell (`x-stainless-read-timeout`, `x-stainless-timeout`) is how long they wait to be answered at all: it bounds the time to
//! the answer's head, so that nobody is asked again for a client who has hung up. Neither makes a configured time longer.

use crate::provider::settings::Timeouts;
use std::time::Duration;

/// What a caller said of its patience.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Deadlines {
    /// For the whole call.
    pub total: Option<Duration>,
    /// Until the head of the answer.
    pub head: Option<Duration>,
}

/// When a call must have got how far, since the start of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    /// The head of its answer is there.
    head: Duration,
    /// It is over.
    pub(super) over: Duration,
}

impl Due {
    /// Of a call that began then.
    pub(super) fn of(asked: Deadlines, timeouts: &Timeouts, began: Duration) -> Self {
        let total = asked.total.unwrap_or(Duration::MAX).min(timeouts.total);
        let head = asked.head.unwrap_or(Duration::MAX).min(total);
        Self {
            head: began.saturating_add(head),
            over: began.saturating_add(total),
        }
    }

    /// What is left of the time until the head.
    pub(super) const fn left(&self, now: Duration) -> Duration {
        self.head.saturating_sub(now)
    }

    /// Whether there is time to ask again after this wait.
    pub(super) fn allows(&self, wait: Duration, now: Duration) -> bool {
        wait < self.left(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_time_holds() {
        let second = Duration::from_secs;
        let timeouts = Timeouts {
            connect: second(5),
            first_byte: second(60),
            idle: second(60),
            total: second(100),
        };
        let check = |total: Option<u64>, head: Option<u64>, expected: (u64, u64)| {
            let asked = Deadlines {
                total: total.map(second),
                head: head.map(second),
            };
            let due = Due::of(asked, &timeouts, second(10));
            let (head, over) = expected;
            assert_eq!(
                (due.head, due.over),
                (second(head), second(over)),
                "{asked:?}"
            );
        };
        check(None, None, (110, 110));
        check(Some(20), None, (30, 30));
        check(None, Some(20), (30, 110));
        check(Some(20), Some(30), (30, 30));
        check(Some(900), Some(900), (110, 110));
        let asked = Deadlines {
            total: Some(Duration::MAX),
            head: Some(Duration::MAX),
        };
        let due = Due::of(asked, &timeouts, second(10));
        assert!(due.allows(second(99), second(10)));
        assert!(!due.allows(second(100), second(10)));
        assert_eq!(due.left(second(500)), Duration::ZERO);
    }
}
