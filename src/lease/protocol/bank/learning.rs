//! A bank whose books were set back: they are a backup's, and do not know what was lent since.
//!
//! Nothing is lent of a hard budget until every gateway the books know has said all about the processes it had, or until
//! none of them can spend any more, whatever it held; and until an administrator has said what the provider charged. What
//! gateways report of leases that the books have forgotten is booked like everything they report: it only ever adds
//! spending, so it needs no proof.
//!
//! Invariant: of a lease that lost books may have given out, silence is never taken for "not used", however long ago that was.
//!
//! Not here: where it is written down that the books were set back (the store), who may open the bank again (the house).

use super::{Bank, Entry};
#[cfg(test)]
use crate::lease::protocol::Mutant;
use crate::lease::protocol::account::{AccountId, Delta};
use crate::lease::protocol::lease::{Lease, Stage};
use crate::lease::protocol::message::{DiskId, Final, LeafId, LeaseId, Line, RouterId, Sync};
use crate::units::Money;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What is remembered of books that were set back.
#[derive(Debug)]
pub(super) struct Learning {
    /// Leases with a fence below this one may have been given out by the books that are lost.
    below: u64,
    /// What is waited for; nothing once the bank was opened again.
    waiting: Option<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    /// From then on no lease of before can be spent.
    until: Duration,
    /// The disks of each gateway, as the backup has them: what happened on others is not known.
    disks: BTreeMap<RouterId, Vec<DiskId>>,
    heard: BTreeSet<RouterId>,
}

/// A bank that waits to be opened again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restoring {
    /// Gateways that have not told everything yet.
    pub unheard: Vec<RouterId>,
    /// When none of them can spend any more, by the bank's clock.
    pub until: Duration,
    /// Whether it may be opened now.
    pub is_ready: bool,
}

/// It is too early: a gateway may still spend what the books do not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} gateways may still spend what these books do not know", .0.unheard.len())]
pub struct TooEarly(pub Restoring);

impl Bank {
    /// Goes by books that were set back. Whatever they gave out has a number below `below`. `is_open`: it was opened again
    /// already. `has_begun`: it began in this state before, so that who was heard since is forgotten, and only time tells.
    pub fn set_back(&mut self, below: u64, is_open: bool, has_begun: bool, now: Duration) {
        #[cfg(test)]
        if self.mutant == Some(Mutant::LendsOnOldBooks) {
            return;
        }
        self.next = self.next.max(below);
        let whole = self.terms.valid_for.saturating_add(self.terms.drain_for);
        let known = |router: &super::Router| router.disks.iter().map(|(disk, _)| *disk).collect();
        let disks = self.routers.iter().map(|(id, router)| {
            let disks = if has_begun { Vec::new() } else { known(router) };
            (*id, disks)
        });
        self.learning = Some(Learning {
            below,
            waiting: (!is_open).then(|| Waiting {
                until: self.terms.until(now, whole),
                disks: disks.collect(),
                heard: BTreeSet::new(),
            }),
        });
    }

    /// What it waits for, if its books were set back and it was not opened again.
    #[must_use]
    pub fn restoring(&self, now: Duration) -> Option<Restoring> {
        let waiting = self.learning.as_ref()?.waiting.as_ref()?;
        let known = waiting.disks.keys();
        let unheard: Vec<_> = known
            .filter(|router| !waiting.heard.contains(*router))
            .copied()
            .collect();
        let is_ready = now > waiting.until || unheard.is_empty();
        Some(Restoring {
            unheard,
            until: waiting.until,
            is_ready,
        })
    }

    /// Lends again. What the provider charged in a period is booked where the books know of less.
    ///
    /// # Errors
    /// [`TooEarly`]: nothing was changed.
    pub fn open_again(
        &mut self,
        charged: &[(AccountId, Money)],
        now: Duration,
    ) -> Result<(), TooEarly> {
        if let Some(restoring) = self.restoring(now)
            && !restoring.is_ready
        {
            return Err(TooEarly(restoring));
        }
        #[cfg(test)]
        if self.mutant == Some(Mutant::LendsOnOldBooks) {
            return Ok(());
        }
        for (id, charged) in charged {
            self.reconcile(*id, *charged);
        }
        self.release(&charged.iter().map(|(id, _)| *id).collect());
        if let Some(learning) = &mut self.learning {
            learning.waiting = None;
        }
        Ok(())
    }

    /// Gives back what gateways no longer hold, without having said so to these books: they told all their disks know, and this
    /// was not part of it. What they spent of it stands in the bill; where there is none, it stays held.
    fn release(&mut self, billed: &BTreeSet<AccountId>) {
        let waiting = self.learning.as_ref().and_then(|l| l.waiting.as_ref());
        let heard = waiting.map(|w| w.heard.clone()).unwrap_or_default();
        let is_hard = |id: &AccountId| self.accounts.get(id).is_some_and(|account| account.hard);
        let is_over = |lease: &Lease| {
            let process = self.routers.get(&lease.router).map_or(0, |r| r.incarnation);
            heard.contains(&lease.router) && lease.incarnation < process && !lease.is_final
        };
        let forgotten = |lease: &Lease| {
            let mut binding = lease.accounts.iter().filter(|id| is_hard(id));
            self.may_be_forgotten(lease.fence)
                && is_over(lease)
                && binding.all(|id| billed.contains(id))
        };
        for id in self.holding(self.open.all(), forgotten) {
            self.alter(id, Lease::close_by_holder);
        }
    }

