//! The configuration made live: plan and rules compiled, and swapped whole when a file changes.
//!
//! A bad edit changes nothing: the last good configuration stays, and `/status`, the log and a metric say what is wrong and
//! where. What cannot change while running (addresses, the state directory, threads) is said to wait for the next start.

use super::panel::Borrowing;
use super::policies::{InForce, Police, limits};
use super::status::Board;
use super::{Memory, own_hosts, simulator, watched};
use crate::config::{self, Config};
use crate::gateway::{self, Door, Rules as DoorRules};
use crate::governance::audit::{Revisions, Who};
use crate::governance::gate::{Gate, Rules};
use crate::governance::identity::Keys;
use crate::governance::pricing::PriceBook;
use crate::journal::settings::Answer;
use crate::pipeline::Plan;
use crate::provider::settings::{Base, Kind};
use crate::provider::upstream::Upstream;
use crate::telemetry::metrics::ModelNames;
use crate::units::Money;
use crate::{clock, journal};
use anyhow::{Context as _, bail};
use arc_swap::ArcSwap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, Weak};

/// Starts the built-in simulator on a loopback port of its own, if a provider is one.
pub(super) fn simulator(
    config: &Config,
    prices: &Arc<ArcSwap<PriceBook>>,
) -> anyhow::Result<Option<simulator::Handle>> {
    // Which provider it is only matters for prices kept under `PROVIDER/…`.
    let Some(provider) = config
        .providers
        .iter()
        .find(|provider| provider.kind == Kind::Simulator)
    else {
        return Ok(None);
    };
    let (name, book) = (provider.name.clone(), prices.clone());
    let settings = simulator::Settings {
        price: Arc::new(move |model, usage| {
            book.load()
                .rate(&name, model)
                .map_or(Money::ZERO, |rate| rate.cost(usage))
        }),
        models: config
            .prices
            .models()
            .into_iter()
            .map(str::to_owned)
            .collect(),
        ..simulator::Settings::default()
    };
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))
        .context("no loopback port for the simulator")?;
    Ok(Some(simulator::serve(listener, settings)?))
}

/// The configuration as calls are served by it.
pub(super) fn plan(
    config: &Config,
    gate: &Gate,
    simulator: Option<SocketAddr>,
    policies: &InForce,
    panel: Option<&Borrowing>,
) -> anyhow::Result<Plan> {
    let now = clock::now();
    let keys = panel.map_or_else(|| config.keys.clone(), |panel| panel.keys(&config.keys));
    let mut upstreams = Vec::with_capacity(config.providers.len());
    for provider in &config.providers {
        let within = simulator.map(|address| Base {
            tls: false,
            host: address.ip().to_string().into(),
            port: address.port(),
            prefix: "/v1".into(),
        });
        let base = provider.base.clone().or(within);
        let base = base.with_context(|| {
            format!(
                "provider `{}` was added as a simulator: it starts with the next start",
                provider.name
            )
        })?;
        let shown = panel.and_then(|panel| panel.shown(provider));
        upstreams.push(Arc::new(
            Upstream::new(provider, base, shown)
                .with_context(|| format!("provider `{}`", provider.name))?,
        ));
    }
    let owner = |key| panel.map_or_else(|| Who::of(key), |panel| panel.owner(key));
    let owners = keys.iter().map(|key| Arc::new(owner(key))).collect();
    let mut rates = config.limits.clone();
    if let Some(guards) = &policies.guards {
        rates.extend(limits(&guards.policies, &keys, now.wall));
    }
    let charter = gate.charter(Rules {
        keys: Keys::new(keys),
        budgets: config.budgets.iter().cloned().map(Arc::new).collect(),
        limits: rates.into_iter().map(Arc::new).collect(),
        unknown_price: config.unknown_price,
    });
    charter.open_ledgers(gate, now);
    Ok(Plan {
        charter,
        prices: config.prices.clone(),
        upstreams,
        routes: config.routes.clone(),
        timeouts: config.timeouts,
        retries: config.retries,
        revisions: Arc::new(Revisions {
            config: config.revision.clone(),
            policy: match &policies.guards {
                Some(_) => policies.revision.clone(),
                // Without files of their own, what governs is the configuration.
                None => config.revision.clone(),
            },
            prices: config.prices.revision.clone(),
        }),
        owners,
        stranger: Arc::new(Who::unknown()),
        guards: policies.guards.clone(),
    })
}

