//! What a whole answer of Gemini's reports: its usage, by class, and how much text it holds for when it reports none.
//!
//! `promptTokenCount` holds what came from the cache; what the provider's tools put before the model stands beside it and
//! is input, too. Thoughts stand beside `candidatesTokenCount`, and both are output. A count of nought is not written, so
//! an output nobody tells is known by the total alone: where that is missing, too, nothing is known. What was cached of
//! sound is booked as sound, since no class here is both.

use crate::chat::json::{JsonError, Kind, Lenient, Scanner};
use crate::chat::{Endpoint, Usage};
use crate::dialect::answer::{Answer, count, present};
use crate::units::Tokens;

type Reader<'a> = Scanner<'a, Lenient>;

/// Reads a whole answer. A count of tokens costs nothing, whatever it counts.
pub(in crate::dialect) fn usage(body: &[u8], endpoint: Endpoint) -> Result<Answer, JsonError> {
    let mut scanner = Scanner::lenient(body)?;
    let mut answer = Answer::default();
    let mut counts = Counts::default();
    let mut seen = Seen::default();
    let mut members = scanner.object()?;
    while let Some(key) = scanner.member(&mut members)? {
        match &*key.decoded(body) {
            b"usageMetadata" => counts.read(&mut scanner)?,
            b"candidates" => candidates(&mut scanner, &mut |scanner| {
                candidate(scanner, &mut seen).map(|_| ())
            })?,
            b"error" => answer.is_error = present(&mut scanner)?,
            _ => {
                scanner.skip()?;
            }
        }
    }
    scanner.finish()?;
    answer.text_bytes = seen.text_bytes;
    answer.images = seen.images;
    answer.usage = counts.of(endpoint).map(|usage| seen.beside(usage));
    Ok(answer)
}

/// What an answer holds beside its counts.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Bytes of what the model wrote: its texts, its thoughts, the arguments of its calls, its code.
    pub(super) text_bytes: u64,
    /// Bytes that may stand for output nobody sees.
    pub(super) hidden_bytes: u64,
    pub(super) images: u64,
    pub(super) searches: u64,
    /// Whether the last part is a thought.
    pub(super) thought: bool,
    /// Whether a tool of the provider's was at work.
    pub(super) called: bool,
}

impl Seen {
    /// The usage with what stands beside its counts.
    pub(super) fn beside(&self, usage: Usage) -> Usage {
        Usage {
            images: self.images,
            searches: self.searches,
            ..usage
        }
    }
}

