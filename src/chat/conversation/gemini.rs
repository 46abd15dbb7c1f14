//! The walk over Gemini's requests: turns with parts, whose member says what a part is, in either spelling.
//!
//! Arguments of calls stay one text with their keys in it; what functions brought back is walked string by string, keys and
//! all, for it is the outside world's, and no key of it is a word of the API.
//!
//! Not here: what a key means in general (`leaves`), everything that is spelt as elsewhere (`walk`).

use super::walk::{Reader, Step, Walk};
use super::{Preface, Source, TextPart, ToolAnswer, ToolUse};
use crate::chat::Endpoint;
use crate::chat::Span;
use crate::chat::json::{JsonError, Kind, Scanner, Text};
use crate::chat::spelling::Spelling;

/// Where a text can be put in front of what the system says, which is an object with parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instruction {
    /// There is none.
    Absent,
    /// It is written, and `null`.
    Null(Span),
    /// It has no parts; just behind its opening brace.
    NoParts {
        /// The offset.
        at: usize,
        /// Whether it has no members at all.
        alone: bool,
    },
    /// Its parts are written, and `null`.
    NullParts(Span),
    /// A part can be put here, before the first; whether there is one.
    Part {
        /// The offset.
        at: usize,
        /// Whether the array is empty.
        alone: bool,
    },
    /// One part stands in the place of an array.
    Beside(Span),
}

/// The name policies know a tool of the provider's by, however it is spelt.
fn tool_of_the_provider(name: &[u8]) -> Option<&'static str> {
    Some(match name {
        b"googlesearch" => "googleSearch",
        b"googlesearchretrieval" => "googleSearchRetrieval",
        b"codeexecution" => "codeExecution",
        b"urlcontext" => "urlContext",
        b"googlemaps" => "googleMaps",
        b"filesearch" => "fileSearch",
        b"computeruse" => "computerUse",
        b"mcpservers" => "mcpServers",
        b"retrieval" => "retrieval",
        b"enterprisewebsearch" => "enterpriseWebSearch",
        _ => return None,
    })
}

impl Walk {
    pub(super) fn gemini(&mut self, endpoint: Endpoint, body: &[u8]) -> Step {
        let mut scanner = Scanner::lenient(body)?;
        let outermost = endpoint == Endpoint::GenerateContent;
        if outermost {
            self.found.preface = Some(Preface::Instruction(Instruction::Absent));
        }
        self.gemini_request(&mut scanner, outermost)?;
        scanner.finish()
    }

    fn gemini_request(&mut self, scanner: &mut Reader<'_>, outermost: bool) -> Step {
        let body = scanner.body();
        let mut members = scanner.object()?;
        while let Some(key) = scanner.member(&mut members)? {
            let key = key.decoded(body);
            match Spelling::of(&key).name() {
                b"contents" | b"content" => self.gemini_turns(scanner, Source::User)?,
                b"systeminstruction" if outermost => self.instruction(scanner)?,
                b"systeminstruction" => self.gemini_turns(scanner, Source::System)?,
                b"tools" => self.gemini_tools(scanner)?,
                b"generationconfig" => self.generation_config(scanner, outermost)?,
                b"requests" | b"generatecontentrequest" => self.requests(scanner)?,
                b"title" | b"labels" => self.texts(scanner, Source::User)?,
                // What stands in the cache nobody sees here.
                b"cachedcontent" if scanner.peek()? != Kind::Null => {
                    scanner.skip()?;
                    self.found.unread.files = self.found.unread.files.saturating_add(1);
                }
                _ => {
                    scanner.skip()?;
                }
            }
        }
        Ok(())
    }

    /// Requests within the request.
    fn requests(&mut self, scanner: &mut Reader<'_>) -> Step {
        match scanner.peek()? {
            Kind::Object => self.gemini_request(scanner, false),
            Kind::Array => {
                let mut items = scanner.array()?;
                while scanner.element(&mut items)? {
                    self.requests(scanner)?;
                }
                Ok(())
            }
            _ => self.texts(scanner, Source::User),
        }
    }

