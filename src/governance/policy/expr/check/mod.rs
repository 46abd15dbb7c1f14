//! From what is written to what it means: types, names, bounds, and what is certainly not meant.
//!
//! Every node is checked even if its neighbour is wrong; what could not be understood becomes [`Value::Bad`], which
//! agrees with everything, so that one mistake is reported once. Here are values and operators; names are in `names`,
//! functions in `calls`, what always comes out the same in `always`.

mod always;
mod calls;
mod names;

use super::ast::{Arithmetic, Comparison, Form, Node, Operator};
use super::code::{Number, Text, Texts, Truth};
use super::fault::{Fault, Faults, Span};
use super::reference::Reference;
use super::{bounds, cost, range};

/// What a node means, by its type.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// Not understood; already reported.
    Bad,
    Truth(Truth),
    Number(Number),
    Text(Text),
    Texts(Texts),
    /// A list of numbers, which only literals are.
    Numbers(Vec<Number>),
    Headers,
}

impl Value {
    /// Its type, as people write it.
    const fn kind(&self) -> &'static str {
        match self {
            Self::Bad => "unknown",
            Self::Truth(_) => "bool",
            Self::Number(_) => "int",
            Self::Text(_) => "string",
            Self::Texts(_) => "list<string>",
            Self::Numbers(_) => "list<int>",
            Self::Headers => "map<string, string>",
        }
    }
}

/// What a comprehension's variable stands for.
#[derive(Debug, Clone)]
enum Element {
    Number(String),
    /// With the most bytes it can have.
    Text(String, usize),
    /// Of a list that was not understood.
    Bad(String),
}

/// A check under way.
pub(super) struct Checker<'a> {
    custom: &'a [&'a str],
    faults: &'a mut Faults,
    element: Option<Element>,
    /// What the expression reads, in the order of the text.
    pub(super) references: Vec<Reference>,
}

