//! Gateways, and the certificates they have.

use super::{Done, Found, Window, row};
use crate::control::store::{Db, sql};

row! {
    /// A gateway.
    Gateway {
        id: i64,
        uid: String,
        router: Vec<u8>,
        name: String,
        token_until: Option<i64>,
        spki: Option<Vec<u8>>,
        enrolled: Option<i64>,
        seen: Option<i64>,
        created: i64,
        revoked: Option<i64>,
    }
}

/// A gateway by its id.
pub(in crate::control) async fn find(db: &mut Db<'_>, uid: &str) -> Found<Option<Gateway>> {
    let found = sql::query_as("SELECT * FROM gateway WHERE uid = ?");
    Ok(found.bind(uid).fetch_optional(db).await?)
}

/// A gateway by its number.
pub(in crate::control) async fn get(db: &mut Db<'_>, id: i64) -> Found<Option<Gateway>> {
    let found = sql::query_as("SELECT * FROM gateway WHERE id = ?");
    Ok(found.bind(id).fetch_optional(db).await?)
}

/// A gateway by what the treaty calls it.
pub(in crate::control) async fn by_router(
    db: &mut Db<'_>,
    router: &[u8],
) -> Found<Option<Gateway>> {
    let found = sql::query_as("SELECT * FROM gateway WHERE router = ?");
    Ok(found.bind(router).fetch_optional(db).await?)
}

/// The gateway whose one-time token has this digest.
pub(in crate::control) async fn by_token(db: &mut Db<'_>, digest: &[u8]) -> Found<Option<Gateway>> {
    let found = sql::query_as("SELECT * FROM gateway WHERE token = ?");
    Ok(found.bind(digest).fetch_optional(db).await?)
}

/// The gateway with this certificate, if both are good.
pub(in crate::control) async fn by_certificate(
    db: &mut Db<'_>,
    fingerprint: &[u8],
    at: i64,
) -> Found<Option<Gateway>> {
    let found = sql::query_as(
        "SELECT g.* FROM gateway g JOIN certificate c ON c.gateway = g.id \
         WHERE c.fingerprint = ? AND c.not_after > ? AND g.revoked IS NULL",
    );
    Ok(found.bind(fingerprint).bind(at).fetch_optional(db).await?)
}

/// The one that is bound to this key.
pub(in crate::control) async fn by_key(db: &mut Db<'_>, spki: &[u8]) -> Found<Option<Gateway>> {
    let found = sql::query_as("SELECT * FROM gateway WHERE spki = ? AND revoked IS NULL");
    Ok(found.bind(spki).fetch_optional(db).await?)
}

/// Those that were revoked.
pub(in crate::control) async fn revoked(db: &mut Db<'_>) -> Found<Vec<Gateway>> {
    let revoked = sql::query_as("SELECT * FROM gateway WHERE revoked IS NOT NULL");
    Ok(revoked.fetch_all(db).await?)
}

/// All gateways.
pub(in crate::control) async fn list(db: &mut Db<'_>, window: Window) -> Found<Vec<Gateway>> {
    let list = sql::query_as("SELECT * FROM gateway WHERE id > ? ORDER BY id LIMIT ?");
    let list = list.bind(window.after).bind(window.most);
    Ok(list.fetch_all(db).await?)
}

/// A new gateway.
pub(in crate::control) async fn insert(db: &mut Db<'_>, gateway: &Gateway, token: &[u8]) -> Done {
    let inserted = sql::query(
        "INSERT INTO gateway (uid, router, name, token, token_until, created) VALUES (?, ?, ?, ?, ?, ?)",
    );
    let inserted = inserted.bind(&gateway.uid).bind(&gateway.router);
    let inserted = inserted.bind(&gateway.name).bind(token);
    let inserted = inserted.bind(gateway.token_until).bind(gateway.created);
    inserted.execute(db).await?;
    Ok(())
}

/// Another one-time token, and no key bound to it yet.
pub(in crate::control) async fn renew_token(
    db: &mut Db<'_>,
    id: i64,
    token: &[u8],
    until: i64,
) -> Done {
    let renewed =
        sql::query("UPDATE gateway SET token = ?, token_until = ?, spki = NULL WHERE id = ?");
    renewed.bind(token).bind(until).bind(id).execute(db).await?;
    Ok(())
}

/// Binds a gateway to its key.
pub(in crate::control) async fn bind(db: &mut Db<'_>, id: i64, spki: &[u8], at: i64) -> Done {
    let bound = sql::query("UPDATE gateway SET spki = ?, enrolled = ? WHERE id = ?");
    bound.bind(spki).bind(at).bind(id).execute(db).await?;
    Ok(())
}

/// Revokes a gateway.
pub(in crate::control) async fn revoke(db: &mut Db<'_>, id: i64, at: i64) -> Done {
    let revoked =
        sql::query("UPDATE gateway SET revoked = ?, token = NULL, token_until = NULL WHERE id = ?");
    revoked.bind(at).bind(id).execute(db).await?;
    Ok(())
}

/// A gateway spoke.
pub(in crate::control) async fn seen(db: &mut Db<'_>, router: &[u8], at: i64) -> Done {
    let seen = sql::query("UPDATE gateway SET seen = ? WHERE router = ?");
    seen.bind(at).bind(router).execute(db).await?;
    Ok(())
}

/// A certificate was issued; those that are over are forgotten.
pub(in crate::control) async fn certificate(
    db: &mut Db<'_>,
    id: i64,
    fingerprint: &[u8],
    (at, not_after): (i64, i64),
) -> Done {
    let over = sql::query("DELETE FROM certificate WHERE gateway = ? AND not_after <= ?");
    over.bind(id).bind(at).execute(&mut *db).await?;
    let issued = sql::query(
        "INSERT INTO certificate (fingerprint, gateway, issued, not_after) VALUES (?, ?, ?, ?) \
         ON CONFLICT (fingerprint) DO UPDATE SET gateway = excluded.gateway, issued = excluded.issued, not_after = excluded.not_after",
    );
    let issued = issued.bind(fingerprint).bind(id).bind(at).bind(not_after);
    issued.execute(db).await?;
    Ok(())
}

/// Forgets all certificates of a gateway.
pub(in crate::control) async fn forget_certificates(db: &mut Db<'_>, id: i64) -> Done {
    let forgotten = sql::query("DELETE FROM certificate WHERE gateway = ?");
    forgotten.bind(id).execute(db).await?;
    Ok(())
}

/// A gateway's certificates: fingerprint, issued, not after.
pub(in crate::control) async fn certificates(
    db: &mut Db<'_>,
    id: i64,
) -> Found<Vec<(Vec<u8>, i64, i64)>> {
    let found = sql::query_as(
        "SELECT fingerprint, issued, not_after FROM certificate WHERE gateway = ? ORDER BY issued",
    );
    Ok(found.bind(id).fetch_all(db).await?)
}
