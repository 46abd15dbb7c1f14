//! What was refused and found of late: by the hour as the panel counts it, and how often a minute.

use crate::cli::remote::{Fault, Panel, show};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

const HOUR: i64 = 3_600;
/// Over so many looks a rate is taken.
const LOOKS: usize = 61;

/// What happened in this hour and in the one before, by name.
#[derive(Debug, Default)]
pub(super) struct Counts {
    lines: Vec<Line>,
    /// When this hour began, in seconds since the epoch.
    hour: i64,
}

/// What happened under one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) now: i64,
    pub(super) before: i64,
}

impl Counts {
    /// What the panel says; nothing where it is of a version that says nothing of it.
    pub(super) fn take(panel: &Panel, what: &str, at: i64) -> Result<Option<Self>, Fault> {
        let hour = at.div_euclid(HOUR).saturating_mul(HOUR);
        let from = Timestamp::from_second(hour.saturating_sub(HOUR)).unwrap_or_default();
        let question = format!("analytics/{what}&interval=hour&from={from}");
        match panel.get(&question) {
            Ok(answer) => Ok(Some(Self::of(&answer, hour))),
            Err(fault) if fault.code() == Some("not_found") => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// An answer by the hour; the most frequent of this hour first.
    pub(super) fn of(answer: &Value, hour: i64) -> Self {
        let mut lines: BTreeMap<String, (i64, i64)> = BTreeMap::new();
        let counts = answer.get("counts").and_then(Value::as_array);
        for count in counts.into_iter().flatten() {
            let from = count.get("from").and_then(Value::as_str);
            let from = from.and_then(|from| from.parse::<Timestamp>().ok());
            let often = ["refused", "found"].map(|name| count.get(name).and_then(Value::as_i64));
            let often = often.into_iter().flatten().next().unwrap_or(0);
            let line = lines.entry(show::text(count, "name")).or_default();
            // The panel's clock may be in the next hour already.
            if from.is_some_and(|from| from.as_second() >= hour) {
                line.0 = line.0.saturating_add(often);
            } else {
                line.1 = line.1.saturating_add(often);
            }
        }
        let lines = lines.into_iter();
        let mut lines: Vec<Line> = lines
            .map(|(name, (now, before))| Line { name, now, before })
            .collect();
        lines.sort_by_key(|line| std::cmp::Reverse((line.now, line.before)));
        Self { lines, hour }
    }

    pub(super) fn lines(&self) -> &[Line] {
        &self.lines
    }

    pub(super) fn json(&self) -> Value {
        let lines = self.lines.iter();
        lines
            .map(|line| json!({ "name": line.name, "this_hour": line.now, "hour_before": line.before }))
            .collect()
    }

    /// The mean of this hour so far.
    pub(super) fn means(&self, at: i64) -> Rates {
        let millis = at.saturating_sub(self.hour).saturating_mul(1_000);
        let means = self.lines.iter();
        Rates(
            means
                .map(|line| (line.name.clone(), a_minute(line.now, millis)))
                .collect(),
        )
    }

    /// By name and hour: what grows as long as the panel tells of it.
    fn by_hour(&self) -> ByHour {
        let mut all = BTreeMap::new();
        for line in &self.lines {
            all.insert((line.name.clone(), self.hour), line.now);
            let before = self.hour.saturating_sub(HOUR);
            all.insert((line.name.clone(), before), line.before);
        }
        all
    }
}

type ByHour = BTreeMap<(String, i64), i64>;

/// How often a minute, in tenths.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Rates(BTreeMap<String, i64>);

impl Rates {
    /// In a column.
    pub(super) fn of(&self, name: &str) -> String {
        self.0.get(name).map_or_else(
            || "-".to_owned(),
            |tenths| format!("{}.{}", tenths / 10, tenths % 10),
        )
    }
}

/// Tenths of a time a minute.
fn a_minute(often: i64, millis: i64) -> i64 {
    let tenths = i128::from(often).saturating_mul(600_000) / i128::from(millis.max(1));
    i64::try_from(tenths).unwrap_or(i64::MAX)
}

/// What was counted at the last looks, and when they were.
#[derive(Debug, Default)]
pub(super) struct Tempo(VecDeque<(Duration, ByHour)>);

impl Tempo {
    /// Adds a look; how often each thing happened since the oldest that is remembered.
    pub(super) fn rates(&mut self, at: Duration, counts: Option<&Counts>) -> Rates {
        let Some(counts) = counts else {
            return Rates::default();
        };
        let now = counts.by_hour();
        let mut rates = BTreeMap::new();
        if let Some((then, before)) = self.0.front() {
            let millis = at.saturating_sub(*then).as_millis();
            let millis = i64::try_from(millis).unwrap_or(i64::MAX);
            let mut grown: BTreeMap<&String, i64> = BTreeMap::new();
            for (key, often) in &now {
                // What was not there yet had not happened.
                let known = before.get(key).copied().unwrap_or(0);
                let sum = grown.entry(&key.0).or_default();
                *sum = sum.saturating_add(often.saturating_sub(known).max(0));
            }
            for (name, often) in grown {
                rates.insert(name.clone(), a_minute(often, millis));
            }
        }
        self.0.push_back((at, now));
        if self.0.len() > LOOKS {
            self.0.pop_front();
        }
        Rates(rates)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(hour: i64, of: &[(&str, i64, i64)]) -> Counts {
        let time = |hour: i64| Timestamp::from_second(hour).expect("a time").to_string();
        let counts = of.iter().map(
            |(name, from, often)| json!({ "name": name, "from": time(*from), "refused": often }),
        );
        Counts::of(&json!({ "counts": counts.collect::<Vec<_>>() }), hour)
    }

    #[test]
    fn hours_stand_beside_each_other_and_the_most_frequent_comes_first() {
        let counts = counts(7_200, &[("a", 3_600, 5), ("a", 7_200, 1), ("b", 7_200, 9)]);
        let line = |name: &str, now, before| Line {
            name: name.to_owned(),
            now,
            before,
        };
        assert_eq!(counts.lines(), [line("b", 9, 0), line("a", 1, 5)]);
        let means = counts.means(7_200 + 90);
        assert_eq!((means.of("b"), means.of("a")), ("6.0".into(), "0.6".into()));
    }

    #[test]
    fn a_rate_goes_on_over_the_end_of_an_hour() {
        let at = Duration::from_secs;
        let mut tempo = Tempo::default();
        let first = tempo.rates(at(0), Some(&counts(3_600, &[("a", 3_600, 5)])));
        assert_eq!(first.of("a"), "-");
        let later = counts(3_600, &[("a", 3_600, 8), ("b", 3_600, 1)]);
        let rates = tempo.rates(at(30), Some(&later));
        assert_eq!((rates.of("a"), rates.of("b")), ("6.0".into(), "2.0".into()));
        let next = counts(7_200, &[("a", 3_600, 8), ("a", 7_200, 2)]);
        assert_eq!(tempo.rates(at(60), Some(&next)).of("a"), "5.0");
        // The panel tells of the hour before the last no more: nothing is below zero.
        let after = counts(10_800, &[("a", 7_200, 2)]);
        assert_eq!(tempo.rates(at(120), Some(&after)).of("a"), "1.0");
        assert_eq!(tempo.rates(at(121), None), Rates::default());
    }
}
