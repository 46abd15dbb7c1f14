//! The panel's rules: who may do what, and what follows from it for the bank and the gateways.
//!
//! A change is made in one transaction together with its line in the audit log. One that matters to gateways makes the
//! directory's revision grow, has the bank go by the tree as it is now, and is then put on the bulletin; the turn to change
//! anything is kept until the bank knows, so that it never goes by an older tree than the last.
//!
//! Not here: HTTP (`api`), statements (`store`), money lent (`lease::protocol`).

pub mod access;
pub mod alerts;
pub mod analytics;
pub mod audit;
pub mod budgets;
pub mod bundles;
pub mod burn;
pub mod directory;
mod error;
pub mod gateways;
pub mod keys;
pub mod kills;
pub mod leases;
pub mod live;
pub mod local;
pub mod nodes;
pub mod oidc;
mod page;
pub(in crate::control) mod replies;
pub mod requests;
pub mod restore;
pub(in crate::control) mod secrets;
pub mod sessions;
pub mod tallies;
mod throttle;
pub mod tokens;
pub mod users;
pub mod vault;
pub mod webhooks;
mod words;

pub use error::{Fault, ServiceError};
pub use page::{Listing, Page};

use self::access::Actor;
use self::audit::Act;
use super::bulletin::Bulletin;
use super::store::house::{
    gateways as gateway_rows, keys as key_rows, replies as reply_rows, settings,
    spend as spend_rows, users as user_rows,
};
use super::store::{Change, Db, Store, StoreError};
use super::treasury::Treasury;
use crate::clock::Wall;
use crate::lease::directory::Event;
use crate::lease::protocol::RouterId;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

/// What a service comes to.
pub type Outcome<T> = Result<T, ServiceError>;

/// The clock the panel goes by.
pub type Clock = Arc<dyn Fn() -> Wall + Send + Sync>;

/// The directory's revision, among the settings.
const REVISION: &str = settings::DIRECTORY;
/// How long answers to writes are kept for those who ask again.
const REPLIES_KEPT: Duration = Duration::from_hours(24);

/// The panel: its books, its bank, its board, and what it remembers between two requests.
pub struct Panel {
    store: Store,
    treasury: Arc<Treasury>,
    bulletin: Arc<Bulletin>,
    clock: Clock,
    /// What a guess at a password costs.
    pub(in crate::control) cost: secrets::Cost,
    throttle: throttle::Throttle,
    /// Passwords digested at once: each takes a core and 19 MiB.
    hashing: Semaphore,
    /// Whether the bank goes by an older tree than the store has.
    stale: AtomicBool,
    /// When the directory changes by itself: a key expires, or an old secret.
    next_turn: AtomicI64,
    remembered: Mutex<Remembered>,
    /// What it has at hand for bundles of policies.
    bundles: bundles::Office,
    /// The vault's keys, once it is open.
    keyring: OnceLock<vault::Keyring>,
    /// The provider at which people sign in besides, if there is one.
    oidc: OnceLock<oidc::Desk>,
    /// When it was opened.
    since: i64,
    /// Who looks on.
    live: live::Live,
    /// What gateways refused and found, and is to be written.
    tallies: tallies::Desk,
}

/// What is remembered of gateways: lost with the process, and soon known again.
#[derive(Debug, Default)]
struct Remembered {
    /// Those that may borrow nothing.
    stopped: BTreeSet<RouterId>,
    /// When each spoke last, and was not written down yet.
    seen: BTreeMap<RouterId, i64>,
    /// Up to which event each has confirmed.
    heard: BTreeMap<RouterId, u64>,
}

impl fmt::Debug for Panel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Panel").finish_non_exhaustive()
    }
}

impl Panel {
    /// A panel over these books. The bank goes by its tree from now on.
    ///
    /// # Errors
    /// [`ServiceError`]: the books cannot be read, or the bank cannot be told.
    pub async fn open(
        store: Store,
        treasury: Arc<Treasury>,
        bulletin: Arc<Bulletin>,
        clock: Clock,
    ) -> Outcome<Self> {
        let panel = Self {
            since: clock().nanos(),
            store,
            treasury,
            bulletin,
            clock,
            cost: secrets::Cost::default(),
            throttle: throttle::Throttle::default(),
            hashing: Semaphore::new(sessions::HASHED_AT_ONCE),
            stale: AtomicBool::new(false),
            next_turn: AtomicI64::new(i64::MAX),
            remembered: Mutex::default(),
            bundles: bundles::Office::default(),
            keyring: OnceLock::new(),
            live: live::Live::default(),
            tallies: tallies::Desk::default(),
            oidc: OnceLock::new(),
        };
        panel.govern().await?;
        Ok(panel)
    }

    /// What has to be done now and then, once a second or so: what failed to reach the bank is tried again, keys and old
    /// secrets whose time has come go, what is no longer needed is forgotten.
    ///
    /// # Errors
    /// [`ServiceError`]: it is tried again the next time.
    pub async fn tend(&self) -> Outcome<()> {
        let now = self.now();
        if self.next_turn.load(Ordering::Relaxed) <= now.nanos() {
            let mut change = self.store.change().await?;
            key_rows::forget_old(change.db(), now.nanos()).await?;
            let revision = settings::grow(change.db(), REVISION).await?;
            let turn = change.commit().await?;
            let governed = self.govern().await;
            drop(turn);
            self.publish(directory_event(revision));
            governed?;
        } else if self.stale.load(Ordering::Relaxed) {
            // With the turn, so that no older tree comes after a newer one.
            let turn = self.store.change().await?.commit().await?;
            let governed = self.govern().await;
            drop(turn);
            governed?;
        }
        Ok(())
    }

