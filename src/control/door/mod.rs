//! The panel's door: HTTPS, for gateways by certificate and for people by what they sign in with.
//!
//! A connection's certificate is asked for and not demanded: browsers have none. Whose it is, is looked up with each request,
//! so a gateway that was shut out is out at its next message, whatever its certificate says.
//!
//! Not here: what a message does (`treasury`), what an administrator may (`api`).

mod events;
mod panel;
mod policy;
mod tally;
mod tls;
mod treaty;
mod vault;

pub use policy::Policies;
pub use tls::{Certificates, DoorError};
pub use treaty::{Later, NotEnrolled, Registrar, Treaty, router};

use super::api;
use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tls::Peer;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Connections at once; gateways keep one open each for events and one for syncs.
const MOST_CONNECTIONS: usize = 65_536;
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long open answers may take once the panel is told to stop.
const GRACE: Duration = Duration::from_secs(2);

/// Who is at the other end of a connection, as far as the connection says.
#[derive(Debug, Clone, Copy)]
pub struct From {
    /// Its address.
    pub address: SocketAddr,
    /// Its certificate, by digest, if it showed one of our authority.
    pub certificate: Option<super::authority::Fingerprint>,
    /// The key of that certificate, by digest.
    pub key: Option<super::authority::Fingerprint>,
}

/// Serves what arrives until it is told to stop.
pub async fn serve(
    listener: TcpListener,
    certificates: Arc<Certificates>,
    router: Router,
    mut stopped: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut open = JoinSet::new();
    loop {
        let place = tokio::select! {
            place = places.clone().acquire_owned() => place,
            () = told(&mut stopped) => break,
        };
        let Ok(place) = place else { break };
        let arrived = tokio::select! {
            arrived = listener.accept() => arrived,
            () = told(&mut stopped) => break,
        };
        match arrived {
            Ok((stream, address)) => {
                let connection = Connection {
                    stream,
                    address,
                    certificates: certificates.clone(),
                    router: router.clone(),
                    _place: place,
                };
                open.spawn(connection.serve(stopped.clone()));
            }
            Err(error) => {
                // Out of descriptors, most likely: others have to end first.
                tracing::warn!(%error, "no connection can be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        while open.try_join_next().is_some() {}
    }
    let all = async { while open.join_next().await.is_some() {} };
    let _ = timeout(GRACE, all).await;
}

/// Waits until the panel is to stop.
async fn told(stopped: &mut watch::Receiver<bool>) {
    // Whoever would tell us may be gone: then it is to stop as well.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// One connection.
struct Connection {
    stream: TcpStream,
    address: SocketAddr,
    certificates: Arc<Certificates>,
    router: Router,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    async fn serve(self, mut stopped: watch::Receiver<bool>) {
        let _ = self.stream.set_nodelay(true);
        let accepting = self.certificates.acceptor().accept(self.stream);
        let Ok(Ok(stream)) = timeout(HANDSHAKE, accepting).await else {
            tracing::debug!(from = %self.address, "a handshake failed");
            return;
        };
        let from = From {
            address: self.address,
            certificate: Peer::certificate(&stream),
            key: Peer::key(&stream),
        };
        let peer = api::Peer(self.address);
        let router = self.router.layer(axum::Extension(from));
        let router = router.layer(axum::Extension(peer));
        let mut server = auto::Builder::new(TokioExecutor::new());
        server
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_secs(30));
        server
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(Duration::from_secs(30));
        let service = TowerToHyperService::new(router);
        let serving = server.serve_connection_with_upgrades(TokioIo::new(stream), service);
        let mut serving = std::pin::pin!(serving);
        let ended = tokio::select! {
            ended = serving.as_mut() => ended,
            () = told(&mut stopped) => {
                serving.as_mut().graceful_shutdown();
                serving.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(from = %self.address, %error, "a connection ended badly");
        }
    }
}

#[cfg(test)]
mod tests;
