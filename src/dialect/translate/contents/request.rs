//! Reads a request of contents.
//!
//! The model stands in the path, and whether it is to be streamed. A field may be written in two spellings, and one thing
//! where several may stand; what an answer belongs to is told by an id where there is one, else by the name of what was
//! called.

use super::{OTHERS, WHOLE, googles, schema};
use crate::dialect::translate::fields::{Fault, Fields, Loss, Losses};
use crate::dialect::translate::neutral::{
    By, Choice, Effort, Part, Request, Source, Thinking, Tool, Turn,
};
use crate::dialect::translate::tree::{Json, Object};

/// What says nothing of the answer: how the vendor keeps, sorts and serves calls.
const ASIDE: [&str; 3] = ["labels", "serviceTier", "store"];

/// Why that is left out.
const SERVING: &str = "it says how one vendor keeps and serves calls";

/// What a function declares beside its arguments.
const OF_TOOLS: [&str; 3] = ["behavior", "response", "responseJsonSchema"];

/// Settings that others have, by their name there and here.
const SETTINGS: [(&str, &str); 4] = [
    ("topK", "top_k"),
    ("seed", "seed"),
    ("presencePenalty", "presence_penalty"),
    ("frequencyPenalty", "frequency_penalty"),
];

/// Why a file that is pointed to is not understood.
const KEPT: &str = "a file that one vendor keeps is not there at another: send it along";

pub(in crate::dialect::translate) fn read(body: Json, lost: &mut Losses) -> Result<Request, Fault> {
    let mut fields = self::fields(body, "")?;
    let mut asked = Request::default();
    // It may only repeat what the path says.
    fields.pass_over(&["model"]);
    fields.aside(&ASIDE, SERVING, lost);
    if fields.take("cachedContent").is_some() {
        return Err(fields.unsupported("cachedContent", KEPT));
    }
    fields.drop_if("safetySettings", |all| *all == Json::Array(Vec::new()));
    let mut calls = Calls::default();
    if let Some(mut system) = object(&mut fields, "systemInstruction")? {
        system.pass_over(&["role"]);
        asked.system = parts(&mut system, &mut calls, lost)?;
        let is_text = |part: &Part| matches!(part, Part::Text { .. });
        if !asked.system.iter().all(is_text) {
            return Err(system.unsupported("parts", "instructions can only be text"));
        }
        system.rest(lost);
    }
    for (place, content) in each(&mut fields, "contents")?.into_iter().enumerate() {
        let mut content = self::fields(content, format!("contents[{place}]"))?;
        let by = match content.text("role")?.as_deref() {
            None | Some("user" | "function") => By::User,
            Some("model") => By::Assistant,
            Some(_) => return Err(content.wrong("role", "`user` or `model`")),
        };
        let parts = parts(&mut content, &mut calls, lost)?;
        content.rest(lost);
        asked.turns.push(Turn { by, parts });
    }
    for (place, tool) in each(&mut fields, "tools")?.into_iter().enumerate() {
        let mut tool = self::fields(tool, format!("tools[{place}]"))?;
        let declared = each(&mut tool, "functionDeclarations")?;
        for (number, declared) in declared.into_iter().enumerate() {
            let path = tool.at(&format!("functionDeclarations[{number}]"));
            let declared = self::fields(declared, path)?;
            asked.tools.push(declaration(declared, lost)?);
        }
        for (name, _) in tool.left() {
            let path = format!("tools[{place}].{name}");
            let why = "a tool that one vendor describes or runs is not there at another";
            lost.push(Loss::new(path, why));
        }
    }
    if let Some(mut config) = object(&mut fields, "toolConfig")? {
        if let Some(calling) = object(&mut config, "functionCallingConfig")? {
            asked.choice = choice(calling, &asked.tools, lost)?;
        }
        config.rest(lost);
    }
    if let Some(config) = object(&mut fields, "generationConfig")? {
        settings(config, &mut asked, lost)?;
    }
    fields.rest(lost);
    Ok(asked)
}

