//! Bare hyper: the floor every ratio of this bench stands on.
//!
//! It is the frame tollgate's data plane is built in, with nothing inside: hyper's server, an own pool of hyper's client
//! connections on the same thread, bodies passed frame by frame. It does the one thing no gateway can leave out, replacing
//! the caller's key by the provider's credential, and looks at nothing else.

use crate::http::{self, Fault};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{
    AUTHORIZATION, CONNECTION, HOST, HeaderName, HeaderValue, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE,
};
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use tokio::net::TcpStream;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
/// What belongs to one connection and not to the message.
const HOP_BY_HOP: [HeaderName; 7] = [
    CONNECTION,
    KEEP_ALIVE,
    PROXY_CONNECTION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Passes everything on `listen` to `upstream` until it is killed.
pub(crate) fn serve(listen: SocketAddr, upstream: SocketAddr) -> Result<(), Fault> {
    let pool = Pool::new(upstream)?;
    http::serve(listen, move |request| pass(pool.clone(), request))
}

async fn pass(pool: Rc<Pool>, mut request: Request<Incoming>) -> Result<Response<Incoming>, Fault> {
    let headers = request.headers_mut();
    strip(headers);
    headers.insert(HOST, pool.host.clone());
    headers.insert(AUTHORIZATION, pool.credential.clone());
    let mut response = pool.send(request).await?;
    strip(response.headers_mut());
    Ok(response)
}

fn strip(headers: &mut HeaderMap) {
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}

/// Idle connections to the upstream. It never holds more than were busy at once, which the load generator bounds.
struct Pool {
    upstream: SocketAddr,
    host: HeaderValue,
    credential: HeaderValue,
    idle: RefCell<Vec<SendRequest<Incoming>>>,
}

impl Pool {
    fn new(upstream: SocketAddr) -> Result<Rc<Self>, Fault> {
        Ok(Rc::new(Self {
            upstream,
            host: HeaderValue::from_str(&upstream.to_string())?,
            credential: HeaderValue::from_static("Bearer sk-upstream-0000000000000000"),
            idle: RefCell::default(),
        }))
    }

    async fn send(
        self: &Rc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Incoming>, Fault> {
        let mut connection = self.connection().await?;
        let response = connection.send_request(request).await?;
        if connection.is_ready() {
            self.idle.borrow_mut().push(connection);
        } else {
            let pool = Rc::clone(self);
            tokio::task::spawn_local(async move {
                if connection.ready().await.is_ok() {
                    pool.idle.borrow_mut().push(connection);
                }
            });
        }
        Ok(response)
    }

    async fn connection(&self) -> Result<SendRequest<Incoming>, Fault> {
        while let Some(connection) = self.take() {
            if connection.is_ready() {
                return Ok(connection);
            }
        }
        let socket = TcpStream::connect(self.upstream).await?;
        socket.set_nodelay(true)?;
        let (connection, driver) = handshake(TokioIo::new(socket)).await?;
        tokio::task::spawn_local(driver);
        Ok(connection)
    }

    /// Apart, so that the borrow ends before anything is awaited.
    fn take(&self) -> Option<SendRequest<Incoming>> {
        self.idle.borrow_mut().pop()
    }
}
