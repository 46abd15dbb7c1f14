//! Names that are given twice, and patterns nobody asks for.

use super::cover::{Effort, covers};
use super::names::{Sort, lists};
use crate::governance::policy::place::{Diagnostic, Spanned};
use crate::governance::policy::settings::File;
use std::collections::BTreeMap;

/// Ids within a file: rules, guards, breakers and consultations share one set of names, since logs tell them by it.
pub(super) fn check(file: &File, found: &mut Vec<Diagnostic>) {
    let rules = file.rules.iter().map(|rule| &rule.id);
    let guards = file.redact.iter().map(|redact| &redact.id);
    let breakers = file.breakers.iter().map(|breaker| &breaker.id);
    let consults = file.consult.iter().map(|consult| &consult.id);
    twice(
        "id",
        rules.chain(guards).chain(breakers).chain(consults),
        found,
    );
    twice("test", file.tests.iter().map(|case| &case.name), found);
}

/// Names of patterns: findings tell them by it, whichever file they come from. One that nothing asks for is looked for in
/// vain.
pub(super) fn patterns(files: &[File], effort: &Effort, found: &mut Vec<Diagnostic>) {
    let patterns = || {
        files
            .iter()
            .flat_map(|file| &file.patterns)
            .map(|pattern| &pattern.name)
    };
    twice("pattern", patterns(), found);
    let asked: Vec<&str> = files
        .iter()
        .flat_map(|file| {
            let own = file.lists.iter().map(|(_, names)| names);
            let lists = lists(file).into_iter();
            lists
                .filter(|(sort, _)| *sort == Sort::Kinds)
                .map(|(_, names)| names)
                .chain(own)
        })
        .flatten()
        .map(|name| name.value.as_str())
        .collect();
    let expressions = || {
        files
            .iter()
            .flat_map(|file| &file.rules)
            .filter_map(|rule| rule.when.as_ref())
    };
    for name in patterns() {
        let is_asked = !effort.affords(asked.len())
            || asked.iter().any(|kind| covers(kind, &name.value))
            || expressions().any(|when| when.text.contains(name.value.as_str()));
        if !is_asked {
            let message = format!("pattern `{}` is never used", name.value);
            found.push(
                Diagnostic::warning("TG202", name.place, message)
                    .with_help("name it in `types:` of an entry of `redact:`"),
            );
        }
    }
}

fn twice<'f>(
    what: &str,
    names: impl Iterator<Item = &'f Spanned<String>>,
    found: &mut Vec<Diagnostic>,
) {
    let mut seen: BTreeMap<&str, &Spanned<String>> = BTreeMap::new();
    for name in names {
        if let Some(first) = seen.get(name.value.as_str()) {
            let message = format!("{what} `{}` is there already", name.value);
            found.push(
                Diagnostic::error("TG203", name.place, message)
                    .with_also(first.place, "the first is here"),
            );
        } else {
            seen.insert(&name.value, name);
        }
    }
}
