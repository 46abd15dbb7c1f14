//! What is wrong with a workflow: which step found it, what and whose, where, and what to do.
//!
//! The steps have the names, and the order, that the Python runtime gives them, so that tools match the same fields
//! whichever of the two looked at a file.

use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt;

/// The step that found it, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The file cannot be read.
    ConfigLoad,
    /// It is not YAML as it is wanted here.
    ConfigParse,
    /// A key or value is not one of the format's.
    SchemaValidation,
    /// Its parts do not fit together.
    ConfigValidation,
    /// It asks for what is not run here.
    FeatureGating,
    /// A type of the state is none.
    StateModelBuild,
    /// A value of the state does not fit its type.
    StateInitialization,
    /// The graph does not lead from START to END.
    GraphBuild,
    /// A run failed.
    WorkflowExecution,
}

impl Phase {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ConfigLoad => "config_load",
            Self::ConfigParse => "config_parse",
            Self::SchemaValidation => "schema_validation",
            Self::ConfigValidation => "config_validation",
            Self::FeatureGating => "feature_gating",
            Self::StateModelBuild => "state_model_build",
            Self::StateInitialization => "state_initialization",
            Self::GraphBuild => "graph_build",
            Self::WorkflowExecution => "workflow_execution",
        }
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The workflow is not run.
    Error,
    /// It is; somebody should look.
    Warning,
}

/// A place in a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Place {
    /// The line, from 1; 0: the file as a whole.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

/// A value and where it was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Where.
    pub place: Place,
}

impl<T> At<T> {
    /// A value at a place.
    pub const fn new(value: T, place: Place) -> Self {
        Self { value, place }
    }
}

impl<T> std::ops::Deref for At<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// One thing wrong with a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Which step found it.
    pub phase: Phase,
    /// A stable name for this kind of fault.
    pub id: &'static str,
    /// The name it is about: a key, a node, a field.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Where it is.
    #[serde(flatten)]
    pub place: Place,
    /// What is wrong.
    pub message: String,
    /// What it is part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

impl Diagnostic {
    /// Something that keeps the workflow from running.
    pub fn error(phase: Phase, id: &'static str, place: Place, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            phase,
            id,
            name: String::new(),
            place,
            message: message.into(),
            context: None,
            suggestion: None,
        }
    }

    /// Something to look at.
    pub fn warning(
        phase: Phase,
        id: &'static str,
        place: Place,
        message: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(phase, id, place, message)
        }
    }

    /// What it is about.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// What it is part of.
    #[must_use]
    pub fn within(mut self, context: impl Into<String>) -> Self {
        self.context = Some(context.into());
        self
    }

    /// What to do about it.
    #[must_use]
    pub fn suggest(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }

    /// The name is not among these: names the nearest of them, or all.
    #[must_use]
    pub fn known<'a>(mut self, known: impl IntoIterator<Item = &'a str>) -> Self {
        self.suggestion = nearest(&self.name, known);
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(context) = &self.context {
            write!(f, "{context}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// So many edits make another word; the Python runtime draws the line there, too.
const NEAR: usize = 2;

/// The known name within two edits of `given`, else all that are known.
#[must_use]
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let known: BTreeSet<&str> = known.into_iter().collect();
    let lower = given.to_lowercase();
    let near = known
        .iter()
        .map(|name| (strsim::levenshtein(&lower, &name.to_lowercase()), *name))
        .filter(|(distance, _)| *distance <= NEAR)
        .min();
    match near {
        Some((_, name)) => Some(format!("did you mean `{name}`?")),
        None if known.is_empty() => None,
        None => {
            let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
            Some(format!("known here: {}", names.join(", ")))
        }
    }
}

/// Whether there is an error among them.
#[must_use]
pub fn has_errors(found: &[Diagnostic]) -> bool {
    found
        .iter()
        .any(|diagnostic| diagnostic.severity == Severity::Error)
}

/// By place, and within one place by step; each once.
pub fn sort(found: &mut Vec<Diagnostic>) {
    found.sort_by(|a, b| {
        (a.place, a.phase, a.id, &a.name, &a.message)
            .cmp(&(b.place, b.phase, b.id, &b.name, &b.message))
    });
    found.dedup();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_within_two_edits_else_all_are_named() {
        let check = |given: &str, known: &[&str], expected: Option<&str>| {
            assert_eq!(nearest(given, known.iter().copied()).as_deref(), expected);
        };
        check(
            "promt",
            &["prompt", "outputs"],
            Some("did you mean `prompt`?"),
        );
        check(
            "Prompt",
            &["prompt", "outputs"],
            Some("did you mean `prompt`?"),
        );
        check("ab", &["b", "a"], Some("did you mean `a`?"));
        check("xyzzy", &["b", "a"], Some("known here: `a`, `b`"));
        check("x", &[], None);
    }
}
