//! What fits into a type, and what becomes of it there.

use super::{Entry, Field, Type};
use crate::workflow::value::{Dict, Value};
use std::fmt::Write as _;

/// Whether the types of elements hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Elements {
    /// They do.
    #[default]
    Typed,
    /// Lists and dicts hold whatever they hold, as in the Python runtime (`compat: lenient`).
    Any,
}

/// A value that does not fit, where it is within the whole, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", self.place())]
pub struct Misfit {
    /// Where, from the outside in: `.name` and `[3]`.
    pub path: String,
    /// Why.
    pub message: String,
}

impl Misfit {
    fn new(message: String) -> Self {
        Self {
            path: String::new(),
            message,
        }
    }

    fn of(wanted: &Type, found: &Value) -> Self {
        Self::new(match found {
            Value::Null => format!("expected {wanted}, found nothing (null)"),
            other => format!(
                "expected {wanted}, found {} {}",
                other.type_name(),
                shown(other)
            ),
        })
    }

    fn within(mut self, step: &str) -> Self {
        self.path.insert_str(0, step);
        self
    }

    fn place(&self) -> String {
        if self.path.is_empty() {
            String::new()
        } else {
            format!("{}: ", self.path)
        }
    }
}

/// As much of a value as a message should hold.
fn shown(value: &Value) -> String {
    const MOST: usize = 40;
    let whole = value.repr();
    let mut shown: String = whole.chars().take(MOST).collect();
    if shown.len() < whole.len() {
        shown.push('…');
    }
    shown
}

impl Type {
    /// Whether a value is of this type as it is.
    ///
    /// # Errors
    /// It is not: where, and why.
    pub fn check(&self, value: &Value, elements: Elements) -> Result<(), Misfit> {
        let inside = elements == Elements::Typed;
        match (self, value) {
            (Self::Str, Value::Str(_))
            | (Self::Int, Value::Int(_))
            | (Self::Float, Value::Float(_))
            | (Self::Bool, Value::Bool(_))
            | (Self::List(None), Value::List(_))
            | (Self::Dict(None), Value::Dict(_)) => Ok(()),
            (Self::List(Some(of)), Value::List(items)) => {
                for (index, item) in items.iter().enumerate().filter(|_| inside) {
                    of.check(item, elements)
                        .map_err(|misfit| misfit.within(&at(index)))?;
                }
                Ok(())
            }
            (Self::Dict(Some(of)), Value::Dict(entries)) => {
                for (key, item) in entries.iter().filter(|_| inside) {
                    of.key_fits(key)?;
                    of.value
                        .check(item, elements)
                        .map_err(|misfit| misfit.within(&under(key)))?;
                }
                Ok(())
            }
            (Self::Object(fields), Value::Dict(entries)) => {
                for field in fields {
                    let item = entries.get(&field.name).ok_or_else(|| field.missing())?;
                    field
                        .of
                        .check(item, elements)
                        .map_err(|misfit| misfit.within(&under(&field.name)))?;
                }
                match entries.keys().find(|key| {
                    !fields.is_empty() && fields.iter().all(|field| field.name != **key)
                }) {
                    Some(key) => Err(Misfit::new(format!("the object has no field `{key}`"))),
                    None => Ok(()),
                }
            }
            _ => Err(Misfit::of(self, value)),
        }
    }

