//! `tollgate explain`: why a past decision was made.
//!
//! The record says what was decided and by what; the policies of then, where they are kept, say at length why.

use super::place::Place;
use crate::app::workshop::{Past, Subject, Then, past};
use anyhow::ensure;
use clap::Args;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::process::ExitCode;

/// Why a past decision was made, by the policies of then where they are kept
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate explain dec_01941f29-7c00-7aaa-8bbb-123456789abc
  tollgate explain req_01941f29-7c00-7aaa-8bbb-123456789abc --json
  tollgate explain dec_01941f29-7c00-7aaa-8bbb-123456789abc --state-dir /var/lib/tollgate

The id is in the answer's header x-tollgate-decision-id, in errors, and in the decision log.
Exit code 0: found; 1: there is no such decision; 2: the log cannot be read.")]
pub struct ExplainArgs {
    /// The decision: dec_…, or req_… as callers see it
    #[arg(value_name = "DECISION_ID")]
    id: String,
    #[command(flatten)]
    place: Place,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command; what it prints goes to `out`.
///
/// # Errors
/// The log cannot be read, or `out` not be written.
pub fn run(
    args: &ExplainArgs,
    env: &[(String, String)],
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let gate = args.place.gate(env);
    let (_, state_dir) = gate.files(env)?;
    ensure!(
        state_dir.join("decisions").is_dir(),
        "there is no decision log in `{}`: name the gateway's state directory with --state-dir, or its configuration with -c",
        state_dir.display()
    );
    let today = || Ok(Subject::new(&[], Some(&gate.sources(env.to_vec())))?);
    let Some(past) = past(&state_dir, &args.id, today)? else {
        if args.json {
            writeln!(out, "null")?;
        }
        writeln!(
            anstream::stderr(),
            "there is no decision `{}` in the log of `{}`",
            args.id,
            state_dir.display()
        )?;
        return Ok(ExitCode::from(1));
    };
    if args.json {
        writeln!(out, "{:#}", as_json(&past)?)?;
    } else {
        text(&past, out)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn as_json(past: &Past) -> serde_json::Result<Value> {
    let entry = &past.entry;
    Ok(json!({
        "id": entry.id, "at": entry.at, "verdict": entry.verdict, "reason": entry.reason, "scope": entry.scope,
        "status": entry.status, "model": entry.model, "provider": entry.provider,
        "caller": {
            "key": entry.key, "org": entry.org, "team": entry.team, "project": entry.project,
            "agent": entry.agent, "user": entry.user,
        },
        "usage": { "input": entry.input, "output": entry.output },
        "cost": entry.cost, "reserved": entry.reserved, "policy": entry.policy,
        "ruled": serde_json::to_value(&entry.ruled)?,
        "explained_by": serde_json::to_value(&past.by)?,
        "explanation": serde_json::to_value(&past.account)?,
    }))
}

fn text(past: &Past, out: &mut dyn Write) -> io::Result<()> {
    let entry = &past.entry;
    let by = entry
        .scope
        .as_ref()
        .map(|scope| format!(" by {scope}"))
        .unwrap_or_default();
    writeln!(out, "{}  {}", entry.id, entry.at)?;
    writeln!(
        out,
        "decided      {} ({}){by}, status {}",
        entry.verdict.to_uppercase(),
        entry.reason,
        entry.status
    )?;
    let labels = [
        ("key", &entry.key),
        ("org", &entry.org),
        ("team", &entry.team),
        ("project", &entry.project),
        ("agent", &entry.agent),
        ("user", &entry.user),
    ];
    let labels: Vec<String> = labels
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name} {}", value.as_ref()?)))
        .collect();
    let caller = if labels.is_empty() {
        "nobody we know".to_owned()
    } else {
        labels.join(", ")
    };
    writeln!(out, "caller       {caller}")?;
    let provider = entry
        .provider
        .as_ref()
        .map(|name| format!(" at {name}"))
        .unwrap_or_default();
    writeln!(out, "model        {}{provider}", entry.model)?;
    writeln!(
        out,
        "cost         ${} of ${} set aside; {} tokens in, {} out",
        entry.cost, entry.reserved, entry.input, entry.output
    )?;
    if let Some(ruled) = &entry.ruled {
        let rules: Vec<&str> = ruled.rules.iter().map(AsRef::as_ref).collect();
        if !rules.is_empty() {
            writeln!(out, "rules        {}", rules.join(", "))?;
        }
        for shadowed in &ruled.shadow {
            writeln!(
                out,
                "shadow       {}: would {}",
                shadowed.rule, shadowed.would
            )?;
        }
        for found in &ruled.findings {
            writeln!(
                out,
                "found        {} {} in {}: {}",
                found.count, found.kind, found.on, found.action
            )?;
        }
        for (name, value) in &ruled.tags {
            writeln!(out, "tags         {name}={value}")?;
        }
        for note in &ruled.notes {
            writeln!(out, "note         {note}")?;
        }
    }
    let how = match &past.by {
        Then::Kept(number) => format!(
            "revision {} (kept as {number}), which decided, says:",
            entry.policy
        ),
        Then::Same => format!(
            "revision {}, which decided and is still in force, says:",
            entry.policy
        ),
        Then::Today => format!(
            "revision {} is not at hand any more. NOT what decided: today's policies say of the same request:",
            entry.policy
        ),
        Then::Nothing(why) => format!("no explanation: {why}"),
    };
    writeln!(out, "\n{how}")?;
    if let Some(account) = &past.account {
        write!(out, "{}", account.rules)?;
    }
    Ok(())
}
