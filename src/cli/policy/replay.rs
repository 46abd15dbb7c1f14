//! `tollgate policy replay`: what other policies would have decided otherwise.

use super::{bar, refused, subject};
use crate::app::units::Money;
use crate::app::workshop::{Replay, ReplayOptions, Row, Since, Subject, replay};
use crate::cli::place::{Gate, Place};
use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What other policies would have decided otherwise, over recorded decisions
///
/// The decision log keeps no prompts: what is replayed is who asked for what, and what was found in it then.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate policy replay --candidate policies.new/
  tollgate policy replay --since 24h --candidate policies.new/ --by team
  tollgate policy replay --since 2026-11-01 --until 2026-11-08 --candidate policies/ --json | jq .total

Without --candidate, the policies the configuration names now are the candidate.
Exit code 0: replayed, whatever came of it; 1: the candidate has errors; 2: something cannot be read.")]
pub(super) struct ReplayArgs {
    /// The policies to try: files, folders of them, or packs; may be given several times
    #[arg(long, value_name = "PATH", num_args = 1..)]
    candidate: Vec<PathBuf>,
    #[command(flatten)]
    place: Place,
    /// From when on: 7d, 24h, a date, a time
    #[arg(long, default_value = "7d", value_name = "TIME")]
    since: String,
    /// Until when
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// By what the figures are split
    #[arg(long, value_enum, default_value_t)]
    by: By,
    /// Examples of each kind of change
    #[arg(long, default_value_t = 10, value_name = "N")]
    limit: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum By {
    /// The virtual key
    #[default]
    Key,
    /// The team
    Team,
    /// The project
    Project,
    /// The model asked for
    Model,
    /// The user
    User,
    /// The agent
    Agent,
}

impl By {
    const fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Team => "team",
            Self::Project => "project",
            Self::Model => "model",
            Self::User => "user",
            Self::Agent => "agent",
        }
    }
}

pub(super) fn run(
    args: &ReplayArgs,
    env: &[(String, String)],
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let gate = args.place.gate(env);
    let (state_dir, now) = gateway(&gate, env)?;
    let candidate = if args.candidate.is_empty() {
        subject(&[], &args.place, env)?
    } else {
        Subject {
            paths: args.candidate.clone(),
            config: now.config.clone(),
        }
    };
    let mut options = ReplayOptions {
        by: args.by.name(),
        examples: args.limit,
        ..ReplayOptions::usual()
    };
    options.since = Since::read(&args.since)?;
    options.until = args.until.as_deref().map(Since::read).transpose()?;
    match replayed(&state_dir, &now, &candidate, &options, args.json)? {
        Ok(found) => {
            if args.json {
                serde_json::to_writer_pretty(&mut *out, &found)?;
                writeln!(out)?;
            } else {
                text(&found, options.by, out)?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(code) => Ok(code),
    }
}

/// The state directory of a gateway, and the policies its configuration names.
pub(super) fn gateway(gate: &Gate, env: &[(String, String)]) -> anyhow::Result<(PathBuf, Subject)> {
    let (_, state_dir) = gate.files(env)?;
    let now = match Subject::new(&[], Some(&gate.sources(env.to_vec()))) {
        Ok(now) => now,
        // A state directory is enough: what is not kept there is then told by the records alone.
        Err(_) if matches!(gate, Gate::State(_)) => Subject {
            paths: Vec::new(),
            config: None,
        },
        Err(faults) => return Err(faults.into()),
    };
    Ok((state_dir, now))
}

/// Replays with a bar; `Err`: the candidate cannot be used, which is told.
pub(super) fn replayed(
    state_dir: &Path,
    now: &Subject,
    candidate: &Subject,
    options: &ReplayOptions,
    quiet: bool,
) -> anyhow::Result<Result<Replay, ExitCode>> {
    let assembled = candidate.assemble();
    if let Some(code) = refused(&assembled.loaded)? {
        return Ok(Err(code));
    }
    let Some(compiled) = assembled.compiled else {
        bail!("there are no policies to try");
    };
    let bar = bar("replaying {bar:30} {bytes}/{total_bytes}", quiet)?;
    let found = replay(state_dir, now, &compiled, options, &mut |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    })
    .context("replaying")?;
    bar.finish_and_clear();
    Ok(Ok(found))
}

/// The figures for people.
pub(super) fn text(found: &Replay, by: &str, out: &mut dyn Write) -> io::Result<()> {
    let total = &found.total;
    writeln!(
        out,
        "candidate {}: {} decisions weighed, {} newly denied, {} newly allowed",
        found.candidate, total.decisions, total.newly_denied, total.newly_allowed
    )?;
    writeln!(
        out,
        "changed caps {}, routes {}, tags {}, redactions {}; cost of what would not have happened ${}",
        total.cap, total.route, total.tags, total.redactions, total.saved
    )?;
    for (rule, count) in &found.denying_rules {
        writeln!(out, "  denied by {rule}: {count}")?;
    }
    for (what, more) in &found.redactions {
        writeln!(out, "  {more:+} {what}")?;
    }
    let width = found
        .by
        .keys()
        .map(|label| label.chars().count())
        .max()
        .unwrap_or(0)
        .max(by.len());
    if !found.by.is_empty() {
        writeln!(
            out,
            "\n{:width$}  {:>10}  {:>8}  {:>8}  {:>6}  {:>6}  {:>6}  {:>10}  {:>14}",
            by.to_uppercase(),
            "DECISIONS",
            "DENIED",
            "ALLOWED",
            "CAPS",
            "ROUTES",
            "TAGS",
            "REDACTIONS",
            "COST"
        )?;
    }
    for (label, row) in &found.by {
        line(label, row, width, out)?;
    }
    if !found.examples.is_empty() {
        writeln!(out)?;
    }
    for example in &found.examples {
        let change = example.change.replace('_', " ");
        writeln!(
            out,
            "{}  {}  {change}: {}",
            example.id, example.at, example.what
        )?;
    }
    for (count, what) in [
        (
            found.not_recorded,
            "had nothing to weigh (no policies were in force, or the call did not come as far)",
        ),
        (
            found.not_reproduced,
            "were decided by what cannot be weighed again (breakers, the texts themselves)",
        ),
        (
            found.undecided,
            "hang on texts nobody looked at then: the candidate's rules on findings wait",
        ),
        (
            found.by_other_policies,
            "were made by policies that are not kept: compared with today's",
        ),
    ] {
        if count > 0 {
            writeln!(out, "note: {count} {what}")?;
        }
    }
    Ok(())
}

fn line(label: &str, row: &Row, width: usize, out: &mut dyn Write) -> io::Result<()> {
    let saved: Money = row.saved;
    writeln!(
        out,
        "{label:width$}  {:>10}  {:>8}  {:>8}  {:>6}  {:>6}  {:>6}  {:>10}  {:>14}",
        row.decisions,
        row.newly_denied,
        row.newly_allowed,
        row.cap,
        row.route,
        row.tags,
        row.redactions,
        format!("${saved}")
    )
}
