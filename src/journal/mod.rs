//! The ledgers' durable memory: append-only records, group commit, ceilings, snapshots, replay.
//!
//! The books change in memory, under a lock that never waits for a disk, and leave an entry for each change. One thread
//! here writes the entries in order, many at a time, and syncs when somebody waits; a new process replays them. Money is
//! lent in *ceilings* that are synced before they are used, so that the tail a crash loses can only have spent what a
//! ceiling already names: after a crash the books may count too much, never too little.
//!
//! Invariant: `tollgate ledger verify` comes to the same counters from the oldest record on, by a second reading.
//!
//! Not here: what an entry means for the counters (`governance::budget`), what money lent by a control panel is spent by (`lease`).

mod codec;
mod directory;
mod disk;
mod recover;
mod segment;
pub mod settings;
mod verify;
mod writer;

pub use recover::{Recovery, Torn};
pub use settings::Settings;
pub use verify::{Break, Fault, Recount, Verification, peek, period_text, verify, verify_with};

use crate::clock::{self, Moment};
use crate::governance::budget::Books;
use directory::Lock;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle, Thread};
use tokio::sync::watch;
use writer::Writer;

/// Why a journal cannot be opened. Its content is never the reason.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The state directory cannot be used.
    #[error("state directory {path}: {error}")]
    Directory {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The state directory is a symbolic link.
    #[error("state directory {0} is a symbolic link: set `state_dir` to the directory itself")]
    Link(PathBuf),
    /// It belongs to somebody else.
    #[error(
        "state directory {path} belongs to user {owner}, tollgate runs as user {ours}: run `chown -R {ours} {path}` or choose another `state_dir`"
    )]
    Owner {
        /// Which.
        path: PathBuf,
        /// Whose.
        owner: u32,
        /// Who we are.
        ours: u32,
    },
    /// Others may read or write it.
    #[error(
        "state directory {path} has mode {mode:04o}, which lets others in: run `chmod 700 {path}`"
    )]
    Wide {
        /// Which.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Another process uses it.
    #[error("state directory {path} is in use by {}: stop it, or give this one a `state_dir` of its own", Holder(*.holder))]
    Locked {
        /// Which.
        path: PathBuf,
        /// Its process id, if it wrote it down.
        holder: Option<u32>,
    },
    /// The journal cannot be read or begun.
    #[error("journal in {path}: {error}")]
    Disk {
        /// The state directory.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

struct Holder(Option<u32>);

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(pid) => write!(f, "process {pid}"),
            None => f.write_str("another process"),
        }
    }
}

/// The journal cannot be written: what waited for it is not durable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the journal cannot be written: {0}")]
pub struct Failed(pub Arc<str>);

/// Whether the journal can be written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Health {
    /// It can.
    #[default]
    Ok,
    /// It cannot; a new file is tried every second, and nothing is reserved until one works.
    Failed {
        /// Since when.
        since: Moment,
        /// What the system said last.
        error: Arc<str>,
    },
}

/// How far the writer is.
#[derive(Debug, Clone, Default)]
struct Progress {
    /// How many of the books' entries are durable.
    durable: u64,
    /// How often it failed.
    failures: u64,
    health: Health,
}

const RUN: u8 = 0;
const FINISH: u8 = 1;
const ABANDON: u8 = 2;

/// What the writer and those who wait for it both see.
struct Shared {
    /// Entries wait.
    pending: AtomicBool,
    /// Somebody waits for them.
    urgent: AtomicBool,
    /// The last entry somebody waits for.
    wanted: AtomicU64,
    stop: AtomicU8,
    thread: OnceLock<Thread>,
    progress: watch::Sender<Progress>,
}

impl Shared {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            pending: AtomicBool::new(false),
            urgent: AtomicBool::new(false),
            wanted: AtomicU64::new(0),
            stop: AtomicU8::new(RUN),
            thread: OnceLock::new(),
            progress: watch::Sender::new(Progress::default()),
        })
    }

    fn wake(&self, urgent: bool) {
        let flag = if urgent { &self.urgent } else { &self.pending };
        // Who finds it set knows that somebody has woken the thread already.
        if !flag.swap(true, Ordering::AcqRel)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }
}

/// An open journal; its thread writes until it is closed.
///
/// Dropped without [`Journal::close`] it stops where it is, as a crash would.
pub struct Journal {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    _lock: Lock,
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let progress = self.shared.progress.borrow();
        f.debug_struct("Journal")
            .field("durable", &progress.durable)
            .field("health", &progress.health)
            .finish_non_exhaustive()
    }
}

