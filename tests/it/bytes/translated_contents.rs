//! Gemini's contents with chat completions and messages, both ways: every caller is answered in its own words by a provider
//! of other ones, and each call is paid once, by what its provider metered.

use super::upstream::{Scripted, Upstream};
use crate::door::rig::{CREDENTIAL, Gate, KEY, config, write_config};
use crate::support::{Gateway, Home, Money, Response, Simulator};
use serde_json::{Value, json};

const PRICES: &str = r#"
  m: { input: "1.37", cached_input: "0.1", output: "10.13", reasoning: "20.01", max_input: 100000, max_output: 4096 }
"#;

/// A vendor's language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tongue {
    Chat,
    Messages,
    Contents,
}
use Tongue::{Chat, Contents, Messages};

/// Who calls, and the model whose provider speaks otherwise.
const PAIRS: [(Tongue, &str); 4] = [
    (Chat, "at-google"),
    (Messages, "at-google"),
    (Contents, "at-openai"),
    (Contents, "at-claude"),
];

/// A gateway before one simulator that it calls in every language.
fn stage() -> (Simulator, Home, Gateway) {
    let simulator = Simulator::start(PRICES);
    let at = simulator.address;
    let route = |name: &str| {
        format!("  - {{ name: at-{name}, provider: {name}, model: m, tokenizer: simulator }}\n")
    };
    let settings = format!(
        "providers:\n  \
           google: {{ kind: gemini, base_url: \"http://{at}\" }}\n  \
           openai: {{ kind: openai-compatible, base_url: \"http://{at}/v1\" }}\n  \
           claude: {{ kind: anthropic, base_url: \"http://{at}\" }}\n\
         models:\n{}{}{}\
         budgets: [{{ name: all, match: {{}}, limit: \"$5.00\", window: total }}]\n",
        route("google"),
        route("openai"),
        route("claude"),
    );
    let home = Home::written(&simulator.prices, &settings);
    let gateway = home.start();
    (simulator, home, gateway)
}

/// What is asked beside a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum With {
    Nothing,
    Tools,
    Schema,
    Image,
}

const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// The call as its language has it.
fn body(tongue: Tongue, model: &str, text: &str, with: With, stream: bool) -> (String, Value) {
    let (path, mut body) = match tongue {
        Chat => (
            "/v1/chat/completions".to_owned(),
            json!({ "model": model, "max_tokens": 600, "stream": stream, "messages": [
                { "role": "system", "content": "be brief" }, { "role": "user", "content": text }] }),
        ),
        Messages => (
            "/v1/messages".to_owned(),
            json!({ "model": model, "max_tokens": 600, "stream": stream, "system": "be brief",
                "messages": [{ "role": "user", "content": text }] }),
        ),
        Contents => {
            let method = if stream {
                "streamGenerateContent?alt=sse"
            } else {
                "generateContent"
            };
            (
                format!("/v1beta/models/{model}:{method}"),
                json!({ "systemInstruction": { "parts": [{ "text": "be brief" }] },
                    "generationConfig": { "maxOutputTokens": 600 },
                    "contents": [{ "role": "user", "parts": [{ "text": text }] }] }),
            )
        }
    };
    add(tongue, text, with, &mut body);
    (path, body)
}

