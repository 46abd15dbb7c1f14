//! Trying custom patterns out, with the engine that will run them.
//!
//! How slow a pattern is, is measured and not guessed: over ordinary text, beside what the engine takes without it. The
//! fastest of several runs counts, since a machine that does something else makes a run slower, never faster.

use crate::clock;
use crate::governance::guard::catalogue::{Catalogue, Selection};
use crate::governance::guard::custom::{Check, Custom};
use crate::governance::policy::check::Workbench;
use crate::governance::policy::settings::CustomPattern;
use std::ops::Range;

/// Text as it is sent to models: prose, code, data, and other scripts.
const ORDINARY: &str = include_str!("ordinary.txt");
/// How often is measured.
const RUNS: usize = 15;

/// The engine itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Engine;

impl Workbench for Engine {
    fn finds(&self, pattern: &CustomPattern, text: &str) -> Result<Vec<Range<usize>>, String> {
        let found = catalogue(pattern)?.scan(text);
        Ok(found.iter().map(|one| one.start..one.end).collect())
    }

    fn built_in(&self, text: &str) -> Vec<(Range<usize>, &'static str)> {
        let found = Catalogue::builtin().scan(text);
        found
            .iter()
            .map(|one| (one.start..one.end, one.kind.name()))
            .collect()
    }

    fn nanos_per_kib(&self, pattern: &CustomPattern) -> Option<u64> {
        let with = catalogue(pattern).ok()?;
        let without = Catalogue::build(Selection {
            kinds: Vec::new(),
            customs: Vec::new(),
        });
        let extra = fastest(&with).saturating_sub(fastest(&without));
        let kib = u64::try_from(ORDINARY.len()).ok()? / 1_024;
        extra.checked_div(kib.max(1))
    }
}

/// The pattern alone.
fn catalogue(pattern: &CustomPattern) -> Result<Catalogue, String> {
    let check = pattern
        .validator
        .as_ref()
        .and_then(|name| Check::named(&name.value));
    let custom = Custom::compile(&pattern.name.value, &pattern.regex.value, false, check)
        .map_err(|fault| fault.to_string())?;
    Ok(Catalogue::build(Selection {
        kinds: Vec::new(),
        customs: vec![custom],
    }))
}

/// The nanoseconds of the fastest of several looks at the text.
fn fastest(catalogue: &Catalogue) -> u64 {
    let run = |_| {
        let start = clock::since_start();
        std::hint::black_box(catalogue.scan(std::hint::black_box(ORDINARY)));
        let taken = clock::since_start().saturating_sub(start);
        u64::try_from(taken.as_nanos()).unwrap_or(u64::MAX)
    };
    (0..RUNS).map(run).min().unwrap_or_default()
}
