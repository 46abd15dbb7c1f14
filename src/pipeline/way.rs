//! Who may be asked for a model, and who is asked first.
//!
//! A model has one target, mostly. Where it has several, they stand for each other, also where they speak different dialects:
//! a target is passed over that a call of this kind has no words for, or this call not all of them.
//!
//! Not here: how chance, weights and times make a choice (`provider::choice`), leaving a target for the next one (`fallback`).

use super::refusal::{Other, Why};
use super::translation::{Unfit, reaches};
use super::worker::{Target, Worker};
use super::{Call, Refusal};
use crate::chat::{Dialect, Endpoint};
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
    /// As what it is called, and so in which dialect.
    endpoint: Endpoint,
    /// The caller's session, if it names one.
    session: Option<&'a str>,
    now: Duration,
}

impl<'a> Errand<'a> {
    pub(super) fn of(call: &'a Call) -> Self {
        Self {
            endpoint: call.endpoint,
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

    /// The target to ask, of those that can be called so and were not asked yet: one that fares well, or else any, because
    /// a caller with nobody else to ask loses nothing by asking.
    pub(super) fn choose(
        &self,
        errand: Errand<'_>,
        asked: Places,
        worker: &Worker,
    ) -> Option<Placed<'_>> {
        let able = self.able(errand.endpoint, asked);
        let well = able.filter(|(_, target)| target.lets(errand.now));
        let better = self.pick(well, errand, worker);
        better.or_else(|| self.pick(self.able(errand.endpoint, asked), errand, worker))
    }

    fn able(&self, endpoint: Endpoint, asked: Places) -> impl Iterator<Item = Placed<'_>> {
        let targets = self.targets.iter().enumerate();
        targets.filter(move |(place, target)| !asked.has(*place) && reaches(target, endpoint))
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

    /// Those that were not asked because they do not speak the dialect, nor can be spoken to.
    fn foreign(&self, endpoint: Endpoint) -> impl Iterator<Item = Other> {
        let foreign = self
            .targets
            .iter()
            .filter(move |target| !reaches(target, endpoint));
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

/// How far a call has gone along its way: whom it was put to, and who was passed over.
#[derive(Debug)]
pub(super) struct Course {
    way: Rc<Way>,
    gone: Places,
    unfit: Vec<Unfit>,
}

impl Course {
    /// The next target to ask; nobody where all were.
    pub(super) fn next(&mut self, errand: Errand<'_>, worker: &Worker) -> Option<Rc<Target>> {
        let (place, target) = self.way.choose(errand, self.gone, worker)?;
        let target = target.clone();
        self.gone.add(place);
        Some(target)
    }

    /// This target cannot be asked this.
    pub(super) fn pass_over(&mut self, unfit: Unfit) {
        self.unfit.push(unfit);
    }

    /// Whether one of those that were not asked yet fares well. `fits` says whether it can be asked this at all: one that
    /// cannot is passed over here and now.
    pub(super) fn has_better(
        &mut self,
        errand: Errand<'_>,
        fits: impl Fn(&Target) -> Result<(), Unfit>,
    ) -> bool {
        for (place, target) in self.way.able(errand.endpoint, self.gone) {
            if target.lets(errand.now) {
                match fits(target) {
                    Ok(()) => return true,
                    Err(unfit) => {
                        self.gone.add(place);
                        self.unfit.push(unfit);
                    }
                }
            }
        }
        false
    }

    /// Whether targets are chosen by how soon they answer.
    pub(super) fn goes_by_pace(&self) -> bool {
        self.way.goes_by_pace()
    }

    /// What a caller is told for whom nobody can be asked: why the first target could not.
    pub(super) fn refusal(self, last: Unfit) -> Refusal {
        self.unfit.into_iter().next().unwrap_or(last).into()
    }

    /// Those that could not be asked.
    pub(super) fn unasked(self, endpoint: Endpoint) -> impl Iterator<Item = Other> {
        let foreign: Vec<Other> = self.way.foreign(endpoint).collect();
        self.unfit.into_iter().map(Other::from).chain(foreign)
    }
}

/// Who is asked first, and the course to the others if there are any.
pub(super) fn chosen(
    worker: &Worker,
    way: Option<Rc<Way>>,
    call: &Call,
    model: &str,
) -> Result<(Rc<Target>, Option<Course>), Refusal> {
    let way = way.ok_or_else(|| Refusal::ModelNotFound {
        model: model.into(),
    })?;
    if let [only] = &*way.targets
        && reaches(only, call.endpoint)
    {
        return Ok((only.clone(), None));
    }
    let mut course = Course {
        way,
        gone: Places::default(),
        unfit: Vec::new(),
    };
    let Some(target) = course.next(Errand::of(call), worker) else {
        return Err(Refusal::OtherDialect {
            model: model.into(),
            provider: course.way.providers(),
            spoken: call.endpoint.dialect(),
            other: course.way.native(),
        });
    };
    Ok((target, Some(course)))
}
