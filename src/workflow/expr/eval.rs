//! What a condition says of a state.

use super::{Comparisons, Expr, MAX_COST, Op};
use crate::workflow::value::{Comparison, Dict, Incomparable, Value};
use std::borrow::Cow;
use std::cmp::Ordering;

/// Why a condition says nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvalFault {
    /// Values that cannot be compared so.
    #[error("{0}")]
    Incomparable(#[from] Incomparable),
    /// The length of something that has none.
    #[error("object of type '{0}' has no len()")]
    NoLength(&'static str),
}

impl Expr {
    /// Whether it holds.
    ///
    /// # Errors
    /// Its operators do not fit the values.
    pub fn holds(&self, state: &Dict) -> Result<bool, EvalFault> {
        Ok(self.value(state)?.is_true())
    }

    /// Its value.
    ///
    /// # Errors
    /// Its operators do not fit the values.
    pub fn value<'a>(&'a self, state: &'a Dict) -> Result<Cow<'a, Value>, EvalFault> {
        let mut evaluation = Evaluation {
            state,
            comparison: Comparison::bounded(MAX_COST),
        };
        evaluation.value(self)
    }
}

struct Evaluation<'a> {
    state: &'a Dict,
    comparison: Comparison,
}

const NULL: &Value = &Value::Null;

impl<'a> Evaluation<'a> {
    fn value(&mut self, expr: &'a Expr) -> Result<Cow<'a, Value>, EvalFault> {
        match expr {
            Expr::Literal(value) => Ok(Cow::Borrowed(value)),
            Expr::Field(way) => Ok(Cow::Borrowed(self.field(way))),
            Expr::List(items) => {
                let mut values = Vec::with_capacity(items.len());
                for item in items {
                    values.push(self.value(item)?.into_owned());
                }
                Ok(Cow::Owned(Value::List(values)))
            }
            Expr::Len(inner) => {
                let value = self.value(inner)?;
                let length = value
                    .length()
                    .ok_or(EvalFault::NoLength(value.type_name()))?;
                // No value in memory is longer.
                Ok(Cow::Owned(Value::Int(
                    i64::try_from(length).unwrap_or(i64::MAX),
                )))
            }
            Expr::Not(inner) => {
                let value = self.value(inner)?.is_true();
                Ok(Cow::Owned(Value::Bool(!value)))
            }
            Expr::And(all) => self.first(all, false),
            Expr::Or(all) => self.first(all, true),
            Expr::Compare(comparisons) => {
                let holds = self.compare(comparisons)?;
                Ok(Cow::Owned(Value::Bool(holds)))
            }
        }
    }

    /// The first whose truth is `wanted`, else the last.
    fn first(&mut self, all: &'a [Expr], wanted: bool) -> Result<Cow<'a, Value>, EvalFault> {
        let mut value = Cow::Borrowed(NULL);
        for expr in all {
            value = self.value(expr)?;
            if value.is_true() == wanted {
                break;
            }
        }
        Ok(value)
    }

    /// All of them hold; what comes behind one that does not is not looked at.
    fn compare(&mut self, comparisons: &'a Comparisons) -> Result<bool, EvalFault> {
        let mut left = self.value(&comparisons.first)?;
        for compared in &comparisons.rest {
            let right = self.value(&compared.with)?;
            if !self.holds(compared.op, &left, &right)? {
                return Ok(false);
            }
            left = right;
        }
        Ok(true)
    }

    fn holds(&mut self, op: Op, left: &Value, right: &Value) -> Result<bool, Incomparable> {
        let within = |orders: &[Ordering], found: Option<Ordering>| {
            found.is_some_and(|order| orders.contains(&order))
        };
        let comparison = &mut self.comparison;
        let order = |orders: &[Ordering], comparison: &mut Comparison| {
            comparison
                .order(left, right, op.text())
                .map(|found| within(orders, found))
        };
        match op {
            Op::Equal => comparison.equal(left, right),
            Op::Unequal => comparison.equal(left, right).map(|same| !same),
            Op::Less => order(&[Ordering::Less], comparison),
            Op::AtMost => order(&[Ordering::Less, Ordering::Equal], comparison),
            Op::Greater => order(&[Ordering::Greater], comparison),
            Op::AtLeast => order(&[Ordering::Greater, Ordering::Equal], comparison),
            Op::In => comparison.contains(right, left),
            Op::NotIn => comparison.contains(right, left).map(|found| !found),
        }
    }

    fn field(&self, way: &[String]) -> &'a Value {
        let Some((first, rest)) = way.split_first() else {
            return NULL;
        };
        let mut value = self.state.get(first).unwrap_or(NULL);
        for step in rest {
            value = value.get(step).unwrap_or(NULL);
        }
        value
    }
}