/// What is asked beside the text.
fn add(tongue: Tongue, text: &str, with: With, body: &mut Value) {
    let schema = json!({ "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"], "additionalProperties": false });
    let names = ["get_weather", "get_time"];
    match (with, tongue) {
        (With::Nothing, _) => {}
        (With::Tools, Chat) => {
            let tool = |name| json!({ "type": "function", "function": { "name": name, "parameters": schema } });
            body["tools"] = names.map(tool).to_vec().into();
        }
        (With::Tools, Messages) => {
            let tool = |name| json!({ "name": name, "input_schema": schema });
            body["tools"] = names.map(tool).to_vec().into();
        }
        (With::Tools, Contents) => {
            let tool = |name| json!({ "name": name, "parametersJsonSchema": schema });
            body["tools"] = json!([{ "functionDeclarations": names.map(tool) }]);
        }
        (With::Schema, Chat) => {
            body["response_format"] = json!({ "type": "json_schema", "json_schema": { "name": "x", "schema": schema, "strict": true } });
        }
        (With::Schema, Messages) => {
            body["output_config"] =
                json!({ "format": { "type": "json_schema", "schema": schema } });
        }
        (With::Schema, Contents) => {
            body["generationConfig"]["responseMimeType"] = json!("application/json");
            body["generationConfig"]["responseSchema"] = json!({ "type": "OBJECT", "properties": { "city": { "type": "STRING" } }, "required": ["city"] });
        }
        (With::Image, Chat) => {
            let url = format!("data:image/png;base64,{PNG}");
            body["messages"][1]["content"] = json!([{ "type": "text", "text": text }, { "type": "image_url", "image_url": { "url": url } }]);
        }
        (With::Image, Messages) => {
            let source = json!({ "type": "base64", "media_type": "image/png", "data": PNG });
            body["messages"][0]["content"] =
                json!([{ "type": "text", "text": text }, { "type": "image", "source": source }]);
        }
        (With::Image, Contents) => {
            body["contents"][0]["parts"] = json!([{ "text": text }, { "inlineData": { "mimeType": "image/png", "data": PNG } }]);
        }
    }
}

/// What an answer said: its text, its calls by name and argument, why it ends, and what it says it used.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    text: String,
    calls: Vec<(String, Value)>,
    ends: String,
    output: u64,
}

fn parsed(arguments: &str) -> Value {
    serde_json::from_str(arguments).expect("arguments that are JSON")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn said(tongue: Tongue, answer: &Response) -> Said {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let kind = answer.header("content-type").unwrap_or_default();
    let events: Vec<Value> = if kind.starts_with("text/event-stream") {
        let events = answer.events();
        if tongue == Chat {
            assert_eq!(events.last().map(String::as_str), Some("[DONE]"));
        }
        events
            .iter()
            .filter(|event| *event != "[DONE]")
            .map(|event| parsed(event))
            .collect()
    } else {
        vec![answer.json()]
    };
    let mut said = Said::default();
    let mut arguments: Vec<(String, String)> = Vec::new();
    for event in &events {
        match tongue {
            Chat => of_chat(event, &mut said, &mut arguments),
            Messages => of_messages(event, &mut said, &mut arguments),
            Contents => of_contents(event, &mut said),
        }
    }
    let calls = arguments.iter();
    said.calls
        .extend(calls.map(|(name, arguments)| (name.clone(), parsed(arguments))));
    said
}

fn of_chat(event: &Value, said: &mut Said, calls: &mut Vec<(String, String)>) {
    let choice = &event["choices"][0];
    for of in ["message", "delta"] {
        said.text.push_str(&text(&choice[of]["content"]));
        for call in choice[of]["tool_calls"].as_array().into_iter().flatten() {
            let function = &call["function"];
            if let Some(name) = function["name"].as_str() {
                assert!(!text(&call["id"]).is_empty(), "{event}");
                calls.push((name.to_owned(), String::new()));
            }
            let last = calls.last_mut().expect("a call that was begun");
            last.1.push_str(&text(&function["arguments"]));
        }
    }
    said.ends.push_str(&text(&choice["finish_reason"]));
    said.output += event["usage"]["completion_tokens"].as_u64().unwrap_or(0);
}

fn of_messages(event: &Value, said: &mut Said, calls: &mut Vec<(String, String)>) {
    for block in event["content"].as_array().into_iter().flatten() {
        said.text.push_str(&text(&block["text"]));
        if block["type"] == "tool_use" {
            calls.push((text(&block["name"]), block["input"].to_string()));
        }
    }
    if event["content_block"]["type"] == "tool_use" {
        calls.push((text(&event["content_block"]["name"]), String::new()));
    }
    said.text.push_str(&text(&event["delta"]["text"]));
    if let Some(piece) = event["delta"]["partial_json"].as_str() {
        calls.last_mut().expect("a call").1.push_str(piece);
    }
    for of in [&event["stop_reason"], &event["delta"]["stop_reason"]] {
        said.ends.push_str(&text(of));
    }
    said.output += event["usage"]["output_tokens"].as_u64().unwrap_or(0);
}

fn of_contents(event: &Value, said: &mut Said) {
    let candidate = &event["candidates"][0];
    for part in candidate["content"]["parts"]
        .as_array()
        .into_iter()
        .flatten()
    {
        said.text.push_str(&text(&part["text"]));
        let call = &part["functionCall"];
        if call.is_object() {
            said.calls.push((text(&call["name"]), call["args"].clone()));
        }
    }
    said.ends.push_str(&text(&candidate["finishReason"]));
    let used = &event["usageMetadata"];
    said.output += used["candidatesTokenCount"].as_u64().unwrap_or(0);
}

/// The word for an end in order, with calls or without.
fn ended(tongue: Tongue, calls: bool) -> &'static str {
    match (tongue, calls) {
        (Chat, false) => "stop",
        (Chat, true) => "tool_calls",
        (Messages, false) => "end_turn",
        (Messages, true) => "tool_use",
        (Contents, _) => "STOP",
    }
}

