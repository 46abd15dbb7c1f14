//! All ledgers, under one lock: scopes are taken all or none, and entries come in the order of events.
//!
//! Invariant: in no ledger that enforces does a promise take `spent + reserved` above the limit, nor above the ceiling the
//! journal holds. A call that outran its promise is booked in full all the same.
//!
//! The lock is held for some tens of nanoseconds and never across I/O: what must reach the disk is left as an [`Entry`]
//! for the journal to fetch, and who must wait for it is told [`Refused::Wait`].
//!
//! Not here: what a call could cost (`pricing`), which budgets apply to it (`gate`), the disk (the journal).

use super::ledger::Ledger;
use super::reservation::{Bill, Closing, Settlement};
use super::{
    Budget, Entry, LeaseNote, Leases, LedgerId, Period, Reservation, Scopes, Standing, State,
};
use crate::clock::Moment;
use crate::governance::sync::{Mutex, MutexGuard};
use crate::units::Money;
use smallvec::SmallVec;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError};

/// Why nothing was reserved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// This budget does not cover it (of several, the one with the least left).
    Short(Box<Standing>),
    /// It would fit, but the ceiling that covers it must reach the disk first: wait until the entry with this sequence
    /// number is durable, then ask again.
    Wait(u64),
    /// The journal cannot be written: nothing is reserved until it can.
    Suspended,
}

/// The most ledgers one budget may be split into; a call that would open one more is refused.
const MOST_VALUES: usize = 100_000;

type Wake = Box<dyn Fn(bool) + Send + Sync>;

/// All ledgers. See the module.
pub struct Books {
    inner: Mutex<Inner>,
    wake: OnceLock<Wake>,
}

impl fmt::Debug for Books {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Books").finish_non_exhaustive()
    }
}

struct Inner {
    /// By number; a forgotten one leaves its place empty.
    ledgers: Vec<Option<Ledger>>,
    /// Places of forgotten ledgers, for new ones.
    vacant: Vec<u32>,
    /// By budget, then by label value (`None` is the shared one).
    names: HashMap<Arc<str>, HashMap<Option<Arc<str>>, LedgerId>>,
    /// The rules in force, once somebody said.
    named: Option<HashMap<Arc<str>, Arc<Budget>>>,
    /// Calls in flight; a reservation knows its place.
    open: Vec<Option<Open>>,
    free: Vec<u32>,
    next_reservation: u64,
    /// Money that was lent, as the journal knows it.
    leases: Leases,
    /// Whether money waits for the journal.
    ceilings: bool,
    suspended: bool,
    entries: Vec<Entry>,
    /// How many entries were ever made.
    made: u64,
    /// The last time anybody mentioned, in seconds since the epoch; a clock that jumped and came back leaves nothing here.
    latest: i64,
}

struct Open {
    id: u64,
    amount: Money,
    scopes: Scopes,
}

impl Books {
    /// Empty books. `ceilings`: whether money waits for the journal (false where there is none: library mode, quotes).
    #[must_use]
    pub fn new(ceilings: bool) -> Self {
        Self::restore(State::default(), ceilings)
    }

