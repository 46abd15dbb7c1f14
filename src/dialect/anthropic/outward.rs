//! What we say ourselves in Anthropic's words: errors, and the models a caller may use.
//!
//! Its clients know nine types of errors and read a stable code from `details`; ours is there.
//!
//! Not here: which status an error has (`gateway::status`), who may use what (`governance`).

use serde::Serialize;
use serde_json::{Value, json};

#[derive(Serialize)]
struct ErrorBody<'a, T> {
    #[serde(rename = "type")]
    kind: &'static str,
    error: ErrorObject<'a, T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

#[derive(Serialize)]
struct ErrorObject<'a, T> {
    #[serde(rename = "type")]
    kind: &'static str,
    message: &'a str,
    details: Details<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tollgate: Option<&'a T>,
}

#[derive(Serialize)]
struct Details<'a> {
    error_code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    param: Option<&'a str>,
}

/// An error as Anthropic's clients read it. `kind` is the house's word, for which the vendor's stands that fits it and the
/// status best; `code` says which error it is.
#[must_use]
pub fn error_body<T: Serialize>(
    (kind, status): (&str, u16),
    code: &str,
    message: &str,
    param: Option<&str>,
    request_id: Option<&str>,
    tollgate: Option<&T>,
) -> Vec<u8> {
    written(&ErrorBody {
        kind: "error",
        error: ErrorObject {
            kind: kind_of(kind, status),
            message,
            details: Details {
                error_code: code,
                param,
            },
            tollgate,
        },
        request_id,
    })
}

/// The type of an error, of those the vendor's clients know.
pub(super) fn kind_of(kind: &str, status: u16) -> &'static str {
    match (status, kind) {
        (403, _) | (_, "permission_error") => "permission_error",
        (401, _) => "authentication_error",
        (402, _) => "billing_error",
        (404, _) => "not_found_error",
        (413, _) => "request_too_large",
        (429, _) => "rate_limit_error",
        (504, _) => "timeout_error",
        (_, "overloaded_error") => "overloaded_error",
        (500.., _) => "api_error",
        _ => "invalid_request_error",
    }
}

/// One model, as `/v1/models/{id}` answers. When it was made nobody here knows.
#[must_use]
pub fn model_object(name: &str) -> Vec<u8> {
    written(&model(name))
}

/// The models a caller may use, as `/v1/models` answers, in the order given: one page holds them all.
#[must_use]
pub fn models_list<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    let data: Vec<Value> = names.into_iter().map(model).collect();
    let id = |model: Option<&Value>| model.map_or(Value::Null, |model| model["id"].clone());
    written(&json!({
        "first_id": id(data.first()),
        "last_id": id(data.last()),
        "has_more": false,
        "data": data,
    }))
}

fn model(name: &str) -> Value {
    json!({ "type": "model", "id": name, "display_name": name, "created_at": "1970-01-01T00:00:00Z", "lifecycle": "active" })
}

/// Strings and whole numbers always write; facts that cannot be written leave a body that says so.
fn written(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).unwrap_or_else(|_| {
        br#"{"type":"error","error":{"type":"api_error","message":"the answer could not be written"}}"#.to_vec()
    })
}

#[cfg(test)]
mod tests {
    use super::{error_body, model_object, models_list};
    use serde_json::json;

    fn text(body: Vec<u8>) -> String {
        String::from_utf8(body).expect("UTF-8")
    }

    #[test]
    fn an_error_has_the_fields_clients_read() {
        let facts = json!({ "remaining": "0.12" });
        let full = error_body(
            ("budget_exceeded", 429),
            "insufficient_quota",
            "say \"please\"",
            Some("max_tokens"),
            Some("req_1"),
            Some(&facts),
        );
        assert_eq!(
            text(full),
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"say \"please\"","details":{"error_code":"insufficient_quota","param":"max_tokens"},"tollgate":{"remaining":"0.12"}},"request_id":"req_1"}"#
        );
    }

    #[test]
    fn models_are_listed_as_anthropic_lists_them() {
        let one = r#"{"created_at":"1970-01-01T00:00:00Z","display_name":"m","id":"m","lifecycle":"active","type":"model"}"#;
        assert_eq!(text(model_object("m")), one);
        assert_eq!(
            text(models_list(["m"])),
            format!(r#"{{"data":[{one}],"first_id":"m","has_more":false,"last_id":"m"}}"#)
        );
        assert_eq!(
            text(models_list([])),
            r#"{"data":[],"first_id":null,"has_more":false,"last_id":null}"#
        );
    }
}