/// What the door goes by; `most_connections` is what this process can carry.
pub(super) fn rules(config: &Config, most_connections: usize) -> anyhow::Result<DoorRules> {
    let tls = config
        .gateway
        .tls
        .as_ref()
        .map(gateway::acceptor)
        .transpose()?;
    let hosts = config
        .gateway
        .hosts
        .iter()
        .cloned()
        .chain(own_hosts(&config.listen))
        .collect();
    let mut settings = config.gateway.clone();
    settings.max_connections = settings.max_connections.min(most_connections);
    Ok(DoorRules {
        settings,
        hosts,
        tls,
    })
}

/// What a change of the configuration is brought to.
pub(super) struct Live {
    pub(super) door: Arc<Door>,
    pub(super) board: Arc<Board>,
    pub(super) prices: Arc<ArcSwap<PriceBook>>,
    pub(super) simulator: Option<SocketAddr>,
    pub(super) memory: Arc<Memory>,
    pub(super) most_connections: usize,
    pub(super) police: Arc<Police>,
    pub(super) panel: Option<Arc<Borrowing>>,
}

impl Live {
    /// Watches the files and takes every good change over.
    pub(super) fn watch(
        self,
        files: config::Prepared,
        started_with: Config,
        sources: config::Sources,
        in_force: InForce,
    ) -> anyhow::Result<Arc<config::Watcher>> {
        let mut current = (started_with, in_force);
        let panel = self.panel.clone();
        let strays = strays(&current.0.files);
        let slot: Arc<OnceLock<Weak<config::Watcher>>> = Arc::default();
        let itself = slot.clone();
        let watcher = Arc::new(files.start(move || {
            let (config, in_force) = self.reload(&sources, &current, &strays);
            if let Some(watcher) = itself.wait().upgrade() {
                watcher.replace(watched(&config, &in_force));
            }
            current = (config, in_force);
        })?);
        let _ = slot.set(Arc::downgrade(&watcher));
        if let Some(panel) = panel {
            panel.follow(&watcher);
        }
        Ok(watcher)
    }

    /// Loads anew, configuration and policies each by itself: a fault in one leaves the last good one of it in force, and
    /// does not hold up the other.
    fn reload(
        &self,
        sources: &config::Sources,
        (current, in_force): &(Config, InForce),
        known_strays: &[PathBuf],
    ) -> (Config, InForce) {
        let metrics = self.door.desk.telemetry.metrics();
        let config = self.configuration(sources, current, known_strays);
        let same_config = config
            .as_ref()
            .is_none_or(|config| config.revision == current.revision);
        let wanted = config.as_ref().unwrap_or(current);
        let mut unusable = None;
        let ordered = self.panel.as_ref().map(|panel| panel.ordered());
        let ordered = ordered.unwrap_or_default();
        let policies = match self.police.load(wanted, &ordered, clock::now().wall) {
            Ok(policies) => {
                self.board.policy_fault(None);
                Some(policies)
            }
            Err(fault) => {
                // Its own files are its own business: the panel hears that there is something, its log says what.
                unusable = Some(
                    "this gateway's own policies have faults, which its log and /status name"
                        .to_owned(),
                );
                tracing::error!(%fault, "the policies were changed and cannot be used: the last good ones stay in force");
                self.board.policy_fault(Some(fault.to_string()));
                metrics.policies_reloaded(false);
                None
            }
        };
        let same_policies = policies
            .as_ref()
            .is_none_or(|new| new.revision == in_force.revision);
        let next = (
            wanted.clone(),
            policies.clone().unwrap_or_else(|| in_force.clone()),
        );
        let newer = |panel: &Arc<Borrowing>| panel.is_newer();
        let same_directory = !self.panel.as_ref().is_some_and(newer);
        let same_bundle = policies
            .as_ref()
            .is_none_or(|new| new.bundle == in_force.bundle);
        if same_config && same_policies && same_bundle && same_directory && config.is_none() {
            if let Some(panel) = &self.panel {
                panel.runs(
                    &next.1,
                    unusable.as_deref().or(next.1.bundle_fault.as_deref()),
                );
            }
            return next;
        }
        match self.take_over(&next, current) {
            Ok(()) => {
                if let Some(panel) = &self.panel {
                    let fault = unusable.as_deref().or(next.1.bundle_fault.as_deref());
                    panel.runs(&next.1, fault);
                }
                let mended = config.is_some() && self.board.config_fault(None);
                if config.is_some() && (mended || !same_config) {
                    metrics.config_reloaded(true);
                    tracing::info!(revision = %next.0.revision, "a new configuration is in force");
                }
                if policies.is_some() && !same_policies {
                    metrics.policies_reloaded(true);
                    tracing::info!(revision = %next.1.revision, "new policies are in force");
                }
                next
            }
            Err(fault) => {
                tracing::error!(fault = %format!("{fault:#}"), "the configuration was changed and cannot be used: the last good one stays in force");
                self.board.config_fault(Some(format!("{fault:#}")));
                metrics.config_reloaded(false);
                let before = (current.clone(), in_force.clone());
                if let Some(panel) = &self.panel {
                    panel.runs(in_force, Some(&format!("{fault:#}")));
                    // Keys that are revoked do not wait until that is mended.
                    if panel.is_newer()
                        && let Err(fault) = self.take_over(&before, current)
                    {
                        tracing::error!(fault = %format!("{fault:#}"), "the control panel's keys could not be brought into force");
                    }
                }
                before
            }
        }
    }

