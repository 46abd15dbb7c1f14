//! The walk itself: from the outermost members down to every string.

use super::leaves::{Under, is_known_part, under};
use super::{Conversation, Preface, Source, TextPart, ToolAnswer, ToolUse};
use crate::chat::json::{JsonError, Kind, Lenient, Scanner, Text};
use crate::chat::{Endpoint, Span};

pub(super) type Step = Result<(), JsonError>;
pub(super) type Reader<'a> = Scanner<'a, Lenient>;

/// The walk while it is taken.
#[derive(Default)]
pub(super) struct Walk {
    pub(super) found: Conversation,
}

/// One message, item or call while its members are met; which of them it is may be known only at its end.
#[derive(Default)]
struct Item {
    role: Option<Text>,
    kind: Option<Text>,
    call: Option<Text>,
    id: Option<Text>,
    name: Option<Text>,
    arguments: Option<Text>,
}

impl Walk {
    pub(super) fn request(&mut self, endpoint: Endpoint, body: &[u8]) -> Step {
        use Endpoint::{Chat, Completions, Embeddings, Moderations, Responses, Speech};
        let mut scanner = Scanner::lenient(body)?;
        let mut members = scanner.object()?;
        self.found.preface = match endpoint {
            Responses => Some(Preface::Member("instructions")),
            // Other dialects have walks of their own.
            _ => None,
        };
        while let Some(key) = scanner.member(&mut members)? {
            let scanner = &mut scanner;
            match (&*key.decoded(body), endpoint) {
                (b"messages", Chat) => self.items(scanner, true)?,
                (b"input", Responses) => self.items(scanner, false)?,
                (b"prompt", Completions) => self.prompt(scanner)?,
                (b"instructions", Responses) => self.instructions(scanner)?,
                (b"input", Embeddings | Moderations | Speech)
                | (b"instructions", Speech)
                | (b"prompt" | b"metadata" | b"prediction" | b"suffix", _) => {
                    self.texts(scanner, Source::User)?;
                }
                (b"tools" | b"functions", _) => self.tools(scanner)?,
                (b"response_format" | b"text", Chat | Responses) => self.format(scanner)?,
                (b"temperature", _) => self.found.temperature = Some(scanner.skip()?),
                (b"n", _) => self.found.n = number(scanner)?,
                (b"stop", _) => self.found.stop = Some(scanner.skip()?),
                _ => {
                    scanner.skip()?;
                }
            }
        }
        scanner.finish()
    }

    /// Messages of chat, or items of responses.
    fn items(&mut self, scanner: &mut Reader<'_>, messages: bool) -> Step {
        match scanner.peek()? {
            Kind::Array => {}
            Kind::Text => return self.text(scanner, Source::User),
            _ => return self.texts(scanner, Source::User),
        }
        let mut items = scanner.array()?;
        let at = scanner.at();
        while scanner.element(&mut items)? {
            if scanner.peek()? == Kind::Object {
                self.item(scanner)?;
            } else {
                self.texts(scanner, Source::User)?;
            }
        }
        if messages {
            let alone = items.count == 0;
            self.found.preface = Some(Preface::Message { at, alone });
        }
        Ok(())
    }

    fn item(&mut self, scanner: &mut Reader<'_>) -> Step {
        let body = scanner.body();
        let first = self.found.texts.len();
        let mut item = Item::default();
        let mut members = scanner.object()?;
        while let Some(key) = scanner.member(&mut members)? {
            let is_text = scanner.peek()? == Kind::Text;
            match &*key.decoded(body) {
                b"role" if is_text => item.role = Some(scanner.text()?),
                b"type" if is_text => item.kind = Some(scanner.text()?),
                b"tool_call_id" | b"call_id" if is_text => item.call = Some(scanner.text()?),
                b"id" if is_text => item.id = Some(scanner.text()?),
                b"name" if is_text => item.name = Some(scanner.text()?),
                b"tool_calls" => self.calls(scanner)?,
                b"function_call" if !is_text => self.call(scanner)?,
                b"arguments" | b"input" if is_text => {
                    let text = scanner.text()?;
                    item.arguments = Some(text);
                    self.add(text, Source::ToolArguments);
                }
                other => self.under(scanner, other, Source::User)?,
            }
        }
        self.place(&item, first, body);
        Ok(())
    }

