//! `tollgate ledger`: what the journal of a state directory says, and whether it adds up.
//!
//! Both commands only read, also beside a running gateway.

use super::place::Place;
use crate::app::journal::{self, Recount, Verification};
use anyhow::{Context as _, ensure};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, IsTerminal as _, Write};
use std::path::Path;
use std::process::ExitCode;

/// The ledgers: what was spent, and whether every counter adds up
#[derive(Debug, Args)]
pub struct LedgerArgs {
    #[command(subcommand)]
    command: LedgerCommand,
}

#[derive(Debug, Subcommand)]
enum LedgerCommand {
    /// Recomputes every counter from the oldest record on and says whether it is equal, or where not
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(LedgerSource),
    /// Shows what every budget has spent, as the journal has it
    #[command(after_help = SHOW_EXAMPLES)]
    Show(LedgerSource),
}

const VERIFY_EXAMPLES: &str = "Examples:
  tollgate ledger verify
  tollgate ledger verify -c /etc/tollgate/tollgate.yaml
  tollgate ledger verify --state-dir /var/lib/tollgate --json

Exit code 0: equal; 1: a fault was found; 2: the journal cannot be read.";
const SHOW_EXAMPLES: &str = "Examples:
  tollgate ledger show
  tollgate ledger show --json";

#[derive(Debug, Args)]
struct LedgerSource {
    #[command(flatten)]
    place: Place,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs `tollgate ledger …`.
///
/// # Errors
/// The journal cannot be read.
pub fn run(args: &LedgerArgs, env: &[(String, String)]) -> anyhow::Result<ExitCode> {
    let (LedgerCommand::Verify(source) | LedgerCommand::Show(source)) = &args.command;
    let (_, state) = source.place.gate(env).files(env)?;
    let found = read(source, &state)?;
    let mut out = anstream::stdout().lock();
    let written = match (&args.command, source.json) {
        (LedgerCommand::Verify(_), true) => print_json(&mut out, &found),
        (LedgerCommand::Show(_), true) => print_json(&mut out, &found.budgets),
        (LedgerCommand::Verify(_), false) => print_verdict(&mut out, &found),
        (LedgerCommand::Show(_), false) => print_budgets(&mut out, &found.budgets),
    };
    written.context("standard output")?;
    let bad = !found.ok && matches!(args.command, LedgerCommand::Verify(_));
    Ok(ExitCode::from(u8::from(bad)))
}

fn read(source: &LedgerSource, state: &Path) -> anyhow::Result<Verification> {
    ensure!(
        state.is_dir(),
        "there is no state directory `{}`: name the gateway's with --state-dir, or its configuration with -c",
        state.display()
    );
    let bar = if io::stderr().is_terminal() && !source.json {
        let style = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len} segments")?;
        ProgressBar::new(0)
            .with_style(style)
            .with_message("reading")
    } else {
        ProgressBar::hidden()
    };
    let found = journal::verify_with(state, |done, all| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    Ok(found?)
}

fn print_json(out: &mut impl Write, value: &impl serde::Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)
}

fn print_verdict(out: &mut impl Write, found: &Verification) -> io::Result<()> {
    print_budgets(out, &found.budgets)?;
    for budget in found.budgets.iter().filter(|b| b.ledger != b.recomputed) {
        let (name, ledger, recomputed) = (&budget.name, budget.ledger, budget.recomputed);
        writeln!(
            out,
            "not equal: {name}: ledger ${ledger}, recomputed ${recomputed}"
        )?;
    }
    for place in &found.breaks {
        writeln!(
            out,
            "note: recomputed anew from {}: {}",
            place.segment, place.why
        )?;
    }
    if let Some(fault) = &found.first_fault {
        let (segment, offset, sequence) = (&fault.segment, fault.offset, fault.sequence);
        writeln!(
            out,
            "first fault: {segment} at byte {offset}, record {sequence}: {}",
            fault.what
        )?;
    }
    let verdict = if found.ok { "equal" } else { "NOT equal" };
    writeln!(out, "{} records recomputed: {verdict}", found.records)
}

