//! The provider: where its endpoints are, which keys it signs by, and what it gives for a code.
//!
//! What it publishes is kept for an hour. A token that names a key we do not have makes us look once more, at most once a
//! minute, so that tokens made up by strangers have nobody asked.

use super::keys::{self, Key};
use super::token::{self, Expected, Identity, TokenFault};
use crate::clock::Wall;
use crate::control::outgoing::{Outgoing, OutgoingError};
use crate::control::settings::{Oidc, is_endpoint};
use crate::secret::Secret;
use axum::http::{Request, StatusCode, Uri, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::Full;
use serde::Deserialize;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use zeroize::Zeroizing;

/// An answer is no longer.
const MOST_ANSWER: usize = 256 * 1024;
/// How long what was published is gone by.
const FRESH: Duration = Duration::from_hours(1);
/// How seldom keys are asked for because one was not known.
const AGAIN: Duration = Duration::from_mins(1);

/// Why the provider was no help.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// There was no answer, or none within bounds.
    #[error("its {0} cannot be had: {1}")]
    Unreachable(&'static str, OutgoingError),
    /// It answered with something else.
    #[error("its {0} was answered with {1}")]
    Status(&'static str, u16),
    /// What it said cannot be read.
    #[error("its {0} cannot be read")]
    Garbled(&'static str),
    /// It says that it is another one.
    #[error("its discovery document names another issuer than the configuration does")]
    OtherIssuer,
    /// It names an endpoint that nothing is sent to.
    #[error("its discovery document names a {0} that is not reached by https")]
    Endpoint(&'static str),
    /// It does not take the code.
    #[error("it gives no token: {0}")]
    NoToken(String),
}

impl ProviderError {
    /// What the audit log has.
    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::Unreachable(..) => "provider_unreachable",
            Self::Status(..) | Self::Garbled(_) => "provider_garbled",
            Self::OtherIssuer => "provider_issuer",
            Self::Endpoint(_) => "provider_endpoint",
            Self::NoToken(_) => "provider_no_token",
        }
    }
}

/// Why nobody could be told from a code.
#[derive(Debug)]
pub(super) enum NoIdentity {
    Provider(ProviderError),
    Token(TokenFault),
}

impl From<ProviderError> for NoIdentity {
    fn from(error: ProviderError) -> Self {
        Self::Provider(error)
    }
}

impl From<TokenFault> for NoIdentity {
    fn from(fault: TokenFault) -> Self {
        Self::Token(fault)
    }
}

/// What the discovery document says, as far as it concerns us.
#[derive(Debug, Deserialize)]
struct Discovered {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

/// The provider of sign-ins.
#[derive(Debug)]
pub(super) struct Provider {
    pub(super) settings: Oidc,
    http: Outgoing,
    known: Mutex<Known>,
}

/// What is known of it, and since when.
#[derive(Debug, Default)]
struct Known {
    discovered: Option<(i64, Arc<Discovered>)>,
    keys: Option<(i64, Arc<Vec<Key>>)>,
    asked_again: Option<i64>,
}

impl Provider {
    pub(super) fn new(settings: Oidc, http: Outgoing) -> Self {
        Self {
            settings,
            http,
            known: Mutex::default(),
        }
    }

    /// Where a browser goes to sign in.
    pub(super) async fn door(
        &self,
        (state, nonce, challenge): (&str, &str, &str),
        now: Wall,
    ) -> Result<String, ProviderError> {
        let mut url = self.discovered(now).await?.authorization_endpoint.clone();
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str(&form(&[
            ("response_type", "code"),
            ("client_id", &self.settings.client_id),
            ("redirect_uri", &self.settings.redirect),
            ("scope", &self.settings.scopes.join(" ")),
            ("state", state),
            ("nonce", nonce),
            ("code_challenge", challenge),
            ("code_challenge_method", "S256"),
        ]));
        Ok(url)
    }

    /// Who it is that brought this code, by the provider's own word.
    pub(super) async fn identity(
        &self,
        (code, verifier): (&str, &Secret<String>),
        nonce: &str,
        now: Wall,
    ) -> Result<Identity, NoIdentity> {
        let token = self.exchange(code, verifier, now).await?;
        let expected = Expected {
            issuer: &self.settings.issuer,
            client: &self.settings.client_id,
            nonce,
            now: now.secs(),
        };
        let known = self.keys(now).await?;
        match token::believed(&token, &known, &expected) {
            Err(TokenFault::UnknownKey) if self.may_ask_again(now) => {
                let newer = self.fetch_keys(now).await?;
                Ok(token::believed(&token, &newer, &expected)?)
            }
            believed => Ok(believed?),
        }
    }

    /// The id token for a code.
    async fn exchange(
        &self,
        code: &str,
        verifier: &Secret<String>,
        now: Wall,
    ) -> Result<Zeroizing<String>, ProviderError> {
        const WHAT: &str = "token endpoint";
        let discovered = self.discovered(now).await?;
        let settings = &self.settings;
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", settings.redirect.as_str()),
            ("code_verifier", verifier.expose().as_str()),
        ];
        let mut request = Request::post("/")
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        match &settings.client_secret {
            Some(secret) => {
                let (id, secret) = (encoded(&settings.client_id), encoded(secret.expose()));
                let pair = Zeroizing::new(format!("{id}:{}", *Zeroizing::new(secret)));
                let basic = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
                request = request.header(header::AUTHORIZATION, basic.as_str());
            }
            None => fields.push(("client_id", &settings.client_id)),
        }
        let request = request.body(Full::new(Bytes::from(form(&fields))));
        let request = request.map_err(|_| ProviderError::Garbled(WHAT))?;
        let (status, body) = self.ask(WHAT, &discovered.token_endpoint, request).await?;
        if status.is_client_error() {
            let refusal: Option<Refusal> = serde_json::from_slice(&body).ok();
            let plain = |error: &String| is_code(error);
            let error = refusal.map(|refusal| refusal.error).filter(plain);
            let error = error.unwrap_or_else(|| status.as_u16().to_string());
            return Err(ProviderError::NoToken(error));
        }
        if !status.is_success() {
            return Err(ProviderError::Status(WHAT, status.as_u16()));
        }
        let tokens: Result<Tokens, _> = serde_json::from_slice(&body);
        let tokens = tokens.map_err(|_| ProviderError::Garbled(WHAT))?;
        Ok(Zeroizing::new(tokens.id_token))
    }

    async fn discovered(&self, now: Wall) -> Result<Arc<Discovered>, ProviderError> {
        const WHAT: &str = "discovery document";
        if let Some((since, discovered)) = &self.known().discovered
            && is_fresh(*since, FRESH, now)
        {
            return Ok(discovered.clone());
        }
        let issuer = &self.settings.issuer;
        let url = format!(
            "{}/.well-known/openid-configuration",
            issuer.trim_end_matches('/')
        );
        let body = self.get(WHAT, &url).await?;
        let discovered: Result<Discovered, _> = serde_json::from_slice(&body);
        let discovered = discovered.map_err(|_| ProviderError::Garbled(WHAT))?;
        if discovered.issuer != *issuer {
            return Err(ProviderError::OtherIssuer);
        }
        for (what, url) in [
            ("authorization endpoint", &discovered.authorization_endpoint),
            ("token endpoint", &discovered.token_endpoint),
            ("set of keys", &discovered.jwks_uri),
        ] {
            if !is_endpoint(url, issuer) {
                return Err(ProviderError::Endpoint(what));
            }
        }
        let discovered = Arc::new(discovered);
        self.known().discovered = Some((now.nanos(), discovered.clone()));
        Ok(discovered)
    }

    async fn keys(&self, now: Wall) -> Result<Arc<Vec<Key>>, ProviderError> {
        if let Some((since, keys)) = &self.known().keys
            && is_fresh(*since, FRESH, now)
        {
            return Ok(keys.clone());
        }
        self.fetch_keys(now).await
    }

    async fn fetch_keys(&self, now: Wall) -> Result<Arc<Vec<Key>>, ProviderError> {
        const WHAT: &str = "set of keys";
        let discovered = self.discovered(now).await?;
        let body = self.get(WHAT, &discovered.jwks_uri).await?;
        let keys = keys::read(&body).ok_or(ProviderError::Garbled(WHAT))?;
        let keys = Arc::new(keys);
        self.known().keys = Some((now.nanos(), keys.clone()));
        Ok(keys)
    }

    /// Whether keys may be asked for though some are known; then it counts as done.
    fn may_ask_again(&self, now: Wall) -> bool {
        let mut known = self.known();
        let asked = known.asked_again;
        let may = !asked.is_some_and(|asked| is_fresh(asked, AGAIN, now));
        if may {
            known.asked_again = Some(now.nanos());
        }
        may
    }

    async fn get(&self, what: &'static str, url: &str) -> Result<Bytes, ProviderError> {
        let request = Request::get("/").header(header::ACCEPT, "application/json");
        let request = request.body(Full::default());
        let request = request.map_err(|_| ProviderError::Garbled(what))?;
        let (status, body) = self.ask(what, url, request).await?;
        // A redirect is an answer like others, and not the right one.
        if status != StatusCode::OK {
            return Err(ProviderError::Status(what, status.as_u16()));
        }
        Ok(body)
    }

    async fn ask(
        &self,
        what: &'static str,
        url: &str,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, Bytes), ProviderError> {
        let unreachable = |error| ProviderError::Unreachable(what, error);
        let uri: Uri = url
            .parse()
            .map_err(|_| unreachable(OutgoingError::Address))?;
        let answer = self.http.answer(&uri, request, MOST_ANSWER).await;
        answer.map_err(unreachable)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_fresh(since: i64, length: Duration, now: Wall) -> bool {
    now.nanos().saturating_sub(since) < super::super::nanos(length)
}

/// Whether this is a code for an error, as providers write them, and nothing else.
pub(super) fn is_code(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    (1..=40).contains(&text.len()) && text.bytes().all(plain)
}

/// Fields as a form has them.
fn form(fields: &[(&str, &str)]) -> String {
    let mut form = String::new();
    for (name, value) in fields {
        let joint = if form.is_empty() { "" } else { "&" };
        let _ = write!(form, "{joint}{name}={}", encoded(value));
    }
    form
}

/// A text as it may stand in forms and queries. A space is `%20`, which whoever reads forms and whoever reads URLs take alike;
/// `+`, as libraries for forms write it, is not.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
