//! A decision that takes nothing: what a call would meet.

use super::{Ask, Cap, Charter, Denial, Gate, Priced, Weight};
use crate::chat::Usage;
use crate::clock::Moment;
use crate::governance::budget::{Refused, Standing};
use crate::units::{Money, Tokens};

/// What the gate would say.
#[derive(Debug)]
pub struct Quoted {
    /// Why it would say no.
    pub denial: Option<Box<Denial>>,
    /// The output cap that would hold.
    pub cap: Cap,
    /// The input it is weighed with.
    pub input: Tokens,
    /// What would be set aside.
    pub worst_case: Money,
    /// What a call would cost that uses this input and a quarter of its cap.
    pub estimate: Money,
    /// The budgets it would be charged to.
    pub budgets: Vec<Standing>,
}

impl Gate {
    /// Where the tightest of the budgets stands that a call would be charged to; `None` if there is none.
    #[must_use]
    pub fn tightest(&self, charter: &Charter, ask: &Ask<'_>, now: Moment) -> Option<Standing> {
        let (ledgers, _) = charter.ledgers(self, ask, now).ok()?;
        let own = if ledgers.is_empty() {
            None
        } else {
            let standings = self.books.standings_of(&ledgers, now);
            standings.into_iter().min_by_key(Standing::remaining)
        };
        Standing::tighter(own, self.lends(ask))
    }

    /// Where the tightest of a control panel's budgets stands that would pay for a call, as far as it is known.
    fn lends(&self, ask: &Ask<'_>) -> Option<Standing> {
        let leaf = ask.caller.key.leaf?;
        self.lender.as_ref()?.standing(leaf)
    }

    /// Weighs a call as [`Gate::decide`] does, without setting anything aside or counting a request. Rate limits are not
    /// asked: they are a matter of the moment.
    #[must_use]
    pub fn quote(&self, charter: &Charter, ask: &Ask<'_>, now: Moment) -> Quoted {
        let nothing = Cap {
            tokens: Tokens::ZERO,
            write: false,
            clamped: false,
        };
        let refused = |denial| Quoted {
            denial: Some(denial),
            cap: nothing,
            input: ask.input_bound,
            worst_case: Money::ZERO,
            estimate: Money::ZERO,
            budgets: Vec::new(),
        };
        if !ask.caller.key.may_use(ask.caller.model) {
            return refused(Denial::model_not_allowed(&ask.caller));
        }
        let (ledgers, mut hard) = match charter.ledgers(self, ask, now) {
            _ if ask.endpoint.is_free() => Default::default(),
            Ok(found) => found,
            Err(denial) => return refused(denial),
        };
        hard |= ask.caller.key.leaf.is_some();
        let mut budgets = self.books.standings_of(&ledgers, now);
        let lends = self.lends(ask);
        budgets.extend(lends.clone());
        let weight = match Weight::of(ask, charter.unknown_price(), hard) {
            Ok(weight) => weight,
            Err(denial) => {
                return Quoted {
                    budgets,
                    ..refused(denial)
                };
            }
        };
        let mut cap = weight.cap(ask);
        if cap.clamped && ask.is_all_thought(cap.tokens) {
            return Quoted {
                budgets,
                ..refused(Denial::all_thought(&ask.caller, cap.tokens))
            };
        }
        let mut worst_case = weight.cost(cap.tokens);
        let mut denial = None;
        let mut fits = self.books.would_fit(&ledgers, worst_case, now);
        if let (Ok(()), Some(lends)) = (&fits, lends)
            && !ask.endpoint.is_free()
            && lends.remaining() < worst_case
        {
            fits = Err(Refused::Short(Box::new(lends)));
        }
        match fits {
            Err(Refused::Short(short)) => match weight.clamped(ask, &short, cap.tokens) {
                Some(smaller) => {
                    cap = Cap {
                        tokens: smaller,
                        write: true,
                        clamped: true,
                    };
                    worst_case = weight.cost(smaller);
                }
                None => denial = Some(Denial::short(ask, &short, worst_case, now)),
            },
            Err(Refused::Suspended) => denial = Some(Denial::suspended()),
            Ok(()) | Err(Refused::Wait(_)) => {}
        }
        let estimate = weight.likely(cap.tokens);
        Quoted {
            denial,
            cap,
            input: weight.extent.input,
            worst_case,
            estimate,
            budgets,
        }
    }
}

impl Weight<'_> {
    fn likely(&self, cap: Tokens) -> Money {
        let Priced::Rate(rate) = self.price else {
            return self.cost(cap);
        };
        let output = Tokens(cap.0.div_ceil(4)).times(self.extent.choices);
        rate.cost(&Usage {
            input: self.extent.input,
            output,
            ..Usage::default()
        })
    }
}
