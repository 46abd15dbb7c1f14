//! What is looked up by name: lists, kinds of findings, zones, windows, dates.

use super::Reader;
use crate::clock::Wall;
use crate::governance::guard::Kind;
use crate::governance::policy::context::kind_name;
use crate::governance::policy::matcher::NameList;
use crate::governance::policy::place::{Place, Spanned};
use crate::governance::policy::settings::Names;
use crate::governance::policy::window::{self, Window};
use jiff::tz::TimeZone;

/// Lists of lists of lists: enough, and no list can contain itself.
const DEEPEST: u8 = 4;

impl Reader<'_, '_> {
    /// The entries of a list, with `$lists` put in, each with where it was written.
    pub(super) fn expand(&mut self, names: &Names) -> Vec<Spanned<String>> {
        let mut entries = Vec::new();
        self.expand_into(names, false, DEEPEST, &mut entries);
        entries
    }

    fn expand_into(
        &mut self,
        names: &Names,
        negated: bool,
        depth: u8,
        to: &mut Vec<Spanned<String>>,
    ) {
        let file = self.file;
        for name in names {
            let (not, rest) = match name.value.strip_prefix('!') {
                Some(rest) => (!negated, rest),
                None => (negated, name.value.as_str()),
            };
            let Some(list) = rest.strip_prefix('$') else {
                let sign = if not { "!" } else { "" };
                to.push(Spanned::new(format!("{sign}{rest}"), name.place));
                continue;
            };
            let known = file.lists.iter().find(|(known, _)| known.value == list);
            match (known, depth.checked_sub(1)) {
                (Some((_, entries)), Some(depth)) => self.expand_into(entries, not, depth, to),
                (Some(_), None) => {
                    self.fault(
                        "TG201",
                        name.place,
                        format!("list `{list}` is made of itself, or too deep"),
                    );
                }
                (None, _) => {
                    self.fault(
                        "TG201",
                        name.place,
                        format!("there is no list `{list}` in this file"),
                    );
                }
            }
        }
    }

    /// A list, compiled.
    pub(super) fn list(&mut self, names: &Names) -> NameList {
        let entries = self.expand(names);
        NameList::new(entries.iter().map(|entry| entry.value.as_str()))
    }

    /// The kinds of findings a list covers, and the list.
    pub(super) fn kinds(&mut self, names: &Names) -> (Box<[Kind]>, NameList) {
        let custom: Vec<Box<str>> = self.custom.iter().map(|name| Box::from(*name)).collect();
        let own = (0..).map(Kind::Custom).take(custom.len());
        let all: Vec<Kind> = Kind::BUILT_IN.into_iter().chain(own).collect();
        let entries = self.expand(names);
        for entry in &entries {
            let name = entry.value.trim_start_matches('!');
            let one = NameList::new([name]);
            if !all.iter().any(|kind| one.covers(kind_name(&custom, *kind))) {
                self.fault("TG501", entry.place, format!("no detector finds `{name}`"));
            }
        }
        let list = NameList::new(entries.iter().map(|entry| entry.value.as_str()));
        let covered = all
            .into_iter()
            .filter(|kind| list.covers(kind_name(&custom, *kind)));
        (covered.collect(), list)
    }

    /// A time zone, or UTC and a complaint.
    pub(super) fn zone_named(&mut self, name: &Spanned<String>) -> TimeZone {
        TimeZone::get(&name.value).unwrap_or_else(|_| {
            self.fault(
                "TG401",
                name.place,
                format!("there is no time zone `{}`", name.value),
            );
            TimeZone::UTC
        })
    }

    /// The end of a date's day in the file's zone.
    pub(super) fn end_of(&mut self, date: &Spanned<String>) -> Option<Wall> {
        let end = window::end_of(&date.value, &self.zone);
        if end.is_none() {
            self.fault(
                "TG405",
                date.place,
                format!("`{}` is no date (YYYY-MM-DD)", date.value),
            );
        }
        end
    }

    /// A window by its name.
    pub(super) fn window(&mut self, name: &Spanned<String>) -> Option<Window> {
        let file = self.file;
        let Some((_, written)) = file
            .windows
            .iter()
            .find(|(known, _)| known.value == name.value)
        else {
            self.fault(
                "TG201",
                name.place,
                format!("there is no window `{}` in this file", name.value),
            );
            return None;
        };
        let mut days = 0;
        for day in &written.days {
            let bit = window::day(&day.value);
            days |= bit.unwrap_or_default();
            if bit.is_none() {
                let known = window::DAYS.join(", ");
                self.fault(
                    "TG402",
                    day.place,
                    format!("`{}` is no day: write {known}", day.value),
                );
            }
        }
        if written.days.is_empty() {
            days = 0x7F;
        }
        let from = self.minutes(&written.from)?;
        let to = self.minutes(&written.to)?;
        let zone = match &written.tz {
            Some(zone) => self.zone_named(zone),
            None => self.zone.clone(),
        };
        if from > to && !written.overnight {
            let message = "this window crosses midnight: say `overnight: true`, or mend its times";
            self.fault("TG404", written.from.place, message);
        }
        let window = Window::new(&name.value, days, from, to, zone);
        if window.is_none() {
            self.fault(
                "TG403",
                written.to.place,
                "a window has to begin before it ends",
            );
        }
        window
    }

    fn minutes(&mut self, time: &Spanned<String>) -> Option<u16> {
        let minutes = window::minutes(&time.value);
        if minutes.is_none() {
            self.fault(
                "TG403",
                time.place,
                format!("`{}` is no time of day (HH:MM)", time.value),
            );
        }
        minutes
    }

    /// The place and kind of complaint every number of few allowed values shares.
    pub(super) fn one_of(&mut self, number: &Spanned<u64>, allowed: &[u16]) -> Option<u16> {
        let found = u16::try_from(number.value)
            .ok()
            .filter(|number| allowed.contains(number));
        if found.is_none() {
            self.complain_about_number(number.place, allowed);
        }
        found
    }

    fn complain_about_number(&mut self, place: Place, allowed: &[u16]) {
        let allowed: Vec<String> = allowed.iter().map(u16::to_string).collect();
        self.fault(
            "TG106",
            place,
            format!("allowed here: {}", allowed.join(", ")),
        );
    }
}
