//! Windows and their periods: the calendar, read in the budget's own time zone.
//!
//! A day is a calendar day there, so on the days the clocks change it has 23 or 25 hours; weeks start on Monday.

use crate::clock::Wall;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Unit, Zoned, ZonedRound};
use std::str::FromStr;

/// How long a period is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Window {
    /// `1h`
    Hour,
    /// `1d`
    Day,
    /// `1w`
    Week,
    /// `1mo`
    Month,
    /// `total`: one period that never ends.
    Total,
}

impl Window {
    /// Every window.
    pub const ALL: [Self; 5] = [Self::Hour, Self::Day, Self::Week, Self::Month, Self::Total];

    /// As written in configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::Day => "1d",
            Self::Week => "1w",
            Self::Month => "1mo",
            Self::Total => "total",
        }
    }
}

impl FromStr for Window {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|window| window.name() == text)
            .ok_or(())
    }
}

/// One turn of a window, in seconds since the epoch: from `start` up to but not including `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Period {
    /// First second.
    pub start: i64,
    /// First second after it.
    pub end: i64,
}

impl Period {
    /// The period that never ends.
    pub const TOTAL: Self = Self {
        start: 0,
        end: i64::MAX,
    };

    /// The period of `window` that `at` falls in, read in `zone`. A time no calendar holds falls in [`Period::TOTAL`], so
    /// that doubt never opens a fresh budget.
    #[must_use]
    pub fn containing(window: Window, zone: &TimeZone, at: Wall) -> Self {
        Self::try_containing(window, zone, at).unwrap_or(Self::TOTAL)
    }

    fn try_containing(window: Window, zone: &TimeZone, at: Wall) -> Option<Self> {
        let now = Timestamp::from_second(at.secs())
            .ok()?
            .to_zoned(zone.clone());
        let (start, span) = match window {
            Window::Total => return Some(Self::TOTAL),
            // An hour is an hour of elapsed time even where clocks change: rounding down keeps the offset.
            Window::Hour => {
                let start = now
                    .round(
                        ZonedRound::new()
                            .smallest(Unit::Hour)
                            .mode(jiff::RoundMode::Trunc),
                    )
                    .ok()?;
                (start, 1.hour())
            }
            Window::Day => (now.start_of_day().ok()?, 1.day()),
            Window::Week => {
                let since_monday = now.weekday().since(Weekday::Monday);
                let monday = now.checked_sub(i64::from(since_monday).days()).ok()?;
                (monday.start_of_day().ok()?, 1.week())
            }
            Window::Month => (now.first_of_month().ok()?.start_of_day().ok()?, 1.month()),
        };
        let end = match window {
            Window::Hour => start.checked_add(span).ok()?,
            _ => Zoned::start_of_day(&start.checked_add(span).ok()?).ok()?,
        };
        Some(Self {
            start: start.timestamp().as_second(),
            end: end.timestamp().as_second(),
        })
    }

    /// Whole seconds from `at` until it ends, rounded up; `None` if it never does.
    #[must_use]
    pub fn left(self, at: Wall) -> Option<u64> {
        if self.end == i64::MAX {
            return None;
        }
        let nanos = self
            .end
            .saturating_mul(1_000_000_000)
            .saturating_sub(at.nanos())
            .max(0);
        u64::try_from(nanos)
            .ok()
            .map(|nanos| nanos.div_ceil(1_000_000_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).expect(name)
    }

    fn check(window: Window, zone_name: &str, at: &str, start: &str, end: &str) {
        let secs = |text: &str| text.parse::<Timestamp>().expect(text).as_second();
        let period = Period::containing(window, &zone(zone_name), Wall::from_secs(secs(at)));
        assert_eq!(
            period,
            Period {
                start: secs(start),
                end: secs(end)
            },
            "{window:?} {zone_name} {at}"
        );
    }

    #[test]
    fn windows_follow_the_calendar_of_their_zone() {
        check(
            Window::Hour,
            "UTC",
            "2026-11-20T13:59:59Z",
            "2026-11-20T13:00:00Z",
            "2026-11-20T14:00:00Z",
        );
        check(
            Window::Day,
            "UTC",
            "2026-11-20T00:00:00Z",
            "2026-11-20T00:00:00Z",
            "2026-11-21T00:00:00Z",
        );
        check(
            Window::Day,
            "America/New_York",
            "2026-11-20T03:00:00Z",
            "2026-11-19T05:00:00Z",
            "2026-11-20T05:00:00Z",
        );
        check(
            Window::Week,
            "UTC",
            "2026-11-20T12:00:00Z",
            "2026-11-16T00:00:00Z",
            "2026-11-23T00:00:00Z",
        );
        check(
            Window::Week,
            "UTC",
            "2026-11-16T00:00:00Z",
            "2026-11-16T00:00:00Z",
            "2026-11-23T00:00:00Z",
        );
        check(
            Window::Month,
            "Europe/Zurich",
            "2026-02-10T00:00:00Z",
            "2026-01-31T23:00:00Z",
            "2026-02-28T23:00:00Z",
        );
    }

    #[test]
    fn days_on_which_clocks_change_have_23_and_25_hours() {
        check(
            Window::Day,
            "Europe/Zurich",
            "2026-03-29T12:00:00Z",
            "2026-03-28T23:00:00Z",
            "2026-03-29T22:00:00Z",
        );
        check(
            Window::Day,
            "Europe/Zurich",
            "2026-10-25T12:00:00Z",
            "2026-10-24T22:00:00Z",
            "2026-10-25T23:00:00Z",
        );
        // The hour that happens twice is two hours.
        check(
            Window::Hour,
            "Europe/Zurich",
            "2026-10-25T00:30:00Z",
            "2026-10-25T00:00:00Z",
            "2026-10-25T01:00:00Z",
        );
        check(
            Window::Hour,
            "Europe/Zurich",
            "2026-10-25T01:30:00Z",
            "2026-10-25T01:00:00Z",
            "2026-10-25T02:00:00Z",
        );
    }

    #[test]
    fn a_time_beyond_every_calendar_opens_no_fresh_period() {
        assert_eq!(
            Period::containing(Window::Day, &TimeZone::UTC, Wall(i64::MAX)).start,
            9_223_286_400
        );
        assert_eq!(
            Period::containing(Window::Total, &TimeZone::UTC, Wall(0)),
            Period::TOTAL
        );
    }
}
