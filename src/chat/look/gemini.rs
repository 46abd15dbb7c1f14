//! The look at Gemini's requests: the model stands in the path, settings in an object of their own, and every field may be
//! written in two spellings.
//!
//! Below `contents` nothing says what a part is but the name of the member that holds it. Pictures are counted as
//! pictures; sound, films and files have no bound in the bytes that carry them, and what stands elsewhere has none at all.
//! A part or a tool nobody here knows counts as such: on doubt the dearer.
//!
//! Not here: texts (`conversation`), what a tool of the provider's costs (`governance::pricing`).

use super::pass::{Pass, skipped};
use super::{CapField, LookError, References};
use crate::chat::Span;
use crate::chat::json::{Kind, Scanner};
use crate::chat::spelling::{Names, Spelling};
use smallvec::SmallVec;

type Step = Result<(), LookError>;

/// How names of models begin where a body names one.
pub(super) const MODELS: &str = "models/";

/// Where settings of the answer are put.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Settings {
    /// Among the members of the body.
    #[default]
    Outermost,
    /// In `generationConfig`, which is not there.
    Absent,
    /// In `generationConfig`, which is written `null`.
    Null(Span),
    /// In `generationConfig`.
    Inside {
        /// Just behind its opening brace.
        at: usize,
        /// Whether it has no members.
        first: bool,
    },
}

/// What a request holds beside text.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// The names of the outermost object.
    names: Names,
    /// Where the body names the model, quotes included.
    pub(super) named: SmallVec<[Span; 1]>,
    pub(super) settings: Settings,
    images: u32,
    opaque: Option<&'static str>,
    /// Bytes of images that are counted as images.
    pub(super) embedded: u64,
    pub(super) audio: bool,
    searches: u64,
    unpriced: Option<&'static str>,
}

impl Contents {
    pub(super) fn references(&self) -> References {
        References {
            images: self.images,
            opaque: self.opaque,
            searches: self.searches,
            unpriced: self.unpriced,
            // However often its tools make the model go on, Google bills what was sent once.
            rereads: 0,
        }
    }

    fn opaque(&mut self, what: &'static str) {
        self.opaque.get_or_insert(what);
    }
}

impl Pass {
    /// One member of the body.
    pub(super) fn field_of_gemini(&mut self, scanner: &mut Scanner<'_>, key: &[u8]) -> Step {
        let name = Spelling::of(key);
        if !self.contents.names.add(&name) {
            self.note(LookError::SpeltTwice);
        }
        self.member_of_request(scanner, &name)
    }

    fn member_of_request(&mut self, scanner: &mut Scanner<'_>, name: &Spelling) -> Step {
        match name.name() {
            b"model" => self.model_in_body(scanner),
            b"apibase" => self.forbidden(scanner, "api_base"),
            b"baseurl" => self.forbidden(scanner, "base_url"),
            b"extraheaders" => self.forbidden(scanner, "extra_headers"),
            b"contents" => self.turns_of_gemini(scanner),
            b"content" => {
                self.messages = Some(self.messages.unwrap_or_default().saturating_add(1));
                self.each(scanner, Self::turn)
            }
            b"requests" | b"generatecontentrequest" => self.each(scanner, Self::request),
            b"systeminstruction" => self.each(scanner, Self::turn),
            b"tools" => self.each(scanner, Self::tool),
            b"toolconfig" => self.each(scanner, Self::tool_config),
            b"generationconfig" => self.generation_config(scanner),
            b"cachedcontent" => self.pointer(scanner, "cached content"),
            b"servicetier" => self.tier_of_gemini(scanner),
            _ => skipped(scanner),
        }
    }

    /// A request within the request.
    fn request(&mut self, scanner: &mut Scanner<'_>) -> Step {
        self.object(scanner, |pass, scanner, name| {
            pass.member_of_request(scanner, name)
        })
    }

