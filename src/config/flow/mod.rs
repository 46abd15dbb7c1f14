//! Workflow files: read, with the place of every key, and handed to the room that knows what they mean.
//!
//! A file is YAML, or what `tollgate flow export` made of it, which is told by its content.
//!
//! Not here: what a workflow means (`workflow`).

use super::fault::SourceId;
use super::read::read;
use super::yaml::{self, Bounds, Flaw, Kind, MAX_BYTES, Node, Style};
use crate::workflow;
use crate::workflow::frontend::tree;
use crate::workflow::ir::{self, Flow};
use std::path::Path;

pub use crate::workflow::diagnostic::{Diagnostic, Phase, Place, Severity};
pub use crate::workflow::ir::ir_schema;

/// How much a workflow may hold.
const BOUNDS: Bounds = Bounds {
    bytes: MAX_BYTES,
    depth: 64,
    nodes: 100_000,
};

/// A workflow that was read.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// The workflow, if nothing is wrong with it.
    pub flow: Option<Flow>,
    /// What is wrong with it, sorted by place.
    pub found: Vec<Diagnostic>,
    /// Whether the file itself cannot be read.
    pub is_unreadable: bool,
}

impl Loaded {
    /// Whether an error is among what was found.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        workflow::diagnostic::has_errors(&self.found)
    }

    /// The bytes of the exported form and their hash, if there is a workflow.
    #[must_use]
    pub fn export(&self) -> Option<(Vec<u8>, String)> {
        ir::export(self.flow.as_ref()?).ok()
    }

    /// The workflow as a Mermaid diagram, if there is one.
    #[must_use]
    pub fn mermaid(&self) -> Option<String> {
        self.flow.as_ref().map(workflow::mermaid)
    }
}

/// Reads a workflow from a file.
#[must_use]
pub fn load(file: &Path) -> Loaded {
    let unreadable = |message: String| Loaded {
        found: vec![Diagnostic::error(
            Phase::ConfigLoad,
            "unreadable",
            Place::default(),
            message,
        )],
        is_unreadable: true,
        ..Loaded::default()
    };
    match read(file) {
        Err(error) => unreadable(format!("cannot read it: {error}")),
        Ok((bytes, _)) => match String::from_utf8(bytes) {
            Ok(text) => parse(&text),
            Err(error) => unreadable(format!(
                "not UTF-8 text from byte {} on",
                error.utf8_error().valid_up_to()
            )),
        },
    }
}

/// Reads a workflow from a text.
#[must_use]
pub fn parse(text: &str) -> Loaded {
    if is_export(text) {
        return exported(text);
    }
    let mut found = Vec::new();
    let mut is_whole = true;
    let root = yaml::parse_within(BOUNDS, text, SourceId::nth(0), &mut |flaw| {
        // What an alias stands for is not known; of two keys one is as good as the other.
        is_whole &= flaw.code != "alias";
        found.push(of_form(&flaw, text));
    });
    let root = root.filter(|_| is_whole);
    let (flow, more) = match root {
        Some(root) if matches!(&root.kind, Kind::Map(entries) if entries.is_empty()) => {
            found.push(
                Diagnostic::error(
                    Phase::ConfigParse,
                    "empty_file",
                    Place::default(),
                    "there is no workflow in it",
                )
                .suggest("begin with `schema_version: \"1.0\"`"),
            );
            (None, Vec::new())
        }
        Some(root) => workflow::compile(&tree_of(&root, &text.lines().collect::<Vec<_>>())),
        None => (None, Vec::new()),
    };
    found.extend(more);
    workflow::diagnostic::sort(&mut found);
    let flow = flow.filter(|_| !workflow::diagnostic::has_errors(&found));
    Loaded {
        flow,
        found,
        is_unreadable: false,
    }
}

/// A JSON object that is no workflow in JSON's spelling of YAML.
fn is_export(text: &str) -> bool {
    text.trim_start().starts_with('{')
        && workflow::value::Value::from_json(text)
            .is_ok_and(|value| value.is_true() && value.get("schema_version").is_none())
}

fn exported(text: &str) -> Loaded {
    match ir::import(text) {
        Ok(export) => Loaded {
            flow: Some(export.flow),
            ..Loaded::default()
        },
        Err(fault) => Loaded {
            found: vec![Diagnostic::error(
                Phase::ConfigParse,
                "not_an_export",
                Place::default(),
                fault.to_string(),
            )],
            ..Loaded::default()
        },
    }
}

