//! Putting values back into what the model wrote, piece by piece as it comes.
//!
//! A name may be cut anywhere, so what could still become one is held back until that is decided: nothing in prose, at most
//! a name's length otherwise. Only names of this request's map count; all else passes as it is. In the middle of a word a
//! name counts only in capitals: a word that ends in `t` is not held back for the sake of `tg_email_…`.
//!
//! In a URL a value is put back only if its host is allowed, or if the request had that value in a URL of that host: whoever
//! wrote it there had both. Where a name is the whole of a host (`http://TG_IP_ADDRESS_…:8080/`) the value goes to nobody
//! but itself, and is put back too; also behind a login or what else the request had before it in a host.
//!
//! Invariant: the same text gives the same output however it is cut (a property test holds it to that).

use super::Mapping;
use super::types::Spelling;
use super::urls::{Standing, Urls};
use crate::chat::json::escape_into;
use crate::pattern::Pattern;
use std::sync::Arc;

/// How many marks may stand between a host and the white space behind it (`).**`).
const MOST_PUNCTUATION: usize = 6;

/// Hosts into whose URLs values may be put, as globs (`*.acme.example`), without a port.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hosts(Box<[Pattern]>);

impl Hosts {
    /// These hosts.
    #[must_use]
    pub fn new<'a>(globs: impl IntoIterator<Item = &'a str>) -> Self {
        Self(
            globs
                .into_iter()
                .map(|glob| Pattern::new(&glob.to_ascii_lowercase()))
                .collect(),
        )
    }

    /// Whether this host, with or without a port, is one of them. A host that is spelt oddly is none.
    #[must_use]
    pub fn allow(&self, host: &str) -> bool {
        let (name, port) = host.split_once(':').unwrap_or((host, ""));
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        !name.is_empty()
            && name.bytes().all(plain)
            && port.bytes().all(|byte| byte.is_ascii_digit())
            && self.0.iter().any(|glob| glob.matches(name))
    }
}

/// How a value is written where it is put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Escaping {
    /// As it is: the content of a message.
    Plain,
    /// As part of a JSON string: the arguments of a tool call, which are JSON.
    JsonString,
}

/// Restores one stream of text: one field of one choice. The map must be complete before the first piece.
#[derive(Debug, Clone)]
pub struct Restorer {
    escaping: Escaping,
    hosts: Arc<Hosts>,
    /// What may yet become a name.
    held: String,
    urls: Urls,
    json: Json,
    /// Whether the last character was a letter or a digit.
    in_word: bool,
}

impl Restorer {
    /// At the beginning of a stream.
    #[must_use]
    pub fn new(escaping: Escaping, hosts: Arc<Hosts>) -> Self {
        Self {
            escaping,
            hosts,
            held: String::new(),
            urls: Urls::default(),
            json: Json::Plain,
            in_word: false,
        }
    }

    /// Takes the next piece and writes what is certain of it.
    pub fn push(&mut self, mapping: &Mapping, piece: &str, out: &mut String) {
        if mapping.is_empty() {
            out.push_str(piece);
        } else if self.held.is_empty() {
            self.read(mapping, piece, false, out);
        } else {
            let mut text = std::mem::take(&mut self.held);
            text.push_str(piece);
            self.read(mapping, &text, false, out);
        }
    }

    /// The stream has ended: writes what was held back.
    pub fn finish(&mut self, mapping: &Mapping, out: &mut String) {
        let text = std::mem::take(&mut self.held);
        self.read(mapping, &text, true, out);
    }

