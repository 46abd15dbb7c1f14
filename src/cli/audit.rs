//! `tollgate audit`: proves the decision log unbroken, and shows its end.
//!
//! Reads files only: it works beside a running gateway and without one. What a running gateway has not written yet is not
//! there; what it is just writing (a line without its end) is not counted.

use super::place::Place;
use crate::app::audit::{Proof, last_lines, verify};
use anyhow::Context as _;
use clap::{Args, Subcommand};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The decision log: prove it unbroken, look at its end
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    tollgate audit verify\n  \
    tollgate audit verify --state-dir /var/lib/tollgate --json\n  \
    tollgate audit tail -n 50")]
pub struct AuditArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check that no line was changed, removed, added or moved (exit code 1 if one was)
    #[command(
        after_help = "Examples:\n  tollgate audit verify\n  tollgate audit verify --state-dir /var/lib/tollgate --json"
    )]
    Verify {
        #[command(flatten)]
        place: Place,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the last lines
    #[command(after_help = "Examples:\n  tollgate audit tail\n  tollgate audit tail -n 50 | jq .")]
    Tail {
        #[command(flatten)]
        place: Place,
        /// How many
        #[arg(short = 'n', long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        lines: u32,
    },
}

/// Runs the command; what it prints goes to `out`.
///
/// # Errors
/// The log cannot be read, or `out` not be written.
pub fn run(
    arguments: &AuditArgs,
    env: &[(String, String)],
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        Command::Verify { place, json } => prove(&log_dir(place, env)?, *json, out),
        Command::Tail { place, lines } => {
            let dir = log_dir(place, env)?;
            let count = usize::try_from(*lines).unwrap_or(usize::MAX);
            let lines = last_lines(&dir, count)
                .with_context(|| format!("cannot read the decision log in `{}`", dir.display()))?;
            for line in lines {
                writeln!(out, "{line}")?;
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn log_dir(place: &Place, env: &[(String, String)]) -> anyhow::Result<PathBuf> {
    let (_, state_dir) = place.gate(env).files(env)?;
    let dir = state_dir.join("decisions");
    anyhow::ensure!(
        dir.is_dir(),
        "there is no decision log in `{}`: name the gateway's state directory with --state-dir, or its configuration with -c",
        state_dir.display()
    );
    Ok(dir)
}

fn prove(dir: &Path, json: bool, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let proof = verify(dir)
        .with_context(|| format!("cannot read the decision log in `{}`", dir.display()))?;
    let Proof {
        lines,
        files,
        durable_to,
        fault,
    } = &proof;
    if json {
        let first_fault = fault.as_ref().map(|fault| {
            serde_json::json!({ "file": fault.file, "line": fault.line, "what": fault.what })
        });
        let result = serde_json::json!({
            "ok": fault.is_none(), "lines": lines, "files": files,
            "durable_to": durable_to, "first_fault": first_fault,
        });
        writeln!(out, "{result}")?;
    } else if let Some(fault) = fault {
        writeln!(
            out,
            "{}:{}: {}",
            fault.file.display(),
            fault.line,
            fault.what
        )?;
        writeln!(
            out,
            "the decision log is broken; up to there {lines} lines hold together"
        )?;
    } else {
        writeln!(
            out,
            "the decision log is unbroken: {lines} lines, {files} files"
        )?;
    }
    Ok(ExitCode::from(u8::from(fault.is_some())))
}

#[cfg(test)]
mod tests;
