//! A provider of sign-ins for tests: a real socket, keys drawn anew, and switches to have it misbehave.
//!
//! Its door is a function instead of a page: a test is the browser, and is sent back at once. It knows neither the panel nor
//! the rest of this support, so that the panel's own tests use it, too.

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use sha2::Digest as _;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::sync::watch;

pub(crate) const CLIENT: &str = "tollgate panel";
pub(crate) const SECRET: &str = "canary secret: +&/%";

/// How it answers.
#[derive(Debug, Clone)]
pub(crate) struct Whims {
    pub(crate) subject: String,
    pub(crate) email: Value,
    pub(crate) verified: Value,
    /// Claims that are different; null for none.
    pub(crate) claims: Value,
    pub(crate) algorithm: &'static str,
    /// The id of the key it signs by; what it publishes is `one`.
    pub(crate) key: &'static str,
    /// It publishes this key beside `one` from the next asking on.
    pub(crate) rotates: Option<&'static str>,
    pub(crate) breaks_signature: bool,
    /// Fields of the discovery document that are different.
    pub(crate) discovery: Value,
    /// Where it answers with a redirect, more than anybody reads, or not at all: `discovery`, `keys`, `token`.
    pub(crate) redirects: &'static str,
    pub(crate) floods: &'static str,
    pub(crate) hangs: &'static str,
    /// It takes a code more than once, whoever shows it, with any verifier.
    pub(crate) is_lax: bool,
}

impl Default for Whims {
    fn default() -> Self {
        Self {
            subject: "248289761001".to_owned(),
            email: json!("bob@example.com"),
            verified: json!(true),
            claims: json!({}),
            algorithm: "ES256",
            key: "one",
            rotates: None,
            breaks_signature: false,
            discovery: json!({}),
            redirects: "",
            floods: "",
            hangs: "",
            is_lax: false,
        }
    }
}

/// What somebody was sent there with.
#[derive(Debug, Clone)]
struct Visit {
    fields: BTreeMap<String, String>,
    is_used: bool,
}

struct Inner {
    issuer: String,
    key: EcdsaKeyPair,
    whims: Mutex<Whims>,
    visits: Mutex<BTreeMap<String, Visit>>,
    asked: Mutex<Vec<&'static str>>,
}

/// A running provider.
pub(crate) struct Identity {
    inner: Arc<Inner>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Identity {
    pub(crate) fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("its mode");
        let port = listener.local_addr().expect("its address").port();
        let random = SystemRandom::new();
        let drawn = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
        let drawn = drawn.expect("a key");
        let key =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, drawn.as_ref(), &random);
        let inner = Arc::new(Inner {
            issuer: format!("http://127.0.0.1:{port}/realm"),
            key: key.expect("a key"),
            whims: Mutex::default(),
            visits: Mutex::default(),
            asked: Mutex::default(),
        });
        let router = Router::new()
            .route("/realm/.well-known/openid-configuration", get(discovery))
            .route("/realm/keys", get(keys))
            .route("/realm/token", post(token))
            .with_state(inner.clone());
        let (stop, mut stopped) = watch::channel(false);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.expect("a runtime").block_on(async move {
                let listener = TcpListener::from_std(listener).expect("a socket");
                let serving = axum::serve(listener, router);
                tokio::select! {
                    _ = serving => {}
                    _ = stopped.changed() => {}
                }
            });
        });
        Self {
            inner,
            stop,
            thread: Some(thread),
        }
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.inner.issuer
    }

    /// From now on it is like this.
    pub(crate) fn is(&self, change: impl FnOnce(&mut Whims)) {
        let mut whims = Whims::default();
        change(&mut whims);
        *locked(&self.inner.whims) = whims;
    }

    /// What it was asked for since it was asked this last: `discovery`, `keys`, `token`.
    pub(crate) fn asked(&self) -> Vec<&'static str> {
        std::mem::take(&mut locked(&self.inner.asked))
    }

    /// Somebody comes to its door, signs in, and is sent back: where to.
    pub(crate) fn visit(&self, location: &str) -> String {
        let door = format!("{}/door?", self.inner.issuer);
        let query = location.strip_prefix(&door);
        let query = query.unwrap_or_else(|| panic!("not its door: {location}"));
        let fields = fields(query);
        for (name, expected) in [
            ("response_type", "code"),
            ("client_id", CLIENT),
            ("code_challenge_method", "S256"),
            ("scope", "openid email profile"),
        ] {
            assert_eq!(
                fields.get(name).map(String::as_str),
                Some(expected),
                "{location}"
            );
        }
        let code = format!(
            "code-{}",
            URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(location))
        );
        let back = format!(
            "{}?code={code}&state={}",
            fields["redirect_uri"], fields["state"]
        );
        let visit = Visit {
            fields,
            is_used: false,
        };
        locked(&self.inner.visits).insert(code, visit);
        back
    }
}