    /// How many bytes are held back.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.len()
    }

    fn read(&mut self, mapping: &Mapping, text: &str, last: bool, out: &mut String) {
        let mut rest = text;
        loop {
            // Up to the next letter that a name may begin with, nothing is undecided.
            let plain = memchr::memchr2(b'T', b't', rest.as_bytes()).unwrap_or(rest.len());
            let (before, from) = rest.split_at_checked(plain).unwrap_or((rest, ""));
            before.chars().for_each(|character| self.step(character));
            out.push_str(before);
            rest = from;
            let Some(character) = rest.chars().next() else {
                return;
            };
            match self.name_at(mapping, rest, last) {
                Found::Nothing => {
                    self.step(character);
                    out.push(character);
                    rest = rest.get(character.len_utf8()..).unwrap_or_default();
                }
                Found::Undecided => {
                    rest.clone_into(&mut self.held);
                    return;
                }
                Found::Name {
                    place,
                    name,
                    length,
                } => {
                    let (written, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
                    let Some(allowed) = self.allows(mapping, place, after, last) else {
                        rest.clone_into(&mut self.held);
                        return;
                    };
                    match mapping.value(place).filter(|_| allowed) {
                        Some(value) => self.write(value, out),
                        None => out.push_str(written),
                    }
                    name.chars().for_each(|character| self.step(character));
                    rest = after;
                }
            }
        }
    }

    /// Whether a name begins here.
    fn name_at<'m>(&self, mapping: &'m Mapping, rest: &str, last: bool) -> Found<'m> {
        let bytes = rest.as_bytes();
        if !matches!(bytes.first(), Some(b'T' | b't')) || self.json == Json::Escape {
            return Found::Nothing;
        }
        // Nearly all words end the search here.
        if !matches!(bytes.get(1), None | Some(b'G' | b'g'))
            || !matches!(bytes.get(2), None | Some(b'_' | b'\\'))
        {
            return Found::Nothing;
        }
        let capitals = bytes.first() == Some(&b'T') && matches!(bytes.get(1), None | Some(b'G'));
        if self.in_word && !capitals {
            return Found::Nothing;
        }
        let spelt = Spelling::read(bytes, !last);
        let letters = spelt.canonical();
        if let Some((place, name)) = mapping.beginning(letters) {
            return match spelt.written(name.len()) {
                Some(length) => Found::Name {
                    place,
                    name,
                    length,
                },
                None => Found::Nothing,
            };
        }
        let continues = || {
            if spelt.escape {
                mapping.continues(&format!("{letters}_"))
            } else {
                mapping.continues(letters)
            }
        };
        if spelt.open && continues() {
            Found::Undecided
        } else {
            Found::Nothing
        }
    }

    /// Whether the value may stand here; `None`: what follows must be known first.
    fn allows(&self, mapping: &Mapping, place: usize, after: &str, last: bool) -> Option<bool> {
        match self.urls.standing() {
            Standing::Outside => Some(true),
            Standing::Inside { host, known } => {
                Some(known && self.hosts.allow(host) || mapping.stood_with(place, host))
            }
            Standing::Authority(before) => {
                if !matches!(before, "" | "[") && !mapping.stood_behind(place, before) {
                    return Some(false);
                }
                if !before.ends_with('[') {
                    return self.ends_host(after, last);
                }
                match after.strip_prefix(']') {
                    Some(behind) => self.ends_host(behind, last),
                    None => (last || !after.is_empty()).then_some(false),
                }
            }
        }
    }

    /// Whether a host, or its port, certainly ends before `behind`.
    fn ends_host(&self, behind: &str, last: bool) -> Option<bool> {
        let port = behind.strip_prefix(':').unwrap_or_default();
        let digits = port.bytes().take_while(u8::is_ascii_digit).count();
        let behind = match digits {
            0 => behind,
            1..=5 => port.get(digits..).unwrap_or_default(),
            _ => return Some(false),
        };
        let json = self.escaping == Escaping::JsonString;
        let mut behind = behind.chars();
        // A host may hold nearly any punctuation, so a sentence's counts as its end only before white space.
        for _ in 0..MOST_PUNCTUATION {
            let Some(next) = behind.next() else {
                return last.then_some(true);
            };
            match next {
                '/' | '?' | '#' | '<' | '>' => return Some(true),
                '"' if json => return Some(true),
                '\\' if json => {
                    return match behind.next() {
                        Some(escape) => Some(matches!(escape, 'n' | 'r' | 't' | '/')),
                        None => last.then_some(false),
                    };
                }
                space if space.is_whitespace() => return Some(true),
                closer if self.urls.closes(closer) => return Some(true),
                '.' | ',' | ';' | ':' | '!' | ')' | ']' | '}' | '"' | '\'' | '`' | '*' => {}
                _ => return Some(false),
            }
        }
        Some(false)
    }

    fn write(&self, value: &str, out: &mut String) {
        match self.escaping {
            Escaping::Plain => out.push_str(value),
            Escaping::JsonString => escape_into(out, value),
        }
    }

    /// Reads on, one character of what the model wrote.
    fn step(&mut self, character: char) {
        self.in_word = character.is_ascii_alphanumeric();
        match self.escaping {
            Escaping::Plain => self.urls.step(character),
            Escaping::JsonString => self.json.step(character, &mut self.urls),
        }
    }
}

/// What begins at a place.
enum Found<'m> {
    Nothing,
    /// Something that may become a name.
    Undecided,
    /// A name, its place in the map and its length as written.
    Name {
        place: usize,
        name: &'m str,
        length: usize,
    },
}

/// Reads JSON as what its strings say: `https:\/\/` and `\u002f` are slashes to whoever reads the arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Json {
    Plain,
    /// Behind a backslash.
    Escape,
    /// Behind `\u` and some digits.
    Unicode {
        digits: u8,
        code: u32,
    },
}

impl Json {
    fn step(&mut self, character: char, urls: &mut Urls) {
        *self = match *self {
            Self::Plain => match character {
                '\\' => Self::Escape,
                '"' => {
                    urls.interrupt();
                    Self::Plain
                }
                plain => {
                    urls.step(plain);
                    Self::Plain
                }
            },
            Self::Escape => match character {
                'u' => Self::Unicode { digits: 0, code: 0 },
                'n' | 'r' => {
                    urls.step('\n');
                    Self::Plain
                }
                't' | 'b' | 'f' => {
                    urls.step('\t');
                    Self::Plain
                }
                plain => {
                    urls.step(plain);
                    Self::Plain
                }
            },
            Self::Unicode { digits, code } => match character.to_digit(16) {
                Some(digit) if digits < 3 => Self::Unicode {
                    digits: digits + 1,
                    code: code << 4 | digit,
                },
                Some(digit) => {
                    let code = code << 4 | digit;
                    urls.step(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                    Self::Plain
                }
                None => {
                    urls.step(character);
                    Self::Plain
                }
            },
        };
    }
}

/// Restores a whole text.
#[must_use]
pub fn restore(mapping: &Mapping, text: &str, escaping: Escaping, hosts: &Arc<Hosts>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut restorer = Restorer::new(escaping, Arc::clone(hosts));
    restorer.push(mapping, text, &mut out);
    restorer.finish(mapping, &mut out);
    out
}

#[cfg(test)]
mod tests;
