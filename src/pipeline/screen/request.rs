//! A request before the gate: what policies say of it, what guards take out of it.
//!
//! Cheap rules first, without looking at texts; then, where anybody asks, every text is looked at, and what hung on that is
//! decided again.
//! What is denied here cost nothing and reserved nothing.
//!
//! Not here: rates and budgets (`governance::gate`), which come after and see the request as it will be forwarded.

use super::changes;
use super::inspect::Inspection;
use super::patience::spoken;
use super::{Blocked, Guards, Screen, Whose, name_of};
use crate::chat::json::Text;
use crate::chat::{Conversation, Edits, Look, conversation};
use crate::governance::audit::{Facts, Found, Ruled, Shadowed};
use crate::governance::gate::{Denial, Reason};
use crate::governance::guard::redact::Mapping;
use crate::governance::policy::settings::{Action, ScanState, Site};
use crate::governance::policy::{self, Cause, Outcome, Policies, Recalled};
use crate::pipeline::Call;
use crate::secret::Secret;
use crate::units::Tokens;
use std::rc::Rc;
use std::sync::Arc;

/// What is known of a call besides its body.
#[derive(Debug, Clone, Copy)]
pub(in crate::pipeline) struct Asked<'a> {
    pub(in crate::pipeline) call: &'a Call,
    pub(in crate::pipeline) look: &'a Look,
    pub(in crate::pipeline) caller: policy::Caller<'a>,
    pub(in crate::pipeline) whose: &'a Whose,
    /// Tokens of the input: counted, or an estimate.
    pub(in crate::pipeline) input: Tokens,
    pub(in crate::pipeline) used_pct: u64,
    pub(in crate::pipeline) soft: bool,
    /// Labels the session has already.
    pub(in crate::pipeline) taints: &'a [Box<str>],
}

/// A request that policies let pass, and what they want changed.
#[derive(Debug)]
pub(in crate::pipeline) struct Screened {
    pub(in crate::pipeline) screen: Rc<Screen>,
    pub(in crate::pipeline) edits: Edits,
    /// The most choices there may be, where that is fewer than were asked for.
    pub(in crate::pipeline) choices: Option<u64>,
    pub(in crate::pipeline) conversation: Conversation,
    pub(in crate::pipeline) scan: Option<ScanState>,
    /// Labels the session gets.
    pub(in crate::pipeline) taints: Vec<Box<str>>,
}

/// A request that does not pass, with what the record says of it.
#[derive(Debug)]
pub(in crate::pipeline) struct TurnedBack {
    pub(in crate::pipeline) denial: Box<Denial>,
    pub(in crate::pipeline) told: Told,
}

/// What is told of a decision, whatever it was.
#[derive(Debug, Default)]
pub(in crate::pipeline) struct Told {
    pub(in crate::pipeline) facts: Facts,
    pub(in crate::pipeline) outcome: Option<Outcome>,
    pub(in crate::pipeline) found: Vec<Found>,
    pub(in crate::pipeline) scan: Option<ScanState>,
    pub(in crate::pipeline) notes: Vec<Box<str>>,
    pub(in crate::pipeline) captured: Option<Box<str>>,
}

impl Guards {
    /// Decides about a request by its policies, and prepares what they want changed.
    pub(in crate::pipeline) fn screen(
        self: &Arc<Self>,
        asked: &Asked<'_>,
    ) -> Result<Screened, Box<TurnedBack>> {
        let body = &asked.call.body;
        let talk = conversation(asked.call.endpoint, body);
        let facts = facts(self, asked, &talk);
        let mut told = Told {
            facts,
            ..Told::default()
        };
        let now = asked.call.began.wall;
        let decide = |told: &Told| {
            let recalled = Recalled::new(
                &self.policies,
                &told.facts,
                asked.caller,
                &asked.whose.model,
                now,
                told.scan,
            );
            self.policies.decide(&recalled.request())
        };
        let keep = |told: &mut Told, outcome: &Outcome| {
            if outcome.capture && told.captured.is_none() {
                told.captured = Some(self.capture(&talk, body));
            }
        };
        let first = decide(&told);
        keep(&mut told, &first);
        if !first.is_allowed() {
            return Err(self.refused(first, told));
        }
        let looks = first.waits
            || changes::looks_in(self, &first)
            || self.policies.calls_read_texts(&first);
        let inspection = if looks {
            self.inspect(&talk, body, &first)
        } else {
            Inspection::default()
        };
        if let Some(fault) = inspection.fault
            && !self.policies.passes_on_detector_error(&first)
        {
            let message = format!(
                "{fault}, and policies say that nothing passes unseen (`on_detector_error: block`): make the request smaller, or raise `scan_budget` ({} now)",
                spoken(self.policies.scan_budget(&first))
            );
            told.outcome = Some(first);
            let denial = Blocked::guard("on_detector_error", message).denial();
            return Err(Box::new(TurnedBack { denial, told }));
        }
        told.scan = inspection.state;
        told.facts.detections = inspection
            .counts
            .iter()
            .map(|(kind, count)| (self.policies.kind_name(*kind).into(), u64::from(*count)))
            .collect();
        let taints = self.taints(&first, &inspection, &talk, body);
        for label in &taints {
            if !told.facts.taints.contains(label) {
                told.facts.taints.push(label.clone());
            }
        }
        let outcome = if first.waits || !taints.is_empty() {
            decide(&told)
        } else {
            first
        };
        keep(&mut told, &outcome);
        if !outcome.is_allowed() {
            return Err(self.refused(outcome, told));
        }
        self.change(asked, talk, &inspection, outcome, told, taints)
    }

