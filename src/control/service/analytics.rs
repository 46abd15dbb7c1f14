//! What was spent, by whom and when: sums over the ledger's lines, so they are what the ledger says.

use super::access::Actor;
use super::directory::{self, Forest};
use super::{Outcome, Panel, ServiceError, words};
use crate::clock::Wall;
use crate::control::store::sqlite::house::{Window, budgets, keys, spend as rows};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What sums are made by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupBy {
    /// Each budget. Those above each other both count what is spent below.
    Budget,
    /// Each virtual key.
    Key,
    /// Each node that has keys, by its path.
    Node,
}

/// How long a stretch of time is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Interval {
    /// All in one.
    #[default]
    All,
    /// An hour, in UTC.
    Hour,
    /// A day, in UTC.
    Day,
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// What sums are made by.
    pub group_by: GroupBy,
    /// How long a stretch is.
    pub interval: Interval,
    /// From when on; all there is where absent.
    pub from: Option<String>,
    /// Until when; now where absent.
    pub until: Option<String>,
}

/// Sums.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Spend {
    /// The sums, by time and then by name.
    pub sums: Vec<Sum>,
    /// The sum of all of them; absent by budget, where sums overlap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<String>,
}

/// A sum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Sum {
    /// The id of the budget or key; none for a node, or what no budget covers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its name.
    pub name: String,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Spent, in dollars.
    pub spent: String,
    /// The part of it that went beyond what was reserved.
    pub overrun: String,
}

const HOUR: i64 = 3_600_000_000_000;

/// Sums what was spent in scope.
///
/// # Errors
/// A time cannot be read.
pub async fn spend(panel: &Panel, actor: &Actor, asked: Asked) -> Outcome<Spend> {
    let instant = |field: &str, text: &Option<String>| match text {
        None => Ok(None),
        Some(text) => {
            let at = words::instant(text).map(Wall::nanos);
            let detail = "a time, like 2027-06-30 or 2027-06-30T12:00:00Z";
            at.map(Some)
                .ok_or_else(|| ServiceError::field(field, detail))
        }
    };
    let from = instant("from", &asked.from)?.unwrap_or(0);
    let until = instant("until", &asked.until)?.unwrap_or(i64::MAX);
    let bucket = match asked.interval {
        Interval::All => i64::MAX,
        Interval::Hour => HOUR,
        Interval::Day => HOUR.saturating_mul(24),
    };
    // Stretches begin at whole hours and days; the first one may be cut off.
    let range = rows::Range {
        scope: actor.scope,
        from,
        until,
        bucket,
    };
    let mut db = panel.read().await?;
    let forest = Forest::load(&mut db).await?;
    let sums = match asked.group_by {
        GroupBy::Budget => rows::by_budget(&mut db, range).await?,
        GroupBy::Key | GroupBy::Node => rows::by_key(&mut db, range).await?,
    };
    let all = Window {
        after: 0,
        most: i64::MAX,
    };
    let mut names: BTreeMap<i64, (Option<String>, String)> = BTreeMap::new();
    if asked.group_by == GroupBy::Budget {
        for budget in budgets::ever(&mut db).await? {
            let name = directory::name(&forest, &budget);
            names.insert(budget.id, (Some(budget.uid), name));
        }
    } else {
        for key in keys::list(&mut db, actor.scope, all).await? {
            let path = forest.path(key.node);
            let name = match asked.group_by {
                GroupBy::Key => (Some(key.uid), format!("{path} key {}", key.name)),
                _ => (None, path),
            };
            names.insert(key.id, name);
        }
    }
    let mut merged: BTreeMap<(i64, String, Option<String>), (i64, i64)> = BTreeMap::new();
    for (number, at, spent, overrun, _) in sums {
        let unknown = || (None, "without a budget".to_owned());
        let (id, name) = names.get(&number).cloned().unwrap_or_else(unknown);
        let sum = merged.entry((at, name, id)).or_default();
        sum.0 = sum.0.saturating_add(spent);
        sum.1 = sum.1.saturating_add(overrun);
    }
    let total = merged
        .values()
        .fold(0_i64, |sum, (spent, _)| sum.saturating_add(*spent));
    let sums = merged.into_iter();
    let sums = sums.map(|((at, name, id), (spent, overrun))| Sum {
        id,
        name,
        from: (asked.interval != Interval::All).then(|| words::time(at)),
        spent: words::dollars(spent),
        overrun: words::dollars(overrun),
    });
    Ok(Spend {
        sums: sums.collect(),
        total: (asked.group_by != GroupBy::Budget).then(|| words::dollars(total)),
    })
}
