//! Who may be asked for a model, and who is asked first.
//!
//! A model has one target, mostly. Where it has several, they stand for each other: a target that cannot be called in the
//! dialect of the call is passed over, because nothing is translated.
//!
//! Not here: how chance, weights and times make a choice (`provider::choice`), leaving a target for the next one (`fallback`).

use super::refusal::{Other, Why};
use super::worker::{Target, Worker};
use super::{Call, Refusal};
use crate::chat::Dialect;
use crate::clock;
use crate::provider::choice::{self, Strategy};
use crate::stable;
use smallvec::SmallVec;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// The targets of one model, in the order they are written in, and how one of them is chosen.
#[derive(Debug)]
pub(super) struct Way {
    strategy: Strategy,
    targets: Vec<Rc<Target>>,
}

/// What one of them is chosen for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Errand<'a> {
    /// The dialect the call is spoken in.
    spoken: Dialect,
    /// The caller's session, if it names one.
    session: Option<&'a str>,
    now: Duration,
}

impl<'a> Errand<'a> {
    pub(super) fn of(call: &'a Call) -> Self {
        Self {
            spoken: call.endpoint.dialect(),
            session: call.labels.session.as_deref(),
            now: clock::since_start(),
        }
    }
}

/// One of the targets, with its place.
type Placed<'a> = (usize, &'a Rc<Target>);

/// Targets, by their places in a way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Places(u32);

impl Places {
    pub(super) const fn has(self, place: usize) -> bool {
        self.0 & Self::bit(place) != 0
    }

    pub(super) const fn add(&mut self, place: usize) {
        self.0 |= Self::bit(place);
    }

    const fn bit(place: usize) -> u32 {
        // A route has far fewer targets than a number has bits.
        1 << (place & 31)
    }
}

impl Way {
    /// A way to these targets; `None` without any.
    pub(super) fn new(strategy: Strategy, targets: Vec<Rc<Target>>) -> Option<Self> {
        (!targets.is_empty()).then_some(Self { strategy, targets })
    }

    /// The target to ask, of those that speak the dialect and were not asked yet: one that fares well, or else any, because
    /// a caller with nobody else to ask loses nothing by asking.
    pub(super) fn choose(
        &self,
        errand: Errand<'_>,
        asked: Places,
        worker: &Worker,
    ) -> Option<Placed<'_>> {
        let able = self.able(errand.spoken, asked);
        let well = able.filter(|(_, target)| target.lets(errand.now));
        let better = self.pick(well, errand, worker);
        better.or_else(|| self.pick(self.able(errand.spoken, asked), errand, worker))
    }

    /// Whether one of those that were not asked yet fares well.
    pub(super) fn has_better(&self, errand: Errand<'_>, asked: Places) -> bool {
        self.able(errand.spoken, asked)
            .any(|(_, target)| target.lets(errand.now))
    }

    fn able(&self, spoken: Dialect, asked: Places) -> impl Iterator<Item = Placed<'_>> {
        let targets = self.targets.iter().enumerate();
        targets.filter(move |(place, target)| !asked.has(*place) && speaks(target, spoken))
    }

    /// One of these, by the strategy.
    fn pick<'a>(
        &self,
        mut among: impl Iterator<Item = Placed<'a>>,
        errand: Errand<'_>,
        worker: &Worker,
    ) -> Option<Placed<'a>> {
        if self.strategy == Strategy::Failover {
            return among.next();
        }
        let among: SmallVec<[Placed<'a>; 16]> = among.collect();
        let weight = |(_, target): &Placed<'a>| target.destination.weight;
        let place = match (self.strategy, errand.session) {
            (Strategy::Weighted, Some(session)) => {
                let named = |one: &Placed<'a>| (one.1.named, weight(one));
                let named: SmallVec<[_; 16]> = among.iter().map(named).collect();
                choice::by_session(&named, stable::hash(session.bytes()))
            }
            (Strategy::Weighted, None) => {
                let weights: SmallVec<[_; 16]> = among.iter().map(weight).collect();
                choice::by_weight(&weights, worker.chance())
            }
            (Strategy::LeastLatency | Strategy::Failover, _) => {
                let (one, other) = choice::two_of(among.len(), worker.chance())?;
                let score = |place: usize| {
                    let (_, target) = among.get(place)?;
                    Some(target.health.pace().score(errand.now))
                };
                Some(if score(other) < score(one) {
                    other
                } else {
                    one
                })
            }
        };
        among.get(place?).copied()
    }

    /// Whether targets are chosen by how soon they answer.
    pub(super) fn goes_by_pace(&self) -> bool {
        self.strategy == Strategy::LeastLatency
    }

    /// The place of a target.
    pub(super) fn place(&self, target: &Rc<Target>) -> Option<usize> {
        self.targets.iter().position(|one| Rc::ptr_eq(one, target))
    }

    /// Those that were not asked because they do not speak the dialect.
    pub(super) fn foreign(&self, spoken: Dialect) -> impl Iterator<Item = Other> {
        let foreign = self
            .targets
            .iter()
            .filter(move |target| !speaks(target, spoken));
        foreign.map(|target| Other {
            provider: target.destination.upstream.name.clone(),
            why: Why::OtherDialect,
        })
    }

    /// The dialect the first of them is at home in.
    fn native(&self) -> Dialect {
        let first = self.targets.first();
        first.map_or(Dialect::OpenAi, |target| {
            target.destination.upstream.kind.native()
        })
    }

    /// Whose they are, in words.
    fn providers(&self) -> Arc<str> {
        let mut names: Vec<&str> = Vec::with_capacity(self.targets.len());
        for target in &self.targets {
            let name = &*target.destination.upstream.name;
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.join("`, `").into()
    }
}

fn speaks(target: &Target, spoken: Dialect) -> bool {
    target.destination.upstream.kind.speaks(spoken)
}

/// Who is asked first, and the way to the others if there are any.
pub(super) fn chosen(
    worker: &Worker,
    way: Option<Rc<Way>>,
    call: &Call,
    model: &str,
) -> Result<(Rc<Target>, Option<Rc<Way>>), Refusal> {
    let way = way.ok_or_else(|| Refusal::ModelNotFound {
        model: model.into(),
    })?;
    let spoken = call.endpoint.dialect();
    if let [only] = &*way.targets
        && speaks(only, spoken)
    {
        return Ok((only.clone(), None));
    }
    let Some((_, target)) = way.choose(Errand::of(call), Places::default(), worker) else {
        return Err(Refusal::OtherDialect {
            model: model.into(),
            provider: way.providers(),
            spoken,
            other: way.native(),
        });
    };
    let target = target.clone();
    Ok((target, Some(way)))
}
