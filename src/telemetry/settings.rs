//! The decision log, as written and as meant: when a file is full, what is kept, what happens when the disk refuses.

use crate::settings::{Report, duration, size};
use serde::Deserialize;
use std::time::Duration;

/// The decision log.
#[derive(Debug, Clone, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionSettings {
    /// A file larger than this is closed and numbered: `64MiB`.
    #[schemars(extend("type" = ["string", "integer"]))]
    pub rotate: Option<String>,
    /// How many numbered files are kept; the oldest go.
    pub keep: Option<u64>,
    /// How long lines are kept: `90d`, or `forever` (as long as `keep` allows).
    pub retain: Option<String>,
    /// What to do with new calls when the log cannot be written and its queue is full.
    pub on_full: Option<OnFullSettings>,
    /// How many records may wait for the disk.
    pub queue: Option<u64>,
    /// A signed checkpoint is written after this many lines at the latest.
    pub checkpoint_lines: Option<u64>,
    /// A signed checkpoint is written this long after a line at the latest: `10m`.
    pub checkpoint_within: Option<String>,
}

/// What to do with new calls when the log cannot be written and its queue is full.
#[derive(Debug, Clone, Copy, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnFullSettings {
    /// Refuse them (503): no call goes unrecorded.
    #[default]
    Refuse,
    /// Let them go, count what is not recorded, and say so in the log once it can be written again.
    Drop,
}

/// The decision log, as meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decisions {
    /// A file larger than this is closed and numbered.
    pub rotate_bytes: u64,
    /// How many numbered files are kept.
    pub keep: usize,
    /// How long lines are kept; as long as `keep` allows when absent.
    pub retain: Option<Duration>,
    /// What happens to new calls when it cannot be written.
    pub on_full: OnFull,
    /// How many records may wait.
    pub queue: usize,
    /// Lines after which a checkpoint is due.
    pub checkpoint_lines: u64,
    /// Time after a line within which a checkpoint is due.
    pub checkpoint_within: Duration,
}

/// What happens to new calls when the log cannot be written and its queue is full.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnFull {
    /// They are refused.
    #[default]
    Refuse,
    /// They go; their records are dropped and counted.
    Drop,
}

impl Default for Decisions {
    fn default() -> Self {
        Self {
            rotate_bytes: 64 << 20,
            keep: 16,
            retain: None,
            on_full: OnFull::Refuse,
            queue: 65_536,
            checkpoint_lines: 10_000,
            checkpoint_within: Duration::from_mins(10),
        }
    }
}

/// Below this a few lines would fill a file.
const LEAST_ROTATE: usize = 4 << 10;
/// More files than anybody wants in one directory.
const MOST_KEPT: u64 = 10_000;
/// A million records are about half a gigabyte of memory.
const MOST_QUEUED: u64 = 1 << 20;

impl DecisionSettings {
    /// As meant.
    #[must_use]
    pub fn compile(&self, report: &Report<'_>) -> Decisions {
        let usual = Decisions::default();
        Decisions {
            rotate_bytes: self
                .rotate
                .as_deref()
                .and_then(|text| rotate(text, &report.at("rotate")))
                .unwrap_or(usual.rotate_bytes),
            keep: count(self.keep, MOST_KEPT, &report.at("keep"))
                .and_then(|keep| usize::try_from(keep).ok())
                .unwrap_or(usual.keep),
            retain: (self.retain.as_deref().filter(|text| *text != "forever"))
                .and_then(|text| length(text, &report.at("retain"))),
            on_full: match self.on_full.unwrap_or_default() {
                OnFullSettings::Refuse => OnFull::Refuse,
                OnFullSettings::Drop => OnFull::Drop,
            },
            queue: count(self.queue, MOST_QUEUED, &report.at("queue"))
                .and_then(|queue| usize::try_from(queue).ok())
                .unwrap_or(usual.queue),
            checkpoint_lines: count(
                self.checkpoint_lines,
                u64::MAX,
                &report.at("checkpoint_lines"),
            )
            .unwrap_or(usual.checkpoint_lines),
            checkpoint_within: self
                .checkpoint_within
                .as_deref()
                .and_then(|text| length(text, &report.at("checkpoint_within")))
                .unwrap_or(usual.checkpoint_within),
        }
    }
}

fn rotate(text: &str, report: &Report<'_>) -> Option<u64> {
    let bytes = report.check("bad_size", size(text))?;
    if bytes < LEAST_ROTATE {
        report.fault_with(
            "bad_size",
            format!("{bytes} bytes hold no more than a few lines"),
            "write at least `4KiB`; `64MiB` are about a hundred thousand lines",
        );
    }
    u64::try_from(bytes).ok()
}

fn count(written: Option<u64>, most: u64, report: &Report<'_>) -> Option<u64> {
    let number = written?;
    if number == 0 || number > most {
        report.fault("bad_count", format!("{number} is not between 1 and {most}"));
    }
    Some(number)
}

/// A length of time after which something happens, so never zero.
fn length(text: &str, report: &Report<'_>) -> Option<Duration> {
    let time = report.check("bad_duration", duration(text))?;
    if time.is_zero() {
        report.fault("zero_duration", "zero would end everything at once");
    }
    Some(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    fn compiled(settings: &DecisionSettings) -> (Decisions, Vec<&'static str>) {
        let complaints = RefCell::default();
        let meant = settings.compile(&Report::new(&complaints));
        let complaints = complaints.into_inner();
        (meant, complaints.iter().map(|one| one.code).collect())
    }

    #[test]
    fn nothing_written_keeps_everything_as_it_was() {
        assert_eq!(
            compiled(&DecisionSettings::default()),
            (Decisions::default(), vec![])
        );
    }

    #[test]
    fn values_that_make_no_log_are_faults() {
        let check = |settings: DecisionSettings, expected: &[&str]| {
            assert_eq!(compiled(&settings).1, expected, "{settings:?}");
        };
        let one = DecisionSettings::default;
        let text = |text: &str| Some(text.to_owned());
        check(
            DecisionSettings {
                rotate: text("64"),
                ..one()
            },
            &["bad_size"],
        );
        check(
            DecisionSettings {
                rotate: text("much"),
                ..one()
            },
            &["bad_size"],
        );
        check(
            DecisionSettings {
                keep: Some(0),
                ..one()
            },
            &["bad_count"],
        );
        check(
            DecisionSettings {
                retain: text("90"),
                ..one()
            },
            &["bad_duration"],
        );
        check(
            DecisionSettings {
                retain: text("0d"),
                ..one()
            },
            &["zero_duration"],
        );
        check(
            DecisionSettings {
                retain: text("forever"),
                ..one()
            },
            &[],
        );
        check(
            DecisionSettings {
                queue: Some(1 << 40),
                ..one()
            },
            &["bad_count"],
        );
    }
}
