//! What the upstream and the bare proxy share: one thread, one runtime, hyper's HTTP/1.1 server on a loopback socket.

use bytes::Bytes;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::future::Future;
use std::net::SocketAddr;

/// Anything that went wrong: a bench reports it and stops.
pub(crate) type Fault = Box<dyn std::error::Error + Send + Sync>;

/// The runtime of one core, and a place for tasks that stay on it.
pub(crate) fn on_one_core<T>(work: impl Future<Output = T>) -> Result<T, Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    Ok(tokio::task::LocalSet::new().block_on(&runtime, work))
}

/// Serves `handle` on `listen` until the process is killed.
pub(crate) fn serve<H, F, B, E>(listen: SocketAddr, handle: H) -> Result<(), Fault>
where
    H: Fn(Request<Incoming>) -> F + Clone + 'static,
    F: Future<Output = Result<Response<B>, E>> + 'static,
    B: Body<Data = Bytes> + 'static,
    B::Error: Into<Fault>,
    E: Into<Fault>,
{
    on_one_core(async move {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(listen)?;
        let listener = socket.listen(4096)?;
        loop {
            let (connection, _) = listener.accept().await?;
            connection.set_nodelay(true)?;
            let handle = handle.clone();
            tokio::task::spawn_local(async move {
                // A connection that ends badly is the client's to notice: it counts every answer it did not get.
                let _ = http1::Builder::new()
                    .serve_connection(TokioIo::new(connection), service_fn(handle))
                    .await;
            });
        }
    })?
}
