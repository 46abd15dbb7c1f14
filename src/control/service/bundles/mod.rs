//! Bundles: policies that gateways are to run, uploaded, tried, and rolled out to some of them or to all.
//!
//! A bundle is a set of files under a number. It is stored only if it has no fault and its own tests pass, by the engine that
//! gateways run (handed in as a [`Checker`]: the panel knows nothing of what policies mean), and is never changed. What
//! gateways are to run is one line: a version for all, and perhaps a candidate for a part of them. Each change adds a line;
//! its number is the revision that gateways are told, and that whoever changes it next has to have read.
//!
//! Not here: which gateway is to run what, and what it says of it (`orders`).

mod office;
mod orders;
mod view;

pub use office::{Checked, Checker, Office};
pub use orders::{PolicyView, note_reports, order, report};
pub(in crate::control) use orders::{running, standing};
pub use view::{BundleState, BundleView, MadeBundle, RolloutView};

use super::access::Actor;
use super::audit::Act;
use super::words::Check;
use super::{Db, Listing, Outcome, Page, Panel, ServiceError, found};
use crate::control::store::StoreError;
use crate::control::store::house::bundles as rows;
use crate::lease::bundle::{Files, digest};
use crate::lease::directory::Event;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

/// Files in a bundle.
const MOST_FILES: usize = 256;
/// Bytes of all its files together.
const MOST_BYTES: usize = 2 << 20;
/// Bytes of a path.
const MOST_PATH: usize = 200;
/// What a bundle is called where nobody says.
const USUAL_NAME: &str = "policies";

/// A bundle to be stored.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBundle {
    /// What to call it; `policies` where absent.
    #[serde(default)]
    pub name: Option<String>,
    /// What is new in it, in a sentence.
    #[serde(default)]
    pub note: Option<String>,
    /// Its policy files, the text of each by its path (`teams/payments.yaml`), with their tests.
    pub files: BTreeMap<String, String>,
}

/// To whom a version is rolled out.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRollout {
    /// To how many of a hundred gateways, from 1; to all of them (100) where absent. More than before only adds gateways.
    #[serde(default)]
    pub percent: Option<u8>,
}

/// Back to which version.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRollback {
    /// The version that all gateways are to run; 0: none at all. Where absent: what all ran before, which is the current
    /// version while a candidate is rolled out, else the newest earlier one.
    #[serde(default)]
    pub version: Option<u64>,
}

/// Stores a bundle, if nothing is wrong with it. No gateway runs it yet.
///
/// # Errors
/// [`ServiceError::FaultyPolicies`] with everything that is wrong, each with its file, line and column.
pub async fn upload(panel: &Panel, actor: &Actor, new: NewBundle) -> Outcome<MadeBundle> {
    let mut check = Check::default();
    let name = new.name.unwrap_or_else(|| USUAL_NAME.to_owned());
    check.name("name", &name);
    if let Some(note) = &new.note {
        check.sentence("note", note);
    }
    sizes(&mut check, &new.files);
    check.done()?;
    let files = new.files;
    let checked = panel.bundles.check(&files).await?;
    if !checked.faults.is_empty() {
        return Err(ServiceError::FaultyPolicies(checked.faults));
    }
    let row = rows::Bundle {
        version: 0,
        name,
        digest: digest(&files),
        policies: checked.revision,
        count: i64::try_from(files.len()).unwrap_or(i64::MAX),
        bytes: i64::try_from(files.values().map(String::len).sum::<usize>()).unwrap_or(i64::MAX),
        note: new.note.unwrap_or_default(),
        made_by: actor.user,
        created: panel.now().nanos(),
        rolled: None,
    };
    let text = json!(files).to_string();
    let mut change = panel.change().await?;
    let version = rows::insert(change.db(), &row, &text).await?;
    let row = rows::Bundle { version, ..row };
    let rollout = rows::rollout(change.db()).await?;
    let view = view::bundle(change.db(), &row, rollout.as_ref()).await?;
    let target = version.to_string();
    let act = Act::of_panel("bundle.upload", &target, Value::Null, json!(view));
    panel.keep(change, actor, act).await?;
    Ok(MadeBundle {
        bundle: view,
        warnings: checked.warnings,
    })
}

