//! The price book as written, and what it means.
//!
//! A class without a price of its own is priced as the class it is part of, in a tier as in the base: nothing is free by
//! omission. What is free says so.

use super::super::pricing::{self, PriceBook, Rate};
use super::{instant, money, percent};
use crate::settings::Report;
use crate::units::{Money, Price, Tokens};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A price book: one revision of the prices of models.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "server", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BookSettings {
    /// Names this state of the book; every ledger entry carries it.
    pub revision: String,
    /// Since when these prices hold: a date or an RFC 3339 time.
    pub valid_from: Option<String>,
    /// Prices by model name, `PROVIDER/MODEL` for a price at one provider, `*` allowed.
    #[serde(default)]
    pub models: BTreeMap<String, PriceSettings>,
}

/// What one model costs: dollars per million tokens as decimal strings, unless said otherwise.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "server", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PriceSettings {
    /// Plain input.
    #[cfg_attr(feature = "server", schemars(extend("type" = ["string", "integer"])))]
    pub input: Option<String>,
    /// Input read from the provider's cache; as `input` when absent.
    #[cfg_attr(feature = "server", schemars(extend("type" = ["string", "integer"])))]
    pub cached_input: Option<String>,
    /// Input written to the provider's cache for five minutes; as `input` when absent.
    #[cfg_attr(feature = "server", schemars(extend("type" = ["string", "integer"])))]
    pub cache_write: Option<String>,
    /// Input written to the provider's cache for an hour; as `cache_write` when absent.
    #[cfg_attr(feature = "server", schemars(extend("type" = ["string", "integer"])))]
    pub cache_write_1h: Option<String>,
    /// Plain output; as `input` when absent (embeddings have none).
    #[cfg_attr(feature = "server", schemars(extend("type" = ["string", "integer"])))]
    pub output: Option<String>,
    /// Output spent on reasoning; as `output` when absent.
    #[cfg_attr(feature = "server", schemars(extend("type" = ["string", "integer"])))]
    pub reasoning: Option<String>,
    /// Audio in; as `input` when absent.
    #[cfg_attr(feature = "server", schemars(extend("type" = ["string", "integer"])))]
    pub audio_input: Option<String>,
    /// Audio out; as `output` when absent.
    #[cfg_attr(feature = "server", schemars(extend("type" = ["string", "integer"])))]
    pub audio_output: Option<String>,
    /// Dollars per call.
    #[cfg_attr(feature = "server", schemars(extend("type" = ["string", "integer"])))]
    pub request: Option<String>,
    /// Dollars per image in the answer.
    #[cfg_attr(feature = "server", schemars(extend("type" = ["string", "integer"])))]
    pub image: Option<String>,
    /// Dollars per million characters that are spoken.
    #[cfg_attr(feature = "server", schemars(extend("type" = ["string", "integer"])))]
    pub character: Option<String>,
    /// Dollars per search of the web the provider makes; where a budget applies, calls that may search are refused without it.
    #[cfg_attr(feature = "server", schemars(extend("type" = ["string", "integer"])))]
    pub web_search: Option<String>,
    /// Dollars per second of audio or video. Checked, but no endpoint served today is priced by it.
    #[cfg_attr(feature = "server", schemars(extend("type" = ["string", "integer"])))]
    pub second: Option<String>,
    /// What batch jobs save: `"50%"`. Checked, but no endpoint served today is a batch job.
    pub batch_discount: Option<String>,
    /// Prices of long inputs.
    #[serde(default)]
    pub tiers: Vec<TierSettings>,
    /// Tokens an input image counts as; without it an image counts as the whole of `max_input`.
    pub image_tokens: Option<u64>,
    /// The longest input the model takes, in tokens.
    pub max_input: Option<u64>,
    /// The longest output the model gives, in tokens.
    pub max_output: Option<u64>,
    /// Says that prices of zero are meant.
    #[serde(default)]
    pub free: bool,
}

