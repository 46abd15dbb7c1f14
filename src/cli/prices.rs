//! `tollgate prices`: price books for those who pay by them: what is wrong or odd in one, and what changed between two.
//!
//! Not here: what a price means (`governance`), what is odd about one (`config`).

use super::check::{fault_json, tell_faults};
use super::{NO, UNREADABLE, counted};
use crate::config::{self, Changed, Comparison, Fault, Part, Sources};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Price books: what is wrong or odd in one, what changed between two
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate prices check prices.yaml
  tollgate prices diff prices.yaml prices.new.yaml")]
pub struct PricesArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(CheckArgs),
    Diff(DiffArgs),
}

/// Every fault of price books at once, with its place and remedy, and what is allowed and probably not meant
///
/// Warnings are about entries that no call is priced by, cached input dearer than input, output cheaper than input, zeros that
/// do not say `free`, limits that hard budgets need, and, with -c, prices at providers that the configuration does not have.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate prices check
  tollgate prices check config/prices.yaml ours.yaml
  tollgate prices check built-in ours.yaml -c tollgate.yaml --strict
  tollgate prices check --json | jq '.warnings[].message'

Exit code 0: all good, or only warnings; 1: faults found (with --strict also warnings); 2: a file cannot be read.")]
struct CheckArgs {
    /// The price books, of two prices for one model the later [default: the built-in book]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The gateway's configuration, whose providers and budgets the prices are for
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Warnings count as faults
    #[arg(long)]
    strict: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What changed between two price books: models that came and went, and every price with old, new and percent
///
/// Compared are prices in effect: a class without a price of its own costs what the class it is part of costs. A price of long
/// inputs is compared with what the same input cost before.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate prices diff prices.yaml prices.new.yaml
  tollgate prices diff ours.yaml                 from the built-in book to ours
  tollgate prices diff old.yaml new.yaml --json | jq '.changed[].model'

Exit code 0: compared, whatever came of it; 1: a book has faults; 2: a file cannot be read.")]
struct DiffArgs {
    /// The old book; where no other is named it is the new one, and the old is the built-in book
    #[arg(value_name = "OLD")]
    first: PathBuf,
    /// The new book
    #[arg(value_name = "NEW")]
    second: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs a command about price books.
///
/// # Errors
/// A configuration that cannot be loaded, and those of `out`.
pub fn run(
    args: &PricesArgs,
    env: &[(String, String)],
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    match &args.command {
        Command::Check(args) => check(args, env, out),
        Command::Diff(args) => Ok(diff(args, out)?),
    }
}

fn check(
    args: &CheckArgs,
    env: &[(String, String)],
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let config = match &args.config {
        Some(file) => Some(config::load(&Sources {
            file: Some(file.clone()),
            env: env.to_vec(),
            ..Sources::default()
        })?),
        None => None,
    };
    let found = config::audit_prices(&args.files, config.as_ref());
    let faulty = !found.faults.is_empty() || args.strict && !found.warnings.is_empty();
    if args.json {
        let list = |faults: &[Fault]| -> Vec<Value> { faults.iter().map(fault_json).collect() };
        let whole = json!({
            "ok": !faulty, "revision": found.revision, "entries": found.entries,
            "faults": list(&found.faults), "warnings": list(&found.warnings),
        });
        writeln!(out, "{whole:#}")?;
    } else {
        tell_faults(&found.faults, out)?;
        for warning in &found.warnings {
            writeln!(
                out,
                "{}: warning[{}]: {}",
                warning.place(),
                warning.code,
                warning.message
            )?;
            if let Some(help) = &warning.help {
                writeln!(out, "  help: {help}")?;
            }
        }
        writeln!(
            out,
            "prices {}: {} entries, {}, {}",
            found.revision,
            found.entries,
            counted(found.faults.len(), "fault"),
            counted(found.warnings.len(), "warning"),
        )?;
    }
    Ok(code(&found.faults, faulty))
}

fn code(faults: &[Fault], refused: bool) -> ExitCode {
    if faults.iter().any(Fault::is_unreadable) {
        ExitCode::from(UNREADABLE)
    } else if refused {
        ExitCode::from(NO)
    } else {
        ExitCode::SUCCESS
    }
}

fn diff(args: &DiffArgs, out: &mut impl Write) -> io::Result<ExitCode> {
    let (old, new) = match &args.second {
        Some(new) => (Some(args.first.as_path()), new),
        None => (None, &args.first),
    };
    let found = match config::compare_prices(old, Some(new)) {
        Ok(found) => found,
        Err(faults) => {
            if args.json {
                let faults: Vec<Value> = faults.0.iter().map(fault_json).collect();
                writeln!(out, "{:#}", json!({ "faults": faults }))?;
            } else {
                tell_faults(&faults.0, out)?;
            }
            return Ok(code(&faults.0, true));
        }
    };
    if args.json {
        writeln!(out, "{:#}", as_json(&found))?;
    } else {
        text(&found, out)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn as_json(found: &Comparison) -> Value {
    let part = |part: &Part| {
        json!({
            "what": part.what, "above_input": part.above_input, "old": part.old, "new": part.new, "percent": part.percent,
        })
    };
    let list = |models: &[Changed]| -> Vec<Value> {
        let one = |model: &Changed| {
            let parts: Vec<Value> = model.parts.iter().map(part).collect();
            json!({ "model": model.name, "prices": parts })
        };
        models.iter().map(one).collect()
    };
    json!({
        "old": found.old, "new": found.new, "added": list(&found.added), "removed": list(&found.removed),
        "changed": list(&found.changed), "same": found.same,
    })
}

/// Names what a part is about: `input`, `above 200000: input`.
fn named(part: &Part) -> String {
    match part.above_input {
        Some(above) => format!("above {above}: {}", part.what),
        None => part.what.to_owned(),
    }
}

fn text(found: &Comparison, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "prices {} -> {}", found.old, found.new)?;
    for (sign, models) in [('+', &found.added), ('-', &found.removed)] {
        for model in models {
            writeln!(out, "{sign} {}", model.name)?;
            for part in &model.parts {
                let value = part.new.as_ref().or(part.old.as_ref());
                let value = value.map(String::as_str).unwrap_or_default();
                writeln!(out, "    {:<28} {value:>12}", named(part))?;
            }
        }
    }
    for model in &found.changed {
        writeln!(out, "~ {}", model.name)?;
        for part in &model.parts {
            let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
            let percent = part.percent.as_ref().map(|percent| format!("{percent}%"));
            let line = format!(
                "    {:<28} {:>12} -> {:>12} {:>9}",
                named(part),
                shown(&part.old),
                shown(&part.new),
                percent.unwrap_or_default()
            );
            writeln!(out, "{}", line.trim_end())?;
        }
    }
    writeln!(
        out,
        "{} added, {} removed, {} changed, {} the same",
        found.added.len(),
        found.removed.len(),
        found.changed.len(),
        found.same
    )
}

#[cfg(test)]
mod tests;
