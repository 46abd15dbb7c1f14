//! `tollgate flow graph`: a workflow as a diagram.

use super::{code, tell};
use crate::config::flow;
use clap::Args;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Draw a workflow: prints a Mermaid diagram
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate flow graph flow.yaml
  tollgate flow graph flow.ir.json > flow.mmd")]
pub(super) struct GraphArgs {
    /// The workflow, YAML or exported
    file: PathBuf,
}

pub(super) fn run(
    args: &GraphArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let loaded = flow::load(&args.file);
    tell(&args.file, &loaded.found, err)?;
    match loaded.mermaid() {
        Some(diagram) => {
            out.write_all(diagram.as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
        None => Ok(ExitCode::from(code(&loaded))),
    }
}
