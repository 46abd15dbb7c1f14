//! How a target fares: its circuit, how long it asked to be left alone, and how soon it answers.
//!
//! A circuit opens when attempts fail in a row, or too many of them do. It stays open for a while; then one call is let
//! through as a probe, and its end closes the circuit or opens it again. An open circuit says whom not to choose; it refuses
//! no call by itself, because a caller with nobody else to ask loses nothing by asking.
//!
//! All of it is a handful of atomics that every thread reads and, while all is well, none writes. Time is an argument.
//!
//! Invariant: between an opening and the next closing no two probes are under way.
//!
//! Not here: choosing (`pipeline::way`), what counts as a failure (`pipeline::attempt`).

use super::choice::Pace;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// When a circuit opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breaker {
    /// So many attempts that fail in a row open it.
    pub failures: u32,
    /// So many of a hundred attempts that fail open it too, once as many failed as above.
    pub percent: u32,
    /// Failures further apart than this have nothing to do with each other.
    pub window: Duration,
    /// How long it stays open before a probe.
    pub open_for: Duration,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            failures: 5,
            percent: 50,
            window: Duration::from_secs(30),
            open_for: Duration::from_secs(15),
        }
    }
}

/// What a circuit says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Circuit {
    /// Calls go.
    Closed,
    /// One call goes, or is under way, to see whether they could.
    HalfOpen,
    /// No calls go where others can be asked.
    Open,
}

impl Circuit {
    /// Its name in `/status`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
        }
    }
}

/// A target that asks to be left alone for longer is asked again after this.
const LONGEST_REST: Duration = Duration::from_hours(1);

/// How one target fares.
#[derive(Debug, Default)]
pub struct Health {
    /// See [`Mode`].
    mode: AtomicU64,
    /// Failures since the last success.
    row: AtomicU32,
    /// When the failures that are counted began, plus one; 0: none are.
    window: AtomicU64,
    failed: AtomicU32,
    succeeded: AtomicU32,
    /// Until when it asked to be left alone. A call that was under way then and is answered is no word against it.
    rest: AtomicU64,
    /// How soon it answers ([`Pace`]), where somebody chooses by that.
    pace: AtomicU64,
}

/// A circuit's state, as one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Closed,
    /// Since when.
    Open(u64),
    /// A probe is under way since then.
    Probing(u64),
}

impl Mode {
    const fn packed(self) -> u64 {
        match self {
            Self::Closed => 0,
            Self::Open(since) => (since + 1) << 1,
            Self::Probing(since) => ((since + 1) << 1) | 1,
        }
    }

    const fn of(packed: u64) -> Self {
        match (packed >> 1, packed & 1) {
            (0, _) => Self::Closed,
            (since, 0) => Self::Open(since - 1),
            (since, _) => Self::Probing(since - 1),
        }
    }
}

/// Whether a call may go to a target.
#[derive(Debug)]
pub enum Claim {
    /// It may.
    Free,
    /// It may, and what becomes of it decides for those after it.
    Probe(Probe),
    /// It had better not.
    Shut,
}

/// The one call that goes through a half-open circuit. Dropped without a word, the next one is the probe.
#[derive(Debug)]
pub struct Probe {
    health: Arc<Health>,
    before: u64,
    sent: u64,
}

impl Drop for Probe {
    fn drop(&mut self) {
        let mode = &self.health.mode;
        // Somebody else's word on it counts more than none.
        let _ = mode.compare_exchange(self.sent, self.before, Relaxed, Relaxed);
    }
}

impl Health {
    /// Whether a call would be let through now.
    #[must_use]
    pub fn lets(&self, breaker: &Breaker, now: Duration) -> bool {
        let mode = self.mode.load(Relaxed);
        let rest = self.rest.load(Relaxed);
        if mode == 0 && rest == 0 {
            return true;
        }
        let now = millis(now);
        rest <= now
            && match Mode::of(mode) {
                Mode::Closed => true,
                Mode::Open(since) => is_due(since, breaker, now),
                Mode::Probing(_) => false,
            }
    }

    /// A call wants to go: whether it may. Of those that come while the circuit is half open one gets the probe.
    pub fn claim(self: &Arc<Self>, breaker: &Breaker, now: Duration) -> Claim {
        let before = self.mode.load(Relaxed);
        if before == 0 && self.rest.load(Relaxed) == 0 {
            return Claim::Free;
        }
        if !self.lets(breaker, now) {
            return Claim::Shut;
        }
        if before == 0 {
            return Claim::Free;
        }
        let sent = Mode::Probing(millis(now)).packed();
        match self.mode.compare_exchange(before, sent, Relaxed, Relaxed) {
            Ok(_) => Claim::Probe(Probe {
                health: self.clone(),
                before,
                sent,
            }),
            Err(_) => Claim::Shut,
        }
    }

