//! What policies say of a recorded decision: all that can be told from what was kept of it.
//!
//! What was found is kept by kind, place and count, not by how sure the detector was: a finding counts as a sure one here.
//! A request that was denied before anybody looked at its texts says nothing of what they hold; rules that ask for it wait,
//! and that is told.

use super::log::Entry;
use crate::governance::audit::{Found, Ruled};
use crate::governance::guard::Level;
use crate::governance::policy::settings::{Action, ScanState, Site};
use crate::governance::policy::{Caller, Outcome, Policies, Recalled};
use std::collections::BTreeMap;

/// What policies say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Weighed {
    /// The rules or the guard that deny; empty names for a default. `None`: nothing denies.
    pub(super) denied: Option<Vec<String>>,
    /// Whether rules wait for what the texts hold, and nobody looked.
    pub(super) pending: bool,
    /// The cap on the output, with what the caller asked for.
    pub(super) cap: Option<u64>,
    /// Where it is sent.
    pub(super) route: Option<String>,
    /// Tags, `name=value`.
    pub(super) tags: Vec<String>,
    /// What becomes of findings: type, place, action, and how many.
    pub(super) redactions: BTreeMap<(String, String, String), u64>,
    /// Whether anything of it depends on the answer.
    pub(super) answer: bool,
}

/// What these policies say of a decision.
pub(super) fn weigh(policies: &Policies, entry: &Entry, ruled: &Ruled) -> Weighed {
    let key = entry.caller();
    let scan = scan_state(&ruled.scan);
    let caller = Caller::of(&key);
    let recalled = Recalled::new(
        policies,
        &ruled.facts,
        caller,
        &entry.model,
        entry.wall(),
        scan,
    );
    let outcome = policies.decide(&recalled.request());
    let rule = |id: &crate::governance::policy::RuleId| Some(policies.rule(*id)?.id().to_owned());
    let route = outcome
        .route
        .and_then(|id| policies.rule(id)?.route())
        .map(|route| {
            let model = route.model.as_deref().map(|model| format!("model {model}"));
            let provider = route
                .provider
                .as_deref()
                .map(|provider| format!("provider {provider}"));
            model
                .into_iter()
                .chain(provider)
                .collect::<Vec<_>>()
                .join(", ")
        });
    let mut weighed = Weighed {
        denied: (!outcome.is_allowed()).then(|| outcome.deciding.iter().filter_map(rule).collect()),
        pending: outcome.is_allowed() && outcome.pending,
        cap: outcome.max_output_tokens(ruled.facts.max_output_tokens),
        route,
        tags: policies
            .tags(&outcome)
            .map(|(name, value, _)| format!("{name}={value}"))
            .collect(),
        ..Weighed::default()
    };
    if weighed.denied.is_none() {
        for found in located(ruled) {
            weighed.guard(policies, &outcome, &found);
        }
    }
    weighed
}

/// Codes of denials by policies.
const BY_POLICY: [&str; 7] = [
    "policy_denied",
    "model_not_allowed",
    "tool_not_allowed",
    "endpoint_not_allowed",
    "requirement_missing",
    "max_input_tokens_exceeded",
    "content_filter",
];

/// What was decided, as far as the record alone says it.
pub(super) fn recorded(entry: &Entry, ruled: &Ruled) -> Weighed {
    let by_policy = entry.verdict == "deny" && BY_POLICY.contains(&entry.reason.as_str());
    let by = || match (ruled.rules.is_empty(), &entry.scope) {
        (true, Some(scope)) => vec![scope.clone()],
        _ => ruled.rules.iter().map(ToString::to_string).collect(),
    };
    let mut weighed = Weighed {
        denied: by_policy.then(by),
        cap: ruled.facts.max_output_tokens,
        tags: ruled
            .tags
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect(),
        ..Weighed::default()
    };
    for found in ruled
        .findings
        .iter()
        .filter(|found| *found.action != *"none" && *found.kind != *"INJECTION")
    {
        let key = (
            found.kind.to_string(),
            found.on.to_string(),
            found.action.to_string(),
        );
        let count = weighed.redactions.entry(key).or_default();
        *count = count.saturating_add(found.count);
    }
    weighed
}

impl Weighed {
    fn guard(&mut self, policies: &Policies, outcome: &Outcome, found: &Found) {
        let (Some(site), Some(kind)) = (site(&found.on), policies.kind_named(&found.kind)) else {
            return;
        };
        let ruling = policies.ruling(outcome, site, kind, Level::Validated);
        let Some((_, guard)) = ruling else { return };
        if guard.action() == Action::Block {
            self.answer |= matches!(site, Site::Response | Site::ToolArgs);
            self.denied
                .get_or_insert_with(|| vec![guard.id().to_owned()]);
        }
        let key = (
            found.kind.to_string(),
            found.on.to_string(),
            action(guard.action()).to_owned(),
        );
        let count = self.redactions.entry(key).or_default();
        *count = count.saturating_add(found.count);
    }
}

/// Everything that was found, by place: what was recorded, and what a refusal kept from being recorded, as of the request.
fn located(ruled: &Ruled) -> Vec<Found> {
    let mut all: Vec<Found> = ruled
        .findings
        .iter()
        .filter(|found| *found.kind != *"INJECTION")
        .cloned()
        .collect();
    for (kind, count) in &ruled.facts.detections {
        let at_request = |found: &&Found| {
            found.kind == *kind
                && site(&found.on)
                    .is_some_and(|site| !matches!(site, Site::Response | Site::ToolArgs))
        };
        let known = ruled
            .findings
            .iter()
            .filter(at_request)
            .map(|found| found.count)
            .sum::<u64>();
        if *count > known {
            all.push(Found {
                kind: kind.clone(),
                on: "request".into(),
                count: count.saturating_sub(known),
                ..Found::default()
            });
        }
    }
    all
}

/// How much could be looked at, as records name it.
pub(super) fn scan_state(name: &str) -> Option<ScanState> {
    match name {
        "full" => Some(ScanState::Full),
        "partial" => Some(ScanState::Partial),
        "none" => Some(ScanState::None),
        _ => None,
    }
}

fn site(name: &str) -> Option<Site> {
    match name {
        "request" => Some(Site::Request),
        "tool_result" => Some(Site::ToolResult),
        "tool_definition" => Some(Site::ToolDefinition),
        "response" => Some(Site::Response),
        "tool_args" => Some(Site::ToolArgs),
        _ => None,
    }
}

const fn action(action: Action) -> &'static str {
    match action {
        Action::Replace => "replace",
        Action::Mask => "mask",
        Action::Hash => "hash",
        Action::Label => "label",
        Action::Drop => "drop",
        Action::Block => "block",
        Action::Flag => "flag",
    }
}
