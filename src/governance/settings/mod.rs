//! Keys, budgets, limits and prices as written, and what they mean.
//!
//! The structs are the configuration contract: their names are the keys in the file and, with the `server` feature, in the
//! JSON schema. Fields hold what was written; `compile` turns them into the live values of this room and reports everything
//! that has no meaning. A compiled value exists only where its settings had no fault that concerns it.

mod budgets;
mod keys;
mod prices;

pub use budgets::{
    AtLimitSettings, BudgetSettings, ModeSettings, UnknownPriceSettings, WindowSettings,
};
pub use keys::{KeySettings, LabelSettings};
pub use prices::{BookSettings, PriceSettings, TierSettings};

use super::budget;
use super::identity::{Label, Selector};
use super::limit;
use crate::clock::Wall;
use crate::pattern::Pattern;
use crate::settings::Report;
use crate::units::Money;
use jiff::tz::TimeZone;
use serde::Deserialize;
use std::num::{NonZeroU32, NonZeroU64};

/// Picks calls by their labels: every label named must match by any of its values (`*` allowed); empty picks every call.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "server", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct MatchSettings {
    /// The organisation of the key.
    pub org: Option<Vec<String>>,
    /// The team of the key.
    pub team: Option<Vec<String>>,
    /// The project of the key.
    pub project: Option<Vec<String>>,
    /// The agent of the key.
    pub agent: Option<Vec<String>>,
    /// The person the key belongs to.
    pub user: Option<Vec<String>>,
    /// A group of that person.
    pub groups: Option<Vec<String>>,
    /// The name of the key.
    pub key: Option<Vec<String>>,
    /// `x-tollgate-run`.
    pub run: Option<Vec<String>>,
    /// `x-tollgate-session`.
    pub session: Option<Vec<String>>,
    /// `x-tollgate-end-user`.
    pub end_user: Option<Vec<String>>,
    /// One of `x-tollgate-tags`.
    pub tags: Option<Vec<String>>,
    /// The model as the caller names it.
    pub model: Option<Vec<String>>,
}

/// A label that splits a budget or a limit.
#[derive(Debug, Clone, Copy, Deserialize)]
#[cfg_attr(feature = "server", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PerSettings {
    /// One for each organisation.
    Org,
    /// One for each team.
    Team,
    /// One for each project.
    Project,
    /// One for each agent.
    Agent,
    /// One for each person.
    User,
    /// Refused: a call can have several groups.
    #[cfg_attr(feature = "server", schemars(skip))]
    Groups,
    /// One for each key.
    Key,
    /// One for each run.
    Run,
    /// One for each session.
    Session,
    /// One for each of the agent's own users.
    EndUser,
    /// Refused: a call can have several tags.
    #[cfg_attr(feature = "server", schemars(skip))]
    Tags,
    /// One for each model.
    Model,
}

/// What becomes of calls without the label of `per`.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[cfg_attr(feature = "server", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AbsentSettings {
    /// They share one.
    #[default]
    Share,
    /// They are refused.
    Deny,
}

/// Requests a minute, tokens a minute, calls at once.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "server", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LimitSettings {
    /// Its name.
    pub name: String,
    /// The calls it holds for; every call when empty.
    #[serde(default, rename = "match")]
    pub selector: MatchSettings,
    /// One limit of this size for each value of a label.
    pub per: Option<PerSettings>,
    /// What becomes of calls without that label.
    pub absent: Option<AbsentSettings>,
    /// Requests a minute.
    pub rpm: Option<u32>,
    /// Tokens a minute.
    pub tpm: Option<u64>,
    /// Calls at once.
    pub concurrency: Option<u32>,
}

impl MatchSettings {
    fn compile(&self, report: &Report<'_>) -> Selector {
        let named = [
            (Label::Org, &self.org),
            (Label::Team, &self.team),
            (Label::Project, &self.project),
            (Label::Agent, &self.agent),
            (Label::User, &self.user),
            (Label::Groups, &self.groups),
            (Label::Key, &self.key),
            (Label::Run, &self.run),
            (Label::Session, &self.session),
            (Label::EndUser, &self.end_user),
            (Label::Tags, &self.tags),
            (Label::Model, &self.model),
        ];
        let mut selector = Selector::default();
        for (label, values) in named {
            let Some(values) = values else { continue };
            let report = report.at(label);
            if values.is_empty() {
                report.fault_with(
                    "matches_nothing",
                    format!("no value of `{label}` is named, so no call would ever match"),
                    "name at least one, or remove the label to match every call",
                );
            }
            selector.0.push((label, patterns(values, &report)));
        }
        selector
    }
}

