//! A price book as whoever pays for it reads it: its faults, and what is allowed and probably not meant.
//!
//! A warning never stops a gateway. It is about an entry that no call will ever be priced by, a price that stands on its
//! head, or a limit without which calls are refused where a budget applies.

use super::super::document::Document;
use super::super::fault::{Fault, Place};
use super::super::read::Reader;
use super::super::{Config, PriceBook};
use super::{WORD, named};
use crate::governance::settings::{BookSettings, PriceSettings};
use crate::pattern::Pattern;
use crate::units::{Money, Price};
use std::collections::HashSet;
use std::path::PathBuf;

/// What a look at price books found.
#[derive(Debug)]
pub struct Audit {
    /// The revisions of all of them.
    pub revision: Box<str>,
    /// How many entries they have, those that replace others aside.
    pub entries: usize,
    /// What is wrong.
    pub faults: Vec<Fault>,
    /// What is probably not meant.
    pub warnings: Vec<Fault>,
}

/// Looks at price books, of two prices for one model the later; without `files` at the built-in one. With a configuration
/// also at what only matters to its providers and budgets.
#[must_use]
pub fn audit(files: &[PathBuf], knowing: Option<&Config>) -> Audit {
    let mut reader = Reader::new(&[]);
    let mut book = PriceBook::default();
    let mut look = Look {
        knowing,
        // Without a configuration nobody knows that there is none.
        hard: knowing.is_none_or(|config| config.budgets.iter().any(|budget| budget.enforce)),
        entries: Vec::new(),
        warnings: Vec::new(),
    };
    let built_in = [PathBuf::from(WORD)];
    let all = if files.is_empty() { &built_in } else { files };
    for file in all {
        if let Some(root) = named(file, &mut reader) {
            look.book(Document::new(root, &mut reader), &mut reader, &mut book);
        }
    }
    look.entries_together(&reader);
    let entries: HashSet<&str> = look.entries.iter().map(|one| &*one.name).collect();
    let (entries, mut warnings) = (entries.len(), look.warnings);
    warnings.sort_by_key(|one: &Fault| {
        let source = files.iter().position(|file| *file == one.file);
        (source, one.line, one.column)
    });
    Audit {
        revision: book.revision,
        entries,
        faults: reader.places.finish().err().map_or(Vec::new(), |all| all.0),
        warnings,
    }
}

struct Entry {
    name: String,
    place: Place,
}

struct Look<'a> {
    knowing: Option<&'a Config>,
    /// Whether budgets that refuse may apply.
    hard: bool,
    entries: Vec<Entry>,
    warnings: Vec<Fault>,
}

