//! `responses` as events: every item opens, grows token by token and closes between `response.created` and
//! `response.completed` (or `response.incomplete`). Events are numbered from nought and there is no `[DONE]`.

use super::compose::tokens;
use super::error::Refusal;
use super::responses::{Item, Response, Status, part};
use crate::provider::simulator::body::Frame;
use crate::provider::simulator::json::{EMPTY, Json, object};
use crate::provider::simulator::text::count;

/// An event before it has its number.
struct Step {
    name: &'static str,
    members: Json,
    tokens: u64,
    content: bool,
}

type Steps = Box<dyn Iterator<Item = Step> + Send>;

fn step(name: &'static str, members: Json) -> Step {
    Step {
        name,
        members,
        tokens: 0,
        content: false,
    }
}

fn growth(name: &'static str, members: Json, tokens: u64) -> Step {
    Step {
        tokens,
        content: true,
        ..step(name, members)
    }
}

/// All events of a response.
pub(super) fn stream(response: &Response) -> impl Iterator<Item = Frame> + Send + use<> {
    let begun = object! { "response": response.begun() };
    let end = match response.end {
        Status::Incomplete => "response.incomplete",
        Status::Completed | Status::InProgress => "response.completed",
    };
    let finished = step(end, object! { "response": response.finished() });
    let items: Vec<(Item, Status)> = response
        .statuses()
        .map(|(item, status)| (item.clone(), status))
        .collect();
    [
        step("response.created", begun.clone()),
        step("response.in_progress", begun),
    ]
    .into_iter()
    .chain(
        (0_u64..)
            .zip(items)
            .flat_map(|(at, (item, status))| grow(at, item, status)),
    )
    .chain(std::iter::once(finished))
    .zip(0_u64..)
    .map(|(step, number)| write(&step, number))
}

/// One item from its opening to its close.
fn grow(at: u64, item: Item, status: Status) -> Steps {
    let added = object! { "output_index": at, "item": item.json(Status::InProgress) };
    let done = object! { "output_index": at, "item": item.json(status) };
    let opening = step("response.output_item.added", added);
    let closing = step("response.output_item.done", done);
    let id = item.id().to_owned();
    let inner: Steps = match item {
        Item::Reasoning { .. } => Box::new(std::iter::empty()),
        Item::Message { text, .. } => message(at, id, &text),
        Item::Call { call, .. } => {
            let whole = object! {
                "item_id": id, "output_index": at, "arguments": call.arguments, "name": call.name,
            };
            let done = step("response.function_call_arguments.done", whole);
            // The name went out with the opening; it is counted with the first fragment.
            let mut name = count(&call.name);
            let deltas = tokens(&call.arguments).into_iter().map(move |fragment| {
                let members = object! { "item_id": id, "output_index": at, "delta": fragment };
                let tokens = 1 + std::mem::take(&mut name);
                growth("response.function_call_arguments.delta", members, tokens)
            });
            Box::new(deltas.chain(std::iter::once(done)))
        }
    };
    Box::new(
        std::iter::once(opening)
            .chain(inner)
            .chain(std::iter::once(closing)),
    )
}

fn message(at: u64, id: String, text: &str) -> Steps {
    let with = |name: &'static str, key: &str, value: &Json| {
        let mut members = crate::provider::simulator::json::Members::default();
        members.add("item_id", &id);
        members.add("output_index", &at);
        members.add("content_index", &0_u64);
        members.add(key, value);
        if key == "text" {
            members.add("logprobs", &EMPTY);
        }
        step(name, members.finish())
    };
    let added = with("response.content_part.added", "part", &part(""));
    let quoted = Json(serde_json::Value::from(text).to_string());
    let done = with("response.output_text.done", "text", &quoted);
    let closed = with("response.content_part.done", "part", &part(text));
    let deltas = tokens(text).into_iter().map(move |token| {
        let members = object! {
            "item_id": id, "output_index": at, "content_index": 0_u64, "delta": token, "logprobs": EMPTY,
        };
        growth("response.output_text.delta", members, 1)
    });
    Box::new(std::iter::once(added).chain(deltas).chain([done, closed]))
}

fn write(step: &Step, number: u64) -> Frame {
    let name = step.name;
    // The members follow the type and the number, without the brace that opens them.
    let members = step.members.0.strip_prefix('{').unwrap_or_default();
    let event = format!(
        "event: {name}\ndata: {{\"type\":\"{name}\",\"sequence_number\":{number},{members}\n\n"
    );
    Frame {
        bytes: event.into(),
        tokens: step.tokens,
        content: step.content,
    }
}

/// An event that ends a stream with an error; `number` is its place.
pub(in crate::provider::simulator) fn failure(error: &Refusal, number: u64) -> Frame {
    let error = error.json();
    let value: serde_json::Value = serde_json::from_str(&error.0).unwrap_or_default();
    let members = object! {
        "code": "server_error", "message": value["error"]["message"].clone(), "param": crate::provider::simulator::json::NULL,
    };
    write(&step("error", members), number)
}
