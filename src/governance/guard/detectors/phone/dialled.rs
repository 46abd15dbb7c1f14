//! A sequence of digit groups as people write numbers to dial, with where it may be cut.
//!
//! Between groups: one space, one of `-`, `.`, `/` (also with a space on each side), and once a pair of brackets around one
//! group. What follows behind a space may be prose (`415-555-2671 2 times`), so every beginning that ends before a
//! space is a candidate.
//!
//! Invariant: reading is over after [`MOST_GROUPS`] groups or [`MOST_DIGITS`] digits; longer sequences are nothing to dial.

use crate::governance::guard::detectors::national::number::{
    Known, begins, ends, separator, wordy,
};
use crate::governance::guard::probe::View;

const MOST_GROUPS: usize = 9;
const MOST_DIGITS: usize = 17;

/// One group of digits.
#[derive(Debug, Clone, Copy, Default)]
struct Group {
    /// Behind its last digit, and its closing bracket.
    end: usize,
    /// How many digits the number has up to its end.
    digits: usize,
    /// How long the shape is up to its end.
    shape: usize,
    /// Whether a space follows.
    spaced: bool,
}

/// Groups of digits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dialled {
    /// Its first byte: a digit, plus or bracket.
    pub(super) start: usize,
    /// Whether it begins with a plus.
    pub(super) plus: bool,
    digits: [u8; MOST_DIGITS + 1],
    shape: [u8; 48],
    groups: [Group; MOST_GROUPS],
    count: usize,
    last_may_end: bool,
}

/// What reading gave.
#[expect(
    clippy::large_enum_variant,
    reason = "it lives on the stack for the length of one probe"
)]
pub(super) enum Reading {
    No,
    /// Undecided; the sequence begins here.
    More(usize),
    Is(Dialled),
}

impl Dialled {
    /// The numbers of groups it may be cut behind, most last.
    pub(super) fn cuts(&self) -> std::ops::RangeInclusive<usize> {
        1..=self.count
    }

    fn group(&self, groups: usize) -> Group {
        self.groups
            .get(groups.wrapping_sub(1))
            .copied()
            .unwrap_or_default()
    }

    /// Where so many groups end.
    pub(super) fn end(&self, groups: usize) -> usize {
        self.group(groups).end
    }

    /// The digits of so many groups, each as its value.
    pub(super) fn digits(&self, groups: usize) -> &[u8] {
        self.digits
            .get(..self.group(groups).digits)
            .unwrap_or_default()
    }

    /// The shape of so many groups: lengths in base 36 and what stands between them, as in `(3) 3-4`.
    pub(super) fn shape(&self, groups: usize) -> &[u8] {
        self.shape
            .get(..self.group(groups).shape)
            .unwrap_or_default()
    }

    /// The length of each of so many groups.
    pub(super) fn lengths(&self, groups: usize) -> impl Iterator<Item = usize> {
        let mut before = 0;
        self.groups.iter().take(groups).map(move |group| {
            let length = group.digits - before;
            before = group.digits;
            length
        })
    }

    /// Whether it may end behind so many groups.
    pub(super) fn may_end(&self, view: &View<'_>, groups: usize) -> bool {
        let group = self.group(groups);
        let opened = self.shape(groups).contains(&b'(');
        let closed = view
            .bytes
            .get(self.start..group.end)
            .is_some_and(|text| text.contains(&b')'));
        opened == closed
            && if groups == self.count {
                self.last_may_end
            } else {
                group.spaced
            }
    }
}

