//! What we say ourselves in OpenAI's words: errors, and the models a caller may use.
//!
//! Not here: which status an error has (`gateway::status`), who may use what (`governance`).

use serde::Serialize;

#[derive(Serialize)]
struct ErrorBody<'a, T> {
    error: ErrorObject<'a, T>,
}

/// Exactly the four fields the vendors' own clients read, and ours beside them.
#[derive(Serialize)]
struct ErrorObject<'a, T> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    param: Option<&'a str>,
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tollgate: Option<&'a T>,
}

/// An error as OpenAI's clients read it, with the facts of a decision under `tollgate` where there are any.
#[must_use]
pub fn error_body<T: Serialize>(
    kind: &str,
    code: Option<&str>,
    message: &str,
    param: Option<&str>,
    tollgate: Option<&T>,
) -> Vec<u8> {
    written(&ErrorBody {
        error: ErrorObject {
            message,
            kind,
            param,
            code,
            tollgate,
        },
    })
}

#[derive(Serialize)]
struct Model<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    owned_by: &'static str,
}

impl<'a> Model<'a> {
    const fn named(id: &'a str) -> Self {
        Self {
            id,
            object: "model",
            created: 0,
            owned_by: "tollgate",
        }
    }
}

#[derive(Serialize)]
struct Models<'a> {
    object: &'static str,
    data: Vec<Model<'a>>,
}

/// One model, as `/v1/models/{id}` answers.
#[must_use]
pub fn model_object(name: &str) -> Vec<u8> {
    written(&Model::named(name))
}

/// The models a caller may use, as `/v1/models` answers, in the order given.
#[must_use]
pub fn models_list<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    written(&Models {
        object: "list",
        data: names.into_iter().map(Model::named).collect(),
    })
}

/// Strings and whole numbers always write; facts that cannot be written leave a body that says so.
fn written(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).unwrap_or_else(|_| {
        br#"{"error":{"message":"the answer could not be written","type":"server_error","param":null,"code":null}}"#.to_vec()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{error_body, model_object, models_list};

    fn text(body: Vec<u8>) -> String {
        String::from_utf8(body).expect("UTF-8")
    }

    #[test]
    fn an_error_has_exactly_the_fields_clients_read() {
        let plain = error_body::<Value>(
            "invalid_request_error",
            None,
            "say \"please\"",
            Some("n"),
            None,
        );
        assert_eq!(
            text(plain),
            r#"{"error":{"message":"say \"please\"","type":"invalid_request_error","param":"n","code":null}}"#
        );
        let facts = json!({ "remaining": "0.12" });
        let full = error_body(
            "budget_exceeded",
            Some("insufficient_quota"),
            "no",
            None,
            Some(&facts),
        );
        assert_eq!(
            text(full),
            r#"{"error":{"message":"no","type":"budget_exceeded","param":null,"code":"insufficient_quota","tollgate":{"remaining":"0.12"}}}"#
        );
    }

    #[test]
    fn models_are_listed_as_openai_lists_them() {
        assert_eq!(
            text(model_object("m")),
            r#"{"id":"m","object":"model","created":0,"owned_by":"tollgate"}"#
        );
        assert_eq!(
            text(models_list(["a", "b"])),
            r#"{"object":"list","data":[{"id":"a","object":"model","created":0,"owned_by":"tollgate"},{"id":"b","object":"model","created":0,"owned_by":"tollgate"}]}"#
        );
        assert_eq!(text(models_list([])), r#"{"object":"list","data":[]}"#);
    }
}
