//! Whole nano-dollars.
//!
//! One dollar is 1 000 000 000 of them, so every published price is exact. `i64` reaches 9.2 billion dollars; what would
//! go beyond it becomes [`Money::MAX`], which no budget covers: overflow denies.

use std::fmt;
use std::str::FromStr;

/// An amount of money in whole nano-dollars.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(i64);

/// Nano-dollars in a dollar.
const NANOS: i64 = 1_000_000_000;

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// More than any budget covers.
    pub const MAX: Self = Self(i64::MAX);

    /// That many nano-dollars.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// In nano-dollars.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// The sum, or [`Money::MAX`].
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference; may be below zero.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The difference, at least nothing.
    #[must_use]
    pub fn less(self, other: Self) -> Self {
        self.minus(other).max(Self::ZERO)
    }

    /// `count` times as much, or [`Money::MAX`].
    #[must_use]
    pub const fn times(self, count: i64) -> Self {
        Self(self.0.saturating_mul(count))
    }

    /// The part `percent` hundredths of it, rounded down: where a soft threshold lies.
    #[must_use]
    pub fn percent(self, percent: u8) -> Self {
        let part = i128::from(self.0)
            .saturating_mul(i128::from(percent))
            .div_euclid(100);
        Self(i64::try_from(part).unwrap_or(i64::MAX))
    }

    /// Writes the decimal dollars (`0.012345678`, trailing zeros left out, at least two places) without allocating.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(self, out: &mut impl fmt::Write) -> fmt::Result {
        let whole = self.0.unsigned_abs();
        let (dollars, nanos) = (
            whole.div_euclid(NANOS.unsigned_abs()),
            whole.rem_euclid(NANOS.unsigned_abs()),
        );
        if self.0 < 0 {
            out.write_char('-')?;
        }
        let mut digits = [b'0'; 9];
        let mut rest = nanos;
        for digit in digits.iter_mut().rev() {
            *digit = b'0'.saturating_add(u8::try_from(rest.rem_euclid(10)).unwrap_or(0));
            rest = rest.div_euclid(10);
        }
        let used = digits
            .iter()
            .rposition(|d| *d != b'0')
            .map_or(2, |last| last.saturating_add(1).max(2));
        out.write_str(itoa::Buffer::new().format(dollars))?;
        out.write_char('.')?;
        out.write_str(
            digits
                .get(..used)
                .and_then(|d| std::str::from_utf8(d).ok())
                .unwrap_or("00"),
        )
    }
}

/// Decimal dollars without a sign for the currency: `0.01`, `12.50`, `0.012345678`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f)
    }
}

/// Why a text is no amount of money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not decimal dollars.
    #[error("`{0}` is not an amount in dollars: write it like \"$10.00\" or \"0.0125\"")]
    Malformed(String),
    /// Finer than a nano-dollar.
    #[error("`{0}` is finer than a nano-dollar: at most nine decimal places")]
    TooFine(String),
    /// Beyond what can be counted.
    #[error("`{0}` is too much: at most $9223372036")]
    TooLarge(String),
}

/// Reads whole digits with up to `places` decimals into units of `10^-places`; `None` parts name the fault.
pub(super) fn decimal(text: &str, places: u32) -> Result<u64, DecimalFault> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty())
        || !digits(whole)
        || !digits(fraction)
        || text.ends_with('.')
    {
        return Err(DecimalFault::Malformed);
    }
    let fraction = fraction.trim_end_matches('0');
    let missing = u32::try_from(fraction.len())
        .ok()
        .and_then(|len| places.checked_sub(len))
        .ok_or(DecimalFault::TooFine)?;
    let parse = |part: &str| {
        if part.is_empty() {
            Ok(0)
        } else {
            part.parse::<u64>().map_err(|_| DecimalFault::TooLarge)
        }
    };
    let scaled = |value: u64, by: u32| {
        10_u64
            .checked_pow(by)
            .and_then(|f| value.checked_mul(f))
            .ok_or(DecimalFault::TooLarge)
    };
    scaled(parse(whole)?, places)?
        .checked_add(scaled(parse(fraction)?, missing)?)
        .ok_or(DecimalFault::TooLarge)
}

pub(super) enum DecimalFault {
    Malformed,
    TooFine,
    TooLarge,
}

/// Reads `10`, `10.00`, `$10.00`; underscores and signs are refused.
impl FromStr for Money {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bare = text.trim();
        let nanos =
            decimal(bare.strip_prefix('$').unwrap_or(bare), 9).map_err(|fault| match fault {
                DecimalFault::Malformed => MoneyError::Malformed(text.to_owned()),
                DecimalFault::TooFine => MoneyError::TooFine(text.to_owned()),
                DecimalFault::TooLarge => MoneyError::TooLarge(text.to_owned()),
            })?;
        i64::try_from(nanos)
            .map(Self)
            .map_err(|_| MoneyError::TooLarge(text.to_owned()))
    }
}

impl serde::Serialize for Money {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_read_and_print_exactly() {
        let check = |input: &str, nanos: i64, printed: &str| {
            let money: Money = input.parse().expect(input);
            assert_eq!(
                (money.nanos(), money.to_string().as_str()),
                (nanos, printed),
                "{input}"
            );
        };
        check("$10.00", 10_000_000_000, "10.00");
        check("0.012345678", 12_345_678, "0.012345678");
        check(".5", 500_000_000, "0.50");
        check("0", 0, "0.00");
        check("1", 1_000_000_000, "1.00");
        check("0.000000001", 1, "0.000000001");
        check("1.10000000000", 1_100_000_000, "1.10");
        assert_eq!(Money::from_nanos(-1_500_000_000).to_string(), "-1.50");
    }

    #[test]
    fn what_is_no_amount_is_refused_with_its_reason() {
        let fault = |input: &str| input.parse::<Money>().expect_err(input);
        assert!(matches!(fault("ten"), MoneyError::Malformed(_)));
        assert!(matches!(fault("-1"), MoneyError::Malformed(_)));
        assert!(matches!(fault("1e3"), MoneyError::Malformed(_)));
        assert!(matches!(fault("1."), MoneyError::Malformed(_)));
        assert!(matches!(fault("0.0000000001"), MoneyError::TooFine(_)));
        assert!(matches!(fault("9223372037"), MoneyError::TooLarge(_)));
    }
}
