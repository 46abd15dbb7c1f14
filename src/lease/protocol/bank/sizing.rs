//! How much is lent at once: enough for a while, never so much that others go without.
//!
//! A holder gets what it needs now, or what it will spend within the horizon, bounded by its share of what is left and by
//! the share of the budget that may be outstanding. Near the end of a budget it gets what one call needs and no more, and
//! those who hold money they do not use are asked for it back: so nobody is refused while money lies idle elsewhere.

use super::Bank;
use crate::lease::protocol::account::{Account, AccountId};
use crate::lease::protocol::lease::{Lease, Stage};
use crate::lease::protocol::message::{LeaseId, Reason, RouterId, Want};
use crate::lease::protocol::terms::Lending;
use crate::units::Money;
use std::time::Duration;

/// Below this share of its limit a budget is near its end, in hundredths.
const TAIL: u8 = 2;
/// So many calls of the size that waits are near its end, too.
const TAIL_CALLS: i64 = 8;

impl Bank {
    /// What a want of this gateway is worth, or why it is worth nothing.
    pub(super) fn grant(
        &self,
        accounts: &[AccountId],
        want: &Want,
        router: RouterId,
    ) -> Result<Money, Reason> {
        let books: Option<Vec<&Account>> =
            accounts.iter().map(|id| self.accounts.get(id)).collect();
        let Some(books) = books.filter(|books| !books.is_empty()) else {
            return Err(Reason::UnknownLeaf);
        };
        let free = books.iter().map(|account| account.free()).min();
        let free = free.unwrap_or(Money::ZERO);
        if free < want.need || want.need > MOST || want.need <= Money::ZERO {
            return Err(Reason::Exhausted);
        }
        let tail = books.iter().any(|account| is_tail(account, want));
        if tail {
            return Ok(want.need);
        }
        let lending = self.lending(accounts);
        let horizon = lending.horizon.unwrap_or(self.terms.horizon);
        let wished = want
            .need
            .max(lending.floor.unwrap_or(self.terms.floor))
            .max(over(want.rate, horizon.as_secs()));
        let caps = books.iter().map(|account| self.cap(account, want));
        let most = accounts.iter().map(|id| self.most(*id, router));
        let wished = caps.chain(most).fold(wished, Money::min);
        Ok(wished.max(want.need).min(free))
    }

    /// How leases of these accounts are lent, as far as any of them has a say: the strictest holds.
    fn lending(&self, accounts: &[AccountId]) -> Lending {
        let own = accounts.iter();
        let own = own.filter_map(|id| Some(self.accounts.get(id)?.lending));
        own.fold(Lending::default(), Lending::and)
    }

    /// How long calls may begin on a lease of these accounts.
    pub(super) fn valid_for(&self, accounts: &[AccountId]) -> Duration {
        let own = self.lending(accounts).valid_for;
        own.unwrap_or(self.terms.valid_for)
            .min(self.terms.valid_for)
    }

    /// How much more of an account this gateway may hold, by what the account itself says.
    fn most(&self, id: AccountId, router: RouterId) -> Money {
        let own = self.accounts.get(&id);
        let Some(most) = own.and_then(|account| account.lending.most) else {
            return Money::MAX;
        };
        let leases = self.open.held_by(router);
        let leases = leases.filter_map(|lease| self.leases.get(&lease));
        let leases = leases.filter(|lease| lease.accounts.contains(&id));
        let held = leases.fold(Money::ZERO, |held, lease| held.plus(lease.held()));
        most.less(held)
    }

    /// The most one account lends for this want.
    fn cap(&self, account: &Account, want: &Want) -> Money {
        if !account.hard {
            return Money::MAX;
        }
        let fair = share(account.free(), want.rate, account.rate.max(want.rate));
        let outstanding = account.lending.outstanding;
        let outstanding = outstanding.unwrap_or(self.terms.outstanding);
        let room = account.limit.percent(outstanding).less(account.held);
        want.need.max(fair.min(room))
    }

    /// Asks those who hold money of the accounts that are short for what they do not use, where that can help. Whether it can.
    /// `lent`: who got money by this very sync.
    pub(super) fn recall(&mut self, accounts: &[AccountId], need: Money, lent: &[LeaseId]) -> bool {
        let short: Vec<(AccountId, Money)> = accounts
            .iter()
            .filter_map(|id| Some((*id, self.accounts.get(id)?.free())))
            .filter(|(_, free)| *free < need)
            .collect();
        let shares = |lease: &Lease| {
            let is_short = |account: &AccountId| short.iter().any(|(one, _)| one == account);
            lease.stage == Stage::Active
                && lease.held() > Money::ZERO
                && lease.accounts.iter().any(is_short)
        };
        let mut asked = self.holding(self.open.all(), shares);
        asked.retain(|id| !lent.contains(id));
        let could_free = |(account, free): &(AccountId, Money)| {
            let held = asked.iter().filter_map(|id| self.leases.get(id));
            held.filter(|lease| lease.accounts.contains(account))
                .fold(*free, |sum, lease| sum.plus(lease.held()))
        };
        if short.is_empty() || !short.iter().all(|short| could_free(short) >= need) {
            return false;
        }
        for id in &asked {
            self.alter(*id, |lease| lease.recalled = true);
        }
        true
    }
}

/// More than this is lent to nobody: sums of sixteen such amounts can still be counted.
pub(in crate::lease::protocol) const MOST: Money = Money::from_nanos(i64::MAX / 16);

/// Whether a budget is near its end.
fn is_tail(account: &Account, want: &Want) -> bool {
    let free = account.free();
    account.hard && (free < account.limit.percent(TAIL) || free < want.need.times(TAIL_CALLS))
}

/// What is spent in so many seconds at so much a minute.
fn over(rate: Money, seconds: u64) -> Money {
    let nanos = i128::from(rate.nanos())
        .saturating_mul(i128::from(seconds))
        .div_euclid(60);
    Money::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX)).min(MOST)
}

/// Half of what is left, by the holder's part of all spending.
fn share(free: Money, rate: Money, all: Money) -> Money {
    if all <= Money::ZERO {
        return free.percent(50);
    }
    let nanos = i128::from(free.nanos())
        .saturating_mul(i128::from(rate.nanos()))
        .div_euclid(i128::from(all.nanos()).saturating_mul(2));
    Money::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
}
