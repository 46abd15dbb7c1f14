//! From words to a tree.

use super::lexer::{Kind, Token, lex};
use super::{Compared, Comparisons, Expr, ExprFault, MAX_CHARS, MAX_DEPTH, Op, Parsed};
use crate::workflow::template::MAX_STEPS;
use crate::workflow::value::Value;

pub(super) fn parse(text: &str) -> Result<Parsed, ExprFault> {
    let fault = |message: String, at| ExprFault {
        message,
        help: None,
        at,
    };
    if text.chars().nth(MAX_CHARS).is_some() {
        return Err(fault(
            format!("a condition of more than {MAX_CHARS} characters"),
            MAX_CHARS,
        ));
    }
    if text.trim().is_empty() {
        return Err(fault("the condition is empty".to_owned(), 0));
    }
    let mut parser = Parser {
        tokens: lex(text)?,
        at: 0,
        depth: 0,
        braces: false,
    };
    let expr = parser.or()?;
    if *parser.kind() != Kind::End {
        return Err(parser.unexpected("expected an operator or the end"));
    }
    Ok(Parsed {
        expr,
        braces: parser.braces,
    })
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    braces: bool,
}

const WORDS: &[&str] = &[
    "or", "and", "not", "in", "is", "if", "else", "lambda", "for",
];

impl Parser {
    fn kind(&self) -> &Kind {
        self.tokens
            .get(self.at)
            .map_or(&Kind::End, |token| &token.kind)
    }

    fn next_kind(&self) -> &Kind {
        self.tokens
            .get(self.at + 1)
            .map_or(&Kind::End, |token| &token.kind)
    }

    fn place(&self) -> usize {
        self.tokens
            .get(self.at)
            .or(self.tokens.last())
            .map_or(0, |token| token.at)
    }

    fn fault(&self, message: impl Into<String>, help: Option<&str>) -> ExprFault {
        ExprFault {
            message: message.into(),
            help: help.map(str::to_owned),
            at: self.place(),
        }
    }

