//! Single values: what they mean, and what is wrong with those that mean nothing.

use super::misread::misread;
use super::shape::Shape;
use crate::config::fault::suggest;
use crate::config::yaml::{Scalar, Style};
use crate::settings::duration;
use crate::units::Money;

/// What is wrong with a value.
pub(super) struct Wrong {
    pub code: &'static str,
    pub message: String,
    pub help: Option<String>,
}

impl Wrong {
    fn new(code: &'static str, message: String, help: impl Into<Option<String>>) -> Self {
        Self {
            code,
            message,
            help: help.into(),
        }
    }
}

/// Holds a value that is there against its shape.
pub(super) fn check(scalar: &Scalar, shape: Shape, name: &str) -> Result<(), Wrong> {
    let text = scalar.text.as_str();
    match shape {
        Shape::Text => is_text(scalar, name),
        Shape::Flag => is_flag(scalar, name),
        Shape::Version if text == "1" => Ok(()),
        Shape::Version => Err(Wrong::new(
            "TG009",
            format!("version `{}` is not supported", shown(text)),
            "write `version: 1`".to_owned(),
        )),
        Shape::Number(least, most) => is_number(scalar, least, most, name).map(drop),
        Shape::Numbers(known) => {
            let number = is_number(scalar, 0, u64::MAX, name)?;
            if known.contains(&number) {
                return Ok(());
            }
            let known: Vec<String> = known.iter().map(|known| format!("`{known}`")).collect();
            Err(Wrong::new(
                "TG106",
                format!("`{name}` cannot be {number}"),
                format!("allowed here: {}", known.join(", ")),
            ))
        }
        Shape::Decimal(most, code) => is_decimal(scalar, most, code, name),
        Shape::Percent => is_percent(text, name),
        Shape::Length => match duration(text) {
            Ok(length) if length.is_zero() => Err(Wrong::new(
                "TG105",
                format!("`{name}` cannot be nothing"),
                None,
            )),
            Ok(_) => Ok(()),
            Err(error) => Err(Wrong::new("TG104", format!("`{name}`: {error}"), None)),
        },
        Shape::Dollars => match text.parse::<Money>() {
            Ok(Money::ZERO) => Err(Wrong::new(
                "TG105",
                format!("`{name}` cannot be nothing"),
                None,
            )),
            Ok(_) => Ok(()),
            Err(error) => Err(Wrong::new("TG104", format!("`{name}`: {error}"), None)),
        },
        Shape::Word(words) => is_word(text, words, name),
        // What is written is what is meant; lists and mappings are not looked at here.
        _ => Ok(()),
    }
}

fn is_text(scalar: &Scalar, name: &str) -> Result<(), Wrong> {
    let text = shown(&scalar.text);
    match misread(&scalar.text).filter(|_| scalar.style == Style::Plain) {
        None => Ok(()),
        Some(what) => Err(Wrong::new(
            "TG107",
            format!(
                "`{name}` takes text, and `{text}` without quotes is {what} to some readers of YAML"
            ),
            format!("write it in quotes: \"{text}\""),
        )),
    }
}

fn is_flag(scalar: &Scalar, name: &str) -> Result<(), Wrong> {
    let text = shown(&scalar.text);
    if flag(&scalar.text).is_some() {
        if scalar.style == Style::Plain {
            return Ok(());
        }
        let message = format!("`{name}` takes `true` or `false`, and in quotes it is a text");
        return Err(Wrong::new(
            "TG107",
            message,
            format!("write it without quotes: {text}"),
        ));
    }
    let meant = match scalar.text.to_ascii_lowercase().as_str() {
        "yes" | "on" | "y" => "true",
        "no" | "off" | "n" => "false",
        _ => {
            let message = format!("`{name}` takes `true` or `false`, and this is `{text}`");
            return Err(Wrong::new("TG104", message, None));
        }
    };
    Err(Wrong::new(
        "TG107",
        format!(
            "`{name}` takes `true` or `false`, and `{text}` is that only to some readers of YAML"
        ),
        format!("write `{meant}`"),
    ))
}

fn is_number(scalar: &Scalar, least: u64, most: u64, name: &str) -> Result<u64, Wrong> {
    let text = scalar.text.as_str();
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(no_number(scalar, name));
    }
    if scalar.style != Style::Plain {
        return Err(Wrong::new(
            "TG107",
            format!("`{name}` takes a whole number, and in quotes it is a text"),
            format!("write it without quotes: {}", shown(text)),
        ));
    }
    match number(text) {
        Some(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(Wrong::new(
            "TG105",
            format!("`{name}` cannot be {}", shown(text)),
            format!("from {least} to {most}"),
        )),
    }
}

