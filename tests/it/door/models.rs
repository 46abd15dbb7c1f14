//! The list of models, as a key may see it.

use super::rig::{Gate, KEY, Reply, get};
use crate::bytes::upstream::Upstream;

fn ask(gate: &Gate, key: &str, path: &str) -> Reply {
    let request = String::from_utf8(get(path))
        .expect("text")
        .replace(KEY, key);
    gate.ask(request.as_bytes())
}

fn names(reply: &Reply) -> Vec<String> {
    assert_eq!(reply.status, 200, "{}", reply.text());
    let body = reply.json();
    assert_eq!(body["object"], "list");
    let data = body["data"].as_array().expect("a list").iter();
    data.map(|model| model["id"].as_str().expect("an id").to_owned())
        .collect()
}

#[test]
fn a_key_sees_the_models_it_may_use() {
    let upstream = Upstream::new();
    let (all, some, none) = (
        "tg-all-0123456789abcdef",
        "tg-some-0123456789abcdef",
        "tg-none-0123456789abcdef",
    );
    let settings = format!(
        "keys:\n\
         \x20 - {{ name: all, secret: {all} }}\n\
         \x20 - {{ name: some, secret: {some}, models: [\"a-*\", org/x] }}\n\
         \x20 - {{ name: none, secret: {none}, models: [] }}\n\
         models: [{{ name: a-1, provider: up }}, {{ name: a-2, provider: up }}, {{ name: b-1, provider: up }}, {{ name: org/x, provider: up }}]"
    );
    let gate = Gate::before(upstream.address, &settings);
    for path in ["/v1/models", "/models", "/v1/models?limit=5"] {
        assert_eq!(
            names(&ask(&gate, all, path)),
            ["a-1", "a-2", "b-1", "org/x"]
        );
        assert_eq!(names(&ask(&gate, some, path)), ["a-1", "a-2", "org/x"]);
        assert!(names(&ask(&gate, none, path)).is_empty());
    }
    for path in ["/v1/models/a-1", "/models/a-1", "/v1/models/a%2D1"] {
        let reply = ask(&gate, some, path);
        assert_eq!(
            (reply.status, &reply.json()["id"]),
            (200, &"a-1".into()),
            "{path}"
        );
        assert_eq!(reply.json()["object"], "model");
    }
    for path in ["/v1/models/org/x", "/v1/models/org%2Fx"] {
        assert_eq!(ask(&gate, some, path).json()["id"], "org/x");
    }
    for (key, path) in [
        (some, "/v1/models/b-1"),
        (some, "/v1/models/nothing"),
        (none, "/v1/models/a-1"),
        (all, "/v1/models/zzz"),
    ] {
        let reply = ask(&gate, key, path);
        assert_eq!(reply.refused(404), "model_not_found", "{path}");
        assert_eq!(reply.json()["error"]["param"], "model");
    }
    assert_eq!(
        ask(&gate, "tg-wrong", "/v1/models").refused(401),
        "invalid_api_key"
    );
    let body = br#"{"model":"b-1","messages":[]}"#;
    let request = String::from_utf8(super::rig::post("/v1/chat/completions", &[], body))
        .expect("text")
        .replace(KEY, some);
    assert_eq!(
        gate.ask(request.as_bytes()).refused(403),
        "model_not_allowed"
    );
    let body = br#"{"model":"nothing","messages":[]}"#;
    let request = String::from_utf8(super::rig::post("/chat/completions", &[], body))
        .expect("text")
        .replace(KEY, all);
    assert_eq!(gate.ask(request.as_bytes()).refused(404), "model_not_found");
    assert!(upstream.arrived().is_empty());
}
