//! Leases that their holders never heard of: an answer got lost, and nothing was spent of what it lent.
//!
//! Silence is no evidence. What is evidence is a sync of the same disk or the same process that names all it has, later than
//! the answer that was lost.

use super::Bank;
use crate::lease::protocol::lease::{Lease, Stage};
use crate::lease::protocol::message::{DiskId, Final, RouterId, Sync};
use crate::units::Money;

impl Bank {
    /// The disk that the process of a gateway writes to.
    pub(super) fn disk_of(&self, router: RouterId) -> DiskId {
        let disks = self.routers.get(&router).map(|router| &router.disks);
        disks
            .and_then(|disks| disks.last())
            .map_or(DiskId::default(), |(disk, _)| *disk)
    }

    /// Leases of earlier processes on this very disk that it does not name: the answer that brought them got lost, and no
    /// ceiling of theirs was ever written, so nothing was spent. Likewise its own, once they bring no money any more and no
    /// answer tells it of them.
    pub(super) fn never_opened(&mut self, sync: &Sync) {
        self.never_heard_of(sync);
        let disk = self.disk_of(sync.router);
        let unnamed = |lease: &Lease| {
            lease.incarnation < sync.incarnation
                && lease.disk == disk
                && !lease.was_used
                && !lease.is_final
                && !self.may_be_forgotten(lease.fence)
        };
        for lease in self.holding(self.open.held_by(sync.router), unnamed) {
            let word = Final {
                lease,
                settled: Money::ZERO,
                in_flight: Money::ZERO,
                overrun: Money::ZERO,
                uncertain: Money::ZERO,
            };
            self.finalise(sync, &word);
        }
    }

    /// Leases of the very process that bring no money any more, and that it does not name: it had its chance to hear of them.
    fn never_heard_of(&mut self, sync: &Sync) {
        if self.terms.clone_safe {
            return;
        }
        let unheard = |lease: &Lease| {
            lease.incarnation == sync.incarnation
                && lease.stage != Stage::Active
                && !lease.was_used
                && !self.may_be_forgotten(lease.fence)
        };
        let mut unheard = self.holding(self.open.held_by(sync.router), unheard);
        unheard.retain(|id| sync.leases.iter().all(|line| line.lease != *id));
        for lease in unheard {
            self.alter(lease, Lease::close_by_holder);
        }
    }
}
