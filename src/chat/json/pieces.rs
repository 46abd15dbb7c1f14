//! A JSON text that comes in pieces: what stands in its strings, told apart from all around them.
//!
//! The arguments of a tool's call are JSON inside a string of JSON, and a stream cuts them anywhere: in the middle of a key,
//! of an escape, of a pair of surrogates. This reader keeps only what it needs to go on, decodes as it goes, and never says
//! that the text is wrong: a model may write anything, and whoever reads the arguments will find out.
//!
//! Invariant: the parts told, in order, do not depend on where the text was cut, apart from how long each part is.
//!
//! Not here: strict reading (`scanner`), what is found in the strings.

/// A part of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// Outside of strings, as written.
    Outside(&'a str),
    /// The quote that begins a string; whether it is a key.
    Begin {
        /// A key of an object, not a value.
        key: bool,
    },
    /// What the string says, decoded.
    Inside(&'a str),
    /// The quote that ends it.
    End,
}

/// The longest key that is kept for [`Pieces::key`].
const MAX_KEY: usize = 64;

/// Where in the text we are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Outside,
    Inside,
}

/// Reads one text. See the module.
#[derive(Debug, Clone, Default)]
pub struct Pieces {
    state: State,
    /// An escape whose end has not come.
    escape: String,
    /// The first half of a pair of surrogates, decoded.
    high: Option<u16>,
    /// One bit for each level we are in: set for an object.
    objects: u128,
    depth: u32,
    /// Whether the next string is a key.
    at_key: bool,
    /// Whether the string at hand is one.
    in_key: bool,
    key: String,
}

