//! Users, their invitations and their sessions.

use super::{Done, Found, Window, row};
use sqlx::SqliteConnection;

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
            "SELECT user.*, EXISTS (SELECT 1 FROM oidc_identity i WHERE i.user = user.id) AS linked \
             FROM user ",
            $rest
        )
    };
}

/// A user by number.
pub(in crate::control) async fn get(db: &mut SqliteConnection, id: i64) -> Found<Option<User>> {
    let found = sqlx::query_as(user!("WHERE id = ?"));
    Ok(found.bind(id).fetch_optional(db).await?)
}

/// A user by id.
pub(in crate::control) async fn find(db: &mut SqliteConnection, uid: &str) -> Found<Option<User>> {
    let found = sqlx::query_as(user!("WHERE uid = ?"));
    Ok(found.bind(uid).fetch_optional(db).await?)
}

/// A user by address.
pub(in crate::control) async fn by_email(
    db: &mut SqliteConnection,
    email: &str,
) -> Found<Option<User>> {
    let found = sqlx::query_as(user!("WHERE email = ?"));
    Ok(found.bind(email).fetch_optional(db).await?)
}

/// All users.
pub(in crate::control) async fn list(
    db: &mut SqliteConnection,
    window: Window,
) -> Found<Vec<User>> {
    let list = sqlx::query_as(user!("WHERE id > ? ORDER BY id LIMIT ?"));
    let list = list.bind(window.after).bind(window.most);
    Ok(list.fetch_all(db).await?)
}

/// Administrators of everything who can sign in: by a password, or at this provider.
pub(in crate::control) async fn administrators(
    db: &mut SqliteConnection,
    issuer: Option<&str>,
) -> Found<i64> {
    let counted = sqlx::query_scalar(
        "SELECT count(*) FROM user u WHERE role = 2 AND scope IS NULL AND disabled = 0 AND (password IS NOT NULL \
         OR EXISTS (SELECT 1 FROM oidc_identity i WHERE i.user = u.id AND i.issuer = ?))",
    );
    Ok(counted.bind(issuer).fetch_one(db).await?)
}

/// A new user without a password; the number.
pub(in crate::control) async fn insert(
    db: &mut SqliteConnection,
    uid: &str,
    email: &str,
    name: &str,
    (role, scope): (i64, Option<i64>),
    at: i64,
) -> Found<i64> {
    let inserted = sqlx::query(
        "INSERT INTO user (uid, email, name, role, scope, created) VALUES (?, ?, ?, ?, ?, ?)",
    );
    let inserted = inserted.bind(uid).bind(email).bind(name).bind(role);
    let inserted = inserted.bind(scope).bind(at).execute(db).await?;
    Ok(inserted.last_insert_rowid())
}

/// Sets a password.
pub(in crate::control) async fn set_password(
    db: &mut SqliteConnection,
    id: i64,
    password: &str,
) -> Done {
    let set = sqlx::query("UPDATE user SET password = ? WHERE id = ?");
    set.bind(password).bind(id).execute(db).await?;
    Ok(())
}

/// Sets what may change of a user.
pub(in crate::control) async fn update(db: &mut SqliteConnection, user: &User) -> Done {
    let updated =
        sqlx::query("UPDATE user SET name = ?, role = ?, scope = ?, disabled = ? WHERE id = ?");
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
    db: &mut SqliteConnection,
    user: i64,
    digest: &[u8],
    (expires, at): (i64, i64),
) -> Done {
    end_invitations(&mut *db, user, at).await?;
    let invited = sqlx::query("INSERT INTO invitation (user, digest, expires) VALUES (?, ?, ?)");
    invited
        .bind(user)
        .bind(digest)
        .bind(expires)
        .execute(db)
        .await?;
    Ok(())
}

/// Whether there is such an invitation.
pub(in crate::control) async fn is_invited(
    db: &mut SqliteConnection,
    digest: &[u8],
    at: i64,
) -> Found<bool> {
    let counted = sqlx::query_scalar(
        "SELECT count(*) FROM invitation WHERE digest = ? AND used IS NULL AND expires > ?",
    );
    let counted: i64 = counted.bind(digest).bind(at).fetch_one(db).await?;
    Ok(counted > 0)
}

/// Uses up whatever invitation a user still has; whether there was one.
pub(in crate::control) async fn end_invitations(
    db: &mut SqliteConnection,
    user: i64,
    at: i64,
) -> Found<bool> {
    let ended = sqlx::query("UPDATE invitation SET used = ? WHERE user = ? AND used IS NULL");
    let ended = ended.bind(at).bind(user).execute(db).await?;
    Ok(ended.rows_affected() > 0)
}

/// Uses an invitation up; whose it was.
pub(in crate::control) async fn use_invitation(
    db: &mut SqliteConnection,
    digest: &[u8],
    at: i64,
) -> Found<Option<i64>> {
    let used = sqlx::query_scalar(
        "UPDATE invitation SET used = ?1 WHERE digest = ?2 AND used IS NULL AND expires > ?1 RETURNING user",
    );
    Ok(used.bind(at).bind(digest).fetch_optional(db).await?)
}

/// A new session.
pub(in crate::control) async fn open_session(
    db: &mut SqliteConnection,
    session: &Session,
    digest: &[u8],
) -> Done {
    let opened = sqlx::query(
        "INSERT INTO session (uid, user, digest, created, expires, seen, origin) VALUES (?, ?, ?, ?, ?, ?, ?)",
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
pub(in crate::control) async fn session(
    db: &mut SqliteConnection,
    digest: &[u8],
) -> Found<Option<Session>> {
    let found = sqlx::query_as(
        "SELECT id, uid, user, created, expires, seen, origin FROM session WHERE digest = ?",
    );
    Ok(found.bind(digest).fetch_optional(db).await?)
}

/// A user's sessions.
pub(in crate::control) async fn sessions(
    db: &mut SqliteConnection,
    user: i64,
    window: Window,
) -> Found<Vec<Session>> {
    let list = sqlx::query_as(
        "SELECT id, uid, user, created, expires, seen, origin FROM session \
         WHERE user = ? AND id > ? ORDER BY id LIMIT ?",
    );
    let list = list.bind(user).bind(window.after).bind(window.most);
    Ok(list.fetch_all(db).await?)
}

/// A session was used.
pub(in crate::control) async fn touch_session(db: &mut SqliteConnection, id: i64, at: i64) -> Done {
    let touched = sqlx::query("UPDATE session SET seen = ? WHERE id = ?");
    touched.bind(at).bind(id).execute(db).await?;
    Ok(())
}

/// Ends one session of a user; whether there was such.
pub(in crate::control) async fn end_session(
    db: &mut SqliteConnection,
    user: i64,
    uid: &str,
) -> Found<bool> {
    let ended = sqlx::query("DELETE FROM session WHERE user = ? AND uid = ?");
    let ended = ended.bind(user).bind(uid).execute(db).await?;
    Ok(ended.rows_affected() > 0)
}

/// Ends all sessions of a user.
pub(in crate::control) async fn end_sessions(db: &mut SqliteConnection, user: i64) -> Done {
    let ended = sqlx::query("DELETE FROM session WHERE user = ?");
    ended.bind(user).execute(db).await?;
    Ok(())
}

/// Forgets sessions that are over.
pub(in crate::control) async fn forget_sessions(
    db: &mut SqliteConnection,
    at: i64,
    idle_since: i64,
) -> Done {
    let forgotten = sqlx::query("DELETE FROM session WHERE expires <= ? OR seen <= ?");
    forgotten.bind(at).bind(idle_since).execute(db).await?;
    Ok(())
}
