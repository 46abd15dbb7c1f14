//! Bringing back policies that were in force: what would change on the disk, and changing it.
//!
//! First everything is decided, then everything is written beside its place, then everything is put in its place: what can
//! fail fails before the first file changes. What is replaced stays beside it as `FILE.before-rollback-N`.

use super::Subject;
use super::subject::write;
use crate::app::history::{History, Kept};
use crate::app::policies::today;
use crate::clock::{self, Wall};
use crate::config::policy::{Loaded, Trusted, assemble_texts, bundled, load, packs};
use anyhow::{Context as _, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// A revision that is kept.
#[derive(Debug, Clone)]
pub struct Revision {
    /// Its number.
    pub number: u64,
    /// Its revision.
    pub revision: String,
    /// When it came into force, as far as the disk knows.
    pub at: Option<String>,
    /// Its files.
    pub files: Vec<PathBuf>,
}

/// What is to be done with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It is as it was then.
    Same(PathBuf),
    /// It is written with the text of then.
    Write(PathBuf),
    /// It was not there then, and stays.
    Stays(PathBuf),
    /// It was not there then, and is put away.
    Remove(PathBuf),
    /// A pack, which is built in: this version of tollgate has another text of it.
    OtherPack(PathBuf),
    /// It was read then, and the configuration does not name it any more.
    Unnamed(PathBuf),
}

/// A rollback, decided and not done.
#[derive(Debug)]
pub struct Plan {
    /// To which revision.
    pub revision: Revision,
    /// What is done with each file.
    pub steps: Vec<Step>,
    /// What is wrong with what would then be there; nothing happens if there are errors.
    pub checked: Loaded,
    texts: Vec<(PathBuf, String)>,
}

/// Every revision kept in a state directory, oldest first.
#[must_use]
pub fn revisions(state_dir: &Path) -> Vec<Revision> {
    let folder = state_dir.join("policies");
    let kept = History::open(&folder).revisions();
    kept.iter().map(|kept| described(&folder, kept)).collect()
}

fn described(folder: &Path, kept: &Kept) -> Revision {
    let files = kept.files().unwrap_or_default();
    Revision {
        number: kept.number,
        revision: kept.revision.clone(),
        at: kept_at(folder, kept).map(spoken),
        files: files.into_iter().map(|(name, _)| name).collect(),
    }
}

/// When a revision was kept.
pub(super) fn kept_at(folder: &Path, kept: &Kept) -> Option<Wall> {
    let named = format!("{:06}-{}", kept.number, kept.revision);
    let modified = fs::metadata(folder.join(named)).ok()?.modified().ok()?;
    let since = modified.duration_since(UNIX_EPOCH).ok()?;
    Some(Wall::from_secs(i64::try_from(since.as_secs()).ok()?))
}

fn spoken(at: Wall) -> String {
    jiff::Timestamp::from_second(at.secs()).map_or_else(|_| "-".to_owned(), |time| time.to_string())
}

/// A revision of the history by its number, or by the beginning of its name.
///
/// # Errors
/// There is none, or several begin so.
pub(super) fn find(state_dir: &Path, wanted: &str) -> anyhow::Result<Option<Kept>> {
    let all = History::open(&state_dir.join("policies")).revisions();
    if let Some(kept) = all.iter().find(|kept| kept.number.to_string() == wanted) {
        return Ok(Some(kept.clone()));
    }
    let mut named = all
        .iter()
        .rev()
        .filter(|kept| wanted.len() >= 4 && kept.revision.starts_with(wanted));
    let Some(first) = named.next() else {
        return Ok(None);
    };
    if named.any(|other| other.revision != first.revision) {
        bail!("several revisions begin with `{wanted}`: write more of it, or its number");
    }
    Ok(Some(first.clone()))
}

