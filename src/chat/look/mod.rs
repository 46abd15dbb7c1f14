//! The look: one shallow pass over a request, keeping what governance weighs and where it stands.
//!
//! Only the keys of the outermost object are interpreted; what lies below is validated, skipped, and watched for things
//! whose size the bytes do not bound. The body itself stays as it came: a [`Look`] holds places, so a change splices and
//! fields nobody here knows survive.
//!
//! Invariant: [`Look::input_bound`] is never below the input tokens of a body without `references.opaque` and images.
//! Every token of a byte-level vocabulary covers at least a byte, an escape is never shorter than what it says, and what
//! a chat template adds for a turn is below 16 tokens.
//!
//! Not here: what may go (`governance`), changing the body (`edits`).

mod content;
mod error;

pub use error::LookError;

use super::json::{Kind, Scanner, Text};
use super::{Endpoint, Span};
use crate::units::Tokens;
use content::Content;

/// The longest name of a model, in bytes.
pub const MAX_MODEL: usize = 256;

/// The most choices a call may ask for in one `n` or `best_of`.
pub const MAX_CHOICES: u64 = 128;

/// Tokens a chat template may add for one message or item.
const PER_MESSAGE: u64 = 16;

/// Tokens a chat template may add for the whole call.
const PER_CALL: u64 = 32;

/// What a request asks for, and where in its body it says so.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one independent thing the request says"
)]
pub struct Look {
    model: Model,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// What it says about usage at the end of a stream. On responses always [`IncludeUsage::On`]: usage always comes.
    pub include_usage: IncludeUsage,
    /// The cap on output tokens, where one is written.
    pub output_cap: Option<OutputCap>,
    /// Where the fields of caps are written `null`, by [`CapField`].
    null_caps: [Option<Span>; 3],
    /// How many outputs the cap applies to: `n` or `best_of`, whichever is more, for each prompt.
    pub choices: u64,
    /// The offset of the closing brace of the body.
    pub close: usize,
    /// Whether the body has no members at all.
    pub empty: bool,
    /// Never below the input tokens, images and opaque references apart.
    pub input_bound: Tokens,
    /// What the body points to.
    pub references: References,
    /// Whether audio goes in or is asked for.
    pub audio: bool,
    /// Whether tools are offered.
    pub tools: bool,
    /// How many messages, input items or prompts there are.
    pub messages: u32,
    /// The end user it names, between the quotes as written.
    pub user: Option<Span>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Model {
    /// Where the value stands, with its quotes.
    value: Span,
    /// What it says, where it was written with escapes.
    decoded: Option<Box<str>>,
}

/// What a request says about usage at the end of its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IncludeUsage {
    /// There are no `stream_options`.
    Absent,
    /// `stream_options` is written `null`.
    Null {
        /// Where that stands.
        value: Span,
    },
    /// `stream_options` does not speak of it.
    Insert {
        /// Just behind its opening brace.
        at: usize,
        /// Whether it has no members.
        first: bool,
    },
    /// Written `false` or `null`.
    Off {
        /// Where that stands.
        value: Span,
    },
    /// Asked for.
    On,
}

/// A cap on output tokens as the caller wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputCap {
    /// How many. Of two, the larger: on doubt the dearer.
    pub tokens: u64,
    /// Where the number stands.
    pub value: Span,
    /// The field it stands in.
    pub field: CapField,
    /// Where the other number stands, if both fields of chat are written: a smaller cap must replace both.
    pub also: Option<Span>,
}

/// The field of a cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CapField {
    /// `max_tokens`.
    MaxTokens,
    /// `max_completion_tokens`.
    MaxCompletionTokens,
    /// `max_output_tokens`.
    MaxOutputTokens,
}

impl CapField {
    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MaxTokens => "max_tokens",
            Self::MaxCompletionTokens => "max_completion_tokens",
            Self::MaxOutputTokens => "max_output_tokens",
        }
    }
}

/// What a body points to instead of holding it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct References {
    /// Images, inline ones too: what they cost has nothing to do with their bytes.
    pub images: u32,
    /// The first thing whose size the body does not bound.
    pub opaque: Option<&'static str>,
}

impl Look {
    /// The model asked for. `body` is the one this look was taken at.
    #[must_use]
    pub fn model<'a>(&'a self, body: &'a [u8]) -> &'a str {
        if let Some(decoded) = &self.model.decoded {
            return decoded;
        }
        let inside = Span {
            start: self.model.value.start.saturating_add(1),
            end: self.model.value.end.saturating_sub(1),
        };
        std::str::from_utf8(inside.of(body)).unwrap_or_default()
    }

    /// Where the model stands, with its quotes.
    #[must_use]
    pub const fn model_value(&self) -> Span {
        self.model.value
    }

