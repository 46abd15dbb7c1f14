//! From a tree that conforms to its shape to settings.
//!
//! Nothing complains here: what a tree cannot hold was found by `conform`, and a file with a fault is not used. What is
//! absent is absent, and a list of one may stand without its brackets.

mod guard;
mod rule;

use super::conform::place;
use super::scalar;
use super::text::expression;
use crate::config::yaml::{Entry, Kind, Node};
use crate::governance::policy::place::{Place, Spanned};
use crate::governance::policy::settings::{
    Action, BudgetBehaviour, Defaults, Effect, File, Limits, Names, OnError, Override, Scope, Site,
    Text, Window,
};
use std::time::Duration;

/// The settings of a file. `lines`: those of its text.
pub(super) fn decode(root: &Node, lines: &[&str]) -> File {
    let file = View::of(root, lines);
    File {
        place: file.place,
        shipped: false,
        scope: file.within("scope", scope).unwrap_or_default(),
        pack: file.text("pack"),
        lists: file.named("lists", |node, _| names(node)),
        windows: file.named("windows", window),
        defaults: file.inner("defaults", defaults),
        limits: file.inner("limits", limits),
        budget: file.inner("budget", |budget| BudgetBehaviour {
            soft: budget.text("soft"),
            on_panel_loss: budget.text("on_panel_loss"),
        }),
        rules: file.list("rules", rule::rule),
        redact: file.list("redact", guard::redact),
        patterns: file.list("patterns", guard::pattern),
        injection: file
            .within("injection", guard::injection)
            .map(|it| it.value),
        taint: file.list("taint", guard::taint),
        breakers: file.list("breakers", guard::breaker),
        consult: file.list("consult", guard::consult),
        capture: file.matches("capture"),
        overrides: file.list("overrides", exception),
        tests: file.list("tests", rule::case),
    }
}

fn scope(scope: &View<'_>) -> Scope {
    let name = |key: &str| scope.text(key).map(|name| name.value);
    Scope {
        org: name("org"),
        team: name("team"),
        project: name("project"),
        key: name("key"),
    }
}

fn window(node: &Node, lines: &[&str]) -> Window {
    let window = View::of(node, lines);
    Window {
        days: window.names("days"),
        from: window.text("from").unwrap_or_default(),
        to: window.text("to").unwrap_or_default(),
        tz: window.text("tz"),
        overnight: window.flag("overnight").is_some_and(|flag| flag.value),
    }
}

fn defaults(defaults: &View<'_>) -> Defaults {
    Defaults {
        effect: defaults.word("effect", EFFECTS),
        on_detector_error: defaults.word(
            "on_detector_error",
            &[("block", OnError::Block), ("pass", OnError::Pass)],
        ),
        tz: defaults.text("tz"),
        scan_budget: defaults.length("scan_budget"),
    }
}

fn limits(limits: &View<'_>) -> Limits {
    Limits {
        max_input_tokens: limits.number("max_input_tokens"),
        max_output_tokens: limits.number("max_output_tokens"),
        rpm: limits.number("rpm"),
        tpm: limits.number("tpm"),
        concurrency: limits.number("concurrency"),
    }
}

fn exception(exception: &View<'_>) -> Override {
    Override {
        place: exception.place,
        child: exception.within("for", scope).unwrap_or_default(),
        limits: exception.inner("limits", limits),
        lift: exception.names("allow"),
        reason: exception.text("reason"),
        expires: exception.text("expires"),
    }
}

const EFFECTS: &[(&str, Effect)] = &[("allow", Effect::Allow), ("deny", Effect::Deny)];

const SITES: &[(&str, Site)] = &[
    ("request", Site::Request),
    ("tool_result", Site::ToolResult),
    ("tool_definition", Site::ToolDefinition),
    ("response", Site::Response),
    ("tool_args", Site::ToolArgs),
];

const ACTIONS: &[(&str, Action)] = &[
    ("replace", Action::Replace),
    ("mask", Action::Mask),
    ("hash", Action::Hash),
    ("label", Action::Label),
    ("drop", Action::Drop),
    ("block", Action::Block),
    ("flag", Action::Flag),
];

/// A mapping, to be asked for its keys.
struct View<'a> {
    entries: &'a [Entry],
    place: Place,
    lines: &'a [&'a str],
}

impl<'a> View<'a> {
    fn of(node: &'a Node, lines: &'a [&'a str]) -> Self {
        let entries = match &node.kind {
            Kind::Map(entries) => entries.as_slice(),
            _ => &[],
        };
        Self {
            entries,
            place: place(node.place),
            lines,
        }
    }

    fn get(&self, key: &str) -> Option<&'a Node> {
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        Some(&entry.value)
    }

