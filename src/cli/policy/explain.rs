//! `tollgate policy explain`: why a request would be decided as it would.

use super::{refused, subject};
use crate::app::workshop::{Asker, Question, account};
use crate::cli::endpoint::Endpoint;
use crate::cli::place::Place;
use anyhow::{Context as _, ensure};
use clap::Args;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// The largest body that is read.
const MAX_BODY: u64 = 64 << 20;

/// Why a request would be decided as it would: every rule, what it saw, limits, redactions; nothing is called
///
/// The body goes through the same detectors and rules as in the gateway. What is found is told by type and count, never by
/// value.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate policy explain --request body.json --as ci
  tollgate policy explain policies/ --request body.json --user bo --groups contractors --time 2026-11-20T23:30:00+01:00
  tollgate policy explain --request - --team payments --header x-workload=batch --peer 10.1.2.3 --json < body.json

Exit code 0: it would pass; 1: it would be denied, or the policies have errors; 2: something cannot be read.")]
pub(super) struct ExplainArgs {
    /// Policy files, folders of them, or packs [default: those the configuration names]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    place: Place,
    /// The request body, or `-` for standard input
    #[arg(long, value_name = "FILE")]
    request: PathBuf,
    /// What would be called
    #[arg(long, value_enum, default_value_t)]
    endpoint: Endpoint,
    /// Who calls: a key of the configuration, by name
    #[arg(long = "as", value_name = "KEY")]
    key: Option<String>,
    /// Who calls: a user, in place of the key's
    #[arg(long)]
    user: Option<String>,
    /// The caller's team
    #[arg(long)]
    team: Option<String>,
    /// The caller's project
    #[arg(long)]
    project: Option<String>,
    /// The caller's agent
    #[arg(long)]
    agent: Option<String>,
    /// The caller's organisation
    #[arg(long)]
    org: Option<String>,
    /// The caller's groups
    #[arg(long, value_delimiter = ',', value_name = "NAME,…")]
    groups: Vec<String>,
    /// A header of the request; may be given several times
    #[arg(long = "header", value_name = "NAME=VALUE", value_parser = header)]
    headers: Vec<(String, String)>,
    /// When it comes (2026-11-20T23:30:00+01:00) [default: now]
    #[arg(long, value_name = "TIME")]
    time: Option<String>,
    /// Where it comes from
    #[arg(long, value_name = "IP")]
    peer: Option<IpAddr>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once(['=', ':'])
        .ok_or_else(|| "write NAME=VALUE".to_owned())?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

pub(super) fn run(
    args: &ExplainArgs,
    env: &[(String, String)],
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let subject = subject(&args.paths, &args.place, env)?;
    if let Some(code) = refused(&subject.assemble().loaded)? {
        return Ok(code);
    }
    let labels = [
        ("org", &args.org),
        ("team", &args.team),
        ("project", &args.project),
        ("agent", &args.agent),
        ("user", &args.user),
    ];
    let labels = labels
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.clone()?)));
    let question = Question {
        body: body(args)?,
        endpoint: args.endpoint.name(),
        asker: Asker {
            key: args.key.clone(),
            labels: labels.collect(),
            groups: args.groups.clone(),
        },
        headers: args.headers.clone(),
        time: args.time.clone(),
        peer: args.peer,
    };
    let account = account(&subject, question)?;
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &account)?;
        writeln!(out)?;
    } else {
        write!(out, "{account}")?;
    }
    Ok(ExitCode::from(u8::from(account.decision == "deny")))
}

fn body(args: &ExplainArgs) -> anyhow::Result<Vec<u8>> {
    if args.request.as_os_str() == "-" {
        return bounded(io::stdin().lock()).context("standard input");
    }
    let name = args.request.display();
    let file = File::open(&args.request).with_context(|| format!("cannot read {name}"))?;
    bounded(file).with_context(|| name.to_string())
}

fn bounded(from: impl Read) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = from.take(MAX_BODY + 1).read_to_end(&mut bytes)?;
    ensure!(
        read as u64 <= MAX_BODY,
        "it is larger than {MAX_BODY} bytes"
    );
    Ok(bytes)
}
