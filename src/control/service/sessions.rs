//! Signing in and out.
//!
//! Whoever guesses is told nothing: an address nobody has takes the same time and gets the same answer as a wrong password.

use super::access::{Actor, Credential, Role};
use super::audit::Act;
use super::{Listing, Outcome, Page, Panel, ServiceError, audit, oidc, secrets, words};
use crate::control::store::house::users as rows;
use crate::secret::Secret;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::time::Duration;

/// How a session's token begins.
pub const PREFIX: &str = "tgs_";
/// How long a session lasts at most.
pub const LASTS: Duration = Duration::from_hours(12);
/// How long it lasts when nobody uses it.
pub const IDLE: Duration = Duration::from_hours(2);
/// Passwords digested at once.
pub(super) const HASHED_AT_ONCE: usize = 4;
/// How long somebody waits for their turn.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longer passwords are refused before they are looked at.
const MOST_PASSWORD: usize = 1024;

/// Somebody signed in.
#[derive(Debug)]
pub struct SignedIn {
    /// What they present from now on, once.
    pub token: Secret<String>,
    /// What a page must send along with it where a browser presents it.
    pub csrf: String,
    /// The session.
    pub session: SessionView,
}

/// A session.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SessionView {
    /// Its id.
    pub id: String,
    /// Whose.
    pub user: String,
    /// Their role.
    pub role: Role,
    /// Since when.
    pub created: String,
    /// Until when at most.
    pub expires: String,
    /// Last used, to the minute.
    pub last_used: String,
    /// From where it was opened.
    pub from: String,
}

/// Signs a user in.
///
/// # Errors
/// [`ServiceError::WrongPassword`], [`ServiceError::TooMany`].
pub async fn sign_in(
    panel: &Panel,
    email: &str,
    password: Secret<String>,
    origin: &str,
) -> Outcome<SignedIn> {
    oidc::passwords_work(panel)?;
    let email = email.trim().to_lowercase();
    let attempt = panel.throttle.attempt(&email, origin, panel.now());
    attempt.map_err(ServiceError::TooMany)?;
    let mut db = panel.read().await?;
    let user = rows::by_email(&mut db, &email).await?;
    drop(db);
    let user = user.filter(|user| !user.disabled);
    let kept = user.as_ref().and_then(|user| user.password.clone());
    let right = check(panel, password, kept).await?;
    let user = user.filter(|_| right).ok_or(ServiceError::WrongPassword)?;
    panel.throttle.succeeded(&email, origin);
    open(panel, &user, origin).await
}

/// Whether a password is right, found out on a thread where nobody waits for it.
pub(super) async fn check(
    panel: &Panel,
    password: Secret<String>,
    kept: Option<String>,
) -> Outcome<bool> {
    let cost = panel.cost;
    let fits = password.expose().len() <= MOST_PASSWORD;
    let right = digesting(panel, move || {
        let password = if fits { password.expose().as_str() } else { "" };
        secrets::verify(password, kept.as_deref(), cost)
    });
    Ok(right.await? && fits)
}

/// Does work that takes long on a thread of its own; no more than a few at once, whoever asks.
async fn digesting<T: Send + 'static>(
    panel: &Panel,
    work: impl FnOnce() -> Outcome<T> + Send + 'static,
) -> Outcome<T> {
    let turn = tokio::time::timeout(PATIENCE, panel.hashing.acquire()).await;
    let turn = turn.map_err(|_| ServiceError::TooMany(PATIENCE.as_secs()))?;
    let done = tokio::task::spawn_blocking(work).await;
    drop(turn);
    done.map_err(|_| ServiceError::NoDigest)?
}

/// What is kept of a new password.
pub(super) async fn digest(panel: &Panel, password: Secret<String>) -> Outcome<String> {
    let length = password.expose().chars().count();
    if length < 12 || password.expose().len() > MOST_PASSWORD {
        let detail = "a password has at least 12 characters and at most 1024 bytes";
        return Err(ServiceError::field("password", detail));
    }
    let cost = panel.cost;
    digesting(panel, move || secrets::hash(password.expose(), cost)).await
}

