//! How fast budgets go: what was spent of each in the last hour, when it runs out at that pace, and what the period comes to.
//!
//! A pace is a sum over the ledger's lines, so what is told here is what the ledger says. Whole numbers throughout: a forecast
//! is rounded down.

use super::access::Actor;
use super::directory::{self, Forest};
use super::{Db, Outcome, Panel, budgets, words};
use crate::clock::Wall;
use crate::control::store::house::{Window, budgets as rows, spend};
use crate::control::store::usage::HOUR;
use crate::governance::budget::Period;
use crate::lease::protocol::{Account, AccountId};
use crate::units::Money;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// How fast a budget goes.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct BurnView {
    /// The budget's id.
    pub id: String,
    /// `acme/red/atlas 1d`
    pub name: String,
    /// How much there is in a period, in dollars.
    pub limit: String,
    /// Spent in this period, presumed so included.
    pub spent: String,
    /// Spent in the last hour.
    pub per_hour: String,
    /// What an hour may cost so that the limit lasts until the period ends; absent where it never ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub even_per_hour: Option<String>,
    /// When the limit is reached at the pace of the last hour; absent where nothing was spent in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runs_out: Option<String>,
    /// When the period ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends: Option<String>,
    /// What will have been spent by then at that pace, whatever the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forecast: Option<String>,
}

/// A list of them.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Burns {
    /// The budgets in scope, by number.
    pub budgets: Vec<BurnView>,
}

/// A budget as it stands now.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) row: rows::Budget,
    pub(super) id: AccountId,
    pub(super) period: Period,
    pub(super) account: Account,
}

/// How fast one goes. Amounts in nano-dollars, times in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Burn {
    pub(super) per_hour: i64,
    pub(super) even_per_hour: Option<i64>,
    pub(super) runs_out: Option<i64>,
    pub(super) ends: Option<i64>,
    pub(super) forecast: Option<i64>,
}

/// How fast the budgets in scope go.
///
/// # Errors
/// The books cannot be read.
pub async fn list(panel: &Panel, actor: &Actor) -> Outcome<Burns> {
    let mut db = panel.read().await?;
    let forest = Forest::load(&mut db).await?;
    let rows = rows::list(&mut db, actor.scope, Window::ALL).await?;
    let paces = paces(&mut db, panel.now(), actor.scope).await?;
    drop(db);
    let rows = rows.into_iter().filter(|row| row.removed.is_none());
    let standings = standings(panel, rows.collect()).await?;
    let views = standings.iter().map(|standing| {
        let pace = paces.get(&standing.row.id).copied().unwrap_or(0);
        let burn = Burn::of(standing, pace, panel.now());
        let money = |amount: Option<i64>| amount.map(words::dollars);
        BurnView {
            id: standing.row.uid.clone(),
            name: directory::name(&forest, &standing.row),
            limit: words::dollars(standing.row.lim),
            spent: standing.gone().to_string(),
            per_hour: words::dollars(burn.per_hour),
            even_per_hour: money(burn.even_per_hour),
            runs_out: words::some_time(burn.runs_out),
            ends: words::some_time(burn.ends),
            forecast: money(burn.forecast),
        }
    });
    Ok(Burns {
        budgets: views.collect(),
    })
}

/// What was spent of each budget in the last hour, by its number.
pub(super) async fn paces(
    db: &mut Db<'_>,
    now: Wall,
    scope: Option<i64>,
) -> Outcome<BTreeMap<i64, i64>> {
    let range = spend::Range {
        scope,
        from: now.nanos().saturating_sub(HOUR),
        until: i64::MAX,
        bucket: i64::MAX,
        leaf: None,
        days_before: 0,
    };
    let sums = spend::by_budget(db, range).await?.into_iter();
    Ok(sums.map(|(budget, _, spent, _)| (budget, spent)).collect())
}

/// Budgets with their accounts of now.
pub(super) async fn standings(panel: &Panel, rows: Vec<rows::Budget>) -> Outcome<Vec<Standing>> {
    let now = panel.now();
    let mut asked = Vec::with_capacity(rows.len());
    for row in rows {
        let (id, period) = budgets::account(&row, now)?;
        asked.push((row, id, period));
    }
    let ids: Vec<AccountId> = asked.iter().map(|(_, id, _)| *id).collect();
    let accounts = panel.treasury.look(move |bank| {
        let accounts = ids.iter().map(|id| bank.account(*id).copied());
        accounts.collect::<Vec<Option<Account>>>()
    });
    let both = asked.into_iter().zip(accounts.await?);
    let standings = both.map(|((row, id, period), account)| Standing {
        account: account.unwrap_or_else(|| Account::new(Money::from_nanos(row.lim), row.hard)),
        row,
        id,
        period,
    });
    Ok(standings.collect())
}

