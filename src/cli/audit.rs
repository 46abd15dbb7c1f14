//! `tollgate audit`: proves the decision log unbroken, and shows its end.
//!
//! Reads files only: it works beside a running gateway and without one. What a running gateway has not written yet is not
//! there; what it is just writing (a line without its end) is not counted.

use crate::governance::audit::{Head, Verifier};
use crate::telemetry::audit_log::{Files, files, last_lines};
use anyhow::Context as _;
use clap::{Args, Subcommand};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write};
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
    Verify {
        /// Where the gateway keeps its state (`state_dir` of its configuration)
        #[arg(long, default_value = ".tollgate", value_name = "DIR")]
        state_dir: PathBuf,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the last lines
    Tail {
        /// Where the gateway keeps its state (`state_dir` of its configuration)
        #[arg(long, default_value = ".tollgate", value_name = "DIR")]
        state_dir: PathBuf,
        /// How many
        #[arg(short = 'n', long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        lines: u32,
    },
}

/// Runs the command; what it prints goes to `out`.
///
/// # Errors
/// The log cannot be read, or `out` not be written.
pub fn run(arguments: &AuditArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        Command::Verify { state_dir, json } => verify(&log_dir(state_dir)?, *json, out),
        Command::Tail { state_dir, lines } => {
            let dir = log_dir(state_dir)?;
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

fn log_dir(state_dir: &Path) -> anyhow::Result<PathBuf> {
    let dir = state_dir.join("decisions");
    anyhow::ensure!(
        dir.is_dir(),
        "there is no decision log in `{}`: name the gateway's state directory with --state-dir",
        state_dir.display()
    );
    Ok(dir)
}

/// The first fault, where a person finds it.
struct Fault {
    file: PathBuf,
    line: u64,
    what: String,
}

fn verify(dir: &Path, json: bool, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let files = files(dir);
    let (lines, fault) = walk(&files)?;
    let end = files.head.map_or(0, |head: Head| head.seq);
    if json {
        let first_fault = fault.as_ref().map(|fault| {
            serde_json::json!({ "file": fault.file, "line": fault.line, "what": fault.what })
        });
        let result = serde_json::json!({
            "ok": fault.is_none(), "lines": lines, "files": files.in_order().count(),
            "durable_to": end, "first_fault": first_fault,
        });
        writeln!(out, "{result}")?;
    } else if let Some(fault) = &fault {
        writeln!(
            out,
            "{}:{}: {}",
            fault.file.display(),
            fault.line,
            fault.what
        )?;
        writeln!(
            out,
            "the decision log is broken; the {lines} lines before are as written"
        )?;
    } else {
        let files = files.in_order().count();
        writeln!(
            out,
            "the decision log is unbroken: {lines} lines in {files} files"
        )?;
    }
    Ok(ExitCode::from(u8::from(fault.is_some())))
}

/// Reads every line; how many are as written, and the first that is not.
fn walk(files: &Files) -> anyhow::Result<(u64, Option<Fault>)> {
    let mut verifier = Verifier::against(files.head);
    let mut good = 0;
    let mut place = (PathBuf::new(), 0);
    for path in files.in_order() {
        let file = File::open(path).with_context(|| format!("cannot open `{}`", path.display()))?;
        let mut reader = BufReader::new(file);
        let mut line = Vec::new();
        place = (path.clone(), 0);
        loop {
            line.clear();
            reader
                .read_until(b'\n', &mut line)
                .with_context(|| format!("cannot read `{}`", path.display()))?;
            // Without its end it is still being written, or torn by a crash: the next start cuts it off.
            if line.pop() != Some(b'\n') {
                break;
            }
            place.1 += 1;
            if let Err(fault) = verifier.line(&line) {
                let (file, line) = place;
                let what = fault.what.to_string();
                return Ok((good, Some(Fault { file, line, what })));
            }
            good += 1;
        }
    }
    let fault = verifier.finish().err().map(|fault| Fault {
        file: place.0,
        line: place.1,
        what: fault.what.to_string(),
    });
    Ok((good, fault))
}

#[cfg(test)]
mod tests;
