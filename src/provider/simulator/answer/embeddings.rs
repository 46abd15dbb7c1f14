//! `embeddings`: vectors of length one that follow from the seed and the text.

use super::error::Refusal;
use super::{Ask, Form, Reply};
use crate::provider::simulator::json::{Json, Write as _, object};
use crate::provider::simulator::text::{Random, count};
use base64::Engine as _;
use serde_json::Value;

/// Inputs in one call.
const INPUTS: usize = 2048;
/// Dimensions nobody asked for.
const DIMENSIONS: u64 = 1536;
/// The most dimensions.
const MOST: u64 = 4096;

/// Answers an embedding; `seed` is the server's, because a text has the same vector in whatever company it comes.
pub(in crate::provider::simulator) fn answer(ask: &Ask<'_>, seed: u64) -> Result<Reply, Refusal> {
    let inputs = inputs(ask.member("input"))?;
    let dimensions = ask.number("dimensions", 1, MOST)?.unwrap_or(DIMENSIONS);
    let packed = match ask.member("encoding_format").map(Value::as_str) {
        None | Some(Some("float")) => false,
        Some(Some("base64")) => true,
        _ => return Err(Refusal::wrong_type("encoding_format", "float or base64")),
    };
    let data: Vec<Json> = (0_u64..)
        .zip(&inputs)
        .map(|(index, input)| {
            let vector = vector(seed, ask.model, &input.text, dimensions);
            let mut embedding = String::new();
            if packed {
                let bytes: Vec<u8> = vector.iter().flat_map(|part| part.to_le_bytes()).collect();
                base64::engine::general_purpose::STANDARD
                    .encode(bytes)
                    .write(&mut embedding);
            } else {
                vector.write(&mut embedding);
            }
            object! { "object": "embedding", "index": index, "embedding": Json(embedding) }
        })
        .collect();
    let usage = ask.usage(inputs.iter().map(|input| input.tokens).sum(), 0, 0);
    let report = ask.report(object! {
        "prompt_tokens": usage.input.0, "total_tokens": usage.input.0,
    });
    let mut body = crate::provider::simulator::json::Members::default();
    body.add("object", "list");
    body.add("data", &data);
    body.add("model", ask.model);
    if let Some(report) = report {
        body.add("usage", &report);
    }
    Ok(Reply {
        usage,
        form: Form::Whole(body.finish()),
    })
}

/// One thing to embed.
struct Input {
    text: String,
    tokens: u64,
}

fn inputs(input: Option<&Value>) -> Result<Vec<Input>, Refusal> {
    let wrong = || Refusal::wrong_type("input", "a string, an array of strings, or tokens");
    let text = |text: &str| Input {
        text: text.to_owned(),
        tokens: count(text),
    };
    let ids = |ids: &[Value]| {
        (!ids.is_empty() && ids.iter().all(Value::is_u64)).then(|| Input {
            text: Value::from(ids.to_vec()).to_string(),
            tokens: u64::try_from(ids.len()).unwrap_or(u64::MAX),
        })
    };
    match input {
        None => Err(Refusal::missing("input")),
        Some(Value::String(one)) => Ok(vec![text(one)]),
        Some(Value::Array(many)) => {
            if let Some(one) = ids(many) {
                return Ok(vec![one]);
            }
            if many.is_empty() || many.len() > INPUTS {
                return Err(wrong());
            }
            many.iter()
                .map(|one| match one {
                    Value::String(one) => Ok(text(one)),
                    Value::Array(one) => ids(one).ok_or_else(wrong),
                    _ => Err(wrong()),
                })
                .collect()
        }
        Some(_) => Err(wrong()),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "31 bits are more than an embedding needs"
)]
pub(super) fn vector(seed: u64, model: &str, text: &str, dimensions: u64) -> Vec<f32> {
    let mut random = Random::of(seed, format!("{model}\0{text}").as_bytes());
    let parts: Vec<f32> = (0..dimensions)
        .map(|_| {
            let bits = i64::try_from(random.next() >> 33).unwrap_or(0) - (1 << 30);
            bits as f32 / (1_u32 << 30) as f32
        })
        .collect();
    let length = parts.iter().map(|part| part * part).sum::<f32>().sqrt();
    if length > 0.0 {
        parts.into_iter().map(|part| part / length).collect()
    } else {
        parts
    }
}
