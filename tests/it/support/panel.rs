//! A small panel: the treaty's bank behind TLS, with an authority of its own, a directory, events, and a way to be gone.
//!
//! It keeps nothing on a disk and knows one tree of one budget; what the real panel does besides has tests of its own.

use super::Money;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, combinators::BoxBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType, IsCa, Issuer,
    KeyPair,
};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;
use tollgate::lease::bundle::{Files, Order, PolicyKey, Report, digest};
use tollgate::lease::directory::{BudgetCard, Directory, Enrol, Enrolled, Event, KeyCard};
use tollgate::lease::problem::Problem;
use tollgate::lease::protocol::{
    Account, AccountId, Bank, BankError, DiskId, Hello, LeafId, RouterId, Terms,
};
use tollgate::units;

/// The token it enrols its one gateway with.
pub(crate) const TOKEN: &str = "tg-router-once";
/// The secret of the key it knows.
pub(crate) const LENT_KEY: &str = "sk-tg-lent-0123456789abcdef0123456789abcdef";

const ROUTER: RouterId = RouterId(0xa1);
/// Where spending with its key is counted.
pub(crate) const LEAF: LeafId = LeafId(4);
const ACCOUNT: AccountId = AccountId {
    budget: 7,
    period: 0,
};

/// A running panel.
pub(crate) struct Panel {
    pub(crate) address: SocketAddr,
    /// Its authority's certificate.
    pub(crate) ca: String,
    state: Arc<Mutex<State>>,
    news: watch::Sender<u64>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

struct State {
    bank: Bank,
    begun: Instant,
    directory: Directory,
    events: Vec<Event>,
    away: bool,
    enrolled: u32,
    renewed: u32,
    renew_in_s: u64,
    ca: Issuer<'static, KeyPair>,
    ca_pem: String,
    /// What it orders its gateway to run, and by which key that is known.
    order: Option<Order>,
    policy_key: Ed25519KeyPair,
    reports: Vec<Report>,
}

type Answer = Response<BoxBody<Bytes, Infallible>>;

impl Panel {
    /// A panel with one key, whose spending one budget of so much pays for.
    pub(crate) fn start(limit: &str, terms: Terms) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "the panel's authority");
        let own = params.self_signed(&key).expect("a certificate");
        let ca = Issuer::new(params, key);
        let tls = server(&ca, &own.der().clone());

        let limit = units::Money::from_nanos(Money::of(limit).0);
        let mut bank = Bank::new(terms);
        bank.set_account(ACCOUNT, limit, true);
        bank.set_leaf(LEAF, [ACCOUNT]);
        bank.enrol(ROUTER);
        let state = Arc::new(Mutex::new(State {
            bank,
            begun: Instant::now(),
            directory: directory(limit),
            events: Vec::new(),
            away: false,
            enrolled: 0,
            renewed: 0,
            renew_in_s: 3600,
            ca,
            ca_pem: own.pem(),
            order: None,
            policy_key: policy_key(),
            reports: Vec::new(),
        }));
        let news = watch::Sender::new(0);
        let (stop, stopped) = watch::channel(false);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("its mode");
        let address = listener.local_addr().expect("its address");
        let shared = (state.clone(), news.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            let local = tokio::task::LocalSet::new();
            local.block_on(&runtime, serve(listener, tls, shared, stopped));
        });
        Self {
            address,
            ca: own.pem(),
            state,
            news,
            stop,
            thread: Some(thread),
        }
    }

    /// `panel:` for a gateway in this folder.
    pub(crate) fn settings(&self, folder: &std::path::Path) -> String {
        std::fs::write(folder.join("panel-ca.pem"), &self.ca).expect("the authority");
        format!(
            "panel: {{ url: \"https://{}\", token: {TOKEN}, ca: file:panel-ca.pem }}\n",
            self.address
        )
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no handler failed")
    }

    /// Whether it answers anybody.
    pub(crate) fn set_away(&self, away: bool) {
        self.state().away = away;
        self.news.send_modify(|_| ());
    }

    /// Asks for certificates to be renewed so soon.
    pub(crate) fn renew_within(&self, seconds: u64) {
        self.state().renew_in_s = seconds;
    }

    /// How often somebody enrolled by token, and by certificate.
    pub(crate) fn enrolments(&self) -> (u32, u32) {
        let state = self.state();
        (state.enrolled, state.renewed)
    }

    /// The one budget.
    pub(crate) fn account(&self) -> Account {
        *self.state().bank.account(ACCOUNT).expect("it is there")
    }

    /// Charged for certain.
    pub(crate) fn spent(&self) -> Money {
        Money(self.account().spent.nanos())
    }

    /// Tells everybody.
    pub(crate) fn tell(&self, event: Event) {
        let mut state = self.state();
        state.events.push(event);
        let newest = state.events.len();
        drop(state);
        self.news.send_replace(u64::try_from(newest).expect("few"));
    }

    /// Orders a file to be run, at a revision and version; `change` does to the signed order what a forger would.
    pub(crate) fn order(&self, revision: u64, text: &str, change: impl FnOnce(&mut Order)) {
        let files = Files::from([("org.yaml".to_owned(), text.to_owned())]);
        let bundle = Some((revision, digest(&files)));
        let mut state = self.state();
        let sign = |message: &[u8]| state.policy_key.sign(message).as_ref().to_vec();
        let mut order = Order::signed((ROUTER, revision), bundle, public(&state.policy_key), sign);
        order.files = Some(files);
        change(&mut order);
        state.order = Some(order);
        drop(state);
        self.tell(Event::Policy { revision });
    }

    /// What its gateway said of the policies it runs, the last of it.
    pub(crate) fn reported(&self) -> Option<Report> {
        self.state().reports.last().cloned()
    }

    /// Pulls the switch, or lets it go.
    pub(crate) fn kill(&self, killed: bool) {
        self.state().bank.kill(LEAF, killed);
        let leaves = vec![LEAF];
        self.tell(if killed {
            Event::Kill {
                leaves,
                abort_streams: false,
            }
        } else {
            Event::Unkill { leaves }
        });
    }

    /// Another process says that it is this gateway now.
    pub(crate) fn replace(&self) {
        let hello = Hello {
            router: ROUTER,
            disk: DiskId(99),
            start: 1,
        };
        self.state().bank.hello(&hello).expect("it is known");
    }

    /// There is more money.
    pub(crate) fn raise(&self, limit: &str) {
        let limit = units::Money::from_nanos(Money::of(limit).0);
        self.state().bank.set_account(ACCOUNT, limit, true);
        self.tell(Event::SyncNow);
    }

    /// Revokes its key.
    pub(crate) fn revoke(&self) {
        let mut state = self.state();
        state.directory.revision += 1;
        for card in &mut state.directory.keys {
            card.key.disabled = true;
        }
        let revision = state.directory.revision;
        drop(state);
        self.tell(Event::Directory { revision });
    }
}

