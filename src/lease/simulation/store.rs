//! The panel's store: rows that are safe once they are written, and outlive the panel.

use crate::lease::protocol::{
    Account, AccountId, Bank, Leaf, LeafId, Lease, LeaseId, Lending, Router, RouterId, Rows, Terms,
    Usage,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// What keeps the rows of a panel.
pub(crate) trait Keep: std::fmt::Debug {
    /// Writes the rows of one step, all or none.
    fn write(&mut self, rows: Rows);
    /// A panel that begins with what is safe.
    fn open(&mut self, terms: Terms, now: Duration) -> Bank;
}

/// Rows in memory.
#[derive(Debug, Clone, Default)]
pub(super) struct Store {
    accounts: BTreeMap<AccountId, Account>,
    leaves: BTreeMap<LeafId, Leaf>,
    leases: BTreeMap<LeaseId, Lease>,
    routers: BTreeMap<RouterId, Router>,
    usage: BTreeMap<LeaseId, Vec<Usage>>,
}

impl Store {
    /// Numbers of processes go on from here, beyond those that a backup does not know of.
    pub(super) fn renumber(&mut self, from: u64) {
        for router in self.routers.values_mut() {
            router.incarnation = router.incarnation.max(from);
            router.answer = None;
        }
    }
}

impl Keep for Store {
    fn write(&mut self, rows: Rows) {
        self.accounts.extend(rows.accounts);
        self.leaves.extend(rows.leaves);
        self.leases.extend(rows.leases);
        self.routers.extend(rows.routers);
        self.usage.extend(rows.usage);
        self.usage.retain(|_, lines| !lines.is_empty());
    }

    fn open(&mut self, terms: Terms, now: Duration) -> Bank {
        let rows = Rows {
            accounts: self
                .accounts
                .iter()
                .map(|(id, row)| (*id, stored(row)))
                .collect(),
            leaves: self
                .leaves
                .iter()
                .map(|(id, row)| (*id, row.clone()))
                .collect(),
            leases: self
                .leases
                .iter()
                .map(|(id, row)| (*id, row.clone()))
                .collect(),
            routers: self
                .routers
                .iter()
                .map(|(id, row)| (*id, row.clone()))
                .collect(),
            usage: self
                .usage
                .iter()
                .map(|(id, lines)| (*id, lines.clone()))
                .collect(),
            entries: Vec::new(),
            used: Vec::new(),
        };
        let mut bank = Bank::restore(terms, rows, 1);
        bank.wake(now);
        bank
    }
}

/// What of an account is kept: the rest is said anew by whoever knows calendars.
fn stored(row: &Account) -> Account {
    Account {
        ends: None,
        lending: Lending::default(),
        ..*row
    }
}
