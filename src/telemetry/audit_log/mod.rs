//! The decision log on disk: every decision, in order, never sampled, never dropped.
//!
//! A request's thread only moves a [`Record`] into a bounded queue; one writer thread formats, chains and appends, in
//! batches (20 ms or 256 records), and sleeps when there is nothing to do. When the disk refuses, records wait and are
//! tried again; once [`Settings::queue`] of them wait, [`AuditLog::has_room`] says no and the pipeline refuses new calls
//! (503) rather than letting them go unrecorded. Calls already on their way still find room: as many again.
//!
//! Invariant: lines are written in the order of their numbers, each whole or not at all, and `head` (`store`) never names
//! a line that has not reached the disk.
//!
//! Not here: what a line says and how it is chained (`governance::audit`); money, which the journal keeps.

mod reading;
mod store;
#[cfg(test)]
mod tests;

pub use reading::{Broken, Files, Proof, files, last_lines, verify};
pub use store::Recovered;

use super::metrics::LogReading;
use super::quiet::Quiet;
use crate::clock;
use crate::governance::audit::Record;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use store::Store;

/// A batch is written when it has waited this long…
const GATHER: Duration = Duration::from_millis(20);
/// … or has this many records.
const BATCH: usize = 256;
/// How often lines are made to reach the disk, and the head after them.
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// How long a refused write waits for its next try.
const RETRY: Duration = Duration::from_millis(250);
/// Tries after which a closing log gives up.
const LAST_TRIES: u32 = 4;
/// A batch's room is kept for the next one up to here; a burst gives its memory back.
const KEPT_ROOM: usize = 4_096;

/// Where the log lies, and its bounds.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its directory: `state_dir/decisions`.
    pub dir: PathBuf,
    /// A file larger than this is closed and numbered.
    pub rotate_bytes: u64,
    /// How many numbered files are kept.
    pub keep: usize,
    /// How many records may wait before new calls are refused.
    pub queue: usize,
}

impl Settings {
    /// The usual bounds: 16 files of 64 MiB, 65,536 records.
    #[must_use]
    pub fn in_dir(dir: PathBuf) -> Self {
        Self {
            dir,
            rotate_bytes: 64 << 20,
            keep: 16,
            queue: 65_536,
        }
    }
}

/// Why there is no decision log.
#[derive(Debug, thiserror::Error)]
pub enum LogFault {
    /// A file or directory could not be opened, read or written.
    #[error("decision log: cannot {what} `{path}`: {cause}")]
    File {
        /// What was tried.
        what: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// Another process writes it.
    #[error(
        "decision log: `{0}` is being written by another tollgate: stop it, or give this one its own `state_dir`"
    )]
    InUse(PathBuf),
}

/// The queue is full: the disk has refused for long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the decision log cannot be written and its queue is full")]
pub struct Full;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writer {
    /// Sleeps until there is a record.
    Idle,
    /// Has seen a record and waits for company.
    Gathering,
    /// Awake; looks again by itself.
    Busy,
}

#[derive(Debug)]
struct Queue {
    records: Vec<Record>,
    writer: Writer,
    closing: bool,
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    drained: Condvar,
    capacity: usize,
    /// Records pushed and not yet in the file.
    waiting: AtomicUsize,
    written: AtomicU64,
    failures: AtomicU64,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The decision log of a running gateway.
#[derive(Debug)]
pub struct AuditLog {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl AuditLog {
    /// Opens the log, continues its chain and starts the writer.
    ///
    /// # Errors
    /// The directory or a file cannot be opened, or another process writes it.
    pub fn start(settings: &Settings) -> Result<(Self, Recovered), LogFault> {
        let (store, recovered) = Store::open(settings)?;
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue {
                records: Vec::with_capacity(BATCH),
                writer: Writer::Busy,
                closing: false,
            }),
            wake: Condvar::new(),
            drained: Condvar::new(),
            capacity: settings.queue.max(1),
            waiting: AtomicUsize::new(0),
            written: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        });
        let thread = std::thread::Builder::new()
            .name("decision-log".to_owned())
            .spawn({
                let shared = Arc::clone(&shared);
                move || write(&shared, store)
            })
            .map_err(|cause| LogFault::File {
                what: "start the writer of",
                path: settings.dir.clone(),
                cause,
            })?;
        let log = Self {
            shared,
            thread: Mutex::new(Some(thread)),
        };
        Ok((log, recovered))
    }

    /// Whether a new call may be let in. One load.
    pub fn has_room(&self) -> bool {
        self.shared.waiting.load(Ordering::Relaxed) < self.shared.capacity
    }

    /// Hands a record over. Refused only when the queue is twice full, which calls let in by [`AuditLog::has_room`]
    /// cannot bring about unless more of them are on their way than the queue holds.
    ///
    /// # Errors
    /// [`Full`]; the record is gone, and counted as a failure.
    pub fn push(&self, record: Record) -> Result<(), Full> {
        let mut queue = self.shared.lock();
        if queue.records.len() >= self.shared.capacity.saturating_mul(2) || queue.closing {
            drop(queue);
            self.shared.failures.fetch_add(1, Ordering::Relaxed);
            return Err(Full);
        }
        queue.records.push(record);
        self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        let wake = match queue.writer {
            Writer::Idle => true,
            Writer::Gathering => queue.records.len() >= BATCH,
            Writer::Busy => false,
        };
        if wake {
            queue.writer = Writer::Busy;
        }
        drop(queue);
        if wake {
            self.shared.wake.notify_one();
        }
        Ok(())
    }

    /// Its numbers for the metrics.
    pub fn reading(&self) -> LogReading {
        LogReading {
            records: self.shared.written.load(Ordering::Relaxed),
            failures: self.shared.failures.load(Ordering::Relaxed),
            queued: u64::try_from(self.shared.waiting.load(Ordering::Relaxed)).unwrap_or(u64::MAX),
        }
    }

    /// Waits until everything handed over is in the file, at most `patience`; whether it is.
    pub fn flush(&self, patience: Duration) -> bool {
        let queue = self.shared.lock();
        let (_queue, waited) = self
            .shared
            .drained
            .wait_timeout_while(queue, patience, |_| {
                self.shared.waiting.load(Ordering::Relaxed) > 0
            })
            .unwrap_or_else(PoisonError::into_inner);
        !waited.timed_out()
    }

    /// Writes what waits, makes it durable and ends the writer. Later records are refused.
    pub fn close(&self) {
        self.shared.lock().closing = true;
        self.shared.wake.notify_one();
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            // A writer that panicked has already said so.
            let _ = thread.join();
        }
    }
}

