//! The gate: one function that says whether a call may go, what it may cost, and what must be changed before it goes.
//!
//! Order of checks: rights → bound → rate limits → budgets. What was taken before a later check refuses is given back
//! (a request that was counted stays counted). Synchronous, no I/O; what has to be waited for is said and asked again.
//!
//! Where a control panel pays, its money is set aside last: what it lent, and what the budgets here leave, hold both.
//!
//! Nothing reaches a provider without a [`Permit`]: it holds the reservation and the places, and ends in a [`Receipt`].

mod charter;
mod denial;
mod permit;
mod quote;

pub use charter::{Charter, Rules};
pub use denial::{Denial, Reason};
pub use permit::{Cap, InFlight, Permit, Receipt, retry_after};
pub use quote::Quoted;

use crate::chat::Endpoint;
use crate::clock::Moment;
use crate::governance::budget::{
    AtLimit, Books, LedgerId, Lender, NotLent, Refused, Reservation, SMALLEST_CLAMP, Standing,
};
use crate::governance::identity::{Caller, KeyIndex};
use crate::governance::limit::{Admission, Cell, Cells};
use crate::governance::pricing::{Extent, Rate, UnknownPrice};
use crate::units::{Money, Tokens};
use smallvec::SmallVec;
use std::sync::Arc;

/// What one call asks for, as far as the gate looks at it.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Who asks.
    pub caller: Caller<'a>,
    /// The caller's key, by its place in the charter.
    pub key: KeyIndex,
    /// Which call it is.
    pub endpoint: Endpoint,
    /// What the model costs where it would be sent.
    pub rate: Option<&'a Rate>,
    /// Upper bound of the input by its bytes, images and references apart.
    pub input_bound: Tokens,
    /// The same by counting, once somebody counted.
    pub counted: Option<Tokens>,
    /// Whether somebody could count.
    pub countable: bool,
    /// Images the input holds or points to.
    pub images: u32,
    /// What the input only points to and no bytes bound, by name.
    pub opaque: Option<&'static str>,
    /// How many searches of the web the provider may make; [`u64::MAX`]: any number.
    pub searches: u64,
    /// What of it costs what no price covers, by name.
    pub unpriced: Option<&'static str>,
    /// How often the provider may read the input again within the call.
    pub rereads: u64,
    /// What of the output is set aside for thinking: only a cap above it leaves room for an answer.
    pub thinking: Option<Tokens>,
    /// Whether audio is in it, or asked for.
    pub audio: bool,
    /// Characters that are to be spoken.
    pub characters: u64,
    /// Choices asked for.
    pub choices: u64,
    /// The caller's own cap on the output.
    pub asked_cap: Option<Tokens>,
    /// The configured cap on the output.
    pub policy_cap: Option<Tokens>,
}

impl Ask<'_> {
    /// Whether a cap smaller than the caller's own leaves no room for anything but thinking: providers refuse that.
    fn is_all_thought(&self, cap: Tokens) -> bool {
        let asked = self.asked_cap.unwrap_or(Tokens(u64::MAX));
        self.thinking
            .is_some_and(|thinking| cap <= thinking && thinking < asked)
    }
}

/// What the gate says about one call. Nothing reaches a provider without a [`Permit`].
#[must_use = "a decision nobody acts on governs nothing"]
#[derive(Debug)]
pub enum Decision {
    /// Go ahead.
    Allow(Permit),
    /// Stop here; nothing was reserved. The caller learns why, and what to do.
    Deny(Box<Denial>),
    /// A budget's ceiling must reach the disk first: wait until this entry is durable, then ask again with what is held.
    Wait(u64, Admission),
    /// The control panel is asked for more: wait until something changes, then ask again with what is held.
    Borrow(Admission),
    /// The byte bound does not fit, an exact count might: count, then ask again with what is held.
    Count(Admission),
}

/// What moves: the ledgers and the cells. It stands beside the configuration and outlives its edits.
#[derive(Debug)]
pub struct Gate {
    books: Arc<Books>,
    cells: Cells,
    /// Who pays for keys of a control panel.
    lender: Option<Arc<dyn Lender>>,
}

type Ledgers = SmallVec<[LedgerId; 4]>;
type HeldCells = SmallVec<[Arc<Cell>; 4]>;

impl Gate {
    /// A gate over these books.
    #[must_use]
    pub fn new(books: Arc<Books>) -> Self {
        Self {
            books,
            cells: Cells::default(),
            lender: None,
        }
    }

