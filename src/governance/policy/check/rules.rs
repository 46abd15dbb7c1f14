//! Rules one by one: those that allow more than they say, that cannot match, and that name models without a price.

use super::World;
use super::cover::{Effort, covers, match_covers};
use super::names::{flat, flaw, lists_of};
use crate::governance::policy::place::{Diagnostic, Place, Spanned};
use crate::governance::policy::settings::{Effect, File, Has, Match, Names, Rule};
use std::cell::RefCell;
use std::collections::BTreeMap;

pub(super) fn check(file: &File, world: &World<'_>, effort: &Effort, found: &mut Vec<Diagnostic>) {
    let is_priced = Priced::new(world);
    for rule in &file.rules {
        allows_everything(rule, found);
        prices(file, rule, &is_priced, found);
    }
    for condition in conditions(file) {
        never(file, condition, effort, found);
    }
}

/// A `match:`, its `unless:`, and whether one value of several is enough for that.
type Condition<'f> = (Option<&'f Spanned<Match>>, Option<&'f Spanned<Match>>, bool);

/// Every `match:` with its `unless:`.
fn conditions(file: &File) -> impl Iterator<Item = Condition<'_>> {
    let rules = file.rules.iter().map(|rule| {
        let allows = rule
            .effect
            .is_some_and(|effect| effect.value == Effect::Allow);
        (rule.matches.as_ref(), rule.unless.as_ref(), allows)
    });
    let guards = file.redact.iter();
    let guards = guards.map(|redact| (redact.matches.as_ref(), redact.unless.as_ref(), false));
    let consults = file
        .consult
        .iter()
        .map(|consult| (consult.matches.as_ref(), None, false));
    rules
        .chain(guards)
        .chain(consults)
        .chain([(file.capture.as_ref(), None, false)])
}

/// Whether a `match:` has no condition.
fn is_empty(matches: &Match) -> bool {
    let blank = Match {
        any: matches.any,
        ..Match::default()
    };
    *matches == blank
}

fn allows_everything(rule: &Rule, found: &mut Vec<Diagnostic>) {
    let is_allow = rule
        .effect
        .is_some_and(|effect| effect.value == Effect::Allow);
    let says_so = rule
        .matches
        .as_ref()
        .is_some_and(|matches| matches.any || !is_empty(matches));
    if is_allow && !says_so && rule.when.is_none() {
        let place = rule
            .matches
            .as_ref()
            .map_or(rule.place, |matches| matches.place);
        let message = format!("rule `{}` allows every request", rule.id.value);
        found.push(Diagnostic::error("TG204", place, message).with_help(
            "say what it is about in `match:`, or write `match: any` if everything is meant",
        ));
    }
}

/// Which models have a price, each asked for once: a list may be used by many rules.
struct Priced<'w, 'f> {
    world: &'w World<'w>,
    known: RefCell<BTreeMap<&'f str, bool>>,
}

impl<'w, 'f> Priced<'w, 'f> {
    const fn new(world: &'w World<'w>) -> Self {
        Self {
            world,
            known: RefCell::new(BTreeMap::new()),
        }
    }

    fn has(&self, name: &'f str) -> bool {
        let mut known = self.known.borrow_mut();
        *known
            .entry(name)
            .or_insert_with(|| (self.world.is_priced)(name))
    }
}

/// Complains of models without a price.
fn prices<'f>(
    file: &'f File,
    rule: &'f Rule,
    priced: &Priced<'_, 'f>,
    found: &mut Vec<Diagnostic>,
) {
    let is = |wanted: Effect| rule.effect.is_some_and(|effect| effect.value == wanted);
    let (allows, denies) = (is(Effect::Allow), is(Effect::Deny));
    let is_refused = !denies && (priced.world.has_hard_budget)(&file.scope);
    let mut complain = |name: &'f str, place: Place| {
        // A rule that promises nothing may look ahead: a glob in it need not cover a model of today. A whole name may be a
        // slip.
        let looks_ahead = !allows && name.contains(['*', '?']);
        if looks_ahead || flaw(name).is_some() || priced.has(name) {
            return;
        }
        let message = if is_refused {
            format!(
                "`{name}` has no price, and a hard budget applies here: its calls would be refused"
            )
        } else {
            format!("`{name}` has no price")
        };
        let complaint = if is_refused {
            Diagnostic::error("TG206", place, message)
        } else {
            Diagnostic::warning("TG206", place, message)
        };
        found.push(complaint.with_help("add it to a price book, or mend the name"));
    };
    let models = rule
        .matches
        .iter()
        .filter_map(|matches| matches.models.as_ref());
    for name in models.flat_map(|models| &models.value) {
        for (_, model) in flat(file, std::slice::from_ref(name)) {
            complain(model, name.place);
        }
    }
    if let Some(model) = rule.route.as_ref().and_then(|route| route.model.as_ref()) {
        complain(&model.value, model.place);
    }
}

