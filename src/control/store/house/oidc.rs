//! Who users are at a provider of sign-ins.

use super::users::User;
use super::{Done, Found};
use crate::control::store::{Db, sql};

/// The user of this identity.
pub(in crate::control) async fn user(
    db: &mut Db<'_>,
    issuer: &str,
    subject: &str,
) -> Found<Option<User>> {
    let found = sql::query_as(
        "SELECT u.*, true AS linked FROM \"user\" u JOIN oidc_identity i ON i.\"user\" = u.id \
         WHERE i.issuer = ? AND i.subject = ?",
    );
    Ok(found.bind(issuer).bind(subject).fetch_optional(db).await?)
}

/// Whether a user has an identity at this provider.
pub(in crate::control) async fn is_linked(db: &mut Db<'_>, issuer: &str, user: i64) -> Found<bool> {
    let counted =
        sql::query_scalar("SELECT count(*) FROM oidc_identity WHERE issuer = ? AND \"user\" = ?");
    let counted: i64 = counted.bind(issuer).bind(user).fetch_one(db).await?;
    Ok(counted > 0)
}

/// A user has this identity from now on.
pub(in crate::control) async fn link(
    db: &mut Db<'_>,
    (issuer, subject): (&str, &str),
    user: i64,
    at: i64,
) -> Done {
    let linked = sql::query(
        "INSERT INTO oidc_identity (issuer, subject, \"user\", linked) VALUES (?, ?, ?, ?)",
    );
    let linked = linked.bind(issuer).bind(subject).bind(user).bind(at);
    linked.execute(db).await?;
    Ok(())
}

/// A user has no identity any more; whether they had one.
pub(in crate::control) async fn unlink(db: &mut Db<'_>, user: i64) -> Found<bool> {
    let unlinked = sql::query("DELETE FROM oidc_identity WHERE \"user\" = ?");
    let unlinked = unlinked.bind(user).execute(db).await?;
    Ok(unlinked > 0)
}
