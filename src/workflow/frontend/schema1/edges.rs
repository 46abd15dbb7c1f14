//! Edges: what comes after what. Here most spellings meet, and all become one of four ways.

use super::map::{Map, Reading};
use super::nodes::NodeLoop;
use super::spellings::{Guarded, at_node, edge_condition, fan_out, merge, routes_of};
use crate::workflow::diagnostic::{At, Diagnostic, Phase, Place};
use crate::workflow::expr::Expr;
use crate::workflow::frontend::tree::{Kind, Node};
use crate::workflow::normal::{END, Edge, Flow, Way};

const EDGE: &[&str] = &[
    "from",
    "to",
    "routes",
    "loop",
    "parallel",
    "condition",
    "join",
];
const ROUTE: &[&str] = &["condition", "to"];
const CONDITION: &[&str] = &["logic"];
const LOOP: &[&str] = &["condition_field", "max_iterations", "exit_to"];
const PARALLEL: &[&str] = &[
    "items_field",
    "target_node",
    "collect_field",
    "max_concurrency",
];
pub(super) const DEFAULT: &str = "default";

pub(super) fn read(r: &mut Reading, node: &Node, flow: &mut Flow, loops: &[NodeLoop]) {
    let Some(items) = r.list(node, "edges") else {
        return;
    };
    flow.has_edges = true;
    if items.is_empty() {
        r.wrong(node.place, "edges", "a workflow has at least one edge");
        flow.has_edges = false;
    }
    let mut guarded = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let path = format!("edges[{index}]");
        let before = r.found.iter().filter(|found| is_error(found)).count();
        if let Some(map) = r.map(item, &path, EDGE) {
            one(r, &map, flow, &mut guarded);
        }
        if r.found.iter().filter(|found| is_error(found)).count() > before {
            flow.has_edges = false;
        }
    }
    routes_of(r, &guarded, flow);
    merge(r, flow);
    for found in loops {
        at_node(r, found, flow);
    }
}

pub(super) fn is_error(diagnostic: &Diagnostic) -> bool {
    diagnostic.severity == crate::workflow::diagnostic::Severity::Error
}

fn one(r: &mut Reading, map: &Map<'_>, flow: &mut Flow, guarded: &mut Vec<Guarded>) {
    let from = r.required(map, "from").and_then(|node| {
        let from = r.text(node, &map.path("from"))?;
        Some(At::new(from, node.place))
    });
    let kinds: Vec<&str> = ["to", "routes", "loop", "parallel"]
        .into_iter()
        .filter(|key| map.get(key).is_some())
        .collect();
    let (Some(from), [kind]) = (from, kinds.as_slice()) else {
        if kinds.len() != 1 {
            let found = if kinds.is_empty() {
                "none of them".to_owned()
            } else {
                kinds.join(" and ")
            };
            r.wrong(
                map.place,
                &map.path,
                format!(
                    "an edge has one of `to`, `routes`, `loop` and `parallel`; this has {found}"
                ),
            )
            .suggest("give each way an edge of its own");
        }
        return;
    };
    for (key, whose) in [("condition", "to"), ("join", "parallel")] {
        if let Some(node) = map.get(key)
            && *kind != whose
        {
            r.wrong(
                node.place,
                &map.path,
                format!("`{key}` stands beside `{whose}` only"),
            );
        }
    }
    let Some(node) = map.get(kind) else {
        return;
    };
    let path = map.path(kind);
    let way = match *kind {
        "to" => {
            let to = targets(r, node, &path);
            if let Some(condition) = map.get("condition") {
                edge_condition(r, map, condition, &from, to, guarded);
                return;
            }
            (!to.is_empty()).then_some(Way::To(to))
        }
        "routes" => routes(r, node, &path),
        "loop" => looped(r, node, &path),
        _ => {
            if let Kind::List(_) = &node.kind {
                fan_out(r, map, node, &from, flow);
                return;
            }
            if let Some(join) = map.get("join") {
                r.wrong(join.place, &map.path, "`join` goes with a list of nodes")
                    .suggest("what follows a `parallel` stands at its `target_node`");
            }
            parallel(r, node, &path)
        }
    };
    if let Some(way) = way {
        let place = map.place;
        flow.edges.push(Edge { from, way, place });
    }
}

