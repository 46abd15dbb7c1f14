//! An expression that means something: every operation knows the types of its operands, so none can fail for a type.

use super::ast::{Arithmetic, Comparison};
use super::needle::Needle;
use super::pattern::Pattern;
use super::variables;

/// Something that is true or false.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Truth {
    Literal(bool),
    Variable(variables::Truth),
    Not(Box<Truth>),
    /// `a && b && …`.
    All(Vec<Truth>),
    /// `a || b || …`.
    Any(Vec<Truth>),
    Choose(Box<(Truth, Truth, Truth)>),
    /// `==` or `!=` between two truths; whether equality is asked for.
    Same(bool, Box<(Truth, Truth)>),
    CompareNumbers(Comparison, Box<(Number, Number)>),
    CompareTexts(Comparison, Box<(Text, Text)>),
    NumberIn(Box<Number>, Vec<Number>),
    TextIn(Box<(Text, Texts)>),
    /// `"name" in request.headers`.
    HasHeader(Box<str>),
    Test(Test, Box<(Text, Text)>),
    /// `contains` of a literal.
    Finds(Box<(Text, Needle)>),
    Matches(Box<(Text, Pattern)>),
    /// `list.exists(x, …)` over strings.
    OfTexts(Quantifier, Box<(Texts, Truth)>),
    /// `list.exists(x, …)` over numbers.
    OfNumbers(Quantifier, Box<(Vec<Number>, Truth)>),
}

/// `exists` or `all`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quantifier {
    Some,
    Every,
}

/// What strings are asked about each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Test {
    StartsWith,
    EndsWith,
    Contains,
}

/// Something that is a whole number.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Number {
    Literal(i64),
    Variable(variables::Number),
    /// The element of the comprehension it stands in.
    Element,
    Minus(Box<Number>),
    Arithmetic(Arithmetic, Box<(Number, Number)>),
    Choose(Box<(Truth, Number, Number)>),
    /// `size` of a string, in characters.
    Characters(Box<Text>),
    /// `size` of a list.
    Entries(Texts),
}

/// Something that is a string.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Text {
    Literal(Box<str>),
    Variable(variables::Text),
    /// A header, by its name in lower case; empty if it is missing.
    Header(Box<str>),
    /// The element of the comprehension it stands in, and how many bytes it can have.
    Element(usize),
    Join(Box<(Text, Text)>),
    Lower(Box<Text>),
    Choose(Box<(Truth, Text, Text)>),
}

/// Something that is a list of strings.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Texts {
    Variable(variables::Texts),
    These(Vec<Text>),
}
