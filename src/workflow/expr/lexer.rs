//! A condition's words.

use super::ExprFault;

/// A word and the character it begins at.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) at: usize,
}

/// What a word is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// A name or keyword.
    Name(String),
    /// Digits, without a sign.
    Int(String),
    /// A number with a point or an exponent, without a sign.
    Float(f64),
    /// A text, without its quotes.
    Str(String),
    /// An operator or bracket.
    Sign(&'static str),
    /// The end.
    End,
}

/// Longest first.
const SIGNS: &[&str] = &[
    "==", "!=", "<=", ">=", "<", ">", "(", ")", "[", "]", "{", "}", ",", ".", "-",
];

/// What other languages write, and what is meant.
const FOREIGN: &[(&str, &str)] = &[
    ("&&", "write `and`"),
    ("||", "write `or`"),
    ("===", "write `==`"),
    ("<>", "write `!=`"),
    ("!", "write `not`"),
    ("=", "write `==` to compare"),
];

pub(super) fn lex(text: &str) -> Result<Vec<Token>, ExprFault> {
    let mut lexer = Lexer {
        chars: text.chars().collect(),
        at: 0,
    };
    let mut tokens = Vec::new();
    loop {
        while lexer.peek().is_some_and(char::is_whitespace) {
            lexer.at += 1;
        }
        let at = lexer.at;
        let kind = lexer.token()?;
        let is_end = kind == Kind::End;
        tokens.push(Token { kind, at });
        if is_end {
            return Ok(tokens);
        }
    }
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
}

impl Lexer {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn starts_with(&self, text: &str) -> bool {
        text.chars()
            .enumerate()
            .all(|(index, c)| self.chars.get(self.at + index) == Some(&c))
    }

    fn fault(&self, message: impl Into<String>, help: Option<&str>) -> ExprFault {
        ExprFault {
            message: message.into(),
            help: help.map(str::to_owned),
            at: self.at,
        }
    }

    fn token(&mut self) -> Result<Kind, ExprFault> {
        let Some(c) = self.peek() else {
            return Ok(Kind::End);
        };
        let next_is_digit = self
            .chars
            .get(self.at + 1)
            .is_some_and(char::is_ascii_digit);
        if c.is_ascii_digit() || c == '.' && next_is_digit {
            return self.number();
        }
        if c.is_alphabetic() || c == '_' {
            let name = self.while_it(|c| c.is_alphanumeric() || c == '_');
            let is_prefix = name.len() <= 2 && name.chars().all(|c| "bfrtuBFRTU".contains(c));
            if is_prefix && matches!(self.peek(), Some('"' | '\'')) {
                return Err(self.fault(
                    format!("texts with a prefix (`{name}`) are not supported"),
                    None,
                ));
            }
            return Ok(Kind::Name(name));
        }
        if c == '"' || c == '\'' {
            return self.string(c);
        }
        for (sign, help) in FOREIGN {
            let is_ours = SIGNS
                .iter()
                .any(|ours| ours.len() > sign.len() && self.starts_with(ours));
            if self.starts_with(sign) && !is_ours {
                return Err(self.fault(format!("`{sign}` is not an operator here"), Some(help)));
            }
        }
        match SIGNS.iter().find(|sign| self.starts_with(sign)) {
            Some(sign) => {
                self.at += sign.len();
                Ok(Kind::Sign(sign))
            }
            None => Err(self.fault(
                format!("`{c}` has no meaning in a condition"),
                Some("conditions compare fields of the state; they do not compute"),
            )),
        }
    }

    fn while_it(&mut self, is: impl Fn(char) -> bool) -> String {
        let start = self.at;
        while self.peek().is_some_and(&is) {
            self.at += 1;
        }
        self.chars.iter().take(self.at).skip(start).collect()
    }

    fn number(&mut self) -> Result<Kind, ExprFault> {
        let start = self.at;
        let mut text = self.while_it(|c| c.is_ascii_digit());
        let mut is_float = false;
        if self.peek() == Some('.') {
            is_float = true;
            self.at += 1;
            text.push('.');
            text.push_str(&self.while_it(|c| c.is_ascii_digit()));
        }
        if matches!(self.peek(), Some('e' | 'E')) {
            let sign = self
                .chars
                .get(self.at + 1)
                .copied()
                .filter(|c| matches!(c, '+' | '-'));
            let digit = self.at + 1 + usize::from(sign.is_some());
            if self.chars.get(digit).is_some_and(char::is_ascii_digit) {
                is_float = true;
                self.at = digit;
                text.push('e');
                text.extend(sign);
                text.push_str(&self.while_it(|c| c.is_ascii_digit()));
            }
        }
        if self.peek().is_some_and(|c| c.is_alphanumeric() || c == '_') {
            self.at = start;
            return Err(self.fault(
                "not a number in plain digits",
                Some("write it without underscores, prefixes and units"),
            ));
        }
        if !is_float {
            if text.len() > 1 && text.starts_with('0') {
                self.at = start;
                return Err(self.fault(
                    format!("`{text}` begins with a zero"),
                    Some("write it without"),
                ));
            }
            return Ok(Kind::Int(text));
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Kind::Float(number)),
            _ => {
                self.at = start;
                Err(self.fault(format!("`{text}` is too large for a float"), None))
            }
        }
    }

    fn string(&mut self, quote: char) -> Result<Kind, ExprFault> {
        let start = self.at;
        self.at += 1;
        let mut out = String::new();
        loop {
            match self.peek() {
                None | Some('\n') => {
                    self.at = start;
                    return Err(self.fault("a text without its closing quote", None));
                }
                Some(c) if c == quote => {
                    self.at += 1;
                    return Ok(Kind::Str(out));
                }
                Some('\\') => out.push(self.escape()?),
                Some(c) => {
                    self.at += 1;
                    out.push(c);
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, ExprFault> {
        let unknown = |lexer: &Self| {
            lexer.fault(
                "an unknown escape in a text",
                Some("for a backslash write `\\\\`"),
            )
        };
        let (c, length) = match self.chars.get(self.at + 1) {
            Some('\\') => ('\\', 2),
            Some('\'') => ('\'', 2),
            Some('"') => ('"', 2),
            Some('n') => ('\n', 2),
            Some('r') => ('\r', 2),
            Some('t') => ('\t', 2),
            Some(kind @ ('x' | 'u' | 'U')) => {
                let count = match kind {
                    'x' => 2,
                    'u' => 4,
                    _ => 8,
                };
                let digits: String = self.chars.iter().skip(self.at + 2).take(count).collect();
                let is_hex =
                    digits.len() == count && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
                let c = u32::from_str_radix(&digits, 16)
                    .ok()
                    .filter(|_| is_hex)
                    .and_then(char::from_u32);
                (c.ok_or_else(|| unknown(self))?, 2 + count)
            }
            _ => return Err(unknown(self)),
        };
        self.at += length;
        Ok(c)
    }
}
