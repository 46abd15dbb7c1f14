//! The line to the panel: HTTPS, bounded answers, no redirect, no proxy; each write with a name of its own.
//!
//! Where a connection breaks, a write is sent once more under the same name, and the panel does it once. Writes that have no
//! name (whoever signs in is not known yet) are sent again only where nothing reached the panel.
//!
//! A command is one thread that asks and waits, so its runtime is one of this thread.

use super::fault::Fault;
use super::problem::Problem;
use crate::secret::Secret;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, IF_MATCH};
use reqwest::{Client, Method, Response};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{CertificateError, ClientConfig, RootCertStore};
use serde_json::Value;
use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

const CONNECT: Duration = Duration::from_secs(5);
/// The panel commits to its disk, and checks passwords slowly.
const ANSWER: Duration = Duration::from_secs(30);
/// Before a broken connection is replaced: whatever broke it may be just restarting.
const BREATH: Duration = Duration::from_millis(300);
/// The largest answer.
const MOST: usize = 32 << 20;

/// Speaks to one panel.
#[derive(Debug)]
pub(in crate::cli) struct Line {
    url: String,
    token: Option<HeaderValue>,
    http: Client,
    runtime: Runtime,
    interrupt: Option<std::cell::RefCell<Signal>>,
}

/// A request, ready to be sent, once or twice.
struct Asked {
    method: Method,
    url: String,
    body: Option<Vec<u8>>,
    version: Option<String>,
    /// The write's name.
    name: Option<String>,
}

impl Line {
    /// A line to this panel.
    pub(in crate::cli) fn new(
        url: &str,
        ca: Option<&str>,
        token: Option<&Secret<String>>,
    ) -> Result<Self, Fault> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let bearer = |token: &Secret<String>| {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
                .map_err(|_| Fault::Usage("the token holds characters that no token has".into()))?;
            value.set_sensitive(true);
            Ok::<_, Fault>(value)
        };
        Ok(Self {
            url: url.to_owned(),
            token: token.map(bearer).transpose()?,
            http: client(ca)?,
            runtime,
            interrupt: None,
        })
    }

    /// Where it leads.
    pub(in crate::cli) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn heed_interrupts(&mut self) -> Result<(), Fault> {
        let _entered = self.runtime.enter();
        self.interrupt = Some(std::cell::RefCell::new(signal(SignalKind::interrupt())?));
        Ok(())
    }

    pub(super) fn pause(&mut self, length: Duration) -> bool {
        let Some(interrupt) = &mut self.interrupt else {
            std::thread::sleep(length);
            return true;
        };
        let interrupt = interrupt.get_mut();
        self.runtime.block_on(async {
            tokio::select! {
                () = tokio::time::sleep(length) => true,
                _ = interrupt.recv() => false,
            }
        })
    }

    /// Asks, and reads the answer; null where there is none.
    pub(in crate::cli) fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        version: Option<i64>,
    ) -> Result<Value, Fault> {
        // Nobody who is not known has anything that could be remembered for them.
        let is_named = method != Method::GET && self.token.is_some();
        let asked = Asked {
            url: format!("{}/api/v1/{path}", self.url),
            body: body.map(|body| body.to_string().into_bytes()),
            version: version.map(|version| format!("\"{version}\"")),
            name: is_named.then(name).transpose()?,
            method,
        };
        let exchange = self.exchange(&asked);
        let Some(interrupt) = &self.interrupt else {
            return self.runtime.block_on(exchange);
        };
        let Ok(mut interrupt) = interrupt.try_borrow_mut() else {
            return Err(Fault::Interrupted);
        };
        self.runtime.block_on(async {
            tokio::select! {
                answer = exchange => answer,
                _ = interrupt.recv() => Err(Fault::Interrupted),
            }
        })
    }

    async fn exchange(&self, asked: &Asked) -> Result<Value, Fault> {
        let broken = match self.once(asked).await {
            Ok(answer) => return answer,
            Err(broken) => broken,
        };
        if self.untrusted(&broken).is_none() && may_repeat(asked, &broken) {
            tokio::time::sleep(BREATH).await;
            match self.once(asked).await {
                Ok(answer) => return answer,
                Err(broken) => return Err(self.unreachable(&broken)),
            }
        }
        Err(self.unreachable(&broken))
    }

    /// Asks once. The outer error is one of the connection.
    async fn once(&self, asked: &Asked) -> Result<Result<Value, Fault>, reqwest::Error> {
        let mut request = self.http.request(asked.method.clone(), &asked.url);
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, token.clone());
        }
        if let Some(name) = &asked.name {
            request = request.header("idempotency-key", name);
        }
        if let Some(version) = &asked.version {
            request = request.header(IF_MATCH, version);
        }
        if let Some(body) = &asked.body {
            request = request
                .header(CONTENT_TYPE, "application/json")
                .body(body.clone());
        }
        let response = request.send().await?;
        let status = response.status();
        let kind = response.headers().get(CONTENT_TYPE).cloned();
        let Some(body) = gather(response).await? else {
            let words = format!("it is longer than {MOST} bytes");
            return Ok(Err(Fault::Garbled(words)));
        };
        if status.is_success() {
            if body.is_empty() {
                return Ok(Ok(Value::Null));
            }
            let read = serde_json::from_slice(&body);
            return Ok(read.map_err(|error| Fault::Garbled(error.to_string())));
        }
        let kind = kind.as_ref().and_then(|kind| kind.to_str().ok());
        let is_problem = kind.is_some_and(|kind| kind.starts_with("application/problem+json"));
        let problem = is_problem.then(|| serde_json::from_slice::<Problem>(&body).ok());
        Ok(Err(match problem.flatten() {
            Some(problem) => Fault::Refused(problem),
            None => Fault::Strange {
                url: self.url.clone(),
                status: status.to_string(),
            },
        }))
    }

    /// Whether it is not the panel that answered, as far as is known.
    fn untrusted(&self, broken: &reqwest::Error) -> Option<Fault> {
        let error = causes(broken).find_map(|cause| cause.downcast_ref::<rustls::Error>())?;
        let rustls::Error::InvalidCertificate(why) = error else {
            return None;
        };
        let (words, help) = match why {
            CertificateError::UnknownIssuer => (
                "nobody who is trusted here vouches for its certificate",
                "pass the panel's `panel-ca.pem` (it is in the panel's state directory): `tollgate login URL --ca panel-ca.pem`, or TOLLGATE_PANEL_CA",
            ),
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                (
                    "its certificate is for other names",
                    "use a name it has, or give the panel this one: `tollgate panel --name NAME`",
                )
            }
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => (
                "its certificate is not good at this time",
                "look at the clocks of both machines; a panel renews its certificate when it is started again",
            ),
            CertificateError::BadSignature => (
                "its certificate was signed by somebody else than the authority that is trusted here",
                "a panel whose state was made anew has another `panel-ca.pem`: pass that one with --ca",
            ),
            _ => (
                "its certificate cannot be used",
                "pass the panel's `panel-ca.pem` with --ca",
            ),
        };
        Some(Fault::Untrusted {
            url: self.url.clone(),
            words: words.to_owned(),
            help: help.to_owned(),
        })
    }

    fn unreachable(&self, broken: &reqwest::Error) -> Fault {
        if let Some(fault) = self.untrusted(broken) {
            return fault;
        }
        let kinds = causes(broken).filter_map(|cause| cause.downcast_ref::<io::Error>());
        let kinds: Vec<io::ErrorKind> = kinds.map(io::Error::kind).collect();
        let words = if broken.is_timeout() {
            "it did not answer in time".to_owned()
        } else if kinds.contains(&io::ErrorKind::ConnectionRefused) {
            "nobody listens there".to_owned()
        } else if causes(broken).any(<dyn Error>::is::<rustls::Error>) {
            let said = causes(broken).find_map(|cause| cause.downcast_ref::<rustls::Error>());
            let said = said.map(ToString::to_string).unwrap_or_default();
            format!("no TLS can be had with it ({said})")
        } else {
            let mut words = String::new();
            // What was asked is in the first; the reason is in the last.
            for cause in causes(broken).skip(1) {
                let joint = if words.is_empty() { "" } else { ": " };
                let _ = write!(words, "{joint}{cause}");
            }
            if words.is_empty() {
                "the connection broke".to_owned()
            } else {
                words
            }
        };
        Fault::Unreachable {
            url: self.url.clone(),
            words,
        }
    }
}

