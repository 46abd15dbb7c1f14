//! The graph of a workflow: what can be reached from where, and where branches meet.
//!
//! Not here: what is wrong with one (`check`), drawing one (`mermaid`).

use super::normal::{END, Flow, START, Way};
use std::collections::{BTreeMap, BTreeSet};

/// What comes after each node, by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Graph<'a> {
    after: BTreeMap<&'a str, Vec<&'a str>>,
}

impl<'a> Graph<'a> {
    /// The graph of a workflow. A loop leads to where it goes on; that it also leads back changes nothing that is asked here.
    pub(super) fn of(flow: &'a Flow) -> Self {
        let mut after: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for edge in &flow.edges {
            let all = after.entry(edge.from.as_str()).or_default();
            match &edge.way {
                Way::To(to) => all.extend(to.iter().map(|to| to.as_str())),
                Way::Routes {
                    routes, otherwise, ..
                } => {
                    all.extend(routes.iter().map(|(_, to)| to.as_str()));
                    all.extend(otherwise.iter().map(|to| to.as_str()));
                }
                Way::Loop { exit_to, .. } => all.push(exit_to.as_str()),
                Way::Parallel { target, .. } => all.push(target.as_str()),
            }
        }
        Self { after }
    }

    /// What comes right after a node.
    pub(super) fn after(&self, node: &str) -> &[&'a str] {
        self.after.get(node).map_or(&[], Vec::as_slice)
    }

    /// What can be reached from a node, itself included, not going beyond `stop`.
    pub(super) fn reached(&self, from: &'a str, stop: Option<&str>) -> BTreeSet<&'a str> {
        let mut reached = BTreeSet::new();
        let mut open = vec![from];
        while let Some(node) = open.pop() {
            if stop == Some(node) || !reached.insert(node) {
                continue;
            }
            open.extend(self.after(node));
        }
        reached
    }

    /// The nodes from which END can be reached.
    pub(super) fn reaching_end(&self) -> BTreeSet<&'a str> {
        let mut reaching: BTreeSet<&str> = BTreeSet::from([END]);
        loop {
            let more: Vec<&str> = self
                .after
                .iter()
                .filter(|(node, after)| {
                    !reaching.contains(*node) && after.iter().any(|next| reaching.contains(next))
                })
                .map(|(node, _)| *node)
                .collect();
            if more.is_empty() {
                return reaching;
            }
            reaching.extend(more);
        }
    }

    /// Where the branches that begin behind a node meet: the first node that every way from there to END passes.
    pub(super) fn join(&self, fork: &str) -> Option<&'a str> {
        let begin = self.after(fork);
        let before = |node: &str| -> BTreeSet<&'a str> {
            begin
                .iter()
                .flat_map(|branch| self.reached(branch, Some(node)))
                .collect()
        };
        // Every way passes a node if none comes to END without it.
        let passed: Vec<(&str, BTreeSet<&str>)> = before("")
            .into_iter()
            .map(|node| (node, before(node)))
            .filter(|(node, before)| *node == END || !before.contains(END))
            .filter(|(node, _)| self.reached(node, None).contains(END))
            .collect();
        // Of those it is the first that none of the others comes before.
        passed
            .iter()
            .find(|(_, before)| passed.iter().all(|(other, _)| !before.contains(other)))
            .map(|(node, _)| *node)
    }

    /// The nodes of the branch that begins at `branch` and ends before `join`.
    pub(super) fn branch(&self, branch: &'a str, join: &str) -> BTreeSet<&'a str> {
        let mut nodes = self.reached(branch, Some(join));
        nodes.remove(END);
        nodes.remove(START);
        nodes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::diagnostic::{At, Place};
    use crate::workflow::normal::Edge;

    fn flow(edges: &[(&str, &[&str])]) -> Flow {
        let at = |text: &str| At::new(text.to_owned(), Place::default());
        let edges = edges.iter().map(|(from, to)| Edge {
            from: at(from),
            way: Way::To(to.iter().map(|to| at(to)).collect()),
            place: Place::default(),
        });
        Flow {
            edges: edges.collect(),
            ..Flow::default()
        }
    }

    #[test]
    fn branches_meet_at_the_first_node_that_all_ways_pass() {
        let check = |edges: &[(&str, &[&str])], fork: &str, expected: Option<&str>| {
            let flow = flow(edges);
            assert_eq!(Graph::of(&flow).join(fork), expected, "{edges:?}");
        };
        check(
            &[
                ("START", &["a", "b"]),
                ("a", &["c"]),
                ("b", &["c"]),
                ("c", &["END"]),
            ],
            "START",
            Some("c"),
        );
        check(
            &[("START", &["a", "b"]), ("a", &["END"]), ("b", &["END"])],
            "START",
            Some("END"),
        );
        check(
            &[
                ("START", &["a", "b"]),
                ("a", &["a2"]),
                ("a2", &["c"]),
                ("b", &["c"]),
                ("c", &["d"]),
                ("d", &["END"]),
            ],
            "START",
            Some("c"),
        );
        check(
            &[
                ("START", &["a", "b"]),
                ("a", &["c", "END"]),
                ("b", &["c"]),
                ("c", &["END"]),
            ],
            "START",
            Some("END"),
        );
        check(
            &[("START", &["c", "b"]), ("b", &["c"]), ("c", &["END"])],
            "START",
            Some("c"),
        );
        check(
            &[
                ("START", &["a"]),
                ("a", &["b", "c"]),
                ("b", &["a"]),
                ("c", &["a"]),
            ],
            "a",
            None,
        );
    }
}
