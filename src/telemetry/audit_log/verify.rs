//! Whether a log proves itself: every line against the chain, the chain against `head` and the signed checkpoints.
//!
//! The first fault is named by its place. Where the chain breaks is not always where somebody was at work: a changed line
//! shows in the link of the next one. So a break is looked into (`cause`) before it is told.
//!
//! What was kept apart is read before the lines: it names nothing that is not on the disk, so a log that grows meanwhile
//! is no fault.

mod book;
mod cause;
#[cfg(test)]
mod tests;

use super::checkpoint::PublicKeys;
use super::files::{files, numbered};
use super::walk::{Place, Step, Walk};
use crate::governance::audit::{Gap, Link, Verifier};
use book::Book;
use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

/// How often a log that rotates under the reader is read again.
const REREADS: usize = 3;
/// How often progress is told, in lines.
const TELL_EVERY: u64 = 1_024;

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

impl Broken {
    fn at((file, line): Place, what: impl Display) -> Self {
        Self {
            file,
            line,
            what: what.to_string(),
        }
    }
}

/// What is trusted besides the lines.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// Whose signatures count.
    pub keys: PublicKeys,
    /// A copy of the checkpoints, kept where the log is not: whoever rewrites the log cannot take back what is in it.
    pub copy: Option<PathBuf>,
}

/// Up to where a log is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The line.
    pub seq: u64,
    /// When it was signed.
    pub at: String,
    /// The id of the key.
    pub key: String,
}

/// What reading the whole log showed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proof {
    /// Lines that are as written.
    pub lines: u64,
    /// Files read.
    pub files: usize,
    /// The number of the last line known to be on the disk.
    pub durable_to: u64,
    /// Checkpoints whose signatures fit.
    pub checkpoints: usize,
    /// The last of them.
    pub signed: Option<Signed>,
    /// Decisions that gap records say were not recorded.
    pub lost: u64,
    /// What is no fault and worth a word.
    pub notes: Vec<String>,
    /// The first fault.
    pub fault: Option<Broken>,
}

/// Reads every line of the log in `dir` and holds it against the chain, against `head`, and against the checkpoints that
/// trusted keys signed. `progress` is told bytes read and bytes in all.
///
/// # Errors
/// A file cannot be read.
pub fn verify(dir: &Path, trust: &Trust, progress: &mut dyn FnMut(u64, u64)) -> io::Result<Proof> {
    let mut before = numbered(dir);
    for _ in 0..REREADS {
        let proof = read_all(dir, trust, progress);
        // Files that are removed while they are read look like missing lines: read again.
        let after = numbered(dir);
        let clean = matches!(&proof, Ok(proof) if proof.fault.is_none() && proof.notes.is_empty());
        if clean || after == before {
            return proof;
        }
        before = after;
    }
    read_all(dir, trust, progress)
}

fn read_all(dir: &Path, trust: &Trust, progress: &mut dyn FnMut(u64, u64)) -> io::Result<Proof> {
    let mut book = Book::read(dir, trust)?;
    let kept = files(dir).head;
    let mut walk = Walk::over(dir)?;
    let mut proof = Proof {
        files: walk.files,
        durable_to: kept.map_or(0, |head| head.seq),
        checkpoints: book.good.len(),
        signed: book.signed(),
        ..Proof::default()
    };
    let mut verifier = Verifier::against(kept);
    let mut line = Vec::new();
    let mut previous = Vec::new();
    let mut before = walk.place();
    loop {
        match walk.next(&mut line)? {
            Step::End => break,
            Step::Cut => {
                let what = "the file ends within this line: its end was cut off";
                proof.fault = Some(Broken::at(walk.place(), what));
                return Ok(proof);
            }
            Step::Line => {}
        }
        if proof.lines.is_multiple_of(TELL_EVERY) {
            progress(walk.read, walk.all);
        }
        let is_first = verifier.last().is_none();
        match verifier.line(&line) {
            Ok(head) => {
                let first = Link::of(&line).filter(|_| is_first);
                let fault = first
                    .and_then(|first| book.front(first, &mut proof.notes))
                    .or_else(|| book.holds(head));
                if let Some(what) = fault {
                    proof.fault = Some(Broken::at(walk.place(), what));
                    return Ok(proof);
                }
            }
            Err(fault) => {
                let found = cause::Found {
                    fault: fault.what,
                    line: &line,
                    previous: &previous,
                    before,
                    kept,
                };
                proof.fault = Some(found.cause(dir, walk)?);
                return Ok(proof);
            }
        }
        if Gap::is(&line) {
            proof.lost = proof.lost.saturating_add(lost(&line));
        }
        proof.lines += 1;
        before = walk.place();
        std::mem::swap(&mut line, &mut previous);
    }
    let seen = verifier.last().map_or(0, |head| head.seq);
    let missing = book.missing_after(seen);
    proof.fault = match verifier.finish() {
        Err(fault) => Some(Broken::at(before, fault.what)),
        Ok(_) => missing
            .map(|what| Broken::at(before, what))
            .or(book.bad.take()),
    };
    progress(walk.all, walk.all);
    Ok(proof)
}

/// How many decisions a gap record stands for.
fn lost(line: &[u8]) -> u64 {
    let line: Option<serde_json::Value> = serde_json::from_slice(line).ok();
    line.and_then(|line| line.get("lost")?.as_u64())
        .unwrap_or(0)
}
