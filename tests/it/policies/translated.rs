//! Guards see the caller's words, whatever its provider speaks: nothing slips by between two dialects.

use super::listener::{ALLOW, Listener};
use super::rig::SETTINGS;
use crate::support::{Gateway, Home, Simulator, chat};
use serde_json::{Value, json};

const PRICES: &str = r#"
  claude-m: { request: "0.01", max_input: 100000, max_output: 16384 }
"#;

const POLICY: &str = r#"version: 1
scope: {}
redact:
  - id: personal
    types: [EMAIL]
    on: [request]
    action: replace
    note: false
  - id: secrets
    types: [SECRET]
    on: [response]
    action: block
    message: "Take the secret out and rotate it."
"#;

fn started() -> (Simulator, Home, Gateway) {
    under(POLICY)
}

fn under(policy: &str) -> (Simulator, Home, Gateway) {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, "").asked_for_messages();
    std::fs::create_dir(home.path().join("policies")).expect("a folder");
    std::fs::write(home.path().join("policies/org.yaml"), policy).expect("written");
    home.configure(SETTINGS);
    let gateway = home.start();
    (simulator, home, gateway)
}

fn content(events: &[String]) -> String {
    let parsed = events
        .iter()
        .filter_map(|event| serde_json::from_str::<Value>(event).ok());
    parsed
        .filter_map(|event| {
            let text = event["choices"][0]["delta"]["content"].as_str();
            text.map(str::to_owned)
        })
        .collect()
}

#[test]
fn a_value_is_replaced_on_its_way_to_another_vendor_and_put_back() {
    let (simulator, _home, gateway) = started();
    let text = "mail jane.doe@example.org now @sim(echo=1,split=2)";
    let mut caller = gateway.caller();
    let answer = caller.chat(&chat("claude-m", text, &[]));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-tollgate-scan"), Some("full"));
    assert_eq!(answer.json()["choices"][0]["message"]["content"], text);
    let sent = simulator.last_body();
    assert!(sent["max_tokens"].is_u64(), "{sent}");
    let said = sent["messages"][0]["content"].as_str().expect("text");
    assert!(
        said.contains("TG_EMAIL_") && !said.contains("jane"),
        "{said}"
    );
    let answer = caller.chat(&chat("claude-m", text, &[("stream", json!(true))]));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(content(&answer.events()), text);
    gateway.at_rest();
}

#[test]
fn what_may_not_leave_ends_a_translated_answer_too() {
    let (_simulator, _home, gateway) = started();
    let secret = format!("AKIA{}", "QYLPMN5HFIQR7BBC");
    let text = format!("key {secret} here @sim(echo=1,split=2)");
    let mut caller = gateway.caller();
    let answer = caller.chat(&chat("claude-m", &text, &[]));
    assert_eq!(answer.status, 400, "{}", answer.text());
    let answer = caller.chat(&chat("claude-m", &text, &[("stream", json!(true))]));
    let said = answer.text();
    assert!(
        !said.contains(&secret) && said.contains("content_filter"),
        "{said}"
    );
    assert!(said.trim_end().ends_with("data: [DONE]"), "{said}");
    gateway.at_rest();
}

#[test]
fn a_secret_in_a_call_that_streams_from_a_provider_of_contents_is_taken_out() {
    let simulator = Simulator::start(PRICES);
    let settings = format!(
        "providers:\n  google: {{ kind: gemini, base_url: \"http://{}\" }}\n\
         models: [{{ name: claude-m, provider: google, tokenizer: simulator }}]\n{SETTINGS}\n",
        simulator.address
    );
    let home = Home::written(&simulator.prices, &settings);
    std::fs::create_dir(home.path().join("policies")).expect("a folder");
    let policy = "version: 1\nscope: {}\nredact:\n  - { id: secrets, types: [SECRET], on: [tool_args], action: mask }\n";
    std::fs::write(home.path().join("policies/org.yaml"), policy).expect("written");
    let gateway = home.start();
    let secret = format!("AKIA{}", "QYLPMN5HFIQR7BBC");
    let schema = json!({ "type": "object", "properties": { "key": { "enum": [secret] } }, "required": ["key"] });
    let tool =
        json!({ "type": "function", "function": { "name": "use_key", "parameters": schema } });
    for stream in [false, true] {
        let more = [("stream", json!(stream)), ("tools", json!([tool]))];
        let answer = gateway.caller().chat(&chat("claude-m", "use it", &more));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let said = answer.text();
        assert!(
            said.contains("use_key") && !said.contains(&secret),
            "{said}"
        );
        let choices: Vec<Value> = if stream {
            let events = answer.events();
            let events = events.iter().filter(|event| *event != "[DONE]");
            events
                .map(|event| serde_json::from_str::<Value>(event).expect("JSON"))
                .map(|event| event["choices"][0]["delta"]["tool_calls"].clone())
                .collect()
        } else {
            vec![answer.json()["choices"][0]["message"]["tool_calls"].take()]
        };
        let pieces = choices.iter();
        let arguments: String = pieces
            .filter_map(|calls| calls[0]["function"]["arguments"].as_str())
            .collect();
        let arguments: Value = serde_json::from_str(&arguments).expect("whole arguments");
        assert!(arguments["key"].is_string(), "{arguments}");
    }
    assert!(simulator.last_body()["contents"].is_array());
    gateway.at_rest();
}

#[test]
fn guards_elsewhere_hear_a_translated_call_and_its_answer() {
    let listener = Listener::new(|_| ALLOW);
    let (simulator, _home, gateway) = under(&format!(
        "version: 1\nscope: {{}}\nconsult:\n  - {{ id: dlp, url: \"http://{}/check\", on: [request, response], on_error: deny }}\n",
        listener.address
    ));
    let mut caller = gateway.caller();
    let body = json!({
        "model": "claude-m",
        "messages": [
            { "role": "system", "content": "be brief" },
            { "role": "user", "content": "who are you? @sim(echo=1)" },
        ],
    });
    let answer = caller.chat(&body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let heard = listener.heard();
    let expected = json!([
        { "source": "system", "text": "be brief" },
        { "source": "user", "text": "who are you? @sim(echo=1)" },
    ]);
    assert_eq!(heard[0].body["texts"], expected);
    assert_eq!(heard[0].body["endpoint"], "chat");
    let told = heard[1].body["texts"].to_string();
    assert!(told.contains("who are you?"), "{told}");
    assert_eq!(simulator.meter().calls, 1);
    gateway.at_rest();
}
