//! Values as Python prints them: `str()` and `repr()`.

use super::Value;
use std::fmt::{self, Write};

impl fmt::Display for Value {
    /// Python's `str()`: a text as it is, all else as `repr()`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Str(text) => f.write_str(text),
            other => repr(other, f),
        }
    }
}

impl Value {
    /// Python's `repr()`.
    #[must_use]
    pub fn repr(&self) -> String {
        let mut out = String::new();
        // Writing to a text does not fail.
        let _ = repr(self, &mut out);
        out
    }
}

fn repr(value: &Value, out: &mut impl Write) -> fmt::Result {
    match value {
        Value::Null => out.write_str("None"),
        Value::Bool(true) => out.write_str("True"),
        Value::Bool(false) => out.write_str("False"),
        Value::Int(number) => write!(out, "{number}"),
        Value::Float(number) => float(*number, out),
        Value::Str(text) => quoted(text, out),
        Value::List(items) => {
            out.write_char('[')?;
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.write_str(", ")?;
                }
                repr(item, out)?;
            }
            out.write_char(']')
        }
        Value::Dict(entries) => {
            out.write_char('{')?;
            for (index, (key, item)) in entries.iter().enumerate() {
                if index > 0 {
                    out.write_str(", ")?;
                }
                quoted(key, out)?;
                out.write_str(": ")?;
                repr(item, out)?;
            }
            out.write_char('}')
        }
    }
}

/// The shortest digits that read back as the same number, with an exponent below 1e-4 and from 1e16 on.
fn float(number: f64, out: &mut impl Write) -> fmt::Result {
    if number.is_nan() {
        return out.write_str("nan");
    }
    if number.is_infinite() {
        return out.write_str(if number > 0.0 { "inf" } else { "-inf" });
    }
    // Rust's own shortest digits are the same ones; only where it sets point and exponent differs.
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if number != 0.0 && !(-4..16).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return write!(out, "{digits}e{sign}{:02}", exponent.unsigned_abs());
    }
    let plain = format!("{number}");
    out.write_str(&plain)?;
    if plain.contains('.') {
        return Ok(());
    }
    out.write_str(".0")
}

fn quoted(text: &str, out: &mut impl Write) -> fmt::Result {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    out.write_char(quote)?;
    for c in text.chars() {
        match c {
            '\\' => out.write_str("\\\\")?,
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\t' => out.write_str("\\t")?,
            c if c == quote => write!(out, "\\{c}")?,
            ' '..='~' => out.write_char(c)?,
            c if !c.is_ascii() && is_printable(c) => out.write_char(c)?,
            c => {
                let code = u32::from(c);
                match code {
                    0..=0xff => write!(out, "\\x{code:02x}")?,
                    0x100..=0xffff => write!(out, "\\u{code:04x}")?,
                    _ => write!(out, "\\U{code:08x}")?,
                }
            }
        }
    }
    out.write_char(quote)
}

/// What Python's `str.isprintable()` says. The standard library knows the same table (control, format, surrogate, private,
/// unassigned and separators but the space) and shows it only where it escapes; behind a letter it escapes nothing else.
fn is_printable(c: char) -> bool {
    let text: String = ['a', c].iter().collect();
    text.escape_debug().count() == 2
}
