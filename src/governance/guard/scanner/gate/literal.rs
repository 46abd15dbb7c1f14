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

    /// Whether a trigger may stand where these four bytes do.
    pub(super) fn fits(self, quad: u32) -> bool {
        (quad | self.fold) & self.mask == self.want
    }
}

/// The first three or four bytes of all literals, by a hash of them without regard to case.
#[derive(Debug)]
pub(super) struct Grams {
    three: Box<[u64; 256]>,
    four: Box<[u64; 256]>,
}

impl Default for Grams {
    fn default() -> Self {
        Self {
            three: Box::new([0; 256]),
            four: Box::new([0; 256]),
        }
    }
}

impl Grams {
    /// Adds a literal of three bytes or more by its head.
    pub(super) fn add(&mut self, head: Head) {
        let (set, place) = if head.mask == u32::MAX {
            (&mut self.four, place(head.want))
        } else {
            (&mut self.three, place(head.want << 8))
        };
        let (word, flag) = place;
        if let Some(word) = set.get_mut(usize::from(word)) {
            *word |= flag;
        }
    }

    /// Whether a literal may begin with these four bytes.
    #[inline]
    pub(super) fn may_hold(&self, quad: u32) -> bool {
        let holds = |set: &[u64; 256], (word, flag): (u8, u64)| {
            set.get(usize::from(word))
                .is_some_and(|word| word & flag != 0)
        };
        holds(&self.four, place(quad)) || holds(&self.three, place(quad << 8))
    }
}

/// Where a number of four bytes has its flag.
fn place(quad: u32) -> (u8, u64) {
    let hash = (quad | 0x2020_2020).wrapping_mul(0x9e37_79b1);
    let [_, _, low, high] = hash.to_le_bytes();
    (high, 1 << (low & 63))
}
