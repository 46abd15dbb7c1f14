//! `tollgate admin-audit`: what was done at a control panel, by whom. The decision log of a gateway is `tollgate audit`.

use super::remote::{Panel, show};
use clap::{Args, Subcommand};
use serde_json::Value;
use std::io::Write;
use std::process::ExitCode;

/// The panel's audit log: who changed what, when and from where
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate admin-audit list
  tollgate admin-audit list -n 500 --json | jq '.[] | select(.record.action == \"kill\")'
  tollgate admin-audit verify

What gateways decided about calls is in their own logs: `tollgate audit`.")]
pub struct AdminAuditArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the newest lines
    #[command(
        after_help = "Examples:\n  tollgate admin-audit list\n  tollgate admin-audit list -n 200 --json"
    )]
    List {
        /// So many
        #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 50)]
        lines: usize,
        /// Print JSON, with what was before and after
        #[arg(long)]
        json: bool,
    },
    /// Have the panel recompute the log's chain: exit code 1 where a line is not as it was written
    #[command(
        after_help = "Examples:\n  tollgate admin-audit verify\n  tollgate admin-audit verify --json | jq -r .head      keep it elsewhere: it shows whether the end was cut off"
    )]
    Verify {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// Runs `tollgate admin-audit …`.
///
/// # Errors
/// The panel cannot be reached, or refuses.
pub fn run(
    args: &AdminAuditArgs,
    env: &[(String, String)],
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let panel = Panel::open(env)?;
    match &args.command {
        Command::List { lines, json } => {
            let mut lines = panel.first("audit", (*lines).max(1))?;
            if *json {
                show::json(out, &Value::Array(lines))?;
                return Ok(ExitCode::SUCCESS);
            }
            // As logs are read: the newest last.
            lines.reverse();
            list(&lines, out)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Verify { json } => verify(&panel, *json, out),
    }
}

fn list(lines: &[Value], out: &mut dyn Write) -> anyhow::Result<()> {
    let mut table = show::Table::new(&[">LINE", "AT", "WHO", "FROM", "ACTION", "TARGET", "NAME"]);
    for line in lines {
        let record = line.get("record").unwrap_or(&Value::Null);
        table.row([
            show::cell(line, "number"),
            show::time(line, "at"),
            show::cell(record, "who"),
            show::cell(record, "from"),
            show::cell(record, "action"),
            show::cell(record, "target"),
            name(record),
        ]);
    }
    Ok(table.print(out, "nothing was done yet")?)
}

/// What people call the thing that something was done to, where the record says it.
fn name(record: &Value) -> String {
    let sides = ["after", "before"]
        .iter()
        .filter_map(|side| record.get(side));
    let mut names = sides.flat_map(|side| {
        let names = ["path", "name", "email"].iter();
        names.filter_map(|field| side.get(field).map(|_| show::cell(side, field)))
    });
    names.next().unwrap_or_else(|| "-".to_owned())
}

fn verify(panel: &Panel, json: bool, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let verified = panel.get("audit/verify")?;
    let is_ok = verified.get("ok") == Some(&Value::Bool(true));
    if json {
        show::json(out, &verified)?;
    } else if is_ok {
        let (lines, head) = (
            show::cell(&verified, "lines"),
            show::text(&verified, "head"),
        );
        writeln!(
            out,
            "{lines} lines are as they were written; the last has the hash {head}"
        )?;
    } else {
        let first = show::cell(&verified, "first_fault");
        writeln!(
            out,
            "NOT as it was written: line {first} is the first fault"
        )?;
    }
    Ok(if is_ok {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(super::NO)
    })
}
