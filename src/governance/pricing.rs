//! What a call costs, and the most it could cost.
//!
//! A [`Rate`] prices one model in classes and tiers. Classes are summed before anything is rounded, and a class without a
//! price of its own is priced as the class it is part of: nothing is ever free by omission.

use crate::chat::Usage;
use crate::pattern::Pattern;
use crate::units::{Money, Price, Sum, Tokens};
use std::collections::HashMap;
use std::sync::Arc;

/// Prices of the token classes, every one of them resolved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Classes {
    /// Plain input.
    pub input: Price,
    /// Input read from the provider's cache.
    pub cached_input: Price,
    /// Input written to the provider's cache (five minutes).
    pub cache_write: Price,
    /// Input written to the provider's cache (an hour).
    pub cache_write_1h: Price,
    /// Plain output.
    pub output: Price,
    /// Output spent on reasoning.
    pub reasoning: Price,
    /// Audio in.
    pub audio_input: Price,
    /// Audio out.
    pub audio_output: Price,
}

impl Classes {
    fn cost(&self, usage: &Usage) -> Sum {
        let part = |whole: Tokens, parts: &[Tokens]| {
            parts.iter().fold(whole, |rest, part| rest.minus(*part))
        };
        let plain_in = part(
            usage.input,
            &[
                usage.cached_input,
                usage.cache_write,
                usage.cache_write_1h,
                usage.audio_input,
            ],
        );
        let plain_out = part(usage.output, &[usage.reasoning, usage.audio_output]);
        Sum::default()
            .add(self.input, plain_in)
            .add(self.cached_input, usage.cached_input)
            .add(self.cache_write, usage.cache_write)
            .add(self.cache_write_1h, usage.cache_write_1h)
            .add(self.audio_input, usage.audio_input)
            .add(self.output, plain_out)
            .add(self.reasoning, usage.reasoning)
            .add(self.audio_output, usage.audio_output)
    }

    /// The dearest class an input token could fall in.
    fn dearest_input(&self, audio: bool) -> Price {
        let text = self
            .input
            .max(self.cached_input)
            .max(self.cache_write)
            .max(self.cache_write_1h);
        if audio {
            text.max(self.audio_input)
        } else {
            text
        }
    }

    /// The dearest class an output token could fall in.
    fn dearest_output(&self, audio: bool) -> Price {
        let text = self.output.max(self.reasoning);
        if audio {
            text.max(self.audio_output)
        } else {
            text
        }
    }
}

/// Prices the whole call once its input exceeds `above_input`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tier {
    /// The threshold, in input tokens.
    pub above_input: Tokens,
    /// The prices above it.
    pub classes: Classes,
}

/// Everything one model costs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rate {
    /// Prices below every tier.
    pub base: Classes,
    /// Prices of long inputs, in ascending order of their threshold.
    pub tiers: Vec<Tier>,
    /// Per call.
    pub request: Money,
    /// Per image the answer holds.
    pub image: Money,
    /// Per million characters that are spoken.
    pub character: Price,
    /// Per search of the web the provider makes; `None`: nobody knows.
    pub web_search: Option<Money>,
    /// Tokens an input image counts as; without it an image counts as the whole of `max_input`.
    pub image_tokens: Option<Tokens>,
    /// The longest input the model takes.
    pub max_input: Option<Tokens>,
    /// The longest output the model gives.
    pub max_output: Option<Tokens>,
}

/// The most a call could use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Upper bound of the input tokens.
    pub input: Tokens,
    /// Cap of the output tokens of one choice.
    pub output_cap: Tokens,
    /// Choices asked for.
    pub choices: u64,
    /// Searches of the web that may be made.
    pub searches: u64,
    /// Images that may be made.
    pub images: u64,
    /// Characters that are to be spoken.
    pub characters: u64,
    /// Whether audio may be in it.
    pub audio: bool,
}

impl Rate {
    /// What a call that used this much costs.
    #[must_use]
    pub fn cost(&self, usage: &Usage) -> Money {
        let classes = self
            .tiers
            .iter()
            .rev()
            .find(|tier| usage.input > tier.above_input)
            .map_or(&self.base, |tier| &tier.classes);
        classes
            .cost(usage)
            .flat(self.request)
            .flat(self.images(usage.images))
            .add(self.character, Tokens(usage.characters))
            .flat(self.searches(usage.searches))
            .total()
    }

    fn images(&self, count: u64) -> Money {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.image.times(count)
    }

    /// Whether no output costs anything by its tokens.
    #[must_use]
    pub fn is_output_free(&self) -> bool {
        self.reachable(Tokens(u64::MAX))
            .all(|classes| classes.dearest_output(true) == Price::FREE)
    }

    fn searches(&self, count: u64) -> Money {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.web_search.unwrap_or(Money::ZERO).times(count)
    }

