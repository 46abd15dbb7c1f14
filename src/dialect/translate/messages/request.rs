//! Reads a request of messages.

use crate::dialect::translate::chat::thinking_of;
use crate::dialect::translate::fields::{CACHES, Fault, Fields, Loss, Losses, slight};
use crate::dialect::translate::neutral::{By, Choice, Effort, Part, Request, Source, Tool, Turn};
use crate::dialect::translate::tree::Json;

/// What says nothing of the answer: how a call is served, and caching.
const ASIDE: [&str; 3] = ["service_tier", "cache_control", "diagnostics"];

/// Why that is left out.
const SERVING: &str = "it says how one vendor keeps and serves calls";

/// How a tool comes into a call and its arguments out of it.
const OF_TOOLS: [&str; 2] = ["eager_input_streaming", "defer_loading"];

pub(in crate::dialect::translate) fn read(body: Json, lost: &mut Losses) -> Result<Request, Fault> {
    let mut fields = Fields::of(body, "")?;
    let mut asked = Request {
        model: fields.needed("model")?,
        cap: fields.whole("max_tokens")?,
        ..Request::default()
    };
    fields.drop_if("service_tier", |tier| tier.as_text() == Some("auto"));
    fields.aside(&ASIDE, SERVING, lost);
    // Only what is usual was let through.
    fields.pass_over(&["speed", "inference_geo"]);
    asked.system = content(&mut fields, "system", lost)?;
    for (place, message) in fields.list("messages")?.into_iter().enumerate() {
        let mut message = Fields::of(message, format!("messages[{place}]"))?;
        let by = match message.needed("role")?.as_str() {
            "user" => By::User,
            "assistant" => By::Assistant,
            _ => return Err(message.wrong("role", "`user` or `assistant`")),
        };
        let parts = content(&mut message, "content", lost)?;
        message.rest(lost);
        asked.turns.push(Turn { by, parts });
    }
    for (place, tool) in fields.list("tools")?.into_iter().enumerate() {
        let tool = Fields::of(tool, format!("tools[{place}]"))?;
        asked.tools.extend(self::tool(tool, lost)?);
    }
    if let Some(choice) = fields.object("tool_choice")? {
        asked.choice = Some(self::choice(choice, &mut asked.parallel, lost)?);
    }
    asked.temperature = fields.number("temperature")?;
    asked.top_p = fields.number("top_p")?;
    for stop in fields.list("stop_sequences")? {
        match stop {
            Json::Text(text) => asked.stop.push(text),
            _ => return Err(fields.wrong("stop_sequences", "an array of texts")),
        }
    }
    if let Some(thinking) = fields.object("thinking")? {
        asked.thinking = Some(thinking_of(thinking, lost)?);
    }
    if let Some(mut config) = fields.object("output_config")? {
        asked.effort = effort(&mut config)?;
        if let Some(format) = config.object("format")? {
            asked.schema = Some(schema(format, lost)?);
        }
        config.rest(lost);
    }
    if let Some(format) = fields.object("output_format")? {
        asked.schema = Some(schema(format, lost)?);
    }
    if let Some(mut metadata) = fields.object("metadata")? {
        asked.user = metadata.text("user_id")?;
        metadata.rest(lost);
    }
    asked.stream = fields.flag("stream")?.unwrap_or_default();
    asked.others = fields.left();
    Ok(asked)
}

/// A text, or blocks.
fn content(fields: &mut Fields, name: &str, lost: &mut Losses) -> Result<Vec<Part>, Fault> {
    let items = match fields.take(name) {
        None => return Ok(Vec::new()),
        Some(Json::Text(text)) if text.is_empty() => return Ok(Vec::new()),
        Some(Json::Text(text)) => return Ok(vec![Part::text(text)]),
        Some(Json::Array(items)) => items,
        Some(_) => return Err(fields.wrong(name, "a text or an array of blocks")),
    };
    let mut parts = Vec::new();
    for (place, item) in items.into_iter().enumerate() {
        let item = Fields::of(item, fields.at(&format!("{name}[{place}]")))?;
        parts.extend(block(item, lost)?);
    }
    Ok(parts)
}

