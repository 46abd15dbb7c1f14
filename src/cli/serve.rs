//! `tollgate serve`: the gateway, as configured.

use super::place::DEFAULT_FILE;
use crate::app::{self, Options, logs};
use crate::config::Sources;
use clap::ValueEnum;
use std::path::PathBuf;

/// Run the gateway as a configuration file says; edits of the file take effect while it runs
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tollgate serve
  tollgate serve -c /etc/tollgate/tollgate.yaml
  tollgate serve --listen 127.0.0.1:4200 --listen unix:/run/tollgate.sock
  tollgate serve --set timeouts.first_byte=30s --set 'budgets=[{ name: day, limit: \"$5.00\", window: 1d }]'

Flags go before TOLLGATE__SECTION__KEY variables, those before the file. SIGTERM finishes streams and stops.")]
pub struct ServeArgs {
    /// The configuration
    #[arg(short, long, value_name = "FILE", default_value = DEFAULT_FILE)]
    config: PathBuf,
    /// Where ledgers and keys are kept [default: as configured, else .tollgate beside the file]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
}

/// Flags of whatever runs a gateway.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Flags {
    /// Where to listen, once or more often: HOST:PORT or unix:PATH [default: as configured, else 127.0.0.1:4100]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) listen: Vec<String>,
    /// Where metrics and health are, or `off` [default: as configured, else 127.0.0.1:4101]
    #[arg(long, value_name = "ADDRESS")]
    admin_listen: Option<String>,
    /// Any other setting, by its path: `drain=10s`, `timeouts.idle=30s`
    #[arg(long, value_name = "PATH=VALUE", value_parser = setting)]
    set: Vec<(String, String)>,
    #[command(flatten)]
    pub(super) log: LogFlags,
}

/// Flags of whatever writes a log.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct LogFlags {
    /// How log lines look, on standard error
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    log: LogFormat,
    /// From which level on lines are logged
    #[arg(long, value_name = "LEVEL", value_enum, default_value_t)]
    log_level: LogLevel,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum LogFormat {
    /// Pretty on a terminal, JSON otherwise
    #[default]
    Auto,
    /// One JSON object a line
    Json,
    /// For people
    Pretty,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum LogLevel {
    /// What needs somebody now
    Error,
    /// What somebody should look at
    Warn,
    /// What happened
    #[default]
    Info,
    /// How it happened
    Debug,
    /// Everything
    Trace,
}

impl Flags {
    /// These flags as settings; `--set` first, so that a flag of its own goes before it.
    pub(super) fn settings(&self, state_dir: Option<&PathBuf>) -> Vec<(String, String)> {
        let mut settings = self.set.clone();
        if !self.listen.is_empty() {
            // A list as JSON, since an address may begin with a bracket.
            let list = serde_json::Value::from(self.listen.clone());
            settings.push(("listen".to_owned(), list.to_string()));
        }
        if let Some(address) = &self.admin_listen {
            settings.push(("admin_listen".to_owned(), address.clone()));
        }
        if let Some(state_dir) = state_dir {
            let state_dir = state_dir.to_string_lossy().into_owned();
            settings.push(("state_dir".to_owned(), state_dir));
        }
        settings
    }

    /// How to run a gateway with this configuration.
    pub(super) fn options(&self, sources: Sources) -> Options {
        Options {
            sources,
            log: self.log.format(),
            level: self.log.level(),
            within: None,
            announce: None,
        }
    }
}

impl LogFlags {
    /// How lines look.
    pub(super) const fn format(&self) -> logs::Format {
        match self.log {
            LogFormat::Auto => logs::Format::Auto,
            LogFormat::Json => logs::Format::Json,
            LogFormat::Pretty => logs::Format::Pretty,
        }
    }

    /// From which level on.
    pub(super) const fn level(&self) -> logs::Level {
        match self.log_level {
            LogLevel::Error => logs::Level::Error,
            LogLevel::Warn => logs::Level::Warn,
            LogLevel::Info => logs::Level::Info,
            LogLevel::Debug => logs::Level::Debug,
            LogLevel::Trace => logs::Level::Trace,
        }
    }
}

/// Reads `path=value`.
fn setting(text: &str) -> Result<(String, String), String> {
    let (path, value) = text
        .split_once('=')
        .filter(|(path, _)| !path.trim().is_empty())
        .ok_or("write a path, `=` and a value, like `timeouts.idle=30s`")?;
    Ok((path.trim().to_owned(), value.to_owned()))
}

/// Serves until told to stop.
///
/// # Errors
/// The configuration is faulty, or the gateway cannot start.
pub fn run(args: ServeArgs, env: Vec<(String, String)>) -> anyhow::Result<()> {
    let sources = Sources {
        file: Some(args.config),
        env,
        flags: args.flags.settings(args.state_dir.as_ref()),
        ..Sources::default()
    };
    app::run(args.flags.options(sources))
}
