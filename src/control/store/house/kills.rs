//! Kill switches.

use super::{Done, Found, Window, row};
use crate::control::store::{Db, sql};

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
pub(in crate::control) async fn find(db: &mut Db<'_>, uid: &str) -> Found<Option<Kill>> {
    let found = sql::query_as("SELECT * FROM kill WHERE uid = ?");
    Ok(found.bind(uid).fetch_optional(db).await?)
}

/// All that are in force.
pub(in crate::control) async fn all(db: &mut Db<'_>) -> Found<Vec<Kill>> {
    let all = sql::query_as("SELECT * FROM kill WHERE lifted IS NULL ORDER BY id");
    Ok(all.fetch_all(db).await?)
}

/// All there ever were.
pub(in crate::control) async fn list(db: &mut Db<'_>, window: Window) -> Found<Vec<Kill>> {
    let list = sql::query_as("SELECT * FROM kill WHERE id > ? ORDER BY id LIMIT ?");
    let list = list.bind(window.after).bind(window.most);
    Ok(list.fetch_all(db).await?)
}

/// Pulls a switch.
pub(in crate::control) async fn insert(db: &mut Db<'_>, kill: &Kill) -> Done {
    let inserted = sql::query(
        "INSERT INTO kill (uid, scope, target, name, reason, abort_streams, at, by_user) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    );
    let inserted = inserted.bind(&kill.uid).bind(kill.scope).bind(kill.target);
    let inserted = inserted.bind(&kill.name).bind(&kill.reason);
    let inserted = inserted.bind(kill.abort_streams).bind(kill.at);
    inserted.bind(kill.by_user).execute(db).await?;
    Ok(())
}

/// Under which number gateways were told.
pub(in crate::control) async fn told(db: &mut Db<'_>, uid: &str, cursor: i64) -> Done {
    let told = sql::query("UPDATE kill SET cursor = ? WHERE uid = ?");
    told.bind(cursor).bind(uid).execute(db).await?;
    Ok(())
}

/// Lets go of every switch in force for this; how many.
pub(in crate::control) async fn lift(
    db: &mut Db<'_>,
    scope: i64,
    target: Option<i64>,
    (by, at): (i64, i64),
) -> Found<u64> {
    let lifted = sql::query(
        "UPDATE kill SET lifted = ?, lifted_by = ? WHERE scope = ? AND target IS NOT DISTINCT FROM ? AND lifted IS NULL",
    );
    let lifted = lifted.bind(at).bind(by).bind(scope).bind(target);
    Ok(lifted.execute(db).await?)
}
