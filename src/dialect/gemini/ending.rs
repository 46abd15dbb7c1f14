//! The end of a stream of Gemini's that we had to end: one last event says of every candidate that has not finished why it
//! does, and what was used. Where something broke there is an `error`, and no such event.

use super::course::Course;
use super::outward::status_of;
use crate::chat::Usage;
use crate::dialect::course::Why;
use crate::dialect::sse::write_event;
use crate::units::Tokens;
use serde_json::{Value, json};

impl Course {
    /// Writes the end that says why.
    pub(in crate::dialect) fn end(&self, out: &mut Vec<u8>, why: Why<'_>, usage: Usage) {
        let reason = match why {
            Why::Length => "MAX_TOKENS",
            Why::Filtered(_) => "SAFETY",
        };
        // What is kept back may be the end of a candidate: who is told of a filter may have seen none.
        let open = self
            .candidates
            .iter()
            .filter(|(_, finished)| !finished || matches!(why, Why::Filtered(_)))
            .map(|(index, _)| *index);
        let mut open: Vec<u32> = open.collect();
        if open.is_empty() {
            open.push(0);
        }
        let candidates: Vec<Value> = open
            .into_iter()
            .map(|index| {
                let mut candidate = ended(index, reason);
                if let Why::Filtered(message) = why {
                    candidate["finishMessage"] = json!(message);
                }
                candidate
            })
            .collect();
        let prompt = self.counts.prompt().unwrap_or(usage.input.0);
        let mut last = json!({
            "candidates": candidates,
            "usageMetadata": {
                "promptTokenCount": prompt,
                "candidatesTokenCount": usage.output.minus(usage.reasoning).0,
                "totalTokenCount": prompt.saturating_add(usage.output.0),
            },
        });
        if usage.reasoning > Tokens::ZERO {
            last["usageMetadata"]["thoughtsTokenCount"] = json!(usage.reasoning.0);
        }
        if let Some(model) = &self.model {
            last["modelVersion"] = json!(model);
        }
        if let Some(id) = &self.id {
            last["responseId"] = json!(id);
        }
        write_event(out, None, &last);
    }
}

/// A candidate that says nothing more.
pub(super) fn ended(index: u32, reason: &str) -> Value {
    json!({ "content": { "role": "model", "parts": [{ "text": "" }] }, "finishReason": reason, "index": index })
}

/// Writes an error behind which nothing comes.
pub(in crate::dialect) fn fail(out: &mut Vec<u8>, kind: &str, code: Option<&str>, message: &str) {
    let http = match kind {
        "permission_error" => 403,
        "upstream_error" => 502,
        _ => 500,
    };
    let error = json!({ "error": {
        "code": http, "message": message, "status": status_of(http),
        "details": [super::outward::reason(code.unwrap_or(kind), &[])],
    }});
    write_event(out, None, &error);
}

#[cfg(test)]
mod tests {
    use crate::chat::{Endpoint, Usage};
    use crate::dialect::StreamMeter;
    use crate::units::Tokens;

    fn ended(events: &[&str], filtered: bool) -> String {
        let mut meter = StreamMeter::new(Endpoint::GenerateContent, false, true);
        for event in events {
            meter.push(format!("data: {event}\r\n\r\n").as_bytes(), &mut |_| {});
        }
        let usage = Usage {
            input: Tokens(50),
            output: Tokens(9),
            ..Usage::default()
        };
        let end = if filtered {
            meter.filtered(usage, "no")
        } else {
            meter.ending(usage)
        };
        String::from_utf8(end).expect("UTF-8")
    }

    #[test]
    fn a_cut_stream_ends_as_one_that_reached_its_limit() {
        let first = r#"{"candidates":[{"content":{"parts":[{"text":"a"}],"role":"model"}},{"index":1,"finishReason":"STOP"}],"modelVersion":"m","responseId":"r","usageMetadata":{"promptTokenCount":4,"totalTokenCount":4}}"#;
        insta::assert_snapshot!(
            [
                ended(&[first], false),
                ended(&[], false),
                ended(&[first], true)
            ]
            .concat()
        );
    }
}