/// Prices the whole call once its input exceeds `above_input`; a class it does not name keeps the base price.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "server", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TierSettings {
    /// The threshold, in input tokens.
    pub above_input: u64,
    /// Plain input.
    #[cfg_attr(feature = "server", schemars(extend("type" = ["string", "integer"])))]
    pub input: Option<String>,
    /// Input read from the provider's cache.
    #[cfg_attr(feature = "server", schemars(extend("type" = ["string", "integer"])))]
    pub cached_input: Option<String>,
    /// Input written to the provider's cache for five minutes.
    #[cfg_attr(feature = "server", schemars(extend("type" = ["string", "integer"])))]
    pub cache_write: Option<String>,
    /// Input written to the provider's cache for an hour.
    #[cfg_attr(feature = "server", schemars(extend("type" = ["string", "integer"])))]
    pub cache_write_1h: Option<String>,
    /// Plain output.
    #[cfg_attr(feature = "server", schemars(extend("type" = ["string", "integer"])))]
    pub output: Option<String>,
    /// Output spent on reasoning.
    #[cfg_attr(feature = "server", schemars(extend("type" = ["string", "integer"])))]
    pub reasoning: Option<String>,
    /// Audio in.
    #[cfg_attr(feature = "server", schemars(extend("type" = ["string", "integer"])))]
    pub audio_input: Option<String>,
    /// Audio out.
    #[cfg_attr(feature = "server", schemars(extend("type" = ["string", "integer"])))]
    pub audio_output: Option<String>,
}

/// The classes as written: which have a price of their own.
#[derive(Debug, Clone, Copy, Default)]
struct Classes {
    input: Option<Price>,
    cached_input: Option<Price>,
    cache_write: Option<Price>,
    cache_write_1h: Option<Price>,
    output: Option<Price>,
    reasoning: Option<Price>,
    audio_input: Option<Price>,
    audio_output: Option<Price>,
}

impl Classes {
    /// These, and the base's own where these have none.
    fn over(self, base: Self) -> Self {
        Self {
            input: self.input.or(base.input),
            cached_input: self.cached_input.or(base.cached_input),
            cache_write: self.cache_write.or(base.cache_write),
            cache_write_1h: self.cache_write_1h.or(base.cache_write_1h),
            output: self.output.or(base.output),
            reasoning: self.reasoning.or(base.reasoning),
            audio_input: self.audio_input.or(base.audio_input),
            audio_output: self.audio_output.or(base.audio_output),
        }
    }

    /// Every class with a price: its own, or that of the class it is part of.
    fn resolve(self) -> pricing::Classes {
        let input = self.input.unwrap_or(Price::FREE);
        let output = self.output.unwrap_or(input);
        let cache_write = self.cache_write.unwrap_or(input);
        pricing::Classes {
            input,
            cached_input: self.cached_input.unwrap_or(input),
            cache_write,
            cache_write_1h: self.cache_write_1h.unwrap_or(cache_write),
            output,
            reasoning: self.reasoning.unwrap_or(output),
            audio_input: self.audio_input.unwrap_or(input),
            audio_output: self.audio_output.unwrap_or(output),
        }
    }
}

impl BookSettings {
    /// Adds this book's prices to `into`: its entries replace earlier ones of the same name, its revision joins theirs.
    pub fn compile(&self, report: &Report<'_>, into: &mut PriceBook) {
        let revision = self.revision.trim();
        if revision.is_empty() || revision.chars().any(char::is_control) {
            report.at("revision").fault_with(
                "bad_revision",
                "a price book needs a revision: ledger entries name it",
                "write one, like \"2026-11-20\"",
            );
        }
        into.revision = if into.revision.is_empty() {
            revision.into()
        } else {
            format!("{}+{revision}", into.revision).into()
        };
        if let Some(from) = &self.valid_from
            && instant(from).is_none()
        {
            report.at("valid_from").fault_with(
                "bad_time",
                format!("`{from}` is not a date or a time"),
                "write it like `2026-11-20` or `2026-11-20T12:00:00Z`",
            );
        }
        for (name, model) in &self.models {
            let report = report.at("models").at(name);
            super::name(name, &report);
            into.insert(name, model.compile(name, &report));
        }
    }
}

