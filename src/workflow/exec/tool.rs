//! A tool that a model called: what is sent, and what of the answer the model is told.
//!
//! Values in an address are written so that they stay values: none can end a part of the path, begin a query or name a host.

use super::Run;
use super::Stop;
use super::host::{Event, Fetch, Host};
use super::node::Place;
use super::talk::{self, Call};
use crate::workflow::ir::{Tool, ToolUse};
use crate::workflow::template::{Part, Template};
use crate::workflow::value::{Dict, Value};
use std::fmt::Write as _;

/// Runs it; what the model is told. A failure stops the run unless the node says that the model is told of it.
pub(super) async fn run<H: Host>(
    run: &Run<H>,
    place: Place<'_>,
    call: &Call,
    state: &Dict,
) -> Result<String, Stop> {
    let used = place.node.tools.iter().find(|used| used.name == call.name);
    let tool = used.and_then(|used| {
        let tool = run.flow.tools.iter().find(|tool| tool.name == used.name)?;
        Some((used, tool))
    });
    let Some((used, tool)) = tool else {
        return told(
            run,
            place,
            call,
            Err(format!("there is no tool `{}`", call.name)),
        );
    };
    let fetch = match talk::arguments(call).and_then(|arguments| {
        let arguments = with_settings(arguments, used);
        request(tool, &arguments, state)
    }) {
        Ok(fetch) => fetch,
        // What the model wrote is for the model to mend.
        Err(fault) => return told(run, place, call, Err(fault)),
    };
    let fetched = match run.host.fetch(fetch).await {
        Ok(body) => result(tool, &body),
        Err(fault) => Err(fault.to_string()),
    };
    match fetched {
        Err(fault) if !used.continue_on_error => {
            let step = place.step;
            let tool = call.name.as_str();
            let event = Event::Tool {
                step,
                tool,
                fault: Some(&fault),
            };
            run.tell(place, &event)?;
            Err(place.failed(&format!("tool `{}`: {fault}", call.name)))
        }
        fetched => told(run, place, call, fetched),
    }
}

fn told<H: Host>(
    run: &Run<H>,
    place: Place<'_>,
    call: &Call,
    result: Result<String, String>,
) -> Result<String, Stop> {
    let fault = result.as_ref().err().map(String::as_str);
    let (step, tool) = (place.step, call.name.as_str());
    run.tell(place, &Event::Tool { step, tool, fault })?;
    Ok(result.unwrap_or_else(|fault| format!("error: {fault}")))
}

/// What the file sets goes before what the model asks for.
fn with_settings(mut arguments: Dict, used: &ToolUse) -> Dict {
    if let Some(Value::Dict(settings)) = &used.config {
        for (name, value) in settings {
            arguments.insert(name.clone(), value.clone());
        }
    }
    arguments
}

/// What is sent.
fn request(tool: &Tool, arguments: &Dict, state: &Dict) -> Result<Fetch, String> {
    let mut url = address(&tool.endpoint, arguments, state)?;
    for (number, named) in tool.query.iter().enumerate() {
        let value = filled(&named.value, arguments, state)?;
        let joint = if number == 0 && !url.contains('?') {
            '?'
        } else {
            '&'
        };
        url.push(joint);
        encode(&mut url, &named.name);
        url.push('=');
        encode(&mut url, &value);
    }
    let mut fetch = Fetch::of(tool, url);
    for named in &tool.headers {
        let value = filled(&named.value, arguments, state)?;
        if value.chars().any(|c| c.is_control() || !c.is_ascii()) {
            return Err(format!(
                "the header `{}` would have characters that headers cannot have",
                named.name
            ));
        }
        fetch.headers.push((named.name.clone(), value));
    }
    if let Some(body) = &tool.body {
        let body = body
            .fill(arguments, state)
            .map_err(|fault| fault.to_string())?;
        fetch.body = Some(body.to_json().map_err(|fault| fault.to_string())?);
    }
    Ok(fetch)
}

fn filled(template: &Template, arguments: &Dict, state: &Dict) -> Result<String, String> {
    let filled = template.fill(arguments, state);
    filled.map_err(|fault| fault.to_string())
}

/// An address whose values are encoded.
fn address(template: &Template, arguments: &Dict, state: &Dict) -> Result<String, String> {
    let mut url = String::new();
    for part in &template.parts {
        if let Part::Text(text) = part {
            url.push_str(text);
        } else {
            let alone = Template {
                parts: vec![part.clone()],
            };
            encode(&mut url, &filled(&alone, arguments, state)?);
        }
    }
    // A client would walk these up the path.
    let path = url.split(['?', '#']).next().unwrap_or_default();
    if path.split('/').any(|part| matches!(part, "." | "..")) {
        return Err(format!(
            "`{path}` cannot be an address: a part of it is `.` or `..`"
        ));
    }
    Ok(url)
}

fn encode(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

/// What of an answer is the result.
fn result(tool: &Tool, body: &str) -> Result<String, String> {
    let Some(way) = &tool.response_path else {
        return Ok(body.to_owned());
    };
    let whole =
        Value::from_json(body).map_err(|fault| format!("the answer is not JSON: {fault}"))?;
    let mut value = &whole;
    for step in way.split('.').filter(|step| !step.is_empty()) {
        let next = match value {
            Value::Dict(entries) => entries.get(step),
            Value::List(items) => step.parse::<usize>().ok().and_then(|at| items.get(at)),
            _ => None,
        };
        value = next.ok_or_else(|| format!("the answer has no `{way}`"))?;
    }
    match value {
        Value::Str(text) => Ok(text.clone()),
        other => other.to_json().map_err(|fault| fault.to_string()),
    }
}
