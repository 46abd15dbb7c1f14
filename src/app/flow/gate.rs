//! The calls of a run, through the gate: each is a chat completion of the run's key, with the run, the workflow and the node
//! among its labels.

use super::egress::Egress;
use super::kept::Kept;
use crate::chat::Endpoint;
use crate::clock::{self, Moment};
use crate::gateway::Refused;
use crate::pipeline::{Body, Call, Deadlines, Note, Plan, Refusal, RequestLabels, Worker};
use crate::telemetry::event;
use crate::units::Money;
use crate::workflow::exec::{Ask, AskFault, Event, Fetch, FetchFault, Host, Reply};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::Value as Json;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// A run's way to models and tools.
pub(super) struct Through {
    pub(super) worker: Rc<Worker>,
    /// The name of the key that pays: its place may change with the configuration.
    pub(super) key: Box<str>,
    pub(super) run: Box<str>,
    pub(super) flow: Box<str>,
    pub(super) egress: Egress,
    pub(super) env: HashMap<String, String>,
    pub(super) kept: Kept,
    pub(super) tell: Box<dyn Fn(&Event<'_>)>,
}

impl Host for Through {
    async fn ask(&self, ask: Ask) -> Result<Reply, AskFault> {
        if ask.llm.api_base.is_some() {
            let message = "`api_base` is not used here: where a model is asked stands in the gateway's configuration (`providers:` and `models:`)";
            return Err(AskFault::Refused(message.to_owned()));
        }
        let plan = self.worker.desk.plan.load_full();
        let call = self.call(&plan, &ask)?;
        self.fits(&plan, &call, ask.left).await?;
        let began = call.began;
        let mut note = Note::default();
        let admitted = match self.worker.admit(&plan, &call, &mut note).await {
            Ok(admitted) => admitted,
            Err(refusal) => {
                let refused = Refused::from(refusal);
                self.told(&plan, &call, &note, &refused);
                return Err(fault(&refused));
            }
        };
        let answer = admitted.make(call).await.map_err(|refusal| {
            let is_upstream = matches!(refusal, Refusal::Upstream { .. });
            match fault(&Refused::from(refusal)) {
                AskFault::Refused(message) if is_upstream => AskFault::Later {
                    message,
                    wait: None,
                },
                fault => fault,
            }
        })?;
        tracing::debug!(node = %ask.node, took = ?clock::since_start().saturating_sub(began.since_start), "a call of a run was answered");
        let Body::Whole(bytes) = &answer.body else {
            return Err(AskFault::Refused("the answer came as a stream".to_owned()));
        };
        let body: Json = serde_json::from_slice(bytes).unwrap_or_default();
        if answer.status.is_success() {
            let cost = answer.facts.cost.unwrap_or(Money::ZERO);
            return Ok(Reply { body, cost });
        }
        let said = body.pointer("/error/message").and_then(Json::as_str);
        let message = format!(
            "the provider answered with status {}: {}",
            answer.status.as_u16(),
            said.unwrap_or("it did not say why")
        );
        Err(if may_pass(answer.status) {
            AskFault::Later {
                message,
                wait: None,
            }
        } else {
            AskFault::Refused(message)
        })
    }

    async fn fetch(&self, fetch: Fetch) -> Result<String, FetchFault> {
        self.egress.fetch(fetch, &self.env).await
    }

    fn tell(&self, event: &Event<'_>) -> Result<(), String> {
        if let Event::Ended(record) = event {
            let kept = self.kept.add(record);
            kept.map_err(|error| format!("what it wrote cannot be kept: {error}"))?;
        }
        (self.tell)(event);
        Ok(())
    }
}

impl Through {
    /// The call as the gate takes it.
    fn call(&self, plan: &Plan, ask: &Ask) -> Result<Box<Call>, AskFault> {
        let mut keys = plan.charter.keys().iter();
        let key = keys.find(|(_, key)| *key.name == *self.key);
        let Some((key, _)) = key else {
            let message = format!("the configuration has no key `{}` any more", self.key);
            return Err(AskFault::Refused(message));
        };
        let mut headers = HeaderMap::new();
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, json);
        let began = clock::now();
        Ok(Box::new(Call {
            id: self.worker.passage_id(began),
            began,
            arrived: began.since_start,
            endpoint: Endpoint::Chat,
            addressed: None,
            headers,
            query: None,
            body: ask.body.to_string().into(),
            compressed: None,
            key,
            peer: None,
            labels: RequestLabels {
                run: Some(self.run.clone()),
                tags: Some(format!("flow={},node={}", self.flow, ask.node).into()),
                ..RequestLabels::default()
            },
            cost_comment: false,
            deadlines: Deadlines::default(),
        }))
    }

    /// Whether what the call may cost fits into what its node has left.
    async fn fits(
        &self,
        plan: &Arc<Plan>,
        call: &Call,
        left: Option<Money>,
    ) -> Result<(), AskFault> {
        let Some(left) = left else {
            return Ok(());
        };
        let quote = self.worker.quote(plan, call).await;
        let quote = quote.map_err(|refusal| fault(&Refused::from(refusal)))?;
        let most = quote.quoted.worst_case;
        if most > left {
            return Err(AskFault::Budget(format!(
                "the call may cost up to ${most}, and the node has ${left} left"
            )));
        }
        Ok(())
    }

    /// A call that was turned back goes into metrics and the decision log, as any.
    fn told(&self, plan: &Plan, call: &Call, note: &Note, refused: &Refused) {
        let Moment { since_start, wall } = call.began;
        let scope: Option<Arc<str>> = refused.scope.as_deref().map(Arc::from);
        let ruled = note.ruled();
        self.worker.desk.telemetry.denied(&event::Denied {
            passage: event::Passage {
                id: call.id,
                at: wall,
                who: plan.owner(call.key),
                run: call.labels.run.as_deref(),
                session: None,
                endpoint: Some(call.endpoint),
                model: &note.model,
                streaming: note.streaming,
                revisions: &plan.revisions,
                look: note.look,
                decide: note.decide,
                total: clock::since_start().saturating_sub(since_start),
                ruled: ruled.as_ref(),
            },
            reason: refused.reason(),
            source: refused.source,
            scope: scope.as_ref(),
            status: refused.status.as_u16(),
        });
    }
}

/// What a refusal means for a run.
fn fault(refused: &Refused) -> AskFault {
    let message = refused.message.clone().into_owned();
    match (refused.reason(), refused.retry_after) {
        ("budget_exceeded", _) => AskFault::Budget(message),
        (_, Some(wait)) if !refused.final_word => AskFault::Later {
            message,
            wait: Some(wait),
        },
        _ => AskFault::Refused(message),
    }
}

/// Whether a status says that the same call may pass later.
fn may_pass(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status.as_u16(), 408 | 409 | 425 | 429)
}
