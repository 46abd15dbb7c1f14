//! Ends: of shadows and exceptions, which all have one.

use super::windows::zone;
use crate::governance::policy::place::{Diagnostic, Place, Spanned};
use crate::governance::policy::settings::File;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// Days before an end on which it is told.
const NOTICE: i32 = 14;
/// Days after an end for which it is only told.
const GRACE: i32 = 30;

pub(super) fn check(file: &File, today: Date, found: &mut Vec<Diagnostic>) {
    let rules = file
        .rules
        .iter()
        .map(|rule| (rule.shadow, &rule.shadow_until));
    let guards = file
        .redact
        .iter()
        .map(|redact| (redact.shadow, &redact.shadow_until));
    let breakers = file
        .breakers
        .iter()
        .map(|breaker| (breaker.shadow, &breaker.shadow_until));
    for (shadow, until) in rules.chain(guards).chain(breakers) {
        match (shadow, until) {
            (_, Some(until)) => end(until, today, "the shadow", found),
            (Some(place), None) => without_end(place, "a shadow", "shadow_until", found),
            (None, None) => {}
        }
    }
    for exception in &file.overrides {
        match &exception.expires {
            Some(until) => end(until, today, "the override", found),
            None => without_end(exception.place, "an override", "expires", found),
        }
    }
    let zone = zone(file.defaults.tz.as_ref()).unwrap_or(TimeZone::UTC);
    for time in file
        .tests
        .iter()
        .filter_map(|case| case.given.time.as_ref())
    {
        moment(time, &zone, found);
    }
}

fn without_end(place: Place, what: &str, key: &str, found: &mut Vec<Diagnostic>) {
    let message = format!("{what} needs an end");
    let help = format!("add `{key}:` with a date, like 2027-01-31");
    found.push(Diagnostic::error("TG212", place, message).with_help(help));
}

/// Complains of an end that is no date, over, or near.
fn end(until: &Spanned<String>, today: Date, what: &str, found: &mut Vec<Diagnostic>) {
    let Some(last) = date(&until.value) else {
        let message = format!("`{}` is not a date", until.value);
        found.push(
            Diagnostic::error("TG405", until.place, message).with_help("write it like 2027-01-31"),
        );
        return;
    };
    // Dates lie within ten thousand years, so their distance is a number of days.
    let left = last.since(today).map_or(0, |span| span.get_days());
    let complaint = if left > NOTICE {
        return;
    } else if left >= 0 {
        let message = match left {
            0 => format!("{what} ends today"),
            1 => format!("{what} ends tomorrow"),
            _ => format!("{what} ends in {left} days"),
        };
        Diagnostic::warning("TG212", until.place, message)
    } else {
        let ago = left.saturating_neg();
        let days = if ago == 1 { "day" } else { "days" };
        let message = format!("{what} ended {ago} {days} ago");
        if ago > GRACE {
            Diagnostic::error("TG212", until.place, message)
        } else {
            Diagnostic::warning("TG212", until.place, message)
        }
    };
    found.push(complaint.with_help("remove it, or move its end if it is still meant"));
}

/// A date as policies write it.
pub(super) fn date(text: &str) -> Option<Date> {
    let is_alone = text.len() == "2027-01-31".len();
    text.parse().ok().filter(|_| is_alone)
}

/// Complains of a time that is none, or that a clock shows twice or never.
fn moment(time: &Spanned<String>, zone: &TimeZone, found: &mut Vec<Diagnostic>) {
    let text = time.value.as_str();
    if text.parse::<Timestamp>().is_ok() {
        return;
    }
    let local = text
        .parse::<DateTime>()
        .ok()
        .filter(|_| text.contains(['T', 't', ' ']));
    let Some(local) = local else {
        let message = format!("`{text}` is not a time");
        found.push(
            Diagnostic::error("TG405", time.place, message)
                .with_help("write it like \"2026-11-20T23:30:00+01:00\""),
        );
        return;
    };
    if zone.to_ambiguous_timestamp(local).is_ambiguous() {
        let name = zone.iana_name().unwrap_or("UTC");
        let message = format!("a clock in {name} shows `{text}` twice or never");
        found.push(
            Diagnostic::warning("TG405", time.place, message)
                .with_help("add the offset, like +01:00"),
        );
    }
}
