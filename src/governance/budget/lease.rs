//! Money that a control panel lent, as the books remember it: what must outlive a crash, and no more.
//!
//! The panel is the bank, and what it lent is spent by other rules than a ledger's (`lease`). But there is one journal, so
//! its facts pass through the books in the order of events. They are plain numbers here: whose lease it is, how it came and
//! when it ends, only the holder knows.
//!
//! Invariant: what was spent of a lease is never more than `settled`, what is in flight and `uncertain` together, wherever a
//! crash tears the journal behind what is safe.

use crate::units::Money;
use std::collections::BTreeMap;

/// What happened to a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseNote {
    /// It came.
    Open,
    /// From now on so much of it may be spent, all in all. It is spent only after this is on the disk.
    Ceiling(Money),
    /// A call begins.
    Reserve {
        /// Which; never used twice on one lease.
        call: u64,
        /// Its worst case.
        amount: Money,
    },
    /// It is over.
    Settle {
        /// Which.
        call: u64,
        /// What was charged to the lease.
        cost: Money,
        /// What was charged beyond its worst case.
        overrun: Money,
    },
    /// The bank knows all of it.
    Close,
}

/// What is known of a lease.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeaseState {
    /// The most that may be spent before the next ceiling is on the disk.
    pub ceiling: Money,
    /// Charged for certain.
    pub settled: Money,
    /// Charged beyond what was reserved.
    pub overrun: Money,
    /// The worst cases of calls whose process ended under them.
    pub abandoned: Money,
    /// What processes before this one may have spent besides: nobody knows.
    pub uncertain: Money,
    /// Calls in flight, with their worst cases.
    pub open: BTreeMap<u64, Money>,
}

impl LeaseState {
    /// The worst cases of all calls nobody saw the end of.
    #[must_use]
    pub fn in_flight(&self) -> Money {
        let add = |sum: Money, one: &Money| sum.plus(*one);
        self.open.values().fold(self.abandoned, add)
    }

    fn note(&mut self, note: LeaseNote) {
        match note {
            LeaseNote::Open | LeaseNote::Close => {}
            LeaseNote::Ceiling(total) => self.ceiling = self.ceiling.max(total),
            LeaseNote::Reserve { call, amount } => {
                self.open.insert(call, amount);
            }
            LeaseNote::Settle {
                call,
                cost,
                overrun,
            } => {
                self.open.remove(&call);
                self.settled = self.settled.plus(cost);
                self.overrun = self.overrun.plus(overrun);
            }
        }
    }

    /// As a process after this one may take it over: nothing of it is spent any more.
    pub(super) fn recover(&mut self, clean: bool) {
        self.abandoned = self.in_flight();
        self.open.clear();
        let known = self.settled.plus(self.abandoned);
        if !clean {
            self.uncertain = self.uncertain.max(self.ceiling.less(known));
        }
        self.ceiling = known;
    }
}

/// More than any lease holds, and few enough of them to be added up.
const ALL: Money = Money::from_nanos(i64::MAX / 16);

/// All leases, by number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leases(pub BTreeMap<u128, LeaseState>);

impl Leases {
    /// What the disk says of them cannot be believed any more: whatever they hold may have been spent. Who lent it knows how much
    /// that is.
    pub fn doubt(&mut self) {
        for lease in self.0.values_mut() {
            lease.uncertain = ALL;
        }
    }

    /// Takes a note into account. One about a lease nobody heard of begins it: behind a damaged place what is known of its
    /// ceiling still counts.
    pub fn note(&mut self, lease: u128, note: LeaseNote) {
        if note == LeaseNote::Close {
            self.0.remove(&lease);
        } else {
            self.0.entry(lease).or_default().note(note);
        }
    }

    /// Whether a call is in flight on one of them.
    pub(super) fn has_calls(&self) -> bool {
        self.0.values().any(|lease| !lease.open.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(text: &str) -> Money {
        text.parse().expect(text)
    }

    fn noted(notes: &[LeaseNote]) -> LeaseState {
        let mut leases = Leases::default();
        for note in notes {
            leases.note(7, *note);
        }
        leases.0.remove(&7).unwrap_or_default()
    }

    #[test]
    fn what_a_crash_leaves_in_doubt_stays_so_over_every_later_stop() {
        let mut lease = noted(&[
            LeaseNote::Open,
            LeaseNote::Ceiling(usd("10")),
            LeaseNote::Reserve {
                call: 1,
                amount: usd("2"),
            },
            LeaseNote::Settle {
                call: 1,
                cost: usd("1"),
                overrun: Money::ZERO,
            },
            LeaseNote::Reserve {
                call: 2,
                amount: usd("3"),
            },
        ]);
        for clean in [false, true, false] {
            lease.recover(clean);
            let left = (lease.settled, lease.in_flight(), lease.uncertain);
            assert_eq!(left, (usd("1"), usd("3"), usd("6")), "{clean}");
        }
    }

    #[test]
    fn an_orderly_stop_leaves_nothing_in_doubt() {
        let mut lease = noted(&[LeaseNote::Open, LeaseNote::Ceiling(usd("10"))]);
        lease.recover(true);
        assert_eq!(lease, LeaseState::default());
    }

    #[test]
    fn a_lease_the_bank_knows_all_of_is_forgotten() {
        let mut leases = Leases::default();
        leases.note(7, LeaseNote::Open);
        leases.note(7, LeaseNote::Close);
        assert_eq!(leases, Leases::default());
    }
}
