//! From the configuration of a LiteLLM proxy to one of tollgate's, and a list of what was left behind.
//!
//! Nothing is dropped in silence: whatever the file holds is converted, or noted with its place, why, and what to do. No
//! secret is copied: a reference to the environment stays one, a key in clear becomes one. A budget or a limit without an
//! exact counterpart becomes the stricter one that there is.
//!
//! Not here: whether the result is right, which its own loading says.

mod models;
mod number;
mod reasons;
mod router;
mod sections;
mod vendor;
mod write;

use super::fault::{Faults, Place};
use super::read::Reader;
use super::yaml::{Entry, Kind, Node};
use crate::governance::pricing::PriceBook;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// So many things of one name get a number each; a file within bounds has not more.
const MOST_ALIKE: u32 = 1_000_000;

/// A configuration that was converted.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The text of `tollgate.yaml`.
    pub config: String,
    /// The text of the price book beside it, where models have prices of their own.
    pub prices: Option<String>,
    /// The variables the configuration refers to, and what each of them is.
    pub variables: BTreeMap<String, Variable>,
    /// How many models it has; without any it is no configuration.
    pub models: usize,
    /// What became something else, or nothing.
    pub notes: Vec<Note>,
}

/// What a variable holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variable {
    /// A secret.
    Secret,
    /// An address.
    Address,
}

/// What kind of note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It was not converted.
    Left,
    /// It was converted, and means something else.
    Changed,
    /// It was a secret in clear, and was not copied.
    Secret,
}

/// One thing that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
    /// What became of it.
    pub fate: Fate,
    /// What it is: `router_settings.cooldown_time`.
    pub what: String,
    /// Why it is not as it was.
    pub why: String,
    /// What to do.
    pub help: String,
}

/// Converts the configuration of a LiteLLM proxy. `prices`: what the price book will be called, if one can be written.
///
/// # Errors
/// It cannot be read, or it is no YAML of the kind that configurations here are.
pub fn import(file: &Path, prices: Option<&str>) -> Result<Imported, Faults> {
    let mut reader = Reader::new(&[]);
    // Who may read it is no concern here: nothing of it is put into force.
    let text = super::read::read(file)
        .ok()
        .and_then(|(bytes, _)| String::from_utf8(bytes).ok());
    let root = match text {
        Some(text) => reader.text(file, &text).1,
        None => reader.yaml(file, None),
    };
    reader.places.finish()?;
    let root = root.unwrap_or_else(|| Node {
        place: Place::start(super::fault::SourceId::nth(0)),
        kind: Kind::Map(Vec::new()),
    });
    let mut draft = Draft {
        file,
        names_prices: prices.is_some(),
        ..Draft::new(file)
    };
    sections::file(&mut draft, &root);
    draft.prune();
    let book = draft.book();
    draft.without_price(&book);
    draft.notes.sort_by_key(|note| (note.line, note.column));
    let book_name = prices.filter(|_| !draft.prices.is_empty());
    Ok(Imported {
        config: write::config(&draft, book_name),
        prices: book_name.map(|_| write::prices(&draft)),
        models: draft.routes.len(),
        variables: draft.variables,
        notes: draft.notes,
    })
}

/// What was converted so far.
#[derive(Debug)]
struct Draft<'a> {
    file: &'a Path,
    names_prices: bool,
    providers: Vec<Provider>,
    routes: Vec<Route>,
    keys: Vec<Key>,
    budgets: Vec<Budget>,
    limits: Vec<Limit>,
    prices: Vec<Price>,
    /// How often a call is tried in all.
    attempts: Option<u64>,
    /// How long a whole call may take.
    total: Option<String>,
    variables: BTreeMap<String, Variable>,
    notes: Vec<Note>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Provider {
    name: String,
    kind: &'static str,
    base: Option<String>,
    credential: Option<String>,
}

