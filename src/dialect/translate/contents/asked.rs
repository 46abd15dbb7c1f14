//! Writes a request of contents.
//!
//! The model stands in the path, and whether it is to be streamed. Thoughts of earlier turns go back where Google sealed
//! them; how hard to think is said in tokens, which all of its models understand.

use super::shown;
use crate::dialect::translate::Terms;
use crate::dialect::translate::chat::BEGUN;
use crate::dialect::translate::fields::{CACHES, Fault, Loss, Losses, slight};
use crate::dialect::translate::neutral::{
    By, Choice, Effort, GOOGLES, Part, Request, Source, Thinking, Tool, Turn,
};
use crate::dialect::translate::tree::{Json, Object};

pub(in crate::dialect::translate) fn write(
    asked: &Request,
    terms: &Terms<'_>,
    lost: &mut Losses,
) -> Result<Json, Fault> {
    let mut called = Vec::new();
    let mut contents = Vec::new();
    for (place, turn) in asked.turns.iter().enumerate() {
        let place = format!("messages[{place}].content");
        contents.push(content(turn, &place, &mut called, lost)?);
    }
    asides(asked, lost);
    let system: Vec<Json> = asked.system.iter().filter_map(text).collect();
    let system = (!system.is_empty()).then(|| Object::new().with("parts", system));
    let tools: Vec<Json> = asked.tools.iter().map(tool).collect();
    let config = if tools.is_empty() {
        None
    } else {
        asked.choice.as_ref().map(choice)
    };
    let tools = (!tools.is_empty()).then(|| {
        let all = Object::new().with("functionDeclarations", tools);
        vec![all.done()]
    });
    let settings = settings(asked, terms, lost);
    Ok(Object::new()
        .maybe("systemInstruction", system)
        .with("contents", contents)
        .maybe("tools", tools)
        .maybe("toolConfig", config)
        .maybe(
            "generationConfig",
            Some(settings).filter(|all| *all != Json::empty()),
        )
        .done())
}

fn settings(asked: &Request, terms: &Terms<'_>, lost: &mut Losses) -> Json {
    let mut any_json = false;
    for (name, _) in &asked.others {
        match name.as_str() {
            "top_k" | "seed" | "presence_penalty" | "frequency_penalty" => {}
            "response_format" => any_json = true,
            name => lost.push(Loss::new(name, "contents have no such field")),
        }
    }
    let other = |name: &str| {
        let mut others = asked.others.iter();
        others
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.clone())
    };
    let stops = asked.stop.iter().map(|stop| Json::from(stop.as_str()));
    let stops: Vec<Json> = stops.collect();
    let is_json = asked.schema.is_some() || any_json;
    Object::new()
        .maybe("temperature", asked.temperature.clone().map(Json::Number))
        .maybe("topP", asked.top_p.clone().map(Json::Number))
        .maybe("topK", other("top_k"))
        .maybe("seed", other("seed"))
        .maybe("maxOutputTokens", terms.cap)
        .maybe("stopSequences", (!stops.is_empty()).then_some(stops))
        .maybe("presencePenalty", other("presence_penalty"))
        .maybe("frequencyPenalty", other("frequency_penalty"))
        .maybe("responseMimeType", is_json.then_some("application/json"))
        .maybe("responseJsonSchema", asked.schema.clone())
        .maybe("thinkingConfig", thinking(asked))
        .done()
}

/// How many tokens may be thought: as it was said, or as many as Google says that words for it are.
fn thinking(asked: &Request) -> Option<Json> {
    let budget = match (asked.thinking, asked.effort) {
        (Some(Thinking::Off), _) => "0".into(),
        (Some(Thinking::Budget(budget)), _) => budget.to_string(),
        (_, Some(Effort::Low)) => "1024".into(),
        (_, Some(Effort::Medium)) => "8192".into(),
        (_, Some(Effort::High | Effort::Higher)) => "24576".into(),
        // As it sees fit.
        (Some(Thinking::Adaptive), None) => "-1".into(),
        (None, None) => return None,
    };
    let thinks = budget != "0";
    Some(
        Object::new()
            .with("thinkingBudget", Json::Number(budget.into()))
            .maybe("includeThoughts", thinks.then_some(true))
            .done(),
    )
}

/// What has no place in the request that is written, beside fields of other names.
fn asides(asked: &Request, lost: &mut Losses) {
    if asked.is_cached() {
        slight(lost, "cache_control", CACHES);
    }
    if asked.user.is_some() {
        slight(lost, "user", "there nobody is told who the end user is");
    }
    if asked.tools.iter().any(|tool| tool.strict.is_some()) {
        let why = "how closely arguments follow their schema is not asked for there";
        slight(lost, "tools", why);
    }
    if asked.effort == Some(Effort::Higher) {
        slight(lost, "reasoning_effort", "there it goes up to `high`");
    }
    if asked.parallel == Some(false) && !asked.tools.is_empty() {
        let why = "there a model may always call several tools at once";
        lost.push(Loss::new("parallel_tool_calls", why));
    }
    let mut parts = asked.turns.iter().flat_map(|turn| &turn.parts);
    let is_gone = |part: &Part| match part {
        Part::Thought { seal, .. } => own(seal.as_deref()).is_none(),
        Part::Sealed(_) => true,
        _ => false,
    };
    if parts.any(is_gone) {
        let why = "thoughts of earlier turns go back to the vendor that sealed them or not at all";
        slight(lost, "reasoning_content", why);
    }
    if let Some(last) = asked.turns.last()
        && last.by == By::Assistant
        && !last.parts.is_empty()
    {
        let place = asked.turns.len().saturating_sub(1);
        lost.push(Loss::new(format!("messages[{place}]"), BEGUN));
    }
}