    /// Where this field of a cap is written `null`: a cap goes there, because the key cannot be written twice.
    #[must_use]
    pub const fn null_cap(&self, field: CapField) -> Option<Span> {
        self.null_caps[field as usize]
    }

    /// How many images the body holds or points to.
    #[must_use]
    pub const fn images(&self) -> u32 {
        self.references.images
    }
}

/// Looks at a request to `endpoint`.
///
/// # Errors
/// When the body is not strict JSON, lacks what the endpoint needs, has a field of a wrong type, or tries to choose where
/// it is sent.
pub fn look(endpoint: Endpoint, body: &[u8]) -> Result<Look, LookError> {
    let mut scanner = Scanner::new(body)?;
    if scanner.peek()? != Kind::Object {
        scanner.skip()?;
        scanner.finish()?;
        return Err(LookError::NotAnObject);
    }
    let mut pass = Pass::new(endpoint);
    let mut members = scanner.object()?;
    while let Some(key) = scanner.member(&mut members)? {
        if key.escaped {
            pass.field(&mut scanner, &key.decoded(body))?;
        } else {
            pass.field(&mut scanner, key.raw(body))?;
        }
    }
    let close = scanner.at() - 1;
    scanner.finish()?;
    pass.concluded(body, close, members.count == 0)
}

/// The look while it is being taken.
struct Pass {
    endpoint: Endpoint,
    model: Option<Model>,
    stream: bool,
    include_usage: IncludeUsage,
    output_cap: Option<OutputCap>,
    null_caps: [Option<Span>; 3],
    choices: u64,
    /// Messages, items or prompts; `None` until the field is met.
    messages: Option<u64>,
    content: Content,
    opaque: Option<&'static str>,
    audio: bool,
    tools: bool,
    user: Option<Span>,
    /// The first field at fault; told only once the whole body proved to be JSON.
    fault: Option<LookError>,
}

