//! One look at a text, and the next look at what it leaves of it.
//!
//! What redaction makes of a text is looked at again: it comes back in the history of a conversation, and passes through
//! other gateways. There a number is free that was glued to a key, and a password's word no longer runs into a call. So
//! behind the first look stands another. It sees one sign in the place of each value found, as the first look sees one in the
//! place of each mark redaction left (`redact::marks`), and so on, [`LOOKS`] times. What none of them finds, none finds in
//! what redaction makes of the text.
//!
//! The next look is only awake near values: a probe looks [`BEFORE`] ahead to one and [`LOOK_BEHIND`] back to it. While it
//! sleeps, nothing may leave that it would hold; `State::settle` says what that is.
//!
//! Invariant: a look is a function of the text it is shown, which is a function of the text alone. So what is found does not
//! depend on where the text was cut.
//!
//! Not here: what a look finds (`state`), which marks there are (`redact::marks`).

use super::lead;
use super::state::{Decided, Known, State};
use super::{Piece, Wall};
use crate::governance::guard::catalogue::Catalogue;
use crate::governance::guard::finding::Finding;
use crate::governance::guard::probe::LOOK_BEHIND;
use crate::governance::guard::redact::{may_show_end, says_something, stands_alone};
use std::collections::VecDeque;

/// What stands in the place of a value or a mark: no letter, no digit, nothing a number or an address goes on with, but a
/// password does.
pub(super) const SIGN: &str = "*";
/// How many looks there are besides the first.
pub(super) const LOOKS: u8 = 2;
/// How far before a value what may depend on it is looked at again, in bytes.
const BEFORE: usize = 128;
/// How far before it what is no secret may begin: so much more is held of numbers in a stream for the next looks. A longer one
/// that only shows beside a mark is found when the text comes again.
pub(super) const REACH: usize = 20;
/// A character may begin this many bytes before any of its bytes.
const CHARACTER: usize = 3;
/// What a probe at the first place looked at again may look back at.
const BACK: usize = LOOK_BEHIND + CHARACTER;
/// So far behind the last value the next look may sleep: a later one wakes it to a text that shows no value.
const QUIET: usize = BEFORE + BACK;
/// How much more it is shown at most if it cannot yet.
const MORE: usize = 64;
/// The past is forgotten in steps of at least this many bytes.
const FORGET: usize = 64;
/// The room a window keeps.
const ROOM: usize = 2 * (LOOK_BEHIND + super::PART);

/// Whatever takes the pieces.
pub(super) type Out<'o> = dyn FnMut(Piece<'_>) + 'o;

/// A look, and what stands behind it.
#[derive(Debug, Default)]
pub(super) struct Layer {
    /// What is kept of its text: what was looked at but may be needed, and what is held back.
    window: String,
    /// The offset of the window's first byte.
    base: usize,
    /// What stands before this offset has left.
    released: usize,
    state: State,
    behind: Behind,
}

/// What stands behind a look.
#[derive(Debug, Default)]
struct Behind {
    /// What signs stand for that have not left, by their offsets.
    walls: VecDeque<(usize, Wall)>,
    /// How much shorter the text is than what it stands for, up to `at`.
    shift: usize,
    /// What stands before this offset was passed on.
    at: usize,
    /// Where a value began that is being swallowed.
    opened: usize,
    next: Option<Box<Layer>>,
    /// The end of the last value that was found.
    last: usize,
    /// How many looks came before.
    depth: u8,
    /// Nothing but secrets is found that begins before this offset.
    reach: usize,
    /// How often looks asked that sleep again.
    #[cfg(test)]
    asked: usize,
}

/// A part of the text a look was shown, and where it stands in it.
#[derive(Clone, Copy)]
struct Window<'a> {
    text: &'a str,
    base: usize,
}

