//! The look at Anthropic's messages: its fields, and what their blocks hold apart from text.
//!
//! Blocks nest (a tool's result holds images, a document holds blocks), and a block may write its `type` behind what it
//! holds, so each is judged at its end. A kind of block we do not know counts as a pointer: on doubt the dearer. What the
//! model thought and what it searched comes back encrypted: what was thought is bounded by the bytes that carry it, which
//! are more than its tokens; pages of the web are text packed well, so they have no bound.
//!
//! Not here: texts (`conversation`), what a tool of the provider's costs (`governance::pricing`).

use super::pass::{Pass, skipped};
use super::{CapField, LookError, References};
use crate::chat::json::{Kind, Scanner, Text};
use crate::units::Tokens;

type Step = Result<(), LookError>;

/// Tokens the vendor puts before a request with tools, or with a schema for the answer: 530 at the most that it tells.
const FOR_TOOLS: u64 = 1024;

/// Tokens the vendor describes a tool of its own with: 735 at the most that it tells, 1,200 for sets of tools.
const FOR_VENDORS_TOOL: u64 = 2048;

/// How often the vendor lets a model go on within one call after tools that it runs itself: ten times by what it tells, then
/// it answers `pause_turn`. Each time the conversation is read anew, and paid for. `max_uses` bounds none of it: a use too many
/// is answered with an error, which the model reads as well.
const ROUNDS: u64 = 10;

/// What the blocks of a prompt hold.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    images: u32,
    opaque: Option<&'static str>,
    /// Bytes of images that are counted as images.
    embedded: u64,
    searches: u64,
    unpriced: Option<&'static str>,
    rereads: u64,
    /// Tokens that no byte of the body stands for.
    unseen: u64,
}

impl Blocks {
    pub(super) fn references(&self) -> References {
        References {
            images: self.images,
            opaque: self.opaque,
            searches: self.searches,
            unpriced: self.unpriced,
            rereads: self.rereads,
        }
    }

    pub(super) const fn embedded(&self) -> u64 {
        self.embedded
    }

    pub(super) const fn unseen(&self) -> Tokens {
        Tokens(self.unseen)
    }

    fn opaque(&mut self, what: &'static str) {
        self.opaque.get_or_insert(what);
    }

    fn unpriced(&mut self, what: &'static str) {
        self.unpriced.get_or_insert(what);
    }

    /// A tool that the provider runs: what it finds the model reads, and goes on.
    fn runs(&mut self, what: &'static str) {
        self.opaque(what);
        self.rereads = ROUNDS;
    }

    fn tools_are_offered(&mut self) {
        self.unseen = self.unseen.max(FOR_TOOLS);
    }

    /// A block, an array of them, or a text.
    fn value(&mut self, scanner: &mut Scanner<'_>) -> Step {
        match scanner.peek()? {
            Kind::Array => {
                let mut items = scanner.array()?;
                while scanner.element(&mut items)? {
                    self.value(scanner)?;
                }
                Ok(())
            }
            Kind::Object => self.block(scanner),
            _ => skipped(scanner),
        }
    }

    fn block(&mut self, scanner: &mut Scanner<'_>) -> Step {
        let body = scanner.body();
        let mut kind = None;
        let mut source = Source::default();
        let mut members = scanner.object()?;
        while let Some(key) = scanner.member(&mut members)? {
            let is_text = scanner.peek()? == Kind::Text;
            match &*key.decoded(body) {
                b"type" if is_text => kind = Some(scanner.text()?),
                b"source" if scanner.peek()? == Kind::Object => {
                    source = self.source(scanner)?;
                }
                // A caller's own JSON, words of the API, and what is quoted of texts that stand elsewhere.
                b"input" | b"cache_control" | b"citations" | b"caller" => skipped(scanner)?,
                _ => self.value(scanner)?,
            }
        }
        if let Some(kind) = kind {
            self.judge(&kind.decoded(body), &source);
        }
        Ok(())
    }

    fn judge(&mut self, kind: &[u8], source: &Source) {
        match kind {
            b"text" | b"thinking" | b"redacted_thinking" | b"tool_use" | b"tool_result"
            | b"tool_reference" | b"search_result" | b"server_tool_use" | b"mcp_tool_use"
            | b"mcp_tool_result" => {}
            b"image" => {
                self.images = self.images.saturating_add(1);
                self.embedded = self.embedded.saturating_add(source.data);
            }
            b"document" if source.is_text => {}
            b"document" => self.opaque("a document"),
            b"container_upload" => self.opaque("a file"),
            b"compaction" => self.opaque("a compacted conversation"),
            kind if kind.ends_with(b"_tool_result") || kind.ends_with(b"_result") => {
                self.opaque("what a tool of the provider's found");
            }
            _ => self.opaque("a block of an unknown type"),
        }
    }

