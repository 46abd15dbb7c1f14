//! A panel with everything behind it but the socket: a file, a bank, a board, and a clock that can be put forward.

use crate::app::bundles::checker;
use crate::clock::{self, Wall};
use crate::control::api::{Peer, router};
use crate::control::bulletin::Bulletin;
use crate::control::service::bundles::Office;
use crate::control::service::secrets::Cost;
use crate::control::service::vault::{self, Keyring};
use crate::control::service::{Panel, ServiceError, users};
use crate::control::settings::{KEY, MasterKey};
use crate::control::signer::Signer;
use crate::control::store::support::Books;
use crate::control::store::{Place, Store};
use crate::control::treasury::Treasury;
use crate::lease::protocol::{
    Answer, DiskId, Hello, LeafId, LeaseId, Line, RouterId, Sync, Synced, Terms, Usage, Want,
};
use crate::secret::Secret;
use crate::units::Money;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt as _;

/// How long a stream may say nothing.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);

pub(super) const PASSWORD: &str = "correct horse battery";

pub(super) struct World {
    pub(super) panel: Arc<Panel>,
    pub(super) treasury: Arc<Treasury>,
    pub(super) bulletin: Arc<Bulletin>,
    pub(super) runtime: Runtime,
    router: axum::Router,
    ahead: Arc<AtomicI64>,
    books: Books,
    _folder: TempDir,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Got {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl Got {
    #[track_caller]
    pub(super) fn is(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self.body
    }

    #[track_caller]
    pub(super) fn refused(self, status: u16, code: &str) {
        assert_eq!(
            (self.status.as_u16(), self.body["code"].as_str()),
            (status, Some(code)),
            "{}",
            self.body
        );
        assert_eq!(self.headers["content-type"], "application/problem+json");
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("text"))
    }
}

/// The vault's keys: the one of now, and those before it.
pub(super) fn keyring(current: u8, previous: &[u8]) -> Keyring {
    let key = |seed: &u8| Secret::new([*seed; KEY]);
    let previous: Vec<MasterKey> = previous.iter().map(key).collect();
    let lifetime = std::time::Duration::from_hours(1);
    Keyring::of(&key(&current), &previous, lifetime).expect("keys")
}

impl World {
    pub(super) fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let books = Books::new(folder.path());
        Self::over(folder, books)
    }

    /// The same over a copy of another's books, which nobody has open.
    pub(super) fn copy_of(books: &Books) -> Self {
        let folder = TempDir::new().expect("a folder");
        let books = books.copy_of(folder.path());
        Self::over(folder, books)
    }

