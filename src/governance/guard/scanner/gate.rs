//! The gate: one pass over the bytes that tells where a detector must be asked, and nothing else.
//!
//! Tables of 32 flags are looked up for four bytes in a row; a flag that stays set in all of them names a bucket of triggers
//! that may begin there. Two neighbouring places are looked up together: five loads and four ands for two bytes, however many
//! triggers there are, with nothing for one byte to wait for from the last (an automaton waits at every byte). Triggers that
//! begin alike share a bucket, and rare beginnings are grouped so that common words seldom open one.
//!
//! Invariant: each trigger is reported once, in the first pass that sees all of its bytes, whichever way the text was cut.
//!
//! Not here: what stands at the place (`detectors`), and from where on text is held back for words (`lead`).

mod literal;
mod sets;

use self::literal::{Grams, Head, Quad};
use self::sets::{Sets, bucket};
use crate::governance::guard::probe::{Class, Trigger};

/// Bytes looked at together.
pub(in crate::governance::guard) const DEPTH: usize = 4;
/// Flags for one place; the first is for digits.
const BUCKETS: usize = 32;
/// The bucket of digit runs.
const DIGITS: usize = 0;
/// Buckets for triggers that are no literals, or short ones.
const BROAD: usize = 15;
/// Places looked at before the flags are.
const STEP: usize = 8;

/// A set of bytes, one flag each.
pub(in crate::governance::guard) type Bytes = [bool; 256];

/// Which probe to ask: its place among the catalogue's.
pub(in crate::governance::guard) type Asked = u16;

