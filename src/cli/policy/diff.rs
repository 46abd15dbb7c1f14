//! `tollgate policy diff`: what changed between two sets of policies, and with `--replay` what that would have changed.

use super::refused;
use super::replay::{gateway, replayed, text as replay_text};
use crate::app::workshop::{Change, Difference, ReplayOptions, Side, Since, Subject, difference};
use crate::cli::place::Place;
use anyhow::bail;
use clap::Args;
use serde_json::json;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// What changed between two sets of policies: rules, limits, guards, overrides, each with its place
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate policy diff policies/ policies.new/
  tollgate policy diff 12 policies/              what was edited since revision 12 of the history
  tollgate policy diff 11 12 --json
  tollgate policy diff policies/ policies.new/ --replay --since 24h

A revision is named by its number, or by how its name begins: `tollgate policy rollback --list`.
Exit code 0: compared, whatever came of it; 1: with --replay, the new policies have errors; 2: something cannot be read.")]
pub(super) struct DiffArgs {
    /// A file, a folder, a pack, or a revision that is kept
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The same
    #[arg(value_name = "NEW")]
    new: PathBuf,
    #[command(flatten)]
    place: Place,
    /// Also replay recorded decisions under NEW
    #[arg(long)]
    replay: bool,
    /// From when on: 7d, 24h, a date, a time
    #[arg(long, default_value = "7d", value_name = "TIME", requires = "replay")]
    since: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(
    args: &DiffArgs,
    env: &[(String, String)],
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let gate = args.place.gate(env);
    // Two paths need no gateway.
    let state_dir = gate.files(env).ok().map(|(_, state_dir)| state_dir);
    let old = Side::open(&args.old, state_dir.as_deref())?;
    let new = Side::open(&args.new, state_dir.as_deref())?;
    for side in [&old, &new] {
        if side.loaded.unreadable
            && let Some(code) = refused(&side.loaded)?
        {
            return Ok(code);
        }
    }
    let found = difference(&old.loaded, &new.loaded);
    let replay = if args.replay {
        if new.paths.is_empty() {
            bail!("--replay tries policies on the disk: name NEW by its path");
        }
        let (state_dir, now) = gateway(&gate, env)?;
        let candidate = Subject {
            paths: new.paths.clone(),
            config: now.config.clone(),
        };
        let options = ReplayOptions {
            since: Since::read(&args.since)?,
            ..ReplayOptions::usual()
        };
        match replayed(&state_dir, &now, &candidate, &options, args.json)? {
            Ok(replay) => Some(replay),
            Err(code) => return Ok(code),
        }
    } else {
        None
    };
    if args.json {
        let mut whole = serde_json::to_value(&found)?;
        if let Some(replay) = &replay {
            whole["replay"] = json!(replay);
        }
        writeln!(out, "{whole:#}")?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(
        out,
        "{} {}  ->  {} {}",
        old.name, found.old, new.name, found.new
    )?;
    text(&found, out)?;
    if let Some(replay) = &replay {
        writeln!(out)?;
        replay_text(replay, "key", out)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn text(found: &Difference, out: &mut dyn Write) -> io::Result<()> {
    if found.changes.is_empty() {
        return writeln!(out, "they say the same");
    }
    let mut scope = "";
    for one in &found.changes {
        if one.scope != scope {
            scope = &one.scope;
            writeln!(out, "{scope}")?;
        }
        let sign = match one.change {
            Change::Added => '+',
            Change::Removed => '-',
            Change::Changed => '~',
        };
        let place = one.new_place.as_ref().or(one.old_place.as_ref());
        let place = place.map(String::as_str).unwrap_or_default();
        writeln!(out, "  {sign} {}   {place}", one.what)?;
        if one.change != Change::Changed {
            continue;
        }
        for (what, old, new) in &one.parts {
            let shown =
                |value: &Option<String>| value.clone().unwrap_or_else(|| "(nothing)".to_owned());
            let what = if what.is_empty() {
                String::new()
            } else {
                format!("{what}: ")
            };
            writeln!(out, "      {what}{} -> {}", shown(old), shown(new))?;
        }
    }
    Ok(())
}
