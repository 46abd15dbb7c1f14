//! `tollgate spend`: what was spent at a control panel, by whom, on what and when; and how fast budgets go.

use super::remote::{Panel, show};
use super::within::Within;
use clap::Args;
use serde_json::Value;
use std::io::Write;
use std::process::ExitCode;

/// What was spent at the panel: by key, model, budget, node or label, and by time
///
/// Sums over the ledger. Calls and tokens are what gateways tell; what nobody named a model for is `unknown`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate spend
  tollgate spend --by model --node acme/red --from 2027-06-01
  tollgate spend --by label:team --interval day --json | jq .total
  tollgate spend --burn                which budgets will not last")]
pub struct SpendArgs {
    /// What sums are made by: key, model, node, budget, or label:NAME (org, team, project, agent, user, key)
    #[arg(long, value_name = "WHAT", default_value = "key")]
    by: String,
    #[command(flatten)]
    within: Within,
    /// How fast budgets go instead: the last hour's pace, when they run out, what their period comes to
    #[arg(long, conflicts_with_all = ["by", "interval", "from", "until", "node", "key"])]
    burn: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs `tollgate spend`.
///
/// # Errors
/// The panel cannot be reached, or refuses.
pub fn run(
    args: &SpendArgs,
    env: &[(String, String)],
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let panel = Panel::open(env)?;
    if args.burn {
        let burns = panel.get("analytics/burn")?;
        if args.json {
            show::json(out, &burns)?;
        } else {
            tell_burns(&burns, out)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let spend = panel.get(&args.within.question("spend", &args.by, &panel)?)?;
    if args.json {
        show::json(out, &spend)?;
    } else {
        tell(&spend, out)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(spend: &Value, out: &mut dyn Write) -> anyhow::Result<()> {
    let sums = spend.get("sums").and_then(Value::as_array);
    let sums = sums.map(Vec::as_slice).unwrap_or_default();
    let has = |name: &str| sums.iter().any(|sum| sum.get(name).is_some());
    let (timed, counted) = (has("from"), has("calls"));
    let mut heads = vec!["NAME", ">SPENT"];
    if timed {
        heads.insert(0, "FROM");
    }
    if counted {
        heads.extend([">CALLS", ">TOKENS IN", ">TOKENS OUT"]);
    }
    let mut table = show::Table::new(&heads);
    for sum in sums {
        let mut cells = vec![show::cell(sum, "name"), show::dollars(sum, "spent")];
        if timed {
            cells.insert(0, show::time(sum, "from"));
        }
        if counted {
            cells.extend(["calls", "tokens_in", "tokens_out"].map(|name| show::cell(sum, name)));
        }
        table.row(cells);
    }
    table.print(out, "nothing was spent")?;
    if !sums.is_empty() && spend.get("total").is_some() {
        writeln!(out, "\ntotal {}", show::dollars(spend, "total"))?;
    }
    Ok(())
}

fn tell_burns(burns: &Value, out: &mut dyn Write) -> anyhow::Result<()> {
    let heads = [
        "BUDGET",
        ">LIMIT",
        ">SPENT",
        ">LAST HOUR",
        ">EVEN",
        "RUNS OUT",
        "ENDS",
        ">FORECAST",
    ];
    let mut table = show::Table::new(&heads);
    let budgets = burns.get("budgets").and_then(Value::as_array);
    for burn in budgets.into_iter().flatten() {
        let amount = |name: &str| match burn.get(name) {
            Some(_) => show::dollars(burn, name),
            None => "-".to_owned(),
        };
        table.row([
            show::cell(burn, "name"),
            amount("limit"),
            amount("spent"),
            amount("per_hour"),
            amount("even_per_hour"),
            show::time(burn, "runs_out"),
            show::time(burn, "ends"),
            amount("forecast"),
        ]);
    }
    Ok(table.print(out, "there are no budgets")?)
}