    /// What the system says, and where something can be put in front of it.
    fn instruction(&mut self, scanner: &mut Reader<'_>) -> Step {
        match scanner.peek()? {
            Kind::Object => {}
            Kind::Null => {
                let null = scanner.skip()?;
                self.found.preface = Some(Preface::Instruction(Instruction::Null(null)));
                return Ok(());
            }
            // Nothing the provider takes; a member of that name cannot be added.
            _ => {
                self.found.preface = None;
                return self.gemini_turns(scanner, Source::System);
            }
        }
        let body = scanner.body();
        let mut members = scanner.object()?;
        let mut place = None;
        let at = scanner.at();
        while let Some(key) = scanner.member(&mut members)? {
            let key = key.decoded(body);
            if Spelling::of(&key).name() != b"parts" {
                self.under(scanner, &key, Source::System)?;
                continue;
            }
            let start = scanner.peek().map(|_| scanner.at())?;
            match scanner.peek()? {
                Kind::Array => {
                    let mut items = scanner.array()?;
                    let at = scanner.at();
                    while scanner.element(&mut items)? {
                        self.gemini_part(scanner, Source::System)?;
                    }
                    let alone = items.count == 0;
                    place = Some(Instruction::Part { at, alone });
                }
                Kind::Null => place = Some(Instruction::NullParts(scanner.skip()?)),
                _ => {
                    self.gemini_part(scanner, Source::System)?;
                    place = Some(Instruction::Beside(Span::new(start, scanner.at())));
                }
            }
        }
        let alone = members.count == 0;
        let place = place.unwrap_or(Instruction::NoParts { at, alone });
        self.found.preface = Some(Preface::Instruction(place));
        Ok(())
    }

    /// A turn, an array of them, or what stands in their place.
    fn gemini_turns(&mut self, scanner: &mut Reader<'_>, source: Source) -> Step {
        match scanner.peek()? {
            Kind::Array => {
                let mut items = scanner.array()?;
                while scanner.element(&mut items)? {
                    self.gemini_turns(scanner, source)?;
                }
                Ok(())
            }
            Kind::Object => self.gemini_turn(scanner, source),
            _ => self.texts(scanner, source),
        }
    }

    fn gemini_turn(&mut self, scanner: &mut Reader<'_>, source: Source) -> Step {
        let body = scanner.body();
        let first = self.found.texts.len();
        let mut role = None;
        let mut members = scanner.object()?;
        while let Some(key) = scanner.member(&mut members)? {
            let key = key.decoded(body);
            match Spelling::of(&key).name() {
                b"role" if scanner.peek()? == Kind::Text => role = Some(scanner.text()?),
                b"parts" => self.gemini_parts(scanner, source)?,
                _ => self.under(scanner, &key, source)?,
            }
        }
        // Now that it is whole: who said it.
        let source = match role.map(|role| role.decoded(body)).as_deref() {
            Some(b"model") => Source::Assistant,
            Some(b"system") => Source::System,
            Some(b"function") => Source::ToolResult,
            _ => return Ok(()),
        };
        for part in self.found.texts.iter_mut().skip(first) {
            if part.source == Source::User {
                part.source = source;
            }
        }
        Ok(())
    }

    fn gemini_parts(&mut self, scanner: &mut Reader<'_>, source: Source) -> Step {
        if scanner.peek()? != Kind::Array {
            return self.gemini_part(scanner, source);
        }
        let mut items = scanner.array()?;
        while scanner.element(&mut items)? {
            self.gemini_parts(scanner, source)?;
        }
        Ok(())
    }

