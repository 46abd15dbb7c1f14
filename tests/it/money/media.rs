//! Calls that are no conversation: what each costs, and what is booked where its provider tells no usage.

use super::budget;
use crate::support::{Gateway, Home, Money, Response, Simulator};
use serde_json::{Value, json};

const MODERATIONS: &str = "/v1/moderations";
const IMAGES: &str = "/v1/images/generations";
const SPEECH: &str = "/v1/audio/speech";

/// Prices of what is free by saying so, and of what is not.
const PRICES: &str = r#"
  omni-moderation-latest: { input: "0", free: true, max_input: 32768 }
  piece: { image: "0.04", input: "0", free: true }
  gpt-image: { input: "5", output: "40", reasoning: "10", max_input: 32768, max_output: 6240 }
  dall-e-x: { input: "5", output: "40", max_input: 32768, max_output: 6240 }
  endless: { input: "5", output: "40" }
  reader: { character: "15", input: "0", free: true }
  voice: { input: "0.60", output: "12", max_input: 2000, max_output: 16384 }
  judge: { input: "1", max_input: 100000 }
"#;

struct Stage {
    simulator: Simulator,
    gateway: Gateway,
    home: Home,
}

impl Stage {
    /// A gateway with one budget, a second provider that speaks another dialect, and these prices.
    fn set(limit: &str, settings: &str) -> Self {
        let simulator = Simulator::start(PRICES);
        let home = Home::new(&simulator, "").asked_for_messages();
        home.configure(&format!("{}{settings}", budget(limit)));
        let gateway = home.start();
        Self {
            simulator,
            gateway,
            home,
        }
    }

    fn post(&self, path: &str, body: &Value) -> Response {
        let answer = self.gateway.caller().post(path, body);
        self.gateway.at_rest();
        answer
    }

    fn spent(&self) -> Money {
        self.gateway.ledger("all").spent
    }

    /// Nothing is missing in the decision log.
    #[track_caller]
    fn log_is_whole(&self) {
        let (yes, report) = self.home.verify_decisions();
        assert!(yes, "{report}");
    }
}

#[track_caller]
fn refused(answer: &Response, status: u16, code: &str) {
    assert_eq!(
        (answer.status, &answer.json()["error"]["code"]),
        (status, &json!(code)),
        "{}",
        answer.text()
    );
}

#[test]
fn a_moderation_is_free_where_the_book_says_so_and_nowhere_else() {
    let stage = Stage::set("$0.000001", "limits: [{ name: few, match: {}, rpm: 3 }]\n");
    let texts = json!({ "input": ["hello", "violence"] });
    let answer = stage.post(MODERATIONS, &texts);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-tollgate-cost-usd"), Some("0.00"));
    assert_eq!(answer.json()["results"][1]["flagged"], true);
    assert_eq!(
        stage.simulator.last_body()["model"],
        "omni-moderation-latest"
    );
    let image = json!({ "input": [{ "type": "image_url", "image_url": { "url": "https://example.com/x.png" } }] });
    assert_eq!(stage.post(MODERATIONS, &image).status, 200);
    assert_eq!(stage.spent(), Money::default());

    let unknown = json!({ "model": "unheard-of", "input": "hello" });
    refused(&stage.post(MODERATIONS, &unknown), 403, "price_unknown");
    let elsewhere = json!({ "model": "claude-m", "input": "hello" });
    refused(
        &stage.post(MODERATIONS, &elsewhere),
        400,
        "dialect_not_served",
    );
    let dear = json!({ "model": "judge", "input": "hello" });
    refused(&stage.post(MODERATIONS, &dear), 429, "insufficient_quota");
    refused(&stage.post(MODERATIONS, &texts), 429, "rate_limit_exceeded");
    let of_them = [("gen_ai_operation_name", "moderation")];
    let answered = "gen_ai_client_operation_duration_seconds_count";
    assert_eq!(stage.gateway.count(answered, &of_them), 2);
    stage.log_is_whole();
}

#[test]
fn a_moderation_that_costs_is_booked_by_what_it_was_weighed_with() {
    let stage = Stage::set("$1.00", "");
    let body = json!({ "model": "judge", "input": "hello there" });
    let answer = stage.post(MODERATIONS, &body);
    assert_eq!(answer.status, 200);
    let (spent, charged) = (stage.spent(), stage.simulator.meter().cost);
    assert!(
        spent > charged && charged > Money::default(),
        "{spent:?} {charged:?}"
    );
    assert_eq!(
        stage.gateway.count("tollgate_usage_estimated_total", &[]),
        1
    );
}

