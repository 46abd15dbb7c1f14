//! The panel's side of TLS: its own certificate, made anew long before it ends, and the certificates of gateways.

use crate::clock::{self, Wall};
use crate::control::authority::{Authority, AuthorityError, Fingerprint};
use arc_swap::ArcSwap;
use rustls::RootCertStore;
use rustls::server::ParsedCertificate;
use rustls::server::WebPkiClientVerifier;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A new certificate is made after so long.
const RENEW: Duration = Duration::from_hours(24 * 30);

/// Why the panel cannot speak TLS.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// No certificate.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// It is of no use to TLS.
    #[error("the panel's certificate: {0}")]
    Tls(#[from] rustls::Error),
    /// Our authority is of no use to it.
    #[error("the panel's authority: {0}")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
}

/// What TLS is spoken with, swapped while connections live.
pub struct Certificates {
    authority: Arc<Authority>,
    names: Vec<String>,
    acceptor: ArcSwap<TlsAcceptor>,
    made: AtomicI64,
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificates")
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

impl Certificates {
    /// With a certificate for these names.
    ///
    /// # Errors
    /// [`DoorError`].
    pub fn new(
        authority: Arc<Authority>,
        names: Vec<String>,
        now: Wall,
    ) -> Result<Self, DoorError> {
        let acceptor = make(&authority, &names, now)?;
        Ok(Self {
            authority,
            names,
            acceptor: ArcSwap::from_pointee(acceptor),
            made: AtomicI64::new(now.secs()),
        })
    }

    /// Makes a new certificate where the one in use has served for long. Connections go on with theirs.
    ///
    /// # Errors
    /// [`DoorError`]: the one in use stays.
    pub fn renew(&self, now: Wall) -> Result<bool, DoorError> {
        let age = now.secs().saturating_sub(self.made.load(Ordering::Relaxed));
        if age < i64::try_from(RENEW.as_secs()).unwrap_or(i64::MAX) {
            return Ok(false);
        }
        let acceptor = make(&self.authority, &self.names, now)?;
        self.acceptor.store(Arc::new(acceptor));
        self.made.store(now.secs(), Ordering::Relaxed);
        Ok(true)
    }

    /// Renews the certificate in time, for ever.
    pub async fn keep(self: Arc<Self>) {
        loop {
            tokio::time::sleep(Duration::from_hours(1)).await;
            match self.renew(clock::now().wall) {
                Ok(true) => tracing::info!("the panel has a new certificate"),
                Ok(false) => {}
                Err(error) => tracing::error!(%error, "the panel's certificate cannot be renewed"),
            }
        }
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::clone(&self.acceptor.load())
    }
}

fn make(authority: &Authority, names: &[String], now: Wall) -> Result<TlsAcceptor, DoorError> {
    let own = authority.server(names, now)?;
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate().clone())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let gateways = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone())
        .allow_unauthenticated()
        .build()?;
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(gateways)
        .with_single_cert(own.chain, own.key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// The other end's certificate.
pub(super) struct Peer;

impl Peer {
    pub(super) fn certificate(stream: &TlsStream<TcpStream>) -> Option<Fingerprint> {
        let certificates = stream.get_ref().1.peer_certificates()?;
        certificates.first().map(|one| Fingerprint::of(one))
    }

    /// The key that it is for.
    pub(super) fn key(stream: &TlsStream<TcpStream>) -> Option<Fingerprint> {
        let certificates = stream.get_ref().1.peer_certificates()?;
        let certificate = ParsedCertificate::try_from(certificates.first()?).ok()?;
        Some(Fingerprint::of(&certificate.subject_public_key_info()))
    }
}
