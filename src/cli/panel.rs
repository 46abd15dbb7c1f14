//! `tollgate panel`: the control panel, as configured.

mod keep;

use super::serve::LogFlags;
use crate::app::control::{self, Opened, Options};
use crate::config::Sources;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The file that is taken where none is named.
const DEFAULT_FILE: &str = "panel.yaml";

/// Run the control panel: the bank that lends budgets to gateways, and the API to administer them
///
/// It speaks HTTPS with an authority of its own, made on the first start. The first start also prints a link by which the
/// first administrator signs up, once.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  tollgate panel
  tollgate panel -c panel.yaml
  tollgate panel --listen 0.0.0.0:4102 --name panel.example --state-dir /var/lib/tollgate-panel

Gateways trust it by `panel-ca.pem` in its state directory."
)]
pub struct PanelArgs {
    #[command(subcommand)]
    command: Option<keep::Command>,
    /// The configuration [default: panel.yaml, if it is there]
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen, once or more often: HOST:PORT [default: as configured, else 127.0.0.1:4102]
    #[arg(long, value_name = "ADDRESS")]
    listen: Vec<String>,
    /// A name or address for its certificate, besides localhost and where it listens
    #[arg(long, value_name = "NAME")]
    name: Vec<String>,
    /// Where its database and authority are kept [default: as configured, else .tollgate-panel]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    #[command(flatten)]
    log: LogFlags,
}

/// Runs the panel, or what was said about one.
///
/// # Errors
/// Those of either.
pub fn run(args: PanelArgs, env: Vec<(String, String)>) -> anyhow::Result<ExitCode> {
    if let Some(command) = &args.command {
        return keep::run(command, &env, &mut anstream::stdout().lock());
    }
    serve(args, env)?;
    Ok(ExitCode::SUCCESS)
}

/// Serves until told to stop.
fn serve(args: PanelArgs, env: Vec<(String, String)>) -> anyhow::Result<()> {
    let mut flags = Vec::new();
    let list = |values: Vec<String>| serde_json::Value::from(values).to_string();
    if !args.listen.is_empty() {
        flags.push(("listen".to_owned(), list(args.listen)));
    }
    if !args.name.is_empty() {
        flags.push(("names".to_owned(), list(args.name)));
    }
    if let Some(folder) = &args.state_dir {
        flags.push((
            "state_dir".to_owned(),
            folder.to_string_lossy().into_owned(),
        ));
    }
    let default = Path::new(DEFAULT_FILE);
    let file = args
        .config
        .or_else(|| default.is_file().then(|| default.to_owned()));
    control::run(Options {
        sources: Sources {
            file,
            env,
            flags,
            ..Sources::default()
        },
        log: args.log.format(),
        level: args.log.level(),
        announce: Some(Box::new(|opened| {
            let mut out = anstream::stdout().lock();
            // Whoever closed standard output did not want to read it; the panel runs all the same.
            let _ = out
                .write_all(announcement(opened).as_bytes())
                .and_then(|()| out.flush());
        })),
    })
}

fn announcement(opened: &Opened) -> String {
    let mut text = String::new();
    let url = opened
        .listen
        .first()
        .map_or_else(String::new, |address| format!("https://{address}"));
    let _ = writeln!(text, "tollgate panel answers on {url}");
    let _ = writeln!(text, "  gateways trust it by   {}", opened.ca.display());
    if let Some(token) = &opened.first_admin {
        let _ = writeln!(
            text,
            "\nNobody may administer it yet. This token makes the first administrator, once:\n\n  {}\n",
            token.expose()
        );
        let _ = writeln!(
            text,
            "  tollgate login {url} --ca {} --setup {}",
            opened.ca.display(),
            token.expose()
        );
    }
    text
}
