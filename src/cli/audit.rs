//! `tollgate audit`: proves the decision log unbroken, shows its end, hands out what it holds.
//!
//! Reads files only: it works beside a running gateway and without one. What a running gateway has not written yet is not
//! there; what it is just writing (a line without its end) is not counted.

mod export;
mod prove;

use super::place::Place;
use crate::app::audit::{Follower, last_lines};
use anyhow::Context as _;
use clap::{Args, Subcommand};
use export::ExportArgs;
use indicatif::{ProgressBar, ProgressStyle};
use prove::VerifyArgs;
use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// How often a followed log is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The decision log: prove it unbroken, look at it, hand it out
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    tollgate audit verify\n  \
    tollgate audit verify --state-dir /var/lib/tollgate --json\n  \
    tollgate audit tail -f\n  \
    tollgate audit export --since 7d --where verdict=deny --format csv -o denied.csv")]
pub struct AuditArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Verify(VerifyArgs),
    Tail(TailArgs),
    Export(ExportArgs),
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

/// Print the last lines, and with -f those that come
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tollgate audit tail\n  tollgate audit tail -n 50 | jq .\n  tollgate audit tail -f | jq -r '[.at, .key, .verdict, .reason] | @tsv'"
)]
struct TailArgs {
    #[command(flatten)]
    place: Place,
    /// How many
    #[arg(short = 'n', long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    lines: u32,
    /// Go on with new lines as they are written, also across rotations
    #[arg(short, long)]
    follow: bool,
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
        Command::Export(args) => export::run(args, &log_dir(&state_dir(&args.place, env)?), out),
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
    // Before the last lines are read: one that comes in between is shown twice rather than never.
    let mut follower = args
        .follow
        .then(|| Follower::from_end(dir))
        .transpose()
        .with_context(|| unreadable(dir))?;
    let count = usize::try_from(args.lines).unwrap_or(usize::MAX);
    for line in last_lines(dir, count).with_context(|| unreadable(dir))? {
        writeln!(out, "{line}")?;
    }
    let mut new = Vec::new();
    while let Some(follower) = &mut follower {
        out.flush()?;
        std::thread::sleep(LOOK_EVERY);
        follower.take(&mut new).with_context(|| unreadable(dir))?;
        out.write_all(&new)?;
        new.clear();
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
