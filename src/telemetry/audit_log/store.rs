//! The files of the decision log as they are written: `current.jsonl`, the numbered ones before it, and `head`.
//!
//! `head` is one line, overwritten in place once the lines it names have reached the disk: it may lag behind the log,
//! never run ahead of it. It is also the lock: one process writes, any number read. After a crash the last line may be
//! torn; it is cut off and reported. If `head` or a checkpoint names lines that are gone, the chain continues from there, so
//! that the gap stays visible to every later verification.
//!
//! Not here: which files are too many or too old (`retention`).

mod retention;
#[cfg(test)]
mod tests;

use super::files::{CURRENT, HEAD, fault, last_line, number, numbered, open, read_head, wall_of};
use super::seal::Seal;
use super::writer::Entry;
use super::{LogFault, Settings};
use crate::clock::{self, Wall};
use crate::governance::audit::{Chain, Head};
use retention::Retention;
use std::fs::{DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _};
use std::path::{Path, PathBuf};

/// What was found at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recovered {
    /// Lines the chain has had so far.
    pub lines: u64,
    /// Bytes of a torn last line that were cut off.
    pub cut_bytes: u64,
    /// Lines that were written and are gone.
    pub missing: u64,
    /// Whether the last line is not one of ours.
    pub damaged: bool,
}

#[derive(Debug)]
pub(super) struct Store {
    dir: PathBuf,
    rotate_bytes: u64,
    retention: Retention,
    file: File,
    head: File,
    length: u64,
    /// When the first line of this file was written.
    began: Option<Wall>,
    chain: Chain,
    seal: Seal,
    /// The number of the first line that is kept, as far as we removed any.
    first: u64,
    /// Lines formatted and not yet in the file.
    lines: Vec<u8>,
    /// Whether a failed write may have left part of a line behind.
    torn: bool,
}

impl Store {
    pub(super) fn open(settings: &Settings) -> Result<(Self, Recovered), LogFault> {
        let dir = &settings.dir;
        let head = claim(dir)?;
        let kept = read_head(&head);
        let path = dir.join(CURRENT);
        let file = open(&path, true).map_err(fault("open", &path))?;
        let (mut last, cut_bytes) = last_line(&file).map_err(fault("read", &path))?;
        if cut_bytes > 0 {
            let whole = file.metadata().map_err(fault("read", &path))?.len() - cut_bytes;
            file.set_len(whole)
                .map_err(fault("cut the torn end of", &path))?;
        }
        if last.is_none()
            && let Some(newest) = numbered(dir).last()
        {
            let before = File::open(newest).map_err(fault("open", newest))?;
            last = last_line(&before).map_err(fault("read", newest))?.0;
        }
        let seal = Seal::open(settings)?;
        let found = last.as_deref().map(Head::after);
        // Whichever was kept apart and names the later line.
        let apart = [kept, seal.last().map(|checkpoint| checkpoint.head)];
        let apart = apart.into_iter().flatten().max_by_key(|head| head.seq);
        let (end, missing) = match (found.flatten(), apart) {
            (Some(found), Some(kept)) if kept.seq > found.seq => (kept, kept.seq - found.seq),
            (Some(found), _) => (found, 0),
            (None, Some(kept)) => (kept, if last.is_none() { kept.seq } else { 0 }),
            (None, None) => (Head::default(), 0),
        };
        let length = file.metadata().map_err(fault("read", &path))?.len();
        let recovered = Recovered {
            lines: end.seq,
            cut_bytes,
            missing,
            damaged: found == Some(None),
        };
        let named = kept.map_or(0, |kept| kept.seq);
        let mut store = Self {
            dir: dir.clone(),
            rotate_bytes: settings.bounds.rotate_bytes,
            retention: Retention::of(&settings.bounds),
            file,
            head,
            length,
            began: super::files::first_line(&path)
                .ok()
                .flatten()
                .and_then(|line| wall_of(&line)),
            chain: Chain::continuing(end),
            // Only we move it forward: whoever else removes lines does not get it signed.
            first: (seal.last().map(|checkpoint| checkpoint.first))
                .or_else(|| retention::first_kept(dir))
                .unwrap_or(1),
            seal,
            lines: Vec::new(),
            torn: false,
        };
        // Lines a crash kept from being named are named and signed now, or they could be removed unseen until the next ones.
        // A disk that refuses is asked again after the next line.
        if named < end.seq {
            let _ = store.sync();
        }
        let _ = store.checkpoint(clock::now().wall);
        Ok((store, recovered))
    }

