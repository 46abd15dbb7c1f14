//! `tollgate flow export`: a workflow compiled into one file that runs without its YAML.

use super::{code, tell};
use crate::config::flow;
use anyhow::Context as _;
use clap::Args;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Compile a workflow into one file: graph, conditions, prompts, schemas, types
///
/// Equal workflows give equal bytes, however they are formatted or spelt; the hash in the file is of what it means.
/// `tollgate schema flow-ir` describes the form.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate flow export flow.yaml -o flow.ir.json
  tollgate flow export flow.yaml | jq -r .hash")]
pub(super) struct ExportArgs {
    /// The workflow
    file: PathBuf,
    /// Where to write it [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(
    args: &ExportArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let loaded = flow::load(&args.file);
    tell(&args.file, &loaded.found, err)?;
    let Some((bytes, hash)) = loaded.export() else {
        return Ok(ExitCode::from(code(&loaded)));
    };
    match &args.output {
        None => out.write_all(&bytes)?,
        Some(file) => {
            fs::write(file, &bytes)
                .with_context(|| format!("cannot write `{}`", file.display()))?;
            writeln!(err, "{}: {} bytes, {hash}", file.display(), bytes.len())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