    /// Where an image or a document comes from.
    fn source(&mut self, scanner: &mut Scanner<'_>) -> Result<Source, LookError> {
        let body = scanner.body();
        let mut source = Source::default();
        let mut kind = None;
        let mut data = 0;
        let mut members = scanner.object()?;
        while let Some(key) = scanner.member(&mut members)? {
            let is_text = scanner.peek()? == Kind::Text;
            match &*key.decoded(body) {
                b"type" if is_text => kind = Some(scanner.text()?),
                b"data" if is_text => data = scanner.text()?.raw(body).len() as u64,
                b"content" => self.value(scanner)?,
                _ => skipped(scanner)?,
            }
        }
        match kind.map(|kind: Text| kind.decoded(body)).as_deref() {
            Some(b"base64") => source.data = data,
            Some(b"text" | b"content") => source.is_text = true,
            _ => {}
        }
        Ok(source)
    }

    /// One tool that is offered.
    fn tool(&mut self, scanner: &mut Scanner<'_>) -> Result<bool, LookError> {
        if scanner.peek()? != Kind::Object {
            skipped(scanner)?;
            return Ok(true);
        }
        let body = scanner.body();
        let (mut kind, mut most) = (None, None);
        let mut members = scanner.object()?;
        while let Some(key) = scanner.member(&mut members)? {
            match (&*key.decoded(body), scanner.peek()?) {
                (b"type", Kind::Text) => kind = Some(scanner.text()?),
                (b"max_uses", Kind::Number) => most = scanner.whole_number()?,
                _ => skipped(scanner)?,
            }
        }
        let Some(kind) = kind.map(|kind: Text| kind.decoded(body)) else {
            return Ok(true);
        };
        let is = |family: &[u8]| kind.starts_with(family);
        if &*kind == b"custom" {
            return Ok(true);
        }
        // Run by the caller, described by the vendor.
        let callers = [
            &b"bash_"[..],
            b"text_editor_",
            b"computer_",
            b"browser_",
            b"memory_",
        ];
        self.unseen = self.unseen.saturating_add(FOR_VENDORS_TOOL);
        if callers.iter().any(|family| is(family)) {
            return Ok(true);
        }
        if is(b"advisor_") {
            return Ok(false);
        }
        self.runs("a tool of the provider's");
        if is(b"web_search_") {
            self.searches = self.searches.saturating_add(most.unwrap_or(u64::MAX));
        } else if !is(b"web_fetch_") && !is(b"tool_search_tool_") && &*kind != b"mcp_toolset" {
            self.unpriced("a tool of the provider's that is not paid by tokens alone");
        }
        Ok(true)
    }

    /// Whether something in here has a `type` of this family.
    fn edits(&mut self, scanner: &mut Scanner<'_>) -> Step {
        match scanner.peek()? {
            Kind::Array => {
                let mut items = scanner.array()?;
                while scanner.element(&mut items)? {
                    self.edits(scanner)?;
                }
            }
            Kind::Object => {
                let body = scanner.body();
                let mut members = scanner.object()?;
                while let Some(key) = scanner.member(&mut members)? {
                    if &*key.decoded(body) == b"type" && scanner.peek()? == Kind::Text {
                        let kind = scanner.text()?;
                        if kind.decoded(body).starts_with(b"compact") {
                            self.unpriced("a compaction, a call within the call");
                        }
                    } else {
                        self.edits(scanner)?;
                    }
                }
            }
            _ => skipped(scanner)?,
        }
        Ok(())
    }
}

#[derive(Debug, Default)]
struct Source {
    /// Bytes that are written here.
    data: u64,
    /// Whether they are text, or blocks.
    is_text: bool,
}

