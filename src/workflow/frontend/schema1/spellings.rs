//! Edges in spellings that the Python runtime refuses, and edges that belong together: all become one edge for each node.

use super::edges::{DEFAULT, When, condition, is_error, quoted, second_default, targets};
use super::map::{Map, Reading};
use super::nodes::NodeLoop;
use crate::workflow::diagnostic::{At, Diagnostic, Phase};
use crate::workflow::expr::Expr;
use crate::workflow::frontend::tree::Node;
use crate::workflow::normal::{END, Edge, Flow, START, Way};
use std::fmt::Write as _;

/// An edge with a condition of its own: one route of several that begin at the same node.
pub(super) struct Guarded {
    pub(super) from: At<String>,
    pub(super) when: When,
    pub(super) to: At<String>,
}

/// `parallel: [a, b]` with `join: c`: edges to the branches, and from them to where they meet.
pub(super) fn fan_out(
    r: &mut Reading,
    map: &Map<'_>,
    node: &Node,
    from: &At<String>,
    flow: &mut Flow,
) {
    let to = targets(r, node, &map.path("parallel"));
    let join = map
        .get("join")
        .and_then(|node| Some(At::new(r.text(node, &map.path("join"))?, node.place)));
    let names: Vec<&str> = to.iter().map(|to| to.value.as_str()).collect();
    let mut accepted = format!("- {{ from: {}, to: [{}] }}", from.value, names.join(", "));
    if let Some(join) = &join {
        for name in &names {
            let _ = write!(accepted, "\n- {{ from: {name}, to: {} }}", join.value);
        }
    }
    r.dialect(
        node.place,
        &map.path,
        "a fan-out is a list under `to`",
        accepted,
    );
    if to.is_empty() {
        return;
    }
    if let Some(join) = join {
        for branch in &to {
            flow.edges.push(Edge {
                from: At::new(branch.value.clone(), branch.place),
                way: Way::To(vec![join.clone()]),
                place: join.place,
            });
        }
    }
    flow.edges.push(Edge {
        from: from.clone(),
        way: Way::To(to),
        place: map.place,
    });
}

/// `condition:` beside `to:`.
pub(super) fn edge_condition(
    r: &mut Reading,
    map: &Map<'_>,
    node: &Node,
    from: &At<String>,
    mut to: Vec<At<String>>,
    guarded: &mut Vec<Guarded>,
) {
    let path = map.path("condition");
    if to.len() > 1 {
        r.wrong(node.place, &path, "a route leads to one node");
        return;
    }
    let before = r.found.len();
    let condition = condition(r, node, &path);
    // The form shown below has the condition's own spelling put right as well.
    let mut index = 0;
    r.found.retain(|found| {
        index += 1;
        index <= before || is_error(found)
    });
    let (Some(when), Some(to)) = (condition, to.pop()) else {
        return;
    };
    let logic = match &when {
        When::Holds(expr) => expr.value.to_string(),
        When::Default => DEFAULT.to_owned(),
    };
    r.dialect(
        node.place,
        &map.path,
        "conditions stand in `routes`",
        format!(
            "`- {{ from: {}, routes: [ {{ condition: {{ logic: {} }}, to: {} }}, … ] }}`",
            from.value,
            quoted(&logic),
            to.value
        ),
    );
    guarded.push(Guarded {
        from: from.clone(),
        when,
        to,
    });
}

/// Edges with conditions that begin at one node are its routes; a plain edge from there is their default.
pub(super) fn routes_of(r: &mut Reading, guarded: &[Guarded], flow: &mut Flow) {
    let mut begun: Vec<String> = Vec::new();
    for first in guarded {
        if begun.contains(&first.from.value) {
            continue;
        }
        begun.push(first.from.value.clone());
        let (mut routes, mut otherwise) = (Vec::new(), None);
        for one in guarded
            .iter()
            .filter(|one| one.from.value == first.from.value)
        {
            match &one.when {
                When::Holds(expr) => routes.push((expr.clone(), one.to.clone())),
                When::Default if otherwise.is_none() => otherwise = Some(one.to.clone()),
                When::Default => second_default(r, one.to.place, "edges"),
            }
        }
        let plain = flow.edges.iter().position(|edge| {
            edge.from.value == first.from.value && matches!(&edge.way, Way::To(to) if to.len() == 1)
        });
        if otherwise.is_none()
            && let Some(index) = plain
            && let Way::To(mut to) = flow.edges.remove(index).way
        {
            otherwise = to.pop();
        }
        flow.edges.push(Edge {
            from: first.from.clone(),
            way: Way::Routes {
                routes,
                otherwise,
                is_whole: true,
            },
            place: first.from.place,
        });
    }
}

/// Several plain edges from one node are a fan-out; other ways are not mixed.
pub(super) fn merge(r: &mut Reading, flow: &mut Flow) {
    let mut merged: Vec<Edge> = Vec::new();
    for edge in std::mem::take(&mut flow.edges) {
        let Some(first) = merged
            .iter_mut()
            .find(|other| other.from.value == edge.from.value)
        else {
            merged.push(edge);
            continue;
        };
        let is_start = first.from.value == START;
        match (&mut first.way, &edge.way) {
            (Way::To(all), Way::To(more)) if !is_start => {
                for to in more {
                    if !all.iter().any(|other| other.value == to.value) {
                        all.push(to.clone());
                    }
                }
            }
            _ => {
                let message = format!(
                    "a second edge from `{}`, beside the one on line {}",
                    edge.from.value, first.place.line
                );
                let diagnostic =
                    Diagnostic::error(Phase::GraphBuild, "second_edge", edge.place, message);
                let help = if is_start {
                    "a graph is entered once: write one edge from START, with a list under `to` for several nodes"
                } else {
                    "one edge says where a node leads: several nodes are a list under `to`, a choice is `routes`"
                };
                r.push(diagnostic.named(edge.from.value.clone()).suggest(help));
                // Its ends are looked at all the same; the graph is not.
                flow.has_edges = false;
                merged.push(edge);
            }
        }
    }
    flow.edges = merged;
}

/// A loop written at its node takes the place of the plain edge that leaves the node.
pub(super) fn at_node(r: &mut Reading, found: &NodeLoop, flow: &mut Flow) {
    let edge = flow
        .edges
        .iter_mut()
        .find(|edge| edge.from.value == found.node);
    let field = match &found.until.value {
        Expr::Field(way) if way.len() == 1 => Some(At::new(way.join("."), found.until.place)),
        _ => None,
    };
    let looped = |exit_to: At<String>| Way::Loop {
        until: found.until.clone(),
        field: field.clone(),
        max_iterations: found.max_iterations,
        exit_to,
    };
    match edge {
        None => {
            let place = found.place;
            flow.edges.push(Edge {
                from: At::new(found.node.clone(), place),
                way: looped(At::new(END.to_owned(), place)),
                place,
            });
        }
        Some(edge) => match &edge.way {
            Way::To(to) if to.len() == 1 => {
                if let Some(exit) = to.first().cloned() {
                    edge.way = looped(exit);
                }
            }
            _ => {
                r.wrong(
                    found.place,
                    &format!("node `{}`.loop", found.node),
                    "a loop at a node goes on along a plain edge, and this node has another",
                )
                .suggest("write the loop at the edge");
            }
        },
    }
}
