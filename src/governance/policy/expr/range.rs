//! Between which values a number lies, whatever the request: how constants that overflow and comparisons that always come
//! out the same are found.
//!
//! Ranges may be too wide, never too narrow. They are kept in `i128`, where no operation on two `i64` can overflow.

use super::ast::{Arithmetic, Comparison};
use super::code::{Number, Texts};
use super::cost::longest;

/// From the smallest to the largest value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    least: i128,
    most: i128,
}

const SMALLEST: i128 = i64::MIN as i128;
const LARGEST: i128 = i64::MAX as i128;

impl Range {
    const ALL: Self = Self::new(SMALLEST, LARGEST);

    const fn new(least: i128, most: i128) -> Self {
        Self { least, most }
    }

    /// Whether no value of it can be held in 64 bits.
    pub(super) const fn overflows(self) -> bool {
        self.most < SMALLEST || self.least > LARGEST
    }

    /// Whether it is zero and nothing else.
    pub(super) const fn is_zero(self) -> bool {
        self.least == 0 && self.most == 0
    }

    /// What a comparison of the two always says.
    pub(super) const fn compared(self, comparison: Comparison, other: Self) -> Option<bool> {
        let apart = self.most < other.least || other.most < self.least;
        let same =
            self.least == self.most && other.least == other.most && self.least == other.least;
        match comparison {
            Comparison::Equal if apart => Some(false),
            Comparison::Equal if same => Some(true),
            Comparison::NotEqual if apart => Some(true),
            Comparison::NotEqual if same => Some(false),
            Comparison::Less if self.most < other.least => Some(true),
            Comparison::Less if self.least >= other.most => Some(false),
            Comparison::LessOrEqual if self.most <= other.least => Some(true),
            Comparison::LessOrEqual if self.least > other.most => Some(false),
            Comparison::Greater if self.least > other.most => Some(true),
            Comparison::Greater if self.most <= other.least => Some(false),
            Comparison::GreaterOrEqual if self.least >= other.most => Some(true),
            Comparison::GreaterOrEqual if self.most < other.least => Some(false),
            _ => None,
        }
    }

    /// As much of it as 64 bits hold: what does not fit is an error, not a value.
    const fn held(self) -> Self {
        if self.overflows() {
            return Self::ALL;
        }
        let least = if self.least < SMALLEST {
            SMALLEST
        } else {
            self.least
        };
        let most = if self.most > LARGEST {
            LARGEST
        } else {
            self.most
        };
        Self::new(least, most)
    }

    fn largest_magnitude(self) -> i128 {
        self.least.saturating_abs().max(self.most.saturating_abs())
    }
}

/// The range of a number, as far as 64 bits hold it.
pub(super) fn of(number: &Number) -> Range {
    raw(number).held()
}

/// The range of a number before it is cut to 64 bits.
pub(super) fn raw(number: &Number) -> Range {
    let up_to = |most: usize| Range::new(0, i128::try_from(most).unwrap_or(LARGEST));
    match number {
        Number::Literal(value) => Range::new((*value).into(), (*value).into()),
        Number::Variable(variable) => Range::new(0, variable.most().into()),
        Number::Element => Range::ALL,
        Number::Minus(operand) => {
            let operand = of(operand);
            Range::new(
                operand.most.saturating_neg(),
                operand.least.saturating_neg(),
            )
        }
        Number::Arithmetic(operation, operands) => {
            computed(*operation, of(&operands.0), of(&operands.1))
        }
        Number::Choose(parts) => {
            let (yes, no) = (of(&parts.1), of(&parts.2));
            Range::new(yes.least.min(no.least), yes.most.max(no.most))
        }
        Number::Characters(text) => up_to(longest(text)),
        // A request may offer more tools than are looked at one by one.
        Number::Entries(Texts::Variable(_)) => Range::new(0, LARGEST),
        Number::Entries(Texts::These(items)) => {
            let count = i128::try_from(items.len()).unwrap_or(LARGEST);
            Range::new(count, count)
        }
    }
}

fn computed(operation: Arithmetic, left: Range, right: Range) -> Range {
    match operation {
        Arithmetic::Add => Range::new(
            left.least.saturating_add(right.least),
            left.most.saturating_add(right.most),
        ),
        Arithmetic::Subtract => Range::new(
            left.least.saturating_sub(right.most),
            left.most.saturating_sub(right.least),
        ),
        Arithmetic::Multiply => {
            let corners = [
                left.least.saturating_mul(right.least),
                left.least.saturating_mul(right.most),
                left.most.saturating_mul(right.least),
                left.most.saturating_mul(right.most),
            ];
            let least = corners.into_iter().min().unwrap_or(SMALLEST);
            Range::new(least, corners.into_iter().max().unwrap_or(LARGEST))
        }
        Arithmetic::Divide if left.least >= 0 && right.least > 0 => Range::new(
            left.least.checked_div(right.most).unwrap_or(0),
            left.most.checked_div(right.least).unwrap_or(LARGEST),
        ),
        Arithmetic::Divide if left.least == left.most && right.least == right.most => {
            // Constants; zero is reported elsewhere.
            let result = left.least.checked_div(right.least).unwrap_or(0);
            Range::new(result, result)
        }
        Arithmetic::Divide => {
            let most = left.largest_magnitude();
            Range::new(most.saturating_neg(), most)
        }
        Arithmetic::Remainder if left.least == left.most && right.least == right.most => {
            // Like the evaluation, which finds that the quotient of the smallest number and -1 does not fit.
            if left.least == SMALLEST && right.least == -1 {
                return Range::new(LARGEST.saturating_add(1), LARGEST.saturating_add(1));
            }
            let result = left.least.checked_rem(right.least).unwrap_or(0);
            Range::new(result, result)
        }
        Arithmetic::Remainder => {
            let most = right.largest_magnitude().saturating_sub(1).max(0);
            let most = most.min(left.largest_magnitude());
            let least = if left.least >= 0 {
                0
            } else {
                most.saturating_neg()
            };
            Range::new(least, if left.most <= 0 { 0 } else { most })
        }
    }
}
