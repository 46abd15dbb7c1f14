//! Edges: their ends exist, choices have a default, loops end, fan-outs over items have lists at both ends.

use crate::workflow::diagnostic::{At, Diagnostic, Phase};
use crate::workflow::ir::{Collect, collected};
use crate::workflow::normal::{END, Edge, Flow, START, Shape, Way};
use crate::workflow::types::Type;

const UNKNOWN_NODE: &str = "unknown_node";
const RESERVED: &str = "reserved_name";
const AT_START: &str = "loop_at_start";

/// Whether an edge does not lead anywhere, so that nothing can be said of the graph.
pub(super) fn is_broken(diagnostic: &Diagnostic) -> bool {
    [UNKNOWN_NODE, RESERVED, AT_START].contains(&diagnostic.id)
}

/// The ends of every edge.
pub(super) fn endpoints(flow: &Flow, found: &mut Vec<Diagnostic>) {
    for edge in &flow.edges {
        from(flow, edge, found);
        match &edge.way {
            Way::To(all) => {
                for to in all {
                    target(flow, edge, to, "to", found);
                }
            }
            Way::Routes {
                routes, otherwise, ..
            } => {
                for to in routes.iter().map(|(_, to)| to).chain(otherwise) {
                    target(flow, edge, to, "a route", found);
                }
            }
            Way::Loop { exit_to, .. } => target(flow, edge, exit_to, "`exit_to`", found),
            Way::Parallel { target: to, .. } => {
                if to.value == END {
                    let message = "END cannot be run for each item";
                    found.push(reserved(edge, to, message).suggest("name a node as `target_node`"));
                } else {
                    target(flow, edge, to, "`target_node`", found);
                }
            }
        }
    }
}

fn context(edge: &Edge) -> String {
    format!("edge from `{}`", edge.from.value)
}

fn reserved(edge: &Edge, name: &At<String>, message: &str) -> Diagnostic {
    Diagnostic::error(Phase::ConfigValidation, RESERVED, name.place, message)
        .named(name.value.as_str())
        .within(context(edge))
}

fn from(flow: &Flow, edge: &Edge, found: &mut Vec<Diagnostic>) {
    let name = edge.from.value.as_str();
    if name == END {
        found.push(reserved(edge, &edge.from, "nothing comes after END"));
    } else if name != START && flow.has_nodes && flow.node(name).is_none() {
        let message = format!("there is no node `{name}`");
        let known = flow
            .nodes
            .iter()
            .map(|node| node.id.as_str())
            .chain([START]);
        found.push(
            Diagnostic::error(
                Phase::ConfigValidation,
                UNKNOWN_NODE,
                edge.from.place,
                message,
            )
            .named(name)
            .known(known),
        );
    }
}

fn target(flow: &Flow, edge: &Edge, to: &At<String>, what: &str, found: &mut Vec<Diagnostic>) {
    let name = to.value.as_str();
    if name == START {
        found
            .push(reserved(edge, to, "nothing leads back to START").suggest("name the first node"));
    } else if name != END && flow.has_nodes && flow.node(name).is_none() {
        let known = flow.nodes.iter().map(|node| node.id.as_str()).chain([END]);
        let what = if what == "to" { "it" } else { what };
        found.push(
            Diagnostic::error(
                Phase::ConfigValidation,
                UNKNOWN_NODE,
                to.place,
                format!("{what} leads to `{name}`, and there is no such node"),
            )
            .named(name)
            .within(context(edge))
            .known(known),
        );
    }
}