    /// Books as a journal's [`State::recovered`] left them.
    #[must_use]
    pub fn restore(state: State, ceilings: bool) -> Self {
        let mut inner = Inner {
            ledgers: Vec::new(),
            vacant: Vec::new(),
            names: HashMap::new(),
            named: None,
            open: Vec::new(),
            free: Vec::new(),
            next_reservation: state.next_reservation,
            leases: state.leases,
            ceilings,
            suspended: false,
            entries: Vec::new(),
            made: 0,
            latest: 0,
        };
        for (id, ledger) in state.ledgers {
            let place = usize::try_from(id.0).unwrap_or(usize::MAX);
            inner
                .ledgers
                .resize_with(place.saturating_add(1).max(inner.ledgers.len()), || None);
            inner
                .names
                .entry(ledger.budget.clone())
                .or_default()
                .insert(ledger.value.clone(), id);
            if let Some(slot) = inner.ledgers.get_mut(place) {
                *slot = Some(Ledger::restore(id, ledger));
            }
        }
        let numbered = usize::try_from(state.next_ledger).unwrap_or(usize::MAX);
        inner
            .ledgers
            .resize_with(numbered.max(inner.ledgers.len()), || None);
        let places = (0..).zip(&inner.ledgers);
        let vacant = places
            .filter(|(_, ledger)| ledger.is_none())
            .map(|(place, _)| place);
        inner.vacant = vacant.collect();
        Self {
            inner: Mutex::new(inner),
            wake: OnceLock::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic under this lock can only come from an allocation that failed; the counters are whole at every step.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `wake` when entries wait that did not before, with `true` when somebody waits for them to be durable. Called
    /// after the lock is given back; may be set once.
    pub fn on_entries(&self, wake: impl Fn(bool) + Send + Sync + 'static) {
        let _ = self.wake.set(Box::new(wake));
    }

    /// Tells the journal, if there is news for it, after the lock is given back.
    fn tell(&self, inner: MutexGuard<'_, Inner>, had: usize, urgent: bool) {
        let news = had == 0 && !inner.entries.is_empty();
        drop(inner);
        if (news || urgent)
            && let Some(wake) = self.wake.get()
        {
            wake(urgent);
        }
    }

    /// Moves the waiting entries into `into`; returns how many entries were ever made, these included.
    pub fn drain(&self, into: &mut Vec<Entry>) -> u64 {
        let mut inner = self.lock();
        into.append(&mut inner.entries);
        inner.made
    }

    /// As [`Books::drain`], and in the same moment the whole state, which those entries lead to: a new segment starts with
    /// it. Ledgers of ended periods that nothing holds are forgotten first.
    pub fn checkpoint(&self, into: &mut Vec<Entry>) -> (u64, State) {
        let mut inner = self.lock();
        inner.forget();
        into.append(&mut inner.entries);
        (inner.made, inner.state())
    }

    /// These entries are on the disk: the ceilings among them may be used.
    pub fn durable(&self, entries: &[Entry]) {
        let mut inner = self.lock();
        for entry in entries {
            if let Entry::Ceiling {
                ledger,
                period,
                total,
            } = entry
                && let Some(ledger) = inner.ledger(*ledger)
            {
                ledger.raised(*period, *total);
            }
        }
    }

    /// The journal cannot be written: reserve nothing more. Settling goes on, in memory; entries are not kept (their
    /// effects are in the state that [`Books::checkpoint`] hands out).
    pub fn suspend(&self) {
        let mut inner = self.lock();
        inner.suspended = true;
        inner.entries = Vec::new();
    }

    /// The journal holds the state of a checkpoint made after the suspension: its ceilings may be used, go on.
    pub fn resume(&self) {
        let mut inner = self.lock();
        inner.suspended = false;
        inner
            .ledgers
            .iter_mut()
            .flatten()
            .for_each(Ledger::raised_as_asked);
    }

    /// Whether the journal failed and nothing is reserved.
    pub fn is_suspended(&self) -> bool {
        self.lock().suspended
    }

    /// Lowers every ceiling to what is in use, so that a crash at rest books nothing as uncertain. For a time without calls.
    pub fn trim(&self) {
        let mut inner = self.lock();
        let had = inner.entries.len();
        let entries: Vec<Entry> = inner
            .ledgers
            .iter_mut()
            .flatten()
            .filter_map(Ledger::trim)
            .collect();
        for entry in entries {
            inner.push(entry);
        }
        self.tell(inner, had, false);
    }

    /// The orderly end: nothing may be in flight any more. Ceilings are trimmed and the last entry says so.
    pub fn finish(&self) {
        self.trim();
        let mut inner = self.lock();
        let had = inner.entries.len();
        if inner.open.iter().all(Option::is_none) && !inner.leases.has_calls() {
            inner.push(Entry::Clean);
        }
        self.tell(inner, had, true);
    }

    /// Notes what happened to lent money, in this order. Returns how many entries were ever made: once so many are on the
    /// disk, so are these.
    pub fn note_lease(&self, notes: impl IntoIterator<Item = (u128, LeaseNote)>) -> u64 {
        let mut inner = self.lock();
        let (had, mut urgent) = (inner.entries.len(), false);
        for (lease, note) in notes {
            inner.leases.note(lease, note);
            let entry = Entry::Lease { lease, note };
            urgent |= entry.lends();
            inner.push(entry);
        }
        let made = inner.made;
        self.tell(inner, had, urgent);
        made
    }

    /// The ledger of a budget, of one value of its label if it is split; made if there is none, and held to the rule as
    /// given from now on. `pinned` ledgers are never forgotten. `None`: the budget is split into too many already.
    ///
    /// A rule whose window or zone changed takes what the running period has spent into the period it means now: nothing
    /// is forgiven by an edit.
    pub fn open(
        &self,
        rule: &Arc<Budget>,
        value: Option<&str>,
        pinned: bool,
        now: Moment,
    ) -> Option<LedgerId> {
        let mut inner = self.lock();
        let had = inner.entries.len();
        let value: Option<Arc<str>> = value.map(Arc::from);
        let known = inner
            .names
            .get(&rule.name)
            .and_then(|values| values.get(&value))
            .copied();
        let id = match known {
            Some(id) => id,
            None => inner.create(rule, value)?,
        };
        let in_force = match &inner.named {
            None => Some(rule.clone()),
            Some(named) => named.get(&rule.name).cloned(),
        };
        let ledger = inner.ledger(id)?;
        // A call that began under earlier rules may still charge a budget that is gone, not bring it back.
        let rule = match in_force {
            None if ledger.current().is_some() => return Some(id),
            None => rule.clone(),
            Some(rule) => rule,
        };
        ledger.pinned |= pinned;
        let same = ledger
            .rule
            .as_ref()
            .is_some_and(|known| Arc::ptr_eq(known, &rule));
        if !same {
            ledger.rule = Some(rule);
            if let Some(period) = ledger.misfit(now) {
                inner.adopt(id, period);
            }
        }
        inner.roll(id, now);
        self.tell(inner, had, false);
        Some(id)
    }

    /// These rules are in force from now on, whatever rules a call that began before brings along. Budgets they no longer
    /// name stand nowhere; their counters stay, should they be named again.
    pub fn govern(&self, rules: &[Arc<Budget>]) {
        let mut inner = self.lock();
        let named: HashMap<Arc<str>, Arc<Budget>> = rules
            .iter()
            .map(|rule| (rule.name.clone(), rule.clone()))
            .collect();
        for ledger in inner.ledgers.iter_mut().flatten() {
            if !named.contains_key(ledger.name().0) {
                (ledger.rule, ledger.pinned) = (None, false);
            }
        }
        inner.named = Some(named);
    }

    /// Sets `amount` aside in every scope, or in none.
    ///
    /// # Errors
    /// [`Refused`] says which budget is short, or what to wait for; nothing was set aside.
    pub fn reserve(
        self: &Arc<Self>,
        scopes: &[LedgerId],
        amount: Money,
        now: Moment,
    ) -> Result<Reservation, Refused> {
        let mut inner = self.lock();
        let had = inner.entries.len();
        if inner.suspended {
            return Err(Refused::Suspended);
        }
        match inner.look(scopes, amount, now) {
            Fit::Short(standing) => {
                self.tell(inner, had, false);
                Err(Refused::Short(standing))
            }
            Fit::AboveCeiling => {
                inner.ask(scopes, amount);
                let made = inner.made;
                self.tell(inner, had, true);
                Err(Refused::Wait(made))
            }
            Fit::Covered => {
                let place = inner.take(scopes, amount, now);
                self.tell(inner, had, false);
                Ok(Reservation::new(self.clone(), place, amount))
            }
        }
    }

    pub(super) fn close(&self, place: u32, closing: Closing) -> Settlement {
        let mut inner = self.lock();
        let had = inner.entries.len();
        let settlement = inner.close(place, closing);
        self.tell(inner, had, false);
        settlement
    }
}

enum Fit {
    Covered,
    AboveCeiling,
    Short(Box<Standing>),
}

impl Inner {
    fn ledger(&mut self, id: LedgerId) -> Option<&mut Ledger> {
        self.ledgers.get_mut(usize::try_from(id.0).ok()?)?.as_mut()
    }

    fn push(&mut self, entry: Entry) {
        self.made = self.made.saturating_add(1);
        // A journal that failed will start anew from the state.
        if !self.suspended && self.ceilings {
            self.entries.push(entry);
        }
    }

    fn create(&mut self, rule: &Arc<Budget>, value: Option<Arc<str>>) -> Option<LedgerId> {
        let next = u32::try_from(self.ledgers.len()).ok()?;
        let values = self.names.entry(rule.name.clone()).or_default();
        if values.len() >= MOST_VALUES {
            return None;
        }
        // Nobody holds the number of a forgotten ledger: its period ended long ago, and nothing was in flight.
        let vacant = self.vacant.pop();
        let id = LedgerId(vacant.unwrap_or(next));
        values.insert(value.clone(), id);
        if vacant.is_none() {
            self.ledgers.push(None);
        }
        let place = self.ledgers.get_mut(usize::try_from(id.0).ok()?)?;
        *place = Some(Ledger::new(id, rule.name.clone(), value.clone()));
        self.push(Entry::Open {
            ledger: id,
            budget: rule.name.clone(),
            value,
        });
        Some(id)
    }

    /// Moves a ledger to a period the calendar did not bring, with all that the running one has spent and promised: what
    /// is in flight is settled where it was promised, and counts in both, rather than in neither.
    fn adopt(&mut self, id: LedgerId, period: Period) {
        let reservation = self.next_reservation;
        let Some(ledger) = self.ledger(id) else {
            return;
        };
        let (used, same) = ledger.current().map_or((Money::ZERO, false), |account| {
            (account.used(), account.period.start == period.start)
        });
        let turned = ledger.turn(period, Money::ZERO);
        if same || used == Money::ZERO {
            self.push(turned);
            return;
        }
        ledger.close(period.start, Money::ZERO, used, Money::ZERO);
        self.push(turned);
        self.next_reservation = reservation.saturating_add(1);
        let scopes = Scopes::from_slice(&[(id, period.start)]);
        self.push(Entry::Reserve {
            id: reservation,
            amount: Money::ZERO,
            scopes,
        });
        let bill = Bill {
            cost: used,
            ..Bill::default()
        };
        self.push(bill.entry(reservation));
    }

    fn roll(&mut self, id: LedgerId, now: Moment) {
        self.latest = now.wall.secs();
        if let Some(entry) = self.ledger(id).and_then(|ledger| ledger.roll(now)) {
            self.push(entry);
        }
    }

    fn look(&mut self, scopes: &[LedgerId], amount: Money, now: Moment) -> Fit {
        let mut fit = Fit::Covered;
        let mut least = Money::MAX;
        for id in scopes {
            self.roll(*id, now);
            let ceilings = self.ceilings;
            let Some(ledger) = self.ledger(*id) else {
                // Forgotten since it was looked up: asked again, it is opened anew.
                fit = Fit::AboveCeiling;
                continue;
            };
            if !ledger.enforces() {
                continue;
            }
            let left = ledger.left();
            if amount > left {
                if left < least
                    && let Some(standing) = ledger.standing()
                {
                    least = left;
                    fit = Fit::Short(Box::new(standing));
                }
            } else if ceilings && !ledger.is_covered(amount) && matches!(fit, Fit::Covered) {
                fit = Fit::AboveCeiling;
            }
        }
        fit
    }

    fn ask(&mut self, scopes: &[LedgerId], amount: Money) {
        for id in scopes {
            let entry = self
                .ledger(*id)
                .filter(|ledger| !ledger.is_covered(amount))
                .and_then(|ledger| ledger.ask(amount));
            if let Some(entry) = entry {
                self.push(entry);
            }
        }
    }

    fn take(&mut self, scopes: &[LedgerId], amount: Money, now: Moment) -> u32 {
        let id = self.next_reservation;
        self.next_reservation = id.saturating_add(1);
        let ceilings = self.ceilings;
        let mut early: SmallVec<[Entry; 4]> = SmallVec::new();
        let mut held = Scopes::new();
        for scope in scopes {
            let Some(ledger) = self.ledger(*scope) else {
                continue;
            };
            held.push((*scope, ledger.promise(amount, now)));
            if ceilings && let Some(entry) = ledger.ask_early(amount) {
                early.push(entry);
            }
        }
        self.push(Entry::Reserve {
            id,
            amount,
            scopes: held.clone(),
        });
        early.into_iter().for_each(|entry| self.push(entry));
        let open = Some(Open {
            id,
            amount,
            scopes: held,
        });
        let place = if let Some(place) = self.free.pop() {
            place
        } else {
            self.open.push(None);
            u32::try_from(self.open.len().saturating_sub(1)).unwrap_or(u32::MAX)
        };
        if let Some(slot) = usize::try_from(place)
            .ok()
            .and_then(|place| self.open.get_mut(place))
        {
            *slot = open;
        }
        place
    }

    fn close(&mut self, place: u32, closing: Closing) -> Settlement {
        let slot = usize::try_from(place)
            .ok()
            .and_then(|place| self.open.get_mut(place));
        let Some(open) = slot.and_then(Option::take) else {
            return Settlement::default();
        };
        self.free.push(place);
        let (spent, uncertain) = match closing {
            Closing::Settle(bill) => (bill.cost, Money::ZERO),
            Closing::Release => (Money::ZERO, Money::ZERO),
            Closing::Expire => (open.amount, open.amount),
        };
        let mut settlement = Settlement::default();
        for (id, period) in &open.scopes {
            let Some(ledger) = self.ledger(*id) else {
                continue;
            };
            let (before, after) = ledger.close(*period, open.amount, spent, uncertain);
            settlement.note_crossing(ledger, before, after);
        }
        self.push(closing.entry(open.id));
        settlement.tightest = self.tightest(open.scopes.iter().map(|(id, _)| *id));
        settlement.sequence = self.made;
        settlement.overrun = spent.less(open.amount);
        settlement
    }

    fn tightest(&mut self, scopes: impl Iterator<Item = LedgerId>) -> Option<Standing> {
        let mut least: Option<(Money, LedgerId)> = None;
        for id in scopes {
            let Some(ledger) = self.ledger(id).filter(|ledger| ledger.enforces()) else {
                continue;
            };
            let left = ledger.left();
            if least.is_none_or(|(so_far, _)| left < so_far) {
                least = Some((left, id));
            }
        }
        self.ledger(least?.1)?.standing()
    }

    fn forget(&mut self) {
        // An hour of grace: who was forgotten by mistake would have a fresh budget.
        let latest = self.latest.saturating_sub(3600);
        let over = |ledger: &&Ledger| !ledger.pinned && ledger.is_over(latest);
        let ids: Vec<LedgerId> = self
            .ledgers
            .iter()
            .flatten()
            .filter(over)
            .map(|ledger| ledger.id)
            .collect();
        for id in ids {
            let place = usize::try_from(id.0)
                .ok()
                .and_then(|place| self.ledgers.get_mut(place));
            if let Some(ledger) = place.and_then(Option::take) {
                let (budget, value) = ledger.name();
                if let Some(values) = self.names.get_mut(budget) {
                    values.remove(&value.cloned());
                }
                self.vacant.push(id.0);
                self.push(Entry::Forget { ledger: id });
            }
        }
    }

    fn state(&self) -> State {
        let open = self.open.iter().flatten();
        State {
            ledgers: self
                .ledgers
                .iter()
                .flatten()
                .map(|ledger| (ledger.id, ledger.state()))
                .collect(),
            open: open
                .map(|open| {
                    (
                        open.id,
                        super::OpenState {
                            amount: open.amount,
                            scopes: open.scopes.clone(),
                        },
                    )
                })
                .collect(),
            leases: self.leases.clone(),
            next_reservation: self.next_reservation,
            next_ledger: u32::try_from(self.ledgers.len()).unwrap_or(u32::MAX),
            clean: false,
        }
    }
}

mod views;

#[cfg(test)]
#[cfg(loom)]
mod loom;
#[cfg(test)]
mod tests;
