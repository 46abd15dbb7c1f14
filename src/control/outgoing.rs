//! How the panel asks others: one request to a connection, no redirect followed, no proxy, answers within bounds.
//!
//! `https` goes anywhere, by the public authorities; `http` to this machine itself and nowhere else, whatever a name leads to.
//! Whoever asks has checked the address when it was written down; here it is checked before each connection.

use axum::http::{Request, Response, StatusCode, Uri, header};
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Whoever is asked has answered within this.
const PATIENCE: Duration = Duration::from_secs(10);
/// A head is no longer.
const MOST_HEAD: usize = 32 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum OutgoingError {
    /// Not one that anything is sent to.
    #[error("nothing is sent to such an address")]
    Address,
    /// There is no connection.
    #[error("nobody is there: {0}")]
    Connect(#[from] std::io::Error),
    /// What came is no answer.
    #[error("no HTTP: {0}")]
    Http(#[from] hyper::Error),
    /// It came too late.
    #[error("it took too long")]
    Slow,
    /// It is too long.
    #[error("the answer has more than {0} bytes")]
    TooLong(usize),
}

/// Asks others.
#[derive(Clone)]
pub(in crate::control) struct Outgoing {
    tls: TlsConnector,
    /// Whoever is asked has answered within this.
    pub(in crate::control) patience: Duration,
}

impl std::fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outgoing").finish_non_exhaustive()
    }
}

trait Both: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Both for T {}

impl Outgoing {
    /// One that trusts the public authorities.
    pub(in crate::control) fn new() -> Self {
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
            patience: PATIENCE,
        }
    }

    /// Asks, and reads no more of the answer than its status.
    pub(in crate::control) async fn told(
        &self,
        uri: &Uri,
        request: Request<Full<Bytes>>,
    ) -> Result<StatusCode, OutgoingError> {
        let told = self.exchange(uri, request, async |answer| Ok(answer.status()));
        let told = tokio::time::timeout(self.patience, told).await;
        told.unwrap_or(Err(OutgoingError::Slow))
    }

    /// Asks, and reads the answer, which has at most so many bytes.
    pub(in crate::control) async fn answer(
        &self,
        uri: &Uri,
        request: Request<Full<Bytes>>,
        most: usize,
    ) -> Result<(StatusCode, Bytes), OutgoingError> {
        let answer = self.exchange(uri, request, async |answer| {
            let status = answer.status();
            Ok((status, whole(answer.into_body(), most).await?))
        });
        let answer = tokio::time::timeout(self.patience, answer).await;
        answer.unwrap_or(Err(OutgoingError::Slow))
    }

    async fn exchange<T>(
        &self,
        uri: &Uri,
        mut request: Request<Full<Bytes>>,
        read: impl AsyncFnOnce(Response<Incoming>) -> Result<T, OutgoingError>,
    ) -> Result<T, OutgoingError> {
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        *request.uri_mut() = path.parse().map_err(|_| OutgoingError::Address)?;
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        for (name, value) in [
            (header::HOST, authority),
            (header::USER_AGENT, "tollgate-panel"),
            (header::CONNECTION, "close"),
        ] {
            let value = value.parse().map_err(|_| OutgoingError::Address)?;
            request.headers_mut().insert(name, value);
        }
        let stream = TokioIo::new(self.connect(uri).await?);
        let mut builder = http1::Builder::new();
        builder.max_buf_size(MOST_HEAD);
        let (mut sender, connection) = builder.handshake(stream).await?;
        let mut connection = pin!(connection);
        let mut answer = pin!(async move { read(sender.send_request(request).await?).await });
        tokio::select! {
            answer = &mut answer => answer,
            ended = &mut connection => {
                ended?;
                answer.await
            }
        }
    }

    async fn connect(&self, uri: &Uri) -> Result<Pin<Box<dyn Both>>, OutgoingError> {
        let host = uri.host().unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let is_tls = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let mut addresses = tokio::net::lookup_host((bare, port)).await?;
        // What is said in the clear stays on this machine, whatever the name `localhost` leads to.
        let may = |address: &SocketAddr| is_tls || address.ip().is_loopback();
        let address = addresses.find(may).ok_or(OutgoingError::Address)?;
        let stream = TcpStream::connect(address).await?;
        if !is_tls {
            return Ok(Box::pin(stream));
        }
        let name = ServerName::try_from(bare.to_owned()).map_err(|_| OutgoingError::Address)?;
        Ok(Box::pin(self.tls.connect(name, stream).await?))
    }
}

/// A body, unless it is too long.
async fn whole(mut body: Incoming, most: usize) -> Result<Bytes, OutgoingError> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        if whole.len().saturating_add(data.len()) > most {
            return Err(OutgoingError::TooLong(most));
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}
