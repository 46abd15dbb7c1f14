//! One connection's life, and the clock that ends it when nothing happens.
//!
//! A timer for every request would cost more than the request's decision, so each thread has one: once a second it looks
//! at its connections and ends those that drip a head, idle for too long, or for as long take nothing of what they asked
//! for.
//!
//! Not here: a body that drips (`extract`), what is answered (`routes`).

use super::listener::{Arrival, Raw};
use super::{Door, Place, routes};
use crate::clock;
use crate::pipeline::Worker;
use crate::telemetry::Connection as Counted;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A TLS handshake may take this long.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Streams at once on one HTTP/2 connection.
const H2_STREAMS: u32 = 256;

/// Largest head of a request on HTTP/2. On HTTP/1.1 the server's own read buffer (some 400 KiB) bounds it.
const LARGEST_HEAD: usize = 64 * 1024;

/// A thread's connections.
pub(super) struct Connections {
    pub(super) door: Arc<Door>,
    pub(super) worker: Rc<Worker>,
    all: RefCell<Vec<Rc<Life>>>,
    builder: auto::Builder<Local>,
    /// Seconds since the start, as of the last sweep.
    tick: Rc<Cell<u32>>,
    emptied: Notify,
    draining: Cell<bool>,
}

/// Spawns onto the thread it is on.
#[derive(Debug, Clone, Copy)]
struct Local;

impl<F: Future + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(async move {
            future.await;
        });
    }
}

/// What is known of one connection.
#[derive(Debug)]
pub(super) struct Life {
    /// Where the caller is; nowhere on a Unix socket.
    pub(super) peer: Option<IpAddr>,
    tick: Rc<Cell<u32>>,
    /// Requests being answered.
    busy: Cell<u32>,
    /// When a head began to come that is not whole yet.
    head_since: Cell<Option<u32>>,
    /// When it last had nothing to do.
    idle_since: Cell<u32>,
    /// When the caller stopped taking what we write.
    stalled_since: Cell<Option<u32>>,
    /// Of each answer on a shared connection, since when what is ready is not asked for: there a caller may take nothing
    /// of one answer while the connection itself stays writable.
    untaken: RefCell<Vec<Rc<Cell<u32>>>>,
    /// Whether several requests share it (HTTP/2): then bytes do not mean that a head is coming.
    multiplexed: Cell<bool>,
    order: Cell<Order>,
    waker: RefCell<Option<Waker>>,
}

/// What a connection is told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Live,
    /// Answer what is open and close.
    Finish,
    /// Close now.
    End,
}

impl Life {
    fn tell(&self, order: Order) {
        self.order.set(order);
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    /// A request's head is whole: the connection is busy until the guard is dropped.
    pub(super) fn busy(self: &Rc<Self>) -> Busy {
        self.head_since.set(None);
        self.busy.set(self.busy.get().saturating_add(1));
        let untaken = self.multiplexed.get().then(|| {
            let since = Rc::new(Cell::new(NOTHING_READY));
            self.untaken.borrow_mut().push(since.clone());
            since
        });
        Busy {
            life: self.clone(),
            untaken,
        }
    }

    /// Several requests share it.
    pub(super) fn is_multiplexed(&self) {
        self.multiplexed.set(true);
    }

    /// Whether it has outlived its patience.
    fn is_overdue(&self, header: u32, idle: u32) -> bool {
        let now = self.tick.get();
        let older = |since: u32, most: u32| now.saturating_sub(since) > most;
        let stalled = self.stalled_since.get();
        if stalled.is_some_and(|since| older(since, idle))
            || self
                .untaken
                .borrow()
                .iter()
                .any(|since| older(since.get(), idle))
        {
            return true;
        }
        match (self.busy.get(), self.head_since.get()) {
            (0, Some(since)) => older(since, header),
            (0, None) => older(self.idle_since.get(), idle),
            _ => false,
        }
    }
}

/// An answer has nothing the caller could take.
const NOTHING_READY: u32 = u32::MAX;

/// A request being answered.
#[derive(Debug)]
pub(super) struct Busy {
    life: Rc<Life>,
    untaken: Option<Rc<Cell<u32>>>,
}

impl Busy {
    /// The answer was asked for more, and had some `ready` or not.
    pub(super) fn asked(&self, ready: bool) {
        if let Some(since) = &self.untaken {
            since.set(if ready {
                self.life.tick.get()
            } else {
                NOTHING_READY
            });
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let life = &self.life;
        life.busy.set(life.busy.get().saturating_sub(1));
        life.idle_since.set(life.tick.get());
        if let Some(untaken) = &self.untaken {
            let mut all = life.untaken.borrow_mut();
            all.retain(|other| !Rc::ptr_eq(other, untaken));
        }
    }
}

impl Connections {
    pub(super) fn new(door: Arc<Door>, worker: Rc<Worker>) -> Self {
        let mut builder = auto::Builder::new(Local);
        builder
            .http1()
            .half_close(false)
            .keep_alive(true)
            .pipeline_flush(false);
        builder
            .http2()
            .max_concurrent_streams(H2_STREAMS)
            .max_header_list_size(u32::try_from(LARGEST_HEAD).unwrap_or(u32::MAX))
            .max_pending_accept_reset_streams(32)
            .max_local_error_reset_streams(64);
        Self {
            door,
            worker,
            all: RefCell::default(),
            builder,
            tick: Rc::new(Cell::new(seconds())),
            emptied: Notify::new(),
            draining: Cell::new(false),
        }
    }

