//! The names and shapes of the log's files: `current.jsonl`, the numbered ones before it, `head`, `checkpoints.jsonl`.

use super::LogFault;
use crate::clock::Wall;
use crate::governance::audit::{Head, Link};
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, BufRead as _, BufReader};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(super) const CURRENT: &str = "current.jsonl";
pub(super) const HEAD: &str = "head";
pub(super) const CHECKPOINTS: &str = "checkpoints.jsonl";
/// A line longer than this was not written by us (everything in a record is bounded).
const LONGEST_LINE: u64 = 1 << 20;

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
    pub fn in_order(&self) -> impl DoubleEndedIterator<Item = &PathBuf> {
        self.numbered.iter().chain(&self.current)
    }
}

/// The files of the log in `dir`; none where there is no log.
#[must_use]
pub fn files(dir: &Path) -> Files {
    let current = Some(dir.join(CURRENT)).filter(|path| path.exists());
    let head = File::open(dir.join(HEAD))
        .ok()
        .and_then(|file| read_head(&file));
    Files {
        numbered: numbered(dir),
        current,
        head,
    }
}

pub(super) fn numbered(dir: &Path) -> Vec<PathBuf> {
    let mut numbered: Vec<PathBuf> = std::fs::read_dir(dir)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| number(path).is_some())
        .collect();
    numbered.sort_by_key(|path| number(path));
    numbered
}

pub(super) fn number(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?.strip_suffix(".jsonl")?;
    name.parse().ok()
}

pub(super) fn read_head(head: &File) -> Option<Head> {
    let mut text = [0; 86];
    head.read_exact_at(&mut text, 0).ok()?;
    std::str::from_utf8(&text).ok()?.parse().ok()
}

pub(super) fn fault<'a>(
    what: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> LogFault + 'a {
    move |cause| LogFault::File {
        what,
        path: path.to_owned(),
        cause,
    }
}

/// Opens for reading and writing; only ours to read, and never through a link somebody put there.
pub(super) fn open(path: &Path, append: bool) -> io::Result<File> {
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

/// The last whole line of a file (without its end), and how many bytes of a torn one follow it.
pub(super) fn last_line(file: &File) -> io::Result<(Option<Vec<u8>>, u64)> {
    let length = file.metadata()?.len();
    let mut reach = 1 << 13;
    loop {
        // Most lines are short: a little is read first, more only if no whole line is in it.
        let start = length.saturating_sub(reach);
        let mut tail = vec![0; usize::try_from(length - start).unwrap_or(0)];
        file.read_exact_at(&mut tail, start)?;
        let end = tail.iter().rposition(|b| *b == b'\n');
        let begin = end.and_then(|end| tail.get(..end)?.iter().rposition(|b| *b == b'\n'));
        if begin.is_none() && start > 0 && reach < 2 * LONGEST_LINE {
            reach = 2 * LONGEST_LINE;
            continue;
        }
        let Some(end) = end else {
            return Ok((None, tail.len() as u64));
        };
        let cut = tail.len() - end - 1;
        tail.truncate(end);
        return Ok((
            Some(tail.split_off(begin.map_or(0, |at| at + 1))),
            cut as u64,
        ));
    }
}

/// The first whole line of a file, without its end.
pub(super) fn first_line(path: &Path) -> io::Result<Option<Vec<u8>>> {
    use io::Read as _;
    let mut line = Vec::new();
    BufReader::new(File::open(path)?.take(LONGEST_LINE)).read_until(b'\n', &mut line)?;
    Ok((line.pop() == Some(b'\n')).then_some(line))
}

/// The number of a file's first line.
pub(super) fn first_number(path: &Path) -> Option<u64> {
    Some(Link::of(&first_line(path).ok()??)?.seq)
}

/// The time a line names: when its call came. Cut out, not parsed: the member stands before any text of a caller.
pub(super) fn time_of(line: &[u8]) -> Option<&str> {
    const MEMBER: &[u8] = b"\"at\":\"";
    let head = line.get(..line.len().min(256))?;
    let start = memchr::memmem::find(head, MEMBER)? + MEMBER.len();
    let rest = line.get(start..)?;
    let end = memchr::memchr(b'"', rest)?;
    std::str::from_utf8(rest.get(..end)?).ok()
}

/// The same as a time.
pub(super) fn wall_of(line: &[u8]) -> Option<Wall> {
    let time: jiff::Timestamp = time_of(line)?.parse().ok()?;
    Some(Wall(i64::try_from(time.as_nanosecond()).ok()?))
}

/// About when a line was written: when its call came, and as long as it took.
pub(super) fn written_at(line: &[u8]) -> Option<Wall> {
    #[derive(serde::Deserialize)]
    struct Length {
        #[serde(default)]
        total_us: u64,
    }
    let came = wall_of(line)?;
    let took = serde_json::from_slice(line).map_or(0, |Length { total_us }| total_us);
    Some(later(came, Duration::from_micros(took)))
}

pub(super) fn later(time: Wall, by: Duration) -> Wall {
    Wall(time.0.saturating_add(nanos(by)))
}

pub(super) fn earlier(time: Wall, by: Duration) -> Wall {
    Wall(time.0.saturating_sub(nanos(by)))
}

fn nanos(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}