impl<'a> Window<'a> {
    fn between(self, from: usize, to: usize) -> &'a str {
        let from = from.saturating_sub(self.base);
        let to = to.saturating_sub(self.base);
        self.text.get(from..to).unwrap_or_default()
    }

    fn after(self, from: usize) -> &'a str {
        let from = from.saturating_sub(self.base);
        self.text.get(from..).unwrap_or_default()
    }

    /// The offset at or before this one at which a character begins.
    fn floor(self, offset: usize) -> usize {
        self.base
            + self
                .text
                .floor_char_boundary(offset.saturating_sub(self.base))
    }
}

impl Layer {
    /// The first look at a text of which a part may leave before the rest has come.
    pub(super) fn streaming() -> Self {
        Self {
            state: State::streaming(),
            ..Self::default()
        }
    }

    /// Shows it more text, in which nothing is a mark.
    pub(super) fn text(&mut self, catalogue: &Catalogue, text: &str, out: &mut Out<'_>) {
        self.window.push_str(text);
        self.step(catalogue, false, out);
    }

    /// Shows it a sign.
    pub(super) fn wall(&mut self, wall: Wall) {
        let at = self.base + self.window.len();
        self.behind.walls.push_back((at, wall));
        self.window.push_str(SIGN);
    }

    /// The text ends.
    pub(super) fn finish(&mut self, catalogue: &Catalogue, out: &mut Out<'_>) {
        self.step(catalogue, true, out);
        self.finish_behind(catalogue, out);
    }

    /// The same behind a look that has seen the end.
    pub(super) fn finish_behind(&mut self, catalogue: &Catalogue, out: &mut Out<'_>) {
        self.behind.finish(catalogue, out);
    }

    /// How many characters are held back.
    pub(super) fn held_chars(&self) -> usize {
        let held = self
            .window
            .get(self.released - self.base..)
            .map_or(0, |held| held.chars().count());
        let walls: usize = self
            .behind
            .walls
            .iter()
            .map(|(_, wall)| wall.len() - 1)
            .sum();
        held + walls
            + self
                .behind
                .next
                .as_ref()
                .map_or(0, |next| next.held_chars())
    }

    /// The memory it takes, in bytes.
    pub(super) fn footprint(&self) -> usize {
        let walls = self.behind.walls.capacity() * size_of::<(usize, Wall)>();
        let next = self.behind.next.as_ref().map_or(0, |next| next.footprint());
        size_of::<Self>() + self.window.capacity() + self.state.footprint() + walls + next
    }

    /// How often probes were asked so far to find values, and how often besides.
    #[cfg(test)]
    pub(super) fn asked(&self) -> (usize, usize) {
        let next = self.behind.next.as_ref().map_or(0, |next| {
            let (first, more) = next.asked();
            first + more
        });
        let more = self.state.settling + self.behind.asked + next;
        (self.state.asked, more)
    }

    fn step(&mut self, catalogue: &Catalogue, complete: bool, out: &mut Out<'_>) {
        let text = std::mem::take(&mut self.window);
        self.look(catalogue, &text, self.base, complete, out);
        self.window = text;
        self.forget();
    }

    /// Looks at a text as far as it is known, and passes on what is decided.
    pub(super) fn look(
        &mut self,
        catalogue: &Catalogue,
        text: &str,
        base: usize,
        complete: bool,
        out: &mut Out<'_>,
    ) {
        let window = Window { text, base };
        let known = Known {
            bytes: text.as_bytes(),
            base,
            complete,
        };
        self.state.is_seen = self.behind.next.is_some();
        let (behind, released) = (&mut self.behind, &mut self.released);
        let held = self
            .state
            .advance(catalogue, &known, &mut |decided| match decided {
                Decided::Found(finding) => {
                    behind.found(catalogue, finding, window, out);
                    *released = finding.end;
                }
                Decided::Opened { start, shown, what } => {
                    behind.pass(catalogue, window, start, out);
                    if let Some(mut next) = behind.next.take() {
                        next.finish(catalogue, out);
                    }
                    behind.opened = start + behind.shift;
                    *released = start;
                    out(Piece::Opened {
                        start: behind.opened,
                        what,
                        beginning: window.between(start, shown),
                    });
                }
                Decided::Overran => out(Piece::Overran),
                Decided::Closed(finding) => {
                    behind.skip(finding.end);
                    *released = finding.end;
                    out(Piece::Closed(Finding {
                        start: behind.opened,
                        end: finding.end + behind.shift,
                        ..finding
                    }));
                }
            });
        if self.released < held {
            if !self.state.is_swallowing() {
                self.behind.pass(catalogue, window, held, out);
            }
            self.released = held;
        }
        self.behind.show(catalogue, out);
    }

