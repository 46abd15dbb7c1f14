//! What a holder writes down, and what its disk says of it after a crash.
//!
//! Reservations and settlements go out with the next group and nobody waits for them; the ceiling is on the disk before a
//! nano-dollar above the last one is spent. So the tail that a crash loses can only have spent what a ceiling names.

use super::message::{Final, LeaseId};
use crate::units::Money;
use std::collections::BTreeMap;

/// One entry of a holder's journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record {
    /// A lease came.
    Open {
        /// Which.
        lease: LeaseId,
    },
    /// From now on so much of it may be spent.
    Ceiling {
        /// Of which.
        lease: LeaseId,
        /// All in all.
        total: Money,
    },
    /// A call begins.
    Reserved {
        /// On which lease.
        lease: LeaseId,
        /// The call.
        call: u64,
        /// Its worst case.
        amount: Money,
    },
    /// It is over.
    Settled {
        /// On which lease.
        lease: LeaseId,
        /// The call.
        call: u64,
        /// What was charged to the lease.
        cost: Money,
        /// What was charged beyond.
        overrun: Money,
    },
    /// The bank knows all of it.
    Closed {
        /// Which.
        lease: LeaseId,
    },
}

#[derive(Debug, Default)]
struct Seen {
    ceiling: Money,
    settled: Money,
    overrun: Money,
    open: BTreeMap<u64, Money>,
}

/// The last words on the leases in a journal, from as much of it as is left.
pub fn recover(records: impl IntoIterator<Item = Record>) -> Vec<Final> {
    let mut leases: BTreeMap<LeaseId, Seen> = BTreeMap::new();
    for record in records {
        match record {
            Record::Open { lease } => {
                leases.entry(lease).or_default();
            }
            Record::Ceiling { lease, total } => {
                let seen = leases.entry(lease).or_default();
                seen.ceiling = seen.ceiling.max(total);
            }
            Record::Reserved {
                lease,
                call,
                amount,
            } => {
                let seen = leases.entry(lease).or_default();
                seen.open.insert(call, amount);
            }
            Record::Settled {
                lease,
                call,
                cost,
                overrun,
            } => {
                let seen = leases.entry(lease).or_default();
                seen.open.remove(&call);
                seen.settled = seen.settled.plus(cost);
                seen.overrun = seen.overrun.plus(overrun);
            }
            Record::Closed { lease } => {
                leases.remove(&lease);
            }
        }
    }
    let word = |(lease, seen): (LeaseId, Seen)| {
        let in_flight = seen
            .open
            .values()
            .fold(Money::ZERO, |sum, one| sum.plus(*one));
        Final {
            lease,
            settled: seen.settled,
            in_flight,
            overrun: seen.overrun,
            uncertain: seen.ceiling.less(seen.settled.plus(in_flight)),
        }
    };
    leases.into_iter().map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::protocol::{Answer, DiskId, Grant, Hold, Holder, LeafId, RouterId, Synced};
    use proptest::prelude::*;
    use std::time::Duration;

    const LEAF: LeafId = LeafId(1);

    #[derive(Debug, Clone)]
    enum Step {
        /// A call of this worst case begins.
        Begin(i64),
        /// The oldest call ends and costs so many thousandths of it.
        End(i64),
        /// The disk is synced.
        Sync,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (1_i64..60).prop_map(Step::Begin),
            4 => (0_i64..=1_000).prop_map(Step::End),
            1 => Just(Step::Sync),
        ]
    }

    fn grant(granted: i64) -> Answer {
        let grant = Grant {
            lease: LeaseId(7),
            fence: 7,
            leaf: LEAF,
            granted: Money::from_nanos(granted),
            valid_for: Duration::from_mins(1),
            drain_for: Duration::from_mins(1),
            keep: None,
            tightest: None,
        };
        Answer::Synced(Synced {
            seq: 1,
            incarnation: 1,
            grants: vec![grant],
            denies: Vec::new(),
        })
    }

    proptest! {
        /// P17: wherever a crash tears the journal behind what is safe, no more is believed spent for certain than was
        /// charged, and no less than was charged is presumed.
        #[test]
        fn a_torn_journal_never_says_too_little(steps in proptest::collection::vec(step(), 1..60), granted in 50_i64..2_000) {
            let mut holder = Holder::new(RouterId(1), DiskId(1), 1, Vec::new());
            let start = Duration::from_secs(1);
            holder.heard(&Answer::Welcome { disk: DiskId(1), start: 1, incarnation: 1 }, start);
            let _ = holder.reserve(LEAF, Money::from_nanos(20), start);
            prop_assert!(holder.sync(start).is_some());
            holder.heard(&grant(granted), start);
            let (mut journal, mut safe): (Vec<Record>, usize) = (Vec::new(), 0);
            let mut open: Vec<Hold> = Vec::new();
            let mut charged = Money::ZERO;
            for step in steps {
                match step {
                    Step::Begin(amount) => {
                        open.extend(holder.reserve(LEAF, Money::from_nanos(amount), start));
                    }
                    Step::End(share) if !open.is_empty() => {
                        let hold = open.remove(0);
                        let cost = Money::from_nanos(hold.amount.nanos().saturating_mul(share).div_euclid(1_000));
                        holder.settle(&hold, cost, None);
                        charged = charged.plus(cost);
                    }
                    Step::End(_) => {}
                    Step::Sync => {
                        journal.extend(holder.take_records());
                        safe = journal.len();
                        holder.synced(u64::try_from(safe).expect("few"));
                    }
                }
                let mut written = journal.clone();
                written.extend(holder.take_records());
                journal.clone_from(&written);
                // What is under way may yet be charged in full.
                let at_worst = open.iter().fold(charged, |sum, hold| sum.plus(hold.amount));
                for cut in safe..=written.len() {
                    let words = recover(written.iter().take(cut).copied());
                    let word = words.first();
                    let settled = word.map_or(Money::ZERO, |word| word.settled);
                    let presumed = word.map_or(Money::ZERO, |word| {
                        word.settled.plus(word.in_flight).plus(word.uncertain)
                    });
                    prop_assert!(settled <= charged, "{settled} of {charged}, cut at {cut}");
                    prop_assert!(presumed >= at_worst, "{presumed} of {at_worst}, cut at {cut} of {written:?}");
                }
            }
        }
    }
}
