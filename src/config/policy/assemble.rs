//! From policy files to policies in force: read, checked, compiled, and tried by their own tests.
//!
//! One way for all: a gateway that starts or reloads, `tollgate check`, and the commands of the workshop. What a file says
//! does not count before its tests pass.
//!
//! Not here: what is done with what is wrong (callers), when files are read again (`app`).

use super::workbench::Engine;
use super::{Loaded, Trusted, files, load_texts, packs, read};
use crate::chat::Endpoint;
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

/// Reads, checks and compiles policies. A path may be `pack:NAME`, a pack that is built in.
#[must_use]
pub fn assemble(
    paths: &[PathBuf],
    trusted: &Trusted,
    around: &Surroundings,
    today: Date,
) -> Assembled {
    assemble_with(paths, &[], trusted, around, today)
}

/// The same with the files of a bundle beside them, each by its name as [`super::bundled::name`] makes it.
#[must_use]
pub fn assemble_with(
    paths: &[PathBuf],
    shipped: &[(PathBuf, String)],
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
    let shipped = shipped.iter();
    let shipped = shipped.map(|(name, text)| (name.clone(), Ok(text.clone().into_bytes())));
    let loaded = read(found.chain(packs).chain(shipped));
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
    let (shipped, own): (Vec<File>, Vec<File>) =
        loaded.files.iter().cloned().partition(|file| file.shipped);
    // What a gateway has of its own and what it is sent know nothing of each other: neither is at fault for the other.
    for part in [&own, &shipped] {
        let found = checked(part, around, today);
        loaded.add(found);
    }
    if loaded.has_errors() {
        return Assembled {
            loaded,
            compiled: None,
        };
    }
    match compiled(&loaded, &own, &shipped) {
        Ok(compiled) => {
            loaded.add(compiled.report.diagnostics());
            Assembled {
                loaded,
                compiled: Some(compiled),
            }
        }
        Err(faults) => {
            loaded.add(faults);
            Assembled {
                loaded,
                compiled: None,
            }
        }
    }
}

/// All files as one, and what came of the tests of each part: they were written for that part alone.
fn compiled(loaded: &Loaded, own: &[File], shipped: &[File]) -> Result<Compiled, Vec<Diagnostic>> {
    let names: Vec<String> = loaded
        .names
        .iter()
        .map(|name| name.display().to_string())
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let whole = |files: &[File]| {
        let policies = Policies::compile(files, &names, &loaded.revision)?;
        Ok::<_, Vec<Diagnostic>>((policies, catalogue(files)))
    };
    let (policies, catalogue) = whole(&loaded.files)?;
    let report = if own.is_empty() || shipped.is_empty() {
        tried(&policies, &catalogue, &loaded.files)
    } else {
        let mut report = Report::default();
        for part in [own, shipped] {
            let (policies, catalogue) = whole(part)?;
            report.join(tried(&policies, &catalogue, part));
        }
        report
    };
    Ok(Compiled {
        policies,
        catalogue,
        report,
    })
}

/// What comes of the tests of these files.
fn tried(policies: &Policies, catalogue: &Catalogue, files: &[File]) -> Report {
    let detect = |_: Site, text: &str| -> Vec<(Kind, Level)> {
        let found = catalogue.scan(text);
        found.iter().map(|one| (one.kind, one.level)).collect()
    };
    run_cases(policies, files, &detect)
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
        endpoints: &Endpoint::ALL.map(Endpoint::name),
        expressions: &|text, customs| match expr::compile(text, customs) {
            Ok(expression) => expression.warnings().to_vec(),
            Err(faults) => faults,
        },
        contradicts: &expr::contradicts,
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
