//! One node: its prompt is asked, tools are run as its model wants, and its answer is read; again, as often as it may be.

use super::host::{Ask, AskFault, Event, Host, Reply};
use super::record::Spent;
use super::talk::{self, Said};
use super::walk::failed;
use super::{Run, Stop, tool};
use crate::units::Money;
use crate::workflow::ir::Node;
use crate::workflow::value::{Dict, Value};
use serde_json::Value as Json;
use std::time::Duration;

/// The longest wait before an attempt.
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// The wait before the second attempt; it doubles with each one more.
const WAIT: Duration = Duration::from_millis(250);

/// A node where it stands in the run.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) node: &'a Node,
    pub(super) step: &'a str,
    pub(super) item: Option<usize>,
}

impl Place<'_> {
    pub(super) fn failed(self, message: &str) -> Stop {
        failed(&self.node.id, self.item, message)
    }
}

/// Why an attempt came to nothing.
enum Missed {
    /// The model can be told what was wrong.
    Hint(String),
    /// It may be better later.
    Later(String, Option<Duration>),
    /// The run stops.
    Stop(Stop),
}

impl From<Stop> for Missed {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

/// Runs a node over a state; what it writes. `extra` are inputs besides its own, and go before the state's fields.
pub(super) async fn run<H: Host>(
    run: &Run<H>,
    place: Place<'_>,
    extra: &Dict,
    state: &Dict,
    spent: &mut Spent,
) -> Result<Dict, Stop> {
    let node = place.node;
    let mut inputs = extra.clone();
    for input in &node.inputs {
        let value = input.value.fill(extra, state);
        let value =
            value.map_err(|fault| place.failed(&format!("input `{}`: {fault}", input.name)))?;
        inputs.insert(input.name.clone(), Value::Str(value));
    }
    let prompt = node.prompt.fill(&inputs, state);
    let prompt = prompt.map_err(|fault| place.failed(&format!("its prompt: {fault}")))?;
    let attempts = run.flow.execution.max_retries.max(1);
    let mut hint = None;
    let mut told = String::new();
    for attempt in 0..attempts {
        if attempt > 0 {
            let reason = told.as_str();
            let step = place.step;
            run.tell(place, &Event::Again { step, reason })?;
        }
        match ask(run, place, (&prompt, hint.as_deref()), state, spent).await {
            Ok(written) => return Ok(written),
            Err(Missed::Stop(stop)) => return Err(stop),
            Err(Missed::Hint(reason)) => {
                told.clone_from(&reason);
                hint = Some(reason);
            }
            Err(Missed::Later(reason, wait)) => {
                told = reason;
                if attempt + 1 < attempts {
                    let wait = wait.unwrap_or_else(|| WAIT.saturating_mul(1 << attempt.min(8)));
                    tokio::time::sleep(wait.min(LONGEST_WAIT)).await;
                }
            }
        }
    }
    Err(place.failed(&match attempts {
        1 => told,
        many => format!("{told} ({many} attempts)"),
    }))
}

/// One attempt: a conversation that ends with an answer.
async fn ask<H: Host>(
    run: &Run<H>,
    place: Place<'_>,
    (prompt, hint): (&str, Option<&str>),
    state: &Dict,
    spent: &mut Spent,
) -> Result<Dict, Missed> {
    let node = place.node;
    let mut messages = vec![talk::question(prompt, hint)];
    let mut left = node.max_tool_calls;
    loop {
        let may_call = left > 0;
        let body = talk::request(&run.flow, node, &messages, may_call);
        let reply = call(run, place, body, spent).await?;
        match talk::read(&reply.body) {
            Said::Text(text) => {
                let read = node.output.read(&text, run.flow.elements());
                return read.map_err(|fault| Missed::Hint(fault.to_string()));
            }
            Said::Nothing(why) => return Err(Missed::Hint(why)),
            Said::Calls(_) if !may_call => {
                let most = node.max_tool_calls;
                let message = format!("its model asks for more than {most} calls of tools");
                return Err(place.failed(&message).into());
            }
            Said::Calls(calls) => {
                messages.push(calls.message);
                for asked in calls.all {
                    let result = if left == 0 {
                        "not run: no more calls of tools are allowed here".to_owned()
                    } else {
                        left -= 1;
                        tool::run(run, place, &asked, state).await?
                    };
                    messages.push(talk::result(&asked.id, &result));
                }
            }
        }
    }
}

/// One call of the model.
async fn call<H: Host>(
    run: &Run<H>,
    place: Place<'_>,
    body: Json,
    spent: &mut Spent,
) -> Result<Reply, Missed> {
    let node = place.node;
    let left = match node.budget_nano_usd {
        None => None,
        Some(budget) if budget <= spent.cost_nano_usd => {
            return Err(Missed::Stop(Stop::Budget {
                node: node.id.clone(),
                message: format!(
                    "the node has spent ${} of ${}",
                    spent.cost(),
                    Money::from_nanos(budget)
                ),
            }));
        }
        Some(budget) => Some(Money::from_nanos(budget - spent.cost_nano_usd)),
    };
    let ask = Ask {
        node: node.id.clone(),
        step: place.step.to_owned(),
        llm: node.llm.clone(),
        body,
        left,
    };
    let seconds = run.flow.execution.timeout_seconds;
    let waited = Duration::from_secs(seconds.into());
    let Ok(answered) = tokio::time::timeout(waited, run.host.ask(ask)).await else {
        return Err(Missed::Stop(Stop::TimedOut {
            node: node.id.clone(),
            seconds,
        }));
    };
    match answered {
        Ok(reply) => {
            let (input_tokens, output_tokens) = talk::usage(&reply.body);
            spent.add(&Spent {
                calls: 1,
                input_tokens,
                output_tokens,
                cost_nano_usd: reply.cost.nanos(),
            });
            Ok(reply)
        }
        Err(AskFault::Budget(message)) => Err(Missed::Stop(Stop::Budget {
            node: node.id.clone(),
            message,
        })),
        Err(AskFault::Later { message, wait }) => Err(Missed::Later(message, wait)),
        Err(AskFault::Refused(message)) => Err(place.failed(&message).into()),
    }
}
