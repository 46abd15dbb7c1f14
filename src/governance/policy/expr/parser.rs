//! From words to a tree.
//!
//! Recursive descent with one loop for all operators. A fault is reported and the parser goes on behind it, at the next
//! `&&`, `||`, comma or closing bracket, so that a second mistake is seen in the same run. Depth and size are bounded
//! while reading: nothing after it needs to fear a tree.

use super::ast::{Form, Node, Operator};
use super::bounds;
use super::fault::{Fault, Faults, Span};
use super::lexer::{Token, Word, words};

/// Reads an expression. Where something could not be read, the tree holds [`Form::Bad`] and `faults` says why.
pub(super) fn parse(text: &str, faults: &mut Faults) -> Node {
    if text.len() > bounds::SOURCE {
        let message = format!(
            "the expression is {} bytes long, at most {}",
            text.len(),
            bounds::SOURCE
        );
        faults.add(Fault::error("TG306", Span::default(), message));
        return Node {
            form: Form::Bad,
            span: Span::default(),
        };
    }
    let tokens = words(text, faults);
    let mut parser = Parser {
        tokens,
        at: 0,
        nodes: 0,
        depth: 0,
        stopped: false,
        faults,
    };
    let mut node = parser.expression();
    while parser.peek() != &Word::End {
        parser.unexpected("nothing more");
        parser.at = parser.at.saturating_add(1);
        parser.synchronise();
        node.form = Form::Bad;
    }
    node
}

struct Parser<'a> {
    tokens: Vec<Token>,
    at: usize,
    nodes: usize,
    depth: usize,
    /// Reading was given up: nothing more is reported.
    stopped: bool,
    faults: &'a mut Faults,
}

