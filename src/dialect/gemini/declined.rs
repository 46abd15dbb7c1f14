//! A refusal as the model itself would give it: its words as the candidate's text, `SAFETY` for the reason.
//!
//! Not here: when that is done (`gateway`), the end of a stream that had begun (`ending`).

use super::ending::ended;
use crate::chat::Endpoint;
use crate::dialect::sse::write_event;
use serde_json::json;

/// A refusal as an answer; `None` where the endpoint has none.
pub(in crate::dialect) fn declined(
    endpoint: Endpoint,
    streaming: bool,
    id: &str,
    model: &str,
    message: &str,
) -> Option<Vec<u8>> {
    if endpoint != Endpoint::GenerateContent {
        return None;
    }
    let mut candidate = ended(0, "SAFETY");
    candidate["content"]["parts"][0]["text"] = json!(message);
    candidate["finishMessage"] = json!(message);
    let answer = json!({
        "candidates": [candidate],
        "usageMetadata": { "promptTokenCount": 0, "candidatesTokenCount": 0, "totalTokenCount": 0 },
        "modelVersion": model,
        "responseId": id,
    });
    if !streaming {
        return Some(answer.to_string().into_bytes());
    }
    let mut out = Vec::new();
    write_event(&mut out, None, &answer);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::declined;
    use crate::chat::{Endpoint, Usage};
    use crate::dialect::{Answer, usage};

    #[test]
    fn a_refusal_is_an_answer() {
        let endpoint = Endpoint::GenerateContent;
        let whole = declined(endpoint, false, "x", "m", "no").expect("one");
        let json: serde_json::Value = serde_json::from_slice(&whole).expect("JSON");
        assert_eq!(json["candidates"][0]["content"]["parts"][0]["text"], "no");
        assert_eq!(json["candidates"][0]["finishReason"], "SAFETY");
        let free = Answer {
            usage: Some(Usage::default()),
            text_bytes: 2,
            ..Answer::default()
        };
        assert_eq!(usage(&whole, endpoint).expect("JSON"), free);
        let stream = declined(endpoint, true, "x", "m", "no").expect("one");
        assert!(stream.starts_with(b"data: {") && stream.ends_with(b"\n\n"));
        assert_eq!(
            declined(Endpoint::CountContents, false, "x", "m", "no"),
            None
        );
    }
}
