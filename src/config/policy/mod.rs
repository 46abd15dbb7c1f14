//! Policies on disk: read, decoded, and every fault told at once with its place.
//!
//! A file goes through five steps: it is opened and vouched for (`files`), becomes a tree (`parse`), is held against the
//! one table of what policies may hold (`shape`, `keys`, `conform`), becomes settings (`decode`), and is compared with the
//! others. A file with an error does not become settings; whether the others are used is the caller's decision, and the
//! caller's answer is no.
//!
//! Not here: what policies mean (`governance::policy`), and when they are read again (`watch`).

mod assemble;
pub mod bundled;
mod codes;
mod conform;
mod decode;
mod digest;
mod files;
mod format;
mod keys;
mod misread;
pub mod packs;
mod parse;
mod render;
mod scalar;
mod schema;
mod shape;
mod text;
mod workbench;

pub use assemble::{Assembled, Compiled, Surroundings, assemble, assemble_texts, assemble_with};
pub use codes::{CODES, title};
pub use files::Trusted;
pub use format::format;
pub use render::{Format, Report};
pub use schema::{policy_schema, reference};
pub use workbench::Engine;

use crate::governance::policy::place::{Diagnostic, Severity};
use crate::governance::policy::settings::File;
use parse::whole;
use std::path::{Path, PathBuf};

/// What was read.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// The settings of every file without an error.
    pub files: Vec<File>,
    /// The name of each file read; places count among them.
    pub names: Vec<PathBuf>,
    /// The text of each, as far as it is text.
    pub texts: Vec<String>,
    /// What is wrong, sorted by place.
    pub diagnostics: Vec<Diagnostic>,
    /// The first twelve hexadecimal digits of the digest of all that the files say.
    pub revision: Box<str>,
    /// Whether a file or folder could not be read at all.
    pub unreadable: bool,
}

impl Loaded {
    /// Whether there is an error among the diagnostics.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        has_errors(&self.diagnostics)
    }

    /// Adds what others found, keeping the order by place.
    pub fn add(&mut self, found: Vec<Diagnostic>) {
        self.diagnostics.extend(found);
        sort(&mut self.diagnostics);
    }

    /// The diagnostics with what is needed to show them.
    #[must_use]
    pub fn report(&self) -> Report<'_> {
        Report {
            diagnostics: &self.diagnostics,
            names: &self.names,
            texts: &self.texts,
        }
    }
}

/// Reads policy files and folders of them.
#[must_use]
pub fn load(paths: &[PathBuf], trusted: &Trusted) -> Loaded {
    let found = files::read_all(paths, trusted);
    read(found.into_iter().map(|file| (file.name, file.content)))
}

/// Reads policies that are in memory already, each with the name to show for it.
#[must_use]
pub fn load_texts<'a>(texts: impl IntoIterator<Item = (&'a Path, &'a [u8])>) -> Loaded {
    read(
        texts
            .into_iter()
            .map(|(name, bytes)| (name.to_owned(), Ok(bytes.to_vec()))),
    )
}

fn read(found: impl Iterator<Item = (PathBuf, Result<Vec<u8>, files::Refusal>)>) -> Loaded {
    let mut loaded = Loaded::default();
    let mut contents = Vec::new();
    // Places count files in sixteen bits; far fewer are ever read.
    for (file, (name, content)) in (0..u16::MAX).zip(found) {
        let shipped = bundled::is(&name);
        loaded.names.push(name);
        let mut faults = Vec::new();
        let mut text = String::new();
        match content {
            Ok(bytes) => {
                let parsed = parse::parse(&bytes, file, &mut faults);
                let (parsed, root) = parsed.unwrap_or_default();
                text = parsed;
                if let Some(root) = root {
                    faults.extend(conform::conform(&root));
                    if !has_errors(&faults) {
                        let lines: Vec<&str> = text.lines().collect();
                        loaded.files.push(File {
                            shipped,
                            ..decode::decode(&root, &lines)
                        });
                        contents.push(digest::content(&root));
                    }
                }
            }
            Err(refusal) => {
                let mut fault = Diagnostic::error(refusal.code, whole(file), refusal.message);
                fault.help = refusal.help;
                faults.push(fault);
                loaded.unreadable |= refusal.unreadable;
            }
        }
        loaded.texts.push(text);
        loaded.diagnostics.extend(faults);
    }
    loaded.diagnostics.extend(same_scope(&loaded.files));
    sort(&mut loaded.diagnostics);
    loaded.revision = digest::revision(&contents);
    loaded
}

/// Files for a scope that has one already. A pack is no second file, unless it is there twice, nor is one of a bundle.
fn same_scope(files: &[File]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (index, file) in files.iter().enumerate() {
        let earlier = files.iter().take(index);
        let name = file.pack.as_deref();
        let Some(first) = earlier
            .into_iter()
            .filter(|other| other.shipped == file.shipped)
            .find(|other| *other.scope == *file.scope && other.pack.as_deref() == name)
        else {
            continue;
        };
        let (message, help) = match name {
            None => (
                "there is another file for this scope".to_owned(),
                "join the two, or name one of them: `pack: NAME` says that a file adds to its scope".to_owned(),
            ),
            Some(name) => (
                format!("there is another pack `{name}` for this scope"),
                "leave one of the two out, or give it a name of its own".to_owned(),
            ),
        };
        found.push(
            Diagnostic::error("TG008", file.scope.place, message)
                .with_help(help)
                .with_also(first.scope.place, "the other is here"),
        );
    }
    found
}

fn has_errors(found: &[Diagnostic]) -> bool {
    found.iter().any(|one| one.severity == Severity::Error)
}

fn sort(found: &mut Vec<Diagnostic>) {
    found.sort_by(|left, right| {
        (left.place, left.severity, left.code, &left.message).cmp(&(
            right.place,
            right.severity,
            right.code,
            &right.message,
        ))
    });
    found.dedup();
}

#[cfg(test)]
mod tests;