fn call(gateway: &Gateway, tongue: Tongue, (path, body): &(String, Value)) -> Response {
    let mut caller = gateway.caller();
    if tongue == Messages {
        caller = caller.with("anthropic-version", "2023-06-01");
    }
    caller.post(path, body)
}

/// What was spent is what the provider metered, and nothing is set aside.
#[track_caller]
fn assert_paid(simulator: &Simulator, gateway: &Gateway) {
    gateway.at_rest();
    let ledger = gateway.ledger("all");
    let meter = simulator.meter_at_rest();
    assert_eq!((ledger.spent, ledger.reserved), (meter.cost, Money(0)));
    assert!(meter.cost > Money(0));
}

#[test]
fn a_text_comes_back_whole_and_streamed() {
    let (simulator, _home, gateway) = stage();
    for (tongue, model) in PAIRS {
        for stream in [false, true] {
            let ask = "say this @sim(echo=1,split=7)";
            let answer = call(
                &gateway,
                tongue,
                &body(tongue, model, ask, With::Nothing, stream),
            );
            let told = said(tongue, &answer);
            assert_eq!(told.text, ask, "{tongue:?} {model} {stream}");
            assert_eq!(
                told.ends,
                ended(tongue, false),
                "{tongue:?} {model} {stream}"
            );
            if tongue != Chat || !stream {
                assert!(told.output > 0, "{tongue:?} {model} {stream}");
            }
            assert_eq!(answer.header("x-tollgate-warning"), None);
            assert!(simulator.last_body().to_string().contains("be brief"));
            assert_paid(&simulator, &gateway);
        }
    }
    assert_eq!(simulator.meter().calls, 8);
}

#[test]
fn tools_are_called_alone_and_at_once() {
    let (simulator, _home, gateway) = stage();
    for (tongue, model) in PAIRS {
        for stream in [false, true] {
            for (ask, names) in [
                ("weather?", &["get_weather"][..]),
                ("both, in parallel", &["get_weather", "get_time"]),
            ] {
                let body = body(tongue, model, ask, With::Tools, stream);
                let told = said(tongue, &call(&gateway, tongue, &body));
                let called: Vec<&str> = told.calls.iter().map(|(name, _)| &**name).collect();
                assert_eq!(called, names, "{tongue:?} {model} {stream}");
                for (_, arguments) in &told.calls {
                    assert!(arguments["city"].is_string(), "{arguments}");
                }
                assert_eq!(
                    told.ends,
                    ended(tongue, true),
                    "{tongue:?} {model} {stream}"
                );
            }
        }
        assert_paid(&simulator, &gateway);
    }
}

