//! The treaty's routes over a real bank, asked without a socket: what is heard, and from whom.

mod tally;

use super::*;
use crate::clock;
use crate::control::authority::{Authority, ClientCertificate, Fingerprint};
use crate::control::bulletin::Bulletin;
use crate::control::store::support::Books;
use crate::control::treasury::Treasury;
use crate::control::tree::{Tree, TreeBudget, TreeLeaf};
use crate::governance::budget::Window;
use crate::lease::bundle::{self, NotTrusted, Order, PolicyKey, Report};
use crate::lease::directory::{Directory, Enrolled, Event};
use crate::lease::protocol::{LeafId, Lending, RouterId, Terms};
use crate::lease::tally::{Heard, Tallies};
use crate::lease::vault::{Allowed, Credential, Given, Question};
use crate::secret::Secret;
use crate::units::Money;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use jiff::tz::TimeZone;
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;
use tower::ServiceExt as _;

const TOKEN: &str = "one-time";
const ROUTER: RouterId = RouterId(0x77);

/// Knows one gateway, by a token that binds to the first key it comes with.
#[derive(Default)]
struct Fake {
    key: Mutex<Option<Fingerprint>>,
    certificates: Mutex<HashMap<Fingerprint, RouterId>>,
    heard: Mutex<Option<u64>>,
    tallies: Mutex<Vec<Tallies>>,
}

impl Registrar for Fake {
    fn admit<'a>(
        &'a self,
        token: &'a str,
        key: Fingerprint,
    ) -> Later<'a, Result<(RouterId, String), NotEnrolled>> {
        let mut bound = self.key.lock().expect("no panic");
        let fits = token == TOKEN && *bound.get_or_insert(key) == key;
        let admitted = fits.then(|| (ROUTER, "edge".to_owned()));
        Box::pin(async { admitted.ok_or(NotEnrolled::Token) })
    }

    fn renews(&self, _: RouterId, key: Fingerprint) -> Later<'_, Result<String, NotEnrolled>> {
        let own = *self.key.lock().expect("no panic") == Some(key);
        let name = own.then(|| "edge".to_owned());
        Box::pin(async { name.ok_or(NotEnrolled::OtherKey) })
    }

    fn certified<'a>(
        &'a self,
        (router, _): (RouterId, Fingerprint),
        certificate: &'a ClientCertificate,
    ) -> Later<'a, Result<(), NotEnrolled>> {
        let mut known = self.certificates.lock().expect("no panic");
        known.insert(certificate.fingerprint, router);
        Box::pin(async { Ok(()) })
    }

    fn known(
        &self,
        certificate: Fingerprint,
        _: Option<Fingerprint>,
    ) -> Later<'_, Result<Option<RouterId>, NotEnrolled>> {
        let known = self.certificates.lock().expect("no panic");
        let router = known.get(&certificate).copied();
        Box::pin(async move { Ok(router) })
    }

    fn credentials<'a>(
        &'a self,
        _: RouterId,
        _: &'a [String],
        known: u64,
    ) -> Later<'a, Result<Option<Allowed>, NotEnrolled>> {
        let credential = Credential {
            name: "openai".to_owned(),
            version: 2,
            secret: Secret::new("sk-canary".to_owned()),
        };
        let allowed = Allowed {
            revision: 5,
            lifetime: Duration::from_mins(1),
            credentials: vec![credential],
            missing: Vec::new(),
        };
        Box::pin(async move { Ok((known != 5).then_some(allowed)) })
    }

    fn heard(&self, _: RouterId, cursor: Option<u64>) {
        *self.heard.lock().expect("no panic") = cursor;
    }

    fn tallied(&self, told: Tallies) -> Later<'_, Result<Option<Heard>, NotEnrolled>> {
        let known = told.incarnation == 1;
        let seq = told.seq;
        let mut tallies = self.tallies.lock().expect("no panic");
        let last = tallies.last().map_or(0, |told| told.seq);
        if known {
            tallies.push(told);
        }
        Box::pin(async move { Ok(known.then_some(Heard { seq, last })) })
    }

    fn aborting(&self) -> Later<'_, Result<Vec<Event>, NotEnrolled>> {
        let kill = Event::Kill {
            leaves: vec![LeafId(6)],
            abort_streams: true,
        };
        Box::pin(async { Ok(vec![kill]) })
    }

    fn directory(&self, known: Option<u64>) -> Later<'_, Result<Option<Directory>, NotEnrolled>> {
        let directory = Directory {
            revision: 5,
            ..Directory::default()
        };
        let new = (known != Some(5)).then_some(directory);
        Box::pin(async { Ok(new) })
    }
}

