//! Virtual keys.

use super::{Done, Found, Window, below, row};
use crate::control::store::{Db, sql};

row! {
    /// A virtual key.
    VirtualKey {
        id: i64,
        uid: String,
        node: i64,
        name: String,
        owner: Option<String>,
        /// A JSON list.
        groups: String,
        /// A JSON list.
        models: Option<String>,
        expires: Option<i64>,
        digest: String,
        old_digest: Option<String>,
        old_until: Option<i64>,
        created: i64,
        rotated: Option<i64>,
        revoked: Option<i64>,
        /// When it last called.
        last_used: Option<i64>,
    }
}

/// Keys with when each was last used.
macro_rules! keys {
    ($rest:literal) => {
        concat!(
            "SELECT k.*, u.last_used FROM virtual_key k LEFT JOIN key_use u ON u.key = k.id ",
            $rest
        )
    };
}

/// A key by its id.
pub(in crate::control) async fn find(db: &mut Db<'_>, uid: &str) -> Found<Option<VirtualKey>> {
    let found = sql::query_as(keys!("WHERE k.uid = ?"));
    Ok(found.bind(uid).fetch_optional(db).await?)
}

/// A key by its number.
pub(in crate::control) async fn get(db: &mut Db<'_>, id: i64) -> Found<Option<VirtualKey>> {
    let found = sql::query_as(keys!("WHERE k.id = ?"));
    Ok(found.bind(id).fetch_optional(db).await?)
}

/// All that were not revoked.
pub(in crate::control) async fn all(db: &mut Db<'_>) -> Found<Vec<VirtualKey>> {
    let all = sql::query_as(keys!("WHERE k.revoked IS NULL ORDER BY k.id"));
    Ok(all.fetch_all(db).await?)
}

/// The digests of those that were revoked.
pub(in crate::control) async fn revoked(db: &mut Db<'_>) -> Found<Vec<String>> {
    let all =
        sql::query_scalar("SELECT digest FROM virtual_key WHERE revoked IS NOT NULL ORDER BY id");
    Ok(all.fetch_all(db).await?)
}

/// Those below a node, or all; revoked ones too.
pub(in crate::control) async fn list(
    db: &mut Db<'_>,
    scope: Option<i64>,
    window: Window,
) -> Found<Vec<VirtualKey>> {
    let list = sql::query_as(below!(
        "SELECT k.*, u.last_used FROM virtual_key k LEFT JOIN key_use u ON u.key = k.id \
         WHERE (?1 IS NULL OR k.node IN (SELECT id FROM below)) AND k.id > ?2 ORDER BY k.id LIMIT ?3"
    ));
    let list = list.bind(scope).bind(window.after).bind(window.most);
    Ok(list.fetch_all(db).await?)
}

/// A new key; its number.
pub(in crate::control) async fn insert(db: &mut Db<'_>, key: &VirtualKey) -> Found<i64> {
    let inserted = sql::query_scalar(
        "INSERT INTO virtual_key (uid, node, name, owner, groups, models, expires, digest, created) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
    );
    let inserted = inserted.bind(&key.uid).bind(key.node).bind(&key.name);
    let inserted = inserted.bind(&key.owner).bind(&key.groups);
    let inserted = inserted.bind(&key.models).bind(key.expires);
    let inserted = inserted.bind(&key.digest).bind(key.created);
    Ok(inserted.fetch_one(db).await?)
}

/// Another secret; the one before is good until `old_until`.
pub(in crate::control) async fn rotate(
    db: &mut Db<'_>,
    id: i64,
    digest: &str,
    (old_until, at): (Option<i64>, i64),
) -> Done {
    let rotated = sql::query(
        "UPDATE virtual_key SET old_digest = CASE WHEN ?3 IS NULL THEN NULL ELSE digest END, \
         old_until = ?3, digest = ?2, rotated = ?4 WHERE id = ?1",
    );
    let rotated = rotated.bind(id).bind(digest).bind(old_until).bind(at);
    rotated.execute(db).await?;
    Ok(())
}

/// Revokes a key.
pub(in crate::control) async fn revoke(db: &mut Db<'_>, id: i64, at: i64) -> Done {
    let revoked = sql::query(
        "UPDATE virtual_key SET revoked = ?, old_digest = NULL, old_until = NULL WHERE id = ?",
    );
    revoked.bind(at).bind(id).execute(db).await?;
    Ok(())
}

/// Forgets old secrets whose time is over; how many.
pub(in crate::control) async fn forget_old(db: &mut Db<'_>, at: i64) -> Found<u64> {
    let forgotten = sql::query(
        "UPDATE virtual_key SET old_digest = NULL, old_until = NULL WHERE old_until <= ?",
    );
    Ok(forgotten.bind(at).execute(db).await?)
}
