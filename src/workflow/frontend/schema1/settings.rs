//! What holds for the whole: the model, times, gates, budget.

use super::map::Reading;
use super::{place_of, python};
use crate::workflow::frontend::tree::{Kind, Node};
use crate::workflow::normal::{Gate, Llm, Settings};

pub(super) const CONFIG: &[&str] = &[
    "llm",
    "execution",
    "gates",
    "observability",
    "budget",
    "compat",
    "storage",
    "memory",
    "mlflow",
    "optimization",
    "ab_test",
    "sandbox",
];
pub(super) const LLM: &[&str] = &["provider", "model", "temperature", "max_tokens", "api_base"];
const EXECUTION: &[&str] = &[
    "timeout",
    "timeout_seconds",
    "max_retries",
    "on_condition_error",
];
const GATES: &[&str] = &["gates", "on_fail"];
const GATE: &[&str] = &["metric", "max", "min"];
const OBSERVABILITY: &[&str] = &["mlflow", "logging"];
const LOGGING: &[&str] = &["level"];
const LEVELS: &[&str] = &["CRITICAL", "DEBUG", "ERROR", "INFO", "WARNING"];
/// What a run can be measured by.
pub(super) const METRICS: &[&str] = &[
    "cost_usd",
    "duration_ms",
    "input_tokens",
    "output_tokens",
    "total_tokens",
];

pub(super) fn read(r: &mut Reading, node: &Node, settings: &mut Settings) {
    let Some(map) = r.map(node, "config", CONFIG) else {
        return;
    };
    if let Some(node) = map.get("llm") {
        settings.llm = llm(r, node, "config.llm").unwrap_or_default();
    }
    if let Some(node) = map.get("execution") {
        execution(r, node, settings);
    }
    if let Some(node) = map.get("gates") {
        gates(r, node, settings);
    }
    if let Some(node) = map.get("observability")
        && let Some(map) = r.map(node, "config.observability", OBSERVABILITY)
    {
        if let Some(node) = map.get("logging")
            && let Some(map) = r.map(node, "config.observability.logging", LOGGING)
            && let Some(node) = map.get("level")
            && let Some(level) = r.text(node, "config.observability.logging.level")
        {
            let level = level.to_ascii_uppercase();
            if LEVELS.contains(&level.as_str()) {
                settings.log_level = Some(level);
            } else {
                r.wrong(
                    node.place,
                    "config.observability.logging.level",
                    format!("no level `{level}`"),
                )
                .suggest(format!("known here: {}", LEVELS.join(", ")));
            }
        }
        if let Some(node) = map.get("mlflow") {
            python::tracking(r, node, "config.observability.mlflow");
        }
    }
    settings.budget = r.money(&map, "budget");
    settings.lenient = r.word(&map, "compat", &["strict", "lenient"]).as_deref() == Some("lenient");
    python::config(r, &map);
}

pub(super) fn llm(r: &mut Reading, node: &Node, path: &str) -> Option<Llm> {
    let map = r.map(node, path, LLM)?;
    let temperature = r.number(&map, "temperature").filter(|number| {
        let is_within = (0.0..=2.0).contains(number);
        if !is_within {
            r.wrong(
                place_of(&map, "temperature"),
                &map.path("temperature"),
                "a temperature is between 0 and 2",
            );
        } else if *number > 1.0 {
            // Upstream stops at 1; models take more.
            r.dialect(
                place_of(&map, "temperature"),
                &map.path("temperature"),
                "temperatures above 1 run here only",
                "a temperature between 0 and 1",
            );
        }
        is_within
    });
    Some(Llm {
        provider: r.optional_text(&map, "provider"),
        model: r.optional_text(&map, "model"),
        temperature,
        max_tokens: r.count(&map, "max_tokens", 1, 10_000_000),
        api_base: r.optional_text(&map, "api_base"),
    })
}

fn execution(r: &mut Reading, node: &Node, settings: &mut Settings) {
    let Some(map) = r.map(node, "config.execution", EXECUTION) else {
        return;
    };
    let timeout = r.count(&map, "timeout", 1, 86_400);
    let seconds = r.count(&map, "timeout_seconds", 1, 86_400);
    if let Some(node) = map.get("timeout_seconds") {
        if map.get("timeout").is_some() {
            r.wrong(
                node.place,
                "config.execution",
                "`timeout` and `timeout_seconds` are the same setting",
            )
            .suggest("keep `timeout`");
        } else if let Some(seconds) = seconds {
            r.dialect(
                node.place,
                "config.execution",
                "`timeout_seconds` is `timeout`",
                format!("`timeout: {seconds}`"),
            );
        }
    }
    settings.timeout = timeout.or(seconds).unwrap_or(settings.timeout);
    settings.max_retries = r
        .count(&map, "max_retries", 0, 100)
        .unwrap_or(settings.max_retries);
    settings.conditions_default = r
        .word(&map, "on_condition_error", &["fail", "default"])
        .as_deref()
        == Some("default");
}

pub(super) fn gates(r: &mut Reading, node: &Node, settings: &mut Settings) {
    let path = "config.gates";
    let items = if let Kind::List(items) = &node.kind {
        r.dialect(
            node.place,
            path,
            "gates are a list under `gates.gates`",
            "`gates: { gates: [ … ], on_fail: warn }`",
        );
        items.as_slice()
    } else {
        let Some(map) = r.map(node, path, GATES) else {
            return;
        };
        let word = r.word(&map, "on_fail", &["warn", "fail", "block_deploy"]);
        if word.as_deref() == Some("block_deploy") {
            python::not_here(
                r,
                place_of(&map, "on_fail"),
                path,
                "on_fail: block_deploy",
                "treated as `fail`: nothing is deployed from here",
            );
        }
        settings.gates_fail = matches!(word.as_deref(), Some("fail" | "block_deploy"));
        match map.get("gates") {
            Some(list) => r.list(list, "config.gates.gates").unwrap_or_default(),
            None => &[],
        }
    };
    for (index, item) in items.iter().enumerate() {
        let path = format!("{path}.gates[{index}]");
        let Some(map) = r.map(item, &path, GATE) else {
            continue;
        };
        let (min, max) = (r.number(&map, "min"), r.number(&map, "max"));
        if map.get("min").is_none() && map.get("max").is_none() {
            r.wrong(map.place, &path, "a gate needs a `max` or a `min`");
        }
        if let (Some(least), Some(most)) = (min, max)
            && least > most
        {
            r.wrong(map.place, &path, "`min` is above `max`: no run could pass");
        }
        if r.required(&map, "metric").is_some()
            && let Some(metric) = r.word(&map, "metric", METRICS)
        {
            settings.gates.push(Gate { metric, min, max });
        }
    }
}