    /// The same, where a control panel pays for some keys.
    #[must_use]
    pub fn with_lender(self, lender: Arc<dyn Lender>) -> Self {
        Self {
            lender: Some(lender),
            ..self
        }
    }

    /// The books.
    #[must_use]
    pub const fn books(&self) -> &Arc<Books> {
        &self.books
    }

    /// The rules, ready to decide by, and in force from now on: budgets they no longer name stand nowhere, and calls that
    /// began under earlier rules meet the figures of these.
    #[must_use]
    pub fn charter(&self, rules: Rules) -> Charter {
        self.books.govern(&rules.budgets);
        self.cells.govern(&rules.limits);
        Charter::new(rules)
    }

    /// Decides one call. `held` is what an earlier round of the same call gave out: its rate limits are not asked twice.
    pub fn decide(
        &self,
        charter: &Charter,
        ask: &Ask<'_>,
        held: Option<Admission>,
        now: Moment,
    ) -> Decision {
        match self.weigh(charter, ask, held, now) {
            Ok(decision) => decision,
            Err(denial) => Decision::Deny(denial),
        }
    }

    fn weigh(
        &self,
        charter: &Charter,
        ask: &Ask<'_>,
        held: Option<Admission>,
        now: Moment,
    ) -> Result<Decision, Box<Denial>> {
        let caller = &ask.caller;
        if !caller.key.may_use(caller.model) {
            return Err(Denial::model_not_allowed(caller));
        }
        let (ledgers, mut hard) = if ask.endpoint.is_free() {
            Default::default()
        } else {
            charter.ledgers(self, ask, now)?
        };
        // What is lent is never spent beyond, whatever the panel's budgets are.
        hard |= caller.key.leaf.is_some();
        let weight = Weight::of(ask, charter.unknown_price(), hard)?;
        let admission = if let Some(admission) = held {
            admission
        } else {
            let cells = charter.cells(self, ask, now)?;
            Admission::request(&cells, weight.estimate(ask), now.since_start)
                .map_err(|throttled| Denial::throttled(caller, throttled))?
        };
        self.promise(ask, weight, &ledgers, admission, now)
    }

    /// Reserves the worst case, or the largest smaller call that fits and is worth sending.
    fn promise(
        &self,
        ask: &Ask<'_>,
        weight: Weight<'_>,
        ledgers: &[LedgerId],
        mut admission: Admission,
        now: Moment,
    ) -> Result<Decision, Box<Denial>> {
        match self.hold(ask, weight, ledgers, now) {
            Ok(Held::Promise(held, cap)) => {
                let permit = Permit::new(held, admission, cap, weight.extent.input);
                Ok(Decision::Allow(permit))
            }
            Ok(Held::Wait(sequence)) => Ok(Decision::Wait(sequence, admission)),
            Ok(Held::Borrow) => Ok(Decision::Borrow(admission)),
            Ok(Held::Count) => Ok(Decision::Count(admission)),
            Err(denial) => {
                admission.used(Tokens::ZERO, now.since_start);
                Err(denial)
            }
        }
    }

    fn hold(
        &self,
        ask: &Ask<'_>,
        weight: Weight<'_>,
        ledgers: &[LedgerId],
        now: Moment,
    ) -> Result<Held, Box<Denial>> {
        let mut cap = weight.cap(ask);
        if cap.clamped && ask.is_all_thought(cap.tokens) {
            return Err(Denial::all_thought(&ask.caller, cap.tokens));
        }
        let mut amount = weight.cost(cap.tokens);
        let mut rounds = 0;
        loop {
            let short = match self.set_aside(ask, ledgers, amount, now)? {
                Aside::Short(short) => short,
                Aside::All(held) => return Ok(Held::Promise(held, cap)),
                Aside::Wait(sequence) => return Ok(Held::Wait(sequence)),
                Aside::Borrow => return Ok(Held::Borrow),
            };
            // With nothing left no count makes it fit: a caller who keeps asking must not cost a count each time.
            if ask.countable && ask.counted.is_none() && short.remaining() > Money::ZERO {
                return Ok(Held::Count);
            }
            // What is left may change between two looks: each round asks for less, and after some the answer is no.
            rounds = u8::saturating_add(rounds, 1);
            match weight.clamped(ask, &short, cap.tokens) {
                Some(smaller) if rounds <= MOST_ROUNDS => {
                    cap = Cap {
                        tokens: smaller,
                        write: true,
                        clamped: true,
                    };
                    amount = weight.cost(smaller);
                }
                _ => return Err(Denial::short(ask, &short, amount, now)),
            }
        }
    }
}