fn settings(mut config: Fields, asked: &mut Request, lost: &mut Losses) -> Result<(), Fault> {
    for (name, is_default) in [
        (
            "candidateCount",
            (|value: &Json| *value == Json::from(1)) as fn(&Json) -> bool,
        ),
        ("responseLogprobs", |value| *value == Json::Bool(false)),
        ("responseModalities", |value| {
            *value == Json::Array(vec![Json::from("TEXT")])
        }),
    ] {
        config.drop_if(name, is_default);
    }
    // What is no setting that could be left out.
    for (name, why) in [
        (
            "candidateCount",
            "it gives one answer to a call; ask once for each",
        ),
        ("responseModalities", "it answers with text alone"),
    ] {
        if config.take(name).is_some() {
            return Err(config.unsupported(name, why));
        }
    }
    asked.cap = config.whole("maxOutputTokens")?;
    asked.temperature = config.number("temperature")?;
    asked.top_p = config.number("topP")?;
    for stop in config.list("stopSequences")? {
        match stop {
            Json::Text(text) => asked.stop.push(text),
            _ => return Err(config.wrong("stopSequences", "an array of texts")),
        }
    }
    for (theirs, ours) in SETTINGS {
        if let Some(number) = config.number(theirs)? {
            asked.others.push((ours.to_owned(), Json::Number(number)));
        }
    }
    let old = config.take("responseSchema");
    let old = old.map(|old| schema::plain(old, true));
    asked.schema = config.take("responseJsonSchema").or(old);
    match config.text("responseMimeType")?.as_deref() {
        None | Some("text/plain") => {}
        Some("application/json") if asked.schema.is_some() => {}
        Some("application/json") => {
            let any = Object::of("json_object").done();
            asked.others.push(("response_format".to_owned(), any));
        }
        Some(_) => {
            let why = "answers are text or JSON there";
            return Err(config.unsupported("responseMimeType", why));
        }
    }
    if let Some(thinking) = object(&mut config, "thinkingConfig")? {
        self::thinking(thinking, asked, lost)?;
    }
    config.rest(lost);
    Ok(())
}

/// How much is thought. Whether thoughts are shown is said by most vendors' models, whoever asks.
fn thinking(mut fields: Fields, asked: &mut Request, lost: &mut Losses) -> Result<(), Fault> {
    let shown = fields.flag("includeThoughts")?.unwrap_or_default();
    let effort = match fields.text("thinkingLevel")?.as_deref() {
        None | Some("THINKING_LEVEL_UNSPECIFIED") => None,
        Some("minimal" | "MINIMAL" | "low" | "LOW") => Some(Effort::Low),
        Some("medium" | "MEDIUM") => Some(Effort::Medium),
        Some("high" | "HIGH") => Some(Effort::High),
        Some(_) => {
            let must_be = "`minimal`, `low`, `medium` or `high`";
            return Err(fields.wrong("thinkingLevel", must_be));
        }
    };
    let budget = fields.number("thinkingBudget")?;
    asked.thinking = match budget.as_deref() {
        None => (shown || effort.is_some()).then_some(Thinking::Adaptive),
        Some("-1") => Some(Thinking::Adaptive),
        Some("0") => Some(Thinking::Off),
        Some(budget) => {
            let budget = budget.parse().ok();
            let must_be = "a whole number, or -1";
            Some(Thinking::Budget(
                budget.ok_or_else(|| fields.wrong("thinkingBudget", must_be))?,
            ))
        }
    };
    asked.effort = effort;
    fields.rest(lost);
    Ok(())
}

/// The calls that were made and not answered yet, by name and id.
#[derive(Debug, Default)]
struct Calls {
    open: Vec<(String, String)>,
    made: u64,
}

impl Calls {
    fn call(&mut self, id: Option<String>, name: &str) -> String {
        // Like none that anybody else gives: those beside it may have one.
        let id = id.unwrap_or_else(|| format!("tollgate_call_{}", self.made));
        self.made += 1;
        self.open.push((name.to_owned(), id.clone()));
        id
    }

    /// The id of the call that is answered.
    fn answered(&mut self, id: Option<String>, name: &str) -> Option<String> {
        let place = self.open.iter().position(|(called, known)| match &id {
            Some(id) => known == id,
            None => called == name,
        });
        match place {
            Some(place) => Some(self.open.remove(place).1),
            None => id,
        }
    }
}

