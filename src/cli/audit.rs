//! `tollgate audit`: proves the decision log unbroken, and shows its end.
//!
//! Reads files only: it works beside a running gateway and without one. What a running gateway has not written yet is not
//! there; what it is just writing (a line without its end) is not counted.

mod prove;

use super::place::Place;
use crate::app::audit::last_lines;
use anyhow::Context as _;
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use prove::VerifyArgs;
use std::io::{self, IsTerminal as _, Write};
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
    Verify(VerifyArgs),
    Tail(TailArgs),
    /// Print the public keys that checkpoints are checked with, the one in use last
    #[command(
        after_help = "Keep them where the log is not: `tollgate audit verify --public-key FILE` then trusts nothing beside the log.\n\nExamples:\n  tollgate audit key > tollgate-decisions.pub\n  tollgate audit key --json"
    )]
    Key {
        #[command(flatten)]
        place: Place,
        /// Print JSON, with the ids that checkpoints name
        #[arg(long)]
        json: bool,
    },
}

/// Print the last lines
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tollgate audit tail\n  tollgate audit tail -n 50 | jq .")]
struct TailArgs {
    #[command(flatten)]
    place: Place,
    /// How many
    #[arg(short = 'n', long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    lines: u32,
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
        Command::Verify(args) => prove::verify(args, &state_dir(&args.place, env)?, out),
        Command::Key { place, json } => prove::key(&state_dir(place, env)?, *json, out),
        Command::Tail(args) => tail(args, &log_dir(&state_dir(&args.place, env)?), out),
    }
}

/// The state directory; one without a log is an error.
fn state_dir(place: &Place, env: &[(String, String)]) -> anyhow::Result<PathBuf> {
    let (_, state_dir) = place.gate(env).files(env)?;
    anyhow::ensure!(
        log_dir(&state_dir).is_dir(),
        "there is no decision log in `{}`: name the gateway's state directory with --state-dir, or its configuration with -c",
        state_dir.display()
    );
    Ok(state_dir)
}

fn log_dir(state_dir: &Path) -> PathBuf {
    state_dir.join("decisions")
}

fn unreadable(dir: &Path) -> String {
    format!("cannot read the decision log in `{}`", dir.display())
}

fn tail(args: &TailArgs, dir: &Path, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let count = usize::try_from(args.lines).unwrap_or(usize::MAX);
    for line in last_lines(dir, count).with_context(|| unreadable(dir))? {
        writeln!(out, "{line}")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A bar over bytes on standard error, where a terminal shows it.
fn bar(shown: bool, what: &'static str) -> anyhow::Result<ProgressBar> {
    if !shown || !io::stderr().is_terminal() {
        return Ok(ProgressBar::hidden());
    }
    let style = ProgressStyle::with_template("{msg} {bar:30} {bytes}/{total_bytes} {eta}")?;
    Ok(ProgressBar::new(0).with_style(style).with_message(what))
}

#[cfg(test)]
mod tests;
