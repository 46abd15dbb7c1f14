//! The books as plain data: what a snapshot holds, what replay rebuilds, what recovery makes of it.
//!
//! [`State::apply`] is the second, independent reading of every [`Entry`]: the books change their counters first and
//! write the entry, replay reads the entry and changes the counters. That both agree is the journal's proof.

use super::{Entry, Leases, LedgerId, Period, Scopes};
use crate::units::Money;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The counters of one period of one ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountState {
    /// Which period.
    pub period: Period,
    /// What was spent, the uncertain part included.
    pub spent: Money,
    /// What is promised to calls in flight.
    pub reserved: Money,
    /// The part of `spent` that nobody saw the bill of.
    pub uncertain: Money,
    /// The most that may be in use before the next ceiling is on the disk.
    pub ceiling: Money,
    /// What the period before left over.
    pub carried: Money,
}

impl AccountState {
    /// A fresh period.
    #[must_use]
    pub const fn new(period: Period, carried: Money) -> Self {
        Self {
            period,
            spent: Money::ZERO,
            reserved: Money::ZERO,
            uncertain: Money::ZERO,
            ceiling: Money::ZERO,
            carried,
        }
    }

    /// Spent and promised together.
    #[must_use]
    pub const fn used(&self) -> Money {
        self.spent.plus(self.reserved)
    }
}

/// One ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerState {
    /// The budget it belongs to.
    pub budget: Arc<str>,
    /// The label value it stands for.
    pub value: Option<Arc<str>>,
    /// Its periods: the current one last, before it only those with calls still in flight.
    pub accounts: Vec<AccountState>,
}

/// One call in flight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenState {
    /// What was set aside in each of its ledgers.
    pub amount: Money,
    /// Where.
    pub scopes: Scopes,
}

/// All books.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// By number.
    pub ledgers: BTreeMap<LedgerId, LedgerState>,
    /// Calls in flight, by reservation.
    pub open: BTreeMap<u64, OpenState>,
    /// Money that was lent.
    pub leases: Leases,
    /// The next reservation's number.
    pub next_reservation: u64,
    /// The next ledger's number.
    pub next_ledger: u32,
    /// Whether the last entry was an orderly stop.
    pub clean: bool,
}

/// Why an entry does not follow from the ones before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayFault {
    /// It names a ledger that was never opened.
    #[error("{0} was never opened")]
    UnknownLedger(LedgerId),
    /// It opens a ledger a second time.
    #[error("{0} was opened twice")]
    LedgerTwice(LedgerId),
    /// It names a period its ledger is not in.
    #[error("{0} has no period that starts at {1}")]
    UnknownPeriod(LedgerId, i64),
    /// It ends a reservation that is not open.
    #[error("reservation {0} is not open")]
    UnknownReservation(u64),
    /// It makes a reservation a second time.
    #[error("reservation {0} was made twice")]
    ReservationTwice(u64),
}

