use super::*;
use crate::chat::{Endpoint, Usage};
use crate::governance::audit::{Found, Revisions, Who};
use crate::governance::identity::{Digest, Key, Labels};
use crate::ids::PassageId;
use crate::telemetry::Telemetry;
use crate::telemetry::event::Passage;
use crate::telemetry::metrics::ModelNames;
use crate::units::Money;
use std::time::Duration;

/// Calls of one key, or of somebody without one.
struct Caller {
    who: Arc<Who>,
    revisions: Arc<Revisions>,
    ruled: Option<Arc<Ruled>>,
}

impl Caller {
    fn of(tallies: &Tallies, leaf: u64) -> Self {
        let key = Key {
            name: "scout".into(),
            digest: Digest::of(b"secret"),
            labels: Labels::default(),
            models: Vec::new(),
            expires: None,
            disabled: false,
            leaf: Some(leaf),
        };
        Self::by(Who::of(&key).counted(tallies.used(leaf)))
    }

    fn by(who: Who) -> Self {
        Self {
            who: Arc::new(who),
            revisions: Arc::default(),
            ruled: None,
        }
    }

    fn found(mut self, detector: &str, action: &str, count: u64) -> Self {
        self.ruled = Some(Arc::new(Ruled {
            findings: vec![Found {
                kind: "EMAIL".into(),
                detector: detector.into(),
                on: "request".into(),
                action: action.into(),
                count,
            }],
            ..Ruled::default()
        }));
        self
    }

    fn passage(&self, at: i64) -> Passage<'_> {
        Passage {
            id: PassageId::from_u128(1),
            at: Wall::from_secs(at),
            who: &self.who,
            run: None,
            session: None,
            endpoint: Some(Endpoint::Chat),
            model: "gpt-4o",
            streaming: false,
            revisions: &self.revisions,
            look: Duration::ZERO,
            decide: Duration::ZERO,
            total: Duration::ZERO,
            ruled: self.ruled.as_ref(),
        }
    }

    fn refused(&self, telemetry: &Telemetry, reason: &'static str, source: &'static str) {
        let scope = Arc::from("no-shell");
        telemetry.denied(&Denied {
            passage: self.passage(1),
            reason,
            source,
            scope: Some(&scope),
            status: 403,
        });
    }

    fn settled(&self, telemetry: &Telemetry, at: i64, withheld: Option<&'static str>) {
        let series = telemetry.series("openai", "gpt-4o", "chat", None);
        let event = Settled {
            passage: self.passage(at),
            withheld,
            clamped: false,
            status: 200,
            usage: Usage::default(),
            cost: Money::ZERO,
            reserved: Money::ZERO,
            estimated: false,
            overrun: false,
            first_byte: None,
            overhead: Duration::ZERO,
        };
        telemetry.settled(&series, &event);
    }

    fn failed(&self, telemetry: &Telemetry, at: i64) {
        let series = telemetry.series("openai", "gpt-4o", "chat", None);
        let event = Failed {
            passage: self.passage(at),
            reason: "upstream_error",
            status: 502,
            usage: Usage::default(),
            cost: Money::ZERO,
            reserved: Money::ZERO,
            estimated: false,
            overhead: Duration::ZERO,
        };
        telemetry.failed(&series, &event);
    }
}

fn telemetry() -> (Telemetry, Arc<Tallies>) {
    let tallies = Arc::<Tallies>::default();
    let telemetry = Telemetry::new(Wall::default(), ModelNames::default(), None).expect("metrics");
    (telemetry.with_tallies(Arc::clone(&tallies)), tallies)
}

/// All lines, sorted.
fn lines(tallies: &Tallies) -> Vec<String> {
    let mut lines = Vec::new();
    tallies.each(|line, count| {
        let of = |leaf: Option<u64>| leaf.map_or("-".to_owned(), |leaf| leaf.to_string());
        lines.push(match line {
            Counted::Refused { leaf, code, rule } => {
                format!("{} refused {code} by {rule:?}: {count}", of(leaf))
            }
            Counted::Found {
                leaf,
                detector,
                action,
            } => format!("{} found {detector} {action}: {count}", of(leaf)),
            Counted::Passed { leaf, last } => {
                format!("{leaf} passed, last at {}: {count}", last.secs())
            }
        });
    });
    lines.sort();
    lines
}

#[test]
fn refusals_findings_and_calls_are_counted_by_key_where_the_metrics_count_them() {
    let (telemetry, tallies) = telemetry();
    let scout = Caller::of(&tallies, 3).found("email", "replace", 2);
    let other = Caller::of(&tallies, 4);
    let stranger = Caller::by(Who::unknown());
    scout.settled(&telemetry, 50, None);
    scout.settled(&telemetry, 40, Some("content_filter"));
    scout.failed(&telemetry, 60);
    other.refused(&telemetry, "tool_not_allowed", "policy");
    other.refused(&telemetry, "tool_not_allowed", "policy");
    other.refused(&telemetry, "rate_limit_exceeded", "limit");
    stranger.refused(&telemetry, "invalid_api_key", "key");
    let expected = [
        "- refused invalid_api_key by None: 1",
        "3 found email replace: 6",
        "3 passed, last at 60: 3",
        "3 refused content_filter by None: 1",
        "4 refused rate_limit_exceeded by None: 1",
        "4 refused tool_not_allowed by Some(\"no-shell\"): 2",
    ];
    assert_eq!(lines(&tallies), expected);
}

#[test]
fn a_plan_made_anew_goes_on_counting_where_the_last_one_did() {
    let (telemetry, tallies) = telemetry();
    Caller::of(&tallies, 3).settled(&telemetry, 50, None);
    Caller::of(&tallies, 3).settled(&telemetry, 51, None);
    assert_eq!(lines(&tallies), ["3 passed, last at 51: 2"]);
}

#[test]
fn beyond_their_number_lines_are_counted_as_others_and_none_is_lost() {
    let (telemetry, tallies) = telemetry();
    let all = MOST as u64 + 7;
    for leaf in 1..=all {
        let caller = Caller::of(&tallies, leaf).found("email", "flag", 1);
        caller.refused(&telemetry, "killed", "panel");
        // Of one that is known it is the line that is known.
        Caller::of(&tallies, 1).refused(&telemetry, "killed", "panel");
    }
    let lines = lines(&tallies);
    assert_eq!(lines.len(), 2 * (MOST + 1));
    assert_eq!(lines[0], "- found other other: 7");
    assert_eq!(lines[1], "- refused other by None: 7");
    let first = format!("1 refused killed by None: {}", all + 1);
    assert!(lines.contains(&first), "{first}");
}

#[test]
fn a_long_rule_is_told_by_its_beginning() {
    let (_, tallies) = telemetry();
    let long: Arc<str> = "r".repeat(500).into();
    tallies.refused(Some(1), "policy_denied", Some(&long));
    let expected = format!(
        "1 refused policy_denied by Some(\"{}\"): 1",
        "r".repeat(128)
    );
    assert_eq!(lines(&tallies), [expected]);
}
