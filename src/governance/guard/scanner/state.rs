//! What is decided of a text, as far as it is known: the one procedure behind whole texts and streams.
//!
//! The gate names places, probes say what stands there, and where values overlap the surest and longest wins. Nothing is
//! decided by where a chunk ends: a probe sees the same stretch around its trigger however the text came, an undecided one is
//! asked again, and rivals are judged only when none can join them any more.
//!
//! Invariant: what [`State::advance`] reports is a function of the text alone. Text before the offset it returns can no
//! longer be part of a value.
//!
//! Not here: what is kept of the text and shown to the next look (`layer`), values whose end is not in sight (`swallow`).

use super::gate::{self, Asked};
use super::layer::{LOOKS, REACH};
use super::lead;
use super::recent::{Recent, view};
use super::rivals::{Candidate, WIDEST_RIVALRY, finding, order, rivals, winners};
use super::swallow::{Swallow, Swallowed};
use crate::governance::guard::catalogue::Catalogue;
use crate::governance::guard::finding::{Finding, Kind};
use crate::governance::guard::probe::{Probe, What};
use crate::governance::guard::redact::{BESIDE, may_show_end};

/// Triggers are looked for in steps of this many bytes, so that what a value swallows is not searched in vain.
const STRIDE: usize = 4_096;
/// Up to this far behind its trigger an undecided probe is asked with every chunk, in bytes.
const SOON: usize = 128;

/// A text as far as it is kept and known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    /// Its bytes.
    pub(super) bytes: &'a [u8],
    /// The offset of the first of them.
    pub(super) base: usize,
    /// Whether the last of them ends the text.
    pub(super) complete: bool,
}

impl Known<'_> {
    /// The offset behind the last byte known.
    pub(super) fn end(&self) -> usize {
        self.base + self.bytes.len()
    }

    /// The offset at or before this one at which a character begins.
    pub(super) fn floor(&self, offset: usize) -> usize {
        let mut at = offset.min(self.end());
        while at > self.base
            && self
                .bytes
                .get(at - self.base)
                .is_some_and(|byte| byte & 0xc0 == 0x80)
        {
            at -= 1;
        }
        at
    }

    /// The offset at or behind this one at which a character begins, or the text as it is known ends.
    pub(super) fn ceil(&self, offset: usize) -> usize {
        let bytes = self.bytes.get(offset - self.base..).unwrap_or_default();
        let inside = bytes.iter().take_while(|byte| *byte & 0xc0 == 0x80);
        offset.min(self.end()) + inside.count()
    }
}

/// A probe that could not decide yet.
#[derive(Debug, Clone, Copy)]
struct Pending {
    trigger: usize,
    asked: Asked,
    from: usize,
    /// How much was known behind its trigger when it was asked last; small, because a stream keeps many of these.
    read: u32,
}

impl Pending {
    /// Whether enough has come to ask again. Far from its trigger a probe is asked ever more seldom, so that one which reads a
    /// long value from its beginning each time costs no more than the length of the value and a constant.
    fn is_due(&self, end: usize) -> bool {
        let read = self.read as usize;
        read < SOON || end - self.trigger >= read + read / 8
    }
}

/// What became certain, in the order of the text.
#[derive(Debug, Clone, Copy)]
pub(super) enum Decided {
    /// A value.
    Found(Finding),
    /// A value begins here whose end is not in sight; its first bytes, up to `shown`, are known.
    Opened {
        start: usize,
        shown: usize,
        what: What,
    },
    /// It is longer than a key block can be.
    Overran,
    /// Its end.
    Closed(Finding),
}