    /// Now that it is whole: who said it.
    fn place(&mut self, item: &Item, first: usize, body: &[u8]) {
        let said = |text: Option<Text>| text.map(|text| text.decoded(body));
        let (role, kind) = (said(item.role), said(item.kind));
        let kind = kind.as_deref().unwrap_or_default();
        let source = match role.as_deref() {
            Some(b"system" | b"developer") => Source::System,
            Some(b"assistant") => Source::Assistant,
            Some(b"tool" | b"function") => Source::ToolResult,
            None if kind.ends_with(b"_output") => Source::ToolResult,
            None if kind.ends_with(b"_call") || kind == b"reasoning" => Source::Assistant,
            _ => Source::User,
        };
        for part in self.found.texts.iter_mut().skip(first) {
            if part.source == Source::User {
                part.source = source;
            }
        }
        if source == Source::ToolResult {
            let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
            self.found.answers.push(ToolAnswer {
                call: item.call,
                name: item.name,
                texts: (place(first), place(self.found.texts.len())),
            });
        } else if kind.ends_with(b"_call") && kind != b"" {
            self.found.uses.push(ToolUse {
                id: item.call.or(item.id),
                name: item.name,
                arguments: item.arguments,
            });
        }
        if role.is_none() && !kind.is_empty() && !is_known_part(kind) {
            self.unknown();
        }
    }

    /// The calls an earlier answer made.
    fn calls(&mut self, scanner: &mut Reader<'_>) -> Step {
        if scanner.peek()? != Kind::Array {
            scanner.skip()?;
            return Ok(());
        }
        let mut items = scanner.array()?;
        while scanner.element(&mut items)? {
            self.call(scanner)?;
        }
        Ok(())
    }

    /// `{id, type, function: {name, arguments}}`, or `{name, arguments}`.
    fn call(&mut self, scanner: &mut Reader<'_>) -> Step {
        let mut made = ToolUse::default();
        self.call_members(scanner, &mut made)?;
        self.found.uses.push(made);
        Ok(())
    }

    fn call_members(&mut self, scanner: &mut Reader<'_>, made: &mut ToolUse) -> Step {
        if scanner.peek()? != Kind::Object {
            scanner.skip()?;
            return Ok(());
        }
        let body = scanner.body();
        let mut members = scanner.object()?;
        while let Some(key) = scanner.member(&mut members)? {
            let is_text = scanner.peek()? == Kind::Text;
            match &*key.decoded(body) {
                b"id" if is_text => made.id = Some(scanner.text()?),
                b"name" if is_text => made.name = Some(scanner.text()?),
                b"arguments" | b"input" if is_text => {
                    let text = scanner.text()?;
                    made.arguments = Some(text);
                    self.add(text, Source::ToolArguments);
                }
                b"function" | b"custom" if !is_text => self.call_members(scanner, made)?,
                other => self.under(scanner, other, Source::ToolArguments)?,
            }
        }
        Ok(())
    }

    /// What tools are offered: their names apart from all the other strings, which are texts.
    pub(super) fn tools(&mut self, scanner: &mut Reader<'_>) -> Step {
        if scanner.peek()? != Kind::Array {
            return self.texts(scanner, Source::ToolDefinition);
        }
        let mut items = scanner.array()?;
        while scanner.element(&mut items)? {
            let names = self.found.tools.len();
            let kind = self.tool(scanner)?;
            // A tool of the provider's own is called by its type.
            if self.found.tools.len() == names
                && let Some(kind) = kind
            {
                self.found.tools.push(kind);
            }
        }
        Ok(())
    }

    fn tool(&mut self, scanner: &mut Reader<'_>) -> Result<Option<Text>, JsonError> {
        if scanner.peek()? != Kind::Object {
            self.texts(scanner, Source::ToolDefinition)?;
            return Ok(None);
        }
        let body = scanner.body();
        let mut kind = None;
        let mut members = scanner.object()?;
        while let Some(key) = scanner.member(&mut members)? {
            let is_text = scanner.peek()? == Kind::Text;
            match &*key.decoded(body) {
                b"type" if is_text => kind = Some(scanner.text()?),
                b"name" if is_text => {
                    let name = scanner.text()?;
                    self.found.tools.push(name);
                }
                b"function" | b"custom" if !is_text => {
                    self.tool(scanner)?;
                }
                b"server_label" if is_text => {
                    scanner.text()?;
                }
                _ => self.texts(scanner, Source::ToolDefinition)?,
            }
        }
        Ok(kind)
    }

