//! How budgets and gateways stand at one moment, and what of it is new since another.

use super::super::directory::Forest;
use super::super::{Db, Outcome, Panel, budgets, bundles, gateways, nanos, words};
use crate::control::store::house::{
    Window, audit as audit_rows, budgets as budget_rows, gateways as gateway_rows,
};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A gateway that spoke within this is connected: it does every 15 s or so.
const CONNECTED: Duration = Duration::from_secs(45);
/// That it spoke again is told no more often than so.
const SEEN: Duration = Duration::from_secs(30);

/// A budget's figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SpendView {
    /// Its id.
    pub id: String,
    /// `acme/red/atlas 1d`
    pub name: String,
    /// How much there is in a period, in dollars.
    pub limit: String,
    /// Spent.
    pub spent: String,
    /// Lent to gateways, and neither spent nor given back.
    pub held: String,
    /// Presumed spent: whoever held it cannot say.
    pub uncertain: String,
    /// What may still be lent.
    pub remaining: String,
    /// Whether it was removed: these were its last figures.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
}

/// How a gateway stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GatewayNews {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// As its own route has it: `invited`, `token_expired`, `enrolled`, `stopped` or `revoked`.
    pub state: String,
    /// Whether it spoke within the last 45 seconds.
    pub connected: bool,
    /// When it last spoke, to half a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<String>,
    /// The version of the policies that it says it runs; 0 for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running: Option<u64>,
}

/// A gateway, and when it was seen when that was told last.
#[derive(Debug, Clone)]
struct Seen {
    news: GatewayNews,
    at: i64,
}

/// How things stand.
#[derive(Debug)]
pub(super) struct Picture {
    /// The number of the audit log's last line.
    pub(super) head: i64,
    pub(super) forest: Arc<Forest>,
    /// Budgets by number, each with its node.
    budgets: BTreeMap<i64, (i64, SpendView)>,
    gateways: BTreeMap<i64, Seen>,
}

/// What was read of the books, before the bank is asked.
pub(super) struct Sketch {
    pub(super) head: i64,
    pub(super) forest: Forest,
    budgets: Vec<budget_rows::Budget>,
    gateways: BTreeMap<i64, Seen>,
}

impl Sketch {
    /// What the books say.
    pub(super) async fn read(panel: &Panel, db: &mut Db<'_>) -> Outcome<Self> {
        let head = audit_rows::last(db).await?.map_or(0, |line| line.id);
        let forest = Forest::load(db).await?;
        let budgets = budget_rows::all(db).await?;
        let rows = gateway_rows::list(db, Window::ALL).await?;
        let running = bundles::running(panel, db, &rows).await?;
        let now = panel.now().nanos();
        let gateways = rows.into_iter().map(|row| {
            let at = gateways::last_seen(panel, &row);
            let state = gateways::state(panel, &row);
            let lately = at.is_some_and(|at| now.saturating_sub(at) < nanos(CONNECTED));
            let news = GatewayNews {
                connected: lately && matches!(state, "enrolled" | "stopped"),
                state: state.to_owned(),
                last_seen: words::some_time(at),
                running: running.get(&row.id).copied(),
                id: row.uid,
                name: row.name,
            };
            let at = at.unwrap_or(0);
            (row.id, Seen { news, at })
        });
        Ok(Self {
            head,
            forest,
            budgets,
            gateways: gateways.collect(),
        })
    }

    /// With what the bank says.
    pub(super) async fn finish(self, panel: &Panel) -> Outcome<Picture> {
        let numbers: Vec<_> = self.budgets.iter().map(|row| (row.id, row.node)).collect();
        let views = budgets::views(panel, &self.forest, self.budgets).await?;
        let figures = numbers
            .into_iter()
            .zip(views)
            .map(|((number, node), view)| {
                let view = SpendView {
                    id: view.id,
                    name: view.name,
                    limit: view.limit,
                    spent: view.spent,
                    held: view.held,
                    uncertain: view.uncertain,
                    remaining: view.remaining,
                    removed: false,
                };
                (number, (node, view))
            });
        Ok(Picture {
            head: self.head,
            budgets: figures.collect(),
            forest: Arc::new(self.forest),
            gateways: self.gateways,
        })
    }
}

impl Picture {
    /// All budgets, each with its node.
    pub(super) fn budgets(&self) -> impl Iterator<Item = &(i64, SpendView)> {
        self.budgets.values()
    }

    /// All gateways.
    pub(super) fn gateways(&self) -> impl Iterator<Item = &GatewayNews> {
        self.gateways.values().map(|seen| &seen.news)
    }

    /// Budgets whose figures are others than before, those removed with their last ones.
    pub(super) fn spend_since(&self, before: &Self) -> Vec<(i64, SpendView)> {
        let is_new = |(number, (_, view)): &(&i64, &(i64, SpendView))| {
            before
                .budgets
                .get(number)
                .is_none_or(|(_, old)| old != view)
        };
        let changed = self.budgets.iter().filter(is_new);
        let changed = changed.map(|(_, figures)| figures.clone());
        let gone = before.budgets.iter();
        let gone = gone.filter(|(number, _)| !self.budgets.contains_key(number));
        let gone = gone.map(|(_, (node, view))| {
            let view = SpendView {
                removed: true,
                ..view.clone()
            };
            (*node, view)
        });
        changed.chain(gone).collect()
    }

    /// Gateways that stand otherwise than was told; what is not told is as it was told before.
    pub(super) fn gateways_since(&mut self, before: &Self) -> Vec<GatewayNews> {
        let mut told = Vec::new();
        for (number, seen) in &mut self.gateways {
            let Some(old) = before.gateways.get(number) else {
                told.push(seen.news.clone());
                continue;
            };
            let same = GatewayNews {
                last_seen: old.news.last_seen.clone(),
                ..seen.news.clone()
            } == old.news;
            if same && seen.at.saturating_sub(old.at) < nanos(SEEN) {
                *seen = old.clone();
            } else {
                told.push(seen.news.clone());
            }
        }
        told
    }
}
