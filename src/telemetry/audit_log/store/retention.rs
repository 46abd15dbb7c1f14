//! Which files of the log are too many or too old, and how they go.
//!
//! A file goes as a whole, the oldest first: when there are more than `keep`, or when its last line is older than `retain`.
//! So that a quiet log ages file by file, a file is also closed once its first line is `retain / keep` old: with sixteen files
//! a line stays at most a sixteenth longer than asked.
//!
//! Invariant: before a file goes, a checkpoint says which line will be the first. Lines that go otherwise are missed.

use super::Store;
use crate::clock::Wall;
use crate::telemetry::audit_log::files::{
    earlier, files, first_number, last_line, numbered, written_at,
};
use crate::telemetry::settings::Decisions;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How much is kept, and for how long.
#[derive(Debug)]
pub(super) struct Retention {
    keep: usize,
    retain: Option<Duration>,
}

impl Retention {
    pub(super) fn of(bounds: &Decisions) -> Self {
        Self {
            keep: bounds.keep,
            retain: bounds.retain,
        }
    }

    /// Whether a file that began then is to be closed.
    fn is_old(&self, began: Wall, now: Wall) -> bool {
        let parts = u32::try_from(self.keep.max(1)).unwrap_or(u32::MAX);
        self.retain
            .is_some_and(|retain| began < earlier(now, retain / parts))
    }

    /// The files that go.
    fn surplus(&self, numbered: &[PathBuf], now: Wall) -> usize {
        let too_many = numbered.len().saturating_sub(self.keep);
        let too_old = |path: &PathBuf| {
            let last = File::open(path).and_then(|file| last_line(&file));
            let written = last.ok().and_then(|(line, _)| written_at(&line?));
            let Some(retain) = self.retain else {
                return false;
            };
            written.is_some_and(|written| written < earlier(now, retain))
        };
        let old = numbered
            .iter()
            .skip(too_many)
            .take_while(|path| too_old(path));
        too_many + old.count()
    }
}

impl Store {
    /// Closes the file if it is old enough, and removes what was kept long enough.
    pub(in crate::telemetry::audit_log) fn tidy(&mut self, now: Wall) -> io::Result<()> {
        if self
            .began
            .is_some_and(|began| self.retention.is_old(began, now))
        {
            return self.rotate(now);
        }
        self.put_away(now)
    }

    /// Removes the oldest files that are too many or too old.
    pub(super) fn put_away(&mut self, now: Wall) -> io::Result<()> {
        let numbered = numbered(&self.dir);
        let surplus = self.retention.surplus(&numbered, now);
        let (old, kept) = numbered.split_at(surplus);
        if old.is_empty() {
            return Ok(());
        }
        self.first = kept
            .first()
            .and_then(|path| first_number(path))
            .or_else(|| first_number(&self.dir.join(super::CURRENT)))
            .unwrap_or(self.chain.head().seq.saturating_add(1));
        // A disk too full for a checkpoint needs the room all the more.
        let _ = self
            .sync()
            .and_then(|()| self.seal.write(self.chain.head(), self.first, now));
        for path in old {
            std::fs::remove_file(path)?;
        }
        self.seal.forget_before(self.first)
    }
}

/// The number of the first line in `dir`.
pub(super) fn first_kept(dir: &Path) -> Option<u64> {
    files(dir).in_order().find_map(|path| first_number(path))
}
