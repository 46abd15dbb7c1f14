//! What is wrong with policies that can be read: names that lead nowhere, rules that never act, ends that are over.
//!
//! Everything here looks at settings and at nothing else; what depends on the world outside (today's date, prices, how fast
//! a pattern is) is handed in as a [`World`]. What holds a policy back is an error; what an author should look at, and may
//! leave as it is, a warning.
//!
//! Not here: the form of files (`config::policy`), expressions (handed in by [`World::expressions`]), tests (`cases`).

mod beside;
mod cover;
mod dates;
mod guards;
mod layers;
mod lists;
mod met;
mod names;
mod near;
mod rules;
mod used;
mod windows;

use super::expr::Known;
use super::place::Diagnostic;
use super::settings::{CustomPattern, File, Scope, Text};
use jiff::civil::Date;
use std::ops::Range;

/// What a check has to know besides the policies.
#[derive(Clone, Copy)]
pub struct World<'a> {
    /// The day it is.
    pub today: Date,
    /// Whether the price book has a model that this name or glob covers.
    pub is_priced: &'a dyn Fn(&str) -> bool,
    /// Whether calls of this scope are held to a hard budget: there a model without a price is refused.
    pub has_hard_budget: &'a dyn Fn(&Scope) -> bool,
    /// The kinds that built-in detectors find, by name.
    pub kinds: &'a [&'a str],
    /// The endpoints there are, by name.
    pub endpoints: &'a [&'a str],
    /// What is wrong with an expression; the names are those of the policies' own patterns.
    pub expressions: &'a dyn Fn(&Text, &[&str]) -> Vec<Diagnostic>,
    /// Whether an expression that could hold otherwise never does where this is known.
    pub contradicts: &'a dyn Fn(&Text, &[&str], &Known<'_>) -> bool,
    /// Where custom patterns are tried out.
    pub workbench: &'a dyn Workbench,
}

/// Where custom patterns are tried out. Compiling and measuring are the business of whoever has the engine and a clock.
pub trait Workbench {
    /// Where a pattern finds something in a text; its validator has been asked.
    ///
    /// # Errors
    /// Why the pattern cannot be used at all.
    fn finds(&self, pattern: &CustomPattern, text: &str) -> Result<Vec<Range<usize>>, String>;

    /// What built-in detectors find in a text, by kind.
    fn built_in(&self, text: &str) -> Vec<(Range<usize>, &'static str)>;

    /// How many nanoseconds a pattern takes for a kibibyte of ordinary text; `None` if it is not measured.
    fn nanos_per_kib(&self, pattern: &CustomPattern) -> Option<u64>;
}

/// Everything that is wrong with these policies, by place.
#[must_use]
pub fn check(files: &[File], world: &World<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let effort = cover::Effort::new();
    let mut all_sound = true;
    let patterns: Vec<&str> = files
        .iter()
        .flat_map(|file| &file.patterns)
        .map(|pattern| pattern.name.value.as_str())
        .collect();
    for file in files {
        if !lists::check(file, &mut found) {
            // What such lists stand for cannot be written out.
            all_sound = false;
            continue;
        }
        used::check(file, &mut found);
        names::check(file, world, &mut found);
        rules::check(file, world, &effort, &mut found);
        beside::check(file, &effort, &mut found);
        windows::check(file, world.today, &mut found);
        dates::check(file, world.today, &mut found);
        guards::check(file, &patterns, world, &mut found);
        for rule in &file.rules {
            if let Some(when) = &rule.when {
                found.extend((world.expressions)(when, &patterns));
                met::check(file, rule, when, &patterns, world, &mut found);
            }
        }
    }
    used::patterns(files, &effort, &mut found);
    if all_sound {
        layers::check(files, world.today, &effort, &mut found);
    }
    found.sort_by(|left, right| {
        (left.place, left.code, &left.message).cmp(&(right.place, right.code, &right.message))
    });
    found.dedup();
    found
}
