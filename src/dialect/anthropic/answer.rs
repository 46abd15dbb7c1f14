//! What a whole message reports: its usage, by class, and how much text it holds for when it reports none.
//!
//! `input_tokens` are those that have nothing to do with the cache: what was read from it and written to it stands beside
//! them, and all three are input. What a compaction used stands in `iterations` alone and is added. In a stream the counts
//! come twice, cumulative: the last that is told counts.

use crate::chat::json::{JsonError, Kind, Lenient, Scanner};
use crate::chat::{Endpoint, Usage};
use crate::dialect::answer::{Answer, count, present};
use crate::dialect::reading::member_at;
use crate::units::Tokens;

/// Reads a whole answer. A count of tokens costs nothing, whatever it counts.
pub(in crate::dialect) fn usage(body: &[u8], endpoint: Endpoint) -> Result<Answer, JsonError> {
    let mut scanner = Scanner::lenient(body)?;
    let mut answer = Answer::default();
    let mut counts = Counts::default();
    let mut members = scanner.object()?;
    while let Some(key) = scanner.member(&mut members)? {
        match key.raw(body) {
            b"usage" => counts.read(&mut scanner)?,
            b"content" => answer.text_bytes = content(&mut scanner)?,
            b"error" => answer.is_error = present(&mut scanner)?,
            _ => {
                scanner.skip()?;
            }
        }
    }
    scanner.finish()?;
    answer.usage = if endpoint.is_free() {
        Some(Usage::default())
    } else {
        counts.usage()
    };
    Ok(answer)
}

/// Bytes of what the model wrote: its texts, its thoughts, the arguments of its calls.
fn content(scanner: &mut Scanner<'_, Lenient>) -> Result<u64, JsonError> {
    if scanner.peek()? != Kind::Array {
        scanner.skip()?;
        return Ok(0);
    }
    let mut bytes = 0;
    let mut items = scanner.array()?;
    while scanner.element(&mut items)? {
        bytes += block(scanner)?;
    }
    Ok(bytes)
}

/// The same of one block.
pub(super) fn block(scanner: &mut Scanner<'_, Lenient>) -> Result<u64, JsonError> {
    if scanner.peek()? != Kind::Object {
        scanner.skip()?;
        return Ok(0);
    }
    let body = scanner.body();
    let mut bytes = 0;
    let mut members = scanner.object()?;
    while let Some(key) = scanner.member(&mut members)? {
        let kind = scanner.peek()?;
        match (key.raw(body), kind) {
            (b"text" | b"thinking", Kind::Text) => bytes += scanner.text()?.raw(body).len() as u64,
            (b"input", Kind::Object) => {
                let input = scanner.skip()?.of(body);
                // What a stream begins with.
                bytes += if input.len() > 2 {
                    input.len() as u64
                } else {
                    0
                };
            }
            _ => {
                scanner.skip()?;
            }
        }
    }
    Ok(bytes)
}

/// Counts as far as they were told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    input: Option<u64>,
    cache_write: Option<u64>,
    /// Of what was written, what is kept for five minutes and for an hour.
    kept: (Option<u64>, Option<u64>),
    cache_read: Option<u64>,
    pub(super) output: Option<u64>,
    thinking: Option<u64>,
    searches: Option<u64>,
    /// What was used beside it, in calls within the call.
    within: Usage,
}

impl Counts {
    /// Takes over what a usage object tells; what it leaves out or tells as `null` stays.
    pub(super) fn read(&mut self, scanner: &mut Scanner<'_, Lenient>) -> Result<(), JsonError> {
        if scanner.peek()? != Kind::Object {
            scanner.skip()?;
            return Ok(());
        }
        let body = scanner.body();
        let mut members = scanner.object()?;
        while let Some(key) = scanner.member(&mut members)? {
            let slot = match key.raw(body) {
                b"input_tokens" => &mut self.input,
                b"output_tokens" => &mut self.output,
                b"cache_creation_input_tokens" => &mut self.cache_write,
                b"cache_read_input_tokens" => &mut self.cache_read,
                b"cache_creation" => {
                    self.kept(scanner)?;
                    continue;
                }
                b"output_tokens_details" => {
                    let slot = &mut self.thinking;
                    one(scanner, b"thinking_tokens", slot)?;
                    continue;
                }
                b"server_tool_use" => {
                    one(scanner, b"web_search_requests", &mut self.searches)?;
                    continue;
                }
                b"iterations" => {
                    self.iterations(scanner)?;
                    continue;
                }
                _ => {
                    scanner.skip()?;
                    continue;
                }
            };
            *slot = count(scanner)?.or(*slot);
        }
        Ok(())
    }

