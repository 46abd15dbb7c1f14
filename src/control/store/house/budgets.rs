//! Budgets.

use super::{Done, Found, Window, below, row};
use crate::control::store::{Db, sql};

row! {
    /// A budget.
    Budget {
        id: i64,
        uid: String,
        node: i64,
        win: String,
        zone: String,
        lim: i64,
        hard: bool,
        clamp: bool,
        /// A JSON list of whole per cent.
        soft: String,
        /// How it is lent, as JSON.
        lending: String,
        rev: i64,
        created: i64,
        removed: Option<i64>,
    }
}

/// A budget by its id.
pub(in crate::control) async fn find(db: &mut Db<'_>, uid: &str) -> Found<Option<Budget>> {
    let found = sql::query_as("SELECT * FROM budget WHERE uid = ? AND removed IS NULL");
    Ok(found.bind(uid).fetch_optional(db).await?)
}

/// A budget by its number, removed or not.
pub(in crate::control) async fn get(db: &mut Db<'_>, id: i64) -> Found<Option<Budget>> {
    let found = sql::query_as("SELECT * FROM budget WHERE id = ?");
    Ok(found.bind(id).fetch_optional(db).await?)
}

/// All that were not removed.
pub(in crate::control) async fn all(db: &mut Db<'_>) -> Found<Vec<Budget>> {
    let all = sql::query_as("SELECT * FROM budget WHERE removed IS NULL ORDER BY id");
    Ok(all.fetch_all(db).await?)
}

/// All there ever were.
pub(in crate::control) async fn ever(db: &mut Db<'_>) -> Found<Vec<Budget>> {
    let all = sql::query_as("SELECT * FROM budget ORDER BY id");
    Ok(all.fetch_all(db).await?)
}

/// Those below a node, or all.
pub(in crate::control) async fn list(
    db: &mut Db<'_>,
    scope: Option<i64>,
    window: Window,
) -> Found<Vec<Budget>> {
    let list = sql::query_as(below!(
        "SELECT * FROM budget WHERE removed IS NULL AND (?1 IS NULL OR node IN (SELECT id FROM below)) AND id > ?2 ORDER BY id LIMIT ?3"
    ));
    let list = list.bind(scope).bind(window.after).bind(window.most);
    Ok(list.fetch_all(db).await?)
}

/// A new budget; its number.
pub(in crate::control) async fn insert(db: &mut Db<'_>, budget: &Budget) -> Found<i64> {
    let inserted = sql::query_scalar(
        "INSERT INTO budget (uid, node, win, zone, lim, hard, clamp, soft, lending, rev, created) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
    );
    let inserted = inserted.bind(&budget.uid).bind(budget.node);
    let inserted = inserted.bind(&budget.win).bind(&budget.zone);
    let inserted = inserted.bind(budget.lim).bind(budget.hard);
    let inserted = inserted.bind(budget.clamp).bind(&budget.soft);
    let inserted = inserted.bind(&budget.lending);
    let inserted = inserted.bind(budget.rev).bind(budget.created);
    Ok(inserted.fetch_one(db).await?)
}

/// Sets what may change, if nobody else did in the meantime.
pub(in crate::control) async fn update(db: &mut Db<'_>, budget: &Budget, rev: i64) -> Found<bool> {
    let updated = sql::query(
        "UPDATE budget SET lim = ?, hard = ?, clamp = ?, soft = ?, lending = ?, rev = rev + 1 \
         WHERE id = ? AND rev = ? AND removed IS NULL",
    );
    let updated = updated.bind(budget.lim).bind(budget.hard);
    let updated = updated.bind(budget.clamp).bind(&budget.soft);
    let updated = updated.bind(&budget.lending);
    let updated = updated.bind(budget.id).bind(rev).execute(db).await?;
    Ok(updated == 1)
}

/// Removes a budget.
pub(in crate::control) async fn remove(db: &mut Db<'_>, id: i64, at: i64) -> Done {
    let removed = sql::query("UPDATE budget SET removed = ?, rev = rev + 1 WHERE id = ?");
    removed.bind(at).bind(id).execute(db).await?;
    Ok(())
}