/// Reads the sequence whose first digit stands at `at`.
pub(super) fn read(view: &View<'_>, at: usize) -> Reading {
    let (start, plus, bracket) = match lead(view, at) {
        Lead::At {
            start,
            plus,
            bracket,
        } => (start, plus, bracket),
        Lead::No => return Reading::No,
        Lead::NotYet(start) => return Reading::More(start),
    };
    let mut dialled = Dialled {
        start,
        plus,
        digits: [0; MOST_DIGITS + 1],
        shape: [0; 48],
        groups: [Group::default(); MOST_GROUPS],
        count: 0,
        last_may_end: false,
    };
    let mut reader = Reader {
        view,
        at,
        length: 0,
        digits: 0,
        open: bracket,
        brackets: bracket,
    };
    if bracket {
        reader.write(&mut dialled, b'(');
    }
    match reader.groups(&mut dialled) {
        Known::Yes => Reading::Is(dialled),
        Known::No => Reading::No,
        Known::NotYet => Reading::More(start),
    }
}

/// How the value begins.
enum Lead {
    At {
        start: usize,
        plus: bool,
        bracket: bool,
    },
    /// Not here.
    No,
    /// Whether the bracket closes behind the first groups is not known yet.
    NotYet(usize),
}

fn lead(view: &View<'_>, at: usize) -> Lead {
    let plus = view.before(at) == Some(b'+');
    let mut start = if plus { at - 1 } else { at };
    let mut bracket = false;
    if view.before(start) == Some(b'(') {
        match closes(view, at) {
            Known::Yes => {
                bracket = true;
                start -= 1;
            }
            Known::No => {}
            Known::NotYet => return Lead::NotYet(start - 1),
        }
    }
    let begins = if bracket {
        opens(view, start)
    } else if plus {
        // `1+49`, `a+b`: a sum or a code; but `wa.me/+49` and `phone=+49` are not.
        view.before(start).map_or(view.from_start, |byte| {
            !wordy(byte) && !matches!(byte, b'+' | b'.' | b')')
        })
    } else {
        link_before(view, start) || {
            // The sequence before reads on over a space, unless this one is joined otherwise.
            let tight = first_joint(view, at).is_some_and(|byte| byte != b' ');
            view.before(start) != Some(b'#') && begins(view, start, false, !tight)
        }
    };
    if begins {
        Lead::At {
            start,
            plus,
            bracket,
        }
    } else {
        Lead::No
    }
}

/// Links whose path is a number to dial.
fn link_before(view: &View<'_>, start: usize) -> bool {
    let before = view.bytes.get(..start).unwrap_or_default();
    before.ends_with(b"wa.me/") || before.ends_with(b"tel://")
}

/// Whether a value may begin with the bracket here.
fn opens(view: &View<'_>, start: usize) -> bool {
    view.before(start).map_or(view.from_start, |byte| {
        !wordy(byte) && !matches!(byte, b'(' | b')' | b'-' | b'.' | b'/' | b'+' | b'\\' | b'$')
    })
}

/// Whether a bracket closes behind the digits here (`(030)`, `(06 1)`).
fn closes(view: &View<'_>, at: usize) -> Known {
    let mut end = at;
    while end - at < 7
        && view
            .at(end)
            .is_some_and(|byte| byte.is_ascii_digit() || byte == b' ')
    {
        end += 1;
    }
    match view.at(end) {
        Some(b')') => Known::Yes,
        None if !view.complete => Known::NotYet,
        _ => Known::No,
    }
}

/// What stands behind the first group.
fn first_joint(view: &View<'_>, at: usize) -> Option<u8> {
    let mut end = at;
    while view.at(end).is_some_and(|byte| byte.is_ascii_digit()) && end - at < MOST_DIGITS {
        end += 1;
    }
    match view.at(end) {
        None if !view.complete => Some(b'-'),
        _ => separator(view, end).map(|(byte, _)| byte),
    }
}

struct Reader<'a> {
    view: &'a View<'a>,
    at: usize,
    length: usize,
    digits: usize,
    open: bool,
    brackets: bool,
}

