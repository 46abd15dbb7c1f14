//! What somebody should see before a threshold says it: budgets that go too fast, money that nobody can account for, charges
//! beyond what was lent, gateways that hold money and say nothing.
//!
//! Each is told of once: of a budget in a period, of a gateway in a silence. What is to be sent is written down in the same
//! transaction as that it was told.

use super::super::burn::{self, Burn, Standing};
use super::super::directory::{self, Forest};
use super::super::{Outcome, Panel, gateways, webhooks, words};
use crate::clock::Wall;
use crate::control::store::house::alerts as rows;
use crate::control::store::house::{Window, budgets as budget_rows, gateways as gateway_rows};
use crate::lease::protocol::RouterId;
use crate::units::Money;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// A gateway that holds money and says nothing for so long is lost: it syncs four times a minute.
pub(in crate::control) const SILENCE: Duration = Duration::from_mins(3);
/// Told where so many hundredths of a limit are uncertain.
const DOUBT: u8 = 1;

const LOST: &str = "gateway.lost";
const BACK: &str = "gateway.back";
const BURN: &str = "budget.burn";
const UNCERTAIN: &str = "budget.uncertain";
const BREACH: &str = "budget.breach";

/// Something to be told.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// `budget.burn`, `budget.uncertain`, `budget.breach`, `gateway.lost` or `gateway.back`.
    pub kind: &'static str,
    /// What is said of it.
    pub told: Value,
    subject: i64,
    period: i64,
}

/// Looks at budgets and gateways, and writes down what was not told yet. Every few seconds.
///
/// # Errors
/// The books cannot be read or written.
pub async fn watch(panel: &Panel) -> Outcome<Vec<Notice>> {
    let mut db = panel.read().await?;
    let known: BTreeSet<(String, i64, i64)> = rows::notices(&mut db).await?.into_iter().collect();
    let gateways = gateway_rows::list(&mut db, Window::ALL).await?;
    let budgets = budget_rows::all(&mut db).await?;
    let forest = Forest::load(&mut db).await?;
    let paces = burn::paces(&mut db, panel.now(), None).await?;
    drop(db);
    let mut seen = Vec::new();
    for standing in burn::standings(panel, budgets).await? {
        let pace = paces.get(&standing.row.id).copied().unwrap_or(0);
        of_budget(&forest, &standing, pace, panel.now(), &mut seen);
    }
    of_gateways(panel, gateways, &known, &mut seen).await?;
    let is_new = |notice: &Notice| {
        let told = (notice.kind.to_owned(), notice.subject, notice.period);
        notice.kind == BACK || !known.contains(&told)
    };
    seen.retain(is_new);
    if seen.is_empty() {
        return Ok(seen);
    }
    let now = panel.now().nanos();
    let mut change = panel.change().await?;
    for notice in &seen {
        let (subject, period) = (notice.subject, notice.period);
        if notice.kind == BACK {
            rows::forget_notice(change.db(), LOST, subject).await?;
        } else {
            rows::notice(change.db(), notice.kind, (subject, period), now).await?;
        }
        webhooks::queue(panel, change.db(), notice.kind, &notice.told).await?;
    }
    change.commit().await?;
    Ok(seen)
}

fn of_budget(forest: &Forest, standing: &Standing, pace: i64, now: Wall, seen: &mut Vec<Notice>) {
    let (row, account) = (&standing.row, &standing.account);
    let limit = Money::from_nanos(row.lim);
    let mut tell = |kind: &'static str, more: Value| {
        let mut told = json!({
            "budget": row.uid, "name": directory::name(forest, row), "period": standing.id.period,
            "limit": words::dollars(row.lim), "spent": standing.gone().to_string(),
        });
        if let (Some(told), Value::Object(more)) = (told.as_object_mut(), more) {
            told.extend(more);
        }
        seen.push(Notice {
            kind,
            told,
            subject: row.id,
            period: standing.id.period,
        });
    };
    let burn = Burn::of(standing, pace, now);
    if burn.is_fast(row.lim) {
        tell(
            BURN,
            json!({
                "per_hour": words::dollars(burn.per_hour),
                "runs_out": words::some_time(burn.runs_out), "ends": words::some_time(burn.ends),
            }),
        );
    }
    if account.uncertain > Money::ZERO && account.uncertain >= limit.percent(DOUBT) {
        tell(
            UNCERTAIN,
            json!({ "uncertain": account.uncertain.to_string() }),
        );
    }
    if account.overrun > Money::ZERO {
        tell(BREACH, json!({ "overrun": account.overrun.to_string() }));
    }
}

/// Those that hold money and say nothing, and those that were told of and speak again.
async fn of_gateways(
    panel: &Panel,
    rows: Vec<gateway_rows::Gateway>,
    known: &BTreeSet<(String, i64, i64)>,
    seen: &mut Vec<Notice>,
) -> Outcome<()> {
    let routers: Vec<RouterId> = rows.iter().map(gateways::router).collect();
    let standings = gateways::standings(panel, routers).await?;
    let silent_since = super::super::before(panel.now(), SILENCE).nanos();
    for row in rows {
        let router = gateways::router(&row);
        let heard = panel.remembered().seen.get(&router).copied().max(row.seen);
        // While this panel was not there nobody could speak to it.
        let is_silent = heard.max(Some(panel.since)) <= Some(silent_since);
        let standing = standings.get(&router).copied().unwrap_or_default();
        let was_told = known
            .iter()
            .any(|(kind, subject, _)| kind == LOST && *subject == row.id);
        let holds = standing.held > Money::ZERO && row.revoked.is_none();
        let kind = match (is_silent, was_told) {
            (true, false) if holds => LOST,
            // By its own word: that this panel was away is no return.
            (_, true) if heard > Some(silent_since) => BACK,
            _ => continue,
        };
        seen.push(Notice {
            kind,
            told: json!({
                "gateway": row.uid, "name": row.name, "last_seen": words::some_time(heard),
                "leases": standing.leases, "held": standing.held.to_string(),
            }),
            subject: row.id,
            period: 0,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::super::burn::tests::day;
    use super::*;

    #[test]
    fn a_budget_is_told_of_for_each_thing_that_is_wrong_with_it() {
        let kinds = |standing: &Standing, pace: i64| {
            let mut seen = Vec::new();
            let six = Wall::from_secs(6 * 3600);
            of_budget(&Forest::default(), standing, pace, six, &mut seen);
            seen.iter().map(|notice| notice.kind).collect::<Vec<_>>()
        };
        assert_eq!(kinds(&day(24_000, 6_000), 0), Vec::<&str>::new());
        assert_eq!(kinds(&day(24_000, 6_000), 3_000), [BURN]);
        let mut doubtful = day(24_000, 6_000);
        doubtful.account.uncertain = Money::from_nanos(239);
        assert_eq!(kinds(&doubtful, 0), Vec::<&str>::new());
        doubtful.account.uncertain = Money::from_nanos(240);
        doubtful.account.overrun = Money::from_nanos(1);
        assert_eq!(kinds(&doubtful, 0), [UNCERTAIN, BREACH]);
    }
}
