//! The control panel, wired together: bank, books, authority, doors; started and stopped in order.
//!
//! Start: state directory → books and bank → authority → panel → doors → announce. Stop: gateways are told to look elsewhere,
//! no new connections, open answers end, then the books are closed.

use super::bundles;
use crate::clock;
use crate::config::{self, Faults};
use crate::control::authority::{Authority, CERTIFICATE};
use crate::control::bulletin::Bulletin;
use crate::control::door::{self, Certificates, Treaty};
use crate::control::service::bundles::Office;
use crate::control::service::vault::{self, Keyring};
use crate::control::service::{Panel, oidc, users};
use crate::control::settings::Control;
use crate::control::signer::Signer;
use crate::control::store::sqlite::{Ledger, Store};
use crate::control::treasury::Treasury;
use crate::control::{api, upkeep};
use crate::journal::{self, Claim};
use crate::lease::directory::Event;
use crate::secret::Secret;
use crate::telemetry::logs as log;
use anyhow::Context as _;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The panel's database in its state directory.
pub(super) const DATABASE: &str = "panel.db";

/// How to run a panel.
pub struct Options {
    /// Where the configuration comes from.
    pub sources: config::Sources,
    /// How log lines look.
    pub log: log::Format,
    /// From which level on lines are written.
    pub level: log::Level,
    /// Called once, when gateways and people are answered.
    pub announce: Option<Announce>,
}

/// Told once that the panel is open.
pub type Announce = Box<dyn FnOnce(&Opened)>;

/// A panel that is open.
#[derive(Debug)]
pub struct Opened {
    /// Where it listens.
    pub listen: Vec<SocketAddr>,
    /// The certificate to trust it by.
    pub ca: PathBuf,
    /// What makes the first administrator, as long as there is none.
    pub first_admin: Option<Secret<String>>,
}

/// Runs until it is told to stop (SIGTERM, SIGINT).
///
/// # Errors
/// The configuration is faulty, or what the panel needs cannot be set up.
pub fn run(options: Options) -> anyhow::Result<()> {
    let control = config::load_panel(&options.sources).map_err(faulty)?;
    log::init(options.log, options.level)?;
    if let Err(error) = log::forbid_core_dumps() {
        tracing::warn!(%error, "core dumps cannot be forbidden here: a crash could write secrets to a file");
    }
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let orders = runtime.block_on(async { super::Orders::listen() })?;
    let listeners = control.listen.iter().map(bind);
    let listeners = listeners.collect::<anyhow::Result<Vec<_>>>()?;
    let open = Open::build(&control, listeners, &runtime)?;
    if let Some(announce) = options.announce {
        announce(&open.opened);
    }
    let stopped = runtime.block_on(orders.come());
    tracing::info!(signal = stopped, "stopping");
    open.stop(&runtime);
    Ok(())
}

fn faulty(faults: Faults) -> anyhow::Error {
    super::StartError::Configuration(faults).into()
}

/// Takes an address to listen on.
pub(super) fn bind(address: &SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address);
    let listener = listener.with_context(|| format!("cannot listen on {address}"))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// A running panel, all of it.
pub(super) struct Open {
    pub(super) opened: Opened,
    pub(super) panel: Arc<Panel>,
    stopping: watch::Sender<bool>,
    doors: JoinSet<()>,
    bulletin: Arc<Bulletin>,
    treasury: Arc<Treasury>,
    _claim: Claim,
}

impl Open {
    pub(super) fn build(
        control: &Control,
        listeners: Vec<TcpListener>,
        runtime: &Runtime,
    ) -> anyhow::Result<Self> {
        let folder = &control.state_dir;
        let claim = journal::claim(folder)?;
        let database = folder.join(DATABASE);
        let now = clock::now().wall;
        let ledger = runtime.block_on(Ledger::open(&database))?;
        let treasury = Treasury::start(ledger, control.terms).context("the bank cannot begin")?;
        let treasury = Arc::new(treasury);
        let authority = Arc::new(Authority::open(folder, now)?);
        let certificates = Certificates::new(authority.clone(), control.names.clone(), now)?;
        let certificates = Arc::new(certificates);
        // Beyond every number a panel before this one gave out: at most a thousand events a second.
        let first = u64::try_from(now.nanos().div_euclid(1_000_000)).unwrap_or(0);
        let bulletin = Arc::new(Bulletin::new(first));
        let (panel, first_admin) = runtime.block_on(async {
            let store = Store::open(&database).await?;
            let time = Arc::new(|| clock::now().wall);
            let mut panel = Panel::open(store, treasury.clone(), bulletin.clone(), time).await?;
            let signer = Signer::open(folder)?;
            panel.staff(Office::new(bundles::checker(), signer)).await?;
            let sealed = vault::is_sealed(&panel).await?;
            vault::open(&panel, Keyring::open(folder, &control.vault, sealed)?).await?;
            if let Some(provider) = &control.oidc {
                oidc::open(&panel, provider.clone());
            }
            let first_admin = users::first_admin_link(&panel).await?;
            anyhow::Ok((Arc::new(panel), first_admin))
        })?;
        let treaty = Arc::new(Treaty {
            treasury: treasury.clone(),
            bulletin: bulletin.clone(),
            authority,
            registrar: panel.clone(),
            policies: panel.clone(),
            certificate_lifetime: control.certificate_lifetime,
        });
        let router = door::router(treaty).merge(api::router(panel.clone()));
        let most = super::descriptors::connections();
        tracing::debug!(?most, "connections that the limit of open files carries");
        let (stopping, stopped) = watch::channel(false);
        let mut listen = Vec::new();
        let mut doors = JoinSet::new();
        for listener in listeners {
            listen.push(listener.local_addr()?);
            let listener = {
                let _inside = runtime.enter();
                tokio::net::TcpListener::from_std(listener)?
            };
            let serving = door::serve(
                listener,
                certificates.clone(),
                router.clone(),
                stopped.clone(),
            );
            doors.spawn_on(serving, runtime.handle());
        }
        runtime.spawn(certificates.keep());
        let kept = panel.clone();
        runtime.spawn(async move { upkeep::run(&kept).await });
        tracing::info!(?listen, "the panel is open");
        Ok(Self {
            opened: Opened {
                listen,
                ca: folder.join(CERTIFICATE),
                first_admin,
            },
            panel,
            stopping,
            doors,
            bulletin,
            treasury,
            _claim: claim,
        })
    }

    pub(super) fn stop(mut self, runtime: &Runtime) {
        self.bulletin.publish(Event::Goaway);
        let _ = self.stopping.send(true);
        runtime.block_on(async { while self.doors.join_next().await.is_some() {} });
        self.treasury.close();
        tracing::info!("stopped in order");
    }
}