impl Drop for Identity {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no panic")
}

impl Inner {
    /// How it misbehaves in this place, if it does.
    async fn misbehaves(&self, place: &'static str) -> Option<Response> {
        locked(&self.asked).push(place);
        let whims = locked(&self.whims).clone();
        if whims.hangs == place {
            return std::future::pending().await;
        }
        if whims.redirects == place {
            let there = format!("{}/{place}", self.issuer);
            return Some((StatusCode::FOUND, [("location", there)]).into_response());
        }
        (whims.floods == place).then(|| Body::from(" ".repeat(1 << 20)).into_response())
    }

    fn public(&self) -> &[u8] {
        self.key.public_key().as_ref()
    }

    fn signed(&self, nonce: &str) -> String {
        let whims = locked(&self.whims).clone();
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = i64::try_from(now.expect("after 1970").as_secs()).expect("a time");
        let mut claims = json!({
            "iss": self.issuer, "sub": whims.subject, "aud": CLIENT, "nonce": nonce,
            "iat": now, "exp": now + 300,
            "email": whims.email, "email_verified": whims.verified,
        });
        for (name, value) in whims.claims.as_object().expect("claims") {
            // Numbers are seconds from now.
            claims[name] = match value.as_i64() {
                Some(seconds) => json!(now + seconds),
                None => value.clone(),
            };
        }
        let header = json!({ "alg": whims.algorithm, "kid": whims.key, "typ": "JWT" });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&header), part(&claims));
        let mut signature = match whims.algorithm {
            "none" => Vec::new(),
            "HS256" => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, self.public());
                hmac::sign(&key, message.as_bytes()).as_ref().to_vec()
            }
            _ => {
                let signed = self.key.sign(&SystemRandom::new(), message.as_bytes());
                signed.expect("a signature").as_ref().to_vec()
            }
        };
        if whims.breaks_signature {
            signature[0] ^= 1;
        }
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

async fn discovery(State(inner): State<Arc<Inner>>) -> Response {
    if let Some(answer) = inner.misbehaves("discovery").await {
        return answer;
    }
    let issuer = &inner.issuer;
    let mut document = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/door"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "response_types_supported": ["code"],
    });
    let whims = locked(&inner.whims).clone();
    for (name, value) in whims.discovery.as_object().expect("fields") {
        document[name] = value.clone();
    }
    axum::Json(document).into_response()
}

async fn keys(State(inner): State<Arc<Inner>>) -> Response {
    if let Some(answer) = inner.misbehaves("keys").await {
        return answer;
    }
    let point = inner.public();
    let key = |id: &str| {
        let part = |from: usize| URL_SAFE_NO_PAD.encode(&point[from..from + 32]);
        json!({ "kty": "EC", "crv": "P-256", "use": "sig", "kid": id, "x": part(1), "y": part(33) })
    };
    // One that nobody here can use, as providers have them.
    let mut keys = vec![
        json!({ "kty": "OKP", "crv": "Ed25519", "x": "AAAA", "kid": "ed" }),
        key("one"),
    ];
    keys.extend(locked(&inner.whims).rotates.map(key));
    axum::Json(json!({ "keys": keys })).into_response()
}

