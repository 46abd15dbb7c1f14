//! `tollgate policy`: the workshop of whoever writes policies: check them, test them, see why, see what would change.
//!
//! One file per command. Policies are named by path, or taken from a configuration; with both, the configuration is what
//! they are checked against. Text for people goes through `out`, which leaves colour out where no terminal shows it.
//!
//! Not here: what policies mean, and every figure (`app::workshop`).

mod bundles;
mod check;
mod diff;
mod explain;
mod fmt;
mod push;
mod replay;
mod rollback;
mod test;

pub(super) use check::summary;

use super::counted;
use super::place::Place;
use super::remote::Fault;
use crate::app::workshop::Subject;
use crate::config::policy::{Format, Loaded};
use anyhow::ensure;
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, IsTerminal as _, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Policies: check, test, explain, replay, compare, push, roll out, roll back
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate policy check policies/
  tollgate policy test --coverage --mutate
  tollgate policy explain --request body.json --user ana --groups contractors
  tollgate policy replay --since 7d --candidate policies.new/
  tollgate policy push policies/ --percent 10")]
pub struct PolicyArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::CheckArgs),
    Test(test::TestArgs),
    Explain(explain::ExplainArgs),
    Replay(replay::ReplayArgs),
    Diff(diff::DiffArgs),
    Rollback(rollback::RollbackArgs),
    Push(push::PushArgs),
    Rollout(bundles::RolloutArgs),
    Bundles(bundles::BundlesArgs),
    Fmt(fmt::FmtArgs),
}

/// Runs the command; what it prints goes to `out`.
///
/// # Errors
/// Something cannot be read, or `out` not be written.
pub fn run(
    args: &PolicyArgs,
    env: &[(String, String)],
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    match &args.command {
        Command::Check(args) => check::run(args, env, out),
        Command::Test(args) => test::run(args, env, out),
        Command::Explain(args) => explain::run(args, env, out),
        Command::Replay(args) => replay::run(args, env, out),
        Command::Diff(args) => diff::run(args, env, out),
        Command::Rollback(args) => rollback::run(args, env, out),
        Command::Push(args) => push::run(args, env, out),
        Command::Rollout(args) => bundles::roll_out(args, env, out),
        Command::Bundles(args) => bundles::run(args, env, out),
        Command::Fmt(args) => fmt::run(args, out),
    }
}

/// A failure with the exit code it stands for: what a panel refused is a no, all else could not be read.
pub(super) fn failed(error: anyhow::Error) -> super::Failed {
    let of_panel = error
        .chain()
        .any(|cause| cause.downcast_ref::<Fault>().is_some());
    if of_panel {
        super::remote::failed(error)
    } else {
        super::unreadable(error)
    }
}

/// Which policies.
#[derive(Debug, Args)]
struct Which {
    /// Policy files, folders of them, or packs (`pack:NAME`) [default: those the configuration names]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    place: Place,
}

impl Which {
    fn subject(&self, env: &[(String, String)]) -> anyhow::Result<Subject> {
        subject(&self.paths, &self.place, env)
    }
}

/// The policies at these paths, else those of the configuration. A configuration that nobody named is not read for paths.
fn subject(paths: &[PathBuf], place: &Place, env: &[(String, String)]) -> anyhow::Result<Subject> {
    let sources =
        (paths.is_empty() || place.is_named()).then(|| place.gate(env).sources(env.to_vec()));
    let subject = Subject::new(paths, sources.as_ref())?;
    ensure!(
        !subject.paths.is_empty(),
        "there are no policies: name files or folders, or set `policies:` in the configuration"
    );
    Ok(subject)
}

/// Tells on standard error what keeps policies from being used, if anything does; the code to leave with then.
fn refused(loaded: &Loaded) -> io::Result<Option<ExitCode>> {
    if !loaded.has_errors() {
        return Ok(None);
    }
    let told = loaded.report().render(Format::Coloured);
    anstream::stderr().lock().write_all(told.as_bytes())?;
    Ok(Some(ExitCode::from(faulty(loaded))))
}

const fn faulty(loaded: &Loaded) -> u8 {
    if loaded.unreadable { 2 } else { 1 }
}

/// A bar on standard error, where a person watches.
fn bar(template: &str, quiet: bool) -> anyhow::Result<ProgressBar> {
    if quiet || !io::stderr().is_terminal() {
        return Ok(ProgressBar::hidden());
    }
    Ok(ProgressBar::new(0).with_style(ProgressStyle::with_template(template)?))
}

#[cfg(test)]
mod tests;
