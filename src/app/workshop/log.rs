//! Decisions out of the decision log, as far as explaining and replaying need them.
//!
//! Lines are read one by one: a log of months does not fit into memory. A line that is no decision (the log's own marks, one
//! that is just being written) is passed over.

use crate::clock::{self, Wall};
use crate::governance::audit::Ruled;
use crate::governance::identity::{Digest, Key, Label, Labels};
use crate::ids::PassageId;
use crate::telemetry::audit_log;
use crate::units::Money;
use anyhow::{Context as _, bail};
use serde::Deserialize;
use std::path::Path;

/// One decision, as recorded.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Entry {
    /// Its id.
    pub id: String,
    /// When.
    pub at: String,
    /// The virtual key.
    pub key: Option<String>,
    /// The organisation.
    pub org: Option<String>,
    /// The team.
    pub team: Option<String>,
    /// The project.
    pub project: Option<String>,
    /// The agent.
    pub agent: Option<String>,
    /// The user.
    pub user: Option<String>,
    /// The model, as named by the caller.
    pub model: String,
    /// Who was called.
    pub provider: Option<String>,
    /// `allow`, `clamp`, `deny`, `error`.
    pub verdict: String,
    /// The stable code of why.
    pub reason: String,
    /// The budget, limit or rule that decided.
    pub scope: Option<String>,
    /// The status the caller saw.
    pub status: u16,
    /// Input tokens.
    pub input: u64,
    /// Input tokens out of a cache.
    pub cached_input: u64,
    /// Output tokens.
    pub output: u64,
    /// Of these, spent on reasoning.
    pub reasoning: u64,
    /// What it cost, in dollars.
    pub cost: String,
    /// What had been set aside, in dollars.
    pub reserved: String,
    /// The revision of the policies.
    pub policy: String,
    /// The revision of the configuration.
    pub config: String,
    /// What policies had to do with it.
    pub ruled: Option<Ruled>,
}

/// A point in time, as people say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Since(pub Wall);

impl Since {
    /// `7d`, `24h`, `30m` ago; a date; a time with its offset.
    ///
    /// # Errors
    /// It is none of these.
    pub fn read(text: &str) -> anyhow::Result<Self> {
        let now = clock::now().wall;
        if let Ok(length) = crate::settings::duration(text) {
            let nanos = i64::try_from(length.as_nanos()).unwrap_or(i64::MAX);
            return Ok(Self(Wall(now.0.saturating_sub(nanos))));
        }
        if let Ok(date) = text.parse::<jiff::civil::Date>() {
            let start = date.to_zoned(jiff::tz::TimeZone::UTC)?;
            return Ok(Self(Wall::from_secs(start.timestamp().as_second())));
        }
        let Ok(wall) = super::account::moment(text) else {
            bail!("`{text}` is no time: write 7d, 24h, 2026-11-20 or 2026-11-20T23:30:00+01:00");
        };
        Ok(Self(wall))
    }
}

impl Entry {
    /// A line of the log; none if it is no decision.
    pub(super) fn read(line: &str) -> Option<Self> {
        serde_json::from_str(line)
            .ok()
            .filter(|entry: &Self| !entry.id.is_empty())
    }

    /// When it was made.
    pub(super) fn wall(&self) -> Wall {
        super::account::moment(&self.at).unwrap_or_default()
    }

    /// The caller as the key it came with.
    pub(super) fn caller(&self) -> Key {
        let single = [
            (Label::Org, &self.org),
            (Label::Team, &self.team),
            (Label::Project, &self.project),
            (Label::Agent, &self.agent),
            (Label::User, &self.user),
        ];
        let single = single
            .into_iter()
            .filter_map(|(label, value)| Some((label, value.as_deref()?.into())));
        Key {
            name: self.key.as_deref().unwrap_or_default().into(),
            digest: Digest::of(b""),
            labels: Labels {
                single: single.collect(),
                groups: self
                    .ruled
                    .as_ref()
                    .map(|ruled| ruled.facts.groups.clone())
                    .unwrap_or_default(),
            },
            models: Vec::new(),
            expires: None,
            disabled: false,
            leaf: None,
        }
    }

    /// What it cost.
    pub(super) fn cost(&self) -> Money {
        self.cost.parse().unwrap_or_default()
    }
}

/// The decision of this id: `dec_…`, or `req_…` as callers see it.
///
/// # Errors
/// The log cannot be read.
pub(super) fn find(dir: &Path, id: &str) -> anyhow::Result<Option<Entry>> {
    let Some(id) = PassageId::read(id) else {
        return Ok(None);
    };
    let line = audit_log::find(dir, id)
        .with_context(|| format!("cannot read the decision log in `{}`", dir.display()))?;
    Ok(line.as_deref().and_then(Entry::read))
}

/// Every decision from `since` on and before `until`, oldest first. `progress` is told how many bytes are read, of how many.
///
/// # Errors
/// The log cannot be read.
pub(super) fn each(
    dir: &Path,
    since: Wall,
    until: Option<Wall>,
    progress: &mut dyn FnMut(u64, u64),
    tell: &mut dyn FnMut(Entry),
) -> anyhow::Result<()> {
    let mut records = audit_log::records(dir, Some(since), until)
        .with_context(|| format!("cannot read the decision log in `{}`", dir.display()))?;
    while let Some(line) = records.next() {
        let (read, all) = records.progress();
        progress(read, all);
        if let Some(entry) = Entry::read(&line?) {
            tell(entry);
        }
    }
    Ok(())
}
