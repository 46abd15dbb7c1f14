//! Reading values of fixed kinds from the tree, telling what is not of them.

use crate::units::Money;
use crate::workflow::diagnostic::{Diagnostic, Phase, Place, Severity};
use crate::workflow::frontend::tree::{Entry, Kind, Node};
use crate::workflow::template::is_name;
use crate::workflow::value::Value;

/// What was found on the way.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) found: Vec<Diagnostic>,
}

/// A mapping whose keys are known to be the format's.
#[derive(Debug, Clone)]
pub(super) struct Map<'a> {
    entries: &'a [Entry],
    pub(super) place: Place,
    /// What it is: `nodes[2]`.
    pub(super) path: String,
}

impl<'a> Map<'a> {
    /// The value of a key, if there is one.
    pub(super) fn get(&self, key: &str) -> Option<&'a Node> {
        self.entries
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.value)
            .filter(|value| !value.is_null())
    }

    pub(super) fn path(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }
}

impl Reading {
    /// Notes a fault of form; more can be said about it.
    pub(super) fn wrong(
        &mut self,
        place: Place,
        path: &str,
        message: impl Into<String>,
    ) -> Noted<'_> {
        let diagnostic =
            Diagnostic::error(Phase::SchemaValidation, "invalid_value", place, message);
        self.found.push(if path.is_empty() {
            diagnostic
        } else {
            diagnostic.within(path)
        });
        Noted(self.found.last_mut())
    }

    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        self.found.push(diagnostic);
    }

    /// Notes a spelling that runs here and not there.
    pub(super) fn dialect(
        &mut self,
        place: Place,
        path: &str,
        message: impl Into<String>,
        accepted: impl Into<String>,
    ) {
        let diagnostic = Diagnostic::warning(Phase::SchemaValidation, "dialect", place, message)
            .within(path)
            .suggest(format!(
                "the form that runs everywhere: {}",
                accepted.into()
            ));
        self.found.push(diagnostic);
    }

    /// A mapping with no keys but these.
    pub(super) fn map<'a>(
        &mut self,
        node: &'a Node,
        path: &str,
        known: &[&str],
    ) -> Option<Map<'a>> {
        self.keys(node, path, known, Severity::Error)
    }

    /// A mapping of which nothing is done here: other keys than these are told, and keep nothing from running.
    pub(super) fn aside<'a>(
        &mut self,
        node: &'a Node,
        path: &str,
        known: &[&str],
    ) -> Option<Map<'a>> {
        self.keys(node, path, known, Severity::Warning)
    }

    fn keys<'a>(
        &mut self,
        node: &'a Node,
        path: &str,
        known: &[&str],
        severity: Severity,
    ) -> Option<Map<'a>> {
        let map = self.open(node, path)?;
        for entry in map.entries {
            if known.contains(&entry.key.as_str()) {
                continue;
            }
            let whose = if path.is_empty() { "the file" } else { path };
            let message = format!("`{}` is not a key of {whose}", entry.key);
            let mut diagnostic =
                Diagnostic::error(Phase::SchemaValidation, "unknown_key", entry.place, message)
                    .named(&entry.key)
                    .known(known.iter().copied());
            diagnostic.severity = severity;
            // `{ description: one, two }` has a key `two`.
            self.found
                .push(if entry.value.is_null() && entry.key.contains(' ') {
                    diagnostic.suggest("a comma ends a text within `{ … }`: put the text in quotes")
                } else {
                    diagnostic
                });
        }
        Some(map)
    }

    /// Of the unknown keys told since there were `before` faults, says where these belong.
    pub(super) fn misplaced(&mut self, before: usize, keys: &[&str], under: &str) {
        for one in self.found.iter_mut().skip(before) {
            if one.id == "unknown_key" && keys.contains(&one.name.as_str()) {
                one.suggestion = Some(format!("`{}` stands under `{under}`", one.name));
            }
        }
    }

    /// A mapping whose keys are the author's.
    pub(super) fn open<'a>(&mut self, node: &'a Node, path: &str) -> Option<Map<'a>> {
        if let Kind::Map(entries) = &node.kind {
            return Some(Map {
                entries,
                place: node.place,
                path: path.to_owned(),
            });
        }
        self.wrong(
            node.place,
            path,
            format!("expected a mapping, found {}", node.what()),
        );
        None
    }

    pub(super) fn entries<'a>(&mut self, node: &'a Node, path: &str) -> &'a [Entry] {
        self.open(node, path).map_or(&[], |map| map.entries)
    }

    pub(super) fn list<'a>(&mut self, node: &'a Node, path: &str) -> Option<&'a [Node]> {
        if let Kind::List(items) = &node.kind {
            return Some(items);
        }
        self.wrong(
            node.place,
            path,
            format!("expected a list, found {}", node.what()),
        );
        None
    }

    /// The value of a key that must be there.
    pub(super) fn required<'a>(&mut self, map: &Map<'a>, key: &str) -> Option<&'a Node> {
        let value = map.get(key);
        if value.is_none() {
            let whose = if map.path.is_empty() {
                "the file"
            } else {
                &map.path
            };
            let message = format!("`{key}` is missing in {whose}");
            let diagnostic =
                Diagnostic::error(Phase::SchemaValidation, "missing_key", map.place, message)
                    .named(key);
            self.found.push(diagnostic);
        }
        value
    }

    /// Whatever it is.
    pub(super) fn value(&mut self, node: &Node, path: &str) -> Option<Value> {
        match node.value() {
            Ok(value) => Some(value),
            Err(ambiguous) => {
                self.wrong(ambiguous.place, path, ambiguous.message);
                None
            }
        }
    }

    pub(super) fn text(&mut self, node: &Node, path: &str) -> Option<String> {
        match self.value(node, path)? {
            Value::Str(text) => Some(text),
            other => {
                let Kind::Scalar { text, .. } = &node.kind else {
                    self.wrong(
                        node.place,
                        path,
                        format!("expected a text, found {}", node.what()),
                    );
                    return None;
                };
                let message = format!("expected a text, found {} `{text}`", other.type_name());
                self.wrong(node.place, path, message)
                    .suggest(format!("put it in quotes: \"{text}\""));
                None
            }
        }
    }

    pub(super) fn optional_text(&mut self, map: &Map<'_>, key: &str) -> Option<String> {
        let node = map.get(key)?;
        self.text(node, &map.path(key))
    }

    /// A name as Python has them.
    pub(super) fn name(&mut self, node: &Node, path: &str) -> Option<String> {
        let text = self.text(node, path)?;
        if is_name(&text) {
            return Some(text);
        }
        self.wrong(node.place, path, format!("`{text}` is not a name"))
            .suggest("names are letters, digits and `_`, and do not begin with a digit");
        None
    }

    pub(super) fn flag(&mut self, map: &Map<'_>, key: &str) -> Option<bool> {
        let node = map.get(key)?;
        if let Value::Bool(flag) = self.value(node, &map.path(key))? {
            return Some(flag);
        }
        self.wrong(node.place, &map.path(key), "expected `true` or `false`");
        None
    }

    pub(super) fn int(&mut self, map: &Map<'_>, key: &str, least: i64, most: i64) -> Option<i64> {
        let node = map.get(key)?;
        match self.value(node, &map.path(key))? {
            Value::Int(number) if (least..=most).contains(&number) => Some(number),
            Value::Int(number) => {
                self.wrong(
                    node.place,
                    &map.path(key),
                    format!("{number} is not between {least} and {most}"),
                );
                None
            }
            other => {
                self.wrong(
                    node.place,
                    &map.path(key),
                    format!(
                        "expected a whole number from {least} to {most}, found {}",
                        other.type_name()
                    ),
                );
                None
            }
        }
    }

    pub(super) fn count(&mut self, map: &Map<'_>, key: &str, least: u32, most: u32) -> Option<u32> {
        let number = self.int(map, key, i64::from(least), i64::from(most))?;
        u32::try_from(number).ok()
    }

    pub(super) fn number(&mut self, map: &Map<'_>, key: &str) -> Option<f64> {
        let node = map.get(key)?;
        match self.value(node, &map.path(key))? {
            Value::Float(number) => Some(number),
            #[expect(clippy::cast_precision_loss, reason = "what Python's float() does")]
            Value::Int(number) => Some(number as f64),
            other => {
                let message = format!("expected a number, found {}", other.type_name());
                self.wrong(node.place, &map.path(key), message);
                None
            }
        }
    }

    /// One of several words.
    pub(super) fn word(&mut self, map: &Map<'_>, key: &str, known: &[&str]) -> Option<String> {
        let node = map.get(key)?;
        let path = map.path(key);
        let text = self.text(node, &path)?;
        if known.contains(&text.as_str()) {
            return Some(text);
        }
        let diagnostic = Diagnostic::error(
            Phase::SchemaValidation,
            "invalid_value",
            node.place,
            format!("`{text}` is not one of the values it can have"),
        )
        .within(path)
        .named(&text)
        .known(known.iter().copied());
        self.found.push(diagnostic);
        None
    }

    /// `"$0.50"`.
    pub(super) fn money(&mut self, map: &Map<'_>, key: &str) -> Option<Money> {
        let node = map.get(key)?;
        let path = map.path(key);
        let Kind::Scalar { text, .. } = &node.kind else {
            self.wrong(
                node.place,
                &path,
                format!("expected an amount, found {}", node.what()),
            );
            return None;
        };
        let amount = text.trim().strip_prefix('$').unwrap_or(text.trim());
        match amount.trim().parse::<Money>() {
            Ok(money) if money > Money::ZERO => Some(money),
            _ => {
                self.wrong(
                    node.place,
                    &path,
                    format!("`{text}` is not an amount above zero"),
                )
                .suggest("write dollars in quotes: \"$0.50\"");
                None
            }
        }
    }
}

/// The last thing noted, to say what to do about it.
pub(super) struct Noted<'a>(Option<&'a mut Diagnostic>);

impl Noted<'_> {
    pub(super) fn suggest(self, suggestion: impl Into<String>) {
        if let Some(diagnostic) = self.0 {
            diagnostic.suggestion = Some(suggestion.into());
        }
    }
}
