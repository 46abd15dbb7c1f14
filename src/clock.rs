//! Time as an argument: the only place that asks the system what time it is.
//!
//! Decisions take a [`Moment`]: the wall time that says which period it is, and the monotonic time that says how long
//! something took. A wall clock may jump; nothing that measures a length looks at it.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Seconds since the Unix epoch with nanoseconds, as the wall clock says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Wall(pub i64);

impl Wall {
    /// From whole seconds since the epoch.
    #[must_use]
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(1_000_000_000)
    }

    /// Nanoseconds since the epoch.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }
}

/// One reading of both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moment {
    /// What the wall clock said.
    pub wall: Wall,
    /// Time since the process started; never goes backwards.
    pub since_start: Duration,
}

impl Moment {
    /// A later moment of the same call: the wall clock is not asked again, only moved on by what has passed.
    #[must_use]
    pub fn later(self, since_start: Duration) -> Self {
        let passed = since_start.saturating_sub(self.since_start).as_nanos();
        let passed = i64::try_from(passed).unwrap_or(i64::MAX);
        Self {
            wall: Wall(self.wall.0.saturating_add(passed)),
            since_start,
        }
    }
}

/// Asks the system for both clocks.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that asks the system"
)]
pub fn now() -> Moment {
    let since_start = Instant::now().saturating_duration_since(epoch());
    let wall = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Moment {
        wall: Wall(i64::try_from(wall.as_nanos()).unwrap_or(i64::MAX)),
        since_start,
    }
}

/// Processor time of this thread: what work took, however busy the machine was.
#[cfg(feature = "server")]
#[must_use]
pub fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let (seconds, nanos) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
    Duration::new(seconds.unwrap_or(0), nanos.unwrap_or(0))
}

/// Time since the machine started, on a clock that goes on while it sleeps: what leases are measured by. A laptop whose lid
/// was shut for an hour has an hour less of them.
#[cfg(feature = "server")]
#[must_use]
pub fn since_boot() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let (seconds, nanos) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
    Duration::new(seconds.unwrap_or(0), nanos.unwrap_or(0))
}

/// Time since the process started, for lengths alone: half the price of [`now`].
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that asks the system"
)]
pub fn since_start() -> Duration {
    Instant::now().saturating_duration_since(epoch())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that asks the system"
)]
fn epoch() -> Instant {
    static START: OnceLock<Instant> = OnceLock::new();
    *START.get_or_init(Instant::now)
}
