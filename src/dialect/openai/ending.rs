//! The end of a stream that we had to end, in the stream's own dialect.
//!
//! A caller whose stream is cut must be able to tell "you got all there is to get" (a finish reason, usage, `[DONE]`) from
//! "something broke" (an error, and no `[DONE]`). Who answers is repeated from the stream's first event, so that readers
//! which check ids and models see one answer.
//!
//! Not here: when a stream is ended (`pipeline`).

use serde_json::{Value, json};

use super::outward::error_body;
use super::stream::StreamMeter;
use crate::chat::{Endpoint, Usage};

impl StreamMeter {
    /// Ends the stream because its output reached its limit: unfinished choices finish with `length` (on responses:
    /// `response.incomplete`), then `usage` where the caller asked for it, then `[DONE]` where the dialect has one.
    #[must_use]
    pub fn ending(&self, usage: Usage) -> Vec<u8> {
        self.end(usage, "length", "max_output_tokens", None)
    }

    /// Ends the stream because what comes next may not leave: as [`StreamMeter::ending`], with `content_filter` for the
    /// reason and, on chat, a refusal that says why.
    #[must_use]
    pub fn filtered(&self, usage: Usage, message: &str) -> Vec<u8> {
        self.end(usage, "content_filter", "content_filter", Some(message))
    }

    fn end(&self, usage: Usage, finish: &str, incomplete: &str, refusal: Option<&str>) -> Vec<u8> {
        let mut out = self.event_break();
        match self.endpoint {
            Endpoint::Responses => {
                // What says the end may itself be what may not leave.
                if refusal.is_some() || !self.is_ended() {
                    write_event(
                        &mut out,
                        Some("response.incomplete"),
                        &self.incomplete(usage, incomplete),
                    );
                }
            }
            Endpoint::Chat | Endpoint::Completions | Endpoint::Embeddings => {
                let choices = self.unfinished_choices(finish, refusal);
                if !choices.is_empty() {
                    write_event(&mut out, None, &self.chunk(&choices, None));
                }
                if !self.hide_usage {
                    let usage = usage_of_chat(usage);
                    write_event(&mut out, None, &self.chunk(&[], Some(usage)));
                }
                out.extend_from_slice(b"data: [DONE]\n\n");
            }
        }
        out
    }

    /// Ends the stream because the provider broke off or its answer may not go on. There is no `[DONE]` after it.
    #[must_use]
    pub fn error_event(&self, kind: &str, code: Option<&str>, message: &str) -> Vec<u8> {
        let mut out = self.event_break();
        if self.endpoint == Endpoint::Responses {
            let error = json!({
                "type": "error",
                "code": code.unwrap_or(kind),
                "message": message,
                "param": null,
                "sequence_number": self.next_sequence,
            });
            write_event(&mut out, Some("error"), &error);
        } else {
            out.extend_from_slice(b"data: ");
            out.extend_from_slice(&error_body::<Value>(kind, code, message, None, None));
            out.extend_from_slice(b"\n\n");
        }
        out
    }

    /// Ends an event whose beginning the caller already has.
    fn event_break(&self) -> Vec<u8> {
        if self.is_mid_event() {
            b"\n\n".to_vec()
        } else {
            Vec::new()
        }
    }

    fn unfinished_choices(&self, finish: &str, refusal: Option<&str>) -> Vec<Value> {
        let seen = self.seen | u128::from(self.seen == 0); // nothing came yet: finish the first
        let open = if refusal.is_some() {
            seen // the event that finished them did not leave
        } else {
            seen & !self.finished
        };
        (0..u128::BITS)
            .filter(|index| open >> index & 1 == 1)
            .map(|index| {
                if self.endpoint == Endpoint::Completions {
                    json!({ "index": index, "text": "", "logprobs": null, "finish_reason": finish })
                } else {
                    let delta = refusal.map_or_else(|| json!({}), |refusal| json!({ "refusal": refusal }));
                    json!({ "index": index, "delta": delta, "logprobs": null, "finish_reason": finish })
                }
            })
            .collect()
    }

    fn chunk(&self, choices: &[Value], usage: Option<Value>) -> Value {
        let object = if self.endpoint == Endpoint::Completions {
            "text_completion"
        } else {
            "chat.completion.chunk"
        };
        let mut chunk = json!({
            "id": self.identity.id.as_deref().unwrap_or_default(),
            "object": object,
            "created": self.identity.created.unwrap_or_default(),
            "model": self.identity.model.as_deref().unwrap_or_default(),
            "choices": choices,
        });
        if let Some(usage) = usage {
            chunk["usage"] = usage;
        }
        chunk
    }

    fn incomplete(&self, usage: Usage, reason: &str) -> Value {
        json!({
            "type": "response.incomplete",
            "sequence_number": self.next_sequence,
            "response": {
                "id": self.identity.id.as_deref().unwrap_or_default(),
                "object": "response",
                "created_at": self.identity.created.unwrap_or_default(),
                "status": "incomplete",
                "error": null,
                "incomplete_details": { "reason": reason },
                "instructions": null,
                "metadata": {},
                "model": self.identity.model.as_deref().unwrap_or_default(),
                "output": [],
                "parallel_tool_calls": true,
                "temperature": null,
                "tool_choice": "auto",
                "tools": [],
                "top_p": null,
                "usage": usage_of_responses(usage),
            },
        })
    }
}

fn usage_of_chat(usage: Usage) -> Value {
    json!({
        "prompt_tokens": usage.input.0,
        "completion_tokens": usage.output.0,
        "total_tokens": usage.input.plus(usage.output).0,
        "prompt_tokens_details": { "cached_tokens": usage.cached_input.0 },
        "completion_tokens_details": { "reasoning_tokens": usage.reasoning.0 },
    })
}

fn usage_of_responses(usage: Usage) -> Value {
    json!({
        "input_tokens": usage.input.0,
        "input_tokens_details": { "cached_tokens": usage.cached_input.0 },
        "output_tokens": usage.output.0,
        "output_tokens_details": { "reasoning_tokens": usage.reasoning.0 },
        "total_tokens": usage.input.plus(usage.output).0,
    })
}

/// One event: its name where the dialect names events, and its payload on one line.
fn write_event(out: &mut Vec<u8>, name: Option<&str>, payload: &Value) {
    if let Some(name) = name {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(name.as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(payload.to_string().as_bytes());
    out.extend_from_slice(b"\n\n");
}