fn sizes(check: &mut Check, files: &Files) {
    check.that(!files.is_empty(), "files", "at least one policy file");
    let few = files.len() <= MOST_FILES;
    check.that(few, "files", "at most 256 files");
    let bytes = files
        .values()
        .map(String::len)
        .fold(0, usize::saturating_add);
    check.that(bytes <= MOST_BYTES, "files", "at most 2 MiB together");
    for path in files.keys().take(MOST_FILES) {
        let detail = "a path is relative, of letters, digits, - _ . and / between its parts, and ends with .yaml or .yml";
        check.that(
            is_path(path),
            "files",
            &format!("`{}`: {detail}", path.escape_debug()),
        );
    }
}

/// Whether a file may be called so: nothing that leads elsewhere, wherever it is written down.
fn is_path(path: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_part =
        |part: &str| !part.is_empty() && !part.starts_with('.') && part.chars().all(plain);
    let is_policy = [".yaml", ".yml"].iter().any(|end| path.ends_with(end));
    is_policy && path.len() <= MOST_PATH && path.split('/').all(is_part)
}

/// All bundles, the oldest first.
///
/// # Errors
/// The books cannot be read.
pub async fn list(panel: &Panel, page: Page) -> Outcome<Listing<BundleView>> {
    let mut db = panel.read().await?;
    let rollout = rows::rollout(&mut db).await?;
    let mut bundles = rows::list(&mut db, page.window()).await?;
    let is_more = bundles.len() > usize::from(page.limit);
    bundles.truncate(usize::from(page.limit));
    let last = bundles.last().filter(|_| is_more).map(|row| row.version);
    let mut views = Vec::with_capacity(bundles.len());
    for row in &bundles {
        views.push(view::bundle(&mut db, row, rollout.as_ref()).await?);
    }
    Ok(Listing::new(views, last))
}

/// One of them, with its files.
///
/// # Errors
/// There is none of this number.
pub async fn get(panel: &Panel, id: &str) -> Outcome<BundleView> {
    let mut db = panel.read().await?;
    let row = find(&mut db, number(id)?).await?;
    let rollout = rows::rollout(&mut db).await?;
    let mut view = view::bundle(&mut db, &row, rollout.as_ref()).await?;
    view.files = Some(files(&mut db, row.version).await?);
    Ok(view)
}

/// What gateways are to run.
///
/// # Errors
/// The books cannot be read.
pub async fn rollout(panel: &Panel) -> Outcome<RolloutView> {
    let mut db = panel.read().await?;
    let rollout = rows::rollout(&mut db).await?;
    view::rollout(panel, &mut db, rollout.as_ref()).await
}

/// Rolls a version out: to a part of the gateways as a candidate, or to all of them.
///
/// # Errors
/// There is no such version, all gateways are to run it already, or somebody else was faster.
pub async fn roll_out(
    panel: &Panel,
    actor: &Actor,
    (id, read): (&str, Option<i64>),
    asked: NewRollout,
) -> Outcome<RolloutView> {
    let mut check = Check::default();
    let percent = asked.percent.unwrap_or(100);
    check.that((1..=100).contains(&percent), "percent", "from 1 to 100");
    check.done()?;
    let mut change = panel.change().await?;
    let version = find(change.db(), number(id)?).await?.version;
    let before = as_read(change.db(), read).await?;
    let current = before.as_ref().and_then(|before| before.current);
    let next = if percent == 100 {
        (Some(version), None, 0)
    } else if current == Some(version) {
        return Err(ServiceError::field(
            "percent",
            "all gateways are to run this version already: roll another one out, or back to another",
        ));
    } else {
        (current, Some(version), i64::from(percent))
    };
    enact(panel, actor, change, ("bundle.rollout", before), next).await
}

