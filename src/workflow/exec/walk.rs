//! Which node comes next, which run at once, and what of the state each of them sees.

use super::host::{Event, Host};
use super::record::{Record, Spent};
use super::{MAX_NODES, Run, Stop, node};
use crate::workflow::expr::{EvalFault, Expr};
use crate::workflow::ir::{Collect, Fork, Loop, Next, Node, Parallel, Routes};
use crate::workflow::normal::{END, START};
use crate::workflow::value::{Dict, Value};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use tokio::task::JoinSet;

/// What an item is called, and its number, in the templates of the node that is run for it.
const ITEM: &str = "_parallel_item";
const INDEX: &str = "_parallel_index";

/// A way through the graph: the whole run, or a branch.
pub(super) struct Way {
    /// What it sees.
    state: Dict,
    /// What was written on it.
    written: Dict,
    /// Where it ends, if not with the run.
    until: Option<String>,
    /// What its steps begin with.
    prefix: String,
    /// Nodes run on it.
    steps: u32,
    /// The last of them.
    at: String,
}

impl Way {
    /// All of a run.
    pub(super) fn whole(state: Dict) -> Self {
        Self {
            state,
            written: Dict::new(),
            until: None,
            prefix: String::new(),
            steps: 0,
            at: START.to_owned(),
        }
    }

    fn step(&mut self) -> String {
        let step = format!("{}{}", self.prefix, self.steps);
        self.steps += 1;
        step
    }

    fn write(&mut self, writes: Dict) {
        for (name, value) in writes {
            self.state.insert(name.clone(), value.clone());
            self.written.insert(name, value);
        }
    }

    fn ends_at(&self, id: &str) -> bool {
        id == END || self.until.as_deref() == Some(id)
    }
}

/// What a way wrote, or why the run stops.
type Walked = Result<Dict, Stop>;

/// Walks on until the way ends. Boxed: branches walk within walks.
pub(super) fn walk<H: Host>(
    run: Rc<Run<H>>,
    mut next: Next,
    mut way: Way,
) -> Pin<Box<dyn Future<Output = Walked>>> {
    Box::pin(async move {
        loop {
            let id = match next {
                Next::To(id) => id,
                Next::Routes(routes) => run.choose(&routes, &way)?,
                Next::Fork(fork) => {
                    run.branch(&fork, &mut way).await?;
                    fork.join
                }
                Next::Parallel(parallel) => {
                    let value = run.items(&parallel, &mut way).await?;
                    run.keep(
                        &mut way,
                        [(parallel.collect.clone(), value)].into_iter().collect(),
                    );
                    next = run.node(&parallel.node)?.next.clone();
                    way.at = parallel.node;
                    continue;
                }
                Next::Loop(found) => found.exit_to,
            };
            if way.ends_at(&id) {
                return Ok(way.written);
            }
            let node = run.node(&id)?.clone();
            way.at.clone_from(&node.id);
            run.repeat(&node, &mut way).await?;
            next = node.next;
        }
    })
}

impl<H: Host> Run<H> {
    fn node(&self, id: &str) -> Result<&Node, Stop> {
        self.flow
            .node(id)
            .ok_or_else(|| failed(id, None, "there is no such node"))
    }

    /// Writes, for a way and for the run.
    fn keep(&self, way: &mut Way, writes: Dict) {
        let mut state = self.state.borrow_mut();
        for (name, value) in &writes {
            state.insert(name.clone(), value.clone());
        }
        way.write(writes);
    }

    /// Runs a node, and again while it loops.
    async fn repeat(self: &Rc<Self>, node: &Node, way: &mut Way) -> Result<(), Stop> {
        let mut turns = 0;
        loop {
            let step = way.step();
            let writes = self
                .once(node, &step, &Dict::new(), &way.state, None)
                .await?;
            self.keep(way, writes);
            let Next::Loop(Loop {
                until,
                max_iterations,
                ..
            }) = &node.next
            else {
                return Ok(());
            };
            turns += 1;
            if turns >= *max_iterations || self.holds(until, node, &way.state)? {
                return Ok(());
            }
        }
    }

