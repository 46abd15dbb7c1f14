//! `tollgate kill`, `unkill` and `kills`: switches at a control panel that stop spending at once.
//!
//! A switch stops what is lent from then on. What gateways hold already they may still spend until they have heard of it,
//! and what is under way until it ends, unless that is cut: that is told, as the most that can still be spent.

use super::remote::{Fault, Kind, Panel, id, show};
use crate::units::Money;
use anyhow::bail;
use clap::Args;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

/// How often is looked whether gateways have heard.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Beyond the time that the panel tells: its clock and this one differ.
const SLACK: Duration = Duration::from_secs(5);

/// Stop all spending of something, at once
///
/// Nothing new is lent to it, and gateways are told. The answer says what they still hold: the most that can yet be spent.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate kill --agent acme/red/atlas/scout --reason 'runs in circles' --wait
  tollgate kill --key acme/red/atlas/ci --reason 'leaked' --abort-streams
  tollgate kill --gateway edge-1 --reason 'stolen?'
  tollgate kill --everything --reason 'find out first'

With --wait exit code 1 says that not every gateway confirmed in its time.")]
pub struct KillArgs {
    #[command(flatten)]
    target: Target,
    /// Why, for those who wonder
    #[arg(long)]
    reason: String,
    /// Cut calls that are under way, too: streams end with an error, answers nobody has yet are given up
    #[arg(long, conflicts_with = "gateway")]
    abort_streams: bool,
    /// Wait until every gateway that holds money of it has confirmed, or its time is over
    #[arg(long)]
    wait: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Let go of all switches that were pulled for something
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate unkill --agent acme/red/atlas/scout --reason 'mended'
  tollgate unkill --everything --reason 'found it'

What another switch covers, too, stays stopped.")]
pub struct UnkillArgs {
    #[command(flatten)]
    target: Target,
    /// Why
    #[arg(long)]
    reason: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// List switches that are pulled, or show how far one has come
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate kills
  tollgate kills --all --json
  tollgate kills 7be3f0          which gateways confirmed it")]
pub struct KillsArgs {
    /// Its id, the end of it, or what it was pulled for
    switch: Option<String>,
    /// Those that were let go, too
    #[arg(long, conflicts_with = "switch")]
    all: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What a switch is for.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Target {
    /// A virtual key: path and name, name or id
    #[arg(long, value_name = "NAME")]
    key: Option<String>,
    /// An agent
    #[arg(long, value_name = "PATH")]
    agent: Option<String>,
    /// All of a project
    #[arg(long, value_name = "PATH")]
    project: Option<String>,
    /// All of a team
    #[arg(long, value_name = "PATH")]
    team: Option<String>,
    /// All of an organisation
    #[arg(long, value_name = "PATH")]
    org: Option<String>,
    /// A gateway: it is lent nothing more
    #[arg(long, value_name = "NAME")]
    gateway: Option<String>,
    /// Every key there is
    #[arg(long)]
    everything: bool,
}

impl Target {
    /// As the panel takes it.
    fn body(&self, panel: &Panel) -> anyhow::Result<Map<String, Value>> {
        let nodes = [
            ("agent", &self.agent),
            ("project", &self.project),
            ("team", &self.team),
            ("org", &self.org),
        ];
        let node = nodes
            .iter()
            .find_map(|(scope, called)| Some((*scope, called.as_deref()?)));
        let (scope, thing) = if let Some(called) = &self.key {
            ("key", Some(panel.find(Kind::Key, called)?))
        } else if let Some(called) = &self.gateway {
            ("gateway", Some(panel.find(Kind::Gateway, called)?))
        } else if let Some((scope, called)) = node {
            let fits = |node: &Value| show::text(node, "kind") == scope;
            let node = panel.find_among(Kind::Node, called, scope, fits)?;
            (scope, Some(node))
        } else if self.everything {
            ("everything", None)
        } else {
            bail!("say what for")
        };
        let mut body = Map::new();
        body.insert("scope".to_owned(), json!(scope));
        if let Some(thing) = thing {
            body.insert("id".to_owned(), json!(id(&thing)?));
        }
        Ok(body)
    }
}

/// Runs `tollgate kill`.
///
/// # Errors
/// The panel cannot be reached, or refuses.
pub fn run(
    args: &KillArgs,
    env: &[(String, String)],
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let mut panel = Panel::open(env)?;
    let mut body = args.target.body(&panel)?;
    body.insert("reason".to_owned(), json!(args.reason));
    body.insert("abort_streams".to_owned(), json!(args.abort_streams));
    let report = panel.post("kill", &Value::Object(body))?;
    if !args.wait {
        tell_report(&report, args.json, out)?;
        return Ok(ExitCode::SUCCESS);
    }
    if !args.json {
        tell_report(&report, false, out)?;
        out.flush()?;
    }
    let report = wait(&mut panel, report)?;
    if args.json {
        show::json(out, &report)?;
    } else if is_heard(&report) {
        write!(out, "every gateway confirmed")?;
        if show::money(&report, "latest_possible_spend") > Money::ZERO {
            let most = show::dollars(&report, "latest_possible_spend");
            write!(out, "; calls under way hold {most}")?;
        }
        writeln!(out)?;
    } else {
        writeln!(out, "not every gateway confirmed:")?;
        tell_gateways(&report, out)?;
    }
    Ok(if is_heard(&report) {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(super::NO)
    })
}

/// Looks until all have heard, or what they hold is theirs no longer.
fn wait(panel: &mut Panel, mut report: Value) -> anyhow::Result<Value> {
    let switch = report.get("kill").unwrap_or(&Value::Null);
    let path = format!("kills/{}", id(switch)?);
    let started = crate::clock::since_start();
    let patience = patience(&report).saturating_add(SLACK);
    while !is_heard(&report) {
        if crate::clock::since_start().saturating_sub(started) > patience {
            break;
        }
        panel.pause(LOOK_EVERY);
        match panel.get(&path) {
            Ok(newer) => report = newer,
            // The switch is pulled; that the panel is away for a moment does not change what is waited for.
            Err(Fault::Unreachable { .. }) => {}
            Err(fault) => return Err(fault.into()),
        }
    }
    Ok(report)
}

/// How long it takes at most until nobody holds anything.
fn patience(report: &Value) -> Duration {
    let until = report.get("until").and_then(Value::as_str);
    let until = until.and_then(|until| until.parse::<Timestamp>().ok());
    let Some(until) = until else {
        return Duration::ZERO;
    };
    let left = until
        .as_second()
        .saturating_sub(crate::clock::now().wall.secs());
    Duration::from_secs(u64::try_from(left).unwrap_or(0))
}

/// Whether every gateway that holds something has heard.
fn is_heard(report: &Value) -> bool {
    let gateways = report.get("gateways").and_then(Value::as_array);
    let mut gateways = gateways.into_iter().flatten();
    gateways.all(|gateway| gateway.get("confirmed") == Some(&Value::Bool(true)))
}

fn tell_report(report: &Value, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    if json {
        return Ok(show::json(out, report)?);
    }
    let switch = report.get("kill").unwrap_or(&Value::Null);
    let (id, name) = (show::text(switch, "id"), show::text(switch, "name"));
    let keys = show::cell(report, "keys");
    let keys = if keys == "1" {
        "1 key".to_owned()
    } else {
        format!("{keys} keys")
    };
    let state = match switch.get("lifted") {
        Some(Value::String(_)) => {
            let (at, by) = (
                show::time(switch, "lifted"),
                show::text(switch, "lifted_by"),
            );
            format!("let go {at} by {by}")
        }
        _ => "nothing more is lent to it".to_owned(),
    };
    writeln!(out, "{name} ({keys}): {state}")?;
    writeln!(out, "switch {id}")?;
    tell_gateways(report, out)?;
    if show::money(report, "latest_possible_spend") > Money::ZERO {
        let most = show::dollars(report, "latest_possible_spend");
        let until = show::time(report, "until");
        writeln!(out, "can still be spent: at most {most}, until {until}")?;
    } else {
        writeln!(out, "can still be spent: nothing")?;
    }
    Ok(())
}

fn tell_gateways(report: &Value, out: &mut dyn Write) -> anyhow::Result<()> {
    let gateways = report.get("gateways").and_then(Value::as_array);
    let mut table = show::Table::new(&["GATEWAY", "CONFIRMED", ">HELD", "UNTIL"]);
    for gateway in gateways.into_iter().flatten() {
        table.row([
            show::cell(gateway, "name"),
            show::cell(gateway, "confirmed"),
            show::dollars(gateway, "held"),
            show::time(gateway, "until"),
        ]);
    }
    Ok(table.print(out, "no gateway holds money of it")?)
}

/// Runs `tollgate unkill`.
///
/// # Errors
/// The panel cannot be reached, or refuses.
pub fn release(
    args: &UnkillArgs,
    env: &[(String, String)],
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let panel = Panel::open(env)?;
    let mut body = args.target.body(&panel)?;
    body.insert("reason".to_owned(), json!(args.reason));
    let lifted = panel.post("unkill", &Value::Object(body))?;
    if args.json {
        show::json(out, &lifted)?;
    } else {
        let (switches, keys) = (show::cell(&lifted, "lifted"), show::cell(&lifted, "keys"));
        writeln!(
            out,
            "switches let go: {switches}; keys that may spend again: {keys}"
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs `tollgate kills`.
///
/// # Errors
/// The panel cannot be reached, or refuses.
pub fn look(
    args: &KillsArgs,
    env: &[(String, String)],
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let panel = Panel::open(env)?;
    if let Some(called) = &args.switch {
        let switch = panel.find(Kind::Kill, called)?;
        let report = panel.get(&format!("kills/{}", id(&switch)?))?;
        tell_report(&report, args.json, out)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut switches = panel.list(Kind::Kill.path())?;
    if !args.all {
        switches.retain(|switch| switch.get("in_force") != Some(&Value::Bool(false)));
    }
    if args.json {
        show::json(out, &Value::Array(switches))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = show::Table::new(&["FOR", "SINCE", "BY", "LET GO", "REASON", "ID"]);
    for switch in &switches {
        table.row([
            show::cell(switch, "name"),
            show::time(switch, "at"),
            show::cell(switch, "by"),
            show::time(switch, "lifted"),
            show::cell(switch, "reason"),
            show::cell(switch, "id"),
        ]);
    }
    table.print(out, "no switch is pulled")?;
    Ok(ExitCode::SUCCESS)
}
