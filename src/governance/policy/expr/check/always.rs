//! What always comes out the same, whatever the request: surely not what was meant.
//!
//! Found where it arises and reported once: an operation is judged by its own operands, with only literals among them
//! taken as known.

use super::super::ast::{Comparison, Form, Node};
use super::super::code::{Quantifier, Test, Text, Texts, Truth};
use super::super::cost::longest;
use super::super::facts::WEEKDAYS;
use super::super::fault::{Fault, Span};
use super::super::{range, variables};
use super::{Checker, Value};
use std::cmp::Ordering;

impl Checker<'_> {
    /// The truth as a value; a warning if it is always the same.
    pub(super) fn judged(&mut self, at: Span, truth: Truth) -> Value {
        if let Some(value) = always(&truth) {
            let what = match &truth {
                Truth::All(_) | Truth::Any(_) | Truth::Not(_) => "this",
                Truth::OfTexts(..) | Truth::OfNumbers(..) => "this loop",
                Truth::Test(..) => "this test",
                _ => "this comparison",
            };
            let mut fault = Fault::warning("TG309", at, format!("{what} is always {value}"));
            if let Some(help) = why(&truth) {
                fault = fault.help(help);
            }
            self.faults.add(fault);
        }
        Value::Truth(truth)
    }

    /// Warns of entries of a list that a text can never equal.
    pub(super) fn never_equal_to(&mut self, text: &Text, list_node: &Node, list: &Texts) {
        let (Form::List(nodes), Texts::These(items)) = (&list_node.form, list) else {
            return;
        };
        // If none can, the comparison as a whole says so.
        if items.len() < 2 || items.iter().all(|item| !may_equal(text, item)) {
            return;
        }
        for (node, item) in nodes.iter().zip(items) {
            if !may_equal(text, item) {
                let mut fault = Fault::warning("TG309", node.span, "this entry is never equal");
                if let Some(help) = expected(text) {
                    fault = fault.help(help);
                }
                self.faults.add(fault);
            }
        }
    }
}

/// What a truth always is, if its own operands say so.
fn always(truth: &Truth) -> Option<bool> {
    match truth {
        Truth::Not(operand) => match **operand {
            Truth::Literal(value) => Some(!value),
            _ => None,
        },
        Truth::All(operands) => operands
            .contains(&Truth::Literal(false))
            .then_some(false)
            .or_else(|| contradiction(operands).then_some(false)),
        Truth::Any(operands) => operands.contains(&Truth::Literal(true)).then_some(true),
        Truth::Same(equal, operands) => match &**operands {
            (Truth::Literal(left), Truth::Literal(right)) => Some((left == right) == *equal),
            (left, right) => (left == right).then_some(*equal),
        },
        Truth::CompareNumbers(comparison, operands) => {
            let (left, right) = &**operands;
            range::of(left)
                .compared(*comparison, range::of(right))
                .or_else(|| (left == right).then(|| comparison.holds(Ordering::Equal)))
        }
        Truth::CompareTexts(comparison, operands) => {
            compared(*comparison, &operands.0, &operands.1)
        }
        Truth::NumberIn(number, list) => {
            let wanted = range::of(number);
            let never = |item| wanted.compared(Comparison::Equal, range::of(item)) == Some(false);
            list.iter().all(never).then_some(false)
        }
        Truth::TextIn(operands) => match &operands.1 {
            Texts::These(items) => {
                let never = items.iter().all(|item| !may_equal(&operands.0, item));
                never.then_some(false)
            }
            Texts::Variable(_) => None,
        },
        Truth::Test(_, operands) => match &**operands {
            (_, Text::Literal(part)) if part.is_empty() => Some(true),
            (Text::Literal(whole), Text::Literal(part)) => Some(tested(truth, whole, part)),
            (Text::Lower(_), Text::Literal(part)) if has_capitals(part) => Some(false),
            (whole, Text::Literal(part)) if part.len() > longest(whole) => Some(false),
            _ => None,
        },
        Truth::OfTexts(quantifier, parts) => literal_body(*quantifier, &parts.1),
        Truth::OfNumbers(quantifier, parts) => literal_body(*quantifier, &parts.1),
        _ => None,
    }
}

