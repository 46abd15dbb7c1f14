//! How long looking at texts may take.
//!
//! Time is processor time of this thread, so a busy machine refuses nobody; it is only asked for where there is much to look
//! at.
//!
//! Not here: what follows where it is over (`request`, `answer`).

use crate::clock;
use std::time::Duration;

/// Below this much text nobody asks how long it took.
const QUICK: usize = 16 * 1024;

/// The processor time a scan may take is given for this much text; more text may take more.
const PER_TEXT: usize = 64 * 1024;

/// Why not everything was looked at: time was over.
pub(super) const TOO_LONG: &str = "looking at the texts took longer than `scan_budget` allows";
/// Why not everything was looked at: whoever looked broke down.
pub(super) const FAILED: &str = "a detector failed";

/// The time that looking at the texts of a request, or of its answer, may take.
pub(super) struct Patience {
    /// When it began, and how long it may take; nothing where there is little to look at.
    until: Option<(Duration, Duration)>,
    /// How much was looked at since the clock was last read: that is a system call.
    unasked: usize,
    /// Whether something was not looked at because time was over.
    gave_up: bool,
}

impl Patience {
    /// That with so much text, of which each part may take this long.
    pub(super) fn new(bytes: usize, budget: Duration) -> Self {
        let until = (bytes > QUICK).then(|| {
            let parts = u32::try_from(bytes.div_ceil(PER_TEXT)).unwrap_or(u32::MAX);
            (clock::thread_time(), budget.saturating_mul(parts))
        });
        Self {
            until,
            ..Self::endless()
        }
    }

    /// That of somebody who must see everything.
    pub(super) const fn endless() -> Self {
        Self {
            until: None,
            unasked: 0,
            gave_up: false,
        }
    }

    /// So much more was looked at.
    pub(super) const fn spend(&mut self, bytes: usize) {
        self.unasked = self.unasked.saturating_add(bytes);
    }

    /// Whether there is time for more, after so much more was looked at.
    pub(super) fn lasts(&mut self, bytes: usize) -> bool {
        self.spend(bytes);
        if let Some((began, allowed)) = self.until
            && self.unasked >= QUICK
            && !self.gave_up
        {
            self.unasked = 0;
            self.gave_up = clock::thread_time().saturating_sub(began) > allowed;
        }
        !self.gave_up
    }

    /// Whether something was not looked at because time was over.
    pub(super) const fn gave_up(&self) -> bool {
        self.gave_up
    }
}

/// The time a text may take, for messages.
pub(super) fn spoken(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}