/// Has all gateways run an earlier version, or none.
///
/// # Errors
/// There is no earlier one, or somebody else was faster.
pub async fn roll_back(
    panel: &Panel,
    actor: &Actor,
    read: Option<i64>,
    asked: NewRollback,
) -> Outcome<RolloutView> {
    let mut change = panel.change().await?;
    let before = as_read(change.db(), read).await?;
    let current = before.as_ref().and_then(|before| before.current);
    let candidate = before.as_ref().and_then(|before| before.candidate);
    let newest = candidate.max(current).unwrap_or(0);
    let version = match asked.version {
        Some(0) => None,
        Some(version) => {
            let version = i64::try_from(version).unwrap_or(i64::MAX);
            let version = find(change.db(), version).await?.version;
            if version >= newest && Some(version) != current {
                return Err(ServiceError::field(
                    "version",
                    "this is no earlier version than those that gateways run: roll it out instead",
                ));
            }
            Some(version)
        }
        None if candidate.is_some() => current,
        None => {
            let earlier = rows::earlier(change.db(), current.unwrap_or(0)).await?;
            if earlier.is_none() {
                return Err(ServiceError::field(
                    "version",
                    "all gateways ran no earlier version: name one, or 0 to have them run none",
                ));
            }
            earlier
        }
    };
    enact(
        panel,
        actor,
        change,
        ("bundle.rollback", before),
        (version, None, 0),
    )
    .await
}

/// What gateways are to run as whoever changes it has read it.
async fn as_read(db: &mut Db<'_>, read: Option<i64>) -> Outcome<Option<rows::Rollout>> {
    let now = rows::rollout(db).await?;
    let revision = now.as_ref().map_or(0, |now| now.revision);
    if read.is_some_and(|read| read != revision) {
        return Err(ServiceError::Changed);
    }
    Ok(now)
}

/// Makes it so, and tells gateways to look.
async fn enact(
    panel: &Panel,
    actor: &Actor,
    mut change: crate::control::store::Change,
    (action, before): (&'static str, Option<rows::Rollout>),
    (current, candidate, percent): (Option<i64>, Option<i64>, i64),
) -> Outcome<RolloutView> {
    let now = panel.now().nanos();
    // Beyond every number that a panel with these books, or with newer ones that were lost, gave out.
    let after = before.as_ref().map_or(0, |before| before.revision);
    let revision = after.saturating_add(1).max(now.div_euclid(1_000_000));
    let next = rows::Rollout {
        revision,
        current,
        candidate,
        percent,
        made_by: actor.user,
        at: now,
    };
    rows::roll(change.db(), &next).await?;
    for version in [current, candidate].into_iter().flatten() {
        rows::rolled(change.db(), version, now).await?;
    }
    let was = before.as_ref().map_or(Value::Null, view::told);
    let target = candidate.or(current).unwrap_or(0).to_string();
    let is = view::told(&next);
    let view = view::rollout(panel, change.db(), Some(&next)).await?;
    panel
        .keep(change, actor, Act::of_panel(action, &target, was, is))
        .await?;
    panel.bundles.rolled(revision);
    panel.publish(Event::Policy {
        revision: panel.bundles.revision.load(Ordering::Acquire),
    });
    Ok(view)
}

/// The number of a version, as paths have it.
fn number(id: &str) -> Outcome<i64> {
    id.parse().map_err(|_| ServiceError::NotFound("bundle"))
}

async fn find(db: &mut Db<'_>, version: i64) -> Outcome<rows::Bundle> {
    found(rows::get(db, version).await?, "bundle")
}

/// The files of a bundle.
async fn files(db: &mut Db<'_>, version: i64) -> Outcome<Files> {
    let text = found(rows::files(db, version).await?, "bundle")?;
    let files = serde_json::from_str(&text);
    Ok(files.map_err(|error| StoreError::Row {
        table: "bundle",
        what: error.to_string(),
    })?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_nowhere_but_into_its_bundle() {
        let check = |path: &str, expected: bool| assert_eq!(is_path(path), expected, "{path}");
        check("org.yaml", true);
        check("teams/payments.yml", true);
        check("équipe/a-b_c.1.yaml", true);
        check("", false);
        check("org.txt", false);
        check(".yaml", false);
        check("../org.yaml", false);
        check("a/../b.yaml", false);
        check("/etc/org.yaml", false);
        check("a//b.yaml", false);
        check("a\\b.yaml", false);
        check("a b.yaml", false);
        check("a\nb.yaml", false);
        check(&format!("{}.yaml", "a".repeat(MOST_PATH)), false);
    }
}
