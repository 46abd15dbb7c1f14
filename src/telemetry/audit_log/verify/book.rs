//! The checkpoints of a log, and what they say against its lines.

use super::super::checkpoint::{Checkpoint, PublicKeys};
use super::super::files::CHECKPOINTS;
use super::{Broken, Signed, Trust};
use crate::governance::audit::{Head, Link};
use std::io;
use std::path::Path;

/// The checkpoints of a log.
#[derive(Debug, Default)]
pub(super) struct Book {
    /// Those whose signatures fit, by the number of their line, each with the place where it stands.
    pub(super) good: Vec<(String, Checkpoint)>,
    /// The first that proves nothing.
    pub(super) bad: Option<Broken>,
    /// The first line that was kept, by the last checkpoint beside the log.
    first: Option<u64>,
    /// The first of `good` no line was held against yet.
    next: usize,
}

impl Book {
    /// Reads those beside the log, and those of a copy.
    pub(super) fn read(dir: &Path, trust: &Trust) -> io::Result<Self> {
        let mut book = Self::default();
        let path = dir.join(CHECKPOINTS);
        match std::fs::read(&path) {
            Ok(bytes) => book.take(&path, &bytes, &trust.keys),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        book.first = book.good.last().map(|(_, last)| last.first);
        if let Some(copy) = &trust.copy {
            book.take(copy, &std::fs::read(copy)?, &trust.keys);
            book.good.sort_by_key(|(_, one)| one.head.seq);
        }
        Ok(book)
    }

    /// Takes the lines of a file; an end that is being written is none yet.
    fn take(&mut self, path: &Path, bytes: &[u8], keys: &PublicKeys) {
        let whole = memchr::memrchr(b'\n', bytes).map_or(0, |end| end + 1);
        let lines = bytes.get(..whole).unwrap_or_default();
        let mut last = 0;
        for (number, line) in (1..).zip(lines.split_inclusive(|byte| *byte == b'\n')) {
            let place = (path.to_owned(), number);
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            let read = std::str::from_utf8(line).ok().and_then(Checkpoint::read);
            let Some(checkpoint) = read else {
                self.complain(Broken::at(place, "it is not a checkpoint"));
                continue;
            };
            if let Err(why) = keys.check(&checkpoint) {
                self.complain(Broken::at(place, why));
                continue;
            }
            if checkpoint.head.seq < last {
                let what = "it was signed before the checkpoint above it: they were moved";
                self.complain(Broken::at(place, what));
                continue;
            }
            last = checkpoint.head.seq;
            let place = format!("{}:{number}", path.display());
            self.good.push((place, checkpoint));
        }
    }

    fn complain(&mut self, fault: Broken) {
        self.bad.get_or_insert(fault);
    }

    pub(super) fn signed(&self) -> Option<Signed> {
        let (_, last) = self.good.last()?;
        Some(Signed {
            seq: last.head.seq,
            at: last.at.clone(),
            key: last.key.clone(),
        })
    }

    /// What is wrong with the first line that is kept: older ones go by retention, as whole files, and what the gateway
    /// removed it signed for.
    pub(super) fn front(&self, first: Link, notes: &mut Vec<String>) -> Option<String> {
        let before = first.seq.saturating_sub(1);
        let anchor = self.good.iter().find(|(_, one)| one.head.seq == before);
        if let Some((place, anchor)) = anchor
            && anchor.head.digest != first.prev
        {
            return Some(format!(
                "it does not continue line {before} as that was signed at {} ({place}): from here on lines were written anew",
                anchor.at
            ));
        }
        let kept = self.first.unwrap_or(u64::MAX);
        if kept >= first.seq {
            return None;
        }
        if anchor.is_none() {
            return Some(format!(
                "lines {kept} to {before} were removed before it, and not as whole files, as retention does"
            ));
        }
        notes.push(format!(
            "lines {kept} to {before} are gone with their files, and not by this gateway's own retention"
        ));
        None
    }

    /// What is wrong with a line, by the checkpoints that name it.
    pub(super) fn holds(&mut self, head: Head) -> Option<String> {
        while let Some((place, one)) = self.good.get(self.next) {
            if one.head.seq > head.seq {
                break;
            }
            if one.head.seq == head.seq && one.head != head {
                let sure = self.next.checked_sub(1).and_then(|at| self.good.get(at));
                let sure = sure.map_or(0, |(_, sure)| sure.head.seq);
                return Some(format!(
                    "it is not the line {} that was signed at {} ({place}): lines behind {sure} were written anew",
                    head.seq, one.at
                ));
            }
            self.next += 1;
        }
        None
    }

    /// What is missing behind the last line.
    pub(super) fn missing_after(&self, seen: u64) -> Option<String> {
        let (place, last) = self.good.last()?;
        let missing = last.head.seq.checked_sub(seen).filter(|count| *count > 0)?;
        Some(format!(
            "the log ends here, but {missing} more lines were signed at {} ({place}): the end was cut off",
            last.at
        ))
    }
}
