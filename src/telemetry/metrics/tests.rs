use super::*;
use crate::chat::{Endpoint, Usage};
use crate::governance::audit::{Found, Revisions, Ruled, Shadowed, Who};
use crate::governance::budget::{Period, Standing};
use crate::governance::identity::Label;
use crate::ids::PassageId;
use crate::provider::health::Circuit;
use crate::telemetry::Telemetry;
use crate::telemetry::event::{Attempt, Denied, Failed, Passage, Settled};
use crate::units::{Money, Tokens};

fn telemetry() -> Telemetry {
    let models = ModelNames::new(["gpt-4o", "gpt-*"]);
    Telemetry::new(Wall::from_secs(1_700_000_000), models, None).expect("consistent")
}

struct Fixture {
    who: Arc<Who>,
    revisions: Arc<Revisions>,
    ruled: Arc<Ruled>,
}

impl Fixture {
    fn new() -> Self {
        Self {
            who: Arc::new(Who::unknown()),
            revisions: Arc::default(),
            ruled: Arc::new(Ruled {
                scan: "partial".into(),
                findings: vec![Found {
                    kind: "EMAIL".into(),
                    detector: "email".into(),
                    on: "request".into(),
                    action: "replace".into(),
                    count: 2,
                }],
                shadow: vec![Shadowed {
                    rule: "no-shell".into(),
                    would: "deny".into(),
                }],
                ..Ruled::default()
            }),
        }
    }

    fn passage<'a>(&'a self, model: &'a str) -> Passage<'a> {
        Passage {
            id: PassageId::from_u128(1),
            at: Wall::from_secs(1_700_000_100),
            who: &self.who,
            run: Some("sk-canary-run"),
            session: None,
            endpoint: Some(Endpoint::Chat),
            model,
            streaming: false,
            revisions: &self.revisions,
            look: Duration::from_nanos(600),
            decide: Duration::from_micros(2),
            total: Duration::from_millis(30),
            ruled: Some(&self.ruled),
        }
    }

    fn settled<'a>(&'a self, model: &'a str) -> Settled<'a> {
        Settled {
            withheld: None,
            passage: self.passage(model),
            clamped: false,
            status: 200,
            usage: Usage {
                input: Tokens(100),
                output: Tokens(20),
                ..Usage::default()
            },
            cost: Money::from_nanos(1_500_000),
            reserved: Money::from_nanos(9_000_000),
            estimated: false,
            overrun: false,
            first_byte: None,
            overhead: Duration::from_micros(150),
        }
    }
}

fn text(telemetry: &Telemetry) -> String {
    String::from_utf8(telemetry.exposition().expect("consistent")).expect("UTF-8")
}

fn standing(budget: &str, value: Option<&str>, spent: i64, start: i64) -> Standing {
    Standing {
        per: None,
        window: crate::governance::budget::Window::Day,
        enforce: true,
        at_limit: crate::governance::budget::AtLimit::Clamp,
        soft: None,
        budget: budget.into(),
        value: value.map(Into::into),
        period: Period {
            start,
            end: start + 86_400,
        },
        limit: Money::from_nanos(10_000_000_000),
        spent: Money::from_nanos(spent),
        reserved: Money::from_nanos(1),
        uncertain: Money::ZERO,
    }
}

fn attach(telemetry: &Telemetry, budgets: Vec<BudgetReading>) {
    telemetry.metrics().attach(Sources {
        budgets: Box::new(move || budgets.clone()),
        journal: Box::new(|| JournalReading {
            failures: 1,
            synced_records: 42,
            suspended: true,
        }),
        log: Box::new(|| LogReading {
            records: 5,
            failures: 0,
            queued: 2,
            dropped: 1,
        }),
        circuits: Box::new(|| {
            vec![
                ("openai".into(), Circuit::Closed),
                ("vllm".into(), Circuit::Open),
            ]
        }),
        panel: Box::new(|| {
            let lease = |remaining, expires| LeaseReading {
                leaf: 4,
                remaining: Money::from_nanos(remaining),
                expires,
            };
            Some(PanelReading {
                leases: vec![lease(250_000_000, 1_000), lease(500_000_000, 900)],
                syncs: [9, 1, 2],
                unreachable: Duration::from_millis(1_500),
                bundle: 3,
                orders: [2, 0, 1],
            })
        }),
    });
}