/// Every object of an array.
pub(super) fn candidates(
    scanner: &mut Reader<'_>,
    one: &mut dyn FnMut(&mut Reader<'_>) -> Result<(), JsonError>,
) -> Result<(), JsonError> {
    match scanner.peek()? {
        Kind::Array => {
            let mut items = scanner.array()?;
            while scanner.element(&mut items)? {
                candidates(scanner, one)?;
            }
            Ok(())
        }
        Kind::Object => one(scanner),
        _ => scanner.skip().map(|_| ()),
    }
}

/// One candidate: which it is, and whether it has come to its end.
pub(super) fn candidate(
    scanner: &mut Reader<'_>,
    seen: &mut Seen,
) -> Result<(u32, bool), JsonError> {
    let body = scanner.body();
    let (mut index, mut finished) = (0, false);
    let mut members = scanner.object()?;
    while let Some(key) = scanner.member(&mut members)? {
        match (&*key.decoded(body), scanner.peek()?) {
            (b"index", Kind::Number) => {
                let number = scanner.whole_number()?;
                index = number
                    .and_then(|number| u32::try_from(number).ok())
                    .unwrap_or(u32::MAX);
            }
            (b"finishReason", Kind::Text) => {
                let reason = scanner.text()?;
                finished = reason.raw(body) != b"FINISH_REASON_UNSPECIFIED";
            }
            (b"content", Kind::Object) => content(scanner, seen)?,
            (b"groundingMetadata", Kind::Object) => grounding(scanner, seen)?,
            (b"urlContextMetadata", Kind::Object) => {
                scanner.skip()?;
                seen.called = true;
            }
            _ => {
                scanner.skip()?;
            }
        }
    }
    Ok((index, finished))
}

fn content(scanner: &mut Reader<'_>, seen: &mut Seen) -> Result<(), JsonError> {
    let body = scanner.body();
    let mut members = scanner.object()?;
    while let Some(key) = scanner.member(&mut members)? {
        if &*key.decoded(body) == b"parts" {
            candidates(scanner, &mut |scanner| part(scanner, seen))?;
        } else {
            scanner.skip()?;
        }
    }
    Ok(())
}

fn part(scanner: &mut Reader<'_>, seen: &mut Seen) -> Result<(), JsonError> {
    let body = scanner.body();
    seen.thought = false;
    let mut members = scanner.object()?;
    while let Some(key) = scanner.member(&mut members)? {
        let kind = scanner.peek()?;
        match (&*key.decoded(body), kind) {
            (_, Kind::Null) | (b"videoMetadata" | b"mediaResolution" | b"partMetadata", _) => {
                scanner.skip()?;
            }
            (b"text", Kind::Text) => seen.text_bytes += scanner.text()?.raw(body).len() as u64,
            (b"thought", Kind::Bool) => seen.thought = scanner.boolean()?,
            (b"thoughtSignature", Kind::Text) => {
                seen.hidden_bytes += scanner.text()?.raw(body).len() as u64;
            }
            (b"inlineData" | b"fileData", _) => {
                scanner.skip()?;
                seen.images += 1;
            }
            (name, _) => {
                // Code, what came of it, and calls: by their bytes, their keys among them.
                seen.called |= matches!(name, b"executableCode" | b"codeExecutionResult")
                    || name.starts_with(b"tool");
                seen.text_bytes += scanner.skip()?.of(body).len() as u64;
            }
        }
    }
    Ok(())
}

/// The searches that were made.
fn grounding(scanner: &mut Reader<'_>, seen: &mut Seen) -> Result<(), JsonError> {
    let body = scanner.body();
    seen.called = true;
    let mut members = scanner.object()?;
    while let Some(key) = scanner.member(&mut members)? {
        if &*key.decoded(body) == b"webSearchQueries" && scanner.peek()? == Kind::Array {
            let mut items = scanner.array()?;
            while scanner.element(&mut items)? {
                scanner.skip()?;
            }
            seen.searches = seen.searches.saturating_add(items.count);
        } else {
            scanner.skip()?;
        }
    }
    Ok(())
}

/// Counts as far as they were told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    prompt: Option<u64>,
    candidates: Option<u64>,
    thoughts: Option<u64>,
    tool_use: Option<u64>,
    cached: Option<u64>,
    total: Option<u64>,
    audio_prompt: u64,
    audio_tool_use: u64,
    audio_cached: u64,
    audio_output: u64,
}

impl Counts {
    /// What this usage tells; each is told whole, so nothing of one before it stays.
    pub(super) fn read(&mut self, scanner: &mut Reader<'_>) -> Result<(), JsonError> {
        if scanner.peek()? != Kind::Object {
            scanner.skip()?;
            return Ok(());
        }
        let body = scanner.body();
        let mut told = Self::default();
        let mut members = scanner.object()?;
        while let Some(key) = scanner.member(&mut members)? {
            match &*key.decoded(body) {
                b"promptTokenCount" => told.prompt = count(scanner)?,
                b"candidatesTokenCount" | b"responseTokenCount" => {
                    told.candidates = count(scanner)?;
                }
                b"thoughtsTokenCount" => told.thoughts = count(scanner)?,
                b"toolUsePromptTokenCount" => told.tool_use = count(scanner)?,
                b"cachedContentTokenCount" => told.cached = count(scanner)?,
                b"totalTokenCount" => told.total = count(scanner)?,
                b"promptTokensDetails" | b"promptTokenDetails" => {
                    told.audio_prompt = sound(scanner)?;
                }
                b"toolUsePromptTokensDetails" => told.audio_tool_use = sound(scanner)?,
                b"cacheTokensDetails" => told.audio_cached = sound(scanner)?,
                b"candidatesTokensDetails" | b"responseTokensDetails" => {
                    told.audio_output = sound(scanner)?;
                }
                _ => {
                    scanner.skip()?;
                }
            }
        }
        // One that tells nothing is no last word.
        if told != Self::default() {
            *self = told;
        }
        Ok(())
    }

