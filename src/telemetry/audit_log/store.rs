//! The files of the decision log: `current.jsonl`, the numbered ones before it, and `head`.
//!
//! `head` is one line, overwritten in place once the lines it names have reached the disk: it may lag behind the log,
//! never run ahead of it. It is also the lock: one process writes, any number read. After a crash the last line may be
//! torn; it is cut off and reported. If `head` names lines that are gone, the chain continues from `head`, so that the gap
//! stays visible to every later verification.

use super::reading::{CURRENT, HEAD, files, number, read_head};
use super::{LogFault, Settings};
use crate::governance::audit::{Chain, Head, Record};
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, FileExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};

/// A line longer than this was not written by us (everything in a record is bounded).
const LONGEST_LINE: u64 = 1 << 20;

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
    keep: usize,
    file: File,
    head: File,
    length: u64,
    chain: Chain,
    /// Lines formatted and not yet in the file.
    lines: Vec<u8>,
    /// Whether a failed write may have left part of a line behind.
    torn: bool,
}

fn fault<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> LogFault + 'a {
    move |cause| LogFault::File {
        what,
        path: path.to_owned(),
        cause,
    }
}

/// Opens for reading and appending; only ours to read, and never through a link somebody put there.
fn open(path: &Path, append: bool) -> io::Result<File> {
    #[expect(
        clippy::cast_possible_wrap,
        reason = "the flag is one low bit of a C int"
    )]
    let no_links = rustix::fs::OFlags::NOFOLLOW.bits() as i32;
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .append(append)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(no_links)
        .open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

impl Store {
    pub(super) fn open(settings: &Settings) -> Result<(Self, Recovered), LogFault> {
        let dir = &settings.dir;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(fault("make the directory", dir))?;
        let is_link = std::fs::symlink_metadata(dir).is_ok_and(|found| found.is_symlink());
        if is_link {
            let cause = io::Error::other(
                "it is a symbolic link, and nobody but us says where this log lies",
            );
            return Err(fault("use the directory", dir)(cause));
        }
        let head_path = dir.join(HEAD);
        let head = open(&head_path, false).map_err(fault("open", &head_path))?;
        rustix::fs::flock(&head, rustix::fs::FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| LogFault::InUse(dir.clone()))?;
        let kept = read_head(&head);
        let path = dir.join(CURRENT);
        let mut file = open(&path, true).map_err(fault("open", &path))?;
        let (mut last, cut_bytes) = last_line(&mut file).map_err(fault("read", &path))?;
        if cut_bytes > 0 {
            let whole = file.metadata().map_err(fault("read", &path))?.len() - cut_bytes;
            file.set_len(whole)
                .map_err(fault("cut the torn end of", &path))?;
        }
        if last.is_none()
            && let Some(newest) = files(dir).numbered.last()
        {
            let mut before = File::open(newest).map_err(fault("open", newest))?;
            last = last_line(&mut before).map_err(fault("read", newest))?.0;
        }
        let found = last.as_deref().map(Head::after);
        let (end, missing) = match (found.flatten(), kept) {
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
            rotate_bytes: settings.rotate_bytes,
            keep: settings.keep,
            file,
            head,
            length,
            chain: Chain::continuing(end),
            lines: Vec::new(),
            torn: false,
        };
        // Lines a crash kept from being named in `head` are named now, or they could be removed unseen until the next one.
        // A disk that refuses is asked again after the next line.
        if named < end.seq {
            let _ = store.sync();
        }
        Ok((store, recovered))
    }

    /// Makes lines of the records; they wait for [`Store::append`].
    pub(super) fn format(&mut self, records: &[Record]) {
        for record in records {
            self.chain.append(record, &mut self.lines);
        }
    }

