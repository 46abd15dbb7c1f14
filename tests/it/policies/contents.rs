//! The rows of the matrix for Gemini's contents. Whether an answer comes as a stream stands in the path.

use super::rig::SETTINGS;
use crate::support::{Gateway, Home, Money, Simulator};
use serde_json::{Value, json};

const VALUE: &str = super::matrix::VALUE;

/// What the matrix reckons with beside the other routes' prices.
pub(super) const PRICE: &str =
    r#"  gemini-m: { request: "0.01", max_input: 100000, max_output: 16384 }"#;

pub(super) const WHOLE: &str = "/v1beta/models/gemini-m:generateContent";
const STREAM: &str = "/v1beta/models/gemini-m:streamGenerateContent?alt=sse";
const COUNT: &str = "/v1beta/models/gemini-m:countTokens";
const EMBED: &str = "/v1beta/models/gemini-m:embedContent";
const BATCH: &str = "/v1beta/models/gemini-m:batchEmbedContents";

/// Whether a path is one of these.
pub(super) fn is(route: &str) -> bool {
    route.contains("/models/")
}

/// The path that asks for the same as a stream.
pub(super) fn as_stream(route: &str) -> Option<&'static str> {
    [WHOLE, STREAM].contains(&route).then_some(STREAM)
}

/// The smallest request.
pub(super) fn hello() -> Value {
    saying("user", json!([{ "text": "hi" }]))
}

fn saying(role: &str, parts: impl Into<Value>) -> Value {
    let parts = parts.into();
    json!({ "contents": [{ "role": role, "parts": parts }], "generationConfig": { "maxOutputTokens": 64 } })
}

fn with(name: &str, value: Value) -> Value {
    let mut body = hello();
    body[name] = value;
    body
}

#[expect(clippy::too_many_lines, reason = "a table reads best in one piece")]
pub(super) fn rows_in() -> Vec<(&'static str, &'static str, Value)> {
    let text = format!("mail {VALUE} now");
    let user = |part: Value| saying("user", json!([{ "text": "hi" }, part]));
    let model = |part: Value| saying("model", json!([part]));
    let declared = |function: Value| with("tools", json!([{ "functionDeclarations": [function] }]));
    let arguments = json!({ "to": VALUE, "n": [1, { "cc": VALUE }] });
    let rows = vec![
        (
            "contents[user].text",
            saying("user", json!([{ "text": text }])),
        ),
        ("contents[model].text", model(json!({ "text": text }))),
        (
            "contents[function].text",
            saying("function", json!([{ "text": text }])),
        ),
        (
            "contents, one object",
            json!({ "contents": { "parts": { "text": text } } }),
        ),
        (
            "contents[model].thought",
            model(json!({ "text": text, "thought": true, "thoughtSignature": "c2ln" })),
        ),
        (
            "functionCall.args",
            model(json!({ "functionCall": { "id": "c", "name": "f", "args": arguments } })),
        ),
        (
            "function_call.args",
            model(json!({ "function_call": { "name": "f", "args": arguments } })),
        ),
        (
            "functionResponse.response",
            user(
                json!({ "functionResponse": { "id": "c", "name": "f", "response": { "output": [{ "type": text }] } } }),
            ),
        ),
        (
            "functionResponse.response, a key",
            user(json!({ "functionResponse": { "name": "f", "response": { VALUE: 1 } } })),
        ),
        (
            "function_response.parts.text",
            user(
                json!({ "function_response": { "name": "f", "response": {}, "parts": [{ "text": text }] } }),
            ),
        ),
        (
            "executableCode.code",
            model(json!({ "executableCode": { "language": "PYTHON", "code": text } })),
        ),
        (
            "codeExecutionResult.output",
            model(json!({ "codeExecutionResult": { "outcome": "OUTCOME_OK", "output": text } })),
        ),
        (
            "toolResponse",
            user(
                json!({ "toolResponse": { "toolType": "URL_CONTEXT", "response": { "page": text } } }),
            ),
        ),
        (
            "partMetadata",
            user(json!({ "text": "x", "partMetadata": { "from": text } })),
        ),
        (
            "inlineData.displayName",
            user(
                json!({ "inlineData": { "mimeType": "image/png", "data": "AAAA", "displayName": text } }),
            ),
        ),
        (
            "a part of an unknown kind",
            user(json!({ "hologram": { "beam": [text] } })),
        ),
        (
            "systemInstruction",
            with("systemInstruction", json!({ "parts": [{ "text": text }] })),
        ),
        (
            "system_instruction, one part",
            with("system_instruction", json!({ "parts": { "text": text } })),
        ),
        (
            "tools.description",
            declared(json!({ "name": "f", "description": text })),
        ),
        (
            "tools.parameters",
            declared(
                json!({ "name": "f", "parameters": { "type": "OBJECT", "properties": {
                "to": { "type": "STRING", "description": text, "default": VALUE, "enum": [VALUE] } } } }),
            ),
        ),
        (
            "tools.parametersJsonSchema",
            declared(
                json!({ "name": "f", "parametersJsonSchema": { "type": "object", "description": text } }),
            ),
        ),
        (
            "tools.response",
            declared(json!({ "name": "f", "response": { "type": "OBJECT", "description": text } })),
        ),
        (
            "function_declarations.description",
            with(
                "tools",
                json!({ "function_declarations": { "name": "f", "description": text } }),
            ),
        ),
        (
            "generationConfig.responseSchema",
            with(
                "generationConfig",
                json!({ "responseSchema": { "type": "OBJECT", "description": text } }),
            ),
        ),
        (
            "generation_config.response_json_schema",
            json!({ "contents": [{ "parts": [{ "text": "hi" }] }], "generation_config": { "response_json_schema": { "title": text } } }),
        ),
        ("labels", with("labels", json!({ "note": text }))),
    ];
    let mut rows: Vec<_> = rows
        .into_iter()
        .map(|(field, body)| (WHOLE, field, body))
        .collect();
    let content = json!({ "parts": [{ "text": text }] });
    rows.extend([
        (COUNT, "contents", json!({ "contents": [content] })),
        (
            COUNT,
            "generateContentRequest.systemInstruction",
            json!({ "generateContentRequest": { "model": "models/gemini-m", "contents": [{ "parts": [{ "text": "hi" }] }], "systemInstruction": content } }),
        ),
        (EMBED, "content", json!({ "content": content })),
        (
            EMBED,
            "title",
            json!({ "content": { "parts": [{ "text": "hi" }] }, "title": text, "taskType": "RETRIEVAL_DOCUMENT" }),
        ),
        (
            BATCH,
            "requests.content",
            json!({ "requests": [{ "model": "models/gemini-m", "content": { "parts": [{ "text": "hi" }] } }, { "model": "models/gemini-m", "content": content }] }),
        ),
    ]);
    rows
}