#[test]
fn schemas_and_images_reach_the_provider() {
    let (simulator, _home, gateway) = stage();
    for (tongue, model) in PAIRS {
        let told = body(tongue, model, "where?", With::Schema, false);
        let told = said(tongue, &call(&gateway, tongue, &told));
        assert!(parsed(&told.text)["city"].is_string(), "{told:?}");
        let sent = simulator.last_body().to_string();
        assert!(sent.contains("additionalProperties"), "{sent}");
        let image = body(tongue, model, "what is it? @sim(out=9)", With::Image, false);
        let told = said(tongue, &call(&gateway, tongue, &image));
        assert!(!told.text.is_empty());
        let sent = simulator.last_body().to_string();
        assert!(sent.contains(PNG) && sent.contains("image/png"), "{sent}");
        assert_paid(&simulator, &gateway);
    }
}

#[test]
fn what_is_thought_is_metered_and_a_cap_is_kept() {
    let (simulator, _home, gateway) = stage();
    for (tongue, model) in PAIRS {
        for stream in [false, true] {
            let ask = "think @sim(reasoning=20,out=900)";
            let told = body(tongue, model, ask, With::Nothing, stream);
            let told = said(tongue, &call(&gateway, tongue, &told));
            let expected = match tongue {
                Chat => "length",
                Messages => "max_tokens",
                Contents => "MAX_TOKENS",
            };
            assert_eq!(told.ends, expected, "{tongue:?} {model} {stream}");
            assert_paid(&simulator, &gateway);
        }
    }
}

#[test]
fn a_refusal_wears_the_callers_dialect_and_costs_nothing() {
    let (simulator, _home, gateway) = stage();
    for (tongue, model) in PAIRS {
        let ask = body(tongue, model, "no @sim(status=404)", With::Nothing, false);
        let answer = call(&gateway, tongue, &ask);
        assert_eq!(answer.status, 404, "{}", answer.text());
        let error = answer.json()["error"].take();
        assert!(!text(&error["message"]).is_empty(), "{error}");
        match tongue {
            Chat => assert!(
                error["type"].is_string() && error["status"].is_null(),
                "{error}"
            ),
            Messages => assert_eq!(error["type"], "not_found_error", "{error}"),
            Contents => assert_eq!(error["status"], "NOT_FOUND", "{error}"),
        }
    }
    gateway.at_rest();
    assert_eq!(gateway.ledger("all").spent, Money(0));
    assert_eq!(simulator.meter().cost, Money(0));
}

#[test]
fn a_conversation_with_calls_goes_on() {
    let (simulator, _home, gateway) = stage();
    for (tongue, model) in PAIRS {
        let (path, mut ask) = body(tongue, model, "weather?", With::Tools, false);
        let answer = call(&gateway, tongue, &(path.clone(), ask.clone())).json();
        let more = match tongue {
            Chat => {
                let message = answer["choices"][0]["message"].clone();
                let id = message["tool_calls"][0]["id"].clone();
                (
                    "messages",
                    vec![
                        message,
                        json!({ "role": "tool", "tool_call_id": id, "content": "Rain" }),
                    ],
                )
            }
            Messages => {
                let content = answer["content"].clone();
                let is_call = |block: &&Value| block["type"] == "tool_use";
                let made = content
                    .as_array()
                    .and_then(|all| all.iter().find(is_call))
                    .expect("a call");
                let result = json!([{ "type": "tool_result", "tool_use_id": made["id"], "content": "Rain" }]);
                (
                    "messages",
                    vec![
                        json!({ "role": "assistant", "content": content }),
                        json!({ "role": "user", "content": result }),
                    ],
                )
            }
            // As clients write it: without the id.
            Contents => {
                let content = answer["candidates"][0]["content"].clone();
                let result = json!([{ "functionResponse": { "name": "get_weather", "response": { "result": "Rain" } } }]);
                (
                    "contents",
                    vec![content, json!({ "role": "user", "parts": result })],
                )
            }
        };
        ask[more.0].as_array_mut().expect("turns").extend(more.1);
        let told = said(tongue, &call(&gateway, tongue, &(path, ask)));
        assert!(!told.text.is_empty() && told.calls.is_empty(), "{told:?}");
        let sent = simulator.last_body().to_string();
        assert!(sent.contains("Rain"), "{sent}");
        if model == "at-google" {
            // What was sealed came back as it was sealed.
            assert!(
                sent.contains("\"thoughtSignature\":\"c2ltdWxhdGVk\""),
                "{sent}"
            );
        }
        assert_paid(&simulator, &gateway);
    }
}

