//! The files of the decision log: `current.jsonl`, the numbered ones before it, and `head`.
//!
//! `head` is one line, overwritten in place once the lines it names have reached the disk: it may lag behind the log,
//! never run ahead of it. It is also the lock: one process writes, any number read. After a crash the last line may be
//! torn; it is cut off and reported. If `head` names lines that are gone, the chain continues from `head`, so that the gap
//! stays visible to every later verification.

use super::{LogFault, Settings};
use crate::governance::audit::{Chain, Head, Record};
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, BufRead, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, FileExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};

const CURRENT: &str = "current.jsonl";
const HEAD: &str = "head";
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
        let store = Self {
            dir: dir.clone(),
            rotate_bytes: settings.rotate_bytes,
            keep: settings.keep,
            file,
            head,
            length,
            chain: Chain::continuing(end),
            lines: Vec::new(),
        };
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
        if !self.lines.is_empty() {
            if let Err(cause) = self.file.write_all(&self.lines) {
                // Part of a line may be in the file: off with it, or the next try would write it twice.
                self.file.set_len(self.length)?;
                return Err(cause);
            }
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
        std::fs::rename(&current, self.dir.join(format!("{next:06}.jsonl")))?;
        self.file = open(&current, true)?;
        self.length = 0;
        let too_many = (numbered.len() + 1).saturating_sub(self.keep);
        for old in numbered.iter().take(too_many) {
            std::fs::remove_file(old)?;
        }
        File::open(&self.dir)?.sync_all()
    }
}

fn read_head(head: &File) -> Option<Head> {
    let mut text = [0; 86];
    head.read_exact_at(&mut text, 0).ok()?;
    std::str::from_utf8(&text).ok()?.parse().ok()
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

/// The files of a log, oldest first.
#[derive(Debug, Default)]
pub struct Files {
    /// The full ones, by number.
    pub numbered: Vec<PathBuf>,
    /// The one being written, if it exists.
    pub current: Option<PathBuf>,
    /// The head that was kept apart.
    pub head: Option<Head>,
}

impl Files {
    /// All of them in the order of their lines.
    pub fn in_order(&self) -> impl Iterator<Item = &PathBuf> {
        self.numbered.iter().chain(&self.current)
    }
}

/// The files of the log in `dir`; none where there is no log.
#[must_use]
pub fn files(dir: &Path) -> Files {
    let mut numbered: Vec<PathBuf> = std::fs::read_dir(dir)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| number(path).is_some())
        .collect();
    numbered.sort_by_key(|path| number(path));
    let current = Some(dir.join(CURRENT)).filter(|path| path.exists());
    let head = File::open(dir.join(HEAD))
        .ok()
        .and_then(|file| read_head(&file));
    Files {
        numbered,
        current,
        head,
    }
}

fn number(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?.strip_suffix(".jsonl")?;
    name.parse().ok()
}

/// The last `count` lines of the log in `dir`, oldest first.
///
/// # Errors
/// A file cannot be read.
pub fn last_lines(dir: &Path, count: usize) -> io::Result<Vec<String>> {
    let mut lines = std::collections::VecDeque::new();
    let files = files(dir);
    // One file more than the current holds far more lines than anybody looks at.
    let skip = files.numbered.len().saturating_sub(1);
    for path in files.in_order().skip(skip) {
        for line in BufReader::new(File::open(path)?).lines() {
            if lines.len() >= count {
                lines.pop_front();
            }
            lines.push_back(line?);
        }
    }
    if count == 0 {
        lines.clear();
    }
    Ok(lines.into())
}
