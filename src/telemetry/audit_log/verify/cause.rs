//! What broke a chain, and in which line: told by the lines around the break.

use super::super::walk::{Place, Step, Walk};
use super::Broken;
use crate::governance::audit::{Head, Link, Wrong};
use std::io;
use std::path::Path;

/// A break of the chain.
pub(super) struct Found<'a> {
    pub(super) fault: Wrong,
    /// The line at which it showed.
    pub(super) line: &'a [u8],
    /// The line before it.
    pub(super) previous: &'a [u8],
    pub(super) before: Place,
    /// The head that was kept apart.
    pub(super) kept: Option<Head>,
}

impl Found<'_> {
    /// What happened, and where; `walk` stands behind the line.
    pub(super) fn cause(self, dir: &Path, walk: Walk) -> io::Result<Broken> {
        let place = walk.place();
        match self.fault {
            Wrong::Link => self.changed(place, walk),
            Wrong::Number { expected, found } if found > expected => {
                self.skipped(place, walk, expected, found)
            }
            Wrong::Number { expected, found } => self.again(dir, place, expected, found),
            what => Ok(Broken::at(place, what)),
        }
    }

    /// The link does not fit: the line before was changed, or this one. What comes next knows this one's digest.
    fn changed(self, place: Place, mut walk: Walk) -> io::Result<Broken> {
        let this = Head::after(self.line);
        let mut next = Vec::new();
        let intact = match walk.next(&mut next)? {
            Step::Line => {
                let link = Link::of(&next);
                this.is_some_and(|this| {
                    link == Some(Link {
                        seq: this.seq.saturating_add(1),
                        prev: this.digest,
                    })
                })
            }
            Step::Cut | Step::End => this.is_some() && self.kept == this,
        };
        if intact && !self.previous.is_empty() {
            let what = "this line was changed: the line behind it was chained to another one";
            return Ok(Broken::at(self.before, what));
        }
        let what = "this line was changed: it is not chained to the line before it";
        Ok(Broken::at(place, what))
    }

    /// Numbers are left out: the line is elsewhere, or part of the one before, or gone.
    fn skipped(
        self,
        place: Place,
        mut walk: Walk,
        expected: u64,
        found: u64,
    ) -> io::Result<Broken> {
        if !self.previous.is_empty() && !is_one_object(self.previous) {
            let what = "this line was changed: it is not one record";
            return Ok(Broken::at(self.before, what));
        }
        let mut line = Vec::new();
        while walk.next(&mut line)? == Step::Line {
            if Link::of(&line).is_some_and(|link| link.seq == expected) {
                let (file, at) = walk.place();
                let what = format!(
                    "lines were moved: number {found} stands here, and number {expected}, which belongs here, in {}:{at}",
                    name(&file)
                );
                return Ok(Broken::at(place, what));
            }
        }
        let count = found - expected;
        let mut what = format!(
            "{count} lines are missing before it: number {found} stands where number {expected} belongs"
        );
        if place.1 == 1 {
            what.push_str("; a whole file may be gone");
        }
        Ok(Broken::at(place, what))
    }

    /// A number that was there before: the same line again, or another one.
    fn again(self, dir: &Path, place: Place, expected: u64, found: u64) -> io::Result<Broken> {
        let mut walk = Walk::over(dir)?;
        let mut line = Vec::new();
        while walk.next(&mut line)? == Step::Line && walk.place() != place {
            if line == self.line {
                let (file, at) = walk.place();
                let what = format!(
                    "this line is there twice: it is a copy of {}:{at}",
                    name(&file)
                );
                return Ok(Broken::at(place, what));
            }
        }
        Ok(Broken::at(place, Wrong::Number { expected, found }))
    }
}

fn is_one_object(line: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok()
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}
