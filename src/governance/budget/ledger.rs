//! The ledger of one budget: what is promised and what is spent, period by period.
//!
//! A call is counted twice: `reserve` sets aside the most it could cost, `settle` replaces that promise by what it did
//! cost. Without the promise, a hundred calls started at once would each see the whole budget as free.
//!
//! Money is lent in chunks: no promise goes above the *ceiling*, and a ceiling counts only once the journal holds it. So
//! whatever a crash loses of the journal's tail, no more than the ceiling can have been spent.
//!
//! Not here: the lock, the entries' order (`books`), the calendar (`period`).

use super::state::{AccountState, LedgerState};
use super::{Budget, Entry, LedgerId, Period, Standing};
use crate::clock::Moment;
use crate::units::Money;
use std::sync::Arc;

/// A chunk of ceiling covers at least this many calls like the one that asks for it.
const CALLS_IN_A_CHUNK: i64 = 4;

#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) id: LedgerId,
    /// The rule as last configured; `None` until a configuration names the budget.
    pub(super) rule: Option<Arc<Budget>>,
    budget: Arc<str>,
    value: Option<Arc<str>>,
    /// The current period last, before it those with calls still in flight.
    accounts: Vec<AccountState>,
    /// The ceiling asked for in the current period; the account's own is the one that may be used.
    asked: Money,
    /// What calls that wait for a ceiling want.
    demand: Money,
    pace: Pace,
    /// Held by a configuration: not to be forgotten.
    pub(super) pinned: bool,
}

/// How much was promised in this second and in the one before.
#[derive(Debug, Default)]
struct Pace {
    second: u64,
    now: Money,
    before: Money,
}

impl Pace {
    fn count(&mut self, amount: Money, second: u64) {
        if second != self.second {
            let follows = second == self.second.saturating_add(1);
            self.before = if follows { self.now } else { Money::ZERO };
            self.now = Money::ZERO;
            self.second = second;
        }
        self.now = self.now.plus(amount);
    }
}

impl Ledger {
    pub(super) fn new(id: LedgerId, budget: Arc<str>, value: Option<Arc<str>>) -> Self {
        let state = LedgerState {
            budget,
            value,
            accounts: Vec::new(),
        };
        Self::restore(id, state)
    }

    pub(super) fn restore(id: LedgerId, state: LedgerState) -> Self {
        let LedgerState {
            budget,
            value,
            accounts,
        } = state;
        let asked = accounts
            .last()
            .map_or(Money::ZERO, |account| account.ceiling);
        let (demand, pace) = (Money::ZERO, Pace::default());
        Self {
            id,
            rule: None,
            budget,
            value,
            accounts,
            asked,
            demand,
            pace,
            pinned: false,
        }
    }

    pub(super) fn state(&self) -> LedgerState {
        let mut accounts = self.accounts.clone();
        if let Some(current) = accounts.last_mut() {
            current.ceiling = self.asked;
        }
        LedgerState {
            budget: self.budget.clone(),
            value: self.value.clone(),
            accounts,
        }
    }

    pub(super) fn name(&self) -> (&Arc<str>, Option<&Arc<str>>) {
        (&self.budget, self.value.as_ref())
    }

    /// Whether its period has ended and nothing is in flight: nobody would miss it.
    pub(super) fn is_over(&self, at: i64) -> bool {
        let idle = self
            .accounts
            .iter()
            .all(|account| account.reserved == Money::ZERO);
        idle && self
            .accounts
            .last()
            .is_none_or(|account| account.period.end <= at)
    }

    /// Turns to the period `now` falls in. A clock that goes backwards never reopens a period that was left.
    pub(super) fn roll(&mut self, now: Moment) -> Option<Entry> {
        let rule = self.rule.as_ref()?;
        let current = self.accounts.last();
        if current.is_some_and(|account| now.wall.secs() < account.period.end) {
            return None;
        }
        let period = Period::containing(rule.window, &rule.zone, now.wall);
        if current.is_some_and(|account| period.start <= account.period.start) {
            return None;
        }
        let carried = match current {
            Some(account) if rule.carry_over => {
                let follows = account.period.end == period.start;
                let left = rule.limit.plus(account.carried).less(account.used());
                if follows {
                    left.min(rule.limit)
                } else {
                    rule.limit
                }
            }
            _ => Money::ZERO,
        };
        Some(self.turn(period, carried))
    }

    /// The period the rule now means, if the running one was opened under another window or zone.
    pub(super) fn misfit(&self, now: Moment) -> Option<Period> {
        let (rule, current) = (self.rule.as_ref()?, self.accounts.last()?);
        let period = Period::containing(rule.window, &rule.zone, now.wall);
        let runs = current.period.start <= now.wall.secs() && now.wall.secs() < current.period.end;
        (runs && period != current.period).then_some(period)
    }

    /// Starts a period, whatever the calendar says. One that starts where the running one does goes on with its counters:
    /// calls in flight know their period by its start.
    pub(super) fn turn(&mut self, period: Period, carried: Money) -> Entry {
        let entry = Entry::Roll {
            ledger: self.id,
            period,
            carried,
        };
        let same = |account: &&mut AccountState| account.period.start == period.start;
        if let Some(current) = self.accounts.last_mut().filter(same) {
            (current.period, current.carried) = (period, carried);
            return entry;
        }
        if let Some(current) = self.accounts.last_mut() {
            current.ceiling = self.asked;
        }
        self.accounts
            .retain(|account| account.reserved > Money::ZERO);
        self.accounts.push(AccountState::new(period, carried));
        (self.asked, self.demand) = (Money::ZERO, Money::ZERO);
        entry
    }

