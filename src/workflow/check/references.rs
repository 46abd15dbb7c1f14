//! Names in prompts, inputs and conditions, and tools: all of them are there.

use crate::workflow::diagnostic::{At, Diagnostic, Phase, Place};
use crate::workflow::expr::Expr;
use crate::workflow::normal::{Flow, Node, Text, Tool, Way};
use crate::workflow::template::{Body, Part, Template};
use crate::workflow::value::Value;
use std::collections::BTreeSet;

/// What a node sees besides the state while it runs for an item.
pub(super) const ITEM: &[&str] = &["_parallel_item", "_parallel_index", "_parallel_source"];

pub(super) fn check(flow: &Flow, found: &mut Vec<Diagnostic>) {
    for tool in &flow.tools {
        arguments(flow, tool, found);
    }
    for node in &flow.nodes {
        let item = if is_target(flow, &node.id) { ITEM } else { &[] };
        for (name, input) in &node.inputs {
            places(flow, node, input, &[], item, found);
            literal(flow, node, name, input, found);
        }
        let inputs: Vec<&str> = node
            .inputs
            .iter()
            .map(|(name, _)| name.value.as_str())
            .collect();
        if let Some(prompt) = &node.prompt {
            places(flow, node, prompt, &inputs, item, found);
        }
        tools(flow, node, found);
    }
    for edge in &flow.edges {
        let context = format!("edge from `{}`", edge.from.value);
        match &edge.way {
            Way::Routes { routes, .. } => {
                for (expr, _) in routes {
                    fields(flow, &context, &expr.value, expr.place, found);
                }
            }
            // One that is no more than a field was looked at as that.
            Way::Loop {
                until, field: None, ..
            } => fields(flow, &context, &until.value, until.place, found),
            _ => {}
        }
    }
}

fn is_target(flow: &Flow, id: &str) -> bool {
    flow.edges
        .iter()
        .any(|edge| matches!(&edge.way, Way::Parallel { target, .. } if target.value == id))
}

fn places(
    flow: &Flow,
    node: &Node,
    text: &Text,
    inputs: &[&str],
    item: &[&str],
    found: &mut Vec<Diagnostic>,
) {
    if !flow.has_state {
        return;
    }
    let mut told: BTreeSet<String> = BTreeSet::new();
    let begins = text
        .places
        .iter()
        .copied()
        .chain(std::iter::repeat(text.place));
    for ((way, of_state), place) in text.value.ways().zip(begins) {
        let Some((first, rest)) = way.split_first() else {
            continue;
        };
        let shown = if of_state {
            format!("state.{}", way.join("."))
        } else {
            way.join(".")
        };
        if told.contains(&shown) {
            continue;
        }
        let context = format!("node `{}`", node.id.value);
        let is_input = !of_state && inputs.contains(&first.as_str());
        let is_item = item.contains(&first.as_str());
        if is_input || is_item {
            if is_input && !rest.is_empty() {
                let message =
                    format!("`{{{shown}}}`: the input `{first}` is a text and has no parts");
                found.push(
                    Diagnostic::error(
                        Phase::ConfigValidation,
                        "unresolved_placeholder",
                        place,
                        message,
                    )
                    .named(shown.as_str())
                    .within(context),
                );
                told.insert(shown);
            }
            continue;
        }
        let message = match flow.field(first) {
            None => format!("`{{{shown}}}` is not there: the state has no field `{first}`"),
            Some(field) => match &field.of {
                Some(of) if of.value.within(rest).is_none() => {
                    format!(
                        "`{{{shown}}}` is not there: `{first}` is a `{}` without it",
                        of.value
                    )
                }
                _ => continue,
            },
        };
        let mut diagnostic = Diagnostic::error(
            Phase::ConfigValidation,
            "unresolved_placeholder",
            place,
            message,
        )
        .named(first.as_str())
        .within(context);
        if flow.field(first).is_none() {
            diagnostic = if ITEM.contains(&first.as_str()) {
                diagnostic.suggest("only the `target_node` of a `parallel` edge sees an item")
            } else if of_state {
                diagnostic.known(flow.field_names())
            } else {
                diagnostic.known(flow.field_names().chain(inputs.iter().copied()))
            };
        }
        found.push(diagnostic);
        told.insert(shown);
    }
}

