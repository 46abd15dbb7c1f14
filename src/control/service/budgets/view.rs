//! What people see of a budget: what there is in a period, and how much of it is gone, as the bank has it.

use super::super::directory::{self, Forest, list as json_list};
use super::super::{Outcome, Panel, found, words};
use super::{Partition, Rules, Target};
use crate::clock::Wall;
use crate::control::store::house::budgets as rows;
use crate::governance::budget::Period;
use crate::lease::protocol::{Account, AccountId};
use crate::units::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

/// One of them.
pub(in super::super) async fn one(
    panel: &Panel,
    forest: &Forest,
    row: rows::Budget,
) -> Outcome<BudgetView> {
    let views = views(panel, forest, vec![row]).await?;
    found(views.into_iter().next(), "budget")
}

/// Budgets with their figures, all of one look at the bank.
pub(in super::super) async fn views(
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
pub(in super::super) fn account(row: &rows::Budget, now: Wall) -> Outcome<(AccountId, Period)> {
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
fn percent(part: Money, whole: Money) -> u8 {
    let whole = i128::from(whole.nanos().max(1));
    let percent = i128::from(part.nanos())
        .saturating_mul(100)
        .div_euclid(whole);
    u8::try_from(percent.max(0)).unwrap_or(u8::MAX)
}
