//! What an expression can know of a request. All of it borrowed: filling it in costs nothing.

use crate::clock::Wall;
use crate::governance::guard::Kind;

/// What an expression can know of one request.
///
/// What a caller of [`super::Expression::eval`] need not find out is said by [`super::Expression::needs`].
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// `request.model`, as the caller names it.
    pub model: &'a str,
    /// `request.endpoint`.
    pub endpoint: &'a str,
    /// `request.input_tokens`.
    pub input_tokens: u64,
    /// `request.max_output_tokens`; none named is 0 in expressions.
    pub max_output_tokens: Option<u64>,
    /// `request.stream`.
    pub stream: bool,
    /// `request.tools`: the names of those offered; `request.tool_count` is their number.
    pub tools: &'a dyn Strings,
    /// `request.message_count`.
    pub message_count: u64,
    /// `request.bytes` of the body.
    pub bytes: u64,
    /// `request.headers`.
    pub headers: &'a dyn Headers,
    /// `user.id`, empty if there is none. So are the following four.
    pub user: &'a str,
    /// `user.groups`.
    pub groups: &'a dyn Strings,
    /// `agent`.
    pub agent: &'a str,
    /// `org`.
    pub org: &'a str,
    /// `team`.
    pub team: &'a str,
    /// `project`.
    pub project: &'a str,
    /// `time`, in the file's zone.
    pub time: LocalTime,
    /// `detections`: how many of each kind; a kind not in it was not found. At most one entry for each kind.
    pub detections: &'a [(Kind, u32)],
    /// `budget.used_pct` of the tightest budget, in whole per cent.
    pub used_pct: u64,
    /// `budget.soft`: whether a soft threshold is crossed.
    pub soft: bool,
}

/// A list of texts, however it is kept.
pub trait Strings {
    /// How many.
    fn count(&self) -> usize;
    /// The one at a place.
    fn at(&self, place: usize) -> Option<&str>;
}

impl<S: AsRef<str>> Strings for &[S] {
    fn count(&self) -> usize {
        self.len()
    }

    fn at(&self, place: usize) -> Option<&str> {
        self.get(place).map(AsRef::as_ref)
    }
}

impl<S: AsRef<str>> Strings for Vec<S> {
    fn count(&self) -> usize {
        self.len()
    }

    fn at(&self, place: usize) -> Option<&str> {
        self.get(place).map(AsRef::as_ref)
    }
}

impl<S: AsRef<str>, const N: usize> Strings for [S; N] {
    fn count(&self) -> usize {
        N
    }

    fn at(&self, place: usize) -> Option<&str> {
        self.get(place).map(AsRef::as_ref)
    }
}

/// The headers of a request.
pub trait Headers {
    /// The first value of a header, by its name in lower case; `None` if there is none or it is no text.
    fn header(&self, name: &str) -> Option<&str>;
}

/// None at all.
impl Headers for () {
    fn header(&self, _: &str) -> Option<&str> {
        None
    }
}

/// Names in lower case and values, for tests and the command line.
impl<N: AsRef<str>, V: AsRef<str>> Headers for Vec<(N, V)> {
    fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.iter().find(|(known, _)| known.as_ref() == name)?;
        Some(value.as_ref())
    }
}

static NOTHING: [&str; 0] = [];

/// Of a request nothing is known of.
impl Default for Facts<'_> {
    fn default() -> Self {
        Self {
            model: "",
            endpoint: "",
            input_tokens: 0,
            max_output_tokens: None,
            stream: false,
            tools: &NOTHING,
            message_count: 0,
            bytes: 0,
            headers: &(),
            user: "",
            groups: &NOTHING,
            agent: "",
            org: "",
            team: "",
            project: "",
            time: LocalTime::default(),
            detections: &[],
            used_pct: 0,
            soft: false,
        }
    }
}

/// The time of a request where its policy is at home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalTime {
    hour: u8,
    minute: u8,
    weekday: u8,
    date: [u8; 10],
}

/// The weekdays, as expressions name them.
pub(super) const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl LocalTime {
    /// The time in a zone.
    #[must_use]
    pub fn at(wall: Wall, zone: &jiff::tz::TimeZone) -> Self {
        let stamp = jiff::Timestamp::from_second(wall.secs()).unwrap_or_default();
        Self::of(zone.to_datetime(stamp))
    }

    /// The time of a calendar and a clock on the wall. Years before 0 and after 9999 are not told apart.
    #[must_use]
    pub fn of(local: jiff::civil::DateTime) -> Self {
        let small = |number: i8| u8::try_from(number).unwrap_or(0);
        let digit =
            |number: u16| b'0'.saturating_add(u8::try_from(number.rem_euclid(10)).unwrap_or(0));
        let year = u16::try_from(local.year()).unwrap_or(0);
        let (month, day) = (small(local.month()).into(), small(local.day()).into());
        let tens = |number: u16| [digit(number.div_euclid(10)), digit(number)];
        let ([y1, y2], [y3, y4]) = (tens(year.div_euclid(100)), tens(year));
        let ([m1, m2], [d1, d2]) = (tens(month), tens(day));
        Self {
            hour: small(local.hour()),
            minute: small(local.minute()),
            weekday: small(local.weekday().to_monday_zero_offset()),
            date: [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2],
        }
    }

    /// The hour, 0 to 23.
    #[must_use]
    pub const fn hour(&self) -> u8 {
        self.hour
    }

    /// The minute, 0 to 59.
    #[must_use]
    pub const fn minute(&self) -> u8 {
        self.minute
    }

    /// The weekday, `mon` to `sun`.
    #[must_use]
    pub fn weekday(&self) -> &'static str {
        WEEKDAYS
            .get(usize::from(self.weekday))
            .copied()
            .unwrap_or("mon")
    }

    /// The date, `YYYY-MM-DD`.
    #[must_use]
    pub fn date(&self) -> &str {
        std::str::from_utf8(&self.date).unwrap_or_default()
    }
}

/// Thursday, 1 January 1970, 00:00.
impl Default for LocalTime {
    fn default() -> Self {
        Self {
            hour: 0,
            minute: 0,
            weekday: 3,
            date: *b"1970-01-01",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_in_its_zone() {
        let zurich = jiff::tz::TimeZone::get("Europe/Zurich").expect("bundled");
        let time = LocalTime::at(Wall::from_secs(1_795_213_800), &zurich);
        let read = (time.date(), time.weekday(), time.hour(), time.minute());
        assert_eq!(read, ("2026-11-20", "fri", 23, 30));
        let utc = LocalTime::at(Wall::from_secs(0), &jiff::tz::TimeZone::UTC);
        assert_eq!(utc, LocalTime::default());
    }
}
