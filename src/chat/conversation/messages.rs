//! The walk over Anthropic's messages: blocks in the place of parts, and arguments that are objects in the place of strings.
//!
//! Arguments stay one text with their keys in it, as they are where they come as a string: what a value is, its key may say.
//!
//! Not here: what a key means in general (`leaves`), everything that is spelt as elsewhere (`walk`).

use super::leaves::{Under, under};
use super::walk::{Reader, Step, Walk};
use super::{Preface, Source, TextPart, ToolAnswer, ToolUse};
use crate::chat::json::{JsonError, Kind, Scanner, Text};

/// Kinds of blocks, and of what stands in them, whose strings we know to be all there is.
fn is_known(kind: &[u8]) -> bool {
    matches!(
        kind,
        b"text"
            | b"thinking"
            | b"tool_use"
            | b"tool_result"
            | b"tool_reference"
            | b"server_tool_use"
            | b"mcp_tool_use"
            | b"mcp_tool_result"
            | b"search_result"
            | b"web_search_result"
            | b"char_location"
            | b"page_location"
            | b"content_block_location"
            | b"web_search_result_location"
            | b"search_result_location"
            | b"ephemeral"
            | b"direct"
            // Counted where they stand.
            | b"image"
            | b"document"
            | b"container_upload"
    ) || kind.ends_with(b"_tool_result")
}

/// One block while its members are met; which of them it is may be known only at its end.
#[derive(Default)]
struct Block {
    kind: Option<Text>,
    id: Option<Text>,
    call: Option<Text>,
    name: Option<Text>,
    input: Option<Text>,
    /// Whether it holds, or points to, what is no text.
    unread: bool,
}

impl Walk {
    pub(super) fn messages(&mut self, body: &[u8]) -> Step {
        let mut scanner = Scanner::lenient(body)?;
        let mut members = scanner.object()?;
        self.found.preface = Some(Preface::Member("system"));
        while let Some(key) = scanner.member(&mut members)? {
            let scanner = &mut scanner;
            match &*key.decoded(body) {
                b"messages" => self.turns(scanner)?,
                b"system" => self.system(scanner)?,
                b"metadata" => self.texts(scanner, Source::User)?,
                // Instructions for a summary of the conversation.
                b"context_management" | b"compaction" => self.texts(scanner, Source::System)?,
                b"tools" => self.tools(scanner)?,
                b"output_config" | b"output_format" => self.format(scanner)?,
                b"mcp_servers" => self.servers(scanner)?,
                b"temperature" => self.found.temperature = Some(scanner.skip()?),
                b"stop_sequences" => self.found.stop = Some(scanner.skip()?),
                _ => {
                    scanner.skip()?;
                }
            }
        }
        scanner.finish()
    }

    fn system(&mut self, scanner: &mut Reader<'_>) -> Step {
        match scanner.peek()? {
            Kind::Text => {
                let text = scanner.text()?;
                self.found.preface = Some(Preface::Into(text));
                self.add(text, Source::System);
                Ok(())
            }
            Kind::Array => {
                let mut items = scanner.array()?;
                let at = scanner.at();
                while scanner.element(&mut items)? {
                    self.block(scanner, Source::System)?;
                }
                let alone = items.count == 0;
                self.found.preface = Some(Preface::Block { at, alone });
                Ok(())
            }
            Kind::Null => {
                self.found.preface = Some(Preface::Null(scanner.skip()?));
                Ok(())
            }
            // Nothing a provider takes; a member of that name cannot be added.
            _ => {
                self.found.preface = None;
                self.texts(scanner, Source::System)
            }
        }
    }

    fn turns(&mut self, scanner: &mut Reader<'_>) -> Step {
        if scanner.peek()? != Kind::Array {
            return self.texts(scanner, Source::User);
        }
        let mut items = scanner.array()?;
        while scanner.element(&mut items)? {
            if scanner.peek()? == Kind::Object {
                self.turn(scanner)?;
            } else {
                self.texts(scanner, Source::User)?;
            }
        }
        Ok(())
    }

    fn turn(&mut self, scanner: &mut Reader<'_>) -> Step {
        let body = scanner.body();
        let first = self.found.texts.len();
        let mut role = None;
        let mut members = scanner.object()?;
        while let Some(key) = scanner.member(&mut members)? {
            let is_text = scanner.peek()? == Kind::Text;
            match &*key.decoded(body) {
                b"role" if is_text => role = Some(scanner.text()?),
                b"content" => self.content(scanner, Source::User)?,
                other => self.under(scanner, other, Source::User)?,
            }
        }
        // Now that it is whole: who said it.
        let source = match role.map(|role| role.decoded(body)).as_deref() {
            Some(b"assistant") => Source::Assistant,
            Some(b"system") => Source::System,
            _ => return Ok(()),
        };
        for part in self.found.texts.iter_mut().skip(first) {
            if part.source == Source::User {
                part.source = source;
            }
        }
        Ok(())
    }

    /// A text, or blocks.
    fn content(&mut self, scanner: &mut Reader<'_>, source: Source) -> Step {
        if scanner.peek()? != Kind::Array {
            return self.block(scanner, source);
        }
        let mut items = scanner.array()?;
        while scanner.element(&mut items)? {
            self.block(scanner, source)?;
        }
        Ok(())
    }