    /// Takes out what may not go up and sets what rules set.
    fn change(
        self: &Arc<Self>,
        asked: &Asked<'_>,
        talk: Conversation,
        inspection: &Inspection,
        outcome: Outcome,
        mut told: Told,
        taints: Vec<Box<str>>,
    ) -> Result<Screened, Box<TurnedBack>> {
        let call = asked.call;
        let key_name = asked.caller.key.unwrap_or_default();
        let mut mapping = Mapping::new(self.scopes.of(key_name), self.types.clone());
        let mut edits = Edits::new();
        let named = changes::take_out(
            self,
            &outcome,
            inspection,
            &mut mapping,
            &mut told.found,
            &mut edits,
        )
        .and_then(|named| {
            self.injections(&outcome, inspection, &mut told)
                .map(|()| named)
        });
        let named = match named {
            Ok(named) => named,
            Err(blocked) => {
                told.outcome = Some(outcome);
                let denial = blocked.denial();
                return Err(Box::new(TurnedBack { denial, told }));
            }
        };
        changes::strip_invisible(self, &outcome, &talk, &call.body, &mut edits);
        let look = asked.look;
        let choices = changes::settings(
            self,
            &outcome,
            call.endpoint,
            &talk,
            look,
            &call.body,
            &mut edits,
        );
        changes::preface(self, &outcome, named, &talk, look, &mut edits);
        let scan = told.scan;
        let whose = asked.whose.clone();
        let screen = Screen::new(self.clone(), outcome, mapping, told, whose);
        Ok(Screened {
            screen: Rc::new(screen),
            edits,
            choices,
            conversation: talk,
            scan,
            taints,
        })
    }

    /// Signals of injection: counted, and where a policy says so they block.
    fn injections(
        &self,
        outcome: &Outcome,
        inspection: &Inspection,
        told: &mut Told,
    ) -> Result<(), Blocked> {
        for (site, assessed) in &inspection.injections {
            let Some(ruling) = self.policies.injection(outcome, *site) else {
                continue;
            };
            if u64::from(assessed.score_milli) < ruling.threshold_milli {
                continue;
            }
            let blocks = ruling.action == Action::Block;
            told.found.push(Found {
                kind: "INJECTION".into(),
                detector: assessed
                    .signals
                    .first()
                    .copied()
                    .unwrap_or("injection")
                    .into(),
                on: name_of(*site).into(),
                action: if blocks { "block" } else { "flag" }.into(),
                count: 1,
            });
            if blocks {
                let message = format!(
                    "the {} reads like instructions meant to take over ({}): take it out, or ask who keeps that policy",
                    super::said_of(*site),
                    assessed.signals.join(", ")
                );
                return Err(Blocked::guard("injection", message));
            }
        }
        Ok(())
    }

    /// The labels that what was read gives the session.
    fn taints(
        &self,
        outcome: &Outcome,
        inspection: &Inspection,
        talk: &Conversation,
        body: &[u8],
    ) -> Vec<Box<str>> {
        let mut labels: Vec<Box<str>> = Vec::new();
        let mut add = |found: &mut dyn Iterator<Item = &str>| {
            for label in found {
                if !labels.iter().any(|known| **known == *label) {
                    labels.push(label.into());
                }
            }
        };
        let at = |site: Site| -> Vec<(crate::governance::guard::Kind, u32)> {
            let here = inspection.by_site.iter().filter(|(one, ..)| *one == site);
            here.map(|(_, kind, count)| (*kind, *count)).collect()
        };
        for site in [Site::Request, Site::ToolDefinition] {
            let found = at(site);
            add(&mut self.policies.taints(outcome, site, None, &found));
        }
        let found = at(Site::ToolResult);
        for answer in &talk.answers {
            let tool = tool_of(answer, talk, body);
            add(&mut self
                .policies
                .taints(outcome, Site::ToolResult, tool.as_deref(), &found));
        }
        labels
    }

    fn refused(&self, outcome: Outcome, mut told: Told) -> Box<TurnedBack> {
        let denial = denial(&self.policies, &outcome);
        told.outcome = Some(outcome);
        Box::new(TurnedBack { denial, told })
    }
}

/// The tool whose answer this is: named by it, or by the call it answers.
fn tool_of(answer: &crate::chat::ToolAnswer, talk: &Conversation, body: &[u8]) -> Option<String> {
    let said = |text: Text| String::from_utf8_lossy(&text.decoded(body)).into_owned();
    if let Some(name) = answer.name {
        return Some(said(name));
    }
    let call = said(answer.call?);
    let made = talk
        .uses
        .iter()
        .rev()
        .find(|made| made.id.is_some_and(|id| said(id) == call))?;
    made.name.map(said)
}

