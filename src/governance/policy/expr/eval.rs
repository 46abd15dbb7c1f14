//! Evaluation: a walk over the compiled tree.
//!
//! `&&`, `||`, `?:`, `exists` and `all` stop as soon as they know: what stands behind is not evaluated and cannot fail.
//! (CEL's own rule lets `error || true` be true; here the order counts, as in the languages people know.) Only `+` and
//! `lower` allocate, within their bounds. Recursion is as deep as the tree, which is bounded.

use super::ast::Arithmetic;
use super::bounds;
use super::code::{Number, Quantifier, Test, Text, Texts, Truth};
use super::facts::{Facts, Strings};
use super::variables;
use std::borrow::Cow;

/// Why an expression has no value for this request. A deny rule then matches, an allow rule does not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// A result beyond 64 bits.
    #[error("the result of `{0}` is beyond 64 bits")]
    Overflow(&'static str),
    /// Division by zero.
    #[error("`{0}` by zero")]
    DivisionByZero(&'static str),
    /// A text of the request is longer than expressions look at.
    #[error("{what} is {len} bytes long, and expressions look at most at {most}")]
    TooLong {
        /// Which.
        what: &'static str,
        /// How long it is.
        len: usize,
        /// How long it may be.
        most: usize,
    },
    /// A list of the request is longer than expressions look at.
    #[error("{what} has {len} entries, and expressions look at most at {most}")]
    TooMany {
        /// Which.
        what: &'static str,
        /// How long it is.
        len: usize,
        /// How long it may be.
        most: usize,
    },
}

/// Inside, errors are boxed: a value or its error then travels in registers, which halves the time of a comparison.
type Evaluated<T> = Result<T, Box<EvalError>>;

/// What is known where a part of the tree is evaluated.
#[derive(Clone, Copy)]
struct Scope<'a> {
    facts: &'a Facts<'a>,
    /// The element of the comprehension, of which there is at most one around.
    text: &'a str,
    number: i64,
}

/// The value of a compiled expression.
pub(super) fn evaluate(truth: &Truth, facts: &Facts<'_>) -> Result<bool, EvalError> {
    let scope = Scope {
        facts,
        text: "",
        number: 0,
    };
    holds(truth, &scope).map_err(|error| *error)
}

fn holds(truth: &Truth, scope: &Scope<'_>) -> Evaluated<bool> {
    Ok(match truth {
        Truth::Literal(value) => *value,
        Truth::Variable(variables::Truth::Stream) => scope.facts.stream,
        Truth::Variable(variables::Truth::Soft) => scope.facts.soft,
        Truth::Not(operand) => !holds(operand, scope)?,
        Truth::All(operands) => {
            for operand in operands {
                if !holds(operand, scope)? {
                    return Ok(false);
                }
            }
            true
        }
        Truth::Any(operands) => {
            for operand in operands {
                if holds(operand, scope)? {
                    return Ok(true);
                }
            }
            false
        }
        Truth::Choose(parts) => {
            let chosen = if holds(&parts.0, scope)? {
                &parts.1
            } else {
                &parts.2
            };
            holds(chosen, scope)?
        }
        Truth::Same(equal, operands) => {
            (holds(&operands.0, scope)? == holds(&operands.1, scope)?) == *equal
        }
        Truth::CompareNumbers(comparison, operands) => {
            let left = number(&operands.0, scope)?;
            comparison.holds(left.cmp(&number(&operands.1, scope)?))
        }
        Truth::NumberIn(wanted, list) => {
            let wanted = number(wanted, scope)?;
            for item in list {
                if number(item, scope)? == wanted {
                    return Ok(true);
                }
            }
            false
        }
        Truth::OfNumbers(quantifier, parts) => {
            let stop = *quantifier == Quantifier::Some;
            for item in &parts.0 {
                let inner = Scope {
                    number: number(item, scope)?,
                    ..*scope
                };
                if holds(&parts.1, &inner)? == stop {
                    return Ok(stop);
                }
            }
            !stop
        }
        other => return holds_of_texts(other, scope),
    })
}

