//! Runs a workflow on this machine, every call of a model through the gate: the configuration, budgets, policies and the
//! decision log are those that a gateway would have.
//!
//! The house is the gateway's without its door: nobody is listened to, and the state directory is held, so that no gateway
//! books beside it. A run is a label of its calls; what it may spend is one more budget, for each run.
//!
//! Not here: which call comes next (`workflow::exec`), where its steps are kept (`kept`), what its tools may reach (`egress`).

mod egress;
mod gate;
mod kept;

pub use crate::workflow::exec::{Event, Outcome, Record, Spent, Stop};
pub use kept::{Kept, KeptFault};

use super::{House, Options, StartError};
use crate::clock;
use crate::config;
use crate::config::flow::Diagnostic;
use crate::governance::budget::{Absent, AtLimit, Budget, Window};
use crate::governance::identity::{Label, Selector};
use crate::pipeline::Worker;
use crate::telemetry::logs as log;
use crate::units::Money;
use crate::workflow::exec::{self, Measured};
use crate::workflow::ir::{self, Flow};
use crate::workflow::value::{Dict, Value};
use anyhow::Context as _;
use gate::Through;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

/// What to run, and how.
pub struct Order {
    /// The workflow.
    pub flow: Flow,
    /// What it is given: JSON where that can be read, else texts.
    pub inputs: Vec<(String, String)>,
    /// What the run may spend, over what the file says.
    pub budget: Option<Money>,
    /// The key that pays; without one there must be only one.
    pub key: Option<String>,
    /// The run that is gone on with.
    pub resume: Option<String>,
    /// Hosts that tools may reach although their address is private: `localhost:8080`.
    pub reachable: Vec<String>,
    /// Values of variables that tools show to others.
    pub env: Vec<(String, String)>,
    /// Told what happens.
    pub tell: Box<dyn Fn(&Event<'_>)>,
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    /// Its name, by which it can be gone on with.
    pub run: String,
    /// How.
    pub outcome: Outcome,
    /// Limits that were missed.
    pub missed: Vec<String>,
    /// Whether those make it a failure.
    pub is_failure: bool,
    /// How long it took.
    pub took: Duration,
}

impl Ended {
    /// How it ended, in a word.
    #[must_use]
    pub fn status(&self) -> &'static str {
        match &self.outcome.stop {
            None if self.is_failure => "gates_failed",
            None => "success",
            Some(Stop::Budget { .. }) => "budget_exceeded",
            Some(Stop::TimedOut { .. }) => "timed_out",
            Some(Stop::Failed { .. }) => "failed",
        }
    }

    /// The state, as JSON: its fields in their order.
    #[must_use]
    pub fn state(&self) -> String {
        json(&Value::Dict(self.outcome.state.clone()))
    }

    /// All of it, as JSON.
    #[must_use]
    pub fn report(&self) -> String {
        let count = |number: u64| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
        let text = |text: String| Value::Str(text);
        let spent = &self.outcome.spent;
        let stop = self.outcome.stop.as_ref();
        let took = u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX);
        let missed = self.missed.iter().cloned().map(Value::Str);
        json(&Value::dict([
            ("run", text(self.run.clone())),
            ("status", self.status().into()),
            (
                "error",
                stop.map_or(Value::Null, |stop| text(stop.to_string())),
            ),
            ("state", Value::Dict(self.outcome.state.clone())),
            ("calls", count(spent.calls.into())),
            ("input_tokens", count(spent.input_tokens)),
            ("output_tokens", count(spent.output_tokens)),
            ("cost_nano_usd", Value::Int(spent.cost_nano_usd)),
            ("execution_time_ms", count(took)),
            ("gates_missed", Value::List(missed.collect())),
        ]))
    }
}

/// A value that came from JSON, or could.
fn json(value: &Value) -> String {
    value.to_json().unwrap_or_default()
}