    /// Serves a connection on a task of its own.
    pub(super) fn serve(self: &Rc<Self>, arrival: Arrival) {
        let this = self.clone();
        let peer = match &arrival.stream {
            Raw::Tcp(stream) => stream
                .peer_addr()
                .ok()
                .map(|address| address.ip().to_canonical()),
            Raw::Unix(_) => None,
        };
        let life = Rc::new(Life {
            peer,
            tick: self.tick.clone(),
            busy: Cell::new(0),
            head_since: Cell::new(None),
            idle_since: Cell::new(self.tick.get()),
            stalled_since: Cell::new(None),
            untaken: RefCell::default(),
            multiplexed: Cell::new(false),
            order: Cell::new(if self.draining.get() {
                Order::Finish
            } else {
                Order::Live
            }),
            waker: RefCell::default(),
        });
        self.all.borrow_mut().push(life.clone());
        tokio::task::spawn_local(async move {
            let Arrival { stream, place } = arrival;
            let counted: Counted = this.door.desk.telemetry.connection();
            this.live(stream, &life).await;
            this.all
                .borrow_mut()
                .retain(|other| !Rc::ptr_eq(other, &life));
            drop::<(Place, Counted)>((place, counted));
            if this.all.borrow().is_empty() {
                this.emptied.notify_waiters();
            }
        });
    }

    async fn live(self: &Rc<Self>, raw: Raw, life: &Rc<Life>) {
        let tls = self.door.rules.load().tls.clone();
        let Some(wire) = wire(raw, tls).await else {
            return;
        };
        let io = TokioIo::new(Watched {
            wire,
            life: life.clone(),
        });
        let (this, watched) = (self.clone(), life.clone());
        let service =
            service_fn(move |request| routes::answer(this.clone(), watched.clone(), request));
        let mut connection = pin!(self.builder.serve_connection(io, service));
        let mut finishing = false;
        poll_fn(|cx| {
            match life.order.get() {
                Order::Finish if !finishing => {
                    finishing = true;
                    connection.as_mut().graceful_shutdown();
                }
                Order::Live | Order::Finish => {}
                Order::End => return Poll::Ready(()),
            }
            let stays = life
                .waker
                .borrow()
                .as_ref()
                .is_some_and(|waker| waker.will_wake(cx.waker()));
            if !stays {
                *life.waker.borrow_mut() = Some(cx.waker().clone());
            }
            // How a connection ends is the caller's affair: what it left behind is booked by its drop.
            connection.as_mut().poll(cx).map(|_| ())
        })
        .await;
    }

    /// Once a second: ends connections that outlived their patience, and closes idle ones to providers.
    pub(super) async fn sweep(self: Rc<Self>) {
        let mut second = tokio::time::interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            second.tick().await;
            let now = clock::since_start();
            self.tick.set(seconds());
            let rules = self.door.rules.load();
            let header = whole_seconds(rules.settings.header_timeout);
            let idle = whole_seconds(rules.settings.client_idle);
            for life in self
                .all
                .borrow()
                .iter()
                .filter(|life| life.is_overdue(header, idle))
            {
                life.tell(Order::End);
            }
            self.worker.sweep(now);
        }
    }

    /// Lets what is open come to its end, within `patience`.
    pub(super) async fn drain(&self, patience: Duration) {
        self.draining.set(true);
        for life in self.all.borrow().iter() {
            life.tell(Order::Finish);
        }
        let ended = async {
            while !self.all.borrow().is_empty() {
                self.emptied.notified().await;
            }
        };
        if tokio::time::timeout(patience, ended).await.is_err() {
            tracing::warn!(
                connections = self.all.borrow().len(),
                "calls were cut off: they did not end within the drain time"
            );
        }
    }
}

fn seconds() -> u32 {
    whole_seconds(clock::since_start())
}

fn whole_seconds(time: Duration) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(u32::MAX)
}

/// A connection of any kind.
#[derive(Debug)]
enum Wire {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<TlsStream<TcpStream>>),
}

async fn wire(raw: Raw, tls: Option<TlsAcceptor>) -> Option<Wire> {
    match raw {
        Raw::Unix(stream) => UnixStream::from_std(stream).ok().map(Wire::Unix),
        Raw::Tcp(stream) => {
            let stream = TcpStream::from_std(stream).ok()?;
            let Some(acceptor) = tls else {
                return Some(Wire::Tcp(stream));
            };
            let shaken = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await;
            shaken.ok()?.ok().map(|stream| Wire::Tls(Box::new(stream)))
        }
    }
}

/// Notes when bytes come, and when the caller takes none.
#[derive(Debug)]
struct Watched {
    wire: Wire,
    life: Rc<Life>,
}

impl Watched {
    fn noted(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        let stalled = self.life.stalled_since.get();
        match &written {
            Poll::Pending if stalled.is_none() => {
                self.life.stalled_since.set(Some(self.life.tick.get()));
            }
            Poll::Ready(_) if stalled.is_some() => self.life.stalled_since.set(None),
            _ => {}
        }
        written
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = match &mut self.wire {
            Wire::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Wire::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
            Wire::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        };
        let life = &self.life;
        if buf.filled().len() > before
            && life.busy.get() == 0
            && life.head_since.get().is_none()
            && !life.multiplexed.get()
        {
            life.head_since.set(Some(life.tick.get()));
        }
        read
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = match &mut self.wire {
            Wire::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Wire::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
            Wire::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        };
        self.noted(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.wire {
            Wire::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Wire::Unix(stream) => Pin::new(stream).poll_flush(cx),
            Wire::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.wire {
            Wire::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Wire::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Wire::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = match &mut self.wire {
            Wire::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Wire::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Wire::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        };
        self.noted(written)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.wire {
            Wire::Tcp(stream) => stream.is_write_vectored(),
            Wire::Unix(stream) => stream.is_write_vectored(),
            Wire::Tls(stream) => stream.is_write_vectored(),
        }
    }
}
