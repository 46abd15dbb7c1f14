//! Tokens a minute: an estimate is charged before the call and corrected by what it did use.
//!
//! A bucket that holds one minute's worth and refills evenly. A correction may take it below nothing: who used more than
//! was estimated waits longer. It counts in tokens times nanoseconds of a minute, so that refilling loses nothing to rounding.

use crate::governance::sync::{Mutex, MutexGuard};
use crate::units::Tokens;
use std::num::NonZeroU64;
use std::sync::PoisonError;
use std::time::Duration;

const MINUTE: i128 = 60_000_000_000;

#[derive(Debug)]
pub(super) struct TokenMeter {
    per_minute: NonZeroU64,
    level: Mutex<Level>,
}

#[derive(Debug, Clone, Copy)]
struct Level {
    /// Tokens × nanoseconds of a minute.
    parts: i128,
    at: Duration,
}

/// What a meter says after a charge, or instead of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    /// Tokens left for now.
    pub(super) left: u64,
    /// Until it is full again.
    pub(super) full_in: Duration,
}

impl TokenMeter {
    /// A full meter; `used` tokens of it are gone already.
    pub(super) fn new(per_minute: NonZeroU64, used: u64, now: Duration) -> Self {
        let parts = i128::from(per_minute.get())
            .saturating_sub(i128::from(used))
            .saturating_mul(MINUTE);
        Self {
            per_minute,
            level: Mutex::new(Level { parts, at: now }),
        }
    }

    /// Charges `tokens` if they are there; else says how long until they are (`None`: never, it is more than a minute's worth).
    pub(super) fn charge(
        &self,
        tokens: Tokens,
        now: Duration,
    ) -> Result<Reading, Option<Duration>> {
        let mut level = self.refilled(now);
        let wanted = i128::from(tokens.0).saturating_mul(MINUTE);
        if wanted > self.full() {
            return Err(None);
        }
        if wanted > level.parts {
            return Err(Some(self.time_for(wanted.saturating_sub(level.parts))));
        }
        level.parts = level.parts.saturating_sub(wanted);
        Ok(self.reading(level.parts))
    }

    /// Puts right what was estimated.
    pub(super) fn correct(&self, estimated: Tokens, used: Tokens, now: Duration) {
        let mut level = self.refilled(now);
        let difference = i128::from(estimated.0)
            .saturating_sub(i128::from(used.0))
            .saturating_mul(MINUTE);
        level.parts = level.parts.saturating_add(difference).min(self.full());
    }

    pub(super) fn read(&self, now: Duration) -> Reading {
        let level = *self.refilled(now);
        self.reading(level.parts)
    }

    fn refilled(&self, now: Duration) -> MutexGuard<'_, Level> {
        let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = i128::try_from(now.saturating_sub(level.at).as_nanos()).unwrap_or(MINUTE);
        let refill = passed.saturating_mul(i128::from(self.per_minute.get()));
        level.parts = level.parts.saturating_add(refill).min(self.full());
        level.at = level.at.max(now);
        level
    }

    fn full(&self) -> i128 {
        i128::from(self.per_minute.get()).saturating_mul(MINUTE)
    }

    fn reading(&self, parts: i128) -> Reading {
        let left = u64::try_from(parts.max(0).div_euclid(MINUTE)).unwrap_or(u64::MAX);
        Reading {
            left,
            full_in: self.time_for(self.full().saturating_sub(parts)),
        }
    }

    /// How long refilling `parts` takes, rounded up.
    fn time_for(&self, parts: i128) -> Duration {
        let per_nano = i128::from(self.per_minute.get());
        let nanos = parts
            .max(0)
            .saturating_add(per_nano.saturating_sub(1))
            .div_euclid(per_nano);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(per_minute: u64) -> TokenMeter {
        TokenMeter::new(
            NonZeroU64::new(per_minute).expect("not zero"),
            0,
            Duration::ZERO,
        )
    }

    #[test]
    fn a_refusal_names_the_very_nanosecond_from_which_it_would_pass() {
        let meter = meter(600);
        meter.charge(Tokens(595), Duration::ZERO).expect("fits");
        let wait = meter
            .charge(Tokens(7), Duration::ZERO)
            .expect_err("two are missing")
            .expect("in time");
        assert_eq!(wait, Duration::from_millis(200));
        let almost = wait.checked_sub(Duration::from_nanos(1)).expect("longer");
        assert!(meter.charge(Tokens(7), almost).is_err());
        assert!(meter.charge(Tokens(7), wait).is_ok());
    }

    #[test]
    fn what_was_not_used_comes_back_and_what_was_used_beyond_is_owed() {
        let meter = meter(60);
        meter.charge(Tokens(60), Duration::ZERO).expect("fits");
        meter.correct(Tokens(60), Tokens(20), Duration::ZERO);
        assert_eq!(meter.read(Duration::ZERO).left, 40);
        meter.charge(Tokens(40), Duration::ZERO).expect("fits");
        meter.correct(Tokens(40), Tokens(100), Duration::ZERO);
        assert_eq!(
            meter.charge(Tokens(1), Duration::ZERO),
            Err(Some(Duration::from_secs(61)))
        );
    }

    #[test]
    fn more_than_a_minutes_worth_never_fits() {
        assert_eq!(meter(60).charge(Tokens(61), Duration::ZERO), Err(None));
    }
}
