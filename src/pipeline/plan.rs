//! The plan: one configuration as calls are served by it, immutable and swapped whole.
//!
//! A call takes the plan it began with to its end, so an edit never changes a call half-way. What moves (ledgers, cells,
//! connections) stands beside it.

use super::screen::Guards;
use crate::chat::tokenizer::Encoding;
use crate::governance::audit::{Revisions, Who};
use crate::governance::gate::Charter;
use crate::governance::identity::{Key, KeyIndex};
use crate::governance::pricing::{PriceBook, Rate};
use crate::provider::choice::Strategy;
use crate::provider::settings::{Retries, Route, RouteTarget, Timeouts, encoding_of};
use crate::provider::upstream::Upstream;
use crate::units::Tokens;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Everything a call is served by.
#[derive(Debug)]
pub struct Plan {
    /// Who may do what.
    pub charter: Charter,
    /// What it costs.
    pub prices: PriceBook,
    /// Whom we call.
    pub upstreams: Vec<Arc<Upstream>>,
    /// Which models go where; the first that covers a model wins.
    pub routes: Vec<Route>,
    /// How long each part of a call may take.
    pub timeouts: Timeouts,
    /// How often a call is tried.
    pub retries: Retries,
    /// What is in force, as records name it.
    pub revisions: Arc<Revisions>,
    /// The keys' owners, as records name them.
    pub owners: Vec<Arc<Who>>,
    /// Somebody without a key.
    pub stranger: Arc<Who>,
    /// Policies, and what they need to look at texts; none where there are no policies.
    pub guards: Option<Arc<Guards>>,
}

/// Where calls for one model go, and on what terms.
#[derive(Debug, Clone)]
pub struct Destination {
    /// Whom to call.
    pub upstream: Arc<Upstream>,
    /// The model's name there, when it differs.
    pub model: Option<Box<str>>,
    /// What it costs there.
    pub rate: Option<Arc<Rate>>,
    /// The most output a call may ask for.
    pub policy_cap: Option<Tokens>,
    /// How its tokens are counted.
    pub encoding: Option<Encoding>,
    /// The model as it is configured: how it fares is kept by this name, so that callers cannot make up more of them.
    pub configured: Box<str>,
    /// How many calls go there in proportion to the others', where it is chosen by that.
    pub weight: u32,
}

impl Plan {
    /// Where calls for `model` may go, in the order they are written in, and how one is chosen; nowhere if no route covers it.
    #[must_use]
    pub fn destinations(&self, model: &str) -> (Strategy, Vec<Destination>) {
        let Some(route) = self.route(model) else {
            return Default::default();
        };
        let each = route.targets.iter();
        let each = each.filter_map(|target| self.destination(route, target, model));
        (route.strategy, each.collect())
    }

    /// Whether calls for `model` go anywhere.
    #[must_use]
    pub fn covers(&self, model: &str) -> bool {
        self.route(model).is_some()
    }

    fn route(&self, model: &str) -> Option<&Route> {
        let mut routes = self.routes.iter();
        routes.find(|route| route.pattern.matches(model))
    }

    fn destination(&self, route: &Route, target: &RouteTarget, model: &str) -> Option<Destination> {
        let upstream = self.upstreams.get(target.provider)?.clone();
        let there = target.model.as_deref().unwrap_or(model);
        let rate = self.prices.rate(&upstream.name, there).cloned();
        let encoding = target
            .tokenizer
            .or_else(|| encoding_of(upstream.kind, there));
        Some(Destination {
            model: target.model.clone(),
            rate,
            policy_cap: route.max_output,
            encoding,
            configured: (target.model.as_deref())
                .unwrap_or(route.pattern.as_str())
                .into(),
            weight: target.weight,
            upstream,
        })
    }

    /// Where calls may go that a policy sends to another model or provider; nowhere if there is no such way.
    #[must_use]
    pub fn detour(&self, provider: Option<&str>, model: &str) -> (Strategy, Vec<Destination>) {
        let Some(provider) = provider else {
            let (strategy, mut there) = self.destinations(model);
            for destination in &mut there {
                destination.model.get_or_insert_with(|| model.into());
            }
            return (strategy, there);
        };
        let mut upstreams = self.upstreams.iter();
        let named = upstreams.find(|upstream| *upstream.name == *provider);
        let there = named.map(|upstream| Destination {
            model: Some(model.into()),
            rate: self.prices.rate(&upstream.name, model).cloned(),
            policy_cap: None,
            encoding: encoding_of(upstream.kind, model),
            configured: Box::default(),
            weight: 1,
            upstream: upstream.clone(),
        });
        (Strategy::default(), there.into_iter().collect())
    }

    /// The owner of a key, as records name it.
    #[must_use]
    pub fn owner(&self, key: KeyIndex) -> &Arc<Who> {
        usize::try_from(key.0)
            .ok()
            .and_then(|place| self.owners.get(place))
            .unwrap_or(&self.stranger)
    }

    /// The models this key may name: the routes' own names, and the priced models that routes with a `*` cover.
    #[must_use]
    pub fn models(&self, key: &Key) -> BTreeSet<&str> {
        let exact = self
            .routes
            .iter()
            .map(|route| &route.pattern)
            .filter(|pattern| pattern.is_exact());
        let named = exact.map(crate::pattern::Pattern::as_str);
        let covered = self
            .prices
            .models()
            .into_iter()
            .filter(|model| self.covers(model));
        named
            .chain(covered)
            .filter(|model| key.may_use(model))
            .collect()
    }
}

#[cfg(test)]
impl Plan {
    /// A plan that serves nobody, for tests of what stands beside one.
    pub(super) fn bare() -> Self {
        use crate::governance::budget::{Books, State};
        use crate::governance::gate::{Gate, Rules};
        let gate = Gate::new(Arc::new(Books::restore(State::default(), false)));
        let second = std::time::Duration::from_secs(1);
        Self {
            charter: gate.charter(Rules::default()),
            prices: crate::governance::pricing::PriceBook::default(),
            upstreams: Vec::new(),
            routes: Vec::new(),
            timeouts: crate::provider::settings::Timeouts {
                connect: second,
                first_byte: second,
                idle: second,
                total: second,
            },
            retries: crate::provider::settings::Retries {
                attempts: 1,
                backoff_min: second,
                backoff_max: second,
            },
            revisions: Arc::default(),
            owners: Vec::new(),
            stranger: Arc::new(crate::governance::audit::Who::unknown()),
            guards: None,
        }
    }
}
