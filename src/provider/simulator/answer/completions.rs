//! `completions`, the older text endpoint: whole and streamed.

use super::chat::{log_probability, usage_json};
use super::compose::{Choice, plain, said, tokens};
use super::error::Refusal;
use super::{Ask, CREATED, DONE, Form, Reply, at_head};
use crate::provider::simulator::body::Frame;
use crate::provider::simulator::json::{Json, Members, NULL, object};
use crate::provider::simulator::text::count;
use serde_json::Value;
use std::sync::Arc;

/// Prompts in one call.
const PROMPTS: usize = 2048;
/// Choices over all prompts.
const CHOICES: u64 = 4096;
/// Tokens of an answer whose request sets no cap, as the vendor has it.
const DEFAULT_CAP: u64 = 16;

/// What one prompt is: a text, or the number of its tokens.
struct Prompt {
    text: String,
    tokens: u64,
}

/// Answers a completion.
pub(in crate::provider::simulator) fn answer(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let prompts = prompts(ask.body.get("prompt"))?;
    let streams = ask.streams()?;
    let shown = ask.choices()?;
    let made = ask.number("best_of", 1, 128)?.unwrap_or(shown);
    if made < shown || (streams && made > shown) {
        return Err(Refusal::invalid(
            "'best_of' must be at least 'n', and equal to it in a stream.",
            Some("best_of"),
        ));
    }
    let of_all = made.saturating_mul(u64::try_from(prompts.len()).unwrap_or(u64::MAX));
    if of_all > CHOICES {
        return Err(Refusal::invalid(
            "Too many choices over all prompts.",
            Some("n"),
        ));
    }
    let default = Some(DEFAULT_CAP).filter(|_| ask.knobs.out.is_none() && !ask.knobs.overrun);
    let room = ask.cap(&["max_tokens"])?.or(default).unwrap_or(u64::MAX);
    let echo = ask.flag("echo")?;
    let mut choices = Vec::new();
    let mut unseen = 0;
    for (at, prompt) in (0_u64..).zip(&prompts) {
        for index in 0..made {
            let mut random = ask.random(1 + at * made + index);
            let whole = if ask.knobs.echo {
                prompt.text.clone()
            } else {
                plain(ask, &mut random)
            };
            let choice = said(&whole, room);
            if index < shown {
                choices.push((echo.then(|| prompt.text.clone()), choice));
            } else {
                unseen += choice.tokens;
            }
        }
    }
    let input = prompts.iter().map(|prompt| prompt.tokens).sum();
    let seen: u64 = choices.iter().map(|(_, choice)| choice.tokens).sum();
    let usage = ask.usage(input, seen + unseen, 0);
    let logprobs = ask.member("logprobs").is_some();
    let shape = Shape {
        id: ask.random(0).id("cmpl-", 29),
        model: ask.model.to_owned(),
        logprobs,
    };
    if streams {
        let include = ask.include_usage();
        let last = ask.report(usage_json(usage)).filter(|_| include);
        return Ok(Reply {
            usage: at_head(usage),
            form: Form::Stream(Box::new(stream(shape, choices, include, last))),
        });
    }
    let choices: Vec<Json> = (0_u64..)
        .zip(&choices)
        .map(|(index, (echo, choice))| {
            let mut text = echo.clone().unwrap_or_default();
            text.push_str(choice.text.as_deref().unwrap_or_default());
            shape.choice(index, &text, Some(choice.finish.name()))
        })
        .collect();
    Ok(Reply {
        usage,
        form: Form::Whole(shape.body(&choices, ask.report(usage_json(usage)))),
    })
}

fn prompts(prompt: Option<&Value>) -> Result<Vec<Prompt>, Refusal> {
    let text = |text: &str| Prompt {
        text: text.to_owned(),
        tokens: count(text),
    };
    // The tokens' texts are the vendor's secret; only their number is known here.
    let tokens = |ids: &[Value]| {
        ids.iter().all(Value::is_u64).then(|| Prompt {
            text: String::new(),
            tokens: u64::try_from(ids.len()).unwrap_or(u64::MAX),
        })
    };
    let wrong = || Refusal::wrong_type("prompt", "a string, an array of strings, or tokens");
    match prompt {
        None | Some(Value::Null) => Ok(vec![text("")]),
        Some(Value::String(one)) => Ok(vec![text(one)]),
        Some(Value::Array(many)) if many.is_empty() || many.len() > PROMPTS => tokens(many)
            .filter(|prompt| prompt.tokens > 0)
            .map(|one| vec![one])
            .ok_or_else(wrong),
        Some(Value::Array(many)) => match tokens(many) {
            Some(one) => Ok(vec![one]),
            None => many
                .iter()
                .map(|one| match one {
                    Value::String(one) => Ok(text(one)),
                    Value::Array(ids) => tokens(ids).ok_or_else(wrong),
                    _ => Err(wrong()),
                })
                .collect(),
        },
        Some(_) => Err(wrong()),
    }
}

/// What every body of one answer has in common.
struct Shape {
    id: String,
    model: String,
    logprobs: bool,
}

impl Shape {
    fn choice(&self, index: u64, text: &str, finish: Option<&str>) -> Json {
        let logprobs = self.logprobs.then(|| probabilities(text));
        object! { "text": text, "index": index, "logprobs": logprobs, "finish_reason": finish }
    }

    /// A whole answer or a chunk; `usage` is left out, null, or there.
    fn body(&self, choices: &[Json], usage: Option<Json>) -> Json {
        let mut body = Members::default();
        body.add("id", &self.id);
        body.add("object", "text_completion");
        body.add("created", &CREATED);
        body.add("model", &self.model);
        body.add("choices", choices);
        if let Some(usage) = usage {
            body.add("usage", &usage);
        }
        body.finish()
    }

    fn event(&self, choices: &[Json], usage: Option<Json>) -> String {
        super::event(&self.body(choices, usage))
    }
}

fn probabilities(text: &str) -> Json {
    let tokens = tokens(text);
    let probabilities: Vec<f64> = tokens.iter().map(|token| log_probability(token)).collect();
    let offsets: Vec<usize> = tokens
        .iter()
        .scan(0, |at, token| {
            let start = *at;
            *at += token.len();
            Some(start)
        })
        .collect();
    object! {
        "tokens": tokens, "token_logprobs": probabilities, "top_logprobs": NULL, "text_offset": offsets,
    }
}

fn stream(
    shape: Shape,
    choices: Vec<(Option<String>, Choice)>,
    include: bool,
    last: Option<Json>,
) -> impl Iterator<Item = Frame> + Send {
    let shape = Arc::new(shape);
    let nothing = include.then(Json::null);
    let last = last.map(|usage| Frame::around(shape.event(&[], Some(usage))));
    (0_u64..)
        .zip(choices)
        .flat_map(move |(index, (echo, choice))| {
            let event = |text: &str, finish: Option<&str>| {
                shape.event(&[shape.choice(index, text, finish)], nothing.clone())
            };
            let before = echo.map(|text| Frame::around(event(&text, None)));
            let end = Frame::around(event("", Some(choice.finish.name())));
            let (shape, nothing) = (Arc::clone(&shape), nothing.clone());
            let texts = tokens(choice.text.as_deref().unwrap_or_default())
                .into_iter()
                .map(move |token| {
                    let choice = shape.choice(index, &token, None);
                    Frame::content(shape.event(&[choice], nothing.clone()), 1)
                });
            before.into_iter().chain(texts).chain(std::iter::once(end))
        })
        .chain(last)
        .chain(std::iter::once(Frame::around(DONE)))
}
