//! What a guard elsewhere says: yes, no, or nothing that could be understood.
//!
//! The two shapes are read strictly where they decide: a word that is neither `allow` nor `deny` is no answer, and fewer
//! results than texts leave texts that nobody judged. What an answer holds besides is ignored.

use super::post::Fault;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What a guard thinks of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Opinion {
    /// It may pass.
    Allow,
    /// It may not, and why, if it says so.
    Deny(Option<Box<str>>),
    /// There is no answer.
    Unknown(Fault),
}

/// The longest reason that is passed on, in bytes.
const LONGEST_REASON: usize = 500;
/// Categories named in one reason.
const MOST_CATEGORIES: usize = 8;

#[derive(Deserialize)]
struct Webhook {
    action: Action,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    Allow,
    Deny,
}

#[derive(Deserialize)]
struct Moderation {
    results: Vec<Judged>,
}

#[derive(Deserialize)]
struct Judged {
    flagged: bool,
    /// Some services leave categories out or put `null` for those they do not know.
    #[serde(default)]
    categories: BTreeMap<String, Option<bool>>,
}

/// Reads `{"action": "allow" | "deny", "reason": "…"}`.
pub(super) fn webhook(body: &[u8]) -> Opinion {
    match serde_json::from_slice(body) {
        Ok(Webhook {
            action: Action::Allow,
            ..
        }) => Opinion::Allow,
        Ok(Webhook {
            action: Action::Deny,
            reason,
        }) => Opinion::Deny(reason.as_deref().and_then(spoken)),
        Err(_) => Opinion::Unknown(Fault::Unreadable),
    }
}

/// Reads `{"results": [{"flagged": …, "categories": {…}}]}`, one result for each of `texts` texts.
pub(super) fn moderation(body: &[u8], texts: usize) -> Opinion {
    let Ok(Moderation { results }) = serde_json::from_slice(body) else {
        return Opinion::Unknown(Fault::Unreadable);
    };
    let flagged: Vec<&Judged> = results.iter().filter(|judged| judged.flagged).collect();
    if flagged.is_empty() {
        return if results.len() == texts {
            Opinion::Allow
        } else {
            Opinion::Unknown(Fault::Unreadable)
        };
    }
    let mut named: Vec<&str> = Vec::new();
    for (category, holds) in flagged.iter().flat_map(|judged| &judged.categories) {
        if *holds == Some(true) && !named.contains(&category.as_str()) {
            named.push(category);
        }
    }
    named.truncate(MOST_CATEGORIES);
    Opinion::Deny(spoken(&named.join(", ")))
}

/// A reason as callers and records may have it: one line, bounded.
fn spoken(reason: &str) -> Option<Box<str>> {
    let mut line: String = reason
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let mut end = line.len().min(LONGEST_REASON);
    while !line.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    line.truncate(end);
    let line = line.trim();
    (!line.is_empty()).then(|| line.into())
}