/// Orders one file, at a revision that a test may change.
struct Orders {
    pair: ring::signature::Ed25519KeyPair,
    key: PolicyKey,
    said: Mutex<Vec<(RouterId, Report)>>,
}

impl Policies for Orders {
    fn revision(&self) -> u64 {
        3
    }

    fn key(&self) -> Option<PolicyKey> {
        Some(self.key)
    }

    fn order<'a>(
        &'a self,
        router: RouterId,
        have: Option<&'a str>,
    ) -> Later<'a, Result<Option<Order>, NotEnrolled>> {
        let files = bundle::Files::from([("org.yaml".to_owned(), "version: 1\n".to_owned())]);
        let digest = bundle::digest(&files);
        let is_there = have == Some(digest.as_str());
        let sign = |message: &[u8]| self.pair.sign(message).as_ref().to_vec();
        let order = Order {
            files: (!is_there).then_some(files),
            ..Order::signed((router, 3), Some((1, digest)), self.key, sign)
        };
        Box::pin(async { Ok(Some(order)) })
    }

    fn report(&self, router: RouterId, report: Report) {
        self.said.lock().expect("no panic").push((router, report));
    }
}

struct Rig {
    fake: Arc<Fake>,
    orders: Arc<Orders>,
    router: Router,
    treaty: Arc<Treaty>,
    _books: Books,
    _folder: tempfile::TempDir,
}

impl Rig {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let books = Books::new(folder.path());
        let place = books.place.clone();
        let start = move || Treasury::start(&place, Terms::default()).expect("a treasury");
        let treasury = tokio::task::spawn_blocking(start).await.expect("no panic");
        let tree = Tree {
            budgets: vec![TreeBudget {
                id: 1,
                limit: Money::from_nanos(1_000_000_000),
                hard: true,
                lending: Lending::default(),
                window: Window::Total,
                zone: TimeZone::UTC,
            }],
            leaves: vec![TreeLeaf {
                id: LeafId(4),
                budgets: vec![1],
                killed: false,
            }],
            ..Tree::default()
        };
        treasury.enrol(ROUTER).await.expect("enrolled");
        treasury.govern(tree).await.expect("governed");
        let authority = Authority::open(folder.path(), clock::now().wall).expect("an authority");
        let (pair, key) = bundle::tests::key();
        let said = Mutex::default();
        let orders = Arc::new(Orders { pair, key, said });
        let fake = Arc::<Fake>::default();
        let treaty = Arc::new(Treaty {
            policies: orders.clone(),
            treasury: Arc::new(treasury),
            bulletin: Arc::new(Bulletin::new(100)),
            authority: Arc::new(authority),
            registrar: fake.clone(),
            certificate_lifetime: Duration::from_hours(24),
        });
        Self {
            fake,
            orders,
            router: router(treaty.clone()),
            treaty,
            _books: books,
            _folder: folder,
        }
    }

    async fn ask(&self, request: Request<Body>, certificate: Option<Fingerprint>) -> (u16, Value) {
        let from = From {
            address: ([127, 0, 0, 1], 9).into(),
            certificate,
            key: None,
        };
        let router = self.router.clone().layer(axum::Extension(from));
        let answer = router.oneshot(request).await.expect("an answer");
        let status = answer.status();
        let body = axum::body::to_bytes(answer.into_body(), 1 << 20);
        let body = serde_json::from_slice(&body.await.expect("a body")).unwrap_or(Value::Null);
        (status.as_u16(), body)
    }

    async fn post(&self, path: &str, body: &Value, who: Option<Fingerprint>) -> (u16, Value) {
        let request = Request::post(path).body(body.to_string().into());
        self.ask(request.expect("a request"), who).await
    }

    async fn enrol(
        &self,
        token: Option<&str>,
        csr: &str,
        who: Option<Fingerprint>,
    ) -> (u16, Value) {
        let mut request = Request::post("/v1/enrol");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = json!({ "csr": csr }).to_string();
        self.ask(request.body(body.into()).expect("a request"), who)
            .await
    }

    /// A gateway with its certificate and its process's number.
    async fn enrolled(&self) -> Fingerprint {
        let (_, answer) = self.enrol(Some(TOKEN), &csr(), None).await;
        let who = fingerprint(&answer);
        let hello = json!({ "router_id": id(ROUTER), "disk_id": id(RouterId(1)), "start": "1" });
        let (status, answer) = self.post("/v1/hello", &hello, Some(who)).await;
        assert_eq!((status, &answer["incarnation"]), (200, &json!("1")));
        who
    }
}