    fn kept(&mut self, scanner: &mut Scanner<'_, Lenient>) -> Result<(), JsonError> {
        let (short, long) = &mut self.kept;
        each(scanner, |scanner, key| {
            let slot = match key {
                b"ephemeral_5m_input_tokens" => &mut *short,
                b"ephemeral_1h_input_tokens" => &mut *long,
                _ => return scanner.skip().map(|_| ()),
            };
            *slot = count(scanner)?.or(*slot);
            Ok(())
        })
    }

    /// The rounds of one call. Those of the message itself are in the sums; whatever else there is was used beside it.
    fn iterations(&mut self, scanner: &mut Scanner<'_, Lenient>) -> Result<(), JsonError> {
        if scanner.peek()? != Kind::Array {
            scanner.skip()?;
            return Ok(());
        }
        let body = scanner.body();
        let mut within = Usage::default();
        let mut items = scanner.array()?;
        while scanner.element(&mut items)? {
            if scanner.peek()? != Kind::Object {
                scanner.skip()?;
                continue;
            }
            let at = scanner.at();
            let mut round = Self::default();
            round.read(scanner)?;
            let (Some(usage), false) = (round.usage(), is_of_the_message(body, at)) else {
                continue;
            };
            within.input = within.input.plus(usage.input);
            within.cached_input = within.cached_input.plus(usage.cached_input);
            within.cache_write = within.cache_write.plus(usage.cache_write);
            within.cache_write_1h = within.cache_write_1h.plus(usage.cache_write_1h);
            within.output = within.output.plus(usage.output);
        }
        self.within = within;
        Ok(())
    }

    /// The provider began to search: counted, until it says how often it did.
    pub(super) fn searching(&mut self) {
        self.searches = Some(self.searches.unwrap_or_default().saturating_add(1));
    }

    /// What was used, where both ends of it were told.
    pub(super) fn usage(&self) -> Option<Usage> {
        let (plain, output) = (Tokens(self.input?), Tokens(self.output?));
        let told = |count: Option<u64>| Tokens(count.unwrap_or_default());
        let (short, long) = (told(self.kept.0), told(self.kept.1));
        let split = short.plus(long);
        let written = told(self.cache_write).max(split);
        // What nobody says the time of is kept for five minutes, or as long as what is said to be kept longer.
        let rest = written.minus(split);
        let (short, long) = if long == Tokens::ZERO {
            (short.plus(rest), long)
        } else {
            (short, long.plus(rest))
        };
        let read = told(self.cache_read);
        let within = self.within;
        Some(Usage {
            input: plain.plus(written).plus(read).plus(within.input),
            cached_input: read.plus(within.cached_input),
            cache_write: short.plus(within.cache_write),
            cache_write_1h: long.plus(within.cache_write_1h),
            output: output.plus(within.output),
            reasoning: told(self.thinking).min(output),
            searches: self.searches.unwrap_or_default(),
            ..Usage::default()
        })
    }
}

/// Whether the round of a call at this offset is one of the message itself.
fn is_of_the_message(body: &[u8], at: usize) -> bool {
    // One that does not say is told in the sums, as all were before there were others.
    member_at(body, at, b"type").is_none_or(|kind| kind == b"message")
}

/// One count among the members of an object.
fn one(
    scanner: &mut Scanner<'_, Lenient>,
    name: &[u8],
    slot: &mut Option<u64>,
) -> Result<(), JsonError> {
    each(scanner, |scanner, key| {
        if key != name {
            return scanner.skip().map(|_| ());
        }
        *slot = count(scanner)?.or(*slot);
        Ok(())
    })
}