/// A gateway before one provider with this in its own words, where `lossy` says so.
fn gate(upstream: &Upstream, lossy: &str) -> Gate {
    let address = upstream.address;
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(
        dir.path().join("prices.yaml"),
        format!("revision: test\nmodels:\n{PRICES}"),
    )
    .expect("a price book");
    let settings = format!(
        "prices: [prices.yaml]\n\
         providers:\n  \
           google: {{ kind: gemini, base_url: \"http://{address}\", credential: {CREDENTIAL}{lossy} }}\n  \
           other: {{ kind: openai-compatible, base_url: \"http://{address}/v1\", credential: {CREDENTIAL}{lossy} }}\n\
         models:\n  \
           - {{ name: fast, provider: google, model: m }}\n  \
           - {{ name: \"*\", provider: other, model: m }}\n"
    );
    write_config(dir.path(), &config(address, &settings));
    Gate::start(dir, &[])
}

#[test]
fn a_call_goes_to_the_path_and_under_the_name_that_its_provider_knows() {
    let upstream = Upstream::answering(Scripted::json(include_bytes!(
        "../../golden/gemini/answer.json"
    )));
    let gate = gate(&upstream, "");
    let ask = r#"{"model":"fast","max_tokens":64,"messages":[{"role":"user","content":"hi"}],"user":"u"}"#;
    let reply = gate.post("/v1/chat/completions?key=x", ask.as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(
        reply.header("x-tollgate-warning"),
        Some("not translated: user")
    );
    assert_eq!(
        reply.json()["choices"][0]["message"]["content"],
        "Let me look that up."
    );
    let sent = upstream.the_request();
    assert_eq!(sent.line, "POST /v1beta/models/m:generateContent HTTP/1.1");
    assert_eq!(sent.header("x-goog-api-key"), Some(CREDENTIAL));
    assert_eq!(sent.header("authorization"), None);
    assert!(!sent.text().contains(KEY));
    assert_eq!(
        String::from_utf8_lossy(&sent.body),
        r#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}],"generationConfig":{"maxOutputTokens":64}}"#
    );
    upstream.answers(Scripted::events([&include_bytes!(
        "../../golden/gemini/stream.sse"
    )[..]]));
    let ask = ask.replace("64", r#"64,"stream":true"#);
    let reply = gate.post("/v1/chat/completions", ask.as_bytes());
    assert!(
        reply.text().ends_with("data: [DONE]\n\n"),
        "{}",
        reply.text()
    );
    let line = upstream.the_request().line;
    assert_eq!(
        line,
        "POST /v1beta/models/m:streamGenerateContent?alt=sse HTTP/1.1"
    );
    // The other way round.
    upstream.answers(Scripted::json(include_bytes!(
        "../../golden/openai/chat.json"
    )));
    let ask = r#"{"contents":[{"parts":[{"text":"hi"}]}],"generationConfig":{"maxOutputTokens":64,"topK":5}}"#;
    let path = "/v1beta/models/slow:generateContent";
    let reply = gate.post(path, ask.as_bytes());
    assert_eq!(reply.status, 400, "{}", reply.text());
    assert!(
        reply.text().contains("`generationConfig.topK`"),
        "{}",
        reply.text()
    );
    let lax = self::gate(&upstream, ", lossy: warn");
    let reply = lax.post(path, ask.as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(
        reply.header("x-tollgate-warning"),
        Some("not translated: generationConfig.topK")
    );
    assert_eq!(reply.json()["candidates"][0]["finishReason"], "STOP");
    let sent = upstream.the_request();
    assert_eq!(sent.line, "POST /v1/chat/completions HTTP/1.1");
    assert_eq!(
        String::from_utf8_lossy(&sent.body),
        r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":64}"#
    );
}
