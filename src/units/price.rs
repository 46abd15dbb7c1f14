//! Prices: nano-dollars per million units, and the one place where a call's cost is rounded.

use super::money::{DecimalFault, decimal};
use super::{Money, Tokens};
use std::fmt;
use std::str::FromStr;

/// Nano-dollars per million tokens, so $0.0375/M stays exact (`37_500_000`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Price(u64);

impl Price {
    /// Nothing at all; must have been written explicitly (`free: true`).
    pub const FREE: Self = Self(0);

    /// That many nano-dollars per million.
    #[must_use]
    pub const fn from_nanos_per_million(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nano-dollars per million.
    #[must_use]
    pub const fn nanos_per_million(self) -> u64 {
        self.0
    }

    /// What `tokens` cost alone: rounds up once, at the end. A gate may over-reserve, never under.
    #[must_use]
    pub fn of(self, tokens: Tokens) -> Money {
        Sum::default().add(self, tokens).total()
    }
}

/// Why a text is no price.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// Not decimal dollars.
    #[error("`{0}` is not a price in dollars per million tokens: write it like \"0.15\"")]
    Malformed(String),
    /// Finer than can be counted.
    #[error("`{0}` is finer than a nano-dollar per million: at most nine decimal places")]
    TooFine(String),
    /// Beyond what can be counted.
    #[error("`{0}` is too much for a price")]
    TooLarge(String),
}

impl FromStr for Price {
    type Err = PriceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bare = text.trim();
        decimal(bare.strip_prefix('$').unwrap_or(bare), 9)
            .map(Self)
            .map_err(|fault| match fault {
                DecimalFault::Malformed => PriceError::Malformed(text.to_owned()),
                DecimalFault::TooFine => PriceError::TooFine(text.to_owned()),
                DecimalFault::TooLarge => PriceError::TooLarge(text.to_owned()),
            })
    }
}

/// Dollars per million tokens.
impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        i64::try_from(self.0)
            .map_or(Money::MAX, Money::from_nanos)
            .write(f)
    }
}

/// Adds up the classes of one call before anything is rounded.
#[derive(Debug, Clone, Copy, Default)]
#[must_use = "a sum nobody takes the total of charges nothing"]
pub struct Sum(u128);

/// Units of a [`Sum`] in a nano-dollar.
const MILLION: u128 = 1_000_000;

impl Sum {
    /// Adds `tokens` at `price`.
    pub fn add(self, price: Price, tokens: Tokens) -> Self {
        Self(
            self.0
                .saturating_add(u128::from(price.0).saturating_mul(u128::from(tokens.0))),
        )
    }

    /// Adds a flat amount (a call, an image).
    pub fn flat(self, amount: Money) -> Self {
        let nanos = u128::try_from(amount.nanos()).unwrap_or(0);
        Self(self.0.saturating_add(nanos.saturating_mul(MILLION)))
    }

    /// `count` times everything so far.
    pub fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(u128::from(count)))
    }

    /// The whole, rounded up to the next nano-dollar. Too large to count is [`Money::MAX`]: overflow denies.
    #[must_use]
    pub fn total(self) -> Money {
        i64::try_from(self.0.div_ceil(MILLION)).map_or(Money::MAX, Money::from_nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(text: &str) -> Price {
        text.parse().expect(text)
    }

    #[test]
    fn classes_are_summed_before_they_are_rounded() {
        // Each class alone is 0.0375 nano-dollars; three of them are still one nano-dollar, not three.
        let cheap = price("0.0000375");
        let sum = Sum::default()
            .add(cheap, Tokens(1))
            .add(cheap, Tokens(1))
            .add(cheap, Tokens(1));
        assert_eq!(sum.total(), Money::from_nanos(1));
    }

    #[test]
    fn a_price_times_its_tokens_is_exact() {
        assert_eq!(price("0.15").of(Tokens(1_000_000)).to_string(), "0.15");
        assert_eq!(price("0.15").of(Tokens(400)).nanos(), 60_000);
        assert_eq!(price("0.0375").of(Tokens(1)).nanos(), 38);
    }

    #[test]
    fn too_much_to_count_is_more_than_any_budget() {
        assert_eq!(price("9000000000").of(Tokens(u64::MAX)), Money::MAX);
    }
}