#[derive(Debug, Clone)]
struct Route {
    name: String,
    targets: Vec<Target>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Target {
    provider: String,
    model: String,
    place: Place,
}

#[derive(Debug)]
struct Key {
    name: String,
    secret: String,
    team: Option<String>,
    models: Vec<String>,
}

#[derive(Debug)]
struct Budget {
    name: String,
    label: Option<(&'static str, Vec<String>)>,
    limit: String,
    window: &'static str,
}

#[derive(Debug)]
struct Limit {
    name: String,
    label: Option<(&'static str, Vec<String>)>,
    /// `rpm`, `tpm`, `concurrency`.
    sizes: Vec<(&'static str, u64)>,
}

#[derive(Debug)]
struct Price {
    /// `PROVIDER/MODEL`.
    name: String,
    classes: Vec<(&'static str, String)>,
    /// What holds above 200 000 tokens of input, or another threshold.
    tiers: BTreeMap<u64, Vec<(&'static str, String)>>,
    limits: Vec<(&'static str, u64)>,
    free: bool,
}

impl<'a> Draft<'a> {
    const fn new(file: &'a Path) -> Self {
        Self {
            file,
            names_prices: false,
            providers: Vec::new(),
            routes: Vec::new(),
            keys: Vec::new(),
            budgets: Vec::new(),
            limits: Vec::new(),
            prices: Vec::new(),
            attempts: None,
            total: None,
            variables: BTreeMap::new(),
            notes: Vec::new(),
        }
    }

    fn note(
        &mut self,
        place: Place,
        fate: Fate,
        what: impl Into<String>,
        why: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.notes.push(Note {
            file: self.file.to_owned(),
            line: place.line,
            column: place.column,
            fate,
            what: what.into(),
            why: why.into(),
            help: help.into(),
        });
    }

    /// Notes whatever nobody took of a section.
    fn leave_rest(&mut self, section: &Section<'_>, why: &str, help: &str) {
        for entry in section.rest() {
            self.note(
                entry.place,
                Fate::Left,
                section.named(&entry.key),
                why,
                help,
            );
        }
    }

    /// What stands here for a secret of LiteLLM's: a reference. One in clear is not copied; `wanted` is the variable it becomes.
    fn secret(&mut self, entry: &Entry, what: &str, wanted: &str) -> Option<String> {
        let text = text(&entry.value)?;
        let name = if let Some(name) = text.strip_prefix("os.environ/") {
            if !is_variable(name) {
                self.note(
                    entry.value.place,
                    Fate::Left,
                    what,
                    "refers to what is not the name of a variable",
                    "write it into the result as \"${NAME}\"",
                );
                return None;
            }
            name.to_owned()
        } else {
            let name = self.free_variable(wanted);
            self.note(
                entry.value.place,
                Fate::Secret,
                what,
                "is a secret in clear, and was not copied",
                format!("put it into the environment: export {name}=…"),
            );
            name
        };
        self.variables.insert(name.clone(), Variable::Secret);
        Some(format!("${{{name}}}"))
    }

    /// The variable of this name, or one with a number behind it.
    fn free_variable(&self, wanted: &str) -> String {
        let wanted = variable_name(wanted);
        let free = |name: &String| !self.variables.contains_key(name);
        std::iter::once(wanted.clone())
            .chain((2..MOST_ALIKE).map(|number| format!("{wanted}_{number}")))
            .find(free)
            .unwrap_or(wanted)
    }

    /// Leaves out providers that no model goes to, and the variables that only they refer to.
    fn prune(&mut self) {
        let targets = self.routes.iter().flat_map(|route| &route.targets);
        let used: BTreeSet<&str> = targets.map(|target| &*target.provider).collect();
        self.providers
            .retain(|provider| used.contains(&*provider.name));
        let written: Vec<&String> = (self.providers.iter())
            .flat_map(|provider| [&provider.base, &provider.credential])
            .flatten()
            .chain(self.keys.iter().map(|key| &key.secret))
            .collect();
        self.variables.retain(|name, _| {
            let reference = format!("${{{name}}}");
            written.iter().any(|text| text.contains(&reference))
        });
    }

    /// The built-in prices and those of the file.
    fn book(&self) -> PriceBook {
        let mut reader = Reader::new(&[]);
        super::prices::together(&[&write::prices(self)], &mut reader)
    }

    /// Notes models without a price, where budgets will refuse them.
    fn without_price(&mut self, book: &PriceBook) {
        if self.budgets.is_empty() {
            return;
        }
        let targets = self.routes.iter().flat_map(|route| &route.targets);
        let unpriced: BTreeSet<(u32, u32, String)> = targets
            .filter(|target| !target.model.contains('*'))
            .filter(|target| book.rate(&target.provider, &target.model).is_none())
            .map(|target| {
                let name = format!("{}/{}", target.provider, target.model);
                (target.place.line, target.place.column, name)
            })
            .collect();
        for (line, column, name) in unpriced {
            self.notes.push(Note {
                file: self.file.to_owned(),
                line,
                column,
                fate: Fate::Changed,
                what: format!("the price of {name}"),
                why: "is not in the built-in book, so calls to it are refused where a budget applies".to_owned(),
                help: format!("put it into a price book of your own: `prices: [built-in, ours.yaml]`, with `{name}: {{ input: \"…\", output: \"…\" }}`, or set `unknown_price`"),
            });
        }
    }
}

/// A mapping of which every key must be taken or noted.
struct Section<'a> {
    path: String,
    entries: &'a [Entry],
    taken: RefCell<BTreeSet<&'a str>>,
}

impl<'a> Section<'a> {
    fn new(path: impl Into<String>, node: &'a Node) -> Self {
        let entries: &[Entry] = match &node.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        };
        Self {
            path: path.into(),
            entries,
            taken: RefCell::default(),
        }
    }

    /// The entry of a key that has a value, which is taken by that.
    fn take(&self, key: &str) -> Option<&'a Entry> {
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        self.taken.borrow_mut().insert(&entry.key);
        (!is_null(&entry.value)).then_some(entry)
    }

    fn text(&self, key: &str) -> Option<&'a str> {
        text(&self.take(key)?.value)
    }

    /// What nobody took.
    fn rest(&self) -> Vec<&'a Entry> {
        let taken = self.taken.borrow();
        let left = |entry: &&Entry| !taken.contains(&*entry.key) && !is_null(&entry.value);
        self.entries.iter().filter(left).collect()
    }

    fn named(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }
}

fn is_null(node: &Node) -> bool {
    matches!(&node.kind, Kind::Scalar(scalar) if scalar.is_null())
}

fn text(node: &Node) -> Option<&str> {
    match &node.kind {
        Kind::Scalar(scalar) if !scalar.is_null() => Some(&scalar.text),
        _ => None,
    }
}

fn items(node: &Node) -> &[Node] {
    match &node.kind {
        Kind::List(items) => items,
        _ => &[],
    }
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A text as the name of a variable.
fn variable_name(text: &str) -> String {
    let name: String = text
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '_'
            }
        })
        .collect();
    if is_variable(&name) {
        name
    } else {
        format!("_{name}")
    }
}

#[cfg(test)]
mod tests;
