//! Vendors by name: what each of them is sent, and that what they charge is what is booked.

use super::upstream::{Arrived, Scripted, Upstream};
use crate::door::rig::{Gate, KEY};
use crate::support::{Money, Simulator, until};
use serde_json::{Value, json};

const CHAT_PATH: &str = "/v1/chat/completions";
const SECRET: &str = "sk-vendor-0123456789abcdef";

/// What goes up to a vendor of this kind for a stream without a cap, on a route that has one.
fn sent(kind: &str) -> Arrived {
    let upstream = Upstream::answering(Scripted::events([&b"data: [DONE]\n\n"[..]]));
    let settings = format!(
        "providers: {{ up: {{ kind: {kind}, base_url: \"http://{}/v1\", credential: {SECRET} }} }}\n\
         models: [{{ name: m, provider: up, max_output: 50 }}]",
        upstream.address
    );
    let gate = Gate::before(upstream.address, &settings);
    let body = br#"{"model":"m","messages":[],"stream":true}"#;
    let reply = gate.post(CHAT_PATH, body);
    assert_eq!(reply.status, 200, "{}", reply.text());
    let arrived = upstream.the_request();
    assert_eq!(arrived.line, "POST /v1/chat/completions HTTP/1.1");
    assert!(!arrived.text().contains(KEY));
    arrived
}

#[test]
fn a_vendor_is_sent_what_it_takes_and_its_credential_where_it_looks_for_it() {
    let bearer = format!("Bearer {SECRET}");
    let check = |kind: &str, cap: &str, asks: bool, header: &str| {
        let arrived = sent(kind);
        let body: Value = serde_json::from_slice(&arrived.body).unwrap();
        let mut expected = json!({ "model": "m", "messages": [], "stream": true, cap: 50 });
        if asks {
            expected["stream_options"] = json!({ "include_usage": true });
        }
        assert_eq!(body, expected, "{kind}");
        let shown = if header == "authorization" {
            &bearer[..]
        } else {
            SECRET
        };
        assert_eq!(arrived.header(header), Some(shown), "{kind}");
        for other in ["authorization", "api-key", "x-api-key"] {
            assert!(other == header || arrived.header(other).is_none(), "{kind}");
        }
    };
    for kind in [
        "groq",
        "deepseek",
        "openrouter",
        "together",
        "ollama",
        "vllm",
    ] {
        check(kind, "max_tokens", true, "authorization");
    }
    check("mistral", "max_tokens", false, "authorization");
    check("azure-openai", "max_completion_tokens", true, "api-key");
}

/// Settings for one vendor with a price and a budget.
fn billed(kind: &str, address: std::net::SocketAddr) -> String {
    format!(
        "providers: {{ up: {{ kind: {kind}, base_url: \"http://{address}/v1\" }} }}\n\
         models: [{{ name: gpt-4o-mini, provider: up }}]\n\
         budgets: [{{ name: day, match: {{}}, limit: \"$1.00\", window: 1d }}]"
    )
}

/// What the budget of such a gateway has spent, once nothing is reserved.
fn spent(gate: &Gate) -> Money {
    until("nothing is reserved", || {
        let status = gate.admin("/status").json();
        let budget = &status["budgets"][0];
        let money = |field: &str| Money::of(budget[field].as_str().unwrap());
        (money("reserved") == Money::default()).then(|| money("spent"))
    })
}

#[test]
fn what_the_simulator_charges_behind_a_preset_is_what_is_booked() {
    let price = "  gpt-4o-mini: { input: \"0.15\", cached_input: \"0.075\", output: \"0.60\", max_input: 128000, max_output: 16384 }";
    for kind in ["groq", "azure-openai", "ollama"] {
        let simulator = Simulator::start(price);
        let gate = Gate::before(simulator.address, &billed(kind, simulator.address));
        let said =
            br#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"hello there"}]}"#;
        assert_eq!(gate.post(CHAT_PATH, said).status, 200, "{kind}");
        let streamed = br#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"hello there"}],"stream":true}"#;
        let reply = gate.post(CHAT_PATH, streamed);
        assert_eq!(reply.status, 200, "{kind}");
        // It was asked for usage, and the caller did not.
        assert!(!reply.text().contains("\"usage\":{"), "{}", reply.text());
        let meter = simulator.meter_at_rest();
        assert_eq!(meter.calls, 2);
        assert!(meter.cost > Money::default());
        assert_eq!(spent(&gate), meter.cost, "{kind}");
    }
}

#[test]
fn usage_that_comes_unasked_with_the_last_words_is_booked_and_passed_on() {
    let last = br#"data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"gpt-4o-mini","choices":[{"index":0,"delta":{"content":"."},"finish_reason":"stop"}],"usage":{"prompt_tokens":1000,"completion_tokens":100,"total_tokens":1100}}

"#;
    let pieces = [
        &br#"data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"gpt-4o-mini","choices":[{"index":0,"delta":{"role":"assistant","content":"hi"},"finish_reason":null}]}

"#[..],
        last,
        b"data: [DONE]\n\n",
    ];
    let upstream = Upstream::answering(Scripted::events(pieces));
    let gate = Gate::before(upstream.address, &billed("mistral", upstream.address));
    let body =
        br#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"hi"}],"stream":true}"#;
    let reply = gate.post(CHAT_PATH, body);
    let text = reply.text();
    assert!(
        text.contains(std::str::from_utf8(last).unwrap().trim_end()),
        "{text}"
    );
    let sent: Value = serde_json::from_slice(&upstream.the_request().body).unwrap();
    assert_eq!(sent.get("stream_options"), None);
    // 1000 × $0.15 and 100 × $0.60 per million.
    assert_eq!(spent(&gate), Money::of("0.00021"));
}
