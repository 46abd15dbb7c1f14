//! Signing in and out, and what is the caller's own.

use super::call::{Call, Paged, Reply};
use super::dispatch::COOKIE;
use super::route::{Access, Nothing, Reach, Route, read, write};
use crate::control::service::access::Role;
use crate::control::service::sessions::{self, SessionView, SignedIn};
use crate::control::service::users::{self, FirstAdmin};
use crate::control::service::{Listing, Outcome};
use crate::secret::Secret;
use axum::http::{Method, StatusCode, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const OWN: Access = Access::Known(Role::Viewer, Reach::Own);

/// An address and a password.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SignIn {
    /// The address.
    email: String,
    /// The password.
    password: String,
    /// Whether the token comes as a cookie, for pages, instead of in the answer, for programs.
    #[serde(default)]
    cookie: bool,
}

/// A password for whoever was invited.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Accept {
    /// The one-time token of the link.
    token: String,
    /// At least 12 characters.
    password: String,
    /// Whether the session's token comes as a cookie.
    #[serde(default)]
    cookie: bool,
}

/// Another password.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PasswordChange {
    /// The one in force.
    old: String,
    /// The one to come: at least 12 characters.
    new: String,
}

/// A session that was opened.
#[derive(Serialize, JsonSchema)]
pub(super) struct Opened {
    /// The session.
    session: SessionView,
    /// What to present as a bearer token; shown once. Absent where it came as a cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    /// What a page sends as `x-tollgate-csrf` where no `origin` says whose page it is.
    csrf: String,
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        write(
            (Method::POST, "/api/v1/setup"),
            Access::Open,
            "Make the first administrator by the one-time token that the panel printed.",
            StatusCode::CREATED,
            set_up,
        ),
        write(
            (Method::POST, "/api/v1/sessions"),
            Access::Open,
            "Sign in.",
            StatusCode::CREATED,
            sign_in,
        ),
        write(
            (Method::POST, "/api/v1/invitations/accept"),
            Access::Open,
            "Set a password by an invitation, and sign in.",
            StatusCode::CREATED,
            accept,
        ),
        read(
            "/api/v1/sessions",
            OWN,
            "The caller's sessions.",
            list_sessions,
        ),
        write(
            (Method::DELETE, "/api/v1/sessions/current"),
            OWN,
            "Sign out.",
            StatusCode::NO_CONTENT,
            sign_out,
        ),
        write(
            (Method::DELETE, "/api/v1/sessions/{id}"),
            OWN,
            "End one of the caller's sessions.",
            StatusCode::NO_CONTENT,
            async |call: Call, _: Nothing| {
                sessions::end(&call.panel, call.actor()?, call.id()).await?;
                Ok(Reply::of(()))
            },
        ),
        read(
            "/api/v1/me",
            OWN,
            "The caller.",
            async |call: Call, _: Nothing| {
                let me = users::me(&call.panel, call.actor()?).await?;
                Ok(Reply::of(me))
            },
        ),
        write(
            (Method::POST, "/api/v1/me/password"),
            OWN,
            "Change the caller's password; all their sessions end.",
            StatusCode::NO_CONTENT,
            async |call: Call, body: PasswordChange| {
                let passwords = (Secret::new(body.old), Secret::new(body.new));
                users::change_password(&call.panel, call.actor()?, passwords).await?;
                Ok(Reply::of(()))
            },
        ),
    ]
}

async fn set_up(call: Call, body: FirstAdmin) -> Outcome<Reply<Opened>> {
    let signed_in = users::set_up(&call.panel, body, &call.origin).await?;
    Ok(opened(signed_in, false))
}

async fn sign_in(call: Call, body: SignIn) -> Outcome<Reply<Opened>> {
    let password = Secret::new(body.password);
    let signed_in = sessions::sign_in(&call.panel, &body.email, password, &call.origin).await?;
    Ok(opened(signed_in, body.cookie))
}

async fn accept(call: Call, body: Accept) -> Outcome<Reply<Opened>> {
    let password = Secret::new(body.password);
    let signed_in = users::accept(&call.panel, &body.token, password, &call.origin).await?;
    Ok(opened(signed_in, body.cookie))
}

/// What gives a browser its session.
pub(super) fn session_cookie(token: &str) -> String {
    format!("{COOKIE}={token}; Path=/; Secure; HttpOnly; SameSite=Strict")
}

pub(super) fn opened(signed_in: SignedIn, cookie: bool) -> Reply<Opened> {
    let token = signed_in.token.expose().clone();
    let set = session_cookie(&token);
    let reply = Reply::of(Opened {
        session: signed_in.session,
        token: (!cookie).then_some(token),
        csrf: signed_in.csrf,
    });
    if cookie {
        reply.with(header::SET_COOKIE, set)
    } else {
        reply
    }
}

async fn sign_out(call: Call, _: Nothing) -> Outcome<Reply<()>> {
    sessions::sign_out(&call.panel, call.actor()?).await?;
    let cleared = format!("{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0");
    Ok(Reply::of(()).with(header::SET_COOKIE, cleared))
}

async fn list_sessions(call: Call, query: Paged) -> Outcome<Reply<Listing<SessionView>>> {
    let sessions = sessions::list(&call.panel, call.actor()?, query.page()?).await?;
    Ok(Reply::of(sessions))
}
