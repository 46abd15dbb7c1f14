//! The bank: what it lends, to whom, and what it hears of it.
//!
//! It holds the accounts, leases and routers that a step touches, be they all there are or what a store read for it, and
//! every change of a lease reaches its accounts at one place, with an entry that says so.
//!
//! Invariant: each hard account is sound after every step; what it holds is the sum over its leases; its totals are the sum
//! of its entries.

mod learning;
mod open;
mod rows;
pub(super) mod sizing;
mod sync;
#[cfg(test)]
mod tests;
mod unheard;
mod usage;
pub use learning::{Restoring, SetBack, TooEarly};
pub use rows::Rows;
pub use usage::Used;

#[cfg(test)]
use super::Mutant;
use super::account::{Account, AccountId, Delta};
use super::lease::{Lease, Stage};
use super::message::{Answer, DiskId, Hello, LeafId, LeaseId, RouterId};
use super::terms::{Lending, Terms};
use super::usage::Usage;
use crate::units::Money;
use learning::Learning;
use open::Open;
use rows::Changed;
use smallvec::SmallVec;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Why a message is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BankError {
    /// No such gateway was enrolled.
    #[error("nobody knows this gateway: enrol it")]
    UnknownRouter,
    /// A sync from before the last one.
    #[error("sync {seq} is older than the last one, {last}: it was on its way for too long")]
    Stale {
        /// Its number.
        seq: u64,
        /// The last one's.
        last: u64,
    },
    /// The number of the last sync with another content: two copies of one process.
    #[error("sync {seq} came twice and says two things: two processes share one state")]
    Conflict {
        /// Its number.
        seq: u64,
    },
    /// An amount below zero, or more than there can be.
    #[error("an amount of lease {lease:x} cannot be: {amount} dollars")]
    Amount {
        /// Whose.
        lease: u128,
        /// The amount.
        amount: Money,
    },
    /// A start that is not newer than the last.
    #[error("start {start} is older than the last one, {last}")]
    OldStart {
        /// Its number.
        start: u64,
        /// The last one's.
        last: u64,
    },
}

/// A gateway's disks before this many are forgotten; a process on one of them would count as new.
const MOST_DISKS: usize = 16;

/// Where the spending of a leaf is counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leaf {
    /// All accounts on its way to the root, in this period.
    pub accounts: SmallVec<[AccountId; 8]>,
    /// Whether it may spend nothing.
    pub killed: bool,
}

/// What the bank remembers of a gateway.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Router {
    /// Its process, by number; 0 before the first.
    pub incarnation: u64,
    /// The disks its processes wrote to, with the last start on each; the newest last.
    pub disks: SmallVec<[(DiskId, u64); 2]>,
    /// The last sync.
    pub seq: u64,
    /// The last sync's content, by digest.
    pub body: u64,
    /// What was answered to it.
    pub answer: Option<Answer>,
}

/// A line of the ledger: what one step did to one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The account.
    pub account: AccountId,
    /// The lease it was about.
    pub lease: LeaseId,
    /// What changed.
    pub delta: Delta,
}

/// The bank.
#[derive(Debug, Default)]
pub struct Bank {
    terms: Terms,
    accounts: BTreeMap<AccountId, Account>,
    leaves: BTreeMap<LeafId, Leaf>,
    leases: BTreeMap<LeaseId, Lease>,
    open: Open,
    routers: BTreeMap<RouterId, Router>,
    /// Gateways that are lent nothing. Said anew by whoever administers them, never stored.
    stopped: BTreeSet<RouterId>,
    /// Whether the books are a backup's.
    learning: Option<Learning>,
    /// The number of the next lease; its fence, too.
    next: u64,
    entries: Vec<Entry>,
    /// What is known of the models of each lease that is open.
    usage: BTreeMap<LeaseId, Vec<Usage>>,
    used: Vec<Used>,
    changed: Changed,
    #[cfg(test)]
    pub(in crate::lease) mutant: Option<Mutant>,
}

impl Bank {
    /// A bank without accounts.
    #[must_use]
    pub fn new(terms: Terms) -> Self {
        Self {
            terms,
            next: 1,
            ..Self::default()
        }
    }

