//! The one hand that writes: fetches entries from the books, puts them on the disk, says how far it is.
//!
//! A thread of its own, because a sync blocks. It is woken when entries wait and sleeps otherwise; [`Writer::turn`] is all
//! it does at one waking, without a clock, so that tests can stand in for the thread.
//!
//! Invariant: the books hear of an entry as durable only after a sync that began after it was written. After an error the
//! books are suspended at once and the file is given up; they go on when a new file holds all of their state.

use super::disk::Disk;
use super::recover::{self, Open};
use super::segment::{self, Follows};
use super::{Health, Settings, Shared};
use crate::clock::Moment;
use crate::governance::budget::{Books, Entry, State};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// What waiters hear after an orderly end.
pub(super) const CLOSED: &str = "it was closed";
/// What a large batch may leave allocated.
const KEPT: usize = 1 << 20;

pub(super) struct Writer {
    books: Arc<Books>,
    disk: Box<dyn Disk>,
    settings: Settings,
    shared: Arc<Shared>,
    /// The segment being written; `None` after a failure, or when the disk was full from the start.
    open: Option<Open>,
    /// The first segment number nobody used.
    number: u64,
    /// What to add to the books' count of entries to get a sequence number.
    base: u64,
    /// How many of the books' entries are written, and how many of them durable.
    written: u64,
    synced: u64,
    /// Written entries the books have not heard of.
    unheard: Vec<Entry>,
    encoded: Vec<u8>,
    unsynced_since: Option<Duration>,
    /// When an entry last came; `None` once the ceilings are trimmed.
    restless_since: Option<Duration>,
    retry_at: Duration,
}

impl Writer {
    pub(super) fn new(
        books: Arc<Books>,
        disk: Box<dyn Disk>,
        settings: Settings,
        shared: Arc<Shared>,
        open: Option<Open>,
        (number, base): (u64, u64),
    ) -> Self {
        Self {
            books,
            disk,
            settings,
            shared,
            open,
            number,
            base,
            written: 0,
            synced: 0,
            unheard: Vec::new(),
            encoded: Vec::new(),
            unsynced_since: None,
            restless_since: None,
            retry_at: Duration::ZERO,
        }
    }

    /// How long entries wait for company.
    pub(super) const fn group(&self) -> Duration {
        self.settings.group
    }

    /// Does what is due, and says when to be called again if nobody wakes it before.
    pub(super) fn turn(&mut self, now: Moment) -> Option<Duration> {
        if self.open.is_none() {
            if now.since_start < self.retry_at {
                return Some(self.retry_at);
            }
            if let Err(error) = self.resume() {
                self.fail(&error, now);
                return Some(self.retry_at);
            }
        }
        if let Err(error) = self.work(now.since_start) {
            self.fail(&error, now);
            return Some(self.retry_at);
        }
        let sync = self
            .unsynced_since
            .map(|since| since + self.settings.sync_within);
        let trim = self.restless_since.map(|since| since + self.settings.idle);
        [sync, trim].into_iter().flatten().min()
    }

    /// The orderly end: everything is written, ceilings stand where the counters stand, the last entry says so.
    pub(super) fn finish(&mut self, now: Moment) {
        // Perhaps there is room again.
        let ready = if self.open.is_none() {
            self.resume()
        } else {
            Ok(())
        };
        self.books.finish();
        let result = ready
            .and_then(|()| self.fetch(now.since_start))
            .and_then(|_| self.sync());
        // From here on nobody would write what happens.
        self.books.suspend();
        let error = match result {
            Ok(()) => CLOSED.into(),
            Err(error) => error.to_string().into(),
        };
        self.publish(Health::Failed { since: now, error });
    }

    fn work(&mut self, now: Duration) -> io::Result<()> {
        let came = self.fetch(now)?;
        if came.any {
            self.restless_since = Some(now);
        }
        let awaited = self.shared.wanted.load(Ordering::Acquire) > self.synced;
        let overdue = |since: Duration| now >= since + self.settings.sync_within;
        if came.ceilings || awaited || self.unsynced_since.is_some_and(overdue) {
            self.sync()?;
        }
        if self
            .restless_since
            .is_some_and(|since| now >= since + self.settings.idle)
        {
            self.books.trim();
            let came = self.fetch(now)?;
            self.sync()?;
            self.restless_since = came.other.then_some(now);
        }
        if self
            .open
            .as_ref()
            .is_some_and(|open| open.len >= open.limit)
        {
            self.turn_over(now)?;
        }
        Ok(())
    }

