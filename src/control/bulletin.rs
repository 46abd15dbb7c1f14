//! What has just happened, for every gateway that listens.
//!
//! Events are numbered and the last few are kept, so that a gateway that was cut off for a moment hears what it missed. They
//! are hints: who missed more than is kept asks anew for everything, which is the truth.

use crate::lease::directory::Event;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// So many events are kept.
const KEPT: usize = 1024;

/// An event with its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbered {
    /// Grows by one with each event.
    pub cursor: u64,
    /// What happened.
    pub event: Event,
}

/// What is to be heard after some cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// These, in order; perhaps none.
    Events(Vec<Numbered>),
    /// More than is kept: everything is to be asked for anew. The newest cursor.
    Missed(u64),
}

/// The board that events are put on.
#[derive(Debug)]
pub struct Bulletin {
    kept: Mutex<VecDeque<Numbered>>,
    newest: watch::Sender<u64>,
}

impl Bulletin {
    /// An empty board. `first`: beyond every number that was ever given out, also by a process before this one.
    #[must_use]
    pub fn new(first: u64) -> Self {
        Self {
            kept: Mutex::new(VecDeque::new()),
            newest: watch::Sender::new(first),
        }
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<Numbered>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells everybody. The event's number.
    pub fn publish(&self, event: Event) -> u64 {
        let mut kept = self.kept();
        let cursor = self.newest.borrow().saturating_add(1);
        kept.push_back(Numbered { cursor, event });
        if kept.len() > KEPT {
            kept.pop_front();
        }
        drop(kept);
        self.newest.send_replace(cursor);
        cursor
    }

    /// The newest event's number.
    #[must_use]
    pub fn newest(&self) -> u64 {
        *self.newest.borrow()
    }

    /// Wakes whoever waits, with each event.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// What happened after `cursor`.
    #[must_use]
    pub fn since(&self, cursor: u64) -> News {
        let kept = self.kept();
        let newest = *self.newest.borrow();
        let oldest = kept
            .front()
            .map_or(newest.saturating_add(1), |one| one.cursor);
        // Also a cursor from the future: it is another board's.
        if cursor > newest || cursor.saturating_add(1) < oldest {
            return News::Missed(newest);
        }
        News::Events(
            kept.iter()
                .filter(|one| one.cursor > cursor)
                .cloned()
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_away_for_a_moment_hears_what_was_missed() {
        let board = Bulletin::new(10);
        assert_eq!(board.since(10), News::Events(Vec::new()));
        let first = board.publish(Event::SyncNow);
        board.publish(Event::Directory { revision: 2 });
        let News::Events(heard) = board.since(first) else {
            panic!("nothing was missed");
        };
        assert_eq!(heard.len(), 1);
        assert_eq!(heard[0].event, Event::Directory { revision: 2 });
    }

    #[test]
    fn who_was_away_for_long_is_told_so() {
        let board = Bulletin::new(0);
        for _ in 0..=KEPT {
            board.publish(Event::SyncNow);
        }
        let newest = board.newest();
        assert_eq!(board.since(0), News::Missed(newest));
        assert_eq!(board.since(newest + 7), News::Missed(newest));
        assert!(matches!(board.since(1), News::Events(events) if events.len() == KEPT));
    }
}
