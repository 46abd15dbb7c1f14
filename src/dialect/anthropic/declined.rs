//! A refusal as the model itself would give it: its words as the answer's text, `refusal` for the reason.
//!
//! Not here: when that is done (`gateway`), the end of a stream that had begun (`ending`).

use super::ending::refusal;
use crate::chat::Endpoint;
use crate::dialect::sse::write_event;
use serde_json::{Value, json};

/// The body of such an answer; `None` for a count of tokens, which refuses nothing.
pub(in crate::dialect) fn declined(
    endpoint: Endpoint,
    streaming: bool,
    id: &str,
    model: &str,
    message: &str,
) -> Option<Vec<u8>> {
    if endpoint != Endpoint::Messages {
        return None;
    }
    let usage = json!({ "input_tokens": 0, "output_tokens": 0 });
    let whole = |content: Value, reason: Value, details: Value| {
        json!({
            "id": format!("msg_{id}"), "type": "message", "role": "assistant", "model": model, "content": content,
            "stop_reason": reason, "stop_sequence": null, "stop_details": details, "usage": usage,
        })
    };
    let text = |text: &str| json!({ "type": "text", "text": text });
    if !streaming {
        let answer = whole(json!([text(message)]), json!("refusal"), refusal(message));
        return Some(answer.to_string().into_bytes());
    }
    let mut out = Vec::new();
    let start = whole(json!([]), Value::Null, Value::Null);
    for event in [
        json!({ "type": "message_start", "message": start }),
        json!({ "type": "content_block_start", "index": 0, "content_block": text("") }),
        json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": message } }),
        json!({ "type": "content_block_stop", "index": 0 }),
        json!({
            "type": "message_delta", "usage": usage,
            "delta": { "stop_reason": "refusal", "stop_sequence": null, "stop_details": refusal(message) },
        }),
        json!({ "type": "message_stop" }),
    ] {
        write_event(&mut out, event["type"].as_str(), &event);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::declined;
    use crate::chat::{Endpoint, Usage};
    use crate::dialect::{Answer, usage};

    #[test]
    fn a_refusal_is_an_answer() {
        let whole = declined(Endpoint::Messages, false, "x", "m", "no").expect("one");
        let json: serde_json::Value = serde_json::from_slice(&whole).expect("JSON");
        assert_eq!(json["content"][0]["text"], "no");
        assert_eq!(json["stop_reason"], "refusal");
        let read = usage(&whole, Endpoint::Messages).expect("JSON");
        let free = Answer {
            usage: Some(Usage::default()),
            text_bytes: 2,
            ..Answer::default()
        };
        assert_eq!(read, free);
        let stream = declined(Endpoint::Messages, true, "x", "m", "no").expect("one");
        let stream = String::from_utf8(stream).expect("UTF-8");
        assert!(stream.starts_with("event: message_start\n") && stream.ends_with("\n\n"));
        assert_eq!(stream.matches("event: ").count(), 6);
        assert_eq!(declined(Endpoint::CountTokens, false, "x", "m", "no"), None);
    }
}