    fn gemini_part(&mut self, scanner: &mut Reader<'_>, source: Source) -> Step {
        if scanner.peek()? != Kind::Object {
            return self.texts(scanner, source);
        }
        let body = scanner.body();
        let mut members = scanner.object()?;
        while let Some(key) = scanner.member(&mut members)? {
            let key = key.decoded(body);
            let kind = scanner.peek()?;
            match Spelling::of(&key).name() {
                _ if kind == Kind::Null => {
                    scanner.skip()?;
                }
                b"text" => self.texts(scanner, source)?,
                // What the provider alone can read, and words of the API.
                b"thoughtsignature" | b"thought" | b"videometadata" | b"mediaresolution" => {
                    scanner.skip()?;
                }
                b"functioncall" | b"toolcall" => self.function_call(scanner)?,
                b"functionresponse" | b"toolresponse" => self.function_response(scanner)?,
                b"inlinedata" => self.blob(scanner, source)?,
                b"filedata" => {
                    scanner.skip()?;
                    self.found.unread.files = self.found.unread.files.saturating_add(1);
                }
                b"executablecode" => self.every_string(scanner, Source::Assistant)?,
                b"codeexecutionresult" => self.every_string(scanner, Source::ToolResult)?,
                b"partmetadata" => self.every_string(scanner, source)?,
                _ => {
                    self.unknown();
                    self.every_string(scanner, source)?;
                }
            }
        }
        Ok(())
    }

    fn function_call(&mut self, scanner: &mut Reader<'_>) -> Step {
        if scanner.peek()? != Kind::Object {
            return self.texts(scanner, Source::ToolArguments);
        }
        let body = scanner.body();
        let mut made = ToolUse::default();
        let mut members = scanner.object()?;
        while let Some(key) = scanner.member(&mut members)? {
            let key = key.decoded(body);
            let kind = scanner.peek()?;
            match (Spelling::of(&key).name(), kind) {
                (b"id", Kind::Text) => made.id = Some(scanner.text()?),
                (b"name" | b"tooltype", Kind::Text) => made.name = Some(scanner.text()?),
                (b"args", Kind::Object | Kind::Array) => {
                    let text = Text {
                        span: scanner.skip()?,
                        escaped: false,
                    };
                    made.arguments = Some(text);
                    self.found.texts.push(TextPart {
                        text,
                        source: Source::ToolArguments,
                        bare_json: true,
                    });
                }
                _ => self.every_string(scanner, Source::ToolArguments)?,
            }
        }
        self.found.uses.push(made);
        Ok(())
    }

    fn function_response(&mut self, scanner: &mut Reader<'_>) -> Step {
        if scanner.peek()? != Kind::Object {
            return self.texts(scanner, Source::ToolResult);
        }
        let body = scanner.body();
        let first = self.found.texts.len();
        let mut answer = ToolAnswer::default();
        let mut members = scanner.object()?;
        while let Some(key) = scanner.member(&mut members)? {
            let key = key.decoded(body);
            let is_text = scanner.peek()? == Kind::Text;
            match Spelling::of(&key).name() {
                b"id" if is_text => answer.call = Some(scanner.text()?),
                b"name" | b"tooltype" if is_text => answer.name = Some(scanner.text()?),
                b"parts" => self.gemini_parts(scanner, Source::ToolResult)?,
                b"scheduling" | b"willcontinue" => {
                    scanner.skip()?;
                }
                _ => self.every_string(scanner, Source::ToolResult)?,
            }
        }
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        answer.texts = (place(first), place(self.found.texts.len()));
        self.found.answers.push(answer);
        Ok(())
    }

