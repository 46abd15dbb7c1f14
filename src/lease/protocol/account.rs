//! One account of the bank: a budget in one of its periods.
//!
//! Invariant: of a hard account no more is spent, held and uncertain together than its limit, apart from what providers
//! charged beyond their worst cases and what an administrator took away from under money already lent.

use super::terms::Lending;
use crate::units::Money;
use std::time::Duration;

/// Which budget, in which of its periods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId {
    /// The budget.
    pub budget: u64,
    /// The number of its period.
    pub period: i64,
}

/// An account. All amounts are sums over the leases that name it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Account {
    /// How much there is.
    pub limit: Money,
    /// Whether the limit binds.
    pub hard: bool,
    /// Charged, what went beyond worst cases included.
    pub spent: Money,
    /// Lent, and neither spent nor given back.
    pub held: Money,
    /// Presumed spent: whoever held it cannot say.
    pub uncertain: Money,
    /// The part of `spent` that went beyond what was reserved.
    pub overrun: Money,
    /// How far the limit was lowered below what was lent already.
    pub overcommit: Money,
    /// How fast those who hold some of it spend, per minute.
    pub rate: Money,
    /// When its period ends, by the bank's clock. Said anew by whoever knows calendars, never stored.
    pub ends: Option<Duration>,
    /// How it is lent, as far as it says so itself. Said anew by whoever administers it, never stored.
    pub lending: Lending,
}

/// What one step does to every account of a lease.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Delta {
    /// Change of what is spent.
    pub spent: Money,
    /// Change of what is held.
    pub held: Money,
    /// Change of what is uncertain.
    pub uncertain: Money,
    /// Change of the overrun.
    pub overrun: Money,
}

impl Account {
    /// An account of which nothing is used.
    #[must_use]
    pub fn new(limit: Money, hard: bool) -> Self {
        Self {
            limit,
            hard,
            ..Self::default()
        }
    }

    /// What may still be lent.
    #[must_use]
    pub fn free(&self) -> Money {
        if self.hard {
            self.limit.less(self.used())
        } else {
            Money::MAX
        }
    }

    /// What is gone or may be.
    #[must_use]
    pub fn used(&self) -> Money {
        self.spent.plus(self.held).plus(self.uncertain)
    }

    /// Whether the invariant holds.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let most = self.limit.plus(self.overrun).plus(self.overcommit);
        let counters = [self.spent, self.held, self.uncertain, self.overrun];
        counters.iter().all(|counter| *counter >= Money::ZERO)
            && (!self.hard || self.used() <= most)
    }

    /// Sets another limit. What is lent already stays lent.
    pub fn set_limit(&mut self, limit: Money) {
        self.limit = limit;
        self.overcommit = self.used().less(limit.plus(self.overrun));
    }

    /// Lets what is used stand, whatever the limit: it is a fact.
    pub(super) fn excuse(&mut self) {
        let over = self.used().less(self.limit.plus(self.overrun));
        self.overcommit = self.overcommit.max(over);
    }

    pub(super) fn apply(&mut self, delta: Delta) {
        self.spent = self.spent.plus(delta.spent);
        self.held = self.held.plus(delta.held);
        self.uncertain = self.uncertain.plus(delta.uncertain);
        self.overrun = self.overrun.plus(delta.overrun);
        // What is no longer used needs no excuse any more.
        let over = self.used().less(self.limit.plus(self.overrun));
        self.overcommit = self.overcommit.min(over);
    }
}

impl Delta {
    /// Whether it changes nothing.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_lowered_below_what_is_lent_is_an_overcommitment_until_it_is_back() {
        let usd = |dollars: i64| Money::from_nanos(dollars.saturating_mul(1_000_000_000));
        let mut account = Account::new(usd(10), true);
        account.apply(Delta {
            held: usd(6),
            ..Delta::default()
        });
        account.set_limit(usd(4));
        assert_eq!((account.free(), account.overcommit), (usd(0), usd(2)));
        assert!(account.is_sound());
        account.apply(Delta {
            held: usd(-3),
            spent: usd(1),
            ..Delta::default()
        });
        assert_eq!((account.free(), account.overcommit), (usd(0), usd(0)));
        assert!(account.is_sound());
    }
}
