//! The command line: one file per command, and the only room that prints.
//!
//! Exit codes: 0 done or yes, 1 no (faults found, refused, failed), 2 wrong usage or unreadable input. Data goes to standard
//! output, everything else to standard error; colour only where a terminal shows it and `NO_COLOR` does not forbid it.
//!
//! Not here: what a command does beyond asking `app` and `config` and telling the answer.

pub mod admin_audit;
pub mod audit;
pub mod budget;
pub mod check;
pub mod completions;
pub mod counts;
mod endpoint;
pub mod explain;
pub mod flow;
pub mod gateway;
pub mod import;
pub mod key;
pub mod kill;
pub mod lease;
pub mod ledger;
pub mod login;
pub mod node;
pub mod panel;
mod place;
pub mod policy;
pub mod prices;
pub mod quote;
mod remote;
pub mod request;
pub mod scan;
pub mod schema;
pub mod serve;
pub mod simulate;
pub mod spend;
mod sso;
pub mod token;
pub mod top;
pub mod up;
pub mod user;
pub mod vault;
pub mod webhook;
mod within;

use crate::config::{self, Fault, Faults, Sources};
use anyhow::Context as _;
use clap::builder::styling::{AnsiColor, Style};
use clap::{Parser, Subcommand, ValueEnum};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// A governance gateway for LLM agents: budgets that cannot be overspent, streams metered while they flow
#[derive(Debug, Parser)]
#[command(name = "tollgate", version, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  tollgate up                        start here: no configuration, no provider key needed
  tollgate serve -c tollgate.yaml    the gateway, as configured
  tollgate panel                     the control panel: lends budgets to gateways
  tollgate login URL                 sign in to a panel, to administer it
  tollgate check                     is tollgate.yaml right?
  tollgate key new ci --label team=red

Exit codes: 0 done, yes; 1 no (faults found, refused, failed); 2 wrong usage, unreadable input.";

#[derive(Debug, Subcommand)]
enum Command {
    Up(up::UpArgs),
    Serve(serve::ServeArgs),
    Panel(panel::PanelArgs),
    Check(CheckArgs),
    Key(key::KeyArgs),
    Quote(quote::QuoteArgs),
    #[command(after_help = "Examples:\n  tollgate ledger verify\n  tollgate ledger show --json")]
    Ledger(ledger::LedgerArgs),
    Audit(audit::AuditArgs),
    Policy(policy::PolicyArgs),
    Flow(flow::FlowArgs),
    Prices(prices::PricesArgs),
    Explain(explain::ExplainArgs),
    Scan(scan::ScanArgs),
    #[command(flatten)]
    AtPanel(remote::AtPanel),
    Import(import::ImportArgs),
    Simulate(simulate::Args),
    Schema(SchemaArgs),
    Completions(completions::CompletionsArgs),
}

/// Validate configurations, policies and price books: every fault at once, with its place and remedy
///
/// The policies a configuration names are checked with it, against its prices and budgets. A file is told by its keys.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tollgate check
  tollgate check tollgate.yaml config/prices.yaml
  tollgate check policies/
  tollgate check --json | jq '.files[].faults'

Exit code 0: all good; 1: faults found; 2: a file cannot be read.")]
struct CheckArgs {
    /// The files, and folders of policies [default: tollgate.yaml, or where there is none .tollgate/up.yaml]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Print a JSON schema, for editors that complete and check while you type
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tollgate schema config > tollgate.schema.json
  # then, as the first line of tollgate.yaml:
  # yaml-language-server: $schema=tollgate.schema.json
  tollgate schema policy > policy.schema.json")]
struct SchemaArgs {
    /// Of which file
    of: SchemaOf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SchemaOf {
    /// `tollgate.yaml`
    Config,
    /// A price book
    Prices,
    /// A policy
    Policy,
    /// `panel.yaml`
    Panel,
    /// A workflow, as `tollgate flow export` writes it
    FlowIr,
    #[value(hide = true)]
    Flow,
}

impl From<SchemaOf> for schema::Schema {
    fn from(of: SchemaOf) -> Self {
        match of {
            SchemaOf::Config => Self::Config,
            SchemaOf::Prices => Self::Prices,
            SchemaOf::Policy => Self::Policy,
            SchemaOf::Panel => Self::Panel,
            SchemaOf::FlowIr => Self::FlowIr,
            SchemaOf::Flow => Self::Flow,
        }
    }
}

/// A command that did not do what it was for, and the exit code that says so.
struct Failed {
    error: anyhow::Error,
    code: u8,
}

impl<E: Into<anyhow::Error>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self {
            error: error.into(),
            code: NO,
        }
    }
}

const NO: u8 = 1;
const UNREADABLE: u8 = 2;

/// As many as there are, with the right ending.
fn counted(count: usize, one: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {one}{ending}")
}

/// A command whose every error means that it could not read what it was given.
fn unreadable(error: anyhow::Error) -> Failed {
    Failed {
        error,
        code: UNREADABLE,
    }
}

