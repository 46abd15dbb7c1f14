//! Conditions over a workflow's state: a small, closed part of Python's expressions.
//!
//! `or` < `and` < `not` < comparison; `state.a.b`, `len(…)`, numbers, texts, `True`, `False`, `None`, lists and
//! parentheses. Comparisons chain as in Python (`0 < state.n < 10`). Read once into a tree that is kept in the exported
//! workflow; evaluated within a bound, without a call, a loop or anything but the state.
//!
//! A field that is not there is `None`, which is Python's meaning of an optional field and makes `state.x == None` work;
//! an order between values that Python would not order is an error, not false.

mod eval;
mod lexer;
mod parser;
mod show;

pub use eval::EvalFault;

use super::value::Value;
use serde::{Deserialize, Serialize};

/// How deep an expression may be nested.
pub const MAX_DEPTH: usize = 24;
/// How long an expression may be, in characters.
pub const MAX_CHARS: usize = 4_096;
/// How many values one evaluation may look at.
pub const MAX_COST: u32 = 100_000;

/// An expression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Expr {
    /// A value as written.
    Literal(#[schemars(with = "serde_json::Value")] Value),
    /// A list of expressions.
    List(Vec<Expr>),
    /// A field of the state, or something within it.
    Field(Vec<String>),
    /// The length of a text, list or dict.
    Len(Box<Expr>),
    /// `not`.
    Not(Box<Expr>),
    /// The first that is false, else the last.
    And(Vec<Expr>),
    /// The first that is true, else the last.
    Or(Vec<Expr>),
    /// One comparison, or several in a row.
    Compare(Box<Comparisons>),
}

/// `first op operand op operand …`: each operand is compared with the one before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Comparisons {
    /// The leftmost operand.
    pub first: Expr,
    /// The others, each behind its operator.
    pub rest: Vec<Compared>,
}

/// An operator and what is right of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Compared {
    /// The operator.
    pub op: Op,
    /// What is right of it.
    pub with: Expr,
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum Op {
    /// Equal.
    #[serde(rename = "==")]
    Equal,
    /// Not equal.
    #[serde(rename = "!=")]
    Unequal,
    /// Less.
    #[serde(rename = "<")]
    Less,
    /// Less or equal.
    #[serde(rename = "<=")]
    AtMost,
    /// Greater.
    #[serde(rename = ">")]
    Greater,
    /// Greater or equal.
    #[serde(rename = ">=")]
    AtLeast,
    /// Within a list, a text, or the keys of a dict.
    #[serde(rename = "in")]
    In,
    /// Not within.
    #[serde(rename = "not in")]
    NotIn,
}

impl Op {
    /// As written.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::Unequal => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
            Self::In => "in",
            Self::NotIn => "not in",
        }
    }
}

/// Why a text is no condition, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExprFault {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The character, from 0.
    pub at: usize,
}

/// What was read, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The expression.
    pub expr: Expr,
    /// Whether fields were written in braces, `{state.x}`, which the Python runtime refuses.
    pub braces: bool,
}

impl Expr {
    /// Reads a condition.
    ///
    /// # Errors
    /// It is none: what is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Parsed, ExprFault> {
        parser::parse(text)
    }

    /// The fields it asks for, as ways into the state.
    #[must_use]
    pub fn fields(&self) -> Vec<&[String]> {
        let mut found = Vec::new();
        self.gather(&mut found);
        found
    }

    fn gather<'a>(&'a self, found: &mut Vec<&'a [String]>) {
        match self {
            Self::Literal(_) => {}
            Self::Field(way) => found.push(way),
            Self::Len(inner) | Self::Not(inner) => inner.gather(found),
            Self::List(items) | Self::And(items) | Self::Or(items) => {
                for item in items {
                    item.gather(found);
                }
            }
            Self::Compare(comparisons) => {
                comparisons.first.gather(found);
                for compared in &comparisons.rest {
                    compared.with.gather(found);
                }
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
