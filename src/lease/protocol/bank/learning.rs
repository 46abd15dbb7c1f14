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

/// Books that were set back, as whoever keeps them says.
#[derive(Debug, Clone, Copy)]
pub struct SetBack {
    /// Whatever the lost books gave out has a number below this.
    pub below: u64,
    /// Whether the bank was opened again already.
    pub is_open: bool,
    /// Whether a bank began with these books before, so that who was heard since is forgotten, and only time tells.
    pub has_begun: bool,
    /// How long the longest lease could be spent that was ever given out, calls under way included.
    pub longest: Duration,
}

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
    /// The disk of each gateway that the backup knows; none for one that is known by several, or not at all any more: what
    /// happened on others than the one that is heard, nobody tells.
    disks: BTreeMap<RouterId, Option<DiskId>>,
    heard: BTreeSet<RouterId>,
}

/// A bank that waits to be opened again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restoring {
    /// Gateways that have not told everything yet.
    pub unheard: Vec<RouterId>,
    /// When nobody can spend any more, by the bank's clock.
    pub until: Duration,
    /// Whether that is now: it may be opened, whoever is silent.
    pub is_over: bool,
    /// Reported of leases whose budgets the books do not know.
    pub unattributed: Money,
}

/// It is too early: a gateway may still spend what the books do not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} gateways of the backup, and those enrolled since, may still spend what these books do not know", .0.unheard.len())]
pub struct TooEarly(pub Restoring);

impl Learning {
    /// The first number that the lost books did not give out.
    pub(super) const fn beyond(&self) -> u64 {
        self.below
    }
}

impl Bank {
    /// Goes by books that were set back.
    pub fn set_back(&mut self, books: SetBack, now: Duration) {
        #[cfg(test)]
        if self.mutant == Some(Mutant::LendsOnOldBooks) {
            return;
        }
        self.next = self.next.max(books.below);
        let whole = self.terms.valid_for.saturating_add(self.terms.drain_for);
        let only = |router: &super::Router| match router.disks.as_slice() {
            [(disk, _)] if !books.has_begun => Some(*disk),
            _ => None,
        };
        let disks = self.routers.iter();
        let disks = disks.map(|(id, router)| (*id, only(router))).collect();
        self.learning = Some(Learning {
            below: books.below,
            waiting: (!books.is_open).then(|| Waiting {
                until: self.terms.until(now, whole.max(books.longest)),
                disks,
                heard: BTreeSet::new(),
            }),
        });
    }

    /// Waits as long as this bank did, which was given up because its disk failed. Who was heard says it again: what was
    /// heard last may not be on the disk.
    pub fn wait_like(&mut self, before: &Self) {
        let waiting = |bank: &Self| {
            let waiting = bank.learning.as_ref()?.waiting.as_ref()?;
            Some((waiting.until, waiting.disks.clone()))
        };
        let mine = self.learning.as_mut().and_then(|l| l.waiting.as_mut());
        if let (Some(mine), Some((until, disks))) = (mine, waiting(before)) {
            (mine.until, mine.disks) = (until, disks);
        }
    }

    /// What it waits for, if its books were set back and it was not opened again.
    #[must_use]
    pub fn restoring(&self, now: Duration) -> Option<Restoring> {
        let waiting = self.learning.as_ref()?.waiting.as_ref()?;
        let known = waiting.disks.keys();
        let unheard = known.filter(|router| !waiting.heard.contains(*router));
        let nobodys = self.leases.values().filter(|l| l.accounts.is_empty());
        let unattributed = nobodys.fold(Money::ZERO, |sum, lease| {
            sum.plus(lease.granted.minus(lease.returned))
                .plus(lease.breach)
        });
        Some(Restoring {
            unheard: unheard.copied().collect(),
            until: waiting.until,
            is_over: now > waiting.until,
            unattributed,
        })
    }

    /// Lends again. What the provider charged in a period is booked where the books know of less. Before nobody can spend any
    /// more, only where all gateways have told everything and `none_since`: none was enrolled that the backup does not know.
    ///
    /// # Errors
    /// [`TooEarly`]: nothing was changed.
    pub fn open_again(
        &mut self,
        charged: &[(AccountId, Money)],
        none_since: bool,
        now: Duration,
    ) -> Result<(), TooEarly> {
        if let Some(restoring) = self.restoring(now)
            && !restoring.is_over
            && !(none_since && restoring.unheard.is_empty() && !self.terms.clone_safe)
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

    /// Gives back what gateways no longer hold, without having said so to these books: they told all that the disk of the lease
    /// knows, and this was not part of it. What they spent of it stands in the bill; where there is none, it stays held.
    fn release(&mut self, billed: &BTreeSet<AccountId>) {
        let Some(waiting) = self.learning.as_ref().and_then(|l| l.waiting.as_ref()) else {
            return;
        };
        if self.terms.clone_safe {
            return;
        }
        let is_told = |lease: &Lease| {
            let disk = waiting.disks.get(&lease.router).copied().flatten();
            waiting.heard.contains(&lease.router) && disk == Some(lease.disk)
        };
        let is_over = |lease: &Lease| {
            let process = self.routers.get(&lease.router).map_or(0, |r| r.incarnation);
            lease.incarnation < process && !lease.is_final
        };
        let is_hard = |id: &AccountId| self.accounts.get(id).is_some_and(|account| account.hard);
        let forgotten = |lease: &Lease| {
            let mut binding = lease.accounts.iter().filter(|id| is_hard(id));
            self.may_be_forgotten(lease.fence)
                && is_told(lease)
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
            .is_some_and(|learning| (1..learning.below).contains(&fence))
    }

    /// A process of a gateway is known, and all that its disk has to say of those before it.
    pub(super) fn heard_all(&mut self, router: RouterId, disk: DiskId) {
        let waiting = self.learning.as_mut().and_then(|l| l.waiting.as_mut());
        if let Some(waiting) = waiting
            && let Some(known) = waiting.disks.get(&router)
            && *known == Some(disk)
        {
            waiting.heard.insert(router);
        }
    }

    /// Takes over, of what a sync names, the leases that the books have forgotten, and what they have forgotten of others.
    pub(super) fn learn(&mut self, sync: &Sync) {
        // No process of this gateway has such a number: it says so to be believed, or to break the books.
        let known = self.routers.get(&sync.router);
        let is_known = known.is_some_and(|router| sync.incarnation <= router.incarnation);
        if self.learning.is_none() || !is_known {
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

    /// A lease that the books do not know, of which no new money comes. Whose budgets it was taken from, they may not know
    /// either: then it stands in the list of leases, and in no budget.
    fn take_over(&mut self, sync: &Sync, id: LeaseId, incarnation: u64, granted: Money) {
        let (fence, leaf) = (id.fence(), id.leaf());
        if !self.may_be_forgotten(fence) || i64::try_from(leaf.0).is_err() {
            return;
        }
        let changed = &mut self.changed;
        let known = self.leaves.entry(leaf).or_insert_with(|| {
            changed.leaves.insert(leaf);
            super::Leaf {
                killed: true,
                ..super::Leaf::default()
            }
        });
        let accounts = known.accounts.clone();
        let holder = (sync.router, incarnation, DiskId::default());
        let waiting = self.learning.as_ref().and_then(|l| l.waiting.as_ref());
        let lease = Lease {
            stage: Stage::Draining,
            was_used: true,
            drain_until: waiting.map_or(Duration::ZERO, |waiting| waiting.until),
            ..Lease::new(holder, (leaf, fence), accounts)
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

#[cfg(test)]
mod tests;
