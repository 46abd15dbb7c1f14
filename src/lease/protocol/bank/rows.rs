//! What a store keeps of a bank: the rows a step changed, written before its answer is sent, and a bank made of all of them.
//!
//! Invariant: a bank restored from every row that was taken says to every message what the bank itself would have said.

use super::open::Open;
use super::{Bank, Entry, Leaf, Router, Used};
use crate::lease::protocol::account::{Account, AccountId};
use crate::lease::protocol::lease::Lease;
use crate::lease::protocol::message::{LeafId, LeaseId, RouterId};
use crate::lease::protocol::terms::Terms;
use crate::lease::protocol::usage::Usage;
use std::collections::BTreeSet;
use std::time::Duration;

/// Rows, each as it is now, and the ledger's new lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    /// Accounts.
    pub accounts: Vec<(AccountId, Account)>,
    /// Leaves.
    pub leaves: Vec<(LeafId, Leaf)>,
    /// Leases.
    pub leases: Vec<(LeaseId, Lease)>,
    /// Gateways.
    pub routers: Vec<(RouterId, Router)>,
    /// The ledger's new lines, in order. A bank is restored without them.
    pub entries: Vec<Entry>,
    /// What is known of the models of leases; nothing any more of those that are closed.
    pub usage: Vec<(LeaseId, Vec<Usage>)>,
    /// What calls were for, beyond what was known before. A bank is restored without it.
    pub used: Vec<Used>,
}

/// Which rows changed since they were last taken.
#[derive(Debug, Default)]
pub(super) struct Changed {
    pub(super) accounts: BTreeSet<AccountId>,
    pub(super) leaves: BTreeSet<LeafId>,
    pub(super) leases: BTreeSet<LeaseId>,
    pub(super) routers: BTreeSet<RouterId>,
    pub(super) usage: BTreeSet<LeaseId>,
}

impl Rows {
    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Bank {
    /// Takes what changed since the last time. Nothing that a step answered may be said before its rows are safe.
    pub fn take_rows(&mut self) -> Rows {
        self.forget_usage();
        let changed = std::mem::take(&mut self.changed);
        let rows = |ids: BTreeSet<LeaseId>| {
            let row = |id: LeaseId| Some((id, self.leases.get(&id)?.clone()));
            ids.into_iter().filter_map(row).collect()
        };
        let leases = rows(changed.leases);
        let account = |id: AccountId| Some((id, *self.accounts.get(&id)?));
        let leaf = |id: LeafId| Some((id, self.leaves.get(&id)?.clone()));
        let router = |id: RouterId| Some((id, self.routers.get(&id)?.clone()));
        let usage = |id: LeaseId| (id, self.usage.get(&id).cloned().unwrap_or_default());
        Rows {
            accounts: changed.accounts.into_iter().filter_map(account).collect(),
            leaves: changed.leaves.into_iter().filter_map(leaf).collect(),
            leases,
            routers: changed.routers.into_iter().filter_map(router).collect(),
            entries: std::mem::take(&mut self.entries),
            usage: changed.usage.into_iter().map(usage).collect(),
            used: std::mem::take(&mut self.used),
        }
    }

    /// Gives every open lease its whole time again: after a pause of the bank itself nobody can be blamed for silence.
    pub fn wake(&mut self, now: Duration) {
        let terms = self.terms;
        for id in self.holding(self.open.all(), |_| true) {
            if let Some(lease) = self.leases.get_mut(&id) {
                lease.valid_until = terms.until(now, terms.valid_for);
                let whole = terms.valid_for.saturating_add(terms.drain_for);
                lease.drain_until = terms.until(now, whole);
            }
        }
    }

    /// A bank as these rows have it: all there are, or all that a step can touch and `next` from beyond every lease.
    #[must_use]
    pub fn restore(terms: Terms, rows: Rows, next: u64) -> Self {
        let open = Open::of(rows.leases.iter().map(|(id, lease)| (*id, lease)));
        let newest = rows.leases.iter().map(|(_, lease)| lease.fence).max();
        Self {
            terms,
            open,
            next: next.max(newest.unwrap_or(0).saturating_add(1)),
            accounts: rows.accounts.into_iter().collect(),
            leaves: rows.leaves.into_iter().collect(),
            leases: rows.leases.into_iter().collect(),
            routers: rows.routers.into_iter().collect(),
            usage: rows.usage.into_iter().collect(),
            ..Self::default()
        }
    }
}
