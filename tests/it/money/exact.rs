//! A budget is spent to its last call and not one further, whoever calls at once.

use super::{CHAT, PRICES};
use crate::support::{Home, Money, Simulator, chat, crowd};
use serde_json::{Value, json};

#[test]
fn a_dollar_buys_exactly_a_hundred_calls_at_a_cent() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(
        &simulator,
        "budgets: [{ name: day, match: {}, limit: \"$1.00\", window: total }]",
    );
    let gateway = home.start();
    let body = chat("cent", "hello @sim(latency=20ms)", &[]);
    let answers = crowd(200, |_| {
        let mut caller = gateway.caller();
        (0..50).map(|_| caller.chat(&body)).collect::<Vec<_>>()
    });
    let answers: Vec<_> = answers.into_iter().flatten().collect();
    let good = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!((answers.len(), good), (10_000, 100));
    let meter = simulator.meter_at_rest();
    assert_eq!((meter.calls, meter.cost), (100, Money::of("1")));
    gateway.at_rest();
    let ledger = gateway.ledger("day");
    assert_eq!(ledger.spent, meter.cost);
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(refused.status, 429, "{}", refused.text());
        assert_eq!(refused.header("x-should-retry"), Some("false"));
        let error = refused.json()["error"].take();
        assert_eq!(error["type"], "budget_exceeded");
        assert_eq!(error["code"], "insufficient_quota");
        let (spent, reserved, left) = ["spent", "reserved", "remaining"]
            .map(|name| Money::of(error["tollgate"][name].as_str().expect(name)))
            .into();
        assert_eq!(spent + reserved + left, ledger.limit, "{error}");
        assert_eq!(error["tollgate"]["limit"], "1.00");
        assert_eq!(error["tollgate"]["budget"], "day");
        assert_eq!(error["tollgate"]["window"], "total");
    }
}

/// The kinds of call there are, by number, each with its own price, size and form. Caps are stated, so most fit as asked.
fn mixed(number: usize) -> (&'static str, Value) {
    let text = format!(
        "{} @sim(out={})",
        "word ".repeat(number % 7),
        5 + number % 40
    );
    match number % 8 {
        0 => (CHAT, chat("odd", &text, &[("max_tokens", json!(48))])),
        1 => (
            CHAT,
            chat(
                "dear",
                &text,
                &[("max_tokens", json!(48)), ("stream", json!(true))],
            ),
        ),
        2 => (
            CHAT,
            chat(
                "odd",
                &text,
                &[("max_completion_tokens", json!(32)), ("n", json!(3))],
            ),
        ),
        3 => (
            "/v1/embeddings",
            json!({ "model": "embed", "input": [text, "and another"] }),
        ),
        4 => (
            "/v1/completions",
            json!({ "model": "odd", "prompt": text, "max_tokens": 40, "stream": number % 16 == 4 }),
        ),
        5 => (
            "/v1/responses",
            json!({ "model": "dear", "input": text, "max_output_tokens": 40, "stream": number % 16 == 5 }),
        ),
        6 => (
            CHAT,
            chat(
                "dear",
                &format!("{text} @sim(cached=3,reasoning=4)"),
                &[
                    ("max_tokens", json!(64)),
                    ("stream", json!(true)),
                    ("n", json!(2)),
                ],
            ),
        ),
        _ => (CHAT, chat("cent", &text, &[])),
    }
}

#[test]
fn calls_of_every_kind_and_price_are_booked_to_the_nano_dollar() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(
        &simulator,
        r#"
budgets:
  - { name: acme, match: { org: acme }, limit: "$0.60", window: 1mo }
  - { name: atlas, match: { project: atlas }, limit: "$0.40", window: total }
  - { name: dear, match: { model: dear }, limit: "$0.02", window: total }
  - { name: watched, match: {}, limit: "$0.001", window: 1d, mode: shadow }
"#,
    );
    let gateway = home.start();
    let answers = crowd(16, |caller| {
        let mut client = gateway.caller();
        let calls = (0..24).map(|call| {
            let (path, body) = mixed(caller * 24 + call);
            (body["model"] == "dear", client.post(path, &body))
        });
        calls.collect::<Vec<_>>()
    });
    let answers: Vec<_> = answers.into_iter().flatten().collect();
    let count = |status| {
        answers
            .iter()
            .filter(move |(_, answer)| answer.status == status)
    };
    let (good, refused) = (count(200).count(), count(429).count());
    assert_eq!(good + refused, answers.len());
    assert!(
        good > 50 && refused > 50,
        "{good} went, {refused} were refused"
    );
    for (dear, answer) in &answers {
        if answer.status == 429 {
            let scope = answer.json()["error"]["tollgate"]["budget"].take();
            assert!(
                scope == "atlas" || (*dear && scope == "dear"),
                "{}",
                answer.text()
            );
        }
    }
    gateway.at_rest();
    let meter = simulator.meter_at_rest();
    assert_eq!(meter.calls, u64::try_from(good).expect("a number"));
    for name in ["acme", "atlas", "watched"] {
        assert_eq!(gateway.ledger(name).spent, meter.cost, "{name}");
    }
    let dear = gateway.ledger("dear");
    assert_eq!(dear.spent, simulator.cost_of("dear"));
    assert!(dear.spent <= dear.limit);
    assert!(gateway.ledger("atlas").spent <= Money::of("0.40"));
    assert_eq!(gateway.metric("tollgate_overrun_total", &[]), 0);
    gateway.stop();
    let (ok, report) = home.verify();
    assert!(ok, "{report}");
}

