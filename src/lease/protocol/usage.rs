//! What calls on a lease were for: by model how many, with how many tokens, at what cost.
//!
//! Counters that only grow, told as absolute values and merged by the greater like all there is of a lease. They say what
//! money was for, never how much there was: the bank believes no more of them than is booked of the lease.
//!
//! Invariant: what is known of a lease's models never costs more than the lease (P15), and is known of a bounded number of
//! models, however many names a caller makes up.
//!
//! Not here: whose the lease is (one leaf's, so lines name no key), what a price was then (the cost is the holder's).

use super::wire::{nanos, number};
use crate::units::Money;
use serde::{Deserialize, Serialize};

/// Models told apart on one lease; calls of further ones are counted together.
const MOST_MODELS: usize = 64;
/// What those are counted under.
const OTHER: &str = "other";
/// Lines of one lease: its models, and the others.
const MOST_LINES: usize = MOST_MODELS + 1;
/// Lines in one sync. What does not fit is told with the next one.
pub(super) const MOST_TOLD: usize = 1_000;
/// A model's name is not longer.
const LONGEST: usize = 128;
/// More calls or tokens than any lease sees; few enough for a store to add them up.
const MOST_COUNT: u64 = 1_000_000_000_000;

/// What calls of one model came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Usage {
    /// The model, by the name its provider knows it by; empty where nobody knows it.
    pub model: Box<str>,
    /// Input tokens.
    #[serde(rename = "tokens_in", with = "number")]
    pub input: u64,
    /// Output tokens.
    #[serde(rename = "tokens_out", with = "number")]
    pub output: u64,
    /// Calls.
    #[serde(with = "number")]
    pub calls: u64,
    /// What they cost, what went beyond their worst cases included.
    #[serde(rename = "cost_total", with = "nanos")]
    pub cost: Money,
}

/// What one call was for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Work<'a> {
    /// The model; empty where nobody knows it.
    pub model: &'a str,
    /// Input tokens.
    pub input: u64,
    /// Output tokens.
    pub output: u64,
}

impl Usage {
    /// Adds what is more.
    pub(crate) fn add(&mut self, more: &Self) {
        self.input = self.input.saturating_add(more.input);
        self.output = self.output.saturating_add(more.output);
        self.calls = self.calls.saturating_add(more.calls);
        self.cost = self.cost.plus(more.cost);
    }

    const fn is_nothing(&self) -> bool {
        self.input == 0 && self.output == 0 && self.calls == 0 && self.cost.nanos() == 0
    }

    /// What was told beyond what is known, at no more cost than `room`.
    fn beyond(&self, known: &Self, room: Money) -> Self {
        let beyond = |told: u64, known: u64| told.min(MOST_COUNT).saturating_sub(known);
        Self {
            model: self.model.clone(),
            input: beyond(self.input, known.input),
            output: beyond(self.output, known.output),
            calls: beyond(self.calls, known.calls),
            cost: self.cost.less(known.cost).min(room),
        }
    }
}

/// Whether this can be a model's name.
fn is_name(model: &str) -> bool {
    model.len() <= LONGEST && !model.chars().any(char::is_control)
}

/// Takes over what was told of a lease that has cost `all` so far. What that is beyond what is known, line by line. Lines
/// that cannot be are passed over: they only name what money was for, and that is no reason not to hear how much it was.
pub(super) fn merge(known: &mut Vec<Usage>, told: &[Usage], all: Money) -> Vec<Usage> {
    let covered = known
        .iter()
        .fold(Money::ZERO, |sum, line| sum.plus(line.cost));
    let mut room = all.less(covered);
    let mut grown = Vec::new();
    for line in told.iter().take(MOST_LINES) {
        let place = known.iter_mut().find(|one| one.model == line.model);
        if let Some(one) = place {
            let more = line.beyond(one, room);
            if !more.is_nothing() {
                one.add(&more);
                room = room.less(more.cost);
                grown.push(more);
            }
        } else if known.len() < MOST_LINES && is_name(&line.model) {
            let more = line.beyond(&Usage::default(), room);
            if !more.is_nothing() {
                room = room.less(more.cost);
                known.push(more.clone());
                grown.push(more);
            }
        }
    }
    grown
}

/// What a holder counted on one lease.
///
/// A list, looked through from the front: a lease sees a few models, and a call is counted once, behind its answer, under
/// the lock that its money is settled under anyhow. Only a model's first call copies its name.
#[derive(Debug, Default)]
pub(super) struct Counted(Vec<Line>);

#[derive(Debug)]
struct Line {
    usage: Usage,
    /// Whether the bank knows all of it.
    is_told: bool,
}

impl Counted {
    /// One more call.
    pub(super) fn count(&mut self, work: &Work<'_>, cost: Money) {
        let place = self.place(work.model);
        let Some(line) = self.0.get_mut(place) else {
            return;
        };
        line.is_told = false;
        line.usage.add(&Usage {
            model: Box::default(),
            input: work.input,
            output: work.output,
            calls: 1,
            cost,
        });
    }

    fn find(&self, model: &str) -> Option<usize> {
        let mut lines = self.0.iter();
        lines.position(|line| *line.usage.model == *model)
    }

    /// Where this model is counted.
    fn place(&mut self, model: &str) -> usize {
        if let Some(place) = self.find(model) {
            return place;
        }
        let has_room = self.0.len() < MOST_MODELS && is_name(model);
        let model = if has_room { model } else { OTHER };
        self.find(model).unwrap_or_else(|| {
            self.0.push(Line {
                usage: Usage {
                    model: model.into(),
                    ..Usage::default()
                },
                is_told: false,
            });
            self.0.len().saturating_sub(1)
        })
    }

    /// What the bank knows, or does not know yet.
    pub(super) fn lines(&self, is_told: bool) -> impl Iterator<Item = &Usage> {
        let lines = self.0.iter().filter(move |line| line.is_told == is_told);
        lines.map(|line| &line.usage)
    }

    /// The bank knows these lines. One that has grown since is to be told again.
    pub(super) fn told(&mut self, lines: &[Usage]) {
        for line in &mut self.0 {
            line.is_told |= lines.contains(&line.usage);
        }
    }
}

#[cfg(test)]
mod tests;