/// A directory that is this process's alone for as long as this lives.
#[derive(Debug)]
pub struct Claim(#[expect(dead_code, reason = "held, and let go of when dropped")] Lock);

/// Claims a directory, made if it is not there, for the owner and this process alone: for state that is no journal.
///
/// # Errors
/// [`JournalError`]: it is somebody else's, open to others, or in use.
pub fn claim(path: &Path) -> Result<Claim, JournalError> {
    directory::hold(path).map(|(_, lock)| Claim(lock))
}

impl Journal {
    /// Takes over a state directory: replays what is there, begins a new segment, starts the writer.
    ///
    /// # Errors
    /// The directory cannot be used or written. Whatever its content: that is told by [`Recovery`].
    pub fn open(
        path: &Path,
        settings: Settings,
    ) -> Result<(Self, Arc<Books>, Recovery), JournalError> {
        let failed = |error: io::Error| JournalError::Disk {
            path: path.to_owned(),
            error,
        };
        let (lock, disk) = directory::claim(path)?;
        let shared = Shared::new();
        let (mut writer, books, report) =
            prepare(Box::new(disk), settings, shared.clone()).map_err(failed)?;
        let (for_thread, for_guard) = (shared.clone(), books.clone());
        let group = writer.group();
        let thread = thread::Builder::new()
            .name("journal".into())
            .spawn(move || {
                let guard = Guard(for_thread.clone(), for_guard);
                run(&mut writer, &for_thread, group);
                drop(guard);
            })
            .map_err(failed)?;
        let _ = shared.thread.set(thread.thread().clone());
        let waker = shared.clone();
        books.on_entries(move |urgent| waker.wake(urgent));
        let journal = Self {
            shared,
            thread: Some(thread),
            _lock: lock,
        };
        Ok((journal, books, report))
    }

    /// Waits until the books' first `upto` entries are on the disk.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub async fn durable(&self, upto: u64) -> Result<(), Failed> {
        let mut progress = self.shared.progress.subscribe();
        if progress.borrow().durable >= upto {
            return Ok(());
        }
        self.shared.wanted.fetch_max(upto, Ordering::AcqRel);
        self.shared.wake(true);
        loop {
            {
                let seen = progress.borrow_and_update();
                if seen.durable >= upto {
                    return Ok(());
                }
                if let Health::Failed { error, .. } = &seen.health {
                    return Err(Failed(error.clone()));
                }
            }
            if progress.changed().await.is_err() {
                return Err(Failed(writer::CLOSED.into()));
            }
        }
    }

    /// How many entries reached the disk since the start, and how often writing failed.
    pub fn counts(&self) -> (u64, u64) {
        let progress = self.shared.progress.borrow();
        (progress.durable, progress.failures)
    }

    /// Whether it can be written.
    pub fn health(&self) -> Health {
        self.shared.progress.borrow().health.clone()
    }

    /// Writes everything, with a last entry that says the stop was in order. May wait for the disk.
    ///
    /// # Errors
    /// Not everything could be written; the next start books what is in doubt as uncertain.
    pub fn close(mut self) -> Result<(), Failed> {
        self.end(FINISH)
    }

    fn end(&mut self, how: u8) -> Result<(), Failed> {
        self.shared.stop.store(how, Ordering::Release);
        let Some(thread) = self.thread.take() else {
            return Ok(());
        };
        thread.thread().unpark();
        if thread.join().is_err() {
            return Err(Failed("its thread came to a bad end".into()));
        }
        match self.health() {
            Health::Failed { error, .. } if &*error != writer::CLOSED => Err(Failed(error)),
            _ => Ok(()),
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        let _ = self.end(ABANDON);
    }
}

/// Should the thread ever panic, nobody may go on as if it wrote.
struct Guard(Arc<Shared>, Arc<Books>);

impl Drop for Guard {
    fn drop(&mut self) {
        if thread::panicking() {
            self.1.suspend();
            self.0.progress.send_modify(|progress| {
                progress.health = Health::Failed {
                    since: clock::now(),
                    error: "its thread came to a bad end".into(),
                };
            });
        }
    }
}

/// Recovers the books and begins a segment with them.
fn prepare(
    disk: Box<dyn disk::Disk>,
    settings: Settings,
    shared: Arc<Shared>,
) -> io::Result<(Writer, Arc<Books>, Recovery)> {
    let start = recover::recover(&*disk)?;
    let numbered = (start.number, start.follows);
    let started = recover::start(&*disk, &settings, numbered, (start.sequence, &start.state));
    let open = match started {
        Ok(open) => Some(open),
        // There will be room again: until then nothing is reserved, which is told, and the writer goes on trying.
        Err(error) if is_full(&error) => None,
        Err(error) => return Err(error),
    };
    // Old segments take room, no more: the writer tries again.
    let _ = recover::prune(&*disk, settings.keep);
    let books = Arc::new(Books::restore(start.state, true));
    if open.is_none() {
        books.suspend();
    }
    let place = (start.number.saturating_add(1), start.sequence);
    let writer = Writer::new(books.clone(), disk, settings, shared, open, place);
    Ok((writer, books, start.report))
}

fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded)
}

fn run(writer: &mut Writer, shared: &Shared, group: std::time::Duration) {
    loop {
        let stop = shared.stop.load(Ordering::Acquire);
        if stop == ABANDON {
            return;
        }
        if stop == FINISH {
            return writer.finish(clock::now());
        }
        let next = writer.turn(clock::now());
        rest(shared, next, group);
    }
}

/// Sleeps until there is something to do.
fn rest(shared: &Shared, next: Option<std::time::Duration>, group: std::time::Duration) {
    // Entries nobody waits for are given a moment of company.
    let mut company = None;
    loop {
        if shared.stop.load(Ordering::Acquire) != RUN {
            return;
        }
        if shared.urgent.swap(false, Ordering::AcqRel) {
            shared.pending.store(false, Ordering::Release);
            return;
        }
        let now = clock::since_start();
        if company.is_none() && shared.pending.swap(false, Ordering::AcqRel) {
            company = Some(now + group);
        }
        match [next, company].into_iter().flatten().min() {
            Some(due) if due <= now => return,
            Some(due) => thread::park_timeout(due.saturating_sub(now)),
            None => thread::park(),
        }
    }
}

#[cfg(test)]
mod tests;
