//! Schema 1.0, the format of the Python project *configurable-agents*.
//!
//! The same file runs there. Known spellings that its documentation shows and its code refuses are taken and told with the
//! form that runs in both; what needs Python is told by name; any other key is an error with the nearest that there is.
//! No key is dropped in silence.

mod edges;
mod grammar;
mod map;
mod nodes;
mod python;
mod settings;
mod spellings;
mod state;
mod tools;

use super::tree::Node;
use crate::workflow::diagnostic::{At, Diagnostic, Place};
use crate::workflow::normal::Flow;
use map::Reading;

const TOP: &[&str] = &[
    "schema_version",
    "flow",
    "state",
    "tools",
    "nodes",
    "edges",
    "config",
    "gates",
    "optimization",
    "ab_test",
    "memory",
    "mlflow",
];
const FLOW: &[&str] = &["name", "description", "version"];

/// Reads a file of this format into the normal form, and tells what is wrong with it.
#[must_use]
pub fn read(root: &Node) -> (Flow, Vec<Diagnostic>) {
    let mut reading = Reading::default();
    let mut flow = Flow::default();
    let r = &mut reading;
    let Some(top) = r.map(root, "", TOP) else {
        return (flow, reading.found);
    };
    r.misplaced(0, settings::CONFIG, "config");
    version(r, &top);
    if let Some(about) = r.required(&top, "flow") {
        metadata(r, about, &mut flow);
    }
    if let Some(node) = r.required(&top, "state") {
        state::read(r, node, &mut flow);
    }
    if let Some(node) = top.get("tools") {
        tools::read(r, node, &mut flow);
    }
    let mut loops = Vec::new();
    if let Some(node) = r.required(&top, "nodes") {
        nodes::read(r, node, &mut flow, &mut loops);
    }
    if let Some(node) = r.required(&top, "edges") {
        edges::read(r, node, &mut flow, &loops);
    }
    if let Some(node) = top.get("config") {
        settings::read(r, node, &mut flow.settings);
    }
    if let Some(node) = top.get("gates") {
        r.dialect(
            node.place,
            "gates",
            "`gates` stands under `config`",
            "config:\n  gates: { gates: [ … ], on_fail: warn }",
        );
        settings::gates(r, node, &mut flow.settings);
    }
    python::top(r, &top);
    (flow, reading.found)
}

fn version(r: &mut Reading, top: &map::Map<'_>) {
    let Some(node) = r.required(top, "schema_version") else {
        return;
    };
    if let Some(version) = r.text(node, "schema_version")
        && version != "1.0"
    {
        r.wrong(
            node.place,
            "schema_version",
            format!("`{version}` is not a version this reads"),
        )
        .suggest("write `schema_version: \"1.0\"`");
    }
}

fn metadata(r: &mut Reading, node: &Node, flow: &mut Flow) {
    let Some(map) = r.map(node, "flow", FLOW) else {
        return;
    };
    if let Some(name) = r.required(&map, "name")
        && let Some(text) = r.text(name, "flow.name")
    {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            r.wrong(name.place, "flow.name", "the name is empty");
        }
        flow.name = At::new(trimmed.to_owned(), name.place);
    }
    flow.description = r.optional_text(&map, "description");
    flow.version = r.optional_text(&map, "version");
}

/// The place of a key's value, or of what it is missing in.
fn place_of(map: &map::Map<'_>, key: &str) -> Place {
    map.get(key).map_or(map.place, |node| node.place)
}