/// What must stand at a place for a trigger to be met.
#[derive(Debug, Clone)]
enum Shape {
    /// These bytes.
    Exact(&'static [u8]),
    /// These bytes in either case.
    AnyCase(&'static [u8]),
    /// Bytes of these classes.
    Classes(&'static [Class]),
    /// Bytes of these classes behind a byte that is no letter or digit: the place is one further.
    Word(&'static [Class]),
    /// Whatever the tables let through.
    Anything,
}

/// A trigger in its bucket.
#[derive(Debug, Clone)]
struct Entry {
    head: Head,
    shape: Shape,
    asked: Asked,
}

/// What a place turned out to be.
enum Met {
    No,
    /// The text ends before it is told.
    Perhaps,
    /// Its last byte stands before this offset.
    Yes(usize),
}

/// Where the pass came to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passed {
    /// Where the next pass must begin.
    pub(super) resume: usize,
    /// The first place at which a trigger may still be met.
    pub(super) open: usize,
}

/// The tables, and the triggers behind them.
#[derive(Debug)]
pub(in crate::governance::guard) struct Gate {
    /// For each depth and byte: the buckets of the place so far before it in the low half, those of the next place in the
    /// high half.
    tables: Box<[[u64; 256]; DEPTH + 1]>,
    buckets: Vec<Vec<Entry>>,
    /// The flags of buckets that hold more than literals of three bytes and longer.
    broad: u32,
    grams: Grams,
    /// Lengths of digit runs and whom to ask, the shortest first.
    digits: Vec<(u8, Asked)>,
}

impl Gate {
    /// Sorts triggers into buckets.
    pub(in crate::governance::guard) fn build(
        triggers: &[(Trigger, Asked)],
        openings: &[([Bytes; DEPTH], Asked)],
    ) -> Self {
        let mut digits = Vec::new();
        let mut groups: Vec<(Sets, Vec<Entry>)> = Vec::new();
        for (trigger, asked) in triggers {
            let (shape, sets) = match *trigger {
                Trigger::Digits(least) => {
                    digits.push((least.max(1), *asked));
                    continue;
                }
                Trigger::Exact(text) => (
                    Shape::Exact(text.as_bytes()),
                    Sets::literal(text.as_bytes(), false),
                ),
                Trigger::AnyCase(text) => (
                    Shape::AnyCase(text.as_bytes()),
                    Sets::literal(text.as_bytes(), true),
                ),
                Trigger::Shape(classes) => (Shape::Classes(classes), Sets::classes(classes, false)),
                Trigger::Word(classes) => (Shape::Word(classes), Sets::classes(classes, true)),
            };
            let head = match &shape {
                Shape::Exact(literal) => Head::of(literal, false),
                Shape::AnyCase(literal) => Head::of(literal, true),
                _ => Head::default(),
            };
            let entry = Entry {
                head,
                shape,
                asked: *asked,
            };
            match groups.iter_mut().find(|(known, _)| *known == sets) {
                Some((_, entries)) => entries.push(entry),
                None => groups.push((sets, vec![entry])),
            }
        }
        for (sets, asked) in openings {
            let (head, shape) = (Head::default(), Shape::Anything);
            groups.push((
                Sets::from(sets),
                vec![Entry {
                    head,
                    shape,
                    asked: *asked,
                }],
            ));
        }
        digits.sort_unstable();
        let (narrow, broad): (Vec<_>, Vec<_>) = groups
            .into_iter()
            .partition(|(_, entries)| entries.iter().all(|entry| entry.head.is_narrow()));
        let mut grams = Grams::default();
        for entry in narrow.iter().flat_map(|(_, entries)| entries) {
            grams.add(entry.head);
        }
        let mut buckets = bucket(broad, BROAD);
        let broad = (1 << (buckets.len() + 1)) - 1;
        buckets.extend(bucket(narrow, BUCKETS - 1 - buckets.len()));
        let mut tables = Box::new([[0; 256]; DEPTH + 1]);
        for (flag, (sets, _)) in buckets.iter().enumerate() {
            sets.mark(&mut tables, 1 << (flag + 1));
        }
        if let Some((least, _)) = digits.first() {
            let mut sets = Sets::default();
            sets.restrict(0, |byte| !byte.is_ascii_digit());
            for depth in 1..=usize::from(*least).min(DEPTH - 1) {
                sets.restrict(depth, |byte| byte.is_ascii_digit());
            }
            sets.mark(&mut tables, 1 << DIGITS);
        }
        pair(&mut tables);
        let mut all = vec![Vec::new()];
        all.extend(buckets.into_iter().map(|(_, entries)| entries));
        Self {
            tables,
            buckets: all,
            broad,
            grams,
            digits,
        }
    }

    /// Reports every trigger met at a place in `from..to` whose last byte stands behind `seen`: whom to ask, where it begins,
    /// and the first byte behind it.
    ///
    /// `to` is the end of the text as far as it is known, or before it. `first` says that the text begins here.
    pub(super) fn pass(
        &self,
        text: Known<'_>,
        from: usize,
        to: usize,
        seen: usize,
        met: &mut impl FnMut(Asked, usize, usize),
    ) -> Passed {
        let mut passed = Passed {
            resume: to,
            open: to,
        };
        if from == 0 && text.first {
            let virtual_row = self.mask_before(text.bytes);
            self.open(text, None, virtual_row, seen, &mut passed, met);
        }
        let mut place = from;
        let stop = to.min(text.bytes.len().saturating_sub(STEP + DEPTH - 1));
        let mut rest = text.bytes.get(from..).unwrap_or_default();
        while place < stop
            && let Some(window) = rest.first_chunk()
        {
            let masks = self.masks(window);
            let [a, b, c, d] = masks;
            if a | b | c | d != 0 {
                for (pair, mask) in masks.into_iter().enumerate() {
                    let [even, odd] = halves(mask);
                    for (at, mask) in [(place + 2 * pair, even), (place + 2 * pair + 1, odd)] {
                        if mask != 0 && at < to && self.may_open(text.bytes, at, mask) {
                            self.open(text, Some(at), mask, seen, &mut passed, met);
                        }
                    }
                }
            }
            place += STEP;
            rest = rest.get(STEP..).unwrap_or_default();
        }
        for place in place..to {
            let mask = self.mask_at(text.bytes, place);
            if mask == 0 {
                continue;
            }
            if text.complete || Quad::at(text.bytes, place).is_whole() {
                if self.may_open(text.bytes, place, mask) {
                    self.open(text, Some(place), mask, seen, &mut passed, met);
                }
                continue;
            }
            // A literal of which so little is known is looked up when more has come; only its place is kept.
            if mask & !self.broad != 0 && self.grams.may_hold(Quad::at(text.bytes, place)) {
                passed.wait(Some(place), place);
            }
            if mask & self.broad != 0 {
                self.open(text, Some(place), mask & self.broad, seen, &mut passed, met);
            }
        }
        if to == text.bytes.len() {
            // The last byte is looked at again: what follows it may begin a word or a run of digits.
            passed.resume = passed.resume.min(to.saturating_sub(1).max(from));
        }
        passed
    }

    /// The flags of eight places, two by two.
    #[expect(clippy::indexing_slicing, reason = "a byte indexes a table of 256")]
    #[expect(
        clippy::many_single_char_names,
        reason = "eleven bytes in a row have no better names"
    )]
    #[inline]
    fn masks(&self, window: &[u8; STEP + DEPTH - 1]) -> [u64; STEP / 2] {
        let [a, b, c, d, e, f, g, h, i, j, k] = window.map(usize::from);
        let [t0, t1, t2, t3, t4] = &*self.tables;
        [
            t0[a] & t1[b] & t2[c] & t3[d] & t4[e],
            t0[c] & t1[d] & t2[e] & t3[f] & t4[g],
            t0[e] & t1[f] & t2[g] & t3[h] & t4[i],
            t0[g] & t1[h] & t2[i] & t3[j] & t4[k],
        ]
    }

    /// Whether anything may stand behind these flags: no literal begins with most of what the tables let through.
    #[inline]
    fn may_open(&self, bytes: &[u8], at: usize, mask: u32) -> bool {
        mask & self.broad != 0 || self.grams.may_hold(Quad::at(bytes, at))
    }

    /// The same near the end of what is known: bytes to come may be any.
    fn mask_at(&self, bytes: &[u8], place: usize) -> u32 {
        let mut mask = u64::MAX;
        for (depth, table) in self.tables.iter().take(DEPTH).enumerate() {
            if let Some(flags) = bytes
                .get(place + depth)
                .and_then(|b| table.get(usize::from(*b)))
            {
                mask &= flags;
            }
        }
        let [mask, _] = halves(mask);
        mask
    }

    /// The same where the text begins: as if a blank stood before it.
    fn mask_before(&self, bytes: &[u8]) -> u32 {
        let mut mask = u64::MAX;
        for (depth, table) in self.tables.iter().take(DEPTH).enumerate() {
            let byte = match depth.checked_sub(1) {
                None => Some(b' '),
                Some(place) => bytes.get(place).copied(),
            };
            if let Some(flags) = byte.and_then(|b| table.get(usize::from(b))) {
                mask &= flags;
            }
        }
        let [mask, _] = halves(mask);
        mask
    }

    /// Looks into the buckets of a mask. No place means the one before the text.
    #[inline(never)]
    fn open(
        &self,
        text: Known<'_>,
        place: Option<usize>,
        mask: u32,
        seen: usize,
        passed: &mut Passed,
        met: &mut impl FnMut(Asked, usize, usize),
    ) {
        let next = place.map_or(0, |place| place + 1);
        if mask & (1 << DIGITS) != 0 {
            self.digits(text, next, seen, passed, met);
        }
        let mut rest = mask & !(1 << DIGITS);
        let quad = place.map(|place| Quad::at(text.bytes, place));
        while rest != 0 {
            let flag = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            for entry in self.buckets.get(flag).into_iter().flatten() {
                if quad.is_some_and(|quad| !entry.head.fits(quad)) {
                    continue;
                }
                let (at, answer) = match (&entry.shape, place) {
                    (Shape::Word(classes), _) => (next, classed(text, next, classes)),
                    (_, None) => continue,
                    (Shape::Exact(literal), Some(at)) => (at, same(text, at, literal)),
                    (Shape::AnyCase(literal), Some(at)) => (at, same_any_case(text, at, literal)),
                    (Shape::Classes(classes), Some(at)) => (at, classed(text, at, classes)),
                    (Shape::Anything, Some(at)) => (at, Met::Yes(at + 1)),
                };
                match answer {
                    Met::No => {}
                    Met::Perhaps => passed.wait(place, at),
                    // A literal counts as seen once a whole quad of it was, which is when it is looked up.
                    Met::Yes(end) if end <= seen && !entry.head.is_narrow() => {}
                    Met::Yes(end) if end.max(at + DEPTH) <= seen => {}
                    Met::Yes(end) => met(entry.asked, at, end),
                }
            }
        }
    }

    /// Reports a run of digits that begins here to all for whom it is long enough.
    fn digits(
        &self,
        text: Known<'_>,
        at: usize,
        seen: usize,
        passed: &mut Passed,
        met: &mut impl FnMut(Asked, usize, usize),
    ) {
        let Some(rest) = text.bytes.get(at..) else {
            return;
        };
        let most = self
            .digits
            .last()
            .map_or(0, |(least, _)| usize::from(*least));
        let run = rest
            .iter()
            .take(most)
            .take_while(|b| b.is_ascii_digit())
            .count();
        for (least, asked) in &self.digits {
            let least = usize::from(*least);
            if least > run {
                if run == rest.len() && run > 0 && !text.complete {
                    passed.wait(at.checked_sub(1), at);
                }
                break;
            }
            if at + least > seen {
                met(*asked, at, at + least);
            }
        }
    }
}

impl Passed {
    /// The trigger whose first byte is at `at` cannot be told yet; its flags were met at `place`.
    fn wait(&mut self, place: Option<usize>, at: usize) {
        self.resume = self.resume.min(place.unwrap_or(0));
        self.open = self.open.min(at);
    }
}

/// The text a pass looks at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    /// Its bytes as far as they are kept and known.
    pub(super) bytes: &'a [u8],
    /// Whether the first of them begins the text.
    pub(super) first: bool,
    /// Whether the last of them ends it.
    pub(super) complete: bool,
}

