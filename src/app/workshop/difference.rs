//! What changed between two sets of policies, by what they say: rules, limits, guards, overrides, each with its place.
//!
//! Files are held against each other by their scope, entries by their id (or name), so a file that moved or was laid out
//! anew does not show.

use super::rollback;
use super::tree::{Node, Tree, tree};
use crate::config::policy::{Loaded, Trusted, load, load_texts, packs};
use anyhow::{Context as _, bail};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One of the two sets.
#[derive(Debug)]
pub struct Side {
    /// What it is, as people say it.
    pub name: String,
    /// The paths, unless it is out of the history.
    pub paths: Vec<PathBuf>,
    /// What was read.
    pub loaded: Loaded,
}

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It is only in the new set.
    Added,
    /// It is only in the old one.
    Removed,
    /// It says something else.
    Changed,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// What became of it.
    pub change: Change,
    /// Whose file it is in: `org acme, team payments`.
    pub scope: String,
    /// What it is: `rules contractors`, `limits rpm`, `file`.
    pub what: String,
    /// Where it was.
    pub old_place: Option<String>,
    /// Where it is.
    pub new_place: Option<String>,
    /// What it said, part by part: what, old, new.
    pub parts: Vec<(String, Option<String>, Option<String>)>,
}

/// All differences.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The old revision.
    pub old: String,
    /// The new one.
    pub new: String,
    /// Each of them, by scope.
    pub changes: Vec<Compared>,
}

impl Side {
    /// Policies by a path, or by number or name out of the history of a state directory.
    ///
    /// # Errors
    /// There is neither.
    pub fn open(named: &Path, state_dir: Option<&Path>) -> anyhow::Result<Self> {
        if packs::named(named).is_some() || named.exists() {
            let paths = vec![named.to_owned()];
            let loaded = match packs::named(named) {
                Some(pack) => {
                    let text =
                        packs::text(pack).with_context(|| format!("there is no pack `{pack}`"))?;
                    load_texts([(named, text.as_bytes())])
                }
                None => load(&paths, &Trusted::running()),
            };
            return Ok(Self {
                name: named.display().to_string(),
                paths,
                loaded,
            });
        }
        let wanted = named.to_string_lossy();
        let kept = state_dir
            .map(|dir| rollback::find(dir, &wanted))
            .transpose()?
            .flatten();
        let Some(kept) = kept else {
            bail!(
                "`{wanted}` is neither a path nor a revision that is kept: `tollgate policy rollback --list` shows those"
            );
        };
        let files = kept
            .files()
            .with_context(|| format!("revision {} cannot be read", kept.number))?;
        let texts = files
            .iter()
            .map(|(name, text)| (name.as_path(), text.as_bytes()));
        Ok(Self {
            name: format!("revision {} ({})", kept.number, kept.revision),
            paths: Vec::new(),
            loaded: load_texts(texts),
        })
    }
}

/// What changed from one set to the other. Files that are no YAML are left out: what is wrong with them is told elsewhere.
#[must_use]
pub fn difference(old: &Loaded, new: &Loaded) -> Difference {
    let (before, after) = (files(old), files(new));
    let mut changes = Vec::new();
    let mut scopes: Vec<&String> = before.keys().chain(after.keys()).collect();
    scopes.sort_unstable();
    scopes.dedup();
    for scope in scopes {
        compare(scope, before.get(scope), after.get(scope), &mut changes);
    }
    Difference {
        old: old.revision.to_string(),
        new: new.revision.to_string(),
        changes,
    }
}

struct One {
    name: String,
    tree: Tree,
}

/// The files of a set by their scope.
fn files(loaded: &Loaded) -> BTreeMap<String, One> {
    let both = loaded.names.iter().zip(&loaded.texts);
    both.filter_map(|(name, text)| {
        let tree = tree(text)?;
        let one = One {
            name: name.display().to_string(),
            tree,
        };
        Some((scope_of(&one.tree), one))
    })
    .collect()
}

fn scope_of(tree: &Tree) -> String {
    let scope = tree.get("scope");
    let named = ["org", "team", "project", "key"]
        .into_iter()
        .filter_map(|label| {
            let value = scope?.get(label)?.text()?;
            Some(format!("{label} {value}"))
        });
    let named: Vec<String> = named.collect();
    if named.is_empty() {
        "everybody".to_owned()
    } else {
        named.join(", ")
    }
}

