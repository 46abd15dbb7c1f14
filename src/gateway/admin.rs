//! The admin port: `/metrics`, `/healthz`, `/readyz`, `/status`. Read-only, without a key.
//!
//! It has a thread and a runtime of its own, so that a scrape of many series never stands in a caller's way. No key is
//! needed because nothing here changes anything or holds content; so that a web page cannot read it through the browser of
//! somebody on the machine, only names we know are answered (DNS rebinding) and nothing that carries an `Origin`.
//!
//! Not here: what the numbers mean (`telemetry::metrics`), what is ready (`StatusSource`, which `app` implements).

use crate::telemetry::Telemetry;
use crate::telemetry::metrics::BudgetReading;
use crate::units::Money;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{Instant, Sleep};

/// Whether the gateway may be sent calls.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// Whether it may.
    pub ready: bool,
    /// What is not as it should be, ready or not: `starting`, `draining`, `journal`, `config`, …
    pub degraded: Vec<String>,
}

/// What `/status` answers.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Status {
    /// Of the program.
    pub version: &'static str,
    /// Whole seconds since the start.
    pub uptime_s: u64,
    /// The configuration in force, and why a newer one is not.
    pub config: Revision,
    /// The policies in force, and why newer ones are not.
    pub policies: Revision,
    /// The price book in force, and why a newer one is not.
    pub prices: Revision,
    /// Every ledger.
    pub budgets: Vec<BudgetStatus>,
    /// Every provider.
    pub providers: Vec<ProviderStatus>,
    /// The spend journal.
    pub journal: JournalStatus,
    /// The control panel, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub panel: Option<PanelStatus>,
}

/// What is in force.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Revision {
    /// Its revision.
    pub revision: String,
    /// Why a newer one is not, with file, line and column.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// One ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BudgetStatus {
    /// The budget's name.
    pub name: String,
    /// The label value, of a budget split by `per:`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What may be spent in this period.
    pub limit: Money,
    /// What was spent, the uncertain part included.
    pub spent: Money,
    /// What is set aside for calls in flight.
    pub reserved: Money,
    /// The part of `spent` nobody saw the bill of.
    pub uncertain: Money,
    /// What is left.
    pub remaining: Money,
    /// First second of the period, in UTC; none where it has no beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period_start: Option<String>,
    /// Seconds until the next period; none where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resets_in_s: Option<u64>,
    /// `enforce` or `shadow`.
    pub mode: &'static str,
}

impl BudgetStatus {
    /// Of a ledger as it stands at `now` (seconds since the epoch).
    #[must_use]
    pub fn of(reading: &BudgetReading, enforce: bool, now: i64) -> Self {
        let standing = &reading.standing;
        let ends = standing.period.end < i64::MAX;
        let start = jiff::Timestamp::from_second(standing.period.start).ok();
        let left = u64::try_from(standing.period.end.saturating_sub(now)).unwrap_or(0);
        Self {
            name: standing.budget.to_string(),
            value: standing.value.as_deref().map(str::to_owned),
            limit: standing.limit,
            spent: standing.spent,
            reserved: standing.reserved,
            uncertain: standing.uncertain,
            remaining: standing.limit.less(standing.spent.plus(standing.reserved)),
            period_start: start.filter(|_| ends).map(|start| start.to_string()),
            resets_in_s: ends.then_some(left),
            mode: if enforce { "enforce" } else { "shadow" },
        }
    }
}

/// One provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProviderStatus {
    /// Its name.
    pub name: String,
    /// Whether calls go there: `closed` means they do, `open` that others are asked where there are any, `half_open` that one
    /// call is to show whether they may again. The worst of its targets.
    pub circuit: &'static str,
}

/// The spend journal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct JournalStatus {
    /// `ok`, or `suspended` while it cannot be written.
    pub state: &'static str,
    /// Why it cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Records since its beginning.
    pub records: u64,
    /// What the last start found.
    pub recovered: RecoveredStatus,
}

/// What a start found in the journal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RecoveredStatus {
    /// Whether the stop before it was in order.
    pub clean: bool,
    /// Records read back.
    pub records: u64,
    /// Bytes of a torn end that were cut off.
    pub torn_bytes: u64,
    /// Calls that were in flight, and stay booked at their reservation.
    pub in_flight: u64,
    /// What was booked, by budget (`name[value]`), though nobody saw the bill of it.
    pub uncertain: BTreeMap<String, Money>,
    /// Damaged files, kept aside.
    pub damaged: Vec<String>,
}