impl Reader<'_> {
    fn write(&mut self, dialled: &mut Dialled, byte: u8) {
        if let Some(place) = dialled.shape.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
    }

    /// Reads all groups.
    fn groups(&mut self, dialled: &mut Dialled) -> Known {
        loop {
            let first = self.digits;
            while let Some(byte @ b'0'..=b'9') = self.view.at(self.at) {
                if self.digits == MOST_DIGITS {
                    return Known::No;
                }
                if let Some(place) = dialled.digits.get_mut(self.digits) {
                    *place = byte - b'0';
                }
                self.digits += 1;
                self.at += 1;
            }
            let length = u32::try_from(self.digits - first).unwrap_or(0);
            let written = char::from_digit(length, 36).and_then(|letter| u8::try_from(letter).ok());
            self.write(dialled, written.unwrap_or(b'?'));
            if self.open && self.view.at(self.at) == Some(b')') {
                self.write(dialled, b')');
                self.at += 1;
                self.open = false;
            }
            let joint = self.joint();
            let Some(place) = dialled.groups.get_mut(dialled.count) else {
                return Known::No;
            };
            *place = Group {
                end: self.at,
                digits: self.digits,
                shape: self.length,
                spaced: matches!(joint, Joint::Goes { spaced: true, .. }),
            };
            dialled.count += 1;
            match joint {
                Joint::Goes { marks, behind, .. } => {
                    for byte in marks.into_iter().filter(|&byte| byte != 0) {
                        self.write(dialled, byte);
                    }
                    self.at = behind;
                }
                Joint::Unknown => return Known::NotYet,
                Joint::Ends => break,
            }
        }
        match self.end() {
            Known::NotYet => Known::NotYet,
            known => {
                dialled.last_may_end = known == Known::Yes;
                Known::Yes
            }
        }
    }

    /// Whether the last group ends the value. An extension may be joined to it.
    fn end(&self) -> Known {
        let view = self.view;
        if matches!(view.at(self.at), Some(b'x' | b'X')) {
            return match view.at(self.at + 1) {
                Some(byte) if byte.is_ascii_digit() => Known::Yes,
                None if !view.complete => Known::NotYet,
                _ => Known::No,
            };
        }
        ends(view, self.at, false)
    }

    /// What stands between this group and the next, if one follows.
    fn joint(&mut self) -> Joint {
        let mut at = self.at;
        // Nought where there is none.
        let (mut mark, mut bracket) = (0, 0);
        let mut spaced = false;
        let first = separator(self.view, at);
        if let Some((byte, length)) = first {
            at += length;
            spaced = byte == b' ';
            mark = byte;
            if spaced
                && let Some((inner @ (b'-' | b'/'), length)) = separator(self.view, at)
                && let Some((b' ', space)) = separator(self.view, at + length)
            {
                at += length + space;
                mark = inner;
            }
        }
        if mark == b'/' && !spaced && self.view.at(at) == Some(b' ') {
            at += 1;
        }
        if self.view.at(at) == Some(b'(') && !self.brackets {
            at += 1;
            bracket = b'(';
        }
        match self.view.at(at) {
            Some(byte) if byte.is_ascii_digit() => {
                let closed = self.view.before(self.at) == Some(b')');
                if at == self.at && !closed {
                    return Joint::Ends;
                }
                if bracket != 0 {
                    self.open = true;
                    self.brackets = true;
                }
                Joint::Goes {
                    marks: [mark, bracket],
                    behind: at,
                    spaced,
                }
            }
            // A separator of several parts may still be under way.
            None if !self.view.complete => Joint::Unknown,
            Some(_) if self.cut_off(at) => Joint::Unknown,
            _ => Joint::Ends,
        }
    }

    /// Whether the view ends amid ` - `, so that what looks like an end may be none.
    fn cut_off(&self, at: usize) -> bool {
        !self.view.complete
            && matches!(separator(self.view, at), Some((b'-' | b'/', length)) if at + length >= self.view.bytes.len())
    }
}

enum Joint {
    /// Another group follows at `behind`.
    Goes {
        marks: [u8; 2],
        behind: usize,
        spaced: bool,
    },
    /// Not known yet.
    Unknown,
    /// No group follows.
    Ends,
}
