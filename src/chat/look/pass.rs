//! The look while it is being taken: one method for each field of the outermost object that means something.
//!
//! The first field at fault is remembered and told at the end, because a body that is not JSON at all is the greater fault.
//!
//! Not here: what lies below messages and input (`content`).

use super::content::Content;
use super::gemini::{Contents, Settings};
use super::messages::Blocks;
use super::{
    CapField, IncludeUsage, Look, LookError, MAX_MODEL, Model, OutputCap, References, Spoken,
};
use crate::chat::json::{Kind, Scanner, Text};
use crate::chat::{Addressed, Dialect, Endpoint, Span};
use crate::units::Tokens;

/// The most choices a call may ask for in one `n` or `best_of`.
pub const MAX_CHOICES: u64 = 128;

/// Tokens a chat template may add for one message or item.
const PER_MESSAGE: u64 = 16;

/// Tokens a chat template may add for the whole call.
const PER_CALL: u64 = 32;

/// The look while it is being taken.
pub(super) struct Pass {
    endpoint: Endpoint,
    model: Option<Model>,
    pub(super) stream: bool,
    include_usage: IncludeUsage,
    output_cap: Option<OutputCap>,
    null_caps: [Option<Span>; 4],
    choices: u64,
    /// Messages, items or prompts; `None` until the field is met.
    pub(super) messages: Option<u64>,
    content: Content,
    /// What messages of Anthropic's hold.
    pub(super) blocks: Blocks,
    /// What requests of Gemini's hold.
    pub(super) contents: Contents,
    pub(super) opaque: Option<&'static str>,
    audio: bool,
    pub(super) tools: bool,
    pub(super) user: Option<Span>,
    pub(super) thinking: Option<u64>,
    pub(super) spoken: Spoken,
    /// The first field at fault; told only once the whole body proved to be JSON.
    fault: Option<LookError>,
}

impl Pass {
    pub(super) fn new(endpoint: Endpoint, addressed: Option<&Addressed>) -> Self {
        let mut pass = Self::of(endpoint);
        if let Some(addressed) = addressed {
            pass.stream = addressed.stream;
            pass.name_model(&addressed.model);
        }
        pass
    }