    fn block(&mut self, scanner: &mut Reader<'_>, source: Source) -> Step {
        if scanner.peek()? != Kind::Object {
            return self.texts(scanner, source);
        }
        let body = scanner.body();
        let first = self.found.texts.len();
        let mut block = Block::default();
        let mut members = scanner.object()?;
        while let Some(key) = scanner.member(&mut members)? {
            let kind = scanner.peek()?;
            let is_text = kind == Kind::Text;
            match &*key.decoded(body) {
                b"type" if is_text => block.kind = Some(scanner.text()?),
                b"id" if is_text => block.id = Some(scanner.text()?),
                b"tool_use_id" if is_text => block.call = Some(scanner.text()?),
                b"name" if is_text => block.name = Some(scanner.text()?),
                b"input" if matches!(kind, Kind::Object | Kind::Array) => {
                    block.input = Some(self.input(scanner)?);
                }
                b"source" if kind == Kind::Object => {
                    block.unread |= self.source(scanner, source)?;
                }
                // What the provider alone can read, and gives back as it was.
                b"data" if is_text => {
                    scanner.skip()?;
                }
                b"cache_control" | b"caller" => {
                    scanner.skip()?;
                }
                b"content" | b"citations" => self.content(scanner, source)?,
                other => self.under(scanner, other, source)?,
            }
        }
        self.place_block(&block, first, body);
        Ok(())
    }

    /// Arguments: an object, kept whole.
    fn input(&mut self, scanner: &mut Reader<'_>) -> Result<Text, JsonError> {
        let text = Text {
            span: scanner.skip()?,
            escaped: false,
        };
        self.found.texts.push(TextPart {
            text,
            source: Source::ToolArguments,
            bare_json: true,
        });
        Ok(text)
    }

    fn place_block(&mut self, block: &Block, first: usize, body: &[u8]) {
        let Some(kind) = block.kind.map(|kind| kind.decoded(body)) else {
            return;
        };
        if kind.ends_with(b"tool_use") {
            self.found.uses.push(ToolUse {
                id: block.id,
                name: block.name,
                arguments: block.input,
            });
        } else if kind.ends_with(b"tool_result") {
            for part in self.found.texts.iter_mut().skip(first) {
                if part.source != Source::ToolArguments {
                    part.source = Source::ToolResult;
                }
            }
            let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
            self.found.answers.push(ToolAnswer {
                call: block.call,
                name: None,
                texts: (place(first), place(self.found.texts.len())),
            });
        } else if &*kind == b"image" {
            self.found.unread.images = self.found.unread.images.saturating_add(1);
        } else if block.unread {
            self.found.unread.files = self.found.unread.files.saturating_add(1);
        }
        if !is_known(&kind) {
            self.unknown();
        }
    }

    /// Where an image or a document comes from: its text where it is written as one. Says whether it is anything else.
    fn source(&mut self, scanner: &mut Reader<'_>, source: Source) -> Result<bool, JsonError> {
        let body = scanner.body();
        let mut kind = None;
        let mut data = None;
        let mut members = scanner.object()?;
        while let Some(key) = scanner.member(&mut members)? {
            let is_text = scanner.peek()? == Kind::Text;
            match &*key.decoded(body) {
                b"type" if is_text => kind = Some(scanner.text()?),
                b"data" if is_text => data = Some((self.found.texts.len(), scanner.text()?)),
                b"url" | b"file_id" if is_text => {
                    scanner.skip()?;
                }
                b"content" => self.content(scanner, source)?,
                other => self.under(scanner, other, source)?,
            }
        }
        let kind = kind.map(|kind| kind.decoded(body)).unwrap_or_default();
        if let (b"text", Some((place, text))) = (&*kind, data) {
            // Texts stay in the order of the body.
            let part = TextPart {
                text,
                source,
                bare_json: false,
            };
            self.found.texts.insert(place, part);
        }
        Ok(!matches!(&*kind, b"text" | b"content"))
    }

    /// Servers whose tools the provider calls: what it shows them is a credential, and what they answer nobody sees here.
    fn servers(&mut self, scanner: &mut Reader<'_>) -> Step {
        let body = scanner.body();
        match scanner.peek()? {
            Kind::Array => {
                let mut items = scanner.array()?;
                while scanner.element(&mut items)? {
                    self.found.unread.files = self.found.unread.files.saturating_add(1);
                    self.servers(scanner)?;
                }
                Ok(())
            }
            Kind::Object => {
                let mut members = scanner.object()?;
                while let Some(key) = scanner.member(&mut members)? {
                    let key = key.decoded(body);
                    if &*key == b"name" && scanner.peek()? == Kind::Text {
                        // Rules about tools know the tools of a server by its name.
                        let name = scanner.text()?;
                        self.found.tools.push(name);
                    } else if &*key == b"authorization_token" || under(&key) == Under::Label {
                        scanner.skip()?;
                    } else {
                        self.texts(scanner, Source::ToolDefinition)?;
                    }
                }
                Ok(())
            }
            _ => {
                scanner.skip()?;
                Ok(())
            }
        }
    }
}
