//! The nodes of the tree.

use super::{Done, Found, Window, below, row};
use sqlx::SqliteConnection;

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
pub(in crate::control) async fn find(db: &mut SqliteConnection, uid: &str) -> Found<Option<Node>> {
    let found = sqlx::query_as("SELECT * FROM node WHERE uid = ? AND removed IS NULL");
    Ok(found.bind(uid).fetch_optional(db).await?)
}

/// A node by its number.
pub(in crate::control) async fn get(db: &mut SqliteConnection, id: i64) -> Found<Option<Node>> {
    let found = sqlx::query_as("SELECT * FROM node WHERE id = ?");
    Ok(found.bind(id).fetch_optional(db).await?)
}

/// All that were not removed.
pub(in crate::control) async fn all(db: &mut SqliteConnection) -> Found<Vec<Node>> {
    let all = sqlx::query_as("SELECT * FROM node WHERE removed IS NULL ORDER BY id");
    Ok(all.fetch_all(db).await?)
}

/// Those below a node, it included, or all of them.
pub(in crate::control) async fn list(
    db: &mut SqliteConnection,
    scope: Option<i64>,
    window: Window,
) -> Found<Vec<Node>> {
    let list = sqlx::query_as(below!(
        "SELECT * FROM node WHERE removed IS NULL AND (?1 IS NULL OR id IN below) AND id > ?2 ORDER BY id LIMIT ?3"
    ));
    let list = list.bind(scope).bind(window.after).bind(window.most);
    Ok(list.fetch_all(db).await?)
}

/// A new node; its number.
pub(in crate::control) async fn insert(
    db: &mut SqliteConnection,
    uid: &str,
    parent: Option<i64>,
    kind: i64,
    name: &str,
    at: i64,
) -> Found<i64> {
    let inserted =
        sqlx::query("INSERT INTO node (uid, parent, kind, name, created) VALUES (?, ?, ?, ?, ?)");
    let inserted = inserted
        .bind(uid)
        .bind(parent)
        .bind(kind)
        .bind(name)
        .bind(at);
    Ok(inserted.execute(db).await?.last_insert_rowid())
}

/// What still hangs on a node: nodes, keys, budgets, users and tokens.
pub(in crate::control) async fn dependents(db: &mut SqliteConnection, id: i64) -> Found<i64> {
    let counted = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM node WHERE parent = ?1 AND removed IS NULL) \
         + (SELECT count(*) FROM virtual_key WHERE node = ?1 AND revoked IS NULL) \
         + (SELECT count(*) FROM budget WHERE node = ?1 AND removed IS NULL) \
         + (SELECT count(*) FROM user WHERE scope = ?1 AND disabled = 0)",
    );
    Ok(counted.bind(id).fetch_one(db).await?)
}

/// Removes a node.
pub(in crate::control) async fn remove(db: &mut SqliteConnection, id: i64, at: i64) -> Done {
    let removed = sqlx::query("UPDATE node SET removed = ? WHERE id = ?");
    removed.bind(at).bind(id).execute(db).await?;
    Ok(())
}
