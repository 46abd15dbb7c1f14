//! The gateway's side of the treaty, at the rim: a thread that talks to the panel, and what is kept of it on the disk.
//!
//! Start: the disk's number and this start are written down, the last directory is read, then everything else may take as
//! long as the panel is away: local budgets are served meanwhile, and what was lent before is never spent by this process.
//! Stop: everything that is not spent goes back, if the panel can be heard for a moment.
//!
//! Not here: the treaty itself (`protocol`), what a changed directory means for the plan (`app`).

mod bundles;
mod events;
mod fault;
mod line;
mod notes;
mod purse;
mod reading;
mod store;
mod talk;
mod teller;
mod vault;

pub use bundles::{BundleReading, Bundles};
pub use fault::ClientError;
pub use purse::Purse;
pub use reading::{LeaseReading, Reading};
pub use store::{enrolled, forget_enrolment};
pub use teller::Counting;
pub use vault::{ItemReading, Vault, VaultReading};

use super::directory::Directory;
use super::settings::Panel;
use crate::clock;
use crate::governance::budget::Books;
use line::Line;
use rcgen::KeyPair;
use reading::Notes;
use std::fmt;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use store::{Member, Store};
use talk::Talk;
use tokio::sync::Notify;

/// Resolves when the books' entries up to a number are on the disk; `false` if the journal failed meanwhile.
pub type Reach = Box<dyn Fn(u64) -> Pin<Box<dyn Future<Output = bool>>> + Send>;

/// Told of every directory, on the client's own thread.
pub type Changed = Box<dyn Fn(Arc<Directory>) + Send>;

/// The gateway's side, before it talks.
pub struct Client {
    panel: Panel,
    store: Store,
    key: KeyPair,
    member: Option<Member>,
    purse: Arc<Purse>,
    bundles: Arc<Bundles>,
    line: Line,
    fresh: bool,
    directory: Option<Arc<Directory>>,
    vault: Arc<Vault>,
    every: Duration,
    counting: Counting,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    /// Reads what is kept in the state directory. `fresh`: the journal there is not all there was, so that this counts as
    /// another disk.
    ///
    /// # Errors
    /// It cannot be read or written, or there is nothing to enrol with.
    pub fn open(
        panel: Panel,
        state_dir: &Path,
        books: Arc<Books>,
        fresh: bool,
    ) -> Result<Self, ClientError> {
        let store = Store::open(state_dir)?;
        let (key, member) = (store.key()?, store.member()?);
        let line = Line::stranger(&panel)?;
        match &member {
            Some(member) => line.identify(member, &key)?,
            None if panel.token.is_none() => return Err(ClientError::NotEnrolled),
            None => {}
        }
        let purse = Purse::new(books);
        let directory = store.directory(&key)?.map(Arc::new);
        if let Some(directory) = &directory {
            purse.know(directory);
        }
        let bundles = Bundles::open(store.clone(), panel.policy_key, member.as_ref())?;
        let router = member.as_ref().map(|member| member.router);
        let kept = store.vault(&key)?;
        let vault = Vault::new(kept, router, clock::now().wall, clock::since_boot());
        if vault.is_unkept() {
            vault.keep(&store, &key)?;
        }
        Ok(Self {
            panel,
            store,
            key,
            member,
            purse: Arc::new(purse),
            bundles: Arc::new(bundles),
            line,
            fresh,
            directory,
            vault: Arc::new(vault),
            every: talk::EVERY,
            counting: Box::new(Vec::new),
        })
    }

    /// Tells the panel these counts, too.
    #[must_use]
    pub fn counting(self, counting: Counting) -> Self {
        Self { counting, ..self }
    }

    /// Tells the panel what was spent so often, instead of four times a minute.
    #[must_use]
    pub const fn telling_every(mut self, every: Duration) -> Self {
        self.every = every;
        self
    }

    /// What pays for the panel's keys.
    #[must_use]
    pub const fn purse(&self) -> &Arc<Purse> {
        &self.purse
    }

    /// The policies that the panel has this gateway run.
    #[must_use]
    pub const fn bundles(&self) -> &Arc<Bundles> {
        &self.bundles
    }

    /// The last directory that was heard.
    #[must_use]
    pub fn directory(&self) -> Option<Arc<Directory>> {
        self.directory.clone()
    }

    /// What is held of the panel's vault.
    #[must_use]
    pub const fn vault(&self) -> &Arc<Vault> {
        &self.vault
    }

    /// Begins to talk.
    ///
    /// # Errors
    /// This start cannot be written down, or there is no thread.
    pub fn start(self, reach: Reach, changed: Changed) -> Result<Handle, ClientError> {
        // Before anybody hears of it.
        let identity = self.store.begin(self.fresh, 0)?;
        let notes = Arc::new(Mutex::new(Notes::new(
            &self.panel.url,
            self.member.as_ref(),
            self.directory.as_deref(),
        )));
        let (first, heard) = sync_channel(1);
        let stop = Arc::new(Notify::new());
        let (purse, vault) = (self.purse.clone(), self.vault.clone());
        let talk = Talk::new(self, identity, notes.clone(), reach, changed, first);
        let failed = |error| ClientError::Disk {
            path: "a thread for the panel".into(),
            error,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let told = stop.clone();
        let thread = thread::Builder::new()
            .name("panel".to_owned())
            .spawn(move || runtime.block_on(talk.run(&told)))
            .map_err(failed)?;
        Ok(Handle {
            purse,
            vault,
            notes,
            stop,
            heard: Mutex::new(heard),
            thread: Mutex::new(Some(thread)),
        })
    }
}

/// A client that talks.
pub struct Handle {
    purse: Arc<Purse>,
    vault: Arc<Vault>,
    notes: Arc<Mutex<Notes>>,
    stop: Arc<Notify>,
    heard: Mutex<Receiver<()>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

impl Handle {
    /// Waits until the panel was heard, or could not be, but no longer than this.
    pub fn first_word(&self, patience: Duration) {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = heard.recv_timeout(patience);
    }

    /// What pays for the panel's keys.
    #[must_use]
    pub const fn purse(&self) -> &Arc<Purse> {
        &self.purse
    }

    /// What is held of the panel's vault.
    #[must_use]
    pub const fn vault(&self) -> &Arc<Vault> {
        &self.vault
    }

    /// Whether the panel answered lately, so that waiting for it may be of use.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.is_heard()
    }

    /// How it stands.
    #[must_use]
    pub fn reading(&self) -> Reading {
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut reading = notes.reading();
        drop(notes);
        self.purse.read(&mut reading);
        reading
    }

    /// Gives back what is not spent, and ends.
    pub fn stop(&self) {
        self.stop.notify_one();
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.stop();
    }
}
