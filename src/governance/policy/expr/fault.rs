//! What is wrong with an expression, by offset; places in the YAML file are found at the end.

use crate::governance::policy::place::{Diagnostic, Severity};
use crate::governance::policy::settings::Text;

/// A stretch of the expression's text, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Span {
    pub(super) const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// From the beginning of this one to the end of the other.
    pub(super) const fn to(self, other: Self) -> Self {
        Self::new(self.start, other.end)
    }
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    code: &'static str,
    severity: Severity,
    span: Span,
    message: String,
    help: Option<String>,
}

impl Fault {
    pub(super) fn error(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            span,
            message: message.into(),
            help: None,
        }
    }

    pub(super) fn warning(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, span, message)
        }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// More than this many of a severity are of no use to anybody. Warnings never take an error's place: what is refused
/// must be seen to be.
const MOST: usize = 20;

/// The faults found so far.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn add(&mut self, fault: Fault) {
        let alike = |known: &&Fault| known.severity == fault.severity;
        if self.0.iter().filter(alike).count() < MOST && !self.0.contains(&fault) {
            self.0.push(fault);
        }
    }

    pub(super) fn any_errors(&self) -> bool {
        self.0.iter().any(|fault| fault.severity == Severity::Error)
    }

    /// As diagnostics, in the order of the text.
    pub(super) fn placed(mut self, text: &Text) -> Vec<Diagnostic> {
        self.0.sort_by_key(|fault| fault.span.start);
        self.0
            .into_iter()
            .map(|fault| Diagnostic {
                code: fault.code,
                severity: fault.severity,
                place: text.place_of(fault.span.start),
                message: fault.message,
                help: fault.help,
                also: None,
            })
            .collect()
    }
}
