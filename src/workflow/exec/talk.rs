//! What a node's model is told and what it says, as chat completions.

use crate::workflow::ir::{Flow, Node};
use crate::workflow::value::{Dict, Value};
use serde_json::{Map, Value as Json, json};

/// What came back.
pub(super) enum Said {
    /// An answer.
    Text(String),
    /// Tools are to be called first.
    Calls(Calls),
    /// No answer: why.
    Nothing(String),
}

/// Calls that a model wants.
pub(super) struct Calls {
    /// What it said, as it goes back into the conversation.
    pub(super) message: Json,
    /// The calls.
    pub(super) all: Vec<Call>,
}

/// One of them.
pub(super) struct Call {
    pub(super) id: String,
    pub(super) name: String,
    /// As written; JSON if the model did well.
    pub(super) arguments: String,
}

/// The question, with what was wrong with the last answer to it.
pub(super) fn question(prompt: &str, hint: Option<&str>) -> Json {
    let content = match hint {
        None => prompt.to_owned(),
        Some(hint) => format!(
            "{prompt}\n\nYour last answer could not be used: {hint}. Answer again, as JSON of the asked form and nothing else."
        ),
    };
    json!({"role": "user", "content": content})
}

/// The result of a call, as it goes back.
pub(super) fn result(id: &str, result: &str) -> Json {
    json!({"role": "tool", "tool_call_id": id, "content": result})
}

/// The whole call.
pub(super) fn request(flow: &Flow, node: &Node, messages: &[Json], may_call: bool) -> Json {
    let mut body = Map::new();
    let mut put = |name: &str, value: Json| body.insert(name.to_owned(), value);
    put("model", node.llm.model.clone().into());
    put("messages", messages.into());
    put(
        "response_format",
        json!({"type": "json_schema", "json_schema": {
            "name": node.output.name, "strict": true, "schema": node.output.schema,
        }}),
    );
    if let Some(temperature) = node.llm.temperature {
        put("temperature", temperature.into());
    }
    if let Some(most) = node.llm.max_tokens {
        put("max_completion_tokens", most.into());
    }
    let tools = node.tools.iter().filter_map(|used| {
        let tool = flow.tools.iter().find(|tool| tool.name == used.name)?;
        let mut function = Map::new();
        function.insert("name".to_owned(), tool.name.clone().into());
        if let Some(description) = &tool.description {
            function.insert("description".to_owned(), description.clone().into());
        }
        let parameters = tool.parameters.as_ref().map_or_else(
            || json!({"type": "object", "properties": {}}),
            |parameters| json!(parameters),
        );
        function.insert("parameters".to_owned(), parameters);
        Some(json!({"type": "function", "function": function}))
    });
    let tools: Vec<Json> = tools.collect();
    if !tools.is_empty() {
        put("tools", tools.into());
        if !may_call {
            put("tool_choice", "none".into());
        }
    }
    Json::Object(body)
}

/// Reads an answer.
pub(super) fn read(body: &Json) -> Said {
    let choice = body.pointer("/choices/0").unwrap_or(&Json::Null);
    let message = choice.get("message").unwrap_or(&Json::Null);
    let calls = message.get("tool_calls").and_then(Json::as_array);
    if let Some(calls) = calls.filter(|calls| !calls.is_empty()) {
        let text = |call: &Json, at: &str| {
            let text = call.pointer(at).and_then(Json::as_str);
            text.unwrap_or_default().to_owned()
        };
        let all = calls.iter().map(|call| Call {
            id: text(call, "/id"),
            name: text(call, "/function/name"),
            arguments: text(call, "/function/arguments"),
        });
        return Said::Calls(Calls {
            message: message.clone(),
            all: all.collect(),
        });
    }
    if let Some(refusal) = message.get("refusal").and_then(Json::as_str) {
        return Said::Nothing(format!("the model refused: {refusal}"));
    }
    match (
        message.get("content").and_then(Json::as_str),
        choice.get("finish_reason"),
    ) {
        (_, Some(Json::String(reason))) if reason == "length" => {
            Said::Nothing("the answer was cut off at the most tokens it may have".to_owned())
        }
        (_, Some(Json::String(reason))) if reason == "content_filter" => {
            Said::Nothing("the answer was withheld by a filter".to_owned())
        }
        (Some(text), _) => Said::Text(text.to_owned()),
        (None, _) => Said::Nothing("the answer is empty".to_owned()),
    }
}

/// The tokens of input and output that were told.
pub(super) fn usage(body: &Json) -> (u64, u64) {
    let told = |name: &str| {
        let tokens = body.pointer("/usage").and_then(|usage| usage.get(name));
        tokens.and_then(Json::as_u64).unwrap_or(0)
    };
    (told("prompt_tokens"), told("completion_tokens"))
}

/// The arguments of a call.
///
/// # Errors
/// Not a JSON object; the words are for the model.
pub(super) fn arguments(call: &Call) -> Result<Dict, String> {
    let written = call.arguments.trim();
    if written.is_empty() {
        return Ok(Dict::new());
    }
    match Value::from_json(written) {
        Ok(Value::Dict(entries)) => Ok(entries),
        Ok(other) => Err(format!(
            "the arguments are {}, not an object",
            other.type_name()
        )),
        Err(fault) => Err(format!("the arguments are not JSON: {fault}")),
    }
}
