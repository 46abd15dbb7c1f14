//! From policies as written to policies as meant: one snapshot of all files, or everything that is wrong with them.
//!
//! What is refused here cannot be compiled: unknown lists, zones, windows, dates, kinds and broken expressions. What can be
//! and is still a mistake (a rule that can never match, a limit above the parent's) is the business of `check`.
//!
//! Files are ordered by their scope before anything else is done, so the order they were read in does not show.

mod entries;
mod matching;
mod names;
mod rules;

use super::breaker::Armed;
use super::context::Seat;
use super::index::Index;
use super::matcher::{Condition, Key, Matcher};
use super::place::{Diagnostic, Place};
use super::policies::{Policies, Roster};
use super::rule::{Cap, Rule, When};
use super::scope::{self, Limits, Rows, Scope};
use super::settings::{self, Effect, File};
use jiff::tz::TimeZone;

/// More scopes or rules than this are refused: places are kept in few bits.
const MOST: usize = 60_000;

impl Policies {
    /// Compiles these files. `names` are what the files are called in messages, `revision` what their digest is.
    ///
    /// # Errors
    /// Everything that keeps them from being compiled, in the order of the files. Warnings are left to `check`.
    pub fn compile(
        files: &[File],
        names: &[&str],
        revision: &str,
    ) -> Result<Self, Vec<Diagnostic>> {
        let mut faults = Vec::new();
        let custom = custom_kinds(files, &mut faults);
        let mut ordered: Vec<&File> = files.iter().collect();
        ordered.sort_by_cached_key(|file| {
            let scope = &file.scope.value;
            (
                scope::rank(scope),
                scope.key.clone(),
                scope.project.clone(),
                scope.team.clone(),
                scope.org.clone(),
                file.pack.as_deref(),
                file.shipped,
            )
        });
        let mut rules = Vec::new();
        let mut scopes = Vec::new();
        for file in ordered {
            let number = u16::try_from(scopes.len()).unwrap_or(u16::MAX);
            let mut reader = Reader::new(file, number, &custom, &mut faults);
            scopes.push(reader.scope(&mut rules));
        }
        if rules.len() > MOST || scopes.len() > MOST {
            let message = format!("more than {MOST} rules or files");
            faults.push(Diagnostic::error("TG003", Place::default(), message));
        }
        if !faults.is_empty() {
            faults.sort_by_key(|fault| fault.place);
            return Err(faults);
        }
        Ok(Self {
            revision: revision.into(),
            files: names.iter().map(|name| Box::from(*name)).collect(),
            custom: custom.iter().map(|name| Box::from(*name)).collect(),
            roster: Roster::new(&scopes),
            scopes: scopes.into(),
            rules: rules.into(),
        })
    }
}

/// The names of all patterns, in the order of the files as they were given: that is how findings count them.
fn custom_kinds<'f>(files: &'f [File], faults: &mut Vec<Diagnostic>) -> Vec<&'f str> {
    let mut known: Vec<(&str, Place)> = Vec::new();
    for pattern in files.iter().flat_map(|file| &file.patterns) {
        let name = pattern.name.value.as_str();
        match known.iter().find(|(other, _)| *other == name) {
            Some((_, place)) => faults.push(
                Diagnostic::error(
                    "TG203",
                    pattern.name.place,
                    format!("pattern `{name}` is there already"),
                )
                .with_also(*place, "the first of them"),
            ),
            None => known.push((name, pattern.name.place)),
        }
    }
    known.into_iter().map(|(name, _)| name).collect()
}

/// Reads one file.
struct Reader<'f, 'c> {
    file: &'f File,
    seat: Seat,
    zone: TimeZone,
    custom: &'c [&'f str],
    faults: &'c mut Vec<Diagnostic>,
}