fn same(text: Known<'_>, at: usize, literal: &[u8]) -> Met {
    compare(text, at, literal.len(), |place, byte| {
        literal.get(place) == Some(&byte)
    })
}

fn same_any_case(text: Known<'_>, at: usize, literal: &[u8]) -> Met {
    compare(text, at, literal.len(), |place, byte| {
        literal.get(place) == Some(&byte.to_ascii_lowercase())
    })
}

fn classed(text: Known<'_>, at: usize, classes: &[Class]) -> Met {
    compare(text, at, classes.len(), |place, byte| {
        classes.get(place).is_some_and(|class| class.has(byte))
    })
}

fn compare(text: Known<'_>, at: usize, length: usize, fits: impl Fn(usize, u8) -> bool) -> Met {
    let known = text.bytes.get(at..).unwrap_or_default();
    if !known
        .iter()
        .take(length)
        .enumerate()
        .all(|(place, byte)| fits(place, *byte))
    {
        Met::No
    } else if known.len() >= length {
        Met::Yes(at + length)
    } else if text.complete {
        Met::No
    } else {
        Met::Perhaps
    }
}

/// Fills in the high halves: what a byte says of the place one further is what the table before says of it.
fn pair(tables: &mut [[u64; 256]; DEPTH + 1]) {
    let single = *tables;
    for (depth, table) in tables.iter_mut().enumerate() {
        let before = depth.checked_sub(1).and_then(|depth| single.get(depth));
        for (byte, flags) in table.iter_mut().enumerate() {
            let here = if depth == DEPTH {
                u64::from(u32::MAX)
            } else {
                *flags
            };
            let next = before.map_or(u64::from(u32::MAX), |table| {
                table.get(byte).copied().unwrap_or(0)
            });
            *flags = here | next << BUCKETS;
        }
    }
}

/// The flags of a place and of the next.
fn halves(mask: u64) -> [u32; 2] {
    let half = |mask: u64| u32::try_from(mask & u64::from(u32::MAX)).unwrap_or(0);
    [half(mask), half(mask >> BUCKETS)]
}
