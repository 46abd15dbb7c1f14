//! What an expression can cost at most, in units of about 2.5 ns, from the bounds alone.
//!
//! A loop costs its body times the longest its list can be; what walks a text costs by the text's largest length. The
//! figures were set by measuring the worst expressions that are accepted, and lean to the dear side.

use super::bounds;
use super::code::{Number, Test, Text, Texts, Truth};
use super::pattern::Pattern;
use super::variables;

/// The largest cost of a truth.
pub(super) fn of(truth: &Truth) -> u64 {
    match truth {
        Truth::Literal(_) => 2,
        Truth::Variable(_) => 3,
        Truth::Not(operand) => of(operand).saturating_add(2),
        Truth::All(operands) | Truth::Any(operands) => sum(operands.iter().map(of), 2),
        Truth::Choose(parts) => of(&parts.0)
            .saturating_add(of(&parts.1).max(of(&parts.2)))
            .saturating_add(2),
        Truth::Same(_, operands) => sum([of(&operands.0), of(&operands.1)], 3),
        Truth::CompareNumbers(_, operands) => {
            sum([of_number(&operands.0), of_number(&operands.1)], 2)
        }
        Truth::CompareTexts(_, operands) => sum(
            [of_text(&operands.0), of_text(&operands.1)],
            compared(longest(&operands.0).min(longest(&operands.1))),
        ),
        Truth::NumberIn(number, list) => sum(list.iter().map(of_number), list_overhead(list.len()))
            .saturating_add(of_number(number)),
        Truth::TextIn(operands) => {
            let (text, list) = &**operands;
            let comparison = compared(longest(text).min(longest_of(list)));
            of_text(text).saturating_add(each(list, comparison))
        }
        Truth::HasHeader(_) => HEADER,
        Truth::Test(asked, operands) => {
            let (text, part) = &**operands;
            let looking = match asked {
                Test::StartsWith | Test::EndsWith => compared(longest(text).min(longest(part))),
                // The searcher is made anew each time, in several passes over what is looked for.
                Test::Contains => walked(longest(text), 1, 30)
                    .saturating_add(walked(longest(part), 1, 0).saturating_mul(6)),
            };
            sum([of_text(text), of_text(part)], looking)
        }
        Truth::Finds(operands) => {
            let bytes = longest(&operands.0);
            of_text(&operands.0).saturating_add(walked(bytes.saturating_mul(2), 5, 4))
        }
        Truth::Matches(operands) => {
            let (text, pattern) = &**operands;
            of_text(text).saturating_add(searched(pattern, longest(text)))
        }
        Truth::OfTexts(_, parts) => each(&parts.0, of(&parts.1)),
        Truth::OfNumbers(_, parts) => {
            let (list, body) = &**parts;
            let rounds = list_overhead(list.len());
            let bodies = u64::try_from(list.len()).unwrap_or(u64::MAX);
            sum(list.iter().map(of_number), rounds).saturating_add(bodies.saturating_mul(of(body)))
        }
    }
}

/// Finding a header among a request's, and seeing that it is text.
const HEADER: u64 = 150;
/// Asking the allocator for memory, and giving it back.
const ALLOCATION: u64 = 30;

fn of_number(number: &Number) -> u64 {
    match number {
        Number::Literal(_) | Number::Element => 1,
        Number::Variable(variables::Number::Detections(_)) => 64,
        Number::Variable(_) => 2,
        Number::Minus(operand) => of_number(operand).saturating_add(1),
        Number::Arithmetic(_, operands) => sum([of_number(&operands.0), of_number(&operands.1)], 4),
        Number::Choose(parts) => of(&parts.0)
            .saturating_add(of_number(&parts.1).max(of_number(&parts.2)))
            .saturating_add(2),
        Number::Characters(text) => of_text(text).saturating_add(walked(longest(text), 8, 4)),
        Number::Entries(_) => 3,
    }
}

fn of_text(text: &Text) -> u64 {
    match text {
        Text::Literal(_) | Text::Element(_) => 2,
        Text::Variable(_) => 4,
        Text::Header(_) => HEADER,
        Text::Join(operands) => sum(
            [of_text(&operands.0), of_text(&operands.1)],
            walked(longest(text), 16, ALLOCATION),
        ),
        Text::Lower(operand) => {
            of_text(operand).saturating_add(walked(longest(operand), 4, ALLOCATION))
        }
        Text::Choose(parts) => of(&parts.0)
            .saturating_add(of_text(&parts.1).max(of_text(&parts.2)))
            .saturating_add(2),
    }
}

/// The most bytes a text can have.
pub(super) fn longest(text: &Text) -> usize {
    match text {
        Text::Literal(value) => value.len(),
        Text::Variable(variable) => variable.most_bytes(),
        Text::Header(_) => bounds::HEADER,
        Text::Element(most) => *most,
        Text::Join(operands) => longest(&operands.0)
            .saturating_add(longest(&operands.1))
            .min(bounds::JOINED),
        Text::Lower(operand) => longest(operand),
        Text::Choose(parts) => longest(&parts.1).max(longest(&parts.2)),
    }
}

/// The most bytes an entry of a list can have.
pub(super) fn longest_of(list: &Texts) -> usize {
    match list {
        Texts::Variable(variable) => variable.most_bytes(),
        Texts::These(items) => items.iter().map(longest).max().unwrap_or(0),
    }
}

/// Doing something with each entry of a list.
fn each(list: &Texts, body: u64) -> u64 {
    let (rounds, items) = match list {
        Texts::Variable(variable) => (variable.most_entries(), 0),
        Texts::These(items) => (items.len(), sum(items.iter().map(of_text), 0)),
    };
    let rounds = u64::try_from(rounds).unwrap_or(u64::MAX);
    body.saturating_add(3)
        .saturating_mul(rounds)
        .saturating_add(items)
        .saturating_add(2)
}

fn list_overhead(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX).saturating_mul(2)
}

fn compared(bytes: usize) -> u64 {
    walked(bytes, 16, 3)
}

/// Going through a text, so many bytes for a unit.
fn walked(bytes: usize, per_unit: usize, start: u64) -> u64 {
    let units = bytes.checked_div(per_unit).unwrap_or(bytes);
    u64::try_from(units)
        .unwrap_or(u64::MAX)
        .saturating_add(start)
}

/// Searching with an automaton. One that fits the nearest cache takes about 2 ns for a byte; a large one, on a text made
/// to jump about in it, up to 5 ns.
fn searched(pattern: &Pattern, bytes: usize) -> u64 {
    let (times, over) = if pattern.memory() <= 32 * 1024 {
        (4, 5)
    } else {
        (2, 1)
    };
    walked(bytes.saturating_mul(times), over, 12)
}

fn sum(parts: impl IntoIterator<Item = u64>, start: u64) -> u64 {
    parts.into_iter().fold(start, u64::saturating_add)
}
