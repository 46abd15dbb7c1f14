//! What a whole answer reports in OpenAI's words.

use crate::chat::json::{JsonError, Kind, Lenient, Scanner};
use crate::chat::{Endpoint, Usage};
use crate::dialect::answer::{Answer, Output, count, present};
use crate::units::Tokens;

/// Reads a whole answer of `endpoint`.
///
/// Text is only counted where no usage is told: an answer is read on the way to its caller, and its usage is all that is
/// wanted of it. (Images are part of a usage on responses, which are therefore always read whole; answers of images hold
/// no text to count.)
///
/// # Errors
/// When the body is not a JSON object.
pub(in crate::dialect) fn usage(body: &[u8], endpoint: Endpoint) -> Result<Answer, JsonError> {
    let whole = endpoint == Endpoint::Responses || endpoint.makes_images();
    let answer = read(body, endpoint, whole)?;
    if answer.usage.is_some() || whole {
        return Ok(answer);
    }
    read(body, endpoint, true)
}

fn read(body: &[u8], endpoint: Endpoint, whole: bool) -> Result<Answer, JsonError> {
    let mut scanner = Scanner::lenient(body)?;
    let mut answer = Answer::default();
    let mut output = Output::default();
    let mut images = 0;
    let mut members = scanner.object()?;
    while let Some(key) = scanner.member(&mut members)? {
        match key.raw(body) {
            b"usage" => {
                if let Some(usage) = usage_object(&mut scanner, endpoint)? {
                    answer.usage = Some(usage);
                }
            }
            b"data" if endpoint.makes_images() => images = elements(&mut scanner)?,
            b"error" => answer.is_error = present(&mut scanner)?,
            b"choices" | b"output" if whole => {
                scanner.watch(&mut output)?;
            }
            _ => {
                scanner.skip()?;
            }
        }
    }
    scanner.finish()?;
    answer.text_bytes = output.text_bytes;
    answer.images = output.images.saturating_add(images);
    if let Some(usage) = &mut answer.usage {
        usage.images = answer.images;
    }
    Ok(answer)
}

/// How many elements an array has; anything else has none.
fn elements(scanner: &mut Scanner<'_, Lenient>) -> Result<u64, JsonError> {
    if scanner.peek()? != Kind::Array {
        scanner.skip()?;
        return Ok(0);
    }
    let mut items = scanner.array()?;
    while scanner.element(&mut items)? {
        scanner.skip()?;
    }
    Ok(items.count)
}

/// Reads a usage object; `None` where it is none, or lacks a total.
pub(super) fn usage_object(
    scanner: &mut Scanner<'_, Lenient>,
    endpoint: Endpoint,
) -> Result<Option<Usage>, JsonError> {
    if scanner.peek()? != Kind::Object {
        scanner.skip()?;
        return Ok(None);
    }
    let body = scanner.body();
    let images = endpoint.makes_images();
    let mut usage = Usage::default();
    let (mut input, mut output, mut total) = (None, None, None);
    let mut members = scanner.object()?;
    while let Some(key) = scanner.member(&mut members)? {
        match key.raw(body) {
            b"prompt_tokens" | b"input_tokens" => input = count(scanner)?.or(input),
            b"completion_tokens" | b"output_tokens" => output = count(scanner)?.or(output),
            b"total_tokens" => total = count(scanner)?,
            b"prompt_tokens_details" | b"input_tokens_details" => {
                details(scanner, &mut usage, true, images)?;
            }
            b"completion_tokens_details" | b"output_tokens_details" => {
                details(scanner, &mut usage, false, images)?;
            }
            _ => {
                scanner.skip()?;
            }
        }
    }
    let Some(input) = input else {
        return Ok(None);
    };
    let output = match (output, total) {
        (Some(output), _) => output,
        (None, Some(total)) => total.saturating_sub(input),
        (None, None) if !endpoint.has_output() => 0,
        (None, None) => return Ok(None),
    };
    usage.input = Tokens(input);
    usage.output = Tokens(output);
    if endpoint.makes_sound() {
        usage.audio_output = usage.output;
    }
    Ok(Some(usage))
}

