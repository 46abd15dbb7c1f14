//! Budgets as written, and what they mean; and what a call costs whose model has no price.

use super::super::budget::{self, AtLimit, Window};
use super::super::pricing;
use super::{AbsentSettings, MatchSettings, PerSettings, absent, money, name, percent};
use crate::settings::Report;
use crate::units::Money;
use jiff::tz::TimeZone;
use serde::Deserialize;

/// How long a period of a budget is; calendar-aligned in `tz`, weeks start on Monday.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[cfg_attr(feature = "server", derive(schemars::JsonSchema))]
pub enum WindowSettings {
    /// An hour.
    #[serde(rename = "1h")]
    Hour,
    /// A day.
    #[default]
    #[serde(rename = "1d")]
    Day,
    /// A week.
    #[serde(rename = "1w")]
    Week,
    /// A month.
    #[serde(rename = "1mo")]
    Month,
    /// Forever.
    #[serde(rename = "total")]
    Total,
}

/// Whether a budget refuses or only counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "server", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ModeSettings {
    /// It refuses.
    #[default]
    Enforce,
    /// It only counts.
    Shadow,
}

/// What happens when a call does not fit into what is left.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[cfg_attr(feature = "server", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AtLimitSettings {
    /// It is sent with a smaller output cap, if at least 16 tokens fit.
    #[default]
    Clamp,
    /// It is refused.
    Deny,
}

/// What may be spent, by whom, in which window.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "server", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BudgetSettings {
    /// Its name.
    pub name: String,
    /// The calls it pays for; every call when empty.
    #[serde(default, rename = "match")]
    pub selector: MatchSettings,
    /// One budget of this size for each value of a label.
    pub per: Option<PerSettings>,
    /// What becomes of calls without that label.
    pub absent: Option<AbsentSettings>,
    /// How much may be spent in one period, in dollars: `"$10.00"`.
    #[cfg_attr(feature = "server", schemars(extend("type" = ["string", "integer"])))]
    pub limit: String,
    /// How long a period is.
    pub window: WindowSettings,
    /// The IANA time zone its calendar is read in; UTC when absent.
    pub tz: Option<String>,
    /// Parts of the limit at which a warning is due: `["50%", "80%"]`.
    #[serde(default)]
    pub soft: Vec<String>,
    /// Whether it refuses or only counts.
    pub mode: Option<ModeSettings>,
    /// What happens when a call does not fit.
    pub at_limit: Option<AtLimitSettings>,
    /// Whether what a period leaves is added to the next, at most one limit.
    #[serde(default)]
    pub carry_over: bool,
}

/// What to do with a call whose model has no price.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "server", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum UnknownPriceSettings {
    /// Refuse it.
    #[default]
    Deny,
    /// Promise and charge this much for each call, in dollars.
    Ceiling(
        #[cfg_attr(feature = "server", schemars(extend("type" = ["string", "integer"])))] String,
    ),
}

impl BudgetSettings {
    /// The budget as meant.
    pub fn compile(&self, report: &Report<'_>) -> Option<budget::Budget> {
        name(&self.name, &report.at("name"));
        let limit = money(&self.limit, &report.at("limit"));
        let zone = self
            .tz
            .as_deref()
            .map_or(Some(TimeZone::UTC), |name| zone(name, &report.at("tz")));
        let mut soft: Vec<u8> = (self.soft.iter().enumerate())
            .filter_map(|(index, text)| percent(text, &report.at("soft").at(index)))
            .collect();
        soft.sort_unstable();
        soft.dedup();
        Some(budget::Budget {
            name: self.name.as_str().into(),
            selector: self.selector.compile(&report.at("match")),
            per: self.per.map(|per| per.compile(&report.at("per"))),
            absent: absent(self.absent, self.per, report),
            limit: limit?,
            window: match self.window {
                WindowSettings::Hour => Window::Hour,
                WindowSettings::Day => Window::Day,
                WindowSettings::Week => Window::Week,
                WindowSettings::Month => Window::Month,
                WindowSettings::Total => Window::Total,
            },
            zone: zone?,
            soft,
            enforce: self.mode.unwrap_or_default() == ModeSettings::Enforce,
            at_limit: match self.at_limit.unwrap_or_default() {
                AtLimitSettings::Clamp => AtLimit::Clamp,
                AtLimitSettings::Deny => AtLimit::Deny,
            },
            carry_over: self.carry_over,
        })
    }
}

impl UnknownPriceSettings {
    /// As meant.
    pub fn compile(&self, report: &Report<'_>) -> pricing::UnknownPrice {
        let Self::Ceiling(text) = self else {
            return pricing::UnknownPrice::Deny;
        };
        let report = report.at("ceiling");
        match money(text, &report) {
            Some(ceiling) if ceiling > Money::ZERO => pricing::UnknownPrice::Ceiling(ceiling),
            Some(_) => {
                report.fault_with(
                    "zero_ceiling",
                    "a ceiling of zero would make calls without a price free",
                    "name the most such a call may cost, or write `unknown_price: deny`",
                );
                pricing::UnknownPrice::Deny
            }
            None => pricing::UnknownPrice::Deny,
        }
    }
}

fn zone(name: &str, report: &Report<'_>) -> Option<TimeZone> {
    let zone = TimeZone::get(name).ok();
    if zone.is_none() {
        let known = jiff::tz::db().available().map(|zone| zone.to_string());
        report.unknown(
            "unknown_zone",
            format!("`{name}` is not an IANA time zone"),
            name,
            known.collect(),
        );
    }
    zone
}