impl State {
    /// Takes one more entry into account.
    ///
    /// # Errors
    /// The entry does not follow from the ones before it; nothing was changed.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), ReplayFault> {
        self.clean = false;
        match entry {
            Entry::Open {
                ledger,
                budget,
                value,
            } => {
                if self.ledgers.contains_key(ledger) {
                    return Err(ReplayFault::LedgerTwice(*ledger));
                }
                self.next_ledger = self.next_ledger.max(ledger.0.saturating_add(1));
                let fresh = LedgerState {
                    budget: budget.clone(),
                    value: value.clone(),
                    accounts: Vec::new(),
                };
                self.ledgers.insert(*ledger, fresh);
            }
            Entry::Roll {
                ledger,
                period,
                carried,
            } => {
                let accounts = &mut self
                    .ledgers
                    .get_mut(ledger)
                    .ok_or(ReplayFault::UnknownLedger(*ledger))?
                    .accounts;
                let same = |account: &&mut AccountState| account.period.start == period.start;
                if let Some(current) = accounts.last_mut().filter(same) {
                    (current.period, current.carried) = (*period, *carried);
                    return Ok(());
                }
                accounts.retain(|account| account.reserved > Money::ZERO);
                accounts.push(AccountState::new(*period, *carried));
            }
            Entry::Ceiling {
                ledger,
                period,
                total,
            } => self.account(*ledger, *period)?.ceiling = *total,
            Entry::Reserve { id, amount, scopes } => {
                if self.open.contains_key(id) {
                    return Err(ReplayFault::ReservationTwice(*id));
                }
                for (ledger, period) in scopes {
                    self.account(*ledger, *period)?;
                }
                self.each(scopes, |account| {
                    account.reserved = account.reserved.plus(*amount);
                });
                self.next_reservation = self.next_reservation.max(id.saturating_add(1));
                self.open.insert(
                    *id,
                    OpenState {
                        amount: *amount,
                        scopes: scopes.clone(),
                    },
                );
            }
            Entry::Settle { id, cost, .. } => {
                self.close(*id, |account, _| account.spent = account.spent.plus(*cost))?;
            }
            Entry::Release { id } => self.close(*id, |_, _| ())?,
            Entry::Expire { id } => self.close(*id, book_as_uncertain)?,
            Entry::Forget { ledger } => {
                self.ledgers
                    .remove(ledger)
                    .ok_or(ReplayFault::UnknownLedger(*ledger))?;
            }
            Entry::Lease { lease, note } => self.leases.note(*lease, *note),
            Entry::Clean => self.clean = true,
        }
        Ok(())
    }

    /// The books as a new process may take them over: what was in flight stays booked at its promise, and after a stop
    /// that was not in order so does everything up to the ceiling, for its entries may have been lost. Both are marked
    /// uncertain.
    #[must_use]
    pub fn recovered(mut self) -> Self {
        for id in self.open.keys().copied().collect::<Vec<_>>() {
            // Every open reservation is in the table it was just read from.
            let _ = self.close(id, book_as_uncertain);
        }
        for ledger in self.ledgers.values_mut() {
            let last = ledger.accounts.len().saturating_sub(1);
            ledger.accounts = ledger.accounts.split_off(last);
            for account in &mut ledger.accounts {
                if !self.clean {
                    let unseen = account.ceiling.less(account.spent);
                    account.spent = account.spent.plus(unseen);
                    account.uncertain = account.uncertain.plus(unseen);
                }
                // Nothing is lent out yet: the first call asks for a ceiling of its own.
                account.ceiling = account.spent;
            }
        }
        for lease in self.leases.0.values_mut() {
            lease.recover(self.clean);
        }
        self.clean = false;
        self
    }

    fn close(
        &mut self,
        id: u64,
        mut book: impl FnMut(&mut AccountState, Money),
    ) -> Result<(), ReplayFault> {
        let open = self
            .open
            .remove(&id)
            .ok_or(ReplayFault::UnknownReservation(id))?;
        self.each(&open.scopes, |account| {
            account.reserved = account.reserved.minus(open.amount);
            book(account, open.amount);
        });
        for (ledger, _) in &open.scopes {
            if let Some(ledger) = self.ledgers.get_mut(ledger) {
                let current = ledger.accounts.last().map(|account| account.period.start);
                ledger
                    .accounts
                    .retain(|a| a.reserved > Money::ZERO || Some(a.period.start) == current);
            }
        }
        Ok(())
    }

    fn each(&mut self, scopes: &Scopes, mut change: impl FnMut(&mut AccountState)) {
        for (ledger, period) in scopes {
            if let Ok(account) = self.account(*ledger, *period) {
                change(account);
            }
        }
    }

    fn account(&mut self, ledger: LedgerId, period: i64) -> Result<&mut AccountState, ReplayFault> {
        let accounts = &mut self
            .ledgers
            .get_mut(&ledger)
            .ok_or(ReplayFault::UnknownLedger(ledger))?
            .accounts;
        let found = accounts
            .iter_mut()
            .rev()
            .find(|account| account.period.start == period);
        found.ok_or(ReplayFault::UnknownPeriod(ledger, period))
    }
}

fn book_as_uncertain(account: &mut AccountState, amount: Money) {
    account.spent = account.spent.plus(amount);
    account.uncertain = account.uncertain.plus(amount);
}