/// Every member of an object; anything else is skipped.
fn each<'a>(
    scanner: &mut Scanner<'a, Lenient>,
    mut member: impl FnMut(&mut Scanner<'a, Lenient>, &[u8]) -> Result<(), JsonError>,
) -> Result<(), JsonError> {
    if scanner.peek()? != Kind::Object {
        scanner.skip()?;
        return Ok(());
    }
    let body = scanner.body();
    let mut members = scanner.object()?;
    while let Some(key) = scanner.member(&mut members)? {
        member(scanner, key.raw(body))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::usage;
    use crate::chat::{Endpoint, Usage};
    use crate::dialect::whole;
    use crate::units::Tokens;

    const MESSAGE: &str = include_str!("../../../tests/golden/anthropic/message.json");
    const COMPACTED: &str = include_str!("../../../tests/golden/anthropic/compacted.json");
    const COUNT: &str = include_str!("../../../tests/golden/anthropic/count.json");

    fn used(body: &str) -> Option<Usage> {
        let read = usage(body.as_bytes(), Endpoint::Messages).expect("JSON");
        let (_, walked) = whole(body.as_bytes(), Endpoint::Messages).expect("JSON");
        assert_eq!(walked, read.usage, "{body}");
        read.usage
    }

    #[test]
    fn golden_answers_are_read() {
        let read = |endpoint, body: &str| format!("{:?}", usage(body.as_bytes(), endpoint));
        insta::assert_snapshot!(
            [
                read(Endpoint::Messages, MESSAGE),
                read(Endpoint::Messages, COMPACTED),
                read(Endpoint::CountTokens, COUNT),
            ]
            .join("\n")
        );
    }

    #[test]
    fn the_cache_stands_beside_the_input_and_is_part_of_ours() {
        let usage = used(
            r#"{"usage":{"input_tokens":10,"cache_creation_input_tokens":7,"cache_read_input_tokens":100,"cache_creation":{"ephemeral_5m_input_tokens":3,"ephemeral_1h_input_tokens":4},"output_tokens":5}}"#,
        );
        let expected = Usage {
            input: Tokens(117),
            cached_input: Tokens(100),
            cache_write: Tokens(3),
            cache_write_1h: Tokens(4),
            output: Tokens(5),
            ..Usage::default()
        };
        assert_eq!(usage, Some(expected));
    }

    #[test]
    fn what_nobody_says_the_time_of_is_kept_as_long_as_the_rest() {
        let kept = |creation: &str| {
            let body = format!(
                r#"{{"usage":{{"input_tokens":0,"cache_creation_input_tokens":9,{creation}"output_tokens":1}}}}"#
            );
            used(&body).map(|usage| (usage.cache_write.0, usage.cache_write_1h.0))
        };
        assert_eq!(kept(""), Some((9, 0)));
        assert_eq!(
            kept(
                r#""cache_creation":{"ephemeral_5m_input_tokens":4,"ephemeral_1h_input_tokens":0},"#
            ),
            Some((9, 0))
        );
        assert_eq!(
            kept(
                r#""cache_creation":{"ephemeral_5m_input_tokens":4,"ephemeral_1h_input_tokens":2},"#
            ),
            Some((4, 5))
        );
    }

    #[test]
    fn an_answer_that_lacks_an_end_of_its_usage_has_none() {
        for body in [
            r#"{"usage":{"input_tokens":10}}"#,
            r#"{"usage":{"output_tokens":10}}"#,
            r#"{"usage":{"input_tokens":null,"output_tokens":1}}"#,
            r#"{"usage":null,"content":[]}"#,
            r#"{"content":[{"type":"text","text":"\"usage\":{\"input_tokens\":1,\"output_tokens\":1}"}]}"#,
        ] {
            assert_eq!(used(body), None, "{body}");
        }
    }

    #[test]
    fn text_is_counted_by_what_the_model_wrote() {
        let bytes = |content: &str| {
            let body = format!(r#"{{"type":"message","content":[{content}]}}"#);
            let answer = usage(body.as_bytes(), Endpoint::Messages).expect("JSON");
            (answer.text_bytes, answer.is_error)
        };
        let text = r#"{"type":"text","text":"abc"}"#;
        assert_eq!(
            bytes(&format!(
                r#"{text},{{"type":"thinking","thinking":"de","signature":"xyz"}}"#
            )),
            (5, false)
        );
        assert_eq!(
            bytes(r#"{"type":"tool_use","id":"t","name":"f","input":{"a":1}}"#),
            (7, false)
        );
        assert_eq!(
            bytes(
                r#"{"type":"web_search_tool_result","content":[{"type":"web_search_result","title":"t"}]}"#
            ),
            (0, false)
        );
        let error = br#"{"type":"error","error":{"type":"overloaded_error","message":"x"}}"#;
        assert!(usage(error, Endpoint::Messages).expect("JSON").is_error);
    }
}