fn id(router: RouterId) -> String {
    format!("{:032x}", router.0)
}

fn csr() -> String {
    let key = KeyPair::generate().expect("a key");
    let request = CertificateParams::default().serialize_request(&key);
    request.expect("a request").pem().expect("PEM")
}

fn fingerprint(answer: &Value) -> Fingerprint {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;
    let enrolled: Enrolled = serde_json::from_value(answer.clone()).expect("enrolled");
    let der = CertificateDer::from_pem_slice(enrolled.certificate.as_bytes()).expect("PEM");
    Fingerprint::of(&der)
}

fn want(seq: u64, need: &str) -> Value {
    json!({ "router_id": id(ROUTER), "incarnation": "1", "seq": seq.to_string(), "leases": [], "finals": [],
            "wants": [{ "leaf": "4", "need_now": need, "rate_ewma": "0" }] })
}

#[tokio::test]
async fn a_gateway_is_enrolled_greeted_and_lent_money() {
    let rig = Rig::new().await;
    let who = rig.enrolled().await;
    let (status, answer) = rig.post("/v1/sync", &want(1, "5000000"), Some(who)).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["leases"][0]["leaf"], json!("4"));
    let again = rig.post("/v1/sync", &want(1, "5000000"), Some(who)).await;
    assert_eq!(again, (200, answer));
}

#[tokio::test]
async fn a_token_is_for_one_key_and_a_certificate_renews_itself() {
    let rig = Rig::new().await;
    let csr = csr();
    let (status, first) = rig.enrol(Some(TOKEN), &csr, None).await;
    assert_eq!(status, 200, "{first}");
    // The answer got lost: the same key asks again.
    let (status, _) = rig.enrol(Some(TOKEN), &csr, None).await;
    assert_eq!(status, 200);
    let (status, answer) = rig.enrol(Some(TOKEN), &self::csr(), None).await;
    assert_eq!((status, &answer["code"]), (401, &json!("unauthorized")));
    let who = Some(fingerprint(&first));
    let (status, answer) = rig.enrol(None, &csr, who).await;
    assert_eq!((status, &answer["router_id"]), (200, &json!(id(ROUTER))));
    let (status, answer) = rig.enrol(None, &self::csr(), who).await;
    assert_eq!((status, &answer["code"]), (403, &json!("forbidden")));
    let (status, answer) = rig.enrol(None, &self::csr(), None).await;
    assert_eq!((status, &answer["code"]), (401, &json!("unauthorized")));
}

#[tokio::test]
async fn what_somebody_else_says_changes_nothing() {
    let rig = Rig::new().await;
    let who = rig.enrolled().await;
    let forged = {
        let mut forged = want(1, "5");
        forged["router_id"] = json!(id(RouterId(0x78)));
        forged
    };
    let stranger = Fingerprint([9; 32]);
    for (body, who, status, code) in [
        (want(1, "5"), None, 401, "unauthorized"),
        (want(1, "5"), Some(stranger), 403, "unknown_router"),
        (forged, Some(who), 403, "forbidden"),
        (want(1, "-5"), Some(who), 400, "malformed"),
        (want(1, "1e9"), Some(who), 400, "malformed"),
        (want(1, "99999999999999999999"), Some(who), 400, "malformed"),
        (json!({}), Some(who), 400, "malformed"),
        (json!("NaN"), Some(who), 400, "malformed"),
    ] {
        let (got, answer) = rig.post("/v1/sync", &body, who).await;
        assert_eq!((got, &answer["code"]), (status, &json!(code)), "{body}");
    }
    let held = rig.treaty.treasury.look(|bank| bank.leases().count());
    assert_eq!(held.await.expect("a look"), 0);
}