/// An entry of a file: its line and its value, by section and name.
type Entries<'a> = BTreeMap<(String, String), (usize, &'a Tree)>;

fn entries(tree: &Tree) -> Entries<'_> {
    let mut all = Entries::new();
    let Node::Map(sections) = &tree.node else {
        return all;
    };
    for (section, (line, value)) in sections {
        match (section.as_str(), &value.node) {
            ("version" | "scope", _) => {}
            (_, Node::List(items)) if section != "capture" => {
                for (at, item) in items.iter().enumerate() {
                    let named = ["id", "name", "label", "for"]
                        .into_iter()
                        .find_map(|key| item.get(key));
                    let mut name =
                        named.map_or_else(|| format!("#{}", at.saturating_add(1)), Tree::shown);
                    // Two exceptions for one child, two tests of one name: told apart by their order.
                    while all.contains_key(&(section.clone(), name.clone())) {
                        name.push('\'');
                    }
                    all.insert((section.clone(), name), (item.line, item));
                }
            }
            ("capture" | "injection", _) => {
                all.insert((section.clone(), String::new()), (*line, value));
            }
            (_, Node::Map(keys)) => {
                for (key, (line, value)) in keys {
                    all.insert((section.clone(), key.clone()), (*line, value));
                }
            }
            _ => {
                all.insert((section.clone(), String::new()), (*line, value));
            }
        }
    }
    all
}

fn compare(scope: &str, old: Option<&One>, new: Option<&One>, changes: &mut Vec<Compared>) {
    let place = |one: Option<&One>, line: usize| Some(format!("{}:{line}", one?.name));
    if old.is_none() || new.is_none() {
        changes.push(Compared {
            change: if old.is_none() {
                Change::Added
            } else {
                Change::Removed
            },
            scope: scope.to_owned(),
            what: "file".to_owned(),
            old_place: place(old, 1),
            new_place: place(new, 1),
            parts: Vec::new(),
        });
    }
    let of = |one: Option<&One>| -> BTreeMap<(String, String), (usize, Tree)> {
        let all = one.map(|one| entries(&one.tree)).unwrap_or_default();
        all.into_iter()
            .map(|(key, (line, tree))| (key, (line, tree.clone())))
            .collect()
    };
    let (before, after) = (of(old), of(new));
    let mut keys: Vec<_> = before.keys().chain(after.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    for key in keys {
        let (was, is) = (before.get(key), after.get(key));
        let change = match (was, is) {
            (None, _) => Change::Added,
            (_, None) => Change::Removed,
            (Some((_, was)), Some((_, is))) if was.shown() == is.shown() => continue,
            _ => Change::Changed,
        };
        let mut parts = Vec::new();
        apart(
            "",
            was.map(|(_, tree)| tree),
            is.map(|(_, tree)| tree),
            &mut parts,
        );
        changes.push(Compared {
            change,
            scope: scope.to_owned(),
            what: format!("{} {}", key.0, key.1).trim_end().to_owned(),
            old_place: was.and_then(|(line, _)| place(old, *line)),
            new_place: is.and_then(|(line, _)| place(new, *line)),
            parts,
        });
    }
}

/// The parts in which two values differ.
fn apart(
    path: &str,
    old: Option<&Tree>,
    new: Option<&Tree>,
    parts: &mut Vec<(String, Option<String>, Option<String>)>,
) {
    if let (Some(Node::Map(was)), Some(Node::Map(is))) =
        (old.map(|old| &old.node), new.map(|new| &new.node))
    {
        let mut keys: Vec<&String> = was.keys().chain(is.keys()).collect();
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            let below = if path.is_empty() {
                key.clone()
            } else {
                format!("{path}.{key}")
            };
            let of = |map: &'_ BTreeMap<String, (usize, Tree)>| {
                map.get(key).map(|(_, tree)| tree.clone())
            };
            apart(&below, of(was).as_ref(), of(is).as_ref(), parts);
        }
        return;
    }
    let (old, new) = (old.map(Tree::shown), new.map(Tree::shown));
    if old != new {
        parts.push((path.to_owned(), old, new));
    }
}