    /// Every object of an array, or the one that stands for it: servers take either.
    fn each(
        &mut self,
        scanner: &mut Scanner<'_>,
        one: fn(&mut Self, &mut Scanner<'_>) -> Step,
    ) -> Step {
        match scanner.peek()? {
            Kind::Object => one(self, scanner),
            Kind::Array => {
                let mut items = scanner.array()?;
                while scanner.element(&mut items)? {
                    self.each(scanner, one)?;
                }
                Ok(())
            }
            _ => skipped(scanner),
        }
    }

    /// Every member of an object of the API, none of them twice.
    fn object(
        &mut self,
        scanner: &mut Scanner<'_>,
        mut member: impl FnMut(&mut Self, &mut Scanner<'_>, &Spelling) -> Step,
    ) -> Step {
        let body = scanner.body();
        let mut names = Names::default();
        let mut members = scanner.object()?;
        while let Some(key) = scanner.member(&mut members)? {
            let name = Spelling::of(&key.decoded(body));
            if !names.add(&name) {
                self.note(LookError::SpeltTwice);
            }
            member(self, scanner, &name)?;
        }
        Ok(())
    }

    /// The body may repeat what the path says; it may not say anything else.
    fn model_in_body(&mut self, scanner: &mut Scanner<'_>) -> Step {
        if scanner.peek()? != Kind::Text {
            return self.wrong(scanner, "model", "a string");
        }
        let start = scanner.at();
        let text = scanner.text()?;
        self.contents.named.push(Span::new(start, scanner.at()));
        let name = text.decoded(scanner.body());
        let name = String::from_utf8_lossy(&name);
        let name = name.strip_prefix(MODELS).unwrap_or(&name);
        match self.named_model() {
            None => self.name_model(name),
            Some(known) if known == name => {}
            Some(_) => self.note(LookError::OtherModels("model")),
        }
        Ok(())
    }

    fn turns_of_gemini(&mut self, scanner: &mut Scanner<'_>) -> Step {
        let mut turns = 1;
        if scanner.peek()? == Kind::Array {
            let mut items = scanner.array()?;
            while scanner.element(&mut items)? {
                self.each(scanner, Self::turn)?;
            }
            turns = items.count;
        } else if scanner.peek()? == Kind::Null {
            return skipped(scanner);
        } else {
            self.each(scanner, Self::turn)?;
        }
        self.messages = Some(self.messages.unwrap_or_default().saturating_add(turns));
        Ok(())
    }

    fn turn(&mut self, scanner: &mut Scanner<'_>) -> Step {
        self.object(scanner, |pass, scanner, name| match name.name() {
            b"parts" => pass.each(scanner, Self::part),
            _ => skipped(scanner),
        })
    }

    fn part(&mut self, scanner: &mut Scanner<'_>) -> Step {
        self.object(scanner, |pass, scanner, name| {
            if scanner.peek()? == Kind::Null {
                return skipped(scanner);
            }
            match name.name() {
                // What a model thought comes back encrypted: bounded by the bytes that carry it.
                b"text"
                | b"thought"
                | b"thoughtsignature"
                | b"functioncall"
                | b"executablecode"
                | b"codeexecutionresult"
                | b"videometadata"
                | b"mediaresolution"
                | b"partmetadata" => {}
                b"inlinedata" => return pass.each(scanner, Self::blob),
                b"functionresponse" => return pass.each(scanner, Self::function_response),
                b"filedata" => pass.contents.opaque("a file"),
                b"toolcall" | b"toolresponse" => {
                    pass.contents.opaque("what a tool of the provider's found");
                }
                _ => pass.contents.opaque("a part of an unknown kind"),
            }
            skipped(scanner)
        })
    }

    fn function_response(&mut self, scanner: &mut Scanner<'_>) -> Step {
        self.object(scanner, |pass, scanner, name| match name.name() {
            b"parts" => pass.each(scanner, Self::part),
            _ => skipped(scanner),
        })
    }

    /// Bytes that stand in the body, packed as text.
    fn blob(&mut self, scanner: &mut Scanner<'_>) -> Step {
        let body = scanner.body();
        let (mut kind, mut data) = (None, 0);
        self.object(scanner, |_, scanner, name| {
            let is_text = scanner.peek()? == Kind::Text;
            match name.name() {
                b"mimetype" if is_text => kind = Some(scanner.text()?),
                b"data" if is_text => data = scanner.text()?.raw(body).len() as u64,
                _ => skipped(scanner)?,
            }
            Ok(())
        })?;
        let kind = kind.map(|kind| kind.decoded(body).to_ascii_lowercase());
        match kind.as_deref().unwrap_or_default() {
            kind if kind.starts_with(b"image/") => {
                self.contents.images = self.contents.images.saturating_add(1);
                self.contents.embedded = self.contents.embedded.saturating_add(data);
            }
            kind if kind.starts_with(b"audio/") => {
                self.contents.audio = true;
                // Silence packs into nearly nothing, and is paid by the second.
                self.contents.opaque("sound");
            }
            kind if kind.starts_with(b"text/") => {}
            _ => self.contents.opaque("a file"),
        }
        Ok(())
    }

    /// Functions of the caller's are text; any other tool runs at the provider and puts what it finds into the input.
    fn tool(&mut self, scanner: &mut Scanner<'_>) -> Step {
        self.object(scanner, |pass, scanner, name| {
            if scanner.peek()? == Kind::Null {
                return skipped(scanner);
            }
            pass.tools = true;
            let contents = &mut pass.contents;
            match name.name() {
                b"functiondeclarations" => {}
                b"codeexecution" | b"urlcontext" | b"computeruse" => {
                    contents.opaque("a tool of the provider's");
                }
                b"googlesearch" | b"googlesearchretrieval" => {
                    contents.opaque("a tool of the provider's");
                    contents.searches = u64::MAX;
                    contents
                        .unpriced
                        .get_or_insert("a search with Google, which may be any number of searches");
                }
                _ => {
                    contents.opaque("a tool of the provider's");
                    contents
                        .unpriced
                        .get_or_insert("a tool of the provider's that is not paid by tokens alone");
                }
            }
            skipped(scanner)
        })
    }

    fn tool_config(&mut self, scanner: &mut Scanner<'_>) -> Step {
        self.object(scanner, |pass, scanner, name| match name.name() {
            b"functioncallingconfig" => pass.each(scanner, Self::calling_config),
            _ => skipped(scanner),
        })
    }

    /// Calls that come in pieces of a notation of their own could not be judged whole.
    fn calling_config(&mut self, scanner: &mut Scanner<'_>) -> Step {
        self.object(scanner, |pass, scanner, name| {
            let value = scanner.skip()?.of(scanner.body());
            let is_off = matches!(value, b"null" | b"false");
            if name.name() == b"streamfunctioncallarguments" && !is_off {
                pass.note(LookError::Dearer {
                    param: "toolConfig.functionCallingConfig.streamFunctionCallArguments",
                    may_be: "false",
                });
            }
            Ok(())
        })
    }

    fn generation_config(&mut self, scanner: &mut Scanner<'_>) -> Step {
        match scanner.peek()? {
            Kind::Null => {
                self.contents.settings = Settings::Null(scanner.skip()?);
                return Ok(());
            }
            Kind::Object => {}
            _ => return self.wrong(scanner, "generationConfig", "an object"),
        }
        let body = scanner.body();
        let mut names = Names::default();
        let mut members = scanner.object()?;
        let at = scanner.at();
        while let Some(key) = scanner.member(&mut members)? {
            let name = Spelling::of(&key.decoded(body));
            if !names.add(&name) {
                self.note(LookError::SpeltTwice);
            }
            match name.name() {
                b"candidatecount" => self.choices(scanner, "generationConfig.candidateCount")?,
                b"maxoutputtokens" => self.cap(scanner, CapField::GenerationConfig)?,
                b"responsemodalities" => self.modalities(scanner)?,
                _ => skipped(scanner)?,
            }
        }
        self.contents.settings = Settings::Inside {
            at,
            first: members.count == 0,
        };
        Ok(())
    }

    fn modalities(&mut self, scanner: &mut Scanner<'_>) -> Step {
        match scanner.peek()? {
            Kind::Array => {
                let mut items = scanner.array()?;
                while scanner.element(&mut items)? {
                    self.modalities(scanner)?;
                }
                Ok(())
            }
            Kind::Text => {
                let text = scanner.text()?;
                let said = text.decoded(scanner.body());
                // A number may stand for a word of the API: on doubt the dearer.
                self.contents.audio |=
                    !said.eq_ignore_ascii_case(b"text") && !said.eq_ignore_ascii_case(b"image");
                Ok(())
            }
            kind => {
                self.contents.audio |= kind == Kind::Number;
                skipped(scanner)
            }
        }
    }

    /// What costs the list price, or less.
    fn tier_of_gemini(&mut self, scanner: &mut Scanner<'_>) -> Step {
        if scanner.peek()? == Kind::Null {
            return skipped(scanner);
        }
        if scanner.peek()? == Kind::Text {
            let text = scanner.text()?;
            let said = text.decoded(scanner.body()).to_ascii_lowercase();
            let said = said.strip_prefix(b"service_tier_").unwrap_or(&said);
            if matches!(said, b"standard" | b"flex" | b"unspecified") {
                return Ok(());
            }
        } else {
            skipped(scanner)?;
        }
        self.note(LookError::Dearer {
            param: "serviceTier",
            may_be: "`standard` or `flex`",
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Settings;
    use crate::chat::{
        Addressed, CapField, Edits, Endpoint, Look, LookError, OutputCap, Version, look, look_at,
    };

    fn at(endpoint: Endpoint, body: &str) -> Result<Look, LookError> {
        let addressed = Addressed {
            model: "gemini-m".into(),
            stream: true,
            version: Version::Beta,
        };
        look_at(endpoint, Some(&addressed), body.as_bytes())
    }

    fn seen(members: &str) -> Result<Look, LookError> {
        let body = format!(r#"{{"contents":[{{"parts":[{{"text":"hi"}}]}}]{members}}}"#);
        at(Endpoint::GenerateContent, &body)
    }

    fn part(part: &str) -> Look {
        let body = format!(r#"{{"contents":[{{"role":"user","parts":[{part}]}}]}}"#);
        at(Endpoint::GenerateContent, &body).expect("a request")
    }

    #[test]
    fn the_path_names_the_model_and_the_body_may_repeat_it() {
        let body = r#"{"contents":[],"model":"models/gemini-m"}"#;
        let look = at(Endpoint::GenerateContent, body).expect("a request");
        assert_eq!(
            (look.model(body.as_bytes()), look.stream),
            ("gemini-m", true)
        );
        let mut edits = Edits::new();
        edits.rename_model(&look, "other");
        let renamed = String::from_utf8(edits.apply(body.as_bytes())).expect("UTF-8");
        assert_eq!(renamed, r#"{"contents":[],"model":"models/other"}"#);
        let other = seen(r#","model":"models/dearer""#);
        assert_eq!(other, Err(LookError::OtherModels("model")));
        // Where nobody calls, the body alone says it.
        let alone = look_here(body).expect("a request");
        assert_eq!(
            (alone.model(body.as_bytes()), alone.stream),
            ("gemini-m", false)
        );
        assert_eq!(
            look_here(r#"{"contents":[]}"#),
            Err(LookError::Missing("model"))
        );
    }

    fn look_here(body: &str) -> Result<Look, LookError> {
        look(Endpoint::GenerateContent, body.as_bytes())
    }

    #[test]
    fn every_request_of_a_batch_names_the_one_model() {
        let body = |model: &str| {
            format!(
                r#"{{"requests":[{{"model":"models/gemini-m","content":{{"parts":[{{"text":"a"}}]}}}},{{"model":"{model}","content":{{}}}}]}}"#
            )
        };
        let endpoint = Endpoint::BatchEmbedContents;
        let whole = body("gemini-m");
        let look = at(endpoint, &whole).expect("a request");
        assert_eq!(look.messages, 2);
        let mut edits = Edits::new();
        edits.rename_model(&look, "e");
        let renamed = String::from_utf8(edits.apply(whole.as_bytes())).expect("UTF-8");
        assert_eq!(renamed.matches(r#""models/e""#).count(), 2);
        let other = at(endpoint, &body("models/x"));
        assert_eq!(other, Err(LookError::OtherModels("model")));
        assert_eq!(at(endpoint, "{}"), Err(LookError::Missing("requests")));
    }

    #[test]
    fn caps_and_candidates_are_seen_in_either_spelling() {
        for members in [
            r#","generationConfig":{"maxOutputTokens":9,"candidateCount":3}"#,
            r#","generation_config":{"max_output_tokens":9,"candidate_count":3}"#,
        ] {
            let look = seen(members).expect("a request");
            let cap = look
                .output_cap
                .map(|cap: OutputCap| (cap.tokens, cap.field));
            assert_eq!(cap, Some((9, CapField::GenerationConfig)));
            assert_eq!(look.choices, 3);
        }
        for members in [
            r#","generationConfig":{"maxOutputTokens":"9"}"#,
            r#","generationConfig":{"maxOutputTokens":0}"#,
            r#","generationConfig":{"candidateCount":"8"}"#,
            r#","generationConfig":[]"#,
        ] {
            assert!(
                matches!(seen(members), Err(LookError::Wrong { .. })),
                "{members}"
            );
        }
    }

    #[test]
    fn a_field_in_two_spellings_is_refused_wherever_it_stands() {
        for members in [
            r#","generationConfig":{},"generation_config":{}"#,
            r#","generationConfig":{"maxOutputTokens":9,"max_output_tokens":10}"#,
            r#","generationConfig":{"max\u005foutput_tokens":9,"maxOutputTokens":10}"#,
            r#","tools":[{"functionDeclarations":[],"function_declarations":[]}]"#,
            r#","systemInstruction":{"parts":[{"inlineData":{},"inline_data":{}}]}"#,
            r#","toolConfig":{"functionCallingConfig":{},"function_calling_config":{}}"#,
        ] {
            assert_eq!(seen(members), Err(LookError::SpeltTwice), "{members}");
        }
        // What a function takes and gives are the caller's own names.
        let own = r#"{"functionCall":{"name":"f","args":{"max_tokens":1,"maxTokens":2}}},{"functionResponse":{"name":"f","response":{"a_b":1,"aB":2}}}"#;
        assert_eq!(part(own).references.opaque, None);
    }

    #[test]
    fn what_has_no_bound_is_said_and_what_is_text_is_not() {
        let opaque = |parts: &str| part(parts).references.opaque;
        assert_eq!(
            opaque(r#"{"text":"a"},{"thought":true,"text":"b","thoughtSignature":"c"}"#),
            None
        );
        assert_eq!(
            opaque(r#"{"executableCode":{"code":"x"}},{"codeExecutionResult":{"output":"y"}}"#),
            None
        );
        assert_eq!(
            opaque(r#"{"fileData":{"fileUri":"https://x"}}"#),
            Some("a file")
        );
        assert_eq!(
            opaque(r#"{"file_data":{"file_uri":"https://x"}}"#),
            Some("a file")
        );
        assert_eq!(
            opaque(r#"{"inlineData":{"mimeType":"application/pdf","data":"AA"}}"#),
            Some("a file")
        );
        assert_eq!(opaque(r#"{"inline_data":{"data":"AA"}}"#), Some("a file"));
        assert_eq!(
            opaque(r#"{"somethingNew":{}}"#),
            Some("a part of an unknown kind")
        );
        let nested = r#"{"functionResponse":{"name":"f","response":{},"parts":[{"inlineData":{"mimeType":"video/mp4","data":"AA"}}]}}"#;
        assert_eq!(opaque(nested), Some("a file"));
        let image =
            part(r#"{"inlineData":{"mimeType":"image/png","data":"AAAAAAAAAAAAAAAAAAAA"}}"#);
        assert_eq!(
            (image.references.images, image.references.opaque),
            (1, None)
        );
        let sound = part(r#"{"inlineData":{"mimeType":"Audio/mp3","data":"AA"}}"#);
        assert!(sound.audio && sound.references.opaque == Some("sound"));
        let cached = seen(r#","cached_content":"cachedContents/x""#).expect("a request");
        assert_eq!(cached.references.opaque, Some("cached content"));
        let spoken = seen(r#","generationConfig":{"responseModalities":["AUDIO"]}"#);
        assert!(spoken.expect("a request").audio);
    }

    #[test]
    fn tools_of_the_providers_are_weighed_by_what_they_cost() {
        let tools = |tools: &str| {
            let look = seen(&format!(r#","tools":{tools}"#)).expect("a request");
            let held = look.references;
            (
                look.tools,
                held.opaque.is_some(),
                held.searches,
                held.unpriced.is_some(),
            )
        };
        assert_eq!(
            tools(r#"[{"functionDeclarations":[{"name":"f"}]}]"#),
            (true, false, 0, false)
        );
        assert_eq!(
            tools(r#"{"function_declarations":[{"name":"f"}]}"#),
            (true, false, 0, false)
        );
        assert_eq!(
            tools(r#"[{"google_search":{}}]"#),
            (true, true, u64::MAX, true)
        );
        assert_eq!(
            tools(r#"[{"urlContext":{}},{"codeExecution":{}}]"#),
            (true, true, 0, false)
        );
        assert_eq!(tools(r#"[{"googleMaps":{}}]"#), (true, true, 0, true));
        assert_eq!(
            tools(r#"[{"googleSearch":null}]"#),
            (false, false, 0, false)
        );
    }

    #[test]
    fn a_request_within_the_request_is_seen() {
        let body = r#"{"generateContentRequest":{"model":"models/gemini-m","contents":[{"parts":[{"fileData":{}}]}]}}"#;
        let look = at(Endpoint::CountContents, body).expect("a request");
        assert_eq!((look.references.opaque, look.messages), (Some("a file"), 1));
        let other = body.replace("gemini-m", "other");
        assert_eq!(
            at(Endpoint::CountContents, &other),
            Err(LookError::OtherModels("model"))
        );
    }

    #[test]
    fn dearer_serving_and_other_addresses_are_refused() {
        for members in [
            r#","serviceTier":"priority""#,
            r#","service_tier":"SERVICE_TIER_PRIORITY""#,
            r#","serviceTier":3"#,
            r#","toolConfig":{"functionCallingConfig":{"streamFunctionCallArguments":true}}"#,
        ] {
            assert!(
                matches!(seen(members), Err(LookError::Dearer { .. })),
                "{members}"
            );
        }
        assert!(seen(r#","serviceTier":"flex""#).is_ok());
        assert_eq!(
            seen(r#","baseUrl":"x""#),
            Err(LookError::Forbidden("base_url"))
        );
    }

    #[test]
    fn settings_go_where_the_dialect_has_them() {
        let put = |members: &str| {
            let body = format!(r#"{{"contents":[]{members}}}"#);
            let look = at(Endpoint::GenerateContent, &body).expect("a request");
            let mut edits = Edits::new();
            edits.put_setting(&look, "temperature", "0.5");
            edits.set_cap(&look, CapField::GenerationConfig, 7);
            edits.put_setting(&look, "stopSequences", r#"["x"]"#);
            let out = String::from_utf8(edits.apply(body.as_bytes())).expect("UTF-8");
            let again = at(Endpoint::GenerateContent, &out).expect("still a request");
            assert_eq!(again.output_cap.map(|cap| cap.tokens), Some(7), "{out}");
            let json: serde_json::Value = serde_json::from_str(&out).expect("JSON");
            let config = json
                .get("generationConfig")
                .or(json.get("generation_config"));
            let config = config.expect("settings").clone();
            assert_eq!(config["temperature"], 0.5, "{out}");
            assert_eq!(config["stopSequences"][0], "x", "{out}");
            config.as_object().map_or(0, serde_json::Map::len)
        };
        assert_eq!(put(""), 3);
        assert_eq!(put(r#","generationConfig":null"#), 3);
        assert_eq!(put(r#","generationConfig":{}"#), 3);
        assert_eq!(put(r#","generation_config":{"topK":1}"#), 4);
        assert_eq!(
            put(r#","generationConfig":{"maxOutputTokens":99,"topK":1}"#),
            4
        );
        assert_eq!(put(r#","generationConfig":{"max_output_tokens":99}"#), 3);
        let count = at(Endpoint::CountContents, r#"{"contents":[]}"#).expect("a request");
        assert_eq!(count.settings, Settings::Outermost);
    }
}
