//! What a probe would say that has decided, if it did not see what may turn out to be a value.
//!
//! The next look sees one sign there. A probe that decided on what stands before it decides the same; one that had to read on
//! may find something else, and what it then finds must not have left.
//!
//! Not here: what is done with the answers (`state`).

use super::gate::Asked;
use super::state::{Known, earliest};
use crate::governance::guard::catalogue::Catalogue;
use crate::governance::guard::probe::{LOOK_AHEAD, LOOK_BEHIND, Probe, View};

/// A probe that holds text for the next look is asked again when so many more bytes are known.
const PATIENCE: usize = 8;

/// A probe that has decided, maybe on what the next look does not see. Small, because a stream keeps some of these.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recent {
    pub(super) trigger: usize,
    pub(super) asked: Asked,
    /// How far behind the first byte it can see that one is for which it waited, when it was asked what it says of the text
    /// that the next look sees.
    from: u16,
    /// Shown so much from its trigger on it waited, and so it does if it is shown less. At first the trigger's length.
    waited: u16,
    /// Shown so much it had decided, and so it has if it is shown more.
    decided: u16,
}

impl Recent {
    /// One whose trigger is that long.
    pub(super) fn new(asked: Asked, trigger: usize, length: usize) -> Self {
        Self {
            trigger,
            asked,
            from: u16::MAX,
            waited: u16::try_from(length).unwrap_or(u16::MAX),
            decided: u16::MAX,
        }
    }

    /// Whether it has decided if it is shown the text up to `end`, as far as is known; or if it is shown its trigger alone.
    pub(super) fn has_decided(&self, end: usize) -> bool {
        self.decided <= self.waited || end >= self.trigger + usize::from(self.decided)
    }

    /// The first byte it waits for if it is shown the text up to `end` or up to any place behind that, if it does; it is
    /// never shown less than its trigger, for then it is not asked. It is asked again when it would be shown so much more
    /// that this costs no more than looking for values does; until then it waits for what it waited for.
    pub(super) fn waits(
        &mut self,
        catalogue: &Catalogue,
        known: &Known<'_>,
        end: usize,
        settling: &mut usize,
    ) -> Option<usize> {
        if self.has_decided(end) {
            return None;
        }
        let waited = usize::from(self.waited);
        let shown = end.saturating_sub(self.trigger).max(waited);
        if self.from == u16::MAX || shown >= waited + PATIENCE + waited / 8 {
            *settling += 1;
            let brief = u16::try_from(shown).unwrap_or(u16::MAX);
            let end = known.ceil(self.trigger + shown);
            let Some(from) = waits(catalogue, known, self.trigger, self.asked, end) else {
                self.decided = brief;
                return None;
            };
            let from = u16::try_from(from + LOOK_BEHIND - self.trigger).unwrap_or(u16::MAX);
            self.from = self.from.min(from);
            self.waited = brief;
        }
        Some((self.trigger + usize::from(self.from)).saturating_sub(LOOK_BEHIND))
    }
}

/// What a probe sees of a text that is known up to `end`, and the offset at which that begins.
pub(super) fn view<'a>(known: &Known<'a>, trigger: usize, end: usize) -> Option<(View<'a>, usize)> {
    let from = known.floor(trigger.saturating_sub(LOOK_BEHIND));
    let horizon = trigger + LOOK_AHEAD;
    let is_seen = end >= horizon;
    let end = if is_seen { known.floor(horizon) } else { end };
    let bytes = known
        .bytes
        .get(from.saturating_sub(known.base)..end - known.base)?;
    let view = View {
        bytes,
        from_start: from == 0,
        complete: is_seen || known.complete,
    };
    Some((view, from))
}

/// Where what a probe waits for may begin, if it could not decide on what stands before `end`.
fn waits(
    catalogue: &Catalogue,
    known: &Known<'_>,
    trigger: usize,
    asked: Asked,
    end: usize,
) -> Option<usize> {
    let (view, from) = view(known, trigger, end)?;
    match catalogue.ask(asked, &view, trigger - from) {
        Probe::More { from: undecided } if !view.complete => {
            let from = from + undecided;
            Some(from.max(earliest(known, trigger, from)))
        }
        _ => None,
    }
}