    /// Lets go of the past that no probe can look at any more.
    fn forget(&mut self) {
        let needed = self.released.min(self.state.needs());
        let excess = needed.saturating_sub(BACK).saturating_sub(self.base);
        if excess >= FORGET {
            let cut = self.window.floor_char_boundary(excess);
            self.window.drain(..cut);
            self.base += cut;
            if self.window.capacity() > 2 * ROOM && self.window.len() < ROOM / 2 {
                self.window.shrink_to(ROOM);
            }
        }
    }

    /// Whether nothing that was found before it could become part of a value, here and behind, even if one came next. What
    /// is held is then only the last word, as the gate cannot tell yet which triggers begin in it; the look before could.
    fn is_idle(&self) -> bool {
        let bytes = self.window.as_bytes();
        self.behind.next.is_none()
            && self.state.is_idle()
            && lead::start(bytes, bytes.len()) == bytes.len()
    }

    /// Lets go of what is held.
    fn let_go(&mut self, catalogue: &Catalogue, out: &mut Out<'_>) {
        let text = std::mem::take(&mut self.window);
        let window = Window {
            text: &text,
            base: self.base,
        };
        let end = self.base + text.len();
        self.behind.pass(catalogue, window, end, out);
    }
}

impl Behind {
    /// Passes on the text up to an offset, and what its signs stand for.
    fn pass(&mut self, catalogue: &Catalogue, window: Window<'_>, to: usize, out: &mut Out<'_>) {
        while let Some((at, wall)) = self.wall_before(to) {
            self.tell(catalogue, window.between(self.at, at), out);
            self.hand_on(wall, out);
        }
        self.tell(catalogue, window.between(self.at, to), out);
    }

    /// Passes on a value. Where signs stand in it, what stands beside them, if that says anything, is a value each.
    fn found(
        &mut self,
        catalogue: &Catalogue,
        finding: Finding,
        window: Window<'_>,
        out: &mut Out<'_>,
    ) {
        if self.next.is_none() && self.depth < LOOKS {
            self.wake(catalogue, finding.start, window, out);
        }
        self.pass(catalogue, window, finding.start, out);
        let mut is_whole = true;
        while let Some((at, wall)) = self.wall_before(finding.end) {
            is_whole = false;
            self.rest(catalogue, finding, window, at, is_whole, out);
            self.hand_on(wall, out);
        }
        self.rest(catalogue, finding, window, finding.end, is_whole, out);
    }

    /// Passes on what there is of a value before an offset.
    fn rest(
        &mut self,
        catalogue: &Catalogue,
        finding: Finding,
        window: Window<'_>,
        end: usize,
        is_whole: bool,
        out: &mut Out<'_>,
    ) {
        let value = window.between(self.at, end);
        if !is_whole && !says_something(Some(value)) {
            self.tell(catalogue, value, out);
            return;
        }
        let finding = Finding {
            start: self.at + self.shift,
            end: end + self.shift,
            ..finding
        };
        let apart = may_show_end(finding.kind) && self.is_apart(window, end);
        self.at = end;
        self.last = end;
        match &mut self.next {
            Some(next) => next.wall(Wall::Value {
                finding,
                value: value.to_owned(),
                apart,
            }),
            None => out(Piece::Found {
                finding,
                value,
                apart,
            }),
        }
    }