    /// Opens an account, or sets the limit of one there is. Where more is lent than that, whoever holds some of it is asked
    /// for what it does not use.
    pub fn set_account(&mut self, id: AccountId, limit: Money, hard: bool) {
        let account = self
            .accounts
            .entry(id)
            .or_insert_with(|| Account::new(limit, hard));
        account.hard = hard;
        account.set_limit(limit);
        let is_over = hard && account.overcommit > Money::ZERO;
        self.changed.accounts.insert(id);
        if is_over {
            let holds = |lease: &Lease| {
                lease.stage == Stage::Active
                    && lease.held() > Money::ZERO
                    && lease.accounts.contains(&id)
            };
            for lease in self.holding(self.open.all(), holds) {
                self.alter(lease, |lease| lease.recalled = true);
            }
        }
    }

    /// Says how an account is lent, where not as the bank's terms say. Leases of it go by that from their next sync on.
    pub fn set_lending(&mut self, id: AccountId, lending: Lending) {
        if let Some(account) = self.accounts.get_mut(&id) {
            account.lending = lending;
        }
    }

    /// Says when an account's period ends. What is lent of it is good until then and no longer.
    pub fn set_end(&mut self, id: AccountId, ends: Option<Duration>) {
        if let Some(account) = self.accounts.get_mut(&id) {
            account.ends = ends;
        }
    }

    /// Says where a leaf's spending is counted, from now on: what was lent from other accounts brings nothing new.
    pub fn set_leaf(&mut self, id: LeafId, accounts: impl IntoIterator<Item = AccountId>) {
        // Each account once: it would be asked once and charged twice.
        let accounts: BTreeSet<AccountId> = accounts.into_iter().collect();
        let accounts: SmallVec<[AccountId; 8]> = accounts.into_iter().collect();
        let known = self.leaves.get(&id);
        if known.is_some_and(|leaf| leaf.accounts == accounts) {
            return;
        }
        let leaf = self.leaves.entry(id).or_default();
        leaf.accounts.clone_from(&accounts);
        self.changed.leaves.insert(id);
        let elsewhere = |lease: &Lease| lease.accounts != accounts;
        for lease in self.holding(self.open.lent_for(id), elsewhere) {
            self.alter(lease, Lease::drain);
        }
    }

    /// Enrols a gateway.
    pub fn enrol(&mut self, id: RouterId) {
        // Where the books have forgotten one of this name, its processes had numbers, too.
        let incarnation = self.learning.as_ref().map_or(0, Learning::beyond);
        let begin = || Router {
            incarnation,
            ..Router::default()
        };
        self.routers.entry(id).or_insert_with(begin);
        self.changed.routers.insert(id);
    }

    /// Pulls the switch for a leaf, or lets it spend again.
    pub fn kill(&mut self, id: LeafId, killed: bool) {
        if let Some(leaf) = self.leaves.get_mut(&id) {
            leaf.killed = killed;
            self.changed.leaves.insert(id);
        }
        if killed {
            for lease in self.holding(self.open.lent_for(id), |_| true) {
                self.alter(lease, Lease::drain);
            }
        }
    }

    /// Lends these gateways nothing from now on, and others again: they may report and give back.
    pub fn stop(&mut self, routers: BTreeSet<RouterId>) {
        for router in &routers {
            self.drain(*router);
        }
        self.stopped = routers;
    }

    /// Lends a gateway nothing more on the leases it has; how many those are.
    pub fn drain(&mut self, router: RouterId) -> usize {
        let active = |lease: &Lease| lease.stage == Stage::Active;
        let leases = self.holding(self.open.held_by(router), active);
        for lease in &leases {
            self.alter(*lease, Lease::drain);
        }
        leases.len()
    }

    /// Gives back what a lost lease is presumed to have spent, on an administrator's word alone. Whether there was one.
    pub fn write_off(&mut self, id: LeaseId) -> bool {
        let is_lost = self
            .leases
            .get(&id)
            .is_some_and(|lease| lease.stage == Stage::Lost);
        if is_lost {
            self.alter(id, Lease::close_by_holder);
        }
        is_lost
    }

