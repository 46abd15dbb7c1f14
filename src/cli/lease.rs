//! `tollgate lease`: what a control panel has lent to gateways, and what became of it.

use super::remote::{Kind, Panel, id, show};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use std::io::Write;
use std::process::ExitCode;

/// Leases: what the panel lent to gateways, and what became of it
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate lease list
  tollgate lease list --gateway edge-1 --state lost
  tollgate lease show 3f2a91
  tollgate lease write-off 3f2a91 --reason 'the provider billed nothing for that hour'")]
pub struct LeaseArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List leases that are not closed, or those of a state
    #[command(after_help = "Examples:
  tollgate lease list
  tollgate lease list --key acme/red/atlas/ci --json
  tollgate lease list --state lost")]
    List {
        /// Only those of this gateway: name or id
        #[arg(long)]
        gateway: Option<String>,
        /// Only those of this key: path and name, name or id
        #[arg(long)]
        key: Option<String>,
        /// How far their lives have come
        #[arg(long, value_enum)]
        state: Option<State>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show a lease
    #[command(
        after_help = "Examples:\n  tollgate lease show 3f2a91\n  tollgate lease show 3f2a91 --json"
    )]
    Show {
        /// Its id, or the end of it
        id: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Give what a lost lease is presumed to have spent back to its budgets
    #[command(
        after_help = "Examples:\n  tollgate lease write-off 3f2a91 --reason 'the provider billed nothing for that hour'"
    )]
    WriteOff {
        /// Its id, or the end of it
        id: String,
        /// Why it is certain that nothing of it was spent beyond what was told
        #[arg(long)]
        reason: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum State {
    /// Its holder syncs
    Active,
    /// No new money
    Draining,
    /// Its holder fell silent: what was left is presumed spent
    Lost,
    /// All is told
    Closed,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Draining => "draining",
            Self::Lost => "lost",
            Self::Closed => "closed",
        }
    }
}

/// Runs `tollgate lease …`.
///
/// # Errors
/// The panel cannot be reached, or refuses.
pub fn run(
    args: &LeaseArgs,
    env: &[(String, String)],
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let panel = Panel::open(env)?;
    match &args.command {
        Command::List {
            gateway,
            key,
            state,
            json,
        } => {
            let mut filters = Vec::new();
            if let Some(gateway) = gateway {
                let gateway = panel.find(Kind::Gateway, gateway)?;
                filters.push(format!("gateway={}", id(&gateway)?));
            }
            if let Some(key) = key {
                let key = panel.find(Kind::Key, key)?;
                filters.push(format!("key={}", id(&key)?));
            }
            if let Some(state) = state {
                filters.push(format!("state={}", state.word()));
            }
            list(&panel, &filters, *json, out)?;
        }
        Command::Show { id, json } => tell(&find(&panel, id)?, *json, out)?,
        Command::WriteOff {
            id: called,
            reason,
            json,
        } => {
            let lease = find(&panel, called)?;
            let path = format!("leases/{}/write-off", id(&lease)?);
            let after = panel.post(&path, &json!({ "reason": reason }))?;
            if *json {
                show::json(out, &after)?;
            } else {
                let back = show::dollars(&lease, "uncertain");
                let (id, path) = (show::text(&after, "id"), show::text(&after, "path"));
                writeln!(
                    out,
                    "wrote off {id} of {path}: {back} are back in its budgets"
                )?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The lease that is called so: among those that are not closed first, as those are fewer.
fn find(panel: &Panel, called: &str) -> anyhow::Result<Value> {
    match panel.find(Kind::Lease, called) {
        Ok(lease) => Ok(lease),
        Err(fault @ super::remote::Fault::Unknown(_)) => {
            let path = format!("{}?state=closed", Kind::Lease.path());
            let closed = panel.list(&path)?;
            let closed = super::remote::pick(Kind::Lease, called, "lease", closed);
            Ok(closed.map_err(|_| fault)?)
        }
        Err(fault) => Err(fault.into()),
    }
}

fn list(panel: &Panel, filters: &[String], json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let path = Kind::Lease.path();
    let leases = if filters.is_empty() {
        panel.list(path)?
    } else {
        panel.list(&format!("{path}?{}", filters.join("&")))?
    };
    if json {
        return Ok(show::json(out, &Value::Array(leases))?);
    }
    let heads = [
        "LEASE",
        "GATEWAY",
        "OF",
        "STATE",
        ">GRANTED",
        ">SPENT",
        ">HELD",
        ">UNCERTAIN",
        "UNTIL",
    ];
    let mut table = show::Table::new(&heads);
    for lease in &leases {
        table.row([
            show::cell(lease, "id"),
            show::cell(lease, "gateway_name"),
            show::cell(lease, "path"),
            show::cell(lease, "state"),
            show::dollars(lease, "granted"),
            show::dollars(lease, "spent"),
            show::dollars(lease, "held"),
            show::dollars(lease, "uncertain"),
            show::time(lease, "until"),
        ]);
    }
    Ok(table.print(out, "nothing is lent")?)
}

fn tell(lease: &Value, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    if json {
        return Ok(show::json(out, lease)?);
    }
    let pairs = [
        ("lease", show::cell(lease, "id")),
        (
            "gateway",
            format!(
                "{} (process {})",
                show::cell(lease, "gateway_name"),
                show::cell(lease, "incarnation")
            ),
        ),
        ("key", show::cell(lease, "key")),
        ("of", show::cell(lease, "path")),
        ("state", show::cell(lease, "state")),
        ("granted", show::dollars(lease, "granted")),
        ("spent", show::dollars(lease, "spent")),
        ("returned", show::dollars(lease, "returned")),
        ("held", show::dollars(lease, "held")),
        ("uncertain", show::dollars(lease, "uncertain")),
        ("overrun", show::dollars(lease, "overrun")),
        ("until", show::time(lease, "until")),
    ];
    Ok(show::fields(out, &pairs)?)
}