    /// The configuration as it is now; `None`, and said, if it cannot be used.
    fn configuration(
        &self,
        sources: &config::Sources,
        current: &Config,
        known_strays: &[PathBuf],
    ) -> Option<Config> {
        let loaded = config::load(sources)
            .map_err(anyhow::Error::from)
            .and_then(|config| {
                if let Some(stray) = strays(&current.files)
                    .into_iter()
                    .find(|file| !known_strays.contains(file))
                {
                    bail!(
                        "{}: it was replaced by a link that leaves its directory: put the file there, or restart to take it from elsewhere",
                        stray.display()
                    );
                }
                Ok(config)
            });
        loaded
            .inspect_err(|fault| {
                tracing::error!(fault = %format!("{fault:#}"), "the configuration was changed and cannot be used: the last good one stays in force");
                self.board.config_fault(Some(format!("{fault:#}")));
                self.door.desk.telemetry.metrics().config_reloaded(false);
            })
            .ok()
    }

    /// Puts a configuration and policies in force, whole or not at all.
    fn take_over(
        &self,
        (config, policies): &(Config, InForce),
        current: &Config,
    ) -> anyhow::Result<()> {
        let rules = rules(config, self.most_connections)?;
        let gate = &self.door.desk.gate;
        let panel = self.panel.as_deref();
        let plan = plan(config, gate, self.simulator, policies, panel)?;
        if let Some(panel) = panel {
            panel.keep(policies)?;
        }
        for (what, same) in [
            ("listen", config.listen == current.listen),
            ("admin_listen", config.admin_listen == current.admin_listen),
            ("state_dir", config.state_dir == current.state_dir),
            ("decisions", config.decisions == current.decisions),
            ("panel", config.panel == current.panel),
            ("threads", config.gateway.threads == current.gateway.threads),
        ] {
            if !same {
                tracing::warn!(
                    key = what,
                    "changed in the configuration: it takes effect at the next start"
                );
            }
        }
        self.prices.store(Arc::new(config.prices.clone()));
        let names = config
            .routes
            .iter()
            .map(|route| route.pattern.as_str())
            .chain(config.prices.models());
        let metrics = self.door.desk.telemetry.metrics();
        metrics.name_models(ModelNames::new(names));
        metrics.policies_are(&plan.revisions.policy);
        self.memory
            .answer_after
            .store(config.journal.answer == Answer::After, Ordering::Relaxed);
        self.door.rules.store(Arc::new(rules));
        self.door.desk.plan.store(Arc::new(plan));
        if let Some(panel) = panel {
            panel.serves(&config.providers);
        }
        Ok(())
    }
}

/// The files that are links out of the directory they are in. One that is so at the start was set up so; one that
/// becomes so while we run may have been turned by whoever got hold of the link alone.
fn strays(files: &[PathBuf]) -> Vec<PathBuf> {
    let leaves = |file: &Path| {
        let folder = match file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        match (file.canonicalize(), folder.canonicalize()) {
            (Ok(file), Ok(folder)) => !file.starts_with(folder),
            // Not there: that is told by whoever reads it.
            _ => false,
        }
    };
    files.iter().filter(|file| leaves(file)).cloned().collect()
}

/// The books as they stand on the disk, for looking at them beside a running gateway.
pub(super) fn books_on_disk(config: &Config) -> Option<crate::governance::budget::State> {
    journal::peek(&config.state_dir).ok().flatten()
}