#[tokio::test]
async fn what_calls_were_for_is_refused_or_cut_like_amounts_and_never_breaks_the_books() {
    let rig = Rig::new().await;
    let who = rig.enrolled().await;
    let (status, answer) = rig.post("/v1/sync", &want(1, "5000000"), Some(who)).await;
    assert_eq!(status, 200, "{answer}");
    let grant = &answer["leases"][0];
    let tell = |seq: u64, usage: &Value| {
        json!({ "router_id": id(ROUTER), "incarnation": "1", "seq": seq.to_string(), "wants": [], "finals": [],
            "leases": [{ "lease_id": grant["lease_id"], "fence": grant["fence"], "settled_total": "1000",
                "returned_total": "0", "reserved_now": "0", "overrun_total": "0", "closing": false, "usage": usage }] })
    };
    let line = |model: &str, calls: &str, cost: &str| json!({ "model": model, "tokens_in": "1", "tokens_out": "1", "calls": calls, "cost_total": cost });
    let most = "9223372036854775807";
    for (usage, refused) in [
        (json!([line("m", "-1", "1")]), (400, "malformed")),
        (json!([line("m", "1", "-1")]), (400, "malformed")),
        (
            json!([line("m", "9223372036854775808", "1")]),
            (400, "malformed"),
        ),
        (json!([{ "model": "m" }]), (400, "malformed")),
        (json!([line("m", "1", most)]), (422, "amount")),
    ] {
        let (status, answer) = rig.post("/v1/sync", &tell(2, &usage), Some(who)).await;
        assert_eq!(
            (status, answer["code"].as_str()),
            (refused.0, Some(refused.1)),
            "{usage}"
        );
    }
    let many: Vec<Value> = (0..3_000)
        .map(|n| line(&format!("m{n}"), most, "1000"))
        .collect();
    let names = json!([line("a\u{0}b", "1", "1"), line(&"m".repeat(999), "1", "1")]);
    for (seq, usage) in (2..).zip([
        json!(many),
        names,
        json!(many),
        json!([line("m0", "1", "1")]),
    ]) {
        let (status, answer) = rig.post("/v1/sync", &tell(seq, &usage), Some(who)).await;
        assert_eq!(status, 200, "{answer}");
    }
    let look = rig.treaty.treasury.look(|bank| {
        let lines = bank.usage().flat_map(|(_, lines)| lines);
        let costs = lines.map(|line| line.cost).collect::<Vec<_>>();
        (
            costs.len(),
            costs.into_iter().fold(Money::ZERO, Money::plus),
        )
    });
    assert_eq!(look.await.expect("a look"), (65, Money::from_nanos(1_000)));
}

#[tokio::test]
async fn an_old_sync_and_one_that_says_two_things_are_told_from_each_other() {
    let rig = Rig::new().await;
    let who = rig.enrolled().await;
    rig.post("/v1/sync", &want(7, "5"), Some(who)).await;
    let (status, answer) = rig.post("/v1/sync", &want(3, "5"), Some(who)).await;
    assert_eq!(
        (status, &answer["code"], &answer["last"]),
        (409, &json!("stale"), &json!("7"))
    );
    let (status, answer) = rig.post("/v1/sync", &want(7, "6"), Some(who)).await;
    assert_eq!((status, &answer["code"]), (409, &json!("conflict")));
}

#[tokio::test]
async fn another_version_is_told_which_one_is_spoken() {
    let rig = Rig::new().await;
    let request = Request::post("/v1/sync").header("protocol-version", "2");
    let (status, answer) = rig
        .ask(request.body(Body::empty()).expect("a request"), None)
        .await;
    assert_eq!((status, &answer["code"]), (426, &json!("version")));
}

#[tokio::test]
async fn a_directory_that_is_known_is_not_sent_again() {
    let rig = Rig::new().await;
    let who = rig.enrolled().await;
    let get = |tag: &str| {
        let request = Request::get("/v1/directory").header("if-none-match", tag);
        request.body(Body::empty()).expect("a request")
    };
    let (status, answer) = rig.ask(get("\"4\""), Some(who)).await;
    assert_eq!((status, &answer["revision"]), (200, &json!("5")));
    let (status, _) = rig.ask(get("\"5\""), Some(who)).await;
    assert_eq!(status, StatusCode::NOT_MODIFIED.as_u16());
}