pub(super) fn targets(r: &mut Reading, node: &Node, path: &str) -> Vec<At<String>> {
    if let Kind::Scalar { .. } = &node.kind {
        let text = r.text(node, path);
        return text
            .map(|text| At::new(text, node.place))
            .into_iter()
            .collect();
    }
    let items = r.list(node, path).unwrap_or_default();
    if items.is_empty() && matches!(node.kind, Kind::List(_)) {
        r.wrong(node.place, path, "an edge leads to at least one node");
    }
    let mut all: Vec<At<String>> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        if let Some(text) = r.text(item, &format!("{path}[{index}]")) {
            if all.iter().any(|other| other.value == text) {
                r.wrong(item.place, path, format!("`{text}` is here a second time"))
                    .suggest("keep one of them");
            } else {
                all.push(At::new(text, item.place));
            }
        }
    }
    all
}

/// When a route is taken.
pub(super) enum When {
    /// If this holds.
    Holds(At<Expr>),
    /// If no other is.
    Default,
}

/// A condition in any spelling; nothing if it cannot be read.
pub(super) fn condition(r: &mut Reading, node: &Node, path: &str) -> Option<When> {
    let is_map = matches!(node.kind, Kind::Map(_));
    let logic = if is_map {
        let map = r.map(node, path, CONDITION)?;
        r.required(&map, "logic")?
    } else {
        node
    };
    let text = r.text(logic, path)?;
    let plain = |r: &mut Reading, logic: &str| {
        r.dialect(
            node.place,
            path,
            "a condition is a mapping with `logic`",
            format!("`condition: {{ logic: {} }}`", quoted(logic)),
        );
    };
    if text.trim() == DEFAULT {
        if !is_map {
            plain(r, DEFAULT);
        }
        return Some(When::Default);
    }
    let before = r.found.len();
    let expr = r.condition(logic, path)?;
    if !is_map {
        // The form shown has no braces in it either.
        r.found.truncate(before);
        plain(r, &expr.to_string());
    }
    Some(When::Holds(At::new(expr, logic.place)))
}

pub(super) fn quoted(text: &str) -> String {
    serde_json::to_string(text.trim()).unwrap_or_default()
}

fn routes(r: &mut Reading, node: &Node, path: &str) -> Option<Way> {
    let items = r.list(node, path)?;
    if items.is_empty() {
        r.wrong(node.place, path, "`routes` has at least the default");
        return None;
    }
    let (mut routes, mut otherwise, mut is_whole) = (Vec::new(), None, true);
    for (index, item) in items.iter().enumerate() {
        let path = format!("{path}[{index}]");
        let Some(map) = r.map(item, &path, ROUTE) else {
            is_whole = false;
            continue;
        };
        let to = r
            .required(&map, "to")
            .and_then(|node| Some(At::new(r.text(node, &map.path("to"))?, node.place)));
        let condition = r
            .required(&map, "condition")
            .and_then(|node| condition(r, node, &map.path("condition")));
        match (condition, to) {
            (Some(When::Holds(expr)), Some(to)) => routes.push((expr, to)),
            (Some(When::Default), Some(to)) if otherwise.is_none() => otherwise = Some(to),
            (Some(When::Default), Some(to)) => second_default(r, to.place, &path),
            _ => is_whole = false,
        }
    }
    Some(Way::Routes {
        routes,
        otherwise,
        is_whole,
    })
}

pub(super) fn second_default(r: &mut Reading, place: Place, path: &str) {
    let diagnostic = Diagnostic::error(
        Phase::ConfigValidation,
        "second_default",
        place,
        "a second default route",
    );
    r.push(diagnostic.within(path).suggest("keep one of them"));
}

fn looped(r: &mut Reading, node: &Node, path: &str) -> Option<Way> {
    let map = r.map(node, path, LOOP)?;
    let field = r.required(&map, "condition_field").and_then(|node| {
        Some(At::new(
            r.name(node, &map.path("condition_field"))?,
            node.place,
        ))
    });
    let max_iterations = r.count(&map, "max_iterations", 1, 100).unwrap_or(10);
    let exit_to = match map.get("exit_to") {
        Some(node) => At::new(r.text(node, &map.path("exit_to"))?, node.place),
        None => At::new(END.to_owned(), map.place),
    };
    let field = field?;
    Some(Way::Loop {
        until: At::new(Expr::Field(vec![field.value.clone()]), field.place),
        field: Some(field),
        max_iterations,
        exit_to,
    })
}

fn parallel(r: &mut Reading, node: &Node, path: &str) -> Option<Way> {
    let map = r.map(node, path, PARALLEL)?;
    let mut name = |key: &str| {
        let node = r.required(&map, key)?;
        Some(At::new(r.text(node, &map.path(key))?, node.place))
    };
    let (items, target, collect) = (
        name("items_field"),
        name("target_node"),
        name("collect_field"),
    );
    let max_concurrency = r.count(&map, "max_concurrency", 1, 1_000).unwrap_or(10);
    Some(Way::Parallel {
        items: items?,
        target: target?,
        collect: collect?,
        max_concurrency,
    })
}