    /// Gives a process its number.
    ///
    /// # Errors
    /// [`BankError`]: nobody knows the gateway, or a later process of it was here.
    pub fn hello(&mut self, hello: &Hello) -> Result<Answer, BankError> {
        let router = self
            .routers
            .get_mut(&hello.router)
            .ok_or(BankError::UnknownRouter)?;
        let known = router
            .disks
            .iter()
            .position(|(disk, _)| *disk == hello.disk);
        let (disk, last) = known
            .and_then(|place| router.disks.get(place))
            .copied()
            .unwrap_or((hello.disk, 0));
        let is_newest = router
            .disks
            .last()
            .is_some_and(|(newest, _)| *newest == disk);
        if hello.start < last || (hello.start == last && !is_newest) {
            return Err(BankError::OldStart {
                start: hello.start,
                last,
            });
        }
        if hello.start > last {
            if let Some(place) = known {
                router.disks.remove(place);
            } else if router.disks.len() >= MOST_DISKS {
                router.disks.remove(0);
            }
            router.disks.push((disk, hello.start));
            router.incarnation = router.incarnation.saturating_add(1);
            router.seq = 0;
            router.answer = None;
            self.changed.routers.insert(hello.router);
        }
        Ok(Answer::Welcome {
            disk: hello.disk,
            start: hello.start,
            incarnation: router.incarnation,
        })
    }

    /// Lets time pass: leases whose holders are silent drain, and are lost. Silence is no evidence, so nothing comes back.
    pub fn tick(&mut self, now: Duration) {
        let late = |lease: &Lease| lease.stage == Stage::Active && now > lease.valid_until;
        for id in self.holding(self.open.all(), late) {
            self.alter(id, Lease::drain);
        }
        let over = |lease: &Lease| lease.stage == Stage::Draining && now > lease.drain_until;
        for id in self.holding(self.open.all(), over) {
            #[cfg(test)]
            if self.mutant == Some(Mutant::RefundByTimer) {
                self.alter(id, Lease::close);
                continue;
            }
            self.alter(id, |lease| {
                if lease.is_final {
                    lease.close();
                } else {
                    lease.lose();
                }
            });
        }
    }

    /// An account.
    #[must_use]
    pub fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(&id)
    }

    /// A lease.
    #[must_use]
    pub fn lease(&self, id: LeaseId) -> Option<&Lease> {
        self.leases.get(&id)
    }

    /// All leaves.
    pub fn leaves(&self) -> impl Iterator<Item = (LeafId, &Leaf)> {
        self.leaves.iter().map(|(id, leaf)| (*id, leaf))
    }

    /// Whether a leaf's switch is pulled.
    #[must_use]
    pub fn is_killed(&self, id: LeafId) -> bool {
        self.leaves.get(&id).is_some_and(|leaf| leaf.killed)
    }

    /// What is remembered of a gateway.
    #[must_use]
    pub fn router(&self, id: RouterId) -> Option<&Router> {
        self.routers.get(&id)
    }

    /// All accounts.
    pub fn accounts(&self) -> impl Iterator<Item = (AccountId, &Account)> {
        self.accounts.iter().map(|(id, account)| (*id, account))
    }

    /// All leases.
    pub fn leases(&self) -> impl Iterator<Item = (LeaseId, &Lease)> {
        self.leases.iter().map(|(id, lease)| (*id, lease))
    }

    /// Of these leases those of which something holds.
    fn holding(
        &self,
        leases: impl Iterator<Item = LeaseId>,
        holds: impl Fn(&Lease) -> bool,
    ) -> Vec<LeaseId> {
        let holds = |id: &LeaseId| self.leases.get(id).is_some_and(&holds);
        leases.filter(holds).collect()
    }

    /// Changes a lease: the one place where accounts follow.
    fn alter(&mut self, id: LeaseId, change: impl FnOnce(&mut Lease)) {
        let Some(lease) = self.leases.get_mut(&id) else {
            return;
        };
        let before = lease.clone();
        change(lease);
        if *lease == before {
            return;
        }
        self.changed.leases.insert(id);
        if lease.stage == Stage::Closed {
            self.open.remove(id, lease);
        }
        let delta = lease.delta(&before);
        let spends = |lease: &Lease| match lease.stage {
            Stage::Active => lease.rate,
            _ => Money::ZERO,
        };
        let rate = spends(lease).minus(spends(&before));
        for account in lease.accounts.clone() {
            if let Some(books) = self.accounts.get_mut(&account) {
                books.rate = books.rate.plus(rate);
                books.apply(delta);
                self.changed.accounts.insert(account);
            }
            if !delta.is_nothing() {
                self.entries.push(Entry {
                    account,
                    lease: id,
                    delta,
                });
            }
        }
    }
}
