//! `tollgate flow check`: everything wrong with workflows, for people, editors and pipelines.

use super::{code, tell};
use crate::cli::{NO, UNREADABLE, counted};
use crate::config::flow::{self, Loaded, Severity};
use clap::Args;
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Validate workflows: every fault at once, with its place and the nearest name
///
/// Spellings that run here and not in the Python runtime, and what is not run here, are warnings.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate flow check flow.yaml
  tollgate flow check config/flows/*.yaml --strict
  tollgate flow check flow.yaml --json | jq '.files[].diagnostics[].message'

Exit code 0: all good; 1: faults found (with --strict also warnings); 2: a file cannot be read.")]
pub(super) struct CheckArgs {
    /// The files, YAML or exported
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Warnings count as faults
    #[arg(long)]
    strict: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &CheckArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let mut worst = 0;
    let mut results = Vec::new();
    for file in &args.files {
        let loaded = flow::load(file);
        let own = match code(&loaded) {
            0 if args.strict && !loaded.found.is_empty() => NO,
            own => own,
        };
        worst = worst.max(own);
        if args.json {
            results.push(as_json(file, &loaded, own == 0));
        } else {
            tell(file, &loaded.found, out)?;
            writeln!(out, "{}: {}", file.display(), said(&loaded))?;
        }
    }
    if args.json {
        let whole = json!({ "ok": worst == 0, "files": results });
        writeln!(out, "{whole:#}")?;
    }
    Ok(ExitCode::from(worst.min(UNREADABLE)))
}

/// How a file is, in a few words.
fn said(loaded: &Loaded) -> String {
    let count = |severity: Severity| {
        loaded
            .found
            .iter()
            .filter(|one| one.severity == severity)
            .count()
    };
    let warnings = match count(Severity::Warning) {
        0 => String::new(),
        some => format!(", {}", counted(some, "warning")),
    };
    match (&loaded.flow, loaded.export()) {
        (Some(flow), Some((_, hash))) => {
            let hash: String = hash.chars().take("sha256:".len() + 12).collect();
            format!(
                "ok: {}, {}, {}{warnings} ({hash})",
                flow.name,
                counted(flow.nodes.len(), "node"),
                counted(flow.state.len(), "field"),
            )
        }
        _ => format!("{}{warnings}", counted(count(Severity::Error), "error")),
    }
}

fn as_json(file: &Path, loaded: &Loaded, ok: bool) -> Value {
    json!({
        "file": file.display().to_string(),
        "ok": ok,
        "hash": loaded.export().map(|(_, hash)| hash),
        "diagnostics": loaded.found,
    })
}