    fn over(folder: TempDir, books: Books) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let treasury = Treasury::start(&books.place, Terms::default()).expect("a bank");
        let treasury = Arc::new(treasury);
        let bulletin = Arc::new(Bulletin::new(100));
        let ahead = Arc::new(AtomicI64::new(0));
        let opened = {
            let (treasury, bulletin) = (Arc::clone(&treasury), Arc::clone(&bulletin));
            let ahead = Arc::clone(&ahead);
            let clock =
                Arc::new(move || Wall(clock::now().wall.nanos() + ahead.load(Ordering::Relaxed)));
            runtime.block_on(async {
                let store = Store::open(&books.place).await.expect("books");
                let mut panel = Panel::open(store, treasury, bulletin, clock).await?;
                let signer = Signer::open(folder.path()).expect("a key");
                panel.staff(Office::new(checker(), signer)).await?;
                vault::open(&panel, keyring(1, &[])).await?;
                Ok::<_, ServiceError>(panel)
            })
        };
        let mut panel = opened.expect("a panel");
        panel.cost = Cost::CHEAP;
        let panel = Arc::new(panel);
        Self {
            router: router(Arc::clone(&panel)),
            panel,
            treasury,
            bulletin,
            runtime,
            ahead,
            books,
            _folder: folder,
        }
    }

    /// Whether this is written in its books somewhere, also where nothing reads it.
    pub(super) fn holds(&self, needle: &str) -> bool {
        self.books.holds(needle.as_bytes())
    }

    /// Where its books are.
    pub(super) fn place(&self) -> &Place {
        &self.books.place
    }

    /// Lets time pass.
    pub(super) fn pass(&self, secs: i64) {
        self.ahead
            .fetch_add(secs * 1_000_000_000, Ordering::Relaxed);
    }

    /// Its books, which it has closed: all that is written is in them.
    pub(super) fn books(&self) -> &Books {
        self.treasury.close();
        self.runtime.block_on(self.panel.store().close());
        &self.books
    }

    pub(super) fn send(&self, request: Request<Body>) -> Got {
        self.runtime.block_on(async {
            let response = self.router.clone().oneshot(request).await;
            let response = response.expect("an answer");
            let (parts, body) = response.into_parts();
            let is_stream = parts
                .headers
                .get("content-type")
                .is_some_and(|kind| kind == "text/event-stream");
            let body = if is_stream {
                // It has no end: what it says first is all that is asked here.
                Value::String(Stream::of(body).until("event: snapshot").await)
            } else {
                let body = to_bytes(body, 1 << 20).await.expect("a body");
                serde_json::from_slice(&body).unwrap_or(Value::Null)
            };
            Got {
                status: parts.status,
                headers: parts.headers,
                body,
            }
        })
    }

    pub(super) fn ask(&self, what: &str, token: &str, body: Value) -> Got {
        self.ask_with(what, token, body, &[])
    }

    /// `what` is a method and a path; a body of null is none.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a test says in place what it sends"
    )]
    pub(super) fn ask_with(
        &self,
        what: &str,
        token: &str,
        body: Value,
        headers: &[(&str, &str)],
    ) -> Got {
        self.send(request(what, token, &body, headers))
    }

    pub(super) fn get(&self, path: &str, token: &str) -> Got {
        self.ask(&format!("GET {path}"), token, Value::Null)
    }

    /// The first administrator; their token.
    pub(super) fn first_admin(&self) -> String {
        let link = self.runtime.block_on(users::first_admin_link(&self.panel));
        let link = link.expect("a link").expect("nobody is there yet");
        let body = json!({ "token": link.expose(), "email": "Ada@example.com", "name": "Ada", "password": PASSWORD });
        let opened = self.ask("POST /api/v1/setup", "", body).is(201);
        text(&opened["token"])
    }

    /// Somebody with a role and a scope; their token and id.
    pub(super) fn user(
        &self,
        admin: &str,
        name: &str,
        role: &str,
        scope: Option<&str>,
    ) -> (String, String) {
        let body = json!({ "email": format!("{name}@example.com"), "name": name, "role": role, "scope": scope });
        let invited = self.ask("POST /api/v1/users", admin, body).is(201);
        let body = json!({ "token": invited["token"], "password": PASSWORD });
        let opened = self
            .ask("POST /api/v1/invitations/accept", "", body)
            .is(201);
        (text(&opened["token"]), text(&invited["user"]["id"]))
    }

    /// A node; its id.
    pub(super) fn node(&self, admin: &str, kind: &str, name: &str, parent: Option<&str>) -> String {
        let body = json!({ "kind": kind, "name": name, "parent": parent });
        text(&self.ask("POST /api/v1/nodes", admin, body).is(201)["id"])
    }

    /// `acme/red/atlas` and `acme/blue/borealis`; the ids of acme, red, atlas, blue, borealis.
    pub(super) fn tree(&self, admin: &str) -> [String; 5] {
        let acme = self.node(admin, "org", "acme", None);
        let red = self.node(admin, "team", "red", Some(&acme));
        let atlas = self.node(admin, "project", "atlas", Some(&red));
        let blue = self.node(admin, "team", "blue", Some(&acme));
        let borealis = self.node(admin, "project", "borealis", Some(&blue));
        [acme, red, atlas, blue, borealis]
    }

    /// A key; its id, number and secret.
    pub(super) fn key(&self, token: &str, node: &str, name: &str) -> (String, u64, String) {
        let body = json!({ "node": node, "name": name });
        let made = self.ask("POST /api/v1/keys", token, body).is(201);
        let number = made["key"]["number"].as_u64().expect("a number");
        (text(&made["key"]["id"]), number, text(&made["secret"]))
    }

    /// A budget; its id.
    pub(super) fn budget(&self, token: &str, node: &str, window: &str, limit: &str) -> String {
        let body = json!({ "node": node, "window": window, "limit": limit });
        text(&self.ask("POST /api/v1/budgets", token, body).is(201)["id"])
    }

    /// A gateway that has come and wants money of a leaf: what it is lent.
    pub(super) fn borrow(&self, router: RouterId, seq: u64, leaf: u64, need: &str) -> Synced {
        let sync = Sync {
            router,
            incarnation: 1,
            seq,
            leases: Vec::new(),
            wants: vec![Want {
                leaf: LeafId(leaf),
                need: need.parse().expect("dollars"),
                rate: Money::ZERO,
            }],
            finals: Vec::new(),
        };
        let answer = self.runtime.block_on(self.treasury.sync(sync));
        match answer.expect("an answer") {
            Answer::Synced(synced) => synced,
            other => panic!("{other:?}"),
        }
    }

    /// The panel started anew, over the same books and by the same clock.
    pub(super) fn again(&self) -> Panel {
        let now = self.panel.now();
        let (treasury, bulletin) = (Arc::clone(&self.treasury), Arc::clone(&self.bulletin));
        self.runtime.block_on(async {
            let store = Store::open(&self.books.place).await;
            let panel = Panel::open(
                store.expect("books"),
                treasury,
                bulletin,
                Arc::new(move || now),
            );
            panel.await.expect("a panel")
        })
    }

    /// A gateway tells what it spent of a lease, and what for.
    pub(super) fn report(
        &self,
        (router, seq): (RouterId, u64),
        (lease, fence): (LeaseId, u64),
        settled: &str,
        usage: &[Usage],
    ) {
        let sync = Sync {
            router,
            incarnation: 1,
            seq,
            leases: vec![Line {
                lease,
                fence,
                settled: settled.parse().expect("dollars"),
                returned: Money::ZERO,
                reserved: Money::ZERO,
                overrun: Money::ZERO,
                closing: false,
                usage: usage.to_vec(),
            }],
            wants: Vec::new(),
            finals: Vec::new(),
        };
        let answer = self.runtime.block_on(self.treasury.sync(sync));
        let answer = answer.expect("an answer");
        assert!(matches!(answer, Answer::Synced(_)), "{answer:?}");
    }

    /// Enrols a gateway with the bank alone.
    pub(super) fn greet(&self, router: RouterId) {
        self.runtime.block_on(async {
            self.treasury.enrol(router).await.expect("enrolled");
            let (disk, start) = (DiskId(1), 1);
            let hello = Hello {
                router,
                disk,
                start,
            };
            self.treasury.hello(hello).await.expect("a number");
        });
    }
}