/// Requests with something that is no text.
pub(super) fn rows_unread() -> Vec<(&'static str, &'static str, Value)> {
    let part = |part: Value| saying("user", json!([{ "text": "hi" }, part]));
    let data = |kind: &str| part(json!({ "inlineData": { "mimeType": kind, "data": "AAAA" } }));
    let file = json!({ "fileUri": "https://x.test/files/a", "mimeType": "video/mp4" });
    vec![
        (WHOLE, "inlineData, an image", data("image/png")),
        (WHOLE, "inlineData, sound", data("audio/wav")),
        (WHOLE, "inlineData, a document", data("application/pdf")),
        (
            WHOLE,
            "inlineData, text in other letters",
            data("text/plain"),
        ),
        (WHOLE, "fileData", part(json!({ "fileData": file }))),
        (WHOLE, "file_data", part(json!({ "file_data": file }))),
        (
            WHOLE,
            "functionResponse.parts.inlineData",
            part(
                json!({ "functionResponse": { "name": "f", "response": {}, "parts": [{ "inlineData": { "mimeType": "image/png", "data": "AAAA" } }] } }),
            ),
        ),
        (
            WHOLE,
            "systemInstruction.fileData",
            with(
                "systemInstruction",
                json!({ "parts": [{ "fileData": file }] }),
            ),
        ),
        (
            WHOLE,
            "a part of an unknown kind",
            part(json!({ "hologram": { "beam": "x" } })),
        ),
        (
            WHOLE,
            "cachedContent",
            with("cachedContent", json!("cachedContents/x")),
        ),
        (
            EMBED,
            "content.inlineData",
            json!({ "content": { "parts": [{ "text": "hi" }, { "inlineData": { "mimeType": "image/png", "data": "AAAA" } }] } }),
        ),
    ]
}

