//! One way through the files of a log, line by line, beside whoever writes it.
//!
//! The current file is opened before the numbered ones are listed: a rotation in between shows as two names for one file, and
//! loses no line. What is appended after the start is not read, so every walk ends.

use super::files::{CURRENT, numbered};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Take};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Bytes read at once.
const PIECE: usize = 1 << 18;

/// A line of a file, from 1.
pub(super) type Place = (PathBuf, u64);

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// A whole line.
    Line,
    /// A full file that ends within a line.
    Cut,
    /// The end.
    End,
}

#[derive(Debug)]
pub(super) struct Walk {
    ahead: VecDeque<(PathBuf, Option<File>)>,
    reader: Option<BufReader<Take<File>>>,
    place: Place,
    /// Files in all.
    pub(super) files: usize,
    /// Bytes read so far, and in all.
    pub(super) read: u64,
    pub(super) all: u64,
}

impl Walk {
    /// Through all files of the log in `dir`, oldest first.
    pub(super) fn over(dir: &Path) -> io::Result<Self> {
        Self::but(dir, |_| false)
    }

    /// Through all but those (full) files.
    pub(super) fn but(dir: &Path, skip: impl Fn(&Path) -> bool) -> io::Result<Self> {
        let path = dir.join(CURRENT);
        let current = match File::open(&path) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let inode = current
            .as_ref()
            .map(|file| file.metadata().map(|found| found.ino()))
            .transpose()?;
        let mut ahead: VecDeque<(PathBuf, Option<File>)> = VecDeque::new();
        let (mut files, mut all) = (0, 0);
        let mut renamed = false;
        for path in numbered(dir) {
            // Removed since it was listed: the oldest go.
            let Ok(found) = path.metadata() else { continue };
            renamed |= Some(found.ino()) == inode;
            files += 1;
            if !skip(&path) {
                all += found.len();
                ahead.push_back((path, None));
            }
        }
        if let Some(file) = current.filter(|_| !renamed) {
            files += 1;
            all += file.metadata()?.len();
            ahead.push_back((path, Some(file)));
        }
        Ok(Self {
            ahead,
            reader: None,
            place: (dir.to_owned(), 0),
            files,
            read: 0,
            all,
        })
    }

    /// The place of the line read last; before any, the directory.
    pub(super) fn place(&self) -> Place {
        self.place.clone()
    }

    /// Takes the next line, without its end.
    pub(super) fn next(&mut self, line: &mut Vec<u8>) -> io::Result<Step> {
        loop {
            let Some(reader) = &mut self.reader else {
                if !self.open()? {
                    return Ok(Step::End);
                }
                continue;
            };
            line.clear();
            let count = reader.read_until(b'\n', line)?;
            self.read += count as u64;
            if line.last() == Some(&b'\n') {
                line.pop();
                self.place.1 += 1;
                return Ok(Step::Line);
            }
            self.reader = None;
            // The last file may be in the middle of a line: it is being written, or a crash tore it.
            if count > 0 && !self.ahead.is_empty() {
                self.place.1 += 1;
                return Ok(Step::Cut);
            }
        }
    }

    fn open(&mut self) -> io::Result<bool> {
        while let Some((path, file)) = self.ahead.pop_front() {
            let file = match file.map_or_else(|| File::open(&path), Ok) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let length = file.metadata()?.len();
            self.reader = Some(BufReader::with_capacity(PIECE, file.take(length)));
            self.place = (path, 0);
            return Ok(true);
        }
        Ok(false)
    }
}
