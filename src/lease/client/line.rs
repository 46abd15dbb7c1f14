//! The line to the panel: HTTPS with its own authority's roots and nobody else's, this gateway's certificate, bounded
//! answers, no redirect and no proxy.
//!
//! Not here: what is said when (`talk`).

use super::ClientError;
use super::store::Member;
use crate::lease::bundle::{Order, Report};
use crate::lease::directory::{Directory, Enrol, Enrolled, POLICY_HEADER, VERSION, VERSION_HEADER};
use crate::lease::problem::{Code, Problem};
use crate::lease::protocol::{Answer, Hello, Sync};
use crate::lease::settings::Panel;
use crate::lease::tally::{Heard, Tallies};
use crate::lease::vault::{Ask, Given};
use rcgen::{CertificateParams, KeyPair};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

const CONNECT: Duration = Duration::from_secs(5);
/// The panel commits to its disk before it answers.
const ANSWER: Duration = Duration::from_secs(10);
/// The largest answer but a directory.
const SMALL: usize = 1 << 20;
/// The largest directory.
const LARGE: usize = 32 << 20;

/// Speaks to one panel.
#[derive(Debug)]
pub(super) struct Line {
    url: Box<str>,
    http: RwLock<Client>,
    /// The newest event that was acted on; none yet where 0.
    acted: AtomicU64,
    /// The revision of what gateways are to run, as the last sync told it; 0 where it did not.
    policy: AtomicU64,
}

impl Line {
    /// A line on which nothing but enrolling can be said.
    pub(super) fn stranger(panel: &Panel) -> Result<Self, ClientError> {
        Ok(Self {
            url: panel.url.clone(),
            http: RwLock::new(client(&panel.ca, None)?),
            acted: AtomicU64::new(0),
            policy: AtomicU64::new(0),
        })
    }

    /// From now on it says who it is. Calls under way end as they began.
    pub(super) fn identify(&self, member: &Member, key: &KeyPair) -> Result<(), ClientError> {
        let client = client(&member.ca, Some((&member.certificate, key)))?;
        *self.http.write().unwrap_or_else(PoisonError::into_inner) = client;
        Ok(())
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let client = self.http.read().unwrap_or_else(PoisonError::into_inner);
        client
            .request(method, format!("{}{path}", self.url))
            .header(VERSION_HEADER, VERSION)
    }

    /// Enrols with a one-time token, or by the certificate it has.
    pub(super) async fn enrol(
        &self,
        key: &KeyPair,
        token: Option<&str>,
    ) -> Result<Enrolled, ClientError> {
        let csr = CertificateParams::default().serialize_request(key)?.pem()?;
        let mut request = self.post("/v1/enrol", &Enrol { csr })?;
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        read(request.send().await?, SMALL).await
    }

    pub(super) async fn hello(&self, hello: &Hello) -> Result<Answer, ClientError> {
        read(self.post("/v1/hello", hello)?.send().await?, SMALL).await
    }

    pub(super) async fn sync(&self, sync: &Sync) -> Result<Answer, ClientError> {
        let mut request = self.post("/v1/sync", sync)?;
        let acted = self.acted.load(Ordering::Acquire);
        if acted > 0 {
            // So that whoever pulled a switch sees where it has come.
            request = request.header("events-cursor", acted);
        }
        let response = request.send().await?;
        let policy = response.headers().get(POLICY_HEADER);
        let policy = policy.and_then(|value| value.to_str().ok()?.parse().ok());
        if let Some(policy) = policy {
            self.policy.store(policy, Ordering::Release);
        }
        read(response, LARGE).await
    }

    /// Tells what was refused and found.
    pub(super) async fn tallies(&self, told: &Tallies) -> Result<Heard, ClientError> {
        read(self.post("/v1/tallies", told)?.send().await?, SMALL).await
    }

    /// The revision of what gateways are to run, as the last sync told it.
    pub(super) fn policy_revision(&self) -> u64 {
        self.policy.load(Ordering::Acquire)
    }

    /// What this gateway is to run, if that is not what is known: its tag, and the digest of the files that are here.
    pub(super) async fn policy(
        &self,
        known: Option<(String, String)>,
    ) -> Result<Option<Order>, ClientError> {
        let path = match &known {
            Some((_, digest)) => format!("/v1/policy?have={digest}"),
            None => "/v1/policy".to_owned(),
        };
        let mut request = self.request(Method::GET, &path).timeout(ANSWER);
        if let Some((tag, _)) = known {
            request = request.header("if-none-match", format!("\"{tag}\""));
        }
        let response = request.send().await?;
        if response.status() == StatusCode::NOT_MODIFIED {
            return Ok(None);
        }
        read(response, LARGE).await.map(Some)
    }

