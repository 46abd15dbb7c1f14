//! A policy file as a plain tree with lines: for saying what two of them have in common, whatever their layout.

use saphyr_parser::{Event, Parser};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A value, and the line it begins on.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    pub(super) line: usize,
    pub(super) node: Node,
}

/// What a value is.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Text(String),
    List(Vec<Tree>),
    /// Keys in order of their names, each with its line.
    Map(BTreeMap<String, (usize, Tree)>),
}

/// The tree of a text; `None` if it is no YAML, or of a form policies do not have (anchors, tags).
pub(super) fn tree(text: &str) -> Option<Tree> {
    let mut events = Parser::new_from_str(text).filter_map(Result::ok);
    loop {
        let (event, span) = events.next()?;
        if matches!(event, Event::StreamStart | Event::DocumentStart(..)) {
            continue;
        }
        return value(event, span.start.line(), &mut events);
    }
}

fn value<'a>(
    event: Event<'a>,
    line: usize,
    events: &mut impl Iterator<Item = (Event<'a>, saphyr_parser::Span)>,
) -> Option<Tree> {
    let node = match event {
        Event::Scalar(text, ..) => Node::Text(text.into_owned()),
        Event::SequenceStart(..) => {
            let mut items = Vec::new();
            loop {
                let (event, span) = events.next()?;
                if matches!(event, Event::SequenceEnd) {
                    break;
                }
                items.push(value(event, span.start.line(), events)?);
            }
            Node::List(items)
        }
        Event::MappingStart(..) => {
            let mut entries = BTreeMap::new();
            loop {
                let (event, span) = events.next()?;
                let Event::Scalar(key, ..) = event else {
                    if matches!(event, Event::MappingEnd) {
                        break;
                    }
                    return None;
                };
                let (event, at) = events.next()?;
                entries.insert(
                    key.into_owned(),
                    (span.start.line(), value(event, at.start.line(), events)?),
                );
            }
            Node::Map(entries)
        }
        _ => return None,
    };
    Some(Tree { line, node })
}

impl Tree {
    /// A value below, by key.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match &self.node {
            Node::Map(entries) => entries.get(key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// Its text, if it is one.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.node {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    /// On one line, the same for all that means the same: keys by name, names in lists by name, a list of one as its value.
    pub(super) fn shown(&self) -> String {
        match &self.node {
            Node::Text(text) => text.trim_end().to_owned(),
            Node::List(items) => {
                if let [one] = items.as_slice() {
                    return one.shown();
                }
                let mut items: Vec<String> = items.iter().map(Self::shown).collect();
                items.sort_unstable();
                format!("[{}]", items.join(", "))
            }
            Node::Map(entries) => {
                let mut out = String::from("{");
                for (place, (key, (_, value))) in entries.iter().enumerate() {
                    let comma = if place > 0 { ", " } else { "" };
                    let _ = write!(out, "{comma}{key}: {}", value.shown());
                }
                out.push('}');
                out
            }
        }
    }
}
