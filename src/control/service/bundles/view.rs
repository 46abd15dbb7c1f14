//! Bundles as people and their programs see them.

use super::super::{Db, Fault, Outcome, Panel, words};
use crate::control::store::house::bundles as rows;
use crate::control::store::house::users;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How far a bundle has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BundleState {
    /// No gateway was ever to run it.
    Staged,
    /// Some gateways are to run it, or all.
    Active,
    /// Some were, and none is any more.
    Retired,
}

/// A bundle of policies.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct BundleView {
    /// Its number: later ones are greater.
    pub version: u64,
    /// What it is called.
    pub name: String,
    /// How far it has come.
    pub state: BundleState,
    /// How many of a hundred gateways are to run it.
    pub percent: u8,
    /// SHA-256 of its files: what is signed.
    pub digest: String,
    /// The revision of its policies, as gateways without files of their own show it.
    pub policies: String,
    /// How many files it has.
    pub file_count: u64,
    /// Bytes of all of them.
    pub bytes: u64,
    /// What is new in it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Who uploaded it.
    pub made_by: String,
    /// When.
    pub created: String,
    /// When it was first rolled out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rolled_out: Option<String>,
    /// Its files, where one bundle is asked for: the text of each by its path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<BTreeMap<String, String>>,
}

/// A bundle that was stored.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct MadeBundle {
    /// The bundle.
    pub bundle: BundleView,
    /// What somebody should look at, each with its file, line and column.
    pub warnings: Vec<Fault>,
}

/// What gateways are to run.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RolloutView {
    /// The version for all gateways but those of the candidate; absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<u64>,
    /// The version that a part of them tries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidate: Option<u64>,
    /// How many of a hundred gateways try it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<u8>,
    /// Its version, as `if-match` wants it; gateways are told it, too.
    pub revision: i64,
    /// Who rolled it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_by: Option<String>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<String>,
    /// The key that gateways know it by, in hexadecimal digits: `panel.policy_key` of a gateway pins it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_key: Option<String>,
}

pub(super) async fn bundle(
    db: &mut Db<'_>,
    row: &rows::Bundle,
    rollout: Option<&rows::Rollout>,
) -> Outcome<BundleView> {
    let percent = rollout.map_or(0, |rollout| {
        let candidate = u8::try_from(rollout.percent).unwrap_or(0);
        if rollout.candidate == Some(row.version) {
            candidate
        } else if rollout.current == Some(row.version) {
            100_u8.saturating_sub(candidate)
        } else {
            0
        }
    });
    let state = match (percent, row.rolled) {
        (1.., _) => BundleState::Active,
        (0, None) => BundleState::Staged,
        (0, Some(_)) => BundleState::Retired,
    };
    Ok(BundleView {
        version: number(row.version),
        name: row.name.clone(),
        state,
        percent,
        digest: row.digest.clone(),
        policies: row.policies.clone(),
        file_count: number(row.count),
        bytes: number(row.bytes),
        note: row.note.clone(),
        made_by: who(db, row.made_by).await?,
        created: words::time(row.created),
        rolled_out: words::some_time(row.rolled),
        files: None,
    })
}

pub(super) async fn rollout(
    panel: &Panel,
    db: &mut Db<'_>,
    row: Option<&rows::Rollout>,
) -> Outcome<RolloutView> {
    let changed_by = match row {
        Some(row) => Some(who(db, row.made_by).await?),
        None => None,
    };
    let candidate = row.filter(|row| row.candidate.is_some());
    Ok(RolloutView {
        current: row.and_then(|row| row.current).map(number),
        candidate: row.and_then(|row| row.candidate).map(number),
        percent: candidate.and_then(|row| u8::try_from(row.percent).ok()),
        revision: row.map_or(0, |row| row.revision),
        changed_by,
        changed: row.map(|row| words::time(row.at)),
        policy_key: panel.policy_key().map(|key| key.to_string()),
    })
}

/// As the audit log has it.
pub(super) fn told(row: &rows::Rollout) -> Value {
    json!({ "current": row.current, "candidate": row.candidate, "percent": row.percent, "revision": row.revision })
}

async fn who(db: &mut Db<'_>, user: i64) -> Outcome<String> {
    let user = users::get(db, user).await?;
    Ok(user.map(|user| user.email).unwrap_or_default())
}

fn number(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
