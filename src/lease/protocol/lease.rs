//! A lease as the bank has it: counters that only grow, and how far its life has come.
//!
//! Invariant: `settled + returned + uncertain` never exceeds `granted`, and none of `granted`, `returned` and `settled` ever
//! falls. What is charged beyond that is kept apart, as overrun.

use super::account::{AccountId, Delta};
use super::message::{DiskId, Final, LeafId, RouterId};
use crate::units::Money;
use smallvec::SmallVec;
use std::time::Duration;

/// How far a lease's life has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Its holder syncs.
    Active,
    /// No new money; what is not spent may still come back.
    Draining,
    /// Its holder fell silent: what was left is presumed spent.
    Lost,
    /// All is told.
    Closed,
}

/// A lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Who holds it.
    pub router: RouterId,
    /// Which process of it.
    pub incarnation: u64,
    /// Where that process wrote.
    pub disk: DiskId,
    /// Who may spend it.
    pub leaf: LeafId,
    /// What its holder must say with it.
    pub fence: u64,
    /// All accounts it is taken from.
    pub accounts: SmallVec<[AccountId; 8]>,
    /// How far its life has come.
    pub stage: Stage,
    /// Lent.
    pub granted: Money,
    /// Given back.
    pub returned: Money,
    /// Charged.
    pub settled: Money,
    /// Presumed spent.
    pub uncertain: Money,
    /// Charged beyond what was reserved, as its holder tells.
    pub overrun: Money,
    /// Charged beyond what the lease held: a copy of its holder, or a holder that lies.
    pub breach: Money,
    /// How fast its holder spends, per minute.
    pub rate: Money,
    /// Whether its holder was ever heard to use it.
    pub was_used: bool,
    /// Whether a later process had its last word.
    pub is_final: bool,
    /// Until when calls may begin, by the bank's clock.
    pub valid_until: Duration,
    /// Until when they may last.
    pub drain_until: Duration,
    /// Whether its holder is asked to give back what it does not use.
    pub recalled: bool,
}

impl Lease {
    /// A lease of nothing yet.
    pub(super) fn new(
        (router, incarnation, disk): (RouterId, u64, DiskId),
        (leaf, fence): (LeafId, u64),
        accounts: SmallVec<[AccountId; 8]>,
    ) -> Self {
        Self {
            router,
            incarnation,
            disk,
            leaf,
            fence,
            accounts,
            stage: Stage::Active,
            granted: Money::ZERO,
            returned: Money::ZERO,
            settled: Money::ZERO,
            uncertain: Money::ZERO,
            overrun: Money::ZERO,
            breach: Money::ZERO,
            rate: Money::ZERO,
            was_used: false,
            is_final: false,
            valid_until: Duration::ZERO,
            drain_until: Duration::ZERO,
            recalled: false,
        }
    }

    /// Lent, and neither spent nor given back nor presumed spent.
    #[must_use]
    pub fn held(&self) -> Money {
        self.granted
            .minus(self.returned)
            .minus(self.settled)
            .minus(self.uncertain)
    }

    /// Whether its counters can be true.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let all = [self.returned, self.settled, self.uncertain, self.overrun];
        all.iter().all(|counter| *counter >= Money::ZERO)
            && self.held() >= Money::ZERO
            && (self.stage != Stage::Closed || self.held() == Money::ZERO)
    }

    /// Takes over what its holder says was spent and given back. Spending is a fact, whenever it is told.
    pub(super) fn merge(&mut self, settled: Money, returned: Money, overrun: Money) {
        // All that was ever told of it, what went beyond the lease included: money lent since may cover that.
        let told = settled.max(self.settled.plus(self.breach));
        if told > self.settled {
            let before = self.settled;
            let most = self.granted.minus(self.returned);
            self.settled = told.min(most).max(before);
            self.breach = told.less(self.settled);
            // What was presumed spent, and now is, is no longer presumed.
            self.uncertain = self.uncertain.less(self.settled.minus(before));
            self.uncertain = self.uncertain.min(most.minus(self.settled));
        }
        if self.stage != Stage::Closed && returned > self.returned {
            let most = self.granted.minus(self.settled);
            self.returned = returned.min(most).max(self.returned);
            self.uncertain = self.uncertain.min(most.minus(self.returned));
        }
        self.overrun = self.overrun.max(overrun);
    }

    /// All is told: what is left comes back.
    pub(super) fn close(&mut self) {
        if self.stage != Stage::Closed {
            self.returned = self.granted.minus(self.settled).minus(self.uncertain);
            self.stage = Stage::Closed;
        }
    }

    /// Its holder itself closes it, and knows all: nothing is presumed any more.
    pub(super) fn close_by_holder(&mut self) {
        if self.stage != Stage::Closed {
            self.uncertain = Money::ZERO;
            self.close();
        }
    }

    /// Nobody will tell: what is left is presumed spent.
    pub(super) fn lose(&mut self) {
        self.uncertain = self.uncertain.plus(self.held());
        self.stage = Stage::Lost;
    }

    /// No new money.
    pub(super) fn drain(&mut self) {
        if self.stage == Stage::Active {
            self.stage = Stage::Draining;
        }
    }

    /// The last word of a later process, once. What it releases comes back when the lease has drained, so that a copy of the
    /// process that can still talk has the time to.
    pub(super) fn finalise(&mut self, word: &Final, clone_safe: bool) {
        if self.is_final {
            return;
        }
        self.merge(word.settled, Money::ZERO, word.overrun);
        self.is_final = true;
        if self.stage == Stage::Closed {
            return;
        }
        let room = self.granted.minus(self.returned).minus(self.settled);
        // The word bounds all that was spent; what was heard of it in the meantime is no longer presumed.
        let all = word.settled.plus(word.in_flight).plus(word.uncertain);
        let presumed = all.less(self.settled);
        self.uncertain = if clone_safe { room } else { presumed.min(room) };
        if self.stage == Stage::Lost {
            self.close();
        } else {
            self.stage = Stage::Draining;
        }
    }

    /// What a change of this lease is to its accounts.
    pub(super) fn delta(&self, before: &Self) -> Delta {
        let over = |lease: &Self| lease.overrun.plus(lease.breach);
        let overrun = over(self).minus(over(before));
        Delta {
            spent: self.settled.minus(before.settled).plus(overrun),
            held: self.held().minus(before.held()),
            uncertain: self.uncertain.minus(before.uncertain),
            overrun,
        }
    }
}
