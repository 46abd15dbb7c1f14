//! A call before the gate, where there are policies: what they say, and what follows from it for the call.
//!
//! Not here: how texts are looked at (`screen`), how policies decide (`governance::policy`).

use super::plan::Plan;
use super::screen::{Asked, Guards, Screened, TurnedBack, Whose, scan_name};
use super::way::chosen;
use super::worker::Worker;
use super::{Call, Note, Refusal, Seen, ask, count};
use crate::clock;
use crate::governance::budget::Standing;
use crate::governance::gate::Reason;
use crate::governance::identity::Key;
use crate::governance::policy;
use crate::units::{Money, Tokens};
use std::sync::Arc;

impl Worker {
    /// Asks the policies; what they change of the call is changed in `seen`.
    pub(super) async fn screen(
        &self,
        plan: &Arc<Plan>,
        guards: &Arc<Guards>,
        call: &Call,
        seen: &mut Seen,
        note: &mut Note,
    ) -> Result<(), Refusal> {
        let key = plan
            .charter
            .keys()
            .get(call.key)
            .ok_or(Refusal::Unrecorded)?;
        let whose = Whose {
            plan: plan.clone(),
            key: call.key,
            model: seen.look.model(&call.body).into(),
            at: call.began.wall,
        };
        let caller = policy::Caller::of(key);
        let now = clock::since_start();
        let taints = self.desk.vigil.taints(call, &caller, now);
        let standing = self.standing(plan, call, key, seen);
        let estimate = Tokens(seen.look.input_bound.0.div_ceil(BYTES_A_TOKEN));
        let mut asked = Asked {
            call,
            look: &seen.look,
            caller,
            whose: &whose,
            input: estimate,
            used_pct: standing.as_ref().map_or(0, used_pct),
            soft: standing.is_some_and(|standing| standing.soft.is_some()),
            taints: &taints,
        };
        let mut answer = guards.screen(&asked);
        // An estimate is no reason to refuse what a count would let pass.
        if let Err(turned) = &answer
            && turned.hangs_on_length(&guards.policies)
            && let Some(encoding) = seen.target.destination.encoding
            && let Some(counted) = count(call.body.clone(), encoding, seen.look.messages).await
        {
            asked.input = counted;
            answer = guards.screen(&asked);
        }
        match answer {
            Ok(screened) => {
                note.alerts = guards
                    .elsewhere
                    .alerts(&guards.policies, screened.screen.outcome());
                self.desk.vigil.taint(call, &caller, &screened.taints, now);
                let stopped = screened
                    .screen
                    .with_told(|told| self.desk.vigil.check(call, &caller, &screened, told, now));
                note.scan = screened.scan.map(scan_name);
                note.screen = Some(screened.screen.clone());
                stopped.map_err(Refusal::Denied)?;
                self.take_over(plan, call, screened, seen, note)
            }
            Err(turned) => {
                let TurnedBack { denial, told } = *turned;
                if let Some(outcome) = &told.outcome {
                    note.alerts = guards.elsewhere.alerts(&guards.policies, outcome);
                }
                // What was read was read, also by a call that is then refused.
                self.desk
                    .vigil
                    .taint(call, &caller, &told.facts.taints, now);
                note.scan = told.scan.map(scan_name);
                note.ruled = Some(Arc::new(told.ruled(&guards.policies, None)));
                Err(Refusal::Denied(denial))
            }
        }
    }

    /// Takes over what policies want of a call that passes.
    fn take_over(
        &self,
        plan: &Arc<Plan>,
        call: &Call,
        screened: Screened,
        seen: &mut Seen,
        note: &mut Note,
    ) -> Result<(), Refusal> {
        let guards = screened.screen.guards();
        let route = screened
            .screen
            .outcome()
            .route
            .and_then(|rule| guards.policies.rule(rule)?.route());
        if let Some(route) = route {
            let model = route.model.as_deref().unwrap_or(&note.model);
            let way = self.detour(plan, route.provider.as_deref(), model);
            (seen.target, seen.course) = chosen(self, way, call, model)?;
        }
        if let Some(choices) = screened.choices {
            seen.look.choices = choices;
        }
        seen.edits = screened.edits;
        seen.screen = Some(screened.screen);
        Ok(())
    }

    /// Where the tightest budget of a call stands, before it.
    fn standing(&self, plan: &Plan, call: &Call, key: &Key, seen: &Seen) -> Option<Standing> {
        let ask = ask(call, key, seen, None);
        let now = call.began.later(clock::since_start());
        self.desk.gate.tightest(&plan.charter, &ask, now)
    }
}

/// Bytes of a token in prose and code, on the safe side.
const BYTES_A_TOKEN: u64 = 3;

/// How much of a budget is used, reservations included, in whole per cent.
fn used_pct(standing: &Standing) -> u64 {
    let nanos = |money: Money| u128::try_from(money.nanos()).unwrap_or(0);
    let used = nanos(standing.spent).saturating_add(nanos(standing.reserved));
    let limit = nanos(standing.limit).max(1);
    u64::try_from(used.saturating_mul(100) / limit).unwrap_or(u64::MAX)
}

impl TurnedBack {
    /// Whether a smaller input could have passed.
    fn hangs_on_length(&self, policies: &policy::Policies) -> bool {
        self.denial.reason == Reason::InputTooLong
            || self
                .told
                .outcome
                .as_ref()
                .is_some_and(|outcome| policies.reads_length(outcome))
    }
}
