//! Whether a workflow makes sense: names that exist, types that agree, a graph that leads from START to END.
//!
//! Every fault is told at once. What a fault of form has left without a value is passed over here, so that nothing is told
//! twice.
//!
//! Not here: the form of a file (`frontend`).

mod edges;
mod graph;
mod outputs;
mod references;
mod state;

use super::diagnostic::{Diagnostic, sort};
use super::normal::Flow;

/// What is wrong with a workflow, sorted by place.
#[must_use]
pub fn check(flow: &Flow) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    state::check(flow, &mut found);
    edges::endpoints(flow, &mut found);
    edges::ways(flow, &mut found);
    outputs::check(flow, &mut found);
    references::check(flow, &mut found);
    // A graph of which a part is missing leads nowhere for that reason alone.
    if flow.has_nodes && flow.has_edges && !found.iter().any(edges::is_broken) {
        graph::check(flow, &mut found);
    }
    sort(&mut found);
    found
}

#[cfg(test)]
mod tests;
