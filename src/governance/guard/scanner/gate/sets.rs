//! Which bytes triggers begin with, and which triggers share a bucket of the gate.
//!
//! Not here: how the tables made of them are looked up.

use super::{Bytes, DEPTH};
use crate::governance::guard::probe::Class;

/// Which bytes a trigger may begin with, for each of the first four.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sets([[u64; 4]; DEPTH]);

impl Default for Sets {
    fn default() -> Self {
        Self([[u64::MAX; 4]; DEPTH])
    }
}

impl From<&[Bytes; DEPTH]> for Sets {
    fn from(openings: &[Bytes; DEPTH]) -> Self {
        let mut sets = Self::default();
        for (depth, opening) in openings.iter().enumerate() {
            sets.restrict(depth, |byte| {
                opening.get(usize::from(byte)).copied().unwrap_or(false)
            });
        }
        sets
    }
}

impl Sets {
    /// Of a literal.
    pub(super) fn literal(text: &[u8], any_case: bool) -> Self {
        let mut sets = Self::default();
        for (depth, wanted) in text.iter().take(DEPTH).enumerate() {
            sets.restrict(depth, |byte| {
                byte == *wanted || any_case && byte.eq_ignore_ascii_case(wanted)
            });
        }
        sets
    }

    /// Of classes, behind the end of a word if they must begin one.
    pub(super) fn classes(classes: &[Class], word: bool) -> Self {
        let mut sets = Self::default();
        if word {
            sets.restrict(0, |byte| !byte.is_ascii_alphanumeric());
        }
        for (depth, class) in classes.iter().enumerate() {
            sets.restrict(depth + usize::from(word), |byte| class.has(byte));
        }
        sets
    }

    /// Takes out what does not fit.
    pub(super) fn restrict(&mut self, depth: usize, fits: impl Fn(u8) -> bool) {
        let Some(set) = self.0.get_mut(depth) else {
            return;
        };
        for byte in 0..=u8::MAX {
            if !fits(byte)
                && let Some(word) = set.get_mut(usize::from(byte / 64))
            {
                *word &= !(1 << (byte % 64));
            }
        }
    }

    fn has(&self, depth: usize, byte: u8) -> bool {
        self.0
            .get(depth)
            .and_then(|set| set.get(usize::from(byte / 64)))
            .is_some_and(|word| word >> (byte % 64) & 1 == 1)
    }

    fn join(&self, other: &Self) -> Self {
        let mut joined = self.clone();
        for (set, more) in joined.0.iter_mut().zip(&other.0) {
            for (word, flags) in set.iter_mut().zip(more) {
                *word |= flags;
            }
        }
        joined
    }

    /// Sets a flag for all of them.
    pub(super) fn mark(&self, tables: &mut [[u64; 256]; DEPTH + 1], flag: u64) {
        for (depth, table) in tables.iter_mut().take(DEPTH).enumerate() {
            for (byte, flags) in (0..=u8::MAX).zip(table.iter_mut()) {
                if self.has(depth, byte) {
                    *flags |= flag;
                }
            }
        }
    }

    /// How often such a beginning is met: the product of what its bytes weigh.
    fn weight(&self) -> u64 {
        self.0
            .iter()
            .map(|set| {
                (0..4)
                    .zip(set)
                    .map(|(word, flags)| weigh(word, *flags))
                    .sum::<u64>()
            })
            .product()
    }
}

/// What the bytes of one word of a set weigh together.
fn weigh(word: u8, mut flags: u64) -> u64 {
    let mut sum = 0;
    while flags != 0 {
        sum += frequency(word * 64 + u8::try_from(flags.trailing_zeros()).unwrap_or(0));
        flags &= flags - 1;
    }
    sum
}

/// How often a byte is met in prose and code, roughly, in parts of some ten thousand.
fn frequency(byte: u8) -> u64 {
    match byte {
        b' ' => 1_500,
        b'e' | b't' => 800,
        b'a' | b'o' | b'i' | b'n' | b's' | b'r' => 500,
        b'h' | b'l' | b'd' | b'c' | b'u' | b'm' | b'p' => 250,
        b'f' | b'g' | b'w' | b'y' | b'b' | b'v' | b'k' | b'_' | b'"' | b'.' | b',' | b'\n' => 120,
        b'0'..=b'9' | b':' | b'-' | b'(' | b')' | b'/' | b'=' | b';' | b'{' | b'}' => 60,
        b'A'..=b'Z' => 25,
        0x21..=0x7e => 20,
        0x80..=0xff => 3,
        _ => 1,
    }
}

/// Puts groups together until they fit: the rare ones where they add least to what opens a bucket in vain.
pub(super) fn bucket<T>(mut groups: Vec<(Sets, Vec<T>)>, most: usize) -> Vec<(Sets, Vec<T>)> {
    groups.sort_by_key(|(sets, _)| std::cmp::Reverse(sets.weight()));
    let mut buckets: Vec<(Sets, u64, Vec<T>)> = Vec::new();
    for (sets, entries) in groups {
        if buckets.len() < most {
            let weight = sets.weight();
            buckets.push((sets, weight, entries));
            continue;
        }
        let cheapest = buckets
            .iter_mut()
            .min_by_key(|(known, weight, _)| known.join(&sets).weight().saturating_sub(*weight));
        if let Some((known, weight, home)) = cheapest {
            *known = known.join(&sets);
            *weight = known.weight();
            home.extend(entries);
        }
    }
    buckets
        .into_iter()
        .map(|(sets, _, entries)| (sets, entries))
        .collect()
}
