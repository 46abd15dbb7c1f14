//! `tollgate import`: configurations of other gateways, converted, and a list of what could not be.
//!
//! Not here: what becomes of what (`config`).

use super::check::{fault_json, tell_faults};
use super::{NO, UNREADABLE, counted};
use crate::config::{self, Fate, Faults, Imported, Note, Sources, Variable};
use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Convert the configuration of another gateway, and tell what could not be converted
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate import litellm config.yaml -o tollgate.yaml
  tollgate import litellm config.yaml --json | jq '.notes[].what'")]
pub struct ImportArgs {
    #[command(subcommand)]
    from: From,
}

#[derive(Debug, Subcommand)]
enum From {
    Litellm(LitellmArgs),
}

/// Convert a LiteLLM proxy's config.yaml: models, keys, budgets, limits, prices, retries
///
/// Whatever is not as it was is told with its place, why, and what to do. Secrets are never copied: `os.environ/NAME` becomes
/// "${NAME}", and a key in clear a reference to a variable to be set. The result is checked as `tollgate check` would.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate import litellm config.yaml                       to standard output; what was left is told beside it
  tollgate import litellm config.yaml -o tollgate.yaml      and tollgate.prices.yaml, where models have costs
  tollgate import litellm config.yaml --strict --json | jq '.notes'

Exit code 0: converted, whatever had to be left (with --strict: nothing was left); 1: not; 2: the file cannot be read.")]
struct LitellmArgs {
    /// The proxy's configuration
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Where to write the result [default: standard output]
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
    /// Replace files that are there
    #[arg(long, requires = "output")]
    force: bool,
    /// Something that could not be converted counts as a failure
    #[arg(long)]
    strict: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Converts and tells.
///
/// # Errors
/// The result cannot be written.
pub fn run(
    args: &ImportArgs,
    out: &mut impl Write,
    err: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let From::Litellm(args) = &args.from;
    litellm(args, out, err)
}

fn litellm(
    args: &LitellmArgs,
    out: &mut impl Write,
    err: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let book = args.output.as_deref().map(book_beside);
    let name = book
        .as_deref()
        .and_then(Path::file_name)
        .map(|name| name.to_string_lossy());
    let imported = match config::import_litellm(&args.file, name.as_deref()) {
        Ok(imported) => imported,
        Err(faults) => return Ok(refuse(args, &faults, out, err)?),
    };
    if imported.models == 0 {
        if args.json {
            writeln!(out, "{:#}", as_json(args, &imported, None, false))?;
        } else {
            tell(&imported.notes, err)?;
            writeln!(err, "{}: no model could be converted", args.file.display())?;
        }
        return Ok(ExitCode::from(NO));
    }
    let book = book.filter(|_| imported.prices.is_some());
    if let Some(output) = &args.output {
        let mut files = std::iter::once(output).chain(&book);
        if let Some(file) = files.find(|file| !args.force && file.exists()) {
            bail!(
                "{} is there already: name another file, or replace it with --force",
                file.display()
            );
        }
        if let Some((book, text)) = book.as_deref().zip(imported.prices.as_deref()) {
            config::write_private(book, text).with_context(|| book.display().to_string())?;
        }
        config::write_private(output, &imported.config)
            .with_context(|| output.display().to_string())?;
    }
    // What is wrong with the result is told, not left for its first start.
    if let Err(faults) = checked(args.output.as_deref(), &imported) {
        return Ok(refuse(args, &faults, out, err)?);
    }
    let left = imported.notes.iter().any(|note| note.fate == Fate::Left);
    let ok = !(args.strict && left);
    if args.json {
        writeln!(out, "{:#}", as_json(args, &imported, book.as_deref(), ok))?;
    } else if let Some(output) = &args.output {
        tell(&imported.notes, out)?;
        summary(output, book.as_deref(), &imported, out)?;
    } else {
        write!(out, "{}", imported.config)?;
        tell(&imported.notes, err)?;
    }
    Ok(if ok {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(NO)
    })
}

/// `tollgate.prices.yaml` beside `tollgate.yaml`.
fn book_beside(output: &Path) -> PathBuf {
    output.with_extension("prices.yaml")
}

/// Loads the result, with something in each variable it refers to.
fn checked(output: Option<&Path>, imported: &Imported) -> Result<(), Faults> {
    let value = |name: &str, what: Variable| match what {
        Variable::Secret => format!("sk-{name}"),
        Variable::Address => "http://127.0.0.1:9".to_owned(),
    };
    let env = imported.variables.iter();
    let sources = Sources {
        text: Some((
            output.unwrap_or(Path::new("tollgate.yaml")).to_owned(),
            imported.config.clone(),
        )),
        env: env
            .map(|(name, what)| (name.clone(), value(name, *what)))
            .collect(),
        ..Sources::default()
    };
    config::load(&sources).map(drop)
}

fn refuse(
    args: &LitellmArgs,
    faults: &Faults,
    out: &mut impl Write,
    err: &mut impl Write,
) -> io::Result<ExitCode> {
    if args.json {
        let faults: Vec<Value> = faults.0.iter().map(fault_json).collect();
        writeln!(out, "{:#}", json!({ "ok": false, "faults": faults }))?;
    } else {
        tell_faults(&faults.0, err)?;
    }
    let unreadable = faults.0.iter().any(config::Fault::is_unreadable);
    Ok(ExitCode::from(if unreadable { UNREADABLE } else { NO }))
}

const fn word(fate: Fate) -> &'static str {
    match fate {
        Fate::Left => "not converted",
        Fate::Changed => "changed",
        Fate::Secret => "secret",
    }
}

fn tell(notes: &[Note], out: &mut impl Write) -> io::Result<()> {
    for note in notes {
        writeln!(
            out,
            "{}:{}:{}: {}: {}: {}",
            note.file.display(),
            note.line,
            note.column,
            word(note.fate),
            note.what,
            note.why
        )?;
        writeln!(out, "  help: {}", note.help)?;
    }
    Ok(())
}

fn summary(
    output: &Path,
    book: Option<&Path>,
    imported: &Imported,
    out: &mut impl Write,
) -> io::Result<()> {
    let of = |fate: Fate| {
        imported
            .notes
            .iter()
            .filter(|note| note.fate == fate)
            .count()
    };
    let book = book.map(|book| format!(" and {}", book.display()));
    writeln!(
        out,
        "wrote {}{}: {}; {} not converted, {} changed, {} not copied",
        output.display(),
        book.unwrap_or_default(),
        counted(imported.models, "model"),
        counted(of(Fate::Left), "setting"),
        of(Fate::Changed),
        counted(of(Fate::Secret), "secret")
    )?;
    let names: Vec<&str> = imported.variables.keys().map(String::as_str).collect();
    if !names.is_empty() {
        writeln!(out, "set before it is used: {}", names.join(", "))?;
    }
    Ok(())
}

fn as_json(args: &LitellmArgs, imported: &Imported, book: Option<&Path>, ok: bool) -> Value {
    let note = |note: &Note| {
        json!({
            "file": note.file.display().to_string(), "line": note.line, "column": note.column,
            "fate": word(note.fate).replace(' ', "_"), "what": note.what, "why": note.why, "help": note.help,
        })
    };
    let notes: Vec<Value> = imported.notes.iter().map(note).collect();
    let names: Vec<&String> = imported.variables.keys().collect();
    let config = (args.output.is_none()).then_some(&imported.config);
    json!({
        "ok": ok, "models": imported.models, "output": args.output, "prices": book, "config": config,
        "variables": names, "notes": notes,
    })
}

#[cfg(test)]
mod tests;