impl Pass {
    fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            model: None,
            stream: false,
            include_usage: if endpoint == Endpoint::Responses {
                IncludeUsage::On
            } else {
                IncludeUsage::Absent
            },
            output_cap: None,
            null_caps: [None; 3],
            choices: 1,
            messages: None,
            content: Content::default(),
            opaque: None,
            audio: false,
            tools: false,
            user: None,
            fault: None,
        }
    }

    /// One member of the body.
    fn field(&mut self, scanner: &mut Scanner<'_>, key: &[u8]) -> Result<(), LookError> {
        use Endpoint::{Chat, Completions, Embeddings, Responses};
        match (key, self.endpoint) {
            (b"model", _) => self.model(scanner),
            (b"messages", Chat) => self.messages(scanner),
            (b"input", Embeddings | Responses) => self.input(scanner),
            (b"prompt", Completions) => self.prompts(scanner),
            (b"prompt", Responses) => self.pointer(scanner, "prompt"),
            (b"previous_response_id", Responses) => self.pointer(scanner, "previous_response_id"),
            (b"conversation", Responses) => self.pointer(scanner, "conversation"),
            (b"web_search_options", Chat) => self.pointer(scanner, "web_search_options"),
            (b"search_parameters", Chat) => self.pointer(scanner, "search_parameters"),
            (b"data_sources", Chat) => self.pointer(scanner, "data_sources"),
            (b"stream", Chat | Completions | Responses) => {
                if let Some(stream) = self.boolean(scanner, "stream")? {
                    self.stream = stream;
                }
                Ok(())
            }
            (b"stream_options", Chat | Completions) => self.stream_options(scanner),
            (b"n", Chat | Completions) => self.choices(scanner, "n"),
            (b"best_of", Completions) => self.choices(scanner, "best_of"),
            (b"max_tokens", Chat | Completions) => self.cap(scanner, CapField::MaxTokens),
            (b"max_completion_tokens", Chat) => self.cap(scanner, CapField::MaxCompletionTokens),
            (b"max_output_tokens", Responses) => self.cap(scanner, CapField::MaxOutputTokens),
            (b"tools" | b"functions", Chat | Responses) => self.tools(scanner, key == b"tools"),
            (b"audio", Chat) => {
                self.audio |= scanner.peek()? != Kind::Null;
                skipped(scanner)
            }
            (b"user", _) => {
                if scanner.peek()? == Kind::Text {
                    self.user = Some(scanner.text()?.span);
                    return Ok(());
                }
                skipped(scanner)
            }
            (b"api_base", _) => self.forbidden(scanner, "api_base"),
            (b"base_url", _) => self.forbidden(scanner, "base_url"),
            (b"extra_headers", _) => self.forbidden(scanner, "extra_headers"),
            _ => skipped(scanner),
        }
    }

    fn concluded(self, body: &[u8], close: usize, empty: bool) -> Result<Look, LookError> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let model = self.model.ok_or(LookError::Missing("model"))?;
        let needed = match self.endpoint {
            Endpoint::Chat => Some("messages"),
            Endpoint::Completions => Some("prompt"),
            Endpoint::Embeddings => Some("input"),
            Endpoint::Responses => None, // a stored prompt or a conversation may stand for it
        };
        let messages = match (self.messages, needed) {
            (None, Some(field)) => return Err(LookError::Missing(field)),
            (messages, _) => messages.unwrap_or_default(),
        };
        let per_prompt = if self.endpoint == Endpoint::Completions {
            messages.max(1)
        } else {
            1
        };
        let references = self.content.references();
        Ok(Look {
            model,
            stream: self.stream,
            include_usage: self.include_usage,
            output_cap: self.output_cap,
            null_caps: self.null_caps,
            choices: self.choices.saturating_mul(per_prompt),
            close,
            empty,
            input_bound: Tokens(body.len() as u64)
                .plus(Tokens(PER_MESSAGE).times(messages))
                .plus(Tokens(PER_CALL)),
            references: References {
                opaque: self.opaque.or(references.opaque),
                ..references
            },
            audio: self.audio || self.content.audio,
            tools: self.tools,
            messages: u32::try_from(messages).unwrap_or(u32::MAX),
            user: self.user,
        })
    }

    fn model(&mut self, scanner: &mut Scanner<'_>) -> Result<(), LookError> {
        if scanner.peek()? != Kind::Text {
            return self.wrong(scanner, "model", "a string");
        }
        let start = scanner.at();
        let text = scanner.text()?;
        let value = Span::new(start, scanner.at());
        let name = text.decoded(scanner.body());
        if name.is_empty() || name.len() > MAX_MODEL || name.iter().any(u8::is_ascii_control) {
            self.note(LookError::Wrong {
                param: "model",
                must_be: "a name of 1 to 256 bytes without control characters",
            });
        }
        let decoded = text
            .escaped
            .then(|| String::from_utf8_lossy(&name).into_owned().into_boxed_str());
        self.model = Some(Model { value, decoded });
        Ok(())
    }

    fn messages(&mut self, scanner: &mut Scanner<'_>) -> Result<(), LookError> {
        if scanner.peek()? != Kind::Array {
            return self.wrong(scanner, "messages", "an array");
        }
        let mut items = scanner.array()?;
        while scanner.element(&mut items)? {
            scanner.watch(&mut self.content)?;
        }
        self.messages = Some(items.count);
        Ok(())
    }

    fn input(&mut self, scanner: &mut Scanner<'_>) -> Result<(), LookError> {
        match scanner.peek()? {
            Kind::Null => skipped(scanner),
            Kind::Text => {
                self.messages = Some(1);
                skipped(scanner)
            }
            Kind::Array => {
                let mut items = scanner.array()?;
                while scanner.element(&mut items)? {
                    scanner.watch(&mut self.content)?;
                }
                self.messages = Some(items.count);
                Ok(())
            }
            _ => self.wrong(scanner, "input", "a string or an array"),
        }
    }

    /// One prompt, or several: each of them is answered, `n` times.
    fn prompts(&mut self, scanner: &mut Scanner<'_>) -> Result<(), LookError> {
        match scanner.peek()? {
            Kind::Null => skipped(scanner),
            Kind::Text => {
                self.messages = Some(1);
                skipped(scanner)
            }
            Kind::Array => {
                let mut items = scanner.array()?;
                let mut tokens = 0;
                while scanner.element(&mut items)? {
                    tokens += u64::from(scanner.peek()? == Kind::Number);
                    scanner.watch(&mut self.content)?;
                }
                // An array of numbers is one prompt, given as tokens.
                self.messages = Some(items.count - tokens + u64::from(tokens > 0));
                Ok(())
            }
            _ => self.wrong(scanner, "prompt", "a string or an array"),
        }
    }

    fn stream_options(&mut self, scanner: &mut Scanner<'_>) -> Result<(), LookError> {
        match scanner.peek()? {
            Kind::Null => {
                let value = scanner.skip()?;
                self.include_usage = IncludeUsage::Null { value };
            }
            Kind::Object => {
                let mut members = scanner.object()?;
                let at = scanner.at();
                let mut said = None;
                while let Some(key) = scanner.member(&mut members)? {
                    if &*key.decoded(scanner.body()) != b"include_usage" {
                        scanner.skip()?;
                        continue;
                    }
                    let kind = scanner.peek()?;
                    if !matches!(kind, Kind::Bool | Kind::Null) {
                        self.wrong(scanner, "stream_options.include_usage", "true or false")?;
                        continue;
                    }
                    let value = scanner.skip()?;
                    said = Some(if value.of(scanner.body()) == b"true" {
                        IncludeUsage::On
                    } else {
                        IncludeUsage::Off { value }
                    });
                }
                let first = members.count == 0;
                self.include_usage = said.unwrap_or(IncludeUsage::Insert { at, first });
            }
            _ => return self.wrong(scanner, "stream_options", "an object"),
        }
        Ok(())
    }

    fn choices(&mut self, scanner: &mut Scanner<'_>, param: &'static str) -> Result<(), LookError> {
        const MUST_BE: &str = "a whole number from 1 to 128";
        match scanner.peek()? {
            Kind::Null => skipped(scanner),
            Kind::Number => {
                match scanner.whole_number()? {
                    Some(count @ 1..=MAX_CHOICES) => self.choices = self.choices.max(count),
                    _ => self.note(LookError::Wrong {
                        param,
                        must_be: MUST_BE,
                    }),
                }
                Ok(())
            }
            _ => self.wrong(scanner, param, MUST_BE),
        }
    }

    fn cap(&mut self, scanner: &mut Scanner<'_>, field: CapField) -> Result<(), LookError> {
        const MUST_BE: &str = "a positive whole number";
        match scanner.peek()? {
            Kind::Null => {
                self.null_caps[field as usize] = Some(scanner.skip()?);
                return Ok(());
            }
            Kind::Number => {}
            _ => return self.wrong(scanner, field.name(), MUST_BE),
        }
        let start = scanner.at();
        let number = scanner.whole_number()?;
        let value = Span::new(start, scanner.at());
        let Some(tokens @ 1..) = number else {
            self.note(LookError::Wrong {
                param: field.name(),
                must_be: MUST_BE,
            });
            return Ok(());
        };
        self.output_cap = Some(match self.output_cap {
            None => OutputCap {
                tokens,
                value,
                field,
                also: None,
            },
            Some(before) if before.tokens >= tokens => OutputCap {
                also: Some(value),
                ..before
            },
            Some(before) => OutputCap {
                tokens,
                value,
                field,
                also: Some(before.value),
            },
        });
        Ok(())
    }

    /// Tools of the caller's own are text; any other kind runs at the provider and puts what it finds into the input.
    fn tools(&mut self, scanner: &mut Scanner<'_>, typed: bool) -> Result<(), LookError> {
        if scanner.peek()? != Kind::Array {
            return skipped(scanner);
        }
        let mut items = scanner.array()?;
        while scanner.element(&mut items)? {
            if !typed || scanner.peek()? != Kind::Object {
                scanner.skip()?;
                continue;
            }
            let mut members = scanner.object()?;
            let mut own = false;
            while let Some(key) = scanner.member(&mut members)? {
                if &*key.decoded(scanner.body()) == b"type" && scanner.peek()? == Kind::Text {
                    let kind: Text = scanner.text()?;
                    own = matches!(&*kind.decoded(scanner.body()), b"function" | b"custom");
                } else {
                    scanner.skip()?;
                }
            }
            if !own {
                self.opaque.get_or_insert("server tool");
            }
        }
        self.tools |= items.count > 0;
        Ok(())
    }

    /// A field that points to what the provider keeps or fetches.
    fn pointer(&mut self, scanner: &mut Scanner<'_>, what: &'static str) -> Result<(), LookError> {
        if scanner.peek()? != Kind::Null {
            self.opaque.get_or_insert(what);
        }
        skipped(scanner)
    }

    fn boolean(
        &mut self,
        scanner: &mut Scanner<'_>,
        param: &'static str,
    ) -> Result<Option<bool>, LookError> {
        match scanner.peek()? {
            Kind::Bool => Ok(Some(scanner.boolean()?)),
            Kind::Null => {
                scanner.null()?;
                Ok(None)
            }
            _ => {
                self.wrong(scanner, param, "true or false")?;
                Ok(None)
            }
        }
    }

    fn forbidden(
        &mut self,
        scanner: &mut Scanner<'_>,
        param: &'static str,
    ) -> Result<(), LookError> {
        self.note(LookError::Forbidden(param));
        skipped(scanner)
    }

    fn wrong(
        &mut self,
        scanner: &mut Scanner<'_>,
        param: &'static str,
        must_be: &'static str,
    ) -> Result<(), LookError> {
        self.note(LookError::Wrong { param, must_be });
        skipped(scanner)
    }

    #[cold]
    fn note(&mut self, fault: LookError) {
        self.fault.get_or_insert(fault);
    }
}

fn skipped(scanner: &mut Scanner<'_>) -> Result<(), LookError> {
    scanner.skip()?;
    Ok(())
}

#[cfg(test)]
mod tests;
