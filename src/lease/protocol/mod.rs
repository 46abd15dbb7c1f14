//! Both sides of the treaty, without time, network, disk or chance: what is said, and what follows from it.
//!
//! A lease is money with an owner. Three escrows lie inside each other: the budget lends to a lease (durable at the
//! [`Bank`]), the lease to a ceiling (durable at the [`Holder`]), the ceiling to reservations (in memory). Each hands down
//! only what the one above has already written off. A lease is a few counters that only grow, told as absolute values and
//! merged by the greater: what comes twice, late or in another order changes nothing.
//!
//! Invariant: money comes back to a budget on the word of whoever held it, never because time has passed.
//!
//! Not here: accounts' windows and the tree they stand in (whoever names a leaf's accounts knows), how messages travel.
#![warn(
    clippy::float_arithmetic,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing
)]

mod account;
mod bank;
mod holder;
mod lease;
mod message;
mod record;
mod terms;
mod usage;
mod wire;

pub use account::{Account, AccountId, Delta};
pub use bank::{Bank, BankError, Entry, Leaf, Restoring, Router, Rows, SetBack, TooEarly, Used};
pub use holder::{Hold, Holder, Unavailable, View};
pub use lease::{Lease, Stage};
pub use message::{
    Answer, Deny, DiskId, Final, Grant, Hello, LeafId, LeaseId, Line, Reason, RouterId, Short,
    Sync, Synced, Want,
};
pub use record::{Record, recover};
pub use terms::{Lending, Terms};
pub use usage::{Usage, Work};
pub(in crate::lease) use wire::{nanos, number};

/// A rule broken on purpose, to see that the simulation notices.
#[cfg(test)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// What a lease still holds is given back when its time is over.
    RefundByTimer,
    /// What is told of a lease that is no longer active is not booked.
    LateReportsRefused,
    /// After a crash only reservations and settlements on the disk are believed, not the ceiling.
    NoCeiling,
    /// A sync that comes twice is answered anew.
    NoStoredAnswer,
    /// A bank restored from a backup lends as if it knew everything.
    LendsOnOldBooks,
    /// What calls on a lease were for is believed also when it comes late, behind the lease's end.
    LateUsageCounts,
    /// A panel that lost the bank writes as if it had it: a commit does not look at the term.
    CommitsInAnyTerm,
    /// A panel that lost the bank answers from memory what changes nothing, without a look at the term.
    AnswersInAnyTerm,
    /// What a call cost is rounded down.
    RoundsDown,
    /// A call is booked at the prices of when it ends.
    SettlesAtNewPrices,
}
