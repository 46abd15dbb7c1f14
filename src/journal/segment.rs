//! One file of the journal: a header, a snapshot of all books, then entries in the order of events.
//!
//! ```text
//! header   "tollgate" · version u32 · segment number u64 · CRC32C u32
//! record   payload length u32 · sequence u64 · payload · CRC32C u32 over all before it
//! ```
//!
//! Sequence numbers run on without a gap through all segments; a snapshot carries the number of the last entry it holds,
//! and says how it follows from the segment before. A file is preallocated with zeros, so it ends where they begin.
//!
//! Invariant: reading never trusts a byte a checksum does not cover, and stops at the first record it cannot believe.
//! What lies behind that one decides whether a tail was torn (nothing) or a file has rotted (records).

use super::codec::{self, Malformed};
use crate::governance::budget::{Entry, State};

/// First bytes of each segment.
const MAGIC: &[u8; 8] = b"tollgate";
/// The format this file describes.
const VERSION: u32 = 1;
/// Length of a header.
pub(super) const HEADER: usize = 24;
/// Length and sequence number, before a payload.
const BEFORE: usize = 12;
/// A record without its payload.
const FRAME: usize = BEFORE + 4;
/// Kind of the payload that is a snapshot; entries have lower ones.
const SNAPSHOT: u8 = 0x80;

/// How a segment's snapshot follows from the segment before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Follows {
    /// There is none before.
    First,
    /// That one was full: the snapshot is its last state.
    Turned,
    /// The gateway was started again: the snapshot is what recovery made of its last state.
    Restarted,
    /// That one was damaged: the snapshot holds what could be recovered.
    Rebuilt,
    /// That one could not be written any more: what happened since then is only in the snapshot.
    Resumed,
}

impl Follows {
    const ALL: [Self; 5] = [
        Self::First,
        Self::Turned,
        Self::Restarted,
        Self::Rebuilt,
        Self::Resumed,
    ];

    const fn code(self) -> u8 {
        match self {
            Self::First => 0,
            Self::Turned => 1,
            Self::Restarted => 2,
            Self::Rebuilt => 3,
            Self::Resumed => 4,
        }
    }

    fn from_code(code: u8) -> Result<Self, Malformed> {
        let found = Self::ALL.into_iter().find(|follows| follows.code() == code);
        found.ok_or(Malformed::Kind(code))
    }
}

/// The file name of a segment.
pub(super) fn name(number: u64) -> String {
    format!("{number:06}.seg")
}

/// The number in a segment's file name.
pub(super) fn number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".seg")?;
    let plain = digits.len() >= 6 && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

/// Begins a segment: its header and its snapshot.
pub(super) fn begin(number: u64, follows: Follows, sequence: u64, state: &State) -> Vec<u8> {
    let mut out = Vec::with_capacity(4096);
    out.extend(MAGIC);
    out.extend(VERSION.to_le_bytes());
    out.extend(number.to_le_bytes());
    out.extend(crc32c::crc32c(&out).to_le_bytes());
    frame(&mut out, sequence, |out| {
        out.push(SNAPSHOT);
        out.push(follows.code());
        codec::write_state(out, state);
    });
    out
}

/// Appends one entry.
pub(super) fn append(out: &mut Vec<u8>, sequence: u64, entry: &Entry) {
    frame(out, sequence, |out| codec::write_entry(out, entry));
}

fn frame(out: &mut Vec<u8>, sequence: u64, payload: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend([0; 4]);
    out.extend(sequence.to_le_bytes());
    payload(out);
    // A payload of four gigabytes would be a state no memory holds; it would read as damaged.
    let len = u32::try_from(out.len() - start - BEFORE).unwrap_or(u32::MAX);
    if let Some(place) = out.get_mut(start..start + 4) {
        place.copy_from_slice(&len.to_le_bytes());
    }
    let crc = crc32c::crc32c(out.get(start..).unwrap_or_default());
    out.extend(crc.to_le_bytes());
}

/// One record whose checksum holds.
struct Frame<'a> {
    sequence: u64,
    payload: &'a [u8],
    end: usize,
}

fn unframe(bytes: &[u8], at: usize, plausible: impl Fn(u64) -> bool) -> Option<Frame<'_>> {
    let rest = bytes.get(at..)?;
    let (length, after) = rest.split_first_chunk::<4>()?;
    let sequence = u64::from_le_bytes(*after.first_chunk()?);
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    // The checksum is the dearest question, so it is asked last.
    if length == 0 || length > rest.len().checked_sub(FRAME)? || !plausible(sequence) {
        return None;
    }
    let (covered, after) = rest.split_at_checked(BEFORE + length)?;
    if crc32c::crc32c(covered) != u32::from_le_bytes(*after.first_chunk()?) {
        return None;
    }
    Some(Frame {
        sequence,
        payload: covered.get(BEFORE..)?,
        end: at + FRAME + length,
    })
}

/// Why a segment cannot even be begun to read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    /// No header of ours, or a damaged one.
    #[error("it has no intact header")]
    Header,
    /// Written in a format that came later.
    #[error("its format {0} is unknown to this version of tollgate")]
    Version(u32),
    /// The header names another segment.
    #[error("its header says it is segment {0}")]
    Number(u64),
    /// The snapshot is damaged or absent.
    #[error("its snapshot is damaged")]
    Snapshot,
    /// The snapshot is whole but makes no sense.
    #[error("its snapshot cannot be read: {0}")]
    Malformed(#[from] Malformed),
}