/// Complains of conditions nothing can meet.
fn never(
    file: &File,
    (matches, unless, by_one): Condition<'_>,
    effort: &Effort,
    found: &mut Vec<Diagnostic>,
) {
    for one in [matches, unless].into_iter().flatten() {
        empty_lists(file, one, effort, found);
        contradictions(file, one, found);
    }
    if let Some(unless) = unless {
        let always = Match::default();
        let matches = matches.map_or(&always, |matches| &matches.value);
        let says_something = unless.any || !is_empty(unless);
        if says_something && match_covers((file, unless), (file, matches), by_one, effort) {
            let message = "this exempts everything that is matched";
            found.push(Diagnostic::error("TG209", unless.place, message));
        }
    }
}

fn empty_lists(file: &File, matches: &Match, effort: &Effort, found: &mut Vec<Diagnostic>) {
    for (key, _, names) in lists_of(matches) {
        let place = names.value.first().map_or(names.place, |name| name.place);
        if names.value.is_empty() {
            let message = format!("`{key}` is an empty list");
            found.push(
                Diagnostic::error("TG209", place, message)
                    .with_help("remove the key, or name something"),
            );
        } else if contradicts_itself(&flat(file, &names.value), effort) {
            let message = format!("`{key}` leaves out all that it names");
            found.push(Diagnostic::error("TG209", place, message));
        }
    }
}

/// Whether a list names something and leaves all of it out.
fn contradicts_itself(entries: &[(bool, &str)], effort: &Effort) -> bool {
    let (out, named): (Vec<_>, Vec<_>) = entries.iter().partition(|(not, _)| *not);
    let is_out = |entry: &str| out.iter().any(|(_, out)| covers(out, entry));
    !out.is_empty()
        && !named.is_empty()
        && effort.affords(out.len().saturating_mul(named.len()))
        && named.iter().all(|(_, entry)| is_out(entry))
}

/// Whether it is about embeddings alone.
pub(super) fn is_about_embeddings(file: &File, matches: &Match) -> bool {
    matches.endpoints.as_ref().is_some_and(|endpoints| {
        let entries = flat(file, &endpoints.value);
        !entries.is_empty()
            && entries
                .iter()
                .all(|(not, entry)| !not && *entry == "embeddings")
    })
}

fn contradictions(file: &File, matches: &Match, found: &mut Vec<Diagnostic>) {
    let only_embeddings = is_about_embeddings(file, matches);
    let mut complain = |place: Place, what: &str| {
        let message = format!("a request for embeddings never {what}: this never matches");
        found.push(Diagnostic::error("TG209", place, message));
    };
    if only_embeddings {
        let impossible = |has: &Spanned<Has>| matches!(has.value, Has::Tools | Has::Stream);
        if let Some(has) = matches.has.first()
            && matches.has.iter().all(impossible)
        {
            complain(has.place, "offers tools or asks for a stream");
        }
        if let Some(tools) = &matches.tools {
            complain(first(tools), "offers tools");
        }
        if let Some(call) = matches.tool_calls.first() {
            complain(call.name.place, "leads to calls of tools");
        }
    }
    if let Some(languages) = &matches.languages {
        let message = "nothing tells which language a request is in: this never matches";
        found.push(Diagnostic::error("TG209", first(languages), message));
    }
}

fn first(names: &Spanned<Names>) -> Place {
    names.value.first().map_or(names.place, |name| name.place)
}

/// Whether a rule holds for everybody, always, and does no more than its `match:` says.
pub(super) fn is_plain(rule: &Rule) -> bool {
    rule.when.is_none() && rule.unless.is_none() && rule.shadow.is_none() && rule.canary.is_none()
}