    /// Books what was charged beyond what is known.
    fn reconcile(&mut self, id: AccountId, charged: Money) {
        let Some(account) = self.accounts.get_mut(&id) else {
            return;
        };
        let delta = Delta {
            spent: charged.less(account.spent),
            ..Delta::default()
        };
        if delta.is_nothing() {
            return;
        }
        account.apply(delta);
        account.excuse();
        self.changed.accounts.insert(id);
        self.entries.push(Entry {
            account: id,
            lease: LeaseId::NONE,
            delta,
        });
    }

    /// Whether of these accounts nothing may be lent yet.
    pub(super) fn waits_to_open(&self, accounts: &[AccountId]) -> bool {
        let is_hard = |id| self.accounts.get(id).is_some_and(|account| account.hard);
        self.learning
            .as_ref()
            .is_some_and(|learning| learning.waiting.is_some())
            && accounts.iter().any(is_hard)
    }

    /// Whether lost books may have given out a lease of this number.
    pub(super) fn may_be_forgotten(&self, fence: u64) -> bool {
        self.learning
            .as_ref()
            .is_some_and(|learning| fence < learning.below)
    }

    /// A process of a gateway is known, and all that its disk has to say of those before it.
    pub(super) fn heard_all(&mut self, router: RouterId, disk: DiskId) {
        let waiting = self.learning.as_mut().and_then(|l| l.waiting.as_mut());
        if let Some(waiting) = waiting
            && let Some(disks) = waiting.disks.get(&router)
            && disks.contains(&disk)
        {
            waiting.heard.insert(router);
        }
    }

    /// Takes over, of what a sync names, the leases that the books have forgotten, and what they have forgotten of others.
    pub(super) fn learn(&mut self, sync: &Sync) {
        if self.learning.is_none() {
            return;
        }
        for line in &sync.leases {
            self.learn_line(sync, line);
        }
        for word in &sync.finals {
            self.learn_final(sync, word);
        }
    }

    fn learn_line(&mut self, sync: &Sync, line: &Line) {
        let granted = line.settled.plus(line.returned).plus(line.reserved);
        if self.leases.contains_key(&line.lease) {
            if self.is_holder(sync, line) {
                self.remember(line.lease, granted);
            }
        } else if line.lease.fence() == line.fence {
            self.take_over(sync, line.lease, sync.incarnation, granted);
        }
    }

    fn learn_final(&mut self, sync: &Sync, word: &Final) {
        let granted = word.settled.plus(word.in_flight).plus(word.uncertain);
        match self.leases.get(&word.lease) {
            Some(lease) if lease.router == sync.router && !lease.is_final => {
                self.remember(word.lease, granted);
            }
            Some(_) => {}
            None => {
                let before = sync.incarnation.saturating_sub(1);
                self.take_over(sync, word.lease, before, granted);
            }
        }
    }

    /// A lease that the books do not know, of which no new money comes.
    fn take_over(&mut self, sync: &Sync, id: LeaseId, incarnation: u64, granted: Money) {
        let fence = id.fence();
        let leaf = id.leaf();
        let accounts = self.leaves.get(&leaf).map(|leaf| leaf.accounts.clone());
        let (true, Some(accounts)) = (self.may_be_forgotten(fence), accounts) else {
            return;
        };
        let lease = Lease {
            router: sync.router,
            incarnation,
            disk: DiskId::default(),
            leaf,
            fence,
            accounts,
            stage: Stage::Draining,
            granted: Money::ZERO,
            returned: Money::ZERO,
            settled: Money::ZERO,
            uncertain: Money::ZERO,
            overrun: Money::ZERO,
            breach: Money::ZERO,
            rate: Money::ZERO,
            was_used: true,
            is_final: false,
            valid_until: Duration::ZERO,
            drain_until: self
                .learning
                .as_ref()
                .and_then(|l| l.waiting.as_ref())
                .map_or(Duration::ZERO, |w| w.until),
            recalled: false,
        };
        self.open.insert(id, &lease);
        self.leases.insert(id, lease);
        self.changed.leases.insert(id);
        self.remember(id, granted);
    }

    /// At least this much was lent on it, then.
    fn remember(&mut self, id: LeaseId, granted: Money) {
        let known = self.leases.get(&id);
        let Some(lease) = known.filter(|l| {
            l.stage != Stage::Closed && l.granted < granted && self.may_be_forgotten(l.fence)
        }) else {
            return;
        };
        let accounts = lease.accounts.clone();
        self.alter(id, |lease| lease.granted = granted);
        for account in &accounts {
            if let Some(books) = self.accounts.get_mut(account) {
                books.excuse();
            }
        }
    }
}

impl LeaseId {
    /// No lease: what is booked without one.
    pub const NONE: Self = Self(0);

    /// The lease with this fence, for this leaf: its number says both, to whoever finds it in a journal.
    #[must_use]
    pub fn new(fence: u64, leaf: LeafId) -> Self {
        Self((u128::from(fence) << 64) | u128::from(leaf.0))
    }

    /// The fence it was given out with.
    #[must_use]
    pub fn fence(self) -> u64 {
        u64::try_from(self.0 >> 64).unwrap_or(u64::MAX)
    }

    /// For whom it was given out.
    #[must_use]
    pub fn leaf(self) -> LeafId {
        LeafId(u64::try_from(self.0 & u128::from(u64::MAX)).unwrap_or(u64::MAX))
    }
}