#[test]
fn every_run_has_a_ledger_of_its_own() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(
        &simulator,
        r#"
budgets:
  - { name: run, match: {}, per: run, absent: deny, limit: "$0.05", window: total }
  - { name: all, match: {}, limit: "$0.12", window: total }
"#,
    );
    let gateway = home.start();
    let body = chat("cent", "hello @sim(latency=5ms)", &[]);
    let stranger = gateway.caller().chat(&body);
    assert_eq!(stranger.status, 403, "{}", stranger.text());
    assert_eq!(stranger.json()["error"]["code"], "label_required");
    let good = |run: &str| {
        let answers = crowd(4, |_| {
            let mut caller = gateway.caller().with("x-tollgate-run", run);
            (0..4).filter(|_| caller.chat(&body).status == 200).count()
        });
        answers.into_iter().sum::<usize>()
    };
    assert_eq!([good("one"), good("two"), good("three")], [5, 5, 2]);
    gateway.at_rest();
    let spent = |name: &str| gateway.ledger(name).spent;
    assert_eq!(spent("run[one]"), Money::of("0.05"));
    assert_eq!(spent("run[two]"), Money::of("0.05"));
    assert_eq!(spent("run[three]"), Money::of("0.02"));
    assert_eq!(spent("all"), Money::of("0.12"));
    assert_eq!(simulator.meter_at_rest().cost, Money::of("0.12"));
}

#[test]
fn a_call_that_does_not_fit_is_sent_with_the_largest_cap_that_does() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(
        &simulator,
        "budgets: [{ name: small, match: {}, limit: \"$0.001\", window: total }]",
    );
    let gateway = home.start();
    let mut caller = gateway.caller();
    // 15 dollars a million: at most 66 tokens of output fit, less what the input takes.
    let body = chat(
        "dear",
        "hi @sim(out=500)",
        &[("max_tokens", json!(1000)), ("stream", json!(false))],
    );
    let answer = caller.chat(&body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let cap = answer.header("x-tollgate-clamped").expect("it was clamped");
    let cap: u64 = cap.parse().expect("a number");
    assert!((16..66).contains(&cap), "{cap}");
    assert_eq!(simulator.last_body()["max_tokens"], cap);
    let answer = answer.json();
    assert_eq!(answer["usage"]["completion_tokens"], cap);
    assert_eq!(answer["choices"][0]["finish_reason"], "length");
    let ledger = gateway.ledger("small");
    assert_eq!(ledger.spent, simulator.meter_at_rest().cost);
    assert!(ledger.spent <= ledger.limit, "{ledger:?}");
    // What is left is less than 16 tokens of output: no smaller call is worth sending.
    let refused = caller.chat(&body);
    assert_eq!(refused.status, 429, "{}", refused.text());
}

#[test]
fn a_cap_is_written_in_the_field_the_caller_used_and_otherwise_added() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(
        &simulator,
        "budgets: [{ name: small, match: {}, limit: \"$1.00\", window: total }]",
    );
    let gateway = home.start();
    let mut caller = gateway.caller();
    let call = |caller: &mut crate::support::Client, path: &str, body: Value| {
        let answer = caller.post(path, &body);
        assert_eq!(answer.status, 200, "{}", answer.text());
        (
            answer.header("x-tollgate-clamped").map(str::to_owned),
            simulator.last_body(),
        )
    };
    // The model's own limit is worth 6 cents: nothing is clamped, but the promise is kept by writing the cap down.
    let (clamped, sent) = call(&mut caller, CHAT, chat("dear", "hi", &[]));
    assert_eq!((clamped, &sent["max_tokens"]), (None, &json!(4096)));
    let (_, sent) = call(
        &mut caller,
        "/v1/responses",
        json!({ "model": "dear", "input": "hi" }),
    );
    assert_eq!(sent["max_output_tokens"], 4096);
    // The caller's own cap is left where it is.
    let (clamped, sent) = call(
        &mut caller,
        CHAT,
        chat("dear", "hi", &[("max_completion_tokens", json!(9))]),
    );
    assert_eq!(
        (
            clamped,
            sent.get("max_tokens"),
            &sent["max_completion_tokens"]
        ),
        (None, None, &json!(9))
    );
    // More is asked for than the model gives, which is all that is promised: so no more may be asked for.
    let (clamped, sent) = call(
        &mut caller,
        CHAT,
        chat(
            "dear",
            "hi",
            &[("max_completion_tokens", json!(100_000)), ("n", json!(2))],
        ),
    );
    assert_eq!(
        (clamped.as_deref(), &sent["max_completion_tokens"]),
        (Some("4096"), &json!(4096))
    );
}