/// A loop that asks nothing of its entries is only certain where it cannot matter whether there are any.
fn literal_body(quantifier: Quantifier, body: &Truth) -> Option<bool> {
    match (quantifier, body) {
        (Quantifier::Some, Truth::Literal(false)) => Some(false),
        (Quantifier::Every, Truth::Literal(true)) => Some(true),
        _ => None,
    }
}

fn tested(truth: &Truth, whole: &str, part: &str) -> bool {
    match truth {
        Truth::Test(Test::StartsWith, _) => whole.starts_with(part),
        Truth::Test(Test::EndsWith, _) => whole.ends_with(part),
        _ => whole.contains(part),
    }
}

fn compared(comparison: Comparison, left: &Text, right: &Text) -> Option<bool> {
    if let (Text::Literal(left), Text::Literal(right)) = (left, right) {
        return Some(comparison.holds(left.cmp(right)));
    }
    if left == right {
        return Some(comparison.holds(Ordering::Equal));
    }
    if comparison.is_equality() && !may_equal(left, right) {
        return Some(comparison == Comparison::NotEqual);
    }
    None
}

/// Whether two of the operands ask the same thing to equal different literals.
fn contradiction(operands: &[Truth]) -> bool {
    let wanted = |truth: &Truth| match truth {
        Truth::CompareTexts(Comparison::Equal, operands) => match &**operands {
            (subject, Text::Literal(value)) | (Text::Literal(value), subject) => {
                Some((subject.clone(), value.clone()))
            }
            _ => None,
        },
        _ => None,
    };
    let Some((last, before)) = operands.split_last() else {
        return false;
    };
    // Earlier pairs were judged when they were joined.
    wanted(last).is_some_and(|(subject, value)| {
        let other = |truth| wanted(truth).is_some_and(|(s, v)| s == subject && v != value);
        before.iter().any(other)
    })
}

/// Whether the two can ever be the same.
fn may_equal(left: &Text, right: &Text) -> bool {
    match (left, right) {
        (Text::Literal(left), Text::Literal(right)) => left == right,
        (Text::Literal(value), other) | (other, Text::Literal(value)) => may_be(other, value),
        _ => true,
    }
}

/// Whether a text can ever be this.
fn may_be(text: &Text, value: &str) -> bool {
    if value.len() > longest(text) {
        return false;
    }
    match text {
        Text::Literal(literal) => **literal == *value,
        Text::Variable(variables::Text::Weekday) => WEEKDAYS.contains(&value),
        Text::Variable(variables::Text::Date) => is_date(value),
        Text::Lower(inner) => !has_capitals(value) && (may_be(inner, value) || value.is_ascii()),
        Text::Choose(parts) => may_be(&parts.1, value) || may_be(&parts.2, value),
        _ => true,
    }
}

fn is_date(value: &str) -> bool {
    value.len() == 10 && value.parse::<jiff::civil::Date>().is_ok()
}

fn has_capitals(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// What a text looks like, where that is known.
fn expected(text: &Text) -> Option<&'static str> {
    match text {
        Text::Variable(variables::Text::Weekday) => {
            Some("weekdays are mon, tue, wed, thu, fri, sat and sun")
        }
        Text::Variable(variables::Text::Date) => Some("dates are written YYYY-MM-DD"),
        Text::Lower(_) => Some("`lower` leaves no capital letters"),
        _ => None,
    }
}

/// What explains it, where that is not plain to see.
fn why(truth: &Truth) -> Option<&'static str> {
    match truth {
        Truth::CompareNumbers(..) => Some(
            "numbers of a request, sizes and counts are never below 0, hours are 0 to 23, minutes 0 to 59",
        ),
        Truth::CompareTexts(_, operands) => expected(&operands.0).or_else(|| expected(&operands.1)),
        Truth::TextIn(operands) => expected(&operands.0),
        Truth::Test(_, operands) => expected(&operands.0),
        Truth::All(operands) if !operands.contains(&Truth::Literal(false)) => {
            Some("nothing equals two different texts: did you mean `||`, or `x in [\"a\", \"b\"]`?")
        }
        _ => None,
    }
}