    /// An attempt that was made at `sent` was answered. Says whether that closed the circuit.
    pub fn answered(&self, breaker: &Breaker, sent: Duration, now: Duration) -> bool {
        let mode = self.mode.load(Relaxed);
        let window = self.window.load(Relaxed);
        if mode == 0 && window == 0 {
            return false;
        }
        match Mode::of(mode) {
            Mode::Closed => {
                self.row.store(0, Relaxed);
                if is_over(window, breaker, millis(now)) {
                    self.forget();
                } else {
                    self.succeeded.fetch_add(1, Relaxed);
                }
                false
            }
            // What was sent before it opened says nothing of what happened since.
            Mode::Open(since) | Mode::Probing(since) if millis(sent) >= since => {
                let closed = self.mode.compare_exchange(mode, 0, Relaxed, Relaxed);
                self.forget();
                closed.is_ok()
            }
            Mode::Open(_) | Mode::Probing(_) => false,
        }
    }

    /// An attempt failed; `probe` if it was one. Says whether that opened the circuit.
    pub fn failed(&self, breaker: &Breaker, probe: Option<&Probe>, now: Duration) -> bool {
        let now = millis(now);
        if let Some(probe) = probe {
            let open = Mode::Open(now).packed();
            let reopened = self
                .mode
                .compare_exchange(probe.sent, open, Relaxed, Relaxed);
            return reopened.is_ok();
        }
        if self.mode.load(Relaxed) != 0 {
            return false;
        }
        if is_over(self.window.load(Relaxed), breaker, now) {
            self.forget();
        }
        let begun = now.saturating_add(1);
        let _ = self.window.compare_exchange(0, begun, Relaxed, Relaxed);
        let row = self.row.fetch_add(1, Relaxed).saturating_add(1);
        let failed = self.failed.fetch_add(1, Relaxed).saturating_add(1);
        let succeeded = self.succeeded.load(Relaxed);
        if row < breaker.failures && !is_too_many(failed, succeeded, breaker) {
            return false;
        }
        let open = Mode::Open(now).packed();
        let opened = self.mode.compare_exchange(0, open, Relaxed, Relaxed);
        self.forget();
        opened.is_ok()
    }

    /// It answered after so long.
    pub fn took(&self, time: Duration, now: Duration) {
        // Of two threads at once one is not heard: it is a mean of many.
        self.pace
            .store(self.pace().with(time, now).packed(), Relaxed);
    }

    /// How soon it answers.
    #[must_use]
    pub fn pace(&self) -> Pace {
        Pace::of(self.pace.load(Relaxed))
    }

    /// It asked to be left alone for so long.
    pub fn rest(&self, wait: Duration, now: Duration) {
        let until = now.saturating_add(wait.min(LONGEST_REST));
        self.rest.fetch_max(millis(until), Relaxed);
    }

    /// What its circuit says.
    #[must_use]
    pub fn circuit(&self, breaker: &Breaker, now: Duration) -> Circuit {
        match Mode::of(self.mode.load(Relaxed)) {
            Mode::Closed => Circuit::Closed,
            Mode::Open(since) if !is_due(since, breaker, millis(now)) => Circuit::Open,
            Mode::Open(_) | Mode::Probing(_) => Circuit::HalfOpen,
        }
    }

    fn forget(&self) {
        self.row.store(0, Relaxed);
        self.failed.store(0, Relaxed);
        self.succeeded.store(0, Relaxed);
        self.window.store(0, Relaxed);
    }
}

fn millis(time: Duration) -> u64 {
    // Half of what a number holds: room for a bit, and for adding.
    u64::try_from(time.as_millis()).map_or(u64::MAX >> 2, |millis| millis.min(u64::MAX >> 2))
}

fn is_due(since: u64, breaker: &Breaker, now: u64) -> bool {
    now >= since.saturating_add(millis(breaker.open_for))
}

/// Whether what is counted since `window` (plus one; 0: nothing is) is too long ago.
fn is_over(window: u64, breaker: &Breaker, now: u64) -> bool {
    window != 0 && now >= (window - 1).saturating_add(millis(breaker.window))
}

fn is_too_many(failed: u32, succeeded: u32, breaker: &Breaker) -> bool {
    let all = u64::from(failed).saturating_add(u64::from(succeeded));
    failed >= breaker.failures
        && u64::from(failed).saturating_mul(100) >= all.saturating_mul(u64::from(breaker.percent))
}

/// Targets beyond this many are not remembered; they fare well.
const MOST: usize = 4096;

/// How every target fares, by its provider and what it is configured as. It stands beside the configuration: an edit keeps
/// what is known.
#[derive(Debug, Default)]
pub struct Healths(Mutex<HashMap<Name, Arc<Health>>>);

/// A target's provider, and the model it is configured as.
type Name = (Arc<str>, Box<str>);

impl Healths {
    /// How this target fares: always the same place for the same target.
    #[must_use]
    pub fn of(&self, provider: &Arc<str>, model: &str) -> Arc<Health> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name = (provider.clone(), Box::from(model));
        if known.len() >= MOST && !known.contains_key(&name) {
            return Arc::default();
        }
        known.entry(name).or_default().clone()
    }

    /// What the circuits of a provider's targets say, at worst.
    #[must_use]
    pub fn worst(&self, provider: &str, breaker: &Breaker, now: Duration) -> Circuit {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = known.iter().filter(|((name, _), _)| **name == *provider);
        let circuits = own.map(|(_, health)| health.circuit(breaker, now));
        circuits.max().unwrap_or(Circuit::Closed)
    }
}

#[cfg(test)]
mod tests;
