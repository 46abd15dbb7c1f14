//! What was told of: thresholds that were crossed, and what somebody should see besides.

use super::{Done, Found};
use crate::control::store::{Db, sql};

/// All of them: budget, period, per cent.
pub(in crate::control) async fn all(db: &mut Db<'_>) -> Found<Vec<(i64, i64, i64)>> {
    let all = sql::query_as("SELECT budget, period, percent FROM alert");
    Ok(all.fetch_all(db).await?)
}

/// One more; whether it is new. What is older than the period before is forgotten: it is not crossed again.
pub(in crate::control) async fn insert(
    db: &mut Db<'_>,
    (budget, period, percent): (i64, i64, i64),
    at: i64,
) -> Found<bool> {
    let old = sql::query("DELETE FROM alert WHERE budget = ? AND period < ?");
    old.bind(budget).bind(period).execute(&mut *db).await?;
    let inserted = sql::query("INSERT INTO alert VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING");
    let inserted = inserted.bind(budget).bind(period).bind(percent).bind(at);
    Ok(inserted.execute(db).await? == 1)
}

/// What was told besides: kind, subject, period.
pub(in crate::control) async fn notices(db: &mut Db<'_>) -> Found<Vec<(String, i64, i64)>> {
    let all = sql::query_as("SELECT kind, subject, period FROM notice");
    Ok(all.fetch_all(db).await?)
}

/// One more. What was told of an earlier period is forgotten.
pub(in crate::control) async fn notice(
    db: &mut Db<'_>,
    kind: &str,
    (subject, period): (i64, i64),
    at: i64,
) -> Done {
    let old = sql::query("DELETE FROM notice WHERE kind = ? AND subject = ? AND period < ?");
    let old = old.bind(kind).bind(subject).bind(period);
    old.execute(&mut *db).await?;
    let told = sql::query(
        "INSERT INTO notice (kind, subject, period, at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
    );
    let told = told.bind(kind).bind(subject).bind(period).bind(at);
    told.execute(db).await?;
    Ok(())
}

/// It is over.
pub(in crate::control) async fn forget_notice(db: &mut Db<'_>, kind: &str, subject: i64) -> Done {
    let over = sql::query("DELETE FROM notice WHERE kind = ? AND subject = ?");
    over.bind(kind).bind(subject).execute(db).await?;
    Ok(())
}
