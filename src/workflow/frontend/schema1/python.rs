//! What only the Python runtime does: taken, told by name, and a fault only where a run would need it.

use super::map::{Map, Reading};
use crate::workflow::diagnostic::{Diagnostic, Phase, Place};
use crate::workflow::frontend::tree::{Kind, Node};

const TRACKING: &[&str] = &[
    "enabled",
    "tracking_uri",
    "experiment_name",
    "run_name",
    "log_prompts",
    "log_artifacts",
    "artifact_level",
    "async_logging",
    "retention_days",
    "redact_pii",
    "experiment",
];
const SANDBOX: &[&str] = &[
    "mode",
    "enabled",
    "network",
    "preset",
    "resources",
    "timeout",
];
const MEMORY: &[&str] = &["enabled", "default_scope"];
const OPTIMIZE: &[&str] = &["enabled", "metric", "strategy", "max_demos", "ab_test"];
const AB_TEST: &[&str] = &["enabled", "experiment", "variants", "run_count", "parallel"];
const VARIANT: &[&str] = &["name", "prompt", "config_overrides", "node_id"];
const STORAGE: &[&str] = &["backend", "path"];

/// Says that something is not done here.
pub(super) fn not_here(r: &mut Reading, place: Place, path: &str, name: &str, what: &str) {
    let message = format!("`{name}` is not run here: {what}");
    let diagnostic = Diagnostic::warning(Phase::FeatureGating, "not_run_here", place, message);
    r.push(diagnostic.named(name).within(path));
}

/// Sections at the top of a file.
pub(super) fn top(r: &mut Reading, map: &Map<'_>) {
    sections(r, map);
}

/// Sections under `config`.
pub(super) fn config(r: &mut Reading, map: &Map<'_>) {
    sections(r, map);
    if let Some(node) = map.get("storage") {
        r.aside(node, &map.path("storage"), STORAGE);
        not_here(
            r,
            node.place,
            &map.path("storage"),
            "storage",
            "where runs are kept is not the file's to say",
        );
    }
    sandbox(r, map);
}

fn sections(r: &mut Reading, map: &Map<'_>) {
    if let Some(node) = map.get("mlflow") {
        tracking(r, node, &map.path("mlflow"));
    }
    if let Some(node) = map.get("memory") {
        r.aside(node, &map.path("memory"), MEMORY);
        not_here(
            r,
            node.place,
            &map.path("memory"),
            "memory",
            "nothing is remembered between runs",
        );
    }
    optimization(r, map);
    if let Some(node) = map.get("ab_test") {
        ab_test(r, node, &map.path("ab_test"));
    }
}

fn optimization(r: &mut Reading, map: &Map<'_>) {
    for key in ["optimization", "optimize"] {
        let Some(node) = map.get(key) else {
            continue;
        };
        if let Some(inner) = r.aside(node, &map.path(key), OPTIMIZE)
            && let Some(node) = inner.get("ab_test")
        {
            ab_test(r, node, &inner.path("ab_test"));
        }
        not_here(
            r,
            node.place,
            &map.path(key),
            key,
            "prompts are used as they are written",
        );
    }
}

fn ab_test(r: &mut Reading, node: &Node, path: &str) {
    if let Some(map) = r.aside(node, path, AB_TEST)
        && let Some(variants) = map.get("variants")
    {
        let path = map.path("variants");
        for (index, variant) in r
            .list(variants, &path)
            .unwrap_or_default()
            .iter()
            .enumerate()
        {
            r.aside(variant, &format!("{path}[{index}]"), VARIANT);
        }
    }
    not_here(
        r,
        node.place,
        path,
        "ab_test",
        "prompts are used as they are written",
    );
}

/// `mlflow` in any of its places.
pub(super) fn tracking(r: &mut Reading, node: &Node, path: &str) {
    r.aside(node, path, TRACKING);
    not_here(
        r,
        node.place,
        path,
        "mlflow",
        "calls are in the decision log and the metrics",
    );
}

fn sandbox(r: &mut Reading, map: &Map<'_>) {
    if let Some(node) = map.get("sandbox") {
        r.aside(node, &map.path("sandbox"), SANDBOX);
        not_here(
            r,
            node.place,
            &map.path("sandbox"),
            "sandbox",
            "no code is run",
        );
    }
}

/// What a node may have.
pub(super) fn node(r: &mut Reading, map: &Map<'_>) {
    if let Some(node) = map.get("code") {
        let message = "`code` needs the Python worker: this node cannot run here";
        let diagnostic =
            Diagnostic::error(Phase::FeatureGating, "needs_python", node.place, message);
        r.push(
            diagnostic
                .named("code")
                .within(&map.path)
                .suggest("leave the work to the model or to an `http` tool, or run the file with configurable-agents"),
        );
        if !matches!(node.kind, Kind::Scalar { .. }) {
            r.wrong(
                node.place,
                &map.path("code"),
                format!("expected a text, found {}", node.what()),
            );
        }
    }
    sandbox(r, map);
    sections(r, map);
    for key in ["log_prompts", "log_artifacts"] {
        if let Some(node) = map.get(key) {
            let _ = r.flag(map, key);
            not_here(r, node.place, &map.path(key), key, "it concerns MLflow");
        }
    }
}
