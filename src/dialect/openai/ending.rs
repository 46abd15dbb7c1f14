//! The end of a stream of OpenAI's endpoints that we had to end: a finish reason, usage, `[DONE]` where there was all there
//! is to get (on responses: `response.incomplete`), an error and no `[DONE]` where something broke.

use serde_json::{Value, json};

use super::course::Course;
use super::outward::error_body;
use crate::chat::{Endpoint, Usage};
use crate::dialect::course::Why;
use crate::dialect::sse::write_event;

impl Course {
    pub(in crate::dialect) fn end(
        &self,
        out: &mut Vec<u8>,
        why: Why<'_>,
        usage: Usage,
        hide_usage: bool,
        ended: bool,
    ) {
        let (finish, incomplete, refusal) = match why {
            Why::Length => ("length", "max_output_tokens", None),
            Why::Filtered(message) => ("content_filter", "content_filter", Some(message)),
        };
        if self.endpoint == Endpoint::Responses {
            // What says the end may itself be what may not leave.
            if refusal.is_some() || !ended {
                write_event(
                    out,
                    Some("response.incomplete"),
                    &self.incomplete(usage, incomplete),
                );
            }
            return;
        }
        let choices = self.unfinished_choices(finish, refusal);
        if !choices.is_empty() {
            write_event(out, None, &self.chunk(&choices, None));
        }
        if !hide_usage {
            let usage = usage_of_chat(usage);
            write_event(out, None, &self.chunk(&[], Some(usage)));
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }

    pub(in crate::dialect) fn fail(
        &self,
        out: &mut Vec<u8>,
        kind: &str,
        code: Option<&str>,
        message: &str,
    ) {
        if self.endpoint == Endpoint::Responses {
            let error = json!({
                "type": "error",
                "code": code.unwrap_or(kind),
                "message": message,
                "param": null,
                "sequence_number": self.next_sequence,
            });
            write_event(out, Some("error"), &error);
        } else {
            out.extend_from_slice(b"data: ");
            out.extend_from_slice(&error_body::<Value>(kind, code, message, None, None));
            out.extend_from_slice(b"\n\n");
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