/// Decides how to bring back a revision; `wanted` by number or name, nothing: the one before the newest. `delete_new`: put
/// away files that were not there then.
///
/// # Errors
/// There is no such revision, or it cannot be read.
pub fn plan(
    state_dir: &Path,
    subject: &Subject,
    wanted: Option<&str>,
    delete_new: bool,
) -> anyhow::Result<Plan> {
    let folder = state_dir.join("policies");
    let kept = if let Some(wanted) = wanted {
        find(state_dir, wanted)?.with_context(|| {
            format!(
                "there is no revision `{wanted}` in {}: `tollgate policy rollback --list` shows them",
                folder.display()
            )
        })?
    } else {
        let before = before_newest(&History::open(&folder).revisions());
        before.with_context(|| format!("there is no earlier revision in {}", folder.display()))?
    };
    let mut texts = kept
        .files()
        .with_context(|| format!("revision {} cannot be read", kept.number))?;
    // What came from the panel is not in any file here: it goes back there.
    texts.retain(|(name, _)| !bundled::is(name));
    let now = load(&subject.paths, &Trusted::running());
    let mut steps = Vec::new();
    for (name, text) in &texts {
        steps.push(match packs::named(name) {
            Some(pack) if packs::text(pack) == Some(text.as_str()) => Step::Same(name.clone()),
            Some(_) => Step::OtherPack(name.clone()),
            None if !is_named(name, &subject.paths) => Step::Unnamed(name.clone()),
            None if fs::read_to_string(name).is_ok_and(|now| now == *text) => {
                Step::Same(name.clone())
            }
            None => Step::Write(name.clone()),
        });
    }
    let mut then: Vec<(PathBuf, Vec<u8>)> = texts
        .iter()
        .filter(|(name, _)| !steps.contains(&Step::Unnamed(name.clone())))
        .map(|(name, text)| (name.clone(), text.clone().into_bytes()))
        .collect();
    for (name, text) in now.names.iter().zip(&now.texts) {
        let path = std::path::absolute(name).unwrap_or_else(|_| name.clone());
        let known =
            packs::named(name).is_some() || texts.iter().any(|(kept, _)| same_file(kept, &path));
        if !known && delete_new {
            steps.push(Step::Remove(path));
        } else if !known {
            steps.push(Step::Stays(path));
            then.push((name.clone(), text.clone().into_bytes()));
        }
    }
    let then = then
        .iter()
        .map(|(name, text)| (name.as_path(), text.as_slice()));
    let today = today(clock::now().wall);
    let checked = assemble_texts(then, &subject.surroundings(), today).loaded;
    Ok(Plan {
        revision: described(&folder, &kept),
        steps,
        checked,
        texts,
    })
}

/// The newest revision whose files here were others than those of the newest: one that only the panel's bundle told from it
/// is no step back.
fn before_newest(all: &[Kept]) -> Option<Kept> {
    let own = |kept: &Kept| {
        let files = kept.files().ok()?.into_iter();
        Some(
            files
                .filter(|(name, _)| !bundled::is(name))
                .collect::<Vec<_>>(),
        )
    };
    let (newest, earlier) = all.split_last()?;
    let newest = own(newest);
    let mut earlier = earlier.iter().rev();
    earlier.find(|kept| own(kept) != newest).cloned()
}

/// Whether a file is at or below one of these paths.
fn is_named(file: &Path, paths: &[PathBuf]) -> bool {
    paths.iter().any(|path| {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        file.starts_with(&absolute) || same_file(file, &absolute)
    })
}

fn same_file(one: &Path, other: &Path) -> bool {
    one == other
        || match (one.canonicalize(), other.canonicalize()) {
            (Ok(one), Ok(other)) => one == other,
            _ => false,
        }
}

impl Plan {
    /// Does what was decided, and says as what the replaced texts are kept: `FILE` and this ending.
    ///
    /// # Errors
    /// There are errors in what would then be there, or a file cannot be written. What was written before stays written,
    /// and everything replaced is kept.
    pub fn carry_out(&self) -> anyhow::Result<String> {
        if self.checked.has_errors() {
            bail!("what would then be there has errors: nothing is changed");
        }
        let changed = || {
            self.steps.iter().filter_map(|step| match step {
                Step::Write(path) | Step::Remove(path) => Some(path),
                _ => None,
            })
        };
        let mut number = 1_u32;
        while changed().any(|path| ended(path, &ending(number)).exists()) {
            number = number.saturating_add(1);
        }
        let ending = ending(number);
        for path in changed().filter(|path| path.exists()) {
            fs::copy(path, ended(path, &ending))
                .with_context(|| format!("cannot keep {}", path.display()))?;
        }
        for step in &self.steps {
            match step {
                Step::Write(path) => {
                    let text = self
                        .texts
                        .iter()
                        .find(|(name, _)| name == path)
                        .map_or("", |(_, text)| text);
                    if let Some(folder) = path.parent() {
                        fs::create_dir_all(folder)?;
                    }
                    write(path, text)
                        .with_context(|| format!("cannot write {}", path.display()))?;
                }
                Step::Remove(path) => {
                    fs::remove_file(path)
                        .with_context(|| format!("cannot remove {}", path.display()))?;
                }
                _ => {}
            }
        }
        Ok(ending)
    }
}

fn ending(number: u32) -> String {
    format!(".before-rollback-{number}")
}

fn ended(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}
