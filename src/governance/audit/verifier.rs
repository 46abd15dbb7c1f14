//! Reads a chain back: every line against the one before it, the last against the head that was kept apart.
//!
//! It stops at the first fault. Which line was really touched may take a look at the lines around; that is for whoever holds
//! the files (`telemetry::audit_log`).

use super::chain::{Head, Link};

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// It has not the shape of a record.
    #[error("it is not a record of the decision log")]
    Shape,
    /// Its number is not the next.
    #[error(
        "it is number {found} where number {expected} belongs: lines are missing, added or moved"
    )]
    Number {
        /// What it should be.
        expected: u64,
        /// What it is.
        found: u64,
    },
    /// It follows the line before, under another number.
    #[error(
        "it follows the line before it, but its number was changed: {found} instead of {expected}"
    )]
    Renumbered {
        /// What it should be.
        expected: u64,
        /// What it is.
        found: u64,
    },
    /// The line before is not the one it was written after.
    #[error("the line before it is not the one it was chained to: that line was changed")]
    Link,
    /// The log ends before the head that was kept apart.
    #[error("the log ends here, but {missing} more lines were written: the end was cut off")]
    Missing {
        /// How many lines are gone.
        missing: u64,
    },
    /// The line the head names is not the one that was written.
    #[error("it is not the line that was written: its digest differs from the one kept in `head`")]
    Head,
}

/// The first fault of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct ChainFault {
    /// Which line of those given, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub what: Wrong,
}

/// Reads a chain back, line by line.
#[derive(Debug, Default)]
pub struct Verifier {
    lines: u64,
    last: Option<Head>,
    kept: Option<Head>,
}

impl Verifier {
    /// A reader that will also hold the chain against the head kept apart.
    #[must_use]
    pub fn against(kept: Option<Head>) -> Self {
        Self {
            kept: kept.filter(|head| *head != Head::default()),
            ..Self::default()
        }
    }

    /// Takes the next line, without its line end, and says where the chain stands with it. The first may continue a chain
    /// whose beginning is gone (rotated out).
    ///
    /// # Errors
    /// The fault of this line.
    pub fn line(&mut self, line: &[u8]) -> Result<Head, ChainFault> {
        self.lines = self.lines.saturating_add(1);
        let fault = |what| ChainFault {
            line: self.lines,
            what,
        };
        let head = Head::after(line).ok_or_else(|| fault(Wrong::Shape))?;
        let Link { seq: found, prev } = Link::of(line).ok_or_else(|| fault(Wrong::Shape))?;
        if let Some(last) = self.last {
            let expected = last.seq.saturating_add(1);
            if found != expected && prev == last.digest {
                return Err(fault(Wrong::Renumbered { expected, found }));
            }
            if found != expected {
                return Err(fault(Wrong::Number { expected, found }));
            }
            if prev != last.digest {
                return Err(fault(Wrong::Link));
            }
        } else if found == 0 || (found == 1 && prev != [0; 32]) {
            return Err(fault(Wrong::Link));
        }
        if self
            .kept
            .is_some_and(|kept| kept.seq == found && kept != head)
        {
            return Err(fault(Wrong::Head));
        }
        self.last = Some(head);
        Ok(head)
    }

    /// Where the chain stands; none before its first line.
    #[must_use]
    pub const fn last(&self) -> Option<Head> {
        self.last
    }

    /// How many lines were read, and that nothing is missing behind them.
    ///
    /// # Errors
    /// The end was cut off.
    pub fn finish(self) -> Result<u64, ChainFault> {
        let seen = self.last.map_or(0, |head| head.seq);
        match self.kept {
            Some(kept) if kept.seq > seen => Err(ChainFault {
                line: self.lines,
                what: Wrong::Missing {
                    missing: kept.seq.saturating_sub(seen),
                },
            }),
            _ => Ok(self.lines),
        }
    }
}

/// Reads a whole chain: how many lines it has, or its first fault.
///
/// # Errors
/// The first fault.
pub fn verify<'a>(
    lines: impl IntoIterator<Item = &'a [u8]>,
    kept: Option<Head>,
) -> Result<u64, ChainFault> {
    let mut verifier = Verifier::against(kept);
    lines
        .into_iter()
        .try_for_each(|line| verifier.line(line).map(drop))?;
    verifier.finish()
}