impl PriceSettings {
    fn compile(&self, name: &str, report: &Report<'_>) -> Rate {
        let request = dollars(self.request.as_deref(), &report.at("request"));
        let free = Free {
            allowed: self.free || request > Money::ZERO,
            model: name,
        };
        let base = Classes {
            input: price(self.input.as_deref(), "input", report, free),
            cached_input: price(self.cached_input.as_deref(), "cached_input", report, free),
            cache_write: price(self.cache_write.as_deref(), "cache_write", report, free),
            cache_write_1h: price(
                self.cache_write_1h.as_deref(),
                "cache_write_1h",
                report,
                free,
            ),
            output: price(self.output.as_deref(), "output", report, free),
            reasoning: price(self.reasoning.as_deref(), "reasoning", report, free),
            audio_input: price(self.audio_input.as_deref(), "audio_input", report, free),
            audio_output: price(self.audio_output.as_deref(), "audio_output", report, free),
        };
        if self.input.is_none() && !free.allowed {
            report.fault_with(
                "price_without_input",
                format!("model `{name}` has no price for its input"),
                "add `input: \"…\"` (dollars per million tokens), a non-zero `request`, or `free: true`",
            );
        }
        dollars(self.second.as_deref(), &report.at("second"));
        if let Some(discount) = &self.batch_discount {
            percent(discount, &report.at("batch_discount"));
        }
        for (key, tokens) in [
            ("image_tokens", self.image_tokens),
            ("max_input", self.max_input),
            ("max_output", self.max_output),
        ] {
            if tokens == Some(0) {
                report.at(key).fault_with(
                    "zero_tokens",
                    "no call fits into zero tokens",
                    "name the model's own number, or remove the key",
                );
            }
        }
        Rate {
            base: base.resolve(),
            tiers: self.tiers(base, report, free),
            request,
            character: price(self.character.as_deref(), "character", report, free)
                .unwrap_or(Price::FREE),
            image: dollars(self.image.as_deref(), &report.at("image")),
            web_search: self
                .web_search
                .as_deref()
                .and_then(|text| money(text, &report.at("web_search"))),
            image_tokens: self.image_tokens.map(Tokens),
            max_input: self.max_input.map(Tokens),
            max_output: self.max_output.map(Tokens),
        }
    }

    fn tiers(&self, base: Classes, report: &Report<'_>, free: Free<'_>) -> Vec<pricing::Tier> {
        let mut tiers: Vec<pricing::Tier> = Vec::with_capacity(self.tiers.len());
        for (index, tier) in self.tiers.iter().enumerate() {
            let report = report.at("tiers").at(index);
            let above_input = Tokens(tier.above_input);
            if tiers.iter().any(|known| known.above_input == above_input) {
                report.at("above_input").fault(
                    "duplicate_tier",
                    format!("another tier starts above {} too", tier.above_input),
                );
            }
            let classes = Classes {
                input: price(tier.input.as_deref(), "input", &report, free),
                cached_input: price(tier.cached_input.as_deref(), "cached_input", &report, free),
                cache_write: price(tier.cache_write.as_deref(), "cache_write", &report, free),
                cache_write_1h: price(
                    tier.cache_write_1h.as_deref(),
                    "cache_write_1h",
                    &report,
                    free,
                ),
                output: price(tier.output.as_deref(), "output", &report, free),
                reasoning: price(tier.reasoning.as_deref(), "reasoning", &report, free),
                audio_input: price(tier.audio_input.as_deref(), "audio_input", &report, free),
                audio_output: price(tier.audio_output.as_deref(), "audio_output", &report, free),
            };
            tiers.push(pricing::Tier {
                above_input,
                classes: classes.over(base).resolve(),
            });
        }
        tiers.sort_by_key(|tier| tier.above_input);
        tiers
    }
}

fn dollars(written: Option<&str>, report: &Report<'_>) -> Money {
    written
        .and_then(|text| money(text, report))
        .unwrap_or_default()
}

/// Whether a price of zero is meant, and whose it is.
#[derive(Debug, Clone, Copy)]
struct Free<'a> {
    allowed: bool,
    model: &'a str,
}

fn price(written: Option<&str>, class: &str, report: &Report<'_>, free: Free<'_>) -> Option<Price> {
    let report = report.at(class);
    let price = report.check("bad_price", written?.parse::<Price>())?;
    if price == Price::FREE && !free.allowed {
        report.fault_with(
            "free_without_saying",
            format!("`{class}` of model `{}` costs nothing", free.model),
            "if that is meant, add `free: true` to the model",
        );
    }
    Some(price)
}
