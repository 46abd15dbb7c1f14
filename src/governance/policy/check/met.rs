//! Whether a rule's `when:` can be met by any request that its `match:` and its file's scope leave.
//!
//! Not here: expressions that hold for no request at all (`expr`, TG309), conditions of `match:` among themselves (`rules`).

use super::World;
use super::cover::covers;
use super::names::flat;
use super::rules::is_about_embeddings;
use crate::governance::policy::expr::Known;
use crate::governance::policy::matcher::same_name;
use crate::governance::policy::place::{Diagnostic, Spanned};
use crate::governance::policy::settings::{File, Has, Match, Names, Rule, Text};

/// Complains of an expression that what is matched never meets.
pub(super) fn check(
    file: &File,
    rule: &Rule,
    when: &Text,
    patterns: &[&str],
    world: &World<'_>,
    found: &mut Vec<Diagnostic>,
) {
    let always = Match::default();
    let matches = rule.matches.as_ref();
    let matches = matches.map_or(&always, |matches| &matches.value);
    let embeddings = is_about_embeddings(file, matches);
    let streams = |has: &Spanned<Has>| has.value == Has::Stream;
    let known = Known {
        stream: if embeddings {
            Some(false)
        } else {
            (!matches.has.is_empty() && matches.has.iter().all(streams)).then_some(true)
        },
        no_tools: embeddings,
        may_be: &|variable, value| {
            let scope = scope_of(file, variable);
            scope.is_none_or(|scope| same_name(scope, value))
                && list_of(matches, variable).is_none_or(|list| may_be(file, list, value))
        },
        may_begin: &|variable, part| {
            let scope = scope_of(file, variable);
            scope.is_none_or(|scope| begins(scope, part))
                && list_of(matches, variable).is_none_or(|list| may_begin(file, list, part))
        },
    };
    if (world.contradicts)(when, patterns, &known) {
        let message = format!(
            "`match:` and the scope leave rule `{}` no request for which this holds: it never matches",
            rule.id.value
        );
        found.push(Diagnostic::error("TG209", when.place, message));
    }
}

/// The list that says what a variable may be. Groups and tools are several for each request, and not judged.
fn list_of<'m>(matches: &'m Match, variable: &str) -> Option<&'m Names> {
    let list = match variable {
        "request.model" => &matches.models,
        "request.endpoint" => &matches.endpoints,
        "user.id" => &matches.users,
        "agent" => &matches.agents,
        "project" => &matches.projects,
        _ => return None,
    };
    list.as_ref().map(|names| &names.value)
}

/// The name that a file's scope gives a variable.
fn scope_of<'f>(file: &'f File, variable: &str) -> Option<&'f str> {
    let name = match variable {
        "org" => &file.scope.org,
        "team" => &file.scope.team,
        "project" => &file.scope.project,
        _ => return None,
    };
    name.as_deref()
}

fn may_be(file: &File, list: &Names, value: &str) -> bool {
    let entries = flat(file, list);
    let covers_it = |not: bool| {
        let mut of_kind = entries.iter().filter(move |(negated, _)| *negated == not);
        of_kind.any(|(_, entry)| covers(entry, value))
    };
    let names_some = entries.iter().any(|(negated, _)| !negated);
    !covers_it(true) && (!names_some || covers_it(false))
}

fn may_begin(file: &File, list: &Names, part: &str) -> bool {
    let entries = flat(file, list);
    let mut named = entries.iter().filter(|(negated, _)| !negated).peekable();
    named.peek().is_none()
        || named.any(|(_, entry)| match entry.find(['*', '?']) {
            None => begins(entry, part),
            Some(fixed) => {
                let fixed = entry.get(..fixed).unwrap_or_default();
                begins(fixed, part) || begins(part, fixed)
            }
        })
}

/// Whether a text begins so, ASCII case apart.
fn begins(text: &str, part: &str) -> bool {
    let head = text.as_bytes().get(..part.len());
    head.is_some_and(|head| head.eq_ignore_ascii_case(part.as_bytes()))
}
