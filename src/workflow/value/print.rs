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
    let scientific = shortest(number);
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if number != 0.0 && !(-4..16).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return write!(out, "{digits}e{sign}{:02}", exponent.unsigned_abs());
    }
    // The digits with the point where the exponent puts it, and a zero on either side where there is none.
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", digits),
    };
    let digits = digits.replace('.', "");
    let before = usize::try_from(exponent.saturating_add(1)).unwrap_or(0);
    if before == 0 {
        let zeros = usize::try_from(exponent.saturating_add(1).unsigned_abs()).unwrap_or(0);
        return write!(out, "{sign}0.{:0<zeros$}{digits}", "");
    }
    let whole = digits.get(..before).unwrap_or(&digits);
    let fraction = digits.get(before..).filter(|fraction| !fraction.is_empty());
    write!(out, "{sign}{whole:0<before$}.{}", fraction.unwrap_or("0"))
}

/// The shortest digits that read back as the number, as `d.ddde±x`. Where two texts of that length are equally near, the
/// standard library takes the larger and Python the even one, which is what rounding to that many digits gives.
fn shortest(number: f64) -> String {
    let shortest = format!("{number:e}");
    let digits = shortest
        .split('e')
        .next()
        .unwrap_or_default()
        .bytes()
        .filter(u8::is_ascii_digit)
        .count();
    let even = format!("{number:.*e}", digits.saturating_sub(1));
    #[expect(clippy::float_cmp, reason = "the very same number")]
    let is_same = even.parse::<f64>().is_ok_and(|read| read == number);
    if is_same { even } else { shortest }
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