    pub(super) fn current(&self) -> Option<&AccountState> {
        self.accounts.last()
    }

    pub(super) fn limit(&self) -> Money {
        let rule = self.rule.as_ref().map_or(Money::ZERO, |rule| rule.limit);
        self.current()
            .map_or(rule, |account| rule.plus(account.carried))
    }

    pub(super) fn enforces(&self) -> bool {
        self.rule.as_ref().is_some_and(|rule| rule.enforce)
    }

    /// What may still be promised.
    pub(super) fn left(&self) -> Money {
        self.limit()
            .less(self.current().map_or(Money::ZERO, AccountState::used))
    }

    /// Whether the ceiling on the disk covers `amount` more.
    pub(super) fn is_covered(&self, amount: Money) -> bool {
        self.current()
            .is_some_and(|account| account.used().plus(amount) <= account.ceiling)
    }

    /// Asks for a ceiling that covers `amount` more, everybody else who waits, and a chunk on top.
    pub(super) fn ask(&mut self, amount: Money) -> Option<Entry> {
        self.demand = self.demand.plus(amount);
        let (chunk, demand) = (self.chunk(amount), self.demand);
        self.raise(demand.plus(chunk))
    }

    /// Asks for the next chunk when half of this one is used, so that the hot path hardly ever waits.
    pub(super) fn ask_early(&mut self, amount: Money) -> Option<Entry> {
        let account = self.current()?;
        let chunk = self.chunk(amount);
        let headroom = account.ceiling.less(account.used());
        let asked_already = self.asked > account.ceiling;
        if asked_already || headroom.times(2) >= chunk {
            return None;
        }
        self.raise(chunk)
    }

    fn chunk(&self, amount: Money) -> Money {
        self.pace
            .now
            .max(self.pace.before)
            .max(amount.times(CALLS_IN_A_CHUNK))
    }

    fn raise(&mut self, headroom: Money) -> Option<Entry> {
        let (enforces, limit) = (self.enforces(), self.limit());
        let account = self.current()?;
        let wanted = account.used().plus(headroom);
        let total = if enforces { wanted.min(limit) } else { wanted };
        if total <= self.asked {
            return None;
        }
        let entry = Entry::Ceiling {
            ledger: self.id,
            period: account.period.start,
            total,
        };
        self.asked = total;
        Some(entry)
    }

    /// The journal holds this ceiling. Of several, the last one asked for is the one that stands in the file.
    pub(super) fn raised(&mut self, period: i64, total: Money) {
        let asked = self.asked;
        if let Some(account) = self
            .accounts
            .last_mut()
            .filter(|account| account.period.start == period)
        {
            account.ceiling = if total == asked {
                total
            } else {
                account.ceiling.max(total.min(asked))
            };
            self.demand = Money::ZERO;
        }
    }

    /// The journal holds every ceiling asked for.
    pub(super) fn raised_as_asked(&mut self) {
        let asked = self.asked;
        if let Some(account) = self.accounts.last_mut() {
            account.ceiling = asked;
        }
        self.demand = Money::ZERO;
    }

    /// Gives back the part of the ceiling nobody uses. It is given up here before the entry is written: until the entry
    /// is on the disk, a crash books the higher one, which is safe.
    pub(super) fn trim(&mut self) -> Option<Entry> {
        let asked = self.asked;
        let account = self.accounts.last_mut()?;
        let used = account.used();
        if account.ceiling != asked || account.ceiling <= used {
            return None;
        }
        account.ceiling = used;
        self.asked = used;
        Some(Entry::Ceiling {
            ledger: self.id,
            period: account.period.start,
            total: used,
        })
    }

    /// Sets `amount` aside; the caller has seen that it fits. Returns the period it is charged to.
    pub(super) fn promise(&mut self, amount: Money, now: Moment) -> i64 {
        self.pace.count(amount, now.since_start.as_secs());
        let Some(account) = self.accounts.last_mut() else {
            return 0;
        };
        account.reserved = account.reserved.plus(amount);
        account.period.start
    }

    /// Ends a promise in the period it was made in, and books what became of it. Returns what was spent before and after.
    pub(super) fn close(
        &mut self,
        period: i64,
        amount: Money,
        spent: Money,
        uncertain: Money,
    ) -> (Money, Money) {
        let Some(account) = self
            .accounts
            .iter_mut()
            .rev()
            .find(|account| account.period.start == period)
        else {
            return (Money::ZERO, Money::ZERO);
        };
        let before = account.spent;
        account.reserved = account.reserved.minus(amount);
        account.spent = before.plus(spent);
        account.uncertain = account.uncertain.plus(uncertain);
        let after = account.spent;
        if account.reserved == Money::ZERO && self.accounts.len() > 1 {
            let current = self.accounts.last().map(|account| account.period.start);
            self.accounts
                .retain(|a| a.reserved > Money::ZERO || Some(a.period.start) == current);
        }
        (before, after)
    }

    /// Where it stands in its current period; `None` before its first call and for a budget no configuration names.
    pub(super) fn standing(&self) -> Option<Standing> {
        let (rule, account) = (self.rule.as_ref()?, self.current()?);
        Some(Standing {
            budget: self.budget.clone(),
            value: self.value.clone(),
            per: rule.per,
            window: rule.window,
            period: account.period,
            enforce: rule.enforce,
            at_limit: rule.at_limit,
            limit: self.limit(),
            spent: account.spent,
            reserved: account.reserved,
            uncertain: account.uncertain,
            soft: rule
                .soft
                .iter()
                .rev()
                .copied()
                .find(|percent| account.spent >= self.limit().percent(*percent)),
        })
    }
}
