//! What policies and guards do with the texts of one call, in and out.
//!
//! On the way in every text is looked at, policies decide with what was found, and what must not go up is taken out of the
//! body or the call is refused. On the way out the same is done to every text of the answer, in a stream while it flows.
//! A gateway without policies has no [`Guards`], and none of this is touched.
//!
//! Invariant: no byte of a value that a guard acts on leaves in the direction it is guarded.
//!
//! Not here: what is found (`governance::guard`), what is decided (`governance::policy`), where texts stand in an answer
//! (`dialect`).

mod answer;
mod arguments;
mod capture;
mod changes;
mod inspect;
mod patience;
mod request;
mod speech;
mod stream;
#[cfg(test)]
mod tests;
mod voice;

pub use request::BodyKey;
pub(super) use request::{Asked, Screened, Told, TurnedBack, scan_name};
pub(super) use stream::Guarded;

use crate::clock::Wall;
use crate::governance::audit::{Found, Ruled};
use crate::governance::gate::{Denial, Reason};
use crate::governance::guard::cache::Cache;
use crate::governance::guard::catalogue::Catalogue;
use crate::governance::guard::redact::{
    Beside, Hosts, Mapping, Method, ScopeKeys, Types, replacement,
};
use crate::governance::guard::{Finding, Kind};
use crate::governance::identity::KeyIndex;
use crate::governance::policy::breaker::Named;
use crate::governance::policy::settings::{Action, Site};
use crate::governance::policy::{self, Outcome, Policies, Recalled, ToolCall};
use crate::pipeline::alarm::Alert;
use crate::pipeline::{Elsewhere, Plan};
use crate::units::Tokens;
use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::Arc;

/// The policies in force, with what they need to look at texts. Immutable; a part of the plan.
#[derive(Debug)]
pub struct Guards {
    /// The policies.
    pub policies: Policies,
    /// What is looked for.
    pub catalogue: Catalogue,
    /// How placeholders of the policies' own kinds are called.
    pub types: Arc<Types>,
    /// Hosts into whose URLs values may be put back.
    pub hosts: Arc<Hosts>,
    /// What names of values are made with: the same after a restart, so that they stay the same.
    pub scopes: ScopeKeys,
    /// What bodies are told apart by in records.
    pub body_key: BodyKey,
    /// What was found in texts seen before.
    pub cache: Arc<Cache>,
    /// Headers that policies name, in lower case: what records keep of a request's headers.
    pub headers: Vec<Box<str>>,
    /// Who is asked and told outside of this gateway.
    pub elsewhere: Elsewhere,
}

/// What is in force for one call, from its decision to the end of its answer.
#[derive(Debug)]
pub(super) struct Screen {
    guards: Arc<Guards>,
    outcome: Outcome,
    mapping: Mapping,
    told: RefCell<Told>,
    /// Alerts of rules about calls the model made, that nobody was told of yet.
    rung: RefCell<Vec<Rung>>,
    whose: Whose,
    response: bool,
    tool_args: bool,
    calls: bool,
}

/// Alerts that go off with a call the model made, and why it was denied, if it was.
#[derive(Debug)]
pub(super) struct Rung {
    pub(super) alerts: Vec<Arc<Alert>>,
    pub(super) denial: Option<Box<Denial>>,
}

/// Whose call it is, for rules about the answer.
#[derive(Debug, Clone)]
pub(super) struct Whose {
    pub(super) plan: Arc<Plan>,
    pub(super) key: KeyIndex,
    pub(super) model: Box<str>,
    pub(super) at: Wall,
}

impl Whose {
    pub(super) fn caller(&self) -> policy::Caller<'_> {
        let key = self.plan.charter.keys().get(self.key);
        key.map(policy::Caller::of).unwrap_or_default()
    }
}

/// Which guard acts on a finding, and how.
#[derive(Debug, Clone)]
pub(super) struct Ruling {
    pub(super) action: Action,
    rule: Box<str>,
    message: Option<Box<str>>,
    soft: bool,
}

/// What may not leave: the stream is ended, or the answer withheld.
#[derive(Debug, Clone)]
pub(super) struct Blocked {
    pub(super) reason: Reason,
    pub(super) rule: Box<str>,
    pub(super) message: String,
    pub(super) soft: bool,
    pub(super) status: Option<u16>,
    pub(super) code: Option<Box<str>>,
}

impl Blocked {
    /// A value without an end: nobody knows what else it holds.
    pub(super) fn endless(site: Site) -> Self {
        Self::guard(
            "key-block",
            format!(
                "a key block in the {} has no end within 16 KiB: nothing behind it is passed on",
                said_of(site)
            ),
        )
    }

    /// A guard of this gateway's own.
    pub(super) fn guard(rule: &str, message: String) -> Self {
        Self {
            reason: Reason::Guardrail,
            rule: rule.into(),
            message,
            soft: false,
            status: None,
            code: None,
        }
    }