#[test]
fn the_exposition_is_as_documented() {
    let telemetry = telemetry();
    let fixture = Fixture::new();
    let series = telemetry.series("openai", "gpt-4o", "chat", Some("atlas"));
    telemetry.settled(&series, &fixture.settled("gpt-4o"));
    telemetry.settled(
        &series,
        &Settled {
            passage: Passage {
                streaming: true,
                ..fixture.passage("gpt-4o")
            },
            clamped: true,
            estimated: true,
            overrun: true,
            first_byte: Some(Duration::from_millis(7)),
            ..fixture.settled("gpt-4o")
        },
    );
    telemetry.failed(
        &series,
        &Failed {
            passage: fixture.passage("gpt-4o"),
            reason: "upstream_error",
            status: 502,
            usage: Usage::default(),
            cost: Money::ZERO,
            reserved: Money::from_nanos(9_000_000),
            estimated: false,
            overhead: Duration::from_secs(1),
        },
    );
    for (reason, source) in [
        ("insufficient_quota", "budget"),
        ("price_unknown", "price"),
        ("invalid_api_key", "key"),
    ] {
        telemetry.denied(&Denied {
            passage: fixture.passage("gpt-4o"),
            reason,
            source,
            scope: None,
            status: 429,
        });
    }
    telemetry.attempted(&series, Attempt::Ok);
    telemetry.attempted(&series, Attempt::Timeout);
    let metrics = telemetry.metrics();
    metrics.retried(&series);
    metrics.entered();
    metrics.connected();
    metrics.config_reloaded(true);
    metrics.policies_reloaded(false);
    metrics.policies_are("p7");
    attach(
        &telemetry,
        vec![BudgetReading {
            standing: standing("atlas-day", None, 1_234_567_891, 1_700_006_400),
            per: None,
        }],
    );
    let text = text(&telemetry);
    let stable: Vec<_> = text
        .lines()
        .filter(|line| !line.contains("process_"))
        .collect();
    insta::assert_snapshot!(stable.join("\n"));
}

#[test]
fn every_metric_of_the_catalogue_is_exposed_and_no_other() {
    let telemetry = telemetry();
    let series = telemetry.series("openai", "gpt-4o", "chat", None);
    telemetry.settled(&series, &Fixture::new().settled("gpt-4o"));
    attach(
        &telemetry,
        vec![BudgetReading {
            standing: standing("b", None, 0, 0),
            per: None,
        }],
    );
    let text = text(&telemetry);
    let mut shown: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    let mut named: Vec<_> = ALL.iter().map(|family| family.name).collect();
    shown.sort_unstable();
    named.sort_unstable();
    assert_eq!(shown, named);
}

#[test]
fn money_is_exact_until_it_is_shown() {
    let telemetry = telemetry();
    let fixture = Fixture::new();
    let series = telemetry.series("openai", "gpt-4o", "chat", Some("atlas"));
    for _ in 0..1_000 {
        let cost = Money::from_nanos(1);
        telemetry.settled(
            &series,
            &Settled {
                cost,
                ..fixture.settled("gpt-4o")
            },
        );
    }
    let line = r#"tollgate_spend_usd_total{project="atlas",model="gpt-4o"} 0.000001"#;
    assert!(text(&telemetry).lines().any(|l| l == line));
}

