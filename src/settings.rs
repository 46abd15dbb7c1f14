//! How a room says what is wrong with settings as written.
//!
//! Each room owns its settings (plain `serde` structs) and the step that compiles them into live values. That step sees no
//! file: it points at a setting by its path (`budgets`, `0`, `limit`) and says what is wrong; `config` knows where that path
//! was written. A step goes on after a fault, so that one look shows all of them.
//!
//! Not here: reading files, places, suggestions (`config`).

use std::cell::RefCell;
use std::fmt::Display;
use std::time::Duration;

/// The way to a setting: keys and, in lists, positions.
pub type Path = Vec<Box<str>>;

/// One thing wrong with one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// Which setting.
    pub path: Path,
    /// A stable name for this kind of fault.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// A name that is not known, and those that are: for a suggestion.
    pub candidates: Option<(String, Vec<String>)>,
}

/// Collects complaints about one setting and those within it.
#[derive(Debug, Clone)]
pub struct Report<'a> {
    path: Path,
    complaints: &'a RefCell<Vec<Complaint>>,
}

impl<'a> Report<'a> {
    /// A report on the whole, into `complaints`.
    #[must_use]
    pub const fn new(complaints: &'a RefCell<Vec<Complaint>>) -> Self {
        Self {
            path: Vec::new(),
            complaints,
        }
    }

    /// The report on the setting `step` within this one.
    #[must_use]
    pub fn at(&self, step: impl Display) -> Self {
        let mut path = self.path.clone();
        path.push(step.to_string().into());
        Self {
            path,
            complaints: self.complaints,
        }
    }

    /// Which setting this is the report on.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Says what is wrong.
    pub fn fault(&self, code: &'static str, message: impl Display) {
        self.push(code, message.to_string(), None, None);
    }

    /// Says what is wrong and what to do about it.
    pub fn fault_with(&self, code: &'static str, message: impl Display, help: impl Display) {
        self.push(code, message.to_string(), Some(help.to_string()), None);
    }

    /// Says that `given` is not among `known`.
    pub fn unknown(
        &self,
        code: &'static str,
        message: impl Display,
        given: &str,
        known: Vec<String>,
    ) {
        self.push(
            code,
            message.to_string(),
            None,
            Some((given.to_owned(), known)),
        );
    }

    /// The value, or a fault with the error's own words.
    pub fn check<T>(&self, code: &'static str, result: Result<T, impl Display>) -> Option<T> {
        result.map_err(|error| self.fault(code, error)).ok()
    }

    fn push(
        &self,
        code: &'static str,
        message: String,
        help: Option<String>,
        candidates: Option<(String, Vec<String>)>,
    ) {
        self.complaints.borrow_mut().push(Complaint {
            path: self.path.clone(),
            code,
            message,
            help,
            candidates,
        });
    }
}

/// Why a text is no length of time or no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// Not a length of time.
    #[error(
        "`{0}` is not a length of time: write a whole number and its unit, like `200ms`, `5s`, `2m` or `1h`"
    )]
    Duration(String),
    /// Not a size.
    #[error(
        "`{0}` is not a size: write a whole number of bytes, or one with a unit, like `32MiB` or `1MB`"
    )]
    Size(String),
}

/// Reads `200ms`, `5s`, `2m`, `1h`, `1d`; a bare number is refused, since nobody remembers its unit.
///
/// # Errors
/// If the text is anything else.
pub fn duration(text: &str) -> Result<Duration, QuantityError> {
    let (number, unit) = quantity(text);
    let millis = match unit {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(86_400_000),
        _ => None,
    };
    millis
        .and_then(|millis: u64| number?.checked_mul(millis))
        .map(Duration::from_millis)
        .ok_or_else(|| QuantityError::Duration(text.to_owned()))
}

/// Reads `32MiB`, `1MB`, `512KiB`, `4096`.
///
/// # Errors
/// If the text is anything else, or more than this machine can address.
pub fn size(text: &str) -> Result<usize, QuantityError> {
    let (number, unit) = quantity(text);
    let bytes = match unit {
        "" | "B" => Some(1),
        "kB" | "KB" => Some(1_000),
        "KiB" => Some(1 << 10),
        "MB" => Some(1_000_000),
        "MiB" => Some(1 << 20),
        "GB" => Some(1_000_000_000),
        "GiB" => Some(1 << 30),
        _ => None,
    };
    bytes
        .and_then(|bytes: u64| number?.checked_mul(bytes))
        .and_then(|bytes| usize::try_from(bytes).ok())
        .ok_or_else(|| QuantityError::Size(text.to_owned()))
}

fn quantity(text: &str) -> (Option<u64>, &str) {
    let text = text.trim();
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    (number.parse().ok(), unit.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_carry_their_unit() {
        let check = |text: &str, expected: Option<u64>| {
            assert_eq!(
                duration(text).ok(),
                expected.map(Duration::from_millis),
                "{text}"
            );
        };
        check("200ms", Some(200));
        check("5s", Some(5_000));
        check("2m", Some(120_000));
        check("1h", Some(3_600_000));
        check("1 d", Some(86_400_000));
        check("5", None);
        check("1.5s", None);
        check("-5s", None);
        check("s", None);
        check("99999999999999999999s", None);
        check("18446744073709551615h", None);
    }

    #[test]
    fn sizes_are_bytes_unless_they_say_otherwise() {
        let check = |text: &str, expected: Option<usize>| {
            assert_eq!(size(text).ok(), expected, "{text}");
        };
        check("32MiB", Some(33_554_432));
        check("1MB", Some(1_000_000));
        check("4096", Some(4096));
        check("4 KiB", Some(4096));
        check("1mb", None);
        check("18446744073709551615GiB", None);
        check("", None);
    }
}
