//! Runs a compiled workflow: which node comes next, what its model is asked, what its tools are sent, what its answer writes.
//!
//! A run is a function of the workflow, the state it begins with, and what its [`Host`] answers. Every node that ends is told
//! to the host as a [`Record`] before anything that depends on it begins; a run that is given the records of an earlier one
//! walks the same way and asks only what is not among them.
//!
//! Invariants: a node writes its outputs and nothing else; branches see what was written before they began and their own
//! writes, and are merged in the order they stand in, so the result does not depend on which ends first; a run that stops
//! drops its calls.
//!
//! Not here: files, the network, money: the host asks through the gate, which says what a call may cost.

mod gates;
mod host;
mod node;
mod record;
mod talk;
mod tool;
mod walk;

pub use gates::{Measured, missed};
pub use host::{Ask, AskFault, Event, Fetch, FetchFault, Host, Reply};
pub use record::{Record, Records, Spent};

use super::ir::Flow;
use super::value::Dict;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Nodes that a run may run: one that goes round and round ends here.
pub const MAX_NODES: u32 = 10_000;

/// Why a run stopped before its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// The money is used up: the run can go on once there is more.
    #[error("node `{node}`: the budget is used up: {message}")]
    Budget {
        /// The node that asked.
        node: String,
        /// What the gate said.
        message: String,
    },
    /// A call took longer than the workflow allows.
    #[error("node `{node}`: no answer within {seconds} s (`execution.timeout`)")]
    TimedOut {
        /// The node that asked.
        node: String,
        /// How long it waited.
        seconds: u32,
    },
    /// It cannot go on.
    #[error("node `{node}`{}: {message}", item.map(|item| format!(", item {item}")).unwrap_or_default())]
    Failed {
        /// The node it was at.
        node: String,
        /// Which item of a list it was run for.
        item: Option<usize>,
        /// What went wrong.
        message: String,
    },
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Why it stopped, if it did before its end.
    pub stop: Option<Stop>,
    /// The state: what was given, is there by default, or was written.
    pub state: Dict,
    /// What it took, with that of the records it was given.
    pub spent: Spent,
}

/// What all branches of a run share.
struct Run<H> {
    flow: Rc<Flow>,
    host: Rc<H>,
    /// What an earlier run has done.
    done: Records,
    /// All that was written so far.
    state: RefCell<Dict>,
    spent: RefCell<Spent>,
    nodes: Cell<u32>,
    /// Whether no node may begin any more.
    stopping: Cell<bool>,
}

/// Runs a workflow over a state that [`Flow::begin`] made. `done`: what an earlier run of the same workflow and inputs told.
/// Must run within a `LocalSet`.
pub async fn run<H: Host>(flow: Rc<Flow>, state: Dict, done: Records, host: Rc<H>) -> Outcome {
    let run = Rc::new(Run {
        flow,
        host,
        done,
        state: RefCell::new(state.clone()),
        spent: RefCell::default(),
        nodes: Cell::new(0),
        stopping: Cell::new(false),
    });
    let way = walk::Way::whole(state);
    let stop = walk::walk(run.clone(), run.flow.start.clone(), way)
        .await
        .err();
    let written = run.state.borrow();
    let fields = run.flow.state.iter();
    let state = fields.filter_map(|field| {
        let value = written.get(&field.name)?;
        Some((field.name.clone(), value.clone()))
    });
    Outcome {
        stop,
        state: state.collect(),
        spent: run.spent.borrow().clone(),
    }
}

#[cfg(test)]
mod tests;