/// Texts, images, calls and whatever else one side says.
fn parts(fields: &mut Fields, calls: &mut Calls, lost: &mut Losses) -> Result<Vec<Part>, Fault> {
    let mut said = Vec::new();
    for (place, part) in each(fields, "parts")?.into_iter().enumerate() {
        let part = self::fields(part, fields.at(&format!("parts[{place}]")))?;
        self::part(part, calls, &mut said, lost)?;
    }
    Ok(said)
}

fn part(
    mut fields: Fields,
    calls: &mut Calls,
    said: &mut Vec<Part>,
    lost: &mut Losses,
) -> Result<(), Fault> {
    let signature = fields.text("thoughtSignature")?;
    let signature = signature.filter(|signature| !signature.is_empty());
    let thinks = fields.flag("thought")?.unwrap_or_default();
    let text = fields.text("text")?;
    if thinks {
        thought(text.unwrap_or_default(), signature, said);
        fields.rest(lost);
        return Ok(());
    }
    if signature.is_some() {
        thought(String::new(), signature, said);
    }
    if let Some(text) = text {
        if !text.is_empty() {
            said.push(Part::text(text));
        }
    } else if let Some(mut blob) = object(&mut fields, "inlineData")? {
        blob.pass_over(&["displayName"]);
        let media = blob.needed("mimeType")?;
        let data = blob.needed("data")?;
        let source = Source::Data {
            media: media.clone(),
            data,
        };
        said.push(file(&media, source, &blob)?);
        blob.rest(lost);
    } else if let Some(mut pointed) = object(&mut fields, "fileData")? {
        pointed.pass_over(&["displayName"]);
        let url = pointed.needed("fileUri")?;
        let media = pointed.text("mimeType")?.unwrap_or_default();
        let is_kept = url.starts_with("https://generativelanguage.googleapis.com/");
        if is_kept || !url.starts_with("https://") {
            return Err(pointed.unsupported("fileUri", KEPT));
        }
        said.push(file(&media, Source::Url(url), &pointed)?);
        pointed.rest(lost);
    } else if let Some(mut call) = object(&mut fields, "functionCall")? {
        let name = call.needed("name")?;
        let input = call.take("args").unwrap_or(Json::empty());
        if !input.is_object() {
            return Err(call.wrong("args", "an object"));
        }
        let id = calls.call(call.text("id")?, &name);
        said.push(Part::Call { id, name, input });
        call.rest(lost);
    } else if let Some(answer) = object(&mut fields, "functionResponse")? {
        said.push(response(answer, calls, lost)?);
    } else {
        let path = fields.path().to_owned();
        let Some((name, _)) = fields.left().into_iter().next() else {
            return Ok(());
        };
        let why = "a part of this kind has no equal there";
        return Err(Fault::unsupported(format!("{path}.{name}"), why));
    }
    fields.rest(lost);
    Ok(())
}

/// What was thought, in one with what was thought just before and sealed by nothing.
fn thought(text: String, signature: Option<String>, said: &mut Vec<Part>) {
    if let Some(data) = (signature.as_deref()).and_then(|all| all.strip_prefix(WHOLE)) {
        said.push(Part::Sealed(data.to_owned()));
        return;
    }
    let sealed = signature.map(|all| match all.strip_prefix(OTHERS) {
        Some(others) => others.to_owned(),
        None => googles(&all),
    });
    match said.last_mut() {
        Some(Part::Thought { text: before, seal }) if seal.is_none() => {
            before.push_str(&text);
            *seal = sealed;
        }
        _ => said.push(Part::Thought { text, seal: sealed }),
    }
}

fn file(media: &str, source: Source, fields: &Fields) -> Result<Part, Fault> {
    if media.starts_with("image/") {
        return Ok(Part::Image {
            source,
            cache: None,
        });
    }
    if media == "application/pdf" {
        return Ok(Part::Document {
            source,
            title: None,
            cache: None,
        });
    }
    let why = "images and PDFs are understood there, and nothing else";
    Err(fields.unsupported("mimeType", why))
}

