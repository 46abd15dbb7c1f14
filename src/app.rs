//! STUB: stands in for the wiring until it is merged.

pub use crate::journal;
pub use crate::provider::simulator;
pub use crate::telemetry::{audit_log as audit, logs};

use crate::config;
use std::net::SocketAddr;

/// How to run a gateway.
pub struct Options {
    /// Where the configuration comes from, also when it changes.
    pub sources: config::Sources,
    /// How log lines look.
    pub log: logs::Format,
    /// From which level on lines are written.
    pub level: logs::Level,
    /// Called once, when calls are answered.
    pub announce: Option<Box<dyn FnOnce(&Started)>>,
}

/// A gateway that answers calls.
#[derive(Debug)]
pub struct Started {
    /// Where callers are served.
    pub listen: Vec<String>,
    /// Where metrics and health are.
    pub admin: Option<SocketAddr>,
    /// Whether every provider is the simulator.
    pub simulated: bool,
}

/// Runs until it is told to stop.
pub fn run(options: Options) -> anyhow::Result<()> {
    let config = config::load(&options.sources)?;
    let started = Started {
        listen: vec!["127.0.0.1:4100".to_owned()],
        admin: config.admin_listen,
        simulated: config
            .providers
            .iter()
            .all(|one| one.kind == crate::provider::settings::Kind::Simulator),
    };
    if let Some(announce) = options.announce {
        announce(&started);
    }
    Ok(())
}

/// What a call would cost, and whether it would pass.
pub fn quote(
    _sources: &config::Sources,
    _key: Option<&str>,
    _endpoint: &str,
    _body: Vec<u8>,
) -> anyhow::Result<serde_json::Value> {
    anyhow::bail!("not wired yet")
}
