//! What changed between two price books, price by price.
//!
//! Compared are prices in effect: a class that has none of its own costs what the class it is part of costs, in a tier as
//! in the base, so a price that is left out of the new book does not look like one that is gone.

use super::super::PriceBook;
use super::super::document::Document;
use super::super::fault::Faults;
use super::super::read::Reader;
use super::{WORD, named};
use crate::governance::settings::{BookSettings, PriceSettings, TierSettings};
use crate::units::{Money, Price};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The revision of the old book.
    pub old: String,
    /// The revision of the new one.
    pub new: String,
    /// Models that only the new book has, with their prices.
    pub added: Vec<Changed>,
    /// Models that only the old book has, with their prices.
    pub removed: Vec<Changed>,
    /// Models whose prices differ.
    pub changed: Vec<Changed>,
    /// How many are in both and differ in nothing.
    pub same: usize,
}

/// A model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Its name in the book.
    pub name: String,
    /// What differs.
    pub parts: Vec<Part>,
}

/// One thing that a book says of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// From how many input tokens on; `None` below every tier.
    pub above_input: Option<u64>,
    /// Which class, or which other key.
    pub what: &'static str,
    /// In the old book.
    pub old: Option<String>,
    /// In the new one.
    pub new: Option<String>,
    /// How much more, in percent of the old, to one place: `+12.5`.
    pub percent: Option<String>,
}

/// Compares two books; the built-in one stands for a file that is not named.
///
/// # Errors
/// Everything that is wrong with either.
pub fn compare(old: Option<&Path>, new: Option<&Path>) -> Result<Comparison, Faults> {
    let mut reader = Reader::new(&[]);
    let (old, new) = (read(old, &mut reader), read(new, &mut reader));
    reader.places.finish()?;
    let mut found = Comparison {
        old: old.revision.clone(),
        new: new.revision.clone(),
        added: Vec::new(),
        removed: Vec::new(),
        changed: Vec::new(),
        same: 0,
    };
    let nothing = Sheet::default();
    let sheets = |book: &BookSettings| -> BTreeMap<String, Sheet> {
        let sheet = |(name, model): (&String, &PriceSettings)| (name.clone(), Sheet::of(model));
        book.models.iter().map(sheet).collect()
    };
    let (old, new) = (sheets(&old), sheets(&new));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for name in names {
        let (before, after) = (old.get(name), new.get(name));
        let parts = parts(before.unwrap_or(&nothing), after.unwrap_or(&nothing));
        let list = match (before, after) {
            (None, _) => &mut found.added,
            (_, None) => &mut found.removed,
            _ if parts.is_empty() => {
                found.same += 1;
                continue;
            }
            _ => &mut found.changed,
        };
        list.push(Changed {
            name: name.clone(),
            parts,
        });
    }
    Ok(found)
}

fn read(file: Option<&Path>, reader: &mut Reader<'_>) -> BookSettings {
    let Some(root) = named(file.unwrap_or(Path::new(WORD)), reader) else {
        return BookSettings::default();
    };
    let mut document = Document::new(root, reader);
    let settings: BookSettings = document.settings(reader);
    settings.compile(&document.report(), &mut PriceBook::default());
    document.finish(reader);
    settings
}

/// The classes in the order they are shown, and which each is part of.
const CLASSES: [(&str, Option<&str>); 8] = [
    ("input", None),
    ("cached_input", Some("input")),
    ("cache_write", Some("input")),
    ("cache_write_1h", Some("cache_write")),
    ("output", Some("input")),
    ("reasoning", Some("output")),
    ("audio_input", Some("input")),
    ("audio_output", Some("output")),
];

/// The prices of classes as written.
type Prices = BTreeMap<&'static str, Price>;

/// One model.
#[derive(Debug, Clone, Default)]
struct Sheet {
    base: Prices,
    /// By threshold.
    tiers: BTreeMap<u64, Prices>,
    /// Dollars for other things.
    flat: BTreeMap<&'static str, Money>,
    /// What is no price.
    other: BTreeMap<&'static str, String>,
}

macro_rules! classes {
    ($written:expr) => {{
        let written = $written;
        let all = [
            ("input", &written.input),
            ("cached_input", &written.cached_input),
            ("cache_write", &written.cache_write),
            ("cache_write_1h", &written.cache_write_1h),
            ("output", &written.output),
            ("reasoning", &written.reasoning),
            ("audio_input", &written.audio_input),
            ("audio_output", &written.audio_output),
        ];
        let read = |(class, text): (&'static str, &Option<String>)| {
            Some((class, text.as_deref()?.parse().ok()?))
        };
        all.into_iter().filter_map(read).collect::<Prices>()
    }};
}