    /// Writes down when gateways spoke last, all of it in one change.
    ///
    /// # Errors
    /// [`ServiceError`]: it is lost, and known again as soon as they speak.
    pub async fn note_seen(&self) -> Outcome<()> {
        let seen = std::mem::take(&mut self.remembered().seen);
        if seen.is_empty() {
            return Ok(());
        }
        let mut change = self.store.change().await?;
        for (router, at) in seen {
            gateway_rows::seen(change.db(), &router.0.to_be_bytes(), at).await?;
        }
        change.commit().await?;
        Ok(())
    }

    /// Forgets what is no longer needed: sessions that are over, answers nobody asks for again, hours of
    /// days long past. Once an hour will do.
    ///
    /// # Errors
    /// [`ServiceError`]: it is tried again the next time.
    pub async fn tidy(&self) -> Outcome<()> {
        let now = self.now();
        let mut change = self.store.change().await?;
        let idle_since = before(now, sessions::IDLE);
        user_rows::forget_sessions(change.db(), now.nanos(), idle_since.nanos()).await?;
        let old = before(now, REPLIES_KEPT);
        reply_rows::forget_before(change.db(), old.nanos()).await?;
        let day = analytics::day(before(now, analytics::HOURS_KEPT).nanos());
        spend_rows::make_days(change.db(), day).await?;
        change.commit().await?;
        Ok(())
    }

    /// Whether the authority with this certificate (its SHA-256) is the one of these books. The first one that asks is.
    ///
    /// # Errors
    /// [`ServiceError`]: the books cannot be read or written.
    pub async fn is_of(&self, certificate: [u8; 32]) -> Outcome<bool> {
        let mut change = self.store.change().await?;
        if let Some(known) = settings::bytes(change.db(), settings::AUTHORITY).await? {
            return Ok(known == certificate);
        }
        settings::set_bytes(change.db(), settings::AUTHORITY, &certificate).await?;
        change.commit().await?;
        Ok(true)
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> Wall {
        (self.clock)()
    }

    /// The bank.
    #[must_use]
    pub fn treasury(&self) -> &Treasury {
        &self.treasury
    }

    /// The board.
    #[must_use]
    pub fn bulletin(&self) -> &Arc<Bulletin> {
        &self.bulletin
    }

    /// The books.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    async fn read(&self) -> Outcome<Db<'static>> {
        Ok(self.store.read().await?)
    }

    async fn change(&self) -> Outcome<Change> {
        Ok(self.store.change().await?)
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, event: Event) -> u64 {
        self.bulletin.publish(event)
    }

    /// Makes a change last that gateways need not know of.
    async fn keep(&self, mut change: Change, actor: &Actor, act: Act<'_>) -> Outcome<()> {
        audit::append(change.db(), self.now(), actor, act).await?;
        change.commit().await?;
        Ok(())
    }

    /// Makes a change last, and the bank and the gateways go by it. The numbers of the events.
    async fn enact(
        &self,
        mut change: Change,
        actor: &Actor,
        act: Act<'_>,
        events: Vec<Event>,
    ) -> Outcome<Vec<u64>> {
        audit::append(change.db(), self.now(), actor, act).await?;
        let revision = settings::grow(change.db(), REVISION).await?;
        // Before the commit: whoever is cut off after it leaves word that the bank is to be told.
        self.stale.store(true, Ordering::Relaxed);
        let turn = change.commit().await?;
        let governed = self.govern().await;
        self.publish(directory_event(revision));
        // A switch is told of even where the bank was not reached: it can only stop more.
        let is_safe = |event: &Event| governed.is_ok() || matches!(event, Event::Kill { .. });
        let events = events.into_iter().filter(is_safe);
        let cursors = events.map(|event| self.publish(event)).collect();
        // Told in the order in which it was done.
        drop(turn);
        governed.map(|()| cursors)
    }

    /// Has the bank go by the tree as the store has it.
    async fn govern(&self) -> Outcome<()> {
        self.stale.store(true, Ordering::Relaxed);
        let now = self.now();
        let mut db = self.read().await?;
        let (tree, next) = directory::tree(&mut db, now).await?;
        drop(db);
        self.remembered().stopped.clone_from(&tree.stopped);
        let governed = self.treasury.govern(tree).await;
        governed.map_err(ServiceError::NotInForce)?;
        self.next_turn.store(next, Ordering::Relaxed);
        self.stale.store(false, Ordering::Relaxed);
        Ok(())
    }
}

fn directory_event(revision: i64) -> Event {
    Event::Directory {
        revision: u64::try_from(revision).unwrap_or(0),
    }
}

/// So long before a time.
fn before(now: Wall, length: Duration) -> Wall {
    Wall(now.nanos().saturating_sub(nanos(length)))
}

/// So long after a time.
fn after(now: Wall, length: Duration) -> Wall {
    Wall(now.nanos().saturating_add(nanos(length)))
}

fn nanos(length: Duration) -> i64 {
    i64::try_from(length.as_nanos()).unwrap_or(i64::MAX)
}

/// A new id with this prefix.
fn id(panel: &Panel, prefix: &str) -> Outcome<String> {
    Ok(crate::ids::written(
        prefix,
        panel.now(),
        secrets::random_number()?,
    ))
}

/// What was asked for is there, or the refusal that it is not.
fn found<T>(row: Option<T>, what: &'static str) -> Outcome<T> {
    row.ok_or(ServiceError::NotFound(what))
}

/// A row that is there already, told as such.
fn taken(error: StoreError, what: &'static str, name: &str) -> ServiceError {
    if error.is_taken() {
        ServiceError::Taken {
            what,
            name: name.to_owned(),
        }
    } else {
        error.into()
    }
}
