//! Budgets: how they are made, changed and removed.
//!
//! Not here: what people see of them (`view`), how they are lent (`lending`).

mod lending;
mod view;

use super::access::Actor;
use super::audit::Act;
use super::directory::{self, Forest};
use super::words::Check;
use super::{Db, Listing, Outcome, Page, Panel, ServiceError, found, nodes, taken, words};
use crate::control::store::house::budgets as rows;
use crate::governance::budget::Window;
use crate::lease::directory::Event;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) use lending::Rules;
pub use lending::{Partition, Target};
pub use view::{AtLimit, BudgetView};
pub(super) use view::{account, one, views};

/// A budget to be made.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBudget {
    /// The id of the node whose spending it bounds.
    pub node: String,
    /// `1h`, `1d`, `1w`, `1mo` or `total`; one budget of each at a node.
    pub window: String,
    /// How much there is in a period, in dollars: `"25.00"`.
    pub limit: String,
    /// An IANA time zone; UTC where absent.
    #[serde(default)]
    pub tz: Option<String>,
    /// Whether the limit binds; it does where absent.
    #[serde(default = "yes")]
    pub hard: bool,
    /// At how many per cent somebody is told.
    #[serde(default)]
    pub soft: Vec<u8>,
    /// What happens to a call that does not fit.
    #[serde(default)]
    pub at_limit: AtLimit,
    /// How long gateways can go on with what they are lent of it.
    #[serde(default)]
    pub offline_target: Target,
    /// What a gateway may do with it while the panel cannot be reached.
    #[serde(default)]
    pub partition: Partition,
}

/// What changes of a budget; what is absent stays.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BudgetChange {
    /// How much there is in a period, in dollars.
    #[serde(default)]
    pub limit: Option<String>,
    /// Whether it binds.
    #[serde(default)]
    pub hard: Option<bool>,
    /// At how many per cent somebody is told.
    #[serde(default)]
    pub soft: Option<Vec<u8>>,
    /// What happens to a call that does not fit.
    #[serde(default)]
    pub at_limit: Option<AtLimit>,
    /// How long gateways can go on with what they are lent of it.
    #[serde(default)]
    pub offline_target: Option<Target>,
    /// What a gateway may do with it while the panel cannot be reached.
    #[serde(default)]
    pub partition: Option<Partition>,
}

fn yes() -> bool {
    true
}

/// Makes a budget.
///
/// # Errors
/// There is one of this window, or the node is none.
pub async fn make(panel: &Panel, actor: &Actor, new: NewBudget) -> Outcome<BudgetView> {
    let mut check = Check::default();
    let limit = check.money("limit", &new.limit);
    let window = new.window.parse::<Window>().is_ok();
    check.that(window, "window", "`1h`, `1d`, `1w`, `1mo` or `total`");
    let zone = new.tz.unwrap_or_else(|| "UTC".to_owned());
    let known = TimeZone::get(&zone).is_ok();
    check.that(known, "tz", "an IANA time zone, like `Europe/Berlin`");
    thresholds(&mut check, &new.soft);
    let rules = Rules {
        offline_target: new.offline_target,
        partition: new.partition,
    };
    rules.check(&mut check, new.hard, panel.treasury.terms().valid_for);
    check.done()?;
    let mut change = panel.change().await?;
    let (forest, node) = nodes::within(change.db(), actor, &new.node).await?;
    let row = rows::Budget {
        id: 0,
        uid: super::id(panel, "bud_")?,
        node: node.id,
        win: new.window,
        zone,
        lim: limit.nanos(),
        hard: new.hard,
        clamp: new.at_limit == AtLimit::Clamp,
        soft: json!(new.soft).to_string(),
        lending: rules.row()?,
        rev: 1,
        created: panel.now().nanos(),
        removed: None,
    };
    let inserted = rows::insert(change.db(), &row).await;
    let name = directory::name(&forest, &row);
    let number = inserted.map_err(|error| taken(error, "budget", &name))?;
    let row = rows::Budget { id: number, ..row };
    let act = act("budget.make", &row, Value::Null, told(&row));
    panel
        .enact(change, actor, act, vec![Event::SyncNow])
        .await?;
    one(panel, &forest, row).await
}

/// Those in scope.
///
/// # Errors
/// The books cannot be read.
pub async fn list(panel: &Panel, actor: &Actor, page: Page) -> Outcome<Listing<BudgetView>> {
    let mut db = panel.read().await?;
    let forest = Forest::load(&mut db).await?;
    let mut budgets = rows::list(&mut db, actor.scope, page.window()).await?;
    drop(db);
    let is_more = budgets.len() > usize::from(page.limit);
    budgets.truncate(usize::from(page.limit));
    let last = budgets.last().filter(|_| is_more).map(|row| row.id);
    Ok(Listing::new(views(panel, &forest, budgets).await?, last))
}

