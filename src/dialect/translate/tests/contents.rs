//! Gemini's contents with chat completions and messages, both ways.

use super::{ANTHROPIC, CREATED, OPENAI, STREAMS, asked, pretty, streamed};
use crate::chat::Endpoint;
use crate::dialect::translate::{Asked, answer, error};
use Endpoint::{Chat, GenerateContent as Contents, Messages};

/// A request there, and what was lost on the way.
fn told(asked: &Asked) -> String {
    let terms = if asked.there == super::super::Tongue::Messages {
        ANTHROPIC
    } else {
        OPENAI
    };
    let lost = asked.lost.iter().map(|loss| loss.param.as_str());
    let lost: Vec<&str> = lost.collect();
    format!("{}\nlost: {}", pretty(&asked.body(&terms)), lost.join(", "))
}

/// The golden requests of others, without what has no words here.
fn chat_request() -> String {
    include_str!("../../../../tests/golden/openai/chat_request.json")
        .replace("https://images.test/cat.png", "data:image/png;base64,iVBO")
        .replace("\"parallel_tool_calls\": false", "\"seed\": 7")
}

#[test]
fn requests_become_contents_and_contents_requests() {
    let chat = asked(&chat_request(), Chat, Contents);
    assert_eq!(chat.complete(), Ok(()));
    insta::assert_snapshot!("chat_request_as_contents", told(&chat));
    let message = include_str!("../../../../tests/golden/anthropic/message_request.json")
        .replace(
            r#""type": "url", "url": "https://images.test/cat.png""#,
            r#""type": "base64", "media_type": "image/png", "data": "iVBO""#,
        )
        .replace(r#", "disable_parallel_tool_use": true"#, "");
    let message = asked(&message, Messages, Contents);
    assert_eq!(message.complete(), Ok(()));
    insta::assert_snapshot!("message_request_as_contents", told(&message));
    let contents = include_str!("../../../../tests/golden/gemini/request.json");
    let chat = asked(contents, Contents, Chat).streamed(true);
    assert_eq!(chat.complete(), Ok(()));
    insta::assert_snapshot!("contents_request_as_chat", told(&chat));
    let message = asked(contents, Contents, Messages).streamed(true);
    assert_eq!(message.complete(), Ok(()));
    insta::assert_snapshot!("contents_request_as_message", told(&message));
}

fn whole(body: &str, there: Endpoint, here: Endpoint) -> String {
    let told = answer(body.as_bytes(), there, here, CREATED).expect("an answer");
    String::from_utf8(told).expect("UTF-8")
}

#[test]
fn answers_become_contents_and_contents_answers() {
    let contents = include_str!("../../../../tests/golden/gemini/answer.json");
    insta::assert_snapshot!("contents_as_chat", pretty(&whole(contents, Contents, Chat)));
    insta::assert_snapshot!(
        "contents_as_message",
        pretty(&whole(contents, Contents, Messages))
    );
    let calls = include_str!("../../../../tests/golden/openai/chat_calls.json");
    insta::assert_snapshot!("calls_as_contents", pretty(&whole(calls, Chat, Contents)));
    let message = include_str!("../../../../tests/golden/anthropic/message.json");
    insta::assert_snapshot!(
        "message_as_contents",
        pretty(&whole(message, Messages, Contents))
    );
    for nothing in ["", "[]", "{}", r#"{"candidates":[]}"#, r#"{"error":{}}"#] {
        assert_eq!(answer(nothing.as_bytes(), Contents, Chat, 0), None);
    }
    let turned_back = r#"{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":4,"totalTokenCount":4}}"#;
    let told = whole(turned_back, Contents, Chat);
    assert!(told.contains(r#""refusal":"SAFETY""#), "{told}");
    assert!(told.contains("content_filter"), "{told}");
}

#[test]
fn what_google_sealed_goes_back_on_the_call_and_to_nobody_else() {
    let body = include_str!("../../../../tests/golden/gemini/answer.json");
    let mut chat: serde_json::Value =
        serde_json::from_str(&whole(body, Contents, Chat)).expect("JSON");
    let said = &mut chat["choices"][0]["message"];
    // As clients have it that add up a stream.
    said["thinking_blocks"][0]["index"] = serde_json::json!(0);
    let again = serde_json::json!({ "model": "m", "messages": [
        { "role": "user", "content": "a" }, said,
        { "role": "tool", "tool_call_id": "f1", "content": "Rain" },
    ]});
    let asked_again = asked(&again.to_string(), Chat, Contents);
    let written = asked_again.body(&OPENAI);
    let sealed = r#"{"functionCall":{"id":"f1","name":"get_weather","args":{"city":"Oslo","days":2}},"thoughtSignature":"CiQB0e2Kb5s="}"#;
    assert!(written.contains(sealed), "{written}");
    let answered =
        r#"{"functionResponse":{"id":"f1","name":"get_weather","response":{"result":"Rain"}}}"#;
    assert!(written.contains(answered), "{written}");
    assert!(!written.contains("tollgate") && !written.contains("gemini:"));
    let elsewhere = asked(&again.to_string(), Chat, Messages);
    assert!(!elsewhere.body(&ANTHROPIC).contains("CiQB0e2Kb5s="));
    assert!(elsewhere.lost.iter().all(|loss| loss.slight));
    // And as messages keep it.
    let message: serde_json::Value =
        serde_json::from_str(&whole(body, Contents, Messages)).expect("JSON");
    let again = serde_json::json!({ "model": "m", "max_tokens": 5, "messages": [
        { "role": "user", "content": "a" },
        { "role": "assistant", "content": message["content"] },
        { "role": "user", "content": [{ "type": "tool_result", "tool_use_id": "f1", "content": "Rain" }] },
    ]});
    let written = asked(&again.to_string(), Messages, Contents).body(&OPENAI);
    assert!(
        written.contains(sealed) && written.contains(answered),
        "{written}"
    );
}

#[test]
fn streams_become_contents_and_contents_streams() {
    for (name, bytes, there, here) in STREAMS {
        if [there, here].contains(&Contents) {
            let told = streamed(std::iter::once(bytes.as_bytes()), there, here);
            insta::assert_snapshot!(name, told);
        }
    }
    let failed =
        "data: {\"error\":{\"code\":503,\"message\":\"busy\",\"status\":\"UNAVAILABLE\"}}\n\n";
    assert_eq!(
        streamed(std::iter::once(failed.as_bytes()), Contents, Chat),
        "data: {\"error\":{\"message\":\"busy\",\"type\":\"api_error\",\"param\":null,\"code\":\"api_error\"}}\n\n"
    );
    let failed = "data: {\"error\":{\"message\":\"busy\",\"type\":\"server_error\"}}\n\n";
    let told = streamed(std::iter::once(failed.as_bytes()), Chat, Contents);
    assert!(
        told.contains(r#""message":"busy""#) && told.contains("INTERNAL"),
        "{told}"
    );
}

#[test]
fn refusals_wear_the_dialect_of_contents_and_that_of_others() {
    let check = |body: &str, status, there, here, expected: &str| {
        let told = error(body.as_bytes(), status, there, here);
        assert_eq!(String::from_utf8(told).expect("UTF-8"), expected, "{body}");
    };
    let theirs =
        r#"{"error":{"code":400,"message":"Budget 0 is invalid.","status":"INVALID_ARGUMENT"}}"#;
    check(
        theirs,
        400,
        Contents,
        Chat,
        r#"{"error":{"message":"Budget 0 is invalid.","type":"invalid_request_error","param":null,"code":"invalid_argument"}}"#,
    );
    check(
        &format!("[{theirs}]"),
        400,
        Contents,
        Messages,
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"Budget 0 is invalid.","details":{"error_code":"invalid_argument"}}}"#,
    );
    check(
        r#"{"error":{"message":"Unknown model","type":"invalid_request_error","code":"model_not_found"}}"#,
        404,
        Chat,
        Contents,
        r#"{"error":{"code":404,"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","domain":"tollgate","metadata":{},"reason":"MODEL_NOT_FOUND"}],"message":"Unknown model","status":"NOT_FOUND"}}"#,
    );
}

/// A request for contents with this member more.
fn contents_with(member: &str) -> String {
    format!(r#"{{"contents":[{{"role":"user","parts":[{{"text":"hi"}}]}}],{member}}}"#)
}

#[test]
fn what_others_cannot_say_is_lost_by_the_name_it_came_by() {
    let check = |body: &str, here, there, hangs: &str, slight: &str| {
        let asked = asked(body, here, there);
        let names = |is_slight: bool| {
            let lost = asked.lost.iter().filter(|loss| loss.slight == is_slight);
            let names: Vec<&str> = lost.map(|loss| loss.param.as_str()).collect();
            names.join(" ")
        };
        assert_eq!(
            (names(false).as_str(), names(true).as_str()),
            (hangs, slight),
            "{body}"
        );
    };
    let contents = |member: &str, there, hangs: &str, slight: &str| {
        check(&contents_with(member), Contents, there, hangs, slight);
    };
    let config = r#""generationConfig":{"topK":5,"seed":7,"presencePenalty":0.5,"temperature":1.5,"responseMimeType":"application/json"}"#;
    contents(config, Chat, "generationConfig.topK", "");
    contents(
        config,
        Messages,
        "generationConfig.seed generationConfig.presencePenalty generationConfig.responseMimeType generationConfig.temperature",
        "",
    );
    contents(
        r#""safetySettings":[{}],"labels":{"a":"b"},"generationConfig":{"mediaResolution":"LOW","thinkingConfig":{"thinkingBudget":5000}}"#,
        Chat,
        "generationConfig.mediaResolution safetySettings",
        "labels generationConfig.thinkingConfig",
    );
    contents(
        r#""tools":[{"googleSearch":{}}]"#,
        Messages,
        "tools[0].googleSearch",
        "",
    );
    let chat = |member: &str, hangs: &str, slight: &str| {
        check(&super::chat_with(member), Chat, Contents, hangs, slight);
    };
    chat(
        r#""logprobs":true,"top_logprobs":2"#,
        "logprobs top_logprobs",
        "",
    );
    chat(
        r#""seed":1,"top_k":5,"frequency_penalty":1,"user":"u""#,
        "",
        "user",
    );
    chat(r#""response_format":{"type":"json_object"}"#, "", "");
    chat(r#""reasoning_effort":"xhigh""#, "", "reasoning_effort");
    chat(
        r#""parallel_tool_calls":false,"tools":[{"type":"function","function":{"name":"f","strict":true}}]"#,
        "parallel_tool_calls",
        "tools",
    );
    let begun = r#"{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"{"}]}"#;
    check(begun, Messages, Contents, "messages[1]", "");
}

#[test]
fn what_the_question_hangs_on_is_refused() {
    let check = |body: &str, here, there, param: &str| {
        let fault = Asked::read(body.as_bytes(), here, there).expect_err("refused");
        assert_eq!(fault.param(), Some(param), "{fault}");
    };
    let image = r#"{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x.test/a.png"}}]}]}"#;
    check(image, Chat, Contents, "messages[0].content");
    let stray = r#"{"model":"m","messages":[{"role":"tool","tool_call_id":"c","content":"x"}]}"#;
    check(stray, Chat, Contents, "messages[0].content");
    let contents = |member: &str, param: &str| {
        check(&contents_with(member), Contents, Chat, param);
    };
    contents(r#""cachedContent":"cachedContents/x""#, "cachedContent");
    for name in ["candidateCount", "responseModalities"] {
        let config = format!(r#""generationConfig":{{"{name}":2}}"#);
        contents(&config, &format!("generationConfig.{name}"));
    }
    contents(
        r#""tools":{"functionDeclarations":[{"name":"f"},{"name":"g"}]},"toolConfig":{"functionCallingConfig":{"mode":"AUTO","allowedFunctionNames":["f"]}}"#,
        "toolConfig.functionCallingConfig.allowedFunctionNames",
    );
    let part = |part: &str, param: &str| {
        let body = format!(r#"{{"contents":{{"parts":[{part}]}}}}"#);
        check(&body, Contents, Messages, param);
    };
    part(
        r#"{"inlineData":{"mimeType":"audio/wav","data":"AA"}}"#,
        "contents[0].parts[0].inlineData.mimeType",
    );
    part(
        r#"{"fileData":{"mimeType":"image/png","fileUri":"https://generativelanguage.googleapis.com/v1beta/files/x"}}"#,
        "contents[0].parts[0].fileData.fileUri",
    );
    part(
        r#"{"functionResponse":{"name":"f","response":{}}}"#,
        "contents[0].parts[0].functionResponse.name",
    );
    part(
        r#"{"executableCode":{"code":"1"}}"#,
        "contents[0].parts[0].executableCode",
    );
}
