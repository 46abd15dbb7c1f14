//! Virtual keys as written, and what they mean.

use super::super::identity::{Digest, Key, Label, Labels, MAX_SECRET};
use super::{instant, name, patterns};
use crate::settings::Report;
use serde::{Deserialize, Serialize};

/// A virtual key: `secret` as presented by callers, or its `hash`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct KeySettings {
    /// Its name, for people; also the label `key`.
    pub name: String,
    /// What callers present. Better a reference (`"${NAME}"`, `file:PATH`) than the text itself.
    #[serde(skip_serializing)]
    pub secret: Option<String>,
    /// SHA-256 of what callers present, as `sha256:` and 64 hexadecimal digits; instead of `secret`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// What its calls are labelled with.
    #[serde(default)]
    pub labels: LabelSettings,
    /// The models it may name, `*` allowed; every model when absent, none when empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<Vec<String>>,
    /// Refused from then on: `2027-06-30` (from the start of that day, UTC) or `2027-06-30T12:00:00Z`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// Refused now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
}

/// The labels of a key.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LabelSettings {
    /// The organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org: Option<String>,
    /// The team.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// The project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The person the key belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The groups of that person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
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
        let models = self.models.iter();
        let models = models.map(|models| patterns(models, &report.at("models")));
        Some(Key {
            name: self.name.as_str().into(),
            digest: digest?,
            labels,
            models: models.collect(),
            expires: match expires {
                Some(time) => Some(time?),
                None => None,
            },
            disabled: self.disabled,
            leaf: None,
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