/// The same for what looks at texts. Apart from the rest, whose frame stays small without it: comparing two numbers takes
/// half the time.
#[inline(never)]
fn holds_of_texts(truth: &Truth, scope: &Scope<'_>) -> Evaluated<bool> {
    Ok(match truth {
        Truth::CompareTexts(comparison, operands) => {
            let (left, right) = (text(&operands.0, scope)?, text(&operands.1, scope)?);
            if comparison.is_equality() {
                (left == right) == comparison.holds(std::cmp::Ordering::Equal)
            } else {
                comparison.holds(left.cmp(&right))
            }
        }
        Truth::TextIn(operands) => {
            let wanted = text(&operands.0, scope)?;
            any_text(&operands.1, scope, |item| Ok(item == wanted))?
        }
        Truth::HasHeader(name) => scope.facts.headers.header(name).is_some(),
        Truth::Test(test, operands) => {
            let (whole, part) = (text(&operands.0, scope)?, text(&operands.1, scope)?);
            match test {
                Test::StartsWith => whole.starts_with(&*part),
                Test::EndsWith => whole.ends_with(&*part),
                Test::Contains => memchr::memmem::find(whole.as_bytes(), part.as_bytes()).is_some(),
            }
        }
        Truth::Finds(operands) => operands.1.is_found_in(&text(&operands.0, scope)?),
        Truth::Matches(operands) => operands.1.is_found_in(&text(&operands.0, scope)?),
        Truth::OfTexts(quantifier, parts) => {
            let stop = *quantifier == Quantifier::Some;
            let stopped = any_text(&parts.0, scope, |item| {
                let inner = Scope {
                    text: item,
                    ..*scope
                };
                Ok(holds(&parts.1, &inner)? == stop)
            })?;
            stopped == stop
        }
        other => return holds(other, scope),
    })
}

/// Whether a test holds for any of a list's texts; those behind it are not looked at.
fn any_text(
    list: &Texts,
    scope: &Scope<'_>,
    mut test: impl FnMut(&str) -> Evaluated<bool>,
) -> Evaluated<bool> {
    match list {
        Texts::These(items) => {
            for item in items {
                if test(&text(item, scope)?)? {
                    return Ok(true);
                }
            }
        }
        Texts::Variable(variable) => {
            let strings = strings(*variable, scope.facts);
            let (len, most) = (strings.count(), variable.most_entries());
            if len > most {
                let what = variable.name();
                return Err(Box::new(EvalError::TooMany { what, len, most }));
            }
            for place in 0..len {
                let item = strings.at(place).unwrap_or_default();
                if test(within(item, variable.name(), variable.most_bytes())?)? {
                    return Ok(true);
                }
            }
        }
    }
    Ok(false)
}

/// A list of the request.
pub(super) fn strings<'a>(variable: variables::Texts, facts: &Facts<'a>) -> &'a dyn Strings {
    match variable {
        variables::Texts::Tools => facts.tools,
        variables::Texts::Groups => facts.groups,
    }
}

/// Most numbers are looked up, not computed.
#[inline]
fn number(value: &Number, scope: &Scope<'_>) -> Evaluated<i64> {
    match value {
        Number::Literal(value) => Ok(*value),
        Number::Variable(variable) => Ok(variable_number(*variable, scope.facts)),
        other => computed_number(other, scope),
    }
}

#[inline(never)]
fn computed_number(value: &Number, scope: &Scope<'_>) -> Evaluated<i64> {
    Ok(match value {
        Number::Literal(_) | Number::Variable(_) => number(value, scope)?,
        Number::Element => scope.number,
        Number::Minus(operand) => number(operand, scope)?
            .checked_neg()
            .ok_or_else(|| Box::new(EvalError::Overflow("-")))?,
        Number::Arithmetic(operation, operands) => {
            let left = number(&operands.0, scope)?;
            compute(*operation, left, number(&operands.1, scope)?)?
        }
        Number::Choose(parts) => {
            let chosen = if holds(&parts.0, scope)? {
                &parts.1
            } else {
                &parts.2
            };
            number(chosen, scope)?
        }
        Number::Characters(operand) => held(text(operand, scope)?.chars().count()),
        Number::Entries(Texts::Variable(variable)) => held(strings(*variable, scope.facts).count()),
        Number::Entries(Texts::These(items)) => held(items.len()),
    })
}

