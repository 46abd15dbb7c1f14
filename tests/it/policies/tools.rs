//! Tools: which may be offered and called, what sessions have read, and agents that run in circles.

use super::rig::{PRICES, home};
use crate::support::{Client, Gateway, Home, KEY, Simulator, chat};
use serde_json::{Value, json};

fn started(policy: &str) -> (Simulator, Home, Gateway) {
    let simulator = Simulator::start(PRICES);
    let home = home(&simulator, policy);
    let gateway = home.start();
    (simulator, home, gateway)
}

fn tool(name: &str) -> Value {
    json!({ "type": "function", "function": { "name": name, "parameters": {
        "type": "object", "properties": { "path": { "type": "string" } }, "required": ["path"],
    } } })
}

#[test]
fn a_tool_may_be_denied_where_it_is_offered_and_where_it_is_called() {
    let policy = r#"version: 1
scope: {}
rules:
  - id: no-shell
    effect: deny
    match: { tools: [shell, "exec_*"] }
    message: "Shell tools are off."
  - id: no-files
    effect: deny
    match: { tool_calls: [ { name: read_file } ] }
"#;
    let (simulator, _home, gateway) = started(policy);
    let offered = |name: &str, more: &str| {
        chat(
            "cent",
            &format!("go {more}"),
            &[("tools", json!([tool(name)]))],
        )
    };
    let refused = gateway.caller().chat(&offered("exec_sql", ""));
    assert_eq!(refused.status, 403, "{}", refused.text());
    assert_eq!(refused.json()["error"]["code"], "tool_not_allowed");
    assert_eq!(refused.json()["error"]["message"], "Shell tools are off.");
    assert_eq!(simulator.meter().calls, 0);
    assert_eq!(
        gateway
            .caller()
            .chat(&offered("list_dir", "@sim(tool=list_dir)"))
            .status,
        200
    );

    // Offered is allowed, called is not: nothing of the call leaves, in a stream neither.
    let refused = gateway
        .caller()
        .chat(&offered("read_file", "@sim(tool=read_file)"));
    assert_eq!(refused.status, 403, "{}", refused.text());
    let mut body = offered("read_file", "@sim(tool=read_file)");
    body["stream"] = json!(true);
    let stream = gateway.caller().chat(&body);
    let said = stream.text();
    assert!(!said.contains("tool_calls"), "{said}");
    assert!(
        said.contains(r#""finish_reason":"content_filter""#),
        "{said}"
    );
    gateway.at_rest();
    assert_eq!(gateway.ledger("day").spent, simulator.meter_at_rest().cost);
}

#[test]
fn after_an_untrusted_result_named_tools_are_closed_for_the_session() {
    let policy = r#"version: 1
scope: {}
taint:
  - { on: [tool_result], from: ["web_*"], label: untrusted }
rules:
  - id: no-side-effects
    effect: deny
    match: { tainted: [untrusted], tools: ["send_*"] }
    message: "This session has read from the web: sending is closed."
"#;
    let (_simulator, _home, gateway) = started(policy);
    let caller = |session: &str| {
        Client::to(gateway.listen)
            .with("authorization", &format!("Bearer {KEY}"))
            .with("x-tollgate-session", session)
    };
    let sends = chat("cent", "send it", &[("tools", json!([tool("send_mail")]))]);
    let read = json!({ "model": "cent", "messages": [
        { "role": "user", "content": "look it up" },
        { "role": "assistant", "content": null, "tool_calls": [
            { "id": "c1", "type": "function", "function": { "name": "web_get", "arguments": "{}" } } ] },
        { "role": "tool", "tool_call_id": "c1", "content": "a page" },
    ] });
    assert_eq!(caller("one").chat(&sends).status, 200);
    assert_eq!(caller("one").chat(&read).status, 200);
    let refused = caller("one").chat(&sends);
    assert_eq!(refused.status, 403, "{}", refused.text());
    assert!(refused.text().contains("sending is closed"));
    assert_eq!(caller("two").chat(&sends).status, 200);
    // A call that holds the result itself is closed in whatever session.
    let mut both = read.clone();
    both["tools"] = json!([tool("send_mail")]);
    assert_eq!(caller("three").chat(&both).status, 403);
}

#[test]
fn an_agent_that_repeats_itself_is_stopped_with_a_reason() {
    let policy = r#"version: 1
scope: {}
breakers:
  - { id: runaway, per: run, repeat: { same_request: 3, window: 60s }, action: stop, cooldown: 10m }
"#;
    let (_simulator, _home, gateway) = started(policy);
    let caller = |run: &str| {
        Client::to(gateway.listen)
            .with("authorization", &format!("Bearer {KEY}"))
            .with("x-tollgate-run", run)
    };
    let same = chat("cent", "again", &[]);
    let statuses: Vec<u16> = (0..4).map(|_| caller("r1").chat(&same).status).collect();
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
    let stopped = caller("r1").chat(&chat("cent", "something else", &[]));
    assert_eq!(stopped.status, 429);
    let error = stopped.json()["error"].clone();
    assert_eq!(error["code"], "runaway_stopped");
    assert!(
        error["message"]
            .as_str()
            .is_some_and(|message| message.contains("run `r1`")),
        "{error}"
    );
    assert!(stopped.header("retry-after").is_some());
    assert_eq!(caller("r2").chat(&same).status, 200);
}
