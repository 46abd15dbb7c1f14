//! Budgets: what may be spent, by whom, in which window.
//!
//! [`Budget`] is the rule as configured; [`Books`] holds the ledgers that move. Money is *reserved* before a call and
//! *settled*, *released* or *expired* after it; spent and reserved are never one number.

mod books;
mod entry;
mod lease;
mod ledger;
mod lent;
mod period;
mod reservation;
mod standing;
mod state;

pub use books::{Books, Refused};
pub use entry::{Entry, Scopes};
pub use lease::{LeaseNote, LeaseState, Leases};
pub use lent::{Lender, Lent, NotLent, Spent};
pub use period::{Period, Window};
pub use reservation::{Bill, Reservation, Settlement};
pub use standing::Standing;
pub use state::{AccountState, LedgerState, OpenState, ReplayFault, State};

use crate::governance::identity::{Label, Selector};
use crate::units::Money;
use jiff::tz::TimeZone;
use std::sync::Arc;

/// What happens when a call does not fit into what is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AtLimit {
    /// Send it with a smaller output cap if at least [`SMALLEST_CLAMP`] tokens fit.
    #[default]
    Clamp,
    /// Refuse it.
    Deny,
}

/// A clamp that would leave less output than this is a refusal.
pub const SMALLEST_CLAMP: u64 = 16;

/// What happens to calls without the label a budget or limit is split by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Absent {
    /// They share one.
    #[default]
    Share,
    /// They are refused.
    Deny,
}

/// One budget, as meant.
#[derive(Debug, Clone)]
pub struct Budget {
    /// Its name.
    pub name: Arc<str>,
    /// The calls it pays for.
    pub selector: Selector,
    /// Makes one budget for each value of this label.
    pub per: Option<Label>,
    /// What becomes of calls without that label.
    pub absent: Absent,
    /// How much may be spent in one period.
    pub limit: Money,
    /// How long a period is.
    pub window: Window,
    /// Where its calendar is read.
    pub zone: TimeZone,
    /// Hundredths of the limit at which a warning is due, ascending.
    pub soft: Vec<u8>,
    /// Whether it refuses, or (in shadow) only counts.
    pub enforce: bool,
    /// What to do with a call that does not fit.
    pub at_limit: AtLimit,
    /// Whether what a period leaves is added to the next (at most one limit).
    pub carry_over: bool,
}

/// Which ledger, by its place in the books.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LedgerId(pub u32);

impl std::fmt::Display for LedgerId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ledger {}", self.0)
    }
}
