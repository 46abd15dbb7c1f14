//! How much is lent at once, and for how long: what an administrator trades outstanding money against independence with.

use crate::units::Money;
use std::time::Duration;

/// How one budget is lent, where it has a say of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lending {
    /// How long calls may begin on a lease after its last sync; never longer than the bank's terms say.
    pub valid_for: Duration,
    /// How much of a holder's future spending is lent at once.
    pub horizon: Duration,
    /// No more than this share of the budget is outstanding, in hundredths, unless a call needs it.
    pub outstanding: u8,
    /// Nobody is lent less, while there is plenty.
    pub floor: Money,
}

/// The terms of a bank's leases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// How long calls may begin on a lease after its last sync.
    pub valid_for: Duration,
    /// How long a call may last.
    pub drain_for: Duration,
    /// How much longer the bank waits than it says, for clocks that run at different speeds.
    pub grace: Duration,
    /// How much of a holder's future spending is lent at once.
    pub horizon: Duration,
    /// No more than this share of a budget is outstanding, in hundredths, unless a call needs it.
    pub outstanding: u8,
    /// Nobody is lent less, while there is plenty.
    pub floor: Money,
    /// Whether the last word of a later process releases nothing, so that not even a silent copy of a process can overspend.
    pub clone_safe: bool,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            valid_for: Duration::from_mins(15),
            drain_for: Duration::from_mins(10),
            grace: Duration::from_secs(2),
            horizon: Duration::from_mins(1),
            outstanding: 5,
            floor: Money::from_nanos(500_000_000),
            clone_safe: false,
        }
    }
}

impl Lending {
    /// The stricter of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            valid_for: self.valid_for.min(other.valid_for),
            horizon: self.horizon.min(other.horizon),
            outstanding: self.outstanding.min(other.outstanding),
            floor: self.floor.min(other.floor),
        }
    }
}

impl Terms {
    /// How budgets are lent that have no say of their own.
    #[must_use]
    pub const fn lending(&self) -> Lending {
        Lending {
            valid_for: self.valid_for,
            horizon: self.horizon,
            outstanding: self.outstanding,
            floor: self.floor,
        }
    }

    /// The bank's own end of a time it gave out: a hundredth more and a moment, for clocks that differ.
    pub(super) fn until(&self, now: Duration, given: Duration) -> Duration {
        let slack = Duration::from_nanos(
            u64::try_from(given.as_nanos().div_euclid(100)).unwrap_or(u64::MAX),
        );
        now.saturating_add(given)
            .saturating_add(slack)
            .saturating_add(self.grace)
    }
}