/// Opens a session for a user whose password was right.
pub(super) async fn open(panel: &Panel, user: &rows::User, origin: &str) -> Outcome<SignedIn> {
    let opened = open_by(panel, user, ("sign-in", Value::Null), origin).await;
    opened.map_err(|error| match error {
        ServiceError::UnknownIdentity => ServiceError::WrongPassword,
        other => other,
    })
}

/// Opens a session for a user who is known otherwise; by what, stands in the audit log.
pub(super) async fn open_by(
    panel: &Panel,
    user: &rows::User,
    (way, by): (&'static str, Value),
    origin: &str,
) -> Outcome<SignedIn> {
    let now = panel.now();
    let token = secrets::token(PREFIX)?;
    let session = rows::Session {
        id: 0,
        uid: super::id(panel, "ses_")?,
        user: user.id,
        created: now.nanos(),
        expires: super::after(now, LASTS).nanos(),
        seen: now.nanos(),
        origin: origin.to_owned(),
    };
    let mut change = panel.change().await?;
    // The user as they are now: one who was disabled meanwhile does not come in.
    let user = rows::get(change.db(), user.id).await?;
    let user = user.filter(|user| !user.disabled);
    let user = user.ok_or(ServiceError::UnknownIdentity)?;
    let digest = secrets::digest(token.expose());
    rows::open_session(change.db(), &session, &digest).await?;
    let actor = Actor::entering(way, &user, origin);
    let act = Act {
        action: "session.open",
        target: &session.uid,
        node: None,
        before: Value::Null,
        after: by,
    };
    audit::append(change.db(), now, &actor, act).await?;
    change.commit().await?;
    Ok(SignedIn {
        csrf: csrf(token.expose()),
        token,
        session: view(&session, &user),
    })
}

/// What a page sends along with a session's cookie to show that it can read what the panel says: derived from the session's
/// token, which no other page knows.
pub(in crate::control) fn csrf(token: &str) -> String {
    words::hex(&secrets::digest(&format!("csrf:{token}")))
}

/// Signs out.
///
/// # Errors
/// The caller has no session.
pub async fn sign_out(panel: &Panel, actor: &Actor) -> Outcome<()> {
    let Credential::Session(id) = &actor.credential else {
        return Err(ServiceError::NeedsSession);
    };
    end(panel, actor, id).await
}

/// Ends one of the caller's own sessions.
///
/// # Errors
/// There is none of this id.
pub async fn end(panel: &Panel, actor: &Actor, id: &str) -> Outcome<()> {
    let mut change = panel.change().await?;
    if !rows::end_session(change.db(), actor.user, id).await? {
        return Err(ServiceError::NotFound("session"));
    }
    let act = Act {
        action: "session.end",
        target: id,
        node: None,
        before: Value::Null,
        after: Value::Null,
    };
    panel.keep(change, actor, act).await
}

/// The caller's own sessions.
///
/// # Errors
/// The books cannot be read.
pub async fn list(panel: &Panel, actor: &Actor, page: Page) -> Outcome<Listing<SessionView>> {
    let mut db = panel.read().await?;
    let user = rows::get(&mut db, actor.user).await?;
    let user = super::found(user, "user")?;
    let sessions = rows::sessions(&mut db, actor.user, page.window()).await?;
    Ok(page.of(
        sessions,
        |session| session.id,
        |session| view(&session, &user),
    ))
}

fn view(session: &rows::Session, user: &rows::User) -> SessionView {
    SessionView {
        id: session.uid.clone(),
        user: user.email.clone(),
        role: Role::of(user.role),
        created: words::time(session.created),
        expires: words::time(session.expires),
        last_used: words::time(session.seen),
        from: session.origin.clone(),
    }
}
