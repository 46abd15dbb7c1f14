//! Reads a request of chat completions.
//!
//! What several SDKs add to it for other vendors is understood: `cache_control` on parts and tools, `thinking`, and in the
//! messages of the assistant `thinking_blocks` and `reasoning_content`.

use crate::dialect::translate::fields::{Fault, Fields, Loss, Losses, slight};
use crate::dialect::translate::neutral::{
    By, Choice, Effort, Part, Request, Source, Thinking, Tool, Turn,
};
use crate::dialect::translate::tree::{Json, Object};

/// What says nothing of the answer: how the vendor keeps, sorts and serves calls.
const ASIDE: [&str; 4] = [
    "metadata",
    "prompt_cache_key",
    "prompt_cache_retention",
    "service_tier",
];

/// Why that is left out.
const SERVING: &str = "it says how one vendor keeps and serves calls";

pub(in crate::dialect::translate) fn read(body: Json, lost: &mut Losses) -> Result<Request, Fault> {
    let mut fields = Fields::of(body, "")?;
    let mut asked = Request {
        model: fields.needed("model")?,
        ..Request::default()
    };
    fields.drop_if("metadata", |value| *value == Json::empty());
    fields.drop_if("service_tier", |tier| {
        matches!(tier.as_text(), Some("auto" | "default"))
    });
    fields.aside(&ASIDE, SERVING, lost);
    // The end of the stream is told in the caller's words anyway, and as it asked.
    fields.pass_over(&["stream_options"]);
    for (place, message) in fields.list("messages")?.into_iter().enumerate() {
        let message = Fields::of(message, format!("messages[{place}]"))?;
        self::message(message, &mut asked, lost)?;
    }
    for (place, tool) in fields.list("tools")?.into_iter().enumerate() {
        let tool = Fields::of(tool, format!("tools[{place}]"))?;
        asked.tools.push(self::tool(tool, lost)?);
    }
    asked.choice = choice(&mut fields)?;
    asked.parallel = fields.flag("parallel_tool_calls")?;
    let caps = [
        fields.whole("max_completion_tokens")?,
        fields.whole("max_tokens")?,
    ];
    asked.cap = caps.into_iter().flatten().max();
    asked.temperature = fields.number("temperature")?;
    asked.top_p = fields.number("top_p")?;
    asked.stop = stops(&mut fields)?;
    asked.schema = schema(&mut fields, lost)?;
    asked.effort = effort(&mut fields, &mut asked.thinking)?;
    if let Some(thinking) = fields.object("thinking")? {
        asked.thinking = Some(thinking_of(thinking, lost)?);
    }
    let (user, safety) = (fields.text("user")?, fields.text("safety_identifier")?);
    if user.is_some() && safety.is_some() && user != safety {
        slight(
            lost,
            "user",
            "there it is one name; `safety_identifier` is it",
        );
    }
    asked.user = safety.or(user);
    asked.stream = fields.flag("stream")?.unwrap_or_default();
    same_anyway(&mut fields)?;
    asked.others = fields.left();
    Ok(asked)
}

/// Fields with a value that asks for what every vendor does anyway. With any other they stay.
fn same_anyway(fields: &mut Fields) -> Result<(), Fault> {
    for (name, is_default) in [
        (
            "n",
            (|value: &Json| *value == Json::from(1)) as fn(&Json) -> bool,
        ),
        ("store", |value| *value == Json::Bool(false)),
        ("logprobs", |value| *value == Json::Bool(false)),
        ("top_logprobs", is_nothing),
        ("frequency_penalty", is_nothing),
        ("presence_penalty", is_nothing),
        ("logit_bias", |value| *value == Json::empty()),
        ("modalities", |value| {
            *value == Json::Array(vec![Json::from("text")])
        }),
        ("verbosity", |value| value.as_text() == Some("medium")),
        ("functions", |value| *value == Json::Array(Vec::new())),
    ] {
        fields.drop_if(name, is_default);
    }
    // What is no setting that could be left out: the question or the form of its answer hangs on it.
    for (name, why) in [
        ("n", "it gives one answer to a call; ask once for each"),
        ("functions", "use `tools`"),
        ("function_call", "use `tools` and `tool_choice`"),
        ("modalities", "it answers with text alone"),
        ("audio", "it answers with text alone"),
    ] {
        if fields.take(name).is_some() {
            return Err(fields.unsupported(name, why));
        }
    }
    Ok(())
}

