//! What policies want to know at all: what nobody asks for need not be found out, nor kept.

use super::expr::{Needs, Reference};
use super::matcher::{Condition, Key, Matcher};
use super::outcome::Outcome;
use super::policies::Policies;
use super::rule::Rule;
use crate::governance::guard::Kind;
use std::collections::BTreeSet;

/// Headers that prove who somebody is: no record keeps them, whatever a policy asks.
const PROOFS: [&str; 6] = [
    "authorization",
    "proxy-authorization",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "cookie",
];

impl Policies {
    /// The kind of this name, built in or of the policies' own.
    #[must_use]
    pub fn kind_named(&self, name: &str) -> Option<Kind> {
        let own = |custom: &[Box<str>]| custom.iter().position(|known| **known == *name);
        Kind::named(name)
            .or_else(|| Some(Kind::Custom(u16::try_from(own(self.custom_kinds())?).ok()?)))
    }

    /// Whether rules that cover the caller have a say about calls of tools the model makes.
    #[must_use]
    pub fn judges_calls(&self, outcome: &Outcome) -> bool {
        outcome
            .scopes
            .iter()
            .filter_map(|at| self.scopes.get(usize::from(*at)))
            .filter_map(|scope| self.rules.get(scope.rules.clone()))
            .flatten()
            .any(|rule| conditions(rule).any(is_about_tools))
    }

    /// The rules about calls of tools whose alerts go off with what was said of one. Other rules had theirs when the request
    /// was decided.
    pub fn alerts_of_calls<'a>(&'a self, outcome: &'a Outcome) -> impl Iterator<Item = &'a Rule> {
        self.alerts(outcome).filter(|rule| {
            let mut conditions = rule.matches.conditions().iter();
            conditions.any(|condition| matches!(condition, Condition::Calls(_)))
        })
    }

    /// Whether a decision could be another if the input were counted exactly.
    #[must_use]
    pub fn reads_length(&self, outcome: &Outcome) -> bool {
        let ids = outcome.deciding.iter().chain(&outcome.faults);
        ids.filter_map(|id| self.rule(*id))
            .chain(self.rules.iter().filter(|_| outcome.deciding.is_empty()))
            .any(|rule| needs(rule).is_some_and(|needs| needs.has(Needs::TOKENS)))
    }

    /// The headers that any rule looks at, in lower case; those that prove who somebody is left out.
    #[must_use]
    pub fn headers_read(&self) -> Vec<Box<str>> {
        let mut names: BTreeSet<Box<str>> = BTreeSet::new();
        for rule in &self.rules {
            for condition in conditions(rule) {
                if let Condition::Header(name, _) = condition {
                    names.insert(name.to_ascii_lowercase().into());
                }
            }
            names.extend(
                rule.require
                    .iter()
                    .flat_map(|require| require.headers.iter().cloned()),
            );
            let read = rule
                .when
                .iter()
                .flat_map(|when| when.expression.references());
            names.extend(read.filter_map(Reference::header_name).map(Into::into));
        }
        names.retain(|name| !PROOFS.contains(&&**name));
        names.into_iter().collect()
    }
}

fn needs(rule: &Rule) -> Option<Needs> {
    rule.when.as_ref().map(|when| when.expression.needs())
}

fn conditions(rule: &Rule) -> impl Iterator<Item = &Condition> {
    let unless = rule.unless.iter().flat_map(Matcher::conditions);
    rule.matches.conditions().iter().chain(unless)
}

const fn is_about_tools(condition: &Condition) -> bool {
    matches!(
        condition,
        Condition::Calls(_) | Condition::Names(Key::Tools, _)
    )
}
