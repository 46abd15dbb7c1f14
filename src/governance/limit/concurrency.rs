//! Calls at once: a counter, and a slot that gives its place back when dropped.

use crate::governance::sync::AtomicU32;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Counts the calls in flight.
#[derive(Debug, Clone, Default)]
pub(super) struct Concurrency(Arc<AtomicU32>);

/// One place; dropping it frees it.
#[derive(Debug)]
pub(super) struct Slot(Arc<AtomicU32>);

impl Concurrency {
    /// Takes a place if fewer than `most` are taken.
    pub(super) fn enter(&self, most: u32) -> Option<Slot> {
        let more = |taken: u32| (taken < most).then(|| taken.saturating_add(1));
        let entered = self
            .0
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, more);
        entered.ok().map(|_| Slot(self.0.clone()))
    }

    pub(super) fn taken(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