impl<'a> Checker<'a> {
    pub(super) const fn new(custom: &'a [&'a str], faults: &'a mut Faults) -> Self {
        Self {
            custom,
            faults,
            element: None,
            references: Vec::new(),
        }
    }

    /// Checks a whole expression. `None` if it is not to be evaluated; `faults` says why.
    pub(super) fn expression(&mut self, node: &Node) -> Option<Truth> {
        let truth = match self.value(node) {
            Value::Truth(truth) => truth,
            Value::Bad => return None,
            other => {
                let message = format!("the expression is {}, and must be bool", a(other.kind()));
                let mut fault = Fault::error("TG304", node.span, message);
                if let Some(help) = as_truth(&other) {
                    fault = fault.help(help);
                }
                self.faults.add(fault);
                return None;
            }
        };
        if let Truth::Literal(value) = truth {
            let message = format!("the expression is always {value}");
            self.faults.add(
                Fault::warning("TG309", node.span, message).help("leave `when:` out, or the rule"),
            );
        }
        let cost = cost::of(&truth);
        if cost > bounds::COST && !self.faults.any_errors() {
            let message = format!(
                "evaluating this can cost {cost} units, at most {} are allowed",
                bounds::COST
            );
            self.faults.add(Fault::error("TG306", node.span, message).help(
                "put several `contains` into one `matches(\"a|b\")`, split the rule, or use `match:` with a list",
            ));
        }
        Some(truth)
    }

    fn report(&mut self, fault: Fault) -> Value {
        self.faults.add(fault);
        Value::Bad
    }

    fn value(&mut self, node: &Node) -> Value {
        match &node.form {
            Form::Bad => Value::Bad,
            Form::Bool(value) => Value::Truth(Truth::Literal(*value)),
            Form::Number(value) => Value::Number(Number::Literal(*value)),
            Form::Text { value, .. } => Value::Text(Text::Literal(value.as_str().into())),
            Form::List(items) => self.list(node.span, items),
            Form::Name(name) => self.name(node, name),
            Form::Member(of, name) => self.member(node, of, name),
            Form::Index(parts) => self.index(node.span, &parts.0, &parts.1),
            Form::Call {
                target,
                name,
                at,
                arguments,
            } => self.call(target.as_deref(), name, *at, arguments),
            Form::Not(operand) => match self.value(operand) {
                Value::Truth(truth) => self.judged(node.span, Truth::Not(Box::new(truth))),
                Value::Bad => Value::Bad,
                other => self.mismatch(node.span, format!("!{}", other.kind())),
            },
            Form::Minus(operand) => match self.value(operand) {
                Value::Number(number) => self.computed(node.span, Number::Minus(Box::new(number))),
                Value::Bad => Value::Bad,
                other => self.mismatch(node.span, format!("-{}", other.kind())),
            },
            Form::Binary(operator, at, parts) => {
                let (left, right) = (self.value(&parts.0), self.value(&parts.1));
                self.binary(*operator, *at, left, right, &parts.1)
            }
            Form::Choose(parts) => self.choose(&parts.0, &parts.1, &parts.2),
        }
    }

    fn mismatch(&mut self, at: Span, types: impl std::fmt::Display) -> Value {
        self.report(Fault::error(
            "TG303",
            at,
            format!("type mismatch: `{types}`"),
        ))
    }

    fn binary(
        &mut self,
        operator: Operator,
        at: Span,
        left: Value,
        right: Value,
        right_node: &Node,
    ) -> Value {
        if left == Value::Bad || right == Value::Bad {
            return Value::Bad;
        }
        let types = format!("{} {} {}", left.kind(), operator.sign(), right.kind());
        match (operator, left, right) {
            (Operator::And, Value::Truth(left), Value::Truth(right)) => {
                let mut operands = match left {
                    Truth::All(operands) => operands,
                    other => vec![other],
                };
                operands.push(right);
                self.judged(at, Truth::All(operands))
            }
            (Operator::Or, Value::Truth(left), Value::Truth(right)) => {
                let mut operands = match left {
                    Truth::Any(operands) => operands,
                    other => vec![other],
                };
                operands.push(right);
                self.judged(at, Truth::Any(operands))
            }
            (Operator::Compare(comparison), left, right) => {
                self.compare(comparison, at, left, right, types)
            }
            (Operator::In, Value::Text(text), Value::Texts(list)) => {
                self.never_equal_to(&text, right_node, &list);
                self.judged(at, Truth::TextIn(Box::new((text, list))))
            }
            (Operator::In, Value::Number(number), Value::Numbers(list)) => {
                self.judged(at, Truth::NumberIn(Box::new(number), list))
            }
            (Operator::In, Value::Text(Text::Literal(name)), Value::Headers) => {
                Value::Truth(Truth::HasHeader(name.to_ascii_lowercase().into()))
            }
            (Operator::Arithmetic(Arithmetic::Add), Value::Text(left), Value::Text(right)) => {
                Value::Text(Text::Join(Box::new((left, right))))
            }
            (Operator::Arithmetic(operation), Value::Number(left), Value::Number(right)) => {
                let operands = Box::new((left, right));
                let divides = matches!(operation, Arithmetic::Divide | Arithmetic::Remainder);
                if divides && range::of(&operands.1).is_zero() {
                    let message = format!("`{}` by zero", operation.sign());
                    return self.report(Fault::error("TG308", at, message));
                }
                self.computed(at, Number::Arithmetic(operation, operands))
            }
            (Operator::In, Value::Text(_), Value::Text(_)) => self.report(
                Fault::error("TG303", at, format!("type mismatch: `{types}`")).help(
                    "`in` looks into lists: for a part of a string write `x.contains(\"…\")`",
                ),
            ),
            (Operator::In, Value::Text(_), Value::Headers) => self.report(
                Fault::error("TG303", at, "the name of a header must be written out")
                    .help("like `\"x-workload\" in request.headers`"),
            ),
            _ => self.mismatch(at, types),
        }
    }

    fn compare(
        &mut self,
        comparison: Comparison,
        at: Span,
        left: Value,
        right: Value,
        types: String,
    ) -> Value {
        let truth = match (left, right) {
            (Value::Number(left), Value::Number(right)) => {
                Truth::CompareNumbers(comparison, Box::new((left, right)))
            }
            (Value::Text(left), Value::Text(right)) => {
                Truth::CompareTexts(comparison, Box::new((left, right)))
            }
            (Value::Truth(left), Value::Truth(right)) if comparison.is_equality() => {
                Truth::Same(comparison == Comparison::Equal, Box::new((left, right)))
            }
            (Value::Texts(_), Value::Text(_)) if comparison.is_equality() => {
                let fault = Fault::error("TG303", at, format!("type mismatch: `{types}`"));
                return self.report(fault.help("for an entry of a list write `\"x\" in list`"));
            }
            _ => return self.mismatch(at, types),
        };
        self.judged(at, truth)
    }

    /// A computed number, unless no 64 bits can ever hold it.
    fn computed(&mut self, at: Span, number: Number) -> Value {
        if range::raw(&number).overflows() {
            let fault = Fault::error("TG308", at, "the result is always beyond 64 bits");
            return self.report(fault);
        }
        Value::Number(number)
    }

    fn choose(&mut self, condition: &Node, yes: &Node, no: &Node) -> Value {
        let at = condition.span;
        let condition = self.value(condition);
        let (first, second) = (self.value(yes), self.value(no));
        let condition = match condition {
            Value::Truth(truth) => truth,
            Value::Bad => return Value::Bad,
            other => {
                let types = format!("{} ? {} : {}", other.kind(), first.kind(), second.kind());
                return self.mismatch(at, types);
            }
        };
        if let Truth::Literal(value) = condition {
            let message = format!("the condition is always {value}");
            self.faults.add(Fault::warning("TG309", at, message));
        }
        match (first, second) {
            (Value::Bad, _) | (_, Value::Bad) => Value::Bad,
            (Value::Truth(yes), Value::Truth(no)) => {
                Value::Truth(Truth::Choose(Box::new((condition, yes, no))))
            }
            (Value::Number(yes), Value::Number(no)) => {
                Value::Number(Number::Choose(Box::new((condition, yes, no))))
            }
            (Value::Text(yes), Value::Text(no)) => {
                Value::Text(Text::Choose(Box::new((condition, yes, no))))
            }
            (first, second) => {
                let types = format!("bool ? {} : {}", first.kind(), second.kind());
                self.mismatch(no.span, types)
            }
        }
    }

    fn list(&mut self, span: Span, items: &[Node]) -> Value {
        let mut texts = Vec::new();
        let mut numbers = Vec::new();
        let mut bad = false;
        for item in items {
            match self.value(item) {
                Value::Text(text) if numbers.is_empty() => texts.push(text),
                Value::Number(number) if texts.is_empty() => numbers.push(number),
                Value::Bad => bad = true,
                other @ (Value::Text(_) | Value::Number(_)) => {
                    let first = if texts.is_empty() { "int" } else { "string" };
                    self.mismatch(item.span, format!("[{first}, {}]", other.kind()));
                    bad = true;
                }
                other => {
                    let message = format!("a list holds strings or ints, not {}", a(other.kind()));
                    self.report(Fault::error("TG303", item.span, message));
                    bad = true;
                }
            }
        }
        if bad {
            return Value::Bad;
        }
        if items.is_empty() {
            return self.report(Fault::error("TG303", span, "an empty list has no type"));
        }
        if texts.is_empty() {
            Value::Numbers(numbers)
        } else {
            Value::Texts(Texts::These(texts))
        }
    }
}

/// A type with its article.
fn a(kind: &str) -> String {
    let article = if kind.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {kind}")
}

/// How a value of another type is made a question.
const fn as_truth(value: &Value) -> Option<&'static str> {
    match value {
        Value::Number(_) => Some("compare it: `x > 0`"),
        Value::Text(_) => Some("compare it: `x == \"…\"`"),
        Value::Texts(_) => Some("ask for an entry: `\"x\" in list`, or `list.exists(x, …)`"),
        Value::Headers => Some("ask for a header: `\"x-workload\" in request.headers`"),
        _ => None,
    }
}
