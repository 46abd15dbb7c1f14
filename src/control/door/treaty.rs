//! The treaty's routes: how a gateway gets a certificate, its process a number, its calls money, and its door keys.
//!
//! Invariant: a message is heard only from whom it speaks for. What it says of somebody else is refused and told in the log,
//! for either a gateway is broken or it is none.

use super::From;
use super::policy::{self, Policies};
use super::{events, tally, vault};
use crate::control::authority::{Authority, ClientCertificate, Fingerprint, Request};
use crate::control::bulletin::Bulletin;
use crate::control::treasury::{Treasury, TreasuryError};
use crate::lease::directory::{
    Directory, Enrol, Enrolled, Event, POLICY_HEADER, VERSION, VERSION_HEADER,
};
use crate::lease::problem::{Code, Problem};
use crate::lease::protocol::{Hello, RouterId, Sync};
use crate::lease::tally::{Heard, Tallies};
use crate::lease::vault::Allowed;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use serde::de::DeserializeOwned;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// The largest message: some thousand leases, and what was done on them.
const MOST_BYTES: usize = 1 << 21;
/// The header in which a sync says which events it has acted on.
const CURSOR: &str = "events-cursor";

/// An answer that takes a while.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why a gateway is not let in.
#[derive(Debug, thiserror::Error)]
pub enum NotEnrolled {
    /// The token is unknown, over, or was used for another key.
    #[error("this token is unknown, expired, or was used by another gateway: ask for a new one")]
    Token,
    /// It renews its certificate with a key that is not its own.
    #[error("this is not the key this gateway was enrolled with: enrol it again with a new token")]
    OtherKey,
    /// The store does not answer.
    #[error("{0}")]
    Store(String),
}

/// Who knows which gateways there are, and who may call through them.
pub trait Registrar: Send + std::marker::Sync {
    /// Lets a gateway in by its one-time token, bound to its key with the first use. Who it is, and its name.
    fn admit<'a>(
        &'a self,
        token: &'a str,
        key: Fingerprint,
    ) -> Later<'a, Result<(RouterId, String), NotEnrolled>>;
    /// Whether a gateway may have another certificate for this key: its own. Its name.
    fn renews(&self, router: RouterId, key: Fingerprint) -> Later<'_, Result<String, NotEnrolled>>;
    /// A certificate was made for a gateway and this key.
    fn certified<'a>(
        &'a self,
        whose: (RouterId, Fingerprint),
        certificate: &'a ClientCertificate,
    ) -> Later<'a, Result<(), NotEnrolled>>;
    /// Whose certificate this is; nobody's if it was shut out.
    /// The key tells where books that were set back have forgotten the certificate.
    fn known(
        &self,
        certificate: Fingerprint,
        key: Option<Fingerprint>,
    ) -> Later<'_, Result<Option<RouterId>, NotEnrolled>>;
    /// What a gateway may have of these names in the vault; none where it has heard this revision.
    fn credentials<'a>(
        &'a self,
        router: RouterId,
        names: &'a [String],
        known: u64,
    ) -> Later<'a, Result<Option<Allowed>, NotEnrolled>>;
    /// A gateway said something, perhaps that it has acted on all events up to one.
    fn heard(&self, router: RouterId, cursor: Option<u64>);
    /// A gateway said what it refused and found: it is safe. None where it is of no process of it that is known.
    fn tallied(&self, told: Tallies) -> Later<'_, Result<Option<Heard>, NotEnrolled>>;
    /// The switches in force that cut calls under way, for a gateway that may have missed one.
    fn aborting(&self) -> Later<'_, Result<Vec<Event>, NotEnrolled>>;
    /// The directory as it is now; none where it has this revision still.
    fn directory(&self, known: Option<u64>) -> Later<'_, Result<Option<Directory>, NotEnrolled>>;
}

