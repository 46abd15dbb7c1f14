//! A sync: facts first, whoever tells them; then what a process before this one left; then money.
//!
//! What is never done: refuse a fact. What is refused: new money to a process that was replaced, and old numbers.

use super::{Bank, BankError};
#[cfg(test)]
use crate::lease::protocol::Mutant;
use crate::lease::protocol::account::AccountId;
use crate::lease::protocol::lease::{Lease, Stage};
use crate::lease::protocol::message::{
    Answer, Deny, Final, Grant, LeaseId, Line, Reason, RouterId, Short, Sync, Synced, Want,
};
use crate::units::Money;
use foldhash::quality::FixedState;
use std::hash::BuildHasher as _;
use std::time::Duration;

/// When to ask again where others were asked to give back.
const RECALL: Duration = Duration::from_secs(2);
/// When to ask again where the bank learns what became of its leases.
const RESTORING: Duration = Duration::from_secs(5);
/// When to ask again where there is nothing.
const EXHAUSTED: Duration = Duration::from_mins(1);

impl Bank {
    /// Hears what a gateway reports, and lends what it needs.
    ///
    /// # Errors
    /// [`BankError`]: nothing was changed but facts.
    pub fn sync(&mut self, sync: &Sync, now: Duration) -> Result<Answer, BankError> {
        let router = self
            .routers
            .get(&sync.router)
            .ok_or(BankError::UnknownRouter)?;
        amounts(sync)?;
        let (incarnation, last, body) = (router.incarnation, router.seq, router.body);
        let answered = router.answer.clone();
        let digest = digest(sync);
        self.learn(sync);
        self.hear(sync);
        for word in &sync.finals {
            self.finalise(sync, word);
        }
        if sync.incarnation != incarnation {
            return Ok(Answer::Fenced {
                incarnation: sync.incarnation,
                seq: sync.seq,
            });
        }
        if let Some(answer) = answered
            && self.stores_answers()
        {
            if sync.seq == last && digest == body {
                return Ok(answer);
            }
            if sync.seq == last {
                return Err(BankError::Conflict { seq: sync.seq });
            }
            if sync.seq < last {
                return Err(BankError::Stale {
                    seq: sync.seq,
                    last,
                });
            }
        }
        self.never_opened(sync);
        self.heard_all(sync.router, self.disk_of(sync.router));
        for line in &sync.leases {
            self.renew(sync, line, now);
        }
        let mut lent = Vec::new();
        let mut denies = Vec::new();
        for want in &sync.wants {
            denies.extend(self.want(sync, want, &mut lent, now));
        }
        let grants = self.grants(sync.router, incarnation, now);
        for grant in grants.iter().filter(|grant| grant.keep.is_some()) {
            // It is asked once: an answer that gets lost is repeated as it was.
            self.alter(grant.lease, |lease| lease.recalled = false);
        }
        let answer = Answer::Synced(Synced {
            seq: sync.seq,
            incarnation,
            grants,
            denies,
        });
        if let Some(router) = self.routers.get_mut(&sync.router) {
            router.seq = sync.seq;
            router.body = digest;
            router.answer = Some(answer.clone());
            self.changed.routers.insert(sync.router);
        }
        Ok(answer)
    }

