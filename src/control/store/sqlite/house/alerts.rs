//! Thresholds that were crossed.

use super::Found;
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
