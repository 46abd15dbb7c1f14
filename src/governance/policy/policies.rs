//! All policies in force: one snapshot, compiled whole, never changed.
//!
//! A reload makes another one and swaps it in. What moves (breakers, sessions, budgets) stands beside it.

use super::breaker::Armed;
use super::context;
use super::guards::{Guard, GuardId, InjectionRuling, THRESHOLD_MILLI, strictness};
use super::index::folded;
use super::matcher::composed;
use super::outcome::{Outcome, Scopes};
use super::place::Place;
use super::request::Caller;
use super::rule::{Rule, RuleId};
use super::scope::Scope;
use super::settings::{self, Action, Site};
use crate::governance::guard::{Kind, Level};
use smallvec::SmallVec;
use std::collections::HashMap;
use std::time::Duration;

/// All policies in force.
#[derive(Debug, Default)]
pub struct Policies {
    pub(super) revision: Box<str>,
    pub(super) files: Box<[Box<str>]>,
    pub(super) custom: Box<[Box<str>]>,
    pub(super) scopes: Box<[Scope]>,
    pub(super) rules: Box<[Rule]>,
    pub(super) roster: Roster,
}

/// How scopes are found: by the innermost name they give, in lower case.
#[derive(Debug, Default)]
pub(super) struct Roster {
    everybody: Vec<u16>,
    /// For each layer.
    named: [HashMap<Box<str>, Vec<u16>>; 4],
}

impl Roster {
    pub(super) fn new(scopes: &[Scope]) -> Self {
        let mut roster = Self::default();
        for (at, scope) in (0_u16..).zip(scopes) {
            match innermost(&scope.names) {
                None => roster.everybody.push(at),
                Some(name) => {
                    if let Some(named) = roster.named.get_mut(scope.layer.place()) {
                        let name = composed(name).to_ascii_lowercase().into();
                        named.entry(name).or_default().push(at);
                    }
                }
            }
        }
        roster
    }

    /// The scopes that cover a caller, widest first.
    pub(super) fn of(&self, scopes: &[Scope], caller: &Caller<'_>) -> Scopes {
        let mut found: Scopes = self.everybody.iter().copied().collect();
        let labels = [caller.org, caller.team, caller.project, caller.key];
        for (named, label) in self.named.iter().zip(labels) {
            let Some(label) = label.filter(|_| !named.is_empty()) else {
                continue;
            };
            let known = folded(label, |label| named.get(label));
            found.extend(known.into_iter().flatten().copied().filter(|at| {
                let scope = scopes.get(usize::from(*at));
                scope.is_some_and(|scope| scope.covers(caller))
            }));
        }
        found.sort_by_key(|at| scopes.get(usize::from(*at)).map(|scope| scope.seat.rank));
        found
    }
}

fn innermost(names: &settings::Scope) -> Option<&str> {
    let innermost = [&names.key, &names.project, &names.team, &names.org];
    innermost.into_iter().find_map(|name| name.as_deref())
}

impl Policies {
    /// Which revision of the files this is, as the loader names it.
    #[must_use]
    pub const fn revision(&self) -> &str {
        &self.revision
    }

