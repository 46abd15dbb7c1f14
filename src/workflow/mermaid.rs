//! A workflow as a Mermaid diagram.

use super::ir::{Flow, Next};
use super::normal::{END, START};
use std::fmt::Write as _;

/// The text of the diagram.
#[must_use]
pub fn mermaid(flow: &Flow) -> String {
    let mut out = String::from("flowchart TD\n");
    let _ = writeln!(out, "  {START}([\"START\"])");
    for node in &flow.nodes {
        let mut label = escaped(&node.id);
        let written: Vec<&str> = node
            .output
            .fields
            .iter()
            .map(|field| field.name.as_str())
            .collect();
        let _ = write!(
            label,
            "<br/><small>writes {}</small>",
            escaped(&written.join(", "))
        );
        if !node.tools.is_empty() {
            let tools: Vec<&str> = node.tools.iter().map(|tool| tool.name.as_str()).collect();
            let _ = write!(
                label,
                "<br/><small>tools {}</small>",
                escaped(&tools.join(", "))
            );
        }
        let _ = writeln!(out, "  {}[\"{label}\"]", id(&node.id));
    }
    let _ = writeln!(out, "  {END}([\"END\"])");
    edges(START, &flow.start, &mut out);
    for node in &flow.nodes {
        edges(&node.id, &node.next, &mut out);
    }
    out
}

fn edges(from: &str, next: &Next, out: &mut String) {
    let from = id(from);
    match next {
        Next::To(to) => {
            let _ = writeln!(out, "  {from} --> {}", id(to));
        }
        Next::Fork(fork) => {
            for to in &fork.branches {
                let _ = writeln!(out, "  {from} ==> {}", id(to));
            }
        }
        Next::Routes(routes) => {
            for route in &routes.routes {
                let _ = writeln!(
                    out,
                    "  {from} -- \"{}\" --> {}",
                    escaped(&route.when.to_string()),
                    id(&route.to)
                );
            }
            let _ = writeln!(out, "  {from} -- \"default\" --> {}", id(&routes.default));
        }
        Next::Loop(found) => {
            let _ = writeln!(
                out,
                "  {from} -- \"at most {} times\" --> {from}\n  {from} -- \"{}\" --> {}",
                found.max_iterations,
                escaped(&found.until.to_string()),
                id(&found.exit_to)
            );
        }
        Next::Parallel(parallel) => {
            let _ = writeln!(
                out,
                "  {from} == \"each of {}, {} at once\" ==> {}",
                escaped(&parallel.items),
                parallel.max_concurrency,
                id(&parallel.node)
            );
        }
    }
}

/// A name that Mermaid takes for nothing else: some words of its own cannot be a node's.
fn id(name: &str) -> String {
    if name == START || name == END {
        return name.to_owned();
    }
    format!("n_{name}")
}

/// Text within quotes of a diagram.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '"' => out.push_str("#quot;"),
            '#' => out.push_str("#35;"),
            '<' => out.push_str("#lt;"),
            '>' => out.push_str("#gt;"),
            '&' => out.push_str("#amp;"),
            '\n' | '\r' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
