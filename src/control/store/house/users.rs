//! Users, their invitations and their sessions.

use super::{Done, Found, Window, row};
use crate::control::store::{Db, sql};

row! {
    /// A user.
    User {
        id: i64,
        uid: String,
        email: String,
        name: String,
        /// 0 viewer, 1 operator, 2 administrator.
        role: i64,
        scope: Option<i64>,
        password: Option<String>,
        disabled: bool,
        created: i64,
        /// Whether they have an identity at a provider of sign-ins.
        linked: bool,
    }
}

row! {
    /// A session with its user.
    Session {
        id: i64,
        uid: String,
        user: i64,
        created: i64,
        expires: i64,
        seen: i64,
        origin: String,
    }
}

/// All of a user.
macro_rules! user {
    ($rest:literal) => {
        concat!(
            "SELECT u.*, EXISTS (SELECT 1 FROM oidc_identity i WHERE i.\"user\" = u.id) AS linked \
             FROM \"user\" u ",
            $rest
        )
    };
}

/// A user by number.
pub(in crate::control) async fn get(db: &mut Db<'_>, id: i64) -> Found<Option<User>> {
    let found = sql::query_as(user!("WHERE id = ?"));
    Ok(found.bind(id).fetch_optional(db).await?)
}

/// A user by id.
pub(in crate::control) async fn find(db: &mut Db<'_>, uid: &str) -> Found<Option<User>> {
    let found = sql::query_as(user!("WHERE uid = ?"));
    Ok(found.bind(uid).fetch_optional(db).await?)
}

/// A user by address.
pub(in crate::control) async fn by_email(db: &mut Db<'_>, email: &str) -> Found<Option<User>> {
    let found = sql::query_as(user!("WHERE email = ?"));
    Ok(found.bind(email).fetch_optional(db).await?)
}

/// All users.
pub(in crate::control) async fn list(db: &mut Db<'_>, window: Window) -> Found<Vec<User>> {
    let list = sql::query_as(user!("WHERE id > ? ORDER BY id LIMIT ?"));
    let list = list.bind(window.after).bind(window.most);
    Ok(list.fetch_all(db).await?)
}

/// Administrators of everything who can sign in: by a password, or at this provider.
pub(in crate::control) async fn administrators(
    db: &mut Db<'_>,
    issuer: Option<&str>,
) -> Found<i64> {
    let counted = sql::query_scalar(
        "SELECT count(*) FROM \"user\" u WHERE role = 2 AND scope IS NULL AND NOT disabled AND (password IS NOT NULL \
         OR EXISTS (SELECT 1 FROM oidc_identity i WHERE i.\"user\" = u.id AND i.issuer = ?))",
    );
    Ok(counted.bind(issuer).fetch_one(db).await?)
}

/// A new user without a password; the number.
pub(in crate::control) async fn insert(
    db: &mut Db<'_>,
    uid: &str,
    email: &str,
    name: &str,
    (role, scope): (i64, Option<i64>),
    at: i64,
) -> Found<i64> {
    let inserted = sql::query_scalar(
        "INSERT INTO \"user\" (uid, email, name, role, scope, created) VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
    );
    let inserted = inserted.bind(uid).bind(email).bind(name).bind(role);
    Ok(inserted.bind(scope).bind(at).fetch_one(db).await?)
}

/// Sets a password.
pub(in crate::control) async fn set_password(db: &mut Db<'_>, id: i64, password: &str) -> Done {
    let set = sql::query("UPDATE \"user\" SET password = ? WHERE id = ?");
    set.bind(password).bind(id).execute(db).await?;
    Ok(())
}

/// Sets what may change of a user.
pub(in crate::control) async fn update(db: &mut Db<'_>, user: &User) -> Done {
    let updated =
        sql::query("UPDATE \"user\" SET name = ?, role = ?, scope = ?, disabled = ? WHERE id = ?");
    let updated = updated.bind(&user.name).bind(user.role).bind(user.scope);
    updated
        .bind(user.disabled)
        .bind(user.id)
        .execute(db)
        .await?;
    Ok(())
}

/// An invitation; those before it are good no longer.
pub(in crate::control) async fn invite(
    db: &mut Db<'_>,
    user: i64,
    digest: &[u8],
    (expires, at): (i64, i64),
) -> Done {
    end_invitations(&mut *db, user, at).await?;
    let invited = sql::query("INSERT INTO invitation (\"user\", digest, expires) VALUES (?, ?, ?)");
    invited
        .bind(user)
        .bind(digest)
        .bind(expires)
        .execute(db)
        .await?;
    Ok(())
}