    /// Whether there is nothing to decide by: every request passes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.scopes.is_empty()
    }

    /// The name of a file.
    #[must_use]
    pub fn file(&self, place: Place) -> &str {
        self.files
            .get(usize::from(place.file))
            .map_or("policy", AsRef::as_ref)
    }

    /// A place as people write it: `payments.yaml:23`.
    #[must_use]
    pub fn locate(&self, place: Place) -> String {
        format!("{}:{}", self.file(place), place.line)
    }

    /// The names of the policies' own patterns, in the order [`Kind::Custom`] counts them.
    #[must_use]
    pub const fn custom_kinds(&self) -> &[Box<str>] {
        &self.custom
    }

    /// The name of a kind, also of the policies' own.
    #[must_use]
    pub fn kind_name(&self, kind: Kind) -> &str {
        context::kind_name(&self.custom, kind)
    }

    /// A rule.
    #[must_use]
    pub fn rule(&self, id: RuleId) -> Option<&Rule> {
        self.rules.get(usize::try_from(id.0).ok()?)
    }

    /// Every rule.
    pub fn rules(&self) -> impl Iterator<Item = (RuleId, &Rule)> {
        (0..).map(RuleId).zip(&self.rules)
    }

    /// An entry of `redact:`.
    #[must_use]
    pub fn guard(&self, id: GuardId) -> Option<&Guard> {
        let scope = self.scopes.get(usize::from(id.scope))?;
        scope.guards.get(usize::from(id.at))
    }

    fn scopes_of<'a>(&'a self, outcome: &'a Outcome) -> impl Iterator<Item = &'a Scope> {
        self.scopes_at(&outcome.scopes)
    }

    /// The rules in force that matched.
    fn matched<'a>(&'a self, outcome: &'a Outcome) -> impl Iterator<Item = &'a Rule> {
        outcome.matched.iter().filter_map(|id| self.rule(*id))
    }

    /// The tags set, each with the rule that set it.
    pub fn tags<'a>(
        &'a self,
        outcome: &'a Outcome,
    ) -> impl Iterator<Item = (&'a str, &'a str, &'a Rule)> {
        self.matched(outcome).flat_map(|rule| {
            rule.tags
                .iter()
                .map(move |(name, value)| (&**name, &**value, rule))
        })
    }

    /// The rules whose alerts go off.
    pub fn alerts<'a>(&'a self, outcome: &'a Outcome) -> impl Iterator<Item = &'a Rule> {
        self.matched(outcome).filter(|rule| rule.alert.is_some())
    }

    /// Stop sequences to add to the caller's, each once.
    #[must_use]
    pub fn stops<'a>(&'a self, outcome: &'a Outcome) -> SmallVec<[&'a str; 4]> {
        let mut stops = SmallVec::new();
        let rules = self.matched(outcome).filter(|rule| rule.sets());
        for stop in rules.flat_map(|rule| &rule.set.stop) {
            if !stops.contains(&&**stop) {
                stops.push(&**stop);
            }
        }
        stops.sort_unstable();
        stops
    }

    /// What is put before the system prompt: from the widest layer inwards, then by the rules' ids.
    #[must_use]
    pub fn system_prefixes<'a>(&'a self, outcome: &'a Outcome) -> SmallVec<[&'a str; 2]> {
        let rules = self.matched(outcome).filter(|rule| rule.sets());
        let mut with_prefix: SmallVec<[(&Rule, &str); 2]> = rules
            .filter_map(|rule| Some((rule, rule.set.system_prefix.as_deref()?)))
            .collect();
        with_prefix.sort_by_key(|(rule, _)| (rule.seat.rank, &*rule.id));
        with_prefix.into_iter().map(|(_, prefix)| prefix).collect()
    }

    /// What happens to a finding: the guard with the strictest action of those that cover it. `None`: nothing.
    #[must_use]
    pub fn ruling(
        &self,
        outcome: &Outcome,
        site: Site,
        kind: Kind,
        level: Level,
    ) -> Option<(GuardId, &Guard)> {
        self.strictest(&outcome.guards, site, kind, level)
    }

    /// What would happen to a finding if the guards in shadow were in force, too; `None` if that makes no difference.
    #[must_use]
    pub fn shadow_ruling(
        &self,
        outcome: &Outcome,
        site: Site,
        kind: Kind,
        level: Level,
    ) -> Option<(GuardId, &Guard)> {
        let shadow = self.strictest(&outcome.shadow_guards, site, kind, level)?;
        let real = self.ruling(outcome, site, kind, level);
        real.is_none_or(|(_, real)| real.strictness() < shadow.1.strictness())
            .then_some(shadow)
    }

    fn strictest(
        &self,
        guards: &[GuardId],
        site: Site,
        kind: Kind,
        level: Level,
    ) -> Option<(GuardId, &Guard)> {
        guards
            .iter()
            .filter_map(|id| Some((*id, self.guard(*id)?)))
            .filter(|(_, guard)| guard.covers(site, kind, level))
            .max_by(|(_, one), (_, other)| {
                // Of equally strict ones the widest layer's speaks, and there the smallest id.
                let order = (other.seat.rank, &*other.id).cmp(&(one.seat.rank, &*one.id));
                (one.strictness().cmp(&other.strictness())).then(order)
            })
    }

    /// Whether anything is to be looked for at a site, in force or in shadow.
    #[must_use]
    pub fn looks_at(&self, outcome: &Outcome, site: Site) -> bool {
        outcome
            .guards
            .iter()
            .chain(&outcome.shadow_guards)
            .filter_map(|id| self.guard(*id))
            .any(|guard| guard.looks_at(site))
            || self.injection(outcome, site).is_some()
            || self.scopes_of(outcome).any(|scope| {
                scope
                    .taints
                    .iter()
                    .any(|taint| taint.kinds.is_some() && taint.sites.contains(site))
            })
    }

    /// Whether a guard that is in force looks at a site.
    #[must_use]
    pub fn guards_at(&self, outcome: &Outcome, site: Site) -> bool {
        let mut guards = outcome.guards.iter().filter_map(|id| self.guard(*id));
        guards.any(|guard| guard.looks_at(site))
    }

    /// What is done about prompt injection at a site: the strictest action, the lowest threshold.
    #[must_use]
    pub fn injection(&self, outcome: &Outcome, site: Site) -> Option<InjectionRuling> {
        let entries = self
            .scopes_of(outcome)
            .filter_map(|scope| scope.injection.as_ref());
        let at_site = entries.filter(|entry| {
            let on = entry.on.iter().map(|site| site.value);
            if entry.on.is_empty() {
                site == Site::ToolResult
            } else {
                on.into_iter().any(|on| on == site)
            }
        });
        at_site
            .map(|entry| {
                let action = entry.action.as_ref();
                InjectionRuling {
                    action: action.map_or(Action::Flag, |action| action.value),
                    threshold_milli: entry
                        .threshold_milli
                        .map_or(THRESHOLD_MILLI, |milli| milli.value),
                    strip_invisible: entry.strip_invisible.is_some_and(|strip| strip.value),
                    place: action.map_or(entry.place, |action| action.place),
                }
            })
            .reduce(|one, other| {
                let stricter = strictness(other.action) > strictness(one.action);
                InjectionRuling {
                    action: if stricter { other.action } else { one.action },
                    threshold_milli: one.threshold_milli.min(other.threshold_milli),
                    strip_invisible: one.strip_invisible || other.strip_invisible,
                    place: if stricter { other.place } else { one.place },
                }
            })
    }

    /// The labels a session gets for what was read at a site: by which tool, and what was found in it.
    pub fn taints<'a>(
        &'a self,
        outcome: &'a Outcome,
        site: Site,
        tool: Option<&'a str>,
        found: &'a [(Kind, u32)],
    ) -> impl Iterator<Item = &'a str> {
        self.scopes_of(outcome)
            .flat_map(|scope| &scope.taints)
            .filter(move |taint| taint.holds(site, tool, found))
            .map(|taint| &*taint.label)
    }

    /// Whether what is said of calls the model makes depends on what the request's texts hold.
    pub fn calls_read_texts(&self, outcome: &Outcome) -> bool {
        self.scopes_of(outcome)
            .any(|scope| scope.rows.calls_read_texts)
    }

    /// The breakers in force.
    pub fn breakers<'a>(&'a self, outcome: &'a Outcome) -> impl Iterator<Item = &'a Armed> {
        self.scopes_of(outcome).flat_map(|scope| &scope.breakers)
    }

    /// The guards elsewhere that are asked.
    pub fn consults<'a>(
        &'a self,
        outcome: &'a Outcome,
    ) -> impl Iterator<Item = &'a settings::Consult> {
        outcome.consults.iter().filter_map(|(scope, at)| {
            let scope = self.scopes.get(usize::from(*scope))?;
            Some(&scope.consults.get(usize::from(*at))?.entry)
        })
    }

    /// Every entry of `consult:`, as an outcome names those that apply.
    pub fn every_consult(&self) -> impl Iterator<Item = ((u16, u16), &settings::Consult)> {
        (0_u16..).zip(&self.scopes).flat_map(|(scope, of)| {
            let entries = (0_u16..).zip(&of.consults);
            entries.map(move |(at, consult)| ((scope, at), &consult.entry))
        })
    }

    /// Whether a call goes on whose texts could not be looked at: only if every file that says something says so, and at
    /// least one does; and where some came with a bundle, of those and of the others.
    #[must_use]
    pub fn passes_on_detector_error(&self, outcome: &Outcome) -> bool {
        let passes = |shipped: bool| {
            let of_kind = self.scopes_of(outcome);
            let mut of_kind = of_kind
                .filter(|scope| scope.seat.shipped == shipped)
                .peekable();
            let is_there = of_kind.peek().is_some();
            let mut said = of_kind.filter_map(|scope| scope.on_detector_error);
            let first = said.next();
            let all = said.all(|other| other == settings::OnError::Pass);
            is_there.then_some(first == Some(settings::OnError::Pass) && all)
        };
        match (passes(false), passes(true)) {
            (Some(own), Some(shipped)) => own && shipped,
            (one, other) => one.or(other).unwrap_or(false),
        }
    }

    /// How long detectors may take for one request: the longest any file grants, and 5 ms where a gateway's own files or a
    /// bundle's say nothing: neither leaves the other less time.
    #[must_use]
    pub fn scan_budget(&self, outcome: &Outcome) -> Duration {
        let usual = Duration::from_millis(5);
        let part = |shipped: bool| {
            let mut of_kind = self
                .scopes_of(outcome)
                .filter(|scope| scope.seat.shipped == shipped)
                .peekable();
            of_kind.peek()?;
            let said = of_kind.filter_map(|scope| scope.scan_budget).max();
            Some(said.unwrap_or(usual))
        };
        part(false).max(part(true)).unwrap_or(usual)
    }

    /// What the files say of budgets, widest first.
    pub fn budget_behaviour<'a>(
        &'a self,
        outcome: &'a Outcome,
    ) -> impl Iterator<Item = &'a settings::BudgetBehaviour> {
        self.scopes_of(outcome).map(|scope| &scope.budget)
    }
}