/// Whether the same can be asked again without being done twice.
fn may_repeat(asked: &Asked, broken: &reqwest::Error) -> bool {
    if broken.is_timeout() {
        return false;
    }
    broken.is_connect() || asked.method == Method::GET || asked.name.is_some()
}

/// An error and what it came of. What an error of the system wraps is one of the causes, too.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    std::iter::from_fn(move || {
        let this = next?;
        let wrapped = this
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => this.source(),
        };
        Some(this)
    })
}

/// A name for a write that no other has.
fn name() -> Result<String, Fault> {
    let mut random = [0_u8; 16];
    getrandom::fill(&mut random)
        .map_err(|error| Fault::System(io::Error::other(error.to_string())))?;
    Ok(format!("cli-{:032x}", u128::from_be_bytes(random)))
}

fn client(ca: Option<&str>) -> Result<Client, Fault> {
    let unusable = |error: &dyn Error| Fault::Ca(error.to_string());
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    if let Some(ca) = ca {
        for certificate in CertificateDer::pem_slice_iter(ca.as_bytes()) {
            let certificate = certificate.map_err(|error| unusable(&error))?;
            roots.add(certificate).map_err(|error| unusable(&error))?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Client::builder()
        .use_preconfigured_tls(config)
        .https_only(true)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT)
        .timeout(ANSWER)
        .user_agent(concat!("tollgate/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| unusable(&error))
}

/// The body, unless it is too long.
async fn gather(mut response: Response) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len().saturating_add(chunk.len()) > MOST {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}
