//! The nodes of the tree.

use super::{Done, Found, Window, below, row};
use crate::control::store::{Db, sql};

row! {
    /// A node.
    Node {
        id: i64,
        uid: String,
        parent: Option<i64>,
        /// 0 organisation, 1 team, 2 project, 3 agent.
        kind: i64,
        name: String,
        created: i64,
    }
}

/// A node by its id.
pub(in crate::control) async fn find(db: &mut Db<'_>, uid: &str) -> Found<Option<Node>> {
    let found = sql::query_as("SELECT * FROM node WHERE uid = ? AND removed IS NULL");
    Ok(found.bind(uid).fetch_optional(db).await?)
}

/// A node by its number.
pub(in crate::control) async fn get(db: &mut Db<'_>, id: i64) -> Found<Option<Node>> {
    let found = sql::query_as("SELECT * FROM node WHERE id = ?");
    Ok(found.bind(id).fetch_optional(db).await?)
}

/// All that were not removed.
pub(in crate::control) async fn all(db: &mut Db<'_>) -> Found<Vec<Node>> {
    let all = sql::query_as("SELECT * FROM node WHERE removed IS NULL ORDER BY id");
    Ok(all.fetch_all(db).await?)
}

/// Those below a node, it included, or all of them.
pub(in crate::control) async fn list(
    db: &mut Db<'_>,
    scope: Option<i64>,
    window: Window,
) -> Found<Vec<Node>> {
    let list = sql::query_as(below!(
        "SELECT * FROM node WHERE removed IS NULL AND (?1 IS NULL OR id IN (SELECT id FROM below)) AND id > ?2 ORDER BY id LIMIT ?3"
    ));
    let list = list.bind(scope).bind(window.after).bind(window.most);
    Ok(list.fetch_all(db).await?)
}

/// A new node; its number.
pub(in crate::control) async fn insert(
    db: &mut Db<'_>,
    uid: &str,
    parent: Option<i64>,
    kind: i64,
    name: &str,
    at: i64,
) -> Found<i64> {
    let inserted = sql::query_scalar(
        "INSERT INTO node (uid, parent, kind, name, created) VALUES (?, ?, ?, ?, ?) RETURNING id",
    );
    let inserted = inserted
        .bind(uid)
        .bind(parent)
        .bind(kind)
        .bind(name)
        .bind(at);
    Ok(inserted.fetch_one(db).await?)
}

/// What still hangs on a node: nodes, keys, budgets, users and tokens.
pub(in crate::control) async fn dependents(db: &mut Db<'_>, id: i64) -> Found<i64> {
    let counted = sql::query_scalar(
        "SELECT (SELECT count(*) FROM node WHERE parent = ?1 AND removed IS NULL) \
         + (SELECT count(*) FROM virtual_key WHERE node = ?1 AND revoked IS NULL) \
         + (SELECT count(*) FROM budget WHERE node = ?1 AND removed IS NULL) \
         + (SELECT count(*) FROM \"user\" WHERE scope = ?1 AND NOT disabled)",
    );
    Ok(counted.bind(id).fetch_one(db).await?)
}

/// Removes a node.
pub(in crate::control) async fn remove(db: &mut Db<'_>, id: i64, at: i64) -> Done {
    let removed = sql::query("UPDATE node SET removed = ? WHERE id = ?");
    removed.bind(at).bind(id).execute(db).await?;
    Ok(())
}