impl<'f, 'c> Reader<'f, 'c> {
    fn new(
        file: &'f File,
        number: u16,
        custom: &'c [&'f str],
        faults: &'c mut Vec<Diagnostic>,
    ) -> Self {
        let mut reader = Self {
            file,
            seat: Seat {
                scope: number,
                rank: scope::rank(&file.scope.value),
                shipped: file.shipped,
            },
            zone: TimeZone::UTC,
            custom,
            faults,
        };
        if let Some(zone) = &file.defaults.tz {
            reader.zone = reader.zone_named(zone);
        }
        reader
    }

    fn fault(&mut self, code: &'static str, place: Place, message: impl Into<String>) {
        self.faults.push(Diagnostic::error(code, place, message));
    }

    /// The file as a scope; its rules are added to those of all files.
    fn scope(&mut self, all: &mut Vec<Rule>) -> Scope {
        let file = self.file;
        let start = all.len();
        for rule in &file.rules {
            let compiled = self.rule(rule);
            all.push(compiled);
        }
        let rules = all.get(start..).unwrap_or_default();
        let index = Index::new(&rules.iter().map(|rule| &rule.matches).collect::<Vec<_>>());
        let rows = rows(rules);
        let exceptions = file.overrides.iter();
        let exceptions = exceptions
            .filter_map(|exception| self.exception(exception, start, rules))
            .collect();
        let capture = file.capture.as_ref();
        Scope {
            names: file.scope.value.clone(),
            layer: file.scope.value.layer(),
            seat: self.seat,
            rules: start..all.len(),
            index,
            rows,
            default: file.defaults.effect.as_ref().map(|effect| effect.value),
            on_detector_error: file.defaults.on_detector_error.as_ref().map(|on| on.value),
            scan_budget: file
                .defaults
                .scan_budget
                .as_ref()
                .map(|budget| budget.value),
            limits: limits(&file.limits),
            budget: file.budget.clone(),
            exceptions,
            guards: file.redact.iter().map(|entry| self.guard(entry)).collect(),
            injection: file.injection.clone(),
            taints: file.taint.iter().map(|entry| self.taint(entry)).collect(),
            breakers: file
                .breakers
                .iter()
                .map(|written| Armed::new(written, self.seat.scope))
                .collect(),
            consults: file
                .consult
                .iter()
                .map(|entry| self.consult(entry))
                .collect(),
            capture: capture.map(|matches| self.matcher(matches, super::matcher::Side::Narrows)),
        }
    }
}

/// Which rules have a part in what.
fn rows(rules: &[Rule]) -> Rows {
    let row = |wanted: &dyn Fn(&Rule) -> bool| {
        let places = rules.iter().enumerate().filter(|(_, rule)| wanted(rule));
        super::index::row(rules.len(), places.map(|(place, _)| place))
    };
    let allows = |rule: &Rule| rule.effect == Some(Effect::Allow);
    let plainly =
        |rule: &&Rule| allows(rule) && rule.trial.shadow.is_none() && rule.trial.canary.is_none();
    let sets_tags =
        |rule: &Rule| !rule.tags.is_empty() && !asks_for_tags(rule) && !is_about_calls(rule);
    let canaries = rules
        .iter()
        .filter(|rule| allows(rule) && rule.trial.shadow.is_none());
    // What allows a request allows the calls it leads to, unless it names other tools.
    let judges_calls = |rule: &Rule| allows(rule) || is_about_calls(rule) || names_tools(rule);
    Rows {
        requests: row(&|rule| !is_about_calls(rule)),
        calls: row(&judges_calls),
        calls_read_texts: rules
            .iter()
            .any(|rule| judges_calls(rule) && reads_texts(rule)),
        taggers: row(&sets_tags),
        tags: rules.iter().any(sets_tags),
        allows_requests: rules
            .iter()
            .filter(plainly)
            .any(|rule| !is_about_calls(rule)),
        allows_calls: rules.iter().any(|rule| plainly(&rule)),
        canary_allows: canaries
            .filter_map(|rule| Some((rule.id.clone(), rule.trial.canary?)))
            .collect(),
    }
}

fn any_condition(matcher: &Matcher, wanted: impl Fn(&Condition) -> bool) -> bool {
    matcher.conditions().iter().any(wanted)
}

fn is_about_calls(rule: &Rule) -> bool {
    any_condition(&rule.matches, |condition| {
        matches!(condition, Condition::Calls(_))
    })
}

fn names_tools(rule: &Rule) -> bool {
    any_condition(&rule.matches, |condition| {
        matches!(condition, Condition::Names(Key::Tools, _))
    })
}

fn reads_texts(rule: &Rule) -> bool {
    let asks = |matcher: &Matcher| {
        any_condition(matcher, |condition| {
            matches!(condition, Condition::Scan(_) | Condition::Detections(_))
        })
    };
    asks(&rule.matches)
        || rule.unless.as_ref().is_some_and(asks)
        || rule.when.as_ref().is_some_and(When::reads_texts)
}

fn asks_for_tags(rule: &Rule) -> bool {
    let asks = |matcher: &Matcher| {
        any_condition(matcher, |condition| matches!(condition, Condition::Tag(..)))
    };
    asks(&rule.matches) || rule.unless.as_ref().is_some_and(asks)
}

/// `limits:` with their places.
fn limits(written: &settings::Limits) -> Limits {
    Limits {
        max_input_tokens: cap(written.max_input_tokens.as_ref()),
        max_output_tokens: cap(written.max_output_tokens.as_ref()),
        rpm: cap(written.rpm.as_ref()),
        tpm: cap(written.tpm.as_ref()),
        concurrency: cap(written.concurrency.as_ref()),
    }
}

fn cap(written: Option<&super::place::Spanned<u64>>) -> Option<Cap> {
    written.map(|number| Cap {
        value: number.value,
        place: number.place,
    })
}