    /// The value as one of this type: `"12"` is 12, `2.0` is 2, `"yes"` is true, 3 is 3.0, what an object does not know is
    /// dropped. Nothing that says more than the type can hold is cut to fit: 2.5 is no whole number, 5 no text.
    ///
    /// # Errors
    /// It cannot be: where, and why.
    pub fn coerce(&self, value: Value, elements: Elements) -> Result<Value, Misfit> {
        let inside = elements == Elements::Typed;
        match (self, value) {
            (Self::Str, value @ Value::Str(_))
            | (Self::List(None), value @ Value::List(_))
            | (Self::Dict(None), value @ Value::Dict(_)) => Ok(value),
            (Self::List(Some(_)), value @ Value::List(_))
            | (Self::Dict(Some(_)), value @ Value::Dict(_))
                if !inside =>
            {
                Ok(value)
            }
            (Self::Int, value) => self.int(&value).map(Value::Int),
            (Self::Float, value) => self.float(&value).map(Value::Float),
            (Self::Bool, value) => self.bool(&value).map(Value::Bool),
            (Self::List(Some(of)), Value::List(items)) => {
                let items = items.into_iter().enumerate().map(|(index, item)| {
                    of.coerce(item, elements)
                        .map_err(|misfit| misfit.within(&at(index)))
                });
                items.collect::<Result<_, _>>().map(Value::List)
            }
            (Self::Dict(Some(of)), Value::Dict(entries)) => {
                let entries = entries.into_iter().map(|(key, item)| {
                    of.key_fits(&key)?;
                    let item = of
                        .value
                        .coerce(item, elements)
                        .map_err(|misfit| misfit.within(&under(&key)))?;
                    Ok((key, item))
                });
                entries.collect::<Result<_, _>>().map(Value::Dict)
            }
            (Self::Object(fields), Value::Dict(mut entries)) => {
                let mut object = Dict::new();
                for field in fields {
                    let item = entries
                        .swap_remove(&field.name)
                        .ok_or_else(|| field.missing())?;
                    let item = field
                        .of
                        .coerce(item, elements)
                        .map_err(|misfit| misfit.within(&under(&field.name)))?;
                    object.insert(field.name.clone(), item);
                }
                Ok(Value::Dict(object))
            }
            (_, value) => Err(Misfit::of(self, &value)),
        }
    }

    fn int(&self, value: &Value) -> Result<i64, Misfit> {
        let found = match value {
            Value::Int(number) => Some(*number),
            Value::Bool(flag) => Some(i64::from(*flag)),
            Value::Float(number) => whole(*number),
            Value::Str(text) => {
                let text = text.trim();
                // `2.0` in quotes says the same as without.
                let digits = match text.split_once('.') {
                    Some((digits, zeros))
                        if !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') =>
                    {
                        digits
                    }
                    _ => text,
                };
                let unsigned = digits.strip_prefix(['+', '-']).unwrap_or(digits);
                let is_plain = unsigned.bytes().all(|byte| byte.is_ascii_digit());
                digits.parse().ok().filter(|_| is_plain)
            }
            _ => None,
        };
        found.ok_or_else(|| Misfit::of(self, value))
    }

    fn float(&self, value: &Value) -> Result<f64, Misfit> {
        let found = match value {
            Value::Float(number) => Some(*number),
            #[expect(clippy::cast_precision_loss, reason = "what Python's float() does")]
            Value::Int(number) => Some(*number as f64),
            Value::Bool(flag) => Some(f64::from(u8::from(*flag))),
            Value::Str(text) => text.trim().parse().ok(),
            _ => None,
        };
        found
            .filter(|number| number.is_finite())
            .ok_or_else(|| Misfit::of(self, value))
    }

    fn bool(&self, value: &Value) -> Result<bool, Misfit> {
        let found = match value {
            Value::Bool(flag) => Some(*flag),
            Value::Int(number) => match number {
                0 => Some(false),
                1 => Some(true),
                _ => None,
            },
            Value::Float(number) if *number == 0.0 => Some(false),
            #[expect(clippy::float_cmp, reason = "exactly one, as a whole number would be")]
            Value::Float(number) if *number == 1.0 => Some(true),
            Value::Str(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "t" | "yes" | "y" | "on" | "1" => Some(true),
                "false" | "f" | "no" | "n" | "off" | "0" => Some(false),
                _ => None,
            },
            _ => None,
        };
        found.ok_or_else(|| Misfit::of(self, value))
    }
}

impl Entry {
    fn key_fits(&self, key: &str) -> Result<(), Misfit> {
        self.key
            .clone()
            .coerce(Value::from(key), Elements::Typed)
            .map(drop)
            .map_err(|_| Misfit::new(format!("the key `{key}` is not a {}", self.key)))
    }
}

impl Field {
    fn missing(&self) -> Misfit {
        Misfit::new(format!(
            "the field `{}` ({}) is missing",
            self.name, self.of
        ))
    }
}

/// A float as the whole number it is.
fn whole(number: f64) -> Option<i64> {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    if number.fract() != 0.0 || !(-BEYOND..BEYOND).contains(&number) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole, and within 64 bits")]
    Some(number as i64)
}

fn at(index: usize) -> String {
    format!("[{index}]")
}

fn under(key: &str) -> String {
    let mut step = String::new();
    let _ = write!(step, ".{key}");
    step
}