/// Why a run does not begin.
#[derive(Debug, thiserror::Error)]
pub enum NoRun {
    /// What it is given does not fit.
    #[error("{}", lines(.0))]
    Inputs(Vec<Diagnostic>),
    /// What is kept of the run that is to go on cannot be used.
    #[error(transparent)]
    Kept(#[from] KeptFault),
}

fn lines(found: &[Diagnostic]) -> String {
    let lines: Vec<String> = found
        .iter()
        .map(|one| match &one.suggestion {
            None => one.to_string(),
            Some(help) => format!("{one} ({help})"),
        })
        .collect();
    lines.join("\n")
}

/// Runs it to its end.
///
/// # Errors
/// [`StartError`] where the configuration is at fault, [`NoRun`] where the run cannot begin; otherwise what could not be set
/// up, such as a state directory that a gateway is using.
pub fn run(options: Options, order: Order) -> anyhow::Result<Ended> {
    let mut config = config::load(&options.sources).map_err(StartError::from)?;
    log::init(options.log, options.level)?;
    let (_, hash) = ir::export(&order.flow).context("the workflow cannot be written")?;
    let began = clock::now().wall;
    let mut kept = if let Some(run) = &order.resume {
        Kept::again(&config.state_dir, run, &hash).map_err(NoRun::from)?
    } else {
        let given = given(&order.inputs);
        Kept::new(&config.state_dir, began, &order.flow.name, &hash, given).map_err(NoRun::from)?
    };
    let state = order
        .flow
        .begin(kept.inputs().clone())
        .map_err(NoRun::Inputs)?;
    kept.begin().map_err(NoRun::from)?;
    config.listen.clear();
    config.admin_listen = None;
    if let Some(limit) = order.budget.or_else(|| order.flow.budget()) {
        config.budgets.push(of_run(limit));
    }
    let house = House::build(config, options.sources, false)?;
    let ended = within(&house, order, kept, state);
    house.stop()?;
    ended
}

/// The budget of each run.
fn of_run(limit: Money) -> Budget {
    Budget {
        name: "flow-run".into(),
        selector: Selector::default(),
        per: Some(Label::Run),
        absent: Absent::Deny,
        limit,
        window: Window::Total,
        zone: jiff::tz::TimeZone::UTC,
        soft: Vec::new(),
        enforce: true,
        at_limit: AtLimit::Deny,
        carry_over: false,
    }
}

/// Values as they are typed.
fn given(inputs: &[(String, String)]) -> Dict {
    let value = |text: &String| Value::from_json(text).unwrap_or_else(|_| Value::Str(text.clone()));
    inputs
        .iter()
        .map(|(name, text)| (name.clone(), value(text)))
        .collect()
}

fn within(house: &House, order: Order, kept: Kept, state: Dict) -> anyhow::Result<Ended> {
    let desk = house.door.desk.clone();
    let plan = desk.plan.load_full();
    let (_, key) = super::quote::the_key(&plan, order.key.as_deref())?;
    let key = key.name.as_ref().into();
    drop(plan);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let local = tokio::task::LocalSet::new();
    let (run, done) = (kept.run().to_owned(), kept.records());
    let flow = Rc::new(order.flow);
    local.block_on(&runtime, async {
        let began = clock::since_start();
        let host = Rc::new(Through {
            worker: Rc::new(Worker::new(desk)),
            key,
            run: run.as_str().into(),
            flow: flow.name.as_str().into(),
            egress: egress::Egress::new(order.reachable)?,
            env: order.env.into_iter().collect::<HashMap<_, _>>(),
            kept,
            tell: order.tell,
        });
        let outcome = exec::run(flow.clone(), state, done, host.clone()).await;
        host.worker.leave();
        let took = clock::since_start().saturating_sub(began);
        let measured = Measured {
            spent: &outcome.spent,
            took,
        };
        let missed = flow
            .gates
            .as_ref()
            .map_or_else(Vec::new, |gates| exec::missed(gates, measured));
        let is_failure = !missed.is_empty() && flow.gates.as_ref().is_some_and(|gates| gates.fail);
        Ok(Ended {
            run,
            outcome,
            missed,
            is_failure,
            took,
        })
    })
}
