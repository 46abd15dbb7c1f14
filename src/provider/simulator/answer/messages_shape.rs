//! What a request for messages must look like: a provider that took anything would prove nothing about who calls it.
//!
//! The words are ours, the places are those the vendor's API names: `messages.0.content.1.type`.

use super::error::Refusal;
use crate::provider::simulator::reply::Endpoint;
use http::request::Parts;
use serde_json::{Map, Value};

/// Fields of either route, and those of messages alone.
const FIELDS: [&str; 11] = [
    "model",
    "messages",
    "system",
    "tools",
    "tool_choice",
    "thinking",
    "cache_control",
    "output_config",
    "context_management",
    "mcp_servers",
    "speed",
];
const OF_MESSAGES: [&str; 11] = [
    "max_tokens",
    "stream",
    "temperature",
    "top_k",
    "top_p",
    "stop_sequences",
    "metadata",
    "service_tier",
    "container",
    "inference_geo",
    "diagnostics",
];

/// Smallest budget for thinking.
const LEAST_THINKING: u64 = 1024;

type Checked = Result<(), Refusal>;

/// Checks all of a request but its model.
pub(in crate::provider::simulator) fn check(
    head: &Parts,
    body: &Map<String, Value>,
    endpoint: Endpoint,
) -> Checked {
    if !head.headers.contains_key("anthropic-version") {
        return fault("anthropic-version", "header is required");
    }
    let whole = endpoint == Endpoint::Messages;
    for name in body.keys() {
        let known =
            FIELDS.contains(&name.as_str()) || (whole && OF_MESSAGES.contains(&name.as_str()));
        if !known {
            return fault(name, "Extra inputs are not permitted");
        }
    }
    let cap = match body.get("max_tokens") {
        Some(cap) => match cap.as_u64() {
            Some(cap) => cap,
            None => return fault("max_tokens", "Input should be a valid integer"),
        },
        None if whole => return fault("max_tokens", "Field required"),
        None => u64::MAX,
    };
    system(body.get("system"))?;
    tools(body.get("tools"))?;
    thinking(body.get("thinking"), cap)?;
    for (name, most) in [("temperature", 1.0), ("top_p", 1.0)] {
        let fits = |value: &Value| value.as_f64().is_some_and(|n| (0.0..=most).contains(&n));
        if body.get(name).is_some_and(|value| !fits(value)) {
            return fault(name, "Input should be between 0 and 1");
        }
    }
    if let Some(stops) = body.get("stop_sequences") {
        let texts = |all: &Vec<Value>| all.iter().all(Value::is_string);
        if !stops.as_array().is_some_and(texts) {
            return fault("stop_sequences", "Input should be a list of strings");
        }
    }
    messages(body.get("messages"))
}

fn fault(place: &str, what: &str) -> Checked {
    Err(Refusal::invalid(&format!("{place}: {what}"), Some(place)))
}

fn system(system: Option<&Value>) -> Checked {
    match system {
        None | Some(Value::String(_)) => Ok(()),
        Some(Value::Array(blocks)) => {
            for (at, block) in blocks.iter().enumerate() {
                if block["type"] != "text" || !block["text"].is_string() {
                    return fault(&format!("system.{at}"), "Input should be a block of text");
                }
                cache_control(block, &format!("system.{at}"))?;
            }
            Ok(())
        }
        Some(_) => fault("system", "Input should be a string or a list of blocks"),
    }
}

fn tools(tools: Option<&Value>) -> Checked {
    let Some(tools) = tools else { return Ok(()) };
    let Some(tools) = tools.as_array() else {
        return fault("tools", "Input should be a list");
    };
    let mut names: Vec<&str> = Vec::new();
    for (at, tool) in tools.iter().enumerate() {
        let place = format!("tools.{at}");
        let Some(name) = tool["name"].as_str() else {
            return fault(&format!("{place}.name"), "Field required");
        };
        if names.contains(&name) {
            return fault("tools", "Tool names must be unique");
        }
        names.push(name);
        let custom = tool.get("type").is_none_or(|kind| kind == "custom");
        if custom && tool["input_schema"]["type"] != "object" {
            return fault(&format!("{place}.input_schema.type"), "Field required");
        }
        cache_control(tool, &place)?;
    }
    Ok(())
}