impl Drop for Panel {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn directory(limit: units::Money) -> Directory {
    let hash = tollgate::config::digest_of(LENT_KEY);
    let key = json!({ "name": "lent", "hash": hash, "labels": { "team": "blue" } });
    Directory {
        revision: 1,
        keys: vec![KeyCard {
            leaf: LEAF,
            key: serde_json::from_value(key).expect("a key"),
        }],
        revoked: Vec::new(),
        budgets: vec![BudgetCard {
            id: ACCOUNT.budget,
            name: "acme/blue total".to_owned(),
            window: "total".to_owned(),
            limit,
            hard: true,
            clamp: true,
            soft: vec![50],
        }],
    }
}

/// TLS with a certificate of the authority, which asks callers for one and takes those without.
fn server(ca: &Issuer<'static, KeyPair>, own: &CertificateDer<'static>) -> TlsAcceptor {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("parameters");
    let certificate = params.signed_by(&key, ca).expect("signed");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(own.clone()).expect("a root");
    let clients = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone())
        .allow_unauthenticated()
        .build()
        .expect("a verifier");
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_client_cert_verifier(clients)
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        )
        .expect("a configuration");
    TlsAcceptor::from(Arc::new(config))
}

type Shared = (Arc<Mutex<State>>, watch::Sender<u64>);

async fn serve(
    listener: std::net::TcpListener,
    tls: TlsAcceptor,
    shared: Shared,
    mut stopped: watch::Receiver<bool>,
) {
    let listener = TcpListener::from_std(listener).expect("a listener");
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => return,
        };
        let (stream, _) = accepted.expect("a connection");
        if shared.0.lock().expect("whole").away {
            continue;
        }
        tokio::task::spawn_local(connection(stream, tls.clone(), shared.clone()));
    }
}

