//! The limits a run is held to once it has ended.

use super::record::Spent;
use crate::workflow::ir::Gates;
use std::time::Duration;

/// What a run is measured by.
#[derive(Debug, Clone, Copy)]
pub struct Measured<'a> {
    /// What it took.
    pub spent: &'a Spent,
    /// How long.
    pub took: Duration,
}

impl Measured<'_> {
    #[expect(
        clippy::cast_precision_loss,
        reason = "limits are written as decimal numbers; nothing is booked by them"
    )]
    fn of(&self, metric: &str) -> Option<f64> {
        Some(match metric {
            "cost_usd" => self.spent.cost_nano_usd as f64 / 1e9,
            "duration_ms" => self.took.as_secs_f64() * 1e3,
            "input_tokens" => self.spent.input_tokens as f64,
            "output_tokens" => self.spent.output_tokens as f64,
            "total_tokens" => (self.spent.input_tokens + self.spent.output_tokens) as f64,
            _ => return None,
        })
    }
}

/// The limits that were missed, in words. Both ends are within.
#[must_use]
pub fn missed(gates: &Gates, measured: Measured<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for gate in &gates.gates {
        let Some(value) = measured.of(&gate.metric) else {
            found.push(format!("`{}` is not measured", gate.metric));
            continue;
        };
        if let Some(max) = gate.max.filter(|max| value > *max) {
            found.push(format!("{} is {value}, more than {max}", gate.metric));
        }
        if let Some(min) = gate.min.filter(|min| value < *min) {
            found.push(format!("{} is {value}, less than {min}", gate.metric));
        }
    }
    found
}
