//! What a request of Gemini's must look like, and the same in the words that chat has for it.
//!
//! Strict as the vendor is: a field nobody knows is refused by name, in whatever spelling, and so is one that stands there
//! in both. The words are ours.

use super::error::Refusal;
use crate::provider::simulator::reply::Endpoint;
use serde_json::{Map, Value, json};

/// Fields of requests to generate, and of a part.
const FIELDS: [&str; 10] = [
    "contents",
    "systemInstruction",
    "tools",
    "toolConfig",
    "safetySettings",
    "generationConfig",
    "cachedContent",
    "model",
    "serviceTier",
    "store",
];
const OF_COUNTS: [&str; 2] = ["contents", "generateContentRequest"];
const OF_EMBEDDINGS: [&str; 6] = [
    "model",
    "content",
    "taskType",
    "title",
    "outputDimensionality",
    "embedContentConfig",
];
/// What a part is, one of these.
const DATA: [&str; 9] = [
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
];
/// What may stand beside it.
const BESIDE: [&str; 5] = [
    "thought",
    "thoughtSignature",
    "videoMetadata",
    "mediaResolution",
    "partMetadata",
];
const OF_TOOLS: [&str; 9] = [
    "functionDeclarations",
    "googleSearch",
    "googleSearchRetrieval",
    "codeExecution",
    "urlContext",
    "computerUse",
    "googleMaps",
    "fileSearch",
    "mcpServers",
];
const OF_SETTINGS: [&str; 19] = [
    "stopSequences",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "responseFormat",
    "responseModalities",
    "candidateCount",
    "maxOutputTokens",
    "temperature",
    "topP",
    "topK",
    "seed",
    "presencePenalty",
    "frequencyPenalty",
    "responseLogprobs",
    "logprobs",
    "speechConfig",
    "thinkingConfig",
    "imageConfig",
];

/// A request, read.
#[derive(Debug, Default)]
pub(in crate::provider::simulator) struct Read {
    /// The same as chat says it.
    pub(in crate::provider::simulator) chat: Map<String, Value>,
    /// What is to be embedded.
    pub(in crate::provider::simulator) texts: Vec<Text>,
    pub(super) shows_thoughts: bool,
    /// The schema an answer keeps to.
    pub(super) schema: Option<Value>,
}

/// A text to embed.
#[derive(Debug)]
pub(in crate::provider::simulator) struct Text {
    pub(super) text: String,
    pub(super) dimensions: Option<u64>,
}

type Fields = Map<String, Value>;

/// Reads a request to this endpoint.
pub(in crate::provider::simulator) fn read(
    endpoint: Endpoint,
    body: &Fields,
) -> Result<Read, Refusal> {
    let mut read = Read::default();
    match endpoint {
        Endpoint::EmbedContent => read.texts.push(embedding(body)?),
        Endpoint::BatchEmbedContents => {
            let fields = fields(body, &["requests"])?;
            let Some(Value::Array(requests)) = fields.get("requests") else {
                return Err(Refusal::missing("requests"));
            };
            for request in requests {
                let request = request.as_object().ok_or_else(|| invalid("requests"))?;
                if !request.contains_key("model") {
                    return Err(Refusal::missing("requests[].model"));
                }
                read.texts.push(embedding(request)?);
            }
        }
        Endpoint::CountContents => {
            let fields = fields(body, &OF_COUNTS)?;
            match fields.get("generateContentRequest") {
                Some(Value::Object(request)) => generate(&mut read, request)?,
                _ => generate(&mut read, &fields)?,
            }
        }
        _ => generate(&mut read, body)?,
    }
    Ok(read)
}

fn embedding(body: &Fields) -> Result<Text, Refusal> {
    let fields = fields(body, &OF_EMBEDDINGS)?;
    let content = fields
        .get("content")
        .ok_or_else(|| Refusal::missing("content"))?;
    let parts = parts(content)?;
    let text = |part: &Fields| part.get("text").and_then(Value::as_str).map(str::to_owned);
    Ok(Text {
        text: parts.iter().filter_map(text).collect(),
        dimensions: fields.get("outputDimensionality").and_then(Value::as_u64),
    })
}