    /// `response_format`, or `text.format`: a schema's descriptions are texts.
    pub(super) fn format(&mut self, scanner: &mut Reader<'_>) -> Step {
        let span = scanner.at();
        self.texts(scanner, Source::ToolDefinition)?;
        let written = scanner.body().get(span..scanner.at()).unwrap_or_default();
        self.found.json_schema |= memchr::memmem::find(written, b"\"json_schema\"").is_some();
        Ok(())
    }

    fn prompt(&mut self, scanner: &mut Reader<'_>) -> Step {
        if scanner.peek()? == Kind::Text {
            let text = scanner.text()?;
            self.found.preface = Some(Preface::Into(text));
            self.add(text, Source::User);
            return Ok(());
        }
        self.texts(scanner, Source::User)
    }

    fn instructions(&mut self, scanner: &mut Reader<'_>) -> Step {
        if scanner.peek()? == Kind::Text {
            let text = scanner.text()?;
            self.found.preface = Some(Preface::Into(text));
            self.add(text, Source::System);
            return Ok(());
        }
        match scanner.peek()? {
            Kind::Array => self.items(scanner, true)?,
            Kind::Null => self.found.preface = Some(Preface::Null(scanner.skip()?)),
            _ => {
                // Nothing a provider takes; a member of that name cannot be added.
                self.found.preface = None;
                self.texts(scanner, Source::System)?;
            }
        }
        Ok(())
    }

    /// Every string below, by the key it stands under.
    pub(super) fn texts(&mut self, scanner: &mut Reader<'_>, source: Source) -> Step {
        match scanner.peek()? {
            Kind::Text => self.text(scanner, source),
            Kind::Array => {
                let mut items = scanner.array()?;
                while scanner.element(&mut items)? {
                    self.texts(scanner, source)?;
                }
                Ok(())
            }
            Kind::Object => {
                let body = scanner.body();
                let mut members = scanner.object()?;
                while let Some(key) = scanner.member(&mut members)? {
                    let key = key.decoded(body);
                    self.under(scanner, &key, source)?;
                }
                Ok(())
            }
            Kind::Number | Kind::Bool | Kind::Null => {
                scanner.skip()?;
                Ok(())
            }
        }
    }

    pub(super) fn under(&mut self, scanner: &mut Reader<'_>, key: &[u8], source: Source) -> Step {
        let is_text = scanner.peek()? == Kind::Text;
        let definition = source == Source::ToolDefinition;
        let unread = &mut self.found.unread;
        match under(key) {
            // Below a schema these are names of properties like any other.
            _ if definition && !is_text => return self.texts(scanner, source),
            Under::Text => return self.texts(scanner, source),
            Under::Label | Under::Arguments if !is_text => return self.texts(scanner, source),
            Under::Label if key == b"type" && !definition => {
                let kind = scanner.text()?;
                if !is_known_part(&kind.decoded(scanner.body())) {
                    self.unknown();
                }
                return Ok(());
            }
            Under::Label => {}
            Under::Arguments => return self.text(scanner, Source::ToolArguments),
            _ if scanner.peek()? == Kind::Null => {}
            Under::Image => unread.images = unread.images.saturating_add(1),
            Under::Audio => unread.audio = unread.audio.saturating_add(1),
            Under::File => unread.files = unread.files.saturating_add(1),
        }
        scanner.skip()?;
        Ok(())
    }

    pub(super) fn text(&mut self, scanner: &mut Reader<'_>, source: Source) -> Step {
        let text = scanner.text()?;
        self.add(text, source);
        Ok(())
    }

    pub(super) fn add(&mut self, text: Text, source: Source) {
        if text.span.start < text.span.end {
            self.found.texts.push(TextPart {
                text,
                source,
                bare_json: false,
            });
        }
    }

    pub(super) fn unknown(&mut self) {
        self.found.unread.unknown = self.found.unread.unknown.saturating_add(1);
    }
}

/// A number, as written; anything else is skipped.
fn number(scanner: &mut Reader<'_>) -> Result<Option<Span>, JsonError> {
    if scanner.peek()? == Kind::Number {
        return Ok(Some(scanner.number()?));
    }
    scanner.skip()?;
    Ok(None)
}
