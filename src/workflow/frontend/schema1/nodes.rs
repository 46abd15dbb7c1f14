//! Nodes: what a model is told and what it answers.

use super::map::{Map, Reading};
use super::{python, settings, state};
use crate::workflow::diagnostic::{At, Diagnostic, Phase, Place};
use crate::workflow::expr::Expr;
use crate::workflow::frontend::tree::{Kind, Node as Tree};
use crate::workflow::normal::{END, Flow, Node, Output, OutputField, START, Shape, Text, ToolUse};
use crate::workflow::template::is_name;
use crate::workflow::types::Field;

const NODE: &[&str] = &[
    "id",
    "description",
    "inputs",
    "prompt",
    "output_schema",
    "outputs",
    "tools",
    "llm",
    "budget",
    "max_tool_calls",
    "loop",
    "memory",
    "optimize",
    "sandbox",
    "code",
    "mlflow",
    "log_prompts",
    "log_artifacts",
    "optimization",
];
const OUTPUT: &[&str] = &["type", "description", "fields", "schema"];
const OUTPUT_FIELD: &[&str] = &["name", "type", "description", "schema"];
const TOOL_USE: &[&str] = &["name", "on_error", "config"];
const LOOP: &[&str] = &["max_iterations", "until"];

/// A loop written at its node; the edge that leaves the node says where it goes on.
#[derive(Debug)]
pub(super) struct NodeLoop {
    pub(super) node: String,
    pub(super) until: At<Expr>,
    pub(super) max_iterations: u32,
    pub(super) place: Place,
}

pub(super) fn read(r: &mut Reading, node: &Tree, flow: &mut Flow, loops: &mut Vec<NodeLoop>) {
    let Some(items) = r.list(node, "nodes") else {
        return;
    };
    flow.has_nodes = true;
    if items.is_empty() {
        r.wrong(node.place, "nodes", "a workflow has at least one node");
        flow.has_nodes = false;
    }
    for (index, node) in items.iter().enumerate() {
        let path = format!("nodes[{index}]");
        let before = r.found.len();
        let Some(map) = r.map(node, &path, NODE) else {
            flow.has_nodes = false;
            continue;
        };
        r.misplaced(before, settings::LLM, "llm");
        match one(r, map, loops) {
            Some(node) => {
                if let Some(first) = flow.node(&node.id) {
                    let message = format!(
                        "`{}` is the id of another node, on line {}",
                        *node.id, first.id.place.line
                    );
                    let diagnostic = Diagnostic::error(
                        Phase::ConfigValidation,
                        "duplicate_node",
                        node.id.place,
                        message,
                    );
                    r.push(diagnostic.named(node.id.as_str()));
                } else {
                    flow.nodes.push(node);
                }
            }
            // A name that no node can have is none that an edge could mean.
            None => flow.has_nodes &= is_reserved(node),
        }
    }
}

fn one(r: &mut Reading, mut map: Map<'_>, loops: &mut Vec<NodeLoop>) -> Option<Node> {
    let id = r.required(&map, "id").and_then(|node| {
        let id = r.name(node, &map.path("id"))?;
        if id == START || id == END {
            let message = format!(
                "`{id}` is the name of the graph's own {}",
                if id == START { "entry" } else { "exit" }
            );
            let diagnostic = Diagnostic::error(
                Phase::ConfigValidation,
                "reserved_name",
                node.place,
                message,
            );
            r.push(diagnostic.named(&id).suggest("give the node another id"));
            return None;
        }
        Some(At::new(id, node.place))
    });
    if let Some(id) = &id {
        map.path = format!("node `{}`", id.value);
    }
    let description = r.optional_text(&map, "description");
    let prompt = r
        .required(&map, "prompt")
        .and_then(|node| r.placed(node, &map.path("prompt")));
    let inputs = inputs(r, &map);
    let outputs = r
        .required(&map, "outputs")
        .map(|node| names(r, node, &map.path("outputs")));
    let output = r
        .required(&map, "output_schema")
        .and_then(|node| output(r, node, &map.path("output_schema")));
    let tools = map
        .get("tools")
        .map(|node| tools(r, node, &map.path("tools")))
        .unwrap_or_default();
    let llm = map
        .get("llm")
        .and_then(|node| settings::llm(r, node, &map.path("llm")))
        .unwrap_or_default();
    let budget = r.money(&map, "budget");
    let max_tool_calls = r.count(&map, "max_tool_calls", 0, 1_000).unwrap_or(10);
    python::node(r, &map);
    let id = id?;
    if let Some(node) = map.get("loop")
        && let Some(found) = node_loop(r, node, &map.path("loop"), &id)
    {
        loops.push(found);
    }
    Some(Node {
        id,
        description,
        inputs,
        prompt,
        outputs: outputs.unwrap_or_default(),
        output,
        tools,
        llm,
        budget,
        max_tool_calls,
    })
}

fn is_reserved(node: &Tree) -> bool {
    matches!(node.get("id").map(|id| &id.kind), Some(Kind::Scalar { text, .. }) if text == START || text == END)
}

fn inputs(r: &mut Reading, map: &Map<'_>) -> Vec<(At<String>, Text)> {
    let Some(node) = map.get("inputs") else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for entry in r.entries(node, &map.path("inputs")) {
        let path = format!("{}.{}", map.path("inputs"), entry.key);
        if !is_name(&entry.key) {
            r.wrong(entry.place, &path, format!("`{}` is not a name", entry.key))
                .suggest("names are letters, digits and `_`, and do not begin with a digit");
        }
        if let Some(text) = r.placed(&entry.value, &path) {
            all.push((At::new(entry.key.clone(), entry.place), text));
        }
    }
    all
}

