//! Texts with a grammar of their own: templates, types, conditions. Their faults are told where they are within the text,
//! as far as that is known.

use super::map::Reading;
use crate::workflow::diagnostic::{Diagnostic, Phase, Place};
use crate::workflow::expr::Expr;
use crate::workflow::frontend::tree::Node;
use crate::workflow::normal::Text;
use crate::workflow::template::Template;
use crate::workflow::types::{NAMES, Type};

impl Reading {
    pub(super) fn template(&mut self, node: &Node, path: &str) -> Option<Template> {
        self.placed(node, path).map(|text| text.value)
    }

    pub(super) fn placed(&mut self, node: &Node, path: &str) -> Option<Text> {
        let text = self.text(node, path)?;
        match Template::parse_with_places(&text) {
            Ok((value, offsets)) => Some(Text {
                value,
                place: node.place,
                places: places(node, &text, &offsets),
            }),
            Err(fault) => {
                let exact = node.inside(fault.line, fault.column);
                let within = match exact {
                    Some(_) => String::new(),
                    None => format!(
                        " (line {}, column {} of the text)",
                        fault.line + 1,
                        fault.column + 1
                    ),
                };
                let diagnostic = Diagnostic::error(
                    Phase::ConfigValidation,
                    "template",
                    exact.unwrap_or(node.place),
                    format!("{}{within}", fault.message),
                )
                .within(path)
                .suggest(fault.help);
                self.found.push(diagnostic);
                None
            }
        }
    }

    pub(super) fn type_of(&mut self, node: &Node, path: &str, phase: Phase) -> Option<Type> {
        let text = self.text(node, path)?;
        match Type::parse(&text) {
            Ok(found) => Some(found),
            Err(fault) => {
                let exact = node.inside(0, fault.at).unwrap_or(node.place);
                let mut diagnostic = Diagnostic::error(
                    phase,
                    "invalid_type",
                    exact,
                    format!("`{text}` is no type: {fault}"),
                )
                .within(path);
                if let Some(unknown) = fault.unknown {
                    let meant = foreign(&unknown);
                    diagnostic = diagnostic.named(unknown);
                    diagnostic = match meant {
                        Some(meant) => diagnostic.suggest(format!("did you mean `{meant}`?")),
                        None => diagnostic.known(NAMES.iter().copied()),
                    };
                }
                self.found.push(diagnostic);
                None
            }
        }
    }

    pub(super) fn condition(&mut self, node: &Node, path: &str) -> Option<Expr> {
        let text = self.text(node, path)?;
        match Expr::parse(&text) {
            Ok(parsed) => {
                if parsed.braces {
                    let accepted = format!("`{}`", parsed.expr);
                    self.dialect(
                        node.place,
                        path,
                        "fields stand without braces in a condition",
                        accepted,
                    );
                }
                Some(parsed.expr)
            }
            Err(fault) => {
                let before: String = text.chars().take(fault.at).collect();
                let last = before.rsplit('\n').next().unwrap_or_default();
                let exact = node.inside(before.matches('\n').count(), last.chars().count());
                let within = match exact {
                    Some(_) => String::new(),
                    None => format!(" (character {} of it)", fault.at + 1),
                };
                let mut diagnostic = Diagnostic::error(
                    Phase::ConfigValidation,
                    "condition",
                    exact.unwrap_or(node.place),
                    format!("`{}`: {}{within}", text.trim(), fault.message),
                )
                .within(path);
                diagnostic.suggestion = fault.help;
                self.found.push(diagnostic);
                None
            }
        }
    }
}

/// The places of these offsets into a node's text, which rise.
fn places(node: &Node, text: &str, offsets: &[usize]) -> Vec<Place> {
    let (mut at, mut line, mut column) = (0, 0, 0);
    let places = offsets.iter().map(|offset| {
        for c in text.get(at..*offset).unwrap_or_default().chars() {
            if c == '\n' {
                (line, column) = (line + 1, 0);
            } else {
                column += 1;
            }
        }
        at = *offset;
        node.inside(line, column).unwrap_or(node.place)
    });
    places.collect()
}

/// What other languages call our types.
fn foreign(name: &str) -> Option<&'static str> {
    match name.to_ascii_lowercase().as_str() {
        "string" | "text" => Some("str"),
        "integer" | "long" => Some("int"),
        "number" | "double" => Some("float"),
        "boolean" => Some("bool"),
        "array" | "sequence" => Some("list"),
        "map" | "mapping" => Some("dict"),
        _ => None,
    }
}