#[test]
fn callers_cannot_make_series_or_labels() {
    let telemetry = telemetry();
    let fixture = Fixture::new();
    for n in 0..2_000 {
        let model = format!("gpt-{n}\n\u{1b}[31m");
        let project = format!("p{n}");
        let series = telemetry.series("openai", &model, "chat", Some(&project));
        telemetry.settled(&series, &fixture.settled(&model));
        let reason: &'static str = "model_not_found";
        telemetry.denied(&Denied {
            passage: fixture.passage(&model),
            reason,
            source: "rights",
            scope: None,
            status: 404,
        });
    }
    let text = text(&telemetry);
    let count = |start: &str| text.lines().filter(|l| l.starts_with(start)).count();
    assert_eq!(count("tollgate_spend_usd_total{"), 201); // 200 projects and `other`
    assert_eq!(count("gen_ai_client_operation_duration_seconds_count{"), 1);
    assert_eq!(count("tollgate_decisions_total{"), 3);
    assert!(
        text.contains(r#"project="other",model="gpt-*"} 2.7"#),
        "{text}"
    );
    assert!(!text.contains("canary") && !text.contains('\u{1b}'));
}

#[test]
fn the_same_names_find_the_same_series() {
    let telemetry = telemetry();
    let first = telemetry.series("openai", "gpt-4o", "chat", Some("atlas"));
    assert!(Arc::ptr_eq(
        &first,
        &telemetry.series("openai", "gpt-4o", "chat", Some("atlas"))
    ));
    for (provider, model, operation, project) in [
        ("azure", "gpt-4o", "chat", Some("atlas")),
        ("openai", "gpt-5", "chat", Some("atlas")),
        ("openai", "gpt-4o", "embeddings", Some("atlas")),
        ("openai", "gpt-4o", "chat", None),
    ] {
        let other = telemetry.series(provider, model, operation, project);
        assert!(
            !Arc::ptr_eq(&first, &other),
            "{provider} {model} {operation} {project:?}"
        );
    }
}

#[test]
fn beyond_the_cap_models_share_cells_and_are_still_found() {
    let models: Vec<String> = (0..400).map(|n| format!("m{n}")).collect();
    let names = ModelNames::new(models.iter().map(String::as_str));
    let telemetry = Telemetry::new(Wall::default(), names, None).unwrap();
    for provider in ["a", "b", "c", "d"] {
        for model in &models {
            let one = telemetry.series(provider, model, "chat", None);
            let two = telemetry.series(provider, model, "chat", None);
            assert!(Arc::ptr_eq(&one, &two));
        }
    }
    let text = text(&telemetry);
    let start = "gen_ai_client_operation_duration_seconds_count{";
    let shown = text.lines().filter(|l| l.starts_with(start)).count();
    assert!((1_000..=1_004).contains(&shown), "{shown}");
}

#[test]
fn the_biggest_spenders_keep_their_names_and_the_rest_is_one() {
    let telemetry = telemetry();
    let budgets = (0..1_500)
        .map(|n: i64| BudgetReading {
            standing: standing("per-agent", Some(&format!("a{n}")), n, 0),
            per: Some(Label::Agent),
        })
        .collect();
    attach(&telemetry, budgets);
    let text = text(&telemetry);
    let count = text
        .lines()
        .filter(|l| l.starts_with("tollgate_budget_spent_usd{"))
        .count();
    assert_eq!(count, 1_001);
    assert!(text.contains(r#"tollgate_budget_spent_usd{budget="per-agent/a1499"}"#));
    assert!(!text.contains(r#"budget="per-agent/a499""#));
    // 0 + 1 + … + 499 nano-dollars
    assert!(text.contains(r#"tollgate_budget_spent_usd{budget="_other"} 0.00012475"#));
}

#[test]
fn values_that_callers_choose_are_shown_by_digest() {
    let telemetry = telemetry();
    let reading = |budget: &str, value: &str, per| BudgetReading {
        standing: standing(budget, Some(value), 1, 0),
        per: Some(per),
    };
    attach(
        &telemetry,
        vec![
            reading("per-team", "red", Label::Team),
            reading("per-run", "alice@example.com", Label::Run),
            reading("per-user", "alice@example.com", Label::User),
        ],
    );
    let text = text(&telemetry);
    assert!(text.contains(r#"budget="per-team/red""#));
    assert!(text.contains(r#"budget="per-run/#ff8d9819fc0e""#), "{text}");
    assert!(!text.contains("alice"));
}

#[test]
fn of_two_periods_of_one_ledger_the_newer_is_shown() {
    let telemetry = telemetry();
    let reading = |spent, start| BudgetReading {
        standing: standing("day", None, spent, start),
        per: None,
    };
    attach(
        &telemetry,
        vec![reading(2_000_000_000, 0), reading(1_000_000_000, 86_400)],
    );
    let text = text(&telemetry);
    let lines: Vec<_> = text
        .lines()
        .filter(|l| l.starts_with("tollgate_budget_spent_usd{"))
        .collect();
    assert_eq!(lines, [r#"tollgate_budget_spent_usd{budget="day"} 1"#]);
}

/// Names of our metrics in a text that refers to them, without what the exposition appends.
fn referred(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| {
            ["tollgate_", "gen_ai_", "process_"]
                .iter()
                .any(|p| word.starts_with(p))
        })
}

#[test]
fn dashboard_and_alerts_name_only_metrics_and_labels_that_exist() {
    let labels: Vec<&str> = ALL
        .iter()
        .flat_map(|family| family.labels)
        .copied()
        .collect();
    let known = |word: &str| {
        labels.contains(&word)
            || ALL.iter().any(|family| {
                let histogram = family.kind == Kind::Histogram;
                let tails: &[&str] = if histogram {
                    &["_bucket", "_sum", "_count"]
                } else {
                    &[""]
                };
                tails
                    .iter()
                    .any(|tail| word.strip_suffix(tail) == Some(family.name))
            })
    };
    let dashboard = include_str!("../../../config/observability/grafana-dashboard.json");
    let dashboard: serde_json::Value = serde_json::from_str(dashboard).expect("JSON");
    let mut expressions = vec![include_str!("../../../config/observability/alerts.yml").to_owned()];
    for panel in dashboard["panels"].as_array().expect("panels") {
        for target in panel["targets"].as_array().into_iter().flatten() {
            expressions.push(target["expr"].as_str().expect("an expression").to_owned());
        }
    }
    for variable in dashboard["templating"]["list"]
        .as_array()
        .expect("variables")
    {
        expressions.push(variable["query"].to_string());
    }
    assert!(expressions.len() > 12);
    for expression in &expressions {
        for word in referred(expression) {
            assert!(known(word), "no metric or label `{word}` (in {expression})");
        }
    }
}