    /// Bytes in the body that are no text.
    fn blob(&mut self, scanner: &mut Reader<'_>, source: Source) -> Step {
        if scanner.peek()? != Kind::Object {
            return self.texts(scanner, source);
        }
        let body = scanner.body();
        let mut kind = None;
        let mut members = scanner.object()?;
        while let Some(key) = scanner.member(&mut members)? {
            let key = key.decoded(body);
            let is_text = scanner.peek()? == Kind::Text;
            match Spelling::of(&key).name() {
                b"mimetype" if is_text => kind = Some(scanner.text()?),
                b"displayname" => self.texts(scanner, source)?,
                _ => {
                    scanner.skip()?;
                }
            }
        }
        let kind = kind.map(|kind| kind.decoded(body).to_ascii_lowercase());
        let unread = &mut self.found.unread;
        let count = match kind.as_deref() {
            Some(kind) if kind.starts_with(b"image/") => &mut unread.images,
            Some(kind) if kind.starts_with(b"audio/") => &mut unread.audio,
            _ => &mut unread.files,
        };
        *count = count.saturating_add(1);
        Ok(())
    }

    /// Every string below, whatever its key, and the keys themselves.
    fn every_string(&mut self, scanner: &mut Reader<'_>, source: Source) -> Step {
        match scanner.peek()? {
            Kind::Text => self.text(scanner, source),
            Kind::Array => {
                let mut items = scanner.array()?;
                while scanner.element(&mut items)? {
                    self.every_string(scanner, source)?;
                }
                Ok(())
            }
            Kind::Object => {
                let mut members = scanner.object()?;
                while let Some(key) = scanner.member(&mut members)? {
                    self.add(key, source);
                    self.every_string(scanner, source)?;
                }
                Ok(())
            }
            Kind::Number | Kind::Bool | Kind::Null => {
                scanner.skip()?;
                Ok(())
            }
        }
    }

    fn gemini_tools(&mut self, scanner: &mut Reader<'_>) -> Step {
        match scanner.peek()? {
            Kind::Array => {
                let mut items = scanner.array()?;
                while scanner.element(&mut items)? {
                    self.gemini_tools(scanner)?;
                }
                return Ok(());
            }
            Kind::Object => {}
            _ => return self.texts(scanner, Source::ToolDefinition),
        }
        let body = scanner.body();
        let mut members = scanner.object()?;
        while let Some(key) = scanner.member(&mut members)? {
            if scanner.peek()? == Kind::Null {
                scanner.skip()?;
                continue;
            }
            let spelt = key.decoded(body);
            let name = Spelling::of(&spelt);
            if name.name() == b"functiondeclarations" {
                self.declarations(scanner)?;
                continue;
            }
            match tool_of_the_provider(name.name()) {
                Some(name) => self.found.provider_tools.push(name),
                None => self.found.tools.push(key),
            }
            if matches!(name.name(), b"mcpservers" | b"filesearch" | b"retrieval") {
                // What they bring back nobody sees here.
                self.found.unread.files = self.found.unread.files.saturating_add(1);
            }
            self.texts(scanner, Source::ToolDefinition)?;
        }
        Ok(())
    }

    fn declarations(&mut self, scanner: &mut Reader<'_>) -> Step {
        match scanner.peek()? {
            // One may stand in the place of an array.
            Kind::Object => self.declaration(scanner),
            Kind::Array => {
                let mut items = scanner.array()?;
                while scanner.element(&mut items)? {
                    self.declarations(scanner)?;
                }
                Ok(())
            }
            _ => self.texts(scanner, Source::ToolDefinition),
        }
    }

    fn declaration(&mut self, scanner: &mut Reader<'_>) -> Step {
        let body = scanner.body();
        let mut members = scanner.object()?;
        while let Some(key) = scanner.member(&mut members)? {
            if &*key.decoded(body) == b"name" && scanner.peek()? == Kind::Text {
                let name = scanner.text()?;
                self.found.tools.push(name);
            } else {
                self.texts(scanner, Source::ToolDefinition)?;
            }
        }
        Ok(())
    }