fn is_nothing(value: &Json) -> bool {
    matches!(value, Json::Number(digits) if digits.trim_start_matches('-').bytes().all(|byte| matches!(byte, b'0' | b'.')))
}

fn message(mut fields: Fields, asked: &mut Request, lost: &mut Losses) -> Result<(), Fault> {
    let role = fields.needed("role")?;
    let turn = match role.as_str() {
        "system" | "developer" => {
            if !asked.turns.is_empty() {
                lost.push(Loss::new(
                    fields.path(),
                    "instructions in the middle of a conversation have no place there; they would move before it",
                ));
            }
            let parts = content(&mut fields, lost)?;
            if parts.iter().any(|part| !matches!(part, Part::Text { .. })) {
                return Err(fields.unsupported("content", "instructions can only be text"));
            }
            asked.system.extend(parts);
            fields.rest(lost);
            return Ok(());
        }
        "user" => Turn {
            by: By::User,
            parts: content(&mut fields, lost)?,
        },
        "assistant" => Turn {
            by: By::Assistant,
            parts: answered(&mut fields, lost)?,
        },
        "tool" => Turn {
            by: By::User,
            parts: vec![Part::Result {
                id: fields.needed("tool_call_id")?,
                parts: content(&mut fields, lost)?,
                failed: false,
                cache: fields.take("cache_control"),
            }],
        },
        "function" => {
            return Err(
                fields.unsupported("role", "use tools and `tool` messages instead of functions")
            );
        }
        _ => {
            return Err(fields.wrong(
                "role",
                "`system`, `developer`, `user`, `assistant` or `tool`",
            ));
        }
    };
    fields.rest(lost);
    // What tools answered and what the user says to it are one turn.
    match asked.turns.last_mut() {
        Some(before)
            if before.by == By::User
                && turn.by == By::User
                && matches!(before.parts.last(), Some(Part::Result { .. })) =>
        {
            before.parts.extend(turn.parts);
        }
        _ => asked.turns.push(turn),
    }
    Ok(())
}

/// What the assistant said before.
fn answered(fields: &mut Fields, lost: &mut Losses) -> Result<Vec<Part>, Fault> {
    let mut parts = Vec::new();
    let unsealed = fields
        .text("reasoning_content")?
        .or(fields.text("reasoning")?);
    let thoughts = fields.list("thinking_blocks")?;
    if thoughts.is_empty() {
        let thought = unsealed.filter(|text| !text.is_empty());
        parts.extend(thought.map(|text| Part::Thought { text, seal: None }));
    }
    for (place, thought) in thoughts.into_iter().enumerate() {
        let mut thought = Fields::of(thought, fields.at(&format!("thinking_blocks[{place}]")))?;
        // Where it stood in a stream: clients that add one up give it back.
        thought.pass_over(&["index"]);
        parts.push(match thought.text("type")?.as_deref() {
            Some("redacted_thinking") => Part::Sealed(thought.needed("data")?),
            _ => Part::Thought {
                text: thought.text("thinking")?.unwrap_or_default(),
                seal: thought.text("signature")?.filter(|seal| !seal.is_empty()),
            },
        });
        thought.rest(lost);
    }
    parts.extend(content(fields, lost)?);
    if let Some(refusal) = fields.text("refusal")? {
        parts.push(Part::text(refusal));
    }
    for (place, call) in fields.list("tool_calls")?.into_iter().enumerate() {
        let mut call = Fields::of(call, fields.at(&format!("tool_calls[{place}]")))?;
        let id = call.needed("id")?;
        let kind = call.text("type")?;
        if kind.is_some_and(|kind| kind != "function") {
            return Err(call.unsupported("type", "only functions can be called there"));
        }
        let mut function = call
            .object("function")?
            .ok_or_else(|| call.wrong("function", "an object"))?;
        let name = function.needed("name")?;
        let arguments = function.text("arguments")?.unwrap_or_default();
        let input = arguments_of(&arguments)
            .ok_or_else(|| function.wrong("arguments", "a JSON object, written as text"))?;
        parts.push(Part::Call { id, name, input });
        function.rest(lost);
        call.pass_over(&["index"]);
        call.rest(lost);
    }
    if fields.take("function_call").is_some() {
        return Err(fields.unsupported("function_call", "use `tool_calls`"));
    }
    if fields.take("audio").is_some() {
        return Err(fields.unsupported("audio", "sound is not understood there"));
    }
    // What an answer was sent along with, given back.
    fields.pass_over(&["annotations", "provider_specific_fields"]);
    Ok(parts)
}

