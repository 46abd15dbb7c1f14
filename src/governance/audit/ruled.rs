//! What policies and guards had to do with a call, and what they looked at: enough to explain it and to replay it.
//!
//! Free of content: names of rules and tools, labels, counts and numbers; header values only of headers that a policy
//! names. What a policy asks to be captured is kept masked, and only then.
//!
//! One shape for both ways: written by the log's thread, read back by `explain` and `replay`.

use serde::{Deserialize, Serialize};

/// What policies and guards had to do with one call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ruled {
    /// The rules that decided, by id and place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Box<str>>,
    /// Rules that would have decided otherwise, were they in force.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shadow: Vec<Shadowed>,
    /// What was found, and what became of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Found>,
    /// How much could be looked at: `full`, `partial`, `none`; empty where nobody looked.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub scan: Box<str>,
    /// Warnings of breakers, and what else is worth a word.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Box<str>>,
    /// Labels that rules gave the call.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<(Box<str>, Box<str>)>,
    /// What the policies looked at.
    pub facts: Facts,
    /// The texts of the request, masked, where a policy asks for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub captured: Option<Box<str>>,
}

/// A rule in shadow that matched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shadowed {
    /// Its id.
    pub rule: Box<str>,
    /// What it would have done: `deny`, `allow`, an action.
    pub would: Box<str>,
}

/// Findings of one kind, treated alike.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The kind: `EMAIL`.
    #[serde(rename = "type")]
    pub kind: Box<str>,
    /// The detector: `email`.
    pub detector: Box<str>,
    /// Where: `request`, `tool_result`, `response`, …
    pub on: Box<str>,
    /// What became of it: `replace`, `block`, `flag`, …
    pub action: Box<str>,
    /// How many.
    pub count: u64,
}

/// A request as policies saw it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// The endpoint, as policies name it.
    pub endpoint: Box<str>,
    /// The user's groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Box<str>>,
    /// The tools offered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Box<str>>,
    /// The headers that policies name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(Box<str>, Box<str>)>,
    /// Where it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<core::net::IpAddr>,
    /// `images`, `audio`, `files`, `tools`, `stream`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub has: Vec<Box<str>>,
    /// Upper bound of the input.
    pub input_tokens: u64,
    /// The caller's own cap on the output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u64>,
    /// Bytes of the body.
    pub bytes: u64,
    /// Messages in it.
    pub messages: u64,
    /// Whether an answer by a schema was asked for.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub json_schema: bool,
    /// Labels of the session.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub taints: Vec<Box<str>>,
    /// What was found in the request, by kind, whatever became of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub detections: Vec<(Box<str>, u64)>,
    /// How much of the tightest budget was used, in percent.
    #[serde(skip_serializing_if = "is_zero")]
    pub used_pct: u64,
    /// Whether a soft threshold of a budget was crossed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub soft: bool,
    /// Digest of the request, keyed by the gateway: the same for the same body, and says nothing about it.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub digest: Box<str>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands a reference to what it may skip"
)]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::{Facts, Found, Ruled};

    #[test]
    fn what_is_written_is_read_back_and_nothing_empty_is_written() {
        let empty = serde_json::to_string(&Ruled::default()).expect("JSON");
        assert_eq!(
            empty,
            r#"{"facts":{"endpoint":"","input_tokens":0,"bytes":0,"messages":0}}"#
        );
        let ruled = Ruled {
            rules: vec!["no-shell".into()],
            findings: vec![Found {
                kind: "EMAIL".into(),
                detector: "email".into(),
                on: "request".into(),
                action: "replace".into(),
                count: 2,
            }],
            facts: Facts {
                tools: vec!["shell".into()],
                peer: Some(core::net::IpAddr::from([127, 0, 0, 1])),
                ..Facts::default()
            },
            ..Ruled::default()
        };
        let text = serde_json::to_string(&ruled).expect("JSON");
        assert_eq!(serde_json::from_str::<Ruled>(&text).ok(), Some(ruled));
    }
}
