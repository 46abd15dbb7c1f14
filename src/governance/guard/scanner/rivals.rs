//! Values that overlap: which of them stand, and what is left of the others.
//!
//! Not here: when they are judged (`state`).

use super::state::Known;
use crate::governance::guard::finding::{Finding, Kind};
use crate::governance::guard::probe::{Until, What};

/// Rivals whose beginnings lie further apart than this are judged without the later ones, in bytes.
pub(super) const WIDEST_RIVALRY: usize = 256;

/// A value that stands if no better one overlaps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) start: usize,
    /// The first byte behind it; for a value to be swallowed, behind its first.
    pub(super) end: usize,
    pub(super) what: What,
    pub(super) until: Option<Until>,
}

impl Candidate {
    /// Whether what a better value leaves of this one is a value still: half a password is no less secret for the key that
    /// is glued to it. Half a telephone number is none.
    pub(super) fn outlives_rivals(&self) -> bool {
        self.what.kind == Kind::Secret && self.until.is_none()
    }

    /// What there is of it before this offset.
    fn before(self, limit: usize) -> Option<Self> {
        if self.end <= limit {
            return Some(self);
        }
        (self.outlives_rivals() && self.start < limit).then_some(Self { end: limit, ..self })
    }

    /// What there is of it from its start up to the first of these, if that is more than punctuation.
    fn rest(self, better: &[Self], known: &Known<'_>) -> Option<Self> {
        if better
            .iter()
            .any(|b| b.start <= self.start && self.start < b.end)
        {
            return None;
        }
        let next = better
            .iter()
            .map(|b| b.start)
            .filter(|start| *start > self.start);
        let end = next.fold(self.end, usize::min);
        let bytes = known
            .bytes
            .get(self.start - known.base..end.max(self.start) - known.base)?;
        let says_something = bytes
            .iter()
            .any(|b| b.is_ascii_alphanumeric() || !b.is_ascii());
        says_something.then_some(Self { end, ..self })
    }
}

/// How many of the sorted candidates overlap each other, beginning with the first, and where the last of them ends.
pub(super) fn rivals(sorted: &[Candidate]) -> (usize, usize) {
    let Some(first) = sorted.first() else {
        return (0, 0);
    };
    let mut end = first.end;
    let mut count = 0;
    for candidate in sorted {
        if candidate.start >= end.max(first.start + 1)
            || candidate.start - first.start > WIDEST_RIVALRY
        {
            break;
        }
        end = end.max(candidate.end);
        count += 1;
        if candidate.until.is_some() {
            // It takes all that follows, so the others end here.
            return (count, candidate.start + 1);
        }
    }
    (count, end)
}

/// Those that stand, in the order of the text: each the best of what it overlaps, none reaching behind `limit`. Of a secret
/// that a better one overlaps, the rest stands; and all of it where nobody wants to know of the better one.
pub(super) fn winners(
    cluster: &[Candidate],
    limit: usize,
    known: &Known<'_>,
    wants: impl Fn(&Candidate) -> bool,
) -> Vec<Candidate> {
    let mut ranked: Vec<Candidate> = cluster
        .iter()
        .filter(|c| c.until.is_none())
        .filter_map(|c| c.before(limit))
        .collect();
    if ranked.len() > 1 {
        ranked.sort_by_key(|c| (rank(c), c.start));
        let mut standing: Vec<Candidate> = Vec::with_capacity(ranked.len());
        for candidate in ranked {
            let overlaps = |s: &Candidate| s.start < candidate.end && candidate.start < s.end;
            if candidate.outlives_rivals() && wants(&candidate) {
                standing.retain(|s| wants(s) || !overlaps(s));
            }
            if !standing.iter().any(overlaps) {
                standing.push(candidate);
            } else if candidate.outlives_rivals() {
                let better: Vec<_> = standing.iter().filter(|s| overlaps(s)).copied().collect();
                let rests = better.iter().map(|better| better.end);
                for start in rests.chain([candidate.start]) {
                    let rest = Candidate { start, ..candidate };
                    standing.extend(rest.rest(&better, known));
                }
            }
        }
        standing.sort_unstable_by_key(|c| c.start);
        ranked = standing;
    }
    ranked
}

/// The order of the text, the better first.
pub(super) fn order(candidate: &Candidate) -> impl Ord + use<> {
    let Candidate { start, end, .. } = *candidate;
    (start, end, rank(candidate), candidate.until.is_none())
}

/// Better candidates rank lower: the surer, then the longer, then by kind.
fn rank(candidate: &Candidate) -> impl Ord + use<> {
    let What {
        kind,
        detector,
        level,
    } = candidate.what;
    (
        std::cmp::Reverse(level),
        std::cmp::Reverse(candidate.end - candidate.start),
        kind,
        detector,
    )
}

pub(super) fn finding(candidate: Candidate) -> Finding {
    let Candidate {
        start, end, what, ..
    } = candidate;
    Finding {
        start,
        end,
        kind: what.kind,
        detector: what.detector,
        level: what.level,
    }
}
