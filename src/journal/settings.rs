//! How durable the journal is, as written and as meant.

use serde::Deserialize;
use std::time::Duration;

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

/// The sizes and times of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How large a segment becomes, in bytes.
    pub segment: u64,
    /// How many segments are kept, at least two: a damaged one leaves the one before it.
    pub keep: usize,
    /// How long entries wait for company when nobody waits for them.
    pub group: Duration,
    /// How long written entries stay unsynced at most when nobody waits for them.
    pub sync_within: Duration,
    /// How long without an entry until the ceilings are lowered to what is in use.
    pub idle: Duration,
    /// How long after a failure until the next attempt.
    pub retry: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            segment: 8 << 20,
            keep: 8,
            group: Duration::from_millis(5),
            sync_within: Duration::from_millis(100),
            idle: Duration::from_secs(2),
            retry: Duration::from_secs(1),
        }
    }
}