    #[cfg(test)]
    fn stores_answers(&self) -> bool {
        self.mutant != Some(Mutant::NoStoredAnswer)
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, reason = "the test's has a mutant to look at")]
    const fn stores_answers(&self) -> bool {
        true
    }

    #[cfg(test)]
    fn counts_late_usage(&self) -> bool {
        self.mutant == Some(Mutant::LateUsageCounts)
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, reason = "the test's has a mutant to look at")]
    const fn counts_late_usage(&self) -> bool {
        false
    }

    /// Books what was spent and given back, and what for.
    fn hear(&mut self, sync: &Sync) {
        for line in &sync.leases {
            if !self.is_holder(sync, line) {
                continue;
            }
            #[cfg(test)]
            if self.mutant == Some(Mutant::LateReportsRefused)
                && self
                    .leases
                    .get(&line.lease)
                    .is_some_and(|lease| lease.stage != Stage::Active)
            {
                continue;
            }
            let known = self.leases.get(&line.lease);
            let was_closed = known.is_none_or(|lease| lease.stage == Stage::Closed);
            self.alter(line.lease, |lease| {
                lease.merge(line.settled, line.returned, line.overrun);
                lease.was_used |= line.settled.plus(line.reserved) > Money::ZERO;
                if line.closing {
                    lease.close_by_holder();
                }
            });
            if !line.usage.is_empty() && (!was_closed || self.counts_late_usage()) {
                self.hear_usage(line);
            }
        }
    }

    /// Whether the lease is the sender's own: another's is not even looked at.
    pub(super) fn is_holder(&self, sync: &Sync, line: &Line) -> bool {
        self.leases.get(&line.lease).is_some_and(|lease| {
            lease.router == sync.router
                && lease.incarnation == sync.incarnation
                && lease.fence == line.fence
        })
    }

    pub(super) fn finalise(&mut self, sync: &Sync, word: &Final) {
        let earlier = self.leases.get(&word.lease).is_some_and(|lease| {
            lease.router == sync.router && lease.incarnation < sync.incarnation
        });
        if earlier {
            let clone_safe = self.terms.clone_safe;
            self.alter(word.lease, |lease| lease.finalise(word, clone_safe));
        }
    }

    /// A lease whose holder is there lives on, or ends if its holder says so.
    fn renew(&mut self, sync: &Sync, line: &Line, now: Duration) {
        if !self.is_holder(sync, line) {
            return;
        }
        let Some(lease) = self.leases.get(&line.lease) else {
            return;
        };
        let (valid_until, drain_until) = self.times(&lease.accounts, now);
        self.alter(line.lease, |lease| {
            if lease.stage == Stage::Active {
                // A holder keeps the longest time it was ever given.
                lease.valid_until = lease.valid_until.max(valid_until);
                lease.drain_until = lease.drain_until.max(drain_until);
            }
        });
    }

    /// Lends what is wanted, on the lease there is or on a new one.
    fn want(
        &mut self,
        sync: &Sync,
        want: &Want,
        lent: &mut Vec<LeaseId>,
        now: Duration,
    ) -> Option<Deny> {
        let deny = |reason, retry_after, short| {
            Some(Deny {
                leaf: want.leaf,
                reason,
                retry_after,
                short,
            })
        };
        let Some(leaf) = self.leaves.get(&want.leaf) else {
            return deny(Reason::UnknownLeaf, EXHAUSTED, None);
        };
        if leaf.killed || self.stopped.contains(&sync.router) {
            return deny(Reason::Killed, EXHAUSTED, None);
        }
        let accounts = leaf.accounts.clone();
        if self.waits_to_open(&accounts) {
            return deny(Reason::Restoring, RESTORING, None);
        }
        let mine = |lease: &Lease| {
            lease.incarnation == sync.incarnation
                && lease.leaf == want.leaf
                && lease.stage == Stage::Active
                && lease.accounts == accounts
        };
        let mine = self
            .holding(self.open.held_by(sync.router), mine)
            .first()
            .copied();
        if let Some(id) = mine {
            self.alter(id, |lease| lease.rate = want.rate);
        }
        match self.grant(&accounts, want, sync.router) {
            Ok(amount) => {
                lent.push(self.lend(sync, want, mine, amount, now));
                None
            }
            Err(Reason::Exhausted) => {
                let short = self.shortest(&accounts, now);
                if self.recall(&accounts, want.need, lent) {
                    deny(Reason::Recalling, RECALL, short)
                } else {
                    deny(Reason::Exhausted, EXHAUSTED, short)
                }
            }
            Err(reason) => deny(reason, EXHAUSTED, None),
        }
    }

    /// Of these accounts the one that binds and has the least left.
    fn shortest(&self, accounts: &[AccountId], now: Duration) -> Option<Short> {
        let books = accounts
            .iter()
            .filter_map(|id| Some((id, self.accounts.get(id)?)))
            .filter(|(_, account)| account.hard);
        let (id, account) = books.min_by_key(|(_, account)| account.free())?;
        Some(Short {
            budget: id.budget,
            limit: account.limit,
            spent: account.spent.plus(account.uncertain),
            held: account.held,
            resets_in: account.ends.map(|ends| ends.saturating_sub(now)),
        })
    }

    fn lend(
        &mut self,
        sync: &Sync,
        want: &Want,
        mine: Option<LeaseId>,
        amount: Money,
        now: Duration,
    ) -> LeaseId {
        let id = mine.unwrap_or_else(|| self.open(sync, want, now));
        self.alter(id, |lease| {
            lease.granted = lease.granted.plus(amount);
            // Who waits for money has none to give back.
            lease.recalled = false;
        });
        id
    }

    /// A new lease, of nothing yet.
    fn open(&mut self, sync: &Sync, want: &Want, now: Duration) -> LeaseId {
        let fence = self.next;
        self.next = self.next.saturating_add(1);
        let id = LeaseId::new(fence, want.leaf);
        let accounts = self
            .leaves
            .get(&want.leaf)
            .map(|leaf| leaf.accounts.clone())
            .unwrap_or_default();
        let (valid_until, drain_until) = self.times(&accounts, now);
        let holder = (sync.router, sync.incarnation, self.disk_of(sync.router));
        let lease = Lease {
            valid_until,
            drain_until,
            ..Lease::new(holder, (want.leaf, fence), accounts)
        };
        self.open.insert(id, &lease);
        self.leases.insert(id, lease);
        self.changed.leases.insert(id);
        self.alter(id, |lease| lease.rate = want.rate);
        id
    }

    /// Until when calls may begin on a lease of these accounts that is heard of now, and until when they may last.
    fn times(&self, accounts: &[AccountId], now: Duration) -> (Duration, Duration) {
        let valid_for = self.valid_for(accounts);
        let whole = valid_for.saturating_add(self.terms.drain_for);
        (
            self.terms.until(now, valid_for),
            self.terms.until(now, whole),
        )
    }

    /// How long it is until the first of a lease's accounts turns to its next period; a hundredth less, for a holder's clock
    /// that is slow.
    fn period_left(&self, lease: &Lease, now: Duration) -> Duration {
        let ends = lease.accounts.iter();
        let ends = ends.filter_map(|id| self.accounts.get(id)?.ends);
        ends.min().map_or(Duration::MAX, |ends| {
            let left = ends.saturating_sub(now);
            left.saturating_sub(left.checked_div(100).unwrap_or_default())
        })
    }

    /// All leases of a process that still bring money.
    fn grants(&self, router: RouterId, incarnation: u64, now: Duration) -> Vec<Grant> {
        let mine = |lease: &Lease| lease.incarnation == incarnation && lease.stage == Stage::Active;
        let grant = |id: LeaseId| {
            let lease = self.leases.get(&id)?;
            Some(Grant {
                lease: id,
                fence: lease.fence,
                leaf: lease.leaf,
                granted: lease.granted,
                valid_for: self
                    .period_left(lease, now)
                    .min(self.valid_for(&lease.accounts)),
                drain_for: self.terms.drain_for,
                keep: lease.recalled.then_some(Money::ZERO),
                tightest: self.shortest(&lease.accounts, now),
            })
        };
        self.holding(self.open.held_by(router), mine)
            .into_iter()
            .filter_map(grant)
            .collect()
    }
}

/// What tells a sync from others. Another version may come to another number: a sync that was under way over an update is then
/// refused, and said anew. Whoever makes two with one number gets the answer to the first.
fn digest(sync: &Sync) -> u64 {
    FixedState::default().hash_one(sync)
}

/// Amounts that cannot be are no facts: nothing of such a sync is heard.
fn amounts(sync: &Sync) -> Result<(), BankError> {
    let lines = sync.leases.iter().flat_map(|line| {
        [line.settled, line.returned, line.reserved, line.overrun].map(|one| (line.lease.0, one))
    });
    let finals = sync.finals.iter().flat_map(|word| {
        [word.settled, word.in_flight, word.overrun, word.uncertain].map(|one| (word.lease.0, one))
    });
    let usage = sync.leases.iter().flat_map(|line| {
        let costs = line.usage.iter().map(|usage| usage.cost);
        costs.map(|one| (line.lease.0, one))
    });
    for (lease, amount) in lines.chain(finals).chain(usage) {
        if amount < Money::ZERO || amount == Money::MAX {
            return Err(BankError::Amount { lease, amount });
        }
    }
    Ok(())
}