/// The arguments of a call as an object; none were written as nothing.
pub(in crate::dialect::translate) fn arguments_of(written: &str) -> Option<Json> {
    if written.trim().is_empty() {
        return Some(Json::empty());
    }
    Json::strict(written.as_bytes())
        .ok()
        .filter(Json::is_object)
}

fn content(fields: &mut Fields, lost: &mut Losses) -> Result<Vec<Part>, Fault> {
    let items = match fields.take("content") {
        None => return Ok(Vec::new()),
        Some(Json::Text(text)) if text.is_empty() => return Ok(Vec::new()),
        Some(Json::Text(text)) => return Ok(vec![Part::text(text)]),
        Some(Json::Array(items)) => items,
        Some(_) => return Err(fields.wrong("content", "a text or an array of parts")),
    };
    let mut parts = Vec::new();
    for (place, item) in items.into_iter().enumerate() {
        let item = Fields::of(item, fields.at(&format!("content[{place}]")))?;
        parts.extend(part(item, lost)?);
    }
    Ok(parts)
}

fn part(mut fields: Fields, lost: &mut Losses) -> Result<Option<Part>, Fault> {
    let kind = fields.needed("type")?;
    let cache = fields.take("cache_control");
    let part = match kind.as_str() {
        "text" => Some(fields.needed("text")?)
            .filter(|text| !text.is_empty())
            .map(|text| Part::Text { text, cache }),
        "refusal" => Some(Part::text(fields.needed("refusal")?)),
        "image_url" => {
            let mut image = fields
                .object("image_url")?
                .ok_or_else(|| fields.wrong("image_url", "an object"))?;
            let source = Source::of_url(image.needed("url")?);
            // Nobody else looks at images less closely than they are.
            image.drop_if("detail", |detail| {
                matches!(detail.as_text(), Some("auto" | "high"))
            });
            image.rest(lost);
            Some(Part::Image { source, cache })
        }
        "file" => {
            let mut file = fields
                .object("file")?
                .ok_or_else(|| fields.wrong("file", "an object"))?;
            let Some(data) = file.text("file_data")? else {
                return Err(file.unsupported(
                    "file_id",
                    "a file that one vendor keeps is not there at another: send `file_data`",
                ));
            };
            let title = file.text("filename")?;
            file.rest(lost);
            let source = Source::of_url(data);
            Some(Part::Document {
                source,
                title,
                cache,
            })
        }
        _ => {
            let why = "a part of this type has no equal there";
            return Err(fields.unsupported("type", why));
        }
    };
    fields.rest(lost);
    Ok(part)
}

fn tool(mut fields: Fields, lost: &mut Losses) -> Result<Tool, Fault> {
    let kind = fields.needed("type")?;
    if kind != "function" {
        return Err(fields.unsupported("type", "only functions can be offered there"));
    }
    let cache = fields.take("cache_control");
    let mut function = fields
        .object("function")?
        .ok_or_else(|| fields.wrong("function", "an object"))?;
    let tool = Tool {
        name: function.needed("name")?,
        description: function.text("description")?,
        schema: function.take("parameters"),
        strict: function.flag("strict")?.filter(|strict| *strict),
        cache: function.take("cache_control").or(cache),
    };
    function.rest(lost);
    fields.rest(lost);
    Ok(tool)
}