    /// Makes lines of the entries; they wait for [`Store::append`].
    pub(super) fn format(&mut self, entries: &[Entry]) {
        for entry in entries {
            match entry {
                Entry::Decision(record) => self.chain.append(record, &mut self.lines),
                Entry::Gap(gap) => self.chain.append_gap(gap, &mut self.lines),
            }
        }
    }

    /// Writes what waits, whole or not at all, and starts a new file if this one is full.
    pub(super) fn append(&mut self, now: Wall) -> io::Result<()> {
        if self.torn {
            // Off with the part of a line that is in the file, or this try would write it twice.
            self.file.set_len(self.length)?;
            self.torn = false;
        }
        if !self.lines.is_empty() {
            self.torn = true;
            self.file.write_all(&self.lines)?;
            self.torn = false;
            self.length += self.lines.len() as u64;
            self.began.get_or_insert(now);
            self.lines.clear();
            self.lines.shrink_to(1 << 20);
        }
        if self.length >= self.rotate_bytes {
            self.rotate(now)?;
        }
        Ok(())
    }

    /// Makes what was written durable, then the head that names it.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        // The same length every time, so that it is overwritten whole.
        let head = self.chain.head().to_string();
        self.head
            .write_all_at(format!("{head:0>85}\n").as_bytes(), 0)
    }

    /// How many lines no checkpoint covers yet.
    pub(super) fn unsigned(&self) -> u64 {
        let signed = self.seal.last().map_or(0, |checkpoint| checkpoint.head.seq);
        self.chain.head().seq.saturating_sub(signed)
    }

    /// Makes what was written durable and signs its end, unless it is signed already.
    pub(super) fn checkpoint(&mut self, now: Wall) -> io::Result<()> {
        if self.unsigned() == 0 {
            return Ok(());
        }
        self.sync()?;
        self.seal.write(self.chain.head(), self.first, now)
    }

    fn rotate(&mut self, now: Wall) -> io::Result<()> {
        self.sync()?;
        // On a full disk this fails, and what is put away below makes room; a later checkpoint covers these lines too.
        let signed = self.checkpoint(now);
        let current = self.dir.join(CURRENT);
        let next = numbered(&self.dir)
            .last()
            .and_then(|path| number(path))
            .unwrap_or(0)
            + 1;
        // It is not there if the last try got this far and could not open a new one.
        if current.exists() {
            std::fs::rename(&current, self.dir.join(format!("{next:06}.jsonl")))?;
        }
        self.file = open(&current, true)?;
        self.length = 0;
        self.began = None;
        self.put_away(now)?;
        File::open(&self.dir)?.sync_all()?;
        signed
    }
}

/// Makes the directory, if need be, and locks the log for this process: the lock is `head`.
fn claim(dir: &Path) -> Result<File, LogFault> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(fault("make the directory", dir))?;
    let is_link = std::fs::symlink_metadata(dir).is_ok_and(|found| found.is_symlink());
    if is_link {
        let cause =
            io::Error::other("it is a symbolic link, and nobody but us says where this log lies");
        return Err(fault("use the directory", dir)(cause));
    }
    let path = dir.join(HEAD);
    let head = open(&path, false).map_err(fault("open", &path))?;
    rustix::fs::flock(&head, rustix::fs::FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| LogFault::InUse(dir.to_owned()))?;
    Ok(head)
}
