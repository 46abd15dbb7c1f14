//! What is remembered from call to call for policies: runaway agents, and what sessions have read.
//!
//! It stands beside the plan and outlives every edit of it, so that a reload forgives nobody.
//!
//! Not here: when a circle is a circle (`governance::policy::breaker`), what a label closes (rules).

use super::screen::{Screened, Told};
use super::{Call, Guards};
use crate::chat::json::Text;
use crate::governance::gate::{Denial, Reason};
use crate::governance::policy::breaker::{
    Armed, Breakers, Exact, Labels, Named, Rule, Seen, Sessions, Similar, Verdict, call_digest,
};
use crate::governance::policy::{Caller, Outcome};
use crate::units::Money;
use std::time::Duration;

/// Subjects of breakers kept, and sessions.
const MOST: usize = 65_536;

/// The memory of breakers and sessions.
#[derive(Debug)]
pub struct Vigil {
    breakers: Breakers,
    sessions: Sessions,
}

impl Default for Vigil {
    fn default() -> Self {
        Self {
            breakers: Breakers::new(MOST),
            sessions: Sessions::new(MOST),
        }
    }
}

impl Vigil {
    /// The labels that the call's session has. A call without a session has none but those of what it holds itself.
    pub(super) fn taints(&self, call: &Call, caller: &Caller<'_>, now: Duration) -> Vec<Box<str>> {
        let Some(session) = session(call, caller) else {
            return Vec::new();
        };
        let labels = self.sessions.labels(&session, now);
        self.sessions
            .names(labels)
            .into_iter()
            .map(Into::into)
            .collect()
    }

    /// Gives the call's session these labels.
    pub(super) fn taint(
        &self,
        call: &Call,
        caller: &Caller<'_>,
        labels: &[Box<str>],
        now: Duration,
    ) {
        let Some(session) = session(call, caller).filter(|_| !labels.is_empty()) else {
            return;
        };
        let mut all = Labels::default();
        for label in labels {
            match self.sessions.label(label) {
                Ok(label) => all = all.with(label),
                Err(error) => {
                    tracing::error!(%error, label = &**label, "a session could not be labelled");
                }
            }
        }
        self.sessions.taint(&session, all, now);
    }

    /// Asks the breakers about a call that policies let pass.
    pub(super) fn check(
        &self,
        call: &Call,
        caller: &Caller<'_>,
        screened: &Screened,
        told: &mut Told,
        now: Duration,
    ) -> Result<(), Box<Denial>> {
        let (guards, outcome) = (screened.screen.guards(), screened.screen.outcome());
        let breakers = || guards.policies.breakers(outcome);
        if breakers().next().is_none() {
            return Ok(());
        }
        let digests = Digests::of(call, screened, breakers().map(|armed| &armed.rule));
        let named = named(call, caller);
        for Armed { rule, id, shadow } in breakers() {
            let seen = Seen {
                exact: digests.exact,
                similar: digests.similar,
                calls: &digests.calls,
            };
            match self.breakers.check(rule, rule.subject(&named), &seen, now) {
                Verdict::Pass => {}
                Verdict::Warn { reason } => told.notes.push(reason.into()),
                Verdict::Stop { reason, .. } if *shadow => {
                    told.notes
                        .push(format!("in shadow, would have stopped: {reason}").into());
                }
                Verdict::Stop {
                    reason,
                    retry_after,
                } => {
                    let mut denial = Denial::by_rule(Reason::Runaway, id, reason);
                    denial.retry_after = Some(retry_after);
                    return Err(denial);
                }
            }
        }
        Ok(())
    }

    /// Counts what a call cost against those who burn too fast.
    pub(super) fn settled(
        &self,
        guards: &Guards,
        outcome: &Outcome,
        named: &Named<'_>,
        cost: Money,
        now: Duration,
    ) {
        for Armed { rule, .. } in guards.policies.breakers(outcome) {
            if rule.burn.is_some() {
                self.breakers.settled(rule, rule.subject(named), cost, now);
            }
        }
    }
}

/// Sessions of two keys are two sessions, whatever they are called.
fn session(call: &Call, caller: &Caller<'_>) -> Option<String> {
    let session = call.labels.session.as_deref()?;
    Some(format!("{}\n{session}", caller.key.unwrap_or_default()))
}

/// What a call says of itself, as far as breakers ask.
pub(super) fn named<'a>(call: &'a Call, caller: &Caller<'a>) -> Named<'a> {
    Named {
        run: call.labels.run.as_deref(),
        session: call.labels.session.as_deref(),
        agent: caller.agent,
        key: caller.key.unwrap_or_default(),
    }
}

/// What breakers compare; 0 or empty where none of them asks for it, which over a long history is most of the work.
#[derive(Default)]
struct Digests {
    exact: u64,
    similar: u64,
    calls: Vec<u64>,
}

impl Digests {
    fn of<'a>(call: &Call, screened: &Screened, breakers: impl Iterator<Item = &'a Rule>) -> Self {
        let (body, talk) = (&call.body, &screened.conversation);
        let (mut exact, mut similar, mut cycle) = (false, false, false);
        for rule in breakers {
            if let Some(repeat) = &rule.repeat {
                let kind = if repeat.similar {
                    &mut similar
                } else {
                    &mut exact
                };
                *kind = true;
            }
            cycle |= rule.tool_cycle.is_some();
        }
        let mut digests = Self::default();
        if exact {
            let mut digest = Exact::default();
            for part in &talk.texts {
                digest.add(part.text.raw(body));
            }
            digests.exact = digest.finish();
        }
        if similar {
            let mut digest = Similar::default();
            for part in &talk.texts {
                digest.add(&String::from_utf8_lossy(&part.text.decoded(body)));
            }
            digests.similar = digest.finish();
        }
        if cycle {
            let said = |text: Option<Text>| text.map(|text| text.decoded(body)).unwrap_or_default();
            let digest = |name: Option<Text>, arguments: Option<Text>| {
                let (name, arguments) = (said(name), said(arguments));
                call_digest(
                    &String::from_utf8_lossy(&name),
                    &String::from_utf8_lossy(&arguments),
                )
            };
            let calls = talk.uses.iter();
            digests.calls = calls
                .map(|made| digest(made.name, made.arguments))
                .collect();
        }
        digests
    }
}
