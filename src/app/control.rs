//! The control panel, wired together: bank, books, authority, doors; started and stopped in order.
//!
//! Start: state directory → books and bank → authority → panel → doors → announce. Stop: gateways are told to look elsewhere,
//! no new connections, open answers end, then the books are closed.
//!
//! With books at a server another panel may hold the bank. Then this one stands by: it opens no door, so that whoever knows
//! several addresses tries another one, and takes over as soon as the bank is free. A panel that lost the bank ends.

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
use crate::control::store::{Place, Store, StoreError};
use crate::control::treasury::{StartError, Treasury};
use crate::control::{api, upkeep};
use crate::journal::{self, Claim};
use crate::lease::directory::Event;
use crate::secret::Secret;
use crate::telemetry::logs as log;
use anyhow::Context as _;
use sha2::{Digest as _, Sha256};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The panel's database in its state directory.
pub(super) const DATABASE: &str = "panel.db";
/// How often a panel that stands by asks whether the bank is free.
const ASK: Duration = Duration::from_secs(1);

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
    let mut orders = runtime.block_on(async { super::Orders::listen() })?;
    let claimed = runtime.block_on(async {
        tokio::select! {
            claimed = Claimed::wait(&control) => claimed.map(Some),
            signal = orders.come() => {
                tracing::info!(signal, "stopping");
                Ok(None)
            }
        }
    })?;
    let Some(claimed) = claimed else {
        return Ok(());
    };
    let listeners = control.listen.iter().map(bind);
    let listeners = listeners.collect::<anyhow::Result<Vec<_>>>()?;
    let open = Open::build(&control, claimed, listeners, &runtime)?;
    if let Some(announce) = options.announce {
        announce(&open.opened);
    }
    let treasury = open.treasury.clone();
    let stopped = runtime.block_on(async {
        tokio::select! {
            signal = orders.come() => Some(signal),
            () = treasury.ended() => None,
        }
    });
    if let Some(signal) = stopped {
        tracing::info!(signal, "stopping");
    }
    open.stop(&runtime);
    anyhow::ensure!(
        stopped.is_some(),
        "this panel lost the bank: start it again, it stands by while another one holds it"
    );
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

/// The bank, held, and what nobody else may use meanwhile.
pub(super) struct Claimed {
    place: Place,
    treasury: Treasury,
    claim: Option<Claim>,
}

impl Claimed {
    /// Opens the books, and holds the bank.
    pub(super) fn take(control: &Control) -> anyhow::Result<Self> {
        let folder = &control.state_dir;
        let (place, claim) = match &control.server {
            // Panels that share their books share this folder: the bank's lock stands for the folder's.
            Some(server) => {
                config::private_folder(folder)
                    .with_context(|| format!("cannot make {}", folder.display()))?;
                (Place::Server(server.clone()), None)
            }
            None => (
                Place::File(folder.join(DATABASE)),
                Some(journal::claim(folder)?),
            ),
        };
        let treasury = Treasury::start(&place, control.terms).context("the bank cannot begin")?;
        Ok(Self {
            place,
            treasury,
            claim,
        })
    }

    /// The same, and stands by as long as another panel holds it.
    async fn wait(control: &Control) -> anyhow::Result<Self> {
        let mut stands_by = false;
        let mut told = String::new();
        loop {
            let asked = control.clone();
            let taken = tokio::task::spawn_blocking(move || Self::take(&asked)).await?;
            let error = match taken {
                Ok(taken) => {
                    if stands_by {
                        tracing::info!("the bank is free: this panel takes over");
                    }
                    return Ok(taken);
                }
                Err(error) => error,
            };
            let is_held = matches!(
                error.downcast_ref(),
                Some(StartError::Store(StoreError::Held(_)))
            );
            match (is_held, stands_by) {
                (true, false) => {
                    stands_by = true;
                    tracing::info!(
                        "another panel holds the bank: this one stands by, its doors closed, and takes over when it is free"
                    );
                }
                (true, true) => told.clear(),
                // Whoever holds the bank loses the server, too. Once is enough for what goes on.
                (false, true) => {
                    let now = format!("{error:#}");
                    if now != told {
                        tracing::warn!("standing by: {now}");
                        told = now;
                    }
                }
                (false, false) => return Err(error),
            }
            tokio::time::sleep(ASK).await;
        }
    }
}

/// A running panel, all of it.
pub(super) struct Open {
    pub(super) opened: Opened,
    pub(super) panel: Arc<Panel>,
    stopping: watch::Sender<bool>,
    doors: JoinSet<()>,
    bulletin: Arc<Bulletin>,
    treasury: Arc<Treasury>,
    _claim: Option<Claim>,
}

impl Open {
    pub(super) fn build(
        control: &Control,
        claimed: Claimed,
        listeners: Vec<TcpListener>,
        runtime: &Runtime,
    ) -> anyhow::Result<Self> {
        let folder = &control.state_dir;
        let Claimed {
            place,
            treasury,
            claim,
        } = claimed;
        let now = clock::now().wall;
        let treasury = Arc::new(treasury);
        let authority = Arc::new(Authority::open(folder, now)?);
        let certificates = Certificates::new(authority.clone(), control.names.clone(), now)?;
        let certificates = Arc::new(certificates);
        // Beyond every number a panel before this one gave out: at most a thousand events a second.
        let first = u64::try_from(now.nanos().div_euclid(1_000_000)).unwrap_or(0);
        let bulletin = Arc::new(Bulletin::new(first));
        let (panel, first_admin) = runtime.block_on(async {
            let store = Store::open(&place).await?;
            let time = Arc::new(|| clock::now().wall);
            let mut panel = Panel::open(store, treasury.clone(), bulletin.clone(), time).await?;
            if let Place::Server(server) = &place {
                let certificate = folder.join(CERTIFICATE);
                let bytes = std::fs::read(&certificate)?;
                anyhow::ensure!(
                    panel.is_of(Sha256::digest(bytes).into()).await?,
                    "the books at {server} are those of another authority than {}: panels that share their books share \
                     their state directory, or copies of it",
                    certificate.display()
                );
            }
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
