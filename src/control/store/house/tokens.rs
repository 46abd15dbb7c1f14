//! API tokens.

use super::{Done, Found, Window, row};
use crate::control::store::{Db, sql};

row! {
    /// A token.
    Token {
        id: i64,
        uid: String,
        user: i64,
        name: String,
        role: i64,
        scope: Option<i64>,
        created: i64,
        expires: i64,
        revoked: Option<i64>,
        seen: Option<i64>,
    }
}

/// A new token.
pub(in crate::control) async fn insert(db: &mut Db<'_>, token: &Token, digest: &[u8]) -> Done {
    let inserted = sql::query(
        "INSERT INTO api_token (uid, \"user\", name, role, scope, digest, created, expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    );
    let inserted = inserted.bind(&token.uid).bind(token.user).bind(&token.name);
    let inserted = inserted.bind(token.role).bind(token.scope).bind(digest);
    inserted
        .bind(token.created)
        .bind(token.expires)
        .execute(db)
        .await?;
    Ok(())
}

/// A token by its digest.
pub(in crate::control) async fn by_digest(db: &mut Db<'_>, digest: &[u8]) -> Found<Option<Token>> {
    let found = sql::query_as(
        "SELECT id, uid, \"user\", name, role, scope, created, expires, revoked, seen FROM api_token WHERE digest = ?",
    );
    Ok(found.bind(digest).fetch_optional(db).await?)
}

/// A token by its id.
pub(in crate::control) async fn find(db: &mut Db<'_>, uid: &str) -> Found<Option<Token>> {
    let found = sql::query_as(
        "SELECT id, uid, \"user\", name, role, scope, created, expires, revoked, seen FROM api_token WHERE uid = ?",
    );
    Ok(found.bind(uid).fetch_optional(db).await?)
}

/// The tokens of a user, or of all.
pub(in crate::control) async fn list(
    db: &mut Db<'_>,
    user: Option<i64>,
    window: Window,
) -> Found<Vec<Token>> {
    let list = sql::query_as(
        "SELECT id, uid, \"user\", name, role, scope, created, expires, revoked, seen FROM api_token \
         WHERE (?1 IS NULL OR \"user\" = ?1) AND id > ?2 ORDER BY id LIMIT ?3",
    );
    let list = list.bind(user).bind(window.after).bind(window.most);
    Ok(list.fetch_all(db).await?)
}

/// Revokes a token.
pub(in crate::control) async fn revoke(db: &mut Db<'_>, id: i64, at: i64) -> Done {
    let revoked = sql::query("UPDATE api_token SET revoked = ? WHERE id = ? AND revoked IS NULL");
    revoked.bind(at).bind(id).execute(db).await?;
    Ok(())
}

/// A token was used.
pub(in crate::control) async fn touch(db: &mut Db<'_>, id: i64, at: i64) -> Done {
    let touched = sql::query("UPDATE api_token SET seen = ? WHERE id = ?");
    touched.bind(at).bind(id).execute(db).await?;
    Ok(())
}
