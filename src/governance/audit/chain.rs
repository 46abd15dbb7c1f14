//! The chain that makes the decision log prove itself unbroken.
//!
//! Every line begins with its number and `prev`, the SHA-256 of the whole line before (without its line end). A changed,
//! missing, added or moved line breaks the link of the next one. The last line has no next: its number and digest are
//! kept apart as the [`Head`], which also shows when lines were cut off the end.
//!
//! Not here: protection against somebody who may rewrite log and head alike; whoever needs that ships the lines, or
//! the head alone, to another machine.

use super::record::{Pen, Record};
use sha2::Digest as _;
use std::fmt;
use std::str::FromStr;

/// Where a chain ends: the number and digest of its last line. The default is a chain without lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Head {
    /// How many lines the chain has had in all; also the number of the last.
    pub seq: u64,
    /// SHA-256 of the last line.
    pub digest: [u8; 32],
}

impl Head {
    /// The head after `line` (without its line end), if it has the shape of a chained line.
    #[must_use]
    pub fn after(line: &[u8]) -> Option<Self> {
        let (seq, _) = link(line)?;
        Some(Self {
            seq,
            digest: digest(line),
        })
    }
}

/// The number, a space, 64 hexadecimal digits.
impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.seq)?;
        self.digest
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Head {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (seq, digits) = text.trim().split_once(' ').ok_or(())?;
        Ok(Self {
            seq: seq.parse().map_err(|_| ())?,
            digest: unhex(digits.as_bytes()).ok_or(())?,
        })
    }
}

/// Writes the lines of one chain.
#[derive(Debug, Default)]
pub struct Chain {
    head: Head,
    pen: Pen,
}

impl Chain {
    /// Continues where `head` ended.
    #[must_use]
    pub fn continuing(head: Head) -> Self {
        Self {
            head,
            pen: Pen::default(),
        }
    }

    /// Where the chain ends now.
    #[must_use]
    pub const fn head(&self) -> Head {
        self.head
    }

    /// Appends the record's line, its line end included.
    pub fn append(&mut self, record: &Record, out: &mut Vec<u8>) {
        let start = out.len();
        let seq = self.head.seq.saturating_add(1);
        out.extend_from_slice(BEFORE_SEQ);
        out.extend_from_slice(itoa::Buffer::new().format(seq).as_bytes());
        out.extend_from_slice(BEFORE_PREV);
        hex(&self.head.digest, out);
        out.extend_from_slice(AFTER_PREV);
        self.pen.write(record, out);
        out.push(b'}');
        self.head = Head {
            seq,
            digest: digest(out.get(start..).unwrap_or_default()),
        };
        out.push(b'\n');
    }
}

const BEFORE_SEQ: &[u8] = b"{\"seq\":";
const BEFORE_PREV: &[u8] = b",\"prev\":\"";
const AFTER_PREV: &[u8] = b"\",";

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

    /// Takes the next line, without its line end. The first may continue a chain whose beginning is gone (rotated out).
    ///
    /// # Errors
    /// The fault of this line.
    pub fn line(&mut self, line: &[u8]) -> Result<(), ChainFault> {
        self.lines = self.lines.saturating_add(1);
        let fault = |what| ChainFault {
            line: self.lines,
            what,
        };
        let (found, prev) = link(line).ok_or_else(|| fault(Wrong::Shape))?;
        if let Some(last) = self.last {
            let expected = last.seq.saturating_add(1);
            if found != expected {
                return Err(fault(Wrong::Number { expected, found }));
            }
            if prev != last.digest {
                return Err(fault(Wrong::Link));
            }
        } else if found == 0 || (found == 1 && prev != [0; 32]) {
            return Err(fault(Wrong::Link));
        }
        let head = Head {
            seq: found,
            digest: digest(line),
        };
        if self
            .kept
            .is_some_and(|kept| kept.seq == found && kept != head)
        {
            return Err(fault(Wrong::Head));
        }
        self.last = Some(head);
        Ok(())
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
    lines.into_iter().try_for_each(|line| verifier.line(line))?;
    verifier.finish()
}

/// The number and `prev` of a line that has a record's shape.
fn link(line: &[u8]) -> Option<(u64, [u8; 32])> {
    let rest = line.strip_prefix(BEFORE_SEQ)?;
    let digits = rest
        .iter()
        .take(20)
        .take_while(|b| b.is_ascii_digit())
        .count();
    let (seq, rest) = rest.split_at_checked(digits)?;
    let seq = std::str::from_utf8(seq).ok()?.parse().ok()?;
    let (prev, rest) = rest.strip_prefix(BEFORE_PREV)?.split_at_checked(64)?;
    let rest = rest.strip_prefix(AFTER_PREV)?;
    if !rest.ends_with(b"}") {
        return None;
    }
    Some((seq, unhex(prev)?))
}

fn digest(line: &[u8]) -> [u8; 32] {
    sha2::Sha256::digest(line).into()
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

fn hex(bytes: &[u8; 32], out: &mut Vec<u8>) {
    let mut text = [0; 64];
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        for (digit, nibble) in pair.iter_mut().zip([byte.wrapping_shr(4), byte & 0xf]) {
            *digit = DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
        }
    }
    out.extend_from_slice(&text);
}

fn unhex(digits: &[u8]) -> Option<[u8; 32]> {
    let nibble = |digit: u8| {
        DIGITS
            .iter()
            .position(|d| *d == digit)
            .and_then(|n| u8::try_from(n).ok())
    };
    let mut bytes = [0; 32];
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = nibble(*high)?.wrapping_shl(4) | nibble(*low)?;
    }
    Some(bytes)
}