impl Look<'_> {
    /// Adds one book.
    fn book(&mut self, mut document: Document, reader: &mut Reader<'_>, book: &mut PriceBook) {
        let settings: BookSettings = document.settings(reader);
        settings.compile(&document.report(), book);
        for (name, model) in &settings.models {
            let path = ["models".into(), name.as_str().into()];
            if document.is_faulty(&path) {
                continue;
            }
            let one = One {
                name,
                document: &document,
                reader,
            };
            self.entry(&one, model);
            self.entries.push(Entry {
                name: name.clone(),
                place: one.place(&[]),
            });
        }
        document.finish(reader);
    }

    /// What is odd about one entry alone.
    fn entry(&mut self, one: &One<'_>, model: &PriceSettings) {
        let name = one.name;
        let prices = Prices::of(model);
        self.pair(one, &prices, None);
        for (index, tier) in model.tiers.iter().enumerate() {
            let tier = Prices {
                input: price(tier.input.as_deref()).or(prices.input),
                cached: price(tier.cached_input.as_deref()).or(prices.cached),
                output: price(tier.output.as_deref()).or(prices.output),
                own: [tier.cached_input.is_some(), tier.output.is_some()],
            };
            self.pair(one, &tier, Some(index));
        }
        for (key, written) in [
            ("request", &model.request),
            ("image", &model.image),
            ("web_search", &model.web_search),
            ("second", &model.second),
        ] {
            let zero = written.as_deref().and_then(|text| text.parse().ok()) == Some(Money::ZERO);
            if zero && !model.free {
                self.warn(
                    one,
                    &[key],
                    "zero_without_free",
                    format!("`{key}` of `{name}` costs nothing, and `free` does not say that this is meant"),
                    "remove it where it is not charged apart, or write its price",
                );
            }
        }
        if self.hard && !model.free {
            let longest = "calls with images, files or tools of the provider count as its longest input, and are refused without one";
            if model.max_input.is_none() {
                self.warn(
                    one,
                    &[],
                    "no_max_input",
                    format!("`{name}` has no `max_input`: where a hard budget applies, {longest}"),
                    "add `max_input:`, the longest input the model takes, in tokens",
                );
            }
            if model.max_output.is_none() && (model.output.is_some() || model.reasoning.is_some()) {
                self.warn(
                    one,
                    &[],
                    "no_max_output",
                    format!("`{name}` has no `max_output`: where a hard budget applies, calls that ask for no cap of their own are refused"),
                    "add `max_output:`, the longest output the model gives, in tokens",
                );
            }
        }
        self.provider(one);
    }

    /// What is odd about prices beside one another: those of the base, or of a tier.
    fn pair(&mut self, one: &One<'_>, prices: &Prices, tier: Option<usize>) {
        let Some(input) = prices.input else { return };
        let place = tier.map(|index| index.to_string());
        let path = |key: &'static str| -> Vec<&str> {
            match &place {
                Some(index) => vec!["tiers", index, key],
                None => vec![key],
            }
        };
        let within = tier.map_or("", |_| " in a tier");
        // A tier that names neither says nothing that the base did not say.
        let [own_cached, own_output] = prices.own;
        if let Some(cached) = prices.cached.filter(|cached| *cached > input)
            && (tier.is_none() || own_cached)
        {
            self.warn(
                one,
                &path("cached_input"),
                "cached_dearer",
                format!(
                    "`cached_input` of `{}` (${cached}) is dearer than its `input` (${input}){within}",
                    one.name
                ),
                "look for two numbers that changed places",
            );
        }
        if let Some(output) = prices.output.filter(|output| *output < input)
            && (tier.is_none() || own_output)
        {
            self.warn(
                one,
                &path("output"),
                "output_cheaper",
                format!(
                    "`output` of `{}` (${output}) is cheaper than its `input` (${input}){within}",
                    one.name
                ),
                "look for two numbers that changed places",
            );
        }
    }

    /// Whether what stands before the slash is a provider of the configuration.
    fn provider(&mut self, one: &One<'_>) {
        let (Some(config), Some((provider, _))) = (self.knowing, one.name.split_once('/')) else {
            return;
        };
        let pattern = Pattern::new(provider);
        if config
            .providers
            .iter()
            .any(|known| pattern.matches(&known.name))
        {
            return;
        }
        let known: Vec<&str> = config.providers.iter().map(|one| &*one.name).collect();
        self.warn(
            one,
            &[],
            "unknown_provider",
            format!("`{provider}` before the slash in `{}` is no provider of the configuration", one.name),
            &format!(
                "its providers: {}; where the slash is part of the model's own name, this is as it should be",
                known.join(", ")
            ),
        );
    }

    /// Entries that no call is ever priced by, because of others.
    fn entries_together(&mut self, reader: &Reader<'_>) {
        let shown = |place: Place| {
            format!(
                "{}:{}",
                reader.places.name(place.source).display(),
                place.line
            )
        };
        let mut found = Vec::new();
        for (index, one) in self.entries.iter().enumerate() {
            let mut later = self.entries.iter().skip(index + 1);
            if let Some(other) = later.find(|other| other.name == one.name) {
                found.push((
                    one.place,
                    "replaced",
                    format!(
                        "`{}` is replaced by a later entry of that name ({})",
                        one.name,
                        shown(other.place)
                    ),
                    "remove the one that is not meant",
                ));
                continue;
            }
            if let Some(other) = self
                .entries
                .iter()
                .find(|other| shadows(&other.name, &one.name))
            {
                found.push((one.place, "shadowed", format!(
                    "no call is priced by `{}`: `{}` ({}) covers it and is asked first",
                    one.name, other.name, shown(other.place)
                ), "a price at a provider goes before one without, and a pattern that begins with `*` covers both; then an exact name goes before a pattern, and a longer pattern before a shorter one"));
            }
        }
        for (place, code, message, help) in found {
            self.warnings.push(Fault {
                file: reader.places.name(place.source).to_owned(),
                line: place.line,
                column: place.column,
                code,
                message,
                help: Some(help.to_owned()),
            });
        }
    }

    fn warn(
        &mut self,
        one: &One<'_>,
        path: &[&str],
        code: &'static str,
        message: String,
        help: &str,
    ) {
        let place = one.place(path);
        self.warnings.push(Fault {
            file: one.reader.places.name(place.source).to_owned(),
            line: place.line,
            column: place.column,
            code,
            message,
            help: Some(help.to_owned()),
        });
    }
}

/// Whether every call that `name` could price is priced by `other`: a pattern that is asked before it and covers it.
fn shadows(other: &str, name: &str) -> bool {
    // A character that no name holds: what covers it covers any text in its place.
    const ANY: &str = "\u{0}";
    let pattern = Pattern::new(other);
    if pattern.is_exact() || other == name {
        return false;
    }
    let named = name.replace('*', ANY);
    // Asked first of all: the model at its provider, whatever that is called.
    let anywhere = format!("{ANY}/{named}");
    if !name.contains('/') && pattern.matches(&anywhere) {
        return true;
    }
    name.contains('*') && other.len() > name.len() && pattern.matches(&named)
}

/// One entry and where it was written.
struct One<'a> {
    name: &'a str,
    document: &'a Document,
    reader: &'a Reader<'a>,
}

impl One<'_> {
    fn place(&self, path: &[&str]) -> Place {
        let mut whole: Vec<Box<str>> = vec!["models".into(), self.name.into()];
        whole.extend(path.iter().map(|step| (*step).into()));
        self.document.place(&whole)
    }
}

struct Prices {
    input: Option<Price>,
    cached: Option<Price>,
    output: Option<Price>,
    /// Whether the tier names cached input and output itself.
    own: [bool; 2],
}

impl Prices {
    fn of(model: &PriceSettings) -> Self {
        Self {
            input: price(model.input.as_deref()),
            cached: price(model.cached_input.as_deref()),
            output: price(model.output.as_deref()),
            own: [true; 2],
        }
    }
}

fn price(written: Option<&str>) -> Option<Price> {
    written?.parse().ok()
}

#[cfg(test)]
mod tests;
