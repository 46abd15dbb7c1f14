//! Why, in sentences: what, whose, how much, and what to do.

use super::cycle::Cycle;
use super::rule::{Action, BurnRule, RepeatRule, Rule, Subject};
use crate::units::Money;
use std::time::Duration;

/// What tripped a breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// So many of the same request.
    Repeat { times: u32, rule: RepeatRule },
    /// So many turns of a circle.
    Loop(Cycle),
    /// So many nano-dollars within the window.
    Burn { spent: u64, rule: BurnRule },
}

pub(super) fn warning(rule: &Rule, subject: Subject<'_>, cause: Cause) -> String {
    let what = what(subject, cause);
    let id = &rule.id;
    match (rule.action, stops_at(rule, cause)) {
        (Action::WarnThenStop, Some(limit)) => {
            format!(
                "{what}; breaker `{id}` stops it at {limit}: {}",
                remedy(cause)
            )
        }
        _ => format!("{what}; breaker `{id}` warns of that: {}", remedy(cause)),
    }
}

pub(super) fn stop(rule: &Rule, subject: Subject<'_>, cause: Cause, left: Duration) -> String {
    let what = what(subject, cause);
    let id = &rule.id;
    let left = length(left);
    format!(
        "{what}; breaker `{id}` stopped it for another {left}: {}",
        remedy(cause)
    )
}

fn what(subject: Subject<'_>, cause: Cause) -> String {
    match cause {
        Cause::Repeat { times, rule } => {
            let same = if rule.similar {
                "nearly the same"
            } else {
                "the same"
            };
            let window = length(rule.window);
            format!("{subject} sent {same} request {times} times within {window}")
        }
        Cause::Loop(Cycle { length: 1, times }) => {
            format!("{subject} made the same tool call {times} times in a row")
        }
        Cause::Loop(Cycle { length, times }) => {
            format!("{subject} made the same {length} tool calls {times} times in a row")
        }
        Cause::Burn { spent, rule } => {
            let (spent, over) = (money(spent), length(rule.over));
            let most = rule.per_minute;
            format!(
                "{subject} spent ${spent} within {over}, and ${most} a minute is meant to be the most"
            )
        }
    }
}

/// Where a breaker that has warned will stop.
fn stops_at(rule: &Rule, cause: Cause) -> Option<String> {
    Some(match cause {
        Cause::Repeat { rule, .. } => twice(rule.most.get().into()).to_string(),
        Cause::Loop(_) => twice(rule.tool_cycle?.get().into()).to_string(),
        Cause::Burn { rule, .. } => format!("${}", money(twice(rule.most()))),
    })
}

const fn twice(threshold: u64) -> u64 {
    threshold.saturating_mul(2)
}

fn money(nanos: u64) -> Money {
    Money::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
}

const fn remedy(cause: Cause) -> &'static str {
    match cause {
        Cause::Repeat { .. } => "change the request before it is sent again, or end the run",
        Cause::Loop(_) => "give the model another way, or end the run",
        Cause::Burn { .. } => "slow down, use a cheaper model, or ask for a higher limit",
    }
}

/// `10 m`, `9 m 30 s`, `1 h`; what is less than a second counts as one.
fn length(time: Duration) -> String {
    let secs = u64::try_from(time.as_nanos().div_ceil(1_000_000_000)).unwrap_or(u64::MAX);
    let parts = [
        (secs.div_euclid(3_600), "h"),
        (secs.div_euclid(60).rem_euclid(60), "m"),
        (secs.rem_euclid(60), "s"),
    ];
    let written: Vec<String> = parts
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, unit)| format!("{number} {unit}"))
        .collect();
    if written.is_empty() {
        "0 s".to_owned()
    } else {
        written.join(" ")
    }
}