fn print_budgets(out: &mut impl Write, budgets: &[Recount]) -> io::Result<()> {
    if budgets.is_empty() {
        return writeln!(out, "no budget has had a call yet");
    }
    let widest = budgets
        .iter()
        .map(|budget| budget.name.chars().count())
        .max();
    let width = widest.unwrap_or(0).max(6);
    writeln!(
        out,
        "{:width$}  {:>16}  {:>16}  {:>16}  PERIOD",
        "BUDGET", "SPENT", "RESERVED", "UNCERTAIN"
    )?;
    for budget in budgets {
        writeln!(
            out,
            "{:width$}  {:>16}  {:>16}  {:>16}  {}",
            budget.name,
            format!("${}", budget.ledger),
            format!("${}", budget.reserved),
            format!("${}", budget.uncertain),
            journal::period_text(budget.period)
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Break, Fault};

    fn found(ok: bool) -> Verification {
        let period = crate::governance::budget::Period::TOTAL;
        let money = |text: &str| text.parse().expect(text);
        Verification {
            ok,
            records: 1234,
            budgets: vec![Recount {
                name: "per-agent[scout]".into(),
                period,
                ledger: money("0.012345678"),
                recomputed: money(if ok { "0.012345678" } else { "0.01" }),
                reserved: money("0.40"),
                uncertain: money("0"),
            }],
            first_fault: (!ok).then(|| Fault {
                segment: "000002.seg".into(),
                offset: 77,
                sequence: 9,
                what: "a record is damaged, intact ones follow it".into(),
            }),
            breaks: vec![Break {
                segment: "000002.seg".into(),
                why: "the segment before was damaged",
            }],
        }
    }

    fn printed(found: &Verification) -> String {
        let mut out = Vec::new();
        print_verdict(&mut out, found).expect("a vector takes everything");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn the_verdict_says_equal_or_where_not() {
        insta::assert_snapshot!(printed(&found(true)), @r"
        BUDGET                       SPENT          RESERVED         UNCERTAIN  PERIOD
        per-agent[scout]      $0.012345678             $0.40             $0.00  total
        note: recomputed anew from 000002.seg: the segment before was damaged
        1234 records recomputed: equal
        ");
        insta::assert_snapshot!(printed(&found(false)), @r"
        BUDGET                       SPENT          RESERVED         UNCERTAIN  PERIOD
        per-agent[scout]      $0.012345678             $0.40             $0.00  total
        not equal: per-agent[scout]: ledger $0.012345678, recomputed $0.01
        note: recomputed anew from 000002.seg: the segment before was damaged
        first fault: 000002.seg at byte 77, record 9: a record is damaged, intact ones follow it
        1234 records recomputed: NOT equal
        ");
    }

    #[test]
    fn the_ledger_of_a_configured_gateway_is_found_where_it_says() {
        let home = tempfile::tempdir().expect("a directory");
        let file = home.path().join("tollgate.yaml");
        let text = "state_dir: elsewhere-entirely\nproviders: { sim: { kind: simulator } }\n";
        std::fs::write(&file, text).expect("written");
        let source = LedgerSource {
            place: Place::of_file(file),
            json: true,
        };
        let args = LedgerArgs {
            command: LedgerCommand::Show(source),
        };
        let told = run(&args, &[]).expect_err("nothing there").to_string();
        assert!(
            told.contains("elsewhere-entirely") && told.contains("--state-dir"),
            "{told}"
        );
    }

    #[test]
    fn a_directory_without_a_journal_is_an_error_and_no_verdict() {
        let home = tempfile::tempdir().expect("a directory");
        let source = LedgerSource {
            place: Place::of_state(home.path().join("none")),
            json: true,
        };
        let args = LedgerArgs {
            command: LedgerCommand::Verify(source),
        };
        assert!(
            run(&args, &[])
                .expect_err("nothing there")
                .to_string()
                .contains("none")
        );
    }
}