/// What is remembered of a text between two looks. All offsets count from its beginning.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Where the gate goes on.
    resume: usize,
    /// The first place at which a trigger may still be met.
    open: usize,
    /// The end of what the gate has seen.
    seen: usize,
    pending: Vec<Pending>,
    candidates: Vec<Candidate>,
    /// The end of the last value: none begins before it.
    floor: usize,
    swallow: Option<Swallow>,
    /// Nothing but secrets is found that begins before this offset.
    reach: usize,
    /// How many looks come behind this one, if text leaves before all has come: what they would hold is held, too.
    looks: u8,
    /// Whether the next of them sees what leaves, and holds it itself.
    pub(super) is_seen: bool,
    /// Probes that decide on what may become part of a value: to the next look, which does not see values, they have not.
    recent: Vec<Recent>,
    /// Probes asked so far to find values, for tests of what the worst texts cost.
    pub(super) asked: usize,
    /// And to tell what to hold for the next look.
    pub(super) settling: usize,
}

impl State {
    /// A look at a text of which a part may leave before the rest has come.
    pub(super) fn streaming() -> Self {
        Self {
            looks: LOOKS,
            ..Self::default()
        }
    }

    /// One that begins in the middle: triggers are looked for from `from` on, and what stands before `floor` has left.
    /// Nothing but secrets is found that begins before `reach`.
    pub(super) fn woken(from: usize, floor: usize, reach: usize, looks: u8) -> Self {
        Self {
            resume: from,
            open: from,
            seen: from,
            floor,
            reach,
            looks,
            ..Self::default()
        }
    }

    /// Decides what can be decided. Answers with the offset up to which text may leave.
    pub(super) fn advance(
        &mut self,
        catalogue: &Catalogue,
        known: &Known<'_>,
        tell: &mut impl FnMut(Decided),
    ) -> usize {
        let end = known.end();
        self.ask_again(catalogue, known);
        loop {
            if let Some(swallow) = &mut self.swallow {
                match swallow.look(known, tell) {
                    Swallowed::Waiting { from } => return from,
                    Swallowed::Ended(at) => self.rise(at),
                }
            }
            let to = end.min(self.resume.saturating_add(STRIDE)).max(self.resume);
            self.pass(catalogue, known, to);
            let hold = self.hold(known, to);
            let waits = self.judge(catalogue, known, hold, tell);
            if self.swallow.is_none() && to == end {
                let hold = self.settle(catalogue, known, waits.min(hold));
                return known.floor(hold).max(self.floor.min(end));
            }
        }
    }

    /// The first offset that must be kept for what is still to be decided, look-behind apart.
    pub(super) fn needs(&self) -> usize {
        let pending = self.pending.iter().map(|pending| pending.trigger);
        let swallow = self.swallow.as_ref().map(Swallow::needs);
        let recent = self.recent.iter().map(|recent| recent.trigger);
        pending
            .chain(recent)
            .chain(swallow)
            .fold(self.resume, usize::min)
    }

    /// The bytes this state takes besides itself.
    pub(super) fn footprint(&self) -> usize {
        self.pending.capacity() * size_of::<Pending>()
            + self.recent.capacity() * size_of::<Recent>()
            + self.candidates.capacity() * size_of::<Candidate>()
    }

    /// Whether what comes is part of a value already handed out as opened.
    pub(super) fn is_swallowing(&self) -> bool {
        self.swallow.as_ref().is_some_and(Swallow::is_open)
    }

    /// Whether nothing waits.
    pub(super) fn is_idle(&self) -> bool {
        self.pending.is_empty()
            && self.candidates.is_empty()
            && self.recent.is_empty()
            && self.swallow.is_none()
    }

    /// After a swallowed value everything begins anew behind it.
    fn rise(&mut self, at: usize) {
        self.swallow = None;
        self.resume = at;
        self.open = at;
        self.seen = at;
        self.floor = at;
    }

    fn ask_again(&mut self, catalogue: &Catalogue, known: &Known<'_>) {
        if self.pending.is_empty() || (known.end() == self.seen && !known.complete) {
            return;
        }
        let mut pending = std::mem::take(&mut self.pending);
        pending.retain_mut(|waiting| {
            if !known.complete && !waiting.is_due(known.end()) {
                return true;
            }
            match self.ask(catalogue, known, waiting.asked, waiting.trigger) {
                Some(still) => *waiting = still,
                None => return false,
            }
            true
        });
        self.pending = pending;
    }

