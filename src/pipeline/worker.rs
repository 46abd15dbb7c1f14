//! A thread's own things: its connections, the ways it looked up, its random bits.
//!
//! [`Desk`] is what all threads share; a [`Worker`] belongs to one, so nothing in it is locked.

use super::alarm::Alarm;
use super::cutoff::Cutoffs;
use super::plan::{Destination, Plan};
use super::refill::Panel;
use super::vigil::Vigil;
use super::way::Way;
use crate::clock::{self, Moment};
use crate::governance::gate::Gate;
use crate::governance::identity::{Key, Label};
use crate::ids::PassageId;
use crate::provider::choice::Strategy;
use crate::provider::health::{Health, Healths};
use crate::provider::settings::Base;
use crate::provider::transport::{Lane, Pool};
use crate::stable;
use crate::telemetry::Telemetry;
use crate::telemetry::metrics::Series;
use arc_swap::ArcSwap;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Says when the journal holds an entry. Declared here, implemented where the journal is known.
pub trait Durable: Send + Sync + fmt::Debug {
    /// Resolves when everything up to `sequence` is on the disk; `false` if the journal failed meanwhile.
    fn reach(&self, sequence: u64) -> Pin<Box<dyn Future<Output = bool> + '_>>;

    /// Whether answers wait until their settlement is on the disk.
    fn before_answers(&self) -> bool;
}

/// What all threads share.
#[derive(Debug)]
pub struct Desk {
    /// The gate.
    pub gate: Gate,
    /// The configuration in force.
    pub plan: ArcSwap<Plan>,
    /// Where events go.
    pub telemetry: Arc<Telemetry>,
    /// The journal, as far as a call waits for it.
    pub durable: Box<dyn Durable>,
    /// The control panel, where one pays for some keys.
    pub panel: Option<Arc<dyn Panel>>,
    /// What is remembered from call to call for policies.
    pub vigil: Vigil,
    /// What bounds alerts.
    pub alarm: Alarm,
    /// How targets fare.
    pub healths: Healths,
}

/// One thread of the gateway.
#[derive(Debug)]
pub struct Worker {
    /// What all threads share.
    pub desk: Arc<Desk>,
    pool: Pool,
    ways: RefCell<Ways>,
    random: Cell<u64>,
    seed: RandomState,
    leaving: Cell<bool>,
    cutoffs: Rc<Cutoffs>,
}

/// Ways looked up under one plan, by model.
#[derive(Debug, Default)]
struct Ways {
    plan: Option<Arc<Plan>>,
    known: HashMap<Box<str>, Rc<Way>>,
}

/// Models kept looked up; a caller who invents names only makes us look again.
const MOST_WAYS: usize = 1024;

/// A destination with this thread's connections to it.
#[derive(Debug)]
pub(super) struct Target {
    /// Where and on what terms.
    pub(super) destination: Destination,
    pub(super) lane: Rc<Lane>,
    /// How it fares; all threads and ways see the same.
    pub(super) health: Arc<Health>,
    /// The hash of its name, the same in every process.
    pub(super) named: u64,
    series: RefCell<Vec<KnownSeries>>,
}

