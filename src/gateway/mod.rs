//! The HTTP door of the data plane: HTTP/1.1 and h2c on TCP and Unix sockets, one current-thread runtime a core.
//!
//! One thread accepts and hands connections round to the others, so that a taken port is an error and no core is left
//! idle by chance. A connection stays on its thread; nothing on a request's way is shared but the desk.
//!
//! Not here: what a call may do (`governance`), whom it reaches (`pipeline`), the admin port's content (`admin`).

pub mod admin;
mod body;
mod connection;
mod extract;
mod listener;
mod query;
mod reply;
mod routes;
pub mod settings;
mod status;
mod tls;

pub use listener::{Bound, DoorError, bind};
pub use routes::quoted;
pub use status::Refused;
pub use tls::{TlsFault, acceptor};

use crate::clock;
use crate::pipeline::{Desk, Worker};
use arc_swap::ArcSwap;
use connection::Connections;
use listener::Arrival;
use settings::Gateway;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;
use tokio_rustls::TlsAcceptor;

/// What the door goes by; swapped whole when the configuration is.
#[derive(Clone)]
pub struct Rules {
    /// Its settings.
    pub settings: Gateway,
    /// Host names and addresses that are answered, besides loopback ones.
    pub hosts: Vec<Box<str>>,
    /// TLS, where the door speaks it.
    pub tls: Option<TlsAcceptor>,
}

/// What all threads of the door share.
pub struct Door {
    /// What calls are served by.
    pub desk: Arc<Desk>,
    /// What the door goes by.
    pub rules: ArcSwap<Rules>,
    /// Connections open now, over all threads.
    open: AtomicUsize,
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Door")
            .field("open", &self.open)
            .finish_non_exhaustive()
    }
}

impl Door {
    /// A door in front of this desk.
    #[must_use]
    pub fn new(desk: Arc<Desk>, rules: Rules) -> Arc<Self> {
        Arc::new(Self {
            desk,
            rules: ArcSwap::from_pointee(rules),
            open: AtomicUsize::new(0),
        })
    }

    /// Takes a place for one more connection, if there is one.
    fn enter(self: &Arc<Self>) -> Option<Place> {
        let most = self.rules.load().settings.max_connections;
        let more = |open: usize| (open < most).then(|| open.saturating_add(1));
        let entered = self
            .open
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, more);
        entered.ok().map(|_| Place(self.clone()))
    }
}

/// One open connection's place.
#[derive(Debug)]
struct Place(Arc<Door>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Connections handed to a thread and not taken yet.
const MOST_WAITING: usize = 1024;

/// The door's threads.
#[derive(Debug)]
pub struct Running {
    closing: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
}

impl Running {
    /// Stops accepting, lets calls end within `patience`, and waits for the threads.
    pub fn drain(self, patience: Duration) {
        tracing::info!(
            seconds = patience.as_secs(),
            "draining: no new connections, open calls may end"
        );
        let _ = self.closing.send(true);
        for thread in self.threads {
            let _ = thread.join();
        }
    }
}

/// Opens the door: serves what arrives at `bound` until it is drained.
///
/// # Errors
/// A thread or its runtime cannot be set up.
pub fn open(door: &Arc<Door>, bound: Vec<Bound>, threads: usize) -> std::io::Result<Running> {
    let (closing, closed) = watch::channel(false);
    let mut running = Running {
        closing,
        threads: Vec::new(),
    };
    let mut hands = Vec::new();
    let mut bound = Some(bound);
    // The first thread is started last: it hands connections to all of them.
    for index in (0..threads.max(1)).rev() {
        let (hand, arrivals) = mpsc::channel(MOST_WAITING);
        hands.push(hand);
        let accepting = if index == 0 {
            bound.take().zip(Some(std::mem::take(&mut hands)))
        } else {
            None
        };
        let (door, closed) = (door.clone(), closed.clone());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let name = format!("gate-{index}");
        let thread = std::thread::Builder::new().name(name).spawn(move || {
            let local = LocalSet::new();
            local.block_on(&runtime, serve(door, arrivals, accepting, closed));
        })?;
        running.threads.push(thread);
    }
    Ok(running)
}

/// One thread of the door.
async fn serve(
    door: Arc<Door>,
    mut arrivals: mpsc::Receiver<Arrival>,
    accepting: Option<(Vec<Bound>, Vec<mpsc::Sender<Arrival>>)>,
    mut closed: watch::Receiver<bool>,
) {
    let worker = Rc::new(Worker::new(door.desk.clone()));
    let connections = Rc::new(Connections::new(door.clone(), worker.clone()));
    if let Some((bound, hands)) = accepting {
        for listener in bound {
            let accept = listener::accept(door.clone(), listener, hands.clone(), closed.clone());
            tokio::task::spawn_local(accept);
        }
    }
    let sweeping = tokio::task::spawn_local(connections.clone().sweep());
    let heeding = tokio::task::spawn_local(worker.clone().heed());
    loop {
        tokio::select! {
            arrival = arrivals.recv() => match arrival {
                Some(arrival) => connections.serve(arrival),
                None => break,
            },
            _ = closed.wait_for(|closed| *closed) => break,
        }
    }
    let patience = door.rules.load().settings.drain;
    connections.drain(patience).await;
    sweeping.abort();
    heeding.abort();
    // What is still in flight now stays booked at its promise.
    worker.leave();
    tracing::debug!(since_start = ?clock::since_start(), "a thread of the door ended");
}
