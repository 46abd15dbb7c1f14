//! Python's `==`, `<` and `in` between values, within a bound on how much is looked at.

use super::Value;
use std::cmp::Ordering;

/// Two values between which Python knows no order, or a test of membership it refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Incomparable {
    /// `<` and its kin.
    #[error("'{op}' not supported between instances of '{left}' and '{right}'")]
    Order {
        /// The operator.
        op: &'static str,
        /// The type on the left.
        left: &'static str,
        /// The type on the right.
        right: &'static str,
    },
    /// `in` something that holds nothing.
    #[error("argument of type '{0}' is not iterable")]
    NotIterable(&'static str),
    /// `in` a text, of something else than a text.
    #[error("'in <string>' requires string as left operand, not {0}")]
    NotText(&'static str),
    /// `in` a dict, of something that cannot be a key.
    #[error("unhashable type: '{0}'")]
    Unhashable(&'static str),
    /// The values are too large to be compared here.
    #[error("the values are too large to compare (more than {0} within them)")]
    TooLarge(u32),
}

/// Compares, and counts how much it looked at.
#[derive(Debug, Clone)]
pub struct Comparison {
    bound: u32,
    left: u32,
}

impl Comparison {
    /// One that looks at no more than so many values.
    #[must_use]
    pub const fn bounded(bound: u32) -> Self {
        Self { bound, left: bound }
    }

    fn count(&mut self) -> Result<(), Incomparable> {
        self.left = self
            .left
            .checked_sub(1)
            .ok_or(Incomparable::TooLarge(self.bound))?;
        Ok(())
    }

    /// `left == right`.
    ///
    /// # Errors
    /// They are too large.
    pub fn equal(&mut self, left: &Value, right: &Value) -> Result<bool, Incomparable> {
        self.count()?;
        Ok(match (left, right) {
            (Value::Null, Value::Null) => true,
            (Value::Str(left), Value::Str(right)) => left == right,
            (Value::List(left), Value::List(right)) => {
                if left.len() != right.len() {
                    return Ok(false);
                }
                for (left, right) in left.iter().zip(right) {
                    if !self.equal(left, right)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Value::Dict(left), Value::Dict(right)) => {
                if left.len() != right.len() {
                    return Ok(false);
                }
                for (key, left) in left {
                    match right.get(key) {
                        Some(right) if self.equal(left, right)? => {}
                        _ => return Ok(false),
                    }
                }
                true
            }
            _ => match (Number::of(left), Number::of(right)) {
                (Some(left), Some(right)) => left.compare(right) == Some(Ordering::Equal),
                _ => false,
            },
        })
    }

    /// How `left` stands to `right`; `None` where one is not a number. `op` is what the error names.
    ///
    /// # Errors
    /// Python knows no order between them, or they are too large.
    pub fn order(
        &mut self,
        left: &Value,
        right: &Value,
        op: &'static str,
    ) -> Result<Option<Ordering>, Incomparable> {
        self.count()?;
        match (left, right) {
            // UTF-8 sorts as its code points do.
            (Value::Str(left), Value::Str(right)) => Ok(Some(left.cmp(right))),
            (Value::List(left), Value::List(right)) => {
                for (left, right) in left.iter().zip(right) {
                    if !self.equal(left, right)? {
                        return self.order(left, right, op);
                    }
                }
                Ok(Some(left.len().cmp(&right.len())))
            }
            _ => match (Number::of(left), Number::of(right)) {
                (Some(left), Some(right)) => Ok(left.compare(right)),
                _ => Err(Incomparable::Order {
                    op,
                    left: left.type_name(),
                    right: right.type_name(),
                }),
            },
        }
    }

    /// `item in container`.
    ///
    /// # Errors
    /// `container` holds nothing, or nothing like `item`, or they are too large.
    pub fn contains(&mut self, container: &Value, item: &Value) -> Result<bool, Incomparable> {
        self.count()?;
        match container {
            Value::Str(text) => match item {
                Value::Str(part) => Ok(text.contains(part.as_str())),
                other => Err(Incomparable::NotText(other.type_name())),
            },
            Value::List(items) => {
                for candidate in items {
                    if self.equal(candidate, item)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Value::Dict(entries) => match item {
                Value::Str(key) => Ok(entries.contains_key(key)),
                Value::List(_) | Value::Dict(_) => Err(Incomparable::Unhashable(item.type_name())),
                // Keys are texts.
                _ => Ok(false),
            },
            other => Err(Incomparable::NotIterable(other.type_name())),
        }
    }
}

/// A number; `True` is 1.
#[derive(Clone, Copy)]
enum Number {
    Int(i64),
    Float(f64),
}

impl Number {
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(flag) => Some(Self::Int(i64::from(*flag))),
            Value::Int(number) => Some(Self::Int(*number)),
            Value::Float(number) => Some(Self::Float(*number)),
            _ => None,
        }
    }

    /// Exact, as Python's is: no whole number is rounded to meet another.
    fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(left), Self::Int(right)) => Some(left.cmp(&right)),
            (Self::Float(left), Self::Float(right)) => left.partial_cmp(&right),
            (Self::Int(left), Self::Float(right)) => int_to_float(left, right),
            (Self::Float(left), Self::Int(right)) => {
                int_to_float(right, left).map(Ordering::reverse)
            }
        }
    }
}

fn int_to_float(int: i64, float: f64) -> Option<Ordering> {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    if float.is_nan() {
        return None;
    }
    if float >= BEYOND {
        return Some(Ordering::Less);
    }
    if float < -BEYOND {
        return Some(Ordering::Greater);
    }
    let whole = float.trunc();
    #[expect(clippy::cast_possible_truncation, reason = "whole, and within 64 bits")]
    let order = int.cmp(&(whole as i64));
    Some(order.then_with(|| whole.partial_cmp(&float).unwrap_or(Ordering::Equal)))
}
