//! `moderations`: a verdict on each text. A category is flagged where the text names it (`violence`, `self-harm`).

use super::error::Refusal;
use super::{Ask, Form, Reply};
use crate::provider::simulator::json::{Json, Members, object};
use crate::provider::simulator::text::{Random, count};
use serde_json::Value;

/// The model that answers where none is named.
pub(in crate::provider::simulator) const MODEL: &str = "omni-moderation-latest";

/// Inputs in one call.
const INPUTS: usize = 2048;

/// What is looked for, and whether images are looked at for it, in the order the vendor has them.
const CATEGORIES: [(&str, bool); 13] = [
    ("harassment", false),
    ("harassment/threatening", false),
    ("sexual", true),
    ("hate", false),
    ("hate/threatening", false),
    ("illicit", false),
    ("illicit/violent", false),
    ("self-harm/intent", true),
    ("self-harm/instructions", true),
    ("self-harm", true),
    ("sexual/minors", false),
    ("violence", true),
    ("violence/graphic", true),
];

/// One thing to judge.
#[derive(Default)]
struct Input {
    text: String,
    image: bool,
}

/// Answers a moderation: a result for each text of a list, one for all parts together.
pub(in crate::provider::simulator) fn answer(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let inputs = inputs(ask.member("input"))?;
    let results: Vec<Json> = (0_u64..)
        .zip(&inputs)
        .map(|(at, input)| verdict(input, &mut ask.random(1 + at)))
        .collect();
    let tokens = inputs.iter().map(|input| count(&input.text)).sum();
    let mut id = ask.random(0);
    Ok(Reply {
        usage: ask.usage(tokens, 0, 0),
        form: Form::Whole(object! {
            "id": id.id("modr-", 29), "model": ask.model, "results": results,
        }),
    })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "53 bits are more than a score needs"
)]
fn verdict(input: &Input, random: &mut Random) -> Json {
    let text = input.text.to_lowercase();
    let (mut said, mut scores, mut types) =
        (Members::default(), Members::default(), Members::default());
    let mut flagged = false;
    for (name, sees) in CATEGORIES {
        let found = text.contains(name);
        flagged |= found;
        let chance = (random.next() >> 11) as f64 / (1_u64 << 53) as f64;
        said.add(name, &found);
        scores.add(
            name,
            &if found {
                0.9 + chance / 10.0
            } else {
                chance / 1000.0
            },
        );
        let mut looked = Vec::new();
        if !text.is_empty() {
            looked.push("text");
        }
        if input.image && sees {
            looked.push("image");
        }
        types.add(name, &looked);
    }
    object! {
        "flagged": flagged,
        "categories": said.finish(),
        "category_scores": scores.finish(),
        "category_applied_input_types": types.finish(),
    }
}

fn inputs(input: Option<&Value>) -> Result<Vec<Input>, Refusal> {
    let wrong = || {
        Refusal::wrong_type(
            "input",
            "a string, an array of strings, or an array of parts",
        )
    };
    let text = |text: &str| Input {
        text: text.to_owned(),
        image: false,
    };
    match input {
        None => Err(Refusal::missing("input")),
        Some(Value::String(one)) => Ok(vec![text(one)]),
        Some(Value::Array(many)) if many.is_empty() || many.len() > INPUTS => Err(wrong()),
        Some(Value::Array(many)) if many.iter().all(Value::is_string) => {
            Ok(many.iter().filter_map(Value::as_str).map(text).collect())
        }
        Some(Value::Array(parts)) => {
            let mut whole = Input::default();
            for part in parts {
                match part.get("type").and_then(Value::as_str) {
                    Some("text") => {
                        let said = part.get("text").and_then(Value::as_str);
                        whole.text.push_str(said.ok_or_else(wrong)?);
                    }
                    Some("image_url") => {
                        let url = part.get("image_url").and_then(|image| image.get("url"));
                        url.and_then(Value::as_str).ok_or_else(wrong)?;
                        whole.image = true;
                    }
                    _ => return Err(wrong()),
                }
            }
            Ok(vec![whole])
        }
        Some(_) => Err(wrong()),
    }
}
