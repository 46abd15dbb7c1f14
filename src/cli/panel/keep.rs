//! `tollgate panel backup` and `restore`, where the panel runs; `status` and `reopen`, from anywhere.

use crate::app::backup;
use crate::cli::remote::{Kind, Panel, id, show};
use crate::config::Sources;
use crate::units::Money;
use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Copy a panel's books and authority into a folder, while it runs
    ///
    /// The copy is as secret as the state directory: whoever has it can be the panel.
    #[command(after_help = "Examples:
  tollgate panel backup /backup/panel-2027-06-30
  tollgate panel backup /backup/panel --state-dir /var/lib/tollgate-panel")]
    Backup(Place),
    /// Make a panel's state directory from a backup
    ///
    /// The panel that starts with it knows that its books are old: it lends nothing of hard budgets until what was lent
    /// before can be spent no more, and until an administrator opens it again.
    #[command(after_help = "Examples:
  tollgate panel restore /backup/panel-2027-06-30
  tollgate panel restore /backup/panel --state-dir /var/lib/tollgate-panel

What was changed since the backup is gone: keys, users and gateways that were revoked since are good again. Revoke them
before you open the panel. Credentials of the vault that were rotated, removed or restricted since are as they were, and
gateways ask for them as soon as the panel starts: put them right at once. Everybody is signed out. Gateways enrolled since need a new token: `tollgate gateway token NAME`, or `gateway new`.")]
    Restore(Place),
    /// Tell books at a PostgreSQL server that they were set back to an earlier state
    ///
    /// After a restore, a recovery to a point in time, or a failover to a server that lacked the last commits: the panel
    /// that starts then lends nothing of hard budgets until what was lent before can be spent no more, and until an
    /// administrator opens it again. Without this it would lend once more what was lent since. A panel refuses books on another
    /// server or after a failover until this was run; what was restored within the same server only you know.
    #[command(after_help = "Examples:
  tollgate panel set-back
  tollgate panel set-back -c /etc/tollgate/panel.yaml
  tollgate panel set-back --complete

