//! Signing in at the organisation's own provider, by `OpenID Connect`: authorization code, PKCE, state and nonce.
//!
//! The provider says who somebody is; whether they come in, and what they may do, the panel says. Nobody becomes a user by it:
//! who comes back is known by an identity that was linked before, or by an address that the provider has verified and that a
//! user without an identity has; then it is linked. The session is one like all others.
//!
//! A sign-in is bound three times: to the browser that began it (a cookie), to this panel (the verifier that only it knows), to
//! this one attempt (the nonce in the token). Each part is good once.
//!
//! Not here: HTTP (`api`), what a token has to say (`token`), what the provider is asked (`provider`), who somebody is to the
//! panel (`who`).

mod flow;
mod keys;
mod provider;
mod token;
mod who;

pub use provider::ProviderError;
pub use token::TokenFault;
pub use who::unlink;

use self::flow::{Goal, Granted, Once, Pending};
use self::provider::Provider;
use self::who::{known, refuse};
use super::sessions::{self, SignedIn};
use super::{Outcome, Panel, ServiceError, secrets};
use crate::control::outgoing::Outgoing;
use crate::control::settings::Oidc;
use crate::control::store::house::users;
use crate::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use std::time::Duration;
use subtle::ConstantTimeEq as _;

/// How long somebody has at the provider.
pub const LASTS: Duration = Duration::from_mins(10);
/// How long a command line has to show its code.
const CODE_LASTS: Duration = Duration::from_mins(1);
/// How what a browser holds begins, what comes back with it, and a command line's code.
const BROWSER: &str = "tgb_";
const STATE: &str = "tgo_";
const CODE: &str = "tgc_";
/// Longer codes are no provider's.
const MOST_CODE: usize = 4096;
/// Longer paths are none of ours.
const MOST_PATH: usize = 512;
/// The digest of what a command line will show has so many characters.
const CHALLENGE: usize = 43;

/// The provider, and the sign-ins under way.
#[derive(Debug)]
pub(in crate::control) struct Desk {
    provider: Provider,
    pending: Once<Pending>,
    granted: Once<Granted>,
}

/// Whether one can sign in at a provider.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OidcView {
    /// Whether there is one.
    pub available: bool,
    /// What people know it by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether passwords work.
    pub passwords: bool,
}

/// For what somebody signs in.
#[derive(Debug)]
pub enum Aim {
    /// To see this path of the panel.
    Page(Option<String>),
    /// For a command line that listens on a port of the browser's machine, and will show what has this digest.
    Terminal {
        /// The port.
        port: u16,
        /// SHA-256 of what it will show, in URL-safe base64.
        challenge: String,
    },
}

/// A sign-in that was begun.
#[derive(Debug)]
pub struct Begun {
    /// Where the browser goes.
    pub location: String,
    /// What it has to bring back besides.
    pub browser: Secret<String>,
}

/// What comes back from the provider by way of the browser.
#[derive(Debug)]
pub struct Returned<'a> {
    /// The state it was sent away with.
    pub state: &'a str,
    /// What the provider gives a token for.
    pub code: Option<&'a str>,
    /// Why it gives none.
    pub error: Option<&'a str>,
    /// Who says so, where they do.
    pub issuer: Option<&'a str>,
}

/// A sign-in that came to its end.
#[derive(Debug)]
pub enum Finished {
    /// A session, and the path to go on to.
    Page(SignedIn, String),
    /// Where the browser goes to tell the command line.
    Terminal(String),
}

/// Has people sign in at this provider from now on.
pub fn open(panel: &Panel, settings: Oidc) {
    open_by(panel, settings, Outgoing::new());
}

/// The same, asking it in this way.
pub(in crate::control) fn open_by(panel: &Panel, settings: Oidc, http: Outgoing) {
    let _ = panel.oidc.set(Desk {
        provider: Provider::new(settings, http),
        pending: Once::new(LASTS),
        granted: Once::new(CODE_LASTS),
    });
}

/// Whether one can sign in at a provider, and what it is called.
#[must_use]
pub fn about(panel: &Panel) -> OidcView {
    let settings = panel.oidc.get().map(|desk| &desk.provider.settings);
    OidcView {
        available: settings.is_some(),
        name: settings.map(|settings| settings.name.clone()),
        passwords: settings.is_none_or(|settings| settings.passwords),
    }
}

/// Refuses passwords where people sign in at the provider alone.
pub(super) fn passwords_work(panel: &Panel) -> Outcome<()> {
    match panel.oidc.get().map(|desk| &desk.provider.settings) {
        Some(settings) if !settings.passwords => {
            Err(ServiceError::PasswordsOff(settings.name.clone()))
        }
        _ => Ok(()),
    }
}

/// The provider's name for itself.
pub(super) fn issuer(panel: &Panel) -> Option<&str> {
    let desk = panel.oidc.get()?;
    Some(desk.provider.settings.issuer.as_str())
}

fn desk(panel: &Panel) -> Outcome<&Desk> {
    panel.oidc.get().ok_or(ServiceError::NoOidc)
}

/// Begins a sign-in.
///
/// # Errors
/// There is no provider, or it cannot be asked; the path or the port is none; [`ServiceError::TooMany`].
pub async fn begin(panel: &Panel, aim: Aim, origin: &str) -> Outcome<Begun> {
    let desk = desk(panel)?;
    let goal = goal(aim)?;
    let state = secrets::token(STATE)?;
    // By address alone, in effect.
    let attempt = panel.throttle.attempt(state.expose(), origin, panel.now());
    attempt.map_err(ServiceError::TooMany)?;
    let (browser, verifier) = (secrets::token(BROWSER)?, secrets::token("")?);
    let nonce = URL_SAFE_NO_PAD.encode(secrets::random::<32>()?);
    let challenge = challenge(verifier.expose());
    let parts = (state.expose().as_str(), nonce.as_str(), challenge.as_str());
    let location = desk.provider.door(parts, panel.now()).await?;
    let pending = Pending {
        browser: secrets::digest(browser.expose()),
        nonce,
        verifier,
        goal,
    };
    desk.pending.keep(state.expose(), pending, panel.now());
    Ok(Begun { location, browser })
}

