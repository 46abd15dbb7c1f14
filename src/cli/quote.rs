//! `tollgate quote`: what a call would cost and whether it would pass, without a call.
//!
//! The body is weighed by the same gate that weighs calls, against the ledgers as the journal has them.

use super::endpoint::Endpoint;
use super::place::Place;
use crate::{app, config};
use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// The largest body that is read.
const MAX_BODY: u64 = 64 << 20;
/// The largest file with a secret in it.
const MAX_SECRET_FILE: u64 = 64 << 10;

/// What a request body would cost and whether it would pass; nothing is called and nothing spent
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  echo '{\"model\":\"gpt-4o-mini\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}' | tollgate quote
  tollgate quote --key ci --endpoint responses body.json
  tollgate quote -c tollgate.yaml --key ci --json body.json | jq .cost

Exit code 0: it would pass, perhaps with a smaller cap; 1: it would be refused; 2: something cannot be read.")]
pub struct QuoteArgs {
    /// The request body, or `-` for standard input
    #[arg(value_name = "FILE", default_value = "-")]
    body: PathBuf,
    /// Whose call it is: the name of a key [default: the only key there is]
    #[arg(long, value_name = "NAME", conflicts_with = "key_file")]
    key: Option<String>,
    /// Whose call it is: a file with the key's secret
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// What would be called
    #[arg(long, value_enum, default_value_t)]
    endpoint: Endpoint,
    #[command(flatten)]
    place: Place,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Weighs the body and tells.
///
/// # Errors
/// Something cannot be read, or the request is none.
pub fn run(
    args: QuoteArgs,
    env: Vec<(String, String)>,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let sources = args.place.gate(&env).sources(env);
    let key = match &args.key_file {
        Some(file) => {
            let open =
                File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
            let secret = String::from_utf8(bounded(open, MAX_SECRET_FILE)?)
                .with_context(|| format!("{} is not text", file.display()))?;
            let config = config::load(&sources)?;
            let Some(name) = config.key_with_secret(secret.trim()) else {
                bail!("no key has the secret in {}", file.display());
            };
            Some(name.to_owned())
        }
        None => args.key,
    };
    let body = if args.body.as_os_str() == "-" {
        bounded(io::stdin().lock(), MAX_BODY).context("standard input")?
    } else {
        let open = File::open(&args.body)
            .with_context(|| format!("cannot read {}", args.body.display()))?;
        bounded(open, MAX_BODY).with_context(|| args.body.display().to_string())?
    };
    let quote = app::quote(&sources, key.as_deref(), &args.endpoint.name(), body)?;
    if args.json {
        writeln!(out, "{quote:#}")?;
    } else {
        table(&quote, out)?;
    }
    Ok(ExitCode::from(u8::from(quote["verdict"] == "deny")))
}

fn bounded(from: impl Read, most: u64) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = from.take(most + 1).read_to_end(&mut bytes)?;
    ensure!(read as u64 <= most, "it is larger than {most} bytes");
    Ok(bytes)
}

/// The quote for people.
fn table(quote: &Value, out: &mut impl Write) -> io::Result<()> {
    let text = |value: &Value| match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let (tokens, cost) = (&quote["tokens"], &quote["cost"]);
    writeln!(
        out,
        "verdict  {}\nmodel    {} at {}\ntokens   input {} (at most {}), output at most {}\ncost     about ${}, at most ${}",
        text(&quote["verdict"]),
        text(&quote["model"]),
        text(&quote["provider"]),
        text(&tokens["input"]),
        text(&tokens["input_bound"]),
        text(&tokens["output_cap"]),
        text(&cost["estimate"]),
        text(&cost["worst_case"]),
    )?;
    match &quote["error"] {
        Value::Null => {}
        Value::String(error) => writeln!(out, "because  {error}")?,
        // The error as a caller would get it, with or without its envelope.
        error => {
            let inner = error.get("error").unwrap_or(error);
            writeln!(out, "because  {}", text(&inner["message"]))?;
        }
    }
    let budgets = quote["budgets"].as_array().map_or(&[][..], Vec::as_slice);
    if budgets.is_empty() {
        return Ok(());
    }
    let names = budgets
        .iter()
        .map(|budget| text(&budget["name"]).chars().count());
    let width = names.max().unwrap_or(0).max(6);
    writeln!(
        out,
        "\n{:width$}  {:>16}  {:>16}  {:>16}  {:>16}",
        "BUDGET", "LIMIT", "SPENT", "RESERVED", "REMAINING"
    )?;
    for budget in budgets {
        let money = |name: &str| format!("${}", text(&budget[name]));
        writeln!(
            out,
            "{:width$}  {:>16}  {:>16}  {:>16}  {:>16}",
            text(&budget["name"]),
            money("limit"),
            money("spent"),
            money("reserved"),
            money("remaining")
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_quote_for_people_says_verdict_cost_and_budgets() {
        let quote = json!({
            "verdict": "deny", "model": "gpt-4o-mini", "provider": "sim",
            "error": { "message": "budget `day` has $0.00 left" },
            "tokens": { "input": 12, "input_bound": 40, "output_cap": 16384 },
            "cost": { "estimate": "0.000001", "worst_case": "0.00983" },
            "budgets": [{ "name": "day", "limit": "10.00", "spent": "10.00", "reserved": "0.00", "remaining": "0.00" }],
        });
        let mut out = Vec::new();
        table(&quote, &mut out).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap());
    }

    #[test]
    fn a_body_beyond_the_bound_is_not_read() {
        assert_eq!(bounded(&b"1234"[..], 4).unwrap(), b"1234");
        assert!(bounded(&b"12345"[..], 4).is_err());
    }
}
