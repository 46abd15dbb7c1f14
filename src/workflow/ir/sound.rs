//! Whether a compiled workflow holds together: what a run takes for granted of one that was read from a file.
//!
//! A hash says that a file was not changed by accident, not who made it. One that was made by hand is refused here rather
//! than somewhere in a run.
//!
//! Not here: whether it makes sense (`check`), which is asked of what people write.

use super::{Flow, Next, Node};
use crate::workflow::normal::{END, START};
use crate::workflow::template::{Part, Template};
use crate::workflow::types::Type;
use std::collections::BTreeSet;

/// What is wrong with it, if anything.
pub(super) fn fault(flow: &Flow) -> Option<String> {
    let nodes: BTreeSet<&str> = flow.nodes.iter().map(|node| node.id.as_str()).collect();
    if nodes.len() < flow.nodes.len() || nodes.contains(START) || nodes.contains(END) {
        return Some("two nodes have the same id, or one has that of START or END".to_owned());
    }
    let fields: BTreeSet<&str> = flow.state.iter().map(|field| field.name.as_str()).collect();
    if fields.len() < flow.state.len() {
        return Some("two fields of the state have the same name".to_owned());
    }
    for tool in &flow.tools {
        if !has_host(&tool.endpoint) {
            return Some(format!(
                "the host of the tool `{}` is not written out",
                tool.name
            ));
        }
    }
    if matches!(flow.start, Next::Loop(_)) {
        return Some("START loops".to_owned());
    }
    let starts = std::iter::once((START, &flow.start));
    let all = starts.chain(flow.nodes.iter().map(|node| (node.id.as_str(), &node.next)));
    for (from, next) in all {
        for to in next.targets() {
            if to != END && !nodes.contains(to) {
                return Some(format!(
                    "`{from}` leads to `{to}`, and there is no such node"
                ));
            }
        }
        if let Some(wrong) = way(flow, &nodes, next) {
            return Some(format!("what comes after `{from}`: {wrong}"));
        }
    }
    flow.nodes
        .iter()
        .find_map(|node| answer(flow, &fields, node))
}

fn way(flow: &Flow, nodes: &BTreeSet<&str>, next: &Next) -> Option<String> {
    match next {
        Next::To(_) | Next::Routes(_) => None,
        Next::Fork(fork) => {
            let is_known = fork.join == END || nodes.contains(fork.join.as_str());
            (!is_known || fork.branches.len() < 2).then(|| "its branches do not meet".to_owned())
        }
        Next::Loop(found) => (found.max_iterations == 0).then(|| "it is never run".to_owned()),
        Next::Parallel(parallel) => {
            let is_list = |name: &str| {
                flow.state
                    .iter()
                    .any(|field| field.name == name && matches!(field.of, Type::List(_)))
            };
            let is_sound = is_list(&parallel.items)
                && is_list(&parallel.collect)
                && parallel.node != END
                && parallel.max_concurrency > 0;
            (!is_sound).then(|| "its items are in no list, or their results".to_owned())
        }
    }
}

fn answer(flow: &Flow, fields: &BTreeSet<&str>, node: &Node) -> Option<String> {
    let output = &node.output;
    let is_known = output
        .fields
        .iter()
        .all(|field| fields.contains(field.name.as_str()));
    if !is_known || output.fields.is_empty() || output.wrapped && output.fields.len() != 1 {
        return Some(format!("what `{}` answers does not fit the state", node.id));
    }
    node.tools
        .iter()
        .find(|used| !flow.tools.iter().any(|tool| tool.name == used.name))
        .map(|used| {
            format!(
                "`{}` uses the tool `{}`, which is not there",
                node.id, used.name
            )
        })
}

/// Whether an address has its host written out.
fn has_host(endpoint: &Template) -> bool {
    let Some((Part::Text(first), rest)) = endpoint.parts.split_first() else {
        return false;
    };
    let address = first
        .strip_prefix("https://")
        .or_else(|| first.strip_prefix("http://"));
    address.is_some_and(|address| match address.find(['/', '?', '#']) {
        Some(end) => end > 0,
        None => rest.is_empty() && !address.is_empty(),
    })
}