/// One of them.
///
/// # Errors
/// There is none of this id in scope.
pub async fn get(panel: &Panel, actor: &Actor, id: &str) -> Outcome<BudgetView> {
    let mut db = panel.read().await?;
    let (forest, row) = within(&mut db, actor, id).await?;
    drop(db);
    one(panel, &forest, row).await
}

/// Changes a budget that is as the caller read it.
///
/// # Errors
/// [`ServiceError::Changed`] where somebody else was faster.
pub async fn change(
    panel: &Panel,
    actor: &Actor,
    (id, revision): (&str, Option<i64>),
    asked: BudgetChange,
) -> Outcome<BudgetView> {
    let mut check = Check::default();
    let limit = asked.limit.as_deref();
    let limit = limit.map(|limit| check.money("limit", limit));
    if let Some(soft) = &asked.soft {
        thresholds(&mut check, soft);
    }
    check.done()?;
    let mut change = panel.change().await?;
    let (forest, row) = within(change.db(), actor, id).await?;
    let mut changed = row.clone();
    if let Some(limit) = limit {
        changed.lim = limit.nanos();
    }
    if let Some(soft) = asked.soft {
        changed.soft = json!(soft).to_string();
    }
    changed.hard = asked.hard.unwrap_or(row.hard);
    let mut rules = Rules::of(&row.lending)?;
    rules.offline_target = asked.offline_target.unwrap_or(rules.offline_target);
    if let Some(partition) = asked.partition.clone() {
        rules.partition = partition;
    }
    // Not where they stay as they were: the panel's configuration may have changed since, and a limit is to be changed all the same.
    if asked.offline_target.is_some() || asked.partition.is_some() || asked.hard.is_some() {
        let mut check = Check::default();
        rules.check(&mut check, changed.hard, panel.treasury.terms().valid_for);
        check.done()?;
    }
    changed.lending = rules.row()?;
    let clamp = asked.at_limit.map(|at_limit| at_limit == AtLimit::Clamp);
    changed.clamp = clamp.unwrap_or(row.clamp);
    let changed = update(change.db(), changed, revision.unwrap_or(row.rev)).await?;
    let act = act("budget.change", &row, told(&row), told(&changed));
    panel
        .enact(change, actor, act, vec![Event::SyncNow])
        .await?;
    one(panel, &forest, changed).await
}

/// Writes what changed; the row as it is then.
pub(super) async fn update(
    db: &mut Db<'_>,
    row: rows::Budget,
    revision: i64,
) -> Outcome<rows::Budget> {
    if !rows::update(db, &row, revision).await? {
        return Err(ServiceError::Changed);
    }
    found(rows::get(db, row.id).await?, "budget")
}

/// Removes a budget: what it bounded is bounded by those above it alone.
///
/// # Errors
/// [`ServiceError::Changed`] where somebody else was faster.
pub async fn remove(
    panel: &Panel,
    actor: &Actor,
    (id, revision): (&str, Option<i64>),
) -> Outcome<()> {
    let mut change = panel.change().await?;
    let (_, row) = within(change.db(), actor, id).await?;
    if revision.is_some_and(|revision| revision != row.rev) {
        return Err(ServiceError::Changed);
    }
    rows::remove(change.db(), row.id, panel.now().nanos()).await?;
    let act = act("budget.remove", &row, told(&row), Value::Null);
    panel
        .enact(change, actor, act, vec![Event::SyncNow])
        .await?;
    Ok(())
}

/// The budget of this id, if the caller may know of it.
pub(super) async fn within(
    db: &mut Db<'_>,
    actor: &Actor,
    id: &str,
) -> Outcome<(Forest, rows::Budget)> {
    let forest = Forest::load(db).await?;
    let row = rows::find(db, id).await?;
    let row = row.filter(|row| actor.covers(&forest, row.node));
    Ok((forest, found(row, "budget")?))
}

fn thresholds(check: &mut Check, soft: &[u8]) {
    let right = soft.len() <= 10 && soft.iter().all(|percent| (1..=100).contains(percent));
    check.that(right, "soft", "up to ten numbers from 1 to 100");
}

pub(super) fn act<'a>(
    action: &'static str,
    row: &'a rows::Budget,
    before: Value,
    after: Value,
) -> Act<'a> {
    Act {
        action,
        target: &row.uid,
        node: Some(row.node),
        before,
        after,
    }
}

/// What the audit log has of a budget.
pub(super) fn told(row: &rows::Budget) -> Value {
    json!({
        "window": row.win, "tz": row.zone, "limit": words::dollars(row.lim), "hard": row.hard, "clamp": row.clamp,
        "soft": row.soft, "lending": row.lending, "revision": row.rev,
    })
}