fn generate(read: &mut Read, body: &Fields) -> Result<(), Refusal> {
    let fields = fields(body, &FIELDS)?;
    let mut messages = Vec::new();
    if let Some(instruction) = fields.get("systemInstruction") {
        let texts = texts(&parts(instruction)?);
        messages.push(json!({ "role": "system", "content": texts }));
    }
    match fields.get("contents") {
        Some(Value::Array(turns)) if !turns.is_empty() => {
            for turn in turns {
                message(turn, &mut messages)?;
            }
        }
        Some(_) => return Err(invalid("contents")),
        None => return Err(Refusal::missing("contents")),
    }
    read.chat.insert("messages".to_owned(), messages.into());
    if let Some(tools) = fields.get("tools") {
        for tool in each(tools) {
            let tool = tool.as_object().ok_or_else(|| invalid("tools"))?;
            self::fields(tool, &OF_TOOLS)?;
        }
        read.chat.insert("tools".to_owned(), declared(tools));
    }
    if let Some(choice) = fields.get("toolConfig").and_then(chosen) {
        read.chat.insert("tool_choice".to_owned(), choice);
    }
    if let Some(config) = fields.get("generationConfig") {
        let config = config
            .as_object()
            .ok_or_else(|| invalid("generation_config"))?;
        let config = self::fields(config, &OF_SETTINGS)?;
        for (name, chat) in [
            ("maxOutputTokens", "max_tokens"),
            ("candidateCount", "n"),
            ("temperature", "temperature"),
            ("stopSequences", "stop"),
        ] {
            if let Some(value) = config.get(name) {
                read.chat.insert(chat.to_owned(), value.clone());
            }
        }
        let schema = config
            .get("responseJsonSchema")
            .or(config.get("responseSchema"));
        read.schema = schema.map(lowered);
        let thinking = config.get("thinkingConfig").and_then(Value::as_object);
        let shown = thinking.map(same).transpose()?;
        read.shows_thoughts =
            shown.is_some_and(|thinking| thinking.get("includeThoughts") == Some(&json!(true)));
    }
    Ok(())
}

/// A turn as messages: what functions brought back is a message of its own.
fn message(turn: &Value, messages: &mut Vec<Value>) -> Result<(), Refusal> {
    let parts = parts(turn)?;
    let role = turn.get("role").and_then(Value::as_str).unwrap_or("user");
    if !matches!(role, "user" | "model" | "function") {
        return Err(Refusal::invalid(
            "Please use a valid role: user, model.",
            None,
        ));
    }
    let (mut calls, mut answers) = (Vec::new(), Vec::new());
    for part in &parts {
        if let Some(call) = part.get("functionCall") {
            let args = call.get("args").map(Value::to_string).unwrap_or_default();
            calls.push(json!({ "function": { "name": call.get("name"), "arguments": args } }));
        }
        if let Some(answer) = part.get("functionResponse") {
            let response = answer.get("response").map(Value::to_string);
            answers.push(json!({ "role": "tool", "content": response.unwrap_or_default() }));
        }
    }
    if answers.is_empty() {
        let role = if role == "model" { "assistant" } else { "user" };
        messages.push(json!({ "role": role, "content": texts(&parts), "tool_calls": calls }));
    } else {
        messages.append(&mut answers);
    }
    Ok(())
}

/// The contents of a turn in chat's words.
fn texts(parts: &[Fields]) -> Value {
    let one = |part: &Fields| match part.get("text") {
        Some(text) => Some(json!({ "type": "text", "text": text })),
        None if part.contains_key("inlineData") || part.contains_key("fileData") => {
            Some(json!({ "type": "image_url" }))
        }
        None => None,
    };
    parts.iter().filter_map(one).collect()
}

/// The parts of a turn; one may stand in the place of an array.
fn parts(turn: &Value) -> Result<Vec<Fields>, Refusal> {
    let turn = turn.as_object().ok_or_else(|| invalid("content"))?;
    let turn = fields(turn, &["parts", "role"])?;
    match turn.get("parts") {
        Some(Value::Array(all)) => all.iter().map(part).collect(),
        Some(one) => Ok(vec![part(one)?]),
        None => Ok(Vec::new()),
    }
}