/// Whether there is such an invitation.
pub(in crate::control) async fn is_invited(db: &mut Db<'_>, digest: &[u8], at: i64) -> Found<bool> {
    let counted = sql::query_scalar(
        "SELECT count(*) FROM invitation WHERE digest = ? AND used IS NULL AND expires > ?",
    );
    let counted: i64 = counted.bind(digest).bind(at).fetch_one(db).await?;
    Ok(counted > 0)
}

/// Uses up whatever invitation a user still has; whether there was one.
pub(in crate::control) async fn end_invitations(
    db: &mut Db<'_>,
    user: i64,
    at: i64,
) -> Found<bool> {
    let ended = sql::query("UPDATE invitation SET used = ? WHERE \"user\" = ? AND used IS NULL");
    let ended = ended.bind(at).bind(user).execute(db).await?;
    Ok(ended > 0)
}

/// Uses an invitation up; whose it was.
pub(in crate::control) async fn use_invitation(
    db: &mut Db<'_>,
    digest: &[u8],
    at: i64,
) -> Found<Option<i64>> {
    let used = sql::query_scalar(
        "UPDATE invitation SET used = ?1 WHERE digest = ?2 AND used IS NULL AND expires > ?1 RETURNING \"user\"",
    );
    Ok(used.bind(at).bind(digest).fetch_optional(db).await?)
}

/// A new session.
pub(in crate::control) async fn open_session(
    db: &mut Db<'_>,
    session: &Session,
    digest: &[u8],
) -> Done {
    let opened = sql::query(
        "INSERT INTO session (uid, \"user\", digest, created, expires, seen, origin) VALUES (?, ?, ?, ?, ?, ?, ?)",
    );
    let opened = opened.bind(&session.uid).bind(session.user).bind(digest);
    let opened = opened.bind(session.created).bind(session.expires);
    opened
        .bind(session.seen)
        .bind(&session.origin)
        .execute(db)
        .await?;
    Ok(())
}

/// The session of a token.
pub(in crate::control) async fn session(db: &mut Db<'_>, digest: &[u8]) -> Found<Option<Session>> {
    let found = sql::query_as(
        "SELECT id, uid, \"user\", created, expires, seen, origin FROM session WHERE digest = ?",
    );
    Ok(found.bind(digest).fetch_optional(db).await?)
}

/// A user's sessions.
pub(in crate::control) async fn sessions(
    db: &mut Db<'_>,
    user: i64,
    window: Window,
) -> Found<Vec<Session>> {
    let list = sql::query_as(
        "SELECT id, uid, \"user\", created, expires, seen, origin FROM session \
         WHERE \"user\" = ? AND id > ? ORDER BY id LIMIT ?",
    );
    let list = list.bind(user).bind(window.after).bind(window.most);
    Ok(list.fetch_all(db).await?)
}

/// A session was used.
pub(in crate::control) async fn touch_session(db: &mut Db<'_>, id: i64, at: i64) -> Done {
    let touched = sql::query("UPDATE session SET seen = ? WHERE id = ?");
    touched.bind(at).bind(id).execute(db).await?;
    Ok(())
}

/// Ends one session of a user; whether there was such.
pub(in crate::control) async fn end_session(db: &mut Db<'_>, user: i64, uid: &str) -> Found<bool> {
    let ended = sql::query("DELETE FROM session WHERE \"user\" = ? AND uid = ?");
    let ended = ended.bind(user).bind(uid).execute(db).await?;
    Ok(ended > 0)
}

/// Ends all sessions of a user.
pub(in crate::control) async fn end_sessions(db: &mut Db<'_>, user: i64) -> Done {
    let ended = sql::query("DELETE FROM session WHERE \"user\" = ?");
    ended.bind(user).execute(db).await?;
    Ok(())
}

/// Forgets sessions that are over.
pub(in crate::control) async fn forget_sessions(db: &mut Db<'_>, at: i64, idle_since: i64) -> Done {
    let forgotten = sql::query("DELETE FROM session WHERE expires <= ? OR seen <= ?");
    forgotten.bind(at).bind(idle_since).execute(db).await?;
    Ok(())
}
