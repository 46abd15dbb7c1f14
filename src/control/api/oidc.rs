//! Signing in at the organisation's own provider: there and back again by redirects, for pages and for command lines.

use super::call::{Call, Reply, from_text};
use super::dispatch::cookie;
use super::problem::Refusal;
use super::route::{Access, Nothing, Route, read, redirect, write};
use super::sessions::{Opened, opened, session_cookie};
use crate::control::service::oidc::{self, Aim, Finished, LASTS, Returned};
use crate::control::service::{Outcome, ServiceError};
use crate::secret::Secret;
use axum::http::{HeaderName, Method, StatusCode, header};
use schemars::JsonSchema;
use serde::Deserialize;

/// What the browser that began a sign-in holds: it comes along when the provider sends it back, and on no request that another
/// page makes by itself.
const BROWSER: &str = "__Host-tollgate-oidc";
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// For what somebody signs in: a page, or a command line.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Start {
    /// The path of this panel to go on to; `/` where absent.
    #[serde(default)]
    then: Option<String>,
    /// The port on the browser's own machine that a command line listens on.
    #[serde(default, deserialize_with = "from_text")]
    loopback: Option<u16>,
    /// SHA-256 of the verifier that the command line will show, in URL-safe base64 without padding.
    #[serde(default)]
    challenge: Option<String>,
}

/// What the provider sends back. It may say more.
#[derive(Deserialize, JsonSchema)]
struct Back {
    /// What the browser was sent away with.
    #[serde(default)]
    state: String,
    /// What the provider gives a token for.
    #[serde(default)]
    code: Option<String>,
    /// Why it gives none.
    #[serde(default)]
    error: Option<String>,
    /// Who it is.
    #[serde(default)]
    iss: Option<String>,
}

/// What a command line was told, and what only it knows.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Redeem {
    /// The code that came to its port.
    code: String,
    /// The verifier whose digest it began with.
    verifier: String,
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        read(
            "/api/v1/oidc",
            Access::Open,
            "Whether one can sign in at a provider, and what it is called.",
            async |call: Call, _: Nothing| Ok(Reply::of(oidc::about(&call.panel))),
        ),
        redirect(
            "/api/v1/oidc/start",
            "Begin to sign in at the provider, in a browser: for a page, or for a command line that listens.",
            start,
        ),
        redirect(
            "/api/v1/oidc/callback",
            "Where the provider sends the browser back to: sets the session's cookie, or tells the command line.",
            callback,
        ),
        write(
            (Method::POST, "/api/v1/oidc/redeem"),
            Access::Open,
            "Get a session for the code that came to a command line's port.",
            StatusCode::CREATED,
            redeem,
        ),
    ]
}

async fn start(call: Call, query: Start) -> Result<Reply<()>, Refusal> {
    // A person follows a link or an address; what a page fetches or shows by itself begins nothing.
    let mode = call.headers.get(FETCH_MODE);
    if mode.is_some_and(|mode| mode != "navigate") {
        return Err(Refusal::Csrf);
    }
    let aim = match (query.loopback, query.challenge) {
        (None, None) => Aim::Page(query.then),
        (Some(port), Some(challenge)) if query.then.is_none() => Aim::Terminal { port, challenge },
        _ => {
            let detail = "`loopback` and `challenge` come together, and without `then`";
            return Err(ServiceError::field("loopback", detail).into());
        }
    };
    let begun = oidc::begin(&call.panel, aim, &call.origin).await?;
    let held = begun.browser.expose();
    let set = format!(
        "{BROWSER}={held}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={}",
        LASTS.as_secs()
    );
    let reply = Reply::of(()).with(header::LOCATION, begun.location);
    Ok(reply.with(header::SET_COOKIE, set))
}

async fn callback(call: Call, query: Back) -> Result<Reply<()>, Refusal> {
    let returned = Returned {
        state: &query.state,
        code: query.code.as_deref(),
        error: query.error.as_deref(),
        issuer: query.iss.as_deref(),
    };
    let browser = cookie(&call.headers, BROWSER);
    let finished = oidc::finish(&call.panel, returned, browser, &call.origin).await?;
    let cleared = format!("{BROWSER}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0");
    let reply = Reply::of(()).with(header::SET_COOKIE, cleared);
    Ok(match finished {
        Finished::Page(signed_in, path) => reply
            .with(header::SET_COOKIE, session_cookie(signed_in.token.expose()))
            .with(header::LOCATION, path),
        Finished::Terminal(location) => reply.with(header::LOCATION, location),
    })
}

async fn redeem(call: Call, body: Redeem) -> Outcome<Reply<Opened>> {
    let shown = (body.code.as_str(), &Secret::new(body.verifier));
    let signed_in = oidc::redeem(&call.panel, shown, &call.origin).await?;
    Ok(opened(signed_in, false))
}