impl Parser<'_> {
    fn peek(&self) -> &Word {
        self.tokens
            .get(self.at)
            .map_or(&Word::End, |token| &token.word)
    }

    /// Where the next word stands.
    fn span(&self) -> Span {
        let token = self.tokens.get(self.at).or(self.tokens.last());
        token.map(|token| token.span).unwrap_or_default()
    }

    fn advance(&mut self) -> Span {
        let span = self.span();
        self.at = self.at.saturating_add(1).min(self.tokens.len());
        span
    }

    fn next_is(&self, sign: &str) -> bool {
        matches!(self.peek(), Word::Sign(next) if *next == sign)
    }

    fn accept(&mut self, sign: &str) -> Option<Span> {
        self.next_is(sign).then(|| self.advance())
    }

    fn report(&mut self, fault: Fault) {
        if !self.stopped {
            self.faults.add(fault);
        }
    }

    fn unexpected(&mut self, expected: &str) {
        let found = match self.peek() {
            Word::End => "the end".to_owned(),
            Word::Number(number) => format!("`{number}`"),
            Word::Text { .. } => "a string".to_owned(),
            Word::Name(name) => format!("`{name}`"),
            Word::Sign(sign) => format!("`{sign}`"),
        };
        let mut fault = Fault::error(
            "TG301",
            self.span(),
            format!("expected {expected}, found {found}"),
        );
        if let Some(help) = foreign(self.peek()) {
            fault = fault.help(help);
        }
        self.report(fault);
    }

    /// Goes on to where reading can be taken up again; brackets opened on the way are skipped whole.
    fn synchronise(&mut self) {
        let mut open = 0_usize;
        loop {
            match self.peek() {
                Word::End => return,
                Word::Sign("(" | "[" | "{") => open = open.saturating_add(1),
                Word::Sign(")" | "]" | "}") if open > 0 => open = open.saturating_sub(1),
                Word::Sign("&&" | "||" | "?" | ":" | "," | ")" | "]") if open == 0 => return,
                _ => {}
            }
            self.advance();
        }
    }

    /// Gives up: the rest is not looked at.
    fn stop(&mut self, fault: Fault) {
        self.report(fault);
        self.stopped = true;
        self.at = self.tokens.len();
    }

    fn node(&mut self, form: Form, span: Span) -> Node {
        self.nodes = self.nodes.saturating_add(1);
        if self.nodes > bounds::NODES {
            let message = format!(
                "the expression is too large: more than {} names, values and operators",
                bounds::NODES
            );
            let fault = Fault::error("TG306", span, message)
                .help("split it into several rules, or use `match:` with a list");
            self.stop(fault);
            return Node {
                form: Form::Bad,
                span,
            };
        }
        Node { form, span }
    }

    fn bad(&mut self, expected: &str) -> Node {
        self.unexpected(expected);
        let span = self.span();
        self.synchronise();
        self.node(Form::Bad, span)
    }

    /// Reads something one level deeper.
    fn deeper(&mut self, read: impl FnOnce(&mut Self) -> Node) -> Node {
        if self.depth >= bounds::DEPTH {
            let span = self.span();
            let message = format!("this is nested more than {} levels deep", bounds::DEPTH);
            self.stop(Fault::error("TG301", span, message));
            return self.node(Form::Bad, span);
        }
        self.depth = self.depth.saturating_add(1);
        let node = read(self);
        self.depth = self.depth.saturating_sub(1);
        node
    }

    fn expression(&mut self) -> Node {
        self.deeper(|parser| {
            let condition = parser.binary(1);
            if parser.accept("?").is_none() {
                return condition;
            }
            let yes = parser.expression();
            if parser.accept(":").is_none() {
                parser.unexpected("`:` and what holds otherwise");
                parser.synchronise();
                if parser.accept(":").is_none() {
                    let span = condition.span.to(yes.span);
                    return parser.node(Form::Bad, span);
                }
            }
            let no = parser.expression();
            let span = condition.span.to(no.span);
            parser.node(Form::Choose(Box::new((condition, yes, no))), span)
        })
    }

    /// Operands joined by operators that bind at least as tightly as `strength`.
    fn binary(&mut self, strength: u8) -> Node {
        let mut left = self.unary();
        loop {
            let sign = match self.peek() {
                Word::Sign(sign) => sign,
                Word::Name(name) if name == "in" => "in",
                Word::End => return left,
                _ => "",
            };
            let Some((operator, binds)) = Operator::of(sign) else {
                if matches!(sign, ")" | "]" | "," | ":" | "?") {
                    return left;
                }
                self.unexpected("an operator");
                self.synchronise();
                left.form = Form::Bad;
                // What was skipped to is either an operator or the end of this level.
                continue;
            };
            if binds < strength {
                return left;
            }
            let at = self.advance();
            let right = self.deeper(|parser| parser.binary(binds.saturating_add(1)));
            let span = left.span.to(right.span);
            left = self.node(Form::Binary(operator, at, Box::new((left, right))), span);
        }
    }

    fn unary(&mut self) -> Node {
        if let Some(start) = self.accept("!") {
            let operand = self.deeper(Self::unary);
            let span = start.to(operand.span);
            return self.node(Form::Not(Box::new(operand)), span);
        }
        if let Some(start) = self.accept("-") {
            if let Word::Number(magnitude) = *self.peek() {
                let span = start.to(self.advance());
                let number = 0_i64.checked_sub_unsigned(magnitude);
                let node = self.number(number, magnitude, span);
                return self.postfix(node);
            }
            let operand = self.deeper(Self::unary);
            let span = start.to(operand.span);
            return self.node(Form::Minus(Box::new(operand)), span);
        }
        let primary = self.primary();
        self.postfix(primary)
    }

    fn number(&mut self, number: Option<i64>, magnitude: u64, span: Span) -> Node {
        if let Some(number) = number {
            return self.node(Form::Number(number), span);
        }
        let message = format!("`{magnitude}` is too large: at most {}", i64::MAX);
        self.report(Fault::error("TG308", span, message));
        self.node(Form::Bad, span)
    }

    fn primary(&mut self) -> Node {
        let span = self.span();
        match self.peek().clone() {
            Word::Number(magnitude) => {
                self.advance();
                self.number(i64::try_from(magnitude).ok(), magnitude, span)
            }
            Word::Text { value, raw } => {
                self.advance();
                self.node(Form::Text { value, raw }, span)
            }
            Word::Name(name) => match name.as_str() {
                "true" | "false" => {
                    self.advance();
                    self.node(Form::Bool(name == "true"), span)
                }
                "in" => self.bad("a value"),
                _ => {
                    self.advance();
                    self.node(Form::Name(name), span)
                }
            },
            Word::Sign("(") => {
                self.advance();
                let inner = self.expression();
                self.close(")");
                inner
            }
            Word::Sign("[") => {
                self.advance();
                let items = self.items("]");
                let end = self.close("]");
                self.node(Form::List(items), span.to(end))
            }
            _ => self.bad("a value"),
        }
    }

    /// Expects a closing bracket, or goes on behind the next one.
    fn close(&mut self, bracket: &str) -> Span {
        if let Some(span) = self.accept(bracket) {
            return span;
        }
        self.unexpected(&format!("`{bracket}`"));
        let span = self.span();
        while !matches!(self.peek(), Word::End | Word::Sign(")" | "]")) {
            self.advance();
            self.synchronise();
        }
        self.accept(bracket).unwrap_or(span)
    }

    /// Expressions between commas, up to a bracket that is left standing. A trailing comma is allowed.
    fn items(&mut self, bracket: &str) -> Vec<Node> {
        let mut items = Vec::new();
        while !self.next_is(bracket) && self.peek() != &Word::End {
            items.push(self.expression());
            if self.accept(",").is_none() {
                break;
            }
        }
        items
    }

    fn postfix(&mut self, mut node: Node) -> Node {
        loop {
            if self.accept(".").is_some() {
                let at = self.span();
                let Word::Name(name) = self.peek().clone() else {
                    return self.bad("a name behind the `.`");
                };
                self.advance();
                node = if self.next_is("(") {
                    self.call(Some(Box::new(node)), name, at)
                } else {
                    let span = node.span.to(at);
                    self.node(Form::Member(Box::new(node), name), span)
                };
            } else if self.accept("[").is_some() {
                let index = self.expression();
                let span = node.span.to(self.close("]"));
                node = self.node(Form::Index(Box::new((node, index))), span);
            } else if self.next_is("(")
                && let Form::Name(name) = &node.form
            {
                let name = name.clone();
                let at = node.span;
                node = self.call(None, name, at);
            } else {
                return node;
            }
        }
    }

    fn call(&mut self, target: Option<Box<Node>>, name: String, at: Span) -> Node {
        let start = target.as_ref().map_or(at, |target| target.span);
        self.advance();
        let arguments = self.items(")");
        let span = start.to(self.close(")"));
        let form = Form::Call {
            target,
            name,
            at,
            arguments,
        };
        self.node(form, span)
    }
}

/// What to write instead of words other languages have.
fn foreign(word: &Word) -> Option<&'static str> {
    Some(match word {
        Word::Name(name) => match name.to_ascii_lowercase().as_str() {
            "and" => "write `&&`",
            "or" => "write `||`",
            "not" => "write `!`",
            "is" | "eq" => "write `==`",
            _ => return None,
        },
        Word::Sign("{") => "maps and messages cannot be built in an expression",
        _ => return None,
    })
}
