//! The end of a message's stream that we had to end: open blocks are closed, `message_delta` says why and what was used,
//! `message_stop` ends it. Where something broke there is an `error`, and no `message_stop`.

use super::course::Course;
use super::outward::kind_of;
use crate::chat::Usage;
use crate::dialect::course::Why;
use crate::dialect::sse::write_event;
use crate::units::Tokens;
use serde_json::{Value, json};

impl Course {
    pub(in crate::dialect) fn end(&self, out: &mut Vec<u8>, why: Why<'_>, usage: Usage) {
        if !self.outline.begun {
            let start = json!({ "type": "message_start", "message": {
                "id": self.identity.id.as_deref().unwrap_or("msg_unsaid"),
                "type": "message",
                "role": "assistant",
                "model": self.identity.model.as_deref().unwrap_or_default(),
                "content": [],
                "stop_reason": null,
                "stop_sequence": null,
                "usage": usage_of_message(Usage {
                    output: Tokens::ZERO,
                    ..self.counts.usage().unwrap_or(usage)
                }),
            }});
            write_event(out, Some("message_start"), &start);
        }
        for block in &self.outline.open {
            let stop = json!({ "type": "content_block_stop", "index": block });
            write_event(out, Some("content_block_stop"), &stop);
        }
        let delta = match why {
            Why::Length => json!({ "stop_reason": "max_tokens", "stop_sequence": null }),
            Why::Filtered(message) => json!({
                "stop_reason": "refusal", "stop_sequence": null, "stop_details": refusal(message),
            }),
        };
        // What the beginning says of the input stands; only where it says nothing our own count does.
        let usage = if self.counts.usage().is_some() || !self.outline.begun {
            json!({ "output_tokens": usage.output.0 })
        } else {
            usage_of_message(usage)
        };
        let last = json!({ "type": "message_delta", "delta": delta, "usage": usage });
        write_event(out, Some("message_delta"), &last);
        write_event(
            out,
            Some("message_stop"),
            &json!({ "type": "message_stop" }),
        );
    }
}

/// Why a model that refuses does so.
pub(super) fn refusal(message: &str) -> Value {
    json!({ "type": "refusal", "category": null, "explanation": message })
}

/// An error behind which nothing comes.
pub(in crate::dialect) fn fail(out: &mut Vec<u8>, kind: &str, code: Option<&str>, message: &str) {
    let error = json!({ "type": "error", "error": {
        "type": kind_of(kind, 500),
        "message": message,
        "details": { "error_code": code.unwrap_or(kind) },
    }});
    write_event(out, Some("error"), &error);
}

fn usage_of_message(usage: Usage) -> Value {
    let cached = usage
        .cached_input
        .plus(usage.cache_write)
        .plus(usage.cache_write_1h);
    json!({
        "input_tokens": usage.input.minus(cached).0,
        "cache_creation_input_tokens": usage.cache_write.plus(usage.cache_write_1h).0,
        "cache_read_input_tokens": usage.cached_input.0,
        "output_tokens": usage.output.0,
    })
}
