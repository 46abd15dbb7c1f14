//! The leases that are not closed, by whom and for whom: so that a step costs what it is about, and not what all others hold.

use crate::lease::protocol::lease::{Lease, Stage};
use crate::lease::protocol::message::{LeafId, LeaseId, RouterId};
use std::collections::{BTreeMap, BTreeSet};

/// Leases that are not closed.
#[derive(Debug, Default)]
pub(super) struct Open {
    all: BTreeSet<LeaseId>,
    held_by: BTreeMap<RouterId, BTreeSet<LeaseId>>,
    lent_for: BTreeMap<LeafId, BTreeSet<LeaseId>>,
}

impl Open {
    /// Of these leases those that are.
    pub(super) fn of<'a>(leases: impl Iterator<Item = (LeaseId, &'a Lease)>) -> Self {
        let mut open = Self::default();
        for (id, lease) in leases.filter(|(_, lease)| lease.stage != Stage::Closed) {
            open.insert(id, lease);
        }
        open
    }

    pub(super) fn insert(&mut self, id: LeaseId, lease: &Lease) {
        self.all.insert(id);
        self.held_by.entry(lease.router).or_default().insert(id);
        self.lent_for.entry(lease.leaf).or_default().insert(id);
    }

    pub(super) fn remove(&mut self, id: LeaseId, lease: &Lease) {
        self.all.remove(&id);
        take(&mut self.held_by, &lease.router, id);
        take(&mut self.lent_for, &lease.leaf, id);
    }

    pub(super) fn all(&self) -> impl Iterator<Item = LeaseId> {
        self.all.iter().copied()
    }

    pub(super) fn held_by(&self, router: RouterId) -> impl Iterator<Item = LeaseId> {
        self.held_by.get(&router).into_iter().flatten().copied()
    }

    pub(super) fn lent_for(&self, leaf: LeafId) -> impl Iterator<Item = LeaseId> {
        self.lent_for.get(&leaf).into_iter().flatten().copied()
    }
}

/// Takes a lease from under a key; a key without any goes, too.
fn take<K: Ord>(index: &mut BTreeMap<K, BTreeSet<LeaseId>>, key: &K, id: LeaseId) {
    if let Some(leases) = index.get_mut(key) {
        leases.remove(&id);
        if leases.is_empty() {
            index.remove(key);
        }
    }
}
