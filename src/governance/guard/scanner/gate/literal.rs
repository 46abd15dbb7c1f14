//! Literals at a glance: their first bytes as numbers, so that what the tables let through is mostly turned back at once.
//!
//! Not here: the rest of a literal, which the gate compares when all this fits.

use super::DEPTH;

/// The first four bytes of a literal as one number, so that most of a bucket is passed over by one comparison each.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Head {
    /// Bits set before comparing: those that tell a capital from a small letter, where either will do.
    fold: u32,
    /// Bits compared; none for a trigger that is no literal.
    mask: u32,
    want: u32,
}

/// Up to four bytes of a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quad {
    bytes: u32,
    /// Bits of those that are known.
    known: u32,
}

impl Quad {
    /// Whether all four are known.
    pub(super) fn is_whole(self) -> bool {
        self.known == u32::MAX
    }

    /// The bytes from an offset on, fewer at the end of what is known.
    #[inline]
    pub(super) fn at(text: &[u8], at: usize) -> Self {
        let rest = text.get(at..).unwrap_or_default();
        if let Some(quad) = rest.first_chunk() {
            return Self {
                bytes: u32::from_le_bytes(*quad),
                known: u32::MAX,
            };
        }
        let (mut bytes, mut known) = ([0; DEPTH], [0; DEPTH]);
        for (byte, (place, flag)) in rest.iter().zip(bytes.iter_mut().zip(&mut known)) {
            (*place, *flag) = (*byte, 0xff);
        }
        Self {
            bytes: u32::from_le_bytes(bytes),
            known: u32::from_le_bytes(known),
        }
    }
}

impl Head {
    /// Whether it is of a literal of three bytes or more.
    pub(super) fn is_narrow(self) -> bool {
        self.mask & 0x00ff_ffff == 0x00ff_ffff
    }

    /// The head of a literal.
    pub(super) fn of(literal: &[u8], any_case: bool) -> Self {
        let mut head = [[0; DEPTH]; 3];
        let [fold, mask, want] = &mut head;
        let places = fold.iter_mut().zip(mask).zip(want);
        for (byte, ((fold, mask), want)) in literal.iter().zip(places) {
            *fold = if any_case && byte.is_ascii_alphabetic() {
                0x20
            } else {
                0
            };
            *mask = 0xff;
            *want = *byte;
        }
        let [fold, mask, want] = head.map(u32::from_le_bytes);
        Self { fold, mask, want }
    }

    /// Whether a trigger may stand where these bytes do.
    pub(super) fn fits(self, quad: Quad) -> bool {
        ((quad.bytes | self.fold) & self.mask ^ self.want) & quad.known == 0
    }
}

/// The beginnings of all literals, by hashes of one, two, three and four bytes without regard to case.
#[derive(Debug, Default)]
pub(super) struct Grams {
    /// First bytes, pairs and so on; the last holds literals of four bytes or more.
    beginnings: [Flags; DEPTH],
    /// Literals of three bytes.
    three: Flags,
}

impl Grams {
    /// Adds a literal of three bytes or more by its head.
    pub(super) fn add(&mut self, head: Head) {
        let known = if head.mask == u32::MAX {
            DEPTH
        } else {
            DEPTH - 1
        };
        if known < DEPTH {
            self.three.set(head.want << 8);
        }
        for (length, flags) in (1..=known).zip(&mut self.beginnings) {
            flags.set(first(head.want, length));
        }
    }

    /// Whether a literal may begin with these bytes, or with more of which these are the first.
    #[inline]
    pub(super) fn may_hold(&self, quad: Quad) -> bool {
        let [.., four] = &self.beginnings;
        if quad.known == u32::MAX {
            return four.has(quad.bytes) || self.three.has(quad.bytes << 8);
        }
        let length = quad.known.count_ones() as usize / 8;
        let flags = length
            .checked_sub(1)
            .and_then(|length| self.beginnings.get(length));
        flags.is_some_and(|flags| flags.has(first(quad.bytes, length)))
    }
}

/// The first so many of four bytes, moved to where they do not depend on the others.
fn first(quad: u32, length: usize) -> u32 {
    quad << (8 * (DEPTH - length.min(DEPTH)))
}

/// A set of numbers by their hashes.
#[derive(Debug)]
struct Flags(Box<[u64; 256]>);

impl Default for Flags {
    fn default() -> Self {
        Self(Box::new([0; 256]))
    }
}

impl Flags {
    fn set(&mut self, number: u32) {
        let (word, flag) = place(number);
        if let Some(word) = self.0.get_mut(usize::from(word)) {
            *word |= flag;
        }
    }

    #[inline]
    fn has(&self, number: u32) -> bool {
        let (word, flag) = place(number);
        self.0
            .get(usize::from(word))
            .is_some_and(|word| word & flag != 0)
    }
}

/// Where a number of four bytes has its flag.
fn place(quad: u32) -> (u8, u64) {
    let hash = (quad | 0x2020_2020).wrapping_mul(0x9e37_79b1);
    let [_, _, low, high] = hash.to_le_bytes();
    (high, 1 << (low & 63))
}
