//! A refusal as the model itself would give it: 200, its words in the place of an answer, `content_filter` for the reason.
//!
//! For agents that stop at an error and could go on after a refusal; a policy asks for it (`soft: true`).
//!
//! Not here: when that is done (`gateway`), the end of a stream that had begun (`ending`).

use crate::chat::Endpoint;
use serde_json::{Value, json};

/// The body of such an answer; server-sent events where a stream was asked for. `None` where the dialect has no such
/// thing: what embeds a text cannot refuse in words.
#[must_use]
pub(in crate::dialect) fn declined(
    endpoint: Endpoint,
    streaming: bool,
    id: &str,
    created: i64,
    model: &str,
    message: &str,
) -> Option<Vec<u8>> {
    let answer = match endpoint {
        Endpoint::Embeddings
        | Endpoint::Moderations
        | Endpoint::ImageGenerations
        | Endpoint::Speech
        | Endpoint::Messages
        | Endpoint::CountTokens
        | Endpoint::GenerateContent
        | Endpoint::CountContents
        | Endpoint::EmbedContent
        | Endpoint::BatchEmbedContents => return None,
        Endpoint::Chat if streaming => {
            let chunk = |delta: &Value, finish: Value| {
                json!({
                    "id": id, "object": "chat.completion.chunk", "created": created, "model": model,
                    "choices": [{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish }],
                })
            };
            return Some(events(
                &[
                    (
                        None,
                        chunk(
                            &json!({ "role": "assistant", "content": "", "refusal": message }),
                            Value::Null,
                        ),
                    ),
                    (None, chunk(&json!({}), json!("content_filter"))),
                ],
                true,
            ));
        }
        Endpoint::Chat => json!({
            "id": id, "object": "chat.completion", "created": created, "model": model,
            "choices": [{
                "index": 0, "message": { "role": "assistant", "content": null, "refusal": message },
                "logprobs": null, "finish_reason": "content_filter",
            }],
            "usage": { "prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0 },
        }),
        Endpoint::Completions => {
            let answer = json!({
                "id": id, "object": "text_completion", "created": created, "model": model,
                "choices": [{ "index": 0, "text": message, "logprobs": null, "finish_reason": "content_filter" }],
                "usage": { "prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0 },
            });
            if streaming {
                return Some(events(&[(None, answer)], true));
            }
            answer
        }
        Endpoint::Responses => {
            let response = json!({
                "id": id, "object": "response", "created_at": created, "status": "incomplete", "error": null,
                "incomplete_details": { "reason": "content_filter" }, "instructions": null, "metadata": {}, "model": model,
                "output": [{
                    "id": format!("msg_{id}"), "type": "message", "role": "assistant", "status": "completed",
                    "content": [{ "type": "refusal", "refusal": message }],
                }],
                "parallel_tool_calls": true, "temperature": null, "tool_choice": "auto", "tools": [], "top_p": null,
                "usage": {
                    "input_tokens": 0, "input_tokens_details": { "cached_tokens": 0 },
                    "output_tokens": 0, "output_tokens_details": { "reasoning_tokens": 0 }, "total_tokens": 0,
                },
            });
            if streaming {
                let event = |kind: &str, number: u64| {
                    (
                        Some(kind.to_owned()),
                        json!({ "type": kind, "sequence_number": number, "response": response }),
                    )
                };
                return Some(events(
                    &[
                        event("response.created", 0),
                        event("response.incomplete", 1),
                    ],
                    false,
                ));
            }
            response
        }
    };
    Some(answer.to_string().into_bytes())
}

fn events(payloads: &[(Option<String>, Value)], done: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, payload) in payloads {
        if let Some(name) = name {
            out.extend_from_slice(format!("event: {name}\n").as_bytes());
        }
        out.extend_from_slice(format!("data: {payload}\n\n").as_bytes());
    }
    if done {
        out.extend_from_slice(b"data: [DONE]\n\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::declined;
    use crate::chat::Endpoint;

    fn body(endpoint: Endpoint, streaming: bool) -> String {
        let body = declined(endpoint, streaming, "x", 7, "m", "no");
        body.map(|body| String::from_utf8(body).expect("UTF-8"))
            .unwrap_or_default()
    }

    #[test]
    fn a_refusal_is_an_answer_in_each_dialect() {
        let chat: serde_json::Value =
            serde_json::from_str(&body(Endpoint::Chat, false)).expect("JSON");
        assert_eq!(chat["choices"][0]["message"]["refusal"], "no");
        assert_eq!(chat["choices"][0]["finish_reason"], "content_filter");
        let responses: serde_json::Value =
            serde_json::from_str(&body(Endpoint::Responses, false)).expect("JSON");
        assert_eq!(responses["incomplete_details"]["reason"], "content_filter");
        assert!(body(Endpoint::Chat, true).ends_with("data: [DONE]\n\n"));
        assert!(!body(Endpoint::Responses, true).contains("[DONE]"));
        assert_eq!(body(Endpoint::Embeddings, false), "");
    }
}