fn image(model: &str, more: &Value) -> Value {
    let mut body = json!({ "model": model, "prompt": "a crab on the beach" });
    for (name, value) in more.as_object().expect("members") {
        body[name] = value.clone();
    }
    body
}

#[test]
fn images_are_booked_as_their_provider_charges_for_them() {
    let stage = Stage::set("$2.00", "");
    let mut told = Money::default();
    for body in [
        image("piece", &json!({ "n": 3 })),
        image("piece", &json!({ "response_format": "url" })),
        image(
            "gpt-image",
            &json!({ "n": 2, "size": "1536x1024", "quality": "low" }),
        ),
        image("gpt-image", &json!({ "quality": "high" })),
    ] {
        let answer = stage.post(IMAGES, &body);
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(stage.simulator.last_body(), body, "nothing is added to it");
        let charged = stage.simulator.meter().cost;
        assert!(charged > told);
        told = charged;
        assert_eq!(stage.spent(), charged, "{body}");
    }
    assert_eq!(
        stage.gateway.count("tollgate_usage_estimated_total", &[]),
        0
    );
    stage.log_is_whole();
}

#[test]
fn images_nobody_tells_the_usage_of_are_booked_as_the_dearest_there_are() {
    let stage = Stage::set("$9.00", "");
    let check = |body: &Value, images: i64, each: i64| {
        let before = stage.spent();
        assert_eq!(stage.post(IMAGES, body).status, 200, "{body}");
        let booked = (stage.spent() - before).0;
        let least = images * each;
        // The prompt is a matter of bytes: some hundred tokens at $5 per million.
        assert!(
            (least..least + 2_000_000).contains(&booked),
            "{body}: {booked}"
        );
    };
    let tokens = 6240 * 40_000;
    check(&image("dall-e-x", &json!({ "n": 2 })), 2, tokens);
    let silent = json!({ "prompt": "a crab @sim(usage=missing)", "n": 3, "quality": "low" });
    check(&image("gpt-image", &silent), 3, tokens);
    let torn = json!({ "prompt": "a crab @sim(bad_json=1)", "n": 2 });
    check(&image("gpt-image", &torn), 2, tokens);
    check(&image("piece", &torn), 2, 40_000_000);
    assert_eq!(
        stage.gateway.count("tollgate_usage_estimated_total", &[]),
        4
    );
}

#[test]
fn images_that_do_not_fit_or_have_no_price_are_refused() {
    let stage = Stage::set("$0.10", "");
    let refuses = |body: &Value, status: u16, code: &str| {
        refused(&stage.post(IMAGES, body), status, code);
        assert_eq!(stage.spent(), Money::default());
    };
    refuses(
        &image("piece", &json!({ "n": 3 })),
        429,
        "insufficient_quota",
    );
    refuses(
        &image("gpt-image", &json!({ "quality": "low" })),
        429,
        "insufficient_quota",
    );
    refuses(&image("unheard-of", &json!({})), 403, "price_unknown");
    refuses(&image("endless", &json!({})), 403, "price_unknown");
    refuses(&image("claude-m", &json!({})), 400, "dialect_not_served");
    refuses(
        &image("piece", &json!({ "stream": true })),
        400,
        "unsupported_parameter",
    );
    refuses(&image("piece", &json!({ "n": 0 })), 400, "invalid_value");
    refuses(
        &image("piece", &json!({ "prompt": ["a"] })),
        400,
        "invalid_value",
    );
    assert_eq!(stage.simulator.meter().calls, 0);
    let two = image("piece", &json!({ "n": 2, "stream": false }));
    assert_eq!(stage.post(IMAGES, &two).status, 200);
    assert_eq!(stage.spent(), Money::of("0.08"));
}

const TEXT: &str =
    "Die naïve Krabbe läuft seitwärts, und niemand weiß, warum. @sim(token_delay=1ms)";

fn speech(model: &str, more: &Value) -> Value {
    let mut body = json!({ "model": model, "input": TEXT, "voice": "coral" });
    for (name, value) in more.as_object().expect("members") {
        body[name] = value.clone();
    }
    body
}