impl Gate {
    /// Sets the amount aside in the books and of what was lent, in both or in neither.
    fn set_aside(
        &self,
        ask: &Ask<'_>,
        ledgers: &[LedgerId],
        amount: Money,
        now: Moment,
    ) -> Result<Aside, Box<Denial>> {
        let held = match self.books.reserve(ledgers, amount, now) {
            Ok(held) => held,
            Err(Refused::Wait(sequence)) => return Ok(Aside::Wait(sequence)),
            Err(Refused::Suspended) => return Err(Denial::suspended()),
            Err(Refused::Short(short)) => return Ok(Aside::Short(short)),
        };
        let Some(leaf) = ask.caller.key.leaf else {
            return Ok(Aside::All(held));
        };
        let Some(lender) = &self.lender else {
            return Err(Denial::not_lent(None));
        };
        match lender.set_aside(leaf, amount, now) {
            // Nothing is lent for nothing: only a switch concerns a call that is free.
            Err(why) if ask.endpoint.is_free() && !matches!(why, NotLent::Killed) => {
                Ok(Aside::All(held))
            }
            Ok(lent) => Ok(Aside::All(held.and_lent(lender.clone(), lent))),
            Err(NotLent::Ask | NotLent::Rising) => Ok(Aside::Borrow),
            Err(NotLent::Short(short)) => Ok(Aside::Short(short)),
            Err(NotLent::Beyond) => Err(Denial::beyond(&ask.caller, amount)),
            Err(NotLent::Killed) => Err(Denial::killed(&ask.caller)),
            Err(NotLent::Later(wait)) => Err(Denial::not_lent(Some(wait))),
        }
    }
}

/// What setting an amount aside came to.
enum Aside {
    All(Reservation),
    Short(Box<Standing>),
    Wait(u64),
    Borrow,
}

/// How often a call is made smaller while others take what was left.
const MOST_ROUNDS: u8 = 4;

/// What a look at the budgets ends in.
enum Held {
    Promise(Reservation, Cap),
    Wait(u64),
    Borrow,
    Count,
}

/// Why a call may not go where a budget applies, because not all of it is paid by tokens.
fn beyond_tokens(ask: &Ask<'_>) -> Option<Box<Denial>> {
    let rate = ask.rate?;
    if let Some(what) = ask.unpriced {
        return Some(Denial::unpriced(&ask.caller, what));
    }
    if ask.searches == 0 {
        return None;
    }
    match (rate.web_search, ask.searches) {
        (None, _) => Some(Denial::no_price_for_searches(&ask.caller)),
        (Some(_), u64::MAX) => Some(Denial::endless_searches(&ask.caller)),
        (Some(_), _) => None,
    }
}

/// How heavy a call could be.
#[derive(Debug, Clone, Copy)]
struct Weight<'a> {
    extent: Extent,
    price: Priced<'a>,
    /// Whether a budget that refuses applies.
    hard: bool,
}

#[derive(Debug, Clone, Copy)]
enum Priced<'a> {
    Rate(&'a Rate),
    /// Whatever it does, this much.
    Flat(Money),
}

impl<'a> Weight<'a> {
    /// A call that nobody charges for.
    const fn free() -> Self {
        Self {
            extent: Extent {
                input: Tokens::ZERO,
                output_cap: Tokens::ZERO,
                choices: 1,
                searches: 0,
                images: 0,
                characters: 0,
                audio: false,
            },
            price: Priced::Flat(Money::ZERO),
            hard: false,
        }
    }