/// What the routes work with.
pub struct Treaty {
    /// The bank.
    pub treasury: Arc<Treasury>,
    /// What has just happened.
    pub bulletin: Arc<Bulletin>,
    /// Who makes certificates.
    pub authority: Arc<Authority>,
    /// Who knows gateways and keys.
    pub registrar: Arc<dyn Registrar>,
    /// Who knows which policies they are to run.
    pub policies: Arc<dyn Policies>,
    /// How long a certificate is good.
    pub certificate_lifetime: Duration,
}

impl std::fmt::Debug for Treaty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Treaty").finish_non_exhaustive()
    }
}

/// The treaty's routes.
pub fn router(treaty: Arc<Treaty>) -> Router {
    Router::new()
        .route("/v1/enrol", post(enrol))
        .route("/v1/hello", post(hello))
        .route("/v1/sync", post(sync))
        .route("/v1/tallies", post(tally::tallies))
        .route("/v1/credentials", post(vault::credentials))
        .route("/v1/directory", get(directory))
        .route("/v1/events", get(events::events))
        .merge(policy::routes())
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .layer(middleware::from_fn(known))
        .layer(middleware::from_fn(version))
        .with_state(treaty)
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let busy = status == StatusCode::SERVICE_UNAVAILABLE;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if busy {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

pub(super) fn problem(status: u16, code: Code, detail: impl std::fmt::Display) -> Problem {
    Problem {
        status,
        code,
        detail: detail.to_string(),
        last: 0,
        seq: 0,
    }
}

impl std::convert::From<TreasuryError> for Problem {
    fn from(error: TreasuryError) -> Self {
        match &error {
            TreasuryError::Refused(refused) => Self::from(refused),
            _ => problem(503, Code::Unavailable, error),
        }
    }
}

impl std::convert::From<NotEnrolled> for Problem {
    fn from(error: NotEnrolled) -> Self {
        match &error {
            NotEnrolled::Token => problem(401, Code::Unauthorized, error),
            NotEnrolled::OtherKey => problem(403, Code::Forbidden, error),
            NotEnrolled::Store(cause) => {
                tracing::error!(%cause, "the panel's store does not answer");
                problem(503, Code::Unavailable, "the panel cannot look that up now")
            }
        }
    }
}

/// One version of the treaty is spoken here.
async fn version(headers: HeaderMap, request: axum::extract::Request, next: Next) -> Response {
    let said = headers.get(VERSION_HEADER);
    if said.is_some_and(|version| version != VERSION) {
        let detail = format!("this panel speaks version {VERSION} of the treaty and no other");
        let mut response = problem(426, Code::Version, detail).into_response();
        response
            .headers_mut()
            .insert(VERSION_HEADER, HeaderValue::from_static(VERSION));
        return response;
    }
    next.run(request).await
}

/// Who shows neither a certificate nor a token is turned back before a byte of what they say is read.
async fn known(
    Extension(from): Extension<From>,
    request: axum::extract::Request,
    next: Next,
) -> Response {
    if from.certificate.is_none() && !request.headers().contains_key(header::AUTHORIZATION) {
        let detail =
            "a gateway shows the certificate it got when it was enrolled, or its one-time token";
        return problem(401, Code::Unauthorized, detail).into_response();
    }
    next.run(request).await
}

impl Treaty {
    /// Whose connection this is.
    pub(super) async fn who(&self, from: From) -> Result<RouterId, Problem> {
        let Some(certificate) = from.certificate else {
            return Err(problem(
                401,
                Code::Unauthorized,
                "a gateway shows the certificate it got when it was enrolled",
            ));
        };
        self.registrar.known(certificate, from.key).await?.ok_or_else(|| {
            problem(
                403,
                Code::UnknownRouter,
                "this certificate is no gateway's, or that gateway was shut out: enrol it again",
            )
        })
    }

    /// Checks that a message speaks for who sent it.
    pub(super) async fn speaks(
        &self,
        from: From,
        router: RouterId,
        cursor: Option<u64>,
    ) -> Result<(), Problem> {
        let own = self.who(from).await?;
        if own != router {
            let gateway = format_args!("{:032x}", own.0);
            tracing::warn!(gateway, address = %from.address, "a gateway spoke for another one: refused");
            return Err(problem(
                403,
                Code::Forbidden,
                "this message is another gateway's",
            ));
        }
        self.registrar.heard(own, cursor);
        Ok(())
    }

    async fn certificate(
        &self,
        request: Request,
        router: RouterId,
        name: String,
    ) -> Result<Enrolled, Problem> {
        let (now, key) = (crate::clock::now().wall, request.key);
        let made = self
            .authority
            .client(request, router, self.certificate_lifetime, now)
            .map_err(|error| {
                tracing::error!(%error, gateway = name, "no certificate could be made");
                problem(503, Code::Unavailable, "no certificate can be made now")
            })?;
        // Known before it is shown.
        self.registrar.certified((router, key), &made).await?;
        Ok(Enrolled {
            router,
            name,
            certificate: made.pem,
            ca: self.authority.pem().to_owned(),
            renew_in_s: self.certificate_lifetime.as_secs() * 2 / 3,
            policy_key: self.policies.key().map(|key| key.to_string()),
        })
    }
}

pub(super) fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| problem(400, Code::Malformed, error))
}

