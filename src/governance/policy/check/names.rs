//! Lists of names: `$lists` and windows that are not defined or not used, globs that are none, endpoints nobody has.

use super::World;
use super::lists::DEEPEST;
use super::near::near;
use crate::governance::policy::place::{Diagnostic, Place, Spanned};
use crate::governance::policy::settings::{File, Match, Names};
use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};

/// What the entries of a list are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// Names with `*` and `?`.
    Globs,
    /// Endpoints.
    Endpoints,
    /// Kinds of values.
    Kinds,
    /// Ranges of addresses.
    Networks,
    /// Names as they are.
    Plain,
}

/// Every list of names in the file but its `lists:`, and what its entries are.
pub(super) fn lists(file: &File) -> Vec<(Sort, &Names)> {
    let mut found = Vec::new();
    for matches in matches(file) {
        found.extend(
            lists_of(matches)
                .into_iter()
                .map(|(_, sort, names)| (sort, &names.value)),
        );
    }
    for rule in &file.rules {
        if let Some(require) = &rule.require {
            found.push((Sort::Plain, &require.headers));
            found.extend(
                require
                    .tools
                    .iter()
                    .map(|tools| (Sort::Globs, &tools.value)),
            );
        }
    }
    found.extend(
        file.redact
            .iter()
            .map(|redact| (Sort::Kinds, &redact.types)),
    );
    for taint in &file.taint {
        found.push((Sort::Globs, &taint.from));
        found.push((Sort::Kinds, &taint.types));
    }
    found
}

/// Every `match:`, `unless:` and `capture:`.
pub(super) fn matches(file: &File) -> impl Iterator<Item = &Match> {
    let of_rules = file
        .rules
        .iter()
        .flat_map(|rule| [&rule.matches, &rule.unless]);
    let of_guards = file
        .redact
        .iter()
        .flat_map(|redact| [&redact.matches, &redact.unless]);
    let of_consults = file.consult.iter().map(|consult| &consult.matches);
    of_rules
        .chain(of_guards)
        .chain(of_consults)
        .chain([&file.capture])
        .flatten()
        .map(|matches| &matches.value)
}

/// The lists of a `match:`, by key.
pub(super) fn lists_of(matches: &Match) -> Vec<(&'static str, Sort, &Spanned<Names>)> {
    [
        ("models", Sort::Globs, &matches.models),
        ("endpoints", Sort::Endpoints, &matches.endpoints),
        ("tools", Sort::Globs, &matches.tools),
        ("users", Sort::Globs, &matches.users),
        ("groups", Sort::Globs, &matches.groups),
        ("agents", Sort::Globs, &matches.agents),
        ("projects", Sort::Globs, &matches.projects),
        ("keys", Sort::Globs, &matches.keys),
        ("networks", Sort::Networks, &matches.networks),
        ("languages", Sort::Plain, &matches.languages),
        ("tainted", Sort::Globs, &matches.tainted),
        ("detections", Sort::Kinds, &matches.detections),
    ]
    .into_iter()
    .filter_map(|(key, sort, names)| Some((key, sort, names.as_ref()?)))
    .collect()
}

/// The entries of a list with `$lists` put in, without `!`, and whether one stood before them. What is not defined is left out.
pub(super) fn flat<'f>(file: &'f File, names: &'f [Spanned<String>]) -> Vec<(bool, &'f str)> {
    let mut entries = Vec::new();
    flat_into(file, names, false, DEEPEST, &mut entries);
    entries
}

fn flat_into<'f>(
    file: &'f File,
    names: &'f [Spanned<String>],
    negated: bool,
    depth: u8,
    to: &mut Vec<(bool, &'f str)>,
) {
    for name in names {
        let (not, rest) = signed(&name.value);
        let not = not != negated;
        match rest.strip_prefix('$') {
            None => to.push((not, rest)),
            Some(list) => {
                let known = file.lists.iter().find(|(known, _)| known.value == list);
                if let (Some((_, entries)), Some(depth)) = (known, depth.checked_sub(1)) {
                    flat_into(file, entries, not, depth, to);
                }
            }
        }
    }
}

/// An entry without its `!`, and whether it had one.
pub(super) fn signed(entry: &str) -> (bool, &str) {
    match entry.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, entry),
    }
}

pub(super) fn check(file: &File, world: &World<'_>, found: &mut Vec<Diagnostic>) {
    let mut used = BTreeSet::new();
    for (_, names) in &file.lists {
        references(file, names, &mut used, found);
    }
    for (sort, names) in lists(file) {
        references(file, names, &mut used, found);
        entries(file, sort, names, world, found);
    }
    let mut in_lists = Vec::new();
    for (name, names) in &file.lists {
        globs(names, &mut in_lists);
        if !used.contains(name.value.as_str()) {
            let message = format!("list `{}` is never used", name.value);
            found.push(Diagnostic::warning("TG202", name.place, message));
        }
    }
    found.extend(in_lists);
    windows(file, found);
}