    fn of(ask: &Ask<'a>, unknown: UnknownPrice, hard: bool) -> Result<Self, Box<Denial>> {
        if ask.endpoint.is_free() {
            return Ok(Self::free());
        }
        let price = match (ask.rate, unknown) {
            (Some(rate), _) => Priced::Rate(rate),
            (None, UnknownPrice::Ceiling(amount)) => Priced::Flat(amount),
            (None, UnknownPrice::Deny) if hard => return Err(Denial::price_unknown(&ask.caller)),
            (None, UnknownPrice::Deny) => Priced::Flat(Money::ZERO),
        };
        let max_input = ask.rate.and_then(|rate| rate.max_input);
        let image_tokens = ask.rate.and_then(|rate| rate.image_tokens);
        let text = ask.counted.unwrap_or(ask.input_bound);
        let pointed_to = ask
            .opaque
            .or((ask.images > 0 && image_tokens.is_none()).then_some("an image"));
        let input = match (pointed_to, max_input) {
            (Some(_), Some(most)) => most.times(ask.rereads.saturating_add(1)),
            (Some(what), None) if hard && matches!(price, Priced::Rate(_)) => {
                return Err(Denial::no_bound(&ask.caller, what));
            }
            _ => {
                let images = image_tokens
                    .unwrap_or_default()
                    .times(u64::from(ask.images));
                let bound = text.plus(images);
                max_input.map_or(bound, |most| bound.min(most))
            }
        };
        // How many images a tool of the provider's makes, nothing bounds.
        let images_cost = ask.rate.is_some_and(|rate| rate.image > Money::ZERO);
        if hard && images_cost && ask.opaque.is_some() {
            return Err(Denial::no_bound(&ask.caller, "a tool that can make images"));
        }
        if hard && let Some(denial) = beyond_tokens(ask) {
            return Err(denial);
        }
        let extent = Extent {
            input,
            output_cap: Tokens::ZERO,
            choices: ask.choices,
            searches: ask.searches,
            images: if ask.endpoint.makes_images() {
                ask.choices
            } else {
                0
            },
            characters: ask.characters,
            audio: ask.audio,
        };
        let weight = Self {
            extent,
            price,
            hard,
        };
        if hard && weight.needs_cap(ask) && weight.cap(ask).tokens == Tokens(u64::MAX) {
            return Err(Denial::no_bound(&ask.caller, "an output without any cap"));
        }
        Ok(weight)
    }

    fn needs_cap(&self, ask: &Ask<'_>) -> bool {
        let Priced::Rate(rate) = self.price else {
            return false;
        };
        // What is priced by the piece, or by the character, is bounded by their number.
        let by_piece = !ask.endpoint.takes_cap() && rate.is_output_free();
        ask.endpoint.has_output() && !by_piece
    }

    /// The output cap that holds: the caller's own, the policy's if that is lower, else the model's.
    fn cap(&self, ask: &Ask<'_>) -> Cap {
        if !ask.endpoint.has_output() {
            return Cap {
                tokens: Tokens::ZERO,
                write: false,
                clamped: false,
            };
        }
        let model = match self.price {
            Priced::Rate(rate) => rate.max_output,
            Priced::Flat(_) => None,
        };
        let most = model.unwrap_or(Tokens(u64::MAX));
        if !ask.endpoint.takes_cap() {
            return Cap {
                tokens: most,
                write: false,
                clamped: false,
            };
        }
        match (ask.asked_cap, ask.policy_cap) {
            (Some(asked), Some(policy)) if policy < asked => Cap {
                tokens: policy.min(most),
                write: true,
                clamped: true,
            },
            // Only the model's own cap is promised, so no more than that may be asked for.
            (Some(asked), _) => Cap {
                tokens: asked.min(most),
                write: self.hard && most < asked,
                clamped: self.hard && most < asked,
            },
            (None, Some(policy)) => Cap {
                tokens: policy.min(most),
                write: true,
                clamped: false,
            },
            (None, None) => Cap {
                tokens: most,
                write: self.hard && model.is_some(),
                clamped: false,
            },
        }
    }

    fn cost(&self, cap: Tokens) -> Money {
        match self.price {
            Priced::Rate(rate) => rate.worst_case(Extent {
                output_cap: cap,
                ..self.extent
            }),
            Priced::Flat(amount) => amount,
        }
    }

    /// The largest cap below `cap` with which the call fits, if the budget clamps and enough is left to be of use.
    fn clamped(&self, ask: &Ask<'_>, short: &Standing, cap: Tokens) -> Option<Tokens> {
        let Priced::Rate(rate) = self.price else {
            return None;
        };
        if !ask.endpoint.takes_cap() || short.at_limit == AtLimit::Deny || cap.0 <= SMALLEST_CLAMP {
            return None;
        }
        let below = Tokens(cap.0.saturating_sub(1));
        let fits = rate.cap_within(
            Extent {
                output_cap: below,
                ..self.extent
            },
            short.remaining(),
        )?;
        (fits.0 >= SMALLEST_CLAMP && !ask.is_all_thought(fits)).then_some(fits)
    }

    /// What the token limits are charged before the call: a quarter of the bytes, but no more than the model
    /// could take, and the output the caller asked for.
    fn estimate(&self, ask: &Ask<'_>) -> Tokens {
        let input = ask.counted.unwrap_or(Tokens(ask.input_bound.0.div_ceil(4)));
        let input = input.min(self.extent.input);
        let output = ask.asked_cap.unwrap_or_default().times(self.extent.choices);
        input.plus(if ask.endpoint.has_output() {
            output
        } else {
            Tokens::ZERO
        })
    }
}

#[cfg(test)]
mod tests;
