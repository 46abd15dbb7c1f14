//! How often the same request came within a window.

use super::rule::RepeatRule;
use std::collections::VecDeque;
use std::time::Duration;

/// Requests of one subject that are remembered, at least; more if the rule counts further.
const REMEMBERED: usize = 128;

/// The digests of the last requests, and when they came.
#[derive(Debug, Default)]
pub(super) struct Recent(VecDeque<(u64, Duration)>);

impl Recent {
    /// Counts a request in, and says how many of the same came within the window that ends now.
    ///
    /// One that came exactly a window ago no longer counts. Of more requests than are remembered the oldest are forgotten.
    pub(super) fn count(&mut self, digest: u64, rule: &RepeatRule, now: Duration) -> u32 {
        let old = |at: Duration| now.saturating_sub(at) >= rule.window;
        while self.0.front().is_some_and(|(_, at)| old(*at)) {
            self.0.pop_front();
        }
        let twice = usize::try_from(rule.most.get())
            .unwrap_or(REMEMBERED)
            .saturating_mul(2);
        while self.0.len() >= REMEMBERED.max(twice) {
            self.0.pop_front();
        }
        self.0.push_back((digest, now));
        let same = self.0.iter().filter(|(known, _)| *known == digest).count();
        u32::try_from(same).unwrap_or(u32::MAX)
    }
}
