//! The way to a provider: a pool of HTTP/1.1 connections a thread, over hyper's own connections.
//!
//! One pool belongs to one thread, so nothing here is locked and nothing is `Send`. A connection is lent to one exchange
//! and comes back when the answer was read to its end; whoever drops it earlier closes it, which is how a provider learns
//! that nobody listens any more.
//!
//! Not here: which provider, how often (`pipeline`), what the bytes mean (`dialect`).

mod body;
mod connect;

pub use body::Outgoing;

use crate::clock;
use crate::provider::settings::{Base, Timeouts};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response};
use std::cell::RefCell;
use std::error::Error;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Connections kept open to one host without a call on them.
const MOST_IDLE: usize = 256;

/// An idle connection older than this is not trusted to be open at the other end.
const IDLE_FOR: Duration = Duration::from_mins(1);

/// A host that closed an idle connection says so within a round trip of the request that was too late for it; one that has
/// read a request and dies over it takes its time, and may have done work.
const ROUND_TRIP: Duration = Duration::from_secs(1);

/// Why an exchange came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// No connection.
    #[error("could not connect ({0})")]
    Unreachable(io::ErrorKind),
    /// No connection in time.
    #[error("no connection within {0:?}")]
    ConnectTimeout(Duration),
    /// The host could not prove to be the one it should be, or does not speak TLS.
    #[error("TLS failed")]
    Tls,
    /// The connection was gone before a byte of the request was sent.
    #[error("the connection closed before the request was sent")]
    Unsent,
    /// A connection that had been idle was closed at the other end as the request went out on it.
    #[error("an idle connection was closed as the request was sent")]
    Stale,
    /// The request was sent and the connection broke without an answer.
    #[error("the connection broke without an answer")]
    Broken,
    /// No answer in time.
    #[error("no answer within {0:?}")]
    FirstByteTimeout(Duration),
}

impl TransportError {
    /// Whether the provider surely did no work.
    #[must_use]
    pub const fn surely_undone(self) -> bool {
        matches!(
            self,
            Self::Unreachable(_) | Self::ConnectTimeout(_) | Self::Tls | Self::Unsent | Self::Stale
        )
    }

    /// Whether it was a matter of time.
    #[must_use]
    pub const fn is_timeout(self) -> bool {
        matches!(self, Self::ConnectTimeout(_) | Self::FirstByteTimeout(_))
    }
}

/// A host's connections.
#[derive(Debug)]
pub struct Lane {
    base: Base,
    tls: Arc<rustls::ClientConfig>,
    idle: RefCell<Vec<(SendRequest<Outgoing>, Duration)>>,
}

/// A connection on loan: give it back when the answer was read to its end, or drop it to close it.
#[derive(Debug)]
pub struct Loan {
    lane: Rc<Lane>,
    sender: SendRequest<Outgoing>,
}

impl Loan {
    /// The answer was read to its end: the connection may serve again.
    pub fn give_back(self, now: Duration) {
        if self.sender.is_closed() {
            return;
        }
        let mut idle = self.lane.idle.borrow_mut();
        if idle.len() < MOST_IDLE {
            idle.push((self.sender, now));
        }
    }
}

