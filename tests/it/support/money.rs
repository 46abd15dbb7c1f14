//! Dollars as text, exactly: the tests' own reading of amounts, so that a fault in tollgate's own cannot hide itself.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Mul, Sub};

/// Whole nano-dollars.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Money(pub(crate) i64);

impl Money {
    /// Reads `0.012345678`, with or without `$`.
    #[track_caller]
    pub(crate) fn of(text: &str) -> Self {
        let text = text.trim_start_matches('$');
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let whole: i64 = whole.parse().expect("dollars are a number");
        assert!(part.len() <= 9, "finer than a nano-dollar: {text}");
        let part: i64 = format!("{part:0<9}")
            .parse()
            .expect("nano-dollars are a number");
        Self(whole * 1_000_000_000 + part)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "${}.{:09}",
            self.0 / 1_000_000_000,
            self.0 % 1_000_000_000
        )
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Money {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Mul<i64> for Money {
    type Output = Self;
    fn mul(self, times: i64) -> Self {
        Self(self.0 * times)
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}