#[test]
fn a_budget_that_denies_at_its_limit_clamps_nothing() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(
        &simulator,
        "budgets: [{ name: strict, match: {}, limit: \"$0.001\", window: 1h, at_limit: deny, soft: [\"50%\"] }]",
    );
    let gateway = home.start();
    let mut caller = gateway.caller();
    let ask = |caller: &mut crate::support::Client, cap: u64| {
        caller.chat(&chat(
            "dear",
            "hi @sim(out=40)",
            &[("max_tokens", json!(cap))],
        ))
    };
    let refused = ask(&mut caller, 1000);
    assert_eq!(refused.status, 429);
    let error = refused.json()["error"].take();
    let message = error["message"].as_str().expect("a message");
    for part in ["strict", "0.001", "dev"] {
        assert!(message.contains(part), "no `{part}` in: {message}");
    }
    assert!(error["tollgate"]["resets_in_s"].as_u64().expect("a time") <= 3600);
    assert_eq!(simulator.meter().calls, 0);
    let good = ask(&mut caller, 40);
    assert_eq!(good.status, 200, "{}", good.text());
    assert_eq!(good.header("x-tollgate-clamped"), None);
    assert_eq!(good.header("x-tollgate-budget"), Some("soft"));
    assert_eq!(good.header("x-tollgate-budget-name"), Some("strict"));
    let left = Money::of(
        good.header("x-tollgate-budget-remaining")
            .expect("what is left"),
    );
    let cost = Money::of(good.header("x-tollgate-cost-usd").expect("what it cost"));
    assert_eq!(
        (cost, left),
        (simulator.meter().cost, gateway.ledger("strict").remaining)
    );
}

#[test]
fn a_shadow_budget_counts_and_never_refuses() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(
        &simulator,
        "budgets: [{ name: watched, match: {}, limit: \"$0.02\", window: total, mode: shadow }]",
    );
    let gateway = home.start();
    let mut caller = gateway.caller();
    for _ in 0..5 {
        let answer = caller.chat(&chat("cent", "hello", &[]));
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let ledger = gateway.ledger("watched");
    assert_eq!(
        (ledger.spent, ledger.remaining),
        (Money::of("0.05"), Money::of("0"))
    );
}

#[test]
fn a_model_without_a_price_is_refused_or_charged_the_ceiling() {
    let simulator = Simulator::start(PRICES);
    let budget = "budgets: [{ name: all, match: {}, limit: \"$1.00\", window: total }]\n";
    let home = Home::new(&simulator, budget);
    let gateway = home.start();
    let body = chat("mystery", "hello", &[]);
    let refused = gateway.caller().chat(&body);
    assert_eq!(refused.status, 403, "{}", refused.text());
    assert_eq!(refused.json()["error"]["code"], "price_unknown");
    assert_eq!(simulator.meter().calls, 0);
    assert_eq!(gateway.metric("tollgate_price_unknown_total", &[]), 1);
    gateway.stop();
    home.configure(&format!("{budget}unknown_price: {{ ceiling: \"$0.30\" }}"));
    let gateway = home.start();
    let mut caller = gateway.caller();
    let statuses: Vec<u16> = (0..4).map(|_| caller.chat(&body).status).collect();
    assert_eq!(statuses, [200, 200, 200, 429]);
    assert_eq!(gateway.ledger("all").spent, Money::of("0.90"));
}

