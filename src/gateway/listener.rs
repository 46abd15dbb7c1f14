//! Where callers arrive: TCP and Unix sockets, accepted on one thread and handed round.

use super::settings::Listen;
use super::{Door, Place};
use crate::telemetry::quiet::Quiet;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Connections the kernel keeps for us while we are busy.
const BACKLOG: i32 = 4096;

/// Why the door cannot stand there.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// The address is taken, or not ours.
    #[error("cannot listen on {address}: {error}{}", remedy(.error))]
    Address {
        /// Which.
        address: String,
        /// What the system says.
        error: io::Error,
    },
}

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            ": another process is there; stop it, or choose another address with --listen"
        }
        io::ErrorKind::PermissionDenied => {
            ": ports below 1024 need privileges, and a socket needs a directory we may write"
        }
        io::ErrorKind::AddrNotAvailable => ": the address is not one of this machine",
        _ => "",
    }
}

/// A place to arrive at.
#[derive(Debug)]
pub enum Bound {
    /// TCP.
    Tcp(std::net::TcpListener, SocketAddr),
    /// A Unix socket.
    Unix(std::os::unix::net::UnixListener, PathBuf),
}

impl Bound {
    /// Its address, as written.
    #[must_use]
    pub fn address(&self) -> String {
        match self {
            Self::Tcp(_, address) => address.to_string(),
            Self::Unix(_, path) => format!("unix:{}", path.display()),
        }
    }
}

/// A Unix socket's file goes with it.
impl Drop for Bound {
    fn drop(&mut self) {
        if let Self::Unix(_, path) = self {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Listens at an address. A Unix socket nobody listens on any more is replaced; it is ours alone (0600).
///
/// # Errors
/// The address is taken, or not ours.
pub fn bind(listen: &Listen) -> Result<Bound, DoorError> {
    match listen {
        Listen::Tcp(address) => {
            let failed = |error| DoorError::Address {
                address: address.to_string(),
                error,
            };
            let listener = tcp(*address).map_err(failed)?;
            let address = listener.local_addr().map_err(failed)?;
            Ok(Bound::Tcp(listener, address))
        }
        Listen::Unix(path) => {
            let failed = |error| DoorError::Address {
                address: path.display().to_string(),
                error,
            };
            let abandoned = std::fs::symlink_metadata(path)
                .is_ok_and(|file| file.file_type().is_socket())
                && std::os::unix::net::UnixStream::connect(path).is_err();
            if abandoned {
                std::fs::remove_file(path).map_err(failed)?;
            }
            let listener = std::os::unix::net::UnixListener::bind(path).map_err(failed)?;
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
                .map_err(failed)?;
            listener.set_nonblocking(true).map_err(failed)?;
            Ok(Bound::Unix(listener, path.clone()))
        }
    }
}

fn tcp(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // A port we left a moment ago may be taken again; one that somebody listens on may not.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// A connection on its way to the thread that will serve it.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) stream: Raw,
    pub(super) place: Place,
}

/// A connection that belongs to no runtime yet.
#[derive(Debug)]
pub(super) enum Raw {
    Tcp(std::net::TcpStream),
    Unix(std::os::unix::net::UnixStream),
}

/// What fails at every connection is told once a second.
static REFUSED: Quiet = Quiet::per(Duration::from_secs(1));

/// Accepts until the door closes, handing each connection to the next thread.
pub(super) async fn accept(
    door: Arc<Door>,
    bound: Bound,
    hands: Vec<mpsc::Sender<Arrival>>,
    mut closed: watch::Receiver<bool>,
) {
    let listener = match Accepting::new(&bound) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(address = bound.address(), %error, "cannot accept connections");
            return;
        }
    };
    let mut next = hands.iter().cycle();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = closed.wait_for(|closed| *closed) => return,
        };
        let raw = match accepted {
            Ok(raw) => raw,
            Err(error) => {
                // Out of descriptors, mostly: it passes when a connection ends, and trying at once would only spin.
                if let Some(held_back) = REFUSED.now() {
                    tracing::warn!(%error, held_back, "a connection could not be accepted");
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let Some(place) = door.enter() else {
            turn_away(raw);
            continue;
        };
        let Some(hand) = next.next() else { return };
        // A thread whose hands are full is given time; the kernel keeps who comes meanwhile.
        if hand.send(Arrival { stream: raw, place }).await.is_err() {
            return;
        }
    }
}

/// Says why, without waiting: there is no place to wait in.
fn turn_away(raw: Raw) {
    use std::io::Write as _;
    let body = super::status::overloaded();
    let head = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: {}\r\nretry-after: 1\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let answer = [head.as_bytes(), &body].concat();
    let _ = match raw {
        Raw::Tcp(mut stream) => stream.write(&answer),
        Raw::Unix(mut stream) => stream.write(&answer),
    };
}

enum Accepting {
    Tcp(tokio::net::TcpListener),
    Unix(tokio::net::UnixListener),
}

impl Accepting {
    fn new(bound: &Bound) -> io::Result<Self> {
        match bound {
            Bound::Tcp(listener, _) => {
                tokio::net::TcpListener::from_std(listener.try_clone()?).map(Self::Tcp)
            }
            Bound::Unix(listener, _) => {
                tokio::net::UnixListener::from_std(listener.try_clone()?).map(Self::Unix)
            }
        }
    }

    async fn accept(&self) -> io::Result<Raw> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                stream.into_std().map(Raw::Tcp)
            }
            Self::Unix(listener) => listener.accept().await?.0.into_std().map(Raw::Unix),
        }
    }
}