async fn token(State(inner): State<Arc<Inner>>, headers: HeaderMap, body: String) -> Response {
    if let Some(answer) = inner.misbehaves("token").await {
        return answer;
    }
    let fields = fields(&body);
    let is_lax = locked(&inner.whims).is_lax;
    let refused = |error: &str| {
        (
            StatusCode::BAD_REQUEST,
            axum::Json(json!({ "error": error })),
        )
            .into_response()
    };
    let pair = format!(
        "{}:{}",
        "tollgate%20panel", "canary%20secret%3A%20%2B%26%2F%25"
    );
    let basic = format!("Basic {}", STANDARD.encode(pair));
    let shown = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    if shown != Some(&basic) {
        return refused("invalid_client");
    }
    let mut visits = locked(&inner.visits);
    let Some(visit) = fields.get("code").and_then(|code| visits.get_mut(code)) else {
        return refused("invalid_grant");
    };
    let verifier = fields.get("code_verifier").cloned().unwrap_or_default();
    let challenge = URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(verifier.as_bytes()));
    let right = visit.fields.get("code_challenge") == Some(&challenge)
        && visit.fields.get("redirect_uri") == fields.get("redirect_uri")
        && fields.get("grant_type").map(String::as_str) == Some("authorization_code")
        && !visit.is_used;
    if !right && !is_lax {
        return refused("invalid_grant");
    }
    visit.is_used = true;
    let nonce = visit.fields["nonce"].clone();
    drop(visits);
    let answer = json!({
        "access_token": "canary access", "token_type": "Bearer", "id_token": inner.signed(&nonce),
    });
    axum::Json(answer).into_response()
}

fn fields(query: &str) -> BTreeMap<String, String> {
    let decoded = |text: &str| {
        let mut bytes = Vec::new();
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            if byte == b'%' {
                let digits = [rest.next().expect("a digit"), rest.next().expect("a digit")];
                let digits = std::str::from_utf8(&digits).expect("digits");
                bytes.push(u8::from_str_radix(digits, 16).expect("digits"));
            } else {
                bytes.push(byte);
            }
        }
        String::from_utf8(bytes).expect("text")
    };
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

/// A browser that follows no redirect by itself.
pub(crate) struct Browser {
    client: reqwest::Client,
}

/// What a browser was answered.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) location: String,
    /// The cookie that was set first, as it is sent back.
    pub(crate) cookie: String,
    /// All of them as they were set.
    pub(crate) cookies: Vec<String>,
    pub(crate) body: String,
}

/// TLS that trusts this authority alone, given as PEM.
pub(crate) fn trusting(ca: &str) -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    let ca = CertificateDer::from_pem_slice(ca.as_bytes()).expect("a certificate");
    roots.add(ca).expect("an authority");
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ClientConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

impl Browser {
    /// One that trusts this authority, given as PEM.
    pub(crate) fn trusting(ca: &str) -> Self {
        let client = reqwest::Client::builder()
            .use_preconfigured_tls(trusting(ca))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build();
        Self {
            client: client.expect("a client"),
        }
    }

    /// Looks at an address, with these cookies.
    pub(crate) fn get(&self, url: &str, cookies: &str) -> Page {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("a runtime").block_on(async {
            let request = self.client.get(url).header("sec-fetch-mode", "navigate");
            let answer = request.header("cookie", cookies).send().await;
            let answer = answer.expect("an answer");
            let text = |value: &axum::http::HeaderValue| value.to_str().expect("text").to_owned();
            let cookies = answer.headers().get_all("set-cookie").iter();
            let cookies: Vec<String> = cookies.map(text).collect();
            let first = cookies.first().and_then(|set| set.split(';').next());
            Page {
                status: answer.status().as_u16(),
                location: answer
                    .headers()
                    .get("location")
                    .map(text)
                    .unwrap_or_default(),
                cookie: first.unwrap_or_default().to_owned(),
                cookies,
                body: answer.text().await.expect("a body"),
            }
        })
    }
}
