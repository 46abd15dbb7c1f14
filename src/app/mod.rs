//! Where the rooms are wired into a running gateway, and shut down. The only place that knows all of them.
//!
//! Start: state directory and journal → decision log → control panel, if there is one → configuration made live → door → announce. Stop, on SIGTERM or
//! SIGINT: no new connections, open calls end within `drain`, what was lent goes back, then the journal's last entry says that the stop was in order.

pub mod backup;
pub(crate) mod bundles;
pub mod control;
mod descriptors;
pub mod flow;
mod history;
mod home;
mod live;
mod panel;
mod policies;
mod quote;
pub mod scan;
mod status;
mod tallies;
mod vault;
pub mod workshop;

pub use crate::provider::simulator;
pub use crate::telemetry::{audit_log as audit, logs};
pub use crate::{journal, units};
pub use history::{History, Kept};
pub use home::{HomePanel, Within};
pub use quote::quote;

use crate::clock;
use crate::config::{self, Config, Faults};
use crate::gateway::settings::Listen;
use crate::gateway::{self, Door, Running, admin};
use crate::governance::gate::Gate;
use crate::journal::Journal;
use crate::journal::settings::Answer;
use crate::lease::client::Client;
use crate::pipeline::{Alarm, Desk, Durable, Vigil};
use crate::provider::health::Healths;
use crate::provider::settings::Kind;
use crate::provider::upstream::Upstream;
use crate::telemetry::audit_log::AuditLog;
use crate::telemetry::metrics::{BudgetReading, JournalReading, ModelNames, Sources as Readings};
use crate::telemetry::tallies::Tallies;
use crate::telemetry::{Telemetry, logs as log};
use anyhow::{Context as _, bail};
use arc_swap::ArcSwap;
use home::Home;
use live::Live;
use panel::Borrowing;
use policies::{InForce, Police, Unusable};
use status::Board;
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How to run a gateway.
pub struct Options {
    /// Where the configuration comes from, also when it changes.
    pub sources: config::Sources,
    /// How log lines look.
    pub log: log::Format,
    /// From which level on lines are written.
    pub level: log::Level,
    /// Whether a control panel runs beside the gateway, where none is configured, and where it listens.
    pub within: Option<Within>,
    /// Called once, when calls are answered.
    pub announce: Option<Announce>,
}

/// Told once that calls are answered, and where.
pub type Announce = Box<dyn FnOnce(&Started)>;

