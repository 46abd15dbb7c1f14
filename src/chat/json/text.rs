//! A string as it stands in the body, and what it says.
//!
//! A [`Text`] is where the string is and whether anything in it is escaped; nearly none is, and then its bytes are its
//! meaning. Decoding is only asked for after the scanner accepted the string, so it has no failure of its own.

use std::borrow::Cow;

use super::super::Span;

/// A string of the body, between its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text {
    /// Its bytes as written, without the quotes.
    pub span: Span,
    /// Whether there is any escape among them.
    pub escaped: bool,
}

impl Text {
    /// Its bytes as written, without the quotes.
    #[must_use]
    pub fn raw(self, body: &[u8]) -> &[u8] {
        self.span.of(body)
    }

    /// What it says, in UTF-8: borrowed unless something was escaped.
    #[must_use]
    pub fn decoded(self, body: &[u8]) -> Cow<'_, [u8]> {
        let raw = self.raw(body);
        if self.escaped {
            Cow::Owned(unescape(raw))
        } else {
            Cow::Borrowed(raw)
        }
    }
}

/// Decodes the escapes of a string the scanner accepted.
fn unescape(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(place) = memchr::memchr(b'\\', rest) {
        let (plain, escape) = rest.split_at(place);
        out.extend_from_slice(plain);
        rest = match escape {
            [_, b'u', tail @ ..] => unescape_unicode(tail, &mut out),
            [_, letter, tail @ ..] => {
                out.push(match letter {
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'r' => b'\r',
                    b'b' => 0x08,
                    b'f' => 0x0c,
                    other => *other,
                });
                tail
            }
            _ => &[],
        };
    }
    out.extend_from_slice(rest);
    out
}

/// Decodes what follows `\u`, a second half of a pair included, and returns what is left.
fn unescape_unicode<'a>(tail: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let Some((unit, mut rest)) = hex4(tail) else {
        return &[];
    };
    let mut code = u32::from(unit);
    if (0xd800..0xdc00).contains(&unit)
        && let [b'\\', b'u', low @ ..] = rest
        && let Some((low @ 0xdc00..=0xdfff, after)) = hex4(low)
    {
        code = 0x1_0000 + ((code - 0xd800) << 10) + (u32::from(low) - 0xdc00);
        rest = after;
    }
    let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    rest
}

/// Four hexadecimal digits and what follows them.
pub(super) fn hex4(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (digits, rest) = bytes.split_first_chunk::<4>()?;
    let mut unit = 0_u16;
    for &digit in digits {
        let value = char::from(digit).to_digit(16)?;
        unit = (unit << 4) | u16::try_from(value).ok()?;
    }
    Some((unit, rest))
}

/// `text` as a JSON string, quotes included.
#[must_use]
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    escape_into(&mut out, text);
    out.push('"');
    out
}

/// Whether a byte of a text stands in a JSON string as it is.
const fn is_plain(byte: u8) -> bool {
    byte >= b' ' && byte != b'"' && byte != b'\\'
}

/// A text as it stands inside a JSON string, without quotes: itself, if nothing in it needs another spelling.
#[must_use]
pub fn escaped(text: String) -> String {
    if text.bytes().all(is_plain) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 16);
    escape_into(&mut out, &text);
    out
}

/// Writes `text` as it stands inside a JSON string, without quotes.
pub fn escape_into(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| !is_plain(byte)) {
        let (plain, more) = rest.split_at(at);
        out.push_str(plain);
        let (special, more) = more.split_at(1);
        escape(out, special.bytes().next().unwrap_or_default());
        rest = more;
    }
    out.push_str(rest);
}

fn escape(out: &mut String, byte: u8) {
    match byte {
        b'"' => out.push_str("\\\""),
        b'\\' => out.push_str("\\\\"),
        b'\n' => out.push_str("\\n"),
        b'\r' => out.push_str("\\r"),
        b'\t' => out.push_str("\\t"),
        control => {
            let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0');
            out.push_str("\\u00");
            out.push(digit(control >> 4));
            out.push(digit(control & 15));
        }
    }
}
