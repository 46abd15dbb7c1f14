//! The scanner: a place in the body, and the moves it may make from there.
//!
//! The caller pulls: it asks for the members of the objects it cares about and has everything else skipped. Skipping
//! validates as strictly as reading does. It keeps one bit for each level it is in, never a stack frame.

use super::lanes::{next_special, survey};
use super::rules::{Lenient, Rules, Strict};
use super::text::hex4;
use super::{Fault, JsonError, Text};
use crate::chat::Span;

/// The most levels of objects and arrays inside each other.
pub const MAX_DEPTH: u32 = 128;

/// The most digits in one number.
pub const MAX_DIGITS: usize = 64;

/// What the next value is, told by its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An object.
    Object,
    /// An array.
    Array,
    /// A string.
    Text,
    /// A number.
    Number,
    /// `true` or `false`.
    Bool,
    /// `null`.
    Null,
}

/// An object being read: asks [`Scanner::member`] for its keys.
#[derive(Debug)]
pub struct Members {
    first: bool,
    /// How many members were met so far.
    pub count: u64,
}

/// An array being read: asks [`Scanner::element`] for its elements.
#[derive(Debug)]
pub struct Items {
    first: bool,
    /// How many elements were met so far.
    pub count: u64,
}

/// Hears of the keys, and of the strings it asked for, while a value is skipped.
pub trait Watch {
    /// A key, decoded; true to hear the value if it is a string.
    fn key(&mut self, key: &[u8]) -> bool;
    /// The value of the key just asked for, a string, decoded.
    fn text(&mut self, text: &[u8]);
    /// Any string that is a value (not a key), as written.
    #[inline]
    fn any_text(&mut self, _raw: &[u8]) {}
}

/// Nobody watches.
struct Nobody;

impl Watch for Nobody {
    #[inline]
    fn key(&mut self, _key: &[u8]) -> bool {
        false
    }

    #[inline]
    fn text(&mut self, _text: &[u8]) {}
}

/// A pull reader over one JSON text.
pub struct Scanner<'a, R = Strict> {
    bytes: &'a [u8],
    at: usize,
    depth: u32,
    /// Whether control characters in strings are of no concern: there are none, or they are let by.
    quiet: bool,
    rules: R,
}

type Step<T> = Result<T, JsonError>;

impl<'a> Scanner<'a, Strict> {
    /// Takes the bytes of one JSON text, to be read strictly.
    ///
    /// # Errors
    /// When they are not UTF-8, begin with a byte order mark or are 4 GiB or more.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Step<Self> {
        if u32::try_from(bytes.len()).is_err() {
            return Err(JsonError::new(Fault::TooLong, bytes.len()));
        }
        if bytes.starts_with(b"\xef\xbb\xbf") {
            return Err(JsonError::new(Fault::ByteOrderMark, 0));
        }
        let survey = survey(bytes);
        if !survey.ascii
            && let Err(error) = std::str::from_utf8(bytes)
        {
            return Err(JsonError::new(Fault::Utf8, error.valid_up_to()));
        }
        Ok(Self {
            bytes,
            at: 0,
            depth: 0,
            quiet: survey.quiet,
            rules: Strict::default(),
        })
    }
}

impl<'a> Scanner<'a, Lenient> {
    /// Takes the bytes of an answer: read for what it reports, passed on whatever it holds.
    ///
    /// Repeated keys (the last one counts), lone surrogates, NULs, control characters, long numbers and broken UTF-8 are
    /// let by: a model may write any of them, and its usage is to be found all the same.
    ///
    /// # Errors
    /// When the bytes are 4 GiB or more.
    #[inline]
    pub fn lenient(bytes: &'a [u8]) -> Step<Self> {
        if u32::try_from(bytes.len()).is_err() {
            return Err(JsonError::new(Fault::TooLong, bytes.len()));
        }
        Ok(Self {
            bytes,
            at: 0,
            depth: 0,
            quiet: true,
            rules: Lenient,
        })
    }
}