    /// Writes the entries that wait.
    fn fetch(&mut self, now: Duration) -> io::Result<Came> {
        let already = self.unheard.len();
        let made = self.books.drain(&mut self.unheard);
        let fresh = (self.unheard.len() - already) as u64;
        if made == self.written + fresh {
            return self.write(already, made, now);
        }
        // While they were suspended the books kept no entries: what happened between the checkpoint and the end of the
        // suspension is only in their state.
        let (made, state) = self.books.checkpoint(&mut self.unheard);
        self.begin(Follows::Resumed, made, &state)?;
        self.settled(made);
        Ok(Came {
            any: true,
            other: true,
            ceilings: false,
        })
    }

    /// Writes the entries that came behind the first `already`; `made` is the number of the last.
    fn write(&mut self, already: usize, made: u64, now: Duration) -> io::Result<Came> {
        let fresh = self.unheard.get(already..).unwrap_or_default();
        let Some(open) = self.open.as_mut().filter(|_| !fresh.is_empty()) else {
            return Ok(Came::default());
        };
        let mut came = Came {
            any: true,
            ..Came::default()
        };
        self.encoded.clear();
        let before = made.saturating_sub(fresh.len() as u64);
        for (sequence, entry) in (self.base + before + 1..).zip(fresh) {
            let lends = entry.lends();
            came.ceilings |= lends;
            came.other |= !lends;
            segment::append(&mut self.encoded, sequence, entry);
        }
        open.tape.append(&self.encoded)?;
        open.len = open.len.saturating_add(self.encoded.len() as u64);
        self.encoded.shrink_to(KEPT);
        self.written = made;
        self.unsynced_since.get_or_insert(now);
        Ok(came)
    }

    /// Makes durable what is written, and tells.
    fn sync(&mut self) -> io::Result<()> {
        if self.unsynced_since.is_none() {
            return Ok(());
        }
        if let Some(open) = &mut self.open {
            open.tape.sync()?;
        }
        self.settled(self.written);
        Ok(())
    }

    /// The disk holds everything up to `made`.
    fn settled(&mut self, made: u64) {
        self.unsynced_since = None;
        self.books.durable(&self.unheard);
        self.unheard.clear();
        self.unheard.shrink_to(KEPT / size_of::<Entry>());
        (self.written, self.synced) = (made, made);
        self.publish(Health::Ok);
    }

    /// Ends a full segment and begins the next with a snapshot.
    fn turn_over(&mut self, now: Duration) -> io::Result<()> {
        let already = self.unheard.len();
        let (made, state) = self.books.checkpoint(&mut self.unheard);
        self.write(already, made, now)?;
        self.sync()?;
        self.begin(Follows::Turned, made, &state)
    }

    /// Begins a new segment after a failure, with all that happened since.
    fn resume(&mut self) -> io::Result<()> {
        let (made, state) = self.books.checkpoint(&mut Vec::new());
        self.begin(Follows::Resumed, made, &state)?;
        self.books.resume();
        self.settled(made);
        Ok(())
    }

    fn begin(&mut self, follows: Follows, made: u64, state: &State) -> io::Result<()> {
        let number = self.number;
        // Also after a failure: a number may have reached the disk without our hearing of it.
        self.number = number.saturating_add(1);
        let (disk, from) = (&*self.disk, (self.base + made, state));
        self.open = None;
        self.open = Some(recover::start(
            disk,
            &self.settings,
            (number, follows),
            from,
        )?);
        // Old segments take room, no more: the next turn tries again.
        let _ = recover::prune(disk, self.settings.keep);
        Ok(())
    }

    fn fail(&mut self, error: &io::Error, now: Moment) {
        self.books.suspend();
        self.open = None;
        self.unheard.clear();
        self.unsynced_since = None;
        self.restless_since = Some(now.since_start);
        self.retry_at = now.since_start + self.settings.retry;
        self.shared
            .progress
            .send_modify(|progress| progress.failures += 1);
        let since = match &self.shared.progress.borrow().health {
            Health::Failed { since, .. } => *since,
            Health::Ok => now,
        };
        self.publish(Health::Failed {
            since,
            error: error.to_string().into(),
        });
    }

    fn publish(&self, health: Health) {
        let durable = self.synced;
        self.shared
            .progress
            .send_modify(|progress| (progress.durable, progress.health) = (durable, health));
    }
}

/// What a fetch brought.
#[derive(Default, Clone, Copy)]
struct Came {
    /// Anything.
    any: bool,
    /// Ceilings: somebody waits for them.
    ceilings: bool,
    /// Anything but ceilings.
    other: bool,
}

#[cfg(test)]
mod tests;