    /// The most a call of this extent could cost, at the dearest tier and class it could reach.
    #[must_use]
    pub fn worst_case(&self, extent: Extent) -> Money {
        self.reachable(extent.input)
            .map(|classes| {
                Sum::default()
                    .add(classes.dearest_output(extent.audio), extent.output_cap)
                    .times(extent.choices)
                    .add(classes.dearest_input(extent.audio), extent.input)
                    .flat(self.request)
                    .flat(self.searches(extent.searches))
                    .flat(self.images(extent.images))
                    .add(self.character, Tokens(extent.characters))
                    .total()
            })
            .max()
            .unwrap_or(Money::MAX)
    }

    /// The largest output cap with which a call of this extent costs at most `limit`; `None` if not even its input fits.
    #[must_use]
    pub fn cap_within(&self, extent: Extent, limit: Money) -> Option<Tokens> {
        let fits = |cap: u64| {
            self.worst_case(Extent {
                output_cap: Tokens(cap),
                ..extent
            }) <= limit
        };
        if !fits(0) {
            return None;
        }
        // Rounding and tiers make a closed form delicate; a search over whole caps is exact and off the common path.
        let (mut low, mut high) = (0, extent.output_cap.0);
        while low < high {
            let middle = high.saturating_sub(high.saturating_sub(low).div_euclid(2));
            if fits(middle) {
                low = middle;
            } else {
                high = middle.saturating_sub(1);
            }
        }
        Some(Tokens(low))
    }

    fn reachable(&self, input: Tokens) -> impl Iterator<Item = &Classes> {
        std::iter::once(&self.base).chain(
            self.tiers
                .iter()
                .filter(move |tier| input > tier.above_input)
                .map(|tier| &tier.classes),
        )
    }
}

/// Prices by model, as one revision of the price book has them.
#[derive(Debug, Clone, Default)]
pub struct PriceBook {
    /// Which revision; every ledger entry names it.
    pub revision: Box<str>,
    exact: HashMap<Box<str>, Arc<Rate>>,
    patterns: Vec<(Pattern, Arc<Rate>)>,
}

impl PriceBook {
    /// An empty book of this revision.
    #[must_use]
    pub fn new(revision: &str) -> Self {
        Self {
            revision: revision.into(),
            ..Self::default()
        }
    }

    /// Prices `name`: a model, `PROVIDER/MODEL`, or either with `*`. A later entry of the same name replaces the earlier.
    pub fn insert(&mut self, name: &str, rate: Rate) {
        let pattern = Pattern::new(name);
        if pattern.is_exact() {
            self.exact.insert(name.into(), Arc::new(rate));
        } else {
            self.patterns.retain(|(known, _)| *known != pattern);
            self.patterns.push((pattern, Arc::new(rate)));
            // The longest pattern is the most particular one.
            self.patterns
                .sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.as_str().len()));
        }
    }

    /// The rate of a model at a provider: its own price there, else the model's anywhere.
    #[must_use]
    pub fn rate(&self, provider: &str, model: &str) -> Option<&Arc<Rate>> {
        let there = format!("{provider}/{model}");
        self.named(&there).or_else(|| self.named(model))
    }

    /// The exact model names in the book (`PROVIDER/…` entries aside), sorted.
    #[must_use]
    pub fn models(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self
            .exact
            .keys()
            .map(AsRef::as_ref)
            .filter(|name| !name.contains('/'))
            .collect();
        names.sort_unstable();
        names
    }

    fn named(&self, name: &str) -> Option<&Arc<Rate>> {
        self.exact.get(name).or_else(|| {
            self.patterns
                .iter()
                .find(|(pattern, _)| pattern.matches(name))
                .map(|(_, rate)| rate)
        })
    }
}