impl Sheet {
    fn of(model: &PriceSettings) -> Self {
        let tier = |tier: &TierSettings| (tier.above_input, classes!(tier));
        let flat = [
            ("request", &model.request),
            ("image", &model.image),
            ("character", &model.character),
            ("web_search", &model.web_search),
            ("second", &model.second),
        ];
        let number = |number: Option<u64>| number.map(|number| number.to_string());
        let other = [
            ("batch_discount", model.batch_discount.clone()),
            ("image_tokens", number(model.image_tokens)),
            ("max_input", number(model.max_input)),
            ("max_output", number(model.max_output)),
            ("free", model.free.then(|| "true".to_owned())),
        ];
        Self {
            base: classes!(model),
            tiers: model.tiers.iter().map(tier).collect(),
            flat: (flat.into_iter())
                .filter_map(|(key, text)| Some((key, text.as_deref()?.parse().ok()?)))
                .collect(),
            other: (other.into_iter())
                .filter_map(|(key, text)| Some((key, text?)))
                .collect(),
        }
    }

    /// The tier that prices inputs just above this threshold.
    fn tier(&self, above: u64) -> Option<&Prices> {
        self.tiers.range(..=above).next_back().map(|(_, tier)| tier)
    }

    /// What a class costs below every tier, or just above a threshold; `None` where nothing is priced by tokens.
    fn price(&self, class: &str, above: Option<u64>) -> Option<Price> {
        let tier = above.and_then(|above| self.tier(above));
        let own = tier
            .and_then(|tier| tier.get(class))
            .or_else(|| self.base.get(class));
        if let Some(price) = own {
            return Some(*price);
        }
        let (_, part_of) = CLASSES.iter().find(|(known, _)| *known == class)?;
        self.price((*part_of)?, above)
    }

    /// Whether the price of a class is written there.
    fn names(&self, class: &str, above: Option<u64>) -> bool {
        match above {
            None => self.base.contains_key(class),
            Some(above) => self
                .tier(above)
                .is_some_and(|tier| tier.contains_key(class)),
        }
    }
}

fn parts(old: &Sheet, new: &Sheet) -> Vec<Part> {
    let mut parts = Vec::new();
    let thresholds: BTreeSet<u64> = old.tiers.keys().chain(new.tiers.keys()).copied().collect();
    let levels = std::iter::once(None).chain(thresholds.into_iter().map(Some));
    for above in levels {
        for (class, _) in CLASSES {
            if !old.names(class, above) && !new.names(class, above) {
                continue;
            }
            let (before, after) = (old.price(class, above), new.price(class, above));
            if before != after {
                let nanos = |price: Price| i128::from(price.nanos_per_million());
                parts.push(Part {
                    above_input: above,
                    what: class,
                    old: before.map(|price| price.to_string()),
                    new: after.map(|price| price.to_string()),
                    percent: before
                        .zip(after)
                        .and_then(|(old, new)| percent(nanos(old), nanos(new))),
                });
            }
        }
    }
    for key in ["request", "image", "web_search", "second"] {
        let (before, after) = (old.flat.get(key), new.flat.get(key));
        if before != after {
            let nanos = |money: &Money| i128::from(money.nanos());
            parts.push(Part {
                above_input: None,
                what: key,
                old: before.map(Money::to_string),
                new: after.map(Money::to_string),
                percent: before
                    .zip(after)
                    .and_then(|(old, new)| percent(nanos(old), nanos(new))),
            });
        }
    }
    for key in [
        "batch_discount",
        "image_tokens",
        "max_input",
        "max_output",
        "free",
    ] {
        let (before, after) = (old.other.get(key), new.other.get(key));
        if before != after {
            parts.push(Part {
                above_input: None,
                what: key,
                old: before.cloned(),
                new: after.cloned(),
                percent: None,
            });
        }
    }
    parts
}

/// The change in percent to one place, rounded half away from zero; `None` where there was nothing.
fn percent(old: i128, new: i128) -> Option<String> {
    if old <= 0 {
        return None;
    }
    let difference = new - old;
    let tenths = (difference.abs() * 2000 + old) / (old * 2);
    let sign = if difference < 0 { '-' } else { '+' };
    Some(format!("{sign}{}.{}", tenths / 10, tenths % 10))
}

#[cfg(test)]
mod tests;