fn tree_of(node: &Node, source: &[&str]) -> tree::Node {
    let kind = match &node.kind {
        Kind::Scalar(scalar) => tree::Kind::Scalar {
            text: scalar.text.clone(),
            plain: scalar.style == Style::Plain,
            lines: lines(&scalar.text, node.place, source),
        },
        Kind::List(items) => {
            tree::Kind::List(items.iter().map(|item| tree_of(item, source)).collect())
        }
        Kind::Map(entries) => {
            let entries = entries.iter().map(|entry| tree::Entry {
                key: entry.key.clone(),
                place: place(entry.place),
                value: tree_of(&entry.value, source),
            });
            tree::Kind::Map(entries.collect())
        }
    };
    tree::Node {
        place: place(node.place),
        kind,
    }
}

/// Where the lines of a text begin: in quotes or bare on one line, or in a block that keeps its lines. Others are folded
/// or have escapes in them, and nothing is said of those.
fn lines(text: &str, at: super::fault::Place, source: &[&str]) -> Vec<Place> {
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let begin = usize::try_from(at.line)
        .unwrap_or(usize::MAX)
        .saturating_sub(1);
    let column = usize::try_from(at.column)
        .unwrap_or(usize::MAX)
        .saturating_sub(1);
    let Some(line) = source.get(begin) else {
        return Vec::new();
    };
    let rest = || line.chars().skip(column);
    let is_here = |skip: usize| {
        rest()
            .skip(skip)
            .take(text.chars().count())
            .eq(text.chars())
    };
    let quote = rest().next().filter(|c| matches!(c, '"' | '\''));
    if !text.contains('\n') && is_here(usize::from(quote.is_some())) {
        let column = number(
            column
                .saturating_add(1)
                .saturating_add(usize::from(quote.is_some())),
        );
        return vec![Place {
            line: at.line,
            column,
        }];
    }
    if !text.contains('\n') {
        return Vec::new();
    }
    // A block begins with its first line.
    let lines = text.lines().enumerate().map(|(index, own)| {
        let row = begin.saturating_add(index);
        let written = source.get(row)?;
        let is_same = written.get(column..).unwrap_or_default() == own;
        is_same.then(|| Place {
            line: number(row.saturating_add(1)),
            column: at.column,
        })
    });
    lines.collect::<Option<_>>().unwrap_or_default()
}

const fn place(place: super::fault::Place) -> Place {
    Place {
        line: place.line,
        column: place.column,
    }
}

fn of_form(flaw: &Flaw, text: &str) -> Diagnostic {
    if flaw.code == "yaml"
        && let Some((at, written)) = bracketed_type(text, flaw.place.line)
    {
        let message =
            format!("not valid YAML: within `{{ … }}` the brackets of `{written}` are a list's");
        return Diagnostic::error(Phase::ConfigParse, "unquoted_type", at, message)
            .named(written.as_str())
            .suggest(format!("put the type in quotes: type: \"{written}\""));
    }
    let mut diagnostic = Diagnostic::error(
        Phase::ConfigParse,
        flaw.code,
        place(flaw.place),
        flaw.message.clone(),
    );
    diagnostic.suggestion = flaw.help.map(str::to_owned);
    diagnostic
}

/// A type with brackets that stands bare in a flow mapping, on this line or the one before: where, and the type.
fn bracketed_type(text: &str, line: u32) -> Option<(Place, String)> {
    let number = usize::try_from(line).ok()?;
    [number, number.saturating_sub(1)]
        .into_iter()
        .find_map(|number| {
            let line = text.lines().nth(number.checked_sub(1)?)?;
            let at = ["list[", "dict["].iter().find_map(|name| {
                let at = line.find(name)?;
                let before = line.get(..at)?.trim_end();
                (before.contains('{') && before.ends_with(':')).then_some(at)
            })?;
            let rest = line.get(at..)?;
            let mut depth = 0_usize;
            let end = rest.find(|c| {
                match c {
                    '[' => depth += 1,
                    ']' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                c == ']' && depth == 0
            })?;
            let column = line.get(..at)?.chars().count() + 1;
            let place = Place {
                line: u32::try_from(number).ok()?,
                column: u32::try_from(column).ok()?,
            };
            Some((place, rest.get(..=end)?.to_owned()))
        })
}

#[cfg(test)]
mod tests;
