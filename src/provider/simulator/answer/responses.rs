//! `responses`, whole; `responses_stream` sends the same as events.

use super::chat::any_object;
use super::compose::{Choice, Finish, choice};
use super::error::Refusal;
use super::prompt::Prompt;
use super::tools::{ToolCall, Tools};
use super::{Ask, CREATED, Form, Reply, at_head, responses_stream};
use crate::chat::Usage;
use crate::provider::simulator::json::{EMPTY, Json, Members, NULL, object};
use serde_json::{Value, json};

/// Answers a request to the responses API.
pub(in crate::provider::simulator) fn answer(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let prompt = Prompt::of_responses(ask)?;
    let tools = Tools::read(ask)?;
    let format = format(ask)?;
    let cap = ask.cap(&["max_output_tokens"])?;
    let streams = ask.streams()?;
    if ask.include_usage() {
        // This API always reports its usage, and does not know the option.
        return Err(Refusal::unknown_parameter("stream_options.include_usage"));
    }
    let choice = choice(ask, &prompt, &tools, format.as_ref(), 0, cap);
    let usage = ask.usage(prompt.tokens, choice.tokens, choice.reasoning);
    let response = Response::new(ask, &choice, usage);
    if streams {
        return Ok(Reply {
            usage: at_head(usage),
            form: Form::Stream(Box::new(responses_stream::stream(&response))),
        });
    }
    Ok(Reply {
        usage,
        form: Form::Whole(response.finished()),
    })
}

fn format(ask: &Ask<'_>) -> Result<Option<Value>, Refusal> {
    let Some(format) = ask.member("text").and_then(|text| text.get("format")) else {
        return Ok(None);
    };
    match format.get("type").and_then(Value::as_str) {
        Some("text") => Ok(None),
        Some("json_object") => Ok(Some(any_object())),
        Some("json_schema") => format
            .get("schema")
            .cloned()
            .map(Some)
            .ok_or_else(|| Refusal::missing("text.format.schema")),
        _ => Err(Refusal::wrong_type(
            "text.format",
            "an object of type text, json_object or json_schema",
        )),
    }
}

/// The usage as this API reports it.
fn usage_json(usage: Usage) -> Json {
    object! {
        "input_tokens": usage.input.0,
        "input_tokens_details": object! { "cached_tokens": usage.cached_input.0, "cache_write_tokens": 0_u64 },
        "output_tokens": usage.output.0,
        "output_tokens_details": object! { "reasoning_tokens": usage.reasoning.0 },
        "total_tokens": usage.input.plus(usage.output).0,
    }
}

/// One item of the output.
#[derive(Debug, Clone)]
pub(super) enum Item {
    Reasoning { id: String },
    Message { id: String, text: String },
    Call { id: String, call: ToolCall },
}

/// Where an item or a response is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    InProgress,
    Completed,
    Incomplete,
}

impl Status {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete => "incomplete",
        }
    }
}

impl Item {
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Reasoning { id } | Self::Message { id, .. } | Self::Call { id, .. } => id,
        }
    }

    /// The item: empty while it is in progress, filled when it is done.
    pub(super) fn json(&self, status: Status) -> Json {
        let begun = status == Status::InProgress;
        match self {
            Self::Reasoning { id } => {
                object! { "id": id, "type": "reasoning", "summary": EMPTY }
            }
            Self::Message { id, text } => {
                let content = if begun { vec![] } else { vec![part(text)] };
                object! {
                    "id": id, "type": "message", "status": status.name(), "content": content, "role": "assistant",
                }
            }
            Self::Call { id, call } => {
                let arguments = if begun { "" } else { &call.arguments };
                object! {
                    "id": id, "type": "function_call", "status": status.name(), "arguments": arguments,
                    "call_id": call.id, "name": call.name,
                }
            }
        }
    }
}

/// A part of a message that is text.
pub(super) fn part(text: &str) -> Json {
    object! { "type": "output_text", "annotations": EMPTY, "logprobs": EMPTY, "text": text }
}

