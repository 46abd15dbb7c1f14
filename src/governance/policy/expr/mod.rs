//! Expressions: the `when:` of a rule, in a typed subset of CEL with a bounded cost.
//!
//! An expression is read, checked and compiled once, when its policy is loaded; everything that can be wrong with it is
//! said then, by place. What is left to go wrong on a request is arithmetic beyond 64 bits, a division by zero, and a
//! text or list longer than expressions look at; that is an [`EvalError`], and whoever decides says what it means.
//!
//! Invariant: an accepted expression ends within its cost (about 50 µs), on every request, without panicking.
//! Differences from CEL: `&&` and `||` stop at the first operand that decides, and an error before it is an error; there
//! are no floats, nulls, maps or messages, no `has`, `map`, `filter`; `lower` is ASCII; a missing header is "".
//!
//! Not here: globs and lists of `match:`, and what a verdict does.

mod ast;
mod bounds;
mod check;
mod code;
mod cost;
mod eval;
mod facts;
mod fault;
mod format;
mod lexer;
mod needle;
mod never;
mod parser;
mod pattern;
mod range;
mod reference;
#[cfg(test)]
mod tests;
mod variables;

pub use eval::EvalError;
pub use facts::{Facts, Headers, LocalTime, Strings};
pub use never::{Known, contradicts};
pub use reference::{Needs, Reference};

use crate::governance::policy::place::Diagnostic;
use crate::governance::policy::settings::Text;
use check::Checker;
use fault::Faults;

/// A compiled expression.
#[derive(Debug, Clone)]
pub struct Expression {
    truth: code::Truth,
    references: Box<[Reference]>,
    needs: Needs,
    warnings: Box<[Diagnostic]>,
}

/// Compiles an expression. `custom_kinds` are the names of the policy's own patterns, in their order:
/// `detections.NAME` of the first counts findings of [`Kind::Custom(0)`](crate::governance::guard::Kind::Custom).
///
/// # Errors
/// Everything that is wrong with it, as far as one run can see, and the warnings; in the order of the text.
pub fn compile(text: &Text, custom_kinds: &[&str]) -> Result<Expression, Vec<Diagnostic>> {
    let mut faults = Faults::default();
    let node = parser::parse(&text.text, &mut faults);
    let mut checker = Checker::new(custom_kinds, &mut faults);
    let truth = checker.expression(&node);
    let references = checker.references;
    let refused = faults.any_errors();
    let diagnostics = faults.placed(text);
    match truth {
        Some(truth) if !refused => Ok(Expression {
            needs: references
                .iter()
                .map(Reference::needs)
                .fold(Needs::NONE, Needs::and),
            truth,
            references: references.into(),
            warnings: diagnostics.into(),
        }),
        _ => Err(diagnostics),
    }
}

/// An expression in its canonical form. `None` if it cannot be read, or has comments, which would be lost.
#[must_use]
pub fn format(text: &str) -> Option<String> {
    let mut faults = Faults::default();
    let node = parser::parse(text, &mut faults);
    if faults.any_errors() || lexer::has_comments(text) {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    format::write(&node, &mut out);
    Some(out)
}

impl Expression {
    /// Whether it holds for a request.
    ///
    /// # Errors
    /// Where it has no value: see [`EvalError`]. In a deny rule that counts as a match, in an allow rule as none.
    pub fn eval(&self, facts: &Facts<'_>) -> Result<bool, EvalError> {
        eval::evaluate(&self.truth, facts)
    }

    /// Which groups of facts it reads. Rules with [`Needs::DETECTIONS`] are decided after the detectors ran.
    #[must_use]
    pub const fn needs(&self) -> Needs {
        self.needs
    }

    /// What it reads, in the order of the text.
    #[must_use]
    pub fn references(&self) -> &[Reference] {
        &self.references
    }

    /// What somebody should look at, although it was accepted.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// What evaluating it can cost at most, in units of about 2.5 ns.
    #[must_use]
    pub fn cost(&self) -> u64 {
        cost::of(&self.truth)
    }
}