    fn of(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            model: None,
            stream: false,
            // Where usage always comes, nobody needs to ask for it.
            include_usage: match endpoint {
                Endpoint::Responses
                | Endpoint::Messages
                | Endpoint::CountTokens
                | Endpoint::GenerateContent
                | Endpoint::CountContents
                | Endpoint::EmbedContent
                | Endpoint::BatchEmbedContents
                | Endpoint::Moderations
                | Endpoint::ImageGenerations
                | Endpoint::Speech => IncludeUsage::On,
                Endpoint::Chat | Endpoint::Completions | Endpoint::Embeddings => {
                    IncludeUsage::Absent
                }
            },
            output_cap: None,
            null_caps: [None; 4],
            choices: 1,
            messages: None,
            content: Content::default(),
            blocks: Blocks::default(),
            contents: Contents::default(),
            opaque: None,
            audio: false,
            tools: false,
            user: None,
            thinking: None,
            spoken: Spoken::default(),
            fault: None,
        }
    }

    /// One member of the body.
    pub(super) fn field(&mut self, scanner: &mut Scanner<'_>, key: &[u8]) -> Result<(), LookError> {
        use Endpoint::{
            Chat, Completions, CountTokens, Embeddings, ImageGenerations, Messages, Moderations,
            Responses, Speech,
        };
        if self.endpoint.dialect() == Dialect::Gemini {
            return self.field_of_gemini(scanner, key);
        }
        match (key, self.endpoint) {
            (b"model", _) => self.model(scanner),
            (b"api_base", _) => self.forbidden(scanner, "api_base"),
            (b"base_url", _) => self.forbidden(scanner, "base_url"),
            (b"extra_headers", _) => self.forbidden(scanner, "extra_headers"),
            (_, Messages | CountTokens) => self.field_of_messages(scanner, key),
            (b"messages", Chat) => self.messages(scanner),
            (b"input", Speech) => self.speech(scanner),
            (b"stream_format", Speech) => self.stream_format(scanner),
            (b"input", Embeddings | Responses | Moderations) => self.input(scanner),
            (b"prompt", Completions) => self.prompts(scanner),
            (b"prompt", ImageGenerations) => self.one_text(scanner, "prompt"),
            (b"prompt", Responses) => self.pointer(scanner, "prompt"),
            (b"previous_response_id", Responses) => self.pointer(scanner, "previous_response_id"),
            (b"conversation", Responses) => self.pointer(scanner, "conversation"),
            (b"web_search_options", Chat) => self.pointer(scanner, "web_search_options"),
            (b"search_parameters", Chat) => self.pointer(scanner, "search_parameters"),
            (b"data_sources", Chat) => self.pointer(scanner, "data_sources"),
            (b"stream", Chat | Completions | Responses) => self.streams(scanner),
            (b"stream", ImageGenerations) => {
                if self.boolean(scanner, "stream")? == Some(true) {
                    self.note(LookError::Streamed);
                }
                Ok(())
            }
            (b"background", Responses) => {
                if self.boolean(scanner, "background")? == Some(true) {
                    self.note(LookError::Background);
                }
                Ok(())
            }
            (b"service_tier", Chat | Completions | Responses) => self.service_tier(scanner),
            (b"stream_options", Chat | Completions) => self.stream_options(scanner),
            (b"n", Chat | Completions | ImageGenerations) => self.choices(scanner, "n"),
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
            _ => skipped(scanner),
        }
    }

    pub(super) fn concluded(
        self,
        body: &[u8],
        close: usize,
        empty: bool,
    ) -> Result<Look, LookError> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let implied = self.endpoint.implied_model();
        let implied = implied.map(|name| Model::Implied { name, null: None });
        let named = self.model.or(implied);
        let model = match named.ok_or(LookError::Missing("model"))? {
            Model::Addressed { name, .. } => Model::Addressed {
                name,
                named: self.contents.named.clone(),
            },
            other => other,
        };
        let needed = match self.endpoint {
            Endpoint::Chat | Endpoint::Messages | Endpoint::CountTokens => Some("messages"),
            Endpoint::Completions | Endpoint::ImageGenerations => Some("prompt"),
            Endpoint::Embeddings | Endpoint::Moderations | Endpoint::Speech => Some("input"),
            Endpoint::GenerateContent => Some("contents"),
            Endpoint::EmbedContent => Some("content"),
            Endpoint::BatchEmbedContents => Some("requests"),
            // A stored prompt or a conversation may stand for it, or a request within the request.
            Endpoint::Responses | Endpoint::CountContents => None,
        };
        let messages = match (self.messages, needed) {
            (None, Some(field)) => return Err(LookError::Missing(field)),
            (messages, _) => messages.unwrap_or_default(),
        };
        if self.endpoint == Endpoint::Messages && self.output_cap.is_none() {
            return Err(LookError::Missing("max_tokens"));
        }
        let per_prompt = if self.endpoint == Endpoint::Completions {
            messages.max(1)
        } else {
            1
        };
        let references = match self.endpoint.dialect() {
            Dialect::OpenAi => self.content.references(),
            Dialect::Anthropic => self.blocks.references(),
            Dialect::Gemini => self.contents.references(),
        };
        let embedded = self
            .content
            .embedded()
            .saturating_add(self.blocks.embedded())
            .saturating_add(self.contents.embedded);
        Ok(Look {
            model,
            stream: self.stream,
            include_usage: self.include_usage,
            output_cap: self.output_cap,
            null_caps: self.null_caps,
            choices: self.choices.saturating_mul(per_prompt),
            close,
            empty,
            input_bound: Tokens((body.len() as u64).saturating_sub(embedded))
                .plus(Tokens(PER_MESSAGE).times(messages))
                .plus(Tokens(PER_CALL))
                .plus(self.blocks.unseen()),
            references: References {
                opaque: self.opaque.or(references.opaque),
                ..references
            },
            spoken: self.spoken,
            audio: self.endpoint.makes_sound()
                || self.audio
                || self.content.audio
                || self.contents.audio,
            tools: self.tools,
            messages: u32::try_from(messages).unwrap_or(u32::MAX),
            user: self.user,
            thinking: self.thinking,
            settings: if self.endpoint == Endpoint::GenerateContent {
                match self.contents.settings {
                    Settings::Outermost => Settings::Absent,
                    written => written,
                }
            } else {
                Settings::Outermost
            },
        })
    }

    pub(super) fn service_tier(&mut self, scanner: &mut Scanner<'_>) -> Result<(), LookError> {
        if scanner.peek()? != Kind::Text {
            return skipped(scanner);
        }
        let tier = scanner.text()?;
        // What vendors call serving at their list price, or below it.
        if !matches!(
            tier.raw(scanner.body()),
            b"auto" | b"default" | b"flex" | b"on_demand" | b"standard" | b"standard_only"
        ) {
            self.note(LookError::ServiceTier);
        }
        Ok(())
    }

    fn model(&mut self, scanner: &mut Scanner<'_>) -> Result<(), LookError> {
        match (scanner.peek()?, self.endpoint.implied_model()) {
            (Kind::Text, _) => {}
            (Kind::Null, Some(name)) => {
                let null = Some(scanner.skip()?);
                self.model = Some(Model::Implied { name, null });
                return Ok(());
            }
            _ => return self.wrong(scanner, "model", "a string"),
        }
        let start = scanner.at();
        let text = scanner.text()?;
        let value = Span::new(start, scanner.at());
        let name = text.decoded(scanner.body());
        self.check_name(&String::from_utf8_lossy(&name));
        let decoded = text
            .escaped
            .then(|| String::from_utf8_lossy(&name).into_owned().into_boxed_str());
        self.model = Some(Model::Here { value, decoded });
        Ok(())
    }

    fn check_name(&mut self, name: &str) {
        if name.is_empty() || name.len() > MAX_MODEL || name.contains(char::is_control) {
            self.note(LookError::Wrong {
                param: "model",
                must_be: "a name of 1 to 256 bytes without control characters",
            });
        }
    }

    /// The model is this, wherever that is said.
    pub(super) fn name_model(&mut self, name: &str) {
        self.check_name(name);
        self.model = Some(Model::Addressed {
            name: name.into(),
            named: smallvec::SmallVec::new(),
        });
    }

    /// The model that was named elsewhere.
    pub(super) fn named_model(&self) -> Option<&str> {
        match &self.model {
            Some(Model::Addressed { name, .. }) => Some(name),
            _ => None,
        }
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

    pub(super) fn choices(
        &mut self,
        scanner: &mut Scanner<'_>,
        param: &'static str,
    ) -> Result<(), LookError> {
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

    pub(super) fn cap(
        &mut self,
        scanner: &mut Scanner<'_>,
        field: CapField,
    ) -> Result<(), LookError> {
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
        // Anthropic fills a cache by a call that writes nothing.
        let least = u64::from(self.endpoint.dialect() != Dialect::Anthropic);
        let Some(tokens) = number.filter(|tokens| *tokens >= least) else {
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
    pub(super) fn pointer(
        &mut self,
        scanner: &mut Scanner<'_>,
        what: &'static str,
    ) -> Result<(), LookError> {
        if scanner.peek()? != Kind::Null {
            self.opaque.get_or_insert(what);
        }
        skipped(scanner)
    }

    pub(super) fn streams(&mut self, scanner: &mut Scanner<'_>) -> Result<(), LookError> {
        if let Some(stream) = self.boolean(scanner, "stream")? {
            self.stream = stream;
        }
        Ok(())
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

    pub(super) fn forbidden(
        &mut self,
        scanner: &mut Scanner<'_>,
        param: &'static str,
    ) -> Result<(), LookError> {
        self.note(LookError::Forbidden(param));
        skipped(scanner)
    }

    pub(super) fn wrong(
        &mut self,
        scanner: &mut Scanner<'_>,
        param: &'static str,
        must_be: &'static str,
    ) -> Result<(), LookError> {
        self.note(LookError::Wrong { param, must_be });
        skipped(scanner)
    }

    #[cold]
    pub(super) fn note(&mut self, fault: LookError) {
        self.fault.get_or_insert(fault);
    }
}

pub(super) fn skipped(scanner: &mut Scanner<'_>) -> Result<(), LookError> {
    scanner.skip()?;
    Ok(())
}
