//! The vocabulary of amounts: money, prices, tokens.
//!
//! All whole numbers. No float touches money, and rounding happens once, upwards, where a call's classes are summed.
#![warn(
    clippy::float_arithmetic,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing
)]

mod money;
mod price;

pub use money::{Money, MoneyError};
pub use price::{Price, PriceError, Sum};

/// A number of tokens, in or out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tokens(pub u64);

impl Tokens {
    /// No tokens.
    pub const ZERO: Self = Self(0);

    /// The sum, or the largest number there is: a count too large to hold is priced as such, and refused.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// What is left after `other` is taken away, at least nothing.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// `count` times as many.
    #[must_use]
    pub const fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(count))
    }
}