/// A segment's beginning, and a cursor on the entries behind it.
pub(super) struct Segment<'a> {
    /// How the snapshot follows from the segment before.
    pub(super) follows: Follows,
    /// Sequence number of the last entry the snapshot holds.
    pub(super) sequence: u64,
    /// The snapshot.
    pub(super) state: State,
    /// The entries.
    pub(super) entries: Cursor<'a>,
}

/// Reads the beginning of segment `number`.
pub(super) fn read(bytes: &[u8], number: u64) -> Result<Segment<'_>, Unreadable> {
    let header = bytes.get(..HEADER).ok_or(Unreadable::Header)?;
    let field = |range| header.get(range).ok_or(Unreadable::Header);
    let crc = crc32c::crc32c(field(0..20)?);
    if field(0..8)? != MAGIC || field(20..24)? != crc.to_le_bytes() {
        return Err(Unreadable::Header);
    }
    let version = field(8..12)?.first_chunk().ok_or(Unreadable::Header)?;
    let version = u32::from_le_bytes(*version);
    if version != VERSION {
        return Err(Unreadable::Version(version));
    }
    let named = field(12..20)?.first_chunk().ok_or(Unreadable::Header)?;
    let named = u64::from_le_bytes(*named);
    if named != number {
        return Err(Unreadable::Number(named));
    }
    let frame = unframe(bytes, HEADER, |_| true).ok_or(Unreadable::Snapshot)?;
    let [SNAPSHOT, follows, state @ ..] = frame.payload else {
        return Err(Unreadable::Snapshot);
    };
    Ok(Segment {
        follows: Follows::from_code(*follows)?,
        sequence: frame.sequence,
        state: codec::read_state(state)?,
        entries: Cursor {
            bytes,
            at: frame.end,
            sequence: frame.sequence,
        },
    })
}

/// One entry and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Located {
    /// Of its first byte.
    pub(super) offset: usize,
    /// Its sequence number.
    pub(super) sequence: u64,
    /// The entry.
    pub(super) entry: Entry,
}

/// What lies behind the last entry that can be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tail {
    /// Nothing.
    End,
    /// Bytes of a write that was cut short.
    Torn {
        /// How many.
        bytes: usize,
    },
    /// Further intact records: what stands before them was intact once, too.
    Broken,
}

/// Goes through a segment's entries up to the first that cannot be believed.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    sequence: u64,
}

impl Cursor<'_> {
    /// Where the next entry begins, or would begin.
    pub(super) const fn offset(&self) -> usize {
        self.at
    }

    /// Sequence number of the last entry that was read.
    pub(super) const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// What lies at the cursor once it has stopped.
    pub(super) fn tail(&self) -> Tail {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        match rest.iter().rposition(|byte| *byte != 0) {
            None => Tail::End,
            Some(_) if self.beyond().next().is_some() => Tail::Broken,
            Some(last) => Tail::Torn { bytes: last + 1 },
        }
    }

    /// What is wrong with the record at the cursor, if its checksum holds.
    pub(super) fn fault(&self) -> Option<Malformed> {
        let frame = unframe(self.bytes, self.at, |sequence| {
            sequence == self.sequence.wrapping_add(1)
        })?;
        codec::read_entry(frame.payload).err()
    }

    /// Every intact entry behind the one that cannot be believed.
    pub(super) fn beyond(&self) -> Beyond<'_> {
        Beyond {
            bytes: self.bytes,
            at: self.at,
            sequence: self.sequence,
        }
    }
}

impl Iterator for Cursor<'_> {
    type Item = Located;

    fn next(&mut self) -> Option<Located> {
        let next = self.sequence.checked_add(1)?;
        let frame = unframe(self.bytes, self.at, |sequence| sequence == next)?;
        let entry = codec::read_entry(frame.payload).ok()?;
        let located = Located {
            offset: self.at,
            sequence: frame.sequence,
            entry,
        };
        (self.at, self.sequence) = (frame.end, frame.sequence);
        Some(located)
    }
}

/// Searches damaged bytes for entries that are intact, byte by byte.
pub(super) struct Beyond<'a> {
    bytes: &'a [u8],
    at: usize,
    sequence: u64,
}

impl Iterator for Beyond<'_> {
    type Item = Located;

    fn next(&mut self) -> Option<Located> {
        // So many records at most can have stood in this file.
        let most = self.bytes.len() / FRAME;
        while self.at + FRAME < self.bytes.len() {
            let offset = self.at;
            let later = |sequence: u64| {
                sequence > self.sequence
                    && usize::try_from(sequence - self.sequence).is_ok_and(|gap| gap <= most)
            };
            if let Some(frame) = unframe(self.bytes, offset, later) {
                let (end, sequence) = (frame.end, frame.sequence);
                let read = codec::read_entry(frame.payload);
                self.at = end;
                if let Ok(entry) = read {
                    self.sequence = sequence;
                    return Some(Located {
                        offset,
                        sequence,
                        entry,
                    });
                }
            } else {
                self.at += 1;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