#[test]
fn what_a_call_costs_is_its_tokens_at_their_prices_rounded_up_once() {
    let simulator = Simulator::start(
        r#"
  fine: { input: "0.1234567", cached_input: "0.0234567", output: "0.7654321", reasoning: "0.9876543", request: "0.000000001", max_input: 100000, max_output: 4096 }
  steps: { input: "1", output: "10", max_input: 100000, max_output: 4096, tiers: [{ above_input: 100, input: "2", output: "30" }] }
"#,
    );
    let home = Home::new(&simulator, &super::budget("$1.00"));
    let gateway = home.start();
    let mut caller = gateway.caller();
    let mut ask = |model: &str, text: &str| {
        let answer = caller.chat(&chat(model, text, &[("max_tokens", json!(90))]));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let cost = Money::of(answer.header("x-tollgate-cost-usd").expect("a cost"));
        (answer.json()["usage"].take(), cost)
    };
    let count = |usage: &Value, pointer: &str| {
        usage
            .pointer(pointer)
            .and_then(Value::as_i64)
            .expect("a count")
    };
    let mut sum = Money(0);
    for cached in [0, 3] {
        let (usage, cost) = ask(
            "fine",
            &format!("hi there @sim(out=31,reasoning=7,cached={cached})"),
        );
        let input = count(&usage, "/prompt_tokens");
        let output = count(&usage, "/completion_tokens");
        let thought = count(&usage, "/completion_tokens_details/reasoning_tokens");
        assert_eq!(
            count(&usage, "/prompt_tokens_details/cached_tokens"),
            cached
        );
        assert_eq!(thought, 7);
        // In billionths of a nano-dollar, all exact; a call adds a nano-dollar of its own.
        let exact = (input - cached) * 123_456_700
            + cached * 23_456_700
            + (output - thought) * 765_432_100
            + thought * 987_654_300;
        assert_eq!(cost, Money((exact + 999_999) / 1_000_000 + 1));
        sum = sum + cost;
    }
    for (words, input_price, output_price) in [(1, 1_000, 10_000), (200, 2_000, 30_000)] {
        let (usage, cost) = ask("steps", &format!("{} @sim(out=11)", "word ".repeat(words)));
        let (input, output) = (
            count(&usage, "/prompt_tokens"),
            count(&usage, "/completion_tokens"),
        );
        assert_eq!(input > 100, words > 1, "{usage}");
        assert_eq!(cost, Money(input * input_price + output * output_price));
        sum = sum + cost;
    }
    gateway.at_rest();
    assert_eq!(
        (gateway.ledger("all").spent, simulator.meter_at_rest().cost),
        (sum, sum)
    );
}

#[test]
fn a_stream_tells_its_cost_in_a_comment_when_asked() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, &super::budget("$1.00"));
    let gateway = home.start();
    let body = chat(
        "dear",
        "hi @sim(out=20)",
        &[("max_tokens", json!(40)), ("stream", json!(true))],
    );
    let silent = gateway.caller().chat(&body);
    assert!(!silent.text().contains("cost"), "{}", silent.text());
    gateway.at_rest();
    let before = gateway.ledger("all").spent;
    let told = gateway
        .caller()
        .with("x-tollgate-cost", "stream")
        .chat(&body)
        .text();
    gateway.at_rest();
    let cost = told
        .lines()
        .find_map(|line| line.strip_prefix(": x-tollgate-cost-usd "));
    let cost = Money::of(cost.expect("a comment"));
    assert_eq!(cost, gateway.ledger("all").spent - before);
    assert!(told.ends_with("\n\ndata: [DONE]\n\n"), "{told}");
}

#[test]
fn a_background_answer_is_refused_because_nobody_would_see_its_bill() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, &super::budget("$1.00"));
    let gateway = home.start();
    let mut caller = gateway.caller();
    let mut ask = |background: Value| {
        caller.post(
            "/v1/responses",
            &json!({ "model": "dear", "input": "hi", "background": background }),
        )
    };
    let refused = ask(json!(true));
    assert_eq!(refused.status, 400, "{}", refused.text());
    assert_eq!(refused.json()["error"]["param"], "background");
    assert_eq!(simulator.meter().calls, 0);
    assert_eq!(ask(json!(false)).status, 200);
    assert_eq!(ask(Value::Null).status, 200);
}

#[test]
fn a_dry_run_says_what_would_happen_and_spends_nothing() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, &super::budget("$0.001"));
    let gateway = home.start();
    let mut dry = gateway.caller().with("x-tollgate-dry-run", "1");
    for (cap, verdict) in [(20, "allow"), (1000, "clamp")] {
        let quote = dry.chat(&chat("dear", "hi", &[("max_tokens", json!(cap))]));
        assert_eq!(
            (quote.status, &quote.json()["verdict"]),
            (200, &json!(verdict)),
            "{}",
            quote.text()
        );
    }
    let quote = dry.chat(&chat("cent", "hi", &[])).json();
    assert_eq!(
        (&quote["verdict"], &quote["error"]["code"]),
        (&json!("deny"), &json!("insufficient_quota"))
    );
    assert_eq!(simulator.requests().len(), 0);
    gateway.at_rest();
    assert_eq!(gateway.ledger("all").spent, Money(0));
}