#[tokio::test]
async fn events_are_heard_from_where_the_last_one_was() {
    let rig = Rig::new().await;
    let who = rig.enrolled().await;
    let kill = Event::Kill {
        leaves: vec![LeafId(4)],
        abort_streams: true,
    };
    let first = rig.treaty.bulletin.publish(kill);
    let from = From {
        address: ([127, 0, 0, 1], 9).into(),
        certificate: Some(who),
        key: None,
    };
    let request = Request::get(format!("/v1/events?cursor={}", first - 1));
    let router = rig.router.clone().layer(axum::Extension(from));
    let answer = router
        .oneshot(request.body(Body::empty()).expect("a request"))
        .await;
    let mut body = answer.expect("an answer").into_body();
    let mut heard = String::new();
    rig.treaty.bulletin.publish(Event::SyncNow);
    while !heard.contains("sync_now") {
        let frame = body.frame().await.expect("more").expect("no error");
        let data = frame.into_data().expect("data");
        heard.push_str(std::str::from_utf8(&data).expect("text"));
    }
    let expected = format!(
        "event: cursor\ndata: {{\"cursor\":\"{}\"}}\n\nid: {first}\nevent: kill\ndata: \
         {{\"kind\":\"kill\",\"leaves\":[\"4\"],\"abort_streams\":true}}\n\n",
        first - 1
    );
    assert!(heard.starts_with(&expected), "{heard}");
}

#[tokio::test]
async fn who_missed_more_than_is_kept_hears_of_switches_that_cut_calls_again() {
    let rig = Rig::new().await;
    let who = rig.enrolled().await;
    let newest = rig.treaty.bulletin.newest();
    let from = From {
        address: ([127, 0, 0, 1], 9).into(),
        certificate: Some(who),
        key: None,
    };
    // A number of another board's.
    let request = Request::get(format!("/v1/events?cursor={}", newest + 9));
    let router = rig.router.clone().layer(axum::Extension(from));
    let answer = router
        .oneshot(request.body(Body::empty()).expect("a request"))
        .await;
    let mut body = answer.expect("an answer").into_body();
    let mut heard = String::new();
    while !heard.contains("abort_streams") {
        let frame = body.frame().await.expect("more").expect("no error");
        let data = frame.into_data().expect("data");
        heard.push_str(std::str::from_utf8(&data).expect("text"));
    }
    let expected = format!(
        "id: {newest}\nevent: missed\ndata: {{}}\n\nevent: kill\ndata: \
         {{\"kind\":\"kill\",\"leaves\":[\"6\"],\"abort_streams\":true}}\n\n"
    );
    assert!(heard.ends_with(&expected), "{heard}");
}

#[tokio::test]
async fn a_gateway_gets_its_own_policies_signed_and_nobody_else_any() {
    let rig = Rig::new().await;
    let get = |have: &str, tag: &str| {
        let request = Request::get(format!("/v1/policy{have}")).header("if-none-match", tag);
        request.body(Body::empty()).expect("a request")
    };
    // A stranger, and one whose certificate is nobody's.
    let (status, answer) = rig.ask(get("", ""), None).await;
    assert_eq!((status, &answer["code"]), (401, &json!("unauthorized")));
    let stranger = Some(Fingerprint([9; 32]));
    let (status, answer) = rig.ask(get("", ""), stranger).await;
    assert_eq!((status, &answer["code"]), (403, &json!("unknown_router")));
    let report = json!({ "revision": "3", "running": "1" });
    let (status, _) = rig.post("/v1/policy/report", &report, stranger).await;
    assert_eq!(status, 403);

    let (_, enrolled) = rig.enrol(Some(TOKEN), &csr(), None).await;
    let key: PolicyKey = enrolled["policy_key"]
        .as_str()
        .and_then(|key| key.parse().ok())
        .expect("a key");
    let who = Some(fingerprint(&enrolled));
    let (status, answer) = rig.ask(get("", ""), who).await;
    assert_eq!(status, 200, "{answer}");
    let order: Order = serde_json::from_value(answer).expect("an order");
    assert_eq!(order.check(key, ROUTER), Ok(()));
    assert_eq!(
        order.check(key, RouterId(0x78)),
        Err(NotTrusted::OtherGateway)
    );
    // What is known is not sent again, nor are files that are there.
    let tag = format!("\"{}\"", order.tag());
    let (status, _) = rig.ask(get("", &tag), who).await;
    assert_eq!(status, 304);
    let (status, answer) = rig
        .ask(get(&format!("?have={}", order.digest), ""), who)
        .await;
    assert_eq!((status, &answer["files"]), (200, &Value::Null));
    let (status, _) = rig.ask(get("?want=all", ""), who).await;
    assert_eq!(status, 400);
    // What it says is its own word, whoever else it would like to speak for.
    let (status, _) = rig.post("/v1/policy/report", &report, who).await;
    assert_eq!(status, 204);
    let said = rig.orders.said.lock().expect("no panic").clone();
    assert_eq!(said.len(), 1);
    assert_eq!((said[0].0, said[0].1.running), (ROUTER, 1));
}

