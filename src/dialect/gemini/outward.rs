//! What we say ourselves in Google's words: errors, and the models a caller may use.
//!
//! An error has the status as a number and as a word of theirs; a stable reason and how long to wait stand among its
//! details, where its clients look for them.
//!
//! Not here: which status an error has (`gateway::status`), who may use what (`governance`).

use serde::Serialize;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// An error. `tollgate` holds what else is known, for those who look.
#[must_use]
pub fn error_body<T: Serialize>(
    status: u16,
    code: &str,
    message: &str,
    metadata: &[(&str, &str)],
    retry_after: Option<Duration>,
    tollgate: Option<&T>,
) -> Vec<u8> {
    let mut details = vec![reason(code, metadata)];
    if let Some(wait) = retry_after {
        let (seconds, rest) = (wait.as_secs(), wait.subsec_millis());
        let wait = if rest == 0 {
            format!("{seconds}s")
        } else {
            format!("{seconds}.{rest:03}s")
        };
        details.push(
            json!({ "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": wait }),
        );
    }
    let mut error = json!({
        "code": status, "message": message, "status": status_of(status), "details": details,
    });
    if let Some(facts) = tollgate.and_then(|facts| serde_json::to_value(facts).ok()) {
        error["tollgate"] = facts;
    }
    json!({ "error": error }).to_string().into_bytes()
}

/// The reason of an error as a detail of it.
pub(super) fn reason(code: &str, metadata: &[(&str, &str)]) -> Value {
    // What its clients know a wrong key by.
    let reason = match code {
        "invalid_api_key" => "API_KEY_INVALID".to_owned(),
        code => code.to_ascii_uppercase(),
    };
    let metadata: Map<String, Value> = metadata
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect();
    json!({
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason, "domain": "tollgate", "metadata": metadata,
    })
}

/// Google's word for a status.
pub(super) const fn status_of(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        402 | 429 => "RESOURCE_EXHAUSTED",
        403 | 421 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        408 | 504 => "DEADLINE_EXCEEDED",
        409 => "ABORTED",
        412 => "FAILED_PRECONDITION",
        499 => "CANCELLED",
        501 => "UNIMPLEMENTED",
        502 | 503 => "UNAVAILABLE",
        500.. => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    }
}

/// One model.
#[must_use]
pub fn model_object(name: &str) -> Vec<u8> {
    model(name).to_string().into_bytes()
}

/// The models a caller may use.
#[must_use]
pub fn models_list<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    let models: Vec<Value> = names.into_iter().map(model).collect();
    json!({ "models": models }).to_string().into_bytes()
}

fn model(name: &str) -> Value {
    json!({
        "name": format!("models/{name}"), "displayName": name,
        "supportedGenerationMethods": ["generateContent", "countTokens", "embedContent"],
    })
}

#[cfg(test)]
mod tests {
    use super::{error_body, model_object, models_list};
    use serde_json::json;
    use std::time::Duration;

    fn text(body: Vec<u8>) -> String {
        String::from_utf8(body).expect("UTF-8")
    }

    #[test]
    fn an_error_has_the_fields_clients_read() {
        let facts = json!({ "remaining": "0.12" });
        let full = error_body(
            429,
            "insufficient_quota",
            "say \"please\"",
            &[("param", "model")],
            Some(Duration::from_millis(1500)),
            Some(&facts),
        );
        insta::assert_snapshot!(text(full));
        let key = error_body::<()>(401, "invalid_api_key", "no", &[], None, None);
        let key: serde_json::Value = serde_json::from_slice(&key).expect("JSON");
        assert_eq!(key["error"]["status"], "UNAUTHENTICATED");
        assert_eq!(key["error"]["details"][0]["reason"], "API_KEY_INVALID");
    }

    #[test]
    fn models_are_listed_as_google_lists_them() {
        let one = text(model_object("m"));
        assert!(one.contains(r#""name":"models/m""#));
        assert_eq!(text(models_list(["m"])), format!(r#"{{"models":[{one}]}}"#));
        assert_eq!(text(models_list([])), r#"{"models":[]}"#);
    }
}
