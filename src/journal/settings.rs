//! How durable the journal is, as written and as meant.

use serde::Deserialize;

/// How durable the ledgers' memory is.
#[derive(Debug, Clone, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JournalSettings {
    /// What a lost tail may cost.
    pub durability: Option<DurabilitySettings>,
    /// Whether an answer goes out before or after what it cost is on disk.
    pub answer: Option<AnswerSettings>,
}

/// What a lost tail may cost.
#[derive(Debug, Clone, Copy, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DurabilitySettings {
    /// No money is promised beyond what the disk knows of.
    #[default]
    Strict,
    /// Money is covered by a lease that is on disk already.
    Lease,
}

/// Whether an answer goes out before or after what it cost is on disk.
#[derive(Debug, Clone, Copy, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnswerSettings {
    /// Before.
    #[default]
    Before,
    /// After: every call waits for the disk.
    After,
}

/// The journal, as meant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Journal {
    /// What a lost tail may cost.
    pub durability: Durability,
    /// When the answer goes out.
    pub answer: Answer,
}

/// What a lost tail may cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Durability {
    /// No money is promised beyond what the disk knows of.
    #[default]
    Strict,
    /// Money is covered by a lease that is on disk already.
    Lease,
}

/// When the answer goes out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Answer {
    /// Before what it cost is on disk.
    #[default]
    Before,
    /// After.
    After,
}

impl JournalSettings {
    /// As meant; every value has a meaning.
    #[must_use]
    pub fn compile(&self) -> Journal {
        Journal {
            durability: match self.durability.unwrap_or_default() {
                DurabilitySettings::Strict => Durability::Strict,
                DurabilitySettings::Lease => Durability::Lease,
            },
            answer: match self.answer.unwrap_or_default() {
                AnswerSettings::Before => Answer::Before,
                AnswerSettings::After => Answer::After,
            },
        }
    }
}
