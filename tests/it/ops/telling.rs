//! What a gateway tells of its calls: every number of a scripted series, one line for each decision, and no secret.

use super::{PRICES, tollgate};
use crate::support::{Client, Gateway, Home, KEY, Money, Response, Simulator, chat, until};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

const OTHER_KEY: &str = "sk-tg-other-fedcba9876543210fedcba9876543210";
const PROMPT: &str = "canary-of-the-prompt";

fn settings() -> String {
    format!(
        "keys:
  - {{ name: dev, secret: {KEY}, labels: {{ project: atlas }} }}
  - {{ name: ci, secret: {OTHER_KEY}, models: [cent] }}
budgets:
  - {{ name: day, match: {{}}, limit: \"$1.00\", window: total }}
  - {{ name: broke, match: {{ run: broke }}, limit: \"$0.0001\", window: total, at_limit: deny }}
  - {{ name: tight, match: {{ run: \"tight*\" }}, per: run, limit: \"$0.0004\", window: total }}
limits:
  - {{ name: slow, match: {{ run: slow }}, rpm: 1 }}
retries: {{ attempts: 2, backoff: 10ms..20ms }}"
    )
}

fn words(knobs: &str, more: &[(&str, Value)]) -> Value {
    let mut all = vec![("max_tokens", json!(50))];
    all.extend_from_slice(more);
    chat("words", &format!("{PROMPT} @sim({knobs})"), &all)
}

/// Makes calls of every kind, and gives back the answers that were paid for.
fn series(gateway: &Gateway) -> Vec<Response> {
    let mut caller = gateway.caller();
    let stream = ("stream", json!(true));
    let usage = ("stream_options", json!({ "include_usage": true }));
    let mut paid = Vec::new();
    let check = |answer: Response, status: u16| {
        assert_eq!(answer.status, status, "{}", answer.text());
        answer
    };
    for _ in 0..2 {
        paid.push(check(caller.chat(&words("out=10", &[])), 200));
    }
    let streamed = words("out=10", &[stream.clone(), usage]);
    paid.push(check(caller.chat(&streamed), 200));
    let of_run = |run: &str| gateway.caller().with("x-tollgate-run", run);
    let clamped = check(
        of_run(&format!("tight{}", gateway.listen.port()))
            .chat(&words("out=100", &[("max_tokens", json!(100))])),
        200,
    );
    assert!(clamped.header("x-tollgate-clamped").is_some());
    paid.push(clamped);
    paid.push(check(of_run("slow").chat(&words("out=10", &[])), 200));

    check(of_run("slow").chat(&words("out=10", &[])), 429);
    check(of_run("broke").chat(&words("out=10", &[])), 429);
    let mut stranger = Client::to(gateway.listen).with("authorization", "Bearer sk-nobody");
    check(stranger.chat(&words("out=10", &[])), 401);
    let mut ci = Client::to(gateway.listen).with("x-api-key", OTHER_KEY);
    check(ci.chat(&words("out=10", &[])), 403);
    check(caller.chat(&chat("nameless", PROMPT, &[])), 403);
    check(caller.post("/v1/audio/transcriptions", &json!({})), 404);
    check(
        caller.chat(&json!({ "model": "words", "messages": 7 })),
        400,
    );
    check(caller.chat(&words("status=503", &[])), 502);
    check(caller.chat(&words("status=404", &[])), 404);
    check(caller.chat(&words("out=10,usage=missing", &[stream])), 200);
    paid
}

/// The decisions of `/metrics`, by verdict, reason and source.
fn decisions(metrics: &str) -> BTreeMap<String, u64> {
    let lines = metrics.lines().filter_map(|line| {
        let rest = line.strip_prefix("tollgate_decisions_total{")?;
        let (labels, count) = rest.rsplit_once("} ")?;
        let values: Vec<&str> = labels.split('"').skip(1).step_by(2).collect();
        let count: u64 = count.parse().ok()?;
        (count > 0).then(|| (values.join(" "), count))
    });
    lines.collect()
}

fn lines(home: &Home) -> Vec<Value> {
    let file = home.path().join("state/decisions/current.jsonl");
    let text = std::fs::read_to_string(file).expect("a decision log");
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect()
}

#[test]
fn every_call_is_counted_once_and_every_nano_dollar() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, &settings());
    let gateway = home.start();
    let paid = series(&gateway);
    gateway.at_rest();

    let metrics = gateway.admin("/metrics").text();
    let expected: BTreeMap<String, u64> = [
        ("allow ok gate", 5),
        ("clamp output_cap_lowered budget", 1),
        ("deny budget_exceeded budget", 1),
        ("deny invalid_api_key key", 1),
        ("deny invalid_value request", 1),
        ("deny model_not_allowed rights", 1),
        ("deny price_unknown price", 1),
        ("deny rate_limit_exceeded limit", 1),
        ("deny unknown_url request", 1),
        ("error upstream_error provider", 1),
        ("error upstream_refused provider", 1),
    ]
    .map(|(decision, count)| (decision.to_owned(), count))
    .into();
    assert_eq!(decisions(&metrics), expected);

    let count = |name: &str, labels: &[(&str, &str)]| gateway.metric(name, labels);
    let upstream = |outcome| count("tollgate_upstream_requests_total", &[("outcome", outcome)]);
    assert_eq!(
        ["ok", "refused", "server_error", "cut"].map(upstream),
        [6.0, 1.0, 2.0, 0.0]
    );
    for (name, expected) in [
        ("tollgate_retries_total", 1.0),
        ("tollgate_clamped_total", 1.0),
        ("tollgate_usage_estimated_total", 1.0),
        ("tollgate_overrun_total", 0.0),
        ("tollgate_price_unknown_total", 1.0),
        ("tollgate_auth_failures_total", 1.0),
        ("tollgate_requests_in_flight", 0.0),
        ("gen_ai_client_operation_duration_seconds_count", 8.0),
        ("gen_ai_server_time_to_first_token_seconds_count", 2.0),
    ] {
        assert_eq!(count(name, &[]), expected, "{name}");
    }

    // Money: metric, ledger, journal and decision log say the same.
    let spend = metrics
        .lines()
        .filter(|line| line.starts_with("tollgate_spend_usd_total{"));
    let spend: Vec<_> = spend.collect();
    assert_eq!(spend.len(), 1, "{spend:?}");
    assert!(spend[0].contains("project=\"atlas\"") && spend[0].contains("model=\"words\""));
    let booked = Money::of(spend[0].rsplit(' ').next().expect("an amount"));
    assert_eq!(gateway.ledger("day").spent, booked);
    let written = until("every decision is written", || {
        let written = lines(&home);
        (written.len() == 15).then_some(written)
    });
    let sum: Money = written
        .iter()
        .map(|line| Money::of(line["cost"].as_str().unwrap_or("0")))
        .sum();
    assert_eq!(sum, booked);

    // Tokens, as the answers said.
    let said = |field: &str| -> f64 {
        let of = |answer: &Response| {
            let streamed = answer.events();
            let usage = match streamed.iter().rev().find(|event| event.contains("usage")) {
                Some(event) => serde_json::from_str::<Value>(event).expect("JSON"),
                None => answer.json(),
            };
            usage["usage"][field].as_f64().expect("tokens")
        };
        paid.iter().map(of).sum()
    };
    let tokens = |kind| {
        count(
            "gen_ai_client_token_usage_sum",
            &[("gen_ai_token_type", kind)],
        )
    };
    let estimated = &written.last().expect("the last one")["usage"];
    let own = |name: &str| {
        let line = written.last().expect("the last one");
        line[name]
            .as_f64()
            .or_else(|| estimated[name].as_f64())
            .expect("our own count")
    };
    assert_eq!(tokens("input"), said("prompt_tokens") + own("input"));
    assert_eq!(tokens("output"), said("completion_tokens") + own("output"));
    gateway.stop();
}

#[test]
fn the_metrics_have_the_names_that_were_promised() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, &settings());
    let gateway = home.start();
    series(&gateway);
    let metrics = gateway.admin("/metrics").text();
    for name in [
        "tollgate_decisions_total{",
        "tollgate_decision_seconds_bucket{stage=\"decide\"",
        "tollgate_overhead_seconds_bucket{",
        "tollgate_requests_in_flight ",
        "tollgate_budget_limit_usd{budget=\"day\"} 1",
        "tollgate_budget_spent_usd{budget=\"day\"}",
        "tollgate_budget_reserved_usd{budget=\"day\"} 0",
        "tollgate_budget_remaining_usd{budget=\"day\"}",
        "tollgate_policy_info{revision=",
        "tollgate_config_reload_total{result=\"ok\"} 0",
        "tollgate_config_reload_total{result=\"error\"} 0",
        "tollgate_policy_reload_total{result=\"error\"} 0",
        "tollgate_price_unknown_total ",
        "tollgate_upstream_requests_total{provider=\"sim\",outcome=\"ok\"}",
        "tollgate_spend_usd_total{",
        "gen_ai_client_token_usage_bucket{",
        "gen_ai_client_operation_duration_seconds_bucket{",
        "gen_ai_server_time_to_first_token_seconds_bucket{",
        "process_resident_memory_bytes ",
    ] {
        assert!(
            metrics.lines().any(|line| line.starts_with(name)),
            "no `{name}` in\n{metrics}"
        );
    }
}

#[test]
fn an_answer_tells_the_time_it_lost_here() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, "");
    let gateway = home.start();
    let answer = gateway
        .caller()
        .chat(&chat("cent", "hello @sim(latency=300ms)", &[]));
    let timing = answer.header("server-timing").expect("the header");
    let length: f64 = timing
        .strip_prefix("tollgate;dur=")
        .and_then(|length| length.parse().ok())
        .unwrap_or_else(|| panic!("not a timing: {timing}"));
    assert!(
        (0.0..250.0).contains(&length),
        "the provider's time is not ours: {timing}"
    );
}

/// Every file under a directory.
fn files(dir: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(dir).expect("a directory");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[test]
fn nothing_that_is_kept_or_told_holds_a_secret_or_a_prompt() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, &settings());
    let gateway = home.start();
    series(&gateway);
    gateway.at_rest();
    let mut told = vec![
        ("/metrics".to_owned(), gateway.admin("/metrics").text()),
        ("/status".to_owned(), gateway.admin("/status").text()),
        ("log".to_owned(), gateway.log()),
    ];
    gateway.stop();
    for file in files(&home.path().join("state")) {
        let bytes = std::fs::read(&file).expect("a file");
        told.push((
            file.display().to_string(),
            String::from_utf8_lossy(&bytes).into_owned(),
        ));
    }
    assert!(told.len() >= 6, "{}", told.len());
    for (place, text) in told {
        for canary in [KEY, OTHER_KEY, "sk-nobody", PROMPT] {
            assert!(!text.contains(canary), "`{canary}` is in {place}");
        }
    }
    let log = std::fs::read_to_string(home.path().join("gateway.log")).expect("a log");
    for line in log.lines() {
        assert!(
            serde_json::from_str::<Value>(line).is_ok(),
            "no JSON: {line}"
        );
    }
}

#[test]
fn the_decision_log_is_a_chain_that_a_restart_continues() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, &settings());
    for run in 1..=2 {
        let gateway = home.start();
        series(&gateway);
        gateway.stop();
        assert_eq!(lines(&home).len(), 15 * run);
    }
    // Killed: at most the end is missing, and what is there holds together.
    let gateway = home.start();
    series(&gateway);
    gateway.kill();
    let gateway = home.start();
    gateway.stop();
    let verify = || {
        let output = tollgate(
            &home,
            &["audit", "verify", "--state-dir", "state", "--json"],
        );
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        (output.status.code(), report)
    };
    let (code, report) = verify();
    assert_eq!((code, &report["ok"]), (Some(0), &json!(true)), "{report}");
    let numbers: Vec<_> = lines(&home)
        .iter()
        .map(|line| line["seq"].as_u64().expect("a number"))
        .collect();
    assert!(
        numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]),
        "{numbers:?}"
    );
    assert!(numbers.len() >= 30, "{numbers:?}");

    let file = home.path().join("state/decisions/current.jsonl");
    let good = std::fs::read_to_string(&file).expect("the log");
    let all: Vec<&str> = good.lines().collect();
    let without = |gone: usize| {
        let mut kept = all.clone();
        kept.remove(gone);
        kept.join("\n") + "\n"
    };
    let changed = good.replacen("\"deny\"", "\"allow\"", 1);
    assert_ne!(changed, good);
    for (what, bad) in [
        ("changed", changed),
        ("one removed", without(7)),
        ("the last removed", without(all.len() - 1)),
    ] {
        std::fs::write(&file, bad).expect("tampered with");
        let (code, report) = verify();
        assert_eq!(
            (code, &report["ok"]),
            (Some(1), &json!(false)),
            "{what}: {report}"
        );
        assert!(report["first_fault"]["line"].is_u64(), "{what}: {report}");
    }
}
