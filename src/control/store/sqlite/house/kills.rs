//! Kill switches.

use super::{Done, Found, Window, row};
use sqlx::SqliteConnection;

row! {
    /// A switch that was pulled.
    Kill {
        id: i64,
        uid: String,
        /// 0 everything, 1 a node, 2 a key, 3 a gateway.
        scope: i64,
        target: Option<i64>,
        name: String,
        reason: String,
        abort_streams: bool,
        cursor: i64,
        at: i64,
        by_user: i64,
        lifted: Option<i64>,
        lifted_by: Option<i64>,
    }
}

/// A switch by its id.
pub(in crate::control) async fn find(db: &mut SqliteConnection, uid: &str) -> Found<Option<Kill>> {
    let found = sqlx::query_as("SELECT * FROM kill WHERE uid = ?");
    Ok(found.bind(uid).fetch_optional(db).await?)
}

/// All that are in force.
pub(in crate::control) async fn all(db: &mut SqliteConnection) -> Found<Vec<Kill>> {
    let all = sqlx::query_as("SELECT * FROM kill WHERE lifted IS NULL ORDER BY id");
    Ok(all.fetch_all(db).await?)
}

/// All there ever were.
pub(in crate::control) async fn list(
    db: &mut SqliteConnection,
    window: Window,
) -> Found<Vec<Kill>> {
    let list = sqlx::query_as("SELECT * FROM kill WHERE id > ? ORDER BY id LIMIT ?");
    let list = list.bind(window.after).bind(window.most);
    Ok(list.fetch_all(db).await?)
}

/// Pulls a switch.
pub(in crate::control) async fn insert(db: &mut SqliteConnection, kill: &Kill) -> Done {
    let inserted = sqlx::query(
        "INSERT INTO kill (uid, scope, target, name, reason, abort_streams, at, by_user) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    );
    let inserted = inserted.bind(&kill.uid).bind(kill.scope).bind(kill.target);
    let inserted = inserted.bind(&kill.name).bind(&kill.reason);
    let inserted = inserted.bind(kill.abort_streams).bind(kill.at);
    inserted.bind(kill.by_user).execute(db).await?;
    Ok(())
}

/// Under which number gateways were told.
pub(in crate::control) async fn told(db: &mut SqliteConnection, uid: &str, cursor: i64) -> Done {
    let told = sqlx::query("UPDATE kill SET cursor = ? WHERE uid = ?");
    told.bind(cursor).bind(uid).execute(db).await?;
    Ok(())
}

/// Lets go of every switch in force for this; how many.
pub(in crate::control) async fn lift(
    db: &mut SqliteConnection,
    scope: i64,
    target: Option<i64>,
    (by, at): (i64, i64),
) -> Found<u64> {
    let lifted = sqlx::query(
        "UPDATE kill SET lifted = ?, lifted_by = ? WHERE scope = ? AND target IS ? AND lifted IS NULL",
    );
    let lifted = lifted.bind(at).bind(by).bind(scope).bind(target);
    Ok(lifted.execute(db).await?.rows_affected())
}
