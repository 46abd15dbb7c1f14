//! `tollgate policy rollback`: puts policies that were in force back in their place.

use super::{bundles, counted, subject};
use crate::app::workshop::{Revision, RollbackPlan, Step, plan_rollback, revisions};
use crate::cli::place::Place;
use crate::config::policy::Format;
use clap::Args;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::process::ExitCode;

/// Put policies that were in force back in their place; a running gateway takes them over
///
/// A gateway keeps the last twenty revisions in its state directory. What is replaced stays as FILE.before-rollback-N. With
/// --panel it is the control panel's policies that go back, for all its gateways.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate policy rollback --list
  tollgate policy rollback             to the revision before the newest
  tollgate policy rollback 12 --dry-run
  tollgate policy rollback 9f3c21 --delete-new
  tollgate policy rollback --panel     ends a canary, else back to the version that all gateways ran before
  tollgate policy rollback --panel 6   0: no policies of the panel at all

Exit code 0: done; 1: what would then be there has errors, and nothing was changed; 2: there is no such revision, or a file
cannot be written.")]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub(super) struct RollbackArgs {
    /// The revision: its number, or how its name begins; with --panel the version there [default: the one before the newest]
    #[arg(value_name = "REVISION", conflicts_with = "list")]
    revision: Option<String>,
    /// List the revisions that are kept
    #[arg(long)]
    list: bool,
    /// Remove files that were not there then (they stay as FILE.before-rollback-N)
    #[arg(long, conflicts_with = "list")]
    delete_new: bool,
    /// Change nothing; say what would be done
    #[arg(long, conflicts_with = "list")]
    dry_run: bool,
    /// Roll back at the control panel
    #[arg(long, conflicts_with_all = ["list", "delete_new", "dry_run", "config", "state_dir"])]
    panel: bool,
    #[command(flatten)]
    place: Place,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(
    args: &RollbackArgs,
    env: &[(String, String)],
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    if args.panel {
        return bundles::roll_back(args.revision.as_deref(), args.json, env, out);
    }
    let (_, state_dir) = args.place.gate(env).files(env)?;
    if args.list {
        let all = revisions(&state_dir);
        if args.json {
            let all: Vec<Value> = all.iter().map(as_json).collect();
            writeln!(out, "{:#}", json!(all))?;
        } else {
            list(&all, out)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let subject = subject(&[], &args.place, env)?;
    let plan = plan_rollback(
        &state_dir,
        &subject,
        args.revision.as_deref(),
        args.delete_new,
    )?;
    if plan.checked.has_errors() {
        let told = plan.checked.report().render(Format::Coloured);
        let mut err = anstream::stderr().lock();
        err.write_all(told.as_bytes())?;
        let stays = plan.steps.iter().any(|step| matches!(step, Step::Stays(_)));
        writeln!(
            err,
            "what would then be there has errors: nothing is changed"
        )?;
        if stays {
            writeln!(
                err,
                "  help: files are new since then; --delete-new takes them away"
            )?;
        }
        return Ok(ExitCode::from(1));
    }
    let ending = if args.dry_run {
        None
    } else {
        Some(plan.carry_out()?)
    };
    if args.json {
        let mut whole = as_json(&plan.revision);
        whole["done"] = json!(ending.is_some());
        whole["kept_as"] = json!(ending);
        whole["steps"] = plan.steps.iter().map(step_json).collect();
        writeln!(out, "{whole:#}")?;
    } else {
        text(&plan, ending.as_deref(), out)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn as_json(revision: &Revision) -> Value {
    let files: Vec<String> = revision
        .files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    json!({ "number": revision.number, "revision": revision.revision, "at": revision.at, "files": files })
}

fn step_json(step: &Step) -> Value {
    let (file, what) = match step {
        Step::Same(file) => (file, "same"),
        Step::Write(file) => (file, "write"),
        Step::Stays(file) => (file, "stays"),
        Step::Remove(file) => (file, "remove"),
        Step::OtherPack(file) => (file, "other_pack"),
        Step::Unnamed(file) => (file, "unnamed"),
    };
    json!({ "file": file.display().to_string(), "step": what })
}

fn list(all: &[Revision], out: &mut dyn Write) -> io::Result<()> {
    if all.is_empty() {
        return writeln!(
            out,
            "no revision is kept yet: a gateway keeps those that were in force"
        );
    }
    writeln!(
        out,
        "{:>6}  {:12}  {:20}  FILES",
        "NUMBER", "REVISION", "IN FORCE FROM"
    )?;
    for one in all {
        let at = one.at.as_deref().unwrap_or("-");
        let files: Vec<String> = one
            .files
            .iter()
            .map(|file| file.display().to_string())
            .collect();
        writeln!(
            out,
            "{:>6}  {:12}  {at:20}  {}",
            one.number,
            one.revision,
            files.join(" ")
        )?;
    }
    Ok(())
}

fn text(plan: &RollbackPlan, ending: Option<&str>, out: &mut dyn Write) -> io::Result<()> {
    let done = ending.is_some();
    let mut changed = 0_usize;
    for step in &plan.steps {
        let (file, what) = match step {
            Step::Same(_) => continue,
            Step::Write(file) => (file, if done { "written" } else { "would be written" }),
            Step::Remove(file) => (file, if done { "removed" } else { "would be removed" }),
            Step::Stays(file) => (
                file,
                "is new since then and stays (--delete-new removes it)",
            ),
            Step::OtherPack(file) => (
                file,
                "is built in, and this version of tollgate has another text of it",
            ),
            Step::Unnamed(file) => (
                file,
                "is left alone: the configuration does not name it any more",
            ),
        };
        changed = changed.saturating_add(usize::from(matches!(
            step,
            Step::Write(_) | Step::Remove(_)
        )));
        writeln!(out, "{}: {what}", file.display())?;
    }
    let (number, revision) = (plan.revision.number, &plan.revision.revision);
    match ending {
        Some(_) if changed == 0 => writeln!(out, "revision {number} ({revision}) is there already"),
        Some(ending) => writeln!(
            out,
            "revision {number} ({revision}) is back: {} changed, the replaced texts are kept as *{ending}",
            counted(changed, "file")
        ),
        None => writeln!(
            out,
            "revision {number} ({revision}): {} would change",
            counted(changed, "file")
        ),
    }
}
