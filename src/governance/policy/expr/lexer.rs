//! From characters to words, each with where it stands.
//!
//! A word that is none is reported and left out, so that one stray character does not hide what else is wrong. Not here:
//! what words mean together (`parser`).

use super::fault::{Fault, Faults, Span};

/// One word of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// A whole number; its sign is an operator.
    Number(u64),
    /// A string, decoded. `raw`: nothing in it was escaped, so its characters stand one behind the quote.
    Text { value: String, raw: bool },
    /// A name, or a word of the language (`true`, `in`).
    Name(String),
    /// An operator or a bracket.
    Sign(&'static str),
    /// The end of the text.
    End,
}

/// A word and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) word: Word,
    pub(super) span: Span,
}

/// Longer signs before their own beginnings.
const SIGNS: [&str; 25] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "+", "-", "*", "/", "%", "?", ":", "(", ")",
    "[", "]", ",", ".", "{", "}", ";",
];

/// Signs other languages have, and what to write here.
const FOREIGN: [(&str, &str); 5] = [
    ("=", "write `==` to compare"),
    ("&", "write `&&` for \"and\""),
    ("|", "write `||` for \"or\""),
    ("~", "write `x.matches(\"…\")` for a pattern"),
    ("`", "write a string in `\"double\"` or `'single'` quotes"),
];

/// The words of a text, the last of them [`Word::End`].
pub(super) fn words(text: &str, faults: &mut Faults) -> Vec<Token> {
    let mut lexer = Lexer {
        text,
        at: 0,
        faults,
    };
    let mut tokens = Vec::new();
    while let Some(token) = lexer.next() {
        tokens.push(token);
    }
    tokens.push(Token {
        word: Word::End,
        span: Span::new(text.len(), text.len()),
    });
    tokens
}

/// Whether a text has comments, which a canonical form would lose.
pub(super) fn has_comments(text: &str) -> bool {
    let mut ignored = Faults::default();
    let mut lexer = Lexer {
        text,
        at: 0,
        faults: &mut ignored,
    };
    loop {
        if lexer.skip_blanks() {
            return true;
        }
        if lexer.next().is_none() {
            return false;
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    faults: &'a mut Faults,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn advance(&mut self, by: usize) {
        self.at = self.at.saturating_add(by);
    }

    /// Skips white space and comments; whether there was a comment.
    fn skip_blanks(&mut self) -> bool {
        let mut comments = false;
        loop {
            let rest = self.rest();
            let blank = rest.len().saturating_sub(rest.trim_start().len());
            self.advance(blank);
            if !self.rest().starts_with("//") {
                return comments;
            }
            comments = true;
            let rest = self.rest();
            self.advance(rest.find('\n').unwrap_or(rest.len()));
        }
    }

    fn next(&mut self) -> Option<Token> {
        loop {
            self.skip_blanks();
            let start = self.at;
            let first = self.rest().chars().next()?;
            let word = match first {
                '0'..='9' => Some(self.number()),
                '"' | '\'' => self.text(first, false),
                'r' | 'R'
                    if self
                        .rest()
                        .get(1..)
                        .is_some_and(|r| r.starts_with(['"', '\''])) =>
                {
                    self.advance(1);
                    let quote = self.rest().chars().next()?;
                    self.text(quote, true)
                }
                'a'..='z' | 'A'..='Z' | '_' => Some(self.name()),
                _ => self.sign(first),
            };
            if let Some(word) = word {
                return Some(Token {
                    word,
                    span: Span::new(start, self.at),
                });
            }
        }
    }

    fn sign(&mut self, first: char) -> Option<Word> {
        let rest = self.rest();
        if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            self.advance(sign.len());
            return Some(Word::Sign(sign));
        }
        let span = Span::new(self.at, self.at.saturating_add(first.len_utf8()));
        self.advance(first.len_utf8());
        let mut fault = Fault::error(
            "TG301",
            span,
            format!("`{}` is no part of an expression", first.escape_debug()),
        );
        if let Some((_, help)) = FOREIGN.iter().find(|(sign, _)| rest.starts_with(sign)) {
            fault = fault.help(*help);
        }
        self.faults.add(fault);
        None
    }

    fn name(&mut self) -> Word {
        let rest = self.rest();
        let len = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        self.advance(len);
        Word::Name(rest.get(..len).unwrap_or_default().to_owned())
    }

    fn number(&mut self) -> Word {
        let (start, rest) = (self.at, self.rest());
        let len = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        self.advance(len);
        let digits = rest.get(..len).unwrap_or_default();
        let after = rest.get(len..).unwrap_or_default();
        if let Some(fraction) = after.strip_prefix('.')
            && fraction.starts_with(|c: char| c.is_ascii_digit())
        {
            let more = fraction
                .find(|c: char| !c.is_ascii_alphanumeric())
                .unwrap_or(fraction.len());
            self.advance(more.saturating_add(1));
            let span = Span::new(start, self.at);
            self.faults.add(
                Fault::error("TG301", span, "only whole numbers are numbers here")
                    .help("compare in whole units: tokens, bytes, per cent"),
            );
            return Word::Number(0);
        }
        let parsed = match digits.strip_prefix("0x") {
            Some(hex) => u64::from_str_radix(hex, 16),
            None => digits.parse(),
        };
        let span = Span::new(start, self.at);
        let fault = match parsed {
            Ok(number) => return Word::Number(number),
            Err(error) if *error.kind() == std::num::IntErrorKind::PosOverflow => Fault::error(
                "TG308",
                span,
                format!("`{digits}` is too large: at most {}", i64::MAX),
            ),
            Err(_) => Fault::error("TG301", span, format!("`{digits}` is no number"))
                .help("write whole numbers with digits alone: `60000`"),
        };
        self.faults.add(fault);
        Word::Number(0)
    }

    fn text(&mut self, quote: char, raw: bool) -> Option<Word> {
        let start = self.at;
        self.advance(1);
        let mut value = String::new();
        let mut plain = true;
        loop {
            let at = self.at;
            let mut rest = self.rest().chars();
            let Some(next) = rest.next().filter(|c| *c != '\n') else {
                self.faults.add(
                    Fault::error("TG301", Span::new(start, at), "this string does not end")
                        .help(format!("close it with `{quote}` on the same line")),
                );
                return None;
            };
            self.advance(next.len_utf8());
            if next == quote {
                return Some(Word::Text { value, raw: plain });
            }
            if next != '\\' || raw {
                value.push(next);
                continue;
            }
            plain = false;
            match self.escape() {
                Some(character) => value.push(character),
                None => self.faults.add(
                    Fault::error(
                        "TG301",
                        Span::new(at, self.at),
                        "this escape is not known",
                    )
                    .help("known are \\\\ \\\" \\' \\n \\r \\t and \\uXXXX; for patterns write `r\"\\d+\"`"),
                ),
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        let rest = self.rest();
        let letter = rest.chars().next()?;
        let character = match letter {
            '\\' | '"' | '\'' | '`' | '?' => letter,
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let digits = rest.get(1..5)?;
                if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return None;
                }
                let character = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
                self.advance(5);
                return Some(character);
            }
            _ => return None,
        };
        self.advance(letter.len_utf8());
        Some(character)
    }
}
