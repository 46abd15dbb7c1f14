//! The files' own tests: each is a request as policies see it, and what is to come of it.
//!
//! They run against all policies together, because that is what a request meets; those of a pack run against the pack alone
//! (`bench`). A file is not loaded while one of its tests fails. `mutate` asks the same tests whether they would notice a
//! change.

mod answer;
mod bench;
mod compare;
mod given;

pub(super) use answer::Answer;
pub(super) use bench::Bench;
pub(super) use given::Prepared;

use super::place::{Diagnostic, Place, Severity};
use super::policies::Policies;
use super::settings::{File, Site};
use crate::governance::guard::{Kind, Level};

/// Finds things in the texts of a test, as the detectors would.
pub trait Detect {
    /// Everything in this text that stands at that site.
    fn detect(&self, site: Site, text: &str) -> Vec<(Kind, Level)>;
}

impl<F: Fn(Site, &str) -> Vec<(Kind, Level)>> Detect for F {
    fn detect(&self, site: Site, text: &str) -> Vec<(Kind, Level)> {
        self(site, text)
    }
}

/// What came of one test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseResult {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub place: Place,
    /// What is wrong; nothing: it passed.
    pub faults: Vec<Diagnostic>,
}

impl CaseResult {
    /// Whether it passed.
    #[must_use]
    pub const fn passed(&self) -> bool {
        self.faults.is_empty()
    }
}

/// What came of all tests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Each test, in the order of the files.
    pub cases: Vec<CaseResult>,
    /// Rules and entries of `redact:` no test reaches.
    pub unreached: Vec<Diagnostic>,
    /// How many of them there are.
    pub rules: usize,
    /// How many of them a test reaches.
    pub reached: usize,
}

impl Report {
    /// Whether every test passed.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.cases.iter().all(CaseResult::passed)
    }

    /// Adds what came of the tests of other files.
    pub fn join(&mut self, other: Self) {
        self.cases.extend(other.cases);
        self.unreached.extend(other.unreached);
        self.rules = self.rules.saturating_add(other.rules);
        self.reached = self.reached.saturating_add(other.reached);
    }

    /// Everything to complain about, in the order of the files.
    #[must_use]
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let faults = self.cases.iter().flat_map(|case| &case.faults);
        let mut all: Vec<Diagnostic> = faults.chain(&self.unreached).cloned().collect();
        all.sort_by_key(|fault| fault.place);
        all
    }
}

/// Runs the tests of these files against the policies compiled from them.
#[must_use]
pub fn run_cases(policies: &Policies, files: &[File], detect: &dyn Detect) -> Report {
    let prepared = prepare(files, detect);
    let bench = Bench::new(policies, files);
    let mut reached = Vec::new();
    let cases = prepared.iter().map(|prepared| {
        let policies = bench.asked(prepared);
        let answer = Answer::of(policies, prepared);
        reached.extend_from_slice(&answer.reached);
        CaseResult {
            name: prepared.case.name.value.clone(),
            place: prepared.case.place,
            faults: compare::faults(policies, prepared, &answer),
        }
    });
    let cases = cases.collect();
    coverage(policies, files, &reached, cases)
}

/// The tests of these files, ready to be asked.
pub(super) fn prepare<'f>(files: &'f [File], detect: &dyn Detect) -> Vec<Prepared<'f>> {
    let cases = files
        .iter()
        .flat_map(|file| file.tests.iter().map(move |case| (file, case)));
    cases
        .map(|(file, case)| Prepared::new(file, case, detect))
        .collect()
}

/// Whether a test passes.
pub(super) fn passes(bench: &Bench<'_>, prepared: &Prepared<'_>) -> bool {
    let policies = bench.asked(prepared);
    compare::faults(policies, prepared, &Answer::of(policies, prepared)).is_empty()
}

fn coverage(
    policies: &Policies,
    files: &[File],
    reached: &[Place],
    cases: Vec<CaseResult>,
) -> Report {
    let rules = policies.rules.iter().map(|rule| (&*rule.id, rule.place));
    let guards = policies.scopes.iter().flat_map(|scope| &scope.guards);
    let all: Vec<(&str, Place)> = rules
        .chain(guards.map(|guard| (&*guard.id, guard.place)))
        .collect();
    let missed = |place: &Place| !reached.contains(place);
    let untested = |place: Place| {
        let of_file = |file: &&File| file.place.file == place.file;
        files
            .iter()
            .find(of_file)
            .is_some_and(|file| file.tests.is_empty())
    };
    let mut unreached: Vec<Diagnostic> = all
        .iter()
        .filter(|(_, place)| missed(place) && !untested(*place))
        .map(|(id, place)| {
            Diagnostic::warning("TG604", *place, format!("no test reaches `{id}`"))
                .with_help("add a test whose request it matches")
        })
        .collect();
    let without_tests = files
        .iter()
        .filter(|file| file.tests.is_empty() && !(file.rules.is_empty() && file.redact.is_empty()));
    unreached.extend(
        without_tests.map(|file| {
            Diagnostic::warning("TG604", file.place, "this file has rules and no tests")
        }),
    );
    debug_assert!(
        unreached
            .iter()
            .all(|fault| fault.severity == Severity::Warning)
    );
    Report {
        cases,
        unreached,
        rules: all.len(),
        reached: all.iter().filter(|(_, place)| !missed(place)).count(),
    }
}