    /// Runs a node at a step, unless an earlier run did; what it writes.
    async fn once(
        &self,
        node: &Node,
        step: &str,
        inputs: &Dict,
        state: &Dict,
        item: Option<usize>,
    ) -> Result<Dict, Stop> {
        if let Some(record) = self.done.get(step, &node.id) {
            self.spent.borrow_mut().add(&record.spent);
            return Ok(record.written());
        }
        if self.stopping.get() {
            return Err(Stop::Budget {
                node: node.id.clone(),
                message: "another branch used it up".to_owned(),
            });
        }
        if self.nodes.replace(self.nodes.get() + 1) >= MAX_NODES {
            return Err(failed(
                &node.id,
                item,
                &format!("the run has not ended after {MAX_NODES} nodes"),
            ));
        }
        let place = node::Place { node, step, item };
        self.tell(
            place,
            &Event::Began {
                step,
                node: &node.id,
            },
        )?;
        let mut spent = Spent::default();
        let written = node::run(self, place, inputs, state, &mut spent).await;
        // Also what failed was paid.
        self.spent.borrow_mut().add(&spent);
        let written = written?;
        let record = Record {
            step: step.to_owned(),
            node: node.id.clone(),
            writes: Value::Dict(written),
            spent,
        };
        self.tell(place, &Event::Ended(&record))?;
        Ok(record.written())
    }

    /// Tells the host; what it cannot keep stops the run.
    pub(super) fn tell(&self, place: node::Place<'_>, event: &Event<'_>) -> Result<(), Stop> {
        self.host
            .tell(event)
            .map_err(|fault| failed(&place.node.id, place.item, &fault))
    }

    fn choose(&self, routes: &Routes, way: &Way) -> Result<String, Stop> {
        for route in &routes.routes {
            match route.when.holds(&way.state) {
                Ok(true) => return Ok(route.to.clone()),
                Ok(false) => {}
                Err(_) if self.flow.execution.conditions_default => break,
                Err(fault) => return Err(unsaid(&way.at, &route.when, &fault)),
            }
        }
        Ok(routes.default.clone())
    }

    fn holds(&self, until: &Expr, node: &Node, state: &Dict) -> Result<bool, Stop> {
        match until.holds(state) {
            Ok(holds) => Ok(holds),
            // What cannot be told goes on to the most that is allowed.
            Err(_) if self.flow.execution.conditions_default => Ok(false),
            Err(fault) => Err(unsaid(&node.id, until, &fault)),
        }
    }

    /// Walks branches at once, each with the state as it is now, and merges what they wrote in their order.
    async fn branch(self: &Rc<Self>, fork: &Fork, way: &mut Way) -> Result<(), Stop> {
        let at = way.step();
        let mut branches = JoinSet::new();
        for (number, first) in fork.branches.iter().enumerate() {
            let branch = Way {
                state: way.state.clone(),
                written: Dict::new(),
                until: Some(fork.join.clone()),
                prefix: format!("{at}.{number}/"),
                steps: 0,
                at: way.at.clone(),
            };
            let walked = walk(self.clone(), Next::To(first.clone()), branch);
            branches.spawn_local(async move { (number, walked.await) });
        }
        let written = self.all(branches, fork.branches.len()).await?;
        for writes in written {
            way.write(writes);
        }
        Ok(())
    }

