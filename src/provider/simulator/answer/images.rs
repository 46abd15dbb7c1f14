//! `images/generations`: a small image for each that is asked for, at what one of its size and quality takes.

use super::error::Refusal;
use super::{Ask, CREATED, Form, Reply};
use crate::chat::Usage;
use crate::provider::simulator::json::{Json, Members, object};
use crate::provider::simulator::text::count;
use base64::Engine as _;
use serde_json::Value;

/// Images one call may ask for.
const IMAGES: u64 = 10;

/// What the vendor adds to a prompt, in tokens.
const AROUND: u64 = 6;

/// Answers with images: as base64, or by addresses nobody serves. A model of the name `dall-e-…` tells no usage.
pub(in crate::provider::simulator) fn answer(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let prompt = match ask.member("prompt") {
        Some(Value::String(prompt)) => prompt,
        Some(_) => return Err(Refusal::wrong_type("prompt", "a string")),
        None => return Err(Refusal::missing("prompt")),
    };
    if ask.flag("stream")? {
        return Err(Refusal::invalid(
            "The simulator streams no images.",
            Some("stream"),
        ));
    }
    let images = ask.number("n", 1, IMAGES)?.unwrap_or(1);
    let word = |name: &str, otherwise: &'static str| match ask.member(name) {
        None => Ok(otherwise),
        Some(Value::String(word)) => Ok(word.as_str()),
        Some(_) => Err(Refusal::wrong_type(name, "a string")),
    };
    let (size, quality) = (word("size", "1024x1024")?, word("quality", "high")?);
    let by_address = word("response_format", "b64_json")? == "url";
    let each = tokens(size, quality);
    let data: Vec<Json> = (0..images)
        .map(|index| image(ask, 1 + index, by_address, prompt))
        .collect();
    let usage = Usage {
        images,
        ..ask.usage(count(prompt) + AROUND, each.saturating_mul(images), 0)
    };
    let mut body = Members::default();
    body.add("created", &CREATED);
    if !ask.model.starts_with("dall-e") {
        body.add("background", "opaque");
    }
    body.add("data", &data);
    if !ask.model.starts_with("dall-e") {
        body.add("output_format", "png");
        body.add("quality", quality);
        body.add("size", size);
        if let Some(report) = ask.report(usage_json(usage)) {
            body.add("usage", &report);
        }
    }
    Ok(Reply {
        usage,
        form: Form::Whole(body.finish()),
    })
}

fn image(ask: &Ask<'_>, part: u64, by_address: bool, prompt: &str) -> Json {
    let mut random = ask.random(part);
    if by_address {
        let name = random.id("img-", 24);
        return object! {
            "revised_prompt": prompt, "url": format!("https://images.invalid/{name}.png"),
        };
    }
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    for _ in 0..16 {
        bytes.extend_from_slice(&random.next().to_le_bytes());
    }
    object! { "b64_json": base64::engine::general_purpose::STANDARD.encode(bytes) }
}

/// What an image takes, as the vendor publishes it for its first models.
fn tokens(size: &str, quality: &str) -> u64 {
    let (square, tall, wide) = match quality {
        "low" => (272, 408, 400),
        "medium" => (1056, 1584, 1568),
        _ => (4160, 6240, 6208),
    };
    match size {
        "1024x1536" => tall,
        "1536x1024" => wide,
        _ => square,
    }
}

fn usage_json(usage: Usage) -> Json {
    object! {
        "input_tokens": usage.input.0,
        "input_tokens_details": object! { "image_tokens": 0_u64, "text_tokens": usage.input.0 },
        "output_tokens": usage.output.0,
        "output_tokens_details": object! { "image_tokens": usage.output.0, "text_tokens": 0_u64 },
        "total_tokens": usage.input.plus(usage.output).0,
    }
}
