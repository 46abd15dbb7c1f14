//! Diagnostics, as people, editors and pipelines read them.
//!
//! The first fifty by place are shown, and how many more there are: whoever mends fifty faults runs the check again.

mod sarif;
mod snippet;

use super::codes::title;
use crate::governance::policy::place::{Diagnostic, Place, Severity};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// More are only counted.
const MOST_SHOWN: usize = 50;

/// How diagnostics are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For people, in colour.
    Coloured,
    /// For programs: `{"diagnostics": […], "errors": n, "warnings": n, "left_out": n}`.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// GitHub's annotations, for pull requests.
    GitHub,
}

/// Diagnostics, sorted by place, with what is needed to show them.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// What is wrong.
    pub diagnostics: &'a [Diagnostic],
    /// The name of each file.
    pub names: &'a [PathBuf],
    /// The text of each file.
    pub texts: &'a [String],
}

impl<'a> Report<'a> {
    /// The diagnostics as a text; empty in the forms for people and annotations if there are none.
    #[must_use]
    pub fn render(&self, format: Format) -> String {
        match format {
            Format::Text => self.text(false),
            Format::Coloured => self.text(true),
            Format::Json => self.json(),
            Format::Sarif => sarif::sarif(self),
            Format::GitHub => self.github(),
        }
    }

    /// How many of this severity there are.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        let of_it = |one: &&Diagnostic| one.severity == severity;
        self.diagnostics.iter().filter(of_it).count()
    }

    fn shown(&self) -> impl Iterator<Item = &'a Diagnostic> {
        self.diagnostics.iter().take(MOST_SHOWN)
    }

    fn left_out(&self) -> usize {
        self.diagnostics.len().saturating_sub(MOST_SHOWN)
    }

    fn name(&self, file: u16) -> &'a Path {
        let name = self.names.get(usize::from(file));
        name.map_or(Path::new("?"), PathBuf::as_path)
    }

    /// `file:line:column`, or the file alone.
    fn spot(&self, place: Place) -> String {
        let name = self.name(place.file).display();
        if place.line == 0 {
            name.to_string()
        } else {
            format!("{name}:{}:{}", place.line, place.column)
        }
    }

    fn text(&self, coloured: bool) -> String {
        let paint = snippet::Paint { coloured };
        let mut out = String::new();
        for one in self.shown() {
            let label = paint.severity(one.severity, &format!("{}[{}]", one.severity, one.code));
            let _ = writeln!(out, "{}: {label}: {}", self.spot(one.place), one.message);
            snippet::snippet(self.source(one.place.file), one.place, paint, &mut out);
            if let Some((place, what)) = &one.also {
                let _ = writeln!(
                    out,
                    "  {}: {}: {what}",
                    paint.aside("note"),
                    self.spot(*place)
                );
            }
            if let Some(help) = &one.help {
                let _ = writeln!(out, "  {}: {help}", paint.aside("help"));
            }
        }
        if self.left_out() > 0 {
            let _ = writeln!(out, "and {} more", self.left_out());
        }
        out
    }

    fn source(&self, file: u16) -> &'a str {
        self.texts.get(usize::from(file)).map_or("", String::as_str)
    }

    fn json(&self) -> String {
        let diagnostics: Vec<Value> = self.shown().map(|one| self.json_of(one)).collect();
        let whole = json!({
            "diagnostics": diagnostics,
            "errors": self.count(Severity::Error),
            "warnings": self.count(Severity::Warning),
            "left_out": self.left_out(),
        });
        format!("{whole:#}\n")
    }

    fn json_of(&self, one: &Diagnostic) -> Value {
        let place = |place: Place| {
            json!({
                "file": self.name(place.file).display().to_string(),
                "line": place.line,
                "column": place.column,
            })
        };
        let mut value = place(one.place);
        if let Some(value) = value.as_object_mut() {
            value.insert("severity".to_owned(), json!(one.severity.to_string()));
            value.insert("code".to_owned(), json!(one.code));
            value.insert("message".to_owned(), json!(one.message));
            if let Some(help) = &one.help {
                value.insert("help".to_owned(), json!(help));
            }
            if let Some((at, what)) = &one.also {
                let mut also = place(*at);
                also["message"] = json!(what);
                value.insert("also".to_owned(), also);
            }
        }
        value
    }

    /// One line for each, as GitHub's runner reads them from a log.
    fn github(&self) -> String {
        let mut out = String::new();
        for one in self.shown() {
            let file = property(&self.name(one.place.file).display().to_string());
            let mut message = one.message.clone();
            if let Some((place, what)) = &one.also {
                let _ = write!(message, "\n{}: {what}", self.spot(*place));
            }
            if let Some(help) = &one.help {
                let _ = write!(message, "\nhelp: {help}");
            }
            let place = match one.place.line {
                0 => String::new(),
                line => format!(",line={line},col={}", one.place.column),
            };
            let _ = writeln!(
                out,
                "::{} file={file}{place},title={}::{}",
                one.severity,
                property(&format!(
                    "{} {}",
                    one.code,
                    title(one.code).unwrap_or_default()
                )),
                data(&message)
            );
        }
        out
    }
}

/// The message of an annotation.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// A property of an annotation.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