/// Where somebody goes afterwards: nowhere but to this panel, or to their own machine.
fn goal(aim: Aim) -> Outcome<Goal> {
    match aim {
        Aim::Page(path) => {
            let path = path.unwrap_or_else(|| "/".to_owned());
            let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
            let is_path = path.starts_with('/')
                && !path.starts_with("//")
                && path.len() <= MOST_PATH
                && path.bytes().all(plain);
            if is_path {
                Ok(Goal::Page(path))
            } else {
                let detail = "a path of this panel, like /budgets";
                Err(ServiceError::field("then", detail))
            }
        }
        Aim::Terminal { port, challenge } => {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            if port < 1024 {
                let detail = "a port from 1024 on that the command line listens on";
                return Err(ServiceError::field("loopback", detail));
            }
            if challenge.len() != CHALLENGE || !challenge.bytes().all(plain) {
                let detail = "SHA-256 of the verifier in URL-safe base64 without padding";
                return Err(ServiceError::field("challenge", detail));
            }
            Ok(Goal::Terminal { port, challenge })
        }
    }
}

/// What is shown of a verifier before it is.
fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(secrets::digest(verifier))
}

/// Ends a sign-in: who came back is known, or refused.
///
/// # Errors
/// [`ServiceError::StaleSignIn`], [`ServiceError::ProviderRefused`], [`ServiceError::Provider`], [`ServiceError::Token`],
/// [`ServiceError::UnverifiedEmail`], [`ServiceError::UnknownIdentity`]. For a command line, it is told instead.
pub async fn finish(
    panel: &Panel,
    returned: Returned<'_>,
    browser: Option<&str>,
    origin: &str,
) -> Outcome<Finished> {
    let desk = desk(panel)?;
    let attempt = panel.throttle.attempt(returned.state, origin, panel.now());
    attempt.map_err(ServiceError::TooMany)?;
    let pending = desk.pending.take(returned.state, panel.now());
    let pending = pending.ok_or(ServiceError::StaleSignIn)?;
    let presented = secrets::digest(browser.unwrap_or_default());
    if !bool::from(presented.ct_eq(&pending.browser)) {
        refuse(panel, "other_browser", None, origin).await?;
        return Err(ServiceError::StaleSignIn);
    }
    let known = known(panel, desk, &returned, &pending, origin).await;
    match (known, pending.goal) {
        (Ok((user, identity)), Goal::Page(path)) => {
            let signed_in = enter(panel, &user, &identity.subject, origin).await?;
            // Both attempts are taken back: beginning, and coming back.
            for _ in 0..2 {
                panel.throttle.succeeded(returned.state, origin);
            }
            Ok(Finished::Page(signed_in, path))
        }
        (Ok((user, identity)), Goal::Terminal { port, challenge }) => {
            for _ in 0..2 {
                panel.throttle.succeeded(returned.state, origin);
            }
            let code = secrets::token(CODE)?;
            let back = format!(
                "http://127.0.0.1:{port}/?code={}&state={challenge}",
                code.expose()
            );
            let granted = Granted {
                user: user.id,
                subject: identity.subject,
                challenge,
            };
            desk.granted.keep(code.expose(), granted, panel.now());
            Ok(Finished::Terminal(back))
        }
        (Err(error), Goal::Page(_)) => Err(error),
        (Err(error), Goal::Terminal { port, challenge }) => {
            let code = error.code();
            Ok(Finished::Terminal(format!(
                "http://127.0.0.1:{port}/?error={code}&state={challenge}"
            )))
        }
    }
}

/// Gives a session for a command line's code, once.
///
/// # Errors
/// [`ServiceError::StaleSignIn`], [`ServiceError::UnknownIdentity`], [`ServiceError::TooMany`].
pub async fn redeem(
    panel: &Panel,
    (code, verifier): (&str, &Secret<String>),
    origin: &str,
) -> Outcome<SignedIn> {
    let desk = desk(panel)?;
    let attempt = panel.throttle.attempt(code, origin, panel.now());
    attempt.map_err(ServiceError::TooMany)?;
    let granted = desk.granted.take(code, panel.now());
    let granted = granted.ok_or(ServiceError::StaleSignIn)?;
    let shown = challenge(verifier.expose());
    if !bool::from(shown.as_bytes().ct_eq(granted.challenge.as_bytes())) {
        refuse(panel, "other_terminal", Some(&granted.subject), origin).await?;
        return Err(ServiceError::StaleSignIn);
    }
    let mut db = panel.read().await?;
    let user = users::get(&mut db, granted.user).await?;
    drop(db);
    let user = user.ok_or(ServiceError::UnknownIdentity)?;
    let signed_in = enter(panel, &user, &granted.subject, origin).await?;
    panel.throttle.succeeded(code, origin);
    Ok(signed_in)
}

/// Opens a session for whoever has this identity.
async fn enter(
    panel: &Panel,
    user: &users::User,
    subject: &str,
    origin: &str,
) -> Outcome<SignedIn> {
    let by = json!({ "by": "oidc", "issuer": issuer(panel), "subject": subject });
    sessions::open_by(panel, user, ("oidc", by), origin).await
}
