//! What comes of a test's request, the guards and the calls the model makes included.

use super::given::Prepared;
use crate::governance::guard::Kind;
use crate::governance::policy::guards::GuardId;
use crate::governance::policy::outcome::{Outcome, RuleIds};
use crate::governance::policy::place::Place;
use crate::governance::policy::policies::Policies;
use crate::governance::policy::settings::{Action, Site};

/// What came of it.
#[derive(Debug)]
pub(in super::super) struct Answer {
    pub(super) denied: bool,
    /// Who decided: ids and places.
    pub(super) deciding: Vec<(Box<str>, Place)>,
    /// Entries of `redact:` that had the last word about something found, and let the call go on.
    pub(super) acting: Vec<Box<str>>,
    /// What the caller is told.
    pub(super) message: String,
    /// What was taken out of the request.
    pub(super) redactions: Vec<(Kind, u64)>,
    /// What is in shadow and would have matched.
    pub(super) shadows: Vec<(Box<str>, Place)>,
    /// Rules and guards that had a part in it.
    pub(super) reached: Vec<Place>,
    pub(super) outcome: Outcome,
    /// Whether the time was asked for.
    pub(super) timed: bool,
}

impl Answer {
    pub(in super::super) fn of(policies: &Policies, prepared: &Prepared<'_>) -> Self {
        let mut outcome = policies.decide(&prepared.request(&prepared.taints));
        let mut taints = prepared.taints.clone();
        let results = prepared.counts_at(Site::ToolResult);
        if prepared.case.given.tool_result.is_some() {
            let of = prepared.case.given.tool_result_of.as_ref();
            let tool = of.map(|tool| tool.value.as_str());
            let labels = policies.taints(&outcome, Site::ToolResult, tool, &results);
            taints.extend(labels.map(Box::from));
        }
        if taints.len() > prepared.taints.len() {
            outcome = policies.decide(&prepared.request(&taints));
        }
        let mut answer = Self {
            denied: !outcome.is_allowed(),
            deciding: policies.placed(&outcome.deciding),
            acting: Vec::new(),
            message: told(&outcome),
            redactions: Vec::new(),
            shadows: Vec::new(),
            reached: Vec::new(),
            timed: outcome.timed,
            outcome: Outcome::default(),
        };
        answer.note(policies, &outcome);
        // The order in which it would happen: what the request holds, then what the model calls and says.
        answer.guard(
            policies,
            &outcome,
            prepared,
            &[Site::Request, Site::ToolResult],
        );
        let request = prepared.request(&taints);
        for called in policies.judge_tool_calls(&request, &prepared.calls()) {
            answer.note(policies, &called);
            answer.timed |= called.timed;
            if !called.is_allowed() {
                answer.deny(policies.placed(&called.deciding), told(&called));
            }
        }
        answer.guard(
            policies,
            &outcome,
            prepared,
            &[Site::ToolArgs, Site::Response],
        );
        answer.outcome = outcome;
        answer
    }

    /// The first denial speaks; later ones only add their names.
    fn deny(&mut self, by: Vec<(Box<str>, Place)>, message: String) {
        if self.denied {
            self.deciding.extend(by);
            return;
        }
        self.denied = true;
        self.deciding = by;
        self.message = message;
    }

    fn note(&mut self, policies: &Policies, outcome: &Outcome) {
        let hits: RuleIds = outcome.shadows.iter().map(|hit| hit.rule).collect();
        for (id, place) in policies.placed(&hits) {
            self.reached.push(place);
            if !self.shadows.contains(&(id.clone(), place)) {
                self.shadows.push((id, place));
            }
        }
        let matched = policies.placed(&outcome.matched);
        self.reached
            .extend(matched.into_iter().map(|(_, place)| place));
    }

    fn guard(
        &mut self,
        policies: &Policies,
        outcome: &Outcome,
        prepared: &Prepared<'_>,
        sites: &[Site],
    ) {
        for (site, kind, level) in &prepared.found {
            if !sites.contains(site) {
                continue;
            }
            if let Some((_, shadow)) = policies.shadow_ruling(outcome, *site, *kind, *level) {
                self.reached.push(shadow.place());
                let hit = (Box::from(shadow.id()), shadow.place());
                if !self.shadows.contains(&hit) {
                    self.shadows.push(hit);
                }
            }
            // Every guard that covers it had its part, also where another is stricter.
            let covering = outcome.guards.iter().filter_map(|id| policies.guard(*id));
            self.reached.extend(
                covering
                    .filter(|guard| guard.covers(*site, *kind, *level))
                    .map(super::super::guards::Guard::place),
            );
            let ruling: Option<(GuardId, _)> = policies.ruling(outcome, *site, *kind, *level);
            let Some((_, guard)) = ruling else { continue };
            if guard.action() != Action::Block {
                self.acting.push(guard.id().into());
            }
            match guard.action() {
                Action::Flag => {}
                Action::Block => {
                    let message = guard.message().unwrap_or_default().to_owned();
                    self.deny(vec![(guard.id().into(), guard.place())], message);
                }
                _ if matches!(site, Site::Request | Site::ToolResult) => self.redact(*kind),
                _ => {}
            }
        }
    }

    fn redact(&mut self, kind: Kind) {
        match self.redactions.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => self.redactions.push((kind, 1)),
        }
    }
}

fn told(outcome: &Outcome) -> String {
    let refusal = outcome.refusal.as_ref();
    refusal.map_or_else(String::new, |refusal| refusal.message.clone())
}

impl Policies {
    /// Ids and places of rules.
    fn placed(&self, ids: &RuleIds) -> Vec<(Box<str>, Place)> {
        let rules = ids.iter().filter_map(|id| self.rule(*id));
        rules.map(|rule| (rule.id.clone(), rule.place)).collect()
    }
}
