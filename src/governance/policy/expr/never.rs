//! Whether an expression can hold at all for requests of which something is known: a rule's `match:` says what its `when:`
//! can still meet.
//!
//! The answer is careful: "never" is certain, anything else only means that it cannot be told. An operand that has no value
//! (an overflow, say) is none that holds.

use super::code::{Number, Quantifier, Test, Text, Texts, Truth};
use super::variables;
use super::{Expression, compile};
use crate::governance::policy::settings;
use std::cmp::Ordering;

/// What is known of every request a rule is about.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// Whether it asks for a stream, where that is certain.
    pub stream: Option<bool>,
    /// Whether it certainly offers no tools.
    pub no_tools: bool,
    /// Whether a variable (`request.model`) may have this value.
    pub may_be: &'a dyn Fn(&str, &str) -> bool,
    /// Whether it may begin so.
    pub may_begin: &'a dyn Fn(&str, &str) -> bool,
}

impl Known<'_> {
    /// Nothing.
    pub const NOTHING: Known<'static> = Known {
        stream: None,
        no_tools: false,
        may_be: &|_, _| true,
        may_begin: &|_, _| true,
    };
}

/// Whether what is known contradicts an expression that could hold otherwise.
#[must_use]
pub fn contradicts(text: &settings::Text, custom_kinds: &[&str], known: &Known<'_>) -> bool {
    compile(text, custom_kinds)
        .is_ok_and(|expression| expression.never(known) && !expression.never(&Known::NOTHING))
}

impl Expression {
    /// Whether it holds for no request of which this is known.
    fn never(&self, known: &Known<'_>) -> bool {
        holds(&self.truth, known) == Some(false)
    }
}

fn holds(truth: &Truth, known: &Known<'_>) -> Option<bool> {
    match truth {
        Truth::Literal(value) => Some(*value),
        Truth::Variable(variables::Truth::Stream) => known.stream,
        Truth::Not(operand) => holds(operand, known).map(|value| !value),
        Truth::All(operands) => each(operands, known, false),
        Truth::Any(operands) => each(operands, known, true),
        Truth::Choose(parts) => match holds(&parts.0, known) {
            Some(true) => holds(&parts.1, known),
            Some(false) => holds(&parts.2, known),
            None => holds(&parts.1, known).filter(|yes| holds(&parts.2, known) == Some(*yes)),
        },
        Truth::Same(equal, operands) => {
            let (left, right) = (holds(&operands.0, known)?, holds(&operands.1, known)?);
            Some((left == right) == *equal)
        }
        Truth::CompareNumbers(comparison, operands) => {
            let (left, right) = (number(&operands.0, known)?, number(&operands.1, known)?);
            Some(comparison.holds(left.cmp(&right)))
        }
        Truth::CompareTexts(comparison, operands) => {
            let apart = comparison.is_equality() && !may_equal(&operands.0, &operands.1, known);
            apart.then(|| comparison.holds(Ordering::Less))
        }
        Truth::TextIn(operands) => match &operands.1 {
            Texts::Variable(variables::Texts::Tools) => known.no_tools.then_some(false),
            Texts::Variable(_) => None,
            Texts::These(items) => {
                let may = |item: &Text| may_equal(&operands.0, item, known);
                (!items.iter().any(may)).then_some(false)
            }
        },
        Truth::Test(Test::StartsWith, operands) => match &**operands {
            (Text::Variable(variable), Text::Literal(part)) => {
                (!(known.may_begin)(variable.name(), part)).then_some(false)
            }
            _ => None,
        },
        Truth::OfTexts(quantifier, parts) => match &parts.0 {
            Texts::Variable(variables::Texts::Tools) if known.no_tools => {
                Some(*quantifier == Quantifier::Every)
            }
            _ => None,
        },
        _ => None,
    }
}

/// `&&` and `||`: one operand of the value that decides is enough.
fn each(operands: &[Truth], known: &Known<'_>, decides: bool) -> Option<bool> {
    let mut all = Some(!decides);
    for operand in operands {
        match holds(operand, known) {
            Some(value) if value == decides => return Some(decides),
            Some(_) => {}
            None => all = None,
        }
    }
    all
}

fn number(number: &Number, known: &Known<'_>) -> Option<i64> {
    match number {
        Number::Literal(value) => Some(*value),
        Number::Variable(variables::Number::ToolCount)
        | Number::Entries(Texts::Variable(variables::Texts::Tools)) => known.no_tools.then_some(0),
        _ => None,
    }
}

fn may_equal(left: &Text, right: &Text, known: &Known<'_>) -> bool {
    match (left, right) {
        (Text::Variable(variable), Text::Literal(value))
        | (Text::Literal(value), Text::Variable(variable)) => {
            (known.may_be)(variable.name(), value)
        }
        _ => true,
    }
}