/// What a series is for: the operation and the project.
type KnownSeries = (&'static str, Option<Box<str>>, Arc<Series>);

/// Projects whose series a target keeps at hand.
const MOST_SERIES: usize = 64;

impl Target {
    /// Whether a call had better go to it, as far as is known.
    pub(super) fn lets(&self, now: Duration) -> bool {
        self.health.lets(&self.destination.upstream.breaker, now)
    }
}

impl Worker {
    /// A thread's things.
    #[must_use]
    pub fn new(desk: Arc<Desk>) -> Self {
        let seed = RandomState::new();
        let random = Cell::new(seed.hash_one(clock::now().wall));
        Self {
            desk,
            pool: Pool::default(),
            ways: RefCell::default(),
            random,
            seed,
            leaving: Cell::new(false),
            cutoffs: Rc::default(),
        }
    }

    /// An id nobody else has.
    pub fn passage_id(&self, now: Moment) -> PassageId {
        let count = self.random.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.random.set(count);
        let high = self.seed.hash_one(count);
        PassageId::new(
            now.wall,
            (u128::from(high) << 64) | u128::from(count.rotate_left(32)),
        )
    }

    /// A number nobody foresees.
    pub(super) fn chance(&self) -> u64 {
        let count = self.random.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.random.set(count);
        self.seed.hash_one(count)
    }

    /// A number between nothing and `most`, for spreading retries.
    pub(super) fn jitter(&self, most: Duration) -> Duration {
        let part = u32::try_from(self.chance() % 1024).unwrap_or(0);
        most.saturating_mul(part) / 1024
    }

    /// Who answers for `model` under `plan`; `None` if no route covers it.
    pub(super) fn way(&self, plan: &Arc<Plan>, model: &str) -> Option<Rc<Way>> {
        let mut ways = self.ways.borrow_mut();
        if ways
            .plan
            .as_ref()
            .is_none_or(|known| !Arc::ptr_eq(known, plan))
        {
            *ways = Ways {
                plan: Some(plan.clone()),
                known: HashMap::new(),
            };
        }
        if let Some(way) = ways.known.get(model) {
            return Some(way.clone());
        }
        self.keep(&mut ways, model, plan.destinations(model))
    }

    /// Who answers a call that a policy sends to this provider or model; `None` if nobody does.
    pub(super) fn detour(
        &self,
        plan: &Arc<Plan>,
        provider: Option<&str>,
        model: &str,
    ) -> Option<Rc<Way>> {
        // Ways of this plan are at hand: the call's own was looked up before.
        let mut ways = self.ways.borrow_mut();
        // No model's name holds a line break.
        let name = format!("{}\n{model}", provider.unwrap_or_default());
        if let Some(way) = ways.known.get(&*name) {
            return Some(way.clone());
        }
        self.keep(&mut ways, &name, plan.detour(provider, model))
    }

    fn keep(
        &self,
        ways: &mut Ways,
        name: &str,
        (strategy, there): (Strategy, Vec<Destination>),
    ) -> Option<Rc<Way>> {
        let targets = there.into_iter().map(|destination| {
            let lane = self.pool.lane(&destination.upstream.base);
            let provider = &destination.upstream.name;
            let named = stable::hash(format!("{provider}/{}", destination.configured).bytes());
            let health = self.desk.healths.of(provider, &destination.configured);
            Rc::new(Target {
                health,
                named,
                destination,
                lane,
                series: RefCell::default(),
            })
        });
        let way = Rc::new(Way::new(strategy, targets.collect())?);
        if ways.known.len() >= MOST_WAYS {
            ways.known.clear();
        }
        ways.known.insert(name.into(), way.clone());
        Some(way)
    }

    /// This thread's connections to a host that a policy names.
    pub(super) fn lane(&self, base: &Base) -> Rc<Lane> {
        self.pool.lane(base)
    }

    /// The series a call counts in.
    pub(super) fn series(
        &self,
        target: &Target,
        model: &str,
        operation: &'static str,
        key: &Key,
    ) -> Arc<Series> {
        let project = key.labels.single.get(&Label::Project).map(AsRef::as_ref);
        let mut known = target.series.borrow_mut();
        let same = |(op, of, _): &&KnownSeries| *op == operation && of.as_deref() == project;
        if let Some((.., series)) = known.iter().find(same) {
            return series.clone();
        }
        let series = self.desk.telemetry.series(
            &target.destination.upstream.name,
            model,
            operation,
            project,
        );
        if known.len() >= MOST_SERIES {
            known.clear();
        }
        known.push((operation, project.map(Into::into), series.clone()));
        series
    }

    /// Closes connections nobody used for long.
    pub fn sweep(&self, now: Duration) {
        self.pool.sweep(now);
    }

    /// The thread is about to end: calls whose caller went away are not waited for any more.
    pub fn leave(&self) {
        self.leaving.set(true);
    }

    /// Calls under way that can be cut.
    pub(super) const fn cutoffs(&self) -> &Rc<Cutoffs> {
        &self.cutoffs
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.leaving.get()
    }
}