    fn unexpected(&self, expected: &str) -> ExprFault {
        match self.kind() {
            Kind::End => self.fault(format!("{expected}: the condition ends here"), None),
            Kind::Name(name) if name == "is" => self.fault(
                "`is` is not supported",
                Some("write `==`, or `!=` for `is not`"),
            ),
            Kind::Name(name) => self.fault(format!("{expected}, found `{name}`"), None),
            Kind::Int(digits) => self.fault(format!("{expected}, found `{digits}`"), None),
            Kind::Float(_) => self.fault(format!("{expected}, found a number"), None),
            Kind::Str(_) => self.fault(format!("{expected}, found a text"), None),
            Kind::Sign(sign) => self.fault(format!("{expected}, found `{sign}`"), None),
        }
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.kind(), Kind::Name(name) if name == word)
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is_next = self.is_word(word);
        self.at += usize::from(is_next);
        is_next
    }

    fn take(&mut self, sign: &str) -> bool {
        let is_next = matches!(self.kind(), Kind::Sign(found) if *found == sign);
        self.at += usize::from(is_next);
        is_next
    }

    fn need(&mut self, sign: &str) -> Result<(), ExprFault> {
        if self.take(sign) {
            return Ok(());
        }
        Err(self.unexpected(&format!("expected `{sign}`")))
    }

    /// Reads something one level further in.
    fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, ExprFault>,
    ) -> Result<T, ExprFault> {
        if self.depth >= MAX_DEPTH {
            return Err(self.fault(format!("nested deeper than {MAX_DEPTH} levels"), None));
        }
        self.depth += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn or(&mut self) -> Result<Expr, ExprFault> {
        let first = self.and()?;
        let mut all = vec![first];
        while self.take_word("or") {
            all.push(self.and()?);
        }
        Ok(single(all, Expr::Or))
    }

    fn and(&mut self) -> Result<Expr, ExprFault> {
        let first = self.not()?;
        let mut all = vec![first];
        while self.take_word("and") {
            all.push(self.not()?);
        }
        Ok(single(all, Expr::And))
    }

    fn not(&mut self) -> Result<Expr, ExprFault> {
        if self.take_word("not") {
            return self
                .nested(Self::not)
                .map(|inner| Expr::Not(Box::new(inner)));
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Expr, ExprFault> {
        let first = self.operand()?;
        let mut rest = Vec::new();
        while let Some(op) = self.operator() {
            let with = self.operand()?;
            rest.push(Compared { op, with });
        }
        if rest.is_empty() {
            return Ok(first);
        }
        Ok(Expr::Compare(Box::new(Comparisons { first, rest })))
    }

    fn operator(&mut self) -> Option<Op> {
        let (op, words) = match self.kind() {
            Kind::Sign("==") => (Op::Equal, 1),
            Kind::Sign("!=") => (Op::Unequal, 1),
            Kind::Sign("<") => (Op::Less, 1),
            Kind::Sign("<=") => (Op::AtMost, 1),
            Kind::Sign(">") => (Op::Greater, 1),
            Kind::Sign(">=") => (Op::AtLeast, 1),
            Kind::Name(name) if name == "in" => (Op::In, 1),
            Kind::Name(name)
                if name == "not"
                    && matches!(self.next_kind(), Kind::Name(next) if next == "in") =>
            {
                (Op::NotIn, 2)
            }
            _ => return None,
        };
        self.at += words;
        Some(op)
    }

    fn operand(&mut self) -> Result<Expr, ExprFault> {
        match self.kind().clone() {
            Kind::Int(digits) => self.int(&digits),
            Kind::Float(number) => {
                self.at += 1;
                Ok(Expr::Literal(Value::Float(number)))
            }
            Kind::Str(text) => {
                self.at += 1;
                Ok(Expr::Literal(Value::Str(text)))
            }
            Kind::Sign("-") => {
                self.at += 1;
                match self.kind().clone() {
                    Kind::Int(digits) => self.int(&format!("-{digits}")),
                    Kind::Float(number) => {
                        self.at += 1;
                        Ok(Expr::Literal(Value::Float(-number)))
                    }
                    _ => Err(self.fault(
                        "`-` stands before a number only",
                        Some("conditions compare; they do not compute"),
                    )),
                }
            }
            Kind::Sign("(") => {
                self.at += 1;
                let inner = self.nested(Self::or)?;
                if matches!(self.kind(), Kind::Sign(",")) {
                    return Err(self.fault("tuples are not supported", Some("write a list, `[…]`")));
                }
                self.need(")")?;
                self.whole(inner)
            }
            Kind::Sign("[") => {
                self.at += 1;
                let list = self.nested(Self::list)?;
                self.whole(list)
            }
            Kind::Sign("{") => {
                self.at += 1;
                self.braces = true;
                let way = self.way()?;
                self.need("}")?;
                self.whole(Expr::Field(way))
            }
            Kind::Name(name) => self.name(&name),
            _ => Err(self.unexpected("expected a value")),
        }
    }

    /// What stands here must not go on as a call, an index or an attribute.
    fn whole(&self, expr: Expr) -> Result<Expr, ExprFault> {
        let message = match self.kind() {
            Kind::Sign("(") => "this cannot be called: `len(…)` is the only function",
            Kind::Sign("[") => "indices are not supported",
            Kind::Sign(".") => "only `state.a.b` has parts",
            _ => return Ok(expr),
        };
        Err(self.fault(message, None))
    }

    fn int(&mut self, digits: &str) -> Result<Expr, ExprFault> {
        let number = digits
            .parse()
            .map_err(|_| self.fault(format!("`{digits}` does not fit into 64 bits"), None))?;
        self.at += 1;
        Ok(Expr::Literal(Value::Int(number)))
    }

    /// The items of a list, behind its bracket. One of literals is a literal.
    fn list(&mut self) -> Result<Expr, ExprFault> {
        let mut items = Vec::new();
        while !self.take("]") {
            items.push(self.or()?);
            if !self.take(",") {
                self.need("]")?;
                break;
            }
        }
        let literals: Option<Vec<Value>> = items
            .iter()
            .map(|item| match item {
                Expr::Literal(value) => Some(value.clone()),
                _ => None,
            })
            .collect();
        Ok(match literals {
            Some(values) => Expr::Literal(Value::List(values)),
            None => Expr::List(items),
        })
    }

    fn name(&mut self, name: &str) -> Result<Expr, ExprFault> {
        let literal = match name {
            "True" | "true" => Some(Value::Bool(true)),
            "False" | "false" => Some(Value::Bool(false)),
            "None" | "null" => Some(Value::Null),
            _ => None,
        };
        if let Some(value) = literal {
            self.at += 1;
            return self.whole(Expr::Literal(value));
        }
        let is_call = matches!(self.next_kind(), Kind::Sign("("));
        match name {
            "state" => {
                let way = self.way()?;
                if matches!(self.kind(), Kind::Sign("(")) {
                    return Err(self.fault(
                        "methods cannot be called: `len(…)` is the only function",
                        None,
                    ));
                }
                self.whole(Expr::Field(way))
            }
            "len" if is_call => {
                self.at += 2;
                let inner = self.nested(Self::or)?;
                self.take(",");
                self.need(")")?;
                self.whole(Expr::Len(Box::new(inner)))
            }
            "len" => Err(self.fault("`len` needs what to measure", Some("write `len(state.…)`"))),
            word if WORDS.contains(&word) => Err(self.unexpected("expected a value")),
            _ if is_call => Err(self.fault(
                format!("there is no function `{name}`"),
                Some("`len(…)` is the only one"),
            )),
            _ => Err(self.fault(
                format!("`{name}` is no value"),
                Some(&format!(
                    "write `state.{name}` for the field, or `\"{name}\"` for the text"
                )),
            )),
        }
    }

    /// `state.a.b`.
    fn way(&mut self) -> Result<Vec<String>, ExprFault> {
        if !self.take_word("state") {
            return Err(self.unexpected("expected `state.…`"));
        }
        let mut way = Vec::new();
        while self.take(".") {
            let Kind::Name(step) = self.kind().clone() else {
                return Err(self.unexpected("expected the name of a field"));
            };
            if way.len() >= MAX_STEPS {
                return Err(self.fault("the way is too long", None));
            }
            way.push(step);
            self.at += 1;
        }
        if way.is_empty() {
            return Err(self.fault("`state` needs a field", Some("write `state.NAME`")));
        }
        Ok(way)
    }
}

/// The only one, or all of them together.
fn single(mut all: Vec<Expr>, together: impl FnOnce(Vec<Expr>) -> Expr) -> Expr {
    match (all.pop(), all.is_empty()) {
        (Some(only), true) => only,
        (Some(last), false) => {
            all.push(last);
            together(all)
        }
        (None, _) => together(all),
    }
}
