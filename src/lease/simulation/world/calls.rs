//! Calls: what they set aside, what the provider charges for them, and what their gateway books.

use super::{DRAIN, PATIENCE, VALID, World, mills};
use crate::lease::protocol::{Hold, LeafId, Work};
use crate::lease::simulation::calendar::accounts;
use crate::lease::simulation::prices::Priced;
use crate::units::Money;

/// A call to be made.
#[derive(Debug)]
pub(super) enum Offer {
    /// Of so much at most, whatever for.
    Bare(Money),
    /// Of tokens that have a price.
    Priced(Box<Priced>),
}

/// A call under way at the provider, which goes on whatever becomes of the gateway.
#[derive(Debug)]
pub(super) struct Call {
    node: usize,
    start: u64,
    leaf: LeafId,
    hold: Hold,
    offer: Offer,
    cost: Money,
    /// What the provider charges beyond the worst case.
    overrun: Money,
    ends: u64,
}

impl Offer {
    /// What is set aside for it.
    fn worst_case(&self) -> Money {
        match self {
            Self::Bare(amount) => *amount,
            Self::Priced(call) => call.worst_case(),
        }
    }
}

impl Call {
    /// What it was for: now and then nobody knows.
    fn work(&self) -> Work<'static> {
        let number = self.hold.call;
        if let Offer::Priced(call) = &self.offer {
            let work = call.work();
            let model = if number.is_multiple_of(4) {
                ""
            } else {
                work.model
            };
            return Work { model, ..work };
        }
        let models = ["small", "large", "dear", ""];
        let place = usize::try_from(number % 4).expect("few");
        Work {
            model: models[place],
            input: number % 7,
            output: number % 5,
        }
    }
}

impl World {
    /// A call of a gateway's: of this amount, where nothing has a price.
    pub(super) fn offer(&mut self, place: usize, amount: Money) -> Offer {
        let known = self.nodes[place].prices;
        let beyond = self.overruns;
        match &mut self.prices {
            Some(prices) => Offer::Priced(Box::new(prices.call(known, beyond))),
            None => Offer::Bare(amount),
        }
    }

    /// What of such an amount the provider charges, and what beyond it.
    fn bare(&mut self, amount: Money) -> (Money, Money) {
        let share = self.chance.below(1001);
        let cost = Money::from_nanos(amount.nanos() / 1000 * i64::try_from(share).expect("few"));
        if self.overruns && self.chance.percent(5) {
            // Who charges beyond the worst case has charged all of it.
            return (amount, mills(1 + self.chance.below(20)));
        }
        (cost, Money::ZERO)
    }

    /// A small call in peace: where there is money for it, it is served before long.
    pub(super) fn probe(&mut self, place: usize) {
        let amount = mills(5);
        let served = self.call(place, Self::leaf(place), Offer::Bare(amount));
        let free = accounts(Self::leaf(place), self.now)
            .map(|id| self.bank.account(id).expect("one").free());
        let lends = self.bank.restoring(self.clock()).is_none();
        let can = free.iter().all(|free| *free >= amount) && self.killed().is_none() && lends;
        let node = &mut self.nodes[place];
        if served || !can {
            node.waits = None;
            return;
        }
        let since = *node.waits.get_or_insert(self.now);
        assert!(
            self.now - since <= PATIENCE,
            "P12: gateway {place} waits since {since} although {free:?} are free"
        );
    }

    /// A call wants to be made. Whether it could.
    pub(super) fn call(&mut self, place: usize, leaf: LeafId, offer: Offer) -> bool {
        let amount = offer.worst_case();
        let node = &mut self.nodes[place];
        let now = node.clock(self.now);
        let Some(holder) = &mut node.holder else {
            return false;
        };
        let Ok(hold) = holder.reserve(leaf, amount, now) else {
            return false;
        };
        if let Some((since, killed, true)) = self.events.last()
            && *killed == leaf
        {
            assert!(
                node.cursor < self.events.len(),
                "P13: a call began although the switch was heard of"
            );
            assert!(
                self.now < since + VALID + VALID / 100 + 1,
                "P13: a call began behind the lease's end"
            );
        }
        assert_eq!(
            self.truth.accounts(hold.lease),
            accounts(leaf, self.now),
            "P16: a call of one period is charged to another's budget"
        );
        let start = node.start;
        let (cost, overrun) = match &offer {
            Offer::Bare(amount) => self.bare(*amount),
            Offer::Priced(call) => {
                let charge = call.charge();
                (charge.min(amount), charge.less(amount))
            }
        };
        self.calls.push(Call {
            node: place,
            start,
            leaf,
            hold,
            offer,
            cost,
            overrun,
            ends: self.now + 1 + self.chance.below(DRAIN - 2),
        });
        true
    }

    /// The provider charges what ends, whoever still listens.
    pub(super) fn charge(&mut self) {
        let (over, going): (Vec<Call>, Vec<Call>) = std::mem::take(&mut self.calls)
            .into_iter()
            .partition(|call| call.ends <= self.now);
        self.calls = going;
        for call in over {
            self.truth
                .charged(&self.bank, call.hold.lease, call.cost, call.overrun);
            let node = &mut self.nodes[call.node];
            if node.start == call.start
                && let Some(holder) = &mut node.holder
            {
                let (work, charged) = (call.work(), call.cost.plus(call.overrun));
                let booked = match (&call.offer, &self.prices) {
                    (Offer::Priced(call), Some(prices)) => {
                        prices.booked(call, node.prices, self.mutant)
                    }
                    _ => charged,
                };
                holder.settle(&call.hold, booked, Some(work));
                self.truth.worked(call.leaf, &work, charged);
            }
        }
    }
}
