//! What calls cost: books of prices that are revised while calls are under way, and a provider that counts for itself.
//!
//! A gateway sets aside the worst case of its own revision and books by the same one, as a call keeps the plan it began with;
//! each gateway hears of a new revision in its own time. The provider goes by the revision the call was let through with, but
//! not by our code: it adds up every class in millionths of a nano-dollar and rounds once, upwards.

use super::chance::Chance;
use crate::chat::Usage;
use crate::governance::pricing::{Classes, Extent, PriceBook, Rate, Tier};
use crate::lease::protocol::{Mutant, Work};
use crate::units::{Money, Price, Tokens};
use std::sync::Arc;

const MODELS: [&str; 3] = ["small", "large", "dear"];
/// What an input token of each may cost at least, in nano-dollars a million.
const LEAST: [u64; 3] = [1_500_000_000, 3_000_000_000, 5_000_000_000];
/// From here on a call is priced by the tier for long inputs.
const LONG: u64 = 6_000;

/// All revisions so far, the newest last.
#[derive(Debug)]
pub(super) struct Prices {
    chance: Chance,
    revisions: Vec<PriceBook>,
}

/// A call as its gateway weighs it.
#[derive(Debug)]
pub(super) struct Priced {
    model: &'static str,
    rate: Arc<Rate>,
    extent: Extent,
    usage: Usage,
}

impl Prices {
    pub(super) fn new(seed: u64) -> Self {
        let mut prices = Self {
            chance: Chance::new(!seed ^ (1 << 40)),
            revisions: Vec::new(),
        };
        prices.revise();
        prices
    }

    fn revise(&mut self) {
        let mut book = PriceBook::new(&self.revisions.len().to_string());
        for (model, least) in MODELS.into_iter().zip(LEAST) {
            book.insert(model, rate(&mut self.chance, least));
        }
        self.revisions.push(book);
    }

    /// Prices change now and then.
    pub(super) fn tick(&mut self) {
        if self.chance.below(40) == 0 {
            self.revise();
        }
    }

    /// The revision a gateway has that had this one: it hears of the newest before long.
    pub(super) fn heard(&mut self, known: usize) -> usize {
        if self.chance.percent(10) {
            self.revisions.len() - 1
        } else {
            known
        }
    }

    fn rate(&self, revision: usize, model: &str) -> &Arc<Rate> {
        let rate = self.revisions[revision].rate("provider", model);
        rate.expect("every book has every model")
    }

    /// A call that a gateway of this revision is to make; `beyond`: the provider may keep to no cap.
    pub(super) fn call(&mut self, revision: usize, beyond: bool) -> Priced {
        let chance = &mut self.chance;
        let model = MODELS[usize::try_from(chance.below(3)).expect("few")];
        let choices = 1 + chance.below(2);
        let extent = Extent {
            input: Tokens(1 + chance.below(2 * LONG)),
            output_cap: Tokens(1 + chance.below(1_000)),
            choices,
            searches: 0,
            images: 0,
            characters: 0,
            audio: false,
        };
        let most = extent.output_cap.0 * choices;
        let input = upto(chance, extent.input.0);
        let output = if beyond && chance.percent(5) {
            most + chance.below(2_000)
        } else {
            upto(chance, most)
        };
        let cached = chance.below(input + 1);
        let written = chance.below(input - cached + 1);
        let usage = Usage {
            input: Tokens(input),
            cached_input: Tokens(cached),
            cache_write: Tokens(written),
            output: Tokens(output),
            reasoning: Tokens(chance.below(output + 1)),
            ..Usage::default()
        };
        Priced {
            model,
            rate: self.rate(revision, model).clone(),
            extent,
            usage,
        }
    }

    /// What the gateway books for it when it is over.
    pub(super) fn booked(&self, call: &Priced, known: usize, mutant: Option<Mutant>) -> Money {
        match mutant {
            Some(Mutant::RoundsDown) => nanos(call.exact() / 1_000_000),
            Some(Mutant::SettlesAtNewPrices) => self.rate(known, call.model).cost(&call.usage),
            _ => call.rate.cost(&call.usage),
        }
    }
}

impl Priced {
    /// What its gateway sets aside.
    pub(super) fn worst_case(&self) -> Money {
        self.rate.worst_case(self.extent)
    }

    /// What the provider charges.
    pub(super) fn charge(&self) -> Money {
        let charge = nanos(self.exact().div_ceil(1_000_000));
        let keeps = self.usage.output <= self.extent.output_cap.times(self.extent.choices);
        assert!(
            charge <= self.worst_case() || !keeps,
            "P5: a call that kept to its bounds is charged {charge} of {}: {self:?}",
            self.worst_case()
        );
        charge
    }

    pub(super) fn work(&self) -> Work<'static> {
        Work {
            model: self.model,
            input: self.usage.input.0,
            output: self.usage.output.0,
        }
    }

    /// In millionths of a nano-dollar, by the provider's own reckoning.
    fn exact(&self) -> u128 {
        let (rate, usage) = (&self.rate, &self.usage);
        let is_long = usage.input.0 > LONG;
        let classes = if is_long {
            &rate.tiers[0].classes
        } else {
            &rate.base
        };
        let (cached, written) = (usage.cached_input.0, usage.cache_write.0);
        let lines = [
            (usage.input.0 - cached - written, classes.input),
            (cached, classes.cached_input),
            (written, classes.cache_write),
            (usage.output.0 - usage.reasoning.0, classes.output),
            (usage.reasoning.0, classes.reasoning),
        ];
        let tokens = lines
            .iter()
            .map(|(tokens, price)| u128::from(*tokens) * u128::from(price.nanos_per_million()));
        let request = u128::try_from(rate.request.nanos()).expect("no gift");
        tokens.sum::<u128>() + request * 1_000_000
    }
}

/// As often as not exactly so much.
fn upto(chance: &mut Chance, most: u64) -> u64 {
    if chance.percent(20) {
        most
    } else {
        chance.below(most + 1)
    }
}

fn nanos(nanos: u128) -> Money {
    Money::from_nanos(i64::try_from(nanos).expect("little"))
}

/// Prices that come out even nowhere; long inputs may be dearer, or cheaper.
fn rate(chance: &mut Chance, least: u64) -> Rate {
    let mut price = |percent: u64| {
        let nanos = least / 100 * percent * (50 + chance.below(150)) / 100;
        Price::from_nanos_per_million(nanos + chance.below(1_000))
    };
    let mut classes = || Classes {
        input: price(100),
        cached_input: price(30),
        cache_write: price(125),
        output: price(400),
        reasoning: price(450),
        ..Classes::default()
    };
    let (base, long) = (classes(), classes());
    Rate {
        base,
        tiers: vec![Tier {
            above_input: Tokens(LONG),
            classes: long,
        }],
        request: Money::from_nanos(i64::try_from(chance.below(100_000)).expect("few")),
        ..Rate::default()
    }
}
