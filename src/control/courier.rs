//! Takes news to webhooks: one POST each, no redirect followed, nothing of the answer read but its status.
//!
//! An address was checked when it was written down, and is again before each connection: `https` anywhere, `http` to this
//! machine itself and nowhere else. What fails is tried again later, by the queue.

use super::service::webhooks::{self, Delivery};
use super::service::{Outcome, Panel};
use axum::http::{Request, Uri, header};
use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

/// A webhook answers within this.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why something could not be taken there.
#[derive(Debug, thiserror::Error)]
enum CourierError {
    #[error("news do not go to such an address")]
    Address,
    #[error("nobody is there: {0}")]
    Connect(#[from] std::io::Error),
    #[error("no HTTP: {0}")]
    Http(#[from] hyper::Error),
    #[error("it answered {0}")]
    Status(u16),
    #[error("it took too long")]
    Slow,
}

/// Whoever takes news to webhooks.
#[derive(Clone)]
pub struct Courier {
    tls: TlsConnector,
}

impl std::fmt::Debug for Courier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Courier").finish_non_exhaustive()
    }
}

impl Default for Courier {
    fn default() -> Self {
        Self::new()
    }
}

impl Courier {
    /// One that trusts the public authorities.
    #[must_use]
    pub fn new() -> Self {
        let mut roots = RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(rustls::ALL_VERSIONS)
            .map(|config| config.with_root_certificates(roots).with_no_client_auth());
        // The provider has these versions: it is the one the rest of the program uses.
        let config = config.unwrap_or_else(|_| {
            ClientConfig::builder()
                .with_root_certificates(RootCertStore::empty())
                .with_no_client_auth()
        });
        Self {
            tls: TlsConnector::from(Arc::new(config)),
        }
    }

    /// Takes everything that is due now to where it goes, all at once. How many arrived. Once a second or so.
    ///
    /// # Errors
    /// The books cannot be read or written.
    pub async fn deliver(&self, panel: &Panel) -> Outcome<usize> {
        let mut under_way = JoinSet::new();
        for delivery in webhooks::due(panel).await? {
            let courier = self.clone();
            under_way.spawn(async move {
                let sent = tokio::time::timeout(PATIENCE, courier.send(&delivery)).await;
                let sent = sent.unwrap_or(Err(CourierError::Slow));
                (delivery, sent)
            });
        }
        let mut arrived = 0_usize;
        while let Some(done) = under_way.join_next().await {
            let Ok((delivery, sent)) = done else { continue };
            arrived = arrived.saturating_add(usize::from(sent.is_ok()));
            let said = sent.map_err(|error| error.to_string());
            let said = said.as_ref().copied().map_err(String::as_str);
            webhooks::sent(panel, &delivery, said).await?;
        }
        Ok(arrived)
    }

    async fn send(&self, delivery: &Delivery) -> Result<(), CourierError> {
        let uri: Uri = delivery.url.parse().map_err(|_| CourierError::Address)?;
        if !webhooks::is_safe(&delivery.url) {
            return Err(CourierError::Address);
        }
        let host = uri.host().unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let is_tls = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let mut addresses = tokio::net::lookup_host((bare, port)).await?;
        // What is said in the clear stays on this machine, whatever the name `localhost` leads to.
        let may = |address: &SocketAddr| is_tls || address.ip().is_loopback();
        let address = addresses.find(may).ok_or(CourierError::Address)?;
        let stream = TcpStream::connect(address).await?;
        if is_tls {
            let name = ServerName::try_from(bare.to_owned()).map_err(|_| CourierError::Address)?;
            let stream = self.tls.connect(name, stream).await?;
            post(stream, &uri, delivery).await
        } else {
            post(stream, &uri, delivery).await
        }
    }
}

async fn post(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    uri: &Uri,
    delivery: &Delivery,
) -> Result<(), CourierError> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let request = Request::post(path)
        .header(header::HOST, authority)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, "tollgate-panel")
        .header(header::CONNECTION, "close")
        .body(Full::new(Bytes::from(delivery.body.clone())));
    let request = request.map_err(|_| CourierError::Address)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut connection = pin!(connection);
    let mut answer = pin!(sender.send_request(request));
    let answer = tokio::select! {
        answer = &mut answer => answer?,
        ended = &mut connection => {
            ended?;
            answer.await?
        }
    };
    let status = answer.status();
    if status.is_success() {
        Ok(())
    } else {
        Err(CourierError::Status(status.as_u16()))
    }
}
