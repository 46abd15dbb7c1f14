//! `tollgate gateway`: the gateways that a control panel knows, and what they hold.

use super::remote::{Fault, Kind, Login, Panel, id, show, whereabouts};
use crate::settings;
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

/// Gateways at the panel: make known, list, drain, revoke
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate gateway new edge-1 >> tollgate.yaml
  tollgate gateway list
  tollgate gateway show edge-1
  tollgate gateway drain edge-1
  tollgate gateway revoke edge-1")]
pub struct GatewayArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a gateway known: prints the `panel:` section for its tollgate.yaml, with a one-time token
    #[command(
        after_help = "Examples:\n  tollgate gateway new edge-1 >> tollgate.yaml\n  tollgate gateway new edge-2 --token-lasts 1h --json | jq -r .token"
    )]
    New {
        /// Its name
        name: String,
        /// For how long its token is good: 1h, 7d [default: a day]
        #[arg(long, value_name = "LENGTH", value_parser = settings::duration)]
        token_lasts: Option<Duration>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List gateways
    #[command(after_help = "Examples:\n  tollgate gateway list\n  tollgate gateway list --json")]
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show a gateway: when it was last seen, what it holds, its certificates
    #[command(
        after_help = "Examples:\n  tollgate gateway show edge-1\n  tollgate gateway show edge-1 --json"
    )]
    Show {
        /// Its name or id
        name: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Another one-time token, for a gateway that lost its key: its certificates are good no longer
    #[command(after_help = "Examples:\n  tollgate gateway token edge-1")]
    Token {
        /// Its name or id
        name: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Lend a gateway nothing more on the leases it has
    #[command(after_help = "Examples:\n  tollgate gateway drain edge-1")]
    Drain {
        /// Its name or id
        name: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Revoke a gateway for good
    #[command(after_help = "Examples:\n  tollgate gateway revoke edge-1")]
    Revoke {
        /// Its name or id
        name: String,
    },
}

/// Runs `tollgate gateway …`.
///
/// # Errors
/// The panel cannot be reached, or refuses.
pub fn run(
    args: &GatewayArgs,
    env: &[(String, String)],
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let login = whereabouts(env)?;
    let panel = Panel::of(&login)?;
    match &args.command {
        Command::New {
            name,
            token_lasts,
            json,
        } => {
            let mut body = Map::new();
            body.insert("name".to_owned(), json!(name));
            if let Some(lasts) = token_lasts {
                body.insert("token_lasts_s".to_owned(), json!(lasts.as_secs()));
            }
            let made = panel.post("gateways", &Value::Object(body))?;
            welcome(&login, &made, *json, out)?;
        }
        Command::List { json } => list(&panel, *json, out)?,
        Command::Show { name, json } => {
            let gateway = panel.find(Kind::Gateway, name)?;
            tell(&gateway, *json, out)?;
        }
        Command::Token { name, json } => {
            let gateway = panel.find(Kind::Gateway, name)?;
            let made = panel.act(&format!("gateways/{}/token", id(&gateway)?))?;
            welcome(&login, &made, *json, out)?;
        }
        Command::Drain { name, json } => {
            let gateway = panel.find(Kind::Gateway, name)?;
            let drained = panel.act(&format!("gateways/{}/drain", id(&gateway)?))?;
            if *json {
                show::json(out, &drained)?;
            } else {
                let (name, leases) = (show::text(&gateway, "name"), show::cell(&drained, "leases"));
                writeln!(out, "draining {name}: {leases} leases bring nothing new")?;
            }
        }
        Command::Revoke { name } => {
            let gateway = panel.find(Kind::Gateway, name)?;
            let revoked = panel.act(&format!("gateways/{}/revoke", id(&gateway)?))?;
            let (name, held) = (
                show::text(&gateway, "name"),
                show::dollars(&revoked, "held"),
            );
            writeln!(
                out,
                "revoked {name}: it is let in no longer, and holds {held} until its leases are over"
            )?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The section that a gateway's configuration needs, whole, so that it can be appended to one.
fn welcome(login: &Login, made: &Value, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    if json {
        return Ok(show::json(out, made)?);
    }
    let token = made.get("token").and_then(Value::as_str);
    let token = token.ok_or_else(|| Fault::Garbled("a gateway without its token".to_owned()))?;
    out.write_all(section(login, token).as_bytes())?;
    let mut err = anstream::stderr();
    let name = made
        .get("gateway")
        .map(|gateway| show::text(gateway, "name"));
    writeln!(
        err,
        "This section makes a gateway {}: append it to its tollgate.yaml. The token is shown once, works once, and is good until {}.",
        name.unwrap_or_default(),
        show::time(made, "expires")
    )?;
    if login.ca.is_none() {
        writeln!(
            err,
            "Put `panel-ca.pem` from the panel's state directory beside it."
        )?;
    }
    Ok(())
}

fn section(login: &Login, token: &str) -> String {
    // Written as JSON writes them, which YAML reads as the same text.
    let (url, token) = (json!(login.url), json!(token));
    let mut text = format!("panel:\n  url: {url}\n  token: {token}\n");
    match &login.ca {
        None => text.push_str("  ca: file:panel-ca.pem\n"),
        Some(ca) => {
            text.push_str("  ca: |\n");
            for line in ca.lines().filter(|line| !line.trim().is_empty()) {
                let _ = writeln!(text, "    {}", line.trim());
            }
        }
    }
    text
}

fn list(panel: &Panel, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut gateways = panel.list(Kind::Gateway.path())?;
    if json {
        return Ok(show::json(out, &Value::Array(gateways))?);
    }
    gateways.sort_by_key(|gateway| show::text(gateway, "name"));
    let heads = [
        "NAME",
        "STATE",
        "LAST SEEN",
        ">LEASES",
        ">HELD",
        "POLICY",
        "ID",
    ];
    let mut table = show::Table::new(&heads);
    for gateway in &gateways {
        table.row([
            show::cell(gateway, "name"),
            show::cell(gateway, "state"),
            show::time(gateway, "last_seen"),
            show::cell(gateway, "leases"),
            show::dollars(gateway, "held"),
            policy(gateway),
            show::cell(gateway, "id"),
        ]);
    }
    let empty = "no gateway yet: `tollgate gateway new NAME` makes one known";
    Ok(table.print(out, empty)?)
}

fn tell(gateway: &Value, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    if json {
        return Ok(show::json(out, gateway)?);
    }
    let mut pairs = vec![
        ("gateway", show::cell(gateway, "name")),
        ("id", show::cell(gateway, "id")),
        ("in the treaty", show::cell(gateway, "router_id")),
        ("state", show::cell(gateway, "state")),
        ("process", show::cell(gateway, "incarnation")),
        ("last seen", show::time(gateway, "last_seen")),
        ("enrolled", show::time(gateway, "enrolled")),
        ("leases", show::cell(gateway, "leases")),
        ("held", show::dollars(gateway, "held")),
        ("policy", policy(gateway)),
        ("key sha256", show::cell(gateway, "key_sha256")),
    ];
    let certificates = gateway.get("certificates").and_then(Value::as_array);
    for certificate in certificates.into_iter().flatten() {
        let until = show::time(certificate, "not_after");
        let fingerprint = show::cell(certificate, "fingerprint");
        pairs.push(("certificate", format!("{fingerprint} until {until}")));
    }
    show::fields(out, &pairs)?;
    let error = gateway.pointer("/policy/error").and_then(Value::as_str);
    for line in error.into_iter().flat_map(str::lines) {
        writeln!(out, "  {}", show::plain(line))?;
    }
    Ok(())
}

/// Which version of the panel's policies a gateway runs, and which it is to run where that is another.
fn policy(gateway: &Value) -> String {
    let policy = gateway.get("policy").unwrap_or(&Value::Null);
    let number = |field: &str| policy.get(field).and_then(Value::as_u64);
    let spoken = |version: u64| match version {
        0 => "none".to_owned(),
        version => version.to_string(),
    };
    let (running, wanted) = (number("running"), number("wanted").unwrap_or(0));
    let failed = policy.get("error").is_some();
    match running {
        None if wanted == 0 => "-".to_owned(),
        None => format!("to run {wanted}"),
        Some(running) if running == wanted && !failed => spoken(running),
        Some(running) if failed => format!("{}, not {}: failed", spoken(running), spoken(wanted)),
        Some(running) => format!("{}, to run {}", spoken(running), spoken(wanted)),
    }
}
