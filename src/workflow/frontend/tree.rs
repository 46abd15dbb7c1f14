//! What a front-end reads: a tree in which every key and value knows its place.
//!
//! Of its own because the house reads YAML in one room (`config`), which knows files, and workflows know none. Scalars come
//! as they were written; what a bare one means is what the YAML of the Python runtime makes of it (`yes` is true, `1e3` a
//! text), as far as that is not a trap: `012` and `12:30` are refused.

use crate::workflow::diagnostic::Place;
use crate::workflow::value::{Dict, Value};

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Where it begins.
    pub place: Place,
    /// What it is.
    pub kind: Kind,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A text as written, and whether it stands there bare.
    Scalar {
        /// The text.
        text: String,
        /// Whether it has no quotes and is no block.
        plain: bool,
        /// Where each line of the text begins, as far as it stands in the file as it is.
        lines: Vec<Place>,
    },
    /// A list.
    List(Vec<Node>),
    /// A mapping.
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where it is.
    pub place: Place,
    /// Its value.
    pub value: Node,
}

/// A bare scalar that different readers take for different things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ambiguous {
    /// Where.
    pub place: Place,
    /// What is wrong.
    pub message: String,
}

impl Node {
    /// What it is, for messages.
    #[must_use]
    pub const fn what(&self) -> &'static str {
        match &self.kind {
            Kind::Scalar { .. } => "a single value",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
        }
    }

    /// Whether YAML reads it as no value at all.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { text, plain: true, .. } if is_null(text))
    }

    /// The place of a character of its text, by line and column from 0, where that is known.
    #[must_use]
    pub fn inside(&self, line: usize, column: usize) -> Option<Place> {
        let Kind::Scalar { lines, .. } = &self.kind else {
            return None;
        };
        let begin = lines.get(line)?;
        Some(Place {
            line: begin.line,
            column: begin.column.saturating_add(u32::try_from(column).ok()?),
        })
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.kind {
            Kind::Map(entries) => entries
                .iter()
                .find(|entry| entry.key == key)
                .map(|entry| &entry.value),
            _ => None,
        }
    }

    /// The value it stands for.
    ///
    /// # Errors
    /// A bare scalar in it is a trap.
    pub fn value(&self) -> Result<Value, Ambiguous> {
        match &self.kind {
            Kind::Scalar {
                text, plain: false, ..
            } => Ok(Value::Str(text.clone())),
            Kind::Scalar {
                text, plain: true, ..
            } => bare(text).map_err(|message| Ambiguous {
                place: self.place,
                message,
            }),
            Kind::List(items) => items
                .iter()
                .map(Self::value)
                .collect::<Result<_, _>>()
                .map(Value::List),
            Kind::Map(entries) => {
                let mut dict = Dict::new();
                for entry in entries {
                    dict.insert(entry.key.clone(), entry.value.value()?);
                }
                Ok(Value::Dict(dict))
            }
        }
    }
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// What a bare scalar means.
fn bare(text: &str) -> Result<Value, String> {
    if is_null(text) {
        return Ok(Value::Null);
    }
    match text {
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => {
            return Ok(Value::Bool(true));
        }
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            return Ok(Value::Bool(false));
        }
        ".inf" | "-.inf" | "+.inf" | ".nan" | ".Inf" | "-.Inf" | ".NaN" | ".NAN" | ".INF" => {
            return Err(format!("`{text}` is no number that a state can hold"));
        }
        _ => {}
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Ok(Value::from(text));
    }
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits(unsigned) {
        if unsigned.len() > 1 && unsigned.starts_with('0') {
            return Err(format!(
                "`{text}` is a number of base 8 to some readers: put it in quotes, or write it without the zero"
            ));
        }
        return text
            .parse()
            .map(Value::Int)
            .map_err(|_| format!("`{text}` does not fit into 64 bits"));
    }
    let is_prefixed =
        unsigned.starts_with("0x") || unsigned.starts_with("0o") || unsigned.starts_with("0b");
    let is_grouped = unsigned.contains(['_', ':'])
        && unsigned
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'_' | b':' | b'.'));
    if is_prefixed || is_grouped {
        return Err(format!(
            "`{text}` is a number to some readers: put it in quotes, or write plain digits"
        ));
    }
    if let Some((whole, rest)) = unsigned.split_once('.') {
        let (fraction, exponent) = match rest.split_once(['e', 'E']) {
            Some((fraction, exponent)) => (fraction, Some(exponent)),
            None => (rest, None),
        };
        let is_number = (digits(whole) || whole.is_empty() && digits(fraction))
            && (fraction.is_empty() || digits(fraction))
            && exponent.is_none_or(|text| text.strip_prefix(['+', '-']).is_some_and(digits));
        if is_number {
            return match text.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(Value::Float(number)),
                _ => Err(format!("`{text}` is too large for a float")),
            };
        }
    }
    Ok(Value::from(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_scalars_mean_what_python_reads() {
        let check = |text: &str, expected: &str| {
            assert_eq!(
                bare(text).map(|value| value.repr()).as_deref(),
                Ok(expected)
            );
        };
        check("", "None");
        check("~", "None");
        check("yes", "True");
        check("Off", "False");
        check("7", "7");
        check("-7", "-7");
        check("0", "0");
        check("1.5", "1.5");
        check("1.", "1.0");
        check(".5", "0.5");
        check("1.0e+3", "1000.0");
        check("1e3", "'1e3'");
        check("1.0.0", "'1.0.0'");
        check("2024-01-01", "'2024-01-01'");
        check("abc", "'abc'");
        check("-", "'-'");
        let refuse = |text: &str| assert!(bare(text).is_err(), "{text}");
        refuse("012");
        refuse("0x1f");
        refuse("1_000");
        refuse("12:30");
        refuse(".nan");
        refuse("9223372036854775808");
    }
}
