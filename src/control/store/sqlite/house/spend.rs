//! Sums over the ledger.

use super::{Found, below};
use sqlx::SqliteConnection;

/// A sum: whose, from when on, spent, overrun, lines.
pub(in crate::control) type Sum = (i64, i64, i64, i64, i64);

/// Which lines: a node or all, from when, until when, how long a bucket is.
#[derive(Debug, Clone, Copy)]
pub(in crate::control) struct Range {
    pub(in crate::control) scope: Option<i64>,
    pub(in crate::control) from: i64,
    pub(in crate::control) until: i64,
    pub(in crate::control) bucket: i64,
}

/// By budget. A line of a budget counts for that budget alone, so sums of budgets above each other overlap.
pub(in crate::control) async fn by_budget(
    db: &mut SqliteConnection,
    range: Range,
) -> Found<Vec<Sum>> {
    let sums = sqlx::query_as(below!(
        "SELECT e.budget, e.at / ?4 * ?4, sum(e.spent), sum(e.overrun), count(*) FROM entry e \
         LEFT JOIN budget g ON g.id = e.budget \
         WHERE e.at >= ?2 AND e.at < ?3 AND (?1 IS NULL OR g.node IN below) GROUP BY 1, 2 ORDER BY 2, 1 LIMIT 10000"
    ));
    Ok(bound(sums, range).fetch_all(db).await?)
}

/// By key: of the lines that one step wrote, one for each budget, the first counts.
pub(in crate::control) async fn by_key(db: &mut SqliteConnection, range: Range) -> Found<Vec<Sum>> {
    let sums = sqlx::query_as(below!(
        "SELECT l.leaf, e.at / ?4 * ?4, sum(e.spent), sum(e.overrun), count(*) FROM entry e \
         JOIN lease l ON l.id = e.lease \
         JOIN lease_account a ON a.lease = e.lease AND a.place = 0 AND a.budget = e.budget AND a.period = e.period \
         LEFT JOIN virtual_key k ON k.id = l.leaf \
         WHERE e.at >= ?2 AND e.at < ?3 AND (?1 IS NULL OR k.node IN below) GROUP BY 1, 2 ORDER BY 2, 1 LIMIT 10000"
    ));
    Ok(bound(sums, range).fetch_all(db).await?)
}

type Query<'q> = sqlx::query::QueryAs<'q, sqlx::Sqlite, Sum, sqlx::sqlite::SqliteArguments>;

fn bound(query: Query<'_>, range: Range) -> Query<'_> {
    query
        .bind(range.scope)
        .bind(range.from)
        .bind(range.until)
        .bind(range.bucket)
}