/// The parts of the input or of the output.
fn details(
    scanner: &mut Scanner<'_, Lenient>,
    usage: &mut Usage,
    is_input: bool,
    images: bool,
) -> Result<(), JsonError> {
    if scanner.peek()? != Kind::Object {
        scanner.skip()?;
        return Ok(());
    }
    let mut members = scanner.object()?;
    while let Some(key) = scanner.member(&mut members)? {
        let part = match (key.raw(scanner.body()), is_input) {
            (b"cached_tokens", true) => &mut usage.cached_input,
            (b"cache_write_tokens" | b"cache_creation_tokens", true) => &mut usage.cache_write,
            (b"audio_tokens", true) => &mut usage.audio_input,
            (b"reasoning_tokens", false) => &mut usage.reasoning,
            // What a model of images writes beside them is its thoughts, at a price of their own.
            (b"text_tokens", false) if images => &mut usage.reasoning,
            (b"audio_tokens", false) => &mut usage.audio_output,
            _ => {
                scanner.skip()?;
                continue;
            }
        };
        if let Some(tokens) = count(scanner)? {
            *part = Tokens(tokens);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Answer, usage};
    use crate::chat::{Endpoint, Usage};
    use crate::dialect::whole;
    use crate::units::Tokens;

    fn check(endpoint: Endpoint, body: &str, expected: Answer) {
        assert_eq!(usage(body.as_bytes(), endpoint), Ok(expected), "{body}");
    }

    #[expect(clippy::unnecessary_wraps, reason = "as an answer holds it")]
    fn used(input: u64, output: u64) -> Option<Usage> {
        Some(Usage {
            input: Tokens(input),
            output: Tokens(output),
            ..Usage::default()
        })
    }

    #[test]
    fn usage_is_read_from_its_own_place_only() {
        let body = r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"\"usage\":{\"prompt_tokens\":1}"}}],
            "usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}"#;
        check(
            Endpoint::Chat,
            body,
            Answer {
                usage: used(9, 2),
                ..Answer::default()
            },
        );
    }

    #[test]
    fn the_parts_of_both_sides_are_kept_apart() {
        let body = r#"{"usage":{"prompt_tokens":9,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":3,"cache_write_tokens":1},
            "completion_tokens":8,"completion_tokens_details":{"reasoning_tokens":5,"audio_tokens":2,"x":null}}}"#;
        let usage = Usage {
            cached_input: Tokens(4),
            cache_write: Tokens(1),
            audio_input: Tokens(3),
            reasoning: Tokens(5),
            audio_output: Tokens(2),
            ..used(9, 8).expect("used")
        };
        check(
            Endpoint::Chat,
            body,
            Answer {
                usage: Some(usage),
                ..Answer::default()
            },
        );
    }

    #[test]
    fn a_usage_without_its_output_is_no_usage_except_where_there_is_none() {
        let body = r#"{"usage":{"prompt_tokens":9}}"#;
        check(Endpoint::Chat, body, Answer::default());
        check(
            Endpoint::Embeddings,
            body,
            Answer {
                usage: used(9, 0),
                ..Answer::default()
            },
        );
        let total = r#"{"usage":{"prompt_tokens":9,"total_tokens":12}}"#;
        check(
            Endpoint::Chat,
            total,
            Answer {
                usage: used(9, 3),
                ..Answer::default()
            },
        );
        check(Endpoint::Chat, r#"{"usage":null}"#, Answer::default());
        check(
            Endpoint::Chat,
            r#"{"usage":{"prompt_tokens":-1,"completion_tokens":1.5}}"#,
            Answer::default(),
        );
    }

    #[test]
    fn images_are_counted_and_what_is_written_beside_them_is_thought() {
        let body = r#"{"created":1,"data":[{"b64_json":"AAAA"},{"b64_json":"AAAA"}],"usage":{"total_tokens":120,"input_tokens":20,
            "output_tokens":100,"input_tokens_details":{"text_tokens":20,"image_tokens":0},"output_tokens_details":{"text_tokens":30,"image_tokens":70}}}"#;
        let told = Usage {
            reasoning: Tokens(30),
            images: 2,
            ..used(20, 100).expect("used")
        };
        check(
            Endpoint::ImageGenerations,
            body,
            Answer {
                usage: Some(told),
                images: 2,
                ..Answer::default()
            },
        );
        check(
            Endpoint::ImageGenerations,
            r#"{"created":1,"data":[{"url":"https://example.org/x.png"}]}"#,
            Answer {
                images: 1,
                ..Answer::default()
            },
        );
    }

    #[test]
    fn an_error_is_one_whatever_the_status() {
        check(
            Endpoint::Chat,
            r#"{"error":{"message":"no"}}"#,
            Answer {
                is_error: true,
                ..Answer::default()
            },
        );
        check(Endpoint::Responses, r#"{"error":null}"#, Answer::default());
    }

    #[test]
    fn what_is_no_object_is_an_error() {
        for body in ["", "<html>", "[1]", "{", "null", r#"{"a":1} x"#] {
            assert!(usage(body.as_bytes(), Endpoint::Chat).is_err(), "{body}");
        }
    }

    #[test]
    fn odd_answers_still_report_their_usage() {
        let body = b"{\"choices\":[{\"text\":\"\\u0000\\ud800 \xff\"}],\"a\":1,\"a\":2,\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}";
        assert_eq!(
            usage(body, Endpoint::Completions).map(|answer| answer.usage),
            Ok(used(1, 2))
        );
    }

    #[test]
    fn who_looks_at_the_texts_finds_the_same_usage() {
        let bodies = [
            include_str!("../../../tests/golden/openai/chat.json"),
            include_str!("../../../tests/golden/openai/embeddings.json"),
            r#"{"usage":{"prompt_tokens":9},"choices":[]}"#,
            r#"{"usage":null,"choices":[{"usage":{"prompt_tokens":1,"completion_tokens":1}}]}"#,
            r#"{"usage":{"prompt_tokens":1,"completion_tokens":2},"usage":{"prompt_tokens":3,"completion_tokens":4}}"#,
            r#"{"usage":{"prompt_tokens":3,"completion_tokens":4},"usage":[]}"#,
            r#"{"usage":{"prompt_tokens":1,"completion_tokens":2}} x"#,
            r#"{"usage":{"prompt_tokens":1,"completion_tokens":2},"choices":[{"#,
            "<html>",
        ];
        for (body, endpoint) in bodies
            .iter()
            .flat_map(|body| [Endpoint::Chat, Endpoint::Embeddings].map(|one| (body, one)))
        {
            let used = usage(body.as_bytes(), endpoint).map(|answer| answer.usage);
            let found = whole(body.as_bytes(), endpoint).map(|(_, usage)| usage);
            assert_eq!(found.ok(), used.ok(), "{body}");
        }
    }

    #[test]
    fn golden_answers_are_read() {
        let read = |endpoint, body: &str| format!("{:?}", usage(body.as_bytes(), endpoint));
        insta::assert_snapshot!(
            [
                read(
                    Endpoint::Chat,
                    include_str!("../../../tests/golden/openai/chat.json")
                ),
                read(
                    Endpoint::Responses,
                    include_str!("../../../tests/golden/openai/responses.json")
                ),
                read(
                    Endpoint::Embeddings,
                    include_str!("../../../tests/golden/openai/embeddings.json")
                ),
            ]
            .join("\n")
        );
    }
}
