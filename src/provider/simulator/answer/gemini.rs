//! Gemini's `generateContent`, whole and as events, and what is counted and embedded in its words.
//!
//! A request is checked and read into the words that chat has for the same (`gemini_shape`), so that one model of what is
//! said serves both. Its streams tell the usage with every event, and end with the connection.

use super::compose::{Choice, Finish, choice, tokens};
use super::embeddings::vector;
use super::error::Refusal;
use super::gemini_shape::{Read, Text};
use super::prompt::Prompt;
use super::tools::Tools;
use super::{Ask, Form, Reply, at_head};
use crate::chat::{Dialect, Usage};
use crate::provider::simulator::body::Frame;
use crate::provider::simulator::json::{Json, Members, object};
use crate::provider::simulator::text::{self, count};
use crate::units::Tokens;
use serde_json::Value;

/// What every thought is signed with.
const SIGNATURE: &str = "c2ltdWxhdGVk";

/// Dimensions nobody asked for.
const DIMENSIONS: u64 = 3072;

/// Answers a request to generate.
pub(in crate::provider::simulator) fn answer(
    ask: &Ask<'_>,
    read: &Read,
    stream: bool,
) -> Result<Reply, Refusal> {
    let prompt = Prompt::of_chat(ask)?;
    let tools = Tools::read(ask)?;
    let cap = ask.cap(&["max_tokens"])?;
    let choices: Vec<Choice> = (0..ask.choices()?)
        .map(|index| choice(ask, &prompt, &tools, read.schema.as_ref(), index, cap))
        .collect();
    let sum = |part: fn(&Choice) -> u64| choices.iter().map(part).sum();
    let mut usage = ask.usage(
        prompt.tokens,
        sum(|choice| choice.tokens),
        sum(|choice| choice.reasoning),
    );
    usage.searches = ask.knobs.search;
    let answer = Answer::new(ask, read, choices, usage);
    if stream {
        return Ok(Reply {
            usage: at_head(usage),
            form: Form::Stream(Box::new(answer.events().into_iter())),
        });
    }
    Ok(Reply {
        usage,
        form: Form::Whole(answer.whole()),
    })
}

/// How many tokens the input has.
pub(in crate::provider::simulator) fn counted(ask: &Ask<'_>) -> Result<Json, Refusal> {
    let tokens = Prompt::of_chat(ask)?.tokens.min(ask.bytes);
    let details = [object! { "modality": "TEXT", "tokenCount": tokens }];
    Ok(object! { "totalTokens": tokens, "promptTokensDetails": details })
}

/// Embeds one text, or several (`batch`).
pub(in crate::provider::simulator) fn embedded(
    ask: &Ask<'_>,
    texts: &[Text],
    seed: u64,
    batch: bool,
) -> Reply {
    let one = |text: &Text| {
        let dimensions = text.dimensions.unwrap_or(DIMENSIONS);
        object! { "values": vector(seed, ask.model, &text.text, dimensions) }
    };
    let all: Vec<Json> = texts.iter().map(one).collect();
    let usage = ask.usage(texts.iter().map(|text| count(&text.text)).sum(), 0, 0);
    let mut body = Members::default();
    match all.first() {
        Some(one) if !batch => body.add("embedding", one),
        _ => body.add("embeddings", &all),
    }
    if let Some(report) = ask.report(object! { "promptTokenCount": usage.input.0 }) {
        body.add("usageMetadata", &report);
    }
    Reply {
        usage,
        form: Form::Whole(body.finish()),
    }
}

/// An answer, ready to be sent whole or in events.
struct Answer {
    candidates: Vec<Candidate>,
    usage: Usage,
    model: String,
    id: String,
    /// How the usage is reported, by the knobs: as it is, as `null`, or not at all.
    report: Option<Json>,
}

struct Candidate {
    thoughts: String,
    choice: Choice,
}

impl Answer {
    fn new(ask: &Ask<'_>, read: &Read, choices: Vec<Choice>, usage: Usage) -> Self {
        let mut random = ask.random(0);
        let id = random.id("", 22);
        let candidates = choices.into_iter().map(|choice| Candidate {
            thoughts: if read.shows_thoughts {
                text::write(&mut random, choice.reasoning)
            } else {
                String::new()
            },
            choice,
        });
        Self {
            candidates: candidates.collect(),
            usage,
            model: ask.model.to_owned(),
            id,
            report: ask.report(object! {}),
        }
    }

