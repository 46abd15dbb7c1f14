//! Windows and zones.

use super::near::near;
use crate::governance::policy::place::{Diagnostic, Spanned};
use crate::governance::policy::settings::{File, Window};
use crate::governance::policy::window::{DAYS, day, minutes};
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

/// How far ahead is looked for a day on which the clock is changed.
const AHEAD: usize = 366;

pub(super) fn check(file: &File, today: Date, found: &mut Vec<Diagnostic>) {
    let zones = file
        .windows
        .iter()
        .map(|(_, window)| &window.tz)
        .chain([&file.defaults.tz]);
    for name in zones.flatten() {
        if zone(Some(name)).is_none() {
            unknown_zone(name, found);
        }
    }
    for (_, window) in &file.windows {
        days(window, found);
        times(window, found);
        let name = window.tz.as_ref().or(file.defaults.tz.as_ref());
        if let Some(zone) = zone(name) {
            clock_changes(window, &zone, today, found);
        }
    }
}

/// The zone of this name; UTC if there is no name, `None` if there is no such zone.
pub(super) fn zone(name: Option<&Spanned<String>>) -> Option<TimeZone> {
    match name {
        Some(name) => TimeZone::get(&name.value).ok(),
        None => Some(TimeZone::UTC),
    }
}

fn unknown_zone(name: &Spanned<String>, found: &mut Vec<Diagnostic>) {
    let known: Vec<String> = jiff::tz::db()
        .available()
        .map(|name| name.to_string())
        .collect();
    let near = near(&name.value, known.iter().map(String::as_str), found);
    let message = format!("there is no time zone `{}`{near}", name.value);
    found.push(
        Diagnostic::error("TG401", name.place, message)
            .with_help("zones are named like `Europe/Zurich`"),
    );
}

fn days(window: &Window, found: &mut Vec<Diagnostic>) {
    for name in &window.days {
        if day(&name.value).is_none() {
            let short = name.value.get(..3).filter(|short| day(short).is_some());
            let near = match short {
                Some(short) => format!(" (did you mean `{}`?)", short.to_ascii_lowercase()),
                None => near(&name.value, DAYS, found),
            };
            let message = format!("`{}` is not a day{near}", name.value);
            found.push(
                Diagnostic::error("TG402", name.place, message)
                    .with_help(format!("days are {}", DAYS.join(", "))),
            );
        }
    }
}

fn times(window: &Window, found: &mut Vec<Diagnostic>) {
    let mut read = |time: &Spanned<String>| {
        let minutes = minutes(&time.value);
        if minutes.is_none() {
            let message = format!("`{}` is not a time of day", time.value);
            found.push(
                Diagnostic::error("TG403", time.place, message)
                    .with_help("write it like \"07:00\""),
            );
        }
        minutes
    };
    let (from, to) = (read(&window.from), read(&window.to));
    let (Some(from), Some(to)) = (from, to) else {
        return;
    };
    if from == to {
        let message = "this window ends when it begins";
        found.push(
            Diagnostic::error("TG403", window.to.place, message)
                .with_help("for whole days write from \"00:00\" to \"24:00\""),
        );
    } else if from > to && !window.overnight {
        let message = format!(
            "the window from {} to {} crosses midnight",
            window.from.value, window.to.value
        );
        found.push(
            Diagnostic::error("TG404", window.from.place, message)
                .with_help("add `overnight: true` if that is meant, or mend its times"),
        );
    }
}

/// Warns of an edge that the clock will skip or show twice within a year.
fn clock_changes(window: &Window, zone: &TimeZone, today: Date, found: &mut Vec<Diagnostic>) {
    let is_on = |date: Date| {
        let weekday = usize::try_from(date.weekday().to_monday_zero_offset()).unwrap_or_default();
        let name = DAYS.get(weekday).copied().unwrap_or_default();
        window.days.is_empty()
            || window
                .days
                .iter()
                .any(|day| day.value.eq_ignore_ascii_case(name))
    };
    for edge in [&window.from, &window.to] {
        let Some(time) = minutes(&edge.value).and_then(clock) else {
            continue;
        };
        let days = today.series(jiff::Span::new().days(1)).take(AHEAD);
        let changed = days.filter(|date| is_on(*date)).find(|date| {
            zone.to_ambiguous_timestamp(date.to_datetime(time))
                .is_ambiguous()
        });
        if let Some(date) = changed {
            let name = zone.iana_name().unwrap_or("UTC");
            let message = format!(
                "on {date} a clock in {name} shows {} twice or never",
                edge.value
            );
            found.push(
                Diagnostic::warning("TG405", edge.place, message)
                    .with_help("choose an hour at which clocks are not changed, or leave it if that day does not matter"),
            );
        }
    }
}

/// The time of day of so many minutes; `None` for the end of a day.
fn clock(minutes: u16) -> Option<Time> {
    let hour = i8::try_from(minutes.div_euclid(60)).ok()?;
    let minute = i8::try_from(minutes.rem_euclid(60)).ok()?;
    Time::new(hour, minute, 0, 0).ok()
}