fn thinking(thinking: Option<&Value>, cap: u64) -> Checked {
    let Some(thinking) = thinking else {
        return Ok(());
    };
    match thinking["type"].as_str() {
        Some("adaptive" | "disabled" | "between_tools") => Ok(()),
        Some("enabled") => match thinking["budget_tokens"].as_u64() {
            Some(budget) if budget < LEAST_THINKING => fault(
                "thinking.enabled.budget_tokens",
                "Input should be greater than or equal to 1024",
            ),
            Some(budget) if budget >= cap => fault(
                "max_tokens",
                "must be greater than `thinking.budget_tokens`",
            ),
            Some(_) => Ok(()),
            None => fault("thinking.enabled.budget_tokens", "Field required"),
        },
        _ => fault("thinking.type", "Input should be a known type"),
    }
}

fn cache_control(of: &Value, place: &str) -> Checked {
    match of.get("cache_control") {
        None | Some(Value::Null) => Ok(()),
        Some(control) => {
            let ttl = control
                .get("ttl")
                .is_none_or(|ttl| ttl == "5m" || ttl == "1h");
            if control["type"] == "ephemeral" && ttl {
                return Ok(());
            }
            fault(
                &format!("{place}.cache_control"),
                "Input should be ephemeral, for `5m` or `1h`",
            )
        }
    }
}

fn messages(messages: Option<&Value>) -> Checked {
    let Some(messages) = messages else {
        return fault("messages", "Field required");
    };
    let Some(messages) = messages.as_array() else {
        return fault("messages", "Input should be a valid list");
    };
    if messages.is_empty() {
        return fault("messages", "at least one message is required");
    }
    let mut called: Vec<&str> = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        let place = format!("messages.{at}");
        let role = message["role"].as_str();
        if !matches!(role, Some("user" | "assistant")) {
            return fault(
                &format!("{place}.role"),
                "Input should be 'user' or 'assistant'",
            );
        }
        let mut calls = Vec::new();
        match &message["content"] {
            Value::String(text) if text.is_empty() => {
                return fault(&place, "text content blocks must be non-empty");
            }
            Value::String(_) => {}
            Value::Array(blocks) => {
                for (index, block) in blocks.iter().enumerate() {
                    let place = format!("{place}.content.{index}");
                    self::block(block, &place, &called, role == Some("user"))?;
                    if block["type"] == "tool_use" {
                        calls.extend(block["id"].as_str());
                    }
                }
            }
            _ => return fault(&format!("{place}.content"), "Field required"),
        }
        called = calls;
    }
    Ok(())
}

/// One block; `called` are the ids of the calls that the message before it made.
fn block(block: &Value, place: &str, called: &[&str], by_user: bool) -> Checked {
    let text = |name: &str| block[name].is_string();
    let needs = |name: &str| fault(&format!("{place}.{name}"), "Field required");
    cache_control(block, place)?;
    match block["type"].as_str() {
        Some("text") if block["text"] == "" => {
            fault(place, "text content blocks must be non-empty")
        }
        Some("text") if !text("text") => needs("text"),
        Some("thinking") if by_user || !text("signature") => needs("signature"),
        Some("redacted_thinking") if !text("data") => needs("data"),
        Some("image" | "document") if !block["source"]["type"].is_string() => needs("source"),
        Some("tool_use" | "server_tool_use") if !block["input"].is_object() => needs("input"),
        Some("tool_use" | "server_tool_use") if !text("id") || !text("name") => needs("id"),
        Some("tool_result") => match block["tool_use_id"].as_str() {
            Some(id) if called.contains(&id) => Ok(()),
            Some(_) => fault(
                place,
                "unexpected `tool_use_id`: each `tool_result` must answer a `tool_use` of the message before it",
            ),
            None => needs("tool_use_id"),
        },
        Some(
            "text"
            | "thinking"
            | "redacted_thinking"
            | "image"
            | "document"
            | "tool_use"
            | "server_tool_use"
            | "search_result"
            | "web_search_tool_result"
            | "web_fetch_tool_result"
            | "container_upload",
        ) => Ok(()),
        _ => fault(&format!("{place}.type"), "Input should be a known type"),
    }
}