impl Standing {
    /// Spent, or presumed so.
    pub(super) fn gone(&self) -> Money {
        self.account.spent.plus(self.account.uncertain)
    }
}

impl Burn {
    pub(super) fn of(standing: &Standing, per_hour: i64, now: Wall) -> Self {
        let period = standing.period;
        let limit = i128::from(standing.row.lim);
        let gone = i128::from(standing.gone().nanos());
        let (pace, hour) = (i128::from(per_hour.max(0)), i128::from(HOUR));
        let ends = (period.end < i64::MAX).then(|| Wall::from_secs(period.end).nanos());
        let runs_out = (pace > 0).then(|| {
            let left = limit.saturating_sub(gone).max(0);
            let lasts = left.saturating_mul(hour).checked_div(pace).unwrap_or(0);
            narrowed(i128::from(now.nanos()).saturating_add(lasts))
        });
        let length = ends.map(|ends| {
            let begun = Wall::from_secs(period.start).nanos();
            i128::from(ends.saturating_sub(begun).max(1))
        });
        let even = length.and_then(|length| limit.saturating_mul(hour).checked_div(length));
        let forecast = ends.map(|ends| {
            let left = i128::from(ends.saturating_sub(now.nanos()).max(0));
            let more = pace.saturating_mul(left).checked_div(hour).unwrap_or(0);
            narrowed(gone.saturating_add(more))
        });
        Self {
            per_hour,
            even_per_hour: even.map(narrowed),
            runs_out,
            ends,
            forecast,
        }
    }

    /// Whether the budget will not last: it goes several times as fast as it may, and runs out before its period ends.
    pub(super) fn is_fast(&self, limit: i64) -> bool {
        const TIMES: i64 = 3;
        let (Some(even), Some(runs_out), Some(ends)) =
            (self.even_per_hour, self.runs_out, self.ends)
        else {
            return false;
        };
        // A hundredth of the limit in an hour is not much, however even the pace should be.
        let is_much = self.per_hour >= limit.checked_div(100).unwrap_or(0).max(1);
        is_much && self.per_hour >= even.saturating_mul(TIMES) && runs_out < ends
    }
}

fn narrowed(amount: i128) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A budget of a day that began at midnight, of which so much is spent.
    pub(in super::super) fn day(limit: i64, spent: i64) -> Standing {
        let account = Account {
            spent: Money::from_nanos(spent),
            ..Account::new(Money::from_nanos(limit), true)
        };
        let row = rows::Budget {
            id: 4,
            uid: "bud_1".to_owned(),
            node: 1,
            win: "1d".to_owned(),
            zone: "UTC".to_owned(),
            lim: limit,
            hard: true,
            clamp: false,
            soft: "[]".to_owned(),
            lending: "{}".to_owned(),
            rev: 1,
            created: 0,
            removed: None,
        };
        Standing {
            row,
            id: AccountId {
                budget: 4,
                period: 0,
            },
            period: Period {
                start: 0,
                end: 86_400,
            },
            account,
        }
    }

    #[test]
    fn a_pace_says_when_a_budget_runs_out_and_what_the_period_comes_to() {
        let six = Wall::from_secs(6 * 3600);
        // Of 24 six are gone, and three went in the last hour: eighteen are left, for six hours.
        let burn = Burn::of(&day(24_000, 6_000), 3_000, six);
        let expected = Burn {
            per_hour: 3_000,
            even_per_hour: Some(1_000),
            runs_out: Some(12 * HOUR),
            ends: Some(24 * HOUR),
            forecast: Some(6_000 + 18 * 3_000),
        };
        assert_eq!(burn, expected);
        assert!(burn.is_fast(24_000));
        assert!(!Burn::of(&day(24_000, 6_000), 2_999, six).is_fast(24_000));
        // It lasts: the period ends before it does.
        let late = Wall::from_secs(23 * 3600);
        assert!(!Burn::of(&day(24_000, 6_000), 3_000, late).is_fast(24_000));
        let idle = Burn::of(&day(24_000, 6_000), 0, six);
        assert_eq!((idle.runs_out, idle.forecast), (None, Some(6_000)));
        // Beyond the limit there is nothing left, and nothing overflows.
        let over = Burn::of(&day(1, i64::MAX), i64::MAX, six);
        assert_eq!(
            (over.runs_out, over.forecast),
            (Some(6 * HOUR), Some(i64::MAX))
        );
        let mut endless = day(24_000, 6_000);
        endless.period.end = i64::MAX;
        let endless = Burn::of(&endless, 3_000, six);
        assert_eq!(
            (endless.ends, endless.forecast, endless.even_per_hour),
            (None, None, None)
        );
        assert!(!endless.is_fast(24_000));
    }
}
