//! What a call that may go carries with it: `Permit` → `InFlight` → `Receipt`.
//!
//! Until it is dispatched a drop is free; from then on a drop costs the whole promise. The types make it hard to forget:
//! what needs permission takes a [`Permit`], and only an [`InFlight`] can be settled.

use crate::clock::Moment;
use crate::governance::budget::{Bill, Reservation, Settlement, Standing};
use crate::governance::limit::{Admission, Headroom};
use crate::units::{Money, Tokens};
use std::time::Duration;

/// The output cap a call was weighed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap {
    /// At most this many output tokens a choice.
    pub tokens: Tokens,
    /// Whether it must be written into the request: it is not the caller's own.
    pub write: bool,
    /// Whether the caller asked for more and is to be told.
    pub clamped: bool,
}

/// Leave to make one call.
#[derive(Debug)]
#[must_use = "dropping a permit gives back what it holds"]
pub struct Permit {
    held: Reservation,
    admission: Admission,
    /// The output cap that holds.
    pub cap: Cap,
    /// The input the call was weighed with.
    pub input: Tokens,
}

impl Permit {
    pub(super) const fn new(
        held: Reservation,
        admission: Admission,
        cap: Cap,
        input: Tokens,
    ) -> Self {
        Self {
            held,
            admission,
            cap,
            input,
        }
    }

    /// What is set aside for it.
    #[must_use]
    pub const fn reserved(&self) -> Money {
        self.held.amount()
    }

    /// What the rate limits have left.
    #[must_use]
    pub const fn headroom(&self) -> Headroom {
        self.admission.headroom
    }

    /// Gives back what is set aside, and keeps what the rate limits let through: another target is asked for the same call.
    pub fn give_back(self) -> Admission {
        let _ = self.held.release();
        self.admission
    }

    /// The call leaves now: until here a drop is free, from here a drop costs the whole promise.
    pub fn dispatch(mut self) -> InFlight {
        self.held.dispatch();
        self.admission.sent(true);
        InFlight {
            held: self.held,
            admission: self.admission,
            cap: self.cap,
            input: self.input,
        }
    }
}

/// A call on its way.
#[derive(Debug)]
#[must_use = "a call that is neither settled nor released stays booked at its promise"]
pub struct InFlight {
    held: Reservation,
    admission: Admission,
    /// The output cap that holds.
    pub cap: Cap,
    /// The input the call was weighed with.
    pub input: Tokens,
}

/// What became of a call's money.
#[derive(Debug, Clone, Default)]
pub struct Receipt {
    /// What was set aside.
    pub reserved: Money,
    /// What is booked.
    pub cost: Money,
    /// What that did to the budgets.
    pub settlement: Settlement,
}

impl InFlight {
    /// What is set aside for it.
    #[must_use]
    pub const fn reserved(&self) -> Money {
        self.held.amount()
    }

    /// Where the tightest of its budgets stands.
    #[must_use]
    pub fn tightest(&self) -> Option<Standing> {
        self.held.tightest()
    }

    /// What the rate limits had left when it was let through.
    #[must_use]
    pub const fn headroom(&self) -> Headroom {
        self.admission.headroom
    }

    /// Replaces the promise by what the call did cost, and the token estimates by what it did use. `model`: whose work it
    /// was, by its provider's name, for who lent the money.
    pub fn settle(mut self, bill: Bill, model: &str, now: Moment) -> Receipt {
        self.admission
            .used(bill.input.plus(bill.output), now.since_start);
        let reserved = self.held.amount();
        Receipt {
            reserved,
            cost: bill.cost,
            settlement: self.held.settle_of(model, bill),
        }
    }

    /// The provider surely did no work: nothing is booked.
    pub fn release(mut self, now: Moment) -> Receipt {
        self.admission.used(Tokens::ZERO, now.since_start);
        let reserved = self.held.amount();
        Receipt {
            reserved,
            cost: Money::ZERO,
            settlement: self.held.release(),
        }
    }

    /// Nobody knows what the provider did: the whole promise stays booked, marked uncertain.
    pub fn expire(self, model: &str) -> Receipt {
        let reserved = self.held.amount();
        Receipt {
            reserved,
            cost: reserved,
            settlement: self.held.expire_of(model),
        }
    }

    /// The attempt surely did no work and another will be made: the promise stands, and a drop is free again.
    pub fn recall(mut self) -> Permit {
        self.held.recall();
        self.admission.sent(false);
        Permit {
            held: self.held,
            admission: self.admission,
            cap: self.cap,
            input: self.input,
        }
    }
}

/// How long until a limit of this kind has room, in whole seconds and in milliseconds, both rounded up.
#[must_use]
pub fn retry_after(wait: Duration) -> (u64, u64) {
    let nanos = wait.as_nanos();
    let up = |unit: u128| u64::try_from(nanos.div_ceil(unit)).unwrap_or(u64::MAX);
    (up(1_000_000_000), up(1_000_000))
}
