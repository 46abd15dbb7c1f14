//! What was told of: thresholds that were crossed, and what somebody should see besides.

use super::{Done, Found};
use sqlx::SqliteConnection;

/// All of them: budget, period, per cent.
pub(in crate::control) async fn all(db: &mut SqliteConnection) -> Found<Vec<(i64, i64, i64)>> {
    let all = sqlx::query_as("SELECT budget, period, percent FROM alert");
    Ok(all.fetch_all(db).await?)
}

/// One more; whether it is new. What is older than the period before is forgotten: it is not crossed again.
pub(in crate::control) async fn insert(
    db: &mut SqliteConnection,
    (budget, period, percent): (i64, i64, i64),
    at: i64,
) -> Found<bool> {
    let old = sqlx::query("DELETE FROM alert WHERE budget = ? AND period < ?");
    old.bind(budget).bind(period).execute(&mut *db).await?;
    let inserted = sqlx::query("INSERT OR IGNORE INTO alert VALUES (?, ?, ?, ?)");
    let inserted = inserted.bind(budget).bind(period).bind(percent).bind(at);
    Ok(inserted.execute(db).await?.rows_affected() == 1)
}

/// What was told besides: kind, subject, period.
pub(in crate::control) async fn notices(
    db: &mut SqliteConnection,
) -> Found<Vec<(String, i64, i64)>> {
    let all = sqlx::query_as("SELECT kind, subject, period FROM notice");
    Ok(all.fetch_all(db).await?)
}

/// One more. What was told of an earlier period is forgotten.
pub(in crate::control) async fn notice(
    db: &mut SqliteConnection,
    kind: &str,
    (subject, period): (i64, i64),
    at: i64,
) -> Done {
    let old = sqlx::query("DELETE FROM notice WHERE kind = ? AND subject = ? AND period < ?");
    let old = old.bind(kind).bind(subject).bind(period);
    old.execute(&mut *db).await?;
    let told = sqlx::query(
        "INSERT INTO notice (kind, subject, period, at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
    );
    let told = told.bind(kind).bind(subject).bind(period).bind(at);
    told.execute(db).await?;
    Ok(())
}

/// It is over.
pub(in crate::control) async fn forget_notice(
    db: &mut SqliteConnection,
    kind: &str,
    subject: i64,
) -> Done {
    let over = sqlx::query("DELETE FROM notice WHERE kind = ? AND subject = ?");
    over.bind(kind).bind(subject).execute(db).await?;
    Ok(())
}
