//! What a run remembers of a node that has ended.

use crate::units::Money;
use crate::workflow::value::{Dict, Value};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// What something took.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spent {
    /// Calls of models.
    pub calls: u32,
    /// What they were billed as input, in tokens.
    pub input_tokens: u64,
    /// And as output.
    pub output_tokens: u64,
    /// What they cost, in billionths of a dollar.
    pub cost_nano_usd: i64,
}

impl Spent {
    /// Adds another's.
    pub fn add(&mut self, other: &Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
        self.cost_nano_usd = self.cost_nano_usd.saturating_add(other.cost_nano_usd);
    }

    /// What it cost.
    #[must_use]
    pub const fn cost(&self) -> Money {
        Money::from_nanos(self.cost_nano_usd)
    }
}

/// A node that has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Where in the run: `3` is its fourth node, `1.0/2` the third of the first branch that began after the second, `4[7]` the
    /// eighth item of a list.
    pub step: String,
    /// The node.
    pub node: String,
    /// What it wrote, or of an item what is collected.
    pub writes: Value,
    /// What it took.
    pub spent: Spent,
}

impl Record {
    /// What it wrote, by field.
    #[must_use]
    pub fn written(&self) -> Dict {
        match &self.writes {
            Value::Dict(entries) => entries.clone(),
            _ => Dict::new(),
        }
    }
}

/// The records of a run, by their steps.
#[derive(Debug, Clone, Default)]
pub struct Records(HashMap<String, Record>);

impl Records {
    /// What stands at a step, if it is of this node.
    pub(super) fn get(&self, step: &str, node: &str) -> Option<&Record> {
        self.0.get(step).filter(|record| record.node == node)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Record> for Records {
    fn from_iter<I: IntoIterator<Item = Record>>(records: I) -> Self {
        let by_step = records
            .into_iter()
            .map(|record| (record.step.clone(), record));
        Self(by_step.collect())
    }
}
