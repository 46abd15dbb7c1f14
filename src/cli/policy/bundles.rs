//! `tollgate policy bundles`, `rollout` and `rollback --panel`: which policies of a control panel its gateways run.

use crate::cli::remote::{Fault, Panel, show};
use clap::Args;
use serde_json::{Map, Value, json};
use std::io::Write;
use std::process::ExitCode;

/// List the policies at a control panel and who runs them, or show one version with its files
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate policy bundles
  tollgate policy bundles 7
  tollgate policy bundles 7 --json | jq -r '.files[\"org.yaml\"]'
  tollgate gateway list               which version each gateway runs")]
pub(super) struct BundlesArgs {
    /// A version
    version: Option<u64>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Have some of a panel's gateways, or all of them, run a version of its policies
///
/// Which gateways try it hangs on their ids and the version: a larger share adds gateways, and takes none away. At 100 it is
/// the current version, which all run. They do within about a second.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate policy rollout 7 --percent 10
  tollgate policy rollout 7 --percent 50
  tollgate policy rollout 7              to all gateways
  tollgate policy rollback --panel       takes it back")]
pub(super) struct RolloutArgs {
    /// The version
    version: u64,
    /// So many of a hundred gateways [default: 100, all of them]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=100))]
    percent: Option<u8>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(
    args: &BundlesArgs,
    env: &[(String, String)],
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let panel = Panel::open(env)?;
    match args.version {
        Some(version) => {
            let bundle = panel.get(&format!("bundles/{version}"))?;
            if args.json {
                show::json(out, &bundle)?;
            } else {
                tell(&bundle, out)?;
            }
        }
        None => list(&panel, args.json, out)?,
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn roll_out(
    args: &RolloutArgs,
    env: &[(String, String)],
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let panel = Panel::open(env)?;
    let rollout = rolled(&panel, args.version, args.percent)?;
    done(&rollout, args.json, out)
}

/// Has all gateways run an earlier version: what they ran before where none is named, none at all where it is 0.
pub(super) fn roll_back(
    version: Option<&str>,
    json: bool,
    env: &[(String, String)],
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let mut body = Map::new();
    if let Some(version) = version {
        let number: u64 = version.parse().map_err(|_| {
            Fault::Usage(format!(
                "`{version}` is no version at a panel: `tollgate policy bundles` lists them"
            ))
        })?;
        body.insert("version".to_owned(), json!(number));
    }
    let panel = Panel::open(env)?;
    let read = panel.get("bundles/rollout")?;
    let rollout = panel.act_on(&read, "bundles/rollback", Some(&Value::Object(body)))?;
    done(&rollout, json, out)
}

/// Rolls a version out, if nobody else changes that meanwhile.
pub(super) fn rolled(panel: &Panel, version: u64, percent: Option<u8>) -> Result<Value, Fault> {
    let read = panel.get("bundles/rollout")?;
    let body = json!({ "percent": percent.unwrap_or(100) });
    panel.act_on(&read, &format!("bundles/{version}/rollout"), Some(&body))
}

fn done(rollout: &Value, json: bool, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    if json {
        show::json(out, rollout)?;
    } else {
        writeln!(out, "{}", said(rollout))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What gateways are to run, in a sentence.
pub(super) fn said(rollout: &Value) -> String {
    let version = |field: &str| rollout.get(field).and_then(Value::as_u64);
    let current = version("current").map_or_else(
        || "no policies of the panel".to_owned(),
        |version| format!("version {version}"),
    );
    match version("candidate") {
        Some(candidate) => format!(
            "{} % of the gateways run version {candidate}, the others {current}",
            show::cell(rollout, "percent")
        ),
        None => format!("all gateways run {current}"),
    }
}

fn list(panel: &Panel, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut bundles = panel.list("bundles")?;
    if json {
        return Ok(show::json(out, &Value::Array(bundles))?);
    }
    bundles.reverse();
    let heads = [
        ">VERSION", "NAME", "STATE", ">PERCENT", "REVISION", "FILES", "BY", "SINCE", "NOTE",
    ];
    let mut table = show::Table::new(&heads);
    for bundle in &bundles {
        table.row([
            show::cell(bundle, "version"),
            show::cell(bundle, "name"),
            show::cell(bundle, "state"),
            show::cell(bundle, "percent"),
            show::cell(bundle, "policies"),
            show::cell(bundle, "file_count"),
            show::cell(bundle, "made_by"),
            show::time(bundle, "created"),
            show::cell(bundle, "note"),
        ]);
    }
    table.print(
        out,
        "no policies yet: `tollgate policy push DIR` uploads some",
    )?;
    let rollout = panel.get("bundles/rollout")?;
    writeln!(out, "{}", said(&rollout))?;
    writeln!(out, "policy_key: {}", show::cell(&rollout, "policy_key"))?;
    Ok(())
}

fn tell(bundle: &Value, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut pairs = vec![
        ("version", show::cell(bundle, "version")),
        ("name", show::cell(bundle, "name")),
        ("state", show::cell(bundle, "state")),
        ("percent", show::cell(bundle, "percent")),
        ("revision", show::cell(bundle, "policies")),
        ("sha256", show::cell(bundle, "digest")),
        ("note", show::cell(bundle, "note")),
        ("by", show::cell(bundle, "made_by")),
        ("since", show::time(bundle, "created")),
        ("rolled out", show::time(bundle, "rolled_out")),
    ];
    let files = bundle.get("files").and_then(Value::as_object);
    for (path, text) in files.into_iter().flatten() {
        let lines = text.as_str().map_or(0, |text| text.lines().count());
        pairs.push(("file", format!("{} ({lines} lines)", show::plain(path))));
    }
    Ok(show::fields(out, &pairs)?)
}