/// Notes which lists are used, and complains of those that are not there.
fn references<'f>(
    file: &'f File,
    names: &'f Names,
    used: &mut BTreeSet<&'f str>,
    found: &mut Vec<Diagnostic>,
) {
    for name in names {
        let Some(list) = signed(&name.value).1.strip_prefix('$') else {
            continue;
        };
        used.insert(list);
        let known = || file.lists.iter().map(|(known, _)| known.value.as_str());
        if !known().any(|known| known == list) {
            let message = format!(
                "there is no list `{list}` in this file{}",
                near(list, known(), found)
            );
            found.push(Diagnostic::error("TG201", name.place, message));
        }
    }
}

/// Complains of entries that are not what the list is for.
fn entries(file: &File, sort: Sort, names: &Names, world: &World<'_>, found: &mut Vec<Diagnostic>) {
    match sort {
        Sort::Globs => globs(names, found),
        Sort::Endpoints => {
            globs(names, found);
            for name in names {
                let (_, glob) = signed(&name.value);
                let matches = |known: &str| super::cover::covers(glob, known);
                if !glob.starts_with('$') && !world.endpoints.iter().any(|known| matches(known)) {
                    let known: Vec<String> = world
                        .endpoints
                        .iter()
                        .map(|known| format!("`{known}`"))
                        .collect();
                    let near = near(glob, world.endpoints.iter().copied(), found);
                    let message = format!("there is no endpoint `{glob}`{near}");
                    found.push(
                        Diagnostic::error("TG106", name.place, message)
                            .with_help(format!("allowed here: {}", known.join(", "))),
                    );
                }
            }
        }
        Sort::Networks => {
            for name in names {
                let (_, network) = signed(&name.value);
                let within = network.strip_prefix('$');
                let wrong = match within {
                    None => (!is_network(network)).then_some(network),
                    Some(_) => flat(file, std::slice::from_ref(name))
                        .into_iter()
                        .map(|(_, entry)| entry)
                        .find(|entry| !is_network(entry)),
                };
                if let Some(wrong) = wrong {
                    let message = format!("`{wrong}` is not a range of addresses");
                    found.push(
                        Diagnostic::error("TG104", name.place, message)
                            .with_help("write it like `10.0.0.0/8` or `2001:db8::/32`"),
                    );
                }
            }
        }
        Sort::Kinds | Sort::Plain => {}
    }
}

fn is_network(text: &str) -> bool {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let Ok(address) = address.parse::<IpAddr>() else {
        return false;
    };
    let most: u8 = if address.is_ipv4() { 32 } else { 128 };
    length.is_none_or(|length| length.parse::<u8>().is_ok_and(|length| length <= most))
}

/// Why a text is no glob.
pub(super) fn flaw(glob: &str) -> Option<&'static str> {
    if glob.is_empty() {
        Some("an empty name matches nothing")
    } else if glob.trim() != glob {
        Some("white space around a name never matches")
    } else if glob.contains("**") {
        Some("`**` says no more than `*`")
    } else if glob.contains(['[', ']', '{', '}', '\\']) {
        Some("there is only `*` (any text) and `?` (any one character)")
    } else if glob.starts_with('!') {
        Some("`!` stands once")
    } else {
        None
    }
}

/// Complains of globs that are none, and of lists where one covers all the others.
fn globs(names: &Names, found: &mut Vec<Diagnostic>) {
    let mut seen: BTreeMap<String, Place> = BTreeMap::new();
    let positives = names.iter().filter(|name| !signed(&name.value).0).count();
    for name in names {
        let (not, glob) = signed(&name.value);
        if let Some(what) = flaw(glob) {
            let message = format!("`{}` is no glob: {what}", name.value);
            found.push(Diagnostic::error("TG205", name.place, message));
            continue;
        }
        let folded = name.value.to_ascii_lowercase();
        if let Some(first) = seen.get(&folded) {
            let message = format!("`{}` is in this list already", name.value);
            found.push(
                Diagnostic::warning("TG208", name.place, message)
                    .with_also(*first, "the first is here"),
            );
        } else {
            seen.insert(folded, name.place);
        }
        if glob == "*" && !not && positives > 1 {
            let message = "`*` covers everything: the rest of the list is dead";
            found.push(Diagnostic::warning("TG205", name.place, message));
        }
    }
}

/// Complains of windows that are not there, and of those nobody looks at.
fn windows(file: &File, found: &mut Vec<Diagnostic>) {
    let mut used = BTreeSet::new();
    let known = || file.windows.iter().map(|(name, _)| name.value.as_str());
    for name in matches(file).filter_map(|matches| matches.window.as_ref()) {
        used.insert(name.value.as_str());
        if !known().any(|known| known == name.value) {
            let near = near(&name.value, known(), found);
            let message = format!("there is no window `{}` in this file{near}", name.value);
            found.push(Diagnostic::error("TG201", name.place, message));
        }
    }
    for (name, _) in &file.windows {
        if !used.contains(name.value.as_str()) {
            let message = format!("window `{}` is never used", name.value);
            found.push(Diagnostic::warning("TG202", name.place, message));
        }
    }
}