/// A policies' refusal, as the gate says no.
pub(super) fn denial(policies: &Policies, outcome: &Outcome) -> Box<Denial> {
    let Some(refusal) = &outcome.refusal else {
        return Denial::by_rule(
            Reason::PolicyDenied,
            "policy",
            "a policy denies this call".to_owned(),
        );
    };
    let rule = outcome.deciding.first().and_then(|id| policies.rule(*id));
    let reason = match (refusal.cause, &*refusal.code) {
        (Cause::TooLong(_), _) => Reason::InputTooLong,
        (Cause::Lacking(_), _) => Reason::RequirementMissing,
        (_, "tool_not_allowed") => Reason::ToolNotAllowed,
        (_, "model_not_allowed") => Reason::ModelNotAllowed,
        (_, "endpoint_not_allowed") => Reason::EndpointNotAllowed,
        _ => Reason::PolicyDenied,
    };
    let named = rule.map_or("default", policy::Rule::id);
    let mut denial = Denial::by_rule(reason, named, refusal.message.clone());
    if !matches!(refusal.cause, Cause::TooLong(_)) {
        denial.status = Some(refusal.status);
    }
    if *refusal.code != *reason.code() && rule.is_some() {
        denial.code = Some(refusal.code.clone());
    }
    denial
}

/// What policies look at, kept for rules about the answer and for the record.
fn facts(guards: &Guards, asked: &Asked<'_>, talk: &Conversation) -> Facts {
    let (call, look) = (asked.call, asked.look);
    let said =
        |text: &Text| -> Box<str> { String::from_utf8_lossy(&text.decoded(&call.body)).into() };
    let mut has: Vec<Box<str>> = Vec::new();
    for (name, is) in [
        ("images", talk.unread.images > 0 || look.images() > 0),
        ("audio", talk.unread.audio > 0 || look.audio),
        ("files", talk.unread.files > 0),
        ("tools", look.tools),
        ("stream", look.stream),
    ] {
        if is {
            has.push(name.into());
        }
    }
    let headers = guards.headers.iter().filter_map(|name| {
        let value = call.headers.get(&**name)?.to_str().ok()?;
        Some((
            name.clone(),
            crate::governance::audit::bounded(value).into(),
        ))
    });
    let bytes = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
    Facts {
        endpoint: call.endpoint.name().into(),
        groups: asked.caller.groups.to_vec(),
        tools: talk
            .tools
            .iter()
            .map(said)
            .chain(talk.provider_tools.iter().map(|name| (*name).into()))
            .collect(),
        headers: headers.collect(),
        peer: call.peer,
        has,
        input_tokens: asked.input.0,
        max_output_tokens: look.output_cap.map(|cap| cap.tokens),
        bytes: bytes(call.body.len()),
        messages: u64::from(look.messages),
        json_schema: talk.json_schema,
        taints: asked.taints.to_vec(),
        detections: Vec::new(),
        used_pct: asked.used_pct,
        soft: asked.soft,
        digest: guards.body_key.digest(&call.body),
    }
}

/// What digests of bodies are made with, so that only this gateway can tell whose digest one is.
#[derive(Debug)]
pub struct BodyKey(Secret<[u8; 32]>);

impl BodyKey {
    /// The key that belongs to a gateway's secret.
    #[must_use]
    pub fn derive(secret: &[u8]) -> Self {
        Self(Secret::new(blake3::derive_key(
            "tollgate request digest 1",
            secret,
        )))
    }

    /// The digest of a body: the same for the same body.
    fn digest(&self, body: &[u8]) -> Box<str> {
        let hash = blake3::keyed_hash(self.0.expose(), body).to_hex();
        hash.get(..32).unwrap_or_default().into()
    }
}

impl Told {
    /// What the record says.
    pub(in crate::pipeline) fn ruled(
        &self,
        policies: &Policies,
        outcome: Option<&Outcome>,
    ) -> Ruled {
        let Some(outcome) = outcome.or(self.outcome.as_ref()) else {
            return Ruled {
                facts: self.facts.clone(),
                ..Ruled::default()
            };
        };
        let named = |id: &policy::RuleId| Some(policies.rule(*id)?.id().into());
        Ruled {
            rules: outcome.deciding.iter().filter_map(named).collect(),
            shadow: outcome
                .shadows
                .iter()
                .filter_map(|hit| {
                    Some(Shadowed {
                        rule: named(&hit.rule)?,
                        would: hit.would.name().into(),
                    })
                })
                .collect(),
            findings: self.found.clone(),
            scan: self.scan.map_or("", scan_name).into(),
            notes: self.notes.clone(),
            tags: policies
                .tags(outcome)
                .map(|(name, value, _)| (name.into(), value.into()))
                .collect(),
            facts: self.facts.clone(),
            captured: self.captured.clone(),
        }
    }
}

/// How much could be looked at, as headers and records name it.
pub(in crate::pipeline) const fn scan_name(state: ScanState) -> &'static str {
    match state {
        ScanState::Full => "full",
        ScanState::Partial => "partial",
        ScanState::None => "none",
    }
}