/// A tool's templates see the arguments of the call, and the state as `{state.…}`.
fn arguments(flow: &Flow, tool: &Tool, found: &mut Vec<Diagnostic>) {
    let properties = tool
        .parameters
        .as_ref()
        .and_then(|schema| schema.get("properties"));
    let known: Vec<&str> = match properties {
        Some(Value::Dict(entries)) => entries.keys().map(String::as_str).collect(),
        _ => Vec::new(),
    };
    let named = tool.headers.iter().chain(&tool.query);
    let templates = std::iter::once(&tool.endpoint)
        .chain(named.map(|(_, template)| template))
        .chain(tool.body.iter().flat_map(Body::templates));
    let mut told: Vec<&[String]> = Vec::new();
    for (way, of_state) in templates.flat_map(Template::ways) {
        let Some(first) = way.first() else {
            continue;
        };
        let is_known = if of_state {
            !flow.has_state || flow.field(first).is_some()
        } else {
            known.contains(&first.as_str())
        };
        if is_known || told.contains(&way) {
            continue;
        }
        told.push(way);
        let (message, known): (String, Vec<&str>) = if of_state {
            (
                format!("`{{state.{first}}}` is not there: the state has no field `{first}`"),
                flow.field_names().collect(),
            )
        } else {
            (
                format!("`{{{first}}}` is not there: the tool has no parameter `{first}`"),
                known.clone(),
            )
        };
        let diagnostic = Diagnostic::error(
            Phase::ConfigValidation,
            "unresolved_placeholder",
            tool.place,
            message,
        )
        .named(first.as_str())
        .within(format!("tool `{}`", tool.name.value));
        found.push(if known.is_empty() {
            diagnostic
                .suggest("declare it in `parameters: { properties: { … } }`, or write `{state.…}`")
        } else {
            diagnostic.known(known)
        });
    }
}

fn fields(flow: &Flow, context: &str, expr: &Expr, place: Place, found: &mut Vec<Diagnostic>) {
    if !flow.has_state {
        return;
    }
    let mut told: Vec<&[String]> = Vec::new();
    for way in expr.fields() {
        if told.contains(&way) {
            continue;
        }
        told.push(way);
        let Some((first, rest)) = way.split_first() else {
            continue;
        };
        let message = match flow.field(first) {
            None => format!("`{expr}`: the state has no field `{first}`"),
            Some(field) => match &field.of {
                Some(of) if of.value.within(rest).is_none() => {
                    format!(
                        "`{expr}`: `{first}` is a `{}` without `{}`",
                        of.value,
                        rest.join(".")
                    )
                }
                _ => continue,
            },
        };
        let diagnostic =
            Diagnostic::error(Phase::ConfigValidation, "unknown_field", place, message)
                .named(first.as_str())
                .within(context);
        found.push(if flow.field(first).is_none() {
            diagnostic.known(flow.field_names())
        } else {
            diagnostic
        });
    }
}

/// An input that is the name of a field, and not the field.
fn literal(flow: &Flow, node: &Node, name: &At<String>, text: &Text, found: &mut Vec<Diagnostic>) {
    let [Part::Text(written)] = text.value.parts.as_slice() else {
        return;
    };
    let field = written.strip_prefix("state.").unwrap_or(written);
    if flow.field(field).is_some() {
        found.push(
            Diagnostic::warning(
                Phase::ConfigValidation,
                "literal_input",
                text.place,
                format!(
                    "the input `{}` is the text `{written}`, not the field",
                    name.value
                ),
            )
            .named(name.value.as_str())
            .within(format!("node `{}`", node.id.value))
            .suggest(format!("for the field write \"{{{written}}}\"")),
        );
    }
}

/// Tools of the Python runtime's own registry.
const PYTHON_TOOLS: &[&str] = &[
    "serper_search",
    "web_search",
    "web_scrape",
    "web_fetch",
    "http_client",
    "file_read",
    "file_write",
    "file_glob",
    "file_move",
    "sql_query",
    "dataframe_to_csv",
    "json_transform",
    "shell",
    "process",
    "env_vars",
    "memory",
    "execute_code",
];

fn tools(flow: &Flow, node: &Node, found: &mut Vec<Diagnostic>) {
    for used in &node.tools {
        let name = used.name.value.as_str();
        if flow.tools.iter().any(|tool| tool.name.value == name) {
            continue;
        }
        let context = format!("node `{}`", node.id.value);
        found.push(if PYTHON_TOOLS.contains(&name) {
            Diagnostic::error(
                Phase::FeatureGating,
                "needs_python",
                used.name.place,
                format!("the tool `{name}` is the Python runtime's own: this node cannot run here"),
            )
            .named(name)
            .within(context)
            .suggest(format!("declare an `http` tool of this name: tools: [ {{ name: {name}, type: http, endpoint: \"https://…\" }} ]"))
        } else {
            let diagnostic = Diagnostic::error(
                Phase::ConfigValidation,
                "unknown_tool",
                used.name.place,
                format!("no tool `{name}` is declared"),
            )
            .named(name)
            .within(context);
            if flow.tools.is_empty() {
                diagnostic.suggest("declare it under `tools`")
            } else {
                diagnostic.known(flow.tools.iter().map(|tool| tool.name.value.as_str()))
            }
        });
    }
}
