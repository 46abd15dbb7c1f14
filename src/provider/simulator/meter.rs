//! What the simulated provider would charge: the other side of the ledger.
//!
//! A call is billed from the moment its answer's head is sent: its input at once, its output as it is handed to the
//! socket. A call that never gets that far is free. Each call's cost is rounded by itself, so the total here is the sum
//! of what single calls cost, to the nano-dollar.
//!
//! Invariant: at any moment `cost` is the sum over billed calls of the price of what they used so far. All of it changes
//! under one lock.

use super::json::{Json, Write as _, object};
use super::{Price, held};
use crate::chat::Usage;
use crate::units::{Money, Tokens};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Models told apart; the calls of any further one are summed under [`OTHERS`].
const MODELS: usize = 1024;
const OTHERS: &str = "(others)";

/// The counters of one server.
pub(super) struct Meter {
    price: Price,
    totals: Mutex<Totals>,
}

#[derive(Debug, Default)]
struct Totals {
    /// Raised by a reset, so that calls begun before it leave the new counters alone.
    generation: u64,
    calls: u64,
    cost: Money,
    in_flight: u64,
    cancelled: u64,
    by_model: BTreeMap<Box<str>, Line>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Line {
    calls: u64,
    input: u64,
    output: u64,
    cost: Money,
}

impl Meter {
    pub(super) fn new(price: Price) -> Arc<Self> {
        Arc::new(Self {
            price,
            totals: Mutex::default(),
        })
    }

    /// Begins a call; it is in flight until the returned value is dropped.
    pub(super) fn open(self: &Arc<Self>) -> Call {
        held(&self.totals).in_flight += 1;
        Call {
            meter: Arc::clone(self),
            billed: None,
            finished: false,
        }
    }

    /// Forgets everything but the calls in flight.
    pub(super) fn reset(&self) {
        let mut totals = held(&self.totals);
        *totals = Totals {
            generation: totals.generation + 1,
            in_flight: totals.in_flight,
            ..Totals::default()
        };
    }

    /// The meter as it is read from outside.
    pub(super) fn report(&self) -> Json {
        let totals = held(&self.totals);
        let mut models = String::from("{");
        for (at, (name, line)) in totals.by_model.iter().enumerate() {
            if at > 0 {
                models.push(',');
            }
            name.as_ref().write(&mut models);
            models.push(':');
            let entry = object! {
                "calls": line.calls, "input": line.input, "output": line.output, "cost": line.cost.to_string(),
            };
            models.push_str(&entry.0);
        }
        models.push('}');
        object! {
            "calls": totals.calls,
            "by_model": Json(models),
            "cost": totals.cost.to_string(),
            "in_flight": totals.in_flight,
            "cancelled": totals.cancelled,
        }
    }
}

/// One call from its arrival to the end of its answer.
pub(super) struct Call {
    meter: Arc<Meter>,
    billed: Option<Billed>,
    finished: bool,
}

struct Billed {
    generation: u64,
    model: Box<str>,
    /// Where it is summed: its model, or the line of all models beyond the bound.
    line: Box<str>,
    usage: Usage,
    cost: Money,
}

impl Call {
    /// The head of the answer is sent: from here the call costs something. `usage` is what it has used already.
    pub(super) fn bill(&mut self, model: &str, usage: Usage) {
        let cost = (self.meter.price)(model, &usage);
        let mut totals = held(&self.meter.totals);
        let known = totals.by_model.contains_key(model) || totals.by_model.len() < MODELS;
        let name: Box<str> = if known { model } else { OTHERS }.into();
        totals.calls += 1;
        totals.cost = totals.cost.plus(cost);
        let line = totals.by_model.entry(name.clone()).or_default();
        line.calls += 1;
        line.input += usage.input.0;
        line.output += usage.output.0;
        line.cost = line.cost.plus(cost);
        self.billed = Some(Billed {
            generation: totals.generation,
            model: model.into(),
            line: name,
            usage,
            cost,
        });
    }

    /// That many more tokens of output were handed to the socket.
    pub(super) fn wrote(&mut self, tokens: u64) {
        let Some(billed) = self.billed.as_mut().filter(|_| tokens > 0) else {
            return;
        };
        billed.usage.output = billed.usage.output.plus(Tokens(tokens));
        let cost = (self.meter.price)(&billed.model, &billed.usage);
        let more = cost.minus(billed.cost);
        billed.cost = cost;
        let mut totals = held(&self.meter.totals);
        if totals.generation != billed.generation {
            return;
        }
        totals.cost = totals.cost.plus(more);
        if let Some(line) = totals.by_model.get_mut(&billed.line) {
            line.output += tokens;
            line.cost = line.cost.plus(more);
        }
    }

    /// The answer came to the end it was meant to have; dropped before that, the call counts as cancelled.
    pub(super) fn finish(&mut self) {
        self.finished = true;
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut totals = held(&self.meter.totals);
        totals.in_flight -= 1;
        if !self.finished {
            totals.cancelled += 1;
        }
    }
}