/// What a function answered: a text under the name that there is for it, or all of it as it stands.
fn response(mut fields: Fields, calls: &mut Calls, lost: &mut Losses) -> Result<Part, Fault> {
    let name = fields.needed("name")?;
    let id = calls.answered(fields.text("id")?, &name);
    let id = id.ok_or_else(|| fields.wrong("name", "that of a function that was called before"))?;
    let response = fields.take("response").unwrap_or(Json::empty());
    let alone = match &response {
        Json::Object(members) => match members.as_slice() {
            [(name, Json::Text(text))] => Some((name.as_str(), text.as_str())),
            _ => None,
        },
        _ => return Err(fields.wrong("response", "an object")),
    };
    let (text, failed) = match alone {
        Some(("result" | "output", text)) => (text.to_owned(), false),
        Some(("error", text)) => (text.to_owned(), true),
        _ => (response.written(), false),
    };
    fields.pass_over(&["willContinue", "scheduling"]);
    if !fields.list("parts")?.is_empty() {
        let why = "what a tool answers can only be text there";
        lost.push(Loss::new(fields.at("parts"), why));
    }
    fields.rest(lost);
    Ok(Part::Result {
        id,
        parts: vec![Part::text(text)],
        failed,
        cache: None,
    })
}

fn declaration(mut fields: Fields, lost: &mut Losses) -> Result<Tool, Fault> {
    let why = "a function is called and waited for there, and only its arguments are described";
    fields.drop_if("behavior", |how| {
        matches!(how.as_text(), Some("BLOCKING" | "UNSPECIFIED"))
    });
    fields.aside(&OF_TOOLS, why, lost);
    let old = fields.take("parameters");
    let old = old.map(|old| schema::plain(old, false));
    let tool = Tool {
        name: fields.needed("name")?,
        description: fields.text("description")?,
        schema: fields.take("parametersJsonSchema").or(old),
        strict: None,
        cache: None,
    };
    fields.rest(lost);
    Ok(tool)
}

fn choice(mut fields: Fields, tools: &[Tool], lost: &mut Losses) -> Result<Option<Choice>, Fault> {
    let mode = fields.text("mode")?;
    let only = fields.list("allowedFunctionNames")?;
    let offered = |tool: &Tool| only.iter().any(|name| name.as_text() == Some(&tool.name));
    let narrows = !only.is_empty() && !tools.iter().all(offered);
    let choice = match (mode.as_deref(), only.as_slice()) {
        (None | Some("MODE_UNSPECIFIED"), []) => None,
        (Some("NONE"), _) => Some(Choice::Never),
        (Some("ANY"), [Json::Text(name)]) => Some(Choice::Named(name.clone())),
        (None | Some("MODE_UNSPECIFIED" | "AUTO" | "ANY" | "VALIDATED"), _) if narrows => {
            let why = "offer only the functions that may be called";
            return Err(fields.unsupported("allowedFunctionNames", why));
        }
        (Some("ANY"), _) => Some(Choice::Any),
        (None | Some("MODE_UNSPECIFIED" | "AUTO" | "VALIDATED"), _) => Some(Choice::Auto),
        (Some(_), _) => return Err(fields.wrong("mode", "`AUTO`, `ANY`, `NONE` or `VALIDATED`")),
    };
    // Asked for or not, it is nothing that is seen.
    fields.drop_if("streamFunctionCallArguments", |on| *on == Json::Bool(false));
    fields.rest(lost);
    Ok(choice)
}

/// The members of an object, in one spelling. That none stands there in both was seen to before.
fn fields(value: Json, path: impl Into<String>) -> Result<Fields, Fault> {
    let value = match value {
        Json::Object(members) => {
            let members = members.into_iter();
            Json::Object(members.map(|(key, value)| (camel(key), value)).collect())
        }
        other => other,
    };
    Fields::of(value, path)
}

/// A name in the spelling that Google's JSON has.
pub(super) fn camel(key: String) -> String {
    if !key.contains('_') {
        return key;
    }
    let mut words = key.split('_');
    let mut name = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        name.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        name.push_str(letters.as_str());
    }
    name
}

fn object(fields: &mut Fields, name: &str) -> Result<Option<Fields>, Fault> {
    let path = fields.at(name);
    let value = fields.take(name);
    value.map(|value| self::fields(value, path)).transpose()
}

/// Several, or the one that stands for them: Google takes either.
fn each(fields: &mut Fields, name: &str) -> Result<Vec<Json>, Fault> {
    match fields.take(name) {
        None => Ok(Vec::new()),
        Some(Json::Array(items)) => Ok(items),
        Some(one @ Json::Object(_)) => Ok(vec![one]),
        Some(_) => Err(fields.wrong(name, "an array")),
    }
}
