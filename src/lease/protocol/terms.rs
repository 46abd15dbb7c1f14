//! How much is lent at once, and for how long: what an administrator trades outstanding money against independence with.

use crate::units::Money;
use std::time::Duration;

/// How one budget is lent, as far as it has a say of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lending {
    /// How long calls may begin on a lease after its last sync; never longer than the bank's terms say.
    pub valid_for: Option<Duration>,
    /// How much of a holder's future spending is lent at once.
    pub horizon: Option<Duration>,
    /// No more than this share of the budget is outstanding, in hundredths, unless a call needs it.
    pub outstanding: Option<u8>,
    /// Nobody is lent less, while there is plenty.
    pub floor: Option<Money>,
    /// No gateway holds more of it at once, over all its leases, unless a call needs it.
    pub most: Option<Money>,
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
            valid_for: less(self.valid_for, other.valid_for),
            horizon: less(self.horizon, other.horizon),
            outstanding: less(self.outstanding, other.outstanding),
            floor: less(self.floor, other.floor),
            most: less(self.most, other.most),
        }
    }
}

/// The less of both, where both say something.
fn less<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    one.into_iter().chain(other).min()
}

impl Terms {
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