async fn connection(stream: TcpStream, tls: TlsAcceptor, shared: Shared) {
    let Ok(stream) = tls.accept(stream).await else {
        return;
    };
    let known = stream.get_ref().1.peer_certificates().is_some();
    let service = service_fn(|request| answer(request, known, shared.clone()));
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(
    request: Request<Incoming>,
    known: bool,
    (state, news): Shared,
) -> Result<Answer, Infallible> {
    let (head, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    assert_eq!(header("protocol-version"), Some("1"));
    let mut state_now = state.lock().expect("whole");
    let state_now = &mut *state_now;
    if state_now.away {
        return Ok(problem(503, "unavailable"));
    }
    let path = head.uri.path();
    if path != "/v1/enrol" && !known {
        return Ok(problem(401, "unauthorized"));
    }
    let now = state_now.begun.elapsed();
    let answer = match (&head.method, path) {
        (&Method::POST, "/v1/enrol") => {
            let token = header("authorization") == Some(&format!("Bearer {TOKEN}"));
            match (known, token) {
                (true, false) => state_now.renewed += 1,
                (_, true) => state_now.enrolled += 1,
                _ => return Ok(problem(401, "unauthorized")),
            }
            let enrol: Enrol = serde_json::from_slice(&body).expect("enrol");
            let csr = CertificateSigningRequestParams::from_pem(&enrol.csr).expect("a request");
            let enrolled = Enrolled {
                router: ROUTER,
                name: "sidecar".to_owned(),
                certificate: csr.signed_by(&state_now.ca).expect("signed").pem(),
                ca: state_now.ca_pem.clone(),
                renew_in_s: state_now.renew_in_s,
                policy_key: Some(public(&state_now.policy_key).to_string()),
            };
            json_of(200, &serde_json::to_value(enrolled).expect("JSON"))
        }
        (&Method::POST, "/v1/hello") => {
            let hello = serde_json::from_slice(&body).expect("hello");
            told(state_now.bank.hello(&hello))
        }
        (&Method::POST, "/v1/sync") => {
            let sync = serde_json::from_slice(&body).expect("sync");
            state_now.bank.tick(now);
            told(state_now.bank.sync(&sync, now))
        }
        (&Method::GET, "/v1/directory") => {
            let revision = format!("\"{}\"", state_now.directory.revision);
            if header("if-none-match") == Some(&revision) {
                json_of(304, &Value::Null)
            } else {
                let directory = serde_json::to_value(&state_now.directory);
                json_of(200, &directory.expect("JSON"))
            }
        }
        (&Method::GET, "/v1/policy") => match &state_now.order {
            Some(order) => {
                let tag = format!("\"{}\"", order.tag());
                let known = header("if-none-match") == Some(&tag);
                let order = serde_json::to_value(order).expect("JSON");
                if known {
                    json_of(304, &Value::Null)
                } else {
                    json_of(200, &order)
                }
            }
            None => problem(404, "unknown"),
        },
        (&Method::POST, "/v1/policy/report") => {
            let report = serde_json::from_slice(&body).expect("a report");
            state_now.reports.push(report);
            json_of(204, &Value::Null)
        }
        (&Method::GET, "/v1/events") => {
            let newest = u64::try_from(state_now.events.len()).expect("few");
            let asked = head
                .uri
                .query()
                .and_then(|query| query.strip_prefix("cursor=")?.parse().ok());
            events(state.clone(), news.subscribe(), asked.unwrap_or(newest))
        }
        _ => problem(404, "malformed"),
    };
    Ok(answer)
}

/// A key to sign policies with.
fn policy_key() -> Ed25519KeyPair {
    let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
    Ed25519KeyPair::from_pkcs8(made.as_ref()).expect("a key")
}

fn public(pair: &Ed25519KeyPair) -> PolicyKey {
    PolicyKey::new(pair.public_key().as_ref().try_into().expect("32 bytes"))
}

fn told(answer: Result<tollgate::lease::protocol::Answer, BankError>) -> Answer {
    match answer {
        Ok(answer) => json_of(200, &serde_json::to_value(answer).expect("JSON")),
        Err(error) => {
            let problem = Problem::from(&error);
            let status = problem.status;
            json_of(status, &serde_json::to_value(problem).expect("JSON"))
        }
    }
}

fn problem(status: u16, code: &str) -> Answer {
    json_of(
        status,
        &json!({ "status": status, "code": code, "detail": "so it is" }),
    )
}

fn json_of(status: u16, body: &Value) -> Answer {
    let body = if body.is_null() {
        Bytes::new()
    } else {
        body.to_string().into()
    };
    let mut response = Response::new(Full::new(body).boxed());
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    response
}

/// A stream of events, until the panel is away.
fn events(state: Arc<Mutex<State>>, mut news: watch::Receiver<u64>, from: u64) -> Answer {
    let (tell, told) = mpsc::channel(16);
    let first = format!("event: cursor\ndata: {{\"cursor\":\"{from}\"}}\n\n");
    tokio::task::spawn_local(async move {
        let mut cursor = from;
        let mut text = first;
        loop {
            if tell.send(Bytes::from(text)).await.is_err() {
                return;
            }
            let wait = tokio::time::timeout(Duration::from_secs(15), news.changed());
            text = match wait.await {
                Ok(Ok(())) => String::new(),
                Ok(Err(_)) => return,
                Err(_) => ": still here\n\n".to_owned(),
            };
            let state = state.lock().expect("whole");
            if state.away {
                return;
            }
            for event in state
                .events
                .iter()
                .skip(usize::try_from(cursor).expect("few"))
            {
                cursor += 1;
                let event = serde_json::to_value(event).expect("JSON");
                text.push_str(&format!(
                    "id: {cursor}\nevent: {}\ndata: {event}\n\n",
                    event["kind"].as_str().expect("a kind"),
                ));
            }
        }
    });
    let mut response = Response::new(Told(told).boxed());
    response.headers_mut().insert(
        "content-type",
        http::HeaderValue::from_static("text/event-stream"),
    );
    response
}

/// A body that comes through a channel.
struct Told(mpsc::Receiver<Bytes>);

impl http_body::Body for Told {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.0.poll_recv(cx);
        next.map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}
