//! Why a past decision was made: what its record says, and what the policies of then, or of today, say of it at length.

use super::Subject;
use super::account::Account;
use super::log::{self, Entry};
use crate::app::history::{History, Kept};
use crate::app::policies::today;
use crate::config::policy::{Compiled, Surroundings, assemble_texts};
use crate::governance::policy::Caller;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Which policies an explanation is by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// Those that decided, kept as this number.
    Kept(u64),
    /// Those that decided: they are still those at hand.
    Same,
    /// Those at hand today, because those that decided are not kept, or do not compile any more.
    Today,
    /// There is nothing to explain by, and why.
    Nothing(String),
}

/// A past decision.
#[derive(Debug)]
pub struct Past {
    /// The record.
    pub entry: Entry,
    /// By which policies it is explained.
    pub by: Then,
    /// The explanation.
    pub account: Option<Account>,
}

/// Finds a decision in the log of a state directory and explains it. `subject`: the policies of today; asked only where
/// those of then are not kept.
///
/// # Errors
/// The log cannot be read.
pub fn past(
    state_dir: &Path,
    id: &str,
    subject: impl FnOnce() -> anyhow::Result<Subject>,
) -> anyhow::Result<Option<Past>> {
    let Some(entry) = log::find(&state_dir.join("decisions"), id)? else {
        return Ok(None);
    };
    let Some(ruled) = entry.ruled.clone() else {
        let why = "no policies were in force, or the call did not come as far as them".to_owned();
        return Ok(Some(Past {
            entry,
            by: Then::Nothing(why),
            account: None,
        }));
    };
    let at = entry.wall();
    let (by, compiled) = match kept(state_dir, &entry.policy) {
        Some((kept, compiled)) => (Then::Kept(kept.number), Some(compiled)),
        None => now(&entry, subject),
    };
    let account = compiled.map(|compiled| {
        let key = entry.caller();
        Account::of(
            &compiled.policies,
            ruled,
            Caller::of(&key),
            &entry.model,
            at,
        )
    });
    Ok(Some(Past { entry, by, account }))
}

fn now(
    entry: &Entry,
    subject: impl FnOnce() -> anyhow::Result<Subject>,
) -> (Then, Option<Compiled>) {
    let assembled = match subject() {
        Ok(subject) => subject.assemble(),
        Err(error) => return (Then::Nothing(format!("{error:#}")), None),
    };
    let same = *assembled.loaded.revision == *entry.policy;
    match assembled.usable() {
        Ok(Some(compiled)) if same => (Then::Same, Some(compiled)),
        Ok(Some(compiled)) => (Then::Today, Some(compiled)),
        Ok(None) => (
            Then::Nothing("there are no policies today".to_owned()),
            None,
        ),
        Err(_) => (
            Then::Nothing("today's policies have errors: run `tollgate policy check`".to_owned()),
            None,
        ),
    }
}

/// A revision that is kept, compiled as of the day it was kept.
pub(super) fn kept(state_dir: &Path, revision: &str) -> Option<(Kept, Compiled)> {
    let history = History::open(&state_dir.join("policies"));
    let kept = history
        .revisions()
        .into_iter()
        .rev()
        .find(|kept| kept.revision == revision)?;
    let compiled = compiled(&kept, &state_dir.join("policies"))?;
    Some((kept, compiled))
}

/// A revision of the history, compiled as of the day it was kept: what was in force then may be overdue now.
fn compiled(kept: &Kept, folder: &Path) -> Option<Compiled> {
    let files = kept.files().ok()?;
    let texts: Vec<(PathBuf, Vec<u8>)> = files
        .into_iter()
        .map(|(name, text)| (shortened(&name), text.into_bytes()))
        .collect();
    let when = super::rollback::kept_at(folder, kept).unwrap_or_else(|| crate::clock::now().wall);
    let texts = texts
        .iter()
        .map(|(name, text)| (name.as_path(), text.as_slice()));
    let assembled = assemble_texts(texts, &Surroundings::default(), today(when));
    // It was in force: what a newer check would complain about does not change what it said.
    assembled.compiled
}

/// A file's name as a person there would write it: below the working directory, without it.
fn shortened(name: &Path) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    name.strip_prefix(&here)
        .map_or_else(|_| name.to_owned(), Path::to_owned)
}