fn usage() -> Value {
    json!({ "promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2 })
}

/// Whole answers: route, field, what the provider answers.
pub(super) fn rows_out() -> Vec<(&'static str, &'static str, Value)> {
    let text = format!("mail {VALUE} now");
    let candidate = |candidate: Value| {
        let mut candidate = candidate;
        candidate["finishReason"] = json!("STOP");
        json!({ "candidates": [candidate], "usageMetadata": usage(), "modelVersion": "m" })
    };
    let part = |part: Value| candidate(json!({ "content": { "role": "model", "parts": [part] } }));
    let beside = |name: &str, value: Value| {
        let mut told = json!({ "content": { "role": "model", "parts": [{ "text": "x" }] } });
        told[name] = value;
        candidate(told)
    };
    let rows = [
        ("parts.text", part(json!({ "text": text }))),
        (
            "parts.text, a thought",
            part(json!({ "text": text, "thought": true, "thoughtSignature": "c2ln" })),
        ),
        (
            "parts.functionCall.args",
            part(
                json!({ "functionCall": { "name": "f", "args": { "to": VALUE, "n": [{ "cc": VALUE }] } } }),
            ),
        ),
        (
            "parts.executableCode",
            part(json!({ "executableCode": { "language": "PYTHON", "code": text } })),
        ),
        (
            "parts.codeExecutionResult",
            part(json!({ "codeExecutionResult": { "outcome": "OUTCOME_OK", "output": text } })),
        ),
        (
            "a part nobody knows",
            part(json!({ "aside": { "note": [text] } })),
        ),
        (
            "citationMetadata",
            beside(
                "citationMetadata",
                json!({ "citationSources": [{ "title": text, "startIndex": 0 }] }),
            ),
        ),
        (
            "groundingMetadata",
            beside(
                "groundingMetadata",
                json!({ "groundingChunks": [{ "web": { "title": text } }], "groundingSupports": [{ "segment": { "text": text } }] }),
            ),
        ),
        ("finishMessage", beside("finishMessage", json!(text))),
        (
            "promptFeedback",
            json!({ "promptFeedback": { "blockReason": "OTHER", "blockReasonMessage": text }, "usageMetadata": usage() }),
        ),
        (
            "logprobsResult beside the text",
            candidate(
                json!({ "content": { "role": "model", "parts": [{ "text": text }] },
                "logprobsResult": { "chosenCandidates": [{ "token": "jane.doe@", "logProbability": -0.1 }, { "token": "example.org", "logProbability": -0.1 }] } }),
            ),
        ),
    ];
    rows.into_iter()
        .map(|(field, answer)| (WHOLE, field, answer))
        .collect()
}

/// Streams: route, field, the payloads of the events, with the value cut over several where texts go on.
pub(super) fn rows_stream() -> Vec<(&'static str, &'static str, Vec<Value>)> {
    let pieces = ["mail jane", ".doe@exam", "ple.org n", "ow"];
    let event = |index: u32, part: Value, finish: Value| json!({ "candidates": [{ "index": index, "content": { "role": "model", "parts": [part] }, "finishReason": finish }], "usageMetadata": usage() });
    let ended = |mut events: Vec<Value>| {
        events.push(event(0, json!({ "text": "" }), json!("STOP")));
        events
    };
    let each = |make: &dyn Fn(&str) -> Value| -> Vec<Value> {
        let event = |piece: &&str| event(0, make(piece), Value::Null);
        pieces.iter().map(event).collect()
    };
    let whole = pieces.concat();
    let rows = [
        ("parts.text", ended(each(&|piece| json!({ "text": piece })))),
        (
            "parts.text, a thought",
            ended(each(&|piece| json!({ "text": piece, "thought": true }))),
        ),
        ("parts.text, two candidates by turns", {
            let mut events = Vec::new();
            for piece in pieces {
                events.push(event(0, json!({ "text": piece }), Value::Null));
                events.push(event(1, json!({ "text": piece }), Value::Null));
            }
            events.push(event(1, json!({ "text": "" }), json!("STOP")));
            ended(events)
        }),
        ("parts.text, two of one event", {
            let both = |one: &str, other: &str| json!({ "candidates": [{ "index": 0, "content": { "role": "model", "parts": [{ "text": one }, { "text": other }] } }] });
            ended(vec![both(pieces[0], pieces[1]), both(pieces[2], pieces[3])])
        }),
        (
            "parts.functionCall.args",
            ended(vec![event(
                0,
                json!({ "functionCall": { "name": "f", "args": { "to": VALUE, "n": [1, { "cc": VALUE }] } } }),
                Value::Null,
            )]),
        ),
        (
            "parts.executableCode",
            ended(vec![event(
                0,
                json!({ "executableCode": { "language": "PYTHON", "code": whole } }),
                Value::Null,
            )]),
        ),
        (
            "a part nobody knows",
            ended(vec![event(
                0,
                json!({ "aside": { "note": whole } }),
                Value::Null,
            )]),
        ),
        (
            "groundingMetadata",
            ended(vec![
                json!({ "candidates": [{ "index": 0, "groundingMetadata": { "groundingChunks": [{ "web": { "title": whole } }] } }] }),
            ]),
        ),
    ];
    rows.into_iter()
        .map(|(field, events)| (STREAM, field, events))
        .collect()
}

/// A gateway in front of the simulator, which is asked in Gemini's language for names that begin with `gem`.
fn governed(policy: &str) -> (Simulator, Home, Gateway) {
    let simulator = Simulator::start(
        r#"
  gem: { request: "0.01", max_input: 100000, max_output: 16384 }
  gem-cheap: { request: "0.002", max_input: 100000, max_output: 16384 }
"#,
    );
    let settings = format!(
        "providers: {{ google: {{ kind: gemini, base_url: \"http://{}\" }} }}\n\
         models: [{{ name: \"gem*\", provider: google, tokenizer: simulator }}]\n{SETTINGS}",
        simulator.address
    );
    let home = Home::written(&simulator.prices, &settings);
    std::fs::create_dir(home.path().join("policies")).expect("a folder");
    std::fs::write(home.path().join("policies/org.yaml"), policy).expect("a policy");
    let gateway = home.start();
    (simulator, home, gateway)
}

#[test]
fn what_rules_set_goes_up_where_contents_have_it() {
    let policy = r#"version: 1
scope: {}
limits: { max_output_tokens: 64 }
rules:
  - id: calm
    effect: allow
    match: any
    set: { temperature_max: 0.3, n_max: 1, stop: ["END"], system_prefix: "Be brief." }
  - id: cheaper
    match: { models: [gem] }
    route: { model: gem-cheap }
"#;
    let (simulator, _home, gateway) = governed(policy);
    let mut caller = gateway.caller();
    for path in [
        "/v1beta/models/gem:generateContent",
        "/v1beta/models/gem:streamGenerateContent?alt=sse",
    ] {
        let body = json!({ "model": "models/gem", "contents": [{ "parts": [{ "text": "hi" }] }],
            "generation_config": { "temperature": 1.2, "candidate_count": 3, "stop_sequences": ["STOP"] } });
        let answer = caller.post(path, &body);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let asked = simulator.requests().pop().expect("a request");
        assert_eq!(asked["path"], path.replace("gem:", "gem-cheap:"));
        let sent = simulator.last_body();
        assert_eq!(sent["model"], "models/gem-cheap");
        let config = &sent["generation_config"];
        assert_eq!(
            (
                &config["temperature"],
                &config["candidate_count"],
                &config["stop_sequences"]
            ),
            (&json!(0.3), &json!(1), &json!(["STOP", "END"])),
            "{sent}"
        );
        let cap = config
            .get("maxOutputTokens")
            .or(config.get("max_output_tokens"));
        assert_eq!(cap, Some(&json!(64)), "{sent}");
        assert_eq!(
            sent["systemInstruction"],
            json!({ "parts": [{ "text": "Be brief." }] })
        );
    }
    gateway.at_rest();
    let spent = gateway.ledger("day").spent;
    assert_eq!(spent, simulator.meter_at_rest().cost);
    assert_eq!(
        spent,
        Money::of("0.004"),
        "at the price of the model it went to"
    );
}

#[test]
fn rules_about_models_and_tools_hold_for_contents() {
    let policy = r#"version: 1
scope: {}
rules:
  - id: not-this
    effect: deny
    match: { models: [gem-secret] }
  - id: no-search
    effect: deny
    match: { tools: [googleSearch] }
  - id: no-shell
    effect: deny
    match: { tools: [shell] }
"#;
    let (simulator, _home, gateway) = governed(policy);
    let mut caller = gateway.caller();
    let tool = |tool: Value| with("tools", json!([tool]));
    let secret = "/v1beta/models/gem-secret:generateContent";
    let gem = "/v1beta/models/gem:generateContent";
    for (path, body, rule) in [
        (secret, hello(), "not-this"),
        (gem, tool(json!({ "google_search": {} })), "no-search"),
        (
            gem,
            tool(json!({ "functionDeclarations": [{ "name": "shell" }] })),
            "no-shell",
        ),
    ] {
        let answer = caller.post(path, &body);
        assert_eq!(answer.status, 403, "{}", answer.text());
        let error = answer.json()["error"].take();
        assert_eq!(error["status"], "PERMISSION_DENIED", "{error}");
        assert_eq!(error["tollgate"]["rule"], rule, "{error}");
    }
    assert!(simulator.requests().is_empty());
}