fn compute(operation: Arithmetic, left: i64, right: i64) -> Evaluated<i64> {
    let divides = matches!(operation, Arithmetic::Divide | Arithmetic::Remainder);
    if divides && right == 0 {
        return Err(Box::new(EvalError::DivisionByZero(operation.sign())));
    }
    match operation {
        Arithmetic::Add => left.checked_add(right),
        Arithmetic::Subtract => left.checked_sub(right),
        Arithmetic::Multiply => left.checked_mul(right),
        Arithmetic::Divide => left.checked_div(right),
        Arithmetic::Remainder => left.checked_rem(right),
    }
    .ok_or_else(|| Box::new(EvalError::Overflow(operation.sign())))
}

/// A number of the request. Larger ones than 64 bits hold with a sign are taken as the largest.
pub(super) fn variable_number(variable: variables::Number, facts: &Facts<'_>) -> i64 {
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    match variable {
        variables::Number::InputTokens => signed(facts.input_tokens),
        variables::Number::MaxOutputTokens => signed(facts.max_output_tokens.unwrap_or(0)),
        variables::Number::ToolCount => held(facts.tools.count()),
        variables::Number::MessageCount => signed(facts.message_count),
        variables::Number::Bytes => signed(facts.bytes),
        variables::Number::Hour => facts.time.hour().into(),
        variables::Number::Minute => facts.time.minute().into(),
        variables::Number::UsedPercent => signed(facts.used_pct),
        variables::Number::Detections(kind) => {
            let mut found = facts.detections.iter();
            let count = found.find(|(known, _)| *known == kind);
            count.map_or(0, |(_, count)| i64::from(*count))
        }
    }
}

fn text<'a>(value: &'a Text, scope: &Scope<'a>) -> Evaluated<Cow<'a, str>> {
    Ok(match value {
        Text::Literal(value) => Cow::Borrowed(value),
        Text::Variable(variable) => {
            let (value, most) = (variable_text(*variable, scope.facts), variable.most_bytes());
            if value.len() > most {
                let (what, len) = (variable.name(), value.len());
                return Err(Box::new(EvalError::TooLong { what, len, most }));
            }
            Cow::Borrowed(value)
        }
        Text::Header(name) => {
            let value = scope.facts.headers.header(name).unwrap_or_default();
            Cow::Borrowed(within(value, "a header", bounds::HEADER)?)
        }
        Text::Element(_) => Cow::Borrowed(scope.text),
        Text::Join(operands) => {
            let (left, right) = (text(&operands.0, scope)?, text(&operands.1, scope)?);
            let (len, most) = (left.len().saturating_add(right.len()), bounds::JOINED);
            if len > most {
                let what = "the result of `+`";
                return Err(Box::new(EvalError::TooLong { what, len, most }));
            }
            let mut joined = String::with_capacity(len);
            joined.push_str(&left);
            joined.push_str(&right);
            Cow::Owned(joined)
        }
        Text::Lower(operand) => {
            let mut value = text(operand, scope)?;
            if value.bytes().any(|byte| byte.is_ascii_uppercase()) {
                value.to_mut().make_ascii_lowercase();
            }
            value
        }
        Text::Choose(parts) => {
            let chosen = if holds(&parts.0, scope)? {
                &parts.1
            } else {
                &parts.2
            };
            text(chosen, scope)?
        }
    })
}

/// A string of the request.
pub(super) fn variable_text<'a>(variable: variables::Text, facts: &'a Facts<'a>) -> &'a str {
    match variable {
        variables::Text::Model => facts.model,
        variables::Text::Endpoint => facts.endpoint,
        variables::Text::User => facts.user,
        variables::Text::Agent => facts.agent,
        variables::Text::Org => facts.org,
        variables::Text::Team => facts.team,
        variables::Text::Project => facts.project,
        variables::Text::Weekday => facts.time.weekday(),
        variables::Text::Date => facts.time.date(),
    }
}

fn within<'a>(value: &'a str, what: &'static str, most: usize) -> Evaluated<&'a str> {
    let len = value.len();
    if len > most {
        return Err(Box::new(EvalError::TooLong { what, len, most }));
    }
    Ok(value)
}

fn held(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
