//! Reading the decision log beside whoever writes it: which files it has, whether they prove themselves, how they end.

use crate::governance::audit::{Head, Verifier};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

pub(super) const CURRENT: &str = "current.jsonl";
pub(super) const HEAD: &str = "head";
/// How often a log that rotates under the reader is read again.
const REREADS: usize = 3;

pub(super) fn read_head(head: &File) -> Option<Head> {
    let mut text = [0; 86];
    head.read_exact_at(&mut text, 0).ok()?;
    std::str::from_utf8(&text).ok()?.parse().ok()
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

pub(super) fn number(path: &Path) -> Option<u64> {
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

/// A place in the log that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The file.
    pub file: PathBuf,
    /// The line in it, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub what: String,
}

/// What reading the whole log showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Lines that are as written.
    pub lines: u64,
    /// Files read.
    pub files: usize,
    /// The number of the last line known to be on the disk.
    pub durable_to: u64,
    /// The first fault.
    pub fault: Option<Broken>,
}

/// Reads every line of the log in `dir` and holds it against the chain.
///
/// # Errors
/// A file cannot be read.
pub fn verify(dir: &Path) -> io::Result<Proof> {
    let mut before = files(dir);
    for _ in 0..REREADS {
        let proof = read_all(dir, &before);
        // Files that were renamed while they were read look like missing lines: read again.
        let after = files(dir);
        if matches!(&proof, Ok(proof) if proof.fault.is_none()) || after.numbered == before.numbered
        {
            return proof;
        }
        before = after;
    }
    read_all(dir, &before)
}

fn read_all(dir: &Path, files: &Files) -> io::Result<Proof> {
    let mut proof = Proof {
        lines: 0,
        files: files.in_order().count(),
        durable_to: files.head.map_or(0, |head| head.seq),
        fault: None,
    };
    let mut verifier = Verifier::against(files.head);
    let mut place = (dir.to_owned(), 0);
    for path in files.in_order() {
        let mut reader = BufReader::new(File::open(path)?);
        let mut line = Vec::new();
        place = (path.clone(), 0);
        loop {
            line.clear();
            reader.read_until(b'\n', &mut line)?;
            // Without its end it is still being written, or torn by a crash: the next start cuts it off.
            if line.pop() != Some(b'\n') {
                break;
            }
            place.1 += 1;
            if let Err(fault) = verifier.line(&line) {
                proof.fault = Some(broken(place, fault.what.to_string()));
                return Ok(proof);
            }
            proof.lines += 1;
        }
    }
    if let Err(fault) = verifier.finish() {
        proof.fault = Some(broken(place, fault.what.to_string()));
    }
    Ok(proof)
}

fn broken((file, line): (PathBuf, u64), what: String) -> Broken {
    Broken { file, line, what }
}
