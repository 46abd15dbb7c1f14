//! `chat/completions`: whole and streamed.

use super::compose::{Choice, choice, tokens};
use super::error::Refusal;
use super::prompt::Prompt;
use super::tools::{ToolCall, Tools};
use super::{Ask, CREATED, DONE, Form, Reply, at_head, event};
use crate::chat::Usage;
use crate::provider::simulator::body::Frame;
use crate::provider::simulator::json::{EMPTY, Json, Members, NULL, object};
use crate::provider::simulator::text::{Random, count};
use serde_json::{Value, json};

const FINGERPRINT: &str = "fp_tollgate_sim";

/// Answers a chat.
pub(in crate::provider::simulator) fn answer(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let prompt = Prompt::of_chat(ask)?;
    let tools = Tools::read(ask)?;
    let format = format(ask)?;
    let cap = ask.cap(&["max_completion_tokens", "max_tokens"])?;
    if ask.member("max_tokens").is_some() && ask.member("max_completion_tokens").is_some() {
        return Err(Refusal::invalid(
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
            Some("max_tokens"),
        ));
    }
    let choices: Vec<Choice> = (0..ask.choices()?)
        .map(|index| choice(ask, &prompt, &tools, format.as_ref(), index, cap))
        .collect();
    let usage = ask.usage(
        prompt.tokens,
        choices.iter().map(|choice| choice.tokens).sum(),
        choices.iter().map(|choice| choice.reasoning).sum(),
    );
    let id = ask.random(0).id("chatcmpl-", 29);
    let logprobs = ask.flag("logprobs")?;
    if ask.streams()? {
        return Ok(Reply {
            usage: at_head(usage),
            form: Form::Stream(Box::new(stream(ask, &id, choices, usage, logprobs))),
        });
    }
    let choices: Vec<Json> = (0_u64..)
        .zip(&choices)
        .map(|(index, choice)| whole(index, choice, logprobs))
        .collect();
    let mut body = Members::default();
    body.add("id", &id);
    body.add("object", "chat.completion");
    body.add("created", &CREATED);
    body.add("model", ask.model);
    body.add("choices", &choices);
    if let Some(usage) = ask.report(usage_json(usage)) {
        body.add("usage", &usage);
    }
    body.add("service_tier", "default");
    body.add("system_fingerprint", FINGERPRINT);
    Ok(Reply {
        usage,
        form: Form::Whole(body.finish()),
    })
}

/// The schema the answer must satisfy, if it must be JSON.
fn format(ask: &Ask<'_>) -> Result<Option<Value>, Refusal> {
    let Some(format) = ask.member("response_format") else {
        return Ok(None);
    };
    match format.get("type").and_then(Value::as_str) {
        Some("text") => Ok(None),
        Some("json_object") => Ok(Some(any_object())),
        Some("json_schema") => format
            .pointer("/json_schema/schema")
            .cloned()
            .map(Some)
            .ok_or_else(|| Refusal::missing("response_format.json_schema.schema")),
        _ => Err(Refusal::wrong_type(
            "response_format",
            "an object of type text, json_object or json_schema",
        )),
    }
}

/// The schema of an answer that must be JSON and no more.
pub(super) fn any_object() -> Value {
    json!({ "type": "object", "properties": { "answer": { "type": "string" } } })
}

/// The usage as chat and completions report it.
pub(super) fn usage_json(usage: Usage) -> Json {
    object! {
        "prompt_tokens": usage.input.0,
        "completion_tokens": usage.output.0,
        "total_tokens": usage.input.plus(usage.output).0,
        "prompt_tokens_details": object! { "cached_tokens": usage.cached_input.0, "cache_write_tokens": 0_u64, "audio_tokens": 0_u64 },
        "completion_tokens_details": object! {
            "reasoning_tokens": usage.reasoning.0,
            "audio_tokens": 0_u64,
            "accepted_prediction_tokens": 0_u64,
            "rejected_prediction_tokens": 0_u64,
        },
    }
}

fn whole(index: u64, choice: &Choice, logprobs: bool) -> Json {
    let mut message = Members::default();
    message.add("role", "assistant");
    message.add("content", &choice.text);
    if !choice.calls.is_empty() {
        let calls: Vec<Json> = choice
            .calls
            .iter()
            .map(|call| tool_call(None, call))
            .collect();
        message.add("tool_calls", &calls);
    }
    message.add("refusal", &NULL);
    message.add("annotations", &EMPTY);
    let text = choice.text.as_deref().filter(|_| logprobs);
    object! {
        "index": index,
        "message": message.finish(),
        "logprobs": text.map(|text| probabilities(&tokens(text))),
        "finish_reason": choice.finish.name(),
    }
}