/// A member that must be there, and what it must be.
type Needed = (&'static str, fn(&Value) -> bool);

/// One part: it is one thing, and whole.
fn part(part: &Value) -> Result<Fields, Refusal> {
    let part = part.as_object().ok_or_else(|| invalid("parts"))?;
    let part = fields(part, &[&DATA[..], &BESIDE].concat())?;
    let mut data = DATA.iter().filter(|name| part.contains_key(**name));
    let (Some(is), None) = (data.next(), data.next()) else {
        return Err(Refusal::invalid(
            "Invalid value at 'parts': required oneof field 'data' must have one initialized field.",
            None,
        ));
    };
    let needed: &[Needed] = match *is {
        "text" if part.get("text").is_some_and(Value::is_string) => return Ok(part),
        "text" => return Err(invalid("text")),
        "inlineData" => &[("mimeType", Value::is_string), ("data", Value::is_string)],
        "fileData" => &[("fileUri", Value::is_string)],
        "functionCall" => &[("name", Value::is_string)],
        "functionResponse" => &[("name", Value::is_string), ("response", Value::is_object)],
        "executableCode" => &[("code", Value::is_string)],
        _ => &[],
    };
    let held = part.get(*is).and_then(Value::as_object);
    let held = same(held.ok_or_else(|| invalid(is))?)?;
    for (name, fits) in needed {
        if !held.get(*name).is_some_and(fits) {
            return Err(invalid(&format!("{is}.{name}")));
        }
    }
    Ok(part)
}

/// All of an array, or the one that stands in its place.
fn each(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(all) => all.clone(),
        other => vec![other.clone()],
    }
}

/// Functions as chat offers them.
fn declared(tools: &Value) -> Value {
    let mut offered = Vec::new();
    for tool in each(tools) {
        let listed = tool
            .get("functionDeclarations")
            .or(tool.get("function_declarations"));
        for declared in listed.map(each).unwrap_or_default() {
            let parameters = declared
                .get("parameters")
                .or(declared.get("parametersJsonSchema"));
            offered.push(json!({ "type": "function", "function": {
                "name": declared.get("name"), "parameters": parameters.map(lowered),
            }}));
        }
    }
    offered.into()
}

fn chosen(config: &Value) -> Option<Value> {
    let calling = config
        .get("functionCallingConfig")
        .or(config.get("function_calling_config"))?;
    let allowed = calling
        .get("allowedFunctionNames")
        .or(calling.get("allowed_function_names"));
    let one = allowed.and_then(|allowed| allowed.get(0));
    match (calling.get("mode")?.as_str()?, one) {
        ("ANY", Some(name)) => Some(json!({ "function": { "name": name } })),
        ("ANY", None) => Some(json!("required")),
        ("NONE", _) => Some(json!("none")),
        _ => None,
    }
}

/// A schema whose types are written as elsewhere.
fn lowered(schema: &Value) -> Value {
    match schema {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| match value {
                Value::String(kind) if name == "type" => {
                    (name.clone(), kind.to_ascii_lowercase().into())
                }
                value => (name.clone(), lowered(value)),
            })
            .collect(),
        Value::Array(all) => all.iter().map(lowered).collect(),
        other => other.clone(),
    }
}

/// The fields of an object that may have these, in one spelling.
fn fields(object: &Fields, known: &[&str]) -> Result<Fields, Refusal> {
    let fields = same(object)?;
    match fields.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(fields),
        Some(name) => Err(Refusal::invalid(
            &format!("Invalid JSON payload received. Unknown name \"{name}\": Cannot find field."),
            None,
        )),
    }
}

/// The fields of an object, in one spelling.
fn same(object: &Fields) -> Result<Fields, Refusal> {
    let mut fields = Fields::new();
    for (name, value) in object.iter().filter(|(_, value)| !value.is_null()) {
        let mut words = name.split('_');
        let mut spelt = words.next().unwrap_or_default().to_owned();
        for word in words {
            let mut letters = word.chars();
            spelt.extend(letters.next().map(|first| first.to_ascii_uppercase()));
            spelt.push_str(letters.as_str());
        }
        if fields.insert(spelt, value.clone()).is_some() {
            return Err(Refusal::invalid(
                &format!("Invalid JSON payload received. \"{name}\" is set twice."),
                None,
            ));
        }
    }
    Ok(fields)
}

fn invalid(name: &str) -> Refusal {
    Refusal::invalid(&format!("Invalid value at '{name}'."), None)
}