/// What is wrong with a text where a whole number is wanted.
fn no_number(scalar: &Scalar, name: &str) -> Wrong {
    let text = shown(&scalar.text);
    let message = format!("`{name}` takes a whole number, and this is `{text}`");
    let is_numeric = scalar.style == Style::Plain && misread(&scalar.text) == Some("a number");
    let bare: String = scalar
        .text
        .chars()
        .filter(|c| *c != '_' && *c != ',')
        .collect();
    if number(&bare).is_some() {
        return Wrong::new("TG107", message, format!("write the digits alone: {bare}"));
    }
    let scientific = bare.split_once(['e', 'E']).and_then(|(digits, zeros)| {
        let zeros = usize::try_from(number(zeros)?)
            .ok()
            .filter(|zeros| *zeros <= 12)?;
        number(digits)?;
        Some(format!("{digits}{}", "0".repeat(zeros)))
    });
    match scientific.filter(|_| is_numeric) {
        Some(whole) => Wrong::new("TG107", message, format!("write the digits out: {whole}")),
        None => Wrong::new("TG104", message, None),
    }
}

fn is_decimal(scalar: &Scalar, most: u64, code: &'static str, name: &str) -> Result<(), Wrong> {
    let text = shown(&scalar.text);
    let unsigned = scalar.text.strip_prefix('-');
    if unsigned.is_some_and(|rest| milli(rest).is_some()) {
        let message = format!("`{name}` cannot be {text}");
        return Err(Wrong::new(
            code,
            message,
            format!("from 0 to {}", thousandths(most)),
        ));
    }
    let Some(value) = milli(&scalar.text) else {
        let message =
            format!("`{name}` takes a number with at most three decimals, and this is `{text}`");
        return Err(Wrong::new("TG104", message, None));
    };
    if scalar.style != Style::Plain {
        return Err(Wrong::new(
            "TG107",
            format!("`{name}` takes a number, and in quotes it is a text"),
            format!("write it without quotes: {text}"),
        ));
    }
    if value > most {
        let message = format!("`{name}` cannot be {text}");
        return Err(Wrong::new(
            code,
            message,
            format!("from 0 to {}", thousandths(most)),
        ));
    }
    Ok(())
}

fn is_percent(text: &str, name: &str) -> Result<(), Wrong> {
    match text.strip_suffix('%').and_then(milli) {
        Some(1..=100_000) => Ok(()),
        Some(_) => Err(Wrong::new(
            "TG105",
            format!("`{name}` cannot be {}", shown(text)),
            "more than 0% and at most 100%".to_owned(),
        )),
        None => Err(Wrong::new(
            "TG104",
            format!("`{name}` takes a percentage, and this is `{}`", shown(text)),
            milli(text).map(|_| format!("write it with its sign: \"{}%\"", shown(text))),
        )),
    }
}

fn is_word(text: &str, words: &[&str], name: &str) -> Result<(), Wrong> {
    if words.contains(&text) {
        return Ok(());
    }
    let (near, _) = near(text, words.iter().copied());
    Err(Wrong::new(
        "TG106",
        format!("`{name}` cannot be `{}`{near}", shown(text)),
        format!("allowed here: {}", quoted(words)),
    ))
}

/// ` (did you mean …?)` behind a name that is not known, or a remedy that names all that are.
pub(super) fn near<'a>(
    given: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> (String, Option<String>) {
    match suggest(given, known) {
        Some(help) if help.starts_with("did") => (format!(" ({help})"), None),
        help => (String::new(), help),
    }
}

/// Names in a row.
pub(super) fn quoted(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// As much of a text as a message should hold.
pub(super) fn shown(text: &str) -> String {
    const MOST: usize = 40;
    let mut shown: String = text.chars().take(MOST).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown.replace(['\n', '\r', '\t'], " ")
}

/// A whole number in plain digits.
pub(super) fn number(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

/// `true` or `false`.
pub(super) fn flag(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// A decimal number in thousandths.
pub(super) fn milli(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let fraction = Some(fraction).filter(|fraction| fraction.len() <= 3)?;
    let fraction = number(&format!("{fraction:0<3}"))?;
    number(whole)?.checked_mul(1_000)?.checked_add(fraction)
}

/// Thousandths as a decimal number.
fn thousandths(value: u64) -> String {
    let text = format!("{}.{:03}", value / 1_000, value % 1_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
