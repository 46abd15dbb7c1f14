//! Circuits as written and as meant: when a target counts as down, and for how long.

use crate::provider::health::Breaker;
use crate::settings::{Report, duration};
use serde::Deserialize;
use std::time::Duration;

/// When calls are kept from a provider's targets, where others can be asked.
#[derive(Debug, Clone, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CircuitSettings {
    /// So many failed attempts in a row open it; 5 when absent.
    pub failures: Option<u32>,
    /// This share of the attempts within `window` opens it, too, once as many failed as `failures` says; `50%` when absent.
    pub rate: Option<String>,
    /// Failures further apart than this are not counted together; 30s when absent.
    pub window: Option<String>,
    /// How long it stays open before one call is let through as a probe; 15s when absent.
    pub open_for: Option<String>,
}

/// More than this in a row is no use: nobody would live to see it open.
const MOST_FAILURES: u32 = 1000;

impl CircuitSettings {
    /// As meant.
    #[must_use]
    pub fn compile(&self, report: &Report<'_>) -> Breaker {
        let usual = Breaker::default();
        let failures = self.failures.unwrap_or(usual.failures);
        if !(1..=MOST_FAILURES).contains(&failures) {
            report.at("failures").fault_with(
                "bad_failures",
                format!("{failures} is not between 1 and {MOST_FAILURES}"),
                "5 in a row are a good sign that a target is down",
            );
        }
        let read = |text: &str| {
            let number = text.strip_suffix('%')?.trim().parse::<u32>().ok()?;
            Some(number).filter(|percent| (1..=100).contains(percent))
        };
        let percent = self.rate.as_deref().map_or(Some(usual.percent), read);
        if percent.is_none() {
            let written = self.rate.as_deref().unwrap_or_default();
            report.at("rate").fault_with(
                "bad_percent",
                format!("`{written}` is not a share of all attempts"),
                "write it like `50%`; `100%` leaves failures in a row alone to open it",
            );
        }
        let length = |written: Option<&str>, key: &str, usual: Duration| {
            let report = report.at(key);
            let Some(time) = written.and_then(|text| report.check("bad_duration", duration(text)))
            else {
                return usual;
            };
            if time.is_zero() {
                report.fault("zero_duration", "zero would never keep a call from it");
            }
            time
        };
        Breaker {
            failures,
            percent: percent.unwrap_or(usual.percent),
            window: length(self.window.as_deref(), "window", usual.window),
            open_for: length(self.open_for.as_deref(), "open_for", usual.open_for),
        }
    }
}
