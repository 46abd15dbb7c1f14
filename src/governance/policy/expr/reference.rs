//! What an expression reads, and how to show it: `explain` says "would not match: `request.input_tokens` = 812".

use super::eval::{strings, variable_number, variable_text};
use super::facts::{Facts, Strings};
use super::variables::{Number, Text, Truth, Variable};
use crate::governance::guard::Kind;

/// Which groups of facts an expression reads; the others need not be found out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Needs(u8);

impl Needs {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// `detections`: the expression has to wait for the detectors.
    pub const DETECTIONS: Self = Self(1);
    /// `budget`.
    pub const BUDGET: Self = Self(2);
    /// `time`.
    pub const TIME: Self = Self(4);
    /// `request.headers`.
    pub const HEADERS: Self = Self(8);
    /// `request.input_tokens`, which somebody has to count.
    pub const TOKENS: Self = Self(16);
    /// `request.tools` and `request.tool_count`.
    pub const TOOLS: Self = Self(32);

    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` is among them.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// One thing an expression reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    path: Box<str>,
    what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Variable(Variable),
    Header(Box<str>),
}

/// Characters of a value that are shown.
const SHOWN: usize = 80;
/// Entries of a list that are shown.
const ENTRIES: usize = 8;

impl Reference {
    pub(super) fn named(path: &str, variable: Variable) -> Self {
        Self {
            path: path.into(),
            what: What::Variable(variable),
        }
    }

    pub(super) fn detections(name: &str, kind: Kind) -> Self {
        Self {
            path: format!("detections.{name}").into(),
            what: What::Variable(Variable::Number(Number::Detections(kind))),
        }
    }

    pub(super) fn header(name: &str) -> Self {
        Self {
            path: format!("request.headers[\"{name}\"]").into(),
            what: What::Header(name.into()),
        }
    }

    /// As it is written: `request.input_tokens`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The header it reads, where it is one.
    #[must_use]
    pub fn header_name(&self) -> Option<&str> {
        match &self.what {
            What::Header(name) => Some(name),
            What::Variable(_) => None,
        }
    }

    /// Which facts it is among.
    #[must_use]
    pub const fn needs(&self) -> Needs {
        match &self.what {
            What::Header(_) | What::Variable(Variable::Headers) => Needs::HEADERS,
            What::Variable(
                Variable::Truth(Truth::Soft) | Variable::Number(Number::UsedPercent),
            ) => Needs::BUDGET,
            What::Variable(Variable::Number(Number::Detections(_))) => Needs::DETECTIONS,
            What::Variable(
                Variable::Number(Number::Hour | Number::Minute)
                | Variable::Text(Text::Weekday | Text::Date),
            ) => Needs::TIME,
            What::Variable(Variable::Number(Number::InputTokens)) => Needs::TOKENS,
            What::Variable(
                Variable::Number(Number::ToolCount)
                | Variable::Texts(super::variables::Texts::Tools),
            ) => Needs::TOOLS,
            What::Variable(_) => Needs::NONE,
        }
    }

    /// Its value for a request: `request.input_tokens = 812`. Long texts and lists are cut.
    #[must_use]
    pub fn shown(&self, facts: &Facts<'_>) -> String {
        let value = match &self.what {
            What::Header(name) => facts
                .headers
                .header(name)
                .map_or_else(|| "missing".to_owned(), quoted),
            What::Variable(Variable::Truth(Truth::Stream)) => facts.stream.to_string(),
            What::Variable(Variable::Truth(Truth::Soft)) => facts.soft.to_string(),
            What::Variable(Variable::Number(number)) => variable_number(*number, facts).to_string(),
            What::Variable(Variable::Text(text)) => quoted(variable_text(*text, facts)),
            What::Variable(Variable::Texts(texts)) => listed(strings(*texts, facts)),
            What::Variable(Variable::Headers) => String::new(),
        };
        format!("{} = {value}", self.path)
    }
}

fn quoted(text: &str) -> String {
    let mut characters = text.char_indices();
    match characters.nth(SHOWN) {
        Some((end, _)) => format!("{:?}…", text.get(..end).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}

fn listed(list: &dyn Strings) -> String {
    let shown: Vec<String> = (0..list.count().min(ENTRIES))
        .filter_map(|place| list.at(place).map(quoted))
        .collect();
    match list.count().saturating_sub(ENTRIES) {
        0 => format!("[{}]", shown.join(", ")),
        more => format!("[{}, … {more} more]", shown.join(", ")),
    }
}