fn names(r: &mut Reading, node: &Tree, path: &str) -> Vec<At<String>> {
    if let Kind::Scalar { .. } = &node.kind {
        let Some(name) = r.name(node, path) else {
            return Vec::new();
        };
        r.dialect(
            node.place,
            path,
            "outputs are a list",
            format!("`[{name}]`"),
        );
        return vec![At::new(name, node.place)];
    }
    let items = r.list(node, path).unwrap_or_default();
    if items.is_empty() && matches!(node.kind, Kind::List(_)) {
        r.wrong(node.place, path, "a node has at least one output");
    }
    let mut all: Vec<At<String>> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let path = format!("{path}[{index}]");
        if let Some(name) = r.name(item, &path) {
            if all.iter().any(|other| other.value == name) {
                r.wrong(item.place, &path, format!("`{name}` is here a second time"))
                    .suggest("keep one of them");
            } else {
                all.push(At::new(name, item.place));
            }
        }
    }
    all
}

fn output(r: &mut Reading, node: &Tree, path: &str) -> Option<Output> {
    let map = r.map(node, path, OUTPUT)?;
    let description = r.optional_text(&map, "description");
    let type_node = r.required(&map, "type");
    let is_object = type_node.is_some_and(
        |node| matches!(&node.kind, Kind::Scalar { text, .. } if text.trim() == "object"),
    );
    let shape = match (is_object, map.get("fields")) {
        (true, Some(fields)) => Shape::Fields(output_fields(r, fields, &map.path("fields"))?),
        (true, None) if map.get("schema").is_none() => {
            r.wrong(map.place, path, "an `object` needs `fields`")
                .suggest("fields: [ { name: …, type: … } ], or a simple type for a single output");
            return None;
        }
        (_, fields) => {
            let of = state::typed(r, &map, type_node?, true);
            if let Some(fields) = fields {
                r.wrong(
                    fields.place,
                    &map.path("fields"),
                    "only an `object` has fields",
                )
                .suggest("write `type: object`, or remove `fields`");
                return None;
            }
            Shape::Simple(of?)
        }
    };
    Some(Output {
        place: map.place,
        description,
        shape,
    })
}

fn output_fields(r: &mut Reading, node: &Tree, path: &str) -> Option<Vec<OutputField>> {
    let items = r.list(node, path)?;
    if items.is_empty() {
        r.wrong(node.place, path, "an `object` has at least one field");
        return None;
    }
    let mut all: Vec<OutputField> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let path = format!("{path}[{index}]");
        let Some(map) = r.map(item, &path, OUTPUT_FIELD) else {
            continue;
        };
        let description = r.optional_text(&map, "description");
        let of = r
            .required(&map, "type")
            .and_then(|node| state::typed(r, &map, node, true));
        let Some(name_node) = r.required(&map, "name") else {
            continue;
        };
        let Some(name) = r.name(name_node, &map.path("name")) else {
            continue;
        };
        if all.iter().any(|(other, _)| other.value == name) {
            r.wrong(
                name_node.place,
                &path,
                format!("`{name}` is here a second time"),
            )
            .suggest("keep one of them");
            continue;
        }
        let field = of.map(|of| {
            let field = Field {
                name: name.clone(),
                of: of.value,
                description,
            };
            At::new(field, of.place)
        });
        all.push((At::new(name, name_node.place), field));
    }
    Some(all)
}

fn tools(r: &mut Reading, node: &Tree, path: &str) -> Vec<ToolUse> {
    let items = r.list(node, path).unwrap_or_default();
    let mut all = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let path = format!("{path}[{index}]");
        if let Kind::Scalar { .. } = &item.kind {
            if let Some(name) = r.text(item, &path) {
                all.push(ToolUse {
                    name: At::new(name, item.place),
                    goes_on: false,
                    config: None,
                });
            }
            continue;
        }
        let Some(map) = r.map(item, &path, TOOL_USE) else {
            continue;
        };
        let on_error = r.word(&map, "on_error", &["fail", "continue"]);
        let config = map
            .get("config")
            .and_then(|node| r.value(node, &map.path("config")));
        let name = r
            .required(&map, "name")
            .and_then(|node| Some(At::new(r.text(node, &map.path("name"))?, node.place)));
        if let Some(name) = name {
            all.push(ToolUse {
                name,
                goes_on: on_error.as_deref() == Some("continue"),
                config,
            });
        }
    }
    all
}

fn node_loop(r: &mut Reading, node: &Tree, path: &str, id: &str) -> Option<NodeLoop> {
    let map = r.map(node, path, LOOP)?;
    let max_iterations = r.count(&map, "max_iterations", 1, 100).unwrap_or(10);
    let until_node = r.required(&map, "until")?;
    let text = r.text(until_node, &map.path("until"))?;
    // A bare name is the field itself, which is all that an edge's `condition_field` can be.
    let expr = if is_name(&text)
        && !matches!(
            text.as_str(),
            "True" | "False" | "None" | "true" | "false" | "null"
        ) {
        Expr::Field(vec![text])
    } else {
        r.condition(until_node, &map.path("until"))?
    };
    let field = match &expr {
        Expr::Field(way) if way.len() == 1 => way.join("."),
        _ => "A_BOOL_FIELD".to_owned(),
    };
    r.dialect(
        node.place,
        path,
        "a loop stands at an edge",
        format!("edges: - {{ from: {id}, loop: {{ condition_field: {field}, max_iterations: {max_iterations}, exit_to: … }} }}"),
    );
    Some(NodeLoop {
        node: id.to_owned(),
        until: At::new(expr, until_node.place),
        max_iterations,
        place: node.place,
    })
}
