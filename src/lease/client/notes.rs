//! The holder's records in the one journal, and what the journal says of processes that are gone.

use crate::governance::budget::{LeaseNote, Leases};
use crate::lease::protocol::{Final, LeaseId, Record};

/// A record as the books note it.
pub(in crate::lease) const fn note(record: Record) -> (u128, LeaseNote) {
    match record {
        Record::Open { lease } => (lease.0, LeaseNote::Open),
        Record::Ceiling { lease, total } => (lease.0, LeaseNote::Ceiling(total)),
        Record::Reserved {
            lease,
            call,
            amount,
        } => (lease.0, LeaseNote::Reserve { call, amount }),
        Record::Settled {
            lease,
            call,
            cost,
            overrun,
        } => (
            lease.0,
            LeaseNote::Settle {
                call,
                cost,
                overrun,
            },
        ),
        Record::Closed { lease } => (lease.0, LeaseNote::Close),
    }
}

/// The last words on all leases that processes before this one left.
pub(super) fn finals(leases: &Leases) -> Vec<Final> {
    let word = |(lease, left): (&u128, &crate::governance::budget::LeaseState)| Final {
        lease: LeaseId(*lease),
        settled: left.settled,
        in_flight: left.in_flight(),
        overrun: left.overrun,
        uncertain: left.uncertain,
    };
    leases.0.iter().map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::governance::budget::{Entry, State};
    use crate::lease::protocol::recover;
    use crate::units::Money;
    use proptest::prelude::*;

    fn record() -> impl Strategy<Value = Record> {
        let lease = || (1_u128..4).prop_map(LeaseId);
        let money = || (0_i64..1_000).prop_map(Money::from_nanos);
        prop_oneof![
            lease().prop_map(|lease| Record::Open { lease }),
            (lease(), money()).prop_map(|(lease, total)| Record::Ceiling { lease, total }),
            (lease(), 0_u64..6, money()).prop_map(|(lease, call, amount)| Record::Reserved {
                lease,
                call,
                amount
            }),
            (lease(), 0_u64..6, money(), money()).prop_map(|(lease, call, cost, overrun)| {
                Record::Settled {
                    lease,
                    call,
                    cost,
                    overrun,
                }
            }),
            lease().prop_map(|lease| Record::Closed { lease }),
        ]
    }

    proptest! {
        /// The journal's reading of a holder's records is the treaty's own (P17 holds for both or for neither), and stays so
        /// over any number of later processes that never reach the panel.
        #[test]
        fn the_journal_says_what_the_treaty_says(
            records in proptest::collection::vec(record(), 0..40),
            clean in proptest::collection::vec(any::<bool>(), 0..3),
        ) {
            let mut state = State::default();
            for record in &records {
                let (lease, note) = note(*record);
                prop_assert_eq!(state.apply(&Entry::Lease { lease, note }), Ok(()));
            }
            let expected = recover(records);
            let mut state = state.recovered();
            prop_assert_eq!(finals(&state.leases), expected.clone());
            for clean in clean {
                state.clean = clean;
                state = state.recovered();
                prop_assert_eq!(finals(&state.leases), expected.clone());
            }
        }
    }
}
