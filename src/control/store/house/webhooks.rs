//! Webhooks, and what is still to be sent to them.

use super::{Done, Found, Window, row};
use crate::control::store::{Db, sql};

row! {
    /// Where news go.
    Webhook {
        id: i64,
        uid: String,
        url: String,
        created: i64,
        /// Which key of the vault signs for it.
        key_id: Option<String>,
    }
}

row! {
    /// Something to be sent.
    Delivery {
        id: i64,
        webhook: String,
        url: String,
        key_id: Option<String>,
        body: String,
        attempts: i64,
    }
}

/// All webhooks.
pub(in crate::control) async fn list(db: &mut Db<'_>, window: Window) -> Found<Vec<Webhook>> {
    let list =
        sql::query_as("SELECT * FROM webhook WHERE removed IS NULL AND id > ? ORDER BY id LIMIT ?");
    let list = list.bind(window.after).bind(window.most);
    Ok(list.fetch_all(db).await?)
}

/// Which keys of the vault sign for them, each with how many.
pub(in crate::control) async fn keys(db: &mut Db<'_>) -> Found<Vec<(String, i64)>> {
    let keys = sql::query_as(
        "SELECT key_id, count(*) FROM webhook WHERE removed IS NULL AND key_id IS NOT NULL GROUP BY key_id ORDER BY key_id",
    );
    Ok(keys.fetch_all(db).await?)
}

/// A new one.
pub(in crate::control) async fn insert(db: &mut Db<'_>, new: &Webhook) -> Done {
    let inserted =
        sql::query("INSERT INTO webhook (uid, url, created, key_id) VALUES (?, ?, ?, ?)");
    let inserted = inserted.bind(&new.uid).bind(&new.url);
    let inserted = inserted.bind(new.created).bind(&new.key_id);
    inserted.execute(db).await?;
    Ok(())
}

/// Removes one; where its news went.
pub(in crate::control) async fn remove(
    db: &mut Db<'_>,
    uid: &str,
    at: i64,
) -> Found<Option<String>> {
    let removed = sql::query_scalar(
        "UPDATE webhook SET removed = ? WHERE uid = ? AND removed IS NULL RETURNING url",
    );
    Ok(removed.bind(at).bind(uid).fetch_optional(db).await?)
}

/// Something is to be sent to all of them.
pub(in crate::control) async fn queue(db: &mut Db<'_>, body: &str, at: i64) -> Done {
    let queued = sql::query(
        "INSERT INTO delivery (webhook, body, created, next_at) SELECT id, ?1, ?2, ?2 FROM webhook WHERE removed IS NULL",
    );
    queued.bind(body).bind(at).execute(db).await?;
    Ok(())
}

/// What is to be sent now.
pub(in crate::control) async fn due(db: &mut Db<'_>, at: i64, most: i64) -> Found<Vec<Delivery>> {
    let due = sql::query_as(
        "SELECT d.id, w.uid AS webhook, w.url, w.key_id, d.body, d.attempts FROM delivery d JOIN webhook w ON w.id = d.webhook \
         WHERE d.done IS NULL AND d.next_at <= ? AND w.removed IS NULL ORDER BY d.next_at LIMIT ?",
    );
    Ok(due.bind(at).bind(most).fetch_all(db).await?)
}

/// It was sent, or given up.
pub(in crate::control) async fn done(
    db: &mut Db<'_>,
    id: i64,
    error: Option<&str>,
    at: i64,
) -> Done {
    let done =
        sql::query("UPDATE delivery SET done = ?, error = ?, attempts = attempts + 1 WHERE id = ?");
    done.bind(at).bind(error).bind(id).execute(db).await?;
    Ok(())
}

/// It is to be tried again.
pub(in crate::control) async fn again(db: &mut Db<'_>, id: i64, error: &str, next_at: i64) -> Done {
    let again = sql::query(
        "UPDATE delivery SET next_at = ?, error = ?, attempts = attempts + 1 WHERE id = ?",
    );
    again.bind(next_at).bind(error).bind(id).execute(db).await?;
    Ok(())
}
