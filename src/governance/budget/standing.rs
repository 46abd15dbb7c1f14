//! Where a ledger stands, as told outside the books: in refusals, headers, `/status` and metrics.

use super::{AtLimit, Period, Window};
use crate::governance::identity::Label;
use crate::units::Money;
use std::fmt;
use std::sync::Arc;

/// Where one ledger stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The budget's name.
    pub budget: Arc<str>,
    /// The label value, of a budget split by `per:`.
    pub value: Option<Arc<str>>,
    /// The label the budget is split by.
    pub per: Option<Label>,
    /// How long its periods are.
    pub window: Window,
    /// Which period.
    pub period: Period,
    /// Whether it refuses, or only counts.
    pub enforce: bool,
    /// What it does with a call that does not fit.
    pub at_limit: AtLimit,
    /// What may be spent in it, what was carried over included.
    pub limit: Money,
    /// What was spent, the uncertain part included.
    pub spent: Money,
    /// What is promised to calls in flight.
    pub reserved: Money,
    /// The part of `spent` nobody saw the bill of.
    pub uncertain: Money,
    /// The highest soft threshold that is crossed, in hundredths of the limit.
    pub soft: Option<u8>,
}

impl Standing {
    /// What may still be promised.
    #[must_use]
    pub fn remaining(&self) -> Money {
        self.limit.less(self.spent.plus(self.reserved))
    }

    /// Of two the one with less left.
    #[must_use]
    pub fn tighter(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        let both = one.into_iter().chain(other);
        both.min_by_key(Self::remaining)
    }
}

/// The budget's name, with the label value it stands for: `per-agent[scout]`.
impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{}[{value}]", self.budget),
            None => f.write_str(&self.budget),
        }
    }
}
