//! Money set aside for one call, and the three ways it ends.
//!
//! A reservation ends exactly once: settled with a bill, released because the call never left, or expired because nobody
//! knows what it cost. Money that was lent for it ends with it, the same way. Dropped before the call left it is released; dropped after, it expires: silence is never free.

use super::ledger::Ledger;
use super::{Books, Entry, Lender, Lent, Spent, Standing};
use crate::units::{Money, Tokens};
use smallvec::SmallVec;
use std::sync::Arc;

/// What a call did cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bill {
    /// The money.
    pub cost: Money,
    /// Input tokens charged.
    pub input: Tokens,
    /// Output tokens charged.
    pub output: Tokens,
    /// Whether we counted because the provider did not say.
    pub estimated: bool,
}

impl Bill {
    pub(super) fn entry(self, id: u64) -> Entry {
        Entry::Settle {
            id,
            cost: self.cost,
            input: self.input,
            output: self.output,
            estimated: self.estimated,
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Closing {
    Settle(Bill),
    Release,
    Expire,
}

impl Closing {
    /// What it makes of a promise.
    const fn spent(self, promised: Money, model: &str) -> Option<Spent<'_>> {
        match self {
            Self::Settle(bill) => Some(Spent {
                cost: bill.cost,
                model,
                input: bill.input,
                output: bill.output,
            }),
            Self::Release => None,
            Self::Expire => Some(Spent {
                cost: promised,
                model,
                input: Tokens::ZERO,
                output: Tokens::ZERO,
            }),
        }
    }

    pub(super) fn entry(self, id: u64) -> Entry {
        match self {
            Self::Settle(bill) => bill.entry(id),
            Self::Release => Entry::Release { id },
            Self::Expire => Entry::Expire { id },
        }
    }
}

/// What closing a reservation did to the budgets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settlement {
    /// Where the tightest budget that enforces stands now.
    pub tightest: Option<Standing>,
    /// Budgets whose soft threshold this call crossed.
    pub crossed: SmallVec<[Standing; 1]>,
    /// By how much the bill was more than the promise.
    pub overrun: Money,
    /// The entry that says so: durable once the journal is this far.
    pub sequence: u64,
}

impl Settlement {
    pub(super) fn note_crossing(&mut self, ledger: &Ledger, before: Money, after: Money) {
        let Some(rule) = &ledger.rule else { return };
        let limit = ledger.limit();
        let crosses = |percent: &u8| {
            let threshold = limit.percent(*percent);
            before < threshold && after >= threshold
        };
        if rule.soft.iter().any(crosses)
            && let Some(standing) = ledger.standing()
        {
            self.crossed.push(standing);
        }
    }
}

/// Money set aside in every scope of one call, and of what was lent for it.
#[derive(Debug)]
#[must_use = "dropping a reservation gives it back"]
pub struct Reservation {
    books: Arc<Books>,
    lent: Option<(Arc<dyn Lender>, Lent)>,
    place: u32,
    amount: Money,
    left: bool,
    open: bool,
}

impl Reservation {
    pub(super) fn new(books: Arc<Books>, place: u32, amount: Money) -> Self {
        Self {
            books,
            lent: None,
            place,
            amount,
            left: false,
            open: true,
        }
    }

    /// The same, held of lent money too: from here both end together.
    pub(in crate::governance) fn and_lent(mut self, lender: Arc<dyn Lender>, lent: Lent) -> Self {
        self.lent = Some((lender, lent));
        self
    }

    /// How much is set aside, in each scope.
    #[must_use]
    pub const fn amount(&self) -> Money {
        self.amount
    }

    /// Where the tightest of its budgets stands.
    #[must_use]
    pub fn tightest(&self) -> Option<Standing> {
        let own = self.books.tightest_of(self.place);
        let Some((lender, lent)) = &self.lent else {
            return own;
        };
        Standing::tighter(own, lender.standing(lent.leaf))
    }

    /// The call leaves: from here a drop costs the whole promise.
    pub const fn dispatch(&mut self) {
        self.left = true;
    }

    /// The call surely did no work after all (never connected, refused by the provider): a drop is free again.
    pub const fn recall(&mut self) {
        self.left = false;
    }

    /// Replaces the promise by what the call did cost.
    pub fn settle(self, bill: Bill) -> Settlement {
        self.settle_of("", bill)
    }

    /// The same, and who lent the money learns which model it was for.
    pub fn settle_of(mut self, model: &str, bill: Bill) -> Settlement {
        self.close(Closing::Settle(bill), model)
    }

    /// Nobody knows what the call cost: the whole promise stays booked, marked uncertain.
    pub fn expire(self) -> Settlement {
        self.expire_of("")
    }

    /// The same, and who lent the money learns which model it was for.
    pub fn expire_of(mut self, model: &str) -> Settlement {
        self.close(Closing::Expire, model)
    }

    /// The call cost nothing.
    pub fn release(mut self) -> Settlement {
        self.close(Closing::Release, "")
    }

    fn close(&mut self, closing: Closing, model: &str) -> Settlement {
        if std::mem::take(&mut self.open) {
            // Before the books: who waits until their entry is on the disk has waited for this one, too.
            let lent = self.lent.take();
            let lent = lent
                .and_then(|(lender, lent)| lender.settle(&lent, closing.spent(self.amount, model)));
            let mut settlement = self.books.close(self.place, closing);
            settlement.tightest = Standing::tighter(settlement.tightest.take(), lent);
            settlement
        } else {
            Settlement::default()
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let closing = if self.left {
            Closing::Expire
        } else {
            Closing::Release
        };
        self.close(closing, "");
    }
}
