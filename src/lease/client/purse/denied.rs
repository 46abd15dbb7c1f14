//! What the panel said no to, with the figures that callers are told and the holder has no use for.

use super::Inner;
use crate::clock::Wall;
use crate::governance::budget::NotLent;
use crate::lease::protocol::{Deny, LeafId, Reason, Sync};
use crate::units::Money;
use std::time::Duration;

/// What the panel said no to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Denied {
    deny: Deny,
    /// What was wanted.
    need: Money,
    heard: Duration,
    at: Wall,
}

impl Denied {
    fn left(&self, now: Duration) -> Duration {
        self.heard
            .saturating_add(self.deny.retry_after)
            .saturating_sub(now)
    }
}

impl Inner {
    /// Takes down what this sync was denied. Of a smaller want that was met nothing follows for a larger one.
    pub(super) fn note_denials(&mut self, said: &[Deny], sync: &Sync, now: Duration, at: Wall) {
        for want in &sync.wants {
            if let Some(deny) = said.iter().find(|deny| deny.leaf == want.leaf) {
                let denied = Denied {
                    deny: *deny,
                    need: want.need,
                    heard: now,
                    at,
                };
                self.denials.insert(want.leaf, denied);
            } else if self
                .denials
                .get(&want.leaf)
                .is_some_and(|known| want.need >= known.need)
            {
                self.denials.remove(&want.leaf);
            }
        }
    }

    /// What the panel said about so much for this leaf, as long as that holds.
    pub(super) fn denied(&self, leaf: LeafId, amount: Money, now: Duration) -> Option<NotLent> {
        let denied = self.denials.get(&leaf)?;
        let left = denied.left(now);
        let whatever = matches!(
            denied.deny.reason,
            Reason::Killed | Reason::UnknownLeaf | Reason::Restoring
        );
        if left == Duration::ZERO || (amount < denied.need && !whatever) {
            return None;
        }
        Some(match denied.deny.reason {
            Reason::Killed => NotLent::Killed,
            // A directory and a bank that do not agree yet, others who are asked to give back, or a bank that was restored.
            Reason::UnknownLeaf | Reason::Recalling | Reason::Restoring => NotLent::Later(left),
            Reason::Exhausted => match denied.deny.short {
                Some(short) => NotLent::Short(Box::new(self.short(leaf, short, denied.at, now))),
                None => NotLent::Beyond,
            },
        })
    }
}
