//! Messages: their shapes on the wire, and what is refused for its shape.

use super::*;

fn ask(more: Value) -> Value {
    let mut body = json!({
        "model": "m", "max_tokens": 64,
        "messages": [{ "role": "user", "content": "Hello there" }],
    });
    merge(&mut body, more);
    body
}

fn send_to(simulator: &Simulator, path: &str, body: &Value) -> Got {
    let mut request = request("POST", path, body.to_string());
    let version = "2023-06-01".parse().expect("a value");
    request.headers_mut().insert("anthropic-version", version);
    wait(send(simulator, request)).expect("an answer")
}

fn answered(body: &Value) -> Got {
    let got = send_to(&simulator(), "/v1/messages", body);
    assert_eq!(got.status, StatusCode::OK, "{}", got.text());
    got
}

fn weather() -> Value {
    json!([{ "name": "get_weather", "input_schema": {
        "type": "object", "required": ["city"], "properties": { "city": { "type": "string" } },
    } }])
}

#[test]
fn a_message_whole() {
    insta::assert_snapshot!(answered(&ask(json!({ "max_tokens": 8 }))).text());
}

#[test]
fn a_message_that_thinks_and_calls() {
    let knobs = "@sim(reasoning=3,cached=2,cache_write=1,search=2)";
    let turn = json!([{ "role": "user", "content": [{ "type": "text", "text": knobs }] }]);
    let body = ask(json!({ "messages": turn, "tools": weather() }));
    insta::assert_snapshot!("messages_whole_call", answered(&body).text());
    let body = ask(json!({ "messages": turn, "tools": weather(), "stream": true }));
    insta::assert_snapshot!("messages_stream_call", answered(&body).text());
}

#[test]
fn a_message_is_json_as_it_was_described() {
    let schema = json!({ "type": "object", "required": ["city"], "properties": { "city": { "enum": ["Bern"] } } });
    let format = |format: Value| ask(json!({ "output_config": { "format": format } }));
    let got = answered(&format(json!({ "type": "json_schema", "schema": schema }))).json();
    assert_eq!(got["content"][0]["text"], r#"{"city":"Bern"}"#);
    for wrong in [json!({ "type": "json_schema" }), json!({ "type": "text" })] {
        let got = send_to(&simulator(), "/v1/messages", &format(wrong));
        assert_eq!(got.status, StatusCode::BAD_REQUEST, "{}", got.text());
    }
}

#[test]
fn a_streamed_message_adds_up_to_the_whole_one() {
    let whole = answered(&ask(json!({}))).json();
    let streamed = answered(&ask(json!({ "stream": true })));
    let text: String = streamed
        .events()
        .iter()
        .filter_map(|event| event["delta"]["text"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(whole["content"][0]["text"], text);
    let last = streamed.events();
    let told = last
        .iter()
        .find(|event| event["type"] == "message_delta")
        .expect("one");
    assert_eq!(
        told["usage"]["output_tokens"],
        whole["usage"]["output_tokens"]
    );
    assert_eq!(told["delta"]["stop_reason"], whole["stop_reason"]);
}

#[test]
fn a_count_of_tokens_is_what_a_message_is_billed_and_costs_nothing() {
    let simulator = simulator();
    let mut body = ask(json!({}));
    body.as_object_mut().expect("one").remove("max_tokens");
    let counted = send_to(&simulator, "/v1/messages/count_tokens", &body).json();
    assert_eq!(meter(&simulator)["cost"], "0.00");
    let message = answered(&ask(json!({}))).json();
    assert_eq!(counted["input_tokens"], message["usage"]["input_tokens"]);
}

#[test]
fn usage_is_left_out_as_the_knobs_say() {
    let tell = |knob: &str| {
        let turn = json!([{ "role": "user", "content": format!("Hi @sim({knob})") }]);
        answered(&ask(json!({ "messages": turn, "stream": true }))).events()
    };
    let delta = |events: &[Value]| {
        let found = events.iter().find(|event| event["type"] == "message_delta");
        found.expect("one").get("usage").cloned()
    };
    assert_eq!(delta(&tell("usage=missing")), None);
    assert_eq!(delta(&tell("usage=null")), Some(Value::Null));
    assert!(delta(&tell("out=3")).is_some());
}

#[test]
fn what_is_no_request_is_refused_with_its_place() {
    let check = |more: Value, place: &str| {
        let got = send_to(&simulator(), "/v1/messages", &ask(more));
        assert_eq!(
            got.status,
            StatusCode::BAD_REQUEST,
            "{place}: {}",
            got.text()
        );
        let body = got.json();
        let message = body["error"]["message"].as_str().expect("text").to_owned();
        assert_eq!(body["error"]["type"], "invalid_request_error");
        assert!(message.starts_with(place), "{place}: {message}");
    };
    let turn = |content: Value| json!({ "messages": [{ "role": "user", "content": content }] });
    check(json!({ "n": 2 }), "n: ");
    check(json!({ "max_tokens": "5" }), "max_tokens: ");
    check(json!({ "temperature": 1.5 }), "temperature: ");
    check(json!({ "messages": [] }), "messages: ");
    check(
        json!({ "messages": [{ "role": "system", "content": "x" }] }),
        "messages.0.role: ",
    );
    check(turn(json!("")), "messages.0: ");
    check(
        turn(json!([{ "type": "input_text", "text": "x" }])),
        "messages.0.content.0.type: ",
    );
    check(
        turn(json!([{ "type": "tool_result", "tool_use_id": "t", "content": "x" }])),
        "messages.0.content.0: ",
    );
    check(json!({ "system": 7 }), "system: ");
    check(
        json!({ "tools": [{ "name": "f" }] }),
        "tools.0.input_schema.type: ",
    );
    check(
        json!({ "thinking": { "type": "enabled", "budget_tokens": 32 } }),
        "thinking.enabled.budget_tokens: ",
    );
    check(
        json!({ "thinking": { "type": "enabled", "budget_tokens": 2048 } }),
        "max_tokens: ",
    );
    let bare = post(&simulator(), "/v1/messages", &ask(json!({})));
    assert!(bare.text().contains("anthropic-version"));
    let count = send_to(&simulator(), "/v1/messages/count_tokens", &ask(json!({})));
    assert_eq!(count.status, StatusCode::BAD_REQUEST);
    let busy = turn(json!("@sim(status=529)"));
    let got = send_to(&simulator(), "/v1/messages", &ask(busy));
    assert_eq!(
        (got.status.as_u16(), &got.json()["error"]["type"]),
        (529, &json!("overloaded_error"))
    );
    assert!(got.headers.contains_key("request-id"));
}

#[test]
fn a_key_is_shown_in_a_header_of_its_own() {
    let simulator = Simulator::new(Settings {
        require_key: Some(Secret::new("s3cret".to_owned())),
        ..Settings::default()
    });
    let ask_with = |name: &'static str, value: &str| {
        let mut request = request("POST", "/v1/messages", ask(json!({})).to_string());
        let headers = request.headers_mut();
        headers.insert("anthropic-version", "2023-06-01".parse().expect("a value"));
        headers.insert(name, value.parse().expect("a value"));
        let got = wait(send(&simulator, request)).expect("an answer");
        got.status.as_u16()
    };
    assert_eq!(ask_with("x-api-key", "s3cret"), 200);
    assert_eq!(ask_with("x-api-key", "other"), 401);
    assert_eq!(ask_with("authorization", "Bearer s3cret"), 401);
}
