//! What money was for, as far as gateways tell.
//!
//! Of each lease that is open the bank knows what was told of its models; each step's growth is handed on, once, for
//! whoever sums it up by time. A lease that is closed has its sums there, and is told nothing more of: what comes late or twice
//! would be counted twice.
//!
//! Invariant: what is known of a lease's models never costs more than what is booked of the lease (P15).

use super::Bank;
use crate::lease::protocol::lease::{Lease, Stage};
use crate::lease::protocol::message::{LeafId, LeaseId, Line};
use crate::lease::protocol::usage::{Usage, merge};
use crate::units::Money;

/// What one step was told calls were for, beyond what was known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    /// Whose calls.
    pub leaf: LeafId,
    /// What they came to.
    pub usage: Usage,
}

impl Bank {
    /// Hears what calls on a lease were for; the lease has heard what they cost.
    pub(super) fn hear_usage(&mut self, line: &Line) {
        let Some(lease) = self.leases.get(&line.lease) else {
            return;
        };
        let known = self.usage.entry(line.lease).or_default();
        let grown = merge(known, &line.usage, booked(lease));
        if known.is_empty() {
            self.usage.remove(&line.lease);
        }
        if grown.is_empty() {
            return;
        }
        self.changed.usage.insert(line.lease);
        let leaf = lease.leaf;
        let used = grown.into_iter().map(|usage| Used { leaf, usage });
        self.used.extend(used);
    }

    /// What is known of leases that are closed is summed up elsewhere.
    pub(super) fn forget_usage(&mut self) {
        let (leases, changed) = (&self.leases, &mut self.changed);
        let closed = changed.leases.iter().copied();
        let closed = closed.filter(|id| {
            let lease = leases.get(id);
            lease.is_some_and(|lease| lease.stage == Stage::Closed)
        });
        for id in closed {
            if self.usage.remove(&id).is_some() {
                changed.usage.insert(id);
            }
        }
    }

    /// What is known of the models of leases that are open.
    pub fn usage(&self) -> impl Iterator<Item = (LeaseId, &[Usage])> {
        self.usage.iter().map(|(id, lines)| (*id, lines.as_slice()))
    }
}

/// What a lease has cost; what stands in no budget counts for nothing.
fn booked(lease: &Lease) -> Money {
    if lease.accounts.is_empty() {
        return Money::ZERO;
    }
    lease.settled.plus(lease.overrun).plus(lease.breach)
}

#[cfg(test)]
mod tests;