    /// Looks for triggers up to `to` and asks whom they wake.
    fn pass(&mut self, catalogue: &Catalogue, known: &Known<'_>, to: usize) {
        let text = gate::Known {
            bytes: known.bytes,
            first: known.base == 0,
            complete: known.complete,
        };
        let base = known.base;
        let seen = self.seen.saturating_sub(base);
        let passed = catalogue.gate().pass(
            text,
            self.resume - base,
            to - base,
            seen,
            &mut |asked, at, behind| {
                if self.looks > 0 && !known.complete {
                    self.recent.push(Recent::new(asked, base + at, behind - at));
                }
                let pending = self.ask(catalogue, known, asked, base + at);
                self.pending.extend(pending);
            },
        );
        self.resume = base + passed.resume;
        self.open = base + passed.open;
        if to == known.end() {
            self.seen = to;
        }
    }

    /// Asks a probe about the stretch around its trigger; comes back with it if it cannot tell yet.
    fn ask(
        &mut self,
        catalogue: &Catalogue,
        known: &Known<'_>,
        asked: Asked,
        trigger: usize,
    ) -> Option<Pending> {
        self.asked += 1;
        let (view, from) = view(known, trigger, known.end())?;
        match catalogue.ask(asked, &view, trigger - from) {
            Probe::Found(found) => {
                let (start, end) = (from + found.start, from + found.end);
                let start = start.max(earliest(known, trigger, start));
                let is_near = start >= self.reach || found.what.kind == Kind::Secret;
                if start < end && end <= known.end() && is_near {
                    self.candidates.push(Candidate {
                        start,
                        end,
                        what: found.what,
                        until: None,
                    });
                }
            }
            Probe::More { from: undecided } if !view.complete => {
                let from = from + undecided;
                let from = from.max(earliest(known, trigger, from));
                let from = from.max(self.reach_of(catalogue, asked));
                return Some(Pending {
                    trigger,
                    asked,
                    from,
                    read: u32::try_from(known.end() - trigger).unwrap_or(u32::MAX),
                });
            }
            // One that still waits where all is known has nothing to wait for.
            Probe::No | Probe::More { .. } => {}
            Probe::Swallow { start, what, until } => {
                let start = from + start;
                let start = start.max(earliest(known, trigger, start));
                let is_near = start >= self.reach || what.kind == Kind::Secret;
                if catalogue.wants(what.kind, what.level) && is_near {
                    let until = Some(until);
                    self.candidates.push(Candidate {
                        start,
                        end: start + 1,
                        what,
                        until,
                    });
                }
            }
        }
        None
    }

    /// Before which offset nothing is found that this probe finds.
    fn reach_of(&self, catalogue: &Catalogue, asked: Asked) -> usize {
        if catalogue.may_find_secrets(asked) {
            0
        } else {
            self.reach
        }
    }

    /// What of the text may leave, if nothing from `hold` on may: the next look sees it no further than that, and a value
    /// there may be what it waits for. And what that holds back, the look behind it does not see. A trigger still to come
    /// asks for nothing before `hold`, and a sign is a wall between it and the text before; so the probes count that have
    /// been asked, each by the first byte it would wait for if a sign stood anywhere from `hold` on.
    fn settle(&mut self, catalogue: &Catalogue, known: &Known<'_>, hold: usize) -> usize {
        if self.looks == 0 || known.complete {
            return hold;
        }
        if self.is_seen {
            self.recent.retain(|recent| recent.trigger >= hold);
            return hold;
        }
        let reach = known.floor(hold.saturating_sub(REACH));
        let mut low = hold;
        let mut least = hold;
        let mut settling = 0;
        for _ in 0..self.looks {
            least = low;
            let mut next = known.floor(low.saturating_sub(catalogue.reach_into_sign()));
            for recent in &mut self.recent {
                let Some(mut from) = recent.waits(catalogue, known, low, &mut settling) else {
                    continue;
                };
                if !catalogue.may_find_secrets(recent.asked) {
                    from = from.max(reach);
                }
                next = next.min(from);
            }
            if next >= low {
                break;
            }
            low = next;
        }
        // What is decided for the look that sees least stays so for all.
        self.recent.retain(|recent| !recent.has_decided(least));
        self.settling += settling;
        low
    }

