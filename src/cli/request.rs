//! `tollgate request`: asking for more budget at a control panel, and deciding.

use super::remote::{Kind, Panel, id, show};
use crate::units::Money;
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use std::io::Write;
use std::process::ExitCode;

/// Requests for more budget: ask, look, decide
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate request new acme/red/atlas --amount 5.00 --reason 'a demo tomorrow'
  tollgate request list
  tollgate request approve 9c41d2 --amount 3.00 --reason 'three will do'
  tollgate request reject 9c41d2 --reason 'next month'

Nobody decides their own request.")]
pub struct RequestArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Ask for more budget
    #[command(
        after_help = "Examples:\n  tollgate request new acme/red/atlas --amount 5.00 --reason 'a demo tomorrow'"
    )]
    New {
        /// The budget: the path of its node, its full name or its id
        budget: String,
        /// Its window, where the node has several budgets
        #[arg(long)]
        window: Option<String>,
        /// By how much its limit is to be raised, in dollars
        #[arg(long, value_name = "DOLLARS")]
        amount: Money,
        /// Why
        #[arg(long)]
        reason: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List requests that nobody decided yet
    #[command(
        after_help = "Examples:\n  tollgate request list\n  tollgate request list --all --json"
    )]
    List {
        /// Those that were decided or withdrawn, too
        #[arg(long)]
        all: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show a request
    #[command(
        after_help = "Examples:\n  tollgate request show 9c41d2\n  tollgate request show 9c41d2 --json"
    )]
    Show {
        /// Its id, or the end of it
        id: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Approve somebody else's request: the budget's limit is raised
    #[command(
        after_help = "Examples:\n  tollgate request approve 9c41d2 --reason 'fine'\n  tollgate request approve 9c41d2 --amount 3.00 --reason 'three will do'"
    )]
    Approve {
        /// Its id, or the end of it
        id: String,
        /// By how much the limit is raised [default: by what was asked for]
        #[arg(long, value_name = "DOLLARS")]
        amount: Option<Money>,
        /// Why
        #[arg(long)]
        reason: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Reject somebody else's request
    #[command(after_help = "Examples:\n  tollgate request reject 9c41d2 --reason 'next month'")]
    Reject {
        /// Its id, or the end of it
        id: String,
        /// Why
        #[arg(long)]
        reason: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Take your own request back
    #[command(after_help = "Examples:\n  tollgate request withdraw 9c41d2")]
    Withdraw {
        /// Its id, or the end of it
        id: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// Runs `tollgate request …`.
///
/// # Errors
/// The panel cannot be reached, or refuses.
pub fn run(
    args: &RequestArgs,
    env: &[(String, String)],
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let panel = Panel::open(env)?;
    match &args.command {
        Command::New {
            budget,
            window,
            amount,
            reason,
            json,
        } => {
            let budget = super::budget::find(&panel, budget, window.as_deref())?;
            let body = json!({ "budget": id(&budget)?, "amount": amount, "reason": reason });
            let made = panel.post("requests", &body)?;
            told("asked", &made, *json, out)?;
        }
        Command::List { all, json } => list(&panel, *all, *json, out)?,
        Command::Show { id, json } => {
            let request = panel.find(Kind::Request, id)?;
            tell(&request, *json, out)?;
        }
        Command::Approve {
            id,
            amount,
            reason,
            json,
        } => {
            let mut body = Map::new();
            body.insert("reason".to_owned(), json!(reason));
            if let Some(amount) = amount {
                body.insert("amount".to_owned(), json!(amount));
            }
            let decided = decide(&panel, id, "approve", Some(&Value::Object(body)))?;
            told("approved", &decided, *json, out)?;
        }
        Command::Reject { id, reason, json } => {
            let body = json!({ "reason": reason });
            let decided = decide(&panel, id, "reject", Some(&body))?;
            told("rejected", &decided, *json, out)?;
        }
        Command::Withdraw { id, json } => {
            let withdrawn = decide(&panel, id, "withdraw", None)?;
            told("withdrew", &withdrawn, *json, out)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Does something about a request as it is now.
fn decide(panel: &Panel, called: &str, what: &str, body: Option<&Value>) -> anyhow::Result<Value> {
    let request = panel.find(Kind::Request, called)?;
    let path = format!("requests/{}/{what}", id(&request)?);
    Ok(panel.act_on(&request, &path, body)?)
}

fn told(done: &str, request: &Value, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    if json {
        return Ok(show::json(out, request)?);
    }
    let (id, budget) = (
        show::text(request, "id"),
        show::text(request, "budget_name"),
    );
    let amount = match request.get("granted") {
        Some(Value::String(_)) => show::dollars(request, "granted"),
        _ => show::dollars(request, "amount"),
    };
    writeln!(out, "{done} {id}: {amount} more for {budget}")?;
    Ok(())
}

fn list(panel: &Panel, all: bool, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let path = if all {
        "requests"
    } else {
        "requests?state=open"
    };
    let requests = panel.list(path)?;
    if json {
        return Ok(show::json(out, &Value::Array(requests))?);
    }
    let heads = ["ID", "BUDGET", ">AMOUNT", "STATE", "BY", "SINCE", "REASON"];
    let mut table = show::Table::new(&heads);
    for request in &requests {
        table.row([
            show::cell(request, "id"),
            show::cell(request, "budget_name"),
            show::dollars(request, "amount"),
            show::cell(request, "state"),
            show::cell(request, "asked_by"),
            show::time(request, "created"),
            show::cell(request, "reason"),
        ]);
    }
    let empty = if all {
        "nobody ever asked for more"
    } else {
        "nobody asks for more"
    };
    Ok(table.print(out, empty)?)
}

fn tell(request: &Value, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    if json {
        return Ok(show::json(out, request)?);
    }
    let pairs = [
        ("request", show::cell(request, "id")),
        ("budget", show::cell(request, "budget_name")),
        ("amount", show::dollars(request, "amount")),
        ("reason", show::cell(request, "reason")),
        ("asked by", show::cell(request, "asked_by")),
        ("since", show::time(request, "created")),
        ("state", show::cell(request, "state")),
        ("granted", show::dollars(request, "granted")),
        ("answer", show::cell(request, "answer")),
        ("decided by", show::cell(request, "decided_by")),
        ("decided", show::time(request, "decided")),
    ];
    Ok(show::fields(out, &pairs)?)
}