    /// What a whole answer of this endpoint used, where it says so.
    pub(super) fn of(&self, endpoint: Endpoint) -> Option<Usage> {
        if endpoint.is_free() {
            return Some(Usage::default());
        }
        if endpoint.has_output() {
            return self.usage();
        }
        // What embeds writes nothing.
        let input = Tokens(self.prompt.or(self.total)?);
        Some(Usage {
            input,
            audio_input: Tokens(self.audio_prompt).min(input),
            ..Usage::default()
        })
    }

    /// What was used, where both ends of it are told.
    pub(super) fn usage(&self) -> Option<Usage> {
        let told = |count: Option<u64>| Tokens(count.unwrap_or_default());
        let input = Tokens(self.prompt?).plus(told(self.tool_use));
        let thoughts = told(self.thoughts);
        let rest = self.total.map(|total| Tokens(total).minus(input));
        let output = match (self.candidates.or(self.thoughts), rest) {
            (None, None) => return None,
            (_, rest) => told(self.candidates)
                .plus(thoughts)
                .max(rest.unwrap_or_default()),
        };
        let audio_input = Tokens(self.audio_prompt).plus(Tokens(self.audio_tool_use));
        let audio_input = audio_input.max(Tokens(self.audio_cached)).min(input);
        let cached = told(self.cached).minus(Tokens(self.audio_cached));
        Some(Usage {
            input,
            cached_input: cached.min(input.minus(audio_input)),
            audio_input,
            output,
            reasoning: thoughts.min(output),
            audio_output: Tokens(self.audio_output).min(output.minus(thoughts)),
            ..Usage::default()
        })
    }

    /// The input as it is told.
    pub(super) const fn prompt(&self) -> Option<u64> {
        self.prompt
    }
}

