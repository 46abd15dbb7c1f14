//! `tollgate budget entries`: the lines of a budget's ledger.

use super::super::remote::{Panel, id, show};
use super::Which;
use clap::Args;
use serde_json::Value;
use std::io::Write;

/// Show the lines of a budget's ledger: what each step did to it
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate budget entries acme/red/atlas
  tollgate budget entries acme/red/atlas --all --json | jq -s 'length'

Amounts are changes. A line with a loan moves money from what remains to what is held, one with a report from held to spent.")]
pub(super) struct Entries {
    #[command(flatten)]
    which: Which,
    /// Those of all periods, not of this one alone
    #[arg(long)]
    all: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(panel: &Panel, args: &Entries, out: &mut dyn Write) -> anyhow::Result<()> {
    let budget = args.which.find(panel)?;
    let mut path = format!("budgets/{}/entries", id(&budget)?);
    let period = budget.get("period").and_then(Value::as_i64);
    if let Some(period) = period.filter(|_| !args.all) {
        path = format!("{path}?period={period}");
    }
    let lines = panel.list(&path)?;
    if args.json {
        return Ok(show::json(out, &Value::Array(lines))?);
    }
    let heads = [
        ">NUMBER",
        "AT",
        ">SPENT",
        ">HELD",
        ">UNCERTAIN",
        ">OVERRUN",
        "LEASE",
    ];
    let mut table = show::Table::new(&heads);
    for line in &lines {
        let change = |field| signed(&show::cell(line, field));
        table.row([
            show::cell(line, "number"),
            show::time(line, "at"),
            change("spent"),
            change("held"),
            change("uncertain"),
            change("overrun"),
            show::cell(line, "lease"),
        ]);
    }
    Ok(table.print(out, "nothing has happened to it in this period")?)
}

/// A change: `+$0.40`, `-$0.10`, and a dash for none.
fn signed(amount: &str) -> String {
    match amount.strip_prefix('-') {
        _ if amount == "-" || amount == "0.00" => "-".to_owned(),
        Some(less) => format!("-${less}"),
        None => format!("+${amount}"),
    }
}