    /// Passes on text in which there is no sign.
    fn tell(&mut self, catalogue: &Catalogue, mut text: &str, out: &mut Out<'_>) {
        while let Some(next) = &mut self.next {
            if text.is_empty() {
                return;
            }
            let quiet = self.last + QUIET;
            // At the end of a word hardly anything is held.
            let room = quiet.saturating_sub(self.at);
            let room = text.ceil_char_boundary(room.min(text.len()));
            let (_, rest) = text.split_at(room);
            let word = rest.bytes().take(MORE).position(|byte| byte == b' ');
            let word = word.map_or(MORE, |blank| blank + 1);
            let (part, more) = text.split_at(text.ceil_char_boundary(room + word));
            next.window.push_str(part);
            self.at += part.len();
            text = more;
            if self.at >= quiet {
                self.show(catalogue, out);
            }
        }
        if !text.is_empty() {
            self.at += text.len();
            out(Piece::Text(text));
        }
    }

    /// Has the next look see what it was given, and sleep if it may.
    fn show(&mut self, catalogue: &Catalogue, out: &mut Out<'_>) {
        if let Some(next) = &mut self.next {
            next.step(catalogue, false, out);
            if self.at >= self.last + QUIET && next.is_idle() {
                next.let_go(catalogue, out);
                self.sleep();
            }
        }
    }

    /// Has the next look end where the text does, or where a value begins that nothing is seen of.
    fn finish(&mut self, catalogue: &Catalogue, out: &mut Out<'_>) {
        if let Some(next) = &mut self.next {
            next.finish(catalogue, out);
            self.sleep();
        }
    }

    fn sleep(&mut self) {
        #[cfg(test)]
        {
            let asked = self.next.as_ref().map(|next| next.asked());
            self.asked += asked.map_or(0, |(first, more)| first + more);
        }
        self.next = None;
    }

    /// Passes on what a sign stands for.
    fn hand_on(&mut self, wall: Wall, out: &mut Out<'_>) {
        self.at += SIGN.len();
        self.shift += wall.len() - SIGN.len();
        match &mut self.next {
            Some(next) => next.wall(wall),
            None => wall.tell(out),
        }
    }

    /// Forgets what stands before an offset: it is part of a value.
    fn skip(&mut self, to: usize) {
        while let Some((_, wall)) = self.wall_before(to) {
            self.shift += wall.len() - SIGN.len();
        }
        self.at = to;
    }

    fn wall_before(&mut self, to: usize) -> Option<(usize, Wall)> {
        let (at, _) = self.walls.front()?;
        if *at < to {
            self.walls.pop_front()
        } else {
            None
        }
    }

    /// Whether nothing behind this offset could be read together with what stands before it.
    fn is_apart(&self, window: Window<'_>, end: usize) -> bool {
        let behind = window.after(end);
        if self.walls.is_empty() {
            return stands_alone(behind);
        }
        // A sign counts as what it stands for begins.
        let mut two = String::new();
        for (place, letter) in behind.char_indices().take(2) {
            let wall = self.walls.iter().find(|(at, _)| *at == end + place);
            two.push(wall.map_or(letter, |(_, wall)| wall.first()));
        }
        stands_alone(&two)
    }

    /// Has the next look begin where it may depend on a value that begins at `start`.
    fn wake(&mut self, catalogue: &Catalogue, start: usize, window: Window<'_>, out: &mut Out<'_>) {
        let least = if window.base == 0 {
            0
        } else {
            window.base + BACK
        };
        let from = window
            .floor(start.saturating_sub(BEFORE))
            .max(least)
            .min(start);
        // What has left cannot be held again, but tells what the rest is.
        let begin = self.at.max(from);
        let from = from.min(begin);
        let reach = window.floor(start.saturating_sub(REACH)).max(self.reach);
        self.pass(catalogue, window, begin, out);
        let base = match from.checked_sub(BACK) {
            Some(back) if back > window.base => window.floor(back),
            _ => window.base,
        };
        self.next = Some(Box::new(Layer {
            window: window.between(base, begin).to_owned(),
            base,
            released: begin,
            state: State::woken(from, begin, reach, LOOKS - self.depth - 1),
            behind: Self {
                shift: self.shift,
                at: begin,
                depth: self.depth + 1,
                reach,
                ..Self::default()
            },
        }));
    }
}