fn block(mut fields: Fields, lost: &mut Losses) -> Result<Option<Part>, Fault> {
    let kind = fields.needed("type")?;
    let cache = fields.take("cache_control");
    let part = match kind.as_str() {
        "text" => {
            // What an answer of before quoted, given back with it.
            fields.pass_over(&["citations"]);
            Some(fields.needed("text")?)
                .filter(|text| !text.is_empty())
                .map(|text| Part::Text { text, cache })
        }
        "image" => {
            let source = source(&mut fields, lost)?;
            Some(Part::Image { source, cache })
        }
        "document" => Some(document(&mut fields, cache, lost)?),
        "tool_use" => {
            fields.pass_over(&["caller"]);
            if cache.is_some() {
                slight(lost, "cache_control", CACHES);
            }
            let (id, name) = (fields.needed("id")?, fields.needed("name")?);
            let input = fields.take("input").unwrap_or(Json::empty());
            if !input.is_object() {
                return Err(fields.wrong("input", "an object"));
            }
            Some(Part::Call { id, name, input })
        }
        "tool_result" => Some(Part::Result {
            id: fields.needed("tool_use_id")?,
            parts: content(&mut fields, "content", lost)?,
            failed: fields.flag("is_error")?.unwrap_or_default(),
            cache,
        }),
        "thinking" => Some(Part::Thought {
            text: fields.text("thinking")?.unwrap_or_default(),
            seal: fields.text("signature")?.filter(|seal| !seal.is_empty()),
        }),
        "redacted_thinking" => Some(Part::Sealed(fields.needed("data")?)),
        _ => {
            let why = "a block of this type has no equal there";
            return Err(fields.unsupported("type", why));
        }
    };
    fields.rest(lost);
    Ok(part)
}

fn source(fields: &mut Fields, lost: &mut Losses) -> Result<Source, Fault> {
    let mut source = fields
        .object("source")?
        .ok_or_else(|| fields.wrong("source", "an object"))?;
    let found = match source.needed("type")?.as_str() {
        "base64" => Source::Data {
            media: source.needed("media_type")?,
            data: source.needed("data")?,
        },
        "url" => Source::Url(source.needed("url")?),
        _ => {
            let why = "a file that one vendor keeps is not there at another: send it along";
            return Err(source.unsupported("type", why));
        }
    };
    source.rest(lost);
    Ok(found)
}

/// A document. One that is plain text is text.
fn document(fields: &mut Fields, cache: Option<Json>, lost: &mut Losses) -> Result<Part, Fault> {
    fields.drop_if("citations", |wanted| {
        wanted.get("enabled") != Some(&Json::Bool(true))
    });
    if let Some(source) = fields.take("source") {
        if source.text("type") == Some("text") {
            let text = source.text("data").unwrap_or_default().to_owned();
            return Ok(Part::Text { text, cache });
        }
        fields.put_back("source", source);
    }
    let title = fields.text("title")?;
    let source = source(fields, lost)?;
    Ok(Part::Document {
        source,
        title,
        cache,
    })
}

fn tool(mut fields: Fields, lost: &mut Losses) -> Result<Option<Tool>, Fault> {
    let kind = fields.text("type")?;
    if kind.is_some_and(|kind| kind != "custom") {
        lost.push(Loss::new(
            fields.path(),
            "a tool that one vendor describes or runs is not there at another",
        ));
        return Ok(None);
    }
    for name in OF_TOOLS {
        fields.drop_if(name, |value| *value == Json::Bool(false));
    }
    let why = "every tool is offered at once there, and its arguments come as they come";
    fields.aside(&OF_TOOLS, why, lost);
    fields.drop_if("allowed_callers", |callers| {
        *callers == Json::Array(vec![Json::from("direct")])
    });
    if fields.take("allowed_callers").is_some() {
        let why = "there the model calls every tool itself";
        lost.push(Loss::new(fields.at("allowed_callers"), why));
    }
    let tool = Tool {
        name: fields.needed("name")?,
        description: fields.text("description")?,
        schema: fields.take("input_schema"),
        strict: fields.flag("strict")?.filter(|strict| *strict),
        cache: fields.take("cache_control"),
    };
    fields.rest(lost);
    Ok(Some(tool))
}

fn choice(
    mut fields: Fields,
    parallel: &mut Option<bool>,
    lost: &mut Losses,
) -> Result<Choice, Fault> {
    let choice = match fields.needed("type")?.as_str() {
        "auto" => Choice::Auto,
        "any" => Choice::Any,
        "none" => Choice::Never,
        "tool" => Choice::Named(fields.needed("name")?),
        _ => return Err(fields.wrong("type", "`auto`, `any`, `none` or `tool`")),
    };
    let alone = fields.flag("disable_parallel_tool_use")?;
    *parallel = alone.map(|alone| !alone);
    fields.rest(lost);
    Ok(choice)
}

fn effort(config: &mut Fields) -> Result<Option<Effort>, Fault> {
    match config.text("effort")?.as_deref() {
        None => Ok(None),
        Some("low") => Ok(Some(Effort::Low)),
        Some("medium") => Ok(Some(Effort::Medium)),
        Some("high") => Ok(Some(Effort::High)),
        Some("xhigh" | "max") => Ok(Some(Effort::Higher)),
        Some(_) => Err(config.wrong("effort", "`low`, `medium`, `high`, `xhigh` or `max`")),
    }
}

fn schema(mut format: Fields, lost: &mut Losses) -> Result<Json, Fault> {
    if format.needed("type")? != "json_schema" {
        return Err(format.wrong("type", "`json_schema`"));
    }
    format.pass_over(&["name"]);
    let schema = format.take("schema").unwrap_or(Json::empty());
    format.rest(lost);
    Ok(schema)
}
