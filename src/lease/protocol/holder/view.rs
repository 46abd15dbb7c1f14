//! Looking at a holder: nothing here promises, spends or gives back.

use super::{Held, Holder};
use crate::lease::protocol::message::{LeafId, LeaseId};
use crate::units::Money;
use std::time::Duration;

/// A lease, as its holder has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// Which.
    pub lease: LeaseId,
    /// Who may spend it.
    pub leaf: LeafId,
    /// Lent, all in all.
    pub granted: Money,
    /// Charged.
    pub settled: Money,
    /// Promised to calls under way.
    pub reserved: Money,
    /// Neither spent nor promised nor given back.
    pub remaining: Money,
    /// No call begins after this.
    pub ends: Duration,
}

impl Holder {
    /// All leases.
    pub fn leases(&self) -> impl Iterator<Item = View> {
        self.leases.iter().map(|(lease, held)| View {
            lease: *lease,
            leaf: held.leaf,
            granted: held.granted,
            settled: held.settled,
            reserved: held.reserved,
            remaining: held.idle(),
            ends: held.ends,
        })
    }

    /// What processes before this one may have spent unseen, as far as the bank was not told yet.
    #[must_use]
    pub fn doubt(&self) -> Money {
        let add = |sum: Money, word: &crate::lease::protocol::Final| sum.plus(word.uncertain);
        self.finals.iter().fold(Money::ZERO, add)
    }

    /// Whether a call waits for money that the bank was not asked for yet.
    #[must_use]
    pub fn is_wanting(&self, now: Duration) -> bool {
        let wants = |need: &super::Need| {
            let denied = need
                .denied
                .is_some_and(|denied| denied.holds(need.want, now));
            need.want > Money::ZERO && !denied
        };
        !self.leaving && self.needs.values().any(wants)
    }

    /// Whether it gave back money that the bank does not know of yet: others may wait for it.
    #[must_use]
    pub fn gave_back(&self) -> bool {
        let unheard = |held: &Held| !held.closing && held.returned > held.returned_told;
        self.leases.values().any(unheard)
    }

    /// Whether less than half of what was lent last is left.
    #[must_use]
    pub fn is_low(&self, leaf: LeafId, now: Duration) -> bool {
        let (idle, last) = self
            .open_leases(leaf, now)
            .fold((Money::ZERO, Money::ZERO), |(idle, last), held| {
                (idle.plus(held.idle()), last.max(held.last))
            });
        idle < last.percent(50)
    }

    /// What is left of all that is lent already.
    #[must_use]
    pub fn idle(&self, leaf: LeafId, now: Duration) -> Money {
        let idle = self.open_leases(leaf, now).map(Held::idle);
        idle.fold(Money::ZERO, Money::plus)
    }

    /// The most that one call could have of what is lent already.
    #[must_use]
    pub fn most_at_once(&self, leaf: LeafId, now: Duration) -> Money {
        let idle = self.open_leases(leaf, now).map(Held::idle);
        idle.max().unwrap_or(Money::ZERO)
    }

    /// There may be money where the bank said there was none: what is wanted is asked for again.
    pub fn ask_again(&mut self) {
        for need in self.needs.values_mut() {
            need.denied = None;
        }
    }

    fn open_leases(&self, leaf: LeafId, now: Duration) -> impl Iterator<Item = &Held> {
        let need = self.needs.get(&leaf).into_iter();
        let held = need
            .flat_map(|need| &need.leases)
            .filter_map(|id| self.leases.get(id));
        held.filter(move |held| held.is_open(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::protocol::{Answer, DiskId, Grant, Holder, RouterId, Synced, Unavailable};

    const LEAF: LeafId = LeafId(1);
    const NOW: Duration = Duration::from_secs(1);

    fn lent(granted: i64) -> Holder {
        let mut holder = Holder::new(RouterId(1), DiskId(1), 1, Vec::new());
        let welcome = Answer::Welcome {
            disk: DiskId(1),
            start: 1,
            incarnation: 1,
        };
        holder.heard(&welcome, NOW);
        let _ = holder.reserve(LEAF, Money::from_nanos(10), NOW);
        assert!(holder.is_wanting(NOW));
        assert!(holder.sync(NOW).is_some());
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
        let synced = Answer::Synced(Synced {
            seq: 1,
            incarnation: 1,
            grants: vec![grant],
            denies: Vec::new(),
        });
        holder.heard(&synced, NOW);
        holder
    }

    /// Everything written so far is on the disk.
    fn sync_disk(holder: &mut Holder, written: &mut u64) {
        let more = u64::try_from(holder.take_records().len()).expect("few");
        *written = written.saturating_add(more);
        holder.synced(*written);
    }

    #[test]
    fn a_lease_runs_low_at_half_of_what_came_last() {
        let (mut holder, mut written) = (lent(1_000), 0);
        sync_disk(&mut holder, &mut written);
        assert!(!holder.is_low(LEAF, NOW));
        // The ceiling is at four calls of ten: a larger one waits for the next.
        assert_eq!(
            holder.reserve(LEAF, Money::from_nanos(501), NOW),
            Err(Unavailable::Rising)
        );
        sync_disk(&mut holder, &mut written);
        assert!(holder.reserve(LEAF, Money::from_nanos(501), NOW).is_ok());
        assert!(holder.is_low(LEAF, NOW));
        assert_eq!(
            holder.most_at_once(LEAF, NOW),
            Money::from_nanos(499),
            "what is not promised"
        );
    }
}
