//! A scope and those above it: what a child cannot widen, and what a parent may except.

use super::cover::{Effort, match_covers};
use super::near::near;
use super::rules::is_plain;
use crate::governance::policy::place::{Diagnostic, Spanned};
use crate::governance::policy::settings::{Effect, File, Limits, Override, Rule, Scope};
use jiff::civil::Date;

pub(super) fn check(files: &[File], today: Date, effort: &Effort, found: &mut Vec<Diagnostic>) {
    for file in files {
        for exception in &file.overrides {
            except(file, exception, found);
        }
        let parents: Vec<&File> = files
            .iter()
            .filter(|other| encloses(&other.scope, &file.scope))
            .collect();
        limits(file, &parents, today, found);
        for parent in parents {
            models(file, parent, today, effort, found);
        }
    }
}

/// Whether everything in the scope `inner` is in the scope `outer`, and more is.
pub(super) fn encloses(outer: &Scope, inner: &Scope) -> bool {
    let same = |outer: &Option<String>, inner: &Option<String>| outer.is_none() || outer == inner;
    outer != inner
        && same(&outer.org, &inner.org)
        && same(&outer.team, &inner.team)
        && same(&outer.project, &inner.project)
        && same(&outer.key, &inner.key)
}

/// The scope an exception is for: what it leaves out is what its file says.
fn child(file: &File, exception: &Override) -> Scope {
    let (scope, child) = (&file.scope.value, &exception.child.value);
    let or =
        |child: &Option<String>, scope: &Option<String>| child.clone().or_else(|| scope.clone());
    Scope {
        org: or(&child.org, &scope.org),
        team: or(&child.team, &scope.team),
        project: or(&child.project, &scope.project),
        key: or(&child.key, &scope.key),
    }
}

/// Complains of an exception that is not for a child, gives no reason, or lifts what is no deny rule here.
fn except(file: &File, exception: &Override, found: &mut Vec<Diagnostic>) {
    if !encloses(&file.scope, &child(file, exception)) {
        let message = "this scope is not below the one of the file";
        found.push(
            Diagnostic::error("TG211", exception.child.place, message)
                .with_also(file.scope.place, "the scope of the file"),
        );
    }
    if exception
        .reason
        .as_ref()
        .is_none_or(|reason| reason.value.trim().is_empty())
    {
        let place = exception
            .reason
            .as_ref()
            .map_or(exception.place, |reason| reason.place);
        found.push(
            Diagnostic::error("TG213", place, "an override needs a reason")
                .with_help("add `reason:` with the ticket or the name of who granted it"),
        );
    }
    let is_deny = |rule: &&Rule| {
        rule.effect
            .is_some_and(|effect| effect.value == Effect::Deny)
    };
    let known = || {
        file.rules
            .iter()
            .filter(is_deny)
            .map(|rule| rule.id.value.as_str())
    };
    for id in &exception.lift {
        if !known().any(|known| known == id.value) {
            let message = format!(
                "there is no deny rule `{}` in this file{}",
                id.value,
                near(&id.value, known(), found)
            );
            found.push(Diagnostic::error("TG201", id.place, message));
        }
    }
}

/// The exceptions a parent's file makes for a child, today.
fn granted<'f>(
    parent: &'f File,
    file: &'f File,
    today: Date,
) -> impl Iterator<Item = &'f Override> {
    parent.overrides.iter().filter(move |exception| {
        let scope = child(parent, exception);
        let is_meant = scope == file.scope.value || encloses(&scope, &file.scope);
        let until = exception
            .expires
            .as_ref()
            .and_then(|date| super::dates::date(&date.value));
        is_meant && until.is_none_or(|until| until >= today)
    })
}

type Figure = fn(&Limits) -> Option<Spanned<u64>>;

/// Every limit by its name.
const FIGURES: [(&str, Figure); 5] = [
    ("max_input_tokens", |limits| limits.max_input_tokens),
    ("max_output_tokens", |limits| limits.max_output_tokens),
    ("rpm", |limits| limits.rpm),
    ("tpm", |limits| limits.tpm),
    ("concurrency", |limits| limits.concurrency),
];

/// Warns of limits above those of a parent: the smaller one holds.
fn limits(file: &File, parents: &[&File], today: Date, found: &mut Vec<Diagnostic>) {
    for (name, figure) in FIGURES {
        let above = |parent: &&File| {
            let exceptions = granted(parent, file, today).map(|exception| &exception.limits);
            exceptions
                .filter_map(figure)
                .min_by_key(|limit| limit.value)
                .or_else(|| figure(&parent.limits))
        };
        let Some(least) = parents
            .iter()
            .filter_map(above)
            .min_by_key(|limit| limit.value)
        else {
            continue;
        };
        let set = file
            .rules
            .iter()
            .filter_map(|rule| rule.set.as_ref()?.max_output_tokens);
        let set = set.filter(|_| name == "max_output_tokens");
        for own in figure(&file.limits).into_iter().chain(set) {
            if own.value > least.value {
                let message = format!(
                    "`{name}: {}` has no effect: the scope above allows {}",
                    own.value, least.value
                );
                found.push(
                    Diagnostic::warning("TG210", own.place, message)
                        .with_also(least.place, "the limit above")
                        .with_help("ask for an override in the file above"),
                );
            }
        }
    }
}

/// Warns of allow rules for what a parent denies altogether.
fn models(file: &File, parent: &File, today: Date, effort: &Effort, found: &mut Vec<Diagnostic>) {
    let lifted: Vec<&str> = granted(parent, file, today)
        .flat_map(|exception| &exception.lift)
        .map(|id| id.value.as_str())
        .collect();
    for rule in &file.rules {
        let allows = rule
            .effect
            .is_some_and(|effect| effect.value == Effect::Allow);
        let Some(matches) = rule.matches.as_ref().filter(|_| allows) else {
            continue;
        };
        for deny in parent.rules.iter().filter(|rule| is_plain(rule)) {
            let denies = deny
                .effect
                .is_some_and(|effect| effect.value == Effect::Deny);
            let Some(wide) = deny.matches.as_ref().filter(|_| denies) else {
                continue;
            };
            if lifted.contains(&deny.id.value.as_str())
                || !match_covers((parent, wide), (file, matches), true, effort)
            {
                continue;
            }
            let place = matches.models.as_ref().map_or(rule.id.place, |models| {
                models
                    .value
                    .first()
                    .map_or(models.place, |model| model.place)
            });
            let message = format!(
                "rule `{}` has no effect: the scope above denies all that it allows",
                rule.id.value
            );
            found.push(
                Diagnostic::warning("TG210", place, message)
                    .with_also(deny.id.place, "denied by this rule"),
            );
            break;
        }
    }
}
