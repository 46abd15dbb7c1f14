//! Sums over the ledger, and over what gateways tell that money was for.
//!
//! A line of what money was for is written in the commit in which the ledger heard of the money. So over whole hours (whole
//! days, where hours are no longer kept) what the ledger has and those lines do not cover is what nobody knows the model of.

use super::{Done, Found, below, settings, tallies};
use crate::control::store::Db;
use crate::control::store::sql::{self, Apart, Text};
use crate::control::store::usage::{DAY, more};

/// A sum: whose, from when on, spent, overrun.
pub(in crate::control) type Sum = (i64, i64, i64, i64);

/// What calls were for: whose, from when on, calls, tokens in and out, cost.
pub(in crate::control) type Worked<T> = (T, i64, i64, i64, i64, i64);

/// Which lines: a node or all, from when, until when, how long a bucket is.
#[derive(Debug, Clone, Copy)]
pub(in crate::control) struct Range {
    pub(in crate::control) scope: Option<i64>,
    /// One key, or all in scope.
    pub(in crate::control) leaf: Option<i64>,
    pub(in crate::control) from: i64,
    pub(in crate::control) until: i64,
    pub(in crate::control) bucket: i64,
    /// Before this only days are told apart.
    pub(in crate::control) days_before: i64,
}

/// More sums than this nobody reads; one more is found where there are more.
pub(in crate::control) const MOST_SUMS: usize = 10_000;

/// Before when days are kept and no hours, among the settings.
const DAYS_BEFORE: &str = "usage_days_before";

/// The parameters of sums over keys.
macro_rules! bound {
    ($query:expr, $range:expr) => {
        $query
            .bind($range.scope)
            .bind($range.from)
            .bind($range.until)
            .bind($range.bucket)
            .bind($range.leaf)
            .bind($range.days_before)
            .bind($range.bucket.max(DAY))
    };
}

/// By budget. A line of a budget counts for that budget alone, so sums of budgets above each other overlap.
pub(in crate::control) async fn by_budget(db: &mut Db<'_>, range: Range) -> Found<Vec<Sum>> {
    let sums = sql::query_as(below!(
        "SELECT e.budget, e.at / ?4 * ?4, CAST(sum(e.spent) AS bigint), CAST(sum(e.overrun) AS bigint) FROM entry e \
         LEFT JOIN budget g ON g.id = e.budget \
         WHERE e.at >= ?2 AND e.at < ?3 AND (?1 IS NULL OR g.node IN (SELECT id FROM below)) GROUP BY 1, 2 ORDER BY 2, 1 LIMIT 10001"
    ));
    let sums = sums.bind(range.scope).bind(range.from).bind(range.until);
    Ok(sums.bind(range.bucket).fetch_all(db).await?)
}

/// By key: of the lines that one step wrote, one for each budget, the first counts.
pub(in crate::control) async fn by_key(db: &mut Db<'_>, range: Range) -> Found<Vec<Sum>> {
    let sums = sql::query_as(below!(
        "SELECT l.leaf, e.at / CASE WHEN e.at < ?6 THEN ?7 ELSE ?4 END * CASE WHEN e.at < ?6 THEN ?7 ELSE ?4 END, CAST(sum(e.spent) AS bigint), CAST(sum(e.overrun) AS bigint) FROM entry e \
         JOIN lease l ON l.id = e.lease \
         JOIN lease_account a ON a.lease = e.lease AND a.place = 0 AND a.budget = e.budget AND a.period = e.period \
         LEFT JOIN virtual_key k ON k.id = l.leaf \
         WHERE e.at >= ?2 AND e.at < ?3 AND (?1 IS NULL OR k.node IN (SELECT id FROM below)) AND (?5 IS NULL OR l.leaf = ?5) \
         GROUP BY 1, 2 ORDER BY 2, 1 LIMIT 10001"
    ));
    Ok(bound!(sums, range).fetch_all(db).await?)
}

/// All of these together, by time alone.
pub(in crate::control) async fn by_time(db: &mut Db<'_>, range: Range) -> Found<Vec<Sum>> {
    let sums = sql::query_as(below!(
        "SELECT CAST(0 AS bigint), e.at / CASE WHEN e.at < ?6 THEN ?7 ELSE ?4 END * CASE WHEN e.at < ?6 THEN ?7 ELSE ?4 END, CAST(sum(e.spent) AS bigint), CAST(sum(e.overrun) AS bigint) FROM entry e \
         JOIN lease l ON l.id = e.lease \
         JOIN lease_account a ON a.lease = e.lease AND a.place = 0 AND a.budget = e.budget AND a.period = e.period \
         LEFT JOIN virtual_key k ON k.id = l.leaf \
         WHERE e.at >= ?2 AND e.at < ?3 AND (?1 IS NULL OR k.node IN (SELECT id FROM below)) AND (?5 IS NULL OR l.leaf = ?5) \
         GROUP BY 2 ORDER BY 2 LIMIT 10001"
    ));
    Ok(bound!(sums, range).fetch_all(db).await?)
}

