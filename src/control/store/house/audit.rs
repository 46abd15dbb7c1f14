//! The audit log's lines.

use super::{Found, row};
use crate::control::store::{Db, sql};

row! {
    /// A line.
    Line {
        id: i64,
        at: i64,
        record: String,
        hash: Vec<u8>,
    }
}

/// The last line.
pub(in crate::control) async fn last(db: &mut Db<'_>) -> Found<Option<Line>> {
    let last = sql::query_as("SELECT id, at, record, hash FROM audit ORDER BY id DESC LIMIT 1");
    Ok(last.fetch_optional(db).await?)
}

/// A new line.
pub(in crate::control) async fn insert(
    db: &mut Db<'_>,
    line: &Line,
    node: Option<i64>,
) -> Found<()> {
    let inserted =
        sql::query("INSERT INTO audit (id, at, node, record, hash) VALUES (?, ?, ?, ?, ?)");
    let inserted = inserted.bind(line.id).bind(line.at).bind(node);
    let inserted = inserted.bind(&line.record).bind(&line.hash);
    inserted.execute(db).await?;
    Ok(())
}

/// Lines before a number, the newest first.
pub(in crate::control) async fn before(
    db: &mut Db<'_>,
    before: i64,
    most: i64,
) -> Found<Vec<Line>> {
    let list = sql::query_as(
        "SELECT id, at, record, hash FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?",
    );
    Ok(list.bind(before).bind(most).fetch_all(db).await?)
}

/// Lines after a number, the oldest first.
pub(in crate::control) async fn after(db: &mut Db<'_>, after: i64, most: i64) -> Found<Vec<Line>> {
    let list =
        sql::query_as("SELECT id, at, record, hash FROM audit WHERE id > ? ORDER BY id LIMIT ?");
    Ok(list.bind(after).bind(most).fetch_all(db).await?)
}
