//! Holding a tree against its shape: every key that is missing, unknown or holds what it cannot.
//!
//! The walk goes on after a fault, so that one look finds all of them; what is within a value of the wrong kind is not
//! looked at, since every word of it would be wrong.

use super::scalar::{self, near, quoted, shown};
use super::shape::{Mapping, Shape};
use crate::config::yaml::{Entry, Kind, Node};
use crate::governance::policy::place::{Diagnostic, Place};

/// A place in the tree, as policies tell places.
pub(super) fn place(of: crate::config::fault::Place) -> Place {
    Place {
        file: of.source.number(),
        line: of.line,
        column: of.column,
    }
}

/// What is wrong with a whole file.
pub(super) fn conform(root: &Node) -> Vec<Diagnostic> {
    let mut walk = Walk { found: Vec::new() };
    walk.keys(root, &super::keys::FILE, "the file");
    walk.found
}

struct Walk {
    found: Vec<Diagnostic>,
}

impl Walk {
    fn fault(&mut self, code: &'static str, node: &Node, message: String, help: Option<String>) {
        let mut fault = Diagnostic::error(code, place(node.place), message);
        fault.help = help;
        self.found.push(fault);
    }

    fn mismatch(&mut self, node: &Node, shape: Shape, name: &str) {
        let (found, help) = match &node.kind {
            Kind::Scalar(scalar) if scalar.is_null() => (
                "there is no value".to_owned(),
                Some("write one, or remove the key".to_owned()),
            ),
            Kind::Scalar(scalar) => (format!("this is the text `{}`", shown(&scalar.text)), None),
            Kind::List(_) => ("this is a list".to_owned(), None),
            Kind::Map(_) => ("this is a mapping".to_owned(), None),
        };
        let message = format!("`{name}` takes {}, and {found}", shape.wanted());
        self.fault("TG104", node, message, help);
    }

    fn value(&mut self, node: &Node, shape: Shape, name: &str) {
        match (shape, &node.kind) {
            (Shape::List(of), Kind::List(items)) => {
                for item in items {
                    self.value(item, *of, name);
                }
            }
            (Shape::List(_), Kind::Scalar(scalar)) if scalar.is_null() => {
                self.mismatch(node, shape, name);
            }
            (Shape::List(of), _) => self.value(node, *of, name),
            (Shape::Named(of), Kind::Map(entries)) => {
                for entry in entries {
                    if !self.merge_key(entry) {
                        self.value(&entry.value, *of, &entry.key);
                    }
                }
            }
            (Shape::Keys(mapping), _) | (Shape::AnyOr(mapping), Kind::Map(_)) => {
                self.keys(node, mapping, name);
            }
            (Shape::AnyOr(_), Kind::Scalar(scalar)) if scalar.text == "any" => {}
            (Shape::Named(_) | Shape::AnyOr(_), _) | (_, Kind::List(_) | Kind::Map(_)) => {
                self.mismatch(node, shape, name);
            }
            (_, Kind::Scalar(scalar)) if scalar.is_null() => self.mismatch(node, shape, name),
            (_, Kind::Scalar(scalar)) => {
                if let Err(wrong) = scalar::check(scalar, shape, name) {
                    self.fault(wrong.code, node, wrong.message, wrong.help);
                }
            }
        }
    }

    fn keys(&mut self, node: &Node, mapping: &Mapping, name: &str) {
        let Kind::Map(entries) = &node.kind else {
            return self.mismatch(node, Shape::Named(&Shape::Text), name);
        };
        for entry in entries {
            match mapping.key(&entry.key) {
                Some(key) => self.value(&entry.value, key.shape, key.name),
                None if self.merge_key(entry) => {}
                None => self.unknown_key(entry, mapping),
            }
        }
        let there = |name: &str| entries.iter().any(|entry| entry.key == name);
        for key in mapping.keys.iter().filter(|key| key.required) {
            if !there(key.name) {
                let message = format!("`{}` is missing here", key.name);
                let help = format!("add `{}:` with {}", key.name, key.shape.wanted());
                self.fault("TG101", node, message, Some(help));
            }
        }
        if !mapping.one_of.is_empty() && !mapping.one_of.iter().any(|name| there(name)) {
            let message = format!("one of {} is missing here", quoted(mapping.one_of));
            self.fault("TG101", node, message, None);
        }
    }

    /// Refuses `<<`, which some readers of YAML put another mapping in the place of.
    fn merge_key(&mut self, entry: &Entry) -> bool {
        let is_one = entry.key == "<<";
        if is_one {
            let fault =
                Diagnostic::error("TG004", place(entry.place), "merge keys are not supported");
            self.found.push(fault.with_help("write the keys out"));
        }
        is_one
    }

    fn unknown_key(&mut self, entry: &Entry, mapping: &Mapping) {
        let known = mapping.keys.iter().map(|key| key.name);
        let (near, help) = near(&entry.key, known);
        let message = format!("unknown key `{}`{near}", shown(&entry.key));
        let mut fault = Diagnostic::error("TG102", place(entry.place), message);
        fault.help = help;
        self.found.push(fault);
    }
}
