//! What the two sides say to each other, by the names they have on the wire. Amounts are absolute, never differences.

use super::usage::Usage;
use super::wire::{hex, millis, nanos, number, some_millis, some_nanos};
use crate::units::Money;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RouterId(#[serde(with = "hex")] pub u128);

/// A lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LeaseId(#[serde(with = "hex")] pub u128);

/// Who spends: the innermost node of a budget's tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LeafId(#[serde(with = "number")] pub u64);

/// A state directory, by a number drawn when it was made and written down before anybody heard of it. What was lent to a
/// process on another disk says nothing to this one.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct DiskId(#[serde(with = "hex")] pub u128);

/// A process begins: it needs a number that no process before it had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Whose process.
    #[serde(rename = "router_id")]
    pub router: RouterId,
    /// Where it writes.
    #[serde(rename = "disk_id")]
    pub disk: DiskId,
    /// Grows with every process on this disk, and is written there before it is said.
    #[serde(with = "number")]
    pub start: u64,
}

/// What a gateway reports, and what it wants.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Sync {
    /// The gateway.
    #[serde(rename = "router_id")]
    pub router: RouterId,
    /// Its process, by the number it got.
    #[serde(with = "number")]
    pub incarnation: u64,
    /// Grows with every sync that is not a repetition.
    #[serde(with = "number")]
    pub seq: u64,
    /// All leases it holds.
    pub leases: Vec<Line>,
    /// Where it needs money.
    pub wants: Vec<Want>,
    /// What became of leases that processes before it held.
    pub finals: Vec<Final>,
}

/// What became of one lease so far.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Line {
    /// The lease.
    #[serde(rename = "lease_id")]
    pub lease: LeaseId,
    /// Its fence, as granted.
    #[serde(with = "number")]
    pub fence: u64,
    /// Charged, up to what was reserved for each call.
    #[serde(rename = "settled_total", with = "nanos")]
    pub settled: Money,
    /// Given back.
    #[serde(rename = "returned_total", with = "nanos")]
    pub returned: Money,
    /// Reserved for calls under way.
    #[serde(rename = "reserved_now", with = "nanos")]
    pub reserved: Money,
    /// Charged beyond what was reserved.
    #[serde(rename = "overrun_total", with = "nanos")]
    pub overrun: Money,
    /// Nothing more will come of it: what is neither settled nor returned is free.
    pub closing: bool,
    /// What calls on it were for, of each model of which the bank does not know all. Who is older says nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub usage: Vec<Usage>,
}

/// Money wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Want {
    /// For whom.
    pub leaf: LeafId,
    /// The dearest call that waits.
    #[serde(rename = "need_now", with = "nanos")]
    pub need: Money,
    /// How fast it spends, per minute.
    #[serde(rename = "rate_ewma", with = "nanos")]
    pub rate: Money,
}

/// The last word on a lease of a process that is gone, as far as its disk says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Final {
    /// The lease.
    #[serde(rename = "lease_id")]
    pub lease: LeaseId,
    /// Charged for certain.
    #[serde(rename = "settled_total", with = "nanos")]
    pub settled: Money,
    /// The worst cases of calls that were under way.
    #[serde(rename = "inflight_worst", with = "nanos")]
    pub in_flight: Money,
    /// Charged beyond what was reserved.
    #[serde(rename = "overrun_total", with = "nanos")]
    pub overrun: Money,
    /// What else may have been spent: the ceiling, less what was charged and is under way.
    #[serde(with = "nanos")]
    pub uncertain: Money,
}

/// What the bank says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// To a [`Hello`].
    Welcome {
        /// The disk of the process it answers: another disk of the same gateway counts its starts for itself.
        #[serde(rename = "disk_id")]
        disk: DiskId,
        /// The start it answers.
        #[serde(with = "number")]
        start: u64,
        /// The number of the process.
        #[serde(with = "number")]
        incarnation: u64,
    },
    /// To a [`Sync`].
    Synced(Synced),
    /// To a process that another has replaced: it may end what it began, and gets no money.
    Fenced {
        /// The process that is meant.
        #[serde(with = "number")]
        incarnation: u64,
        /// The sync it answers; 0 from a panel that does not say.
        #[serde(with = "number", default)]
        seq: u64,
    },
}

/// What a sync brings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Synced {
    /// The sync it answers.
    #[serde(with = "number")]
    pub seq: u64,
    /// The process it is for.
    #[serde(with = "number")]
    pub incarnation: u64,
    /// Its leases that still bring money.
    #[serde(rename = "leases")]
    pub grants: Vec<Grant>,
    /// What it wanted and does not get.
    pub denies: Vec<Deny>,
}

/// A lease as the bank has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The lease.
    #[serde(rename = "lease_id")]
    pub lease: LeaseId,
    /// What its holder must say with it.
    #[serde(with = "number")]
    pub fence: u64,
    /// Who may spend it.
    pub leaf: LeafId,
    /// Lent, all in all.
    #[serde(rename = "granted_total", with = "nanos")]
    pub granted: Money,
    /// How long calls may begin, from before the sync was sent.
    #[serde(rename = "valid_for_ms", with = "millis")]
    pub valid_for: Duration,
    /// How long they may last.
    #[serde(rename = "drain_for_ms", with = "millis")]
    pub drain_for: Duration,
    /// Of what is not spent, no more than this may be kept.
    #[serde(
        rename = "trim_to",
        with = "some_nanos",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub keep: Option<Money>,
    /// Where the hard budget stands that has the least left for it, so that callers can be told. Who is older says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tightest: Option<Short>,
}

/// A want that is not met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deny {
    /// Who wanted.
    pub leaf: LeafId,
    /// Why not.
    pub reason: Reason,
    /// When to ask again; money of others may be on its way back.
    #[serde(rename = "retry_after_ms", with = "millis")]
    pub retry_after: Duration,
    /// Which budget is short, and of how much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short: Option<Short>,
}

/// Where a budget stands, as the bank has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Short {
    /// Which.
    #[serde(with = "number")]
    pub budget: u64,
    /// How much there is in its period.
    #[serde(with = "nanos")]
    pub limit: Money,
    /// Spent, or presumed so.
    #[serde(with = "nanos")]
    pub spent: Money,
    /// Lent, to anybody.
    #[serde(with = "nanos")]
    pub held: Money,
    /// When its period ends, if it does.
    #[serde(
        rename = "resets_in_ms",
        with = "some_millis",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub resets_in: Option<Duration>,
}

/// Why there is no money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The budget is used up.
    Exhausted,
    /// It is, but others were asked to give back what they do not use.
    Recalling,
    /// Somebody pulled the switch.
    Killed,
    /// Nobody knows whose it is.
    UnknownLeaf,
    /// The bank's books are a backup's: it lends nothing before it knows what became of its leases.
    Restoring,
}
