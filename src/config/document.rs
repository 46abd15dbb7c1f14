//! One file on its way from a tree to settings, and the rooms' complaints about it.

use super::decode::{Notes, about, decode, is_covered};
use super::fault::{Place, suggest};
use super::read::Reader;
use super::yaml::Node;
use crate::settings::{Complaint, Path, Report};
use serde::de::DeserializeOwned;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

/// A tree and what is known to be wrong with it.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) root: Node,
    faulted: HashSet<Path>,
    complaints: RefCell<Vec<Complaint>>,
}

impl Document {
    /// Resolves the tree's references.
    pub(super) fn new(mut root: Node, reader: &mut Reader<'_>) -> Self {
        let mut faulted = HashSet::new();
        reader.references(&mut root, &mut Path::new(), &mut faulted);
        Self {
            root,
            faulted,
            complaints: RefCell::default(),
        }
    }

    /// The settings it spells; where it spells none, stand-ins.
    pub(super) fn settings<T: DeserializeOwned + Default>(&mut self, reader: &mut Reader<'_>) -> T {
        let notes = Notes::new(std::mem::take(&mut self.faulted));
        let settings = decode(&self.root, &notes);
        self.faulted = notes.finish(&mut reader.places);
        settings.unwrap_or_default()
    }

    /// For the rooms to complain to.
    pub(super) fn report(&self) -> Report<'_> {
        Report::new(&self.complaints)
    }

    /// Where a setting was written, or the nearest thing around it that was.
    pub(super) fn place(&self, path: &[Box<str>]) -> Place {
        self.root.walk(path).0.place
    }

    /// Whether a setting is a stand-in for something faulty.
    pub(super) fn is_faulty(&self, path: &[Box<str>]) -> bool {
        is_covered(&self.faulted, path)
    }

    /// Complains of the second of any two things with the same name. `lists`: where each list of them begins.
    pub(super) fn duplicates<'a>(
        &self,
        list: &str,
        key: &str,
        names: impl Iterator<Item = &'a str>,
    ) {
        let mut seen = HashMap::new();
        for (index, name) in names.enumerate() {
            let report = self.report().at(list).at(index).at(key);
            if self.is_faulty(report.path()) || name.is_empty() {
                continue;
            }
            if let Some(first) = seen.insert(name, index) {
                seen.insert(name, first);
                let place = self.place(&[list.into(), first.to_string().into(), key.into()]);
                report.fault(
                    "duplicate_name",
                    format!(
                        "`{name}` is the name of another one, on line {}",
                        place.line
                    ),
                );
            }
        }
    }

    /// Hands in the complaints with their places, those aside that follow from another fault.
    pub(super) fn finish(self, reader: &mut Reader<'_>) {
        for complaint in self.complaints.take() {
            if self.is_faulty(&complaint.path) {
                continue;
            }
            let near = complaint
                .candidates
                .and_then(|(given, known)| suggest(&given, known.iter().map(String::as_str)));
            let message = about(&complaint.path, &complaint.message);
            let help = complaint.help.or(near);
            reader
                .places
                .fault(self.place(&complaint.path), complaint.code, message, help);
        }
    }
}