    fn whole(&self) -> Json {
        let candidates: Vec<Json> = (0_u64..)
            .zip(&self.candidates)
            .map(|(index, candidate)| {
                let mut parts = Vec::new();
                if !candidate.thoughts.is_empty() {
                    parts.push(thought(&candidate.thoughts));
                }
                if let Some(text) = candidate
                    .choice
                    .text
                    .as_ref()
                    .filter(|text| !text.is_empty())
                {
                    parts.push(object! { "text": text });
                }
                parts.extend(Self::calls(candidate));
                self.candidate(index, &parts, Some(candidate))
            })
            .collect();
        self.body(&candidates, self.usage)
    }

    fn calls(candidate: &Candidate) -> Vec<Json> {
        let calls = candidate.choice.calls.iter().map(|call| {
            // Cut short by the cap it is no JSON, and cannot stand as it is.
            let args: Value = serde_json::from_str(&call.arguments)
                .unwrap_or_else(|_| Value::Object(serde_json::Map::new()));
            let made = object! { "id": call.id, "name": call.name, "args": args };
            object! { "functionCall": made, "thoughtSignature": SIGNATURE }
        });
        calls.collect()
    }

    /// A candidate with these parts; `ended`: it says nothing more.
    fn candidate(&self, index: u64, parts: &[Json], ended: Option<&Candidate>) -> Json {
        let mut told = Members::default();
        told.add("content", &object! { "parts": parts, "role": "model" });
        if let Some(candidate) = ended {
            let reason = match candidate.choice.finish {
                Finish::Stop | Finish::Calls => "STOP",
                Finish::Length => "MAX_TOKENS",
            };
            told.add("finishReason", reason);
        }
        told.add("index", &index);
        if ended.is_some() && index == 0 && self.usage.searches > 0 {
            let queries: Vec<String> = (0..self.usage.searches)
                .map(|at| format!("query {at}"))
                .collect();
            let grounding = object! { "webSearchQueries": queries };
            told.add("groundingMetadata", &grounding);
        }
        told.finish()
    }

    fn body(&self, candidates: &[Json], usage: Usage) -> Json {
        let mut body = Members::default();
        body.add("candidates", candidates);
        match &self.report {
            Some(report) if report.0 == "null" => body.add("usageMetadata", report),
            Some(_) => body.add("usageMetadata", &usage_json(usage)),
            None => {}
        }
        body.add("modelVersion", &self.model);
        body.add("responseId", &self.id);
        body.finish()
    }

    /// All events: each candidate's pieces, one after the other, and its end with the last of them.
    fn events(&self) -> Vec<Frame> {
        let mut events = Vec::new();
        let mut so_far = Usage {
            output: self.usage.reasoning,
            searches: 0,
            ..self.usage
        };
        for (index, candidate) in (0_u64..).zip(&self.candidates) {
            let mut event = |parts: &[Json], tokens: u64, content: bool, ended: bool| {
                so_far.output = so_far.output.plus(Tokens(tokens));
                let ended = ended.then_some(candidate);
                let told = [self.candidate(index, parts, ended)];
                let body = self.body(&told, so_far);
                events.push(Frame {
                    bytes: format!("data: {}\r\n\r\n", body.0).into(),
                    tokens,
                    content,
                });
            };
            for piece in tokens(&candidate.thoughts) {
                event(&[thought(&piece)], 0, true, false);
            }
            let text = candidate.choice.text.as_deref().unwrap_or_default();
            for piece in tokens(text) {
                event(&[object! { "text": piece }], 1, true, false);
            }
            for (call, part) in candidate.choice.calls.iter().zip(Self::calls(candidate)) {
                let tokens = count(&call.name) + count(&call.arguments);
                event(&[part], tokens, true, false);
            }
            event(&[object! { "text": "" }], 0, false, true);
        }
        events
    }
}

fn thought(text: &str) -> Json {
    object! { "text": text, "thought": true }
}

/// The usage as Gemini reports it: no count of nought is written.
fn usage_json(usage: Usage) -> Json {
    let mut told = Members::default();
    let visible = usage.output.minus(usage.reasoning);
    let total = usage.input.plus(usage.output);
    for (name, count) in [
        ("promptTokenCount", usage.input),
        ("candidatesTokenCount", visible),
        ("totalTokenCount", total),
        ("cachedContentTokenCount", usage.cached_input),
    ] {
        if count > Tokens::ZERO {
            told.add(name, &count.0);
        }
    }
    let details = [object! { "modality": "TEXT", "tokenCount": usage.input.0 }];
    told.add("promptTokensDetails", &details);
    if usage.reasoning > Tokens::ZERO {
        told.add("thoughtsTokenCount", &usage.reasoning.0);
    }
    told.finish()
}

/// An event that ends a stream with an error.
pub(in crate::provider::simulator) fn failure(error: &Refusal) -> Frame {
    let body = error.body(Dialect::Gemini);
    Frame::around(format!("data: {}\r\n\r\n", body.0))
}
