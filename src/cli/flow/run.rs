//! `tollgate flow run`: a workflow from its first node to its last, every call through the gate.
//!
//! The state goes to standard output, what happens to standard error, a line for each node.

use super::{code, tell};
use crate::app::flow::{self as app, Ended, Event, Order};
use crate::app::{Options, logs};
use crate::cli::place::{Gate, Place};
use crate::cli::{NO, counted, up};
use crate::config::flow;
use crate::units::Money;
use clap::Args;
use serde_json::Value;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Run a workflow; every call of a model goes through the gate, with its budgets and policies
///
/// Without a configuration it is that of `tollgate up`: the simulator answers unless a provider's key is in the environment.
/// The state directory is held meanwhile, so a gateway must not run on it. Each node that has ended is kept there: a run that
/// stopped can go on.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tollgate flow run config/flows/echo.yaml -i message=hello
  tollgate flow run research.yaml -i topic='\"rivers\"' -i depth=deep --budget '$0.50' --json
  tollgate flow run research.yaml --resume run_01936f2c-... --budget '$1.00'

Exit code 0: it ended; 1: it failed, or the file is at fault; 2: something cannot be read.")]
pub(super) struct RunArgs {
    /// The workflow, as YAML or exported
    file: PathBuf,
    /// A field of the state, once or more often; JSON where it can be read as that, else a text
    #[arg(short, long = "input", value_name = "NAME=VALUE", value_parser = input)]
    input: Vec<(String, String)>,
    /// A file with the state it begins with, a JSON object; single inputs go before it
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// What the run may spend, instead of what the file says: `$0.50`
    #[arg(long, value_name = "DOLLARS", value_parser = dollars)]
    budget: Option<Money>,
    /// Whose calls they are: the name of a key [default: the only key there is]
    #[arg(long, value_name = "NAME")]
    key: Option<String>,
    /// Go on with a run that stopped; what it was given is kept
    #[arg(long, value_name = "RUN", conflicts_with_all = ["input", "state"])]
    resume: Option<String>,
    /// A host that tools may reach although its address is not public, once or more often: `localhost:8080`
    #[arg(long, value_name = "HOST[:PORT]")]
    reach: Vec<String>,
    /// Print JSON: how it ended, the state, what it took
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
    /// Log what the gate does, too
    #[arg(short, long)]
    verbose: bool,
}

fn input(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .filter(|(name, _)| !name.trim().is_empty())
        .map(|(name, value)| (name.trim().to_owned(), value.to_owned()))
        .ok_or_else(|| "write a name, `=` and a value, like `topic=rivers`".to_owned())
}

fn dollars(text: &str) -> Result<Money, String> {
    text.parse()
        .map_err(|error| format!("{error}: write dollars, like `$0.50`"))
}

pub(super) fn run(
    args: &RunArgs,
    env: &[(String, String)],
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let loaded = flow::load(&args.file);
    tell(&args.file, &loaded.found, err)?;
    let status = code(&loaded);
    let Some(flow) = loaded.flow else {
        return Ok(ExitCode::from(status));
    };
    let gate = args.place.gate(env);
    if let Gate::State(state) = &gate {
        up::first_start(state)?;
    }
    let options = Options {
        sources: gate.sources(env.to_vec()),
        log: logs::Format::Auto,
        level: if args.verbose {
            logs::Level::Info
        } else {
            logs::Level::Error
        },
        within: None,
        announce: None,
    };
    let mut inputs = from_file(args.state.as_ref())?;
    inputs.extend(args.input.iter().cloned());
    let order = Order {
        flow,
        inputs,
        budget: args.budget,
        key: args.key.clone(),
        resume: args.resume.clone(),
        reachable: args.reach.clone(),
        env: env.to_vec(),
        tell: Box::new(|event| {
            // Whoever closed standard error did not want to read it; the run goes on all the same.
            let _ = writeln!(anstream::stderr(), "{}", line(event));
        }),
    };
    let ended = app::run(options, order)?;
    if args.json {
        writeln!(out, "{}", ended.report())?;
    } else {
        writeln!(out, "{}", ended.state())?;
    }
    writeln!(err, "{}", summary(&ended))?;
    for missed in &ended.missed {
        writeln!(err, "gate: {missed}")?;
    }
    let is_good = ended.outcome.stop.is_none() && !ended.is_failure;
    Ok(if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(NO)
    })
}

/// The fields of a state in a file, each as it would be typed.
fn from_file(file: Option<&PathBuf>) -> anyhow::Result<Vec<(String, String)>> {
    use anyhow::Context as _;
    let Some(file) = file else {
        return Ok(Vec::new());
    };
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let state: Value =
        serde_json::from_str(&text).with_context(|| format!("{} is not JSON", file.display()))?;
    let Value::Object(fields) = state else {
        anyhow::bail!("{} is not a JSON object", file.display());
    };
    let fields = fields.into_iter();
    Ok(fields
        .map(|(name, value)| (name, value.to_string()))
        .collect())
}

fn line(event: &Event<'_>) -> String {
    match event {
        Event::Began { step, node } => format!("{step} {node} …"),
        Event::Again { step, reason } => format!("{step} once more: {reason}"),
        Event::Tool {
            step,
            tool,
            fault: None,
        } => format!("{step} tool {tool}"),
        Event::Tool {
            step,
            tool,
            fault: Some(fault),
        } => format!("{step} tool {tool}: {fault}"),
        Event::Ended(record) => {
            let spent = &record.spent;
            format!(
                "{} {} done: {}, {} + {} tokens, ${}",
                record.step,
                record.node,
                calls(spent.calls),
                spent.input_tokens,
                spent.output_tokens,
                spent.cost()
            )
        }
    }
}

fn calls(number: u32) -> String {
    counted(usize::try_from(number).unwrap_or(usize::MAX), "call")
}

fn summary(ended: &Ended) -> String {
    let spent = &ended.outcome.spent;
    let took = format!(
        "{}, {} + {} tokens, ${}, {} ms",
        calls(spent.calls),
        spent.input_tokens,
        spent.output_tokens,
        spent.cost(),
        ended.took.as_millis()
    );
    match &ended.outcome.stop {
        None => format!("{} ended: {took}", ended.run),
        Some(stop) => format!(
            "{} stopped ({}): {stop}\n{took}; go on with --resume {}",
            ended.run,
            ended.status(),
            ended.run
        ),
    }
}
