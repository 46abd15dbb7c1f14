//! `messages` as events: the message begins, its blocks open, grow and close one after the other, and its end says why it
//! stops and what it used.

use super::compose::tokens;
use super::error::Refusal;
use super::messages::{Block, Message, SIGNATURE, usage_at_the_end};
use crate::chat::Dialect;
use crate::provider::simulator::body::Frame;
use crate::provider::simulator::json::{Json, Members, NULL, object};
use crate::provider::simulator::text::count;

/// All events of a message.
pub(super) fn stream(message: Message) -> impl Iterator<Item = Frame> + Send {
    let start = event("message_start", &object! { "message": message.begun() });
    let ping = event("ping", &object! {});
    let mut last = Members::default();
    let stop = object! { "stop_reason": message.stop, "stop_sequence": NULL };
    last.add("delta", &stop);
    if let Some(usage) = message.told(usage_at_the_end(message.usage)) {
        last.add("usage", &usage);
    }
    let end = [
        event("message_delta", &last.finish()),
        event("message_stop", &object! {}),
    ];
    [start, ping]
        .into_iter()
        .chain(
            (0_u64..)
                .zip(message.blocks)
                .flat_map(|(at, block)| grow(at, &block)),
        )
        .chain(end)
}

/// One block from its opening to its close. What was thought is billed with the head.
fn grow(at: u64, block: &Block) -> impl Iterator<Item = Frame> + Send + use<> {
    let opening = object! { "index": at, "content_block": block.begun() };
    let delta = move |kind: &str, key: &str, piece: &str| {
        let mut delta = Members::default();
        delta.add("type", kind);
        delta.add(key, piece);
        event(
            "content_block_delta",
            &object! { "index": at, "delta": delta.finish() },
        )
    };
    let content = |frame: Frame, tokens: u64| Frame {
        tokens,
        content: true,
        ..frame
    };
    let inner: Vec<Frame> = match block {
        Block::Thinking(text) => {
            let thoughts = tokens(text);
            let thoughts = thoughts
                .iter()
                .map(|piece| content(delta("thinking_delta", "thinking", piece), 0));
            let signature = delta("signature_delta", "signature", SIGNATURE);
            thoughts.chain([signature]).collect()
        }
        Block::Text(text) => tokens(text)
            .iter()
            .map(|piece| content(delta("text_delta", "text", piece), 1))
            .collect(),
        Block::Call { name, input, .. } => {
            // The name went out with the opening; it is counted with the first piece, which is empty.
            let first = content(delta("input_json_delta", "partial_json", ""), count(name));
            let pieces = tokens(input);
            let rest = pieces
                .iter()
                .map(|piece| content(delta("input_json_delta", "partial_json", piece), 1));
            std::iter::once(first).chain(rest).collect()
        }
    };
    std::iter::once(event("content_block_start", &opening))
        .chain(inner)
        .chain(std::iter::once(event(
            "content_block_stop",
            &object! { "index": at },
        )))
}

fn event(name: &str, members: &Json) -> Frame {
    let members = members.0.strip_prefix('{').unwrap_or_default();
    let comma = if members == "}" { "" } else { "," };
    Frame::around(format!(
        "event: {name}\ndata: {{\"type\":\"{name}\"{comma}{members}\n\n"
    ))
}

/// An event that ends a stream with an error.
pub(in crate::provider::simulator) fn failure(error: &Refusal) -> Frame {
    let body = error.body(Dialect::Anthropic);
    Frame::around(format!("event: error\ndata: {}\n\n", body.0))
}
