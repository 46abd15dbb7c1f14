//! From policy files to policies in force: read, checked, compiled, and tried by their own tests.
//!
//! One way for all: a gateway that starts or reloads, `tollgate check`, and the commands of the workshop. What a file says
//! does not count before its tests pass.
//!
//! Not here: what is done with what is wrong (callers), when files are read again (`app`).

use super::workbench::Engine;
use super::{Loaded, Trusted, files, load_texts, packs, read};
use crate::governance::guard::catalogue::{Catalogue, Selection};
use crate::governance::guard::custom::{Check, Custom};
use crate::governance::guard::{Kind, Level};
use crate::governance::policy::check::{World, check};
use crate::governance::policy::place::Diagnostic;
use crate::governance::policy::settings::{File, Site};
use crate::governance::policy::{Policies, Report, expr, run_cases};
use jiff::civil::Date;
use std::path::{Path, PathBuf};

/// What policies are checked against.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Models that have a price, by name.
    pub models: Vec<String>,
    /// Whether budgets refuse calls.
    pub hard_budget: bool,
}

/// Policies that were read, with all that is known about them.
#[derive(Debug)]
pub struct Assembled {
    /// The files, and everything that is wrong with them.
    pub loaded: Loaded,
    /// What they mean; none if anything is wrong.
    pub compiled: Option<Compiled>,
}

/// Policies ready to be in force.
#[derive(Debug)]
pub struct Compiled {
    /// The policies.
    pub policies: Policies,
    /// What is looked for.
    pub catalogue: Catalogue,
    /// What came of their tests.
    pub report: Report,
}

impl Assembled {
    /// What is in force if nothing is wrong.
    ///
    /// # Errors
    /// Something is: the files with all that is.
    pub fn usable(self) -> Result<Option<Compiled>, Loaded> {
        if self.loaded.has_errors() {
            return Err(self.loaded);
        }
        Ok(self
            .compiled
            .filter(|compiled| !compiled.policies.is_empty()))
    }
}

/// Endpoints, as policies name them.
const ENDPOINTS: [&str; 4] = ["chat", "completions", "embeddings", "responses"];

/// Reads, checks and compiles policies. A path may be `pack:NAME`, a pack that is built in.
#[must_use]
pub fn assemble(
    paths: &[PathBuf],
    trusted: &Trusted,
    around: &Surroundings,
    today: Date,
) -> Assembled {
    let (built_in, on_disk): (Vec<&PathBuf>, Vec<&PathBuf>) =
        paths.iter().partition(|path| packs::named(path).is_some());
    let on_disk: Vec<PathBuf> = on_disk.into_iter().cloned().collect();
    let found = files::read_all(&on_disk, trusted);
    let found = found.into_iter().map(|file| (file.name, file.content));
    let packs = built_in.into_iter().map(|path| {
        let name = packs::named(path).unwrap_or_default();
        let text = packs::text(name).ok_or_else(|| files::Refusal::no_pack(name));
        (path.clone(), text.map(|text| text.as_bytes().to_vec()))
    });
    let loaded = read(found.chain(packs));
    finish(loaded, around, today)
}

/// Checks and compiles policies that are in memory.
#[must_use]
pub fn assemble_texts<'a>(
    texts: impl IntoIterator<Item = (&'a Path, &'a [u8])>,
    around: &Surroundings,
    today: Date,
) -> Assembled {
    finish(load_texts(texts), around, today)
}

fn finish(mut loaded: Loaded, around: &Surroundings, today: Date) -> Assembled {
    let found = checked(&loaded.files, around, today);
    loaded.add(found);
    if loaded.has_errors() {
        return Assembled {
            loaded,
            compiled: None,
        };
    }
    let names: Vec<String> = loaded
        .names
        .iter()
        .map(|name| name.display().to_string())
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let policies = match Policies::compile(&loaded.files, &names, &loaded.revision) {
        Ok(policies) => policies,
        Err(faults) => {
            loaded.add(faults);
            return Assembled {
                loaded,
                compiled: None,
            };
        }
    };
    let catalogue = catalogue(&loaded.files);
    let detect = |_: Site, text: &str| -> Vec<(Kind, Level)> {
        let found = catalogue.scan(text);
        found.iter().map(|one| (one.kind, one.level)).collect()
    };
    let report = run_cases(&policies, &loaded.files, &detect);
    loaded.add(report.diagnostics());
    Assembled {
        loaded,
        compiled: Some(Compiled {
            policies,
            catalogue,
            report,
        }),
    }
}

/// What is wrong with files that can be read.
fn checked(files: &[File], around: &Surroundings, today: Date) -> Vec<Diagnostic> {
    let kinds: Vec<&str> = Kind::BUILT_IN.iter().map(|kind| kind.name()).collect();
    let is_priced = |name: &str| {
        let pattern = crate::pattern::Pattern::new(name);
        around.models.is_empty() || around.models.iter().any(|model| pattern.matches(model))
    };
    let world = World {
        today,
        is_priced: &is_priced,
        has_hard_budget: &|_| around.hard_budget,
        kinds: &kinds,
        endpoints: &ENDPOINTS,
        expressions: &|text, customs| match expr::compile(text, customs) {
            Ok(expression) => expression.warnings().to_vec(),
            Err(faults) => faults,
        },
        workbench: &Engine,
    };
    check(files, &world)
}

/// Everything that is built in, and the files' own patterns in their order. A pattern that does not compile was told by
/// the check.
fn catalogue(files: &[File]) -> Catalogue {
    let customs = files
        .iter()
        .flat_map(|file| &file.patterns)
        .filter_map(|pattern| {
            let check = pattern
                .validator
                .as_ref()
                .and_then(|name| Check::named(&name.value));
            Custom::compile(&pattern.name.value, &pattern.regex.value, false, check).ok()
        });
    Catalogue::build(Selection {
        customs: customs.collect(),
        ..Selection::default()
    })
}