impl<'a, R: Rules> Scanner<'a, R> {
    /// The body it reads.
    #[must_use]
    pub const fn body(&self) -> &'a [u8] {
        self.bytes
    }

    /// The offset it stands at.
    #[must_use]
    pub const fn at(&self) -> usize {
        self.at
    }

    /// What the next value is. Moves to its first byte.
    pub fn peek(&mut self) -> Step<Kind> {
        Ok(match self.due()? {
            b'{' => Kind::Object,
            b'[' => Kind::Array,
            b'"' => Kind::Text,
            b'-' | b'0'..=b'9' => Kind::Number,
            b't' | b'f' => Kind::Bool,
            b'n' => Kind::Null,
            _ => return Err(self.unexpected()),
        })
    }

    /// Enters an object.
    pub fn object(&mut self) -> Step<Members> {
        self.expect(b'{')?;
        self.deeper()?;
        self.rules.open();
        Ok(Members {
            first: true,
            count: 0,
        })
    }

    /// The next key of the object, with the scanner before its value; `None` once the object is left.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as for `text`")]
    pub fn member(&mut self, members: &mut Members) -> Step<Option<Text>> {
        let byte = self.due()?;
        if byte == b'}' {
            self.at += 1;
            self.depth -= 1;
            self.rules.close();
            return Ok(None);
        }
        if !std::mem::take(&mut members.first) {
            self.expect(b',')?;
        }
        members.count += 1;
        self.key().map(Some)
    }

    /// Enters an array.
    pub fn array(&mut self) -> Step<Items> {
        self.expect(b'[')?;
        self.deeper()?;
        Ok(Items {
            first: true,
            count: 0,
        })
    }

    /// True with the scanner before the next element; false once the array is left.
    #[inline]
    pub fn element(&mut self, items: &mut Items) -> Step<bool> {
        let byte = self.due()?;
        if byte == b']' {
            self.at += 1;
            self.depth -= 1;
            return Ok(false);
        }
        if !std::mem::take(&mut items.first) {
            self.expect(b',')?;
        }
        items.count += 1;
        Ok(true)
    }

    /// A string.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "a result handed over in memory costs more than finding the closing quote"
    )]
    pub fn text(&mut self) -> Step<Text> {
        if self.due()? != b'"' {
            return Err(self.unexpected());
        }
        let start = self.at + 1;
        let mut end = next_special(self.bytes, start, self.quiet);
        let escaped = self.bytes.get(end) != Some(&b'"');
        if escaped {
            end = self.end_of_text(end)?;
        }
        self.at = end + 1;
        Ok(Text {
            span: Span::new(start, end),
            escaped,
        })
    }

    /// The closing quote of a string with a backslash, or something that must not be there, at `at`.
    fn end_of_text(&self, mut at: usize) -> Step<usize> {
        loop {
            match self.bytes.get(at) {
                Some(b'"') => return Ok(at),
                Some(b'\\') => at = self.escape(at)?,
                Some(_) => return Err(JsonError::new(Fault::Control, at)),
                None => return Err(JsonError::new(Fault::UnexpectedEnd, at)),
            }
            at = next_special(self.bytes, at, self.quiet);
        }
    }

    /// `true` or `false`.
    pub fn boolean(&mut self) -> Step<bool> {
        let value = self.due()? == b't';
        self.word(if value { b"true" } else { b"false" })?;
        Ok(value)
    }

    /// `null`.
    pub fn null(&mut self) -> Step<()> {
        self.due()?;
        self.word(b"null")
    }

    /// A number, as written.
    pub fn number(&mut self) -> Step<Span> {
        self.due()?;
        let start = self.at;
        let bad = |at| JsonError::new(Fault::Number, at);
        if self.bytes.get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        let whole = self.digits();
        let leading_zero = whole > 1 && self.bytes.get(self.at - whole) == Some(&b'0');
        if whole == 0 || leading_zero {
            return Err(bad(start));
        }
        let mut digits = whole;
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            match self.digits() {
                0 => return Err(bad(start)),
                more => digits += more,
            }
        }
        if matches!(self.bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.bytes.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            match self.digits() {
                0 => return Err(bad(start)),
                more => digits += more,
            }
        }
        if digits > MAX_DIGITS && R::STRICT {
            return Err(bad(start));
        }
        Ok(Span::new(start, self.at))
    }

    /// A number that is a whole one and not negative, if this is one and fits; consumed either way.
    pub fn whole_number(&mut self) -> Step<Option<u64>> {
        let digits = self.number()?.of(self.bytes);
        let mut value = 0_u64;
        for &digit in digits {
            if !digit.is_ascii_digit() {
                return Ok(None);
            }
            let Some(more) = value
                .checked_mul(10)
                .and_then(|value| value.checked_add(u64::from(digit - b'0')))
            else {
                return Ok(None);
            };
            value = more;
        }
        Ok(Some(value))
    }

    /// Skips the next value, validating all of it, and tells where it stood.
    pub fn skip(&mut self) -> Step<Span> {
        self.watch(&mut Nobody)
    }

    /// Skips the next value while `watch` hears of the keys in it.
    pub fn watch<W: Watch>(&mut self, watch: &mut W) -> Step<Span> {
        self.due()?;
        let start = self.at;
        let base = self.depth;
        let mut objects = 0_u128; // one bit a level, the innermost lowest: set for an object
        let mut wanted = false;
        loop {
            let asked = std::mem::take(&mut wanted);
            match self.due()? {
                b'"' => {
                    let text = self.text()?;
                    watch.any_text(text.raw(self.bytes));
                    if asked {
                        watch.text(&text.decoded(self.bytes));
                    }
                }
                b'{' => {
                    self.at += 1;
                    self.deeper()?;
                    self.rules.open();
                    objects = (objects << 1) | 1;
                    if self.due()? != b'}' {
                        wanted = self.watched_key(watch)?;
                        continue;
                    }
                }
                b'[' => {
                    self.at += 1;
                    self.deeper()?;
                    objects <<= 1;
                    if self.due()? != b']' {
                        continue;
                    }
                }
                b'-' | b'0'..=b'9' => {
                    self.number()?;
                }
                b't' => self.word(b"true")?,
                b'f' => self.word(b"false")?,
                b'n' => self.word(b"null")?,
                _ => return Err(self.unexpected()),
            }
            loop {
                if self.depth == base {
                    return Ok(Span::new(start, self.at));
                }
                let in_object = objects & 1 == 1;
                match (self.due()?, in_object) {
                    (b',', true) => {
                        self.at += 1;
                        wanted = self.watched_key(watch)?;
                        break;
                    }
                    (b',', false) => {
                        self.at += 1;
                        break;
                    }
                    (b'}', true) => self.rules.close(),
                    (b']', false) => {}
                    _ => return Err(self.unexpected()),
                }
                self.at += 1;
                self.depth -= 1;
                objects >>= 1;
            }
        }
    }

    /// Nothing but white space may follow.
    pub fn finish(&mut self) -> Step<()> {
        self.blank();
        match self.bytes.get(self.at) {
            None => Ok(()),
            Some(_) => Err(JsonError::new(Fault::Trailing, self.at)),
        }
    }

    fn watched_key<W: Watch>(&mut self, watch: &mut W) -> Step<bool> {
        let key = self.key()?;
        Ok(if key.escaped {
            watch.key(&key.decoded(self.bytes))
        } else {
            watch.key(key.raw(self.bytes))
        })
    }

    /// A key that is new to its object, and the colon after it.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as for `text`")]
    fn key(&mut self) -> Step<Text> {
        let key = self.text()?;
        self.rules.add(self.bytes, key)?;
        self.expect(b':')?;
        Ok(key)
    }

    /// The first byte that is not white space, which must be there.
    #[inline]
    fn due(&mut self) -> Step<u8> {
        match self.bytes.get(self.at) {
            Some(&byte) if byte > b' ' => Ok(byte),
            _ => {
                self.blank();
                match self.bytes.get(self.at) {
                    Some(&byte) => Ok(byte),
                    None => Err(JsonError::new(Fault::UnexpectedEnd, self.at)),
                }
            }
        }
    }

    fn blank(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    #[inline]
    fn expect(&mut self, byte: u8) -> Step<()> {
        if self.due()? != byte {
            return Err(self.unexpected());
        }
        self.at += 1;
        Ok(())
    }

    fn word(&mut self, word: &[u8]) -> Step<()> {
        if self
            .bytes
            .get(self.at..)
            .is_some_and(|rest| rest.starts_with(word))
        {
            self.at += word.len();
            return Ok(());
        }
        Err(self.unexpected())
    }

    #[inline]
    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        self.at - start
    }

    #[inline]
    fn deeper(&mut self) -> Step<()> {
        if self.depth == MAX_DEPTH {
            return Err(JsonError::new(Fault::Depth, self.at.saturating_sub(1)));
        }
        self.depth += 1;
        Ok(())
    }

    /// Checks the escape at `at` and returns what follows it, a second half of a surrogate pair included.
    fn escape(&self, at: usize) -> Step<usize> {
        let bad = |fault| JsonError::new(fault, at);
        let rest = self.bytes.get(at + 1..).unwrap_or_default();
        match rest {
            [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => Ok(at + 2),
            [b'u', digits @ ..] => {
                let (unit, after) = hex4(digits).ok_or(bad(Fault::Escape))?;
                let paired = || match after {
                    [b'\\', b'u', low @ ..] => {
                        hex4(low).is_some_and(|(low, _)| (0xdc00..=0xdfff).contains(&low))
                    }
                    _ => false,
                };
                match unit {
                    _ if !R::STRICT => Ok(at + 6),
                    0 => Err(bad(Fault::Nul)),
                    0xd800..=0xdbff if paired() => Ok(at + 12),
                    0xd800..=0xdfff => Err(bad(Fault::Surrogate)),
                    _ => Ok(at + 6),
                }
            }
            _ => Err(bad(Fault::Escape)),
        }
    }

    #[cold]
    fn unexpected(&self) -> JsonError {
        JsonError::new(Fault::UnexpectedByte, self.at)
    }
}
