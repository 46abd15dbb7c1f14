//! The writer's thread: gathers what was handed over, writes it, and sees to what is due by time.
//!
//! It wakes for a record, gathers company (20 ms or 256 records), and writes. Between batches, when due: lines are made to
//! reach the disk, a checkpoint is signed, old files are put away. With nothing written and nothing due it sleeps.

use super::store::Store;
use crate::clock;
use crate::governance::audit::{Gap, Record};
use crate::telemetry::quiet::Quiet;
use crate::telemetry::settings::{Decisions, OnFull};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A batch is written when it has waited this long…
const GATHER: Duration = Duration::from_millis(20);
/// … or has this many records.
pub(super) const BATCH: usize = 256;
/// How often lines are made to reach the disk, and the head after them.
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// How often a log with an age limit looks for what is too old.
const TIDY_EVERY: Duration = Duration::from_mins(10);
/// How long a refused write waits for its next try.
const RETRY: Duration = Duration::from_millis(250);
/// Tries after which a closing log gives up.
const LAST_TRIES: u32 = 4;
/// A batch's room is kept for the next one up to here; a burst gives its memory back.
const KEPT_ROOM: usize = 4_096;

/// What waits to be written.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are decisions: a box would cost each of them an allocation"
)]
pub(super) enum Entry {
    /// A decision.
    Decision(Record),
    /// Decisions that found no room.
    Gap(Gap),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writer {
    /// Sleeps until there is a record.
    Idle,
    /// Has seen a record and waits for company.
    Gathering,
    /// Awake; looks again by itself.
    Busy,
}

#[derive(Debug)]
pub(super) struct Queue {
    pub(super) entries: Vec<Entry>,
    pub(super) writer: Writer,
    pub(super) closing: bool,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) queue: Mutex<Queue>,
    pub(super) wake: Condvar,
    pub(super) drained: Condvar,
    pub(super) capacity: usize,
    pub(super) on_full: OnFull,
    /// Entries pushed and not yet in the file.
    pub(super) waiting: AtomicUsize,
    pub(super) written: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) dropped: AtomicU64,
    checkpoint_within: Duration,
    checkpoint_lines: u64,
    tidies: bool,
}

