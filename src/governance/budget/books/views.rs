//! Looking at the books: nothing here promises, books or gives back. A look may turn a period whose end has come.

use super::{Books, Fit, LedgerId, Refused};
use crate::clock::Moment;
use crate::governance::budget::ledger::Ledger;
use crate::governance::budget::{Leases, Standing, State};
use crate::units::Money;
use smallvec::SmallVec;

impl Books {
    /// What a call that costs `amount` in these scopes would meet; nothing changes but the turn of a period.
    ///
    /// # Errors
    /// The budget that is short.
    pub fn would_fit(
        &self,
        scopes: &[LedgerId],
        amount: Money,
        now: Moment,
    ) -> Result<(), Refused> {
        let mut inner = self.lock();
        let had = inner.entries.len();
        let suspended = inner.suspended;
        let fit = inner.look(scopes, amount, now);
        self.tell(inner, had, false);
        match fit {
            Fit::Short(standing) => Err(Refused::Short(standing)),
            _ if suspended => Err(Refused::Suspended),
            _ => Ok(()),
        }
    }

    /// Where these ledgers stand at `now`.
    pub fn standings_of(&self, scopes: &[LedgerId], now: Moment) -> Vec<Standing> {
        let mut inner = self.lock();
        let had = inner.entries.len();
        for id in scopes {
            inner.roll(*id, now);
        }
        let found = scopes
            .iter()
            .filter_map(|id| inner.ledger(*id).and_then(|ledger| ledger.standing()));
        let standings = found.collect();
        self.tell(inner, had, false);
        standings
    }

    /// Where every ledger stands at `now` that a configuration names and that ever had a call.
    pub fn standings(&self, now: Moment) -> Vec<Standing> {
        let mut inner = self.lock();
        let ids: Vec<LedgerId> = inner
            .ledgers
            .iter()
            .flatten()
            .map(|ledger| ledger.id)
            .collect();
        let had = inner.entries.len();
        for id in &ids {
            inner.roll(*id, now);
        }
        let standings = inner
            .ledgers
            .iter()
            .flatten()
            .filter_map(Ledger::standing)
            .collect();
        self.tell(inner, had, false);
        standings
    }

    /// Of these ledgers' budgets that enforce, the one with the least left.
    pub fn tightest(&self, scopes: &[LedgerId]) -> Option<Standing> {
        let mut inner = self.lock();
        inner.tightest(scopes.iter().copied())
    }

    pub(in crate::governance::budget) fn tightest_of(&self, place: u32) -> Option<Standing> {
        let mut inner = self.lock();
        let open = usize::try_from(place)
            .ok()
            .and_then(|place| inner.open.get(place))?
            .as_ref()?;
        let ids: SmallVec<[LedgerId; 4]> = open.scopes.iter().map(|(id, _)| *id).collect();
        inner.tightest(ids.into_iter())
    }

    /// How many calls are in flight.
    pub fn in_flight(&self) -> usize {
        self.lock().open.iter().flatten().count()
    }

    /// Money that was lent and that the bank does not know all of yet.
    #[must_use]
    pub fn leases(&self) -> Leases {
        self.lock().leases.clone()
    }

    /// The whole state, for tests and snapshots that need no entries.
    #[must_use]
    pub fn state(&self) -> State {
        self.lock().state()
    }
}
