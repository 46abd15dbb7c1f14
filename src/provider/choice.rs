//! Choosing one of several targets: by weight, the same for the same session, or by who answers soonest.
//!
//! Pure functions over what is known of the candidates; chance comes in as a number. A session's target is found by weighted
//! rendezvous hashing: every gateway finds the same one, and when a target is away only its own sessions move.

use crate::stable;
use std::time::Duration;

/// How one of several targets is chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Strategy {
    /// The first that fares well.
    #[default]
    Failover,
    /// By chance, in proportion to their weights.
    Weighted,
    /// The quicker one of two.
    LeastLatency,
}

/// The place of one of these weights, each as likely as it is heavy; `None` without any weight.
#[must_use]
pub fn by_weight(weights: &[u32], chance: u64) -> Option<usize> {
    let all: u64 = weights.iter().copied().map(u64::from).sum();
    // The upper half of the product: even over all weights, without a division.
    let point = (u128::from(chance) * u128::from(all)) >> 64;
    let mut left = u64::try_from(point).unwrap_or(u64::MAX);
    weights.iter().position(|weight| {
        let weight = u64::from(*weight);
        let here = left < weight;
        left = left.saturating_sub(weight);
        here
    })
}

/// The place of the candidate a session belongs to, each of them by its own name's hash and weight.
#[must_use]
pub fn by_session(candidates: &[(u64, u32)], session: u64) -> Option<usize> {
    let score = |(name, weight): (u64, u32)| {
        // Between nothing and one, never either.
        let bits = u32::try_from(stable::spread(name ^ session) >> 32).unwrap_or(u32::MAX);
        let part = (f64::from(bits) + 0.5) / 4_294_967_296.0;
        -part.ln() / f64::from(weight)
    };
    let scores = candidates.iter().map(|one| score(*one)).enumerate();
    let least = scores.min_by(|(_, one), (_, other)| one.total_cmp(other));
    least.map(|(place, _)| place)
}

/// Two different places of so many, by chance; the same twice where there is only one.
#[must_use]
pub fn two_of(count: usize, chance: u64) -> Option<(usize, usize)> {
    let within = |chance: u64, count: usize| {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        usize::try_from(chance % count.max(1)).unwrap_or(0)
    };
    match count {
        0 => None,
        1 => Some((0, 0)),
        _ => {
            let one = within(chance >> 32, count);
            let step = within(chance & 0xFFFF_FFFF, count - 1);
            Some((one, (one + 1 + step) % count))
        }
    }
}

/// How soon a target answers: a mean that forgets, as one number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pace {
    /// Time to the head of an answer, in units of 16 µs; 0: nothing is known.
    time: u32,
    /// When it was last measured, in milliseconds, as far as 32 bits go.
    at: u32,
}

/// A measurement this old counts for a third of a new one.
const FORGETS: f64 = 10_000.0;
/// A new measurement counts for at least this much, however close they come.
const LEAST: f64 = 0.125;

impl Pace {
    /// As one number.
    #[must_use]
    pub const fn packed(self) -> u64 {
        ((self.time as u64) << 32) | self.at as u64
    }

    /// From one number.
    #[must_use]
    pub const fn of(packed: u64) -> Self {
        Self {
            time: (packed >> 32) as u32,
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the lower half is what is wanted"
            )]
            at: packed as u32,
        }
    }

    /// With one more measurement.
    #[must_use]
    pub fn with(self, took: Duration, now: Duration) -> Self {
        let time = u32::try_from(took.as_micros() / 16)
            .unwrap_or(u32::MAX)
            .max(1);
        let at = wrapped(now);
        if self.time == 0 {
            return Self { time, at };
        }
        let share = (1.0 - (-self.age(now) / FORGETS).exp()).max(LEAST);
        let mean = f64::from(self.time) + (f64::from(time) - f64::from(self.time)) * share;
        Self {
            time: whole(mean).max(1),
            at,
        }
    }

    /// What it is compared by: the less, the sooner it is asked. Who was not asked for long is thought better of, or a slow
    /// moment would be held against it for good; who never was comes first.
    #[must_use]
    pub fn score(self, now: Duration) -> u32 {
        whole(f64::from(self.time) * (-self.age(now) / (2.0 * FORGETS)).exp())
    }

    /// Milliseconds since it was last measured.
    fn age(self, now: Duration) -> f64 {
        f64::from(wrapped(now).wrapping_sub(self.at))
    }
}

fn wrapped(now: Duration) -> u32 {
    u32::try_from(now.as_millis() & 0xFFFF_FFFF).unwrap_or(0)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a mean of numbers of this type, and less than them when it is aged"
)]
fn whole(mean: f64) -> u32 {
    mean as u32
}

#[cfg(test)]
mod tests;