    fn generation_config(&mut self, scanner: &mut Reader<'_>, outermost: bool) -> Step {
        if scanner.peek()? != Kind::Object {
            scanner.skip()?;
            return Ok(());
        }
        let body = scanner.body();
        let mut members = scanner.object()?;
        while let Some(key) = scanner.member(&mut members)? {
            let key = key.decoded(body);
            match Spelling::of(&key).name() {
                b"temperature" if outermost => self.found.temperature = Some(scanner.skip()?),
                b"stopsequences" if outermost => self.found.stop = Some(scanner.skip()?),
                b"candidatecount" if outermost => self.found.n = number(scanner)?,
                b"responseschema" | b"responsejsonschema" | b"responseformat" => {
                    self.found.json_schema |= scanner.peek()? != Kind::Null;
                    self.texts(scanner, Source::ToolDefinition)?;
                }
                _ => {
                    scanner.skip()?;
                }
            }
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::Instruction;
    use crate::chat::{
        Addressed, Conversation, Edits, Endpoint, Preface, Source, Version, conversation, look_at,
    };

    fn read(endpoint: Endpoint, body: &str) -> Conversation {
        let addressed = Addressed {
            model: "m".into(),
            stream: false,
            version: Version::Beta,
        };
        look_at(endpoint, Some(&addressed), body.as_bytes()).expect("a request");
        conversation(endpoint, body.as_bytes())
    }

    fn texts(endpoint: Endpoint, body: &str) -> Vec<(Source, String)> {
        let found = read(endpoint, body);
        let text = |part: &crate::chat::TextPart| {
            String::from_utf8_lossy(&part.text.decoded(body.as_bytes())).into_owned()
        };
        found
            .texts
            .iter()
            .map(|part| (part.source, text(part)))
            .collect()
    }

    /// One request with everything in it, in either spelling.
    const CAMEL: &str = r#"{
        "systemInstruction": {"parts": [{"text": "a"}]},
        "contents": [
            {"role": "user", "parts": [{"text": "b"}, {"inlineData": {"mimeType": "image/png", "data": "AAAA", "displayName": "c"}}]},
            {"role": "model", "parts": [
                {"text": "d", "thought": true, "thoughtSignature": "xx"},
                {"functionCall": {"id": "i", "name": "f", "args": {"k": "e"}}},
                {"executableCode": {"language": "f", "code": "g"}},
                {"codeExecutionResult": {"outcome": "h", "output": "i"}}
            ]},
            {"role": "user", "parts": [{"functionResponse": {"id": "i", "name": "f", "response": {"name": "j", "deep": [{"type": "k"}]}}}, {"fileData": {"fileUri": "u"}}]}
        ],
        "tools": [{"functionDeclarations": [{"name": "f", "description": "l", "parameters": {"type": "OBJECT", "properties": {"k": {"description": "m"}}}}]}, {"googleSearch": {}}],
        "generationConfig": {"responseSchema": {"type": "OBJECT", "description": "n"}, "temperature": 1, "stopSequences": ["o"], "candidateCount": 2}
    }"#;

    #[test]
    fn every_text_is_found_in_either_spelling() {
        let snake = [
            "systemInstruction",
            "inlineData",
            "mimeType",
            "displayName",
            "thoughtSignature",
            "functionCall",
            "executableCode",
            "codeExecutionResult",
            "functionResponse",
            "fileData",
            "functionDeclarations",
            "googleSearch",
            "generationConfig",
            "responseSchema",
            "stopSequences",
            "candidateCount",
        ];
        let spelt = snake.iter().fold(CAMEL.to_owned(), |body, name| {
            let letters = name.chars().flat_map(|letter| {
                let under = letter.is_ascii_uppercase().then_some('_');
                under.into_iter().chain([letter.to_ascii_lowercase()])
            });
            body.replace(
                &format!("\"{name}\""),
                &format!("\"{}\"", letters.collect::<String>()),
            )
        });
        assert_ne!(spelt, CAMEL);
        let (camel, other) = (
            texts(Endpoint::GenerateContent, CAMEL),
            texts(Endpoint::GenerateContent, &spelt),
        );
        assert_eq!(camel, other);
        let shown: Vec<String> = camel
            .iter()
            .map(|(source, text)| format!("{source:?}: {text}"))
            .collect();
        insta::assert_snapshot!(shown.join("\n"));
        for body in [CAMEL, &spelt] {
            let found = read(Endpoint::GenerateContent, body);
            assert_eq!(found.provider_tools, ["googleSearch"]);
            assert_eq!(
                (found.uses.len(), found.answers.len(), found.tools.len()),
                (1, 1, 1)
            );
            assert_eq!(
                (
                    found.unread.images,
                    found.unread.files,
                    found.unread.unknown
                ),
                (1, 1, 0)
            );
            assert!(found.json_schema && found.temperature.is_some());
            assert!(found.stop.is_some() && found.n.is_some());
        }
    }

    #[test]
    fn what_is_embedded_or_counted_is_text_too() {
        let whole = r#"{"content":{"parts":[{"text":"a"}]},"title":"b"}"#;
        let found = texts(Endpoint::EmbedContent, whole);
        assert_eq!(found.len(), 2);
        let batch = r#"{"requests":[{"content":{"parts":{"text":"a"}}},{"content":{"parts":[{"text":"b"}]}}]}"#;
        assert_eq!(texts(Endpoint::BatchEmbedContents, batch).len(), 2);
        let count = r#"{"generate_content_request":{"contents":[{"parts":[{"text":"a"}]}],"system_instruction":{"parts":[{"text":"b"}]}}}"#;
        assert_eq!(texts(Endpoint::CountContents, count).len(), 2);
        assert_eq!(read(Endpoint::CountContents, count).preface, None);
    }

    #[test]
    fn what_nobody_knows_is_text_and_said_to_be_unknown() {
        let body = r#"{"contents":[{"parts":[{"newThing":{"type":"a","id":"b"}}]}]}"#;
        let found = read(Endpoint::GenerateContent, body);
        assert_eq!(found.unread.unknown, 1);
        // Keys, too: they are no words of the API there.
        assert_eq!(found.texts.len(), 4);
    }

    #[test]
    fn what_the_system_says_has_its_places() {
        let put = |instruction: &str| {
            let body = format!(r#"{{"contents":[]{instruction}}}"#);
            let addressed = Addressed {
                model: "m".into(),
                stream: false,
                version: Version::Beta,
            };
            let endpoint = Endpoint::GenerateContent;
            let look = look_at(endpoint, Some(&addressed), body.as_bytes()).expect("a request");
            let preface = read(endpoint, &body).preface.expect("a place");
            let mut edits = Edits::new();
            edits.put_preface(&look, preface, "first");
            let out = String::from_utf8(edits.apply(body.as_bytes())).expect("UTF-8");
            let found = texts(endpoint, &out);
            assert_eq!(
                found.first(),
                Some(&(Source::System, "first".to_owned())),
                "{out}"
            );
            found.len()
        };
        assert_eq!(put(""), 1);
        assert_eq!(put(r#","systemInstruction":null"#), 1);
        assert_eq!(put(r#","system_instruction":{}"#), 1);
        assert_eq!(put(r#","systemInstruction":{"role":"system"}"#), 1);
        assert_eq!(put(r#","systemInstruction":{"parts":null}"#), 1);
        assert_eq!(put(r#","systemInstruction":{"parts":[]}"#), 1);
        assert_eq!(put(r#","systemInstruction":{"parts":[{"text":"x"}]}"#), 2);
        assert_eq!(put(r#","systemInstruction":{"parts":{"text":"x"}}"#), 2);
        let body = r#"{"contents":[],"systemInstruction":"x"}"#;
        assert_eq!(read(Endpoint::GenerateContent, body).preface, None);
        let absent = read(Endpoint::GenerateContent, r#"{"contents":[]}"#).preface;
        assert_eq!(absent, Some(Preface::Instruction(Instruction::Absent)));
    }
}
