//! `tollgate token`: what programs present at a control panel instead of a password.

use super::remote::{Fault, Kind, Panel, id, show};
use super::user::{Role, scope, scope_cell, scopes};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use std::io::Write;
use std::process::ExitCode;

/// API tokens at the panel: make, list, revoke
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate token new ci --role operator --scope acme/red --expires 2027-06-30
  tollgate token list
  tollgate token revoke ci

Programs present it as TOLLGATE_PANEL_TOKEN, beside TOLLGATE_PANEL_URL and TOLLGATE_PANEL_CA.")]
pub struct TokenArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a token and print it, once
    #[command(after_help = "Examples:
  tollgate token new ci --role operator --scope acme/red --expires 2027-06-30
  export TOLLGATE_PANEL_TOKEN=$(tollgate token new nightly --role viewer --expires 2027-06-30)")]
    New {
        /// Its name, for people
        name: String,
        /// What it may do; no more than you
        #[arg(long, value_enum)]
        role: Role,
        /// In which part of the tree: path, name or id of a node [default: yours]
        #[arg(long, value_name = "PATH")]
        scope: Option<String>,
        /// Until when: 2027-06-30 or 2027-06-30T12:00:00Z
        #[arg(long, value_name = "DATE")]
        expires: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List your tokens; everybody's for administrators of the whole panel
    #[command(after_help = "Examples:\n  tollgate token list\n  tollgate token list --json")]
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Revoke a token
    #[command(after_help = "Examples:\n  tollgate token revoke ci")]
    Revoke {
        /// Its name or id
        name: String,
    },
}

/// Runs `tollgate token …`.
///
/// # Errors
/// The panel cannot be reached, or refuses.
pub fn run(
    args: &TokenArgs,
    env: &[(String, String)],
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let panel = Panel::open(env)?;
    match &args.command {
        Command::New {
            name,
            role,
            scope: called,
            expires,
            json,
        } => {
            let mut body = Map::new();
            body.insert("name".to_owned(), json!(name));
            body.insert("role".to_owned(), json!(role.word()));
            body.insert("expires".to_owned(), json!(expires));
            if let Some(called) = called.as_deref().filter(|called| *called != "*") {
                body.insert("scope".to_owned(), json!(scope(&panel, called)?));
            }
            let made = panel.post("tokens", &Value::Object(body))?;
            show_once(&made, *json, out)?;
        }
        Command::List { json } => list(&panel, *json, out)?,
        Command::Revoke { name } => {
            let token = panel.find(Kind::Token, name)?;
            panel.delete(&format!("tokens/{}", id(&token)?))?;
            writeln!(out, "revoked {}", show::text(&token, "name"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The one time it is seen.
fn show_once(made: &Value, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    if json {
        return Ok(show::json(out, made)?);
    }
    let secret = made.get("secret").and_then(Value::as_str);
    let secret = secret.ok_or_else(|| Fault::Garbled("a token without its secret".to_owned()))?;
    let token = made.get("token").unwrap_or(&Value::Null);
    // Alone on standard output, so that it can be piped.
    writeln!(out, "{secret}")?;
    writeln!(
        anstream::stderr(),
        "This is the token {}, shown once, good until {}.",
        show::text(token, "name"),
        show::time(token, "expires")
    )?;
    Ok(())
}

fn list(panel: &Panel, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let tokens = panel.list(Kind::Token.path())?;
    if json {
        return Ok(show::json(out, &Value::Array(tokens))?);
    }
    let scopes = scopes(panel, &tokens)?;
    let heads = [
        "NAME",
        "ROLE",
        "SCOPE",
        "STATE",
        "EXPIRES",
        "LAST USED",
        "ID",
    ];
    let mut table = show::Table::new(&heads);
    for token in &tokens {
        table.row([
            show::cell(token, "name"),
            show::cell(token, "role"),
            scope_cell(token, &scopes),
            show::cell(token, "state"),
            show::time(token, "expires"),
            show::time(token, "last_used"),
            show::cell(token, "id"),
        ]);
    }
    Ok(table.print(out, "no tokens yet: `tollgate token new NAME` makes one")?)
}
