//! `tollgate flow`: workflows written in YAML: are they right, what do they compile to, what do they look like, what comes of them.
//!
//! One file per command. Data goes to standard output, what is wrong with a file to standard error.
//!
//! Not here: what a workflow means (`workflow`), reading its file (`config::flow`).

mod check;
mod export;
mod graph;
mod run;

use crate::config::flow::{Diagnostic, Loaded, Severity};
use clap::{Args, Subcommand};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

/// Workflows: check, run, export, draw
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate flow check config/flows/*.yaml
  tollgate flow run config/flows/echo.yaml -i message=hello
  tollgate flow export flow.yaml -o flow.ir.json
  tollgate flow graph flow.yaml")]
pub struct FlowArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::CheckArgs),
    Export(export::ExportArgs),
    Graph(graph::GraphArgs),
    Run(Box<run::RunArgs>),
}

/// Runs the command; data goes to `out`, what is wrong to `err`.
///
/// # Errors
/// Those of the writers, or of a file that cannot be written.
pub fn run(
    args: &FlowArgs,
    env: &[(String, String)],
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    match &args.command {
        Command::Check(args) => check::run(args, out),
        Command::Export(args) => export::run(args, out, err),
        Command::Graph(args) => graph::run(args, out, err),
        Command::Run(args) => run::run(args, env, out, err),
    }
}

/// The exit code that says how a file is.
fn code(loaded: &Loaded) -> u8 {
    if loaded.is_unreadable {
        super::UNREADABLE
    } else if loaded.has_errors() {
        super::NO
    } else {
        0
    }
}

/// Tells what was found in a file, each with its place and remedy.
fn tell(file: &Path, found: &[Diagnostic], out: &mut dyn Write) -> io::Result<()> {
    for one in found {
        let severity = match one.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let place = if one.place.line == 0 {
            file.display().to_string()
        } else {
            format!("{}:{}:{}", file.display(), one.place.line, one.place.column)
        };
        writeln!(out, "{place}: {severity}[{}]: {one}", one.id)?;
        if let Some(suggestion) = &one.suggestion {
            writeln!(out, "  help: {}", suggestion.replace('\n', "\n    "))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
