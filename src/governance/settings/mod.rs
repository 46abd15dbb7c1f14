//! Keys, budgets, limits and prices as written, and what they mean.
//!
//! The structs are the configuration contract: their names are the keys in the file and, with the `server` feature, in the
//! JSON schema. Fields hold what was written; `compile` turns them into the live values of this room and reports everything
//! that has no meaning. A compiled value exists only where its settings had no fault that concerns it.

mod prices;

pub use prices::{BookSettings, PriceSettings, TierSettings};

use super::budget::{self, AtLimit, Window};
use super::identity::{Digest, Key, Label, Labels, MAX_SECRET, Selector};
use super::limit;
use super::pricing;
use crate::clock::Wall;
use crate::pattern::Pattern;
use crate::settings::Report;
use crate::units::Money;
use jiff::tz::TimeZone;
use serde::Deserialize;
use std::num::{NonZeroU32, NonZeroU64};

/// A virtual key: `secret` as presented by callers, or its `hash`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "server", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct KeySettings {
    /// Its name, for people; also the label `key`.
    pub name: String,
    /// What callers present. Better a reference (`"${NAME}"`, `file:PATH`) than the text itself.
    pub secret: Option<String>,
    /// SHA-256 of what callers present, as `sha256:` and 64 hexadecimal digits; instead of `secret`.
    pub hash: Option<String>,
    /// What its calls are labelled with.
    #[serde(default)]
    pub labels: LabelSettings,
    /// The models it may name, `*` allowed; every model when absent, none when empty.
    pub models: Option<Vec<String>>,
    /// Refused from then on: `2027-06-30` (from the start of that day, UTC) or `2027-06-30T12:00:00Z`.
    pub expires: Option<String>,
    /// Refused now.
    #[serde(default)]
    pub disabled: bool,
}

/// The labels of a key.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "server", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LabelSettings {
    /// The organisation.
    pub org: Option<String>,
    /// The team.
    pub team: Option<String>,
    /// The project.
    pub project: Option<String>,
    /// The agent.
    pub agent: Option<String>,
    /// The person the key belongs to.
    pub user: Option<String>,
    /// The groups of that person.
    #[serde(default)]
    pub groups: Vec<String>,
}

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

impl KeySettings {
    /// The key as meant.
    pub fn compile(&self, report: &Report<'_>) -> Option<Key> {
        name(&self.name, &report.at("name"));
        let digest = match (&self.secret, &self.hash) {
            (Some(secret), None) => digest_of(secret, &report.at("secret")),
            (None, Some(hash)) => hash.parse().ok().or_else(|| {
                report.at("hash").fault_with(
                    "bad_hash",
                    "not the SHA-256 of a secret",
                    "write `sha256:` and 64 hexadecimal digits, as `tollgate key` prints them",
                );
                None
            }),
            (Some(_), Some(_)) => {
                report.at("hash").fault_with(
                    "key_secret_and_hash",
                    format!("key `{}` has both a secret and a hash", self.name),
                    "keep one of them",
                );
                None
            }
            (None, None) => {
                report.fault_with(
                    "key_without_secret",
                    format!("key `{}` has neither a secret nor a hash", self.name),
                    "add `secret: \"${NAME}\"` or `hash: \"sha256:…\"`",
                );
                None
            }
        };
        let expires = self.expires.as_deref().map(|text| {
            instant(text).or_else(|| {
                report.at("expires").fault_with(
                    "bad_time",
                    format!("`{text}` is not a date or a time"),
                    "write it like `2027-06-30` or `2027-06-30T12:00:00Z`",
                );
                None
            })
        });
        let labels = self.labels.compile(&report.at("labels"));
        let models = self
            .models
            .as_ref()
            .map(|models| patterns(models, &report.at("models")));
        Some(Key {
            name: self.name.as_str().into(),
            digest: digest?,
            labels,
            models,
            expires: match expires {
                Some(time) => Some(time?),
                None => None,
            },
            disabled: self.disabled,
        })
    }
}

/// Longer secrets would be refused when presented.
fn digest_of(secret: &str, report: &Report<'_>) -> Option<Digest> {
    if secret.is_empty() {
        report.fault_with(
            "empty_secret",
            "an empty secret would let everyone in",
            "give the key a secret",
        );
    } else if secret.len() > MAX_SECRET {
        report.fault(
            "long_secret",
            format!("longer than the {MAX_SECRET} bytes a caller may present"),
        );
    } else if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        report.fault_with(
            "bad_secret",
            "holds a character no HTTP header can carry",
            "use visible ASCII characters without spaces",
        );
    } else {
        return Some(Digest::of(secret.as_bytes()));
    }
    None
}

impl LabelSettings {
    fn compile(&self, report: &Report<'_>) -> Labels {
        let mut labels = Labels::default();
        for (label, value) in [
            (Label::Org, &self.org),
            (Label::Team, &self.team),
            (Label::Project, &self.project),
            (Label::Agent, &self.agent),
            (Label::User, &self.user),
        ] {
            if let Some(value) = value {
                name(value, &report.at(label));
                labels.single.insert(label, value.as_str().into());
            }
        }
        for (index, group) in self.groups.iter().enumerate() {
            name(group, &report.at(Label::Groups).at(index));
            labels.groups.push(group.as_str().into());
        }
        labels
    }
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

fn absent(
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

/// Longer names and label values are refused: they travel in headers, metrics and records.
const MAX_NAME: usize = 256;

fn name(text: &str, report: &Report<'_>) {
    if text.trim().is_empty() {
        report.fault("empty_name", "is empty");
    } else if text.len() > MAX_NAME {
        report.fault("long_name", format!("is longer than {MAX_NAME} bytes"));
    } else if text.chars().any(char::is_control) {
        report.fault("bad_name", "holds a control character");
    }
}

fn patterns(texts: &[String], report: &Report<'_>) -> Vec<Pattern> {
    for (index, text) in texts.iter().enumerate() {
        name(text, &report.at(index));
    }
    texts.iter().map(|text| Pattern::new(text)).collect()
}

fn money(text: &str, report: &Report<'_>) -> Option<Money> {
    report.check("bad_money", text.parse::<Money>())
}

fn percent(text: &str, report: &Report<'_>) -> Option<u8> {
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

/// A date (its start, UTC) or an RFC 3339 time.
fn instant(text: &str) -> Option<Wall> {
    let time = text.parse::<jiff::Timestamp>().ok().or_else(|| {
        let date = text.parse::<jiff::civil::Date>().ok()?;
        let start = date.to_zoned(TimeZone::UTC).ok()?;
        (date.to_string() == text).then(|| start.timestamp())
    })?;
    Some(Wall::from_secs(time.as_second()))
}

#[cfg(test)]
mod tests;