Stop all panels over these books first. Everybody is signed out, as after `tollgate panel restore`.")]
    SetBack {
        /// The panel's configuration
        #[arg(short, long, value_name = "FILE", default_value = "panel.yaml")]
        config: PathBuf,
        /// Nothing is missing in the copy: a synchronous standby took over, or the server was moved or upgraded
        #[arg(long)]
        complete: bool,
    },
    /// Show whether the panel was restored, and what it waits for
    #[command(after_help = "Examples:\n  tollgate panel status\n  tollgate panel status --json")]
    Status {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Let a restored panel lend again
    #[command(after_help = "Examples:
  tollgate panel reopen --reason 'the bill of the provider says the same'
  tollgate panel reopen --charged acme/red=12.50 --charged acme=40 --reason 'per the bill of 30 June'

Name every budget that binds: what was lent of it before, and given back since the backup, comes back only then.")]
    Reopen {
        /// What the provider charged to a budget in its period that is now: BUDGET=DOLLARS, once or more often
        #[arg(long, value_name = "BUDGET=DOLLARS")]
        charged: Vec<String>,
        /// No gateway was enrolled since the backup: it can be opened as soon as all have told everything
        #[arg(long)]
        none_enrolled_since: bool,
        /// By what it is known that nothing else was spent
        #[arg(long)]
        reason: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// A backup, and the panel it is of.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// The backup's folder
    folder: PathBuf,
    /// Where the panel's state is kept
    #[arg(long, value_name = "DIR", default_value = ".tollgate-panel")]
    state_dir: PathBuf,
}

/// Runs one of them.
pub(super) fn run(
    command: &Command,
    env: &[(String, String)],
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    match command {
        Command::Backup(place) => back_up(place, out)?,
        Command::Restore(place) => restore(place, out)?,
        Command::SetBack { config, complete } => {
            let sources = Sources {
                file: Some(config.clone()),
                env: env.to_vec(),
                ..Sources::default()
            };
            let place = backup::set_back(&sources, *complete)?;
            if *complete {
                writeln!(out, "panels go on with {place} as it is")?;
            } else {
                writeln!(out, "{place} knows that it was set back")?;
                until_open(out)?;
            }
        }
        Command::Status { json } => {
            tell(&Panel::open(env)?.get("restore")?, *json, out)?;
        }
        Command::Reopen {
            charged,
            none_enrolled_since,
            reason,
            json,
        } => {
            let panel = Panel::open(env)?;
            let charged = charged.iter().map(|text| bill(&panel, text));
            let charged = charged.collect::<anyhow::Result<Vec<_>>>()?;
            let body = json!({
                "charged": charged,
                "none_enrolled_since": none_enrolled_since,
                "reason": reason,
            });
            tell(&panel.post("restore/open", &body)?, *json, out)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn back_up(place: &Place, out: &mut dyn Write) -> anyhow::Result<()> {
    backup::make(&place.state_dir, &place.folder)?;
    writeln!(out, "backed up to {}", place.folder.display())?;
    let vault = if place.folder.join("vault.key").exists() {
        "It holds the authority's key, and the vault's with what it opens:"
    } else {
        "It holds the authority's key:"
    };
    writeln!(out, "{vault} keep it as secret as the panel itself.")?;
    Ok(())
}

fn restore(place: &Place, out: &mut dyn Write) -> anyhow::Result<()> {
    backup::restore(&place.folder, &place.state_dir)?;
    let state = absolute(&place.state_dir);
    writeln!(
        out,
        "{} is made from {}",
        state.display(),
        place.folder.display()
    )?;
    until_open(out)
}

/// What is to be done before it lends again.
fn until_open(out: &mut dyn Write) -> anyhow::Result<()> {
    write!(
        out,
        "Start the panel with it. Nothing is lent of hard budgets until you say so:

  tollgate panel status    which gateways have not told everything yet
  tollgate panel reopen    once they have, with what the provider charged
"
    )?;
    Ok(())
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// `BUDGET=DOLLARS`
fn bill(panel: &Panel, text: &str) -> anyhow::Result<Value> {
    let Some((called, amount)) = text.rsplit_once('=') else {
        bail!("`{text}` says no amount: write BUDGET=DOLLARS, like acme/red=12.50");
    };
    let budget = panel.find(Kind::Budget, called.trim())?;
    let amount = amount.trim().trim_start_matches('$');
    Ok(json!({ "budget": id(&budget)?, "amount": amount }))
}

fn tell(view: &Value, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    if json {
        return Ok(show::json(out, view)?);
    }
    if view.get("restored").is_none() {
        writeln!(out, "this panel was never restored from a backup")?;
        return Ok(());
    }
    let restored = show::time(view, "restored");
    if view.get("waiting") == Some(&Value::Bool(false)) {
        let opened = show::time(view, "opened");
        writeln!(out, "restored {restored}, lends again since {opened}")?;
        return Ok(());
    }
    writeln!(out, "restored {restored}: nothing is lent of hard budgets")?;
    let unheard = view.get("unheard").and_then(Value::as_array);
    let unheard = unheard.context("the panel does not say whom it waits for")?;
    let names: Vec<_> = unheard.iter().filter_map(Value::as_str).collect();
    if view.get("ready") == Some(&Value::Bool(true)) {
        writeln!(
            out,
            "it can be opened: compare with the provider's bill, then `tollgate panel reopen`"
        )?;
    } else {
        let until = show::time(view, "until");
        if names.is_empty() {
            writeln!(
                out,
                "all gateways of the backup have told everything; waits until {until} for those enrolled since (if there are none: \
                 `tollgate panel reopen --none-enrolled-since`)"
            )?;
        } else {
            writeln!(out, "waits for {}, or until {until}", names.join(", "))?;
        }
    }
    if show::money(view, "unattributed") > Money::ZERO {
        let amount = show::dollars(view, "unattributed");
        writeln!(
            out,
            "reported of keys made since, and in no budget: {amount}; name it in the bill"
        )?;
    }
    Ok(())
}
