//! What was expected beside what came.

use super::answer::Answer;
use super::given::Prepared;
use crate::governance::policy::place::{Diagnostic, Place};
use crate::governance::policy::policies::Policies;
use crate::governance::policy::settings::Effect;
use std::fmt::Display;

/// Everything wrong with a test; nothing: it passes.
pub(super) fn faults(
    policies: &Policies,
    prepared: &Prepared<'_>,
    answer: &Answer,
) -> Vec<Diagnostic> {
    let mut faults = prepared.faults.clone();
    if answer.timed && !prepared.has_time() {
        let message = "this test says no time, and a rule it reaches asks for it";
        faults.push(
            Diagnostic::error("TG603", prepared.case.place, message)
                .with_help("add `time: \"2026-11-20T12:00:00Z\"` to `given`"),
        );
    }
    Comparison {
        policies,
        prepared,
        answer,
        faults,
    }
    .all()
}

struct Comparison<'a> {
    policies: &'a Policies,
    prepared: &'a Prepared<'a>,
    answer: &'a Answer,
    faults: Vec<Diagnostic>,
}

impl Comparison<'_> {
    fn all(mut self) -> Vec<Diagnostic> {
        self.decision();
        self.rule();
        self.figures();
        self.redactions();
        self.shadows();
        self.words();
        self.faults
    }

    /// One difference, with whoever decided.
    fn differs(&mut self, what: &str, place: Place, expected: impl Display, got: impl Display) {
        let name = &self.prepared.case.name.value;
        let message = format!("test `{name}`: {what} is {got}, expected {expected}");
        let mut fault = Diagnostic::error("TG601", place, message);
        if let Some((id, place)) = self.answer.deciding.first() {
            fault = fault.with_also(*place, format!("`{id}` decided"));
        } else if let Some(refusal) = &self.answer.outcome.refusal {
            fault = fault.with_help(refusal.message.clone());
        }
        self.faults.push(fault);
    }

    fn decision(&mut self) {
        let Some(expected) = self.prepared.case.expect.decision.as_ref() else {
            return;
        };
        if (expected.value == Effect::Deny) != self.answer.denied {
            let word = |denied: bool| if denied { "deny" } else { "allow" };
            let denied = self.answer.denied;
            self.differs("the decision", expected.place, word(!denied), word(denied));
        }
    }

    fn rule(&mut self) {
        let Some(expected) = self.prepared.case.expect.rule.as_ref() else {
            return;
        };
        if !self.is_known(&expected.value, expected.place) {
            return;
        }
        let decided = self.answer.deciding.iter();
        let mut decided = decided.map(|(id, _)| &**id);
        // A rule without an effect decides nothing, nor does a guard that lets the call go on, but a test may well be about
        // them.
        let matched = self.answer.outcome.matched.iter();
        let mut matched = matched.filter_map(|id| self.policies.rule(*id));
        let mut acting = self.answer.acting.iter();
        let has = decided.any(|id| id == expected.value)
            || matched.any(|rule| rule.effect.is_none() && *rule.id == *expected.value)
            || acting.any(|id| **id == *expected.value);
        if !has {
            let got = names(self.answer.deciding.iter().map(|(id, _)| &**id));
            self.differs("the deciding rule", expected.place, &expected.value, got);
        }
    }

    fn is_known(&mut self, id: &str, place: Place) -> bool {
        let policies = self.policies;
        let mut guards = policies.scopes.iter().flat_map(|scope| &scope.guards);
        let known = policies.rules.iter().any(|rule| *rule.id == *id)
            || guards.any(|guard| *guard.id == *id);
        if !known {
            let message = format!("there is no rule `{id}`");
            self.faults.push(Diagnostic::error("TG602", place, message));
        }
        known
    }

    fn figures(&mut self) {
        let case = self.prepared.case;
        if let Some(expected) = &case.expect.max_output_tokens {
            let asked = case
                .given
                .max_output_tokens
                .as_ref()
                .map(|asked| asked.value);
            let got = self.answer.outcome.max_output_tokens(asked);
            if got != Some(expected.value) {
                let got = got.map_or_else(|| "not capped".to_owned(), |got| got.to_string());
                self.differs("max_output_tokens", expected.place, expected.value, got);
            }
        }
        if let Some(expected) = &case.expect.model {
            let rule = self
                .answer
                .outcome
                .route
                .and_then(|id| self.policies.rule(id));
            let routed = rule.and_then(|rule| rule.route()?.model.as_deref());
            let given = case.given.model.as_ref().map(|model| model.value.as_str());
            let got = routed.or(given).unwrap_or("none");
            if got != expected.value {
                self.differs("the model", expected.place, &expected.value, got);
            }
        }
    }

    fn redactions(&mut self) {
        for (name, expected) in &self.prepared.case.expect.redactions {
            let Some(kind) = self.policies.kind_named(&name.value) else {
                let message = format!("there is no kind `{}`", name.value);
                self.faults
                    .push(Diagnostic::error("TG602", name.place, message));
                continue;
            };
            let mut redactions = self.answer.redactions.iter();
            let got = redactions
                .find(|(known, _)| *known == kind)
                .map_or(0, |(_, count)| *count);
            if got != expected.value {
                let what = format!("the number of redactions of {}", name.value);
                self.differs(&what, expected.place, expected.value, got);
            }
        }
    }

    /// Those listed must be hit, and no other of the same file: a trial elsewhere must not break this file's tests.
    fn shadows(&mut self) {
        let Some(expected) = &self.prepared.case.expect.shadow else {
            return;
        };
        for id in expected {
            let hit = self
                .answer
                .shadows
                .iter()
                .any(|(known, _)| **known == *id.value);
            if self.is_known(&id.value, id.place) && !hit {
                let got = names(self.answer.shadows.iter().map(|(id, _)| &**id));
                self.differs("what matches in shadow", id.place, &id.value, got);
            }
        }
        let own = self
            .answer
            .shadows
            .iter()
            .filter(|(_, place)| place.file == self.prepared.file);
        let surplus: Vec<&str> = own
            .map(|(id, _)| &**id)
            .filter(|id| !expected.iter().any(|listed| listed.value == **id))
            .collect();
        if !surplus.is_empty() {
            let got = names(surplus.into_iter());
            let place = expected
                .first()
                .map_or(self.prepared.case.place, |first| first.place);
            self.differs("what matches in shadow besides", place, "nothing", got);
        }
    }

    fn words(&mut self) {
        let expect = &self.prepared.case.expect;
        for (name, value) in &expect.tags {
            let mut tags = self.policies.tags(&self.answer.outcome);
            let set = tags.any(|(known, set, _)| known == name.value && set == value.value);
            if !set {
                let tags = self.policies.tags(&self.answer.outcome);
                let got: Vec<String> = tags
                    .map(|(name, value, _)| format!("{name}={value}"))
                    .collect();
                let expected = format!("{}={}", name.value, value.value);
                self.differs(
                    "what is tagged",
                    value.place,
                    expected,
                    names(got.iter().map(String::as_str)),
                );
            }
        }
        if let Some(message) = &expect.message
            && !self.answer.message.contains(&message.value)
        {
            let expected = format!("something with \"{}\"", message.value);
            let got = format!("\"{}\"", self.answer.message);
            self.differs("the message", message.place, expected, got);
        }
    }
}

fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}
