//! Alerts: a budget's spending has crossed a threshold.
//!
//! Each threshold is told of once in a period, and what is to be sent is written down in the same transaction, so that an
//! alert is neither lost nor doubled by a crash. Thresholds of hundred per cent and those of the budget itself go together.

mod watch;

pub use watch::{Notice, watch};

use super::directory::{Forest, list as json_list};
use super::{Outcome, Panel, burn, webhooks};
use crate::control::store::house::{alerts as rows, budgets as budget_rows};
use crate::units::Money;
use serde_json::json;
use std::collections::BTreeSet;

/// Where somebody is told, besides what a budget's `soft` says.
const USUAL: [u8; 4] = [50, 80, 95, 100];

/// A threshold that was crossed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// `acme/red/atlas 1d`
    pub budget: String,
    /// The threshold, in per cent of the limit.
    pub percent: u8,
}

/// Looks at every budget and writes down which thresholds were crossed since the last time. Every few seconds.
///
/// # Errors
/// The books cannot be read or written.
pub async fn look(panel: &Panel) -> Outcome<Vec<Alert>> {
    let now = panel.now();
    let mut db = panel.read().await?;
    let budgets = budget_rows::all(&mut db).await?;
    let forest = Forest::load(&mut db).await?;
    let known: BTreeSet<(i64, i64, i64)> = rows::all(&mut db).await?.into_iter().collect();
    drop(db);
    let standings = burn::standings(panel, budgets).await?;
    let mut crossed = Vec::new();
    for standing in &standings {
        let (budget, id, gone) = (&standing.row, standing.id, standing.gone());
        let mut thresholds: BTreeSet<u8> = json_list(&budget.soft)?.into_iter().collect();
        thresholds.extend(USUAL);
        for percent in thresholds {
            let limit = Money::from_nanos(budget.lim);
            let is_over = gone > Money::ZERO && gone >= limit.percent(percent);
            if is_over && !known.contains(&(budget.id, id.period, i64::from(percent))) {
                crossed.push((budget, id, percent, gone));
            }
        }
    }
    let mut alerts = Vec::new();
    if crossed.is_empty() {
        return Ok(alerts);
    }
    let mut change = panel.change().await?;
    for (budget, id, percent, gone) in crossed {
        let row = (budget.id, id.period, i64::from(percent));
        if !rows::insert(change.db(), row, now.nanos()).await? {
            continue;
        }
        let name = super::directory::name(&forest, budget);
        let told = json!({
            "budget": budget.uid, "name": name, "percent": percent, "period": id.period,
            "limit": super::words::dollars(budget.lim), "spent": gone.to_string(),
        });
        webhooks::queue(panel, change.db(), "budget.threshold", &told).await?;
        alerts.push(Alert {
            budget: name,
            percent,
        });
    }
    change.commit().await?;
    Ok(alerts)
}
