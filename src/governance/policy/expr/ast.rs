//! An expression as it is written: a tree of nodes, each with where it stands. Not yet known to mean anything.

use super::fault::Span;

/// A node. Trees are at most [`super::bounds::NODES`] nodes large, so walking them may recurse.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) form: Form,
    pub(super) span: Span,
}

/// What a node is.
#[derive(Debug, Clone)]
pub(super) enum Form {
    /// Could not be read; already reported.
    Bad,
    /// `true`, `false`.
    Bool(bool),
    /// A whole number.
    Number(i64),
    /// A string. `raw`: none of it was escaped.
    Text { value: String, raw: bool },
    /// `[a, b]`.
    List(Vec<Node>),
    /// `name`.
    Name(String),
    /// `node.name`.
    Member(Box<Node>, String),
    /// `node[index]`.
    Index(Box<(Node, Node)>),
    /// `name(…)`, or `target.name(…)`; and where the name stands.
    Call {
        target: Option<Box<Node>>,
        name: String,
        at: Span,
        arguments: Vec<Node>,
    },
    /// `!node`.
    Not(Box<Node>),
    /// `-node`.
    Minus(Box<Node>),
    /// `left op right`; and where the operator stands.
    Binary(Operator, Span, Box<(Node, Node)>),
    /// `condition ? yes : no`.
    Choose(Box<(Node, Node, Node)>),
}

/// The operators between two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Or,
    And,
    Compare(Comparison),
    In,
    Arithmetic(Arithmetic),
}

/// `== != < <= > >=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// `+ - * / %`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Operator {
    /// The operator written so, and how tightly it binds.
    pub(super) fn of(sign: &str) -> Option<(Self, u8)> {
        use Arithmetic::{Add, Divide, Multiply, Remainder, Subtract};
        use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        Some(match sign {
            "||" => (Self::Or, 1),
            "&&" => (Self::And, 2),
            "==" => (Self::Compare(Equal), 3),
            "!=" => (Self::Compare(NotEqual), 3),
            "<" => (Self::Compare(Less), 3),
            "<=" => (Self::Compare(LessOrEqual), 3),
            ">" => (Self::Compare(Greater), 3),
            ">=" => (Self::Compare(GreaterOrEqual), 3),
            "in" => (Self::In, 3),
            "+" => (Self::Arithmetic(Add), 4),
            "-" => (Self::Arithmetic(Subtract), 4),
            "*" => (Self::Arithmetic(Multiply), 5),
            "/" => (Self::Arithmetic(Divide), 5),
            "%" => (Self::Arithmetic(Remainder), 5),
            _ => return None,
        })
    }

    /// As written.
    pub(super) const fn sign(self) -> &'static str {
        match self {
            Self::Or => "||",
            Self::And => "&&",
            Self::Compare(comparison) => comparison.sign(),
            Self::In => "in",
            Self::Arithmetic(arithmetic) => arithmetic.sign(),
        }
    }

    /// How tightly it binds.
    pub(super) const fn strength(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
            Self::Compare(_) | Self::In => 3,
            Self::Arithmetic(Arithmetic::Add | Arithmetic::Subtract) => 4,
            Self::Arithmetic(_) => 5,
        }
    }
}

impl Comparison {
    /// As written.
    pub(super) const fn sign(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }

    /// Whether it only asks if two things are the same.
    pub(super) const fn is_equality(self) -> bool {
        matches!(self, Self::Equal | Self::NotEqual)
    }

    /// Whether it holds between two values in this order.
    pub(super) const fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

impl Arithmetic {
    /// As written.
    pub(super) const fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }
}
