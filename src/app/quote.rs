//! A quote without a running gateway: the configuration and the ledgers as they stand on the disk.

use super::bundles::Ordered;
use super::{live, policies};
use crate::chat::Endpoint;
use crate::clock;
use crate::config;
use crate::gateway::quoted;
use crate::governance::budget::{Books, State};
use crate::governance::gate::Gate;
use crate::governance::identity::{Key, KeyIndex};
use crate::pipeline::{Alarm, Call, Desk, Durable, Plan, RequestLabels, Vigil, Worker};
use crate::provider::health::Healths;
use crate::telemetry::Telemetry;
use crate::telemetry::metrics::ModelNames;
use anyhow::{Context as _, bail};
use arc_swap::ArcSwap;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

/// Nothing is written, so nothing is waited for.
#[derive(Debug)]
pub(super) struct NoJournal;

impl Durable for NoJournal {
    fn reach(&self, _: u64) -> Pin<Box<dyn Future<Output = bool> + '_>> {
        Box::pin(std::future::ready(true))
    }

    fn before_answers(&self) -> bool {
        false
    }
}

/// What a request would cost and whether it would pass, as JSON. `key` is a key's name; without one there must be only one.
///
/// # Errors
/// The configuration is at fault, there is no such key, or the request is malformed.
pub fn quote(
    sources: &config::Sources,
    key: Option<&str>,
    endpoint: &str,
    body: Vec<u8>,
) -> anyhow::Result<serde_json::Value> {
    let config = config::load(sources)?;
    let endpoint = Endpoint::named(endpoint).with_context(|| no_endpoint(endpoint))?;
    let state: State = live::books_on_disk(&config).unwrap_or_default();
    let gate = Gate::new(Arc::new(Books::restore(state, false)));
    let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    // Nothing is written beside a running gateway: names of values are made with a secret of the moment.
    let ordered = Ordered::beside(&config);
    let in_force = policies::Police::passing()?.load(&config, &ordered, clock::now().wall)?;
    let plan = Arc::new(live::plan(&config, &gate, Some(nowhere), &in_force, None)?);
    let (index, _) = the_key(&plan, key)?;
    let telemetry = Arc::new(Telemetry::new(
        clock::now().wall,
        ModelNames::new([]),
        None,
    )?);
    let desk = Arc::new(Desk {
        vigil: Vigil::default(),
        alarm: Alarm::default(),
        healths: Healths::default(),
        gate,
        plan: ArcSwap::new(plan.clone()),
        telemetry,
        durable: Box::new(NoJournal),
        panel: None,
    });
    let worker = Rc::new(Worker::new(desk));
    let began = clock::now();
    let call = Call {
        peer: None,
        id: worker.passage_id(began),
        began,
        arrived: began.since_start,
        endpoint,
        addressed: None,
        headers: http::HeaderMap::new(),
        query: None,
        body: body.into(),
        compressed: None,
        key: index,
        labels: RequestLabels::default(),
        cost_comment: false,
        deadlines: crate::pipeline::Deadlines::default(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let quote = runtime.block_on(worker.quote(&plan, &call));
    let quote = quote.map_err(|refusal| anyhow::anyhow!("{}", gateway_words(refusal)))?;
    Ok(quoted(&quote, began))
}

/// The key of this name; without one the only key there is.
///
/// # Errors
/// There is no such key, or there are several.
pub(super) fn the_key<'p>(
    plan: &'p Plan,
    name: Option<&str>,
) -> anyhow::Result<(KeyIndex, &'p Key)> {
    let keys = plan.charter.keys();
    let mut found = keys
        .iter()
        .filter(|(_, known)| name.is_none_or(|name| *known.name == *name));
    let the_one = found.next().with_context(|| match name {
        Some(name) => format!("there is no key `{name}` in the configuration"),
        None => "the configuration has no keys".to_owned(),
    })?;
    if name.is_none() && found.next().is_some() {
        bail!("the configuration has several keys: name the one that would call with --key");
    }
    Ok(the_one)
}

/// What is said to whoever names an endpoint that is none.
pub(super) fn no_endpoint(name: &str) -> String {
    let names = Endpoint::ALL.map(Endpoint::name).join(", ");
    format!("`{name}` is no endpoint: {names}")
}

fn gateway_words(refusal: crate::pipeline::Refusal) -> String {
    crate::gateway::Refused::from(refusal).message.into_owned()
}
