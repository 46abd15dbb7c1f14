//! Rules beside each other: those a deny rule makes pointless, and those that are there twice.

use super::cover::{Effort, match_covers};
use super::names::{lists_of, signed};
use super::rules::is_plain;
use crate::governance::policy::place::{Diagnostic, Spanned};
use crate::governance::policy::settings::{Effect, File, Match, Rule};
use std::collections::BTreeMap;

pub(super) fn check(file: &File, effort: &Effort, found: &mut Vec<Diagnostic>) {
    covered(file, effort, found);
    alike(file, found);
}

/// Complains of allow rules that a deny rule makes pointless.
fn covered(file: &File, effort: &Effort, found: &mut Vec<Diagnostic>) {
    let of = |effect: Effect| {
        let is_it = move |rule: &&Rule| rule.effect.is_some_and(|found| found.value == effect);
        file.rules.iter().filter(is_it)
    };
    let everything = Spanned::default();
    let denies: Vec<&Rule> = of(Effect::Deny).filter(|rule| is_plain(rule)).collect();
    for allow in of(Effect::Allow).filter(|rule| rule.shadow.is_none()) {
        let narrow = allow.matches.as_ref().unwrap_or(&everything);
        let deny = denies.iter().find(|deny| {
            let wide = deny.matches.as_ref().unwrap_or(&everything);
            match_covers((file, wide), (file, narrow), true, effort)
        });
        if let Some(deny) = deny {
            let message = format!(
                "rule `{}` never has an effect: `{}` denies all that it allows",
                allow.id.value, deny.id.value
            );
            found.push(
                Diagnostic::error("TG207", allow.id.place, message)
                    .with_also(deny.id.place, "denied by this rule"),
            );
        }
    }
}

/// Complains of rules that say the same about the same requests.
fn alike(file: &File, found: &mut Vec<Diagnostic>) {
    let mut seen: BTreeMap<Said, &Rule> = BTreeMap::new();
    for rule in &file.rules {
        let Some(said) = said(rule) else {
            continue;
        };
        if let Some(first) = seen.get(&said) {
            let message = format!(
                "rule `{}` matches and does what `{}` does",
                rule.id.value, first.id.value
            );
            found.push(
                Diagnostic::error("TG208", rule.id.place, message)
                    .with_also(first.id.place, "the first is here")
                    .with_help("keep one of them"),
            );
        } else {
            seen.insert(said, rule);
        }
    }
}

/// What a rule that only allows or denies says.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Said {
    denies: bool,
    is_shadow: bool,
    when: Option<String>,
    matches: Option<Vec<String>>,
    unless: Option<Vec<String>>,
}

/// What a rule says but for its name, message and trial; `None` if it does more than allow or deny.
fn said(rule: &Rule) -> Option<Said> {
    let acts = rule.set.is_some() || rule.route.is_some() || rule.require.is_some();
    if acts || !rule.tag.is_empty() || rule.alert.is_some() {
        return None;
    }
    Some(Said {
        denies: rule.effect?.value == Effect::Deny,
        is_shadow: rule.shadow.is_some(),
        when: rule.when.as_ref().map(|when| when.text.clone()),
        matches: rule.matches.as_ref().map(|matches| fingerprint(matches)),
        unless: rule.unless.as_ref().map(|unless| fingerprint(unless)),
    })
}

/// What a `match:` says, without places and without the order of entries.
fn fingerprint(matches: &Match) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for (key, _, names) in lists_of(matches) {
        let mut entries: Vec<String> = names
            .value
            .iter()
            .map(|name| {
                let (not, rest) = signed(&name.value);
                format!("{not} {}", rest.to_ascii_lowercase())
            })
            .collect();
        entries.sort();
        parts.push(format!("{key} {entries:?}"));
    }
    for (kind, pairs) in [("header", &matches.headers), ("tag", &matches.tags)] {
        let pairs = pairs.iter();
        parts.extend(pairs.map(|(name, glob)| format!("{kind} {:?} {:?}", name.value, glob.value)));
    }
    parts.extend(matches.has.iter().map(|has| format!("{:?}", has.value)));
    parts.extend(matches.scan.iter().map(|scan| format!("{:?}", scan.value)));
    parts.extend(matches.tool_calls.iter().map(|call| {
        let pairs = call.arguments.iter();
        let arguments: Vec<(&str, &str)> = pairs
            .map(|(path, glob)| (path.value.as_str(), glob.value.as_str()))
            .collect();
        format!("call {:?} {arguments:?}", call.name.value)
    }));
    parts.extend(
        matches
            .window
            .iter()
            .map(|window| format!("window {:?}", window.value)),
    );
    parts.sort();
    parts
}