    /// The first byte that may be part of a value not known yet.
    fn hold(&self, known: &Known<'_>, to: usize) -> usize {
        if known.complete && to == known.end() {
            return to;
        }
        let open = self.open.min(to) - known.base;
        let end = to - known.base;
        let lead = lead::start(known.bytes, open).min(lead::start(known.bytes, end));
        let lead = known.base + lead;
        self.pending
            .iter()
            .map(|pending| pending.from)
            .fold(lead, usize::min)
    }

    /// Lets secrets that begin before the end of the last value begin there.
    fn trim(&mut self, judged: usize) {
        let floor = self.floor;
        let rest = self.candidates.get_mut(judged..).unwrap_or_default();
        if rest.first().is_some_and(|first| first.start < floor) {
            let reaching = |c: &&mut Candidate| c.outlives_rivals() && c.end > floor;
            for secret in rest.iter_mut().filter(reaching) {
                secret.start = secret.start.max(floor);
            }
            rest.sort_unstable_by_key(order);
        }
    }

    /// Judges rivals among which no other can come any more. Answers with the start of the first that must wait.
    fn judge(
        &mut self,
        catalogue: &Catalogue,
        known: &Known<'_>,
        hold: usize,
        tell: &mut impl FnMut(Decided),
    ) -> usize {
        if self.candidates.is_empty() {
            return usize::MAX;
        }
        self.candidates.sort_unstable_by_key(order);
        let mut judged = 0;
        let waits = loop {
            self.trim(judged);
            let rest = self.candidates.get(judged..).unwrap_or_default();
            let stale = rest.iter().take_while(|c| c.start < self.floor).count();
            judged += stale;
            let rest = rest.get(stale..).unwrap_or_default();
            let Some(first) = rest.first() else {
                break usize::MAX;
            };
            let (count, end) = rivals(rest);
            let last = first.start + WIDEST_RIVALRY;
            if hold <= first.start || hold < end.min(last + 1) {
                break first.start;
            }
            let cluster = rest.get(..count).unwrap_or_default();
            // Whether the end of a number may be shown depends on what stands beside it.
            let must_see =
                |c: &Candidate| may_show_end(c.what.kind) && known.end() < c.end + BESIDE;
            if !known.complete && cluster.iter().any(must_see) {
                break first.start;
            }
            let swallow = cluster.iter().find(|c| c.until.is_some());
            let limit = swallow.map_or(usize::MAX, |swallow| swallow.start);
            let wants = |c: &Candidate| catalogue.wants(c.what.kind, c.what.level);
            for winner in winners(cluster, limit, known, wants) {
                self.floor = winner.end;
                if catalogue.wants(winner.what.kind, winner.what.level) {
                    tell(Decided::Found(finding(winner)));
                }
            }
            if let Some(Candidate {
                start,
                what,
                until: Some(until),
                ..
            }) = swallow
            {
                self.swallow = Some(Swallow::new(*start, *what, *until));
                self.candidates.clear();
                self.pending.clear();
                self.recent.clear();
                return usize::MAX;
            }
            judged += count;
        };
        self.candidates.drain(..judged);
        waits
    }
}

/// Where a value of this trigger may begin at the earliest; only looked up for one that begins before it.
pub(super) fn earliest(known: &Known<'_>, trigger: usize, start: usize) -> usize {
    if start >= trigger {
        return start;
    }
    known.base + lead::start(known.bytes, trigger - known.base)
}