impl Shared {
    pub(super) fn new(bounds: &Decisions) -> Self {
        Self {
            queue: Mutex::new(Queue {
                entries: Vec::with_capacity(BATCH),
                writer: Writer::Busy,
                closing: false,
            }),
            wake: Condvar::new(),
            drained: Condvar::new(),
            capacity: bounds.queue.max(1),
            on_full: bounds.on_full,
            waiting: AtomicUsize::new(0),
            written: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            checkpoint_within: bounds.checkpoint_within,
            checkpoint_lines: bounds.checkpoint_lines,
            tidies: bounds.retain.is_some(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is due when, in time since the start.
#[derive(Debug, Default)]
struct Due {
    sync: Option<Duration>,
    checkpoint: Option<Duration>,
    tidy: Option<Duration>,
}

impl Due {
    fn next(&self) -> Option<Duration> {
        [self.sync, self.checkpoint, self.tidy]
            .into_iter()
            .flatten()
            .min()
    }

    /// Takes what is due by now (`all` of it at the end).
    fn take(due: &mut Option<Duration>, all: bool) -> bool {
        due.take_if(|due| all || *due <= clock::since_start())
            .is_some()
    }
}

/// The writer's life.
pub(super) fn write(shared: &Shared, mut store: Store) {
    let refused = Quiet::per(Duration::from_secs(1));
    let mut batch = Vec::with_capacity(BATCH);
    let mut due = Due {
        tidy: shared.tidies.then(clock::since_start),
        ..Due::default()
    };
    loop {
        let closing = next_batch(shared, &mut batch, due.next());
        let count = batch.len();
        store.format(&batch);
        batch.clear();
        batch.shrink_to(KEPT_ROOM);
        if !append(shared, &mut store, closing, &refused) {
            shared
                .dropped
                .fetch_add(u64::try_from(count).unwrap_or(0), Ordering::Relaxed);
            tracing::error!(
                records = count,
                "the decision log was closed with records it could not write"
            );
            return;
        }
        if count > 0 {
            shared
                .written
                .fetch_add(u64::try_from(count).unwrap_or(0), Ordering::Relaxed);
            let _queue = shared.lock(); // so that nobody falls asleep between looking and waiting
            shared.waiting.fetch_sub(count, Ordering::Relaxed);
            shared.drained.notify_all();
            let now = clock::since_start();
            due.sync.get_or_insert(now + SYNC_EVERY);
            due.checkpoint
                .get_or_insert(now.saturating_add(shared.checkpoint_within));
        }
        see_to(shared, &mut store, &mut due, closing, &refused);
        if closing && shared.lock().entries.is_empty() {
            return;
        }
    }
}

/// Tries until what waits is in the file; false if a closing log gave up.
fn append(shared: &Shared, store: &mut Store, closing: bool, refused: &Quiet) -> bool {
    let mut tries = 0;
    while let Err(cause) = store.append(clock::now().wall) {
        tries += 1;
        shared.failures.fetch_add(1, Ordering::Relaxed);
        if let Some(held_back) = refused.now() {
            tracing::error!(%cause, held_back, "the decision log cannot be written: records wait, and are tried again");
        }
        if closing && tries >= LAST_TRIES {
            return false;
        }
        let queue = shared.lock();
        let _ = shared
            .wake
            .wait_timeout_while(queue, RETRY, |queue| !queue.closing);
    }
    true
}

/// Does what is due; what fails is due again a second later.
fn see_to(shared: &Shared, store: &mut Store, due: &mut Due, closing: bool, refused: &Quiet) {
    let failed = |cause: std::io::Error, what: &'static str| {
        shared.failures.fetch_add(1, Ordering::Relaxed);
        if let Some(held_back) = refused.now() {
            tracing::error!(%cause, held_back, what, "the decision log did not reach the disk: tried again");
        }
        Some(clock::since_start() + SYNC_EVERY)
    };
    let many = due.checkpoint.is_some() && store.unsigned() >= shared.checkpoint_lines;
    if Due::take(&mut due.checkpoint, closing || many) {
        // It brings the lines to the disk first, so a sync is not due any more.
        due.sync = None;
        if let Err(cause) = store.checkpoint(clock::now().wall) {
            due.checkpoint = failed(cause, "checkpoint");
            due.sync = due.checkpoint;
        }
    } else if Due::take(&mut due.sync, closing)
        && let Err(cause) = store.sync()
    {
        due.sync = failed(cause, "lines");
    }
    if Due::take(&mut due.tidy, false) {
        due.tidy = Some(clock::since_start() + TIDY_EVERY);
        if let Err(cause) = store.tidy(clock::now().wall) {
            failed(cause, "old files");
        }
    }
}

/// Waits for records and takes all there are; whether the log is closing. Also returns empty-handed, when something is due.
fn next_batch(shared: &Shared, batch: &mut Vec<Entry>, due: Option<Duration>) -> bool {
    let mut queue = shared.lock();
    if queue.entries.is_empty() && !queue.closing {
        queue.writer = Writer::Idle;
        let nothing = |queue: &mut Queue| queue.entries.is_empty() && !queue.closing;
        queue = match due {
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
    if !queue.entries.is_empty() {
        queue.writer = Writer::Gathering;
        queue = shared
            .wake
            .wait_timeout_while(queue, GATHER, |queue| {
                queue.entries.len() < BATCH && !queue.closing
            })
            .unwrap_or_else(PoisonError::into_inner)
            .0;
    }
    queue.writer = Writer::Busy;
    std::mem::swap(&mut queue.entries, batch);
    queue.closing
}
