//! STUB while the house is being built: see the doc of each item.
use super::{Budget, Entry, LedgerId, Period, Reservation, State};
use crate::clock::Moment;
use crate::units::Money;
use std::sync::Arc;

/// One budget a call must fit into, with the ledger it is kept in.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// The rule.
    pub budget: &'a Budget,
    /// The ledger.
    pub ledger: LedgerId,
}

/// Where one ledger stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The budget's name.
    pub budget: Arc<str>,
    /// The label value, of a budget split by `per:`.
    pub value: Option<Arc<str>>,
    /// Which period.
    pub period: Period,
    /// What may be spent in it, what was carried over included.
    pub limit: Money,
    /// What was spent, the uncertain part included.
    pub spent: Money,
    /// What is promised to calls in flight.
    pub reserved: Money,
    /// The part of `spent` nobody saw the bill of.
    pub uncertain: Money,
}

/// A budget that does not cover a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Short {
    /// Where it stands.
    pub standing: Standing,
}

/// Why nothing was reserved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// This budget does not cover it (of several, the one with the least left).
    Short(Box<Short>),
    /// It would fit, but the ceiling that covers it must reach the disk first: wait until the entry with this sequence
    /// number is durable, then ask again.
    Wait(u64),
    /// The journal cannot be written: nothing is reserved until it can.
    Suspended,
}

/// All ledgers, under one lock: scopes are taken all or none, and entries come in the order of events.
#[derive(Debug)]
pub struct Books {}

impl Books {
    /// Empty books. `ceilings`: whether money waits for the journal (false: no journal, as in library mode and `quote`).
    #[must_use]
    pub fn new(ceilings: bool) -> Self {
        Self::restore(State::default(), ceilings)
    }

    /// Books as a journal's [`State::recovered`] left them.
    #[must_use]
    pub fn restore(_state: State, _ceilings: bool) -> Self {
        Self {}
    }

    /// Calls `wake` when entries wait that did not before (`urgent`: somebody waits for them to be durable).
    /// Called under the lock: it must only wake a thread.
    pub fn on_entries(&self, _wake: impl Fn(bool) + Send + Sync + 'static) {}

    /// Moves the waiting entries into `into`; returns the sequence number of the last one ever made (they are counted from 1).
    pub fn drain(&self, _into: &mut Vec<Entry>) -> u64 {
        0
    }

    /// As [`Books::drain`], and in the same moment the whole state (which holds those entries): a new segment starts with it.
    /// Ledgers of ended periods that nobody holds are forgotten first.
    pub fn checkpoint(&self, _into: &mut Vec<Entry>) -> (u64, State) {
        (0, State::default())
    }

    /// These entries are on the disk: the ceilings among them may be used.
    pub fn durable(&self, _entries: &[Entry]) {}

    /// The journal cannot be written: reserve nothing more. Settling goes on.
    pub fn suspend(&self) {}

    /// The journal holds `state` again (a checkpoint made after the suspension): its ceilings may be used, go on.
    pub fn resume(&self) {}

    /// Lowers every idle ledger's ceiling to what is in use, so that a crash books no more than that as uncertain.
    pub fn trim(&self) {}

    /// The ledger of a budget (of one value of its label); made if there is none.
    pub fn open(&self, _budget: &Budget, _value: Option<&str>) -> LedgerId {
        LedgerId(0)
    }

    /// Sets `amount` aside in every scope, or in none.
    pub fn reserve(
        self: &Arc<Self>,
        _scopes: &[Scope<'_>],
        _amount: Money,
        _now: Moment,
    ) -> Result<Reservation, Refused> {
        Err(Refused::Suspended)
    }
}
