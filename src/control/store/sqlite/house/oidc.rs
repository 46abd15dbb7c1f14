//! Who users are at a provider of sign-ins.

use super::users::User;
use super::{Done, Found};
use sqlx::SqliteConnection;

/// The user of this identity.
pub(in crate::control) async fn user(
    db: &mut SqliteConnection,
    issuer: &str,
    subject: &str,
) -> Found<Option<User>> {
    let found = sqlx::query_as(
        "SELECT u.*, 1 AS linked FROM user u JOIN oidc_identity i ON i.user = u.id \
         WHERE i.issuer = ? AND i.subject = ?",
    );
    Ok(found.bind(issuer).bind(subject).fetch_optional(db).await?)
}

/// Whether a user has an identity at this provider.
pub(in crate::control) async fn is_linked(
    db: &mut SqliteConnection,
    issuer: &str,
    user: i64,
) -> Found<bool> {
    let counted =
        sqlx::query_scalar("SELECT count(*) FROM oidc_identity WHERE issuer = ? AND user = ?");
    let counted: i64 = counted.bind(issuer).bind(user).fetch_one(db).await?;
    Ok(counted > 0)
}

/// A user has this identity from now on.
pub(in crate::control) async fn link(
    db: &mut SqliteConnection,
    (issuer, subject): (&str, &str),
    user: i64,
    at: i64,
) -> Done {
    let linked = sqlx::query(
        "INSERT INTO oidc_identity (issuer, subject, user, linked) VALUES (?, ?, ?, ?)",
    );
    let linked = linked.bind(issuer).bind(subject).bind(user).bind(at);
    linked.execute(db).await?;
    Ok(())
}

/// A user has no identity any more; whether they had one.
pub(in crate::control) async fn unlink(db: &mut SqliteConnection, user: i64) -> Found<bool> {
    let unlinked = sqlx::query("DELETE FROM oidc_identity WHERE user = ?");
    let unlinked = unlinked.bind(user).execute(db).await?;
    Ok(unlinked.rows_affected() > 0)
}