/// What to do with a call whose model has no price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownPrice {
    /// Refuse it.
    #[default]
    Deny,
    /// Promise and charge this much for each call: never nothing.
    Ceiling(Money),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(text: &str) -> Price {
        text.parse().expect(text)
    }

    fn rate() -> Rate {
        let base = Classes {
            input: price("1"),
            cached_input: price("0.5"),
            cache_write: price("1.25"),
            cache_write_1h: price("1.25"),
            output: price("4"),
            reasoning: price("4"),
            audio_input: price("10"),
            audio_output: price("20"),
        };
        let long = Classes {
            input: price("2"),
            output: price("6"),
            reasoning: price("6"),
            ..base
        };
        Rate {
            base,
            tiers: vec![Tier {
                above_input: Tokens(1000),
                classes: long,
            }],
            request: Money::from_nanos(7),
            ..Rate::default()
        }
    }

    #[test]
    fn classes_are_priced_apart_and_parts_are_not_counted_twice() {
        let usage = Usage {
            input: Tokens(100),
            cached_input: Tokens(40),
            output: Tokens(10),
            reasoning: Tokens(4),
            ..Usage::default()
        };
        // 60 × $1 + 40 × $0.5 + 10 × $4 per million, and 7 nano-dollars for the call.
        assert_eq!(rate().cost(&usage).nanos(), 60_000 + 20_000 + 40_000 + 7);
    }

    #[test]
    fn a_tier_prices_the_whole_call_once_its_input_exceeds_it() {
        let at = |input| {
            rate()
                .cost(&Usage {
                    input: Tokens(input),
                    ..Usage::default()
                })
                .nanos()
        };
        assert_eq!(at(1000), 1_000_007);
        assert_eq!(at(1001), 2_002_007);
    }

    #[test]
    fn the_worst_case_covers_every_class_and_tier_within_reach() {
        let extent = Extent {
            input: Tokens(1001),
            output_cap: Tokens(10),
            choices: 2,
            searches: 0,
            images: 0,
            characters: 0,
            audio: false,
        };
        // Dearest input: 2 (long tier) against 1.25 (cache write); dearest output 6, twice.
        assert_eq!(rate().worst_case(extent).nanos(), 2_002_000 + 120_000 + 7);
    }

    #[test]
    fn images_cost_by_the_piece_or_by_their_tokens() {
        let by_piece = Rate {
            image: Money::from_nanos(40_000_000),
            ..Rate::default()
        };
        let extent = Extent {
            input: Tokens(100),
            output_cap: Tokens(u64::MAX),
            choices: 3,
            searches: 0,
            images: 3,
            characters: 0,
            audio: false,
        };
        assert!(by_piece.is_output_free() && !rate().is_output_free());
        assert_eq!(by_piece.worst_case(extent).nanos(), 120_000_000);
        let used = Usage {
            images: 2,
            ..Usage::default()
        };
        assert_eq!(by_piece.cost(&used).nanos(), 80_000_000);
        let extent = Extent {
            output_cap: Tokens(1000),
            ..extent
        };
        // 100 at the dearest input and three times 1000 at $4 per million.
        assert_eq!(rate().worst_case(extent).nanos(), 125_000 + 12_000_000 + 7);
    }

    #[test]
    fn speech_costs_by_its_characters() {
        let rate = Rate {
            character: price("15"),
            ..Rate::default()
        };
        let extent = Extent {
            input: Tokens(100),
            output_cap: Tokens(u64::MAX),
            choices: 1,
            searches: 0,
            images: 0,
            characters: 200,
            audio: true,
        };
        assert_eq!(rate.worst_case(extent).nanos(), 3_000_000);
        let used = Usage {
            characters: 200,
            ..Usage::default()
        };
        assert_eq!(rate.cost(&used).nanos(), 3_000_000);
    }

    #[test]
    fn the_cap_that_fits_is_the_largest_one() {
        let extent = Extent {
            input: Tokens(100),
            output_cap: Tokens(1000),
            choices: 1,
            searches: 0,
            images: 0,
            characters: 0,
            audio: false,
        };
        let input_alone = rate().worst_case(Extent {
            output_cap: Tokens(0),
            ..extent
        });
        let check = |limit: Money, expected: Option<u64>| {
            assert_eq!(
                rate().cap_within(extent, limit),
                expected.map(Tokens),
                "{limit}"
            );
        };
        check(input_alone.minus(Money::from_nanos(1)), None);
        check(input_alone, Some(0));
        check(input_alone.plus(Money::from_nanos(4_000)), Some(1));
        check(input_alone.plus(Money::from_nanos(7_999)), Some(1));
        check(Money::MAX, Some(1000));
    }

    #[test]
    fn a_price_at_a_provider_goes_before_the_models_own_and_a_name_before_a_pattern() {
        let mut book = PriceBook::new("1");
        let with = |nanos| Rate {
            request: Money::from_nanos(nanos),
            ..Rate::default()
        };
        for (name, nanos) in [
            ("gpt-*", 1),
            ("gpt-4o-*", 2),
            ("gpt-4o-mini", 3),
            ("azure/gpt-4o-mini", 4),
            ("vllm/*", 5),
        ] {
            book.insert(name, with(nanos));
        }
        let check = |provider: &str, model: &str, expected: Option<i64>| {
            assert_eq!(
                book.rate(provider, model).map(|rate| rate.request.nanos()),
                expected,
                "{provider}/{model}"
            );
        };
        check("openai", "gpt-4o-mini", Some(3));
        check("azure", "gpt-4o-mini", Some(4));
        check("openai", "gpt-4o-2024", Some(2));
        check("openai", "gpt-5", Some(1));
        check("vllm", "anything", Some(5));
        check("openai", "claude", None);
    }
}
