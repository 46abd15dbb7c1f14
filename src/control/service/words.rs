//! What people write in fields: names, addresses, amounts, times; and how the panel writes them back.

use super::{Fault, Outcome, ServiceError};
use crate::clock::Wall;
pub(super) use crate::ids::hex;
use crate::units::Money;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Names are not longer.
const MOST_NAME: usize = 64;
/// Reasons and other sentences are not longer.
const MOST_SENTENCE: usize = 500;

/// Gathers what is wrong, so that all of it is said at once.
#[derive(Debug, Default)]
pub(super) struct Check(Vec<Fault>);

impl Check {
    /// This is wrong, unless it is right.
    pub(super) fn that(&mut self, right: bool, field: &str, detail: &str) {
        if !right {
            self.0.push(Fault::new(field, detail));
        }
    }

    /// A name: part of paths and labels, so it is kept simple.
    pub(super) fn name(&mut self, field: &str, name: &str) {
        let simple = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ' | '@');
        let right = !name.is_empty()
            && name.len() <= MOST_NAME
            && name.trim() == name
            && name.chars().all(simple);
        self.that(
            right,
            field,
            "a name has up to 64 bytes: letters, digits, spaces within, and - _ . @",
        );
    }

    /// A sentence for people.
    pub(super) fn sentence(&mut self, field: &str, text: &str) {
        let right = !text.trim().is_empty()
            && text.len() <= MOST_SENTENCE
            && !text.chars().any(char::is_control);
        self.that(right, field, "say why, in up to 500 bytes on one line");
    }

    /// An address, as users sign in with it.
    pub(super) fn email(&mut self, field: &str, text: &str) -> String {
        let plain = |c: char| !c.is_whitespace() && !c.is_control();
        let right = text.len() <= 254
            && text.chars().all(plain)
            && text
                .split_once('@')
                .is_some_and(|(who, host)| !who.is_empty() && !host.is_empty());
        self.that(right, field, "an address looks like name@example.com");
        text.to_lowercase()
    }

    /// An amount of dollars.
    pub(super) fn money(&mut self, field: &str, text: &str) -> Money {
        match text.parse::<Money>() {
            Ok(money) => money,
            Err(error) => {
                self.0.push(Fault::new(field, error.to_string()));
                Money::ZERO
            }
        }
    }

    /// A time to come.
    pub(super) fn future(&mut self, field: &str, text: &str, now: Wall) -> Wall {
        let at = instant(text).unwrap_or_default();
        self.that(
            at > now,
            field,
            "a time to come, like 2027-06-30 or 2027-06-30T12:00:00Z",
        );
        at
    }

    /// Goes on where nothing is wrong.
    pub(super) fn done(self) -> Outcome<()> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(ServiceError::Invalid(self.0))
        }
    }
}

/// A day or a moment.
pub(super) fn instant(text: &str) -> Option<Wall> {
    let time = text.parse::<Timestamp>().ok().or_else(|| {
        let date = text.parse::<jiff::civil::Date>().ok()?;
        Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp())
    })?;
    Some(Wall::from_secs(time.as_second()))
}

/// A time, in UTC to the millisecond.
pub(super) fn time(nanos: i64) -> String {
    let time = Timestamp::from_millisecond(nanos.div_euclid(1_000_000));
    time.map(|time| time.to_string()).unwrap_or_default()
}

/// A time that may not be.
pub(super) fn some_time(nanos: Option<i64>) -> Option<String> {
    nanos.map(time)
}

/// An amount as the store has it.
pub(super) fn dollars(nanos: i64) -> String {
    Money::from_nanos(nanos).to_string()
}
