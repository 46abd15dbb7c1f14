//! Values from JSON and to JSON, losing nothing: keys stay in order, numbers stay what they are.
//!
//! A reader of its own because `serde_json` as it is built here may read the last digit of a number differently and takes
//! a whole number that does not fit for a rounded one; either would change a workflow's meaning between its YAML and its
//! exported form.

use super::{Dict, Value};

/// How deep values may be nested.
pub const MAX_DEPTH: usize = 256;

/// Why a text is no JSON, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} at byte {at}")]
pub struct JsonFault {
    /// What is wrong.
    pub message: String,
    /// Where, in bytes from 0.
    pub at: usize,
}

impl Value {
    /// Reads one JSON value. A key that is there twice keeps its first place and its last value, as in Python.
    ///
    /// # Errors
    /// It is not JSON, or holds a whole number beyond 64 bits, or is nested deeper than [`MAX_DEPTH`].
    pub fn from_json(text: &str) -> Result<Self, JsonFault> {
        let mut reader = Reader {
            text,
            at: 0,
            depth: 0,
        };
        let value = reader.value()?;
        reader.space();
        if reader.at < text.len() {
            return Err(reader.fault("something follows the value"));
        }
        Ok(value)
    }

    /// Compact JSON; the same bytes for the same value.
    ///
    /// # Errors
    /// It holds a number JSON cannot write (not finite).
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn fault(&self, message: impl Into<String>) -> JsonFault {
        JsonFault {
            message: message.into(),
            at: self.at,
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Takes this byte, after space, if it is the next.
    fn take(&mut self, byte: u8) -> bool {
        self.space();
        let is_next = self.peek() == Some(byte);
        if is_next {
            self.at += 1;
        }
        is_next
    }

    fn value(&mut self) -> Result<Value, JsonFault> {
        self.space();
        match self.peek() {
            None => Err(self.fault("a value is missing")),
            Some(b'{') => self.nested(Self::dict),
            Some(b'[') => self.nested(Self::list),
            Some(b'"') => Ok(Value::Str(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => {
                for (word, value) in [
                    ("null", Value::Null),
                    ("true", Value::Bool(true)),
                    ("false", Value::Bool(false)),
                ] {
                    if self.rest().starts_with(word) {
                        self.at += word.len();
                        return Ok(value);
                    }
                }
                Err(self.fault("not a JSON value"))
            }
        }
    }

    fn nested(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<Value, JsonFault>,
    ) -> Result<Value, JsonFault> {
        if self.depth >= MAX_DEPTH {
            return Err(self.fault(format!("nested deeper than {MAX_DEPTH} levels")));
        }
        self.at += 1;
        self.depth += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn list(&mut self) -> Result<Value, JsonFault> {
        let mut items = Vec::new();
        if self.take(b']') {
            return Ok(Value::List(items));
        }
        loop {
            items.push(self.value()?);
            if self.take(b']') {
                return Ok(Value::List(items));
            }
            if !self.take(b',') {
                return Err(self.fault("expected `,` or `]`"));
            }
        }
    }

    fn dict(&mut self) -> Result<Value, JsonFault> {
        let mut entries = Dict::new();
        if self.take(b'}') {
            return Ok(Value::Dict(entries));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.fault("expected a key in quotes"));
            }
            let key = self.string()?;
            if !self.take(b':') {
                return Err(self.fault("expected `:`"));
            }
            entries.insert(key, self.value()?);
            if self.take(b'}') {
                return Ok(Value::Dict(entries));
            }
            if !self.take(b',') {
                return Err(self.fault("expected `,` or `}`"));
            }
        }
    }

    /// A number by JSON's grammar.
    fn number(&mut self) -> Result<Value, JsonFault> {
        let rest = self.rest();
        let end = rest
            .find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E'))
            .unwrap_or(rest.len());
        let text = rest.get(..end).unwrap_or_default();
        if !is_number(text) {
            return Err(self.fault(format!("`{text}` is not a number")));
        }
        let value = if text
            .bytes()
            .all(|byte| byte == b'-' || byte.is_ascii_digit())
        {
            text.parse()
                .map(Value::Int)
                .map_err(|_| self.fault(format!("`{text}` does not fit into 64 bits")))?
        } else {
            let number: f64 = text
                .parse()
                .map_err(|_| self.fault(format!("`{text}` is not a number")))?;
            if !number.is_finite() {
                return Err(self.fault(format!("`{text}` is too large for a float")));
            }
            Value::Float(number)
        };
        self.at += end;
        Ok(value)
    }

    fn string(&mut self) -> Result<String, JsonFault> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = self.rest();
            let plain = rest
                .find(|c: char| c == '"' || c == '\\' || c < ' ')
                .ok_or_else(|| self.fault("a text without its closing quote"))?;
            out.push_str(rest.get(..plain).unwrap_or_default());
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                _ => return Err(self.fault("a control character in a text")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonFault> {
        let Some(kind) = self.text.as_bytes().get(self.at + 1).copied() else {
            return Err(self.fault("a text without its closing quote"));
        };
        let plain = match kind {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.hex(self.at + 2)?;
                if !(0xd800..0xdc00).contains(&first) {
                    let c =
                        char::from_u32(first).ok_or_else(|| self.fault("half a surrogate pair"))?;
                    self.at += 6;
                    return Ok(c);
                }
                let is_pair = self
                    .text
                    .get(self.at + 6..)
                    .is_some_and(|rest| rest.starts_with("\\u"));
                let second = if is_pair { self.hex(self.at + 8)? } else { 0 };
                if !(0xdc00..0xe000).contains(&second) {
                    return Err(self.fault("half a surrogate pair"));
                }
                let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                self.at += 12;
                return char::from_u32(code).ok_or_else(|| self.fault("half a surrogate pair"));
            }
            _ => return Err(self.fault("an escape JSON does not know")),
        };
        self.at += 2;
        Ok(plain)
    }

    fn hex(&self, at: usize) -> Result<u32, JsonFault> {
        self.text
            .get(at..at + 4)
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .ok_or_else(|| self.fault("`\\u` without four digits"))
    }
}

/// Whether a text is a number by JSON's grammar: no leading zero or plus, digits on both sides of a point.
fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|text| digits(text.strip_prefix(['+', '-']).unwrap_or(text)))
}
