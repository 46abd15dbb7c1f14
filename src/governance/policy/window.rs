//! Hours of the week: `office` is Monday to Friday, 07:00 to 20:00, somewhere.
//!
//! A window that crosses midnight belongs to the day it begins on: Friday 22:00 to 06:00 ends on Saturday morning. The
//! local clock decides, so on the day it is put forward an hour of the window may not exist, and on the day it is put
//! back one is there twice.

use crate::clock::Wall;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

const DAY: u16 = 24 * 60;

/// The days as policies write them, Monday first.
pub(super) const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// A compiled window.
#[derive(Debug, Clone)]
pub(super) struct Window {
    name: Box<str>,
    /// One bit for each day, Monday lowest.
    days: u8,
    /// Minutes since midnight.
    from: u16,
    to: u16,
    zone: TimeZone,
}

impl Window {
    /// The window; `None` if it is empty.
    pub(super) fn new(name: &str, days: u8, from: u16, to: u16, zone: TimeZone) -> Option<Self> {
        (from != to && from < DAY && to <= DAY).then(|| Self {
            name: name.into(),
            days,
            from,
            to,
            zone,
        })
    }

    /// Whether this moment lies in it. A moment no calendar knows lies in none.
    pub(super) fn covers(&self, now: Wall) -> bool {
        let Some(local) = local(now, &self.zone) else {
            return false;
        };
        let minute = minute_of(&local);
        let today = day_of(&local);
        let on = |day: u8| self.days & (1 << day) != 0;
        if self.from < self.to {
            return on(today) && (self.from..self.to).contains(&minute);
        }
        let yesterday = today.checked_sub(1).unwrap_or(6);
        on(today) && minute >= self.from || on(yesterday) && minute < self.to
    }

    /// What it is, and what time it is there: `Fri 23:30 Europe/Zurich, office is Mon-Fri 07:00-20:00`.
    pub(super) fn describe(&self, now: Wall) -> String {
        let zone = self.zone.iana_name().unwrap_or("UTC");
        let there = local(now, &self.zone).map_or_else(
            || "no time".to_owned(),
            |local| local.strftime("%a %H:%M").to_string(),
        );
        let clock =
            |minute: u16| format!("{:02}:{:02}", minute.div_euclid(60), minute.rem_euclid(60));
        format!(
            "{there} {zone}, {} is {} {}-{}",
            self.name,
            self.day_names(),
            clock(self.from),
            clock(self.to)
        )
    }

    /// Its name in the file.
    pub(super) const fn name(&self) -> &str {
        &self.name
    }

    /// Runs of days as `Mon-Fri`, others one by one.
    fn day_names(&self) -> String {
        let title = |day: usize| {
            let mut name = (*DAYS.get(day).unwrap_or(&"")).to_owned();
            if let Some(first) = name.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            name
        };
        let mut runs: Vec<(usize, usize)> = Vec::new();
        for day in (0..DAYS.len()).filter(|day| self.days & (1_u8 << day) != 0) {
            match runs.last_mut() {
                Some((_, last)) if last.saturating_add(1) == day => *last = day,
                _ => runs.push((day, day)),
            }
        }
        let runs: Vec<String> = runs
            .into_iter()
            .map(|(first, last)| match last.saturating_sub(first) {
                0 => title(first),
                1 => format!("{},{}", title(first), title(last)),
                _ => format!("{}-{}", title(first), title(last)),
            })
            .collect();
        runs.join(",")
    }
}

/// The wall time as a clock in that zone shows it.
pub(super) fn local(now: Wall, zone: &TimeZone) -> Option<Zoned> {
    let timestamp = Timestamp::from_second(now.secs()).ok()?;
    Some(timestamp.to_zoned(zone.clone()))
}

/// Minutes since midnight.
fn minute_of(local: &Zoned) -> u16 {
    let hours = u16::try_from(local.hour()).unwrap_or_default();
    let minutes = u16::try_from(local.minute()).unwrap_or_default();
    hours.saturating_mul(60).saturating_add(minutes)
}

/// 0 for Monday to 6 for Sunday.
fn day_of(local: &Zoned) -> u8 {
    u8::try_from(local.weekday().to_monday_zero_offset()).unwrap_or_default()
}

/// `07:00` as minutes; `24:00` ends a day.
pub(super) fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(hours) || !digits(minutes) {
        return None;
    }
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    let all = hours.checked_mul(60)?.checked_add(minutes)?;
    (minutes < 60 && all <= DAY).then_some(all)
}

/// The bit of a day by its name.
pub(super) fn day(name: &str) -> Option<u8> {
    let at = DAYS.iter().position(|day| day.eq_ignore_ascii_case(name))?;
    Some(1 << at)
}

/// The moment a date is over in that zone: what holds until a date holds on it.
pub(super) fn end_of(date: &str, zone: &TimeZone) -> Option<Wall> {
    let date: jiff::civil::Date = date.parse().ok()?;
    let next = date.tomorrow().ok()?;
    let start = next.to_zoned(zone.clone()).ok()?;
    Some(Wall::from_secs(start.timestamp().as_second()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Wall {
        let timestamp: Timestamp = text.parse().expect("a timestamp");
        Wall::from_secs(timestamp.as_second())
    }

    fn zurich() -> TimeZone {
        TimeZone::get("Europe/Zurich").expect("bundled")
    }

    #[test]
    fn office_hours_are_those_of_the_place() {
        let office = Window::new("office", 0b1_1111, 7 * 60, 20 * 60, zurich()).expect("a window");
        let check = |time: &str, expected: bool| {
            assert_eq!(office.covers(at(time)), expected, "{time}");
        };
        check("2026-11-20T06:59:59+01:00", false);
        check("2026-11-20T07:00:00+01:00", true);
        check("2026-11-20T19:59:59+01:00", true);
        check("2026-11-20T20:00:00+01:00", false);
        check("2026-11-21T12:00:00+01:00", false);
        check("2026-07-01T05:30:00Z", true);
        assert_eq!(
            office.describe(at("2026-11-20T23:30:00+01:00")),
            "Fri 23:30 Europe/Zurich, office is Mon-Fri 07:00-20:00"
        );
    }

    #[test]
    fn a_night_belongs_to_the_day_it_begins_on() {
        let friday = Window::new("night", 1 << 4, 22 * 60, 6 * 60, zurich()).expect("a window");
        let check = |time: &str, expected: bool| {
            assert_eq!(friday.covers(at(time)), expected, "{time}");
        };
        check("2026-11-20T05:00:00+01:00", false);
        check("2026-11-20T22:00:00+01:00", true);
        check("2026-11-21T05:59:00+01:00", true);
        check("2026-11-21T06:00:00+01:00", false);
        check("2026-11-21T23:00:00+01:00", false);
    }

    #[test]
    fn a_date_ends_with_its_day() {
        assert_eq!(
            end_of("2027-01-31", &zurich()),
            Some(at("2027-02-01T00:00:00+01:00"))
        );
        assert_eq!(end_of("2027-02-30", &zurich()), None);
    }

    #[test]
    fn only_whole_clock_times_are_times() {
        assert_eq!(minutes("07:00"), Some(420));
        assert_eq!(minutes("24:00"), Some(1440));
        for text in ["7:00", "07:60", "24:01", "0700", "07:0x", "+7:00"] {
            assert_eq!(minutes(text), None, "{text}");
        }
    }
}