/// The control panel. 64-bit numbers are texts of digits, as on the treaty's wire.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PanelStatus {
    /// Where it is.
    pub url: String,
    /// This gateway's name there, once it is enrolled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub router: Option<String>,
    /// The number of this process, once the panel gave it one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<String>,
    /// Whether the last word was an answer.
    pub connected: bool,
    /// Whole seconds since it answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_sync_s: Option<u64>,
    /// What processes before this one may have spent unseen, and the panel was not told yet.
    pub doubt: Money,
    /// The directory of keys in force.
    pub directory_revision: String,
    /// What providers want of its vault; none where they want nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vault: Option<VaultStatus>,
    /// What it lent.
    pub leases: Vec<LeaseStatus>,
    /// The policies it has this gateway run.
    pub policy: BundleStatus,
    /// What went wrong last, as long as it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What is held of the panel's vault: names and versions, never what they stand for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct VaultStatus {
    /// The vault's revision, as far as it was heard.
    pub revision: String,
    /// Every credential that a provider refers to.
    pub credentials: Vec<CredentialStatus>,
    /// Why the vault could not be asked, as long as it cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// One credential.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CredentialStatus {
    /// Its name in the vault.
    pub name: String,
    /// Whether it is here.
    pub held: bool,
    /// Which of its secrets is here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Whole seconds until it is good no longer, unless it is renewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_in_s: Option<u64>,
    /// Why it is not here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Policies of the control panel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BundleStatus {
    /// The bundle in force, by its version; none where 0.
    pub running: u64,
    /// The bundle that the panel ordered last; none where 0.
    pub ordered: u64,
    /// The revision of that order.
    pub revision: String,
    /// The id of the key by which orders are believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Why what was ordered is not in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// One lease.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LeaseStatus {
    /// Its number.
    pub lease: String,
    /// Who spends it.
    pub leaf: String,
    /// Lent, all in all.
    pub granted: Money,
    /// Charged.
    pub settled: Money,
    /// Set aside for calls in flight.
    pub reserved: Money,
    /// What is left of it.
    pub remaining: Money,
    /// Whole seconds in which calls may still begin on it.
    pub expires_in_s: u64,
}

/// Who knows how the gateway is.
pub trait StatusSource: Send + Sync {
    /// Whether it may be sent calls.
    fn readiness(&self) -> Readiness;
    /// Everything `/status` shows.
    fn status(&self) -> Status;
}

/// What the admin port needs.
pub struct Admin {
    /// Whose numbers `/metrics` shows.
    pub telemetry: Arc<Telemetry>,
    /// Who knows the rest.
    pub source: Arc<dyn StatusSource>,
    /// Names besides localhost and loopback addresses that are answered (`hosts:`).
    pub hosts: Vec<String>,
}

/// A running admin port.
#[derive(Debug)]
pub struct Handle {
    /// Where it listens.
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Handle {
    /// Stops answering.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.end();
    }
}

/// How long open answers may take once the port is told to stop.
const GRACE: Duration = Duration::from_secs(1);

/// Answers on `listener`, on a thread of its own.
///
/// # Errors
/// The listener or the thread's runtime cannot be set up.
pub fn serve(listener: TcpListener, admin: Admin) -> io::Result<Handle> {
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (stop, stopped) = oneshot::channel();
    let thread = std::thread::Builder::new()
        .name("admin".to_owned())
        .spawn(move || {
            let served = runtime.block_on(answer(listener, admin, stopped));
            if let Err(cause) = served {
                tracing::error!(%cause, "the admin port stopped");
            }
            runtime.shutdown_timeout(GRACE);
        })?;
    Ok(Handle {
        address,
        stop: Some(stop),
        thread: Some(thread),
    })
}

async fn answer(
    listener: TcpListener,
    admin: Admin,
    stopped: oneshot::Receiver<()>,
) -> io::Result<()> {
    let beyond_loopback = !listener.local_addr()?.ip().is_loopback();
    let listener = Bounded {
        listener: tokio::net::TcpListener::from_std(listener)?,
        places: Arc::new(Semaphore::new(MOST_CONNECTIONS)),
    };
    let serving = axum::serve(listener, router(admin, beyond_loopback));
    // A scraper's idle connection must not hold up the end of the process: no waiting for it.
    tokio::select! {
        served = serving.into_future() => served,
        _ = stopped => Ok(()),
    }
}

/// Connections at once; more wait in the kernel. Nobody needs a key here, so nobody may take the descriptors that calls
/// need.
pub const MOST_CONNECTIONS: usize = 32;

/// A listener that hands out no more connections than it has places.
struct Bounded {
    listener: tokio::net::TcpListener,
    places: Arc<Semaphore>,
}

