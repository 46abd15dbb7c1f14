//! Reading the log's lines back: of a range of time, of one decision, the last ones.
//!
//! Lines stand in the order in which calls ended, and name the time at which they came; ids hold the same time. A file whose
//! last line was written before a time holds no call that came after it, so whole files are skipped by their last line.

use super::files::{earlier, files, last_line, later, time_of, written_at};
use super::walk::{Step, Walk};
use crate::clock::Wall;
use crate::governance::audit::{Gap, stamp};
use crate::ids::PassageId;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How far a wall clock is taken to have been set back while files were written: so much more is read than needed.
const SET_BACK: Duration = Duration::from_hours(24);

/// Lines of a log, oldest file first.
#[derive(Debug)]
pub struct Records {
    walk: Walk,
    since: Option<String>,
    until: Option<String>,
    line: Vec<u8>,
}

/// The lines of the log in `dir` whose calls came at `since` or later and before `until`, in the order of the log. Gap records
/// are among them if their time touches the range.
///
/// # Errors
/// A file cannot be read.
pub fn records(dir: &Path, since: Option<Wall>, until: Option<Wall>) -> io::Result<Records> {
    let walk = Walk::but(dir, |path| {
        since.is_some_and(|since| ended(path).is_some_and(|ended| later(ended, SET_BACK) < since))
    })?;
    Ok(Records {
        walk,
        since: since.map(stamp),
        until: until.map(stamp),
        line: Vec::new(),
    })
}

impl Records {
    /// Bytes read so far, and in all: how far this is.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        (self.walk.read, self.walk.all)
    }

    /// Times sort as their texts do. What has no time is no line of ours, and not for us to hide.
    fn is_within(&self) -> bool {
        let (came, until) = (time_of(&self.line), self.until.as_deref());
        let (Some(came), since) = (came, self.since.as_deref()) else {
            return true;
        };
        let began = match until {
            Some(_) if Gap::is(&self.line) => gap_start(&self.line).unwrap_or_default(),
            _ => came.to_owned(),
        };
        since.is_none_or(|since| came >= since) && until.is_none_or(|until| &*began < until)
    }
}

fn gap_start(line: &[u8]) -> Option<String> {
    let line: serde_json::Value = serde_json::from_slice(line).ok()?;
    Some(line.get("from")?.as_str()?.to_owned())
}

impl Iterator for Records {
    type Item = io::Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.walk.next(&mut self.line) {
                Err(error) => return Some(Err(error)),
                Ok(Step::End) => return None,
                Ok(Step::Line) if self.is_within() => {
                    return Some(Ok(String::from_utf8_lossy(&self.line).into_owned()));
                }
                Ok(Step::Line | Step::Cut) => {}
            }
        }
    }
}

/// About when a file's last line was written.
fn ended(path: &Path) -> Option<Wall> {
    let (line, _) = last_line(&File::open(path).ok()?).ok()?;
    written_at(&line?)
}

/// The line of one decision. The file it should be in is searched first, then the later ones, then the earlier ones: only an
/// id that is not there costs a reading of the whole log.
///
/// # Errors
/// A file cannot be read.
pub fn find(dir: &Path, id: PassageId) -> io::Result<Option<String>> {
    let decision = id.decision();
    let member = format!("\"id\":\"{}\"", decision.as_str());
    let finder = memchr::memmem::Finder::new(&member);
    let came = earlier(id.time(), Duration::from_secs(10));
    let all: Vec<PathBuf> = files(dir).in_order().cloned().collect();
    let start = all
        .iter()
        .position(|path| ended(path).is_none_or(|ended| ended >= came))
        .unwrap_or(all.len());
    let (before, likely) = all.split_at(start);
    for path in likely.iter().chain(before.iter().rev()) {
        let file = match File::open(path) {
            Ok(file) => file,
            // Removed or renamed since it was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let mut reader = BufReader::with_capacity(1 << 18, file);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            // The id stands before any text of a caller.
            let head = line.get(..line.len().min(256)).unwrap_or_default();
            if finder.find(head).is_some() && line.pop() == Some(b'\n') {
                return Ok(Some(String::from_utf8_lossy(&line).into_owned()));
            }
            line.clear();
        }
    }
    Ok(None)
}

/// The last `count` lines of the log in `dir`, oldest first.
///
/// # Errors
/// A file cannot be read.
pub fn last_lines(dir: &Path, count: usize) -> io::Result<Vec<String>> {
    let mut found: Vec<String> = Vec::new();
    for path in files(dir).in_order().rev() {
        if found.len() >= count {
            break;
        }
        let wanted = count - found.len();
        let mut lines = std::collections::VecDeque::new();
        let mut reader = BufReader::with_capacity(1 << 18, File::open(path)?);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            if line.pop() == Some(b'\n') {
                if lines.len() >= wanted {
                    lines.pop_front();
                }
                lines.push_back(String::from_utf8_lossy(&line).into_owned());
            }
            line.clear();
        }
        lines.extend(found);
        found = lines.into();
    }
    Ok(found)
}