    /// Writes what waits, whole or not at all, and starts a new file if this one is full.
    pub(super) fn append(&mut self) -> io::Result<()> {
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
            self.lines.clear();
            self.lines.shrink_to(1 << 20);
        }
        if self.length >= self.rotate_bytes {
            self.rotate()?;
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

    fn rotate(&mut self) -> io::Result<()> {
        self.sync()?;
        let current = self.dir.join(CURRENT);
        let numbered = files(&self.dir).numbered;
        let next = numbered.last().and_then(|path| number(path)).unwrap_or(0) + 1;
        // It is not there if the last try got this far and could not open a new one.
        if current.exists() {
            std::fs::rename(&current, self.dir.join(format!("{next:06}.jsonl")))?;
        }
        self.file = open(&current, true)?;
        self.length = 0;
        let too_many = (numbered.len() + 1).saturating_sub(self.keep);
        for old in numbered.iter().take(too_many) {
            std::fs::remove_file(old)?;
        }
        File::open(&self.dir)?.sync_all()
    }
}

/// The last whole line of a file (without its end), and how many bytes of a torn one follow it.
fn last_line(file: &mut File) -> io::Result<(Option<Vec<u8>>, u64)> {
    let length = file.metadata()?.len();
    let start = length.saturating_sub(2 * LONGEST_LINE);
    file.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    file.take(2 * LONGEST_LINE).read_to_end(&mut tail)?;
    let Some(end) = tail.iter().rposition(|b| *b == b'\n') else {
        return Ok((None, tail.len() as u64));
    };
    let cut = tail.len() - end - 1;
    tail.truncate(end);
    let begin = tail
        .iter()
        .rposition(|b| *b == b'\n')
        .map_or(0, |at| at + 1);
    Ok((Some(tail.split_off(begin)), cut as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::audit_log::tests::record;

    #[test]
    fn a_full_disk_delays_lines_and_doubles_none() {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings::in_dir(dir.path().join("decisions"));
        let (mut store, _) = Store::open(&settings).unwrap();
        store.format(&[record(1), record(2)]);
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let disk = std::mem::replace(&mut store.file, full);
        for _ in 0..2 {
            assert!(store.append().is_err());
        }
        // Space again; what a failed write may have left behind is part of a line.
        store.file = disk;
        store.file.write_all(b"{\"seq\":1,\"pre").unwrap();
        store.append().unwrap();
        store.format(&[record(3)]);
        store.append().unwrap();
        store.sync().unwrap();
        let proof = crate::telemetry::audit_log::verify(&settings.dir).unwrap();
        assert_eq!((proof.lines, proof.fault), (3, None));
    }

    #[test]
    fn lines_a_crash_left_unnamed_are_named_by_the_next_start() {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings::in_dir(dir.path().join("decisions"));
        let (mut store, _) = Store::open(&settings).unwrap();
        store.format(&[record(1), record(2)]);
        store.append().unwrap();
        drop(store);
        drop(Store::open(&settings).unwrap());
        let file = settings.dir.join(CURRENT);
        let text = std::fs::read_to_string(&file).unwrap();
        let first = text.split_inclusive('\n').next().unwrap();
        std::fs::write(&file, first).unwrap();
        let proof = crate::telemetry::audit_log::verify(&settings.dir).unwrap();
        assert!(proof.fault.is_some(), "the second line is gone");
    }

    #[test]
    fn a_rotation_that_stopped_halfway_is_finished() {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings {
            rotate_bytes: 1,
            ..Settings::in_dir(dir.path().join("decisions"))
        };
        let (mut store, _) = Store::open(&settings).unwrap();
        store.format(&[record(1)]);
        // As if the file had been renamed and the new one not opened.
        std::fs::rename(
            settings.dir.join(CURRENT),
            settings.dir.join("000001.jsonl"),
        )
        .unwrap();
        store.append().unwrap();
        store.format(&[record(2)]);
        store.append().unwrap();
        store.sync().unwrap();
        let proof = crate::telemetry::audit_log::verify(&settings.dir).unwrap();
        assert_eq!((proof.lines, proof.files, proof.fault), (2, 3, None));
    }
}
