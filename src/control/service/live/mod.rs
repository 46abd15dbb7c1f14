//! What goes on, told to those who look on: figures that move, gateways that come and go, switches, requests, and lines of
//! the audit log.
//!
//! One ticker looks for all of them, as long as anybody listens: what changed since its last look goes to every listener, who
//! passes on what its user may see. Switches, requests and lines have numbers, those of the audit log: what was missed can be
//! told again. Figures and gateways have none: a snapshot says how they stand.
//!
//! Invariant: nothing is told to whom it could not be read by. A listener asks again who it tells whenever the audit log has
//! grown (no right is taken away without a line of it), and at least every fifteen seconds.
//!
//! Not here: how it is written (`api`).

mod events;
mod listener;
mod picture;

pub use events::{News, Snapshot, SpendNews};
pub use listener::{Listener, Said};
pub use picture::{GatewayNews, SpendView};

use self::events::Batch;
use self::picture::Picture;
use super::access::Actor;
use super::{Outcome, Panel, ServiceError};
use crate::control::bulletin::News as Board;
use crate::lease::directory::Event;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast::{Receiver, Sender, WeakSender, channel};
use tokio::time::{sleep, timeout};

/// How often the ticker looks; at once where the board says that something happened.
const TICK: Duration = Duration::from_secs(1);
/// It does not look more often than so.
const GAP: Duration = Duration::from_millis(200);
/// Looks that wait for a listener; one that is further behind is let go.
const MOST_BEHIND: usize = 32;
/// Streams of one user.
const MOST_OF_USER: usize = 8;
/// Streams of all users.
const MOST: usize = 256;

/// Who listens.
#[derive(Debug, Default)]
pub(super) struct Live(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// How to hear the ticker, if there is one.
    ticker: Option<WeakSender<Arc<Batch>>>,
    /// How many streams each user has.
    open: BTreeMap<String, usize>,
}

/// One stream's place, free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    panel: Arc<Panel>,
    user: String,
}

impl Live {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self) -> Option<Receiver<Arc<Batch>>> {
        // Under the lock, so that no ticker ends in between for want of somebody who listens.
        let inner = self.inner();
        let ticker = inner.ticker.as_ref().and_then(WeakSender::upgrade);
        ticker.map(|ticker| ticker.subscribe())
    }

    /// Hears a ticker that goes on from this picture, or one that was faster: whether it is the former.
    fn begin(&self, panel: &Arc<Panel>, picture: &Arc<Picture>) -> (Receiver<Arc<Batch>>, bool) {
        let mut inner = self.inner();
        if let Some(ticker) = inner.ticker.as_ref().and_then(WeakSender::upgrade) {
            return (ticker.subscribe(), false);
        }
        let (sender, receiver) = channel(MOST_BEHIND);
        inner.ticker = Some(sender.downgrade());
        #[expect(
            clippy::disallowed_methods,
            reason = "it ends with the last of those who listen"
        )]
        tokio::spawn(tick(Arc::clone(panel), Arc::clone(picture), sender));
        (receiver, true)
    }

    /// Lets go of the ticker, if nobody listens.
    fn is_over(&self, sender: &Sender<Arc<Batch>>) -> bool {
        // Nobody begins to listen meanwhile: that takes the lock.
        let mut inner = self.inner();
        let over = sender.receiver_count() == 0;
        if over {
            inner.ticker = None;
        }
        over
    }
}

impl Place {
    fn take(panel: &Arc<Panel>, user: &str) -> Outcome<Self> {
        let mut inner = panel.live.inner();
        let all: usize = inner.open.values().sum();
        let own = inner.open.get(user).copied().unwrap_or(0);
        if own >= MOST_OF_USER || all >= MOST {
            return Err(ServiceError::TooManyStreams(MOST_OF_USER));
        }
        inner.open.insert(user.to_owned(), own.saturating_add(1));
        drop(inner);
        Ok(Self {
            panel: Arc::clone(panel),
            user: user.to_owned(),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inner = self.panel.live.inner();
        if let Some(own) = inner.open.get_mut(&self.user) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                inner.open.remove(&self.user);
            }
        }
    }
}

/// Begins to listen. `after`: the number of the last line that was heard, so that what was missed is told.
///
/// # Errors
/// [`ServiceError::TooManyStreams`], or the books cannot be read.
pub async fn listen(panel: &Arc<Panel>, actor: Actor, after: Option<i64>) -> Outcome<Listener> {
    let place = Place::take(panel, &actor.uid)?;
    // A picture taken before the ticker is heard would leave a gap where the ticker's own is newer.
    let heard = panel.live.hear();
    let (snapshot, missed, picture) = events::snapshot(panel, &actor, after).await?;
    let (snapshot, missed, picture, heard) = match heard {
        Some(heard) => (snapshot, missed, picture, heard),
        None => match panel.live.begin(panel, &picture) {
            (heard, true) => (snapshot, missed, picture, heard),
            (heard, false) => {
                let (snapshot, missed, picture) = events::snapshot(panel, &actor, after).await?;
                (snapshot, missed, picture, heard)
            }
        },
    };
    Ok(Listener::new(
        (place, actor),
        heard,
        (snapshot, missed, &picture),
    ))
}

/// Looks, and tells what changed, until nobody listens or the panel stops.
async fn tick(panel: Arc<Panel>, mut picture: Arc<Picture>, sender: Sender<Arc<Batch>>) {
    let mut board = panel.bulletin.subscribe();
    let mut cursor = panel.bulletin.newest();
    loop {
        let _ = timeout(TICK, board.changed()).await;
        let newest = *board.borrow_and_update();
        if let Board::Events(events) = panel.bulletin.since(cursor)
            && events.iter().any(|one| one.event == Event::Goaway)
        {
            // The streams end with this, and the panel need not wait for them.
            return;
        }
        cursor = newest;
        if panel.live.is_over(&sender) {
            return;
        }
        let batch = match events::since(&panel, &picture).await {
            Ok((newer, batch)) => {
                picture = newer;
                batch
            }
            Err(error) => {
                tracing::warn!(code = error.code(), %error, "what goes on could not be looked at, and is tried again");
                Batch::nothing(&picture)
            }
        };
        let _ = sender.send(Arc::new(batch));
        sleep(GAP).await;
    }
}

#[cfg(test)]
mod tests;