/// Tokens of sound among counts by kind.
fn sound(scanner: &mut Reader<'_>) -> Result<u64, JsonError> {
    let mut sum: u64 = 0;
    candidates(scanner, &mut |scanner| {
        let body = scanner.body();
        let (mut is_sound, mut tokens) = (false, None);
        let mut members = scanner.object()?;
        while let Some(key) = scanner.member(&mut members)? {
            match (&*key.decoded(body), scanner.peek()?) {
                (b"modality", Kind::Text) => is_sound = scanner.text()?.raw(body) == b"AUDIO",
                (b"tokenCount", _) => tokens = count(scanner)?,
                _ => {
                    scanner.skip()?;
                }
            }
        }
        if is_sound {
            sum = sum.saturating_add(tokens.unwrap_or_default());
        }
        Ok(())
    })?;
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::usage;
    use crate::chat::{Endpoint, Usage};
    use crate::dialect::whole;
    use crate::units::Tokens;

    const ANSWER: &str = include_str!("../../../tests/golden/gemini/answer.json");
    const GROUNDED: &str = include_str!("../../../tests/golden/gemini/grounded.json");
    const COUNT: &str = include_str!("../../../tests/golden/gemini/count.json");
    const EMBEDDING: &str = include_str!("../../../tests/golden/gemini/embedding.json");

    fn used(body: &str) -> Option<Usage> {
        let endpoint = Endpoint::GenerateContent;
        let read = usage(body.as_bytes(), endpoint).expect("JSON");
        let (_, walked) = whole(body.as_bytes(), endpoint).expect("JSON");
        assert_eq!(walked, read.usage, "{body}");
        read.usage
    }

    fn told(counts: &str) -> Option<Usage> {
        used(&format!(r#"{{"usageMetadata":{{{counts}}}}}"#))
    }

    #[test]
    fn golden_answers_are_read() {
        let read = |endpoint, body: &str| format!("{:?}", usage(body.as_bytes(), endpoint));
        insta::assert_snapshot!(
            [
                read(Endpoint::GenerateContent, ANSWER),
                read(Endpoint::GenerateContent, GROUNDED),
                read(Endpoint::CountContents, COUNT),
                read(Endpoint::EmbedContent, EMBEDDING),
            ]
            .join("\n")
        );
    }

    #[test]
    fn thoughts_and_tools_stand_beside_the_counts_and_the_cache_within() {
        let usage = told(
            r#""promptTokenCount":100,"cachedContentTokenCount":40,"candidatesTokenCount":7,"thoughtsTokenCount":5,"toolUsePromptTokenCount":30,"totalTokenCount":142"#,
        );
        let expected = Usage {
            input: Tokens(130),
            cached_input: Tokens(40),
            output: Tokens(12),
            reasoning: Tokens(5),
            ..Usage::default()
        };
        assert_eq!(usage, Some(expected));
    }

    #[test]
    fn sound_is_told_apart_and_what_is_cached_of_it_is_sound() {
        let usage = told(
            r#""promptTokenCount":100,"promptTokensDetails":[{"modality":"TEXT","tokenCount":40},{"modality":"AUDIO","tokenCount":60}],"cachedContentTokenCount":50,"cacheTokensDetails":[{"modality":"AUDIO","tokenCount":20},{"modality":"TEXT","tokenCount":30}],"candidatesTokenCount":9,"candidatesTokensDetails":[{"modality":"AUDIO","tokenCount":8}]"#,
        );
        let expected = Usage {
            input: Tokens(100),
            cached_input: Tokens(30),
            audio_input: Tokens(60),
            output: Tokens(9),
            audio_output: Tokens(8),
            ..Usage::default()
        };
        assert_eq!(usage, Some(expected));
    }

    #[test]
    fn an_output_of_nought_is_known_by_the_total_and_else_by_nothing() {
        let output = |counts: &str| told(counts).map(|usage| usage.output.0);
        assert_eq!(
            output(r#""promptTokenCount":10,"totalTokenCount":10"#),
            Some(0)
        );
        assert_eq!(
            output(r#""promptTokenCount":10,"totalTokenCount":25"#),
            Some(15)
        );
        assert_eq!(output(r#""promptTokenCount":10"#), None);
        assert_eq!(
            output(r#""promptTokenCount":10,"thoughtsTokenCount":3"#),
            Some(3)
        );
        assert_eq!(
            output(r#""candidatesTokenCount":10,"totalTokenCount":10"#),
            None
        );
        assert_eq!(used(r#"{"usageMetadata":null,"candidates":[]}"#), None);
    }

    #[test]
    fn text_is_counted_by_what_the_model_wrote() {
        let read = |parts: &str| {
            let body = format!(r#"{{"candidates":[{{"content":{{"parts":[{parts}]}}}}]}}"#);
            let answer = usage(body.as_bytes(), Endpoint::GenerateContent).expect("JSON");
            (answer.text_bytes, answer.images)
        };
        assert_eq!(
            read(r#"{"text":"abc","thoughtSignature":"zzz"},{"text":"de","thought":true}"#),
            (5, 0)
        );
        assert_eq!(read(r#"{"functionCall":{}}"#), (2, 0));
        assert_eq!(
            read(r#"{"inlineData":{"mimeType":"image/png","data":"AAAA"}}"#),
            (0, 1)
        );
        let error = br#"{"error":{"code":503,"message":"x","status":"UNAVAILABLE"}}"#;
        let read = usage(error, Endpoint::GenerateContent).expect("JSON");
        assert!(read.is_error && read.usage.is_none());
    }
}
