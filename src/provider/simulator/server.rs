//! The simulator behind a socket: HTTP/1.1 and h2c, on a thread and a runtime of its own.
//!
//! Of its own, so that the gateway's threads share nothing with it: a slow or hanging provider is then as far away as a
//! real one. Connections live in a set that ends with the server.

use super::service::Simulator;
use super::{Settings, SimulatorError};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// A simulator that is running; it stops when this is dropped.
#[derive(Debug)]
pub struct Handle {
    addr: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Handle {
    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Waits until it stops, which by itself it does not.
    pub fn join(mut self) {
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has stopped as well.
            let _ = thread.join();
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Starts the simulator on this listener.
///
/// # Errors
/// When the listener cannot be used, or neither thread nor runtime can be had.
pub fn serve(
    listener: std::net::TcpListener,
    settings: Settings,
) -> Result<Handle, SimulatorError> {
    let addr = listener.local_addr().map_err(SimulatorError::Listener)?;
    listener
        .set_nonblocking(true)
        .map_err(SimulatorError::Listener)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(SimulatorError::Runtime)?;
    let listener = {
        let _entered = runtime.enter();
        TcpListener::from_std(listener).map_err(SimulatorError::Listener)?
    };
    let simulator = Arc::new(Simulator::new(settings));
    let (stop, stopped) = oneshot::channel();
    let thread = std::thread::Builder::new()
        .name("simulator".to_owned())
        .spawn(move || runtime.block_on(run(listener, simulator, stopped)))
        .map_err(SimulatorError::Runtime)?;
    Ok(Handle {
        addr,
        stop: Some(stop),
        thread: Some(thread),
    })
}

async fn run(listener: TcpListener, simulator: Arc<Simulator>, mut stopped: oneshot::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            _ = &mut stopped => return,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors, most likely: let some connections end first.
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            continue;
        };
        // Without it a paced token would wait for the one after it; where it is refused, it does.
        let _ = stream.set_nodelay(true);
        let simulator = Arc::clone(&simulator);
        connections.spawn(async move {
            let service = hyper::service::service_fn(move |request| {
                let simulator = Arc::clone(&simulator);
                async move { simulator.answer(request).await }
            });
            // A connection that breaks is the client's to notice, or was asked for by a knob.
            let _ = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}