/// What its characters cost, at $15 for a million.
fn of_characters() -> Money {
    Money(15_000 * i64::try_from(TEXT.chars().count()).expect("some"))
}

#[test]
fn speech_is_booked_by_its_characters_however_it_ends() {
    let stage = Stage::set("$1.00", "");
    let whole = stage.post(
        SPEECH,
        &speech("reader", &json!({ "response_format": "wav" })),
    );
    assert_eq!(whole.status, 200, "{}", whole.text());
    assert_eq!(whole.header("content-type"), Some("audio/wav"));
    assert!(whole.body.len() > 1000);
    assert_eq!(stage.spent(), of_characters());
    assert_eq!(stage.simulator.meter().cost, of_characters());

    let hanging = json!({ "input": format!("{TEXT} @sim(hang=stream)") });
    let mut caller = stage.gateway.caller();
    let mut stream = caller.stream(SPEECH, &speech("reader", &hanging));
    let first = stream.piece().expect("it comes").expect("some of it");
    assert!(!first.is_empty(), "what came is not held back");
    stream.hang_up();
    stage.gateway.at_rest();
    let longer = Money(15_000 * i64::try_from(" @sim(hang=stream)".len()).expect("some"));
    assert_eq!(stage.spent(), of_characters() * 2 + longer);
    assert_eq!(stage.spent(), stage.simulator.meter_at_rest().cost);
    stage.log_is_whole();
}

#[test]
fn speech_that_breaks_off_is_no_whole_answer_and_is_booked() {
    let stage = Stage::set("$1.00", "");
    let torn = json!({ "input": format!("{TEXT} @sim(cut=2)") });
    let mut caller = stage.gateway.caller();
    let mut stream = caller.stream(SPEECH, &speech("reader", &torn));
    assert_eq!(stream.status, 200);
    assert!(stream.rest().is_err(), "half of it looks like the whole");
    stage.gateway.at_rest();
    assert_eq!(stage.spent(), stage.simulator.meter_at_rest().cost);
}

#[test]
fn speech_in_events_is_booked_by_the_usage_they_tell() {
    let stage = Stage::set("$1.00", "");
    let body = speech("voice", &json!({ "stream_format": "sse" }));
    let answer = stage.post(SPEECH, &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let events = answer.events();
    assert!(events.len() > 3 && events.last().expect("an end").contains("speech.audio.done"));
    assert_eq!(stage.simulator.last_body(), body);
    assert_eq!(stage.spent(), stage.simulator.meter().cost);
    assert_eq!(
        stage.gateway.count("tollgate_usage_estimated_total", &[]),
        0
    );

    let silent = json!({ "stream_format": "sse", "input": format!("{TEXT} @sim(usage=missing)") });
    assert_eq!(stage.post(SPEECH, &speech("voice", &silent)).status, 200);
    assert_eq!(stage.post(SPEECH, &speech("voice", &json!({}))).status, 200);
    assert!(stage.spent() > stage.simulator.meter().cost);
    assert_eq!(
        stage.gateway.count("tollgate_usage_estimated_total", &[]),
        2
    );
}

#[test]
fn speech_that_does_not_fit_or_is_no_speech_is_refused() {
    let stage = Stage::set("$0.001", "");
    let refuses = |body: &Value, status: u16, code: &str| {
        refused(&stage.post(SPEECH, body), status, code);
        assert_eq!(stage.spent(), Money::default());
    };
    refuses(&speech("reader", &json!({})), 429, "insufficient_quota");
    refuses(&speech("voice", &json!({})), 429, "insufficient_quota");
    refuses(&speech("unheard-of", &json!({})), 403, "price_unknown");
    refuses(&speech("claude-m", &json!({})), 400, "dialect_not_served");
    refuses(
        &speech("reader", &json!({ "input": ["a"] })),
        400,
        "invalid_value",
    );
    refuses(
        &speech("reader", &json!({ "input": null })),
        400,
        "missing_required_parameter",
    );
    refuses(
        &speech("reader", &json!({ "stream_format": "mp4" })),
        400,
        "invalid_value",
    );
    assert_eq!(stage.simulator.meter().calls, 0);
    let short = speech("reader", &json!({ "input": "hi" }));
    assert_eq!(stage.post(SPEECH, &short).status, 200);
    assert_eq!(stage.spent(), Money(30_000));
}
