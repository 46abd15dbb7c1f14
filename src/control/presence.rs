//! Which gateways are there: when each was last heard, and which event it has acted on.
//!
//! In memory alone: after a start of the panel everybody is unheard of until the next sync, which is the truth.

use crate::clock::Wall;
use crate::lease::protocol::RouterId;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is known of a gateway's connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// When it last said something.
    pub at: Wall,
    /// How many streams of events it listens on.
    pub listening: u32,
    /// The newest event it has acted on.
    pub cursor: u64,
}

/// All gateways that were heard since the start.
#[derive(Debug, Default)]
pub struct Presence {
    seen: Mutex<HashMap<RouterId, Seen>>,
}

impl Presence {
    fn seen(&self) -> MutexGuard<'_, HashMap<RouterId, Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It said something, perhaps that it has acted on all events up to one.
    pub fn heard(&self, router: RouterId, cursor: Option<u64>, now: Wall) {
        let mut all = self.seen();
        let seen = all.entry(router).or_default();
        seen.at = now;
        seen.cursor = cursor.unwrap_or(0).max(seen.cursor);
    }

    /// It listens to events from now on, until the guard is dropped.
    pub fn listens(self: &std::sync::Arc<Self>, router: RouterId) -> Listening {
        let mut all = self.seen();
        let seen = all.entry(router).or_default();
        seen.listening = seen.listening.saturating_add(1);
        Listening(self.clone(), router)
    }

    /// What is known of it.
    #[must_use]
    pub fn of(&self, router: RouterId) -> Option<Seen> {
        self.seen().get(&router).copied()
    }

    /// Everybody.
    #[must_use]
    pub fn all(&self) -> Vec<(RouterId, Seen)> {
        let mut all: Vec<_> = self.seen().iter().map(|(id, seen)| (*id, *seen)).collect();
        all.sort_unstable_by_key(|(id, _)| *id);
        all
    }
}

/// A gateway that listens.
#[derive(Debug)]
pub struct Listening(std::sync::Arc<Presence>, RouterId);

impl Drop for Listening {
    fn drop(&mut self) {
        if let Some(seen) = self.0.seen().get_mut(&self.1) {
            seen.listening = seen.listening.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn who_hangs_up_no_longer_listens() {
        let presence = Arc::new(Presence::default());
        let router = RouterId(1);
        let first = presence.listens(router);
        let second = presence.listens(router);
        drop(first);
        assert_eq!(presence.of(router).map(|seen| seen.listening), Some(1));
        drop(second);
        assert_eq!(presence.of(router).map(|seen| seen.listening), Some(0));
    }

    #[test]
    fn what_a_gateway_has_acted_on_is_never_undone_by_a_late_message() {
        let presence = Presence::default();
        presence.heard(RouterId(1), Some(7), Wall::from_secs(2));
        presence.heard(RouterId(1), Some(5), Wall::from_secs(3));
        presence.heard(RouterId(1), None, Wall::from_secs(4));
        let seen = presence.of(RouterId(1)).expect("heard");
        assert_eq!((seen.cursor, seen.at), (7, Wall::from_secs(4)));
    }
}