    /// Runs a node for each item of a list, a few at once; what is collected, in the order of the items.
    async fn items(self: &Rc<Self>, parallel: &Parallel, way: &mut Way) -> Result<Value, Stop> {
        let node = Rc::new(self.node(&parallel.node)?.clone());
        let items = match way.state.get(&parallel.items) {
            Some(Value::List(items)) => items.clone(),
            None | Some(Value::Null) => Vec::new(),
            Some(other) => {
                let message = format!("`{}` is {}, not a list", parallel.items, other.type_name());
                return Err(failed(&node.id, None, &message));
            }
        };
        let at = way.step();
        let state = Rc::new(way.state.clone());
        let total = items.len();
        let mut waiting = items.into_iter().enumerate();
        let mut running = JoinSet::new();
        let most = usize::try_from(parallel.max_concurrency.max(1)).unwrap_or(usize::MAX);
        let mut results: Vec<Option<Dict>> = vec![None; total];
        let mut stop = None;
        loop {
            while stop.is_none() && running.len() < most {
                let Some((number, item)) = waiting.next() else {
                    break;
                };
                let (run, node, state) = (self.clone(), node.clone(), state.clone());
                let place = format!("{at}[{number}]");
                running.spawn_local(async move {
                    let index = i64::try_from(number).unwrap_or(i64::MAX);
                    let inputs = [
                        (ITEM.to_owned(), item),
                        (INDEX.to_owned(), Value::Int(index)),
                    ];
                    let inputs = inputs.into_iter().collect();
                    let written = run.once(&node, &place, &inputs, &state, Some(number)).await;
                    (number, written)
                });
            }
            let Some(ended) = running.join_next().await else {
                break;
            };
            if let Some((number, writes)) = self.ended(ended, &mut running, &mut stop)
                && let Some(result) = results.get_mut(number)
            {
                *result = Some(writes);
            }
        }
        match stop {
            Some(stop) => Err(stop),
            None => Ok(collected(parallel, results)),
        }
    }

    /// Waits for all, in their order.
    async fn all(
        &self,
        mut running: JoinSet<(usize, Walked)>,
        total: usize,
    ) -> Result<Vec<Dict>, Stop> {
        let mut results = vec![Dict::new(); total];
        let mut stop = None;
        while let Some(ended) = running.join_next().await {
            if let Some((number, writes)) = self.ended(ended, &mut running, &mut stop)
                && let Some(result) = results.get_mut(number)
            {
                *result = writes;
            }
        }
        stop.map_or(Ok(results), Err)
    }

    /// Looks at one that ended. If it stopped the run, the others are dropped; but where only the money is used up, what they
    /// have begun is paid for and waited for, and no node is begun any more.
    fn ended(
        &self,
        ended: Result<(usize, Walked), tokio::task::JoinError>,
        running: &mut JoinSet<(usize, Walked)>,
        stop: &mut Option<Stop>,
    ) -> Option<(usize, Dict)> {
        match ended {
            Ok((number, Ok(writes))) => Some((number, writes)),
            Ok((_, Err(found))) => {
                self.stopping.set(true);
                if !matches!(found, Stop::Budget { .. }) {
                    running.abort_all();
                }
                // The first counts, but money that is used up hides nothing else.
                if stop
                    .as_ref()
                    .is_none_or(|stop| matches!(stop, Stop::Budget { .. }))
                {
                    *stop = Some(found);
                }
                None
            }
            Err(fault) => {
                if stop.is_none() && !fault.is_cancelled() {
                    *stop = Some(failed("?", None, &format!("a branch broke off: {fault}")));
                }
                None
            }
        }
    }
}

/// What the items' answers become.
fn collected(parallel: &Parallel, results: Vec<Option<Dict>>) -> Value {
    let mut list = Vec::with_capacity(results.len());
    for mut writes in results.into_iter().flatten() {
        match parallel.by {
            Collect::Dict => list.push(Value::Dict(writes)),
            Collect::Value => list.extend(writes.pop().map(|(_, value)| value)),
            Collect::Extend => match writes.pop() {
                Some((_, Value::List(items))) => list.extend(items),
                Some((_, value)) => list.push(value),
                None => {}
            },
        }
    }
    Value::List(list)
}

fn unsaid(node: &str, condition: &Expr, fault: &EvalFault) -> Stop {
    failed(
        node,
        None,
        &format!("the condition `{condition}` says nothing: {fault}"),
    )
}

/// A stop at a node.
pub(super) fn failed(node: &str, item: Option<usize>, message: &str) -> Stop {
    Stop::Failed {
        node: node.to_owned(),
        item,
        message: message.to_owned(),
    }
}