/// A stream of events that is read piece by piece.
pub(super) struct Stream {
    body: Body,
    /// What came and was not looked at.
    text: String,
}

/// An event of a stream: its id, name and data.
pub(super) type Event = (String, String, Value);

impl Stream {
    fn of(body: Body) -> Self {
        Self {
            body,
            text: String::new(),
        }
    }

    /// More of it; false at its end.
    async fn more(&mut self) -> bool {
        let frame = tokio::time::timeout(PATIENCE, self.body.frame()).await;
        let Some(frame) = frame.expect("something comes in time") else {
            return false;
        };
        let data = frame.expect("no error").into_data().expect("data");
        self.text
            .push_str(std::str::from_utf8(&data).expect("text"));
        true
    }

    /// All of it up to a piece that has this.
    async fn until(mut self, what: &str) -> String {
        while !self.text.contains(what) || !self.text.ends_with("\n\n") {
            assert!(self.more().await, "it ended: {}", self.text);
        }
        self.text
    }

    /// The next event; none at the end.
    async fn next(&mut self) -> Option<Event> {
        loop {
            let Some((message, rest)) = self.text.split_once("\n\n") else {
                if !self.more().await {
                    return None;
                }
                continue;
            };
            let (message, rest) = (message.to_owned(), rest.to_owned());
            self.text = rest;
            let field = |name: &str| {
                let mut lines = message.lines();
                let found = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                found.unwrap_or_default().to_owned()
            };
            if !field("event").is_empty() {
                let data = serde_json::from_str(&field("data")).expect("JSON");
                return Some((field("id"), field("event"), data));
            }
        }
    }
}

impl World {
    /// Looks on as somebody, from after this event on.
    pub(super) fn live(&self, token: &str, after: Option<&str>) -> Stream {
        let headers: Vec<_> = after.map(|id| ("last-event-id", id)).into_iter().collect();
        let request = request("GET /api/v1/live", token, &Value::Null, &headers);
        let response = self.runtime.block_on(self.router.clone().oneshot(request));
        let response = response.expect("an answer");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Stream::of(response.into_body())
    }

    /// The next event of a stream; none at its end.
    pub(super) fn heard(&self, stream: &mut Stream) -> Option<Event> {
        self.runtime.block_on(stream.next())
    }

    /// The next event of this name, others passed over.
    #[track_caller]
    pub(super) fn hears(&self, stream: &mut Stream, name: &str) -> Event {
        loop {
            let event = self.heard(stream).expect("the stream goes on");
            if event.1 == name {
                return event;
            }
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.treasury.close();
    }
}

pub(super) fn request(
    what: &str,
    token: &str,
    body: &Value,
    headers: &[(&str, &str)],
) -> Request<Body> {
    let (method, path) = what.split_once(' ').expect("a method and a path");
    let mut request = Request::builder().method(method).uri(path);
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request = request.extension(Peer("192.0.2.7:40000".parse().expect("an address")));
    let request = if body.is_null() {
        request.body(Body::empty())
    } else {
        let request = request.header("content-type", "application/json");
        request.body(Body::from(body.to_string()))
    };
    request.expect("a request")
}

pub(super) fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("text: {value}"))
        .to_owned()
}
