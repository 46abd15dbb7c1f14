//! Providers' credentials, each sealed.

use super::{Done, Found, Window, row};
use crate::control::store::{Db, sql};

row! {
    /// A credential.
    Credential {
        id: i64,
        uid: String,
        name: String,
        kind: String,
        note: Option<String>,
        /// A JSON list of gateways' ids; all gateways where there is none.
        gateways: Option<String>,
        version: i64,
        /// Which key it is sealed with.
        key_id: String,
        /// Nothing once it was removed.
        sealed: Option<Vec<u8>>,
        rev: i64,
        created: i64,
        rotated: Option<i64>,
    }
}

/// A credential by its id.
pub(in crate::control) async fn find(db: &mut Db<'_>, uid: &str) -> Found<Option<Credential>> {
    let found = sql::query_as("SELECT * FROM credential WHERE uid = ? AND removed IS NULL");
    Ok(found.bind(uid).fetch_optional(db).await?)
}

/// A credential by its name.
pub(in crate::control) async fn named(db: &mut Db<'_>, name: &str) -> Found<Option<Credential>> {
    let found = sql::query_as("SELECT * FROM credential WHERE name = ? AND removed IS NULL");
    Ok(found.bind(name).fetch_optional(db).await?)
}

/// Some of them.
pub(in crate::control) async fn list(db: &mut Db<'_>, window: Window) -> Found<Vec<Credential>> {
    let list = sql::query_as(
        "SELECT * FROM credential WHERE removed IS NULL AND id > ? ORDER BY id LIMIT ?",
    );
    let list = list.bind(window.after).bind(window.most);
    Ok(list.fetch_all(db).await?)
}

/// All of them.
pub(in crate::control) async fn all(db: &mut Db<'_>) -> Found<Vec<Credential>> {
    let all = sql::query_as("SELECT * FROM credential WHERE removed IS NULL ORDER BY id");
    Ok(all.fetch_all(db).await?)
}

/// The newest version that a name ever had; 0 where it had none.
pub(in crate::control) async fn newest(db: &mut Db<'_>, name: &str) -> Found<i64> {
    let newest =
        sql::query_scalar("SELECT coalesce(max(version), 0) FROM credential WHERE name = ?");
    Ok(newest.bind(name).fetch_one(db).await?)
}

/// A new one.
pub(in crate::control) async fn insert(db: &mut Db<'_>, row: &Credential) -> Done {
    let inserted = sql::query(
        "INSERT INTO credential (uid, name, kind, note, gateways, version, key_id, sealed, rev, created) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, ?)",
    );
    let inserted = inserted.bind(&row.uid).bind(&row.name).bind(&row.kind);
    let inserted = inserted.bind(&row.note).bind(&row.gateways);
    let inserted = inserted.bind(row.version).bind(&row.key_id);
    inserted
        .bind(&row.sealed)
        .bind(row.created)
        .execute(db)
        .await?;
    Ok(())
}

/// Another secret.
pub(in crate::control) async fn rotate(db: &mut Db<'_>, row: &Credential, at: i64) -> Done {
    let rotated = sql::query(
        "UPDATE credential SET version = ?, key_id = ?, sealed = ?, rotated = ?, rev = rev + 1 WHERE id = ?",
    );
    let rotated = rotated
        .bind(row.version)
        .bind(&row.key_id)
        .bind(&row.sealed);
    rotated.bind(at).bind(row.id).execute(db).await?;
    Ok(())
}

/// The same secret, sealed with another key.
pub(in crate::control) async fn reseal(db: &mut Db<'_>, row: &Credential) -> Done {
    let sealed = sql::query("UPDATE credential SET key_id = ?, sealed = ? WHERE id = ?");
    let sealed = sealed.bind(&row.key_id).bind(&row.sealed);
    sealed.bind(row.id).execute(db).await?;
    Ok(())
}

/// What is said of it, if it is of this revision still.
pub(in crate::control) async fn describe(
    db: &mut Db<'_>,
    row: &Credential,
    revision: i64,
) -> Found<bool> {
    let changed = sql::query(
        "UPDATE credential SET kind = ?, note = ?, gateways = ?, rev = rev + 1 \
         WHERE id = ? AND rev = ? AND removed IS NULL",
    );
    let changed = changed.bind(&row.kind).bind(&row.note).bind(&row.gateways);
    let changed = changed.bind(row.id).bind(revision).execute(db).await?;
    Ok(changed == 1)
}

/// Removes one: its secret is gone.
pub(in crate::control) async fn remove(db: &mut Db<'_>, id: i64, at: i64) -> Done {
    let removed = sql::query("UPDATE credential SET removed = ?, sealed = NULL WHERE id = ?");
    removed.bind(at).bind(id).execute(db).await?;
    Ok(())
}