/// What each kind of edge needs.
pub(super) fn ways(flow: &Flow, found: &mut Vec<Diagnostic>) {
    for edge in &flow.edges {
        match &edge.way {
            Way::To(_) => {}
            Way::Routes {
                otherwise,
                is_whole,
                ..
            } => {
                if otherwise.is_none() && *is_whole {
                    found.push(
                        Diagnostic::error(
                            Phase::ConfigValidation,
                            "no_default_route",
                            edge.place,
                            "the routes have no default",
                        )
                        .within(context(edge))
                        .suggest("add `- { condition: { logic: default }, to: … }`"),
                    );
                }
            }
            Way::Loop { field, .. } => {
                if edge.from.value == START {
                    found.push(
                        Diagnostic::error(
                            Phase::GraphBuild,
                            AT_START,
                            edge.place,
                            "START is no node that could be repeated",
                        )
                        .suggest("write the loop at the node to repeat"),
                    );
                }
                if let Some(field) = field {
                    typed(flow, edge, field, "`condition_field`", "bool", found);
                }
            }
            Way::Parallel {
                items,
                target,
                collect,
                ..
            } => {
                typed(flow, edge, items, "`items_field`", "list", found);
                typed(flow, edge, collect, "`collect_field`", "list", found);
                results(flow, edge, target, collect, found);
            }
        }
    }
}

/// The field exists and is of this kind.
fn typed(
    flow: &Flow,
    edge: &Edge,
    name: &At<String>,
    what: &str,
    wanted: &str,
    found: &mut Vec<Diagnostic>,
) {
    if !flow.has_state {
        return;
    }
    let Some(field) = flow.field(name) else {
        found.push(
            Diagnostic::error(
                Phase::ConfigValidation,
                "unknown_field",
                name.place,
                format!(
                    "{what} is `{}`, and the state has no such field",
                    name.value
                ),
            )
            .named(name.value.as_str())
            .within(context(edge))
            .known(flow.field_names()),
        );
        return;
    };
    let Some(of) = &field.of else {
        return;
    };
    let fits = match wanted {
        "bool" => of.value == Type::Bool,
        _ => matches!(of.value, Type::List(_)),
    };
    if !fits {
        found.push(
            Diagnostic::error(
                Phase::ConfigValidation,
                "field_type",
                name.place,
                format!(
                    "{what} `{}` is of type `{}`, not `{wanted}`",
                    name.value, of.value
                ),
            )
            .named(name.value.as_str())
            .within(context(edge))
            .suggest(format!(
                "change the type of `{}` on line {}",
                name.value, of.place.line
            )),
        );
    }
}

/// What the items give fits into the list they are collected in.
fn results(
    flow: &Flow,
    edge: &Edge,
    target: &str,
    collect: &At<String>,
    found: &mut Vec<Diagnostic>,
) {
    let Some(node) = flow.node(target) else {
        return;
    };
    let Some(Type::List(Some(element))) = flow
        .field(collect)
        .and_then(|field| field.of.as_ref())
        .map(|of| &of.value)
    else {
        return;
    };
    let Some(output) = &node.output else {
        return;
    };
    let given = match collected(flow, target, collect) {
        // The output is the field itself, whose types are compared where outputs are.
        None | Some(Collect::Extend) => return,
        Some(Collect::Value) => match &output.shape {
            Shape::Simple(of) => of.value.clone(),
            Shape::Fields(fields) => match fields.as_slice() {
                [(_, Some(field))] => field.value.of.clone(),
                _ => return,
            },
        },
        Some(Collect::Dict) => match &output.shape {
            Shape::Fields(fields) => {
                let all: Option<Vec<_>> = fields
                    .iter()
                    .map(|(_, field)| field.as_ref().map(|field| field.value.clone()))
                    .collect();
                match all {
                    Some(fields) => Type::Object(fields),
                    None => return,
                }
            }
            Shape::Simple(_) => return,
        },
    };
    let fits = element.is_same(&given)
        || matches!((&**element, &given), (Type::Dict(None), Type::Object(_)));
    if !fits {
        found.push(
            Diagnostic::error(
                Phase::ConfigValidation,
                "collect_type",
                collect.place,
                format!(
                    "`{}` is a `list[{element}]`, and each item gives a `{given}`",
                    collect.value
                ),
            )
            .named(collect.value.as_str())
            .within(context(edge))
            .suggest(format!(
                "make it a `list[{}]`",
                if matches!(given, Type::Object(_)) {
                    "dict".to_owned()
                } else {
                    given.to_string()
                }
            )),
        );
    }
}