/// What calls were for, by model.
pub(in crate::control) async fn worked_by_model(
    db: &mut Db<'_>,
    range: Range,
) -> Found<Vec<Worked<String>>> {
    let sums = sql::query_as(below!(
        "SELECT u.model, u.at / CASE WHEN u.at < ?6 THEN ?7 ELSE ?4 END * CASE WHEN u.at < ?6 THEN ?7 ELSE ?4 END, \
         CAST(sum(u.calls) AS bigint), CAST(sum(u.tokens_in) AS bigint), CAST(sum(u.tokens_out) AS bigint), CAST(sum(u.cost) AS bigint) FROM usage_sum u \
         LEFT JOIN virtual_key k ON k.id = u.leaf \
         WHERE u.at >= ?2 AND u.at < ?3 AND (?1 IS NULL OR k.node IN (SELECT id FROM below)) AND (?5 IS NULL OR u.leaf = ?5) \
         GROUP BY 1, 2 ORDER BY 2, 1 LIMIT 10001"
    ));
    Ok(bound!(sums, range).fetch_all(db).await?)
}

/// What calls were for, by key.
pub(in crate::control) async fn worked_by_key(
    db: &mut Db<'_>,
    range: Range,
) -> Found<Vec<Worked<i64>>> {
    let sums = sql::query_as(below!(
        "SELECT u.leaf, u.at / CASE WHEN u.at < ?6 THEN ?7 ELSE ?4 END * CASE WHEN u.at < ?6 THEN ?7 ELSE ?4 END, \
         CAST(sum(u.calls) AS bigint), CAST(sum(u.tokens_in) AS bigint), CAST(sum(u.tokens_out) AS bigint), CAST(sum(u.cost) AS bigint) FROM usage_sum u \
         LEFT JOIN virtual_key k ON k.id = u.leaf \
         WHERE u.at >= ?2 AND u.at < ?3 AND (?1 IS NULL OR k.node IN (SELECT id FROM below)) AND (?5 IS NULL OR u.leaf = ?5) \
         GROUP BY 1, 2 ORDER BY 2, 1 LIMIT 10001"
    ));
    Ok(bound!(sums, range).fetch_all(db).await?)
}

/// Before when days are kept and no hours.
pub(in crate::control) async fn days_before(db: &mut Db<'_>) -> Found<i64> {
    settings::number(db, DAYS_BEFORE).await
}

/// The sums of hours that become days.
macro_rules! days {
    ($from:literal) => {
        concat!(
            "INSERT INTO usage_sum \
             SELECT at / ?2 * ?2, leaf, model, CAST(sum(calls) AS bigint), CAST(sum(tokens_in) AS bigint), \
             CAST(sum(tokens_out) AS bigint), CAST(sum(cost) AS bigint) FROM ",
            $from,
            " GROUP BY 1, 2, 3 ON CONFLICT (at, leaf, model) DO UPDATE SET ",
            more!()
        )
    };
}

/// Adds the hours before a time to their days. The bank may write at a server meanwhile: there what is added is what goes.
const MAKE_DAYS: Apart = Apart {
    sqlite: days!("usage_sum WHERE at < ?1 AND at % ?2 <> 0"),
    postgres: concat!(
        "WITH gone AS (DELETE FROM usage_sum WHERE at < ?1 AND at % ?2 <> 0 RETURNING *) ",
        days!("gone")
    ),
};
/// Has them go.
const FORGET_HOURS: Apart = Apart {
    sqlite: "DELETE FROM usage_sum WHERE at < ?1 AND at % ?2 <> 0",
    // They are gone already.
    postgres: "SELECT CAST(?1 AS bigint), CAST(?2 AS bigint) WHERE false",
};

/// Makes days of the hours before this day's beginning.
pub(in crate::control) async fn make_days(db: &mut Db<'_>, before: i64) -> Done {
    if before <= days_before(db).await? {
        return Ok(());
    }
    let statements: [Text; 4] = [
        MAKE_DAYS.into(),
        FORGET_HOURS.into(),
        tallies::MAKE_DAYS.into(),
        tallies::FORGET_HOURS.into(),
    ];
    for statement in statements {
        let made = sql::query(statement).bind(before).bind(DAY);
        made.execute(&mut *db).await?;
    }
    settings::set_number(db, DAYS_BEFORE, before).await
}