impl Pieces {
    /// The key of the value at hand, as far as it is kept.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Whether the text so far ends inside a string.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        self.state == State::Inside
    }

    /// Takes the next piece of the text and tells its parts.
    pub fn push(&mut self, mut text: &str, out: &mut impl FnMut(&Self, Part<'_>)) {
        while !text.is_empty() {
            text = match self.state {
                State::Outside => self.outside(text, out),
                State::Inside if self.escape.is_empty() => self.inside(text, out),
                State::Inside => self.escaped(text, out),
            };
        }
    }

    /// The text is over: what an unfinished escape looked like until then is told as it stands.
    pub fn finish(&mut self, out: &mut impl FnMut(&Self, Part<'_>)) {
        self.lone(out);
        let escape = std::mem::take(&mut self.escape);
        if !escape.is_empty() {
            out(self, Part::Inside(&escape));
        }
    }

    fn outside<'a>(&mut self, text: &'a str, out: &mut impl FnMut(&Self, Part<'_>)) -> &'a str {
        let quote = memchr::memchr(b'"', text.as_bytes());
        let (plain, rest) = text.split_at(quote.unwrap_or(text.len()));
        for byte in plain.bytes() {
            match byte {
                b'{' | b'[' => {
                    self.objects = (self.objects << 1) | u128::from(byte == b'{');
                    self.depth = self.depth.saturating_add(1);
                    self.at_key = byte == b'{';
                    self.key.clear();
                }
                b'}' | b']' => {
                    self.objects >>= 1;
                    self.depth = self.depth.saturating_sub(1);
                    self.at_key = false;
                }
                b',' => self.at_key = self.depth > 0 && self.objects & 1 == 1,
                b':' => self.at_key = false,
                _ => {}
            }
        }
        if !plain.is_empty() {
            out(self, Part::Outside(plain));
        }
        if rest.is_empty() {
            return rest;
        }
        self.state = State::Inside;
        self.in_key = self.at_key;
        if self.in_key {
            self.key.clear();
        }
        out(self, Part::Begin { key: self.in_key });
        rest.get(1..).unwrap_or_default()
    }

    fn inside<'a>(&mut self, text: &'a str, out: &mut impl FnMut(&Self, Part<'_>)) -> &'a str {
        let special = memchr::memchr2(b'"', b'\\', text.as_bytes());
        let (plain, rest) = text.split_at(special.unwrap_or(text.len()));
        if !plain.is_empty() {
            self.lone(out);
            self.said(plain, out);
        }
        let Some(first) = rest.bytes().next() else {
            return rest;
        };
        let rest = rest.get(1..).unwrap_or_default();
        if first == b'\\' {
            self.escape.push('\\');
        } else {
            self.lone(out);
            self.state = State::Outside;
            self.in_key = false;
            out(self, Part::End);
        }
        rest
    }

    /// Completes the escape at hand.
    fn escaped<'a>(&mut self, text: &'a str, out: &mut impl FnMut(&Self, Part<'_>)) -> &'a str {
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            self.escape.push(character);
            let unicode = self.escape.as_bytes().get(1) == Some(&b'u');
            if unicode && character != 'u' && !character.is_ascii_hexdigit() {
                break; // no escape at all
            }
            if !unicode || self.escape.len() == 6 {
                break;
            }
            if characters.as_str().is_empty() {
                return characters.as_str();
            }
        }
        let rest = characters.as_str();
        let escape = std::mem::take(&mut self.escape);
        self.decode(&escape, out);
        rest
    }

    fn decode(&mut self, escape: &str, out: &mut impl FnMut(&Self, Part<'_>)) {
        let digits = escape.strip_prefix("\\u");
        if let Some(unit) = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok()) {
            match (self.high.take(), unit) {
                (before, 0xd800..=0xdbff) => {
                    if before.is_some() {
                        self.said("\u{fffd}", out);
                    }
                    self.high = Some(unit);
                }
                (Some(high), 0xdc00..=0xdfff) => {
                    let code =
                        0x1_0000 + ((u32::from(high) - 0xd800) << 10) + (u32::from(unit) - 0xdc00);
                    self.character(char::from_u32(code), out);
                }
                (before, _) => {
                    if before.is_some() {
                        self.said("\u{fffd}", out);
                    }
                    self.character(char::from_u32(u32::from(unit)), out);
                }
            }
            return;
        }
        self.lone(out);
        let plain = match escape {
            "\\n" => "\n",
            "\\t" => "\t",
            "\\r" => "\r",
            "\\b" => "\u{8}",
            "\\f" => "\u{c}",
            "\\\"" => "\"",
            "\\\\" => "\\",
            "\\/" => "/",
            other => other, // no escape JSON knows: told as it stands
        };
        self.said(plain, out);
    }

    fn character(&mut self, character: Option<char>, out: &mut impl FnMut(&Self, Part<'_>)) {
        let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
        self.said(character.encode_utf8(&mut [0; 4]), out);
    }

    /// Half of a pair that stayed alone.
    fn lone(&mut self, out: &mut impl FnMut(&Self, Part<'_>)) {
        if self.high.take().is_some() {
            self.said("\u{fffd}", out);
        }
    }

    fn said(&mut self, text: &str, out: &mut impl FnMut(&Self, Part<'_>)) {
        if self.in_key && self.key.len() + text.len() <= MAX_KEY {
            self.key.push_str(text);
        }
        out(self, Part::Inside(text));
    }
}

#[cfg(test)]
mod tests {
    use super::{Part, Pieces};
    use proptest::prelude::*;

    /// The text as told, joined; keys in angle brackets, values in round ones.
    fn told(pieces: &[&str]) -> String {
        let mut reader = Pieces::default();
        let mut said = String::new();
        let mut key = false;
        let mut tell = |_: &Pieces, part: Part<'_>| match part {
            Part::Outside(text) | Part::Inside(text) => said.push_str(text),
            Part::Begin { key: is_key } => {
                key = is_key;
                said.push(if key { '<' } else { '(' });
            }
            Part::End => said.push(if key { '>' } else { ')' }),
        };
        for piece in pieces {
            reader.push(piece, &mut tell);
        }
        reader.finish(&mut tell);
        said
    }

    #[test]
    fn strings_are_decoded_and_keys_told_from_values() {
        let text = r#"{"to":"a\u0040b.c","n":[1,"x\n\"y\"",{"k":"\ud83d\ude00"}],"z":"\/"}"#;
        let expected = "{<to>:(a@b.c),<n>:[1,(x\n\"y\"),{<k>:(😀)}],<z>:(/)}";
        assert_eq!(told(&[text]), expected);
        for cut in 1..text.len() {
            let (a, b) = text.split_at(cut);
            assert_eq!(told(&[a, b]), expected, "cut at {cut}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_as_it_stands() {
        for (text, expected) in [
            (r#""\x""#, r"(\x)"),
            (r#""\u12"#, r"(\u12"),
            (r#""\ud83d!""#, "(\u{fffd}!)"),
            (r#""\ud83d\ud83d\ude00""#, "(\u{fffd}😀)"),
            ("no json", "no json"),
            ("}}]", "}}]"),
        ] {
            assert_eq!(told(&[text]), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn where_a_text_is_cut_does_not_matter(
            text in r#"[{}\[\]":,\\u0a-f0-9nxé😀 ]{0,40}"#,
            at in prop::collection::vec(0_usize..40, 0..6),
        ) {
            let mut cuts: Vec<usize> = at.into_iter().filter(|at| text.is_char_boundary(*at)).collect();
            cuts.push(0);
            cuts.push(text.len());
            cuts.sort_unstable();
            let pieces: Vec<&str> = cuts.windows(2).filter_map(|cut| text.get(cut[0]..cut[1])).collect();
            prop_assert_eq!(told(&pieces), told(&[&text]));
        }
    }
}
