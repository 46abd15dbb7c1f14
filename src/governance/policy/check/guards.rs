//! Detectors: kinds nobody finds, actions that cannot be done, and patterns that do not do what their samples say.

use super::World;
use super::cover::covers;
use super::names::{Sort, flat, lists, signed};
use super::near::near;
use crate::governance::policy::place::{Diagnostic, Spanned};
use crate::governance::policy::settings::{Action, CustomPattern, File, Injection, Redact, Site};

/// A pattern slower than this is told, in nanoseconds for a kibibyte.
const SLOW: u64 = 20_000;
/// The kind whose values are never given back.
const SECRET: &str = "SECRET";

pub(super) fn check(
    file: &File,
    patterns: &[&str],
    world: &World<'_>,
    found: &mut Vec<Diagnostic>,
) {
    let kinds: Vec<&str> = world.kinds.iter().chain(patterns).copied().collect();
    let all = lists(file)
        .into_iter()
        .filter(|(sort, _)| *sort == Sort::Kinds);
    for name in all.flat_map(|(_, names)| names) {
        for (_, kind) in flat(file, std::slice::from_ref(name)) {
            known(kind, name, &kinds, found);
        }
    }
    for (kind, _) in file.tests.iter().flat_map(|case| &case.expect.redactions) {
        known(&kind.value, kind, &kinds, found);
    }
    for redact in &file.redact {
        action(file, redact, found);
    }
    if let Some(injection) = &file.injection {
        threshold(injection, found);
    }
    for one in &file.patterns {
        pattern(one, world, found);
    }
}

fn known(kind: &str, at: &Spanned<String>, kinds: &[&str], found: &mut Vec<Diagnostic>) {
    if kinds.iter().any(|known| covers(kind, known)) {
        return;
    }
    let near = near(kind, kinds.iter().copied(), found);
    let is_near = !near.is_empty();
    let mut complaint = Diagnostic::error(
        "TG501",
        at.place,
        format!("no detector finds `{kind}`{near}"),
    );
    if !is_near {
        complaint = complaint.with_help(format!("known: {}", kinds.join(", ")));
    }
    found.push(complaint);
}

/// Complains of what cannot be done with what is found, or where.
fn action(file: &File, redact: &Redact, found: &mut Vec<Diagnostic>) {
    let Some(action) = &redact.action else {
        return;
    };
    if action.value == Action::Replace {
        for name in &redact.types {
            let entries = flat(file, std::slice::from_ref(name));
            let exact = redact.types.iter().any(|other| {
                let (not, other) = signed(&other.value);
                not && covers(other, SECRET)
            });
            if !exact
                && entries
                    .iter()
                    .any(|(not, kind)| !not && covers(kind, SECRET))
            {
                let message =
                    "secrets are not replaced: a placeholder would bring them back in the answer";
                found.push(
                    Diagnostic::error("TG502", action.place, message)
                        .with_also(name.place, "secrets are meant here")
                        .with_help(
                            "use `mask`, `drop` or `block` for SECRET, in an entry of its own",
                        ),
                );
                break;
            }
        }
    }
    let of_tools =
        redact.on.is_empty() || redact.on.iter().any(|site| site.value == Site::ToolResult);
    if action.value == Action::Block && of_tools && redact.message.is_none() {
        let message = "a call blocked for what a tool brought back needs a `message`";
        found.push(
            Diagnostic::error("TG502", action.place, message)
                .with_help("the caller did not write that text: say in `message:` what to do, or leave tool_result out of `on:`"),
        );
    }
}

fn threshold(injection: &Injection, found: &mut Vec<Diagnostic>) {
    if let Some(threshold) = injection
        .threshold_milli
        .filter(|threshold| threshold.value > 1_000)
    {
        let message = "a threshold lies between 0 and 1";
        found.push(Diagnostic::error("TG503", threshold.place, message));
    }
    let possible = |action: &Action| matches!(action, Action::Flag | Action::Block);
    if let Some(action) = injection.action.filter(|action| !possible(&action.value)) {
        let message = "what looks like an injection can only be flagged or blocked";
        found.push(Diagnostic::error("TG502", action.place, message));
    }
}

/// Tries a pattern out.
fn pattern(pattern: &CustomPattern, world: &World<'_>, found: &mut Vec<Diagnostic>) {
    let name = &pattern.name;
    if world.kinds.contains(&name.value.as_str()) {
        let message = format!("`{}` is the name of a built-in type", name.value);
        found.push(Diagnostic::error("TG203", name.place, message));
    }
    for (samples, key) in [
        (&pattern.positive, "positive"),
        (&pattern.negative, "negative"),
    ] {
        if samples.is_empty() {
            let message = format!("pattern `{}` has no `{key}` samples", name.value);
            found.push(
                Diagnostic::error("TG504", name.place, message)
                    .with_help("samples are run as tests: give at least one text of each kind"),
            );
        }
    }
    let empty = match world.workbench.finds(pattern, "") {
        Ok(matches) => !matches.is_empty(),
        Err(reason) => {
            let message = format!("this pattern cannot be used: {reason}");
            found.push(Diagnostic::error("TG504", pattern.regex.place, message));
            return;
        }
    };
    if empty {
        let message = format!(
            "pattern `{}` matches the empty text, and so everywhere",
            name.value
        );
        found.push(Diagnostic::error("TG504", pattern.regex.place, message));
        return;
    }
    for sample in &pattern.positive {
        let matches = world
            .workbench
            .finds(pattern, &sample.value)
            .unwrap_or_default();
        if matches.is_empty() {
            let message = format!(
                "pattern `{}` does not find this positive sample",
                name.value
            );
            found.push(Diagnostic::error("TG504", sample.place, message));
        }
        let built_in = world.workbench.built_in(&sample.value);
        let overlaps = |range: &std::ops::Range<usize>| {
            matches
                .iter()
                .any(|own| own.start < range.end && range.start < own.end)
        };
        if let Some((_, kind)) = built_in.iter().find(|(range, _)| overlaps(range)) {
            let message = format!(
                "pattern `{}` overlaps the built-in type {kind}: it finds this, too",
                name.value
            );
            found.push(Diagnostic::warning("TG505", sample.place, message));
        }
    }
    for sample in &pattern.negative {
        if world
            .workbench
            .finds(pattern, &sample.value)
            .is_ok_and(|matches| !matches.is_empty())
        {
            let message = format!(
                "pattern `{}` finds something in this negative sample",
                name.value
            );
            found.push(Diagnostic::error("TG504", sample.place, message));
        }
    }
    if let Some(nanos) = world
        .workbench
        .nanos_per_kib(pattern)
        .filter(|nanos| *nanos > SLOW)
    {
        let micros = nanos.div_euclid(1_000);
        let message = format!(
            "pattern `{}` takes {micros} us for a kibibyte of ordinary text, more than 20",
            name.value
        );
        found.push(
            Diagnostic::error("TG506", pattern.regex.place, message).with_help(
                "begin it with letters that are always there, and bound its repetitions",
            ),
        );
    }
}
