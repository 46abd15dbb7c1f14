//! Workflows: YAML files that say which calls and tools run in which order over a typed state.
//!
//! The way of a file:
//!
//! ```text
//! config::flow     reads the file and its YAML, with the place of every key
//! frontend/        one reader for each format (schema1): what the file says, in the normal form
//! normal           the normal form: every part with its place
//! check/           whether it makes sense: names, types, the graph
//! ir/              the compiled form: what is exported, hashed and run; read back from an export
//! ```
//!
//! and what these stand on: `value` (Python's values, printed and compared as Python does), `types`, `template` (prompts),
//! `expr` (conditions), `graph` (what reaches what, where branches meet), `mermaid`, `diagnostic` (what is wrong).
//!
//! All of it is a function of its input: no file, no clock, no network. What runs a workflow will stand beside it and start
//! from [`ir::Flow`] alone.

pub mod check;
pub mod diagnostic;
pub mod exec;
pub mod expr;
pub mod frontend;
mod graph;
pub mod ir;
mod mermaid;
pub mod normal;
pub mod template;
pub mod types;
pub mod value;

pub use mermaid::mermaid;

use diagnostic::{Diagnostic, has_errors, sort};
use frontend::tree::Node;

/// Reads a workflow of schema 1.0, checks it and compiles it. `None`: one of the diagnostics is an error.
#[must_use]
pub fn compile(root: &Node) -> (Option<ir::Flow>, Vec<Diagnostic>) {
    let (flow, mut found) = frontend::schema1::read(root);
    found.extend(check::check(&flow));
    sort(&mut found);
    if has_errors(&found) {
        return (None, found);
    }
    (ir::compile(&flow), found)
}

#[cfg(test)]
mod tests;