#[tokio::test]
async fn a_sync_is_answered_with_the_revision_of_what_gateways_are_to_run() {
    let rig = Rig::new().await;
    let who = rig.enrolled().await;
    let from = From {
        address: ([127, 0, 0, 1], 9).into(),
        certificate: Some(who),
        key: None,
    };
    let request = Request::post("/v1/sync").body(Body::from(want(1, "5").to_string()));
    let router = rig.router.clone().layer(axum::Extension(from));
    let answer = router.oneshot(request.expect("a request")).await;
    let answer = answer.expect("an answer");
    assert_eq!(answer.status().as_u16(), 200);
    assert_eq!(answer.headers()["policy-revision"], "3");
}

#[tokio::test]
async fn credentials_are_for_the_gateway_that_asks_and_opens_them() {
    let rig = Rig::new().await;
    let who = rig.enrolled().await;
    let question = Question::new().expect("a key");
    let ask = |router: RouterId, known: &str, key: &str| json!({ "router_id": id(router), "known": known, "key": key, "names": ["openai"] });
    let good = ask(ROUTER, "0", &question.key);
    let (status, answer) = rig.post("/v1/credentials", &good, Some(who)).await;
    assert_eq!(status, 200, "{answer}");
    assert!(!answer.to_string().contains("canary"));
    let given: Given = serde_json::from_value(answer).expect("an answer");
    let opened = question.open(ROUTER, &given).expect("opens");
    assert_eq!(opened[0].secret.expose(), "sk-canary");
    let known = ask(ROUTER, "5", &question.key);
    let (status, answer) = rig.post("/v1/credentials", &known, Some(who)).await;
    assert_eq!((status, answer), (204, Value::Null));
    let stranger = Fingerprint([9; 32]);
    let forged = ask(RouterId(0x78), "0", &question.key);
    let mut many = good.clone();
    many["names"] = json!(vec!["openai"; 257]);
    for (body, who, status, code) in [
        (good.clone(), None, 401, "unauthorized"),
        (good.clone(), Some(stranger), 403, "unknown_router"),
        (forged, Some(who), 403, "forbidden"),
        (ask(ROUTER, "0", "AAAA"), Some(who), 400, "malformed"),
        (
            ask(ROUTER, "-1", &question.key),
            Some(who),
            400,
            "malformed",
        ),
        (many, Some(who), 400, "malformed"),
        (json!({}), Some(who), 400, "malformed"),
    ] {
        let (got, answer) = rig.post("/v1/credentials", &body, who).await;
        assert_eq!((got, &answer["code"]), (status, &json!(code)), "{body}");
        assert!(answer.get("credentials").is_none());
    }
}

#[tokio::test]
async fn who_comes_without_a_number_hears_of_switches_that_cut_calls() {
    let rig = Rig::new().await;
    let from = From {
        address: ([127, 0, 0, 1], 9).into(),
        certificate: Some(rig.enrolled().await),
        key: None,
    };
    let request = Request::get("/v1/events").body(Body::empty());
    let router = rig.router.clone().layer(axum::Extension(from));
    let answer = router.oneshot(request.expect("a request")).await;
    let mut body = answer.expect("an answer").into_body();
    let frame = body.frame().await.expect("more").expect("no error");
    let heard = frame.into_data().expect("data");
    let heard = std::str::from_utf8(&heard).expect("text");
    assert!(
        heard.contains("event: kill") && heard.contains("[\"6\"]"),
        "{heard}"
    );
}
