//! The decision log on disk: every decision, in order, never sampled.
//!
//! A request's thread only moves a [`Record`] into a bounded queue; one writer thread (`writer`) formats, chains and appends,
//! in batches, and sleeps when there is nothing to do. When the disk refuses, records wait and are tried again. Once
//! [`Decisions::queue`] of them wait, it is as configured: [`OnFull::Refuse`] has [`AuditLog::has_room`] say no, and the pipeline
//! refuses new calls (503) rather than letting them go unrecorded; calls already on their way still find room, as many
//! again. [`OnFull::Drop`] lets calls go and drops their records. What is dropped, ever, is counted, and a gap record stands
//! in its place once the disk is back.
//!
//! Invariant: lines are written in the order of their numbers, each whole or not at all; neither `head` (`store`) nor a
//! checkpoint (`seal`) ever names a line that has not reached the disk.
//!
//! Not here: what a line says and how it is chained (`governance::audit`); money, which the journal keeps.

mod checkpoint;
mod files;
mod follow;
mod records;
mod seal;
mod store;
#[cfg(test)]
mod tests;
mod verify;
mod walk;
mod writer;

pub use checkpoint::{BadSeal, Checkpoint, PublicKey, PublicKeys};
pub use files::{Files, files};
pub use follow::Follower;
pub use records::{Records, find, last_lines, records};
pub use store::Recovered;
pub use verify::{Broken, Proof, Signed, Trust, verify};

use super::metrics::LogReading;
use super::settings::{Decisions, OnFull};
use crate::governance::audit::{Gap, Record};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use store::Store;
use writer::{BATCH, Entry, Shared, Writer};

/// Where the log lies, and its bounds.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its directory: `state_dir/decisions`.
    pub dir: PathBuf,
    /// The private key that signs its checkpoints: `state_dir/decisions.key`. The public ones lie beside it (`.pub`).
    pub key: PathBuf,
    /// Its bounds, as configured.
    pub bounds: Decisions,
}

impl Settings {
    /// The log of a state directory.
    #[must_use]
    pub fn of_state(state_dir: &Path, bounds: Decisions) -> Self {
        Self {
            dir: state_dir.join("decisions"),
            key: state_dir.join("decisions.key"),
            bounds,
        }
    }

    /// Where the public keys lie.
    #[must_use]
    pub fn public_key(&self) -> PathBuf {
        self.key.with_extension("pub")
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
    /// The file of the key that signs checkpoints holds no key.
    #[error(
        "decision log: `{0}` holds no Ed25519 key: put it back from a backup, or remove it and a new key is made (keep `decisions.pub`: older checkpoints are checked with it)"
    )]
    Key(PathBuf),
}

/// The record was dropped: the disk has refused for long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the decision log cannot be written and its queue is full: the record is dropped")]
pub struct Full;

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
        let shared = Arc::new(Shared::new(&settings.bounds));
        let thread = std::thread::Builder::new()
            .name("decision-log".to_owned())
            .spawn({
                let shared = Arc::clone(&shared);
                move || writer::write(&shared, store)
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
        let shared = &self.shared;
        shared.on_full == OnFull::Drop || shared.waiting.load(Ordering::Relaxed) < shared.capacity
    }

    /// Hands a record over. Where new calls are refused, it is dropped only when the queue is twice full, which calls let in
    /// by [`AuditLog::has_room`] cannot bring about unless more of them are on their way than the queue holds.
    ///
    /// # Errors
    /// [`Full`]: the record is gone, counted as dropped, and part of a gap record unless the log is closing.
    pub fn push(&self, record: Record) -> Result<(), Full> {
        let most = match self.shared.on_full {
            OnFull::Refuse => self.shared.capacity.saturating_mul(2),
            OnFull::Drop => self.shared.capacity,
        };
        let mut queue = self.shared.lock();
        let full = self.shared.waiting.load(Ordering::Relaxed) >= most;
        if full || queue.closing {
            if let Some(Entry::Gap(gap)) = queue.entries.last_mut() {
                gap.extend(record.at);
            } else if !queue.closing {
                queue.entries.push(Entry::Gap(Gap::at(record.at)));
                self.shared.waiting.fetch_add(1, Ordering::Relaxed);
            }
            drop(queue);
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
            return Err(Full);
        }
        queue.entries.push(Entry::Decision(record));
        self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        let wake = match queue.writer {
            Writer::Idle => true,
            Writer::Gathering => queue.entries.len() >= BATCH,
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
            dropped: self.shared.dropped.load(Ordering::Relaxed),
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