/// A gateway that answers calls.
#[derive(Debug)]
pub struct Started {
    /// Where callers are served.
    pub listen: Vec<String>,
    /// Where metrics and health are.
    pub admin: Option<SocketAddr>,
    /// Whether every provider is the simulator.
    pub simulated: bool,
    /// Where its ledgers are kept.
    pub state_dir: PathBuf,
    /// The control panel that runs beside it.
    pub panel: Option<HomePanel>,
}

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is at fault.
    #[error("{0}")]
    Configuration(#[from] Faults),
    /// The policies are.
    #[error("{0}")]
    Policies(#[from] Unusable),
}

/// The journal, as far as calls wait for it.
#[derive(Debug)]
struct Memory {
    journal: Mutex<Option<Arc<Journal>>>,
    answer_after: AtomicBool,
}

impl Memory {
    fn journal(&self) -> Option<Arc<Journal>> {
        self.journal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Durable for Shared {
    fn reach(&self, sequence: u64) -> Pin<Box<dyn Future<Output = bool> + '_>> {
        let journal = self.0.journal();
        Box::pin(async move {
            match journal {
                Some(journal) => journal.durable(sequence).await.is_ok(),
                None => false,
            }
        })
    }

    fn before_answers(&self) -> bool {
        self.0.answer_after.load(Ordering::Relaxed)
    }
}

/// The journal, shared with the desk.
#[derive(Debug, Clone)]
struct Shared(Arc<Memory>);

/// Runs until it is told to stop (SIGTERM, SIGINT).
///
/// # Errors
/// [`StartError`] when the configuration is at fault; otherwise what could not be set up: an address that is taken, a
/// state directory that is in use or open to others.
pub fn run(options: Options) -> anyhow::Result<()> {
    let mut sources = options.sources;
    let mut config = config::load(&sources).map_err(StartError::from)?;
    log::init(options.log, options.level)?;
    if let Err(error) = log::forbid_core_dumps() {
        tracing::warn!(%error, "core dumps cannot be forbidden here: a crash could write secrets to a file");
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    // Listened for before anything is set up: whoever is told to stop while starting still stops in order.
    let mut orders = runtime.block_on(async { Orders::listen() })?;
    let within = options.within.filter(|_| config.panel.is_none());
    let home = within
        .map(|within| Home::open(within, &config))
        .transpose()?;
    if let Some(home) = &home {
        sources.fallbacks.push(home.settings());
        config = config::load(&sources).map_err(StartError::from)?;
    }
    let mut house = House::build(config, sources, home.is_some())?;
    house.started.panel = home.as_ref().map(|home| home.told.clone());
    if let Some(announce) = options.announce {
        announce(&house.started);
    }
    let stopped = runtime.block_on(orders.come());
    tracing::info!(signal = stopped, "stopping");
    let stopped = house.stop();
    if let Some(home) = home {
        home.stop();
    }
    stopped
}

/// The signals that tell us to stop.
struct Orders {
    terminate: Signal,
    interrupt: Signal,
}

impl Orders {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for one, also if it came meanwhile.
    async fn come(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// A running gateway, all of it.
struct House {
    started: Started,
    door: Arc<Door>,
    running: Running,
    admin: Option<admin::Handle>,
    watcher: Option<Arc<config::Watcher>>,
    board: Arc<Board>,
    memory: Arc<Memory>,
    log: Arc<AuditLog>,
    panel: Option<Arc<Borrowing>>,
    _simulator: Option<simulator::Handle>,
}

impl House {
    #[expect(
        clippy::too_many_lines,
        reason = "the one list of what a gateway is made of, in the order it starts"
    )]
    fn build(config: Config, sources: config::Sources, at_home: bool) -> anyhow::Result<Self> {
        // Before the journal is read back, which may take long: an edit made meanwhile is not missed.
        let prepared = config::prepare(watched(&config, &InForce::default()));
        let (journal, books, recovery) =
            Journal::open(&config.state_dir, journal::Settings::default())?;
        if recovery.is_alarming() || recovery.torn.is_some() {
            tracing::error!(%recovery, "the journal was damaged: what is in doubt is booked as uncertain");
        } else if !recovery.clean {
            tracing::warn!(%recovery, "the last stop was not in order");
        }
        let journal = Arc::new(journal);
        let answer_after = AtomicBool::new(config.journal.answer == Answer::After);
        let memory = Arc::new(Memory {
            journal: Mutex::new(Some(journal.clone())),
            answer_after,
        });

        let bounds = config.decisions.clone();
        let (log, kept) = AuditLog::start(&audit::Settings::of_state(&config.state_dir, bounds))?;
        if kept.missing > 0 || kept.damaged {
            tracing::error!(
                lines = kept.lines,
                missing = kept.missing,
                damaged = kept.damaged,
                "the decision log was changed since the last stop: `tollgate audit verify` says where"
            );
        } else if kept.cut_bytes > 0 {
            tracing::warn!(
                bytes = kept.cut_bytes,
                "the decision log's last line was torn and is cut off"
            );
        }
        let log = Arc::new(log);
        let telemetry = Telemetry::new(clock::now().wall, names(&config), Some(log.clone()))?;
        let tallies = config.panel.is_some().then(Arc::<Tallies>::default);
        let telemetry = Arc::new(match &tallies {
            Some(tallies) => telemetry.with_tallies(tallies.clone()),
            None => telemetry,
        });

        // Bound first: a taken port must not cost a simulator or a thread.
        let bound: Vec<_> = config
            .listen
            .iter()
            .map(gateway::bind)
            .collect::<Result<_, _>>()?;
        let admin_listener = config
            .admin_listen
            .map(|address| {
                std::net::TcpListener::bind(address)
                    .with_context(|| format!("cannot listen on {address} (admin_listen)"))
            })
            .transpose()?;

        let prices = Arc::new(ArcSwap::from_pointee(config.prices.clone()));
        let simulator = live::simulator(&config, &prices)?;
        let address = simulator.as_ref().map(simulator::Handle::addr);
        let mut gate = Gate::new(books.clone());
        // What was lost of the journal may be what a lease was spent by: to the panel this is then another disk.
        let fresh = recovery.records == 0 || recovery.is_alarming();
        let panel = match config.panel.clone().zip(tallies) {
            Some((panel, tallies)) => {
                let client = Client::open(panel, &config.state_dir, books.clone(), fresh)?;
                gate = gate.with_lender(client.purse().clone());
                let borrowing =
                    Borrowing::begin(client, memory.clone(), tallies, &config.providers, at_home)?;
                Some(Arc::new(borrowing))
            }
            None => None,
        };
        let police = Arc::new(Police::open(&config.state_dir, sources.env.clone())?);
        if let Some(panel) = &panel {
            panel.check_policies()?;
        }
        let ordered = panel.as_ref().map(|panel| panel.ordered());
        let in_force = police
            .load(&config, &ordered.unwrap_or_default(), clock::now().wall)
            .map_err(StartError::from)?;
        if let Some(panel) = &panel {
            panel.keep(&in_force)?;
        }
        let files = watched(&config, &in_force);
        let plan = live::plan(&config, &gate, address, &in_force, panel.as_deref())?;
        let most_connections = most_connections(&config);
        let rules = live::rules(&config, most_connections)?;
        let desk = Arc::new(Desk {
            gate,
            plan: ArcSwap::from_pointee(plan),
            telemetry: telemetry.clone(),
            durable: Box::new(Shared(memory.clone())),
            panel: panel
                .clone()
                .map(|panel| panel as Arc<dyn crate::pipeline::Panel>),
            vigil: Vigil::default(),
            alarm: Alarm::default(),
            healths: Healths::default(),
        });
        let door = Door::new(desk.clone(), rules);
        let board = Arc::new(Board::new(
            desk.clone(),
            memory.clone(),
            panel.clone(),
            &recovery,
        ));
        telemetry
            .metrics()
            .policies_are(&desk.plan.load().revisions.policy);
        telemetry
            .metrics()
            .attach(readings(&desk, &memory, &log, panel.as_ref()));

        let listen = bound.iter().map(gateway::Bound::address).collect();
        let threads = config
            .gateway
            .threads
            .map_or_else(cores, std::num::NonZeroUsize::get);
        let running = gateway::open(&door, bound, threads)?;
        let admin = admin_listener
            .map(|listener| {
                let hosts = config
                    .gateway
                    .hosts
                    .iter()
                    .map(ToString::to_string)
                    .collect();
                let source: Arc<dyn admin::StatusSource> = board.clone();
                admin::serve(
                    listener,
                    admin::Admin {
                        telemetry: telemetry.clone(),
                        source,
                        hosts,
                    },
                )
            })
            .transpose()?;
        let started = Started {
            listen,
            admin: admin.as_ref().map(|admin| admin.address),
            simulated: config
                .providers
                .iter()
                .all(|provider| provider.kind == Kind::Simulator),
            state_dir: config.state_dir.clone(),
            panel: None,
        };
        let live = Live {
            door: door.clone(),
            board: board.clone(),
            prices,
            simulator: address,
            memory: memory.clone(),
            most_connections,
            police,
            panel: panel.clone(),
        };
        if let Some(panel) = &panel {
            panel.runs(&in_force, in_force.bundle_fault.as_deref());
        }
        if let Some(panel) = &panel {
            panel.serves(&config.providers);
        }
        let watcher = live.watch(prepared, config, sources, in_force)?;
        watcher.replace(files);
        board.ready();
        let admin_address = started.admin.map(tracing::field::display);
        tracing::info!(
            listen = started.listen.join(", "),
            admin = admin_address,
            threads,
            "answering calls"
        );
        Ok(Self {
            started,
            door,
            running,
            admin,
            watcher: Some(watcher),
            board,
            memory,
            log,
            panel,
            _simulator: simulator,
        })
    }

    fn stop(mut self) -> anyhow::Result<()> {
        self.board.draining();
        drop(self.watcher.take());
        let patience = self.door.rules.load().settings.drain;
        self.running.drain(patience);
        if let Some(admin) = self.admin.take() {
            admin.stop();
        }
        // While the journal can still write down what the panel knows.
        if let Some(panel) = &self.panel {
            panel.handle.stop();
        }
        self.log.close();
        let journal = self
            .memory
            .journal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        match journal.map(Arc::try_unwrap) {
            Some(Ok(journal)) => journal.close().context(
                "the last entries could not be written; the next start books what is in doubt as uncertain",
            )?,
            Some(Err(_)) => bail!(
                "the journal was still in use and could not be closed; the next start books what is in doubt as uncertain"
            ),
            None => {}
        }
        tracing::info!("stopped in order");
        Ok(())
    }
}

/// Every file a change of which is looked at: the configuration's, and those of the policies it names.
fn watched(config: &Config, in_force: &InForce) -> Vec<PathBuf> {
    let mut files = config.files.clone();
    files.extend(config.policies.iter().cloned());
    files.extend(in_force.files.iter().cloned());
    files.retain(|file| config::policy::packs::named(file).is_none());
    files.sort_unstable();
    files.dedup();
    files
}

/// As many connections as the limit of open files carries, if that is fewer than are wanted said.
fn most_connections(config: &Config) -> usize {
    let most = descriptors::connections().unwrap_or(usize::MAX);
    let wanted = config.gateway.max_connections;
    let words = "the limit of open files carries fewer connections than max_connections: more are turned away with 503; raise it (ulimit -n, LimitNOFILE)";
    if most < wanted / 2 {
        tracing::warn!(wanted, most, "{words}");
    } else if most < wanted {
        tracing::info!(wanted, most, "{words}");
    }
    most
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
}

/// The models that may be named in metrics.
fn names(config: &Config) -> ModelNames {
    let routes = config.routes.iter().map(|route| route.pattern.as_str());
    ModelNames::new(routes.chain(config.prices.models()))
}

/// What a scrape asks others for.
fn readings(
    desk: &Arc<Desk>,
    memory: &Arc<Memory>,
    log: &Arc<AuditLog>,
    panel: Option<&Arc<Borrowing>>,
) -> Readings {
    let (desk, memory, log) = (desk.clone(), memory.clone(), log.clone());
    let panel = panel.cloned();
    let circuits = desk.clone();
    Readings {
        budgets: Box::new(move || {
            let standings = desk.gate.books().standings(clock::now());
            standings
                .into_iter()
                .map(|standing| BudgetReading {
                    per: standing.per,
                    standing,
                })
                .collect()
        }),
        journal: Box::new(move || match memory.journal() {
            Some(journal) => {
                let (synced_records, failures) = journal.counts();
                JournalReading {
                    failures,
                    synced_records,
                    suspended: journal.health() != journal::Health::Ok,
                }
            }
            None => JournalReading::default(),
        }),
        log: Box::new(move || log.reading()),
        circuits: Box::new(move || {
            let (plan, now) = (circuits.plan.load(), clock::now().since_start);
            let reading = |upstream: &Arc<Upstream>| {
                let healths = &circuits.healths;
                let worst = healths.worst(&upstream.name, &upstream.breaker, now);
                (upstream.name.clone(), worst)
            };
            plan.upstreams.iter().map(reading).collect()
        }),
        panel: Box::new(move || panel.as_ref().map(|panel| panel.metrics())),
    }
}

/// The hosts a door on these addresses answers to: the addresses themselves.
fn own_hosts(listen: &[Listen]) -> Vec<Box<str>> {
    let addresses = listen.iter().filter_map(|listen| match listen {
        Listen::Tcp(address) if !address.ip().is_unspecified() => {
            Some(address.ip().to_string().into())
        }
        _ => None,
    });
    addresses.collect()
}
