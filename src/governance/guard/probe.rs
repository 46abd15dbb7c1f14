//! How the scanner and its detectors talk: a trigger is met, a probe looks around it and says what stands there.
//!
//! One core serves whole texts and streams, so a probe may be asked before the text is complete. Then it must not guess:
//! what the text to come could still change is answered by [`Probe::More`].
//!
//! Invariant every probe keeps, and a property test holds it to: an answer other than `More` on an incomplete view is the
//! answer on every continuation of that view; on a complete view no probe answers `More`. A probe looks at most
//! [`LOOK_BEHIND`] bytes before its trigger, in bounded time.

use super::finding::{Kind, Level};

/// How far before its trigger a probe may look, in bytes. The scanner keeps at least that much, or all from the beginning.
pub const LOOK_BEHIND: usize = 192;

/// How far behind its trigger a probe can see, in bytes. There the view ends as if the text did (`complete` is set), so that
/// a value without end is decided at a fixed distance and never where a chunk happens to end.
pub const LOOK_AHEAD: usize = 1_024;

/// A text as far as it is known. Always begins and ends between characters.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The bytes: what the scanner kept of the past, and all that came since. Valid UTF-8.
    pub bytes: &'a [u8],
    /// Whether the first of them begins the text. Otherwise something stood before it.
    pub from_start: bool,
    /// Whether the last of them ends the text. Otherwise more may come.
    pub complete: bool,
}

impl View<'_> {
    /// The byte at an offset.
    #[must_use]
    pub fn at(&self, offset: usize) -> Option<u8> {
        self.bytes.get(offset).copied()
    }

    /// The byte before an offset.
    #[must_use]
    pub fn before(&self, offset: usize) -> Option<u8> {
        self.bytes.get(offset.checked_sub(1)?).copied()
    }
}

/// What a probe says of the place it was asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// Nothing, whatever comes.
    No,
    /// A value; its offsets are those of the view.
    Found(Match),
    /// Undecided: nothing from this offset of the view on may leave before more is known. `from` may lie at the end of the
    /// view (a keyword whose value has not begun).
    More {
        /// The first byte that may be part of a value.
        from: usize,
    },
    /// Certainly a value, whose end is not in sight (a key block, a token of absurd length): it is replaced at once and
    /// swallowed up to its end. Only asked for values longer than [`LONGEST_HELD`].
    Swallow {
        /// Where it begins.
        start: usize,
        /// What it is.
        what: What,
        /// How its end is told.
        until: Until,
    },
}

/// A value longer than this is not held back until its end but swallowed, in bytes.
pub const LONGEST_HELD: usize = 512;

/// Where a swallowed value ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Before the first byte that is none of these (a table of 256 flags).
    Not(&'static [bool; 256]),
    /// Behind the line that ends a PEM block, or where the bound is reached: then the stream must stop.
    PemEnd,
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct What {
    /// Its kind.
    pub kind: Kind,
    /// The finer name.
    pub detector: &'static str,
    /// How sure that is.
    pub level: Level,
}

/// A value in a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match {
    /// Where it begins.
    pub start: usize,
    /// The first byte behind it.
    pub end: usize,
    /// What it is.
    pub what: What,
}

/// What makes the scanner ask a detector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// These bytes, exactly. The probe is asked at their first byte.
    Exact(&'static str),
    /// These ASCII letters in either case (written in lower case here). The probe is asked at their first byte.
    AnyCase(&'static str),
    /// The first digit of a run of ASCII digits (the byte before it is no digit) at least this long; the probe is asked at it.
    Digits(u8),
    /// One to four bytes of these classes in a row. The probe is asked at the first.
    Shape(&'static [Class]),
    /// One to three bytes of these classes in a row, the first of which begins a word (the byte before it is no ASCII letter or
    /// digit). The probe is asked at it.
    Word(&'static [Class]),
}

/// A class of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// This one.
    Byte(u8),
    /// Any of these.
    AnyOf(&'static str),
    /// ASCII digits.
    Digit,
    /// ASCII letters.
    Letter,
    /// ASCII letters and digits.
    Alnum,
    /// Hexadecimal digits in either case.
    Hex,
}

impl Class {
    /// Whether a byte is of this class.
    #[must_use]
    pub fn has(self, byte: u8) -> bool {
        match self {
            Self::Byte(only) => byte == only,
            Self::AnyOf(these) => these.as_bytes().contains(&byte),
            Self::Digit => byte.is_ascii_digit(),
            Self::Letter => byte.is_ascii_alphabetic(),
            Self::Alnum => byte.is_ascii_alphanumeric(),
            Self::Hex => byte.is_ascii_hexdigit(),
        }
    }
}

/// One detector: what wakes it, and what it then says.
#[derive(Debug, Clone, Copy)]
pub struct Detector {
    /// Its name, for explanations; what it finds may be named more finely.
    pub name: &'static str,
    /// The kind of what it finds.
    pub kind: Kind,
    /// What makes the scanner ask it.
    pub triggers: &'static [Trigger],
    /// Looks around the trigger at this offset of the view.
    pub probe: fn(&View<'_>, usize) -> Probe,
}
