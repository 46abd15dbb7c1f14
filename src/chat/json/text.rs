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
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control < ' ' => {
                const HEX: [char; 16] = [
                    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
                ];
                let code = control as usize;
                out.push_str("\\u00");
                out.push(HEX[code >> 4]);
                out.push(HEX[code & 15]);
            }
            plain => out.push(plain),
        }
    }
    out.push('"');
    out
}
