//! A desk without a door: a configuration and its policies as calls would be served by them, beside a running gateway.
//!
//! The ledgers stand as the journal has them; nothing is written and nobody is called.

use super::Subject;
use crate::app::bundles::Ordered;
use crate::app::policies::{InForce, Police};
use crate::app::quote::NoJournal;
use crate::app::{StartError, live};
use crate::clock;
use crate::config::{self, Config, Sources};
use crate::governance::budget::Books;
use crate::governance::gate::Gate;
use crate::governance::identity::Key;
use crate::pipeline::{Alarm, Desk, Plan, Vigil, Worker};
use crate::provider::health::Healths;
use crate::telemetry::Telemetry;
use crate::telemetry::metrics::ModelNames;
use arc_swap::ArcSwap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

/// A worker and the plan it serves by.
#[derive(Debug)]
pub(super) struct Passing {
    pub(super) worker: Rc<Worker>,
    pub(super) plan: Arc<Plan>,
}

/// Where there is no configuration: every model is known, and nobody is called.
const ANY: &str =
    "providers: { sim: { kind: simulator } }\nmodels: [{ name: \"*\", provider: sim }]\n";

/// The configuration of a subject with its policies in it.
pub(super) fn configuration(subject: &Subject) -> Result<Config, config::Faults> {
    let mut config = match &subject.config {
        Some(config) => config.clone(),
        None => config::load(&Sources {
            text: Some((PathBuf::from("(workshop)"), ANY.to_owned())),
            ..Sources::default()
        })?,
    };
    config.policies.clone_from(&subject.paths);
    Ok(config)
}

/// The panel's policies beside those of a subject: only where the subject is what a gateway runs.
pub(super) fn ordered(subject: &Subject) -> Ordered {
    let config = subject.config.as_ref();
    let config = config.filter(|config| config.policies == subject.paths);
    config.map(Ordered::beside).unwrap_or_default()
}

/// Sets the desk up for these keys alone.
///
/// # Errors
/// The policies are at fault.
pub(super) fn passing(
    mut config: Config,
    ordered: &Ordered,
    keys: Vec<Key>,
) -> anyhow::Result<Passing> {
    config.keys = keys;
    let state = live::books_on_disk(&config).unwrap_or_default();
    let gate = Gate::new(Arc::new(Books::restore(state, false)));
    let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let in_force: InForce = Police::passing()?
        .load(&config, ordered, clock::now().wall)
        .map_err(StartError::from)?;
    let plan = Arc::new(live::plan(&config, &gate, Some(nowhere), &in_force, None)?);
    let telemetry = Telemetry::new(clock::now().wall, ModelNames::new([]), None)?;
    let desk = Desk {
        gate,
        vigil: Vigil::default(),
        alarm: Alarm::default(),
        healths: Healths::default(),
        plan: ArcSwap::new(plan.clone()),
        telemetry: Arc::new(telemetry),
        durable: Box::new(NoJournal),
        panel: None,
    };
    Ok(Passing {
        worker: Rc::new(Worker::new(Arc::new(desk))),
        plan,
    })
}