/// A response, ready to be sent whole or in events.
pub(super) struct Response {
    pub(super) items: Vec<Item>,
    pub(super) end: Status,
    id: String,
    model: String,
    /// What the request said about itself, echoed.
    echo: Json,
    usage: Option<Json>,
}

impl Response {
    fn new(ask: &Ask<'_>, choice: &Choice, usage: Usage) -> Self {
        let mut random = ask.random(0);
        let id = random.id("resp_", 48);
        let mut items = Vec::new();
        if choice.reasoning > 0 {
            items.push(Item::Reasoning {
                id: random.id("rs_", 48),
            });
        }
        if let Some(text) = &choice.text {
            items.push(Item::Message {
                id: random.id("msg_", 48),
                text: text.clone(),
            });
        }
        for call in &choice.calls {
            items.push(Item::Call {
                id: random.id("fc_", 48),
                call: call.clone(),
            });
        }
        Self {
            items,
            end: if choice.finish == Finish::Length {
                Status::Incomplete
            } else {
                Status::Completed
            },
            id,
            model: ask.model.to_owned(),
            echo: echo(ask),
            usage: ask.report(usage_json(usage)),
        }
    }

    /// The response as it is at the end.
    pub(super) fn finished(&self) -> Json {
        let output: Vec<Json> = self
            .statuses()
            .map(|(item, status)| item.json(status))
            .collect();
        self.json(self.end, &output, self.usage.clone())
    }

    /// The response as it is at its beginning.
    pub(super) fn begun(&self) -> Json {
        self.json(Status::InProgress, &EMPTY, Some(Json::null()))
    }

    /// The items with the status they end in: only the last can be cut short.
    pub(super) fn statuses(&self) -> impl Iterator<Item = (&Item, Status)> {
        let last = self.items.len().saturating_sub(1);
        self.items.iter().enumerate().map(move |(at, item)| {
            let whole = at < last;
            (item, if whole { Status::Completed } else { self.end })
        })
    }

    fn json(&self, status: Status, output: &[Json], usage: Option<Json>) -> Json {
        let incomplete =
            (status == Status::Incomplete).then(|| object! { "reason": "max_output_tokens" });
        let mut body = Members::default();
        body.add("id", &self.id);
        body.add("object", "response");
        body.add("created_at", &CREATED);
        body.add("status", status.name());
        body.add("background", &false);
        body.add("error", &NULL);
        body.add("incomplete_details", &incomplete);
        body.add("model", &self.model);
        body.add("output", output);
        if let Some(usage) = usage {
            body.add("usage", &usage);
        }
        // The echoed members follow, without the brace that opens them.
        let mut whole = body.finish().0;
        whole.pop();
        whole.push(',');
        whole.push_str(self.echo.0.trim_start_matches('{'));
        Json(whole)
    }
}

fn echo(ask: &Ask<'_>) -> Json {
    let or = |name: &str, default: Value| ask.member(name).cloned().unwrap_or(default);
    let mut text = or("text", json!({}));
    if let Value::Object(text) = &mut text {
        text.entry("format")
            .or_insert_with(|| json!({ "type": "text" }));
        text.entry("verbosity").or_insert_with(|| json!("medium"));
    }
    object! {
        "instructions": or("instructions", Value::Null),
        "max_output_tokens": or("max_output_tokens", Value::Null),
        "max_tool_calls": or("max_tool_calls", Value::Null),
        "parallel_tool_calls": or("parallel_tool_calls", json!(true)),
        "previous_response_id": or("previous_response_id", Value::Null),
        "reasoning": or("reasoning", json!({ "effort": null, "summary": null })),
        "service_tier": "default",
        "store": or("store", json!(true)),
        "temperature": or("temperature", json!(1.0)),
        "text": text,
        "tool_choice": or("tool_choice", json!("auto")),
        "tools": or("tools", json!([])),
        "top_logprobs": or("top_logprobs", json!(0)),
        "top_p": or("top_p", json!(1.0)),
        "truncation": or("truncation", json!("disabled")),
        "user": or("user", Value::Null),
        "metadata": or("metadata", json!({})),
    }
}