/// A call as a message holds it, or with its index as the first piece of a stream.
fn tool_call(index: Option<u64>, call: &ToolCall) -> Json {
    let mut members = Members::default();
    if let Some(index) = index {
        members.add("index", &index);
    }
    members.add("id", &call.id);
    members.add("type", "function");
    let arguments = if index.is_some() { "" } else { &call.arguments };
    let function = object! { "name": call.name, "arguments": arguments };
    members.add("function", &function);
    members.finish()
}

/// The log probabilities of these tokens: made up, but always the same for the same token.
fn probabilities(tokens: &[String]) -> Json {
    let content: Vec<Json> = tokens.iter().map(|token| probability(token)).collect();
    object! { "content": content, "refusal": NULL }
}

fn probability(token: &str) -> Json {
    let bytes: Vec<u64> = token.bytes().map(u64::from).collect();
    object! {
        "token": token, "logprob": log_probability(token), "bytes": bytes, "top_logprobs": EMPTY,
    }
}

/// Between -0.001 and -1, in thousandths.
pub(super) fn log_probability(token: &str) -> f64 {
    let thousandths = 1 + Random::of(0, token.as_bytes()).below(1000);
    -(f64::from(u32::try_from(thousandths).unwrap_or(1)) / 1000.0)
}

/// What every chunk of one stream has in common.
struct Chunks {
    head: String,
    tail: &'static str,
}

impl Chunks {
    fn chunk(
        &self,
        index: u64,
        delta: &Json,
        logprobs: Option<&Json>,
        finish: Option<&str>,
    ) -> String {
        let choice = object! {
            "index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish,
        };
        format!("{}[{}]{}", self.head, choice.0, self.tail)
    }
}

fn stream(
    ask: &Ask<'_>,
    id: &str,
    choices: Vec<Choice>,
    usage: Usage,
    logprobs: bool,
) -> impl Iterator<Item = Frame> + Send + use<> {
    let include = ask.include_usage();
    let common = object! {
        "id": id, "object": "chat.completion.chunk", "created": CREATED, "model": ask.model,
        "service_tier": "default", "system_fingerprint": FINGERPRINT,
    };
    // The choices go before the closing brace.
    let open = common.0.trim_end_matches('}');
    let head = format!("data: {open},\"choices\":");
    let tail = if include {
        ",\"usage\":null}\n\n"
    } else {
        "}\n\n"
    };
    let last = ask
        .report(usage_json(usage))
        .filter(|_| include)
        .map(|usage| {
            let mut text = format!("{head}[],\"usage\":");
            crate::provider::simulator::json::Write::write(&usage, &mut text);
            Frame::around(text + "}\n\n")
        });
    let chunks = std::sync::Arc::new(Chunks { head, tail });
    (0_u64..)
        .zip(choices)
        .flat_map(move |(index, choice)| one(&chunks, index, &choice, logprobs))
        .chain(last)
        .chain(std::iter::once(Frame::around(DONE)))
}

/// The events of one choice: its role, its content, its end.
fn one(
    chunks: &std::sync::Arc<Chunks>,
    index: u64,
    choice: &Choice,
    logprobs: bool,
) -> impl Iterator<Item = Frame> + Send + use<> {
    let opening = choice.text.as_ref().map(|_| "");
    let role = object! { "role": "assistant", "content": opening, "refusal": NULL };
    let first = Frame::around(chunks.chunk(index, &role, None, None));
    let last = chunks.chunk(index, &object! {}, None, Some(choice.finish.name()));
    let text = tokens(choice.text.as_deref().unwrap_or_default());
    let shared = std::sync::Arc::clone(chunks);
    let texts = text.into_iter().map(move |token| {
        let delta = object! { "content": token };
        let logprobs = logprobs.then(|| probabilities(std::slice::from_ref(&token)));
        Frame::content(shared.chunk(index, &delta, logprobs.as_ref(), None), 1)
    });
    let shared = std::sync::Arc::clone(chunks);
    let calls = choice.calls.clone();
    let calls = (0_u64..).zip(calls).flat_map(move |(at, call)| {
        let delta = object! { "tool_calls": [tool_call(Some(at), &call)] };
        let begin = Frame::content(shared.chunk(index, &delta, None, None), count(&call.name));
        let shared = std::sync::Arc::clone(&shared);
        let fragments = tokens(&call.arguments).into_iter().map(move |fragment| {
            let function = object! { "arguments": fragment };
            let delta = object! { "tool_calls": [object! { "index": at, "function": function }] };
            Frame::content(shared.chunk(index, &delta, None, None), 1)
        });
        std::iter::once(begin).chain(fragments)
    });
    std::iter::once(first)
        .chain(texts)
        .chain(calls)
        .chain(std::iter::once(Frame::around(last)))
}

/// An event that ends a stream with an error.
pub(in crate::provider::simulator) fn failure(error: &Refusal) -> Frame {
    Frame::around(event(&error.json()))
}
