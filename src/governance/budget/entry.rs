//! What happened to the books, one fact an entry: what the journal keeps and replay reads.

use super::{LeaseNote, LedgerId, Period};
use crate::units::{Money, Tokens};
use smallvec::SmallVec;
use std::sync::Arc;

/// The ledgers a reservation is held in, each with the start (seconds since the epoch) of the period it is charged to.
pub type Scopes = SmallVec<[(LedgerId, i64); 4]>;

impl Entry {
    /// Whether money waits for it: it is written and synced at once.
    #[must_use]
    pub const fn lends(&self) -> bool {
        matches!(
            self,
            Self::Ceiling { .. }
                | Self::Lease {
                    note: LeaseNote::Ceiling(_),
                    ..
                }
        )
    }
}

/// One change of the books. Entries are made under the books' lock: their order is the order of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A ledger exists from now on.
    Open {
        /// Its number.
        ledger: LedgerId,
        /// The budget it belongs to.
        budget: Arc<str>,
        /// The label value it stands for, of a budget split by `per:`.
        value: Option<Arc<str>>,
    },
    /// A ledger turned to a new period.
    Roll {
        /// Which ledger.
        ledger: LedgerId,
        /// The new period.
        period: Period,
        /// What the period before left over, of a budget that carries over.
        carried: Money,
    },
    /// No more than `total` is promised and spent in this period until a further entry says so. Money is lent to the hot
    /// path only after this is on the disk.
    Ceiling {
        /// Which ledger.
        ledger: LedgerId,
        /// Start of the period.
        period: i64,
        /// The most that may be in use.
        total: Money,
    },
    /// Money was set aside, in all these ledgers.
    Reserve {
        /// Which reservation; never used twice.
        id: u64,
        /// How much, in each ledger.
        amount: Money,
        /// Where.
        scopes: Scopes,
    },
    /// The call was answered and cost this.
    Settle {
        /// Which reservation.
        id: u64,
        /// What it did cost; more than reserved is an overrun, booked in full.
        cost: Money,
        /// Input tokens charged.
        input: Tokens,
        /// Output tokens charged.
        output: Tokens,
        /// Whether we counted because the provider did not say.
        estimated: bool,
    },
    /// The call never left; nothing was spent.
    Release {
        /// Which reservation.
        id: u64,
    },
    /// Nobody knows what the call cost: all that was promised stays booked, marked uncertain.
    Expire {
        /// Which reservation.
        id: u64,
    },
    /// A ledger whose period ended long ago is forgotten.
    Forget {
        /// Which ledger.
        ledger: LedgerId,
    },
    /// Something happened to money that a control panel lent.
    Lease {
        /// The lease's number, as the panel gave it out.
        lease: u128,
        /// What.
        note: LeaseNote,
    },
    /// The gateway stopped in order: nothing is in flight and the ceilings stand where the counters stand.
    Clean,
}