/// Runs the command this process was started with.
#[must_use]
pub fn main() -> ExitCode {
    let command = Cli::parse().command;
    match run(command, config::environment()) {
        Ok(code) => code,
        Err(failed) => tell(&failed),
    }
}

fn run(command: Command, env: Vec<(String, String)>) -> Result<ExitCode, Failed> {
    let mut out = anstream::stdout().lock();
    match command {
        Command::Up(args) => {
            // Printed from within, when calls are answered.
            drop(out);
            up::run(&args, env)?;
        }
        Command::Serve(args) => {
            drop(out);
            serve::run(args, env)?;
        }
        Command::Panel(args) => {
            drop(out);
            return panel::run(args, env).map_err(remote::failed);
        }
        Command::Check(args) => {
            let check = check::Check {
                files: args.files,
                env,
                json: args.json,
            };
            return Ok(check::run(&check, &mut out)?);
        }
        Command::Key(args) => key::run(args, &env, &mut out).map_err(remote::failed)?,
        Command::Quote(args) => return quote::run(args, env, &mut out).map_err(unreadable),
        Command::Ledger(args) => {
            drop(out);
            return ledger::run(&args, &env).map_err(unreadable);
        }
        Command::Audit(args) => return audit::run(&args, &env, &mut out).map_err(unreadable),
        Command::Policy(args) => return policy::run(&args, &env, &mut out).map_err(policy::failed),
        Command::Flow(args) => {
            return flow::run(&args, &env, &mut out, &mut anstream::stderr()).map_err(unreadable);
        }
        Command::Prices(args) => return prices::run(&args, &env, &mut out).map_err(unreadable),
        Command::Explain(args) => return explain::run(&args, &env, &mut out).map_err(unreadable),
        Command::Scan(args) => {
            let mut buffered = io::BufWriter::new(out);
            return scan::run(&args, &mut buffered).map_err(unreadable);
        }
        Command::AtPanel(command) => return command.run(&env, &mut out).map_err(remote::failed),
        Command::Import(args) => return Ok(import::run(&args, &mut out, &mut anstream::stderr())?),
        Command::Simulate(args) => {
            drop(out);
            let prices = price_book(&args.prices)?;
            simulate::run(&args, &Arc::new(prices))?;
        }
        Command::Schema(args) => {
            return Ok(schema::run(
                args.of.into(),
                &mut out,
                &mut anstream::stderr(),
            )?);
        }
        Command::Completions(args) => completions::run(args, &mut out)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The prices of these files, or the built-in ones.
fn price_book(files: &[PathBuf]) -> anyhow::Result<config::PriceBook> {
    let mut sources = Sources {
        text: Some((
            PathBuf::from("(simulator)"),
            "providers: { sim: { kind: simulator } }".to_owned(),
        )),
        ..Sources::default()
    };
    if !files.is_empty() {
        let names: Vec<_> = files.iter().map(|file| file.to_string_lossy()).collect();
        let names = serde_json::to_string(&names).context("file names")?;
        sources.flags.push(("prices".to_owned(), names));
    }
    Ok(config::load(&sources)?.prices)
}

/// Tells on standard error what went wrong; the exit code to leave with.
fn tell(failed: &Failed) -> ExitCode {
    let told = write_failure(failed, &mut anstream::stderr().lock());
    // Nobody is left to be told that nothing can be told.
    told.unwrap_or(ExitCode::from(NO))
}

fn write_failure(failed: &Failed, err: &mut impl Write) -> io::Result<ExitCode> {
    let causes = || failed.error.chain();
    let io_kinds: Vec<io::ErrorKind> = causes()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .map(io::Error::kind)
        .collect();
    if io_kinds.contains(&io::ErrorKind::BrokenPipe) {
        // `tollgate … | head` has seen enough.
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(faults) = causes().find_map(|cause| cause.downcast_ref::<Faults>()) {
        check::tell_faults(&faults.0, err)?;
        let unreadable = faults.0.iter().any(Fault::is_unreadable);
        let missing =
            |is: &dyn Fn(&Path) -> bool| unreadable && faults.0.iter().any(|fault| is(&fault.file));
        if missing(&|file| file == Path::new(place::DEFAULT_FILE)) {
            writeln!(
                err,
                "  help: name it with `-c FILE`; `tollgate up` needs none"
            )?;
        } else if missing(&|file| file.file_name().is_some_and(|name| name == up::FILE)) {
            writeln!(
                err,
                "  help: `tollgate up` makes it; name another gateway with --state-dir DIR or -c FILE"
            )?;
        }
        let code = if unreadable { UNREADABLE } else { failed.code };
        return Ok(ExitCode::from(code));
    }
    let bold = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
    writeln!(err, "{bold}error:{bold:#} {:#}", failed.error)?;
    if io_kinds.contains(&io::ErrorKind::AddrInUse) {
        writeln!(
            err,
            "  help: another program, perhaps another tollgate, listens there; choose other ports: --listen 127.0.0.1:4200 --admin-listen 127.0.0.1:4201"
        )?;
    }
    Ok(ExitCode::from(failed.code))
}

#[cfg(test)]
mod tests;
