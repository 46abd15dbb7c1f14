//! The graph: one way in, every node on a way from START to END, branches that keep apart until they meet.

use crate::workflow::diagnostic::{At, Diagnostic, Phase, Place};
use crate::workflow::graph::Graph;
use crate::workflow::normal::{Edge, Flow, START, Way};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(flow: &Flow, found: &mut Vec<Diagnostic>) {
    let graph = Graph::of(flow);
    if !flow.edges.iter().any(|edge| edge.from.value == START) {
        let place = flow
            .edges
            .first()
            .map_or(Place::default(), |edge| edge.place);
        found.push(
            Diagnostic::error(
                Phase::GraphBuild,
                "no_start",
                place,
                "no edge begins at START",
            )
            .named(START)
            .suggest("add `- { from: START, to: … }` with the first node"),
        );
        return;
    }
    let reached = graph.reached(START, None);
    let reaching = graph.reaching_end();
    for node in &flow.nodes {
        let id = node.id.value.as_str();
        if !reached.contains(id) {
            found.push(
                Diagnostic::error(
                    Phase::GraphBuild,
                    "unreachable_node",
                    node.id.place,
                    format!("no way leads from START to `{id}`"),
                )
                .named(id)
                .suggest("add an edge to it, or remove the node"),
            );
        } else if !reaching.contains(id) {
            found.push(
                Diagnostic::error(
                    Phase::GraphBuild,
                    "dead_end",
                    node.id.place,
                    format!("no way leads from `{id}` to END"),
                )
                .named(id)
                .suggest(format!("add `- {{ from: {id}, to: END }}`")),
            );
        }
    }
    for edge in &flow.edges {
        match &edge.way {
            Way::To(all) if all.len() > 1 => fork(flow, &graph, edge, all, found),
            Way::Parallel {
                target, collect, ..
            } => items(flow, edge, target, collect, found),
            _ => {}
        }
    }
}

/// Branches share no node before they meet, do not lead back, and write no field twice.
fn fork(
    flow: &Flow,
    graph: &Graph<'_>,
    edge: &Edge,
    all: &[At<String>],
    found: &mut Vec<Diagnostic>,
) {
    let Some(join) = graph.join(&edge.from.value) else {
        // Some branch has no way to END, which was told.
        return;
    };
    let context = format!("fan-out from `{}`", edge.from.value);
    let mut owner: BTreeMap<&str, &str> = BTreeMap::new();
    let mut writers: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for branch in all {
        for id in graph.branch(&branch.value, join) {
            if id == edge.from.value {
                found.push(
                    Diagnostic::error(
                        Phase::GraphBuild,
                        "branch_leads_back",
                        branch.place,
                        format!(
                            "the branch `{}` leads back to `{id}`, which began it",
                            branch.value
                        ),
                    )
                    .named(branch.value.as_str())
                    .within(context.as_str())
                    .suggest("let the branches meet before going back"),
                );
                return;
            }
            if let Some(first) = owner.insert(id, &branch.value)
                && first != branch.value
                && told.insert(id)
            {
                found.push(
                    Diagnostic::error(
                        Phase::GraphBuild,
                        "branches_meet_twice",
                        branch.place,
                        format!(
                            "the branches `{first}` and `{}` meet at `{id}`, and all branches only at `{join}`",
                            branch.value
                        ),
                    )
                    .named(id)
                    .within(context.as_str())
                    .suggest("let all branches meet at one node, or begin another fan-out within a branch"),
                );
                continue;
            }
            for output in written(flow, id) {
                if let Some((other, first)) = writers.insert(output, (id, &branch.value))
                    && first != branch.value
                {
                    let place = flow.node(id).map_or(branch.place, |node| node.id.place);
                    found.push(
                        Diagnostic::error(
                            Phase::GraphBuild,
                            "written_by_two",
                            place,
                            format!("`{other}` and `{id}` run at once, and both write `{output}`"),
                        )
                        .named(output)
                        .within(context.as_str())
                        .suggest("give each branch a field of its own, and let the node where they meet read both"),
                    );
                }
            }
        }
    }
}

/// What a node, or the fan-out over items that runs it, writes.
fn written<'a>(flow: &'a Flow, id: &str) -> Vec<&'a str> {
    let collect = flow.edges.iter().find_map(|edge| match &edge.way {
        Way::Parallel {
            target, collect, ..
        } if target.value == id => Some(collect.value.as_str()),
        _ => None,
    });
    match (collect, flow.node(id)) {
        (Some(collect), _) => vec![collect],
        (None, Some(node)) => node
            .outputs
            .iter()
            .map(|output| output.value.as_str())
            .collect(),
        (None, None) => Vec::new(),
    }
}

/// A node that runs for items runs for nothing else, and is not repeated.
fn items(
    flow: &Flow,
    edge: &Edge,
    target: &At<String>,
    collect: &At<String>,
    found: &mut Vec<Diagnostic>,
) {
    let context = format!("edge from `{}`", edge.from.value);
    let others = flow.edges.iter().filter(|other| {
        other.place != edge.place
            && match &other.way {
                Way::To(all) => all.iter().any(|to| to.value == target.value),
                Way::Routes {
                    routes, otherwise, ..
                } => routes
                    .iter()
                    .map(|(_, to)| to)
                    .chain(otherwise)
                    .any(|to| to.value == target.value),
                Way::Loop { exit_to, .. } => exit_to.value == target.value,
                Way::Parallel { target: other, .. } => other.value == target.value,
            }
    });
    for other in others {
        found.push(
            Diagnostic::error(
                Phase::GraphBuild,
                "target_reached_twice",
                target.place,
                format!(
                    "`{}` runs for each item, and the edge from `{}` on line {} leads there, too",
                    target.value, other.from.value, other.place.line
                ),
            )
            .named(target.value.as_str())
            .within(context.as_str())
            .suggest("give the other edge a node of its own"),
        );
    }
    let own = flow
        .edges
        .iter()
        .find(|other| other.from.value == target.value);
    if let Some(own) = own
        && matches!(own.way, Way::Loop { .. })
    {
        found.push(
            Diagnostic::error(
                Phase::GraphBuild,
                "target_loops",
                own.place,
                format!(
                    "`{}` runs for each item and cannot be repeated as well",
                    target.value
                ),
            )
            .named(target.value.as_str())
            .within(context.as_str()),
        );
    }
    let outputs = flow
        .node(target)
        .map(|node| node.outputs.as_slice())
        .unwrap_or_default();
    if outputs.len() > 1
        && let Some(output) = outputs.iter().find(|output| output.value == collect.value)
    {
        found.push(
            Diagnostic::error(
                Phase::GraphBuild,
                "collects_itself",
                output.place,
                format!(
                    "`{}` is collected from the items, and is one of several outputs of each",
                    collect.value
                ),
            )
            .named(collect.value.as_str())
            .within(context)
            .suggest("collect into a field that the node does not write"),
        );
    }
}
