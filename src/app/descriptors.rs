//! File descriptors, looked at before the first connection: what we may open, and how many connections that carries.
//!
//! Running out is no state to serve in: a call whose connection to its provider cannot be opened fails after it was let in,
//! and so may the journal's next segment. So the soft limit is raised to the hard one at the start, and connections beyond
//! what the rest carries are turned away with a 503.

use crate::gateway::admin;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that are no caller's: standard streams, listeners, the journal, the decision log, runtimes, watches, and the
/// admin port's connections.
const OWN: u64 = 64 + admin::MOST_CONNECTIONS as u64;

/// A caller's connection, and one to a provider while its call is made.
const EACH: u64 = 2;

/// Raises the limit as far as it goes and says how many connections fit within it; `None` where there is no limit.
pub(super) fn connections() -> Option<usize> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = Rlimit {
            current: limit.maximum,
            ..limit
        };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::warn!(%error, "the limit of open files cannot be raised");
        }
    }
    getrlimit(Resource::Nofile).current.map(fitting)
}

fn fitting(descriptors: u64) -> usize {
    let connections = descriptors.saturating_sub(OWN) / EACH;
    usize::try_from(connections).unwrap_or(usize::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_what_is_left_after_our_own_is_for_callers() {
        for (descriptors, connections) in [(0, 1), (96, 1), (1024, 464), (20_000, 9952)] {
            assert_eq!(fitting(descriptors), connections, "{descriptors}");
        }
    }
}