fn choice(fields: &mut Fields) -> Result<Option<Choice>, Fault> {
    let must_be = "`auto`, `none`, `required` or the name of a function";
    let word = match fields.take("tool_choice") {
        None => return Ok(None),
        Some(Json::Text(word)) => word,
        Some(named) => {
            if named.text("type") == Some("allowed_tools") {
                return Err(
                    fields.unsupported("tool_choice", "offer only the tools that may be called")
                );
            }
            let name = named
                .get("function")
                .and_then(|function| function.text("name"));
            let name = name.ok_or_else(|| fields.wrong("tool_choice", must_be))?;
            return Ok(Some(Choice::Named(name.to_owned())));
        }
    };
    match word.as_str() {
        "auto" => Ok(Some(Choice::Auto)),
        "none" => Ok(Some(Choice::Never)),
        "required" => Ok(Some(Choice::Any)),
        _ => Err(fields.wrong("tool_choice", must_be)),
    }
}

fn stops(fields: &mut Fields) -> Result<Vec<String>, Fault> {
    let texts = match fields.take("stop") {
        None => Vec::new(),
        Some(Json::Text(text)) => vec![Json::Text(text)],
        Some(Json::Array(texts)) => texts,
        Some(_) => return Err(fields.wrong("stop", "a text or an array of texts")),
    };
    let text = |text: Json| match text {
        Json::Text(text) => Ok(text),
        _ => Err(fields.wrong("stop", "a text or an array of texts")),
    };
    texts.into_iter().map(text).collect()
}

/// `response_format`. A schema's name is a label; where it is followed at all it is followed strictly.
fn schema(fields: &mut Fields, lost: &mut Losses) -> Result<Option<Json>, Fault> {
    let Some(mut format) = fields.object("response_format")? else {
        return Ok(None);
    };
    match format.needed("type")?.as_str() {
        "text" => Ok(None),
        "json_schema" => {
            let mut named = format
                .object("json_schema")?
                .ok_or_else(|| format.wrong("json_schema", "an object"))?;
            named.pass_over(&["name", "strict"]);
            let schema = named.take("schema").unwrap_or(Json::empty());
            named.rest(lost);
            Ok(Some(schema))
        }
        // Not everybody has a word for JSON of any form.
        kind => {
            let any = Object::of(kind).done();
            format.rest(lost);
            fields.put_back("response_format", any);
            Ok(None)
        }
    }
}

fn effort(fields: &mut Fields, thinking: &mut Option<Thinking>) -> Result<Option<Effort>, Fault> {
    let word = fields.text("reasoning_effort")?;
    let effort = match word.as_deref() {
        None => return Ok(None),
        Some("none") => {
            *thinking = Some(Thinking::Off);
            return Ok(None);
        }
        Some("minimal" | "low") => Effort::Low,
        Some("medium") => Effort::Medium,
        Some("high") => Effort::High,
        Some("xhigh" | "max") => Effort::Higher,
        Some(_) => {
            let must_be = "`none`, `minimal`, `low`, `medium`, `high` or `xhigh`";
            return Err(fields.wrong("reasoning_effort", must_be));
        }
    };
    *thinking = Some(Thinking::Adaptive);
    Ok(Some(effort))
}

/// `thinking`, as messages say it, and several clients of chat for vendors of such models.
pub(in crate::dialect::translate) fn thinking_of(
    mut fields: Fields,
    lost: &mut Losses,
) -> Result<Thinking, Fault> {
    let thinking = match fields.needed("type")?.as_str() {
        "disabled" => Thinking::Off,
        "adaptive" | "between_tools" => Thinking::Adaptive,
        "enabled" => {
            let budget = fields.whole("budget_tokens")?;
            let budget = budget.ok_or_else(|| fields.wrong("budget_tokens", "a whole number"))?;
            Thinking::Budget(budget)
        }
        _ => return Err(fields.wrong("type", "`enabled`, `adaptive` or `disabled`")),
    };
    let why = "how much of its thoughts a model shows is not asked for there";
    fields.aside(&["display"], why, lost);
    fields.rest(lost);
    Ok(thinking)
}
