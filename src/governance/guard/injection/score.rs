//! Adding up what was seen, so that much of little becomes something and nothing becomes certain.

use super::Assessment;
use smallvec::SmallVec;

/// What is hidden on purpose weighs this much more.
const DISGUISE: u16 = 350;

/// The signals seen so far, each with its weight in thousandths.
#[derive(Debug, Default)]
pub(super) struct Score {
    seen: SmallVec<[(&'static str, u16); 8]>,
}

impl Score {
    /// Adds a signal; of one seen twice only the heavier counts.
    pub(super) fn add(&mut self, signal: &'static str, weight: u16) {
        match self.seen.iter_mut().find(|(known, _)| *known == signal) {
            Some((_, heavier)) => *heavier = weight.max(*heavier),
            None => self.seen.push((signal, weight)),
        }
    }

    /// Adds what was found elsewhere.
    pub(super) fn add_all(&mut self, found: &Self) {
        for (signal, weight) in &found.seen {
            self.add(signal, *weight);
        }
    }

    /// Adds what was found in something disguised, if anything was, and that it was.
    pub(super) fn add_disguised(&mut self, how: &'static str, found: &Self) {
        if found.total() >= 200 {
            self.add_all(found);
            self.add(how, DISGUISE);
        }
    }

    /// Each signal takes its share of what is missing to certainty.
    pub(super) fn total(&self) -> u16 {
        let missing = self.seen.iter().fold(1000_u32, |missing, (_, weight)| {
            missing * 1000_u32.saturating_sub(u32::from(*weight)) / 1000
        });
        u16::try_from(1000_u32.saturating_sub(missing)).unwrap_or(1000)
    }

    pub(super) fn into_assessment(mut self) -> Assessment {
        self.seen
            .sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
        Assessment {
            score_milli: self.total(),
            signals: self.seen.iter().map(|(signal, _)| *signal).collect(),
        }
    }
}