impl Drop for AuditLog {
    fn drop(&mut self) {
        self.close();
    }
}

/// The writer's life.
fn write(shared: &Shared, mut store: Store) {
    let refused = Quiet::per(Duration::from_secs(1));
    let mut batch = Vec::with_capacity(BATCH);
    let mut sync_due: Option<Duration> = None;
    loop {
        let closing = next_batch(shared, &mut batch, sync_due);
        let count = batch.len();
        store.format(&batch);
        batch.clear();
        batch.shrink_to(KEPT_ROOM);
        let mut tries = 0;
        while let Err(cause) = store.append() {
            tries += 1;
            shared.failures.fetch_add(1, Ordering::Relaxed);
            if let Some(held_back) = refused.now() {
                tracing::error!(%cause, held_back, "the decision log cannot be written: records wait, and are tried again");
            }
            if closing && tries >= LAST_TRIES {
                tracing::error!(
                    records = count,
                    "the decision log was closed with records it could not write"
                );
                return;
            }
            let queue = shared.lock();
            let _ = shared
                .wake
                .wait_timeout_while(queue, RETRY, |queue| !queue.closing);
        }
        if count > 0 {
            shared
                .written
                .fetch_add(u64::try_from(count).unwrap_or(0), Ordering::Relaxed);
            let _queue = shared.lock(); // so that nobody falls asleep between looking and waiting
            shared.waiting.fetch_sub(count, Ordering::Relaxed);
            shared.drained.notify_all();
            sync_due.get_or_insert_with(|| clock::since_start() + SYNC_EVERY);
        }
        let due = sync_due.is_some_and(|due| closing || due <= clock::since_start());
        if due {
            sync_due = None;
            if let Err(cause) = store.sync() {
                shared.failures.fetch_add(1, Ordering::Relaxed);
                sync_due = Some(clock::since_start() + SYNC_EVERY);
                if let Some(held_back) = refused.now() {
                    tracing::error!(%cause, held_back, "the decision log did not reach the disk: tried again");
                }
            }
        }
        if closing && shared.lock().records.is_empty() {
            return;
        }
    }
}

/// Waits for records and takes all there are; whether the log is closing. Also returns empty-handed, when a sync is due.
fn next_batch(shared: &Shared, batch: &mut Vec<Record>, sync_due: Option<Duration>) -> bool {
    let mut queue = shared.lock();
    if queue.records.is_empty() && !queue.closing {
        queue.writer = Writer::Idle;
        let nothing = |queue: &mut Queue| queue.records.is_empty() && !queue.closing;
        queue = match sync_due {
            None => shared
                .wake
                .wait_while(queue, nothing)
                .unwrap_or_else(PoisonError::into_inner),
            Some(due) => {
                let time = due.saturating_sub(clock::since_start());
                shared
                    .wake
                    .wait_timeout_while(queue, time, nothing)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0
            }
        };
    }
    if !queue.records.is_empty() {
        queue.writer = Writer::Gathering;
        queue = shared
            .wake
            .wait_timeout_while(queue, GATHER, |queue| {
                queue.records.len() < BATCH && !queue.closing
            })
            .unwrap_or_else(PoisonError::into_inner)
            .0;
    }
    queue.writer = Writer::Busy;
    std::mem::swap(&mut queue.records, batch);
    queue.closing
}