    /// The call's switch was pulled.
    pub(super) fn stopped(denial: &Denial) -> Self {
        Self {
            reason: denial.reason,
            status: Some(403),
            ..Self::guard("", denial.message.clone())
        }
    }

    pub(super) fn denial(self) -> Box<Denial> {
        let mut denial = Denial::by_rule(self.reason, &self.rule, self.message);
        // A switch is nobody's rule.
        denial.rule = denial.rule.filter(|rule| !rule.is_empty());
        denial.soft = self.soft;
        denial.status = self.status;
        denial.code = self.code;
        denial
    }
}

impl Ruling {
    pub(super) fn blocked(&self, site: Site, kind: &str) -> Blocked {
        let message = self.message.as_deref().map_or_else(
            || {
                format!(
                    "guard `{}` found {kind} in the {} and does not let it pass: take it out, or ask who keeps that policy",
                    self.rule,
                    said_of(site)
                )
            },
            str::to_owned,
        );
        Blocked {
            soft: self.soft,
            ..Blocked::guard(&self.rule, message)
        }
    }
}

/// A site, as messages name it.
pub(super) const fn said_of(site: Site) -> &'static str {
    match site {
        Site::Request => "request",
        Site::ToolResult => "result of a tool",
        Site::ToolDefinition => "definition of a tool",
        Site::Response => "answer",
        Site::ToolArgs => "arguments of a tool's call",
    }
}

/// A site, as policies and records name it.
pub(super) const fn name_of(site: Site) -> &'static str {
    match site {
        Site::Request => "request",
        Site::ToolResult => "tool_result",
        Site::ToolDefinition => "tool_definition",
        Site::Response => "response",
        Site::ToolArgs => "tool_args",
    }
}

/// An action, as policies and records name it.
pub(super) const fn name_of_action(action: Action) -> &'static str {
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

/// What an action of a guard in shadow would have done, as records name it.
pub(super) const fn name_in_shadow(action: Action) -> &'static str {
    match action {
        Action::Replace => "would_replace",
        Action::Mask => "would_mask",
        Action::Hash => "would_hash",
        Action::Label => "would_label",
        Action::Drop => "would_drop",
        Action::Block => "would_block",
        Action::Flag => "would_flag",
    }
}

/// How an action takes a value out; `None` for those that leave it or stop the call.
pub(super) const fn method_of(action: Action) -> Option<Method> {
    match action {
        Action::Replace => Some(Method::Replace),
        Action::Mask => Some(Method::Mask),
        Action::Hash => Some(Method::Hash),
        Action::Label => Some(Method::Label),
        Action::Drop => Some(Method::Drop),
        Action::Block | Action::Flag => None,
    }
}

impl Guards {
    /// Notes what a guard in shadow would have done, where that is another thing.
    pub(super) fn note_shadow(
        &self,
        outcome: &Outcome,
        site: Site,
        finding: &Finding,
        found: &mut Vec<Found>,
    ) {
        let shadow = self
            .policies
            .shadow_ruling(outcome, site, finding.kind, finding.level);
        if let Some((_, guard)) = shadow {
            let kind = self.policies.kind_name(finding.kind);
            note(found, site, kind, finding, name_in_shadow(guard.action()));
        }
    }

    /// The guard that acts on a finding at a site.
    pub(super) fn ruling(
        &self,
        outcome: &Outcome,
        site: Site,
        finding: &Finding,
    ) -> Option<Ruling> {
        let (_, guard) = self
            .policies
            .ruling(outcome, site, finding.kind, finding.level)?;
        Some(Ruling {
            action: guard.action(),
            rule: guard.id().into(),
            message: guard.message().map(Into::into),
            soft: guard.is_soft(),
        })
    }
}

impl Screen {
    fn new(
        guards: Arc<Guards>,
        outcome: Outcome,
        mapping: Mapping,
        told: Told,
        whose: Whose,
    ) -> Self {
        let looks = |site| guards.policies.looks_at(&outcome, site);
        let (response, tool_args) = (looks(Site::Response), looks(Site::ToolArgs));
        let calls = guards.policies.judges_calls(&outcome);
        Self {
            guards,
            outcome,
            mapping,
            told: RefCell::new(told),
            rung: RefCell::default(),
            whose,
            response,
            tool_args,
            calls,
        }
    }

    /// Whether anything of the answer is looked at or changed.
    pub(super) fn concerns_answers(&self) -> bool {
        self.response || self.tool_args || self.calls || !self.mapping.is_empty()
    }

    /// Whether texts of the answer may change on their way.
    fn alters_text(&self) -> bool {
        self.response || !self.mapping.is_empty()
    }

    pub(super) fn guards(&self) -> &Arc<Guards> {
        &self.guards
    }

    pub(super) const fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// The cap that policies put on the output.
    pub(super) fn most_output(&self) -> Option<Tokens> {
        self.outcome
            .limits
            .max_output_tokens
            .map(|cap| Tokens(cap.value))
    }