    /// What a text means, with its place.
    fn read<T>(&self, key: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<Spanned<T>> {
        let node = self.get(key)?;
        let Kind::Scalar(scalar) = &node.kind else {
            return None;
        };
        Some(Spanned::new(read(&scalar.text)?, place(node.place)))
    }

    fn text(&self, key: &str) -> Option<Spanned<String>> {
        self.read(key, |text| Some(text.to_owned()))
    }

    fn number(&self, key: &str) -> Option<Spanned<u64>> {
        self.read(key, scalar::number)
    }

    fn milli(&self, key: &str) -> Option<Spanned<u64>> {
        self.read(key, scalar::milli)
    }

    fn flag(&self, key: &str) -> Option<Spanned<bool>> {
        self.read(key, scalar::flag)
    }

    fn length(&self, key: &str) -> Option<Spanned<Duration>> {
        self.read(key, |text| crate::settings::duration(text).ok())
    }

    fn word<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Option<Spanned<T>> {
        self.read(key, |text| meaning(text, words))
    }

    /// Whether a mode is `shadow`, and where that stands.
    fn shadow(&self) -> Option<Place> {
        self.word("mode", &[("shadow", ())]).map(|mode| mode.place)
    }

    fn expression(&self, key: &str) -> Option<Text> {
        let node = self.get(key)?;
        let Kind::Scalar(scalar) = &node.kind else {
            return None;
        };
        Some(expression(node, scalar, self.lines))
    }

    fn names(&self, key: &str) -> Names {
        self.get(key).map(names).unwrap_or_default()
    }

    /// Names of a key that is there, perhaps none.
    fn some_names(&self, key: &str) -> Option<Spanned<Names>> {
        let node = self.get(key)?;
        Some(Spanned::new(names(node), place(node.place)))
    }

    fn words<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Vec<Spanned<T>> {
        let given = self.names(key).into_iter();
        given
            .filter_map(|name| Some(Spanned::new(meaning(&name.value, words)?, name.place)))
            .collect()
    }

    /// Names of the author's own, each with its text.
    fn pairs(&self, key: &str) -> Vec<(Spanned<String>, Spanned<String>)> {
        let pair = |node: &Node, _: &[&str]| names(node).into_iter().next().unwrap_or_default();
        self.named(key, pair)
    }

    /// Names of the author's own, each with what it stands for.
    fn named<T>(
        &self,
        key: &str,
        read: impl Fn(&'a Node, &'a [&'a str]) -> T,
    ) -> Vec<(Spanned<String>, T)> {
        let Some(Kind::Map(entries)) = self.get(key).map(|node| &node.kind) else {
            return Vec::new();
        };
        entries
            .iter()
            .map(|entry| {
                let name = Spanned::new(entry.key.clone(), place(entry.place));
                (name, read(&entry.value, self.lines))
            })
            .collect()
    }

    /// A mapping within this one.
    fn within<T>(&self, key: &str, read: impl FnOnce(&View<'a>) -> T) -> Option<Spanned<T>> {
        let inner = View::of(self.get(key)?, self.lines);
        Some(Spanned::new(read(&inner), inner.place))
    }

    /// A mapping within this one; what is absent is an empty one.
    fn inner<T: Default>(&self, key: &str, read: impl FnOnce(&View<'a>) -> T) -> T {
        self.within(key, read)
            .map(|it| it.value)
            .unwrap_or_default()
    }

    /// The mappings of a list.
    fn list<T>(&self, key: &str, read: impl Fn(&View<'a>) -> T) -> Vec<T> {
        let items = match self.get(key) {
            None => &[],
            Some(Node {
                kind: Kind::List(items),
                ..
            }) => items.as_slice(),
            Some(single) => std::slice::from_ref(single),
        };
        items
            .iter()
            .map(|item| read(&View::of(item, self.lines)))
            .collect()
    }
}

/// The texts of a list, or a single one.
fn names(node: &Node) -> Names {
    let items = match &node.kind {
        Kind::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    let text = |item: &Node| match &item.kind {
        Kind::Scalar(scalar) => Some(Spanned::new(scalar.text.clone(), place(item.place))),
        _ => None,
    };
    items.iter().filter_map(text).collect()
}

/// What a word stands for.
fn meaning<T: Copy>(text: &str, words: &[(&str, T)]) -> Option<T> {
    let (_, meaning) = words.iter().find(|(word, _)| *word == text)?;
    Some(*meaning)
}
