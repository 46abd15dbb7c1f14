//! What a call would cost and whether it would pass, without a call.
//!
//! Nothing is reserved and no request is counted; the answer is as good as the moment it is given in.

use super::plan::Plan;
use super::{Call, Note, Refusal, Worker, ask, count};
use crate::clock;
use crate::governance::budget::Standing;
use crate::governance::gate::Quoted;
use crate::units::{Money, Tokens};
use std::sync::Arc;

/// The answer to a dry run.
#[derive(Debug)]
pub struct Quote {
    /// What the gate would say.
    pub quoted: Quoted,
    /// The model, as the caller named it.
    pub model: Box<str>,
    /// Who would be called.
    pub provider: Arc<str>,
    /// Upper bound of the input.
    pub input_bound: Tokens,
    /// The input, counted where that is possible.
    pub input: Tokens,
}

/// One budget a call would be charged to.
#[derive(Debug)]
pub struct QuoteLine {
    /// Where it stands.
    pub standing: Standing,
    /// What would be left.
    pub remaining: Money,
}

impl Worker {
    /// Weighs a call that will not be made.
    ///
    /// # Errors
    /// The request is malformed, or its model has no route.
    pub async fn quote(&self, plan: &Arc<Plan>, call: &Call) -> Result<Quote, Refusal> {
        let mut note = Note::default();
        let mut seen = self.see(plan, call, &mut note)?;
        if let Some(guards) = &plan.guards {
            self.screen(plan, guards, call, &mut seen, &mut note)
                .await?;
        }
        seen.address(self, call)?;
        let key = plan
            .charter
            .keys()
            .get(call.key)
            .ok_or(Refusal::Unrecorded)?;
        let exact = match seen.target.destination.encoding {
            Some(encoding) => count(seen.forwarded(call), encoding, seen.weighed().messages).await,
            None => None,
        };
        let bound = seen.weighed().input_bound;
        let counted = exact.map(|exact| exact.min(bound));
        let ask = ask(call, key, &seen, counted);
        let quoted = self.desk.gate.quote(&plan.charter, &ask, clock::now());
        let model = seen.look.model(&call.body).into();
        let provider = seen.target.destination.upstream.name.clone();
        Ok(Quote {
            quoted,
            model,
            provider,
            input_bound: bound,
            input: counted.unwrap_or(bound),
        })
    }
}
