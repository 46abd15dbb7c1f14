//! `tollgate refusals` and `tollgate findings`: what gateways of a panel turned back and what their guards found, by whom, why
//! and when.
//!
//! Not here: what was spent (`spend`), one call and why it was refused (`explain`).

use super::remote::{Panel, show};
use super::within::Within;
use clap::Args;
use serde_json::Value;
use std::io::Write;
use std::process::ExitCode;

/// What was refused at the panel's gateways: by code, rule, key, node, label or gateway, and by time
///
/// Counts are what gateways tell, a few seconds after it happened; those of calls without a key of the panel count, too.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate refusals
  tollgate refusals --by key --node acme/red --from 2027-06-01
  tollgate refusals --by rule --interval day --json | jq .total")]
pub struct RefusalsArgs {
    /// What counts are made by: code, rule, key, node, gateway, or label:NAME (org, team, project, agent, user, key)
    #[arg(long, value_name = "WHAT", default_value = "code")]
    by: String,
    #[command(flatten)]
    within: Within,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What guards found at the panel's gateways: by kind, action, key, node, label or gateway, and by time
///
/// Counts are what gateways tell, a few seconds after it happened. None of what was found is told, only how often.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate findings
  tollgate findings --by action --key acme/red/atlas/scout
  tollgate findings --by label:team --interval day --json | jq .total")]
pub struct FindingsArgs {
    /// What counts are made by: kind, action, key, node, gateway, or label:NAME (org, team, project, agent, user, key)
    #[arg(long, value_name = "WHAT", default_value = "kind")]
    by: String,
    #[command(flatten)]
    within: Within,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs `tollgate refusals`.
///
/// # Errors
/// The panel cannot be reached, or refuses.
pub fn refusals(
    args: &RefusalsArgs,
    env: &[(String, String)],
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let panel = Panel::open(env)?;
    let question = args.within.question("refusals", &args.by, &panel)?;
    let counts = panel.get(&question)?;
    if args.json {
        show::json(out, &counts)?;
    } else {
        tell(&counts, ("refused", ">REFUSED"), "nothing was refused", out)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs `tollgate findings`.
///
/// # Errors
/// The panel cannot be reached, or refuses.
pub fn findings(
    args: &FindingsArgs,
    env: &[(String, String)],
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let panel = Panel::open(env)?;
    let question = args.within.question("findings", &args.by, &panel)?;
    let counts = panel.get(&question)?;
    if args.json {
        show::json(out, &counts)?;
    } else {
        tell(&counts, ("found", ">FOUND"), "nothing was found", out)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(
    answer: &Value,
    (field, head): (&str, &str),
    empty: &str,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let counts = answer.get("counts").and_then(Value::as_array);
    let counts = counts.map(Vec::as_slice).unwrap_or_default();
    let has = |name: &str| counts.iter().any(|count| count.get(name).is_some());
    let (timed, passed) = (has("from"), has("passed"));
    let mut heads = vec!["NAME", head];
    if timed {
        heads.insert(0, "FROM");
    }
    if passed {
        heads.push(">LET THROUGH");
    }
    let mut table = show::Table::new(&heads);
    for count in counts {
        let mut cells = vec![show::cell(count, "name"), show::cell(count, field)];
        if timed {
            cells.insert(0, show::time(count, "from"));
        }
        if passed {
            cells.push(show::cell(count, "passed"));
        }
        table.row(cells);
    }
    table.print(out, empty)?;
    if !counts.is_empty() {
        writeln!(out, "\ntotal {}", show::cell(answer, "total"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(answer: &Value) -> String {
        let mut out = Vec::new();
        tell(
            answer,
            ("refused", ">REFUSED"),
            "nothing was refused",
            &mut out,
        )
        .expect("told");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn counts_stand_in_columns_with_what_was_let_through_where_it_is_known() {
        assert_eq!(
            told(&json!({ "counts": [], "total": 0 })),
            "nothing was refused\n"
        );
        let by_code = json!({ "counts": [{ "name": "killed", "refused": 12 }], "total": 12 });
        assert_eq!(
            told(&by_code),
            "NAME    REFUSED\nkilled       12\n\ntotal 12\n"
        );
        let by_key = json!({ "counts": [
            { "from": "2027-01-15T08:00:00.000Z", "name": "acme key scout", "refused": 1, "passed": 99 },
        ], "total": 1 });
        let expected = "FROM                  NAME            REFUSED  LET THROUGH\n\
                        2027-01-15T08:00:00Z  acme key scout        1           99\n\ntotal 1\n";
        assert_eq!(told(&by_key), expected);
    }
}
