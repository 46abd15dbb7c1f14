//! A condition as it should have been written: Python, with no more parentheses than needed.

use super::{Expr, Op};
use std::fmt;

/// How tightly an expression holds together.
fn rank(expr: &Expr) -> u8 {
    match expr {
        Expr::Or(_) => 0,
        Expr::And(_) => 1,
        Expr::Not(_) => 2,
        Expr::Compare(_) => 3,
        Expr::Literal(_) | Expr::List(_) | Expr::Field(_) | Expr::Len(_) => 4,
    }
}

/// Writes `expr` where something of at least this rank must stand.
fn within(expr: &Expr, least: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if rank(expr) < least {
        write!(f, "({expr})")
    } else {
        write!(f, "{expr}")
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |all: &[Self], word: &str, least: u8, f: &mut fmt::Formatter<'_>| {
            for (index, expr) in all.iter().enumerate() {
                if index > 0 {
                    f.write_str(word)?;
                }
                within(expr, least, f)?;
            }
            Ok(())
        };
        match self {
            Self::Literal(value) => f.write_str(&value.repr()),
            Self::Field(way) => write!(f, "state.{}", way.join(".")),
            Self::List(items) => {
                f.write_str("[")?;
                joined(items, ", ", 0, f)?;
                f.write_str("]")
            }
            Self::Len(inner) => write!(f, "len({inner})"),
            Self::Not(inner) => {
                f.write_str("not ")?;
                within(inner, 2, f)
            }
            Self::And(all) => joined(all, " and ", 2, f),
            Self::Or(all) => joined(all, " or ", 1, f),
            Self::Compare(comparisons) => {
                within(&comparisons.first, 4, f)?;
                for compared in &comparisons.rest {
                    write!(f, " {} ", compared.op)?;
                    within(&compared.with, 4, f)?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}
