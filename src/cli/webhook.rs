//! `tollgate webhook`: where a control panel sends its news.

use super::remote::{Fault, Kind, Panel, id, show};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::io::Write;
use std::process::ExitCode;

/// Where the panel's news go: make, list, remove
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate webhook new https://hooks.example.com/tollgate
  tollgate webhook list
  tollgate webhook rm https://hooks.example.com/tollgate

News: requests for budget, thresholds, budgets that will not last, gateways that are lost. They are signed as
https://www.standardwebhooks.com has it.")]
pub struct WebhookArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Have news sent somewhere, and print what signs them, once
    #[command(after_help = "Examples:
  tollgate webhook new https://hooks.example.com/tollgate
  tollgate webhook new http://127.0.0.1:8080/ > webhook.secret")]
    New {
        /// Where to: https://…, or http:// to the panel's own machine
        url: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List where news go
    #[command(after_help = "Examples:\n  tollgate webhook list\n  tollgate webhook list --json")]
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Have no more news sent there
    #[command(
        after_help = "Examples:\n  tollgate webhook rm https://hooks.example.com/tollgate\n  tollgate webhook rm 9c41d2"
    )]
    Rm {
        /// Its URL, its id, or the end of it
        webhook: String,
    },
}

/// Runs `tollgate webhook …`.
///
/// # Errors
/// The panel cannot be reached, or refuses.
pub fn run(
    args: &WebhookArgs,
    env: &[(String, String)],
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let panel = Panel::open(env)?;
    match &args.command {
        Command::New { url, json } => {
            let made = panel.post("webhooks", &json!({ "url": url }))?;
            show_once(&made, *json, out)?;
        }
        Command::List { json } => list(&panel, *json, out)?,
        Command::Rm { webhook } => {
            let webhook = panel.find(Kind::Webhook, webhook)?;
            panel.delete(&format!("webhooks/{}", id(&webhook)?))?;
            writeln!(out, "removed {}", show::text(&webhook, "url"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The one time what signs is seen.
fn show_once(made: &Value, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    if json {
        return Ok(show::json(out, made)?);
    }
    let secret = made.get("secret").and_then(Value::as_str);
    let secret = secret.ok_or_else(|| Fault::Garbled("a webhook without its secret".to_owned()))?;
    let webhook = made.get("webhook").unwrap_or(&Value::Null);
    // Alone on standard output, so that it can be piped.
    writeln!(out, "{secret}")?;
    writeln!(
        anstream::stderr(),
        "This signs what goes to {}, and is shown once.",
        show::text(webhook, "url")
    )?;
    Ok(())
}

fn list(panel: &Panel, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let webhooks = panel.list(Kind::Webhook.path())?;
    if json {
        return Ok(show::json(out, &Value::Array(webhooks))?);
    }
    let mut table = show::Table::new(&["URL", "SIGNED", "CREATED", "ID"]);
    for webhook in &webhooks {
        let is_signed = webhook.get("signed").and_then(Value::as_bool) == Some(true);
        table.row([
            show::cell(webhook, "url"),
            if is_signed { "yes" } else { "no: make it anew" }.to_owned(),
            show::time(webhook, "created"),
            show::cell(webhook, "id"),
        ]);
    }
    Ok(table.print(out, "no webhooks yet: `tollgate webhook new URL` makes one")?)
}
