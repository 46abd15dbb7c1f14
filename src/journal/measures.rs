//! The sizes and times of the journal, stated here once; what an operator chooses is in `settings`.

use std::time::Duration;

/// The sizes and times of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measures {
    /// How large a segment becomes, in bytes.
    pub segment: u64,
    /// How many segments are kept, at least two: a damaged one leaves the one before it.
    pub keep: usize,
    /// How long entries wait for company when nobody waits for them.
    pub group: Duration,
    /// How long written entries stay unsynced at most when nobody waits for them.
    pub sync_within: Duration,
    /// How long without an entry until the ceilings are lowered to what is in use.
    pub idle: Duration,
    /// How long after a failure until the next attempt.
    pub retry: Duration,
}

impl Default for Measures {
    fn default() -> Self {
        Self {
            segment: 8 << 20,
            keep: 8,
            group: Duration::from_millis(5),
            sync_within: Duration::from_millis(100),
            idle: Duration::from_secs(2),
            retry: Duration::from_secs(1),
        }
    }
}
