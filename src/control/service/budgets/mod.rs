//! Budgets: what there is in a period, and how much of it is gone, as the bank has it.

mod lending;

use super::access::Actor;
use super::audit::Act;
use super::directory::{self, Forest, list as json_list};
use super::words::Check;
use super::{Db, Listing, Outcome, Page, Panel, ServiceError, found, nodes, taken, words};
use crate::clock::Wall;
use crate::control::store::house::budgets as rows;
use crate::governance::budget::{Period, Window};
use crate::lease::directory::Event;
use crate::lease::protocol::{Account, AccountId};
use crate::units::Money;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(super) use lending::Rules;
pub use lending::{Partition, Target};

/// What happens to a call that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AtLimit {
    /// It is made smaller, if it can be.
    #[default]
    Clamp,
    /// It is refused.
    Deny,
}

/// A budget with its figures of this period.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct BudgetView {
    /// Its id.
    pub id: String,
    /// Its number: what the ledger names.
    pub number: i64,
    /// `acme/red/atlas 1d`
    pub name: String,
    /// The id of the node whose spending it bounds.
    pub node: String,
    /// `1h`, `1d`, `1w`, `1mo` or `total`.
    pub window: String,
    /// Where its calendar is read.
    pub tz: String,
    /// How much there is in a period, in dollars.
    pub limit: String,
    /// Whether that binds.
    pub hard: bool,
    /// At how many per cent somebody is told.
    pub soft: Vec<u8>,
    /// What happens to a call that does not fit.
    pub at_limit: AtLimit,
    /// How long gateways can go on with what they are lent of it.
    pub offline_target: Target,
    /// What a gateway may do with it while the panel cannot be reached.
    pub partition: Partition,
    /// Its version, as `if-match` wants it.
    pub revision: i64,
    /// The period's number: its first second since the epoch.
    pub period: i64,
    /// When the period ends, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resets: Option<String>,
    /// Spent.
    pub spent: String,
    /// Lent to gateways, and neither spent nor given back.
    pub held: String,
    /// Presumed spent: whoever held it cannot say.
    pub uncertain: String,
    /// What may still be lent.
    pub remaining: String,
    /// How far the limit was lowered below what was lent already.
    pub overcommitted: String,
    /// How much of the limit is spent or presumed so, in whole per cent.
    pub used_percent: u8,
}

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

pub(super) async fn one(panel: &Panel, forest: &Forest, row: rows::Budget) -> Outcome<BudgetView> {
    let views = views(panel, forest, vec![row]).await?;
    found(views.into_iter().next(), "budget")
}

/// Budgets with their figures, all of one look at the bank.
pub(super) async fn views(
    panel: &Panel,
    forest: &Forest,
    rows: Vec<rows::Budget>,
) -> Outcome<Vec<BudgetView>> {
    let now = panel.now();
    let mut accounts = Vec::with_capacity(rows.len());
    for row in &rows {
        accounts.push(account(row, now)?);
    }
    let asked: Vec<AccountId> = accounts.iter().map(|(id, _)| *id).collect();
    let known = panel.treasury.look(move |bank| {
        let known = asked.iter().map(|id| bank.account(*id).copied());
        known.collect::<Vec<Option<Account>>>()
    });
    let known = known.await?;
    let rows = rows.iter().zip(accounts).zip(known);
    rows.map(|((row, (id, period)), account)| view(forest, row, (id, period), account))
        .collect()
}

/// The account a budget has now.
pub(super) fn account(row: &rows::Budget, now: Wall) -> Outcome<(AccountId, Period)> {
    let budget = directory::budget(row)?;
    let period = Period::containing(budget.window, &budget.zone, now);
    let id = AccountId {
        budget: budget.id,
        period: period.start,
    };
    Ok((id, period))
}

fn view(
    forest: &Forest,
    row: &rows::Budget,
    (id, period): (AccountId, Period),
    account: Option<Account>,
) -> Outcome<BudgetView> {
    let limit = Money::from_nanos(row.lim);
    let rules = Rules::of(&row.lending)?;
    let account = account.unwrap_or_else(|| Account::new(limit, row.hard));
    let gone = account.spent.plus(account.uncertain);
    let ends = (period.end < i64::MAX).then(|| Wall::from_secs(period.end).nanos());
    let at_limit = if row.clamp {
        AtLimit::Clamp
    } else {
        AtLimit::Deny
    };
    Ok(BudgetView {
        id: row.uid.clone(),
        number: row.id,
        name: directory::name(forest, row),
        node: forest.uid(row.node).unwrap_or_default(),
        window: row.win.clone(),
        tz: row.zone.clone(),
        limit: limit.to_string(),
        hard: row.hard,
        soft: json_list(&row.soft)?,
        at_limit,
        offline_target: rules.offline_target,
        partition: rules.partition,
        revision: row.rev,
        period: id.period,
        resets: words::some_time(ends),
        spent: account.spent.to_string(),
        held: account.held.to_string(),
        uncertain: account.uncertain.to_string(),
        remaining: limit.less(account.used()).to_string(),
        overcommitted: account.overcommit.to_string(),
        used_percent: percent(gone, limit),
    })
}

/// How much of a whole a part is, in whole per cent, rounded down; at most 255.
pub(super) fn percent(part: Money, whole: Money) -> u8 {
    let whole = i128::from(whole.nanos().max(1));
    let percent = i128::from(part.nanos())
        .saturating_mul(100)
        .div_euclid(whole);
    u8::try_from(percent.max(0)).unwrap_or(u8::MAX)
}
