//! How much money went within a window that slides, in whole nano-dollars.
//!
//! The window is sixteen slots, each a sixteenth of it; the one that is being filled and the fifteen before it count. So
//! nothing older than the window ever counts, and what is between fifteen sixteenths and the whole window old may not.

use crate::units::Money;
use std::time::Duration;

const SLOTS: usize = 16;

/// What one subject spent.
#[derive(Debug, Default)]
pub(super) struct Meter {
    slots: [u64; SLOTS],
    /// Nanoseconds of a slot.
    width: u128,
    /// The number of the newest slot, counted from the start of time.
    newest: u128,
}

impl Meter {
    pub(super) fn add(&mut self, over: Duration, cost: Money, now: Duration) {
        self.advance(over, now);
        let nanos = u64::try_from(cost.nanos()).unwrap_or(0);
        if let Some(slot) = self.slot(self.newest) {
            *slot = slot.saturating_add(nanos);
        }
    }

    /// Nano-dollars within the window that ends now.
    pub(super) fn spent(&mut self, over: Duration, now: Duration) -> u64 {
        self.advance(over, now);
        self.total()
    }

    fn slot(&mut self, number: u128) -> Option<&mut u64> {
        let place = number.rem_euclid(SLOTS as u128);
        self.slots.get_mut(usize::try_from(place).ok()?)
    }

    /// Empties the slots that are passed on the way to now. Time that seems to go back stands still.
    fn advance(&mut self, over: Duration, now: Duration) {
        let width = over.as_nanos().div_euclid(SLOTS as u128).max(1);
        let current = now.as_nanos().div_euclid(width);
        if width != self.width {
            // The rule was edited: what was spent under it counts as spent now, so that an edit forgives nothing.
            let spent = self.total();
            (self.slots, self.width, self.newest) = ([0; SLOTS], width, current);
            if let Some(slot) = self.slot(current) {
                *slot = spent;
            }
        }
        if current.saturating_sub(self.newest) >= SLOTS as u128 {
            self.slots = [0; SLOTS];
            self.newest = current;
        }
        while self.newest < current {
            self.newest = self.newest.saturating_add(1);
            if let Some(slot) = self.slot(self.newest) {
                *slot = 0;
            }
        }
    }

    fn total(&self) -> u64 {
        let slots = self.slots.iter().copied();
        slots.fold(0, u64::saturating_add)
    }
}