impl Lane {
    /// Sends a request and waits for the head of its answer.
    ///
    /// # Errors
    /// [`TransportError`] says what happened and whether the provider can have done any work.
    pub async fn send(
        self: &Rc<Self>,
        mut request: Request<Outgoing>,
        timeouts: &Timeouts,
        now: Duration,
    ) -> Result<(Response<Incoming>, Loan), TransportError> {
        // A pooled connection may turn out to be gone before anything was sent: then the next one is tried, at last a new one.
        loop {
            let (mut sender, pooled) = match self.pooled(now) {
                Some(sender) => (sender, true),
                // A handshake holds much and is rare: in a box of its own it makes no other call's future larger.
                None => (Box::pin(self.connect(timeouts.connect)).await?, false),
            };
            if poll_fn(|cx| sender.poll_ready(cx)).await.is_err() {
                if pooled {
                    continue;
                }
                return Err(TransportError::Unsent);
            }
            let answer = timeout(timeouts.first_byte, sender.try_send_request(request)).await;
            let mut failure = match answer {
                Ok(Ok(response)) => {
                    return Ok((
                        response,
                        Loan {
                            lane: self.clone(),
                            sender,
                        },
                    ));
                }
                Ok(Err(failure)) => failure,
                Err(_) => return Err(TransportError::FirstByteTimeout(timeouts.first_byte)),
            };
            match failure.take_message() {
                Some(unsent) if pooled => request = unsent,
                Some(_) => return Err(TransportError::Unsent),
                None if pooled && is_closed(failure.error()) && took(now) < ROUND_TRIP => {
                    // The others were idle for longer.
                    self.idle.borrow_mut().clear();
                    return Err(TransportError::Stale);
                }
                None => return Err(TransportError::Broken),
            }
        }
    }

    /// The connection used last, if one is still good: the fewer are in use, the sooner the others may close.
    fn pooled(&self, now: Duration) -> Option<SendRequest<Outgoing>> {
        let mut idle = self.idle.borrow_mut();
        while let Some((sender, since)) = idle.pop() {
            if !sender.is_closed() && now.saturating_sub(since) < IDLE_FOR {
                return Some(sender);
            }
        }
        None
    }

    async fn connect(&self, within: Duration) -> Result<SendRequest<Outgoing>, TransportError> {
        let opened = timeout(within, async {
            let wire = connect::open(&self.base, &self.tls).await?;
            handshake(wire).await.map_err(|_| TransportError::Unsent)
        });
        let (sender, connection) = opened
            .await
            .map_err(|_| TransportError::ConnectTimeout(within))??;
        tokio::task::spawn_local(async move {
            // How it ends is told to the exchange on it.
            let _ = connection.await;
        });
        Ok(sender)
    }

    /// Closes connections nobody used for long.
    pub fn sweep(&self, now: Duration) {
        self.idle
            .borrow_mut()
            .retain(|(sender, since)| !sender.is_closed() && now.saturating_sub(*since) < IDLE_FOR);
    }
}

/// Whether the other end closed the connection before a byte of an answer.
fn is_closed(error: &hyper::Error) -> bool {
    let reset = |error: &(dyn Error + 'static)| {
        error.downcast_ref::<io::Error>().is_some_and(|error| {
            matches!(
                error.kind(),
                io::ErrorKind::ConnectionReset
                    | io::ErrorKind::ConnectionAborted
                    | io::ErrorKind::BrokenPipe
                    | io::ErrorKind::UnexpectedEof
            )
        })
    };
    error.is_incomplete_message()
        || error.is_canceled()
        || error.is_closed()
        || error.source().is_some_and(reset)
}

fn took(began: Duration) -> Duration {
    clock::since_start().saturating_sub(began)
}

/// One thread's connections to every host.
#[derive(Debug)]
pub struct Pool {
    lanes: RefCell<Vec<Rc<Lane>>>,
    tls: Arc<rustls::ClientConfig>,
}

impl Default for Pool {
    fn default() -> Self {
        Self {
            lanes: RefCell::default(),
            tls: connect::tls(),
        }
    }
}

impl Pool {
    /// The connections to this host.
    pub fn lane(&self, base: &Base) -> Rc<Lane> {
        let mut lanes = self.lanes.borrow_mut();
        let same = |lane: &&Rc<Lane>| {
            (lane.base.tls, &lane.base.host, lane.base.port) == (base.tls, &base.host, base.port)
        };
        if let Some(lane) = lanes.iter().find(same) {
            return lane.clone();
        }
        let lane = Rc::new(Lane {
            base: base.clone(),
            tls: self.tls.clone(),
            idle: RefCell::default(),
        });
        lanes.push(lane.clone());
        lane
    }

    /// Closes connections nobody used for long.
    pub fn sweep(&self, now: Duration) {
        for lane in self.lanes.borrow().iter() {
            lane.sweep(now);
        }
    }
}