    /// Whether rules let the model make this call.
    fn judge(&self, name: &str, arguments: &str) -> Result<(), Blocked> {
        let told = self.told.borrow();
        let recalled = Recalled::new(
            &self.guards.policies,
            &told.facts,
            self.whose.caller(),
            &self.whose.model,
            self.whose.at,
            told.scan,
        );
        let call = ToolCall { name, arguments };
        let outcomes = self
            .guards
            .policies
            .judge_tool_calls(&recalled.request(), &[call]);
        // What still waits for texts now waits for ever: they were not looked at, and what cannot be told is denied.
        let denied = |outcome: &Outcome| !outcome.is_allowed() || outcome.waits;
        let policies = &self.guards.policies;
        let mut fate = Ok(());
        for outcome in outcomes {
            let denial = denied(&outcome).then(|| request::denial(policies, &outcome));
            if let (Some(denial), Ok(())) = (&denial, &fate) {
                let denial = denial.clone();
                fate = Err(Blocked {
                    reason: Reason::ToolNotAllowed,
                    rule: denial.rule.unwrap_or_default(),
                    message: denial.message,
                    soft: false,
                    status: denial.status,
                    code: denial.code,
                });
            }
            let alerts = self.guards.elsewhere.alerts_of_calls(policies, &outcome);
            if denial.is_some() || !alerts.is_empty() {
                self.rung.borrow_mut().push(Rung { alerts, denial });
            }
        }
        fate
    }

    /// The alerts of rules about calls that nobody was told of yet.
    pub(super) fn rung(&self) -> Vec<Rung> {
        self.rung.take()
    }

    /// Whose call it is.
    pub(super) const fn whose(&self) -> &Whose {
        &self.whose
    }

    /// For adding to what is told of the call.
    pub(super) fn with_told<T>(&self, add: impl FnOnce(&mut Told) -> T) -> T {
        add(&mut self.told.borrow_mut())
    }

    /// Whose call it is, as breakers name it.
    pub(super) fn named<'a>(&'a self, run: Option<&'a str>, session: Option<&'a str>) -> Named<'a> {
        let caller = self.whose.caller();
        Named {
            run,
            session,
            agent: caller.agent,
            key: caller.key.unwrap_or_default(),
        }
    }

    /// What the record says of the call, as far as it has come.
    pub(super) fn ruled(&self) -> Arc<Ruled> {
        Arc::new(
            self.told
                .borrow()
                .ruled(&self.guards.policies, Some(&self.outcome)),
        )
    }

    pub(super) const fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    pub(super) fn catalogue(&self) -> &Catalogue {
        &self.guards.catalogue
    }

    pub(super) fn hosts(&self) -> Arc<Hosts> {
        self.guards.hosts.clone()
    }

    pub(super) fn kind_name(&self, kind: Kind) -> &str {
        self.guards.policies.kind_name(kind)
    }

    /// Whether guards look at a site of the answer.
    pub(super) const fn looks_at(&self, site: Site) -> bool {
        match site {
            Site::ToolArgs => self.tool_args,
            _ => self.response,
        }
    }

    /// Whether rules have a say about the calls a model makes.
    pub(super) const fn judges_calls(&self) -> bool {
        self.calls
    }

    pub(super) fn ruling(&self, site: Site, finding: &Finding) -> Option<Ruling> {
        self.guards.ruling(&self.outcome, site, finding)
    }

    /// What is written in the place of a value found in the answer.
    pub(super) fn put_instead(
        &self,
        action: Action,
        kind: Kind,
        value: &str,
        beside: Beside,
    ) -> Cow<'_, str> {
        match method_of(action) {
            Some(method) => replacement(kind, method, value, beside, &self.mapping),
            None => Cow::Owned(value.to_owned()),
        }
    }

    /// Remembers what a guard in shadow would have done about a finding.
    fn note_shadow(&self, site: Site, finding: &Finding) {
        let found = &mut self.told.borrow_mut().found;
        self.guards.note_shadow(&self.outcome, site, finding, found);
    }

    /// Remembers a finding for the record.
    pub(super) fn note(&self, site: Site, finding: &Finding, action: Action) {
        let kind = self.kind_name(finding.kind);
        note(
            &mut self.told.borrow_mut().found,
            site,
            kind,
            finding,
            name_of_action(action),
        );
    }
}

/// More kinds of findings than this are not told apart in a record.
const MOST_FOUND: usize = 64;

/// Counts a finding among those that were treated alike.
pub(super) fn note(
    found: &mut Vec<Found>,
    site: Site,
    kind: &str,
    finding: &Finding,
    action: &'static str,
) {
    let on = name_of(site);
    let same = |one: &&mut Found| {
        *one.kind == *kind
            && *one.detector == *finding.detector
            && *one.on == *on
            && *one.action == *action
    };
    if let Some(known) = found.iter_mut().find(same) {
        known.count = known.count.saturating_add(1);
    } else if found.len() < MOST_FOUND {
        found.push(Found {
            kind: kind.into(),
            detector: finding.detector.into(),
            on: on.into(),
            action: action.into(),
            count: 1,
        });
    }
}