/// A seal that Google made.
fn own(seal: Option<&str>) -> Option<&str> {
    seal.filter(|seal| seal.starts_with(GOOGLES))
}

/// A part that is being written.
#[derive(Debug)]
struct Written<'a> {
    part: Object,
    /// What it is sealed with.
    seal: Option<&'a str>,
    is_thought: bool,
}

/// What one side says. `called`: the calls so far, by id and name.
fn content<'a>(
    turn: &'a Turn,
    place: &str,
    called: &mut Vec<(&'a str, &'a str)>,
    lost: &mut Losses,
) -> Result<Json, Fault> {
    let mut written: Vec<Written<'a>> = Vec::new();
    // Seals that are on nothing yet, and whether the last of them is of the thought just before.
    let (mut seals, mut fresh) = (Vec::new(), false);
    for part in &turn.parts {
        let was_fresh = std::mem::take(&mut fresh);
        let (mut seal, mut is_thought) = (None, false);
        let part = match part {
            Part::Thought { text, seal } => {
                let Some(own) = own(seal.as_deref()) else {
                    continue;
                };
                seals.push(own);
                (fresh, is_thought) = (true, true);
                if text.is_empty() {
                    continue;
                }
                said(text).with("thought", true)
            }
            Part::Sealed(_) => continue,
            Part::Call { id, name, input } => {
                called.push((id, name));
                seal = match (was_fresh, seals.is_empty()) {
                    (true, _) => seals.pop(),
                    (false, true) => None,
                    (false, false) => Some(seals.remove(0)),
                };
                let call = Object::new()
                    .with("id", id.as_str())
                    .with("name", name.as_str())
                    .with("args", input.clone());
                Object::new().with("functionCall", call)
            }
            Part::Result {
                id, parts, failed, ..
            } => response((id, *failed), parts, called, place, lost)?,
            Part::Text { text, .. } => said(text),
            Part::Image { source, .. } => {
                let why = "an image can only be sent along there, not pointed to";
                inline(source, place, why)?
            }
            Part::Document { source, title, .. } => {
                if title.is_some() {
                    slight(lost, place, "documents have no titles there");
                }
                let why = "a document can only be sent along there, not pointed to";
                inline(source, place, why)?
            }
        };
        written.push(Written {
            part,
            seal,
            is_thought,
        });
    }
    let role = match turn.by {
        By::User => "user",
        By::Assistant => "model",
    };
    Ok(Object::new()
        .with("role", role)
        .with("parts", sealed(written, seals))
        .done())
}

/// The parts of one side, at least one, with the seals that are on nothing yet on the last that can have them.
fn sealed<'a>(mut written: Vec<Written<'a>>, seals: Vec<&'a str>) -> Vec<Json> {
    for seal in seals {
        let mut others = written.iter_mut();
        match others.rfind(|one| !one.is_thought && one.seal.is_none()) {
            Some(one) => one.seal = Some(seal),
            None => written.push(Written {
                part: said(""),
                seal: Some(seal),
                is_thought: false,
            }),
        }
    }
    if written.is_empty() {
        return vec![said("").done()];
    }
    let parts = written.into_iter();
    parts
        .map(|one| {
            let seal = one.seal.map(shown);
            one.part.maybe("thoughtSignature", seal).done()
        })
        .collect()
}

fn said(text: &str) -> Object {
    Object::new().with("text", text)
}

/// What a tool answered, by the name that it was called by.
fn response(
    (id, failed): (&str, bool),
    parts: &[Part],
    called: &[(&str, &str)],
    place: &str,
    lost: &mut Losses,
) -> Result<Object, Fault> {
    let name = called.iter().rfind(|(known, _)| *known == id);
    let (_, name) = name.ok_or_else(|| {
        let why = "what it answers was not called before, and there answers go by the name of what was called";
        Fault::unsupported(place, why)
    })?;
    let told = answered(parts, place, lost);
    let response = Object::new().with(if failed { "error" } else { "result" }, told);
    let answer = Object::new()
        .with("id", id)
        .with("name", *name)
        .with("response", response);
    Ok(Object::new().with("functionResponse", answer))
}

/// What a tool answered, as text.
fn answered(parts: &[Part], place: &str, lost: &mut Losses) -> String {
    let mut said = String::new();
    for part in parts {
        if let Part::Text { text, .. } = part {
            said.push_str(text);
        } else {
            lost.push(Loss::new(
                place,
                "what a tool answers can only be text there",
            ));
        }
    }
    said
}

fn inline(source: &Source, place: &str, why: &'static str) -> Result<Object, Fault> {
    // A part of the question, so never left out.
    let Source::Data { media, data } = source else {
        return Err(Fault::unsupported(place, why));
    };
    let blob = Object::new()
        .with("mimeType", media.as_str())
        .with("data", data.as_str());
    Ok(Object::new().with("inlineData", blob))
}

fn text(part: &Part) -> Option<Json> {
    match part {
        Part::Text { text, .. } => Some(said(text).done()),
        _ => None,
    }
}

fn tool(tool: &Tool) -> Json {
    Object::new()
        .with("name", tool.name.as_str())
        .maybe("description", tool.description.as_deref())
        .maybe("parametersJsonSchema", tool.schema.clone())
        .done()
}

fn choice(choice: &Choice) -> Json {
    let (mode, only) = match choice {
        Choice::Auto => ("AUTO", None),
        Choice::Never => ("NONE", None),
        Choice::Any => ("ANY", None),
        Choice::Named(name) => ("ANY", Some(vec![Json::from(name.as_str())])),
    };
    let config = Object::new()
        .with("mode", mode)
        .maybe("allowedFunctionNames", only);
    Object::new().with("functionCallingConfig", config).done()
}
