//! The chain that makes the decision log prove itself unbroken.
//!
//! Every line begins with its number and `prev`, the SHA-256 of the whole line before (without its line end). A changed,
//! missing, added or moved line breaks the link of the next one. The last line has no next: its number and digest are
//! kept apart as the [`Head`], which also shows when lines were cut off the end.
//!
//! Not here: reading a chain back (`verifier`), and protection against somebody who may rewrite log and head alike: the
//! checkpoints that `telemetry::audit_log` signs.

use super::gap::Gap;
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
        Some(Self {
            seq: Link::of(line)?.seq,
            digest: digest(line),
        })
    }
}

impl Head {
    /// Its digest in 64 hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        let mut text = Vec::with_capacity(64);
        hex(&self.digest, &mut text);
        String::from_utf8(text).unwrap_or_default()
    }
}

/// The number, a space, 64 hexadecimal digits.
impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.seq, self.hex())
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
        self.link(out, |pen, out| pen.write(record, out));
    }

    /// Appends the line that stands for decisions nobody recorded, its line end included.
    pub fn append_gap(&mut self, gap: &Gap, out: &mut Vec<u8>) {
        self.link(out, |pen, out| pen.gap(gap, out));
    }

    fn link(&mut self, out: &mut Vec<u8>, members: impl FnOnce(&mut Pen, &mut Vec<u8>)) {
        let start = out.len();
        let seq = self.head.seq.saturating_add(1);
        out.extend_from_slice(BEFORE_SEQ);
        out.extend_from_slice(itoa::Buffer::new().format(seq).as_bytes());
        out.extend_from_slice(BEFORE_PREV);
        hex(&self.head.digest, out);
        out.extend_from_slice(AFTER_PREV);
        members(&mut self.pen, out);
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

/// What ties a line to the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Its number.
    pub seq: u64,
    /// The digest it names of the line before.
    pub prev: [u8; 32],
}

impl Link {
    /// That of `line` (without its line end), if it has the shape of a chained line.
    #[must_use]
    pub fn of(line: &[u8]) -> Option<Self> {
        Some(split(line)?.0)
    }
}

/// The members of a chained line that come behind its link, with the closing brace.
#[must_use]
pub(super) fn members(line: &[u8]) -> Option<&[u8]> {
    Some(split(line)?.1)
}

fn split(line: &[u8]) -> Option<(Link, &[u8])> {
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
    let prev = unhex(prev)?;
    rest.ends_with(b"}").then_some((Link { seq, prev }, rest))
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