impl axum::serve::Listener for Bounded {
    type Io = Placed;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Placed, SocketAddr) {
        // Never closed, so there is always a place in the end; without one the connection would not be counted, no more.
        let place = self.places.clone().acquire_owned().await.ok();
        let (stream, from) = axum::serve::Listener::accept(&mut self.listener).await;
        let placed = Placed {
            stream,
            silent: Box::pin(tokio::time::sleep(SILENCE)),
            _place: place,
        };
        (placed, from)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that says nothing for this long gives its place up. Scrapers ask more often.
const SILENCE: Duration = Duration::from_secs(90);

/// A connection in its place.
struct Placed {
    stream: TcpStream,
    silent: Pin<Box<Sleep>>,
    _place: Option<OwnedSemaphorePermit>,
}

impl AsyncRead for Placed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if read.is_ready() {
            self.silent.as_mut().reset(Instant::now() + SILENCE);
        } else if self.silent.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl AsyncWrite for Placed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

struct Port {
    admin: Admin,
    beyond_loopback: bool,
}

/// The four routes behind the checks of Host, Origin and method. A port that listens `beyond_loopback` is scraped by
/// address as well (Kubernetes does): an address cannot be rebound, so any is answered there.
fn router(admin: Admin, beyond_loopback: bool) -> Router {
    let port = Arc::new(Port {
        admin,
        beyond_loopback,
    });
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/status", get(status))
        .fallback(unknown)
        .layer(middleware::from_fn_with_state(Arc::clone(&port), guard))
        .with_state(port)
}

async fn guard(State(port): State<Arc<Port>>, request: Request, next: Next) -> Response {
    if !port.answers_to(request.uri(), request.headers()) {
        return fault(
            StatusCode::MISDIRECTED_REQUEST,
            "host_not_allowed",
            "this Host name is not answered here: use localhost or a loopback address, or add the name to `hosts`",
        );
    }
    if request.headers().contains_key(header::ORIGIN) {
        return fault(
            StatusCode::FORBIDDEN,
            "origin_not_allowed",
            "the admin port does not answer web pages",
        );
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refusal = fault(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "the admin port is read-only: GET or HEAD",
        );
        let allowed = header::HeaderValue::from_static("GET, HEAD");
        refusal.headers_mut().insert(header::ALLOW, allowed);
        return refusal;
    }
    let mut response = next.run(request).await;
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        let value = header::HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}

impl Port {
    /// Whether the one Host named is localhost, an address we may be reached by, or in the list.
    fn answers_to(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let mut named = headers.get_all(header::HOST).iter();
        let host = match (uri.host(), named.next(), named.next()) {
            (Some(host), _, None) => host,
            (None, Some(value), None) => value.to_str().map(without_port).unwrap_or_default(),
            _ => return false,
        };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = bare.parse::<IpAddr>() {
            return address.is_loopback() || self.beyond_loopback;
        }
        let known = &self.admin.hosts;
        bare.eq_ignore_ascii_case("localhost")
            || known.iter().any(|name| name.eq_ignore_ascii_case(bare))
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port))
            if port.bytes().all(|b| b.is_ascii_digit())
                && (!name.contains(':') || name.ends_with(']')) =>
        {
            name
        }
        _ => host,
    }
}

async fn healthz() -> &'static str {
    "ok"
}

async fn readyz(State(port): State<Arc<Port>>) -> Response {
    let readiness = port.admin.source.readiness();
    let code = if readiness.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    json(code, &readiness)
}

async fn status(State(port): State<Arc<Port>>) -> Response {
    json(StatusCode::OK, &port.admin.source.status())
}

async fn metrics(State(port): State<Arc<Port>>) -> Response {
    match port.admin.telemetry.exposition() {
        Ok(text) => (
            [(header::CONTENT_TYPE, "text/plain; version=0.0.4")],
            Body::from(text),
        )
            .into_response(),
        Err(cause) => {
            tracing::error!(%cause, "the metrics cannot be written");
            fault(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal_error",
                "the metrics cannot be written: see the log",
            )
        }
    }
}

async fn unknown() -> Response {
    fault(
        StatusCode::NOT_FOUND,
        "unknown_url",
        "the admin port has /metrics, /healthz, /readyz and /status",
    )
}

fn fault(status: StatusCode, code: &'static str, message: &'static str) -> Response {
    json(
        status,
        &serde_json::json!({ "error": { "message": message, "code": code } }),
    )
}

fn json(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => (
            status,
            [(header::CONTENT_TYPE, "application/json")],
            Body::from(body),
        )
            .into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
mod tests;