type Treated<T> = Result<Json<T>, Problem>;

async fn enrol(
    State(treaty): State<Arc<Treaty>>,
    Extension(from): Extension<From>,
    headers: HeaderMap,
    body: Bytes,
) -> Treated<Enrolled> {
    let Enrol { csr } = read(&body)?;
    let request = Request::read(&csr).map_err(|error| problem(400, Code::Malformed, error))?;
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let (router, name) = if let Some(token) = token {
        let admitted = treaty.registrar.admit(token.trim(), request.key).await?;
        tracing::info!(gateway = admitted.1, address = %from.address, "a gateway was enrolled");
        admitted
    } else {
        let router = treaty.who(from).await?;
        let name = treaty.registrar.renews(router, request.key).await?;
        (router, name)
    };
    treaty.certificate(request, router, name).await.map(Json)
}

async fn hello(
    State(treaty): State<Arc<Treaty>>,
    Extension(from): Extension<From>,
    body: Bytes,
) -> Treated<crate::lease::protocol::Answer> {
    let hello: Hello = read(&body)?;
    treaty.speaks(from, hello.router, None).await?;
    Ok(Json(treaty.treasury.hello(hello).await?))
}

async fn sync(
    State(treaty): State<Arc<Treaty>>,
    Extension(from): Extension<From>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let sync: Sync = read(&body)?;
    let cursor = headers.get(CURSOR);
    let cursor = cursor.and_then(|value| value.to_str().ok()?.parse().ok());
    treaty.speaks(from, sync.router, cursor).await?;
    let router = sync.router;
    let answered = treaty.treasury.sync(sync).await;
    if let Err(TreasuryError::Refused(error)) = &answered {
        tracing::warn!(%error, gateway = format_args!("{:032x}", router.0), "a sync was refused");
    }
    // So that who missed the event learns that it is to run something else.
    let policy = [(POLICY_HEADER, treaty.policies.revision().to_string())];
    Ok((policy, Json(answered?)).into_response())
}

async fn directory(
    State(treaty): State<Arc<Treaty>>,
    Extension(from): Extension<From>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    treaty.who(from).await?;
    let known = headers.get(header::IF_NONE_MATCH);
    let known = known.and_then(|tag| tag.to_str().ok()?.trim_matches('"').parse().ok());
    let Some(directory) = treaty.registrar.directory(known).await? else {
        return Ok(StatusCode::NOT_MODIFIED.into_response());
    };
    let tag = format!("\"{}\"", directory.revision);
    Ok(([(header::ETAG, tag)], Json(directory)).into_response())
}