impl Pass {
    /// One member of the body of messages.
    pub(super) fn field_of_messages(&mut self, scanner: &mut Scanner<'_>, key: &[u8]) -> Step {
        let is_null = scanner.peek()? == Kind::Null;
        match key {
            b"messages" => self.turns(scanner),
            b"system" => match scanner.peek()? {
                Kind::Text | Kind::Array | Kind::Null => self.blocks.value(scanner),
                _ => self.wrong(scanner, "system", "a string or an array of blocks"),
            },
            b"max_tokens" => self.cap(scanner, CapField::MaxTokens),
            b"stream" => self.streams(scanner),
            b"thinking" => self.thinking(scanner),
            b"tools" => self.tools_of_messages(scanner),
            b"output_config" | b"output_format" => {
                if !is_null {
                    self.blocks.tools_are_offered();
                }
                skipped(scanner)
            }
            b"context_management" => self.blocks.edits(scanner),
            b"compaction" => {
                if !is_null {
                    self.blocks.unpriced("a compaction, a call within the call");
                }
                skipped(scanner)
            }
            b"mcp_servers" => {
                if scanner.peek()? == Kind::Array {
                    let mut items = scanner.array()?;
                    while scanner.element(&mut items)? {
                        skipped(scanner)?;
                    }
                    if items.count > 0 {
                        self.blocks.runs("tools of other servers");
                        self.tools = true;
                    }
                    return Ok(());
                }
                skipped(scanner)
            }
            b"container" => self.pointer(scanner, "a container"),
            b"thread" => self.pointer(scanner, "a conversation the provider keeps"),
            b"metadata" => self.metadata(scanner),
            b"service_tier" => self.service_tier(scanner),
            b"speed" => self.only(scanner, "speed", &[b"standard"], "`standard`"),
            b"inference_geo" => self.only(
                scanner,
                "inference_geo",
                &[b"global", b"not_available"],
                "`global`",
            ),
            b"fallbacks" => {
                if !is_null {
                    self.note(LookError::OtherModels("fallbacks"));
                }
                skipped(scanner)
            }
            _ => skipped(scanner),
        }
    }

    fn turns(&mut self, scanner: &mut Scanner<'_>) -> Step {
        if scanner.peek()? != Kind::Array {
            return self.wrong(scanner, "messages", "an array");
        }
        let mut items = scanner.array()?;
        while scanner.element(&mut items)? {
            self.blocks.value(scanner)?;
        }
        self.messages = Some(items.count);
        Ok(())
    }

    fn thinking(&mut self, scanner: &mut Scanner<'_>) -> Step {
        match scanner.peek()? {
            Kind::Null => return skipped(scanner),
            Kind::Object => {}
            _ => return self.wrong(scanner, "thinking", "an object"),
        }
        let mut members = scanner.object()?;
        while let Some(key) = scanner.member(&mut members)? {
            if &*key.decoded(scanner.body()) != b"budget_tokens" {
                skipped(scanner)?;
            } else if scanner.peek()? == Kind::Number {
                self.thinking = scanner.whole_number()?;
                if self.thinking.is_none() {
                    self.note(LookError::Wrong {
                        param: "thinking.budget_tokens",
                        must_be: "a whole number",
                    });
                }
            } else {
                self.wrong(scanner, "thinking.budget_tokens", "a whole number")?;
            }
        }
        Ok(())
    }

    fn tools_of_messages(&mut self, scanner: &mut Scanner<'_>) -> Step {
        if scanner.peek()? != Kind::Array {
            return skipped(scanner);
        }
        let mut items = scanner.array()?;
        while scanner.element(&mut items)? {
            self.blocks.tools_are_offered();
            if !self.blocks.tool(scanner)? {
                self.note(LookError::OtherModels("tools"));
            }
        }
        self.tools |= items.count > 0;
        Ok(())
    }

    /// `metadata.user_id`: the end user.
    fn metadata(&mut self, scanner: &mut Scanner<'_>) -> Step {
        if scanner.peek()? != Kind::Object {
            return skipped(scanner);
        }
        let mut members = scanner.object()?;
        while let Some(key) = scanner.member(&mut members)? {
            if &*key.decoded(scanner.body()) == b"user_id" && scanner.peek()? == Kind::Text {
                self.user = Some(scanner.text()?.span);
            } else {
                skipped(scanner)?;
            }
        }
        Ok(())
    }

    /// A field that costs more by anything but these words.
    fn only(
        &mut self,
        scanner: &mut Scanner<'_>,
        param: &'static str,
        words: &[&[u8]],
        may_be: &'static str,
    ) -> Step {
        if scanner.peek()? == Kind::Null {
            return skipped(scanner);
        }
        if scanner.peek()? == Kind::Text {
            let said = scanner.text()?;
            let said = said.decoded(scanner.body());
            if words.iter().any(|word| **word == *said) {
                return Ok(());
            }
        } else {
            skipped(scanner)?;
        }
        self.note(LookError::Dearer { param, may_be });
        Ok(())
    }
}
