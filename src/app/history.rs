//! The policies that were in force, kept so that they can be again.
//!
//! One folder a revision, `000012-9f3c21a0b7de/`, with the files as they were and a list of where they came from. The newest
//! twenty are kept. What is here was tried and in force; bringing one back is the business of `tollgate policy rollback`.

use crate::config::policy::{bundled, packs};
use crate::config::private_folder;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Revisions kept.
const KEPT: usize = 20;
/// The list of files of a revision.
const LIST: &str = "files";

/// The revisions in one folder.
#[derive(Debug)]
pub struct History {
    folder: PathBuf,
}

/// One revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its number, from 1.
    pub number: u64,
    /// Its revision.
    pub revision: String,
    folder: PathBuf,
}

impl History {
    /// The history kept in this folder; it need not exist.
    #[must_use]
    pub fn open(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// Every revision kept, oldest first.
    #[must_use]
    pub fn revisions(&self) -> Vec<Kept> {
        let read = |path: PathBuf| {
            let name = path.file_name()?.to_str()?;
            let (number, revision) = name.split_once('-')?;
            Some(Kept {
                number: number.parse().ok()?,
                revision: revision.to_owned(),
                folder: path.clone(),
            })
        };
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut all: Vec<Kept> = entries.filter_map(|entry| read(entry.path())).collect();
        all.sort_by_key(|kept| kept.number);
        all
    }

    /// Keeps a revision, unless it is the newest already. Packs that are built in and files of a bundle have
    /// no file here.
    ///
    /// # Errors
    /// It could not be written.
    pub fn keep(&mut self, revision: &str, names: &[PathBuf], texts: &[String]) -> io::Result<()> {
        let all = self.revisions();
        if all.last().is_some_and(|newest| newest.revision == revision) {
            return Ok(());
        }
        private_folder(&self.folder)?;
        let number = all
            .last()
            .map_or(1, |newest| newest.number.saturating_add(1));
        let unfinished = self.folder.join(format!(".{number:06}"));
        let _ = fs::remove_dir_all(&unfinished);
        private_folder(&unfinished)?;
        let mut list = String::new();
        for (place, (name, text)) in names.iter().zip(texts).enumerate() {
            let path = if packs::named(name).is_some() || bundled::is(name) {
                name.clone()
            } else {
                std::path::absolute(name).unwrap_or_else(|_| name.clone())
            };
            list.push_str(&path.display().to_string());
            list.push('\n');
            fs::write(unfinished.join(place.to_string()), text)?;
        }
        fs::write(unfinished.join(LIST), list)?;
        fs::rename(
            &unfinished,
            self.folder.join(format!("{number:06}-{revision}")),
        )?;
        let too_many = all.len().saturating_add(1).saturating_sub(KEPT);
        for old in all.iter().take(too_many) {
            fs::remove_dir_all(&old.folder)?;
        }
        Ok(())
    }
}

impl Kept {
    /// The files as they were: where each came from, and its text.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn files(&self) -> io::Result<Vec<(PathBuf, String)>> {
        let list = fs::read_to_string(self.folder.join(LIST))?;
        list.lines()
            .enumerate()
            .map(|(place, name)| {
                let text = fs::read_to_string(self.folder.join(place.to_string()))?;
                Ok((PathBuf::from(name), text))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(history: &mut History, revision: &str) {
        let names = [PathBuf::from("/etc/p/org.yaml"), PathBuf::from("pack:pii")];
        let texts = [format!("version: 1 # {revision}\n"), String::new()];
        history.keep(revision, &names, &texts).unwrap();
    }

    #[test]
    fn the_newest_revisions_are_kept_with_their_files() {
        let folder = tempfile::tempdir().unwrap();
        let mut history = History::open(&folder.path().join("policies"));
        for number in 1..=KEPT + 5 {
            keep(&mut history, &format!("r{number}"));
        }
        keep(&mut history, &format!("r{}", KEPT + 5)); // in force again after a restart: nothing new
        let all = history.revisions();
        assert_eq!(all.len(), KEPT);
        let newest = all.last().unwrap();
        assert_eq!((newest.number, newest.revision.as_str()), (25, "r25"));
        let files = newest.files().unwrap();
        assert_eq!(
            files.first(),
            Some(&(
                PathBuf::from("/etc/p/org.yaml"),
                "version: 1 # r25\n".to_owned()
            ))
        );
        assert_eq!(
            files.last().map(|(name, _)| name.clone()),
            Some(PathBuf::from("pack:pii"))
        );
    }
}