impl PerSettings {
    const fn label(self) -> Label {
        match self {
            Self::Org => Label::Org,
            Self::Team => Label::Team,
            Self::Project => Label::Project,
            Self::Agent => Label::Agent,
            Self::User => Label::User,
            Self::Groups => Label::Groups,
            Self::Key => Label::Key,
            Self::Run => Label::Run,
            Self::Session => Label::Session,
            Self::EndUser => Label::EndUser,
            Self::Tags => Label::Tags,
            Self::Model => Label::Model,
        }
    }

    fn compile(self, report: &Report<'_>) -> Label {
        let label = self.label();
        if label.is_list() {
            report.fault_with(
                "per_list",
                format!(
                    "a call can have several `{label}`, so it is not clear which of them would pay"
                ),
                format!("split by a label with one value, and pick by `match: {{ {label}: … }}`"),
            );
        }
        label
    }
}

pub(super) fn absent(
    written: Option<AbsentSettings>,
    per: Option<PerSettings>,
    report: &Report<'_>,
) -> budget::Absent {
    if written.is_some() && per.is_none() {
        report.at("absent").fault_with(
            "absent_without_per",
            "`absent` says what becomes of calls without the label of `per`, and there is no `per`",
            "add `per: …` or remove `absent`",
        );
    }
    match written.unwrap_or_default() {
        AbsentSettings::Share => budget::Absent::Share,
        AbsentSettings::Deny => budget::Absent::Deny,
    }
}

impl LimitSettings {
    /// The limit as meant.
    pub fn compile(&self, report: &Report<'_>) -> limit::Limit {
        name(&self.name, &report.at("name"));
        if self.rpm.is_none() && self.tpm.is_none() && self.concurrency.is_none() {
            report.fault_with(
                "limit_without_limit",
                format!("limit `{}` limits nothing", self.name),
                "set at least one of `rpm`, `tpm` and `concurrency`",
            );
        }
        let zero = |key: &str, is_zero: bool| {
            if is_zero {
                report.at(key).fault_with(
                    "zero_limit",
                    "zero would refuse every call",
                    "to shut callers out, use `disabled: true` on their keys",
                );
            }
        };
        zero("rpm", self.rpm == Some(0));
        zero("tpm", self.tpm == Some(0));
        zero("concurrency", self.concurrency == Some(0));
        limit::Limit {
            name: self.name.as_str().into(),
            selector: self.selector.compile(&report.at("match")),
            per: self.per.map(|per| per.compile(&report.at("per"))),
            absent: absent(self.absent, self.per, report),
            rpm: self.rpm.and_then(NonZeroU32::new),
            tpm: self.tpm.and_then(NonZeroU64::new),
            concurrency: self.concurrency.and_then(NonZeroU32::new),
        }
    }
}

/// Longer names and label values are refused: they travel in headers, metrics and records.
const MAX_NAME: usize = 256;

pub(super) fn name(text: &str, report: &Report<'_>) {
    if text.trim().is_empty() {
        report.fault("empty_name", "is empty");
    } else if text.len() > MAX_NAME {
        report.fault("long_name", format!("is longer than {MAX_NAME} bytes"));
    } else if text.chars().any(char::is_control) {
        report.fault("bad_name", "holds a control character");
    }
}

pub(super) fn patterns(texts: &[String], report: &Report<'_>) -> Vec<Pattern> {
    for (index, text) in texts.iter().enumerate() {
        name(text, &report.at(index));
    }
    texts.iter().map(|text| Pattern::new(text)).collect()
}

pub(super) fn money(text: &str, report: &Report<'_>) -> Option<Money> {
    report.check("bad_money", text.parse::<Money>())
}

pub(super) fn percent(text: &str, report: &Report<'_>) -> Option<u8> {
    let percent = text
        .strip_suffix('%')
        .and_then(|digits| digits.trim_end().parse::<u8>().ok())
        .filter(|percent| (1..=100).contains(percent));
    if percent.is_none() {
        report.fault_with(
            "bad_percent",
            format!("`{text}` is not a part of the whole"),
            "write it like \"80%\", from 1% to 100%",
        );
    }
    percent
}

/// A date (its start, UTC) or an RFC 3339 time.
pub(super) fn instant(text: &str) -> Option<Wall> {
    let time = text.parse::<jiff::Timestamp>().ok().or_else(|| {
        let date = text.parse::<jiff::civil::Date>().ok()?;
        let start = date.to_zoned(TimeZone::UTC).ok()?;
        (date.to_string() == text).then(|| start.timestamp())
    })?;
    Some(Wall::from_secs(time.as_second()))
}

#[cfg(test)]
mod tests;
