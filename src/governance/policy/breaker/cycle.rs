//! Tool calls in a circle.

/// The last calls, over and over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cycle {
    /// How many calls make one turn.
    pub length: u32,
    /// How many whole turns stand at the end of the history.
    pub times: u32,
}

/// Longer circles are not seen: work that repeats four steps and more may well be work.
const LONGEST: usize = 4;
/// So many calls at the end of a history are looked at.
const LOOKED_AT: usize = 8_192;

/// The circle a history of calls ends in: the one with the most turns, the shorter of two. `None` if the last calls are
/// no repetition. Calls are equal if name and arguments are ([`super::call_digest`]).
#[must_use]
pub fn cycle(calls: &[u64]) -> Option<Cycle> {
    let skipped = calls.len().saturating_sub(LOOKED_AT);
    let calls = calls.get(skipped..).unwrap_or_default();
    let mut best: Option<Cycle> = None;
    for length in 1..=LONGEST {
        let mut turns = calls.rchunks_exact(length);
        let Some(last) = turns.next() else {
            break;
        };
        let same = turns.take_while(|turn| *turn == last).count();
        let found = Cycle {
            length: u32::try_from(length).unwrap_or(u32::MAX),
            times: u32::try_from(same.saturating_add(1)).unwrap_or(u32::MAX),
        };
        if found.times > best.map_or(1, |best| best.times) {
            best = Some(found);
        }
    }
    best
}