    /// Says which policies run here.
    pub(super) async fn report(&self, report: &Report) -> Result<(), ClientError> {
        let response = self.post("/v1/policy/report", report)?.send().await?;
        if response.status().is_success() {
            return Ok(());
        }
        Err(refusal(response).await)
    }

    /// All events up to this one were acted on: the next sync says so.
    pub(super) fn acted(&self, cursor: u64) {
        self.acted.store(cursor, Ordering::Release);
    }

    /// The directory, if it is not of this revision.
    pub(super) async fn directory(&self, known: u64) -> Result<Option<Directory>, ClientError> {
        let response = self
            .request(Method::GET, "/v1/directory")
            .timeout(ANSWER)
            .header("if-none-match", format!("\"{known}\""))
            .send()
            .await?;
        if response.status() == StatusCode::NOT_MODIFIED {
            return Ok(None);
        }
        read(response, LARGE).await.map(Some)
    }

    /// What the vault has for this gateway, if it changed since the revision that is known.
    pub(super) async fn credentials(&self, ask: &Ask) -> Result<Option<Given>, ClientError> {
        let response = self.post("/v1/credentials", ask)?.send().await?;
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        read(response, LARGE).await.map(Some)
    }

    /// Events as they come, after this one.
    pub(super) async fn events(&self, cursor: Option<u64>) -> Result<Response, ClientError> {
        let path = cursor.map_or_else(
            || "/v1/events".to_owned(),
            |cursor| format!("/v1/events?cursor={cursor}"),
        );
        let request = self
            .request(Method::GET, &path)
            .header("accept", "text/event-stream");
        let response = tokio::time::timeout(ANSWER, request.send())
            .await
            .map_err(|_| ClientError::Unreachable("no answer in time".to_owned()))??;
        if response.status() == StatusCode::OK {
            return Ok(response);
        }
        Err(refusal(response).await)
    }

    fn post(&self, path: &str, body: &impl Serialize) -> Result<RequestBuilder, ClientError> {
        let body =
            serde_json::to_vec(body).map_err(|error| ClientError::Garbled(error.to_string()))?;
        let request = self
            .request(Method::POST, path)
            .timeout(ANSWER)
            .header("content-type", "application/json");
        Ok(request.body(body))
    }
}

/// A client that trusts this authority alone and, if it is somebody, says so.
fn client(ca: &str, own: Option<(&str, &KeyPair)>) -> Result<Client, ClientError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca.as_bytes()) {
        roots.add(certificate?)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let config = match own {
        None => config.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = CertificateDer::pem_slice_iter(certificate.as_bytes());
            let chain = chain.collect::<Result<Vec<_>, _>>()?;
            let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
            config.with_client_auth_cert(chain, key)?
        }
    };
    let client = Client::builder()
        .use_preconfigured_tls(config)
        .https_only(true)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT)
        .tcp_keepalive(Duration::from_secs(15))
        .user_agent(concat!("tollgate/", env!("CARGO_PKG_VERSION")))
        .build()?;
    Ok(client)
}

async fn read<T: DeserializeOwned>(response: Response, most: usize) -> Result<T, ClientError> {
    if !response.status().is_success() {
        return Err(refusal(response).await);
    }
    let body = gather(response, most).await?;
    serde_json::from_slice(&body).map_err(|error| ClientError::Garbled(error.to_string()))
}

/// Why it was not done.
async fn refusal(response: Response) -> ClientError {
    let status = response.status().as_u16();
    let body = match gather(response, SMALL).await {
        Ok(body) => body,
        Err(error) => return error,
    };
    // Whatever stands between may answer in words of its own.
    let unknown = |_| Problem {
        status,
        code: Code::Unknown,
        detail: "no reason was given".to_owned(),
        last: 0,
        seq: 0,
    };
    ClientError::Refused(serde_json::from_slice(&body).unwrap_or_else(unknown))
}

async fn gather(mut response: Response, most: usize) -> Result<Vec<u8>, ClientError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len().saturating_add(chunk.len()) > most {
            let words = format!("it is longer than {most} bytes");
            return Err(ClientError::Garbled(words));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
