//! `tollgate policy check`: everything wrong with policies, for people, editors and pipelines.

use super::{Which, counted, faulty};
use crate::config::policy::{Assembled, Format};
use clap::{Args, ValueEnum};
use std::io::Write;
use std::process::ExitCode;

/// Validate policies and run their tests: every fault at once, with its place and remedy
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate policy check policies/
  tollgate policy check -c tollgate.yaml
  tollgate policy check policies/ -c tollgate.yaml --strict
  tollgate policy check policies/ --format sarif > policies.sarif

With -c, models are held against its prices and budgets.
Exit code 0: all good; 1: faults found (with --strict also warnings); 2: a file cannot be read.")]
pub(super) struct CheckArgs {
    #[command(flatten)]
    which: Which,
    /// How to tell
    #[arg(long, value_enum, default_value_t)]
    format: Shape,
    /// Print JSON: the same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Warnings count as faults
    #[arg(long)]
    strict: bool,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Shape {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations in a GitHub workflow
    Github,
}

pub(super) fn run(
    args: &CheckArgs,
    env: &[(String, String)],
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let assembled = args.which.subject(env)?.assemble();
    let format = match args.format {
        _ if args.json => Format::Json,
        Shape::Text => Format::Coloured,
        Shape::Json => Format::Json,
        Shape::Sarif => Format::Sarif,
        Shape::Github => Format::GitHub,
    };
    let loaded = &assembled.loaded;
    write!(out, "{}", loaded.report().render(format))?;
    if matches!(format, Format::Coloured) {
        writeln!(out, "{}", summary(&assembled))?;
    }
    let warned = args.strict && !loaded.diagnostics.is_empty();
    Ok(ExitCode::from(if loaded.has_errors() {
        faulty(loaded)
    } else {
        u8::from(warned)
    }))
}

/// In one line what was looked at and what came of it.
pub(in crate::cli) fn summary(assembled: &Assembled) -> String {
    let loaded = &assembled.loaded;
    let errors = loaded
        .diagnostics
        .iter()
        .filter(|one| one.severity.to_string() == "error")
        .count();
    let warnings = loaded.diagnostics.len().saturating_sub(errors);
    let files = counted(loaded.names.len(), "file");
    if errors > 0 {
        return format!(
            "{files}: {}, {}",
            counted(errors, "error"),
            counted(warnings, "warning")
        );
    }
    let (rules, tests) = assembled.compiled.as_ref().map_or((0, 0), |compiled| {
        (compiled.report.rules, compiled.report.cases.len())
    });
    let warned = if warnings > 0 {
        format!(", {}", counted(warnings, "warning"))
    } else {
        String::new()
    };
    format!(
        "{files}: ok (revision {}, {}, {} passed{warned})",
        loaded.revision,
        counted(rules, "rule"),
        counted(tests, "test")
    )
}
